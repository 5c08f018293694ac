"""What `grade` found, left in the user's data folder for the web app, which takes it into the learner's progress.

One file for each lesson: its JSON report, schema 1, as redacted as what is printed. The name tells time, lesson, source and a digest of the
statuses, so that nothing has to be read to see that nothing is new. Grading comes first: whatever keeps this from working is no concern of
somebody who grades.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from graders.errors import GradingError
from graders.folders import chosen, data_folder
from graders.report import Report
from graders.terminal.names import is_course
from graders.terminal.output import say
from graders.verdict import Status

FOLDER = "reports"
MOST = 2_000
"""So many files lie there at most: the web app takes them away, but it may never be started."""

_JUDGED = (Status.PASSED, Status.FAILED)
_NO = ("", "0", "false", "no")


class Journal:
    """The notes of one run."""

    def __init__(self, options: Namespace) -> None:
        self._options = options
        self._noted: dict[str, dict[str, Status]] = {}

    def note(self, reports: Sequence[Report]) -> None:
        """Leave those of the reports that tell something: of a lesson that was judged, and not as this run noted it last."""
        if self._options.no_record or os.environ.get("CI", "").lower() not in _NO:
            return
        news = [report for report in reports if self._is_news(report)]
        try:
            if news:
                _leave(news)
        except (OSError, GradingError) as error:
            if os.environ.get("GRADE_DEBUG"):
                say(f"Not recorded: {error}")

    def _is_news(self, report: Report) -> bool:
        judged = {result.objective.id: result.status for result in report.results if result.status in _JUDGED}
        # A lesson of `all` in which nothing passes is one that nobody has begun: its files may not be among those that were given.
        if not judged or (is_course(self._options.lesson) and Status.PASSED not in judged.values()):
            return False
        before = self._noted.get(report.lesson_id)
        # What is pending or unknown for a while leaves things as they were, or a rolling update would be many attempts.
        now = {**(before or {}), **judged}
        self._noted[report.lesson_id] = now
        return now != before


class _Name(NamedTuple):
    """What the name of a file tells."""

    time: str
    lesson: str
    kind: str
    digest: str
    letters: str

    @classmethod
    def of(cls, report: Report) -> _Name:
        statuses = ",".join(f"{result.objective.id}={result.status}" for result in report.results)
        time = f"{report.graded_at:%Y%m%dT%H%M%S%f}"
        return cls(time, report.lesson_id.replace("-", ""), report.source.kind, f"{crc32(statuses.encode()):08x}", os.urandom(4).hex())

    @property
    def file(self) -> str:
        """`20261124T225601123456-lesson7-cluster-1f2e3d4c-00112233.json`."""
        return "-".join(self) + ".json"


def _leave(reports: Iterable[Report]) -> None:
    """Write the reports, but for what lies there already. Raises OSError, GradingError."""
    folder = _folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = sorted(name for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208 - in 5 ms there is no time for 2,000 Paths
    last = {tuple(parts[1:3]): parts[3] for name in there if len(parts := name.split("-")) == len(_Name._fields)}
    for report in reports:
        name = _Name.of(report)
        if last.get((name.lesson, name.kind)) != name.digest:
            _write(folder, name.file, report)
            there.append(name.file)
    for oldest in there[: max(len(there) - MOST, 0)]:
        (folder / oldest).unlink(missing_ok=True)


def _folder() -> Path:
    folder = data_folder() / FOLDER
    # A home that is not there would be made, where the user is root.
    if not chosen() and not Path.home().is_dir():
        raise FileNotFoundError(f"{Path.home()}, the home folder, is not there")
    return folder


def _write(folder: Path, name: str, report: Report) -> None:
    """Whole or not at all: a file that is being written has another name."""
    import json

    from graders.render.json import report_data

    text = json.dumps(report_data(report), ensure_ascii=False, separators=(",", ":"))
    unfinished = folder / f"{name}.tmp"
    try:
        # What YAML may hold and UTF-8 cannot becomes a question mark.
        unfinished.write_bytes(text.encode("utf-8", "replace"))
        unfinished.replace(folder / name)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
