"""Lesson 6: one host name through which the world reaches the app, over TLS, within limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from graders.kinds import KINDS
from graders.lessons.existence import exists
from graders.objective import Lesson, objective, owns
from graders.semantics.names import dns_subdomain
from graders.semantics.ports import protocol
from graders.semantics.routing import (
    MEBIBYTE,
    boolean,
    certificate_covers,
    is_host,
    route_covers,
    service_port,
    size,
    takes_every_path,
    takes_every_request,
    whole_number,
)
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Status, Verdict, blocked, failed, passed, pending, unknown
from graders.workloads import APP

_KIND = "Ingress"
_NAME = "rag-engine-ingress"
_NGINX = "nginx"
_PORT, _PORT_NAME = 80, "http"

_OLD_CLASS = "kubernetes.io/ingress.class"
_ISSUERS = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")
_REDIRECT = "nginx.ingress.kubernetes.io/ssl-redirect"
_FORCED = "nginx.ingress.kubernetes.io/force-ssl-redirect"
_BODY_SIZE = "nginx.ingress.kubernetes.io/proxy-body-size"
_LIMITS = tuple(f"nginx.ingress.kubernetes.io/limit-{what}" for what in ("rps", "rpm", "connections"))
_UNREAD_LIMIT = "nginx.ingress.kubernetes.io/rate-limit"

_DOCS = "https://kubernetes.io/docs/concepts/services-networking/ingress/"
_CONTROLLERS = "https://kubernetes.io/docs/concepts/services-networking/ingress-controllers/"
_ISSUER_DOCS = "https://cert-manager.io/docs/usage/ingress/"
_ROUTE_DOCS = "https://gateway-api.sigs.k8s.io/reference/api-types/httproute/"


def _ingress(snapshot: Snapshot) -> K8sObject:
    return snapshot.own(_KIND, _NAME)


def _annotation(item: K8sObject, key: str) -> Field:
    """An annotation. One that is null is there, and empty: so the API server stores it."""
    field = item.key("metadata", "annotations", key)
    written = item.at("metadata.annotations").value
    return replace(field, value="") if field.value is None and isinstance(written, Mapping) and key in written else field


def _annotations(*keys: str) -> tuple[str, ...]:
    return tuple(f"metadata.annotations['{key}']" for key in keys)


def _shown(field: Field) -> str:
    """The value as YAML would hold it, so that a string is told from a number or a boolean."""
    if field.value is None:
        return f"no `{field.path[-1]}`"
    if field.text is not None:
        return '`"{}"`'.format(field.text.replace("\n", r"\n"))
    if field.flag is not None:
        return f"`{str(field.flag).lower()}` without quotes, a boolean"
    if isinstance(field.value, int | float):
        return f"`{field.value}` without quotes, a number"
    return "a list or a map"


def _not_a_string(fields: list[Field]) -> Verdict | None:
    """The API server takes strings for annotations, and nothing else."""
    for field in fields:
        if field.present and field.text is None:
            return failed(field, expected="a string, in quotes", found=_shown(field))
    return None


def _class(ingress: K8sObject) -> str | None:
    """The class that decides who reads the annotations: the field, else the old annotation."""
    return ingress.at("spec.ingressClassName").text or _annotation(ingress, _OLD_CLASS).text or None


def _read_by_nginx(ingress: K8sObject) -> tuple[str, ...]:
    """The advice that rides on an annotation of ingress-nginx under another class."""
    name = _class(ingress)
    if name in (None, _NGINX):
        return ()
    return (
        f"The annotations `nginx.ingress.kubernetes.io/…` are for ingress-nginx. See what the controller of class `{name}` reads instead.",
    )


class _Backend(NamedTuple):
    """One path of a rule that leads to the app's Service."""

    rule: Field
    path: Field

    @property
    def host(self) -> str | None:
        return self.rule.at("host").text or None

    @property
    def port(self) -> int | str | None:
        return service_port(self.path.at("backend.service.port").value)

    @property
    def takes_all(self) -> bool | None:
        return takes_every_path(self.path.at("path").value, self.path.at("pathType").value)


def _backends(ingress: K8sObject) -> Iterator[_Backend]:
    """The paths that lead to the app. Of two equal ones for a host only the first counts, as controllers have it."""
    taken = set()
    for rule in ingress.at("spec.rules").each():
        for path in rule.at("http.paths").each():
            place = str((rule.at("host").value or "", path.at("path").value or "", path.at("pathType").value))
            if place not in taken and path.at("backend.service.name").value == APP and not path.at("backend.resource").present:
                yield _Backend(rule, path)
            taken.add(place)


def _hosts(ingress: K8sObject) -> list[Field]:
    """The hosts through which the app is reached, each once. One that the API server refuses is for routes-to-service to say."""
    found: dict[str, Field] = {}
    for backend in _backends(ingress):
        if backend.host and is_host(backend.host):
            found.setdefault(backend.host, backend.rule.at("host"))
    return list(found.values())


@objective(
    "ingress-exists",
    "Ingress `rag-engine-ingress` exists",
    hints=(
        "`kubectl get ingress` lists those of your namespace; `kubectl api-resources` tells the group and version of the kind.",
        "In ingress.yaml: the networking API in its stable version, `kind: Ingress`, and the name under metadata.",
    ),
    docs=_DOCS,
    owned=owns(_KIND, _NAME),
)
def ingress_exists(snapshot: Snapshot) -> Verdict:
    return exists(snapshot, _KIND, _NAME)


@objective(
    "ingress-class",
    "It names its controller",
    hints=(
        "An Ingress is only a wish; a controller makes it true. `kubectl get ingressclass` lists the names to choose from.",
        "The spec has a field for the class. The annotation that did this before 2020 does not count any more.",
    ),
    docs=_DOCS + "#ingress-class",
    needs=(ingress_exists,),
    owned=owns(_KIND, _NAME, "spec.ingressClassName", *_annotations(_OLD_CLASS)),
)
def ingress_class(snapshot: Snapshot) -> Verdict:
    ingress = _ingress(snapshot)
    field, old = ingress.at("spec.ingressClassName"), _annotation(ingress, _OLD_CLASS)
    if not field.present:
        found = f"only the old annotation `{_OLD_CLASS}`" if old.present else "no `ingressClassName`"
        return failed(field, expected="`ingressClassName`", found=found)
    if field.text is None or not is_host(field.text) or "*" in field.text:
        return failed(field, expected="the name of an IngressClass: lower-case letters, digits, `-` and `.`", found=_shown(field))
    wrong = _not_a_string([old])
    if wrong:
        return wrong
    if old.text not in (None, field.text):
        return failed(old, expected=f"`ingressClassName: {field.text}` alone", found=f"another class in the old annotation, {_shown(old)}")
    if snapshot.is_live and snapshot.find("IngressClass", field.text) is None:
        names = sorted(item.name for item in snapshot.all("IngressClass"))
        found = (
            f"`{field.text}`, while the cluster has `{'`, `'.join(names)}`" if names else f"`{field.text}`; the cluster has no IngressClass"
        )
        return failed(field, expected="an IngressClass of this cluster", found=found, command="kubectl get ingressclass")
    return passed()


@objective(
    "routes-to-service",
    "A host's requests reach Service `rag-engine-api`",
    hints=(
        "`kubectl describe ingress` shows, for each host and path, the Service and the port that requests go to.",
        "`spec.rules` wants a host, a path that takes in everything below it with its `pathType`, and a backend: the Service's name and "
        "its port, not the container's.",
    ),
    docs=_DOCS + "#ingress-rules",
    needs=(ingress_exists,),
    owned=owns(_KIND, _NAME, "spec.rules", "spec.defaultBackend"),
)
def routes_to_service(snapshot: Snapshot) -> Verdict:
    ingress = _ingress(snapshot)
    backends = list(_backends(ingress))
    faults = []
    by_controller = False
    for backend in backends:
        fault = _fault(backend, _class(ingress))
        if fault is not None:
            faults.append(fault)
        elif backend.takes_all:
            return passed()
        else:
            by_controller = True
    if by_controller:
        return passed(
            "`ImplementationSpecific` leaves it to the controller what the path `/` takes in. `pathType: Prefix` means the same everywhere."
        )
    return faults[0] if faults else _no_backend(ingress)


def _fault(backend: _Backend, controller: str | None) -> Verdict | None:
    """What keeps one path from leading all requests of a host to the app; None when nothing does."""
    host, path, port = backend.rule.at("host"), backend.path.at("path"), backend.path.at("backend.service.port")
    if not host.present or host.value == "":
        return failed(backend.rule, expected="a rule with a `host`", found="a rule without one, which takes in every host name")
    if not is_host(host.value):
        return failed(host, expected="a DNS name in lower case, such as `api.example.com`", found=_shown(host))
    if backend.takes_all is False or (backend.takes_all is None and controller not in (None, _NGINX)):
        return failed(path, expected="path `/` with `pathType: Prefix`", found=_path(backend.path))
    if backend.port not in (_PORT, _PORT_NAME):
        return failed(port, expected=f"port `number: {_PORT}` or `name: {_PORT_NAME}`", found=_port(port))
    return None


def _path(path: Field) -> str:
    value, kind = path.at("path"), path.at("pathType")
    shown = f"path {_shown(value)}" if value.present else "no `path`"
    return f"{shown} with `pathType: {kind.value}`" if kind.present else f"{shown} and no `pathType`"


def _port(port: Field) -> str:
    number, name = port.at("number"), port.at("name")
    if number.present and name.present:
        return "both a number and a name"
    if number.present:
        return f"`number: {number.value}`" if number.whole is not None else f"{_shown(number)}, which is no number"
    return f"`name: {name.value}`" if name.present else "no port"


def _no_backend(ingress: K8sObject) -> Verdict:
    expected = f"a rule that leads to Service `{APP}`"
    names = [path.at("backend.service.name") for rule in ingress.at("spec.rules").each() for path in rule.at("http.paths").each()]
    others = [name for name in names if name.text]
    if others:
        listed = "`, `".join(sorted({str(name.value) for name in others}))
        taken = APP in listed.split("`, `")
        return failed(others[0], expected=expected, found="another Service first in line for the same path" if taken else f"`{listed}`")
    default = ingress.at("spec.defaultBackend")
    if default.present:
        return failed(default, expected=expected, found="only a `defaultBackend`, which has no host")
    rules = ingress.at("spec.rules")
    return failed(rules, expected=expected, found="rules without a Service" if list(rules.each()) else "no rules")


@objective(
    "tls",
    "That host is served over TLS",
    hints=(
        "`kubectl get ingress` shows 443 under PORTS when it speaks TLS. Compare the hosts of its certificates with those of its rules.",
        "Each entry of `spec.tls` has a list of hosts and the name of a Secret. A wildcard stands for exactly one label.",
    ),
    docs=_DOCS + "#tls",
    needs=(ingress_exists,),
    owned=owns(_KIND, _NAME, "spec.tls"),
)
def tls(snapshot: Snapshot) -> Verdict:
    ingress = _ingress(snapshot)
    hosts = _hosts(ingress) or [rule.at("host") for rule in ingress.at("spec.rules").each() if is_host(rule.at("host").value)]
    if not hosts:
        return blocked(routes_to_service.id)
    entries = list(ingress.at("spec.tls").each())
    for host in hosts:
        verdict = _uncovered(ingress, entries, str(host.value))
        if verdict is not None:
            return verdict
    if any(not backend.host for backend in _backends(ingress)):
        return passed("A rule without a host leads to the app as well: under any other host name it is served without this certificate.")
    return passed()


def _uncovered(ingress: K8sObject, entries: list[Field], host: str) -> Verdict | None:
    """Why no certificate covers a host; None when one does."""
    expected = f"an entry with `{host}` under `hosts` and a `secretName`"
    nameless = hostless = None
    listed: list[str] = []
    for entry in entries:
        hosts = [str(item.value) for item in entry.at("hosts").each()]
        if any(certificate_covers(item, host) for item in hosts):
            if entry.at("secretName").text:
                return None
            nameless = entry.at("secretName")
        elif not hosts:
            hostless = entry
        listed += hosts
    if nameless is not None:
        return failed(nameless, expected=expected, found=f"{_shown(nameless)} for `{host}`")
    place = ingress.at("spec.tls")
    if listed:
        return failed(place, expected=expected, found=f"`{'`, `'.join(listed)}`")
    return failed(hostless or place, expected=expected, found="an entry without `hosts`" if hostless else "no `tls`")


@objective(
    "certificate-issuer",
    "cert-manager issues the certificate",
    hints=(
        "cert-manager watches Ingresses for an annotation that names an issuer: one of this namespace, or one of the whole cluster.",
        "Its documentation on annotated Ingress resources lists the two annotations. Give one of them, with the issuer's name.",
    ),
    docs=_ISSUER_DOCS,
    needs=(ingress_exists,),
    owned=owns(_KIND, _NAME, *_annotations(*_ISSUERS)),
)
def certificate_issuer(snapshot: Snapshot) -> Verdict:
    ingress = _ingress(snapshot)
    fields = [_annotation(ingress, key) for key in _ISSUERS]
    expected = f"`{_ISSUERS[0]}` or `{_ISSUERS[1]}` with the name of an issuer"
    wrong = _not_a_string(fields)
    if wrong:
        return wrong
    given = [field for field in fields if field.present]
    if not given:
        return failed(fields[0], expected=expected, found="neither")
    if len(given) > 1:
        return failed(given[1], expected=expected, found="both, which cert-manager refuses")
    name = given[0].text or ""
    if not name.strip():
        return failed(given[0], expected=expected, found="an empty name")
    if dns_subdomain(name) is not None:
        return failed(given[0], expected=expected, found=f"{_shown(given[0])}, a name that no issuer can have")
    return passed()


@objective(
    "forces-https",
    "Plain HTTP is redirected",
    hints=(
        "`curl -I http://…` on the host tells: a redirect answers 308. Who asks for it is an annotation of ingress-nginx.",
        "Two annotations of ingress-nginx end in `ssl-redirect`. Annotations are strings: `true` wants quotes.",
    ),
    docs=_DOCS + "#tls",
    needs=(ingress_exists,),
    owned=owns(_KIND, _NAME, *_annotations(_REDIRECT, _FORCED)),
)
def forces_https(snapshot: Snapshot) -> Verdict:
    ingress = _ingress(snapshot)
    redirect, forced = (_annotation(ingress, key) for key in (_REDIRECT, _FORCED))
    expected = f'`{_REDIRECT}: "true"`'
    wrong = _not_a_string([redirect, forced])
    if wrong:
        return wrong
    values = [boolean(field.text) if field.text is not None else None for field in (redirect, forced)]
    if True in values:
        return passed(*_read_by_nginx(ingress))
    for field, value in zip((redirect, forced), values, strict=True):
        if field.present and value is None:
            return failed(field, expected=expected, found=f"{_shown(field)}, which is no boolean")
    if redirect.present:
        return failed(redirect, expected=expected, found=_shown(redirect))
    controller = _class(ingress)
    if controller is None:
        return blocked(ingress_class.id)
    if controller != _NGINX:
        return failed(
            redirect, expected=expected, found=f"neither annotation; only class `{_NGINX}` redirects without, and this is `{controller}`"
        )
    if not list(ingress.at("spec.tls").each()):  # ingress-nginx redirects of itself only what it serves over TLS
        return blocked(tls.id)
    return passed()


@objective(
    "body-size",
    "Uploads up to 50 MB are allowed",
    hints=(
        "ingress-nginx answers 413 to a body above 1 MB unless an annotation says otherwise.",
        "The annotation is named after nginx's `proxy` and the size of a body; its value is a number and a unit, in quotes.",
    ),
    docs=_CONTROLLERS,
    needs=(ingress_exists,),
    owned=owns(_KIND, _NAME, *_annotations(_BODY_SIZE)),
)
def body_size(snapshot: Snapshot) -> Verdict:
    ingress = _ingress(snapshot)
    field = _annotation(ingress, _BODY_SIZE)
    expected = "a size from `50m` to `500m`"
    wrong = _not_a_string([field])
    if wrong:
        return wrong
    if field.text is None:
        return failed(field, expected=expected, found=f"no `{_BODY_SIZE}`, which means `1m`")
    given = size(field.text.strip(" "))  # ingress-nginx takes the blanks away before nginx sees it
    if given is None:
        return failed(field, expected=expected, found=f"{_shown(field)}, which nginx does not read as a size")
    if given == 0:
        return failed(field, expected=expected, found=f"{_shown(field)}, which means no limit at all")
    if not 50 * MEBIBYTE <= given <= 500 * MEBIBYTE:
        return failed(field, expected=expected, found=_shown(field))
    return passed(*_read_by_nginx(ingress))


@objective(
    "rate-limit",
    "Clients are rate-limited",
    hints=(
        "ingress-nginx limits requests a second, requests a minute or connections, each for one client address.",
        "Its three annotations for that begin with `limit-`. The value is a whole number above 0, in quotes.",
    ),
    docs=_CONTROLLERS,
    needs=(ingress_exists,),
    owned=owns(_KIND, _NAME, *_annotations(*_LIMITS, _UNREAD_LIMIT)),
)
def rate_limit(snapshot: Snapshot) -> Verdict:
    ingress = _ingress(snapshot)
    limits, unread = [_annotation(ingress, key) for key in _LIMITS], _annotation(ingress, _UNREAD_LIMIT)
    expected = "`limit-rps`, `limit-rpm` or `limit-connections` of nginx.ingress.kubernetes.io with a whole number above 0"
    wrong = _not_a_string([*limits, unread])
    if wrong:
        return wrong
    if any(_positive(field) for field in limits):
        return passed(*_read_by_nginx(ingress))
    given = [field for field in (*limits, unread) if field.present]
    if not given:
        return failed(limits[0], expected=expected, found="none of them")
    if given == [unread] and _positive(unread):
        return passed(
            f"ingress-nginx does not read `{_UNREAD_LIMIT}`, so no client is limited. Write `{_LIMITS[0]}` instead.",
            *_read_by_nginx(ingress),
        )
    return failed(given[0], expected=expected, found=f"`{given[0].path[-1]}: {_shown(given[0]).strip('`')}`")


def _positive(field: Field) -> bool:
    number = whole_number(field.text) if field.text is not None else None
    return number is not None and number > 0


@objective(
    "backend-resolves",
    "The backend Service and port exist",
    hints=(
        "`kubectl describe ingress` says so when it does not find the Service or the port. Compare with `kubectl get services`.",
        "The backend's port is looked up among `spec.ports` of the Service: a number under `port` (not `targetPort`), a name under `name`.",
    ),
    docs=_DOCS + "#the-ingress-resource",
    needs=(ingress_exists,),
    owned=owns("Service", APP),
)
def backend_resolves(snapshot: Snapshot) -> Verdict:
    backends = list(_backends(_ingress(snapshot)))
    if all(backend.port not in (_PORT, _PORT_NAME) for backend in backends):  # a wrong port is for routes-to-service to say
        return blocked(routes_to_service.id)
    service = snapshot.related("Service", APP)
    if service.api_version != "v1":
        return failed(service.at("apiVersion"), expected="`apiVersion: v1`", found=f"`{service.api_version}`")
    ports = service.at("spec.ports")
    for backend in backends:
        wanted = backend.port
        key = "name" if isinstance(wanted, str) else "port"
        if not any(port.key(key).value == wanted and protocol(port.at("protocol").value) == "TCP" for port in ports.each()):
            expected = f"a TCP port with `{key}: {wanted}`, which the Ingress asks for"
            return failed(ports, expected=expected, found=_ports(ports))
    return passed()


def _ports(ports: Field) -> str:
    listed = []
    for port in ports.each():
        name = f" named `{port.at('name').value}`" if port.at("name").present else " without a name"
        number = port.at("port")
        shown = f"`{number.value}`" if number.whole is not None else _shown(number)
        listed.append(f"{shown}{name}, {protocol(port.at('protocol').value)}")
    return "; ".join(listed) or "no ports"


@objective(
    "address-assigned",
    "The controller has admitted it",
    hints=(
        "`kubectl get ingress` shows the address as soon as a controller has taken it up, and `kubectl describe ingress` its events.",
        "`status.loadBalancer` is what the controller writes. See whether its Pods run, and whether it serves the class that you name.",
    ),
    docs=_CONTROLLERS,
    needs=(ingress_exists,),
    live=True,
)
def address_assigned(snapshot: Snapshot) -> Verdict:
    ingress = _ingress(snapshot)
    command = " ".join(("kubectl describe", *ingress.kubectl))
    expected = "an address that the controller has assigned"
    leaving = ingress.at("metadata.deletionTimestamp")
    if leaving.present:
        return failed(leaving, expected=expected, found=f"the Ingress is being deleted since {leaving.value}", command=command)
    addresses = ingress.at("status.loadBalancer.ingress")
    errors = [error for entry in addresses.each() for port in entry.at("ports").each() if (error := port.at("error")).text]
    if errors:
        return failed(errors[0], expected=expected, found=f"the controller reports `{errors[0].text}`", command=command)
    if any(entry.at(key).text for entry in addresses.each() for key in ("ip", "hostname")):
        return passed()
    name = _class(ingress)
    classes = {item.name for item in snapshot.all("IngressClass")}
    if not classes or (name and name not in classes):
        missing = f"IngressClass `{name}`" if classes else "IngressClass"
        return unknown(
            f"The cluster has no {missing}, so it seems that no controller is there to admit the Ingress. Install one that is maintained, "
            f"such as Traefik or HAProxy, as {_CONTROLLERS} tells, then see: kubectl get ingressclass"
        )
    return pending(addresses, expected=expected, found="none yet", command=command)


@objective(
    "gateway-route",
    "An HTTPRoute serves the same host",
    hints=(
        "The Gateway API is where Ingress is going. A route names its gateway, its host names and where requests go.",
        "An HTTPRoute has `parentRefs`, `hostnames` and `rules` with `backendRefs`: the Service's name and its port. "
        "Compare its host names with those of your Ingress.",
    ),
    docs=_ROUTE_DOCS,
    needs=(ingress_exists,),
    bonus=True,
    owned=owns("HTTPRoute", "*"),
)
def gateway_route(snapshot: Snapshot) -> Verdict:
    known = KINDS["HTTPRoute"]
    routes = snapshot.all(known.name)
    if not routes:
        elsewhere = snapshot.every(known.name)
        if elsewhere:
            found = f"`{elsewhere[0].name}` in namespace `{elsewhere[0].namespace}` only"
            return failed(elsewhere[0].at("metadata.namespace"), expected=f"an HTTPRoute in namespace `{snapshot.namespace}`", found=found)
        return _no_route(snapshot)
    hosts = _hosts(_ingress(snapshot))
    if not hosts:
        return blocked(routes_to_service.id)
    faults = [(route, _route_fault(route)) for route in routes]
    sound = [route for route, fault in faults if fault is None]
    for host in hosts:
        if any(route_covers(name.value, str(host.value)) for route in sound for name in route.at("spec.hostnames").each()):
            continue
        for route, fault in faults:
            names = route.at("spec.hostnames")
            if fault is not None and any(route_covers(name.value, str(host.value)) for name in names.each()):
                return fault
        names = routes[0].at("spec.hostnames")
        listed = "`, `".join(str(name.value) for route in routes for name in route.at("spec.hostnames").each())
        return failed(names, expected=f"`{host.value}`", found=f"`{listed}`" if listed else "no `hostnames`")
    dated = [route.name for route in sound if route.api_version != known.api_version]
    return passed(*(f"HTTPRoute/{name} is written in an older version: use `apiVersion: {known.api_version}`." for name in dated))


def _no_route(snapshot: Snapshot) -> Verdict:
    if not snapshot.is_live:
        return Verdict(Status.SKIPPED, reason="It is about an HTTPRoute, and none was submitted. Add its manifest with another -f.")
    return failed(
        snapshot.wanted("HTTPRoute", APP),
        expected=f"an HTTPRoute in namespace `{snapshot.namespace}`",
        found="none",
        command=f"kubectl get {KINDS['HTTPRoute'].resource} -n {snapshot.namespace}",
    )


def _route_fault(route: K8sObject) -> Verdict | None:
    """What keeps a route from leading every request of its host names to the app; None when nothing does."""
    known = KINDS["HTTPRoute"]
    if route.api_version not in (known.api_version, f"{known.group}/v1beta1"):
        return failed(route.at("apiVersion"), expected=f"`apiVersion: {known.api_version}`", found=f"`{route.api_version}`")
    parents = route.at("spec.parentRefs")
    if not any(parent.at("name").text for parent in parents.each()):
        return failed(parents, expected="the name of a Gateway under `parentRefs`", found="none, so no Gateway serves the route")
    fault = None
    for rule in route.at("spec.rules").each():
        wrong = _rule_fault(rule)
        if wrong is None:
            return None
        fault = fault or wrong
        if takes_every_request(rule.at("matches").value):  # of equal rules the first gets all the requests
            break
    return fault or failed(route.at("spec.rules"), expected=f"a rule that leads to Service `{APP}`", found="no rules")


def _rule_fault(rule: Field) -> Verdict | None:
    expected = f"a `backendRefs` entry for Service `{APP}`, port {_PORT}"
    found = []
    for reference in rule.at("backendRefs").each():
        wrong = _reference_fault(reference)
        if wrong is None:
            break
        found.append(wrong)
    else:
        return failed(rule.at("backendRefs"), expected=expected, found="; ".join(found) or "no `backendRefs`")
    for entry in rule.at("filters").each():
        if entry.at("type").value == "RequestRedirect":
            return failed(entry, expected="requests that reach the Service", found="a redirect in their place")
    matches = rule.at("matches")
    if not takes_every_request(matches.value):
        return failed(matches, expected="a rule for every request: no `matches`, or the path prefix `/`", found="only some of the requests")
    return None


def _reference_fault(reference: Field) -> str | None:
    """In words what keeps a reference from leading to the app's port 80; None when nothing does."""
    name, kind, port, weight = (reference.at(key) for key in ("name", "kind", "port", "weight"))
    namespace, group = reference.at("namespace"), reference.at("group")
    if name.value != APP:
        return f"`name: {name.value}`"
    if (kind.present and kind.value != "Service") or (group.present and group.value != ""):
        return f"a reference to the kind `{kind.value or 'Service'}` of group `{group.value or ''}`"
    if namespace.present and namespace.value != reference.object.namespace:
        return f"`namespace: {namespace.value}`"
    if port.whole != _PORT:
        return f"`port: {port.value}`" if port.whole is not None else f"`port` {_shown(port)}" if port.present else "no `port`"
    if weight.present and (weight.whole is None or weight.whole <= 0):
        return f"`weight: {weight.value}`, which sends it nothing" if weight.whole == 0 else f"`weight` {_shown(weight)}"
    return None


LESSON = Lesson(
    "lesson-6",
    "Ingress",
    reads=("Ingress", "Service", "HTTPRoute"),
    objectives=(
        ingress_exists,
        ingress_class,
        routes_to_service,
        tls,
        certificate_issuer,
        forces_https,
        body_size,
        rate_limit,
        backend_resolves,
        address_assigned,
        gateway_route,
    ),
    live_reads=("IngressClass",),
)
