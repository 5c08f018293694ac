"""The variables of a container, and the fields of its Pod that can be read (k8s.io/kubernetes pkg/apis/core/validation ValidateEnv)."""

from __future__ import annotations

import re

from graders.semantics import names
from graders.semantics.quantities import parse_quantity
from graders.validation import paths
from graders.validation.place import Check, Place, exactly_one, listed, name, table

_OF_THE_POD = ("metadata.name", "metadata.namespace", "metadata.uid")
_IN_VARIABLES = (
    *(*_OF_THE_POD, "spec.nodeName", "spec.serviceAccountName"),
    *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
_IN_FILES = (*_OF_THE_POD, "metadata.labels", "metadata.annotations")
_OLD_NAMES = {"spec.host": "spec.nodeName"}
_WITH_KEY = re.compile(r"(?P<map>.+?)\['(?P<key>.*)'\]", re.DOTALL)
_RESOURCES = tuple(f"{part}.{name}" for part in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage"))
_HUGE = ("limits.hugepages-", "requests.hugepages-")
_PLAIN_UNITS = frozenset(1000**power for power in range(7))
_BINARY_UNITS = frozenset(1024**power for power in range(1, 7))


def variable(place: Place) -> None:
    """An entry of `env`."""
    place["name"].named(names.variable, required=True)
    source = place["valueFrom"]
    if source.is_map:
        if place["value"].text:
            source.reject("no `valueFrom` beside `value`", "both", "`value` and `valueFrom` are set; only one of them is allowed.")
        exactly_one(source, _SOURCES, "source of the value")
        source.fields(_SOURCES)


def import_of(place: Place) -> None:
    """An entry of `envFrom`."""
    if place["prefix"].text:
        place["prefix"].named(names.variable)
    exactly_one(place, ("configMapRef", "secretRef"), "source of variables")
    for key in ("configMapRef", "secretRef"):
        if place[key].is_map:
            place[key]["name"].named(names.dns_subdomain, required=True)


def key_reference(place: Place) -> None:
    """A reference to one key of a ConfigMap or Secret."""
    place["name"].named(names.dns_subdomain, required=True)
    place["key"].named(names.data_key, required=True)


def file_field(place: Place) -> None:
    """A `fieldRef` of a file."""
    _field(place, _IN_FILES)


def file_resource(place: Place) -> None:
    """A `resourceFieldRef` of a file, which has to name its container."""
    place.needs("containerName")
    _resource(place)


def _variable_field(place: Place) -> None:
    _field(place, _IN_VARIABLES)


def _field(place: Place, allowed: tuple[str, ...]) -> None:
    path = place["fieldPath"]
    if place["apiVersion"].text and place["apiVersion"].text != "v1":
        place["apiVersion"].reject("`v1`")
    if path.text is None:
        path.require()
        return
    match = _WITH_KEY.fullmatch(path.text)
    if match is None:
        if _OLD_NAMES.get(path.text, path.text) not in allowed:
            path.reject(listed(allowed) + ", or one label or annotation, such as `metadata.labels['app']`")
        return
    key = match["key"].lower() if match["map"] == "metadata.annotations" else match["key"]
    if match["map"] not in ("metadata.labels", "metadata.annotations") or names.qualified(key):
        path.reject("a key of `metadata.labels` or `metadata.annotations`, such as `metadata.labels['app']`")


def _resource(place: Place) -> None:
    resource = place["resource"]
    if resource.require() and resource.text is not None and resource.text not in _RESOURCES and not resource.text.startswith(_HUGE):
        resource.reject(listed(_RESOURCES))
    elif resource.text and place["divisor"]:
        _divisor(place["divisor"], resource.text)


def _divisor(place: Place, resource: str) -> None:
    amount = parse_quantity(place.value)
    if not amount:
        return
    if resource.endswith(".cpu"):
        if amount not in (1, parse_quantity("1m")):
            place.reject("`1` or `1m`")
    elif amount not in (_BINARY_UNITS if str(place.value).strip().endswith("i") else _PLAIN_UNITS):
        place.reject("one unit, such as `1`, `1Mi` or `1M`")


_SOURCES: dict[str, Check] = {
    "fieldRef": _variable_field,
    "resourceFieldRef": _resource,
    "configMapKeyRef": key_reference,
    "secretKeyRef": key_reference,
    "fileKeyRef": table(
        {"key": name(names.variable), "volumeName": name(names.dns_label), "path": paths.no_steps_back},
        "key",
        "volumeName",
        "path",
    ),
}
