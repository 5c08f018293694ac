"""Lesson 8: a PodDisruptionBudget that keeps the app up through a drain, and lets the drain go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graders.lessons.deployment_events import troubles
from graders.lessons.existence import exists
from graders.objective import Lesson, objective, owns
from graders.semantics.disruption import desired_healthy, example_labels, surely_apart, surely_within
from graders.semantics.hpa import minimum, scales_deployment
from graders.semantics.int_or_string import percentage
from graders.semantics.selectors import matches
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Status, Verdict, blocked, failed, passed, pending
from graders.workloads import APP, WORKLOAD_KINDS, Workload, workloads

_KIND = "PodDisruptionBudget"
_NAME = "rag-engine-api-pdb"
_API = "policy/v1"
_KEPT = 2
_NUMBERS = (("spec", "minAvailable"), ("spec", "maxUnavailable"))

_DOCS = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"
_DISRUPTIONS = "https://kubernetes.io/docs/concepts/workloads/pods/disruptions/"
_SELECTOR_DOCS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors"


def _budget(snapshot: Snapshot) -> K8sObject:
    return snapshot.own(_KIND, _NAME)


@objective(
    "pdb-exists",
    "PDB `rag-engine-api-pdb` exists",
    hints=(
        "`kubectl get pdb` shows a budget with either MIN AVAILABLE or MAX UNAVAILABLE filled in.",
        "In pdb.yaml: the policy API in its stable version, the kind, the name, and exactly one of the two numbers in the spec.",
    ),
    docs=_DOCS,
    owned=owns(_KIND, _NAME),
)
def pdb_exists(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, _KIND, _NAME)
    if verdict.status is not Status.PASSED:
        budget = snapshot.find(_KIND, _NAME)
        if budget is None:
            return verdict
        found = f"`{budget.api_version}`, which Kubernetes does not serve"
        return failed(budget.at("apiVersion"), expected=f"`apiVersion: {_API}`", found=found)
    spec = _budget(snapshot).at("spec")
    given = [path for path in _NUMBERS if spec.object.key(*path).present]
    if len(given) == 1:
        return verdict
    expected = "exactly one of `minAvailable` and `maxUnavailable`"
    if given:
        return failed(spec, expected=expected, found="both")
    meant = next((problem for problem in spec.object.problems if problem.unknown_field and problem.path in _NUMBERS), None)
    if meant is not None:
        return Verdict(Status.FAILED, replace(meant, object=spec.object.ref).evidence())
    return failed(spec, expected=expected, found="neither: such a budget lets no Pod go")


@objective(
    "covers-the-app",
    "It covers the Deployment's Pods, and only those",
    hints=(
        "A budget finds its Pods by their labels, as a Service does. Compare `kubectl get pods --show-labels` with its selector.",
        "`spec.selector` is a label selector. It is held against the labels of the Pod template, not of the Deployment; "
        "an empty one takes in every Pod of the namespace, a missing one none.",
    ),
    docs=_SELECTOR_DOCS,
    needs=(pdb_exists,),
    owned=owns(_KIND, _NAME, "spec.selector"),
)
def covers_the_app(snapshot: Snapshot) -> Verdict:
    selector = _budget(snapshot).at("spec.selector")
    app = Workload.of(snapshot.related("Deployment", APP))
    if not matches(selector.value, app.pod_labels):
        found = f"{_selector(selector)}, while its Pods carry {_labels(app.pod_labels)}"
        return failed(selector, expected=f"a selector that matches the Pods of {app.object.ref}", found=found)
    others = [
        other.object.ref
        for other in workloads(snapshot)
        if other.object.ref != app.object.ref and matches(selector.value, other.pod_labels)
    ]
    if others:
        found = f"{_selector(selector)}, which also takes in {', '.join(sorted(others))}"
        return failed(selector, expected=f"a selector that matches the Pods of {app.object.ref} only", found=found)
    if not snapshot.is_live and not surely_within(selector.value, app.object.at("spec.selector").value):
        return passed(
            f"The selector {_selector(selector)} would also take in Pods that {app.object.ref} does not manage, should there be any: "
            "select by what the Deployment's own selector asks for."
        )
    return passed()


def _labels(labels: dict[str, str]) -> str:
    return ", ".join(f"`{key}: {value}`" for key, value in sorted(labels.items())) or "no labels"


def _selector(selector: Field) -> str:
    """The selector in words."""
    if not isinstance(selector.value, Mapping):
        return f"`{selector.value}`, which is no map" if selector.present else "none"
    parts = [f"`{key}: {_plain(field)}`" for key, field in selector.at("matchLabels").entries()]
    for item in selector.at("matchExpressions").each():
        values = [str(value.value) for value in item.at("values").each()]
        shown = f" ({', '.join(values)})" if values else ""
        parts.append(f"`{item.at('key').text or '(no key)'} {item.at('operator').text or '(no operator)'}{shown}`")
    if not parts and any(selector.value.values()):
        return "one that Kubernetes cannot read"
    return ", ".join(parts) or "`{}`, every Pod of the namespace"


def _plain(field: Field) -> str:
    """A value as YAML would hold it; null is empty, as the API server has it."""
    if field.flag is not None:
        return str(field.flag).lower()
    if field.value in (None, ""):
        return '""'
    return "a list" if isinstance(field.value, tuple) else str(field.value).replace("\n", r"\n")


@objective(
    "min-available",
    "At least 2 Pods always run",
    hints=(
        "`kubectl get pdb` shows it under MIN AVAILABLE. It can be a number of Pods or a share of them; here a number is asked for.",
        "`spec.minAvailable` counts Pods when it is a whole number. In quotes it would have to be a percentage.",
    ),
    docs=_DOCS,
    needs=(pdb_exists,),
    owned=owns(_KIND, _NAME, "spec.minAvailable", "spec.maxUnavailable"),
)
def min_available(snapshot: Snapshot) -> Verdict:
    spec = _budget(snapshot).at("spec")
    field = spec.at("minAvailable")
    if field.whole == _KEPT:
        return passed()
    place = field if field.present else spec.at("maxUnavailable")
    return failed(place, expected=f"`minAvailable: {_KEPT}`", found=_number(place))


def _number(field: Field) -> str:
    """The field as it stands, so that a string is told from a number."""
    if field.text is None:
        return f"`{field.path[-1]}: {_plain(field)}`"
    return f'`{field.path[-1]}: "{field.text}"`, a {"share" if percentage(field.text) is not None else "string"}'


@objective(
    "leaves-room",
    "A node can still be drained",
    hints=(
        "`kubectl get pdb` shows ALLOWED DISRUPTIONS. At 0, a drain waits for ever: the budget wants all that there is.",
        "Compare what the budget keeps with how many Pods are wanted: `replicas` of the Deployment, or the minimum of the HPA on it.",
    ),
    docs=_DISRUPTIONS,
    needs=(pdb_exists,),
    owned=owns("Deployment", APP, "spec.replicas"),
)
def leaves_room(snapshot: Snapshot) -> Verdict:
    spec = _budget(snapshot).at("spec")
    place, wanted = _wanted(snapshot, snapshot.related("Deployment", APP))
    if wanted is None:
        return failed(place, expected="a number of Pods", found=_number(place))
    kept = desired_healthy(spec.at("minAvailable").value, spec.at("maxUnavailable").value, wanted)
    if kept is None:  # a number that the API server refuses: min-available says so
        return blocked(min_available.id)
    if wanted > kept:
        return passed()
    origin = _number(place) if place.present else f"no `{place.path[-1]}`, which means 1"
    who = "the HPA's minimum" if place.object.kind == "HorizontalPodAutoscaler" else "the Deployment"
    return failed(
        place,
        expected=f"more Pods than the {kept} that the budget keeps" if kept else "at least one Pod",
        found=f"{wanted} wanted ({who}: {origin}), so none may leave",
    )


def _wanted(snapshot: Snapshot, deployment: K8sObject) -> tuple[Field, int | None]:
    """How many Pods are wanted at the quietest time, and the field that decides: the HPA's minimum, else the Deployment's replicas.

    The number is None when it is none.
    """
    replicas = deployment.at("spec.replicas")
    if replicas.whole != 0:  # a count of 0 switches the HPA off
        floors = [
            (item.at("spec.minReplicas"), minimum(item.at("spec").value))
            for item in snapshot.all("HorizontalPodAutoscaler")
            if item.group == "autoscaling" and "beta" not in item.api_version and scales_deployment(item.at("spec").value, APP)
        ]
        if floors:
            return min(floors, key=lambda floor: -1 if floor[1] is None else floor[1])
    return replicas, replicas.whole if replicas.present else 1


@objective(
    "one-budget",
    "No second budget claims the same Pods",
    hints=(
        "`kubectl get pdb` lists all budgets of the namespace. Two on one Pod, and the eviction API refuses to evict it at all.",
        "Hold every budget's selector against the labels of the Deployment's Pod template; only one may match.",
    ),
    docs=_DISRUPTIONS,
    needs=(pdb_exists,),
)
def one_budget(snapshot: Snapshot) -> Verdict:
    budget = _budget(snapshot)
    selector = budget.at("spec.selector")
    others = [
        other
        for other in snapshot.all(_KIND)
        if other.name != _NAME and other.api_version == _API and not surely_apart(selector.value, other.at("spec.selector").value)
    ]
    if not others:
        return passed()
    example = example_labels(selector.value)
    if snapshot.find("Deployment", APP) is None and example is not None and matches(selector.value, example):
        rival = next((other for other in others if matches(other.at("spec.selector").value, example)), None)
        if rival is not None:
            return _rivalry(budget, rival, "a Pod with " + _labels(example))
    labels = Workload.of(snapshot.related("Deployment", APP)).pod_labels
    if not matches(selector.value, labels):
        return passed()
    for other in others:
        if matches(other.at("spec.selector").value, labels):
            return _rivalry(budget, other, f"the Pods of Deployment/{APP}")
    return passed()


def _rivalry(budget: K8sObject, rival: K8sObject, pods: str) -> Verdict:
    return failed(
        rival.at("spec.selector"),
        expected=f"one budget for {pods}",
        found=f"two: `{budget.name}` and `{rival.name}`, whose selector is {_selector(rival.at('spec.selector'))}",
        command=f"kubectl get pdb -n {budget.namespace} -o wide",
    )


@objective(
    "evicts-unhealthy",
    "Broken Pods do not block a drain",
    hints=(
        "A Pod that runs without ever getting ready counts as disrupted, and by default the budget still protects it from eviction.",
        "The spec has a field for the eviction policy of unhealthy Pods; `kubectl explain pdb.spec` describes its two values.",
    ),
    docs=_DOCS + "#unhealthy-pod-eviction-policy",
    needs=(pdb_exists,),
    bonus=True,
    owned=owns(_KIND, _NAME, "spec.unhealthyPodEvictionPolicy"),
)
def evicts_unhealthy(snapshot: Snapshot) -> Verdict:
    policy = _budget(snapshot).at("spec.unhealthyPodEvictionPolicy")
    if policy.value == "AlwaysAllow":
        return passed()
    found = f"`{policy.value}`" if policy.present else "no `unhealthyPodEvictionPolicy`, which means `IfHealthyBudget`"
    return failed(policy, expected="`AlwaysAllow`", found=found)


@objective(
    "budget-holds",
    "The budget allows a disruption now",
    hints=(
        "`kubectl get pdb -o yaml` ends in a status: how many Pods are expected, how many must be healthy, how many are.",
        "No disruption is allowed while too few Pods are ready, or when the budget keeps them all. `kubectl get pods` tells which it is.",
    ),
    docs=_DISRUPTIONS,
    needs=(pdb_exists,),
    live=True,
)
def budget_holds(snapshot: Snapshot) -> Verdict:
    budget = _budget(snapshot)
    status = budget.at("status")
    healthy, desired = status.at("currentHealthy").whole, status.at("desiredHealthy").whole
    expected_pods, allowed = status.at("expectedPods").whole or 0, status.at("disruptionsAllowed").whole or 0
    generation, observed = budget.at("metadata.generation").whole or 0, status.at("observedGeneration").whole or 0
    command = " ".join(("kubectl describe", *budget.kubectl))
    for condition in status.at("conditions").each():
        if condition.at("type").value == "DisruptionAllowed" and condition.at("reason").value == "SyncFailed":
            found = f"SyncFailed: {condition.at('message').text or 'no message'}"
            return failed(condition, expected="a budget that the controller can work out", found=found, command=command)
    if healthy is None or desired is None or observed < generation:
        return pending(status, expected="a status", found="not worked out by the controller yet", command=command)
    if desired != _KEPT:
        field = status.at("desiredHealthy")
        return failed(field, expected=f"{_KEPT} Pods that must be healthy", found=f"{desired}", command=command)
    if healthy >= desired and allowed >= 1:
        return passed()
    wanted, stuck = _rollout(snapshot, expected_pods)
    found = f"{healthy} of {expected_pods} Pods healthy, {desired} must be, {allowed} may leave"
    place = status.at("disruptionsAllowed")
    if stuck is None and wanted > desired and healthy < wanted:
        return pending(place, expected="at least 1", found=found, command=command)
    return failed(place, expected="at least 1", found=f"{found}; {stuck}" if stuck else found, command=command)


def _rollout(snapshot: Snapshot, expected_pods: int) -> tuple[int, str | None]:
    """How many Pods there are going to be, and why not if the rollout has given up."""
    deployment = snapshot.find("Deployment", APP)
    if deployment is None:
        return expected_pods, f"there is no Deployment `{APP}`"
    replicas = deployment.at("spec.replicas").whole
    if not matches(_budget(snapshot).at("spec.selector").value, Workload.of(deployment).pod_labels):
        return expected_pods, f"its selector finds none of the Pods of Deployment `{APP}`"
    for condition in deployment.at("status.conditions").each():
        if condition.at("type").value == "Progressing" and condition.at("status").value == "False":
            known = troubles(snapshot)
            root = f"; {known[0]}" if known else ""
            return expected_pods, f"Deployment `{APP}` has given up: {condition.at('reason').text}{root}"
    return 1 if replicas is None else replicas, None


# Pods and ReplicaSets are read although most belong to a Deployment: one without an owner may wear the app's labels, and then counts
# towards this budget. Without them a cluster would pass what the same objects as manifests fail.
LESSON = Lesson(
    "lesson-8",
    "Pod Disruption Budgets",
    reads=("PodDisruptionBudget", "HorizontalPodAutoscaler", *WORKLOAD_KINDS),
    live_reads=("Event",),
    objectives=(pdb_exists, covers_the_app, min_available, leaves_room, one_budget, evicts_unhealthy, budget_holds),
)
