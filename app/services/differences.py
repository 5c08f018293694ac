"""Two texts compared line by line, as rows for a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

_CONTEXT = 3
_MOST_LINES = 4_000  # of both
_MOST_PAIRS = 200_000  # of equal lines, each on one side; comparing looks at all of them, again and again


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the comparison. `kind` is `same`, `gone`, `new`, `changed` or `gap` (lines that are equal and left out).

    `before` and `after` are the line on either side, with its number from 1; None where a side has none.
    """

    kind: str
    before: tuple[int, str] | None = None
    after: tuple[int, str] | None = None


def compare(before: str, after: str) -> list[Row] | None:
    """The rows, changed lines beside each other; empty when the texts are equal, None when comparing them would take long."""
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return []
    if len(old) + len(new) > _MOST_LINES or _pairs(old, new) > _MOST_PAIRS:
        return None
    rows: list[Row] = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT):
        if rows or group[0][1] > 0:
            rows.append(Row("gap"))
        for tag, low, high, low_new, high_new in group:
            left = [(number, old[number - 1]) for number in range(low + 1, high + 1)]
            right = [(number, new[number - 1]) for number in range(low_new + 1, high_new + 1)]
            rows += _rows(tag, left, right)
    return rows


def _pairs(old: list[str], new: list[str]) -> int:
    there = Counter(new)
    return sum(count * there[line] for line, count in Counter(old).items())


def _rows(tag: str, left: list[tuple[int, str]], right: list[tuple[int, str]]) -> Iterator[Row]:
    for before, after in zip_longest(left, right):
        yield Row("same" if tag == "equal" else "new" if before is None else "gone" if after is None else "changed", before, after)


def in_one_column(rows: list[Row]) -> list[Row]:
    """The same rows for one column: of lines that changed, first all that are gone, then all that are new."""
    flat: list[Row] = []
    gone: list[Row] = []
    new: list[Row] = []
    for row in [*rows, Row("end")]:
        if row.kind == "changed":
            gone.append(Row("gone", before=row.before))
            new.append(Row("new", after=row.after))
        elif row.kind in ("gone", "new"):
            (gone if row.kind == "gone" else new).append(row)
        else:
            flat += [*gone, *new, row]
            gone, new = [], []
    return flat[:-1]
