"""When what a cluster shows is worth an attempt: something passes that did not on a cluster, or no longer passes that did."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Engine, func
from sqlmodel import Session, col, select

from app.db import session_of
from app.models import Attempt, ObjectiveResult, Origin
from app.services import attempts
from graders.report import Report
from graders.verdict import Status

_JUDGED = (Status.PASSED, Status.FAILED)
_CLUSTER = "cluster"


def record_news(engine: Engine, learner_id: int, reports: Iterable[Report], cluster: str = "") -> list[Report]:
    """Append an attempt for each report that shows something new; gives those. Blocks for as long as the database does.

    `cluster` is the id of the cluster that was read, if it is known.
    """
    reports = [report for report in reports if any(result.status in _JUDGED for result in report.results)]
    with session_of(engine, writes=False) as session:
        worth = [report for report in reports if is_news(session, learner_id, report)]
    if worth:
        with session_of(engine, writes=True, learner_id=learner_id) as session:
            for report in worth:
                attempts.record(session, learner_id, report, Origin.CLUSTER, cluster=cluster)
    return worth


def is_news(session: Session, learner_id: int, report: Report) -> bool:
    """Whether the report differs, in what has passed, from what attempts on clusters have said last.

    That something no longer passes is news only of the context and namespace where it did: another cluster was never asked to have it.
    """
    passing = {result.objective.id for result in report.results if result.status is Status.PASSED}
    failing = {result.objective.id for result in report.results if result.status is Status.FAILED}
    mine = (
        col(Attempt.learner_id) == learner_id,
        col(Attempt.lesson_id) == report.lesson_id,
        col(Attempt.source) == _CLUSTER,
    )
    joined = select(ObjectiveResult.objective_id).join(Attempt, col(Attempt.id) == ObjectiveResult.attempt_id).where(*mine)
    ever = set(session.exec(joined.where(ObjectiveResult.status == Status.PASSED).distinct()))
    if passing - ever or passing & _last(session, mine, Status.FAILED):
        return True
    if report.complete and session.exec(select(Attempt.id).where(*mine, col(Attempt.complete)).limit(1)).first() is None:
        return True
    return bool(failing & ever) and bool(failing & _last(session, (*mine, *_of_the_place(report)), Status.PASSED))


def _of_the_place(report: Report) -> tuple[ColumnElement[bool], ...]:
    """That an attempt is of the same context and namespace."""
    source = Attempt.report["source"]
    context = source["context"].as_string()
    return (
        source["namespace"].as_string() == report.source.namespace,
        context == report.source.context if report.source.context is not None else context.is_(None),
    )


def _last(session: Session, which: tuple[ColumnElement[bool], ...], status: Status) -> set[str]:
    """The objectives that, when they were judged last in those attempts, had that status."""
    age = func.row_number().over(
        partition_by=col(ObjectiveResult.objective_id), order_by=(col(Attempt.checked_at).desc(), col(Attempt.id).desc())
    )
    judged = (
        select(ObjectiveResult.objective_id, ObjectiveResult.status, age.label("age"))
        .join(Attempt, col(Attempt.id) == ObjectiveResult.attempt_id)
        .where(*which, col(ObjectiveResult.status).in_(_JUDGED))
        .subquery()
    )
    return set(session.exec(select(judged.c.objective_id).where(judged.c.age == 1, judged.c.status == status)))
