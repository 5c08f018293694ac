"""Due dates of a cohort, the extensions of single learners, and what lateness costs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from app.deps import ActorDep, CourseDep, SessionDep, TaughtCohort
from app.models import LatePolicy
from app.services import cohort_people, due_dates
from app.templating import render
from graders.errors import UnreadableInput
from graders.lessons import LESSONS

router = APIRouter()
_ZONE = "course_zone"
Zone = Annotated[str, Form(max_length=100)]
Lesson = Annotated[str, Form(max_length=32)]


@router.get("/cohorts/{cohort_id}/due", name="cohorts:due")
async def show(
    request: Request,
    cohort: TaughtCohort,
    course: CourseDep,
    session: SessionDep,
    zone: Annotated[str, Query(max_length=100)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The dates in one time zone: the one asked for, or that of last time, or UTC."""
    assert cohort.id is not None
    of, chosen = _zone(request, zone)
    held = due_dates.of_cohort(session, cohort.id)
    page = render(
        request,
        "cohorts/due.html",
        cohort=cohort,
        lessons=[(text.id, text.title, due_dates.wall_clock(held[text.id], of) if text.id in held else "") for text in course],
        held=held,
        titles={text.id: text.title for text in course},
        zone=of.key,
        chosen=chosen,
        zones=due_dates.zones(),
        extensions=[(each, due_dates.wall_clock(each.due_at, of)) for each in due_dates.extensions(session, cohort.id)],
        people=cohort_people.addresses(session, cohort.id),
        policies=tuple(LatePolicy),
        longest_reason=due_dates.LONGEST_REASON,
        done=done,
    )
    if zone and chosen:
        page.set_cookie(_ZONE, of.key, max_age=31536000, samesite="lax", httponly=True, secure=request.app.state.settings.secure)
    return page


@router.post("/cohorts/{cohort_id}/due", name="cohorts:set-due")
async def set_dates(request: Request, cohort: TaughtCohort, actor: ActorDep, session: SessionDep, zone: Zone = "") -> Response:
    """Set the date of each lesson that the form has a field of; an empty one takes it away."""
    of, form = due_dates.zone(zone), await request.form()
    dates: dict[str, datetime | None] = {}
    for entry in LESSONS:
        typed = form.get(entry.id)
        if isinstance(typed, str):
            dates[entry.id] = _moment(entry.title, typed.strip(), of) if typed.strip() else None
    due_dates.set_dates(session, actor, cohort, dates)
    return _back(cohort.id, "dates")


@router.post("/cohorts/{cohort_id}/due/policy", name="cohorts:set-policy")
async def set_policy(
    cohort: TaughtCohort,
    actor: ActorDep,
    session: SessionDep,
    policy: Annotated[LatePolicy, Form()],
    percent: Annotated[int, Form(ge=-1000, le=1000)] = 10,
) -> Response:
    """What lateness costs."""
    due_dates.set_policy(session, actor, cohort, policy, percent)
    return _back(cohort.id, "policy")


@router.post("/cohorts/{cohort_id}/due/extensions", name="cohorts:extend")
async def extend(
    cohort: TaughtCohort,
    actor: ActorDep,
    session: SessionDep,
    email: Annotated[str, Form(max_length=1000)] = "",
    lesson: Lesson = "",
    at: Annotated[str, Form(max_length=100)] = "",
    reason: Annotated[str, Form(max_length=5000)] = "",
    zone: Zone = "",
) -> Response:
    """Another date for one learner."""
    due_dates.extend(session, actor, cohort, email, lesson, due_dates.moment(at.strip(), due_dates.zone(zone)), reason)
    return _back(cohort.id, "extended", "extensions")


@router.post("/cohorts/{cohort_id}/due/extensions/withdraw", name="cohorts:withdraw")
async def withdraw(
    cohort: TaughtCohort,
    actor: ActorDep,
    session: SessionDep,
    learner: Annotated[int, Form(ge=1, le=2**31 - 1)],
    lesson: Lesson,
) -> Response:
    """Take an extension back."""
    due_dates.withdraw(session, actor, cohort, learner, lesson)
    return _back(cohort.id, "withdrawn", "extensions")


def _zone(request: Request, asked: str) -> tuple[ZoneInfo, bool]:
    """The zone to show times in, and whether anybody has chosen it."""
    for name in (asked, request.cookies.get(_ZONE, "")):
        if name:
            try:
                return due_dates.zone(name), True
            except UnreadableInput:
                continue
    return ZoneInfo("UTC"), False


def _moment(title: str, typed: str, of: ZoneInfo) -> datetime:
    try:
        return due_dates.moment(typed, of)
    except UnreadableInput as error:
        raise UnreadableInput(f"{title}: {error.message}", help=error.help) from error


def _back(cohort_id: int | None, done: str, anchor: str = "") -> RedirectResponse:
    return RedirectResponse(f"/cohorts/{cohort_id}/due?done={done}{f'#{anchor}' if anchor else ''}", 303)
