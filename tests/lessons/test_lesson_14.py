"""Lesson 14 beyond its case manifests: every seed breaks one workload, live states, what cannot be known, and a real cluster."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.kinds import CLUSTER_SCOPED
from graders.lessons.lesson_14_troubleshooting import LESSON
from graders.redaction import redact
from graders.semantics.pod_resources import admitted
from graders.semantics.pod_security import violations
from graders.semantics.quota import hard_limits, pod_usage
from graders.snapshot import K8sObject, Problem, Snapshot, Source
from graders.sources.cluster import connect
from graders.verdict import Status, Verdict
from graders.workloads import Workload
from tests.api import Api
from tests.cases import NOON, exercise, manifests, read
from tests.shapes import assert_no_check_crashes, shapes, spoilt

FOLDER = exercise("lesson-14")
SEEDS = manifests(FOLDER / "seeds")
OBJECTIVES = ("pending-unschedulable", "pending-claim", "crash-missing-env", "crash-liveness", "image-pull", "no-endpoints")
WORKLOADS = dict(zip(("report-worker", "archive", "query-api", "indexer", "gateway", "search"), OBJECTIVES, strict=True))
Change = tuple[str, str, Any]


def of_seed(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def verdict_of(objective: str, snapshot: Snapshot) -> Verdict:
    return next(result.verdict for result in evaluate(LESSON, snapshot).results if result.objective.id == objective)


def found(verdict: Verdict) -> str:
    assert verdict.evidence is not None, verdict
    return verdict.evidence.found


# The seeds


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_workload_breaks_in_several_ways(objective: str) -> None:
    variants = manifests(FOLDER / "seeds" / objective)
    assert len(variants) >= 4
    assert len({path.read_bytes() for path in variants}) == len(variants)
    for path in variants:
        mended = list((FOLDER / "cases").glob(f"pass-{objective}-{path.stem}-*.yaml"))
        assert mended, f"{path.stem} has no case that shows it mended"


def test_seeds_are_of_objectives() -> None:
    assert {path.parent.name for path in SEEDS} == set(OBJECTIVES)


@pytest.mark.parametrize("path", SEEDS, ids=of_seed)
def test_seed_breaks_its_objective_and_no_other(path: Path) -> None:
    report = evaluate(LESSON, read([*manifests(FOLDER / "solution"), path]))
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [path.parent.name]
    assert not [problem for problem in report.problems if problem.rejected]


@pytest.mark.parametrize("path", SEEDS, ids=of_seed)
def test_seed_is_one_workload_that_any_learner_may_create(path: Path) -> None:
    snapshot = read([path])
    (deployment,) = snapshot.all("Deployment")
    assert WORKLOADS[deployment.name] == path.parent.name
    assert not [item.ref for item in snapshot.objects if item.kind in CLUSTER_SCOPED or item.namespace_assumed]
    app = Workload.of(deployment)
    assert not violations("restricted", app.template.at("metadata").value, app.pod_spec.value, "latest")
    if path.parent.name != "pending-unschedulable":
        assert admitted(app.pod_spec.value).total.requests["memory"] <= 2**28


def test_mended_workloads_fit_the_quota_of_lesson_10_beside_its_own() -> None:
    snapshot = read([*manifests(FOLDER / "solution"), *manifests(exercise("lesson-10") / "solution")])
    (quota,) = snapshot.all("ResourceQuota")
    used: Counter[str] = Counter()
    for kind in ("Deployment", "StatefulSet"):
        for item in snapshot.all(kind):
            pods = (item.at("spec.replicas").whole or 1) + 1  # one more while it is updated
            usage = pod_usage(admitted(Workload.of(item).pod_spec.value))
            used.update({name: amount * pods for name, amount in usage.items()})
    assert not {name: used[name] for name, most in hard_limits(quota.at("spec").value).items() if used[name] > most}


def test_starter_holds_one_seed_of_each() -> None:
    texts = {path.read_text(encoding="utf-8"): path.parent.name for path in SEEDS}
    assert sorted(texts[path.read_text(encoding="utf-8")] for path in manifests(FOLDER / "starter")) == sorted(OBJECTIVES)


# What manifests alone leave open


def documents(*paths: Path) -> list[dict[str, Any]]:
    return [body for path in paths for body in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


SOLUTION = documents(*manifests(FOLDER / "solution"))


def edited(bodies: list[dict[str, Any]], *changes: Change) -> list[dict[str, Any]]:
    """The objects with some values set. A change names them by `Kind/start of the name`, and a path; None takes a value out."""
    bodies = deepcopy(bodies)
    for ref, path, value in changes:
        kind, _, name = ref.partition("/")
        hit = [body for body in bodies if body["kind"] == kind and body["metadata"]["name"].startswith(name)]
        assert hit, ref
        for body in hit:
            *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
            place: Any = body
            for step in steps:
                place = place[step] if isinstance(step, int) else place.setdefault(step, {})
            place[last] = value
    return bodies


def submitted(*changes: Change, extra: tuple[dict[str, Any], ...] = (), without: tuple[str, ...] = ()) -> Snapshot:
    bodies = [body for body in edited(SOLUTION, *changes) if f"{body['kind']}/{body['metadata']['name']}" not in without]
    return Snapshot.of([redact(body) for body in (*bodies, *extra)], taken_at=NOON)


def node(name: str = "mine", cpu: str = "4", **labels: str) -> dict[str, Any]:
    body: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
    return {**body, "status": {"allocatable": {"cpu": cpu, "memory": "8Gi"}}}


def storage_class(name: str, *, default: bool = False) -> dict[str, Any]:
    head = {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}} if default else {"name": name}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": head, "provisioner": "disk.example.com"}


VOLUME: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "by-hand", "labels": {"disk": "archive"}},
    "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "", "hostPath": {"path": "/data"}},
}
SSD = ("Deployment/report-worker", "spec.template.spec.nodeSelector", {"disktype": "ssd"})
CLASS = "spec.storageClassName"
CLAIM = "PersistentVolumeClaim/archive-data"
URL = "spec.template.spec.containers.0.env.1.valueFrom.secretKeyRef"


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        pytest.param((), Status.FAILED, id="no node known"),
        pytest.param((node(disktype="ssd"),), Status.PASSED, id="a node has it"),
        pytest.param((node(), node("other", disktype="hdd")), Status.FAILED, id="no node has it"),
        pytest.param((node(disktype="ssd", cpu="50m"),), Status.FAILED, id="that node is too small"),
    ],
)
def test_submitted_nodes_tell_which_labels_there_are(extra: tuple[dict[str, Any], ...], status: Status) -> None:
    assert verdict_of("pending-unschedulable", submitted(SSD, extra=extra)).status is status


@pytest.mark.parametrize(
    ("name", "extra", "status"),
    [
        pytest.param("standard", (), Status.PASSED, id="of kind and minikube"),
        pytest.param("local-path", (), Status.PASSED, id="of k3s"),
        pytest.param("gp3", (), Status.PASSED, id="of a cloud"),
        pytest.param("ours", (), Status.FAILED, id="one's own"),
        pytest.param("ours", (storage_class("ours"),), Status.PASSED, id="one's own, submitted"),
        pytest.param("ours", (storage_class("theirs"),), Status.FAILED, id="another is submitted"),
        pytest.param("", (), Status.FAILED, id="none on purpose"),
        pytest.param("", (VOLUME,), Status.PASSED, id="none on purpose, with a volume"),
    ],
)
def test_classes_that_clusters_come_with(name: str, extra: tuple[dict[str, Any], ...], status: Status) -> None:
    assert verdict_of("pending-claim", submitted((CLAIM, CLASS, name), extra=extra)).status is status


def test_a_volume_chosen_by_name_or_label_has_to_be_there() -> None:
    for path, value in (("spec.volumeName", "by-hand"), ("spec.selector", {"matchLabels": {"disk": "archive"}})):
        changes: tuple[Change, ...] = ((CLAIM, CLASS, ""), (CLAIM, path, value))
        assert verdict_of("pending-claim", submitted(*changes)).status is Status.FAILED
        assert verdict_of("pending-claim", submitted(*changes, extra=(VOLUME,))).status is Status.PASSED


def volume(**spec: Any) -> dict[str, Any]:
    return {**VOLUME, "spec": {**VOLUME["spec"], **spec}}


OURS, THEIRS = ({"namespace": "rag-engine", "name": name} for name in ("archive-data", "other"))
BY_NAME: Change = (CLAIM, "spec.volumeName", "by-hand")
BY_LABEL: Change = (CLAIM, "spec.selector", {"matchLabels": {"disk": "archive"}})
NO_CLASS: Change = (CLAIM, CLASS, "")
NO_SUCH_CLASS: Change = (CLAIM, CLASS, "fast-ssd")


@pytest.mark.parametrize(
    ("change", "extra", "words"),
    [
        pytest.param(BY_NAME, (VOLUME,), "but does not fit: compare class", id="of no class, the claim gets the default one"),
        pytest.param(BY_LABEL, (VOLUME,), "none that fits the claim", id="its labels, of no class"),
        pytest.param(BY_NAME, (volume(storageClassName="standard"),), "", id="of what may be the default class"),
        pytest.param(
            BY_NAME, (volume(storageClassName="standard"), storage_class("ours", default=True)), "does not fit", id="of another class"
        ),
        pytest.param(BY_NAME, (volume(storageClassName="ours"), storage_class("ours", default=True)), "", id="of the default class"),
        pytest.param(NO_SUCH_CLASS, (volume(storageClassName="fast-ssd"),), "", id="of the class that is not there"),
        pytest.param(
            NO_SUCH_CLASS,
            (volume(storageClassName="fast-ssd", capacity={"storage": "1Mi"}),),
            "PersistentVolume/by-hand is there, but does not fit",
            id="too small",
        ),
        pytest.param(NO_SUCH_CLASS, (volume(claimRef=OURS),), "", id="reserved for it, so of any class"),
        pytest.param(NO_CLASS, (volume(claimRef=THEIRS),), "kept for claim `other` in namespace `rag-engine`", id="reserved for another"),
        pytest.param(NO_CLASS, (volume(claimRef={"name": "archive-data"}),), "kept for claim `archive-data` in no namespace", id="nowhere"),
    ],
)
def test_volumes_that_were_made_for_the_claim(change: Change, extra: tuple[dict[str, Any], ...], words: str) -> None:
    verdict = verdict_of("pending-claim", submitted(change, extra=extra))
    assert verdict.status is (Status.FAILED if words else Status.PASSED)
    assert words in (verdict.evidence.found if verdict.evidence else "")


@pytest.mark.parametrize(
    ("reference", "status"),
    [
        pytest.param({"name": "query-api-database", "key": "url"}, Status.SKIPPED, id="not submitted"),
        pytest.param({"name": "rag-engine-secrets", "key": "database-url"}, Status.PASSED, id="of lesson 3"),
        pytest.param({"name": "rag-engine-secrets", "key": "url"}, Status.SKIPPED, id="a key that the course does not know"),
        pytest.param({"name": "query-api-database", "key": "url", "optional": True}, Status.FAILED, id="optional and not submitted"),
    ],
)
def test_secret_that_was_not_submitted(reference: dict[str, Any], status: Status) -> None:
    snapshot = submitted(("Deployment/query-api", URL, reference), without=("Secret/query-api-database",))
    assert verdict_of("crash-missing-env", snapshot).status is status


@pytest.mark.parametrize(
    ("sources", "status"),
    [
        pytest.param([("secretRef", "ours")], Status.SKIPPED, id="a Secret"),
        pytest.param([("configMapRef", "ours")], Status.FAILED, id="a ConfigMap"),
        pytest.param([("secretRef", "ours"), ("configMapRef", "settings")], Status.SKIPPED, id="either"),
        pytest.param([("secretRef", "query-api-database"), ("secretRef", "ours")], Status.PASSED, id="one that has it beside another"),
        pytest.param([("configMapRef", "settings"), ("secretRef", "query-api-database")], Status.PASSED, id="the Secret wins"),
    ],
)
def test_objects_that_give_all_their_keys_and_were_not_submitted(sources: list[tuple[str, str]], status: Status) -> None:
    container = "spec.template.spec.containers.0"
    snapshot = submitted(
        ("Secret/query-api-database", "stringData", {"DATABASE_URL": "postgresql://postgres/rag_engine"}),
        ("Deployment/query-api", f"{container}.env", []),
        ("Deployment/query-api", f"{container}.envFrom", [{kind: {"name": name}} for kind, name in sources]),
    )
    assert verdict_of("crash-missing-env", snapshot).status is status


@pytest.mark.parametrize(
    ("path", "value", "advice"),
    [
        pytest.param("Deployment/indexer", "your-registry/indexer", "another version tomorrow", id="no tag"),
        pytest.param("Deployment/report-worker", "your-registry/report-worker:latest", "another version tomorrow", id="latest"),
    ],
)
def test_other_images_are_left_to_their_versions(path: str, value: str, advice: str) -> None:
    verdict = verdict_of(WORKLOADS[path.partition("/")[2]], submitted((path, "spec.template.spec.containers.0.image", value)))
    assert verdict.status is Status.PASSED
    assert advice in verdict.advice[0]


def test_next_to_nothing_of_memory_is_remarked_on() -> None:
    path = "spec.template.spec.containers.0.resources.requests.memory"
    verdict = verdict_of("pending-unschedulable", submitted(("Deployment/report-worker", path, "128m")))
    assert "0.128 bytes" in verdict.advice[0]


def test_the_whole_of_it_is_live_only_where_it_must_be() -> None:
    statuses = {result.objective.id: result.status for result in evaluate(LESSON, submitted()).results}
    assert statuses == {**dict.fromkeys(OBJECTIVES, Status.PASSED), "nothing-left-broken": Status.SKIPPED}


# Live states


@cache
def well() -> list[dict[str, Any]]:
    return documents(FOLDER / "cases" / "pass-nothing-left-broken-all-well.yaml")


def on_cluster(*changes: Change, extra: tuple[dict[str, Any], ...] = (), without: tuple[str, ...] = (), **more: Any) -> Snapshot:
    """A cluster on which all is well, but for some changes."""
    bodies = [body for body in edited(well(), *changes) if f"{body['kind']}/{body['metadata']['name']}" not in without]
    return replace(Snapshot.of([redact(body) for body in (*bodies, *extra)], taken_at=NOON, kind="cluster"), **more)


def denied(*kinds: str) -> Mapping[str, str]:
    return MappingProxyType({kind: f"Could not list {kind} objects: access denied." for kind in kinds})


def behind(name: str) -> tuple[Change, ...]:
    return tuple((f"Deployment/{name}", f"status.{count}", 0) for count in ("readyReplicas", "availableReplicas"))


def state(name: str, **status: Any) -> tuple[Change, ...]:
    """A container that is not ready, as its Pod tells it."""
    full = {"name": name, "ready": False, "restartCount": 0, **status}
    unready = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}]
    return (
        *behind(name),
        (f"Pod/{name}", "status.containerStatuses", [full]),
        (f"Pod/{name}", "status.conditions", unready),
    )


def waits(name: str, reason: str, message: str | None = None, **status: Any) -> tuple[Change, ...]:
    return state(name, state={"waiting": {"reason": reason, "message": message}}, **status)


def event(kind: str, name: str, reason: str, message: str, seen: str = "2026-11-24T11:59:00Z", **more: Any) -> dict[str, Any]:
    """A warning about the first object of that kind whose name starts so."""
    about = next(body for body in well() if body["kind"] == kind and body["metadata"]["name"].startswith(name))["metadata"]
    subject = {"kind": kind, "name": about["name"], "uid": about.get("uid"), **more}
    head = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{name}.{seen}.{reason}", "namespace": "rag-engine"}}
    return {**head, "type": "Warning", "involvedObject": subject, "reason": reason, "message": message, "lastTimestamp": seen}


UNSCHEDULED = [
    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available: Insufficient cpu."}
]
REFUSED = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: rag-engine-quota"}
CRASHED = {"terminated": {"exitCode": 1, "reason": "Error", "message": "DATABASE_URL is not set\n"}}
KILLED = {"terminated": {"exitCode": 137, "reason": "Error"}}
UNHEALTHY = event("Pod", "indexer", "Unhealthy", "Liveness probe failed: connection refused")
PENDING_CLAIM: Change = (CLAIM, "status.phase", "Pending")
NO_VOLUME: Change = (CLAIM, "spec.volumeName", None)


@pytest.mark.parametrize("objective", [*OBJECTIVES, "nothing-left-broken"])
def test_all_is_well(objective: str) -> None:
    assert verdict_of(objective, on_cluster()).status is Status.PASSED


@pytest.mark.parametrize(
    ("objective", "snapshot", "status", "words"),
    [
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(*behind("report-worker"), ("Pod/report-worker", "status.conditions", UNSCHEDULED)),
            Status.FAILED,
            "Unschedulable: 0/3 nodes are available: Insufficient cpu.",
            id="no node has room",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(
                ("Pod/report-worker", "status.conditions", [{"type": "PodScheduled", "status": "False"}]),
                extra=(event("Pod", "report-worker", "FailedScheduling", "0/3 nodes are available: 3 Too many pods."),),
            ),
            Status.FAILED,
            "0/3 nodes are available: 3 Too many pods.",
            id="the event tells",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(
                ("Deployment/report-worker", "spec.template.spec.nodeSelector", {"disktype": "ssd"}),
                ("Pod/report-worker", "status.conditions", UNSCHEDULED),
            ),
            Status.FAILED,
            "`disktype: ssd`, which no node has; Pod `report-worker-7d9c5b6f48-ak2f0`: Unschedulable",
            id="cause and symptom",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(SSD, ("Node/worker-1", "metadata.labels.disktype", "ssd")),
            Status.PASSED,
            "",
            id="a node of this cluster has the label",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(SSD, unreadable=denied("Node")),
            Status.PASSED,
            "",
            id="nodes may not be read, Pods run",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(("Node/worker-1", "spec.taints", [{"key": "maintenance", "effect": "NoSchedule"}])),
            Status.FAILED,
            "tolerations that leave none of 1 nodes",
            id="a tainted node",
        ),
        pytest.param("pending-unschedulable", lambda: on_cluster(without=("Node/worker-1",)), Status.FAILED, "", id="no node at all"),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(("Deployment/report-worker", "metadata.generation", 3)),
            Status.PENDING,
            "has not seen the latest change",
            id="just applied",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(("Deployment/report-worker", "metadata.deletionTimestamp", "2026-11-24T11:59:00Z")),
            Status.FAILED,
            "being deleted",
            id="being deleted",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(
                *behind("report-worker"),
                (
                    "Deployment/report-worker",
                    "status.conditions",
                    [REFUSED],
                ),
            ),
            Status.FAILED,
            "FailedCreate: exceeded quota: rag-engine-quota",
            id="refused by a quota",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(
                ("Deployment/report-worker", "spec.template.spec.containers.0.resources.requests.cpu", "64"),
                ("Deployment/report-worker", "status.conditions", [REFUSED]),
            ),
            Status.FAILED,
            "`64` requested; FailedCreate: exceeded quota",
            id="too much, and refused by a quota",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(*behind("report-worker"), ("Deployment/report-worker", "spec.paused", True)),
            Status.FAILED,
            "it is paused",
            id="paused",
        ),
        pytest.param(
            "image-pull",
            lambda: on_cluster(*waits("gateway", "ErrImagePull"), ("Deployment/gateway", "spec.paused", True)),
            Status.FAILED,
            "it is paused",
            id="paused before the mend arrived",
        ),
        pytest.param(
            "pending-unschedulable",
            lambda: on_cluster(("Deployment/report-worker", "status.replicas", 2)),
            Status.PENDING,
            "1 ready",
            id="an old Pod",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(PENDING_CLAIM, NO_VOLUME, *waits("archive", "ContainerCreating")),
            Status.PENDING,
            "on the way to a volume",
            id="being bound",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(PENDING_CLAIM, NO_VOLUME, ("Pod/archive", "status.conditions", UNSCHEDULED)),
            Status.PENDING,
            "on the way to a volume",
            id="the scheduler waits for the claim",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(PENDING_CLAIM, (CLAIM, CLASS, "fast-ssd"), NO_VOLUME),
            Status.FAILED,
            "there is no StorageClass `fast-ssd`, only `standard`",
            id="no such class",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(
                PENDING_CLAIM,
                (CLAIM, CLASS, "fast-ssd"),
                NO_VOLUME,
                extra=(event(CLAIM.partition("/")[0], "archive-data", "ProvisioningFailed", 'storageclass "fast-ssd" not found'),),
            ),
            Status.FAILED,
            'ProvisioningFailed: storageclass "fast-ssd" not found',
            id="no such class, and an event",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(
                PENDING_CLAIM,
                NO_VOLUME,
                extra=(event(CLAIM.partition("/")[0], "archive-data", "ProvisioningFailed", "no space left"),),
            ),
            Status.FAILED,
            "ProvisioningFailed: no space left",
            id="provisioner refuses",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(
                PENDING_CLAIM,
                (CLAIM, CLASS, None),
                NO_VOLUME,
                ("StorageClass/standard", "metadata.annotations", None),
            ),
            Status.FAILED,
            "no StorageClass is the default",
            id="no default",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(PENDING_CLAIM, (CLAIM, CLASS, ""), NO_VOLUME, extra=(VOLUME,)),
            Status.PENDING,
            "on the way to a volume",
            id="a volume made by hand",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(PENDING_CLAIM, (CLAIM, "metadata.annotations", {"pv.kubernetes.io/bound-by-controller": "yes"})),
            Status.PENDING,
            "on the way to a volume",
            id="a moment before it is bound",
        ),
        pytest.param("pending-claim", lambda: on_cluster(PENDING_CLAIM), Status.FAILED, "no such volume", id="a volume that is not there"),
        pytest.param("pending-claim", lambda: on_cluster((CLAIM, "status.phase", "Lost")), Status.FAILED, "its volume is gone", id="lost"),
        pytest.param(
            "pending-claim",
            lambda: on_cluster((CLAIM, "metadata.deletionTimestamp", "2026-11-24T11:59:00Z")),
            Status.PENDING,
            "create the claim again",
            id="claim being deleted",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster(PENDING_CLAIM, (CLAIM, CLASS, "fast-ssd"), unreadable=denied("StorageClass")),
            Status.PENDING,
            "on the way to a volume",
            id="classes may not be read",
        ),
        pytest.param(
            "pending-claim",
            lambda: on_cluster((CLAIM, CLASS, "gone-since"), unreadable=denied("StorageClass", "PersistentVolume")),
            Status.PASSED,
            "",
            id="bound is bound",
        ),
        pytest.param(
            "crash-missing-env",
            lambda: on_cluster(*waits("query-api", "CrashLoopBackOff", restartCount=4, lastState=CRASHED)),
            Status.FAILED,
            "CrashLoopBackOff, last time Error with exit code 1: DATABASE_URL is not set",
            id="crashes for another reason",
        ),
        pytest.param(
            "crash-missing-env",
            lambda: on_cluster(*state("query-api", state=CRASHED)),
            Status.FAILED,
            "Error with exit code 1",
            id="just ended",
        ),
        pytest.param(
            "crash-missing-env",
            lambda: on_cluster(*state("query-api", state={"running": {}}, restartCount=4, lastState=CRASHED)),
            Status.PENDING,
            "it runs, but is not ready, after 4 restarts",
            id="started again",
        ),
        pytest.param(
            "crash-missing-env",
            lambda: on_cluster(*waits("query-api", "CreateContainerConfigError", 'secret "query-api-database" not found')),
            Status.FAILED,
            'CreateContainerConfigError: secret "query-api-database" not found',
            id="the Secret came too late",
        ),
        pytest.param(
            "crash-missing-env",
            lambda: on_cluster(without=("Secret/query-api-database",)),
            Status.FAILED,
            "none",
            id="the Secret is not there",
        ),
        pytest.param(
            "crash-liveness",
            lambda: on_cluster(*waits("indexer", "CrashLoopBackOff", restartCount=5, lastState=KILLED), extra=(UNHEALTHY,)),
            Status.FAILED,
            "exit code 137; Unhealthy: Liveness probe failed",
            id="killed again",
        ),
        pytest.param(
            "crash-liveness",
            lambda: on_cluster(
                ("Deployment/indexer", "spec.template.spec.containers.0.startupProbe.failureThreshold", 3),
                *state("indexer", state={"running": {}}, restartCount=1),
                extra=(UNHEALTHY,),
            ),
            Status.FAILED,
            "× failureThreshold 3; Pod `indexer-7d9c5b6f48-ak2f0`: it runs, but is not ready, after 1 restart; Unhealthy: Liveness",
            id="too short, between two restarts",
        ),
        pytest.param(
            "crash-liveness",
            lambda: on_cluster(*state("indexer", state={"running": {}}), extra=(UNHEALTHY,)),
            Status.PENDING,
            "it runs, but is not ready; Unhealthy",
            id="starting",
        ),
        pytest.param(
            "image-pull",
            lambda: on_cluster(*waits("gateway", "ErrImagePull", "manifest unknown")),
            Status.FAILED,
            "ErrImagePull: manifest unknown",
            id="not pulled",
        ),
        pytest.param(
            "image-pull",
            lambda: on_cluster(
                ("Deployment/gateway", "spec.template.spec.containers.0.image", "your-registry/gateway:v9"),
                *waits("gateway", "ImagePullBackOff"),
            ),
            Status.FAILED,
            "gateway:v9`; Pod `gateway-7d9c5b6f48-ak2f0`: ImagePullBackOff",
            id="wrong tag, and its symptom",
        ),
        pytest.param(
            "image-pull", lambda: on_cluster(*waits("gateway", "ContainerCreating")), Status.PENDING, "ContainerCreating", id="being pulled"
        ),
        pytest.param("no-endpoints", lambda: on_cluster(without=("EndpointSlice/search-8wq2p",)), Status.PENDING, "0", id="no slice yet"),
        pytest.param(
            "no-endpoints",
            lambda: on_cluster(("EndpointSlice/search", "ports.0.port", 8000)),
            Status.PENDING,
            "0",
            id="endpoints on another port",
        ),
        pytest.param(
            "no-endpoints",
            lambda: on_cluster(("EndpointSlice/search", "endpoints.0.conditions.ready", False)),
            Status.PENDING,
            "1",
            id="one is not ready",
        ),
        pytest.param(
            "no-endpoints",
            lambda: on_cluster(*state("search", state={"running": {}}), ("EndpointSlice/search", "endpoints", [])),
            Status.PENDING,
            "it runs, but is not ready",
            id="Pods are not ready",
        ),
        pytest.param(
            "nothing-left-broken",
            lambda: on_cluster(*waits("gateway", "ContainerCreating")),
            Status.PENDING,
            "ContainerCreating",
            id="on the way",
        ),
        pytest.param(
            "nothing-left-broken",
            lambda: on_cluster(*waits("gateway", "ErrImagePull"), *waits("archive", "CrashLoopBackOff")),
            Status.FAILED,
            ", and 1 more",
            id="two of them",
        ),
    ],
)
def test_live_state(objective: str, snapshot: Callable[[], Snapshot], status: Status, words: str) -> None:
    verdict = verdict_of(objective, snapshot())
    assert verdict.status is status, verdict
    if verdict.evidence is not None:
        assert words in verdict.evidence.found


@pytest.mark.parametrize(
    ("objective", "kind"),
    [
        *((objective, kind) for objective in OBJECTIVES for kind in ("Deployment", "Pod", "ReplicaSet")),
        ("pending-claim", "PersistentVolumeClaim"),
        ("crash-missing-env", "Secret"),
        ("no-endpoints", "Service"),
        ("no-endpoints", "EndpointSlice"),
        ("nothing-left-broken", "Pod"),
        ("nothing-left-broken", "Deployment"),
    ],
)
def test_what_may_not_be_read_leaves_it_unknown(objective: str, kind: str) -> None:
    verdict = verdict_of(objective, on_cluster(unreadable=denied(kind)))
    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, f"Could not list {kind} objects: access denied.")


@pytest.mark.parametrize("kind", ["Event", "Node", "StorageClass", "PersistentVolume"])
def test_what_only_explains_is_not_needed(kind: str) -> None:
    report = evaluate(LESSON, on_cluster(unreadable=denied(kind)))
    assert {result.status for result in report.results} == {Status.PASSED}


@pytest.mark.parametrize("name", WORKLOADS)
def test_deleting_a_workload_mends_nothing(name: str) -> None:
    snapshot = on_cluster(without=(f"Deployment/{name}",))
    assert verdict_of(WORKLOADS[name], snapshot).status is Status.FAILED
    assert verdict_of("nothing-left-broken", snapshot).reason == f"First: {WORKLOADS[name]}."


def started(second: str | None) -> Snapshot:
    bare = (("startupProbe", None), ("readinessProbe", None), ("livenessProbe.initialDelaySeconds", 60))
    changes: list[Change] = [("Deployment/indexer", f"spec.template.spec.containers.0.{path}", value) for path, value in bare]
    return on_cluster(*changes, ("Pod/indexer", "status.containerStatuses.0.state.running.startedAt", second))


@pytest.mark.parametrize(
    ("time", "status"),
    [
        pytest.param("2026-11-24T11:59:16Z", Status.PENDING, id="44 s ago"),
        pytest.param("2026-11-24T11:59:15Z", Status.PASSED, id="45 s ago"),
        pytest.param("2026-11-24T12:00:05Z", Status.PENDING, id="by a clock that is ahead"),
        pytest.param(None, Status.PENDING, id="no time"),
    ],
)
def test_without_a_probe_that_waits_the_start_has_to_be_outlived(time: str | None, status: Status) -> None:
    assert verdict_of("crash-liveness", started(time)).status is status


@pytest.mark.parametrize(
    ("changes", "extra", "command"),
    [
        pytest.param(
            waits("query-api", "CrashLoopBackOff", lastState=CRASHED), (), "kubectl logs query-api-7d9c5b6f48-ak2f0 -c query-api", id="log"
        ),
        pytest.param(
            waits("indexer", "CrashLoopBackOff", lastState=KILLED),
            (UNHEALTHY,),
            "kubectl describe pod indexer-7d9c5b6f48-ak2f0",
            id="events",
        ),
        pytest.param(waits("gateway", "ErrImagePull"), (), "kubectl describe pod gateway-7d9c5b6f48-ak2f0", id="image"),
    ],
)
def test_the_command_shows_the_cause(changes: tuple[Change, ...], extra: tuple[dict[str, Any], ...], command: str) -> None:
    verdict = verdict_of("nothing-left-broken", on_cluster(*changes, extra=extra))
    assert verdict.evidence is not None
    assert verdict.evidence.command is not None
    assert verdict.evidence.command.startswith(command)
    assert verdict.evidence.command.endswith("-n rag-engine --previous" if "logs" in command else "-n rag-engine")


def test_the_newest_warning_that_says_something_is_told() -> None:
    events = (
        event("Pod", "gateway", "Failed", "at first", "2026-11-24T11:10:00Z"),
        event("Pod", "gateway", "Failed", "at last", "2026-11-24T11:50:00Z"),
        event("Pod", "gateway", "BackOff", "Back-off restarting failed container", "2026-11-24T11:59:00Z"),
        event("Pod", "gateway", "Failed", "of an earlier Pod", "2026-11-24T11:59:30Z", uid="before"),
        {**event("Pod", "gateway", "Pulling", "no warning", "2026-11-24T11:59:40Z"), "type": "Normal"},
    )
    verdict = verdict_of("image-pull", on_cluster(*waits("gateway", "ImagePullBackOff"), extra=events))
    assert found(verdict).endswith("ImagePullBackOff; Failed: at last")


def test_pods_of_an_older_revision_do_not_count() -> None:
    old = edited(well(), *waits("gateway", "ErrImagePull"))
    pods = [body for body in old if body["kind"] in ("Pod", "ReplicaSet") and body["metadata"]["name"].startswith("gateway")]
    for body in pods:
        body["metadata"]["name"] = f"old-{body['metadata']['name']}"
        if body["kind"] == "ReplicaSet":
            body["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
        else:
            body["metadata"]["ownerReferences"][0]["name"] = f"old-{body['metadata']['ownerReferences'][0]['name']}"
    old_is_there: Change = ("Deployment/gateway", "status.replicas", 2)
    goes_on = on_cluster(old_is_there, extra=tuple(pods))
    assert verdict_of("image-pull", goes_on).status is Status.PENDING
    assert verdict_of("nothing-left-broken", goes_on).status is Status.PENDING
    paused = on_cluster(old_is_there, ("Deployment/gateway", "spec.paused", True), extra=tuple(pods))
    assert verdict_of("nothing-left-broken", paused).status is Status.FAILED


def test_a_new_revision_without_its_replica_set_is_on_its_way() -> None:
    unseen: Change = ("Deployment/gateway", "metadata.annotations", {"deployment.kubernetes.io/revision": "3"})
    snapshot = on_cluster(unseen, ("Deployment/gateway", "status.updatedReplicas", 0), *waits("gateway", "ErrImagePull"))
    assert verdict_of("image-pull", snapshot).status is Status.PENDING


GIVEN_UP: Change = (
    "Deployment/archive",
    "status.conditions",
    [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}],
)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param(state("archive", state={"waiting": {"reason": "ContainerCreating"}}), Status.FAILED, id="and waits in vain"),
        pytest.param(
            (*waits("archive", "ContainerCreating"), ("Pod/archive", "status.phase", "Pending")),
            Status.PENDING,
            id="and then its disk came",
        ),
    ],
)
def test_a_rollout_that_has_given_up(changes: tuple[Change, ...], status: Status) -> None:
    assert verdict_of("pending-claim", on_cluster(GIVEN_UP, *changes)).status is status


def unscheduled(message: str) -> tuple[Change, ...]:
    return (
        *behind("archive"),
        ("Pod/archive", "spec.volumes", [{"name": "data", "persistentVolumeClaim": {"claimName": "archive-data"}}]),
        ("Pod/archive", "status.phase", "Pending"),
        ("Pod/archive", "status.conditions", [{**UNSCHEDULED[0], "message": message}]),
    )


@pytest.mark.parametrize(
    ("changes", "message", "status"),
    [
        pytest.param((), "pod has unbound immediate PersistentVolumeClaims.", Status.PENDING, id="bound since"),
        pytest.param((), 'persistentvolumeclaim "archive-data" not found.', Status.PENDING, id="created since"),
        pytest.param((), "0/3 nodes are available: Insufficient cpu.", Status.FAILED, id="about something else"),
        pytest.param(
            ((CLAIM, "metadata.name", "archive-data-2"),), 'persistentvolumeclaim "archive-data" not found.', Status.FAILED, id="not there"
        ),
    ],
)
def test_what_the_scheduler_said_before_the_claim_was_mended(changes: tuple[Change, ...], message: str, status: Status) -> None:
    snapshot = on_cluster(*changes, *unscheduled(message))
    assert verdict_of("pending-claim", snapshot).status is status
    assert verdict_of("nothing-left-broken", snapshot).status is status


def test_a_report_that_missed_a_class_is_overtaken_by_the_class() -> None:
    missed = event("PersistentVolumeClaim", "archive-data", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast-ssd" not found')
    waits_still = (PENDING_CLAIM, (CLAIM, CLASS, "fast-ssd"), NO_VOLUME)
    assert verdict_of("pending-claim", on_cluster(*waits_still, extra=(missed,))).status is Status.FAILED
    assert verdict_of("pending-claim", on_cluster(*waits_still, extra=(missed, storage_class("fast-ssd")))).status is Status.PENDING


def test_what_kept_a_pod_from_a_node_is_not_told_of_one_that_has_it() -> None:
    before = event("Pod", "report-worker", "FailedScheduling", "0/3 nodes are available: Insufficient cpu.")
    verdict = verdict_of("pending-unschedulable", on_cluster(*waits("report-worker", "ContainerCreating"), extra=(before,)))
    assert found(verdict).endswith("ContainerCreating")


def test_a_long_message_loses_its_middle() -> None:
    message = "failed to pull and unpack image: " + "x" * 400 + ": not found"
    words = found(verdict_of("image-pull", on_cluster(*waits("gateway", "ErrImagePull", message))))
    assert "failed to pull" in words
    assert words.endswith("not found")
    assert len(words) < 320


def test_failed_tries_of_a_job_are_its_own_business() -> None:
    owner = [{"apiVersion": "batch/v1", "kind": "Job", "name": "nightly", "controller": True}]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "nightly-1", "namespace": "rag-engine", "ownerReferences": owner}}
    assert verdict_of("nothing-left-broken", on_cluster(extra=({**body, "status": {"phase": "Failed"}},))).status is Status.PASSED


# What the API server rejects


@pytest.mark.parametrize(
    ("ref", "owner"),
    [
        *((f"Deployment/{name}", objective) for name, objective in WORKLOADS.items()),
        ("PersistentVolumeClaim/archive-data", "pending-claim"),
        ("Secret/query-api-database", "crash-missing-env"),
        ("Service/search", "no-endpoints"),
    ],
)
def test_rejected_object_fails_the_objective_that_reads_it(ref: str, owner: str) -> None:
    problem = Problem("Rejected.", path=("metadata", "labels"), expected="good", found="bad")
    items = tuple(replace(item, problems=(problem,)) if item.ref == ref else item for item in submitted().objects)
    report = evaluate(LESSON, Snapshot(Source("manifests", "rag-engine"), items, NOON))
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [owner]


# Any shape

ODD = shapes(
    st.integers(-3, 9000)
    | st.sampled_from(["", "64", "1Gi", "http", "search", "/archive", "your-registry/gateway:v1.4.0", "CrashLoopBackOff"]),
    ["name", "spec", "metadata", "requests", "cpu", "httpGet", "port", "claimName", "state", "waiting", "reason", "matchLabels"],
)
EVERYTHING = [*well(), VOLUME, UNHEALTHY, event(CLAIM.partition("/")[0], "archive-data", "ProvisioningFailed", "no space left")]


@settings(max_examples=150)
@given(st.data(), st.sets(st.integers(0, len(EVERYTHING) - 1), min_size=1, max_size=5), st.sampled_from(["manifests", "cluster"]))
def test_no_shape_of_object_crashes_a_check(data: st.DataObject, chosen: set[int], kind: str) -> None:
    bodies = [data.draw(spoilt(body, ODD)) if index in chosen else body for index, body in enumerate(EVERYTHING)]
    assert_no_check_crashes(LESSON, Snapshot.of(bodies, taken_at=NOON, kind=kind))


# On a real cluster

NAMESPACE = f"lesson-14-{uuid4().hex[:8]}"  # a name of this run's own: one that was just deleted takes a while to go
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
BY_HAND: dict[str, Any] = {
    **VOLUME,
    "metadata": {"name": NAMESPACE},
    "spec": {**VOLUME["spec"], "storageClassName": NAMESPACE, "capacity": {"storage": "5Gi"}},
}


def sent(body: dict[str, Any]) -> dict[str, Any]:
    """The object in the namespace of this test."""
    return {**body, "metadata": {**body["metadata"], "namespace": NAMESPACE}}


@pytest.fixture(scope="module")
def stage(api: Api) -> Iterator[Api]:
    """A namespace that enforces the restricted standard, and a volume of a class that this test alone uses."""
    api.ensure_namespace(NAMESPACE)
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}})
    made = [{**storage_class(NAMESPACE), "volumeBindingMode": "WaitForFirstConsumer"}, BY_HAND]
    try:
        for body in made:
            assert api.put(body)[0] in (200, 201)
        yield api
    finally:
        api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)
        for body in made:
            api.delete(body, wait=False)


@pytest.mark.cluster
@pytest.mark.parametrize("path", SEEDS, ids=of_seed)
def test_api_server_takes_the_seed_and_admits_its_pods(path: Path, stage: Api) -> None:
    for body in documents(path):
        status, answer = stage.create(sent(body))
        assert status == 201, answer
        if body["kind"] == "Deployment":
            template = body["spec"]["template"]
            bare = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "try", "labels": template["metadata"]["labels"]}}
            status, answer = stage.create({**bare, "spec": template["spec"]}, NAMESPACE)
            assert status == 201, answer


@pytest.mark.cluster
def test_on_a_cluster_the_starter_fails_and_the_solution_passes(stage: Api, kubeconfig: Path) -> None:
    cluster = connect(context=None, kubeconfig=str(kubeconfig), timeout=20)

    def until(wanted: set[Status], words: dict[str, str]) -> None:
        deadline = time.monotonic() + 150
        while True:
            snapshot = cluster.snapshot(LESSON.reads + LESSON.live_reads, namespace=NAMESPACE, taken_at=NOON)
            verdicts = {result.objective.id: result.verdict for result in evaluate(LESSON, snapshot).results}
            if {verdict.status for verdict in verdicts.values()} <= wanted and all(
                text in found(verdicts[objective]) for objective, text in words.items()
            ):
                return
            assert time.monotonic() < deadline, verdicts
            time.sleep(0.3)

    def put(bodies: list[dict[str, Any]]) -> None:
        for body in bodies:
            status, answer = stage.put(sent(body))
            assert status in (200, 201), answer

    put(documents(*manifests(FOLDER / "starter")))
    until({Status.FAILED}, {"pending-unschedulable": "nodes are available", "nothing-left-broken": "Unschedulable"})
    claims = [body for body in SOLUTION if body["kind"] == "PersistentVolumeClaim"]
    for body in claims:  # how a claim is to be bound cannot be changed
        stage.delete(sent(body))
        put([{**body, "spec": {**body["spec"], "storageClassName": NAMESPACE}}])
    put([body for body in SOLUTION if body not in claims])
    until({Status.PASSED}, {})


def test_objects_of_the_exercise_are_all_read() -> None:
    kinds = {item.kind for path in (*SEEDS, *manifests(FOLDER / "solution")) for item in _objects(path)}
    assert kinds <= set(LESSON.reads)


def _objects(path: Path) -> tuple[K8sObject, ...]:
    return read([path]).objects
