"""Links that work once and for a short time: they let somebody set a password, and in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlmodel import Session, col, delete, select, update

from app.errors import Conflict, Forbidden, NotFound
from app.models import Account, Membership, OneTimeLink, Purpose, Role, utc_now
from app.services import accounts
from app.services.audit import Actor, note
from app.services.sign_ins import digest, new_secret

LASTS: Final = {Purpose.SETUP: timedelta(hours=24), Purpose.RESET: timedelta(hours=24), Purpose.INVITATION: timedelta(days=7)}


def lasts(purpose: Purpose) -> str:
    """How long such a link holds, in words."""
    hours = LASTS[purpose] // timedelta(hours=1)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"


@dataclass(frozen=True, slots=True)
class Held:
    """What a link is for, and whom it lets in; nobody yet when it makes the first admin."""

    purpose: Purpose
    learner_id: int | None
    email: str = ""
    name: str = ""


def purpose_for(account: Account) -> Purpose:
    """What a link for that account is: an invitation for who has never been there."""
    fresh = account.password is None and account.subject is None and account.signed_in_at is None
    return Purpose.INVITATION if fresh else Purpose.RESET


def make_link(session: Session, actor: Actor, purpose: Purpose, learner_id: int, *, cohort_id: int | None = None) -> str:
    """A link for somebody's password; gives the path of its address, `/link/…`, which cannot be had again. Older ones of theirs are void.

    Admins, and who types on the server, make it for anybody; an instructor only for learners all of whose cohorts they teach, for a link
    lets whoever has it in. Put who is new into the cohort first. Raises NotFound, Forbidden, and Conflict for an invitation of who has
    been there.
    """
    account = session.get(Account, learner_id)
    if account is None:
        raise NotFound("There is nobody of that number.", help="They may have been deleted; reload the page.")
    if not may_make(session, actor, account):
        raise Forbidden(
            "A link to set a password can only be made by an admin here.",
            help="Instructors make it for learners whose cohorts are all theirs, and who do not sign in elsewhere.",
        )
    if purpose is Purpose.INVITATION and purpose_for(account) is not Purpose.INVITATION:
        raise Conflict(f"{account.email} has been here already.", help="If the password is forgotten, make a reset link.")
    if not account.active:
        raise Conflict(f"The account of {account.email} is deactivated.", help="An admin can activate it.")
    secret = _new(session, purpose, learner_id, actor.id)
    note(session, actor, f"{purpose}-link.made", account.email, cohort_id=cohort_id)
    return f"/link/{secret}"


def invite(session: Session, actor: Actor, newcomers: Sequence[Account], cohort_id: int) -> list[str]:
    """The same for a cohort's accounts that are made in this very transaction, thousands at once: nobody has been in them yet."""
    secrets = [new_secret() for _ in newcomers]
    ends = utc_now() + LASTS[Purpose.INVITATION]
    session.add_all(
        OneTimeLink(digest=digest(secret), purpose=Purpose.INVITATION, learner_id=account.learner_id, made_by=actor.id, expires_at=ends)
        for account, secret in zip(newcomers, secrets, strict=True)
    )
    for account in newcomers:
        note(session, actor, f"{Purpose.INVITATION}-link.made", account.email, cohort_id=cohort_id)
    session.flush()
    return [f"/link/{secret}" for secret in secrets]


def may_make(session: Session, actor: Actor, account: Account) -> bool:
    """Whether that person may have a link for that account."""
    if actor.id is None:
        return True
    maker = session.get(Account, actor.id)
    if maker is None or not maker.active:
        return False
    if maker.role == Role.ADMIN:
        return True
    if maker.role != Role.INSTRUCTOR or account.role != Role.LEARNER or account.subject is not None:
        return False
    theirs = set(session.exec(select(Membership.cohort_id).where(Membership.learner_id == account.learner_id)))
    taught = select(Membership.cohort_id).where(Membership.learner_id == actor.id, Membership.role == Role.INSTRUCTOR)
    return bool(theirs) and theirs <= set(session.exec(taught))


def setup_link(session: Session) -> str | None:
    """The path of a link that makes the first admin; None when there is one. It works as long as there is none, for 24 hours at most."""
    if _has_admin(session):
        return None
    return f"/link/{_new(session, Purpose.SETUP, None, None)}"


def held_by(session: Session, secret: str) -> Held:
    """What the link of that secret is for, unused. Raises NotFound, the same for every reason why it does not hold."""
    link = session.exec(
        select(OneTimeLink).where(
            OneTimeLink.digest == digest(secret), col(OneTimeLink.used_at).is_(None), col(OneTimeLink.expires_at) > utc_now()
        )
    ).first()
    if link is None:
        raise _void()
    if link.learner_id is None:
        if _has_admin(session):
            raise _void()
        return Held(Purpose.SETUP, None)
    account = session.get(Account, link.learner_id)
    if account is None or not account.active or not _could_still_be_made(session, link, account):
        raise _void()
    return Held(Purpose(link.purpose), link.learner_id, account.email, accounts.name_of(session, link.learner_id))


def use(session: Session, secret: str, password: str, *, address: str, email: str = "", name: str = "") -> int:
    """Use a link up: store the hash of the new password and end all sign-ins and terminals of before; gives whose it is. `email` and `name`
    are the first admin's. The session is locked for learner 0, so that one alone becomes it. Raises NotFound when somebody was quicker."""
    held = held_by(session, secret)
    taken = session.execute(
        update(OneTimeLink).where(col(OneTimeLink.digest) == digest(secret), col(OneTimeLink.used_at).is_(None)).values(used_at=utc_now())
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined] # what an UPDATE gives has it
        raise _void()
    if held.learner_id is None:
        account = accounts.by_email(session, email) or accounts.make(session, email, name)
        account.role, account.active = Role.ADMIN, True
    else:
        found = session.get(Account, held.learner_id)
        assert found is not None
        account = found
    accounts.end_all(session, account.learner_id)
    accounts.set_password(session, account, password)
    note(session, Actor(account.learner_id, account.email, address), f"{held.purpose}-link.used", account.email)
    return account.learner_id


def sweep(session: Session) -> None:
    """Forget what was used or has expired a month ago."""
    session.exec(delete(OneTimeLink).where(col(OneTimeLink.expires_at) <= utc_now() - timedelta(days=30)))


def _new(session: Session, purpose: Purpose, learner_id: int | None, made_by: int | None) -> str:
    if learner_id is not None:
        session.exec(delete(OneTimeLink).where(col(OneTimeLink.learner_id) == learner_id, col(OneTimeLink.used_at).is_(None)))
    secret = new_secret()
    link = OneTimeLink(
        digest=digest(secret), purpose=purpose, learner_id=learner_id, made_by=made_by, expires_at=utc_now() + LASTS[purpose]
    )
    session.add(link)
    session.flush()
    return secret


def _has_admin(session: Session) -> bool:
    return session.exec(select(Account.learner_id).where(Account.role == Role.ADMIN).limit(1)).first() is not None


def _could_still_be_made(session: Session, link: OneTimeLink, account: Account) -> bool:
    """Whether whoever made a link into somebody's work may make it still: the learner may have joined another cohort meanwhile."""
    if link.purpose != Purpose.RESET or link.made_by is None:
        return True
    return may_make(session, Actor(link.made_by, ""), account)


def _void() -> NotFound:
    return NotFound(
        "This link does not hold: it was used already, has expired, or a newer one was made.",
        help="Ask whoever gave it to you for a new one. If you have set your password, sign in.",
    )
