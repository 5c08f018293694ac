"""What Pods of a cluster tell about themselves: whether they are in trouble, what they wait for, and whether a Deployment has arrived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from graders.lessons.deployment_events import condition
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Status, Verdict, failed, passed, pending

_REVISION = "deployment.kubernetes.io/revision"
_COUNTS = (("updatedReplicas", "updated"), ("readyReplicas", "ready"), ("availableReplicas", "available"))
_ON_THE_WAY = ("ContainerCreating", "PodInitializing")
_DULL = ("BackOff",)  # says no more than the container's own state
_LONGEST = 240


class Trouble(NamedTuple):
    """An error state: where it stands, in words, and the command that shows it."""

    place: Field
    text: str
    command: str


def rolled_out(snapshot: Snapshot, item: K8sObject) -> Verdict:
    """Whether all Pods that a Deployment wants are up, its newest ones and no others. Raises NotReadable."""
    status = item.at("status")
    wanted = item.at("spec.replicas").whole
    wanted = 1 if wanted is None else wanted
    expected = f"{wanted} Pod{'s' if wanted > 1 else ''}, running and ready"
    watch = " ".join(("kubectl rollout status", f"deployment/{item.name}", "-n", item.namespace))
    observed, generation = status.at("observedGeneration").whole, item.at("metadata.generation").whole
    if observed is None or (generation is not None and observed < generation):
        return pending(status, expected=expected, found="the controller has not seen the latest change yet", command=watch)
    trouble = troubles(snapshot, item)
    if trouble:
        return failed(trouble[0].place, expected=expected, found=trouble[0].text, command=trouble[0].command)
    place = next((status.at(name) for name in _arrivals() if (status.at(name).whole or 0) != wanted), None)
    if place is None:
        return passed()
    counts = ", ".join(f"{status.at(name).whole or 0} {word}" for name, word in _COUNTS)
    hopeless = _hopeless(item)
    if hopeless is not None:
        return failed(hopeless.place, expected=expected, found=f"{counts}; {hopeless.text}", command=hopeless.command)
    waits = [wait for wait in (waiting(snapshot, pod) for pod in newest_pods(snapshot, item)) if wait]
    return pending(place, expected=expected, found="; ".join((counts, *waits[:2])), command=watch)


def _arrivals() -> Iterator[str]:
    yield from (name for name, _ in _COUNTS)
    yield "replicas"  # old ones that are still there


def _hopeless(item: K8sObject) -> Trouble | None:
    """What keeps a Deployment from making Pods; None when nothing does."""
    refused, paused, progressing = condition(item, "ReplicaFailure"), item.at("spec.paused"), condition(item, "Progressing")
    describe = f"kubectl describe deployment {item.name} -n {item.namespace}"
    if refused is not None and refused.at("status").value == "True":
        return Trouble(refused.at("message"), _reported(refused), f"kubectl describe replicaset -n {item.namespace}")
    if paused.value is True:
        return Trouble(paused, "it is paused, so that no change reaches its Pods", describe)
    if progressing is not None and progressing.at("status").value == "False":
        return Trouble(progressing.at("reason"), _reported(progressing), describe)
    return None


def _reported(condition: Field) -> str:
    return f"{condition.at('reason').text or 'no reason'}: {_short(condition.at('message').text or 'no message')}"


def newest_pods(snapshot: Snapshot, item: K8sObject) -> list[K8sObject]:
    """The Pods of a Deployment's newest ReplicaSet that are there to stay. Raises NotReadable."""
    sets = [replicas for replicas in snapshot.all("ReplicaSet") if replicas.owner() == ("Deployment", item.name)]
    newest = max(sets, key=_revision, default=None)
    if newest is None:
        return []
    owner = ("ReplicaSet", newest.name)
    return [pod for pod in snapshot.all("Pod") if pod.owner() == owner and not _leaves(pod)]


def _revision(item: K8sObject) -> int:
    text = item.key("metadata", "annotations", _REVISION).text or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def _leaves(pod: K8sObject) -> bool:
    """Whether a Pod is being deleted, or has ended and been replaced."""
    return pod.at("metadata.deletionTimestamp").present or pod.at("status.phase").value in ("Failed", "Succeeded")


def troubles(snapshot: Snapshot, item: K8sObject) -> list[Trouble]:
    """The error states of a Deployment's newest Pods. Raises NotReadable."""
    found = (trouble_of(snapshot, pod) for pod in newest_pods(snapshot, item))
    return [trouble for trouble in found if trouble is not None]


def trouble_of(snapshot: Snapshot, pod: K8sObject) -> Trouble | None:
    """The error state that a Pod is in, with its cause as far as the cluster tells it; None when it is well or on its way."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled is not None and scheduled.at("status").value == "False":
        reason = scheduled.at("reason").text or "not scheduled"
        message = scheduled.at("message").text or newest_event(snapshot, pod, "FailedScheduling") or ""
        return Trouble(scheduled.at("message"), _said(pod, reason, message), _describe(pod))
    for status in _statuses(pod):
        waits, ended = status.at("state.waiting"), status.at("state.terminated")
        waiting = waits.at("reason").text
        if waiting and waiting not in _ON_THE_WAY:
            return _stopped(snapshot, pod, status, waits.at("reason"))
        if ended.present and ended.at("exitCode").whole != 0:
            return _stopped(snapshot, pod, status, ended.at("reason"))
    if pod.at("status.phase").value == "Failed":
        words = _said(pod, pod.at("status.reason").text or "Failed", pod.at("status.message").text)
        return Trouble(pod.at("status.phase"), words, _describe(pod))
    return None


def _statuses(pod: K8sObject) -> Iterator[Field]:
    yield from pod.at("status.initContainerStatuses").each()
    yield from pod.at("status.containerStatuses").each()


def _stopped(snapshot: Snapshot, pod: K8sObject, status: Field, place: Field) -> Trouble:
    """The trouble of a container that does not run: why it waits, how it ended last, what was reported about it."""
    container = status.at("name").text or ""
    waits, now, last = status.at("state.waiting"), status.at("state.terminated"), status.at("lastState.terminated")
    ended = now if now.present else last
    report = newest_event(snapshot, pod)
    killed = (report or "").startswith(("Unhealthy", "Killing"))
    command = _describe(pod)
    if not ended.present:
        return Trouble(place, _said(pod, waits.at("reason").text or "", waits.at("message").text or report), command)
    words = "" if now.present else f"{waits.at('reason').text}, last time "
    words += f"{ended.at('reason').text or 'terminated'} with exit code {ended.at('exitCode').whole}"
    if not killed:
        command = f"kubectl logs {pod.name} -c {container} -n {pod.namespace}" + ("" if now.present else " --previous")
    message = (ended.at("message").text or "").strip()
    return Trouble(place, _said(pod, words, "; ".join(part for part in (message, report) if part)), command)


def _describe(pod: K8sObject) -> str:
    return f"kubectl describe pod {pod.name} -n {pod.namespace}"


def _said(pod: K8sObject, reason: str, message: str | None) -> str:
    return f"Pod `{pod.name}`: {reason}" + (f": {_short(message)}" if message else "")


def _short(message: str) -> str:
    return message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"


def waiting(snapshot: Snapshot, pod: K8sObject) -> str | None:
    """What a Pod waits for that is not in trouble, in words; None when it is ready, or has done its work."""
    ready, phase = condition(pod, "Ready"), pod.at("status.phase").text or "Pending"
    if phase == "Succeeded" or (ready is not None and ready.at("status").value == "True"):
        return None
    reason = next((status.at("state.waiting.reason").text for status in _statuses(pod) if status.at("state.waiting.reason").text), None)
    state = reason or ("running, and not ready" if phase == "Running" else phase)
    restarts = max((status.at("restartCount").whole or 0 for status in _statuses(pod)), default=0)
    if restarts:
        state += f" after {restarts} restart{'s' if restarts > 1 else ''}"
    return _said(pod, state, newest_event(snapshot, pod))


def newest_event(snapshot: Snapshot, about: K8sObject, *reasons: str) -> str | None:
    """The newest warning about this very object, for one of these reasons (none: any); None when there is none, or it may not be read."""
    try:
        events = snapshot.all("Event")
    except NotReadable:
        return None
    mine = [event for event in events if _warns(event, about, reasons)]
    newest = max(mine, key=_seen, default=None)
    return f"{newest.at('reason').text}: {newest.at('message').text or 'no message'}" if newest is not None else None


def _warns(event: K8sObject, about: K8sObject, reasons: Sequence[str]) -> bool:
    subject, uid, reason = event.at("involvedObject"), about.at("metadata.uid").value, event.at("reason").value
    warning = event.at("type").value == "Warning" and reason not in _DULL
    mine = (subject.at("kind").value, subject.at("name").value) == (about.kind, about.name) and subject.at("uid").value in (uid, None)
    return mine and (reason in reasons if reasons else warning)


def _seen(event: K8sObject) -> str:
    """When an event was last seen; API times sort as text."""
    for path in ("series.lastObservedTime", "lastTimestamp", "eventTime", "metadata.creationTimestamp"):
        seen = event.at(path).text
        if seen:
            return seen
    return ""


def with_symptom(snapshot: Snapshot, item: K8sObject, verdict: Verdict) -> Verdict:
    """A fault of the Deployment, with what its Pods show of it on the cluster, and the command that shows it."""
    if verdict.status is not Status.FAILED or verdict.evidence is None or verdict.evidence.object != item.ref:
        return verdict
    try:
        symptom = next(_symptoms(snapshot, item), None)
    except NotReadable:
        return verdict
    if symptom is None:
        return verdict
    evidence = replace(verdict.evidence, found=f"{verdict.evidence.found}; {symptom.text}", command=symptom.command)
    return replace(verdict, evidence=evidence)


def _symptoms(snapshot: Snapshot, item: K8sObject) -> Iterator[Trouble]:
    """The error states of a Deployment's newest Pods, then why it makes none, then what its other Pods wait for."""
    yield from troubles(snapshot, item)
    hopeless = _hopeless(item)
    if hopeless is not None:
        yield Trouble(*hopeless)
    for pod in newest_pods(snapshot, item):
        words = waiting(snapshot, pod)
        if words is not None:
            yield Trouble(pod.at("status"), words, _describe(pod))
