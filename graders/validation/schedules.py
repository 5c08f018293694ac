"""Schedules of CronJobs as the API server reads them: the standard five fields or a descriptor (github.com/robfig/cron/v3 ParseStandard).

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax. Each function gives what is allowed, in words, when
its argument is not, and None when it is.
"""

from __future__ import annotations

import re

from graders.semantics.cron import DESCRIPTORS, EVERY, FIELDS
from graders.semantics.durations import go_duration

_ZONE_PART = re.compile(r"[A-Za-z._0-9+][A-Za-z.\-_0-9+]{0,13}")


def schedule(text: str) -> str | None:
    """A schedule such as `*/5 * * * *` or `@daily`."""
    if "TZ" in text:
        return "a schedule without a time zone in it; that goes into `timeZone`"
    if text.startswith(EVERY):
        return None if go_duration(text.removeprefix(EVERY)) is not None else "`@every` and a duration such as `1h30m`"
    if text.startswith("@"):
        return None if text in DESCRIPTORS else "a known descriptor, such as `@daily`"
    parts = text.split()
    if len(parts) != len(FIELDS):
        return "five fields: minute, hour, day of the month, month and day of the week"
    for part, field in zip(parts, FIELDS, strict=True):
        if field.parse(part) is None:
            return f"a schedule whose {field.name} is from {field.low} to {field.high}"
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
