"""Facts of equality: whose work in a cohort is the very same, and who has worked on one cluster. There can be good reasons for either.

What is compared are objects as they mean the same to Kubernetes, not files: the order of keys, comments and the learner's own namespace
make no difference, nor what a server fills in. What the course itself publishes is left out, and what is too small to tell anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from app.models import Attempt, Learner, Membership, Origin, Role
from app.services.content import NAMESPACE, exercises, objects
from graders.errors import GradingError
from graders.objective import Lesson
from graders.redaction import redact
from graders.snapshot import K8sObject, Snapshot
from graders.wire import digest, kinds_of

LEAST: Final = 30
"""So many values of the learner's own are needed at least: two people name a Namespace alike without having met."""

_PUBLISHED = ("starter", "solution", "seeds", "manifests")
# What a server puts there, differently for each cluster.
_OF_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "namespace", "finalizers")
_NOTES_OF_SERVER = tuple(f"{name}.kubernetes.io/" for name in ("deployment", "kubectl", "pv", "volume", "volume.beta", "autoscaling"))
_ASSIGNED = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "volumeName", "nodeName", "healthCheckNodePort")
# Kinds that controllers and the cluster itself make, and what comes with each namespace.
_NOT_MADE_BY_LEARNERS = frozenset(
    (
        *("Event", "Node", "NodeMetrics", "PodMetrics", "EndpointSlice", "Endpoints", "PersistentVolume", "StorageClass", "IngressClass"),
        *("APIService", "Version", "APIGroup", "SelfSubjectAccessReview", "Scrape", "ReplicaSet", "Pod", "Namespace", "GatewayClass"),
    )
)


class What(StrEnum):
    """In what two learners agree. The values are the words that follow their names."""

    CLUSTER = "the same cluster"
    WORK = "the same objects"


@dataclass(frozen=True, slots=True)
class Same:
    """A fact: at a lesson, a learner's attempt shares something with an attempt of `other_id`, whose name is `other`."""

    lesson_id: str
    what: What
    other_id: int
    other: str

    @property
    def words(self) -> str:
        """`the same cluster as Ada`."""
        return f"{self.what} as {self.other or 'somebody without a name'}"


def digest_of(snapshot: Snapshot, lesson: Lesson) -> str:
    """What tells equal work at a lesson from other: of all objects of the learner's own, in no order. Empty where there is too little."""
    kinds = kinds_of((lesson,), live=snapshot.is_live) - _NOT_MADE_BY_LEARNERS
    last = {(item.kind, item.group, item.name): item for item in snapshot.objects if _counts(item, kinds, snapshot.namespace)}
    found, size = set(), 0
    for item in last.values():
        body = normal(item.body, snapshot.namespace)
        if not _is_published(body, live=snapshot.is_live):
            found.add(digest(body))
            size += _size(body)
    return digest(sorted(found)) if size >= LEAST else ""


def of_learner(session: Session, cohort_id: int, learner_id: int) -> list[Same]:
    """What a learner of a cohort shares with others of it, by lesson and name; each fact once."""
    own = _attempts(session, cohort_id, col(Attempt.learner_id) == learner_id)
    clusters, digests = {row.cluster for row in own} - {""}, {row.digest for row in own} - {""}
    if not clusters and not digests:
        return []
    # Of others only what can be equal is read: a class has tens of thousands of attempts.
    equal = col(Attempt.cluster).in_(clusters) | col(Attempt.digest).in_(digests)
    others = _attempts(session, cohort_id, col(Attempt.learner_id) != learner_id, equal)
    shared = {row.cluster for row in (*own, *others) if row.origin == Origin.CLUSTER}  # the classroom's own cluster is everybody's
    mine = {_fact(row, what) for row in own for what in _says(row, shared)}
    found = {
        Same(row.lesson_id, what, row.learner_id, row.name) for row in others for what in _says(row, shared) if _fact(row, what) in mine
    }
    return sorted(found, key=lambda same: (len(same.lesson_id), same.lesson_id, same.other.lower(), same.what))


@dataclass(frozen=True, slots=True)
class _Row:
    learner_id: int
    name: str
    lesson_id: str
    origin: str
    cluster: str
    digest: str


def _attempts(session: Session, cohort_id: int, *which: ColumnElement[bool]) -> list[_Row]:
    query = (
        select(
            *(col(each) for each in (Attempt.learner_id, Learner.name, Attempt.lesson_id, Attempt.origin, Attempt.cluster, Attempt.digest))
        )
        .join(Learner, col(Learner.id) == Attempt.learner_id)
        .join(Membership, col(Membership.learner_id) == Attempt.learner_id)
        .where(
            col(Membership.cohort_id) == cohort_id,
            col(Membership.role) == Role.LEARNER,
            (col(Attempt.cluster) != "") | (col(Attempt.digest) != ""),
            *which,
        )
        .distinct()
    )
    return [_Row(*row) for row in session.execute(query)]


def _says(row: _Row, shared: set[str]) -> Iterable[What]:
    if row.cluster and row.cluster not in shared:
        yield What.CLUSTER
    if row.digest:
        yield What.WORK


def _fact(row: _Row, what: What) -> tuple[str, What, str]:
    return row.lesson_id, what, row.cluster if what is What.CLUSTER else row.digest


def _counts(item: K8sObject, kinds: frozenset[str], namespace: str) -> bool:
    return (
        item.kind in kinds
        and item.namespace in ("", namespace)
        and item.owner() is None
        and item.ref not in ("ConfigMap/kube-root-ca.crt", "ServiceAccount/default")
    )


def normal(body: Mapping[str, Any], namespace: str) -> Any:
    """An object as its author wished it, wherever it stands."""
    wish = {key: value for key, value in body.items() if key != "status"}
    metadata = wish.get("metadata")
    if isinstance(metadata, Mapping):
        wish["metadata"] = {key: _noted(key, value) for key, value in metadata.items() if key not in _OF_SERVER and _noted(key, value)}
    spec = wish.get("spec")
    if isinstance(spec, Mapping):
        wish["spec"] = {key: value for key, value in spec.items() if key not in _ASSIGNED}
    return _renamed(wish, namespace)


def _renamed(value: Any, namespace: str) -> Any:
    """The same in the course's own namespace."""
    if isinstance(value, str):
        return value.replace(namespace, NAMESPACE) if namespace != NAMESPACE else value
    if isinstance(value, Mapping):
        return {key: _renamed(item, namespace) for key, item in value.items()}
    return [_renamed(item, namespace) for item in value] if isinstance(value, list | tuple) else value


def _size(value: Any) -> int:
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list) else 1


def _noted(key: str, value: Any) -> Any:
    """Metadata without annotations that controllers write."""
    if key != "annotations" or not isinstance(value, Mapping):
        return value
    return {name: text for name, text in value.items() if not str(name).startswith(_NOTES_OF_SERVER)}


def _is_published(body: Mapping[str, Any], *, live: bool) -> bool:
    """Whether the course gives that object to everybody; on a cluster it has the server's defaults besides."""
    given = _published().get(_named(body), ())
    return any(_is_part(each, body) if live else each == body for each in given)


def _is_part(part: Any, whole: Any) -> bool:
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and _is_part(item, whole[key]) for key, item in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(_is_part, part, whole))
    return bool(part == whole)


def _named(body: Mapping[str, Any]) -> tuple[str, str]:
    metadata = body.get("metadata")
    return str(body.get("kind")), str(metadata.get("name") if isinstance(metadata, Mapping) else "")


@cache
def _published() -> Mapping[tuple[str, str], list[Any]]:
    """The objects that the course gives to everybody, by kind and name."""
    found: dict[tuple[str, str], list[Any]] = {}
    root = exercises()
    for path in sorted(root.rglob("*.yaml")):
        parts = path.relative_to(root).parts
        if parts[0] != "guide" and not set(parts).intersection(_PUBLISHED):
            continue
        try:
            bodies = objects(path, NAMESPACE)
        except GradingError:  # a template, or what is broken on purpose
            continue
        for body in bodies:
            wish = normal(redact(body), NAMESPACE)
            found.setdefault(_named(wish), []).append(wish)
    return found
