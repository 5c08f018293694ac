"""`course doctor`: facts in, findings out; and the command without a kubectl or a cluster."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.services.checkup import Facts, Finding, Kubectl, State, examine, provider_of
from app.services.remedies import Provider, remedy
from graders.errors import ClusterUnavailable
from graders.lessons.lesson_00_fundamentals import LESSON
from graders.snapshot import Snapshot
from tests.app.conftest import Course
from tests.cases import NOON

GROUPS = ("metrics.k8s.io", "custom.metrics.k8s.io", "gateway.networking.k8s.io", "monitoring.coreos.com", "velero.io")
READY = {"conditions": [{"type": "Ready", "status": "True"}]}
DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}
KUBECTL = Kubectl("/usr/bin/kubectl", "v1.37.1")


def _object(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **more.pop("metadata", {})}, **more}


def _review(resource: str, *, allowed: bool = True) -> dict[str, Any]:
    return _object("SelfSubjectAccessReview", resource, status={"allowed": allowed})


def _cluster(node: Mapping[str, Any] | None = None, without: tuple[str, ...] = (), also: tuple[dict[str, Any], ...] = ()) -> Snapshot:
    """A cluster that has all, but for the kinds and API groups in `without`."""
    from graders.kinds import CREATED, KINDS

    bodies = [
        _object("Version", "version", gitVersion="v1.37.2", major="1", minor="37"),
        {**_object("Node", "node-1", status=READY), **(node or {})},
        _object("StorageClass", "standard", metadata={"annotations": DEFAULT}),
        _object("IngressClass", "traefik", spec={"controller": "traefik.io/ingress-controller"}),
        _object("NodeMetrics", "node-1"),
        *(_review(KINDS[name].plural) for name in CREATED),
        *(_object("APIGroup", group) for group in GROUPS),
    ]
    kept = [*also, *(body for body in bodies if body["kind"] not in without and body["metadata"]["name"] not in without)]
    return Snapshot.of(kept, taken_at=NOON, kind="cluster")


def _findings(snapshot: Snapshot | None, kubectl: Kubectl | None = KUBECTL, why: ClusterUnavailable | None = None) -> dict[str, Finding]:
    return {finding.id: finding for finding in examine(Facts(kubectl, snapshot, why, LESSON))}


def test_complete_cluster_lacks_nothing() -> None:
    found = _findings(_cluster())
    assert {name for name, finding in found.items() if finding.state is not State.OK} == {"network-policies"}


@pytest.mark.parametrize(
    ("without", "finding", "state", "fix"),
    [
        pytest.param("StorageClass", "default-storage-class", State.MISSING, "is-default-class=true", id="storage"),
        pytest.param("IngressClass", "ingress-class", State.MISSING, "--version 41.5.0", id="ingress"),
        pytest.param("metrics.k8s.io", "metrics-available", State.MISSING, "v0.8.1", id="metrics"),
        pytest.param("custom.metrics.k8s.io", "custom-metrics", State.MISSING, "prometheus-adapter", id="custom-metrics"),
        pytest.param("gateway.networking.k8s.io", "gateway-api", State.MISSING, "v1.5.1", id="gateway"),
        pytest.param("monitoring.coreos.com", "monitoring", State.MISSING, "v0.93.1", id="monitoring"),
        pytest.param("velero.io", "velero", State.MISSING, "velero install", id="velero"),
        pytest.param("Node", "node-ready", State.MISSING, "kubectl describe nodes", id="nodes"),
    ],
)
def test_what_is_missing_is_told_with_the_command_that_adds_it(without: str, finding: str, state: State, fix: str) -> None:
    missing = (without, "NodeMetrics") if without == "metrics.k8s.io" else (without,)
    found = _findings(_cluster(without=missing))
    assert found[finding].state is state
    assert fix in "\n".join(found[finding].fix)
    assert found[finding].lessons
    assert {name for name, other in found.items() if other.state is State.MISSING} == {finding}


def test_denied_creation_is_missing_and_needed() -> None:
    found = _findings(_cluster(without=("secrets",), also=(_review("secrets", allowed=False),)))
    assert (found["may-deploy"].state, found["may-deploy"].needed) == (State.MISSING, True)
    assert "secrets" in found["may-deploy"].detail


@pytest.mark.parametrize("kind", ["Version", "Node", "StorageClass", "IngressClass", "APIGroup", "SelfSubjectAccessReview", "NodeMetrics"])
def test_what_may_not_be_read_is_unknown_never_missing(kind: str) -> None:
    snapshot = replace(_cluster(without=(kind,)), unreadable={kind: "Access denied. Check with: kubectl auth can-i"})
    found = _findings(snapshot)
    assert not [name for name, finding in found.items() if finding.state is State.MISSING]
    assert [name for name, finding in found.items() if finding.state is State.UNKNOWN and "Access denied" in finding.detail]


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("v1.37.1", State.OK),
        ("v1.36.9", State.OK),
        ("v1.38.0", State.OK),
        ("v1.35.0", State.MISSING),
        ("v1.39.0", State.MISSING),
        ("v2.37.0", State.MISSING),
        ("", State.UNKNOWN),
        ("latest", State.UNKNOWN),
    ],
)
def test_kubectl_may_be_one_minor_version_apart(version: str, state: State) -> None:
    assert _findings(_cluster(), Kubectl("/usr/bin/kubectl", version))["kubectl"].state is state


def test_without_kubectl_and_cluster_both_are_missing() -> None:
    found = _findings(None, None, ClusterUnavailable("There is no kubeconfig.", help="Look at it."))
    assert [(name, finding.state, finding.needed) for name, finding in found.items()] == [
        ("kubectl", State.MISSING, True),
        ("cluster", State.MISSING, True),
    ]
    assert "course cluster up" in " ".join(found["cluster"].fix)


def test_policy_engine_makes_it_uncertain() -> None:
    finding = _findings(_cluster(also=(_object("APIGroup", "kyverno.io"),)))["policy-engine"]
    assert (finding.state, "Kyverno" in finding.detail) == (State.UNKNOWN, True)


@pytest.mark.parametrize(
    ("node", "provider"),
    [
        pytest.param({"spec": {"providerID": "kind://docker/course/node"}}, Provider.KIND, id="kind"),
        pytest.param({"metadata": {"name": "k3d-course-server-0"}}, Provider.K3D, id="k3d"),
        pytest.param({"metadata": {"name": "m", "labels": {"minikube.k8s.io/name": "m"}}}, Provider.MINIKUBE, id="minikube"),
        pytest.param(
            {"metadata": {"name": "practice-1", "labels": {"topology.kubernetes.io/region": "practice"}}}, Provider.PRACTICE, id="ours"
        ),
        pytest.param({"metadata": {"name": "node-1", "labels": None}}, Provider.OTHER, id="other"),
        pytest.param({"metadata": {"name": "node-1"}, "spec": "odd"}, Provider.OTHER, id="odd"),
    ],
)
def test_provider_is_told_by_its_nodes(node: dict[str, Any], provider: Provider) -> None:
    assert provider_of(_cluster(node)) is provider


@pytest.mark.parametrize("provider", Provider)
@pytest.mark.parametrize("missing", ["metrics-available", "ingress-class", "custom-metrics", "gateway-api", "monitoring", "velero"])
def test_there_is_a_way_on_for_every_provider(missing: str, provider: Provider) -> None:
    commands = remedy(missing, provider)
    assert commands
    assert not [command for command in commands if "latest" in command or "/main/components" in command], "versions are pinned"


def test_command_without_kubectl_or_cluster_is_no_traceback(course: Course, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))
    ran = course("doctor", "--format", "json")
    assert ran.status == 1
    findings = {finding["id"]: finding for finding in json.loads(ran.out)["findings"]}
    assert {name: finding["state"] for name, finding in findings.items()} == {"kubectl": "missing", "cluster": "missing"}
    text = course("doctor")
    assert (text.status, text.err) == (1, "")
    assert "Missing, and needed: kubectl, cluster." in text.out


@pytest.mark.skipif(os.name == "nt", reason="a script stands in for kubectl")
@pytest.mark.parametrize(
    "script",
    ["exit 1", "echo '{'", "echo '[]'", 'echo \'{"clientVersion": {"gitVersion": 7}}\'', "sleep 60"],
    ids=lambda script: str(script),
)
def test_kubectl_that_does_not_tell_its_version_is_unknown(
    course: Course, home: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr("app.commands.doctor._PATIENCE", 0.5)
    program = home / "kubectl"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}{os.pathsep}/bin{os.pathsep}/usr/bin")
    ran = course("doctor", "--format", "json")
    assert {finding["id"]: finding["state"] for finding in json.loads(ran.out)["findings"]}["kubectl"] == "unknown"
