"""The database: its engine, its sessions and its schema, brought up to date by the migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import Session, create_engine

from graders.errors import GradingError

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_PATIENCE = 10  # seconds that one process waits for another's transaction
_WRITES = "course_writes"


def open_database(url: str) -> Engine:
    """The engine for a database, with the newest schema. Raises GradingError when it cannot be used."""
    engine = _engine(url)
    try:
        _migrate(url)
    except CommandError as error:
        engine.dispose()
        raise GradingError(
            f"The course's database, {_place(engine)}, was made by a newer version of the course.",
            help="Update the course, or name another folder with --data DIR.",
        ) from error
    except (SQLAlchemyError, OSError) as error:
        engine.dispose()
        raise unusable(engine, error) from error
    return engine


@contextmanager
def session_of(engine: Engine, *, writes: bool) -> Iterator[Session]:
    """A session that is one transaction, committed when the block ends well. With `writes` SQLite locks at once: a lock that is only
    asked for in the middle of a transaction cannot be waited for. Raises GradingError when the database cannot be used."""
    try:
        with Session(engine, expire_on_commit=False) as session:
            session.connection(execution_options={_WRITES: writes})
            yield session
            session.commit()
    except SQLAlchemyError as error:
        raise unusable(engine, error) from error


def unusable(engine: Engine, error: Exception) -> GradingError:
    """What is wrong with the database, in a sentence that names it without a password."""
    cause = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]
    return GradingError(
        f"The course's database, {_place(engine)}, cannot be used: {cause}.",
        help="Is the disk full, or the file somebody else's? Name another folder with --data DIR, or put that file aside.",
    )


def _place(engine: Engine) -> str:
    return str(engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string(hide_password=True))


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _engine(url: str, *, foreign_keys: bool = True) -> Engine:
    engine = create_engine(url, json_serializer=_json)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, foreign_keys)
    return engine


def _prepare_sqlite(engine: Engine, foreign_keys: bool) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, not where sqlite3 guesses
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", f"foreign_keys={int(foreign_keys)}", f"busy_timeout={_PATIENCE * 1000}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    # SQLite changes a table by making it anew and dropping the old one, which with foreign keys on would take along all that refers to it.
    engine = _engine(url, foreign_keys=False)
    try:
        if engine.dialect.name == "sqlite" and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
