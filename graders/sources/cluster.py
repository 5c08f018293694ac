"""Live cluster -> Snapshot. Reads only what it is asked for, with get, list and watch, and never writes.

Whatever a cluster answers, a kind is either read whole or told as unreadable, with the reason: never taken for absent.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from graders.errors import ClusterUnavailable
from graders.kinds import KINDS
from graders.snapshot import Snapshot, Source
from graders.sources import cluster_access
from graders.sources.cluster_errors import Failure, timed_out
from graders.sources.cluster_requests import Connection, Listing, read_list

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
    def namespace(self) -> str:
        """The namespace that kubectl works in by default."""
        return self._connection.access.namespace or "default"

    def snapshot(self, kinds: Sequence[str], *, namespace: str, taken_at: datetime) -> Snapshot:
        """The objects of `kinds`: namespaced ones in `namespace`, others all, by kind as asked and then by name.

        Raises ClusterUnavailable when no kind could be read for a reason that has to do with the cluster as a whole. A kind that
        could not be read for another reason is in `unreadable`.
        """
        states = self._read(kinds, namespace)
        error = _unavailable(states)
        if error is not None:
            raise error
        return self._snapshot(states, namespace, taken_at)

    def watch(self, kinds: Sequence[str], namespace: str, stop: threading.Event | None = None) -> Iterator[Snapshot]:
        """Snapshots: first of the present state, then whenever something has changed, until `stop` is set or the iterator closed.

        While the cluster is away every kind is unreadable; when it is back, the next snapshot shows it.
        """
        from graders.sources.cluster_watch import follow

        states_over_time = follow(self._connection, [KINDS[kind] for kind in dict.fromkeys(kinds)], namespace, stop or threading.Event())
        for states in states_over_time:
            now = datetime.now(UTC)
            error = _unavailable(states)
            if error is None:
                yield self._snapshot(states, namespace, now)
            else:
                away = unavailable_snapshot(error, kinds, namespace=namespace, context=self.context, taken_at=now)
                yield replace(away, context_namespace=self._connection.access.namespace)

    def _snapshot(self, states: Mapping[str, State], namespace: str, taken_at: datetime) -> Snapshot:
        target = self._connection.target
        return Snapshot(
            Source("cluster", namespace, context=target.context),
            tuple(item for state in states.values() if isinstance(state, Listing) for item in state.objects),
            taken_at,
            MappingProxyType(
                {kind: state.sentence(KINDS[kind], namespace, target) for kind, state in states.items() if isinstance(state, Failure)}
            ),
            context_namespace=self._connection.access.namespace,
        )

    def _read(self, kinds: Sequence[str], namespace: str) -> dict[str, State]:
        """Each kind's list, or why there is none, in the order of `kinds`; in little more than the time limit, whatever happens."""
        done: queue.SimpleQueue[tuple[str, State]] = queue.SimpleQueue()

        def read(kind: str) -> None:
            try:
                done.put((kind, read_list(self._connection, KINDS[kind], namespace)))
            except Failure as failure:
                done.put((kind, failure))

        wanted = dict.fromkeys(kinds)
        for kind in wanted:
            # A thread for each, so that no kind waits for another's time limit. Not a ThreadPoolExecutor: at the end of the program it
            # would wait for a server that never answers.
            threading.Thread(target=read, args=(kind,), name=f"read-{kind}", daemon=True).start()
        found: dict[str, State] = {}
        deadline = time.monotonic() + self._connection.timeout + _GRACE
        while len(found) < len(wanted):
            try:
                kind, state = done.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                break
            found[kind] = state
        late = timed_out(self._connection.target, self._connection.timeout)
        return {kind: found.get(kind, late) for kind in wanted}


def _unavailable(states: Mapping[str, State]) -> ClusterUnavailable | None:
    """Why the cluster as a whole cannot be read; None when some kind was, or was refused for a reason of its own."""
    errors = [state.everywhere if isinstance(state, Failure) else None for state in states.values()]
    return errors[0] if errors and None not in errors else None
