"""The live panel: what a cluster shows of the lessons, on a page, and as a stream of what changes on it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Form, Header, Query, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from app.db import session_of
from app.deps import CurrentLearner, Learner, SessionDep, WantedLesson, of_app, wanted_lesson
from app.errors import Conflict, Forbidden
from app.models import Origin
from app.security import FIELD, csrf_token
from app.services import assurance, attempts, cluster_choice, progress, shared_cluster, submissions
from app.services.cluster_choice import Place
from app.services.live import Hub, Viewer, open_cluster
from app.services.live_page import judged, lines
from app.services.live_panel import Panel, Panels, Seen
from app.services.live_picture import Trouble
from app.services.shown import shown
from app.streams import HEADERS, MEDIA_TYPE, Admission, check_streams
from app.templating import piece, render
from graders.engine import evaluate
from graders.errors import ClusterUnavailable, GradingError
from graders.lessons import Entry
from graders.report import Report

_FIRST = 0.8  # seconds that the page waits for a cluster's first answer
_RETRY = 1000  # milliseconds until a browser connects again
_BEAT = b"event: beat\ndata:\n\n"
_FIELD = f'name="{FIELD}" value="{{}}"'


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The hub lives as long as the server does."""
    settings = app.state.settings
    if settings.classroom:
        usual = shared_cluster.place(settings.kubeconfig or "", settings.namespace)
        ours = shared_cluster.opener(app.state.engine, settings.kubeconfig)
    else:
        usual = Place(cluster_choice.OWN, settings.kubeconfig, settings.context, settings.namespace)
        ours = open_cluster
    opened = getattr(app.state, "open_cluster", ours)  # which tests replace
    hub = Hub(app.state.engine, getattr(app.state, "feed", None), usual, opened=opened, shared=settings.classroom)
    app.state.live = hub
    app.state.panels = Panels(hub, app.state.course, _fragment)
    yield
    hub.close()


router = APIRouter(lifespan=_lifespan)


def _fragment(template: str, needs: Mapping[str, Any]) -> str:
    html = piece(template, needs).strip()
    return html.encode(errors="replace").decode()  # names of a kubeconfig may hold what UTF-8 cannot carry


HubDep = Annotated[Hub, Depends(of_app("live", Hub))]
PanelsDep = Annotated[Panels, Depends(of_app("panels", Panels))]


@router.get("/cluster", name="live:current")
async def current(learner: CurrentLearner, session: SessionDep) -> Response:
    """The panel of the lesson that the learner is at."""
    return RedirectResponse(f"/cluster/{progress.of_course(session, learner.id).current}", 303)


@router.get("/cluster/{lesson_id}", name="live:show")
async def show(request: Request, entry: WantedLesson, learner: CurrentLearner, hub: HubDep, panels: PanelsDep) -> Response:
    """What the cluster shows of a lesson, as soon as it is known; in a classroom without one, how to hand in what one's own shows."""
    if not _settle(hub, learner):
        return _handing_in(request, entry, learner)
    watch = hub.watch(learner.id)
    panel = panels.of(learner.id, entry.id)
    await hub.look_around()
    await hub.first_picture(watch, _FIRST)
    panel.refresh()
    now = judged(panel.picture, entry.id, panel.past())
    token = csrf_token(request.app.state.secret, request.state.visitor)
    response = render(
        request,
        "live/show.html",
        entry=entry,
        # Regions are the same for all who look; the page's script puts its own token into those that come later.
        regions={name: Markup(html.replace(_FIELD.format(""), _FIELD.format(token))) for name, html in panel.html().items()},  # noqa: S704 - rendered by templates
        since=panel.id,
        report=now.report,
        progress=panel.past().progress.lessons[entry.id],
        taught=panel.taught,
        lines=lines(panel.picture, entry.id, panel.past().progress),
    )
    response.headers["cache-control"] = "no-store"  # the back button would show an old cluster
    return response


def _settle(hub: Hub, learner: Learner) -> bool:
    """Let the hub know which place the learner has chosen, or has in their classroom; says whether there is one."""
    if hub.shared:
        own = learner.person.namespace if learner.person else None
        if not hub.usual.kubeconfig or own is None:
            hub.leave(learner.id)
            return False
        hub.put(learner.id, shared_cluster.place(hub.usual.kubeconfig, own))
        return True
    with session_of(hub.engine, writes=False) as session:
        hub.put(learner.id, cluster_choice.place_of(session, learner.id, hub.usual))
    return True


def _check_seat(hub: Hub, learner: Learner) -> None:
    """As `_settle`. Raises Conflict when there is no place to read."""
    if not _settle(hub, learner):
        raise Conflict("There is no cluster here that is read for you.", help="Grade your own, and hand it in: grade lesson-1 --submit")


def _handing_in(request: Request, entry: Entry, learner: Learner) -> Response:
    """The page of whoever has no place on a shared cluster."""
    with session_of(request.app.state.engine, writes=False) as session:
        made = progress.of_lesson(session, learner.id, entry.id)
        newest = submissions.newest(session, learner.id, entry.id)
    return render(
        request,
        "live/hand_in.html",
        entry=entry,
        address=request.app.state.settings.url,
        there_is_one=request.app.state.settings.kubeconfig is not None,
        newest=newest,
        assurance=assurance.of(newest) if newest else None,
        report=shown(newest.report) if newest else None,
        progress=made,
        taught=request.app.state.course[entry.id].taught,
    )


def _back(lesson_id: str, anchor: str = "") -> Response:
    return RedirectResponse(f"/cluster/{lesson_id}{anchor}", 303)


@router.post("/cluster/{lesson_id}/check", name="live:check")
async def check(entry: WantedLesson, learner: CurrentLearner, hub: HubDep) -> Response:
    """Judge the cluster at once, and record it. What keeps it from being read is shown on the page."""
    _check_seat(hub, learner)
    report = await to_thread.run_sync(_judge, hub, hub.places[learner.id], entry)
    if report is None:
        hub.again(learner.id)
        return _back(entry.id)
    known = hub.known(learner.id)
    with session_of(hub.engine, writes=True, learner_id=learner.id) as session:
        attempts.record(session, learner.id, report, Origin.CLUSTER, cluster=known.picture.cluster if known else "")
    hub.recorded(learner.id, [report])
    return _back(entry.id, "#objectives")


def _judge(hub: Hub, place: Place, entry: Entry) -> Report | None:
    """The report on a cluster as it is now; None when it cannot be read. Blocks."""
    opened = hub.open(place)
    if isinstance(opened, Trouble):
        return None
    lesson = entry.load()
    try:
        kinds = (*lesson.reads, *lesson.live_reads)
        snapshot = opened.snapshot(kinds, namespace=place.namespace, taken_at=datetime.now(UTC), everywhere=lesson.everywhere)
    except ClusterUnavailable:
        return None
    return evaluate(lesson, snapshot)


@router.post("/cluster/choice", name="live:choose")
async def choose(
    learner: CurrentLearner,
    session: SessionDep,
    hub: HubDep,
    lesson: Annotated[str, Form(max_length=40)],
    context: Annotated[str, Form(max_length=1000)] = "",
    namespace: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Read another context or namespace from now on."""
    entry = await wanted_lesson(lesson)
    hub.put(learner.id, cluster_choice.choose(session, learner.id, context, namespace, hub.usual))
    return _back(entry.id)


@router.post("/cluster/again", name="live:again")
async def again(learner: CurrentLearner, hub: HubDep, lesson: Annotated[str, Form(max_length=40)]) -> Response:
    """Connect anew."""
    entry = await wanted_lesson(lesson)
    _check_seat(hub, learner)
    hub.again(learner.id)
    return _back(entry.id)


@router.post("/cluster/start", name="live:start")
async def start(
    learner: CurrentLearner, hub: HubDep, lesson: Annotated[str, Form(max_length=40)], merge: Annotated[bool, Form()] = False
) -> Response:
    """Start the practice cluster in the background."""
    entry = await wanted_lesson(lesson)
    try:
        await to_thread.run_sync(lambda: hub.start_cluster(learner.id, merge=merge))
    except GradingError as error:
        raise Conflict(error.message, help=error.help) from error
    return _back(entry.id, "#live-start")


@router.get("/live/events", name="live:events", include_in_schema=False)
async def events(
    request: Request,
    learner: CurrentLearner,
    hub: HubDep,
    panels: PanelsDep,
    lesson: Annotated[str, Query(max_length=40)],
    since: Annotated[str, Query(max_length=100)] = "",
    strip: Annotated[bool, Query()] = False,
    last_event_id: Annotated[str, Header(max_length=100)] = "",
) -> Response:
    """What changes on a lesson's panel, or on its strip, as server-sent events. Raises Forbidden for pages of other sites."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forbidden("This stream is for pages of the course.", help="Open the course in a tab of its own.")
    entry = await wanted_lesson(lesson)
    if (hub.shared or learner.id not in hub.places) and not _settle(hub, learner):
        return Response(status_code=204)  # which tells a browser not to ask again
    check_streams(learner, sum(viewer.learner_id == learner.id for viewer in hub.viewers))
    panel = panels.of(learner.id, entry.id, passive=strip)
    return Stream(hub, panel, learner.id, entry.id, strip, panel.parsed(last_event_id or since), Admission(request))


class Stream(Response):
    """An event stream, for as long as its reader may read it. One task speaks, when it is woken; another waits for the reader to leave."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        hub: Hub,
        panel: Panel,
        learner_id: int,
        lesson_id: str,
        passive: bool,
        seen: Seen,
        admission: Admission | None = None,
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._hub = hub
        self._panel = panel
        self._who = learner_id, lesson_id, passive
        self._seen = seen
        self._admission = admission

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Speak until the reader leaves, the server ends, or the reader does not take what it is told."""
        learner_id, lesson_id, passive = self._who
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._hub.viewing(learner_id, lesson_id, passive=passive) as viewer:
            listening = asyncio.create_task(_until_gone(receive, viewer))
            speaking = asyncio.current_task()
            assert speaking is not None
            viewer.drop = speaking.cancel
            try:
                # Cancelled for a reader who takes nothing, or by a server that has waited for long enough.
                with contextlib.suppress(asyncio.CancelledError):
                    await self._speak(viewer, send)
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                listening.cancel()

    async def _speak(self, viewer: Viewer, send: Send) -> None:
        seen, first = self._seen, f"retry: {_RETRY}\n".encode() + _BEAT
        while not viewer.ended and (self._admission is None or await self._admission.holds()):
            event = self._panel.frame(seen)
            seen = self._panel.seen
            if first or event or viewer.beat:
                body = first + (event or (b"" if first else _BEAT))
                viewer.speaking_since = time.monotonic()
                await send({"type": "http.response.body", "body": body, "more_body": True})
                viewer.speaking_since = 0.0
                first = b""
            viewer.beat = False
            await viewer.woken()


async def _until_gone(receive: Receive, viewer: Viewer) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    viewer.ended = True
    viewer.wake()
