"""Streams of server-sent events: how they are sent, to how many pages, and for how long somebody may read on."""

from __future__ import annotations

import time
from typing import Final

from anyio import to_thread
from fastapi import Request
from sqlalchemy import Engine

from app.db import session_of
from app.deps import Learner
from app.errors import TooOften
from app.services import sign_ins
from app.services.sign_ins import Person
from graders.errors import GradingError

MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}  # nothing that stands in between may gather what is told
LOOK_AGAIN: Final = 60.0  # seconds
_MOST: Final = 20  # of one kind that one learner may read at once, as many as anybody has pages in front


def check_streams(learner: Learner, readers: int) -> None:
    """Let nobody in a classroom, who has `readers` streams already, hold more connections than pages. Raises TooOften."""
    if learner.person is not None and readers >= _MOST:
        raise TooOften("You have very many pages open.", seconds=30, help="Close some of them; the others go on.")


class Admission:
    """Whether whoever reads a stream may do so still. It outlasts the request that was let in: the sign-in may end meanwhile, or the
    learner be given another namespace. On a learner's own machine it always holds."""

    def __init__(self, request: Request) -> None:
        self._engine: Engine = request.app.state.engine
        self._secret: str | None = request.state.session
        self._person: Person | None = request.state.learner.person
        self._asked = time.monotonic()

    async def holds(self) -> bool:
        """So it was a minute ago at most."""
        if self._secret is None or time.monotonic() - self._asked < LOOK_AGAIN:
            return True
        self._asked = time.monotonic()
        return await to_thread.run_sync(self._is_there, self._secret)

    def _is_there(self, secret: str) -> bool:
        try:
            with session_of(self._engine, writes=False) as session:
                found = sign_ins.signed_in(session, secret)
        except GradingError:  # the database is away: nobody is sent away for that
            return True
        return found is not None and self._person is not None and found[0].namespace == self._person.namespace
