"""Pod disruption budgets: how many Pods a budget keeps, and which budgets can claim the same Pods.

Rules: getExpectedPodCount in k8s.io/kubernetes/pkg/controller/disruption/disruption.go and pkg/apis/policy/validation;
https://kubernetes.io/docs/tasks/run-application/configure-pdb/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graders.semantics.int_or_string import percentage, scaled


def desired_healthy(min_available: Any, max_unavailable: Any, expected: int) -> int | None:
    """How many of `expected` Pods must stay healthy under a budget with these two fields (None for one that is not set).

    Percentages round up, in both fields: `minAvailable: 50%` of 3 keeps 2, `maxUnavailable: 50%` of 3 lets 2 go. None when the API
    server refuses the value or both are set, and when neither is, for then the budget keeps nothing in particular.
    """
    if (min_available is None) == (max_unavailable is None):
        return None
    given = max_unavailable if min_available is None else min_available
    percent = percentage(given)
    amount = scaled(given, expected, round_up=True)
    if amount is None or (percent is not None and percent > 100):
        return None
    return max(0, expected - amount) if min_available is None else amount


def surely_within(selector: Any, outer: Any) -> bool:
    """Whether every Pod that `selector` selects is also selected by `outer`, whatever labels it carries, as far as the text shows.

    Both are LabelSelectors. False when it cannot be told.
    """
    if not isinstance(selector, Mapping) or not isinstance(outer, Mapping):
        return False
    mine, theirs = _requirements(selector), _requirements(outer)
    return mine is not None and theirs is not None and all(any(_implies(own, other) for own in mine) for other in theirs)


def surely_apart(first: Any, second: Any) -> bool:
    """Whether no Pod can be selected by both LabelSelectors, as far as their text shows. False when it cannot be told."""
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return True  # a missing selector selects no Pod
    mine, theirs = _requirements(first), _requirements(second)
    return mine is not None and theirs is not None and any(_excludes(own, other) for own in mine for other in theirs)


def example_labels(selector: Any) -> dict[str, str] | None:
    """Labels of a Pod that the LabelSelector may select: those it asks for by value, the first value of a set. None without a selector."""
    requirements = _requirements(selector) if isinstance(selector, Mapping) else None
    if requirements is None:
        return None
    return {key: min(values) for key, operator, values in requirements if operator == "In" and values}


_Requirement = tuple[str, str, frozenset[str]]


def _requirements(selector: Mapping[str, Any]) -> list[_Requirement] | None:
    """The selector as key, operator, values; None when the API server would refuse it."""
    labels, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    if not isinstance(labels, Mapping | None) or not isinstance(expressions, list | tuple | None):
        return None
    found: list[_Requirement] = []
    for key, value in (labels or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            return None
        found.append((key, "In", frozenset((value,))))
    for item in expressions or ():
        if not isinstance(item, Mapping):
            return None
        key, operator, values = item.get("key"), item.get("operator"), item.get("values")
        if not isinstance(key, str) or not isinstance(operator, str) or not isinstance(values, list | tuple | None):
            return None
        if not all(isinstance(value, str) for value in values or ()):
            return None
        found.append((key, operator, frozenset(values or ())))
    return found


def _implies(own: _Requirement, other: _Requirement) -> bool:
    (key, operator, values), (other_key, other_operator, other_values) = own, other
    if key != other_key:
        return False
    match (operator, other_operator):
        case ("In", "In"):
            return values <= other_values
        case ("In", "NotIn"):
            return not values & other_values
        case ("In" | "Exists", "Exists") | ("DoesNotExist", "DoesNotExist" | "NotIn"):
            return True
        case ("NotIn", "NotIn"):
            return other_values <= values
        case _:
            return False


def _excludes(own: _Requirement, other: _Requirement) -> bool:
    (key, operator, values), (other_key, other_operator, other_values) = own, other
    if key != other_key:
        return False
    match (operator, other_operator):
        case ("In", "In"):
            return not values & other_values
        case ("In", "NotIn"):
            return values <= other_values
        case ("NotIn", "In"):
            return other_values <= values
        case ("In" | "Exists", "DoesNotExist") | ("DoesNotExist", "In" | "Exists"):
            return True
        case _:
            return False
