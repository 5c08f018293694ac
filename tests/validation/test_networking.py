"""Ingresses, ingress classes, network policies, and the addresses in them."""

from __future__ import annotations

from typing import Any

import pytest

from graders.validation.addresses import address, block
from tests.validation.objects import GONE, judged, places, rows

_WEB, _POLICY = "Ingress/web", "NetworkPolicy/web"
_PATH = "spec.rules[0].http.paths[0]"
_BACKEND = f"{_PATH}.backend.service"


@rows(
    (_WEB, "spec.defaultBackend", GONE),
    (_WEB, "metadata.annotations", GONE),
    (_WEB, "spec.tls[0].secretName", GONE),
    (_WEB, "spec.rules[0].host", GONE),
    (_WEB, f"{_PATH}.path", "/a.b/%20/x..y"),
    (_WEB, f"{_BACKEND}.name", "1-web"),
    (_POLICY, "spec.podSelector", GONE),
    (_POLICY, "spec.ingress", [{}]),
    (_POLICY, "spec.ingress[0].ports[1].port", GONE),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    (_WEB, f"{_PATH}.pathType", GONE),
    (_WEB, f"{_PATH}.pathType", "prefix"),
    (_WEB, f"{_PATH}.path", GONE),
    (_WEB, f"{_PATH}.path", "api"),
    (_WEB, f"{_PATH}.path", "/a//b"),
    (_WEB, f"{_PATH}.path", "/a/../b"),
    (_WEB, f"{_PATH}.path", "/a/.."),
    (_WEB, f"{_PATH}.path", "/a%2Fb"),
    (_WEB, f"{_PATH}.backend", GONE),
    (_WEB, f"{_PATH}.backend.resource", {"kind": "A", "name": "b"}),
    (_WEB, f"{_BACKEND}.name", GONE),
    (_WEB, f"{_BACKEND}.name", "Upper"),
    (_WEB, f"{_BACKEND}.port", {}),
    (_WEB, f"{_BACKEND}.port.number", 80, f"{_BACKEND}.port.name"),
    (_WEB, f"{_BACKEND}.port.name", "80"),
    (_WEB, "spec.defaultBackend.service.port.number", 65536),
    (_WEB, "spec.rules[0].http.paths", []),
    (_WEB, "spec.rules[0].host", "10.0.0.1"),
    (_WEB, "spec.rules[0].host", "web.*.com"),
    (_WEB, "spec.rules[0].host", "Web.example.com"),
    (_WEB, "spec.tls[0].hosts[0]", "https://web.example.com"),
    (_WEB, "spec.tls[0].secretName", "Upper"),
    (_WEB, "spec.ingressClassName", "Upper"),
    (_WEB, "metadata.annotations['kubernetes.io/ingress.class']", "traefik"),
    (_WEB, "spec", {}, "spec.rules"),
    ("IngressClass/fast", "spec.controller", "nginx"),
    ("IngressClass/fast", "spec.parameters.scope", "Everywhere"),
    ("IngressClass/fast", "spec.parameters.namespace", GONE),
    ("IngressClass/fast", "spec.parameters.name", GONE),
    (_POLICY, "spec.policyTypes", ["Ingress", "Egress", "Ingress"]),
    (_POLICY, "spec.policyTypes[0]", "ingress"),
    (_POLICY, "spec.podSelector.matchLabels['a b']", "c"),
    (_POLICY, "spec.ingress[0].ports[0].port", 0),
    (_POLICY, "spec.ingress[0].ports[0].endPort", 7999),
    (_POLICY, "spec.ingress[0].ports[1].endPort", 9000),
    (_POLICY, "spec.ingress[0].ports[1].port", "HTTP"),
    (_POLICY, "spec.ingress[0].ports[0].protocol", "ICMP"),
    (_POLICY, "spec.ingress[0].from[0]", {}),
    (_POLICY, "spec.ingress[0].from[0].ipBlock", {"cidr": "10.0.0.0/8"}),
    (_POLICY, "spec.ingress[0].from[1].ipBlock.cidr", "10.0.0.0"),
    (_POLICY, "spec.ingress[0].from[1].ipBlock.cidr", GONE),
    (_POLICY, "spec.ingress[0].from[1].ipBlock.except[0]", "192.168.0.0/16"),
    (_POLICY, "spec.ingress[0].from[1].ipBlock.except[0]", "10.0.0.0/8"),
    (_POLICY, "spec.egress[0].ports[0].port", 65536),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    assert where in places(judged(name, path, value))


@pytest.mark.parametrize("text", ["10.0.0.1", "255.255.255.255", "::1", "2001:db8::ffff", "FE80::1"])
def test_an_address(text: str) -> None:
    assert address(text) is not None


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.01", "10.0.0.256", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.1/8", "a", " 10.0.0.1", "١.0.0.1"]
)
def test_no_address(text: str) -> None:
    assert address(text) is None


@pytest.mark.parametrize("text", ["10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/32", "2001:db8::/64"])
def test_a_block(text: str) -> None:
    assert block(text) is not None


@pytest.mark.parametrize(
    "text", ["", "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/255.0.0.0", "::ffff:10.0.0.0/104", "/8"]
)
def test_no_block(text: str) -> None:
    assert block(text) is None
