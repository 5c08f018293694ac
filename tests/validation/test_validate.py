"""The front door: any object of any shape."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.redaction import redact
from graders.snapshot import freeze
from graders.validation import Finding, validate
from tests.validation.mutants import at, manifests, places_of
from tests.validation.objects import good

_GOOD = pytest.mark.parametrize("body", manifests(), ids=lambda body: f"{body['kind']}/{body['metadata']['name']}")

_any = st.sampled_from(manifests())
_odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["Always", "1Gi", "1e3", "*", "10.0.0.0/8"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@_GOOD
def test_nothing_is_wrong_with_a_good_object(body: dict[str, Any]) -> None:
    assert validate(body) == ()


@_GOOD
def test_frozen_and_redacted_objects_are_judged_like_plain_ones(body: dict[str, Any]) -> None:
    assert validate(freeze(redact(body))) == ()


@_GOOD
def test_nothing_is_changed(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    validate(body)
    assert body == before


@given(
    body=_any,
    key=st.from_regex(r"[a-z]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True),
    value=st.from_regex(r"[A-Za-z0-9]{0,63}", fullmatch=True),
)
def test_a_good_object_with_one_more_label_stays_good(body: dict[str, Any], key: str, value: str) -> None:
    labels = {**body["metadata"].get("labels", {}), f"example.com/{key}": value}
    assert validate({**body, "metadata": {**body["metadata"], "labels": labels}}) == ()


@settings(max_examples=500, deadline=None)
@given(body=_any, odd=st.lists(st.tuples(st.integers(0, 10_000), _odd), min_size=1, max_size=3))
def test_no_shape_of_a_known_kind_crashes_it(body: dict[str, Any], odd: list[tuple[int, Any]]) -> None:
    body = copy.deepcopy(body)
    for number, value in odd:
        everywhere = [path for path in places_of(body) if path not in (("apiVersion",), ("kind",))]
        path = everywhere[number % len(everywhere)]
        at(body, path[:-1])[path[-1]] = value
    assert all(finding.message and finding.expected and finding.found for finding in validate(body))


@given(body=st.dictionaries(st.text(max_size=8) | st.sampled_from(["apiVersion", "kind", "metadata", "spec"]), _odd, max_size=5))
def test_no_shape_at_all_crashes_it(body: dict[str, Any]) -> None:
    assert all(isinstance(finding, Finding) for finding in validate(body))


def test_an_empty_object_is_left_to_the_schema() -> None:
    assert validate({}) == ()


def test_of_an_unknown_kind_only_the_metadata_is_judged() -> None:
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "a/b"}, "spec": {"rules": 1}}
    assert [finding.path for finding in validate(route)] == [("metadata", "name")]


def test_a_value_of_a_wrong_type_is_left_to_the_schema() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 5, "labels": []}, "spec": "containers"}
    assert validate(pod) == ()


def test_what_is_wrong_is_told_in_the_words_of_the_manifest() -> None:
    pod = good("Pod/full")
    pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "2"
    (found,) = validate(pod)
    assert found == Finding(
        ("spec", "containers", 0, "resources", "requests", "cpu"),
        '`cpu` must be at most the limit, `"500m"`, and is `"2"`.',
        'at most the limit, `"500m"`',
        '`"2"`',
    )


def test_no_message_holds_a_value_of_a_secret() -> None:
    secret = good("Secret/registry")
    secret["stringData"] = {".dockerconfigjson": "hunter2", "bad/key": "hunter2"}
    found = validate(secret)
    assert len(found) == 2
    assert "hunter2" not in str(found)
