"""The board of a cohort: its learners, and where each of them stands in each lesson, read in a few narrow queries."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, String, case, cast, func, select
from sqlmodel import Session, col

from app.models import Account, Attempt, DueDate, Extension, Learner, Membership, Role, Standing
from app.services import stuck
from app.services.curriculum import asked
from app.services.stuck import Stuck
from graders.lessons import LESSONS

A_PAGE: Final = 1000
"""So many learners are shown at once."""
_ACTIVE: Final = timedelta(minutes=15)


class State(StrEnum):
    """How somebody is getting on with a lesson."""

    NEW = "new"
    BEGUN = "begun"
    LATE = "late"  # not complete, and due before now
    STUCK = "stuck"
    COMPLETE = "complete"
    LOST = "lost"  # complete, and something of it no longer passes


WORDS: Final[Mapping[State, str]] = {
    State.NEW: "not begun",
    State.BEGUN: "begun",
    State.LATE: "late",
    State.STUCK: "stuck",
    State.COMPLETE: "complete",
    State.LOST: "complete, then lost",
}


class Cell(NamedTuple):
    """One learner in one lesson. `late` may hold of a stuck one as well."""

    state: State
    passed: int
    late: bool
    regressed: int


class Heading(NamedTuple):
    """A lesson as the board names it: how many objectives it counts, and when it is due for the cohort."""

    id: str
    number: str
    title: str
    counted: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """One learner. `cells` are in the order of the lessons, `done` is how many objectives passed once in all of them."""

    id: int
    name: str
    email: str
    cells: tuple[Cell, ...]
    done: int
    complete: int
    last_at: datetime | None
    stuck: Stuck | None


@dataclass(frozen=True, slots=True)
class Wish:
    """Which learners to show, and in which order; as the page's address has it."""

    words: str = ""
    state: str = ""
    lesson: str = ""
    sort: str = "name"
    page: int = 1

    @property
    def narrows(self) -> bool:
        """Whether some are left out on purpose."""
        return bool(self.words or self.state or self.lesson)


@dataclass(frozen=True, slots=True)
class Board:
    """A page of it. `newest` is the newest attempt of all when it was read, `fitting` how many learners the wish fits."""

    headings: Sequence[Heading]
    lines: Sequence[Line]
    wish: Wish
    now: datetime
    newest: int
    learners: int
    fitting: int
    active: int
    stuck: Sequence[Stuck]

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.fitting // A_PAGE))

    @property
    def counted(self) -> int:
        """How many objectives count in the whole course."""
        return sum(heading.counted for heading in self.headings)


SORTS: Final[Mapping[str, tuple[str, Callable[[Line], Any]]]] = {
    "name": ("name", lambda line: line.name.casefold()),
    "-progress": ("progress, most first", lambda line: (-line.done, line.name.casefold())),
    "progress": ("progress, least first", lambda line: (line.done, line.name.casefold())),
    "last": ("last activity, newest first", lambda line: -line.last_at.timestamp() if line.last_at else 0.0),
    "-last": ("last activity, oldest first", lambda line: line.last_at.timestamp() if line.last_at else 0.0),
    "stuck": ("who is stuck first", lambda line: (-line.stuck.score if line.stuck else 0.0, line.name.casefold())),
}
"""By the word in the address: what it is called, and the key."""


def read(session: Session, cohort_id: int, wish: Wish, now: datetime) -> Board:
    """A page of the board as it is now."""
    newest = newest_attempt(session)  # first: what comes while the rest is read is told again, never left out
    lines = lines_of(session, cohort_id, now)
    fitting = sorted((line for line in lines if _fits(line, wish)), key=SORTS[wish.sort][1])
    active = sum(line.last_at is not None and now - line.last_at <= _ACTIVE for line in lines)
    start = (wish.page - 1) * A_PAGE
    return Board(
        headings(session, cohort_id),
        fitting[start : start + A_PAGE],
        wish,
        now,
        newest,
        len(lines),
        len(fitting),
        active,
        [line.stuck for line in lines if line.stuck is not None],
    )


def lines_of(session: Session, cohort_id: int, now: datetime, learner_ids: Collection[int] | None = None) -> list[Line]:
    """The learners of a cohort, or those of them that are named; by their ids."""
    of_cohort = [col(Membership.cohort_id) == cohort_id, col(Membership.role) == Role.LEARNER]
    if learner_ids is not None:
        of_cohort.append(col(Membership.learner_id).in_(learner_ids))
    ask = session.connection().execute
    people = ask(
        select(col(Learner.id), col(Learner.name), col(Account.email))
        .join(Membership, col(Membership.learner_id) == col(Learner.id))
        .join(Account, col(Account.learner_id) == col(Learner.id))
        .where(*of_cohort)
        .order_by(col(Learner.id))
    ).all()
    stands = {row[0]: (row[1], row[2]) for row in ask(_stands(of_cohort))}
    held = stuck.find(session, cohort_id, now, learner_ids=learner_ids)
    due = _Due.read(session, cohort_id, now)
    return [_line(row[0], row[1], row[2], *stands.get(row[0], (None, "")), held.get(row[0]), due) for row in people if row[0]]


def _stands(of_cohort: Iterable[ColumnElement[bool]]) -> Select[int, datetime | None, str]:
    """A row for each learner, instead of sixteen: when the last attempt was, and all standings in one text, as `_stand` reads them."""
    complete = case((col(Standing.complete_at).is_not(None), "c"), else_="")
    numbers = cast(col(Standing.passed), String) + " " + cast(col(Standing.regressed), String)
    return (
        select(
            col(Membership.learner_id),
            func.max(col(Standing.last_at)),
            func.aggregate_strings(col(Standing.lesson_id) + " " + numbers + " " + complete, ","),
        )
        .join(Standing, col(Standing.learner_id) == col(Membership.learner_id))
        .where(*of_cohort)
        .group_by(col(Membership.learner_id))
    )


def headings(session: Session, cohort_id: int) -> list[Heading]:
    """The lessons, in teaching order."""
    query = select(col(DueDate.lesson_id), col(DueDate.due_at)).where(col(DueDate.cohort_id) == cohort_id)
    due = {row[0]: row[1] for row in session.connection().execute(query)}
    return [Heading(*each, due.get(each[0])) for each in _lessons()]


def newest_attempt(session: Session) -> int:
    """The id of the newest attempt of all; 0 when there is none."""
    return session.connection().execute(select(func.max(col(Attempt.id)))).scalar() or 0


def changed_since(session: Session, cohort_id: int, attempt_id: int, most: int) -> list[int]:
    """The learners of a cohort, at most so many, of whom an attempt came after the one of that id.

    Attempts that were stored at the same time may become visible in another order than that of their ids: some from before are told again.
    """
    query = (
        select(col(Attempt.learner_id))
        .join(Membership, col(Membership.learner_id) == col(Attempt.learner_id))
        .where(col(Membership.cohort_id) == cohort_id, col(Membership.role) == Role.LEARNER, col(Attempt.id) > attempt_id - _OVERLAP)
        .distinct()
        .limit(most)
    )
    return sorted(session.connection().execute(query).scalars())


_OVERLAP: Final = 100


@lru_cache(maxsize=1)
def _lessons() -> tuple[tuple[str, str, str, int], ...]:
    return tuple(
        (entry.id, entry.id.removeprefix("lesson-"), entry.title, len(each.counted)) for entry in LESSONS if (each := asked(entry.id))
    )


@dataclass(frozen=True, slots=True)
class _Due:
    """What is late by now: the lessons, and for whom it is otherwise."""

    lessons: frozenset[str]
    otherwise: Mapping[int, Mapping[str, bool]]

    @classmethod
    def read(cls, session: Session, cohort_id: int, now: datetime) -> _Due:
        ask = session.connection().execute
        late = ask(select(col(DueDate.lesson_id)).where(col(DueDate.cohort_id) == cohort_id, col(DueDate.due_at) < now)).scalars()
        extended = ask(
            select(col(Extension.learner_id), col(Extension.lesson_id), col(Extension.due_at)).where(col(Extension.cohort_id) == cohort_id)
        )
        otherwise: dict[int, dict[str, bool]] = {}
        for row in extended:
            otherwise.setdefault(row[0], {})[row[1]] = row[2] < now
        return cls(frozenset(late), otherwise)

    def late(self, learner_id: int) -> frozenset[str]:
        """The lessons that should be complete by now."""
        own = self.otherwise.get(learner_id)
        if own is None:
            return self.lessons
        # Of the two dates the later one holds.
        return frozenset(lesson for lesson in self.lessons if own.get(lesson, True))


def _line(id: int, name: str, email: str, last_at: datetime | None, stands: str, is_stuck: Stuck | None, due: _Due) -> Line:
    late = due.late(id)
    stuck_at = is_stuck.lesson_id if is_stuck else ""
    cells = _blank(late).copy()
    done = complete = 0
    for text in stands.split(",") if stands else ():
        column, cell = _stand(text)
        if column >= 0:
            done += cell.passed
            if cell.state is State.BEGUN:
                lesson = _lessons()[column][0]
                if lesson == stuck_at:
                    cell = cell._replace(state=State.STUCK, late=lesson in late)
                elif lesson in late:
                    cell = cell._replace(state=State.LATE, late=True)
            else:
                complete += 1
            cells[column] = cell
    return Line(id, name or email, email, tuple(cells), done, complete, last_at, is_stuck)


@lru_cache(maxsize=4096)
def _stand(text: str) -> tuple[int, Cell]:
    """`lesson-5 3 0 ` -> the lesson's column, -1 for one that is no longer taught, and its cell as it is for who is in time."""
    lesson, passed, regressed, complete = text.split(" ")
    column = next((column for column, each in enumerate(_lessons()) if each[0] == lesson), -1)
    state = State.BEGUN if not complete else State.LOST if regressed != "0" else State.COMPLETE
    return column, Cell(state, int(passed), False, int(regressed))


@lru_cache(maxsize=256)
def _blank(late: frozenset[str]) -> list[Cell]:
    """The cells of who has done nothing yet; to be copied."""
    return [_UNTOUCHED_LATE if lesson in late else _UNTOUCHED for lesson, *_ in _lessons()]


_UNTOUCHED = Cell(State.NEW, 0, False, 0)
_UNTOUCHED_LATE = Cell(State.LATE, 0, True, 0)


def _fits(line: Line, wish: Wish) -> bool:
    if wish.words and not all(word in f"{line.name} {line.email}".casefold() for word in wish.words.casefold().split()):
        return False
    if not wish.state and not wish.lesson:
        return True
    return any(_shows(cell, wish.state) for cell in _asked_about(line, wish.lesson))


def _asked_about(line: Line, lesson: str) -> Iterable[Cell]:
    return (cell for cell, each in zip(line.cells, _lessons(), strict=True) if not lesson or each[0] == lesson)


def _shows(cell: Cell, state: str) -> bool:
    """A lesson that is asked for without a state: those who have begun it, and are not through."""
    if not state:
        return cell.state in (State.BEGUN, State.STUCK) or (cell.state is State.LATE and cell is not _UNTOUCHED_LATE)
    if state == State.LATE:
        return cell.late
    return cell.state == state or (state == State.COMPLETE and cell.state is State.LOST)
