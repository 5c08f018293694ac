"""The report for a comment on a pull request."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.render.markdown import render_markdown
from graders.report import Report
from graders.verdict import Evidence, Status, Verdict, unknown
from tests.render.reports import COURSE, ON_FILES, REPORTS, assert_golden, declared, one, report, result


def failing(found: str) -> Report:
    return one(Verdict(Status.FAILED, Evidence("ConfigMap/settings", None, "x", found)))


def found_line(found: str) -> str:
    return next(line for line in render_markdown([failing(found)]).splitlines() if line.startswith("- found: ")).removeprefix("- found: ")


@pytest.mark.parametrize("name", REPORTS)
def test_markdown_looks_as_reviewed(name: str) -> None:
    assert_golden(f"markdown-{name}.md", render_markdown([REPORTS[name]]))


def test_course_is_one_section_for_each_lesson() -> None:
    assert render_markdown(COURSE).count("\n## ") == len(COURSE) - 1


def test_hints_only_when_asked() -> None:
    assert "- hint:" not in render_markdown([ON_FILES])
    assert render_markdown([ON_FILES], hints=True).count("- hint:") == 2 * sum(each.open for each in ON_FILES.results)


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        pytest.param("a *b* _c_", r"a \*b\* \_c\_", id="emphasis"),
        pytest.param("<img src=x>", r"\<img src=x\>", id="html"),
        pytest.param("[x](http://y)", r"\[x\](http://y)", id="link"),
        pytest.param("`a: 1`", "`a: 1`", id="code-stays-code"),
        pytest.param("`a_*b`", "`a_*b`", id="nothing-is-escaped-in-code"),
        pytest.param("a ` b", r"a \` b", id="lone-backtick"),
        pytest.param("``a`b``", "`` a`b ``", id="code-with-a-backtick"),
        pytest.param("a\n\n# b", "a #&#8203; b", id="line-breaks"),
        pytest.param("@team", "@&#8203;team", id="mention"),
        pytest.param("&lt;", r"\&lt;", id="entity"),
        pytest.param("\033[31m", r"\\x1b\[31m", id="control"),
    ],
)
def test_text_of_a_manifest_is_shown_and_not_obeyed(found: str, shown: str) -> None:
    assert found_line(found) == shown


@given(st.text("ab|`\\*<\n@", max_size=30))
@settings(max_examples=200)
def test_text_of_a_manifest_never_breaks_out_of_its_line(text: str) -> None:
    lines = render_markdown([failing(text), one(unknown(f"x{text}"))]).splitlines()
    assert len(lines) == len(render_markdown([failing("a"), one(unknown("a"))]).splitlines())


def test_bar_does_not_end_a_cell() -> None:
    shown = render_markdown([report(result(declared("bars", "a | b `c | d`"), unknown("x")))])
    row = next(line for line in shown.splitlines() if line.endswith("`bars` |"))
    assert len(re.split(r"(?<!\\)\|", row)) == 5
    assert r"a \| b `c \| d`" in row
