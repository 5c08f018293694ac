"""The database of a classroom, for commands that are typed on its server, with the server's own settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from sqlmodel import Session

from app.commands.arguments import CourseParser
from app.config import Settings
from app.db import open_database, session_of
from app.services.audit import Actor

ON_THE_SERVER: Final = Actor(None, "course on the server")
"""Who does what is typed there, in the audit trail."""


class Opened(NamedTuple):
    """A transaction on the database, and the settings that it was found with."""

    session: Session
    settings: Settings


def data_option(parser: CourseParser) -> None:
    """Where a classroom on SQLite keeps its data."""
    parser.add_argument("--data", metavar="DIR", help="the data folder of a server without DATABASE_URL, when it is not the user's own")


@contextmanager
def opened(data: str | None, *, writes: bool) -> Iterator[Opened]:
    """A transaction, committed when the block ends well. Raises GradingError for missing settings, or an unusable database."""
    settings = Settings.for_classroom(os.environ, Path(data).expanduser().absolute() if data else None)
    engine = open_database(settings.database_url)
    try:
        with session_of(engine, writes=writes) as session:
            yield Opened(session, settings)
    finally:
        engine.dispose()
