"""The course as a whole: how long lessons take, which of them build on which, and how much each asks."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from graders.lessons import LESSONS

MINUTES = {
    "lesson-0": 45,
    "lesson-1": 20,
    "lesson-2": 30,
    "lesson-3": 30,
    "lesson-4": 55,
    "lesson-5": 30,
    "lesson-6": 35,
    "lesson-7": 40,
    "lesson-8": 25,
    "lesson-9": 40,
    "lesson-10": 40,
    "lesson-11": 45,
    "lesson-12": 35,
    "lesson-13": 25,
    "lesson-14": 45,
    "lesson-15": 45,
}

# The nearest lessons whose objects a lesson relates to, or whose namespace it needs.
_BUILDS_ON = {
    "lesson-2": ("lesson-1",),
    "lesson-3": ("lesson-1",),
    "lesson-4": ("lesson-2", "lesson-3"),
    "lesson-5": ("lesson-4",),
    "lesson-6": ("lesson-5",),
    "lesson-7": ("lesson-4",),
    "lesson-8": ("lesson-4",),
    "lesson-9": ("lesson-4",),
    "lesson-10": ("lesson-9",),
    "lesson-11": ("lesson-5", "lesson-10"),
    "lesson-12": ("lesson-5", "lesson-7"),
    "lesson-13": ("lesson-9",),
    "lesson-14": ("lesson-3", "lesson-2"),
    "lesson-15": ("lesson-6", "lesson-8", "lesson-12", "lesson-11"),
}


def number(lesson: str) -> int:
    """7 of `lesson-7`."""
    return int(lesson.removeprefix("lesson-"))


def builds_on(lesson: str) -> tuple[str, ...]:
    """All earlier lessons that a lesson builds on, directly or through others, in teaching order."""
    found: set[str] = set()
    waiting = list(_BUILDS_ON.get(lesson, ()))
    while waiting:
        earlier = waiting.pop()
        if earlier not in found:
            found.add(earlier)
            waiting += _BUILDS_ON.get(earlier, ())
    return tuple(sorted(found, key=number))


class Asked(NamedTuple):
    """What a lesson asks: the ids of the objectives that count, in teaching order, those of the bonus ones, and how many of the former show
    on a cluster only."""

    counted: tuple[str, ...]
    bonus: frozenset[str]
    live: int


@lru_cache(maxsize=64)
def asked(lesson_id: str) -> Asked | None:
    """What a lesson asks; None for one that the course does not have."""
    for entry in LESSONS:
        if entry.id == lesson_id:
            objectives = entry.load().objectives
            counted = [each for each in objectives if not each.bonus]
            bonus = frozenset(each.id for each in objectives if each.bonus)
            return Asked(tuple(each.id for each in counted), bonus, sum(each.live for each in counted))
    return None
