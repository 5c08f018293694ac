"""Terminals that are signed in by a token: when one was used last, and what it is told of whose it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import Session, col, select

from app.models import Cohort, Membership, TerminalToken, utc_now
from app.services import sign_ins

_NOTE_EVERY: Final = timedelta(minutes=1)


def note_use(session: Session, token: str) -> None:
    """Note that a token was used just now, if that is not known to the minute."""
    now = utc_now()
    held = session.exec(select(TerminalToken).where(TerminalToken.digest == sign_ins.digest(token))).first()
    if held is not None and (held.used_at is None or now - held.used_at >= _NOTE_EVERY):
        held.used_at = now


def cohorts_of(session: Session, learner_id: int) -> list[str]:
    """The names of the cohorts that somebody is in, as a learner or as an instructor."""
    query = (
        select(Cohort.name)
        .join(Membership, col(Membership.cohort_id) == Cohort.id)
        .where(Membership.learner_id == learner_id, col(Cohort.archived_at).is_(None))
        .order_by(col(Membership.joined_at))
    )
    return list(session.exec(query))
