"""What the page of progress shows: the whole course at a glance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup
from sqlalchemy import func
from sqlmodel import Session, col, select

from app.models import Attempt, HintShown, SolutionShown, utc_now
from app.services import plots, progress, quiz, reading
from app.services.attempt_steps import Line, recent
from app.services.curriculum import MINUTES
from app.services.lesson_texts import Course
from app.services.progress import CourseProgress, LessonProgress
from graders.lessons import LESSONS

_PAUSE = timedelta(minutes=15)  # whoever does nothing for longer is taken to be away


class Lost(NamedTuple):
    """An objective that passed and, by the newest attempt, no longer does."""

    lesson_id: str
    objective_id: str
    title: str
    live: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One lesson: `hints` is how many were shown, `solution` whether it was seen and when, `read` and `practised` are minutes."""

    lesson_id: str
    title: str
    progress: LessonProgress
    hints: int
    solution: str
    quiz: quiz.Score | None
    planned: int
    read: float
    practised: float


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at a glance. `curve` and `bars` are pictures, None before there is anything to draw; `newest` is the last attempt's id."""

    course: CourseProgress
    rows: Sequence[Row]
    lost: Sequence[Lost]
    recent: Sequence[Line]
    newest: int
    curve: Markup | None
    bars: Markup | None

    @property
    def done(self) -> int:
        """How many objectives that count have passed once."""
        return sum(row.progress.done for row in self.rows)

    @property
    def counted(self) -> int:
        """How many there are."""
        return sum(row.progress.counted for row in self.rows)

    @property
    def lessons_complete(self) -> int:
        """How many lessons are."""
        return sum(row.progress.complete for row in self.rows)

    @property
    def attempts(self) -> int:
        """How many attempts there were."""
        return sum(row.progress.attempts for row in self.rows)

    @property
    def hints(self) -> int:
        """How many hints were shown."""
        return sum(row.hints for row in self.rows)

    @property
    def minutes(self) -> int:
        """How long it took so far."""
        return round(sum(row.read + row.practised for row in self.rows))

    @property
    def quiz(self) -> quiz.Score:
        """All quizzes together."""
        scores = [row.quiz for row in self.rows if row.quiz]
        return quiz.Score(*(sum(each) for each in zip(*scores, strict=True))) if scores else quiz.Score(0, 0, 0, 0)

    @property
    def begun(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.attempts or self.hints or self.quiz.answered or self.minutes)


def overview(session: Session, learner_id: int, course: Course) -> Overview:
    """The learner's progress as the page shows it."""
    made = progress.of_course(session, learner_id)
    tried = _tried(session, learner_id)
    hints = _hints(session, learner_id)
    practised = _practised((*tried, *hints))
    read, scores, solutions = (
        reading.seconds(session, learner_id),
        quiz.scores(session, learner_id, course),
        _solutions(session, learner_id),
    )
    rows = [
        Row(
            entry.id,
            entry.title,
            made.lessons[entry.id],
            sum(hint.lesson_id == entry.id for hint in hints),
            solutions.get(entry.id, ""),
            scores.get(entry.id),
            MINUTES[entry.id],
            read.get(entry.id, 0) / 60,
            practised.get(entry.id, 0.0),
        )
        for entry in LESSONS
    ]
    return Overview(
        made, rows, _lost(made), recent(session, learner_id), newest(session, learner_id), _curve(rows, tried, hints), _bars(rows)
    )


def newest(session: Session, learner_id: int) -> int:
    """The id of the attempt that was recorded last, 0 when there is none: a page that knows it can tell whether it is up to date."""
    return session.exec(select(func.max(col(Attempt.id))).where(Attempt.learner_id == learner_id)).one() or 0


class _Done(NamedTuple):
    """Something that somebody did for a lesson."""

    at: datetime
    lesson_id: str


def _tried(session: Session, learner_id: int) -> list[_Done]:
    query = select(Attempt.checked_at, Attempt.lesson_id).where(Attempt.learner_id == learner_id).order_by(col(Attempt.checked_at))
    return [_Done(*row) for row in session.execute(query)]


def _hints(session: Session, learner_id: int) -> list[_Done]:
    query = select(HintShown.shown_at, HintShown.lesson_id).where(HintShown.learner_id == learner_id).order_by(col(HintShown.shown_at))
    return [_Done(*row) for row in session.execute(query)]


def _solutions(session: Session, learner_id: int) -> dict[str, str]:
    query = select(SolutionShown.lesson_id, SolutionShown.earned).where(SolutionShown.learner_id == learner_id)
    return {lesson_id: "after passing" if earned else "before passing" for lesson_id, earned in session.exec(query)}


def _practised(done: Iterable[_Done]) -> dict[str, float]:
    """By lesson, the minutes between one thing done and the next, where no pause was longer than a few; they belong to the next."""
    spent: dict[str, float] = {}
    before: datetime | None = None
    for each in sorted(done):
        if before is not None and each.at - before <= _PAUSE:
            spent[each.lesson_id] = spent.get(each.lesson_id, 0.0) + (each.at - before).total_seconds() / 60
        before = each.at
    return spent


def _lost(made: CourseProgress) -> list[Lost]:
    found = []
    for entry in LESSONS:
        regressed = made.lessons[entry.id].regressed
        if regressed:
            found += [Lost(entry.id, each.id, each.title, each.live) for each in entry.load().objectives if each.id in regressed]
    return found


def _curve(rows: Sequence[Row], tried: Sequence[_Done], hints: Sequence[_Done]) -> Markup | None:
    if not tried and not hints:
        return None
    passes = [at for row in rows for objective, at in row.progress.passed.items() if objective not in row.progress.bonus]
    complete = [
        plots.Milestone(row.progress.complete_at, f"{row.title} complete, {row.progress.complete_at:%-d %b %Y}")
        for row in rows
        if row.progress.complete_at
    ]
    lanes = [plots.Lane("tries", [each.at for each in tried]), plots.Lane("hints", [each.at for each in hints])]
    total = sum(row.progress.counted for row in rows)
    said = f"{len(passes)} of {total} objectives passed, in {_many(len(tried), 'attempt')} and with {_many(len(hints), 'hint')}. "
    said += f"{_many(len(complete), 'lesson')} complete. The table below has the figures of each lesson."
    return plots.curve(passes, total, utc_now(), lanes, complete, said)


def _bars(rows: Sequence[Row]) -> Markup | None:
    spent = [row for row in rows if row.read + row.practised >= 1]
    if not spent:
        return None
    longest = max(spent, key=lambda row: row.read + row.practised)
    planned, taken = sum(row.planned for row in spent), round(sum(row.read + row.practised for row in spent))
    said = f"{_many(len(spent), 'lesson')} took {taken} minutes where {planned} are planned; the longest was {longest.title}."
    return plots.bars([plots.Bar(row.title, row.read, row.practised, row.planned) for row in spent], said)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
