"""What a route may ask for. A signature of these reads as a sentence, and tests replace them here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Path, Request
from sqlalchemy import Engine
from sqlmodel import Session

from app.config import Settings
from app.db import session_of
from app.errors import Forbidden, NotFound, SignInNeeded
from app.models import Cohort, Role
from app.services import cohorts
from app.services.audit import Actor
from app.services.feed import Feed
from app.services.lesson_texts import Course
from app.services.search import SearchIndex
from app.services.sign_ins import Person
from graders.errors import UsageError
from graders.lessons import LESSONS, Entry
from graders.terminal.names import find_lesson

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Learner:
    """Who asks. `person` is who has signed in; None on a learner's own machine."""

    id: int
    namespace: str
    person: Person | None = None


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
    learner: Learner | None = request.state.learner
    writes = request.method not in ("GET", "HEAD")
    with session_of(request.app.state.engine, writes=writes, learner_id=learner.id if learner else None) as session:
        yield session


async def current_learner(request: Request) -> Learner:
    """Who asks. Raises SignInNeeded; `app.access` has seen to it that somebody is there, where it must be."""
    learner = request.state.learner
    if learner is None:
        raise SignInNeeded("This page is for those who have signed in.", help="Sign in first.")
    assert isinstance(learner, Learner)
    return learner


async def current_person(request: Request) -> Person:
    """Who has signed in, in a classroom. Raises SignInNeeded."""
    person = (await current_learner(request)).person
    assert person is not None  # routes that ask for it are a classroom's
    return person


async def current_admin(request: Request) -> Person:
    """An admin. Raises Forbidden for others."""
    person = await current_person(request)
    if person.role is not Role.ADMIN:
        raise Forbidden("This page is for admins.", help="Ask one of them; `course user list` on the server tells who they are.")
    return person


async def taught_cohort(request: Request, session: SessionDep, cohort_id: Annotated[int, Path(ge=1, le=2**31 - 1)]) -> Cohort:
    """The cohort that the address names, if whoever asks teaches it or is an admin. Raises NotFound: to others it is not there at all."""
    person = await current_person(request)
    cohort = cohorts.taught(session, person, cohort_id)
    if cohort is None:
        raise no_cohort()
    return cohort


def no_cohort() -> NotFound:
    """What who does not teach a cohort is told, whether there is one or not."""
    return NotFound("You teach no cohort of that number.", help="Your cohorts are listed under Cohorts.")


async def get_actor(request: Request) -> Actor:
    """Who asks, for the audit trail."""
    return Actor.of(await current_person(request), address_of(request))


def address_of(request: Request) -> str:
    """The network address that a request comes from, as the server in front tells it if that one is trusted."""
    return request.client.host if request.client else ""


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
SettingsDep = Annotated[Settings, Depends(of_app("settings", Settings))]
CurrentLearner = Annotated[Learner, Depends(current_learner)]
CurrentPerson = Annotated[Person, Depends(current_person)]
Admin = Annotated[Person, Depends(current_admin)]
TaughtCohort = Annotated[Cohort, Depends(taught_cohort)]
ActorDep = Annotated[Actor, Depends(get_actor)]
FeedDep = Annotated[Feed, Depends(of_app("feed", Feed))]
WantedLesson = Annotated[Entry, Depends(wanted_lesson)]
EngineDep = Annotated[Engine, Depends(of_app("engine", Engine))]
