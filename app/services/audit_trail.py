"""The audit trail, read: a page at a time, the newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import Session, col, select

from app.db import with_words
from app.models import AuditEvent, Cohort

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One event, and the name of its cohort as it is now."""

    event: AuditEvent
    cohort: str

    @property
    def facts(self) -> str:
        """What is known besides, in words."""
        return _in_words(self.event.facts)


@dataclass(frozen=True, slots=True)
class Trail:
    """A page of the trail. `older` is where the next one begins, None on the last. `nouns` are the kinds of events that there are."""

    lines: list[Line]
    older: int | None
    nouns: list[str]


def read(session: Session, *, cohort_id: int | None = None, noun: str = "", words: str = "", before: int | None = None) -> Trail:
    """The events of one cohort or of all; of a `noun`, with these `words` in who did it or to whom, and older than event `before`."""
    scope = select(AuditEvent.action).distinct()
    query = select(AuditEvent, Cohort.name).outerjoin(Cohort, col(Cohort.id) == AuditEvent.cohort_id)
    if cohort_id is not None:
        scope = scope.where(AuditEvent.cohort_id == cohort_id)
        query = query.where(AuditEvent.cohort_id == cohort_id)
    if noun:
        query = query.where(col(AuditEvent.action).startswith(noun.replace("\x00", "") + ".", autoescape=True))
    query = query.where(*with_words(words, AuditEvent.actor, AuditEvent.subject))
    if before is not None:
        query = query.where(col(AuditEvent.id) < before)
    found = [Line(event, cohort or "") for event, cohort in session.exec(query.order_by(col(AuditEvent.id).desc()).limit(PAGE + 1))]
    older = found[PAGE - 1].event.id if len(found) > PAGE else None
    return Trail(found[:PAGE], older, sorted({action.partition(".")[0] for action in session.exec(scope)}))


def _in_words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value not in ("", None))
