"""What an exercise gives: the files to begin with, and those of its solution, as they read in the learner's namespace."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session

from app.models import Choice
from app.services.content import Exercise, in_namespace
from app.services.curriculum import number
from app.services.seeding import chosen_files, workload_in
from app.services.seeds import new_seed
from graders.lessons import LESSONS


def seed_of(session: Session, learner_id: int, lesson_id: str) -> int | None:
    """The number by which the learner's variants of broken workloads are drawn; None where there are none, or none are drawn yet."""
    choice = session.get(Choice, (learner_id, _name(lesson_id)))
    return int(choice.value) if choice is not None and choice.value.isdigit() else None


def draw(session: Session, learner_id: int, lesson_id: str) -> int | None:
    """The same, drawn now if it was not before: so the learner keeps their variants."""
    seed = seed_of(session, learner_id, lesson_id)
    variants = Exercise.of(lesson_id).variants()
    if seed is None and variants:
        seed = new_seed({objective: tuple(files) for objective, files in variants.items()})
        session.add(Choice(learner_id=learner_id, name=_name(lesson_id), value=str(seed)))
        session.flush()
    return seed


def _name(lesson_id: str) -> str:
    return f"seed/{lesson_id}"


@lru_cache(maxsize=64)
def starter(lesson_id: str, namespace: str, seed: int | None = None) -> Mapping[str, str]:
    """The files that an exercise begins with, by name: the broken workloads of that draw where it has any."""
    exercise = Exercise.of(lesson_id)
    drawn = {f"{workload_in(path, namespace)}.yaml": path for path in chosen_files(exercise, seed).values()}
    return {name: _text(path, namespace) for name, path in sorted((drawn or _by_name(exercise, "starter")).items())}


@lru_cache(maxsize=32)
def solution(lesson_id: str, namespace: str) -> Mapping[str, str]:
    """The files of the solution, by name; none where the lesson is about what a cluster has."""
    return {name: _text(path, namespace) for name, path in _by_name(Exercise.of(lesson_id), "solution").items()}


def origin_of(lesson_id: str, name: str, namespace: str, seed: int | None) -> tuple[str, str] | None:
    """The lesson whose starter has a file of that name, and its text: this lesson, else the nearest before it. None where there is none."""
    for entry in reversed(LESSONS[: number(lesson_id) + 1]):
        text = starter(entry.id, namespace, seed if entry.id == lesson_id else None).get(name)
        if text is not None:
            return entry.id, text
    return None


def beside(name: str, lesson_id: str) -> str:
    """A name for a starter's file beside one of the learner's that has its own: `pod-lesson-3.yaml`."""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}-{lesson_id}{dot}{suffix}"


def _by_name(exercise: Exercise, part: str) -> dict[str, Path]:
    return {path.name: path for path in exercise.files(part)}


def _text(path: Path, namespace: str) -> str:
    return in_namespace(path.read_text(encoding="utf-8"), namespace)
