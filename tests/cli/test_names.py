"""What a learner may call a lesson, and how a duration is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.errors import UsageError
from graders.lessons import LESSONS, Entry
from graders.terminal.names import duration, find_lesson, find_lessons


@pytest.mark.parametrize("entry", LESSONS, ids=lambda entry: entry.id)
def test_each_lesson_answers_to_its_id_its_number_and_its_names(entry: Entry) -> None:
    number = entry.id.removeprefix("lesson-")
    for word in (
        entry.id,
        number,
        f"0{number}",
        f"lesson-0{number}",
        f"Lesson {number}",
        f"lesson{number}",
        f"lesson_{number}",
        entry.title,
    ):
        assert find_lesson(word) is entry, word
    for name in entry.names:
        assert find_lesson(name) is entry
        assert find_lesson(name.upper()) is entry


def test_no_name_means_two_lessons() -> None:
    names = [name for entry in LESSONS for name in (entry.id, *entry.names)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("word", "lesson"),
    [
        ("hp", "lesson-7"),
        ("ho", "lesson-7"),
        ("dep", "lesson-4"),
        ("ingr", "lesson-6"),
        ("pod-d", "lesson-8"),
        ("horiz", "lesson-7"),
        ("na", "lesson-1"),
    ],
)
def test_beginning_of_one_name_is_enough(word: str, lesson: str) -> None:
    assert find_lesson(word).id == lesson


def test_all_is_every_lesson() -> None:
    assert find_lessons("all") == find_lessons(" ALL ") == LESSONS


@pytest.mark.parametrize(
    ("word", "message", "help"),
    [
        pytest.param(
            "se", "`se` could be lesson-3 (secret), lesson-5 (service) or lesson-11 (security).", "few more letters", id="beginning-of-two"
        ),
        pytest.param("hpaa", "There is no lesson `hpaa`. Did you mean hpa?", "--list", id="typo"),
        pytest.param("lesson-1a", "There is no lesson `lesson-1a`. Did you mean lesson-1?", "--list", id="typo-in-id"),
        pytest.param("xyzzy", "There is no lesson `xyzzy`.", "--list", id="nothing-near"),
        pytest.param("99", "There is no lesson 99; they run from lesson-0 to", "--list", id="number-too-high"),
        pytest.param("-1", "There is no lesson `-1`", "--list", id="below-zero"),
        pytest.param("hpa.yaml", "`hpa.yaml` is no lesson.", "grade lesson-1 -f hpa.yaml", id="a-file"),
        pytest.param("٧", "There is no lesson `٧`.", "--list", id="digits-of-another-script"),
        pytest.param("a" * 5000, "There is no lesson", "--list", id="very-long"),
    ],
)
def test_slip_is_answered_with_what_was_meant(word: str, message: str, help: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_lesson(word)
    assert caught.value.message.startswith(message)
    assert help in caught.value.help


@given(st.text(max_size=20))
def test_any_word_is_a_lesson_or_a_usage_error(word: str) -> None:
    try:
        found = find_lesson(word)
    except UsageError as error:
        found = None
        helped = bool(error.help)
    assert found in LESSONS or helped


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("45", 45), ("1.5", 1.5), ("0.5m", 30), ("1h", 3600), (" 10S ", 10), ("24h", 86400)],
)
def test_duration_is_understood(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "10x", "1m 30s", "-5s", "1..5s", "1,5s", "ten", "10ss", "١٠s", "1e3", "nan", "inf", "."])
def test_what_is_no_duration_is_explained(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        duration(text)
    assert "is no duration" in caught.value.message
    assert "1m30s" in caught.value.help


@pytest.mark.parametrize("text", ["0", "0s", "0ms", "25h", "99999999"])
def test_duration_out_of_range_is_explained(text: str) -> None:
    with pytest.raises(UsageError, match="out of range"):
        duration(text)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(1, 999))
def test_units_add_up(hours: int, minutes: int, seconds: int, milliseconds: int) -> None:
    text = f"{hours}h{minutes}m{seconds}s{milliseconds}ms"
    assert duration(text) == pytest.approx(hours * 3600 + minutes * 60 + seconds + milliseconds / 1000)
