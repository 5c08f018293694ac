"""Whether an alert's expression gives a result while an app runs, and while it does not.

Prometheus fires for every series that an expression returns, whatever its value
(https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/). The metrics are those that Prometheus itself keeps of each
target and those of kube-state-metrics (https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics/workload).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from graders.semantics.promql import (
    COMPARISONS,
    Binary,
    Call,
    Expression,
    Matcher,
    Negative,
    Number,
    Selector,
    Shifted,
    calls,
    selectors,
)

_REPLICAS = 3.0
_PODS = (1, 2, 3)
_Vector = tuple[float, ...]
_Value = float | _Vector


class State(Enum):
    """What the app is doing: serving, there without answering, or not there at all, so that nothing is measured of it."""

    UP = "up"
    DOWN = "down"
    GONE = "gone"


class _Series(NamedTuple):
    """One series of a metric: its labels as far as they tell series of one app apart, its value while up and while down."""

    labels: Mapping[str, str]
    up: float
    down: float


_TRUTHS = ("true", "false", "unknown")


def _truths(pods: int, **labels: str) -> Iterator[_Series]:
    """Series of which one is 1 and the others 0: `true` while up, `false` while down."""
    for truth in _TRUTHS:
        key = "status" if labels else "condition"
        yield from [_Series({**labels, key: truth}, float(truth == "true"), float(truth == "false"))] * pods


_METRICS: dict[str, tuple[_Series, ...]] = {
    "up": (_Series({}, 1, 0),) * len(_PODS),
    "kube_deployment_status_replicas_available": (_Series({}, _REPLICAS, 0),),
    "kube_deployment_status_replicas_ready": (_Series({}, _REPLICAS, 0),),
    "kube_deployment_status_replicas_unavailable": (_Series({}, 0, _REPLICAS),),
    "kube_deployment_status_condition": tuple(_truths(1, condition="Available")),
    "kube_replicaset_status_ready_replicas": (_Series({}, _REPLICAS, 0),),
    "kube_pod_status_ready": tuple(_truths(len(_PODS))),
    "kube_pod_container_status_ready": (_Series({}, 1, 0),) * len(_PODS),
}
# What the expression may compare with, and which alone tells nothing.
_BESIDE: dict[str, tuple[_Series, ...]] = {
    "kube_deployment_spec_replicas": (_Series({}, _REPLICAS, _REPLICAS),),
    "kube_deployment_status_replicas": (_Series({}, _REPLICAS, _REPLICAS),),
}
_ABSENT = ("absent", "absent_over_time")


def downtime_selectors(expression: Expression) -> tuple[Selector, ...]:
    """The series of an expression that tell whether an app is down: `up`, ready replicas, and whatever it asks to be absent."""
    absent = [selector for call in calls(expression, *_ABSENT) for selector in selectors(call)]
    return tuple(selector for selector in selectors(expression) if selector.metric in _METRICS or selector in absent)


def of_deployment(selector: Selector) -> bool:
    """Whether its series come from kube-state-metrics, and so are labelled with what they are about, not with where they were read."""
    return (selector.metric or "").startswith("kube_")


def contradiction(selector: Selector, labels: Mapping[str, str]) -> Matcher | None:
    """The matcher that certainly leaves out series with these labels; None when they may be chosen. Other labels are not known."""
    for matcher in selector.matchers:
        if matcher.label in labels and matcher.accepts(labels[matcher.label]) is False:
            return matcher
    return None


def fires(expression: Expression, state: State, ours: Callable[[Selector], bool]) -> bool | None:
    """Whether the expression gives a result in that state; None when that depends on what is not known here.

    `ours` tells whether a selector's series are those of the app.
    """
    try:
        return _Evaluator(state, ours).has_result(expression)
    except _NotKnown:
        return None


class _NotKnown(Exception):
    """The value depends on more than this module knows."""


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OVER_TIME = frozenset(f"{what}_over_time" for what in ("avg", "min", "max", "first", "last", "quantile"))
_AGGREGATED: dict[str, Callable[[_Vector], float]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
}


class _Evaluator:
    """Values as PromQL has them, without labels: a number, or the values of the series of a vector."""

    def __init__(self, state: State, ours: Callable[[Selector], bool]) -> None:
        self._state = state
        self._ours = ours

    def has_result(self, expression: Expression) -> bool:
        """Whether Prometheus would fire: of two sides of an `or` one is enough, whatever the other is."""
        if not isinstance(expression, Binary) or expression.operator != "or":
            found = self.value(expression)
            return bool(found) if isinstance(found, tuple) else True
        unknown = False
        for side in (expression.left, expression.right):
            try:
                if self.has_result(side):
                    return True
            except _NotKnown:
                unknown = True
        if unknown:
            raise _NotKnown
        return False

    def value(self, expression: Expression) -> _Value:
        """The value of an expression. Raises _NotKnown."""
        match expression:
            case Number(value):
                return value
            case Negative(operand):
                found = self.value(operand)
                return tuple(-each for each in found) if isinstance(found, tuple) else -found
            case Selector():
                return self._series(expression)
            case Call():
                return self._called(expression)
            case Binary():
                return self._combined(expression)
            case Shifted(operand):
                return self._earlier(operand)
        raise _NotKnown

    def _earlier(self, expression: Expression) -> _Value:
        """The value at another time: while up it is the same, but an app that is down now may have been up then."""
        if self._state is not State.UP:
            raise _NotKnown
        return self.value(expression)

    def _series(self, selector: Selector) -> _Vector:
        known = (_METRICS | _BESIDE).get(selector.metric or "")
        if known is None or not self._ours(selector):
            raise _NotKnown
        if self._state is State.GONE:
            return ()
        chosen = [series for series in known if contradiction(selector, series.labels) is None]
        return tuple(series.up if self._state is State.UP else series.down for series in chosen)

    def _called(self, call: Call) -> _Value:
        if call.name in _ABSENT and len(call.arguments) == 1:
            return () if self._present(call.arguments[0]) else (1.0,)
        if call.name in _OVER_TIME and call.arguments:
            return self._earlier(call.arguments[-1])
        if call.name == "present_over_time" and len(call.arguments) == 1:
            return (1.0,) * len(self._vector(call.arguments[0]))
        if call.name in _AGGREGATED:
            values = self._vector(call.arguments[0])
            return (_AGGREGATED[call.name](values),) if values else ()
        if call.name == "vector" and len(call.arguments) == 1:
            found = self.value(call.arguments[0])
            return (found,) if not isinstance(found, tuple) else found
        raise _NotKnown

    def _present(self, argument: Expression) -> bool:
        """Whether a vector has any series. What the app itself reports is there while it is up."""
        if isinstance(argument, Selector) and argument.metric not in _METRICS | _BESIDE and self._ours(argument):
            return self._state is State.UP
        return bool(self._vector(argument))

    def _vector(self, expression: Expression) -> _Vector:
        found = self.value(expression)
        if not isinstance(found, tuple):
            raise _NotKnown
        return found

    def _combined(self, binary: Binary) -> _Value:
        if binary.operator in ("and", "or", "unless"):
            return self._set(binary)
        left, right = self.value(binary.left), self.value(binary.right)
        if not isinstance(left, tuple) and not isinstance(right, tuple):
            return self._number(binary, left, right)
        if not isinstance(left, tuple):
            assert isinstance(right, tuple)
            pairs = [(left, each) for each in right]
            kept = right
        elif not isinstance(right, tuple):
            pairs = [(each, right) for each in left]
            kept = left
        elif left and right and len(left) != len(right):
            raise _NotKnown
        else:
            pairs, kept = list(zip(left, right, strict=False)), left
        if binary.operator in COMPARISONS and not binary.keeps_all:
            return tuple(each for each, pair in zip(kept, pairs, strict=False) if _COMPARE[binary.operator](*pair))
        return tuple(self._number(binary, *pair) for pair in pairs)

    def _set(self, binary: Binary) -> _Vector:
        left = self._vector(binary.left)
        if binary.operator == "or":
            return self._joined(binary, left, self._vector(binary.right))
        if not left:
            return ()
        return left if bool(self._vector(binary.right)) == (binary.operator == "and") else ()

    def _joined(self, binary: Binary, left: _Vector, right: _Vector) -> _Vector:
        """The left side, and of the right one those series whose labels the left does not have."""
        if not left or not right:
            return left or right
        if _without_labels(binary.left) and _without_labels(binary.right):
            return left
        raise _NotKnown

    def _number(self, binary: Binary, left: float, right: float) -> float:
        if binary.operator in COMPARISONS:
            return float(_COMPARE[binary.operator](left, right))
        if binary.operator == "/":
            return left / right if right else float("nan") if not left else float("inf")
        if binary.operator not in _ARITHMETIC:
            raise _NotKnown
        return _ARITHMETIC[binary.operator](left, right)


def _without_labels(expression: Expression) -> bool:
    """Whether the one series of an expression surely has no labels, as a sum over everything has none."""
    match expression:
        case Number():
            return True
        case Negative(operand):
            return _without_labels(operand)
        case Binary():
            return _without_labels(expression.left) and _without_labels(expression.right)
        case Call():
            return expression.name == "vector" or (expression.name in _AGGREGATED and not expression.grouped)
    return False
