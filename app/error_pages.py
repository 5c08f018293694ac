"""Errors -> answers: a page, a piece of one, or JSON, that says what happened, what we saw and what to do next."""

from __future__ import annotations

import logging
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.errors import SignInNeeded, TooOften, status_of
from app.templating import render
from graders.errors import GradingError

_log = logging.getLogger("course")

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

    async def broken(request: Request, error: Exception) -> Response:
        _log.error("%s %s", request.method, request.url.path, exc_info=error)
        return answer(
            request,
            500,
            f"The course itself broke ({type(error).__name__}); this is no fault of yours.",
            "What was confirmed before is saved. Reload; if it happens again, please report it with what the terminal shows.",
        )

    app.add_exception_handler(GradingError, told)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, broken)


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


def answer(request: Request, status: int, message: str, help: str) -> Response:
    """An error in the form that the request wants: JSON for programs, a piece of a page for htmx, a page for everybody else."""
    if request.url.path.startswith("/api/") or "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"error": message, "help": help}, status)
    title = _TITLES.get(status, "The course broke" if status >= 500 else "That did not work")
    response = render(request, "error.html", partial="_error.html", title=title, message=message, help=help)
    response.status_code = status
    return response
