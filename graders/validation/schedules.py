"""Schedules of CronJobs as the API server reads them: the standard five fields or a descriptor (github.com/robfig/cron/v3 ParseStandard).

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax. Each function gives what is allowed, in words, when
its argument is not, and None when it is.
"""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {month: number for number, month in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 6, {day: number for number, day in enumerate(_DAYS)}),
)
_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_DURATION = re.compile(r"[+-]?(?:0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_ZONE_PART = re.compile(r"[A-Za-z._0-9+][A-Za-z.\-_0-9+]{0,13}")


def schedule(text: str) -> str | None:
    """A schedule such as `*/5 * * * *` or `@daily`."""
    if "TZ" in text:
        return "a schedule without a time zone in it; that goes into `timeZone`"
    if text.startswith("@every "):
        return None if _DURATION.fullmatch(text.removeprefix("@every ")) else "`@every` and a duration such as `1h30m`"
    if text.startswith("@"):
        return None if text in _DESCRIPTORS else "a known descriptor, such as `@daily`"
    parts = text.split()
    if len(parts) != len(_FIELDS):
        return "five fields: minute, hour, day of the month, month and day of the week"
    for part, (what, low, high, words) in zip(parts, _FIELDS, strict=True):
        if not all(_range(item, low, high, words) for item in part.split(",") if item):
            return f"a schedule whose {what} is from {low} to {high}"
    return None


def time_zone(text: str) -> str | None:
    """The name of a time zone, such as `Europe/Berlin`."""
    words = "the name of a time zone, such as `Europe/Berlin` or `Etc/UTC`"
    parts = text.split("/")
    if text.lower() == "local" or not all(_ZONE_PART.fullmatch(part) and part not in (".", "..") for part in parts):
        return words
    return words if text != "UTC" and _is_unknown(text) else None


def _is_unknown(zone: str) -> bool:
    """Whether the time zones of this machine, if it has any, do not hold that one."""
    from zoneinfo import ZoneInfo

    for name, expected in ((zone, True), ("Europe/Berlin", False)):
        try:
            ZoneInfo(name)
        except (LookupError, OSError, ValueError):
            if not expected:
                return False
        else:
            if expected:
                return False
    return True


def _range(text: str, low: int, high: int, words: dict[str, int]) -> bool:
    """Whether `*`, `5`, `1-5`, `mon-fri` or one of these with a step is a range of a field."""
    span, slash, step = text.partition("/")
    first, dash, last = span.partition("-")
    start = low if first in ("*", "?") else _number(first, words)
    if first in ("*", "?"):
        end: int | None = high
    elif dash:
        end = _number(last, words)
    else:
        end = high if slash else start
    if start is None or end is None or not low <= start <= end <= high:
        return False
    return not slash or (_number(step, {}) or 0) > 0


def _number(text: str, words: dict[str, int]) -> int | None:
    named = words.get(text.lower())
    if named is not None:
        return named
    number = int(text) if _NUMBER.fullmatch(text) else -1
    return number if number >= 0 else None
