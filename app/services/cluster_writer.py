"""The course's own requests that change a cluster: create, delete, and the reading that they need. Grading never comes here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from graders.errors import ClusterUnavailable, GradingError
from graders.kinds import KINDS
from graders.sources import cluster_access
from graders.sources.cluster_errors import of_exception, of_status, timed_out

MANAGER = "kubernetes-course"
_CHUNK = 65536
_MOST = 64 * 1024 * 1024  # bytes of an answer
_PAUSE = 0.2  # between looks at something that is being deleted
_CHECK = "Check with: kubectl api-resources"

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """Where a kind is served: the path of its API group and version, and its name there."""

    kind: str
    prefix: str
    plural: str
    namespaced: bool
    listed: bool = True

    def path(self, namespace: str, name: str = "") -> str:
        """The URL path of its collection in a namespace, or of one object in it."""
        where = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced else ""
        return f"{self.prefix}{where}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server answered: the HTTP status and the decoded body."""

    status: int
    body: Body

    @property
    def fine(self) -> bool:
        """Whether it did what it was asked."""
        return 200 <= self.status < 300

    @property
    def why(self) -> str:
        """The API server's own words for what it refused."""
        return str(self.body.get("message") or f"status {self.status}").strip().rstrip(".")


class RequestRefused(GradingError):
    """The API server refused something that was needed."""


def connect(*, context: str | None, kubeconfig: str | None, timeout: float) -> Writer:
    """A writer to the cluster that kubectl would talk to. Nothing is asked yet, but a credential plugin is run.

    `timeout` is the limit of each request in seconds. Raises ClusterUnavailable.
    """
    return Writer(cluster_access.load(context=context, kubeconfig=kubeconfig, timeout=timeout), timeout)


class Writer:
    """Requests to one cluster, one after the other. Each raises ClusterUnavailable when no answer comes."""

    def __init__(self, access: cluster_access.Access, timeout: float) -> None:
        self._access = access
        self._timeout = timeout
        self._served: dict[str, dict[str, Resource]] = {}

    @property
    def context(self) -> str | None:
        """The kubeconfig's context, None in a Pod."""
        return self._access.target.context

    @property
    def host(self) -> str:
        """The API server's host and port."""
        return self._access.target.host

    @property
    def flags(self) -> str:
        """What makes kubectl talk to the same cluster: ` --context NAME`, or nothing."""
        return self._access.target.flags

    def ask(self, method: str, path: str, body: Body | None = None, **query: str) -> Answer:
        """One request and its answer, whatever its status is. Raises ClusterUnavailable when there is none, or it is no API server's."""
        from urllib3 import HTTPHeaderDict

        access = self._access
        url_path = path + (f"?{urlencode(query)}" if query else "")
        accept = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            _, url, headers, _, _ = access.api.param_serialize(method, url_path, header_params=accept, auth_settings=["BearerToken"])
            sent = HTTPHeaderDict({key: value.strip() for key, value in headers.items()})
            for key, value in access.headers:
                sent.add(key, value)
            response = access.api.call_api(method, url, sent, body, _request_timeout=(self._timeout, self._timeout)).response
            status, text = response.status, self._body(response)
        except ClusterUnavailable:
            raise
        except Exception as error:  # the package answers trouble with whatever exception it leads to
            told = of_exception(error, access.target, self._timeout).everywhere
            raise told or access.target.unavailable(f"The cluster at {self.host} broke the connection off.") from error
        if status == 401:
            refused = of_status(401, {}, KINDS["Namespace"], access.target).everywhere
            assert refused is not None, "credentials are a matter of the whole cluster"
            raise refused
        try:
            answer = json.loads(text) if text.strip() else {}
        except (ValueError, RecursionError) as error:
            if status == 404:  # a path that is not served is answered in plain text
                return Answer(404, {})
            raise self._not_kubernetes(status) from error
        if not isinstance(answer, Mapping):
            raise self._not_kubernetes(status)
        return Answer(status, answer)

    def _body(self, response: Any) -> bytes:
        """All that comes within the time limit, of which each request has one. Raises ClusterUnavailable when that is not all."""
        deadline = time.monotonic() + self._timeout
        chunks: list[bytes] = []
        left = _MOST
        try:
            while chunk := response.read1(_CHUNK):
                chunks.append(chunk)
                left -= len(chunk)
                if left < 0:
                    raise self._access.target.unavailable(f"The cluster at {self.host} answers without end.")
                if time.monotonic() > deadline:
                    late = timed_out(self._access.target, self._timeout).everywhere
                    assert late is not None, "time is a matter of the whole cluster"
                    raise late
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return b"".join(chunks)

    def _not_kubernetes(self, status: int) -> ClusterUnavailable:
        message = f"What answers at {self.host} is not the Kubernetes API (status {status})."
        return self._access.target.unavailable(message, "See whether a proxy or a login page stands in between")

    @contextmanager
    def _expecting(self) -> Iterator[None]:
        """Around the taking apart of an answer. Raises ClusterUnavailable when it is of another shape than the Kubernetes API's."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._not_kubernetes(200) from error

    def nodes(self) -> int | None:
        """How many nodes the cluster has; None when one may not count them."""
        answer = self.ask("GET", "/api/v1/nodes", limit="500")
        if not answer.fine:
            return None
        with self._expecting():
            more = (answer.body.get("metadata") or {}).get("remainingItemCount") or 0
            return len(answer.body["items"] or ()) + int(more)

    def resource(self, api_version: str, kind: str) -> Resource | None:
        """Where a kind is served; None when this cluster does not serve it. Raises RequestRefused."""
        return self._resources(api_version).get(kind)

    def collections(self, api_version: str) -> list[Resource]:
        """What can be listed in a namespace, of one API version. Raises RequestRefused."""
        return [each for each in self._resources(api_version).values() if each.namespaced and each.listed]

    def _resources(self, api_version: str) -> dict[str, Resource]:
        if api_version not in self._served:
            prefix = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
            answer = self.ask("GET", prefix)
            if not answer.fine and answer.status != 404:
                raise RequestRefused(f"The API server at {self.host} does not say what it serves: {answer.why}.", help=_CHECK + self.flags)
            with self._expecting():
                self._served[api_version] = {
                    each["kind"]: Resource(each["kind"], prefix, each["name"], bool(each["namespaced"]), "list" in each.get("verbs", ()))
                    for each in (answer.body["resources"] if answer.fine else ())
                    if "/" not in each["name"]
                }
        return self._served[api_version]

    def get(self, resource: Resource, namespace: str, name: str) -> Body | None:
        """An object as served; None when it is not there. Raises RequestRefused."""
        answer = self.ask("GET", resource.path(namespace, name))
        if answer.status == 404:
            return None
        found = self._granted(answer, f"{resource.kind} {name} could not be read", "get", resource, namespace).body
        with self._expecting():
            return found if found["metadata"]["name"] == name else None

    def list(self, resource: Resource, namespace: str, labels: Mapping[str, str]) -> Sequence[Body]:
        """The objects of a kind that have these labels. Raises RequestRefused."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        answer = self.ask("GET", resource.path(namespace), labelSelector=selector)
        if answer.status == 404:
            return ()
        found = self._granted(answer, f"{resource.plural} could not be listed", "list", resource, namespace).body
        with self._expecting():
            return [item for item in found["items"] or () if item["metadata"]["name"]]

    def create(self, resource: Resource, namespace: str, body: Body, *, dry_run: bool = False) -> bool:
        """Create an object; says whether it is new. What is there already is left as it is, which an apply could not promise.

        With `dry_run` the server only checks whether it would. Raises RequestRefused.
        """
        more = {"dryRun": "All"} if dry_run else {}
        answer = self.ask("POST", resource.path(namespace), body, fieldManager=MANAGER, fieldValidation="Strict", **more)
        if answer.status == 409 and answer.body.get("reason") == "AlreadyExists":
            return False
        self._granted(answer, f"{resource.kind} {body['metadata']['name']} was refused", "create", resource, namespace)
        return True

    def delete(self, resource: Resource, namespace: str, body: Body) -> None:
        """Delete an object as it was read, with what belongs to it; one that is gone or was made anew is left. Raises RequestRefused."""
        metadata = body["metadata"]
        options = {"propagationPolicy": "Background", "preconditions": {"uid": metadata["uid"]}}
        answer = self.ask("DELETE", resource.path(namespace, metadata["name"]), options)
        if answer.status not in (404, 409):
            self._granted(answer, f"{resource.kind} {metadata['name']} could not be deleted", "delete", resource, namespace)

    def wait_until_gone(self, resource: Resource, namespace: str, body: Body, deadline: float) -> bool:
        """Whether an object has gone before `deadline`, a time of the monotonic clock. Raises RequestRefused."""
        metadata = body["metadata"]
        while True:
            there = self.get(resource, namespace, metadata["name"])
            if there is None or there["metadata"]["uid"] != metadata["uid"]:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)

    def _granted(self, answer: Answer, what: str, verb: str, resource: Resource, namespace: str) -> Answer:
        if answer.fine:
            return answer
        scope = f" -n {namespace}" if resource.namespaced else ""
        if answer.status == 403 and "is forbidden: User" in answer.why:
            why, check = "access denied", f"Check with: kubectl auth can-i {verb} {resource.plural}{scope}{self.flags}"
        else:
            why, check = answer.why, f"See what is there with: kubectl get {resource.plural}{scope}{self.flags}"
        raise RequestRefused(f"{what}: {why}.", help=check)
