"""When what a cluster shows becomes an attempt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from app.db import open_database, session_of
from app.models import Attempt, Learner, Origin
from app.services import attempts
from app.services.live_record import record_news
from graders.lessons import LESSONS
from graders.report import Report, Result
from graders.snapshot import Source
from graders.verdict import Evidence, Status, Verdict

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LESSON = LESSONS[1].load()
HERE = Source("cluster", "rag-engine", context="practice")
LETTERS = {
    "p": Verdict(Status.PASSED),
    "f": Verdict(Status.FAILED, Evidence("Namespace/x", None, "one", "none")),
    "w": Verdict(Status.PENDING, Evidence("Namespace/x", None, "one", "not yet")),
    "u": Verdict(Status.UNKNOWN, reason="The cluster is away."),
}


def report(letters: str, *, source: Source = HERE, minutes: int = 0) -> Report:
    """Lesson 1's first objectives passed, failed, waiting or unknown; the others failed."""
    verdicts = [LETTERS[letter] for letter in letters.ljust(len(LESSON.objectives), "f")]
    results = tuple(
        Result(objective, objective.title, verdict, source.namespace)
        for objective, verdict in zip(LESSON.objectives, verdicts, strict=True)
    )
    return Report(LESSON.id, LESSON.title, source, NOON + timedelta(minutes=minutes), results, ())


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'course.db'}")
    with session_of(engine, writes=True) as session:
        session.add_all([Learner(id=1), Learner(id=2)])
    yield engine
    engine.dispose()


def recorded(engine: Engine) -> int:
    with session_of(engine, writes=False) as session:
        return len(session.exec(select(Attempt)).all())


ELSEWHERE = replace(HERE, namespace="other")
ANOTHER = replace(HERE, context="work")


@pytest.mark.parametrize(
    ("course", "kept"),
    [
        (["ff"], [False]),
        (["pf"], [True]),
        (["pf", "pf"], [True, False]),
        (["pf", "pp"], [True, True]),
        (["pf", "wf", "pf"], [True, False, False]),
        (["pf", "uu", "pf"], [True, False, False]),
        (["pf", "ff"], [True, True]),
        (["pf", "ff", "ff"], [True, True, False]),
        (["pf", "ff", "pf", "ff"], [True, True, True, True]),
        (["uuuu"], [False]),
        (["wwww"], [False]),
        (["pppf", "fffp", "pppp"], [True, True, True]),
        (["pppp", "pppp"], [True, False]),
    ],
    ids=[
        "nothing passes",
        "first pass",
        "the same again",
        "one more",
        "waiting in between",
        "away in between",
        "no longer",
        "no longer, told once",
        "to and fro",
        "away",
        "waiting",
        "complete at last, though each had passed",
        "complete, told once",
    ],
)
def test_news_are_recorded(engine: Engine, course: list[str], kept: list[bool]) -> None:
    told = [bool(record_news(engine, 1, [report(letters, minutes=at)])) for at, letters in enumerate(course)]
    assert told == kept
    assert recorded(engine) == sum(kept)


@pytest.mark.parametrize("source", [ELSEWHERE, ANOTHER, replace(HERE, context=None)], ids=["namespace", "context", "in a Pod"])
def test_failing_where_it_never_passed_is_no_news(engine: Engine, source: Source) -> None:
    assert record_news(engine, 1, [report("pf")])
    assert not record_news(engine, 1, [report("ff", source=source, minutes=1)])
    assert record_news(engine, 1, [report("pp", source=source, minutes=2)])
    assert record_news(engine, 1, [report("ff", source=source, minutes=3)])


def test_passing_in_files_is_not_passing_on_a_cluster(engine: Engine) -> None:
    files = Source("manifests", "rag-engine", ("a.yaml",))
    with session_of(engine, writes=True) as session:
        attempts.record(session, 1, report("pppp", source=files), Origin.WORKBENCH)
    assert not record_news(engine, 1, [report("ff", minutes=1)])
    assert record_news(engine, 1, [report("pf", minutes=2)])


def test_what_grade_recorded_is_known(engine: Engine) -> None:
    with session_of(engine, writes=True) as session:
        attempts.record(session, 1, report("pf"), Origin.TERMINAL)
    assert not record_news(engine, 1, [report("pf", minutes=1)])


def test_each_learner_has_their_own(engine: Engine) -> None:
    assert record_news(engine, 1, [report("pf")])
    assert record_news(engine, 2, [report("pf")])
