"""The gradebook of a cohort: its rules in words with a preview, as CSV and as JSON.

Files are made as a whole, on a thread, before the first byte leaves: half a gradebook looks like one.
"""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from sqlalchemy import Engine
from starlette.responses import Response

from app.db import session_of
from app.deps import CourseDep, EngineDep, TaughtCohort
from app.models import Cohort, utc_now
from app.routes.roster import attachment
from app.services import gradebook_files, spreadsheet
from app.services.gradebook import Gradebook, Row
from app.templating import render

router = APIRouter()
_PREVIEW = 50  # learners
Page = Annotated[int, Query(ge=1, le=1_000_000)]


@router.get("/cohorts/{cohort_id}/gradebook", name="cohorts:gradebook")
async def show(
    request: Request, cohort: TaughtCohort, engine: EngineDep, course: CourseDep, checked: bool = False, page: Page = 1
) -> Response:
    """How points are counted, what they are, and where to save them."""
    book, rows, found, page = await to_thread.run_sync(_previewed, engine, cohort, checked, page)
    return render(
        request,
        "cohorts/gradebook.html",
        cohort=cohort,
        book=book,
        titles={text.id: text.title for text in course},
        rows=rows,
        found=found,
        number=page,
        pages=max(1, -(-found // _PREVIEW)),
        checked=checked,
    )


@router.get("/cohorts/{cohort_id}/gradebook.csv", name="cohorts:gradebook-csv")
async def as_csv(
    cohort: TaughtCohort,
    engine: EngineDep,
    checked: bool = False,
    layout: Annotated[str, Query(pattern="^(wide|long)$")] = "wide",
) -> Response:
    """A line for each learner (`wide`), or for each learner and lesson (`long`)."""
    content = await to_thread.run_sync(_csv, engine, cohort, checked, layout == "long")
    return Response(content, media_type="text/csv; charset=utf-8", headers=attachment(_name(cohort, "csv")))


@router.get("/cohorts/{cohort_id}/gradebook.json", name="cohorts:gradebook-json")
async def as_json(cohort: TaughtCohort, engine: EngineDep, checked: bool = False) -> Response:
    """The same for programs."""
    content = await to_thread.run_sync(_json, engine, cohort, checked)
    return Response(content, media_type="application/json", headers=attachment(_name(cohort, "json")))


def _previewed(engine: Engine, cohort: Cohort, checked: bool, page: int) -> tuple[Gradebook, list[Row], int, int]:
    with session_of(engine, writes=False) as session:
        book = Gradebook(session, cohort, checked_only=checked)
        people = book.people()
        page = min(page, max(1, -(-len(people) // _PREVIEW)))
        return book, list(book.rows(people[(page - 1) * _PREVIEW : page * _PREVIEW])), len(people), page


def _csv(engine: Engine, cohort: Cohort, checked: bool, long: bool) -> bytes:
    with session_of(engine, writes=False) as session:
        book = Gradebook(session, cohort, checked_only=checked)
        return b"".join(spreadsheet.written(gradebook_files.long(book) if long else gradebook_files.wide(book)))


def _json(engine: Engine, cohort: Cohort, checked: bool) -> bytes:
    with session_of(engine, writes=False) as session:
        return b"".join(gradebook_files.as_json(Gradebook(session, cohort, checked_only=checked), utc_now()))


def _name(cohort: Cohort, ending: str) -> str:
    return f"gradebook-{cohort.id}-{utc_now():%Y-%m-%d}.{ending}"
