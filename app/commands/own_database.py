"""The database of the learner whose machine this is, for commands that need no server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from app.config import Settings
from app.db import open_database, session_of, unusable
from app.models import Learner


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
    except SQLAlchemyError as error:
        raise unusable(engine, error) from error
    finally:
        engine.dispose()


def only_learner(session: Session) -> int:
    """The id of the only learner, who is made when there is none."""
    learner = session.exec(select(Learner).order_by(col(Learner.id))).first()
    if learner is None:
        learner = Learner()
        session.add(learner)
        session.flush()
    assert learner.id is not None
    return learner.id
