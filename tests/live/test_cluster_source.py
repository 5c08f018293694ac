"""Reading a real cluster: what is there, who may see it, what changes, and what never comes along."""

from __future__ import annotations

import base64
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from graders.engine import evaluate
from graders.kinds import KINDS
from graders.lessons import all_lessons
from graders.snapshot import Snapshot
from graders.sources.cluster import Cluster, connect
from graders.verdict import Status
from tests.api import Api
from tests.cases import NOON

pytestmark = pytest.mark.cluster

NAMESPACE = "cluster-source"
CANARY = "canary-in-the-coal-mine"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "rag-engine-secrets", "namespace": NAMESPACE, "annotations": {"copy": CANARY}},
    "stringData": {"jwt-secret": CANARY, "database-url": f"postgresql://u:{CANARY}@db/x"},
}


def config_map(name: str, value: str = "1") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": {"value": value}}


@pytest.fixture(scope="module")
def stage(api: Api) -> Iterator[Api]:
    """A namespace of this module's own."""
    api.ensure_namespace(NAMESPACE)
    yield api
    api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)


@pytest.fixture(scope="module")
def cluster(stage: Api, kubeconfig: Path) -> Cluster:
    return connect(context=None, kubeconfig=str(kubeconfig), timeout=20)


def read(cluster: Cluster, *kinds: str) -> Snapshot:
    return cluster.snapshot(kinds, namespace=NAMESPACE, taken_at=NOON)


def test_every_kind_is_read_but_for_those_that_are_not_installed(cluster: Cluster) -> None:
    installed_by_somebody = ("gateway.networking.k8s.io", "metrics.k8s.io", "velero.io", "monitoring.coreos.com", "keda.sh")
    snapshot = read(cluster, *KINDS)
    assert {KINDS[kind].group for kind in snapshot.unreadable} <= set(installed_by_somebody)
    for reason in snapshot.unreadable.values():
        assert " is not installed" in reason
    assert snapshot.find("Namespace", NAMESPACE) is not None
    assert snapshot.every("Node")


def test_objects_are_as_they_were_applied(stage: Api, cluster: Cluster) -> None:
    stage.put(config_map("applied", "as it is"))
    found = read(cluster, "ConfigMap").own("ConfigMap", "applied")
    assert (found.api_version, found.kind, found.namespace) == ("v1", "ConfigMap", NAMESPACE)
    assert found.at("data.value").value == "as it is"
    assert not found.at("metadata.managedFields").present


def test_secrets_come_as_facts(stage: Api, cluster: Cluster) -> None:
    assert stage.put(SECRET)[0] in (200, 201)
    snapshot = read(cluster, "Secret")
    facts = snapshot.own("Secret", "rag-engine-secrets").key("data", "jwt-secret")
    assert facts.at("bytes").value == 16
    for form in (CANARY, base64.b64encode(CANARY.encode()).decode()):
        assert form not in str(snapshot)


def test_thousands_of_objects_come_in_pages(stage: Api, cluster: Cluster) -> None:
    count = 2100
    stage.ensure_namespace("cluster-source-many")
    for number in range(count):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"many-{number:04}"}}
        assert stage.create(body, "cluster-source-many", dry_run=False)[0] in (201, 409)
    snapshot = cluster.snapshot(["ConfigMap"], namespace="cluster-source-many", taken_at=NOON)
    names = [item.name for item in snapshot.every("ConfigMap") if item.name.startswith("many-")]
    assert names == [f"many-{number:04}" for number in range(count)]
    stage.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cluster-source-many"}}, wait=False)


# Someone who may not see everything


@pytest.fixture(scope="module")
def visitor(stage: Api, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The cluster as a ServiceAccount sees it that may list Deployments only, and get its own namespace."""
    meta = {"name": "visitor", "namespace": NAMESPACE}
    rbac = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]},
    ]
    subject = {"kind": "ServiceAccount", "name": "visitor", "namespace": NAMESPACE}
    for body in (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "subjects": [subject],
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "visitor"},
        },
    ):
        assert stage.put(body)[0] in (200, 201)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    status, answer = stage.request("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/visitor/token", request)
    assert status == 201, answer
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    path = tmp_path_factory.mktemp("visitor") / "config"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return connect(context=None, kubeconfig=str(path), timeout=20)


def test_what_may_not_be_seen_is_unknown_and_the_rest_is_judged(visitor: Cluster) -> None:
    snapshot = read(visitor, "Namespace", "Deployment", "Secret", "ConfigMap")
    assert set(snapshot.unreadable) == {"Secret", "ConfigMap"}
    assert f"kubectl auth can-i list secrets -n {NAMESPACE} --" in snapshot.unreadable["Secret"]
    assert snapshot.find("Namespace", NAMESPACE) is not None, "one's own namespace can be got where namespaces cannot be listed"
    lessons = {lesson.id: evaluate(lesson, snapshot) for lesson in all_lessons()}
    assert {result.status for result in lessons["lesson-3"].results} == {Status.UNKNOWN}
    assert lessons["lesson-1"].results[0].status is Status.PASSED
    assert lessons["lesson-4"].results[0].status is Status.FAILED, "that there is no Deployment was proven"


def test_what_may_not_be_watched_is_followed_all_the_same(visitor: Cluster, stage: Api) -> None:
    with Watch(visitor, ["Deployment", "Secret"]) as watch:
        first = watch.next()
        assert set(first.unreadable) == {"Secret"}
        stage.put(_deployment("looked-at"))
        watch.until("Deployment", "looked-at", there=True, within=8)
    stage.delete(_deployment("looked-at"))


def _deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "api", "image": "example.org/x:1"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


# What changes


class Watch:
    """A watch in a thread, and when each of its snapshots came."""

    def __init__(self, cluster: Cluster, kinds: Sequence[str]) -> None:
        self._stop = threading.Event()
        self._told: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(cluster.watch(kinds, NAMESPACE, self._stop),))

    def _run(self, snapshots: Iterator[Snapshot]) -> None:
        for snapshot in snapshots:
            self._told.put(snapshot)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        started = time.monotonic()
        self._stop.set()
        self._thread.join(5)
        assert time.monotonic() - started < 0.5

    def next(self, within: float = 20) -> Snapshot:
        return self._told.get(timeout=within)

    def until(self, kind: str, name: str, *, there: bool, within: float) -> Snapshot:
        deadline = time.monotonic() + within
        while True:
            snapshot = self.next(max(deadline - time.monotonic(), 0))
            if (snapshot.find(kind, name) is not None) is there:
                return snapshot


def test_watch_sees_what_is_applied_and_deleted(cluster: Cluster, stage: Api) -> None:
    kinds = tuple(dict.fromkeys(kind for lesson in all_lessons() for kind in (*lesson.reads, *lesson.live_reads)))
    with Watch(cluster, kinds) as watch:
        watch.next()
        for round_ in range(5):
            stage.put(config_map("watched", str(round_)))
            watch.until("ConfigMap", "watched", there=True, within=1)
            stage.delete(config_map("watched"))
            watch.until("ConfigMap", "watched", there=False, within=1)


def test_watch_brings_no_value_of_a_secret(cluster: Cluster, stage: Api) -> None:
    with Watch(cluster, ["Secret"]) as watch:
        watch.next()
        stage.delete(SECRET)
        stage.put(SECRET)
        snapshot = watch.until("Secret", "rag-engine-secrets", there=True, within=2)
    for form in (CANARY, base64.b64encode(CANARY.encode()).decode()):
        assert form not in str(snapshot)
