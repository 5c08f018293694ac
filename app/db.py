"""The database: its engine, its sessions, what its two kinds do differently, and its schema, brought up to date by the migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy import ColumnElement, Connection, Engine, event, func, or_, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session, SQLModel, col, create_engine

from graders.errors import GradingError


class Unusable(GradingError):
    """The database has refused. `status` is that of an HTTP answer, `title` its heading; `public` and `advice` are for its visitors."""

    def __init__(self, message: str, *, help: str, status: int, title: str, public: str, advice: str) -> None:
        super().__init__(message, help=help)
        self.status = status
        self.title = title
        self.public = public
        self.advice = advice


MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_PATIENCE = 10  # seconds that one process waits for another's transaction
_WRITES = "course_writes"
_MIGRATING = 1_840_230  # PostgreSQL's advisory locks have numbers: this one is held by the replica that brings the schema up to date
_LEARNERS = 1_840_231  # and in this class of locks a learner's id stands for all that is theirs
# In PostgreSQL nothing waits for ever: a page that cannot be made in so many milliseconds is of no use to anybody.
_LIMITS = "-c statement_timeout=15000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"


def open_database(url: str) -> Engine:
    """The engine for a database, with the newest schema. Raises GradingError when it cannot be used."""
    url = _driver(url)
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
def session_of(engine: Engine, *, writes: bool, learner_id: int | None = None) -> Iterator[Session]:
    """A session that is one transaction, committed when the block ends well. Raises GradingError when the database cannot be used.

    With `writes` SQLite locks at once: a lock that is only asked for in the middle of a transaction cannot be waited for. PostgreSQL lets
    many write; there those who change the same learner's work, which `learner_id` names, wait for each other.
    """
    try:
        with Session(engine, expire_on_commit=False) as session:
            connection = session.connection(execution_options={_WRITES: writes})
            if writes and learner_id is not None and engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:class, :id)"), {"class": _LEARNERS, "id": learner_id})
            yield session
            session.commit()
    except (SQLAlchemyError, UnicodeEncodeError) as error:
        raise unusable(engine, error) from error


# Of each kind of refusal: status, heading, what happened, what to do.
_GONE = 503, "The course rests for a moment", "The course cannot reach its database just now.", "Nothing was lost. Try again in a minute."
_BUSY = 503, "Too much at once", "Others were changing the same thing, for too long.", "Nothing of yours was changed. Do it again."
_TAKEN = 409, "It has changed meanwhile", "Somebody has changed the same thing at the same moment.", "Look at it anew, and do it again."
_UNFIT = 422, "That cannot be kept", "Something in it is too long, or has a character that no text has.", "Change it, and send it again."
_BROKEN = 500, "The course broke", "The course has asked its database for what it cannot do.", "Nothing was changed. Please report it."
# https://www.postgresql.org/docs/current/errcodes-appendix.html: a deadlock, a conflict, a lock or a statement that took too long
_BUSY_STATES = ("40P01", "40001", "55P03", "57014")


def _meaning(error: Exception) -> tuple[int, str, str, str]:
    """Status, heading, message and advice for somebody who does not run the server."""
    if isinstance(error, UnicodeEncodeError | DataError):
        return _UNFIT
    if isinstance(error, IntegrityError):
        return _TAKEN
    if isinstance(error, DBAPIError):
        if getattr(error.orig, "sqlstate", None) in _BUSY_STATES or "locked" in str(error.orig):
            return _BUSY
        return _GONE if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated else _BROKEN
    return _GONE if isinstance(error, PoolTimeout | OSError) else _BROKEN


def unusable(engine: Engine, error: Exception) -> Unusable:
    """What is wrong with the database, in a sentence that names it without a password."""
    cause = str(error.orig if isinstance(error, DBAPIError) else error).partition("\n")[0]
    todo = "Is the disk full, or the file somebody else's? Name another folder with --data DIR, or put that file aside."
    if engine.dialect.name != "sqlite":
        todo = "Does the server run, and do name and password hold? The next request tries again."
    status, title, public, advice = _meaning(error)
    message = f"The course's database, {_place(engine)}, cannot be used: {cause}."
    return Unusable(message, help=todo, status=status, title=title, public=public, advice=advice)


def insert_into(session: Session, table: type[SQLModel]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that can say what to do where a row is there already; both databases can, each in its own dialect."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(table)


def with_words(words: str, *columns: Any) -> list[ColumnElement[bool]]:
    """Conditions that each of these words, eight at most, stands in one of the columns, whatever its case."""
    return [or_(*(_holds(col(column), word) for column in columns)) for word in words.replace("\0", "").lower().split()[:8]]


def _holds(column: Any, word: str) -> ColumnElement[bool]:
    # SQLite's lower() knows A to Z alone.
    return or_(func.lower(column).contains(word, autoescape=True), column.contains(word.title(), autoescape=True))


def _place(engine: Engine) -> str:
    return str(engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string(hide_password=True))


def engine_of(url: str) -> Engine:
    """An engine for a database as it is, whatever its schema."""
    return _engine(_driver(url))


def _driver(url: str) -> str:
    """A database's address with the driver that is installed for it."""
    for usual in ("postgres://", "postgresql://"):
        if url.startswith(usual):
            return "postgresql+psycopg://" + url.removeprefix(usual)
    return url


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _engine(url: str, *, foreign_keys: bool = True) -> Engine:
    if url.startswith("postgresql"):
        # A connection that a restart of the server has ended is replaced before it is used.
        return create_engine(
            url,
            json_serializer=_json,
            hide_parameters=True,  # what is logged holds nothing that somebody has typed
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            pool_timeout=_PATIENCE,
            connect_args={"options": _LIMITS, "connect_timeout": _PATIENCE},
        )
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
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    # SQLite changes a table by making it anew and dropping the old one, which with foreign keys on would take along all that refers to it.
    engine = _engine(url, foreign_keys=False)
    try:
        if engine.dialect.name == "sqlite" and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":  # several replicas start at once
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATING})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
