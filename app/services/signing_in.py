"""Signing in with a password: who is let in, and how often it may be tried.

Three counts, each for 15 minutes. One is of the network address, whatever accounts it tries. One is of the account, tried by browsers
that have never been signed in to it: however many addresses guess, they have ten guesses together. So that these cannot keep the owner
out, a browser that has been signed in to the account is known by a cookie, and is counted by itself; see
https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies. Whoever has no such browser and is in a hurry gets a
one-time link from their instructor, which counts nowhere. What succeeds is not counted, so that a class behind one address can sign in at
once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session

from app.db import session_of
from app.errors import AppError, TooOften
from app.models import Account
from app.services import accounts, passwords, sign_ins, throttle

WINDOW: Final = 15 * 60  # seconds
PER_ADDRESS: Final = 300
PER_ACCOUNT: Final = 10
SUCCESSES: Final = 60  # of one account: nobody needs more, and each costs a processor some time
_BY_ADDRESS, _BY_ACCOUNT, _BY_BROWSER, _DONE = "sign-in by address", "sign-in to account", "sign-in by known browser", "signed in"


class NotLetIn(AppError):
    """The address or the password is not right, or the account is closed: nobody is told which."""

    status = 422


@dataclass(frozen=True, slots=True)
class Knock:
    """Who wants to be let in. `known` is what the browser's cookie says, `before` the secret of a sign-in that this one replaces."""

    email: str
    password: str
    address: str
    agent: str
    known: str = ""
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The secret of a new sign-in, and what the browser is known by from now on."""

    secret: str
    known: str


async def let_in(engine: Engine, key: bytes, knock: Knock) -> Admitted:
    """Sign a browser in. `key` is the server's. Raises NotLetIn, TooOften."""
    with session_of(engine, writes=False) as session:
        account = accounts.by_email(session, knock.email)
    counts = _counts(key, knock, account)
    try:
        with session_of(engine, writes=True) as session:
            for what, who, most in counts:
                throttle.check(session, what, who, most, WINDOW)
    except TooOften as error:
        raise _too_often(error) from error
    right = await passwords.matches(knock.password, account.password if account else None)
    if account is None or not right or not account.active:
        raise not_let_in()
    again = await passwords.hashed(knock.password) if passwords.is_outdated(account.password or "") else None
    with session_of(engine, writes=True, learner_id=account.learner_id) as session:
        now = session.get(Account, account.learner_id)
        if now is None or not now.active or now.password != account.password:  # it was changed while we looked
            raise not_let_in()
        if again is not None:
            now.password = again
        throttle.check(session, _DONE, str(now.learner_id), SUCCESSES, WINDOW)
        for what, who, _ in counts:
            throttle.refund(session, what, who)
        return admit(session, key, now.learner_id, agent=knock.agent, before=knock.before)


def admit(session: Session, key: bytes, learner_id: int, *, agent: str, before: str | None) -> Admitted:
    """Sign a browser in that has shown enough. It gets a new secret, whatever it came with; what it was signed in to before has ended."""
    if before is not None:
        sign_ins.sign_out(session, before)
    return Admitted(sign_ins.sign_in(session, learner_id, agent), _known(key, learner_id, secrets.token_urlsafe(16)))


def not_let_in() -> NotLetIn:
    """The one answer to whoever is not let in."""
    return NotLetIn(
        "Address and password do not belong together, or the account is closed.",
        help="Try again, or ask your instructor for a link to set a new password.",
    )


def _too_often(error: TooOften) -> TooOften:
    return TooOften(
        "There were too many tries to sign in here with a wrong address or password.",
        seconds=error.seconds,
        help=f"{error.help} A link to set a new password, from your instructor or an admin, works at once.",
    )


def _counts(key: bytes, knock: Knock, account: Account | None) -> list[tuple[str, str, int]]:
    counts = [(_BY_ADDRESS, throttle.network_of(knock.address), PER_ADDRESS)]
    nonce = knock.known.partition(".")[0]
    if account is not None and hmac.compare_digest(knock.known.encode(), _known(key, account.learner_id, nonce).encode()):
        counts.append((_BY_BROWSER, f"{account.learner_id} {nonce}", PER_ACCOUNT))
    else:
        counts.append((_BY_ACCOUNT, _as_compared(knock.email), PER_ACCOUNT))
    return counts


def _as_compared(email: str) -> str:
    """The same for all ways to type an address, whether it has an account or not: or the counts would tell which ones have."""
    try:
        return accounts.clean_email(email)
    except accounts.Invalid:
        return email[:1000]


def _known(key: bytes, learner_id: int, nonce: str) -> str:
    signature = hmac.new(key, f"known:{learner_id}:{nonce}".encode(), hashlib.sha256).hexdigest()
    return f"{nonce}.{signature}"
