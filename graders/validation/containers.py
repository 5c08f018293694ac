"""Containers of a Pod: regular, init, sidecar and ephemeral (k8s.io/kubernetes pkg/apis/core/validation validateContainerCommon)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from graders.semantics import names
from graders.validation import environment, probes, resources, security, volumes
from graders.validation.place import Check, Place, between, each, one_of, one_of_or_default, unique

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_PORT = between(1, 65535)
_MOST_RULES, _MOST_EXIT_CODES = 20, 255
_POLICIES = ("Always", "Never", "OnFailure")
_ONLY_WHILE_RUNNING = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


class Around(NamedTuple):
    """What a container's Pod has that its rules depend on: volumes by name with their source, resource claims, the grace period in
    seconds, whether it shares the node's users, whether it is restarted at all, and whether its ports are the node's unless they say else.
    """

    volumes: Mapping[str, str]
    claims: Collection[str]
    grace_period: int
    host_users: bool
    restarts: bool
    host_ports: bool


def all_containers(spec: Place, around: Around) -> None:
    """The regular and the init containers of a Pod."""
    regular, init = list(spec["containers"].structs()), list(spec["initContainers"].structs())
    spec["containers"].require()
    for item in regular:
        _common(item, around)
        _restarts(item)
        item.fields(_running(around))
    for item in init:
        _common(item, around)
        _restarts(item)
        if item["restartPolicy"].text == "Always":
            item.fields(_running(around))
        else:
            for key in _ONLY_WHILE_RUNNING:
                item[key].forbid("on an init container, unless it has `restartPolicy: Always`")
            for policy in item["resizePolicy"].structs():
                if policy["restartPolicy"].text == "RestartContainer":
                    policy["restartPolicy"].reject("`NotRequired` on an init container")
    unique((item["name"] for item in (*regular, *init)), "container's name")
    _host_ports(regular, around)
    for item in init:
        _host_ports([item], around)


def image_without_spaces(items: Iterable[Place]) -> None:
    """Images without spaces around them, which a Pod template may still have."""
    for item in items:
        image = item["image"]
        if image.text and image.text != image.text.strip():
            image.reject("an image's name without spaces around it")


def _running(around: Around) -> dict[str, Check]:
    return {
        "livenessProbe": probes.liveness,
        "startupProbe": probes.liveness,
        "readinessProbe": probes.readiness,
        "lifecycle": probes.lifecycle(around.grace_period),
    }


def _common(item: Place, around: Around) -> None:
    item["name"].named(names.dns_label, required=True)
    item["image"].require()
    item.fields(_CONTAINER)
    volumes.mounts(item, around.volumes)
    security.container(item["securityContext"], host_users=around.host_users)
    _claims(item["resources"]["claims"], around.claims)
    _resize(item["resizePolicy"], restarts=around.restarts)


def _ports(place: Place) -> None:
    for item in place.structs():
        number = item["containerPort"]
        if number.value is None or number.whole == 0:
            number.reject("a number from 1 to 65535", message="`containerPort` is required: a number from 1 to 65535.")
        item.fields(_PORTS)
    unique((item["name"] for item in place.structs()), "port's name")


def _port_if_set(place: Place) -> None:
    if place.whole != 0:
        _PORT(place)


def _port_name(place: Place) -> None:
    if place.text:
        place.named(names.port_name)


def _host_ports(items: Iterable[Place], around: Around) -> None:
    """Ports of the node, each of which only one container can have."""
    seen: set[tuple[str, str, int]] = set()
    for item in items:
        for port in item["ports"].structs():
            place = port["containerPort"] if around.host_ports and port["hostPort"].value in (None, 0) else port["hostPort"]
            number = place.whole
            key = (port["protocol"].text or "TCP", port["hostIP"].text or "", number or 0)
            if number and key in seen:
                place.reject("a port that is used once", f"{number} a second time")
            seen.add(key)


def _restarts(item: Place) -> None:
    policy, rules = item["restartPolicy"], item["restartPolicyRules"]
    one_of(*_POLICIES)(policy)
    if not rules.empty and not policy:
        policy.require("with `restartPolicyRules`")
    if rules.size > _MOST_RULES:
        rules.reject(f"at most {_MOST_RULES} rules", f"{rules.size}")
    for rule in rules.structs():
        if rule["action"].empty or rule["action"].text not in (None, "Restart", "RestartAllContainers"):
            rule["action"].reject("`Restart` or `RestartAllContainers`")
        if rule["exitCodes"].require() and rule["exitCodes"].is_map:
            operator, values = rule["exitCodes"]["operator"], rule["exitCodes"]["values"]
            if operator.empty or operator.text not in (None, "In", "NotIn"):
                operator.reject("`In` or `NotIn`")
            if values.size > _MOST_EXIT_CODES:
                values.reject(f"at most {_MOST_EXIT_CODES} values", f"{values.size}")


def _resize(place: Place, *, restarts: bool) -> None:
    for item in place.structs():
        resource, policy = item["resourceName"], item["restartPolicy"]
        if resource.empty or resource.text not in (None, "cpu", "memory"):
            resource.reject("`cpu` or `memory`")
        if policy.empty or policy.text not in (None, "NotRequired", "RestartContainer"):
            policy.reject("`NotRequired` or `RestartContainer`")
        elif policy.text == "RestartContainer" and not restarts:
            policy.reject("`NotRequired` in a Pod that is never restarted")
    unique((item["resourceName"] for item in place.structs()), "resource")


def _claims(place: Place, known: Collection[str]) -> None:
    for item in place.structs():
        claim = item["name"]
        if claim.require() and claim.text is not None and claim.text not in known:
            claim.reject("the name of one of the Pod's `resourceClaims`")
        if item["request"].text:
            item["request"].named(names.dns_label)
    seen: set[tuple[str, str]] = set()
    for item in place.structs():
        name, request = item["name"].text or "", item["request"].text or ""
        if name and any(name == other and ("" in (request, asked) or request == asked) for other, asked in seen):
            item["name"].reject("a claim that is used once")
        seen.add((name, request))


_PORTS: dict[str, Check] = {
    "name": _port_name,
    "containerPort": _port_if_set,
    "hostPort": _port_if_set,
    "protocol": one_of_or_default(*_PROTOCOLS),
}
_CONTAINER: dict[str, Check] = {
    "imagePullPolicy": one_of_or_default("Always", "IfNotPresent", "Never"),
    "terminationMessagePolicy": one_of_or_default("File", "FallbackToLogsOnError"),
    "ports": _ports,
    "env": each(environment.variable),
    "envFrom": each(environment.import_of),
    "resources": resources.container,
}
