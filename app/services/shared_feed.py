"""One feed for all replicas of a classroom: what one publishes, PostgreSQL carries to the others (LISTEN and NOTIFY).

A replica tells its own readers at once. One thread with one connection, which is used for nothing else, sends and hears the rest. What is
said while the database is away is not kept: once it is back, every reader's subscription ends, and pages begin again with the present
state. The connection must reach PostgreSQL itself, or a pooler that leaves it one session: https://www.postgresql.org/docs/current/sql-listen.html
"""

from __future__ import annotations

import contextlib
import json
import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import psycopg
from psycopg import Notify
from sqlalchemy import Engine

from app.services.feed import ATTEMPTS, Feed, progress_of

_log = logging.getLogger("course.feed")

_CHANNEL: Final = "course_feed"
_LONGEST: Final = 7_900  # bytes of a payload; PostgreSQL takes fewer than 8,000
_MOST_WAITING: Final = 1_000  # events; more than that is a database that is away
_PING: Final = 20.0  # seconds after which a connection on which nothing came is asked whether it lives
_BACK_OFF: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between attempts to connect
_ANYTHING: Final = "*"
_LOOK: Final = '[["*"],{}]'  # too much to tell, look for yourselves
# What a dead network looks like is noticed within half a minute.
_KEEP_ALIVE: Final = {"connect_timeout": 5, "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


def feed_for(engine: Engine, recorded: Callable[[Mapping[str, Any]], None] | None = None) -> Feed:
    """The feed of a server on that database: a shared one on PostgreSQL; on SQLite, which one process serves, one of its own."""
    return SharedFeed(engine, recorded) if engine.dialect.name == "postgresql" else Feed(recorded)


class SharedFeed(Feed):
    """A feed whose events all replicas on one database hear, each reader once, in the order in which one replica published them."""

    def __init__(self, engine: Engine, recorded: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        super().__init__(recorded)
        self._address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._unsent: deque[str] = deque(maxlen=_MOST_WAITING)
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._ended = threading.Event()
        self.connected = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shared feed", daemon=True)
        self._thread.start()

    def publish(self, topic: str, data: Mapping[str, Any]) -> None:
        """Tell all who have subscribed to the topic, here and in the other replicas. Never waits."""
        self._publish((topic,), data)

    def publish_attempts(self, learner_id: int, data: Mapping[str, Any]) -> None:
        """Tell that somebody's attempts were recorded, as one message."""
        if self._recorded is not None:
            self._recorded(data)
        self._publish((progress_of(learner_id), ATTEMPTS), {"learner": learner_id, **data})

    def close(self) -> None:
        """End every subscription and the connection. May be called more than once."""
        super().close()
        self._ended.set()
        self._rouse()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=2)

    def _publish(self, topics: tuple[str, ...], data: Mapping[str, Any]) -> None:
        for topic in topics:
            self._tell(topic, data)
        payload = json.dumps([topics, data], separators=(",", ":"), default=str)  # ASCII: as many bytes as characters
        self._unsent.append(payload if len(payload) <= _LONGEST else _LOOK)
        self._rouse()

    def _rouse(self) -> None:
        with contextlib.suppress(OSError):  # it is awake as it is, or has ended
            self._wake.send(b".")

    def _run(self) -> None:
        """The thread: connected for as long as that lasts, again and again."""
        failures, before = 0, False
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._address, autocommit=True, application_name="course feed", **_KEEP_ALIVE) as connection:  # type: ignore[arg-type] # libpq's own words
                    connection.add_notify_handler(lambda notify: self._heard(connection, notify))
                    connection.execute(f"LISTEN {_CHANNEL}")
                    if before:
                        self.cut()  # who knows what the others have said
                        _log.warning("the live feed is connected again; open pages read the present state")
                    failures, before = 0, True
                    self.connected.set()
                    self._carry(connection)
            except (psycopg.Error, OSError) as error:
                if not self._ended.is_set() and failures == 0:
                    _log.warning("the live feed has lost its database: %s", str(error).partition("\n")[0])
                before = True
            finally:
                self.connected.clear()
            self._ended.wait(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
            failures += 1
        self._wake.close()
        self._woken.close()

    def _carry(self, connection: psycopg.Connection[Any]) -> None:
        """Send and hear until the connection breaks or the feed ends."""
        with selectors.DefaultSelector() as selector:  # select() knows no file beyond the 1,024th
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._ended.is_set():
                self._send_all(connection)
                ready = {key.fileobj for key, _ in selector.select(_PING)}
                if self._woken in ready:
                    self._woken.recv(4096)
                if not ready:
                    connection.execute("SELECT 1")
                elif ready - {self._woken}:
                    self._hear_all(connection)

    def _send_all(self, connection: psycopg.Connection[Any]) -> None:
        if len(self._unsent) == _MOST_WAITING:  # the oldest may have been pushed out
            self._unsent.clear()
            self._unsent.append(_LOOK)
        while self._unsent:
            connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, self._unsent[0]))
            self._unsent.popleft()

    def _hear_all(self, connection: psycopg.Connection[Any]) -> None:
        connection.pgconn.consume_input()
        encoding = connection.info.encoding
        while (found := connection.pgconn.notifies()) is not None:
            self._heard(connection, Notify(found.relname.decode(encoding), found.extra.decode(encoding), found.be_pid))

    def _heard(self, connection: psycopg.Connection[Any], notify: Notify) -> None:
        if notify.pid == connection.info.backend_pid:
            return  # our own readers know
        try:
            topics, data = json.loads(notify.payload)
        except ValueError:
            return  # whoever said that is none of ours
        if _ANYTHING in topics:
            self.cut()
            return
        for topic in topics:
            self._tell(str(topic), data)
