"""Attempts: appended, never edited."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from app.models import Attempt, ObjectiveResult, Origin
from graders.render.json import report_data
from graders.report import Report


def record(session: Session, learner_id: int, report: Report, origin: Origin) -> Attempt:
    """Append what was judged just now."""
    attempt = take_in(session, learner_id, report_data(report), origin, key=uuid.uuid4().hex)
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
) -> Attempt | None:
    """Append a JSON report, schema 1, that comes from elsewhere; None when the attempt of that `key` is here already.

    `engine` is the version that judged, `cluster` the id of the cluster that was read, `digest` that of what was judged; empty when they
    are not known.

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
