"""Lesson 12: where the HPA's `requests_per_second` comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graders.kinds import KINDS
from graders.objective import objective, owns
from graders.semantics.adapter_rules import AdapterRule, adapter_rules
from graders.semantics.hpa import scales_deployment
from graders.semantics.promql import NotUnderstood, calls, parse, selectors
from graders.semantics.quantities import parse_quantity
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Status, Verdict, failed, passed
from graders.workloads import APP

SCALED = "ScaledObject"
_METRIC = "requests_per_second"
_HPA = ("HorizontalPodAutoscaler", "rag-engine-api-hpa")
_DOCS = "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#scaling-on-custom-metrics"
_ADAPTER = "ConfigMap of the Prometheus adapter"
_OWNERSHIP = "scaledobject.keda.sh/transfer-hpa-ownership"
_RATES = ("rate", "irate", "increase")


class _Fault(NamedTuple):
    """What keeps a source from yielding the metric. `weight` tells how far from it the source is."""

    weight: int
    place: Field
    expected: str
    found: str


@objective(
    "autoscaling-metric-source",
    "The HPA's `requests_per_second` has a source",
    hints=(
        "The HPA asks the custom metrics API, which somebody must serve: `kubectl get --raw /apis/custom.metrics.k8s.io/v1beta2` shows it.",
        "A rule of the Prometheus adapter starts from a series, says which labels are namespace and Pod, gives the metric its name, and "
        "queries a rate. KEDA does the same with a trigger in a ScaledObject.",
    ),
    docs=_DOCS,
    bonus=True,
    owned=owns(SCALED, "*"),
)
def autoscaling_metric_source(snapshot: Snapshot) -> Verdict:
    if _measured(snapshot):
        return passed()
    faults: list[_Fault] = []
    unreadable: NotReadable | None = None
    for read in (_from_keda, _from_adapter):
        try:
            for fault, advice in read(snapshot):
                if fault is None:
                    return passed(*advice)
                faults.append(fault)
        except NotReadable as error:
            unreadable = unreadable or error
    if faults:
        nearest = min(faults, key=lambda fault: fault.weight)
        return failed(nearest.place, expected=nearest.expected, found=nearest.found)
    if unreadable is not None:
        raise unreadable
    if not snapshot.is_live:
        return Verdict(Status.SKIPPED, reason=f"It is about a {_ADAPTER} or a {SCALED}, and none was submitted. Add one with another -f.")
    return failed(
        snapshot.wanted(*_HPA),
        expected=f"a source of `{_METRIC}`",
        found=f"neither a {_ADAPTER} nor a {SCALED}",
        command="kubectl get --raw /apis/custom.metrics.k8s.io/v1beta2",
    )


def _measured(snapshot: Snapshot) -> bool:
    """Whether the HPA has a value of the metric: then it has a source, wherever that is."""
    try:
        hpa = snapshot.find(*_HPA)
    except NotReadable:
        return False
    if hpa is None or not snapshot.is_live:
        return False
    return any(
        metric.at("type").value == "Pods"
        and metric.at("pods.metric.name").value == _METRIC
        and parse_quantity(metric.at("pods.current.averageValue").value) is not None
        for metric in hpa.at("status.currentMetrics").each()
    )


_Found = tuple[_Fault | None, tuple[str, ...]]


def _from_adapter(snapshot: Snapshot) -> Iterator[_Found]:
    for item in snapshot.every("ConfigMap"):
        for _, place in item.at("data").entries():
            rules = adapter_rules(place.text or "")
            if rules is None:
                continue
            if not rules:
                yield _Fault(4, place, "rules under `rules`", "none: those under other keys serve other APIs"), ()
            for rule in rules:
                yield _adapter_fault(place, rule), ()
    snapshot.everywhere("ConfigMap")  # the adapter's mostly stands in a namespace of its own


def _adapter_fault(place: Field, rule: AdapterRule) -> _Fault | None:
    expected = f"a rule that serves `{_METRIC}` of Pods"
    if rule.series_query is None:
        return _Fault(3, place, expected, "a rule without `seriesQuery`")
    if rule.metric != _METRIC:
        served = f"`{rule.metric}`" if rule.metric else "a metric whose name is not clear"
        return _Fault(2, place, expected, f"a rule for `{rule.series_query}` that serves {served}")
    if not rule.of_pods:
        return _Fault(1, place, expected, f"a rule that does not say which label of `{rule.series}` is the Pod")
    if rule.metrics_query is None:
        return _Fault(1, place, expected, "a rule without `metricsQuery`")
    if rule.counts_up:
        return _Fault(1, place, "a rate", f"`{rule.metrics_query}`, a count that only grows")
    return None


def _from_keda(snapshot: Snapshot) -> Iterator[_Found]:
    for item in snapshot.every(SCALED):
        if item.namespace != snapshot.namespace:
            continue
        fault = _scaled_fault(item)
        yield fault, _ownership(snapshot, item)


def _scaled_fault(item: K8sObject) -> _Fault | None:
    known = KINDS[SCALED]
    if item.api_version != known.api_version:
        return _Fault(3, item.at("apiVersion"), f"`apiVersion: {known.api_version}`", f"`{item.api_version}`")
    target = item.at("spec.scaleTargetRef")
    kind, name = target.at("kind"), target.at("name")
    if name.value != APP or kind.value not in (None, "Deployment"):
        wrong = name if name.value != APP else kind
        return _Fault(2, wrong, f"Deployment `{APP}`", f"`{wrong.value}`" if wrong.present else f"no `{wrong.path[-1]}`")
    faults = [_trigger_fault(trigger) for trigger in item.at("spec.triggers").each()]
    if not faults:
        return _Fault(2, item.at("spec.triggers"), "a trigger of type `prometheus`", "no triggers")
    return min((fault for fault in faults if fault is not None), key=lambda fault: fault.weight) if None not in faults else None


def _trigger_fault(trigger: Field) -> _Fault | None:
    kind = trigger.at("type")
    if kind.value != "prometheus":
        return _Fault(2, kind, "a trigger of type `prometheus`", f"`{kind.value}`" if kind.present else "no `type`")
    metadata = trigger.at("metadata")
    for key, value in metadata.entries():
        if value.text is None:
            return _Fault(1, value, "a string, in quotes", f"`{key}` without quotes")
    for key in ("serverAddress", "query", "threshold"):
        if not (metadata.key(key).text or "").strip():
            return _Fault(1, metadata.key(key), f"a `{key}`", f"no `{key}`")
    threshold = metadata.at("threshold")
    amount = parse_quantity(threshold.text)
    if amount is None or amount <= 0:
        return _Fault(1, threshold, "a number above 0", f"`{threshold.text}`")
    query = metadata.at("query")
    try:
        expression = parse(query.text or "")
    except NotUnderstood as reason:
        return _Fault(1, query, "a query in PromQL", f"`{query.text}`: {reason}")
    if any(calls(expression, *_RATES)) or any(each.metric == _METRIC for each in selectors(expression)):
        return None
    return _Fault(1, query, f"a query for requests a second: a rate, or `{_METRIC}`", f"`{query.text}`")


def _ownership(snapshot: Snapshot, item: K8sObject) -> tuple[str, ...]:
    """KEDA makes an HPA of its own, and refuses to where another one scales the same Deployment."""
    try:
        rivals = [
            hpa.name
            for hpa in snapshot.all("HorizontalPodAutoscaler")
            if scales_deployment(hpa.at("spec").value, APP) and hpa.owner() != (SCALED, item.name)
        ]
    except NotReadable:
        return ()
    if not rivals or item.key("metadata", "annotations", _OWNERSHIP).value == "true":
        return ()
    return (
        f"KEDA makes an HPA of its own and refuses {item.ref} while `{rivals[0]}` scales the same Deployment: hand that one over with "
        f"the annotation `{_OWNERSHIP}`, or keep only one of the two.",
    )
