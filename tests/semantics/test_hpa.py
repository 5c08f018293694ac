"""The HPA's scaling limits, as the controller computes them."""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import islice
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graders.semantics.hpa import (
    DEFAULT_DOWN,
    DEFAULT_UP,
    Change,
    Fault,
    Policy,
    Rules,
    default_requests,
    faster_than,
    growth,
    highest,
    lowest,
    minimum,
    read_rules,
    removed,
    scales_deployment,
    short_of_doubling,
    shrinkage,
    unrequested,
)

TENTH = Rules((Policy("Percent", 10, 60),), 300)


def up(*policies: tuple[str, int, int], select: str = "Max") -> Rules:
    return Rules(tuple(Policy(*policy) for policy in policies), 0, select)


# The API's defaults


@pytest.mark.parametrize(
    ("written", "default", "rules"),
    [
        pytest.param(None, DEFAULT_UP, DEFAULT_UP, id="direction left out"),
        pytest.param({}, DEFAULT_DOWN, DEFAULT_DOWN, id="direction empty"),
        pytest.param({"stabilizationWindowSeconds": 60}, DEFAULT_UP, Rules(DEFAULT_UP.policies, 60), id="only a window"),
        pytest.param({"selectPolicy": "Min"}, DEFAULT_UP, Rules(DEFAULT_UP.policies, 0, "Min"), id="only selectPolicy"),
        pytest.param(
            {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
            DEFAULT_DOWN,
            Rules((Policy("Pods", 1, 60),), 300),
            id="only policies",
        ),
        pytest.param({"policies": None, "selectPolicy": None}, DEFAULT_DOWN, DEFAULT_DOWN, id="nulls are left out"),
        pytest.param({"stabilizationWindowSeconds": 0}, DEFAULT_DOWN, Rules(DEFAULT_DOWN.policies, 0), id="a window of zero is a window"),
    ],
)
def test_rules_are_completed_with_defaults(written: Any, default: Rules, rules: Rules) -> None:
    assert read_rules(written, default) == rules


@pytest.mark.parametrize(
    ("written", "path"),
    [
        pytest.param([], (), id="a list"),
        pytest.param({"selectPolicy": "max"}, ("selectPolicy",), id="wrong case"),
        pytest.param({"selectPolicy": ""}, ("selectPolicy",), id="empty selectPolicy"),
        pytest.param({"stabilizationWindowSeconds": 3601}, ("stabilizationWindowSeconds",), id="more than an hour"),
        pytest.param({"stabilizationWindowSeconds": -1}, ("stabilizationWindowSeconds",), id="negative window"),
        pytest.param({"stabilizationWindowSeconds": "60"}, ("stabilizationWindowSeconds",), id="window in quotes"),
        pytest.param({"policies": []}, ("policies",), id="no policy"),
        pytest.param({"policies": {}}, ("policies",), id="a map of policies"),
        pytest.param({"policies": [None]}, ("policies", 0), id="null policy"),
        pytest.param({"policies": [{"type": "percent", "value": 1, "periodSeconds": 1}]}, ("policies", 0, "type"), id="type in wrong case"),
        pytest.param({"policies": [{"type": "Pods", "value": 0, "periodSeconds": 1}]}, ("policies", 0, "value"), id="value zero"),
        pytest.param({"policies": [{"type": "Pods", "value": "1", "periodSeconds": 1}]}, ("policies", 0, "value"), id="value in quotes"),
        pytest.param({"policies": [{"type": "Pods", "value": True, "periodSeconds": 1}]}, ("policies", 0, "value"), id="value a boolean"),
        pytest.param({"policies": [{"type": "Pods", "value": 1}]}, ("policies", 0, "periodSeconds"), id="no period"),
        pytest.param(
            {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}, ("policies", 0, "periodSeconds"), id="half an hour"
        ),
    ],
)
def test_rules_that_the_api_server_refuses(written: Any, path: tuple[str | int, ...]) -> None:
    fault = read_rules(written, DEFAULT_UP)
    assert isinstance(fault, Fault)
    assert fault.path == path
    assert fault.expected
    assert fault.found


# One limit


@pytest.mark.parametrize(
    ("size", "left"),
    [(20, 18), (19, 17), (15, 13), (11, 9), (10, 9), (9, 8), (3, 2), (1, 0)],
)
def test_ten_percent_down_truncates_what_remains(size: int, left: int) -> None:
    assert lowest(TENTH, size) == left


@pytest.mark.parametrize(("size", "percent", "left"), [(10, 80, 1), (20, 90, 1), (5, 80, 0), (10, 70, 3)])
def test_truncation_sees_the_controllers_floating_point(size: int, percent: int, left: int) -> None:
    """1 - 0.8 is a little less than 0.2, so that 80 % of 10 leaves 1 and not 2."""
    assert lowest(up(("Percent", percent, 60)), size) == left


@pytest.mark.parametrize(
    ("rules", "size", "limit"),
    [
        pytest.param(up(("Percent", 50, 15)), 3, 5, id="a fraction of a Pod rounds up"),
        pytest.param(up(("Percent", 100, 15)), 3, 6, id="doubling"),
        pytest.param(up(("Percent", 1, 15)), 3, 4, id="one percent is one Pod"),
        pytest.param(up(("Percent", 10, 15)), 10, 11, id="no fraction, nothing to round"),
        pytest.param(up(("Pods", 4, 15)), 3, 7, id="four more"),
        pytest.param(DEFAULT_UP, 3, 7, id="default, small"),
        pytest.param(DEFAULT_UP, 10, 20, id="default, large"),
        pytest.param(up(("Pods", 4, 15), ("Percent", 100, 15), select="Min"), 3, 6, id="the least of two"),
        pytest.param(up(("Pods", 4, 15), select="Disabled"), 3, 3, id="disabled"),
        pytest.param(up(("Pods", 2**31 - 1, 15)), 3, 3, id="beyond 32 bits the controller's count wraps around"),
    ],
)
def test_highest_count_allowed_at_once(rules: Rules, size: int, limit: int) -> None:
    assert highest(rules, size) == limit


@pytest.mark.parametrize(
    ("changes", "now", "limit"),
    [
        pytest.param((), 60, 18, id="nothing before"),
        pytest.param((Change(30, -1),), 60, 18, id="one gone within the period: 21 at its start"),
        pytest.param((Change(0, -2),), 60, 18, id="just out of the period"),
        pytest.param((Change(1, -2),), 60, 19, id="just within the period"),
        pytest.param((Change(30, 10),), 60, 9, id="grown within the period: 10 at its start"),
        pytest.param((Change(30, -10),), 60, 20, id="never above what runs"),
    ],
)
def test_past_changes_count_from_the_start_of_the_period(changes: tuple[Change, ...], now: int, limit: int) -> None:
    assert lowest(TENTH, 20, changes, now) == limit


# What follows over several syncs


@pytest.mark.parametrize(
    ("rules", "size", "sizes"),
    [
        pytest.param(up(("Percent", 100, 15)), 3, [6, 12, 20, 20], id="doubling each sync"),
        pytest.param(up(("Percent", 100, 60)), 3, [6, 6, 6, 6, 12, 12, 12, 12, 20], id="doubling each minute"),
        pytest.param(DEFAULT_UP, 3, [7, 14, 20], id="default"),
        pytest.param(up(("Pods", 1, 30)), 3, [4, 4, 5, 5, 6], id="one each half minute"),
        pytest.param(up(("Pods", 1, 20)), 3, [4, 4, 5, 5, 6], id="a period that is no multiple of a sync"),
        pytest.param(up(("Pods", 1, 5)), 3, [4, 5, 6], id="a period shorter than a sync"),
    ],
)
def test_growth(rules: Rules, size: int, sizes: list[int]) -> None:
    assert list(islice(growth(rules, size, 20), len(sizes))) == sizes


@pytest.mark.parametrize(
    ("rules", "sizes"),
    [
        pytest.param(TENTH, [18, 18, 18, 18, 16, 16, 16, 16, 14], id="ten percent a minute"),
        pytest.param(up(("Percent", 5, 30)), [19, 19, 18, 18, 17], id="five percent each half minute"),
        pytest.param(DEFAULT_DOWN, [3, 3], id="default"),
    ],
)
def test_shrinkage(rules: Rules, sizes: list[int]) -> None:
    assert list(islice(shrinkage(rules, 20, 3), len(sizes))) == sizes


@pytest.mark.parametrize(
    ("rules", "doubles"),
    [
        pytest.param(DEFAULT_UP, True, id="default"),
        pytest.param(up(("Percent", 100, 15)), True, id="100 % per 15 s"),
        pytest.param(up(("Percent", 100, 10)), True, id="100 % per 10 s"),
        pytest.param(up(("Percent", 100, 16)), False, id="100 % per 16 s"),
        pytest.param(up(("Percent", 100, 60)), False, id="100 % per 60 s"),
        pytest.param(up(("Percent", 91, 15)), True, id="91 %, rounded up, is enough for these sizes"),
        pytest.param(up(("Percent", 90, 15)), False, id="90 %"),
        pytest.param(up(("Percent", 567, 60)), True, id="to the top at once"),
        pytest.param(up(("Pods", 4, 15)), False, id="4 Pods"),
        pytest.param(up(("Pods", 9, 15)), False, id="9 Pods"),
        pytest.param(up(("Pods", 10, 15)), True, id="10 Pods"),
        pytest.param(up(("Pods", 17, 1800)), True, id="17 Pods in half an hour"),
        pytest.param(up(("Pods", 10, 15), ("Percent", 100, 15), select="Min"), True, id="least of two that are enough"),
        pytest.param(up(("Pods", 4, 15), ("Percent", 100, 15), select="Min"), False, id="least of the default"),
        pytest.param(up(("Percent", 100, 15), select="Disabled"), False, id="disabled"),
        pytest.param(up(("Pods", 5, 15), ("Percent", 900, 60)), True, id="together"),
    ],
)
def test_doubling_from_3_to_20(rules: Rules, doubles: bool) -> None:
    assert (short_of_doubling(rules, 3, 20) is None) is doubles


def test_shortfall_tells_where() -> None:
    assert short_of_doubling(up(("Pods", 4, 15)), 3, 20) == (7, 11, 14)


@pytest.mark.parametrize(
    ("rules", "excess"),
    [
        pytest.param(TENTH, None, id="the reference itself"),
        pytest.param(up(("Pods", 1, 60)), None, id="one Pod a minute"),
        pytest.param(up(("Percent", 10, 120)), None, id="10 % in two minutes"),
        pytest.param(up(("Percent", 10, 46)), None, id="10 % in 46 s: the next sync out of it is at 60"),
        pytest.param(up(("Percent", 10, 45)), (20, 4, 2), id="10 % in 45 s"),
        pytest.param(up(("Pods", 2, 60), ("Percent", 10, 60), select="Min"), None, id="least of two Pods and 10 %"),
        pytest.param(up(("Pods", 2, 60), ("Percent", 10, 60)), (10, 2, 1), id="most of two Pods and 10 %"),
        pytest.param(up(("Percent", 5, 30)), (10, 2, 1), id="5 % each half minute: two Pods of ten"),
        pytest.param(up(("Percent", 11, 60)), (20, 3, 2), id="11 %"),
        pytest.param(up(("Percent", 10, 15)), (20, 8, 2), id="10 % each sync"),
        pytest.param(DEFAULT_DOWN, (20, 17, 2), id="default"),
    ],
)
def test_removal_against_ten_percent_a_minute(rules: Rules, excess: tuple[int, int, int] | None) -> None:
    assert faster_than(rules, TENTH, 3, 20, 60) == excess


# Properties, against a model that keeps sizes instead of changes


policies = st.builds(
    Policy, st.sampled_from(["Pods", "Percent"]), st.integers(1, 250), st.sampled_from([1, 14, 15, 16, 30, 45, 60, 61, 300])
)
rule_sets = st.builds(Rules, st.lists(policies, min_size=1, max_size=4).map(tuple), st.just(0), st.sampled_from(["Max", "Min", "Disabled"]))


def modelled(rules: Rules, first: int, wishes: list[int]) -> list[int]:
    """The sizes at each sync: the metric wishes for a count, and each policy looks up how many Pods there were when its period began."""
    before = [first]  # before[k] is the size in the 15 s that end with sync k
    for sync, wish in enumerate(wishes):
        current = before[-1]
        limits = []
        for policy in rules.policies:
            # the last sync whose outcome is not within the period any more
            oldest = (15 * sync - policy.period) // 15
            start = before[oldest + 1] if oldest >= 0 else first
            if policy.kind == "Pods":
                limits.append(start + policy.value if wish > current else start - policy.value)
            elif wish > current:
                limits.append(math.ceil(start * (1 + policy.value / 100)))
            else:
                limits.append(math.trunc(start * (1 - policy.value / 100)))
        if rules.select == "Disabled" or wish == current:
            before.append(current)
        elif wish > current:
            limit = max(limits) if rules.select == "Max" else min(limits)
            before.append(max(current, min(wish, limit)))
        else:
            limit = min(limits) if rules.select == "Max" else max(limits)
            before.append(min(current, max(wish, limit)))
    return before[1:]


@settings(max_examples=200)
@given(rule_sets, st.integers(1, 30), st.integers(1, 12))
def test_growth_is_that_of_the_model(rules: Rules, size: int, syncs: int) -> None:
    assert list(islice(growth(rules, size, 200), syncs)) == modelled(rules, size, [200] * syncs)


@settings(max_examples=200)
@given(rule_sets, st.integers(1, 200), st.integers(1, 12))
def test_shrinkage_is_that_of_the_model(rules: Rules, size: int, syncs: int) -> None:
    assert list(islice(shrinkage(rules, size, 1), syncs)) == modelled(rules, size, [1] * syncs)


@settings(max_examples=200)
@given(rule_sets, st.integers(4, 40), st.lists(st.integers(1, 40), min_size=4, max_size=14))
def test_no_course_of_wishes_removes_more_than_removed_says(rules: Rules, size: int, wishes: list[int]) -> None:
    downward = [min(size, *wishes[: index + 1]) for index in range(len(wishes))]
    sizes = [size, *modelled(rules, size, downward)]
    for index in range(len(sizes) - 4):
        assert sizes[index] - sizes[index + 4] <= removed(rules, sizes[index], 1, 60)


@settings(max_examples=200)
@given(st.lists(policies, min_size=1, max_size=3), policies, st.integers(1, 60))
def test_max_grows_with_a_policy_and_min_shrinks(given_policies: list[Policy], more: Policy, size: int) -> None:
    few, many = tuple(given_policies), (*given_policies, more)
    assert highest(Rules(many, 0), size) >= highest(Rules(few, 0), size)
    assert lowest(Rules(many, 0), size) <= lowest(Rules(few, 0), size)
    assert highest(Rules(many, 0, "Min"), size) <= min(highest(Rules((policy,), 0), size) for policy in many)
    assert lowest(Rules(many, 0, "Min"), size) >= max(lowest(Rules((policy,), 0), size) for policy in many)


@given(st.lists(policies, min_size=1, max_size=3), st.integers(1, 60))
def test_order_of_policies_never_matters(given_policies: list[Policy], size: int) -> None:
    for select in ("Max", "Min"):
        there, back = Rules(tuple(given_policies), 0, select), Rules(tuple(reversed(given_policies)), 0, select)
        assert list(islice(growth(there, size, 100), 8)) == list(islice(growth(back, size, 100), 8))
        assert list(islice(shrinkage(there, size, 1), 8)) == list(islice(shrinkage(back, size, 1), 8))


@given(st.lists(policies, min_size=1, max_size=3), st.integers(1, 60))
def test_disabled_never_changes(given_policies: list[Policy], size: int) -> None:
    rules = Rules(tuple(given_policies), 0, "Disabled")
    assert set(islice(growth(rules, size, 100), 6)) == {size}
    assert set(islice(shrinkage(rules, size, 1), 6)) == {size}


@given(policies, st.integers(1, 60), st.integers(1, 60))
def test_limits_rise_with_the_size_at_the_start(policy: Policy, first: int, second: int) -> None:
    assume(first <= second)
    assert policy.raised(first) <= policy.raised(second)
    assert max(0, policy.lowered(first)) <= max(0, policy.lowered(second))


# What an HPA scales, and its minimum


@pytest.mark.parametrize(
    ("target", "scales"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}, True),
        ({"apiVersion": "apps/v1beta1", "kind": "Deployment", "name": "api"}, True),
        ({"apiVersion": "apps/", "kind": "Deployment", "name": "api"}, False),
        ({"apiVersion": "apps", "kind": "Deployment", "name": "api"}, False),
        ({"apiVersion": "v1", "kind": "Deployment", "name": "api"}, False),
        ({"kind": "Deployment", "name": "api"}, False),
        ({"apiVersion": "apps/v1", "kind": "deployment", "name": "api"}, False),
        ({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "api"}, False),
        ({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, False),
        (None, False),
    ],
)
def test_target_is_found_by_group_kind_and_name(target: Any, scales: bool) -> None:
    assert scales_deployment({"scaleTargetRef": target}, "api") is scales


@pytest.mark.parametrize(
    ("spec", "least"), [({}, 1), ({"minReplicas": None}, 1), ({"minReplicas": 3}, 3), ({"minReplicas": "3"}, None), (None, 1)]
)
def test_minimum_is_one_unless_stated(spec: Any, least: int | None) -> None:
    assert minimum(spec) == least


# What utilization is a percentage of


def container(name: str, **resources: Any) -> dict[str, Any]:
    return {"name": name, "resources": resources}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        pytest.param({"containers": [container("a", requests={"cpu": "100m"})]}, None, id="requested"),
        pytest.param({"containers": [container("a", limits={"cpu": "1"})]}, None, id="a limit is a request"),
        pytest.param({"containers": [container("a")]}, ("containers", 0, "resources", "requests", "cpu"), id="nothing"),
        pytest.param({"containers": [container("a", requests={"cpu": 0})]}, ("containers", 0, "resources", "requests", "cpu"), id="zero"),
        pytest.param(
            {"containers": [container("a", requests={"cpu": "1"}), container("b")]},
            ("containers", 1, "resources", "requests", "cpu"),
            id="the second has none",
        ),
        pytest.param(
            {"containers": [container("a", requests={"cpu": 1})], "initContainers": [container("i")]}, None, id="init containers are over"
        ),
        pytest.param(
            {"containers": [container("a", requests={"cpu": 1})], "initContainers": [{**container("s"), "restartPolicy": "Always"}]},
            ("initContainers", 0, "resources", "requests", "cpu"),
            id="a sidecar runs on",
        ),
        pytest.param({"resources": {"requests": {"cpu": "1"}}, "containers": [container("a")]}, None, id="requested for the whole Pod"),
        pytest.param({"resources": {"limits": {"cpu": "1"}}, "containers": [container("a")]}, None, id="limited for the whole Pod"),
        pytest.param(
            {"resources": {"requests": {"memory": "1Gi"}}, "containers": [container("a", requests={"cpu": 1}), container("b")]},
            None,
            id="the Pod asks for memory, so what containers ask of cpu is added up",
        ),
        pytest.param(
            {"resources": {"requests": {"memory": "1Gi"}}, "containers": [container("a")]},
            ("resources", "requests", "cpu"),
            id="memory only",
        ),
        pytest.param(
            {"resources": {"requests": {"cpu": "0"}}, "containers": [container("a")]}, ("resources", "requests", "cpu"), id="zero for all"
        ),
        pytest.param({"containers": []}, ("containers",), id="no containers"),
        pytest.param({"containers": "a"}, ("containers",), id="no list"),
        pytest.param(None, (), id="no spec"),
    ],
)
def test_missing_request_is_found(spec: Any, path: tuple[str | int, ...] | None) -> None:
    gap = unrequested(spec, "cpu", {})
    assert (gap.path if gap else None) == path


@pytest.mark.parametrize(
    ("item", "amount"),
    [
        pytest.param({"defaultRequest": {"cpu": "100m"}, "default": {"cpu": "1"}}, Decimal("0.1"), id="defaultRequest"),
        pytest.param({"default": {"cpu": "500m"}}, Decimal("0.5"), id="default"),
        pytest.param({"max": {"cpu": 2}}, Decimal(2), id="max"),
        pytest.param({"min": {"cpu": "50m"}}, Decimal("0.05"), id="min"),
        pytest.param({"defaultRequest": {"memory": "1Gi"}}, None, id="another resource"),
    ],
)
def test_limit_range_fills_in(item: dict[str, Any], amount: Decimal | None) -> None:
    assert default_requests([[{"type": "Container", **item}]]).get("cpu") == amount
    assert default_requests([[{"type": "Pod", **item}]]) == {}


def test_limit_range_counts_for_a_container_without_a_request_but_not_for_a_zero() -> None:
    defaults = {"cpu": Decimal("0.1")}
    assert unrequested({"containers": [container("a")]}, "cpu", defaults) is None
    assert unrequested({"containers": [container("a", requests={"cpu": 0})]}, "cpu", defaults) is not None


words = st.sampled_from(
    ["policies", "type", "value", "periodSeconds", "selectPolicy", "containers", "resources", "requests", "limits", "cpu", "Pods", "Max"]
)
odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(odd)
def test_no_shape_crashes(shape: Any) -> None:
    rules = read_rules(shape, DEFAULT_DOWN)
    assert isinstance(rules, Fault) or removed(rules, 20, 3, 60) >= 0
    gap = unrequested(shape, "cpu", default_requests([shape]))
    assert gap is None or isinstance(gap.path, tuple)
    assert scales_deployment(shape, "api") is False
    assert minimum(shape) is None or minimum(shape) == 1
