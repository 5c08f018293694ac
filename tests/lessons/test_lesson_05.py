"""Lesson 5 beyond its case manifests: endpoints in every state, what cannot be judged, and the words of the evidence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_05_services import LESSON
from graders.snapshot import K8sObject, Problem, Snapshot, Source
from graders.sources.cluster import connect
from graders.verdict import Evidence, Status, Verdict
from tests.api import Api
from tests.cases import EXERCISES, NOON, read
from tests.shapes import assert_no_check_crashes, shapes, spoilt

LABELS = {"app": "rag-engine-api"}
HTTP = {"name": "http", "port": 80, "targetPort": 8000}
APP = {"name": "api", "image": "registry.example.org/rag-engine:v1.0.0", "ports": [{"name": "http", "containerPort": 8000}]}


def service(*ports: Any, labels: Any = LABELS, **fields: Any) -> dict[str, Any]:
    """The Service with other ports, labels or fields in its spec; None takes one away."""
    spec = {"selector": LABELS, "ports": list(ports or (HTTP,)), **fields}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "rag-engine-api", "namespace": "rag-engine", "labels": labels},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def workload(kind: str, name: str, labels: Any, *containers: Any, **fields: Any) -> dict[str, Any]:
    """A workload of apps/v1 whose Pods carry `labels`."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "rag-engine"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": list(containers or (APP,))}},
            **fields,
        },
    }


def deployment(*containers: Any, labels: Any = LABELS, replicas: Any = 3, **more: Any) -> dict[str, Any]:
    body = workload("Deployment", "rag-engine-api", labels, *containers, replicas=replicas)
    return {**body, **more}


def endpoint(number: int, *, terminating: Any = False, **conditions: Any) -> dict[str, Any]:
    return {
        "addresses": [f"10.244.0.{number}"],
        "conditions": {"ready": True, "terminating": terminating, **conditions},
        "targetRef": {"kind": "Pod", "name": f"rag-engine-api-{number}"},
    }


def sliced(*endpoints: Any, of: str = "rag-engine-api", name: str = "a", ports: Any = ({"name": "http", "port": 8000},)) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": "rag-engine", "labels": {"kubernetes.io/service-name": of}},
        "addressType": "IPv4",
        "ports": list(ports),
        "endpoints": list(endpoints),
    }


SERVICE, DEPLOYMENT = service(), deployment()
READY = [endpoint(number) for number in range(3)]
GAVE_UP = {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}


def judge(objective: str, *bodies: dict[str, Any], kind: str = "manifests", **changes: Any) -> Verdict:
    report = evaluate(LESSON, replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), **changes))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def evidence(verdict: Verdict) -> Evidence:
    assert verdict.evidence is not None, verdict
    return verdict.evidence


def failing(*bodies: dict[str, Any]) -> list[str]:
    report = evaluate(LESSON, Snapshot.of(bodies, taken_at=NOON))
    return [result.objective.id for result in report.results if result.status is Status.FAILED]


def test_the_guides_service_passes_without_advice() -> None:
    report = evaluate(LESSON, read([EXERCISES / "guide" / "service.yaml", EXERCISES / "guide" / "deployment.yaml"]))
    assert [result.objective.id for result in report.results if result.status is not Status.PASSED] == ["endpoints-ready"]
    assert not [result for result in report.results if result.verdict.advice]


def test_nothing_submitted_fails_its_existence_and_blocks_the_rest() -> None:
    report = evaluate(LESSON, Snapshot.of([DEPLOYMENT], taken_at=NOON))
    assert [result.status for result in report.results[:-1]] == [Status.FAILED] + [Status.BLOCKED] * 4


def test_service_without_anything_in_it_passes_nothing_but_its_name_and_its_type() -> None:
    bare = {key: SERVICE[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": "rag-engine-api", "namespace": "rag-engine"}}
    assert failing(bare, DEPLOYMENT) == ["port-mapping", "selects-the-app", "labelled-for-monitoring"]


def test_service_of_knative_is_none_of_ours() -> None:
    knative = {**SERVICE, "apiVersion": "serving.knative.dev/v1"}
    assert judge("service-exists", knative, DEPLOYMENT).status is Status.FAILED
    assert failing(knative, SERVICE, DEPLOYMENT) == []


# internal-only


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        pytest.param({}, None, id="left out"),
        pytest.param({"type": ""}, None, id="empty, which the API server fills in"),
        pytest.param({"type": "ClusterIP"}, None, id="written out"),
        pytest.param({"externalIPs": []}, None, id="no addresses"),
        pytest.param({"type": "ClusterIP", "clusterIP": "10.96.0.20"}, None, id="an address chosen"),
        pytest.param({"type": "NodePort"}, "NodePort", id="node port"),
        pytest.param({"type": "LoadBalancer"}, "LoadBalancer", id="load balancer"),
        pytest.param({"type": "ExternalName", "externalName": "x.example.org"}, "ExternalName", id="a name outside"),
        pytest.param({"type": "clusterIP"}, "clusterIP", id="another case"),
        pytest.param({"type": True}, "True", id="a boolean"),
        pytest.param({"externalIPs": ["203.0.113.7", "203.0.113.8"]}, "203.0.113.8", id="addresses from outside"),
    ],
)
def test_reach(fields: dict[str, Any], found: str | None) -> None:
    verdict = judge("internal-only", service(**fields), DEPLOYMENT)
    assert (verdict.status is Status.PASSED) is (found is None)
    assert found is None or found in evidence(verdict).found
    assert set(failing(service(**fields), DEPLOYMENT)) <= {"internal-only"}


# port-mapping

PROXY = {"name": "proxy", "image": "registry.example.org/proxy:2.1.0", "ports": [{"name": "http", "containerPort": 9000}]}
NAMED = {**HTTP, "targetPort": "http"}
METRICS = {"name": "metrics", "port": 9090, "targetPort": 9090}


@pytest.mark.parametrize(
    ("ports", "path", "found"),
    [
        pytest.param([HTTP], None, None, id="by number"),
        pytest.param([NAMED], None, None, id="by name"),
        pytest.param([{**HTTP, "protocol": "TCP"}], None, None, id="TCP written out"),
        pytest.param([{**HTTP, "protocol": ""}], None, None, id="TCP by an empty protocol"),
        pytest.param([METRICS, HTTP], None, None, id="the second of two"),
        pytest.param([{**HTTP, "name": "web", "protocol": "UDP"}, HTTP], None, None, id="the same number over UDP beside it"),
        pytest.param([{**HTTP, "port": 8000}], "spec.ports[0].port", "`port: 8000`", id="another port"),
        pytest.param([{**HTTP, "port": "80"}], "spec.ports[0].port", '`port: "80"`', id="in quotes"),
        pytest.param([{**HTTP, "name": "web"}], "spec.ports[0].name", "`name: web`", id="another name"),
        pytest.param([{**HTTP, "name": None}], "spec.ports[0].name", "no `name`", id="no name"),
        pytest.param([{**HTTP, "protocol": "UDP"}], "spec.ports[0].protocol", "`protocol: UDP`", id="UDP"),
        pytest.param([{**HTTP, "protocol": "tcp"}], "spec.ports[0].protocol", "`protocol: tcp`", id="lower case"),
        pytest.param([{**HTTP, "targetPort": 80}], "spec.ports[0].targetPort", "`targetPort: 80`", id="leads to 80"),
        pytest.param([{"name": "http", "port": 80}], "spec.ports[0].targetPort", "which means 80", id="leads to its own number"),
        pytest.param([{**HTTP, "targetPort": ""}], "spec.ports[0].targetPort", "which means 80", id="leads to an empty name"),
        pytest.param([{**HTTP, "targetPort": "8000"}], "spec.ports[0].targetPort", "in quotes", id="target in quotes"),
        pytest.param([{**HTTP, "targetPort": "web"}], "spec.ports[0].targetPort", "no TCP port", id="a name that nobody has"),
        pytest.param([{**HTTP, "targetPort": True}], "spec.ports[0].targetPort", "True", id="a boolean"),
        pytest.param([METRICS, {**HTTP, "port": 81}], "spec.ports[1].port", "`port: 81`", id="the nearest of two is told"),
        pytest.param([{**HTTP, "port": 81}, {**HTTP, "name": "web"}], "spec.ports[0].port", "`port: 81`", id="half and half"),
        pytest.param(["http"], "spec.ports[0].port", "no `port`", id="text for a port"),
        pytest.param([None], "spec.ports[0].port", "no `port`", id="null for a port"),
    ],
)
def test_ports(ports: list[Any], path: str | None, found: str | None) -> None:
    verdict = judge("port-mapping", service(*ports), DEPLOYMENT)
    assert (verdict.status is Status.PASSED) is (found is None)
    if found is not None:
        assert evidence(verdict).path == path
        assert found in evidence(verdict).found
        assert failing(service(*ports), DEPLOYMENT) == ["port-mapping"]


@pytest.mark.parametrize(
    ("containers", "init", "found"),
    [
        pytest.param([APP, PROXY], [], None, id="the app comes first"),
        pytest.param([PROXY, APP], [], "give to 9000", id="the proxy comes first"),
        pytest.param([APP], [{**PROXY, "restartPolicy": "Always"}], None, id="native sidecars come last"),
        pytest.param([{**APP, "ports": []}], [{**PROXY, "restartPolicy": "Always"}], "give to 9000", id="a native sidecar's only"),
        pytest.param([{**APP, "ports": []}], [APP], "no TCP port", id="an init container's only"),
        pytest.param([{**APP, "ports": [{"name": "http", "containerPort": 8000, "protocol": "UDP"}]}], [], "no TCP port", id="over UDP"),
        pytest.param([{**APP, "ports": [{"containerPort": 8000}]}], [], "no TCP port", id="the number, without the name"),
    ],
)
def test_named_target_is_looked_up_in_the_pods(containers: list[Any], init: list[Any], found: str | None) -> None:
    app = deployment(*containers)
    app["spec"]["template"]["spec"]["initContainers"] = init
    verdict = judge("port-mapping", service(NAMED), app)
    assert (verdict.status is Status.PASSED) is (found is None)
    assert found is None or found in evidence(verdict).found
    assert judge("port-mapping", service(HTTP), app).status is Status.PASSED


def test_number_needs_no_deployment_and_a_name_does() -> None:
    assert judge("port-mapping", service(HTTP)).status is Status.PASSED
    skipped = judge("port-mapping", service(NAMED))
    assert skipped.status is Status.SKIPPED
    assert "Deployment/rag-engine-api" in (skipped.reason or "")
    assert judge("port-mapping", service(NAMED), kind="cluster").status is Status.FAILED


def test_headless_service_translates_no_ports() -> None:
    verdict = judge("port-mapping", service({**HTTP, "port": 8000}, clusterIP="None"), DEPLOYMENT)
    assert evidence(verdict).path == "spec.clusterIP"
    assert failing(service(clusterIP="None"), DEPLOYMENT) == ["port-mapping"]


# selects-the-app

TIER = {**LABELS, "tier": "api"}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "debug", "namespace": "rag-engine", "labels": LABELS},
    "spec": {"containers": [APP]},
}
JOB = {**workload("Job", "migrate", LABELS), "apiVersion": "batch/v1"}
CRON = {**JOB, "kind": "CronJob", "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": JOB["spec"]}}}


@pytest.mark.parametrize(
    ("selector", "labels", "found"),
    [
        pytest.param(LABELS, LABELS, None, id="equal"),
        pytest.param(LABELS, TIER, None, id="some of the labels"),
        pytest.param(TIER, TIER, None, id="all of two labels"),
        pytest.param(TIER, LABELS, "`tier: api`", id="a label that the Pods lack"),
        pytest.param({"app": "rag-engine"}, LABELS, "`app: rag-engine`", id="another value"),
        pytest.param({"app": None}, LABELS, "`app: null`", id="null"),
        pytest.param({"app": None}, {}, "`app: null`", id="null, and Pods without labels"),
        pytest.param({}, LABELS, "no selector", id="empty"),
        pytest.param(None, LABELS, "no selector", id="left out"),
        pytest.param({"matchLabels": LABELS}, LABELS, "`matchLabels: {…}`", id="as a label selector"),
        pytest.param("app=rag-engine-api", LABELS, "`app=rag-engine-api`", id="as text"),
        pytest.param(["app"], LABELS, "`[…]`", id="as a list"),
        pytest.param({"app": 8000}, {"app": "8000"}, "`app: 8000`", id="a number"),
    ],
)
def test_selectors(selector: Any, labels: Any, found: str | None) -> None:
    verdict = judge("selects-the-app", service(selector=selector), deployment(labels=labels))
    assert (verdict.status is Status.PASSED) is (found is None)
    if found is not None:
        assert evidence(verdict).path == "spec.selector"
        assert found in evidence(verdict).found
        assert failing(service(selector=selector), deployment(labels=labels)) == ["selects-the-app"]


OTHERS = [
    workload("Deployment", "worker", LABELS),
    workload("StatefulSet", "qdrant", LABELS),
    workload("DaemonSet", "log-collector", LABELS),
    workload("ReplicaSet", "canary", LABELS),
    JOB,
    CRON,
    POD,
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda body: body["kind"])
@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_another_workload_behind_the_service_fails(other: dict[str, Any], kind: str) -> None:
    verdict = judge("selects-the-app", SERVICE, DEPLOYMENT, other, kind=kind)
    assert f"{other['kind']}/{other['metadata']['name']}" in evidence(verdict).found
    elsewhere = {**other, "metadata": {**other["metadata"], "namespace": "default"}}
    assert judge("selects-the-app", SERVICE, DEPLOYMENT, elsewhere, kind=kind).status is Status.PASSED


@pytest.mark.parametrize("kind", ["ReplicaSet", "Job", "Pod"])
def test_what_belongs_to_a_workload_is_no_other_workload(kind: str) -> None:
    other = next(body for body in OTHERS if body["kind"] == kind)
    owned = {"ownerReferences": [{"kind": "Deployment", "name": "rag-engine-api", "controller": True}]}
    assert judge("selects-the-app", SERVICE, DEPLOYMENT, {**other, "metadata": {**other["metadata"], **owned}}).status is Status.PASSED


def test_without_the_deployment_it_is_skipped_on_manifests_and_fails_on_a_cluster() -> None:
    assert judge("selects-the-app", SERVICE).status is Status.SKIPPED
    assert judge("selects-the-app", SERVICE, kind="cluster").status is Status.FAILED


def test_kind_that_could_not_be_read_is_never_taken_for_absent() -> None:
    verdict = judge("selects-the-app", SERVICE, DEPLOYMENT, kind="cluster", unreadable=MappingProxyType({"CronJob": "Access denied."}))
    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, "Access denied.")


# labelled-for-monitoring


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        pytest.param(LABELS, None, id="alone"),
        pytest.param({"team": "search", **LABELS}, None, id="with others"),
        pytest.param(None, "no label `app`", id="no labels"),
        pytest.param({"app": None}, "no label `app`", id="null"),
        pytest.param({"team": "search"}, "no label `app`, but `team: search`", id="others only"),
        pytest.param({"app": "api"}, "`app: api`", id="another value"),
        pytest.param({"app": {"a": "b"}}, "`app: {…}`", id="a map"),
    ],
)
def test_labels(labels: Any, found: str | None) -> None:
    verdict = judge("labelled-for-monitoring", service(labels=labels), DEPLOYMENT)
    assert found == (verdict.evidence.found if verdict.evidence else None)


# What the API server rejects

REJECTED = {
    ("spec", "type"): "internal-only",
    ("spec", "externalIPs", 0): "internal-only",
    ("spec", "ports", 0, "nodePort"): "internal-only",
    ("spec", "allocateLoadBalancerNodePorts"): "internal-only",
    ("spec", "ports", 0, "name"): "port-mapping",
    ("spec", "ports"): "port-mapping",
    ("spec", "clusterIPs", 0): "port-mapping",
    ("spec", "selector", "app"): "selects-the-app",
    ("metadata", "labels", "app"): "labelled-for-monitoring",
    ("metadata", "labels", "other"): "labelled-for-monitoring",
    ("metadata", "name"): "service-exists",
    ("spec", "sessionAffinity"): "service-exists",
    (): "service-exists",
}


@pytest.mark.parametrize(("path", "owner"), REJECTED.items(), ids=str)
def test_rejected_field_fails_one_objective(path: tuple[Any, ...], owner: str) -> None:
    rejected = K8sObject.of(SERVICE, problems=(Problem("The API server would reject it.", path=path),))
    snapshot = Snapshot(Source("manifests", "rag-engine"), (rejected, K8sObject.of(DEPLOYMENT)), NOON)
    report = evaluate(LESSON, snapshot)
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [owner]


# endpoints-ready


def live(*slices: dict[str, Any], of: dict[str, Any] = SERVICE, app: dict[str, Any] = DEPLOYMENT, **changes: Any) -> Verdict:
    return judge("endpoints-ready", of, app, *slices, kind="cluster", **changes)


def unnamed(port: Any) -> dict[str, Any]:
    return {key: value for key, value in port.items() if key != "name"}


STATES: dict[str, tuple[list[Any], Status, str]] = {
    "all ready": ([sliced(*READY)], Status.PASSED, ""),
    "over two slices": ([sliced(*READY[:1]), sliced(*READY[1:], name="b")], Status.PASSED, ""),
    "in two slices, as with two families": ([sliced(*READY), sliced(*READY, name="b")], Status.PASSED, ""),
    "the condition left out": ([sliced(*({**each, "conditions": {}} for each in READY))], Status.PASSED, ""),
    "the condition null": ([sliced(*(endpoint(n, ready=None) for n in range(3)))], Status.PASSED, ""),
    "more than wanted, in a rollout": ([sliced(*READY, endpoint(3))], Status.PASSED, ""),
    "one that terminates beside them": ([sliced(*READY, endpoint(3, terminating=True, ready=False))], Status.PASSED, ""),
    "an empty slice beside it": ([sliced(*READY), sliced(name="b", ports=())], Status.PASSED, ""),
    "no slice": ([], Status.PENDING, "0 ready"),
    "an empty slice": ([sliced()], Status.PENDING, "0 ready"),
    "a slice with null for a list": ([{**sliced(), "endpoints": None}], Status.PENDING, "0 ready"),
    "the slice of another Service": ([sliced(*READY, of="qdrant")], Status.PENDING, "0 ready"),
    "two of three": ([sliced(*READY[:2])], Status.PENDING, "2 ready"),
    "one twice": ([sliced(READY[0], READY[0], READY[1])], Status.PENDING, "2 ready"),
    "one not ready": ([sliced(*READY[:2], endpoint(2, ready=False))], Status.PENDING, "2 ready, 1 not ready: rag-engine-api-2"),
    "a new one not ready": ([sliced(*READY, endpoint(3, ready=False))], Status.PENDING, "1 not ready"),
    "ready in one family only": ([sliced(*READY), sliced(endpoint(2, ready=False), name="b")], Status.PENDING, "2 ready, 1 not ready"),
    "one of three terminates": ([sliced(*READY[:2], endpoint(2, terminating=True))], Status.PENDING, "2 ready"),
    "addresses without ports": ([sliced(*READY, ports=())], Status.FAILED, "without a port"),
    "addresses without this port": ([sliced(*READY, ports=({"name": "metrics", "port": 9090},))], Status.FAILED, "without a port"),
    "one slice without the port": ([sliced(*READY[:2]), sliced(READY[2], name="b", ports=())], Status.FAILED, "without a port"),
}


@pytest.mark.parametrize(("slices", "status", "found"), STATES.values(), ids=STATES)
def test_endpoints(slices: list[Any], status: Status, found: str) -> None:
    verdict = live(*slices)
    assert verdict.status is status
    if status is not Status.PASSED:
        assert found in evidence(verdict).found
        assert evidence(verdict).expected == "3 ready endpoints, one for each replica"
        assert "kubernetes.io/service-name=rag-engine-api -n rag-engine" in (evidence(verdict).command or "")


@pytest.mark.parametrize("slices", [case[0] for case in STATES.values() if case[1] is Status.PENDING])
def test_what_would_be_pending_has_failed_once_the_rollout_has_given_up(slices: list[Any]) -> None:
    verdict = live(*slices, app=deployment(status=GAVE_UP))
    assert verdict.status is Status.FAILED
    assert "ProgressDeadlineExceeded" in evidence(verdict).found


def test_rollout_that_has_given_up_takes_nothing_from_ready_endpoints() -> None:
    assert live(sliced(*READY), app=deployment(status=GAVE_UP)).status is Status.PASSED


@pytest.mark.parametrize(
    ("of", "app", "path", "found"),
    [
        pytest.param(service(selector=TIER), DEPLOYMENT, "spec.selector", "does not match", id="selects other Pods"),
        pytest.param(service(selector=None), DEPLOYMENT, "spec.selector", "does not match", id="selects nothing"),
        pytest.param(SERVICE, deployment(replicas=0), "spec.replicas", "replicas: 0", id="no replicas wanted"),
        pytest.param(service(type="ExternalName"), DEPLOYMENT, "spec.type", "ExternalName", id="a name in the DNS"),
    ],
)
def test_waiting_is_not_offered_where_it_does_not_help(of: dict[str, Any], app: dict[str, Any], path: str, found: str) -> None:
    verdict = live(of=of, app=app)
    assert verdict.status is Status.FAILED
    assert evidence(verdict).path == path
    assert found in evidence(verdict).found


def test_replicas_left_out_are_one() -> None:
    verdict = live(app=deployment(replicas=None))
    assert evidence(verdict).expected == "1 ready endpoint, one for each replica"
    assert live(sliced(READY[0]), app=deployment(replicas=None)).status is Status.PASSED


def test_port_without_a_name_has_the_empty_name_in_a_slice() -> None:
    lone = service(unnamed(HTTP))
    assert live(sliced(*READY, ports=({"name": "", "port": 8000},)), of=lone).status is Status.PASSED
    assert live(sliced(*READY, ports=({"port": 8000},)), of=lone).status is Status.PASSED
    assert live(sliced(*READY, ports=()), of=lone).status is Status.FAILED


def test_endpoints_are_skipped_on_manifests_and_unknown_when_unreadable() -> None:
    assert judge("endpoints-ready", SERVICE, DEPLOYMENT, sliced(*READY)).status is Status.SKIPPED
    verdict = live(sliced(*READY), unreadable=MappingProxyType({"EndpointSlice": "Access denied."}))
    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, "Access denied.")


def test_endpoints_without_a_deployment_fail_and_without_a_service_are_blocked() -> None:
    assert judge("endpoints-ready", SERVICE, sliced(*READY), kind="cluster").status is Status.FAILED
    assert judge("endpoints-ready", DEPLOYMENT, sliced(*READY), kind="cluster").status is Status.BLOCKED


@given(st.lists(st.sampled_from([True, False, None]), max_size=6), st.integers(1, 6), st.randoms())
def test_endpoints_are_counted_whatever_their_order_and_their_slices(states: list[bool | None], wanted: int, random: Any) -> None:
    endpoints = [endpoint(number, ready=state) for number, state in enumerate(states)]
    random.shuffle(endpoints)
    cut = random.randint(0, len(endpoints))
    verdict = live(sliced(*endpoints[:cut]), sliced(*endpoints[cut:], name="b"), app=deployment(replicas=wanted))
    enough = False not in states and len(states) >= wanted
    assert verdict.status is (Status.PASSED if enough else Status.PENDING)


# On a real cluster, where the endpoint slice controller writes what is judged

NAMESPACE = "lesson-5-endpoints"


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    api.ensure_namespace(NAMESPACE)
    yield NAMESPACE
    api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)


@pytest.mark.cluster
def test_endpoints_on_a_real_cluster_go_through_their_states(api: Api, kubeconfig: Path, namespace: str) -> None:
    cluster = connect(context=None, kubeconfig=str(kubeconfig), timeout=20)

    def put(body: dict[str, Any]) -> None:
        status, answer = api.put({**body, "metadata": {**body["metadata"], "namespace": namespace}})
        assert status in (200, 201), answer

    def becomes(status: Status, found: str = "") -> bool:
        deadline = time.monotonic() + 40
        while True:
            snapshot = cluster.snapshot((*LESSON.reads, *LESSON.live_reads), namespace=namespace, taken_at=NOON)
            result = next(result for result in evaluate(LESSON, snapshot).results if result.objective.id == "endpoints-ready")
            if result.status is status and found in (result.verdict.evidence.found if result.verdict.evidence else ""):
                return True
            assert time.monotonic() < deadline, f"waiting for {status} ({found}), it stays {result.verdict}"
            time.sleep(0.1)

    put(service(NAMED))
    assert becomes(Status.FAILED, "none")
    put(deployment())
    assert becomes(Status.PASSED)
    put(service({**NAMED, "targetPort": "web"}))
    assert becomes(Status.FAILED, "without a port")
    put(service({**NAMED, "targetPort": "web"}, METRICS))
    assert becomes(Status.FAILED, "without a port")
    put(service(HTTP, selector=TIER))
    assert becomes(Status.FAILED, "does not match")
    put(service(HTTP, METRICS))
    assert becomes(Status.PASSED)
    unschedulable = deployment()
    unschedulable["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "none-has-this"}
    put({**unschedulable, "spec": {**unschedulable["spec"], "replicas": 5}})
    assert becomes(Status.PENDING, "ready")
    put(deployment(replicas=1))
    assert becomes(Status.PASSED)
    put(deployment(replicas=0))
    assert becomes(Status.FAILED, "replicas: 0")


# Any shape

ODD = shapes(
    st.integers(-1, 9000) | st.sampled_from(["", "app", "http", "80", "None", "ClusterIP", "rag-engine-api"]),
    ["app", "name", "port", "ports", "targetPort", "selector", "template", "spec", "conditions", "ready"],
)


@settings(max_examples=200)
@given(
    spoilt(service(NAMED, METRICS, externalIPs=["203.0.113.7"]), ODD),
    spoilt(deployment(status=GAVE_UP), ODD),
    spoilt(sliced(*READY), ODD),
    spoilt(POD, ODD),
    st.sampled_from(["manifests", "cluster"]),
)
def test_no_shape_of_object_crashes_a_check(
    front: dict[str, Any], app: dict[str, Any], endpoints: dict[str, Any], other: dict[str, Any], kind: str
) -> None:
    snapshot = Snapshot.of([front, app, endpoints, other], taken_at=NOON, kind=kind)
    assert_no_check_crashes(LESSON, snapshot)
