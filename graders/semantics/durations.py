"""Durations as Go and Prometheus write them: `720h`, `1h30m`, `30s`, `1d`. All amounts are whole nanoseconds, as both keep them.

Go's grammar is that of time.ParseDuration, which `metav1.Duration` uses (https://pkg.go.dev/time#ParseDuration). Prometheus' is
https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations (prometheus/common model.ParseDuration):
whole numbers, each unit once, the larger before the smaller, with days, weeks and years.
"""

from __future__ import annotations

import re
from fractions import Fraction

MICROSECOND = 1_000
MILLISECOND = 1_000 * MICROSECOND
SECOND = 1_000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR  # everywhere: neither knows of time zones

_GO_UNITS = {"ns": 1, "us": MICROSECOND, "µs": MICROSECOND, "μs": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "m": MINUTE, "h": HOUR}
_GO_PART = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
_GO = re.compile(rf"([+-]?)(0|(?:{_GO_PART})+)")
_PROMETHEUS_UNITS = {"y": 365 * DAY, "w": 7 * DAY, "d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": MILLISECOND}
_PROMETHEUS = re.compile("".join(rf"(?:([0-9]+){unit})?" for unit in _PROMETHEUS_UNITS))
_LONGEST = 2**63 - 1  # nanoseconds: both are signed 64-bit numbers, about 292 years
_MAX_LENGTH = 1_000  # beyond any use; leading zeros may be many


def go_duration(text: str) -> int | None:
    """A Go duration in nanoseconds, which may be negative; None when it is none, or too long for one.

    Units are needed except after a lone `0`. What is finer than a nanosecond is cut off in each part.
    """
    match = _GO.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        return None
    amount = sum(int(Fraction(number) * _GO_UNITS[unit]) for number, unit in re.findall(_GO_PART, match[2]))
    negative = match[1] == "-"
    if amount > _LONGEST + negative:
        return None
    return -amount if negative else amount


def prometheus_duration(text: str) -> int | None:
    """A Prometheus duration in nanoseconds; None when it is none, or too long for one. `0` needs no unit."""
    match = _PROMETHEUS.fullmatch(text) if 0 < len(text) <= _MAX_LENGTH else None
    if match is None:
        return 0 if text == "0" else None
    amount = sum(int(number or 0) * size for number, size in zip(match.groups(), _PROMETHEUS_UNITS.values(), strict=True))
    return amount if amount <= _LONGEST else None
