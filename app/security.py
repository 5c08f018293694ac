"""What guards the app at its door: who may speak to it, what a page may do, and which forms are its own.

A page of another site can make a browser send requests to 127.0.0.1, under that name or, by DNS rebinding, under its own. So a request's
`Host` must be ours, and one that changes something must come from a page of ours (`Origin`, `Sec-Fetch-Site`) and carry the token that only
such a page knows. See https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Final

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config import Settings
from app.errors import Forbidden

COOKIE: Final = "course_visitor"
FIELD: Final = "csrf_token"
HEADER: Final = "x-csrf-token"
MAX_BODY: Final = 8 * 1024 * 1024  # bytes; a workspace has far less
MAX_IMPORT: Final = 64 * 1024 * 1024  # and what somebody brings of years of progress, less than that
_IMPORT: Final = "/progress/import"
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_VISITOR: Final = re.compile(r"[A-Za-z0-9_-]{20,64}")

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def _policy(nonce: str) -> str:
    """The Content-Security-Policy: nothing but our own files, and the editor's styles, which carry the nonce."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


class Guard:
    """The outermost ASGI layer. A request gets `request.state.visitor` (a random name, kept in a cookie) and `request.state.nonce`."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._hosts = settings.hosts
        self._origins = settings.origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = MAX_IMPORT if scope["path"] == _IMPORT else MAX_BODY
        refusal = self._refusal(scope["method"], headers, most)
        nonce = secrets.token_urlsafe(12)
        visitor = _visitor(headers)
        new = visitor is None
        visitor = visitor or secrets.token_urlsafe(24)
        scope.setdefault("state", {}).update(visitor=visitor, nonce=nonce)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer[name] = value
                answer["content-security-policy"] = _policy(nonce)
                if new and not scope["path"].startswith("/static/"):
                    answer.append("set-cookie", f"{COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000")
            await send(message)

        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, _Limited(receive, most), guarded)

    def _refusal(self, method: str, headers: Headers, most: int) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if host.lower() not in self._hosts:
            known = ", ".join(sorted(self._hosts))
            return PlainTextResponse(f"This is the course on {known}; it does not answer to the name {host[:100]!r}.\n", 421)
        if method in _SAFE:
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        if (origin is not None and origin.lower() not in self._origins) or site not in ("same-origin", "none"):
            return PlainTextResponse("Refused: this request comes from a page of another site.\n", 403)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > most:
            words = f"Refused: more than {most // 1024 // 1024} MB at once.\n"
            return PlainTextResponse(words, 413, headers={"connection": "close"})
        return None


class _Limited:
    """A request's body, which ends with an error after `most` bytes, whatever its headers promised."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = self._left = most

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                # Of all errors FastAPI passes on only these from where it reads a body.
                raise HTTPException(413, f"More than {self._most // 1024 // 1024} MB at once.")
        return message


def _visitor(headers: Headers) -> str | None:
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return held.value if held is not None and _VISITOR.fullmatch(held.value) else None


def csrf_token(secret: bytes, visitor: str) -> str:
    """The token of one visitor's forms."""
    return hmac.new(secret, visitor.encode(), hashlib.sha256).hexdigest()


async def check_csrf(request: Request) -> None:
    """A dependency of every route: what changes something carries its visitor's token, as a header or a field. Raises Forbidden."""
    if request.method in _SAFE:
        return
    given = request.headers.get(HEADER)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given is None and kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        field = (await request.form()).get(FIELD)
        given = field if isinstance(field, str) else None
    wanted = csrf_token(request.app.state.secret, request.state.visitor)
    if given is None or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise Forbidden(
            "The page that sent this is older than the course's present run, or cookies are off.",
            help="Nothing was changed. Reload the page, and do it again; what you typed is still there when you go back.",
        )
