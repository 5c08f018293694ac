"""What an instructor sees: the board, live; who is stuck; one learner; the objectives; completion over time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, FastAPI, Header, Path, Query, Request
from markupsafe import Markup
from sqlalchemy import Engine
from starlette.responses import HTMLResponse, Response, StreamingResponse

from app.db import session_of
from app.deps import CourseDep, EngineDep, FeedDep, TaughtCohort
from app.errors import NotFound
from app.models import utc_now
from app.services import analysis, board, board_picture, completion, learner_detail, standings, stuck
from app.services.board import SORTS, Board, State, Wish
from app.services.board_stream import Follower
from app.services.lesson_texts import Course
from app.services.packing import gzipped
from app.streams import HEADERS, MEDIA_TYPE
from app.templating import render
from graders.lessons import LESSONS

_HOURS: Final = (2, 8, 24, 168)
_FEW: Final = 5  # of those who are stuck, on the board itself

Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
_NEWEST: Final = 2**31 - 1  # what the databases number attempts up to
AttemptId = Annotated[int, Path(ge=1, le=_NEWEST)]
Word = Annotated[str, Query(max_length=100)]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Before the first board is asked for, what an older version has not kept is made."""
    await to_thread.run_sync(standings.make_missing, app.state.engine)
    yield


router = APIRouter(lifespan=_lifespan)


@router.get("/cohorts/{cohort_id}/board", name="board:show")
async def show(
    request: Request,
    cohort: TaughtCohort,
    engine: EngineDep,
    q: Word = "",
    state: Word = "",
    lesson: Word = "",
    sort: Word = "name",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    form: Annotated[str, Query(alias="as", max_length=10)] = "",
    accept_encoding: Annotated[str, Header()] = "",
) -> Response:
    """The board as a heat map, or with `?as=table` as a table."""
    assert cohort.id is not None
    wish = Wish(
        q.strip(),
        state if state in set(State) else "",
        lesson if any(entry.id == lesson for entry in LESSONS) else "",
        sort if sort in SORTS else "name",
        page,
    )
    seen = await to_thread.run_sync(_read, engine, cohort.id, wish, form == "table")
    response = render(
        request,
        "board/table.html" if form == "table" else "board/show.html",
        cohort=cohort,
        board=seen.board,
        rows=seen.rows,
        cells=seen.cells,
        picture=board_picture,
        sorts={word: name for word, (name, _) in SORTS.items()},
        words=board.WORDS,
        found=seen.stuck,
        hours=_HOURS[0],
        few=True,
        link=_Links(f"/cohorts/{cohort.id}/board", wish, form),
    )
    return _packed(response, seen.rows) if "gzip" in accept_encoding and seen.rows else response


class _Seen(NamedTuple):
    """A page of the board, drawn; and who is stuck."""

    board: Board
    rows: Markup
    cells: Markup
    stuck: list[stuck.Shown]


def _read(engine: Engine, cohort_id: int, wish: Wish, as_table: bool) -> _Seen:
    with session_of(engine, writes=False) as session:
        read = board.read(session, cohort_id, wish, utc_now())
        found = [] if as_table else stuck.in_words(session, read.stuck, _FEW)
    base = f"/cohorts/{cohort_id}"
    if as_table:
        return _Seen(read, board_picture.table_rows(read, base), Markup(""), found)
    return _Seen(read, board_picture.rows(read, base), board_picture.definitions(board_picture.symbols(read.headings, read.lines)), found)


class _Links:
    """The board's address, with one thing changed."""

    def __init__(self, path: str, wish: Wish, form: str) -> None:
        self._path = path
        self.form = form
        self._now = {"q": wish.words, "state": wish.state, "lesson": wish.lesson, "sort": wish.sort, "as": form}

    def __call__(self, **changes: str | int) -> str:
        query = {key.rstrip("_"): value for key, value in {**self._now, **changes}.items() if value and (key, value) != ("sort", "name")}
        return f"{self._path}?{urlencode(query)}" if query else self._path


def _stuck(engine: Engine, cohort_id: int, hours: int, most: int | None) -> tuple[list[stuck.Shown], int]:
    with session_of(engine, writes=False) as session:
        newest = board.newest_attempt(session)
        return stuck.shown(session, cohort_id, utc_now(), timedelta(hours=hours), most), newest


def _packed(response: HTMLResponse, rows: str) -> Response:
    """The page, compressed; but never what holds the visitor's token and what the address says: together they could be guessed by how
    well they compress."""
    before, after = bytes(response.body).split(rows.encode(), 1)
    del response.headers["content-length"]
    headers = dict(response.headers) | {"content-encoding": "gzip", "vary": f"{response.headers['vary']}, Accept-Encoding"}
    return HTMLResponse(gzipped(before, rows.encode(), after), headers=headers)


@router.get("/cohorts/{cohort_id}/board/events", name="board:events", include_in_schema=False)
async def events(
    request: Request,
    cohort: TaughtCohort,
    engine: EngineDep,
    feed: FeedDep,
    since: Annotated[int, Query(ge=0, le=_NEWEST)] = 0,
    last_event_id: Annotated[str, Header()] = "",
) -> Response:
    """A stream of rows that have changed; first those that did since the page was made, or since the stream was lost."""
    assert cohort.id is not None
    seen = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 10 else since
    follower = Follower(engine, feed, cohort.id, request.state.session)
    return StreamingResponse(follower.told(seen), media_type=MEDIA_TYPE, headers=HEADERS)


@router.get("/cohorts/{cohort_id}/stuck", name="board:stuck")
async def show_stuck(
    request: Request, cohort: TaughtCohort, engine: EngineDep, hours: Annotated[int, Query(ge=1, le=168)] = _HOURS[0], few: bool = False
) -> Response:
    """Who is stuck, on what, and how it shows."""
    assert cohort.id is not None
    found, newest = await to_thread.run_sync(_stuck, engine, cohort.id, hours, _FEW if few else None)
    return render(
        request,
        "board/stuck.html",
        partial="board/_stuck.html",
        cohort=cohort,
        found=found,
        newest=newest,
        hours=hours,
        choices=_HOURS,
        few=few,
        rule=stuck,
    )


@router.get("/cohorts/{cohort_id}/learners/{learner_id}", name="board:learner")
async def show_learner(request: Request, cohort: TaughtCohort, learner_id: Id, course: CourseDep, engine: EngineDep) -> Response:
    """One learner: lesson by lesson, attempt by attempt, and what was said to them."""
    assert cohort.id is not None
    found = await to_thread.run_sync(_learner, engine, cohort.id, learner_id, course)
    if found is None:
        raise NotFound("This cohort has no such learner.", help="They may have left it. The board lists who is in it.")
    return render(request, "board/learner.html", cohort=cohort, learner=found, picture=board_picture, rule=stuck)


def _learner(engine: Engine, cohort_id: int, learner_id: int, course: Course) -> learner_detail.Detail | None:
    with session_of(engine, writes=False) as session:
        return learner_detail.of(session, cohort_id, learner_id, course, utc_now())


@router.get("/cohorts/{cohort_id}/learners/{learner_id}/attempts/{attempt_id}", name="board:attempt")
async def show_attempt(request: Request, cohort: TaughtCohort, learner_id: Id, attempt_id: AttemptId, engine: EngineDep) -> Response:
    """One attempt: what it says of each objective, what has changed, and the learner's files as they are now."""
    assert cohort.id is not None
    found = await to_thread.run_sync(_attempt, engine, cohort.id, learner_id, attempt_id, request.app.state.settings.namespace)
    if found is None:
        raise NotFound("This cohort has no such attempt.", help="The learner may have left it. The board lists who is in it.")
    return render(request, "board/attempt.html", cohort=cohort, seen=found)


def _attempt(engine: Engine, cohort_id: int, learner_id: int, attempt_id: int, namespace: str) -> learner_detail.Seen | None:
    with session_of(engine, writes=False) as session:
        return learner_detail.attempt(session, cohort_id, learner_id, attempt_id, namespace)


@router.get("/cohorts/{cohort_id}/objectives", name="board:analysis")
async def show_analysis(request: Request, cohort: TaughtCohort, engine: EngineDep, sort: Word = "hardest", lesson: Word = "") -> Response:
    """How each objective fares: the hardest first."""
    assert cohort.id is not None
    wanted = lesson if any(entry.id == lesson for entry in LESSONS) else ""
    order = sort if sort in analysis.SORTS else "hardest"
    found = await to_thread.run_sync(_analysed, engine, cohort.id, wanted, order)
    return render(request, "board/analysis.html", cohort=cohort, found=found, sort=order, lesson=wanted, lessons=LESSONS, few=analysis.FEW)


def _analysed(engine: Engine, cohort_id: int, lesson: str, order: str) -> list[analysis.Item]:
    with session_of(engine, writes=False) as session:
        return sorted(analysis.of(session, cohort_id, lesson), key=analysis.SORTS[order])


@router.get("/cohorts/{cohort_id}/completion", name="board:completion")
async def show_completion(request: Request, cohort: TaughtCohort, engine: EngineDep) -> Response:
    """How many lessons were completed by when."""
    assert cohort.id is not None
    found = await to_thread.run_sync(_completed, engine, cohort.id)
    return render(request, "board/completion.html", cohort=cohort, found=found)


def _completed(engine: Engine, cohort_id: int) -> completion.Completion:
    with session_of(engine, writes=False) as session:
        return completion.of(session, cohort_id, utc_now())
