"""What a cluster tells of itself, as if it were objects: its version, the API groups that it serves, and what one may do in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graders.kinds import CREATED, KINDS

Body = Mapping[str, Any]
Ask = Callable[[str, "Body | None"], Body]
"""Asks for a path; with a body, posts it. Gives the decoded answer, which is a map."""

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def _version(ask: Ask, _: str) -> Iterator[Body]:
    answer = ask("/version", None)
    if not isinstance(answer.get("gitVersion"), str):
        raise ValueError("no version")
    yield {**answer, "metadata": {"name": "version"}}


def _groups(ask: Ask, _: str) -> Iterator[Body]:
    answer = ask("/apis", None)
    if answer.get("kind") != "APIGroupList" or not isinstance(answer.get("groups"), list):
        raise ValueError("no list of groups")
    for group in answer["groups"]:
        yield {**group, "metadata": {"name": group["name"]}}


def _reviews(ask: Ask, namespace: str) -> Iterator[Body]:
    """Whether one may create what the course needs, a review for each kind
    (https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access). Nothing is stored by asking."""
    for name in CREATED:
        kind = KINDS[name]
        attributes = {"namespace": namespace, "verb": "create", "group": kind.group, "resource": kind.plural}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
        answer = ask(_REVIEWS, review)
        if not isinstance(answer.get("status"), Mapping) or not isinstance(answer["status"].get("allowed"), bool):
            raise ValueError("no review")
        yield {**answer, "metadata": {"name": kind.plural}}


FACTS: Mapping[str, Callable[[Ask, str], Iterator[Body]]] = {
    "Version": _version,
    "APIGroup": _groups,
    "SelfSubjectAccessReview": _reviews,
}
"""By kind, how it is gathered for a namespace. They raise what asking raises, and something else for an answer of another shape."""
