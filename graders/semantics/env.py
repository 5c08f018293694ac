"""Environment variables: which ones a container gets, and from which object and key.

The rules are those of makeEnvironmentVariables in k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go: first all of `envFrom` in order, then
`env` in order, the last definition of a name wins; an optional reference to what is not there defines nothing and leaves an earlier
definition standing. Also https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

Path = tuple[str | int, ...]
Keys = Callable[[str, str], Collection[str] | None]
"""Given `ConfigMap` or `Secret` and a name: its keys, none for an object that is not there, None when that is not known."""

_REFERENCES = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}
_SOURCES = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
_ALIAS = re.compile(r"\$\(([^()$]+)\)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value of a variable comes from.

    `kind` is `ConfigMap` or `Secret` (then `name` and `key` say which entry), `value` for text written into the manifest, else the
    field under `valueFrom` (`fieldRef`). `path` is the place in the container, `("env", 2, "valueFrom", "secretKeyRef")` or
    `("envFrom", 0)`. `there` tells whether that entry exists; None when that is not known, and for sources without a key.
    """

    kind: str
    name: str
    key: str
    optional: bool
    path: Path
    there: bool | None = None

    @property
    def decisive(self) -> bool:
        """Whether no earlier definition can stand beside it: it defines the variable, or keeps the container from starting."""
        return self.there is True or (self.path[0] == "env" and not self.optional)

    @property
    def void(self) -> bool:
        """Whether it certainly defines nothing: optional, and not there."""
        return self.optional and self.there is False


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of `envFrom`: every key of an object, its name led by `prefix`."""

    kind: str
    name: str
    prefix: str
    optional: bool
    path: Path

    def key_of(self, variable: str) -> str | None:
        """The key that would give this variable; None when none can, for it does not start with the prefix."""
        return variable[len(self.prefix) :] if variable.startswith(self.prefix) and variable != self.prefix else None

    def origin(self, key: str, there: bool | None) -> Origin:
        """One of its keys as the origin of a variable."""
        return Origin(self.kind, self.name, key, self.optional, self.path, there)


def unknown_keys(*_: str) -> Collection[str] | None:
    """`Keys` for those who know no object at all."""
    return None


def variables(container: Any, keys: Keys = unknown_keys) -> dict[str, Origin]:
    """The variables of a container, by name, as far as they are known: an `envFrom` counts when `keys` knows its object."""
    return {name: origins[-1] for name, origins in _definitions(container, keys, None).items() if not origins[-1].void}


def candidates(container: Any, variable: str, keys: Keys = unknown_keys) -> tuple[Origin, ...]:
    """What defines one variable, the strongest last; empty when nothing can.

    There is one unless keys are not known: then each that may define it is listed, from the last that certainly does. One that is
    `void` is listed only when there is nothing else.
    """
    return tuple(_definitions(container, keys, variable).get(variable, ()))


def _definitions(container: Any, keys: Keys, wanted: str | None) -> dict[str, list[Origin]]:
    found: dict[str, list[Origin]] = {}
    for source in env_from(container):
        known = keys(source.kind, source.name)
        if known is None and wanted is not None and source.key_of(wanted) is not None:
            _define(found, wanted, source.origin(wanted[len(source.prefix) :], None))
        for key in known or ():
            _define(found, source.prefix + key, source.origin(key, True))
    for index, item in enumerate(_list(container, "env")):
        variable = item.get("name") if isinstance(item, Mapping) else None
        if isinstance(variable, str):
            _define(found, variable, _explicit(item, ("env", index), keys, found))
    return found


def _define(found: dict[str, list[Origin]], variable: str, item: Origin) -> None:
    earlier = found.get(variable)
    if item.decisive or earlier is None or earlier[-1].void:
        found[variable] = [item]
    elif not item.void:
        earlier.append(item)


def env_from(container: Any) -> Iterator[Source]:
    """The entries of a container's `envFrom`, in order; later ones win."""
    for index, item in enumerate(_list(container, "envFrom")):
        prefix = item.get("prefix") if isinstance(item, Mapping) else None
        for field, kind in _SOURCES.items():
            source = item.get(field) if isinstance(item, Mapping) else None
            if isinstance(source, Mapping):
                path = ("envFrom", index)
                yield Source(kind, _text(source.get("name")), _text(prefix), source.get("optional") is True, path)
                break


def _explicit(item: Mapping[str, Any], path: Path, keys: Keys, earlier: Mapping[str, list[Origin]]) -> Origin:
    written, source = item.get("value"), item.get("valueFrom")
    if written or not isinstance(source, Mapping):
        alias = _ALIAS.fullmatch(written) if isinstance(written, str) else None
        target = earlier.get(alias[1]) if alias else None
        return replace(target[-1], path=path) if target and not target[-1].void else Origin("value", "", "", False, path)
    for field, kind in _REFERENCES.items():
        reference = source.get(field)
        if isinstance(reference, Mapping):
            name, key = _text(reference.get("name")), _text(reference.get("key"))
            known = keys(kind, name)
            there = None if known is None else key in known
            return Origin(kind, name, key, reference.get("optional") is True, (*path, "valueFrom", field), there)
    return Origin(next((str(field) for field, value in source.items() if value is not None), "value"), "", "", False, (*path, "valueFrom"))


def _list(container: Any, key: str) -> tuple[Any, ...]:
    listed = container.get(key) if isinstance(container, Mapping) else None
    return tuple(listed) if isinstance(listed, list | tuple) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
