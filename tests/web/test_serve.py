"""`course serve` as the process that a learner starts."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.cli import main

PROMPT = re.compile(r"The course is at (http://127\.0\.0\.1:\d+)/")


class Served:
    """A running `course serve`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        first = process.stdout.readline()
        found = PROMPT.search(first)
        assert found is not None, first + (process.communicate()[1] if process.poll() is not None else "")
        self.address = found[1]

    def get(self, path: str = "/", patience: float = 15) -> str:
        """A page, as soon as the server answers."""
        deadline = time.monotonic() + patience
        while True:
            try:
                with urllib.request.urlopen(self.address + path, timeout=patience) as answer:
                    return str(answer.read().decode())
            except urllib.error.URLError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def stop(self, how: int = signal.SIGINT) -> tuple[int, str]:
        """End it; gives its exit status and what it said on stderr."""
        self.process.send_signal(how)
        _, trouble = self.process.communicate(timeout=15)
        return self.process.returncode, trouble


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, home: Path = tmp_path) -> Served:
        environment = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": "", "KUBECONFIG": str(home / "none"), "PYTHONUNBUFFERED": "1"}
        line = [sys.executable, "-m", "app", "serve", "--no-browser", *options]
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        return Served(process)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_serves_from_an_empty_home_and_ends_quietly(serve: Any, tmp_path: Path) -> None:
    served = serve("--port", "0")
    assert "from zero to production" in served.get()
    assert served.get("/readyz") == "ok\n"
    status, trouble = served.stop()
    assert (status, trouble) == (0, "")
    assert (tmp_path / ".local/share/kubernetes-course/course.db").is_file()


def test_two_of_them_use_one_database_on_two_ports(serve: Any) -> None:
    one, other = serve("--port", "0"), serve("--port", "0")
    assert one.address != other.address
    assert "Begin here" in one.get()
    assert "Begin here" in other.get()
    assert one.stop(signal.SIGTERM)[0] in (0, -signal.SIGTERM)
    assert "Begin here" in other.get()


def test_it_listens_to_this_machine_alone(serve: Any) -> None:
    served = serve("--port", "0")
    served.get()
    port = int(served.address.rpartition(":")[2])
    with socket.socket() as elsewhere:
        elsewhere.settimeout(2)
        assert elsewhere.connect_ex((_own_address(), port)) != 0


def _own_address() -> str:
    """An address of this machine that is not 127.0.0.1: whatever it would speak to others from, else another of its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            found = str(probe.getsockname()[0])
        except OSError:
            found = ""
    return found if found and found != "127.0.0.1" else "127.0.0.2"


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        assert main(["serve", "--port", port, "--no-browser", "--data", str(tmp_path)]) == 3
    said = capsys.readouterr().err
    assert f"Port {port} of 127.0.0.1 cannot be used" in said
    assert "--port" in said


@pytest.mark.parametrize("port", ["x", "-1", "70000", "8.5"])
def test_what_is_no_port_is_told(capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert main(["serve", "--port", port]) == 2
    assert "ports are numbers from 1 to 65535" in capsys.readouterr().err


def test_a_folder_that_cannot_be_used_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["serve", "--port", "0", "--no-browser", "--data", str(tmp_path / "file")]) == 3
    said = capsys.readouterr().err
    assert "cannot be used" in said
    assert "--data DIR" in said
