"""Lesson 2 beyond its case files: skipped and live states, defaulted objects, words of the evidence."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_02_configmaps import LESSON
from graders.redaction import redact
from graders.snapshot import K8sObject, NotReadable, NotThere, Problem, Snapshot
from graders.verdict import Status, Verdict
from tests.cases import NOON

DATA = {
    "ENVIRONMENT": "production",
    "LOG_LEVEL": "info",
    "QDRANT_HOST": "qdrant.rag-engine.svc.cluster.local",
    "QDRANT_PORT": "6333",
    "DATABASE_POOL_SIZE": "20",
    "CACHE_TTL": "300",
    "ENABLE_HYBRID_SEARCH": "true",
    "ENABLE_RERANKING": "true",
}
METADATA = {"name": "rag-engine-config", "namespace": "rag-engine"}
ENV = {"name": "QDRANT_HOST", "valueFrom": {"configMapKeyRef": {"name": "rag-engine-config", "key": "QDRANT_HOST"}}}


def config(**data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": METADATA, "data": {**DATA, **data}}


CONFIG = config()


def pod(name: str = "reader", namespace: str = "rag-engine", **container: Any) -> dict[str, Any]:
    volumes = [{"name": "config", "configMap": {"name": "rag-engine-config"}}]
    container = {"env": [ENV], "volumeMounts": [{"name": "config", "mountPath": "/app/config"}], **container}
    spec = {"containers": [{"name": "reader", "image": "busybox:1.37", **container}], "volumes": volumes}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def judge(objective: str, *bodies: Any, kind: str = "manifests", **options: Any) -> Verdict:
    snapshot = Snapshot.of([redact(body) for body in bodies], taken_at=NOON, kind=kind)
    report = evaluate(LESSON, replace(snapshot, **options))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def found(verdict: Verdict) -> str:
    assert verdict.status is Status.FAILED, verdict
    assert verdict.evidence is not None
    return verdict.evidence.found


CONSUMERS = ["consumed-as-env", "consumed-as-files"]


@pytest.mark.parametrize("objective", CONSUMERS)
def test_without_a_workload_it_is_skipped_on_manifests_and_fails_on_a_cluster(objective: str) -> None:
    skipped = judge(objective, CONFIG)
    assert skipped.status is Status.SKIPPED
    assert "Add one with another -f" in (skipped.reason or "")
    failed = judge(objective, CONFIG, kind="cluster")
    assert "no Pod and no Deployment" in found(failed)
    assert failed.evidence is not None
    assert failed.evidence.command == "kubectl get pods -n rag-engine"


@pytest.mark.parametrize("objective", CONSUMERS)
def test_a_pod_in_another_namespace_is_named(objective: str) -> None:
    assert found(judge(objective, CONFIG, pod(namespace="default"))) == "`default`"


@pytest.mark.parametrize("objective", CONSUMERS)
def test_a_workload_of_another_namespace_that_has_nothing_to_do_with_it_is_no_submission(objective: str) -> None:
    collector = pod(namespace="logging", env=[], volumeMounts=[])
    assert judge(objective, CONFIG, collector).status is Status.SKIPPED


@pytest.mark.parametrize("objective", CONSUMERS)
def test_pods_that_may_not_be_read_leave_it_unknown(objective: str) -> None:
    assert judge(objective, CONFIG, kind="cluster", unreadable={"Pod": "Could not list Pod objects."}).status is Status.UNKNOWN


@pytest.mark.parametrize("objective", CONSUMERS)
def test_a_pod_as_served_is_judged_as_written(objective: str) -> None:
    served = deepcopy(pod())
    spec = served["spec"]
    spec["volumes"][0]["configMap"]["defaultMode"] = 420
    spec["volumes"].append(
        {"name": "kube-api-access-x", "projected": {"defaultMode": 420, "sources": [{"configMap": {"name": "kube-root-ca.crt"}}]}}
    )
    spec["containers"][0]["volumeMounts"].append(
        {"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    )
    spec["containers"][0] |= {"terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent", "resources": {}}
    assert judge(objective, CONFIG, served, kind="cluster").status is Status.PASSED


@pytest.mark.parametrize("objective", CONSUMERS)
def test_a_pod_of_a_deployment_is_not_judged_beside_it(objective: str) -> None:
    owned = pod()
    owned["metadata"] = {**owned["metadata"], "ownerReferences": [{"kind": "ReplicaSet", "name": "r", "controller": True}]}
    assert judge(objective, CONFIG, owned, kind="cluster").status is Status.FAILED


def refuse(path: tuple[str | int, ...]) -> dict[str, Status]:
    item = K8sObject.of(pod(), problems=(Problem("It is refused.", path=path, expected="something else", found="this"),))
    snapshot = Snapshot.of([CONFIG], taken_at=NOON)
    report = evaluate(LESSON, replace(snapshot, objects=(*snapshot.objects, item)))
    return {result.objective.id: result.status for result in report.results if result.status is not Status.PASSED}


@pytest.mark.parametrize(
    ("path", "objective"),
    [
        pytest.param(("spec", "containers", 0, "env", 0, "valuefrom"), "consumed-as-env", id="a variable"),
        pytest.param(("spec", "containers", 0, "image"), "consumed-as-env", id="anything else"),
        pytest.param(("spec", "containers", 0, "volumeMounts", 0, "name"), "consumed-as-files", id="a mount"),
        pytest.param(("spec", "volumes", 0, "configmap"), "consumed-as-files", id="a volume"),
    ],
)
def test_a_pod_that_is_refused_uses_nothing_and_fails_one_objective(path: tuple[str | int, ...], objective: str) -> None:
    assert refuse(path) == {objective: Status.FAILED}


def test_another_pod_makes_up_for_one_that_is_refused() -> None:
    item = K8sObject.of(pod("broken"), problems=(Problem("It is refused.", path=("spec", "volumes")), Problem("Again.", path=("spec",))))
    snapshot = Snapshot.of([CONFIG, pod()], taken_at=NOON)
    report = evaluate(LESSON, replace(snapshot, objects=(*snapshot.objects, item)))
    assert {result.status for result in report.results} == {Status.PASSED}


@pytest.mark.parametrize(
    ("container", "status"),
    [
        pytest.param({"env": [{**ENV, "name": "HOST"}, {"name": "QDRANT_HOST", "value": "$(HOST)"}]}, Status.PASSED, id="alias"),
        pytest.param({"env": [{"name": "QDRANT_HOST", "value": "x"}, ENV]}, Status.PASSED, id="the last of two wins"),
        pytest.param({"env": [ENV, {"name": "QDRANT_HOST", "value": "x"}]}, Status.FAILED, id="the first of two loses"),
        pytest.param(
            {"env": [], "envFrom": [{"configMapRef": {"name": "rag-engine-config"}, "prefix": ""}]}, Status.PASSED, id="empty prefix"
        ),
        pytest.param(
            {"env": [], "envFrom": [{"configMapRef": {"name": "rag-engine-config"}}, {"secretRef": {"name": "s"}}]},
            Status.PASSED,
            id="a later Secret, of which the keys are not known",
        ),
        pytest.param({"env": [{**ENV, "value": "qdrant"}]}, Status.FAILED, id="value beside valueFrom"),
    ],
)
def test_where_the_variable_comes_from(container: dict[str, Any], status: Status) -> None:
    assert judge("consumed-as-env", CONFIG, pod(**container)).status is status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/app/config/", Status.PASSED, id="slash at the end"),
        pytest.param("/app//config", Status.PASSED, id="two slashes"),
        pytest.param("app/config", Status.PASSED, id="relative, which the kubelet takes from the root"),
        pytest.param("/app/config.d", Status.FAILED, id="longer name"),
        pytest.param("/app/conf", Status.FAILED, id="shorter name"),
        pytest.param("", Status.FAILED, id="empty"),
        pytest.param(None, Status.FAILED, id="missing"),
    ],
)
def test_mount_path(path: str | None, status: Status) -> None:
    assert judge("consumed-as-files", CONFIG, pod(volumeMounts=[{"name": "config", "mountPath": path}])).status is status


def test_a_key_that_only_binary_data_has_can_be_a_file() -> None:
    body = pod()
    body["spec"]["volumes"][0]["configMap"]["items"] = [{"key": "logo", "path": "logo"}]
    assert judge("consumed-as-files", {**CONFIG, "binaryData": {"logo": "eA=="}}, body).status is Status.PASSED
    assert "`logo`" in found(judge("consumed-as-files", CONFIG, body))
    body["spec"]["volumes"][0]["configMap"]["optional"] = True
    assert judge("consumed-as-files", CONFIG, body).status is Status.PASSED


@pytest.mark.parametrize(
    ("data", "objective"),
    [
        pytest.param({"QDRANT_PORT": 6333}, "service-endpoints", id="port"),
        pytest.param({"DATABASE_POOL_SIZE": 20, "CACHE_TTL": 300}, "performance-settings", id="numbers"),
        pytest.param({"ENABLE_RERANKING": True}, "feature-flags", id="flag"),
    ],
)
def test_missing_quotes_fail_values_are_strings_alone(data: dict[str, Any], objective: str) -> None:
    assert judge(objective, config(**data)).status is Status.PASSED
    assert "without quotes" in found(judge("values-are-strings", config(**data)))


@pytest.mark.parametrize("data", [["ENVIRONMENT=production"], "ENVIRONMENT=production", 5])
def test_data_that_is_no_map_is_told_once(data: Any) -> None:
    odd = {**CONFIG, "data": data}
    assert judge("values-are-strings", odd).status is Status.FAILED
    for objective in ("app-settings", "service-endpoints", "performance-settings", "feature-flags"):
        assert judge(objective, odd).status is Status.BLOCKED


@pytest.mark.parametrize("data", [None, {}])
def test_no_data_at_all_lacks_every_setting(data: Any) -> None:
    assert found(judge("app-settings", {**CONFIG, "data": data})) == "no `data`"
    assert judge("values-are-strings", {**CONFIG, "data": data}).status is Status.PASSED


def test_a_setting_beside_data_is_pointed_out() -> None:
    odd = {**{key: value for key, value in CONFIG.items() if key != "data"}, **DATA}
    assert "beside `data`" in found(judge("app-settings", odd))


@pytest.mark.parametrize("digits", ["0", "000", "٣", "²", "9" * 5000 + "x", "1e3", "1_000", "0x10", " 20"])
def test_whole_numbers_are_plain_digits(digits: str) -> None:
    assert judge("performance-settings", config(CACHE_TTL=digits)).status is Status.FAILED


def test_very_long_numbers_are_numbers() -> None:
    assert judge("performance-settings", config(CACHE_TTL="9" * 5000)).status is Status.PASSED


@pytest.mark.parametrize(
    "host", ["qdrant.rag-engine.svc.cluster.local..", "qdrant.rag-engine.", "qdrant.rag-engine.svc.-x", "xqdrant", "qdrant\n"]
)
def test_hosts_that_lead_nowhere(host: str) -> None:
    assert judge("service-endpoints", config(QDRANT_HOST=host)).status is Status.FAILED


def test_the_namespace_graded_is_part_of_the_host() -> None:
    body = {**config(QDRANT_HOST="qdrant.team-7.svc"), "metadata": {**METADATA, "namespace": "team-7"}}
    report = evaluate(LESSON, Snapshot.of([body], taken_at=NOON, namespace="team-7"))
    statuses = {result.objective.id: result.status for result in report.results}
    assert statuses["service-endpoints"] is Status.PASSED


@pytest.mark.parametrize("key", ["DB_PASSWORD", "LLM", "notes.txt"])
def test_evidence_never_shows_a_credential(key: str) -> None:
    canary = "cAnArY0123456789abcdef"
    value = f"sk-{canary}" if key == "LLM" else f"password={canary}\nurl=redis://:{canary}@h\n"
    for objective in LESSON.objectives:
        for body in (config(**{key: value}), config(ENVIRONMENT=value, QDRANT_HOST=value, CACHE_TTL=value)):
            verdict = judge(objective.id, body, pod(env=[{"name": "QDRANT_HOST", "value": value}]))
            assert canary not in repr(verdict)
    assert f"`{key}`" in found(judge("no-secrets-inside", config(**{key: value})))


ODD = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.sampled_from(["rag-engine-config", "QDRANT_HOST"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "containers",
                        "volumes",
                        "env",
                        "envFrom",
                        "configMapRef",
                        "configMapKeyRef",
                        "valueFrom",
                        "volumeMounts",
                        "name",
                        "key",
                    ),
                    *(
                        "mountPath",
                        "subPath",
                        "items",
                        "projected",
                        "sources",
                        "configMap",
                        "template",
                        "spec",
                        "prefix",
                        "optional",
                        *DATA,
                    ),
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(ODD, ODD, ODD, st.sampled_from(LESSON.reads), st.sampled_from(["manifests", "cluster"]))
def test_no_shape_of_object_crashes_a_check(data: Any, binary: Any, spec: Any, workload: str, kind: str) -> None:
    bodies = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": METADATA, "data": data, "binaryData": binary},
        {"kind": workload, "metadata": {"name": "x", "namespace": "rag-engine"}, "spec": spec},
    ]
    snapshot = Snapshot.of([redact(body) for body in bodies], taken_at=NOON, kind=kind)
    for objective in LESSON.objectives:
        try:
            verdict = objective.check(snapshot)
        except (NotReadable, NotThere, LookupError):
            continue
        assert isinstance(verdict, Verdict)


@settings(max_examples=150, deadline=None)
@given(ODD, ODD, ODD)
def test_no_shape_of_a_container_crashes_a_check(env: Any, mounts: Any, volumes: Any) -> None:
    body = pod(env=env, envFrom=mounts, volumeMounts=mounts)
    body["spec"]["volumes"] = volumes
    snapshot = Snapshot.of([CONFIG, redact(body)], taken_at=NOON)
    for objective in LESSON.objectives:
        assert isinstance(objective.check(snapshot), Verdict)
