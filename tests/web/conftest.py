"""The app as a learner's machine runs it: a SQLite file of its own for each test, a client that is a page of ours, a server, a browser."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlmodel import Session

from app.config import Settings
from app.db import session_of
from app.main import create_app
from app.services.lesson_texts import Course
from app.serving import Server

CHROMIUM = (
    os.environ.get("COURSE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
_TOKEN = re.compile(r'name="csrf-token" content="([0-9a-f]+)"')


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


class Client(TestClient):
    """A page of ours: it knows its token, and follows no redirect unasked."""

    token = ""

    def send_form(self, path: str, data: Mapping[str, Any] | None = None, **others: Any) -> Response:
        """Send a form as the page would."""
        if not self.token:
            found = _TOKEN.search(self.get("/").text)
            assert found is not None
            self.token = found[1]
        response: Response = self.post(path, data={**(data or {}), "csrf_token": self.token}, **others)
        return response


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


@pytest.fixture
def server(app: FastAPI, settings: Settings) -> Iterator[str]:
    """The app on its port; gives its address without a slash at the end."""
    running = Server(uvicorn.Config(app, host="127.0.0.1", port=settings.port, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not running.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{settings.port}"
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
