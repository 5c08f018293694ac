"""The door of a classroom: signing in and out, links to join, links that set a password, and the OpenID provider."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from sqlalchemy import Engine
from sqlmodel import Session
from starlette.responses import RedirectResponse, Response

from app.config import Settings
from app.db import session_of
from app.deps import EngineDep, SettingsDep, address_of
from app.errors import AppError, Conflict, NotFound, TooOften
from app.models import Account, Cohort, JoinLink, Membership, Role
from app.security import drop_session, keep_session, safe_target
from app.services import accounts, identities, join_links, one_time_links, passwords, sign_ins, signing_in, throttle
from app.services.open_id import LASTS, Declined, Journey, OpenId
from app.services.signing_in import Admitted, Knock
from app.templating import render
from graders.errors import GradingError

router = APIRouter()
_KNOWN, _JOURNEY = "course_known", "course_openid"
_JOIN = re.compile(r"/join/([^/?]{1,100})")
_PLAIN_ERROR = 400
_LONGEST_TARGET = 1_000  # characters, of what has to fit into a cookie


@router.get("/sign-in", name="accounts:sign-in-form")
async def show_sign_in(request: Request, next: str = "/") -> Response:
    """The form; who is signed in already goes on."""
    if request.state.learner is not None:
        return RedirectResponse(safe_target(next), 303)
    return _sign_in_page(request, next)


@router.post("/sign-in", name="accounts:sign-in")
async def sign_in(
    request: Request,
    engine: EngineDep,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Sign in with a password."""
    knock = Knock(email, password, address_of(request), _agent(request), _cookie(request, _KNOWN), request.state.session)
    try:
        admitted = await signing_in.let_in(engine, request.app.state.secret, knock)
    except (signing_in.NotLetIn, TooOften) as error:
        return _sign_in_page(request, next, email=email, error=error)
    return _admitted(request, admitted, next)


@router.post("/sign-out", name="accounts:sign-out")
async def sign_out(request: Request, engine: EngineDep) -> Response:
    """End this browser's sign-in, here and on the server."""
    with session_of(engine, writes=True) as session:
        sign_ins.sign_out(session, request.state.session or "")
    response = RedirectResponse("/sign-in", 303)
    drop_session(request, response)
    return response


@router.get("/link/{secret}", name="accounts:one-time-form")
async def show_link(request: Request, engine: EngineDep, secret: str) -> Response:
    """What the link is for, and the form. Looking does not use it up: programs that scan mail look at every link."""
    with session_of(engine, writes=False) as session:
        held = one_time_links.held_by(session, secret)
    return _private(render(request, "accounts/link.html", held=held, error=None, email="", name="", **_limits()))


@router.post("/link/{secret}", name="accounts:one-time")
async def use_link(
    request: Request,
    engine: EngineDep,
    secret: str,
    password: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
) -> Response:
    """Set the password, use the link up, and sign in."""
    with session_of(engine, writes=True) as session:
        held = one_time_links.held_by(session, secret)
        throttle.check(session, "one-time link", secret, 30, signing_in.WINDOW)
    try:
        if held.learner_id is None:
            email, name = accounts.clean_email(email), accounts.clean_name(name)
        await _refuse_weak(password, held.email or email, held.name or name)
    except AppError as error:
        page = render(request, "accounts/link.html", held=held, error=error, email=email, name=name, **_limits())
        return _refused(page, error)
    hashed = await passwords.hashed(password)
    with session_of(engine, writes=True, learner_id=held.learner_id or 0) as session:
        learner_id = one_time_links.use(session, secret, hashed, address=address_of(request), email=email, name=name)
        admitted = _admit(request, session, learner_id)
        account = session.get_one(Account, learner_id)
        home = "/people" if held.learner_id is None else "/cohorts" if account.role == Role.INSTRUCTOR else "/"
    return _admitted(request, admitted, home)


@router.get("/join/{code}", name="accounts:join-form")
async def show_join(request: Request, engine: EngineDep, code: str) -> Response:
    """The cohort that the link leads to, and how to be in it."""
    return _join_page(request, engine, code)


@router.post("/join/{code}", name="accounts:join")
async def join(
    request: Request,
    engine: EngineDep,
    code: str,
    password: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
) -> Response:
    """Be in the cohort: as who is signed in, or as somebody new."""
    key = request.app.state.secret
    if request.state.learner is not None:
        learner_id = request.state.learner.id
        with session_of(engine, writes=True, learner_id=learner_id) as session:
            join_links.join(session, _join_link(session, key, code), learner_id, address=address_of(request))
        return RedirectResponse("/", 303)
    where = throttle.network_of(address_of(request))
    with session_of(engine, writes=True) as session:
        _join_link(session, key, code)
        throttle.check(session, "join", where, 3_000, 3600)  # a lecture hall behind one address, some of whom slip
    try:
        email, name = accounts.clean_email(email), accounts.clean_name(name)
        await _refuse_weak(password, email, name)
        hashed = await passwords.hashed(password)
        with session_of(engine, writes=True) as session:
            account = accounts.make(session, email, name, password=hashed)
            join_links.join(session, _join_link(session, key, code), account.learner_id, address=address_of(request))
            admitted = _admit(request, session, account.learner_id)
    except (accounts.Invalid, Conflict) as error:
        with session_of(engine, writes=True) as session:
            throttle.check(session, "join, refused", where, 200, 3600)  # each may ask whether an address has an account
        return _join_page(request, engine, code, email=email, name=name, error=error)
    return _admitted(request, admitted, "/")


@router.get("/sign-in/openid", name="accounts:open-id")
async def go_to_provider(request: Request, settings: SettingsDep, next: str = "/") -> Response:
    """Go and sign in at the provider."""
    target = safe_target(next)
    journey = Journey.begin(target if len(target) <= _LONGEST_TARGET else "/")
    try:
        address = await _open_id(request).address(journey)
    except AppError as error:
        return _sign_in_page(request, next, error=error)
    response = RedirectResponse(address, 303)
    _keep(response, settings, _JOURNEY, journey.packed(request.app.state.secret), LASTS)
    return response


@router.get("/sign-in/openid/back", name="accounts:open-id-back")
async def come_back(
    request: Request, engine: EngineDep, settings: SettingsDep, state: str = "", code: str = "", error: str = "", iss: str | None = None
) -> Response:
    """Come back from the provider, and be let in."""
    key = request.app.state.secret
    where = throttle.network_of(address_of(request))
    journey = Journey.unpacked(key, _cookie(request, _JOURNEY))
    target = journey.target if journey else "/"
    try:
        provider = _open_id(request)
        if journey is None or not journey.fits(state):
            raise Declined("This answer of the provider does not belong to a sign-in that was begun here.", help="Begin anew, below.")
        if error or not code:
            raise Declined("You were not signed in at the provider.", help="Begin anew, below, or sign in with your password.")
        with session_of(engine, writes=True) as session:
            throttle.check(session, "back from provider", where, 100, signing_in.WINDOW)
        identity = await provider.identity(journey, code, iss)
        with session_of(engine, writes=True) as session:
            throttle.refund(session, "back from provider", where)
            account = identities.account_of(session, identity, invited=_is_invited(session, key, target), address=address_of(request))
            admitted = _admit(request, session, account.learner_id)
        response = _admitted(request, admitted, target)
    except AppError as refused:
        response = _sign_in_page(request, target, error=refused)
    response.delete_cookie(_name(settings, _JOURNEY), httponly=True, secure=settings.secure, samesite="lax")
    return response


def _sign_in_page(request: Request, next: str, *, email: str = "", error: GradingError | None = None) -> Response:
    settings: Settings = request.app.state.settings
    target = safe_target(next)
    provider = settings.provider.name if settings.provider else None
    page = render(request, "accounts/sign_in.html", target=target, email=email[:254], error=error, provider=provider)
    return _refused(page, error) if error else _private(page)


def _join_page(request: Request, engine: Engine, code: str, *, email: str = "", name: str = "", error: AppError | None = None) -> Response:
    settings: Settings = request.app.state.settings
    learner = request.state.learner
    with session_of(engine, writes=False) as session:
        link = _join_link(session, request.app.state.secret, code)
        cohort = session.get(Cohort, link.cohort_id)
        assert cohort is not None
        there = learner is not None and session.get(Membership, (link.cohort_id, learner.id)) is not None
    provider = settings.provider.name if settings.provider else None
    facts: dict[str, Any] = {"code": code, "cohort": cohort.name, "there": there, "provider": provider, "email": email, "name": name}
    page = render(request, "accounts/join.html", error=error, **facts, **_limits())
    return _refused(page, error) if error else _private(page)


def _join_link(session: Session, key: bytes, code: str) -> JoinLink:
    link = join_links.find(session, key, code)
    if link is None:
        raise NotFound("This link to join does not hold, or no longer.", help="Ask your instructor for the present one.")
    return link


def _is_invited(session: Session, key: bytes, target: str) -> bool:
    found = _JOIN.fullmatch(target)
    return found is not None and join_links.find(session, key, found[1]) is not None


async def _refuse_weak(password: str, email: str, name: str) -> None:
    wrong = await passwords.wrong_with(password, email=email, name=name)
    if wrong is not None:
        raise accounts.Invalid(wrong)


def _limits() -> dict[str, Any]:
    return {"shortest": passwords.SHORTEST, "longest": passwords.LONGEST, "longest_name": accounts.LONGEST_NAME}


def _open_id(request: Request) -> OpenId:
    settings: Settings = request.app.state.settings
    if settings.provider is None:
        raise Declined("There is no other place to sign in at here.", help="Sign in with your address and password.")
    made = getattr(request.app.state, "open_id", None)
    if made is None:
        provider = settings.provider
        back = f"{settings.url}{request.app.url_path_for('accounts:open-id-back')}"
        made = request.app.state.open_id = OpenId(provider.issuer, provider.client_id, provider.client_secret, back)
    assert isinstance(made, OpenId)
    return made


def _admit(request: Request, session: Session, learner_id: int) -> Admitted:
    return signing_in.admit(session, request.app.state.secret, learner_id, agent=_agent(request), before=request.state.session)


def _admitted(request: Request, admitted: Admitted, target: str) -> Response:
    response = RedirectResponse(safe_target(target), 303, headers={"cache-control": "no-store"})
    keep_session(request, response, admitted.secret)
    _keep(response, request.app.state.settings, _KNOWN, admitted.known, 365 * 24 * 3600)
    return response


def _refused(page: Response, error: GradingError) -> Response:
    page.status_code = error.status if isinstance(error, AppError) else _PLAIN_ERROR
    if isinstance(error, TooOften):
        page.headers["retry-after"] = str(error.seconds)
    return _private(page)


def _private(page: Response) -> Response:
    """A page that no cache may keep, and no search engine."""
    page.headers["cache-control"] = "no-store"
    page.headers["x-robots-tag"] = "noindex"
    return page


def _name(settings: Settings, name: str) -> str:
    return f"__Host-{name}" if settings.secure else name


def _cookie(request: Request, name: str) -> str:
    return request.cookies.get(_name(request.app.state.settings, name), "")


def _keep(response: Response, settings: Settings, name: str, value: str, seconds: int) -> None:
    response.set_cookie(_name(settings, name), value, max_age=seconds, httponly=True, secure=settings.secure, samesite="lax")


def _agent(request: Request) -> str:
    return "".join(each for each in request.headers.get("user-agent", "")[:1000] if each.isprintable())
