"""The certificate: what a learner has proven once the course is complete, and before that what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session, col, select

from app.models import Attempt, Learner, ObjectiveResult
from app.services import progress
from app.services.curriculum import MINUTES
from app.services.progress import LessonProgress
from graders.errors import UsageError
from graders.lessons import LESSONS, Entry
from graders.verdict import Status

LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Certificate:
    """What it says. `on_cluster` counts the objectives that have passed on a cluster, `in_files` those that have passed in files only."""

    name: str
    lessons: Sequence[Entry]
    progress: Mapping[str, LessonProgress]
    complete_at: datetime | None
    on_cluster: int
    in_files: int

    @property
    def missing(self) -> list[Entry]:
        """The lessons that are not complete."""
        return [lesson for lesson in self.lessons if not self.progress[lesson.id].complete]

    @property
    def minutes(self) -> int:
        """How long the course is planned to take."""
        return sum(MINUTES[lesson.id] for lesson in self.lessons)


def certificate(session: Session, learner_id: int) -> Certificate:
    """The learner's certificate, as far as it has come."""
    made = progress.of_course(session, learner_id)
    on_cluster, in_files = _proven(session, learner_id)
    learner = session.get(Learner, learner_id)
    return Certificate(
        learner.name if learner else "", LESSONS, made.lessons, made.complete_at, len(on_cluster), len(in_files - on_cluster)
    )


def set_name(session: Session, learner_id: int, name: str) -> None:
    """Keep the name that the certificate is made out to; empty takes it away. Raises UsageError for one that cannot be printed."""
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise UsageError(f"A name has at most {LONGEST_NAME} characters, all of them printable.", help="Go back, and write another.")
    learner = session.get(Learner, learner_id)
    assert learner is not None  # whoever asks has an id
    learner.name = name
    session.add(learner)
    session.flush()


_Proven = set[tuple[str, str]]


def _proven(session: Session, learner_id: int) -> tuple[_Proven, _Proven]:
    """Lesson and objective of all that has passed on a cluster, and of all that has passed in files; the bonus ones too."""
    query = (
        select(Attempt.source, Attempt.lesson_id, ObjectiveResult.objective_id)
        .join(Attempt, col(Attempt.id) == ObjectiveResult.attempt_id)
        .where(Attempt.learner_id == learner_id, ObjectiveResult.status == Status.PASSED)
        .distinct()
    )
    found: tuple[_Proven, _Proven] = set(), set()
    for source, lesson_id, objective_id in session.exec(query):
        found[source != "cluster"].add((lesson_id, objective_id))
    return found
