"""A whole database in one file, and back. SQLite copies itself while it is in use; for PostgreSQL its own pg_dump and pg_restore do it.

A backup holds everything, the hashes of passwords too: it is written for its owner's eyes alone, under another name until it is whole.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from app.db import MIGRATIONS, engine_of, open_database, unusable
from graders.errors import GradingError, UnreadableInput, UsageError

_SQLITE: Final = b"SQLite format 3\x00"
_POSTGRESQL: Final = b"PGDMP"
_NAME_ONE: Final = "Name a file that `course backup` has made."
_ASIDE: Final = "course_before_restore"
_REVISION: Final = re.compile(r"^[0-9a-f]{12}$", re.MULTILINE)


def save(url: str, file: Path, *, force: bool = False) -> int:
    """Write the database to a file, as it is at one moment, while others go on writing; gives the file's size in bytes.

    Raises UsageError when the file is there already, GradingError for what goes wrong.
    """
    if file.exists() and not force:
        raise UsageError(f"{file} is there already.", help="Name another file, or add --force.")
    unfinished = file.with_name(file.name + ".part")
    engine = engine_of(url)
    try:
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        (_save_sqlite if engine.dialect.name == "sqlite" else _save_postgresql)(engine, unfinished)
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        unfinished.replace(file)
        return file.stat().st_size
    except OSError as error:
        raise GradingError(f"{file} cannot be written: {error.strerror or error}.", help="Name a file that you may write.") from error
    finally:
        unfinished.unlink(missing_ok=True)
        engine.dispose()


def restore(url: str, file: Path, *, replace: bool = False) -> int:
    """Make the database what the file holds, and bring it up to date; gives how many people have an account in it.

    Raises UsageError over a database that has people in it, unless `replace`; UnreadableInput for a file that is no backup of this kind of
    database, or one of a newer course. What was there stays as it was when anything goes wrong.
    """
    engine = engine_of(url)
    try:
        _check_kind(engine, file)
        if engine.dialect.name == "sqlite":
            Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
        if not replace and _people(engine):
            raise UsageError(
                f"The database has people in it already, so {file.name} was not put over it.",
                help="Make a backup of what is there; then add --replace.",
            )
        (_restore_sqlite if engine.dialect.name == "sqlite" else _restore_postgresql)(engine, file, url)
        open_database(url).dispose()  # up to date, if the backup is older
        return _people(engine)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise unusable(engine, error) from error
    finally:
        engine.dispose()


def _check_kind(engine: Engine, file: Path) -> None:
    try:
        with file.open("rb") as opened:
            begins = opened.read(len(_SQLITE))
    except OSError as error:
        raise UnreadableInput(f"{file} cannot be read: {error.strerror or error}.", help=_NAME_ONE) from error
    kind = "SQLite" if begins == _SQLITE else "PostgreSQL" if begins.startswith(_POSTGRESQL) else ""
    wanted = "SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL"
    if not kind:
        raise UnreadableInput(f"{file} is no backup of the course.", help=_NAME_ONE)
    if kind != wanted:
        raise UnreadableInput(
            f"{file} is a backup of {kind}, and this database is {wanted}.", help="Restore it to the kind that it is from."
        )


def _people(engine: Engine) -> int:
    """How many accounts there are; on a learner's own machine, where there are none, whether anything was done."""
    if not inspect(engine).has_table("accounts"):
        return 0
    with engine.connect() as connection:
        accounts = connection.execute(text("SELECT count(*) FROM accounts")).scalar_one()
        return int(accounts or connection.execute(text("SELECT count(*) FROM (SELECT 1 FROM attempts LIMIT 1) AS some")).scalar_one())


def _check_revision(file: Path, revision: str | None) -> None:
    known = {each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if revision not in known:
        words = "has no version of the course's tables" if revision is None else "was made by a newer version of the course"
        raise UnreadableInput(f"{file} {words}.", help="Update the course, then restore it.")


# -------------------------------------------------------------------------------------------------------------------- SQLite


def _save_sqlite(engine: Engine, file: Path) -> None:
    source = str(engine.url.database)
    if not Path(source).is_file():
        raise GradingError(f"There is no database at {source}.", help="Name its folder with --data DIR, or its address in DATABASE_URL.")
    try:
        with closing(sqlite3.connect(source, timeout=10)) as connection:
            connection.execute("VACUUM INTO ?", (str(file),))  # one transaction that reads: others write meanwhile
        with closing(sqlite3.connect(file)) as copy:
            found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise unusable(engine, error) from error
    if found != "ok":
        raise GradingError(f"The copy of {source} is broken: {found}.", help="The database itself may be; try again on another disk.")


def _restore_sqlite(engine: Engine, file: Path, url: str) -> None:
    del url
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source:
        try:
            row = source.execute("SELECT version_num FROM alembic_version").fetchone()
            whole = source.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        except sqlite3.Error as error:
            raise UnreadableInput(f"{file} is no backup of the course: {error}.", help=_NAME_ONE) from error
        if not whole:
            raise UnreadableInput(f"{file} is broken.", help="Take another backup.")
        _check_revision(file, row[0] if row else None)
        with closing(sqlite3.connect(str(engine.url.database), timeout=10)) as database:
            source.backup(database)  # page by page in one transaction, so that who has it open sees all of it or nothing


# ---------------------------------------------------------------------------------------------------------------- PostgreSQL


def _save_postgresql(engine: Engine, file: Path) -> None:
    _run(engine, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={file}", f"--dbname={_address(engine)}")


def _restore_postgresql(engine: Engine, file: Path, url: str) -> None:
    """Into an empty schema, while the present one stands aside until that has gone well."""
    told = _run(engine, "pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file))
    found = _REVISION.search(told)
    _check_revision(file, found[0] if found else None)

    def do(*statements: str) -> None:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    do(f"DROP SCHEMA IF EXISTS {_ASIDE} CASCADE", f"ALTER SCHEMA public RENAME TO {_ASIDE}", "CREATE SCHEMA public")
    try:
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--schema=public")
        _run(engine, "pg_restore", *options, f"--dbname={_address(engine)}", str(file))
        open_database(url).dispose()
    except BaseException:
        do("DROP SCHEMA public CASCADE", f"ALTER SCHEMA {_ASIDE} RENAME TO public")
        raise
    do(f"DROP SCHEMA {_ASIDE} CASCADE")


def _address(engine: Engine) -> str:
    """As libpq takes it, without the password: every process of the machine may read the words of a command line."""
    return engine.url._replace(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _run(engine: Engine, program: str, *arguments: str) -> str:
    found = _program(program)
    environment = {**os.environ, **({"PGPASSWORD": str(engine.url.password)} if engine.url.password else {})}
    ran = subprocess.run([found, "--no-password", *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if ran.returncode:
        trouble = next((line for line in ran.stderr.splitlines() if line.strip()), f"it ended with {ran.returncode}")
        raise GradingError(
            f"{program} could not do it: {trouble.removeprefix(f'{program}: ').removeprefix('error: ')}.",
            help="Does the server run? Is the program as new as the server, or newer? Nothing was changed.",
        )
    return ran.stdout


def _program(name: str, which: Callable[[str], str | None] = shutil.which) -> str:
    found = which(name)
    if found is None:
        raise GradingError(
            f"There is no {name} on this machine, which is PostgreSQL's own program for that.",
            help="Install PostgreSQL's client programs (Debian: apt install postgresql-client), or run it where PostgreSQL is.",
        )
    return found
