"""The gradebook as files: CSV for spreadsheets, one line for each learner or one for each learner and lesson, and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from app.services.gradebook import Gradebook, Mark, Row
from app.services.spreadsheet import Cell

_FACTS = ("passed", "of", "bonus", "points", "days late", "completed (UTC)", "assurance", "attempts", "hints")
"""What is told of a mark besides its points after the policy."""


def wide(book: Gradebook) -> Iterator[Sequence[Cell]]:
    """A line for each learner: the total, the points of each lesson, and behind them how they came about."""
    lessons = [lesson.id for lesson in book.lessons]
    yield ["name", "email", "total", *lessons, *(f"{lesson} {fact}" for lesson in lessons for fact in _FACTS)]
    for row in book.rows():
        yield [row.name, row.email, row.total, *(mark.final for mark in row.marks), *(cell for mark in row.marks for cell in _facts(mark))]


def long(book: Gradebook) -> Iterator[Sequence[Cell]]:
    """A line for each learner and lesson."""
    yield ["name", "email", "lesson", "points after policy", *_FACTS, "due (UTC)", "extended"]
    for row in book.rows():
        for mark in row.marks:
            yield [
                row.name,
                row.email,
                mark.lesson_id,
                mark.final,
                *_facts(mark),
                _for_cells(mark.due_at),
                "yes" if mark.extended else "",
            ]


def as_json(book: Gradebook, now: datetime) -> Iterator[bytes]:
    """The whole gradebook, schema 1, in pieces."""
    head: dict[str, Any] = {
        "schema": 1,
        "cohort": {"id": book.cohort.id, "name": book.cohort.name},
        "made_at": _text(now),
        "rules": {
            "late_policy": str(book.rules.policy),
            "late_percent": book.rules.percent,
            "checked_by_server_only": book.rules.checked_only,
            "words": book.rules.words,
        },
        "due": {lesson_id: _text(at) for lesson_id, at in book.due.items()},
        "total_of": list(book.totalled),
    }
    yield json.dumps(head, ensure_ascii=False)[:-1].encode() + b', "learners": ['
    for index, row in enumerate(book.rows()):
        yield (b",\n" if index else b"\n") + json.dumps(_learner(row), ensure_ascii=False).encode("utf-8", "replace")
    yield b"\n]}\n"


def _learner(row: Row) -> dict[str, Any]:
    return {
        "id": row.learner_id,
        "name": row.name,
        "email": row.email,
        "total": row.total,
        "lessons": {mark.lesson_id: _mark(mark) for mark in row.marks},
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "passed": mark.passed,
        "counted": mark.counted,
        "bonus": mark.bonus,
        "points": mark.points,
        "points_after_policy": mark.final,
        "days_late": mark.late,
        "due_at": _text(mark.due_at),
        "extended": mark.extended,
        "completed_at": _text(mark.complete_at),
        "assurance": str(mark.assurance) if mark.assurance else None,
        "attempts": mark.attempts,
        "hints": mark.hints,
    }


def _facts(mark: Mark) -> tuple[Cell, ...]:
    assured = str(mark.assurance) if mark.assurance else ""
    completed = _for_cells(mark.complete_at)
    return mark.passed, mark.counted, mark.bonus, mark.points, mark.late, completed, assured, mark.attempts, mark.hints


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def _for_cells(at: datetime | None) -> str:
    """As spreadsheets take it for a date."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if at else ""
