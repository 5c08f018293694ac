"""Horizontal Pod autoscaling: how fast the controller may change a replica count, and what utilization is a percentage of.

Rules: k8s.io/kubernetes v1.37 pkg/controller/podautoscaler/horizontal.go (the scale limits with behavior, a sync every 15 s),
replica_calculator.go (requests), pkg/apis/autoscaling/v2/defaults.go and pkg/apis/autoscaling/validation;
https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#configurable-scaling-behavior.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, TypeGuard

from graders.semantics.pod_resources import amounts, container_defaults

SYNC_SECONDS = 15
LONGEST_PERIOD = 1800
LONGEST_WINDOW = 3600
_DEFAULT_DOWN_WINDOW = 300  # the controller's --horizontal-pod-autoscaler-downscale-stabilization
_INT32 = 2**32


class Fault(NamedTuple):
    """Why the API server refuses scaling rules: the path below them, what it accepts there, what it found."""

    path: tuple[str | int, ...]
    expected: str
    found: str


class Policy(NamedTuple):
    """One scaling policy: `kind` is `Pods` or `Percent`, `value` how many of them may change within `period` seconds."""

    kind: str
    value: int
    period: int

    def raised(self, start: int) -> int:
        """The highest count that it allows when the period began with `start` Pods; a fraction of a Pod rounds up."""
        if self.kind == "Pods":
            return (start + self.value + _INT32 // 2) % _INT32 - _INT32 // 2  # the controller counts in 32 bits, which wrap around
        return math.ceil(float(start) * (1 + float(self.value) / 100))

    def lowered(self, start: int) -> int:
        """The lowest count that it allows when the period began with `start` Pods; what remains is truncated, so 10 % of 15 leaves 13."""
        if self.kind == "Pods":
            return start - self.value
        return int(float(start) * (1 - float(self.value) / 100))

    def __str__(self) -> str:
        amount = f"{self.value} %" if self.kind == "Percent" else f"{self.value} {'Pod' if self.value == 1 else 'Pods'}"
        return f"{amount} per {self.period} s"


@dataclass(frozen=True, slots=True)
class Rules:
    """One direction of `behavior`, after the API server's defaulting. `select` is Max, Min or Disabled, `window` in seconds."""

    policies: tuple[Policy, ...]
    window: int
    select: str = "Max"

    def __str__(self) -> str:
        if self.select == "Disabled":
            return "`selectPolicy: Disabled`"
        listed = ", ".join(str(policy) for policy in self.policies)
        return listed if len(self.policies) == 1 else f"the {'least' if self.select == 'Min' else 'most'} of {listed}"


DEFAULT_UP = Rules((Policy("Pods", 4, 15), Policy("Percent", 100, 15)), 0)
DEFAULT_DOWN = Rules((Policy("Percent", 100, 15),), _DEFAULT_DOWN_WINDOW)


def read_rules(written: Any, default: Rules) -> Rules | Fault:
    """The rules that `behavior.scaleUp` or `behavior.scaleDown` stand for: each field left out, or null, has the one of `default`.

    Gives a Fault for what the API server refuses.
    """
    if written is None:
        return default
    if not isinstance(written, Mapping):
        return Fault((), "a map with `policies`", f"`{written}`")
    select, window, listed = written.get("selectPolicy"), written.get("stabilizationWindowSeconds"), written.get("policies")
    if select is not None and select not in ("Max", "Min", "Disabled"):
        return Fault(("selectPolicy",), "`Max`, `Min` or `Disabled`", f"`{select}`")
    if window is not None and not _whole(window, 0, LONGEST_WINDOW):
        return Fault(("stabilizationWindowSeconds",), f"a whole number from 0 to {LONGEST_WINDOW}", _quote(window))
    policies = default.policies if listed is None else _policies(listed)
    if isinstance(policies, Fault):
        return policies
    return Rules(policies, default.window if window is None else window, select or default.select)


def _policies(listed: Any) -> tuple[Policy, ...] | Fault:
    if not isinstance(listed, list | tuple):
        return Fault(("policies",), "a list of policies", _quote(listed))
    if not listed:
        return Fault(("policies",), "at least one policy, or no `policies` at all", "an empty list")
    found = []
    for index, item in enumerate(listed):
        if not isinstance(item, Mapping):
            return Fault(("policies", index), "a map with `type`, `value` and `periodSeconds`", _quote(item))
        kind, value, period = item.get("type"), item.get("value"), item.get("periodSeconds")
        if kind not in ("Pods", "Percent"):
            return Fault(("policies", index, "type"), "`Pods` or `Percent`", _quote(kind))
        if not _whole(value, 1, _INT32 // 2 - 1):
            return Fault(("policies", index, "value"), "a whole number above 0", _quote(value))
        if not _whole(period, 1, LONGEST_PERIOD):
            return Fault(("policies", index, "periodSeconds"), f"a whole number from 1 to {LONGEST_PERIOD}", _quote(period))
        found.append(Policy(kind, value, period))
    return tuple(found)


def _whole(value: Any, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _quote(value: Any) -> str:
    if value is None:
        return "nothing"
    return f'`"{value}"`, a string' if isinstance(value, str) else f"`{value}`"


class Change(NamedTuple):
    """A past scaling: when, in seconds, and by how many Pods (below 0 when it removed some)."""

    at: int
    by: int


def _at_period_start(size: int, changes: Iterable[Change], now: int, period: int) -> int:
    return size - sum(change.by for change in changes if change.at > now - period)


def highest(rules: Rules, size: int, changes: Sequence[Change] = (), now: int = 0) -> int:
    """The most Pods that these scale-up rules allow at time `now` with `size` running, given the changes before; never below `size`."""
    if rules.select == "Disabled":
        return size
    allowed = (policy.raised(_at_period_start(size, changes, now, policy.period)) for policy in rules.policies)
    return max(size, min(allowed) if rules.select == "Min" else max(allowed))


def lowest(rules: Rules, size: int, changes: Sequence[Change] = (), now: int = 0) -> int:
    """The fewest Pods that these scale-down rules allow at time `now` with `size` running, given the changes before; never above `size`."""
    if rules.select == "Disabled":
        return size
    allowed = (policy.lowered(_at_period_start(size, changes, now, policy.period)) for policy in rules.policies)
    return min(size, max(allowed) if rules.select == "Min" else min(allowed))


def growth(rules: Rules, size: int, most: int) -> Iterator[int]:
    """The sizes after each sync, 15 s apart and without end, while the metrics ask for `most` Pods and nothing has changed before.

    Stabilization is left out: it delays the first step and not those that follow.
    """
    changes: list[Change] = []
    now = 0
    while True:
        reached = min(most, highest(rules, size, changes, now))
        if reached > size:
            changes.append(Change(now, reached - size))
            size = reached
        yield size
        now += SYNC_SECONDS


def shrinkage(rules: Rules, size: int, fewest: int) -> Iterator[int]:
    """The sizes after each sync, 15 s apart and without end, while the metrics ask for `fewest` Pods and nothing has changed before."""
    changes: list[Change] = []
    now = 0
    while True:
        reached = max(fewest, lowest(rules, size, changes, now))
        if reached < size:
            changes.append(Change(now, reached - size))
            size = reached
        yield size
        now += SYNC_SECONDS


def removed(rules: Rules, size: int, fewest: int, seconds: int) -> int:
    """The most Pods that can go within `seconds` from `size` on.

    No earlier scale-down can raise it: each policy counts from the size at the start of its period, and that would be a larger one.
    """
    syncs = max(1, math.ceil(seconds / SYNC_SECONDS))
    return size - next(reached for count, reached in enumerate(shrinkage(rules, size, fewest), start=1) if count == syncs)


class Shortfall(NamedTuple):
    """At `size` Pods the next sync allows no more than `reached`, where `wanted` were asked for."""

    size: int
    reached: int
    wanted: int


def short_of_doubling(rules: Rules, fewest: int, most: int) -> Shortfall | None:
    """The first size at which the count cannot double (or reach `most`) at a sync, on the way up from any size from `fewest` on.

    None when it always can.
    """
    for start in range(fewest, most):
        size = start
        for reached in growth(rules, size, most):
            wanted = min(2 * size, most)
            if reached < wanted:
                return Shortfall(size, reached, wanted)
            size = reached
            if size >= most:
                break
    return None


class Excess(NamedTuple):
    """At `size` Pods up to `removed` go within the window, where `allowed` may."""

    size: int
    removed: int
    allowed: int


def faster_than(rules: Rules, reference: Rules, fewest: int, most: int, seconds: int) -> Excess | None:
    """The first size, from `most` down, at which more Pods can go within `seconds` than under `reference` (or than one, if that is more).

    None when there is no such size.
    """
    for size in range(most, fewest - 1, -1):
        gone, allowed = removed(rules, size, fewest, seconds), max(1, removed(reference, size, fewest, seconds))
        if gone > allowed:
            return Excess(size, gone, allowed)
    return None


def scales_deployment(spec: Any, name: str) -> bool:
    """Whether the spec of an HPA (v1 or v2) scales the Deployment `name`. The controller goes by group and kind; any version will do."""
    target = _map(spec, "scaleTargetRef") if isinstance(spec, Mapping) else {}
    group, slash, version = str(target.get("apiVersion")).partition("/")
    return (group, bool(slash and version), target.get("kind"), target.get("name")) == ("apps", True, "Deployment", name)


def minimum(spec: Any) -> int | None:
    """`minReplicas` of the spec of an HPA, 1 when it is left out; None when it is no number that the API server takes."""
    written = spec.get("minReplicas") if isinstance(spec, Mapping) else None
    if written is None:
        return 1
    return written if _whole(written, 0, _INT32 // 2 - 1) else None


def default_requests(limit_ranges: Iterable[Any]) -> Mapping[str, Decimal]:
    """What LimitRanges (their `spec.limits`) fill in for a container that requests nothing: resource name to amount."""
    return container_defaults(limit_ranges).requests


class Unrequested(NamedTuple):
    """A place whose missing (or zero) request leaves utilization without a meaning; `found` is None where there is no value."""

    path: tuple[str | int, ...]
    found: str | None


def unrequested(pod_spec: Any, resource: str, defaults: Mapping[str, Decimal]) -> Unrequested | None:
    """Where a Pod spec lacks the request for `resource` that utilization is a percentage of; None when it is all there.

    Requests at the level of the Pod count for all of its containers. Otherwise each regular container and each sidecar needs one,
    above 0: its own, its limit (which the API server copies), or that of a LimitRange (`defaults`).
    """
    if not isinstance(pod_spec, Mapping):
        return Unrequested((), None)
    whole_pod = _requests(pod_spec)
    if any(name in ("cpu", "memory") or name.startswith("hugepages-") for name in whole_pod):
        return _of_whole_pod(pod_spec, resource, whole_pod, defaults)
    places = list(_counted(pod_spec))
    if not places:
        return Unrequested(("containers",), None)
    for path, container in places:
        amount = _requests(container).get(resource, defaults.get(resource))
        if amount is None or amount <= 0:
            return Unrequested((*path, "resources", "requests", resource), None if amount is None else _shown(container, resource))
    return None


def _of_whole_pod(
    pod_spec: Mapping[str, Any], resource: str, whole_pod: Mapping[str, Decimal], defaults: Mapping[str, Decimal]
) -> Unrequested | None:
    own = amounts(_map(pod_spec, "resources").get("requests")).get(resource)
    summed = sum((_requests(item).get(resource, defaults.get(resource, Decimal(0))) for _, item in _counted(pod_spec)), start=Decimal(0))
    amount = own if own is not None else summed or whole_pod.get(resource)
    if amount is not None and amount > 0:
        return None
    return Unrequested(("resources", "requests", resource), None if amount is None else _shown(pod_spec, resource))


def _counted(pod_spec: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    for key in ("containers", "initContainers"):
        listed = pod_spec.get(key)
        for index, item in enumerate(listed if isinstance(listed, list | tuple) else ()):
            if isinstance(item, Mapping) and (key == "containers" or item.get("restartPolicy") == "Always"):
                yield (key, index), item


def _requests(owner: Mapping[str, Any]) -> dict[str, Decimal]:
    """Requests as the API server completes them: a limit without a request is the request as well."""
    resources = _map(owner, "resources")
    return amounts(resources.get("limits")) | amounts(resources.get("requests"))


def _shown(owner: Mapping[str, Any], resource: str) -> str:
    resources = _map(owner, "resources")
    for source in ("requests", "limits"):
        value = _map(resources, source).get(resource)
        if value is not None:
            return str(value)
    return "0"


def _map(owner: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = owner.get(key)
    return value if isinstance(value, Mapping) else {}
