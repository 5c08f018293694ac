"""What an instructor says to a learner: written, and taken back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from app.deps import ActorDep, FeedDep, SessionDep, TaughtCohort
from app.services import comments
from app.services.feed import Feed, progress_of

router = APIRouter()
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post("/cohorts/{cohort_id}/learners/{learner_id}/comments", name="cohorts:comment")
async def write(
    cohort: TaughtCohort,
    learner_id: Id,
    actor: ActorDep,
    session: SessionDep,
    feed: FeedDep,
    lesson_id: Annotated[str, Form(max_length=32)] = "",
    objective_id: Annotated[str, Form(max_length=64)] = "",
    text: Annotated[str, Form(max_length=100_000)] = "",
) -> Response:
    """Say something about an objective, or about the lesson."""
    assert cohort.id is not None
    comment = comments.write(session, actor, cohort.id, learner_id, lesson_id=lesson_id, objective_id=objective_id, text=text)
    return _back(cohort.id, learner_id, feed, {"lesson": lesson_id, "comment": comment.id})


@router.post("/cohorts/{cohort_id}/comments/{comment_id}/delete", name="cohorts:delete-comment")
async def delete(cohort: TaughtCohort, comment_id: Id, actor: ActorDep, session: SessionDep, feed: FeedDep) -> Response:
    """Take back what one has written oneself."""
    assert cohort.id is not None
    gone = comments.delete(session, actor, cohort.id, comment_id)
    return _back(cohort.id, gone.learner_id, feed, {"lesson": gone.lesson_id, "comment": None})


def _back(cohort_id: int, learner_id: int, feed: Feed, told: dict[str, Any]) -> RedirectResponse:
    """To the learner's page. Open pages are told once all is stored: what they fetch then has it."""
    told = {"learner": learner_id, **told}
    tell = BackgroundTask(feed.publish, progress_of(learner_id), told)
    return RedirectResponse(f"/cohorts/{cohort_id}/learners/{learner_id}#l-comments", 303, background=tell)
