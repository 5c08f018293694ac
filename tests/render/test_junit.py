"""The report for CI systems."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.render.junit import render_junit
from graders.report import Report
from graders.verdict import Evidence, Status, Verdict, passed, skipped, unknown
from tests.render.reports import ABSENT, COURSE, ON_FILES, REPORTS, assert_golden, one

ODD = st.text(st.characters(exclude_categories=()), max_size=40)


def parsed(*reports: Report) -> ET.Element:
    return ET.fromstring(render_junit(reports).encode())


@pytest.mark.parametrize("name", REPORTS)
def test_junit_looks_as_reviewed(name: str) -> None:
    assert_golden(f"junit-{name}.xml", render_junit([REPORTS[name]]))


@pytest.mark.parametrize(
    ("verdict", "element"),
    [
        pytest.param(passed(), None, id="passed"),
        pytest.param(Verdict(Status.FAILED, ABSENT), "failure", id="failed"),
        pytest.param(Verdict(Status.PENDING, ABSENT), "failure", id="pending-is-not-there-yet"),
        pytest.param(unknown("Access denied."), "error", id="unknown"),
        pytest.param(skipped("not here"), "skipped", id="skipped"),
        pytest.param(Verdict(Status.BLOCKED, reason="First: x."), "skipped", id="blocked"),
    ],
)
def test_status_becomes_what_a_pipeline_understands(verdict: Verdict, element: str | None) -> None:
    (case,) = parsed(one(verdict)).iter("testcase")
    assert [child.tag for child in case] == ([element] if element else [])


def test_open_bonus_fails_no_pipeline() -> None:
    (case,) = parsed(one(Verdict(Status.FAILED, ABSENT), bonus=True)).iter("testcase")
    assert [child.tag for child in case] == ["skipped"]


def test_counts_are_those_of_the_cases() -> None:
    root = parsed(*COURSE)
    suites = root.findall("testsuite")
    assert len(suites) == len(COURSE)
    for element in (root, *suites):
        assert int(element.attrib["tests"]) == len(list(element.iter("testcase")))
        for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(element.attrib[attribute]) == len(list(element.iter(tag)))


def test_failure_points_at_its_line() -> None:
    case = next(case for case in parsed(ON_FILES).iter("testcase") if "line" in case.attrib)
    assert (case.attrib["file"], case.attrib["line"]) == ("manifests/hpa.yaml", "38")
    assert "found: `value: 50`" in str(case[0].text)


def test_trouble_with_the_files_is_told() -> None:
    (error,) = parsed(ON_FILES).iter("system-err")
    assert str(error.text).startswith("broken.yaml:3:7: Line 3 is not valid YAML")


@given(ODD, ODD)
@settings(max_examples=200)
def test_any_text_makes_valid_xml(text: str, reason: str) -> None:
    evidence = Evidence(f"ConfigMap/{text}", text, text, text, text or None, 1, text)
    root = parsed(one(Verdict(Status.FAILED, evidence)), one(unknown(reason)))
    assert len(list(root.iter("testcase"))) == 2


def test_markup_and_line_breaks_come_back_as_they_were() -> None:
    text = "<a & \"b\" 'c'> ]]>\n\ttwo\rthree"
    case = next(parsed(one(Verdict(Status.FAILED, Evidence("A/b", None, "x", text)))).iter("failure"))
    assert case.attrib["message"] == f"failed: expected x, found {text}"
    assert str(case.text).endswith(f"found: {text}")
