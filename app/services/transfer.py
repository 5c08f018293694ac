"""Everything of one learner -> a file -> another learner's course, where it is merged: nothing twice, nothing lost, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, select

from app.models import (
    Attempt,
    Choice,
    HintShown,
    Learner,
    QuizAnswer,
    Reading,
    SolutionShown,
    utc_now,
)
from app.services import attempts, standings, workspace
from app.services.transfer_form import KIND, SCHEMA, Saved

# What says something of this machine or of this workspace's own history, and nothing elsewhere.
_OF_THIS_MACHINE = ("live.", "workspace-")
_AT_ONCE = 500  # keys that one query asks for

_Row = TypeVar("_Row", bound=SQLModel)
_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class Merged:
    """What a saved file brought: how many of each that were not here. Files are named: added, replaced, or kept as they were."""

    attempts: int
    answers: int
    hints: int
    solutions: int
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether all of it was here before."""
        return not (self.attempts or self.answers or self.hints or self.solutions or self.added or self.replaced)


def save(session: Session, learner_id: int) -> bytes:
    """The file. It takes a moment where there were many attempts."""
    learner = session.get(Learner, learner_id)
    saved = {
        "schema": SCHEMA,
        "kind": KIND,
        "saved_at": _time(utc_now()),
        "name": learner.name if learner else "",
        "attempts": [
            {"key": row.key, "origin": row.origin, "report": row.report} for row in _all(session, learner_id, Attempt, Attempt.checked_at)
        ],
        "answers": [
            {
                "key": row.key,
                "lesson": row.lesson_id,
                "question": row.question_id,
                "chosen": row.chosen,
                "correct": row.correct,
                "at": _time(row.answered_at),
            }
            for row in _all(session, learner_id, QuizAnswer, QuizAnswer.answered_at)
        ],
        "hints": [
            {"lesson": row.lesson_id, "objective": row.objective_id, "number": row.number, "at": _time(row.shown_at)}
            for row in _all(session, learner_id, HintShown, HintShown.shown_at)
        ],
        "solutions": [
            {"lesson": row.lesson_id, "earned": row.earned, "at": _time(row.shown_at)}
            for row in _all(session, learner_id, SolutionShown, SolutionShown.shown_at)
        ],
        "readings": [
            {"lesson": row.lesson_id, "anchor": row.anchor, "seconds": row.seconds, "at": _time(row.read_at)}
            for row in _all(session, learner_id, Reading, Reading.read_at)
        ],
        "files": [{"name": file.name, "content": file.content} for file in workspace.files(session, learner_id)],
        "choices": [
            {"name": row.name, "value": row.value}
            for row in _all(session, learner_id, Choice, Choice.name)
            if not row.name.startswith(_OF_THIS_MACHINE)
        ],
    }
    # ASCII, so that no text of anybody's can make a file that is none.
    return json.dumps(saved, ensure_ascii=True, indent=1).encode() + b"\n"


def merge(session: Session, learner_id: int, saved: Saved, *, over: bool) -> Merged:
    """Add what is not here. A file of the workspace with another text is kept as it is here, or with `over` replaced.

    Raises GradingError when the workspace cannot hold the files; the caller's transaction is then to be given up.
    """
    learner = session.get(Learner, learner_id)
    if learner is not None and not learner.name:
        learner.name = saved.name
    before = {file.name for file in workspace.files(session, learner_id)}
    taken = workspace.take(session, learner_id, {file.name: file.content for file in saved.files}, over=over)
    merged = Merged(
        attempts=_merge_attempts(session, learner_id, saved),
        answers=_merge_answers(session, learner_id, saved),
        hints=_merge_hints(session, learner_id, saved),
        solutions=_merge_solutions(session, learner_id, saved),
        added=tuple(name for name in taken.added if name not in before),
        replaced=tuple(name for name in taken.added if name in before),
        kept=taken.kept,
    )
    _merge_readings(session, learner_id, saved)
    _merge_choices(session, learner_id, saved)
    session.flush()
    return merged


def _merge_attempts(session: Session, learner_id: int, saved: Saved) -> int:
    new = _unknown(session, Attempt.key, {each.key: each for each in saved.attempts})
    for each in new:
        attempts.take_in(session, learner_id, each.report, each.origin, key=each.key, one_of_many=True)
    if new:
        standings.rebuild(session, learner_id)
    return len(new)


def _merge_answers(session: Session, learner_id: int, saved: Saved) -> int:
    new = _unknown(session, QuizAnswer.key, {each.key: each for each in saved.answers})
    session.add_all(
        QuizAnswer(
            key=each.key,
            learner_id=learner_id,
            lesson_id=each.lesson,
            question_id=each.question,
            chosen=each.chosen,
            correct=each.correct,
            answered_at=each.at,
        )
        for each in new
    )
    return len(new)


def _merge_hints(session: Session, learner_id: int, saved: Saved) -> int:
    held = {(row.lesson_id, row.objective_id, row.number) for row in _all(session, learner_id, HintShown, HintShown.id)}
    new = {(each.lesson, each.objective, each.number): each for each in saved.hints}
    for lesson, objective, number in sorted(new.keys() - held):
        at = new[lesson, objective, number].at
        session.add(HintShown(learner_id=learner_id, lesson_id=lesson, objective_id=objective, number=number, shown_at=at))
    return len(new.keys() - held)


def _merge_solutions(session: Session, learner_id: int, saved: Saved) -> int:
    """The first look at a solution counts, wherever it was."""
    held = {row.lesson_id: row for row in _all(session, learner_id, SolutionShown, SolutionShown.id)}
    new = 0
    for each in sorted(saved.solutions, key=lambda each: each.at):
        row = held.get(each.lesson)
        if row is None:
            row = held[each.lesson] = SolutionShown(learner_id=learner_id, lesson_id=each.lesson, earned=each.earned, shown_at=each.at)
            new += 1
        elif each.at < row.shown_at:
            row.earned, row.shown_at = each.earned, each.at
        session.add(row)
    return new


def _merge_readings(session: Session, learner_id: int, saved: Saved) -> None:
    """The later position, and the longer time: the times of a file that was saved here would otherwise count twice."""
    held = {row.lesson_id: row for row in _all(session, learner_id, Reading, Reading.id)}
    for each in saved.readings:
        row = held.get(each.lesson)
        if row is None:
            row = held[each.lesson] = Reading(learner_id=learner_id, lesson_id=each.lesson, anchor=each.anchor, read_at=each.at)
        elif each.at > row.read_at:
            row.anchor, row.read_at = each.anchor, each.at
        row.seconds = max(row.seconds, each.seconds)
        session.add(row)


def _merge_choices(session: Session, learner_id: int, saved: Saved) -> None:
    for each in saved.choices:
        if not each.name.startswith(_OF_THIS_MACHINE) and session.get(Choice, (learner_id, each.name)) is None:
            session.add(Choice(learner_id=learner_id, name=each.name, value=each.value))


def _all(session: Session, learner_id: int, model: type[_Row], order: Any) -> Sequence[_Row]:
    """The learner's rows of a table."""
    return session.exec(select(model).where(model.learner_id == learner_id).order_by(order)).all()  # type: ignore[attr-defined] # each of them has it


def _unknown(session: Session, key: Any, entries: Mapping[str, _Entry]) -> list[_Entry]:
    """The entries whose keys no row has, in their order."""
    keys = list(entries)
    held: set[str] = set()
    for start in range(0, len(keys), _AT_ONCE):
        held.update(session.exec(select(key).where(col(key).in_(keys[start : start + _AT_ONCE]))))
    return [entry for name, entry in entries.items() if name not in held]


def _time(value: datetime) -> str:
    return value.isoformat()
