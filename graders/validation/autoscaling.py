"""Horizontal Pod autoscalers (k8s.io/kubernetes pkg/apis/autoscaling/validation), of autoscaling/v1 and v2."""

from __future__ import annotations

from graders.semantics import names
from graders.validation.place import Check, Place, between, each, listed, one_of
from graders.validation.resources import container_resource

_SOURCES = {
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
    "External": "external",
    "ContainerResource": "containerResource",
}
_LONGEST_WINDOW, _LONGEST_PERIOD = 3600, 1800  # seconds
_TARGETS = ("Utilization", "Value", "AverageValue")


def autoscaler(place: Place) -> None:
    """A HorizontalPodAutoscaler."""
    spec = place["spec"]
    _bounds(spec)
    _target(spec["scaleTargetRef"])
    spec.fields({"targetCPUUtilizationPercentage": between(1), "metrics": each(_metric), "behavior": _behavior})


def _bounds(spec: Place) -> None:
    low, high = spec["minReplicas"], spec["maxReplicas"]
    if high.value is None or (high.whole is not None and high.whole < 1):
        high.reject("1 or more", message="`maxReplicas` is required: 1 or more." if high.value is None else "")
    elif high.whole is not None and high.whole < (1 if low.value is None else low.whole or 0):
        high.reject(f"at least `minReplicas`, {low.whole}")
    between(0)(low)
    if low.whole == 0:
        kinds = {item["type"].text for item in spec["metrics"].structs()}
        if not kinds & {"Object", "External"}:
            low.reject("1 or more, unless a metric is of type `Object` or `External`")


def _target(place: Place) -> None:
    for key in ("kind", "name"):
        place[key].named(names.path_segment, required=True)
    version = place["apiVersion"]
    grouped = version.text is not None and version.text.count("/") == 1 and not version.text.startswith("/")
    core = place["kind"].text == "ReplicationController" and (version.text or "").count("/") < 2
    if (version.empty or version.text is not None) and not grouped and not core:
        version.reject("an API version with its group, such as `apps/v1`")


def _metric(place: Place) -> None:
    kind = place["type"]
    if kind.empty or kind.text not in (None, *_SOURCES):
        kind.reject(listed(_SOURCES))
    wanted = _SOURCES.get(kind.text or "")
    if wanted and not place[wanted]:
        place[wanted].require(f"with `type: {kind.text}`")
    for key in _SOURCES.values():
        if wanted and key != wanted:
            place[key].forbid(f"with `type: {kind.text}`")
    place.fields(_METRICS)


def _resource(place: Place) -> None:
    place["name"].require()
    _utilization(place["target"])


def _container_resource(place: Place) -> None:
    place["name"].named(container_resource, required=True)
    place["container"].named(names.dns_label, required=True)
    _utilization(place["target"])


def _utilization(target: Place) -> None:
    _amounts(target)
    share, average = target["averageUtilization"], target["averageValue"]
    if not share and not average:
        share.require("unless `averageValue` is set")
    elif share and average:
        average.forbid("beside `averageUtilization`")


def _pods(place: Place) -> None:
    _identifier(place["metric"])
    _amounts(place["target"])
    if not place["target"]["averageValue"]:
        place["target"]["averageValue"].require()


def _object(place: Place) -> None:
    described = place["describedObject"]
    for key in ("kind", "name"):
        described[key].named(names.path_segment, required=True)
    if (described["apiVersion"].text or "").count("/") > 1:
        described["apiVersion"].reject("an API version such as `apps/v1`")
    _identifier(place["metric"])
    _value_or_average(place["target"])


def _external(place: Place) -> None:
    _identifier(place["metric"])
    _value_or_average(place["target"])
    if place["target"]["value"] and place["target"]["averageValue"]:
        place["target"]["value"].forbid("beside `averageValue`")


def _value_or_average(target: Place) -> None:
    _amounts(target)
    if not target["value"] and not target["averageValue"]:
        target["averageValue"].require("unless `value` is set")


def _identifier(place: Place) -> None:
    place["name"].named(names.path_segment, required=True)


def _amounts(target: Place) -> None:
    if target["type"].empty:
        target["type"].require()
    target.fields(_TARGET)


def _positive(place: Place) -> None:
    amount = place.quantity()
    if amount is not None and amount <= 0:
        place.reject("more than 0")


def _not_negative(place: Place) -> None:
    amount = place.quantity()
    if amount is not None and amount < 0:
        place.reject("0 or more")


def _behavior(place: Place) -> None:
    place.fields({"scaleUp": _rules, "scaleDown": _rules})


def _rules(place: Place) -> None:
    if place["policies"].size == 0 and place["policies"]:
        place["policies"].reject("at least one policy, or left out for the default", "an empty list")
    place.fields(_RULES)


def _policy(place: Place) -> None:
    if place["type"].empty or place["type"].text not in (None, "Pods", "Percent"):
        place["type"].reject("`Pods` or `Percent`")
    for key, highest in (("value", None), ("periodSeconds", _LONGEST_PERIOD)):
        if place[key].value is None:
            place[key].require()
        between(1, highest)(place[key])


_METRICS: dict[str, Check] = {
    "object": _object,
    "pods": _pods,
    "resource": _resource,
    "external": _external,
    "containerResource": _container_resource,
}
_TARGET: dict[str, Check] = {
    "type": lambda place: one_of(*_TARGETS)(place) if place.text else None,
    "value": _positive,
    "averageValue": _positive,
    "averageUtilization": between(1),
}
_RULES: dict[str, Check] = {
    "stabilizationWindowSeconds": between(0, _LONGEST_WINDOW),
    "selectPolicy": one_of("Max", "Min", "Disabled"),
    "policies": each(_policy),
    "tolerance": _not_negative,
}
