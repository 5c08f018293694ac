"""What the rules of `course lint` look at, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from app.services.lesson_texts import LessonText, Term
from graders.objective import Lesson


class Finding(NamedTuple):
    """Something that is not as docs/writing-lessons.md has it: which rule, where, what is wrong in one sentence, and what to do."""

    rule: str
    file: Path
    line: int
    message: str
    help: str


@dataclass(frozen=True)
class Material:
    """All that the rules look at.

    `graded` are the lessons as the grader has them, `terms` the glossary, duplicates and all, `pictures` SVG by file name, `style` their
    shared style. `exercise` gives the text of a file of a lesson's exercise (`solution/hpa.yaml`), None where there is none; `folders`
    names the exercises' folders. `misspelt` are files with line, word and what is meant; None where no spelling checker is installed.
    """

    root: Path
    lessons: tuple[LessonText, ...]
    graded: Mapping[str, Lesson]
    terms: tuple[Term, ...] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)
    style: str = ""
    exercise: Callable[[str, str], str | None] = lambda _lesson, _file: None
    folders: Mapping[str, str] = field(default_factory=dict)
    misspelt: tuple[tuple[Path, int, str, str], ...] | None = None

    @property
    def complete(self) -> bool:
        """Whether every lesson has a text."""
        return all(lesson.written for lesson in self.lessons)
