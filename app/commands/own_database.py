"""The database of the learner whose machine this is, for commands that need no server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlmodel import Session

from app.config import Settings
from app.db import open_database, session_of
from app.services.learners import only_learner


@contextmanager
def opened(data: str | None, *, writes: bool) -> Iterator[tuple[Session, int]]:
    """A transaction, and the learner's id; `data` is the folder when it is not the user's own. Raises GradingError."""
    settings = Settings.local(Path(data).expanduser().absolute() if data else None)
    engine = open_database(settings.database_url)
    try:
        with session_of(engine, writes=True) as session:
            learner_id = only_learner(session)
        with session_of(engine, writes=writes) as session:
            yield session, learner_id
    finally:
        engine.dispose()
