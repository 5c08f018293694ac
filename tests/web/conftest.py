"""The app as a learner's machine runs it: a SQLite file of its own for each test, a client that is a page of ours, a server, a browser."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session

from app.config import Settings
from app.db import open_database, session_of
from app.main import create_app
from app.services.lesson_texts import Course
from app.serving import Server
from tests.postgres import Postgres, programs
from tests.web.classroom import KEY, Classroom
from tests.web.client import Client

CHROMIUM = (
    os.environ.get("COURSE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


def free_port() -> int:
    """A port of 127.0.0.1 that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of a learner who has no cluster and no progress yet; the user's data folder is the test's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    return Settings.local(tmp_path / "data", port=free_port())


@pytest.fixture(scope="session")
def course() -> Course:
    """The lessons, read and rendered once for all tests: nothing changes them."""
    return Course.load()


@pytest.fixture
def app(settings: Settings, course: Course) -> FastAPI:
    """The app."""
    return create_app(settings, course=course)


@pytest.fixture
def client(app: FastAPI, settings: Settings) -> Iterator[Client]:
    """A browser without JavaScript."""
    with Client(app, base_url=f"http://127.0.0.1:{settings.port}", follow_redirects=False) as client:
        yield client


@pytest.fixture
def session(app: FastAPI) -> Iterator[Session]:
    """The app's database, to put something in or look what is there; what is put in is committed at the end of each `with`."""
    with session_of(app.state.engine, writes=False) as session:
        yield session


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL server, whose databases begin with the app's tables."""
    server = _postgres()
    try:
        first = server.database(empty=True)
        open_database(first).dispose()
        server.template(first)
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that the test may stop, without any tables."""
    server = _postgres()
    try:
        yield server
    finally:
        server.stop()


def _postgres() -> Postgres:
    """A new server; skips the test where PostgreSQL is not installed, unless in `CI`."""
    found = programs()
    if found is None:
        words = "no PostgreSQL: install it (Debian: apt install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return Postgres(found)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with the app's tables: the test runs once with each of the two kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'classroom.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def classroom_settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of a classroom on this machine, as its environment says them."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    port = free_port()
    environment = {"COURSE_URL": f"http://127.0.0.1:{port}", "COURSE_SECRET": KEY, "DATABASE_URL": database_url}
    return Settings.for_classroom(environment, tmp_path / "data", port=port)


@pytest.fixture
def classroom(classroom_settings: Settings, course: Course) -> Iterator[Classroom]:
    """A classroom without anybody in it, running."""
    app = create_app(classroom_settings, course=course)
    with TestClient(app, base_url=classroom_settings.url):
        yield Classroom(app, classroom_settings)


@pytest.fixture
def on_the_server(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    """The classroom's environment, as a terminal on its server has it."""
    for name, value in {
        "DATABASE_URL": classroom.settings.database_url,
        "COURSE_URL": classroom.settings.url,
        "COURSE_SECRET": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    return classroom


@pytest.fixture
def classroom_server(classroom_settings: Settings, course: Course) -> Iterator[Classroom]:
    """The same on its port, at `settings.url`, for browsers and terminals."""
    app = create_app(classroom_settings, course=course)
    with serving(app, classroom_settings.port):
        yield Classroom(app, classroom_settings)


@pytest.fixture
def server(app: FastAPI, settings: Settings) -> Iterator[str]:
    """The app on its port; gives its address without a slash at the end."""
    with serving(app, settings.port):
        yield f"http://127.0.0.1:{settings.port}"


@contextmanager
def serving(app: FastAPI, port: int) -> Iterator[None]:
    """An app on a port of 127.0.0.1, for as long as the block lasts."""
    running = Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not running.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.02)
    try:
        yield
    finally:
        running.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium (COURSE_CHROMIUM names another), which speaks to nobody but us."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium: install it, or name it with COURSE_CHROMIUM")
        pytest.skip("no Chromium: install it (Debian: apt install chromium), or name it with COURSE_CHROMIUM")
    quiet = (
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    )
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": list(quiet)}
