"""Snapshot <-> JSON: what `grade --submit` sends to a classroom's server, and what the server makes of it.

What is sent is what lessons read, redacted, and nothing else. What has arrived is somebody's word: its shape is checked to the last field,
and the server finds out for itself what the API server would say of the objects.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from graders.kinds import KINDS
from graders.objective import Lesson
from graders.redacted import NotReduced, redacted_again
from graders.semantics.names import dns_label
from graders.snapshot import K8sObject, Path, Problem, Snapshot, Source, Suggestion
from graders.sources.yaml_positions import Lines, Place

VERSION = 1
MOST_BYTES = 4 * 1024 * 1024
"""Of one submission. A lesson's objects take some 50,000."""

_IN_MANIFESTS_ONLY = {"lesson-15": frozenset(("PodIdentityAssociation", "ClusterConfig"))}
"""Kinds that a lesson reads where no cluster serves them: what tools of the clouds take."""
_KNOWN_KINDS = frozenset(KINDS).union(*_IN_MANIFESTS_ONLY.values())

_LONGEST = 20_000  # characters of a sentence
_LONGEST_NAME = 4_000
_MOST_FILES = 1_000
_MOST_PROBLEMS = 2_000
_DAY = 86_400

Json = dict[str, Any]


class NotASnapshot(ValueError):
    """What was sent is none, or none that is believed. The message is a sentence, and quotes no value."""


def kinds_of(lessons: Iterable[Lesson], *, live: bool) -> frozenset[str]:
    """The kinds that go along when these lessons are judged, on a cluster or on manifests."""
    found: set[str] = set()
    for lesson in lessons:
        found.update(lesson.reads, lesson.live_reads, () if live else _IN_MANIFESTS_ONLY.get(lesson.id, ()))
    return frozenset(found)


def to_wire(snapshot: Snapshot, kinds: Collection[str]) -> Json:
    """The snapshot as plain data, with those objects alone that are of `kinds`. Raises NotReduced, a fault of the course's."""
    return {
        "version": VERSION,
        "source": {
            "kind": snapshot.source.kind,
            "namespace": snapshot.source.namespace,
            "files": list(snapshot.source.files),
            "context": snapshot.source.context,
        },
        "kinds": sorted(kinds),
        "taken_at": snapshot.taken_at.astimezone(UTC).isoformat(),
        "clock_skew": snapshot.clock_skew.total_seconds(),
        "context_namespace": snapshot.context_namespace,
        "unreadable": {kind: reason for kind, reason in snapshot.unreadable.items() if kind in kinds},
        "only_here": {kind: reason for kind, reason in snapshot.only_here.items() if kind in kinds},
        "problems": [_problem(problem) for problem in snapshot.problems],
        "objects": [_object(item) for item in snapshot.objects if item.kind in kinds],
    }


def digest(data: Any) -> str:
    """What tells equal JSON from unequal, whatever the order of its keys: 64 hexadecimal digits."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def from_wire(data: Any) -> Snapshot:
    """The snapshot that was sent. A kind that was not read is unreadable. Raises NotASnapshot."""
    held = _Reader("snapshot").fields(data, _SNAPSHOT)
    source: Source = held["source"]
    kinds, files = frozenset(held["kinds"]), frozenset(source.files)
    late = "The terminal that has sent this did not read {}; its version of the course is older than the server's."
    for item in held["objects"]:
        if item.kind not in kinds:
            raise NotASnapshot(f"An object is of kind {item.kind[:60]!r}, which is none of the kinds that were read.")
        if item.file is not None and item.file not in files:
            raise NotASnapshot("An object is of a file that is none of those that were read.")
    unread = {kind: late.format(kind) for kind in KINDS if kind not in kinds}
    default = source.namespace if source.kind == "manifests" else ""
    return Snapshot(
        source,
        tuple(_counted_in(item, default) for item in held["objects"]),
        held["taken_at"],
        {**unread, **held["unreadable"]},
        held["problems"],
        held["context_namespace"],
        held["only_here"],
        held["clock_skew"],
    )


def _counted_in(item: K8sObject, namespace: str) -> K8sObject:
    """The object as it counts in the namespace that is graded."""
    return K8sObject.of(item.body, default_namespace=namespace, file=item.file, lines=item.lines, problems=item.problems)


def _object(item: K8sObject) -> Json:
    body = redacted_again(item.body)
    return {
        "body": body,
        "file": item.file,
        "lines": [item.lines.get(path, 0) for path in _paths(body)] if item.lines else [],
        "problems": [_problem(problem) for problem in item.problems],
    }


def _paths(body: Any) -> Iterator[Path]:
    """Every place in an object, each before what is in it, in the order of the text."""
    pending: list[tuple[Path, Any]] = [((), body)]
    while pending:
        path, value = pending.pop()
        yield path
        if isinstance(value, Mapping):
            pending += [((*path, key), item) for key, item in reversed(list(value.items()))]
        elif isinstance(value, list | tuple):
            pending += [((*path, index), item) for index, item in reversed(list(enumerate(value)))]


def _values(body: Any) -> Iterator[Any]:
    """What stands at those places, in any order."""
    pending = [body]
    while pending:
        value = pending.pop()
        yield value
        pending += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _place(body: Any, lines: Iterator[int], above: int) -> Place:
    """The places of an object, with the lines in the order of `_paths`; what has none of its own has that of what it is in."""
    line = next(lines, 0) or above
    if isinstance(body, dict):
        return line, {key: _place(item, lines, line) for key, item in body.items()}
    if isinstance(body, list):
        return line, [_place(item, lines, line) for item in body]
    return line


def _problem(problem: Problem) -> Json:
    return {
        "message": problem.message,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "object": problem.object,
        "path": list(problem.path),
        "expected": problem.expected,
        "found": problem.found,
        "rejected": problem.rejected,
        "unknown_field": problem.unknown_field,
        "suggestion": list(problem.suggestion) if problem.suggestion else None,
    }


class _Reader:
    """Reads one place of what was sent; `where` names it in sentences."""

    def __init__(self, where: str) -> None:
        self._where = where

    def refuse(self, wanted: str) -> NotASnapshot:
        return NotASnapshot(f"`{self._where}` is not {wanted}.")

    def fields(self, value: Any, wanted: Mapping[str, Callable[[_Reader, Any], Any]]) -> dict[str, Any]:
        """A map that has exactly these fields, each read by its function."""
        if not isinstance(value, dict):
            raise self.refuse("a map of fields")
        for name in wanted:
            if name not in value:
                raise NotASnapshot(f"`{self._where}` has no `{name}`.")
        for name in value:
            if name not in wanted:
                raise NotASnapshot(f"`{self._where}` has a field `{name[:60]}`, which is not known here.")
        return {name: read(_Reader(f"{self._where}.{name}"), value[name]) for name, read in wanted.items()}

    def items(self, value: Any, most: int) -> list[tuple[_Reader, Any]]:
        if not isinstance(value, list):
            raise self.refuse("a list")
        if len(value) > most:
            raise self.refuse(f"a list of at most {most:,}")
        return [(_Reader(f"{self._where}[{index}]"), item) for index, item in enumerate(value)]

    def text(self, value: Any, most: int = _LONGEST) -> str:
        if not isinstance(value, str) or len(value) > most:
            raise self.refuse(f"a text of at most {most:,} characters")
        return value

    def name(self, value: Any) -> str:
        text = self.text(value, _LONGEST_NAME)
        if not text or "\0" in text:
            raise self.refuse("a name")
        return text

    def name_or_none(self, value: Any) -> str | None:
        return None if value is None else self.name(value)

    def flag(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refuse("true or false")
        return value

    def place(self, value: Any) -> int | None:
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31):
            raise self.refuse("the number of a line or column")
        return value

    def namespace(self, value: Any) -> str:
        if not isinstance(value, str) or dns_label(value):
            raise self.refuse("the name of a namespace")
        return value

    def version(self, value: Any) -> None:
        if value != VERSION or isinstance(value, bool):
            raise NotASnapshot(
                f"It is of another version of the course: the server reads version {VERSION} of snapshots. Update whichever is older."
            )

    def source(self, value: Any) -> Source:
        held = self.fields(value, _SOURCE)
        if held["kind"] == "cluster" and held["files"]:
            raise NotASnapshot("`snapshot.source` is a cluster with files.")
        if held["kind"] == "manifests" and held["context"] is not None:
            raise NotASnapshot("`snapshot.source` is manifests of a context.")
        return Source(held["kind"], held["namespace"], held["files"], held["context"])

    def kind_of_source(self, value: Any) -> str:
        if value not in ("manifests", "cluster"):
            raise self.refuse("`manifests` or `cluster`")
        return str(value)

    def files(self, value: Any) -> tuple[str, ...]:
        return tuple(reader.name(item) for reader, item in self.items(value, _MOST_FILES))

    def kinds(self, value: Any) -> tuple[str, ...]:
        return tuple(reader.kind(item) for reader, item in self.items(value, len(_KNOWN_KINDS)))

    def kind(self, value: Any) -> str:
        if not isinstance(value, str) or value not in _KNOWN_KINDS:
            raise self.refuse("a kind that lessons read")
        return value

    def time(self, value: Any) -> datetime:
        try:
            time = datetime.fromisoformat(self.text(value, 40))
        except ValueError:
            raise self.refuse("a time") from None
        if time.tzinfo is None:
            raise self.refuse("a time with its zone")
        return time

    def skew(self, value: Any) -> timedelta:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > _DAY:
            raise self.refuse("a number of seconds, a day's at most")
        return timedelta(seconds=value)

    def reasons(self, value: Any) -> dict[str, str]:
        if not isinstance(value, dict):
            raise self.refuse("a map of reasons by kind")
        return {self.kind(kind): _Reader(f"{self._where}.{kind}").text(reason) for kind, reason in value.items()}

    def problems(self, value: Any) -> tuple[Problem, ...]:
        return tuple(Problem(**reader.fields(item, _PROBLEM)) for reader, item in self.items(value, _MOST_PROBLEMS))

    def path(self, value: Any) -> Path:
        steps = self.items(value, 300)
        if not all(isinstance(step, str) or (isinstance(step, int) and not isinstance(step, bool)) for _, step in steps):
            raise self.refuse("a path of keys and indexes")
        return tuple(step for _, step in steps)

    def suggestion(self, value: Any) -> Suggestion | None:
        if value is None:
            return None
        words = [reader.text(item) for reader, item in self.items(value, 2)]
        if len(words) != 2:
            raise self.refuse("a word and what to write instead")
        return Suggestion(*words)

    def objects(self, value: Any) -> tuple[K8sObject, ...]:
        return tuple(reader.object(item) for reader, item in self.items(value, 100_000))

    def object(self, value: Any) -> K8sObject:
        held = self.fields(value, _OBJECT)
        body, lines = held["body"], held["lines"]
        place = _place(body, iter(lines), 0) if lines and lines[0] else None
        if lines and (place is None or sum(1 for _ in _values(body)) != len(lines)):
            raise self.refuse("an object with a line for each place, or without lines")
        item = K8sObject.of(body, file=held["file"], lines=Lines(place) if place else {})
        return replace(item, problems=tuple(replace(problem, object=item.ref) for problem in held["problems"]))

    def body(self, value: Any) -> Json:
        if not isinstance(value, dict):
            raise self.refuse("an object")
        try:
            return redacted_again(value)
        except NotReduced as error:
            raise NotASnapshot(f"{self._where}: {error}") from None

    def lines(self, value: Any) -> list[int]:
        if not isinstance(value, list) or not all(type(line) is int and 0 <= line < 2**31 for line in value):
            raise self.refuse("a list of lines")
        return value


_SOURCE = {"kind": _Reader.kind_of_source, "namespace": _Reader.namespace, "files": _Reader.files, "context": _Reader.name_or_none}
_PROBLEM = {
    "message": _Reader.text,
    "file": _Reader.name_or_none,
    "line": _Reader.place,
    "column": _Reader.place,
    "object": _Reader.text,
    "path": _Reader.path,
    "expected": _Reader.text,
    "found": _Reader.text,
    "rejected": _Reader.flag,
    "unknown_field": _Reader.flag,
    "suggestion": _Reader.suggestion,
}
_OBJECT = {"body": _Reader.body, "file": _Reader.name_or_none, "lines": _Reader.lines, "problems": _Reader.problems}
_SNAPSHOT: dict[str, Callable[[_Reader, Any], Any]] = {
    "version": _Reader.version,  # first: of another version, nothing else need be right
    "source": _Reader.source,
    "kinds": _Reader.kinds,
    "taken_at": _Reader.time,
    "clock_skew": _Reader.skew,
    "context_namespace": _Reader.name_or_none,
    "unreadable": _Reader.reasons,
    "only_here": _Reader.reasons,
    "problems": _Reader.problems,
    "objects": _Reader.objects,
}
