"""Requests to one cluster: lists, page by page, and watches. Each with a time limit, each answer distrusted."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from graders.errors import ClusterUnavailable
from graders.kinds import KINDS, Kind
from graders.redaction import redact
from graders.snapshot import K8sObject
from graders.sources.cluster_access import Access
from graders.sources.cluster_errors import Failure, Target, broken, of_exception, of_status, timed_out
from graders.sources.cluster_facts import FACTS, Page, Refused

PAGE = 500
MAX_BYTES = 64 * 1024 * 1024  # of a kind
_PAGE = 32 * 1024 * 1024  # of one answer; Secrets and ConfigMaps may have a MiB each
_AT_ONCE = 64 * 1024 * 1024  # of all answers that are being read
_CHUNK = 65536
_PAGE_BYTES = 256 * 1024  # of a page of metrics; its format shows in less
_PAGE_SECONDS = 5.0  # the API server itself waits for half a minute for Pods that it cannot reach
_MARK = "Audit-Id"  # a header of every answer of an API server, also of those that it passes on (endpoints/filters/audit_init.go)
_RESTARTS = 2
_PAUSE = 0.2  # before asking again what failed
_LULL = 2.0  # between attempts to renew credentials
_BUSY = 1.0  # before asking again a server that says it is busy, and not for how long

# Of events only warnings tell why something does not work; the others are most of them.
_SELECTORS = {"Event": ("type=Warning",)}

Query = list[tuple[str, str]]


class Listing(NamedTuple):
    """The objects of a kind, and the version of the list, from which a watch goes on; empty when there is none.

    `elsewhere` is why they are those of one namespace only, where all were wanted.
    """

    objects: tuple[K8sObject, ...]
    version: str
    elsewhere: Failure | None = None


class _Room:
    """How many bytes may still be held at once, by all threads that read."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether there is room for so much more; then it is taken."""
        with self._lock:
            fits = size <= self._left
            self._left -= size if fits else 0
        return fits

    def give_back(self, size: int) -> None:
        """That much is held no longer."""
        with self._lock:
            self._left += size


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
        self.room = _Room(_AT_ONCE)
        self.clock_skew = timedelta()  # how far the server's clock is ahead of ours
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
        self._note_time(response)
        if response.status not in (200, 201):
            headers = dict(response.headers.items())
            response.close()
            raise of_status(response.status, headers, kind, access.target)
        return response

    def relay(self, path: str, seconds: float) -> Any:
        """The answer of a GET that the API server may pass on to a Service, whatever its status; its body is not read yet.

        `seconds` limits connecting and each read. Raises Failure.
        """
        return self._send(self.access, path, [], seconds, seconds, None, accept="text/plain")

    def _note_time(self, response: Any) -> None:
        try:
            self.clock_skew = parsedate_to_datetime(response.headers["Date"]) - datetime.now(UTC)
        except (KeyError, TypeError, ValueError):  # no time, or one without a zone: then the clocks are taken for equal
            self.clock_skew = timedelta()

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

    def _send(
        self, access: Access, path: str, query: Query, connect: float, read: float, posted: Any, accept: str = "application/json"
    ) -> Any:
        from urllib3 import HTTPHeaderDict

        target = access.target
        try:
            wanted = {"Accept": accept} | ({"Content-Type": "application/json"} if posted is not None else {})
            method, url, headers, _, _ = access.api.param_serialize(
                "GET" if posted is None else "POST", path, query_params=query, header_params=wanted, auth_settings=["BearerToken"]
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

    Raises Failure, and nothing else. Who may not list namespaces may still be allowed to get the one; who may not list a kind in all of
    them, to list it in this one.
    """
    reader = _Reader(connection, kind, sleep)
    try:
        if kind.name in FACTS:
            return reader.facts(namespace)
        return reader.list(path_of(kind, namespace))
    except Refused as refused:
        raise of_status(refused.status, {}, kind, connection.target) from refused
    except Failure as failure:
        if failure.status == 403:
            with contextlib.suppress(Failure):
                if kind.name == "Namespace":
                    return reader.one(f"{path_of(kind, namespace)}/{quote(namespace, safe='')}")
                if kind.everywhere:
                    return reader.list(path_of(kind._replace(everywhere=False), namespace))._replace(elsewhere=failure)
        raise
    except Exception as error:  # an answer that nobody has thought of is no reason to wait for it until the time is over
        raise broken("the answer could not be understood") from error


def uid_of(connection: Connection) -> str:
    """The UID of the namespace kube-system, which lives as long as its cluster; empty where it may not be read."""
    kind = KINDS["Namespace"]
    try:
        found = _Reader(connection, kind, time.sleep).one(f"{path_of(kind, '')}/kube-system")
    except Failure:
        return ""
    return next((item.at("metadata.uid").text or "" for item in found.objects), "")


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
        return Listing(tuple(to_object(self._kind, body) for body in FACTS[self._kind.name](self, namespace)), "")

    def ask(self, path: str, posted: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """One answer to a GET, or to a POST of `posted`. Raises Failure."""
        return self._ask(path, [], posted)

    def page(self, path: str) -> Page:
        """What the API server passes on from a Service. Raises Failure; what is no answer of an API server is none of an app either."""
        self._budget = _PAGE_BYTES
        self._deadline = min(self._deadline, time.monotonic() + _PAGE_SECONDS)
        response = self._connection.relay(path, self._left())
        try:
            if _MARK not in response.headers:
                raise broken("the answer was not that of a Kubernetes API")
            text = self._body(response, whole=False).decode(errors="replace")
        finally:
            response.close()
        return Page(response.status, text)

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

    def _left(self) -> float:
        """Seconds until the time is over. Raises Failure when it is."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise timed_out(self._connection.target, self._connection.timeout)
        return left

    def _answer(self, path: str, query: Query, posted: Any) -> Mapping[str, Any]:
        left = self._left()
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

    def _body(self, response: Any, *, whole: bool = True) -> bytes:
        """The body; if it need not be `whole`, up to the last line that the limit has room for."""
        chunks, size, room = [], 0, self._connection.room
        try:
            while chunk := response.read1(_CHUNK):
                self._budget -= len(chunk)
                if size + len(chunk) > _PAGE or not room.take(len(chunk)):
                    raise Failure(f"one answer would be larger than {_PAGE // 1024 // 1024} MiB")
                size += len(chunk)
                chunks.append(chunk)
                if self._budget < 0 and not whole:
                    return b"".join(chunks)[: self._budget].rpartition(b"\n")[0]
                if self._budget < 0:
                    raise Failure(f"there are more than {MAX_BYTES // 1024 // 1024} MiB of them")
                if time.monotonic() > self._deadline:
                    raise timed_out(self._connection.target, self._connection.timeout)
        except Failure:
            raise
        except Exception as error:
            raise of_exception(error, self._connection.target, self._connection.timeout) from error
        finally:
            room.give_back(size)
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
