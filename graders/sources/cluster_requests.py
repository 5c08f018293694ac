"""Requests to one cluster: lists, page by page, and watches. Each with a time limit, each answer distrusted."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from graders.errors import ClusterUnavailable
from graders.kinds import Kind
from graders.redaction import redact
from graders.snapshot import K8sObject
from graders.sources.cluster_access import Access
from graders.sources.cluster_errors import Failure, Target, broken, of_exception, of_status, timed_out
from graders.sources.cluster_facts import FACTS

PAGE = 500
MAX_BYTES = 64 * 1024 * 1024
_CHUNK = 65536
_RESTARTS = 2
_PAUSE = 0.2  # before asking again what failed
_LULL = 2.0  # between attempts to renew credentials
_BUSY = 1.0  # before asking again a server that says it is busy, and not for how long

# Of events only warnings tell why something does not work; the others are most of them.
_SELECTORS = {"Event": ("type=Warning",)}

Query = list[tuple[str, str]]


class Listing(NamedTuple):
    """The objects of a kind, and the version of the list, from which a watch goes on; empty when there is none."""

    objects: tuple[K8sObject, ...]
    version: str


class Connection:
    """Access to a cluster, shared by threads; credentials are loaded anew when the cluster does not accept them (any longer)."""

    def __init__(self, load: Callable[[], Access], timeout: float) -> None:
        """`load` gives access; it is called at once, and again for new credentials. Raises what it raises.

        `timeout` is the limit of each list, in seconds.
        """
        self.timeout = timeout
        self._load = load
        self._lock = threading.Lock()
        self._renewed = float("-inf")
        self._error: ClusterUnavailable | None = None
        self.access = load()

    @property
    def target(self) -> Target:
        """What to call the cluster."""
        return self.access.target

    def open(self, kind: Kind, path: str, query: Query, *, connect: float, read: float, posted: Any = None) -> Any:
        """The answer of a GET, or of a POST of `posted`; its body is not read yet, the status is 200 or 201.

        `connect` and `read` are limits in seconds. Raises Failure.
        """
        access = self.access
        response = self._send(access, path, query, connect, read, posted)
        if response.status == 401:
            response.close()
            access = self._renew(access)
            response = self._send(access, path, query, connect, read, posted)
        if response.status not in (200, 201):
            headers = dict(response.headers.items())
            response.close()
            raise of_status(response.status, headers, kind, access.target)
        return response

    def _renew(self, refused: Access) -> Access:
        """Access with new credentials. Raises Failure when there are none.

        Threads that are refused together renew once; a plugin that fails is not run by each of them in turn.
        """
        with self._lock:
            if self.access is refused and time.monotonic() - self._renewed > _LULL:
                try:
                    self.access, self._error = self._load(), None
                    refused.api.close()
                except ClusterUnavailable as error:
                    self._error = error
                self._renewed = time.monotonic()
            if self._error is not None:
                raise Failure("there are no credentials", everywhere=self._error, check="kubectl auth whoami") from self._error
            return self.access

    def _send(self, access: Access, path: str, query: Query, connect: float, read: float, posted: Any) -> Any:
        from urllib3 import HTTPHeaderDict

        target = access.target
        try:
            accept = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if posted is not None else {})
            method, url, headers, _, _ = access.api.param_serialize(
                "GET" if posted is None else "POST", path, query_params=query, header_params=accept, auth_settings=["BearerToken"]
            )
            sent = HTTPHeaderDict({key: value.strip() for key, value in headers.items()})
            for key, value in access.headers:
                sent.add(key, value)
            if not all(value.isascii() and value.isprintable() for value in sent.values()):
                # http.client would repeat the value, that is the token, in its error.
                error = target.unavailable(
                    f"The token of user `{target.user}` holds characters that no token has.", "", "kubectl auth whoami"
                )
                raise Failure("there are no usable credentials", everywhere=error, check="kubectl auth whoami")
            return access.api.call_api(method, url, sent, posted, _request_timeout=(connect, read)).response
        except Failure:
            raise
        except Exception as error:
            raise of_exception(error, target, self.timeout) from error


def path_of(kind: Kind, namespace: str) -> str:
    """The URL path of a kind's list; `namespace` is not in it for cluster-scoped kinds, and for those that are read everywhere."""
    prefix = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    return (
        f"{prefix}/namespaces/{quote(namespace, safe='')}/{kind.plural}"
        if kind.namespaced and not kind.everywhere
        else f"{prefix}/{kind.plural}"
    )


def selector_of(kind: Kind) -> Query:
    """The part of a query that chooses among the objects of a kind."""
    return [("fieldSelector", ",".join(_SELECTORS[kind.name]))] if kind.name in _SELECTORS else []


def to_object(kind: Kind, item: Mapping[str, Any]) -> K8sObject:
    """An item of a list or watch without secrets. Lists leave out the kind, by which redaction knows a Secret."""
    return K8sObject.of(redact({**item, "apiVersion": kind.api_version, "kind": kind.name}))


def read_list(connection: Connection, kind: Kind, namespace: str, sleep: Callable[[float], object] = time.sleep) -> Listing:
    """All objects of a kind: those in `namespace`, or all of a cluster-scoped kind, in order of their names.

    Raises Failure, and nothing else. Who may not list namespaces may still be allowed to get the one.
    """
    reader = _Reader(connection, kind, sleep)
    try:
        if kind.name in FACTS:
            return reader.facts(namespace)
        return reader.list(path_of(kind, namespace))
    except Failure as failure:
        if kind.name != "Namespace" or failure.status != 403:
            raise
        with contextlib.suppress(Failure):
            return reader.one(f"{path_of(kind, namespace)}/{quote(namespace, safe='')}")
        raise
    except Exception as error:  # an answer that nobody has thought of is no reason to wait for it until the time is over
        raise broken("the answer could not be understood") from error


class _Reader:
    """Reads one kind within the time limit."""

    def __init__(self, connection: Connection, kind: Kind, sleep: Callable[[float], object]) -> None:
        self._connection = connection
        self._kind = kind
        self._deadline = time.monotonic() + connection.timeout
        self._sleep = sleep
        self._budget = MAX_BYTES

    def list(self, path: str) -> Listing:
        for restart in range(_RESTARTS + 1):
            try:
                return self._pages(path)
            except Failure as failure:
                if failure.status != 410 or restart == _RESTARTS:  # 410: the list that we were paging through has been compacted away
                    raise
        raise AssertionError("the last round returns or raises")

    def facts(self, namespace: str) -> Listing:
        """What the cluster tells of itself, of which there is no list and no watch."""
        bodies = FACTS[self._kind.name](lambda path, posted: self._ask(path, [], posted), namespace)
        return Listing(tuple(to_object(self._kind, body) for body in bodies), "")

    def one(self, path: str) -> Listing:
        """A list of the one object at `path`, or of none when it is not there."""
        try:
            item = self._ask(path, [])
        except Failure as failure:
            if failure.status == 404:
                return Listing((), "")
            raise
        if item.get("kind") != self._kind.name:
            raise broken("the answer held no such object")
        return Listing((to_object(self._kind, item),), "")

    def _pages(self, path: str) -> Listing:
        found: list[K8sObject] = []
        query = [("limit", str(PAGE)), *selector_of(self._kind)]
        token = ""
        while True:
            answer = self._ask(path, [*query, ("continue", token)] if token else query)
            items, metadata = answer.get("items", ()), answer.get("metadata")
            items = () if items is None else items
            if not str(answer.get("kind", "")).endswith("List") or not isinstance(metadata, Mapping) or "items" not in answer:
                raise broken("the answer was no list of objects")
            if not isinstance(items, list | tuple) or not all(isinstance(item, Mapping) for item in items):
                raise broken("the answer was no list of objects")
            found += [to_object(self._kind, item) for item in items]
            token = str(metadata.get("continue") or "")
            if not token:
                found.sort(key=lambda item: (item.namespace, item.name))
                return Listing(tuple(found), str(metadata.get("resourceVersion") or ""))

    def _ask(self, path: str, query: Query, posted: Any = None) -> Mapping[str, Any]:
        """One answer. What may have failed by chance is asked once more, a busy server as often as the time allows."""
        asked_again = False
        while True:
            try:
                return self._answer(path, query, posted)
            except Failure as failure:
                pause = _pause_after(failure, asked_again)
                if pause is None or time.monotonic() + pause >= self._deadline:
                    raise
                asked_again = asked_again or failure.by_chance
                self._sleep(pause)

    def _answer(self, path: str, query: Query, posted: Any) -> Mapping[str, Any]:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise timed_out(self._connection.target, self._connection.timeout)
        response = self._connection.open(self._kind, path, query, connect=left, read=left, posted=posted)
        try:
            body = self._body(response)
        finally:
            response.close() if response.length_remaining or not response.isclosed() else response.release_conn()
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            page = body.lstrip()[:1] == b"<"
            raise broken("the answer was a web page" if page else "the answer was broken off, or was no JSON") from error
        if not isinstance(answer, Mapping):
            raise broken("the answer was no list of objects")
        return answer

    def _body(self, response: Any) -> bytes:
        chunks = []
        try:
            while chunk := response.read1(_CHUNK):
                chunks.append(chunk)
                self._budget -= len(chunk)
                if self._budget < 0:
                    raise Failure(f"there are more than {MAX_BYTES // 1024 // 1024} MiB of them")
                if time.monotonic() > self._deadline:
                    raise timed_out(self._connection.target, self._connection.timeout)
        except Failure:
            raise
        except Exception as error:
            raise of_exception(error, self._connection.target, self._connection.timeout) from error
        return b"".join(chunks)


def _pause_after(failure: Failure, asked_again: bool) -> float | None:
    """Seconds to wait before asking again; None to give up."""
    if failure.status == 429:
        return _BUSY if failure.retry_after is None else max(failure.retry_after, _PAUSE)
    return max(failure.retry_after or 0, _PAUSE) if failure.by_chance and not asked_again else None


def read_events(response: Any) -> Iterator[list[Mapping[str, Any]]]:
    """The events of a watch, as many at a time as have arrived, until the stream ends. Raises what reading raises, ValueError for what
    is no event."""
    rest = b""
    while chunk := response.read1(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_BYTES:
            raise ValueError("an event without an end")
        events = [json.loads(line) for line in lines if line.strip()]
        if not all(isinstance(event, Mapping) for event in events):
            raise ValueError("no event")
        if events:
            yield events
