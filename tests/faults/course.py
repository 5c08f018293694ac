"""The whole course in one namespace: the solutions of all lessons, applied one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import yaml

from graders.engine import evaluate
from graders.lessons import LESSONS
from graders.objective import Lesson
from graders.snapshot import Snapshot
from graders.sources.cluster import connect
from graders.verdict import Status
from tests.api import Api, Json
from tests.cases import exercise, lessons, manifests

NAMESPACE = "fault-matrix"
_OWN = "rag-engine"  # the namespace that the manifests name
_SETTLING = 40.0


def solutions() -> Iterator[Json]:
    """The objects of every lesson's solution in teaching order, in a namespace of their own; those of other namespaces stay there."""
    for entry in LESSONS:
        for path in manifests(exercise(entry.id) / "solution"):
            for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                if body["kind"] == "Namespace" and body["metadata"]["name"] == _OWN:
                    body["metadata"]["name"] = NAMESPACE
                elif body["metadata"].get("namespace", _OWN) == _OWN:
                    body["metadata"]["namespace"] = NAMESPACE
                yield body


@contextmanager
def applied(api: Api) -> Iterator[None]:
    """The course on a cluster, for as long as the context lasts; what the cluster does not serve is left out."""
    bodies = list(solutions())
    elsewhere = {body["metadata"].get("namespace") for body in bodies} - {None, NAMESPACE}
    for namespace in (NAMESPACE, *elsewhere):
        api.ensure_namespace(namespace)
    placed = []
    try:
        for body in bodies:
            created = api.put(body, NAMESPACE)[0] in (200, 201)
            if created and body["kind"] != "Namespace" and body["metadata"].get("namespace") != NAMESPACE:
                placed.append(body)
        yield
    finally:
        for body in placed:
            api.delete(body, wait=False)
        api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)


def kinds_of(*asked: Lesson) -> tuple[str, ...]:
    """The kinds that some lessons, or all of them, look at on a cluster."""
    return tuple(dict.fromkeys(kind for lesson in asked or lessons() for kind in (*lesson.reads, *lesson.live_reads)))


def read(kubeconfig: Path, timeout: float, *asked: Lesson) -> Snapshot:
    """All that some lessons, or every one, look at. Raises ClusterUnavailable."""
    everywhere = tuple(kind for lesson in asked or lessons() for kind in lesson.everywhere)
    cluster = connect(context=None, kubeconfig=str(kubeconfig), timeout=timeout)
    return cluster.snapshot(kinds_of(*asked), namespace=NAMESPACE, taken_at=datetime.now(UTC), everywhere=everywhere)


def judged(snapshot: Snapshot) -> dict[tuple[str, str], Status]:
    """The verdict of each objective, by lesson and id."""
    return {(lesson.id, result.objective.id): result.status for lesson in lessons() for result in evaluate(lesson, snapshot).results}


def settled(kubeconfig: Path) -> dict[tuple[str, str], Status]:
    """The verdicts once they are the same for a while, or time is over."""
    deadline = time.monotonic() + _SETTLING
    before, since = judged(read(kubeconfig, 20)), time.monotonic()
    while time.monotonic() < min(deadline, since + 3):
        time.sleep(0.5)
        now = judged(read(kubeconfig, 20))
        if now != before:
            before, since = now, time.monotonic()
    return before
