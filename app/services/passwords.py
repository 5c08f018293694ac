"""Passwords: which are good enough, and their hashes.

The rules are those of NIST SP 800-63B, 3.1.1.2: length counts, what attackers try first is refused, and nobody is told which kinds of
characters to use or when to choose another one. Hashing takes processors and memory on purpose, so it has threads of its own, never the
event loop.
"""

from __future__ import annotations

import asyncio
import os
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Final, TypeVar

from argon2 import Parameters, PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

from app.errors import TooOften

T = TypeVar("T")

SHORTEST: Final = 12
LONGEST: Final = 128
"""Characters, counted after normalization."""
_READ: Final = 4 * LONGEST  # of what is typed, before normalization: that makes some characters one, and some many
# OWASP's second choice for argon2id, for a server where a whole class signs in within a minute: 19 MiB and 25 ms of one core each.
# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
_PARAMETERS: Final = Parameters(Type.ID, ARGON2_VERSION, salt_len=16, hash_len=32, time_cost=2, memory_cost=19 * 1024, parallelism=1)
_HASHER: Final = PasswordHasher.from_parameters(_PARAMETERS)
# A hash of no password, to compare with where there is none, so that nobody can tell by the time it takes.
_NOBODYS: Final = (
    f"$argon2id$v={ARGON2_VERSION}$m={_PARAMETERS.memory_cost},t={_PARAMETERS.time_cost},p={_PARAMETERS.parallelism}${'A' * 22}${'A' * 43}"
)
# One core is left for everybody who is in already.
_THREADS: Final = ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1), "passwords")
_MOST_WAITING: Final = 200
_EASY: Final = 10**8  # so many guesses are a matter of minutes for whoever has the hashes, and of patience for who has not
_BESIDE: Final = 6  # characters that it must have beside its owner's name and address
_JUDGED: Final = 64  # characters: what is long and hard so far stays hard
_OURS: Final = ("kubernetes", "kubectl", "course", "lesson", "rag-engine", "password", "passphrase")
_PIECES: Final = re.compile(r"[^\W_]{3,}")
_judging = Lock()  # the library keeps the words of one judgement in a variable of its module
_waiting = 0


def normalized(password: str) -> str:
    """The same characters, however a keyboard composes them (NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password[:_READ])


async def wrong_with(password: str, *, email: str, name: str) -> str | None:
    """What is wrong with a password that somebody wants to have, in a sentence; None when it will do."""
    chosen = normalized(password)
    if len(chosen) < SHORTEST:
        has = f"{len(chosen)} character{'' if len(chosen) == 1 else 's'}"
        return f"The password has {has}; at least {SHORTEST} are needed. A sentence that nobody else knows is a good one."
    if len(password) > _READ or len(chosen) > LONGEST:
        return f"The password is longer than {LONGEST} characters."
    if await _in_thread(partial(_is_easy, chosen, email, name)):
        return (
            "That password is among those that are tried first: one that many people use, a row of keys, your own name or address, or close"
            " to one of these. Take four words that have nothing to do with each other, or let a password manager make one."
        )
    return None


async def hashed(password: str) -> str:
    """What is stored of a password. Raises TooOften when too many wait for theirs."""
    return await _in_thread(partial(_HASHER.hash, normalized(password)))


async def matches(password: str, stored: str | None) -> bool:
    """Whether it is the password of which `stored` is kept. Takes as long when there is none. Raises TooOften as `hashed` does."""
    return await _in_thread(partial(_matches, password, stored))


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other parameters than are right today."""
    return _HASHER.check_needs_rehash(stored)


def _matches(password: str, stored: str | None) -> bool:
    try:
        _HASHER.verify(stored or _NOBODYS, normalized(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None and len(password) <= _READ


def _is_easy(chosen: str, email: str, name: str) -> bool:
    from zxcvbn import zxcvbn

    own = sorted({email, name, *_PIECES.findall(f"{email} {name}")}, key=len, reverse=True)
    beside = chosen.casefold()
    for word in filter(None, own):
        beside = beside.replace(word.casefold(), "")
    if len(beside) < min(_BESIDE, len(chosen)):
        return True
    with _judging:
        told = zxcvbn(chosen[:_JUDGED], [word.lower() for word in (*own, *_OURS) if word], max_length=_JUDGED)
    return bool(told["guesses"] < _EASY)


async def _in_thread(do: partial[T]) -> T:
    global _waiting
    if _waiting >= _MOST_WAITING:
        raise TooOften("Very many people are signing in at this moment.", seconds=5, help="Try again in some seconds.")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, do)
    finally:
        _waiting -= 1
