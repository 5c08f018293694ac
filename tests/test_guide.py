"""The manifests of exercises/guide, and each of them with one line missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graders.engine import evaluate
from graders.objective import Lesson
from graders.snapshot import Snapshot
from graders.sources.manifests import read_texts
from graders.verdict import Status
from tests.cases import EXERCISES, NOON, lessons

GUIDE = EXERCISES / "guide"
COVERED = lessons()[1:9]  # lessons 1 to 8; the others go beyond these manifests
GOLDEN = Path(__file__).parent / "golden" / "guide-without-a-line.txt"

OPEN = {"lesson-2": {"consumed-as-env", "consumed-as-files"}, "lesson-8": {"evicts-unhealthy"}}
ADVICE = {
    "lesson-3/strong-jwt-secret": "sample",
    "lesson-6/rate-limit": "rate-limit",
    "lesson-7/no-fixed-replicas": "replicas",
}


def guide(replaced: str = "", text: str = "") -> Snapshot:
    """The snapshot of the folder, with the text of one file replaced."""
    files = [(path.name, text.encode() if path.name == replaced else path.read_bytes()) for path in sorted(GUIDE.glob("*.yaml"))]
    return read_texts(files, namespace="rag-engine", taken_at=NOON)


@pytest.mark.parametrize("lesson", COVERED, ids=lambda lesson: lesson.id)
def test_guide_passes_but_for_what_it_leaves_out(lesson: Lesson) -> None:
    report = evaluate(lesson, guide())
    assert not report.problems
    not_passed = {result.objective.id for result in report.results if result.status not in (Status.PASSED, Status.SKIPPED)}
    assert not_passed == OPEN.get(lesson.id, set())


def test_guide_gets_advice_where_it_is_dated_and_nowhere_else() -> None:
    given = {
        f"{lesson.id}/{result.objective.id}": " ".join(result.verdict.advice)
        for lesson in COVERED
        for result in evaluate(lesson, guide()).results
        if result.verdict.advice
    }
    assert given.keys() == ADVICE.keys()
    for objective, words in ADVICE.items():
        assert words in given[objective]


def _consequences() -> str:
    """For each line of the guide, what is no longer passed when it is missing."""
    base = {(lesson.id, result.objective.id): result.status for lesson in COVERED for result in evaluate(lesson, guide()).results}
    written = []
    for path in sorted(GUIDE.glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        written.append(f"## {path.name}")
        for index, line in enumerate(lines):
            snapshot = guide(path.name, "\n".join(lines[:index] + lines[index + 1 :]) + "\n")
            changed = []
            for lesson in COVERED:
                for result in evaluate(lesson, snapshot).results:
                    assert result.status is not Status.UNKNOWN, f"{path.name} without line {index + 1}: {result.verdict}"
                    status, was = result.status, base[lesson.id, result.objective.id]
                    if status is not was and status is not Status.BLOCKED:
                        changed.append(f"{lesson.id}/{result.objective.id} {status}")
            refused = " (refused)" if any(problem.rejected for item in snapshot.objects for problem in item.problems) else ""
            unread = " (unreadable)" if snapshot.problems else ""
            written.append(f"{line}\n    -> {', '.join(changed) or 'nothing'}{refused}{unread}")
    return "\n".join(written) + "\n"


def test_each_missing_line_fails_what_it_was_for() -> None:
    """The golden file was read line by line; after a change that is meant, write it anew with GOLDEN_WRITE=1 and read the difference."""
    found = _consequences()
    if os.environ.get("GOLDEN_WRITE"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")
