"""Following a cluster: a list and then a watch for each kind, in threads of their own, and a word whenever something has changed.

See https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graders.kinds import Kind
from graders.snapshot import K8sObject
from graders.sources.cluster_errors import Failure, timed_out
from graders.sources.cluster_requests import Connection, Listing, path_of, read_events, read_list, selector_of, to_object

State = Listing | Failure

_TOGETHER = 0.06  # seconds in which changes are told as one
_GLANCE = 0.2  # between looks at whether to stop
_POLL = 1.2  # between lists of a kind that cannot be watched
_LONGEST_PAUSE = 1.2  # so that within two seconds of the end of any trouble the verdicts are right
_STREAM = 30  # after which the server ends a watch; a connection that died without a word is noticed no later
_HEALTHY = 1.0  # a stream that lasted this long was no failure


class Board:
    """What the followers know at present, and whether that is news. Shared by their threads and the one that tells."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.news = threading.Event()
        self.closing = threading.Event()

    def post(self, kind: Kind, state: State) -> None:
        """Note the present state of a kind; the same failure again is no news."""
        before = self.states.get(kind.name)
        self.states[kind.name] = state
        if not (isinstance(state, Failure) and isinstance(before, Failure) and before.what == state.what):
            self.news.set()


def follow(connection: Connection, kinds: Sequence[Kind], namespace: str, stop: threading.Event) -> Iterator[Mapping[str, State]]:
    """The states of all kinds: first as they are, then whenever one has changed, until `stop` is set or the iterator is closed.

    Never raises on account of the cluster: a kind that cannot be read has a Failure for its state, and is tried again for as long as it
    takes.
    """
    board = Board()
    followers = [_Follower(connection, kind, namespace, board) for kind in kinds]
    for follower in followers:
        follower.start()
    try:
        deadline = time.monotonic() + connection.timeout + _GLANCE
        while len(board.states) < len(kinds) and time.monotonic() < deadline and not stop.is_set():
            board.news.wait(_GLANCE)
            board.news.clear()
        late = timed_out(connection.target, connection.timeout)
        together = 0.0  # the present state need not wait for more
        board.news.set()
        while not stop.is_set():
            if board.news.wait(_GLANCE) and not stop.wait(together):
                board.news.clear()
                yield {kind.name: board.states.get(kind.name, late) for kind in kinds}
                together = _TOGETHER
    finally:
        board.closing.set()
        for follower in followers:
            follower.interrupt()


class _Follower(threading.Thread):
    """Keeps the board's state of one kind up to date."""

    def __init__(self, connection: Connection, kind: Kind, namespace: str, board: Board) -> None:
        super().__init__(name=f"watch-{kind.plural}", daemon=True)
        self._connection = connection
        self._kind = kind
        self._namespace = namespace
        self._board = board
        self._stream: Any = None

    def interrupt(self) -> None:
        """Wake the thread from reading its stream."""
        stream = self._stream
        if stream is not None:
            with contextlib.suppress(Exception):  # it may be gone already, in as many ways as there are
                stream.shutdown()

    def run(self) -> None:
        closing = self._board.closing
        failures = 0
        while not closing.is_set():
            started = time.monotonic()
            watchable = True
            try:
                listing = read_list(self._connection, self._kind, self._namespace, closing.wait)
                self._board.post(self._kind, listing)
                watchable = listing.version != "" and self._follow(listing)
            except Failure as failure:
                if not closing.is_set():
                    self._board.post(self._kind, failure)
                watchable = not 400 <= failure.status < 500
            if not watchable:
                closing.wait(_jittered(_POLL))
                continue
            failures = 0 if time.monotonic() - started > _HEALTHY else failures + 1
            if failures:
                closing.wait(_jittered(min(_LONGEST_PAUSE, 0.1 * 2**failures)))

    def _follow(self, listing: Listing) -> bool:
        """Post what changes after a list, until it must be read again; False when the kind cannot be watched."""
        known = {(item.namespace, item.name): item for item in listing.objects}
        version = listing.version
        while not self._board.closing.is_set():
            started = time.monotonic()
            try:
                self._stream = self._open(version, self._kind._replace(everywhere=self._kind.everywhere and listing.elsewhere is None))
            except Failure as failure:
                return failure.status not in (403, 404, 405)
            try:
                # Whoever closes looks at the stream after having said so, and we the other way round: one of us sees the other.
                events_over_time = iter(()) if self._board.closing.is_set() else read_events(self._stream)
                for events in events_over_time:
                    version = self._apply(events, known, listing) or version
            except _Outdated:
                return True
            except Exception:  # what came is no watch, or broke off; the next list says what there is, or why there is nothing
                return True
            finally:
                stream, self._stream = self._stream, None
                stream.close()
            if time.monotonic() - started < _HEALTHY:
                return True
        return True

    def _open(self, version: str, kind: Kind) -> Any:
        query = [
            *(("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", version), ("timeoutSeconds", str(_STREAM))),
            *selector_of(kind),
        ]
        return self._connection.open(
            kind,
            path_of(kind, self._namespace),
            query,
            connect=self._connection.timeout,
            read=_STREAM + self._connection.timeout,
        )

    def _apply(self, events: Sequence[Mapping[str, Any]], known: dict[tuple[str, str], K8sObject], first: Listing) -> str:
        """Take events in, and post them together, as a list like the `first`; gives the version that they lead to. Raises _Outdated."""
        version, changed = "", False
        for event in events:
            type_, body = event.get("type"), event.get("object")
            if type_ not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK") or not isinstance(body, Mapping):
                raise _Outdated
            item = to_object(self._kind, body)
            version = item.at("metadata.resourceVersion").text or version
            if type_ == "BOOKMARK":
                continue
            changed = True
            known.pop((item.namespace, item.name), None)
            if type_ != "DELETED":
                known[item.namespace, item.name] = item
        if changed:
            objects = sorted(known.values(), key=lambda item: (item.namespace, item.name))
            self._board.post(self._kind, first._replace(objects=tuple(objects), version=version))
        return version


class _Outdated(Exception):
    """The server cannot go on from our version (an ERROR event, mostly 410 Gone)."""


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.7, 1.3)  # noqa: S311 - so that not everybody comes back at once
