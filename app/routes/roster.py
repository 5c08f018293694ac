"""A cohort's roster: brought as a table, tried first, taken in once it is confirmed; and saved as one.

These routes open no transaction before they need one: a roster of thousands is taken in on a thread, and whoever waits on the event loop in
a transaction that writes stops everybody.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Form, Path, Request, UploadFile
from sqlalchemy import Engine
from sqlmodel import Session
from starlette.responses import Response

from app.db import session_of
from app.deps import ActorDep, CurrentPerson, EngineDep, SessionDep, SettingsDep, TaughtCohort, no_cohort
from app.models import Cohort, utc_now
from app.security import MAX_BODY
from app.services import cohorts, roster, spreadsheet
from app.services.audit import Actor
from app.services.roster import Invited, Plan
from app.services.sign_ins import Person
from app.templating import render

router = APIRouter(form_limits={"max_part_size": MAX_BODY})
CohortId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Text = Annotated[str, Form()]


@router.get("/cohorts/{cohort_id}/roster.csv", name="cohorts:roster-export")
async def save(cohort: TaughtCohort, session: SessionDep) -> Response:
    """The learners as a table."""
    assert cohort.id is not None
    content = b"".join(spreadsheet.written(roster.written(session, cohort.id)))
    return Response(content, media_type="text/csv; charset=utf-8", headers=attachment(f"roster-{cohort.id}-{utc_now():%Y-%m-%d}.csv"))


@router.post("/cohorts/{cohort_id}/roster", name="cohorts:roster-try")
async def try_out(
    request: Request,
    cohort_id: CohortId,
    person: CurrentPerson,
    actor: ActorDep,
    engine: EngineDep,
    text: Text = "",
    file: UploadFile | None = None,
) -> Response:
    """What a roster would do; nothing is written."""
    content = await file.read(spreadsheet.LARGEST + 1) if file is not None and file.filename else text.encode("utf-8", "replace")
    cohort, plan = await to_thread.run_sync(_tried, engine, person, cohort_id, actor, content)
    table = b"".join(spreadsheet.written(plan.rows())).decode() if plan.does else ""
    return render(request, "cohorts/roster.html", cohort=cohort, plan=plan, table=table)


@router.post("/cohorts/{cohort_id}/roster/confirm", name="cohorts:roster-import")
async def take_in(
    request: Request,
    cohort_id: CohortId,
    person: CurrentPerson,
    actor: ActorDep,
    engine: EngineDep,
    settings: SettingsDep,
    text: Text = "",
) -> Response:
    """Take a roster in, all of it or nothing, and show the links of those who are new, once."""
    content = text.encode("utf-8", "replace")
    cohort, plan, invited = await to_thread.run_sync(partial(_taken_in, engine, person, cohort_id, actor, content))
    links = [(each.name, each.email, settings.url + each.path) for each in invited]
    table = b"".join(spreadsheet.written([("name", "email", "link"), *links]))
    page = render(
        request,
        "cohorts/invited.html",
        cohort=cohort,
        plan=plan,
        links=links,
        file=base64.b64encode(table).decode(),
        file_name=f"invitations-{cohort.id}-{utc_now():%Y-%m-%d}.csv",
    )
    page.headers["cache-control"] = "no-store"
    return page


def attachment(name: str) -> dict[str, str]:
    """Headers with which a browser saves an answer instead of showing it."""
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}


def _tried(engine: Engine, person: Person, cohort_id: int, actor: Actor, content: bytes) -> tuple[Cohort, Plan]:
    with session_of(engine, writes=False) as session:
        cohort = _taught(session, person, cohort_id)
        return cohort, roster.plan(session, actor, cohort, spreadsheet.read(content))


def _taken_in(engine: Engine, person: Person, cohort_id: int, actor: Actor, content: bytes) -> tuple[Cohort, Plan, list[Invited]]:
    with session_of(engine, writes=True) as session:
        cohort = _taught(session, person, cohort_id)
        plan, invited = roster.take_in(session, actor, cohort, spreadsheet.read(content))
        return cohort, plan, invited


def _taught(session: Session, person: Person, cohort_id: int) -> Cohort:
    cohort = cohorts.taught(session, person, cohort_id)
    if cohort is None:
        raise no_cohort()
    return cohort
