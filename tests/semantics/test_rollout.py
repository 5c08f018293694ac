"""The arithmetic of rolling updates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.rollout import Fenceposts, fenceposts, first_loss, is_rolling


def strategy(surge: Any = None, unavailable: Any = None) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


@pytest.mark.parametrize(
    ("written", "wanted", "expected"),
    [
        pytest.param(None, 3, Fenceposts(1, 0), id="25% of three by default"),
        pytest.param(None, 4, Fenceposts(1, 1), id="25% of four"),
        pytest.param(None, 1, Fenceposts(1, 0), id="25% of one"),
        pytest.param({}, 8, Fenceposts(2, 2), id="an empty strategy"),
        pytest.param(strategy(1, 0), 3, Fenceposts(1, 0), id="numbers"),
        pytest.param(strategy("50%", "50%"), 3, Fenceposts(2, 1), id="up and down"),
        pytest.param(strategy(0, "25%"), 3, Fenceposts(0, 1, rounded=True), id="both round to nothing"),
        pytest.param(strategy("0%", "25%"), 4, Fenceposts(0, 1), id="they need not"),
        pytest.param(strategy(0, 5), 3, Fenceposts(0, 3), id="no more than there are"),
        pytest.param(strategy("300%", 0), 3, Fenceposts(9, 0), id="a surge may be larger than all"),
        pytest.param(strategy(1, "0"), 3, None, id="a number in quotes"),
        pytest.param(strategy(-1, 0), 3, None, id="negative"),
        pytest.param({"type": "Recreate"}, 3, None, id="all at once"),
    ],
)
def test_fenceposts(written: Any, wanted: int, expected: Fenceposts | None) -> None:
    assert fenceposts(written, wanted) == expected


@pytest.mark.parametrize(
    ("unavailable", "above", "most", "size"),
    [
        pytest.param(None, 3, None, 4, id="the default takes one of four"),
        pytest.param("10%", 3, None, 10, id="10% takes one of ten"),
        pytest.param("10%", 3, 9, None, id="which is never reached"),
        pytest.param("10%", 12, None, 13, id="beyond it at once"),
        pytest.param("1%", 3, None, 100, id="1% takes one of a hundred"),
        pytest.param("0%", 3, None, None, id="no percent"),
        pytest.param(0, 3, None, None, id="a plain zero"),
        pytest.param("0", 3, None, None, id="no value at all"),
    ],
)
def test_first_size_that_loses_a_replica(unavailable: Any, above: int, most: int | None, size: int | None) -> None:
    assert first_loss(strategy(1, unavailable), above, most) == size


def test_rolling_is_the_default() -> None:
    assert is_rolling(None)
    assert is_rolling({"type": ""})
    assert not is_rolling({"type": "Recreate"})


amounts = st.integers(0, 30) | st.integers(0, 100).map(lambda percent: f"{percent}%")


@given(amounts, amounts, st.integers(1, 200))
def test_an_update_can_always_go_on(surge: Any, unavailable: Any, wanted: int) -> None:
    posts = fenceposts(strategy(surge, unavailable), wanted)
    assert posts is not None
    assert posts.surge + posts.unavailable >= 1
    assert posts.unavailable <= wanted


@given(st.integers(1, 100), st.integers(1, 60))
def test_first_loss_is_the_first(percent: int, above: int) -> None:
    found = first_loss(strategy(1, f"{percent}%"), above, None)
    assert found is not None
    sizes = [size for size in range(above + 1, found + 1) if (fenceposts(strategy(1, f"{percent}%"), size) or Fenceposts(0, 0)).unavailable]
    assert sizes == [found]


odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.sampled_from(["type", "rollingUpdate"]), inner)
)


@given(odd)
def test_no_shape_crashes(shape: Any) -> None:
    assert fenceposts(shape, 3) in (None, Fenceposts(1, 0))
    assert first_loss(shape, 3, 20) == 4
