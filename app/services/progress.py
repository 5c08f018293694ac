"""Progress, derived from attempts: what has passed once stays passed, and what no longer holds is told beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import Session, col

from app.models import Attempt, ObjectiveResult, Origin
from app.services.curriculum import MINUTES, asked
from graders.lessons import LESSONS
from graders.verdict import Status

_JUDGED = (Status.PASSED, Status.FAILED)


class Pass(NamedTuple):
    """The first time that an objective passed on one kind of source, `manifests` or `cluster`; and whether the workbench saw it."""

    lesson_id: str
    objective_id: str
    source: str
    at: datetime
    at_workbench: bool


class Latest(NamedTuple):
    """What the newest attempt on one kind of source says of an objective."""

    lesson_id: str
    objective_id: str
    source: str
    status: str


class Tally(NamedTuple):
    """A lesson's attempts: how many, when the last one was, and when the first complete one was."""

    lesson_id: str
    attempts: int
    last_at: datetime
    complete_at: datetime | None


@dataclass(frozen=True, slots=True)
class LessonProgress:
    """How far a learner is in one lesson.

    `passed` tells when each objective passed first, bonus ones included. `regressed` are those that passed and, by the newest attempt
    on the same kind of source, no longer do. `at_workbench` are those that passed with the files of the workbench, and perhaps elsewhere.
    `counted` is how many objectives there are that can be counted at all.
    """

    lesson_id: str
    counted: int
    bonus: frozenset[str]
    passed: Mapping[str, datetime] = field(default_factory=dict)
    regressed: frozenset[str] = frozenset()
    at_workbench: frozenset[str] = frozenset()
    attempts: int = 0
    last_at: datetime | None = None
    complete_at: datetime | None = None

    @property
    def done(self) -> int:
        """How many of the objectives that count have passed once."""
        return sum(objective not in self.bonus for objective in self.passed)

    @property
    def complete(self) -> bool:
        """Whether an attempt was complete once."""
        return self.complete_at is not None

    @property
    def state(self) -> str:
        """`complete`, `begun` or `new`."""
        return "complete" if self.complete else "begun" if self.attempts else "new"


@dataclass(frozen=True, slots=True)
class CourseProgress:
    """How far a learner is in the course, by lesson in teaching order."""

    lessons: Mapping[str, LessonProgress]

    @property
    def complete(self) -> bool:
        """Whether every lesson is."""
        return all(lesson.complete for lesson in self.lessons.values())

    @property
    def complete_at(self) -> datetime | None:
        """When the last lesson was completed; None when one is not."""
        times = [lesson.complete_at for lesson in self.lessons.values()]
        return max(time for time in times if time) if all(times) else None

    @property
    def current(self) -> str:
        """The lesson to go on with: the one tried last while it is open, else the first that is open, else the last of all."""
        open_ = [lesson for lesson in self.lessons.values() if not lesson.complete]
        begun = [lesson for lesson in open_ if lesson.last_at]
        if begun:
            return max(begun, key=lambda lesson: lesson.last_at or datetime.min).lesson_id
        return open_[0].lesson_id if open_ else list(self.lessons)[-1]

    @property
    def minutes_left(self) -> int:
        """The minutes of the lessons that are not complete."""
        return sum(MINUTES[lesson.lesson_id] for lesson in self.lessons.values() if not lesson.complete)


def of_lesson(session: Session, learner_id: int, lesson_id: str) -> LessonProgress:
    """The learner's progress in one lesson."""
    return _derive([lesson_id], *_facts(session, learner_id, lesson_id))[lesson_id]


def of_course(session: Session, learner_id: int) -> CourseProgress:
    """The learner's progress in all lessons."""
    return CourseProgress(_derive([entry.id for entry in LESSONS], *_facts(session, learner_id, None)))


def _derive(
    lesson_ids: Iterable[str], passes: Iterable[Pass], latest: Iterable[Latest], tallies: Iterable[Tally]
) -> dict[str, LessonProgress]:
    first: dict[str, dict[str, datetime]] = {}
    passed_on: set[tuple[str, str, str]] = set()
    at_workbench: dict[str, set[str]] = {}
    for item in passes:
        passed_on.add((item.lesson_id, item.objective_id, item.source))
        if item.at_workbench:
            at_workbench.setdefault(item.lesson_id, set()).add(item.objective_id)
        times = first.setdefault(item.lesson_id, {})
        times[item.objective_id] = min(item.at, times.get(item.objective_id, item.at))
    regressed: dict[str, set[str]] = {}
    for now in latest:
        if now.status == Status.FAILED and (now.lesson_id, now.objective_id, now.source) in passed_on:
            regressed.setdefault(now.lesson_id, set()).add(now.objective_id)
    counts = {tally.lesson_id: tally for tally in tallies}
    derived = {}
    for lesson_id in lesson_ids:
        lesson = asked(lesson_id)
        assert lesson is not None  # it is one of the course's
        tally = counts.get(lesson_id)
        derived[lesson_id] = LessonProgress(
            lesson_id,
            len(lesson.counted),
            lesson.bonus,
            first.get(lesson_id, {}),
            frozenset(regressed.get(lesson_id, ())),
            frozenset(at_workbench.get(lesson_id, ())),
            tally.attempts if tally else 0,
            tally.last_at if tally else None,
            tally.complete_at if tally else None,
        )
    return derived


_lesson, _source, _at = col(Attempt.lesson_id), col(Attempt.source), col(Attempt.checked_at)
_here = col(Attempt.origin) == Origin.WORKBENCH
_objective, _status = col(ObjectiveResult.objective_id), col(ObjectiveResult.status)


def _facts(session: Session, learner_id: int, lesson_id: str | None) -> tuple[list[Pass], list[Latest], list[Tally]]:
    mine: list[ColumnElement[bool]] = [col(Attempt.learner_id) == learner_id]
    if lesson_id is not None:
        mine.append(_lesson == lesson_id)
    results = (
        select(_lesson, _objective, _source, func.min(_at), func.max(case((_here, 1), else_=0)))
        .join(Attempt, col(Attempt.id) == col(ObjectiveResult.attempt_id))
        .where(*mine, _status == Status.PASSED)
        .group_by(_lesson, _objective, _source)
    )
    newest = (
        select(
            _lesson,
            _objective,
            _source,
            _status,
            func.row_number()
            .over(
                partition_by=(_lesson, _objective, _source),
                order_by=(_at.desc(), col(Attempt.id).desc()),
            )
            .label("age"),
        )
        .join(Attempt, col(Attempt.id) == col(ObjectiveResult.attempt_id))
        .where(*mine, _status.in_(_JUDGED))
        .subquery()
    )
    now = select(newest.c.lesson_id, newest.c.objective_id, newest.c.source, newest.c.status).where(newest.c.age == 1)
    tallies = (
        select(
            _lesson,
            func.count(col(Attempt.id)),
            func.max(_at),
            func.min(_at).filter(col(Attempt.complete)),
        )
        .where(*mine)
        .group_by(_lesson)
    )
    return (
        [Pass(row[0], row[1], row[2], row[3], bool(row[4])) for row in session.execute(results)],
        [Latest(*row) for row in session.execute(now)],
        [Tally(*row) for row in session.execute(tallies)],
    )
