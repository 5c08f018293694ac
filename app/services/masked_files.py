"""A learner's files as their instructor sees them: without values of Secrets, and without credentials that stand where none belong.

A file that holds any is written anew from the objects in it, as the grader has reduced them; one that cannot be read, and might hold
some, is not shown at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import yaml

from app.services.differences import Row, compare, in_one_column
from graders.redaction import is_facts
from graders.semantics.credentials import MASK, mask
from graders.snapshot import K8sObject
from graders.sources.manifests import read_texts

_NOT_SHOWN: Final = "(value not shown)"
_SUSPICIOUS: Final = re.compile(r"secret|passw|pwd|token|jwt|credential|private|key\b|_url\b|\b(string)?data['\"]?\s*:", re.IGNORECASE)
# A Secret in a comment. It begins at the line's first `#` alone: from each of a line of thousands it would take hours.
_SET_ASIDE: Final = re.compile(r"^[^#\n]*#.*(\bkind['\"]?\s*:\s*['\"]?secret|\b(string)?data['\"]?\s*:)", re.IGNORECASE | re.MULTILINE)
_REPEATS: Final = "last-applied-configuration"  # an annotation that holds the whole object once more


@dataclass(frozen=True, slots=True)
class Masked:
    """A file. `rows` compare it with `origin`, the starter of that lesson; None when they are too long for that, and empty when they are
    equal, or when the file is not shown; `rewritten` when values were left out of it, so that comments and order are not the learner's."""

    name: str
    updated_at: datetime
    lines: int
    origin: str
    rows: Sequence[Row] | None
    shown: bool
    rewritten: bool


def masked(name: str, content: str, updated_at: datetime, origin: tuple[str, str] | None) -> Masked:
    """A file, and what the learner has made of the starter (lesson and text) that it began as, if it did."""
    lesson, before = origin or ("", "")
    text = readable(name, content)
    rewritten = text is not None and text != _by_lines(content)
    if text is None:
        return Masked(name, updated_at, _count(content), lesson, [], False, False)
    begun = (readable(name, before, anew=rewritten) or "") if before else ""
    rows = compare(begun, text)
    return Masked(name, updated_at, _count(content), lesson, None if rows is None else in_one_column(rows), True, rewritten)


def readable(name: str, content: str, *, anew: bool = False) -> str | None:
    """The text without what nobody else may see, None when that cannot be told apart; with `anew` always written from its objects."""
    now = datetime.now(UTC)
    read = read_texts([(name, content.encode(errors="replace"))], namespace="default", taken_at=now)
    whole = not any(problem.rejected and not problem.object for problem in read.problems)
    if not whole:
        return None if _SUSPICIOUS.search(content) else _by_lines(content)
    if (
        anew
        or _REPEATS in content
        or _SET_ASIDE.search(content)
        or any(_is_reduced(item.body) or "secret" in item.kind.lower() for item in read.objects)
    ):
        return "---\n".join(_written(item) for item in sorted(read.objects, key=lambda item: item.line_of(()) or 0))
    return _by_lines(content)


def _by_lines(content: str) -> str:
    """Each line as it is, but for what evidently is a credential, as in a comment."""
    return "\n".join(map(_line, content.splitlines()))


def _line(line: str) -> str:
    text = line.lstrip("# \t")
    return line[: len(line) - len(text)] + str(mask("line", text))


def _count(content: str) -> int:
    return len(content.splitlines())


def _is_reduced(value: Any) -> bool:
    if isinstance(value, str):
        return MASK in value
    if isinstance(value, Mapping):
        return is_facts(value) or any(_is_reduced(item) for item in value.values())
    return isinstance(value, list | tuple) and any(_is_reduced(item) for item in value)


def _written(item: K8sObject) -> str:
    return yaml.safe_dump(_plain(item.body, ()), sort_keys=False, allow_unicode=True, width=10_000)


def _plain(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        if path[-2:-1] in (("data",), ("stringData",)) and is_facts(value):
            return _NOT_SHOWN
        return {str(key): _plain(item, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, path) for item in value]
    return value
