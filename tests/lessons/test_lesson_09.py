"""Lesson 9 beyond its case manifests: live states, what cannot be judged, and a real cluster on which a disk outlives a Pod."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_09_storage import LESSON
from graders.snapshot import K8sObject, NotReadable, NotThere, Problem, Snapshot, Source
from graders.sources.cluster import connect
from graders.verdict import Status, Verdict
from tests.api import Api
from tests.shapes import shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
QDRANT = {"app": "qdrant"}
API = {"app": "rag-engine-api"}
CLAIM_SPEC: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "namespace": "rag-engine", **more}


SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": meta("qdrant"),
    "spec": {"clusterIP": "None", "selector": QDRANT, "ports": [{"name": "http", "port": 6333}]},
}
SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": meta("qdrant", uid="set"),
    "spec": {
        "serviceName": "qdrant",
        "replicas": 1,
        "selector": {"matchLabels": QDRANT},
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain", "whenDeleted": "Retain"},
        "template": {
            "metadata": {"labels": QDRANT},
            "spec": {
                "containers": [
                    {
                        "name": "qdrant",
                        "image": "qdrant/qdrant:v1.15.4",
                        "env": [{"name": "QDRANT__STORAGE__STORAGE_PATH", "value": "/qdrant/storage"}],
                        "ports": [{"containerPort": 6333}],
                        "volumeMounts": [{"name": "storage", "mountPath": "/qdrant/storage"}],
                    }
                ],
                "volumes": [{"name": "scratch", "emptyDir": {}}],
            },
        },
        "volumeClaimTemplates": [{"metadata": {"name": "storage"}, "spec": CLAIM_SPEC}],
    },
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": meta("rag-engine-api"),
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": API},
        "template": {
            "metadata": {"labels": API},
            "spec": {
                "containers": [
                    {
                        "name": "api",
                        "image": "your-registry/rag-engine:v1.0.0",
                        "volumeMounts": [{"name": "models", "mountPath": "/app/models"}],
                    },
                ],
                "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "rag-engine-models"}}],
            },
        },
    },
}
CLASS: dict[str, Any] = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "disk.example.com",
    "volumeBindingMode": "WaitForFirstConsumer",
}
VOLUME: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "by-hand"},
    "spec": {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
        "storageClassName": "manual",
        "hostPath": {"path": "/data"},
    },
    "status": {"phase": "Available"},
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": meta(
        "qdrant-0",
        creationTimestamp="2026-11-24T11:30:00Z",
        labels=QDRANT,
        ownerReferences=[{"kind": "StatefulSet", "name": "qdrant", "controller": True}],
    ),
    "spec": {
        "containers": [{"name": "qdrant", "image": "qdrant/qdrant:v1.15.4"}],
        "volumes": [{"name": "storage", "persistentVolumeClaim": {"claimName": "storage-qdrant-0"}}],
    },
    "status": {"conditions": [{"type": "Ready", "status": "True"}]},
}


def claim(name: str, phase: str | None = "Bound", storage_class: str | None = "standard", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta(name, uid=name, creationTimestamp="2026-11-24T11:00:00Z"),
        "spec": {**CLAIM_SPEC, "storageClassName": storage_class, **spec},
        "status": {"phase": phase},
    }


def event(reason: str, about: dict[str, Any], message: str, seen: str = "2026-11-24T11:59:00Z", **involved: Any) -> dict[str, Any]:
    subject = {"kind": about["kind"], "name": about["metadata"]["name"], "uid": about["metadata"].get("uid"), **involved}
    head = {"apiVersion": "v1", "kind": "Event", "metadata": meta(f"{subject['name']}.{seen}")}
    return {**head, "involvedObject": subject, "reason": reason, "message": message, "lastTimestamp": seen}


DISK, MODELS = claim("storage-qdrant-0"), claim("rag-engine-models")
WHOLE = (SERVICE, SET, DEPLOYMENT)


def judge(objective: str, *bodies: dict[str, Any], kind: str = "manifests", **changes: Any) -> Verdict:
    report = evaluate(LESSON, replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), **changes))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def live(objective: str, *bodies: dict[str, Any], database: dict[str, Any] = SET, **changes: Any) -> Verdict:
    return judge(objective, SERVICE, database, DEPLOYMENT, *bodies, kind="cluster", **changes)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(body)
    *steps, last = path.split(".")
    place: Any = body
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return body


def found(verdict: Verdict) -> str:
    assert verdict.evidence is not None, verdict
    return verdict.evidence.found


# What waits for the StatefulSet


@pytest.mark.parametrize("objective", ["mounted-where-data-lives", "headless-service", "image-pinned", "survives-scale-down"])
def test_without_the_statefulset_only_one_objective_fails(objective: str) -> None:
    verdict = judge(objective, SERVICE, DEPLOYMENT, MODELS)
    assert (verdict.status, verdict.reason) == (Status.BLOCKED, "First: claim-or-template.")
    assert judge("claim-or-template", SERVICE, DEPLOYMENT, MODELS).status is Status.FAILED


def test_a_disk_that_is_too_small_does_not_hide_what_else_is_right() -> None:
    small = changed(SET, "spec.volumeClaimTemplates.0.spec.resources.requests.storage", "1Gi")
    assert judge("claim-or-template", small).status is Status.FAILED
    assert judge("image-pinned", small).status is Status.PASSED
    assert judge("survives-scale-down", small).status is Status.PASSED
    assert judge("headless-service", SERVICE, small).status is Status.PASSED


def test_a_service_is_judged_before_there_are_pods_for_it() -> None:
    assert judge("headless-service", changed(SERVICE, "spec.clusterIP", "10.0.0.9")).status is Status.FAILED
    assert judge("headless-service", changed(SERVICE, "spec.ports.0.port", 80)).status is Status.FAILED
    assert judge("headless-service", changed(SERVICE, "spec.ports.0.targetPort", "http")).status is Status.BLOCKED


def test_one_container_among_several_has_to_be_told() -> None:
    containers = [{"name": "first", "image": "a:1"}, {"name": "second", "image": "b:1"}]
    database = changed(SET, "spec.template.spec.containers", containers)
    assert "container `first`, container `second`" in found(judge("mounted-where-data-lives", database))
    assert judge("image-pinned", database).reason == "First: mounted-where-data-lives."


# claim-or-template, mounted-where-data-lives


@pytest.mark.parametrize(
    ("size", "status"),
    [
        pytest.param("10Gi", Status.PASSED, id="exactly"),
        pytest.param("10.5Gi", Status.PASSED, id="a fraction"),
        pytest.param("11G", Status.PASSED, id="enough in decimal"),
        pytest.param("10737418239", Status.FAILED, id="a byte too few"),
        pytest.param("1Ti", Status.PASSED, id="more"),
        pytest.param("ten", Status.FAILED, id="no quantity"),
        pytest.param("-20Gi", Status.FAILED, id="less than nothing"),
        pytest.param("1e-10000", Status.FAILED, id="next to nothing"),
        pytest.param(None, Status.FAILED, id="null"),
    ],
)
def test_size_of_the_disk(size: Any, status: Status) -> None:
    database = changed(SET, "spec.volumeClaimTemplates.0.spec.resources.requests.storage", size)
    assert judge("claim-or-template", database).status is status


@pytest.mark.parametrize(
    ("value", "status"),
    [
        pytest.param("/qdrant/storage", Status.PASSED, id="the same"),
        pytest.param("./storage", Status.PASSED, id="from its home"),
        pytest.param("storage/data", Status.PASSED, id="a folder on the disk"),
        pytest.param("/qdrant/storage/../other", Status.FAILED, id="a step back"),
        pytest.param("/qdrant/storage2", Status.FAILED, id="only its name begins so"),
        pytest.param("", Status.PASSED, id="empty"),
    ],
)
def test_where_qdrant_is_told_to_keep_its_data(value: str, status: Status) -> None:
    database = changed(SET, "spec.template.spec.containers.0.env.0.value", value)
    assert judge("mounted-where-data-lives", database).status is status


def test_of_two_equal_variables_the_last_counts() -> None:
    name = "QDRANT__STORAGE__STORAGE_PATH"
    env = [{"name": name, "value": "/var/x"}, {"name": name, "value": "/qdrant/storage"}]
    assert judge("mounted-where-data-lives", changed(SET, "spec.template.spec.containers.0.env", env)).status is Status.PASSED
    env.reverse()
    assert judge("mounted-where-data-lives", changed(SET, "spec.template.spec.containers.0.env", env)).status is Status.FAILED


# shared-cache-claim


def test_missing_deployment_is_skipped_on_manifests_and_fails_on_a_cluster() -> None:
    assert judge("shared-cache-claim", MODELS).status is Status.SKIPPED
    assert judge("shared-cache-claim", MODELS, kind="cluster").status is Status.FAILED


def test_what_is_wrong_with_the_claim_itself_is_told_without_the_deployment() -> None:
    assert judge("shared-cache-claim", changed(MODELS, "spec.resources.requests.storage", "1Gi")).status is Status.FAILED


# claims-bound


def test_it_shows_on_a_cluster_only() -> None:
    for objective in ("claims-bound", "data-survives"):
        assert judge(objective, *WHOLE, DISK, MODELS).status is Status.SKIPPED


@pytest.mark.parametrize("objective", ["claims-bound", "data-survives"])
def test_without_a_template_there_is_nothing_to_wait_for(objective: str) -> None:
    bare = changed(SET, "spec.volumeClaimTemplates", None)
    assert live(objective, MODELS, database=bare).reason == "First: claim-or-template."
    assert judge(objective, MODELS, kind="cluster").reason == "First: claim-or-template."


def test_a_missing_shared_claim_is_asked_for_elsewhere() -> None:
    assert live("claims-bound", DISK).reason == "First: shared-cache-claim."


def test_no_replicas_claim_no_disk() -> None:
    verdict = live("claims-bound", MODELS, database=changed(SET, "spec.replicas", 0))
    assert (verdict.status, found(verdict)) == (Status.FAILED, "`replicas: 0`")


def test_claims_that_may_not_be_read_leave_it_unknown() -> None:
    denied = MappingProxyType({"PersistentVolumeClaim": "Could not list PersistentVolumeClaim objects: access denied."})
    for objective in ("shared-cache-claim", "claims-bound", "data-survives"):
        assert live(objective, POD, unreadable=denied).status is Status.UNKNOWN


PENDING = claim("storage-qdrant-0", "Pending")


@pytest.mark.parametrize(
    ("bodies", "status", "words"),
    [
        pytest.param((PENDING, CLASS), Status.PENDING, "waits for the first Pod that uses it", id="no Pod yet"),
        pytest.param((PENDING, CLASS, POD), Status.PENDING, "waits until Pod `qdrant-0` is scheduled", id="Pod not scheduled yet"),
        pytest.param((PENDING, {**CLASS, "volumeBindingMode": "Immediate"}), Status.PENDING, "no volume yet", id="being provisioned"),
        pytest.param(
            (PENDING, {**CLASS, "volumeBindingMode": None, "provisioner": "kubernetes.io/no-provisioner"}),
            Status.PENDING,
            "made by hand",
            id="a class without a provisioner",
        ),
        pytest.param((claim("storage-qdrant-0", None), CLASS), Status.PENDING, "`Pending`", id="no status yet"),
        pytest.param((), Status.PENDING, "not made yet", id="no claim yet"),
        pytest.param((claim("storage-qdrant-0", "Pending", None), CLASS), Status.PENDING, "no volume yet", id="default to be filled in"),
        pytest.param((PENDING,), Status.FAILED, "there is no StorageClass `standard`", id="no class at all"),
        pytest.param((claim("storage-qdrant-0", "Pending", "manual"), CLASS, VOLUME), Status.PENDING, "no volume yet", id="a volume fits"),
        pytest.param((claim("storage-qdrant-0", "Pending", ""), CLASS, VOLUME), Status.FAILED, "none fits", id="of another class"),
    ],
)
def test_a_claim_that_waits_says_what_for(bodies: tuple[dict[str, Any], ...], status: Status, words: str) -> None:
    verdict = live("claims-bound", MODELS, *bodies)
    assert verdict.status is status
    assert words in found(verdict)


def test_an_unschedulable_pod_tells_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    verdict = live("claims-bound", MODELS, PENDING, CLASS, changed(POD, "status.conditions", [condition]))
    assert "Unschedulable: 0/3 nodes are available" in found(verdict)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec.capacity.storage", "9Gi", id="too small"),
        pytest.param("spec.capacity.storage", None, id="no size"),
        pytest.param("spec.accessModes", ["ReadWriteMany"], id="other modes"),
        pytest.param("spec.storageClassName", "other", id="another class"),
        pytest.param("status.phase", "Released", id="left by a claim before"),
        pytest.param("spec.claimRef", {"namespace": "rag-engine", "name": "other"}, id="reserved for another claim"),
        pytest.param("spec.claimRef", {"namespace": "default", "name": "storage-qdrant-0"}, id="reserved for another namespace"),
    ],
)
def test_a_volume_that_does_not_fit_binds_nothing(path: str, value: Any) -> None:
    verdict = live("claims-bound", MODELS, claim("storage-qdrant-0", "Pending", "manual"), CLASS, changed(VOLUME, path, value))
    assert verdict.status is Status.FAILED


def test_a_volume_reserved_for_the_claim_is_waited_for() -> None:
    reserved = changed(VOLUME, "spec.claimRef", {"namespace": "rag-engine", "name": "storage-qdrant-0"})
    verdict = live(
        "claims-bound", MODELS, claim("storage-qdrant-0", "Pending", "manual"), CLASS, changed(reserved, "status.phase", "Bound")
    )
    assert verdict.status is Status.PENDING


@pytest.mark.parametrize("kinds", [("StorageClass",), ("PersistentVolume",), ("StorageClass", "PersistentVolume", "Event", "Pod")])
def test_a_waiting_claim_needs_no_permission_to_be_told_so(kinds: tuple[str, ...]) -> None:
    denied = MappingProxyType(dict.fromkeys(kinds, "access denied"))
    database = changed(SET, "spec.replicas", 2)
    assert live("claims-bound", MODELS, PENDING, database=database, unreadable=denied).status is Status.PENDING
    assert live("claims-bound", MODELS, DISK, claim("storage-qdrant-1"), database=database, unreadable=denied).status is Status.PASSED


def test_reports_about_an_earlier_claim_of_that_name_do_not_count() -> None:
    old = event("ProvisioningFailed", PENDING, "no space", uid="before")
    assert live("claims-bound", MODELS, PENDING, CLASS, old).status is Status.PENDING
    verdict = live("claims-bound", MODELS, PENDING, CLASS, event("ProvisioningFailed", PENDING, "no space"))
    assert (verdict.status, found(verdict)) == (Status.FAILED, "`Pending`: ProvisioningFailed: no space")


def test_the_newest_report_is_told() -> None:
    first = event("ProvisioningFailed", PENDING, "at first", "2026-11-24T11:10:00Z")
    last = event("ProvisioningFailed", PENDING, "at last", "2026-11-24T11:50:00Z")
    assert "at last" in found(live("claims-bound", MODELS, PENDING, CLASS, last, first))


def test_a_refused_claim_is_told_from_another_replicas_trouble() -> None:
    database = changed(SET, "spec.replicas", 2)
    other = event("FailedCreate", SET, "Create Claim storage-qdrant-0 for Pod qdrant-0 in StatefulSet qdrant failed error: quota")
    assert live("claims-bound", MODELS, DISK, other, database=database).status is Status.PENDING
    own = event("FailedCreate", SET, "Create Claim storage-qdrant-1 for Pod qdrant-1 in StatefulSet qdrant failed error: quota")
    assert live("claims-bound", MODELS, DISK, own, database=database).status is Status.FAILED


def test_a_failure_is_told_before_a_wait() -> None:
    verdict = live("claims-bound", PENDING, claim("rag-engine-models", "Lost"), CLASS)
    assert verdict.evidence is not None
    assert (verdict.status, verdict.evidence.object) == (Status.FAILED, "PersistentVolumeClaim/rag-engine-models")


def test_a_million_replicas_are_not_counted_up_to() -> None:
    assert live("claims-bound", MODELS, DISK, database=changed(SET, "spec.replicas", 10**12)).status is Status.PENDING


# data-survives


@pytest.mark.parametrize(
    ("created", "status"),
    [
        pytest.param("2026-11-24T10:59:59Z", Status.FAILED, id="before its claim"),
        pytest.param("2026-11-24T11:00:00Z", Status.FAILED, id="in the same second"),
        pytest.param("2026-11-24T11:00:01Z", Status.FAILED, id="a second later, which is rounding"),
        pytest.param("2026-11-24T11:00:02Z", Status.PASSED, id="two seconds later"),
        pytest.param("2026-11-24T12:00:01+01:00", Status.FAILED, id="in another time zone"),
        pytest.param("2026-11-24", Status.FAILED, id="a day is no time"),
        pytest.param("yesterday", Status.FAILED, id="no time"),
        pytest.param(None, Status.FAILED, id="missing"),
    ],
)
def test_age_of_the_pod(created: Any, status: Status) -> None:
    assert live("data-survives", DISK, MODELS, changed(POD, "metadata.creationTimestamp", created)).status is status


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(changed(POD, "status.conditions", []), id="not ready yet"),
        pytest.param(changed(POD, "metadata.deletionTimestamp", "2026-11-24T11:59:00Z"), id="on its way out"),
        pytest.param(changed(POD, "metadata.ownerReferences", []), id="of nobody"),
        pytest.param(changed(POD, "spec.volumes.0.name", "other"), id="the claim is no disk of the template's"),
        pytest.param(changed(POD, "spec.volumes", []), id="without a claim"),
    ],
)
def test_a_pod_that_proves_nothing_yet(pod: dict[str, Any]) -> None:
    assert live("data-survives", DISK, MODELS, pod).status is Status.PENDING


# What the API server rejects


@pytest.mark.parametrize(
    ("kind", "path", "owner"),
    [
        ("StatefulSet", ("spec",), "claim-or-template"),
        ("StatefulSet", ("spec", "volumeClaimTemplates", 0, "spec", "accesModes"), "claim-or-template"),
        ("StatefulSet", ("spec", "serviceName"), "headless-service"),
        ("StatefulSet", ("spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"), "survives-scale-down"),
        ("StatefulSet", ("spec", "template", "spec", "containers", 0, "image"), "image-pinned"),
        ("StatefulSet", ("spec", "template", "spec", "containers", 0, "volumeMounts", 0, "name"), "mounted-where-data-lives"),
        ("StatefulSet", ("spec", "template", "spec", "volumes", 0), "mounted-where-data-lives"),
        ("Service", ("spec", "ports", 0, "port"), "headless-service"),
        ("PersistentVolumeClaim", ("spec", "accessModes"), "shared-cache-claim"),
        ("Deployment", ("spec", "template", "spec", "volumes", 0), "shared-cache-claim"),
        ("Deployment", ("spec", "template", "spec", "containers", 0, "image"), None),
    ],
)
def test_rejected_place_fails_the_objective_that_reads_it(kind: str, path: tuple[str | int, ...], owner: str | None) -> None:
    problem = Problem("Rejected.", path=path, expected="good", found="bad")
    items = [K8sObject.of(body) for body in (*WHOLE, MODELS)]
    items = [replace(item, problems=(problem,)) if item.kind == kind else item for item in items]
    report = evaluate(LESSON, Snapshot(Source("manifests", "rag-engine"), tuple(items), NOON))
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == ([owner] if owner else [])


# Any shape

ODD = shapes(
    st.integers(-3, 9000) | st.sampled_from(["", "None", "qdrant", "storage", "10Gi", "/qdrant/storage"]),
    ["app", "name", "spec", "metadata", "storage", "claimName", "emptyDir", "mountPath", "requests"],
)


REPORT = event("ProvisioningFailed", PENDING, "no space")


@settings(max_examples=200)
@given(
    st.tuples(spoilt(SERVICE, ODD), spoilt(SET, ODD), spoilt(DEPLOYMENT, ODD)),
    st.tuples(spoilt(PENDING, ODD), spoilt(MODELS, ODD), spoilt(POD, ODD), spoilt(REPORT, ODD)),
    st.tuples(spoilt(CLASS, ODD), spoilt(VOLUME, ODD)),
    st.sampled_from(["manifests", "cluster"]),
)
def test_no_shape_of_object_crashes_a_check(
    asked: tuple[dict[str, Any], ...], made: tuple[dict[str, Any], ...], around: tuple[dict[str, Any], ...], kind: str
) -> None:
    snapshot = Snapshot.of([*asked, *made, *around], taken_at=NOON, kind=kind)
    passing = {result.objective.id for result in evaluate(LESSON, snapshot).results if result.status is Status.PASSED}
    for objective in LESSON.objectives:
        if not set(objective.needs) <= passing:
            continue
        try:
            verdict = objective.check(snapshot)
        except (NotReadable, NotThere):
            continue
        assert (verdict.evidence is not None) == (verdict.status in (Status.FAILED, Status.PENDING))


# On a real cluster

NAMESPACE = f"lesson-9-{uuid4().hex[:8]}"  # a name of this run's own: one that was just deleted takes a while to go


def sent(body: dict[str, Any]) -> dict[str, Any]:
    """The object as it is sent to an API server, in the namespace and of the storage class of this test alone."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in ("uid", "creationTimestamp")}
    body = {**{key: value for key, value in body.items() if key != "status"}, "metadata": {**metadata, "namespace": NAMESPACE}}
    return changed(body, "spec.storageClassName", NAMESPACE) if body["kind"].startswith("PersistentVolume") else body


def by_hand(number: int) -> dict[str, Any]:
    volume = sent(changed(VOLUME, "metadata.name", f"{NAMESPACE}-{number}"))
    del volume["metadata"]["namespace"]
    return volume


@pytest.fixture
def stage(api: Api) -> Iterator[Api]:
    """A namespace whose claims go with it, and two volumes for them that are there already."""
    api.ensure_namespace(NAMESPACE)
    volumes = [by_hand(number) for number in range(2)]
    try:
        for volume in volumes:
            assert api.put(volume)[0] in (200, 201)
        yield api
    finally:
        api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)
        for volume in volumes:
            api.delete(volume, wait=False)


@pytest.mark.cluster
def test_on_a_cluster_a_claim_is_bound_and_outlives_its_pod(stage: Api, kubeconfig: Path) -> None:
    cluster = connect(context=None, kubeconfig=str(kubeconfig), timeout=20)

    def until(objective: str, status: Status) -> Verdict:
        deadline = time.monotonic() + 60
        while True:
            snapshot = cluster.snapshot(LESSON.reads + LESSON.live_reads, namespace=NAMESPACE, taken_at=NOON)
            verdict = next(result.verdict for result in evaluate(LESSON, snapshot).results if result.objective.id == objective)
            if verdict.status is status:
                return verdict
            assert time.monotonic() < deadline, verdict
            time.sleep(0.1)

    database = changed(SET, "spec.volumeClaimTemplates.0.spec.storageClassName", NAMESPACE)
    for body in (SERVICE, database, DEPLOYMENT, MODELS):
        status, answer = stage.put(sent(body))
        assert status in (200, 201), answer
    until("claims-bound", Status.PASSED)
    assert "it is the first to use it" in found(until("data-survives", Status.FAILED))
    time.sleep(2)  # times are whole seconds: a Pod that comes within two of its claim may as well be the first
    stage.delete(sent(POD), wait=False)
    until("data-survives", Status.PASSED)
