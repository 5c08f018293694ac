"""What `grade` left in the data folder -> attempts: each report once, and those that are none put aside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.db import session_of
from app.models import Attempt, Origin
from app.services import attempts
from app.services.feed import Feed
from app.services.report_shape import checked_report
from graders.errors import GradingError
from graders.terminal.journal import FOLDER

_log = logging.getLogger("course")

_EVERY = 0.25  # seconds between two looks
_AFTER_TROUBLE = 10.0
_AT_START = 2.0
_AT_ONCE = 100  # files in one transaction
_LARGEST = 1024 * 1024  # bytes; a report has some 10,000
_LONGEST_KEY = 64
_REFUSED = "refused"
_MOST_REFUSED = 100
_SETTLED = 0.1  # seconds after which a folder's time of change tells a later change apart, on every file system in use
_STALE = 3600  # seconds after which nobody is still writing a file


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A report that lies there; its key is the file's name, which nothing else has."""

    path: Path
    report: dict[str, Any]

    @property
    def key(self) -> str:
        return self.path.stem


class Journal:
    """The reports of one data folder. Several processes may look after the same one."""

    def __init__(self, data: Path, feed: Feed) -> None:
        self._folder = data / FOLDER
        self._feed = feed
        self._seen: int | None = None

    def has_news(self) -> bool:
        """Whether the folder has changed since it was emptied last. Takes a few microseconds."""
        try:
            return self._folder.stat().st_mtime_ns != self._seen
        except OSError:  # not there: nobody has graded in a terminal
            return False

    def take_in_all(self, engine: Engine, learner_id: int) -> int:
        """Append what lies there, and tell the feed; gives how many attempts that made. Blocks. Raises GradingError."""
        try:
            changed = self._folder.stat().st_mtime_ns
            paths = sorted(path for path in self._folder.iterdir() if path.suffix in (".json", ".tmp"))
        except OSError:
            return 0
        self._tidy(path for path in paths if path.suffix == ".tmp")
        files = [path for path in paths if path.suffix == ".json"]
        made: list[Attempt] = []
        for start in range(0, len(files), _AT_ONCE):
            made += self._take_in(engine, learner_id, files[start : start + _AT_ONCE])
        # What came within the same tick of the clock would not show.
        if time.time() - changed / 1e9 > _SETTLED:
            self._seen = changed
        self._tell(made)
        return len(made)

    @asynccontextmanager
    async def kept(self, engine: Engine, learner_id: int) -> AsyncIterator[None]:
        """Take in what lies there now, and while the block runs what comes."""
        first = asyncio.Event()
        task = asyncio.create_task(self._keep(engine, learner_id, first))
        try:
            # Years of grading without the app take longer than anybody waits for it to start.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(first.wait(), _AT_START)
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def refresh(self, engine: Engine, learner_id: int) -> bool:
        """Take in what is new, in a thread; says whether that could be done. Trouble is logged, and the files stay for the next time."""
        if not self.has_news():
            return True
        try:
            await anyio.to_thread.run_sync(self.take_in_all, engine, learner_id)
        except (GradingError, OSError) as error:
            _log.warning("what grade has left in %s cannot be taken in: %s", self._folder, str(error).splitlines()[0])
            return False
        return True

    async def _keep(self, engine: Engine, learner_id: int, first: asyncio.Event) -> None:
        while True:
            done = await self.refresh(engine, learner_id)
            first.set()
            await asyncio.sleep(_EVERY if done else _AFTER_TROUBLE)

    def _take_in(self, engine: Engine, learner_id: int, files: Iterable[Path]) -> list[Attempt]:
        waiting = list(self._read(files))
        made: list[Attempt] = []
        if waiting:
            with session_of(engine, writes=True) as session:
                for each in waiting:
                    attempt = None if _says_nothing_new(session, learner_id, each.report) else _append(session, learner_id, each)
                    made += [attempt] if attempt else []
        for each in waiting:  # they are confirmed now
            with contextlib.suppress(OSError):
                each.path.unlink()
        return made

    def _read(self, files: Iterable[Path]) -> Iterator[_Waiting]:
        for path in files:
            try:
                if path.is_symlink() or path.stat().st_size > _LARGEST or len(path.stem) > _LONGEST_KEY:
                    raise ValueError("no file of grade's")
                yield _Waiting(path, checked_report(json.loads(path.read_bytes())))
            except FileNotFoundError:  # another process was quicker
                continue
            except (ValueError, RecursionError, OSError) as error:
                self._refuse(path, error)

    def _refuse(self, path: Path, error: Exception) -> None:
        _log.warning("%s is no report of grade's, and is put aside: %s", path, error)
        aside = self._folder / _REFUSED
        with contextlib.suppress(OSError):
            aside.mkdir(exist_ok=True)
            path.replace(aside / path.name)
            for oldest in sorted(aside.iterdir())[:-_MOST_REFUSED]:
                oldest.unlink()

    def _tidy(self, unfinished: Iterable[Path]) -> None:
        """Remove what a run that was killed has left."""
        for path in unfinished:
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE:
                    path.unlink()

    def _tell(self, made: Iterable[Attempt]) -> None:
        by_lesson: dict[str, list[Attempt]] = {}
        for attempt in made:
            by_lesson.setdefault(attempt.lesson_id, []).append(attempt)
        for several in by_lesson.values():
            self._feed.publish_attempts(several[-1].learner_id, {**attempts.told(several[-1]), "count": len(several)})


def _append(session: Session, learner_id: int, waiting: _Waiting) -> Attempt | None:
    return attempts.take_in(session, learner_id, waiting.report, Origin.TERMINAL, key=waiting.key)


def _says_nothing_new(session: Session, learner_id: int, report: dict[str, Any]) -> bool:
    """Whether the attempt before, on the same kind of source, has the same statuses."""
    before = session.exec(
        select(Attempt)
        .where(
            Attempt.learner_id == learner_id,
            Attempt.lesson_id == report["lesson"],
            Attempt.source == report["source"]["kind"],
            col(Attempt.checked_at) <= datetime.fromisoformat(report["graded_at"]),
        )
        .order_by(col(Attempt.checked_at).desc(), col(Attempt.id).desc())
        .limit(1)
    ).first()
    return before is not None and attempts.statuses(before.report) == attempts.statuses(report)
