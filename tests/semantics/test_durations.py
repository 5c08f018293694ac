"""Durations, as Go and Prometheus read them. The verdicts of the tables are those of time.ParseDuration and of model.ParseDuration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.durations import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND, go_duration, prometheus_duration


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        pytest.param("720h", 30 * DAY, id="hours"),
        pytest.param("720h0m0s", 30 * DAY, id="as-go-prints-it"),
        pytest.param("2592000s", 30 * DAY, id="seconds"),
        pytest.param("1h30m", 90 * MINUTE, id="two-units"),
        pytest.param("30m1h", 90 * MINUTE, id="in-any-order"),
        pytest.param("1h1h", 2 * HOUR, id="a-unit-twice"),
        pytest.param("1.5h", 90 * MINUTE, id="fraction"),
        pytest.param(".5s", 500 * MILLISECOND, id="nothing-before-the-point"),
        pytest.param("5.s", 5 * SECOND, id="nothing-behind-the-point"),
        pytest.param("0", 0, id="zero-without-unit"),
        pytest.param("+0", 0, id="zero-with-a-sign"),
        pytest.param("0s", 0, id="zero"),
        pytest.param("-1h", -HOUR, id="negative"),
        pytest.param("007m", 7 * MINUTE, id="leading-zeros"),
        pytest.param("1m", MINUTE, id="m-is-a-minute"),
        pytest.param("1ms", MILLISECOND, id="ms-is-a-millisecond"),
        pytest.param("3us", 3 * MICROSECOND, id="us"),
        pytest.param("3\u00b5s", 3 * MICROSECOND, id="micro-sign"),
        pytest.param("3\u03bcs", 3 * MICROSECOND, id="greek-mu"),
        pytest.param("1.9ns", 1, id="finer-than-a-nanosecond-is-cut"),
        pytest.param("9223372036854775807ns", 2**63 - 1, id="the-longest"),
        pytest.param("-9223372036854775808ns", -(2**63), id="the-most-negative"),
    ],
)
def test_go_duration(text: str, amount: int) -> None:
    assert go_duration(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        *("", "00", "1", "720", "30d", "1w", "1y", "h", ".h", "1 h", " 1h", "1h ", "1h\n", "1H", "1h-1m", "--1h", "1,5h", "1e3s", "P30D"),
        *("\u0661h", "9223372036854775808ns", "2562048h", "-9223372036854775809ns", "1hour", "1" * 2000 + "h"),
    ],
    ids=lambda text: repr(text)[:24],
)
def test_no_go_duration(text: str) -> None:
    assert go_duration(text) is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        pytest.param("30s", 30 * SECOND, id="seconds"),
        pytest.param("1m", MINUTE, id="a-minute"),
        pytest.param("1h30m", 90 * MINUTE, id="two-units"),
        pytest.param("1d", DAY, id="a-day"),
        pytest.param("1w", 7 * DAY, id="a-week"),
        pytest.param("1y", 365 * DAY, id="a-year"),
        pytest.param("15000ms", 15 * SECOND, id="milliseconds"),
        pytest.param("1y2w3d4h5m6s7ms", 382 * DAY + 4 * HOUR + 5 * MINUTE + 6 * SECOND + 7 * MILLISECOND, id="all-of-them"),
        pytest.param("0", 0, id="zero-without-unit"),
        pytest.param("0s", 0, id="zero"),
        pytest.param("090s", 90 * SECOND, id="leading-zero"),
        pytest.param("292y", 292 * 365 * DAY, id="nearly-the-longest"),
    ],
)
def test_prometheus_duration(text: str, amount: int) -> None:
    assert prometheus_duration(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        "30",
        "00",
        "1.5h",
        "-1m",
        "+1m",
        "30m1h",
        "1m1m",
        "1us",
        "1ns",
        "1 m",
        " 1m",
        "1m\n",
        "1M",
        "293y",
        "\u0661s",
        "s",
        "1" * 2000 + "s",
    ],
    ids=lambda text: repr(text)[:24],
)
def test_no_prometheus_duration(text: str) -> None:
    assert prometheus_duration(text) is None


@given(st.integers(0, 2**63 - 1))
def test_any_sum_of_units_is_the_same_duration(amount: int) -> None:
    hours, rest = divmod(amount, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds, rest = divmod(rest, SECOND)
    assert go_duration(f"{hours}h{minutes}m{seconds}.{rest:09}s") == go_duration(f"{amount}ns") == amount
    assert go_duration(f"-{amount}ns") == -amount


@given(st.integers(0, 10**9), st.integers(0, 999))
def test_both_read_what_both_can_write_alike(seconds: int, milliseconds: int) -> None:
    text = f"{seconds // 60}m{seconds % 60}s{milliseconds}ms"
    assert go_duration(text) == prometheus_duration(text) == seconds * SECOND + milliseconds * MILLISECOND


@given(st.text(alphabet="0123456789.+-hmsundwy \u00b5", max_size=10) | st.text(max_size=8))
def test_any_text_is_a_duration_or_none(text: str) -> None:
    for amount in (go_duration(text), prometheus_duration(text)):
        assert amount is None or -(2**63) <= amount < 2**63
