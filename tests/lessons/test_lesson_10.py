"""Lesson 10 beyond its case manifests: what other objects decide, live states, what cannot be judged, and the words of the evidence."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_10_resources import LESSON
from graders.snapshot import K8sObject, Problem, Snapshot, Source
from graders.verdict import Status, Verdict
from tests.shapes import assert_no_check_crashes, shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
APP = {"app": "rag-engine-api"}
HALF = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}
EQUAL = {"limits": {"cpu": "500m", "memory": "1Gi"}}


def thing(api_version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "rag-engine"}, "spec": spec}


def template(labels: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"metadata": {"labels": labels}, "spec": fields}


DEPLOYMENT = thing(
    "apps/v1",
    "Deployment",
    "rag-engine-api",
    {
        "replicas": 3,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "selector": {"matchLabels": APP},
        "template": template(
            APP,
            containers=[{"name": "api", "image": "rag:1", "resources": HALF}],
            topologySpreadConstraints=[
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": APP},
                }
            ],
        ),
    },
)
QDRANT = thing(
    "apps/v1",
    "StatefulSet",
    "qdrant",
    {
        "serviceName": "qdrant",
        "selector": {"matchLabels": {"app": "qdrant"}},
        "template": template({"app": "qdrant"}, containers=[{"name": "qdrant", "image": "qdrant:1", "resources": EQUAL}]),
    },
)
LIMITS = thing(
    "v1",
    "LimitRange",
    "defaults",
    {
        "limits": [
            {
                "type": "Container",
                "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
                "default": {"cpu": "500m", "memory": "512Mi"},
            }
        ]
    },
)
QUOTA = thing("v1", "ResourceQuota", "quota", {"hard": {"requests.cpu": 4, "requests.memory": "8Gi", "limits.memory": "16Gi", "pods": 20}})
HPA = thing(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    "rag-engine-api-hpa",
    {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "rag-engine-api"},
        "minReplicas": 4,
        "maxReplicas": 20,
    },
)
WHOLE = (DEPLOYMENT, QDRANT, LIMITS, QUOTA)


def judge(objective: str, *bodies: dict[str, Any], kind: str = "manifests", **changes: Any) -> Verdict:
    report = evaluate(LESSON, replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), **changes))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(body)
    *steps, last = path.split(".")
    place: Any = body
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return body


def found(verdict: Verdict) -> str:
    assert verdict.evidence is not None, verdict
    return verdict.evidence.found


def denied(kind: str) -> MappingProxyType[str, str]:
    return MappingProxyType({kind: f"Could not list {kind} objects: access denied."})


def test_a_whole_answer_passes_on_both_sources() -> None:
    for kind in ("manifests", "cluster"):
        statuses = {judge(objective.id, *WHOLE, kind=kind).status for objective in LESSON.objectives if not objective.live}
        assert statuses == {Status.PASSED}


# Classes


def test_resources_of_the_whole_pod_are_shown_as_such() -> None:
    whole = changed(QDRANT, "spec.template.spec.resources", {"requests": {"cpu": "500m"}, "limits": {"cpu": "750m", "memory": "1Gi"}})
    verdict = judge("qdrant-guaranteed", whole)
    assert found(verdict) == "Burstable: the Pod as a whole requests 500m of cpu and is limited to 750m"
    assert verdict.evidence is not None
    assert verdict.evidence.path == "spec.template.spec.resources.requests.cpu"


def test_without_a_limit_range_a_container_that_says_nothing_is_best_effort() -> None:
    silent = changed(DEPLOYMENT, "spec.template.spec.containers.0.resources", {})
    assert found(judge("api-burstable", silent)) == "BestEffort: nothing in the Pod requests or limits cpu or memory"
    assert judge("api-burstable", silent, LIMITS).status is Status.PASSED


def test_limit_ranges_are_read_only_where_they_matter() -> None:
    assert judge("api-burstable", DEPLOYMENT, kind="cluster", unreadable=denied("LimitRange")).status is Status.PASSED
    silent = changed(DEPLOYMENT, "spec.template.spec.containers.0.resources", {})
    assert judge("api-burstable", silent, kind="cluster", unreadable=denied("LimitRange")).status is Status.UNKNOWN


def test_a_limit_range_of_another_namespace_fills_in_nothing() -> None:
    silent = changed(QDRANT, "spec.template.spec.containers.0.resources", {})
    elsewhere = changed(LIMITS, "metadata.namespace", "default")
    assert found(judge("qdrant-guaranteed", silent, elsewhere)).startswith("BestEffort")


@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_classes_are_about_the_workload_itself_which_has_to_be_there(kind: str) -> None:
    assert judge("api-burstable", QDRANT, kind=kind).status is Status.FAILED
    assert judge("qdrant-guaranteed", DEPLOYMENT, kind=kind).status is Status.FAILED


@pytest.mark.parametrize("objective", ["zero-downtime-update", "spread-over-nodes", "history-kept"])
def test_the_rest_is_skipped_without_the_deployment_and_fails_on_a_cluster(objective: str) -> None:
    assert judge(objective, QDRANT).status is Status.SKIPPED
    assert judge(objective, QDRANT, kind="cluster").status is Status.FAILED


# Updates


@pytest.mark.parametrize(
    ("replicas", "unavailable", "hpa", "status", "advised"),
    [
        pytest.param(3, "25%", None, Status.PASSED, True, id="a quarter of three is nothing, of four it is one"),
        pytest.param(4, "25%", None, Status.FAILED, False, id="a quarter of four"),
        pytest.param(None, "25%", HPA, Status.FAILED, False, id="the HPA's minimum of four where no count is stated"),
        pytest.param(None, "50%", None, Status.PASSED, True, id="one by default"),
        pytest.param(3, "25%", HPA, Status.PASSED, True, id="the HPA may make it four"),
        pytest.param(3, "25%", changed(HPA, "spec.maxReplicas", 3), Status.PASSED, False, id="the HPA never makes it four"),
        pytest.param(3, "5%", HPA, Status.PASSED, True, id="the HPA's most is just enough"),
        pytest.param(3, "4%", HPA, Status.PASSED, False, id="the HPA's most is not enough"),
        pytest.param(0, 0, None, Status.PASSED, False, id="scaled to nothing"),
    ],
)
def test_updates_are_judged_at_the_wanted_count(
    replicas: int | None, unavailable: Any, hpa: dict[str, Any] | None, status: Status, advised: bool
) -> None:
    deployment = changed(DEPLOYMENT, "spec.replicas", replicas)
    deployment = changed(deployment, "spec.strategy.rollingUpdate.maxUnavailable", unavailable)
    verdict = judge("zero-downtime-update", deployment, *([hpa] if hpa else []))
    assert verdict.status is status
    assert bool(verdict.advice) is advised


def test_an_hpa_that_is_not_served_or_scales_another_does_not_count() -> None:
    deployment = changed(changed(DEPLOYMENT, "spec.replicas", None), "spec.strategy", None)
    assert judge("zero-downtime-update", deployment, HPA).status is Status.FAILED
    for other in (changed(HPA, "apiVersion", "autoscaling/v2beta2"), changed(HPA, "spec.scaleTargetRef.name", "worker")):
        assert judge("zero-downtime-update", deployment, other).status is Status.PASSED


def test_hpas_that_may_not_be_read_leave_it_unknown() -> None:
    deployment = changed(DEPLOYMENT, "spec.strategy", None)
    assert judge("zero-downtime-update", deployment, kind="cluster", unreadable=denied("HorizontalPodAutoscaler")).status is Status.UNKNOWN


@pytest.mark.parametrize(("field", "value"), [("nodeName", "node-1"), ("nodeSelector", {"kubernetes.io/hostname": "node-1"})])
def test_pods_that_are_tied_to_a_node_are_not_spread(field: str, value: Any) -> None:
    assert "all of them on that one" in found(judge("spread-over-nodes", changed(DEPLOYMENT, f"spec.template.spec.{field}", value)))


# The namespace


def hard(**amounts: Any) -> dict[str, Any]:
    names = {name.replace("_", "."): amount for name, amount in amounts.items()}
    return {**QUOTA, "spec": {"hard": {**QUOTA["spec"]["hard"], **names}}}


JOB = thing(
    "batch/v1",
    "Job",
    "reindex",
    {"parallelism": 5, "template": {"spec": {"containers": [{"name": "job", "image": "job:1", "resources": HALF}]}}},
)
POD = {**thing("v1", "Pod", "one", {"containers": [{"name": "c", "image": "c:1", "resources": HALF}]})}


@pytest.mark.parametrize(
    ("others", "pods"),
    [
        pytest.param([], 4, id="three and one"),
        pytest.param([HPA], 5, id="the HPA's minimum is more"),
        pytest.param([changed(HPA, "spec.minReplicas", 2)], 4, id="the HPA's minimum is less than what is stated"),
        pytest.param([JOB], 9, id="a Job's parallelism"),
        pytest.param([changed(JOB, "spec.completions", 2)], 6, id="no more than are left to complete"),
        pytest.param([changed(JOB, "spec.suspend", True)], 4, id="a suspended Job"),
        pytest.param([{**JOB, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}], 4, id="a Job that is done"),
        pytest.param([changed(JOB, "spec.parallelism", None)], 5, id="a Job's default"),
        pytest.param([POD], 5, id="a bare Pod"),
        pytest.param([{**POD, "status": {"phase": "Succeeded"}}], 4, id="a Pod that has ended"),
        pytest.param([{**JOB, "kind": "DaemonSet", "apiVersion": "apps/v1"}], 5, id="a DaemonSet, one at least"),
        pytest.param([{**JOB, "kind": "DaemonSet", "status": {"desiredNumberScheduled": 3}}], 7, id="a DaemonSet on three nodes"),
        pytest.param([thing("batch/v1", "CronJob", "nightly", {"jobTemplate": {"spec": JOB["spec"]}})], 4, id="a CronJob's come and go"),
        pytest.param([changed(QDRANT, "metadata.name", "other")], 5, id="a StatefulSet, one by default"),
    ],
)
def test_quota_is_held_against_all_pods_that_are_wanted(others: list[dict[str, Any]], pods: int) -> None:
    assert judge("namespace-quota", *WHOLE[:3], hard(pods=pods), *others).status is Status.PASSED
    verdict = judge("namespace-quota", *WHOLE[:3], hard(pods=pods - 1), *others)
    assert verdict.evidence is not None
    assert verdict.evidence.expected.startswith(f"at least {pods}, which is asked for: ")


def test_a_deployment_scaled_to_nothing_asks_for_nothing() -> None:
    assert judge("namespace-quota", changed(DEPLOYMENT, "spec.replicas", 0), HPA, QDRANT, LIMITS, hard(pods=1)).status is Status.PASSED


def test_a_surge_that_does_not_fit_is_advised_against() -> None:
    assert not judge("namespace-quota", *WHOLE[:3], hard(pods=5)).advice
    (advice,) = judge("namespace-quota", *WHOLE[:3], hard(pods=4)).advice
    assert advice.startswith("ResourceQuota/quota leaves no room in `pods`")
    recreate = changed(DEPLOYMENT, "spec.strategy", {"type": "Recreate"})
    assert not judge("namespace-quota", recreate, QDRANT, LIMITS, hard(pods=4)).advice


def test_quota_makes_a_container_state_its_limit_unless_a_limit_range_does() -> None:
    silent = changed(DEPLOYMENT, "spec.template.spec.containers.0.resources", {"requests": HALF["requests"]})
    assert judge("namespace-quota", silent, QDRANT, LIMITS, QUOTA).status is Status.PASSED
    verdict = judge("namespace-quota", silent, QDRANT, QUOTA)
    assert found(verdict) == "Deployment/rag-engine-api states none for container `api`, so its Pods are refused"


def test_a_scoped_quota_is_held_against_what_it_counts() -> None:
    scoped = {**thing("v1", "ResourceQuota", "scoped", {"hard": {"pods": 1}, "scopes": ["NotTerminating"]})}
    assert judge("namespace-quota", *WHOLE, scoped).status is Status.FAILED
    assert judge("namespace-quota", *WHOLE, changed(scoped, "spec.scopes", ["BestEffort"])).status is Status.PASSED


def test_pods_of_a_replica_set_of_the_deployment_are_counted_once() -> None:
    owned = changed(POD, "metadata.ownerReferences", [{"kind": "ReplicaSet", "name": "r", "controller": True}])
    assert judge("namespace-quota", *WHOLE[:3], hard(pods=5), owned, kind="cluster").status is Status.PASSED


@pytest.mark.parametrize("kind", ["Pod", "ResourceQuota", "LimitRange"])
def test_what_may_not_be_read_leaves_the_quota_unknown(kind: str) -> None:
    assert judge("namespace-quota", *WHOLE, kind="cluster", unreadable=denied(kind)).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        pytest.param({"type": "Pod", "max": {"cpu": "400m"}}, "each Pod of Deployment/rag-engine-api requests 250m of cpu", id="a sum"),
        pytest.param({"type": "Container", "min": {"cpu": "300m"}}, "container `api` of Deployment/rag-engine-api", id="too little"),
        pytest.param({"type": "Container", "maxLimitRequestRatio": {"memory": 1}}, "is limited to 512Mi", id="too much above the request"),
    ],
)
def test_bounds_that_keep_out_what_runs_fail(bound: dict[str, Any], expected: str) -> None:
    second = thing("v1", "LimitRange", "second", {"limits": [bound]})
    assert expected in found(judge("default-limits", *WHOLE, second))
    assert judge("default-limits", *WHOLE, second, kind="cluster", unreadable=denied("Job")).status is Status.UNKNOWN
    assert judge("default-limits", *WHOLE, kind="cluster", unreadable=denied("Job")).status is Status.PASSED


def test_limit_ranges_that_may_not_be_read_leave_the_defaults_unknown() -> None:
    assert judge("default-limits", *WHOLE, kind="cluster", unreadable=denied("LimitRange")).status is Status.UNKNOWN


def test_a_namespace_without_either_is_named_with_the_command_that_shows_it() -> None:
    for objective, kind in (("default-limits", "limitrange"), ("namespace-quota", "resourcequota")):
        evidence = judge(objective, DEPLOYMENT, QDRANT, kind="cluster").evidence
        assert evidence is not None
        assert (evidence.object, evidence.command) == ("Namespace/rag-engine", f"kubectl get {kind} -n rag-engine")


def test_namespaces_left_out_are_advised_on() -> None:
    for objective, body in (("default-limits", LIMITS), ("namespace-quota", QUOTA)):
        bare = {**body, "metadata": {"name": "bare"}}
        others = [item for item in WHOLE if item is not body]
        assert "names no namespace" in judge(objective, *others, bare).advice[0]


# Rolled out


def replica_set(name: str, revision: str, owner: str = "rag-engine-api") -> dict[str, Any]:
    body = thing("apps/v1", "ReplicaSet", name, {"replicas": 0, "template": DEPLOYMENT["spec"]["template"]})
    body["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": revision}
    body["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": owner, "controller": True}]
    return body


def live(*sets: dict[str, Any], revision: str = "2", unreadable: Any = None, **status: Any) -> Verdict:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 3)
    deployment = {**DEPLOYMENT, "status": {"observedGeneration": 2, **counts, **status}}
    annotations = {"deployment.kubernetes.io/revision": revision}
    deployment["metadata"] = {**DEPLOYMENT["metadata"], "generation": 2, "annotations": annotations}
    changes = {} if unreadable is None else {"unreadable": unreadable}
    return judge("rolled-out-twice", deployment, *sets, kind="cluster", **changes)


OLD, NEW = replica_set("old", "1"), replica_set("new", "2")


@pytest.mark.parametrize(
    ("sets", "status", "verdict"),
    [
        pytest.param([OLD, NEW], {}, Status.PASSED, id="two, the newest up"),
        pytest.param([OLD, NEW], {"updatedReplicas": 1, "replicas": 4}, Status.PENDING, id="on the way"),
        pytest.param([OLD, NEW], {"availableReplicas": 2}, Status.PENDING, id="not available for long enough"),
        pytest.param([OLD], {"observedGeneration": 1}, Status.PENDING, id="the controller has not seen the change"),
        pytest.param([OLD], {}, Status.FAILED, id="one"),
        pytest.param([], {}, Status.FAILED, id="none"),
        pytest.param([NEW, replica_set("other", "1", "worker")], {}, Status.FAILED, id="the other is another Deployment's"),
        pytest.param(
            [OLD, NEW],
            {"availableReplicas": 2, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]},
            Status.FAILED,
            id="given up",
        ),
    ],
)
def test_live_states(sets: list[dict[str, Any]], status: dict[str, Any], verdict: Status) -> None:
    assert live(*sets, **status).status is verdict


def test_the_first_revision_is_told_from_a_history_that_is_gone() -> None:
    assert found(live(OLD, revision="1")) == "the first revision only"
    assert found(live(NEW, revision="7")) == "revision 7 alone; the ReplicaSets before it are gone"


def test_a_paused_rollout_that_has_arrived_passes_with_advice() -> None:
    paused = changed(DEPLOYMENT, "spec.paused", True)
    paused["metadata"]["generation"] = 1
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 3)
    (advice,) = judge("rolled-out-twice", {**paused, "status": {"observedGeneration": 1, **counts}}, OLD, NEW, kind="cluster").advice
    assert "paused" in advice


def test_replica_sets_that_may_not_be_read_leave_it_unknown() -> None:
    assert live(unreadable=denied("ReplicaSet")).status is Status.UNKNOWN


def test_without_a_deployment_it_fails_and_manifests_are_skipped() -> None:
    assert judge("rolled-out-twice", OLD, NEW, kind="cluster").status is Status.FAILED
    assert judge("rolled-out-twice", *WHOLE).status is Status.SKIPPED


# What the API server rejects


@pytest.mark.parametrize(
    ("body", "path", "owner"),
    [
        (DEPLOYMENT, ("spec", "template", "spec", "containers", 0, "resources", "limits", "cpu"), "api-burstable"),
        (DEPLOYMENT, ("spec", "template", "spec", "resources", "limits"), "api-burstable"),
        (QDRANT, ("spec", "template", "spec", "containers", 0, "resources", "requests", "cpu"), "qdrant-guaranteed"),
        (DEPLOYMENT, ("spec", "strategy", "rollingUpdate", "maxSurge"), "zero-downtime-update"),
        (DEPLOYMENT, ("spec", "template", "spec", "topologySpreadConstraints", 0, "maxSkew"), "spread-over-nodes"),
        (DEPLOYMENT, ("spec", "template", "spec", "affinity", "podAntiAffinity"), "spread-over-nodes"),
        (LIMITS, ("spec", "limits", 0, "type"), "default-limits"),
        (QUOTA, ("spec", "hard", "pods"), "namespace-quota"),
        (DEPLOYMENT, ("spec", "revisionHistoryLimit"), "history-kept"),
        (DEPLOYMENT, ("spec", "template", "spec", "containers", 0, "image"), "api-burstable"),
        (QDRANT, ("spec", "serviceName"), "qdrant-guaranteed"),
        (QDRANT, ("spec", "volumeClaimTemplates", 0, "spec", "resources", "requests"), "qdrant-guaranteed"),
    ],
)
def test_rejected_place_fails_the_objective_that_reads_it(body: dict[str, Any], path: tuple[str | int, ...], owner: str) -> None:
    rejected = replace(K8sObject.of(body), problems=(Problem("Rejected.", path=path, expected="good", found="bad"),))
    objects = tuple(rejected if item is body else K8sObject.of(item) for item in WHOLE)
    report = evaluate(LESSON, Snapshot(Source("manifests", "rag-engine"), objects, NOON))
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [owner]


# Any shape

ODD = shapes(
    st.integers(-3, 400) | st.sampled_from(["", "cpu", "1e999", "1e-9", "50%", "25%", "Container", "1Gi"]),
    ["cpu", "memory", "pods", "requests", "limits", "resources", "containers", "hard", "type", "default", "spec"],
)


@settings(max_examples=200)
@given(st.tuples(*(spoilt(body, ODD) for body in (*WHOLE, HPA, JOB, POD, NEW))), st.sampled_from(["manifests", "cluster"]))
def test_no_shape_of_object_crashes_a_check(bodies: tuple[dict[str, Any], ...], kind: str) -> None:
    snapshot = Snapshot.of(bodies, taken_at=NOON, kind=kind)
    assert_no_check_crashes(LESSON, snapshot)
