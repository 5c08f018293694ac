"""Lesson 10's solution on a real cluster: applied, changed, undone. Controllers and the scheduler are real, containers are played."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from graders.engine import evaluate
from graders.lessons.lesson_10_resources import LESSON
from graders.report import Report
from graders.sources.cluster import connect
from graders.verdict import Status, Verdict
from tests.api import Api, Json
from tests.cases import EXERCISES, NOON

pytestmark = pytest.mark.cluster

NAMESPACE = "rolled-out-twice"
SOLUTION = EXERCISES / "lesson-10-resources" / "solution"
EARLIER = (EXERCISES / "lesson-02-configmaps" / "solution" / "config.yaml", EXERCISES / "lesson-03-secrets" / "solution" / "secrets.yaml")
CLASSES = {"rag-engine-api": "Burstable", "qdrant": "Guaranteed"}


@pytest.fixture
def solution(api: Api) -> Iterator[dict[str, Json]]:
    """The solution, applied to a namespace of its own, by kind."""
    api.ensure_namespace(NAMESPACE)
    bodies: list[Json] = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "rag-engine"}}]
    bodies += [yaml.safe_load(path.read_text()) for path in EARLIER]
    bodies += [yaml.safe_load((SOLUTION / name).read_text()) for name in ("limits.yaml", "quota.yaml", "deployment.yaml", "qdrant.yaml")]
    for body in bodies:
        body["metadata"]["namespace"] = NAMESPACE
        if body["kind"] == "Deployment":
            _leave_out_the_models(body["spec"]["template"]["spec"])
        status, answer = api.put(body)
        assert status in (200, 201), answer
    yield {body["kind"]: body for body in bodies}
    api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)


def _leave_out_the_models(pod_spec: Json) -> None:
    """Lesson 9's claim, without which the Pods would wait."""
    pod_spec["volumes"] = [volume for volume in pod_spec["volumes"] if "persistentVolumeClaim" not in volume]
    held = {volume["name"] for volume in pod_spec["volumes"]}
    for container in pod_spec["containers"]:
        container["volumeMounts"] = [mount for mount in container["volumeMounts"] if mount["name"] in held]


def _report(kubeconfig: Path) -> Report:
    cluster = connect(context=None, kubeconfig=str(kubeconfig), timeout=20)
    return evaluate(LESSON, cluster.snapshot(LESSON.reads + LESSON.live_reads, namespace=NAMESPACE, taken_at=NOON))


def _settled(kubeconfig: Path) -> Verdict:
    """The verdict once the cluster has arrived."""
    deadline = time.monotonic() + 60
    while True:
        verdict = next(result.verdict for result in _report(kubeconfig).results if result.objective.id == "rolled-out-twice")
        if verdict.status is not Status.PENDING:
            return verdict
        assert time.monotonic() < deadline, verdict
        time.sleep(0.2)


def test_a_second_revision_passes_and_going_back_keeps_it(api: Api, kubeconfig: Path, solution: dict[str, Json]) -> None:
    first = _settled(kubeconfig)
    assert first.evidence is not None
    assert first.evidence.found == "the first revision only"

    newer = deepcopy(solution["Deployment"])
    newer["spec"]["template"]["spec"]["containers"][0]["image"] = "your-registry/rag-engine:v1.0.1"
    for body in (newer, solution["Deployment"]):
        status, answer = api.put(body)
        assert status == 200, answer
        assert _settled(kubeconfig).status is Status.PASSED

    assert {result.objective.id for result in _report(kubeconfig).results if result.status is not Status.PASSED} == set()
    pods = api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")[1]["items"]
    classes = {(pod["metadata"]["labels"]["app"], pod["status"]["qosClass"]) for pod in pods}
    assert classes == set(CLASSES.items())
