"""Where each learner stands in each lesson: kept with every attempt, and made anew from all attempts where that is needed.

A board reads 16,000 of these at once; what `app.services.progress` derives from attempts is the same, one learner at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, exists, not_, or_, select
from sqlmodel import Session, col

from app.db import session_of
from app.models import Attempt, ObjectiveResult, Standing
from app.services.curriculum import Asked, asked
from graders.lessons import LESSONS
from graders.verdict import Status

_JUDGED = (Status.PASSED, Status.FAILED)
_CLOSED = (Status.PASSED, Status.SKIPPED)


class Told(NamedTuple):
    """What one attempt says."""

    id: int
    at: datetime
    source: str
    complete: bool
    statuses: Mapping[str, str]


def note(session: Session, attempt: Attempt) -> None:
    """Let an attempt that was just stored count. The transaction is one that holds the learner's lock (`session_of`)."""
    lesson = asked(attempt.lesson_id)
    if lesson is None:
        return
    assert attempt.id is not None
    held = session.get(Standing, (attempt.learner_id, attempt.lesson_id))
    if held is not None and held.regressed == 0 and _is_newer(attempt, held):
        statuses = {each["id"]: each["status"] for each in attempt.report["objectives"]}
        _add(session, held, lesson, Told(attempt.id, attempt.checked_at, attempt.source, attempt.complete, statuses), attempt)
    else:  # the first one, one that comes late, or one after something was lost: what the row does not hold is read again
        _put(session, attempt.learner_id, attempt.lesson_id, _told(session, attempt.learner_id, attempt.lesson_id))


def _is_newer(attempt: Attempt, held: Standing) -> bool:
    last = held.last_attempt_id
    return last is not None and attempt.id is not None and (held.last_at, last) < (attempt.checked_at, attempt.id)


def rebuild(session: Session, learner_id: int | None = None) -> int:
    """Make the standings of one learner, or of all, anew from their attempts; gives how many there are. Takes a moment for all."""
    found = select(col(Attempt.learner_id), col(Attempt.lesson_id)).distinct()
    held = select(Standing)
    if learner_id is not None:
        found, held = found.where(col(Attempt.learner_id) == learner_id), held.where(col(Standing.learner_id) == learner_id)
    tried = {(learner, lesson) for learner, lesson in session.execute(found) if asked(lesson) is not None}
    for standing in session.scalars(held):
        if (standing.learner_id, standing.lesson_id) not in tried:
            session.delete(standing)
    for learner, lesson in sorted(tried):
        _put(session, learner, lesson, _told(session, learner, lesson))
    session.flush()
    return len(tried)


def make_missing(engine: Engine) -> int:
    """Make the standings of those learners who lack one, or who have one of a lesson that has asked something else since; gives how
    many learners there were. To be called when the app starts: an older version has kept none."""
    with session_of(engine, writes=False) as session:
        learners = sorted(set(session.scalars(_lacking())))
    for learner_id in learners:
        with session_of(engine, writes=True, learner_id=learner_id) as session:
            rebuild(session, learner_id)
    return len(learners)


def _lacking() -> Select[int]:
    theirs = (col(Standing.learner_id) == col(Attempt.learner_id)) & (col(Standing.lesson_id) == col(Attempt.lesson_id))
    known = {entry.id: asked(entry.id) for entry in LESSONS}
    same = [(col(Standing.lesson_id) == name) & (col(Standing.counted) == len(lesson.counted)) for name, lesson in known.items() if lesson]
    return select(col(Attempt.learner_id)).where(col(Attempt.lesson_id).in_(known), not_(exists().where(theirs, or_(*same)))).distinct()


def _add(session: Session, held: Standing, lesson: Asked, told: Told, attempt: Attempt) -> None:
    """One more attempt, newer than all others, of a lesson in which nothing was lost."""
    before = {(row[0], row[1]) for row in session.execute(_passes(attempt))}
    once = {objective for objective, _ in before}
    new = {objective for objective, status in told.statuses.items() if status == Status.PASSED} - once
    held.attempts += 1
    held.passed += len(new - lesson.bonus)
    held.unchanged = 0 if new else held.unchanged + 1
    held.new_pass_at = told.at if new else held.new_pass_at
    held.regressed = sum(status == Status.FAILED and (objective, told.source) in before for objective, status in told.statuses.items())
    held.last_at, held.last_attempt_id = told.at, told.id
    held.complete_at = held.complete_at or (told.at if told.complete else None)
    held.first_open = _first_open(lesson, told.statuses)
    session.add(held)
    session.flush()


def _passes(attempt: Attempt) -> Select[str, str]:
    """What passed in the learner's other attempts at the lesson, and on what kind of source."""
    return (
        select(col(ObjectiveResult.objective_id), col(Attempt.source))
        .join(Attempt, col(Attempt.id) == col(ObjectiveResult.attempt_id))
        .where(
            col(Attempt.learner_id) == attempt.learner_id,
            col(Attempt.lesson_id) == attempt.lesson_id,
            col(Attempt.id) != attempt.id,
            col(ObjectiveResult.status) == Status.PASSED,
        )
        .distinct()
    )


def _told(session: Session, learner_id: int, lesson_id: str) -> Iterator[Told]:
    """All attempts of a learner at a lesson, in the order of their times."""
    at, number = col(Attempt.checked_at), col(Attempt.id)
    rows = session.execute(
        select(number, at, col(Attempt.source), col(Attempt.complete), col(ObjectiveResult.objective_id), col(ObjectiveResult.status))
        .join(ObjectiveResult, col(ObjectiveResult.attempt_id) == number, isouter=True)
        .where(col(Attempt.learner_id) == learner_id, col(Attempt.lesson_id) == lesson_id)
        .order_by(at, number)
    )
    for (attempt, when, source, complete), several in groupby(rows, _attempt_of):
        yield Told(attempt, when, source, complete, {row[4]: row[5] for row in several if row[4] is not None})


def _attempt_of(row: Sequence[Any]) -> tuple[int, datetime, str, bool]:
    return row[0], row[1], row[2], row[3]


def _put(session: Session, learner_id: int, lesson_id: str, told: Iterable[Told]) -> None:
    lesson = asked(lesson_id)
    assert lesson is not None
    values = derive(lesson, told)
    held = session.get(Standing, (learner_id, lesson_id))
    if held is None:
        session.add(Standing(learner_id=learner_id, lesson_id=lesson_id, **values))
    else:
        for name, value in values.items():
            setattr(held, name, value)
        session.add(held)
    session.flush()


def derive(lesson: Asked, told: Iterable[Told]) -> dict[str, Any]:
    """What attempts, in the order of their times, at least one, add up to: the columns of a Standing."""
    passed: dict[str, datetime] = {}
    passed_on: set[tuple[str, str]] = set()
    latest: dict[tuple[str, str], str] = {}
    count = unchanged = 0
    first: Told | None = None
    last: Told | None = None
    new_pass_at = complete_at = None
    for each in told:
        first, last = first or each, each
        passing = {objective for objective, status in each.statuses.items() if status == Status.PASSED}
        new = passing - passed.keys()
        passed |= dict.fromkeys(new, each.at)
        passed_on |= {(objective, each.source) for objective in passing}
        latest |= {(objective, each.source): status for objective, status in each.statuses.items() if status in _JUDGED}
        count, unchanged = count + 1, 0 if new else unchanged + 1
        new_pass_at = each.at if new else new_pass_at
        complete_at = complete_at or (each.at if each.complete else None)
    assert first is not None
    assert last is not None
    lost = {objective for (objective, source), status in latest.items() if status == Status.FAILED and (objective, source) in passed_on}
    return {
        "attempts": count,
        "passed": sum(objective not in lesson.bonus for objective in passed),
        "counted": len(lesson.counted),
        "regressed": len(lost),
        "unchanged": unchanged,
        "first_at": first.at,
        "last_at": last.at,
        "new_pass_at": new_pass_at,
        "complete_at": complete_at,
        "first_open": _first_open(lesson, last.statuses),
        "last_attempt_id": last.id,
    }


def _first_open(lesson: Asked, statuses: Mapping[str, str]) -> str:
    """The first objective that counts, was asked, and has not passed."""
    return next((objective for objective in lesson.counted if statuses.get(objective, Status.SKIPPED) not in _CLOSED), "")
