"""Ingresses, ingress classes and network policies (k8s.io/kubernetes pkg/apis/networking/validation)."""

from __future__ import annotations

from graders.semantics import names
from graders.validation import addresses
from graders.validation.place import Check, Place, between, each, exactly_one, listed, name, name_if_set, one_of_or_default, table
from graders.validation.probes import port_or_name
from graders.validation.selectors import selector

_PATH_TYPES = ("Exact", "Prefix", "ImplementationSpecific")
_NOT_IN_PATH = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_END = ("/..", "/.")
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_LONGEST_CONTROLLER = 250
_PORT = between(1, 65535)
_DIRECTIONS = ("Ingress", "Egress")


def ingress(place: Place) -> None:
    """An Ingress."""
    spec = place["spec"]
    if spec["rules"].empty and not spec["defaultBackend"]:
        spec["rules"].reject("`rules` or `defaultBackend`", "neither", "`rules` or `defaultBackend` is required.")
    spec.fields(_INGRESS)
    old, new = place["metadata"]["annotations"][_CLASS_ANNOTATION], spec["ingressClassName"]
    if old.text is not None and new.text is not None and old.text != new.text:
        old.reject(f"the same as `ingressClassName`, {new.shown()}, or left out")


def ingress_class(place: Place) -> None:
    """An IngressClass."""
    controller, parameters = place["spec"]["controller"], place["spec"]["parameters"]
    controller.named(names.domain_path, required=True)
    if controller.text and len(controller.text) > _LONGEST_CONTROLLER:
        controller.reject(f"at most {_LONGEST_CONTROLLER} characters")
    if parameters.is_map:
        _reference(parameters)
        scope, namespace = parameters["scope"], parameters["namespace"]
        if scope.text not in (None, "Cluster", "Namespace"):
            scope.reject("`Cluster` or `Namespace`")
        elif scope.text == "Namespace":
            namespace.named(names.dns_label, required=True)
        else:
            namespace.forbid("unless `scope` is `Namespace`")


def network_policy(place: Place) -> None:
    """A NetworkPolicy."""
    place["spec"].fields(_NETWORK_POLICY)


def _rule(place: Place) -> None:
    name_if_set(names.wildcard_host)(place["host"])
    host = place["host"].text
    if host and addresses.address(host) is not None:
        place["host"].reject("a DNS name, not an IP address")
    http = place["http"]
    if http.is_map and http["paths"].require():
        each(_path)(http["paths"])


def _path(place: Place) -> None:
    kind, path = place["pathType"], place["path"]
    if kind.value is None:
        kind.reject(listed(_PATH_TYPES), message="`pathType` is required: `Prefix` or `Exact`.")
        return
    if kind.text is not None and kind.text not in _PATH_TYPES:
        kind.reject(listed(_PATH_TYPES))
    text = path.text or ""
    needed = kind.text in ("Exact", "Prefix")
    if (text or (needed and path.empty)) and not text.startswith("/") and kind.text in _PATH_TYPES:
        path.reject("a path that begins with `/`")
    elif needed and any(part in text for part in _NOT_IN_PATH):
        path.reject(f"a path without {listed(_NOT_IN_PATH)}")
    elif needed and text.endswith(_NOT_AT_END):
        path.reject("a path that does not end with `/.` or `/..`")
    _backend(place["backend"])


def _backend(place: Place) -> None:
    chosen = exactly_one(place, ("service", "resource"), "backend")
    if chosen == "resource" and place["resource"].is_map:
        _reference(place["resource"])
    elif chosen == "service" and place["service"].is_map:
        place["service"]["name"].named(names.dns_label, required=True)
        port = place["service"]["port"]
        number, text = port["number"], port["name"]
        if text.text and number.whole:
            text.reject("no `name` beside `number`", "both", "`name` and `number` of the port are set; only one of them is allowed.")
        elif text.text:
            text.named(names.port_name)
        elif number.whole:
            _PORT(number)
        elif (number.value in (None, 0) and text.empty) and (port.value is None or port.is_map):
            port.reject("a port with `number` or `name`", "neither", "The `port` of the Service is required: its `number` or its `name`.")


def _reference(place: Place) -> None:
    place.fields({"apiGroup": name(names.dns_subdomain)})
    for key in ("kind", "name"):
        place[key].named(names.path_segment, required=True)


def _tls(place: Place) -> None:
    for host in place["hosts"].strings():
        host.named(names.wildcard_host)
    name_if_set(names.dns_subdomain)(place["secretName"])


def _port(place: Place) -> None:
    one_of_or_default("TCP", "UDP", "SCTP")(place["protocol"])
    if place["protocol"].text == "":
        place["protocol"].reject("`TCP`, `UDP` or `SCTP`")
    port, last = place["port"], place["endPort"]
    if port:
        if port.text == "":
            port.reject("a number from 1 to 65535, or the name of a port")
        else:
            port_or_name(port)
    if not last:
        return
    if port.whole is None:
        last.forbid("unless `port` is a number")
    elif last.whole is not None and not port.whole <= last.whole <= 65535:
        last.reject(f"a number from `port`, {port.whole}, to 65535")


def _peer(place: Place) -> None:
    kinds = [key for key in ("podSelector", "namespaceSelector", "ipBlock") if place[key]]
    if not kinds:
        place.reject("`podSelector`, `namespaceSelector` or `ipBlock`", "none of them", "A peer needs a selector or an `ipBlock`.")
    elif "ipBlock" in kinds and len(kinds) > 1:
        place["ipBlock"].reject("`ipBlock` alone", "a selector beside it", "`ipBlock` cannot stand beside a selector in one peer.")
    place.fields({"podSelector": selector, "namespaceSelector": selector, "ipBlock": _ip_block})


def _ip_block(place: Place) -> None:
    whole = place["cidr"]
    if not whole.require():
        return
    addresses.cidr(whole)
    around = addresses.block(whole.text or "")
    for item in place["except"].strings():
        addresses.cidr(item)
        inner = addresses.block(item.text or "")
        if around is not None and inner is not None and (inner.version != around.version or not _within(inner, around)):
            item.reject(f"a part of {whole.shown()}")


def _within(inner: addresses.Block, around: addresses.Block) -> bool:
    return inner.prefixlen > around.prefixlen and inner.network_address in around


def _policy_types(place: Place) -> None:
    if place.size > len(_DIRECTIONS):
        place.reject("at most `Ingress` and `Egress`", f"{place.size} of them")
        return
    for item in place.items():
        if item.value is None or (item.text is not None and item.text not in _DIRECTIONS):
            item.reject(listed(_DIRECTIONS))


_INGRESS: dict[str, Check] = {
    "defaultBackend": _backend,
    "rules": each(_rule),
    "tls": each(_tls),
    "ingressClassName": name(names.dns_subdomain),
}
_NETWORK_POLICY: dict[str, Check] = {
    "podSelector": selector,
    "policyTypes": _policy_types,
    "ingress": each(table({"ports": each(_port), "from": each(_peer)})),
    "egress": each(table({"ports": each(_port), "to": each(_peer)})),
}
