"""How a place shows what it holds, and how it treats what is not there or of a wrong type."""

from __future__ import annotations

from typing import Any

import pytest

from graders.validation.place import Finding, Place, amount_of, exactly_one, int_or_percent, portion


def _place(value: Any, *path: str | int) -> Place:
    return Place(value, path or ("field",), [])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "no `field`"),
        ("", '`""`'),
        ("text", "`text`"),
        ("80", '`"80"`'),
        (" text", '`" text"`'),
        ("a\nb", "`a\\nb`"),
        ("x" * 100, f"`{'x' * 57}...`"),
        (80, "`80`"),
        (1.5, "`1.5`"),
        pytest.param(10**5000, "a number beyond all limits", id="endless"),
        (True, "`true`"),
        ([], "an empty `field`"),
        ({}, "an empty `field`"),
        ([1], "a list"),
        ({"a": 1}, "a map"),
    ],
)
def test_shows_its_value_in_words(value: Any, words: str) -> None:
    assert _place(value).shown() == words


def test_a_message_is_made_of_what_was_expected_and_found() -> None:
    place = _place("tcp", "spec", "ports", 0, "protocol")
    place.reject("`TCP`")
    assert place.out == [Finding(place.path, "`protocol` must be `TCP`, and is `tcp`.", "`TCP`", "`tcp`")]


def test_an_item_of_a_list_is_called_so() -> None:
    place = _place("x", "spec", "accessModes", 0)
    place.reject("`ReadWriteOnce`")
    assert place.out[0].message == "An item of `accessModes` must be `ReadWriteOnce`, and is `x`."


@pytest.mark.parametrize("value", ["text", 5, True, ["a"]], ids=str)
def test_below_a_value_of_a_wrong_type_nothing_is_missing(value: Any) -> None:
    place = _place(value)["inner"]["deeper"]
    place.require()
    place.forbid("here")
    place.reject("anything")
    assert (place.out, bool(place), place.text) == ([], False, None)


def test_null_and_missing_are_the_same() -> None:
    place = _place({"a": None})
    place.needs("a", "b")
    assert [finding.path[-1] for finding in place.out] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "chosen", "found"),
    [
        ({"a": 1}, "a", []),
        ({"a": 1, "b": None}, "a", []),
        ({"b": 1, "a": 1}, None, [("field", "a")]),
        ({}, None, [("field",)]),
        (None, None, [("field",)]),
        ("text", None, []),
    ],
    ids=str,
)
def test_of_several_sources_the_second_is_one_too_many(value: Any, chosen: str | None, found: list[Any]) -> None:
    place = _place(value)
    assert exactly_one(place, ("a", "b"), "source") == chosen
    assert [finding.path for finding in place.out] == found


@pytest.mark.parametrize("value", [0, 5, "0%", "150%", None, True, 1.5], ids=repr)
def test_a_number_or_a_percentage(value: Any) -> None:
    place = _place(value)
    int_or_percent(place)
    assert place.out == []


@pytest.mark.parametrize("value", [-1, "", "5", "%", "-5%", "5.5%", " 5%", "٣%", "²%"], ids=repr)
def test_neither_a_number_nor_a_percentage(value: Any) -> None:
    place = _place(value)
    int_or_percent(place)
    assert len(place.out) == 1


@pytest.mark.parametrize(("value", "wrong"), [("100%", 0), ("101%", 1), (200, 0)])
def test_a_portion_is_at_most_all(value: Any, wrong: int) -> None:
    place = _place(value)
    portion(place)
    assert len(place.out) == wrong


@pytest.mark.parametrize(("value", "number"), [(None, 25), (0, 0), ("0%", 0), ("x", None), (True, None)], ids=str)
def test_the_number_of_an_amount_with_its_default(value: Any, number: int | None) -> None:
    assert amount_of(_place(value), "25%") == number
