"""Which Pods use a ConfigMap or a Secret: through variables or through mounted volumes. Lessons 2 and 3 ask for both."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from graders.semantics.env import env_from
from graders.snapshot import Field, K8sObject, Problem, Snapshot
from graders.verdict import Status, Verdict, failed, skipped
from graders.workloads import WORKLOAD_KINDS, Workload, workloads

# Where a Pod spec names a volume's source, and the object in it, by kind.
_IN_VOLUME = {"ConfigMap": ("configMap", "name"), "Secret": ("secret", "secretName")}
_IN_PROJECTION = {"ConfigMap": "configMap", "Secret": "secret"}
_IN_VARIABLE = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}
_IN_ENV_FROM = {"ConfigMap": "configMapRef", "Secret": "secretRef"}

_OF_FILES = ("volumes", "volumeMounts")


class Mount(NamedTuple):
    """A volume that holds (some of) an object, mounted into a container. `sources` are the places that name the object."""

    place: Field
    path: str
    sources: tuple[Field, ...]

    @property
    def partial(self) -> Field | None:
        """Where it says that only one file or folder of the volume is mounted, a copy that is never updated."""
        for field in ("subPath", "subPathExpr"):
            if self.place.key(field).value:
                return self.place.key(field)
        return None


def sources(pod_spec: Field, kind: str, name: str) -> dict[str, tuple[Field, ...]]:
    """The volumes of a Pod that hold the ConfigMap or Secret: volume name to the places that name it, projected volumes included."""
    field, key = _IN_VOLUME[kind]
    found: dict[str, tuple[Field, ...]] = {}
    for volume in pod_spec.at("volumes").each():
        places = [volume.key(field)] if volume.key(field, key).value == name else []
        places += [
            source.key(_IN_PROJECTION[kind])
            for source in volume.at("projected.sources").each()
            if source.key(_IN_PROJECTION[kind], "name").value == name
        ]
        volume_name = volume.at("name").text
        if places and volume_name:
            found[volume_name] = tuple(places)
    return found


def mounts(workload: Workload, kind: str, name: str) -> Iterator[Mount]:
    """Where containers of a workload mount the ConfigMap or Secret."""
    volumes = sources(workload.pod_spec, kind, name)
    for container in workload.all_containers() if volumes else ():
        for place in container.at("volumeMounts").each():
            held = volumes.get(place.at("name").text or "")
            path = place.at("mountPath").text
            if held and path:
                yield Mount(place, container_path(path), held)


def container_path(path: str) -> str:
    """A mount path as the kubelet takes it: without a slash at its end, and from the root when it is relative."""
    return posixpath.normpath(posixpath.join("/", path.replace("//", "/")))


def variables_from(container: Field, kind: str, name: str) -> Iterator[tuple[Field, str | None]]:
    """The places where a container takes variables from the ConfigMap or Secret, each with the key, or None for all of them."""
    for source in env_from(container.value):
        if (source.kind, source.name) == (kind, name):
            yield container.key(*source.path, _IN_ENV_FROM[kind]), None
    for variable in container.at("env").each():
        reference = variable.at("valueFrom").key(_IN_VARIABLE[kind])
        if reference.at("name").value == name and not variable.at("value").value:
            yield reference, reference.at("key").text or ""


def uses(workload: Workload, kind: str, name: str) -> Iterator[tuple[Field, str | None]]:
    """Every place where a workload's Pods take something from the ConfigMap or Secret, with the key where one is named."""
    for container in workload.all_containers():
        yield from variables_from(container, kind, name)
    for mount in mounts(workload, kind, name):
        for source in mount.sources:
            yield source, None


def nobody(snapshot: Snapshot, subject: K8sObject, expected: str) -> Verdict | None:
    """The verdict when there is no workload in the namespace at all: `failed` on a cluster, `skipped` on manifests.

    None when there is one. A workload that would use `subject` from another namespace is named, for it cannot.
    """
    if workloads(snapshot):
        return None
    for kind in WORKLOAD_KINDS:
        for item in snapshot.every(kind):
            if item.namespace != snapshot.namespace and any(uses(Workload.of(item), subject.kind, subject.name)):
                place = item.at("metadata.namespace")
                return failed(place, expected=f"namespace `{snapshot.namespace}`, where {subject.ref} is", found=f"`{item.namespace}`")
    if not snapshot.is_live:
        return skipped("No Pod and no Deployment was submitted for it to be used by. Add one with another -f.")
    command = f"kubectl get pods -n {snapshot.namespace}"
    return failed(subject, expected=expected, found=f"no Pod and no Deployment in namespace `{snapshot.namespace}`", command=command)


def refused(workload: Workload, *, files: bool | None = None) -> Problem | None:
    """Why the API server refuses a workload, so that it never has a Pod.

    Where two objectives judge the same workload, one asks for what is wrong with its volumes and mounts (`files`) and one for the rest,
    so that one fault fails one objective.
    """
    for problem in workload.object.problems:
        if problem.rejected and files in (None, any(step in _OF_FILES for step in problem.path)):
            return replace(problem, object=workload.object.ref)
    return None


def accepted(candidates: Iterable[tuple[Workload, Verdict]], among: Iterable[Workload], *, files: bool | None = None) -> Verdict | None:
    """The verdict of the first candidate that the API server takes; else what it refuses in a candidate, or in any workload `among`.

    None when nothing is refused and there is no candidate. `files` as for `refused`.
    """
    listed = tuple(candidates)
    for workload, verdict in listed:
        if refused(workload, files=files) is None:
            return verdict
    for workload in (*(workload for workload, _ in listed), *among):
        problem = refused(workload, files=files)
        if problem is not None:
            return Verdict(Status.FAILED, problem.evidence())
    return None
