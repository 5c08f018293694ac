"""Markdown of the course -> what stands in it: headings, sections, listings, links, boxes and pictures, with their lines.

CommonMark with tables, and three things of ours: boxes (`::: warning Title`), `<!-- teaches: … -->`, and links by meaning (`glossary:pod`).
All of it is found by walking the parser's tokens, which `app.services.markdown` renders. docs/writing-lessons.md is the contract.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

BOXES = {
    "note": "Note",
    "tip": "Tip",
    "warning": "Warning",
    "production": "In production",
    "mistake": "Common mistake",
    "break": "Break it",
}
DIAGRAM = re.compile(r"diagrams/([a-z0-9-]+\.svg)")
_BOX = re.compile(r":::[ \t]*(\S+)[ \t]*(.*?)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_TEACHES = re.compile(r"<!--[ \t]*teaches:[ \t]*([a-z0-9 \t-]*?)[ \t]*-->[ \t]*$")
_TARGETS = (
    ("here", re.compile(r"#(?P<anchor>[^\s#]+)")),
    ("glossary", re.compile(r"glossary:(?P<target>[a-z0-9-]+)")),
    ("lesson", re.compile(r"lesson:(?P<target>lesson-\d+)(?:#(?P<anchor>[^\s#]+))?")),
    ("objective", re.compile(r"objective:(?P<target>lesson-\d+/[a-z0-9-]+)")),
    ("exercise", re.compile(r"exercise:(?P<target>lesson-\d+)")),
    ("simulator", re.compile(r"simulator:(?P<target>(?:hpa|disruption)(?:\?[A-Za-z0-9_.:,%&=+-]+)?)")),
    ("web", re.compile(r"(?P<target>https://[^\s]+)")),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, with those below it. `anchor` is its id in the page."""

    level: int
    text: str
    anchor: str
    line: int
    children: tuple[Heading, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """What stands from one heading to the next, as plain text for a search. Before the first heading `anchor` and `heading` are empty."""

    anchor: str
    heading: str
    level: int
    text: str
    teaches: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console listing, as bash gets it, with the lines that the listing shows below it."""

    text: str
    output: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A fenced listing. `attributes` are the words after its language, a flag with an empty value; `line` is that of its fence.

    `malformed` says what is wrong with these words, `closed` whether the fence ends before the text does.
    """

    language: str
    attributes: Mapping[str, str]
    text: str
    line: int
    section: str = ""
    malformed: str = ""
    closed: bool = True

    @property
    def commands(self) -> tuple[Command, ...]:
        """Those of a console listing, in order."""
        return _commands(self.text, self.line + 1) if self.language == "console" else ()


class Target(NamedTuple):
    """What a link means: `kind` is here, glossary, lesson, objective, exercise, simulator, web or unknown."""

    kind: str
    target: str
    anchor: str

    @classmethod
    def of(cls, href: str) -> Target:
        """The target of a link as it is written in the text."""
        for kind, form in _TARGETS:
            found = form.fullmatch(href)
            if found:
                parts = found.groupdict(default="")
                return cls(kind, parts.get("target", ""), parts.get("anchor", ""))
        return cls("unknown", href, "")


@dataclass(frozen=True, slots=True)
class Link:
    """A link in the text, its words, and its line."""

    target: Target
    text: str
    line: int
    section: str


@dataclass(frozen=True, slots=True)
class Box:
    """A box. `kind` is what was written, known or not."""

    kind: str
    title: str
    line: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture. `file` is empty where it is none of `diagrams/`; `alone` tells one on a line of its own, which alone is shown."""

    source: str
    file: str
    alt: str
    line: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What stands in a text. `words` are those of the prose: paragraphs, lists, headings and boxes.

    `teaches` are objectives with the anchor of the section that teaches them and the line that says so. `stray` are lines of a form of ours
    that came out as plain text, such as a `:::` that closes nothing.
    """

    tokens: tuple[Token, ...]
    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]
    listings: tuple[Listing, ...]
    links: tuple[Link, ...]
    boxes: tuple[Box, ...]
    pictures: tuple[Picture, ...]
    teaches: tuple[tuple[str, str, int], ...]
    words: int
    stray: tuple[tuple[str, int], ...]

    @property
    def contents(self) -> tuple[Heading, ...]:
        """The headings as a tree."""
        return _tree(self.headings)


def slug(text: str) -> str:
    """The id of a heading: its words in lower case, joined by `-`, other signs left out."""
    return "-".join(re.sub(r"[^\w\s-]", "", text.lower()).replace("-", " ").split()) or "section"


def read_page(text: str) -> Page:
    """What stands in a text. Never raises, whatever it holds."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # as the parser counts lines
    return _Walk(text.split("\n")).page(parser().parse(text))


class _Parser(MarkdownIt):
    """Refuses and changes no link: a refused one would be shown with its brackets, and nobody could say what is wrong with it.

    The renderer makes a link only of what `Target` knows.
    """

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 # markdown-it's name
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 # likewise
        return url


@cache
def parser() -> MarkdownIt:
    """The one parser of the course. Threads may share it."""
    made = _Parser("commonmark", {"html": False}).enable("table")
    ends: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    made.block.ruler.before("fence", "box", _box, ends)
    made.block.ruler.before("fence", "teaches", _teaches, ends)
    made.core.ruler.push("pictures", _pictures)
    made.core.ruler.push("anchors", _anchors)
    return made


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _box(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`::: kind Title`, up to a line of `:::`; one inside a listing does not end it."""
    found = None if state.is_code_block(start) else _BOX.match(_line(state, start))
    if not found:
        return False
    if silent:
        return True
    last, fence = start + 1, ""
    while last < end and not (not fence and _line(state, last).rstrip() == ":::"):
        mark = _FENCE.match(_line(state, last))
        if mark:
            fence = mark[1] if not fence else "" if mark[1].startswith(fence) else fence
        last += 1
    closed = last < end
    parent, limit = state.parentType, state.lineMax
    state.parentType, state.lineMax = "box", last
    opening = state.push("box_open", "aside", 1)
    opening.map, opening.meta = [start, last], {"kind": found[1], "title": found[2], "closed": closed}
    state.push("box_title_open", "p", 1)
    title = state.push("inline", "", 0)
    title.content, title.map, title.children = found[2], [start, start + 1], []
    state.push("box_title_close", "p", -1)
    state.md.block.tokenize(state, start + 1, last)
    state.push("box_close", "aside", -1)
    state.parentType, state.lineMax = parent, limit
    state.line = last + closed
    return True


def _teaches(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """`<!-- teaches: id id -->` on a line of its own."""
    found = None if state.is_code_block(start) else _TEACHES.match(_line(state, start))
    if not found:
        return False
    if not silent:
        token = state.push("teaches", "", 0)
        token.map, token.meta = [start, start + 1], {"ids": tuple(found[1].split())}
        state.line = start + 1
    return True


def _pictures(state: StateCore) -> None:
    """A paragraph that holds a picture and nothing else becomes a figure."""
    tokens = state.tokens
    for index, token in enumerate(tokens):
        children = token.children or []
        if token.type != "inline" or len(children) != 1 or children[0].type != "image" or tokens[index - 1].type != "paragraph_open":
            continue
        if DIAGRAM.fullmatch(str(children[0].attrs.get("src", ""))):
            children[0].type = "picture"
            tokens[index - 1].hidden = tokens[index + 1].hidden = True


def _anchors(state: StateCore) -> None:
    """Give each heading an id of its own: the second of two alike gets `-2`."""
    taken: set[str] = set()
    for index, token in enumerate(state.tokens):
        if token.type != "heading_open":
            continue
        name = wanted = slug(plain_words(state.tokens[index + 1]))
        count = 1
        while name in taken:
            count += 1
            name = f"{wanted}-{count}"
        taken.add(name)
        token.attrs["id"] = name


def plain_words(inline: Token) -> str:
    """The words of an inline token."""
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else "" if child.type in ("image", "picture") else child.content
        for child in inline.children or []
    )


@dataclass
class _Walk:
    """Collects what stands in a text by going through its tokens once."""

    lines: Sequence[str]
    headings: list[Heading] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    teaches: list[tuple[str, str, int]] = field(default_factory=list)
    stray: list[tuple[str, int]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)
    words: int = 0
    anchor: str = ""
    in_table: bool = False

    def page(self, tokens: Sequence[Token]) -> Page:
        for index, token in enumerate(tokens):
            line = token.map[0] + 1 if token.map else 0
            match token.type:
                case "heading_open":
                    self.anchor = str(token.attrs["id"])
                    self.headings.append(Heading(int(token.tag[1:]), plain_words(tokens[index + 1]), self.anchor, line))
                case "table_open" | "table_close":
                    self.in_table = token.nesting == 1
                case "fence" | "code_block":
                    self.listing(token, line)
                case "box_open":
                    self.boxes.append(Box(token.meta["kind"], token.meta["title"], line, token.meta["closed"]))
                case "teaches":
                    self.teaches += [(objective, self.anchor, line) for objective in token.meta["ids"]]
                case "inline":
                    self.inline(token, line, heading=tokens[index - 1].type == "heading_open")
        return Page(
            tuple(tokens), tuple(self.headings), tuple(self.sections()), tuple(self.listings), tuple(self.links), tuple(self.boxes),
            tuple(self.pictures), tuple(self.teaches), self.words, tuple(self.stray),
        )  # fmt: skip

    def sections(self) -> Iterator[Section]:
        if self.texts.get(""):
            yield Section("", "", 0, " ".join(self.texts[""]), (), 1)
        for heading in self.headings:
            taught = tuple(objective for objective, anchor, _ in self.teaches if anchor == heading.anchor)
            text = " ".join(self.texts.get(heading.anchor, ()))
            yield Section(heading.anchor, heading.text, heading.level, text, taught, heading.line)

    def listing(self, token: Token, line: int) -> None:
        language, attributes, malformed = listing_head(token.info)
        fenced = token.type == "fence"
        last = self.lines[token.map[1] - 1].strip() if token.map and fenced else ""
        closed = not fenced or (len(last) >= len(token.markup) and not last.strip(token.markup[0]) and token.map != [line - 1, line])
        self.listings.append(Listing(language, attributes, token.content, line, self.anchor, malformed, closed))
        self.texts.setdefault(self.anchor, []).append(token.content)

    def inline(self, token: Token, line: int, *, heading: bool) -> None:
        text = plain_words(token)
        if not heading:
            self.texts.setdefault(self.anchor, []).append(text)
        if not self.in_table:
            self.words += sum(any(sign.isalnum() for sign in word) for word in text.split())
        opened: list[tuple[Target, int, list[str]]] = []
        for child in token.children or []:
            if child.type in ("softbreak", "hardbreak"):
                line += 1
            elif child.type == "link_open":
                opened.append((Target.of(str(child.attrs.get("href", ""))), line, []))
            elif child.type == "link_close":
                target, begins, words = opened.pop()
                self.links.append(Link(target, "".join(words), begins, self.anchor))
            elif child.type in ("image", "picture"):
                source = str(child.attrs.get("src", ""))
                found = DIAGRAM.fullmatch(source)
                self.pictures.append(Picture(source, found[1] if found else "", child.content, line, child.type == "picture"))
            elif child.type == "text" and (":::" in child.content or "<!--" in child.content):
                self.stray.append((child.content.strip(), line))
            for _, _, words in opened:
                words.append(child.content)


def _tree(headings: Sequence[Heading]) -> tuple[Heading, ...]:
    found: list[Heading] = []
    at = 0
    while at < len(headings):
        end = at + 1
        while end < len(headings) and headings[end].level > headings[at].level:
            end += 1
        head = headings[at]
        found.append(Heading(head.level, head.text, head.anchor, head.line, _tree(headings[at + 1 : end])))
        at = end
    return tuple(found)


def listing_head(info: str) -> tuple[str, dict[str, str], str]:
    """The language and the attributes that stand after a fence, and what is wrong with them."""
    try:
        words = shlex.split(info)
    except ValueError:
        return (info.split() or [""])[0], {}, f"The words after the fence have a quotation mark that is not closed: `{info.strip()}`."
    attributes: dict[str, str] = {}
    for word in words[1:]:
        name, _, value = word.partition("=")
        attributes[name] = value
    return (words or [""])[0], attributes, ""


def _commands(text: str, first_line: int) -> tuple[Command, ...]:
    found: list[tuple[list[str], list[str], int]] = []
    for number, line in enumerate(text.rstrip("\n").split("\n"), first_line):
        if line.startswith("$ "):
            found.append(([line[2:]], [], number))
        elif found and not found[-1][1] and (line == ">" or line.startswith("> ")):
            found[-1][0].append(line[2:])
        elif found:
            found[-1][1].append(line)
    return tuple(Command("\n".join(typed), _trimmed(shown), line) for typed, shown, line in found)


def _trimmed(lines: list[str]) -> tuple[str, ...]:
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(lines)
