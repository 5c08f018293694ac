"""Templates -> pages. Everything is escaped but what is marked as safe where it is made; an unknown variable is an error."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from app.security import csrf_token
from app.services.content import course_folder
from graders.render.text import sign
from graders.verdict import Status

_THEMES = ("light", "dark")


def _environment() -> Environment:
    from pathlib import Path

    made = Environment(
        loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(static=static, mark=_mark)
    made.filters.update(minutes=minutes, moment=_moment, plain=_plain)
    return made


@lru_cache(maxsize=64)
def static(name: str) -> str:
    """The address of a file of `static/`, which changes when the file does, so that browsers may keep it for ever."""
    digest = hashlib.sha256((course_folder("static") / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def minutes(value: int) -> str:
    """`45 min`, `9 h 45 min`."""
    hours, rest = divmod(value, 60)
    return f"{rest} min" if not hours else f"{hours} h {rest:02} min" if rest else f"{hours} h"


def _mark(status: str) -> str:
    """The sign of a status, the same as in the terminal."""
    return sign(Status(status))


def _moment(value: datetime) -> Markup:
    """A time as a `<time>` element, in the reader's own zone once the page's script has seen it."""
    return Markup('<time datetime="{}">{} UTC</time>').format(value.isoformat(timespec="seconds"), value.strftime("%-d %b %Y, %H:%M"))


def _plain(text: str) -> Markup:
    """Text of ours with `code` in backticks."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 and index < len(pieces) - 1 else piece for index, piece in enumerate(pieces)
    )


_TEMPLATES = _environment()
_MOST_KEPT = 64
_KEPT: OrderedDict[Hashable, tuple[Hashable, bytes]] = OrderedDict()
# What stands in kept pages for the values that each answer has anew; nobody can know it.
_TOKEN, _NONCE = secrets.token_hex(32), secrets.token_hex(16)


def compile_all() -> None:
    """Make all templates ready, which otherwise happens when each is first used: half a second in all."""
    for name in _TEMPLATES.list_templates():
        _TEMPLATES.get_template(name)


def piece(template: str, facts: Mapping[str, Any]) -> str:
    """A part of a page by itself, for no visitor in particular."""
    return _TEMPLATES.get_template(template).render(facts)


def render(request: Request, page: str, *, partial: str | None = None, **context: Any) -> HTMLResponse:
    """A page; or, when htmx asks for it, only the `partial` of it that holds what has changed."""
    wants_partial = (
        partial is not None and request.headers.get("hx-request") == "true" and request.headers.get("hx-history-restore-request") != "true"
    )
    template = partial if wants_partial and partial else page
    token = csrf_token(request.app.state.secret, request.state.visitor)
    html = _rendered(request, template, csrf=token, nonce=request.state.nonce, **context)
    return _answer(html.encode(), "no-store" if wants_partial else "no-cache")


def render_kept(request: Request, page: str, key: tuple[Hashable, ...], facts: Callable[[], Mapping[str, Any]]) -> HTMLResponse:
    """A page that depends on its address, on `key` and on the database alone: made again only when something has changed there.

    `facts` gives what its template needs. The visitor's token and the answer's nonce are put in each time.
    """
    freshness = request.app.state.freshness
    whole_key = (freshness, page, request.url.path, _theme(request), key)
    stamp = freshness.stamp()  # before the facts are read: a change in between makes it stale, never kept too long
    kept = _KEPT.get(whole_key)
    if kept is None or kept[0] != stamp:
        kept = stamp, _rendered(request, page, csrf=_TOKEN, nonce=_NONCE, **facts()).encode()
        _KEPT[whole_key] = kept
        while len(_KEPT) > _MOST_KEPT:
            _KEPT.popitem(last=False)
    _KEPT.move_to_end(whole_key)
    token = csrf_token(request.app.state.secret, request.state.visitor)
    body = kept[1].replace(_TOKEN.encode(), token.encode()).replace(_NONCE.encode(), request.state.nonce.encode())
    return _answer(body, "no-cache")


def _rendered(request: Request, template: str, **context: Any) -> str:
    learner = getattr(request.state, "learner", None)
    return _TEMPLATES.get_template(template).render(
        request=request,
        path=request.url.path,
        theme=_theme(request),
        classroom=request.app.state.settings.classroom,
        me=learner.person if learner else None,
        **context,
    )


def _theme(request: Request) -> str:
    theme = request.cookies.get("course_theme", "")
    return theme if theme in _THEMES else ""


def _answer(body: bytes, cache_control: str) -> HTMLResponse:
    return HTMLResponse(body, headers={"vary": "HX-Request, Cookie", "cache-control": cache_control})
