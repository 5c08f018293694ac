"""What a route may ask for. A signature of these reads as a sentence, and tests replace them here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from app.config import Settings
from app.db import session_of, unusable
from app.errors import NotFound
from app.services.lesson_texts import Course
from app.services.search import SearchIndex
from graders.errors import UsageError
from graders.lessons import LESSONS, Entry
from graders.terminal.names import find_lesson


@dataclass(frozen=True, slots=True)
class Learner:
    """Who asks."""

    id: int
    namespace: str


# All of them are `async`, so that they run on the event loop, as the routes do: a read of a local file takes less time than a change of
# threads, and a pool of sessions that threads and the loop share can starve the loop.
async def get_settings(request: Request) -> Settings:
    """The settings of this server."""
    settings = request.app.state.settings
    assert isinstance(settings, Settings)
    return settings


async def get_engine(request: Request) -> Engine:
    """The database."""
    engine = request.app.state.engine
    assert isinstance(engine, Engine)
    return engine


async def get_session(request: Request) -> AsyncIterator[Session]:
    """One transaction, committed before the answer leaves. Raises GradingError when the database cannot be used."""
    engine = await get_engine(request)
    try:
        with session_of(engine, writes=request.method not in ("GET", "HEAD")) as session:
            yield session
    except SQLAlchemyError as error:
        raise unusable(engine, error) from error


async def current_learner(request: Request) -> Learner:
    """The learner: on their own machine the only one."""
    learner = request.app.state.learner
    assert isinstance(learner, Learner)
    return learner


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


async def get_course(request: Request) -> Course:
    """The lessons' texts."""
    course = request.app.state.course
    assert isinstance(course, Course)
    return course


async def get_search(request: Request) -> SearchIndex:
    """What the lessons are searched with."""
    index = request.app.state.search
    assert isinstance(index, SearchIndex)
    return index


CourseDep = Annotated[Course, Depends(get_course)]
SearchDep = Annotated[SearchIndex, Depends(get_search)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
# `scope="function"`: the default commits after the answer has left, and a commit that failed would have said "saved".
SessionDep = Annotated[Session, Depends(get_session, scope="function")]
CurrentLearner = Annotated[Learner, Depends(current_learner)]
WantedLesson = Annotated[Entry, Depends(wanted_lesson)]
EngineDep = Annotated[Engine, Depends(get_engine)]
