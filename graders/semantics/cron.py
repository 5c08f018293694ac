"""When a cron schedule fires. Two schedules are equal when they fire at the same times, however they are typed.

The grammar and the rule of the two day fields are those of github.com/robfig/cron/v3 (ParseStandard; parser.go, spec.go), which
Kubernetes and Velero use: five fields or a descriptor, after an optional `CRON_TZ=` or `TZ=`. See
https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graders.semantics.durations import SECOND, go_duration

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_ZONE = re.compile(r"(?:CRON_)?TZ=([^ ]*) (.*)", re.DOTALL)
_LEAP_YEAR = 2024
# Zones whose clocks show UTC all year, most of them also below `Etc/`; Go takes an empty name for UTC too.
_UTC = {"", "UTC", "UCT", "GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich", "Universal", "Zulu"}

DESCRIPTORS: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
EVERY = "@every "


class Values(NamedTuple):
    """What one field asks for. `any` tells that it holds a `*`, which decides how the two day fields go together."""

    values: frozenset[int]
    any: bool


class CronField(NamedTuple):
    """One of the five fields: what it is, its range, and its words."""

    name: str
    low: int
    high: int
    words: Mapping[str, int]

    def parse(self, text: str) -> Values | None:
        """What `text` asks for, a list of ranges such as `1,8-18/2,mon`; None when it is nothing that the field takes."""
        ranges = [self._range(item) for item in text.split(",") if item]
        found = [item for item in ranges if item is not None]
        if len(found) < len(ranges):
            return None
        return Values(frozenset().union(*(item.values for item in found)), any(item.any for item in found))

    def _range(self, text: str) -> Values | None:
        """`*`, `5`, `1-5`, `mon-fri` or one of these with a step."""
        span, slash, step_text = text.partition("/")
        first, dash, last = span.partition("-")
        star = first in ("*", "?")
        start = self.low if star else self._number(first)
        if star or (slash and not dash):  # `5/10` goes on to the end
            end: int | None = self.high
        else:
            end = self._number(last) if dash else start
        step = _whole(step_text) if slash else 1
        if start is None or end is None or not step or not self.low <= start <= end <= self.high:
            return None
        return Values(frozenset(range(start, end + 1, step)), star and step == 1)

    def _number(self, text: str) -> int | None:
        named = self.words.get(text.lower())
        return _whole(text) if named is None else named


FIELDS = (
    CronField("minute", 0, 59, {}),
    CronField("hour", 0, 23, {}),
    CronField("day of the month", 1, 31, {}),
    CronField("month", 1, 12, {word: number for number, word in enumerate(_MONTHS, 1)}),
    CronField("day of the week", 0, 6, {word: number for number, word in enumerate(_DAYS)}),
)


@dataclass(frozen=True, slots=True)
class Times:
    """The times at which a schedule fires, in one form for all that fire alike.

    `minutes` are minutes of the day, from 0 to 1439; `dates` triples of month, day of the month and day of the week (0 is Sunday). `zone`
    is the time zone that it names, None when it names none and the controller's own counts.
    """

    minutes: frozenset[int]
    dates: frozenset[tuple[int, int, int]]
    zone: str | None = None

    @property
    def daily(self) -> bool:
        """Whether it fires on every day of the year."""
        return self.dates == _ALL_DATES

    @property
    def never(self) -> bool:
        """Whether there is no such time, as with the 30th of February."""
        return not self.minutes or not self.dates


@dataclass(frozen=True, slots=True)
class Interval:
    """`@every`: so many nanoseconds after the last time, whatever the clock says."""

    nanoseconds: int


_ALL_DATES = frozenset(
    (month, day, weekday) for month in range(1, 13) for day in range(1, monthrange(_LEAP_YEAR, month)[1] + 1) for weekday in range(7)
)


def parse_cron(text: str) -> Times | Interval | None:
    """When a schedule fires, such as `0 2 * * *`, `CRON_TZ=Europe/Berlin @daily` or `@every 24h`; None when it is none.

    Whether the time zone exists is not asked.
    """
    zone = None
    if text.startswith(("TZ=", "CRON_TZ=")):
        match = _ZONE.fullmatch(text)
        if match is None:
            return None
        zone, text = _zone(match[1]), match[2].strip()
    if text.startswith(EVERY):
        return _interval(text.removeprefix(EVERY))
    parts = DESCRIPTORS.get(text, "" if text.startswith("@") else text).split()
    if len(parts) != len(FIELDS):
        return None
    parsed = [field.parse(part) for field, part in zip(FIELDS, parts, strict=True)]
    fields = [values for values in parsed if values is not None]
    return _times(fields, zone) if len(fields) == len(parsed) else None


def _zone(name: str) -> str | None:
    """One name for all that mean UTC; none for `Local`, which is the controller's own zone."""
    if name.removeprefix("Etc/") in _UTC:
        return "UTC"
    return None if name == "Local" else name


def _interval(text: str) -> Interval | None:
    """At least a second, and whole ones (cron.Every)."""
    length = go_duration(text)
    return None if length is None else Interval(max(length, SECOND) // SECOND * SECOND)


def _times(fields: list[Values], zone: str | None) -> Times:
    minute, hour, day, month, weekday = fields
    both = day.any or weekday.any  # else a day that either field names counts
    dates = frozenset(
        date
        for date in _ALL_DATES
        if date[0] in month.values and (all if both else any)((date[1] in day.values, date[2] in weekday.values))
    )
    minutes = frozenset(60 * hours + minutes for hours in hour.values for minutes in minute.values)
    if not minutes or not dates:
        return Times(frozenset(), frozenset(), zone)
    return Times(minutes, dates, zone)


def _whole(text: str) -> int | None:
    """A whole number as strconv.Atoi reads it; None when it is none, or negative."""
    number = int(text) if _NUMBER.fullmatch(text) else -1
    return number if number >= 0 else None
