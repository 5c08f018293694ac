"""What the workbench shows: the learner's files judged for a lesson, with all that helps to go on."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import Any

from sqlmodel import Session, col, select

from app.models import Attempt, HintShown, Origin, SolutionShown
from app.services import attempts, equality
from app.services.comments import Said
from app.services.content import Exercise
from app.services.lesson_texts import Addresses, Course
from app.services.markdown import Markdown, in_commands
from app.services.progress import LessonProgress
from graders.engine import evaluate
from graders.objective import Lesson, Objective
from graders.report import Report, Result
from graders.snapshot import Problem, Snapshot, Source
from graders.sources.manifests import read_texts
from graders.verdict import Evidence, Status

Texts = Sequence[tuple[str, str]]

# What the grader advises at a terminal, as it is done here.
_HERE = (
    (
        "It shows on a cluster only. Apply your manifests and grade without -f.",
        "It shows on a cluster only.",
    ),
    (" with another -f", " to the workspace"),
)


class _Reader:
    """Files -> snapshot, each file read once for as long as its text stays the same. Keeps what was read, never the text."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, str, bytes], Snapshot] = OrderedDict()
        self._lock = Lock()

    def snapshot(self, texts: Texts, namespace: str, now: datetime) -> Snapshot:
        """The snapshot of all files together."""
        read = [self._read(name, text.encode(errors="replace"), namespace, now) for name, text in texts]
        return Snapshot(
            Source("manifests", namespace, tuple(name for name, _ in texts)),
            tuple(item for each in read for item in each.objects),
            now,
            problems=tuple(problem for each in read for problem in each.problems),
        )

    def _read(self, name: str, content: bytes, namespace: str, now: datetime) -> Snapshot:
        key = (name, namespace, hashlib.sha256(content).digest())
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        made = read_texts([(name, content)], namespace=namespace, taken_at=now)
        with self._lock:
            self._known[key] = made
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return made


_READER = _Reader(most=400)


def judge(lesson: Lesson, texts: Texts, namespace: str) -> Report:
    """The report on all files of a workspace. Takes time in proportion to what has changed in them; may run in any thread."""
    return evaluate(lesson, _READER.snapshot(texts, namespace, datetime.now(UTC)))


def work_of(lesson: Lesson, texts: Texts, namespace: str) -> str:
    """What tells equal work on a lesson from other; empty when there is too little of it. May run in any thread."""
    return equality.digest_of(_READER.snapshot(texts, namespace, datetime.now(UTC)), lesson)


def worth_recording(report: Report, progress: LessonProgress) -> bool:
    """Whether a report that nobody asked for shows something for the first time: an objective that passes, or all of them at once."""
    new = any(result.status is Status.PASSED and result.objective.id not in progress.passed for result in report.results)
    return new or (report.complete and not progress.complete)


@dataclass(frozen=True, slots=True)
class Need:
    """Another objective that has to pass first."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Item:
    """An objective with its verdict, and what helps with it.

    `before` tells that it passed here once and does not now, `elsewhere` that it passed with other files or on a cluster and does not with
    these, `on_cluster` that it passed on a cluster, which is where it is judged.
    `read_about` is the address of the section that teaches it, empty where there is none. `hints` are those unlocked, `said` what an
    instructor has said about it.
    """

    result: Result
    read_about: str
    needs: tuple[Need, ...]
    hints: tuple[str, ...]
    before: bool
    elsewhere: bool
    on_cluster: bool
    said: tuple[Said, ...] = ()

    @property
    def id(self) -> str:
        """The objective's id."""
        return self.result.objective.id

    @property
    def title(self) -> str:
        """What should be true."""
        return self.result.title

    @property
    def status(self) -> Status:
        """The verdict's status."""
        return self.result.status

    @property
    def objective(self) -> Objective:
        """Its declaration."""
        return self.result.objective

    @property
    def evidence(self) -> Evidence | None:
        """Where something was expected and found."""
        return self.result.verdict.evidence

    @property
    def advice(self) -> tuple[str, ...]:
        """What a practitioner would still change."""
        return self.result.verdict.advice

    @property
    def reason(self) -> str:
        """Why it could not be judged, in the words of this page; empty where other words say it."""
        reason = "" if self.status is Status.BLOCKED else self.result.verdict.reason or ""
        for theirs, ours in _HERE:
            reason = reason.replace(theirs, ours)
        return reason

    @property
    def hints_left(self) -> int:
        """How many hints are still locked."""
        return len(self.objective.hints) - len(self.hints)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All objectives of a lesson as the page shows them, and what an instructor has `said` about the lesson as a whole."""

    report: Report
    items: tuple[Item, ...]
    progress: LessonProgress
    said: tuple[Said, ...] = ()

    @property
    def statuses(self) -> Mapping[str, str]:
        """The status of each objective."""
        return attempts.statuses(self.report)

    @property
    def on_cluster_only(self) -> bool:
        """Whether nothing of the lesson shows in files."""
        return all(item.objective.live for item in self.items)

    def item(self, objective_id: str) -> Item | None:
        """One of them."""
        return next((item for item in self.items if item.id == objective_id), None)


def verdicts(course: Course, report: Report, progress: LessonProgress, hints: Mapping[str, int], said: Sequence[Said] = ()) -> Verdicts:
    """A report, with what the learner did before, what the lesson teaches, and what was `said` about it. `hints` are the numbers unlocked,
    by objective."""
    taught = course[report.lesson_id].taught
    titles = {result.objective.id: result.title for result in report.results}
    open_ = {result.objective.id for result in report.results if result.status is not Status.PASSED}
    items = []
    for result in report.results:
        objective = result.objective
        anchor = taught.get(objective.id)
        items.append(
            Item(
                result,
                Addresses().lesson(report.lesson_id, anchor) if anchor else "",
                tuple(Need(need, titles[need]) for need in objective.needs if need in open_),
                result.hints[: hints.get(objective.id, 0)],
                result.status is Status.FAILED and objective.id in progress.at_workbench,
                result.status is Status.FAILED and objective.id in progress.passed.keys() - progress.at_workbench,
                objective.live and objective.id in progress.passed,
                tuple(each for each in said if each.objective_id == objective.id),
            )
        )
    return Verdicts(report, tuple(items), progress, tuple(each for each in said if each.objective_id not in titles))


def problems_data(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """Problems as plain data for the editor; a suggestion is a word on that line and what to write instead of it."""
    return [
        {
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "message": problem.message,
            "severity": "error" if problem.rejected else "warning",
            "suggestion": problem.suggestion._asdict() if problem.suggestion else None,
        }
        for problem in problems
    ]


def hints_of(session: Session, learner_id: int, lesson_id: str) -> dict[str, int]:
    """How many hints of each objective the learner has unlocked."""
    return hints_by_lesson(session, learner_id, lesson_id).get(lesson_id, {})


def hints_by_lesson(session: Session, learner_id: int, lesson_id: str | None = None) -> dict[str, dict[str, int]]:
    """The same for all lessons, or for the one that is named; those without any are left out."""
    query = select(HintShown).where(HintShown.learner_id == learner_id)
    if lesson_id is not None:
        query = query.where(HintShown.lesson_id == lesson_id)
    shown: dict[str, dict[str, int]] = {}
    for hint in session.exec(query):
        of_lesson = shown.setdefault(hint.lesson_id, {})
        of_lesson[hint.objective_id] = max(hint.number, of_lesson.get(hint.objective_id, 0))
    return shown


def unlock(session: Session, learner_id: int, lesson: Lesson, objective_id: str, number: int) -> bool:
    """Show the hint of that number, if it is the next one; nothing happens when it is shown already, or does not exist. Says whether
    there is such an objective."""
    objective = next((objective for objective in lesson.objectives if objective.id == objective_id), None)
    if objective is None:
        return False
    if number == hints_of(session, learner_id, lesson.id).get(objective_id, 0) + 1 <= len(objective.hints):
        session.add(HintShown(learner_id=learner_id, lesson_id=lesson.id, objective_id=objective_id, number=number))
        session.flush()
    return True


def solution_shown(session: Session, learner_id: int, lesson_id: str) -> bool:
    """Whether the learner has looked at the solution before."""
    return session.exec(_shown(learner_id, lesson_id)).first() is not None


def show_solution(session: Session, learner_id: int, lesson_id: str, *, earned: bool) -> None:
    """Note that the learner looks at the solution, the first time."""
    if not solution_shown(session, learner_id, lesson_id):
        session.add(SolutionShown(learner_id=learner_id, lesson_id=lesson_id, earned=earned))
        session.flush()


def _shown(learner_id: int, lesson_id: str) -> Any:
    return select(col(SolutionShown.id)).where(SolutionShown.learner_id == learner_id, SolutionShown.lesson_id == lesson_id)


def record(session: Session, learner_id: int, report: Report, work: str = "") -> Attempt:
    """Append the report as an attempt at the workbench; `work` is what `work_of` says of the files."""
    return attempts.record(session, learner_id, report, Origin.WORKBENCH, digest=work)


@dataclass(frozen=True, slots=True)
class Task:
    """What an exercise asks: its title, and the rest as safe HTML."""

    title: str
    html: str


@lru_cache(maxsize=32)
def task_of(lesson_id: str, namespace: str) -> Task:
    """The task of a lesson, with commands for the learner's namespace. Raises GradingError when the exercise is not there."""
    text = (Exercise.of(lesson_id).folder / "task.md").read_text(encoding="utf-8")
    title, _, rest = text.partition("\n")
    return Task(title.removeprefix("#").strip(), Markdown().block(in_commands(rest, namespace)))
