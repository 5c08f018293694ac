"""One's own account: name, password, where one is signed in, terminals, the data, and the end of it."""

from __future__ import annotations

from typing import Annotated

import anyio
from fastapi import APIRouter, Form, Path, Request
from sqlalchemy import Engine
from starlette.responses import RedirectResponse, Response

from app.config import Settings
from app.db import session_of
from app.deps import ActorDep, CurrentPerson, EngineDep
from app.errors import AppError, TooOften
from app.models import Account, utc_now
from app.security import drop_session
from app.services import account_data, account_page, accounts, passwords, sign_ins, throttle
from app.services.audit import note
from app.services.sign_ins import Person
from app.templating import render
from graders.errors import GradingError

router = APIRouter()
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_WINDOW = 15 * 60


@router.get("/account", name="accounts:show")
async def show(request: Request, person: CurrentPerson, engine: EngineDep, told: str = "") -> Response:
    """The page."""
    return _page(request, engine, person, told=told)


@router.post("/account/name", name="accounts:rename")
async def rename(request: Request, person: CurrentPerson, engine: EngineDep, name: Annotated[str, Form()] = "") -> Response:
    """Be called something else."""
    try:
        with session_of(engine, writes=True) as session:
            accounts.rename(session, person.id, name)
    except accounts.Invalid as error:
        return _page(request, engine, person, error=error)
    return _done("name")


@router.post("/account/password", name="accounts:password")
async def change_password(
    request: Request,
    person: CurrentPerson,
    engine: EngineDep,
    actor: ActorDep,
    old: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Have another password; all other sign-ins end."""
    try:
        stored = _stored_password(engine, person)
        if stored is None:
            raise accounts.Invalid("You have no password here: you sign in elsewhere.", help="Change it there.")
        if not await passwords.matches(old, stored):
            raise accounts.Invalid("The old password is not right, so it is still the one that holds.", help="Type it once more.")
        wrong = await passwords.wrong_with(password, email=person.email, name=person.name)
        if wrong is not None:
            raise accounts.Invalid(wrong)
        hashed = await passwords.hashed(password)
        with session_of(engine, writes=True, learner_id=person.id) as session:
            account = session.get(Account, person.id)
            if account is None or account.password != stored:
                raise accounts.Invalid("The password was changed elsewhere meanwhile.", help="Reload the page.")
            accounts.set_password(session, account, hashed, keep=request.state.session)
            throttle.forget(session, "own password", str(person.id))
            note(session, actor, "password.changed", person.email)
    except (accounts.Invalid, TooOften) as error:
        return _page(request, engine, person, error=error)
    return _done("password")


def _stored_password(engine: Engine, person: Person) -> str | None:
    """What their password is compared with, None where they have none here. Counts a try. Raises TooOften."""
    with session_of(engine, writes=True) as session:
        throttle.check(session, "own password", str(person.id), 10, _WINDOW)
        account = session.get(Account, person.id)
        return account.password if account else None


@router.post("/account/sign-ins/{sign_in_id}/end", name="accounts:end-sign-in")
async def end_sign_in(request: Request, person: CurrentPerson, engine: EngineDep, sign_in_id: Number) -> Response:
    """End one sign-in, perhaps this one."""
    with session_of(engine, writes=True) as session:
        account_page.end_sign_in(session, person.id, sign_in_id)
        still = sign_ins.signed_in(session, request.state.session) is not None
    if still:
        return _done("ended")
    response = RedirectResponse("/sign-in", 303)
    drop_session(request, response)
    return response


@router.post("/account/sign-ins/end-others", name="accounts:end-others")
async def end_others(request: Request, person: CurrentPerson, engine: EngineDep) -> Response:
    """End all sign-ins but this one."""
    with session_of(engine, writes=True) as session:
        sign_ins.sign_out_everywhere(session, person.id, but=request.state.session)
    return _done("others")


@router.post("/account/tokens", name="accounts:make-token")
async def make_token(request: Request, person: CurrentPerson, engine: EngineDep, name: Annotated[str, Form()] = "") -> Response:
    """A token for a terminal, shown this once."""
    try:
        with session_of(engine, writes=True, learner_id=person.id) as session:
            token = account_page.new_token(session, person.id, name)
    except AppError as error:
        return _page(request, engine, person, error=error)
    return _page(request, engine, person, token=token)


@router.post("/account/tokens/{token_id}/revoke", name="accounts:revoke-token")
async def revoke_token(person: CurrentPerson, engine: EngineDep, token_id: Number) -> Response:
    """Let a token hold no longer."""
    with session_of(engine, writes=True) as session:
        account_page.revoke_token(session, person.id, token_id)
    return _done("revoked")


@router.get("/account/data", name="accounts:data")
async def data(person: CurrentPerson, engine: EngineDep) -> Response:
    """Everything that is stored about who asks, as one JSON file."""
    content = await anyio.to_thread.run_sync(_saved, engine, person.id)
    headers = {
        "content-disposition": f'attachment; filename="kubernetes-course-account-{utc_now():%Y-%m-%d}.json"',
        "cache-control": "no-store",
    }
    return Response(content, media_type="application/json", headers=headers)


@router.post("/account/delete", name="accounts:delete")
async def delete(
    request: Request,
    person: CurrentPerson,
    engine: EngineDep,
    actor: ActorDep,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Delete the account and all that was done with it. Whoever finds the browser open must know the password, where there is one."""
    try:
        stored = _stored_password(engine, person)
        if stored is not None and not await passwords.matches(password, stored):
            raise accounts.Invalid("The password is not right, so nothing was deleted.", help="Type it once more.")
        with session_of(engine, writes=True, learner_id=person.id) as session:
            accounts.remove(session, actor, person.id, email)
    except AppError as error:
        return _page(request, engine, person, error=error)
    response = RedirectResponse("/sign-in", 303)
    drop_session(request, response)
    return response


_TOLD = {
    "name": "Your name is changed.",
    "password": "Your password is changed. All other sign-ins of yours have ended; terminal tokens still hold.",
    "ended": "That sign-in has ended.",
    "others": "All other sign-ins have ended.",
    "revoked": "That token holds no longer.",
}


def _page(
    request: Request, engine: Engine, person: Person, *, told: str = "", token: str = "", error: GradingError | None = None
) -> Response:
    settings: Settings = request.app.state.settings
    with session_of(engine, writes=False) as session:
        mine = account_page.mine(session, person.id, request.state.session or "")
        name = accounts.name_of(session, person.id)
    page = render(
        request,
        "accounts/show.html",
        mine=mine,
        person=person,
        name=name,
        told=_TOLD.get(told, ""),
        token=token,
        error=error,
        url=settings.url,
        provider=settings.provider.name if settings.provider else None,
        shortest=passwords.SHORTEST,
        longest=passwords.LONGEST,
        longest_name=accounts.LONGEST_NAME,
        longest_token=account_page.LONGEST_TOKEN_NAME,
    )
    page.headers["cache-control"] = "no-store"
    if error is not None:
        page.status_code = error.status if isinstance(error, AppError) else 400
    if isinstance(error, TooOften):
        page.headers["retry-after"] = str(error.seconds)
    return page


def _done(what: str) -> Response:
    return RedirectResponse(f"/account?told={what}", 303)


# In a thread, with a session of its own: years of attempts take more than a moment.
def _saved(engine: Engine, learner_id: int) -> bytes:
    with session_of(engine, writes=False) as session:
        return account_data.save(session, learner_id)
