"""Probes and lifecycle hooks (k8s.io/kubernetes pkg/apis/core/validation validateProbe and validateLifecycle)."""

from __future__ import annotations

from graders.semantics import names
from graders.validation.place import Check, Place, between, each, exactly_one, one_of_or_default, table

_PORTS = between(1, 65535)


def liveness(place: Place) -> None:
    """A liveness or startup probe: one success ends the failure."""
    _probe(place)
    number = place["successThreshold"].whole
    if number is not None and number > 1:
        place["successThreshold"].reject("1 for a liveness or startup probe")


def readiness(place: Place) -> None:
    """A readiness probe, whose failure ends nothing."""
    _probe(place)
    place["terminationGracePeriodSeconds"].forbid("on a readiness probe")


def lifecycle(grace_period: int) -> Check:
    """The lifecycle hooks of a container in a Pod with that grace period (seconds)."""

    def sleep(place: Place) -> None:
        seconds = place["seconds"].whole
        if seconds is not None and not 0 <= seconds <= grace_period:
            place["seconds"].reject(f"a number from 0 to the Pod's `terminationGracePeriodSeconds`, {grace_period}")

    handlers = {**_HOOK_HANDLERS, "sleep": sleep}

    def hook(place: Place) -> None:
        exactly_one(place, handlers, "handler")
        place.fields(handlers)

    return table({"postStart": hook, "preStop": hook})


def port_or_name(place: Place) -> None:
    """The number or the name of a port."""
    _PORTS(place)
    place.named(names.port_name)


def _probe(place: Place) -> None:
    exactly_one(place, _PROBE_HANDLERS, "handler")
    place.fields(_PROBE)


def _http_get(place: Place) -> None:
    _has_port(place)
    place.fields(_HTTP_GET)


def _has_port(place: Place) -> None:
    if place["port"].empty:
        place["port"].require()
    else:
        port_or_name(place["port"])


_HTTP_GET: dict[str, Check] = {
    "scheme": one_of_or_default("HTTP", "HTTPS"),
    "httpHeaders": each(lambda header: header["name"].named(names.http_header, required=True)),
}
_HOOK_HANDLERS: dict[str, Check] = {"exec": table({}, "command"), "httpGet": _http_get, "tcpSocket": _has_port}
_PROBE_HANDLERS: dict[str, Check] = {**_HOOK_HANDLERS, "grpc": _has_port}
_PROBE: dict[str, Check] = {
    **_PROBE_HANDLERS,
    "initialDelaySeconds": between(0),
    "timeoutSeconds": between(0),
    "periodSeconds": between(0),
    "successThreshold": between(0),
    "failureThreshold": between(0),
    "terminationGracePeriodSeconds": between(1),
}
