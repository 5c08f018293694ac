"""Links with which people join a cohort. A code is the link's number with a signature that only the server can make; none is stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select, update

from app.errors import Conflict, NotFound
from app.models import Account, Cohort, JoinLink, Learner, utc_now
from app.services import cohorts
from app.services.audit import Actor, note

SHORTEST: Final = timedelta(days=1)
LONGEST: Final = timedelta(days=90)
_CODE: Final = re.compile(r"([1-9][0-9]{0,8})-([a-z2-7]{24})")


def make(session: Session, actor: Actor, cohort_id: int, lasts: timedelta) -> JoinLink:
    """A link to a cohort that is open for so long, a day to 90 days. Raises Conflict for another time, or when the cohort is archived."""
    if not SHORTEST <= lasts <= LONGEST:
        raise Conflict("A link lasts between 1 and 90 days.", help="Choose another number of days.", status=422)
    cohort = session.get(Cohort, cohort_id)
    if cohort is None or cohort.archived_at is not None:
        raise Conflict("Nobody can join a cohort that is archived.", help="Unarchive it first.")
    now = utc_now()
    link = JoinLink(cohort_id=cohort_id, made_by=actor.id, created_at=now, expires_at=now + lasts)
    session.add(link)
    session.flush()
    note(session, actor, "join-link.made", f"link {link.id}", cohort_id=cohort_id, expires=link.expires_at.isoformat(timespec="minutes"))
    return link


def code_of(key: bytes, link: JoinLink) -> str:
    """What stands in the link's address. `key` is the server's."""
    assert link.id is not None
    return f"{link.id}-{_signature(key, link.id)}"


def find(session: Session, key: bytes, code: str) -> JoinLink | None:
    """The link of that code; None when there is none, or when it has expired, was revoked, or its cohort is archived."""
    parts = _CODE.fullmatch(code.strip().lower())
    if parts is None or not hmac.compare_digest(parts[2], _signature(key, int(parts[1]))):
        return None
    link = session.get(JoinLink, int(parts[1]))
    if link is None or state(link, utc_now()) != "open":
        return None
    cohort = session.get(Cohort, link.cohort_id)
    return link if cohort is not None and cohort.archived_at is None else None


def state(link: JoinLink, now: datetime) -> str:
    """`open`, `expired` or `revoked`."""
    return "revoked" if link.revoked_at is not None else "expired" if link.expires_at <= now else "open"


def join(session: Session, link: JoinLink, learner_id: int, *, address: str = "") -> bool:
    """Put somebody who has an account into the link's cohort, as a learner; says whether they were not in it before. `address` is where
    they come from."""
    assert link.id is not None
    if not cohorts.enrol(session, link.cohort_id, learner_id):
        return False
    session.exec(update(JoinLink).where(col(JoinLink.id) == link.id).values(uses=JoinLink.uses + 1))
    account, learner = session.get(Account, learner_id), session.get(Learner, learner_id)
    assert account is not None
    assert learner is not None
    who = Actor(learner_id, account.email, address)
    note(session, who, "cohort.joined", learner.name or account.email, cohort_id=link.cohort_id, link=link.id)
    return True


def of_cohort(session: Session, cohort_id: int) -> list[JoinLink]:
    """A cohort's links, the newest first."""
    return list(session.exec(select(JoinLink).where(JoinLink.cohort_id == cohort_id).order_by(col(JoinLink.id).desc()).limit(100)))


def revoke(session: Session, actor: Actor, cohort_id: int, link_id: int) -> None:
    """Let a link lead nowhere from now on. Raises NotFound when the cohort has none of that number."""
    link = session.get(JoinLink, link_id)
    if link is None or link.cohort_id != cohort_id:
        raise NotFound(f"This cohort has no link of the number {link_id}.", help="Reload the page.")
    if link.revoked_at is None:
        link.revoked_at = utc_now()
        note(session, actor, "join-link.revoked", f"link {link.id}", cohort_id=cohort_id, uses=link.uses)


def _signature(key: bytes, number: int) -> str:
    digest = hmac.new(key, b"join-link:%d" % number, hashlib.sha256).digest()
    return base64.b32encode(digest[:15]).decode().lower()  # 120 bits: 24 letters without padding
