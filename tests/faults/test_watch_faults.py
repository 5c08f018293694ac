"""A watch of a real cluster through trouble: once it is over, the verdict is right again soon, without starting anew."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from graders.engine import evaluate
from graders.lessons.lesson_02_configmaps import LESSON
from graders.snapshot import Snapshot
from graders.sources.cluster import connect
from graders.verdict import Status
from tests.api import Api, Json
from tests.faults.proxy import Upstream, between
from tests.sources.faulty import Exchange, Server, healthy

pytestmark = pytest.mark.cluster

NAMESPACE = "watch-faults"
SOON = 2.0
LASTS = 1.5  # seconds of trouble
OBJECTIVE = "app-settings"


def config_map(level: str) -> Json:
    data = {"ENVIRONMENT": "production", "LOG_LEVEL": level}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rag-engine-config", "namespace": NAMESPACE}, "data": data}


def half_a_line(exchange: Exchange) -> bool:
    return exchange.watching and exchange.send_chunks(iter([b'{"type": "MODIFIED", "object": {"kind": "Conf']))


def gone_in_the_stream(exchange: Exchange) -> bool:
    event = b'{"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired"}}\n'
    return exchange.watching and exchange.send_chunks(iter([event]))


def cut(exchange: Exchange) -> bool:
    return exchange.reset()


def refusing(status: int) -> Callable[[Exchange], bool]:
    return lambda exchange: exchange.refuse(status)


TROUBLE = {
    "connections cut": cut,
    "half a line": half_a_line,
    "410 in the stream": gone_in_the_stream,
    "credentials refused": refusing(401),
    "access denied": refusing(403),
    "too many requests": refusing(429),
    "server errors": refusing(500),
    "watches refused": lambda exchange: exchange.watching and exchange.refuse(500),
}


class Followed(NamedTuple):
    """A watch through the proxy, whose snapshots are judged as they come."""

    server: Server
    told: queue.SimpleQueue[Status]

    def until(self, status: Status, within: float) -> float:
        """Seconds until the objective has that status."""
        started = time.monotonic()
        while self.told.get(timeout=max(started + within - time.monotonic(), 0)) is not status:
            pass
        return time.monotonic() - started


def _status(snapshot: Snapshot) -> Status:
    return next(result.status for result in evaluate(LESSON, snapshot).results if result.objective.id == OBJECTIVE)


@pytest.fixture(scope="module")
def upstream(api: Api, kubeconfig: Path) -> Iterator[Upstream]:
    api.ensure_namespace(NAMESPACE)
    yield Upstream(kubeconfig)
    api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)


@pytest.fixture
def followed(upstream: Upstream, api: Api, tmp_path: Path) -> Iterator[Followed]:
    api.put(config_map("loud"))
    stop = threading.Event()
    with between(upstream, tmp_path, NAMESPACE) as (server, path):
        cluster = connect(context=None, kubeconfig=str(path), timeout=5)
        told: queue.SimpleQueue[Status] = queue.SimpleQueue()

        def follow() -> None:
            for snapshot in cluster.watch(LESSON.reads + LESSON.live_reads, NAMESPACE, stop):
                told.put(_status(snapshot))

        thread = threading.Thread(target=follow)
        thread.start()
        try:
            watched = Followed(server, told)
            watched.until(Status.FAILED, within=10)
            time.sleep(1)  # until every kind is watched
            yield watched
        finally:
            stop.set()
            thread.join(10)
            assert not thread.is_alive()


@pytest.mark.parametrize("fault", TROUBLE.values(), ids=TROUBLE)
def test_verdict_is_right_soon_after_the_trouble(fault: Callable[[Exchange], bool], followed: Followed, api: Api) -> None:
    followed.server.fault = fault
    followed.server.hang_up()
    time.sleep(LASTS / 2)
    assert api.put(config_map("info"))[0] == 200
    time.sleep(LASTS / 2)
    followed.server.fault = healthy
    assert followed.until(Status.PASSED, within=SOON + 5) < SOON


def test_server_that_is_started_anew_is_found_again(upstream: Upstream, api: Api, tmp_path: Path) -> None:
    api.put(config_map("loud"))
    stop, told = threading.Event(), queue.SimpleQueue[Status]()
    with between(upstream, tmp_path, NAMESPACE) as (server, path):
        port = server.server_address[1]
        snapshots = connect(context=None, kubeconfig=str(path), timeout=5).watch(LESSON.reads, NAMESPACE, stop)
        assert _status(next(snapshots)) is Status.FAILED

        def follow() -> None:
            for snapshot in snapshots:
                told.put(_status(snapshot))

        thread = threading.Thread(target=follow)
        thread.start()
    try:
        api.put(config_map("info"))
        time.sleep(LASTS)
        with between(upstream, tmp_path, NAMESPACE, port=port) as (server, _):
            assert Followed(server, told).until(Status.PASSED, within=SOON + 5) < SOON
    finally:
        stop.set()
        thread.join(10)
