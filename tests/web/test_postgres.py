"""PostgreSQL as SQLite: migrations both ways, what it refuses, what happens while it is away, and what it lets wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, inspect, text
from sqlmodel import SQLModel

from app.config import Settings
from app.db import Unusable, open_database, session_of
from app.main import create_app
from app.models import Account, Choice, Learner, Role
from app.services.lesson_texts import Course
from tests.postgres import Postgres
from tests.web.classroom import KEY, Classroom
from tests.web.conftest import free_port
from tests.web.served import eventually
from tests.web.test_database import REVISIONS, ROOT


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "app" / "migrations"))
    config.attributes["connection"] = connection
    return config


@pytest.fixture
def url(postgres: Postgres) -> str:
    """An empty database without tables."""
    return postgres.database(empty=True)


@pytest.fixture
def engine(postgres: Postgres) -> Iterator[Engine]:
    engine = open_database(postgres.database())
    yield engine
    engine.dispose()


def test_the_migrations_lead_to_the_tables_that_the_app_has(engine: Engine) -> None:
    with engine.connect() as connection:
        command.check(_config(connection))
        assert set(inspect(connection).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_an_earlier_schema_held_is_there_after_the_upgrade(url: str, revision: str) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)
        connection.execute(text("INSERT INTO learners (id, name, created_at) VALUES (7, 'Ada', now())"))
        connection.execute(
            text(
                "INSERT INTO attempts (id, key, learner_id, lesson_id, origin, source, checked_at, complete, passed, counted, report)"
                " VALUES (3, 'k', 7, 'lesson-1', 'workbench', 'manifests', now(), false, 1, 3, '{}')"
            )
        )
    upgraded = open_database(url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT learner_id, lesson_id, passed FROM attempts")).all() == [(7, "lesson-1", 1)]
        command.check(_config(connection))
    upgraded.dispose()
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_migration_can_be_taken_back(url: str, revision: str) -> None:
    open_database(url).dispose()
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        command.downgrade(_config(connection), f"{revision}-1" if revision != REVISIONS[-1] else "base")
    with engine.begin() as connection:
        command.upgrade(_config(connection), "head")
        command.check(_config(connection))
    engine.dispose()


def test_replicas_that_start_at_once_on_an_empty_database_wait_for_each_other(url: str) -> None:
    trouble: list[BaseException] = []

    def start() -> None:
        try:
            open_database(url).dispose()
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []


# --------------------------------------------------------------------------------------------------------- what it refuses


def _add(engine: Engine, *rows: Any) -> None:
    with session_of(engine, writes=True) as session:
        for row in rows:
            session.add(row)
            session.flush()


def _do(engine: Engine, *statements: str) -> None:
    with session_of(engine, writes=True) as session:
        for statement in statements:
            session.execute(text(statement))


REFUSED = [
    pytest.param([Learner(name="a\x00b")], 422, id="a NUL"),
    pytest.param([Learner(name="x" * 300)], 422, id="too long"),
    pytest.param([Learner(name="a\ud800b")], 422, id="half a character"),
    pytest.param(
        [Learner(id=5), Account(learner_id=5, email="a@b.example"), Learner(id=6), Account(learner_id=6, email="a@b.example")],
        409,
        id="twice",
    ),
    pytest.param([Choice(learner_id=12345, name="x", value="y")], 409, id="somebody who is not there"),
]


@pytest.mark.parametrize(("rows", "status"), REFUSED)
def test_what_it_refuses_is_told_in_words_without_what_was_typed(engine: Engine, rows: list[Any], status: int) -> None:
    with pytest.raises(Unusable) as told:
        _add(engine, *[type(row)(**row.model_dump(exclude_unset=True)) for row in rows])
    refused = told.value
    assert refused.status == status
    assert "a@b.example" not in refused.message.partition("DETAIL")[0]
    assert "xxx" not in refused.message
    with session_of(engine, writes=True) as session:  # the next one works
        session.add(Learner(name="fine"))


def test_two_that_wait_for_each_other_are_told_to_do_it_again(engine: Engine) -> None:
    with session_of(engine, writes=True) as session:
        session.add_all([Learner(id=1, name="one"), Learner(id=2, name="two")])
    meet = threading.Barrier(2, timeout=20)
    told: list[Unusable] = []

    def both(first: int, second: int) -> None:
        try:
            with session_of(engine, writes=True) as session:
                session.execute(text("UPDATE learners SET name = 'x' WHERE id = :id"), {"id": first})
                meet.wait()
                session.execute(text("UPDATE learners SET name = 'y' WHERE id = :id"), {"id": second})
        except Unusable as error:
            told.append(error)

    threads = [threading.Thread(target=both, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (one,) = told
    assert (one.status, one.advice) == (503, "Nothing of yours was changed. Do it again.")


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_what_takes_too_long_is_given_up_in_words(engine: Engine, limit: str) -> None:
    with session_of(engine, writes=True) as session:
        session.add(Learner(id=1))
    with session_of(engine, writes=True) as holder:
        holder.execute(text("UPDATE learners SET name = 'held'"))
        with pytest.raises(Unusable) as told:
            _do(engine, f"SET LOCAL {limit} = 100", "UPDATE learners SET name = 'wanted'")
    assert told.value.status == 503


def test_those_who_change_the_same_persons_work_wait_and_others_do_not(engine: Engine) -> None:
    with session_of(engine, writes=True, learner_id=1):
        begun = time.monotonic()
        with session_of(engine, writes=True, learner_id=2):
            pass
        assert time.monotonic() - begun < 1
        with pytest.raises(Unusable):
            _do(engine, "SET LOCAL lock_timeout = 100", "SELECT pg_advisory_xact_lock(1840231, 1)")


# --------------------------------------------------------------------------------------------------------- every form


HOSTILE = {"a NUL": "a\x00b", "too long": "ü" * 70_000, "a number beyond all": "9" * 30, "a bell and a bidi mark": "a\x07\u202eb"}
_PATH = {"lesson_id": "lesson-1", "objective_id": "namespace-exists", "question_id": "1", "name": "a.yaml"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_form_breaks_the_course_whatever_is_typed_into_it(classroom: Classroom, kind: str) -> None:
    admin = classroom.person("Chief", Role.ADMIN)
    learner = classroom.person("Ada")
    cohort = classroom.cohort("one", [admin], [learner])
    numbers = {"cohort_id": cohort, "learner_id": learner.id, **_PATH}
    schema = classroom.app.openapi()
    tried = 0
    for path, methods in schema["paths"].items():
        body = methods.get("post", {}).get("requestBody", {}).get("content", {})
        for parts in body.values():
            reference = parts["schema"].get("$ref", "").rpartition("/")[2]
            fields = schema["components"]["schemas"].get(reference, {}).get("properties", {})
            place = path
            for name, value in numbers.items():
                place = place.replace(f"{{{name}}}", str(value))
            client = classroom.client(admin)
            answer = client.send_form(place.replace("{", "").replace("}", ""), dict.fromkeys(fields, HOSTILE[kind]))
            assert answer.status_code < 500, (place, answer.status_code, answer.text[:400])
            tried += 1
    assert tried > 5


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "path", ["/search?q=%00", "/lessons/%00", "/workbench/files/%00", "/progress/lesson-1?before=99999999999999999999", "/%00"]
)
def test_no_address_breaks_it_either(classroom: Classroom, path: str) -> None:
    assert classroom.client(classroom.person("Ada")).get(path).status_code < 500


# --------------------------------------------------------------------------------------------------------- while it is away


def test_while_it_is_away_pages_say_so_and_then_go_on(own_postgres: Postgres, course: Course, tmp_path: Path) -> None:
    port = free_port()
    environment = {"COURSE_URL": f"http://127.0.0.1:{port}", "COURSE_SECRET": KEY, "DATABASE_URL": own_postgres.database(empty=True)}
    settings = Settings.for_classroom(environment, tmp_path, port=port)
    app = create_app(settings, course=course)
    classroom = Classroom(app, settings)
    client = classroom.client(classroom.person("Ada"))
    with client:
        assert client.get("/progress").status_code == 200
        own_postgres.halt("fast")
        for path in ("/progress", "/readyz", "/workbench/lesson-1"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "cannot reach its database" in answer.text
            assert "postgres" not in answer.text.lower()
        assert client.get("/healthz").status_code == 200
        assert client.get("/progress", headers={"accept": "application/json"}).json()["error"].startswith("The course cannot reach")
        own_postgres.start()
        eventually(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/progress").status_code == 200


def test_a_server_that_is_not_there_at_the_start_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable) as told:
        open_database(f"postgresql://course:hidden-word@127.0.0.1:{free_port()}/course")
    assert "cannot be used" in told.value.message
    assert "hidden-word" not in told.value.message + told.value.help
