"""What a Pod asks of a node: the requests and limits of its containers after the API server's defaulting and LimitRange admission.

Rules: k8s.io/kubernetes v1.37 pkg/apis/core/v1/defaults.go (SetDefaults_Pod, SetDefaults_ResourceList, SetDefaults_LimitRangeItem),
plugin/pkg/admission/limitranger (mergePodResourceRequirements), pkg/api/pod/util.go (DefaultPodLevelResources) and
k8s.io/component-helpers/resource/helpers.go (PodRequests, PodLimits); https://kubernetes.io/docs/concepts/policy/limit-range/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_UP, Context, Decimal
from typing import Any, NamedTuple

from graders.semantics.quantities import parse_quantity

COMPUTE = ("cpu", "memory")
_EXACT = Context(prec=1_100)  # more digits than any quantity is read with
_ZERO = Decimal(0)


class Requirements(NamedTuple):
    """Requests and limits: resource name to amount, in cores, bytes or units."""

    requests: Mapping[str, Decimal]
    limits: Mapping[str, Decimal]


NOTHING = Requirements({}, {})


class Container(NamedTuple):
    """A container as it is admitted. `path` leads to it from the Pod spec; a sidecar is an init container that runs on."""

    path: tuple[str | int, ...]
    name: str
    resources: Requirements
    init: bool = False
    sidecar: bool = False


@dataclass(frozen=True, slots=True)
class PodResources:
    """A Pod as it is admitted. `whole` are the resources stated for the Pod as a whole, None when none are."""

    containers: tuple[Container, ...]
    whole: Requirements | None = None

    @property
    def total(self) -> Requirements:
        """What the scheduler and quotas reckon with: that of the whole Pod where it is stated, else what its containers need together."""
        whole = self.whole or NOTHING
        return Requirements({**_together(self.containers, 0), **whole.requests}, {**_together(self.containers, 1), **whole.limits})


def amounts(written: Any) -> dict[str, Decimal]:
    """The entries of a resource list that are quantities, rounded up to a thousandth as the API server does; empty for what is no map.

    A null is left out, as `kubectl apply` leaves it out.
    """
    found = {}
    for name, value in written.items() if isinstance(written, Mapping) else ():
        amount = parse_quantity(value)
        if isinstance(name, str) and amount is not None:
            found[name] = _rounded(amount)
    return found


def _rounded(amount: Decimal) -> Decimal:
    thousandths = amount.scaleb(3, _EXACT)
    return amount if thousandths == thousandths.to_integral_value() else thousandths.to_integral_value(ROUND_UP).scaleb(-3, _EXACT)


def container_defaults(limit_ranges: Iterable[Any]) -> Requirements:
    """What LimitRanges (their `spec.limits`) fill in for a container that says nothing; of two that fill in the same, the first.

    A LimitRange's own defaulting comes first: `default` falls back to `max`, and `defaultRequest` to `default`, then to `min`.
    """
    found = NOTHING
    for limits in limit_ranges:
        for item in _maps(limits):
            if item.get("type") == "Container":
                limit = amounts(item.get("max")) | amounts(item.get("default"))
                request = amounts(item.get("min")) | limit | amounts(item.get("defaultRequest"))
                found = Requirements({**request, **found.requests}, {**limit, **found.limits})
    return found


def admitted(pod_spec: Any, defaults: Requirements = NOTHING) -> PodResources:
    """What a Pod of that spec asks for once it is admitted, with `defaults` from the namespace's LimitRanges. Takes any shape."""
    spec = pod_spec if isinstance(pod_spec, Mapping) else {}
    containers = (*_containers(spec, "initContainers", defaults), *_containers(spec, "containers", defaults))
    return PodResources(containers, _whole(spec.get("resources"), containers))


def _containers(spec: Mapping[str, Any], key: str, defaults: Requirements) -> Iterator[Container]:
    listed = spec.get(key)
    for index, item in enumerate(listed if isinstance(listed, list | tuple) else ()):
        if isinstance(item, Mapping):
            init = key == "initContainers"
            name = item.get("name")
            sidecar = init and item.get("restartPolicy") == "Always"
            shown = name if isinstance(name, str) else ""
            yield Container((key, index), shown, _completed(item.get("resources"), defaults), init, sidecar)


def _completed(written: Any, defaults: Requirements) -> Requirements:
    """A limit of its own is a request as well; only then do the defaults of the namespace fill in."""
    own = _written(written)
    return Requirements({**defaults.requests, **own.limits, **own.requests}, {**defaults.limits, **own.limits})


def _written(resources: Any) -> Requirements:
    resources = resources if isinstance(resources, Mapping) else {}
    return Requirements(amounts(resources.get("requests")), amounts(resources.get("limits")))


def _whole(written: Any, containers: tuple[Container, ...]) -> Requirements | None:
    own = _written(written)
    if not any(_of_whole_pods(name) for part in own for name in part):
        return None
    summed = {name: amount for name, amount in _together(containers, 0).items() if name in COMPUTE}
    requests = {**own.limits, **summed, **own.requests}
    limits = dict(own.limits)
    for name, amount in _together(containers, 1).items():
        if name in requests and name not in limits and all(name in item.resources.limits for item in containers):
            limits[name] = max(amount, requests[name])
    return Requirements(requests, limits)


def _of_whole_pods(name: str) -> bool:
    return name in COMPUTE or name.startswith("hugepages-")


def _together(containers: tuple[Container, ...], part: int) -> dict[str, Decimal]:
    """The requests (`part` 0) or limits (1) of all containers together.

    That is the larger of what runs at the same time, and of each init container with the sidecars that were started before it.
    """
    running: dict[str, Decimal] = {}
    sidecars: dict[str, Decimal] = {}
    most: dict[str, Decimal] = {}
    for item in containers:
        own = item.resources[part]
        if item.sidecar:
            sidecars = _sum(sidecars, own)
        if item.sidecar or not item.init:
            running = _sum(running, own)
        else:
            most = _largest(most, _sum(sidecars, own))
    return _largest(running, most)


def _sum(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: _EXACT.add(one.get(name, _ZERO), other.get(name, _ZERO)) for name in {**one, **other}}


def _largest(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: max(one.get(name, _ZERO), other.get(name, _ZERO)) for name in {**one, **other}}


def _maps(listed: Any) -> Iterator[Mapping[str, Any]]:
    for item in listed if isinstance(listed, list | tuple) else ():
        if isinstance(item, Mapping):
            yield item
