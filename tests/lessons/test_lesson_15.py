"""Lesson 15 beyond its case manifests: the forms of identities, what a cluster may not show, and how the capstone speaks for a lesson."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_15_managed import LESSON
from graders.lessons.managed_capstone import EARLIER
from graders.lessons.managed_clouds import (
    ANNOTATIONS,
    CLASSES,
    Cloud,
    annotated_identities,
    load_balancer_of_gateway,
    load_balancer_of_service,
)
from graders.objective import Lesson
from graders.snapshot import K8sObject, Snapshot, Source
from graders.sources.cluster import connect
from graders.verdict import Status, Verdict
from tests.api import Api, plain
from tests.cases import Case, cases, exercise, manifests, read
from tests.shapes import assert_no_check_crashes, shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
FOLDER = exercise("lesson-15")
CAPSTONES = [(lesson, f"capstone-{lesson.id}") for lesson in EARLIER]
SOLUTION: list[dict[str, Any]] = [plain(item.body) for item in read(manifests(FOLDER / "solution")).objects]
LIVE: list[dict[str, Any]] = [plain(item.body) for item in read(manifests(FOLDER / "cases" / "live")).objects]
META = {"name": "rag-engine", "namespace": "rag-engine"}
_INTERNAL = "service.beta.kubernetes.io/azure-load-balancer-internal"
ACCOUNT: dict[str, Any] = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": META}
SERVICE: dict[str, Any] = {"apiVersion": "v1", "kind": "Service", "metadata": META, "spec": {"type": "LoadBalancer"}}


def judge(snapshot: Snapshot) -> dict[str, Verdict]:
    return {result.objective.id: result.verdict for result in evaluate(LESSON, snapshot).results}


def changed(bodies: list[dict[str, Any]], kind: str, name: str, path: str, value: Any) -> list[dict[str, Any]]:
    """The objects with one field of one of them changed; taken out when `value` is None."""
    bodies = deepcopy(bodies)
    (body,) = (body for body in bodies if (body["kind"], body["metadata"]["name"]) == (kind, name))
    *above, last = path.split(".")
    for step in above:
        body = body.setdefault(step, {})
    body[last] = value
    if value is None:
        del body[last]
    return bodies


def live(*, unreadable: dict[str, str] | None = None, bodies: list[dict[str, Any]] | None = None) -> Snapshot:
    """The whole course on a cluster, every controller at rest."""
    bodies = LIVE if bodies is None else bodies
    names = {(body["kind"], body["metadata"]["name"]) for body in bodies}
    rest = [body for body in SOLUTION if (body["kind"], body["metadata"]["name"]) not in names]
    snapshot = Snapshot.of([*rest, *bodies], taken_at=NOON, kind="cluster")
    return replace(snapshot, context_namespace="rag-engine", unreadable=MappingProxyType(unreadable or {}))


# The capstone


def test_every_earlier_lesson_has_its_capstone_in_order() -> None:
    assert [lesson.id for lesson in EARLIER] == [f"lesson-{number}" for number in range(1, 13)]
    assert [objective.id for objective in LESSON.objectives][-12:] == [name for _, name in CAPSTONES]
    for lesson in EARLIER:
        assert set(lesson.reads) <= set(LESSON.reads)
        assert set(lesson.live_reads) <= {*LESSON.reads, *LESSON.live_reads}
        assert set(lesson.everywhere) <= set(LESSON.everywhere)


def _cases_of(lesson: Lesson) -> list[Case]:
    return [case for case in cases() if case.lesson is lesson]


@pytest.mark.parametrize(("lesson", "capstone"), CAPSTONES, ids=[name for _, name in CAPSTONES])
def test_capstone_says_what_the_lesson_says(lesson: Lesson, capstone: str) -> None:
    objective = next(objective for objective in LESSON.objectives if objective.id == capstone)
    for case in _cases_of(lesson):
        snapshot = case.snapshot()
        report, verdict = evaluate(lesson, snapshot), objective.check(snapshot)
        assert (verdict.status is Status.PASSED) == report.complete, case.id
        if verdict.evidence is not None:
            first = next(result for result in report.results if result.counts and result.status is verdict.status)
            assert first.verdict.evidence is not None
            assert (verdict.evidence.object, verdict.evidence.path) == (first.verdict.evidence.object, first.verdict.evidence.path)
            assert f"`{first.objective.id}` ({first.status})" in verdict.evidence.found
            assert lesson.id in verdict.evidence.expected
            assert verdict.evidence.command is not None
            assert verdict.evidence.command.startswith(f"grade {lesson.id}")


def test_a_lesson_is_judged_once_for_a_snapshot() -> None:
    calls = []

    def check(snapshot: Snapshot) -> Verdict:
        calls.append(snapshot)
        return Verdict(Status.PASSED)

    lesson = replace(EARLIER[0], objectives=(replace(EARLIER[0].objectives[0], check=check),))
    snapshot = Snapshot.of([], taken_at=NOON)
    assert evaluate(lesson, snapshot) is evaluate(lesson, snapshot)
    evaluate(lesson, replace(snapshot))
    assert len(calls) == 2


def test_whole_course_at_rest_on_a_cluster() -> None:
    verdicts = judge(live())
    assert {name for name, verdict in verdicts.items() if verdict.status is not Status.PASSED} == {"managed-cluster"}


def test_capstone_waits_for_what_the_cluster_is_at() -> None:
    verdicts = judge(live(bodies=changed(LIVE, "Deployment", "rag-engine-api", "status.readyReplicas", 2)))
    waiting = {name for name, verdict in verdicts.items() if verdict.status is Status.PENDING}
    assert waiting == {"capstone-lesson-4", "capstone-lesson-10"}
    evidence = verdicts["capstone-lesson-4"].evidence
    assert evidence is not None
    assert (evidence.found, evidence.command) == ("14 of 15 passed; open: `rollout-complete` (pending)", "grade lesson-4")


def test_what_nobody_can_tell_of_a_lesson_is_unknown() -> None:
    reason = "Could not read ServiceMonitors: the Prometheus Operator is not installed."
    verdicts = judge(live(unreadable={"ServiceMonitor": reason}))
    assert verdicts["capstone-lesson-12"] == Verdict(Status.UNKNOWN, reason=f"lesson-12, servicemonitor-exists: {reason}")
    assert verdicts["capstone-lesson-11"].status is Status.PASSED


def test_a_failure_outweighs_what_is_unknown() -> None:
    bodies = changed(LIVE, "Ingress", "rag-engine-ingress", "metadata.annotations", {})
    verdict = judge(live(bodies=bodies, unreadable={"IngressClass": "Could not read IngressClasses: access denied."}))["capstone-lesson-6"]
    assert verdict.status is Status.FAILED
    assert verdict.evidence is not None
    assert "`certificate-issuer` (failed)" in verdict.evidence.found


@pytest.mark.parametrize(
    ("namespace", "files", "command"),
    [
        pytest.param("rag-engine", ("namespace.yaml",), "grade lesson-1 -f namespace.yaml", id="one file"),
        pytest.param("rag-engine", ("a/namespace.yaml", "a/b/config.yaml"), "grade lesson-1 -f a", id="a folder"),
        pytest.param("rag-engine", ("namespace.yaml", "config.yaml"), "grade lesson-1 -f .", id="here"),
        pytest.param("rag-engine", ("a b/x.yaml", "a b/y.yaml"), "grade lesson-1 -f 'a b'", id="a name with a space"),
        pytest.param("rag-engine", ("/etc/x.yaml", "y.yaml"), "grade lesson-1 -f .", id="two roots"),
        pytest.param("rag-engine", (), "grade lesson-1 -f .", id="no file"),
        pytest.param("rag-engine", ("-",), "grade lesson-1 -f -", id="standard input"),
        pytest.param("team-a", ("x.yaml",), "grade lesson-1 -n team-a -f x.yaml", id="another namespace"),
    ],
)
def test_command_grades_the_same_place(namespace: str, files: tuple[str, ...], command: str) -> None:
    verdict = judge(Snapshot(Source("manifests", namespace, files), (), NOON))["capstone-lesson-1"]
    assert verdict.evidence is not None
    assert verdict.evidence.command == command


# Clouds


@pytest.mark.parametrize(
    ("annotation", "value", "sound"),
    [
        ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/rag-engine", True),
        ("eks.amazonaws.com/role-arn", "arn:aws-us-gov:iam::111122223333:role/rag-engine", True),
        ("eks.amazonaws.com/role-arn", "arn:aws-cn:iam::111122223333:role/a/b/c", True),
        ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/" + "x" * 64, True),
        ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/" + "x" * 65, False),
        ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/", False),
        ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/rag-engine\n", False),
        ("eks.amazonaws.com/role-arn", "arn:gcp:iam::111122223333:role/rag-engine", False),
        ("eks.amazonaws.com/role-arn", "arn:aws:iam::1111222233334:role/rag-engine", False),
        ("eks.amazonaws.com/role-arn", "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/rag-engine", False),
        ("eks.amazonaws.com/role-arn", "", False),
        ("iam.gke.io/gcp-service-account", "rag-engine@my-project.iam.gserviceaccount.com", True),
        ("iam.gke.io/gcp-service-account", "rag-engine@my-project.example.com.iam.gserviceaccount.com", True),
        ("iam.gke.io/gcp-service-account", "someone@example.com", False),
        ("iam.gke.io/gcp-service-account", "serviceAccount:rag-engine@my-project.iam.gserviceaccount.com", False),
        ("iam.gke.io/gcp-service-account", "@my-project.iam.gserviceaccount.com", False),
        ("azure.workload.identity/client-id", "00000000-0000-0000-0000-00000000000a", True),
        ("azure.workload.identity/client-id", "0000000000000000000000000000000a", False),
        ("azure.workload.identity/client-id", "{00000000-0000-0000-0000-00000000000a}", False),
        ("azure.workload.identity/client-id", "00000000-0000-0000-0000-00000000000g", False),
    ],
)
def test_form_of_an_identity(annotation: str, value: str, sound: bool) -> None:
    account = K8sObject.of({**ACCOUNT, "metadata": {**META, "annotations": {annotation: value}}})
    (trait,) = annotated_identities(account)
    assert bool(trait.flaw) is not sound


@pytest.mark.parametrize("name", CLASSES)
def test_class_of_a_cloud_needs_no_annotation(name: str) -> None:
    trait = load_balancer_of_service(K8sObject.of({**SERVICE, "spec": {**SERVICE["spec"], "loadBalancerClass": name}}))
    assert (trait.cloud, trait.flaw) == (CLASSES[name], "")


@given(
    st.dictionaries(
        st.sampled_from([*ANNOTATIONS, "example.com/x"]), st.sampled_from(["external", "ip", "Internal", "enabled", "true", ""])
    ),
    st.sampled_from([None, "example.com/class"]),
)
def test_a_load_balancer_has_a_cloud_or_a_flaw_with_a_way_out(annotations: dict[str, str], name: str | None) -> None:
    metadata = {**META, "annotations": annotations}
    trait = load_balancer_of_service(K8sObject.of({**SERVICE, "metadata": metadata, "spec": {"loadBalancerClass": name}}))
    assert bool(trait.flaw) == bool(trait.expected)
    assert trait.flaw or trait.cloud is not None
    if name:
        assert trait.flaw, "a class that no cloud knows wins over annotations"
    elif not trait.flaw:
        assert any(ANNOTATIONS[key][0] is trait.cloud for key in annotations if key in ANNOTATIONS)


@pytest.mark.parametrize(
    ("name", "controller", "annotation", "cloud"),
    [
        pytest.param("gke-l7-rilb", None, None, Cloud.GOOGLE, id="by its class"),
        pytest.param("public", "gateway.k8s.aws/alb", None, Cloud.AWS, id="by the controller of its class"),
        pytest.param("approuting-istio", "istio.io/gateway-controller", None, Cloud.AZURE, id="an Istio that the cloud brings"),
        pytest.param("istio", None, _INTERNAL, Cloud.AZURE, id="by the annotations for its Service"),
        pytest.param("istio", "istio.io/gateway-controller", _INTERNAL, Cloud.AZURE, id="annotations beside a class"),
        pytest.param("istio", "istio.io/gateway-controller", None, None, id="an Istio of one's own"),
        pytest.param("gke-l7-rilb", "example.com/controller", None, None, id="another controller under a cloud's name"),
    ],
)
def test_gateway_of_a_cloud(name: str, controller: str | None, annotation: str | None, cloud: Cloud | None) -> None:
    spec = {"gatewayClassName": name, "infrastructure": {"annotations": {annotation: "true"} if annotation else {}}}
    gateway = K8sObject.of({"kind": "Gateway", "metadata": META, "spec": spec})
    item = K8sObject.of({"kind": "GatewayClass", "metadata": {"name": name}, "spec": {"controllerName": controller}})
    trait = load_balancer_of_gateway(gateway, (item,) if controller else ())
    assert (trait.cloud, bool(trait.flaw)) == (cloud, cloud is None)


@pytest.mark.parametrize("cloud", Cloud)
def test_each_cloud_has_its_annotations(cloud: Cloud) -> None:
    assert any(of is cloud for of, _ in ANNOTATIONS.values())


def test_pods_of_azure_are_not_asked_for_where_nobody_showed_them() -> None:
    account = {
        **ACCOUNT,
        "metadata": {**META, "annotations": {"azure.workload.identity/client-id": "0" * 8 + "-0000" * 3 + "-" + "0" * 12}},
    }
    verdict = judge(Snapshot.of([account], taken_at=NOON))["cloud-identity"]
    assert verdict.status is Status.SKIPPED
    assert verdict.reason is not None
    assert "Deployment/rag-engine-api" in verdict.reason


def test_access_that_google_cloud_grants_directly_cannot_be_seen() -> None:
    disk = {"provisioner": "pd.csi.storage.gke.io", "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": True}
    storage = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "ssd"}, **disk}
    verdict = judge(Snapshot.of([ACCOUNT, storage], taken_at=NOON))["cloud-identity"]
    assert verdict.evidence is not None
    assert "does not show here" in verdict.evidence.found


GATEWAY_API: dict[str, Any] = {"apiVersion": "v1", "kind": "APIGroup", "metadata": {"name": "gateway.networking.k8s.io"}}
DENIED = {"Gateway": "Could not read Gateways: access denied."}


def _without_load_balancer(*more: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(body for body in SOLUTION if body["metadata"]["name"] != "rag-engine-public"), *more]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        pytest.param((), Status.FAILED, id="not served, so there is none"),
        pytest.param((GATEWAY_API,), Status.UNKNOWN, id="served, and may not be read"),
    ],
)
def test_gateways_that_cannot_be_read(more: tuple[dict[str, Any], ...], status: Status) -> None:
    snapshot = Snapshot.of(_without_load_balancer(*more), taken_at=NOON, kind="cluster")
    assert judge(replace(snapshot, unreadable=MappingProxyType(DENIED)))["cloud-load-balancer"].status is status


@pytest.mark.parametrize("kind", ["Pod", "StorageClass"])
def test_what_may_not_be_read_leaves_the_rest_as_it_is(kind: str) -> None:
    verdicts = judge(live(unreadable={kind: "Could not read them: access denied."}))
    unknown = {name for name in ON_CLUSTER if verdicts[name].status is Status.UNKNOWN}
    assert unknown == ({"cloud-storage-class"} if kind == "StorageClass" else set())
    assert all(verdicts[name].status is Status.PASSED for name in {*ON_CLUSTER} - unknown)


def test_identity_that_only_pods_could_show_is_unknown_where_pods_may_not_be_read() -> None:
    bodies = changed([*LIVE, deepcopy(ACCOUNT)], "ServiceAccount", "rag-engine", "metadata.annotations", {})
    verdicts = judge(live(bodies=bodies, unreadable={"Pod": "Could not read Pods: access denied."}))
    assert verdicts["cloud-identity"] == Verdict(Status.UNKNOWN, reason="Could not read Pods: access denied.")
    assert verdicts["cloud-load-balancer"].status is Status.PASSED


# Whatever a learner writes

KEYS = ("metadata", "annotations", "labels", "spec", "type", "loadBalancerClass", "gatewayClassName", "provisioner", "template")
ODD = shapes(st.sampled_from(["", "LoadBalancer", "rag-engine", "ebs.csi.aws.com"]) | st.integers(-1, 3), KEYS)
SUBJECTS = [body for body in SOLUTION if body["kind"] in ("StorageClass", "ServiceAccount", "Service", "Deployment")]
EXTRA: list[dict[str, Any]] = [
    {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": META, "spec": {"gatewayClassName": "x"}},
    {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "x"}, "spec": {"controllerName": "y"}},
    {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": "x"},
        "iam": {"podIdentityAssociations": [{"namespace": "rag-engine", "serviceAccountName": "rag-engine", "roleARN": "x"}]},
    },
    {
        "apiVersion": "eks.services.k8s.aws/v1alpha1",
        "kind": "PodIdentityAssociation",
        "metadata": META,
        "spec": {"namespace": "rag-engine", "serviceAccount": "rag-engine", "roleARN": "x"},
    },
    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"providerID": "kind://x"}},
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": META,
        "spec": {
            "serviceAccountName": "rag-engine",
            "volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"audience": "pods.eks.amazonaws.com"}}]}}],
        },
    },
]


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(["manifests", "cluster"]))
def test_no_shape_of_object_crashes_a_check(data: st.DataObject, kind: str) -> None:
    bodies = [data.draw(spoilt(body, ODD)) for body in (*SUBJECTS, *EXTRA)]
    own = replace(LESSON, objectives=LESSON.objectives[:5])
    assert_no_check_crashes(own, Snapshot.of([*bodies, GATEWAY_API], taken_at=NOON, kind=kind))


# On a real cluster

NAMESPACE = "lesson-15"
ON_CLUSTER = ("cloud-storage-class", "cloud-identity", "cloud-load-balancer", "zones-spread")


def _bodies(path: Path) -> Iterator[dict[str, Any]]:
    for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if body["kind"] in ("StorageClass", "ServiceAccount", "Service", "Deployment"):
            body["metadata"]["namespace"] = NAMESPACE
            if body["kind"] == "Deployment":
                body["spec"]["replicas"] = 0  # nothing has to run
            yield body


CLOUDS = {
    "aws": [FOLDER / "solution" / f"{name}.yaml" for name in ("storageclass", "serviceaccount", "load-balancer", "deployment")],
    "google": [FOLDER / "cases" / "pass-cloud-storage-class-google.yaml", FOLDER / "solution" / "deployment.yaml"],
    "azure": [FOLDER / "cases" / "pass-cloud-storage-class-azure.yaml"],
}


@pytest.mark.cluster
@pytest.mark.parametrize("cloud", CLOUDS)
def test_manifests_of_a_cloud_are_judged_alike_once_applied(cloud: str, api: Api, kubeconfig: Path) -> None:
    api.ensure_namespace(NAMESPACE)
    bodies = [body for path in CLOUDS[cloud] for body in _bodies(path)]
    try:
        for body in bodies:
            status, answer = api.put(body, NAMESPACE)
            assert status in (200, 201), answer
        cluster = connect(context=None, kubeconfig=str(kubeconfig), timeout=20)
        kinds = (*LESSON.reads, *LESSON.live_reads)
        verdicts = judge(cluster.snapshot(kinds, namespace=NAMESPACE, taken_at=NOON, everywhere=LESSON.everywhere))
        assert {name: verdicts[name] for name in ON_CLUSTER} == dict.fromkeys(ON_CLUSTER, Verdict(Status.PASSED))
        assert verdicts["managed-cluster"].status is Status.FAILED
    finally:
        for body in bodies:
            api.delete(body, NAMESPACE, wait=False)
