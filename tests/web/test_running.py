"""A classroom's server as a process: what it says, what it writes down, what it counts, and how it leaves."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.cli import main
from app.config import Settings
from app.db import open_database, session_of
from app.main import create_app
from app.models import Account, Learner, Role
from app.services import one_time_links, request_log
from app.services.lesson_texts import Course
from graders.errors import GradingError
from tests.web.classroom import KEY, Classroom
from tests.web.conftest import free_port
from tests.web.served import Replica, eventually, replicas

GOOD = {"COURSE_URL": "http://localhost:8610", "COURSE_SECRET": KEY}


@pytest.fixture
def start() -> Iterator[Any]:
    with replicas() as start:
        yield start


@pytest.fixture
def replica(start: Any, tmp_path: Path) -> Replica:
    url = f"sqlite:///{tmp_path / 'class.db'}"
    found: Replica = start(tmp_path, url, environ={"COURSE_METRICS_PORT": str(free_port()), "COURSE_DRAIN_SECONDS": "1"})
    return found.wait_ready()


def test_at_first_it_prints_the_link_that_makes_an_admin(replica: Replica, tmp_path: Path) -> None:
    eventually(lambda: len(replica.said) == 3)
    assert re.fullmatch(rf"{replica.url}/link/[\w-]{{40,}}\n", replica.said[1])
    assert replica.status(replica.said[1].strip().removeprefix(replica.url)) == 200
    secret = replica.said[1].strip().rpartition("/")[2]
    assert not any(secret in str(line) for line in replica.logged), "what opens a door is in the log"


def test_once_there_is_an_admin_it_prints_none(start: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'class.db'}"
    engine = open_database(url)
    with session_of(engine, writes=True) as session:
        session.add(Learner(id=1, name="Ada"))
        session.flush()
        session.add(Account(learner_id=1, email="ada@example.org", role=Role.ADMIN))
    with session_of(engine, writes=True) as session:
        assert one_time_links.setup_link(session) is None
    engine.dispose()
    replica = start(tmp_path, url).wait_ready()
    eventually(lambda: replica.said)
    assert replica.stop() == 0
    assert len(replica.said) == 1


def test_told_to_stop_it_first_says_that_it_is_not_ready_then_finishes_and_leaves_with_0(replica: Replica) -> None:
    slow = _Slow(replica.port)
    replica.process.send_signal(signal.SIGTERM)
    eventually(lambda: replica.status("/readyz") == 503, 1)
    assert replica.status("/healthz") == 200, "it still serves"
    time.sleep(1.2)
    assert slow.finish() in (303, 401, 403), "a request that was under way was cut off"
    assert replica.process.wait(timeout=20) == 0


class _Slow:
    """A form that is being sent while the server is asked to stop."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(
            f"POST /theme HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            "Content-Length: 10\r\n\r\ntheme".encode()
        )
        time.sleep(0.1)

    def finish(self) -> int:
        self._socket.sendall(b"=dark")
        answer = http.client.HTTPResponse(self._socket)
        answer.begin()
        answer.read()
        self._socket.close()
        return answer.status


def test_a_stop_drains_streams_and_takes_no_longer_than_it_must(start: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'class.db'}"
    replica: Replica = start(tmp_path, url).wait_ready()
    cookie = _sign_in(url, replica.port)
    connection = http.client.HTTPConnection("127.0.0.1", replica.port, timeout=20)
    connection.request("GET", "/progress/events", headers={"cookie": cookie})
    stream = connection.getresponse()
    assert b"newest" in stream.readline() + stream.readline()
    begun = time.monotonic()
    replica.process.send_signal(signal.SIGTERM)
    stream.read()  # to its end
    connection.close()
    assert replica.process.wait(timeout=20) == 0
    assert time.monotonic() - begun < 3
    (line,) = [line for line in replica.logged if line.get("stream")]
    assert (line["route"], line["status"], line["learner"]) == ("/progress/events", 200, 1)


def _sign_in(url: str, port: int, data: Path | None = None) -> str:
    """Somebody new, straight in the database; gives the cookie of their browser."""
    settings = Settings.for_classroom({**GOOD, "COURSE_URL": f"http://127.0.0.1:{port}", "DATABASE_URL": url})
    app = FastAPI()
    app.state.engine, app.state.secret = open_database(url), settings.secret()
    classroom = Classroom(app, settings)
    name, value, _ = classroom.cookie(classroom.person(f"Somebody {time.monotonic_ns()}"))
    app.state.engine.dispose()
    return f"{name}={value}"


def test_each_request_leaves_one_line_with_its_id_and_nothing_about_people(start: Any, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'class.db'}"
    replica: Replica = start(tmp_path, url).wait_ready()
    cookie = _sign_in(url, replica.port)
    for path, headers in {
        "/lessons/lesson-7?token=hidden": {"cookie": cookie, "x-request-id": "from-the-proxy.1"},
        "/nothing/secret-in-a-path": {"x-request-id": "short"},
        "/link/opens-a-door-opens-a-door": {"x-request-id": 'break"out\\n'},
        "/static/css/app.css": {},
        "/healthz": {},
    }.items():
        replica.status(path, headers=headers)
    eventually(lambda: len(replica.logged) >= 4)
    assert replica.stop() == 0
    lines = [line for line in replica.logged if line["logger"] == "course.requests"]
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/lessons/{lesson_id}", 200),
        ("none", 404),
        ("/link/{secret}", 404),
        ("/static", 200),
    ]
    assert lines[0]["id"] == "from-the-proxy.1"
    assert lines[0]["learner"] == 1
    assert set(lines[0]) == {"at", "level", "logger", "message", "id", "method", "route", "status", "ms", "learner"}
    assert all(re.fullmatch("[0-9a-f]{16}", line["id"]) for line in lines[1:])
    told = "\n".join(map(str, replica.logged))
    for hidden in ("hidden", "secret-in-a-path", "opens-a-door", "127.0.0.1", "Somebody", cookie.partition("=")[2]):
        assert hidden not in told
    assert replica.trouble == []


@pytest.mark.parametrize("given", [None, "", "short", "a" * 65, "line\nbreak-in-it", "-leading-dash", "with spaces in it", "ünïcödé-id"])
def test_an_id_that_is_none_is_replaced(given: str | None) -> None:
    assert re.fullmatch("[0-9a-f]{16}", request_log.request_id(given))


def test_metrics_are_served_apart_and_say_nothing_about_people(replica: Replica, tmp_path: Path) -> None:
    replica.status("/lessons/lesson-3")
    replica.status("/no/such/1")
    replica.status("/no/such/2")
    port = re.search(rb"COURSE_METRICS_PORT=(\d+)", Path(f"/proc/{replica.process.pid}/environ").read_bytes())
    assert port is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{int(port[1])}/metrics", timeout=10) as answer:
        told = answer.read().decode()
    assert 'course_requests_total{method="GET",route="/lessons/{lesson_id}",status=' in told
    assert 'route="none",status="404"} 2.0' in told
    for name in ("course_request_seconds_bucket", "course_open_streams", "course_build_info", "course_database_connections", "process_cpu"):
        assert name in told
    assert "such" not in told
    assert replica.status("/metrics") == 404, "the world could read it"


def test_a_stranger_cannot_make_new_series(classroom: Classroom) -> None:
    nobody = classroom.client()
    for number in range(30):
        nobody.request(f"ODD{number}", f"/made-up/{number}")
        nobody.get(f"/lessons/lesson-{number}", headers={"host": f"host-{number}.example"})
    series = [each for family in classroom.app.state.metrics.registry.collect() for each in family.samples if "requests" in each.name]
    assert len(series) < 10
    assert {each.labels["method"] for each in series} <= {"GET", "other"}


def test_what_breaks_is_logged_with_its_traceback_under_the_id_that_the_page_shows(
    classroom: Classroom, capsys: pytest.CaptureFixture[str]
) -> None:
    import io
    import json
    import logging

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request_log.JsonLines())
    logging.getLogger("course").addHandler(handler)

    @classroom.app.get("/sign-in/broken/{secret}", name="course:theme")  # a public name: nobody has signed in
    async def broken(secret: str) -> None:
        raise ZeroDivisionError

    try:
        client = TestClient(classroom.app, base_url=classroom.settings.url, raise_server_exceptions=False)
        answer = client.get("/sign-in/broken/opens-a-door", headers={"x-request-id": "what-the-page-says"})
    finally:
        logging.getLogger("course").removeHandler(handler)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "what-the-page-says"
    assert "what-the-page-says" in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    (line,) = [line for line in lines if line["level"] == "error"]
    assert line["id"] == "what-the-page-says"
    assert "ZeroDivisionError" in line["traceback"]
    assert "opens-a-door" not in stream.getvalue()


REFUSED = [
    pytest.param({}, [], "COURSE_URL is not set", id="nothing set"),
    pytest.param({"COURSE_URL": "http://course.example.org", "COURSE_SECRET": KEY}, [], "over http", id="no TLS"),
    pytest.param({**GOOD, "COURSE_SECRET": "change-me-change-me-change-me-change-me"}, [], "could be guessed", id="a default secret"),
    pytest.param({**GOOD, "COURSE_SECRET": ""}, [], "COURSE_SECRET is not set", id="no secret"),
    pytest.param({**GOOD, "COURSE_TRUSTED_PROXIES": "0.0.0.0/0"}, [], "from any address", id="every proxy trusted"),
    pytest.param({**GOOD, "COURSE_TRUSTED_PROXIES": "*"}, [], "no address and no network", id="a star for proxies"),
    pytest.param({**GOOD, "COURSE_METRICS_PORT": "70000"}, [], "no port", id="no port for metrics"),
    pytest.param({**GOOD, "DATABASE_URL": "postgresql://u:p@h/d", "COURSE_DATABASE_PASSWORD": "x"}, [], "no password", id="two passwords"),
    pytest.param({**GOOD, "DATABASE_URL_FILE": "/nowhere"}, [], "cannot be read", id="a secret that is not mounted"),
    pytest.param(GOOD, ["--context", "kind"], "COURSE_CLUSTER_KUBECONFIG", id="a context"),
]


@pytest.mark.parametrize(("environ", "options", "told"), REFUSED)
def test_unsafe_settings_are_refused_in_a_sentence(
    environ: dict[str, str],
    options: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    for name in [name for name in os.environ if name.startswith(("COURSE_", "DATABASE_"))]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert main(["serve", "--classroom", "--data", str(tmp_path), *options]) in (2, 3)
    said = capsys.readouterr().err
    assert told in said
    assert KEY not in said


def test_without_sign_in_nobody_else_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    assert "--classroom" in capsys.readouterr().err


def test_a_password_in_a_file_becomes_part_of_the_address(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p@ss/wörd\n", encoding="utf-8")
    settings = Settings.for_classroom(
        {**GOOD, "DATABASE_URL": "postgresql://course@db/course", "COURSE_DATABASE_PASSWORD_FILE": str(tmp_path / "password")}
    )
    assert settings.database_url == "postgresql://course:p%40ss%2Fw%C3%B6rd@db/course"


@pytest.mark.parametrize(
    ("proxies", "seen"),
    [("127.0.0.0/8", "203.0.113.9"), ("10.0.0.0/8", "127.0.0.1"), ("", "127.0.0.1")],
    ids=["trusted", "another network", "none"],
)
def test_the_address_of_a_client_is_taken_from_trusted_proxies_alone(proxies: str, seen: str, start: Any, tmp_path: Path) -> None:
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    settings = Settings.for_classroom({**GOOD, "COURSE_TRUSTED_PROXIES": proxies})
    found: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    layer: Any = ProxyHeadersMiddleware(app, settings.proxies) if settings.proxies else app  # as `course serve` does
    TestClient(layer, client=("127.0.0.1", 5)).get("/", headers={"x-forwarded-for": "198.51.100.1, 203.0.113.9"})
    assert found == [seen]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("proxies", "warned"), [("10.0.0.0/8", 1), ("127.0.0.1", 0)], ids=["another network", "trusted"])
def test_a_proxy_that_nobody_trusts_is_told_once(classroom: Classroom, proxies: str, warned: int, caplog: pytest.LogCaptureFixture) -> None:
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    layer: Any = ProxyHeadersMiddleware(classroom.app, proxies)  # type: ignore[arg-type] # an app, to Starlette
    browser = TestClient(layer, base_url=classroom.settings.url, client=("127.0.0.1", 5))
    assert browser.get("/sign-in").status_code == 200
    assert "X-Forwarded-For" not in caplog.text, "without a proxy there is nothing to say"
    for _ in range(3):
        assert browser.get("/sign-in", headers={"x-forwarded-for": "198.51.100.1, 203.0.113.9"}).status_code == 200
    assert caplog.text.count("COURSE_TRUSTED_PROXIES does not name") == warned
    assert "203.0.113.9" not in caplog.text


def test_a_database_that_is_away_is_told_without_its_name(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.for_classroom({**GOOD, "DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}"}, tmp_path)
    app = create_app(settings, course=course)
    engine = app.state.engine
    with TestClient(app, base_url=settings.url) as client:
        app.state.engine = type("Gone", (), {"__getattr__": lambda _, name: getattr(engine, name)})()
        app.state.engine = engine
        (tmp_path / "x.db").rename(tmp_path / "y.db")
        engine.dispose()
        (tmp_path / "x.db").mkdir()
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "cannot reach its database" in answer.text
    assert "x.db" not in answer.text
    assert answer.headers["retry-after"] == "5"


def test_the_metrics_port_that_is_taken_is_told(classroom: Classroom) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(GradingError, match="for /metrics"):
            classroom.app.state.metrics.serve("127.0.0.1", holder.getsockname()[1])
