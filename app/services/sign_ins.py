"""Who is signed in: browsers by a cookie, terminals by a token. Only digests of either are stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, delete, select

from app.models import Account, Learner, Membership, Role, SignIn, TerminalToken, utc_now

LASTS: Final = timedelta(days=14)
"""So long after it was used last, a sign-in ends by itself."""
TOKEN_LASTS: Final = timedelta(days=180)
_LONGEST: Final = timedelta(days=60)  # and so long after it was made, used or not
_NOTE_EVERY: Final = timedelta(minutes=10)  # writing down each use would make every page a write


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has an account. `namespace` is their own on a shared cluster, None without one."""

    id: int
    name: str
    email: str
    role: Role
    namespace: str | None = None


def digest(secret: str) -> str:
    """What is stored of something that opens a door. It has 256 random bits, so that nothing slower is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """256 random bits as text for cookies, addresses and headers."""
    return secrets.token_urlsafe(32)


def sign_in(session: Session, learner_id: int, agent: str) -> str:
    """Sign a browser in; gives the secret for its cookie, which cannot be had again."""
    secret, now = new_secret(), utc_now()
    session.add(
        SignIn(digest=digest(secret), learner_id=learner_id, agent=agent[:200], created_at=now, seen_at=now, expires_at=now + LASTS)
    )
    account = session.get(Account, learner_id)
    assert account is not None
    account.signed_in_at = now
    session.flush()
    return secret


def signed_in(session: Session, secret: str) -> tuple[Person, SignIn] | None:
    """Whose browser that is, if it is still signed in."""
    found = session.exec(
        select(SignIn, Account, Learner.name)
        .join(Account, col(Account.learner_id) == SignIn.learner_id)
        .join(Learner, col(Learner.id) == SignIn.learner_id)
        .where(SignIn.digest == digest(secret), col(SignIn.expires_at) > utc_now(), col(Account.active))
    ).first()
    return (_person(session, found[1], found[2]), found[0]) if found else None


def use_is_due(made: SignIn) -> bool:
    """Whether it is time for `note_use`."""
    return utc_now() - made.seen_at >= _NOTE_EVERY


def note_use(session: Session, made: SignIn) -> None:
    """Put off the end of a sign-in that is in use. The session must be one that writes."""
    held = session.get(SignIn, made.id)
    if held is not None:
        now = utc_now()
        held.seen_at, held.expires_at = now, min(now + LASTS, held.created_at + _LONGEST)


def sign_out(session: Session, secret: str) -> None:
    """End the sign-in of one browser."""
    session.exec(delete(SignIn).where(col(SignIn.digest) == digest(secret)))


def sign_out_everywhere(session: Session, learner_id: int, *, but: str | None = None) -> None:
    """End all of somebody's sign-ins, as after a change of password; `but` is the secret of the one that stays."""
    query = delete(SignIn).where(col(SignIn.learner_id) == learner_id)
    session.exec(query if but is None else query.where(col(SignIn.digest) != digest(but)))


def make_token(session: Session, learner_id: int, name: str, *, lasts: timedelta = TOKEN_LASTS) -> str:
    """A token for somebody's terminal; it cannot be shown again."""
    secret = "course_" + new_secret()
    session.add(TerminalToken(digest=digest(secret), learner_id=learner_id, name=name[:100], expires_at=utc_now() + lasts))
    session.flush()
    return secret


def holder_of(session: Session, token: str) -> Person | None:
    """Whose terminal shows that token, if it still holds."""
    found = session.exec(
        select(Account, Learner.name)
        .join(TerminalToken, col(TerminalToken.learner_id) == Account.learner_id)
        .join(Learner, col(Learner.id) == Account.learner_id)
        .where(TerminalToken.digest == digest(token), col(TerminalToken.expires_at) > utc_now(), col(Account.active))
    ).first()
    return _person(session, *found) if found else None


def sweep(session: Session, now: datetime) -> None:
    """Forget what has expired."""
    session.exec(delete(SignIn).where(col(SignIn.expires_at) <= now))
    session.exec(delete(TerminalToken).where(col(TerminalToken.expires_at) <= now))


def _person(session: Session, account: Account, name: str) -> Person:
    namespace = session.exec(
        select(Membership.namespace)
        .where(Membership.learner_id == account.learner_id, col(Membership.namespace).is_not(None))
        .order_by(col(Membership.joined_at).desc())
        .limit(1)
    ).first()
    return Person(account.learner_id, name, account.email, Role(account.role), namespace)
