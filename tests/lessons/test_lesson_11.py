"""Lesson 11 beyond its case manifests: labels that no server takes, what cannot be read, and the words and places of the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_11_security import LESSON
from graders.semantics.pod_security import RESTRICTED, violations
from graders.snapshot import K8sObject, Problem, Snapshot, show_path
from graders.verdict import Status, Verdict
from graders.workloads import WORKLOAD_KINDS
from tests.shapes import assert_no_check_crashes, shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ENFORCE = "pod-security.kubernetes.io/enforce"
VERSION = f"{ENFORCE}-version"
PROFILE = {"type": "RuntimeDefault"}
LOCKED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
POD: dict[str, Any] = {
    "serviceAccountName": "rag-engine",
    "securityContext": {"runAsNonRoot": True, "seccompProfile": PROFILE},
    "containers": [{"name": "api", "image": "rag:1", "securityContext": LOCKED}],
}
ACCOUNT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "rag-engine", "namespace": "rag-engine"},
    "automountServiceAccountToken": False,
}
VERSIONS = {"Job": "batch/v1", "CronJob": "batch/v1", "Pod": "v1", "ReplicationController": "v1"}


def namespace(labels: Any = MappingProxyType({ENFORCE: RESTRICTED}), **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rag-engine", "labels": labels, **metadata}}


def workload(kind: str, pod: Any, name: str = "rag-engine-api", owner: str | None = None) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "rag-engine"}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner, "name": "o", "controller": True}]
    template = {"template": {"metadata": {"labels": {"app": name}}, "spec": pod}}
    spec = pod if kind == "Pod" else {"jobTemplate": {"spec": template}} if kind == "CronJob" else template
    return {"apiVersion": VERSIONS.get(kind, "apps/v1"), "kind": kind, "metadata": metadata, "spec": spec}


def spec_of(**fields: Any) -> dict[str, Any]:
    """The Pod spec, but for these fields; None takes one away."""
    return {key: value for key, value in {**POD, **fields}.items() if value is not None}


DEPLOYMENT = workload("Deployment", POD)
OPEN: dict[str, Any] = {"containers": [{"name": "c", "image": "i:1"}]}


def judge(
    objective: str, *bodies: dict[str, Any], kind: str = "manifests", unreadable: Mapping[str, str] = MappingProxyType({})
) -> Verdict:
    snapshot = replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), unreadable=unreadable)
    return next(result.verdict for result in evaluate(LESSON, snapshot).results if result.objective.id == objective)


def test_the_security_half_comes_first_and_nothing_waits_for_it() -> None:
    ids = [objective.id for objective in LESSON.objectives]
    assert ids[:3] == ["enforces-restricted", "workloads-restricted", "no-api-token"]
    assert not [objective.id for objective in LESSON.objectives if set(objective.needs) & set(ids[:3])]
    assert {"Namespace", "ServiceAccount", "NetworkPolicy", *WORKLOAD_KINDS} == set(LESSON.reads)


# enforces-restricted


@pytest.mark.parametrize(
    ("labels", "path", "found"),
    [
        pytest.param({ENFORCE: "Restricted"}, ENFORCE, "`Restricted`, which is no Pod Security Standard", id="upper case"),
        pytest.param({ENFORCE: "restricted "}, ENFORCE, '`"restricted "`, which is no Pod Security Standard', id="a space behind"),
        pytest.param({ENFORCE: ""}, ENFORCE, '`""`, which is no Pod Security Standard', id="empty"),
        pytest.param({ENFORCE: True}, ENFORCE, "`true`, which is no Pod Security Standard", id="boolean"),
        pytest.param({ENFORCE: None}, ENFORCE, "no such label", id="null"),
        pytest.param({}, ENFORCE, "no such label", id="none"),
        pytest.param([f"{ENFORCE}: {RESTRICTED}"], ENFORCE, "labels that are no map", id="a list"),
        pytest.param({ENFORCE: "privileged"}, ENFORCE, "`privileged`, which forbids nothing", id="privileged"),
        pytest.param({ENFORCE: "baseline"}, ENFORCE, "`baseline`, which forbids less", id="baseline"),
        pytest.param(
            {"pod-security.kubernetes.io/warn": RESTRICTED},
            ENFORCE,
            "`pod-security.kubernetes.io/warn` only, with which every Pod gets in",
            id="warns",
        ),
        pytest.param({ENFORCE: RESTRICTED, VERSION: "1.36"}, VERSION, "`1.36`", id="version without its letter"),
        pytest.param({ENFORCE: RESTRICTED, VERSION: "v1.36.1"}, VERSION, "`v1.36.1`", id="version with a patch"),
        pytest.param({ENFORCE: RESTRICTED, VERSION: "v1.036"}, VERSION, "`v1.036`", id="version with a zero in front"),
        pytest.param({ENFORCE: RESTRICTED, VERSION: "Latest"}, VERSION, "`Latest`", id="version in upper case"),
        pytest.param({ENFORCE: RESTRICTED, VERSION: 1.36}, VERSION, "`1.36`", id="version as a number"),
        pytest.param({ENFORCE: RESTRICTED, VERSION: {"v1": 36}}, VERSION, "a map", id="version as a map"),
    ],
)
@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_label_that_does_not_enforce_it(labels: Any, path: str, found: str, kind: str) -> None:
    evidence = judge("enforces-restricted", namespace(labels), kind=kind).evidence
    assert evidence is not None
    assert (evidence.object, evidence.path, evidence.found) == ("Namespace/rag-engine", f"metadata.labels['{path}']", found)


@pytest.mark.parametrize(
    ("version", "advised"),
    [("latest", False), ("v1.29", False), ("v1.37", False), ("v1.999", False), ("v1.28", True), ("v1.0", True)],
)
def test_pinned_version_gets_advice_when_it_is_older_than_the_course(version: str, advised: bool) -> None:
    verdict = judge("enforces-restricted", namespace({ENFORCE: RESTRICTED, VERSION: version}))
    assert verdict.status is Status.PASSED
    assert bool(verdict.advice) is advised


@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_namespace_that_is_not_there_fails(kind: str) -> None:
    verdict = judge("enforces-restricted", DEPLOYMENT, kind=kind)
    assert verdict.status is Status.FAILED
    assert verdict.evidence is not None
    assert verdict.evidence.found == "no Namespace"


def test_annotation_is_told_from_a_label() -> None:
    evidence = judge("enforces-restricted", namespace({}, annotations={ENFORCE: RESTRICTED})).evidence
    assert evidence is not None
    assert "annotation" in evidence.found


def test_namespace_that_may_not_be_read_leaves_its_standard_unknown() -> None:
    denied = {"Namespace": "Could not list Namespace objects."}
    for objective in ("enforces-restricted", "workloads-restricted"):
        assert judge(objective, DEPLOYMENT, kind="cluster", unreadable=denied) == Verdict(Status.UNKNOWN, reason=denied["Namespace"])
    assert judge("no-api-token", DEPLOYMENT, ACCOUNT, kind="cluster", unreadable=denied).status is Status.PASSED


# workloads-restricted

TEMPLATES = {"Pod": "spec", "CronJob": "spec.jobTemplate.spec.template.spec"}


@pytest.mark.parametrize("kind", WORKLOAD_KINDS)
@pytest.mark.parametrize("source", ["manifests", "cluster"])
def test_every_kind_of_workload_is_judged_by_its_pod(kind: str, source: str) -> None:
    good, bad = workload(kind, POD, "w"), workload(kind, OPEN, "w")
    assert judge("workloads-restricted", namespace(), DEPLOYMENT, good, kind=source) == Verdict(Status.PASSED)
    evidence = judge("workloads-restricted", namespace(), DEPLOYMENT, bad, kind=source).evidence
    assert evidence is not None
    pod = TEMPLATES.get(kind, "spec.template.spec")
    assert (evidence.object, evidence.path) == (f"{kind}/w", f"{pod}.containers[0].securityContext.allowPrivilegeEscalation")
    assert evidence.expected == "`false` for container `c`"
    assert evidence.found == "not set (control: allowPrivilegeEscalation != false); also 3 more in it"


def test_evidence_counts_the_rest_and_names_the_other_workloads() -> None:
    others = [workload("Job", OPEN, "migrate"), workload("CronJob", OPEN, "report")]
    evidence = judge("workloads-restricted", DEPLOYMENT, *others).evidence
    assert evidence is not None
    assert evidence.object == "Job/migrate"
    assert evidence.found.endswith("also 3 more in it and CronJob/report")


def test_field_of_the_pod_belongs_to_no_container() -> None:
    evidence = judge("workloads-restricted", workload("Deployment", spec_of(hostPID=True))).evidence
    assert evidence is not None
    assert (evidence.path, evidence.expected) == ("spec.template.spec.hostPID", "`false` or left out")
    assert evidence.found == "`true` (control: host namespaces)"


def test_annotation_of_the_template_is_found_in_its_place() -> None:
    body = deepcopy(DEPLOYMENT)
    key = "container.apparmor.security.beta.kubernetes.io/api"
    body["spec"]["template"]["metadata"]["annotations"] = {key: "unconfined"}
    evidence = judge("workloads-restricted", body).evidence
    assert evidence is not None
    assert evidence.path == f"spec.template.metadata.annotations['{key}']"


@pytest.mark.parametrize(
    ("kind", "owner", "status"),
    [
        ("ReplicaSet", "Deployment", Status.PASSED),
        ("Pod", "ReplicaSet", Status.PASSED),
        ("Job", "CronJob", Status.PASSED),
        ("Pod", "Node", Status.FAILED),
        ("ReplicaSet", "Rollout", Status.FAILED),
        ("Pod", None, Status.FAILED),
    ],
)
def test_part_of_a_workload_is_not_judged_beside_it(kind: str, owner: str | None, status: Status) -> None:
    part = workload(kind, OPEN, "part", owner)
    assert judge("workloads-restricted", namespace(), DEPLOYMENT, part, kind="cluster").status is status


PROBED = spec_of(containers=[{**POD["containers"][0], "livenessProbe": {"tcpSocket": {"port": 1, "host": "h"}}}])


@pytest.mark.parametrize(
    ("labels", "status"),
    [
        pytest.param({ENFORCE: RESTRICTED}, Status.FAILED, id="latest"),
        pytest.param({ENFORCE: RESTRICTED, VERSION: "v1.34"}, Status.FAILED, id="since 1.34"),
        pytest.param({ENFORCE: RESTRICTED, VERSION: "v1.33"}, Status.PASSED, id="not before"),
        pytest.param({ENFORCE: RESTRICTED, VERSION: "1.33"}, Status.FAILED, id="a version that the server does not take"),
        pytest.param({ENFORCE: "privileged", VERSION: "v1.33"}, Status.PASSED, id="restricted is asked for whatever is enforced"),
        pytest.param({ENFORCE: "privileged"}, Status.FAILED, id="restricted is asked for even where nothing is enforced"),
        pytest.param([], Status.FAILED, id="labels that are no map"),
    ],
)
def test_version_is_the_one_that_the_namespace_enforces(labels: Any, status: Status) -> None:
    assert judge("workloads-restricted", namespace(labels), workload("Deployment", PROBED)).status is status


def test_version_is_the_latest_where_the_namespace_was_not_submitted() -> None:
    assert judge("workloads-restricted", workload("Deployment", PROBED)).status is Status.FAILED


@pytest.mark.parametrize(("kind", "status"), [("manifests", Status.SKIPPED), ("cluster", Status.FAILED)])
def test_no_workload_at_all_is_no_pass(kind: str, status: Status) -> None:
    assert judge("workloads-restricted", namespace(), kind=kind).status is status


@pytest.mark.parametrize("kind", WORKLOAD_KINDS)
def test_workloads_that_may_not_be_read_leave_it_unknown(kind: str) -> None:
    verdict = judge("workloads-restricted", namespace(), DEPLOYMENT, kind="cluster", unreadable={kind: "Denied."})
    assert verdict == Verdict(Status.UNKNOWN, reason="Denied.")


@given(st.data())
def test_a_workload_meets_the_standard_exactly_when_its_pod_does(data: st.DataObject) -> None:
    odd = shapes(st.sampled_from(["ALL", "NET_BIND_SERVICE", "Unconfined", 0]), ["drop", "add", "type", "runAsNonRoot", "hostPath", "name"])
    pod = data.draw(spoilt({"metadata": {}, "kind": "Pod", "spec": POD}, odd))["spec"]
    kind = data.draw(st.sampled_from(WORKLOAD_KINDS))
    expected = violations(RESTRICTED, {"labels": {"app": "w"}}, pod, "v1.36")
    verdict = judge("workloads-restricted", namespace({VERSION: "v1.36"}), workload(kind, pod, "w"))
    assert verdict.status is (Status.FAILED if expected else Status.PASSED)
    if verdict.evidence is not None:
        assert verdict.evidence.path is not None
        assert verdict.evidence.path.endswith(show_path(expected[0].path))


# no-api-token

FIELD = "automountServiceAccountToken"


@pytest.mark.parametrize(
    ("pod", "account", "status"),
    [
        (None, None, Status.FAILED),
        (None, True, Status.FAILED),
        (None, False, Status.PASSED),
        (True, None, Status.FAILED),
        (True, False, Status.FAILED),
        (True, True, Status.FAILED),
        (False, None, Status.PASSED),
        (False, True, Status.PASSED),
        (False, False, Status.PASSED),
        ("false", False, Status.FAILED),
        (None, "false", Status.FAILED),
        (None, 0, Status.FAILED),
    ],
)
@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_the_pod_decides_and_the_account_where_the_pod_is_silent(pod: Any, account: Any, status: Status, kind: str) -> None:
    bodies = (workload("Deployment", spec_of(automountServiceAccountToken=pod)), {**ACCOUNT, FIELD: account})
    verdict = judge("no-api-token", *bodies, kind=kind)
    assert verdict.status is status
    if verdict.evidence is not None:
        where = ("ServiceAccount/rag-engine", FIELD) if pod is None else ("Deployment/rag-engine-api", f"spec.template.spec.{FIELD}")
        assert (verdict.evidence.object, verdict.evidence.path) == where


@pytest.mark.parametrize(
    ("fields", "account"),
    [
        pytest.param({"serviceAccountName": "rag-engine"}, "rag-engine", id="named"),
        pytest.param({"serviceAccountName": None, "serviceAccount": "rag-engine"}, "rag-engine", id="by the field's old name"),
        pytest.param({"serviceAccountName": "rag-engine", "serviceAccount": "old"}, "rag-engine", id="the new name wins"),
        pytest.param({"serviceAccountName": None}, "default", id="none named"),
        pytest.param({"serviceAccountName": ""}, "default", id="empty"),
    ],
)
def test_account_is_the_one_that_admission_takes(fields: dict[str, Any], account: str) -> None:
    deployment = workload("Deployment", spec_of(**fields))
    named = {**ACCOUNT, "metadata": {"name": account, "namespace": "rag-engine"}}
    assert judge("no-api-token", deployment, named).status is Status.PASSED
    skipped = judge("no-api-token", deployment)
    assert skipped.status is Status.SKIPPED
    assert f"ServiceAccount/{account}" in str(skipped.reason)
    assert judge("no-api-token", deployment, kind="cluster").status is Status.FAILED


def test_without_the_deployment_it_is_skipped_on_manifests_and_fails_on_a_cluster() -> None:
    assert judge("no-api-token", ACCOUNT).status is Status.SKIPPED
    assert judge("no-api-token", ACCOUNT, kind="cluster").status is Status.FAILED


def test_accounts_that_may_not_be_read_do_not_matter_where_the_pod_decides() -> None:
    denied = {"ServiceAccount": "Could not list ServiceAccount objects."}
    silent, declines = DEPLOYMENT, workload("Deployment", spec_of(automountServiceAccountToken=False))
    assert judge("no-api-token", silent, kind="cluster", unreadable=denied).status is Status.UNKNOWN
    assert judge("no-api-token", declines, kind="cluster", unreadable=denied).status is Status.PASSED


@pytest.mark.parametrize(
    ("source", "advised"),
    [
        ({"serviceAccountToken": {"path": "token"}}, True),
        ({"serviceAccountToken": {"path": "token", "audience": ""}}, True),
        ({"serviceAccountToken": {"path": "token", "audience": "vault"}}, False),
        ({"configMap": {"name": "kube-root-ca.crt"}}, False),
    ],
)
def test_token_that_a_volume_brings_gets_advice(source: dict[str, Any], advised: bool) -> None:
    pod = spec_of(automountServiceAccountToken=False, volumes=[{"name": "v", "projected": {"sources": [source]}}])
    verdict = judge("no-api-token", workload("Deployment", pod))
    assert verdict.status is Status.PASSED
    assert bool(verdict.advice) is advised


# What the API server rejects


@pytest.mark.parametrize(
    ("body", "path", "owner"),
    [
        (namespace(), ("metadata", "labels", ENFORCE), "enforces-restricted"),
        (namespace(), ("metadata", "lables"), "enforces-restricted"),
        (DEPLOYMENT, ("spec", "template", "spec", "securityContex"), "workloads-restricted"),
        (DEPLOYMENT, ("spec", "template", "spec", "containers", 0, "image"), "workloads-restricted"),
        (DEPLOYMENT, ("spec", "template", "spec", FIELD), "no-api-token"),
        (DEPLOYMENT, ("spec", "template", "spec", "serviceAccountName"), "no-api-token"),
        (ACCOUNT, (FIELD,), "no-api-token"),
    ],
)
def test_rejected_place_fails_the_objective_that_reads_it(body: dict[str, Any], path: tuple[str | int, ...], owner: str) -> None:
    problem = Problem("Rejected.", path=path, expected="good", found="bad")
    snapshot = Snapshot.of([namespace(), ACCOUNT, DEPLOYMENT], taken_at=NOON)
    rejected = replace(K8sObject.of(body), problems=(problem,))
    objects = tuple(rejected if item.kind == rejected.kind else item for item in snapshot.objects)
    report = evaluate(LESSON, replace(snapshot, objects=objects))
    failing = [result.objective.id for result in report.results if result.status is Status.FAILED]
    assert failing == [owner, "default-deny"]  # of which there is none here


# Any shape

DENY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "default-deny", "namespace": "rag-engine"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
}
ODD = shapes(
    st.integers(-3, 400) | st.sampled_from(["", "api", "ALL", "restricted", "v1.30", "default", "Localhost"]),
    ["name", "labels", ENFORCE, VERSION, "securityContext", "sources", "projected", "serviceAccountToken", "containers", "spec"],
)


@settings(max_examples=200)
@given(
    spoilt(namespace({ENFORCE: RESTRICTED, VERSION: "v1.30"}), ODD),
    spoilt(workload("Deployment", {**POD, "volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {}}]}}]}), ODD),
    spoilt(ACCOUNT, ODD),
    spoilt(workload("CronJob", OPEN, "report"), ODD),
    st.sampled_from(["manifests", "cluster"]),
)
def test_no_shape_of_object_crashes_a_check(
    home: dict[str, Any], deployment: dict[str, Any], account: dict[str, Any], job: dict[str, Any], kind: str
) -> None:
    assert_no_check_crashes(LESSON, Snapshot.of([home, deployment, account, job, DENY], taken_at=NOON, kind=kind))


# The version of the standard on a cluster: 1.34 was the first to forbid a host in probes


@pytest.mark.parametrize(
    ("served", "label", "status"),
    [
        pytest.param("v1.33.4", None, Status.PASSED, id="latest-is-that-of-the-cluster"),
        pytest.param("v1.33.4-eks-1a2b", "latest", Status.PASSED, id="latest-of-a-provider"),
        pytest.param("v1.37.2", "latest", Status.FAILED, id="latest-of-a-new-cluster"),
        pytest.param("v1.37.2", "v1.30", Status.PASSED, id="an-older-one-by-label"),
        pytest.param("v1.33.4", "v1.36", Status.PASSED, id="newer-than-the-cluster"),
        pytest.param("v1.99.0", "v1.36", Status.FAILED, id="a-cluster-of-the-future"),
        pytest.param("", None, Status.FAILED, id="no-version"),
    ],
)
def test_cluster_judges_by_its_own_version(served: str, label: str | None, status: Status) -> None:
    probe = {"httpGet": {"host": "example.org", "port": 8000}}
    pod = spec_of(containers=[{**POD["containers"][0], "livenessProbe": probe}])
    labels = {ENFORCE: RESTRICTED, **({VERSION: label} if label else {})}
    version = {"apiVersion": "v1", "kind": "Version", "metadata": {"name": "version"}, "gitVersion": served}
    bodies = (namespace(labels), workload("Deployment", pod), version)
    assert judge("workloads-restricted", *bodies, kind="cluster").status is status


def test_unread_version_leaves_it_open() -> None:
    bodies = (namespace(), workload("Deployment", POD))
    assert judge("workloads-restricted", *bodies, kind="cluster", unreadable={"Version": "denied"}).status is Status.UNKNOWN
    assert judge("workloads-restricted", *bodies, unreadable={"Version": "denied"}).status is Status.PASSED
