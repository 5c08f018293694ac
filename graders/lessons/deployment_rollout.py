"""Lesson 4: whether the rollout has arrived, and what holds it up if not."""

from __future__ import annotations

from graders.lessons.deployment_app import deployment, deployment_exists
from graders.lessons.deployment_events import failed_creation, troubles
from graders.lessons.pod_states import condition
from graders.objective import objective
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Verdict, failed, passed, pending
from graders.workloads import APP

UNSEEN = "the controller has not seen the latest change yet"
_COUNTS = (("updatedReplicas", "updated"), ("readyReplicas", "ready"), ("availableReplicas", "available"))


@objective(
    "rollout-complete",
    "All replicas are up and ready",
    hints=(
        "`kubectl rollout status` waits for it and says what it waits for; `kubectl get pods` shows in STATUS what the Pods are doing.",
        "No Pods at all: read the events of the ReplicaSet. Pods that do not get ready: `kubectl describe pod`, from the bottom up.",
    ),
    docs="https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status",
    needs=(deployment_exists,),
    live=True,
)
def rollout_complete(snapshot: Snapshot) -> Verdict:
    item = deployment(snapshot)
    status, replicas = item.at("status"), item.at("spec.replicas")
    wanted = replicas.whole if replicas.present else 1
    if not wanted or wanted < 0:
        return failed(replicas, expected="replicas to roll out", found="none are wanted")
    expected = f"{wanted} replicas, all of them updated, ready and available"
    if is_unseen(item):
        return pending(status, expected=expected, found=UNSEEN, command=watch(item))
    place = behind(status, wanted)
    paused = item.at("spec.paused").value is True
    if place is None:
        return passed(*(["The rollout is paused: no further change will arrive until `kubectl rollout resume`."] if paused else []))
    return _unfinished(
        snapshot, place, expected, counts_in_words(status), paused=paused and (status.at("updatedReplicas").whole or 0) < wanted
    )


def is_unseen(item: K8sObject) -> bool:
    """Whether the controller has not seen the latest change of a Deployment, so that its status is about the one before."""
    observed, generation = item.at("status.observedGeneration").whole, item.at("metadata.generation").whole
    return observed is None or (generation is not None and observed < generation)


def behind(status: Field, wanted: int) -> Field | None:
    """The first count that has not arrived; None when all have. Old replicas that are still there are a count as well."""
    for name, _ in (*_COUNTS, ("replicas", "")):
        if (status.at(name).whole or 0) != wanted:
            return status.at(name)
    return None


def counts_in_words(status: Field) -> str:
    """How many Pods of a Deployment have come how far."""
    counts = ", ".join(f"{status.at(name).whole or 0} {word}" for name, word in _COUNTS)
    old = (status.at("replicas").whole or 0) - (status.at("updatedReplicas").whole or 0)
    return f"{counts}, {old} old still there" if old > 0 else counts


def _unfinished(snapshot: Snapshot, place: Field, expected: str, counts: str, *, paused: bool) -> Verdict:
    item = place.object
    known = troubles(snapshot)[:3]
    reasons = "; ".join(map(str, known))
    found = f"{counts}; {reasons}" if reasons else counts
    refused = condition(item, "ReplicaFailure")
    if refused is not None and refused.at("status").value == "True":
        message = f"{refused.at('reason').text or 'FailedCreate'}: {refused.at('message').text or 'no message'}"
        report = failed_creation(snapshot)
        why = report.text.removeprefix("none; ") if report else message
        if _account_is_there_now(snapshot, why):
            note = f"{counts}; the ServiceAccount is there now, and the ReplicaSet will try again by itself"
            return pending(place, expected=expected, found=note, command=watch(item))
        return failed(place, expected=expected, found=f"{counts}; {why}", command=report.command if report else None)
    if paused:
        field = item.at("spec.paused")
        return failed(field, expected="a rollout that goes on", found=f"it is paused: {counts}")
    progressing = condition(item, "Progressing")
    if progressing is not None and progressing.at("status").value == "False":
        why = reasons or progressing.at("message").text or "no message"
        return failed(
            place,
            expected=expected,
            found=f"{counts}; given up ({progressing.at('reason').text}): {why}",
            command=known[0].command if known else f"kubectl get pods -l app={APP} -n {item.namespace}",
        )
    return pending(place, expected=expected, found=found, command=watch(item))


def _account_is_there_now(snapshot: Snapshot, message: str) -> bool:
    if "serviceaccount" not in message.lower():
        return False
    name = deployment(snapshot).at("spec.template.spec.serviceAccountName").text or "default"
    try:
        return snapshot.find("ServiceAccount", name) is not None
    except NotReadable:
        return False


def watch(item: K8sObject) -> str:
    """The command that waits for a Deployment's rollout."""
    return f"kubectl rollout status deployment/{item.name} -n {item.namespace}"
