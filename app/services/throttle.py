"""How often something may be tried. The counts are in the database, so that all replicas of the server count together."""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy import case
from sqlmodel import Session, col, delete, update

from app.db import insert_into
from app.errors import TooOften
from app.models import Throttle, utc_now


def check(session: Session, what: str, who: str, most: int, seconds: int) -> None:
    """Count one try of `what` by `who`; more than `most` of them within `seconds` of the first are refused. Raises TooOften.

    Give it a transaction of its own that commits: a count that is rolled back with what came after it counts nothing.
    """
    left = count(session, what, who, most, seconds)
    if left:
        raise TooOften("That was tried too often.", seconds=left, help=f"Try again {in_words(left)}.")


def count(session: Session, what: str, who: str, most: int, seconds: int) -> int:
    """The same for what goes on in the same transaction: gives the seconds until the next try that may be, 0 when this one may."""
    now = utc_now()
    over = now - timedelta(seconds=seconds)
    ended = col(Throttle.since) <= over
    counting = (
        insert_into(session, Throttle)
        .values(key=_key(what, who), since=now, count=1)
        .on_conflict_do_update(
            index_elements=[col(Throttle.key)],
            set_={
                "count": case((ended, 1), else_=col(Throttle.count) + 1),
                "since": case((ended, now), else_=col(Throttle.since)),
            },
        )
        .returning(col(Throttle.count), col(Throttle.since))
    )
    tries, since = session.execute(counting).one()
    return max(1, math.ceil((since + timedelta(seconds=seconds) - now).total_seconds())) if tries > most else 0


def refund(session: Session, what: str, who: str) -> None:
    """Take one try back, because it turned out to be none that should count."""
    query = update(Throttle).where(col(Throttle.key) == _key(what, who), col(Throttle.count) > 0)
    session.execute(query.values(count=col(Throttle.count) - 1))


def forget(session: Session, what: str, who: str) -> None:
    """Begin to count anew."""
    session.execute(delete(Throttle).where(col(Throttle.key) == _key(what, who)))


def sweep(session: Session, now: datetime) -> None:
    """Forget what is too old to matter: no limit counts for longer than a day."""
    session.execute(delete(Throttle).where(col(Throttle.since) <= now - timedelta(days=1)))


def network_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the 64 bits of an IPv6 address that one household or host is given."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or f"{IPv6Address(int(parsed) >> 64 << 64)}/64")


def in_words(seconds: int) -> str:
    """`in 40 seconds`, `in 12 minutes`, `in 2 hours`."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"in {math.ceil(seconds / size)} {unit}s"
    return f"in {seconds} second{'' if seconds == 1 else 's'}"


def _key(what: str, who: str) -> str:
    return hashlib.sha256(f"{what}\0{who}".encode()).hexdigest()
