"""Lesson 14: six workloads that do not work, each for another reason; find it, and mend it."""

from __future__ import annotations

from graders.lessons.pod_states import error_of, wait_of
from graders.lessons.troubleshooting_app import KIND
from graders.lessons.troubleshooting_pods import replaced
from graders.lessons.troubleshooting_scheduling import pending_unschedulable
from graders.lessons.troubleshooting_start import crash_liveness, crash_missing_env, image_pull
from graders.lessons.troubleshooting_storage import pending_claim
from graders.lessons.troubleshooting_traffic import no_endpoints
from graders.objective import Lesson, objective
from graders.snapshot import K8sObject, Snapshot
from graders.verdict import Verdict, blocked, failed, passed, pending
from graders.workloads import WORKLOAD_KINDS

_WORKLOADS = {
    "report-worker": pending_unschedulable,
    "archive": pending_claim,
    "query-api": crash_missing_env,
    "indexer": crash_liveness,
    "gateway": image_pull,
    "search": no_endpoints,
}


@objective(
    "nothing-left-broken",
    "No Pod of `{namespace}` is in trouble",
    hints=(
        "`kubectl get pods` of the whole namespace: STATUS and RESTARTS of every line, not of the six alone.",
        "Pods of an earlier attempt stay until what made them is gone: `kubectl get deployments,replicasets,jobs,pods` tells whose.",
    ),
    docs="https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/",
    live=True,
)
def nothing_left_broken(snapshot: Snapshot) -> Verdict:
    for name, mended in _WORKLOADS.items():
        if snapshot.find(KIND, name) is None:
            return blocked(mended.id)
    pods = [pod for pod in snapshot.all("Pod") if not _goes(pod)]
    old = replaced(snapshot)
    staying, going = ([pod for pod in pods if (pod.owner() in old) is leaves] for leaves in (False, True))
    for judge, found in (
        (failed, (error_of(snapshot, pod) for pod in staying)),
        (pending, (wait_of(snapshot, pod) for pod in (*staying, *going))),
    ):
        states = [state for state in found if state is not None]
        if states:
            more = f", and {len(states) - 1} more" if len(states) > 1 else ""
            return judge(states[0].place, expected="Pods that run", found=f"{states[0]}{more}", command=states[0].command)
    return passed()


def _goes(pod: K8sObject) -> bool:
    """Whether a Pod is being deleted, or is a try of a Job, which keeps those that failed."""
    owner = pod.owner()
    ended = pod.at("status.phase").value == "Failed" and owner is not None and owner[0] == "Job"
    return ended or pod.at("metadata.deletionTimestamp").present


# Every kind of workload is read: the Service must not take in Pods of any of them, on a cluster as in manifests.
LESSON = Lesson(
    "lesson-14",
    "Troubleshooting",
    reads=("Service", "PersistentVolumeClaim", "Secret", "ConfigMap", *WORKLOAD_KINDS),
    objectives=(*_WORKLOADS.values(), nothing_left_broken),
    live_reads=("Node", "StorageClass", "PersistentVolume", "EndpointSlice", "Event"),
)
