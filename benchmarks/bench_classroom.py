"""A class at work: two servers on one PostgreSQL, a thousand open pages, fifty submissions a second, a board; and one server is killed.

    python -m benchmarks.bench_classroom [--learners 1000] [--rate 50] [--pages 15] [--seconds 60] [--no-kill]

PostgreSQL writes to the disk as it does in earnest. Each learner has a stream open (/progress/events); submissions and pages come at
their rates, whether or not earlier ones were answered, and their times are from when each was due. In the middle one server is killed,
and started again five seconds later, as Docker and Kubernetes do. Whoever was there goes to the other one, as browsers and `grade` do. At
the end the database is asked for every submission that was confirmed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from app.config import Settings
from app.db import open_database, session_of
from app.security import _signature, session_cookie
from app.services import sign_ins
from benchmarks.classroom_data import Made, fill
from benchmarks.measure import verdict
from graders.lessons import LESSONS
from graders.terminal.submitting import submission
from tests.cases import exercise, manifests, read
from tests.postgres import Postgres, programs
from tests.web.classroom import KEY
from tests.web.conftest import free_port

_PATIENCE = 30.0  # seconds for an answer
_DURABLE = ("max_connections=200", "shared_buffers=256MB")
_PAGES = ("/", "/progress", "/lessons/lesson-4", "/workbench/lesson-2", "/progress/lesson-1")
_LESSONS = ("lesson-1", "lesson-2", "lesson-4", "lesson-5", "lesson-7", "lesson-8", "lesson-11")


@dataclass
class Server:
    """One replica."""

    folder: Path
    url: str
    port: int = field(default_factory=free_port)
    gone: bool = False

    def start(self) -> None:
        """Run the process as an administrator does; its log goes to a file."""
        environment = {**os.environ, "COURSE_URL": f"http://127.0.0.1:{self.port}", "COURSE_SECRET": KEY, "DATABASE_URL": self.url}
        self.folder.mkdir(exist_ok=True)
        line = [sys.executable, "-m", "app", "serve", "--classroom", "--port", str(self.port), "--data", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(line, env=environment, stdout=log, stderr=log)

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def seconds_used(self) -> float:
        """CPU time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident MiB."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024**2


@dataclass
class Seen:
    """What the load generator has seen."""

    pages: list[float] = field(default_factory=list)  # milliseconds
    pages_after: list[float] = field(default_factory=list)  # those that were due within ten seconds of the kill
    submissions: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    confirmed: dict[str, int] = field(default_factory=dict)  # key -> learner
    confirmed_at: dict[int, float] = field(default_factory=dict)  # the last one that the board has not shown
    board: list[float] = field(default_factory=list)  # seconds from a confirmation until the board had the row
    told: int = 0  # events that open pages were sent
    streams: int = 0
    reconnected: int = 0
    again: int = 0  # submissions that were sent again because their server was gone


class Client:
    """HTTP/1.1 as far as this needs it: one request a connection, or a stream."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers

    def choose(self, number: int) -> Server:
        """A server that is there, as a load balancer does."""
        there = [server for server in self.servers if not server.gone]
        return there[number % len(there)]

    async def ask(self, server: Server, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> int:
        """One request; the status. Raises OSError when there is no whole answer."""
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                writer.write(_head(server, method, path, {**headers, "connection": "close", "content-length": str(len(body))}) + body)
                answer = await reader.read()
            finally:
                writer.close()
        if not answer.startswith(b"HTTP/1.1 "):
            raise ConnectionResetError
        return int(answer[9:12])


def _head(server: Server, method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{server.port}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Load:
    """Everybody."""

    def __init__(self, options: argparse.Namespace, servers: list[Server], engine: Engine, made: Made) -> None:
        self.options = options
        self.client = Client(servers)
        self.made = made
        self.seen = Seen()
        self.ending = False
        self.killed_at: float | None = None
        settings = Settings.for_classroom({"COURSE_URL": "http://127.0.0.1:1", "COURSE_SECRET": KEY, "DATABASE_URL": "x"})
        name, key = session_cookie(settings), settings.secret()
        self.cookies: dict[int, str] = {}
        self.tokens: dict[int, str] = {}
        with session_of(engine, writes=True) as session:
            for learner in (made.instructor, *made.learners):
                secret = sign_ins.sign_in(session, learner, "a browser")
                self.cookies[learner] = f"{name}={secret}.{_signature(key, secret)}"
                self.tokens[learner] = sign_ins.make_token(session, learner, "a terminal")
        self.snapshots = {}
        for lesson_id in _LESSONS:
            snapshot = read(manifests(exercise(lesson_id) / "solution"))
            lesson = next(entry for entry in LESSONS if entry.id == lesson_id).load()
            self.snapshots[lesson_id] = (snapshot, lesson)

    async def run(self) -> float:
        """The whole of it; gives how many seconds the load lasted."""
        streams = [asyncio.create_task(self.page(number, learner)) for number, learner in enumerate(self.made.learners)]
        board = asyncio.create_task(self.board())
        deadline = time.monotonic() + 120
        while self.seen.streams < len(streams) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        print(f"{self.seen.streams} pages are open", flush=True)
        await asyncio.sleep(3)
        begun = time.monotonic()
        both = ((self.options.rate, self.submit), (self.options.pages, self.visit))
        work = [asyncio.create_task(self.at_rate(rate, do)) for rate, do in both]
        if not self.options.no_kill:
            await asyncio.sleep(self.options.seconds / 2)
            await self.kill(self.client.servers[1])
        await asyncio.gather(*work)
        lasted = time.monotonic() - begun
        await asyncio.sleep(2)
        self.ending = True
        for task in (*streams, board):
            task.cancel()
        await asyncio.gather(*streams, board, return_exceptions=True)
        return lasted

    async def kill(self, victim: Server) -> None:
        """Kill a server, and start it again a little later."""
        self.killed_at = time.monotonic()
        victim.process.send_signal(signal.SIGKILL)
        victim.gone = True
        print("killed one server", flush=True)
        await asyncio.sleep(5)
        victim.process.wait()
        victim.start()
        while not await asyncio.to_thread(victim.ready):
            await asyncio.sleep(0.2)
        victim.gone = False
        print(f"it was back after {time.monotonic() - self.killed_at:.1f} s", flush=True)

    async def at_rate(self, rate: float, do: Any) -> None:
        """Begin so many a second, whatever becomes of them, and wait for the last."""
        tasks = []
        begun = time.monotonic()
        for number in range(int(rate * self.options.seconds)):
            due = begun + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.append(asyncio.create_task(do(number, due)))
        await asyncio.gather(*tasks)

    async def submit(self, number: int, due: float) -> None:
        """One submission, sent again under the same key when its server is gone."""
        learner = self.made.learners[(number * 7919) % len(self.made.learners)]
        lesson_id = _LESSONS[number % len(_LESSONS)]
        snapshot, lesson = self.snapshots[lesson_id]
        body = submission(replace(snapshot, taken_at=datetime.now(UTC)), [lesson], "")
        data = json.dumps(body, separators=(",", ":")).encode()
        headers = {"authorization": f"Bearer {self.tokens[learner]}", "content-type": "application/json"}
        for attempt in range(10):
            try:
                status = await self.client.ask(self.client.choose(number + attempt), "POST", "/api/submissions", headers, data)
            except (OSError, TimeoutError) as error:
                self.seen.again += 1
                self.seen.statuses[type(error).__name__] += 1
                await asyncio.sleep(0.3)
                continue
            self.seen.statuses[f"submission {status}"] += 1
            if status in (200, 201):
                now = time.monotonic()
                self.seen.submissions.append((now - due) * 1000)
                self.seen.confirmed[body["key"]] = learner
                self.seen.confirmed_at.setdefault(learner, now)
                return
            await asyncio.sleep(0.5)

    async def visit(self, number: int, due: float) -> None:
        """One page, by somebody; one of 150 is the whole board, which is told of changes for as long as it is open."""
        if number % 150 == 0:
            learner, path = self.made.instructor, f"/cohorts/{self.made.cohort}/board"
        else:
            learner, path = random.choice(self.made.learners), _PAGES[number % len(_PAGES)]
        headers = {"cookie": self.cookies[learner], "accept": "text/html", "accept-encoding": "gzip"}
        for attempt in range(10):
            try:
                status = await self.client.ask(self.client.choose(number + attempt), "GET", path, headers)
            except (OSError, TimeoutError) as error:
                self.seen.statuses[f"page {type(error).__name__}"] += 1
                await asyncio.sleep(0.3)
                continue
            self.seen.statuses[f"page {status}"] += 1
            took = (time.monotonic() - due) * 1000
            alone = self.killed_at is not None and self.killed_at - 0.5 <= due < self.killed_at + 10
            (self.seen.pages_after if alone else self.seen.pages).append(took)
            return

    async def page(self, number: int, learner: int) -> None:
        """An open page, which connects again as browsers do."""
        await asyncio.sleep(number / 300)
        while not self.ending:
            try:
                async for line in self.stream(self.client.choose(number), "/progress/events", learner):
                    if line.startswith(b"event: progress"):
                        self.seen.told += 1
                    elif line.startswith(b"event: newest"):
                        self.seen.streams += 1
            except OSError:
                pass
            self.seen.reconnected += 1
            await asyncio.sleep(random.uniform(1, 2))

    async def board(self) -> None:
        """The instructor's board, on the server that stays."""
        path = f"/cohorts/{self.made.cohort}/board/events?since={2**31 - 1}"
        async for line in self.stream(self.client.servers[0], path, self.made.instructor):
            if line.startswith(b"data: {"):
                now = time.monotonic()
                for learner in map(int, json.loads(line[6:])["rows"]):
                    at = self.seen.confirmed_at.pop(learner, None)
                    if at is not None:
                        self.seen.board.append(now - at)
                    else:  # it was quicker than the confirmation
                        self.seen.board.append(0.0)
                        self.seen.confirmed_at.pop(learner, None)
            elif line.startswith(b"event: reload"):
                self.seen.statuses["board reload"] += 1

    async def stream(self, server: Server, path: str, learner: int) -> Any:
        """The lines of an event stream."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4 * 1024 * 1024)
        try:
            writer.write(_head(server, "GET", path, {"cookie": self.cookies[learner], "accept": "text/event-stream"}))
            status = await reader.readline()
            if b" 200 " not in status:
                self.seen.statuses[f"stream {status[9:12].decode()}"] += 1
                return
            while line := await reader.readline():
                yield line
        finally:
            writer.close()


def _stored(engine: Engine, keys: dict[str, int]) -> tuple[int, int]:
    """How many confirmed submissions are not there, and how many there are twice."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT key, learner_id FROM attempts WHERE origin = 'submitted'")).all()
    found = Counter(re.match("[0-9a-f]{32}", row[0])[0] for row in rows if re.match("[0-9a-f]{32}", row[0]))  # type: ignore[index] # it matched
    return sum(key not in found for key in keys), sum(found[key] > 1 for key in keys)


def _quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else float("nan")


def main() -> int:
    """Run it, and print the figures; 1 when a limit is not held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--learners", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50, help="submissions a second")
    parser.add_argument("--pages", type=float, default=15, help="pages a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--no-kill", action="store_true")
    options = parser.parse_args()
    found = programs()
    if found is None:
        raise SystemExit("There is no PostgreSQL on this machine.")
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    postgres = Postgres(found, _DURABLE)
    servers: list[Server] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            url = postgres.database(empty=True)
            engine = open_database(url)
            made = fill(engine, options.learners)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("ANALYZE"))
            print(f"{options.learners} learners are there", flush=True)
            servers = [Server(Path(folder) / name, url) for name in ("one", "other")]
            for server in servers:
                server.start()
            load = Load(options, servers, engine, made)
            while not all(server.ready() for server in servers):
                time.sleep(0.2)
            before = [server.seconds_used() for server in servers]
            own = time.process_time()
            lasted = asyncio.run(load.run())
            used = servers[0].seconds_used() - before[0]
            memory = servers[0].memory()
            status = _report(load, engine, lasted, used, memory, time.process_time() - own)
            engine.dispose()
        finally:
            for server in servers:
                server.process.kill()
                server.process.wait()
            postgres.stop()
    return status


def _report(load: Load, engine: Engine, lasted: float, used: float, memory: float, own: float) -> int:
    seen = load.seen
    lost, double = _stored(engine, seen.confirmed)
    sent = int(load.options.rate * load.options.seconds)
    lines = [
        verdict("99 of 100 pages, in ms, with both servers", _quantile(seen.pages, 0.99), 150, "ms"),
        verdict("99 of 100 times until the board had a confirmed submission", _quantile(seen.board, 0.99), 1, "s"),
        verdict("submissions that were not confirmed in the end", sent - len(seen.confirmed), 0, ""),
        verdict("confirmed submissions that are lost", lost, 0, ""),
        verdict("confirmed submissions that are there twice", double, 0, ""),
    ]
    print(*lines, sep="\n")
    print(f"pages        median {_quantile(seen.pages, 0.5):.0f} ms, 95 % {_quantile(seen.pages, 0.95):.0f} ms, of {len(seen.pages)}")
    after, most = _quantile(seen.pages_after, 0.5), _quantile(seen.pages_after, 1)
    print(f"  the ten seconds after the kill, with one server: median {after:.0f} ms, most {most:.0f} ms")
    print(f"submissions  median {_quantile(seen.submissions, 0.5):.0f} ms, 99 % {_quantile(seen.submissions, 0.99):.0f} ms")
    print(f"             {len(seen.confirmed)} confirmed in {lasted:.0f} s, {seen.again} sent again")
    print(f"board        median {_quantile(seen.board, 0.5):.2f} s, most {_quantile(seen.board, 1):.2f} s, of {len(seen.board)} rows")
    print(f"streams      {seen.told} events told, {seen.reconnected} connections made again")
    print(f"CPU          the server that stayed {used / lasted * 100:.0f} % of a core, the load generator {own / lasted * 100:.0f} %")
    print(f"memory       {memory:.0f} MiB, the server that stayed")
    print(f"answers      {dict(sorted(seen.statuses.items()))}")
    return int(any(line.startswith("OVER") for line in lines))


if __name__ == "__main__":
    raise SystemExit(main())
