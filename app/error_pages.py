"""Errors -> answers: a page, a piece of one, or JSON, that says what happened, what we saw and what to do next."""

from __future__ import annotations

import logging
import re
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db import Unusable
from app.errors import SignInNeeded, TooOften, status_of
from app.services.request_log import already_told
from app.templating import render
from graders.errors import GradingError

_log = logging.getLogger("course")

_COHORT = re.compile(r"(?P<cohort>/cohorts/[0-9]+)(?:/(?P<page>due|learners/[0-9]+|[a-z]+)(?:/|$)|$)", re.ASCII)
_TITLES = {
    400: "That did not work",
    401: "Sign in first",
    403: "Refused",
    404: "There is no such page",
    405: "That cannot be done here",
    409: "It has changed meanwhile",
    413: "Too much at once",
    422: "That cannot be read",
    429: "Too often",
    503: "There is no cluster",
}


def install(app: FastAPI) -> None:
    """Make the app answer errors with pages."""

    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, GradingError)
        if isinstance(error, SignInNeeded) and wants_page(request):
            return RedirectResponse(f"/sign-in?next={quote(_here(request), safe='')}", 303)
        if isinstance(error, Unusable):
            return _database(request, error)
        response = answer(request, status_of(error), error.message, error.help)
        if isinstance(error, TooOften):
            response.headers["retry-after"] = str(error.seconds)
        return response

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return answer(request, 404, f"The course has nothing at {request.url.path}.", "The course map leads to all there is.")
        response = answer(request, error.status_code, str(error.detail), "")
        response.headers.update(error.headers or {})
        return response

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"] if step not in ("body", "query", "path"))
        return answer(request, 422, f"{where or 'The request'}: {first['msg']}.", "Go back, and fill it in again.")

    app.add_exception_handler(GradingError, told)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_middleware(_Broken)


class _Broken:
    """The innermost layer: what nobody has caught is logged, and answered with a page that carries the same headers as every other."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request. The error goes on, for whoever runs the app to see."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if scope["type"] == "http":
                # The route, not the path: that may hold what opens a door.
                _log.error("%s %s", scope["method"], getattr(scope.get("route"), "path", "?"), exc_info=error)
                already_told(error)
                if not begun:
                    await _apology(Request(scope, receive), error)(scope, receive, send)
            raise


def _apology(request: Request, error: Exception) -> Response:
    return answer(
        request,
        500,
        f"The course itself broke ({type(error).__name__}); this is no fault of yours.",
        "What was confirmed before is saved. Reload; if it happens again, please report it with "
        + ("the number below." if _number(request) else "what the terminal shows."),
    )


def _database(request: Request, error: Unusable) -> Response:
    """On a learner's own machine whoever reads it can mend it. In a classroom that is somebody else, who finds the rest in the log."""
    if not request.app.state.settings.classroom:
        return answer(request, error.status, error.message, error.help, error.title)
    if error.status >= 500:  # what was typed, which the others may quote, has no place in a log
        _log.error("%s", error.message)
    response = answer(request, error.status, error.public, error.advice, error.title)
    if error.status == 503:
        response.headers["retry-after"] = "5"
    return response


def _number(request: Request) -> str:
    """The request's id, under which the log of a classroom's server tells more; "" on a learner's own machine."""
    return str(getattr(request.state, "request_id", ""))


def wants_page(request: Request) -> bool:
    """Whether a person has asked for a whole page by its address, and not a script for a piece, a stream or data."""
    return (
        request.method == "GET"
        and "text/html" in request.headers.get("accept", "")
        and not request.url.path.startswith("/api/")
        and "hx-request" not in request.headers
    )


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def answer(request: Request, status: int, message: str, help: str, title: str = "") -> Response:
    """An error in the form that the request wants: JSON for programs, a piece of a page for htmx, a page for everybody else."""
    if request.url.path.startswith("/api/") or "application/json" in request.headers.get("accept", ""):
        number = _number(request)
        return JSONResponse({"error": message, "help": help, **({"request": number} if number else {})}, status)
    title = title or _title(request, status)
    facts = {"title": title, "message": message, "help": help, "number": _number(request), "back": _way_back(request)}
    response = render(request, "error.html", partial="_error.html", **facts)
    response.status_code = status
    return response


def _title(request: Request, status: int) -> str:
    if status == 404 and request.method != "GET":
        return "That did not work"  # it is about what was typed, or about somebody who is gone; the page is there
    if status == 404 and request.url.path.startswith(("/link/", "/join/")):
        return "This link leads nowhere"
    return _TITLES.get(status, "The course broke" if status >= 500 else "That did not work")


def _way_back(request: Request) -> str:
    """The page of a cohort on which a refused form stood; "" when there is none."""
    found = _COHORT.match(request.url.path) if request.method != "GET" else None
    if found is None:
        return ""
    page = found["page"] or "people"
    return f"{found['cohort']}/{page if page.startswith(('due', 'learners')) else 'people'}"
