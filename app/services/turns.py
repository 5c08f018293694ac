"""Whose turn it is to have files judged. That takes the processor, which is the whole class's: half a second for a megabyte.

A learner's files are judged one request at a time, and so many times a minute as nobody reaches by typing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from sqlmodel import Session

from app.errors import TooOften
from app.services import throttle

A_MINUTE: Final = 240
"""So many times a minute the files of one account are judged; the editor asks a quarter of a second after each pause."""
LARGE: Final = 256 * 1024
LARGE_A_MINUTE: Final = 10
"""A file of more characters than LARGE is judged so many times a minute; the course's own have less than ten thousand."""
_WINDOW: Final = 60  # seconds
_MOST_WAITING: Final = 30
_LIMITERS: RunVar[WeakValueDictionary[int, CapacityLimiter]] = RunVar("turns")  # for each event loop, as those who wait are its own


def seconds_left(session: Session, learner_id: int, size: int) -> int:
    """Count one judgement of an account, after a file of `size` characters was changed; gives the seconds until it may be, 0 for now."""
    left = throttle.count(session, "judged", str(learner_id), A_MINUTE, _WINDOW)
    if size > LARGE:
        left = max(left, throttle.count(session, "large file judged", str(learner_id), LARGE_A_MINUTE, _WINDOW))
    return left


@asynccontextmanager
async def turn(learner_id: int) -> AsyncIterator[None]:
    """Wait until nothing else of that learner is being judged by this process. Raises TooOften when too much of theirs waits already."""
    try:
        limiters = _LIMITERS.get()
    except LookupError:
        limiters = WeakValueDictionary()
        _LIMITERS.set(limiters)
    limiter = limiters.get(learner_id)
    if limiter is None:
        limiter = limiters[learner_id] = CapacityLimiter(1)
    if limiter.statistics().tasks_waiting >= _MOST_WAITING:
        raise TooOften("Much of yours is being judged already.", seconds=1, help="Wait for that, and reload the page.")
    async with limiter:
        yield
