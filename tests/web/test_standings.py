"""Standings: kept attempt by attempt they are what all attempts together say, whatever order they come in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete
from sqlmodel import Session, col, select

from app.db import open_database, session_of
from app.models import Attempt, Learner, Origin, Standing
from app.services import attempts, progress, standings, transfer
from app.services.curriculum import asked
from app.services.standings import Told, derive
from app.services.transfer_form import AttemptForm, Saved

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LESSON = "lesson-7"
OBJECTIVES = (*asked(LESSON).counted, *sorted(asked(LESSON).bonus))  # type: ignore[union-attr] # the lesson exists
STATUSES = ("passed", "failed", "blocked", "skipped", "unknown", "pending")


class Made(NamedTuple):
    """One attempt as a test makes it up; `statuses` go with the objectives."""

    minute: int
    source: str
    statuses: tuple[str, ...]


made = st.builds(
    Made,
    st.integers(0, 4),  # few different times, so that many are the same
    st.sampled_from(["manifests", "cluster"]),
    st.tuples(*(st.sampled_from(STATUSES) for _ in OBJECTIVES)),
)
# Attempts that mostly pass, in which things get lost now and then.
likely = st.builds(
    lambda minute, source, failing: Made(
        minute, source, tuple("failed" if index in failing else "passed" for index in range(len(OBJECTIVES)))
    ),
    st.integers(0, 4),
    st.sampled_from(["manifests", "cluster"]),
    st.sets(st.integers(0, len(OBJECTIVES) - 1), max_size=2),
)


def report(each: Made, lesson: str = LESSON) -> dict[str, Any]:
    """A JSON report that says so."""
    bonus = asked(lesson).bonus  # type: ignore[union-attr] # the lesson exists
    objectives = [{"id": name, "status": status} for name, status in zip(OBJECTIVES, each.statuses, strict=True)]
    counted = [objective["status"] for objective in objectives if objective["id"] not in bonus and objective["status"] != "skipped"]
    return {
        "lesson": lesson,
        "source": {"kind": each.source},
        "graded_at": (NOON + timedelta(minutes=each.minute)).isoformat(),
        "complete": 0 < len(counted) == counted.count("passed"),
        "passed": counted.count("passed"),
        "counted": len(counted),
        "objectives": objectives,
    }


def values(standing: Standing | None) -> dict[str, Any]:
    """The columns of a standing."""
    assert standing is not None
    return standing.model_dump()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty database with the app's tables, of each kind."""
    opened = open_database(database_url)
    yield opened
    opened.dispose()


def a_learner(session: Session) -> int:
    """Somebody new."""
    learner = Learner()
    session.add(learner)
    session.flush()
    assert learner.id is not None
    return learner.id


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(made, likely), min_size=1, max_size=8))
def test_one_by_one_or_all_at_once_it_is_the_same_and_what_progress_says(engine: Engine, several: Sequence[Made]) -> None:
    with session_of(engine, writes=True) as session:
        learner = a_learner(session)
        for number, each in enumerate(several):  # in any order of their times: hypothesis chooses
            attempts.take_in(session, learner, report(each), Origin.TERMINAL, key=f"{learner}-{number}")
        kept = values(session.get(Standing, (learner, LESSON)))
        session.execute(delete(Standing).where(col(Standing.learner_id) == learner))
        session.expire_all()
        assert standings.rebuild(session, learner) == 1
        rebuilt = values(session.get(Standing, (learner, LESSON)))
        derived = progress.of_lesson(session, learner, LESSON)
    assert kept == rebuilt
    assert kept == rebuilt | {
        "attempts": derived.attempts,
        "passed": derived.done,
        "counted": derived.counted,
        "regressed": len(derived.regressed),
        "last_at": derived.last_at,
        "complete_at": derived.complete_at,
        "new_pass_at": max(derived.passed.values(), default=None),
    }


def test_the_columns_tell_what_they_are_said_to(engine: Engine) -> None:
    first, second, third = OBJECTIVES[:3]
    rest = ("failed",) * (len(OBJECTIVES) - 3)
    with session_of(engine, writes=True) as session:
        learner = a_learner(session)

        def take(minute: int, *statuses: str, source: str = "manifests") -> Standing:
            attempts.take_in(session, learner, report(Made(minute, source, (*statuses, *rest))), Origin.TERMINAL, key=f"{minute}-{source}")
            standing = session.get(Standing, (learner, LESSON))
            assert standing is not None
            return standing

        now = take(0, "failed", "failed", "blocked")
        assert (now.attempts, now.passed, now.unchanged, now.first_open, now.new_pass_at) == (1, 0, 1, first, None)
        now = take(1, "passed", "failed", "blocked")
        assert (now.passed, now.unchanged, now.first_open, now.new_pass_at) == (1, 0, second, NOON + timedelta(minutes=1))
        now = take(2, "passed", "failed", "blocked")
        assert (now.attempts, now.unchanged, now.last_at) == (3, 1, NOON + timedelta(minutes=2))
        now = take(3, "failed", "passed", "failed")
        assert (now.passed, now.regressed, now.unchanged, now.first_open) == (2, 1, 0, first)
        now = take(4, "failed", "failed", "failed", source="cluster")
        assert (now.regressed, now.unchanged) == (1, 1), "it never passed on a cluster"
        now = take(5, "passed", "passed", "skipped")
        assert (now.passed, now.regressed, now.first_open) == (2, 0, OBJECTIVES[3]), "what was not asked is not open"
        now = take(-1, "passed", "passed", "passed")
        assert (now.passed, now.attempts, now.first_at, now.complete_at) == (3, 7, NOON - timedelta(minutes=1), None), f"{third} comes late"


def test_what_passed_in_files_is_not_lost_on_a_cluster_that_never_had_it(engine: Engine) -> None:
    all_of_them = len(OBJECTIVES)
    with session_of(engine, writes=True) as session:
        learner = a_learner(session)
        lost = []
        for minute, source, status in ((0, "manifests", "passed"), (1, "cluster", "failed"), (2, "manifests", "failed")):
            told = report(Made(minute, source, (status,) * all_of_them))
            attempts.take_in(session, learner, told, Origin.TERMINAL, key=str(minute))
            lost.append(session.exec(select(Standing.regressed)).one())
        assert lost == [0, 0, all_of_them]


def test_many_attempts_of_one_learner_at_once_all_count(engine: Engine) -> None:
    with session_of(engine, writes=True) as session:
        learner = a_learner(session)

    def take(number: int) -> None:
        each = Made(number % 5, "manifests", tuple("passed" if (number + index) % 3 else "failed" for index in range(len(OBJECTIVES))))
        with session_of(engine, writes=True, learner_id=learner) as session:
            attempts.take_in(session, learner, report(each), Origin.SUBMITTED, key=str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, range(24)))
    with session_of(engine, writes=True, learner_id=learner) as session:
        kept = values(session.get(Standing, (learner, LESSON)))
        standings.rebuild(session, learner)
        assert values(session.get(Standing, (learner, LESSON))) == kept
        assert kept["attempts"] == 24


def test_what_an_older_version_has_not_kept_is_made_at_the_start(engine: Engine) -> None:
    with session_of(engine, writes=True) as session:
        learners = [a_learner(session) for _ in range(3)]
        for learner in learners:
            attempts.take_in(
                session, learner, report(Made(0, "manifests", ("passed",) * len(OBJECTIVES))), Origin.TERMINAL, key=str(learner)
            )
        before = [values(session.get(Standing, (learner, LESSON))) for learner in learners]
        session.execute(delete(Standing).where(col(Standing.learner_id) == learners[0]))
        outdated = session.get(Standing, (learners[1], LESSON))
        assert outdated is not None
        outdated.counted += 1  # as if the lesson had asked one more
    assert standings.make_missing(engine) == 2
    assert standings.make_missing(engine) == 0
    with session_of(engine, writes=False) as session:
        assert [values(session.get(Standing, (learner, LESSON))) for learner in learners] == before


def test_a_lesson_that_is_no_longer_taught_has_no_standing(engine: Engine) -> None:
    with session_of(engine, writes=True) as session:
        learner = a_learner(session)
        told = report(Made(0, "manifests", ("passed",) * len(OBJECTIVES))) | {"lesson": "lesson-99"}
        assert attempts.take_in(session, learner, told, Origin.TERMINAL, key="old") is not None
        assert session.exec(select(Standing)).all() == []
        session.add(Standing(learner_id=learner, lesson_id="lesson-99", attempts=1, passed=1, counted=1, first_at=NOON, last_at=NOON))
        session.flush()
        assert standings.rebuild(session) == 0
        assert session.exec(select(Standing)).all() == []
    assert standings.make_missing(engine) == 0


def test_what_is_brought_from_elsewhere_counts_as_well(engine: Engine) -> None:
    with session_of(engine, writes=True) as session:
        there, here = a_learner(session), a_learner(session)
        for minute in (0, 1, 2):
            told = report(Made(minute, "manifests", ("passed", *("failed",) * (len(OBJECTIVES) - 1))))
            attempts.take_in(session, there, told, Origin.TERMINAL, key=str(minute))
        rows = session.exec(select(Attempt)).all()
        saved = [AttemptForm.model_construct(key=f"{row.key}-brought", origin=Origin(row.origin), report=row.report) for row in rows]
        attempts.take_in(session, here, report(Made(1, "manifests", ("failed",) * len(OBJECTIVES))), Origin.TERMINAL, key="mine")
        assert transfer._merge_attempts(session, here, Saved.model_construct(attempts=saved)) == 3
        standing = session.get(Standing, (here, LESSON))
        assert standing is not None
        assert (standing.attempts, standing.passed, standing.unchanged) == (4, 1, 3)


def test_the_same_attempt_twice_counts_once(engine: Engine) -> None:
    told = report(Made(0, "manifests", ("failed",) * len(OBJECTIVES)))
    with session_of(engine, writes=True) as session:
        learner = a_learner(session)
        assert attempts.take_in(session, learner, told, Origin.TERMINAL, key="x") is not None
        assert attempts.take_in(session, learner, told, Origin.TERMINAL, key="x") is None
        assert session.exec(select(Standing.attempts)).one() == 1


def test_an_attempt_that_is_deleted_leaves_the_standing(engine: Engine) -> None:
    with session_of(engine, writes=True) as session:
        learner = a_learner(session)
        for minute in range(2):
            told = report(Made(minute, "manifests", ("failed",) * len(OBJECTIVES)))
            attempts.take_in(session, learner, told, Origin.TERMINAL, key=str(minute))
        last = session.exec(select(Attempt).order_by(col(Attempt.id).desc())).first()
        session.delete(last)
        session.flush()
        session.expire_all()
        held = session.get(Standing, (learner, LESSON))
        assert held is not None
        assert held.last_attempt_id is None
        told = report(Made(5, "manifests", ("failed",) * len(OBJECTIVES)))
        attempts.take_in(session, learner, told, Origin.TERMINAL, key="5")
        assert (held.attempts, held.unchanged) == (2, 2), "what is there counts"


def test_deriving_asks_nothing_but_the_attempts() -> None:
    lesson = asked(LESSON)
    assert lesson is not None
    told = [Told(1, NOON, "manifests", False, {}), Told(2, NOON, "manifests", True, dict.fromkeys(lesson.counted, "passed"))]
    found = derive(lesson, told)
    assert (found["attempts"], found["passed"], found["unchanged"], found["first_open"]) == (2, len(lesson.counted), 0, "")
