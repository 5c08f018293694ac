"""lessons/ -> values: texts, quizzes and the glossary, read once.

    course = Course.load(addresses=Addresses(root=""))    # some tenths of a second; keep it for the life of the process
    lesson = course["lesson-7"]                           # KeyError for an id that is none
    lesson.written                                        # False: there is no text yet; show the exercise alone
    lesson.html                                           # the body, safe HTML; rendered when first asked for, then kept
    lesson.html_in("team-a")                              # the same with commands for another namespace (a valid name of one)
    lesson.contents                                       # the headings as a tree: .text .anchor .children
    lesson.taught["hpa-target"]                           # the anchor of the section that teaches an objective
    lesson.quiz[0].html                                   # the question; .several: more than one option is right
    lesson.quiz[0].options[0].html, .why_html, .correct   # an option in one line, why it is right or wrong, and which of both
    course.glossary["pod"].term, .short, .docs            # plain text to escape, and an address
    lesson.sections                                       # for a search: .anchor .heading .text

`html` values are `str` that may be marked as safe; everything in them is escaped and no attribute holds a style or a script, so a
Content-Security-Policy without `unsafe-inline` suits them. Classes and data attributes that pages style and scripts use:

    aside.box.box-note|tip|warning|production|mistake|break > p.box-title > span.box-kind      a.anchor (in h2..h4)
    a.term[data-term=pod] (to the glossary)        figure.diagram(.diagram-wide > div.diagram-scroll) > svg       div.table-scroll > table
    div.listing[data-language][data-file] > p.listing-head > span.listing-file|listing-note, pre > code (Pygments' short classes)
    div.listing-console[data-copy] > pre > code > span.command > span.prompt; span.output      th|td.align-left|center|right

This module knows nothing of the web. It imports a Markdown parser, so commands that need no texts do not import it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.services.content import NAMESPACE, course_folder
from app.services.curriculum import MINUTES, number
from app.services.markdown import Addresses, Markdown
from app.services.markdown_page import Heading, Link, Listing, Page, Section, read_page
from graders.errors import GradingError
from graders.lessons import LESSONS
from graders.sources.yaml_loader import Document, SyntaxFault, YamlFault, load
from graders.sources.yaml_messages import syntax_in_words
from graders.sources.yaml_positions import line_of, step_to

__all__ = ["Addresses", "ContentError", "Course", "Heading", "LessonText", "Link", "Listing", "Option", "Question", "Section", "Term"]

_MANY = 10_000  # values of one file; none of the course comes near
_NOTHING = Page((), (), (), (), (), (), (), (), 0, ())


class ContentError(GradingError):
    """A file of the course is not as docs/writing-lessons.md has it. `file` and `line` say where, `what` is the sentence without them."""

    def __init__(self, file: Path, line: int, what: str, *, help: str) -> None:
        super().__init__(f"{file}:{line}: {what}", help=help)
        self.file = file
        self.line = line
        self.what = what


@dataclass(frozen=True)
class Option:
    """An answer to choose. `text` and `why` are Markdown, `html` (one line) and `why_html` (paragraphs) what they become."""

    text: str
    why: str
    correct: bool
    line: int
    _markdown: Markdown = field(repr=False, compare=False)

    @cached_property
    def html(self) -> str:
        return self._markdown.inline(self.text)

    @cached_property
    def why_html(self) -> str:
        return self._markdown.block(self.why)


@dataclass(frozen=True)
class Question:
    """A question of a quiz. Its id is permanent: answers are stored under the lesson's id and this one."""

    id: str
    text: str
    options: tuple[Option, ...]
    line: int
    _markdown: Markdown = field(repr=False, compare=False)

    @cached_property
    def html(self) -> str:
        return self._markdown.block(self.text)

    @property
    def several(self) -> bool:
        """Whether more than one option is right, which the page tells."""
        return sum(option.correct for option in self.options) > 1


@dataclass(frozen=True, slots=True)
class Term:
    """An entry of the glossary: what it explains, in a sentence or two of plain text, and where more is to be read."""

    id: str
    term: str
    short: str
    docs: str
    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class Head:
    """What stands at the top of a text, and the line of each key."""

    id: str
    title: str
    minutes: int
    part: str
    summary: str
    lines: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class LessonText:
    """A lesson as a reader has it. Without a text (`written` is False) title and minutes are the grader's, and the rest is empty."""

    id: str
    title: str
    minutes: int
    part: str = ""
    summary: str = ""
    path: Path | None = None
    quiz: tuple[Question, ...] = ()
    page: Page = field(default=_NOTHING, repr=False)
    head: Head | None = field(default=None, repr=False)
    quiz_path: Path | None = None
    _markdown: Markdown = field(default_factory=Markdown, repr=False, compare=False)

    @property
    def written(self) -> bool:
        """Whether there is a text."""
        return self.path is not None

    @cached_property
    def html(self) -> str:
        """The body as safe HTML."""
        return self._markdown.html(self.page)

    def html_in(self, namespace: str) -> str:
        """The body, with commands and manifests for another namespace."""
        return self.html if namespace == NAMESPACE else _rendered(self._markdown, self, namespace)

    @cached_property
    def contents(self) -> tuple[Heading, ...]:
        """The headings as a tree."""
        return self.page.contents

    @property
    def sections(self) -> tuple[Section, ...]:
        """The text by heading, for a search."""
        return self.page.sections

    @property
    def listings(self) -> tuple[Listing, ...]:
        """All listings in order; those in `console` have commands."""
        return self.page.listings

    @property
    def links(self) -> tuple[Link, ...]:
        """All links in order."""
        return self.page.links

    @property
    def words(self) -> int:
        """How many words of prose there are."""
        return self.page.words

    @cached_property
    def taught(self) -> Mapping[str, str]:
        """By objective the anchor of the first section that teaches it."""
        return MappingProxyType({objective: anchor for objective, anchor, _ in reversed(self.page.teaches)})


@lru_cache(maxsize=128)
def _rendered(markdown: Markdown, lesson: LessonText, namespace: str) -> str:
    return markdown.html(lesson.page, namespace)


@dataclass(frozen=True)
class Course:
    """All lessons in teaching order, and the glossary by id in the order of its file."""

    lessons: tuple[LessonText, ...]
    glossary: Mapping[str, Term]

    @classmethod
    def load(cls, root: Path | None = None, *, addresses: Addresses | None = None) -> Course:
        """Read the folder of lessons, the course's own when None. Raises ContentError for a file that is not as it should be."""
        root = root or lessons_folder()
        markdown = Markdown(addresses, read_pictures(root))
        lessons = tuple(read_lesson(entry.id, root, markdown) for entry in LESSONS)
        terms: dict[str, Term] = {}
        for path in glossary_files(root):
            for term in read_glossary(path):
                terms.setdefault(term.id, term)
        return cls(lessons, MappingProxyType(terms))

    @cached_property
    def _by_id(self) -> Mapping[str, LessonText]:
        return {lesson.id: lesson for lesson in self.lessons}

    def __getitem__(self, lesson: str) -> LessonText:
        return self._by_id[lesson]

    def __iter__(self) -> Iterator[LessonText]:
        return iter(self.lessons)

    @property
    def parts(self) -> Mapping[str, tuple[LessonText, ...]]:
        """The lessons by the part that they belong to, in order; those without a text stand under an empty name."""
        found: dict[str, tuple[LessonText, ...]] = {}
        for lesson in self.lessons:
            found[lesson.part] = (*found.get(lesson.part, ()), lesson)
        return MappingProxyType(found)


def lessons_folder() -> Path:
    """The folder of all texts."""
    return course_folder("lessons")


def read_pictures(root: Path) -> Mapping[str, str]:
    """The pictures by file name. Raises ContentError for one that is no text."""
    return MappingProxyType({path.name: _text_of(path) for path in sorted((root / "diagrams").glob("*.svg"))})


def text_file(lesson: str, root: Path) -> Path | None:
    """The file of a lesson's text, None when there is none yet. Raises ContentError when there are several."""
    found = sorted(root.glob(f"lesson-{number(lesson):02}-*.md"))
    if len(found) > 1:
        raise ContentError(found[1], 1, f"{lesson} has a second text beside {found[0].name}.", help="Keep one of the two.")
    return found[0] if found else None


def glossary_files(root: Path) -> list[Path]:
    """glossary.yaml, and files such as glossary-storage.yaml beside it while somebody works on new entries."""
    return sorted(root.glob("glossary*.yaml"), key=lambda path: (path.stem != "glossary", path.name))


def read_lesson(lesson: str, root: Path, markdown: Markdown) -> LessonText:
    """A lesson with its quiz. Raises ContentError."""
    (entry,) = (entry for entry in LESSONS if entry.id == lesson)
    path = text_file(lesson, root)
    if path is None:
        return LessonText(entry.id, entry.title, MINUTES[entry.id], _markdown=markdown)
    head, body = read_head(path)
    quiz_path = path.with_suffix(".quiz.yaml")
    quiz = read_quiz(quiz_path, markdown) if quiz_path.exists() else ()
    page = read_page(body)
    where = quiz_path if quiz_path.exists() else None
    return LessonText(entry.id, head.title, head.minutes, head.part, head.summary, path, quiz, page, head, where, markdown)


_HEAD_HELP = "Begin the file as docs/writing-lessons.md shows: a line of ---; id, title, minutes, part and summary; a line of ---."


def read_head(path: Path) -> tuple[Head, str]:
    """The head of a text, and its body with empty lines in place of the head, so that lines keep their numbers. Raises ContentError."""
    text = _text_of(path)
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        raise ContentError(path, 1, "The text has no head.", help=_HEAD_HELP)
    end = next((index for index, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        raise ContentError(path, 1, "The head has no end.", help=_HEAD_HELP)
    held = _Yaml.read(path, "\n".join(lines[1:end]), first_line=2)
    fields = held.fields((), {"id": str, "title": str, "minutes": int, "part": str, "summary": str}, "The head")
    numbers = {key: held.line((key,)) for key in fields}
    return Head(**fields, lines=MappingProxyType(numbers)), "\n" * (end + 1) + "\n".join(lines[end + 1 :])


def read_quiz(path: Path, markdown: Markdown) -> tuple[Question, ...]:
    """The questions of a quiz. Raises ContentError."""
    held = _Yaml.read(path, _text_of(path))
    return tuple(_question(held, at, markdown) for at in held.items(()))


def _question(held: _Yaml, at: _Path, markdown: Markdown) -> Question:
    fields = held.fields(at, {"id": str, "question": str, "options": list}, "A question")
    options = []
    for place in held.items((*at, "options")):
        option = held.fields(place, {"text": str, "why": str}, "An option", {"correct": bool})
        options.append(Option(option["text"], option["why"], option.get("correct", False), held.line(place), markdown))
    return Question(fields["id"], fields["question"], tuple(options), held.line(at), markdown)


def read_glossary(path: Path) -> tuple[Term, ...]:
    """The entries of a glossary. Raises ContentError."""
    held = _Yaml.read(path, _text_of(path))
    wanted = {"id": str, "term": str, "short": str, "docs": str}
    return tuple(Term(**held.fields(at, wanted, "An entry"), file=path, line=held.line(at)) for at in held.items(()))


_Path = tuple[str | int, ...]
_KINDS = {str: "a text", int: "a whole number", list: "a list", bool: "true or false"}


@dataclass(frozen=True)
class _Yaml:
    """A YAML file of the course, to be taken apart with complaints that name the line."""

    path: Path
    document: Document

    @classmethod
    def read(cls, path: Path, text: str, first_line: int = 1) -> _Yaml:
        try:
            document = load(text.encode(), _MANY, first_line)
        except YamlFault as fault:
            lines = text.split("\n")
            near = lines[fault.line - first_line] if 0 <= fault.line - first_line < len(lines) else ""
            message = syntax_in_words(fault, near) if isinstance(fault, SyntaxFault) else fault.message
            advice = "Mend the YAML there; a text that holds `: ` or begins with a sign such as ` needs quotation marks around it."
            raise ContentError(path, fault.line, message, help=advice) from fault
        for twice in document.duplicates:
            what = f"`{twice.path[-1]}` stands here twice, first on line {twice.first}."
            raise ContentError(path, twice.line, what, help="Keep one of them.")
        if document.ends_at is not None:
            raise ContentError(path, document.ends_at, "A second document begins here.", help="Keep all of the file in one document.")
        return cls(path, document)

    def line(self, at: _Path) -> int:
        place = step_to(self.document.place, at)
        return line_of(place) if place is not None else 1

    def value(self, at: _Path) -> Any:
        value = self.document.data
        for step in at:
            value = value[step]
        return value

    def items(self, at: _Path) -> list[_Path]:
        """The places of the items of a list."""
        value = self.value(at)
        if not isinstance(value, list):
            what = f"Here belongs a list, and there is {_found(value)}."
            raise ContentError(self.path, self.line(at), what, help="Begin each item with `- id:`, as docs/writing-lessons.md shows.")
        return [(*at, index) for index in range(len(value))]

    def fields(self, at: _Path, wanted: Mapping[str, type], what: str, optional: Mapping[str, type] | None = None) -> dict[str, Any]:
        """The fields of a map: all of `wanted`, some of `optional`, and no others."""
        value = self.value(at)
        optional = optional or {}
        names = ", ".join((*wanted, *optional))
        if not isinstance(value, dict):
            raise ContentError(self.path, self.line(at), f"{what} is {_found(value)}.", help=f"Make it a map of {names}.")
        for key in value:
            if key not in wanted and key not in optional:
                raise ContentError(self.path, self.line((*at, key)), f"{what} has a field `{key}`.", help=f"Its fields are {names}.")
        for key, kind in (*wanted.items(), *((key, kind) for key, kind in optional.items() if key in value)):
            found = value.get(key)
            good = isinstance(found, kind) and (kind is bool or not isinstance(found, bool)) and found != ""
            if not good:
                said = f"has no `{key}`" if key not in value else f"has {_found(found)} as `{key}`"
                advice = f"Write `{key}:` and {_KINDS[kind]}{' in quotation marks' if kind is str else ''} after it."
                raise ContentError(self.path, self.line((*at, key) if key in value else at), f"{what} {said}.", help=advice)
        return dict(value)


def _found(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a map" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a text"


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise ContentError(path, 1, f"It cannot be read: {error.strerror or error}.", help="Install the course again.") from error
    except ValueError as error:
        raise ContentError(path, 1, "It is no text in UTF-8.", help="Save it again as UTF-8.") from error
