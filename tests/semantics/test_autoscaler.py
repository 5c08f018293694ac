"""The autoscaler at work: what the metrics ask for, what windows, policies and bounds make of it."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.autoscaler import UNWRITTEN, Autoscaler, Behavior, Bound, Tolerance, asked_for
from graders.semantics.hpa import DEFAULT_DOWN, DEFAULT_UP, SYNC_SECONDS, Policy, Rules, growth, shrinkage

AT_ONCE = Behavior(DEFAULT_UP, Rules(DEFAULT_DOWN.policies, 0))


@pytest.mark.parametrize(
    ("use", "target", "ready", "starting", "asked"),
    [
        pytest.param(240, 50, 3, 0, 5, id="80 % of three at 50 %"),
        pytest.param(260, 50, 5, 0, 5, id="52 % is within the tolerance"),
        pytest.param(231, 70, 3, 0, 3, id="a tenth above is within"),
        pytest.param(234, 70, 3, 0, 4, id="more than a tenth is not"),
        pytest.param(189, 70, 3, 0, 3, id="a tenth below is within"),
        pytest.param(183, 70, 3, 0, 3, id="rounded up to the same"),
        pytest.param(0, 70, 3, 0, 0, id="no use asks for none"),
        pytest.param(233, 70, 3, 0, 3, id="77.7 % counts as 77 %, which is within"),
        pytest.param(600, 50, 3, 3, 12, id="those that start count as idle on the way up"),
        pytest.param(300, 50, 3, 3, 6, id="those that start will do"),
        pytest.param(200, 50, 3, 3, 6, id="they would be too many already: no step back"),
        pytest.param(60, 50, 3, 2, 2, id="on the way down they do not count"),
    ],
)
def test_what_a_utilization_asks_for(use: float, target: int, ready: int, starting: int, asked: int) -> None:
    assert asked_for(use, 100, target, ready, starting) == asked


def test_a_tolerance_of_ones_own() -> None:
    assert asked_for(231, 100, 70, 3, tolerance=Tolerance(up=0.05)) == 4
    assert asked_for(231, 100, 70, 3, tolerance=Tolerance(down=0.0)) == 3
    assert asked_for(199, 100, 70, 3, tolerance=Tolerance(down=0.0)) == 3


def play(scaler: Autoscaler, *asked: int) -> list[int]:
    """The sizes after one sync for each count that is asked for."""
    return [scaler.sync(index * SYNC_SECONDS, count).size for index, count in enumerate(asked)]


def test_windows_take_the_most_cautious_wish_they_remember() -> None:
    behavior = Behavior(Rules(DEFAULT_UP.policies, 60), Rules(DEFAULT_DOWN.policies, 60))
    assert play(Autoscaler(1, 20, behavior, 3), 3, 6, 5, 6, 6, 6) == [3, 3, 3, 3, 5, 5]
    assert play(Autoscaler(1, 20, behavior, 9), 9, 3, 5, 4, 4, 4) == [9, 9, 9, 9, 5, 5]


def test_the_size_at_the_start_is_the_first_wish() -> None:
    assert play(Autoscaler(1, 20, Behavior(), 9), *[2] * 21) == [*[9] * 20, 2]


def test_a_period_counts_what_it_has_changed_already() -> None:
    behavior = Behavior(Rules((Policy("Pods", 2, 45),), 0), Rules((Policy("Percent", 50, 30),), 0))
    assert play(Autoscaler(1, 20, behavior, 3), 9, 9, 9, 9, 1, 1, 1, 1) == [5, 5, 5, 7, 2, 2, 1, 1]


@pytest.mark.parametrize(("start", "reached"), [(1, 4), (2, 4), (3, 6), (9, 18)])
def test_without_a_behavior_a_sync_doubles_or_reaches_four(start: int, reached: int) -> None:
    assert Autoscaler(1, 50, UNWRITTEN, start).sync(0, 40).size == reached


@given(st.integers(3, 20))
def test_without_a_behavior_any_size_may_double(size: int) -> None:
    assert Autoscaler(1, 40, UNWRITTEN, size).sync(0, 40).size == 2 * size


@pytest.mark.parametrize(
    ("behavior", "reached"),
    [
        pytest.param(UNWRITTEN, [6, 12, 18, 18], id="no behavior: the highest wish of five minutes is still on its way"),
        pytest.param(Behavior(), [7, 7, 7, 7], id="an empty behavior: what is no longer asked for is not made"),
    ],
)
def test_growth_that_was_held_back_when_the_load_is_gone(behavior: Behavior, reached: list[int]) -> None:
    """As a controller of 1.37 was seen to do, when the load went after the first step."""
    assert play(Autoscaler(3, 30, behavior, 3), 18, 1, 1, 1) == reached


def test_without_a_behavior_the_highest_wish_is_forgotten_after_five_minutes() -> None:
    assert play(Autoscaler(1, 50, UNWRITTEN, 3), 6, *[2] * 20) == [*[6] * 20, 2]


def test_what_a_controller_of_1_37_was_seen_to_do() -> None:
    """An HPA without a `behavior` at 50 %, when 400 requests a second met one Pod: utilization as it was measured at each sync."""
    scaler = Autoscaler(1, 30, UNWRITTEN, 1)
    reached = []
    for index, measured in enumerate((1130, 290, 150, 80)):
        asked = asked_for(measured * scaler.size, 100, 50, scaler.size)
        reached.append(scaler.sync(index * SYNC_SECONDS, asked).size)
    assert reached == [4, 8, 16, 26]


@pytest.mark.parametrize(
    ("size", "asked", "behavior", "bounds"),
    [
        pytest.param(3, 3, AT_ONCE, (), id="nothing asked, nothing in the way"),
        pytest.param(3, 30, AT_ONCE, (Bound.UP_POLICY,), id="policy upwards"),
        pytest.param(12, 30, AT_ONCE, (Bound.MAXIMUM,), id="maximum"),
        pytest.param(3, 1, AT_ONCE, (Bound.MINIMUM,), id="minimum"),
        pytest.param(9, 4, Behavior(), (Bound.DOWN_WINDOW,), id="window downwards"),
        pytest.param(3, 4, Behavior(Rules(DEFAULT_UP.policies, 30)), (Bound.UP_WINDOW,), id="window upwards"),
        pytest.param(9, 4, Behavior(down=Rules(DEFAULT_DOWN.policies, 0, "Disabled")), (Bound.DOWN_POLICY,), id="disabled"),
        pytest.param(25, 4, AT_ONCE, (Bound.MAXIMUM,), id="more than the maximum at the start"),
        pytest.param(1, 9, AT_ONCE, (Bound.MINIMUM,), id="less than the minimum at the start"),
    ],
)
def test_the_rule_that_was_in_the_way_is_named(size: int, asked: int, behavior: Behavior, bounds: tuple[Bound, ...]) -> None:
    decision = Autoscaler(2, 20, behavior, size).sync(0, asked)
    assert decision.bounds == bounds
    assert 2 <= decision.size <= 20


_POLICIES = st.lists(
    st.builds(Policy, st.sampled_from(("Pods", "Percent")), st.integers(1, 120), st.integers(1, 200)), min_size=1, max_size=3
)
_RULES = st.builds(Rules, _POLICIES.map(tuple), st.sampled_from((0, 30, 60, 300)), st.sampled_from(("Max", "Min", "Disabled")))
_SIZES = st.integers(1, 40)


@given(_POLICIES.map(tuple), st.sampled_from(("Max", "Min")), _SIZES)
def test_it_goes_the_way_that_the_grader_judges(policies: tuple[Policy, ...], select: str, size: int) -> None:
    rules = Rules(policies, 0, select)
    assert play(Autoscaler(1, 40, Behavior(rules, rules), size), *[40] * 8) == list(islice(growth(rules, size, 40), 8))
    assert play(Autoscaler(1, 40, Behavior(rules, rules), size), *[1] * 8) == list(islice(shrinkage(rules, size, 1), 8))


@given(_RULES, _RULES, _SIZES, st.lists(st.integers(0, 60), max_size=60))
def test_it_stays_within_its_bounds_and_never_moves_away_from_what_is_asked(up: Rules, down: Rules, size: int, asked: list[int]) -> None:
    scaler = Autoscaler(3, 30, Behavior(up, down), size)
    for index, count in enumerate(asked):
        before = scaler.size
        decision = scaler.sync(index * SYNC_SECONDS, count)
        assert 3 <= decision.size <= 30
        if 3 <= before <= 30:
            wanted = min(max(decision.stabilized, 3), 30)
            assert min(before, wanted) <= decision.size <= max(before, wanted)
        if decision.size != count:
            assert decision.bounds
