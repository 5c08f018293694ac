"""`course serve --classroom` as the processes that run it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.web.classroom import KEY
from tests.web.conftest import free_port


class Replica:
    """One process, whose lines are read as they come."""

    def __init__(self, folder: Path, database_url: str, *, port: int | None = None, environ: Mapping[str, str] | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "DATABASE_"))},
            "COURSE_URL": self.url,
            "COURSE_SECRET": KEY,
            "DATABASE_URL": database_url,
            "PYTHONUNBUFFERED": "1",
            "XDG_DATA_HOME": str(folder / "share"),
            **(environ or {}),
        }
        line = [sys.executable, "-m", "app", "serve", "--classroom", "--port", str(self.port), "--data", str(folder / "data")]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        self.said: list[str] = []
        self.logged: list[dict[str, Any]] = []
        self.trouble: list[str] = []
        self._readers = [threading.Thread(target=read, daemon=True) for read in (self._read_said, self._read_logged)]
        for reader in self._readers:
            reader.start()

    def _read_said(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(self.process.stdout)

    def _read_logged(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.logged.append(json.loads(line))
            except ValueError:
                self.trouble.append(line)

    def status(self, path: str, *, headers: Mapping[str, str] | None = None) -> int:
        """The status of an answer; 0 when there is none."""
        request = urllib.request.Request(self.url + path, headers=dict(headers or {}))
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_ready(self) -> Replica:
        """Until it answers."""
        eventually(lambda: self.status("/readyz") == 200 or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.trouble
        return self

    def stop(self, how: int = signal.SIGTERM, patience: float = 30) -> int:
        """End it; gives its exit status."""
        self.process.send_signal(how)
        status = self.process.wait(timeout=patience)
        for reader in self._readers:
            reader.join(timeout=5)
        return status

    def kill(self) -> None:
        """Make sure that it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait(timeout=10)
        for reader in self._readers:
            reader.join(timeout=5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def eventually(holds: Callable[[], Any], patience: float = 20) -> float:
    """Wait until it holds; gives how long that took, in seconds."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < patience, "it never came to hold"
        time.sleep(0.02)
    return time.monotonic() - begun


@contextlib.contextmanager
def replicas() -> Iterator[Callable[..., Replica]]:
    """What starts them; at the end of the block all are gone."""
    started: list[Replica] = []

    def start(*arguments: Any, **options: Any) -> Replica:
        started.append(Replica(*arguments, **options))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.kill()
