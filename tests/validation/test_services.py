"""Services."""

from __future__ import annotations

from typing import Any

from tests.validation.objects import GONE, judged, places, rows

_WEB, _PUBLIC, _NODE = "Service/web", "Service/public", "Service/node"


@rows(
    (_WEB, "spec.type", ""),
    (_WEB, "spec.ports[1].targetPort", 0),
    (_WEB, "spec.ports[0].targetPort", ""),
    (_WEB, "spec.selector", GONE),
    (_WEB, "spec.clusterIPs", []),
    (_WEB, "spec.sessionAffinityConfig", GONE),
    (_WEB, "spec.ipFamilyPolicy", "PreferDualStack"),
    (_PUBLIC, "spec.healthCheckNodePort", 0),
    ("Service/headless", "spec.ports", [{"port": 80}]),
    ("Service/outside", "spec.externalName", "db.example.com."),
    ("Service/outside", "spec.ports", [{"port": 80}]),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    (_WEB, "spec.type", "clusterIP"),
    (_WEB, "spec.ports", GONE),
    (_WEB, "spec.ports", []),
    (_WEB, "spec.ports[0].name", GONE),
    (_WEB, "spec.ports[0].name", "HTTP"),
    (_WEB, "spec.ports[1].name", "http"),
    (_WEB, "spec.ports[0].port", 0),
    (_WEB, "spec.ports[0].port", GONE),
    (_WEB, "spec.ports[1].port", 80),
    (_WEB, "spec.ports[0].protocol", "HTTP"),
    (_WEB, "spec.ports[0].targetPort", 70000),
    (_WEB, "spec.ports[0].targetPort", "80"),
    (_WEB, "spec.ports[0].nodePort", 30080),
    (_WEB, "spec.ports[0].appProtocol", "a/b/c"),
    (_WEB, "spec.selector['a b']", "c"),
    (_WEB, "spec.sessionAffinity", "Client"),
    (_WEB, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 0),
    (_WEB, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", 86401),
    (_WEB, "spec.externalTrafficPolicy", "Local"),
    (_WEB, "spec.internalTrafficPolicy", "local"),
    (_WEB, "spec.trafficDistribution", "Close"),
    (_WEB, "spec.clusterIP", "10.0.0.300"),
    (_WEB, "spec.clusterIPs", ["None", "10.0.0.1"]),
    (_WEB, "spec.ipFamilies[0]", "ipv4"),
    (_WEB, "spec.ipFamilies", ["IPv4", "IPv6"], "spec.ipFamilyPolicy"),
    (_WEB, "spec.ipFamilyPolicy", "DualStack"),
    (_WEB, "spec.loadBalancerClass", "example.com/fast"),
    (_WEB, "spec.loadBalancerSourceRanges", ["10.0.0.0/8"]),
    (_WEB, "spec.allocateLoadBalancerNodePorts", False),
    (_WEB, "spec.healthCheckNodePort", 31234),
    (_PUBLIC, "spec.loadBalancerSourceRanges[0]", "10.0.0.1/8"),
    (_PUBLIC, "spec.externalTrafficPolicy", "Node"),
    (_PUBLIC, "spec.ports[0].nodePort", 80),
    (_PUBLIC, "spec.clusterIP", "None"),
    (_NODE, "spec.externalIPs[0]", "127.0.0.1"),
    (_NODE, "spec.externalIPs[0]", "example.com"),
    (_NODE, "spec.ports[1].protocol", "TCP", "spec.ports[1].port"),
    ("Service/outside", "spec.externalName", GONE),
    ("Service/outside", "spec.externalName", "10.0.0.1/8"),
    ("Service/outside", "spec.clusterIP", "10.0.0.1"),
    ("Service/headless", "spec.clusterIP", GONE, "spec.ports"),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    assert where in places(judged(name, path, value))
