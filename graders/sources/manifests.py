"""Submitted YAML or JSON -> Snapshot: files, folders and standard input, read as `kubectl apply -f` reads them, within limits.

kubectl cuts its input at lines of `---` and reads one document of each piece (k8s.io/apimachinery pkg/util/yaml, YAMLReader); input that
begins with a brace is a stream of JSON values. Lists are taken apart, and of each object is told what the API server would reject.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from graders.errors import UnreadableInput
from graders.redaction import redact
from graders.snapshot import K8sObject, Problem, Snapshot, Source
from graders.sources import schema
from graders.sources.yaml_loader import Document, Duplicate, LimitReached, SyntaxFault, YamlFault, load
from graders.sources.yaml_messages import no_text, syntax_in_words, template_in_words, where_to_look
from graders.sources.yaml_positions import Lines, Place, line_of, step_to
from graders.validation import validate

MAX_BYTES = 1_000_000  # of one file, as etcd takes no object larger than 1.5 MiB
MAX_DOCUMENTS = 1_000  # of one file
MAX_VALUES = 100_000  # of all files together, aliases expanded
MAX_FILES = 1_000  # below the folders given
MAX_FAULTS = 20  # of one file; more help nobody
SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"

_SEPARATOR = re.compile(rb"^---[ \t\r\f\v]*(?:#.*)?$", re.MULTILINE)
_NOT_SPACE = re.compile(r"\S")
_SURROGATES = re.compile(r"((?<!\\)(?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})")
_NOT_IN_YAML = re.compile("[\\x7f-\\x9f\\u2028\\u2029\\ufffe\\uffff]")  # JSON may have them in strings as they are
_BOM = b"\xef\xbb\xbf"


def read_paths(
    paths: Sequence[str],
    *,
    namespace: str,
    taken_at: datetime,
    version: str = schema.NEWEST,
    stdin: BinaryIO | None = None,
) -> Snapshot:
    """The snapshot of files and folders (with all below them); `-` stands for `stdin`. `version` is the Kubernetes whose rules apply.

    What cannot be read becomes a problem of the snapshot and hides nothing of the rest. Raises UnreadableInput when a path is not
    there, or when nothing at all holds an object and no problem says why.
    """
    reader = _Reader(namespace, version)
    for name, named in _files(paths):
        reader.add(name, _content(name, stdin), named=named)
    snapshot = reader.snapshot(taken_at)
    if not snapshot.objects and not any(problem.rejected for problem in snapshot.problems):
        raise UnreadableInput(
            " ".join(f"{_shown(problem.file or STDIN)}: {problem.message}" for problem in snapshot.problems[:3]),
            help="Write the manifest there and save it, or name another file with -f.",
        )
    return snapshot


def read_texts(files: Iterable[tuple[str, bytes]], *, namespace: str, taken_at: datetime, version: str = schema.NEWEST) -> Snapshot:
    """The snapshot of files given as name and content. Never raises: what is wrong with them becomes problems."""
    reader = _Reader(namespace, version)
    for name, content in files:
        reader.add(name, content, named=True)
    return reader.snapshot(taken_at)


def rejections(item: K8sObject, body: Mapping[str, Any], version: str = schema.NEWEST) -> tuple[Problem, ...]:
    """What the API server would reject about an object, or remark on it; `body` is its redacted body as plain dicts and lists."""
    problems = []
    for fault in schema.check(body, version):
        line = item.line_of(fault.written)
        problem = Problem(fault.message, item.file, line, path=fault.path, expected=fault.expected, found=fault.found)
        problems.append(replace(problem, unknown_field=fault.unknown_field, suggestion=fault.suggestion))
    for finding in validate(body):
        line = item.line_of(finding.path)
        problems.append(Problem(finding.message, item.file, line, path=finding.path, expected=finding.expected, found=finding.found))
    return tuple(replace(problem, object=item.ref) for problem in problems)


@dataclass
class _Reader:
    """Collects what the files hold."""

    namespace: str
    version: str
    files: list[str] = field(default_factory=list)
    objects: list[K8sObject] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    values: int = 0

    def snapshot(self, taken_at: datetime) -> Snapshot:
        source = Source("manifests", self.namespace, tuple(self.files))
        return Snapshot(source, tuple(self.objects), taken_at, problems=tuple(self.problems))

    def add(self, name: str, content: bytes | OSError, *, named: bool) -> None:
        """Read one file. `named` tells a file that was asked for from one that only lies in a folder."""
        self.files.append(name)
        if isinstance(content, OSError):
            self.complain(name, f"It cannot be read: {content.strerror or content}.")
            return
        problem = _no_manifest(content)
        if problem is not None:
            self.problems.append(replace(problem, file=name))
            return
        held = 0
        content = content.removeprefix(_BOM)
        try:
            for document in self.documents(name, content):
                held += self.take_document(name, document, named=named)
        except LimitReached as limit:
            self.problems.append(Problem(limit.message, name, limit.line, limit.column))
            return
        if not held and not any(problem.file == name for problem in self.problems):
            self.complain(name, "It holds no object, only empty lines or comments.", rejected=False)

    def complain(self, name: str, message: str, line: int | None = None, column: int | None = None, *, rejected: bool = True) -> None:
        self.problems.append(Problem(message, name, line, column, rejected=rejected))
        if line and sum(problem.file == name for problem in self.problems) == MAX_FAULTS:
            raise LimitReached(f"It has {MAX_FAULTS} faults, those above; the grader reads no further.", line, 1)

    def documents(self, name: str, content: bytes) -> Iterator[Document]:
        """The documents of a file; one that cannot be read is complained of, and the next one tried. Raises LimitReached."""
        for count, (text, first_line) in enumerate(_pieces(content)):
            if count >= MAX_DOCUMENTS:
                raise LimitReached(f"It holds more than {MAX_DOCUMENTS:,} documents; the grader reads no further.", first_line, 1)
            try:
                document = load(text, MAX_VALUES - self.values, first_line)
            except LimitReached:
                raise
            except YamlFault as fault:
                self.complain(name, _in_words(fault, content), *where_to_look(fault))
                continue
            self.values += document.nodes
            if document.ends_at is not None:
                message = "kubectl ignores all from here to the next line of `---`: one document ends above. Put `---` alone on a line."
                self.complain(name, message, document.ends_at, 1, rejected=False)
            yield document

    def take_document(self, name: str, document: Document, *, named: bool) -> int:
        """Keep the objects of a document; gives their number."""
        if document.data is None:
            return 0
        held = 0
        for body, place, path in _objects(document.data, document.place, ()):
            wrong = _no_object(body)
            if wrong:
                self.complain(name, wrong, line_of(place), 1, rejected=named)
                continue
            held += 1
            duplicates = [each for each in document.duplicates if each.path[: len(path)] == path]
            self.objects.append(self.judged(name, body, place, duplicates, len(path)))
        return held

    def judged(self, name: str, body: dict[str, Any], place: Place, duplicates: Sequence[Duplicate], depth: int) -> K8sObject:
        """The object, with what the API server would reject about it."""
        redacted = redact(body)
        item = K8sObject.of(redacted, default_namespace=self.namespace, file=name, lines=Lines(place))
        problems = [
            Problem(
                f"`{each.path[-1]}` is written twice in one place; the first time on line {each.first}. Keep one of them.",
                name,
                each.line,
                each.column,
                path=each.path[depth:],
                expected=f"`{each.path[-1]}` once",
                found=f"`{each.path[-1]}` on line {each.first} and again on line {each.line}",
            )
            for each in duplicates
        ]
        problems += rejections(item, redacted, self.version)
        return replace(item, problems=tuple(replace(problem, object=item.ref) for problem in problems)) if problems else item


def _objects(data: Any, place: Place, path: tuple[str | int, ...]) -> Iterator[tuple[Any, Place, tuple[str | int, ...]]]:
    """What a document holds: itself, or the items of a list (`kind: List`, `ConfigMapList`), each with its place and path."""
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) or not str(data.get("kind")).endswith("List"):
        yield data, place, path
        return
    head = {"apiVersion": data.get("apiVersion"), "kind": str(data["kind"]).removesuffix("List")}
    for index, item in enumerate(items):
        if head["kind"] and isinstance(item, dict) and not item.keys() & head.keys():
            item = head | item  # an item may leave out what a list of one kind says for all
        yield from _objects(item, step_to(place, ("items", index)) or place, (*path, "items", index))


def _no_object(body: Any) -> str:
    """Why a document is no Kubernetes object; empty when it is one, however wrong."""
    if isinstance(body, dict) and ("kind" in body or "apiVersion" in body):
        return ""
    if isinstance(body, list):
        return "It is a list, where an object with `apiVersion` and `kind` belongs. Several objects are separated by lines of `---`."
    if isinstance(body, dict):
        return "It is no Kubernetes object: it has neither `apiVersion` nor `kind`."
    return "It is a single value, where an object with `apiVersion` and `kind` belongs."


def _no_manifest(content: bytes) -> Problem | None:
    """Why a file cannot be a manifest, judged by its bytes."""
    if len(content) > MAX_BYTES:
        return Problem(f"It is larger than {MAX_BYTES // 1_000_000} MB; no manifest is. The grader does not read it.")
    return no_text(content)


def _in_words(fault: YamlFault, content: bytes) -> str:
    lines = content.splitlines()
    near = [fault.line, fault.context_at[0]] if isinstance(fault, SyntaxFault) and fault.context_at else [fault.line]
    shown = [lines[line - 1].decode(errors="replace") if 0 < line <= len(lines) else "" for line in near]
    return template_in_words(shown) or (syntax_in_words(fault, shown[0]) if isinstance(fault, SyntaxFault) else fault.message)


def _pieces(content: bytes) -> Iterator[tuple[bytes, int]]:
    """The documents of a file as text, each with its first line."""
    start, line = 0, 1
    for separator in _SEPARATOR.finditer(content):
        yield from _values(content[start : separator.start()], line)
        line += content.count(b"\n", start, separator.end())
        start = separator.end()
    yield from _values(content[start:], line)


def _values(piece: bytes, first_line: int) -> Iterator[tuple[bytes, int]]:
    """A piece between two separators: one document, or as many JSON values as stand in it."""
    if piece.lstrip()[:1] != b"{":
        yield piece, first_line
        return
    import json

    text, at, line = piece.decode(), 0, first_line
    decoder = json.JSONDecoder()
    while begins := _NOT_SPACE.search(text, at):
        line += text.count("\n", at, begins.start())
        try:
            _, end = decoder.raw_decode(text, begins.start())
        except (ValueError, RecursionError):  # YAML in its flow style, or nothing of both: the YAML parser says what is wrong
            yield text[begins.start() :].encode(), line
            return
        value = _SURROGATES.sub(_joined, text[begins.start() : end])
        yield _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", value).encode(), line
        line += text.count("\n", begins.start(), end)
        at = end


def _joined(escapes: re.Match[str]) -> str:
    """A character that JSON writes as two escapes, as itself: YAML has no surrogates."""
    return escapes[1] + (escapes[2] + escapes[3]).encode().decode("unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")


def _content(name: str, stdin: BinaryIO | None) -> bytes | OSError:
    """All of a file, or enough of it to see that it is too large."""
    try:
        if name == STDIN:
            return stdin.read(MAX_BYTES + 1) if stdin is not None else b""
        with Path(name).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        return error


def _files(paths: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The files at and below `paths`, each once, and whether it was named itself. Raises UnreadableInput."""
    seen: set[object] = set()
    for path in paths:
        if path == STDIN:
            yield path, True
            continue
        try:
            status = Path(path).stat()
        except (OSError, ValueError) as error:
            raise _not_there(path, error) from error
        if not stat.S_ISDIR(status.st_mode):
            if (status.st_dev, status.st_ino) not in seen or not stat.S_ISREG(status.st_mode):
                seen.add((status.st_dev, status.st_ino))
                yield path, True
            continue
        found = _below(path)
        if not found:
            raise UnreadableInput(
                f"The folder {_shown(path)} holds no manifest: no file that ends in {', '.join(SUFFIXES)}.",
                help=f"Look at what is there with: ls {_shown(path)}",
            )
        for name, identity in found:
            if identity not in seen:
                seen.add(identity)
                yield name, False


def _below(folder: str) -> list[tuple[str, object]]:
    """The manifests in a folder and all below it, in kubectl's order, each with what identifies it. Hidden folders are left out."""
    found: list[tuple[str, object]] = []
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.endswith(SUFFIXES):
                continue
            path = Path(where, name)
            try:
                status = path.stat()
            except OSError:  # a link that leads nowhere; reading it says so
                found.append((str(path), path))
                continue
            if stat.S_ISREG(status.st_mode):
                found.append((str(path), (status.st_dev, status.st_ino)))
        if len(found) > MAX_FILES:
            raise UnreadableInput(
                f"The folder {_shown(folder)} holds more than {MAX_FILES:,} manifests.", help="Name a folder further down with -f."
            )
    return sorted(found, key=lambda each: Path(each[0]).parts)


def _not_there(path: str, error: Exception) -> UnreadableInput:
    from difflib import get_close_matches

    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError | NotADirectoryError):
        return UnreadableInput(f"{_shown(path)} cannot be read: {error.strerror or error}.", help=f"Check with: ls -ld {_shown(path)}")
    folder, name = Path(path).parent, Path(path).name
    try:
        close = get_close_matches(name, [there.name for there in folder.iterdir()], n=1)
    except (OSError, ValueError):
        close = []
    hint = f"Did you mean {folder / close[0]}?" if close else f"Look at what is there with: ls {folder}"
    return UnreadableInput(f"{_shown(path) or 'The path'} is not there.", help=hint)


def _shown(path: str) -> str:
    """A path for a message."""
    return "standard input" if path == STDIN else path
