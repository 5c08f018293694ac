"""`grade --watch` on files: each save is told once, soon, and never half-written."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.terminal.watching import State, changes, state
from tests.cli.conftest import BROKEN, GOOD, HALF, finished, start, written

# Generous, for a machine that is busy with other things; what it takes on an idle one is a tenth of a second.
SOON = 10.0


class UsedUp(Exception):
    """There is no further state to show."""


class Looks:
    """A file system that shows these states one after the other, on a clock of its own."""

    def __init__(self, *states: State) -> None:
        self._states = list(states)
        self.now = 0.0
        self.cost = 0.0

    def look(self) -> State:
        self.now += self.cost
        if not self._states:
            raise UsedUp
        return self._states.pop(0)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def told(self, seen: State) -> list[float]:
        """When each change is told, until the states are used up."""
        times: list[float] = []
        with pytest.raises(UsedUp):
            times.extend(round(self.now, 3) for _ in changes(self.look, seen, sleep=self.sleep, clock=lambda: self.now))
        return times


def sized(**sizes: int) -> State:
    return {name: (size, size, size, 1) for name, size in sizes.items()}


A, B, C = sized(a=1), sized(a=2), sized(a=3)


def test_nothing_is_told_while_nothing_changes() -> None:
    assert Looks(A, A, A, A).told(A) == []


def test_change_is_told_once_it_has_kept_still_for_one_look() -> None:
    assert Looks(A, B, B, B, B).told(A) == [0.15]


def test_burst_of_saves_is_told_once() -> None:
    assert Looks(B, C, A, C, C, C).told(A) == [0.25]


def test_change_and_back_is_not_told() -> None:
    assert Looks(B, A, A, A, A).told(A) == []


def test_each_later_change_is_told() -> None:
    assert Looks(B, B, C, C, A, A).told(A) == [0.1, 0.2, 0.3]


def test_file_replaced_by_renaming_is_told_when_it_is_back() -> None:
    assert Looks({}, {}, B, B, B).told(A) == [0.2]


def test_file_truncated_before_it_is_written_is_told_when_it_is_full() -> None:
    empty = sized(a=0)
    assert Looks(empty, empty, empty, B, B).told(A) == [0.25]


def test_file_that_stays_away_is_told_after_a_moment() -> None:
    (at,) = Looks(*[{}] * 9).told(A)
    assert at <= 0.3


def test_file_that_never_keeps_still_is_told_all_the_same() -> None:
    restless = [sized(a=size) for size in range(2, 40)]
    first, *_ = Looks(*restless).told(A)
    assert 1.0 <= first <= 1.2


def test_new_file_in_a_folder_is_told() -> None:
    assert Looks(sized(a=1, b=1), sized(a=1, b=1)).told(A) == [0.1]


def test_looks_come_further_apart_where_looking_is_slow() -> None:
    looks = Looks(*[A] * 10)
    looks.cost = 0.5
    looks.told(A)
    assert looks.now > 9 * 0.5 * 10


def test_state_sees_manifests_below_a_folder_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a.yaml", "deep/b.yml", "deep/er/c.json", "notes.txt", ".git/d.yaml"):
        written(tmp_path / name, "x")
    assert {os.path.relpath(path, tmp_path) for path in state([str(tmp_path)])} == {"a.yaml", "deep/b.yml", "deep/er/c.json"}
    assert list(state([str(tmp_path / "notes.txt")])) == [str(tmp_path / "notes.txt")], "a file that is named is watched whatever its name"
    assert state([str(tmp_path / "nowhere"), "a\0b"]) == {}


def test_state_sees_a_replacement_of_equal_size_and_time(tmp_path: Path) -> None:
    path = written(tmp_path / "a.yaml", "one")
    before = state([str(path)])
    times = path.stat()
    other = written(tmp_path / "other", "two")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)
    assert state([str(path)]) != before


class Watch:
    """A running `grade --watch --format json`, which prints a report on each line."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def passed(self) -> int:
        """How many objectives passed in the next report."""
        data = json.loads(self._lines.get(timeout=SOON))
        number: int = data["passed"]
        return number

    def silent(self, seconds: float) -> bool:
        time.sleep(seconds)
        return self._lines.empty()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path / "manifests" / "namespace.yaml", HALF)
    return tmp_path / "manifests"


@pytest.fixture
def watch(folder: Path) -> Iterator[Watch]:
    process = start(["1", "-f", str(folder), "--watch", "--format", "json"])
    try:
        yield Watch(process)
    finally:
        process.terminate()
        finished(process)


def test_learner_saves_and_sees_it_pass(watch: Watch, folder: Path) -> None:
    path = folder / "namespace.yaml"
    assert watch.passed() == 2
    path.write_text(GOOD, encoding="utf-8")
    assert watch.passed() == 3
    # As vim and most IDEs save: a new file, renamed over the old one.
    written(folder / "namespace.yaml~", HALF).replace(path)
    assert watch.passed() == 2
    # As others do: the old one moved away first.
    path.rename(folder / "namespace.yaml~")
    path.write_text(GOOD, encoding="utf-8")
    assert watch.passed() == 3


def test_save_that_changes_nothing_is_not_told(watch: Watch, folder: Path) -> None:
    assert watch.passed() == 2
    written(folder / "namespace.yaml", HALF + "# a comment\n")
    (folder / "namespace.yaml").touch()
    assert watch.silent(0.5)


def test_files_come_and_go(watch: Watch, folder: Path) -> None:
    assert watch.passed() == 2
    written(folder / "more" / "again.yaml", GOOD)
    assert watch.passed() == 2, "which of two wins is not this test's concern"
    (folder / "namespace.yaml").unlink()
    assert watch.passed() == 3
    shutil.rmtree(folder)
    assert watch.silent(0.5)
    written(folder / "namespace.yaml", HALF)
    assert watch.passed() == 2


def test_broken_save_is_told_and_the_watch_goes_on(watch: Watch, folder: Path) -> None:
    assert watch.passed() == 2
    written(folder / "namespace.yaml", BROKEN)
    assert watch.passed() == 0
    written(folder / "namespace.yaml", GOOD)
    assert watch.passed() == 3


def test_each_report_in_a_terminal_has_the_time(folder: Path) -> None:
    process = start(["1", "-f", str(folder), "--watch"], stderr=subprocess.STDOUT)
    assert process.stdout is not None
    first = process.stdout.readline().decode()
    process.terminate()
    finished(process)
    assert first[2] == first[5] == ":"
    assert "Read 1 file, namespace rag-engine" in first
