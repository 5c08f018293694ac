"""The audit trail: who did what to whom, when, and from where. Appended in the transaction of what was done: both hold, or neither."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlmodel import Session

from app.models import AuditEvent
from app.services.sign_ins import Person


class Actor(NamedTuple):
    """Who does something, and from which network address; `course` in a terminal of the server has no id."""

    id: int | None
    name: str
    address: str = ""

    @classmethod
    def of(cls, person: Person, address: str) -> Actor:
        """Somebody who is signed in."""
        return cls(person.id, person.email, address)


def note(session: Session, actor: Actor, action: str, subject: str = "", *, cohort_id: int | None = None, **facts: Any) -> None:
    """Append an event. `action` is a noun and what was done to it, as `join-link.revoked`; no `facts` may open a door."""
    session.add(
        AuditEvent(
            actor_id=actor.id,
            actor=actor.name[:254],
            action=action,
            cohort_id=cohort_id,
            subject=subject[:254],
            address=actor.address[:64],
            facts=facts,
        )
    )
