"""Where Pods may run: affinity, tolerations, spread (k8s.io/kubernetes pkg/apis/core/validation validateAffinity and its neighbours)."""

from __future__ import annotations

from graders.semantics import names
from graders.validation.place import (
    Check,
    Place,
    between,
    each,
    each_value,
    listed,
    name,
    name_if_set,
    one_of,
    one_of_or_default,
    unique,
)
from graders.validation.selectors import requirement, selector

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_WEIGHT_WORDS = "a number from 1 to 100"


def affinity(place: Place) -> None:
    """A Pod's affinity."""
    node = place["nodeAffinity"]
    if node["requiredDuringSchedulingIgnoredDuringExecution"].is_map:
        node_selector(node["requiredDuringSchedulingIgnoredDuringExecution"])
    for item in node["preferredDuringSchedulingIgnoredDuringExecution"].structs():
        _weight(item["weight"])
        _node_term(item["preference"])
    for kind in ("podAffinity", "podAntiAffinity"):
        for term in place[kind]["requiredDuringSchedulingIgnoredDuringExecution"].structs():
            _pod_term(term)
        for item in place[kind]["preferredDuringSchedulingIgnoredDuringExecution"].structs():
            _weight(item["weight"])
            _pod_term(item["podAffinityTerm"])


def node_selector(place: Place) -> None:
    """A NodeSelector: at least one term."""
    if place["nodeSelectorTerms"].require():
        each(_node_term)(place["nodeSelectorTerms"])


def toleration(place: Place) -> None:
    """A toleration of a taint."""
    operator, value = place["operator"], place["value"]
    name_if_set(names.qualified)(place["key"])
    if place["key"].empty and operator.text != "Exists":
        operator.reject("`Exists`, or else `key` set")
    if place["tolerationSeconds"] and place["effect"].text != "NoExecute" and (place["effect"].empty or place["effect"].text):
        place["effect"].reject("`NoExecute` with `tolerationSeconds`")
    else:
        one_of_or_default(*_EFFECTS)(place["effect"])
    if operator.text == "Exists":
        if value.text:
            value.reject("left out with `Exists`")
    elif operator.text in (None, "", "Equal"):
        value.named(names.label_value)
    else:
        operator.reject(listed(("Equal", "Exists")))


def spread(place: Place) -> None:
    """The `topologySpreadConstraints` of a Pod."""
    seen: set[tuple[str | None, str | None]] = set()
    for item in place.structs():
        item["topologyKey"].require()
        skew, unsatisfiable = item["maxSkew"], item["whenUnsatisfiable"]
        if skew.value is None or (skew.whole is not None and skew.whole < 1):
            skew.reject("1 or more")
        if unsatisfiable.empty:
            unsatisfiable.reject(listed(("DoNotSchedule", "ScheduleAnyway")))
        item.fields(_SPREAD)
        if item["minDomains"] and unsatisfiable.text == "ScheduleAnyway":
            item["minDomains"].forbid("with `whenUnsatisfiable: ScheduleAnyway`")
        _label_keys(item, ("matchLabelKeys",))
        both = (item["topologyKey"].text, unsatisfiable.text)
        if both in seen:
            item["topologyKey"].reject("one that no other constraint has with the same `whenUnsatisfiable`")
        seen.add(both)


def _weight(place: Place) -> None:
    number = 0 if place.value is None else place.whole
    if number is not None and not 1 <= number <= 100:
        place.reject(_WEIGHT_WORDS)


def _node_term(place: Place) -> None:
    for item in place["matchExpressions"].structs():
        _node_requirement(item)
    for item in place["matchFields"].structs():
        _node_field(item)


def _node_requirement(item: Place) -> None:
    if item["operator"].text in ("Gt", "Lt"):
        item["key"].named(names.qualified, required=True)
        if item["values"].size != 1 and (item["values"].empty or item["values"].size):
            item["values"].reject(f"one number for `{item['operator'].text}`", f"{item['values'].size} of them")
        for value in item["values"].items():
            value.named(names.label_value)
    else:
        requirement(item, ("In", "NotIn", "Gt", "Lt"))


def _node_field(item: Place) -> None:
    if item["operator"].text not in ("In", "NotIn") and (item["operator"].empty or item["operator"].text):
        item["operator"].reject("`In` or `NotIn` for a field")
    elif item["values"].size != 1 and (item["values"].empty or item["values"].size):
        item["values"].reject("one value for a field", f"{item['values'].size} of them")
    if item["key"].empty or item["key"].text not in (None, "metadata.name"):
        item["key"].reject("`metadata.name`")
    for value in item["values"].items():
        value.named(names.dns_subdomain)


def _pod_term(place: Place) -> None:
    place["topologyKey"].named(names.qualified, required=True)
    place.fields(_POD_TERM)
    _label_keys(place, ("matchLabelKeys", "mismatchLabelKeys"))
    kept = {item.text for item in place["mismatchLabelKeys"].items()}
    for item in place["matchLabelKeys"].items():
        if item.text in kept:
            item.reject("a key that is not in `mismatchLabelKeys` too")


def _label_keys(place: Place, lists: tuple[str, ...]) -> None:
    for key in lists:
        if not place[key].empty and not place["labelSelector"]:
            place[key].forbid("without `labelSelector`")
        for item in place[key].strings():
            item.named(names.qualified)
    used = {key for key, _ in place["labelSelector"]["matchLabels"].entries()}
    used |= {item["key"].text or "" for item in place["labelSelector"]["matchExpressions"].structs()}
    for item in place["matchLabelKeys"].items():
        if item.text in used:
            item.reject("a key that is not in `labelSelector` too")


def readiness_gate(place: Place) -> None:
    """A condition that has to hold before a Pod is ready."""
    place["conditionType"].named(names.qualified, required=True)


def gates(place: Place) -> None:
    """The `schedulingGates` of a Pod."""
    each(lambda gate: gate["name"].named(names.qualified, required=True))(place)
    unique((gate["name"] for gate in place.structs()), "scheduling gate")


_POLICY = one_of("Honor", "Ignore")
_POD_TERM: dict[str, Check] = {"labelSelector": selector, "namespaceSelector": selector, "namespaces": each_value(name(names.dns_label))}
_SPREAD: dict[str, Check] = {
    "whenUnsatisfiable": one_of_or_default("DoNotSchedule", "ScheduleAnyway"),
    "minDomains": between(1),
    "nodeAffinityPolicy": _POLICY,
    "nodeTaintsPolicy": _POLICY,
    "labelSelector": selector,
}
