"""Which variant of each broken workload somebody gets: a pure function of a number, so that it can be repeated anywhere."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence

LARGEST = 999_999
_TRIES = 1_000


def choose(variants: Mapping[str, Sequence[str]], seed: int) -> dict[str, str]:
    """One variant for each objective, the same for the same seed on every platform and whatever other objectives there are.

    `variants` are the names of those that each objective has; objectives without any are left out.
    """
    return {objective: sorted(names)[_draw(seed, objective, len(names))] for objective, names in variants.items() if names}


def _draw(seed: int, objective: str, count: int) -> int:
    digest = hashlib.sha256(f"{seed}/{objective}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % count


def new_seed(variants: Mapping[str, Sequence[str]], before: int | None = None) -> int:
    """A random seed; one that changes a variant where `before` is the last one and there is more than one to choose from."""
    last = choose(variants, before) if before is not None else None
    seed = secrets.randbelow(LARGEST + 1)
    for _ in range(_TRIES):
        if last is None or choose(variants, seed) != last:
            break
        seed = secrets.randbelow(LARGEST + 1)
    return seed
