"""Lesson 0: what the cases do not show, and the facts of a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.kinds import CREATED, KINDS
from graders.lessons.lesson_00_fundamentals import LESSON
from graders.snapshot import Snapshot
from graders.sources.cluster import connect
from graders.verdict import Status, Verdict
from tests.api import Api
from tests.cases import NOON, cases
from tests.shapes import assert_no_check_crashes, shapes, spoilt

WELL = next(case for case in cases() if case.path.stem == "pass-api-reachable-plain").snapshot()


def verdicts(snapshot: Snapshot) -> dict[str, Verdict]:
    return {result.objective.id: result.verdict for result in evaluate(LESSON, snapshot).results}


def without(kind: str) -> Snapshot:
    return replace(WELL, objects=tuple(item for item in WELL.objects if item.kind != kind))


def test_well_cluster_completes_the_lesson() -> None:
    assert evaluate(LESSON, WELL).complete


def test_manifests_have_nothing_to_judge() -> None:
    report = evaluate(LESSON, Snapshot.of([], taken_at=NOON))
    assert {result.status for result in report.results} == {Status.SKIPPED}


def test_metrics_that_are_not_measured_yet_are_pending() -> None:
    verdict = verdicts(without("NodeMetrics"))["metrics-available"]
    assert verdict.status is Status.PENDING


@pytest.mark.parametrize(
    ("kind", "objective"),
    [
        ("Version", "api-reachable"),
        ("Node", "node-ready"),
        ("StorageClass", "default-storage-class"),
        ("SelfSubjectAccessReview", "may-deploy"),
        ("APIGroup", "metrics-available"),
        ("NodeMetrics", "metrics-available"),
    ],
)
def test_what_could_not_be_read_is_unknown(kind: str, objective: str) -> None:
    verdict = verdicts(replace(without(kind), unreadable={kind: "access denied"}))[objective]
    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, "access denied")


def test_missing_metrics_are_told_though_measurements_cannot_be_read() -> None:
    snapshot = replace(without("APIGroup"), unreadable={"NodeMetrics": "metrics-server is not installed"})
    assert verdicts(snapshot)["metrics-available"].status is Status.FAILED


ODD = shapes(
    st.integers(-1, 40) | st.sampled_from(["", "True", "true", "Ready", "v1.29.0", "metrics.k8s.io"]), ["type", "status", "allowed"]
)
BODIES = [
    json.loads(json.dumps(item.body, default=lambda value: list(value) if isinstance(value, tuple) else dict(value)))
    for item in WELL.objects
]


@settings(max_examples=200, deadline=None)
@given(st.tuples(*(spoilt(body, ODD) for body in BODIES)))
def test_no_shape_of_object_crashes_a_check(bodies: tuple[dict[str, Any], ...]) -> None:
    assert_no_check_crashes(LESSON, Snapshot.of(bodies, taken_at=NOON, kind="cluster"))


# On a real API server


def graded(kubeconfig: Path) -> dict[str, Verdict]:
    cluster = connect(context=None, kubeconfig=str(kubeconfig), timeout=20)
    return verdicts(cluster.snapshot(LESSON.live_reads, namespace="rag-engine", taken_at=NOON))


@pytest.fixture
def second_default(api: Api) -> Iterator[dict[str, Any]]:
    """A class that would be another default; it is gone afterwards."""
    body = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "another", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "example.com/disk",
    }
    yield body
    api.delete(body)


@pytest.mark.cluster
def test_practice_cluster_has_what_the_lesson_asks_for(api: Api, kubeconfig: Path, second_default: dict[str, Any]) -> None:
    found = graded(kubeconfig)
    assert {name: verdict for name, verdict in found.items() if verdict != Verdict(Status.PASSED)} == {}
    assert api.put(second_default)[0] == 201
    verdict = graded(kubeconfig)["default-storage-class"]
    assert verdict.status is Status.FAILED
    assert verdict.evidence is not None
    assert "`another`, `standard`" in verdict.evidence.found


@pytest.mark.cluster
def test_account_that_may_only_look_is_told_what_it_may_not_create(api: Api, kubeconfig: Path, tmp_path: Path) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "onlooker"}}
    assert api.put(account)[0] in (200, 201)
    try:
        path = f"{api.path(account)}/onlooker/token"
        status, answer = api.request("POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
        assert status == 201, answer
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        config["users"][0]["user"] = {"token": answer["status"]["token"]}
        theirs = tmp_path / "config"
        theirs.write_text(yaml.safe_dump(config), encoding="utf-8")
        found = graded(theirs)
    finally:
        api.delete(account)
    assert found["api-reachable"].status is Status.PASSED
    assert found["node-ready"].status is Status.UNKNOWN
    evidence = found["may-deploy"].evidence
    assert evidence is not None
    assert all(KINDS[name].plural in evidence.found for name in CREATED)
    assert evidence.command == "kubectl auth can-i create deployments -n rag-engine"
