"""Starting the practice cluster from the browser: one background job, whose output can be followed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from app.services.folders import Notes
from app.services.practice_cluster import find_program
from graders.errors import GradingError
from graders.render.words import harmless

_LOOK = 0.15  # seconds between looks at what it has printed
_MOST = 64 * 1024  # bytes of output that are shown
_LINES = 60
_PRINTED, _TOLD = "printed", "told"
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Job:
    """One start, running or ended. `status` is its exit status, None while it runs; `path` the kubeconfig that it has written;
    `merged` that it was asked to add the cluster to the learner's own as well."""

    started_at: datetime
    merged: bool = False
    lines: tuple[str, ...] = ()
    status: int | None = None
    ended_at: datetime | None = None
    path: str = ""

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self.status is None


class Starter:
    """Starts the cluster, one start at a time. `told` is called from the job's thread whenever there is something new."""

    def __init__(self, told: Callable[[Job], None], arguments: tuple[str, ...] = ("up",)) -> None:
        self._told = told
        self._arguments = arguments
        self._lock = threading.Lock()
        self.job: Job | None = None

    def start(self, *, merge: bool) -> bool:
        """Begin; False when a start is under way. `merge` writes it into the learner's own kubeconfig as well.

        Raises GradingError where there is no such program, with the command that builds it.
        """
        with self._lock:
            if self.job is not None and self.job.running:
                return False
            program = find_program()
            # Files instead of pipes: the program goes on when the server is stopped meanwhile.
            folder = Path(tempfile.mkdtemp(prefix="practice-cluster-"))
            try:
                with (folder / _PRINTED).open("wb") as printed, (folder / _TOLD).open("wb") as told:
                    process = subprocess.Popen(  # noqa: S603 - our own program
                        (str(program), *self._arguments, *(["--merge"] if merge else [])),
                        stdin=subprocess.DEVNULL,
                        stdout=printed,
                        stderr=told,
                        start_new_session=True,
                    )
            except OSError as error:
                shutil.rmtree(folder, ignore_errors=True)
                raise GradingError(
                    f"{program} cannot be started: {error.strerror or error}.", help="Is it a program for this machine?"
                ) from error
            self.job = Job(datetime.now(UTC), merge)
        threading.Thread(target=self._follow, args=(process, folder), name="start-practice-cluster", daemon=True).start()
        return True

    def _follow(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        try:
            while (status := process.poll()) is None:
                self._note(lines=_lines(folder / _TOLD))
                time.sleep(_LOOK)
            lines, path = _lines(folder / _TOLD), ""
            if status == 0:
                path = _end_of(folder / _PRINTED).strip()
                try:
                    Notes.named("cluster").write({"schema": 1, "with": "practice"})  # for `course cluster down` to know
                except GradingError as error:
                    lines = (*lines, error.message)
            self._note(lines=lines, status=status, ended_at=datetime.now(UTC), path=path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _note(self, **changes: object) -> None:
        before = self.job
        assert before is not None
        now = replace(before, **changes)  # type: ignore[arg-type] # the names are those of Job
        if now != before:
            self.job = now
            self._told(now)


def can_start() -> tuple[Path | None, GradingError | None]:
    """The program; or why there is none, with the command that builds it."""
    try:
        return find_program(), None
    except GradingError as error:
        return None, error


def _lines(file: Path) -> tuple[str, ...]:
    """The last lines of what was printed, as a terminal would have them."""
    lines = (_COLOURS.sub("", line.rpartition("\r")[2]).rstrip() for line in _end_of(file).replace("\r\n", "\n").split("\n"))
    return tuple(harmless(line)[:500] for line in lines if line)[-_LINES:]


def _end_of(file: Path) -> str:
    with file.open("rb") as opened:
        opened.seek(max(file.stat().st_size - _MOST, 0))
        return opened.read(_MOST).decode(errors="replace")
