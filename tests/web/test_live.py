"""The live panel with a cluster that a test plays: pages, the stream, who is woken when, what is recorded, and how it ends."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine
from sqlmodel import select

from app.config import Settings
from app.db import open_database, session_of
from app.models import Attempt, Learner, Origin
from app.routes.live import Stream
from app.services import live
from app.services.attempts import record
from app.services.cluster_choice import Place, practice_kubeconfig
from app.services.feed import ATTEMPTS
from app.services.lesson_texts import Addresses, Course
from app.services.live import Hub
from app.services.live_panel import Panels
from app.services.live_picture import KINDS_READ, Cause, Picture, State, Trouble
from app.serving import Server
from graders.engine import evaluate
from graders.errors import ClusterUnavailable
from graders.lessons import LESSONS
from graders.snapshot import Snapshot
from graders.sources.cluster import unavailable_snapshot
from tests.sources.faulty import kubeconfig, serving, url
from tests.web.client import Client
from tests.web.loops import finish
from tests.web.test_live_start import program

Json = dict[str, Any]
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rag-engine", "resourceVersion": "1"}}
PLACE = Place("own", None, None, "rag-engine")


def settings_map(level: str, version: int) -> Json:
    metadata = {"name": "rag-engine-config", "namespace": "rag-engine", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ENVIRONMENT": "production", "LOG_LEVEL": level}}


def snapshot(*bodies: Json) -> Snapshot:
    taken = Snapshot.of((NAMESPACE, *bodies), taken_at=datetime.now(UTC), kind="cluster")
    return replace(taken, source=replace(taken.source, context="practice"))


def away() -> Snapshot:
    error = ClusterUnavailable("Nothing answers at h:1.", help="Start the cluster, then check with: kubectl cluster-info")
    return unavailable_snapshot(error, KINDS_READ, namespace="rag-engine", context="practice", taken_at=datetime.now(UTC))


class Played:
    """A cluster that shows what a test puts on it. `trouble` keeps it from being connected to."""

    context = "practice"
    host = "127.0.0.1:6443"

    def __init__(self) -> None:
        self.shown: queue.SimpleQueue[Snapshot] = queue.SimpleQueue()
        self.trouble: Trouble | None = None
        self.opened: list[Place] = []
        self.watches = 0

    def open(self, place: Place) -> Any:
        self.opened.append(place)
        return self.trouble or self

    def watch(self, _: object, __: str, stop: threading.Event, **___: object) -> Iterator[Snapshot]:
        self.watches += 1
        try:
            while not stop.is_set():
                try:
                    yield self.shown.get(timeout=0.02)
                except queue.Empty:
                    continue
        finally:
            self.watches -= 1

    def show(self, *bodies: Json) -> None:
        self.shown.put(snapshot(*bodies))

    def snapshot(self, _: object, **__: object) -> Snapshot:
        return snapshot(settings_map("info", 7))


@pytest.fixture
def cluster(app: FastAPI) -> Played:
    """The cluster that the app sees instead of one that a kubeconfig names."""
    played = Played()
    app.state.open_cluster = played.open
    return played


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_TICK", 0.05)
    monkeypatch.setattr(live, "_SETTLED", 0.2)
    monkeypatch.setattr(live, "_RETRY", 0.1)


def until(fits: Callable[[], Any], within: float = 10) -> Any:
    deadline = time.monotonic() + within
    while not (found := fits()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


class Reader:
    """An open event stream, read as a browser reads it."""

    def __init__(self, server: str, path: str, **headers: str) -> None:
        self._connection = http.client.HTTPConnection(server.removeprefix("http://"), timeout=10)
        self._connection.request("GET", path, headers=headers)
        self.response = self._connection.getresponse()
        self.last = ""

    def event(self) -> tuple[str, Any]:
        """The next event that is no sign of life: its name and its data."""
        name, data = "", ""
        while True:
            line = self.response.readline().decode().rstrip("\n")
            field, _, value = line.partition(":")
            if field == "id":
                self.last = value.strip()
            elif field == "event":
                name = value.strip()
            elif field == "data":
                data += value.strip()
            elif not line:
                if name == "regions":
                    return name, json.loads(data)
                assert name in ("beat", ""), name
                if not name:
                    return "end", None
                name, data = "", ""

    def until(self, fits: Callable[[Json], bool]) -> Json:
        while True:
            name, data = self.event()
            assert name == "regions"
            if fits(data):
                return dict(data)

    def reading(self) -> Json:
        """Everything up to the first picture of the cluster; gives what that event told."""
        return self.until(lambda data: 'data-state="reading"' in data["html"].get("live-head", ""))

    def settings(self, status: str) -> Json:
        """Everything until the objective of the ConfigMap has that status."""
        return self.until(lambda data: f"objective-{status}" in data["html"].get("objective-app-settings", ""))

    def close(self) -> None:
        self.response.close()
        self._connection.close()


@pytest.fixture
def listen(server: str) -> Iterator[Callable[..., Reader]]:
    """Open a stream; all are closed at the end."""
    opened: list[Reader] = []

    def open_one(path: str = "/live/events?lesson=lesson-2", **headers: str) -> Reader:
        opened.append(Reader(server, path, **headers))
        return opened[-1]

    yield open_one
    for stream in opened:
        stream.close()


def attempts(app: FastAPI) -> list[tuple[str, int, str]]:
    with session_of(app.state.engine, writes=False) as session:
        return [(one.lesson_id, one.passed, one.origin) for one in session.exec(select(Attempt).order_by(Attempt.id))]  # type: ignore[arg-type]


class TestPage:
    """The page as it is without JavaScript."""

    def test_shows_what_is_read_and_how_each_lesson_stands(self, cluster: Played, client: Client) -> None:
        cluster.show(settings_map("info", 2))
        page = client.get("/cluster/lesson-2").text
        assert "context practice" in page
        assert "namespace rag-engine" in page
        assert 'id="objective-app-settings" class="objective objective-passed"' in page
        assert page.count('class="live-line') == len(LESSONS)

    def test_without_a_lesson_leads_to_the_one_that_the_learner_is_at(self, cluster: Played, client: Client) -> None:
        assert client.get("/cluster").headers["location"] == "/cluster/lesson-0"

    def test_unknown_lesson_is_no_page(self, cluster: Played, client: Client) -> None:
        assert client.get("/cluster/lesson-99").status_code == 404
        assert client.get("/live/events?lesson=lesson-99").status_code == 404

    def test_check_now_judges_and_records(self, app: FastAPI, cluster: Played, client: Client) -> None:
        answer = client.send_form("/cluster/lesson-2/check")
        assert (answer.status_code, answer.headers["location"]) == (303, "/cluster/lesson-2#objectives")
        assert [(lesson, origin) for lesson, _, origin in attempts(app)] == [("lesson-2", "cluster")]
        assert "Recorded last:" in client.get("/cluster/lesson-2").text

    def test_check_now_without_a_cluster_records_nothing(self, app: FastAPI, cluster: Played, client: Client) -> None:
        cluster.trouble = Trouble(Cause.NO_KUBECONFIG, "There is no kubeconfig.")
        assert client.send_form("/cluster/lesson-2/check").headers["location"] == "/cluster/lesson-2"
        assert attempts(app) == []

    @pytest.mark.parametrize("path", ["/cluster/lesson-2/check", "/cluster/choice", "/cluster/again", "/cluster/start"])
    def test_nothing_changes_without_a_token(self, cluster: Played, client: Client, path: str) -> None:
        assert client.post(path, data={"lesson": "lesson-2"}).status_code == 403

    @pytest.mark.parametrize(
        ("cause", "words"),
        [
            (Cause.NO_KUBECONFIG, ("There is no kubeconfig yet", "course cluster up --merge", "Start the practice cluster")),
            (Cause.BROKEN_KUBECONFIG, ("The kubeconfig cannot be used", "kubectl config view")),
            (Cause.NO_CONTEXT, ("There is no such context", "kubectl config view", "What is read")),
            (Cause.CHOOSE, ("May this page sign in", "Nothing is run before you say so", "/cluster/choice")),
            (Cause.PLUGIN, ("Signing in did not work", "Try again", "/cluster/again")),
            (Cause.UNREACHABLE, ("The cluster does not answer", "Start the practice cluster")),
            (Cause.NOT_ACCEPTED, ("The cluster does not accept you", "kubectl config view")),
            (Cause.OURS, ("The course broke",)),
        ],
    )
    def test_each_trouble_has_words_and_a_way_on(
        self,
        cluster: Played,
        client: Client,
        cause: Cause,
        words: tuple[str, ...],
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        program = tmp_path / "cluster"
        program.touch(0o755)
        monkeypatch.setenv("COURSE_PRACTICE_CLUSTER", str(program))
        cluster.trouble = Trouble(cause, "It is <b>so</b>.", "Do that.", "kubectl config view")
        page = client.get("/cluster/lesson-2").text
        assert "It is &lt;b&gt;so&lt;/b&gt;." in page
        assert [word for word in words if word not in page] == []
        assert 'value=""' not in page.partition("live-trouble")[2].partition("live-columns")[0], "every form has its token"

    def test_program_that_is_missing_is_told_with_the_command(
        self, cluster: Played, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("COURSE_PRACTICE_CLUSTER", str(tmp_path / "no-such"))
        cluster.trouble = Trouble(Cause.NO_KUBECONFIG, "There is none.")
        page = client.get("/cluster/lesson-2").text
        assert 'action="/cluster/start"' not in page
        assert "Name the practice-cluster program" in page
        assert client.send_form("/cluster/start", {"lesson": "lesson-2"}).status_code == 409

    def test_denied_kinds_are_listed_with_the_command_that_shows_it(self, cluster: Played, client: Client) -> None:
        sentence = "Could not read Secrets in namespace rag-engine: access denied. Check with: kubectl auth can-i list secrets"
        cluster.shown.put(replace(snapshot(), unreadable=MappingProxyType({"Secret": sentence})))
        page = client.get("/cluster/lesson-3").text
        assert "1 kind of object could not be read" in page
        assert 'data-copy="kubectl auth can-i list secrets"' in page
        assert "objective-unknown" in page

    def test_namespace_that_is_not_there_is_told(self, cluster: Played, client: Client) -> None:
        cluster.shown.put(replace(snapshot(), objects=()))
        assert "kubectl create namespace rag-engine" in client.get("/cluster/lesson-2").text

    def test_away_from_the_beginning_judges_nothing(self, cluster: Played, client: Client) -> None:
        cluster.shown.put(away())
        page = client.get("/cluster/lesson-2").text
        assert "The cluster does not answer" in page
        assert "Nothing has been read of a cluster yet" in page
        assert "objective-failed" not in page

    @pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "half \ud800 a letter", "\u202eback"])
    def test_odd_names_are_shown_as_text(
        self, cluster: Played, client: Client, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Played, "context", name)
        cluster.show()
        answer = client.get("/cluster/lesson-2")
        assert answer.status_code == 200
        assert "<img" not in answer.text

    def test_choice_moves_the_panel(self, cluster: Played, client: Client) -> None:
        client.get("/cluster/lesson-2")
        answer = client.send_form("/cluster/choice", {"lesson": "lesson-2", "context": "own:work", "namespace": "team-a"})
        assert answer.headers["location"] == "/cluster/lesson-2"
        page = client.get("/cluster/lesson-2").text
        assert "namespace team-a" in page
        assert cluster.opened[-1] == Place("own", None, "work", "team-a")

    def test_choice_that_makes_no_sense_changes_nothing(self, cluster: Played, client: Client) -> None:
        assert client.send_form("/cluster/choice", {"lesson": "lesson-2", "namespace": "No Such"}).status_code == 400
        client.get("/cluster/lesson-2")
        assert cluster.opened[-1] == PLACE

    def test_opening_a_lesson_asks_no_cluster(self, cluster: Played, client: Client) -> None:
        assert client.get("/lessons/lesson-2").status_code == 200
        assert cluster.opened == []

    @pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
    @pytest.mark.parametrize("merge", [False, True], ids=["own file", "merged"])
    def test_cluster_that_was_started_is_read_from_then_on(
        self, cluster: Played, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, merge: bool
    ) -> None:
        path = practice_kubeconfig()
        path.parent.mkdir(parents=True)
        made = kubeconfig(tmp_path / "made", "https://127.0.0.1:1234")
        stand_in = program(tmp_path / "cluster", "echo 'Starting.' >&2", f"cp {made} {path}", f"echo {path}")
        monkeypatch.setenv("COURSE_PRACTICE_CLUSTER", str(stand_in))
        cluster.trouble = Trouble(Cause.NO_KUBECONFIG, "There is none.")
        client.get("/cluster/lesson-2")
        answer = client.send_form("/cluster/start", {"lesson": "lesson-2", **({"merge": "true"} if merge else {})})
        assert answer.headers["location"] == "/cluster/lesson-2#live-start"
        page = until(lambda: started if "practice cluster has started" in (started := client.get("/cluster/lesson-2").text) else "")
        assert "Starting." in page
        assert (f"export KUBECONFIG={path}" in page) is not merge
        wanted = PLACE if merge else Place("practice", str(path), "course", "rag-engine")
        until(lambda: client.get("/cluster/lesson-2") and cluster.opened[-1] == wanted)
        assert "127.0.0.1:1234 (started by the course)" in client.get("/cluster/lesson-2").text


class TestStream:
    """What an open page is told."""

    def test_page_that_has_everything_is_told_nothing_but_changes(
        self, cluster: Played, client: Client, listen: Callable[..., Reader], server: str
    ) -> None:
        cluster.show(settings_map("loud", 2))
        stream = listen()
        stream.settings("failed")
        again = listen(f"/live/events?lesson=lesson-2&since={stream.last}")
        cluster.show(settings_map("info", 3))
        told = again.settings("passed")
        assert "live-choice" not in told["html"], "what has not changed is not sent"
        assert "app-settings passed; " in told["say"]
        assert "ConfigMap/rag-engine-config" in told["html"]["live-changes"]

    def test_ids_grow(self, cluster: Played, listen: Callable[..., Reader]) -> None:
        stream, seen = listen(), []
        for version in range(2, 6):
            cluster.show(settings_map("loud" if version % 2 else "info", version))
            stream.settings("failed" if version % 2 else "passed")
            seen.append(int(stream.last.rpartition(".")[2]))
        assert seen == sorted(set(seen))

    def test_reader_that_comes_back_gets_what_it_has_missed(self, cluster: Played, listen: Callable[..., Reader]) -> None:
        cluster.show(settings_map("loud", 2))
        first = listen()
        first.settings("failed")
        first.close()
        other = listen("/live/events?lesson=lesson-7")
        cluster.show(settings_map("info", 3))
        other.until(lambda data: "live-lesson-2" in data["html"])
        back = listen(**{"Last-Event-ID": first.last})
        _, told = back.event()
        assert "objective-passed" in told["html"]["objective-app-settings"]
        assert "objectives-summary" in told["html"]
        assert "live-choice" not in told["html"]

    @pytest.mark.parametrize("since", ["", "0.0.0", "nonsense", "deadbeef.1.99999", "x" * 90])
    def test_reader_from_another_time_gets_everything(self, cluster: Played, listen: Callable[..., Reader], since: str) -> None:
        cluster.show(settings_map("info", 2))
        told: set[str] = set()
        stream = listen(f"/live/events?lesson=lesson-2&since={since}")
        while not {"live-head", "live-choice", "objective-app-settings", "live-lesson-15"} <= told:
            told |= set(stream.event()[1]["html"])

    def test_choosing_another_place_moves_open_pages(
        self, cluster: Played, client: Client, listen: Callable[..., Reader], server: str
    ) -> None:
        cluster.show(settings_map("info", 2))
        stream = listen()
        stream.settings("passed")
        connection = http.client.HTTPConnection(server.removeprefix("http://"))
        connection.request("GET", "/cluster/lesson-2")
        answer = connection.getresponse()
        cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
        token = answer.read().decode().partition('name="csrf-token" content="')[2].partition('"')[0]
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/cluster/choice", f"csrf_token={token}&lesson=lesson-2&context=&namespace=team-a", headers)
        assert connection.getresponse().status == 303
        connection.close()
        told = stream.until(lambda data: "live-head" in data["html"])
        assert "namespace team-a" in told["html"]["live-head"]
        assert told["say"] == "Now reading context practice, namespace team-a." or "namespace team-a" in told["say"]

    def test_pages_of_other_sites_are_refused(self, cluster: Played, listen: Callable[..., Reader]) -> None:
        assert listen(**{"Sec-Fetch-Site": "cross-site"}).response.status == 403
        assert cluster.opened == []

    def test_strip_tells_what_is_known_and_asks_no_cluster(self, app: FastAPI, cluster: Played, listen: Callable[..., Reader]) -> None:
        strip = listen("/live/events?lesson=lesson-2&strip=true")
        assert "not being watched" in strip.event()[1]["html"]["live-strip-words"]
        assert cluster.opened == []
        cluster.show(settings_map("info", 2))
        listen()
        told = strip.until(lambda data: "on the cluster" in data["html"].get("live-strip-words", ""))
        assert set(told["html"]) == {"live-strip-words"}
        assert "context practice, namespace rag-engine" in told["html"]["live-strip-words"]

    def test_cluster_that_goes_away_and_comes_back(self, cluster: Played, listen: Callable[..., Reader]) -> None:
        cluster.show(settings_map("info", 2))
        stream = listen()
        stream.settings("passed")
        cluster.shown.put(away())
        gone = stream.until(lambda data: "live-trouble" in data["html"])
        assert 'data-cause="unreachable"' in gone["html"]["live-trouble"]
        assert "As last seen" in gone["html"]["live-as-of"]
        assert "objective-app-settings" not in gone["html"], "what was seen stays"
        assert gone["say"] == "The cluster does not answer."
        cluster.show(settings_map("info", 2))
        back = stream.until(lambda data: "live-head" in data["html"])
        assert 'data-state="reading"' in back["html"]["live-head"]
        assert "data-cause" not in back["html"]["live-trouble"]

    def test_trouble_is_tried_again_by_itself(self, cluster: Played, listen: Callable[..., Reader]) -> None:
        cluster.trouble = Trouble(Cause.NO_KUBECONFIG, "There is none.")
        stream = listen()
        stream.until(lambda data: "no-kubeconfig" in data["html"].get("live-trouble", ""))
        cluster.trouble = None
        cluster.show()
        stream.reading()

    def test_plugin_is_not_run_again_by_itself(self, cluster: Played, listen: Callable[..., Reader]) -> None:
        cluster.trouble = Trouble(Cause.PLUGIN, "It failed.")
        stream = listen()
        stream.until(lambda data: "plugin" in data["html"].get("live-trouble", ""))
        time.sleep(0.5)
        assert len(cluster.opened) == 1

    def test_check_that_breaks_is_no_end(self, cluster: Played, listen: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch) -> None:
        broken = iter([True])

        def once(self: Picture, *arguments: Any) -> Picture:
            if next(broken, False):
                raise RuntimeError("broken for a test")
            return after(self, *arguments)

        after = Picture.after
        monkeypatch.setattr(Picture, "after", once)
        cluster.show()
        stream = listen()
        told = stream.until(lambda data: "ours" in data["html"].get("live-trouble", ""))
        assert "no fault of yours" in told["html"]["live-trouble"]
        cluster.show()
        stream.reading()

    def test_what_settles_is_recorded_once_and_shown(self, app: FastAPI, cluster: Played, listen: Callable[..., Reader]) -> None:
        def passed() -> list[int]:
            return [passed for lesson, passed, _ in attempts(app) if lesson == "lesson-2"]

        cluster.show(settings_map("loud", 2))
        stream = listen()
        stream.settings("failed")
        first = until(passed)
        assert len(first) == 1
        cluster.show(settings_map("info", 3))
        until(lambda: len(passed()) == 2)
        words = f"Recorded last: {first[0] + 1} of "
        stream.until(lambda data: words in data["html"].get("live-as-of", ""))
        cluster.show(settings_map("info", 4))
        time.sleep(0.6)
        assert passed() == [first[0], first[0] + 1]

    def test_what_a_terminal_recorded_is_shown_at_once(self, app: FastAPI, cluster: Played, listen: Callable[..., Reader]) -> None:
        cluster.show()
        stream = listen()
        stream.reading()
        report = evaluate(LESSONS[2].load(), snapshot(settings_map("info", 9)))
        with session_of(app.state.engine, writes=True) as session:
            record(session, app.state.learner.id, report, Origin.CLUSTER)
        app.state.feed.publish(ATTEMPTS, {"learner": app.state.learner.id, "lesson": "lesson-2"})
        stream.until(lambda data: "Recorded last: " in data["html"].get("live-as-of", ""))

    def test_flapping_is_not_recorded(
        self, app: FastAPI, cluster: Played, listen: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "_SETTLED", 1.5)
        cluster.show(settings_map("loud", 2))
        stream = listen()
        stream.settings("failed")
        for version in range(3, 12):
            cluster.show(settings_map("info" if version % 2 else "loud", version))
            time.sleep(0.05)
        time.sleep(0.5)
        cluster.shown.put(away())
        time.sleep(0.4)
        with session_of(app.state.engine, writes=False) as session:
            reports = session.exec(select(Attempt.report).where(Attempt.lesson_id == "lesson-2")).all()
        statuses = [one["status"] for report in reports for one in report["objectives"] if one["id"] == "app-settings"]
        assert "passed" not in statuses


class TestLife:
    """When clusters are watched, and how streams end."""

    def test_viewers_share_a_watch_which_ends_a_little_after_the_last(
        self, app: FastAPI, cluster: Played, listen: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "LINGER", 0.6)
        cluster.show()
        streams = [listen(f"/live/events?lesson=lesson-{number}") for number in (1, 2, 2, 7)]
        for stream in streams:
            stream.reading()
        assert (len(cluster.opened), cluster.watches) == (1, 1)
        assert len(app.state.live.viewers) == 4
        for stream in streams:
            stream.close()
        until(lambda: not app.state.live.viewers)
        assert cluster.watches == 1
        until(lambda: cluster.watches == 0)
        assert not app.state.live.watches

    def test_signs_of_life_come_when_nothing_happens(self, cluster: Played, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live, "HEARTBEAT", 0.2)
        with socket.create_connection(("127.0.0.1", int(server.rpartition(":")[2])), timeout=5) as connection:
            connection.sendall(f"GET /live/events?lesson=lesson-2 HTTP/1.1\r\nHost: {server.removeprefix('http://')}\r\n\r\n".encode())
            heard = b""
            while heard.count(b"event: beat") < 4:
                heard += connection.recv(65536)
        assert b"content-type: text/event-stream" in heard
        assert b"retry: 1000" in heard

    def test_server_that_stops_ends_streams_at_once(
        self, app: FastAPI, settings: Settings, cluster: Played, capfd: pytest.CaptureFixture[str]
    ) -> None:
        server = Server(uvicorn.Config(app, host="127.0.0.1", port=settings.port, log_level="warning", timeout_graceful_shutdown=20))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        until(lambda: server.started)
        cluster.show()
        stream = Reader(f"http://127.0.0.1:{settings.port}", "/live/events?lesson=lesson-2")
        stream.reading()
        started = time.monotonic()
        server.should_exit = True
        while stream.event()[0] != "end":
            pass
        assert time.monotonic() - started < 1
        stream.close()
        thread.join(5)
        assert not thread.is_alive()
        assert until(lambda: cluster.watches == 0)
        assert "Traceback" not in capfd.readouterr().err

    def test_kubeconfig_that_changes_is_read_anew(
        self, app: FastAPI, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "config"
        monkeypatch.setenv("KUBECONFIG", str(path))
        assert "There is no kubeconfig yet" in client.get("/cluster/lesson-1").text
        with serving([NAMESPACE]) as one:
            kubeconfig(path, url(one))
            until(lambda: f"127.0.0.1:{one.server_address[1]}" in client.get("/cluster/lesson-1").text)
            with serving([NAMESPACE]) as other:
                kubeconfig(path, url(other))
                until(lambda: f"127.0.0.1:{other.server_address[1]}" in client.get("/cluster/lesson-1").text)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'course.db'}")
    with session_of(engine, writes=True) as session:
        session.add(Learner(id=1))
    yield engine
    engine.dispose()


def test_nothing_is_kept_for_a_viewer_that_does_not_look(engine: Engine) -> None:
    played = Played()

    async def run() -> tuple[int, int]:
        hub = Hub(engine, None, PLACE, opened=played.open)
        hub.put(1, PLACE)
        with hub.viewing(1, "lesson-2", passive=False) as viewer:
            watch = hub.known(1)
            assert watch is not None
            before, size = hub.version, len(vars(viewer))
            for number in range(1000):
                hub._arrived(watch, replace(watch.picture, state=State.READING, host=f"h:{number}"))
            grown = hub.version - before
            await asyncio.wait_for(viewer.woken(), 1)
        hub.close()
        return grown, len(vars(viewer)) - size

    assert finish(run()) == (1000, 0)


@pytest.mark.parametrize("leaves", [True, False], ids=["goes away", "takes nothing"])
def test_reader_that_is_no_more_is_let_go(engine: Engine, monkeypatch: pytest.MonkeyPatch, leaves: bool) -> None:
    monkeypatch.setattr(live, "SLOW", 0.2)
    played = Played()

    async def run() -> None:
        hub = Hub(engine, None, PLACE, opened=played.open)
        hub.put(1, PLACE)
        panel = Panels(hub, Course.load(addresses=Addresses()), lambda template, needs: f"<p>{template} {needs}</p>").of(1, "lesson-2")
        gone = asyncio.Event()

        async def receive() -> Json:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body" and not leaves:
                await asyncio.Event().wait()  # a connection whose other end does not read

        speaking = asyncio.create_task(Stream(hub, panel, 1, "lesson-2", False, panel.parsed(""))({}, receive, send))
        await asyncio.sleep(0.1)
        assert len(hub.viewers) == 1
        if leaves:
            gone.set()
        await asyncio.wait_for(speaking, 5)
        assert not hub.viewers
        hub.close()

    finish(run())
