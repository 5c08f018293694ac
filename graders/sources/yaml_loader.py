"""One YAML document -> plain data as kubectl sees it, with the line of every field, within limits.

The data is built from libyaml's events, never by its composer: that one recurses in C and crashes on deep nesting. Aliases and
merge keys are counted at the size they expand to, so a bomb meets the limit before it is built. Merge keys act in the order
in which they are written, as in kubectl's go-yaml: one that follows a key overrides it.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from yaml import MarkedYAMLError
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.reader import ReaderError

from graders.snapshot import Path
from graders.sources import yaml_scalars as scalars
from graders.sources.yaml_positions import Place, line_of

MAX_DEPTH = 64


class YamlFault(Exception):
    """A document that cannot be read. `line` and `column` count from 1, within the text given to `load`."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class LimitReached(YamlFault):
    """The document is larger or deeper than a limit; reading of the file ends here."""


class SyntaxFault(YamlFault):
    """libyaml's complaint, still in its own words: `problem` and `context`, and where the context began."""

    def __init__(self, error: MarkedYAMLError) -> None:
        mark, context = error.problem_mark or error.context_mark, error.context_mark
        super().__init__("", mark.line + 1 if mark else 1, mark.column + 1 if mark else 1)
        self.problem = str(error.problem or "")
        self.context = str(error.context or "")
        self.context_at = (context.line + 1, context.column + 1) if context else None


class Duplicate(NamedTuple):
    """A key that its map already has. `path` leads to it, `first` is the line of the first one."""

    path: Path
    line: int
    column: int
    first: int


@dataclass(slots=True)
class Document:
    """What one document holds. `ends_at` is the line on which something follows that kubectl would ignore, or None."""

    data: Any = None
    place: Place = 1
    duplicates: list[Duplicate] = field(default_factory=list)
    nodes: int = 0
    ends_at: int | None = None


class _Frame:
    """A map or list that is being read."""

    __slots__ = ("anchor", "data", "height", "key", "line", "merged", "places", "start")

    def __init__(self, data: Any, places: Any, line: int, start: int, anchor: str | None) -> None:
        self.data = data
        self.places = places
        self.line = line
        self.start = start  # its own number among the nodes
        self.anchor = anchor
        self.height = 1  # levels in it, itself included
        self.key: Any = _NO_KEY
        self.merged: set[str] = set()  # keys that only a merge key has brought so far


class _Anchor(NamedTuple):
    data: Any
    place: Place
    nodes: int
    height: int


_ESCAPE = re.compile(r"\\.", re.DOTALL)
_MERGE_TAG = "tag:yaml.org,2002:merge"
_MERGE_WHAT = "After the merge key << stands a map, an alias of one, or a list of them."
_NO_KEY: Any = object()
_MERGE: Any = object()


def load(text: bytes, max_nodes: int, first_line: int = 1) -> Document:
    """Read the first document of `text`, which is UTF-8; lines count from `first_line`.

    Data is made of dict (with string keys), list, str, int, float, bool and None. Raises YamlFault, with lines counted likewise.
    """
    if not text.endswith(b"\n"):
        text += b"\n"  # as kubectl does, so that a block scalar at the end of a file ends in a line break
    joined = text.find(b"\n" + BOM_UTF8)
    if joined >= 0:
        message = "An invisible character (a byte order mark) begins this line, as where two files were joined. Delete it."
        raise YamlFault(message, text.count(b"\n", 0, joined + 1) + first_line, 1)
    builder = _Builder(max_nodes, first_line)
    try:
        builder.run(CParser(text))
    except MarkedYAMLError as error:
        fault = SyntaxFault(error)
        fault.line += first_line - 1
        if fault.context_at:
            fault.context_at = (fault.context_at[0] + first_line - 1, fault.context_at[1])
        raise fault from None
    except ReaderError as error:
        before = text[: error.position]  # a count of bytes
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="ignore")) + 1
        raise YamlFault("A character stands here that YAML does not allow. Delete it.", before.count(b"\n") + first_line, column) from None
    if b"\\/" in text or b"?" in text:
        _refuse_for_kubectl(text, first_line)
    return builder.document


def _refuse_for_kubectl(text: bytes, first_line: int) -> None:
    """Raises YamlFault for what libyaml takes in `/` and `?`, and go-yaml does not."""
    characters: str = text.decode()

    def fault(message: str, at: int) -> YamlFault:
        return YamlFault(message, characters.count("\n", 0, at) + first_line, at - characters.rfind("\n", 0, at))

    is_json = characters.lstrip().startswith("{")
    parser: Any = CParser(text)
    depth = 0  # of brackets and braces
    while (event := parser.get_event()).__class__ not in (DocumentEndEvent, StreamEndEvent):
        depth += getattr(event, "flow_style", None) is True
        style = getattr(event, "style", None)
        if style is None and depth and event.__class__ in (MappingEndEvent, SequenceEndEvent):
            depth -= 1
        elif style == "" and depth and "?" in event.value:
            raise fault("Within brackets or braces a ? begins a field's name. Put the text in quotes.", event.start_mark.index)
        elif style == '"' and not is_json:
            for escape in _ESCAPE.finditer(characters, event.start_mark.index, event.end_mark.index):
                if escape[0] == "\\/":
                    raise fault("Only JSON has the escape \\/. Write the slash alone, or use single quotes.", escape.start())


class _Builder:
    def __init__(self, max_nodes: int, first_line: int) -> None:
        self.max_nodes = max_nodes
        self.first_line = first_line
        self.document = Document(place=first_line)
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchor | _Frame] = {}  # a frame while its map or list is being read
        self.aliased = 0  # nodes that aliases have brought
        self.excess: YamlFault | None = None

    def run(self, parser: Any) -> None:  # noqa: C901 - one loop over all events; calls would double its time
        first, next_event = self.first_line, parser.get_event
        hints, resolve, resolve_key = scalars.HINTS, scalars.resolve, scalars.resolve_key
        stack, max_nodes = self.stack, self.max_nodes
        frame: _Frame | None = None
        nodes = 0
        while True:
            event = next_event()
            kind = event.__class__
            if kind is ScalarEvent:
                nodes += 1
                if nodes > max_nodes:
                    self.fail_size(event)
                value = event.value
                if event.anchor is None and frame is not None and event.tag is None:
                    # The common case, written out: a key or a value without anchor or tag.
                    plain = event.implicit[0]
                    key = frame.key
                    if frame.places.__class__ is dict:
                        if key is _NO_KEY:
                            if plain and (value == "<<" or value[:1] in hints):
                                value = self.plain_key(value, resolve_key, event)
                            frame.key = value
                            if value is not _MERGE:
                                if value in frame.places:
                                    self.again(frame, value, event)
                                frame.places[value] = event.start_mark.line + first
                            continue
                        if key is not _MERGE:
                            if plain and value[:1] in hints:
                                value = self.plain(value, resolve, event)
                            frame.data[key] = value
                            frame.key = _NO_KEY
                            continue
                    else:
                        if plain and value[:1] in hints:
                            value = self.plain(value, resolve, event)
                        frame.data.append(value)
                        frame.places.append(event.start_mark.line + first)
                        continue
                self.scalar(frame, event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                nodes += 1
                if nodes > max_nodes:
                    self.fail_size(event)
                if len(stack) >= MAX_DEPTH:
                    self.fail_depth(event)
                line = event.start_mark.line + first
                if frame is not None and frame.key is _NO_KEY and frame.places.__class__ is dict:
                    raise self.fault("A map or a list cannot be the name of a field. Put a value with { } or [ ] in quotes.", event)
                frame = (
                    _Frame({}, {}, line, nodes, event.anchor) if kind is MappingStartEvent else _Frame([], [], line, nodes, event.anchor)
                )
                if event.anchor is not None:
                    self.anchors[event.anchor] = frame
                stack.append(frame)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                done = stack.pop()
                place = (done.line, done.places)
                if done.anchor is not None and self.anchors[done.anchor] is done:  # else something inside has taken the name over
                    self.anchors[done.anchor] = _Anchor(done.data, place, nodes - done.start + 1, done.height)
                frame = stack[-1] if stack else None
                if frame is not None and frame.height <= done.height:
                    frame.height = done.height + 1
                self.attach(frame, done.data, place, event)
            elif kind is AliasEvent:
                anchor = self.alias(frame, event)
                nodes += anchor.nodes + 1
                if nodes > max_nodes:
                    self.fail_size(event)
                self.count_aliased(anchor.nodes, nodes, event)
                if len(stack) + anchor.height > MAX_DEPTH:
                    self.fail_depth(event)
                if frame is not None and frame.height <= anchor.height:
                    frame.height = anchor.height + 1
                self.attach(frame, anchor.data, anchor.place, event)
            elif kind is DocumentEndEvent:
                if self.excess is not None:
                    raise self.excess
                self.document.nodes = nodes
                self.look_behind(next_event)
                return
            elif kind is StreamEndEvent:
                return

    def look_behind(self, next_event: Any) -> None:
        """kubectl reads one document up to each `---` line and ignores what stands behind it."""
        try:
            event = next_event()
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.document.ends_at = (mark.line if mark else 0) + self.first_line
            return
        if event.__class__ is not StreamEndEvent:
            self.document.ends_at = event.start_mark.line + self.first_line

    def fault(self, message: str, event: Any) -> YamlFault:
        mark = event.start_mark
        return YamlFault(message, mark.line + self.first_line, mark.column + 1)

    def fail_size(self, event: Any) -> None:
        mark = event.start_mark
        raise LimitReached(
            f"It holds more than {self.max_nodes:,} values once its aliases are expanded; the grader reads no further.",
            mark.line + self.first_line,
            mark.column + 1,
        )

    def fail_depth(self, event: Any) -> None:
        mark = event.start_mark
        raise LimitReached(f"It is nested more than {MAX_DEPTH} levels deep.", mark.line + self.first_line, mark.column + 1)

    def plain(self, text: str, resolve: Any, event: Any) -> Any:
        try:
            return resolve(text)
        except scalars.NotJson:
            raise self.fault("Infinity and NaN are no values in a manifest. Put the text in quotes, or write a number.", event) from None

    def plain_key(self, text: str, resolve_key: Any, event: Any) -> Any:
        key = _MERGE if text == "<<" else resolve_key(text)
        if key is None:
            raise self.fault("A field without a name: write the name before the colon.", event)
        return key

    def again(self, frame: _Frame, key: str, event: Any) -> None:
        """A key that its map already has: a duplicate, unless it came with a merge key, which it may override."""
        if key in frame.merged:
            frame.merged.discard(key)
            return
        mark = event.start_mark
        path = (*(self.step(outer) for outer in self.stack[:-1]), key)
        self.document.duplicates.append(Duplicate(path, mark.line + self.first_line, mark.column + 1, line_of(frame.places[key])))

    @staticmethod
    def step(frame: _Frame) -> str | int:
        if frame.places.__class__ is dict:
            return frame.key if isinstance(frame.key, str) else "<<"
        return len(frame.data)

    def scalar(self, frame: _Frame | None, event: Any) -> None:
        """A scalar with a tag or an anchor, or one that is the whole document."""
        value, tag, plain = event.value, event.tag, event.implicit[0]
        is_key = frame is not None and frame.places.__class__ is dict and frame.key is _NO_KEY
        is_merge = is_key and value == "<<" and (plain or tag == _MERGE_TAG)
        if tag is not None:
            try:
                value = scalars.tagged(tag, value)
            except scalars.NotJson:
                raise self.fault("The value does not fit the tag (the word with !) before it. Leave the tag out.", event) from None
        elif plain and value[:1] in scalars.HINTS:
            value = self.plain(value, scalars.resolve, event)
        line = event.start_mark.line + self.first_line
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchor(value, line, 1, 0)
        self.attach(frame, _MERGE if is_merge else value, line, event)

    def alias(self, frame: _Frame | None, event: Any) -> _Anchor:
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            raise self.fault(
                "A value that starts with * repeats an earlier one marked with &, and there is none. Is it text? Quote it.", event
            )
        if isinstance(anchor, _Frame):
            raise self.fault("A value that starts with * repeats an earlier one, but it stands inside that one.", event)
        if frame is not None and frame.key is _MERGE and not isinstance(anchor.data, dict):
            raise self.fault(_MERGE_WHAT, event)
        return anchor

    def count_aliased(self, more: int, nodes: int, event: Any) -> None:
        """kubectl's own bound on aliases (allowedAliasRatio of its go-yaml), which small documents meet before our limit of size."""
        self.aliased += more
        if self.excess is None and self.aliased > 100 and nodes > 1000 and self.aliased > 0.99 * nodes:
            self.excess = self.fault("Aliases repeat aliases so often that kubectl refuses it. Write out what they repeat.", event)

    def attach(self, frame: _Frame | None, data: Any, place: Place, event: Any) -> None:
        """Put a finished value where it belongs."""
        if frame is None:
            self.document.data, self.document.place = data, place
        elif frame.places.__class__ is list:
            frame.data.append(data)
            frame.places.append(place)
        elif frame.key is _NO_KEY:
            self.attach_key(frame, data, event)
        elif frame.key is _MERGE:
            frame.key = _NO_KEY
            self.merge(frame, data, place, event)
        else:
            frame.data[frame.key] = data
            if isinstance(place, tuple):
                frame.places[frame.key] = (line_of(frame.places[frame.key]), place[1])
            frame.key = _NO_KEY

    def attach_key(self, frame: _Frame, key: Any, event: Any) -> None:
        if key is not _MERGE:
            key = None if isinstance(key, dict | list) else scalars.key_text(key)
            if key is None:
                raise self.fault("A field without a name, or with a map or a list as its name.", event)
            if key in frame.places:
                self.again(frame, key, event)
            frame.places[key] = event.start_mark.line + self.first_line
        frame.key = key

    def merge(self, frame: _Frame, data: Any, place: Place, event: Any) -> None:
        """`<<: value`: the entries of one map, or of several of which the first wins, in the order in which kubectl sets them."""
        inside: Any = place[1] if isinstance(place, tuple) else None
        if isinstance(data, dict):
            sources = [(data, inside)]
        elif isinstance(data, list) and all(isinstance(item, dict) for item in data):
            sources = [(item, item_place[1]) for item, item_place in zip(data, inside, strict=True)][::-1]
        else:
            raise self.fault(_MERGE_WHAT, event)
        for entries, places in sources:
            frame.merged |= {key for key in entries if key not in frame.data}
            frame.data.update(entries)
            frame.places.update(places)
