"""What is not kept: expired doors always; and, some days after a cohort was archived, what its learners have done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import anyio
from sqlalchemy import Engine, text
from sqlmodel import col, delete, func, select
from sqlmodel.sql.expression import SelectOfScalar

from app.db import session_of
from app.models import Account, AuditEvent, Cohort, Learner, Membership, Role, utc_now
from app.services import one_time_links, sign_ins, throttle
from app.services.audit import Actor, note
from graders.errors import GradingError

_log = logging.getLogger("course.retention")

_LOCK: Final = 1_840_232  # PostgreSQL's number for it: one replica at a time
_AT_ONCE: Final = 10  # learners in one transaction: each takes thousands of rows along, and others wait for none of them for long
_EVERY: Final = 24 * 3600.0  # seconds
_FIRST: Final = (60.0, 600.0)  # seconds after the start, so that replicas that start together do not do it together
_ACTOR: Final = Actor(None, "retention")


@dataclass(frozen=True, slots=True)
class Swept:
    """What was deleted, or would be. `learners` counts people with all that is theirs, `events` lines of the audit trail."""

    learners: int = 0
    events: int = 0


def sweep(engine: Engine, days: int | None, *, dry_run: bool = False, now: datetime | None = None) -> Swept:
    """Delete what has expired, and what is older than so many days; nothing of the latter when None. Blocks. Raises GradingError.

    Gone are those who are learners and no more, and whose cohorts were all archived that long ago: account, attempts, files, comments; and
    what the audit trail says of those times. With `dry_run` it only counts. When another replica is at it, nothing happens.
    """
    now = now or utc_now()
    with _alone(engine) as alone:
        if not alone:
            return Swept()
        if not dry_run:
            with session_of(engine, writes=True) as session:
                sign_ins.sweep(session, now)
                one_time_links.sweep(session)
                throttle.sweep(session, now)
        if days is None:
            return Swept()
        before = now - timedelta(days=days)
        if dry_run:
            with session_of(engine, writes=False) as session:
                learners = session.exec(select(func.count()).select_from(_forgotten(before).subquery())).one()
                return Swept(learners, session.exec(select(func.count()).where(col(AuditEvent.at) < before)).one())
        found = Swept(_delete_learners(engine, before), _delete_events(engine, before))
        if found != Swept():
            with session_of(engine, writes=True) as session:
                note(session, _ACTOR, "retention.applied", days=days, learners=found.learners, events=found.events)
        return found


def _forgotten(before: datetime) -> SelectOfScalar[int]:
    """The ids of those whose cohorts were all archived before then."""
    archived = select(Cohort.id).where(col(Cohort.archived_at).is_not(None), col(Cohort.archived_at) < before)
    theirs = select(Membership.learner_id)
    return (
        select(Account.learner_id)
        .where(
            Account.role == Role.LEARNER,
            col(Account.learner_id).in_(theirs.where(col(Membership.cohort_id).in_(archived))),
            col(Account.learner_id).not_in(theirs.where(col(Membership.cohort_id).not_in(archived))),
        )
        .order_by(col(Account.learner_id))
    )


def _delete_learners(engine: Engine, before: datetime) -> int:
    deleted = 0
    while True:
        with session_of(engine, writes=True) as session:
            some = session.exec(_forgotten(before).limit(_AT_ONCE)).all()
            session.exec(delete(Learner).where(col(Learner.id).in_(some)))
        if not some:
            return deleted
        deleted += len(some)


def _delete_events(engine: Engine, before: datetime) -> int:
    with session_of(engine, writes=True) as session:
        count = session.exec(select(func.count()).where(col(AuditEvent.at) < before)).one()
        session.exec(delete(AuditEvent).where(col(AuditEvent.at) < before))
        return count


@contextmanager
def _alone(engine: Engine) -> Iterator[bool]:
    """Whether nobody else is at it, for as long as the block lasts."""
    if engine.dialect.name != "postgresql":
        yield True
        return
    with engine.connect() as connection:
        taken = connection.execute(text("SELECT pg_try_advisory_lock(:number)"), {"number": _LOCK}).scalar_one()
        connection.commit()
        try:
            yield bool(taken)
        finally:
            if taken:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": _LOCK})
                connection.commit()


@asynccontextmanager
async def kept(engine: Engine, days: int | None) -> AsyncIterator[None]:
    """While the block lasts: sweep once a day, in the background."""

    async def daily() -> None:
        await asyncio.sleep(random.uniform(*_FIRST))  # noqa: S311 - nothing depends on it that somebody could want to guess
        while True:
            try:
                found = await anyio.to_thread.run_sync(lambda: sweep(engine, days), abandon_on_cancel=True)
                _log.info("swept: %d learners, %d events", found.learners, found.events)
            except GradingError as error:
                _log.warning("not swept, tomorrow again: %s", error.message)
            await asyncio.sleep(_EVERY)

    task = asyncio.create_task(daily())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
