"""Accounts: who there is, what they may do, and what becomes of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, func, select

from app.db import with_words
from app.errors import AppError, Conflict, NotFound
from app.models import Account, Learner, Membership, OneTimeLink, Purpose, Role, TerminalToken
from app.services import sign_ins
from app.services.audit import Actor, note

LONGEST_NAME: Final = 100
PAGE: Final = 100
_EMAIL: Final = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@(?!-)[\w-]+(\.[\w-]+)+")
_LONGEST_EMAIL: Final = 254
_JOINERS: Final = "\u200c\u200d"  # of all characters that cannot be seen, the two that names are spelt with


class Invalid(AppError):
    """What was typed cannot be an address or a name."""

    status = 422


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody in the list of people."""

    id: int
    name: str
    email: str
    role: Role
    active: bool
    has_password: bool
    issuer: str | None
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True)
class People:
    """A page of them, from 1 on."""

    rows: list[Listed]
    found: int
    page: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // PAGE))


def clean_email(text: str) -> str:
    """An address as accounts are compared by. Raises Invalid."""
    email = unicodedata.normalize("NFKC", text[:1000]).strip().lower()
    if not _EMAIL.fullmatch(email) or len(email) > _LONGEST_EMAIL or not email.isprintable():
        shown = text.strip()[:60]
        raise Invalid(
            f"“{shown}” is no e-mail address." if shown.isprintable() and shown else "That is no e-mail address.",
            help="One has the form ada@example.org.",
        )
    return email


def clean_name(text: str) -> str:
    """A name without what cannot be seen and what turns the direction of the text around it. Raises Invalid when nothing is left of it, or
    too much."""
    name = " ".join("".join(_seen(character) for character in unicodedata.normalize("NFC", text[:1000])).split())
    if not name.strip(_JOINERS):
        raise Invalid("The name is empty.", help="Write the name that your instructor knows you by.")
    if len(name) > LONGEST_NAME:
        raise Invalid(f"The name has {len(name)} characters; {LONGEST_NAME} fit.", help="Shorten it.")
    return name


def make(session: Session, email: str, name: str, role: Role = Role.LEARNER, *, password: str | None = None) -> Account:
    """A new account. `email` and `name` are clean, `password` is a hash. Raises Conflict when the address has one already."""
    learner = Learner(name=name)
    session.add(learner)
    session.flush()
    assert learner.id is not None
    account = Account(learner_id=learner.id, email=email, role=role, password=password)
    try:
        with session.begin_nested():  # somebody else may make it at the same moment
            session.add(account)
    except IntegrityError as error:
        session.delete(learner)
        raise Conflict(f"There is an account with the address {email} already.", help="Sign in with it instead.") from error
    return account


def by_email(session: Session, email: str) -> Account | None:
    """The account with that address, in whatever letters it is typed."""
    try:
        return session.exec(select(Account).where(Account.email == clean_email(email))).first()
    except Invalid:
        return None


def name_of(session: Session, learner_id: int) -> str:
    """What somebody is called; "" for nobody."""
    return session.exec(select(Learner.name).where(Learner.id == learner_id)).first() or ""


def rename(session: Session, learner_id: int, name: str) -> None:
    """Call somebody something else. Raises Invalid."""
    learner = session.get(Learner, learner_id)
    assert learner is not None
    learner.name = clean_name(name)


def set_password(session: Session, account: Account, password: str, *, keep: str | None = None) -> None:
    """Store a hash, and end what the old password had opened, but for the sign-in whose secret is `keep`; links that set another are
    void."""
    account.password = password
    session.add(account)
    sign_ins.sign_out_everywhere(session, account.learner_id, but=keep)
    _void_links(session, account.learner_id)


def end_all(session: Session, learner_id: int) -> None:
    """End all of somebody's sign-ins and terminals, and make void what links let in."""
    _void_links(session, learner_id)
    sign_ins.sign_out_everywhere(session, learner_id)
    session.exec(delete(TerminalToken).where(col(TerminalToken.learner_id) == learner_id))


def _void_links(session: Session, learner_id: int) -> None:
    session.exec(delete(OneTimeLink).where(col(OneTimeLink.learner_id) == learner_id, col(OneTimeLink.used_at).is_(None)))


def _void_resets_by(session: Session, maker_id: int) -> None:
    """Make void what would let somebody into other people's accounts who may do so no longer; invitations lead into empty ones."""
    made = (OneTimeLink.made_by == maker_id, OneTimeLink.purpose == Purpose.RESET, col(OneTimeLink.used_at).is_(None))
    session.exec(delete(OneTimeLink).where(*made))  # type: ignore[arg-type] # columns


def people(session: Session, words: str = "", page: int = 1) -> People:
    """Those whose name or address has these words in it, by name."""
    query = select(Account, Learner.name).join(Learner, col(Learner.id) == Account.learner_id)
    query = query.where(*with_words(words, Learner.name, Account.email))
    found = session.exec(select(func.count()).select_from(query.subquery())).one()
    page = min(max(1, page), max(1, -(-found // PAGE)))
    rows = session.exec(query.order_by(func.lower(Learner.name), col(Account.learner_id)).offset((page - 1) * PAGE).limit(PAGE))
    return People([_listed(account, name) for account, name in rows], found, page)


def set_role(session: Session, actor: Actor, learner_id: int, role: Role) -> None:
    """Let somebody do more or less; links that set their password are void then. Raises NotFound, and Conflict for the last admin."""
    account = _account(session, learner_id)
    if account.role == role:
        return
    if account.role == Role.ADMIN:
        _another_admin(session, learner_id, "given another role")
    if role is Role.LEARNER:  # who is no instructor teaches nobody
        session.exec(delete(Membership).where(col(Membership.learner_id) == learner_id, col(Membership.role) == Role.INSTRUCTOR))
    _void_links(session, learner_id)  # whoever has one may have made it for somebody who could do less
    _void_resets_by(session, learner_id)
    before, account.role = account.role, role
    note(session, actor, "account.role-changed", account.email, before=before, after=str(role))


def set_active(session: Session, actor: Actor, learner_id: int, active: bool) -> None:
    """Close or open an account; closing ends all sign-ins and terminals. Raises NotFound, and Conflict for the last admin."""
    account = _account(session, learner_id)
    if account.active == active:
        return
    if not active:
        _another_admin(session, learner_id, "deactivated")
        end_all(session, learner_id)
        _void_resets_by(session, learner_id)
    account.active = active
    note(session, actor, "account.activated" if active else "account.deactivated", account.email)


def remove(session: Session, actor: Actor, learner_id: int, typed: str) -> None:
    """Delete somebody and all that they did. `typed` is their address, typed once more. Raises NotFound, Invalid for another address, and
    Conflict for the last admin."""
    account = _account(session, learner_id)
    if typed.strip().lower() != account.email:
        raise Invalid("The address that was typed is not that of the account, so nothing was deleted.", help=f"Type {account.email}.")
    _another_admin(session, learner_id, "deleted")
    _void_resets_by(session, learner_id)
    note(session, actor, "account.deleted", account.email)
    session.flush()
    session.exec(delete(Learner).where(col(Learner.id) == learner_id))  # the database takes along all that is theirs
    session.expunge(account)


def _another_admin(session: Session, learner_id: int, what: str) -> None:
    """See to it that somebody stays who can let others in. Two who do this to each other at the same moment wait for each other."""
    query = select(Account).where(Account.role == Role.ADMIN, col(Account.active)).order_by(col(Account.learner_id)).with_for_update()
    admins = [account.learner_id for account in session.exec(query.execution_options(populate_existing=True))]
    if admins == [learner_id]:
        raise Conflict(f"The last admin cannot be {what}: nobody could let anybody in any more.", help="Make somebody else an admin first.")


def _account(session: Session, learner_id: int) -> Account:
    account = session.get(Account, learner_id)
    if account is None:
        raise NotFound("There is nobody of that number.", help="They may have been deleted; the list of people tells who there is.")
    return account


def _listed(account: Account, name: str) -> Listed:
    return Listed(
        account.learner_id,
        name,
        account.email,
        Role(account.role),
        account.active,
        account.password is not None,
        account.issuer,
        account.signed_in_at,
    )


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category in ("Cf", "Cs", "Co", "Cn") and character not in _JOINERS else character
