"""Until when a cohort is to complete a lesson, with extensions for single learners. Stored in UTC; people say it in their own zone.

An extension never makes the time shorter: where the cohort's own date has been moved beyond it, that one holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from sqlmodel import Session, col, delete, select

from app.errors import Conflict, NotFound
from app.models import Account, Cohort, DueDate, Extension, LatePolicy, Learner, Membership, Role
from app.services import accounts
from app.services.audit import Actor, note
from graders.errors import UnreadableInput
from graders.lessons import LESSONS

LONGEST_REASON: Final = 200
_FIRST, _LAST = 2020, 2100  # years that make sense
_IDS: Final = tuple(entry.id for entry in LESSONS)


@dataclass(frozen=True, slots=True)
class Due:
    """When a lesson is due for one learner in one cohort; `of_cohort` is when it is for the others, where that is another time."""

    cohort: str
    at: datetime
    of_cohort: datetime | None = None

    @property
    def extended(self) -> bool:
        """Whether it is the learner's own."""
        return self.of_cohort is not None


@dataclass(frozen=True, slots=True)
class Extended:
    """An extension as it is listed."""

    learner_id: int
    name: str
    email: str
    lesson_id: str
    due_at: datetime
    reason: str


def of_cohort(session: Session, cohort_id: int) -> dict[str, datetime]:
    """The due dates of a cohort, by lesson."""
    return dict(session.exec(select(DueDate.lesson_id, DueDate.due_at).where(DueDate.cohort_id == cohort_id)).all())


def of_learner(session: Session, learner_id: int) -> dict[str, list[Due]]:
    """When a learner's lessons are due, in every cohort that goes on; the earliest first."""
    query = (
        select(Cohort.name, DueDate.lesson_id, DueDate.due_at, Extension.due_at)
        .join(Cohort, col(Cohort.id) == DueDate.cohort_id)
        .join(Membership, (col(Membership.cohort_id) == DueDate.cohort_id) & (col(Membership.learner_id) == learner_id))
        .outerjoin(
            Extension,
            (col(Extension.cohort_id) == DueDate.cohort_id)
            & (col(Extension.lesson_id) == DueDate.lesson_id)
            & (col(Extension.learner_id) == learner_id),
        )
        .where(Membership.role == Role.LEARNER, col(Cohort.archived_at).is_(None))
    )
    found: dict[str, list[Due]] = {}
    for cohort, lesson_id, due_at, own in session.exec(query):
        longer = own is not None and own > due_at
        found.setdefault(lesson_id, []).append(Due(cohort, own if longer else due_at, due_at if longer else None))
    return {lesson_id: sorted(dues, key=lambda due: due.at) for lesson_id, dues in found.items()}


def set_dates(session: Session, actor: Actor, cohort: Cohort, dates: Mapping[str, datetime | None]) -> int:
    """Set the due dates of these lessons, or take them away where None; gives how many have changed."""
    assert cohort.id is not None
    held = {row.lesson_id: row for row in session.exec(select(DueDate).where(DueDate.cohort_id == cohort.id))}
    changed: dict[str, str] = {}
    for lesson_id in _IDS:
        if lesson_id not in dates:
            continue
        row, due_at = held.get(lesson_id), dates[lesson_id]
        if due_at == (row.due_at if row else None):
            continue
        if due_at is None:
            session.delete(row)
        elif row is None:
            session.add(DueDate(cohort_id=cohort.id, lesson_id=lesson_id, due_at=due_at))
        else:
            row.due_at = due_at
        changed[lesson_id] = due_at.isoformat(timespec="minutes") if due_at else "none"
    if changed:
        note(session, actor, "due-dates.set", cohort.name, cohort_id=cohort.id, **changed)
    return len(changed)


def set_policy(session: Session, actor: Actor, cohort: Cohort, policy: LatePolicy, percent: int) -> None:
    """What lateness costs. Raises UnreadableInput for a percentage that is none."""
    if not 1 <= percent <= 100:
        raise UnreadableInput("Between 1 and 100 percent can be taken off for a day.", help="Nothing was changed. Go back, and mend it.")
    if (cohort.late_policy, cohort.late_percent) == (policy, percent):
        return
    cohort.late_policy, cohort.late_percent = policy, percent
    note(session, actor, "late-policy.set", cohort.name, cohort_id=cohort.id, policy=str(policy), percent=percent)


def extensions(session: Session, cohort_id: int) -> list[Extended]:
    """The extensions of a cohort's learners, by name and lesson."""
    query = (
        select(Extension, Learner.name, Account.email)
        .join(Account, col(Account.learner_id) == Extension.learner_id)
        .join(Learner, col(Learner.id) == Extension.learner_id)
        .join(Membership, (col(Membership.learner_id) == Extension.learner_id) & (col(Membership.cohort_id) == Extension.cohort_id))
        .where(Extension.cohort_id == cohort_id)
    )
    made = [Extended(row.learner_id, name, email, row.lesson_id, row.due_at, row.reason) for row, name, email in session.exec(query)]
    return sorted(made, key=lambda each: (each.name.lower(), each.email, _IDS.index(each.lesson_id)))


def extend(session: Session, actor: Actor, cohort: Cohort, email: str, lesson_id: str, due_at: datetime, reason: str) -> None:
    """Another due date for the learner with that address. Raises NotFound for somebody else, Conflict where nothing is due."""
    assert cohort.id is not None
    if lesson_id not in _IDS:
        raise NotFound("There is no such lesson.", help="Choose one of the list.")
    email = accounts.clean_email(email)
    found = session.exec(
        select(Account.learner_id, Account.email)
        .join(Membership, col(Membership.learner_id) == Account.learner_id)
        .where(Membership.cohort_id == cohort.id, Membership.role == Role.LEARNER, Account.email == email)
    ).first()
    if found is None:
        raise NotFound(f"No learner of this cohort has the address {email}.", help="Choose one of the list.")
    due = session.get(DueDate, (cohort.id, lesson_id))
    if due is None:
        raise Conflict(f"{lesson_id} has no due date in this cohort, so there is nothing to extend.", help="Set one first.")
    if due_at <= due.due_at:
        raise Conflict("This is no later than the due date of all.", help="Nothing was changed. Choose a later time.", status=422)
    reason = " ".join(reason.replace("\x00", "").split())
    if len(reason) > LONGEST_REASON:
        raise UnreadableInput(f"The reason has {len(reason)} characters; {LONGEST_REASON} is the most.", help="Go back and shorten it.")
    learner_id, address = found
    held = session.get(Extension, (cohort.id, lesson_id, learner_id))
    if held is None:
        session.add(Extension(cohort_id=cohort.id, lesson_id=lesson_id, learner_id=learner_id, due_at=due_at, reason=reason))
    else:
        held.due_at, held.reason = due_at, reason
    until = due_at.isoformat(timespec="minutes")
    note(session, actor, "extension.given", address, cohort_id=cohort.id, lesson=lesson_id, until=until, reason=reason)


def withdraw(session: Session, actor: Actor, cohort: Cohort, learner_id: int, lesson_id: str) -> None:
    """Take an extension back. Raises NotFound when there is none."""
    held = session.get(Extension, (cohort.id, lesson_id, learner_id)) if lesson_id in _IDS else None
    account = session.get(Account, learner_id)
    if held is None or account is None:
        raise NotFound("There is no such extension.", help="Reload the page.")
    session.exec(
        delete(Extension).where(
            col(Extension.cohort_id) == cohort.id, col(Extension.lesson_id) == lesson_id, col(Extension.learner_id) == learner_id
        )
    )
    note(session, actor, "extension.withdrawn", account.email, cohort_id=cohort.id, lesson=lesson_id)


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """The names of the time zones, `UTC` and places such as `Europe/Berlin`."""
    places = (
        name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/"))
    )
    return "UTC", *sorted(places)


def zone(name: str) -> ZoneInfo:
    """The zone of that name. Raises UnreadableInput when there is none."""
    if name in zones():
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, OSError, ValueError):  # listed, and its file is broken
            pass
    raise UnreadableInput(f"There is no time zone {name[:60]!r}.", help="Nothing was changed. Choose one of the list.")


def moment(text: str, of: ZoneInfo) -> datetime:
    """A wall clock's time there, as a form gives it, in UTC. A time that comes twice, when clocks go back, is the later one.

    Raises UnreadableInput for what is no time, and for one that there is not, because clocks go forward over it.
    """
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableInput(
            f"{text[:40]!r} is no date and time.", help="Nothing was changed. Write it as 2026-12-24T23:59, or choose it in the calendar."
        ) from error
    if local.tzinfo is not None or not _FIRST <= local.year <= _LAST:
        raise UnreadableInput(f"{text[:40]!r} cannot be a due date.", help=f"Choose a day between {_FIRST} and {_LAST}, without a zone.")
    aware = local.replace(tzinfo=of, fold=1)
    utc = aware.astimezone(UTC)
    if utc.astimezone(of).replace(tzinfo=None) != local:
        nearest = local.replace(tzinfo=of, fold=0).astimezone(UTC).astimezone(of)
        raise UnreadableInput(
            f"There is no {local:%H:%M} on {local:%-d %B %Y} in {of.key}: clocks go forward over it.",
            help=f"Nothing was changed. Choose another time, such as {nearest:%H:%M}.",
        )
    return utc


def wall_clock(at: datetime, of: ZoneInfo) -> str:
    """A time as a form shows it, on the clocks of that zone."""
    return at.astimezone(of).strftime("%Y-%m-%dT%H:%M")
