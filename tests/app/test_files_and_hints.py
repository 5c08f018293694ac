"""`course` without a cluster: the files of an exercise, hints one after the other, solutions."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from app.commands import starting
from app.services.content import Exercise
from app.services.folders import Notes, copy_files
from graders.errors import GradingError
from tests.app.conftest import Course
from tests.cases import EXERCISES

STARTER = (EXERCISES / "lesson-07-hpa" / "starter" / "hpa.yaml").read_text(encoding="utf-8")
SOLUTION = EXERCISES / "lesson-07-hpa" / "solution"


def test_start_copies_task_and_starter_and_tells_how_to_get_a_cluster(course: Course, home: Path) -> None:
    ran = course("start", "hpa")
    assert ran.status == 0
    assert (home / "lesson-07-hpa" / "hpa.yaml").read_text(encoding="utf-8") == STARTER
    assert (home / "lesson-07-hpa" / "task.md").is_file()
    assert "course cluster up" in ran.err
    assert "grade lesson-7 -f lesson-07-hpa" in ran.out


def test_start_never_overwrites_what_was_changed(course: Course, home: Path) -> None:
    course("start", "7", "--files-only")
    mine = home / "lesson-07-hpa" / "hpa.yaml"
    mine.write_text("# mine\n", encoding="utf-8")
    ran = course("start", "7", "--files-only")
    assert ran.status == 0
    assert mine.read_text(encoding="utf-8") == "# mine\n"
    assert "Kept as you have them: hpa.yaml" in ran.err
    assert "There already, unchanged: task.md" in ran.err


def test_line_ends_of_windows_are_no_change(home: Path) -> None:
    (home / "a.yaml").write_bytes(b"kind: Pod\r\n")
    copied = copy_files({"a.yaml": "kind: Pod\n"}, home)
    assert (copied.written, copied.same, copied.kept) == ((), ("a.yaml",), ())
    assert (home / "a.yaml").read_bytes() == b"kind: Pod\r\n"


def test_start_for_another_namespace_writes_files_that_name_it(course: Course, home: Path) -> None:
    course("start", "2", "--files-only", "-n", "team-a", "--into", "mine")
    text = (home / "mine" / "config.yaml").read_text(encoding="utf-8")
    assert "namespace: team-a" in text
    assert "rag-engine\n" not in text


@pytest.mark.parametrize("in_the_way", ["file", "folder"])
def test_folder_that_cannot_be_written_is_said(course: Course, home: Path, in_the_way: str) -> None:
    if in_the_way == "file":
        (home / "lesson-07-hpa").write_text("", encoding="utf-8")
    else:
        (home / "lesson-07-hpa" / "hpa.yaml").mkdir(parents=True)
    ran = course("start", "7")
    assert ran.status == 3
    assert "cannot be written" in ran.err
    assert "--into DIR" in ran.err


def test_broken_workloads_are_copied_where_there_is_no_starter(course: Course, home: Path, broken_workloads: Path) -> None:
    options = Namespace(lesson="14", namespace=None, into=None, files_only=True, seed=0, again=False, yes=False)
    options.context = options.kubeconfig = None
    assert starting.begin(options, Exercise.of("lesson-14", broken_workloads)) == 0
    folder = home / "lesson-14-troubleshooting"
    assert {path.name for path in folder.iterdir()} == {"task.md", "image-pull.yaml", "pending-claim.yaml"}
    seeded = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)
    starting.begin(options, Exercise.of("lesson-14", broken_workloads))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == seeded


def test_hints_come_one_after_the_other(course: Course) -> None:
    first, second, third = (course("hint", "7", "cpu-target").out for _ in range(3))
    assert "Hint 1 of 2" in first
    assert "1 more: course hint lesson-7 cpu-target" in first
    assert "Hint 2 of 2" in second
    assert "Hint 1" not in second
    assert "No more hints." in second
    assert "Hint 1 of 2" in third
    assert "Hint 2 of 2" in third
    assert "Hint 1 of 2" in course("hint", "7", "memory-target").out


def test_hint_is_for_the_first_open_objective_of_the_folder(course: Course) -> None:
    course("start", "7", "--files-only")
    ran = course("hint", "7")
    assert ran.status == 0
    assert "open in lesson-07-hpa" in ran.err
    assert "[hpa-exists]" in ran.out


def test_nothing_open_needs_no_hint(course: Course) -> None:
    ran = course("hint", "7", "-f", str(SOLUTION))
    assert (ran.status, ran.out) == (
        0,
        "Nothing is open in Horizontal Pod Autoscaling (lesson-7): every objective that counts has passed.\n",
    )


@pytest.mark.parametrize(
    "content", ["{", "[]", "", '"x"', "[" * 5000, "\udcff"], ids=["cut-off", "list", "empty", "text", "deep", "no-text"]
)
def test_broken_notes_are_kept_aside(course: Course, tmp_path: Path, content: str) -> None:
    notes = tmp_path / "data" / "kubernetes-course" / "hints.json"
    notes.parent.mkdir(parents=True)
    notes.write_bytes(content.encode(errors="surrogateescape"))
    ran = course("hint", "7", "cpu-target")
    assert (ran.status, "Hint 1 of 2" in ran.out) == (0, True)
    assert "hints.json.broken-1" in ran.err
    assert notes.with_name("hints.json.broken-1").read_bytes() == content.encode(errors="surrogateescape")
    assert json.loads(notes.read_text(encoding="utf-8"))["unlocked"] == {"lesson-7/cpu-target": 1}


@pytest.mark.parametrize("unlocked", [{"lesson-7/cpu-target": "two"}, {"lesson-7/cpu-target": -3}, 7, None, {"lesson-7/cpu-target": 99}])
def test_odd_notes_count_as_far_as_they_can(course: Course, unlocked: object) -> None:
    Notes.named("hints").write({"unlocked": unlocked, "kept": True})
    ran = course("hint", "7", "cpu-target")
    assert ran.status == 0
    assert "Hint 1 of 2" in ran.out
    assert Notes.named("hints").read()[0]["kept"] is True


def test_notes_that_cannot_be_written_cost_no_hint(course: Course, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way", encoding="utf-8")
    ran = course("hint", "7", "cpu-target")
    assert ran.status == 0
    assert "Hint 1 of 2" in ran.out
    assert "XDG_DATA_HOME" in ran.err


def test_notes_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "x.json")
    notes.write({"a": 1})
    with pytest.raises(TypeError):
        notes.write({"a": object()})
    assert notes.read() == ({"a": 1}, "")
    assert notes.path.read_text(encoding="utf-8") == '{\n "a": 1\n}\n'


def test_solution_waits_until_the_lesson_passes(course: Course) -> None:
    course("start", "7", "--files-only")
    ran = course("solution", "7")
    assert (ran.status, ran.out) == (1, "")
    assert "0 of 9 objectives have passed in lesson-07-hpa" in ran.err
    assert "course solution lesson-7 --spoil. It costs nothing" in ran.err
    passed = course("solution", "7", "-f", str(SOLUTION))
    assert passed.status == 0
    assert passed.out == course("solution", "7", "--spoil").out


def test_solution_can_be_piped_into_kubectl(course: Course, home: Path) -> None:
    import yaml

    ran = course("solution", "7", "--spoil", "-n", "team-a")
    kinds = {(body["kind"], body["metadata"]["namespace"]) for body in yaml.safe_load_all(ran.out)}
    assert kinds == {("Deployment", "team-a"), ("HorizontalPodAutoscaler", "team-a")}
    (home / "all.yaml").write_text(ran.out, encoding="utf-8")
    assert course("hint", "7", "-f", "all.yaml", "-n", "team-a").out.startswith("Nothing is open")


def test_solution_without_files_or_cluster_says_how_to_show_that_one_has_passed(course: Course) -> None:
    ran = course("solution", "7")
    assert (ran.status, ran.out) == (1, "")
    assert "Name your manifests with -f" in ran.err


def test_lesson_about_the_cluster_has_no_solution(course: Course) -> None:
    assert "has no solution to show" in course("solution", "0").out


def test_missing_home_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(GradingError, match="There is no home folder"):
        Notes.named("hints")
