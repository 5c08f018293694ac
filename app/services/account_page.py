"""What somebody's own account page shows: where they are signed in, which terminals hold a token, and which cohorts they are in."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, delete, func, select

from app.errors import AppError, Conflict, NotFound
from app.models import Account, Cohort, Membership, SignIn, TerminalToken, utc_now
from app.services.sign_ins import digest, make_token

MOST_TOKENS: Final = 50
LONGEST_TOKEN_NAME: Final = 100
# The first that fits: most browsers also call themselves the ones that came before them.
_BROWSERS: Final = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone|iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


class Nameless(AppError):
    """A token without a name could not be told from others."""

    status = 422


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser that is signed in; `here` is the one that asks."""

    id: int
    browser: str
    since: datetime
    seen_at: datetime
    here: bool


@dataclass(frozen=True, slots=True)
class Mine:
    """The account of who asks."""

    has_password: bool
    issuer: str | None
    made_at: datetime
    sign_ins: list[SignedIn]
    tokens: list[TerminalToken]
    cohorts: list[tuple[str, str]]


def mine(session: Session, learner_id: int, secret: str) -> Mine:
    """All that the page shows. `secret` is that of the sign-in that asks."""
    account, now = session.get(Account, learner_id), utc_now()
    assert account is not None
    made = session.exec(
        select(SignIn).where(SignIn.learner_id == learner_id, col(SignIn.expires_at) > now).order_by(col(SignIn.seen_at).desc()).limit(100)
    )
    here = digest(secret)
    tokens = session.exec(
        select(TerminalToken)
        .where(TerminalToken.learner_id == learner_id, col(TerminalToken.expires_at) > now)
        .order_by(col(TerminalToken.id).desc())
    )
    cohorts = session.exec(
        select(Cohort.name, Membership.role)
        .join(Membership, col(Membership.cohort_id) == Cohort.id)
        .where(Membership.learner_id == learner_id)
        .order_by(Cohort.name)
    )
    return Mine(
        account.password is not None,
        account.issuer,
        account.created_at,
        [SignedIn(_id(each), browser_of(each.agent), each.created_at, each.seen_at, each.digest == here) for each in made],
        list(tokens),
        [(name, role) for name, role in cohorts],
    )


def end_sign_in(session: Session, learner_id: int, sign_in_id: int) -> None:
    """End one of somebody's sign-ins. Raises NotFound when it is none of theirs."""
    found = session.get(SignIn, sign_in_id)
    if found is None or found.learner_id != learner_id:
        raise NotFound("You have no sign-in of that number.", help="It may have ended meanwhile; your account lists those that hold.")
    session.delete(found)


def new_token(session: Session, learner_id: int, name: str) -> str:
    """A token for somebody's terminal, which cannot be shown again. Raises Nameless, and Conflict when there are too many."""
    called = " ".join("".join(each if unicodedata.category(each)[0] != "C" else " " for each in name[:1000]).split())
    if not called:
        raise Nameless("The token needs a name, so that you can tell it from others.", help="Name the machine: laptop, lab 3.")
    count = session.exec(select(func.count()).where(TerminalToken.learner_id == learner_id)).one()
    if count >= MOST_TOKENS:
        raise Conflict(f"You have {MOST_TOKENS} tokens already.", help="Revoke one that is not in use.")
    return make_token(session, learner_id, called[:LONGEST_TOKEN_NAME])


def revoke_token(session: Session, learner_id: int, token_id: int) -> None:
    """Let a token hold no longer. Raises NotFound when it is none of theirs."""
    done = session.execute(delete(TerminalToken).where(col(TerminalToken.id) == token_id, col(TerminalToken.learner_id) == learner_id))
    if done.rowcount != 1:  # type: ignore[attr-defined] # what a DELETE gives has it
        raise NotFound("You have no token of that number.", help="It may be revoked already; your account lists those that hold.")


def browser_of(agent: str) -> str:
    """`Firefox on Linux`: what a browser calls itself, in short."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "A browser")
    system = next((name for sign, name in _SYSTEMS if re.search(sign, agent)), "")
    return f"{browser} on {system}" if system else browser


def _id(made: SignIn) -> int:
    assert made.id is not None
    return made.id
