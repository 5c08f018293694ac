"""What an exercise needs in a cluster, what of it is to be made, and the making and taking away of it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from app.services.cluster_writer import RequestRefused, Resource, Writer
from app.services.content import Body, Exercise, objects
from app.services.curriculum import builds_on
from app.services.guards import COURSE, EXERCISE, MANAGED_BY, SEED, is_ours
from app.services.seeds import choose
from graders.errors import GradingError

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# They only show what their lesson teaches; no later one builds on them.
_LEFT_OUT = frozenset({"Pod"})
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"})
# Pods are refused, or start without what they need, while these are not there.
_FIRST = ("ServiceAccount", "ConfigMap", "Secret", "LimitRange", "ResourceQuota", "PersistentVolumeClaim")
_HEAD = re.compile(r"^apiVersion:[ \t]*(\S+)[ \t]*\r?\n(?:#.*\n)*kind:[ \t]*(\S+)", re.MULTILINE)
_PAUSE = 0.1


def needed(exercise: Exercise, namespace: str, seed: int | None = None) -> list[Body]:
    """The objects that an exercise begins with, in the order to make them, each with the course's labels.

    They are the solutions of the lessons that it builds on, of two equal objects the later one, as far as they are in `namespace`; and
    of each broken workload the variant that `seed` chooses. Raises GradingError for files that cannot be read.
    """
    root = exercise.folder.parent
    found: dict[tuple[str, str], Body] = {}
    for lesson in builds_on(exercise.lesson):
        for path in Exercise.of(lesson, root).files("solution"):
            for body in objects(path, namespace):
                if body["kind"] not in _LEFT_OUT and _is_of(body, namespace):
                    found[body["kind"], body["metadata"]["name"]] = _labelled(body, exercise.lesson)
    for path in chosen_files(exercise, seed).values():
        for body in objects(path, namespace):
            body["metadata"].setdefault("namespace", namespace)
            found[body["kind"], body["metadata"]["name"]] = _labelled(body, exercise.lesson, seed)
    if found:
        own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        found.setdefault(("Namespace", namespace), _labelled(own, exercise.lesson))
    return sorted(found.values(), key=lambda body: _rank(body["kind"]))


def chosen_files(exercise: Exercise, seed: int | None) -> dict[str, Path]:
    """By objective, the file of the variant that `seed` chooses; none for an exercise without broken workloads."""
    variants = exercise.variants()
    if not variants or seed is None:
        return {}
    chosen = choose({objective: tuple(files) for objective, files in variants.items()}, seed)
    return {objective: variants[objective][variant] for objective, variant in chosen.items()}


def workload_in(path: Path, namespace: str) -> str:
    """The name of the workload that a file of broken workloads is about. Raises GradingError for a file that cannot be read."""
    bodies = objects(path, namespace)
    return next((str(body["metadata"]["name"]) for body in bodies if body["kind"] in _WORKLOADS), path.parent.name)


def _is_of(body: Body, namespace: str) -> bool:
    metadata = body["metadata"]
    where: object = metadata.get("name" if body["kind"] == "Namespace" else "namespace")
    return where == namespace


def _rank(kind: str) -> int:
    if kind == "Namespace":
        return 0
    return 1 + _FIRST.index(kind) if kind in _FIRST else 1 + len(_FIRST)


def _labelled(body: Body, lesson: str, seed: int | None = None) -> Body:
    """An object with the course's labels, and with the annotation that makes a later `kubectl apply` take it for its own."""
    labels = {MANAGED_BY: COURSE}
    if body["kind"] != "Namespace":  # several exercises share it
        labels |= {EXERCISE: lesson} | ({SEED: str(seed)} if seed is not None else {})
    metadata = body["metadata"]
    annotations = {**(metadata.get("annotations") or {}), _APPLIED: json.dumps(body, separators=(",", ":")) + "\n"}
    return {**body, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}, "annotations": annotations}}


@dataclass(frozen=True, slots=True)
class Step:
    """An object to be made, and where."""

    resource: Resource
    body: Body

    @property
    def ref(self) -> str:
        """`Deployment/rag-engine-api`."""
        return f"{self.body['kind']}/{self.body['metadata']['name']}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made, what is there already by the course's hand, what by another's, and what the cluster does not serve."""

    namespace: str
    make: list[Step] = field(default_factory=list)
    ours: list[str] = field(default_factory=list)
    foreign: list[Step] = field(default_factory=list)
    unserved: list[str] = field(default_factory=list)


def plan(writer: Writer, bodies: Iterable[Body], namespace: str) -> Plan:
    """Compare what an exercise needs with what is in the cluster. Raises RequestRefused, ClusterUnavailable."""
    made = Plan(namespace)
    no_namespace = False
    for body in bodies:
        resource = writer.resource(body["apiVersion"], body["kind"])
        name = body["metadata"]["name"]
        if resource is None:
            made.unserved.append(f"{body['kind']}/{name}")
            continue
        there = None if no_namespace else writer.get(resource, namespace, name)
        if there is None:
            made.make.append(Step(resource, body))
            no_namespace = no_namespace or body["kind"] == "Namespace"
        elif is_ours(there):
            made.ours.append(f"{body['kind']}/{name}")
        elif body["kind"] != "Namespace":
            made.foreign.append(Step(resource, body))
    return made


def carry_out(writer: Writer, plan: Plan, patience: float = 15.0) -> list[str]:
    """Make what the plan says, after the server has agreed to all of it; gives what was made.

    A namespace made for it is taken away again when the server does not agree. `patience` is how long, in seconds, to wait for what a
    new namespace comes with. Raises RequestRefused, ClusterUnavailable.
    """
    made: list[str] = []
    steps = list(plan.make)
    fresh = bool(steps) and steps[0].body["kind"] == "Namespace"
    try:
        if fresh:
            if writer.create(steps[0].resource, plan.namespace, steps[0].body):
                made.append(steps[0].ref)
            del steps[0]
            _await_account(writer, plan.namespace, patience)
        for step in steps:
            writer.create(step.resource, plan.namespace, step.body, dry_run=True)
    except RequestRefused as error:
        if made:
            _undo(writer, plan)
        raise RequestRefused(f"{error.message} So nothing was made.", help=error.help) from error
    for step in steps:
        try:
            if writer.create(step.resource, plan.namespace, step.body):
                made.append(step.ref)
        except GradingError as error:
            error.message += f" Of {len(plan.make)} objects {len(made)} were made before; the same command goes on from there."
            raise
    return made


def _undo(writer: Writer, plan: Plan) -> None:
    """Take the new namespace away again, if the server allows."""
    step = plan.make[0]
    try:
        there = writer.get(step.resource, "", plan.namespace)
        if there is not None:
            writer.delete(step.resource, "", there)
    except GradingError:  # the reason why nothing was made is the one to be told
        return


def _await_account(writer: Writer, namespace: str, patience: float) -> None:
    """Wait for a new namespace's default ServiceAccount, without which no Pod is admitted."""
    accounts = writer.resource("v1", "ServiceAccount")
    deadline = time.monotonic() + patience
    while accounts is not None and writer.get(accounts, namespace, "default") is None and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def kinds_of(root: Path) -> list[tuple[str, str]]:
    """apiVersion and kind of everything that any exercise could make: what is in the files of its solutions and broken workloads."""
    found: set[tuple[str, str]] = set()
    for pattern in ("*/solution/**/*.yaml", "*/seeds/**/*.yaml"):
        for path in sorted(root.glob(pattern)):
            found.update(_HEAD.findall(path.read_text(encoding="utf-8")))
    return sorted(found - {("v1", "Namespace")})


def made_for(writer: Writer, lesson: str, namespace: str, root: Path) -> list[Step]:
    """The objects that the course made for an exercise in a namespace. Raises RequestRefused, ClusterUnavailable."""
    found: list[Step] = []
    for api_version, kind in kinds_of(root):
        resource = writer.resource(api_version, kind)
        if resource is not None and resource.namespaced:
            items = writer.list(resource, namespace, {MANAGED_BY: COURSE, EXERCISE: lesson})
            found += [Step(resource, {**item, "apiVersion": api_version, "kind": kind}) for item in items]
    return found


def seed_of(steps: Iterable[Step]) -> int | None:
    """The seed that objects were made with; None when there are none, or they carry none."""
    for step in steps:
        text = (step.body["metadata"].get("labels") or {}).get(SEED, "")
        if text.isascii() and text.isdigit():
            return int(text)
    return None


def remove(writer: Writer, steps: Sequence[Step], namespace: str, deadline: float) -> list[str]:
    """Delete objects and wait until they are gone; gives those that are still there at `deadline` (monotonic clock).

    Raises RequestRefused, ClusterUnavailable.
    """
    for step in steps:
        writer.delete(step.resource, namespace, step.body)
    return [step.ref for step in steps if not writer.wait_until_gone(step.resource, namespace, step.body, deadline)]


def left_in(writer: Writer, namespace: str, deadline: float) -> list[str]:
    """What a namespace holds, once all has gone that goes by itself, or at `deadline` (monotonic clock).

    What Kubernetes puts into each namespace by itself does not count. Raises RequestRefused, ClusterUnavailable.
    """
    collections = list(_collections(writer))
    while True:
        left = [item for resource in collections for item in _held(writer, resource, namespace)]
        if not left or any(item.stays for item in left) or time.monotonic() >= deadline:
            return [item.ref for item in left if item.stays] or [item.ref for item in left]
        time.sleep(_PAUSE)


_OF_EACH_NAMESPACE = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
# Written by the cluster about objects, and served from somewhere else than its store.
_NO_CONTENT = frozenset({"Event", "PodMetrics"})


class _Left(NamedTuple):
    """An object in a namespace; `stays` unless it is being deleted, or belongs to another that may be."""

    ref: str
    stays: bool


def _held(writer: Writer, resource: Resource, namespace: str) -> Iterator[_Left]:
    if resource.kind in _NO_CONTENT:
        return
    for item in writer.list(resource, namespace, {}):
        metadata = item["metadata"]
        if (resource.kind, metadata["name"]) not in _OF_EACH_NAMESPACE:
            goes = bool(metadata.get("deletionTimestamp") or metadata.get("ownerReferences"))
            yield _Left(f"{resource.kind}/{metadata['name']}", not goes)


def _collections(writer: Writer) -> Iterator[Resource]:
    """Every kind of object that a namespace of this cluster can hold."""
    groups: Sequence[Mapping[str, Any]] = writer.ask("GET", "/apis").body.get("groups") or ()
    for version in ("v1", *(group["preferredVersion"]["groupVersion"] for group in groups)):
        yield from writer.collections(version)


def remove_namespace(writer: Writer, namespace: str, deadline: float) -> bool:
    """Delete a namespace that the course made; says whether it was gone before `deadline`. Raises RequestRefused, ClusterUnavailable."""
    resource = writer.resource("v1", "Namespace")
    there = writer.get(resource, "", namespace) if resource else None
    if resource is None or there is None or not is_ours(there):
        return there is None
    writer.delete(resource, "", there)
    return writer.wait_until_gone(resource, "", there, deadline)
