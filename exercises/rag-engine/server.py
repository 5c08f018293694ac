"""RAG Engine Mini: the small API that the course deploys, and its troubled neighbours of lesson 14. Standard library only.

It answers /health, /health/ready, /metrics and a toy /api/query, logs JSON to standard output, and needs nothing to be writable. How
it behaves is set by environment variables, so that a lesson can have it start slowly, be not ready, or be busy:

    PORT                where it listens (default: 8000)
    START_SECONDS       how long it takes before it listens (default: 0)
    REQUIRES            names of variables, separated by blanks, without which it does not start
    FAIL_READINESS      true: it is never ready
    READY_UNLESS        it is not ready while this file exists (default: /tmp/not-ready)
    WORK_MILLISECONDS   processor time that each query costs (default: 5)
    ENVIRONMENT, LOG_LEVEL, QDRANT_HOST, QDRANT_PORT, CACHE_TTL, ENABLE_HYBRID_SEARCH, ENABLE_RERANKING: the application's settings

Of DATABASE_URL, REDIS_URL, OPENAI_API_KEY and JWT_SECRET it tells only whether they are set.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SETTINGS = ("ENVIRONMENT", "LOG_LEVEL", "QDRANT_HOST", "QDRANT_PORT", "CACHE_TTL", "ENABLE_HYBRID_SEARCH", "ENABLE_RERANKING")
SECRETS = ("DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "JWT_SECRET")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
PATHS = ("/", "/health", "/health/ready", "/healthz", "/metrics", "/api/query", "/api/settings")
LEVELS = ("debug", "info", "warning", "error")

# What the toy engine knows; a query finds the passages that share most words with it.
PASSAGES = (
    "A Pod is the smallest thing that Kubernetes runs: containers that share an address and volumes.",
    "A Service gives Pods that come and go one stable name and address.",
    "A Deployment replaces Pods step by step, and keeps the old ReplicaSets to go back to.",
    "A readiness probe decides whether a Pod gets traffic; a liveness probe whether its container is restarted.",
    "A HorizontalPodAutoscaler compares a metric with its target and changes the number of replicas.",
    "A PodDisruptionBudget limits how many Pods may be evicted at the same time.",
    "A Secret is encoded in base64, which hides nothing; who may read it is what protects it.",
    "A NetworkPolicy that selects a Pod forbids all traffic that no policy allows.",
)


@dataclass(frozen=True)
class Settings:
    """The variables that the server reads, checked once at start."""

    port: int
    start_seconds: float
    never_ready: bool
    not_ready_file: Path
    work_seconds: float
    level: str
    shown: Mapping[str, str]
    secrets: Mapping[str, bool]


class Unusable(Exception):
    """The server cannot start with these variables; the message says why."""


def settings(variables: Mapping[str, str]) -> Settings:
    """Read the environment. Raises Unusable when a required variable is missing or a number is none."""
    missing = [name for name in variables.get("REQUIRES", "").split() if not variables.get(name)]
    if missing:
        raise Unusable(f"{', '.join(missing)} is not set: nothing to connect to")
    level = variables.get("LOG_LEVEL", "info").lower()
    return Settings(
        port=int(_number(variables, "PORT", "8000")),
        start_seconds=_number(variables, "START_SECONDS", "0"),
        never_ready=variables.get("FAIL_READINESS", "").lower() == "true",
        not_ready_file=Path(variables.get("READY_UNLESS") or "/tmp/not-ready"),  # noqa: S108 - made by the learner with kubectl exec
        work_seconds=_number(variables, "WORK_MILLISECONDS", "5") / 1000,
        level=level if level in LEVELS else "info",
        shown={name: variables.get(name, "") for name in SETTINGS},
        secrets={name: bool(variables.get(name)) for name in SECRETS},
    )


def _number(variables: Mapping[str, str], name: str, default: str) -> float:
    text = variables.get(name) or default
    try:
        number = float(text)
    except ValueError:
        raise Unusable(f"{name} must be a number, not {text!r}") from None
    if not 0 <= number < 100_000:
        raise Unusable(f"{name} must be between 0 and 100000, not {text}")
    return number


class Metrics:
    """Counters of requests, written in the Prometheus text format."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int], int] = {}
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._began = time.time()

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one answered request. Paths that the server does not know are one series, or a scan would make thousands."""
        key = (method, path if path in PATHS else "other", status)
        with self._lock:
            self._requests[key] = self._requests.get(key, 0) + 1
            self._buckets[sum(seconds > bound for bound in BUCKETS)] += 1
            self._seconds += seconds

    def text(self) -> str:
        """All series now."""
        with self._lock:
            lines = [
                "# HELP http_requests_total Requests answered.",
                "# TYPE http_requests_total counter",
                *(
                    f'http_requests_total{{method="{method}",path="{path}",status="{status}"}} {count}'
                    for (method, path, status), count in sorted(self._requests.items())
                ),
                "# HELP http_request_duration_seconds Time from request to answer.",
                "# TYPE http_request_duration_seconds histogram",
            ]
            total = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._buckets, strict=True):
                total += count
                lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {total}')
            lines += [
                f"http_request_duration_seconds_sum {self._seconds:.6f}",
                f"http_request_duration_seconds_count {total}",
                "# HELP process_start_time_seconds When the process started, in seconds since 1970.",
                "# TYPE process_start_time_seconds gauge",
                f"process_start_time_seconds {self._began:.3f}",
            ]
        return "\n".join(lines) + "\n"


class Engine(ThreadingHTTPServer):
    """The server with its settings, its metrics, and whether it is about to stop."""

    daemon_threads = False  # requests that are under way are answered before the process ends
    request_queue_size = 128

    def __init__(self, chosen: Settings) -> None:
        super().__init__(("", chosen.port), Handler)
        self.settings = chosen
        self.metrics = Metrics()
        self.stopping = threading.Event()

    def ready(self) -> bool:
        """Whether a Service should send requests here."""
        return not (self.stopping.is_set() or self.settings.never_ready or self.settings.not_ready_file.exists())

    def stop(self) -> None:
        """Be not ready from now on, answer what is under way, and end."""
        self.stopping.set()
        threading.Thread(target=self.shutdown).start()


class Handler(BaseHTTPRequestHandler):
    """The answers, one method for each kind of them."""

    server: Engine
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "rag-engine", ""
    timeout = 30

    def do_GET(self) -> None:
        """Answer a request."""
        began = time.perf_counter()
        url = urlsplit(self.path)
        status, body, kind = self._answer(url.path, parse_qs(url.query))
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        seconds = time.perf_counter() - began
        self.server.metrics.count(self.command, url.path, status, seconds)
        quiet = url.path.startswith("/health") or url.path == "/metrics"
        log(self.server.settings, "debug" if quiet else "info", "request", path=url.path, status=int(status), seconds=round(seconds, 4))

    def do_HEAD(self) -> None:
        """Answer a request without its body."""
        self.do_GET()

    def _answer(self, path: str, query: Mapping[str, list[str]]) -> tuple[HTTPStatus, str, str]:
        chosen = self.server.settings
        if path == "/metrics":
            return HTTPStatus.OK, self.server.metrics.text(), "text/plain; version=0.0.4; charset=utf-8"
        if path in ("/health", "/healthz"):
            return _json(HTTPStatus.OK, {"status": "alive"})
        if path == "/health/ready":
            if self.server.ready():
                return _json(HTTPStatus.OK, {"status": "ready"})
            return _json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "not ready"})
        if path == "/api/settings":
            return _json(HTTPStatus.OK, {"settings": dict(chosen.shown), "set": dict(chosen.secrets)})
        if path == "/api/query":
            question = query.get("q", [""])[0]
            if not question:
                return _json(HTTPStatus.BAD_REQUEST, {"error": "ask with /api/query?q=what+is+a+pod"})
            work(chosen.work_seconds)
            return _json(HTTPStatus.OK, {"question": question, "passages": find(question)})
        if path == "/":
            return _json(HTTPStatus.OK, {"name": "RAG Engine Mini", "paths": list(PATHS[1:])})
        return _json(HTTPStatus.NOT_FOUND, {"error": f"nothing is served at {path}"})

    def log_message(self, format: str, *args: object) -> None:
        """The base class writes to standard error; requests are logged as JSON instead."""


def _json(status: HTTPStatus, body: Mapping[str, object]) -> tuple[HTTPStatus, str, str]:
    return status, json.dumps(body) + "\n", "application/json"


def find(question: str, most: int = 3) -> list[str]:
    """The passages that share the most words with a question, the best first; none when no word is shared."""
    asked = _words(question)
    scored = sorted(((len(asked & _words(passage)), passage) for passage in PASSAGES), key=lambda pair: -pair[0])
    return [passage for score, passage in scored[:most] if score]


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z]+", text.lower()) if len(word) > 2}


def work(seconds: float) -> None:
    """Keep a processor busy for so long, counted in processor time of this thread."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def log(chosen: Settings | None, level: str, message: str, **values: object) -> None:
    """One line of JSON on standard output, if the level is wanted."""
    if chosen is None or LEVELS.index(level) >= LEVELS.index(chosen.level):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"time": stamp, "level": level, "message": message, **values}) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Serve until told to stop; the exit status is 1 when it cannot start."""
    try:
        chosen = settings(os.environ)
    except Unusable as error:
        log(None, "error", str(error))
        return 1
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    log(chosen, "info", "starting", seconds=chosen.start_seconds, environment=chosen.shown["ENVIRONMENT"])
    if stop.wait(chosen.start_seconds):
        return 0
    try:
        engine = Engine(chosen)
    except OSError as error:
        log(chosen, "error", f"port {chosen.port} cannot be used: {error.strerror}")
        return 1
    serving = threading.Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.1})
    serving.start()
    log(chosen, "info", "listening", port=chosen.port)
    while not stop.wait(3600):
        pass
    log(chosen, "info", "stopping")
    engine.stop()
    serving.join()
    engine.server_close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
