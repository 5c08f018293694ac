"""What a Deployment's ReplicaSets and Pods tell about why it is not up. For evidence: what cannot be read is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graders.lessons.deployment_app import KIND, deployment
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.workloads import APP

_REVISION = "deployment.kubernetes.io/revision"
_LONGEST = 240
_DULL = ("BackOff", "FailedScheduling")  # these say no more than the Pod's own status


class Failure(NamedTuple):
    """Why a ReplicaSet cannot make its Pods, in its own words, and the command that shows it."""

    text: str
    command: str


class Trouble(NamedTuple):
    """What keeps a Pod from being ready, in words that name the Pod, and the command that shows it."""

    text: str
    command: str


def failed_creation(snapshot: Snapshot, about: str = "") -> Failure | None:
    """The newest report that Pods of the Deployment could not be created, if its message holds `about` (in lower case)."""
    command = f"kubectl describe replicaset -l app={APP} -n {snapshot.namespace}"
    for subject, message in _reports(snapshot):
        if about in message.lower():
            return Failure(f"none; {subject} reports FailedCreate: {_short(message)}", command)
    return None


def _reports(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Who reports a failed creation, and the message: from events, the newest first, else from the conditions that last."""
    sets = replica_sets(snapshot)
    names = {item.name for item in sets[:1]}
    events = [event for event in _all(snapshot, "Event") if _reports_failure(event, names)]
    for event in sorted(events, key=_seen, reverse=True):
        yield f"ReplicaSet `{event.at('involvedObject.name').value}`", event.at("message").text or ""
    for item in (*sets[:1], deployment(snapshot)):
        failure = condition(item, "ReplicaFailure")
        if failure is not None and failure.at("status").value == "True":
            yield f"{item.kind} `{item.name}`", failure.at("message").text or ""


def _reports_failure(event: K8sObject, names: set[str]) -> bool:
    about = event.at("involvedObject")
    name = about.at("name").text or ""
    mine = name in names if names else name.rpartition("-")[0] == APP
    return event.at("reason").value == "FailedCreate" and about.at("kind").value == "ReplicaSet" and mine


def _seen(event: K8sObject) -> str:
    """When an event was last seen; API times sort as text."""
    for path in ("series.lastObservedTime", "lastTimestamp", "eventTime", "metadata.creationTimestamp"):
        seen = event.at(path).text
        if seen:
            return seen
    return ""


def condition(item: K8sObject, type: str) -> Field | None:
    """The condition of that type in an object's status."""
    return next((field for field in item.at("status.conditions").each() if field.at("type").value == type), None)


def replica_sets(snapshot: Snapshot) -> list[K8sObject]:
    """The Deployment's ReplicaSets, the newest revision first; none when they cannot be read."""
    mine = [item for item in _all(snapshot, "ReplicaSet") if item.owner() == (KIND, APP)]
    return sorted(mine, key=_revision, reverse=True)


def _revision(item: K8sObject) -> int:
    text = item.key("metadata", "annotations", _REVISION).text or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def troubles(snapshot: Snapshot) -> list[Trouble]:
    """What keeps the Deployment's Pods from being ready, each reason once, of the first Pod that has it; newest revision first."""
    found: dict[str, K8sObject] = {}
    for item in replica_sets(snapshot):
        for pod in _all(snapshot, "Pod"):
            if pod.owner() == ("ReplicaSet", item.name) and not pod.at("metadata.deletionTimestamp").present:
                trouble = _trouble(pod)
                if trouble:
                    found.setdefault(trouble, pod)
    return [
        Trouble(f"Pod `{pod.name}`: {text}{_reported(snapshot, pod, text)}", " ".join(("kubectl describe", *pod.kubectl)))
        for text, pod in found.items()
    ]


def _reported(snapshot: Snapshot, pod: K8sObject, known: str) -> str:
    """The newest warning about a Pod, unless its own status says as much."""
    about = [event for event in _all(snapshot, "Event") if _concerns(event, pod) and event.at("reason").text not in _DULL]
    newest = max(about, key=_seen, default=None)
    if newest is None or (newest.at("message").text or "") in known:
        return ""
    return f"; {_with_message(newest.at('reason').text or 'event', newest.at('message').text)}"


def _concerns(event: K8sObject, item: K8sObject) -> bool:
    about, uid = event.at("involvedObject"), item.at("metadata.uid").value
    same = (about.at("kind").value, about.at("name").value) == (item.kind, item.name)
    return same and event.at("type").value in ("Warning", None) and about.at("uid").value in (uid, None)


def _trouble(pod: K8sObject) -> str | None:
    ready = condition(pod, "Ready")
    if ready is not None and ready.at("status").value == "True":
        return None
    scheduled = condition(pod, "PodScheduled")
    if scheduled is not None and scheduled.at("status").value == "False":
        return _with_message(scheduled.at("reason").text or "not scheduled", scheduled.at("message").text)
    statuses = [*pod.at("status.initContainerStatuses").each(), *pod.at("status.containerStatuses").each()]
    for status in statuses:
        waiting = status.at("state.waiting.reason").text
        if waiting and waiting not in ("PodInitializing", "ContainerCreating"):
            return _waiting(status, waiting)
    for status in statuses:
        ended = status.at("state.terminated")
        if ended.present and ended.at("exitCode").value != 0:
            return f"container `{status.at('name').value}` ended, {_ending(ended)}"
    waits = next((status.at("state.waiting.reason").text for status in statuses if status.at("state.waiting.reason").text), None)
    if waits:
        return waits
    return "it runs, but is not ready" if pod.at("status.phase").value == "Running" else str(pod.at("status.phase").text or "Pending")


def _waiting(status: Field, reason: str) -> str:
    last, message = status.at("lastState.terminated"), status.at("state.waiting.message").text
    if last.present:
        return f"{reason}, last time {_ending(last)}"
    image = status.at("image").text
    if "Image" in reason and image and image not in (message or ""):
        return _with_message(f"{reason} of `{image}`", message)
    return _with_message(reason, message)


def _ending(terminated: Field) -> str:
    reason, code = terminated.at("reason").text, terminated.at("exitCode").whole
    return _with_message(f"{reason or 'terminated'} with exit code {code}", (terminated.at("message").text or "").strip())


def _with_message(reason: str, message: str | None) -> str:
    return f"{reason}: {_short(message)}" if message else reason


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"


def _all(snapshot: Snapshot, kind: str) -> tuple[K8sObject, ...]:
    try:
        return snapshot.all(kind)
    except NotReadable:
        return ()
