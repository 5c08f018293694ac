"""Label selectors in both forms, held against a model that knows only sets of labels."""

from __future__ import annotations

from functools import reduce
from itertools import product
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.selectors import matches, matches_labels
from graders.snapshot import freeze

API = {"app": "api", "tier": "web"}


def expression(key: Any, operator: Any, *values: Any) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        pytest.param({"app": "api"}, API, True, id="one label of two"),
        pytest.param(API, API, True, id="all labels"),
        pytest.param({**API, "zone": "a"}, API, False, id="one label too many"),
        pytest.param({"app": "web"}, API, False, id="another value"),
        pytest.param({"App": "api"}, API, False, id="another key"),
        pytest.param({"app": "API"}, API, False, id="letters count"),
        pytest.param({}, API, False, id="an empty map selects nothing"),
        pytest.param(None, API, False, id="and so does a missing one"),
        pytest.param({"app": ""}, {"app": ""}, True, id="an empty value is a value"),
        pytest.param({"app": ""}, {}, False, id="an absent label has no value"),
        pytest.param({"app": None}, {}, False, id="null is the empty value, which an absent label is not"),
        pytest.param({"app": None}, {"app": ""}, True, id="null is the empty value"),
        pytest.param({"app": 1}, {"app": "1"}, False, id="a number is no text"),
        pytest.param({"matchLabels": {"app": "api"}}, API, False, id="the other form is a label of its own"),
        pytest.param("app=api", API, False, id="text"),
        pytest.param(["app"], API, False, id="a list"),
    ],
)
def test_map_of_labels(selector: Any, labels: dict[str, str], selected: bool) -> None:
    assert matches_labels(selector, labels) is selected


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        pytest.param({}, API, True, id="an empty selector selects all"),
        pytest.param({}, {}, True, id="even what has no labels"),
        pytest.param({"matchLabels": {}, "matchExpressions": []}, API, True, id="both forms empty"),
        pytest.param({"matchLabels": None, "matchExpressions": None}, API, True, id="both forms null"),
        pytest.param({"matchLabels": {"app": "api"}}, API, True, id="labels"),
        pytest.param({"matchLabels": {"app": None}}, {}, False, id="null is the empty value, which an absent label is not"),
        pytest.param({"matchLabels": {"app": "api"}, **expression("tier", "In", "db")}, API, False, id="both forms must fit"),
        pytest.param(expression("app", "In", "web", "api"), API, True, id="in"),
        pytest.param(expression("app", "In", "web"), API, False, id="not in it"),
        pytest.param(expression("zone", "In", "a"), API, False, id="in, without the label"),
        pytest.param(expression("app", "NotIn", "web"), API, True, id="not in"),
        pytest.param(expression("app", "NotIn", "web", "api"), API, False, id="not in, and it is"),
        pytest.param(expression("zone", "NotIn", "a"), API, True, id="not in, without the label"),
        pytest.param(expression("tier", "Exists"), API, True, id="exists"),
        pytest.param(expression("zone", "Exists"), API, False, id="exists, and does not"),
        pytest.param(expression("zone", "DoesNotExist"), API, True, id="does not exist"),
        pytest.param(expression("tier", "DoesNotExist"), API, False, id="does not exist, and does"),
        pytest.param(expression("app", "NotIn", ""), {"app": ""}, False, id="not in the empty value"),
        # what the API server rejects
        pytest.param(expression("app", "In"), API, False, id="in nothing"),
        pytest.param(expression("zone", "NotIn"), API, False, id="not in nothing"),
        pytest.param(expression("app", "Exists", "api"), API, False, id="exists with values"),
        pytest.param(expression("zone", "DoesNotExist", "a"), API, False, id="does not exist with values"),
        pytest.param(expression("app", "in", "api"), API, False, id="operator in lower case"),
        pytest.param(expression("app", "Equals", "api"), API, False, id="unknown operator"),
        pytest.param(expression("app", None, "api"), API, False, id="no operator"),
        pytest.param(expression("replicas", "NotIn", 1), {"replicas": "1"}, False, id="numbers among the values"),
        pytest.param(expression(1, "DoesNotExist"), API, False, id="a number as key"),
        pytest.param(expression(None, "DoesNotExist"), API, False, id="no key"),
        pytest.param({"matchExpressions": [{"key": "app", "operator": "Exists", "values": "api"}]}, API, False, id="text for values"),
        pytest.param({"matchExpressions": {"key": "app", "operator": "Exists"}}, API, False, id="a map for expressions"),
        pytest.param({"matchExpressions": ["app"]}, API, False, id="text for an expression"),
        pytest.param({"matchLabels": ["app"]}, API, False, id="a list for labels"),
        pytest.param("app=api", API, False, id="text"),
    ],
)
def test_label_selector(selector: Any, labels: dict[str, str], selected: bool) -> None:
    assert matches(selector, labels) is selected
    assert matches(freeze(selector), MappingProxyType(labels)) is selected


@pytest.mark.parametrize("missing", [True, False])
def test_missing_selector_is_for_the_caller_to_judge(missing: bool) -> None:
    assert matches(None, API, missing=missing) is missing
    assert matches({}, API, missing=missing) is True


def test_nothing_is_selected_by_default_without_a_selector() -> None:
    assert matches(None, API) is False


# The model: every requirement is the set of those label maps, of all there can be here, that meet it

KEYS, VALUES = ("app", "tier"), ("", "a", "b")
Labels = frozenset[tuple[str, str]]
WORLD: frozenset[Labels] = frozenset(
    frozenset((key, value) for key, value in zip(KEYS, chosen, strict=True) if value is not None)
    for chosen in product((*VALUES, None), repeat=len(KEYS))
)


def with_label(key: str, *values: str) -> frozenset[Labels]:
    return frozenset(labels for value in values for labels in WORLD if (key, value) in labels)


def model(selector: dict[str, Any]) -> frozenset[Labels]:
    met = [with_label(key, value) for key, value in selector.get("matchLabels", {}).items()]
    for item in selector.get("matchExpressions", []):
        positive = with_label(item["key"], *item.get("values", VALUES))
        met.append(positive if item["operator"] in ("In", "Exists") else WORLD - positive)
    return reduce(frozenset.intersection, met, WORLD)


keys, values = st.sampled_from(KEYS), st.sampled_from(VALUES)
expressions = st.fixed_dictionaries(
    {"key": keys, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(values, min_size=1, max_size=3)}
) | st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(["Exists", "DoesNotExist"])})
maps = st.dictionaries(keys, values)
selectors = st.fixed_dictionaries({}, optional={"matchLabels": maps, "matchExpressions": st.lists(expressions, max_size=3)})


def chosen(selector: Any) -> frozenset[Labels]:
    return frozenset(labels for labels in WORLD if matches(selector, dict(labels)))


@given(selectors)
def test_selector_selects_what_the_model_selects(selector: dict[str, Any]) -> None:
    assert chosen(selector) == model(selector)


@given(maps)
def test_map_selects_what_it_selects_as_match_labels_but_for_the_empty_one(selector: dict[str, str]) -> None:
    selected = frozenset(labels for labels in WORLD if matches_labels(selector, dict(labels)))
    assert selected == (model({"matchLabels": selector}) if selector else frozenset())


@given(maps)
def test_both_forms_say_the_same(labels: dict[str, str]) -> None:
    listed = [{"key": key, "operator": "In", "values": [value]} for key, value in labels.items()]
    assert chosen({"matchLabels": labels}) == chosen({"matchExpressions": listed})


@given(selectors, st.randoms())
def test_order_does_not_matter(selector: dict[str, Any], random: Any) -> None:
    shuffled = {key: list(value) if isinstance(value, list) else value for key, value in selector.items()}
    random.shuffle(shuffled.get("matchExpressions", []))
    assert chosen(shuffled) == chosen(selector)


odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["app", "api", "In", "Exists", "NotIn"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["matchLabels", "matchExpressions", "key", "operator", "values", "app"]), inner)
    ),
    max_leaves=10,
)


@given(odd)
def test_no_shape_of_selector_crashes(selector: Any) -> None:
    for shape in (selector, freeze(selector)):
        assert matches(shape, API) in (True, False)
        assert matches_labels(shape, API) in (True, False)
