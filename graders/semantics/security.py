"""Effective security context: what a container runs with, once its own fields and those of its Pod are put together.

A field of the container wins over the same field of the Pod, each for itself; a null one counts as not set. Source:
DetermineEffectiveSecurityContext in k8s.io/kubernetes/pkg/securitycontext/util.go;
https://kubernetes.io/docs/tasks/configure-pod-container/security-context/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# Fields that both levels have; all others exist at one level only.
SHARED = ("runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile", "seLinuxOptions", "appArmorProfile", "windowsOptions")
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")

Path = tuple[str | int, ...]


class Setting(NamedTuple):
    """The effective value of one field, and the place in the Pod spec that decides it.

    `value` is None when neither level sets it; `path` is then the container's own place.
    """

    value: Any
    path: Path


def containers_of(pod_spec: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every container of a Pod spec of any kind (init, regular, ephemeral), with its place in it."""
    if not isinstance(pod_spec, Mapping):
        return
    for key in CONTAINER_LISTS:
        listed = pod_spec.get(key)
        for index, item in enumerate(listed if isinstance(listed, list | tuple) else ()):
            if isinstance(item, Mapping):
                yield (key, index), item


def effective(pod_spec: Any, container: Path, field: str) -> Setting:
    """What the container at `container` of the Pod spec gets for `field` of its security context.

    A field that Pods do not have (`readOnlyRootFilesystem`) is looked up in the container only.
    """
    own = (*container, "securityContext", field)
    value = _at(pod_spec, own)
    if value is not None:
        return Setting(value, own)
    shared = ("securityContext", field)
    value = _at(pod_spec, shared) if field in SHARED else None
    return Setting(value, own if value is None else shared)


def drops_all(pod_spec: Any, container: Path) -> bool:
    """Whether the container drops every capability. `ALL` is compared exactly, as Pod Security does."""
    dropped = _at(pod_spec, (*container, "securityContext", "capabilities", "drop"))
    return isinstance(dropped, list | tuple) and "ALL" in dropped


def added(pod_spec: Any, container: Path) -> tuple[Any, ...]:
    """The capabilities that the container adds, as written."""
    listed = _at(pod_spec, (*container, "securityContext", "capabilities", "add"))
    return tuple(listed) if isinstance(listed, list | tuple) else ()


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        else:
            value = value[step] if isinstance(value, list | tuple) and 0 <= step < len(value) else None
    return value
