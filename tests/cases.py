"""The case manifests of the exercises: how they are found, what their headers say, how they become snapshots.

A case is a file that kubectl could apply, named `pass-<objective>-<why>.yaml` or `fail-<objective>-<why>.yaml`. The comment lines
at its top may hold these keys:

    # found: TEXT               part of the evidence's `found` (fail- cases; several lines are allowed)
    # expected: TEXT            part of the evidence's `expected`
    # advice: TEXT              part of the advice that must ride on the pass (pass- cases)
    # source: cluster           the objects are as a cluster serves them, with status; for live objectives
    # context-namespace: NAME   the default namespace of the kubeconfig context, beside `source: cluster`
    # beside: FOLDER            a folder of the exercise whose objects are there as well (several lines are allowed); of two with one
                                name the later one counts, and the case's own last
    # without: KIND/NAME        an object of such a folder that is not there

Other comment lines say in words what the case is about.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from graders.lessons import LESSONS
from graders.objective import Lesson, Objective
from graders.snapshot import K8sObject, Snapshot, Source
from graders.sources.manifests import read_texts

ROOT = Path(__file__).parent.parent
EXERCISES = ROOT / "exercises"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_KEYS = ("found", "expected", "advice", "source", "context-namespace", "beside", "without")


@dataclass(frozen=True)
class Case:
    """One case file. `good` tells a pass- case from a fail- case."""

    path: Path
    lesson: Lesson
    objective: Objective
    good: bool
    header: dict[str, tuple[str, ...]]

    @property
    def id(self) -> str:
        return f"{self.lesson.id}/{self.path.stem}"

    @property
    def live(self) -> bool:
        return self.header.get("source") == ("cluster",)

    def snapshot(self) -> Snapshot:
        folders = [exercise(self.lesson.id) / name for name in self.header.get("beside", ())]
        snapshot = read([*(path for folder in folders for path in manifests(folder)), self.path])
        if folders:
            snapshot = replace(snapshot, objects=_merged(snapshot.objects, self.path, self.header.get("without", ())))
        if not self.live:
            return snapshot
        context = self.header.get("context-namespace", ("default",))[0]
        return replace(snapshot, source=Source("cluster", "rag-engine", context="test"), context_namespace=context)


def exercise(lesson_id: str) -> Path:
    """The folder of a lesson's exercise: `exercises/lesson-07-hpa`."""
    number = int(lesson_id.removeprefix("lesson-"))
    (found,) = EXERCISES.glob(f"lesson-{number:02}-*")
    return found


def read(paths: list[Path]) -> Snapshot:
    """The snapshot of some files, as `grade -f` reads them."""
    files = [(str(path.relative_to(ROOT)), path.read_bytes()) for path in paths]
    return read_texts(files, namespace="rag-engine", taken_at=NOON)


def manifests(folder: Path) -> list[Path]:
    """The YAML files below a folder, in order."""
    return sorted(folder.rglob("*.yaml"))


@cache
def lessons() -> tuple[Lesson, ...]:
    """Every lesson, loaded."""
    return tuple(entry.load() for entry in LESSONS)


@cache
def cases() -> tuple[Case, ...]:
    """Every case of every lesson."""
    return tuple(_case(lesson, path) for lesson in lessons() for path in sorted((exercise(lesson.id) / "cases").glob("*.yaml")))


def _case(lesson: Lesson, path: Path) -> Case:
    verdict, _, rest = path.stem.partition("-")
    assert verdict in ("pass", "fail"), f"{path} starts with neither pass- nor fail-"
    named = [objective for objective in lesson.objectives if rest.startswith(objective.id + "-")]
    assert named, f"{path} names no objective of {lesson.id}"
    return Case(path, lesson, max(named, key=lambda objective: len(objective.id)), verdict == "pass", _header(path))


def _merged(objects: tuple[K8sObject, ...], case: Path, without: tuple[str, ...]) -> tuple[K8sObject, ...]:
    given = [item for item in objects if item.file != str(case.relative_to(ROOT))]
    unknown = set(without) - {item.ref for item in given}
    assert not unknown, f"nothing to leave out: {unknown}"
    left_out = [item for item in given if item.ref in without]
    return tuple({(item.kind, item.namespace, item.name): item for item in objects if item not in left_out}.values())


def _header(path: Path) -> dict[str, tuple[str, ...]]:
    header: dict[str, tuple[str, ...]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        key, colon, value = line[1:].strip().partition(":")
        if colon and key in _KEYS:
            header[key] = (*header.get(key, ()), value.strip())
    return header
