"""Handing in from the terminal: to a real server, with the plug pulled in between, and without ever changing what grading says."""

from __future__ import annotations

import http.server
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from app.db import session_of
from app.models import Attempt, Origin
from graders.terminal import account, outbox
from graders.terminal.account import Account
from tests.cases import EXERCISES
from tests.cli.conftest import GOOD, Grade, environment, finished, start, written
from tests.sources.certificates import issue, tls
from tests.web.classroom import Classroom
from tests.web.conftest import classroom_server, classroom_settings, course, free_port, serving

__all__ = ["classroom_server", "classroom_settings", "course"]  # fixtures
GUIDE = str(EXERCISES / "guide")


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'classroom.db'}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of the one who grades."""
    folder = tmp_path / "mine"
    monkeypatch.setenv("COURSE_DATA", str(folder))
    monkeypatch.delenv("COURSE_TOKEN", raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def signed_in(classroom_server: Classroom, home: Path, grade: Grade, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    """A classroom in which Ada's terminal is signed in."""
    monkeypatch.setenv("COURSE_TOKEN", classroom_server.token(classroom_server.person("Ada")))
    ran = grade("login", classroom_server.settings.url)
    assert (ran.status, ran.out) == (0, "")
    monkeypatch.delenv("COURSE_TOKEN")
    return classroom_server


def attempts(classroom: Classroom) -> list[Attempt]:
    with session_of(classroom.app.state.engine, writes=False) as session:
        return list(session.exec(select(Attempt).order_by(col(Attempt.id))))


def waiting(home: Path) -> list[Path]:
    return sorted((home / outbox.FOLDER).glob("*.json"))


def pretend(home: Path, url: str, email: str = "ada@example.org") -> None:
    """Sign in without a server."""
    account.save(Account(url, "course_" + "x" * 43, "Ada", email))


class Answering(http.server.BaseHTTPRequestHandler):
    """A server that gives one answer to everything."""

    status = 200
    headers_sent: tuple[tuple[str, str], ...] = ()
    body = b"{}"
    pause = 0.0
    seen: list[tuple[str, dict[str, str], bytes]]

    def answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.seen.append((self.path, dict(self.headers.items()), self.rfile.read(length)))
        time.sleep(self.pause)
        self.send_response(self.status)
        for name, value in self.headers_sent:
            self.send_header(name, value)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = answer

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def server(*, over: ssl.SSLContext | None = None, **answer: Any) -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """A server that answers so; gives its address and what it was asked."""
    seen: list[tuple[str, dict[str, str], bytes]] = []
    kind = type("Kind", (Answering,), {"seen": seen, **answer})
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    made.daemon_threads = True
    if over is not None:
        made.socket = over.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    try:
        yield f"{'https' if over else 'http'}://127.0.0.1:{made.server_port}", seen
    finally:
        made.shutdown()
        made.server_close()


# Signing in.


def test_signing_in_keeps_the_token_for_the_users_eyes_alone(signed_in: Classroom, home: Path) -> None:
    path = home / account.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held = account.load()
    assert held is not None
    assert (held.url, held.name, held.email) == (signed_in.settings.url, "Ada", "ada@example.org")
    assert held.token not in repr(held)
    assert list(home.glob("*.tmp")) == []


def test_the_token_comes_on_standard_input_and_is_printed_nowhere(classroom_server: Classroom, home: Path) -> None:
    token = classroom_server.token(classroom_server.person("Ada"))
    ran = finished(start(["login", classroom_server.settings.url, "--token", "-"], stdin=subprocess.PIPE), token.encode() + b"\n")
    assert ran.status == 0, ran.err
    assert "Signed in" in ran.err
    assert "as Ada (ada@example.org)" in ran.err
    assert token not in ran.out + ran.err


def test_signing_out_forgets_it(signed_in: Classroom, home: Path, grade: Grade) -> None:
    assert "Signed out" in grade("logout").err
    assert not (home / account.FILE).exists()
    assert "not signed in" in grade("logout").err


ADDRESSES = [
    pytest.param("https://course.example.org", "https://course.example.org", id="as it is"),
    pytest.param("course.example.org", "https://course.example.org", id="without a scheme"),
    pytest.param(" HTTPS://Course.Example.org/account?x#tokens ", "https://course.example.org", id="copied from the browser"),
    pytest.param("localhost:8610", "http://localhost:8610", id="this machine"),
    pytest.param("http://127.0.0.1:8610/", "http://127.0.0.1:8610", id="this machine by number"),
    pytest.param("http://[::1]:8610", "http://[::1]:8610", id="this machine by its newer number"),
]


@pytest.mark.parametrize(("typed", "used"), ADDRESSES)
def test_the_address_is_that_of_the_server(typed: str, used: str) -> None:
    assert account.checked_url(typed) == used


WRONG = [
    pytest.param(["login"], 2, "Which classroom?", id="no address"),
    pytest.param(["login", "http://course.example.org"], 2, "could read your token", id="in the clear"),
    pytest.param(["login", "http://localhost.example.org"], 2, "could read your token", id="only called like this machine"),
    pytest.param(["login", "ftp://course.example.org"], 2, "over https", id="no web address"),
    pytest.param(["login", "https://user:pw@course.example.org"], 2, "no address of a server", id="with a password in it"),
    pytest.param(["login", "https://"], 2, "no address of a server", id="without a host"),
    pytest.param(["login", "https://host:port"], 2, "no address of a server", id="with a port in words"),
    pytest.param(["login", "https://course.example.org", "--token", "course_abc"], 2, "can be read by others", id="a token for all to see"),
    pytest.param(["login", "https://course.example.org", "now"], 2, "does not take `now`", id="one word too many"),
    pytest.param(["submit", "lesson-1"], 2, "does not take `lesson-1`", id="a lesson to submit"),
    pytest.param(["submit"], 3, "not signed in", id="nothing to submit to"),
    pytest.param(["lesson-1", "--watch", "--submit"], 2, "--submit hands in once", id="watching and submitting"),
]


@pytest.mark.parametrize(("argv", "status", "told"), WRONG)
def test_slips_are_told(grade: Grade, home: Path, argv: list[str], status: int, told: str) -> None:
    ran = grade(*argv)
    assert (ran.status, ran.out) == (status, "")
    assert told in ran.err
    assert len(ran.err.strip().splitlines()) == 2, "what is wrong, and what to do"


REFUSALS: list[Any] = [
    pytest.param({"status": 401, "body": b'{"error": "x"}'}, "does not accept that token", id="no token of theirs"),
    pytest.param({"status": 404, "body": b'{"error": "x"}'}, "no classroom", id="a course without a classroom"),
    pytest.param({"status": 404, "body": b"<html>"}, "no classroom of this course", id="another site"),
    pytest.param({"status": 200, "body": b"<html>"}, "no classroom of this course", id="a page"),
    pytest.param({"status": 200, "body": b'{"name": 1, "email": []}'}, "no classroom of this course", id="names that are none"),
    pytest.param({"status": 200, "body": b"[" * 100_000}, "no classroom of this course", id="brackets without an end"),
    pytest.param({"status": 500}, "cannot answer just now", id="a server that broke"),
    pytest.param({"status": 302, "headers_sent": (("location", "http://127.0.0.1:1/"),)}, "leads elsewhere", id="another address"),
    pytest.param({"status": 421, "body": b"This is the course on x"}, "under another name", id="another name of the same server"),
]


@pytest.mark.parametrize(("answer", "told"), REFUSALS)
def test_why_signing_in_failed_is_told(grade: Grade, home: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, told: str) -> None:
    monkeypatch.setenv("COURSE_TOKEN", "course_" + "x" * 43)
    with server(**answer) as (url, seen):
        ran = grade("login", url)
    assert ran.status == 3
    assert told in ran.err
    assert not (home / account.FILE).exists()
    assert len(seen) == 1, "no redirect is followed with the token"


def test_a_host_that_is_not_there_is_told(grade: Grade, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_TOKEN", "course_" + "x" * 43)
    assert "There is no host nowhere.invalid" in grade("login", "https://nowhere.invalid").err
    assert "Nothing answers" in grade("login", f"127.0.0.1:{free_port()}").err


def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_token_is_sent(
    grade: Grade, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = issue("somebody")
    context = tls(tmp_path, issue("server", authority))
    monkeypatch.setenv("COURSE_TOKEN", "course_" + "x" * 43)
    with server(over=context, body=b'{"name": "Ada", "email": "ada@example.org"}') as (url, seen):
        ran = grade("login", url)
        assert (ran.status, seen) == (3, [])
        assert "certificate is not valid" in ran.err
        assert "Nothing was sent" in ran.err
        monkeypatch.setenv("SSL_CERT_FILE", authority.files(tmp_path, "authority")[0])
        assert grade("login", url).status == 0, "an authority of one's own can be named"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": 1}', '{"url": "http://evil.example", "token": "x", "name": "", "email": ""}'])
def test_a_file_that_is_not_as_it_was_written_is_told_and_grading_goes_on(grade: Grade, home: Path, good: Path, content: str) -> None:
    written(home / account.FILE, content)
    ran = grade("1", "-f", str(good), "--submit")
    assert ran.status == 0
    assert "Not handed in" in ran.err
    assert "grade login" in ran.err


# Handing in.


def test_what_is_handed_in_is_judged_there_and_printed_as_ever(signed_in: Classroom, grade: Grade, home: Path, half: Path) -> None:
    plain = grade("1", "-f", str(half))
    ran = grade("1", "-f", str(half), "--submit")
    assert (ran.status, ran.out) == (plain.status, plain.out) == (1, ran.out)
    assert "Handed in to" in ran.err
    assert "2 of 3 objectives, reported by the learner" in ran.err
    (attempt,) = attempts(signed_in)
    assert (attempt.origin, attempt.lesson_id, attempt.passed, attempt.counted) == (Origin.SUBMITTED, "lesson-1", 2, 3)
    assert waiting(home) == []


def test_all_lessons_are_handed_in_as_one(signed_in: Classroom, grade: Grade) -> None:
    ran = grade("all", "-f", GUIDE, "--submit", "--format", "json")
    told = {each["lesson"]: each for each in json.loads(ran.out)["lessons"]}
    stored = {attempt.lesson_id: attempt for attempt in attempts(signed_in)}
    assert len(stored) > 5
    for lesson, attempt in stored.items():
        assert [each["status"] for each in attempt.report["objectives"]] == [each["status"] for each in told[lesson]["objectives"]]
        assert attempt.report["problems"] == told[lesson]["problems"]


@pytest.mark.cluster
def test_a_cluster_is_handed_in_with_its_id(signed_in: Classroom, grade: Grade, kubeconfig: Path) -> None:
    ran = grade("0", "--kubeconfig", str(kubeconfig), "--submit")
    assert "Handed in to" in ran.err, ran.err
    (attempt,) = attempts(signed_in)
    assert attempt.source == "cluster"
    assert len(attempt.cluster) == 36


def test_without_a_classroom_grading_is_as_ever_and_says_how_to_sign_in(grade: Grade, home: Path, good: Path) -> None:
    ran = grade("1", "-f", str(good), "--submit")
    assert ran.status == 0
    assert "not signed in to a classroom" in ran.err
    assert waiting(home) == []


def test_the_home_folder_is_nobodys_business(
    signed_in: Classroom, grade: Grade, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "ada.lovelace"))
    path = written(tmp_path / "ada.lovelace" / "work" / "ns.yaml", GOOD.replace("app: rag-engine", "app: x"))
    grade("1", "-f", str(path), "--submit")
    (attempt,) = attempts(signed_in)
    assert attempt.report["source"]["files"] == [str(Path("~/work/ns.yaml"))]
    assert "ada.lovelace" not in json.dumps(attempt.report)


def test_what_cannot_be_sent_waits_and_goes_with_the_next(grade: Grade, home: Path, good: Path, half: Path) -> None:
    port = free_port()
    pretend(home, f"http://127.0.0.1:{port}")
    for path in (good, half):
        ran = grade("1", "-f", str(path), "--submit")
        assert "Not handed in yet. Nothing answers" in ran.err
    assert ran.status == 1, "the exit status is grading's"
    first, second = waiting(home)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert grade("submit").status == 3
    assert waiting(home) == [first, second]


def test_a_server_that_comes_back_gets_everything_once(signed_in: Classroom, grade: Grade, home: Path, good: Path, half: Path) -> None:
    """It is away, then answers and loses its answer, then is there."""
    held = account.load()
    assert held is not None
    away = Account(f"http://127.0.0.1:{free_port()}", held.token, held.name, held.email)
    account.save(away)
    grade("1", "-f", str(half), "--submit")
    grade("1", "-f", str(half), "--submit")
    for path in waiting(home):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "url": held.url}))
    account.save(held)
    copies = {path: path.read_bytes() for path in waiting(home)}
    ran = grade("1", "-f", str(good), "--submit")
    assert "2 submissions from before were handed in" in ran.err
    assert waiting(home) == []
    assert len(attempts(signed_in)) == 3
    for path, content in copies.items():  # as if the answer had been lost on the way
        path.write_bytes(content)
    assert grade("submit").status == 0
    assert waiting(home) == []
    assert len(attempts(signed_in)) == 3


def test_what_the_server_will_never_take_is_put_aside_with_the_reason(signed_in: Classroom, grade: Grade, home: Path, good: Path) -> None:
    held = account.load()
    assert held is not None
    waits, _ = outbox.put(held, {"key": "0" * 32, "lessons": ["lesson-1"], "snapshot": {"taken_at": "2026-11-25"}})
    ran = grade("submit")
    assert ran.status == 3
    assert "does not take it" in ran.err
    assert waiting(home) == []
    aside = home / outbox.FOLDER / "refused" / waits.path.name
    assert "has no" in json.loads(aside.read_text())["refused"]
    assert grade("submit").status == 0, "it is not tried for ever"


WAITS = [
    pytest.param({"status": 401, "body": b'{"error": "x"}'}, "Sign in again", id="a token that was revoked"),
    pytest.param({"status": 500}, "could not take it just now", id="a server that broke"),
    pytest.param({"status": 503, "body": b'{"error": "x"}'}, "could not take it just now", id="a database that is away"),
    pytest.param({"status": 429, "headers_sent": (("retry-after", "17"),), "body": b'{"error": "x"}'}, "17 seconds", id="too often"),
    pytest.param({"status": 404, "body": b'{"error": "x"}'}, "older version", id="an older server"),
    pytest.param({"status": 413, "body": b"<html>nginx"}, "HTTP status 413", id="something in between"),
    pytest.param(
        {"status": 200, "body": b"<html>sign in to the wireless network"}, "HTTP status 200", id="a network that asks for a password"
    ),
    pytest.param({"status": 302, "headers_sent": (("location", "/"),)}, "leads elsewhere", id="a redirect"),
]


@pytest.mark.parametrize(("answer", "told"), WAITS)
def test_what_is_no_refusal_of_the_courses_own_loses_nothing(grade: Grade, home: Path, good: Path, answer: Any, told: str) -> None:
    with server(**answer) as (url, _):
        pretend(home, url)
        ran = grade("1", "-f", str(good), "--submit")
    assert ran.status == 0
    assert told in ran.err
    assert len(waiting(home)) == 1


def test_nobody_hands_in_what_somebody_else_has_graded(signed_in: Classroom, grade: Grade, home: Path, good: Path) -> None:
    held = account.load()
    assert held is not None
    pretend(home, f"http://127.0.0.1:{free_port()}", email="bob@example.org")
    grade("1", "-f", str(good), "--submit")
    account.save(held)
    ran = grade("submit")
    assert "1 submission of another account or server waits" in ran.err
    assert len(waiting(home)) == 1
    assert attempts(signed_in) == []


def test_the_outbox_keeps_the_newest_and_says_what_it_drops(grade: Grade, home: Path, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST", 2)
    pretend(home, f"http://127.0.0.1:{free_port()}")
    ran = [grade("1", "-f", str(good), "--submit") for _ in range(3)]
    assert "Dropped" not in ran[1].err
    assert "Dropped from the outbox, which holds 2: lesson-1 of 2" in ran[2].err
    assert len(waiting(home)) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"url": "x", "email": "y", "body": {}}', b"[" * 100_000])
def test_a_file_that_is_none_of_ours_stops_nothing(signed_in: Classroom, grade: Grade, home: Path, good: Path, content: bytes) -> None:
    folder = home / outbox.FOLDER
    folder.mkdir(parents=True)
    (folder / "00-x.json").write_bytes(content)
    (folder / "01-x.json.77.tmp").write_bytes(b"half")
    ran = grade("1", "-f", str(good), "--submit")
    assert "Handed in to" in ran.err
    assert waiting(home) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_changes_no_exit_status(grade: Grade, home: Path, good: Path) -> None:
    pretend(home, "http://127.0.0.1:9")
    home.chmod(0o500)
    try:
        ran = grade("1", "-f", str(good), "--submit")
    finally:
        home.chmod(0o700)
    assert ran.status == 0
    assert "could not be put into the outbox" in ran.err


def test_a_full_disk_is_told_and_grading_stands(grade: Grade, home: Path, good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(home, "http://127.0.0.1:9")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = grade("1", "-f", str(good), "--submit")
    assert ran.status == 0
    assert "No space left on device" in ran.err
    assert list((home / outbox.FOLDER).iterdir()) == []


def test_where_the_server_sees_it_otherwise_that_is_told(grade: Grade, home: Path, good: Path) -> None:
    objectives = [
        {"id": "app-label", "status": "failed"},
        {"id": "namespace-exists", "status": "passed"},
        {"id": "new-there", "status": "failed"},
    ]
    told = {"schema": 1, "lesson": "lesson-1", "objectives": objectives, "passed": 2, "counted": 3}
    told |= {"assurance": "reported by the learner", "engine": "9.9", "recorded": True}
    with server(status=201, body=json.dumps(told).encode()) as (url, _):
        pretend(home, url)
        ran = grade("1", "-f", str(good), "--submit")
    assert ran.status == 0
    assert "The server, version 9.9, sees 1 otherwise" in ran.err
    assert "lesson-1 app-label: failed there, passed here" in ran.err
    assert "new-there" not in ran.err


@pytest.mark.parametrize(
    "told", [{"objectives": 5}, {"lessons": 7}, {"lessons": [3]}, {"lesson": None, "objectives": [1]}, {"engine": "\x1b[2J"}]
)
def test_odd_answers_of_a_server_are_harmless(grade: Grade, home: Path, good: Path, told: Any) -> None:
    body = json.dumps({"assurance": "x", "recorded": True, **told}).encode()
    with server(status=201, body=body) as (url, _):
        pretend(home, url)
        ran = grade("1", "-f", str(good), "--submit")
    assert ran.status == 0
    assert "\x1b" not in ran.err
    assert "Traceback" not in ran.err


def test_no_value_of_a_secret_is_on_the_wire_or_on_the_disk(grade: Grade, home: Path, tmp_path: Path) -> None:
    value = "cAnArY-0123456789"
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: rag-engine-secrets}\nstringData:\n  database-url: postgresql://u:%s@h/d\n"
    config = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: rag-engine-config}\ndata: {DB_PASSWORD: %s}\n"
    path = written(tmp_path / "secret.yaml", (secret + config) % (value, value))
    with server(status=500) as (url, seen):
        pretend(home, url)
        grade("all", "-f", str(path), "--submit")
    (request,) = seen
    assert request[0] == "/api/submissions"
    assert b"rag-engine-secrets" in request[2]
    assert value.encode() not in request[2]
    assert not any(value.encode() in each.read_bytes() for each in home.rglob("*") if each.is_file())


def test_the_token_goes_to_that_server_alone_and_the_body_is_as_it_was_kept(grade: Grade, home: Path, good: Path) -> None:
    with server(status=500) as (url, seen):
        pretend(home, url)
        grade("1", "-f", str(good), "--submit")
        grade("submit")
    assert [request[1]["Authorization"] for request in seen] == ["Bearer course_" + "x" * 43] * 2
    assert seen[0][2] == seen[1][2], "the same key and the same digest, however often"


# Interrupted.


def test_a_run_that_is_killed_while_it_writes_leaves_a_whole_file_or_none(home: Path, good: Path) -> None:
    pretend(home, f"http://127.0.0.1:{free_port()}")
    code = (
        "import os, sys, time\n"
        "real = os.fsync\n"
        "def slow(descriptor):\n"
        "    print('writing', file=sys.stderr, flush=True)\n"
        "    time.sleep(60)\n"
        "os.fsync = slow\n"
        "from graders.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "1", "-f", str(good), "--submit"], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        while b"writing" not in process.stderr.readline():
            assert process.poll() is None
        process.kill()
    assert waiting(home) == []
    assert [path.suffix for path in (home / outbox.FOLDER).iterdir()] == [".tmp"]
    assert list(outbox.waiting()) == []


def test_a_run_that_is_killed_while_it_sends_loses_nothing(home: Path, good: Path) -> None:
    with server(status=201, pause=30.0) as (url, seen):
        pretend(home, url)
        process = start(["1", "-f", str(good), "--submit"])
        deadline = time.monotonic() + 20
        while not seen:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (path,) = waiting(home)
    assert json.loads(path.read_text())["body"]["lessons"] == ["lesson-1"]


def test_the_server_restarts_in_between(home: Path, tmp_path: Path, grade: Grade, good: Path, classroom_settings: Any, course: Any) -> None:
    from app.main import create_app

    app = create_app(classroom_settings, course=course)
    classroom = Classroom(app, classroom_settings)
    token = classroom.token(classroom.person("Ada"))
    account.save(Account(classroom_settings.url, token, "Ada", "ada@example.org"))
    with serving(app, classroom_settings.port):
        assert "Handed in" in grade("1", "-f", str(good), "--submit").err
    assert "Not handed in yet" in grade("1", "-f", str(good), "--submit").err
    again = create_app(classroom_settings, course=course)
    with serving(again, classroom_settings.port):
        assert grade("submit").status == 0
        assert len(attempts(Classroom(again, classroom_settings))) == 2


def test_nothing_more_is_loaded_for_those_who_hand_nothing_in(good: Path, home: Path) -> None:
    code = "import sys; from graders.cli import main; main(sys.argv[1:]); print(*sys.modules, sep='\\n', file=sys.stderr)"

    def loaded(*argv: str) -> set[str]:
        ran = subprocess.run([sys.executable, "-c", code, *argv], env=environment(), capture_output=True, text=True, check=True)
        return set(ran.stderr.splitlines())

    modules = loaded("1", "-f", str(good))
    assert not modules & {"graders.wire", "graders.terminal.submitting", "graders.terminal.account", "urllib3", "ssl", "hashlib"}
    assert "urllib3" not in loaded("1", "-f", str(good), "--submit"), "nor without a classroom"
