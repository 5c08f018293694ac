"""What a learner reads: lessons, the search over them, and the glossary."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from app.db import session_of
from app.deps import CourseDep, CurrentLearner, EngineDep, SearchDep, WantedLesson
from app.services import progress, quiz
from app.services.lesson_page import neighbours, objectives_of
from app.templating import render, render_kept

router = APIRouter()


@router.get("/lessons/{lesson_id}", name="lessons:show")
async def show(request: Request, entry: WantedLesson, course: CourseDep, learner: CurrentLearner, engine: EngineDep) -> Response:
    """One lesson: its text, its quiz, and the way to its exercise."""
    lesson = course[entry.id]

    def facts() -> dict[str, Any]:
        before, after = neighbours(course, lesson)
        with session_of(engine, writes=False) as session:
            return {
                "lesson": lesson,
                "body": lesson.html_in(learner.namespace),
                "progress": progress.of_lesson(session, learner.id, lesson.id),
                "objectives": objectives_of(entry, learner.namespace),
                "before": before,
                "after": after,
                "answers": quiz.answers(session, learner.id, lesson),
            }

    return render_kept(request, "lessons/show.html", (learner.id, learner.namespace), facts)


@router.get("/search", name="search:show")
async def search(request: Request, index: SearchDep, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """The places that hold the words."""
    return render(request, "search/show.html", partial="search/_hits.html", words=q, hits=index.find(q))


@router.get("/glossary", name="glossary:show")
async def glossary(request: Request, course: CourseDep) -> Response:
    """All words that the lessons explain."""
    terms = sorted(course.glossary.values(), key=lambda term: term.term.casefold())
    return render(request, "glossary/show.html", terms=terms)


@router.get("/api/glossary", name="glossary:all")
async def glossary_as_data(course: CourseDep) -> Response:
    """The same for the pop-ups of a page."""
    terms = {term.id: {"term": term.term, "short": term.short, "docs": term.docs} for term in course.glossary.values()}
    return JSONResponse(terms, headers={"cache-control": "private, max-age=300"})
