"""Help on the fields of Kubernetes' kinds, for completion and for pop-ups: read from app/schemas/help.json, given out by kind.

tools/build_schema_help.py makes that file. A type has for each of its fields what it holds (`[]X` is a list of X, `{}X` a map to X, a name
with a dot another type), what it means in a sentence, and its default where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).resolve().parent.parent / "schemas" / "help.json"


@cache
def _read() -> Mapping[str, Any]:
    data: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return data


def kinds() -> dict[str, list[str]]:
    """The kinds that there is help for, by API version."""
    return {version: sorted(served) for version, served in _read()["kinds"].items()}


@lru_cache(maxsize=128)
def of_kind(api_version: str, kind: str) -> bytes | None:
    """The types of one kind as JSON, `{"root": NAME, "types": {NAME: {FIELD: [HOLDS, MEANING, DEFAULT?]}}}`; None when there is none."""
    root = _read()["kinds"].get(api_version, {}).get(kind)
    if root is None:
        return None
    types = _read()["types"]
    reached: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = types[name]
            waiting += [held for held in (field[0].lstrip("[]{}") for field in types[name].values()) if held in types]
    return json.dumps({"root": root, "types": reached}, ensure_ascii=False, separators=(",", ":")).encode()
