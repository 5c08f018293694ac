"""The gradebook: for each learner and lesson the points, how late they were earned, and what they rest on.

Points are the share of a lesson's counted objectives that have passed once, of 100; bonus objectives are told apart. What shows on a
cluster only does not count for whoever has completed the lesson on files, where nobody could judge it. What passed once stays passed.
When it did is when the server got to know of it (`received_at`), by its own clock and not by the learner's. Exactly at the due time is in
time; a second later is one day late, for each day of 24 hours that has begun counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from sqlalchemy import and_, case, false, func, or_, select
from sqlmodel import Session, col

from app.models import (
    Account,
    Attempt,
    Cohort,
    Extension,
    HintShown,
    LatePolicy,
    Learner,
    Membership,
    ObjectiveResult,
    Origin,
    Role,
)
from app.services import assurance, due_dates
from app.services.assurance import Assurance
from app.services.curriculum import asked
from graders.lessons import LESSONS
from graders.verdict import Status

AT_ONCE: Final = 4_000  # learners whose work is read with one query: one is quicker than several, and parameters are limited
_DAY: Final = timedelta(days=1)
_BY_SERVER: Final = tuple(origin for origin in Origin if assurance.of(origin).by_server)


@dataclass(frozen=True, slots=True)
class Rules:
    """How a gradebook counts: what a day begun after the due date takes off, and whether only what the server has checked counts."""

    policy: LatePolicy
    percent: int
    checked_only: bool = False

    def worth(self, days: int) -> float:
        """What is left of a point that was earned so many days late, from 0 to 1."""
        if days == 0 or self.policy is LatePolicy.NONE:
            return 1.0
        return 0.0 if self.policy is LatePolicy.CLOSED else max(0.0, 1 - self.percent * days / 100)

    @property
    def words(self) -> str:
        """What lateness costs, in a sentence."""
        if self.policy is LatePolicy.NONE:
            return "Late work counts in full; how late it was is told beside it."
        if self.policy is LatePolicy.CLOSED:
            return "What passed after the due time counts nothing."
        return f"Each day of 24 hours begun after the due time takes {self.percent} % off what passed on it."


class Passes(NamedTuple):
    """Objectives that passed for the first time at one moment: how many that count, and how many bonus ones."""

    at: datetime
    counted: int
    bonus: int
    by_server: bool


class Work(NamedTuple):
    """What a learner has done in a lesson."""

    passes: Sequence[Passes] = ()
    attempts: int = 0
    complete_at: datetime | None = None
    hints: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """One learner's work in one lesson. Points are of 100, `points` as passed and `final` by the policy; `late` is in days begun."""

    lesson_id: str
    passed: int = 0
    counted: int = 0
    bonus: int = 0
    points: float = 0.0
    final: float = 0.0
    late: int = 0
    due_at: datetime | None = None
    extended: bool = False
    complete_at: datetime | None = None
    assurance: Assurance | None = None
    attempts: int = 0
    hints: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One learner's marks in teaching order, and their mean over the lessons that count towards the total."""

    learner_id: int
    name: str
    email: str
    marks: tuple[Mark, ...]
    total: float


@dataclass(frozen=True, slots=True)
class Dates:
    """A cohort's due dates by lesson, and the extensions by learner and lesson."""

    of_all: Mapping[str, datetime] = field(default_factory=dict)
    own: Mapping[tuple[int, str], datetime] = field(default_factory=dict)

    def of(self, learner_id: int, lesson_id: str) -> tuple[datetime | None, bool]:
        """When it is due for somebody, and whether that is an extension."""
        due, own = self.of_all.get(lesson_id), self.own.get((learner_id, lesson_id))
        return (own, True) if due is not None and own is not None and own > due else (due, False)


class _Lesson(NamedTuple):
    id: str
    counted: int
    bonus: frozenset[str]
    live: int  # how many of those that count show on a cluster only


class Gradebook:
    """A cohort's gradebook: its rules, and its rows as they are asked for."""

    def __init__(self, session: Session, cohort: Cohort, *, checked_only: bool = False) -> None:
        assert cohort.id is not None
        self.cohort = cohort
        self.rules = Rules(LatePolicy(cohort.late_policy), cohort.late_percent, checked_only)
        self._session = session
        self._dates = Dates(due_dates.of_cohort(session, cohort.id), _own_dates(session, cohort.id))
        self.lessons = _lessons()
        with_date = [lesson.id for lesson in self.lessons if lesson.id in self._dates.of_all]
        self.totalled = tuple(with_date or (lesson.id for lesson in self.lessons))

    @property
    def due(self) -> Mapping[str, datetime]:
        """The due dates of all, by lesson."""
        return self._dates.of_all

    def people(self) -> list[tuple[int, str, str]]:
        """The learners, by name: number, name, address."""
        query = (
            select(col(Learner.id), col(Learner.name), col(Account.email))
            .join(Account, col(Account.learner_id) == Learner.id)
            .join(Membership, col(Membership.learner_id) == Learner.id)
            .where(col(Membership.cohort_id) == self.cohort.id, col(Membership.role) == Role.LEARNER)
            .order_by(func.lower(col(Learner.name)), col(Account.email))
        )
        return [(number, name, email) for number, name, email in self._session.execute(query)]

    def rows(self, people: Sequence[tuple[int, str, str]] | None = None) -> Iterator[Row]:
        """The rows of these people, or of all learners; some thousands are read at once."""
        people = self.people() if people is None else people
        for start in range(0, len(people), AT_ONCE):
            some = people[start : start + AT_ONCE]
            yield from self._some([person[0] for person in some], some)

    def _some(self, ids: list[int], people: Sequence[tuple[int, str, str]]) -> Iterator[Row]:
        passes = _passes(self._session, ids, self.lessons, checked_only=self.rules.checked_only)
        attempts = _attempts(self._session, ids, checked_only=self.rules.checked_only)
        hints = _hints(self._session, ids)
        for number, name, email in people:
            marks = []
            for lesson in self.lessons:
                key = number, lesson.id
                count, complete_at = attempts.get(key, (0, None))
                due_at, extended = self._dates.of(*key)
                work = Work(passes.get(key, ()), count, complete_at, hints.get(key, 0))
                marks.append(mark(self.rules, lesson.id, lesson.counted, work, due_at, live=lesson.live, extended=extended))
            total = sum(each.final for each in marks if each.lesson_id in self.totalled) / len(self.totalled)
            yield Row(number, name, email, tuple(marks), round(total, 2))


def mark(rules: Rules, lesson_id: str, counted: int, work: Work, due_at: datetime | None, *, live: int = 0, extended: bool = False) -> Mark:
    """What a learner's work in a lesson of `counted` objectives amounts to; `live` of these show on a cluster only."""
    passed = bonus = late = 0
    worth, by_server = 0.0, True
    for each in work.passes:
        days = days_late(each.at, due_at)
        passed += each.counted
        bonus += each.bonus
        if each.counted:
            worth += each.counted * rules.worth(days)
            late = max(late, days)
            by_server = by_server and each.by_server
    if work.complete_at is not None:
        counted = max(passed, counted - live)
    assured = (Assurance.CHECKED if by_server else Assurance.REPORTED) if passed else None
    return Mark(
        lesson_id,
        passed,
        counted,
        bonus,
        _of_hundred(passed, counted),
        _of_hundred(worth, counted),
        late,
        due_at,
        extended,
        work.complete_at,
        assured,
        work.attempts,
        work.hints,
    )


def days_late(at: datetime, due_at: datetime | None) -> int:
    """How many days of 24 hours have begun between the due time and `at`; 0 in time."""
    return 0 if due_at is None or at <= due_at else -((due_at - at) // _DAY)


def _of_hundred(part: float, counted: int) -> float:
    return round(min(100.0, 100 * part / counted), 2) if counted else 0.0


_learner, _lesson = col(Attempt.learner_id), col(Attempt.lesson_id)
_at = func.coalesce(col(Attempt.received_at), col(Attempt.checked_at))
_by_server = col(Attempt.origin).in_(_BY_SERVER)


def _passes(session: Session, ids: list[int], lessons: Iterable[_Lesson], *, checked_only: bool) -> dict[tuple[int, str], list[Passes]]:
    """When the objectives of these learners passed for the first time, by learner and lesson."""
    first = (
        select(
            _learner,
            _lesson,
            col(ObjectiveResult.objective_id),
            func.min(_at).label("at"),
            func.min(_at).filter(_by_server).label("by_server_at"),
        )
        .join(ObjectiveResult, col(ObjectiveResult.attempt_id) == col(Attempt.id))
        .where(_learner.in_(ids), col(ObjectiveResult.status) == Status.PASSED)
        .group_by(_learner, _lesson, col(ObjectiveResult.objective_id))
        .subquery()
    )
    bonus = or_(
        false(), *(and_(first.c.lesson_id == lesson.id, first.c.objective_id.in_(lesson.bonus)) for lesson in lessons if lesson.bonus)
    )
    at = first.c.by_server_at if checked_only else first.c.at
    by_server = first.c.by_server_at.is_not(None)
    query = (
        select(
            first.c.learner_id, first.c.lesson_id, at, func.sum(case((bonus, 0), else_=1)), func.sum(case((bonus, 1), else_=0)), by_server
        )
        .where(at.is_not(None))
        .group_by(first.c.learner_id, first.c.lesson_id, at, by_server)
    )
    found: dict[tuple[int, str], list[Passes]] = {}
    for learner_id, lesson_id, moment, counted, extra, checked in session.execute(query):
        found.setdefault((learner_id, lesson_id), []).append(Passes(moment, counted, extra, bool(checked)))
    return found


def _attempts(session: Session, ids: list[int], *, checked_only: bool) -> dict[tuple[int, str], tuple[int, datetime | None]]:
    """How many attempts there were, and when the server got the first complete one."""
    complete = and_(col(Attempt.complete), _by_server) if checked_only else col(Attempt.complete)
    query = select(_learner, _lesson, func.count(), func.min(_at).filter(complete)).where(_learner.in_(ids)).group_by(_learner, _lesson)
    return {(learner_id, lesson_id): (count, at) for learner_id, lesson_id, count, at in session.execute(query)}


def _hints(session: Session, ids: list[int]) -> dict[tuple[int, str], int]:
    learner, lesson = col(HintShown.learner_id), col(HintShown.lesson_id)
    query = select(learner, lesson, func.count()).where(learner.in_(ids)).group_by(learner, lesson)
    return {(learner_id, lesson_id): count for learner_id, lesson_id, count in session.execute(query)}


def _own_dates(session: Session, cohort_id: int) -> dict[tuple[int, str], datetime]:
    query = select(col(Extension.learner_id), col(Extension.lesson_id), col(Extension.due_at)).where(col(Extension.cohort_id) == cohort_id)
    return {(learner_id, lesson_id): at for learner_id, lesson_id, at in session.execute(query)}


@cache
def _lessons() -> tuple[_Lesson, ...]:
    return tuple(_Lesson(entry.id, len(each.counted), each.bonus, each.live) for entry in LESSONS if (each := asked(entry.id)))
