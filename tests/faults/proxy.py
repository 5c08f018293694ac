"""A proxy in front of a real API server: TLS on both sides, whole answers and watches passed on, and faults where a test wants them."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from tests.sources.certificates import SERVER, TRUST, tls
from tests.sources.faulty import Exchange, Fault, Server, healthy, kubeconfig, serving, url

_PASSED_ON = ("Content-Type", "Audit-Id", "Retry-After")


class Reply(NamedTuple):
    """A whole answer of the real API server."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def decoded(self) -> Any:
        return json.loads(self.body)


class Upstream:
    """The real API server that a kubeconfig with a client certificate names."""

    def __init__(self, path: Path) -> None:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.TemporaryDirectory() as folder:
            pair = Path(folder) / "client.pem"
            pair.write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            self._tls.load_cert_chain(pair)
        self._address = urlsplit(cluster["server"]).netloc

    def __call__(self, exchange: Exchange) -> None:
        """Pass a request on, and its answer back: a watch event by event, anything else whole."""
        if exchange.watching:
            self._stream(exchange)
        else:
            send(exchange, self.fetch(exchange))

    def fetch(self, exchange: Exchange, path: str = "", body: Mapping[str, Any] | None = None, method: str = "") -> Reply:
        """The answer to a request, or to the same with another path, body or method."""
        connection, response = self._ask(exchange, path, body, method)
        with connection:
            return Reply(response.status, _headers(response), response.read())

    def _ask(
        self, exchange: Exchange, path: str = "", body: Mapping[str, Any] | None = None, method: str = ""
    ) -> tuple[_Connection, http.client.HTTPResponse]:
        data = json.dumps(body).encode() if body is not None else exchange.posted or None
        connection = _Connection(self._address, context=self._tls, timeout=60)
        headers = {"Accept": exchange.headers.get("Accept", "*/*"), "Content-Type": "application/json"}
        connection.request(method or exchange.command, path or exchange.path, data, headers)
        return connection, connection.getresponse()

    def _stream(self, exchange: Exchange) -> None:
        connection, response = self._ask(exchange)
        with connection:
            if response.status != 200:
                exchange.send(response.status, response.read(), None, **_headers(response))
                return
            exchange.send_chunks(iter(lambda: response.read1(65536), b""), **_headers(response))


def send(exchange: Exchange, reply: Reply) -> bool:
    """Answer a request with a reply."""
    return exchange.send(reply.status, reply.body, None, **reply.headers)


class _Connection(http.client.HTTPSConnection):
    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.replace("-", "_"): value for name in _PASSED_ON if (value := response.getheader(name))}


@contextmanager
def between(upstream: Upstream, folder: Path, namespace: str, fault: Fault = healthy, port: int = 0) -> Iterator[tuple[Server, Path]]:
    """A running proxy, and a kubeconfig that leads through it, into a namespace."""
    with serving((), fault, answer=upstream, tls=tls(folder, SERVER), port=port) as server:
        yield server, kubeconfig(folder / "proxied", url(server, "https"), cluster=TRUST, namespace=namespace)
