"""Lesson 3 beyond its case files: what waits for what, live states, and that no value is ever shown."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_03_secrets import LESSON
from graders.redaction import redact
from graders.snapshot import K8sObject, NotReadable, NotThere, Problem, Snapshot
from graders.verdict import Status, Verdict
from tests.cases import NOON


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


DATA: dict[str, Any] = {
    "database-url": encoded("postgresql://rag:example-only@postgres/rag"),
    "redis-url": encoded("redis://:example-only@redis:6379/0"),
    "openai-api-key": encoded("sk-example-only"),
    "jwt-secret": encoded("example-only-jwt-secret-of-forty-characters"),
}
HEAD = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "rag-engine-secrets", "namespace": "rag-engine"}}
REFERENCE = {"secretKeyRef": {"name": "rag-engine-secrets", "key": "database-url"}}


def secret(**data: Any) -> dict[str, Any]:
    merged = {**DATA, **{key.replace("_", "-"): value for key, value in data.items()}}
    return {**HEAD, "data": {key: value for key, value in merged.items() if value != "absent"}}


SECRET = secret()


def pod(*env: dict[str, Any], namespace: str = "rag-engine", **container: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "reader", "image": "busybox:1.37", "env": list(env), **container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reader", "namespace": namespace}, "spec": spec}


POD = pod({"name": "DATABASE_URL", "valueFrom": REFERENCE})


def judge(objective: str, *bodies: Any, kind: str = "manifests", **options: Any) -> Verdict:
    snapshot = Snapshot.of([redact(body) for body in bodies], taken_at=NOON, kind=kind)
    report = evaluate(LESSON, replace(snapshot, **options))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def found(verdict: Verdict) -> str:
    assert verdict.status is Status.FAILED, verdict
    assert verdict.evidence is not None
    return verdict.evidence.found


@pytest.mark.parametrize(
    ("body", "blocked"),
    [
        pytest.param(secret(redis_url="absent"), {"connection-urls": "required-keys"}, id="a URL is missing"),
        pytest.param(secret(redis_url=""), {"connection-urls": "required-keys"}, id="a URL is empty"),
        pytest.param(secret(redis_url="redis"), {"connection-urls": "values-decode"}, id="a URL does not decode"),
        pytest.param(secret(jwt_secret=None), {"strong-jwt-secret": "required-keys"}, id="the JWT secret is null"),
        pytest.param(secret(jwt_secret="***"), {"strong-jwt-secret": "values-decode"}, id="the JWT secret does not decode"),
        pytest.param(secret(openai_api_key="absent"), {}, id="nothing waits for the key of the API"),
        pytest.param(
            {**HEAD, "data": "x"},
            {"required-keys": "values-decode", "connection-urls": "values-decode", "strong-jwt-secret": "values-decode"},
            id="data is no map",
        ),
    ],
)
def test_one_fault_is_told_once_and_the_rest_waits(body: dict[str, Any], blocked: dict[str, str]) -> None:
    report = evaluate(LESSON, Snapshot.of([redact(body), POD], taken_at=NOON))
    waiting = {result.objective.id: result.verdict.reason for result in report.results if result.status is Status.BLOCKED}
    assert waiting == {objective: f"First: {need}." for objective, need in blocked.items()}
    assert sum(result.status is Status.FAILED for result in report.results) == 1


def test_a_wrong_scheme_is_told_while_the_other_url_is_missing() -> None:
    assert judge("connection-urls", secret(redis_url="absent", database_url=encoded("mysql://db/rag"))).status is Status.FAILED


def test_string_data_is_laid_over_data() -> None:
    body = {**secret(jwt_secret=encoded("short")), "stringData": {"jwt-secret": "example-only-jwt-secret-of-forty-characters"}}
    assert judge("strong-jwt-secret", body).status is Status.PASSED


def test_bytes_without_a_value_come_from_a_cluster_as_null() -> None:
    assert found(judge("required-keys", secret(openai_api_key=None), kind="cluster")) == "nothing"


def test_sample_of_another_key_is_no_jwt_secret() -> None:
    assert judge("strong-jwt-secret", secret(jwt_secret=encoded("sk-test-key-1234567890"))).status is Status.FAILED


def test_without_a_workload_it_is_skipped_on_manifests_and_fails_on_a_cluster() -> None:
    assert judge("used-by-reference", SECRET).status is Status.SKIPPED
    assert "no Pod and no Deployment" in found(judge("used-by-reference", SECRET, kind="cluster"))


def test_a_reference_in_another_namespace_is_named() -> None:
    elsewhere = pod({"name": "DATABASE_URL", "valueFrom": REFERENCE}, namespace="default")
    assert found(judge("used-by-reference", SECRET, elsewhere)) == "`default`"


def test_pods_that_may_not_be_read_leave_it_unknown() -> None:
    verdict = judge("used-by-reference", SECRET, POD, kind="cluster", unreadable={"CronJob": "Could not list CronJob objects."})
    assert verdict.status is Status.UNKNOWN


def test_secrets_that_may_not_be_read_leave_all_unknown() -> None:
    snapshot = replace(Snapshot.of([POD], taken_at=NOON, kind="cluster"), unreadable={"Secret": "Could not list Secret objects."})
    assert {result.status for result in evaluate(LESSON, snapshot).results} == {Status.UNKNOWN}


def test_a_pod_that_is_refused_uses_nothing() -> None:
    problem = Problem("`valuefrom` is not a field.", path=("spec", "containers", 0, "env"), expected="a field", found="`valuefrom`")
    item = K8sObject.of(redact(POD), problems=(problem,))
    snapshot = Snapshot.of([redact(SECRET)], taken_at=NOON)
    report = evaluate(LESSON, replace(snapshot, objects=(*snapshot.objects, item)))
    (failing,) = [result for result in report.results if result.status is not Status.PASSED]
    assert (failing.objective.id, failing.verdict.evidence) == ("used-by-reference", replace(problem, object="Pod/reader").evidence())


@pytest.mark.parametrize(
    ("env", "status", "advice"),
    [
        pytest.param([{"name": "REDIS_URL", "value": ""}], Status.PASSED, "", id="empty"),
        pytest.param([{"name": "REDIS_URL", "value": None}], Status.PASSED, "", id="null"),
        pytest.param([{"name": "REDIS_URL", "value": 5}], Status.FAILED, "", id="number"),
        pytest.param([{"name": "redis_url", "value": "redis://r"}], Status.PASSED, "", id="another variable"),
        pytest.param([{"name": "PW", "valueFrom": REFERENCE}, {"name": "REDIS_URL", "value": "$(PW)"}], Status.PASSED, "", id="alias"),
        pytest.param([{"name": "PW", "value": "x"}, {"name": "REDIS_URL", "value": "$(PW)"}], Status.FAILED, "", id="alias of a text"),
        pytest.param([{"name": "REDIS_URL", "value": "$(PW)"}], Status.FAILED, "", id="alias of nothing"),
        pytest.param([{"name": "PW", "valueFrom": REFERENCE}, {"name": "REDIS_URL", "value": "$$(PW)"}], Status.FAILED, "", id="escaped"),
        pytest.param(
            [{"name": "PW", "valueFrom": REFERENCE}, {"name": "REDIS_URL", "value": "redis://:$(PW)@redis:6379/0"}],
            Status.PASSED,
            "keep the whole URL there",
            id="URL around a password by reference",
        ),
        pytest.param(
            [{"name": "HOST", "valueFrom": REFERENCE}, {"name": "REDIS_URL", "value": "redis://:pw@$(HOST)/0"}],
            Status.FAILED,
            "",
            id="URL with a password of its own",
        ),
        pytest.param(
            [{"name": "REDIS_URL", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
            Status.PASSED,
            "from a ConfigMap",
            id="from a ConfigMap",
        ),
    ],
)
def test_what_counts_as_a_value_of_its_own(env: list[dict[str, Any]], status: Status, advice: str) -> None:
    verdict = judge("used-by-reference", SECRET, pod({"name": "DATABASE_URL", "valueFrom": REFERENCE}, *env))
    assert verdict.status is status
    assert advice in " ".join(verdict.advice)
    assert bool(advice) is bool(verdict.advice)


@pytest.mark.parametrize(
    ("args", "status"),
    [
        pytest.param(["DATABASE_URL=postgres://u:p@h/d exec serve"], Status.FAILED, id="shell"),
        pytest.param(["--env", "JWT_SECRET='abc'"], Status.FAILED, id="quoted"),
        pytest.param(["DATABASE_URL=$OTHER serve"], Status.PASSED, id="from another variable"),
        pytest.param(['DATABASE_URL="${DATABASE_URL}?sslmode=require" serve'], Status.PASSED, id="from itself"),
        pytest.param(["test -n $DATABASE_URL"], Status.PASSED, id="read"),
        pytest.param(["MY_DATABASE_URL=x"], Status.PASSED, id="another variable"),
        pytest.param([5, None], Status.PASSED, id="no words"),
    ],
)
def test_command_lines(args: list[Any], status: Status) -> None:
    body = pod({"name": "DATABASE_URL", "valueFrom": REFERENCE}, args=args)
    assert judge("used-by-reference", SECRET, body).status is status


@pytest.mark.parametrize(
    "container",
    [
        pytest.param(
            {"env": [{"name": "X", "valueFrom": {"secretKeyRef": {**REFERENCE["secretKeyRef"], "optional": True}}}]}, id="optional"
        ),
        pytest.param({"env": [], "envFrom": [{"prefix": "RAG_", "secretRef": {"name": "rag-engine-secrets"}}]}, id="prefix"),
    ],
)
def test_other_ways_to_refer_to_it(container: dict[str, Any]) -> None:
    assert judge("used-by-reference", SECRET, pod(**container)).status is Status.PASSED


def test_evidence_and_advice_never_show_a_value() -> None:
    canary = "cAnArY-0123456789"
    variants = [
        secret(**{key.replace("-", "_"): value})
        for key in DATA
        for value in (canary, encoded(canary), encoded(canary + "\n"), encoded(f"{canary}://x"), [canary], {canary: 1})
    ]
    variants += [{**HEAD, "data": canary}, {**HEAD, "stringData": [canary]}, {**HEAD, canary: canary, "type": "Opaque"}]
    for body in variants:
        snapshot = Snapshot.of([redact(body), redact(pod({"name": "JWT_SECRET", "value": canary}))], taken_at=NOON)
        for result in evaluate(LESSON, snapshot).results:
            assert canary not in repr(result.verdict.evidence)
            assert canary not in repr(result.verdict.advice)


def test_commands_show_keys_and_sizes_only() -> None:
    verdict = judge("strong-jwt-secret", secret(jwt_secret=encoded("short")))
    assert verdict.evidence is not None
    assert verdict.evidence.command == "kubectl describe secret rag-engine-secrets -n rag-engine"


ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.sampled_from(["rag-engine-secrets", "$(X)"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(
                [
                    *("containers", "volumes", "env", "envFrom", "secretRef", "secretKeyRef", "valueFrom", "volumeMounts", "name", "key"),
                    *("secretName", "projected", "sources", "secret", "template", "spec", "command", "args", "value", "type", *DATA),
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
def test_no_shape_of_object_crashes_a_check(data: Any, text: Any, spec: Any, workload: str, kind: str) -> None:
    bodies = [
        {**HEAD, "data": data, "stringData": text},
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
def test_no_shape_of_a_container_crashes_a_check(env: Any, words: Any, volumes: Any) -> None:
    body = pod(args=words, envFrom=env, volumeMounts=volumes)
    body["spec"]["containers"][0]["env"] = env
    body["spec"]["volumes"] = volumes
    snapshot = Snapshot.of([redact(SECRET), redact(body)], taken_at=NOON)
    for objective in LESSON.objectives:
        assert isinstance(objective.check(snapshot), Verdict)
