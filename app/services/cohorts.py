"""Cohorts: who teaches them, who is in them, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from app.db import insert_into
from app.errors import Conflict, Forbidden, NotFound
from app.models import Account, Cohort, Learner, Membership, Role, Standing, utc_now
from app.services import accounts
from app.services.audit import Actor, note
from app.services.sign_ins import Person
from graders.errors import UnreadableInput

LONGEST_NAME: Final = 100  # characters
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Summary:
    """A cohort in a list: how many learners it has, and how many of them have done something in the last 24 hours."""

    cohort: Cohort
    learners: int
    active: int
    teaches: bool


def taught(session: Session, person: Person, cohort_id: int) -> Cohort | None:
    """The cohort, if that person teaches it or is an admin."""
    cohort = session.get(Cohort, cohort_id)
    if cohort is None or person.role is Role.ADMIN:
        return cohort
    if person.role is not Role.INSTRUCTOR:  # an instructor of before, who is none any more
        return None
    membership = session.get(Membership, (cohort_id, person.id))
    return cohort if membership is not None and membership.role == Role.INSTRUCTOR else None


def taught_by(session: Session, person: Person) -> list[Cohort]:
    """The cohorts that a person teaches, all of them for an admin; the newest first."""
    if person.role is Role.LEARNER:
        return []
    query = select(Cohort).order_by(col(Cohort.created_at).desc(), col(Cohort.id).desc())
    if person.role is not Role.ADMIN:
        query = query.join(Membership, col(Membership.cohort_id) == Cohort.id).where(
            Membership.learner_id == person.id, Membership.role == Role.INSTRUCTOR
        )
    return list(session.exec(query))


def learned_in(session: Session, learner_id: int) -> list[str]:
    """The names of the cohorts that somebody learns in."""
    query = select(Cohort.name).join(Membership, col(Membership.cohort_id) == Cohort.id)
    return list(session.exec(query.where(Membership.learner_id == learner_id, Membership.role == Role.LEARNER).order_by(Cohort.name)))


def overview(session: Session, person: Person, now: datetime) -> list[Summary]:
    """The cohorts that a person teaches with their numbers; those that go on come first."""
    own = select(Membership.cohort_id).where(Membership.learner_id == person.id, Membership.role == Role.INSTRUCTOR)
    return _counted(session, taught_by(session, person), now, set(session.exec(own)))


def every(session: Session, now: datetime) -> list[Summary]:
    """All cohorts with their numbers, for whoever types on the server."""
    return _counted(session, list(session.exec(select(Cohort).order_by(col(Cohort.id)))), now, set())


def named(session: Session, word: str) -> list[Cohort]:
    """The cohort of that number, or those of that name."""
    if word.isdecimal() and int(word) < 2**31:
        cohort = session.get(Cohort, int(word))
        if cohort is not None:
            return [cohort]
    return list(session.exec(select(Cohort).where(Cohort.name == word.replace("\x00", ""))))


def _counted(session: Session, found: list[Cohort], now: datetime, mine: set[int]) -> list[Summary]:
    ids = [cohort.id for cohort in found]
    of_these = (col(Membership.cohort_id).in_(ids), Membership.role == Role.LEARNER)
    learners = dict(session.exec(select(Membership.cohort_id, func.count()).where(*of_these).group_by(col(Membership.cohort_id))).all())
    recent = select(Standing.learner_id).where(col(Standing.last_at) > now - timedelta(hours=24)).distinct()
    counted = select(Membership.cohort_id, func.count()).where(*of_these, col(Membership.learner_id).in_(recent))
    active = dict(session.exec(counted.group_by(col(Membership.cohort_id))).all())
    made = [Summary(each, learners.get(_id(each), 0), active.get(_id(each), 0), each.id in mine) for each in found]
    return sorted(made, key=lambda each: each.cohort.archived_at is not None)


def make(session: Session, actor: Actor, name: str, instructor_id: int) -> Cohort:
    """A new cohort that this instructor teaches. Raises UnreadableInput for a name that is none."""
    cohort = Cohort(name=checked_name(name))
    session.add(cohort)
    session.flush()
    enrol(session, _id(cohort), instructor_id, role=Role.INSTRUCTOR)
    note(session, actor, "cohort.made", cohort.name, cohort_id=cohort.id)
    return cohort


def rename(session: Session, actor: Actor, cohort: Cohort, name: str) -> None:
    """Another name. Raises UnreadableInput when it is none."""
    before, cohort.name = cohort.name, checked_name(name)
    if cohort.name != before:
        note(session, actor, "cohort.renamed", cohort.name, cohort_id=cohort.id, before=before)


def archive(session: Session, actor: Actor, cohort: Cohort, *, archived: bool) -> None:
    """Put a cohort away, or take it out again: nothing is lost, but nobody can join."""
    if (cohort.archived_at is not None) == archived:
        return
    cohort.archived_at = utc_now() if archived else None
    note(session, actor, "cohort.archived" if archived else "cohort.unarchived", cohort.name, cohort_id=cohort.id)


def checked_name(name: str) -> str:
    """A cohort's name as it is stored. Raises UnreadableInput when it is none."""
    name = " ".join(_UNSEEN.sub(" ", name).split())
    if not 1 <= len(name) <= LONGEST_NAME:
        raise UnreadableInput(
            f"A cohort's name has between 1 and {LONGEST_NAME} characters; this one has {len(name)}.", help="Go back and write another one."
        )
    return name


def enrol(session: Session, cohort_id: int, learner_id: int, *, role: Role = Role.LEARNER, namespace: str | None = None) -> bool:
    """Put somebody into a cohort; says whether they were not in it before. Two at the same moment do not harm each other."""
    row = {"cohort_id": cohort_id, "learner_id": learner_id, "role": role, "namespace": namespace, "joined_at": utc_now()}
    return session.execute(_entering(session).values(row).returning(col(Membership.learner_id))).first() is not None


def enrol_all(session: Session, cohort_id: int, seats: Sequence[tuple[int, str | None]]) -> None:
    """The same for many learners at once, each with their namespace or None."""
    now = utc_now()
    rows = [
        {"cohort_id": cohort_id, "learner_id": learner_id, "role": Role.LEARNER, "namespace": namespace, "joined_at": now}
        for learner_id, namespace in seats
    ]
    if rows:
        session.execute(_entering(session), rows)


def _entering(session: Session) -> postgresql.Insert | sqlite.Insert:
    return insert_into(session, Membership).on_conflict_do_nothing(index_elements=["cohort_id", "learner_id"])


def add_instructor(session: Session, actor: Actor, cohort: Cohort, email: str) -> str:
    """Let somebody else teach the cohort as well; gives their name. Raises NotFound when no instructor has that address."""
    email = accounts.clean_email(email)
    found = session.exec(
        select(Account, Learner).join(Learner, col(Learner.id) == Account.learner_id).where(Account.email == email)
    ).first()
    if found is None or found[0].role not in (Role.INSTRUCTOR, Role.ADMIN) or not found[0].active:
        raise NotFound(f"No instructor has the address {email}.", help="An admin can make somebody an instructor, under People.")
    account, learner = found
    cohort_id = _id(cohort)
    membership = session.get(Membership, (cohort_id, account.learner_id))
    if membership is not None and membership.role == Role.INSTRUCTOR:
        return learner.name or account.email
    if membership is not None:
        membership.role = Role.INSTRUCTOR
    else:
        enrol(session, cohort_id, account.learner_id, role=Role.INSTRUCTOR)
    note(session, actor, "cohort.instructor-added", account.email, cohort_id=cohort_id)
    return learner.name or account.email


def leave(session: Session, actor: Actor, cohort: Cohort, person: Person) -> None:
    """Teach a cohort no longer. Raises Conflict for who is the last to do so."""
    membership = session.get(Membership, (_id(cohort), person.id))
    if membership is None or membership.role != Role.INSTRUCTOR:
        raise NotFound("You do not teach this cohort.", help="As an admin you see it all the same.")
    if len(_instructors(session, _id(cohort))) == 1:
        raise Conflict("Nobody else teaches this cohort.", help="Add another instructor first, or archive it.")
    session.delete(membership)
    note(session, actor, "cohort.instructor-left", person.email, cohort_id=cohort.id)


def remove(session: Session, actor: Actor, cohort: Cohort, person: Person, learner_id: int) -> str:
    """Take somebody out of the cohort; gives their name. Their account and their work stay theirs.

    Raises NotFound when they are not in it, Forbidden for oneself and Conflict for the last instructor.
    """
    found = session.exec(
        select(Membership, Account, Learner)
        .join(Account, col(Account.learner_id) == Membership.learner_id)
        .join(Learner, col(Learner.id) == Membership.learner_id)
        .where(Membership.cohort_id == cohort.id, Membership.learner_id == learner_id)
    ).first()
    if found is None:
        raise NotFound("Nobody of that number is in this cohort.", help="Reload the page.")
    membership, account, learner = found
    if membership.role == Role.INSTRUCTOR:
        if learner_id == person.id:
            raise Forbidden("This would take away your own cohort from you.", help="Use Leave for that.")
        if len(_instructors(session, _id(cohort))) == 1:
            raise Conflict("Nobody else teaches this cohort.", help="Add another instructor first, or archive it.")
    session.delete(membership)
    what = "cohort.instructor-removed" if membership.role == Role.INSTRUCTOR else "cohort.learner-removed"
    note(session, actor, what, account.email, cohort_id=cohort.id)
    return learner.name or account.email


def _instructors(session: Session, cohort_id: int) -> list[int]:
    query = select(Membership.learner_id).where(Membership.cohort_id == cohort_id, Membership.role == Role.INSTRUCTOR)
    return list(session.exec(query.with_for_update()))


def _id(cohort: Cohort) -> int:
    assert cohort.id is not None
    return cohort.id
