"""Effective security context: the container over the Pod, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.security import Setting, added, containers_of, drops_all, effective

POD, OWN = ("securityContext",), ("containers", 0, "securityContext")


def pod(shared: Any, own: Any) -> dict[str, Any]:
    return {"securityContext": shared, "containers": [{"name": "api", "securityContext": own}]}


@pytest.mark.parametrize(
    ("field", "shared", "own", "setting"),
    [
        pytest.param("runAsUser", {"runAsUser": 1}, {"runAsUser": 2}, Setting(2, (*OWN, "runAsUser")), id="container-wins"),
        pytest.param("runAsUser", {"runAsUser": 1}, {}, Setting(1, (*POD, "runAsUser")), id="pod-holds"),
        pytest.param("runAsUser", {"runAsUser": 1}, {"runAsUser": None}, Setting(1, (*POD, "runAsUser")), id="null-is-not-set"),
        pytest.param("runAsUser", {"runAsUser": 1}, {"runAsNonRoot": True}, Setting(1, (*POD, "runAsUser")), id="field-by-field"),
        pytest.param("runAsUser", {"runAsUser": 1}, {"runAsUser": 0}, Setting(0, (*OWN, "runAsUser")), id="zero-is-set"),
        pytest.param(
            "runAsNonRoot", {"runAsNonRoot": True}, {"runAsNonRoot": False}, Setting(False, (*OWN, "runAsNonRoot")), id="false-is-set"
        ),
        pytest.param("runAsUser", None, None, Setting(None, (*OWN, "runAsUser")), id="nowhere"),
        pytest.param(
            "readOnlyRootFilesystem",
            {"readOnlyRootFilesystem": True},
            {},
            Setting(None, (*OWN, "readOnlyRootFilesystem")),
            id="not-a-field-of-pods",
        ),
        pytest.param("fsGroup", {"fsGroup": 1}, {}, Setting(None, (*OWN, "fsGroup")), id="of-the-pod-alone"),
        pytest.param("runAsUser", ["odd"], "odd", Setting(None, (*OWN, "runAsUser")), id="odd-shapes"),
    ],
)
def test_effective(field: str, shared: Any, own: Any, setting: Setting) -> None:
    assert effective(pod(shared, own), ("containers", 0), field) == setting


def test_containers_of_every_kind_with_their_places() -> None:
    spec = {"initContainers": [{"name": "a"}], "containers": [{"name": "b"}, "odd", {"name": "c"}], "ephemeralContainers": ({"name": "d"},)}
    assert [(path, container["name"]) for path, container in containers_of(spec)] == [
        (("initContainers", 0), "a"),
        (("containers", 0), "b"),
        (("containers", 2), "c"),
        (("ephemeralContainers", 0), "d"),
    ]


@pytest.mark.parametrize(
    ("capabilities", "dropped", "extra"),
    [
        ({"drop": ["ALL"]}, True, ()),
        ({"drop": ["NET_RAW", "ALL"], "add": ["NET_BIND_SERVICE"]}, True, ("NET_BIND_SERVICE",)),
        ({"drop": ["all"]}, False, ()),
        ({"drop": ["CAP_ALL"]}, False, ()),
        ({"drop": "ALL"}, False, ()),
        ({"add": ["ALL"]}, False, ("ALL",)),
        ({}, False, ()),
        (None, False, ()),
    ],
    ids=repr,
)
def test_capabilities(capabilities: Any, dropped: bool, extra: tuple[str, ...]) -> None:
    spec = pod(None, {"capabilities": capabilities})
    assert (drops_all(spec, ("containers", 0)), added(spec, ("containers", 0))) == (dropped, extra)


values = st.none() | st.booleans() | st.integers(0, 3)


@given(values, values, st.sampled_from(["runAsUser", "runAsNonRoot", "runAsGroup"]))
def test_container_decides_whenever_it_says_something(shared: Any, own: Any, field: str) -> None:
    setting = effective(pod({field: shared}, {field: own}), ("containers", 0), field)
    assert setting.value == (shared if own is None else own)
    assert (setting.path[0] == "containers") == (own is not None or shared is None)


odd = st.recursive(values | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner))


@given(st.dictionaries(st.sampled_from(["securityContext", "containers", "initContainers"]), odd))
def test_any_shape_has_an_answer(spec: dict[str, Any]) -> None:
    for path, _ in containers_of(spec):
        assert effective(spec, path, "runAsUser").path[-1] == "runAsUser"
        assert drops_all(spec, path) in (True, False)
