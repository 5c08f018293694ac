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
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config import Settings
from app.errors import Forbidden

COOKIE: Final = "course_visitor"
_SESSION: Final = "course_session"
_PROBES: Final = ("/healthz", "/readyz")
"""What asks these knows the server by its address in the cluster, not by its name."""
FIELD: Final = "csrf_token"
HEADER: Final = "x-csrf-token"
MAX_BODY: Final = 8 * 1024 * 1024  # bytes; a workspace has far less
MAX_IMPORT: Final = 64 * 1024 * 1024  # and what somebody brings of years of progress, less than that
_IMPORT: Final = "/progress/import"
_MAX_OF_NOBODY: Final = 64 * 1024  # what a form holds that is sent before signing in; forms are read before it is asked who sends them
_TERMINALS: Final = "/api/"  # which read a body only once they know whose it is
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")
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
    """The outermost ASGI layer.

    A request gets `request.state.visitor` (a random name, kept in a cookie), `request.state.nonce`, and in a classroom
    `request.state.session`, the secret of its sign-in, None without one; that is the visitor's name then.
    """

    def __init__(self, app: ASGIApp, settings: Settings, secret: bytes) -> None:
        self._app = app
        self._settings = settings
        self._secret = secret
        self._hosts = settings.hosts
        self._origins = settings.origins
        self._more = _HEADERS | ({"strict-transport-security": "max-age=31536000"} if settings.secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        nonce = secrets.token_urlsafe(12)
        session = read_session(self._settings, self._secret, headers) if self._settings.classroom else None
        most = self._most(scope["path"], session)
        refusal = self._refusal(scope, headers, most)
        visitor = session or _visitor(headers)
        new = visitor is None
        visitor = visitor or secrets.token_urlsafe(24)
        scope.setdefault("state", {}).update(visitor=visitor, nonce=nonce, session=session)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in self._more.items():
                    answer[name] = value
                answer["content-security-policy"] = _policy(nonce)
                if new and not scope["path"].startswith("/static/"):
                    secure = "; Secure" if self._settings.secure else ""
                    answer.append("set-cookie", f"{COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{secure}")
            await send(message)

        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, _Limited(receive, most), guarded)

    def _most(self, path: str, session: str | None) -> int:
        if not self._settings.classroom:
            return MAX_IMPORT if path == _IMPORT else MAX_BODY
        return MAX_BODY if session is not None or path.startswith(_TERMINALS) else _MAX_OF_NOBODY

    def _refusal(self, scope: Scope, headers: Headers, most: int) -> PlainTextResponse | None:
        method, host = scope["method"], headers.get("host", "")
        if host.lower() not in self._hosts and not (self._settings.classroom and scope["path"] in _PROBES):
            known = ", ".join(sorted(self._hosts))
            return PlainTextResponse(f"This is the course on {known}; it does not answer to the name {host[:100]!r}.\n", 421)
        if method in _SAFE:
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        if (origin is not None and origin.lower() not in self._origins) or site not in ("same-origin", "none"):
            return PlainTextResponse("Refused: this request comes from a page of another site.\n", 403)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > most:
            return PlainTextResponse(f"Refused: more than {_in_words(most)} at once.\n", 413, headers={"connection": "close"})
        kind = headers.get("content-type", "").lower()
        if "multipart" in kind and "charset" in kind:  # no browser names one, and some (punycode) take minutes to read
            return PlainTextResponse("Refused: forms are in UTF-8, without a word on it.\n", 415, headers={"connection": "close"})
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
                raise HTTPException(413, f"More than {_in_words(self._most)} at once.")
        return message


def _in_words(size: int) -> str:
    return f"{size // 1024 // 1024} MB" if size >= 1024 * 1024 else f"{size // 1024} KB"


def _visitor(headers: Headers) -> str | None:
    held = _cookie(headers, COOKIE)
    return held if held is not None and _VISITOR.fullmatch(held) else None


def _cookie(headers: Headers, name: str) -> str | None:
    # As browsers send them, a neighbour's beside ours: for one that is not as it should be, http.cookies gives up all of them.
    return cookie_parser(headers.get("cookie", "")).get(name)


def session_cookie(settings: Settings) -> str:
    """The name of the cookie of who is signed in. Over TLS browsers see to it that only this host can set it
    (https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes)."""
    return f"__Host-{_SESSION}" if settings.secure else _SESSION


def read_session(settings: Settings, secret: bytes, headers: Headers) -> str | None:
    """The secret of a sign-in from its cookie, if the cookie is one that we have signed."""
    value, _, signature = (_cookie(headers, session_cookie(settings)) or "").partition(".")
    if not _VISITOR.fullmatch(value) or not hmac.compare_digest(signature.encode(), _signature(secret, value).encode()):
        return None
    return value


def keep_session(request: Request, response: Response, session: str) -> None:
    """Let the browser keep its sign-in. `Lax`: a link from elsewhere leads to the page, not to the door."""
    settings: Settings = request.app.state.settings
    response.set_cookie(
        session_cookie(settings),
        f"{session}.{_signature(request.app.state.secret, session)}",
        max_age=60 * 24 * 3600,
        httponly=True,
        secure=settings.secure,
        samesite="lax",
    )


def drop_session(request: Request, response: Response) -> None:
    """Let the browser forget it."""
    settings: Settings = request.app.state.settings
    response.delete_cookie(session_cookie(settings), httponly=True, secure=settings.secure, samesite="lax")


def _signature(secret: bytes, session: str) -> str:
    return hmac.new(secret, b"session:" + session.encode(), hashlib.sha256).hexdigest()


def safe_target(address: str) -> str:
    """Where a form leads back to: a path of ours; the course map for anything else."""
    try:
        parts = urlsplit(address.replace("\\", "/"))
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or parts.path.startswith("//") or _CONTROL.search(address):
        return "/"
    return parts.path + (f"?{parts.query}" if parts.query else "")


def is_for_terminals(request: Request) -> bool:
    """Whether the route takes a terminal's token, and never a cookie."""
    return str(getattr(request.scope.get("route"), "name", "")).startswith("terminal:")


def csrf_token(secret: bytes, visitor: str) -> str:
    """The token of one visitor's forms."""
    return hmac.new(secret, visitor.encode(), hashlib.sha256).hexdigest()


async def check_csrf(request: Request) -> None:
    """A dependency of every route: what changes something carries its visitor's token, as a header or a field. Raises Forbidden.

    What a terminal sends carries a token of another kind in a header that no page can make a browser send.
    """
    if request.method in _SAFE or is_for_terminals(request):
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
