"""Probes: where they ask, how often, and how long a container has before the first kill.

Defaults: SetDefaults_Probe and SetDefaults_HTTPGetAction in k8s.io/kubernetes/pkg/apis/core/v1/defaults.go (0 counts as not set). Ports:
ResolveContainerPort in pkg/probe/util.go; the request: pkg/probe/http. Order: a startup probe holds the others back until it
succeeds, https://kubernetes.io/docs/concepts/workloads/pods/probes/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_PERIOD = 10
_THRESHOLD = 3


def handler(probe: Any) -> str | None:
    """The kind of question that a probe asks: the first of `HANDLERS` that it has."""
    return next((name for name in HANDLERS if isinstance(probe, Mapping) and probe.get(name) is not None), None)


def period(probe: Any) -> int | None:
    """Seconds between two questions; None when the value is no whole number of seconds."""
    return _seconds(probe, "periodSeconds", _PERIOD)


def budget(probe: Any) -> int | None:
    """Seconds from the container's start until a probe that never succeeds has failed for good: delay + period times threshold.

    None when one of its numbers is none that the API server takes.
    """
    delay, every, times = _seconds(probe, "initialDelaySeconds", 0), period(probe), _seconds(probe, "failureThreshold", _THRESHOLD)
    return None if delay is None or every is None or times is None else delay + every * times


def deciding_probe(container: Any) -> str | None:
    """The probe that decides when the container is killed first: `startupProbe` where there is one, else `livenessProbe`; None without."""
    return next((name for name in ("startupProbe", "livenessProbe") if isinstance(container, Mapping) and _given(container, name)), None)


def time_to_first_kill(container: Any) -> int | None:
    """Seconds from its start until a container that never answers is killed; None when no probe kills it or the numbers are none."""
    deciding = deciding_probe(container)
    return None if deciding is None else budget(container[deciding])


def resolve_probe_port(container: Any, port: Any) -> int | None:
    """The number that a probe's `port` stands for: itself, or that of the port of this very container with this name.

    A kubelet looks names up in the probed container alone, and whatever their protocol. None when there is no such port.
    """
    if isinstance(port, int) and not isinstance(port, bool):
        return port
    ports = container.get("ports") if isinstance(container, Mapping) else None
    for item in ports if isinstance(ports, list | tuple) else ():
        if isinstance(item, Mapping) and isinstance(port, str) and port and item.get("name") == port:
            number = item.get("containerPort")
            return number if isinstance(number, int) and not isinstance(number, bool) else None
    return None


def requested_path(path: Any) -> str | None:
    """The path that a kubelet asks for, without a query: `/` when none is given, with the leading slash that it adds.

    None when it is no text.
    """
    if path is not None and not isinstance(path, str):
        return None
    bare = re.split("[?#]", path or "", maxsplit=1)[0]
    return bare if bare.startswith("/") else f"/{bare}"


def _given(container: Mapping[str, Any], name: str) -> bool:
    return container.get(name) is not None


def _seconds(probe: Any, key: str, default: int) -> int | None:
    value = probe.get(key) if isinstance(probe, Mapping) else None
    if value is None or (value == 0 and isinstance(value, int)):
        return default
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
