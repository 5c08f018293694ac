"""Accounts of people whom an OpenID provider has signed in: which one is whose, and who gets a new one."""

from __future__ import annotations

from typing import Final

from sqlmodel import Session, select

from app.errors import AppError
from app.models import Account, utc_now
from app.services import accounts
from app.services.audit import Actor, note
from app.services.open_id import Identity
from app.services.signing_in import not_let_in

_ASK: Final = "Sign in with your address and password, or ask your instructor or an admin."


class Unlinked(AppError):
    """The provider has signed somebody in who gets no account for it."""

    status = 403


def account_of(session: Session, identity: Identity, *, invited: bool, address: str) -> Account:
    """The account of that identity: the one that it has, the one of the same address, or a new one.

    An account of the same address is taken over only when the provider vouches for the address and no other identity has it; its password
    and all that it had opened end then, for nobody had ever proven that the address was theirs. `invited` is who comes with a link to join:
    such a person need not have an address that is vouched for. Raises Unlinked, NotLetIn for a closed account.
    """
    known = session.exec(select(Account).where(Account.issuer == identity.issuer, Account.subject == identity.subject)).first()
    if known is None:
        known = _linked(session, identity, address) or _new(session, identity, invited, address)
    if not known.active:
        raise not_let_in()
    return known


def _linked(session: Session, identity: Identity, address: str) -> Account | None:
    account = accounts.by_email(session, identity.email)
    if account is None:
        return None
    if not identity.verified:
        raise Unlinked(
            f"There is an account for {account.email} here, and the provider does not vouch that the address is yours.", help=_ASK
        )
    if account.subject is not None:
        raise Unlinked(f"The account for {account.email} here belongs to somebody else at the provider.", help=_ASK)
    if not account.active:
        raise not_let_in()
    account.issuer, account.subject, account.password = identity.issuer, identity.subject, None
    accounts.end_all(session, account.learner_id)
    note(session, Actor(account.learner_id, account.email, address), "account.linked", account.email, issuer=identity.issuer)
    return account


def _new(session: Session, identity: Identity, invited: bool, address: str) -> Account:
    if not identity.email:
        raise Unlinked("The provider does not say your e-mail address, by which your instructor knows you.", help=_ASK)
    if not identity.verified and not invited:
        raise Unlinked(
            "The provider does not vouch that the e-mail address is yours, and you have not come with a link to join.",
            help="Open the link that your instructor gave you, and sign in from there.",
        )
    email = accounts.clean_email(identity.email)
    try:
        name = accounts.clean_name(identity.name[: accounts.LONGEST_NAME])
    except accounts.Invalid:
        name = email.partition("@")[0]
    account = accounts.make(session, email, name)
    account.issuer, account.subject, account.created_at = identity.issuer, identity.subject, utc_now()
    session.flush()
    note(session, Actor(account.learner_id, account.email, address), "account.made", account.email, issuer=identity.issuer)
    return account
