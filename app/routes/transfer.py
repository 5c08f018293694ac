"""The certificate, and all that the learner has done as a file: saved, and taken in."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import anyio
from fastapi import APIRouter, Form, Request, UploadFile
from sqlalchemy import Engine
from starlette.responses import RedirectResponse, Response

from app.db import session_of
from app.deps import CurrentLearner, EngineDep, SessionDep
from app.models import utc_now
from app.services import transfer
from app.services.certificate import LONGEST_NAME, certificate, set_name
from app.services.transfer_form import LARGEST, read_saved
from app.templating import render

router = APIRouter()


@router.get("/progress/export", name="transfer:export")
async def save(learner: CurrentLearner, engine: EngineDep) -> Response:
    """Everything as one JSON file."""
    content = await anyio.to_thread.run_sync(_saved, engine, learner.id)
    name = f"kubernetes-course-{utc_now().astimezone():%Y-%m-%d}.json"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(content, media_type="application/json", headers=headers)


@router.post("/progress/import", name="transfer:import")
async def take_in(
    request: Request, learner: CurrentLearner, engine: EngineDep, file: UploadFile, over: Annotated[str, Form()] = ""
) -> Response:
    """Merge a saved file into what is here, all of it or nothing, and tell what it brought."""
    content = await file.read(LARGEST + 1)
    merged = await anyio.to_thread.run_sync(partial(_merged, engine, learner.id, content, over=over == "yes"))
    return render(request, "progress/imported.html", merged=merged)


# In a thread, with a session of its own: years of attempts take more than a moment.
def _saved(engine: Engine, learner_id: int) -> bytes:
    with session_of(engine, writes=False) as session:
        return transfer.save(session, learner_id)


def _merged(engine: Engine, learner_id: int, content: bytes, *, over: bool) -> transfer.Merged:
    saved = read_saved(content)
    with session_of(engine, writes=True, learner_id=learner_id) as session:
        return transfer.merge(session, learner_id, saved, over=over)


@router.get("/certificate", name="certificate:show")
async def show_certificate(request: Request, learner: CurrentLearner, session: SessionDep) -> Response:
    """The certificate, or what is missing."""
    return render(request, "certificate/show.html", certificate=certificate(session, learner.id), longest=LONGEST_NAME)


@router.post("/certificate", name="certificate:name")
async def name_certificate(learner: CurrentLearner, session: SessionDep, name: Annotated[str, Form()] = "") -> Response:
    """Make it out to somebody."""
    set_name(session, learner.id, name)
    return RedirectResponse("/certificate", 303)
