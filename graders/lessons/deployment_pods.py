"""Lesson 4: what the Pods bring along: writable folders, an identity, and time to finish."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from graders.lessons.deployment_app import KIND, astray, deployment_exists, in_every_container, of_app_container, workload, written
from graders.lessons.deployment_events import failed_creation
from graders.objective import objective, owns
from graders.semantics.quantities import parse_quantity
from graders.snapshot import Field, Snapshot
from graders.verdict import Verdict, failed, passed
from graders.workloads import APP

_TMP, _CACHE = "/tmp", "/app/cache"  # noqa: S108  the path in the container is what the lesson asks for
_LARGEST_CACHE = "10Gi"
_ACCOUNT = "rag-engine"
_GRACE = 30


@objective(
    "writable-paths",
    "`/tmp` and `/app/cache` are writable, the cache bounded",
    hints=(
        "With a read-only root file system the app can write to volumes only: `kubectl describe deployment` shows Mounts and Volumes.",
        "Two entries under `volumeMounts` of the container, each naming an entry under `volumes` of the Pod. The kind of "
        "volume that lives as long as its Pod is enough; that of the cache takes a size.",
    ),
    docs="https://kubernetes.io/docs/concepts/storage/volumes/#emptydir",
    needs=(deployment_exists,),
    owned=owns(KIND, APP, *in_every_container("volumeMounts", "volumeDevices", "volumes"), *astray("volumes", "volumeMounts")),
)
@of_app_container
def writable_paths(snapshot: Snapshot, container: Field) -> Verdict:
    volumes = workload(snapshot).pod_spec.at("volumes")
    for path, bounded in ((_TMP, False), (_CACHE, True)):
        mount = _mount(container, path, within_parent=bounded)
        if mount is None:
            listed = ", ".join(f"`{item.at('mountPath').value}`" for item in container.at("volumeMounts").each())
            found = f"mounts at {listed} only" if listed else "no volume mounted"
            return failed(container.at("volumeMounts"), expected=f"an emptyDir mounted at `{path}`", found=found)
        fault = _unwritable(volumes, mount, path)
        if fault is not None:
            return fault
        if bounded:
            fault = _unbounded(_volume(volumes, mount), path)
            if fault is not None:
                return fault
    return passed()


def _mount(container: Field, path: str, *, within_parent: bool) -> Field | None:
    """The mount that a path of the container lies in: the deepest, of equals the last."""
    best, depth = None, -1
    for mount in container.at("volumeMounts").each():
        at = _absolute(mount.at("mountPath").text or "")
        holds = at == path or (within_parent and at != "/" and path.startswith(f"{at}/"))
        if holds and at.count("/") >= depth:
            best, depth = mount, at.count("/")
    return best


def _absolute(path: str) -> str:
    """The path as the container runtime reads it: `tmp/` is `/tmp`."""
    return posixpath.normpath("/" + path.lstrip("/")) if path else ""


def _volume(volumes: Field, mount: Field) -> Field | None:
    name = mount.at("name").value
    return next((volume for volume in volumes.each() if volume.at("name").value == name and name is not None), None)


def _unwritable(volumes: Field, mount: Field, path: str) -> Verdict | None:
    volume = _volume(volumes, mount)
    if volume is None:
        place = mount.at("name")
        return failed(
            place, expected="the name of one of the Pod's volumes", found=f"{written(place)}, a volume that the Pod does not have"
        )
    sources = list(_sources(volume))
    if sources not in ([], ["emptyDir"]):  # a volume without a source is an emptyDir: the API server's default
        return failed(volume, expected=f"an emptyDir for `{path}`", found=", ".join(f"`{source}`" for source in sources))
    medium = volume.at("emptyDir.medium")
    if medium.value not in (None, "", "Memory") and not str(medium.value).startswith("HugePages"):
        return failed(medium, expected="`medium: Memory`, or none for the node's disk", found=f"{written(medium)}, which no node has")
    read_only = mount.at("readOnly")
    if read_only.value not in (None, False):
        return failed(read_only, expected=f"a mount at `{path}` that can be written to", found=written(read_only))
    return None


def _sources(volume: Field) -> Iterator[str]:
    for key, field in volume.entries():
        if key != "name" and field.present:
            yield key


def _unbounded(volume: Field | None, path: str) -> Verdict | None:
    assert volume is not None, "_unwritable has found it"
    limit = volume.at("emptyDir.sizeLimit")
    size, largest = parse_quantity(limit.value), parse_quantity(_LARGEST_CACHE)
    assert largest is not None
    if limit.present and size is None:
        return failed(limit, expected="a quantity, such as `1Gi`", found=f"`{limit.value}`")
    if size is None or size <= 0:
        found = f"{written(limit)}, which is no bound" if limit.present else "no `sizeLimit`"
        return failed(limit, expected=f"a `sizeLimit` above 0 for `{path}`", found=found)
    if size > largest:
        return failed(limit, expected=f"a `sizeLimit` of at most {_LARGEST_CACHE}", found=written(limit))
    return None


@objective(
    "service-account",
    "Pods use the `rag-engine` ServiceAccount",
    hints=(
        "`kubectl get serviceaccounts` lists those that exist. When the one that a Deployment names does not, no Pod is made, and only the "
        "events of its ReplicaSet say so: `kubectl describe replicaset`.",
        "A field of the Pod spec, beside `containers`. On a cluster the object has to be created as well.",
    ),
    docs="https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
    needs=(deployment_exists,),
    owned=(
        *owns(KIND, APP, *astray("serviceAccountName", "serviceAccount"), *in_every_container("serviceAccountName", "serviceAccount")),
        *owns("ServiceAccount", _ACCOUNT),
    ),
)
def service_account(snapshot: Snapshot) -> Verdict:
    pod_spec = workload(snapshot).pod_spec
    name, alias = pod_spec.at("serviceAccountName"), pod_spec.at("serviceAccount")
    used = alias if name.value in (None, "") and alias.value not in (None, "") else name  # the API server copies the old field
    if used.value != _ACCOUNT:
        found = written(used) if used.value not in (None, "") else "no `serviceAccountName`, which means `default`"
        return failed(used, expected=f"`serviceAccountName: {_ACCOUNT}`", found=found)
    if not snapshot.is_live or snapshot.find("ServiceAccount", _ACCOUNT) is not None:
        return passed()
    others = ", ".join(f"`{item.name}`" for item in snapshot.all("ServiceAccount"))
    event = failed_creation(snapshot, about="serviceaccount")
    return failed(
        snapshot.wanted("ServiceAccount", _ACCOUNT),
        expected=f"ServiceAccount `{_ACCOUNT}` in namespace `{snapshot.namespace}`",
        found=event.text if event else f"only {others}" if others else "none",
        command=event.command if event else None,
    )


@objective(
    "graceful-shutdown",
    "Pods get 30 s to finish",
    hints=(
        "A Pod that is told to stop may finish its requests, until the grace period is over and it is killed.",
        "A field of the Pod spec, in seconds; `kubectl explain pod.spec` tells what holds when it is left out.",
    ),
    docs="https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    needs=(deployment_exists,),
    owned=owns(KIND, APP, *astray("terminationGracePeriodSeconds"), *in_every_container("terminationGracePeriodSeconds", "lifecycle")),
)
def graceful_shutdown(snapshot: Snapshot) -> Verdict:
    seconds = workload(snapshot).pod_spec.at("terminationGracePeriodSeconds")
    if not seconds.present or (seconds.whole is not None and seconds.whole >= _GRACE):
        return passed()
    return failed(seconds, expected=f"{_GRACE} seconds or more; left out means 30", found=written(seconds))
