"""The feed over several replicas: what one publishes all hear, once, soon, and again after the database was away."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from app.db import open_database, session_of
from app.models import Origin
from app.services import attempts
from app.services.feed import ATTEMPTS, Event, Feed, progress_of
from app.services.shared_feed import SharedFeed, feed_for
from tests.postgres import Postgres
from tests.web.loops import finish
from tests.web.served import eventually, replicas
from tests.web.test_pages import report
from tests.web.test_running import _sign_in

TOLD = {"lesson": "lesson-1", "origin": "workbench", "complete": False, "passed": 2, "counted": 5}


@pytest.fixture
def engine(postgres: Postgres) -> Iterator[Engine]:
    engine = open_database(postgres.database())
    yield engine
    engine.dispose()


@pytest.fixture
def feeds(engine: Engine) -> Iterator[tuple[SharedFeed, SharedFeed]]:
    """Those of two replicas."""
    both = SharedFeed(engine), SharedFeed(engine)
    for each in both:
        assert each.connected.wait(10)
    yield both
    for each in both:
        each.close()


async def _some(feed: Feed, topics: tuple[str, ...], count: int, then: Any, patience: float = 3) -> list[Event]:
    """Subscribe, do something, and give what was heard: at most `count`, and what comes in half a second after those."""
    heard: list[Event] = []
    with feed.subscribe(topics) as events:
        then()
        while len(heard) < count:
            event = await events.next(patience)
            if event is None:
                break
            heard.append(event)
        while (event := await events.next(0.3)) is not None:
            heard.append(event)
    return heard


def test_sqlite_has_a_feed_of_its_own_process(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    assert type(feed_for(engine)) is Feed
    engine.dispose()


def test_each_reader_of_every_replica_hears_an_event_once(feeds: tuple[SharedFeed, SharedFeed]) -> None:
    one, other = feeds

    async def all_of() -> tuple[list[Event], ...]:
        return await asyncio.gather(
            _some(one, (ATTEMPTS,), 1, lambda: None),
            _some(other, (ATTEMPTS,), 1, lambda: None),
            _some(other, (progress_of(7),), 1, lambda: None),
            _some(other, (progress_of(8),), 0, lambda: one.publish_attempts(7, TOLD)),
        )

    mine, theirs, learner, somebody_else = finish(all_of())
    assert (
        [event.data for event in mine] == [event.data for event in theirs] == [event.data for event in learner] == [{"learner": 7, **TOLD}]
    )
    assert somebody_else == []


def test_events_keep_their_order_and_none_is_lost(feeds: tuple[SharedFeed, SharedFeed]) -> None:
    one, other = feeds

    def many() -> None:
        for number in range(60):
            one.publish("topic", {"number": number})

    heard = finish(_some(other, ("topic",), 60, many))
    assert [event.data["number"] for event in heard] == list(range(60))


def test_threads_that_publish_at_once_do_not_disturb_each_other(feeds: tuple[SharedFeed, SharedFeed]) -> None:
    one, other = feeds

    def ten(by: int) -> None:
        for number in range(10):
            one.publish("topic", {"by": by, "number": number})

    def many() -> None:
        threads = [threading.Thread(target=ten, args=(by,)) for by in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    heard = finish(_some(other, ("topic",), 50, many))
    assert len(heard) == 50
    for by in range(5):
        assert [event.data["number"] for event in heard if event.data["by"] == by] == list(range(10))


def test_what_is_too_long_to_carry_lets_pages_look_for_themselves(feeds: tuple[SharedFeed, SharedFeed]) -> None:
    one, other = feeds

    async def cut() -> bool:
        with other.subscribe(("topic",)) as events:
            one.publish("topic", {"text": "ü" * 5_000})
            await events.next(3)
            return events.ended

    assert finish(cut())


@pytest.mark.parametrize("payload", ["", "no json", "[]", '{"a":1}', "[1]", "[[1],2]", '[["topic"],null]'])
def test_what_somebody_else_says_on_the_channel_does_no_harm(feeds: tuple[SharedFeed, SharedFeed], engine: Engine, payload: str) -> None:
    one, other = feeds
    with psycopg.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True) as stranger:
        stranger.execute("SELECT pg_notify('course_feed', %s)", (payload,))
    heard = finish(_some(other, ("fine",), 1, lambda: one.publish("fine", {})))
    assert [event.topic for event in heard] == ["fine"]


def test_a_connection_that_breaks_is_made_again_and_readers_begin_anew(feeds: tuple[SharedFeed, SharedFeed], engine: Engine) -> None:
    one, other = feeds

    async def cut() -> bool:
        with other.subscribe((ATTEMPTS,)) as events:
            with engine.begin() as connection:
                connection.exec_driver_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'course feed'")
            await events.next(5)
            return events.ended

    assert finish(cut())
    for each in feeds:
        assert each.connected.wait(5)
    assert len(finish(_some(other, (ATTEMPTS,), 1, lambda: one.publish_attempts(1, TOLD)))) == 1


def test_closing_takes_no_time_and_leaves_no_thread(engine: Engine) -> None:
    feed = SharedFeed(engine)
    assert feed.connected.wait(10)
    begun = time.monotonic()
    feed.close()
    feed.close()
    assert time.monotonic() - begun < 1
    assert not [thread for thread in threading.enumerate() if thread.name == "shared feed" and thread is feed._thread]


def test_two_processes_on_one_database_tell_each_others_pages_and_go_on_after_it_was_away(own_postgres: Postgres, tmp_path: Path) -> None:
    url = own_postgres.database(empty=True)
    with replicas() as start:
        one, other = (start(tmp_path / name, url) for name in ("one", "other"))  # at once, on an empty database
        one.wait_ready()
        other.wait_ready()
        cookie = _sign_in(url, other.port)
        page = _Page(other.port, cookie)
        eventually(lambda: "newest" in page.events)

        engine = open_database(url)
        source = SharedFeed(engine)  # as a third replica has it
        assert source.connected.wait(10)
        begun = time.monotonic()
        source.publish_attempts(1, TOLD)
        eventually(lambda: page.events.count("progress") == 1)
        assert time.monotonic() - begun < 1

        own_postgres.halt("fast")  # the tests' server writes nothing down before that
        assert one.status("/readyz") == 503
        assert one.status("/healthz") == 200
        own_postgres.start()
        eventually(lambda: one.status("/readyz") == other.status("/readyz") == 200)
        eventually(lambda: page.ended)  # told to begin anew, as browsers do by themselves
        page.close()
        page = _Page(other.port, cookie)
        eventually(lambda: "newest" in page.events)
        assert source.connected.wait(10)
        begun = time.monotonic()
        source.publish_attempts(1, TOLD)
        eventually(lambda: page.events.count("progress") == 1)
        assert time.monotonic() - begun < 1
        page.close()
        source.close()
        with session_of(engine, writes=True) as session:
            assert attempts.take_in(session, 1, report("lesson-1"), Origin.SUBMITTED, key="after") is not None
        engine.dispose()
        assert one.stop() == other.stop() == 0


class _Page:
    """An open page: the names of the events that it was sent."""

    def __init__(self, port: int, cookie: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", "/progress/events", headers={"cookie": cookie})
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self.events: list[str] = []
        self.data: list[Any] = []
        self.ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._answer:
            if line.startswith(b"event: "):
                self.events.append(line[7:].strip().decode())
            elif line.startswith(b"data: "):
                self.data.append(json.loads(line[6:]))
        self.ended = True

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it has ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=5)
        self._answer.close()
        self._connection.close()
