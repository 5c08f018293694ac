"""The quality of service class of a Pod: whom a node that runs out of memory spares, and whom it does not.

Rules: ComputePodQOS in k8s.io/kubernetes v1.37 pkg/apis/core/helper/qos/qos.go, the same for the API server and the kubelet;
https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from graders.semantics.pod_resources import COMPUTE, Container, PodResources, Requirements

_ZERO = Decimal(0)


class QoSClass(StrEnum):
    """The classes, as `status.qosClass` has them."""

    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


class Gap(NamedTuple):
    """A place that keeps a Pod from being Guaranteed: the owner (None is the whole Pod), the resource, what it requests and its limit."""

    container: Container | None
    resource: str
    request: Decimal | None
    limit: Decimal | None


def qos_class(pod: PodResources) -> QoSClass:
    """The class of a Pod as it is admitted. Resources of the whole Pod decide where they are stated, else every container has a say."""
    if pod.whole is not None:
        return _class_of(pod.whole)
    return _common(_class_of(item.resources) for item in pod.containers)


def short_of_guaranteed(pod: PodResources) -> Gap | None:
    """The first place where a request is not the limit, or where both are missing or zero; None for a Guaranteed Pod and one without
    containers."""
    owners = [(None, pod.whole)] if pod.whole is not None else [(item, item.resources) for item in pod.containers]
    for owner, resources in owners:
        for name in COMPUTE:
            if _shape(resources, name) is not QoSClass.GUARANTEED:
                return Gap(owner, name, resources.requests.get(name), resources.limits.get(name))
    return None


def _class_of(resources: Requirements) -> QoSClass:
    return _common(_shape(resources, name) for name in COMPUTE)


def _common(classes: Iterable[QoSClass]) -> QoSClass:
    """The class that all have; a mixture is Burstable."""
    found = set(classes) or {QoSClass.BEST_EFFORT}
    return found.pop() if len(found) == 1 else QoSClass.BURSTABLE


def _shape(resources: Requirements, name: str) -> QoSClass:
    request, limit = resources.requests.get(name, _ZERO), resources.limits.get(name, _ZERO)
    if request != limit:
        return QoSClass.BURSTABLE
    return QoSClass.GUARANTEED if request else QoSClass.BEST_EFFORT
