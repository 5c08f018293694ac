"""Environment variables: where their values come from, in the kubelet's order."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.env import Keys, Origin, candidates, env_from, variables

OBJECTS = {("ConfigMap", "config"): {"MODE", "LEVEL"}, ("ConfigMap", "later"): {"MODE"}, ("Secret", "secrets"): {"url", "URL"}}


def known(kind: str, name: str) -> Collection[str] | None:
    """All of `OBJECTS`, and that everything else is not there, but for names with a question mark."""
    return None if name.endswith("?") else OBJECTS.get((kind, name), ())


def ref(variable: str, kind: str, name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": variable, "valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}


def whole(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {f"{kind}Ref": {"name": name}, **more}


def origins(container: Any, keys: Keys = known) -> dict[str, tuple[str, str, str]]:
    return {variable: (origin.kind, origin.name, origin.key) for variable, origin in variables(container, keys).items()}


@pytest.mark.parametrize(
    ("env", "env_from", "mode"),
    [
        pytest.param([ref("MODE", "configMap", "config", "MODE")], [], ("ConfigMap", "config", "MODE"), id="reference"),
        pytest.param([ref("MODE", "secret", "secrets", "url")], [], ("Secret", "secrets", "url"), id="secret"),
        pytest.param([{"name": "MODE", "value": "x"}], [], ("value", "", ""), id="literal"),
        pytest.param([{"name": "MODE"}], [], ("value", "", ""), id="empty-literal"),
        pytest.param([], [whole("configMap", "config")], ("ConfigMap", "config", "MODE"), id="env-from"),
        pytest.param(
            [], [whole("configMap", "config"), whole("configMap", "later")], ("ConfigMap", "later", "MODE"), id="later-env-from-wins"
        ),
        pytest.param([{"name": "MODE", "value": "x"}], [whole("configMap", "config")], ("value", "", ""), id="env-wins-over-env-from"),
        pytest.param(
            [ref("MODE", "secret", "secrets", "url"), {"name": "MODE", "value": "x"}], [], ("value", "", ""), id="last-entry-wins"
        ),
        pytest.param([], [whole("configMap", "config", prefix="APP_")], None, id="prefix-makes-another-name"),
        pytest.param([], [whole("secret", "secrets", prefix="MODE_")], None, id="prefix-of-another-key"),
        pytest.param([ref("MODE", "configMap", "config", "NO", optional=True)], [], None, id="optional-and-absent"),
        pytest.param(
            [ref("MODE", "configMap", "config", "NO", optional=True)],
            [whole("configMap", "config")],
            ("ConfigMap", "config", "MODE"),
            id="optional-and-absent-leaves-the-earlier-one",
        ),
        pytest.param(
            [{"name": "MODE", "value": "x"}, ref("MODE", "configMap", "gone", "MODE", optional=True)],
            [],
            ("value", "", ""),
            id="optional-object-absent-leaves-the-earlier-one",
        ),
        pytest.param([ref("MODE", "configMap", "config", "NO")], [], ("ConfigMap", "config", "NO"), id="absent-key-keeps-it-from-starting"),
        pytest.param(
            [ref("OTHER", "secret", "secrets", "URL"), {"name": "MODE", "value": "$(OTHER)"}], [], ("Secret", "secrets", "URL"), id="alias"
        ),
        pytest.param(
            [{"name": "MODE", "value": "$(LEVEL)"}],
            [whole("configMap", "config")],
            ("ConfigMap", "config", "LEVEL"),
            id="alias-of-env-from",
        ),
        pytest.param(
            [{"name": "MODE", "value": "$(LATER)"}, {"name": "LATER", "value": "x"}], [], ("value", "", ""), id="alias-of-a-later-one"
        ),
        pytest.param([{"name": "MODE", "value": "$$(LEVEL)"}], [whole("configMap", "config")], ("value", "", ""), id="escaped-alias"),
        pytest.param([{"name": "MODE", "value": "x$(LEVEL)"}], [whole("configMap", "config")], ("value", "", ""), id="composed-text"),
        pytest.param([{"name": "MODE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}], [], ("fieldRef", "", ""), id="field"),
        pytest.param([{"name": "mode", "value": "x"}], [], None, id="case-counts"),
    ],
)
def test_where_a_variable_comes_from(env: list[Any], env_from: list[Any], mode: tuple[str, str, str] | None) -> None:
    assert origins({"env": env, "envFrom": env_from}).get("MODE") == mode


def test_prefix_and_key_make_the_name() -> None:
    assert origins({"envFrom": [whole("secret", "secrets", prefix="DATABASE_")]}) == {
        "DATABASE_url": ("Secret", "secrets", "url"),
        "DATABASE_URL": ("Secret", "secrets", "URL"),
    }


def test_place_and_presence() -> None:
    container = {
        "env": [{"name": "A", "value": "x"}, ref("B", "secret", "secrets", "url", optional=True), ref("C", "secret", "what?", "key")]
    }
    found = variables(container, known)
    assert found["B"] == Origin("Secret", "secrets", "url", True, ("env", 1, "valueFrom", "secretKeyRef"), True)
    assert found["C"].there is None


@pytest.mark.parametrize(
    ("env", "env_from", "names"),
    [
        pytest.param([], [whole("configMap", "what?")], ["what?"], id="unknown-alone"),
        pytest.param([], [whole("configMap", "config"), whole("configMap", "what?")], ["config", "what?"], id="unknown-after-known"),
        pytest.param([], [whole("configMap", "what?"), whole("configMap", "config")], ["config"], id="known-after-unknown"),
        pytest.param([], [whole("configMap", "one?"), whole("configMap", "two?")], ["one?", "two?"], id="two-unknown"),
        pytest.param([], [whole("configMap", "what?", prefix="X_")], [], id="prefix-rules-it-out"),
        pytest.param([ref("MODE", "secret", "what?", "key")], [whole("configMap", "config")], ["what?"], id="explicit-is-certain"),
        pytest.param(
            [ref("MODE", "secret", "what?", "key", optional=True)],
            [whole("configMap", "config")],
            ["config", "what?"],
            id="optional-is-not",
        ),
        pytest.param([ref("MODE", "secret", "secrets", "NO", optional=True)], [], ["secrets"], id="void-tells-why-there-is-none"),
        pytest.param(
            [ref("MODE", "secret", "secrets", "NO", optional=True)], [whole("configMap", "what?")], ["what?"], id="void-gives-way"
        ),
    ],
)
def test_candidates_while_keys_are_not_known(env: list[Any], env_from: list[Any], names: list[str]) -> None:
    assert [origin.name for origin in candidates({"env": env, "envFrom": env_from}, "MODE", known)] == names


def test_env_from_entries() -> None:
    container = {"envFrom": [whole("secret", "a", prefix="P_"), {"configMapRef": {"name": "b", "optional": True}}, "odd", {}]}
    assert [(source.kind, source.name, source.prefix, source.optional, source.path) for source in env_from(container)] == [
        ("Secret", "a", "P_", False, ("envFrom", 0)),
        ("ConfigMap", "b", "", True, ("envFrom", 1)),
    ]


names = st.sampled_from(["A", "B", "C"])
entries = st.one_of(
    st.builds(lambda name: {"name": name, "value": "x"}, names),
    st.builds(
        lambda name, key, optional: ref(name, "configMap", "config", key, optional=optional),
        names,
        st.sampled_from(["MODE", "NO"]),
        st.booleans(),
    ),
)


@given(st.lists(entries, max_size=6))
def test_last_entry_that_defines_something_wins(env: list[dict[str, Any]]) -> None:
    expected = {}
    for item in env:
        reference = item.get("valueFrom", {}).get("configMapKeyRef")
        if reference is None or reference["key"] == "MODE" or not reference["optional"]:
            expected[item["name"]] = "value" if reference is None else "ConfigMap"
    assert {variable: origin.kind for variable, origin in variables({"env": env}, known).items()} == expected


odd = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["A", "$(A)", ""]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "value", "valueFrom", "secretKeyRef", "configMapRef", "key", "prefix", "optional"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["env", "envFrom"]), odd) | odd)
def test_any_shape_has_an_answer(container: Any) -> None:
    assert all(isinstance(origin, Origin) for origin in variables(container, known).values())
    assert isinstance(candidates(container, "A"), tuple)
