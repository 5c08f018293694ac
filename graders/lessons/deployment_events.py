"""What a Deployment's ReplicaSets and Pods tell about why it is not up. For evidence: what cannot be read is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graders.lessons import pod_states
from graders.lessons.deployment_app import deployment
from graders.lessons.pod_states import State, condition, error_of, seen, shortened, wait_of
from graders.snapshot import K8sObject, NotReadable, Snapshot
from graders.workloads import APP


class Failure(NamedTuple):
    """Why a ReplicaSet cannot make its Pods, in its own words, and the command that shows it."""

    text: str
    command: str


def failed_creation(snapshot: Snapshot, about: str = "") -> Failure | None:
    """The newest report that Pods of the Deployment could not be created, if its message holds `about` (in lower case)."""
    command = f"kubectl describe replicaset -l app={APP} -n {snapshot.namespace}"
    for subject, message in _reports(snapshot):
        if about in message.lower():
            return Failure(f"none; {subject} reports FailedCreate: {shortened(message)}", command)
    return None


def _reports(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Who reports a failed creation, and the message: from events, the newest first, else from the conditions that last."""
    sets = replica_sets(snapshot)
    names = {item.name for item in sets[:1]}
    events = [event for event in _all(snapshot, "Event") if _reports_failure(event, names)]
    for event in sorted(events, key=seen, reverse=True):
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


def replica_sets(snapshot: Snapshot) -> list[K8sObject]:
    """The Deployment's ReplicaSets, the newest revision first; none when they cannot be read."""
    try:
        return pod_states.replica_sets(snapshot, APP)
    except NotReadable:
        return []


def troubles(snapshot: Snapshot) -> list[State]:
    """What keeps the Deployment's Pods from being ready, each reason once, of the first Pod that has it; newest revision first."""
    found: dict[str, State] = {}
    for item in replica_sets(snapshot):
        for pod in _all(snapshot, "Pod"):
            if pod.owner() == ("ReplicaSet", item.name) and not pod.at("metadata.deletionTimestamp").present:
                state = error_of(snapshot, pod) or wait_of(snapshot, pod)
                if state is not None:
                    found.setdefault(state.text, state)
    return list(found.values())


def _all(snapshot: Snapshot, kind: str) -> tuple[K8sObject, ...]:
    try:
        return snapshot.all(kind)
    except NotReadable:
        return ()
