"""Following a cluster: what changes is told soon and once, trouble is told and outlived, and nothing is left running."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from graders.snapshot import Snapshot
from graders.sources import cluster_watch
from graders.sources.cluster import Cluster, connect
from tests.sources.faulty import Exchange, Fault, healthy, kubeconfig, serving, url

Json = dict[str, Any]


def item(kind: str, name: str, version: str = "11", **more: Any) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": "rag-engine", "resourceVersion": version}, **more}


class Followed:
    """A watch that runs in a thread of its own, for tests to look at its snapshots in time."""

    running: ClassVar[list[Followed]] = []

    def __init__(self, cluster: Cluster, *kinds: str) -> None:
        self.stop = threading.Event()
        self.told: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
        self._snapshots = cluster.watch(kinds, "rag-engine", self.stop)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.running.append(self)

    def _run(self) -> None:
        for snapshot in self._snapshots:
            self.told.put(snapshot)

    def next(self, within: float = 3) -> Snapshot:
        return self.told.get(timeout=within)

    def until(self, fits: Callable[[Snapshot], bool], within: float = 5) -> Snapshot:
        deadline = time.monotonic() + within
        while True:
            snapshot = self.next(max(deadline - time.monotonic(), 0))
            if fits(snapshot):
                return snapshot

    def silent(self, seconds: float = 0.4) -> bool:
        try:
            self.next(seconds)
        except queue.Empty:
            return True
        return False

    def end(self) -> float:
        started = time.monotonic()
        self.stop.set()
        self._thread.join(5)
        assert not self._thread.is_alive()
        return time.monotonic() - started


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Short pauses; and at the end of a test no follower may run on."""
    monkeypatch.setattr(cluster_watch, "_POLL", 0.1)
    monkeypatch.setattr(cluster_watch, "_LONGEST_PAUSE", 0.3)
    yield
    while Followed.running:
        Followed.running.pop().end()
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline and _followers():
        time.sleep(0.01)
    assert not _followers()


def _followers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("watch-")]


def cluster_at(folder: Path, server: Any, timeout: float = 2) -> Cluster:
    return connect(context=None, kubeconfig=str(kubeconfig(folder / "config", url(server))), timeout=timeout)


def names(snapshot: Snapshot) -> list[str]:
    return [found.ref for found in snapshot.objects]


def test_present_state_comes_first_then_each_change(tmp_path: Path) -> None:
    with serving([item("Pod", "a"), item("Secret", "s")]) as server:
        followed = Followed(cluster_at(tmp_path, server), "Secret", "Pod")
        first = followed.next()
        assert names(first) == ["Secret/s", "Pod/a"]
        assert (first.source.context, first.context_namespace, dict(first.unreadable)) == ("course", "default", {})
        assert followed.silent(), "nothing has changed"
        server.happen("ADDED", item("Pod", "b"))
        assert names(followed.next()) == ["Secret/s", "Pod/a", "Pod/b"]
        server.happen("MODIFIED", item("Pod", "a", labels="x"))
        changed = followed.next()
        assert changed.objects[1].body["labels"] == "x"
        assert changed.taken_at >= first.taken_at
        server.happen("DELETED", item("Pod", "a"))
        assert names(followed.next()) == ["Secret/s", "Pod/b"]
        assert followed.end() < 0.5


def test_changes_together_are_told_together(tmp_path: Path) -> None:
    with serving() as server:
        followed = Followed(cluster_at(tmp_path, server), "Pod", "Service")
        followed.next()
        for number in range(20):
            server.happen("ADDED", item("Pod" if number % 2 else "Service", f"n-{number}"))
        told = [followed.next()]
        while len(names(told[-1])) < 20:
            told.append(followed.next())
        assert len(told) <= 3


def test_values_of_secrets_are_not_in_what_a_watch_brings(tmp_path: Path) -> None:
    with serving() as server:
        followed = Followed(cluster_at(tmp_path, server), "Secret")
        followed.next()
        server.happen("ADDED", {**item("Secret", "s", data={"jwt-secret": "Y2FuYXJ5LW9mLWEtc2VjcmV0"}), "kind": "Secret"})
        snapshot = followed.next()
        assert names(snapshot) == ["Secret/s"]
        assert "Y2FuYXJ5" not in str(snapshot)
        assert "canary" not in str(snapshot)


def test_bookmarks_are_no_news(tmp_path: Path) -> None:
    with serving([item("Pod", "a")]) as server:
        followed = Followed(cluster_at(tmp_path, server), "Pod")
        followed.next()
        server._happened.append(("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "99"}}))
        assert followed.silent()


def test_watch_goes_on_from_the_last_version_when_the_server_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_watch, "_HEALTHY", 0.0)
    ended = threading.Event()

    def once(exchange: Exchange) -> bool:
        if not exchange.watching or ended.is_set():
            return False
        line = json.dumps({"type": "BOOKMARK", "object": item("Pod", "", "77")}).encode() + b"\n"
        exchange.send_chunks(iter([line]))
        ended.set()
        return True

    with serving([item("Pod", "a")], once) as server:
        followed = Followed(cluster_at(tmp_path, server), "Pod")
        followed.next()
        assert ended.wait(3)
        time.sleep(0.1)
        server.happen("ADDED", item("Pod", "b"))
        followed.until(lambda snapshot: "Pod/b" in names(snapshot))
        versions = [path.partition("resourceVersion=")[2].partition("&")[0] for _, path in server.asked if "watch=true" in path]
        assert versions == ["10", "77"]
        assert sum("watch=true" not in path for _, path in server.asked) == 1, "it was listed again"
        assert all("allowWatchBookmarks=true" in path for _, path in server.asked if "watch=true" in path)


def first_watch(fault: Fault) -> Fault:
    left = [True]
    return lambda exchange: exchange.watching and bool(left) and left.pop() and fault(exchange)


BROKEN_WATCHES: dict[str, Fault] = {
    "gone": lambda exchange: exchange.refuse(410),
    "error-event": lambda exchange: exchange.send_chunks(iter([b'{"type": "ERROR", "object": {"kind": "Status", "code": 410}}\n'])),
    "no-json": lambda exchange: exchange.send_chunks(iter([b"<html>\n"])),
    "no-event": lambda exchange: exchange.send_chunks(iter([b"[]\n", b"7\n"])),
    "no-object": lambda exchange: exchange.send_chunks(iter([b'{"type": "ADDED"}\n'])),
    "half-an-event": lambda exchange: exchange.reset(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"type": "ADD'),
    "reset": lambda exchange: exchange.reset(),
    "at-once-over": lambda exchange: exchange.send_chunks(iter([])),
    "server-error": lambda exchange: exchange.refuse(500),
    "busy": lambda exchange: exchange.refuse(429),
    "unauthorized": lambda exchange: exchange.refuse(401),
}


@pytest.mark.parametrize("fault", BROKEN_WATCHES.values(), ids=BROKEN_WATCHES)
def test_watch_that_breaks_is_taken_up_again(fault: Fault, tmp_path: Path) -> None:
    with serving([item("Pod", "a")], first_watch(fault)) as server:
        followed = Followed(cluster_at(tmp_path, server), "Pod")
        assert names(followed.next()) == ["Pod/a"]
        deadline = time.monotonic() + 3
        while sum("watch=true" in path for _, path in server.asked) < 2:
            assert time.monotonic() < deadline, "there was no second watch"
            time.sleep(0.01)
        time.sleep(0.1)
        server.happen("ADDED", item("Pod", "b"))
        followed.until(lambda snapshot: names(snapshot) == ["Pod/a", "Pod/b"] and not snapshot.unreadable)
        assert followed.end() < 0.5


@pytest.mark.parametrize("status", [403, 404, 405])
def test_kind_that_cannot_be_watched_is_listed_again_and_again(status: int, tmp_path: Path) -> None:
    with serving([item("Pod", "a")], lambda exchange: exchange.watching and exchange.refuse(status)) as server:
        followed = Followed(cluster_at(tmp_path, server), "Pod")
        followed.next()
        server.objects.append(item("Pod", "b"))
        followed.until(lambda snapshot: names(snapshot) == ["Pod/a", "Pod/b"])
        assert followed.end() < 0.5


@pytest.mark.parametrize(("status", "words"), [(403, "access denied"), (404, "does not serve")])
def test_kind_that_cannot_be_read_is_told_once_and_seen_when_it_can(status: int, words: str, tmp_path: Path) -> None:
    with serving([item("Pod", "a"), item("Job", "j")]) as server:
        server.fault = lambda exchange: exchange.kind.name == "Job" and exchange.refuse(status)
        followed = Followed(cluster_at(tmp_path, server), "Pod", "Job")
        assert words in followed.next().unreadable["Job"]
        assert followed.silent(), "the same trouble was told again"
        server.fault = healthy
        assert followed.until(lambda snapshot: not snapshot.unreadable).find("Job", "j") is not None


def test_cluster_that_goes_away_is_told_and_seen_when_it_is_back(tmp_path: Path) -> None:
    with serving([item("Pod", "a"), item("Secret", "s")]) as server:
        port = server.server_address[1]
        followed = Followed(cluster_at(tmp_path, server), "Pod", "Secret")
        followed.next()
    away = followed.until(lambda snapshot: len(snapshot.unreadable) == 2)
    assert not away.objects
    assert away.context_namespace == "default"
    for sentence in away.unreadable.values():
        assert sentence.startswith(
            f"Nothing answers at 127.0.0.1:{port}: the connection was refused. Start the cluster, then check with: kubectl"
        )
        assert sentence.endswith("--context course")
    with serving([item("Pod", "a"), item("Pod", "b"), item("Secret", "s")], port=port):
        back = followed.until(lambda snapshot: not snapshot.unreadable)
        assert names(back) == ["Pod/a", "Pod/b", "Secret/s"]
        assert followed.end() < 0.5


def test_cluster_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    with serving() as server:
        cluster, port = cluster_at(tmp_path, server), server.server_address[1]
    followed = Followed(cluster, "Pod")
    assert "refused" in followed.next().unreadable["Pod"]
    with serving([item("Pod", "a")], port=port):
        followed.until(lambda snapshot: names(snapshot) == ["Pod/a"])


def test_server_that_never_answers_does_not_hold_the_first_snapshot(tmp_path: Path) -> None:
    fault: Fault = lambda exchange: exchange.kind.name == "Job" and exchange.wait(30)  # noqa: E731 - as in the tables
    with serving([item("Pod", "a")], fault) as server:
        followed = Followed(cluster_at(tmp_path, server, timeout=0.5), "Pod", "Job")
        first = followed.next(within=1.5)
        assert names(first) == ["Pod/a"]
        assert "no whole answer within 0.5 s" in first.unreadable["Job"]
        assert followed.end() < 0.5


def test_stream_that_falls_silent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_watch, "_STREAM", 0)

    def silence(exchange: Exchange) -> bool:
        def nothing() -> Iterator[bytes]:
            exchange.wait(30)
            yield from ()

        return exchange.watching and exchange.send_chunks(nothing())

    with serving([item("Pod", "a")], silence) as server:
        followed = Followed(cluster_at(tmp_path, server, timeout=0.3), "Pod")
        followed.next()
        server.objects.append(item("Pod", "b"))
        followed.until(lambda snapshot: names(snapshot) == ["Pod/a", "Pod/b"])


def test_closing_the_iterator_ends_everything(tmp_path: Path) -> None:
    with serving([item("Pod", "a")]) as server:
        snapshots = cluster_at(tmp_path, server).watch(["Pod", "Secret", "Job"], "rag-engine")
        next(iter(snapshots))
        started = time.monotonic()
        snapshots.close()
        while _followers():
            assert time.monotonic() - started < 0.5
            time.sleep(0.01)


def test_stop_that_is_set_before_is_kept(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with serving([item("Pod", "a")]) as server:
        assert list(cluster_at(tmp_path, server).watch(["Pod"], "rag-engine", stop)) == []


def test_server_that_fails_is_not_asked_without_a_pause(tmp_path: Path) -> None:
    with serving((), lambda exchange: exchange.refuse(500)) as server:
        followed = Followed(cluster_at(tmp_path, server), "Pod")
        followed.next()
        before = len(server.asked)
        time.sleep(1)
        assert len(server.asked) - before < 8
