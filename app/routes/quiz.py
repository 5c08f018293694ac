"""Quizzes: answering a question, and taking a quiz once more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from pydantic import AwareDatetime, Field
from starlette.responses import RedirectResponse, Response

from app.deps import CourseDep, CurrentLearner, SessionDep, WantedLesson
from app.errors import NotFound
from app.services import quiz
from app.services.report_shape import EARLIEST
from app.templating import render

router = APIRouter()
# Times of long ago can overflow in somebody's zone.
Since = Annotated[AwareDatetime, Field(ge=EARLIEST, le=EARLIEST.replace(year=2100))] | None


@router.get("/lessons/{lesson_id}/quiz", name="quiz:show")
async def show(
    request: Request,
    entry: WantedLesson,
    course: CourseDep,
    learner: CurrentLearner,
    session: SessionDep,
    since: Annotated[Since, Query()] = None,
) -> Response:
    """A lesson's quiz by itself, with the answers given since then; since now, when no time is named."""
    lesson = course[entry.id]
    if not lesson.quiz:
        raise NotFound(f"{lesson.title} has no quiz.", help="Its exercise is the test.")
    answers = quiz.answers(session, learner.id, lesson, since=since or datetime.now(UTC))
    return render(request, "quiz/show.html", lesson=lesson, answers=answers)


@router.post("/lessons/{lesson_id}/quiz/{question_id}", name="quiz:answer")
async def answer(
    request: Request,
    entry: WantedLesson,
    question_id: str,
    course: CourseDep,
    learner: CurrentLearner,
    session: SessionDep,
    chosen: Annotated[list[int] | None, Form()] = None,
    since: Annotated[Since, Form()] = None,
) -> Response:
    """Answer one question: the question with what there is to say of it, or back to where it stands."""
    lesson = course[entry.id]
    question = quiz.find_question(lesson, question_id)
    if question is None:
        raise NotFound("The quiz asks no such question any more.", help=f"Reload the lesson: /lessons/{lesson.id}#quiz")
    by_script = request.headers.get("hx-request") == "true"
    problem = "" if chosen else "Choose an answer first."
    if chosen or not by_script:
        quiz.answer(session, learner.id, lesson, question, chosen or ())
    if not by_script:
        page = f"/lessons/{lesson.id}" + (f"/quiz?since={since.strftime('%Y-%m-%dT%H:%M:%S.%fZ')}" if since else "")
        return RedirectResponse(f"{page}#question-{question.id}", 303)
    answers = quiz.answers(session, learner.id, lesson, since=since)
    return render(
        request,
        "quiz/_answered.html",
        lesson=lesson,
        question=question,
        answers=answers,
        answered=answers.of(question),
        problem=problem,
    )
