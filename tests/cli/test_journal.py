"""What `grade` leaves for the web app: a report for each lesson that was judged, once, and nothing that anybody who grades would notice."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from graders.folders import data_folder
from graders.lessons import LESSONS
from graders.report import Report, Result
from graders.sources.manifests import read_texts
from graders.terminal import journal
from graders.terminal.arguments import parse
from graders.terminal.journal import Journal
from graders.terminal.session import LiveReports, Session, now
from graders.verdict import Status, Verdict
from tests.cases import ROOT
from tests.cli.conftest import GOOD, HALF, Grade, environment, written

GUIDE = str(ROOT / "exercises" / "guide")


@pytest.fixture(autouse=True)
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that reports are left in, of a learner who has none yet."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path / "data" / "reports"


def left(folder: Path) -> list[Path]:
    """What lies there, the oldest first."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def test_a_run_leaves_the_report_that_it_can_print(grade: Grade, half: Path, reports: Path) -> None:
    ran = grade("1", "-f", str(half), "--format", "json")
    (path,) = left(reports)
    assert path.name.split("-")[1:3] == ["lesson1", "manifests"]
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(ran.out)
    assert stat.S_IMODE(reports.stat().st_mode) == 0o700


@pytest.mark.parametrize("form", ["text", "json", "junit", "markdown"])
def test_recording_changes_neither_output_nor_status(grade: Grade, half: Path, reports: Path, form: str) -> None:
    arguments = ("1", "-f", str(half), "--format", form, "--hints")
    without = grade(*arguments, "--no-record")
    assert not left(reports)
    with_ = grade(*arguments)
    assert len(left(reports)) == 1
    untimed = (with_.out.replace(_time_in(with_.out), ""), with_.err, with_.status)
    assert untimed == (without.out.replace(_time_in(without.out), ""), without.err, without.status)


def _time_in(text: str) -> str:
    return next((word for word in text.replace('"', " ").split() if word.startswith("20") and word.rstrip(",").endswith("Z")), "\0")


def test_the_same_again_is_left_once_and_a_change_anew(grade: Grade, tmp_path: Path, reports: Path) -> None:
    file = written(tmp_path / "a.yaml", HALF)
    for text in (HALF, HALF, GOOD, GOOD, HALF):
        written(file, text)
        grade("1", "-f", str(file))
    passed = [json.loads(path.read_bytes())["passed"] for path in left(reports)]
    assert passed == [2, 3, 2]


def test_once_it_was_taken_away_the_same_is_left_again(grade: Grade, half: Path, reports: Path) -> None:
    for _ in range(2):
        grade("1", "-f", str(half))
        (path,) = left(reports)
        path.unlink()


def test_all_leaves_a_report_for_each_lesson_that_was_begun(grade: Grade, reports: Path) -> None:
    grade("all", "-f", GUIDE)
    found = {json.loads(path.read_bytes())["lesson"]: json.loads(path.read_bytes()) for path in left(reports)}
    assert {"lesson-1", "lesson-2", "lesson-7"} <= set(found)
    assert "lesson-0" not in found, "nothing of it can be judged on files"
    assert all(any(each["status"] == "passed" for each in report["objectives"]) for report in found.values())


def test_all_does_not_take_a_lesson_for_lost_whose_files_were_not_given(grade: Grade, good: Path, reports: Path) -> None:
    grade("all", "-f", str(good))
    assert "lesson-7" not in {json.loads(path.read_bytes())["lesson"] for path in left(reports)}


@pytest.mark.parametrize(
    "arguments",
    [("--list",), ("1", "--list"), ("--explain", "app-label"), ("--help",), ("--version",), ("--completion", "bash"), ("1", "--no-record")],
    ids=" ".join,
)
def test_what_grades_nothing_leaves_nothing(grade: Grade, good: Path, reports: Path, arguments: tuple[str, ...]) -> None:
    grade(*arguments, *(("-f", str(good)) if "--no-record" in arguments else ()))
    assert not reports.exists()


def test_what_could_not_be_judged_leaves_nothing(grade: Grade, reports: Path) -> None:
    assert grade("1", "--format", "json").status == 3
    assert grade("1", "-f", "not-there.yaml").status == 2
    assert grade("0", "-f", GUIDE).status == 1
    assert not left(reports)


@pytest.mark.parametrize(("value", "records"), [("true", False), ("1", False), ("", True), ("0", True), ("false", True)])
def test_a_run_of_ci_leaves_nothing(
    grade: Grade, good: Path, reports: Path, monkeypatch: pytest.MonkeyPatch, value: str, records: bool
) -> None:
    monkeypatch.setenv("CI", value)
    grade("1", "-f", str(good))
    assert bool(left(reports)) is records


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_folder_that_cannot_be_used_is_no_concern_of_who_grades(
    grade: Grade, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, debug: str
) -> None:
    (tmp_path / "data").write_text("in the way")
    monkeypatch.setenv("GRADE_DEBUG", debug)
    ran = grade("1", "-f", str(good))
    assert ran.status == 0
    assert "3 of 3 objectives passed" in ran.out
    assert len(ran.err.splitlines()) == 1 + bool(debug)
    assert ("Not recorded: " in ran.err) is bool(debug)


def test_a_home_that_is_not_there_is_not_made(good: Path, tmp_path: Path) -> None:
    home = tmp_path / "nobody"
    variables = {name: value for name, value in environment(HOME=str(home)).items() if name not in ("COURSE_DATA", "XDG_DATA_HOME")}
    ran = subprocess.run(
        [sys.executable, "-m", "graders", "1", "-f", str(good)], cwd=ROOT, env=variables, capture_output=True, check=False, text=True
    )
    assert (ran.returncode, home.exists()) == (0, False)
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"COURSE_DATA": "/a", "XDG_DATA_HOME": "/b"}, "/a"),
        ({"XDG_DATA_HOME": "/b"}, "/b/kubernetes-course"),
        ({"HOME": "/c"}, "/c/.local/share/kubernetes-course"),
    ],
    ids=["its own", "of the desktop", "of the platform"],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the platform's own folder is another")
def test_the_folder_is_the_one_that_the_web_app_uses(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str) -> None:
    from app.config import Settings

    for name in ("COURSE_DATA", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert data_folder() == Path(expected) == Settings.local().data


def test_so_many_lie_there_at_most_and_the_oldest_go(grade: Grade, good: Path, half: Path, reports: Path) -> None:
    reports.mkdir(parents=True)
    for number in range(journal.MOST):
        (reports / f"20250101T{number:012}-lesson7-cluster-00000000-00000000.json").touch()
    (reports / "refused").mkdir()
    grade("1", "-f", str(good))
    grade("1", "-f", str(half))
    there = [path.name for path in left(reports) if path.suffix == ".json"]
    assert len(there) == journal.MOST
    assert there[0].startswith("20250101T000000000002")
    assert [name.split("-")[1] for name in there[-2:]] == ["lesson1", "lesson1"]


def test_many_at_once_leave_whole_files_under_different_names(good: Path, half: Path, reports: Path) -> None:
    command = [sys.executable, "-m", "graders", "all", "-f"]
    runs = [
        subprocess.Popen([*command, str(path)], cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for path in (good, half) * 3
    ]
    for run in runs:
        run.communicate(timeout=60)
    assert {path.suffix for path in left(reports)} == {".json"}
    assert all(json.loads(path.read_bytes())["lesson"] for path in left(reports))


def test_no_value_of_a_secret_is_left(grade: Grade, tmp_path: Path, reports: Path) -> None:
    manifest = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: rag-engine-secrets\nstringData:\n  JWT_SECRET: hunter2-hunter2-hunter2\n"
    grade("3", "-f", str(written(tmp_path / "secret.yaml", manifest)))
    (path,) = left(reports)
    assert b"hunter2" not in path.read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such names")
def test_a_file_name_that_utf8_cannot_carry_is_no_obstacle(grade: Grade, tmp_path: Path, reports: Path) -> None:
    grade("1", "-f", str(written(tmp_path / os.fsdecode(b"\xff.yaml"), HALF)))
    (path,) = left(reports)
    assert json.loads(path.read_bytes().decode("utf-8", "strict"))["source"]["files"][0].endswith("?.yaml")


def test_somebody_who_stops_reading_is_recorded_all_the_same(half: Path, reports: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "graders", "1", "-f", str(half)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert run.stdout is not None
    run.stdout.close()
    run.wait(timeout=60)
    assert len(left(reports)) == 1


# A watch prints whatever differs, and records what matters.

LESSON_1 = LESSONS[1].load()


def _report(text: str) -> Report:
    from graders.engine import evaluate

    return evaluate(LESSON_1, read_texts([("a.yaml", text.encode())], namespace="rag-engine", taken_at=now()))


def _with(report: Report, at: int, **statuses: str) -> Report:
    """The report some seconds later, in which objectives have other statuses."""
    results = tuple(
        Result(
            result.objective,
            result.title,
            Verdict(Status(statuses[name])) if (name := result.objective.id.replace("-", "_")) in statuses else result.verdict,
            result.namespace,
        )
        for result in report.results
    )
    return replace(report, results=results, graded_at=report.graded_at + timedelta(seconds=at))


@pytest.fixture
def good_report() -> Report:
    return _report(GOOD)


WATCHED = {
    "the first": (["passed"], 1),
    "the same": (["passed", "passed"], 1),
    "lost": (["passed", "failed"], 2),
    "lost and mended": (["passed", "failed", "passed"], 3),
    "a rolling update": (["passed", "pending", "passed"], 1),
    "never there": (["pending", "unknown", "pending"], 1),
    "slowly there": (["failed", "pending", "failed", "pending", "passed"], 2),
    "the cluster is away": (["passed", "unknown", "passed"], 1),
    "blocked by what is pending": (["passed", "blocked", "passed"], 1),
}


@pytest.mark.parametrize(("history", "count"), WATCHED.values(), ids=WATCHED.keys())
def test_a_watch_records_what_passes_or_fails_not_what_wavers(good_report: Report, reports: Path, history: list[str], count: int) -> None:
    noted = Journal(parse(["1", "--watch"]))
    for at, status in enumerate(history):
        noted.note([_with(good_report, at, app_label=status)])
        for path in left(reports):  # as the web app takes them away
            path.rename(reports.parent / f"taken-{path.name}")
    assert len(list(reports.parent.glob("taken-*"))) == count


def test_a_watch_records_at_the_save(tmp_path: Path, reports: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown = LiveReports(Session(parse(["1", "--watch", "-f", str(tmp_path)]), (LESSON_1,)))
    for text in (HALF, HALF + "# a comment\n", GOOD):
        shown.show(read_texts([("a.yaml", text.encode())], namespace="rag-engine", taken_at=now()))
    assert [json.loads(path.read_bytes())["complete"] for path in left(reports)] == [False, True]


def test_two_threads_can_note_at_once(good_report: Report, reports: Path) -> None:
    threads = [threading.Thread(target=Journal(parse(["1"])).note, args=([good_report],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(left(reports)) <= 8
    assert {os.path.splitext(path)[1] for path in left(reports)} == {".json"}  # noqa: PTH122 - of the whole name
