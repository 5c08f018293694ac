"""Grading a cluster: once, after a wait, or again whenever it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from graders.errors import ClusterUnavailable
from graders.snapshot import Snapshot
from graders.terminal.output import say
from graders.terminal.session import LiveReports, Session, now
from graders.verdict import Status

if TYPE_CHECKING:
    from graders.sources.cluster import Cluster

Connect = Callable[[Session], "Cluster"]


def connect(session: Session) -> Cluster:
    """The cluster that the options name. Raises ClusterUnavailable."""
    from graders.sources import cluster

    options = session.options
    return cluster.connect(context=options.context, kubeconfig=options.kubeconfig, timeout=options.timeout)


def grade(session: Session, connect: Connect = connect) -> int:
    """Grade the cluster once, after a wait if the options ask for one; gives the exit status. Raises ClusterUnavailable."""
    options = session.options
    try:
        cluster = connect(session)
        snapshot = cluster.snapshot(session.kinds, namespace=options.namespace, taken_at=now(), everywhere=session.everywhere)
        if options.wait:
            snapshot = _settled(session, cluster, snapshot)
    except ClusterUnavailable as error:
        if session.for_program:
            session.print(session.evaluate(_nothing(session, error)))
        raise
    return session.show(snapshot, lambda: cluster.uid())


def watch(session: Session, connect: Connect = connect) -> int:
    """Grade the cluster now and again whenever it changes, until nobody reads the reports or an interrupt comes."""
    shown = LiveReports(session)
    for snapshot in connect(session).watch(session.kinds, session.options.namespace, everywhere=session.everywhere):
        if not shown.show(snapshot):
            break
    return 0


def _nothing(session: Session, error: ClusterUnavailable) -> Snapshot:
    from graders.sources.cluster import unavailable_snapshot

    options = session.options
    return unavailable_snapshot(error, session.kinds, namespace=options.namespace, context=options.context, taken_at=now())


def _settled(session: Session, cluster: Cluster, snapshot: Snapshot) -> Snapshot:
    """The first snapshot in which nothing is pending, or the last one before the time is over.

    What was judged before and cannot be just now is waited for, too: the cluster, or a part of it, may be back in a moment.
    """
    pending = _with(session, snapshot, Status.PENDING)
    if not pending:
        return snapshot
    never_known = _with(session, snapshot, Status.UNKNOWN)
    told = pending
    say(f"Waiting for {_names(session, told)} …")
    for snapshot in _until(session, cluster):
        pending = _with(session, snapshot, Status.PENDING)
        if not pending and _with(session, snapshot, Status.UNKNOWN) <= never_known:
            break
        if pending and pending != told:
            told = pending
            say(f"Waiting for {_names(session, told)} …")
    if pending:
        say(f"Still pending after {session.options.wait:g} s: {_names(session, pending)}")
    return snapshot


def _with(session: Session, snapshot: Snapshot, status: Status) -> set[tuple[int, int]]:
    """The objectives that have a status: each by the places of its lesson and of itself there."""
    reports = session.evaluate(snapshot)
    return {(at, place) for at, report in enumerate(reports) for place, result in enumerate(report.results) if result.status is status}


def _names(session: Session, objectives: set[tuple[int, int]]) -> str:
    return ", ".join(session.lessons[lesson].objectives[place].id for lesson, place in sorted(objectives))


def _until(session: Session, cluster: Cluster) -> Iterator[Snapshot]:
    """The snapshots of a watch that ends when the wait does."""
    import threading

    stop = threading.Event()
    timer = threading.Timer(session.options.wait, stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield from cluster.watch(session.kinds, session.options.namespace, stop, everywhere=session.everywhere)
    finally:
        stop.set()
        timer.cancel()
