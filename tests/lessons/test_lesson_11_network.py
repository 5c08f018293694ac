"""The network half of lesson 11: right answers in many forms, one fault at a time, and what the learner is told."""

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
from graders.lessons.lesson_11_network import NETWORK_OBJECTIVES
from graders.objective import Lesson
from graders.snapshot import Snapshot
from graders.sources.manifests import read_texts
from graders.verdict import Status, Verdict
from graders.workloads import WORKLOAD_KINDS
from tests.cases import exercise, read

LESSON = Lesson("lesson-11", "Security hardening", ("NetworkPolicy", "Namespace", *WORKLOAD_KINDS), NETWORK_OBJECTIVES)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAME = "kubernetes.io/metadata.name"
API, QDRANT = {"matchLabels": {"app": "rag-engine-api"}}, {"matchLabels": {"app": "qdrant"}}
ALL = tuple(objective.id for objective in NETWORK_OBJECTIVES)


def workload(kind: str, name: str, labels: Mapping[str, str], port: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i:1", "ports": [port]}], **spec}}
    metadata = {"name": name, "namespace": "rag-engine"}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


DEPLOYMENT = workload("Deployment", "rag-engine-api", {"app": "rag-engine-api"}, {"name": "http", "containerPort": 8000})


def policy(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "rag-engine"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def by_name(namespace: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {NAME: namespace}}}


FROM_INGRESS = {"from": [by_name("ingress-nginx")], "ports": [{"port": 8000}]}
TO_DNS = {"to": [by_name("kube-system")], "ports": [{"port": 53, "protocol": "UDP"}]}
TO_QDRANT = {"to": [{"podSelector": QDRANT}], "ports": [{"port": 6333}]}
TO_DATABASES = {"to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "ports": [{"port": 5432}, {"port": 6379}]}
DENY: dict[str, Any] = policy("default-deny", podSelector={}, policyTypes=["Ingress", "Egress"])
MINE: dict[str, Any] = policy(
    "api-network-policy",
    podSelector=API,
    policyTypes=["Ingress", "Egress"],
    ingress=[FROM_INGRESS],
    egress=[TO_DNS, TO_QDRANT, TO_DATABASES],
)
AT_QDRANT: dict[str, Any] = policy("qdrant", podSelector=QDRANT, ingress=[{"from": [{"podSelector": API}], "ports": [{"port": 6333}]}])
RIGHT = (DEPLOYMENT, DENY, MINE, AT_QDRANT)


def mine(**spec: Any) -> tuple[dict[str, Any], ...]:
    """The right answer, but for these fields of the API's policy."""
    return (DEPLOYMENT, DENY, {**MINE, "spec": {**MINE["spec"], **spec}}, AT_QDRANT)


def incoming(*peers: Any) -> tuple[dict[str, Any], ...]:
    """The right answer, with other peers at the API's port."""
    return mine(ingress=[{"from": list(peers), "ports": [{"port": 8000}]}])


def deny(*policies: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return (DEPLOYMENT, *policies, MINE, AT_QDRANT)


def namespace(name: str, /, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {NAME: name, **labels}}}


def judge(*bodies: dict[str, Any], kind: str = "manifests", unreadable: Mapping[str, str] = MappingProxyType({})) -> dict[str, Verdict]:
    snapshot = replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), unreadable=unreadable)
    return {result.objective.id: result.verdict for result in evaluate(LESSON, snapshot).results}


def statuses(verdicts: dict[str, Verdict]) -> set[Status]:
    return {verdict.status for verdict in verdicts.values()}


# Right answers


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param(RIGHT, id="as taught"),
        pytest.param(deny(policy("d", podSelector=None, policyTypes=["Egress", "Ingress"], ingress=[], egress=None)), id="empty rules"),
        pytest.param(deny(policy("i", podSelector={}), policy("e", policyTypes=["Egress"])), id="one policy for each direction"),
        pytest.param(
            deny(policy("d", podSelector={"matchLabels": {}, "matchExpressions": []}, policyTypes=["Ingress", "Egress"])), id="{}"
        ),
        pytest.param(mine(policyTypes=None), id="types left out"),
        pytest.param(mine(ingress=[{**FROM_INGRESS, "ports": [{"port": "http"}]}]), id="named port"),
        pytest.param(mine(ingress=[{**FROM_INGRESS, "ports": [{"port": 7000, "endPort": 9000}]}]), id="range of ports"),
        pytest.param(mine(ingress=[{"from": [by_name("ingress-nginx")]}]), id="all ports of the right namespace"),
        pytest.param(
            incoming({**by_name("ingress-nginx"), "podSelector": {"matchLabels": {"app.kubernetes.io/name": "ingress-nginx"}}}),
            id="the controller's Pods only",
        ),
        pytest.param(
            incoming(
                {"namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "In", "values": ["ingress-nginx", "monitoring"]}]}}
            ),
            id="expression",
        ),
        pytest.param(
            mine(
                egress=[
                    TO_QDRANT,
                    TO_DATABASES,
                    {**TO_DNS, "to": [{**by_name("kube-system"), "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]},
                ]
            ),
            id="DNS Pods only",
        ),
        pytest.param(mine(egress=[TO_QDRANT, TO_DATABASES, {**TO_DNS, "to": None}]), id="DNS anywhere"),
        pytest.param(
            mine(egress=[TO_QDRANT, TO_DATABASES, {**TO_DNS, "ports": [{"port": "dns", "protocol": "UDP"}]}]), id="DNS by its name"
        ),
        pytest.param(mine(egress=[TO_DNS, {"ports": [{"port": port} for port in (6333, 5432, 6379)]}]), id="ports alone"),
        pytest.param(mine(egress=[TO_DNS, {"to": [{"podSelector": {}}]}]), id="everything in the namespace"),
        pytest.param((*mine(egress=None), policy("out", podSelector=API, egress=MINE["spec"]["egress"])), id="egress in another policy"),
        pytest.param(
            (*RIGHT, policy("others", podSelector={"matchLabels": {"app": "web"}}, ingress=[{}], egress=[{}])), id="others' are open"
        ),
        pytest.param(
            (*RIGHT, {**policy("else", podSelector={}, ingress=[{}]), "metadata": {"name": "else", "namespace": "x"}}), id="elsewhere"
        ),
        pytest.param(
            (*incoming({"namespaceSelector": {"matchLabels": {"name": "i"}}}), namespace("ingress-nginx", name="i")), id="its labels"
        ),
        pytest.param(
            (
                *mine(egress=[TO_DNS, TO_DATABASES, {**TO_QDRANT, "ports": [{"port": "rest"}]}]),
                workload("StatefulSet", "qdrant", {"app": "qdrant"}, {"name": "rest", "containerPort": 6333}),
            ),
            id="Qdrant's port by its name",
        ),
        pytest.param(
            (
                *mine(egress=[TO_DNS, TO_QDRANT, {"ports": [{"port": 6379}, {"port": "pg"}]}]),
                workload("StatefulSet", "postgres", {"app": "postgres"}, {"name": "pg", "containerPort": 5432}),
            ),
            id="a database's port by its name",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_right_answers_pass_without_advice(bodies: tuple[dict[str, Any], ...], kind: str) -> None:
    live = [namespace(name) for name in ("default", "kube-system", "rag-engine")] if kind == "cluster" else []
    verdicts = judge(*live, *bodies, kind=kind)
    assert statuses(verdicts) == {Status.PASSED}, verdicts
    assert not [verdict.advice for verdict in verdicts.values() if verdict.advice]


# One fault at a time


@pytest.mark.parametrize(
    ("objective", "bodies", "path", "found"),
    [
        pytest.param("default-deny", (DEPLOYMENT,), None, "no NetworkPolicy", id="no policy"),
        pytest.param(
            "default-deny", deny(), "spec.podSelector", "`api-network-policy` comes closest, with a selector", id="only the API's"
        ),
        pytest.param("default-deny", deny(policy("d", podSelector={})), "spec.policyTypes", "no `policyTypes`", id="types left out"),
        pytest.param("default-deny", deny(policy("d", policyTypes=["Ingress"])), "spec.policyTypes", "[Ingress]", id="ingress only"),
        pytest.param("default-deny", deny(policy("d", policyTypes=["Egress"])), "spec.policyTypes", "[Egress]", id="egress only"),
        pytest.param(
            "default-deny",
            deny(policy("d", egress=[TO_DNS], policyTypes=["Ingress", "Egress"])),
            "spec.egress",
            "egress rules",
            id="DNS in it",
        ),
        pytest.param(
            "default-deny",
            deny(policy("d", egress=[{}], ingress=[{}])),
            "spec.ingress",
            "`d` comes closest, with ingress rules",
            id="allows all",
        ),
        pytest.param(
            "default-deny",
            deny(policy("d", podSelector={"matchExpressions": [{"key": "app", "operator": "Exists"}]}, policyTypes=["Ingress", "Egress"])),
            "spec.podSelector",
            "does not take in every Pod",
            id="only labelled Pods",
        ),
        pytest.param("default-deny", (DEPLOYMENT, {**DENY, "apiVersion": "extensions/v1beta1"}), "apiVersion", "v1beta1", id="old version"),
        pytest.param(
            "default-deny", (DEPLOYMENT, {**DENY, "metadata": {"name": "d", "namespace": "x"}}), None, "namespace `x` only", id="elsewhere"
        ),
        pytest.param(
            "api-from-ingress", mine(ingress=[]), "spec.ingress", "no policy lets ingress from the ingress controller", id="no rule"
        ),
        pytest.param(
            "api-from-ingress",
            mine(ingress=[{**FROM_INGRESS, "ports": [{"port": 80}]}]),
            "spec.ingress",
            "on TCP 8000",
            id="the Service's port",
        ),
        pytest.param(
            "api-from-ingress",
            mine(ingress=[{**FROM_INGRESS, "ports": [{"port": 8000, "protocol": "UDP"}]}]),
            "spec.ingress",
            "TCP",
            id="UDP",
        ),
        pytest.param(
            "api-from-ingress", mine(ingress=[{**FROM_INGRESS, "ports": [{"port": "web"}]}]), "spec.ingress", "TCP", id="no such name"
        ),
        pytest.param("api-from-ingress", incoming(by_name("ingress")), "spec.ingress", "`ingress-nginx`", id="another namespace"),
        pytest.param(
            "api-from-ingress",
            incoming({**by_name("ingress-nginx"), "podSelector": API}),
            "spec.ingress",
            "no policy lets",
            id="its own Pods, in the controller's namespace",
        ),
        pytest.param(
            "api-from-ingress",
            (*mine(ingress=None), policy("in", podSelector={"matchLabels": {"app": "api"}}, ingress=[FROM_INGRESS])),
            "spec.podSelector",
            "`in` would, but it does not select the Pod",
            id="a rule for other Pods",
        ),
        pytest.param(
            "api-from-ingress",
            mine(policyTypes=["Egress"]),
            "spec.policyTypes",
            "`api-network-policy` would, had it `Ingress` among its `policyTypes`",
            id="a rule for a direction that is not restricted",
        ),
        pytest.param(
            "api-from-ingress",
            incoming({"ipBlock": {"cidr": "10.0.0.0/8"}}),
            "spec.ingress[0]",
            "up to the network plugin",
            id="by address",
        ),
        pytest.param("api-from-nowhere-else", mine(ingress=[{"ports": [{"port": 8000}]}]), "spec.ingress[0]", "`default`", id="no peers"),
        pytest.param("api-from-nowhere-else", incoming(), "spec.ingress[0]", "`default`", id="an empty list of peers"),
        pytest.param("api-from-nowhere-else", incoming({"namespaceSelector": {}}), "spec.ingress[0]", "`default`", id="every namespace"),
        pytest.param(
            "api-from-nowhere-else",
            incoming(by_name("ingress-nginx"), {"podSelector": {}}),
            "spec.ingress[0]",
            "`rag-engine`",
            id="neighbours",
        ),
        pytest.param(
            "api-from-nowhere-else",
            incoming(by_name("ingress-nginx"), {"namespaceSelector": {"matchLabels": {"environment": "production"}}}),
            "spec.ingress[0]",
            "`rag-engine`",
            id="a label that the own namespace has from lesson 1",
        ),
        pytest.param(
            "api-from-nowhere-else",
            incoming({"namespaceSelector": {"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["rag-engine"]}]}}),
            "spec.ingress[0]",
            "`default`",
            id="every other namespace",
        ),
        pytest.param(
            "api-from-nowhere-else",
            (*RIGHT, policy("more", podSelector={}, ingress=[{}])),
            "spec.ingress[0]",
            "`more`, rule 1",
            id="another policy",
        ),
        pytest.param(
            "api-from-nowhere-else",
            incoming(by_name("ingress-nginx"), {"ipBlock": {"cidr": "0.0.0.0/0"}}),
            "spec.ingress[0]",
            "from 203.0.113.10",
            id="every address",
        ),
        pytest.param("dns-allowed", mine(egress=[TO_QDRANT, TO_DATABASES]), "spec.egress", "on UDP 53", id="no rule"),
        pytest.param(
            "dns-allowed",
            mine(egress=[TO_QDRANT, TO_DATABASES, {**TO_DNS, "ports": [{"port": 53}]}]),
            "spec.egress",
            "on UDP 53",
            id="TCP only",
        ),
        pytest.param(
            "dns-allowed",
            mine(egress=[TO_QDRANT, TO_DATABASES, {**TO_DNS, "to": [{"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]}]),
            "spec.egress",
            "on UDP 53",
            id="DNS Pods of its own namespace",
        ),
        pytest.param(
            "dns-allowed",
            mine(egress=[TO_QDRANT, TO_DATABASES, {**TO_DNS, "to": [{"ipBlock": {"cidr": "10.96.0.10/32"}}]}]),
            "spec.egress[2]",
            "up to the network plugin",
            id="the Service's address",
        ),
        pytest.param(
            "dns-allowed", mine(egress=[TO_QDRANT, TO_DATABASES, {**TO_DNS, "to": [by_name("default")]}]), "spec.egress", "", id="default"
        ),
        pytest.param("backends-allowed", mine(egress=[TO_DNS, TO_DATABASES]), "spec.egress", "on TCP 6333", id="not Qdrant"),
        pytest.param("backends-allowed", mine(egress=[TO_DNS, TO_QDRANT]), "spec.egress", "on TCP 5432", id="no databases"),
        pytest.param(
            "backends-allowed",
            mine(egress=[TO_DNS, TO_QDRANT, {**TO_DATABASES, "ports": [{"port": 5432}]}]),
            "spec.egress",
            "on TCP 6379",
            id="not Redis",
        ),
        pytest.param(
            "backends-allowed",
            mine(egress=[TO_DNS, TO_DATABASES, {**TO_QDRANT, "to": [{"podSelector": {"matchLabels": {"app": "quadrant"}}}]}]),
            "spec.egress",
            "`app: qdrant`",
            id="typing mistake",
        ),
        pytest.param("backends-allowed", RIGHT[:3], "spec.podSelector", "only policies on all Pods select it", id="Qdrant lets nobody in"),
        pytest.param(
            "backends-allowed",
            (*RIGHT[:3], policy("qdrant", podSelector=QDRANT, ingress=[{"from": [{"podSelector": QDRANT}]}])),
            "spec.ingress",
            "reach it",
            id="Qdrant lets itself in",
        ),
        pytest.param(
            "backends-allowed",
            mine(egress=[TO_DNS, TO_DATABASES, {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 6333}]}]),
            "spec.egress[2]",
            "up to the network plugin",
            id="Qdrant by address",
        ),
        pytest.param("no-open-egress", mine(egress=[*MINE["spec"]["egress"], {}]), "spec.egress[3]", "rule 4", id="a rule for everything"),
        pytest.param(
            "no-open-egress",
            mine(egress=[TO_DNS, TO_QDRANT, TO_DATABASES, {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}]),
            "spec.egress[3]",
            "egress to 203.0.113.10 on TCP 80 is allowed",
            id="all of the internet",
        ),
        pytest.param(
            "no-open-egress", mine(egress=[*MINE["spec"]["egress"], {"ports": [{"port": 80}]}]), "spec.egress[3]", "TCP 80", id="a port"
        ),
        pytest.param(
            "no-open-egress", mine(egress=[{"ports": [{}, {"protocol": "UDP"}]}, TO_DNS]), "spec.egress[0]", "TCP 80", id="all of TCP"
        ),
        pytest.param(
            "no-open-egress",
            (*RIGHT, policy("out", podSelector=API, egress=[{"to": []}])),
            "spec.egress[0]",
            "`out`, rule 1",
            id="another policy",
        ),
    ],
)
def test_one_fault_fails_one_objective(objective: str, bodies: tuple[dict[str, Any], ...], path: str | None, found: str) -> None:
    verdicts = judge(*bodies)
    failing = {key for key, verdict in verdicts.items() if verdict.status not in (Status.PASSED, Status.BLOCKED)}
    assert failing == {objective}
    evidence = verdicts[objective].evidence
    assert evidence is not None
    assert evidence.path == path
    assert found in evidence.found


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ("fail-api-from-ingress-port-out-of-range", "spec.ingress[0].ports[0].port"),
        ("fail-api-from-ingress-port-as-text", "spec.ingress[0].ports[0].port"),
        ("fail-dns-allowed-protocol-in-lower-case", "spec.egress[0].ports[0].protocol"),
        ("fail-backends-allowed-end-before-start", "spec.egress[2].ports[0].endPort"),
        ("fail-backends-allowed-block-without-length", "spec.egress[2].to[0].ipBlock.cidr"),
    ],
)
def test_part_of_a_rule_that_the_api_server_refuses_is_named(case: str, path: str) -> None:
    file = exercise("lesson-11") / "cases" / f"{case}.yaml"
    results = {result.objective.id: result.verdict.evidence for result in evaluate(LESSON, read([file])).results}
    (evidence,) = (evidence for evidence in results.values() if evidence is not None)
    assert (evidence.path, evidence.file is not None, evidence.line is not None) == (path, True, True)


# What cannot be known from the manifests


def test_label_of_a_namespace_that_nobody_showed_passes_with_advice() -> None:
    guide = mine(
        ingress=[{**FROM_INGRESS, "from": [{"namespaceSelector": {"matchLabels": {"name": "ingress-nginx"}}}]}],
        egress=[TO_QDRANT, TO_DATABASES, {**TO_DNS, "to": [{"namespaceSelector": {"matchLabels": {"name": "kube-system"}}}]}],
    )
    verdicts = judge(*guide)
    assert statuses(verdicts) == {Status.PASSED}
    advised = {key: verdict.advice for key, verdict in verdicts.items() if verdict.advice}
    assert set(advised) == {"api-from-ingress", "dns-allowed"}
    assert "`kubernetes.io/metadata.name: ingress-nginx` is there by itself" in advised["api-from-ingress"][0]

    shown = judge(*guide, namespace("ingress-nginx"), namespace("kube-system", name="kube-system"))
    assert shown["api-from-ingress"].status is Status.FAILED
    assert shown["dns-allowed"] == Verdict(Status.PASSED)

    live = judge(*guide, namespace("kube-system", name="kube-system"), kind="cluster")["api-from-ingress"]
    assert live.evidence is not None
    assert "there is no namespace `ingress-nginx` with the labels" in live.evidence.found

    denied = judge(*guide, kind="cluster", unreadable={"Namespace": "Could not list Namespace objects."})
    assert denied["api-from-ingress"] == Verdict(Status.UNKNOWN, reason="Could not list Namespace objects.")
    assert denied["no-open-egress"].status is Status.PASSED


def test_namespaces_that_may_not_be_read_do_not_matter_where_names_decide() -> None:
    assert statuses(judge(*RIGHT, kind="cluster", unreadable={"Namespace": "Could not list Namespace objects."})) == {Status.PASSED}


def test_who_else_comes_in_is_unknown_where_labels_may_not_be_read() -> None:
    bodies = incoming(by_name("ingress-nginx"), {"namespaceSelector": {"matchLabels": {"team": "web"}}})
    denied = judge(*bodies, kind="cluster", unreadable={"Namespace": "Could not list Namespace objects."})
    assert denied["api-from-nowhere-else"].status is Status.UNKNOWN
    assert judge(*bodies)["api-from-nowhere-else"].status is Status.PASSED
    assert judge(*bodies, namespace("default", team="web"))["api-from-nowhere-else"].status is Status.FAILED


def test_block_of_private_addresses_passes_with_advice() -> None:
    verdict = judge(*incoming(by_name("ingress-nginx"), {"ipBlock": {"cidr": "10.0.0.0/8"}}))["api-from-nowhere-else"]
    assert verdict.status is Status.PASSED
    assert "depends on the network plugin" in verdict.advice[0]


def test_api_in_the_network_of_its_node_is_not_certain() -> None:
    host = workload("Deployment", "rag-engine-api", {"app": "rag-engine-api"}, {"containerPort": 8000}, hostNetwork=True)
    verdicts = judge(host, *RIGHT[1:])
    assert "depends on the network plugin" in verdicts["no-open-egress"].advice[0]
    closed = judge(host, DENY)["api-from-ingress"]
    assert closed.evidence is not None
    assert "refused depends on the network plugin" in closed.evidence.found


def test_named_port_of_a_database_that_was_not_submitted_is_skipped_on_manifests_and_fails_on_a_cluster() -> None:
    bodies = mine(egress=[TO_DNS, TO_QDRANT, {"ports": [{"port": 6379}, {"port": "postgres"}]}])
    verdict = judge(*bodies)["backends-allowed"]
    assert verdict.status is Status.SKIPPED
    assert verdict.reason is not None
    assert "names that port `postgres`" in verdict.reason
    assert judge(*bodies, kind="cluster")["backends-allowed"].status is Status.FAILED


def test_what_fails_is_told_before_what_cannot_be_judged() -> None:
    bodies = mine(egress=[TO_DNS, {"to": [by_name("data")], "ports": [{"port": "redis"}, {"port": "postgres"}]}])
    verdict = judge(*bodies)["backends-allowed"]
    assert verdict.evidence is not None
    assert "`app: qdrant`" in verdict.evidence.expected


def test_missing_rule_is_shown_in_the_policy_that_has_rules() -> None:
    first = policy("a-first", podSelector=API, policyTypes=["Ingress", "Egress"])
    verdict = judge(first, *incoming(by_name("ingress")))["api-from-ingress"]
    assert verdict.evidence is not None
    assert verdict.evidence.object == "NetworkPolicy/api-network-policy"


def test_any_of_several_workloads_may_be_qdrant() -> None:
    backup = workload("StatefulSet", "a-backup", {"app": "qdrant", "role": "backup"}, {"containerPort": 1})
    server = workload("StatefulSet", "qdrant", {"app": "qdrant", "role": "server"}, {"containerPort": 6333})
    selector = {"matchLabels": {"app": "qdrant", "role": "server"}}
    bodies = mine(egress=[TO_DNS, TO_DATABASES, {**TO_QDRANT, "to": [{"podSelector": selector}]}])
    assert judge(*bodies, backup, server)["backends-allowed"].status is Status.PASSED
    assert judge(*bodies, backup)["backends-allowed"].status is Status.FAILED


@pytest.mark.parametrize("objective", ALL[1:])
def test_without_the_deployment_it_is_skipped_on_manifests_and_fails_on_a_cluster(objective: str) -> None:
    assert judge(*RIGHT[1:])[objective].status is Status.SKIPPED
    assert judge(*RIGHT[1:], kind="cluster")[objective].status is Status.FAILED


def test_without_a_default_deny_the_rest_waits_for_it() -> None:
    assert {verdict.status for key, verdict in judge(DEPLOYMENT).items() if key != "default-deny"} == {Status.BLOCKED}


def test_policies_that_may_not_be_read_leave_all_unknown() -> None:
    denied = {"NetworkPolicy": "Could not list NetworkPolicy objects."}
    assert statuses(judge(DEPLOYMENT, kind="cluster", unreadable=denied)) == {Status.UNKNOWN}


def test_policy_that_names_no_namespace_counts_with_advice() -> None:
    verdict = judge(DEPLOYMENT, {**DENY, "metadata": {"name": "default-deny"}}, *RIGHT[2:])["default-deny"]
    assert verdict.status is Status.PASSED
    assert "names no namespace" in verdict.advice[0]


# What the API server rejects

YAML = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: more
  namespace: rag-engine
spec:
  podSelector:
    matchLabels:
      app: rag-engine-api
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - podSelector: {}
          namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: monitoring
      ports:
        - port: 9090
          protocol: TCP
  egress:
    - ports:
        - port: 443
          protocol: TCP
    - ports:
        - port: 123
          protocol: UDP
"""


@pytest.mark.parametrize(
    ("old", "new", "objective"),
    [
        pytest.param("policyTypes: [Ingress, Egress]", "policyTypes: [ingress, egress]", "default-deny", id="types in lower case"),
        pytest.param("  podSelector:\n", "  podSelectors:\n", "default-deny", id="misspelt selector"),
        pytest.param("- port: 9090", "- port: 99999", "api-from-ingress", id="port out of range"),
        pytest.param("- podSelector: {}\n", "- podSelectr: {}\n", "api-from-ingress", id="misspelt peer"),
        pytest.param("- port: 443\n", "- port: 0\n", "backends-allowed", id="port 0"),
        pytest.param("protocol: UDP", "protocol: udp", "dns-allowed", id="protocol in lower case"),
        pytest.param("- port: 123\n", '- port: "123"\n', "dns-allowed", id="a number in quotes"),
    ],
)
def test_rejected_place_fails_one_objective(old: str, new: str, objective: str) -> None:
    snapshot = read_texts([("more.yaml", YAML.replace(old, new).encode())], namespace="rag-engine", taken_at=NOON)
    assert snapshot.objects[0].problems
    base = Snapshot.of(RIGHT, taken_at=NOON)
    report = evaluate(LESSON, replace(base, objects=base.objects + snapshot.objects))
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [objective]


# Any shape

odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["app", "In", "Egress", "0.0.0.0/0", "http"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["podSelector", "ipBlock", "cidr", "from", "to", "ports", "port", "matchLabels", "app"]), inner)
    ),
    max_leaves=10,
)


@settings(max_examples=200)
@given(st.sampled_from(["podSelector", "policyTypes", "ingress", "egress"]), odd, st.sampled_from(["manifests", "cluster"]))
def test_no_shape_of_policy_breaks_a_check(field: str, value: Any, kind: str) -> None:
    changed = deepcopy(MINE)
    changed["spec"][field] = value
    bodies = (DEPLOYMENT, DENY, changed, AT_QDRANT, {**changed, "metadata": value}, {**changed, "spec": value})
    assert Status.UNKNOWN not in statuses(judge(*bodies, kind=kind))
