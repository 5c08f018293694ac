"""Named ports: which number a Service's targetPort means on a Pod.

Rules: k8s.io/kubernetes pkg/api/v1/pod FindPort (used by the endpoint slice controller) and pkg/apis/core/v1 SetDefaults_Service;
https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

DEFAULT_PROTOCOL = "TCP"


def protocol(written: Any) -> Any:
    """A port's protocol; TCP where it is left out."""
    return DEFAULT_PROTOCOL if written in (None, "") else written


def target_number(pod_spec: Any, target: Any, port: Any, wanted_protocol: Any = None) -> int | None:
    """The number that a Service's `targetPort` means on a Pod with this spec; None when it means none.

    A number is itself; left out (or 0, or empty) it is the Service's own `port`. A name is looked up over all regular containers in
    order, then over the sidecars (init containers that restart always): the first port with that name and protocol.
    """
    if target in (None, 0, "") and target is not False:
        return _number(port)
    if not isinstance(target, str):
        return _number(target)
    for written in serving_ports(pod_spec):
        if written.get("name") == target and protocol(written.get("protocol")) == protocol(wanted_protocol):
            return _number(written.get("containerPort"))
    return None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def serving_ports(pod_spec: Any) -> Iterator[Mapping[str, Any]]:
    """The ports of a Pod with this spec (of any shape): those of all regular containers in order, then of the sidecars."""
    for key in ("containers", "initContainers"):
        for container in _maps(pod_spec.get(key) if isinstance(pod_spec, Mapping) else None):
            if key == "containers" or container.get("restartPolicy") == "Always":
                yield from _maps(container.get("ports"))


def _maps(listed: Any) -> Iterator[Mapping[str, Any]]:
    for item in listed if isinstance(listed, list | tuple) else ():
        if isinstance(item, Mapping):
            yield item
