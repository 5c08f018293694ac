"""What the live panel's page is made of: regions, each an element with an id, and which of them have changed since when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from app.models import Attempt, Origin
from app.services import attempts, progress
from app.services.curriculum import number
from app.services.live_picture import LESSONS, Picture
from app.services.progress import CourseProgress
from app.services.shown import shown
from graders.objective import Lesson
from graders.render.json import report_data
from graders.report import Report
from graders.verdict import Status

Render = Callable[[str, Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Region:
    """One element of the page: its id, its template, and what that needs."""

    id: str
    template: str
    needs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Past:
    """What was recorded before now: the learner's progress, and the newest attempt at the lesson on a cluster."""

    progress: CourseProgress
    last: Attempt | None


@dataclass(frozen=True, slots=True)
class Line:
    """One lesson in the list of all. `known` tells whether it has been judged; `done` that it was complete once."""

    id: str
    number: int
    title: str
    passed: int
    counted: int
    known: bool
    complete: bool
    done: bool
    pending: bool
    here: bool


def past(session: Session, learner_id: int, lesson_id: str) -> Past:
    """Read what was recorded."""
    made = progress.of_course(session, learner_id)
    return Past(made, attempts.latest(session, learner_id, lesson_id, origin=Origin.CLUSTER))


@dataclass(frozen=True, slots=True)
class Judged:
    """A lesson's report in the form that templates want, and of when it is; None when nothing has been judged."""

    report: dict[str, Any]
    at: datetime | None


def judged(picture: Picture, lesson_id: str, before: Past) -> Judged:
    """What is known of a lesson: from the cluster, else from the last attempt on one, else nothing."""
    report = picture.reports.get(lesson_id)
    if report is not None:
        return Judged(shown(report_data(report)), picture.read_at)
    if before.last is not None:
        return Judged(shown(before.last.report), before.last.checked_at)
    lesson = next(lesson for lesson in LESSONS if lesson.id == lesson_id)
    return Judged(_unjudged(lesson, picture.place.namespace), None)


def _unjudged(lesson: Lesson, namespace: str) -> dict[str, Any]:
    return {
        "lesson": lesson.id,
        "title": lesson.title,
        "complete": False,
        "passed": 0,
        "counted": sum(not objective.bonus for objective in lesson.objectives),
        "objectives": [
            {
                "id": objective.id,
                "title": objective.title.replace("{namespace}", namespace),
                "status": str(Status.UNKNOWN),
                "bonus": objective.bonus,
                "live": objective.live,
                "advice": None,
                "evidence": None,
                "reason": None,
                "needs": list(objective.needs),
                "docs": objective.docs,
            }
            for objective in lesson.objectives
        ],
        "problems": [],
    }


def lines(picture: Picture, here: str, made: CourseProgress) -> tuple[Line, ...]:
    """All lessons, each with how it stands on the cluster."""
    return tuple(_line(lesson, picture.reports.get(lesson.id), here, made) for lesson in LESSONS)


def _line(lesson: Lesson, report: Report | None, here: str, made: CourseProgress) -> Line:
    counted = report.counted if report else sum(not objective.bonus for objective in lesson.objectives)
    return Line(
        lesson.id,
        number(lesson.id),
        lesson.title,
        report.passed if report else 0,
        counted,
        report is not None,
        bool(report and report.complete),
        made.lessons[lesson.id].complete,
        bool(report and report.waiting),
        lesson.id == here,
    )


class Ledger:
    """The regions of one page as they are, and the version at which each changed last."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, Region, str]] = {}
        self.version = 0

    def refresh(self, regions: Iterable[Region], version: int, render: Render) -> None:
        """Take the regions in as they are now; those whose HTML differs have changed at this version."""
        for region in regions:
            held = self._held.get(region.id)
            if held is not None and held[1] == region:
                continue
            html = render(region.template, region.needs)
            if held is None or held[2] != html:
                self._held[region.id] = version, region, html
            else:
                self._held[region.id] = held[0], region, html
        self.version = version

    def since(self, version: int) -> dict[str, str]:
        """The HTML of the regions that have changed after a version, by id."""
        return {name: html for name, (changed, _, html) in self._held.items() if changed > version}
