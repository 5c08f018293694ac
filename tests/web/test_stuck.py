"""Who is stuck: what counts as work, what as getting nowhere, and what the page says of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.db import session_of
from app.models import HintShown, QuizAnswer, WorkspaceFile, utc_now
from app.services import stuck
from app.services.stuck import minutes_at_work
from tests.web.board_data import Class, a_class, ago, all_of, board_objective, cells, tried
from tests.web.classroom import Classroom
from tests.web.test_pages import words

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def taught(classroom: Classroom) -> Class:
    """A cohort, and another one, on each database."""
    return a_class(classroom)


TIMES = [
    pytest.param([], 10, 10, id="from the last pass to now"),
    pytest.param([], 15, 15, id="a pause of just so long is none"),
    pytest.param([], 15.1, 0, id="nobody knows what was done in a longer one"),
    pytest.param([10, 20, 30], 40, 40, id="one thing after the other"),
    pytest.param([10, 20, 500], 510, 30, id="not the night"),
    pytest.param([10, 20], 600, 20, id="who has gone home works no more"),
    pytest.param([-10, 5, 700], 20, 20, id="what lies outside does not count"),
    pytest.param([5, 5, 5], 10, 10, id="several at once"),
]


@pytest.mark.parametrize(("done", "now", "minutes"), TIMES)
def test_only_work_counts_as_time(done: list[int], now: float, minutes: float) -> None:
    times = [NOON + timedelta(minutes=each) for each in done]
    assert minutes_at_work(times, NOON, NOON + timedelta(minutes=now)) == pytest.approx(minutes)


def found(taught: Class) -> dict[int, stuck.Stuck]:
    """Who is stuck now."""
    with session_of(taught.classroom.app.state.engine, writes=False) as session:
        return stuck.find(session, taught.cohort, utc_now())


def test_whoever_works_a_quarter_of_an_hour_without_a_pass_is_stuck(taught: Class) -> None:
    for minutes in (25, 14, 4):
        tried(taught.classroom, taught.ada, "lesson-2", 2, minutes)
    (one,) = found(taught).values()
    assert (one.learner_id, one.lesson_id, one.minutes, one.unchanged) == (taught.ada.id, "lesson-2", 25, 2)
    tried(taught.classroom, taught.ada, "lesson-2", 3, 0)
    assert found(taught) == {}, "something new has passed"


def test_a_pass_elsewhere_is_getting_on_as_well(taught: Class) -> None:
    tried(taught.classroom, taught.ada, "lesson-2", 2, 25)
    tried(taught.classroom, taught.ada, "lesson-2", 2, 14)
    tried(taught.classroom, taught.ada, "lesson-1", 2, 6)
    tried(taught.classroom, taught.ada, "lesson-2", 2, 1)
    assert found(taught) == {}


def test_five_attempts_in_vain_are_enough(taught: Class) -> None:
    for number in range(5):
        assert found(taught) == {}
        tried(taught.classroom, taught.ada, "lesson-1", 1 if number == 0 else 0, 1)
    assert found(taught) == {}, "four since the pass"
    tried(taught.classroom, taught.ada, "lesson-1", 1, 0)
    (one,) = found(taught).values()
    assert (one.unchanged, one.minutes) == (5, 1)


def test_hints_answers_and_saved_files_keep_somebody_at_work(taught: Class) -> None:
    tried(taught.classroom, taught.ada, "lesson-1", 1, 40)
    tried(taught.classroom, taught.ada, "lesson-1", 1, 30)
    assert found(taught) == {}, "ten minutes, and then away"
    objective = board_objective("lesson-1", 1)
    with session_of(taught.classroom.app.state.engine, writes=True) as session:
        ada = taught.ada.id
        session.add(HintShown(learner_id=ada, lesson_id="lesson-1", objective_id=objective, number=1, shown_at=ago(20)))
        answer = {"key": "q", "question_id": "q", "chosen": [0], "correct": True}
        session.add(QuizAnswer.model_validate({"learner_id": ada, "lesson_id": "lesson-1", "answered_at": ago(12), **answer}))
        session.add(WorkspaceFile(learner_id=ada, name="a.yaml", content="", updated_at=ago(3)))
    (one,) = found(taught).values()
    assert (one.minutes, one.hints, one.objective_id) == (40, 1, objective)


def test_who_has_not_tried_anything_for_hours_is_not_at_work(taught: Class) -> None:
    for number in range(8):
        tried(taught.classroom, taught.ada, "lesson-1", 0, 200 + 10 * number)
    assert found(taught) == {}
    assert "Ada" in words(taught.get("stuck?hours=8"))
    assert "Nobody" in words(taught.get("stuck"))


def test_who_is_through_is_not_stuck(taught: Class) -> None:
    for _ in range(8):
        tried(taught.classroom, taught.ada, "lesson-1", all_of("lesson-1"), 1)
    assert found(taught) == {}


def test_the_page_says_on_what_and_how_it_shows(taught: Class) -> None:
    for minutes in range(8, 2, -1):
        tried(taught.classroom, taught.ada, "lesson-4", 2, minutes)
    text = words(taught.get("stuck"))
    assert "Ada in Deployments:" in text
    assert "5 attempts without change" in text
    assert "Where deployment.yaml:8 Deployment/rag-engine-api spec.replicas Expected 3 Found 1" in text
    piece = taught.browser.get(f"/cohorts/{taught.cohort}/stuck?few=1", headers={"hx-request": "true"}).text
    assert piece.lstrip().startswith('<section id="stuck"')
    assert "Ada" in piece
    page = taught.get("board")
    assert cells(page, taught.ada)[4] == f"Deployments: stuck, 2 of {all_of('lesson-4')}"
