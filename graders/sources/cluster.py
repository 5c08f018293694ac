"""Live cluster -> Snapshot. Reads only what it is asked for, with get, list and watch, and never writes.

Whatever a cluster answers, a kind is either read whole or told as unreadable, with the reason: never taken for absent.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from graders.errors import ClusterUnavailable
from graders.kinds import KINDS, Kind
from graders.snapshot import Snapshot, Source
from graders.sources import cluster_access
from graders.sources.cluster_errors import NOT_ASKED, Failure, timed_out
from graders.sources.cluster_requests import Connection, Listing, read_list, uid_of

State = Listing | Failure

_GRACE = 0.25  # seconds for an answer that came at the last moment


def connect(*, context: str | None, kubeconfig: str | None, timeout: float) -> Cluster:
    """The cluster that kubectl would talk to, or the one of another `context` or `kubeconfig` (a path; never one that somebody sent).

    Nothing is asked yet, but a credential plugin is run. `timeout` is the limit in seconds for that, and later for each kind's list.
    Raises ClusterUnavailable.
    """
    return Cluster(Connection(lambda: cluster_access.load(context=context, kubeconfig=kubeconfig, timeout=timeout), timeout))


def unavailable_snapshot(
    error: ClusterUnavailable, kinds: Sequence[str], *, namespace: str, context: str | None, taken_at: datetime
) -> Snapshot:
    """A snapshot of a cluster that could not be reached: every kind unreadable, for `error`'s reason."""
    reason = f"{error.message} {error.help}".strip()
    return Snapshot(Source("cluster", namespace, context=context), (), taken_at, MappingProxyType(dict.fromkeys(kinds, reason)))


class Cluster:
    """A cluster to read from. `context` is that of the kubeconfig, None in a Pod; `namespace` is the context's default one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def context(self) -> str | None:
        """The kubeconfig's context, None in a Pod."""
        return self._connection.target.context

    @property
    def host(self) -> str:
        """The API server's host and port."""
        return self._connection.target.host

    @property
    def namespace(self) -> str:
        """The namespace that kubectl works in by default."""
        return self._connection.access.namespace or "default"

    def uid(self) -> str:
        """What tells this cluster from every other: the UID of its namespace kube-system. Empty where that may not be read."""
        return uid_of(self._connection)

    def snapshot(self, kinds: Sequence[str], *, namespace: str, taken_at: datetime, everywhere: Collection[str] = ()) -> Snapshot:
        """The objects of `kinds`: namespaced ones in `namespace`, others all, by kind as asked and then by name.

        Those `everywhere` are read in all namespaces, where that is allowed; else `only_here` tells why not.
        Raises ClusterUnavailable when no kind could be read for a reason that has to do with the cluster as a whole. A kind that
        could not be read for another reason is in `unreadable`.
        """
        wanted = _wanted(kinds, everywhere)
        states = self._read(wanted, namespace)
        error = _unavailable(states)
        if error is not None:
            raise error
        return self._snapshot(wanted, states, namespace, taken_at)

    def watch(
        self, kinds: Sequence[str], namespace: str, stop: threading.Event | None = None, *, everywhere: Collection[str] = ()
    ) -> Generator[Snapshot]:
        """Snapshots: first of the present state, then whenever something has changed, until `stop` is set or the iterator closed.

        While the cluster is away every kind is unreadable; when it is back, the next snapshot shows it.
        """
        from graders.sources.cluster_watch import follow

        wanted = _wanted(kinds, everywhere)
        states_over_time = follow(self._connection, list(wanted.values()), namespace, stop or threading.Event())
        for states in states_over_time:
            now = datetime.now(UTC)
            error = _unavailable(states)
            if error is None:
                yield self._snapshot(wanted, states, namespace, now)
            else:
                away = unavailable_snapshot(error, kinds, namespace=namespace, context=self.context, taken_at=now)
                yield replace(away, context_namespace=self._connection.access.namespace)

    def _snapshot(self, wanted: Mapping[str, Kind], states: Mapping[str, State], namespace: str, taken_at: datetime) -> Snapshot:
        target = self._connection.target
        narrow = {
            kind: (state.elsewhere or NOT_ASKED).sentence(wanted[kind]._replace(everywhere=True), namespace, target)
            for kind, state in states.items()
            if isinstance(state, Listing) and wanted[kind].namespaced and (state.elsewhere or not wanted[kind].everywhere)
        }
        return Snapshot(
            Source("cluster", namespace, context=target.context),
            tuple(item for state in states.values() if isinstance(state, Listing) for item in state.objects),
            taken_at,
            MappingProxyType(
                {kind: state.sentence(KINDS[kind], namespace, target) for kind, state in states.items() if isinstance(state, Failure)}
            ),
            context_namespace=self._connection.access.namespace,
            only_here=MappingProxyType(narrow),
            clock_skew=self._connection.clock_skew,
        )

    def _read(self, wanted: Mapping[str, Kind], namespace: str) -> dict[str, State]:
        """Each kind's list, or why there is none, in the order of `wanted`; in little more than the time limit, whatever happens."""
        done: queue.SimpleQueue[tuple[str, State]] = queue.SimpleQueue()

        def read(kind: Kind) -> None:
            try:
                done.put((kind.name, read_list(self._connection, kind, namespace)))
            except Failure as failure:
                done.put((kind.name, failure))

        for kind in wanted.values():
            # A thread for each, so that no kind waits for another's time limit. Not a ThreadPoolExecutor: at the end of the program it
            # would wait for a server that never answers.
            threading.Thread(target=read, args=(kind,), name=f"read-{kind.plural}", daemon=True).start()
        found: dict[str, State] = {}
        deadline = time.monotonic() + self._connection.timeout + _GRACE
        while len(found) < len(wanted):
            try:
                name, state = done.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                break
            found[name] = state
        late = timed_out(self._connection.target, self._connection.timeout)
        return {name: found.get(name, late) for name in wanted}


def _wanted(kinds: Sequence[str], everywhere: Collection[str]) -> dict[str, Kind]:
    """The kinds by name, in the order asked; those `everywhere` to be read in all namespaces."""
    return {name: KINDS[name]._replace(everywhere=True) if name in everywhere else KINDS[name] for name in kinds}


def _unavailable(states: Mapping[str, State]) -> ClusterUnavailable | None:
    """Why the cluster as a whole cannot be read; None when some kind was, or was refused for a reason of its own."""
    # What is asked through the API server's proxy may be answered by anybody.
    direct = {kind: state for kind, state in states.items() if kind != "Scrape"} or states
    errors = [state.everywhere if isinstance(state, Failure) else None for state in direct.values()]
    return errors[0] if errors and None not in errors else None
