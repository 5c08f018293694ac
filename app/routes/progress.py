"""What the learner has done: at a glance, attempt by attempt, as it happens; and how far they have read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import APIRouter, FastAPI, Form, Query, Request
from sqlalchemy import Engine
from starlette.responses import Response, StreamingResponse

from app.db import session_of
from app.deps import CourseDep, CurrentLearner, EngineDep, FeedDep, SessionDep, WantedLesson
from app.services import attempt_steps, classroom_notes, progress, progress_page, reading
from app.services.attempt_steps import in_words
from app.services.feed import Feed, progress_of
from app.services.journal import Journal
from app.services.shared_feed import feed_for
from app.streams import HEADERS, MEDIA_TYPE, Admission, check_streams
from app.templating import render


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """While the app runs it has a feed and, on a learner's own machine, takes in what `grade` leaves."""
    state = app.state
    state.feed = feed_for(state.engine, state.metrics.recorded) if state.settings.classroom else Feed()
    if state.settings.classroom:
        yield
    else:
        state.journal = Journal(state.settings.data, state.feed)
        async with state.journal.kept(state.engine, state.learner.id):
            yield
    state.feed.close()


router = APIRouter(lifespan=_lifespan)
_HEARTBEAT: Final = 15.0  # seconds; a stream that says nothing for long is taken to be dead by what stands in between


@router.get("/progress", name="progress:show")
async def show(request: Request, course: CourseDep, learner: CurrentLearner, session: SessionDep) -> Response:
    """The course at a glance."""
    overview = progress_page.overview(session, learner.id, course)
    notes = classroom_notes.of(session, learner.person)
    return render(request, "progress/show.html", partial="progress/_overview.html", overview=overview, notes=notes)


@router.get("/progress/events", name="progress:events", include_in_schema=False)
async def events(request: Request, learner: CurrentLearner, engine: EngineDep, feed: FeedDep) -> Response:
    """A stream of what is recorded: first the id of the newest attempt, then an event for each lesson that has new ones."""
    check_streams(learner, feed.readers_of(progress_of(learner.id)))
    return StreamingResponse(
        _told(feed, engine, learner.id, Admission(request)),
        media_type=MEDIA_TYPE,
        headers=HEADERS,
    )


async def _told(feed: Feed, engine: Engine, learner_id: int, admission: Admission | None = None) -> AsyncIterator[str]:
    with feed.subscribe((progress_of(learner_id),)) as heard:
        with session_of(engine, writes=False) as session:  # only now, so that nothing falls between
            newest = progress_page.newest(session, learner_id)
        yield f"retry: 1000\nevent: newest\ndata: {newest}\n\n"
        while not heard.ended:
            event = await heard.next(_HEARTBEAT)
            if admission is not None and not await admission.holds():
                return
            if event is None:
                yield ": still here\n\n"
            elif "comment" in event.data:
                yield f"event: comment\ndata: {json.dumps(event.data)}\n\n"
            else:
                yield f"event: progress\ndata: {json.dumps({**event.data, 'words': in_words(event.data)})}\n\n"


@router.get("/progress/{lesson_id}", name="progress:lesson")
async def show_lesson(
    request: Request,
    entry: WantedLesson,
    course: CourseDep,
    learner: CurrentLearner,
    session: SessionDep,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """The attempts at one lesson, each with what it changed."""
    return render(
        request,
        "progress/lesson.html",
        partial="progress/_steps.html",
        lesson=entry,
        progress=progress.of_lesson(session, learner.id, entry.id),
        history=attempt_steps.steps(session, learner.id, entry.id, before),
        taught=course[entry.id].taught,
        later=before is not None,
        newest=progress_page.newest(session, learner.id),
    )


@router.post("/lessons/{lesson_id}/reading", name="progress:read")
async def note_reading(
    entry: WantedLesson,
    learner: CurrentLearner,
    session: SessionDep,
    anchor: Annotated[str, Form()] = "",
    seconds: Annotated[int, Form()] = 0,
) -> Response:
    """What a lesson's page tells while it is read; what makes no sense is ignored, for nobody sees the answer."""
    reading.note(session, learner.id, entry.id, anchor, seconds)
    return Response(status_code=204)
