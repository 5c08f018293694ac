"""The report in a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.render.text import Style, render_list, render_text, render_text_course
from graders.report import Report
from graders.verdict import Evidence, Status, Verdict, passed, unknown
from tests.render.reports import COMPLETE, COURSE, NOTHING_COUNTED, ON_CLUSTER, ON_FILES, REPORTS, assert_golden, one

ESCAPES = re.compile("\033\\[[0-9;]*m")
PLAIN = Style()


def failing(text: str) -> Report:
    return one(Verdict(Status.FAILED, Evidence("ConfigMap/settings", "data.key", text, text)))


@pytest.mark.parametrize("name", REPORTS)
def test_report_looks_as_reviewed(name: str) -> None:
    assert_golden(f"text-{name}.txt", render_text(REPORTS[name], PLAIN))


def test_report_with_hints_looks_as_reviewed() -> None:
    assert_golden("text-hints.txt", render_text(ON_FILES, PLAIN, hints=True))


def test_narrow_report_looks_as_reviewed() -> None:
    assert_golden("text-narrow.txt", render_text(ON_FILES, Style(40)))


def test_report_without_unicode_looks_as_reviewed() -> None:
    text = render_text(ON_CLUSTER, Style(unicode=False))
    assert text.isascii()
    assert_golden("text-ascii.txt", text)


def test_course_looks_as_reviewed() -> None:
    assert_golden("text-course.txt", render_text_course(COURSE, PLAIN))
    assert_golden("text-course-narrow.txt", render_text_course(COURSE, Style(40)))


def test_course_has_one_line_for_each_lesson_where_there_is_room() -> None:
    lines = render_text_course(COURSE, PLAIN).splitlines()
    assert [re.findall("lesson-[0-9]", line) for line in lines[: len(COURSE)]] == [[report.lesson_id] for report in COURSE]


@pytest.mark.parametrize("width", [40, 59, 60, 80, 110])
def test_no_line_is_wider_than_the_terminal_but_for_a_word_or_a_command(width: int) -> None:
    for report in REPORTS.values():
        for line in render_text(report, Style(width), hints=True).splitlines():
            words = line.split()
            assert len(line) <= width or len(words) == 1 or words[0] == "see:" or len(words[-1]) > width - 24, line


@pytest.mark.parametrize("width", [40, 80])
def test_colour_adds_nothing_that_the_words_do_not_say(width: int) -> None:
    for report in REPORTS.values():
        painted = render_text(report, Style(width, colour=True))
        assert ESCAPES.search(painted)
        assert ESCAPES.sub("", painted) == render_text(report, Style(width))
    course = render_text_course(COURSE, Style(width, colour=True))
    assert ESCAPES.sub("", course) == render_text_course(COURSE, Style(width))


def test_every_objective_opens_with_mark_and_word() -> None:
    for report in REPORTS.values():
        text = render_text(report, PLAIN)
        for result in report.results:
            assert re.search(rf"^\S {result.status} +{re.escape(result.title)}", text, re.MULTILINE), result.objective.id


def test_hints_wait_to_be_asked() -> None:
    assert "Hint" not in render_text(ON_FILES, PLAIN)
    assert "add --hints" in render_text(ON_FILES, PLAIN)
    asked = render_text(ON_FILES, PLAIN, hints=True)
    assert asked.count("Hint 1:") == asked.count("Hint 2:") == sum(result.open for result in ON_FILES.results)
    assert "Compare it with rag-engine, letter by letter." in asked
    assert "add --hints" not in asked


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        pytest.param(ON_FILES, "1 of 4 objectives passed. Next: scale-down-policy.", id="failed"),
        pytest.param(ON_CLUSTER, "1 of 3 objectives passed. Next: wait for rolled-out; --wait 60s does.", id="pending"),
        pytest.param(one(unknown("denied")), "0 of 1 objectives passed. Next: find out why only could not be judged.", id="unknown"),
        pytest.param(COMPLETE, "1 of 1 objectives passed. The lesson is complete.", id="complete"),
        pytest.param(NOTHING_COUNTED, "Nothing that counts could be judged here.", id="nothing"),
    ],
)
def test_last_lines_say_how_far_and_what_next(report: Report, sentence: str) -> None:
    assert sentence in render_text(report, Style(200))


def test_complete_on_files_points_to_what_only_a_cluster_shows() -> None:
    assert "(hpa-active)" in render_text(COMPLETE, Style(200)).splitlines()[-1]


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_nothing_in_a_manifest_reaches_the_terminal_as_a_command(text: str) -> None:
    shown = render_text(failing(f"\033]0;title\007{text}"), PLAIN)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)


def test_control_characters_stay_visible() -> None:
    assert r"\x1b[31mred\x0d\u202e" in render_text(failing("\033[31mred\r\u202e"), PLAIN)


def test_very_long_value_is_cut_and_says_so() -> None:
    shown = render_text(failing("word " * 10_000), PLAIN)
    assert len(shown) < 4_000
    assert "(50000 characters)" in shown


def test_lines_of_a_value_stay_lines() -> None:
    assert "found:    one\n" + " " * 21 + "two\n" in render_text(failing("one\ntwo"), PLAIN)


def test_advice_is_marked() -> None:
    assert "Advice: Set a limit." in render_text(one(passed("Set a limit.")), PLAIN)


def test_list_is_two_columns_or_two_lines() -> None:
    rows = [("a", "first"), ("longer", "second")]
    assert render_list(rows, Style(80)) == "a       first\nlonger  second\n"
    assert render_list(rows, Style(40)) == "a\n  first\nlonger\n  second\n"
