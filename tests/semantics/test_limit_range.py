"""The bounds of a LimitRange. tests/live/test_limit_range_agrees.py holds them against a real API server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.limit_range import breaches
from graders.semantics.pod_resources import admitted


def cpu(request: Any = None, limit: Any = None) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": request}, "limits": {"cpu": limit}}}


@pytest.mark.parametrize(
    ("item", "containers", "path"),
    [
        pytest.param({"max": {"cpu": 1}}, [cpu(1, 1)], None, id="as much as is allowed"),
        pytest.param({"max": {"cpu": 1}}, [cpu(1, "1001m")], (0, "max", "cpu"), id="a limit above"),
        pytest.param({"max": {"cpu": 1}}, [cpu(1)], (0, "max", "cpu"), id="no limit"),
        pytest.param({"min": {"cpu": 1}}, [cpu(1)], None, id="as little as is allowed"),
        pytest.param({"min": {"cpu": 1}}, [cpu("999m", 2)], (0, "min", "cpu"), id="a request below"),
        pytest.param({"min": {"cpu": 1}}, [cpu()], (0, "min", "cpu"), id="no request"),
        pytest.param({"maxLimitRequestRatio": {"cpu": 2}}, [cpu(1, 2)], None, id="twice"),
        pytest.param({"maxLimitRequestRatio": {"cpu": 2}}, [cpu(1, "2001m")], (0, "maxLimitRequestRatio", "cpu"), id="more than twice"),
        pytest.param({"maxLimitRequestRatio": {"cpu": 2}}, [cpu(0, 0)], (0, "maxLimitRequestRatio", "cpu"), id="twice nothing"),
        pytest.param({"max": {"cpu": 1}}, [cpu(1, 1), cpu(1, 1)], None, id="each by itself"),
        pytest.param({"type": "Pod", "max": {"cpu": 1}}, [cpu(1, 1), cpu(1, 1)], (0, "max", "cpu"), id="all together"),
        pytest.param({"type": "PersistentVolumeClaim", "max": {"cpu": 0}}, [cpu(1, 1)], None, id="not of Pods"),
    ],
)
def test_bounds(item: dict[str, Any], containers: list[dict[str, Any]], path: tuple[str | int, ...] | None) -> None:
    found = next(breaches([{"type": "Container", **item}], admitted({"containers": containers})), None)
    assert (found.path if found else None) == path


words = st.sampled_from(["type", "Container", "Pod", "min", "max", "cpu", "containers", "resources", "limits"])
odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(odd, odd)
def test_no_shape_crashes(limits: Any, spec: Any) -> None:
    assert all(isinstance(breach.path[0], int) for breach in breaches(limits, admitted(spec)))
