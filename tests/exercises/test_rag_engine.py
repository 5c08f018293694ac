"""The application that the course deploys, as a container would run it: started, asked, told to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from graders.semantics.exposition import read_exposition

SERVER = Path(__file__).parents[2] / "exercises" / "rag-engine" / "server.py"


class Running:
    """One server on a free port, with the variables given and no others of the learner's."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=10)[0]


def _start(variables: dict[str, str]) -> Running:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), **variables}
    process = subprocess.Popen([sys.executable, str(SERVER)], env=environment, stdout=subprocess.PIPE, text=True)
    return Running(process, port)


@contextmanager
def serving(**variables: str) -> Iterator[Running]:
    """A server that listens."""
    running = _start(variables)
    try:
        deadline = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", running.port)) == 0:
                    break
            assert running.process.poll() is None, "it stopped by itself"
            assert time.monotonic() < deadline, "it does not listen"
            time.sleep(0.02)
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        pytest.param("/", 200, "RAG Engine Mini", id="start"),
        pytest.param("/health", 200, "alive", id="liveness"),
        pytest.param("/healthz", 200, "alive", id="liveness-by-its-other-name"),
        pytest.param("/health/ready", 200, "ready", id="readiness"),
        pytest.param("/api/query?q=what+limits+evicted+Pods", 200, "PodDisruptionBudget", id="query"),
        pytest.param("/api/query?q=zzz", 200, '"passages": []', id="query-without-an-answer"),
        pytest.param("/api/query", 400, "ask with", id="query-without-a-question"),
        pytest.param("/api/settings", 200, "production", id="settings"),
        pytest.param("/nowhere", 404, "nothing is served", id="not-found"),
    ],
)
def test_answers(path: str, status: int, words: str) -> None:
    with serving(ENVIRONMENT="production") as server:
        found, body = server.get(path)
    assert found == status
    assert words in body


def test_metrics_are_in_the_exposition_format_and_count() -> None:
    with serving() as server:
        for path in ("/api/query?q=pod", "/api/query?q=service", "/scan/1", "/scan/2"):
            server.get(path)
        status, body = server.get("/metrics")
    assert status == 200
    page = read_exposition(body)
    assert page.broken is None
    assert page.samples > 10
    assert 'http_requests_total{method="GET",path="/api/query",status="200"} 2' in body
    assert 'path="other",status="404"} 2' in body, "unknown paths are one series"
    assert 'le="+Inf"} 4' in body


def test_secrets_are_told_as_set_or_not() -> None:
    with serving(DATABASE_URL="postgresql://user:canary-value@db/rag") as server:
        _, body = server.get("/api/settings")
        log = server.stop()
    assert json.loads(body)["set"] == {"DATABASE_URL": True, "REDIS_URL": False, "OPENAI_API_KEY": False, "JWT_SECRET": False}
    assert "canary" not in body + log


def test_not_ready_while_the_file_is_there(tmp_path: Path) -> None:
    switch = tmp_path / "not-ready"
    with serving(READY_UNLESS=str(switch)) as server:
        assert server.get("/health/ready")[0] == 200
        switch.touch()
        assert server.get("/health/ready")[0] == 503
        assert server.get("/health")[0] == 200, "it is alive all the same"


def test_never_ready_when_told_so() -> None:
    with serving(FAIL_READINESS="True") as server:
        assert server.get("/health/ready")[0] == 503
        assert server.get("/health")[0] == 200


def test_stops_when_told_after_it_has_answered() -> None:
    with serving(WORK_MILLISECONDS="700") as server:
        asking = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{server.port}/api/query?q=pod').status)",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(0.4)
        log = server.stop()
        assert server.process.returncode == 0
        assert asking.communicate(timeout=10)[0] == "200\n"
    assert [json.loads(line)["message"] for line in log.splitlines()][-1] in ("stopping", "request")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param({"REQUIRES": "DATABASE_URL"}, "DATABASE_URL is not set", id="required-and-missing"),
        pytest.param({"REQUIRES": "DATABASE_URL", "DATABASE_URL": ""}, "DATABASE_URL is not set", id="required-and-empty"),
        pytest.param({"START_SECONDS": "soon"}, "START_SECONDS must be a number", id="no-number"),
        pytest.param({"WORK_MILLISECONDS": "-1"}, "between 0 and", id="negative"),
    ],
)
def test_does_not_start_without_what_it_needs(variables: dict[str, str], words: str) -> None:
    running = _start(variables)
    log, _ = running.process.communicate(timeout=10)
    assert running.process.returncode == 1
    assert words in json.loads(log)["message"]


def test_starts_slowly_when_told_to() -> None:
    began = time.monotonic()
    with serving(START_SECONDS="1"):
        assert time.monotonic() - began >= 1


def test_stops_while_it_is_starting() -> None:
    running = _start({"START_SECONDS": "60"})
    assert running.process.stdout is not None
    assert "starting" in running.process.stdout.readline()
    running.stop()
    assert running.process.returncode == 0
