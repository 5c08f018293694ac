"""How many Pods a budget keeps, and what can be said of two selectors from their text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.disruption import desired_healthy, example_labels, surely_apart, surely_within
from graders.semantics.selectors import matches


@pytest.mark.parametrize(
    ("min_available", "max_unavailable", "expected", "kept"),
    [
        pytest.param(2, None, 3, 2, id="a number"),
        pytest.param(5, None, 3, 5, id="a number larger than what is there"),
        pytest.param("50%", None, 3, 2, id="minAvailable rounds up"),
        pytest.param("34%", None, 3, 2, id="just over a third"),
        pytest.param(None, 1, 3, 2, id="one may go"),
        pytest.param(None, 5, 3, 0, id="all may go, never below zero"),
        pytest.param(None, "50%", 3, 1, id="maxUnavailable rounds up too"),
        pytest.param(None, "1%", 3, 2, id="one percent lets one go"),
        pytest.param(None, 0, 3, 3, id="none may go"),
        pytest.param("0%", None, 3, 0, id="keeps none"),
        pytest.param(None, None, 3, None, id="neither"),
        pytest.param(2, 1, 3, None, id="both"),
        pytest.param("2", None, 3, None, id="a number in quotes"),
        pytest.param("101%", None, 3, None, id="beyond a hundred percent"),
        pytest.param(-1, None, 3, None, id="negative"),
    ],
)
def test_budget_keeps(min_available: Any, max_unavailable: Any, expected: int, kept: int | None) -> None:
    assert desired_healthy(min_available, max_unavailable, expected) == kept


@given(st.integers(0, 100), st.integers(1, 200))
def test_percentage_never_keeps_less_than_it_says(percent: int, expected: int) -> None:
    kept, left = desired_healthy(f"{percent}%", None, expected), desired_healthy(None, f"{percent}%", expected)
    assert kept is not None
    assert left is not None
    assert kept * 100 >= percent * expected
    assert kept + left in (expected, expected + 0)
    assert 0 <= left <= expected


API = {"matchLabels": {"app": "api"}}


@pytest.mark.parametrize(
    ("selector", "outer", "within"),
    [
        pytest.param(API, API, True, id="equal"),
        pytest.param({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api"]}]}, API, True, id="other form"),
        pytest.param({"matchLabels": {"app": "api", "tier": "web"}}, API, True, id="narrower"),
        pytest.param(API, {"matchLabels": {"app": "api", "tier": "web"}}, False, id="wider"),
        pytest.param({}, API, False, id="everything"),
        pytest.param({}, {}, True, id="everything in everything"),
        pytest.param({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "web"]}]}, API, False, id="one of two"),
        pytest.param({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, API, False, id="any value"),
        pytest.param(None, API, False, id="no selector"),
    ],
)
def test_selector_within_another(selector: Any, outer: Any, within: bool) -> None:
    assert surely_within(selector, outer) is within


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        pytest.param(API, API, False, id="equal"),
        pytest.param(API, {"matchLabels": {"app": "qdrant"}}, True, id="other value"),
        pytest.param(API, {"matchLabels": {"tier": "web"}}, False, id="other key"),
        pytest.param(API, {}, False, id="everything"),
        pytest.param(API, None, True, id="no selector selects nothing"),
        pytest.param(API, {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["api"]}]}, True, id="all but this"),
        pytest.param(API, {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, True, id="without the label"),
    ],
)
def test_selectors_apart(first: Any, second: Any, apart: bool) -> None:
    assert surely_apart(first, second) is apart
    assert surely_apart(second, first) is apart


keys, values = st.sampled_from(["app", "tier"]), st.sampled_from(["a", "b", "c"])
expressions = st.one_of(
    st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(values, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": st.dictionaries(keys, values), "matchExpressions": st.lists(expressions, max_size=2)}
)
ALL_LABELS = [
    {key: value for key, value in (("app", app), ("tier", tier)) if value}
    for app in ("", "a", "b", "c", "d")
    for tier in ("", "a", "b", "c", "d")
]


@given(selectors, selectors)
def test_claims_about_selectors_hold_for_every_set_of_labels(first: dict[str, Any], second: dict[str, Any]) -> None:
    for labels in ALL_LABELS:
        if surely_within(first, second) and matches(first, labels):
            assert matches(second, labels)
        if surely_apart(first, second):
            assert not (matches(first, labels) and matches(second, labels))


def test_example_labels_are_what_the_selector_asks_for() -> None:
    selector = {"matchLabels": {"app": "api"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["web", "batch"]}]}
    assert example_labels(selector) == {"app": "api", "tier": "batch"}
    assert example_labels({}) == {}
    assert example_labels(None) is None
    assert example_labels({"matchLabels": {"app": 1}}) is None


odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["matchLabels", "matchExpressions", "key", "values"]), inner)
    ),
    max_leaves=8,
)


@given(odd, odd)
def test_no_shape_of_selector_crashes(first: Any, second: Any) -> None:
    assert surely_within(first, second) in (True, False)
    assert surely_apart(first, second) in (True, False)
    assert example_labels(first) is None or isinstance(example_labels(first), dict)
