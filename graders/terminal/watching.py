"""Noticing that files have changed.

It asks the file system instead of being told by it: that needs no package, works on every platform, on network folders and for files that
an editor replaces by renaming. A look at the handful of files that a learner has takes a fraction of a millisecond; where there are so many
that it takes longer, the looks come further apart.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence

_EVERY = 0.05
_SHARE = 0.1  # of the time, at most, is spent looking
_GRACE = 0.2  # for a file that is gone or empty, as between an editor's two steps of saving
_PATIENCE = 1.0  # with files that never keep still
_SUFFIXES = (".yaml", ".yml", ".json")

State = dict[str, tuple[int, int, int, int]]


def state(paths: Sequence[str]) -> State:
    """Size, times and identity of each manifest at or below `paths`; what is not there (yet) is left out."""
    found: State = {}
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - as below
            for folder, folders, names in os.walk(path):
                folders[:] = [name for name in folders if not name.startswith(".")]
                for name in names:
                    if name.endswith(_SUFFIXES):
                        _note(found, os.path.join(folder, name))  # noqa: PTH118 - as below
        else:
            _note(found, path)
    return found


def _note(found: State, path: str) -> None:
    try:
        status = os.stat(path)  # noqa: PTH116 - called for every file at every look
    except (OSError, ValueError):
        return
    found[path] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def changes(
    look: Callable[[], State],
    seen: State,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[None]:
    """Yields each time that the files differ from `seen` and then from what they were at the last yield. Never ends.

    A change is told once two looks agree, so that a save is not read half-written; a file that vanished or became empty gets a little
    longer to come back.
    """
    pause = _EVERY
    while True:
        sleep(pause)
        started = clock()
        now = look()
        pause = max(_EVERY, (clock() - started) / _SHARE)
        if now == seen:
            continue
        noticed = clock()
        while clock() < noticed + _PATIENCE:
            sleep(pause)
            settled = look()
            if settled == now and (clock() >= noticed + _GRACE or not _interrupted(seen, settled)):
                break
            now = settled
        if now != seen:
            seen = now
            yield


def _interrupted(before: State, now: State) -> bool:
    """Whether it looks as if a save were under way."""
    return any(path not in now or (before[path][0] and not now[path][0]) for path in before)
