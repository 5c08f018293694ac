"""What a classroom tells its learner on the pages of the course: what is due when, and what an instructor has said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from app.models import utc_now
from app.services import comments, due_dates
from app.services.due_dates import Due
from app.services.sign_ins import Person


@dataclass(frozen=True, slots=True)
class Notes:
    """By lesson: its due dates, and how many comments the learner has not seen. Empty on a learner's own machine."""

    due: Mapping[str, Sequence[Due]] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    now: datetime = field(default_factory=utc_now)

    def late(self, due: Due) -> bool:
        """Whether its time is over."""
        return due.at < self.now


def of(session: Session, person: Person | None) -> Notes:
    """The notes for who has signed in."""
    if person is None:
        return Notes()
    return Notes(due_dates.of_learner(session, person.id), comments.unread(session, person.id))
