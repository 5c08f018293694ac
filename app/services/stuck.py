"""Who is stuck: of those who are at work, whoever has got nowhere for a while, on which objective, and how it shows.

The rule. Somebody is at work who has tried something within the last hours (`RECENT`, unless asked otherwise), and is at the lesson that
they tried last and that is still open. They are stuck there when, since something passed that had not before,

* they have worked for `MINUTES` or more, or
* `ATTEMPTS` attempts or more at that lesson have changed nothing.

Working time runs from one thing done to the next, and from the last one to now: an attempt, a hint, an answer to a quiz, a file saved, a
page read. Where more than `PAUSE` lies between two of them, nobody knows what was done, and none of it counts: not the night, not lunch.
Nor does what lies more than twelve hours back.

Whoever has to be helped first is told by `Stuck.score`: how many times over they have reached the limits, and half of one for each hint of
the objective.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from sqlalchemy import CompoundSelect, func, select, union_all
from sqlmodel import Session, col

from app.models import Account, Attempt, HintShown, Learner, Membership, QuizAnswer, Reading, Role, Standing, WorkspaceFile
from app.services.curriculum import asked
from app.services.shown import shown as harmless
from graders.lessons import LESSONS

RECENT: Final = timedelta(hours=2)
MINUTES: Final = 15
ATTEMPTS: Final = 5
PAUSE: Final = timedelta(minutes=15)
_LONGEST: Final = timedelta(hours=12)  # how far back the time at work is added up


@dataclass(frozen=True, slots=True)
class Stuck:
    """Somebody who is stuck: at which lesson and on which objective of it, empty where none is open, for how many minutes of work, after
    how many attempts that changed nothing, and with how many hints of that objective. `last_at` and `attempt_id` are the last attempt's."""

    learner_id: int
    lesson_id: str
    objective_id: str
    minutes: int
    unchanged: int
    hints: int
    last_at: datetime
    attempt_id: int | None

    @property
    def score(self) -> float:
        """How badly: 1 is one limit, reached."""
        return self.minutes / MINUTES + self.unchanged / ATTEMPTS + self.hints / 2


class _AtWork(NamedTuple):
    """A lesson that somebody was at last, and is not through with."""

    learner_id: int
    lesson_id: str
    first_at: datetime
    last_at: datetime
    unchanged: int
    first_open: str
    attempt_id: int | None


def find(
    session: Session, cohort_id: int, now: datetime, *, learner_ids: Collection[int] | None = None, recent: timedelta = RECENT
) -> dict[int, Stuck]:
    """Those of a cohort who are stuck, or those of them that are named; by the learner's id."""
    working = _working(session, cohort_id, now - recent, learner_ids)
    passed = _passed(session, working)
    since = {learner: max(each.first_at, passed.get(learner, each.first_at)) for learner, each in working.items()}
    limit = timedelta(minutes=MINUTES)
    candidates = {learner: each for learner, each in working.items() if each.unchanged >= ATTEMPTS or now - since[learner] >= limit}
    if not candidates:
        return {}
    done = _done(session, candidates, max(min(since[learner] for learner in candidates), now - _LONGEST))
    spent = {
        learner: int(minutes_at_work((each.last_at, *done.get(learner, ())), max(since[learner], now - _LONGEST), now))
        for learner, each in candidates.items()
    }
    found = [each for learner, each in candidates.items() if spent[learner] >= MINUTES or each.unchanged >= ATTEMPTS]
    hints = _hints(session, [each.learner_id for each in found])
    return {
        each.learner_id: Stuck(
            each.learner_id,
            each.lesson_id,
            each.first_open,
            spent[each.learner_id],
            each.unchanged,
            hints.get((each.learner_id, each.lesson_id, each.first_open), 0),
            each.last_at,
            each.attempt_id,
        )
        for each in found
    }


def minutes_at_work(done: Iterable[datetime], since: datetime, now: datetime) -> float:
    """How long somebody has worked since a moment, in minutes, by the times at which they did something."""
    times = sorted({since, now, *(at for at in done if since < at < now)})
    gaps = (after - before for before, after in pairwise(times))
    return sum((gap for gap in gaps if gap <= PAUSE), timedelta()) / timedelta(minutes=1)


def evidence_of(attempt: Attempt | None, objective_id: str) -> dict[str, Any] | None:
    """What an attempt says of an objective, as `as_shown` has it. None where it says nothing."""
    objectives = attempt.report.get("objectives", ()) if attempt else ()
    found = next((each for each in objectives if each["id"] == objective_id), None)
    return as_shown(found) if found else None


def as_shown(objective: Mapping[str, Any]) -> dict[str, Any]:
    """An objective of a report as others may see it: made harmless, and without the folders that the learner's files are in."""
    made: dict[str, Any] = {"title": objective["id"], "evidence": None, "reason": None, "advice": None, "bonus": False, "live": False}
    made |= harmless(dict(objective))
    evidence = dict.fromkeys(("object", "path", "expected", "found", "file", "line")) | (made["evidence"] or {})
    evidence["file"] = re.split(r"[/\\]", evidence["file"])[-1] if evidence["file"] else None
    return made | {"evidence": evidence if made["evidence"] else None}


class Shown(NamedTuple):
    """Somebody who is stuck, with their name, the lesson's title, and what the last attempt's report says of the objective."""

    name: str
    stuck: Stuck
    lesson: str
    said: Mapping[str, Any] | None

    @property
    def title(self) -> str:
        """The objective in words."""
        objective = self.stuck.objective_id
        return str(self.said.get("title", objective)) if self.said else objective


def shown(session: Session, cohort_id: int, now: datetime, recent: timedelta = RECENT, most: int | None = None) -> list[Shown]:
    """Who is stuck in a cohort, as `in_words` has them."""
    return in_words(session, find(session, cohort_id, now, recent=recent).values(), most)


def in_words(session: Session, several: Iterable[Stuck], most: int | None = None) -> list[Shown]:
    """Those who are stuck, who needs help most first; no more than `most`."""
    found = sorted(several, key=lambda each: (-each.score, each.learner_id))[:most]
    ids = [each.attempt_id for each in found if each.attempt_id is not None]
    attempts = {row.id: row for row in session.scalars(select(Attempt).where(col(Attempt.id).in_(ids)))}
    people = select(col(Learner.id), col(Learner.name), col(Account.email)).join(Account, col(Account.learner_id) == col(Learner.id))
    rows = session.execute(people.where(col(Learner.id).in_([each.learner_id for each in found])))
    names = {row[0]: row[1] or row[2] for row in rows}
    titles = {entry.id: entry.title for entry in LESSONS}
    return [
        Shown(names[each.learner_id], each, titles[each.lesson_id], evidence_of(attempts.get(each.attempt_id), each.objective_id))
        for each in found
        if each.learner_id in names  # an account may be deleted while this is read
    ]


def _working(session: Session, cohort_id: int, after: datetime, learner_ids: Collection[int] | None) -> dict[int, _AtWork]:
    columns = (
        col(Standing.learner_id),
        col(Standing.lesson_id),
        col(Standing.first_at),
        col(Standing.last_at),
        col(Standing.unchanged),
        col(Standing.first_open),
        col(Standing.last_attempt_id),
    )
    query = (
        select(*columns)
        .join(Membership, col(Membership.learner_id) == col(Standing.learner_id))
        .where(
            col(Membership.cohort_id) == cohort_id,
            col(Membership.role) == Role.LEARNER,
            col(Standing.last_at) >= after,
            col(Standing.complete_at).is_(None),
        )
        .order_by(col(Standing.last_at), col(Standing.last_attempt_id))
    )
    if learner_ids is not None:
        query = query.where(col(Standing.learner_id).in_(learner_ids))
    rows = (_AtWork(*row) for row in session.connection().execute(query))
    return {each.learner_id: each for each in rows if asked(each.lesson_id) is not None}  # the last one counts


def _passed(session: Session, learner_ids: Collection[int]) -> dict[int, datetime]:
    """When something passed in any lesson that had not before, by learner."""
    query = select(col(Standing.learner_id), func.max(col(Standing.new_pass_at))).where(
        col(Standing.learner_id).in_(learner_ids), col(Standing.new_pass_at).is_not(None)
    )
    return {row[0]: row[1] for row in session.connection().execute(query.group_by(col(Standing.learner_id))) if row[1]}


def _done(session: Session, learner_ids: Collection[int], after: datetime) -> dict[int, list[datetime]]:
    found: dict[int, list[datetime]] = {}
    for row in session.connection().execute(_deeds(learner_ids, after)):
        found.setdefault(row[0], []).append(row[1])
    return found


def _deeds(learner_ids: Collection[int], after: datetime) -> CompoundSelect[int, datetime]:
    """All that somebody does that leaves a time."""
    others = (
        (HintShown.learner_id, HintShown.shown_at),
        (QuizAnswer.learner_id, QuizAnswer.answered_at),
        (WorkspaceFile.learner_id, WorkspaceFile.updated_at),
        (Reading.learner_id, Reading.read_at),
    )
    # `+ 0` keeps SQLite from looking up each id: so it asks both indexes, and reads only the few attempts that are in both.
    recent = (col(Attempt.id) + 0).in_(select(col(Attempt.id)).where(col(Attempt.checked_at) >= after))
    tried = select(col(Attempt.learner_id), col(Attempt.checked_at)).where(col(Attempt.learner_id).in_(learner_ids), recent)
    return union_all(
        tried, *(select(col(learner), col(at)).where(col(learner).in_(learner_ids), col(at) >= after) for learner, at in others)
    )


def _hints(session: Session, learner_ids: Collection[int]) -> dict[tuple[int, str, str], int]:
    columns = col(HintShown.learner_id), col(HintShown.lesson_id), col(HintShown.objective_id)
    query = select(*columns, func.count()).where(col(HintShown.learner_id).in_(learner_ids)).group_by(*columns)
    return {(row[0], row[1], row[2]): row[3] for row in session.connection().execute(query)}
