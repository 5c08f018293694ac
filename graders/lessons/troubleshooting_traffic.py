"""Lesson 14: a Service that leads nowhere."""

from __future__ import annotations

from graders.lessons.deployment_app import labels_in_words, written
from graders.lessons.existence import exists
from graders.lessons.troubleshooting_app import KIND, App, mends, well
from graders.objective import objective, owns
from graders.semantics.ports import protocol, target_number
from graders.semantics.selectors import matches_labels
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Status, Verdict, failed, passed, pending
from graders.workloads import also_selected

_NAME = "search"
_PORT, _TARGET = 80, 8080
_SERVICE_LABEL = "kubernetes.io/service-name"


def _endpoints(snapshot: Snapshot, app: App) -> Verdict:
    """Whether every replica is an endpoint that is ready, with a port."""
    wanted = app.object.at("spec.replicas").whole
    wanted = 1 if wanted is None else wanted
    ready: set[str] = set()
    for item in snapshot.all("EndpointSlice"):
        if item.labels.get(_SERVICE_LABEL) == _NAME and any(port.at("port").value == _TARGET for port in item.at("ports").each()):
            for endpoint in item.at("endpoints").each():
                if endpoint.at("conditions.ready").value is not False and endpoint.at("conditions.terminating").value is not True:
                    ready.add(endpoint.at("targetRef.name").text or str(endpoint.key("addresses", 0).value))
    if len(ready) >= wanted:
        return passed()
    expected = f"{wanted} ready endpoint{'s' if wanted > 1 else ''} on port {_TARGET}"
    command = f"kubectl get endpointslices -l {_SERVICE_LABEL}={_NAME} -n {snapshot.namespace}"
    return pending(snapshot.own("Service", _NAME), expected=expected, found=f"{len(ready)}", command=command)


@objective(
    "no-endpoints",
    "Service `search` leads to its Pods",
    hints=(
        "The Pods are ready, and callers get no answer: `kubectl get endpointslices` shows what stands behind the Service.",
        "Two pairs have to agree, letter by letter: the Service's selector and the labels in `kubectl get pods --show-labels`; its "
        "targetPort, a number or a name, and the port that the container serves.",
    ),
    docs="https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
    owned=(*owns(KIND, _NAME), *owns("Service", _NAME)),
)
@mends(_NAME, then=_endpoints)
def no_endpoints(snapshot: Snapshot, app: App) -> Verdict:
    there = exists(snapshot, "Service", _NAME)
    if there.status is not Status.PASSED:
        return there
    service = snapshot.own("Service", _NAME)
    return _elsewhere(service) or _selection(snapshot, service, app) or _port(service, app) or well(app, *there.advice)


def _elsewhere(service: K8sObject) -> Verdict | None:
    """What keeps the Service from balancing over Pods at all; None when it does."""
    kind, address = service.at("spec.type"), service.at("spec.clusterIP")
    if kind.value == "ExternalName":
        return failed(kind, expected="a Service with Pods behind it", found="`type: ExternalName`, which is a name in the DNS")
    if address.value == "None":
        return failed(address, expected="an address of its own", found="`clusterIP: None`: a headless Service translates no ports")
    return None


def _selection(snapshot: Snapshot, service: K8sObject, app: App) -> Verdict | None:
    selector, labels = service.at("spec.selector"), app.workload.pod_labels
    expected = f"a selector that matches the Pods of {app.object.ref}, which carry {labels_in_words(labels)}"
    chosen = ", ".join(written(label) for _, label in selector.entries()) or "no selector"
    if not matches_labels(selector.value, labels):
        return failed(selector, expected=expected, found=chosen)
    others = also_selected(snapshot, selector, app.workload)
    if others:
        return failed(selector, expected=f"{expected}, and no others", found=f"{chosen}, which also takes in {', '.join(others)}")
    return None


def _port(service: K8sObject, app: App) -> Verdict | None:
    ports = service.at("spec.ports")
    expected = f"`port: {_PORT}` over TCP, with a `targetPort` that is {_TARGET} in the Pods"
    port = next((item for item in ports.each() if item.at("port").whole == _PORT and protocol(item.at("protocol").value) == "TCP"), None)
    if port is None:
        some = next(ports.each(), None)
        if some is None:
            return failed(ports, expected=expected, found="no `ports`")
        place = some.at("protocol" if some.at("port").whole == _PORT else "port")
        return failed(place, expected=expected, found=written(place))
    target = port.at("targetPort")
    number = target_number(app.pod_spec.value, target.value, _PORT)
    return None if number == _TARGET else failed(target, expected=expected, found=_leads_to(target, number))


def _leads_to(target: Field, number: int | None) -> str:
    if target.value in (None, 0, ""):
        return f"no `targetPort`, which means {_PORT}, the Service's own port"
    if target.text is None:
        return written(target)
    return f"{written(target)}, " + (f"which the Pods give to {number}" if number else "a name that no TCP port of the Pods has")
