"""Cohorts: the list of them, what they are called, who is in them, the links that lead into them, and who did what."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from app.deps import ActorDep, Admin, CurrentPerson, SessionDep, SettingsDep, TaughtCohort
from app.errors import Forbidden
from app.models import Role, utc_now
from app.services import audit_trail, cohort_people, cohorts, join_links
from app.templating import render

router = APIRouter()

Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
Words = Annotated[str, Query(max_length=200)]
Name = Annotated[str, Form(max_length=1000)]
DAYS = (1, 7, 14, 30, 90)
"""For how many days a link may be open, as the form offers it."""


@router.get("/cohorts", name="cohorts:list")
async def list_cohorts(request: Request, person: CurrentPerson, session: SessionDep) -> Response:
    """The cohorts that somebody teaches, and a form to make one."""
    return render(
        request,
        "cohorts/list.html",
        cohorts=cohorts.overview(session, person, utc_now()),
        learning=cohorts.learned_in(session, person.id),
        may_make=person.role is not Role.LEARNER,
        longest=cohorts.LONGEST_NAME,
    )


@router.post("/cohorts", name="cohorts:make")
async def make(person: CurrentPerson, actor: ActorDep, session: SessionDep, name: Name = "") -> Response:
    """A new cohort, which whoever makes it teaches."""
    if person.role is Role.LEARNER:
        raise Forbidden("Cohorts are made by instructors.", help="An admin can make you one, under People.")
    cohort = cohorts.make(session, actor, name, person.id)
    return RedirectResponse(f"/cohorts/{cohort.id}/people", 303)


@router.get("/cohorts/{cohort_id}", name="cohorts:show")
async def show(cohort: TaughtCohort) -> Response:
    """To its board."""
    return RedirectResponse(f"/cohorts/{cohort.id}/board", 303)


@router.post("/cohorts/{cohort_id}", name="cohorts:rename")
async def rename(cohort: TaughtCohort, actor: ActorDep, session: SessionDep, name: Name = "") -> Response:
    """Another name."""
    cohorts.rename(session, actor, cohort, name)
    return _people(cohort.id, "renamed")


@router.post("/cohorts/{cohort_id}/archive", name="cohorts:archive")
async def archive(
    cohort: TaughtCohort, actor: ActorDep, session: SessionDep, archived: Annotated[str, Form(pattern="^(yes|no)$")] = "yes"
) -> Response:
    """Put it away, or take it out again."""
    cohorts.archive(session, actor, cohort, archived=archived == "yes")
    return _people(cohort.id, "archived" if archived == "yes" else "unarchived")


@router.post("/cohorts/{cohort_id}/instructors", name="cohorts:add-instructor")
async def add_instructor(cohort: TaughtCohort, actor: ActorDep, session: SessionDep, email: Name = "") -> Response:
    """Let somebody else teach it as well."""
    cohorts.add_instructor(session, actor, cohort, email)
    return _people(cohort.id, "instructor")


@router.post("/cohorts/{cohort_id}/leave", name="cohorts:leave")
async def leave(cohort: TaughtCohort, actor: ActorDep, person: CurrentPerson, session: SessionDep) -> Response:
    """Teach it no longer."""
    cohorts.leave(session, actor, cohort, person)
    return RedirectResponse("/cohorts", 303)


@router.get("/cohorts/{cohort_id}/people", name="cohorts:people")
async def people(
    request: Request,
    cohort: TaughtCohort,
    session: SessionDep,
    settings: SettingsDep,
    q: Words = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Its learners and instructors, its links, and its settings."""
    assert cohort.id is not None
    now, key = utc_now(), request.app.state.secret
    links = [(link, join_links.state(link, now), join_links.code_of(key, link)) for link in join_links.of_cohort(session, cohort.id)]
    return render(
        request,
        "cohorts/people.html",
        cohort=cohort,
        people=cohort_people.of_cohort(session, cohort.id, q, page),
        words=q,
        links=[(link, state, f"{settings.url}/join/{code}") for link, state, code in links],
        days=DAYS,
        done=done,
        longest=cohorts.LONGEST_NAME,
    )


@router.post("/cohorts/{cohort_id}/people/{learner_id}/remove", name="cohorts:remove")
async def remove(cohort: TaughtCohort, learner_id: Id, actor: ActorDep, person: CurrentPerson, session: SessionDep) -> Response:
    """Take somebody out of it; their work stays theirs."""
    cohorts.remove(session, actor, cohort, person, learner_id)
    return _people(cohort.id, "removed")


@router.post("/cohorts/{cohort_id}/people/{learner_id}/link", name="cohorts:reset-link")
async def reset_link(
    request: Request, cohort: TaughtCohort, learner_id: Id, actor: ActorDep, session: SessionDep, settings: SettingsDep
) -> Response:
    """A link with which a learner sets a password, shown once."""
    assert cohort.id is not None
    path, account, lasts = cohort_people.make_link(session, actor, cohort.id, learner_id)
    page = render(request, "cohorts/link.html", cohort=cohort, url=settings.url + path, email=account.email, lasts=lasts)
    page.headers["cache-control"] = "no-store"
    return page


@router.post("/cohorts/{cohort_id}/links", name="cohorts:make-link")
async def make_link(
    cohort: TaughtCohort, actor: ActorDep, session: SessionDep, days: Annotated[int, Form(ge=0, le=100_000)] = 14
) -> Response:
    """A link with which people join."""
    assert cohort.id is not None
    join_links.make(session, actor, cohort.id, timedelta(days=days))
    return _people(cohort.id, "linked", "links")


@router.post("/cohorts/{cohort_id}/links/{link_id}/revoke", name="cohorts:revoke-link")
async def revoke_link(cohort: TaughtCohort, link_id: Id, actor: ActorDep, session: SessionDep) -> Response:
    """Let a link lead nowhere from now on."""
    assert cohort.id is not None
    join_links.revoke(session, actor, cohort.id, link_id)
    return _people(cohort.id, "revoked", "links")


@router.get("/cohorts/{cohort_id}/audit", name="cohorts:audit")
async def audit(
    request: Request,
    cohort: TaughtCohort,
    session: SessionDep,
    noun: Words = "",
    q: Words = "",
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """Who did what in it."""
    trail = audit_trail.read(session, cohort_id=cohort.id, noun=noun, words=q, before=before)
    base = f"/cohorts/{cohort.id}/audit"
    return render(request, "cohorts/audit.html", cohort=cohort, trail=trail, noun=noun, words=q, before=before, base=base)


@router.get("/audit", name="cohorts:audit-all")
async def audit_all(
    request: Request,
    _: Admin,
    session: SessionDep,
    noun: Words = "",
    q: Words = "",
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """Who did what anywhere, for admins."""
    trail = audit_trail.read(session, noun=noun, words=q, before=before)
    return render(request, "cohorts/audit_all.html", trail=trail, noun=noun, words=q, before=before, base="/audit")


def _people(cohort_id: int | None, done: str, anchor: str = "") -> RedirectResponse:
    """Back to the cohort's people, with a word for what was done."""
    return RedirectResponse(f"/cohorts/{cohort_id}/people?done={done}{f'#{anchor}' if anchor else ''}", 303)
