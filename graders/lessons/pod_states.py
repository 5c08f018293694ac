"""What Pods of a cluster tell about themselves: the error state that they are in and its cause, or what they wait for. For evidence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from graders.snapshot import Field, K8sObject, NotReadable, Snapshot

_REVISION = "deployment.kubernetes.io/revision"
_ON_THE_WAY = ("ContainerCreating", "PodInitializing")
_DULL = ("BackOff", "FailedScheduling")  # these say no more than the Pod's own status, or what was true before
_CLAIM_GONE = re.compile(r'persistentvolumeclaim "[^"]+" (?:not found|is being deleted)')
_HEAD, _TAIL = 120, 120  # characters; a message names the subject first, and often the reason last


class State(NamedTuple):
    """A state that keeps a Pod from being ready: where it stands, in words without the Pod's name, and the command that shows it."""

    place: Field
    text: str
    command: str

    def __str__(self) -> str:
        """The words with the Pod's name."""
        return f"Pod `{self.place.object.name}`: {self.text}"


def error_of(snapshot: Snapshot, pod: K8sObject) -> State | None:
    """The error state that a Pod is in, with its cause as far as the cluster tells it; None when it is well or on its way."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled is not None and scheduled.at("status").value == "False":
        if _is_overtaken(snapshot, pod, scheduled.at("message").text or ""):
            return None
        reason, message = scheduled.at("reason").text or "not scheduled", scheduled.at("message")
        told = _with_message(reason, message.text) if message.text else newest_event(snapshot, pod, "FailedScheduling") or reason
        return State(message, told, _describe(pod))
    for status in _statuses(pod):
        waits, ended = status.at("state.waiting.reason"), status.at("state.terminated")
        if waits.text and waits.text not in _ON_THE_WAY:
            return _waiting(snapshot, pod, status, waits)
        if ended.present and ended.at("exitCode").whole != 0:
            return _ended(snapshot, pod, status, ended, ended.at("reason"), f"container `{status.at('name').text or ''}` ended, ")
    phase = pod.at("status.phase")
    if phase.value == "Failed":
        words = _with_message(pod.at("status.reason").text or "Failed", pod.at("status.message").text)
        return State(phase, words, _describe(pod))
    return None


def _is_overtaken(snapshot: Snapshot, pod: K8sObject, message: str) -> bool:
    """Whether the scheduler's message is about claims that are as it needs them by now: it looks again within seconds."""
    if "persistentvolumeclaim" not in message.lower():
        return False
    names = {volume.at("persistentVolumeClaim.claimName").text for volume in pod.at("spec.volumes").each()} - {None}
    try:
        claims = [item for item in snapshot.all("PersistentVolumeClaim") if item.name in names]
    except NotReadable:
        return False
    if not claims or len(claims) < len(names) or any(claim.at("metadata.deletionTimestamp").present for claim in claims):
        return False
    return _CLAIM_GONE.search(message) is not None or all(claim.at("status.phase").value == "Bound" for claim in claims)


def wait_of(snapshot: Snapshot, pod: K8sObject) -> State | None:
    """What a Pod waits for that is in no error state; None when it is ready, or has done its work."""
    ready, phase = condition(pod, "Ready"), pod.at("status.phase").text or "Pending"
    if phase == "Succeeded" or (ready is not None and ready.at("status").value == "True"):
        return None
    reasons = (status.key("state", state, "reason").text for state in ("waiting", "terminated") for status in _statuses(pod))
    words = next((reason for reason in reasons if reason), "it runs, but is not ready" if phase == "Running" else phase)
    restarts = max((status.at("restartCount").whole or 0 for status in _statuses(pod)), default=0)
    if restarts:
        words += f", after {restarts} restart{'s' if restarts > 1 else ''}"
    return State(pod.at("status.phase"), _with_report(words, newest_event(snapshot, pod)), _describe(pod))


def condition(item: K8sObject, type: str) -> Field | None:
    """The condition of that type in an object's status."""
    return next((field for field in item.at("status.conditions").each() if field.at("type").value == type), None)


def replica_sets(snapshot: Snapshot, deployment: str) -> list[K8sObject]:
    """The ReplicaSets of a Deployment, the newest revision first. Raises NotReadable."""
    mine = [item for item in snapshot.all("ReplicaSet") if item.owner() == ("Deployment", deployment)]
    return sorted(mine, key=revision, reverse=True)


def revision(item: K8sObject) -> int:
    """The revision that a Deployment, or one of its ReplicaSets, has; 0 when it tells none."""
    text = item.key("metadata", "annotations", _REVISION).text or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def newest_event(snapshot: Snapshot, about: K8sObject, *reasons: str, naming: str = "") -> str | None:
    """The newest report about this very object, with `naming` in its message and for one of these reasons (none: any warning).

    None when there is none, or events may not be read.
    """
    try:
        events = snapshot.all("Event")
    except NotReadable:
        return None
    mine = [event for event in events if _concerns(event, about, reasons) and naming in (event.at("message").text or "")]
    newest = max(mine, key=seen, default=None)
    return f"{newest.at('reason').text}: {shortened(newest.at('message').text or 'no message')}" if newest is not None else None


def _concerns(event: K8sObject, about: K8sObject, reasons: Collection[str]) -> bool:
    subject, reason = event.at("involvedObject"), event.at("reason").value
    warning = event.at("type").value in ("Warning", None) and reason not in _DULL
    same = (subject.at("kind").value, subject.at("name").value) == (about.kind, about.name)
    return same and subject.at("uid").value in (about.at("metadata.uid").value, None) and (reason in reasons if reasons else warning)


def seen(event: K8sObject) -> str:
    """When an event was last seen; API times sort as text."""
    for path in ("series.lastObservedTime", "lastTimestamp", "eventTime", "metadata.creationTimestamp"):
        time = event.at(path).text
        if time:
            return time
    return ""


def shortened(message: str) -> str:
    """A message at a length that can be read at a glance: what is too long loses its middle."""
    return message if len(message) <= _HEAD + _TAIL else f"{message[:_HEAD]}…{message[-_TAIL:]}"


def _statuses(pod: K8sObject) -> Iterator[Field]:
    yield from pod.at("status.initContainerStatuses").each()
    yield from pod.at("status.containerStatuses").each()


def _waiting(snapshot: Snapshot, pod: K8sObject, status: Field, waits: Field) -> State:
    """The state of a container that waits in an error: how it ended last where it has run, else what its kubelet says."""
    reason, message = waits.text or "", status.at("state.waiting.message").text
    last, image = status.at("lastState.terminated"), status.at("image").text
    if last.present:
        return _ended(snapshot, pod, status, last, waits, f"{reason}, last time ")
    if "Image" in reason and image and image not in (message or ""):
        reason = f"{reason} of `{image}`"
    words = _with_message(reason, message) if message else _with_report(reason, newest_event(snapshot, pod))
    return State(waits, words, _describe(pod))


def _ended(snapshot: Snapshot, pod: K8sObject, status: Field, ended: Field, place: Field, lead: str) -> State:
    """The state of a container that has ended. Its log tells why, unless its kubelet has killed it."""
    report = newest_event(snapshot, pod)
    words = f"{lead}{ended.at('reason').text or 'terminated'} with exit code {ended.at('exitCode').whole}"
    words = _with_report(_with_message(words, (ended.at("message").text or "").strip()), report)
    if (report or "").startswith(("Unhealthy", "Killing")):
        return State(place, words, _describe(pod))
    previous = "" if status.at("state.terminated").present else " --previous"
    return State(place, words, f"kubectl logs {pod.name} -c {status.at('name').text or ''} -n {pod.namespace}{previous}")


def _describe(pod: K8sObject) -> str:
    return " ".join(("kubectl describe", *pod.kubectl))


def _with_message(words: str, message: str | None) -> str:
    return f"{words}: {shortened(message)}" if message else words


def _with_report(words: str, report: str | None) -> str:
    return f"{words}; {report}" if report else words
