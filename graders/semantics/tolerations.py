"""Tolerations: whether a Pod may run on a node with a taint.

Rules: k8s.io/api/core/v1 Toleration.ToleratesTaint; https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def tolerates(tolerations: Any, key: str, effect: str, value: str = "") -> bool:
    """Whether one of a Pod's tolerations fits the taint. Left out, an effect or (with `Exists`) a key fits every one."""
    listed = tolerations if isinstance(tolerations, list | tuple) else ()
    return any(isinstance(item, Mapping) and _fits(item, key, effect, value) for item in listed)


def _fits(item: Mapping[str, Any], key: str, effect: str, value: str) -> bool:
    if (item.get("effect") or effect) != effect or (item.get("key") or key) != key:
        return False
    if item.get("operator") == "Exists":
        return not item.get("value")
    return bool(item.get("key")) and item.get("operator") in (None, "", "Equal") and (item.get("value") or "") == value
