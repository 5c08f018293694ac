"""What was to be handed in and is not confirmed yet: a file each, whole or not at all, for the user's own eyes.

A submission is put here before it is sent, and taken away once the server has confirmed it, so that neither a broken connection nor a
broken run loses it. Its key makes it the same submission however often it is sent.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graders.folders import data_folder
from graders.terminal.account import Account, write_private
from graders.wire import MOST_BYTES, Json

FOLDER = "outbox"
MOST = 200
_REFUSED = "refused"
_MOST_REFUSED = 50
_STALE = 3600  # seconds after which nobody is still writing a file


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission that lies there: for which server and account, and what is sent."""

    path: Path
    url: str
    email: str
    body: Json

    def is_of(self, account: Account) -> bool:
        """Whether that account has graded it: nobody else hands it in."""
        return (self.url, self.email) == (account.url, account.email)

    @property
    def lessons(self) -> str:
        """`lesson-7`, or `16 lessons`."""
        lessons = self.body["lessons"]
        return str(lessons[0]) if len(lessons) == 1 else f"{len(lessons)} lessons"


def put(account: Account, body: Json) -> tuple[Waiting, list[str]]:
    """Keep a submission; gives it, and what was dropped to make room. Raises OSError, GradingError."""
    folder = _folder()
    path = folder / f"{time.time_ns():020}-{body['key']}.json"
    waiting = Waiting(path, account.url, account.email, body)
    write_private(path, json.dumps({"url": account.url, "email": account.email, "body": body}, separators=(",", ":")).encode("ascii"))
    names = _names(folder)
    dropped = []
    for name in names[: max(len(names) - MOST, 0)]:
        oldest = _read(folder / name)
        (folder / name).unlink(missing_ok=True)
        dropped.append(f"{oldest.lessons} of {_day(oldest)}" if oldest else name)
    return waiting, dropped


def waiting() -> Iterator[Waiting]:
    """What lies there, the oldest first. What cannot be read is passed over, and put aside when it is none of ours."""
    folder = _folder()
    for name in _names(folder):
        held = _read(folder / name)
        if held is not None:
            yield held


def confirm(done: Waiting) -> None:
    """The server has it."""
    done.path.unlink(missing_ok=True)


def refuse(refused: Waiting, reason: str) -> Path:
    """The server will never take it: put it aside, with the reason. Gives where it lies then."""
    aside = refused.path.parent / _REFUSED
    path = aside / refused.path.name
    with suppress(OSError):
        content = {"refused": reason, "url": refused.url, "email": refused.email, "body": refused.body}
        write_private(path, json.dumps(content, separators=(",", ":")).encode("ascii"))
        refused.path.unlink(missing_ok=True)
        for oldest in _names(aside)[:-_MOST_REFUSED]:
            (aside / oldest).unlink(missing_ok=True)
    return path


def _folder() -> Path:
    return data_folder() / FOLDER


def _names(folder: Path) -> list[str]:
    """The files of submissions, the oldest first. What a run that was killed has left unfinished is removed after a while."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return []
    for name in names:
        if name.endswith(".tmp"):
            with suppress(OSError):
                if time.time() - (folder / name).stat().st_mtime > _STALE:
                    (folder / name).unlink()
    return [name for name in names if name.endswith(".json")]


def _read(path: Path) -> Waiting | None:
    try:
        if path.stat().st_size > 2 * MOST_BYTES:
            raise ValueError("none of ours")
        held: Any = json.loads(path.read_bytes())
        body = held["body"]
        if (
            not all(isinstance(held[name], str) for name in ("url", "email"))
            or not isinstance(body["lessons"], list)
            or not body["lessons"]
        ):
            raise ValueError("none of ours")
        if not isinstance(body["key"], str) or not isinstance(body["snapshot"]["taken_at"], str):
            raise ValueError("none of ours")
        return Waiting(path, held["url"], held["email"], body)
    except OSError:  # another run has sent it meanwhile
        return None
    except (ValueError, KeyError, TypeError, RecursionError):
        with suppress(OSError):
            path.replace(path.with_suffix(".broken"))
        return None


def _day(waiting: Waiting) -> str:
    return str(waiting.body["snapshot"]["taken_at"])[:10]
