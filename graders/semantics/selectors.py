"""Label selectors, in both forms.

Rules: k8s.io/apimachinery/pkg/apis/meta/v1 LabelSelectorAsSelector and pkg/labels Requirement.Matches;
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches_labels(selector: Any, labels: Mapping[str, str]) -> bool:
    """Whether a map of labels, as a Service or ReplicationController has it, selects `labels`; an empty or missing one selects nothing."""
    if not isinstance(selector, Mapping) or not selector:
        return False
    return _carries(labels, selector)


def matches(selector: Any, labels: Mapping[str, str], *, missing: bool = False) -> bool:
    """Whether a LabelSelector (`matchLabels` and `matchExpressions`, all of them together) selects `labels`.

    An empty selector selects everything; a missing one gives `missing` (nothing, for most kinds). A selector that the API server would
    reject selects nothing.
    """
    if selector is None:
        return missing
    if not isinstance(selector, Mapping):
        return False
    wanted = selector.get("matchLabels")
    if wanted is not None and not isinstance(wanted, Mapping):
        return False
    if wanted and not _carries(labels, wanted):
        return False
    expressions = selector.get("matchExpressions")
    if expressions is None:
        return True
    return isinstance(expressions, list | tuple) and all(_requirement(item, labels) for item in expressions)


def _carries(labels: Mapping[str, str], wanted: Mapping[str, Any]) -> bool:
    return all(labels.get(key) == ("" if value is None else value) for key, value in wanted.items())  # null is the empty string


def _requirement(item: Any, labels: Mapping[str, str]) -> bool:
    if not isinstance(item, Mapping):
        return False
    key, operator, values = item.get("key"), item.get("operator"), item.get("values")
    values = () if values is None else values
    if not isinstance(key, str) or not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        return False
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":  # an absent label is not in the set either
            return bool(values) and labels.get(key) not in values
        case "Exists":
            return not values and key in labels
        case "DoesNotExist":
            return not values and key not in labels
        case _:
            return False
