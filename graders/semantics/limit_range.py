"""The bounds of a LimitRange: which Pods the API server refuses because of them. (Its defaults are in `pod_resources`.)

Rules: k8s.io/kubernetes v1.37 plugin/pkg/admission/limitranger (PodValidateLimitFunc and its constraints);
https://kubernetes.io/docs/concepts/policy/limit-range/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from graders.semantics.pod_resources import Container, PodResources, Requirements, amounts

BOUNDS = ("min", "max", "maxLimitRequestRatio")


class Breach(NamedTuple):
    """A bound that a Pod does not keep: where it is below `spec.limits`, the container (None is the Pod as a whole), and what is wrong."""

    path: tuple[str | int, ...]
    container: Container | None
    resource: str
    request: Decimal | None
    limit: Decimal | None


def breaches(limits: Any, pod: PodResources) -> Iterator[Breach]:
    """The bounds in `spec.limits` of a LimitRange that an admitted Pod does not keep, in the order of the text; none if it is let in."""
    for index, item in enumerate(limits if isinstance(limits, list | tuple) else ()):
        for owner, resources in _bounded(item, pod):
            for bound in BOUNDS:
                for name, amount in amounts(item.get(bound)).items():
                    request, limit = resources.requests.get(name), resources.limits.get(name)
                    if not _keeps(bound, amount, request, limit):
                        yield Breach((index, bound, name), owner, name, request, limit)


def _bounded(item: Any, pod: PodResources) -> list[tuple[Container | None, Requirements]]:
    match item.get("type") if isinstance(item, Mapping) else None:
        case "Container":
            return [(container, container.resources) for container in pod.containers]
        case "Pod":
            return [(None, pod.total)]
        case _:
            return []


def _keeps(bound: str, amount: Decimal, request: Decimal | None, limit: Decimal | None) -> bool:
    if bound == "min":  # a request has to be there, a limit need not
        return request is not None and request >= amount and (limit is None or limit >= amount)
    if bound == "max":  # the other way round
        return limit is not None and limit <= amount and (request is None or request <= amount)
    return bool(request and limit) and limit is not None and request is not None and limit <= request * amount
