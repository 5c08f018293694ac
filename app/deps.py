"""What a route may ask for. A signature of these reads as a sentence, and tests replace them here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Request
from sqlalchemy import Engine
from sqlmodel import Session

from app.db import session_of
from app.errors import NotFound
from app.services.lesson_texts import Course
from app.services.search import SearchIndex
from graders.errors import UsageError
from graders.lessons import LESSONS, Entry
from graders.terminal.names import find_lesson

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Learner:
    """Who asks."""

    id: int
    namespace: str


# All that a route may ask for is `async`, so that it runs on the event loop, as the routes do: a read of a local file takes less time than
# a change of threads, and a pool of sessions that threads and the loop share can starve the loop.
def of_app(name: str, kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """A dependency: what the app keeps under that name in its state."""

    async def held(request: Request) -> T:
        found = getattr(request.app.state, name)
        assert isinstance(found, kind)
        return found

    return held


async def get_session(request: Request) -> AsyncIterator[Session]:
    """One transaction, committed before the answer leaves. Raises GradingError when the database cannot be used."""
    with session_of(request.app.state.engine, writes=request.method not in ("GET", "HEAD")) as session:
        yield session


async def wanted_lesson(lesson_id: Annotated[str, Path(json_schema_extra={"enum": [entry.id for entry in LESSONS]})]) -> Entry:
    """The lesson that the address names. Raises NotFound, with the nearest one for a slip."""
    for entry in LESSONS:
        if entry.id == lesson_id:
            return entry
    try:
        nearest = find_lesson(lesson_id)
    except UsageError as error:
        raise NotFound(error.message, help="The course map lists the lessons.") from error
    raise NotFound(f"There is no lesson at this address; {lesson_id} is {nearest.id}, {nearest.title}.", help="The course map leads there.")


CourseDep = Annotated[Course, Depends(of_app("course", Course))]
SearchDep = Annotated[SearchIndex, Depends(of_app("search", SearchIndex))]
# `scope="function"`: the default commits after the answer has left, and a commit that failed would have said "saved".
SessionDep = Annotated[Session, Depends(get_session, scope="function")]
CurrentLearner = Annotated[Learner, Depends(of_app("learner", Learner))]
WantedLesson = Annotated[Entry, Depends(wanted_lesson)]
EngineDep = Annotated[Engine, Depends(of_app("engine", Engine))]
