"""How objectives and lessons fare in a cohort, by figures that can be worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db import session_of
from app.models import DueDate, HintShown, Role, utc_now
from app.services import analysis, completion
from app.services.analysis import Item, discrimination
from app.services.curriculum import asked
from app.services.sign_ins import Person
from tests.web.board_data import all_of, tried
from tests.web.classroom import Classroom
from tests.web.test_pages import words

LESSON = "lesson-1"


def objective(number: int) -> str:
    """The id of one of the lesson's objectives."""
    known = asked(LESSON)
    assert known is not None
    return known.counted[number]


def cohort_of(classroom: Classroom, size: int) -> tuple[int, Person, list[Person]]:
    """A cohort of so many learners, and its instructor."""
    iris = classroom.person("Iris", Role.INSTRUCTOR)
    learners = [classroom.person(f"Learner {number}") for number in range(size)]
    return classroom.cohort("Autumn", [iris], learners), iris, learners


def items(classroom: Classroom, cohort: int) -> dict[str, Item]:
    """The lesson's objectives by their ids."""
    with session_of(classroom.app.state.engine, writes=False) as session:
        return {each.id: each for each in analysis.of(session, cohort, LESSON)}


def test_figures_that_can_be_worked_out_by_hand(classroom: Classroom) -> None:
    cohort, iris, (ada, ben, eve, _) = cohort_of(classroom, 4)
    outsider = classroom.person("Zoe")
    for person, passes in ((ada, (1, 1, 2)), (ben, (2,)), (eve, (0, 0)), (outsider, (0,) * 5)):
        for number, passing in enumerate(passes):
            tried(classroom, person, LESSON, passing, 60 - 10 * number)
    tried(classroom, iris, LESSON, 0)
    with session_of(classroom.app.state.engine, writes=True) as session:
        for person in (ada, eve, outsider):
            session.add(HintShown(learner_id=person.id, lesson_id=LESSON, objective_id=objective(1), number=1))
    found = items(classroom, cohort)
    first, second, third = (found[objective(number)] for number in range(3))
    assert (first.tried, first.passed, first.at_once, first.attempts, first.minutes, first.hints) == (3, 2, 2, 1, 0, 0)
    assert (second.tried, second.passed, second.at_once, second.attempts, second.minutes, second.hints) == (3, 2, 1, 2, 10, 2)
    assert (third.tried, third.passed, third.attempts, third.minutes) == (3, 0, None, None)
    assert first.discrimination is None, "too few"
    text = words(classroom.client(iris).get(f"/cohorts/{cohort}/objectives").text)
    assert "2 of 3" in text
    assert "67 %" not in text, "with so few there is no percentage"


def test_long_pauses_do_not_count(classroom: Classroom) -> None:
    cohort, _, (ada,) = cohort_of(classroom, 1)
    for minutes, passing in ((600, 0), (590, 0), (20, 0), (8, 1)):
        tried(classroom, ada, LESSON, passing, minutes)
    assert items(classroom, cohort)[objective(0)].minutes == pytest.approx(22)
    assert items(classroom, cohort)[objective(0)].attempts == 4


def test_the_hardest_come_first_and_any_column_sorts(classroom: Classroom) -> None:
    cohort, iris, learners = cohort_of(classroom, analysis.FEW)
    for number, person in enumerate(learners):
        tried(classroom, person, LESSON, min(number // 2, 4))
    page = classroom.client(iris).get(f"/cohorts/{cohort}/objectives?lesson={LESSON}").text
    places = [page.index(words_of) for words_of in _titles()]
    assert places == sorted(places, reverse=True), "the fewer pass, the earlier it stands"
    assert "80 %" in words(page)
    for order in analysis.SORTS:
        answer = classroom.client(iris).get(f"/cohorts/{cohort}/objectives?sort={order}")
        assert answer.status_code == 200, order
    assert classroom.client(iris).get(f"/cohorts/{cohort}/objectives?sort=odd&lesson=odd").status_code == 200


def _titles() -> Sequence[str]:
    """The beginnings of the titles of the first objectives, as a page has them."""
    from graders.lessons import LESSONS

    titles = [each.title for each in LESSONS[1].load().objectives if each.id in [objective(number) for number in range(4)]]
    return [title.partition("`")[0] or title.split("`")[1] for title in titles]


def test_discrimination_is_the_correlation_with_the_rest() -> None:
    passed = [True] * 5 + [False] * 5
    rest = [4, 4, 3, 3, 2, 2, 1, 1, 0, 0]
    # By the formula of the point-biserial correlation: (M1 - M0) / s * sqrt(p q), with the deviation of the whole group.
    mean = sum(rest) / 10
    deviation = math.sqrt(sum((each - mean) ** 2 for each in rest) / 10)
    assert discrimination(passed, rest) == pytest.approx((3.2 - 0.8) / deviation * 0.5)
    assert discrimination([not each for each in passed], rest) == pytest.approx(-(3.2 - 0.8) / deviation * 0.5)


ABSENT = [
    pytest.param([True] * 4 + [False] * 5, list(range(9)), id="too few"),
    pytest.param([True] * 12, list(range(12)), id="all pass"),
    pytest.param([False] * 12, list(range(12)), id="nobody passes"),
    pytest.param([True, False] * 6, [3] * 12, id="the rest is the same for all"),
    pytest.param([], [], id="nobody"),
]


@pytest.mark.parametrize(("passed", "rest"), ABSENT)
def test_discrimination_is_absent_where_nobody_knows(passed: list[bool], rest: list[int]) -> None:
    assert discrimination(passed, rest) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=40))
def test_discrimination_lies_between_minus_one_and_one(answers: list[tuple[bool, int]]) -> None:
    found = discrimination([each[0] for each in answers], [each[1] for each in answers])
    assert found is None or -1.0001 <= found <= 1.0001


def test_completion_by_lesson_and_by_day(classroom: Classroom) -> None:
    cohort, iris, (ada, ben, _) = cohort_of(classroom, 3)
    day = 24 * 60
    tried(classroom, ada, "lesson-1", all_of("lesson-1"), 3 * day)
    tried(classroom, ben, "lesson-1", all_of("lesson-1"), 1 * day)
    tried(classroom, ben, "lesson-2", 1, 1 * day)
    tried(classroom, ada, "lesson-2", all_of("lesson-2"), 3 * day)
    tried(classroom, ada, "lesson-2", 1, 1)
    now = utc_now()
    with session_of(classroom.app.state.engine, writes=True) as session:
        session.add(DueDate(cohort_id=cohort, lesson_id="lesson-1", due_at=now - timedelta(days=2)))
        found = completion.of(session, cohort, now)
    shares = {each.lesson_id: (each.begun, each.complete, each.in_time) for each in found.shares}
    assert shares["lesson-1"] == (2, 2, 1)
    assert shares["lesson-2"] == (2, 1, 1), "what was lost since stays complete"
    assert shares["lesson-3"] == (0, 0, 0)
    assert [(each.day, each.completed, each.so_far, list(each.due)) for each in found.days] == [
        ((now - timedelta(days=3)).date(), 2, 2, []),
        ((now - timedelta(days=2)).date(), 0, 2, ["Namespaces"]),
        ((now - timedelta(days=1)).date(), 1, 3, []),
    ]
    page = classroom.client(iris).get(f"/cohorts/{cohort}/completion").text
    assert page.count('<svg class="plot"') == 2
    assert "2 of 3" in words(page)
    assert "due" in page.partition('class="p-due"')[2][:200]


@pytest.mark.parametrize("days", [0, 1, 5, 119, 400])
def test_the_picture_of_days_holds_any_span(days: int) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    several = [completion.Day((now - timedelta(days=each)).date(), 1, 1, ["Namespaces"]) for each in (days, 0)]
    picture = completion._by_day(several, now)
    assert picture is not None
    assert picture.count('class="p-due"') == (2 if 0 < days < 120 else 1 if days else 2)
    assert "nan" not in picture
