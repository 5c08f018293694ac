"""Whether the Pods that a Deployment of lesson 14 wants are up, and what they show of a fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graders.lessons.deployment_rollout import UNSEEN, behind, counts_in_words, is_unseen, watch
from graders.lessons.pod_states import State, condition, error_of, replica_sets, revision, shortened, wait_of
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Status, Verdict, failed, passed, pending


def rolled_out(snapshot: Snapshot, item: K8sObject) -> Verdict:
    """Whether all Pods that a Deployment wants are up, its newest ones and no others. Raises NotReadable."""
    status = item.at("status")
    wanted = item.at("spec.replicas").whole
    wanted = 1 if wanted is None else wanted
    expected = f"{wanted} Pod{'s' if wanted > 1 else ''}, running and ready"
    if is_unseen(item):
        return pending(status, expected=expected, found=UNSEEN, command=watch(item))
    error = next(_errors(snapshot, item), None)
    if error is not None and item.at("spec.paused").value is not True:  # it may be of a Pod that a resumed rollout replaces
        return failed(error.place, expected=expected, found=str(error), command=error.command)
    place, counts = behind(status, wanted), counts_in_words(status)
    if place is None:
        return passed()
    hopeless = stuck(snapshot, item)
    if hopeless is not None:
        return failed(hopeless.place, expected=expected, found=f"{counts}; {hopeless.text}", command=hopeless.command)
    waits = [str(state) for state in _waits(snapshot, item)]
    return pending(place, expected=expected, found="; ".join((counts, *waits[:2])), command=watch(item))


def stuck(snapshot: Snapshot, item: K8sObject) -> State | None:
    """What keeps a Deployment from making Pods, or has made it give up; None when nothing does. Raises NotReadable.

    One that has given up, and whose Pods are being started nevertheless, goes on: what they waited for has come.
    """
    refused, paused, progressing = condition(item, "ReplicaFailure"), item.at("spec.paused"), condition(item, "Progressing")
    describe = f"kubectl describe deployment {item.name} -n {item.namespace}"
    if refused is not None and refused.at("status").value == "True":
        return State(refused.at("message"), _reported(refused), f"kubectl describe replicaset -n {item.namespace}")
    if paused.value is True:
        return State(paused, "it is paused, so that no change reaches its Pods", describe)
    starts = any(pod.at("status.phase").value == "Pending" and error_of(snapshot, pod) is None for pod in newest_pods(snapshot, item))
    if progressing is not None and progressing.at("status").value == "False" and not starts:
        return State(progressing.at("reason"), _reported(progressing), describe)
    return None


def _reported(condition: Field) -> str:
    return f"{condition.at('reason').text or 'no reason'}: {shortened(condition.at('message').text or 'no message')}"


def newest_pods(snapshot: Snapshot, item: K8sObject) -> list[K8sObject]:
    """The Pods of a Deployment's newest ReplicaSet that are there to stay. Raises NotReadable."""
    owners = [("ReplicaSet", replicas.name) for replicas in replica_sets(snapshot, item.name)[:1] if revision(replicas) >= revision(item)]
    return [pod for pod in snapshot.all("Pod") if pod.owner() in owners and not _leaves(pod)]


def replaced(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    """The ReplicaSets of earlier revisions, as owners of Pods, whose Deployment's rollout goes on: their Pods go when the newest are up.

    Raises NotReadable.
    """
    older = ((item, replica_sets(snapshot, item.name)[1:]) for item in snapshot.all("Deployment"))
    return frozenset((sets.kind, sets.name) for item, earlier in older if earlier and stuck(snapshot, item) is None for sets in earlier)


def _leaves(pod: K8sObject) -> bool:
    """Whether a Pod is being deleted, or has ended and been replaced."""
    return pod.at("metadata.deletionTimestamp").present or pod.at("status.phase").value in ("Failed", "Succeeded")


def _errors(snapshot: Snapshot, item: K8sObject) -> Iterator[State]:
    """The error states of a Deployment's newest Pods. Raises NotReadable."""
    yield from (state for state in (error_of(snapshot, pod) for pod in newest_pods(snapshot, item)) if state is not None)


def _waits(snapshot: Snapshot, item: K8sObject) -> Iterator[State]:
    """What its newest Pods wait for. Raises NotReadable."""
    yield from (state for state in (wait_of(snapshot, pod) for pod in newest_pods(snapshot, item)) if state is not None)


def with_symptom(snapshot: Snapshot, item: K8sObject, verdict: Verdict) -> Verdict:
    """A fault of the Deployment, with what its Pods show of it on the cluster, and the command that shows it."""
    if verdict.status is not Status.FAILED or verdict.evidence is None or verdict.evidence.object != item.ref:
        return verdict
    try:
        symptom = _symptom(snapshot, item)
    except NotReadable:
        return verdict
    if symptom is None:
        return verdict
    words, command = symptom
    evidence = replace(verdict.evidence, found=f"{verdict.evidence.found}; {words}", command=command)
    return replace(verdict, evidence=evidence)


def _symptom(snapshot: Snapshot, item: K8sObject) -> tuple[str, str] | None:
    """The error state of a Deployment's newest Pods, else why it makes none, else what its Pods wait for; and the command."""
    state, hopeless = next(_errors(snapshot, item), None), stuck(snapshot, item)
    if state is None and hopeless is not None:
        return hopeless.text, hopeless.command
    state = state or next(_waits(snapshot, item), None)
    return None if state is None else (str(state), state.command)
