"""What stands around a lesson's text."""

from __future__ import annotations

from dataclasses import dataclass

from app.services.lesson_texts import Course, LessonText
from graders.lessons import Entry


@dataclass(frozen=True, slots=True)
class ObjectiveLine:
    """An objective as a reader sees it before anything is judged."""

    id: str
    title: str
    bonus: bool
    live: bool


def objectives_of(entry: Entry, namespace: str) -> list[ObjectiveLine]:
    """A lesson's objectives, in teaching order, for a namespace."""
    return [
        ObjectiveLine(objective.id, objective.title.replace("{namespace}", namespace), objective.bonus, objective.live)
        for objective in entry.load().objectives
    ]


def neighbours(course: Course, lesson: LessonText) -> tuple[LessonText | None, LessonText | None]:
    """The lessons before and after one, None at the ends of the course."""
    lessons = list(course)
    at = lessons.index(lesson)
    return (lessons[at - 1] if at else None), (lessons[at + 1] if at + 1 < len(lessons) else None)
