"""How a cohort gets through the course: lessons completed day by day, and how many of its learners have completed each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from markupsafe import Markup
from sqlalchemy import func, select
from sqlmodel import Session, col

from app.models import DueDate, Membership, Role, Standing
from app.services import plots
from graders.lessons import LESSONS

_DAYS: Final = 120  # that the picture shows; the table has them all


class Day(NamedTuple):
    """How many lessons were completed on a day, and up to its end; `due` are the titles of lessons that were due on it."""

    day: date
    completed: int
    so_far: int
    due: Sequence[str]


class Share(NamedTuple):
    """A lesson, how many learners have begun and completed it, how many did in time, and when it is due."""

    lesson_id: str
    title: str
    begun: int
    complete: int
    due_at: datetime | None
    in_time: int


@dataclass(frozen=True, slots=True)
class Completion:
    """The whole of it. `days` are those on which something was completed or due; pictures are None while there is nothing to draw."""

    learners: int
    days: Sequence[Day]
    shares: Sequence[Share]
    by_day: Markup | None
    by_lesson: Markup | None


def of(session: Session, cohort_id: int, now: datetime) -> Completion:
    """How far a cohort is. Days are those of UTC."""
    of_cohort = col(Membership.cohort_id) == cohort_id, col(Membership.role) == Role.LEARNER
    learners = session.execute(select(func.count()).select_from(Membership).where(*of_cohort)).scalar_one()
    due = {row.lesson_id: row.due_at for row in session.scalars(select(DueDate).where(col(DueDate.cohort_id) == cohort_id))}
    times: dict[str, list[datetime]] = {}
    begun: Counter[str] = Counter()
    columns = col(Standing.lesson_id), col(Standing.complete_at)
    query = select(*columns).join(Membership, col(Membership.learner_id) == col(Standing.learner_id)).where(*of_cohort)
    for lesson, at in session.connection().execute(query):
        begun[lesson] += 1
        if at is not None:
            times.setdefault(lesson, []).append(at)
    shares = [_share(entry.id, entry.title, begun[entry.id], times.get(entry.id, []), due.get(entry.id)) for entry in LESSONS]
    days = _days(times, due)
    return Completion(learners, days, shares, _by_day(days, now), _by_lesson(shares, learners))


def _share(lesson_id: str, title: str, begun: int, times: Sequence[datetime], due_at: datetime | None) -> Share:
    return Share(lesson_id, title, begun, len(times), due_at, sum(due_at is None or at <= due_at for at in times))


def _days(times: dict[str, list[datetime]], due: dict[str, datetime]) -> list[Day]:
    completed = Counter(at.date() for several in times.values() for at in several)
    ends: dict[date, list[str]] = {}
    for entry in LESSONS:
        if entry.id in due:
            ends.setdefault(due[entry.id].date(), []).append(entry.title)
    days, so_far = [], 0
    for day in sorted({*completed, *ends}):
        so_far += completed[day]
        days.append(Day(day, completed[day], so_far, ends.get(day, ())))
    return days


def _by_day(days: Sequence[Day], now: datetime) -> Markup | None:
    done = [each for each in days if each.completed]
    if not done:
        return None
    until = max(now.date(), days[-1].day)
    first = max(done[0].day, until - timedelta(days=_DAYS - 1))
    counts = {each.day: each.completed for each in days}
    columns = [first + timedelta(days=number) for number in range((until - first).days + 1)]
    marks = [
        plots.Mark((each.day - first).days, f"due {each.day:%-d %b}: {', '.join(each.due)}")
        for each in days
        if each.due and each.day >= first
    ]
    busiest = max(done, key=lambda each: each.completed)
    said = (
        f"{done[-1].so_far} completed lessons in all, on {len(done)} days; the most were {busiest.completed}, on {busiest.day:%-d %b %Y}. "
    )
    said += "The table below has the figures of each day."
    bars = [plots.Column(f"{day:%-d %b}", counts.get(day, 0)) for day in columns]
    return plots.columns(bars, marks, said)


def _by_lesson(shares: Sequence[Share], learners: int) -> Markup | None:
    if not learners:
        return None
    said = f"Of {learners} learners: " + ", ".join(f"{each.title} {each.complete}" for each in shares) + "."
    return plots.shares([plots.Part(each.title, each.complete, each.begun) for each in shares], learners, said)
