"""`grade --watch` and `grade --wait` as processes of their own, through trouble: what they print, and how they end."""

from __future__ import annotations

import json
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.api import Api, Json
from tests.cases import exercise, manifests
from tests.cli.conftest import start
from tests.faults.proxy import Upstream, between
from tests.sources.faulty import Exchange, Fault, Server, healthy

pytestmark = pytest.mark.cluster

NAMESPACE = "process-faults"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/rag-engine-api"
SOON = 8.0  # seconds from the end of trouble to the verdict: a list that waits for its time limit, a pause, a list
TIMEOUT = 2.0
OBJECTIVE = "replicas"
HTML = b"<!doctype html><title>Sign in</title>"


def gone_out_of_date(exchange: Exchange) -> bool:
    return exchange.refuse(410)


def unavailable(exchange: Exchange) -> bool:
    return exchange.send(503, HTML, Content_Type="text/html")


def reset(exchange: Exchange) -> bool:
    return exchange.reset()


def silence(exchange: Exchange) -> bool:
    exchange.wait(30)
    return True


TROUBLE: dict[str, tuple[Fault, str]] = {
    "connections reset": (reset, "broke the connection off"),
    "410": (gone_out_of_date, "(status 410)"),
    "503 with a web page": (unavailable, "(status 503)"),
    "silence for 30 s": (silence, f"did not answer within {TIMEOUT:g} s"),
}


def app() -> Iterator[Json]:
    """The solutions of lessons 1 to 4, in our namespace."""
    for number in range(1, 5):
        for path in manifests(exercise(f"lesson-{number}") / "solution"):
            for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                if body["kind"] != "Namespace":
                    body["metadata"]["namespace"] = NAMESPACE
                    yield body


class Running:
    """A `grade` that runs, and what it has printed so far."""

    def __init__(self, *argv: str) -> None:
        self.process = start(["lesson-4", "-n", NAMESPACE, "--timeout", f"{TIMEOUT:g}s", *argv])
        self.reports: queue.SimpleQueue[Json] = queue.SimpleQueue()
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self._report)),
            threading.Thread(target=self._read, args=(self.process.stderr, self.err.append)),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, take: Callable[[str], object]) -> None:
        with stream:
            for line in stream:
                take(line.decode())

    def _report(self, line: str) -> None:
        self.out.append(line)
        if line.startswith("{"):
            self.reports.put(json.loads(line))

    def until(self, status: str, reason: str = "", within: float = 10.0) -> Json:
        """The objective's part of the next report in which it has that status, for a reason that has these words."""
        deadline = time.monotonic() + within
        while True:
            report = self.reports.get(timeout=max(deadline - time.monotonic(), 0))
            told: Json = next(item for item in report["objectives"] if item["id"] == OBJECTIVE)
            if told["status"] == status and reason in (told.get("reason") or ""):
                return told

    def said(self, text: str, within: float = 10.0) -> None:
        """Wait until it is in what it said on standard error."""
        deadline = time.monotonic() + within
        while text not in "".join(self.err):
            assert time.monotonic() < deadline, self.err
            assert self.process.poll() is None, self.err
            time.sleep(0.02)

    def status(self, within: float) -> int:
        """The exit status, once it has ended."""
        status = self.process.wait(within)
        for reader in self._readers:
            reader.join()
        printed = "".join([*self.out, *self.err])
        assert "Traceback" not in printed
        assert "Exception" not in printed
        return status

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join()


@contextmanager
def running(*argv: str) -> Iterator[Running]:
    """`grade lesson-4` with more arguments, which is ended with the context if it has not ended by itself."""
    grade = Running(*argv)
    try:
        yield grade
    finally:
        grade.end()


class Stage(NamedTuple):
    """The app on a cluster, behind a proxy; `path` is the kubeconfig that leads through it."""

    api: Api
    upstream: Upstream
    server: Server
    path: Path

    def scale(self, copies: int, ready_for: int = 0) -> None:
        """So many copies of the app, each of which counts after so many seconds."""
        patch = {"spec": {"replicas": copies, "minReadySeconds": ready_for}}
        status, answer = self.api.request("PATCH", DEPLOYMENT, patch, "application/merge-patch+json")
        assert status == 200, answer

    def until_ready(self, copies: int) -> None:
        deadline = time.monotonic() + 40
        while True:
            found = self.api.request("GET", DEPLOYMENT)[1]
            state: Mapping[str, Any] = found.get("status", {})
            seen = state.get("observedGeneration") == found["metadata"]["generation"]
            if seen and state.get("readyReplicas", 0) == state.get("replicas", 0) == copies:
                return
            assert time.monotonic() < deadline, state
            time.sleep(0.05)

    def trouble(self, fault: Fault) -> None:
        self.server.fault = fault
        self.server.hang_up()
        time.sleep(0.3)  # a request may have come before the fault, and be passed on after the first hanging up
        self.server.hang_up()


@pytest.fixture(scope="module")
def upstream(api: Api, kubeconfig: Path) -> Iterator[Upstream]:
    api.ensure_namespace(NAMESPACE)
    for body in app():
        status, answer = api.put(body, NAMESPACE)
        assert status in (200, 201), answer
    yield Upstream(kubeconfig)
    api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)


@pytest.fixture
def stage(api: Api, upstream: Upstream, tmp_path: Path) -> Iterator[Stage]:
    with between(upstream, tmp_path, NAMESPACE) as (server, path):
        yield Stage(api, upstream, server, path)


@pytest.mark.parametrize("name", TROUBLE)
def test_watch_tells_of_trouble_and_judges_what_changed_meanwhile(name: str, stage: Stage) -> None:
    fault, reason = TROUBLE[name]
    stage.scale(2)
    with running("--watch", "--format", "json", "--kubeconfig", str(stage.path)) as grade:
        grade.until("failed")
        stage.trouble(fault)
        told = grade.until("unknown", reason, within=SOON)
        assert "with: kubectl " in told["reason"]
        stage.scale(3)
        time.sleep(0.3)
        stage.server.fault = healthy
        grade.until("passed", within=SOON)
        stage.scale(2)
        grade.until("failed", within=SOON)
        grade.process.send_signal(signal.SIGINT)
        assert grade.status(within=3) == 130


def test_watch_says_that_the_cluster_is_gone_and_that_it_is_back(api: Api, upstream: Upstream, tmp_path: Path) -> None:
    with between(upstream, tmp_path, NAMESPACE) as (server, path):
        port = server.server_address[1]
        before = Stage(api, upstream, server, path)
        before.scale(3)
        before.until_ready(3)
        grade = Running("--watch", "--kubeconfig", str(path))
        deadline = time.monotonic() + 10
        while "15 of 15 objectives passed" not in "".join(grade.out):
            assert time.monotonic() < deadline, grade.out
            time.sleep(0.02)
    try:
        _printed_again(grade, "the connection was refused")
        before.scale(2)
        with between(upstream, tmp_path, NAMESPACE, port=port):
            _printed_again(grade, "failed Three replicas are wanted")
            grade.process.send_signal(signal.SIGTERM)
            assert grade.status(within=3) == -signal.SIGTERM
    finally:
        grade.end()


def _printed_again(grade: Running, text: str) -> None:
    """Wait for a text in what is printed on standard output, at any width."""
    deadline = time.monotonic() + SOON
    while text not in " ".join("".join(grade.out).split()):
        assert time.monotonic() < deadline, grade.out
        time.sleep(0.02)


def test_watch_ends_at_once_when_it_is_interrupted_amid_silence(stage: Stage) -> None:
    stage.scale(2)
    with running("--watch", "--format", "json", "--kubeconfig", str(stage.path)) as grade:
        grade.until("failed")
        stage.trouble(silence)
        grade.until("unknown", within=SOON)
        grade.process.send_signal(signal.SIGINT)
        assert grade.status(within=3) == 130


@pytest.fixture
def unready(stage: Stage) -> Stage:
    """The app just started anew; until it is scaled again, its copies do not count as available."""
    stage.scale(0)
    stage.until_ready(0)
    stage.scale(3, ready_for=300)
    return stage


@pytest.mark.parametrize("name", TROUBLE)
def test_wait_outlasts_trouble(name: str, unready: Stage) -> None:
    fault, _ = TROUBLE[name]
    with running("--wait", "20s", "--kubeconfig", str(unready.path)) as grade:
        grade.said("Waiting for rollout-complete …")
        unready.trouble(fault)
        time.sleep(TIMEOUT + 0.5 if name == "silence for 30 s" else 0.5)
        unready.scale(3)
        unready.server.fault = healthy
        assert grade.status(within=15) == 0
    assert "15 of 15 objectives passed" in "".join(grade.out)


def test_wait_for_a_cluster_that_stays_away_ends_with_3(unready: Stage) -> None:
    started = time.monotonic()
    with running("--wait", "8s", "--kubeconfig", str(unready.path)) as grade:
        grade.said("Waiting for rollout-complete …")
        unready.trouble(silence)
        assert grade.status(within=20) == 3
    assert time.monotonic() - started > 8
    assert f"did not answer within {TIMEOUT:g} s" in " ".join("".join(grade.out).split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_wait_ends_at_once_when_it_is_told_to(number: signal.Signals, unready: Stage) -> None:
    with running("--wait", "20s", "--kubeconfig", str(unready.path)) as grade:
        grade.said("Waiting for rollout-complete …")
        unready.trouble(silence)
        grade.process.send_signal(number)
        assert grade.status(within=3) == (130 if number is signal.SIGINT else -number)
