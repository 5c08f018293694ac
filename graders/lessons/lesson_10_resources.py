"""Lesson 10: what Pods ask for and what a namespace grants, and updates that nobody notices."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from graders.lessons.deployment_app import container_in_words, in_every_container, labels_in_words, written
from graders.lessons.deployment_events import replica_sets
from graders.lessons.deployment_rollout import rollout_complete
from graders.lessons.existence import assumed_namespace, exists
from graders.objective import Lesson, Owned, objective, owns
from graders.semantics.hpa import minimum, scales_deployment
from graders.semantics.limit_range import BOUNDS, Breach, breaches
from graders.semantics.pod_resources import COMPUTE, PodResources, Requirements, admitted, container_defaults
from graders.semantics.qos import Gap, QoSClass, qos_class, short_of_guaranteed
from graders.semantics.quota import counts, hard_limits, is_scoped, names_of, pod_usage, unstated
from graders.semantics.rollout import DEFAULT, fenceposts, first_loss, is_rolling
from graders.semantics.spread import HOSTNAME, OLD_ZONE, ZONE, confinement, spreading_rules
from graders.snapshot import Field, K8sObject, Snapshot, string_map
from graders.verdict import Status, Verdict, failed, passed
from graders.workloads import APP, WORKLOAD_KINDS, Workload, workloads

_QDRANT = "qdrant"
_LIMITED = ("requests.cpu", "requests.memory", "limits.memory", "pods")
_FEWEST_OLD = 2
_LONGEST_AMOUNT = 40  # characters
_LARGEST_AMOUNT = 2**63  # bytes
_SCALED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")

_QOS_DOCS = "https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/"
_DEPLOYMENT_DOCS = "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/"
_RESOURCES = (*in_every_container("resources"), "spec.template.spec.resources")
_STRATEGY = owns("Deployment", APP, "spec.strategy")
_HISTORY = owns("Deployment", APP, "spec.revisionHistoryLimit")
_LIMITS, _HARD = owns("LimitRange", "*", "spec"), owns("ResourceQuota", "*", "spec")


# What Pods ask for


@objective(
    "api-burstable",
    "The API's Pods are Burstable",
    hints=(
        "`kubectl get pods -o custom-columns=NAME:.metadata.name,QOS:.status.qosClass` shows the class that each Pod was given.",
        "Compare requests with limits of cpu and memory in every container of the Pod template, init containers and sidecars too. "
        "What a container leaves out, a LimitRange of the namespace may fill in.",
    ),
    docs=_QOS_DOCS,
    owned=(*owns("Deployment", APP), *owns("Deployment", APP, *_RESOURCES)),
)
def api_burstable(snapshot: Snapshot) -> Verdict:
    return _has_class(snapshot, "Deployment", APP, QoSClass.BURSTABLE)


@objective(
    "qdrant-guaranteed",
    "Qdrant's Pods are Guaranteed",
    hints=(
        "`kubectl describe pod qdrant-0` ends in its QoS Class, above the events.",
        "The strictest class is for Pods that ask for exactly what they may use: in every container, of cpu and of memory.",
    ),
    docs=_QOS_DOCS + "#guaranteed",
    owned=(*owns("StatefulSet", _QDRANT), *owns("StatefulSet", _QDRANT, *_RESOURCES)),
)
def qdrant_guaranteed(snapshot: Snapshot) -> Verdict:
    return _has_class(snapshot, "StatefulSet", _QDRANT, QoSClass.GUARANTEED)


def _has_class(snapshot: Snapshot, kind: str, name: str, wanted: QoSClass) -> Verdict:
    """Whether the Pods of an object get a class, once the API server has completed and admitted them."""
    present = exists(snapshot, kind, name)
    if present.status is not Status.PASSED:
        return present
    workload = Workload.of(snapshot.own(kind, name))
    rejected = _rejection(workload.object, owns(kind, name, *_RESOURCES))
    if rejected is not None:
        return rejected
    pod = _admitted(snapshot, workload)
    refused = _too_low_a_limit(workload, pod)
    if refused is not None:
        return refused
    found = qos_class(pod)
    if found is wanted:
        return present
    command = f"kubectl get pods -n {snapshot.namespace} -o custom-columns=NAME:.metadata.name,QOS:.status.qosClass"
    place, why = _reason(workload, pod, found)
    return failed(place, expected=f"Pods of class {wanted}", found=f"{found}: {why}", command=command)


def _rejection(item: K8sObject, parts: tuple[Owned, ...]) -> Verdict | None:
    """What the API server would say of some parts of an object: where it takes none of it, there is nothing to reckon with."""
    for problem in item.problems:
        if problem.rejected and any(part.weight(item, problem.path) for part in parts):
            return Verdict(Status.FAILED, replace(problem, object=item.ref).evidence())
    return None


def _admitted(snapshot: Snapshot, workload: Workload) -> PodResources:
    """The resources of its Pods. LimitRanges are looked at only where they could matter: not everybody may read them."""
    pod = admitted(workload.pod_spec.value)
    if all(name in part for item in pod.containers for part in item.resources for name in COMPUTE):
        return pod
    return admitted(workload.pod_spec.value, _defaults(snapshot))


def _defaults(snapshot: Snapshot) -> Requirements:
    return container_defaults(item.at("spec.limits").value for item in _sorted(snapshot, "LimitRange"))


def _sorted(snapshot: Snapshot, kind: str) -> list[K8sObject]:
    """The objects of a core kind by name, so that their order in files does not matter."""
    return sorted((item for item in snapshot.all(kind) if item.api_version == "v1"), key=lambda item: item.name)


def _too_low_a_limit(workload: Workload, pod: PodResources) -> Verdict | None:
    """A LimitRange that fills in a limit below what the container requests: the API server refuses such a Pod."""
    for container in pod.containers:
        for name, request in container.resources.requests.items():
            limit = container.resources.limits.get(name)
            if limit is not None and limit < request:
                place = workload.pod_spec.key(*container.path, "resources", "limits", name)
                found = f"none; the LimitRange fills in {_shown(name, limit)}, less than is requested, and its Pods are refused"
                return failed(place, expected=f"a limit of {name} of at least {_shown(name, request)}, which is requested", found=found)
    return None


def _reason(workload: Workload, pod: PodResources, found: QoSClass) -> tuple[Field, str]:
    """Where to look, and why the Pods have that class."""
    spec = workload.pod_spec
    owner = spec if pod.whole is not None else workload.app_container() or spec.key("containers", 0)
    match found:
        case QoSClass.BEST_EFFORT:
            return owner.at("resources"), "nothing in the Pod requests or limits cpu or memory"
        case QoSClass.GUARANTEED:
            return owner.at("resources"), "all requests of cpu and memory equal the limits"
        case _:
            gap = short_of_guaranteed(pod)
            assert gap is not None, "only a Guaranteed Pod has none"
            return _gap(spec, gap)


def _gap(spec: Field, gap: Gap) -> tuple[Field, str]:
    owner = spec.key(*gap.container.path) if gap.container else spec
    who = container_in_words(owner) if gap.container else "the Pod as a whole"
    part = "limits" if gap.limit is None else "requests"
    return owner.at("resources").key(part, gap.resource), f"{who} {_asks(gap)}"


def _asks(gap: Gap | Breach) -> str:
    name = gap.resource
    if gap.request is None and gap.limit is None:
        return f"says nothing about {name}"
    if gap.limit is None:
        return f"requests {_shown(name, gap.request)} of {name} and has no limit"
    return f"requests {_shown(name, gap.request)} of {name} and is limited to {_shown(name, gap.limit)}"


def _shown(name: str, amount: Decimal | None) -> str:
    """An amount as a manifest would state it: `1536Mi`, `250m`."""
    amount = amount or Decimal(0)
    if amount != amount.to_integral_value():
        return f"{amount.scaleb(3).normalize():f}m"[:_LONGEST_AMOUNT]
    if ("memory" in name or "storage" in name) and 0 < amount < _LARGEST_AMOUNT:
        for unit, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10), ("G", 10**9), ("M", 10**6)):
            if int(amount) % size == 0:
                return f"{int(amount) // size}{unit}"
    return f"{amount.normalize():f}"[:_LONGEST_AMOUNT]


# Updates


@objective(
    "zero-downtime-update",
    "Updates never take a replica away",
    hints=(
        "`kubectl describe deployment` shows RollingUpdateStrategy: how many Pods may be missing during an update, how many added.",
        "Both numbers stand under `spec.strategy` and may be shares: one is rounded up, the other down. "
        "`kubectl explain deployment.spec.strategy.rollingUpdate` tells what holds when they are left out.",
    ),
    docs=_DEPLOYMENT_DOCS + "#rolling-update-deployment",
    owned=_STRATEGY,
)
def zero_downtime_update(snapshot: Snapshot) -> Verdict:
    deployment = snapshot.related("Deployment", APP)
    strategy = deployment.at("spec.strategy")
    rejected = _rejection(deployment, _STRATEGY)
    if rejected is not None:
        return rejected
    if not is_rolling(strategy.value):
        field = strategy.at("type")
        return failed(field, expected="`type: RollingUpdate`, the default", found=f"{written(field)}: all Pods go before the new ones come")
    wanted = max(1, _wanted(snapshot, deployment))
    posts = fenceposts(strategy.value, wanted)
    surge, unavailable = strategy.at("rollingUpdate.maxSurge"), strategy.at("rollingUpdate.maxUnavailable")
    if posts is None:  # a cluster holds no such thing
        return failed(strategy.at("rollingUpdate"), expected="numbers of Pods, or shares such as `25%`", found=written(strategy))
    if posts.rounded:
        found = f"{_share(unavailable)}, and {_share(surge)}: of {wanted} both come to 0, and the controller then takes one Pod away"
        return failed(surge, expected="a `maxSurge` of at least one Pod", found=found)
    if posts.unavailable:
        found = f"{_share(unavailable)}: of {wanted} Pods {posts.unavailable} may be missing"
        return failed(unavailable, expected="a `maxUnavailable` that comes to 0 Pods", found=found)
    if not posts.surge:
        return failed(surge, expected="a `maxSurge` of at least one Pod", found=_share(surge))
    larger = first_loss(strategy.value, wanted, _most(snapshot))
    if larger is None:
        return passed()
    share = unavailable.text or DEFAULT
    return passed(
        f"It holds for {wanted} replicas; from {larger} on, a `maxUnavailable` of {share} lets a Pod go missing. A plain 0 always holds."
    )


def _share(field: Field) -> str:
    return written(field) if field.present else f"no `{field.path[-1]}`, which means {DEFAULT}"


def _autoscalers(snapshot: Snapshot, name: str) -> list[K8sObject]:
    return [
        item
        for item in snapshot.all("HorizontalPodAutoscaler")
        if item.group == "autoscaling" and "beta" not in item.api_version and scales_deployment(item.at("spec").value, name)
    ]


def _wanted(snapshot: Snapshot, deployment: K8sObject) -> int:
    """How many replicas a Deployment states; where it leaves that to an HPA, the HPA's minimum."""
    replicas = deployment.at("spec.replicas")
    if replicas.present:
        return max(0, replicas.whole or 0)
    return max((minimum(item.at("spec").value) or 1 for item in _autoscalers(snapshot, deployment.name)), default=1)


def _most(snapshot: Snapshot) -> int | None:
    """The most replicas that HPAs may make of the app's; None without an HPA, where it is anybody's guess."""
    return max((item.at("spec.maxReplicas").whole or 1 for item in _autoscalers(snapshot, APP)), default=None)


@objective(
    "spread-over-nodes",
    "Replicas spread over nodes",
    hints=(
        "`kubectl get pods -o wide` shows in NODE where each replica runs. They may share a node unless the Pod spec says otherwise.",
        "Either of two fields of the Pod spec will do. It takes the key of a label that every node has, and selects these very Pods.",
    ),
    docs="https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/",
    owned=owns("Deployment", APP, "spec.template.spec.topologySpreadConstraints", "spec.template.spec.affinity"),
)
def spread_over_nodes(snapshot: Snapshot) -> Verdict:
    deployment = snapshot.related("Deployment", APP)
    app = Workload.of(deployment)
    spec = app.pod_spec
    expected = f"a rule that keeps Pods with {labels_in_words(app.pod_labels)} apart, by `{HOSTNAME}` or `{ZONE}`"
    pinned = confinement(spec.value, HOSTNAME)
    if pinned is not None:
        pin = spec.key(*pinned)
        found = f"{written(pin)}: all of them on that one" if pin.text else "rules that allow a single node"
        return failed(pin, expected="Pods that may run on any node", found=found)
    rules = spreading_rules(spec.value, app.pod_labels, snapshot.namespace, _wanted(snapshot, deployment))
    working = [rule for rule in rules if rule.flaw is None]
    if working:
        dated = all(rule.key == OLD_ZONE for rule in working)
        return passed(*([f"`{OLD_ZONE}` is the old name of the zone label: use `{ZONE}`."] if dated else []))
    if not rules:
        return failed(spec.at("topologySpreadConstraints"), expected=expected, found=_no_rule(spec))
    place = spec.key(*rules[0].path)
    return failed(place, expected=expected, found=f"{_part(place)}: {rules[0].flaw}")


def _part(place: Field) -> str:
    """A part of a rule, as far as it fits into a line."""
    labels = string_map(place.at("matchLabels").value)
    if labels and not place.at("matchExpressions").present:
        return labels_in_words(labels)
    names = [item.text for item in place.each() if item.text]
    return ", ".join(f"`{name}`" for name in names) if names else written(place)


def _no_rule(spec: Field) -> str:
    attracts = spec.at("affinity.podAffinity")
    return "none; `podAffinity` brings Pods together" if attracts.present else "none"


@objective(
    "history-kept",
    "A rollout can be undone",
    hints=(
        "`kubectl rollout history deployment` lists the revisions to which you could go back.",
        "Each old revision is a ReplicaSet without Pods. A field of the Deployment's spec says how many of them stay.",
    ),
    docs=_DEPLOYMENT_DOCS + "#clean-up-policy",
    owned=_HISTORY,
)
def history_kept(snapshot: Snapshot) -> Verdict:
    kept = snapshot.related("Deployment", APP).at("spec.revisionHistoryLimit")
    if not kept.present or (kept.whole or 0) >= _FEWEST_OLD:
        return passed()
    rejected = _rejection(kept.object, _HISTORY)
    return rejected or failed(kept, expected=f"at least {_FEWEST_OLD}; left out means 10", found=written(kept))


# What the namespace grants


@objective(
    "default-limits",
    "The namespace has default requests and limits",
    hints=(
        "`kubectl describe limitrange` shows, for each type and resource, the DEFAULT REQUEST and the DEFAULT LIMIT.",
        "The kind is LimitRange. One of its types is about containers; it can fill in what a container leaves out, of cpu and of memory.",
    ),
    docs="https://kubernetes.io/docs/concepts/policy/limit-range/",
    owned=owns("LimitRange", "*"),
)
def default_limits(snapshot: Snapshot) -> Verdict:
    ranges = _sorted(snapshot, "LimitRange")
    for item in ranges:
        rejected = _rejection(item, _LIMITS)
        if rejected is not None:
            return rejected
    defaults = _defaults(snapshot)
    expected = "`default` and `defaultRequest` for cpu and memory, above 0, of type Container"
    lacking = [
        (part, name)
        for part, amounts in (("default", defaults.limits), ("defaultRequest", defaults.requests))
        for name in COMPUTE
        if not amounts.get(name)
    ]
    if lacking:
        part, name = lacking[0]
        for item in ranges:
            for entry in item.at("spec.limits").each():
                if entry.at("type").value == "Container":
                    return failed(entry.key(part, name), expected=expected, found=f"no {part} for {name}")
        return _no_default(snapshot, ranges, expected)
    for item in ranges:
        fault = _keeps_out(snapshot, item)
        if fault is not None:
            return fault
    return passed(*_of_two_minds(ranges), *(advice for item in ranges for advice in assumed_namespace(item)))


def _no_default(snapshot: Snapshot, ranges: list[K8sObject], expected: str) -> Verdict:
    if ranges:
        limits = ranges[0].at("spec.limits")
        kinds = ", ".join(f"`type: {entry.at('type').text}`" for entry in limits.each() if entry.at("type").text)
        return failed(limits, expected=expected, found=f"only {kinds}" if kinds else "no limits")
    return _lacks(snapshot, "LimitRange", f"a LimitRange with {expected}")


def _keeps_out(snapshot: Snapshot, item: K8sObject) -> Verdict | None:
    """A bound of a LimitRange that keeps Pods out that the namespace wants. Only where there is one, the workloads have to be readable."""
    limits = item.at("spec.limits")
    if not any(entry.at(bound).present for entry in limits.each() for bound in BOUNDS):
        return None
    for one in _asking(snapshot):
        breach = next(breaches(limits.value, one.pod), None)
        if breach is not None:
            place = limits.key(*breach.path)
            who = f"container `{breach.container.name}`" if breach.container else "each Pod"
            found = f"{written(place)}; {who} of {one.workload.object.ref} {_asks(breach)}, so its Pods are refused"
            return failed(place, expected=f"a `{breach.path[1]}` that lets in what the namespace runs", found=found)
    return None


def _lacks(snapshot: Snapshot, kind: str, expected: str) -> Verdict:
    """The namespace has no object of a kind, whose name is free."""
    elsewhere = sorted({item.namespace for item in snapshot.every(kind)})
    found = f"one in namespace `{'`, `'.join(elsewhere)}` only" if elsewhere else f"no {kind} in namespace `{snapshot.namespace}`"
    command = f"kubectl get {kind.lower()} -n {snapshot.namespace}"
    return failed(snapshot.wanted("Namespace", snapshot.namespace), expected=expected, found=found, command=command)


def _of_two_minds(ranges: list[K8sObject]) -> tuple[str, ...]:
    """Advice where two LimitRanges fill in the same with different amounts."""
    each = [container_defaults([item.at("spec.limits").value]) for item in ranges]
    for part in (0, 1):
        for name in COMPUTE:
            if len({defaults[part][name] for defaults in each if name in defaults[part]}) > 1:
                return (f"Two LimitRanges give {name} different defaults, and which one wins is not defined: keep one.",)
    return ()


@objective(
    "namespace-quota",
    "The namespace has a quota",
    hints=(
        "`kubectl describe resourcequota` shows what is used of what is granted, resource by resource.",
        "The kind is ResourceQuota; under `hard`, requests and limits have names of their own. "
        "Multiply what each Pod asks for by the replicas, of everything in the namespace, and add it up.",
    ),
    docs="https://kubernetes.io/docs/concepts/policy/resource-quotas/",
    owned=owns("ResourceQuota", "*"),
)
def namespace_quota(snapshot: Snapshot) -> Verdict:
    quotas = _sorted(snapshot, "ResourceQuota")
    expected = "`hard` limits for " + ", ".join(f"`{name}`" for name in _LIMITED)
    if not quotas:
        return _lacks(snapshot, "ResourceQuota", f"a ResourceQuota with {expected}")
    for item in quotas:
        rejected = _rejection(item, _HARD)
        if rejected is not None:
            return rejected
    unscoped = [item for item in quotas if not is_scoped(item.at("spec").value)]
    if not unscoped:
        scopes = quotas[0].at("spec.scopes")
        place = scopes if scopes.present else quotas[0].at("spec.scopeSelector")
        return failed(place, expected="a quota on all Pods of the namespace, without scopes", found="one that counts some of them only")
    limited = {name for item in unscoped for name in hard_limits(item.at("spec").value)}
    missing = [name for name in _LIMITED if not limited.intersection(names_of(name))]
    if missing:
        names = ", ".join(f"`{name}`" for name in sorted(limited)) or "nothing"
        return failed(unscoped[0].at("spec.hard").key(missing[0]), expected=expected, found=f"no `{missing[0]}`; it limits {names}")
    asking = _asking(snapshot)
    for item in quotas:
        fault = _too_small(item, asking)
        if fault is not None:
            return fault
    return passed(*(advice for item in quotas for advice in (*_no_surge(item, asking), *assumed_namespace(item))))


class _Asking(NamedTuple):
    """A workload, how many Pods it wants, and what one of them is."""

    workload: Workload
    wanted: int
    pod: PodResources


def _asking(snapshot: Snapshot) -> list[_Asking]:
    defaults = _defaults(snapshot)
    every = ((workload, _pods_of(snapshot, workload)) for workload in workloads(snapshot))
    return [_Asking(workload, wanted, admitted(workload.pod_spec.value, defaults)) for workload, wanted in every if wanted]


def _pods_of(snapshot: Snapshot, workload: Workload) -> int:
    """How many Pods a workload asks for at a time. A CronJob's come and go; a DaemonSet has at least one."""
    item = workload.object
    if item.kind == "Deployment":
        floors = (minimum(hpa.at("spec").value) or 1 for hpa in _autoscalers(snapshot, item.name))
        stated = _wanted(snapshot, item)
        return max(stated, *floors, 0) if stated else 0
    if item.kind in _SCALED:
        replicas = item.at("spec.replicas")
        return max(0, replicas.whole or 0) if replicas.present else 1
    if item.kind == "DaemonSet":
        return max(1, item.at("status.desiredNumberScheduled").whole or 1)
    if item.kind == "Job":
        return _pods_of_job(item)
    return int(item.kind == "Pod" and item.at("status.phase").value not in ("Succeeded", "Failed"))


def _pods_of_job(job: K8sObject) -> int:
    ended = any(
        condition.at("type").value in ("Complete", "Failed") and condition.at("status").value == "True"
        for condition in job.at("status.conditions").each()
    )
    if ended or job.at("spec.suspend").value is True:
        return 0
    parallel, completions = job.at("spec.parallelism"), job.at("spec.completions").whole
    wanted = max(0, parallel.whole or 0) if parallel.present else 1
    return wanted if completions is None else min(wanted, max(0, completions))


def _too_small(quota: K8sObject, asking: list[_Asking]) -> Verdict | None:
    """Why the quota keeps the namespace from having the Pods that it asks for."""
    spec = quota.at("spec")
    hard = hard_limits(spec.value)
    counted = _counted(quota, asking)
    for one in counted:
        silent = unstated(hard, one.pod)
        if silent is not None:
            found = f"{one.workload.object.ref} states none for container `{silent.container.name}`, so its Pods are refused"
            return failed(spec.at("hard").key(silent.resource), expected=f"`{silent.resource}` in every container", found=found)
    for name, amount in hard.items():
        total = sum((one.wanted * pod_usage(one.pod).get(name, Decimal(0)) for one in counted), Decimal(0))
        if total > amount:
            parts = ", ".join(f"{one.workload.object.ref} {one.wanted} × {_shown(name, pod_usage(one.pod).get(name))}" for one in counted)
            place = spec.at("hard").key(name)
            return failed(place, expected=f"at least {_shown(name, total)}, which is asked for: {parts}", found=written(place))
    return None


def _counted(quota: K8sObject, asking: list[_Asking]) -> list[_Asking]:
    return [one for one in asking if counts(quota.at("spec").value, one.workload.pod_spec.value, one.pod)]


def _no_surge(quota: K8sObject, asking: list[_Asking]) -> tuple[str, ...]:
    """Advice where the Pods fit, and those that an update adds do not."""
    counted = _counted(quota, asking)
    for name, amount in hard_limits(quota.at("spec").value).items():
        total = sum((one.wanted * pod_usage(one.pod).get(name, Decimal(0)) for one in counted), Decimal(0))
        for one in counted:
            item = one.workload.object
            posts = fenceposts(item.at("spec.strategy").value, one.wanted) if item.kind == "Deployment" else None
            if posts is not None and total + posts.surge * pod_usage(one.pod).get(name, Decimal(0)) > amount:
                return (f"{quota.ref} leaves no room in `{name}` for the Pods that an update of {item.ref} adds, so that it would wait.",)
    return ()


# It has happened


@objective(
    "rolled-out-twice",
    "You have rolled out a change",
    hints=(
        "`kubectl rollout history deployment` lists the revisions; `kubectl get replicasets` shows how many Pods each of them has.",
        "Each change of the Pod template, of the image for instance, makes a new revision. `kubectl rollout status` waits until it is up.",
    ),
    docs=_DEPLOYMENT_DOCS + "#checking-rollout-history-of-a-deployment",
    live=True,
)
def rolled_out_twice(snapshot: Snapshot) -> Verdict:
    deployment = snapshot.related("Deployment", APP)
    snapshot.all("ReplicaSet")  # raises where they cannot be read
    arrived = rollout_complete.check(snapshot)
    if arrived.status is not Status.PASSED:
        return arrived
    revisions = replica_sets(snapshot)
    if len(revisions) > 1:
        return arrived
    now = deployment.key("metadata", "annotations", "deployment.kubernetes.io/revision")
    gone = now.text not in (None, "", "1")
    found = f"revision {now.text} alone; the ReplicaSets before it are gone" if gone else "the first revision only"
    command = f"kubectl rollout history deployment/{APP} -n {snapshot.namespace}"
    return failed(deployment, expected="two revisions, the newest of them up", found=found, command=command)


LESSON = Lesson(
    "lesson-10",
    "Resources, QoS and rolling updates",
    reads=("HorizontalPodAutoscaler", "LimitRange", "ResourceQuota", *WORKLOAD_KINDS),
    live_reads=("ServiceAccount", "Event"),
    objectives=(
        api_burstable,
        qdrant_guaranteed,
        zero_downtime_update,
        spread_over_nodes,
        default_limits,
        namespace_quota,
        history_kept,
        rolled_out_twice,
    ),
)
