"""The text formats in which metrics are served to Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LABEL = r'[a-zA-Z_]\w*[ \t]*=[ \t]*"(?:[^"\\\n]|\\.)*"'
_LABELS = rf"\{{[ \t]*(?:{_LABEL}[ \t]*(?:,[ \t]*{_LABEL}[ \t]*)*(?:,[ \t]*)?)?\}}"
_SAMPLE = re.compile(
    rf"[a-zA-Z_:][\w:]*(?:[ \t]*{_LABELS}[ \t]*|[ \t]+)(?P<value>\S+)"
    r"(?:[ \t]+-?[0-9.]+)?(?:[ \t]+\#.*)?[ \t]*",  # a time stamp, and in OpenMetrics an exemplar, may follow
    re.ASCII,
)
_LONGEST_LINE = 10_000


class Exposition(NamedTuple):
    """What a page of metrics holds: how many samples, and the first line that is none (counted from 1), if there is one."""

    samples: int
    broken: int | None


def read_exposition(text: str) -> Exposition:
    """Count the samples of a page up to the first line that is neither a sample, nor a comment, nor blank."""
    samples = 0
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _SAMPLE.fullmatch(line) if len(line) <= _LONGEST_LINE else None
        if match is None or not _is_number(match["value"]):
            return Exposition(samples, number)
        samples += 1
    return Exposition(samples, None)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
