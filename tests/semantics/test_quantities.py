"""Quantities, as ParseQuantity reads them. The verdicts of the table were compared with a real API server of 1.37."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.quantities import parse_quantity


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        pytest.param("500m", "0.5", id="thousandths"),
        pytest.param("0.5", "0.5", id="fraction"),
        pytest.param(".5", "0.5", id="nothing-before-the-point"),
        pytest.param("5.", "5", id="nothing-behind-the-point"),
        pytest.param("1.G", "1e9", id="point-before-suffix"),
        pytest.param("+1", "1", id="plus"),
        pytest.param("-5", "-5", id="minus"),
        pytest.param("-0", "0", id="minus-zero"),
        pytest.param("007", "7", id="leading-zeros"),
        pytest.param("00.5", "0.5", id="leading-zeros-before-the-point"),
        pytest.param("1e3", "1000", id="small-exponent"),
        pytest.param("1E3", "1000", id="capital-exponent"),
        pytest.param("1e+3", "1000", id="signed-exponent"),
        pytest.param("1E-3", "0.001", id="negative-exponent"),
        pytest.param("1E", "1e18", id="exa"),
        pytest.param("1Ei", 2**60, id="exbi"),
        pytest.param("1k", "1000", id="kilo"),
        pytest.param("1Ki", 1024, id="kibi"),
        pytest.param("1.5Gi", 3 * 2**29, id="binary-fraction"),
        pytest.param("128M", "128000000", id="mega"),
        pytest.param("128Mi", 128 * 2**20, id="mebi"),
        pytest.param("1n", "1e-9", id="nano"),
        pytest.param("0.1n", "1e-9", id="below-nano-rounds-up"),
        pytest.param("-0.1n", "-1e-9", id="away-from-zero"),
        pytest.param("1.0000000001", "1.000000001", id="rounds-up-behind-the-ninth-place"),
        pytest.param("1e-400", "1e-9", id="tiny"),
        pytest.param("0e-400", "0", id="zero-stays-zero"),
        pytest.param("9Ei", 2**63 - 1, id="binary-is-capped"),
        pytest.param("9E", "9e18", id="decimal-is-capped-nowhere"),
        pytest.param("100E", "1e20", id="decimal-beyond-64-bits"),
        pytest.param(" 1Gi ", 2**30, id="white-space-around-is-trimmed"),
        pytest.param("m", "0", id="suffix-alone-is-zero"),
        pytest.param(".", "0", id="point-alone-is-zero"),
        pytest.param("+", "0", id="sign-alone-is-zero"),
        pytest.param(2, "2", id="number"),
        pytest.param(0.25, "0.25", id="float"),
        pytest.param(1e21, "1e21", id="large-float"),
        pytest.param(1e-7, "1e-7", id="small-float"),
    ],
)
def test_amount(written: Any, amount: str | int) -> None:
    assert parse_quantity(written) == Decimal(amount)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            " ",
            "1e3m",
            "1e",
            "1e+",
            "1ki",
            "1K",
            "1i",
            "1mi",
            "1 Gi",
            "1_000",
            "0x10",
            "1..5",
            "1.1.M",
            "--1",
            "1Mi5",
            "1MM",
            "1,5",
            "1GiB",
        ),
        *("half", "${CPU}", "100%", "١", "1e99999999999", True, False, None, [], {}, float("nan"), float("inf"), "1" * 5000, 10**5000),
    ],
    ids=lambda value: "number-of-5001-digits" if isinstance(value, int) and value > 1 else repr(value)[:20],
)
def test_no_quantity(written: Any) -> None:
    assert parse_quantity(written) is None


SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30}
amounts = st.decimals(min_value=0, max_value=10**15, places=9, allow_nan=False, allow_infinity=False)


@given(amounts, st.sampled_from(sorted(SUFFIXES)))
def test_amount_is_the_same_in_every_decimal_suffix(amount: Decimal, suffix: str) -> None:
    assert parse_quantity(f"{amount.scaleb(-SUFFIXES[suffix]):f}{suffix}") == amount
    assert parse_quantity(f"{amount.scaleb(-SUFFIXES[suffix]):f}e{SUFFIXES[suffix]}") == amount


@given(st.integers(0, 2**31), st.sampled_from(sorted(BINARY)))
def test_amount_is_the_same_in_every_binary_suffix(amount: int, suffix: str) -> None:
    assert parse_quantity(f"{amount}{suffix}") == parse_quantity(str(amount << BINARY[suffix]))


@given(st.decimals(min_value=0, max_value=10**6, places=14, allow_nan=False, allow_infinity=False))
def test_rounds_up_to_a_billionth(amount: Decimal) -> None:
    assert parse_quantity(f"{amount:f}") == amount.quantize(Decimal("1e-9"), rounding=ROUND_UP)


@given(st.one_of(st.text(alphabet="0123456789.+-eEinumkKMGTP ", max_size=12), st.text(max_size=8), st.floats(), st.integers()))
def test_any_input_is_an_amount_or_none(written: Any) -> None:
    amount = parse_quantity(written)
    assert amount is None or amount.is_finite()
