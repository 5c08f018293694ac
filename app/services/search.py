"""Search over all lessons, the glossary and the objectives: SQLite's full-text index, in memory, made when the app starts."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.services.content import NAMESPACE
from app.services.lesson_texts import Course
from app.services.markdown import Addresses
from graders.lessons import LESSONS

_MOST = 30
_WORD = re.compile(r"[\w][\w.-]*", re.UNICODE)
_BEGIN, _END = "\x02", "\x03"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that holds the words: where it is, what it is called, and some of its text with the words marked, as safe HTML."""

    address: str
    kind: str
    title: str
    within: str
    excerpt: Markup


class SearchIndex:
    """All that can be found. Made once; reading it changes nothing."""

    def __init__(self, course: Course, addresses: Addresses) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        # `porter` finds `replica` for `replicas`; `.` and `-` belong to words, as in `rag-engine.svc` and `maxSurge`.
        self._database.execute(
            "CREATE VIRTUAL TABLE places USING fts5"
            "(title, text, address UNINDEXED, kind UNINDEXED, within UNINDEXED, tokenize='porter unicode61')"
        )
        self._database.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?)", _places(course, addresses))

    def find(self, words: str) -> list[Hit]:
        """The places that hold all of the words, the last one as a beginning too; the best first. Nothing for no words."""
        query = _query(words)
        if not query:
            return []
        rows = self._database.execute(
            "SELECT address, kind, title, within, snippet(places, 1, ?, ?, ' … ', 28) FROM places WHERE places MATCH ? "
            "ORDER BY bm25(places, 8.0, 1.0) LIMIT ?",
            (_BEGIN, _END, query, _MOST),
        )
        return [Hit(address, kind, title, within, _marked(excerpt)) for address, kind, title, within, excerpt in rows]


def _query(words: str) -> str:
    """What FTS5 is asked: every word in quotation marks, so that none is taken for its syntax."""
    found: Sequence[str] = _WORD.findall(words[:200])[:10]
    terms = [f'"{word}"' for word in found]
    if terms and not words.endswith(" "):
        terms[-1] += "*"
    return " ".join(terms)


def _marked(excerpt: str) -> Markup:
    pieces = re.split(f"{_BEGIN}(.*?){_END}", excerpt, flags=re.DOTALL)
    return Markup("").join(Markup("<mark>{}</mark>").format(piece) if index % 2 else piece for index, piece in enumerate(pieces))


def _places(course: Course, addresses: Addresses) -> Iterator[tuple[str, str, str, str, str]]:
    for lesson in course:
        yield lesson.title, lesson.summary, addresses.lesson(lesson.id), "Lesson", lesson.part
        for section in lesson.sections:
            if section.anchor:
                yield section.heading, section.text, addresses.lesson(lesson.id, section.anchor), "Section", lesson.title
    for entry in LESSONS:
        for objective in entry.load().objectives:
            title = objective.title.replace("{namespace}", NAMESPACE).replace("`", "")
            yield title, objective.id, addresses.objective(entry.id, objective.id), "Objective", entry.title
    for term in course.glossary.values():
        yield term.term, term.short, addresses.term(term.id), "Glossary", ""
