"""What kubectl makes of a plain or tagged scalar. `test_yaml_loader` holds the same tables against the real kubectl."""

from __future__ import annotations

import math
import re
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.sources.yaml_scalars import HINTS, NotJson, key_text, resolve, resolve_key, tagged, whole

PREFIX = "tag:yaml.org,2002:"

# A plain scalar as it is typed, and the value that kubectl sees.
VALUES: dict[str, object] = {
    # words
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **{word: word for word in ("yES", "tRUE", "nULL", "oN", "none", "nil", "t", "f", "yes!", "~a", "True.", "<<", "=", "inf", ".inF")},
    # whole numbers
    "0": 0, "-0": 0, "+1": 1, "12": 12, "1_000": 1000, "1__0_": 10,
    "0x1F": 31, "0Xff": 255, "0x_1f": 31, "-0x1": -1,
    "0o17": 15, "0O17": 15, "017": 15, "-0o7": -7, "08": 8, "09.5": 9.5, "0_8": 8,
    "0b11": 3, "0B11": 3, "-0b1": -1, "0b+11": 3, "0b-1": -1,
    "9223372036854775807": 2**63 - 1, "-9223372036854775808": -(2**63),
    "18446744073709551615": 2**64 - 1, "18446744073709551616": 2.0**64, "-9223372036854775809": -(2.0**63),
    # other numbers
    "1e3": 1000, "1E3": 1000, "1.5e3": 1500, "1.": 1, "1.0": 1, "1.50": 1.5, ".5": 0.5, "-.5": -0.5, "+.5": 0.5, "-0.0": 0,
    "1e-3": 0.001, "1e21": 1e21, "1e20": 10**20, "5e-324": 5e-324, "1e-400": 0, ".0_8": 0.08, ".5e1_0": 5 * 10**9,
    # almost numbers
    **{
        text: text
        for text in (
            "1e400", "-1e400", ".5e999", "1e", "1e+", "0x", "0b", "0b12", "0o8", "_1", "1a", "1.2.3", "1,000", "0x1g", "0x1p4", "--1",
            "+-1", "+", "-", ".", "..", "._5", ".5_", ".5__5", "-.5_5a", "1:30", "190:20:30", "1 2", "500m", "10Gi", "1.5Gi", "٣", "1٣",
            "0b-_", "+0b+1", "-0b-1", "1d", "infinity", "0.1.", "1-2",
        )
    },
    # dates stay text
    **{text: text for text in ("2024-01-01", "2024-1-1", "2024-13-45", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43", "2024-")},
}  # fmt: skip

# A plain scalar as the name of a field, and the name that kubectl sees.
KEYS = {
    "a": "a", "yes": "true", "n": "false", "ON": "true", "1": "1", "0x10": "16", "017": "15", "1_0": "10", "-0": "0",
    "1.0": "1", "1.50": "1.5", "1e3": "1000", "1e10": "1e+10", "1e5": "100000", "1e6": "1e+06", "123456789.5": "1.2345679e+08",
    "0.1": "0.1", "0.00001": "1e-05", "1e-400": "0", "1e100": ".inf", "-1e100": "-.inf", "16777217.0": "1.6777216e+07",
    ".inf": ".inf", "+.INF": ".inf", "-.Inf": "-.inf", ".NAN": ".nan", "1e400": "1e400", "2024-01-01": "2024-01-01", "1:30": "1:30",
    "9223372036854775807": "9223372036854775807", "-9223372036854775808": "-9223372036854775808", "18446744073709551616": "1.8446744e+19",
}  # fmt: skip
NO_KEYS = ("", "~", "null", "NULL", "9223372036854775808", "18446744073709551615")
NO_VALUES = (".inf", ".Inf", ".INF", "+.inf", "-.INF", ".nan", ".NaN", ".NAN")

# A tag of YAML's own, the text behind it, and the value that kubectl sees.
TAGGED: dict[tuple[str, str], object] = {
    ("str", "1"): "1", ("str", "yes"): "yes", ("int", "1"): 1, ("int", "0x10"): 16, ("float", "1"): 1, ("float", "1.5"): 1.5,
    ("bool", "on"): True, ("null", ""): None, ("null", "~"): None, ("timestamp", "2024-01-01"): "2024-01-01",
    ("binary", "aGVsbG8="): "hello", ("binary", "aGVs\nbG8="): "hello", ("binary", ""): "", ("binary", "/w=="): "\ufffd",
    ("set", "a"): "a", ("unheard-of", "1"): "1",
}  # fmt: skip
MISFITS = (
    ("int", "a"), ("int", "1.5"), ("int", "yes"), ("int", ""), ("float", "a"), ("float", "true"), ("bool", "1"), ("bool", "si"),
    ("null", "a"), ("null", "0"), ("timestamp", "noon"), ("binary", "a"), ("binary", "aGVs bG8="), ("binary", "####"), ("float", ".inf"),
)  # fmt: skip


def same(one: object, other: object) -> bool:
    """Equal, and both a boolean or neither."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


@pytest.mark.parametrize(("text", "value"), VALUES.items(), ids=lambda item: repr(item))
def test_value(text: str, value: object) -> None:
    assert same(resolve(text), value)


@pytest.mark.parametrize("text", NO_VALUES)
def test_infinities_are_refused_as_values(text: str) -> None:
    with pytest.raises(NotJson):
        resolve(text)


@pytest.mark.parametrize(("text", "key"), KEYS.items())
def test_key(text: str, key: str) -> None:
    assert resolve_key(text) == key


@pytest.mark.parametrize("text", NO_KEYS)
def test_null_and_the_largest_numbers_are_no_keys(text: str) -> None:
    assert resolve_key(text) is None


@pytest.mark.parametrize(("tag", "text", "value"), [(*given, value) for given, value in TAGGED.items()], ids=repr)
def test_tagged(tag: str, text: str, value: object) -> None:
    assert same(tagged(PREFIX + tag, text), value)


@pytest.mark.parametrize(("tag", "text"), MISFITS)
def test_value_that_does_not_fit_its_tag_is_refused(tag: str, text: str) -> None:
    with pytest.raises(NotJson):
        tagged(PREFIX + tag, text)


@pytest.mark.parametrize("tag", ["!", "!foo", "tag:example.org,2026:int"])
def test_foreign_tag_means_text(tag: str) -> None:
    assert tagged(tag, "1") == "1"


@given(st.integers(-(2**63), 2**64 - 1))
def test_whole_numbers_of_64_bits_are_exact_in_every_base(number: int) -> None:
    sign = "-" if number < 0 else ""
    for text in (f"{number}", f"{number:_}", f"{sign}0x{abs(number):X}", f"{sign}0o{abs(number):o}", f"{sign}0{abs(number):o}"):
        assert resolve(text) == number
        assert isinstance(resolve(text), int)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_are_read_back(number: float) -> None:
    value = resolve(repr(number))
    assert value == number
    assert isinstance(value, int) == (number.is_integer() and abs(number) < 1e21)
    assert type(value) is type(whole(number))


@given(st.text(max_size=8) | st.text("0123456789+-._eExXoObB", max_size=10))
def test_any_text_is_a_value_or_refused(text: str) -> None:
    try:
        value = resolve(text)
    except NotJson:
        assert text in NO_VALUES
        return
    assert value is None or isinstance(value, str | int | float)
    assert not isinstance(value, float) or math.isfinite(value)
    assert isinstance(resolve_key(text), str | None)
    if isinstance(value, str):
        assert value == text
    if text[:1] not in HINTS:
        assert value == text
        assert resolve_key(text) == text


@given(st.floats(-(2.0**60), 2.0**60, width=32))
def test_float_as_a_key_is_the_shortest_text_that_reads_back_in_32_bits(number: float) -> None:
    key = key_text(number)
    assert key is not None
    assert pack("f", float(key)) == pack("f", number)
    assert re.fullmatch(r"-?\d+(\.\d*[1-9])?(e[+-]\d\d)?", key)


def test_long_runs_of_digits_take_no_time() -> None:
    assert resolve("1" * 500_000) == "1" * 500_000
    assert resolve("0." + "1" * 500_000) == pytest.approx(1 / 9)
    assert resolve("0x" + "f" * 500_000) == "0x" + "f" * 500_000
