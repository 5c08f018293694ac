"""Everybody who has an account, for admins: what they may do, and links for those who cannot get in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request
from sqlalchemy import Engine
from starlette.responses import RedirectResponse, Response

from app.config import Settings
from app.db import session_of
from app.deps import ActorDep, Admin, EngineDep
from app.errors import AppError, NotFound
from app.models import Account, Role
from app.services import accounts, one_time_links
from app.templating import render
from graders.errors import UsageError

router = APIRouter(prefix="/people")
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("", name="accounts:people")
async def show(
    request: Request, admin: Admin, engine: EngineDep, words: Annotated[str, Query(max_length=200)] = "", page: int = 1, told: str = ""
) -> Response:
    """A page of them."""
    return _page(request, engine, admin.id, words=words, page=page, told=told)


@router.post("/{learner_id}/role", name="accounts:person-role")
async def set_role(
    request: Request, admin: Admin, actor: ActorDep, engine: EngineDep, learner_id: Number, role: Annotated[str, Form()] = ""
) -> Response:
    """Let somebody do more or less."""
    try:
        wanted = Role(role)
    except ValueError as error:
        raise UsageError("There is no such role.", help="There are learner, instructor and admin.") from error
    try:
        with session_of(engine, writes=True) as session:
            accounts.set_role(session, actor, learner_id, wanted)
    except AppError as error:
        return _refused(request, engine, admin.id, error)
    return _done("role")


@router.post("/{learner_id}/active", name="accounts:person-active")
async def set_active(
    request: Request, admin: Admin, actor: ActorDep, engine: EngineDep, learner_id: Number, active: Annotated[str, Form()] = ""
) -> Response:
    """Close or open an account."""
    try:
        with session_of(engine, writes=True) as session:
            accounts.set_active(session, actor, learner_id, active == "yes")
    except AppError as error:
        return _refused(request, engine, admin.id, error)
    return _done("active" if active == "yes" else "closed")


@router.post("/{learner_id}/link", name="accounts:person-link")
async def make_link(request: Request, admin: Admin, actor: ActorDep, engine: EngineDep, learner_id: Number) -> Response:
    """A one-time link for somebody's password, shown this once."""
    try:
        with session_of(engine, writes=True) as session:
            account = session.get(Account, learner_id)
            if account is None:
                raise NotFound("There is nobody of that number.", help="They may have been deleted.")
            purpose = one_time_links.purpose_for(account)
            path = one_time_links.make_link(session, actor, purpose, learner_id)
            email = account.email
    except AppError as error:
        return _refused(request, engine, admin.id, error)
    settings: Settings = request.app.state.settings
    return _page(
        request, engine, admin.id, words=email, link={"url": settings.url + path, "email": email, "lasts": one_time_links.lasts(purpose)}
    )


@router.post("/{learner_id}/delete", name="accounts:person-delete")
async def delete(
    request: Request, admin: Admin, actor: ActorDep, engine: EngineDep, learner_id: Number, email: Annotated[str, Form()] = ""
) -> Response:
    """Delete somebody and all that they did."""
    try:
        with session_of(engine, writes=True, learner_id=learner_id) as session:
            accounts.remove(session, actor, learner_id, email)
    except AppError as error:
        return _refused(request, engine, admin.id, error)
    return _done("deleted")


_TOLD = {
    "role": "The role is changed.",
    "active": "The account is open again.",
    "closed": "The account is deactivated; all its sign-ins and terminal tokens have ended. What its learner did is kept.",
    "deleted": "The account is deleted, with all that was done with it.",
}


def _page(
    request: Request,
    engine: Engine,
    own: int,
    *,
    words: str = "",
    page: int = 1,
    told: str = "",
    link: dict[str, object] | None = None,
    error: AppError | None = None,
) -> Response:
    with session_of(engine, writes=False) as session:
        people = accounts.people(session, words, page)
    shown = render(
        request,
        "accounts/people.html",
        people=people,
        words=words,
        told=_TOLD.get(told, ""),
        link=link,
        error=error,
        own=own,
        roles=list(Role),
    )
    shown.headers["cache-control"] = "no-store"
    return shown


def _refused(request: Request, engine: Engine, own: int, error: AppError) -> Response:
    if isinstance(error, NotFound):
        raise error
    page = _page(request, engine, own, error=error)
    page.status_code = error.status
    return page


def _done(what: str) -> Response:
    return RedirectResponse(f"/people?told={what}", 303)
