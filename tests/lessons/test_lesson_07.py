"""Lesson 7 beyond its case manifests: live states, what cannot be judged, and the words of the evidence."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_07_hpa import LESSON
from graders.snapshot import K8sObject, Problem, Snapshot, Source
from graders.verdict import Status, Verdict
from tests.shapes import assert_no_check_crashes, shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "rag-engine-api-hpa", "namespace": "rag-engine"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "rag-engine-api"},
        "minReplicas": 3,
        "maxReplicas": 20,
        "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
            {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 80}}},
            {
                "type": "Pods",
                "pods": {"metric": {"name": "requests_per_second"}, "target": {"type": "AverageValue", "averageValue": "100"}},
            },
        ],
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 60, "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]},
            "scaleDown": {"stabilizationWindowSeconds": 300, "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]},
        },
    },
}
V1 = {
    **HPA,
    "apiVersion": "autoscaling/v1",
    "spec": {**{key: HPA["spec"][key] for key in ("scaleTargetRef", "minReplicas", "maxReplicas")}, "targetCPUUtilizationPercentage": 70},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "rag-engine-api", "namespace": "rag-engine"},
    "spec": {
        "selector": {"matchLabels": {"app": "rag-engine-api"}},
        "template": {
            "metadata": {"labels": {"app": "rag-engine-api"}},
            "spec": {"containers": [{"name": "api", "image": "rag:1", "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}}}]},
        },
    },
}


def judge(objective: str, *bodies: dict[str, Any], kind: str = "manifests", **changes: Any) -> Verdict:
    report = evaluate(LESSON, replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), **changes))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(body)
    *steps, last = path.split(".")
    reduce(lambda place, step: place[step], steps, body)[last] = value
    return body


def found(verdict: Verdict) -> str:
    assert verdict.status is Status.FAILED
    assert verdict.evidence is not None
    return verdict.evidence.found


# autoscaling/v1


@pytest.mark.parametrize(
    ("objective", "status"),
    [
        ("hpa-exists", Status.PASSED),
        ("scale-target", Status.PASSED),
        ("replica-bounds", Status.PASSED),
        ("cpu-target", Status.PASSED),
        ("memory-target", Status.FAILED),
        ("requests-per-second", Status.FAILED),
        ("scale-up-policy", Status.PASSED),
        ("scale-down-policy", Status.FAILED),
        ("target-has-requests", Status.PASSED),
    ],
)
def test_first_version_is_judged_by_what_it_can_say(objective: str, status: Status) -> None:
    assert judge(objective, V1, DEPLOYMENT).status is status


def test_first_version_gets_the_advice_to_write_the_second() -> None:
    assert "write `apiVersion: autoscaling/v2`" in judge("hpa-exists", V1).advice[0]


def test_first_version_holds_cpu_at_its_own_field() -> None:
    verdict = judge("cpu-target", changed(V1, "spec.targetCPUUtilizationPercentage", 80))
    assert found(verdict) == "80 %"
    assert verdict.evidence is not None
    assert verdict.evidence.path == "spec.targetCPUUtilizationPercentage"


@pytest.mark.parametrize("field", ["metrics", "behavior"])
def test_first_version_does_not_read_fields_of_the_second(field: str) -> None:
    mixed = changed(V1, f"spec.{field}", HPA["spec"][field])
    assert judge("memory-target", mixed).status is Status.FAILED
    assert judge("scale-down-policy", mixed).status is Status.FAILED


# Evidence


def test_no_metrics_at_all_says_what_kubernetes_does_then() -> None:
    assert found(judge("cpu-target", changed(HPA, "spec.metrics", []))) == "no metrics, so Kubernetes holds CPU at 80 %"


def test_scale_down_names_the_field_the_size_and_the_numbers() -> None:
    policies = [{"type": "Pods", "value": 5, "periodSeconds": 60}]
    evidence = judge("scale-down-policy", changed(HPA, "spec.behavior.scaleDown.policies", policies)).evidence
    assert evidence is not None
    assert evidence.path == "spec.behavior.scaleDown.policies[0].value"
    assert evidence.expected == "at 20 Pods at most 2 removed within 60 s, 10 % or one Pod"
    assert evidence.found == "5 Pods per 60 s: at 20 Pods these policies remove up to 5 within 60 s"
    assert evidence.command is not None
    assert evidence.command.startswith("kubectl get hpa rag-engine-api-hpa -n rag-engine")


def test_a_good_share_in_too_short_a_period_points_at_the_period() -> None:
    evidence = judge(
        "scale-down-policy", changed(HPA, "spec.behavior.scaleDown.policies", [{"type": "Percent", "value": 10, "periodSeconds": 30}])
    )
    assert evidence.evidence is not None
    assert evidence.evidence.path == "spec.behavior.scaleDown.policies[0].periodSeconds"


@pytest.mark.parametrize("key", ["stabilizationWindowSeconds", "selectPolicy", "policies"])
def test_null_in_behavior_is_the_default(key: str) -> None:
    assert judge("scale-up-policy", changed(HPA, f"spec.behavior.scaleUp.{key}", None)).status is Status.PASSED


# Other objects


@pytest.mark.parametrize("objective", ["target-has-requests", "no-fixed-replicas"])
def test_missing_deployment_is_skipped_on_manifests_and_fails_on_a_cluster(objective: str) -> None:
    on_files, on_cluster = judge(objective, HPA), judge(objective, HPA, kind="cluster")
    assert on_files.status is Status.SKIPPED
    assert "Deployment/rag-engine-api" in (on_files.reason or "")
    assert on_cluster.status is Status.FAILED


def test_limit_ranges_are_needed_only_where_a_request_is_missing() -> None:
    denied = MappingProxyType({"LimitRange": "Could not list LimitRange objects: access denied."})
    bare = changed(DEPLOYMENT, "spec.template.spec.containers", [{"name": "api", "image": "rag:1"}])
    assert judge("target-has-requests", HPA, DEPLOYMENT, kind="cluster", unreadable=denied).status is Status.PASSED
    assert judge("target-has-requests", HPA, bare, kind="cluster", unreadable=denied).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("replicas", "desired", "status"),
    [(4, 4, Status.PASSED), (3, 4, Status.FAILED), (3, None, Status.PASSED), (3, 0, Status.PASSED), (5, None, Status.FAILED)],
)
def test_count_on_a_cluster_is_held_against_what_the_hpa_wants(replicas: int, desired: int | None, status: Status) -> None:
    hpa = {**HPA, "status": {"desiredReplicas": desired}}
    assert judge("no-fixed-replicas", hpa, changed(DEPLOYMENT, "spec.replicas", replicas), kind="cluster").status is status


@pytest.mark.parametrize("least", [1, 2, None])
def test_another_minimum_is_no_fault_of_the_count(least: int | None) -> None:
    bodies = changed(HPA, "spec.minReplicas", least), changed(DEPLOYMENT, "spec.replicas", 3)
    assert judge("replica-bounds", *bodies).status is Status.FAILED
    assert judge("no-fixed-replicas", *bodies).status is Status.PASSED


# What the API server rejects


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (("spec", "metrics", 0, "resource", "target", "averageUtilization"), "cpu-target"),
        (("spec", "metrics", 0, "pods"), "cpu-target"),
        (("spec", "metrics", 1, "resource", "target"), "memory-target"),
        (("spec", "metrics", 2, "pods", "target", "averageValue"), "requests-per-second"),
        (("spec", "metrics", 2, "type"), "requests-per-second"),
        (("spec", "metrics"), "hpa-exists"),
        (("spec", "minReplicas"), "replica-bounds"),
        (("spec", "scaleTargetRef", "apiVersion"), "scale-target"),
        (("spec", "behavior", "scaleUp", "policies", 0, "value"), "scale-up-policy"),
        (("spec", "behavior", "scaleDown"), "scale-down-policy"),
        (("spec", "behavior", "scaledown"), "scale-down-policy"),
        (("spec", "behavior"), "scale-down-policy"),
        (("spec", "maxReplica"), "hpa-exists"),
    ],
)
def test_rejected_place_fails_the_objective_that_reads_it(path: tuple[str | int, ...], owner: str) -> None:
    item = replace(K8sObject.of(HPA), problems=(Problem("Rejected.", path=path, expected="good", found="bad"),))
    snapshot = Snapshot(Source("manifests", "rag-engine"), (item, K8sObject.of(DEPLOYMENT)), NOON)
    report = evaluate(LESSON, snapshot)
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [owner]


# The live condition


def condition(kind: str, status: str, message: str = "", reason: str = "Reason", since: str = "2026-11-24T11:00:00Z") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


ABLE = condition("AbleToScale", "True")


def active(*conditions: dict[str, str], **status: Any) -> Verdict:
    return judge("hpa-active", {**HPA, "status": {"conditions": list(conditions), **status}}, DEPLOYMENT, kind="cluster")


def test_conditions_that_hold_pass() -> None:
    assert active(condition("ScalingActive", "True"), ABLE).status is Status.PASSED


@pytest.mark.parametrize("conditions", [[], [ABLE]], ids=["no condition", "no ScalingActive"])
def test_a_young_hpa_is_pending(conditions: list[dict[str, str]]) -> None:
    verdict = active(*conditions)
    assert verdict.status is Status.PENDING
    assert verdict.evidence is not None
    assert verdict.evidence.command == "kubectl describe hpa rag-engine-api-hpa -n rag-engine"


def test_an_hpa_without_status_is_pending() -> None:
    assert judge("hpa-active", HPA, DEPLOYMENT, kind="cluster").status is Status.PENDING


@pytest.mark.parametrize(
    ("message", "names"),
    [
        pytest.param(
            "failed to get cpu utilization: unable to get metrics for resource cpu: unable "
            "to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)",
            "metrics-server",
            id="no metrics-server",
        ),
        pytest.param(
            "unable to fetch metrics from resource metrics API: the server is currently unable to handle the request",
            "metrics-server",
            id="metrics-server does not answer",
        ),
        pytest.param(
            "unable to get metric requests_per_second: unable to fetch metrics from custom metrics API: no custom metrics API "
            "(custom.metrics.k8s.io) registered",
            "prometheus-adapter",
            id="no adapter",
        ),
    ],
)
def test_without_a_metrics_api_it_is_unknown_and_says_what_to_install(message: str, names: str) -> None:
    verdict = active(ABLE, condition("ScalingActive", "False", message, "FailedGetResourceMetric"))
    assert verdict.status is Status.UNKNOWN
    assert names in (verdict.reason or "")
    assert ", then see: kubectl " in (verdict.reason or "")


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("2026-11-24T11:58:00Z", Status.PENDING),
        ("2026-11-24T11:50:00Z", Status.FAILED),
        ("2026-11-24T11:58:00", Status.FAILED),
        ("soon", Status.FAILED),
    ],
)
def test_first_measurements_may_take_a_few_minutes(since: str, status: Status) -> None:
    message = "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
    assert active(ABLE, condition("ScalingActive", "False", message, since=since)).status is status


def test_evidence_of_an_inactive_hpa_is_the_controllers_own_message() -> None:
    verdict = active(ABLE, condition("ScalingActive", "False", "missing request for cpu in container api", "FailedGetResourceMetric"))
    assert found(verdict) == "`False`, FailedGetResourceMetric: missing request for cpu in container api"


def test_it_is_skipped_on_manifests() -> None:
    assert judge("hpa-active", HPA, DEPLOYMENT).status is Status.SKIPPED


def test_defaults_of_the_api_server_change_no_verdict() -> None:
    """The HPA as the API server gives it back after apply."""
    served = deepcopy(HPA)
    for direction in served["spec"]["behavior"].values():
        direction["selectPolicy"] = "Max"
    plain = changed(HPA, "spec.behavior", {"scaleDown": HPA["spec"]["behavior"]["scaleDown"]})
    defaulted = changed(
        served,
        "spec.behavior.scaleUp",
        {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}],
        },
    )
    for objective in ("scale-up-policy", "scale-down-policy"):
        assert judge(objective, plain).status is judge(objective, defaulted).status is Status.PASSED


# Any shape

ODD = shapes(
    st.integers(-3, 400) | st.sampled_from(["", "cpu", "Resource", "Utilization", "Max", "100", "x"]),
    ["type", "name", "target", "policies", "resource", "pods", "containers", "cpu"],
)
FULL_HPA = {**HPA, "status": {"desiredReplicas": 3, "conditions": [ABLE, condition("ScalingActive", "False")]}}
LIMITS = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "l"},
    "spec": {"limits": [{"type": "Container", "default": {"cpu": 1}}]},
}


@settings(max_examples=200)
@given(spoilt(FULL_HPA, ODD), spoilt(DEPLOYMENT, ODD), spoilt(LIMITS, ODD), st.sampled_from(["manifests", "cluster"]))
def test_no_shape_of_object_crashes_a_check(hpa: dict[str, Any], deployment: dict[str, Any], limits: dict[str, Any], kind: str) -> None:
    snapshot = Snapshot.of([hpa, deployment, limits], taken_at=NOON, kind=kind)
    assert_no_check_crashes(LESSON, snapshot)
