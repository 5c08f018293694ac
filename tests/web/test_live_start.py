"""Starting the practice cluster from the browser, with a stand-in for its program."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from app.services.cluster_start import Job, Starter, can_start
from app.services.folders import Notes
from graders.errors import GradingError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")


def program(path: Path, *lines: str) -> Path:
    """A program that does this."""
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path


def use(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("COURSE_PRACTICE_CLUSTER", str(path))


class Told(list[Job]):
    """What was told of a job."""

    def ended(self, within: float = 10) -> Job:
        deadline = time.monotonic() + within
        while not self or self[-1].running:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return self[-1]


def test_output_is_followed_and_the_end_reported(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = home / "go-on"
    use(
        monkeypatch,
        program(
            home / "cluster",
            'echo "asked for $*" >&2',
            "printf 'one\\rtwo\\n\\033[31mred\\033[0m\\a\\n' >&2",
            f"while [ ! -e {go_on} ]; do sleep 0.02; done",
            "echo /where/it/is",
        ),
    )
    told = Told()
    starter = Starter(told.append)
    assert starter.start(merge=True)
    deadline = time.monotonic() + 5
    while not told or len(told[-1].lines) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert told[-1].lines == ("asked for up --merge", "two", "red\\x07")
    assert told[-1].running
    assert not starter.start(merge=False), "never twice at once"
    go_on.touch()
    job = told.ended()
    assert (job.status, job.path, job.merged) == (0, "/where/it/is", True)
    assert Notes.named("cluster").read()[0] == {"schema": 1, "with": "practice"}
    told.clear()
    assert starter.start(merge=False), "again, once it has ended"
    told.ended()


def test_failure_is_reported_and_notes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, program(home / "cluster", "echo 'The port is taken.' >&2", "exit 1"))
    told = Told()
    Starter(told.append).start(merge=False)
    job = told.ended()
    assert (job.status, job.path, job.lines) == (1, "", ("The port is taken.",))
    assert Notes.named("cluster").read()[0] == {}


def test_much_output_is_cut(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, program(home / "cluster", "yes a line that is repeated | head -n 100000 >&2", "exit 1"))
    told = Told()
    Starter(told.append).start(merge=False)
    assert 0 < len(told.ended().lines) <= 60


def test_program_that_is_not_there_is_told_with_the_way_to_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, home / "no-such")
    with pytest.raises(GradingError) as caught:
        Starter(lambda _: None).start(merge=False)
    assert "no program" in caught.value.message
    assert str(can_start()[1]) == caught.value.message
