"""`course user`: the people of a classroom, in a terminal of its server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select

from app.cli import main
from app.db import open_database, session_of
from app.models import AuditEvent
from tests.web.classroom import KEY

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`course user` with these words, on a classroom's settings: its exit status, what it printed, and what it said beside that."""
    monkeypatch.setenv("COURSE_URL", "https://course.example.org")
    monkeypatch.setenv("COURSE_SECRET", KEY)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'classroom.db'}")

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["user", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_course_user_makes_lists_resets_promotes_and_removes(command: Run) -> None:
    status, out, said = command("add", "ADA@example.org", "--name", "Ada", "--role", "admin")
    assert status == 0
    assert re.fullmatch(r"https://course\.example\.org/link/[A-Za-z0-9_-]{43}\n", out)
    assert "ada@example.org is an admin now" in said
    assert command("add", "bob@example.org")[0] == 0
    status, _, said = command("add", "BOB@example.org")
    assert status == 1
    assert "course user reset bob@example.org" in said
    assert json.loads(command("list", "--json")[1])["users"][0] == {
        "id": 1,
        "email": "ada@example.org",
        "name": "Ada",
        "role": "admin",
        "active": True,
        "signed_in_at": None,
    }
    assert command("reset", "bob@example.org")[1].startswith("https://course.example.org/link/")
    assert command("role", "bob@example.org", "instructor")[0] == 0
    assert "instructor" in command("list")[1]
    status, out, said = command("role", "ada@example.org", "learner")
    assert status == 1
    assert "last admin" in said
    assert command("remove", "bob@example.org")[0] == 2, "there is nobody to ask"
    assert command("remove", "bob@example.org", "--yes")[0] == 0
    assert command("remove", "bob@example.org", "--yes")[0] == 1
    assert "bob" not in command("list")[1]


SLIPS = [
    pytest.param(("add",), 2, "`add` takes EMAIL", id="no address"),
    pytest.param(("add", "ada"), 1, "no e-mail address", id="no address that is one"),
    pytest.param(("add", "ada@example.org", "--role", "king"), 2, "none of learner, instructor, admin", id="no role"),
    pytest.param(("role", "ada@example.org"), 2, "EMAIL and ROLE", id="a role for nobody"),
    pytest.param(("role", "ada@example.org", "king"), 2, "none of", id="no such role"),
    pytest.param(("reset", "ada@example.org"), 1, "Nobody has an account", id="nobody"),
    pytest.param(("list", "ada@example.org"), 2, "no word", id="a word too many"),
    pytest.param(("frob",), 2, "none of add, list", id="no such verb"),
]


@pytest.mark.parametrize(("words", "status", "told"), SLIPS)
def test_course_user_says_what_is_wrong(command: Run, words: tuple[str, ...], status: int, told: str) -> None:
    got, out, said = command(*words)
    assert (got, out) == (status, "")
    assert told in said


@pytest.mark.parametrize("name", ["COURSE_URL", "COURSE_SECRET"])
def test_course_user_has_the_settings_of_the_server(command: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    status, _, said = command("add", "ada@example.org")
    assert status == 3
    assert f"{name} is not set" in said


def test_what_is_done_on_the_server_is_in_the_audit_trail(command: Run, tmp_path: Path) -> None:
    assert command("add", "ada@example.org")[0] == 0
    engine = open_database(f"sqlite:///{tmp_path / 'classroom.db'}")
    with session_of(engine, writes=False) as session:
        events = session.exec(select(AuditEvent)).all()
        assert [(event.actor, event.action, event.subject) for event in events] == [
            ("course on the server", "account.made", "ada@example.org"),
            ("course on the server", "invitation-link.made", "ada@example.org"),
        ]
    engine.dispose()
