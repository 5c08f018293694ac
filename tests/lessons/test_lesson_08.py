"""Lesson 8 beyond its case manifests: live states, what cannot be judged, and the words of the evidence."""

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
from graders.lessons.lesson_08_pdb import LESSON
from graders.snapshot import K8sObject, Problem, Snapshot, Source
from graders.verdict import Status, Verdict
from tests.shapes import assert_no_check_crashes, shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
APP = {"app": "rag-engine-api"}
PDB: dict[str, Any] = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "rag-engine-api-pdb", "namespace": "rag-engine", "generation": 2},
    "spec": {"minAvailable": 2, "selector": {"matchLabels": APP}, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "rag-engine-api", "namespace": "rag-engine"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": APP},
        "template": {"metadata": {"labels": APP}, "spec": {"containers": [{"name": "api", "image": "rag:1"}]}},
    },
}
HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "rag-engine-api-hpa", "namespace": "rag-engine"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "rag-engine-api"},
        "minReplicas": 3,
        "maxReplicas": 20,
    },
}


def budget(name: str, selector: Any) -> dict[str, Any]:
    return {**PDB, "metadata": {"name": name, "namespace": "rag-engine"}, "spec": {"maxUnavailable": 1, "selector": selector}}


def judge(objective: str, *bodies: dict[str, Any], kind: str = "manifests", **changes: Any) -> Verdict:
    report = evaluate(LESSON, replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), **changes))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(body)
    *steps, last = path.split(".")
    reduce(lambda place, step: place[step], steps, body)[last] = value
    return body


def number(**fields: Any) -> dict[str, Any]:
    return {**PDB, "spec": {"selector": {"matchLabels": APP}, **fields}}


# leaves-room


@pytest.mark.parametrize(
    ("fields", "replicas", "status"),
    [
        pytest.param({"minAvailable": 3}, 3, Status.FAILED, id="keeps all three"),
        pytest.param({"minAvailable": 3}, 4, Status.PASSED, id="keeps three of four"),
        pytest.param({"minAvailable": "50%"}, 3, Status.PASSED, id="half of three is two"),
        pytest.param({"minAvailable": "67%"}, 3, Status.FAILED, id="a little over two thirds rounds up to all"),
        pytest.param({"minAvailable": "100%"}, 9, Status.FAILED, id="all of them"),
        pytest.param({"maxUnavailable": 1}, 3, Status.PASSED, id="one may go"),
        pytest.param({"maxUnavailable": 0}, 3, Status.FAILED, id="none may go"),
        pytest.param({"maxUnavailable": "1%"}, 3, Status.PASSED, id="one percent lets one go"),
        pytest.param({"maxUnavailable": "0%"}, 3, Status.FAILED, id="no percent"),
        pytest.param({"minAvailable": 2}, "3", Status.FAILED, id="replicas in quotes"),
        pytest.param({"minAvailable": "2"}, 3, Status.BLOCKED, id="a number in quotes is for min-available to say"),
        pytest.param({"minAvailable": "200%"}, 3, Status.BLOCKED, id="more than all"),
    ],
)
def test_room_is_judged_by_the_budgets_own_number(fields: dict[str, Any], replicas: Any, status: Status) -> None:
    assert judge("leaves-room", number(**fields), changed(DEPLOYMENT, "spec.replicas", replicas)).status is status


def test_a_count_of_zero_switches_the_hpa_off() -> None:
    assert judge("leaves-room", PDB, changed(DEPLOYMENT, "spec.replicas", 0), HPA).status is Status.FAILED


def test_of_two_hpas_the_lower_minimum_counts() -> None:
    second = changed(changed(HPA, "metadata.name", "second"), "spec.minReplicas", 2)
    assert judge("leaves-room", PDB, DEPLOYMENT, HPA, second).status is Status.FAILED


def test_an_hpa_in_a_version_that_is_not_served_does_not_count() -> None:
    old = changed(HPA, "apiVersion", "autoscaling/v2beta2")
    assert judge("leaves-room", PDB, changed(DEPLOYMENT, "spec.replicas", None), old).status is Status.FAILED


@pytest.mark.parametrize("objective", ["covers-the-app", "leaves-room"])
def test_missing_deployment_is_skipped_on_manifests_and_fails_on_a_cluster(objective: str) -> None:
    assert judge(objective, PDB).status is Status.SKIPPED
    assert judge(objective, PDB, kind="cluster").status is Status.FAILED


# covers-the-app


def pod(owner: str | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "p", "namespace": "rag-engine", "labels": APP}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner, "name": "o", "controller": True}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}}


@pytest.mark.parametrize(("owner", "status"), [("ReplicaSet", Status.PASSED), (None, Status.FAILED)])
def test_a_pod_of_its_own_is_another_workload(owner: str | None, status: Status) -> None:
    assert judge("covers-the-app", PDB, DEPLOYMENT, pod(owner), kind="cluster").status is status


def test_a_loose_selector_is_no_matter_on_a_cluster_where_all_is_known() -> None:
    loose = changed(PDB, "spec.selector", {})
    assert judge("covers-the-app", loose, DEPLOYMENT).advice
    assert not judge("covers-the-app", loose, DEPLOYMENT, kind="cluster").advice


def test_pods_that_may_not_be_read_leave_it_unknown() -> None:
    denied = MappingProxyType({"Pod": "Could not list Pod objects: access denied."})
    assert judge("covers-the-app", PDB, DEPLOYMENT, kind="cluster", unreadable=denied).status is Status.UNKNOWN


# one-budget


@pytest.mark.parametrize(
    ("selector", "status"),
    [
        pytest.param({"matchLabels": APP}, Status.FAILED, id="the same"),
        pytest.param({}, Status.FAILED, id="everything"),
        pytest.param({"matchLabels": {"app": "qdrant"}}, Status.PASSED, id="surely others"),
        pytest.param({"matchLabels": {"tier": "web"}}, Status.SKIPPED, id="it depends on labels that nobody showed"),
        pytest.param(None, Status.PASSED, id="nothing"),
    ],
)
def test_without_the_deployment_two_selectors_are_held_against_each_other(selector: Any, status: Status) -> None:
    assert judge("one-budget", PDB, budget("other", selector)).status is status


def test_a_budget_of_a_version_that_is_not_served_claims_nothing() -> None:
    old = {**budget("other", {"matchLabels": APP}), "apiVersion": "policy/v1beta1"}
    assert judge("one-budget", PDB, DEPLOYMENT, old).status is Status.PASSED


def test_two_other_budgets_are_not_blamed_on_one_that_covers_nothing() -> None:
    astray = changed(PDB, "spec.selector", {"matchLabels": {"app": "rag-engine"}})
    assert judge("one-budget", astray, DEPLOYMENT, budget("other", {"matchLabels": APP})).status is Status.PASSED


# budget-holds


def holds(deployment: dict[str, Any] | None = DEPLOYMENT, pdb: dict[str, Any] = PDB, **status: Any) -> Verdict:
    given_status = {"observedGeneration": 2, "desiredHealthy": 2, "expectedPods": 3, "currentHealthy": 3, "disruptionsAllowed": 1, **status}
    bodies = [{**pdb, "status": given_status}, *([deployment] if deployment else [])]
    return judge("budget-holds", *bodies, kind="cluster")


GAVE_UP = {**DEPLOYMENT, "status": {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        pytest.param({}, Status.PASSED, id="one may leave"),
        pytest.param({"currentHealthy": 2, "disruptionsAllowed": 0}, Status.PENDING, id="the third is starting"),
        pytest.param({"currentHealthy": 0, "disruptionsAllowed": 0}, Status.PENDING, id="all are starting"),
        pytest.param({"currentHealthy": 0, "expectedPods": 0, "disruptionsAllowed": 0}, Status.PENDING, id="none is there yet"),
        pytest.param({"observedGeneration": 1}, Status.PENDING, id="the controller has seen an older budget"),
        pytest.param({"currentHealthy": None, "desiredHealthy": None}, Status.PENDING, id="no numbers yet"),
        pytest.param({"desiredHealthy": 3, "disruptionsAllowed": 0}, Status.FAILED, id="keeps three"),
        pytest.param({"disruptionsAllowed": 0}, Status.FAILED, id="all are healthy and none may leave"),
    ],
)
def test_live_status(status: dict[str, Any], verdict: Status) -> None:
    assert holds(**status).status is verdict


def test_as_many_replicas_as_the_budget_keeps_never_allow_a_disruption() -> None:
    two = changed(DEPLOYMENT, "spec.replicas", 2)
    verdict = holds(two, expectedPods=2, currentHealthy=2, disruptionsAllowed=0)
    assert verdict.status is Status.FAILED
    assert holds(two, expectedPods=2, currentHealthy=1, disruptionsAllowed=0).status is Status.FAILED


def test_waiting_ends_when_the_rollout_has_given_up() -> None:
    verdict = holds(GAVE_UP, currentHealthy=1, disruptionsAllowed=0)
    assert verdict.evidence is not None
    assert "ProgressDeadlineExceeded" in verdict.evidence.found
    assert verdict.status is Status.FAILED


def test_waiting_is_in_vain_where_the_selector_finds_nothing() -> None:
    astray = changed(PDB, "spec.selector", {"matchLabels": {"app": "rag-engine"}})
    assert holds(pdb=astray, expectedPods=0, currentHealthy=0, disruptionsAllowed=0).status is Status.FAILED


def test_waiting_is_in_vain_without_a_deployment() -> None:
    verdict = holds(None, expectedPods=0, currentHealthy=0, disruptionsAllowed=0)
    assert verdict.evidence is not None
    assert "there is no Deployment" in verdict.evidence.found


def test_no_status_is_pending_and_manifests_are_skipped() -> None:
    assert judge("budget-holds", PDB, DEPLOYMENT, kind="cluster").status is Status.PENDING
    assert judge("budget-holds", PDB, DEPLOYMENT).status is Status.SKIPPED


# What the API server rejects


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (("spec",), "pdb-exists"),
        (("spec", "minAvailable"), "min-available"),
        (("spec", "maxUnavailable"), "min-available"),
        (("spec", "selector", "matchLabels", "app"), "covers-the-app"),
        (("spec", "unhealthyPodEvictionPolicy"), "evicts-unhealthy"),
        (("spec", "minavailable"), "pdb-exists"),
    ],
)
def test_rejected_place_fails_the_objective_that_reads_it(path: tuple[str | int, ...], owner: str) -> None:
    item = replace(K8sObject.of(PDB), problems=(Problem("Rejected.", path=path, expected="good", found="bad"),))
    snapshot = Snapshot(Source("manifests", "rag-engine"), (item, K8sObject.of(DEPLOYMENT)), NOON)
    report = evaluate(LESSON, snapshot)
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [owner]


# Any shape

ODD = shapes(
    st.integers(-3, 400) | st.sampled_from(["", "app", "In", "2", "50%", "rag-engine-api", "AlwaysAllow"]),
    ["app", "key", "operator", "values", "matchLabels", "matchExpressions", "template", "metadata"],
)


FULL_PDB = {**PDB, "status": {"currentHealthy": 1, "desiredHealthy": 2, "conditions": [{"type": "DisruptionAllowed", "reason": "X"}]}}


@settings(max_examples=200)
@given(
    spoilt(FULL_PDB, ODD),
    spoilt(budget("other", {"matchLabels": APP}), ODD),
    spoilt(GAVE_UP, ODD),
    spoilt(HPA, ODD),
    spoilt(pod(None), ODD),
    st.sampled_from(["manifests", "cluster"]),
)
def test_no_shape_of_object_crashes_a_check(
    pdb: dict[str, Any], other: dict[str, Any], deployment: dict[str, Any], hpa: dict[str, Any], loose: dict[str, Any], kind: str
) -> None:
    snapshot = Snapshot.of([pdb, other, deployment, hpa, loose], taken_at=NOON, kind=kind)
    assert_no_check_crashes(LESSON, snapshot)
