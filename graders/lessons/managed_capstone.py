"""The capstone: one objective for each of the lessons 1 to 12, which passes when that lesson is complete in the same place."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace

from graders.engine import evaluate
from graders.lessons import LESSONS
from graders.objective import Lesson, Objective, objective
from graders.report import Report, Result
from graders.snapshot import Snapshot
from graders.verdict import Status, Verdict, passed, skipped, unknown

_COUNTED = tuple(f"lesson-{number}" for number in range(1, 13))
_DEFAULT_NAMESPACE = "rag-engine"  # what `grade` takes without -n
_SHOWN = 3

EARLIER = tuple(entry.load() for entry in LESSONS if entry.id in _COUNTED)


def _capstone(lesson: Lesson) -> Objective:
    """The objective that asks for a lesson. Its id carries the lesson's, which is permanent, so that neither can drift from the other."""

    @objective(
        f"capstone-{lesson.id}",
        f"{lesson.title}: {lesson.id} is complete",
        hints=(
            f"`grade {lesson.id}`, with the same options as this, shows the lesson's objectives one by one.",
            "A later lesson changes what an earlier one made. Compare the manifest that is named here with the one that you had then; "
            f"`grade {lesson.id} --hints` has hints for what is open.",
        ),
        docs=lesson.objectives[0].docs,
    )
    def check(snapshot: Snapshot) -> Verdict:
        return _verdict(evaluate(lesson, snapshot), snapshot)

    return check


def _verdict(report: Report, snapshot: Snapshot) -> Verdict:
    """What a lesson's report says of the lesson as a whole. One failure outweighs what is pending, and that what nobody can tell."""
    if report.complete:
        return passed()
    todo = [result for result in report.results if result.counts and result.open]
    for status in (Status.FAILED, Status.PENDING):
        first = next((result.verdict for result in todo if result.status is status), None)
        if first is not None and first.evidence is not None:
            found = f"{report.passed} of {report.counted} passed; open: {_in_words(todo)}"
            expected = f"all that counts in {report.lesson_id} to pass"
            command = _command(report.lesson_id, snapshot)
            return Verdict(status, replace(first.evidence, expected=expected, found=found, command=command))
    if not todo:
        return skipped(f"Nothing of {report.lesson_id} could be judged here.")
    first_todo = todo[0]
    return unknown(f"{report.lesson_id}, {first_todo.objective.id}: {first_todo.verdict.reason}")


def _in_words(todo: list[Result]) -> str:
    """What is open, those first that nothing else holds up."""
    ordered = sorted(todo, key=lambda result: result.status is Status.BLOCKED)
    named = ", ".join(f"`{result.objective.id}` ({result.status})" for result in ordered[:_SHOWN])
    return named + (f" and {len(todo) - _SHOWN} more" if len(todo) > _SHOWN else "")


def _command(lesson_id: str, snapshot: Snapshot) -> str:
    """How to grade that lesson in the same place."""
    words = ["grade", lesson_id]
    if snapshot.namespace != _DEFAULT_NAMESPACE:
        words += ["-n", snapshot.namespace]
    if not snapshot.is_live:
        words += ["-f", _folder(snapshot.source.files)]
    return shlex.join(words)


def _folder(files: tuple[str, ...]) -> str:
    """The file, or the folder that holds all of them."""
    try:
        return os.path.commonpath(files) or "."
    except ValueError:  # none, or of different drives
        return "."


CAPSTONE = tuple(_capstone(lesson) for lesson in EARLIER)
