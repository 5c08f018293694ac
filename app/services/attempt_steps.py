"""Attempts as a story: the last ones in a line each, and those at one lesson with what each changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from app.models import Attempt, Origin
from app.services import assurance, attempts
from app.services.assurance import Assurance
from app.services.shown import shown
from graders.lessons import LESSONS
from graders.verdict import Status

RECENT = 10
A_PAGE = 25
"""So many attempts are shown at once."""

ORIGINS: Mapping[str, str] = {
    Origin.WORKBENCH: "workbench",
    Origin.CLUSTER: "cluster page",
    Origin.TERMINAL: "terminal",
    Origin.SUBMITTED: "learner's terminal",
}
"""Where an attempt was made, in words."""


class Line(NamedTuple):
    """An attempt in one line; `assurance` tells whose word it is, in a classroom."""

    id: int
    lesson_id: str
    title: str
    origin: str
    source: str
    at: datetime
    passed: int
    counted: int
    complete: bool
    assurance: Assurance


def recent(session: Session, learner_id: int) -> list[Line]:
    """The last attempts, newest first."""
    columns = (Attempt.id, Attempt.lesson_id, Attempt.origin, Attempt.source, Attempt.checked_at, Attempt.passed, Attempt.counted)
    rows = session.execute(
        select(*columns, Attempt.complete)  # type: ignore[call-overload] # it has overloads for up to four columns
        .where(Attempt.learner_id == learner_id)
        .order_by(col(Attempt.checked_at).desc(), col(Attempt.id).desc())
        .limit(RECENT)
    )
    return [_line(*row) for row in rows]


class Change(NamedTuple):
    """An objective whose status is another than in the attempt before; `was` is empty where there was none."""

    id: str
    title: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Step:
    """An attempt, what it changed, and what it left open. `first` when there is none before it on the same kind of source.

    `open` are the report's objectives that are neither passed nor skipped, as plain data.
    """

    line: Line
    namespace: str
    first: bool
    changes: Sequence[Change]
    open: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Steps:
    """Attempts at one lesson, newest first; `older` is what to ask for to see those before, 0 when there are none."""

    steps: Sequence[Step]
    older: int


def steps(session: Session, learner_id: int, lesson_id: str, before: int | None = None) -> Steps:
    """The attempts at a lesson, from the newest on, or from before the one of that id."""
    mine = [Attempt.learner_id == learner_id, Attempt.lesson_id == lesson_id]
    query = select(Attempt).where(*mine)
    pivot = session.get(Attempt, before) if before else None
    if pivot is not None:
        query = query.where(_earlier(pivot))
    found = session.exec(query.order_by(col(Attempt.checked_at).desc(), col(Attempt.id).desc()).limit(A_PAGE + 1)).all()
    page = found[:A_PAGE]
    made = [_step(attempt, _before(session, attempt, found[index + 1 :])) for index, attempt in enumerate(page)]
    return Steps(made, page[-1].id or 0 if len(found) > A_PAGE else 0)


def _before(session: Session, attempt: Attempt, older: Iterable[Attempt]) -> Attempt | None:
    """The attempt before on the same kind of source: among those at hand, else in the database."""
    for each in older:
        if each.source == attempt.source:
            return each
    return session.exec(
        select(Attempt)
        .where(
            Attempt.learner_id == attempt.learner_id,
            Attempt.lesson_id == attempt.lesson_id,
            Attempt.source == attempt.source,
            _earlier(attempt),
        )
        .order_by(col(Attempt.checked_at).desc(), col(Attempt.id).desc())
        .limit(1)
    ).first()


def _earlier(attempt: Attempt) -> ColumnElement[bool]:
    at = col(Attempt.checked_at)
    return (at < attempt.checked_at) | ((at == attempt.checked_at) & (col(Attempt.id) < (attempt.id or 0)))


def _step(attempt: Attempt, before: Attempt | None) -> Step:
    report = shown(attempt.report)
    was = attempts.statuses(before.report) if before else {}
    changes = [
        Change(each["id"], each.get("title", each["id"]), was.get(each["id"], ""), each["status"])
        for each in report["objectives"]
        if before and was.get(each["id"]) != each["status"]
    ]
    left = [_open(each) for each in report["objectives"] if each["status"] not in (Status.PASSED, Status.SKIPPED)]
    line = _line(
        attempt.id or 0,
        attempt.lesson_id,
        attempt.origin,
        attempt.source,
        attempt.checked_at,
        attempt.passed,
        attempt.counted,
        attempt.complete,
    )
    return Step(line, report["source"].get("namespace", ""), before is None, changes, left)


def _open(objective: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("object", "path", "expected", "found", "file", "line")
    evidence = objective.get("evidence")
    return {
        "id": objective["id"],
        "title": objective.get("title", objective["id"]),
        "status": objective["status"],
        "reason": objective.get("reason"),
        "evidence": {key: evidence.get(key) for key in keys} if evidence else None,
    }


_TITLES = {entry.id: entry.title for entry in LESSONS}


def _line(id: int, lesson_id: str, origin: str, source: str, at: datetime, passed: int, counted: int, complete: bool) -> Line:
    words = "files" if source == "manifests" else "cluster"
    title, where = _TITLES.get(lesson_id, lesson_id), ORIGINS.get(origin, origin)
    return Line(id, lesson_id, title, where, words, at, passed, counted, complete, assurance.of(origin))


def in_words(told: Mapping[str, Any]) -> str:
    """What the feed says of an attempt, as a sentence to be heard."""
    title = _TITLES.get(told["lesson"], told["lesson"])
    where = ORIGINS.get(told["origin"], told["origin"])
    count = f"all {told['counted']}" if told["complete"] else f"{told['passed']} of {told['counted']}"
    return f"{title}: {count} objectives passed, says the {where}."
