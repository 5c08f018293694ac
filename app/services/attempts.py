"""Attempts: appended, never edited."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from app.models import Attempt, ObjectiveResult, Origin
from app.services import standings
from graders.render.json import report_data
from graders.report import Report
from graders.version import version


def record(session: Session, learner_id: int, report: Report, origin: Origin, *, cluster: str = "", digest: str = "") -> Attempt:
    """Append what was judged just now, here. `cluster` and `digest` as in `take_in`."""
    data = report_data(report)
    attempt = take_in(session, learner_id, data, origin, key=uuid.uuid4().hex, engine=version()[:32], cluster=cluster, digest=digest)
    assert attempt is not None  # nothing else has its key
    return attempt


def take_in(
    session: Session,
    learner_id: int,
    report: Mapping[str, Any],
    origin: Origin,
    *,
    key: str,
    engine: str = "",
    cluster: str = "",
    digest: str = "",
    one_of_many: bool = False,
) -> Attempt | None:
    """Append a JSON report, schema 1, that comes from elsewhere; None when the attempt of that `key` is here already.

    `engine` is the version that judged, `cluster` the id of the cluster that was read, `digest` that of what was judged; empty when they
    are not known.

    Whoever takes in `one_of_many` makes the learner's standings anew at the end (`standings.rebuild`).

    The report must have been checked: this raises KeyError or ValueError when it is none.
    """
    if session.exec(select(Attempt.id).where(Attempt.key == key)).first() is not None:
        return None
    attempt = Attempt(
        key=key,
        learner_id=learner_id,
        lesson_id=report["lesson"],
        origin=origin,
        source=report["source"]["kind"],
        checked_at=datetime.fromisoformat(report["graded_at"]),
        complete=report["complete"],
        passed=report["passed"],
        counted=report["counted"],
        report=dict(report),
        engine=engine,
        cluster=cluster,
        digest=digest,
    )
    session.add(attempt)
    session.flush()
    assert attempt.id is not None
    session.add_all(
        ObjectiveResult(attempt_id=attempt.id, objective_id=objective["id"], status=objective["status"])
        for objective in report["objectives"]
    )
    session.flush()
    if not one_of_many:
        standings.note(session, attempt)
    return attempt


def latest(session: Session, learner_id: int, lesson_id: str, *, origin: Origin | None = None) -> Attempt | None:
    """The learner's newest attempt at a lesson, of one origin or of any."""
    query = select(Attempt).where(Attempt.learner_id == learner_id, Attempt.lesson_id == lesson_id)
    if origin is not None:
        query = query.where(Attempt.origin == origin)
    return session.exec(query.order_by(col(Attempt.checked_at).desc(), col(Attempt.id).desc()).limit(1)).first()


def statuses(report: Report | Mapping[str, Any]) -> dict[str, str]:
    """The status of each objective."""
    if isinstance(report, Report):
        return {result.objective.id: str(result.status) for result in report.results}
    return {objective["id"]: objective["status"] for objective in report["objectives"]}


def told(attempt: Attempt) -> dict[str, Any]:
    """What the feed says of an attempt."""
    return {
        "lesson": attempt.lesson_id,
        "origin": str(attempt.origin),
        "complete": attempt.complete,
        "passed": attempt.passed,
        "counted": attempt.counted,
        "count": 1,
    }
