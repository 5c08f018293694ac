"""Quizzes: what an answer says, that the first try is kept apart, and that none of it needs a script."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI
from playwright.sync_api import Page, expect
from sqlmodel import Session, select

from app.db import session_of
from app.models import QuizAnswer
from app.services import quiz
from app.services.lesson_texts import Course, LessonText, Option, Question
from app.services.markdown import Markdown
from graders.errors import UsageError
from tests.web.client import Client

LESSON = "lesson-0"


@pytest.fixture
def lesson(app: FastAPI) -> LessonText:
    """A lesson that has a quiz."""
    course = app.state.course
    assert isinstance(course, Course)
    return course[LESSON]


def _right(question: Question) -> list[int]:
    return sorted(quiz.right_options(question))


def _wrong(question: Question) -> list[int]:
    return [next(position for position, option in enumerate(question.options) if not option.correct)]


def _post(client: Client, question: Question, chosen: list[int], **headers: str) -> str:
    answer = client.send_form(f"/lessons/{LESSON}/quiz/{question.id}", {"chosen": [str(each) for each in chosen]}, headers=headers)
    assert answer.status_code == (200 if headers else 303), answer.text
    return answer.text if headers else answer.headers["location"]


BY_SCRIPT = {"hx-request": "true"}


def test_a_wrong_answer_says_why_and_does_not_give_the_right_one_away(client: Client, lesson: LessonText) -> None:
    question = next(each for each in lesson.quiz if not each.several)
    shown = _post(client, question, _wrong(question), **BY_SCRIPT)
    (wrong,) = _wrong(question)
    assert question.options[wrong].why_html in shown
    assert 'data-announce="Not right. Read why, and choose again."' in shown
    before_details = shown.partition("<details")[0]
    assert not any(question.options[right].why_html in before_details for right in _right(question))


def test_a_right_answer_says_why_all_of_them_are_what_they_are(client: Client, lesson: LessonText) -> None:
    question = next(each for each in lesson.quiz if not each.several)
    shown = _post(client, question, _right(question), **BY_SCRIPT)
    assert 'data-announce="Right."' in shown
    assert all(option.why_html in shown for option in question.options)
    assert re.search(r"<details[^>]* open", shown)


def test_the_first_try_is_kept_apart_from_how_it_is_now(client: Client, lesson: LessonText, app: FastAPI) -> None:
    first, second, *_ = lesson.quiz
    _post(client, first, _wrong(first), **BY_SCRIPT)
    _post(client, second, _right(second), **BY_SCRIPT)
    shown = _post(client, first, _right(first), **BY_SCRIPT)
    assert "Right, at try 2." in shown
    assert f"2 of {len(lesson.quiz)} right</strong>, 1 at the first try" in shown
    _post(client, second, _wrong(second), **BY_SCRIPT)
    with session_of(app.state.engine, writes=False) as session:
        assert quiz.answers(session, app.state.learner.id, lesson).score == (len(lesson.quiz), 2, 1, 1)
        assert quiz.scores(session, app.state.learner.id, app.state.course)[LESSON] == (len(lesson.quiz), 2, 1, 1)
        assert len(session.exec(select(QuizAnswer)).all()) == 4, "answers are appended"


def test_a_form_leads_back_to_its_question_which_shows_the_answer(client: Client, lesson: LessonText) -> None:
    question = lesson.quiz[0]
    location = _post(client, question, _wrong(question))
    assert location == f"/lessons/{LESSON}#question-{question.id}"
    page = client.get(location).text
    assert 'id="question-' + question.id in page
    assert "Not right. Read why, and choose again." in page


@pytest.mark.parametrize(
    ("chosen", "status", "says"),
    [([], 400, "Nothing was chosen"), ([99], 400, "not among the answers"), ([0, 1], 400, "not among the answers"), (["x"], 422, "chosen")],
    ids=["none", "one that is not there", "two where one is right", "no number"],
)
def test_an_answer_that_is_none_is_not_stored(
    client: Client, lesson: LessonText, session: Session, chosen: list[object], status: int, says: str
) -> None:
    question = next(each for each in lesson.quiz if not each.several)
    answer = client.send_form(f"/lessons/{LESSON}/quiz/{question.id}", {"chosen": [str(each) for each in chosen]})
    assert (answer.status_code, says in answer.text) == (status, True)
    assert not session.exec(select(QuizAnswer)).all()


def test_nothing_chosen_is_told_in_place_where_there_is_a_script(client: Client, lesson: LessonText, session: Session) -> None:
    shown = _post(client, lesson.quiz[0], [], **BY_SCRIPT)
    assert 'data-announce="Choose an answer first."' in shown
    assert f'id="question-{lesson.quiz[0].id}"' in shown
    assert not session.exec(select(QuizAnswer)).all()


@pytest.mark.parametrize("path", ["/lessons/lesson-0/quiz/no-such-question", "/lessons/lesson-99/quiz/x"])
def test_a_question_that_there_is_not_is_a_page_that_says_so(client: Client, path: str) -> None:
    assert client.send_form(path, {"chosen": "0"}).status_code == 404


def test_a_quiz_can_be_taken_once_more_without_the_answers(client: Client, lesson: LessonText) -> None:
    question = lesson.quiz[0]
    _post(client, question, _wrong(question))
    page = client.get(f"/lessons/{LESSON}/quiz").text
    assert "checked" not in page
    (since,) = set(re.findall(r'name="since" value="([^"]+)"', page))
    answered = client.send_form(
        f"/lessons/{LESSON}/quiz/{question.id}", {"chosen": [str(each) for each in _right(question)], "since": since}
    )
    location = answered.headers["location"]
    assert location.startswith(f"/lessons/{LESSON}/quiz?since=")
    again = client.get(location).text
    assert f"1 of {len(lesson.quiz)} right</strong>, 1 at the first try" in again
    assert f"1 of {len(lesson.quiz)} right</strong>, 0 at the first try" in client.get(f"/lessons/{LESSON}").text


@pytest.mark.parametrize(
    "since", ["yesterday", "2026-11-24T00:00:00", "<script>", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-10:00"]
)
def test_a_time_that_is_none_is_refused(client: Client, since: str) -> None:
    assert client.get(f"/lessons/{LESSON}/quiz", params={"since": since}).status_code == 422


def _several() -> Question:
    """A question with two right options of four."""
    markdown = Markdown()
    options = tuple(Option(f"option {number}", f"because {number}", number < 2, 1, markdown) for number in range(4))
    return Question("several", "Which?", options, 1, markdown)


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({0, 1}, "Right."),
        ({0}, "Not right yet: something right is missing."),
        ({0, 1, 2}, "Not right yet: 1 of your choices is wrong."),
        ({2, 3}, "Not right yet: 2 of your choices are wrong and something right is missing."),
    ],
)
def test_where_several_are_right_the_answer_says_what_is_amiss(chosen: set[int], says: str) -> None:
    question = _several()
    assert quiz.Answered(frozenset(chosen), chosen == {0, 1}, False, 1).verdict(question) == says


def test_where_several_are_right_all_of_them_are_the_answer(app: FastAPI) -> None:
    question = _several()
    lesson = LessonText("lesson-1", "x", 1, quiz=(question,))
    with session_of(app.state.engine, writes=True) as session:
        given = [quiz.answer(session, app.state.learner.id, lesson, question, chosen) for chosen in ([0], [0, 1, 2], [1, 0])]
        assert given == [False, False, True]
        with pytest.raises(UsageError):
            quiz.answer(session, app.state.learner.id, lesson, question, [])
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert quiz.answers(session, app.state.learner.id, lesson, since=later).score == (1, 0, 0, 0)


def test_answers_to_questions_of_the_past_do_not_count(app: FastAPI) -> None:
    question = _several()
    with session_of(app.state.engine, writes=True) as session:
        quiz.answer(session, app.state.learner.id, LessonText("lesson-1", "x", 1, quiz=(question,)), question, [0, 1])
        assert quiz.answers(session, app.state.learner.id, LessonText("lesson-1", "x", 1)).score == (0, 0, 0, 0)


def test_a_question_that_was_changed_is_judged_as_it_is_now(app: FastAPI) -> None:
    before = _several()
    swapped = Question("several", "Which?", tuple(reversed(before.options)), 1, Markdown())
    fewer = Question("several", "Which?", before.options[:1], 1, Markdown())
    with session_of(app.state.engine, writes=True) as session:
        quiz.answer(session, app.state.learner.id, LessonText("lesson-1", "x", 1, quiz=(before,)), before, [0, 1])
        scores = [
            quiz.answers(session, app.state.learner.id, LessonText("lesson-1", "x", 1, quiz=(now,))).score
            for now in (before, swapped, fewer)
        ]
    assert scores == [(1, 1, 1, 1), (1, 1, 0, 1), (1, 0, 0, 0)]


@pytest.mark.browser
def test_a_quiz_by_keyboard_keeps_its_place_and_says_the_result(page: Page, server: str, lesson: LessonText) -> None:
    question = next(each for each in lesson.quiz if not each.several)
    page.goto(f"{server}/lessons/{LESSON}#question-{question.id}")
    form = page.locator(f"#question-{question.id}")
    form.get_by_role("radio").nth(_wrong(question)[0]).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(form.get_by_text("Not right. Read why, and choose again.")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Not right. Read why, and choose again.")
    form.get_by_role("radio").nth(_right(question)[0]).focus()
    page.keyboard.press("Space")
    form.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(form.get_by_text("Right, at try 2.")).to_be_visible()
    expect(form.get_by_role("button")).to_be_focused()
    expect(page.locator("#quiz-score")).to_contain_text("1 of")
    page.reload()
    expect(form.get_by_text("Right, at try 2.")).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_answered_quiz_has_no_fault_that_axe_finds(page: Page, server: str, lesson: LessonText, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type] # the two are among its words
    page.goto(f"{server}/lessons/{LESSON}/quiz")
    for question, choose in zip(lesson.quiz, (_wrong, _right), strict=False):
        form = page.locator(f"#question-{question.id}")
        for position in choose(question):
            form.locator("input[name=chosen]").nth(position).check()
        form.get_by_role("button").click()
        expect(form.locator(".said")).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
