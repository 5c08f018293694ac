"""The outermost layer of a classroom's app: gives each request an id, times and counts it, and writes it down."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services import request_log
from app.services.metrics import Metrics

_log = logging.getLogger("course")
_HEADER: Final = b"x-request-id"
_FORWARDED: Final = b"x-forwarded-for"
_STREAM: Final = b"text/event-stream"
_PROBES: Final = ("/healthz", "/readyz")
_SUBMIT: Final = "terminal:submit"


class Observer:
    """An ASGI layer around all others. Of who asks it writes down their number alone; no address, no query, no body."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._told_of_proxy = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request as the app does, with its id in a header."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _HEADER), None)
        found = request_log.request_id(given.decode("latin-1") if given is not None else None)
        scope.setdefault("state", {})["request_id"] = found
        self._look_for_proxy(scope)
        token = request_log.REQUEST_ID.set(found)
        begun = time.perf_counter()
        status, stream = 0, False

        async def observed(message: Message) -> None:
            nonlocal status, stream
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = found
                if headers.get("content-type", "").encode().startswith(_STREAM):
                    stream = True
                    self._metrics.streams.inc()
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            if stream:
                self._metrics.streams.dec()
            self._note(scope, status or 499, time.perf_counter() - begun, stream)
            request_log.REQUEST_ID.reset(token)

    def _look_for_proxy(self, scope: Scope) -> None:
        """Say once that a proxy's word on who calls is not taken: then all that come through it are one address, and share its limits."""
        if self._told_of_proxy or scope["client"] is None:
            return
        told = [each.strip() for name, value in scope["headers"] if name == _FORWARDED for each in value.decode("latin-1").split(",")]
        if told and scope["client"][0] not in told:  # where it is taken, the client has one of these addresses
            self._told_of_proxy = True
            _log.warning(
                "Requests come with X-Forwarded-For from an address that COURSE_TRUSTED_PROXIES does not name. If that is your proxy, name"
                " it: until then everybody behind it counts as one address, and they share the limits on guessing passwords."
            )

    def _note(self, scope: Scope, status: int, seconds: float, stream: bool) -> None:
        route = route_of(scope)
        self._metrics.answered(scope["method"], route, status, None if stream else seconds)
        if getattr(scope.get("route"), "name", "") == _SUBMIT:
            self._metrics.submitted(status)
        if scope["path"] in _PROBES and status < 400:
            return
        learner = scope["state"].get("learner")
        facts: dict[str, Any] = {"method": scope["method"][:16], "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        if learner is not None:
            facts["learner"] = learner.id
        if stream:
            facts["stream"] = True
        request_log.note_request(**facts)


def route_of(scope: Scope) -> str:
    """The route as it is declared, `/lessons/{lesson_id}`: what was asked for would be a series of its own for each address."""
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return path
    return "/static" if scope["path"].startswith("/static/") else "none"
