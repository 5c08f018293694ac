"""Lesson 12: metrics that are scraped, an alert on them, and logs that are collected."""

from __future__ import annotations

from collections.abc import Mapping

from graders.kinds import KINDS
from graders.lessons.existence import exists
from graders.lessons.monitoring_alert import KIND as RULE
from graders.lessons.monitoring_alert import alert_on_downtime
from graders.lessons.monitoring_logs import COLLECTOR, log_collector, logs_to_stdout
from graders.lessons.monitoring_source import SCALED, autoscaling_metric_source
from graders.objective import Lesson, objective, owns
from graders.semantics.durations import SECOND
from graders.semantics.exposition import read_exposition
from graders.semantics.prometheus_operator import DEFAULT_INTERVAL, ENDPOINT_FIELDS, SPEC_FIELDS, interval, stray_key, takes_namespace
from graders.semantics.selectors import matches
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Status, Verdict, failed, passed, pending, unknown
from graders.workloads import APP, APP_PORT

_KIND = "ServiceMonitor"
_NAME = "rag-engine-metrics"
_PORT = "http"
_PATH = "/metrics"
_SLOWEST = 30 * SECOND
_SCRAPE = "Scrape"  # no object of the API: what its proxy answered to a request for the metrics

_DOCS = "https://prometheus-operator.dev/docs/developer/getting-started/"
_API_DOCS = "https://prometheus-operator.dev/docs/api-reference/api/"
_FORMAT_DOCS = "https://prometheus.io/docs/instrumenting/exposition_formats/"


def _elsewhere(snapshot: Snapshot) -> K8sObject | None:
    """A monitor of that name in another namespace that looks into the one being graded: teams that keep all of theirs together do so."""
    for item in snapshot.everywhere(_KIND):
        names = item.at("spec.namespaceSelector").value
        if item.name == _NAME and item.namespace != snapshot.namespace and takes_namespace(names, snapshot.namespace, item.namespace):
            return item
    return None


def _monitor(snapshot: Snapshot) -> K8sObject:
    return snapshot.find(_KIND, _NAME) or _elsewhere(snapshot) or snapshot.own(_KIND, _NAME)


@objective(
    "servicemonitor-exists",
    "ServiceMonitor `rag-engine-metrics` exists",
    hints=(
        "`kubectl get servicemonitors` lists them. The kind comes with the Prometheus Operator: see its group in `kubectl api-resources`.",
        "In servicemonitor.yaml: group and version of the operator's monitoring API, the kind in one word, and the name under metadata.",
    ),
    docs=_DOCS,
    owned=owns(_KIND, _NAME),
)
def servicemonitor_exists(snapshot: Snapshot) -> Verdict:
    elsewhere = _elsewhere(snapshot) if snapshot.find(_KIND, _NAME) is None else None
    if elsewhere is None:
        verdict = exists(snapshot, _KIND, _NAME)
    else:
        version = elsewhere.at("apiVersion")
        wanted = KINDS[_KIND].api_version
        verdict = passed() if version.value == wanted else failed(version, expected=f"`apiVersion: {wanted}`", found=f"`{version.value}`")
    if verdict.status is not Status.PASSED:
        return verdict
    spec = _monitor(snapshot).at("spec")
    stray = stray_key(spec.value, SPEC_FIELDS)
    if stray is None:
        return verdict
    return failed(spec.key(stray), expected=f"a field of a {_KIND}'s `spec`", found=f"`{stray}`, which is none")


@objective(
    "selects-the-service",
    "It selects the API's Service",
    hints=(
        "A ServiceMonitor finds Services by their own labels, not by those of Pods: `kubectl get services --show-labels`.",
        "`spec.selector` is a label selector, and `spec.namespaceSelector` says in which namespaces it looks: its own when left out.",
    ),
    docs=_DOCS,
    needs=(servicemonitor_exists,),
    owned=owns(_KIND, _NAME, "spec.selector", "spec.namespaceSelector"),
)
def selects_the_service(snapshot: Snapshot) -> Verdict:
    monitor = _monitor(snapshot)
    selector, namespaces = monitor.at("spec.selector"), monitor.at("spec.namespaceSelector")
    if not isinstance(selector.value, Mapping):
        return failed(selector, expected="a label selector", found=f"`{selector.value}`" if selector.present else "no `selector`")
    stray = stray_key(selector.value, frozenset(("matchLabels", "matchExpressions")))
    if stray is not None:
        return failed(selector.key(stray), expected="`matchLabels` or `matchExpressions`", found=f"`{stray}`")
    stray = stray_key(namespaces.value, frozenset(("any", "matchNames")))
    if stray is not None:
        return failed(namespaces.key(stray), expected="`any` or `matchNames`", found=f"`{stray}`")
    if not takes_namespace(namespaces.value, snapshot.namespace, monitor.namespace):
        return failed(
            namespaces, expected=f"namespace `{snapshot.namespace}` among those that it looks into", found=_namespaces(namespaces)
        )
    service = snapshot.related("Service", APP)
    if not matches(selector.value, service.labels):
        found = f"{_selector(selector)}, while {service.ref} carries {_labels(service.labels)}"
        return failed(selector, expected=f"a selector that matches the labels of {service.ref}", found=found)
    return passed(*_also(snapshot, selector, service))


def _also(snapshot: Snapshot, selector: Field, service: K8sObject) -> tuple[str, ...]:
    """The advice that rides on a selector which takes in other Services with a port of the same name."""
    others = [
        other.name
        for other in snapshot.all("Service")
        if other.name != service.name
        and matches(selector.value, other.labels)
        and any(port.at("name").value == _PORT for port in other.at("spec.ports").each())
    ]
    if not others:
        return ()
    return (f"It selects Service `{'`, `'.join(sorted(others))}` as well: what is behind both is scraped twice.",)


def _namespaces(field: Field) -> str:
    names = [str(name.value) for name in field.at("matchNames").each()]
    if field.at("any").present and field.at("any").flag is None:
        return f"{_shown(field.at('any'))}, which is no boolean"
    return f"`{'`, `'.join(names)}`" if names else f"only its own, `{field.object.namespace}`"


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"`{key}: {value}`" for key, value in sorted(labels.items())) or "no labels"


def _selector(selector: Field) -> str:
    """The selector in words."""
    parts = [f"`{key}: {field.value}`" for key, field in selector.at("matchLabels").entries()]
    for item in selector.at("matchExpressions").each():
        values = ", ".join(str(value.value) for value in item.at("values").each())
        parts.append(f"`{item.at('key').value} {item.at('operator').value}{f' ({values})' if values else ''}`")
    return ", ".join(parts) or "an empty selector"


@objective(
    "scrapes-metrics",
    "It scrapes `/metrics` on port `http` at least every 30 s",
    hints=(
        "Each item of `spec.endpoints` says what is scraped: a port of the Service, a path, how often.",
        "`port` is the name of a port of the Service, never its number. What is left out of path and interval is Prometheus' default.",
    ),
    docs=_API_DOCS,
    needs=(servicemonitor_exists,),
    owned=owns(_KIND, _NAME, "spec.endpoints"),
)
def scrapes_metrics(snapshot: Snapshot) -> Verdict:
    endpoints = _monitor(snapshot).at("spec.endpoints")
    verdicts = [_scrapes(endpoint) for endpoint in endpoints.each()]
    if not verdicts:
        return failed(endpoints, expected=f"an endpoint that scrapes `{_PATH}` on port `{_PORT}`", found="no `endpoints`")
    for endpoint in endpoints.each():  # for one such field the API server refuses all of it
        refused = _refused(endpoint)
        if refused is not None:
            return refused
    best = next((verdict for verdict in verdicts if verdict.status is Status.PASSED), None)
    if best is None:
        return next((verdict for endpoint, verdict in zip(endpoints.each(), verdicts, strict=True) if _on_port(endpoint)), verdicts[0])
    service = snapshot.related("Service", APP)
    names = [port.at("name").value for port in service.at("spec.ports").each()]
    if _PORT in names:
        return best
    listed = ", ".join(f"`{name}`" for name in names if name) or "ports without names"
    return failed(endpoints, expected=f"the name of a port of {service.ref}: {listed}", found=f"`{_PORT}`, which it does not have")


def _refused(endpoint: Field) -> Verdict | None:
    """What the API server refuses about an endpoint; None when it takes it."""
    stray = stray_key(endpoint.value, ENDPOINT_FIELDS)
    if stray is not None:
        return failed(endpoint.key(stray), expected="a field of an endpoint", found=f"`{stray}`, which is none")
    for key in ("port", "path", "scheme"):
        if endpoint.key(key).present and endpoint.key(key).text is None:
            name = f"`port: {_PORT}`, the name of the Service's port" if key == "port" else "a string"
            return failed(endpoint.key(key), expected=name, found=_shown(endpoint.key(key)))
    for key, example in (("interval", "30s"), ("scrapeTimeout", "10s")):
        if interval(endpoint.key(key).value) is None:
            return failed(endpoint.key(key), expected=f"a duration such as `{example}`", found=_shown(endpoint.key(key)))
    return None


def _on_port(endpoint: Field) -> bool:
    return endpoint.at("port").value == _PORT or (not endpoint.at("port").value and endpoint.at("targetPort").value in (_PORT, APP_PORT))


def _scrapes(endpoint: Field) -> Verdict:
    port, path, scheme = endpoint.at("port"), endpoint.at("path"), endpoint.at("scheme")
    if not _on_port(endpoint):
        return failed(port, expected=f"`port: {_PORT}`, the name of the Service's port", found=_port(endpoint))
    if path.value not in (None, "", _PATH, _PATH[1:]):
        return failed(path, expected=f"`{_PATH}`", found=_shown(path))
    if scheme.value not in (None, "http", "HTTP"):
        return failed(scheme, expected="`http`: the app serves nothing else", found=_shown(scheme))
    rate = _rate(endpoint)
    if rate.status is not Status.PASSED:
        return rate
    advice = rate.advice
    if path.value == _PATH[1:]:
        advice += (f"Write the path with its slash: `{_PATH}`.",)
    if not port.value:
        advice += (f"`targetPort` looks into the Pods: name the Service's port with `port: {_PORT}`.",)
    return passed(*advice)


def _rate(endpoint: Field) -> Verdict:
    """Whether an endpoint is scraped often enough, and whether the operator takes its time limit."""
    written, limit = endpoint.at("interval"), endpoint.at("scrapeTimeout")
    every, within = interval(written.value) or 0, interval(limit.value) or 0
    if every > _SLOWEST:
        return failed(written, expected="at most 30 s", found=_shown(written))
    if within > (every or DEFAULT_INTERVAL):
        origin = _shown(written) if every else "the default interval of 30 s"
        return failed(limit, expected="no more than the interval: the operator refuses it", found=f"{_shown(limit)} beside {origin}")
    if every == 0:
        return passed(
            "Without an interval that of the Prometheus counts, which is 30 s unless somebody has changed it: write `interval: 30s`."
        )
    return passed()


def _port(endpoint: Field) -> str:
    port, target = endpoint.at("port"), endpoint.at("targetPort")
    return _shown(target) if not port.present and target.present else _shown(port)


def _shown(field: Field) -> str:
    """The field as it stands, so that a string is told from a number."""
    name = field.path[-1]
    if not field.present:
        return f"no `{name}`"
    if field.text is not None:
        return f'`{name}: "{field.text}"`'
    return f"`{name}: {field.value}`, a number" if field.whole is not None else f"a `{name}` that is no text"


@objective(
    "target-scraped",
    "Metrics are served",
    hints=(
        "The API server can pass a request on to a Service: `kubectl get --raw` with the Service's `proxy` path shows the page of metrics.",
        "A page that Prometheus reads is plain text: one line for each series, its name, its labels, its value.",
    ),
    docs=_FORMAT_DOCS,
    live=True,
    bonus=True,
)
def target_scraped(snapshot: Snapshot) -> Verdict:
    command = f"kubectl get --raw /api/v1/namespaces/{snapshot.namespace}/services/{APP}:{_PORT}/proxy{_PATH}"
    snapshot.related("Service", APP)
    if _is_played(snapshot):
        return unknown(
            "The nodes of this cluster are played: no program runs on them that could serve metrics. See: kubectl get nodes -o wide"
        )
    answer = snapshot.find(_SCRAPE, APP)
    if answer is None:
        return unknown(f"Nobody has asked Service `{APP}` for `{_PATH}`. Ask with: {command}")
    code, body = answer.at("status.code"), answer.at("status.body")
    expected = "a page of metrics in the text format of Prometheus"
    if code.whole == 503:  # no endpoint is ready, or the connection to it failed
        why = answer.at("status.message").text or "no endpoint answers"
        if _starting(snapshot):
            return pending(code, expected=expected, found=f"status 503: {why}", command=command)
        return failed(code, expected=expected, found=f"status 503: {why}", command=command)
    if code.whole in (401, 403):
        return unknown(f"You may not send requests through the API server's proxy (services/proxy). Check with: {command}")
    if code.whole != 200:
        return failed(code, expected=expected, found=f"status {code.value}", command=command)
    page = read_exposition(body.text or "")
    if page.broken is not None:
        return failed(body, expected=expected, found=f"line {page.broken} is no sample", command=command)
    if not page.samples:
        return failed(body, expected=expected, found="a page without samples", command=command)
    return passed()


def _is_played(snapshot: Snapshot) -> bool:
    """Whether every node is one that kwok plays (https://kwok.sigs.k8s.io), as on a practice cluster."""
    try:
        nodes = snapshot.all("Node")
    except NotReadable:
        return False
    return bool(nodes) and all((node.at("status.nodeInfo.containerRuntimeVersion").text or "").startswith("kwok") for node in nodes)


def _starting(snapshot: Snapshot) -> bool:
    """Whether the Deployment still brings up its first Pod."""
    deployment = snapshot.find("Deployment", APP)
    if deployment is None or deployment.at("spec.replicas").whole == 0 or deployment.at("status.readyReplicas").whole:
        return False
    return not any(
        condition.at("type").value == "Progressing" and condition.at("status").value == "False"
        for condition in deployment.at("status.conditions").each()
    )


LESSON = Lesson(
    "lesson-12",
    "Monitoring and logging",
    reads=(_KIND, RULE, SCALED, COLLECTOR, "ConfigMap", "Service", "Deployment", "HorizontalPodAutoscaler"),
    live_reads=(_SCRAPE, "Node"),
    everywhere=(COLLECTOR,),
    objectives=(
        servicemonitor_exists,
        selects_the_service,
        scrapes_metrics,
        alert_on_downtime,
        autoscaling_metric_source,
        logs_to_stdout,
        log_collector,
        target_scraped,
    ),
)
