"""Tolerations of a taint."""

from __future__ import annotations

from typing import Any

import pytest

from graders.semantics.tolerations import tolerates

KEY = "node-role.kubernetes.io/control-plane"


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        pytest.param({"operator": "Exists"}, True, id="everything"),
        pytest.param({"operator": "Exists", "effect": "NoSchedule"}, True, id="every key with the effect"),
        pytest.param({"operator": "Exists", "effect": "NoExecute"}, False, id="every key with another effect"),
        pytest.param({"key": KEY, "operator": "Exists"}, True, id="key"),
        pytest.param({"key": KEY, "operator": "Exists", "effect": "NoSchedule"}, True, id="key and effect"),
        pytest.param({"key": KEY, "effect": "NoSchedule"}, True, id="equal to the empty value"),
        pytest.param({"key": KEY, "operator": "Equal", "value": ""}, True, id="equal written out"),
        pytest.param({"key": KEY, "operator": "Equal", "value": "true"}, False, id="another value"),
        pytest.param({"key": KEY, "operator": "Exists", "value": "true"}, False, id="a value where none may be"),
        pytest.param({"key": "node-role.kubernetes.io/master", "operator": "Exists"}, False, id="another key"),
        pytest.param({"key": KEY, "operator": "In"}, False, id="no such operator"),
        pytest.param({}, False, id="nothing"),
        pytest.param("Exists", False, id="no map"),
    ],
)
def test_one_toleration(toleration: Any, fits: bool) -> None:
    assert tolerates([toleration], KEY, "NoSchedule") is fits


def test_one_of_several_is_enough_and_none_is_not() -> None:
    assert tolerates(({"key": "other"}, {"operator": "Exists"}), KEY, "NoSchedule")
    assert tolerates([{"key": "gpu", "value": "a100"}], "gpu", "NoSchedule", "a100")
    assert not tolerates(None, KEY, "NoSchedule")
    assert not tolerates("Exists", KEY, "NoSchedule")
