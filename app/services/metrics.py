"""What Prometheus is told of one server: how many requests, how quick, how many open streams, attempts, connections. Nothing about people.

Labels are routes as they are declared, methods, statuses and origins: a few hundred series, whatever is asked for.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from graders.errors import GradingError
from graders.version import version

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The counts of one app, in a registry of their own."""

    def __init__(self, engine: Engine) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each, of which nobody asks anything
        self.registry = CollectorRegistry()
        self._requests = Counter("course_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry)
        self._seconds = Histogram(
            "course_request_seconds",
            "Time from a request to the end of its answer, event streams left out.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.streams = Gauge("course_open_streams", "Event streams to open pages.", registry=self.registry)
        self._submissions = Counter("course_submissions", "What terminals submitted, by status.", ("status",), registry=self.registry)
        self._attempts = Counter("course_attempts", "Attempts recorded by this server.", ("origin",), registry=self.registry)
        built = Gauge("course_build_info", "1, with the versions that run.", ("version", "python"), registry=self.registry)
        built.labels(version(), platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Pool(engine))

    def answered(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count a request; `seconds` is None for a stream, which lasts as long as its page is open."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(method, route).observe(seconds)

    def submitted(self, status: int) -> None:
        """Count a submission."""
        self._submissions.labels(str(status)).inc()

    def recorded(self, told: Mapping[str, Any]) -> None:
        """Count attempts, as the feed tells of them."""
        self._attempts.labels(str(told.get("origin", "unknown"))).inc(int(told.get("count", 1)))

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Answer Prometheus at http://host:port/metrics; gives what ends that. Raises GradingError when the port cannot be had."""
        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as error:
            raise GradingError(
                f"Port {port} of {host}, for /metrics, cannot be used: {error.strerror or error}.",
                help="Name another in COURSE_METRICS_PORT, or leave it out for none.",
            ) from error

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join(timeout=2)

        return end


class _Pool(Collector):
    """The database's connections, asked when Prometheus asks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterable[Metric]:
        """The numbers of now."""
        pool = self._engine.pool
        family = GaugeMetricFamily("course_database_connections", "Connections to the database.", labels=("state",))
        if isinstance(pool, QueuePool):
            family.add_metric(("in use",), pool.checkedout())
            family.add_metric(("idle",), pool.checkedin())
            most = GaugeMetricFamily("course_database_connections_most", "How many connections there may be.")
            most.add_metric((), pool.size() + getattr(pool, "_max_overflow", 0))
            yield most
        yield family
