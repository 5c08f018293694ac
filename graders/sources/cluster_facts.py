"""What a cluster tells of itself, as if it were objects: its version, the API groups that it serves, what one may do in it, and what the
app answers when it is asked for its metrics.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from graders.kinds import CREATED, KINDS
from graders.workloads import APP

Body = Mapping[str, Any]


class Page(NamedTuple):
    """What the API server passed on from a Service: the HTTP status and the text, cut off after the last whole line that fits."""

    status: int
    text: str


class Refused(Exception):
    """The API server itself refused, with this HTTP status, to pass a request on."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class Server(Protocol):
    """The API server as it is asked here. Both raise when there is no answer of its own, or one that it passed on."""

    def ask(self, path: str, posted: Body | None = None) -> Body:
        """The decoded answer, which is a map; with a body, that of posting it."""

    def page(self, path: str) -> Page:
        """What comes through the API server's proxy, whatever its status."""


# Where the API server asks the app for its metrics
# (https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services/#manually-constructing-apiserver-proxy-urls).
METRICS_PATH = f"/api/v1/namespaces/{{namespace}}/services/{APP}:http/proxy/metrics"
# What the API server says when a Service has nobody who answers (pkg/registry/core/service/storage, apimachinery/pkg/util/proxy).
# Of a Service that is not there 1.37 says that it has no endpoints, and before that it was not found.
_NOBODY = ("no endpoints available", "no service port", "trying to reach service", f'services "{APP}" not found')
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def _version(server: Server, _: str) -> Iterator[Body]:
    answer = server.ask("/version")
    if not isinstance(answer.get("gitVersion"), str):
        raise ValueError("no version")
    yield {**answer, "metadata": {"name": "version"}}


def _groups(server: Server, _: str) -> Iterator[Body]:
    answer = server.ask("/apis")
    if answer.get("kind") != "APIGroupList" or not isinstance(answer.get("groups"), list):
        raise ValueError("no list of groups")
    for group in answer["groups"]:
        yield {**group, "metadata": {"name": group["name"]}}


def _reviews(server: Server, namespace: str) -> Iterator[Body]:
    """Whether one may create what the course needs, a review for each kind
    (https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access). Nothing is stored by asking."""
    for name in CREATED:
        kind = KINDS[name]
        attributes = {"namespace": namespace, "verb": "create", "group": kind.group, "resource": kind.plural}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
        answer = server.ask(_REVIEWS, review)
        if not isinstance(answer.get("status"), Mapping) or not isinstance(answer["status"].get("allowed"), bool):
            raise ValueError("no review")
        yield {**answer, "metadata": {"name": kind.plural}}


def _scrape(server: Server, namespace: str) -> Iterator[Body]:
    page = server.page(METRICS_PATH.replace("{namespace}", quote(namespace, safe="")))
    status: dict[str, Any] = {"code": page.status, "body": page.text}
    if page.status != 200:
        own = _own_words(page.text)
        about_endpoints = any(sign in (own or page.text).lower() for sign in _NOBODY)
        if own is not None and not about_endpoints:
            raise Refused(page.status)
        status = {"code": page.status, "message": own or (page.text.strip() if about_endpoints else "the app itself answers so")}
    yield {"metadata": {"name": APP, "namespace": namespace}, "status": status}


def _own_words(text: str) -> str | None:
    """The message of an error that is the API server's own, a Status object; None for what it passed on."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return str(answer.get("message") or "") if isinstance(answer, dict) and answer.get("kind") == "Status" else None


FACTS: Mapping[str, Callable[[Server, str], Iterator[Body]]] = {
    "Version": _version,
    "APIGroup": _groups,
    "SelfSubjectAccessReview": _reviews,
    "Scrape": _scrape,
}
"""By kind, how it is gathered for a namespace. They raise what asking raises, and something else for an answer of another shape."""
