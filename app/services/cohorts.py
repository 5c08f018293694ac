"""Cohorts: who teaches them, and who is in them."""

from __future__ import annotations

from sqlmodel import Session, col, select

from app.models import Cohort, Membership, Role
from app.services.sign_ins import Person


def taught(session: Session, person: Person, cohort_id: int) -> Cohort | None:
    """The cohort, if that person teaches it or is an admin."""
    cohort = session.get(Cohort, cohort_id)
    if cohort is None or person.role is Role.ADMIN:
        return cohort
    membership = session.get(Membership, (cohort_id, person.id))
    return cohort if membership is not None and membership.role == Role.INSTRUCTOR else None


def taught_by(session: Session, person: Person) -> list[Cohort]:
    """The cohorts that a person teaches, all of them for an admin; the newest first."""
    query = select(Cohort).order_by(col(Cohort.created_at).desc(), col(Cohort.id).desc())
    if person.role is not Role.ADMIN:
        query = query.join(Membership, col(Membership.cohort_id) == Cohort.id).where(
            Membership.learner_id == person.id, Membership.role == Role.INSTRUCTOR
        )
    return list(session.exec(query))
