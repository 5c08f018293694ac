"""Backup, restore and retention, on both databases, with data, and while others write."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlmodel import SQLModel, col, func, select, update

from app.cli import main
from app.db import engine_of, open_database, session_of
from app.models import (
    Account,
    Attempt,
    AuditEvent,
    Cohort,
    Comment,
    Learner,
    Membership,
    ObjectiveResult,
    OneTimeLink,
    Origin,
    Purpose,
    Role,
    SignIn,
    TerminalToken,
    WorkspaceFile,
    utc_now,
)
from app.services import attempts, audit, backup, retention, sign_ins
from app.services.audit import Actor
from graders.errors import GradingError, UnreadableInput, UsageError
from tests.postgres import Postgres, programs
from tests.web.classroom import KEY
from tests.web.test_pages import report


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server that the tests start."""
    found = programs()
    if found is not None:
        monkeypatch.setenv("PATH", f"{found}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def empty(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> str:
    """Another database of the same kind, with nothing in it."""
    if database_url.startswith("sqlite"):
        return f"sqlite:///{tmp_path / 'other' / 'course.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database(empty=True)


def _person(engine: Engine, name: str, role: Role = Role.LEARNER) -> int:
    with session_of(engine, writes=True) as session:
        learner = Learner(name=name)
        session.add(learner)
        session.flush()
        assert learner.id is not None
        session.add(Account(learner_id=learner.id, email=f"{name.lower()}@example.org", role=role))
        session.flush()
        session.add(WorkspaceFile(learner_id=learner.id, name="a.yaml", content="kind: Pod # ü"))
        attempts.take_in(session, learner.id, report("lesson-1"), Origin.WORKBENCH, key=f"key-{name}")
        sign_ins.sign_in(session, learner.id, "a browser")
        return learner.id


def _rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in sorted(SQLModel.metadata.tables)}


def test_what_was_saved_comes_back_with_every_row(engine: Engine, empty: str, tmp_path: Path) -> None:
    _person(engine, "Ada")
    _person(engine, "Bob", Role.ADMIN)
    file = tmp_path / "course.backup"
    assert backup.save(str(engine.url.render_as_string(hide_password=False)), file) == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    assert backup.restore(empty, file) == 2
    other = open_database(empty)
    assert _rows(other) == _rows(engine)
    with session_of(other, writes=True) as session:
        assert session.exec(select(WorkspaceFile.content)).first() == "kind: Pod # ü"
        session.add(Learner(name="new"))  # numbers go on where they were
    other.dispose()
    assert not list(tmp_path.glob("*.part"))


def test_it_is_one_moment_although_others_write(engine: Engine, empty: str, database_url: str, tmp_path: Path) -> None:
    _person(engine, "Ada")
    stop = threading.Event()
    written = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with session_of(engine, writes=True) as session:
                attempts.take_in(session, 1, report("lesson-1"), Origin.SUBMITTED, key=f"while-{number}")
            if number == 3:
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(20)
        backup.save(database_url, tmp_path / "one")
        with session_of(engine, writes=False) as session:
            after = session.exec(select(func.count()).select_from(Attempt)).one()
    finally:
        stop.set()
        writer.join()
    backup.restore(empty, tmp_path / "one")
    other = open_database(empty)
    with session_of(other, writes=False) as session:
        held = session.exec(select(func.count()).select_from(Attempt)).one()
        results = session.exec(select(func.count()).select_from(ObjectiveResult)).one()
    other.dispose()
    assert 4 <= held <= after
    assert results == held * len(report("lesson-1")["objectives"]), "half an attempt is in it"


def test_a_database_with_people_in_it_is_not_written_over_unasked(engine: Engine, database_url: str, tmp_path: Path) -> None:
    _person(engine, "Ada")
    backup.save(database_url, tmp_path / "one")
    _person(engine, "Bob")
    with pytest.raises(UsageError, match="has people in it"):
        backup.restore(database_url, tmp_path / "one")
    assert _rows(engine)["accounts"] == 2
    assert backup.restore(database_url, tmp_path / "one", replace=True) == 1
    assert _rows(engine)["accounts"] == 1, "a server that has it open sees what was restored"


def test_what_is_not_a_backup_is_told_and_changes_nothing(engine: Engine, database_url: str, tmp_path: Path) -> None:
    _person(engine, "Ada")
    backup.save(database_url, tmp_path / "one")
    whole = (tmp_path / "one").read_bytes()
    (tmp_path / "text").write_text("no backup")
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "header").write_bytes(whole[:64])
    for name in ("text", "half", "header", "nowhere"):
        with pytest.raises(GradingError):
            backup.restore(database_url, tmp_path / name, replace=True)
        assert _rows(engine)["accounts"] == 1
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            assert connection.execute(text("SELECT count(*) FROM pg_namespace WHERE nspname = 'course_before_restore'")).scalar_one() == 0


def test_a_backup_of_another_kind_of_database_is_told(engine: Engine, database_url: str, tmp_path: Path) -> None:
    other = b"PGDMP..." if engine.dialect.name == "sqlite" else b"SQLite format 3\x00..."
    (tmp_path / "other").write_bytes(other)
    with pytest.raises(UnreadableInput, match="and this database is"):
        backup.restore(database_url, tmp_path / "other")


def test_a_backup_of_a_newer_course_is_refused(engine: Engine, empty: str, database_url: str, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'fffffffffff0'"))
    backup.save(database_url, tmp_path / "one")
    with pytest.raises(UnreadableInput, match="newer version"):
        backup.restore(empty, tmp_path / "one")


def test_a_file_that_is_there_is_kept(database_url: str, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "one").write_text("mine")
    with pytest.raises(UsageError):
        backup.save(database_url, tmp_path / "one")
    assert (tmp_path / "one").read_text() == "mine"
    backup.save(database_url, tmp_path / "one", force=True)
    assert (tmp_path / "one").read_bytes() != b"mine"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_without_pg_dump_what_to_install_is_told(
    engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(GradingError, match="no pg_dump on this machine"):
        backup._program("pg_dump", lambda name: None)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_password_is_in_no_command_line(engine: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = tmp_path / "bin" / "pg_dump"
    spy.parent.mkdir()
    spy.write_text('#!/bin/sh\necho "$@" "$PGPASSWORD" >&2\nexit 1\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}{os.pathsep}{os.environ['PATH']}")
    address = engine.url.set(password="p@ss word").render_as_string(hide_password=False)
    with pytest.raises(GradingError) as told:
        backup.save(address, tmp_path / "one")
    line = told.value.message
    assert line.endswith("p@ss word.")  # from its environment, at the end
    assert line.count("p@ss") == 1
    assert "p%40ss" not in line
    assert "***" not in line
    assert f"postgresql://postgres@127.0.0.1:{engine.url.port}/" in line


def test_the_commands_say_what_they_did(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("COURSE_DATABASE_URL", raising=False)
    engine = open_database(database_url)
    _person(engine, "Ada")
    engine.dispose()
    assert main(["backup", str(tmp_path / "one")]) == 0
    assert "kB" in capsys.readouterr().err
    assert main(["restore", str(tmp_path / "one")]) == 2
    assert "--replace" in capsys.readouterr().err
    assert main(["restore", str(tmp_path / "one"), "--replace"]) == 0
    assert main(["restore", str(tmp_path / "two")]) != 0


# ----------------------------------------------------------------------------------------------------------------- retention


def _cohort(engine: Engine, name: str, people: dict[int, Role], archived_days_ago: int | None) -> int:
    with session_of(engine, writes=True) as session:
        archived = None if archived_days_ago is None else utc_now() - timedelta(days=archived_days_ago)
        cohort = Cohort(name=name, archived_at=archived)
        session.add(cohort)
        session.flush()
        assert cohort.id is not None
        session.add_all(Membership(cohort_id=cohort.id, learner_id=each, role=role) for each, role in people.items())
        return cohort.id


def _names(engine: Engine) -> set[str]:
    with session_of(engine, writes=False) as session:
        return set(session.exec(select(Learner.name)))


@pytest.fixture
def people(engine: Engine) -> dict[str, int]:
    """Everybody that the rule could be about."""
    found = {name: _person(engine, name) for name in ("Long-gone", "Also-gone", "Recent", "Elsewhere", "Nowhere")}
    found |= {"Teacher": _person(engine, "Teacher", Role.INSTRUCTOR), "Chief": _person(engine, "Chief", Role.ADMIN)}
    found["Promoted"] = _person(engine, "Promoted", Role.INSTRUCTOR)
    learner = Role.LEARNER
    old = {found[name]: learner for name in ("Long-gone", "Also-gone", "Elsewhere", "Promoted")} | {found["Teacher"]: Role.INSTRUCTOR}
    number = _cohort(engine, "old", old, 400)
    _cohort(engine, "older", {found["Long-gone"]: learner}, 800)
    _cohort(engine, "recent", {found["Recent"]: learner}, 100)
    _cohort(engine, "running", {found["Elsewhere"]: learner}, None)
    with session_of(engine, writes=True) as session:
        session.add(
            Comment(cohort_id=number, learner_id=found["Long-gone"], author_id=found["Teacher"], lesson_id="lesson-1", text="well done")
        )
        audit.note(session, Actor(found["Teacher"], "teacher@example.org"), "cohort.made", "old")
        audit.note(session, Actor(found["Teacher"], "teacher@example.org"), "cohort.archived", "recent")
        session.flush()
        session.exec(update(AuditEvent).where(col(AuditEvent.action) == "cohort.made").values(at=utc_now() - timedelta(days=500)))
    return found


def test_who_was_only_in_cohorts_archived_long_ago_is_forgotten_with_all_that_is_theirs(engine: Engine, people: dict[str, int]) -> None:
    would = retention.sweep(engine, 365, dry_run=True)
    assert (would.learners, would.events) == (2, 1)
    assert len(_names(engine)) == 8
    assert retention.sweep(engine, 365) == would
    assert _names(engine) == {"Recent", "Elsewhere", "Nowhere", "Teacher", "Chief", "Promoted"}
    rows = _rows(engine)
    assert (rows["attempts"], rows["workspace_files"], rows["accounts"], rows["comments"]) == (6, 6, 6, 0)
    with session_of(engine, writes=False) as session:
        events = {event.action: event for event in session.exec(select(AuditEvent))}
    assert set(events) == {"cohort.archived", "retention.applied"}
    assert events["retention.applied"].facts == {"days": 365, "learners": 2, "events": 1}
    assert retention.sweep(engine, 365) == retention.Swept(0, 0)
    assert _rows(engine)["audit_events"] == 2, "nothing to do is nothing to note"


def test_many_are_forgotten_in_small_steps(engine: Engine) -> None:
    learners = {_person(engine, f"P{number}"): Role.LEARNER for number in range(25)}
    _cohort(engine, "old", learners, 10)
    assert retention.sweep(engine, 5).learners == 25
    assert _names(engine) == set()


def test_without_a_setting_only_what_has_expired_goes(engine: Engine, people: dict[str, int]) -> None:
    past = utc_now() - timedelta(days=40)
    with session_of(engine, writes=True) as session:
        session.exec(update(SignIn).where(col(SignIn.learner_id) == people["Recent"]).values(expires_at=past))
        session.add(TerminalToken(digest="a", learner_id=people["Recent"], name="x", expires_at=past))
        session.add(OneTimeLink(digest="b", purpose=Purpose.RESET, learner_id=people["Recent"], expires_at=past))
        session.add(OneTimeLink(digest="c", purpose=Purpose.RESET, learner_id=people["Recent"], expires_at=utc_now() + timedelta(days=1)))
    assert retention.sweep(engine, None) == retention.Swept()
    rows = _rows(engine)
    assert (rows["learners"], rows["sign_ins"], rows["terminal_tokens"], rows["one_time_links"]) == (8, 7, 0, 1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_replicas_do_not_do_it_at_once(engine: Engine, people: dict[str, int]) -> None:
    with retention._alone(engine) as first, retention._alone(engine) as second:
        assert first
        assert not second
        assert retention.sweep(engine, 365) == retention.Swept()
    assert len(_names(engine)) == 8
    with retention._alone(engine) as again:
        assert again


def test_the_command_counts_before_it_deletes(
    engine: Engine, people: dict[str, int], database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "COURSE_URL": "https://course.example.org",
        "COURSE_SECRET": KEY,
        "DATABASE_URL": database_url,
        "COURSE_RETENTION_DAYS": "365",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["retention", "--dry-run"]) == 0
    assert "Would delete 2 learners" in capsys.readouterr().err
    assert main(["retention"]) == 0
    assert "Deleted 2 learners" in capsys.readouterr().err
    assert len(_names(engine)) == 6


def test_an_engine_of_a_database_changes_nothing_in_it(database_url: str, empty: str) -> None:
    if not empty.startswith("sqlite"):
        engine = engine_of(empty)
        with contextlib.closing(engine.connect()) as connection:
            assert connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar_one() == 0
        engine.dispose()
