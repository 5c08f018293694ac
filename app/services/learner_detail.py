"""One learner as their instructor sees them: lesson by lesson, and one attempt with its evidence, beside their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from app.models import Account, Attempt, Extension, Learner, Membership, Origin, Role, SolutionShown
from app.services import (
    assurance,
    attempts,
    comments,
    due_dates,
    equality,
    gradebook,
    progress,
    quiz,
    reading,
    starters,
    stuck,
    workbench,
    workspace,
)
from app.services.assurance import Assurance
from app.services.attempt_steps import ORIGINS
from app.services.comments import Said
from app.services.equality import Same
from app.services.lesson_texts import Course
from app.services.masked_files import Masked, masked
from app.services.progress import LessonProgress
from app.services.quiz import Score
from app.services.stuck import Stuck
from graders.lessons import LESSONS
from graders.objective import Objective

_RECENT: Final = 50  # attempts that the page lists


class Who(NamedTuple):
    """A learner of a cohort."""

    id: int
    name: str
    email: str
    joined_at: datetime
    namespace: str | None


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson: how far they are, with what help, and until when it is due for them. `read` is minutes, `hints` by objective."""

    id: str
    title: str
    progress: LessonProgress
    hints: Mapping[str, int]
    solution: bool
    quiz: Score | None
    read: int
    due_at: datetime | None
    extended: bool
    objectives: Sequence[Objective]
    said: Sequence[Said]

    @property
    def late(self) -> bool:
        """Whether it was not complete when it was due; what is not complete yet is asked of `late_at`."""
        return self.due_at is not None and self.progress.complete_at is not None and self.progress.complete_at > self.due_at

    def late_at(self, now: datetime) -> bool:
        """Whether it should be complete by now, and is not."""
        return self.due_at is not None and self.progress.complete_at is None and now > self.due_at


class Line(NamedTuple):
    """An attempt in one line."""

    id: int
    lesson_id: str
    title: str
    origin: str
    assurance: Assurance
    at: datetime
    passed: int
    counted: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything of one learner."""

    who: Who
    lessons: Sequence[Lesson]
    attempts: Sequence[Line]
    stuck: Stuck | None
    last: Mapping[str, Any] | None
    equal: Sequence[Same]
    now: datetime

    @property
    def done(self) -> int:
        """How many objectives passed once."""
        return sum(lesson.progress.done for lesson in self.lessons)

    @property
    def counted(self) -> int:
        """How many there are."""
        return sum(lesson.progress.counted for lesson in self.lessons)

    @property
    def complete(self) -> int:
        """How many lessons are complete."""
        return sum(lesson.progress.complete for lesson in self.lessons)


def who_is(session: Session, cohort_id: int, learner_id: int) -> Who | None:
    """A learner of the cohort; None for anybody else."""
    row = session.execute(
        select(col(Learner.name), col(Account.email), col(Membership.joined_at), col(Membership.namespace))
        .join(Account, col(Account.learner_id) == col(Learner.id))
        .join(Membership, col(Membership.learner_id) == col(Learner.id))
        .where(col(Membership.cohort_id) == cohort_id, col(Membership.role) == Role.LEARNER, col(Learner.id) == learner_id)
    ).first()
    return Who(learner_id, row[0] or row[1], row[1], row[2], row[3]) if row else None


def of(session: Session, cohort_id: int, learner_id: int, course: Course, now: datetime) -> Detail | None:
    """A learner of the cohort; None for anybody else."""
    who = who_is(session, cohort_id, learner_id)
    if who is None:
        return None
    is_stuck = stuck.find(session, cohort_id, now, learner_ids=[learner_id]).get(learner_id)
    last = session.get(Attempt, is_stuck.attempt_id) if is_stuck and is_stuck.attempt_id else None
    evidence = stuck.evidence_of(last, is_stuck.objective_id) if is_stuck else None
    lessons, tried = _lessons(session, cohort_id, learner_id, course), _attempts(session, learner_id)
    return Detail(who, lessons, tried, is_stuck, evidence, equality.of_learner(session, cohort_id, learner_id), now)


def _lessons(session: Session, cohort_id: int, learner_id: int, course: Course) -> list[Lesson]:
    made = progress.of_course(session, learner_id).lessons
    hints = workbench.hints_by_lesson(session, learner_id)
    solutions = set(session.scalars(select(col(SolutionShown.lesson_id)).where(col(SolutionShown.learner_id) == learner_id)))
    scores, read = quiz.scores(session, learner_id, course), reading.seconds(session, learner_id)
    extensions = select(Extension).where(col(Extension.cohort_id) == cohort_id, col(Extension.learner_id) == learner_id)
    own = {(row.learner_id, row.lesson_id): row.due_at for row in session.scalars(extensions)}
    dates = gradebook.Dates(due_dates.of_cohort(session, cohort_id), own)
    said = comments.of(session, learner_id, cohort_id=cohort_id)
    return [
        Lesson(
            entry.id,
            entry.title,
            made[entry.id],
            hints.get(entry.id, {}),
            entry.id in solutions,
            scores.get(entry.id),
            round(read.get(entry.id, 0) / 60),
            *dates.of(learner_id, entry.id),
            entry.load().objectives,
            [each for each in said if each.lesson_id == entry.id],
        )
        for entry in LESSONS
    ]


def _attempts(session: Session, learner_id: int) -> list[Line]:
    columns = (Attempt.id, Attempt.lesson_id, Attempt.origin, Attempt.checked_at, Attempt.passed, Attempt.counted, Attempt.complete)
    rows = session.execute(
        select(*columns)  # type: ignore[call-overload] # it has overloads for up to ten columns of declared types
        .where(col(Attempt.learner_id) == learner_id)
        .order_by(col(Attempt.checked_at).desc(), col(Attempt.id).desc())
        .limit(_RECENT)
    )
    return [_in_line(*row) for row in rows]


_TITLES = {entry.id: entry.title for entry in LESSONS}


def _in_line(id: int, lesson_id: str, origin: str, at: datetime, passed: int, counted: int, complete: bool) -> Line:
    where = ORIGINS.get(origin, origin)
    return Line(id, lesson_id, _TITLES.get(lesson_id, lesson_id), where, assurance.of(origin), at, passed, counted, complete)


@dataclass(frozen=True, slots=True)
class Judged:
    """What an attempt says of one objective, as `stuck.as_shown` has it. `was` is its status in the attempt before on the same kind of
    source, empty where there is none; `before` what was found then, when that was something else."""

    said: Mapping[str, Any]
    was: str
    before: str
    hints: int

    @property
    def changed(self) -> bool:
        """Whether its status is another one now."""
        return bool(self.was) and self.was != self.said["status"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One attempt. `earlier` and `later` are the ids of those next to it at the same lesson; `files` are the learner's, as they are now;
    `equal` is what it shares with others."""

    who: Who
    line: Line
    engine: str
    received_at: datetime | None
    first: bool
    objectives: Sequence[Judged]
    earlier: int | None
    later: int | None
    files: Sequence[Masked]
    equal: Sequence[Same]
    said: Sequence[Said]


def attempt(session: Session, cohort_id: int, learner_id: int, attempt_id: int, namespace: str) -> Seen | None:
    """One attempt of a learner of the cohort; None for anybody else's. `namespace` is what files are for who has none of their own."""
    who, found = who_is(session, cohort_id, learner_id), session.get(Attempt, attempt_id)
    if who is None or found is None or found.learner_id != learner_id:
        return None
    before = _next_to(session, found, later=False, same_source=True)
    older, newer = _next_to(session, found, later=False), _next_to(session, found, later=True)
    hints = workbench.hints_of(session, learner_id, found.lesson_id)
    line = _in_line(attempt_id, found.lesson_id, found.origin, found.checked_at, found.passed, found.counted, found.complete)
    return Seen(
        who,
        line,
        found.engine,
        found.received_at,
        before is None,
        [_judged(each, before, hints) for each in found.report["objectives"]],
        older.id if older else None,
        newer.id if newer else None,
        _files(session, who, found.lesson_id, namespace) if found.origin == Origin.WORKBENCH else [],
        [same for same in equality.of_learner(session, cohort_id, learner_id) if same.lesson_id == found.lesson_id],
        comments.of(session, learner_id, found.lesson_id, cohort_id=cohort_id),
    )


def _judged(objective: Mapping[str, Any], before: Attempt | None, hints: Mapping[str, int]) -> Judged:
    said = stuck.as_shown(objective)
    earlier = stuck.evidence_of(before, objective["id"])
    was = attempts.statuses(before.report).get(objective["id"], "") if before else ""
    found = ((earlier or {}).get("evidence") or {}).get("found") or ""
    now = (said["evidence"] or {}).get("found") or ""
    return Judged(said, was, found if found != now else "", hints.get(objective["id"], 0))


def _next_to(session: Session, attempt: Attempt, *, later: bool, same_source: bool = False) -> Attempt | None:
    at, number = col(Attempt.checked_at), col(Attempt.id)
    beside = (at > attempt.checked_at) | ((at == attempt.checked_at) & (number > attempt.id))
    if not later:
        beside = (at < attempt.checked_at) | ((at == attempt.checked_at) & (number < attempt.id))
    query = select(Attempt).where(col(Attempt.learner_id) == attempt.learner_id, col(Attempt.lesson_id) == attempt.lesson_id, beside)
    if same_source:
        query = query.where(col(Attempt.source) == attempt.source)
    order = (at, number) if later else (at.desc(), number.desc())
    return session.scalars(query.order_by(*order).limit(1)).first()


def _files(session: Session, who: Who, lesson_id: str, namespace: str) -> list[Masked]:
    seed = starters.seed_of(session, who.id, lesson_id)
    return [
        masked(file.name, file.content, file.updated_at, starters.origin_of(lesson_id, file.name, who.namespace or namespace, seed))
        for file in workspace.files(session, who.id)
    ]
