"""Lesson 0: a cluster that answers, is current, has room for Pods and disks, and lets the learner work in it."""

from __future__ import annotations

import re

from graders.kinds import CREATED
from graders.objective import Lesson, objective
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Verdict, failed, passed, pending

_OLDEST = 29  # minor version of Kubernetes 1 that the course works on
_NEWEST = 37  # at the release of this course; Kubernetes supports the newest three
_SUPPORTED = 3
_VERSION = re.compile(r"v?1\.([0-9]{1,3})(?:[^0-9].*)?")
# The second one is what StorageClasses before Kubernetes 1.6 said; the API server still heeds it (pkg/apis/storage/util).
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_METRICS = "metrics.k8s.io"

_RELEASES = "https://kubernetes.io/releases/version-skew-policy/"
_API_DOCS = "https://kubernetes.io/docs/concepts/overview/kubernetes-api/"
_NODE_DOCS = "https://kubernetes.io/docs/concepts/architecture/nodes/"


def _version(snapshot: Snapshot) -> Field | None:
    found = snapshot.find("Version", "version")
    return None if found is None else found.at("gitVersion")


@objective(
    "api-reachable",
    "The API server answers",
    hints=(
        "Everything goes through the API server: `kubectl version` asks it who it is, `kubectl cluster-info` where it is.",
        "No answer? See whether the cluster runs, and which one your context names: `kubectl config current-context`.",
    ),
    docs=_API_DOCS,
    live=True,
)
def api_reachable(snapshot: Snapshot) -> Verdict:
    version = _version(snapshot)
    if version is not None and version.text:
        return passed()
    where = version or snapshot.wanted("Version", "version")
    return failed(where, expected="the version of a Kubernetes API server", found="an answer without one", command="kubectl version")


@objective(
    "version-supported",
    "The cluster's version is supported",
    hints=(
        "`kubectl version` prints that of the client and that of the server. It is the server's that counts.",
        "Local clusters are made anew in a minute with a newer version; managed ones have an upgrade of their own.",
    ),
    docs=_RELEASES,
    needs=(api_reachable,),
    live=True,
)
def version_supported(snapshot: Snapshot) -> Verdict:
    version = _version(snapshot)
    assert version is not None, "guaranteed by api-reachable"
    match = _VERSION.fullmatch(version.text or "")
    if match is None or int(match[1]) < _OLDEST:
        return failed(version, expected=f"Kubernetes 1.{_OLDEST} or newer", found=f"`{version.value}`", command="kubectl version")
    oldest_supported = _NEWEST - _SUPPORTED + 1
    if int(match[1]) < oldest_supported:
        return passed(
            f"`{version.text}` gets no more fixes: Kubernetes supports its newest three versions, 1.{oldest_supported} to 1.{_NEWEST} "
            "when this course was released. Upgrade when you can."
        )
    return passed()


@objective(
    "node-ready",
    "At least one node is Ready",
    hints=(
        "`kubectl get nodes` lists the machines of the cluster with their STATUS. Pods run on nodes that are Ready.",
        "`kubectl describe node` says under Conditions why one is not: its kubelet, its network plugin, its disk or memory.",
    ),
    docs=_NODE_DOCS + "#node-status",
    live=True,
)
def node_ready(snapshot: Snapshot) -> Verdict:
    nodes = snapshot.all("Node")
    if not nodes:
        return failed(snapshot.wanted("Node"), expected="a node that is Ready", found="no node", command="kubectl get nodes")
    ready = [node for node in nodes if _condition(node).at("status").value == "True"]
    if not ready:
        condition = _condition(nodes[0])
        reason = condition.at("message").text or condition.at("reason").text
        found = f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}, none of them Ready" + (
            f"; `{nodes[0].name}` says: {reason}" if reason else ""
        )
        return failed(condition, expected="a node that is Ready", found=found, command="kubectl describe nodes")
    if all(node.at("spec.unschedulable").value is True for node in ready):
        return passed(f"`{ready[0].name}` is Ready and takes no new Pods: let it with `kubectl uncordon {ready[0].name}`.")
    return passed()


def _condition(node: K8sObject) -> Field:
    conditions = node.at("status.conditions")
    return next((item for item in conditions.each() if item.at("type").value == "Ready"), conditions)


@objective(
    "default-storage-class",
    "New claims get a default StorageClass",
    hints=(
        "`kubectl get storageclass` marks the default one with (default) behind its name. A claim that names no class gets it.",
        "An annotation makes a class the default. None: mark one. Two: take it from one of them.",
    ),
    docs="https://kubernetes.io/docs/tasks/administer-cluster/change-default-storage-class/",
    live=True,
)
def default_storage_class(snapshot: Snapshot) -> Verdict:
    classes = snapshot.all("StorageClass")
    defaults = [item for item in classes if any(item.key("metadata", "annotations", key).value == "true" for key in _DEFAULT)]
    if len(defaults) == 1:
        return passed()
    command = "kubectl get storageclass"
    if defaults:
        names = "`, `".join(item.name for item in defaults)
        place = defaults[1].at("metadata.annotations")
        return failed(place, expected="one default StorageClass", found=f"{len(defaults)} of them: `{names}`", command=command)
    names = "`, `".join(item.name for item in classes)
    found = f"none is the default: `{names}`" if classes else "no StorageClass at all"
    where = classes[0].at("metadata.annotations") if classes else snapshot.wanted("StorageClass")
    return failed(where, expected="one default StorageClass", found=found, command=command)


@objective(
    "may-deploy",
    "You may create what the course needs",
    hints=(
        "`kubectl auth can-i --list` shows what your account may do in a namespace; `kubectl auth whoami` who you are to the cluster.",
        "Whoever runs the cluster gives you the role `edit` in your namespace. On a cluster of your own you are its administrator.",
    ),
    docs="https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles",
    live=True,
)
def may_deploy(snapshot: Snapshot) -> Verdict:
    reviews = snapshot.all("SelfSubjectAccessReview")
    denied = [review for review in reviews if review.at("status.allowed").value is not True]
    if len(reviews) >= len(CREATED) and not denied:
        return passed()
    expected = f"leave to create {len(CREATED)} kinds of objects in namespace `{snapshot.namespace}`"
    if not denied:
        where = snapshot.wanted("SelfSubjectAccessReview")
        return failed(where, expected=expected, found=f"an answer for {len(reviews)} of them", command="kubectl auth can-i --list")
    names = "`, `".join(review.name for review in denied)
    command = f"kubectl auth can-i create {denied[0].name} -n {snapshot.namespace}"
    return failed(denied[0].at("status.allowed"), expected=expected, found=f"denied for `{names}`", command=command)


@objective(
    "metrics-available",
    "Resource metrics are served",
    hints=(
        "`kubectl top nodes` shows how much CPU and memory is used, if somebody measures it. Lesson 7 scales by it.",
        "metrics-server measures. It is an add-on of minikube, part of k3d, and one `kubectl apply` on most other clusters.",
    ),
    docs="https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/",
    live=True,
    bonus=True,
)
def metrics_available(snapshot: Snapshot) -> Verdict:
    expected, command = f"the API `{_METRICS}`, which metrics-server serves", "kubectl top nodes"
    if snapshot.find("APIGroup", _METRICS) is None:
        return failed(snapshot.wanted("APIGroup", _METRICS), expected=expected, found="it is not served", command=command)
    if not snapshot.all("NodeMetrics"):
        return pending(snapshot.wanted("NodeMetrics"), expected="a measurement of a node", found="none yet", command=command)
    return passed()


LESSON = Lesson(
    "lesson-0",
    "Kubernetes fundamentals",
    reads=(),
    objectives=(api_reachable, version_supported, node_ready, default_storage_class, may_deploy, metrics_available),
    live_reads=("Version", "Node", "StorageClass", "SelfSubjectAccessReview", "APIGroup", "NodeMetrics"),
)
