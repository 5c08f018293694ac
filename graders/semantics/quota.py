"""Resource quotas: what a Pod counts for, which quotas count it, and what they make it state.

Rules: k8s.io/kubernetes v1.37 pkg/quota/v1/evaluator/core/pods.go (PodUsageFunc, Constraints, podMatchesScopeFunc) and
k8s.io/apiserver/pkg/admission/plugin/resourcequota; https://kubernetes.io/docs/concepts/policy/resource-quotas/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from graders.semantics.pod_resources import Container, PodResources, Requirements, amounts
from graders.semantics.qos import QoSClass, qos_class
from graders.semantics.selectors import matches

_OF_REQUESTS = ("cpu", "memory", "ephemeral-storage")
_MUST_BE_STATED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_SAME = {"requests.cpu": ("requests.cpu", "cpu"), "requests.memory": ("requests.memory", "memory")}


class Unstated(NamedTuple):
    """A container without an amount that a quota counts: the quota refuses the Pod."""

    container: Container
    resource: str


def names_of(resource: str) -> tuple[str, ...]:
    """The names under which a quota can limit a resource: `cpu` means `requests.cpu`."""
    return _SAME.get(resource, (resource,))


def pod_usage(pod: PodResources) -> dict[str, Decimal]:
    """What one admitted Pod counts for, by the names that quotas have for it."""
    return {"count/pods": Decimal(1), "pods": Decimal(1), **_usage(pod.total)}


def _usage(resources: Requirements) -> dict[str, Decimal]:
    found = {}
    for name, amount in resources.requests.items():
        if name in _OF_REQUESTS or name.startswith("hugepages-"):
            found[name] = amount
        found[f"requests.{name}"] = amount
    for name, amount in resources.limits.items():
        if name in _OF_REQUESTS:
            found[f"limits.{name}"] = amount
    return found


def hard_limits(spec: Any) -> dict[str, Decimal]:
    """`hard` of the spec of a ResourceQuota: resource name to amount."""
    return amounts(spec.get("hard")) if isinstance(spec, Mapping) else {}


def is_scoped(spec: Any) -> bool:
    """Whether a quota counts some Pods only."""
    return next(_scopes(spec), None) is not None


def counts(spec: Any, pod_spec: Any, pod: PodResources) -> bool:
    """Whether a quota with that spec counts a Pod: it must be in every scope of the quota."""
    pod_spec = pod_spec if isinstance(pod_spec, Mapping) else {}
    return all(_in_scope(scope, pod_spec, pod) for scope in _scopes(spec))


def unstated(hard: Mapping[str, Any], pod: PodResources) -> Unstated | None:
    """The first container for which the Pod is refused: a quota on cpu or memory makes every container state them.

    Resources of the whole Pod free its containers from that.
    """
    if pod.whole is not None:
        return None
    for name in _MUST_BE_STATED:
        for container in pod.containers:
            if name in hard and name not in _usage(container.resources):
                return Unstated(container, name)
    return None


def _scopes(spec: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(spec, Mapping):
        return
    listed = spec.get("scopes")
    for name in listed if isinstance(listed, list | tuple) else ():
        yield {"scopeName": name, "operator": "Exists"}
    selector = spec.get("scopeSelector")
    expressions = selector.get("matchExpressions") if isinstance(selector, Mapping) else None
    for item in expressions if isinstance(expressions, list | tuple) else ():
        yield item if isinstance(item, Mapping) else {}


def _in_scope(scope: Mapping[str, Any], pod_spec: Mapping[str, Any], pod: PodResources) -> bool:
    deadline = pod_spec.get("activeDeadlineSeconds")
    terminating = isinstance(deadline, int) and deadline >= 0
    match scope.get("scopeName"):
        case "Terminating":
            return terminating
        case "NotTerminating":
            return not terminating
        case "BestEffort":
            return qos_class(pod) is QoSClass.BEST_EFFORT
        case "NotBestEffort":
            return qos_class(pod) is not QoSClass.BEST_EFFORT
        case "PriorityClass":
            name = pod_spec.get("priorityClassName")
            labels = {"PriorityClass": name} if isinstance(name, str) and name else {}
            requirement = {"key": "PriorityClass", "operator": scope.get("operator"), "values": scope.get("values")}
            return matches({"matchExpressions": [requirement]}, labels)
        case "CrossNamespacePodAffinity":
            return _looks_abroad(pod_spec)
        case _:
            return False


def _looks_abroad(pod_spec: Mapping[str, Any]) -> bool:
    """Whether a term of the Pod's affinity to Pods names other namespaces."""
    affinity = pod_spec.get("affinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) if isinstance(affinity, Mapping) else None
        for listed in rules.values() if isinstance(rules, Mapping) else ():
            for item in listed if isinstance(listed, list | tuple) else ():
                term = item.get("podAffinityTerm", item) if isinstance(item, Mapping) else None
                if isinstance(term, Mapping) and (term.get("namespaces") or term.get("namespaceSelector") is not None):
                    return True
    return False
