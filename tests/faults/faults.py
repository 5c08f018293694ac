"""What may go wrong between the grader and an API server, as faults of the proxy: each by name, with what it spoils."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.faults.proxy import Upstream, send
from tests.sources.faulty import Exchange, Fault

Make = Callable[[Upstream, str], Fault]
"""Makes a fault, for a real API server and a namespace of it."""

CROWD = 5_000
_TIME = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)((?:\.\d+)?Z)"')
_HTML = b"<!doctype html><title>Sign in</title>"


@dataclass(frozen=True)
class Trouble:
    """A fault, and what of a reading it spoils: every kind, or those named. `heals` means that the grader gets over it by itself."""

    does: str
    make: Make
    kinds: tuple[str, ...] = ()
    heals: bool = False
    ahead: float = 0.0

    def spoils(self, kind: str) -> bool:
        return not self.heals and (not self.kinds or kind in self.kinds)


def always(fault: Callable[[Exchange], object], *kinds: str) -> Make:
    """The same fault for every request, or for those about some kinds."""

    def answer(exchange: Exchange) -> bool:
        if kinds and exchange.kind.name not in kinds:
            return False
        fault(exchange)
        return True

    return lambda upstream, namespace: answer


def first(fault: Callable[[Exchange], object]) -> Make:
    """The fault for the first request about each kind."""

    def make(upstream: Upstream, namespace: str) -> Fault:
        seen: set[str] = set()

        def answer(exchange: Exchange) -> bool:
            name = exchange.path.partition("?")[0]
            if name in seen:
                return False
            seen.add(name)
            fault(exchange)
            return True

        return answer

    return make


def half(exchange: Exchange) -> None:
    exchange.send(200, b'{"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"na')


def endless(exchange: Exchange) -> None:
    item = b'{"metadata": {"name": "x", "annotations": {"x": "' + b"x" * 64 * 1024 + b'"}}},'
    exchange.send_chunks(itertools.chain([b'{"kind": "List", "metadata": {}, "items": ['], itertools.repeat(item)))


def silence(exchange: Exchange) -> None:
    exchange.wait(30)


def reset(exchange: Exchange) -> None:
    exchange.reset()


def _two_at_a_time(further: Callable[[Upstream, Exchange, str], bool]) -> Make:
    """Lists come two objects at a time; `further` answers the requests for all pages but the first, or leaves them alone."""

    def make(upstream: Upstream, namespace: str) -> Fault:
        def answer(exchange: Exchange) -> bool:
            if "limit" not in exchange.query or exchange.watching:
                return False
            path = exchange.path.replace("limit=500", "limit=2")
            if "continue" in exchange.query and further(upstream, exchange, namespace):
                return True
            return send(exchange, upstream.fetch(exchange, path))

        return answer

    return make


def _gone_once() -> Make:
    lock, gone = threading.Lock(), set[str]()

    def further(upstream: Upstream, exchange: Exchange, namespace: str) -> bool:
        with lock:
            name = exchange.kind.name
            if name in gone:
                return False
            gone.add(name)
        return exchange.refuse(410)

    return _two_at_a_time(further)


def _changes(upstream: Upstream, exchange: Exchange, namespace: str) -> bool:
    """Between two pages of ConfigMaps one is created that no lesson looks at, and another such is deleted."""
    if exchange.kind.name == "ConfigMap":
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        upstream.fetch(exchange, path, {"metadata": {"generateName": "a-passing-"}, "kind": "ConfigMap", "apiVersion": "v1"}, "POST")
        listed = upstream.fetch(exchange, path, method="GET").decoded["items"]
        passing = next(item["metadata"]["name"] for item in listed if item["metadata"]["name"].startswith("a-passing-"))
        upstream.fetch(exchange, f"{path}/{passing}", method="DELETE")
    return False


def _skewed(hours: float) -> Make:
    """The server's clock is off: every time in its objects is."""
    shift = timedelta(hours=hours)

    def moved(match: re.Match[bytes]) -> bytes:
        return b'"%s%s"' % ((datetime.fromisoformat(match[1].decode()) + shift).isoformat().encode(), match[2])

    def make(upstream: Upstream, namespace: str) -> Fault:
        def answer(exchange: Exchange) -> bool:
            if exchange.watching:
                return False
            reply = upstream.fetch(exchange)
            return send(exchange, reply._replace(body=_TIME.sub(moved, reply.body)))

        return answer

    return make


def crowd(upstream: Upstream, namespace: str, count: int = CROWD) -> Fault:
    """Pods of somebody else's ReplicaSet beside those that are there, in pages as asked for."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "crowd", "uid": "crowd", "controller": True}
    pod = {
        "metadata": {"name": "crowd-%05d", "namespace": namespace, "labels": {"app": "crowd"}, "ownerReferences": [owner]},
        "spec": {"nodeName": "n", "serviceAccountName": "default", "containers": [{"name": "c", "image": "example.org/c:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-24T12:00:00Z"}]},
    }
    text = json.dumps(pod)

    def answer(exchange: Exchange) -> bool:
        if exchange.kind.name != "Pod" or exchange.watching:
            return False
        start, size = int(exchange.query.get("continue", 0)), int(exchange.query["limit"])
        end = min(start + size, count)
        items = [text % number for number in range(start, end)]
        if not start:
            items += [json.dumps(item) for item in upstream.fetch(exchange).decoded["items"]]
        head = {"resourceVersion": "7", "continue": str(end) if end < count else ""}
        body = f'{{"kind": "PodList", "apiVersion": "v1", "metadata": {json.dumps(head)}, "items": [{", ".join(items)}]}}'
        return exchange.send(200, body.encode(), None, Content_Type="application/json")

    return answer


def _of_pods(fault: Callable[[Exchange], object]) -> Make:
    return always(fault, "Pod")


TROUBLES: dict[str, Trouble] = {
    "unauthorized": Trouble("401 to every request", always(lambda exchange: exchange.refuse(401))),
    "forbidden": Trouble("403 to every request", always(lambda exchange: exchange.refuse(403))),
    "forbidden-deployments": Trouble(
        "403 to the list of Deployments", always(lambda exchange: exchange.refuse(403), "Deployment"), kinds=("Deployment",)
    ),
    "not-served": Trouble("404 to every request", always(lambda exchange: exchange.send(404, b"404 page not found\n"))),
    "not-served-budgets": Trouble(
        "404 to the list of PodDisruptionBudgets",
        always(lambda exchange: exchange.send(404, b"404 page not found\n"), "PodDisruptionBudget"),
        kinds=("PodDisruptionBudget",),
    ),
    "conflict": Trouble("409 to every request", always(lambda exchange: exchange.refuse(409))),
    "gone": Trouble("410 to every request", always(lambda exchange: exchange.refuse(410))),
    "gone-between-pages": Trouble("lists in pages of two, the first continue token of each kind expired", _gone_once(), heals=True),
    "too-many-requests": Trouble("429 with `Retry-After: 60`", always(lambda exchange: exchange.refuse(429, Retry_After="60"))),
    "too-many-requests-once": Trouble(
        "429 with `Retry-After: 1`, once", first(lambda exchange: exchange.refuse(429, Retry_After="1")), heals=True
    ),
    "server-error": Trouble("500 to every request", always(lambda exchange: exchange.refuse(500))),
    "server-error-once": Trouble("500, once", first(lambda exchange: exchange.refuse(500)), heals=True),
    "unavailable": Trouble("503 with a web page", always(lambda exchange: exchange.send(503, _HTML, Content_Type="text/html"))),
    "reset": Trouble("connections reset", always(reset)),
    "reset-once": Trouble("connections reset, once", first(reset), heals=True),
    "half-json": Trouble("half a JSON document", always(half)),
    "web-page": Trouble("a web page with status 200", always(lambda exchange: exchange.send(200, _HTML, Content_Type="text/html"))),
    "protobuf": Trouble(
        "protobuf where JSON was asked for",
        always(
            lambda exchange: exchange.send(200, b"k8s\x00\n\x0c\n\x02v1\x12\x07PodList", Content_Type="application/vnd.kubernetes.protobuf")
        ),
    ),
    "silence": Trouble("no answer for 30 s", always(silence)),
    "silence-about-pods": Trouble("no list of Pods for 30 s", _of_pods(silence), kinds=("Pod",)),
    "endless": Trouble("answers without an end", always(endless)),
    "changes-between-pages": Trouble("lists in pages of two, objects created and deleted in between", _two_at_a_time(_changes), heals=True),
    "clock-ahead": Trouble("the cluster's clock 6 h ahead", _skewed(6), heals=True, ahead=6 * 3600),
    "clock-behind": Trouble("the cluster's clock 6 h behind", _skewed(-6), heals=True, ahead=-6 * 3600),
    "crowd": Trouble("a crowd of Pods of somebody else: 5,000 in the tests, 50,000 in the benchmark", crowd, heals=True),
}
