"""Services (k8s.io/kubernetes pkg/apis/core/validation ValidateServiceCreate, with the API server's defaults and port range)."""

from __future__ import annotations

from graders.semantics import names
from graders.validation import addresses
from graders.validation.place import Check, Place, between, each_value, name, one_of, one_of_or_default, unique
from graders.validation.probes import port_or_name
from graders.validation.selectors import labels

_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_PORT = between(1, 65535)
_NODE_PORTS = between(30000, 32767)  # the API server's default for --service-node-port-range
_LONGEST_AFFINITY = 86400  # seconds
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def service(place: Place) -> None:
    """A Service."""
    spec = place["spec"]
    kind = spec["type"].text or "ClusterIP"
    headless = spec["clusterIP"].text == "None"
    if spec["ports"].empty and not headless and kind != "ExternalName":
        spec["ports"].require()
    _ports(spec["ports"], kind)
    spec.fields(_SERVICE)
    if kind == "ExternalName":
        _external_name(spec)
    else:
        _cluster_ips(spec)
        if headless and kind != "ClusterIP":
            spec["clusterIP"].reject(f"an address or left out for type `{kind}`", "`None`")
    _affinity(spec)
    _load_balancer(place, kind)
    _traffic_policy(spec, kind)


def _external_name(spec: Place) -> None:
    target = spec["externalName"]
    if target.text is not None and names.dns_subdomain(target.text.removesuffix(".")) and target.text.strip("."):
        target.reject("a DNS name")
    elif target.empty or target.text == ".":
        target.reject("a DNS name, which type `ExternalName` needs")
    for key in ("clusterIP", "clusterIPs", "ipFamilies"):
        if not spec[key].empty:
            spec[key].forbid("with type `ExternalName`")
    spec["ipFamilyPolicy"].forbid("with type `ExternalName`")


def _ports(place: Place, kind: str) -> None:
    items = list(place.structs())
    for item in items:
        if item["name"].text or len(items) > 1:
            item["name"].named(names.dns_label, required=True)
        number = item["port"]
        if number.value is None:
            number.require()
        item.fields(_PORTS)
        node = item["nodePort"]
        if node.whole:
            if kind == "ClusterIP":
                node.forbid("with type `ClusterIP`")
            else:
                _NODE_PORTS(node)
    unique((item["name"] for item in items), "port's name")
    for key in ("port", "nodePort"):
        _once(items, key)


def _once(items: list[Place], key: str) -> None:
    """Numbers that are used once for each protocol."""
    seen: set[tuple[str, int]] = set()
    for item in items:
        number, protocol = item[key].whole, item["protocol"].text or "TCP"
        if number and (protocol, number) in seen:
            item[key].reject(f"a number that is used once for {protocol}", f"{number} a second time")
        seen.add((protocol, number or 0))


def _target_port(place: Place) -> None:
    if place.value not in (0, ""):
        port_or_name(place)


def _cluster_ips(spec: Place) -> None:
    first, several = spec["clusterIP"], spec["clusterIPs"]
    ips = list(several.items()) or ([first] if first.text else [])
    if several.size and first.empty:
        several.forbid("without `clusterIP`")
    elif several.size and first.text and ips[0].text != first.text:
        several.reject("addresses of which the first is `clusterIP`", "others")
    if len(ips) > 2:
        several.reject("at most 2 addresses", f"{len(ips)}")
    for index, ip in enumerate(ips):
        if ip.text == "None" and index == 0:
            if len(ips) > 1:
                several.reject("`None` alone", "`None` with others")
        else:
            addresses.ip(ip)
    _families(spec, ips)


def _families(spec: Place, ips: list[Place]) -> None:
    families, policy = spec["ipFamilies"], spec["ipFamilyPolicy"]
    unique(families.items(), "address family")
    for item in families.items():
        if item.empty:
            item.reject("`IPv4` or `IPv6`")
        one_of_or_default("IPv4", "IPv6")(item)
    found = [addresses.address(ip.text) if ip.text else None for ip in ips]
    if len(found) == 2 and found[0] is not None and found[1] is not None and found[0].version == found[1].version:
        ips[1].reject("an address of the other family")
    for ip, family, item in zip(found, families.items(), ips, strict=False):
        if ip is not None and family.text in ("IPv4", "IPv6") and family.text != f"IPv{ip.version}":
            item.reject(f"an address of the family that `ipFamilies` names, {family.text}")
    single = policy.text == "SingleStack" or (not policy and (spec["clusterIP"].text != "None" or not spec["selector"].empty))
    if single and 2 in (len(ips), families.size):
        policy.reject("`PreferDualStack` or `RequireDualStack` with two addresses or families")


def _affinity(spec: Place) -> None:
    seconds = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
    if spec["sessionAffinity"].text == "ClientIP":
        between(1, _LONGEST_AFFINITY)(seconds)


def _load_balancer(place: Place, kind: str) -> None:
    spec = place["spec"]
    ranges, annotation = spec["loadBalancerSourceRanges"], place["metadata"]["annotations"][_RANGES]
    if kind != "LoadBalancer":
        why = "unless `type` is `LoadBalancer`"
        if not ranges.empty:
            ranges.forbid(why)
        elif annotation:
            annotation.forbid(why)
        for key in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
            spec[key].forbid(why)
        return
    spec["loadBalancerClass"].named(names.qualified)
    for item in ranges.strings():
        addresses.cidr(_trimmed(item))
    if ranges.empty and (annotation.text or "").strip():
        for part in (annotation.text or "").split(","):
            addresses.cidr(_trimmed(Place(part, annotation.path, annotation.out)))


def _trimmed(place: Place) -> Place:
    return Place(place.text.strip(), place.path, place.out) if place.text is not None else place


def _traffic_policy(spec: Place, kind: str) -> None:
    policy, check = spec["externalTrafficPolicy"], spec["healthCheckNodePort"]
    reachable = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and not spec["externalIPs"].empty)
    if not reachable:
        if policy.text:
            policy.forbid("on a Service that is reached from inside only")
    else:
        one_of_or_default("Cluster", "Local")(policy)
    if check.whole:
        if kind == "LoadBalancer" and policy.text == "Local":
            _NODE_PORTS(check)
        else:
            check.forbid("unless `type` is `LoadBalancer` and `externalTrafficPolicy` is `Local`")


_PORTS: dict[str, Check] = {
    "port": _PORT,
    "targetPort": _target_port,
    "protocol": one_of_or_default(*_PROTOCOLS),
    "appProtocol": name(names.qualified),
}
_SERVICE: dict[str, Check] = {
    "type": one_of_or_default(*_TYPES),
    "selector": labels,
    "sessionAffinity": one_of_or_default("None", "ClientIP"),
    "externalIPs": each_value(addresses.endpoint_ip),
    "ipFamilyPolicy": one_of("SingleStack", "PreferDualStack", "RequireDualStack"),
    "internalTrafficPolicy": one_of("Cluster", "Local"),
    "trafficDistribution": one_of("PreferClose", "PreferSameZone", "PreferSameNode"),
}
