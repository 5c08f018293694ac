"""Rules of the Prometheus adapter: which metric each one serves to the HorizontalPodAutoscaler.

From https://github.com/kubernetes-sigs/prometheus-adapter/blob/master/docs/config.md. The text is read line by line, as YAML in block
style, for only a few fields of each rule count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from graders.semantics.promql import NotUnderstood, fits_pattern, parse, selectors

_SECTION = re.compile(r"(?P<name>[A-Za-z]+)\s*:\s*(?P<rest>\S.*)?")
_ITEM = re.compile(r"(?P<indent> *)-(?:\s|$)")
_GROUP = re.compile(r"\$(?:\{(\w+)\}|(\d+))")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_COUNTERS = ("_total", "_count")


class AdapterRule(NamedTuple):
    """One rule for metrics of objects, as it is written: None for what it does not have. `text` is all of it."""

    series_query: str | None
    matches: str | None
    rename: str | None
    metrics_query: str | None
    text: str

    @property
    def series(self) -> str | None:
        """The name of the series that it starts from; None when it is not given exactly."""
        if self.series_query is None:
            return None
        try:
            return next((each.metric for each in selectors(parse(self.series_query))), None)
        except NotUnderstood:
            return None

    @property
    def metric(self) -> str | None:
        """The name under which it serves the metric; None when that is not clear."""
        series = self.series
        if self.matches is None and self.rename is None:
            return series
        if self.rename and "$" not in self.rename and not self.matches:
            return self.rename
        found = None if series is None else _search(self.matches or ".*", series)
        if found is None:
            return None
        rename = self.rename or ("$1" if found.re.groups else "$0")
        try:
            return _GROUP.sub(lambda group: found[int(group[1] or group[2])] or "", rename)
        except (IndexError, ValueError):
            return None

    @property
    def of_pods(self) -> bool:
        """Whether its series belong to Pods: by a template for all resources, or by an override that names them."""
        return re.search(r"\bresource:\s*[\"']?pods?\b", self.text) is not None or re.search(r"\btemplate:", self.text) is not None

    @property
    def counts_up(self) -> bool:
        """Whether it serves a counter as it is, which only ever grows, and no rate of it."""
        query = self.metrics_query or ""
        return (self.series or "").endswith(_COUNTERS) and re.search(r"\b(?:rate|irate|increase|deriv|idelta|delta)\s*\(", query) is None


def adapter_rules(text: str) -> tuple[AdapterRule, ...] | None:
    """The items of `rules` in the adapter's configuration; None for text that is no such configuration."""
    if "seriesQuery" not in text:
        return None
    return tuple(_rule(item) for item in _items(_section(text, "rules")))


def _section(text: str, name: str) -> list[str]:
    """The lines below a key at the outermost level, without comments."""
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        bare = _COMMENT.sub("", line).rstrip()
        if not bare:
            continue
        head = _SECTION.match(bare) if not bare.startswith((" ", "-")) else None
        if head is not None:
            inside = head["name"] == name
        elif inside:
            found.append(bare)
    return found


def _items(lines: list[str]) -> Iterator[str]:
    indent = None
    item: list[str] = []
    for line in lines:
        start = _ITEM.match(line)
        if start is not None and (indent is None or len(start["indent"]) == indent):
            indent = len(start["indent"])
            if item:
                yield "\n".join(item)
            item = [" " * (indent + 1) + line[indent + 1 :]]
        else:
            item.append(line)
    if item:
        yield "\n".join(item)


def _rule(text: str) -> AdapterRule:
    series_query, matches, rename, metrics_query = (_scalar(text, key) for key in ("seriesQuery", "matches", "as", "metricsQuery"))
    return AdapterRule(series_query, matches, rename, metrics_query, text)


def _search(pattern: str, series: str) -> re.Match[str] | None:
    """Where a pattern is found; None also for one that is not plain enough to be tried."""
    if fits_pattern(f".*({pattern.removeprefix('^').removesuffix('$')}).*", series) is not True:
        return None
    return re.search(pattern, series)


def _scalar(text: str, key: str) -> str | None:
    """The value of the first such key: on a line of its own, with all that is indented below it, or in a map in braces."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        match = re.fullmatch(rf"([\s-]*){key}:\s+(.*)", line)
        if match is not None:
            indent = len(match[1])
            below = takewhile(partial(_deeper, indent), lines[at + 1 :])
            return _unquoted(" ".join((match[2], *(other.strip() for other in below))))
    match = re.search(rf"[{{,]\s*{key}:\s*(\"[^\"]*\"|'[^']*'|[^,}}]*)", text)
    return _unquoted(match[1]) if match is not None else None


def _deeper(indent: int, line: str) -> bool:
    return len(line) - len(line.lstrip()) > indent


def _unquoted(value: str) -> str | None:
    value = re.sub(r"^[|>][+-]?\s", "", value.strip())
    if value[:1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    if value[:1] == "'":
        return value[1:-1].replace("''", "'")
    return value or None
