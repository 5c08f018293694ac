"""Submissions for tests: what `grade --submit` would send, made without a terminal."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from graders.snapshot import Snapshot
from graders.sources.manifests import read_texts
from graders.wire import Json, digest, kinds_of, to_wire
from tests.cases import lessons

CLIENT = "0.1.0"
GOOD = """\
apiVersion: v1
kind: Namespace
metadata:
  name: rag-engine
  labels:
    environment: production
    app: rag-engine
"""


def snapshot_of(text: str, *, taken_at: datetime | None = None, namespace: str = "rag-engine") -> Snapshot:
    """The snapshot of one file, taken now unless told otherwise."""
    return read_texts([("work.yaml", text.encode())], namespace=namespace, taken_at=taken_at or datetime.now(UTC))


def submission(
    snapshot: Snapshot, *ids: str, key: str = "", cluster: str = "", client: str = CLIENT, more: dict[str, Any] | None = None
) -> Json:
    """What is sent of a snapshot for these lessons; `more` are fields that are put in before the digest is taken."""
    wanted = [lesson for lesson in lessons() if lesson.id in ids]
    data: Json = {
        "schema": 1,
        "lessons": list(ids),
        "client": client,
        "cluster": cluster,
        "snapshot": to_wire(snapshot, kinds_of(wanted, live=snapshot.is_live)),
        **(more or {}),
    }
    return sealed(data, key)


def sealed(data: Json, key: str = "") -> Json:
    """The same with its digest, and a key of its own unless one is given."""
    rest = {name: value for name, value in data.items() if name not in ("key", "digest")}
    return {**rest, "key": key or uuid.uuid4().hex, "digest": digest(rest)}


def changed(data: Json, path: Sequence[str | int], value: Any) -> Json:
    """A submission in which one place is another value, its digest as if it had always been so."""
    import copy

    new = copy.deepcopy(data)
    place: Any = new
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return sealed(new, new["key"])
