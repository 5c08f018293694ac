"""IntOrString as the API server validates and scales it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.int_or_string import percentage, scaled


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [
        pytest.param(2, 10, 2, 2, id="a number is itself"),
        pytest.param(0, 10, 0, 0, id="zero"),
        pytest.param(25, 10, 25, 25, id="a number beyond the total is itself"),
        pytest.param("50%", 3, 2, 1, id="half of three"),
        pytest.param("67%", 3, 3, 2, id="a little over two thirds"),
        pytest.param("66%", 3, 2, 1, id="a little under two thirds"),
        pytest.param("0%", 7, 0, 0, id="zero percent"),
        pytest.param("100%", 7, 7, 7, id="all of them"),
        pytest.param("150%", 4, 6, 6, id="more than all, as maxSurge may"),
        pytest.param("007%", 100, 7, 7, id="leading zeros"),
        pytest.param("30%", 0, 0, 0, id="of nothing"),
    ],
)
def test_value_is_scaled(value: Any, total: int, up: int, down: int) -> None:
    assert (scaled(value, total, round_up=True), scaled(value, total, round_up=False)) == (up, down)


@pytest.mark.parametrize(
    "value",
    ["2", "", "%", "-5%", "+5%", "5 %", " 5%", "5%%", "2.5%", "５%", "9" * 5000 + "%", -1, 2**31, 2.0, True, None, [2], {"intVal": 2}],
    ids=lambda value: repr(value)[:12],
)
def test_what_the_api_server_refuses_has_no_value(value: Any) -> None:
    assert scaled(value, 10, round_up=True) is None


@given(st.integers(0, 300), st.integers(0, 5000))
def test_rounding_is_that_of_exact_arithmetic(percent: int, total: int) -> None:
    exact = Fraction(percent * total, 100)
    up, down = scaled(f"{percent}%", total, round_up=True), scaled(f"{percent}%", total, round_up=False)
    assert up is not None
    assert down is not None
    assert (down, up) == (exact.numerator // exact.denominator, -(-exact.numerator // exact.denominator))


@given(st.text(max_size=6))
def test_only_digits_and_a_percent_sign_are_a_percentage(text: str) -> None:
    plain = text.endswith("%") and text[:-1].isascii() and text[:-1].isdigit()
    assert (percentage(text) is not None) == plain
