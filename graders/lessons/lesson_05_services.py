"""Lesson 5: one stable name and port in front of the app's Pods, inside the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graders.lessons.deployment_events import Failure, failed_creation, troubles
from graders.lessons.existence import exists
from graders.lessons.pod_states import condition
from graders.objective import Lesson, objective, owns
from graders.semantics.ports import protocol, target_number
from graders.semantics.selectors import matches_labels
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Verdict, failed, passed, pending
from graders.workloads import APP, APP_PORT, WORKLOAD_KINDS, Workload, also_selected

_KIND = "Service"
_PORT, _PORT_NAME = 80, "http"
_SERVICE_LABEL = "kubernetes.io/service-name"

_DOCS = "https://kubernetes.io/docs/concepts/services-networking/service/"
_DEBUG = "https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/"
_LABELS_DOCS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"


def _service(snapshot: Snapshot) -> K8sObject:
    return snapshot.own(_KIND, APP)


def _labels(labels: Mapping[str, Any]) -> str:
    return ", ".join(f"`{key}: {_value(value)}`" for key, value in sorted(labels.items())) or "no labels"


def _value(value: Any) -> str:
    return "{…}" if isinstance(value, Mapping) else "[…]" if isinstance(value, tuple) else "null" if value is None else str(value)


@objective(
    "service-exists",
    "Service `rag-engine-api` exists",
    hints=(
        "`kubectl get services` lists those of your namespace. A Service belongs to the core group, so its apiVersion has no slash.",
        "In service.yaml: `kind: Service`, the name under metadata, and a spec with at least one port.",
    ),
    docs=_DOCS,
    owned=owns(_KIND, APP),
)
def service_exists(snapshot: Snapshot) -> Verdict:
    return exists(snapshot, _KIND, APP)


@objective(
    "internal-only",
    "It is reachable inside the cluster only",
    hints=(
        "The TYPE and EXTERNAL-IP columns of `kubectl get services` show how far a Service reaches. Lesson 6 opens the door, not this one.",
        "`spec.type` has four values; the one for traffic inside the cluster is also the default. `spec.externalIPs` bypasses it.",
    ),
    docs=_DOCS + "#publishing-services-service-types",
    needs=(service_exists,),
    owned=owns(
        _KIND,
        APP,
        "spec.type",
        "spec.externalIPs",
        "spec.externalName",
        "spec.externalTrafficPolicy",
        "spec.loadBalancerIP",
        "spec.loadBalancerClass",
        "spec.loadBalancerSourceRanges",
        "spec.allocateLoadBalancerNodePorts",
        "spec.healthCheckNodePort",
        "spec.ports[].nodePort",
    ),
)
def internal_only(snapshot: Snapshot) -> Verdict:
    spec = _service(snapshot).at("spec")
    kind = spec.at("type")
    if kind.value not in (None, "", "ClusterIP"):
        return failed(kind, expected="`type: ClusterIP`, or no `type` at all", found=f"`type: {kind.value}`")
    outside = [str(address.value) for address in spec.at("externalIPs").each()]
    if outside:
        return failed(spec.at("externalIPs"), expected="no `externalIPs`", found=f"`{'`, `'.join(outside)}`")
    return passed()


@objective(
    "port-mapping",
    "Port 80, named `http`, leads to the app's port 8000",
    hints=(
        "`kubectl describe service` shows Port (what callers use) and TargetPort (where the Pods listen). They need not be the same.",
        "An item of `spec.ports` has a name, a port and a targetPort; the last may be a number or the name that the container gives to it.",
    ),
    docs=_DOCS + "#field-spec-ports",
    needs=(service_exists,),
    owned=owns(_KIND, APP, "spec.ports", "spec.clusterIP", "spec.clusterIPs"),
)
def port_mapping(snapshot: Snapshot) -> Verdict:
    spec = _service(snapshot).at("spec")
    expected = f"`port: {_PORT}`, `name: {_PORT_NAME}`, over TCP, with a `targetPort` that is {APP_PORT} in the Pods"
    if spec.at("clusterIP").value == "None":
        found = "`clusterIP: None`: a headless Service translates no ports, so callers need the Pods' own"
        return failed(spec.at("clusterIP"), expected="a Service with an address of its own", found=found)
    ports = list(spec.at("ports").each())
    if not ports:
        return failed(spec.at("ports"), expected=expected, found="no `ports`")
    faults = min((_faults(port) for port in ports), key=len)
    if faults:
        return failed(faults[0], expected=expected, found=_written(faults[0]))
    port = next(port for port in ports if not _faults(port))
    return _target(snapshot, port, expected)


def _faults(port: Field) -> list[Field]:
    """The fields of a Service port, but for the target, that are not as they should be."""
    number, name, over = (port.at(key) for key in ("port", "name", "protocol"))
    right = ((number, number.whole == _PORT), (name, name.value == _PORT_NAME), (over, protocol(over.value) == "TCP"))
    return [field for field, fits in right if not fits]


def _written(field: Field) -> str:
    """The field as it stands, so that a string is told from a number."""
    name = field.path[-1]
    if not field.present:
        return f"no `{name}`"
    return f'`{name}: "{field.value}"`' if isinstance(field.value, str) and field.value[:1].isdigit() else f"`{name}: {field.value}`"


def _target(snapshot: Snapshot, port: Field, expected: str) -> Verdict:
    target = port.at("targetPort")
    if target.value in (None, 0, ""):
        return failed(target, expected=expected, found=f"no `targetPort`, which means {_PORT}, the Service's own port")
    if target.text is None:
        return passed() if target.whole == APP_PORT else failed(target, expected=expected, found=_written(target))
    if target.text.isdigit():
        found = f'`targetPort: "{target.text}"`: in quotes it would be the name of a port, and a name holds a letter'
        return failed(target, expected=expected, found=found)
    app = Workload.of(snapshot.related("Deployment", APP))
    number = target_number(app.pod_spec.value, target.text, _PORT)
    if number == APP_PORT:
        return passed()
    meaning = f"which the Pods give to {number}" if number is not None else "a name that no TCP port of the Pods has"
    return failed(target, expected=expected, found=f"`targetPort: {target.text}`, {meaning}")


@objective(
    "selects-the-app",
    "It selects the Deployment's Pods, and only those",
    hints=(
        "A Service finds Pods by their labels: hold `spec.selector` against `kubectl get pods --show-labels`, letter by letter.",
        "Every label of the selector must be in the Deployment's Pod template (`spec.template.metadata.labels`) and in no other's.",
    ),
    docs=_DEBUG,
    needs=(service_exists,),
    owned=owns(_KIND, APP, "spec.selector"),
)
def selects_the_app(snapshot: Snapshot) -> Verdict:
    selector = _service(snapshot).at("spec.selector")
    app = Workload.of(snapshot.related("Deployment", APP))
    expected = f"a selector that matches the Pods of {app.object.ref}, which carry {_labels(app.pod_labels)}"
    if not selector.mapping:
        found = "no selector, so it has no Pods at all" if selector.value in (None, {}) else f"`{_value(selector.value)}`, no map of labels"
        return failed(selector, expected=expected, found=found)
    chosen = _labels(selector.mapping)
    if not matches_labels(selector.value, app.pod_labels):
        return failed(selector, expected=expected, found=chosen)
    others = also_selected(snapshot, selector, app)
    if others:
        found = f"{chosen}, which also takes in {', '.join(others)}"
        return failed(selector, expected=f"a selector that matches the Pods of {app.object.ref} only", found=found)
    return passed()


@objective(
    "labelled-for-monitoring",
    "It carries `app: rag-engine-api`",
    hints=(
        "This is about labels of the Service itself, not about its selector: lesson 12 lets monitoring find the Service by them.",
        "Under `metadata.labels` of the Service. `kubectl get services --show-labels` shows them.",
    ),
    docs=_LABELS_DOCS,
    needs=(service_exists,),
    owned=owns(_KIND, APP, "metadata.labels"),
)
def labelled_for_monitoring(snapshot: Snapshot) -> Verdict:
    service = _service(snapshot)
    label = service.key("metadata", "labels", "app")
    if label.value == APP:
        return passed()
    others = f", but {_labels(service.labels)}" if service.labels else ""
    found = f"`app: {_value(label.value)}`" if label.present else f"no label `app`{others}"
    return failed(label, expected=f"`app: {APP}`", found=found)


@objective(
    "endpoints-ready",
    "Every replica is a ready endpoint",
    hints=(
        "`kubectl get endpointslices` shows the addresses behind each Service. None at all: the selector. Some: the Pods' readiness.",
        "`kubectl describe endpointslice` tells which addresses are ready; a Pod becomes one when its readiness probe succeeds.",
    ),
    docs="https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/",
    needs=(service_exists,),
    live=True,
)
def endpoints_ready(snapshot: Snapshot) -> Verdict:
    service, deployment = _service(snapshot), snapshot.related("Deployment", APP)
    wanted = deployment.at("spec.replicas").whole
    wanted = 1 if wanted is None else wanted
    slices = [item for item in snapshot.all("EndpointSlice") if item.labels.get(_SERVICE_LABEL) == service.name]
    ready, unready = _endpoints(slices)
    command = f"kubectl get endpointslices -l {_SERVICE_LABEL}={service.name} -n {snapshot.namespace} -o yaml"
    expected = f"{max(wanted, 1)} ready endpoint{'s' if wanted > 1 else ''}, one for each replica"
    found = f"{len(ready)} ready" + (f", {len(unready)} not ready: {', '.join(sorted(unready)[:3])}" if unready else "")
    hopeless = _hopeless(service, deployment, slices)
    if hopeless is not None:
        where, why = hopeless
        return failed(where, expected=expected, found=f"{found}: {why}", command=command)
    if len(ready) >= wanted and not unready:
        return passed()
    stuck, known = _stuck(deployment), troubles(snapshot)
    root = f"; {known[0]}" if known else ""
    if stuck is not None:
        stopped = f"{found}: the rollout has stopped, {stuck.at('reason').value}{root}"
        return failed(stuck, expected=expected, found=stopped, command=known[0].command if known else None)
    refused = _refused(snapshot, deployment)
    if refused is not None:
        found += f"; {refused.text.removeprefix('none; ')}"
        return failed(deployment, expected=expected, found=found, command=refused.command)
    where = slices[0].root if slices else service.root
    found += root
    return pending(where, expected=expected, found=found, command=command)


def _hopeless(service: K8sObject, deployment: K8sObject, slices: list[K8sObject]) -> tuple[Field, str] | None:
    """A reason for which waiting brings no endpoints, and where it stands; None when there is none."""
    kind, selector, replicas = service.at("spec.type"), service.at("spec.selector"), deployment.at("spec.replicas")
    if kind.value == "ExternalName":
        return kind, "a Service of type `ExternalName` is a name in the DNS and has no endpoints"
    if not matches_labels(selector.value, Workload.of(deployment).pod_labels):
        return selector, "the selector does not match the Deployment's Pods"
    if replicas.whole == 0:
        return replicas, "`replicas: 0`, so there is nothing to reach"
    portless = _portless(service, slices)
    if portless is not None:
        return portless, "the addresses are without a port: no container has a port of the name that `targetPort` gives"
    return None


def _portless(service: K8sObject, slices: list[K8sObject]) -> Field | None:
    """The ports of a slice that lacks the Service's port 80: it leaves out what no container of its Pods has a name for."""
    names = {port.at("name").text or "" for port in service.at("spec.ports").each() if port.at("port").value == _PORT}
    for item in slices:
        given = {port.at("name").text or "" for port in item.at("ports").each()}
        if any(_current(item)) and not names <= given:
            return item.at("ports")
    return None


def _current(item: K8sObject) -> Iterator[Field]:
    """The endpoints of a slice that are there to stay: one that terminates is no replica any more."""
    for endpoint in item.at("endpoints").each():
        if endpoint.at("conditions.terminating").value is not True:
            yield endpoint


def _endpoints(slices: list[K8sObject]) -> tuple[set[str], set[str]]:
    """The names (or addresses) of the ready and of the unready endpoints; a Pod in two slices, as with two IP families, counts once."""
    ready: set[str] = set()
    unready: set[str] = set()
    for item in slices:
        for endpoint in _current(item):
            name = endpoint.at("targetRef.name").text or str(endpoint.key("addresses", 0).value)
            (unready if endpoint.at("conditions.ready").value is False else ready).add(name)  # left out, it means ready
    return ready - unready, unready


def _stuck(deployment: K8sObject) -> Field | None:
    """The condition that says the Deployment has given up its rollout, if it has."""
    progressing = condition(deployment, "Progressing")
    return progressing if progressing is not None and progressing.at("status").value == "False" else None


def _refused(snapshot: Snapshot, deployment: K8sObject) -> Failure | None:
    """Why the Deployment's ReplicaSet cannot make Pods, if it cannot."""
    failure = condition(deployment, "ReplicaFailure")
    return failed_creation(snapshot) if failure is not None and failure.at("status").value == "True" else None


LESSON = Lesson(
    "lesson-5",
    "Services",
    reads=("Service", *WORKLOAD_KINDS),
    objectives=(service_exists, internal_only, port_mapping, selects_the_app, labelled_for_monitoring, endpoints_ready),
    live_reads=("EndpointSlice", "Event"),
)
