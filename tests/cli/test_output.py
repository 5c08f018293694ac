"""Standard output and standard error as real processes see them: pipes, terminals, encodings, full disks."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import GOOD, HALF, environment, finished, start

COLOUR = re.compile("\033\\[[0-9;]*m")


def on_terminal(*argv: str, columns: int = 100, variables: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Exit status of `grade`, and what it shows on a terminal of so many columns."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    process = start(argv, stdin=terminal, stdout=terminal, env=environment(**{"TERM": "xterm", **(variables or {})}))
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(controller, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(controller)
    finished(process)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def test_terminal_gets_colours_and_its_own_width(half: Path) -> None:
    status, shown = on_terminal("1", "-f", str(half), columns=100)
    assert status == 1
    assert "\033[31m✗\033[0m \033[31mfailed\033[0m" in shown
    _, narrow = on_terminal("1", "-f", str(half), columns=44)
    assert "failed: It is labelled" in COLOUR.sub("", narrow)
    assert len(narrow.splitlines()) > len(shown.splitlines())
    wide = max(len(COLOUR.sub("", line)) for line in on_terminal("1", "--explain", "namespace-exists", columns=300)[1].splitlines())
    assert 80 < wide <= 110


@pytest.mark.parametrize(
    ("argv", "variables"),
    [
        pytest.param((), {"NO_COLOR": "1"}, id="NO_COLOR"),
        pytest.param((), {"TERM": "dumb"}, id="dumb-terminal"),
        pytest.param(("--no-color",), {}, id="no-color"),
        pytest.param(("--no-colour",), {}, id="no-colour"),
    ],
)
def test_colour_can_be_declined(half: Path, argv: tuple[str, ...], variables: dict[str, str]) -> None:
    status, shown = on_terminal("1", "-f", str(half), *argv, variables=variables)
    assert status == 1
    assert "✗ failed" in shown
    assert "\033" not in shown


def test_empty_no_color_declines_nothing(half: Path) -> None:
    assert "\033[31m" in on_terminal("1", "-f", str(half), variables={"NO_COLOR": ""})[1]


def test_formats_for_programs_have_no_colour_on_a_terminal(half: Path) -> None:
    assert "\033" not in on_terminal("1", "-f", str(half), "--format", "json")[1]


def test_stdin_on_a_terminal_is_announced() -> None:
    controller, terminal = pty.openpty()
    process = start(["1", "-f", "-"], stdin=terminal)
    os.close(terminal)
    os.write(controller, GOOD.encode() + b"\x04")
    ran = finished(process)
    os.close(controller)
    assert ran.status == 0
    assert ran.err.startswith("Reading standard input; Ctrl-D on an empty line ends it.")


def test_standard_input_of_a_process() -> None:
    assert finished(start(["1", "-f", "-"], stdin=subprocess.PIPE), GOOD.encode()).status == 0
    assert finished(start(["1", "-f", "-"], stdin=subprocess.PIPE), HALF.encode()).status == 1
    assert finished(start(["1", "-f", "-"], stdin=subprocess.PIPE), b"").status == 2


@pytest.mark.parametrize("argv", [(), ("--format", "json")], ids=["text", "json"])
def test_reader_that_leaves_early_hears_nothing_and_the_status_stays(half: Path, argv: tuple[str, ...]) -> None:
    process = start(["1", "-f", str(half), *argv])
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    ran = finished(process)
    assert (ran.status, ran.err) == (1, "Read 1 file, namespace rag-engine\n")


def test_nobody_reads_anything(half: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start(["1", "-f", str(half)], stdout=write, stderr=write)
    os.close(write)
    assert finished(process).status == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"], ids=str)
def test_closed_streams_change_no_status(half: Path, closed: str) -> None:
    command = f"'{sys.executable}' -m graders 1 -f '{half}' {closed}"
    ran = subprocess.run(["sh", "-c", command], env=environment(), capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("argv", [(), ("--format", "json")], ids=["text", "json"])
def test_full_disk_is_said(half: Path, argv: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = finished(start(["1", "-f", str(half), *argv], stdout=full))
    assert ran.status == 3
    assert ran.err.splitlines()[1] == "The report could not be written: No space left on device."
    assert "Traceback" not in ran.err


def test_ascii_terminal_gets_other_marks(half: Path) -> None:
    ran = finished(start(["1", "-f", str(half)], env=environment(PYTHONIOENCODING="ascii")))
    assert ran.status == 1
    assert ran.out.isascii()
    assert "x failed" in ran.out
    assert "+ passed" in ran.out


def test_json_is_utf8_in_any_locale(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(GOOD.replace("production", "größe"), encoding="utf-8")
    for encoding in ("ascii", "latin-1", "utf-8"):
        process = start(["1", "-f", str(path), "--format", "json"], env=environment(PYTHONIOENCODING=encoding))
        out, _ = process.communicate(timeout=60)
        assert "größe" in json.loads(out)["objectives"][1]["evidence"]["found"]


def test_interrupt_ends_a_watch_with_130_and_no_traceback(half: Path) -> None:
    process = start(["1", "-f", str(half), "--watch"])
    assert process.stderr is not None
    seen = b""
    while b"Watching" not in seen:
        seen += process.stderr.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    ran = finished(process)
    assert ran.status == 130
    assert "Traceback" not in ran.err
