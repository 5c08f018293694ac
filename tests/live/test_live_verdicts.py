"""The case manifests on a real API server: what it accepts we accept, what it rejects we reject, and both sources get the same verdicts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from graders.engine import evaluate
from graders.objective import Lesson
from graders.snapshot import K8sObject, Snapshot
from graders.sources.cluster import connect
from graders.verdict import Status
from tests.api import Api
from tests.cases import NOON, Case, cases, exercise

pytestmark = pytest.mark.cluster

NAMESPACE = "rag-engine"
# Kinds of which the grader has no schema, and the API server has.
_CUSTOM = ("ServiceMonitor", "PrometheusRule", "BackupStorageLocation", "Schedule")
# Of an adapter, whose settings stand in a namespace that is not read, or of KEDA, which is not installed: a cluster tells by the HPA.
_ELSEWHERE = ("lesson-12", "autoscaling-metric-source")
KUBECTL = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or "kubectl"

# What a lesson's manifests refer to without being about it.
_BACKDROP = {
    "lesson-4": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "rag-engine"}},
        *(
            document
            for lesson, file in (("lesson-2", "config.yaml"), ("lesson-3", "secrets.yaml"))
            for document in yaml.safe_load_all((exercise(lesson) / "solution" / file).read_text(encoding="utf-8"))
        ),
    ],
}


@dataclass
class Stage:
    """An API server whose namespace holds nothing but what a test applies."""

    api: Api
    kubeconfig: Path

    def apply(self, path: Path) -> subprocess.CompletedProcess[str]:
        command = [KUBECTL, "--kubeconfig", str(self.kubeconfig), "apply", "-f", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def snapshot(self, lesson: Lesson) -> Snapshot:
        cluster = connect(context=None, kubeconfig=str(self.kubeconfig), timeout=20)
        kinds = lesson.reads + lesson.live_reads
        return cluster.snapshot(kinds, namespace=NAMESPACE, taken_at=NOON, everywhere=lesson.everywhere)


@pytest.fixture(scope="module")
def stage(api: Api, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    for context in config["contexts"]:
        context["context"]["namespace"] = NAMESPACE
    own = tmp_path_factory.mktemp("kubeconfig") / "config"
    own.write_text(yaml.safe_dump(config), encoding="utf-8")
    return Stage(api, own)


@pytest.fixture
def clean(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The stage before and after a case: the namespaces that it names are there, and all that it created goes again."""
    case: Case = request.getfixturevalue("case")
    submitted = [item for item in case.snapshot().objects if item.kind and item.name]
    bare_namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    without_namespace = case.lesson.id == "lesson-1" and not any(item.ref == f"Namespace/{NAMESPACE}" for item in submitted)
    if without_namespace:
        stage.api.delete(bare_namespace)
    else:
        for name in {NAMESPACE, *(item.namespace for item in submitted if item.namespace)}:
            stage.api.ensure_namespace(name)
        stage.api.put(bare_namespace)  # without the labels of the case before
    backdrop = [
        document
        for document in [*_BACKDROP.get(case.lesson.id, []), *_ingress_classes(submitted)]
        if not any((item.kind, item.name) == (document["kind"], document["metadata"]["name"]) for item in submitted)
    ]
    for document in backdrop:
        status, answer = stage.api.put(document)
        assert status in (200, 201) or document["kind"] == "IngressClass", answer  # the name may be the case's fault
    try:
        yield stage
    finally:
        created = [*submitted, *(K8sObject.of(document, default_namespace=NAMESPACE) for document in backdrop)]
        for item in sorted(created, key=lambda item: item.kind == "PersistentVolumeClaim"):  # a claim stays while Pods use it
            _remove(stage.api, item)
        if any(item.kind == "StatefulSet" for item in submitted):  # whose claims stay on purpose
            stage.api.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims")
        stage.api.ensure_namespace(NAMESPACE)
        stage.api.put(bare_namespace)  # what it enforced would meet other tests


def _ingress_classes(submitted: Sequence[K8sObject]) -> Iterator[dict[str, Any]]:
    """The classes that Ingresses name: whether one exists shows on a cluster only."""
    for name in {item.at("spec.ingressClassName").text for item in submitted if item.kind == "Ingress"} - {None, "", "nginx"}:
        spec = {"controller": "example.com/controller"}
        yield {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": name}, "spec": spec}


def _remove(api: Api, item: K8sObject) -> None:
    if item.kind == "Namespace":
        if item.name not in (NAMESPACE, "default"):
            api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": item.name}}, wait=False)
        return
    body: dict[str, Any] = {"apiVersion": item.api_version, "kind": item.kind, "metadata": {"name": item.name, "namespace": item.namespace}}
    try:
        api.path(body)
    except LookupError:  # an API version that is not served, so nothing was created
        return
    api.delete(body, wait=item.ref != "ServiceAccount/default")  # which comes back at once


# Cases that are about one object of many say only that one; tests of their lesson apply the whole.
_WHOLE = [case for case in cases() if not case.live and "beside" not in case.header]


@pytest.mark.parametrize("case", _WHOLE, ids=lambda case: case.id)
def test_api_server_and_grader_agree(case: Case, clean: Stage) -> None:
    submitted = case.snapshot()
    from_files = evaluate(case.lesson, submitted)
    applied = clean.apply(case.path)
    ours = [problem.message for problem in from_files.problems if problem.rejected]
    if applied.returncode:
        # Of custom resources we know no schema: there the objective itself has to find the fault.
        failing = {result.objective.id for result in from_files.results if result.status is Status.FAILED}
        custom = "no matches for kind" in applied.stderr or any(kind in applied.stderr for kind in _CUSTOM)
        if 'no matches for kind "ScaledObject"' in applied.stderr:
            assert (case.lesson.id, case.objective.id) == _ELSEWHERE
            return
        assert ours or (custom and case.objective.id in failing), f"the API server rejects it and we do not:\n{applied.stderr}"
        return
    assert not ours, f"the API server accepts it and we reject it: {ours}"

    served = clean.snapshot(case.lesson)
    on_cluster = {result.objective.id: result.verdict for result in evaluate(case.lesson, served).results}
    scaled = _scaled(submitted, served)
    for result in from_files.results:
        if scaled and result.verdict.evidence is not None and result.verdict.evidence.path == "spec.replicas":
            continue
        if (case.lesson.id, result.objective.id) == _ELSEWHERE:
            continue
        if not result.objective.live and result.status is not Status.SKIPPED:
            # Pending: a controller has not acted yet, so that the cluster cannot tell.
            assert on_cluster[result.objective.id].status in (result.status, Status.PENDING), (
                f"{result.objective.id}: {result.verdict} from the file, {on_cluster[result.objective.id]} on the cluster"
            )


def _scaled(submitted: Snapshot, served: Snapshot) -> bool:
    """Whether an HPA has changed the count of a Deployment since it was applied."""
    counts = ({item.ref: item.at("spec.replicas").whole for item in snapshot.all("Deployment")} for snapshot in (submitted, served))
    before, now = counts
    return any(count is not None and now.get(ref) != count for ref, count in before.items())
