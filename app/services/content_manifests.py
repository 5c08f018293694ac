"""What `course lint` asks of the YAML that lessons show: whole files and fragments are valid, excerpts stand in the exercise. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from app.services.content import NAMESPACE
from app.services.content_material import Finding, Material
from app.services.lesson_texts import LessonText
from app.services.markdown_page import Listing
from graders.kinds import KINDS
from graders.sources import schema
from graders.sources.manifests import read_texts
from graders.sources.schema_suggestions import version_of
from graders.sources.yaml_loader import SyntaxFault, YamlFault, load
from graders.sources.yaml_messages import syntax_in_words
from graders.sources.yaml_positions import Place, line_of, step_to
from graders.validation import validate

_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # nothing here depends on it
_MANY = 10_000
_FILE = re.compile(r"[\w-]+(?:[./][\w-]+)*")
_PART = re.compile(r"([A-Z]\w+):((?:\w+(?:\[\d*\])?)(?:\.\w+(?:\[\d*\])?)*)")
_STEP = re.compile(r"\w+|\[\d*\]")
_LEFT_OUT = re.compile(r"\s*# ?(…|\.\.\.)\s*")
_COMMENT = re.compile(r"(^|\s)#.*$")
_Wrong = tuple[int, str, str]
_Path = tuple[str | int, ...]


def manifests(lesson: LessonText, material: Material) -> Iterator[Finding]:
    """What is wrong with the YAML listings of a lesson."""
    assert lesson.path is not None, "only lessons with a text are judged"
    for listing in lesson.listings:
        if listing.language != "yaml" or listing.malformed:
            continue
        check = next((check for attribute, check in _CHECKS.items() if attribute in listing.attributes), _whole)
        for line, what, advice in check(listing, lesson.id, material):
            yield Finding("manifests", lesson.path, line, what, advice)


def _file(listing: Listing, lesson: str, material: Material) -> Iterator[_Wrong]:
    name = listing.attributes["file"]
    if not _FILE.fullmatch(name):
        yield listing.line, f"`{name}` is no file of the learner's folder.", "Name one such as hpa.yaml, or folder/hpa.yaml."
    yield from _whole(listing, lesson, material)


def _whole(listing: Listing, _lesson: str, _material: Material) -> Iterator[_Wrong]:
    seen = set()
    for version in schema.VERSIONS:
        snapshot = read_texts([("listing", listing.text.encode())], namespace=NAMESPACE, taken_at=_ANY_TIME, version=version)
        problems = [problem for problem in snapshot.problems if problem.rejected]
        problems += [problem for item in snapshot.objects for problem in item.problems if problem.rejected]
        for problem in problems:
            if problem.message not in seen:
                seen.add(problem.message)
                yield listing.line + (problem.line or 1), problem.message, _VALID
        if not problems and not snapshot.objects:
            yield listing.line, "The listing holds no object.", _VALID
            return


_VALID = "A listing in yaml is a whole manifest that the API server takes; a fragment carries part=, what not to write wrong=."


def _excerpt(listing: Listing, lesson: str, material: Material) -> Iterator[_Wrong]:
    name = listing.attributes["excerpt"]
    whole = material.exercise(lesson, name)
    if whole is None:
        yield listing.line, f"The exercise has no file {name}.", "Name one such as solution/hpa.yaml."
        return
    lines = _significant(whole)
    at = 0
    for first, chunk in _chunks(listing):
        found = next((start for start in range(at, len(lines) - len(chunk) + 1) if _stands(chunk, lines[start:])), None)
        if found is None:
            what, advice = _missing(chunk, lines[at:], name)
            yield first, what, advice
            return
        at = found + len(chunk)


def _significant(text: str) -> list[str]:
    """The lines of a file without comments and empty lines, which an excerpt may leave out."""
    return [bare for line in text.split("\n") if (bare := _COMMENT.sub("", line).rstrip()) and bare != "---"]


def _chunks(listing: Listing) -> Iterator[tuple[int, list[str]]]:
    """What stands between the lines of `# …`, each with its first line."""
    chunk: list[str] = []
    first = listing.line + 1
    for number, line in enumerate(listing.text.split("\n"), listing.line + 1):
        if not _LEFT_OUT.fullmatch(line):
            if not chunk:
                first = number
            chunk += _significant(line)
            continue
        if chunk:
            yield first, chunk
        chunk = []
    if chunk:
        yield first, chunk


def _stands(chunk: list[str], lines: list[str]) -> bool:
    """Whether lines begin with a chunk, all of it indented by the same more or less."""
    there = lines[: len(chunk)]
    if [line.strip() for line in chunk] != [line.strip() for line in there]:
        return False
    return len({_indent(one) - _indent(other) for one, other in zip(chunk, there, strict=True)}) == 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _missing(chunk: list[str], lines: list[str], name: str) -> tuple[str, str]:
    there = {line.strip() for line in lines}
    absent = next((line.strip() for line in chunk if line.strip() not in there), None)
    if absent:
        return f"`{absent}` does not stand in {name} (from here on).", "Show lines of that file, in its order."
    return (
        f"These lines stand in {name}, but not one after the other like this.",
        "Put # … where lines are left out; keep how they are indented.",
    )


def _part(listing: Listing, _lesson: str, _material: Material) -> Iterator[_Wrong]:
    written = listing.attributes["part"]
    form = _PART.fullmatch(written)
    if not form:
        yield listing.line, f"`part={written}` names no field.", "Write a kind and a path, as in part=Pod:spec.containers[].resources."
        return
    kind, steps = form[1], _STEP.findall(form[2])
    try:
        document = load(listing.text.encode(), _MANY, listing.line + 1)
    except YamlFault as fault:
        lines = listing.text.split("\n")
        near = lines[fault.line - listing.line - 1] if 0 <= fault.line - listing.line - 1 < len(lines) else ""
        yield fault.line, syntax_in_words(fault, near) if isinstance(fault, SyntaxFault) else fault.message, "Mend the YAML."
        return
    for twice in document.duplicates:
        yield twice.line, f"`{twice.path[-1]}` stands there twice.", "Keep one of them."
    data, place = document.data, document.place
    if data is None:
        yield listing.line, "The listing holds nothing.", "Show the field's value."
        return
    data, place, steps = _unwrapped(data, place, steps)
    yield from _valid_part(kind, steps, data, place, listing)


def _unwrapped(data: Any, place: Place, steps: list[str]) -> tuple[Any, Place, list[str]]:
    """The value itself where the fragment begins with the field's own name, and the list where it shows items of one."""
    items = steps[-1].startswith("[")
    name = steps[-2] if items else steps[-1]
    if isinstance(data, dict) and list(data) == [name]:
        return data[name], step_to(place, (name,)) or place, steps[:-1] if items else steps
    return (data, place, steps[:-1]) if items and isinstance(data, list) else (data, place, steps)


def _valid_part(kind: str, steps: list[str], data: Any, place: Place, listing: Listing) -> Iterator[_Wrong]:
    seen = set()
    for version in schema.VERSIONS:
        tables = schema.load_tables(version)
        served = version_of(kind, tables.kinds)
        if served is None and kind not in KINDS:
            yield listing.line, f"Kubernetes {version} has no kind `{kind}`.", "Mend the kind before the colon of part=."
            return
        body: dict[str, Any] = {"apiVersion": served, "kind": kind}
        path: _Path = tuple(0 if step.startswith("[") else step for step in steps)
        value = reduce(lambda inner, step: [inner] if isinstance(step, int) else {step: inner}, reversed(path), data)
        body |= value if isinstance(value, Mapping) else {}
        wrong = [(fault.written, fault.message) for fault in schema.check(body, version)]
        if not wrong:
            wrong = [
                (found.path, found.message) for found in validate(body) if found.path[: len(path)] == path and _there(body, found.path)
            ]
        for where, message in wrong:
            if message not in seen:
                seen.add(message)
                at = step_to(place, where[len(path) :]) if where[: len(path)] == path else None
                yield line_of(at) if at is not None else listing.line, message, f"A part= listing is valid as that field of {kind}."


def _there(body: Any, path: _Path) -> bool:
    """Whether a place has a value. What is missing in a fragment may stand in the part that is not shown."""
    for step in path:
        known = body if isinstance(body, Mapping) else range(len(body)) if isinstance(body, list) else ()
        if step not in known:
            return False
        body = body[step]
    return body is not None


def _anything(_listing: Listing, _lesson: str, _material: Material) -> Iterator[_Wrong]:
    """What must not be valid may be refused for reasons that only a cluster knows."""
    return iter(())


_CHECKS: Mapping[str, Callable[[Listing, str, Material], Iterator[_Wrong]]] = {
    "file": _file,
    "excerpt": _excerpt,
    "part": _part,
    "wrong": _anything,
}
