"""Workloads: the objects that make Pods, and the Pods that they make."""

from __future__ import annotations

from dataclasses import dataclass

from graders.semantics.selectors import matches_labels
from graders.snapshot import Field, K8sObject, Snapshot, string_map

APP = "rag-engine-api"
APP_PORT = 8000

_TEMPLATES = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod")


@dataclass(frozen=True, slots=True)
class Workload:
    """An object that makes Pods, or a bare Pod. `template` is the place of the Pod template (for a Pod, the object itself)."""

    object: K8sObject
    template: Field

    @classmethod
    def of(cls, item: K8sObject) -> Workload:
        """The workload that `item` is. Raises KeyError when its kind makes no Pods."""
        return cls(item, item.key(*_TEMPLATES[item.kind]))

    @property
    def pod_spec(self) -> Field:
        """The place of the Pod spec."""
        return self.template.at("spec")

    @property
    def pod_labels(self) -> dict[str, str]:
        """The labels that its Pods carry."""
        return string_map(self.template.at("metadata.labels").value)

    def containers(self) -> tuple[Field, ...]:
        """The regular containers, in order."""
        return tuple(self.pod_spec.at("containers").each())

    def init_containers(self) -> tuple[Field, ...]:
        """The init containers, sidecars among them (`restartPolicy: Always`), in order."""
        return tuple(self.pod_spec.at("initContainers").each())

    def all_containers(self) -> tuple[Field, ...]:
        """Init, regular and ephemeral containers."""
        return self.init_containers() + self.containers() + tuple(self.pod_spec.at("ephemeralContainers").each())

    def app_container(self) -> Field | None:
        """The container that serves the app: the one named `api`, else the only one, else the one that exposes port 8000."""
        containers = self.containers()
        for container in containers:
            if container.at("name").value == "api":
                return container
        if len(containers) == 1:
            return containers[0]
        for container in containers:
            if any(port.at("containerPort").value == APP_PORT for port in container.at("ports").each()):
                return container
        return None


def workloads(snapshot: Snapshot) -> tuple[Workload, ...]:
    """Every workload of the namespace being graded that is no other one's part: a ReplicaSet of a Deployment, a Pod of a Job are left out.

    Raises NotReadable when one of the kinds could not be read.
    """
    return snapshot.once(workloads, _workloads)  # of thousands of Pods nearly all are parts, and most lessons ask


def also_selected(snapshot: Snapshot, selector: Field, wanted: Workload) -> list[str]:
    """The other workloads of the namespace whose Pods a selector of labels takes in as well, as `Kind/name`, sorted. Raises NotReadable."""
    return sorted(
        other.object.ref
        for other in workloads(snapshot)
        if other.object.ref != wanted.object.ref and matches_labels(selector.value, other.pod_labels)
    )


def _workloads(snapshot: Snapshot) -> tuple[Workload, ...]:
    return tuple(Workload.of(item) for kind in WORKLOAD_KINDS for item in snapshot.all(kind) if not _is_part(item))


def _is_part(item: K8sObject) -> bool:
    owner = item.owner()
    return owner is not None and owner[0] in WORKLOAD_KINDS
