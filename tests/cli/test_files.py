"""Grading manifests from the command line."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from graders.lessons import LESSONS
from tests.cases import ROOT, exercise
from tests.cli.conftest import BROKEN, GOOD, Grade, written

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))


def report(text: str) -> dict[str, Any]:
    data = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert isinstance(data, dict)
    return data


def test_complete_lesson_is_exit_0(grade: Grade, good: Path) -> None:
    ran = grade("lesson-1", "-f", str(good))
    assert ran.status == 0
    assert "3 of 3 objectives passed. The lesson is complete." in ran.out
    assert ran.err == "Read 1 file, namespace rag-engine\n"


def test_open_objective_is_exit_1_with_place_expected_and_found(grade: Grade, half: Path) -> None:
    ran = grade("1", "-f", str(half))
    assert ran.status == 1
    shown = " ".join(ran.out.split())
    assert "✗ failed It is labelled `app: rag-engine` [app-label]" in shown
    assert f"where: {half}" in shown
    assert "expected: `app: rag-engine` found: no label `app`" in shown
    assert "see: kubectl get namespace rag-engine" in shown
    assert "2 of 3 objectives passed. Next: app-label." in shown


def test_hints_are_shown_when_asked(grade: Grade, half: Path) -> None:
    assert "Hint" not in grade("1", "-f", str(half)).out
    assert grade("1", "-f", str(half), "--hints").out.count("Hint") == 2


def test_piped_report_is_plain_and_80_columns_wide(grade: Grade, half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = grade("1", "-f", str(half)).out
    monkeypatch.setenv("COLUMNS", "200")
    assert grade("1", "-f", str(half)).out == plain
    assert "\033" not in plain


@pytest.mark.parametrize("format", ["text", "json", "junit", "markdown"])
def test_standard_output_carries_the_report_and_nothing_else(grade: Grade, half: Path, format: str) -> None:
    ran = grade("1", "-f", str(half), "--format", format)
    assert ran.status == 1
    assert ran.out.startswith({"text": "Namespaces (", "json": "{", "junit": "<?xml", "markdown": "## "}[format])
    assert ran.out.endswith("\n")
    assert "Read 1 file" not in ran.out


def test_same_manifests_give_the_same_report(grade: Grade, half: Path) -> None:
    first, second = (report(grade("1", "-f", str(half), "--format", "json").out) for _ in range(2))
    first.pop("graded_at")
    second.pop("graded_at")
    assert first == second


def test_standard_input_is_read(grade: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    ran = grade("1", "-f", "-")
    assert ran.status == 0
    assert "Read standard input, namespace rag-engine" in ran.err


def test_closed_standard_input_is_explained(grade: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    ran = grade("1", "-f", "-")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("Standard input is closed.")


def test_other_namespace_is_graded_as_itself(grade: Grade, tmp_path: Path) -> None:
    mine = written(tmp_path / "mine.yaml", GOOD.replace("name: rag-engine", "name: mine"))
    assert grade("1", "-f", str(mine), "-n", "mine").status == 0
    assert grade("1", "-f", str(mine)).status == 1


@pytest.mark.parametrize("format", ["text", "markdown", "json", "junit"])
def test_path_that_is_not_there_is_exit_2(grade: Grade, tmp_path: Path, format: str) -> None:
    ran = grade("1", "-f", str(tmp_path / "nowhere.yaml"), "--format", format)
    assert ran.status == 2
    assert "nowhere.yaml" in ran.err
    assert len(ran.err.splitlines()) >= 2, "what to do next is missing"
    assert bool(ran.out) == (format in ("json", "junit"))


def test_json_for_nothing_readable_says_why(grade: Grade, tmp_path: Path) -> None:
    data = report(grade("1", "-f", str(tmp_path / "nowhere.yaml"), "--format", "json").out)
    (problem,) = data["problems"]
    assert "nowhere.yaml" in problem["message"]
    assert data["complete"] is False


def test_broken_file_is_exit_2_with_its_place_and_no_report(grade: Grade, tmp_path: Path) -> None:
    broken = written(tmp_path / "broken.yaml", BROKEN)
    ran = grade("1", "-f", str(broken))
    assert (ran.status, ran.out) == (2, "")
    assert f"{broken}:" in ran.err
    data = report(grade("1", "-f", str(broken), "--format", "json").out)
    assert data["problems"]


def test_broken_file_hides_nothing_of_the_rest(grade: Grade, tmp_path: Path, good: Path) -> None:
    broken = written(tmp_path / "broken.yaml", BROKEN)
    ran = grade("1", "-f", str(good), "-f", str(broken))
    assert ran.status == 2
    assert "3 of 3 objectives passed" in ran.out
    assert f"{broken}:" in ran.err
    assert ran.err.endswith("\nWhat could not be read was not graded.\n")


def test_course_has_a_line_for_each_lesson(grade: Grade, good: Path) -> None:
    ran = grade("all", "-f", str(good))
    assert ran.status == 1
    lines = [line for line in ran.out.splitlines() if "lesson-" in line and not line.startswith("Next")]
    assert [line.split()[1] for line in lines] == [entry.id for entry in LESSONS]
    assert lines[0].endswith(" 0 of  0  Kubernetes fundamentals: nothing to judge here")
    assert lines[1].endswith(" 3 of  3  Namespaces: complete")
    assert lines[2].startswith("✗ lesson-2 ")
    assert lines[2].endswith("ConfigMaps: configmap-exists failed")


def test_course_is_exit_0_when_all_that_can_be_judged_is_complete(grade: Grade) -> None:
    folders = [exercise(entry.id) / "solution" for entry in LESSONS]
    ran = grade("all", *(word for folder in folders if folder.is_dir() for word in ("-f", str(folder))))
    assert "lesson-0" in ran.out
    assert ran.status == 0, ran.out


def test_course_as_json_holds_every_report(grade: Grade, good: Path) -> None:
    data = report(grade("all", "-f", str(good), "--format", "json").out)
    assert [each["lesson"] for each in data["lessons"]] == [entry.id for entry in LESSONS]


def test_course_as_junit_is_one_document(grade: Grade, good: Path) -> None:
    root = ET.fromstring(grade("all", "-f", str(good), "--format", "junit").out)
    assert len(root.findall("testsuite")) == len(LESSONS)


def test_break_of_our_own_is_one_sentence_and_exit_3(grade: Grade, half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graders.terminal.session.evaluate", lambda lesson, snapshot: 1 / 0)
    ran = grade("1", "-f", str(half))
    assert (ran.status, ran.out) == (3, "")
    assert "fault of the course" in ran.err
    assert "Traceback" not in ran.err
    monkeypatch.setenv("GRADE_DEBUG", "1")
    ran = grade("1", "-f", str(half))
    assert ran.status == 3
    assert "ZeroDivisionError" in ran.err
    assert "Traceback" in ran.err


def test_interrupt_is_exit_130_without_a_word(grade: Grade, half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(lesson: object, snapshot: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("graders.terminal.session.evaluate", interrupt)
    ran = grade("1", "-f", str(half))
    assert (ran.status, ran.out, ran.err) == (130, "", "")


def test_odd_file_names_are_shown_harmlessly(grade: Grade, tmp_path: Path) -> None:
    odd = written(tmp_path / "a\033[2Jb\n.yaml", BROKEN)
    ran = grade("1", "-f", str(odd))
    assert ran.status == 2
    assert "\033" not in ran.err
    undecodable = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")
    Path(undecodable).write_bytes(GOOD.encode())
    for form in ("text", "json", "junit", "markdown"):
        assert grade("1", "-f", undecodable, "--format", form).status == 0
