"""What terminals speak to: who they are, and what they submit."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Request
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from starlette.responses import JSONResponse, Response

from app.db import session_of
from app.deps import CurrentLearner, CurrentPerson, EngineDep
from app.errors import AppError, Conflict
from app.models import utc_now
from app.services import attempts, submissions, terminals, throttle
from app.services.submissions import Answer, Judged, Submission
from graders.errors import GradingError
from graders.version import version
from graders.wire import MOST_BYTES

router = APIRouter()
_A_MINUTE = 60
"""So many submissions of one account are judged in a minute: more than anybody types, and a full outbox in a few."""
_LARGE, _LARGE_A_MINUTE = 512 * 1024, 4
"""What is larger than so many bytes takes seconds to judge, which are everybody's: there are fewer of them."""
_JUDGED_AT_ONCE, _STORED_AT_ONCE = 1, 4
"""Judging takes the processor, of which a thread more would only take it from the pages; storing waits for the database."""
_MOST_WAITING = 400
"""So many may wait for that, some seconds' worth: whoever comes then is told so, and their terminal keeps the work and tries later."""
_LIMITERS: RunVar[tuple[CapacityLimiter, CapacityLimiter]] = RunVar("submissions")  # for each event loop: its tasks wait there


@router.get("/api/me", name="terminal:me")
async def me(request: Request, person: CurrentPerson, engine: EngineDep) -> Response:
    """Whose token that is."""
    with session_of(engine, writes=True) as session:
        terminals.note_use(session, _token(request))
        cohorts = terminals.cohorts_of(session, person.id)
    told = {"name": person.name, "email": person.email, "role": str(person.role), "cohorts": cohorts, "namespace": person.namespace}
    return JSONResponse({"schema": submissions.SCHEMA, **told, "engine": version()}, headers={"cache-control": "no-store"})


@router.post("/api/submissions", name="terminal:submit")
async def submit(request: Request, learner: CurrentLearner, engine: EngineDep) -> Response:
    """Judge a snapshot, and keep what comes of it; once, however often it is sent."""
    judging, storing = _limiters()
    if judging.statistics().tasks_waiting >= _MOST_WAITING:
        raise AppError("More is being submitted than can be judged at once.", help="Your work is kept; submit it again later.", status=503)
    with session_of(engine, writes=True) as session:
        throttle.check(session, "submission", str(learner.id), _A_MINUTE, 60)
        terminals.note_use(session, _token(request))
    body = await _body(request)
    if len(body) > _LARGE:
        with session_of(engine, writes=True) as session:
            throttle.check(session, "large submission", str(learner.id), _LARGE_A_MINUTE, 60)
    submission = await to_thread.run_sync(submissions.parsed, body, utc_now(), limiter=judging)
    judged = await to_thread.run_sync(submissions.judged, submission, limiter=judging)
    # In the thread as well: a score of statements and the wait for the disk, fifty times a second, would leave pages no time.
    answer = await to_thread.run_sync(_stored, engine, learner.id, submission, judged, limiter=storing)
    feed = getattr(request.app.state, "feed", None)
    if feed is not None:
        for attempt in answer.made:
            feed.publish_attempts(learner.id, attempts.told(attempt))
    return JSONResponse(answer.data, 201 if answer.made else 200, headers={"cache-control": "no-store"})


def _stored(engine: Engine, learner_id: int, submission: Submission, judged: Sequence[Judged]) -> Answer:
    try:
        with session_of(engine, writes=True, learner_id=learner_id) as session:
            return submissions.store(session, learner_id, submission, judged)
    except GradingError as error:
        if isinstance(error.__cause__, IntegrityError):  # the same key, under two names, in the same moment
            raise Conflict("Somebody else has submitted under this key.", help="Grade again, and submit that.") from error
        raise


async def _body(request: Request) -> bytes:
    """The body, if it is JSON as it stands and not too large: nothing is unpacked, so that nothing small becomes large."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise AppError(f"What is packed ({encoding[:20]}) is not taken.", help="Send it as it is.", status=415)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise AppError("A submission is JSON.", help="Send it as application/json.", status=415)
    too_large = AppError(
        f"A submission has at most {MOST_BYTES // 1024 // 1024} MiB.", help="Submit one lesson at a time, or name fewer files.", status=413
    )
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST_BYTES:
        raise too_large
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise too_large
    return bytes(body)


def _limiters() -> tuple[CapacityLimiter, CapacityLimiter]:
    try:
        return _LIMITERS.get()
    except LookupError:
        made = CapacityLimiter(_JUDGED_AT_ONCE), CapacityLimiter(_STORED_AT_ONCE)
        _LIMITERS.set(made)
        return made


def _token(request: Request) -> str:
    return request.headers["authorization"].partition(" ")[2].strip()
