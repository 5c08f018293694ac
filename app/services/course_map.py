"""The course as a path: lessons in their parts, each with how far the learner is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from app.services.curriculum import number
from app.services.lesson_texts import Course, LessonText
from app.services.progress import CourseProgress, LessonProgress


@dataclass(frozen=True, slots=True)
class Stop:
    """One lesson on the path; `anchor` is where the learner stopped reading."""

    id: str
    title: str
    summary: str
    part: str
    minutes: int
    progress: LessonProgress
    anchor: str

    @property
    def number(self) -> int:
        """7 of `lesson-7`."""
        return number(self.id)


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring lessons with a title of their own."""

    title: str
    stops: tuple[Stop, ...]

    @property
    def minutes(self) -> int:
        """How long its lessons take together."""
        return sum(stop.minutes for stop in self.stops)


@dataclass(frozen=True, slots=True)
class Parts:
    """The whole path, the stop to go on with, and whether anything has been begun at all."""

    parts: tuple[Part, ...]
    current: Stop
    begun: bool


def parts(course: Course, progress: CourseProgress, anchors: Mapping[str, str], last_read: str | None) -> Parts:
    """The path. `anchors` tell where the learner stopped reading in a lesson, `last_read` is the lesson read last."""
    stops = [_stop(text, progress.lessons[text.id], anchors.get(text.id, "")) for text in course]
    made = tuple(Part(title or "Lessons", tuple(group)) for title, group in groupby(stops, key=lambda stop: stop.part))
    unfinished = [stop for stop in stops if stop.id == last_read and not stop.progress.complete]
    current = unfinished[0] if unfinished else next(stop for stop in stops if stop.id == progress.current)
    begun = bool(anchors) or any(stop.progress.attempts for stop in stops)
    return Parts(made, current, begun)


def _stop(text: LessonText, progress: LessonProgress, anchor: str) -> Stop:
    return Stop(text.id, text.title, text.summary, text.part, text.minutes, progress, anchor)
