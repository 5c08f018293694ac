"""How far the learner has read in each lesson, and for how long."""

from __future__ import annotations

import re
from typing import Final

from sqlmodel import Session, col, select

from app.models import Reading, utc_now

MOST_SECONDS: Final = 60
"""What one call may add: a page tells every half minute, so more is a clock that has jumped."""

_ANCHOR = re.compile(r"[^\s\x00-\x1f\x7f]{0,200}")


def note(session: Session, learner_id: int, lesson_id: str, anchor: str, seconds: int) -> bool:
    """Note the heading in view and add the time; says whether it made sense. An empty anchor keeps the one before."""
    if not (0 <= seconds <= MOST_SECONDS and _ANCHOR.fullmatch(anchor)):
        return False
    held = _held(session, learner_id, lesson_id)
    if held is None:
        held = Reading(learner_id=learner_id, lesson_id=lesson_id)
    held.anchor = anchor or held.anchor
    held.seconds += seconds
    held.read_at = utc_now()
    session.add(held)
    session.flush()
    return True


def position(session: Session, learner_id: int) -> dict[str, str]:
    """By lesson, the heading where the learner stopped; empty for the beginning. Lessons that were never opened are not in it."""
    return dict(session.exec(select(Reading.lesson_id, Reading.anchor).where(Reading.learner_id == learner_id)).all())


def last_read(session: Session, learner_id: int) -> str | None:
    """The lesson that was read last."""
    query = select(Reading.lesson_id).where(Reading.learner_id == learner_id)
    return session.exec(query.order_by(col(Reading.read_at).desc(), col(Reading.id).desc()).limit(1)).first()


def seconds(session: Session, learner_id: int) -> dict[str, int]:
    """By lesson, for how many seconds it was read."""
    return dict(session.exec(select(Reading.lesson_id, Reading.seconds).where(Reading.learner_id == learner_id)).all())


def _held(session: Session, learner_id: int, lesson_id: str) -> Reading | None:
    return session.exec(select(Reading).where(Reading.learner_id == learner_id, Reading.lesson_id == lesson_id)).first()
