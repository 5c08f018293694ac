"""The people of one cohort: who teaches it, and its learners, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.db import with_words
from app.errors import NotFound
from app.models import Account, Learner, Membership, Role
from app.services import one_time_links
from app.services.audit import Actor

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Somebody:
    """An instructor or a learner of the cohort. `invited` tells that they have an account in which they have never been."""

    id: int
    name: str
    email: str
    active: bool
    invited: bool
    elsewhere: bool
    namespace: str | None
    joined_at: datetime
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class People:
    """Those who teach, and a page of those who learn, of `found`; pages count from 1."""

    instructors: list[Somebody]
    learners: list[Somebody]
    found: int
    page: int

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.found // PAGE))


_OF_ONE = (
    col(Learner.id),
    col(Learner.name),
    col(Account.email),
    col(Account.active),
    col(Account.password).is_(None) & col(Account.subject).is_(None) & col(Account.signed_in_at).is_(None),
    col(Account.subject).is_not(None),
    col(Membership.namespace),
    col(Membership.joined_at),
    col(Account.signed_in_at),
)


def of_cohort(session: Session, cohort_id: int, words: str = "", page: int = 1) -> People:
    """The people of a cohort, by name; of the learners those whose name or address has these words in it."""
    by_name = (func.lower(col(Learner.name)), col(Account.email))
    everybody = (
        select(*_OF_ONE)
        .join(Account, col(Account.learner_id) == Learner.id)
        .join(Membership, col(Membership.learner_id) == Learner.id)
        .where(col(Membership.cohort_id) == cohort_id)
        .order_by(*by_name)
    )
    instructors = [Somebody(*row) for row in session.execute(everybody.where(col(Membership.role) == Role.INSTRUCTOR))]
    learners = everybody.where(col(Membership.role) == Role.LEARNER, *with_words(words, Learner.name, Account.email))
    found = session.execute(select(func.count()).select_from(learners.order_by(None).subquery())).scalar_one()
    page = min(max(1, page), max(1, -(-found // PAGE)))
    rows = session.execute(learners.offset((page - 1) * PAGE).limit(PAGE))
    return People(instructors, [Somebody(*row) for row in rows], found, page)


def make_link(session: Session, actor: Actor, cohort_id: int, learner_id: int) -> tuple[str, Account, str]:
    """A link with which a learner of the cohort sets a password; gives its path, whose it is, and how long it holds.

    Raises NotFound for somebody else, and Forbidden where only an admin may make one.
    """
    membership, account = session.get(Membership, (cohort_id, learner_id)), session.get(Account, learner_id)
    if membership is None or account is None or membership.role != Role.LEARNER:
        raise NotFound("This cohort has no such learner.", help="They may have left it. Reload the page.")
    purpose = one_time_links.purpose_for(account)
    path = one_time_links.make_link(session, actor, purpose, learner_id, cohort_id=cohort_id)
    return path, account, one_time_links.lasts(purpose)


def addresses(session: Session, cohort_id: int) -> list[tuple[str, str]]:
    """The addresses and names of a cohort's learners, by name, to choose from."""
    query = (
        select(col(Account.email), col(Learner.name))
        .join(Learner, col(Learner.id) == col(Account.learner_id))
        .join(Membership, col(Membership.learner_id) == col(Account.learner_id))
        .where(col(Membership.cohort_id) == cohort_id, col(Membership.role) == Role.LEARNER)
        .order_by(func.lower(col(Learner.name)), col(Account.email))
    )
    return [(email, name) for email, name in session.execute(query)]
