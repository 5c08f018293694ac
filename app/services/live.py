"""The hub of the live panel: clusters are watched while somebody looks, each once however many do, and viewers are woken when a picture
changes.

    a thread for each Watch: snapshots -> Picture            the event loop: Hub, Viewers
          cluster ──watch──▶ Picture.after ──call_soon_threadsafe──▶ Hub ──wake──▶ Viewer, which looks at the newest picture

Nothing is queued for a viewer: it is only woken, and then takes what has changed since what it has seen. Slow ones skip states.
All of Hub but `publish` and `Watch`'s thread runs on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from anyio import to_thread
from sqlalchemy import Engine

from app.db import session_of
from app.services import cluster_choice
from app.services.cluster_choice import Menu, Place
from app.services.cluster_start import Job, Starter, can_start
from app.services.feed import ATTEMPTS, Feed
from app.services.live_picture import EVERYWHERE, KINDS_READ, Cause, Picture, State, Trouble, turned
from app.services.live_record import record_news
from graders.errors import ClusterUnavailable, GradingError
from graders.report import Report
from graders.snapshot import Snapshot
from graders.sources import cluster_access
from graders.sources.cluster import Cluster, connect
from graders.verdict import Status

LINGER = 30.0  # seconds for which a cluster is watched after the last viewer has left
HEARTBEAT = 15.0  # seconds between signs of life on a stream
SLOW = 10.0  # seconds that a reader may take for one event
TIMEOUT = 5.0  # seconds for a cluster's answer
_SETTLED = 1.5  # seconds for which verdicts must hold before they are recorded
_TICK = 0.5
_RETRY = 2.0  # seconds between attempts to reach what cannot be reached
_STATES = {
    State.STARTING: "",
    State.READING: "The cluster is being read.",
    State.AWAY: "The cluster does not answer.",
    State.TROUBLE: "The cluster cannot be read.",
}
_log = logging.getLogger("course")

Open = Callable[[Place], "Cluster | Trouble"]


def open_cluster(place: Place) -> Cluster | Trouble:
    """A cluster to watch; or what is wrong with its kubeconfig, context or credentials. Blocks."""
    try:
        there = cluster_access.choices(place.kubeconfig)
    except ClusterUnavailable as error:
        return Trouble.of(Cause.BROKEN_KUBECONFIG, error)
    if there is None and place.source != cluster_choice.OWN:
        return Trouble(Cause.NO_CONTEXT, f"The cluster that the course had started is gone: {place.kubeconfig} is not there.")
    wanted = place.context or (there.current if there else "")
    offer = next((one for one in there.contexts if one.name == wanted), None) if there else None
    if offer is not None and offer.plugin and place.context is None:
        return Trouble(Cause.CHOOSE, f"Context `{offer.name}` signs in by running the program `{offer.plugin}` on this machine.")
    try:
        return connect(context=place.context, kubeconfig=place.kubeconfig, timeout=TIMEOUT)
    except ClusterUnavailable as error:
        if there is None:
            cause = Cause.NO_KUBECONFIG
        elif offer is None:
            cause = Cause.NO_CONTEXT
        else:
            cause = Cause.PLUGIN if offer.plugin else Cause.BROKEN_KUBECONFIG
        return Trouble.of(cause, error)


class Watch:
    """One place, followed in a thread of its own until it is stopped."""

    def __init__(self, number: int, place: Place, publish: Callable[[Watch, Picture], None], opened: Open) -> None:
        self.number = number
        self.place = place
        self.picture = Picture(place, State.STARTING, datetime.now(UTC))
        self.needed_until = 0.0  # by time.monotonic, once nobody looks
        self.turned: dict[str, tuple[int, str]] = {}  # by lesson: since which version, and what to say
        self.told = (0, "")  # the same of the cluster as a whole
        self.settling: dict[str, Settling] = {}
        self._publish = publish
        self._open = opened
        self._files = cluster_choice.state_of_files(place)
        self._stop = threading.Event()
        self._anew = threading.Event()
        self._round: threading.Event | None = None
        self._latest = self.picture
        self._thread = threading.Thread(target=self._run, name=f"watch-{place.source}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; does not wait."""
        self._stop.set()
        self.again()

    def again(self) -> None:
        """Connect anew, with the kubeconfig as it is now."""
        self._anew.set()
        ending = self._round
        if ending is not None:
            ending.set()

    def look_at_files(self) -> None:
        """Connect anew if the kubeconfig has changed. Some `stat` calls."""
        now = cluster_choice.state_of_files(self.place)
        if now != self._files:
            self._files = now
            self.again()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._anew.clear()
            try:
                trouble = self._follow()
            except Exception as error:
                _log.error("the watch of %s broke", self.place.value or "the current context", exc_info=error)
                message = f"The course's own reading of the cluster broke ({type(error).__name__}); this is no fault of yours."
                trouble = Trouble(Cause.OURS, message, "It is tried again. If it stays so, please report it with what the terminal shows.")
            if trouble is not None:
                self._tell(self._latest.troubled(trouble, datetime.now(UTC)))
                # A plugin may ask the learner something each time that it is run.
                self._anew.wait(None if trouble.cause in (Cause.PLUGIN, Cause.CHOOSE) else _RETRY)

    def _follow(self) -> Trouble | None:
        """One connection: ends when it is to be made anew, or with what kept it from being made."""
        opened = self._open(self.place)
        if isinstance(opened, Trouble):
            return opened
        picture = self._latest.connected(opened.context, opened.host)
        ending = self._round = threading.Event()
        if self._anew.is_set():
            return None
        before: Snapshot | None = None
        with contextlib.closing(opened.watch(KINDS_READ, self.place.namespace, ending, everywhere=EVERYWHERE)) as snapshots:
            for snapshot in snapshots:
                picture = picture.after(snapshot, before)
                before = snapshot
                self._tell(picture)
        return None

    def _tell(self, picture: Picture) -> None:
        self._latest = picture
        if not self._stop.is_set():
            self._publish(self, picture)


@dataclass(slots=True)
class Settling:
    """The verdicts of a lesson, since when they hold, and whether they have been considered for the record."""

    statuses: Mapping[str, Status]
    since: float
    considered: bool = False


@dataclass(eq=False)
class Viewer:
    """Somebody's open page. A `passive` one is told what is known, and keeps no cluster from resting."""

    learner_id: int
    lesson_id: str
    passive: bool = False
    ended: bool = False
    beat: bool = False
    speaking_since: float = 0.0  # by time.monotonic, while something is being sent
    drop: Callable[[], object] = lambda: None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """There is something to look at."""
        self._news.set()

    async def woken(self) -> None:
        """Wait for that."""
        await self._news.wait()
        self._news.clear()


class Hub:
    """Who looks at which cluster. `version` grows with everything that a page could show differently; `boot` tells runs apart."""

    def __init__(self, engine: Engine, feed: Feed | None, usual: Place, *, opened: Open = open_cluster, shared: bool = False) -> None:
        """`usual` is what is read where nothing was chosen. On a `shared` cluster nobody chooses, and nothing is started."""
        self.shared = shared
        self.engine = engine
        self.usual = usual
        self.boot = secrets.token_hex(4)
        self.version = 1
        self.progress_version = 1
        self.starter = Starter(self._job_told)
        self.viewers: set[Viewer] = set()
        self.watches: dict[Place, Watch] = {}
        self.places: dict[int, Place] = {}
        self.before: dict[int, Place] = {}
        self.menu = Menu((), "")
        self.program: GradingError | None = None  # why the practice cluster cannot be started
        self.closed = False
        self._feed = feed
        self.open = opened
        self._numbers = 0
        self._loop = asyncio.get_running_loop()
        self._keeper: asyncio.Task[None] | None = None
        self._listener = self._loop.create_task(self._listen()) if feed is not None else None
        self._beaten = time.monotonic()
        self._learners_of_jobs: set[int] = set()

    async def look_around(self) -> None:
        """See what there is to choose from, and to start."""
        if self.shared:
            return
        found = await to_thread.run_sync(lambda: (cluster_choice.menu(self.usual), can_start()))
        menu, (_, program) = found
        # An error is equal to itself alone.
        if menu.options != self.menu.options or menu.current != self.menu.current or str(program) != str(self.program):
            self.menu, self.program = menu, program
            self._changed(None)

    def put(self, learner_id: int, place: Place) -> None:
        """This is the place that the learner has chosen; their open pages follow."""
        before = self.places.get(learner_id)
        if before == place:
            return
        self.places[learner_id] = place
        if before is not None:
            self.before[learner_id] = before
            self._changed(learner_id)
            if any(viewer.learner_id == learner_id and not viewer.passive for viewer in self.viewers):
                self.watch(learner_id)

    def leave(self, learner_id: int) -> None:
        """The learner has no place any longer: open pages of theirs end."""
        if self.places.pop(learner_id, None) is not None:
            for viewer in self.viewers:
                if viewer.learner_id == learner_id:
                    viewer.ended = True
                    viewer.wake()

    def watch(self, learner_id: int) -> Watch:
        """The watch of the learner's place, begun if there is none; it lasts until a little after the last viewer has left."""
        place = self.places[learner_id]
        found = self.watches.get(place)
        if found is None:
            self._numbers += 1
            found = self.watches[place] = Watch(self._numbers, place, self._publish, self.open)
            if not self.closed:
                found.start()
                self._changed(learner_id)
        found.needed_until = time.monotonic() + LINGER
        self._keep()
        return found

    def known(self, learner_id: int) -> Watch | None:
        """The watch of the learner's place, if it is watched."""
        place = self.places.get(learner_id)
        return self.watches.get(place) if place is not None else None

    async def first_picture(self, watch: Watch, seconds: float) -> None:
        """Wait until something is known, for so long at most."""
        deadline = time.monotonic() + seconds
        while watch.picture.state is State.STARTING and time.monotonic() < deadline and not self.closed:
            await asyncio.sleep(0.02)

    @contextlib.contextmanager
    def viewing(self, learner_id: int, lesson_id: str, *, passive: bool) -> Iterator[Viewer]:
        """A viewer, for as long as the block lasts."""
        viewer = Viewer(learner_id, lesson_id, passive, ended=self.closed)
        if not passive:
            self.watch(learner_id)
        self.viewers.add(viewer)
        self._keep()
        try:
            yield viewer
        finally:
            self.viewers.discard(viewer)

    def again(self, learner_id: int) -> None:
        """Connect anew to the learner's cluster, if it is watched."""
        found = self.known(learner_id)
        if found is not None:
            found.again()

    def start_cluster(self, learner_id: int, *, merge: bool) -> bool:
        """Start the practice cluster in the background; False when that is under way. Blocks a little. Raises GradingError."""
        begun = self.starter.start(merge=merge)
        self._learners_of_jobs.add(learner_id)
        self._loop.call_soon_threadsafe(self._changed, None)
        return begun

    def recorded(self, learner_id: int, reports: list[Report]) -> None:
        """Attempts have been appended: pages show the progress that follows."""
        if self._feed is not None and reports:
            last = reports[-1]
            data = {"lesson": last.lesson_id, "origin": "cluster", "complete": last.complete, "passed": last.passed}
            self._feed.publish_attempts(learner_id, {**data, "counted": last.counted, "count": len(reports)})
        elif reports:
            self._progressed(learner_id)

    def close(self) -> None:
        """End all streams and watches, as when the server stops. May be called more than once, from the event loop."""
        self.closed = True
        for viewer in self.viewers:
            viewer.ended = True
            viewer.wake()
        for watch in self.watches.values():
            watch.stop()
        self.watches.clear()
        for task in (self._keeper, self._listener):
            if task is not None:
                task.cancel()

    def _publish(self, watch: Watch, picture: Picture) -> None:
        """From a watch's thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._arrived, watch, picture)

    def _arrived(self, watch: Watch, picture: Picture) -> None:
        before = watch.picture
        watch.picture = picture
        if self.watches.get(watch.place) is not watch or picture == before:
            return
        self.version += 1
        if before.state is not picture.state and before.state is not State.STARTING:
            watch.told = self.version, _STATES[picture.state]
        watch.turned |= {lesson: (self.version, words) for lesson, words in turned(before.reports, picture.reports).items()}
        self._settle(watch)
        for viewer in self.viewers:
            if self.places.get(viewer.learner_id) == watch.place:
                viewer.wake()

    def _changed(self, learner_id: int | None) -> None:
        """Something else has changed, for one learner or for all."""
        self.version += 1
        for viewer in self.viewers:
            if learner_id is None or viewer.learner_id == learner_id:
                viewer.wake()

    def _progressed(self, learner_id: int | None) -> None:
        self.progress_version += 1
        self._changed(learner_id)

    async def _listen(self) -> None:
        """Attempts that come from elsewhere, as from a terminal."""
        assert self._feed is not None
        while not self.closed:
            with self._feed.subscribe((ATTEMPTS,)) as events:
                async for event in events:
                    self._progressed(event.data["learner"])
            if not self.closed:
                self._progressed(None)  # what was said meanwhile was not heard
            await asyncio.sleep(_TICK)

    def _job_told(self, job: Job) -> None:
        """From the thread of the start."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._changed, None)
            if job.status == 0 and job.path:
                asyncio.run_coroutine_threadsafe(self._started(job), self._loop)

    async def _started(self, job: Job) -> None:
        """The cluster that somebody has started is the one that they look at from now on."""
        for learner_id in self._learners_of_jobs:
            self.put(learner_id, await to_thread.run_sync(self._choose_started, learner_id, job))
        self._learners_of_jobs.clear()
        await self.look_around()
        for watch in self.watches.values():
            watch.again()

    def _choose_started(self, learner_id: int, job: Job) -> Place:
        there = cluster_access.choices(job.path)
        with session_of(self.engine, writes=True, learner_id=learner_id) as session:
            before = cluster_choice.place_of(session, learner_id, self.usual)
            if job.merged and self.usual.context is None:
                value = ""
            else:
                value = f"{cluster_choice.PRACTICE}:{there.current}" if there else before.value
            return cluster_choice.choose(session, learner_id, value, before.namespace, self.usual)

    def _keep(self) -> None:
        if self._keeper is None and not self.closed:
            self._keeper = self._loop.create_task(self._keeping())

    async def _keeping(self) -> None:
        """What has to be done from time to time, for as long as there is anybody or anything to do it for."""
        try:
            while self.viewers or self.watches:
                await asyncio.sleep(_TICK)
                try:
                    await self._look_after(time.monotonic())
                except Exception as error:
                    _log.error("the live panel's housekeeping broke; it goes on", exc_info=error)
        finally:
            self._keeper = None

    async def _look_after(self, now: float) -> None:
        looked_at = {self.places.get(viewer.learner_id) for viewer in self.viewers if not viewer.passive}
        for place, watch in list(self.watches.items()):
            if place in looked_at:
                watch.needed_until = now + LINGER
            elif now > watch.needed_until:
                del self.watches[place]
                watch.stop()
                self._changed(None)
                continue
            watch.look_at_files()
            await self._record(watch, now)
        for viewer in self.viewers:
            if viewer.speaking_since and now - viewer.speaking_since > SLOW:
                viewer.ended = True
                viewer.drop()
        if now - self._beaten >= HEARTBEAT:
            self._beaten = now
            for viewer in self.viewers:
                viewer.beat = True
                viewer.wake()

    def _settle(self, watch: Watch) -> None:
        """Note since when the verdicts are as they are."""
        if watch.picture.state is not State.READING:
            watch.settling.clear()
            return
        now = time.monotonic()
        for lesson_id, report in watch.picture.reports.items():
            statuses = {result.objective.id: result.status for result in report.results}
            held = watch.settling.get(lesson_id)
            if held is None or held.statuses != statuses:
                watch.settling[lesson_id] = Settling(statuses, now)

    async def _record(self, watch: Watch, now: float) -> None:
        """Append what has settled and is news."""
        settled = [lesson for lesson, held in watch.settling.items() if not held.considered and now - held.since >= _SETTLED]
        learners = {learner for learner, place in self.places.items() if place == watch.place}
        if not settled or not learners:
            return
        held, reports = watch.settling.copy(), [watch.picture.reports[lesson] for lesson in settled]
        for learner_id in learners:
            try:
                recorded = await to_thread.run_sync(record_news, self.engine, learner_id, reports, watch.picture.cluster)
            except Exception as error:  # a database that is locked for long: these verdicts are looked at again
                _log.error("what the cluster shows was not recorded", exc_info=error)
                return
            self.recorded(learner_id, recorded)
        for lesson in settled:
            held[lesson].considered = True
