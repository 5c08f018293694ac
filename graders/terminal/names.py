"""What a learner types, and what is meant: lessons, objectives, durations; with the nearest name for a slip."""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterable

from graders.errors import UsageError
from graders.lessons import LESSONS, Entry

ALL = "all"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|h|m|s))+")
_PART = re.compile(r"([0-9.]+)(ms|h|m|s)")
_LONGEST = 24 * 3600.0
_SEE = "See them all: grade --list"


def nearest(word: str, names: Iterable[str]) -> str:
    """` Did you mean X?`, to follow a sentence; empty when no name is close."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), list(names), n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def looks_like_path(word: str) -> bool:
    """Whether a word that stands where none is expected is a file or folder, rather than a name."""
    return word.endswith((".yaml", ".yml", ".json", "/")) or word in (".", "..") or os.path.exists(word)  # noqa: PTH110 - Path raises on a word too long for a name


def find_lesson(word: str) -> Entry:
    """The lesson that a word names: its id, its number, one of its names, or the beginning of exactly one. Raises UsageError."""
    wanted = word.strip().lower().replace("_", "-").replace(" ", "-")
    number = re.fullmatch(r"(?:lesson-?)?0*([0-9]+)", wanted)
    if number:
        wanted = f"lesson-{number[1]}"
    for entry in LESSONS:
        if wanted in (entry.id, *entry.names):
            return entry
    begun = [entry for entry in LESSONS if wanted and any(name.startswith(wanted) for name in _names(entry))]
    if len(begun) == 1:
        return begun[0]
    if begun and not number:
        *others, last = (f"{entry.id} ({entry.names[0]})" for entry in begun)
        raise UsageError(f"`{word}` could be {', '.join(others)} or {last}.", help="Type a few more letters, or the id.")
    if number:
        raise UsageError(f"There is no lesson {number[1]}; they run from {LESSONS[0].id} to {LESSONS[-1].id}.", help=_SEE)
    if looks_like_path(word):
        raise UsageError(f"`{word}` is no lesson.", help=f"To grade a file or folder, name a lesson too: grade {LESSONS[1].id} -f {word}")
    close = nearest(wanted, [*(name for entry in LESSONS for name in (entry.id, *entry.names)), ALL])
    raise UsageError(f"There is no lesson `{word}`.{close}", help=_SEE)


def _names(entry: Entry) -> tuple[str, ...]:
    return (*entry.names, entry.title.lower().replace(" ", "-"))


def is_course(word: str) -> bool:
    """Whether it names all lessons."""
    return word.strip().lower() == ALL


def find_lessons(word: str) -> tuple[Entry, ...]:
    """The lessons that a word names, all of them for `all`. Raises UsageError."""
    return LESSONS if is_course(word) else (find_lesson(word),)


def duration(text: str) -> float:
    """Seconds: `10s`, `1m30s`, `500ms`, or a plain number of seconds. Raises UsageError."""
    word = text.strip().lower()
    if _PLAIN.fullmatch(word):
        seconds = float(word)
    elif _DURATION.fullmatch(word):
        seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(word))
    else:
        raise UsageError(f"`{text}` is no duration.", help="Write for example 10s, 1m30s, 500ms, or a number of seconds.")
    if not 0 < seconds <= _LONGEST:
        raise UsageError(f"`{text}` is out of range.", help="A duration is longer than nothing and no longer than 24h.")
    return seconds
