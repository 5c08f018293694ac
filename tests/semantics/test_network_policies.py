"""Who may talk to whom: every rule of the documentation by example, then generated policies held against a model of sets and worlds."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.network_policies import (
    Decision,
    Direction,
    Doubt,
    Endpoint,
    NamedPort,
    Policies,
    decide,
    egress,
    ingress,
    some_destination,
)
from graders.snapshot import freeze
from tests.api import Api

API, DB, NONE = {"app": "api"}, {"app": "db"}, dict[str, str]()
SPEC = {
    "containers": [
        {"name": "api", "ports": [{"name": "http", "containerPort": 8000}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]}
    ],
    "initContainers": [
        {"name": "proxy", "restartPolicy": "Always", "ports": [{"name": "metrics", "containerPort": 9090}]},
        {"name": "setup", "ports": [{"name": "setup", "containerPort": 1}]},
    ],
}
POD = Endpoint.pod("n", API, SPEC)


def policy(name: str = "p", namespace: str = "n", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": {}, **spec}}


def address(text: str) -> Endpoint:
    return Endpoint(address=text)


def lets_in(rule: Any, source: Endpoint, port: int = 8000, protocol: str = "TCP", to: Endpoint = POD, **namespaces: Any) -> bool | None:
    """Whether one ingress rule lets `source` reach the Pod."""
    policies = Policies.of([policy(ingress=[rule])], namespaces)
    return ingress(policies, source, to, port, protocol).allowed


def lets_out(rule: Any, destination: Endpoint, port: int = 80, protocol: str = "TCP", **namespaces: Any) -> bool | None:
    policies = Policies.of([policy(egress=[rule], policyTypes=["Egress"])], namespaces)
    return egress(policies, POD, destination, port, protocol).allowed


# Isolation


@pytest.mark.parametrize(
    ("spec", "restricted"),
    [
        pytest.param({}, "Ingress", id="nothing said: ingress"),
        pytest.param({"policyTypes": None}, "Ingress", id="null is nothing said"),
        pytest.param({"policyTypes": []}, "Ingress", id="and so is an empty list"),
        pytest.param({"egress": [{}]}, "Ingress Egress", id="with egress rules: both"),
        pytest.param({"egress": [None]}, "Ingress Egress", id="a null rule is a rule"),
        pytest.param({"egress": []}, "Ingress", id="an empty list of egress rules says nothing"),
        pytest.param({"ingress": [{}]}, "Ingress", id="with ingress rules: ingress"),
        pytest.param({"policyTypes": ["Egress"]}, "Egress", id="egress only"),
        pytest.param({"policyTypes": ["Egress"], "ingress": [{}]}, "Egress", id="egress only, beside ingress rules"),
        pytest.param({"policyTypes": ["Ingress"], "egress": [{}]}, "Ingress", id="ingress only, beside egress rules"),
        pytest.param({"policyTypes": ["Ingress", "Egress"]}, "Ingress Egress", id="both"),
        pytest.param({"policyTypes": ["ingress"]}, "", id="letters count"),
        pytest.param({"policyTypes": "Ingress"}, "", id="text is no list"),
        pytest.param({"podSelector": None}, "Ingress", id="no selector selects all Pods"),
        pytest.param({"podSelector": {"matchLabels": API}}, "Ingress", id="a selector that matches"),
        pytest.param({"podSelector": {"matchLabels": DB}}, "", id="a selector that does not"),
        pytest.param(
            {"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}}, "Ingress", id="expression"
        ),
        pytest.param({"podSelector": "app=api"}, "", id="text for a selector"),
    ],
)
def test_what_a_policy_restricts(spec: dict[str, Any], restricted: str) -> None:
    policies = Policies.of([policy(**spec)])
    assert " ".join(direction for direction in Direction if policies.isolating(POD, direction)) == restricted


@pytest.mark.parametrize(
    ("body", "restricts"),
    [
        pytest.param(policy(), True, id="of the same namespace"),
        pytest.param(policy(namespace="other"), False, id="of another namespace"),
        pytest.param({**policy(), "metadata": {"name": "p"}}, True, id="of none, which is the default one"),
        pytest.param({**policy(), "spec": None}, True, id="without a spec: all Pods"),
        pytest.param({**policy(), "spec": "x"}, False, id="text for a spec"),
        pytest.param({**policy(), "apiVersion": "extensions/v1beta1"}, False, id="of a version that is not served"),
        pytest.param({**policy(), "apiVersion": "crd.projectcalico.org/v1"}, False, id="of another maker"),
        pytest.param({**policy(), "kind": "Ingress"}, False, id="of another kind"),
    ],
)
def test_which_objects_count(body: dict[str, Any], restricts: bool) -> None:
    policies = Policies.of([body], default_namespace="n")
    assert bool(policies.isolating(POD, Direction.INGRESS)) is restricts


def test_of_two_policies_with_one_name_the_last_counts() -> None:
    closed, opened = policy(), policy(ingress=[{}])
    assert ingress(Policies.of([closed, opened]), address("10.0.0.1"), POD, 80).allowed is True
    assert ingress(Policies.of([opened, closed]), address("10.0.0.1"), POD, 80).allowed is False


def test_policies_without_a_name_are_all_kept() -> None:
    nameless = [{**body, "metadata": {"generateName": "p-", "namespace": "n"}} for body in (policy(ingress=[{}]), policy())]
    assert ingress(Policies.of(nameless), address("10.0.0.1"), POD, 80).allowed is True


def test_without_a_policy_everything_is_allowed() -> None:
    decision = decide(Policies.of([]), POD, address("203.0.113.10"), 80)
    assert decision.allowed is True
    assert decision.isolating == ()
    assert "no policy restricts the egress of a Pod with `app: api` in namespace `n`" in decision.reasons[0]


@pytest.mark.parametrize("rules", [{}, {"ingress": None, "egress": None}, {"ingress": [], "egress": []}], ids=["none", "null", "empty"])
def test_no_rules_allow_nothing(rules: dict[str, Any]) -> None:
    policies = Policies.of([policy(policyTypes=["Ingress", "Egress"], **rules)])
    assert ingress(policies, Endpoint.pod("n"), POD, 8000).allowed is False
    assert egress(policies, POD, address("10.0.0.1"), 80).allowed is False


def test_policies_add_up() -> None:
    first = policy("first", ingress=[{"from": [{"podSelector": {"matchLabels": API}}]}])
    second = policy("second", ingress=[{"from": [{"podSelector": {"matchLabels": DB}}]}])
    policies = Policies.of([policy("deny"), first, second])
    answers = [ingress(policies, Endpoint.pod("n", labels), POD, 80) for labels in (API, DB, NONE)]
    assert [answer.allowed for answer in answers] == [True, True, False]
    assert [[str(rule) for rule in answer.rules] for answer in answers] == [["`first`, rule 1"], ["`second`, rule 1"], []]
    assert answers[2].isolating == ("deny", "first", "second")


# Peers


SOURCES = {
    "api here": Endpoint.pod("n", API),
    "db here": Endpoint.pod("n", DB),
    "bare here": Endpoint.pod("n"),
    "api there": Endpoint.pod("other", API),
    "bare there": Endpoint.pod("other"),
    "10.0.0.1": address("10.0.0.1"),
}
PODS, NAMESPACE = {"podSelector": {"matchLabels": API}}, {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        pytest.param({}, "api here, db here, bare here, api there, bare there, 10.0.0.1", id="an empty rule: all"),
        pytest.param(None, "api here, db here, bare here, api there, bare there, 10.0.0.1", id="a null rule: all"),
        pytest.param({"from": None}, "api here, db here, bare here, api there, bare there, 10.0.0.1", id="null peers: all"),
        pytest.param({"from": []}, "api here, db here, bare here, api there, bare there, 10.0.0.1", id="an empty list of peers: all"),
        pytest.param({"from": [{"podSelector": {}}]}, "api here, db here, bare here", id="empty podSelector: all of this namespace"),
        pytest.param(
            {"from": [{"podSelector": None, "namespaceSelector": {}}]}, "api here, db here, bare here, api there, bare there", id="null"
        ),
        pytest.param({"from": [{"namespaceSelector": {}}]}, "api here, db here, bare here, api there, bare there", id="all namespaces"),
        pytest.param({"from": [PODS]}, "api here", id="podSelector is about the policy's namespace"),
        pytest.param({"from": [NAMESPACE]}, "api there, bare there", id="namespaceSelector: all Pods there"),
        pytest.param({"from": [{**PODS, **NAMESPACE}]}, "api there", id="both in one peer: and"),
        pytest.param({"from": [PODS, NAMESPACE]}, "api here, api there, bare there", id="in two peers: or"),
        pytest.param({"from": [{**PODS, "namespaceSelector": {}}]}, "api here, api there", id="those Pods of any namespace"),
        pytest.param(
            {"from": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}}]}, "bare here", id="expression"
        ),
        pytest.param({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 1}]}, "", id="the port must fit as well"),
        pytest.param({"from": [{}]}, "", id="an empty peer, which is rejected"),
        pytest.param({"from": [None]}, "", id="a null peer, which is rejected"),
        pytest.param({"from": ["app=api"]}, "", id="text for a peer"),
        pytest.param({"from": {"podSelector": {}}}, "", id="a map for the list"),
        pytest.param(
            {"from": [{"podSelector": {}, "ipBlock": {"cidr": "0.0.0.0/0"}}]}, "", id="ipBlock beside a selector, which is rejected"
        ),
        pytest.param({"to": [PODS]}, "api here, db here, bare here, api there, bare there, 10.0.0.1", id="`to` is nothing to ingress"),
        pytest.param("all", "", id="text for a rule"),
    ],
)
def test_peers_of_an_ingress_rule(rule: Any, allowed: str) -> None:
    assert ", ".join(name for name, source in SOURCES.items() if lets_in(rule, source)) == allowed


def test_egress_has_its_peers_under_to() -> None:
    assert lets_out({"to": [PODS]}, Endpoint.pod("n", API)) is True
    assert lets_out({"to": [PODS]}, Endpoint.pod("n", DB)) is False
    assert lets_out({"from": [PODS]}, Endpoint.pod("n", DB)) is True


@pytest.mark.parametrize(
    ("block", "inside", "outside"),
    [
        pytest.param({"cidr": "10.0.0.0/8"}, "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0 fd00::1", id="IPv4"),
        pytest.param({"cidr": "10.0.0.7/32"}, "10.0.0.7", "10.0.0.6 10.0.0.8", id="one address"),
        pytest.param({"cidr": "0.0.0.0/0"}, "0.0.0.0 203.0.113.10 255.255.255.255", "::1", id="all of IPv4, none of IPv6"),
        pytest.param({"cidr": "::/0"}, "::1 2001:db8::1", "203.0.113.10", id="all of IPv6"),
        pytest.param({"cidr": "fd00::/64"}, "fd00::1 fd00::ffff:0:0:1", "fd00:0:0:1::1", id="IPv6"),
        pytest.param({"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}, "10.0.0.1 10.2.0.0", "10.1.0.0 10.1.255.255", id="except"),
        pytest.param({"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}, "10.3.0.0", "10.1.2.3 10.2.3.4", id="two of them"),
        pytest.param({"cidr": "::/0", "except": ["fc00::/7"]}, "2001:db8::1", "fd00::1", id="except in IPv6"),
        pytest.param({"cidr": "10.0.0.0/8", "except": []}, "10.0.0.1", "11.0.0.1", id="an empty except"),
        pytest.param({"cidr": "10.0.0.0/8", "except": None}, "10.0.0.1", "11.0.0.1", id="a null except"),
        pytest.param({"cidr": "10.9.8.7/8"}, "10.0.0.1", "11.0.0.1", id="bits beyond the prefix, as older servers took it"),
        pytest.param({"cidr": "10.0.0.1"}, "", "10.0.0.1", id="an address without its prefix"),
        pytest.param({"cidr": "10.0.0.0/255.0.0.0"}, "", "10.0.0.1", id="a netmask"),
        pytest.param({"cidr": "10.0.0.0/33"}, "", "10.0.0.1", id="a prefix too long"),
        pytest.param({"cidr": "example.org/8"}, "", "10.0.0.1", id="a name"),
        pytest.param({"cidr": 10}, "", "10.0.0.1", id="a number"),
        pytest.param({"cidr": "10.0.0.0/8", "except": ["x"]}, "", "10.0.0.1", id="an except that is none"),
        pytest.param({"cidr": "10.0.0.0/8", "except": "10.1.0.0/16"}, "", "10.0.0.1", id="text for the list"),
        pytest.param({}, "", "10.0.0.1", id="no cidr"),
        pytest.param("10.0.0.0/8", "", "10.0.0.1", id="text for the block"),
    ],
)
def test_ip_block(block: Any, inside: str, outside: str) -> None:
    rule = {"from": [{"ipBlock": block}]}
    assert all(lets_in(rule, address(text)) is True for text in inside.split())
    assert all(lets_in(rule, address(text)) is False for text in outside.split())


def test_what_is_no_address_is_in_no_block() -> None:
    assert lets_in({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, address("localhost")) is False


@pytest.mark.parametrize(
    ("block", "allowed"),
    [
        pytest.param({"cidr": "10.0.0.0/8"}, None, id="that is up to the plugin"),
        pytest.param({"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9", "10.128.0.0/9"]}, False, id="not when nothing is left of it"),
        pytest.param({"cidr": "10.0.0.0/8", "except": ["10.128.0.0/9"]}, None, id="the first half is left"),
        pytest.param({"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9", "10.128.0.0/10"]}, None, id="the last quarter is left"),
        pytest.param({"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9", "10.32.0.0/16", "10.128.0.0/9"]}, False, id="one within another"),
        pytest.param({"cidr": "10.0.0.0/31", "except": ["10.0.0.0/32"]}, None, id="one address is left"),
        pytest.param({"cidr": "10.0.0.0/8", "except": ["::/0"]}, None, id="of the other family"),
        pytest.param({"cidr": "x"}, False, id="not when it is none"),
    ],
)
def test_whether_a_block_takes_in_pods(block: Any, allowed: bool | None) -> None:
    decision = ingress(Policies.of([policy(ingress=[{"from": [{"ipBlock": block}]}])]), Endpoint.pod("n"), POD, 80)
    assert decision.allowed is allowed
    assert decision.doubts == (frozenset([Doubt("plugin")]) if allowed is None else frozenset())


# Ports


@pytest.mark.parametrize(
    ("ports", "open_ports"),
    [
        pytest.param(None, "TCP/53 UDP/53 SCTP/53 TCP/8000 UDP/8000 TCP/9090", id="null: all"),
        pytest.param([], "TCP/53 UDP/53 SCTP/53 TCP/8000 UDP/8000 TCP/9090", id="an empty list: all"),
        pytest.param([{}], "TCP/53 TCP/8000 TCP/9090", id="an empty port: all of TCP"),
        pytest.param([None], "TCP/53 TCP/8000 TCP/9090", id="a null port, too"),
        pytest.param([{"protocol": "UDP"}], "UDP/53 UDP/8000", id="a protocol alone: all of it"),
        pytest.param([{"protocol": "SCTP"}], "SCTP/53", id="SCTP"),
        pytest.param([{"port": 53}], "TCP/53", id="a number is TCP"),
        pytest.param([{"port": 53, "protocol": None}], "TCP/53", id="a null protocol is TCP"),
        pytest.param([{"port": 53, "protocol": "UDP"}], "UDP/53", id="a number with its protocol"),
        pytest.param([{"port": 53, "protocol": "UDP"}, {"port": 53}], "TCP/53 UDP/53", id="two ports: or"),
        pytest.param([{"port": "http"}], "TCP/8000", id="a name"),
        pytest.param([{"port": "dns"}], "", id="a name of another protocol"),
        pytest.param([{"port": "dns", "protocol": "UDP"}], "UDP/53", id="a name with its protocol"),
        pytest.param([{"port": "metrics"}], "TCP/9090", id="a sidecar's port"),
        pytest.param([{"port": "setup"}], "", id="an init container has ended"),
        pytest.param([{"port": "8000"}], "", id="digits in quotes are a name"),
        pytest.param([{"port": "grpc"}], "", id="a name that nobody has"),
        pytest.param([{"port": 53, "endPort": 8000}], "TCP/53 TCP/8000", id="a range, with both ends"),
        pytest.param([{"port": 54, "endPort": 7999}], "", id="a range between"),
        pytest.param([{"port": 8000, "endPort": 8000}], "TCP/8000", id="a range of one"),
        pytest.param([{"port": 1, "endPort": 65535, "protocol": "UDP"}], "UDP/53 UDP/8000", id="a range of another protocol"),
        pytest.param([{"port": 8000, "endPort": None}], "TCP/8000", id="a null end"),
        # what the API server rejects
        pytest.param([{"port": 8000, "endPort": 53}], "", id="a range backwards"),
        pytest.param([{"endPort": 8000}], "", id="a range without its start"),
        pytest.param([{"port": "http", "endPort": 9000}], "", id="a range from a name"),
        pytest.param([{"port": 53, "endPort": "8000"}], "", id="text for the end"),
        pytest.param([{"port": 53, "protocol": "tcp"}], "", id="letters of the protocol count"),
        pytest.param([{"port": 53, "protocol": ""}], "", id="an empty protocol"),
        pytest.param([{"port": ""}], "", id="an empty name"),
        pytest.param([{"port": True}], "", id="true"),
        pytest.param([{"port": 53.0}], "", id="a fraction"),
        pytest.param([53], "", id="a number for the map"),
        pytest.param({"port": 53}, "", id="a map for the list"),
    ],
)
def test_ports_of_a_rule(ports: Any, open_ports: str) -> None:
    asked = ["TCP/53", "UDP/53", "SCTP/53", "TCP/8000", "UDP/8000", "TCP/9090"]
    found = [text for text in asked if lets_in({"ports": ports}, address("10.0.0.1"), int(text[-4:].strip("P/")), text.partition("/")[0])]
    assert " ".join(found) == open_ports


def test_named_port_is_looked_up_in_every_container() -> None:
    ports = [{"ports": [{"name": "http", "containerPort": number}]} for number in (8000, 8080)]
    pod = Endpoint.pod("n", API, {"containers": ports})
    assert [lets_in({"ports": [{"port": "http"}]}, address("10.0.0.1"), port, to=pod) for port in (8000, 8080, 80)] == [True, True, False]


def test_named_port_of_an_egress_rule_is_the_destinations() -> None:
    rule = {"ports": [{"port": "qdrant"}]}
    qdrant = Endpoint.pod("n", DB, {"containers": [{"ports": [{"name": "qdrant", "containerPort": 6333}]}]})
    assert lets_out(rule, qdrant, 6333) is True
    assert lets_out(rule, qdrant, 6334) is False
    assert lets_out(rule, Endpoint.pod("n", DB), 6333) is False
    assert lets_out({"ports": [{"port": "http"}]}, qdrant, 8000) is False, "the source's own name for it is nothing to it"
    assert lets_out(rule, address("10.0.0.1"), 6333) is False, "an address has no names"


def test_named_ports_of_a_pod() -> None:
    assert POD.ports == (NamedPort("http", 8000), NamedPort("dns", 53, "UDP"), NamedPort("metrics", 9090))


# Namespaces


def by(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


NAME = "kubernetes.io/metadata.name"


@pytest.mark.parametrize(
    ("selector", "labels", "allowed"),
    [
        pytest.param({"matchLabels": {"team": "a"}}, {"team": "a"}, True, id="a label that it has"),
        pytest.param({"matchLabels": {"team": "a"}}, {"team": "b"}, False, id="a label that it has not"),
        pytest.param({"matchLabels": {"team": "a"}}, None, None, id="a label that nobody showed"),
        pytest.param({}, None, True, id="every namespace"),
        pytest.param({"matchLabels": {NAME: "x"}}, None, True, id="its name, though nobody showed it"),
        pytest.param({"matchLabels": {NAME: "x"}}, {}, True, id="its name, though it is not written"),
        pytest.param({"matchLabels": {NAME: "x"}}, {NAME: "y"}, True, id="its name, though another one is written"),
        pytest.param({"matchLabels": {NAME: "y"}}, None, False, id="another name"),
        pytest.param({"matchLabels": {NAME: "y", "team": "a"}}, None, False, id="another name and a label that nobody showed"),
        pytest.param({"matchLabels": {NAME: "x", "team": "a"}}, None, None, id="its name and a label that nobody showed"),
        pytest.param(by(NAME, "In", "x", "y"), None, True, id="in a list of names"),
        pytest.param(by(NAME, "NotIn", "y"), None, True, id="any name but one"),
        pytest.param(by(NAME, "Exists"), None, True, id="every namespace has a name"),
        pytest.param(by(NAME, "DoesNotExist"), None, False, id="none is without"),
        pytest.param(by("team", "DoesNotExist"), None, None, id="without a label, and nobody showed"),
        pytest.param(by("team", "DoesNotExist"), {}, True, id="without a label"),
        pytest.param({"matchLabels": {"team": "a"}, **by("team", "NotIn", "a")}, None, False, id="impossible for every namespace"),
        pytest.param({"matchLabels": {"team": "a"}, **by("team", "In", "b", "a")}, None, None, id="two demands that agree"),
        pytest.param({"matchLabels": {"team": None}}, None, None, id="null is the empty value"),
        pytest.param(by("team", "Equals", "a"), None, False, id="an operator that there is not"),
        pytest.param({"matchLabels": ["team"]}, None, False, id="a list for labels"),
        pytest.param({"matchExpressions": "team"}, None, False, id="text for expressions"),
        pytest.param("team=a", None, False, id="text"),
    ],
)
def test_namespace_selector(selector: Any, labels: dict[str, str] | None, allowed: bool | None) -> None:
    known = {} if labels is None else {"x": labels}
    decision = ingress(Policies.of([policy(ingress=[{"from": [{"namespaceSelector": selector}]}])], known), Endpoint.pod("x"), POD, 80)
    assert decision.allowed is allowed
    assert decision.doubts == (frozenset([Doubt("labels", "x")]) if allowed is None else frozenset())


def test_a_rule_that_surely_allows_outweighs_one_that_may() -> None:
    rules = [{"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}, {"ports": [{"port": 80}]}]
    decision = ingress(Policies.of([policy(ingress=rules)]), Endpoint.pod("x"), POD, 80)
    assert decision.allowed is True
    assert [rule.number for rule in decision.rules] == [2]


# Both ends


def test_both_ends_must_allow() -> None:
    out = policy("out", podSelector={"matchLabels": API}, policyTypes=["Egress"], egress=[{"to": [{"podSelector": {}}]}])
    into = policy("into", podSelector={"matchLabels": DB}, ingress=[{"from": [PODS]}])
    deny = policy("deny", policyTypes=["Ingress", "Egress"])
    api, db = Endpoint.pod("n", API), Endpoint.pod("n", DB)
    through = decide(Policies.of([deny, out, into]), api, db, 6333)
    assert through.allowed is True
    assert [str(rule) for rule in through.rules] == ["`out`, rule 1", "`into`, rule 1"]
    assert through.isolating == ("deny", "out", "deny", "into")
    assert decide(Policies.of([deny, out]), api, db, 6333).allowed is False
    assert decide(Policies.of([deny, into]), api, db, 6333).allowed is False
    assert decide(Policies.of([out, into]), db, api, 6333).allowed is True, "nothing restricts that direction at either end"


def test_doubt_of_one_end_is_nothing_where_the_other_refuses() -> None:
    out = policy("out", egress=[{"to": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}])
    shut = policy("shut", namespace="x")
    assert decide(Policies.of([out]), POD, Endpoint.pod("x"), 80).allowed is None
    assert decide(Policies.of([out, shut]), POD, Endpoint.pod("x"), 80).allowed is False


def test_addresses_have_no_policies_of_their_own() -> None:
    policies = Policies.of([policy(namespace="", policyTypes=["Ingress", "Egress"])], default_namespace="")
    assert decide(policies, address("10.0.0.1"), address("10.0.0.2"), 80).allowed is True


def test_answer_is_no_rule_of_its_own() -> None:
    policies = Policies.of([policy(policyTypes=["Ingress"])])
    assert egress(policies, POD, address("10.0.0.1"), 80).allowed is True, "what comes back on a connection is not ingress"


@pytest.mark.parametrize(
    ("source", "destination", "bodies", "allowed"),
    [
        pytest.param("host", "pod", [policy(ingress=[{"from": [{"podSelector": {}}]}])], None, id="a selector may not see it"),
        pytest.param("host", "pod", [policy(ingress=[{"from": [PODS]}])], False, id="nor does one that does not match"),
        pytest.param("host", "pod", [policy(ingress=[{}])], True, id="everyone is everyone"),
        pytest.param("pod", "host", [policy()], None, id="a policy on it may not hold"),
        pytest.param("pod", "host", [policy(ingress=[{}])], True, id="and does not matter where it allows"),
        pytest.param("pod", "host", [policy(podSelector={"matchLabels": API})], True, id="none selects it"),
    ],
)
def test_pods_in_the_network_of_their_node(source: str, destination: str, bodies: list[Any], allowed: bool | None) -> None:
    ends = {"host": Endpoint.pod("n", NONE, {"hostNetwork": True}), "pod": Endpoint.pod("n", DB)}
    assert ingress(Policies.of(bodies), ends[source], ends[destination], 80).allowed is allowed


# Some destination

EXISTS = {"key": "app", "operator": "Exists"}


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        pytest.param([{}], True, id="everything"),
        pytest.param([], False, id="nothing"),
        pytest.param([{"ports": [{"port": 5432}]}], True, id="the port of anything"),
        pytest.param([{"ports": [{"port": 5432, "protocol": "UDP"}]}], False, id="of another protocol"),
        pytest.param([{"ports": [{"port": 5000, "endPort": 6000}]}], True, id="in a range"),
        pytest.param([{"ports": [{"port": 6379}]}], False, id="another port"),
        pytest.param([{"to": [{"podSelector": {"matchLabels": DB}}]}], True, id="Pods that there may be"),
        pytest.param([{"to": [{"podSelector": {**by("app", "NotIn", "db"), "matchLabels": DB}}]}], False, id="Pods that there cannot be"),
        pytest.param([{"to": [{"podSelector": by("app", "NotIn", "db", "api")}]}], True, id="Pods of a third label"),
        pytest.param(
            [{"to": [{"podSelector": {"matchExpressions": [EXISTS, *by("app", "NotIn", "", "db")["matchExpressions"]]}}]}], True, id="any"
        ),
        pytest.param([{"to": [{"podSelector": {**by("app", "In", "a", "b"), "matchLabels": {"app": "c"}}}]}], False, id="in and not in"),
        pytest.param([{"to": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}], True, id="namespaces that there may be"),
        pytest.param([{"to": [{"namespaceSelector": by(NAME, "DoesNotExist")}]}], False, id="namespaces that there cannot be"),
        pytest.param([{"to": [{"namespaceSelector": by(NAME, "In", "")}]}], False, id="one without a name"),
        pytest.param([{"to": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}], True, id="none of those that are known"),
        pytest.param([{"to": [{"namespaceSelector": by(NAME, "NotIn", "n")}]}], True, id="any other namespace"),
        pytest.param([{"to": [{"namespaceSelector": {"matchLabels": {NAME: "n", "team": "b"}}}]}], False, id="one that is known otherwise"),
        pytest.param([{"to": [{"namespaceSelector": {"matchLabels": {NAME: "n", "team": "a"}}}]}], True, id="one that is known so"),
        pytest.param([{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}], True, id="addresses"),
        pytest.param(
            [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9", "10.128.0.0/9"]}}]}], False, id="no address is left"
        ),
        pytest.param([{"to": [{"ipBlock": {"cidr": "::/0"}}], "ports": [{"port": 5432}]}], True, id="addresses and the port"),
        pytest.param([{"to": [{}]}], False, id="an empty peer, which is rejected"),
        pytest.param([{"to": [{"podSelector": {}, "ipBlock": {"cidr": "::/0"}}]}], False, id="block and selector, which is rejected"),
        pytest.param([{"ports": [{"port": "postgres"}]}], None, id="a name that some Pod may give to it"),
        pytest.param([{"ports": [{"port": "postgres"}], "to": [{}]}], False, id="a name, of nobody"),
        pytest.param(["all"], False, id="text for a rule"),
    ],
)
def test_some_destination(rules: list[Any], allowed: bool | None) -> None:
    policies = Policies.of([policy(policyTypes=["Egress"], egress=rules)], {"n": {"team": "a"}, "x": {}, "xx": {}})
    assert some_destination(policies, POD, 5432).allowed is allowed


def test_known_destinations_settle_a_named_port() -> None:
    policies = Policies.of([policy(egress=[{"ports": [{"port": "postgres"}]}])])
    db = Endpoint.pod("n", DB, {"containers": [{"ports": [{"name": "postgres", "containerPort": 5432}]}]})
    assert some_destination(policies, POD, 5432, among=[Endpoint.pod("n"), db]).allowed is True
    assert some_destination(policies, POD, 5432, among=[Endpoint.pod("n")]).doubts == {Doubt("port", "postgres")}


def test_doubt_about_a_known_destination_is_none_about_others() -> None:
    policies = Policies.of([policy(egress=[{"to": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}])])
    assert egress(policies, POD, Endpoint.pod("x"), 5432).allowed is None
    assert some_destination(policies, POD, 5432, among=[Endpoint.pod("x")]).allowed is True


def test_unrestricted_pod_reaches_some_destination() -> None:
    assert some_destination(Policies.of([]), POD, 5432).allowed is True


# Words


API_POLICY = policy(
    "api-network-policy",
    podSelector={"matchLabels": API},
    policyTypes=["Ingress", "Egress"],
    ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"name": "ingress-nginx"}}}], "ports": [{"port": 8000}]}],
    egress=[
        {"to": [{"podSelector": {"matchLabels": DB}}], "ports": [{"port": 6333}]},
        {"to": [{"namespaceSelector": {"matchLabels": {NAME: "kube-system"}}}], "ports": [{"port": 53, "protocol": "UDP"}]},
    ],
)
KNOWN = Policies.of([policy("default-deny", policyTypes=["Ingress", "Egress"]), API_POLICY])


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        pytest.param(
            egress(KNOWN, POD, Endpoint.pod("kube-system"), 53, "UDP"),
            "egress to a Pod in namespace `kube-system` on UDP 53 is allowed by `api-network-policy`, rule 2",
            id="allowed",
        ),
        pytest.param(
            ingress(KNOWN, Endpoint.pod("default"), POD, 80),
            "no policy lets ingress from a Pod in namespace `default` on TCP 80 reach it",
            id="ingress refused",
        ),
        pytest.param(
            egress(KNOWN, POD, address("203.0.113.10"), 80), "no policy lets egress to 203.0.113.10 on TCP 80 leave it", id="egress refused"
        ),
        pytest.param(
            ingress(KNOWN, Endpoint.pod("ingress-nginx", {"app": "nginx"}), POD, 8000),
            "whether ingress from a Pod with `app: nginx` in namespace `ingress-nginx` on TCP 8000 "
            "is allowed by `api-network-policy`, rule 1, depends on the labels of namespace `ingress-nginx`",
            id="depends on a namespace",
        ),
        pytest.param(
            ingress(KNOWN, Endpoint.pod("n"), Endpoint.pod("n", NONE, {"hostNetwork": True}), 80),
            "whether ingress from a Pod in namespace `n` on TCP 80 is refused depends on the network plugin",
            id="depends on the plugin",
        ),
        pytest.param(
            some_destination(Policies.of([policy(egress=[{"ports": [{"port": "pg"}]}])]), POD, 5432),
            "whether egress on TCP 5432 is allowed by `p`, rule 1, depends on whether a Pod there names that port `pg`",
            id="depends on a name",
        ),
        pytest.param(some_destination(KNOWN, POD, 5432), "no policy lets egress on TCP 5432 leave it", id="to nowhere"),
        pytest.param(
            ingress(Policies.of([policy("a", ingress=[{}]), policy("b", ingress=[{}])]), address("::1"), POD, 80),
            "ingress from ::1 on TCP 80 is allowed by `a`, rule 1, and by `b`, rule 1",
            id="by two",
        ),
    ],
)
def test_reason(decision: Decision, sentence: str) -> None:
    assert decision.reasons == (sentence,)


def test_both_directions_have_their_reason() -> None:
    assert decide(KNOWN, POD, Endpoint.pod("n", DB), 6333).reasons == (
        "egress to a Pod with `app: db` in namespace `n` on TCP 6333 is allowed by `api-network-policy`, rule 1",
        "no policy lets ingress from a Pod with `app: api` in namespace `n` on TCP 6333 reach it",
    )


# The model: a policy is the set of the connections that it allows, of all there are in a small world. What is not known is a choice of
# worlds, and an answer must hold in each of them.

NAMESPACES, KEYS, VALUES = ("n", "m", "x"), ("app", NAME), ("a", "n", "x")
KNOWN_LABELS = {"n": {"app": "a"}, "m": dict[str, str]()}
UNKNOWN_LABELS: tuple[dict[str, str], ...] = ({}, *({"app": value} for value in (*VALUES, "other")))
PORTS, PROTOCOLS = (79, 80, 81), ("TCP", "UDP", "SCTP")
ADDRESSES = {"10.0.0.1": (1, 1), "10.0.1.1": (0, 1), "203.0.113.10": (0, 0)}  # which of the two blocks below hold it
BLOCKS = {"10.0.0.0/24": 0, "10.0.0.0/16": 1}
WORLD_PODS = [Endpoint.pod(namespace, labels) for namespace in NAMESPACES for labels in ({}, {"app": "a"}, {"app": "n"})]
WEB = Endpoint.pod("n", {"app": "a"}, {"containers": [{"ports": [{"name": "web", "containerPort": 80}]}]})
ENDS = [*WORLD_PODS, WEB, *(address(text) for text in ADDRESSES)]
CONNECTIONS = list(product(ENDS, PORTS, PROTOCOLS))


def fits(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    held = [labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()]
    for item in selector.get("matchExpressions", []):
        inside = labels.get(item["key"]) in item.get("values", [*labels.values()]) and item["key"] in labels
        held.append(inside == (item["operator"] in ("In", "Exists")))
    return False not in held


def model_peers(peers: Any, space: dict[str, dict[str, str]], blocks_hold_pods: bool) -> list[Endpoint]:
    """All ends that a list of peers of a policy in namespace `n` takes in."""
    if not peers:
        return ENDS
    found = []
    for peer, end in product(peers, ENDS):
        if "ipBlock" in peer:
            held = ADDRESSES.get(end.address, (blocks_hold_pods,) * 2)
            outer = held[BLOCKS[peer["ipBlock"]["cidr"]]]
            inner = end.address != "" and any(held[BLOCKS[text]] for text in peer["ipBlock"].get("except", []))
            taken = bool(outer) and not inner
        elif end.address:
            taken = False
        else:
            here = {**space[end.namespace], NAME: end.namespace}
            where = fits(peer["namespaceSelector"], here) if "namespaceSelector" in peer else end.namespace == "n"
            taken = where and fits(peer.get("podSelector", {}), dict(end.labels))
        if taken:
            found.append(end)
    return found


def model_ports(ports: Any, names: dict[str, tuple[str, int]]) -> set[tuple[str, int]]:
    if not ports:
        return set(product(PROTOCOLS, PORTS))
    found: set[tuple[str, int]] = set()
    for port in ports:
        over, first = port.get("protocol", "TCP"), port.get("port")
        if isinstance(first, str):
            found |= {names[first]} & {(over, number) for number in PORTS} if first in names else set()
        else:
            low, high = (0, 99999) if first is None else (first, port.get("endPort", first))
            found |= {(over, number) for number in PORTS if number in range(low, high + 1)}
    return found


def worlds() -> Iterator[tuple[dict[str, dict[str, str]], bool]]:
    for labels, blocks_hold_pods in product(UNKNOWN_LABELS, (False, True)):
        yield {**KNOWN_LABELS, "x": labels}, blocks_hold_pods


def model(bodies: list[dict[str, Any]], direction: Direction, own: Endpoint, end: Endpoint, port: int, protocol: str) -> set[bool]:
    """The answers that there are, over all worlds."""
    kind, key = ("egress", "to") if direction is Direction.EGRESS else ("ingress", "from")
    mine = []
    for spec in (body["spec"] for body in bodies if body["metadata"]["namespace"] == own.namespace):
        restricted = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        if direction in restricted and fits(spec["podSelector"], dict(own.labels)):
            mine.append(spec.get(kind) or [])
    if not mine:
        return {True}
    destination = end if direction is Direction.EGRESS else own
    names = {"web": ("TCP", 80)} if destination.ports else {}
    return {
        any(
            (protocol, port) in model_ports(rule.get("ports"), names)
            and any(end is taken for taken in model_peers(rule.get(key), space, blocks_hold_pods))
            for rules in mine
            for rule in rules
        )
        for space, blocks_hold_pods in worlds()
    }


def numbered(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [policy(f"p{number}", **spec) for number, spec in enumerate(listed)]


keys, values = st.sampled_from(KEYS), st.sampled_from(VALUES)
expressions = st.fixed_dictionaries(
    {"key": keys, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(values, min_size=1, max_size=2)}
) | st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])})
selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": st.dictionaries(keys, values, max_size=1), "matchExpressions": st.lists(expressions, max_size=1)}
)
blocks = st.sampled_from(
    [
        {"cidr": "10.0.0.0/24"},
        {"cidr": "10.0.0.0/16"},
        {"cidr": "10.0.0.0/16", "except": ["10.0.0.0/24"]},
        {"cidr": "10.0.0.0/24", "except": []},
    ]
)
peers = st.one_of(
    st.fixed_dictionaries({"ipBlock": blocks}),
    st.fixed_dictionaries({"podSelector": selectors}),
    st.fixed_dictionaries({"namespaceSelector": selectors}, optional={"podSelector": selectors}),
)
protocols = st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(PROTOCOLS)})
numbers = st.sampled_from([{}, {"port": 80}, {"port": 79}, {"port": 79, "endPort": 80}, {"port": 80, "endPort": 8000}, {"port": "web"}])
ports = st.builds(lambda over, number: {**over, **number}, protocols, numbers)
rule_lists = [
    st.lists(st.fixed_dictionaries({}, optional={key: st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=2)}), max_size=2)
    for key in ("from", "to")
]
types = st.sampled_from([[], ["Ingress"], ["Egress"], ["Ingress", "Egress"]])
specs = st.fixed_dictionaries(
    {"podSelector": st.just({}) | selectors}, optional={"ingress": rule_lists[0], "egress": rule_lists[1], "policyTypes": types}
)
policy_lists = st.lists(specs, max_size=3).map(numbered)
directions, connections = st.sampled_from(Direction), st.sampled_from(CONNECTIONS)
own_ends = st.sampled_from([WEB, *(end for end in WORLD_PODS if end.namespace != "x")])


def ask(bodies: list[Any], direction: Direction, own: Endpoint, end: Endpoint, port: int, protocol: str) -> Decision:
    policies = Policies.of(bodies, KNOWN_LABELS)
    if direction is Direction.EGRESS:
        return egress(policies, own, end, port, protocol)
    return ingress(policies, end, own, port, protocol)


ORDER = {False: 0, None: 1, True: 2}


@given(policy_lists, directions, own_ends, connections)
def test_answer_holds_in_every_world(bodies: list[Any], direction: Direction, own: Endpoint, connection: tuple[Endpoint, int, str]) -> None:
    decision = ask(bodies, direction, own, *connection)
    answers = model(bodies, direction, own, *connection)
    if decision.allowed is None:
        assert decision.doubts
    else:
        assert answers == {decision.allowed}


@given(peers, ports, directions, connections)
def test_doubt_of_one_peer_is_doubt_indeed(peer: Any, port: Any, direction: Direction, connection: tuple[Endpoint, int, str]) -> None:
    kind, key = ("egress", "to") if direction is Direction.EGRESS else ("ingress", "from")
    spec: dict[str, Any] = {"policyTypes": [direction.value], kind: [{key: [peer], "ports": [port]}]}
    bodies = [policy(**spec)]
    decision = ask(bodies, direction, WEB, *connection)
    assert model(bodies, direction, WEB, *connection) == ({True, False} if decision.allowed is None else {decision.allowed})


@given(policy_lists, own_ends, connections)
def test_some_destination_is_reached_when_any_known_one_is(bodies: list[Any], own: Endpoint, connection: tuple[Endpoint, int, str]) -> None:
    _, port, protocol = connection
    somewhere = some_destination(Policies.of(bodies, KNOWN_LABELS), own, port, protocol)
    if any(True in model(bodies, Direction.EGRESS, own, other, port, protocol) for other in ENDS):
        assert somewhere.allowed is not False


@given(policy_lists, own_ends, connections)
def test_both_ends_together_are_no_more_than_each(bodies: list[Any], own: Endpoint, connection: tuple[Endpoint, int, str]) -> None:
    end, port, protocol = connection
    policies = Policies.of(bodies, KNOWN_LABELS)
    both = decide(policies, own, end, port, protocol).allowed
    single = (egress(policies, own, end, port, protocol).allowed, ingress(policies, own, end, port, protocol).allowed)
    assert ORDER[both] == min(ORDER[answer] for answer in single)


@given(policy_lists, specs, directions, own_ends, connections)
def test_another_policy_never_closes_a_direction_that_is_isolated(
    bodies: list[Any], more: Any, direction: Direction, own: Endpoint, connection: tuple[Endpoint, int, str]
) -> None:
    before = ask(bodies, direction, own, *connection)
    after = ask([*bodies, policy("more", **more)], direction, own, *connection)
    if before.isolating:
        assert ORDER[after.allowed] >= ORDER[before.allowed]
    else:
        assert before.allowed is True


@given(policy_lists, directions, own_ends, connections)
def test_a_policy_without_rules_opens_nothing(
    bodies: list[Any], direction: Direction, own: Endpoint, connection: tuple[Endpoint, int, str]
) -> None:
    deny = policy("deny", namespace=own.namespace, policyTypes=["Ingress", "Egress"])
    before, after = ask(bodies, direction, own, *connection), ask([*bodies, deny], direction, own, *connection)
    assert after.allowed is (before.allowed if before.isolating else False)


@given(st.lists(specs, min_size=1, max_size=3), directions, own_ends, connections, st.data())
def test_another_rule_never_closes(
    listed: list[Any], direction: Direction, own: Endpoint, connection: tuple[Endpoint, int, str], data: st.DataObject
) -> None:
    explicit = [{**spec, "policyTypes": spec.get("policyTypes") or ["Ingress", "Egress"]} for spec in listed]
    bodies = numbered(explicit)
    changed = deepcopy(bodies)
    changed[0]["spec"].setdefault(direction.value.lower(), []).extend(data.draw(rule_lists[direction is Direction.EGRESS]))
    assert ORDER[ask(changed, direction, own, *connection).allowed] >= ORDER[ask(bodies, direction, own, *connection).allowed]


@given(policy_lists, st.randoms(), directions, own_ends, connections)
def test_order_does_not_matter(
    bodies: list[Any], random: Any, direction: Direction, own: Endpoint, connection: tuple[Endpoint, int, str]
) -> None:
    shuffled = deepcopy(bodies)
    random.shuffle(shuffled)
    for body in shuffled:
        for rules in (body["spec"].get("ingress", []), body["spec"].get("egress", [])):
            random.shuffle(rules)
    assert ask(shuffled, direction, own, *connection).allowed is ask(bodies, direction, own, *connection).allowed


@given(policy_lists, directions, own_ends, connections)
def test_frozen_objects_are_judged_as_plain_ones(
    bodies: list[Any], direction: Direction, own: Endpoint, connection: tuple[Endpoint, int, str]
) -> None:
    assert ask([freeze(body) for body in bodies], direction, own, *connection) == ask(bodies, direction, own, *connection)


FIELDS = [
    "podSelector",
    "namespaceSelector",
    "ipBlock",
    "cidr",
    "except",
    "from",
    "to",
    "ports",
    "port",
    "endPort",
    "protocol",
    "ingress",
    "egress",
    "policyTypes",
    "matchLabels",
    "matchExpressions",
    "key",
    "operator",
    "values",
    "app",
]
odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["app", "In", "Egress", "10.0.0.0/8", "10.0.0.0/" + "9" * 5000, "", "TCP"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=15,
)
nearly = st.builds(
    lambda spec, field, value: {**spec, field: value}, specs, st.sampled_from(["podSelector", "policyTypes", "ingress", "egress"]), odd
)


@given(st.one_of(odd, nearly), odd, directions, connections)
def test_no_shape_of_policy_crashes(spec: Any, other: Any, direction: Direction, connection: tuple[Endpoint, int, str]) -> None:
    bodies = [{**policy(), "spec": spec}, {**policy(), "metadata": other}, other]
    for shape in (bodies, [freeze(body) for body in bodies]):
        decision = ask(shape, direction, POD, *connection)
        assert decision.allowed in (True, False, None)
        assert len(decision.reasons) == 1
        assert some_destination(Policies.of(shape), POD, 80).allowed in (True, False, None)


# What the API server makes of it

TAKEN: list[dict[str, Any]] = [
    {},
    {"policyTypes": []},
    {"policyTypes": ["Egress"], "ingress": [{}]},
    {"ingress": [None]},
    {"egress": [None]},
    {"egress": []},
    {"egress": [{"to": [], "ports": [None]}]},
    {"podSelector": None},
    {"ingress": [{"from": [{"podSelector": {}, "namespaceSelector": {}}], "ports": [{"port": 80, "endPort": 80}]}]},
    {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/9", "10.128.0.0/9"]}}]}]},
]
REJECTED: list[dict[str, Any]] = [
    {"policyTypes": ["ingress"]},
    {"ingress": [{"from": [None]}]},
    {"ingress": [{"from": [{}]}]},
    {"ingress": [{"from": [{"podSelector": {}, "ipBlock": {"cidr": "0.0.0.0/0"}}]}]},
    {"ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.1"}}]}]},
    {"ingress": [{"ports": [{"port": "http", "endPort": 9000}]}]},
    {"ingress": [{"ports": [{"endPort": 9000}]}]},
    {"ingress": [{"ports": [{"port": 8000, "endPort": 53}]}]},
    {"ingress": [{"ports": [{"port": 53, "protocol": "tcp"}]}]},
    {"ingress": [{"ports": [{"port": ""}]}]},
]


@pytest.mark.cluster
def test_server_takes_and_defaults_what_is_evaluated_here(api: Api) -> None:
    for spec in TAKEN:
        status, answer = api.create(policy(namespace="rag-engine", **spec))
        assert status == 201, (spec, answer)
        policies, pod = Policies.of([policy(**spec)]), Endpoint.pod("n")
        assert set(answer["spec"]["policyTypes"]) == {each for each in Direction if policies.isolating(pod, each)}, spec


@pytest.mark.cluster
def test_server_rejects_what_takes_in_nothing_here(api: Api) -> None:
    for spec in REJECTED:
        assert api.create(policy(namespace="rag-engine", **spec))[0] == 422, spec
        assert lets_in(spec.get("ingress", [{"from": [{}]}])[0], address("10.0.0.1"), 8000) is False


@given(odd)
def test_no_shape_of_pod_crashes(spec: Any) -> None:
    assert Endpoint.pod("n", API, spec).ports == Endpoint.pod("n", API, freeze(spec)).ports
