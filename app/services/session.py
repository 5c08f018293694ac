"""One exercise in one cluster: everything that `start` and `reset` check before they change anything."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from app.services.cluster_writer import Writer, connect
from app.services.guards import Surroundings, check_cluster, check_namespace, most_nodes
from graders.errors import GradingError


@dataclass(frozen=True, slots=True)
class Place:
    """A namespace of a cluster in which the course may work, because of the guards or because the learner has named it."""

    writer: Writer
    namespace: str

    @property
    def words(self) -> str:
        """`context practice (127.0.0.1:6443), namespace rag-engine`."""
        context = f"context {self.writer.context}" if self.writer.context else "the cluster that this runs in"
        return f"{context} ({self.writer.host}), namespace {self.namespace}"


def place_of(options: Namespace, namespace: str, command: str) -> Place:
    """The place that the options name, once it is certain that the course may work there. `command` is what the learner typed.

    Raises Refused where the course keeps its hands off, ClusterUnavailable, UsageError.
    """
    limit = most_nodes()
    writer = connect(context=options.context, kubeconfig=options.kubeconfig, timeout=options.timeout)
    check_cluster(Surroundings(writer.context, writer.host, writer.nodes()), named=options.context is not None, limit=limit)
    namespaces = writer.resource("v1", "Namespace")
    if namespaces is None:
        raise GradingError(f"The cluster at {writer.host} serves no namespaces.", help="Is it a Kubernetes cluster? Try: course doctor")
    there = writer.get(namespaces, "", namespace)
    check_namespace(namespace, there, named=options.namespace is not None, command=command)
    return Place(writer, namespace)
