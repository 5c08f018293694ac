"""Which rules of a Pod spec keep Pods of one kind apart, over nodes or zones, and why another one does not.

Rules: k8s.io/kubernetes v1.37 pkg/scheduler/framework/plugins/{podtopologyspread,interpodaffinity}, with matchLabelKeys as
pkg/registry/core/pod/strategy.go merges them; https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/ and
https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graders.semantics.selectors import matches

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"
_HASH = "pod-template-hash"  # a ReplicaSet of a Deployment gives it to its Pods
_NODE_TERMS = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
_TERMS = ("requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution")


Path = tuple[str | int, ...]


class Rule(NamedTuple):
    """A rule that could keep Pods apart: where it is in the Pod spec, its topology key, and what is wrong with it (None: it works)."""

    path: Path
    key: str
    flaw: str | None = None


def spreading_rules(pod_spec: Any, labels: Mapping[str, str], namespace: str, wanted: int) -> tuple[Rule, ...]:
    """Every topology spread constraint and Pod anti-affinity term of a Pod spec, judged for `wanted` Pods with these labels in `namespace`.

    `path` leads to what is wrong, or to the rule itself.
    """
    spec = pod_spec if isinstance(pod_spec, Mapping) else {}
    return (*_constraints(spec, labels, wanted), *_terms(spec, labels, namespace))


def confinement(pod_spec: Any, *keys: str) -> Path | None:
    """The path of what leaves the Pods a single place, by the labels `keys` of nodes; None when nothing does.

    That is a node's name, a node selector, or a required node affinity whose terms, which are alternatives, all name the same one value.
    """
    spec = pod_spec if isinstance(pod_spec, Mapping) else {}
    if spec.get("nodeName"):
        return ("nodeName",)
    selector = spec.get("nodeSelector")
    for key in keys:
        if isinstance(selector, Mapping) and selector.get(key) is not None:
            return ("nodeSelector", key)
        if _leaves_one(spec, key):
            return _NODE_TERMS
    return None


def _leaves_one(spec: Mapping[str, Any], key: str) -> bool:
    place: Any = spec
    for step in _NODE_TERMS:
        place = place.get(step) if isinstance(place, Mapping) else None
    left: set[Any] = set()
    for _, term in _items(place):
        named = [item for _, item in _items(term.get("matchExpressions")) if (item.get("key"), item.get("operator")) == (key, "In")]
        values = [item["values"] for item in named if isinstance(item.get("values"), list | tuple)]
        if not values:
            return False
        left |= {value for value in min(values, key=len) if isinstance(value, str)}
    return len(left) == 1


def _constraints(spec: Mapping[str, Any], labels: Mapping[str, str], wanted: int) -> Iterator[Rule]:
    for index, item in _items(spec.get("topologySpreadConstraints")):
        path, key = ("topologySpreadConstraints", index), str(item.get("topologyKey"))
        skew = item.get("maxSkew")
        if key not in (HOSTNAME, ZONE, OLD_ZONE):
            yield Rule((*path, "topologyKey"), key, "its topology is neither nodes nor zones")
        elif _is_empty(item.get("labelSelector")) and not _keys(item, "matchLabelKeys") & {*labels, _HASH}:
            yield Rule((*path, "labelSelector"), key, "it names no labels, so that it counts no Pods")
        elif not matches(item.get("labelSelector"), labels):
            yield Rule((*path, "labelSelector"), key, "it does not select these Pods")
        elif item.get("whenUnsatisfiable") == "DoNotSchedule" and isinstance(skew, int) and skew >= wanted > 1:
            yield Rule((*path, "maxSkew"), key, f"it lets all {wanted} of them be in one place")
        else:
            yield Rule(path, key)


def _terms(spec: Mapping[str, Any], labels: Mapping[str, str], namespace: str) -> Iterator[Rule]:
    affinity = spec.get("affinity")
    rules = affinity.get("podAntiAffinity") if isinstance(affinity, Mapping) else None
    rules = rules if isinstance(rules, Mapping) else {}
    for kind in _TERMS:
        for index, item in _items(rules.get(kind)):
            path: Path = ("affinity", "podAntiAffinity", kind, index)
            term: Any = item
            if kind.startswith("preferred"):
                path, term = (*path, "podAffinityTerm"), item.get("podAffinityTerm")
            if isinstance(term, Mapping):
                yield _term(path, term, labels, namespace)


def _term(path: Path, term: Mapping[str, Any], labels: Mapping[str, str], namespace: str) -> Rule:
    key = str(term.get("topologyKey"))
    if key not in (HOSTNAME, ZONE, OLD_ZONE):
        return Rule((*path, "topologyKey"), key, "its topology is neither nodes nor zones")
    if not matches(term.get("labelSelector"), labels):
        return Rule((*path, "labelSelector"), key, "it does not select these Pods")
    if _keys(term, "mismatchLabelKeys") & {*labels, _HASH}:
        return Rule((*path, "mismatchLabelKeys"), key, "it leaves out Pods with the same label, as these have")
    if not _reaches(term, namespace):
        place = "namespaces" if term.get("namespaces") else "namespaceSelector"
        return Rule((*path, place), key, "it looks at Pods of other namespaces only")
    return Rule(path, key)


def _reaches(term: Mapping[str, Any], namespace: str) -> bool:
    """Whether a term looks at Pods of the Pod's own namespace. Of its labels only the one that every namespace has is known."""
    named, selector = term.get("namespaces"), term.get("namespaceSelector")
    if not named and selector is None:
        return True
    listed = isinstance(named, list | tuple) and namespace in named
    return listed or matches(selector, {"kubernetes.io/metadata.name": namespace})


def _is_empty(selector: Any) -> bool:
    return not isinstance(selector, Mapping) or not any(selector.get(part) for part in ("matchLabels", "matchExpressions"))


def _keys(item: Mapping[str, Any], name: str) -> set[str]:
    listed = item.get(name)
    return {key for key in listed if isinstance(key, str)} if isinstance(listed, list | tuple) else set()


def _items(listed: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for index, item in enumerate(listed if isinstance(listed, list | tuple) else ()):
        if isinstance(item, Mapping):
            yield index, item
