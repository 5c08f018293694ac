"""A small API server on 127.0.0.1 that serves lists and watches of given objects, and fails as it is told.

A fault is a function that answers one request in a `Exchange`, or leaves it alone by returning False; then the server answers as a healthy
one does.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from graders.kinds import KINDS, Kind

Json = dict[str, Any]
_FIRST = 10  # the version of a list before anything has happened
_BY_PLURAL = {kind.plural: kind for kind in KINDS.values()}


class Exchange(BaseHTTPRequestHandler):
    """One request and the means to answer it, well or badly."""

    protocol_version = "HTTP/1.1"
    server: Server
    posted = b""

    @property
    def kind(self) -> Kind:
        """The kind that is asked for."""
        path = urlsplit(self.path).path
        parts = ["apigroups"] if path == "/apis" else path.split("/")
        return next(_BY_PLURAL[part] for part in reversed(parts) if part in _BY_PLURAL)

    @property
    def query(self) -> dict[str, str]:
        """The query of the URL."""
        return dict(parse_qsl(urlsplit(self.path).query))

    @property
    def one(self) -> str:
        """The name of the object that is asked for; empty for a list."""
        last = urlsplit(self.path).path.rpartition("/")[2]
        return "" if last in _BY_PLURAL else last

    @property
    def watching(self) -> bool:
        """Whether it is a watch."""
        return self.query.get("watch") == "true"

    def send(self, status: int, body: bytes | Json = b"", length: int | None = None, **headers: str) -> bool:
        """Answer; `length` is what the header claims when it is not the body's own."""
        if isinstance(body, dict):
            headers.setdefault("Content_Type", "application/json")
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        if length is not None:
            self.close_connection = True
        return True

    def refuse(self, status: int, **headers: str) -> bool:
        """Answer with a Status object, as the API server words its errors."""
        return self.send(status, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}, None, **headers)

    def send_list(self, items: Sequence[Json], version: str = "", token: str = "") -> bool:
        """Answer with a list; its items lack kind and apiVersion, as the API server leaves them out."""
        bare = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
        head = {"resourceVersion": version or self.server.version, "continue": token}
        return self.send(200, {"kind": f"{self.kind.name}List", "apiVersion": self.kind.api_version, "metadata": head, "items": bare})

    def send_chunks(self, chunks: Iterator[bytes], **headers: str) -> bool:
        """Answer chunk by chunk, each sent at once, as a watch is."""
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        return True

    def reset(self, sent: bytes = b"") -> bool:
        """Send something, or nothing, and reset the connection."""
        self.wfile.write(sent)
        self.wfile.flush()
        time.sleep(0.02)  # a reset overtakes what has not been delivered
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        return True

    def wait(self, seconds: float) -> bool:
        """Do nothing for a while, or until the server stops."""
        return self.server.stopping.wait(seconds)

    def do_GET(self) -> None:
        self.server.note(self)
        if not self.server.fault(self):
            self.server.answer(self)

    def do_POST(self) -> None:
        self.posted = self.rfile.read(int(self.headers["Content-Length"]))  # else it would stand before the next request
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.server.note(self)
        if not self.server.fault(self):
            self.refuse(405)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The time for the header `Date`, by the server's clock."""
        return super().date_time_string((time.time() if timestamp is None else timestamp) + self.server.ahead)

    def answer(self) -> None:
        """Answer as a healthy server of the given objects does."""
        if self.kind.name == "Version":
            self.send(200, {"major": "1", "minor": "37", "gitVersion": "v1.37.2"})
            return
        if self.kind.name == "APIGroup":
            self.send(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": []})
            return
        if self.kind.name == "SelfSubjectAccessReview":
            review = json.loads(self.posted)
            self.send(201, {**review, "status": {"allowed": True}})
            return
        objects = [item for item in self.server.objects if item["kind"] == self.kind.name]
        if self.watching:
            self.send_chunks(self.server.events(self.kind, self.query["resourceVersion"]))
        elif self.one:
            found = [item for item in objects if item["metadata"]["name"] == self.one]
            self.send(200, found[0]) if found else self.refuse(404)
        else:
            self.send_list(objects)

    def log_message(self, format: str, *args: object) -> None:
        pass


Fault = Callable[[Exchange], bool]
Answer = Callable[[Exchange], object]


def healthy(exchange: Exchange) -> bool:
    """No fault."""
    return False


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, objects: Sequence[Json], fault: Fault, answer: Answer, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.answer = answer
        self.ahead = 0.0  # seconds by which its clock is
        self.objects = list(objects)
        self.fault = fault
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.stopping = threading.Event()
        self._happened: list[tuple[str, Json]] = []
        self._news = threading.Condition()
        self._connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted = super().get_request()
        self._connections.append(accepted[0])
        return accepted

    def hang_up(self) -> None:
        """Close every connection, as a server does that ends."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def note(self, exchange: Exchange) -> None:
        self.asked.append((exchange.command, exchange.path))
        self.headers.append(exchange.headers)  # type: ignore[arg-type] # a message is nearly a mapping

    def happen(self, type_: str, item: Json) -> None:
        """Tell the watchers of an object's kind an event, and change what lists hold."""
        with self._news:
            rest = [
                other for other in self.objects if (other["kind"], other["metadata"]["name"]) != (item["kind"], item["metadata"]["name"])
            ]
            self.objects = rest if type_ == "DELETED" else [*rest, item]
            self._happened.append((type_, item))
            self._news.notify_all()

    @property
    def version(self) -> str:
        """The resource version of a list: it grows with each event."""
        return str(_FIRST + len(self._happened))

    def events(self, kind: Kind, since: str) -> Iterator[bytes]:
        """The events of a kind after a list's version, as lines."""
        told = min(int(since) - _FIRST, len(self._happened))
        while not self.stopping.is_set():
            with self._news:
                self._news.wait(0.05)
                fresh = self._happened[told:]
                told = len(self._happened)
            for type_, item in fresh:
                if item["kind"] == kind.name or type_ == "ERROR":
                    yield json.dumps({"type": type_, "object": item}).encode() + b"\n"

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError | ValueError):  # a client that went away, or the connection that we reset
            super().handle_error(request, client_address)  # type: ignore[arg-type] # as it was given


@contextmanager
def serving(
    objects: Sequence[Json] = (),
    fault: Fault = healthy,
    *,
    answer: Answer = Exchange.answer,
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[Server]:
    """A running server; it is stopped, with its connections, at the end. `answer` is what it does where no fault comes first."""
    server = Server(objects, fault, answer, port)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        server.hang_up()
        thread.join()


def url(server: Server, scheme: str = "http", host: str = "127.0.0.1") -> str:
    """The server's address."""
    return f"{scheme}://{host}:{server.server_address[1]}"


def kubeconfig(path: Path, server: str, *, user: Json | None = None, cluster: Json | None = None, namespace: str = "") -> Path:
    """Write a kubeconfig with the one context `course`."""
    context = {"cluster": "here", "user": "learner", **({"namespace": namespace} if namespace else {})}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "learner", "user": user if user is not None else {"token": "t0ken"}}],
        "contexts": [{"name": "course", "context": context}],
        "current-context": "course",
    }
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
