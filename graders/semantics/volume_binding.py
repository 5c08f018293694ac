"""Claims and volumes: which class a claim asks for, and which volume that is there already may be bound to it.

Rules: k8s.io/component-helpers/storage/volume (FindMatchingVolume, CheckVolumeModeMismatches, GetPersistentVolumeClaimClass) and
checkVolumeSatisfyClaim in k8s.io/kubernetes v1.37 pkg/controller/volume/persistentvolume;
https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graders.semantics.quantities import parse_quantity
from graders.semantics.selectors import matches

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"  # it still wins over the field
DEFAULT_ANNOTATION = "storageclass.kubernetes.io/is-default-class"


def class_name(body: Any) -> str | None:
    """The storage class that a claim or a volume names; empty for none on purpose, None where it is left to the cluster's default."""
    annotation = _at(body, "metadata", "annotations", CLASS_ANNOTATION)
    name = _at(body, "spec", "storageClassName") if annotation is None else annotation
    return name if isinstance(name, str) else None


def is_default(storage_class: Any) -> bool:
    """Whether a StorageClass is the one for claims that name none."""
    return bool(_at(storage_class, "metadata", "annotations", DEFAULT_ANNOTATION) == "true")


def may_bind(volume: Any, claim: Any, namespace: str, default: str = "") -> bool:
    """Whether a volume that is there may be bound to a claim of that namespace.

    It is reserved for the claim, or free and not spoken for by the claim's own choice of another one; of its mode; large and open enough;
    and, unless it is reserved and the claim has not chosen it as well, of the claim's class and labels. `default` is the class of a claim
    that names none: on a cluster admission has filled in the default class where there is one.
    """
    name, chosen = _at(volume, "metadata", "name"), _at(claim, "spec", "volumeName")
    if chosen and chosen != name:
        return False
    reserved = _at(volume, "spec", "claimRef")
    if reserved is not None:
        if (_at(reserved, "namespace"), _at(reserved, "name")) != (namespace, _at(claim, "metadata", "name")):
            return False
    elif _at(volume, "status", "phase") not in (None, "", "Pending", "Available"):
        return False
    size = parse_quantity(_at(volume, "spec", "capacity", "storage"))
    wanted = parse_quantity(_at(claim, "spec", "resources", "requests", "storage"))
    if size is None or wanted is None or size < wanted:
        return False
    if not _modes(claim) <= _modes(volume) or _form(claim) != _form(volume):
        return False
    if reserved is not None and not chosen:
        return True
    labels = _at(volume, "metadata", "labels")
    labels = {key: value for key, value in labels.items() if isinstance(value, str)} if isinstance(labels, Mapping) else {}
    asked = class_name(claim)
    same_class = (class_name(volume) or "") == (default if asked is None else asked)
    return same_class and matches(_at(claim, "spec", "selector"), labels, missing=True)


def _form(body: Any) -> Any:
    return _at(body, "spec", "volumeMode") or "Filesystem"


def _modes(body: Any) -> set[str]:
    listed = _at(body, "spec", "accessModes")
    return {mode for mode in (listed if isinstance(listed, list | tuple) else ()) if isinstance(mode, str)}


def _at(value: Any, *steps: str) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
