"""The cluster that a classroom shares: a namespace for each learner, which the server reads for them with its own read-only account.

No kubeconfig but that of the server's settings is ever read, and nothing of what belongs to other learners is passed on: what lessons look
for in all namespaces is narrowed to the learner's own and to those that are nobody's.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from app.db import session_of
from app.models import Cohort, Learner, Membership, Role
from app.services import shared_cluster_manifests
from app.services.cluster_choice import SHARED, Place
from app.services.live_picture import Cause, Trouble
from app.services.shared_cluster_manifests import HOME, LABEL, Seat
from graders.errors import ClusterUnavailable, UsageError
from graders.snapshot import K8sObject, Snapshot
from graders.sources import cluster_access
from graders.sources.cluster import Cluster
from graders.sources.cluster_access import Access
from graders.sources.cluster_requests import Connection

_log = logging.getLogger("course")

CONTEXT: Final = "classroom"
"""What the cluster is called on pages and in reports; the name in the server's own kubeconfig is nobody's business."""
PREFIX: Final = "learner-"
FREE: Final = "class-"
"""Namespaces that instructors choose begin so: on a cluster that serves others as well, any other may be one where somebody works."""
_RESERVED = frozenset(("default", HOME, "monitoring", "velero", "ingress-nginx", "cert-manager"))
_TIMEOUT = 5.0  # seconds for the cluster's answer
_KNOWN_FOR = 5.0  # seconds for which it is taken that no namespace was given out meanwhile
_LONGEST = 63  # characters of a namespace
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_OWN_ACCOUNT = (
    "The classroom's server asks with an account of its own, so that it cannot tell what yours may do. "
    "Grade it from your terminal: grade lesson-0 --submit"
)


def namespace_for(name: str, learner_id: int) -> str:
    """`learner-ada-lovelace-7`: one that nobody else gets, whatever people are called."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _NOT_IN_A_NAME.sub("-", plain).strip("-")
    room = _LONGEST - len(PREFIX) - len(str(learner_id)) - 1
    slug = slug[:room].strip("-")
    return f"{PREFIX}{slug}-{learner_id}" if slug else f"{PREFIX}{learner_id}"


def is_reserved(namespace: str) -> bool:
    """Whether a namespace can be nobody's own: the cluster's, the course's, or one that others work in."""
    return namespace.startswith("kube-") or namespace in _RESERVED


def assign(session: Session, cohort_id: int) -> list[Seat]:
    """Give each learner of a cohort a namespace who has none yet; gives those of all, in order of their names. The session must write.

    Who is in two cohorts has one namespace: there is one cluster. Raises UsageError for one that a roster gave and nobody may have.
    """
    rows = session.exec(
        select(Membership, Learner)
        .join(Learner, col(Learner.id) == Membership.learner_id)
        .where(Membership.cohort_id == cohort_id, Membership.role == Role.LEARNER)
        .order_by(col(Learner.name), col(Learner.id))
    ).all()
    ids = [membership.learner_id for membership, _ in rows]
    held = dict(
        session.exec(
            select(Membership.learner_id, Membership.namespace).where(
                col(Membership.learner_id).in_(ids), col(Membership.namespace).is_not(None)
            )
        ).all()
    )
    seats = []
    for membership, learner in rows:
        namespace = held.get(membership.learner_id)
        if namespace is None:
            namespace = membership.namespace = namespace_for(learner.name, membership.learner_id)
        elif is_reserved(namespace):
            raise UsageError(
                f"Learner {membership.learner_id} has the namespace {namespace}, which is the cluster's own.",
                help="Whoever works there could take the cluster over. Give them another one in the roster.",
            )
        seats.append(Seat(namespace, cohort_id))
    session.flush()
    return seats


def manifests(session: Session, cohort: Cohort) -> str:
    """What an administrator of the cluster applies for a cohort, as YAML: namespaces are assigned to those who have none. The session must
    write. Applying it again, after others have joined, adds what is missing."""
    assert cohort.id is not None
    return shared_cluster_manifests.render(assign(session, cohort.id), cohort.name)


def place(kubeconfig: str, namespace: str) -> Place:
    """What the panel of a learner reads."""
    return Place(SHARED, kubeconfig, None, namespace)


class Namespaces:
    """Which namespaces are learners', as the database has them; asked for again every few seconds, from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._asked = float("-inf")

    def __call__(self) -> frozenset[str]:
        """All that are given out. Raises GradingError when the database cannot be used."""
        with self._lock:
            if time.monotonic() - self._asked > _KNOWN_FOR:
                with session_of(self._engine, writes=False) as session:
                    held = session.exec(select(Membership.namespace).where(col(Membership.namespace).is_not(None)))
                    self._known = frozenset(namespace for namespace in held if namespace)
                self._asked = time.monotonic()
            return self._known


def opener(engine: Engine, kubeconfig: str | None) -> Callable[[Place], Cluster | Trouble]:
    """How the hub opens what a learner's panel reads: the classroom's cluster, for that learner's namespace; nothing else, ever."""
    namespaces = Namespaces(engine)

    def opened(wanted: Place) -> Cluster | Trouble:
        if kubeconfig is None or wanted.source != SHARED or wanted.kubeconfig != kubeconfig or wanted.context is not None:
            return Trouble(Cause.OURS, "This classroom has no cluster of its own.", "Hand in from your terminal: grade --submit")
        if is_reserved(wanted.namespace):
            return Trouble(
                Cause.OURS, f"{wanted.namespace} is a namespace of the cluster itself.", "Ask your instructor for one of your own."
            )
        try:
            return OwnView(Connection(lambda: _access(kubeconfig), _TIMEOUT), wanted.namespace, namespaces)
        except ClusterUnavailable as error:
            _log.error("the classroom's cluster cannot be read: %s %s", error.message, error.help)
            return Trouble(
                Cause.UNREACHABLE, "The classroom's cluster cannot be read just now.", "Your instructor can look into the server's log."
            )

    return opened


def _access(kubeconfig: str) -> Access:
    """Access with the server's account; sentences about it name neither its files nor its contexts."""
    access = cluster_access.load(context=None, kubeconfig=kubeconfig, timeout=_TIMEOUT)
    return replace(access, target=replace(access.target, context=CONTEXT, user="the classroom's server", flags=""))


class OwnView(Cluster):
    """The shared cluster as one learner may see it through the server."""

    def __init__(self, connection: Connection, namespace: str, namespaces: Callable[[], Collection[str]]) -> None:
        super().__init__(connection)
        self._own = namespace
        self._namespaces = namespaces

    def snapshot(self, kinds: Sequence[str], *, namespace: str, taken_at: datetime, everywhere: Collection[str] = ()) -> Snapshot:
        """As a cluster's, without what belongs to others. Raises ClusterUnavailable."""
        self._check(namespace)
        return self._narrowed(super().snapshot(kinds, namespace=namespace, taken_at=taken_at, everywhere=everywhere))

    def watch(
        self, kinds: Sequence[str], namespace: str, stop: threading.Event | None = None, *, everywhere: Collection[str] = ()
    ) -> Generator[Snapshot]:
        """As a cluster's, without what belongs to others."""
        self._check(namespace)
        for snapshot in super().watch(kinds, namespace, stop, everywhere=everywhere):
            yield self._narrowed(snapshot)

    def _check(self, namespace: str) -> None:
        if namespace != self._own:
            raise ClusterUnavailable("That namespace is not yours.")

    def _narrowed(self, snapshot: Snapshot) -> Snapshot:
        return narrowed(snapshot, self._own, frozenset(self._namespaces()))


def narrowed(snapshot: Snapshot, own: str, given_out: frozenset[str]) -> Snapshot:
    """A snapshot without what is other learners', and without what is only about the account that has read it. Pure."""

    def foreign(namespace: str) -> bool:
        return namespace != own and (namespace in given_out or namespace.startswith(PREFIX))

    reviews = "SelfSubjectAccessReview"
    asked = any(item.kind == reviews for item in snapshot.objects)
    return replace(
        snapshot,
        objects=tuple(item for item in snapshot.objects if item.kind != reviews and not _is_foreign(item, own, foreign)),
        unreadable={**snapshot.unreadable, reviews: _OWN_ACCOUNT} if asked else snapshot.unreadable,
        context_namespace=None,  # that of the server's kubeconfig
    )


def _is_foreign(item: K8sObject, own: str, foreign: Callable[[str], bool]) -> bool:
    if item.namespace:
        # What the administrator has put into the learner's namespace is not the learner's work.
        return foreign(item.namespace) or LABEL in item.labels or _concerns_others(item, own, foreign)
    if item.kind == "Namespace":
        return foreign(item.name)
    claim = item.at("spec.claimRef.namespace").text
    return claim is not None and foreign(claim)


def _concerns_others(item: K8sObject, own: str, foreign: Callable[[str], bool]) -> bool:
    """Whether it stands in a namespace of nobody's, as a backup does, and is about other learners' namespaces alone."""
    if item.namespace == own:
        return False
    for part in ("spec.includedNamespaces", "spec.template.includedNamespaces"):
        names = [each.text for each in item.at(part).each()]
        if names and own not in names and all(name is not None and foreign(name) for name in names):
            return True
    return False
