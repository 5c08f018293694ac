"""Many open pages at once: how late their events are, and what each stream takes of memory and CPU.

    python -m benchmarks.bench_streams [--streams 2000] [--seconds 20] [--how own streaming eventsource]

The app runs in a process of its own, in front of a cluster that changes once a second; every page is told. An event's delay is from the
snapshot being taken until the reader, in another process, has it. `streaming` and `eventsource` do the same through Starlette's
StreamingResponse and FastAPI's EventSourceResponse, for comparison with the app's own.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import StreamingResponse

from benchmarks.measure import verdict

_LATE = 300.0  # milliseconds, of 99 in 100 events
_MEMORY = 60.0  # KiB for each stream
_PATHS = {"own": "/live/events?lesson=lesson-2", "streaming": "/bench/streaming", "eventsource": "/bench/eventsource"}
_STAMP = re.compile(rb"ConfigMap/stamp-(\d+)<")


class Changing:
    """A cluster in which a ConfigMap of another name stands each second, which tells when it was made, and another one turns."""

    context = "bench"
    host = "127.0.0.1:6443"

    def watch(self, _: object, namespace: str, stop: threading.Event, **__: object) -> Iterator[Any]:
        """Snapshots, one a second."""
        from graders.snapshot import Snapshot

        number = 0
        while not stop.wait(1):
            number += 1
            stamp = {"name": f"stamp-{time.time_ns()}", "namespace": namespace, "resourceVersion": str(number)}
            settings = {"name": "rag-engine-config", "namespace": namespace, "resourceVersion": str(number)}
            data = {"ENVIRONMENT": "production", "LOG_LEVEL": "info" if number % 2 else "loud"}
            bodies = (
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "resourceVersion": "1"}},
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": stamp},
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": data},
            )
            yield Snapshot.of(bodies, taken_at=datetime.now(UTC), namespace=namespace, kind="cluster")


def serve(port: int, folder: str) -> None:
    """The app with such a cluster, and two other ways to stream."""
    import uvicorn

    from app.config import Settings
    from app.main import create_app
    from app.serving import Server
    from graders.lessons import LESSONS

    app = create_app(Settings.local(Path(folder), port=port))
    app.state.open_cluster = lambda _: Changing()
    lesson = LESSONS[2].id

    async def frames(request: Request) -> AsyncIterator[bytes]:
        hub, panels = request.app.state.live, request.app.state.panels
        panel = panels.of(request.app.state.learner.id, lesson)
        seen = panel.parsed("")
        hub.put(request.app.state.learner.id, hub.usual)
        with hub.viewing(request.app.state.learner.id, lesson, passive=False) as viewer:
            while not viewer.ended:
                event = panel.frame(seen)
                seen = panel.seen
                if event:
                    yield event
                await viewer.woken()

    @app.get("/bench/streaming")
    async def streaming(request: Request) -> StreamingResponse:
        return StreamingResponse(frames(request), media_type="text/event-stream")

    @app.get("/bench/eventsource", response_class=EventSourceResponse)
    async def eventsource(request: Request) -> AsyncIterator[ServerSentEvent]:
        async for frame in frames(request):
            name, event, data = (line.partition(b": ")[2].decode() for line in frame.strip().split(b"\n"))
            yield ServerSentEvent(raw_data=data, event=event, id=name)

    Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, backlog=4096)).run()


class Reader(asyncio.Protocol):
    """One page. Notes how late each event is, in milliseconds."""

    def __init__(self, request: bytes, late: list[float]) -> None:
        self._request = request
        self._late = late
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Look for the newest stamp, at the end of an event."""
        self._rest += data
        if not self._rest.endswith(b"\n\n\r\n"):
            return
        found = _STAMP.search(self._rest)
        if found:
            self._late.append((time.time_ns() - int(found[1])) / 1e6)
        self._rest = b""


async def read(port: int, path: str, streams: int, seconds: float, server: int) -> tuple[list[float], float, float]:
    """Open the streams and read for so long: how late each event was, KiB a stream, and the share of a core that the server took."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    first, _ = await loop.create_connection(lambda: Reader(request, late), "127.0.0.1", port)
    await asyncio.sleep(4)  # what is made once has been made by then
    before = _rss(server)
    opened = [first]
    while len(opened) < streams:
        batch = min(50, streams - len(opened))
        made = await asyncio.gather(*(loop.create_connection(lambda: Reader(request, late), "127.0.0.1", port) for _ in range(batch)))
        opened += [transport for transport, _ in made]
        await asyncio.sleep(0.05)
    await asyncio.sleep(5)
    late.clear()
    cpu, started = _cpu(server), time.monotonic()
    await asyncio.sleep(seconds)
    share = (_cpu(server) - cpu) / (time.monotonic() - started)
    kib = (_rss(server) - before) / (streams - 1)
    for transport in opened:
        transport.abort()
    return late, kib, share


def _rss(process: int) -> float:
    """Resident memory in KiB."""
    return float(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1])  # type: ignore[index] # Linux has it


def _cpu(process: int) -> float:
    """Seconds of CPU so far."""
    import os

    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(how: str, streams: int, seconds: float) -> None:
    """Take one way's figures and print them."""
    from tests.web.conftest import free_port

    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([sys.executable, "-m", "benchmarks.bench_streams", "--serve", str(port), folder])
        try:
            _wait(port)
            late, kib, share = asyncio.run(read(port, _PATHS[how], streams, seconds, server.pid))
        finally:
            server.terminate()
            server.wait()
    late.sort()
    expected = streams * seconds
    half, most = late[len(late) // 2], late[len(late) * 99 // 100]
    print(
        f"{how}: {len(late)} events of about {expected:.0f}: median {half:.0f} ms, p99 {most:.0f} ms, longest {late[-1]:.0f} ms; "
        f"{kib:.0f} KiB a stream; {share:.0%} of a core"
    )
    if how == "own":
        print(verdict(f"{streams} streams, one event a second each, p99", most, _LATE, "ms"))
        print(verdict("memory for each stream", kib, _MEMORY, "KiB"))


def _wait(port: int) -> None:
    import urllib.request

    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def main() -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--how", nargs="+", choices=list(_PATHS), default=["own"])
    parser.add_argument("--serve", nargs=2, metavar=("PORT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.serve:
        serve(int(options.serve[0]), options.serve[1])
        return
    for how in options.how:
        measured(how, options.streams, options.seconds)


if __name__ == "__main__":
    main()
