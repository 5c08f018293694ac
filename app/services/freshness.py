"""Whether anything in the database has changed: so that what was derived from it can be kept until then."""

from __future__ import annotations

import itertools
import sqlite3

from sqlalchemy import Engine


class Freshness:
    """Stamps of the database's state: as long as two are equal, nothing was committed between them, by no process at all.

    SQLite tells one connection of what all others commit (https://www.sqlite.org/pragma.html#pragma_data_version); so this one
    only ever asks that. Of another database nothing is known, and every stamp is a new one.

    PostgreSQL could be asked for its snapshot, which is equal only when nothing was written. But while a class is at work somebody writes
    every few milliseconds: nothing would ever be kept.
    """

    def __init__(self, engine: Engine) -> None:
        self._counter = itertools.count()
        self._connection: sqlite3.Connection | None = None
        if engine.dialect.name == "sqlite" and engine.url.database:
            self._connection = sqlite3.connect(engine.url.database, check_same_thread=False, isolation_level=None)

    def stamp(self) -> tuple[str, int]:
        """The present state. Raises sqlite3.Error when the file is gone or broken."""
        if self._connection is None:
            return "once", next(self._counter)
        return "version", self._connection.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Ask no more."""
        if self._connection is not None:
            self._connection.close()
