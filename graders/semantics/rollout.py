"""Rolling updates of a Deployment: how many Pods may be added, and how many may be missing, on the way.

Rules: ResolveFenceposts and MaxUnavailable in k8s.io/kubernetes v1.37 pkg/controller/deployment/util/deployment_util.go, the defaults in
pkg/apis/apps/v1/defaults.go; https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from graders.semantics.int_or_string import percentage, scaled

DEFAULT = "25%"


class Fenceposts(NamedTuple):
    """How far an update may stray from the wanted count: `surge` Pods above it, `unavailable` below. `rounded` tells that both came
    to 0, so that the controller takes 1 for `unavailable`."""

    surge: int
    unavailable: int
    rounded: bool = False


def fenceposts(strategy: Any, wanted: int) -> Fenceposts | None:
    """What the `strategy` of a Deployment (None when it has none) means for `wanted` replicas.

    A surge rounds up, what may be missing rounds down. None for Recreate, and for what the API server refuses.
    """
    surge, unavailable = _written(strategy, "maxSurge"), _written(strategy, "maxUnavailable")
    if not is_rolling(strategy):
        return None
    added, missing = scaled(surge, wanted, round_up=True), scaled(unavailable, wanted, round_up=False)
    if added is None or missing is None:
        return None
    if not added and not missing:
        return Fenceposts(0, min(1, wanted), rounded=True)
    return Fenceposts(added, min(missing, wanted))


def is_rolling(strategy: Any) -> bool:
    """Whether updates are rolled out bit by bit, which is the default."""
    return not isinstance(strategy, Mapping) or strategy.get("type") in (None, "", "RollingUpdate")


def first_loss(strategy: Any, above: int, most: int | None) -> int | None:
    """The first size over `above`, up to `most` (None: without end), at which an update takes a replica away; None if there is none."""
    percent = percentage(_written(strategy, "maxUnavailable"))
    if not percent:
        return None
    size = max(above + 1, -(-100 // percent))
    while scaled(f"{percent}%", size, round_up=False) == 0:  # the API's arithmetic is one of floating point
        size += 1
    return size if most is None or size <= most else None


def _written(strategy: Any, key: str) -> Any:
    rolling = strategy.get("rollingUpdate") if isinstance(strategy, Mapping) else None
    value = rolling.get(key) if isinstance(rolling, Mapping) else None
    return DEFAULT if value is None else value
