"""How the objectives fare in a cohort: how many pass them, after how many attempts and minutes, and which tell the strong from the weak."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Integer, cast, func, select
from sqlmodel import Session, col

from app.models import Attempt, HintShown, Membership, ObjectiveResult, Role
from app.services.stuck import PAUSE
from graders.lessons import LESSONS
from graders.objective import Objective
from graders.verdict import Status

FEW: Final = 10
"""With fewer learners than that a share in percent, or a correlation, says more than anybody knows."""


@dataclass(frozen=True, slots=True)
class Item:
    """One objective. `tried` have tried its lesson, `passed` of them have passed it once, `at_once` in their first attempt.

    `attempts` and `minutes` are medians over those who have passed: attempts at the lesson up to the one in which it passed first, and the
    minutes at work from the first attempt to that one. `discrimination` is None where there are too few, or all did equally well.
    """

    lesson_id: str
    lesson: str
    id: str
    title: str
    bonus: bool
    tried: int
    passed: int
    at_once: int
    attempts: float | None
    minutes: float | None
    hints: int
    discrimination: float | None

    @property
    def share(self) -> float:
        """Of those who tried, how many passed; 1 where nobody tried."""
        return self.passed / self.tried if self.tried else 1.0


SORTS: Final[Mapping[str, Callable[[Item], Any]]] = {
    "hardest": lambda item: (not item.tried, item.share, -(item.attempts or 0)),
    "attempts": lambda item: -(item.attempts or 0),
    "minutes": lambda item: -(item.minutes or 0),
    "at-once": lambda item: (not item.tried, item.at_once / item.tried if item.tried else 0),
    "hints": lambda item: -item.hints,
    "discrimination": lambda item: item.discrimination if item.discrimination is not None else 2,
    "course": lambda _: 0,
}
"""By the word in the address; sorting is stable, and items come in the order of the course."""


def of(session: Session, cohort_id: int, lesson_id: str = "") -> list[Item]:
    """The objectives of the course, or of one lesson, in the order of the course. It takes a moment for a large cohort."""
    firsts = _firsts(session, cohort_id, lesson_id)
    minutes = _minutes(session, cohort_id, lesson_id)
    hints = _hints(session, cohort_id)
    items = []
    for entry in LESSONS:
        if lesson_id in ("", entry.id):
            times = minutes.get(entry.id, {})
            lesson = entry.load()
            found = {each.id: _known(firsts.get((entry.id, each.id), {}), times) for each in lesson.objectives}
            for objective in lesson.objectives:
                others = [found[each.id].keys() for each in lesson.objectives if each.id != objective.id]
                used = hints.get((entry.id, objective.id), 0)
                items.append(_item(entry.id, entry.title, objective, times, found[objective.id], others, used))
    return items


def _known(first: Mapping[int, int], times: Mapping[int, Sequence[float]]) -> dict[int, int]:
    """Those whose attempts both queries have found: a class is at work between the two."""
    return {learner: nth for learner, nth in first.items() if nth <= len(times.get(learner, ()))}


def _item(
    lesson_id: str,
    lesson: str,
    objective: Objective,
    times: Mapping[int, Sequence[float]],
    first: Mapping[int, int],
    others: Sequence[Iterable[int]],
    hints: int,
) -> Item:
    took = [times[learner][nth - 1] for learner, nth in first.items()]
    return Item(
        lesson_id,
        lesson,
        objective.id,
        objective.title,
        objective.bonus,
        len(times),
        len(first),
        sum(nth == 1 for nth in first.values()),
        statistics.median(first.values()) if first else None,
        statistics.median(took) if took else None,
        hints,
        discrimination([learner in first for learner in times], _rest(times, others)),
    )


def _rest(learners: Iterable[int], others: Sequence[Iterable[int]]) -> list[int]:
    """How many of the other objectives each learner has passed."""
    counts = dict.fromkeys(learners, 0)
    for passed in others:
        for learner in passed:
            counts[learner] += 1
    return list(counts.values())


def discrimination(passed: Sequence[bool], rest: Sequence[int]) -> float | None:
    """The point-biserial correlation of passing one objective with how many of the others were passed, which leaves out the one itself
    (the corrected item-total correlation). None for fewer than `FEW` learners, or where one of the two is the same for all."""
    if len(passed) < FEW or len(set(passed)) < 2 or len(set(rest)) < 2:
        return None
    return statistics.correlation([float(each) for each in passed], [float(each) for each in rest])


def _minutes(session: Session, cohort_id: int, lesson_id: str) -> dict[str, dict[int, list[float]]]:
    """By lesson and learner: for each attempt, in order, how many minutes of work after the first it came."""
    query = (
        select(col(Attempt.lesson_id), col(Attempt.learner_id), col(Attempt.checked_at))
        .join(Membership, col(Membership.learner_id) == col(Attempt.learner_id))
        .where(col(Membership.cohort_id) == cohort_id, col(Membership.role) == Role.LEARNER)
        .order_by(col(Attempt.learner_id), col(Attempt.checked_at), col(Attempt.id))
    )
    if lesson_id:
        query = query.where(col(Attempt.lesson_id) == lesson_id)
    found: dict[str, dict[int, list[float]]] = {}
    last: dict[tuple[str, int], datetime] = {}
    for lesson, learner, at in session.connection().execute(query):
        times = found.setdefault(lesson, {}).setdefault(learner, [])
        gone = at - last.get((lesson, learner), at)
        times.append((times[-1] if times else 0.0) + (gone.total_seconds() / 60 if gone <= PAUSE else 0.0))
        last[lesson, learner] = at
    return found


def _firsts(session: Session, cohort_id: int, lesson_id: str) -> dict[tuple[str, str], dict[int, int]]:
    """By lesson and objective: the number, from 1, of each learner's attempt at the lesson in which it passed first."""
    lesson, learner = col(Attempt.lesson_id), col(Attempt.learner_id)
    nth = func.row_number().over(partition_by=(learner, lesson), order_by=(col(Attempt.checked_at), col(Attempt.id)))
    numbered = (
        select(col(Attempt.id), lesson, learner, nth.label("nth"))
        .join(Membership, col(Membership.learner_id) == learner)
        .where(col(Membership.cohort_id) == cohort_id, col(Membership.role) == Role.LEARNER)
    )
    if lesson_id:
        numbered = numbered.where(lesson == lesson_id)
    inner = numbered.subquery()
    objective = col(ObjectiveResult.objective_id)
    query = (
        select(inner.c.lesson_id, objective, inner.c.learner_id, cast(func.min(inner.c.nth), Integer))
        .join(ObjectiveResult, col(ObjectiveResult.attempt_id) == inner.c.id)
        .where(col(ObjectiveResult.status) == Status.PASSED)
        .group_by(inner.c.lesson_id, objective, inner.c.learner_id)
    )
    found: dict[tuple[str, str], dict[int, int]] = {}
    for of_lesson, of_objective, of_learner, first in session.connection().execute(query):
        found.setdefault((of_lesson, of_objective), {})[of_learner] = first
    return found


def _hints(session: Session, cohort_id: int) -> dict[tuple[str, str], int]:
    columns = col(HintShown.lesson_id), col(HintShown.objective_id)
    query = (
        select(*columns, func.count())
        .join(Membership, col(Membership.learner_id) == col(HintShown.learner_id))
        .where(col(Membership.cohort_id) == cohort_id, col(Membership.role) == Role.LEARNER)
        .group_by(*columns)
    )
    return {(row[0], row[1]): row[2] for row in session.connection().execute(query)}
