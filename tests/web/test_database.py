"""The database: every earlier schema is brought up to date with its data, nothing confirmed is lost, several processes share it."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect
from sqlmodel import Session, SQLModel, col, func, select

from app import db
from app.db import open_database, session_of
from app.models import Attempt, Learner, ObjectiveResult, Origin, WorkspaceFile
from app.services import attempts
from app.services.freshness import Freshness
from graders.errors import GradingError
from tests.web.test_pages import report

ROOT = Path(__file__).parents[2]
# By revision, what a learner of that time had: rows for every table that must come through all later migrations.
HELD = ROOT / "tests" / "web" / "databases"


def _config(connection: object = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "app" / "migrations"))
    config.attributes["connection"] = connection
    return config


REVISIONS = [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'course.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


def test_the_migrations_lead_to_the_tables_that_the_app_has(engine: Engine) -> None:
    with engine.connect() as connection:
        command.check(_config(connection))
        assert set(inspect(connection).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}


def _tables(revision: str) -> list[str]:
    """The tables that a schema had."""
    return re.findall(r"^CREATE TABLE (\w+)", (HELD / f"{revision}.sql").read_text(encoding="utf-8"), re.MULTILINE)


def test_of_the_newest_schema_every_table_is_held() -> None:
    assert set(_tables(REVISIONS[0])) == {*SQLModel.metadata.tables, "alembic_version"}


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_an_earlier_version_stored_is_there_after_the_upgrade(url: str, revision: str) -> None:
    database = url.removeprefix("sqlite:///")
    with sqlite3.connect(database) as old:
        old.executescript((HELD / f"{revision}.sql").read_text(encoding="utf-8"))
    old.close()
    engine = open_database(url)
    with session_of(engine, writes=False) as session:
        assert session.scalars(select(func.count()).select_from(Learner)).one() == 1
        attempt = session.scalars(select(Attempt).order_by(col(Attempt.id))).first()
        assert attempt is not None
        assert attempt.report["lesson"] == attempt.lesson_id == "lesson-1"
        assert session.scalars(select(func.count()).select_from(ObjectiveResult)).one() == len(attempt.report["objectives"])
        (file,) = session.scalars(select(WorkspaceFile)).all()
        assert file.content == "kind: Namespace # ü\n"
    for name in set(_tables(revision)):
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
        assert rows, f"{name} has lost its rows"
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_migration_can_be_taken_back(url: str, revision: str) -> None:
    open_database(url).dispose()
    engine = create_engine(url)
    with engine.begin() as connection:
        command.downgrade(_config(connection), f"{revision}-1" if revision != REVISIONS[-1] else "base")
    with engine.begin() as connection:
        command.upgrade(_config(connection), "head")
        command.check(_config(connection))
    engine.dispose()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100], ids=["empty", "something else"])
def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "course.db"
    path.write_bytes(content)
    if not content:
        open_database(f"sqlite:///{path}").dispose()
        return
    with pytest.raises(GradingError, match="cannot be used: file is not a database"):
        open_database(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_database_of_a_newer_course_is_refused(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from-the-future'")
    engine.dispose()
    with pytest.raises(GradingError) as refused:
        open_database(url)
    assert "newer" in refused.value.message


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(GradingError) as refused:
        open_database(f"sqlite:///{tmp_path / 'file' / 'course.db'}")
    assert "--data" in refused.value.help


WRITER = """
import sys
from pathlib import Path
from app.db import open_database, session_of
from app.models import Origin
from app.services import attempts
from app.services.freshness import Freshness
from tests.web.test_pages import report
engine = open_database(sys.argv[1])
for number in range(int(sys.argv[2])):
    with session_of(engine, writes=True) as session:
        attempts.take_in(session, 1, report("lesson-1", number), Origin.TERMINAL, key=f"{sys.argv[3]}-{number}")
    print(number, flush=True)
"""


def _writer(url: str, count: int, name: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRITER, url, str(count), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def _with_learner(engine: Engine) -> None:
    with session_of(engine, writes=True) as session:
        session.add(Learner(id=1))


def test_processes_that_write_at_once_wait_for_each_other(engine: Engine, url: str) -> None:
    _with_learner(engine)
    writers = [_writer(url, 40, name) for name in ("one", "other", "third")]
    for writer in writers:
        _, trouble = writer.communicate(timeout=60)
        assert writer.returncode == 0, trouble
    with session_of(engine, writes=False) as session:
        assert session.scalars(select(func.count()).select_from(Attempt)).one() == 120


def test_what_was_confirmed_survives_kill_9(engine: Engine, url: str) -> None:
    _with_learner(engine)
    confirmed = 0
    for round_ in range(3):
        writer = _writer(url, 10_000, f"round-{round_}")
        assert writer.stdout is not None
        for _ in range(15):
            writer.stdout.readline()
        time.sleep(0.003 * round_)
        writer.send_signal(signal.SIGKILL)
        lines, _ = writer.communicate()
        confirmed += 15 + len(lines.splitlines())
    with session_of(engine, writes=False) as session:
        held = session.scalars(select(func.count()).select_from(Attempt)).one()
        assert confirmed <= held <= confirmed + 3
        results = session.scalars(select(func.count()).select_from(ObjectiveResult)).one()
        assert results == held * len(report("lesson-1")["objectives"]), "half an attempt was stored"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"


def test_an_error_in_the_middle_takes_everything_back(engine: Engine) -> None:
    _with_learner(engine)

    def half() -> None:
        with session_of(engine, writes=True) as session:
            attempts.take_in(session, 1, report("lesson-1"), Origin.TERMINAL, key="a")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    with Session(engine) as session:
        assert session.scalars(select(func.count()).select_from(Attempt)).one() == 0


def test_times_come_back_in_utc_and_without_a_zone_are_refused(engine: Engine) -> None:
    from datetime import datetime, timedelta, timezone

    east = datetime(2026, 11, 24, 13, tzinfo=timezone(timedelta(hours=1)))
    with session_of(engine, writes=True) as session:
        session.add(Learner(id=1, created_at=east))
    with session_of(engine, writes=False) as session:
        held = session.get(Learner, 1)
        assert held is not None
        assert held.created_at == east
        assert held.created_at.utcoffset() == timedelta(0)
    with pytest.raises(Exception, match="without a zone"), session_of(engine, writes=True) as session:
        session.add(Learner(created_at=datetime(2026, 11, 24)))


def test_the_address_of_a_database_is_told_without_its_password() -> None:
    engine = create_engine("sqlite:///x.db")
    told = db.unusable(engine, OSError("disk full"))
    assert told.message.startswith("The course's database, x.db, cannot be used: disk full")


def test_stamps_change_with_every_commit_of_any_connection_and_only_then(engine: Engine, url: str) -> None:
    freshness = Freshness(engine)
    before = freshness.stamp()
    with session_of(engine, writes=False) as session:
        session.scalars(select(Learner)).all()
    assert freshness.stamp() == before
    _with_learner(engine)
    own = freshness.stamp()
    assert own != before
    with _writer(url, 1, "other") as writer:
        writer.communicate(timeout=30)
    assert freshness.stamp() != own
    freshness.close()
