"""The report for programs: its form is a promise."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons import all_lessons
from graders.render.json import render_json, render_json_course, report_data
from graders.snapshot import Snapshot
from graders.verdict import Evidence, Status, Verdict
from tests.cases import NOON, ROOT
from tests.render.reports import COURSE, ON_CLUSTER, ON_FILES, REPORTS, assert_golden, one

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ODD = st.text(st.characters(exclude_categories=()), max_size=40)


def test_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("hints", [False, True], ids=["plain", "hints"])
def test_report_follows_the_published_schema(name: str, hints: bool) -> None:
    VALIDATOR.validate(json.loads(render_json(REPORTS[name], hints=hints)))


def test_course_follows_the_published_schema() -> None:
    data = json.loads(render_json_course(COURSE))
    VALIDATOR.validate(data)
    assert [each["lesson"] for each in data["lessons"]] == ["lesson-1", "lesson-2", "lesson-3", "lesson-4"]


@pytest.mark.parametrize("kind", ["manifests", "cluster"])
def test_every_lesson_over_nothing_follows_the_published_schema(kind: str) -> None:
    snapshot = Snapshot.of([], taken_at=NOON, kind=kind)
    for lesson in all_lessons():
        VALIDATOR.validate(json.loads(render_json(evaluate(lesson, snapshot), hints=True)))


def broken(change: Any) -> Any:
    data = deepcopy(report_data(ON_FILES))
    change(data)
    return data


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data.update(schema=2), id="other-version"),
        pytest.param(lambda data: data.pop("problems"), id="missing-key"),
        pytest.param(lambda data: data["objectives"][0].update(status="ok"), id="unknown-status"),
        pytest.param(lambda data: data["objectives"][1].update(evidence=None), id="failed-without-evidence"),
        pytest.param(lambda data: data["objectives"][0].update(evidence=data["objectives"][1]["evidence"]), id="passed-with-evidence"),
        pytest.param(lambda data: data["objectives"][3].update(reason=None), id="blocked-without-reason"),
        pytest.param(lambda data: data["objectives"][1].update(advice="x"), id="failed-with-advice"),
        pytest.param(lambda data: data["objectives"][1]["evidence"].pop("command"), id="evidence-without-a-key"),
        pytest.param(lambda data: data.update(graded_at="2026-11-24 12:00"), id="time-without-zone"),
        pytest.param(lambda data: data["source"].update(context="x"), id="manifests-with-a-context"),
    ],
)
def test_schema_notices_a_report_that_breaks_the_promise(change: Any) -> None:
    assert not VALIDATOR.is_valid(broken(change))


def test_reader_of_schema_1_accepts_added_fields() -> None:
    assert VALIDATOR.is_valid(broken(lambda data: data["objectives"][0].update(new=1) or data.update(newer=2)))


@pytest.mark.parametrize("name", REPORTS)
def test_json_looks_as_reviewed(name: str) -> None:
    assert_golden(f"json-{name}.json", render_json(REPORTS[name]))


def test_keys_keep_their_published_order() -> None:
    data = report_data(ON_FILES)
    assert list(data) == list(SCHEMA["$defs"]["report"]["required"])
    assert list(data["source"]) == SCHEMA["$defs"]["source"]["required"]
    assert all(list(each) == SCHEMA["$defs"]["objective"]["required"] for each in data["objectives"])
    assert list(data["objectives"][1]["evidence"]) == SCHEMA["$defs"]["evidence"]["required"]
    assert list(data["problems"][0]) == SCHEMA["$defs"]["problem"]["required"]


def test_hints_add_one_key_and_only_open_objectives_have_any() -> None:
    for plain, hinted in zip(report_data(ON_FILES)["objectives"], report_data(ON_FILES, hints=True)["objectives"], strict=True):
        hints = hinted.pop("hints")
        assert hinted == plain
        assert bool(hints) == (plain["status"] not in ("passed", "skipped"))


def test_stream_has_one_report_on_each_line() -> None:
    assert render_json(ON_CLUSTER, on_one_line=True).count("\n") == 1
    assert json.loads(render_json_course(COURSE, on_one_line=True)) == json.loads(render_json_course(COURSE))


@given(ODD, ODD)
@settings(max_examples=200)
def test_any_text_survives_and_can_be_written_as_utf8(expected: str, found: str) -> None:
    text = render_json(one(Verdict(Status.FAILED, Evidence("ConfigMap/a", None, expected, found))))
    evidence = json.loads(text.encode().decode())["objectives"][0]["evidence"]
    assert (evidence["expected"], evidence["found"]) == tuple(json.loads(json.dumps([expected, found])))


def test_golden_files_are_all_in_use() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for path in (ROOT / "tests" / "golden").iterdir():
        stem = path.name
        for name in REPORTS:
            stem = stem.replace(name, "{name}")
        assert stem in tests, f"{path.name} is compared with nothing"
