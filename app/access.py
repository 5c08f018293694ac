"""Who may ask for what: in a classroom everything is for those who have signed in, but for what stands here.

On a learner's own machine there is one learner, and nobody else can ask.
"""

from __future__ import annotations

from typing import Final

from fastapi import Request

from app.db import session_of
from app.deps import Learner
from app.errors import Forbidden, SignInNeeded
from app.security import is_for_terminals
from app.services import sign_ins
from app.services.sign_ins import Person

PUBLIC: Final = frozenset(
    {
        "course:theme",
        "health:alive",
        "health:ready",
        "accounts:sign-in",
        "accounts:sign-in-form",
        "accounts:open-id",
        "accounts:open-id-back",
        "accounts:join",
        "accounts:join-form",
        "accounts:one-time",
        "accounts:one-time-form",
    }
)
"""The names of the routes that anybody may ask for."""

LOCAL: Final = {
    "transfer:import": "What you have done elsewhere is not taken on trust here: grade it again, with grade --submit.",
    "live:choose": "In a classroom your instructor decides which cluster and namespace are read.",
    "live:start": "A practice cluster runs on your own machine: course cluster up starts it there.",
}
"""The names of the routes that are for a learner's own machine only, and what to do instead."""


async def check_access(request: Request) -> None:
    """A dependency of every route: puts who asks into `request.state.learner`. Raises SignInNeeded, Forbidden."""
    state = request.app.state
    if not state.settings.classroom:
        request.state.learner = state.learner
        return
    name = getattr(request.scope.get("route"), "name", "")
    if name.startswith("health:"):  # a database that is away is not the sign-in's to tell
        request.state.learner = None
        return
    person = _of_terminal(request) if is_for_terminals(request) else _of_browser(request)
    request.state.learner = Learner(person.id, person.namespace or state.settings.namespace, person) if person else None
    if person is None and name not in PUBLIC:
        raise SignInNeeded("This is for those who have signed in.", help="Sign in, or ask your instructor for a link to join.")
    if name in LOCAL:
        raise Forbidden("That cannot be done in a classroom.", help=LOCAL[name])


def _of_terminal(request: Request) -> Person | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > 200:
        return None
    with session_of(request.app.state.engine, writes=False) as session:
        return sign_ins.holder_of(session, token.strip())


def _of_browser(request: Request) -> Person | None:
    secret = request.state.session
    if secret is None:
        return None
    with session_of(request.app.state.engine, writes=False) as session:
        found = sign_ins.signed_in(session, secret)
    if found is None:
        return None
    person, made = found
    if sign_ins.use_is_due(made):
        with session_of(request.app.state.engine, writes=True) as session:
            sign_ins.note_use(session, made)
    return person
