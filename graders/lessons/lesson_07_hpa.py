"""Lesson 7: a HorizontalPodAutoscaler that grows fast, shrinks slowly and has metrics to go by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from graders.lessons.existence import assumed_namespace, exists
from graders.objective import Lesson, objective, owns
from graders.semantics.hpa import (
    DEFAULT_DOWN,
    DEFAULT_UP,
    Excess,
    Fault,
    Policy,
    Rules,
    Shortfall,
    default_requests,
    faster_than,
    minimum,
    read_rules,
    scales_deployment,
    short_of_doubling,
    unrequested,
)
from graders.semantics.quantities import parse_quantity
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Verdict, failed, passed, pending, unknown
from graders.workloads import APP, Workload

_KIND = "HorizontalPodAutoscaler"
_NAME = "rag-engine-api-hpa"
_OLD = "autoscaling/v1"
_SERVED = ("autoscaling/v2", _OLD)
_FEWEST, _MOST = 3, 20
_DOUBLING_WINDOW = 60
_SHRINKING_WINDOW = 300
_SHRINKING_SECONDS = 60
_GENTLE = Rules((Policy("Percent", 10, _SHRINKING_SECONDS),), _SHRINKING_WINDOW)
_METRIC = "requests_per_second"
_SETTLING_SECONDS = 300  # how long a fresh Pod may go without metrics: --horizontal-pod-autoscaler-cpu-initialization-period

_DOCS = "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/"
_BEHAVIOR_DOCS = _DOCS + "#configurable-scaling-behavior"
_WALKTHROUGH = "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale-walkthrough/"
_RESOURCES_DOCS = "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"


def _hpa(snapshot: Snapshot) -> K8sObject:
    return snapshot.own(_KIND, _NAME)


@objective(
    "hpa-exists",
    "HPA `rag-engine-api-hpa` exists",
    hints=(
        "`kubectl api-resources --api-group=autoscaling` shows which version of the API your cluster serves.",
        "In hpa.yaml: the version of the autoscaling API that knows several metrics, the kind written out, and the name under metadata.",
    ),
    docs=_DOCS,
    owned=owns(_KIND, _NAME),
)
def hpa_exists(snapshot: Snapshot) -> Verdict:
    hpa = snapshot.find(_KIND, _NAME)
    if hpa is None or hpa.api_version == _SERVED[0]:
        return exists(snapshot, _KIND, _NAME)
    if hpa.api_version == _OLD:
        return passed(
            f"{hpa.ref} is written in `{_OLD}`, which knows CPU as its only metric and no `behavior`: write `apiVersion: {_SERVED[0]}`.",
            *assumed_namespace(hpa),
        )
    return failed(
        hpa.at("apiVersion"), expected=f"`apiVersion: {_SERVED[0]}`", found=f"`{hpa.api_version}`, which Kubernetes does not serve"
    )


@objective(
    "scale-target",
    "It scales Deployment `rag-engine-api`",
    hints=(
        "`kubectl describe hpa` names what it scales under Reference. One Deployment has one HPA; two would pull at it from both sides.",
        "Three fields under `spec.scaleTargetRef`: API version, kind and name, as they stand at the top of the Deployment. Case counts.",
    ),
    docs=_DOCS,
    needs=(hpa_exists,),
    owned=owns(_KIND, _NAME, "spec.scaleTargetRef"),
)
def scale_target(snapshot: Snapshot) -> Verdict:
    hpa = _hpa(snapshot)
    target = hpa.at("spec.scaleTargetRef")
    if not scales_deployment(hpa.at("spec").value, APP):
        wanted = {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP}
        group = str(target.key("apiVersion").value).partition("/")
        wrong = next((key for key in ("kind", "name") if target.key(key).value != wanted[key]), "apiVersion")
        if group[0] != "apps" or not group[2]:
            wrong = "apiVersion"
        value = target.key(wrong).value
        found = f"no `{wrong}`" if value is None else f"`{wrong}: {value}`"
        return failed(target.key(wrong), expected=f"`{wrong}: {wanted[wrong]}`", found=found)
    rivals = [other for other in _scalers(snapshot) if other.name != _NAME]
    if rivals:
        names = "`, `".join(sorted({hpa.name, *(rival.name for rival in rivals)}))
        return failed(target, expected=f"one HPA that scales Deployment `{APP}`", found=f"{len(rivals) + 1}: `{names}`")
    version = target.key("apiVersion").value
    if version != "apps/v1":
        return passed(f"`apiVersion: {version}` still finds the Deployment, for only its group counts here; write `apps/v1`.")
    return passed()


def _scalers(snapshot: Snapshot) -> Iterator[K8sObject]:
    """The HPAs that scale the app's Deployment, in versions that the API server takes."""
    for item in snapshot.all(_KIND):
        if item.api_version in _SERVED and scales_deployment(item.at("spec").value, APP):
            yield item


@objective(
    "replica-bounds",
    "It keeps between 3 and 20 replicas",
    hints=(
        "MINPODS and MAXPODS in `kubectl get hpa`. Both bounds are fields of the HPA's spec; a lower bound left out is 1.",
        "`spec.minReplicas` and `spec.maxReplicas`, whole numbers without quotes.",
    ),
    docs=_DOCS,
    needs=(hpa_exists,),
    owned=owns(_KIND, _NAME, "spec.minReplicas", "spec.maxReplicas"),
)
def replica_bounds(snapshot: Snapshot) -> Verdict:
    hpa = _hpa(snapshot)
    for key, wanted, missing in (("minReplicas", _FEWEST, "no `minReplicas`, which means 1"), ("maxReplicas", _MOST, "no `maxReplicas`")):
        field = hpa.key("spec", key)
        if field.whole != wanted:
            return failed(field, expected=f"`{key}: {wanted}`", found=_written(field) if field.present else missing)
    return passed()


def _written(field: Field) -> str:
    """The field as it stands, so that a string is told from a number."""
    name = field.path[-1]
    return f'`{name}: "{field.value}"`, a string' if isinstance(field.value, str) else f"`{name}: {field.value}`"


def _claimed(resource: str) -> tuple[str, ...]:
    """The metrics that mean a resource, also where its name stands a level too high or below a key that is none."""
    places = ("resource.name", "containerResource.name", "resources.name", "resource", "name")
    return tuple(f"spec.metrics[{place}={resource}]" for place in places)


@objective(
    "cpu-target",
    "CPU is held at 70 %",
    hints=(
        "`kubectl describe hpa` lists its metrics with what is measured and what is aimed at. Each metric is an item of `spec.metrics`.",
        "A metric of type Resource, whose resource is cpu and whose target is a Utilization: a percentage of what the Pods request.",
    ),
    docs=_WALKTHROUGH,
    needs=(hpa_exists,),
    owned=owns(_KIND, _NAME, *_claimed("cpu"), "spec.targetCPUUtilizationPercentage"),
)
def cpu_target(snapshot: Snapshot) -> Verdict:
    return _utilization(_hpa(snapshot), "cpu", 70)


@objective(
    "memory-target",
    "Memory is held at 80 %",
    hints=(
        "A second item in `spec.metrics`. With several metrics the HPA computes a count for each and takes the highest.",
        "The same shape as for CPU, with another resource name and another percentage.",
    ),
    docs=_WALKTHROUGH,
    needs=(hpa_exists,),
    owned=owns(_KIND, _NAME, *_claimed("memory")),
)
def memory_target(snapshot: Snapshot) -> Verdict:
    return _utilization(_hpa(snapshot), "memory", 80)


def _metrics(hpa: K8sObject) -> tuple[Field, ...]:
    return () if hpa.api_version == _OLD else tuple(hpa.at("spec.metrics").each())


def _utilization(hpa: K8sObject, resource: str, wanted: int) -> Verdict:
    expected = f"a Resource metric that holds {resource} at {wanted} % Utilization"
    targets = [
        metric.at("resource.target")
        for metric in _metrics(hpa)
        if metric.at("type").value == "Resource" and metric.at("resource.name").value == resource
    ]
    percentages = [target.at("averageUtilization") for target in targets if target.at("type").value == "Utilization"]
    if hpa.api_version == _OLD and resource == "cpu" and hpa.at("spec.targetCPUUtilizationPercentage").present:
        percentages = [hpa.at("spec.targetCPUUtilizationPercentage")]
    if not percentages:
        return _no_utilization(hpa, resource, expected, targets)
    odd = next((field for field in percentages if field.whole is None), None)
    if odd is not None:
        return failed(odd, expected=expected, found=_written(odd) if odd.present else "no percentage")
    lowest = min(percentages, key=lambda field: field.whole or 0)
    if lowest.whole != wanted:
        more = f"; of the {len(percentages)} {resource} metrics the lowest target decides" if len(percentages) > 1 else ""
        return failed(lowest, expected=expected, found=f"{lowest.whole} %{more}")
    return passed(*_twice(resource, len(percentages)))


def _twice(metric: str, count: int) -> tuple[str, ...]:
    return (f"{metric} is listed {count} times; the lowest target decides. Keep one.",) if count > 1 else ()


def _no_utilization(hpa: K8sObject, resource: str, expected: str, targets: list[Field]) -> Verdict:
    if targets:
        return failed(targets[0].at("type"), expected=expected, found=_type(targets[0]))
    for metric in _metrics(hpa):
        container = metric.at("containerResource")
        if metric.at("type").value == "ContainerResource" and container.at("name").value == resource:
            only = f"a ContainerResource metric, which looks at container `{container.at('container').value}` only"
            return failed(metric.at("type"), expected=expected, found=only)
    return failed(hpa.at("spec.metrics"), expected=expected, found=_listed(hpa))


def _type(target: Field) -> str:
    kind = target.at("type")
    return f"a target of type `{kind.value}`" if kind.present else "a target without a `type`"


def _listed(hpa: K8sObject) -> str:
    """What the HPA goes by instead, in words."""
    if hpa.api_version == _OLD:
        return f"`{_OLD}`, which has no `metrics`"
    metrics = _metrics(hpa)
    if not metrics:
        return "no metrics, so Kubernetes holds CPU at 80 %"
    names = []
    for metric in metrics:
        kind = metric.at("type").text or ""
        source = metric.key(kind[:1].lower() + kind[1:])
        name = source.at("name").text or source.at("metric.name").text or "nothing named"
        names.append(f"`{name}` ({kind or 'no type'})")
    return f"only {', '.join(names)}"


@objective(
    "requests-per-second",
    "Each Pod serves about 100 requests a second",
    hints=(
        "Not every metric is a resource. A metric that the application itself reports for each Pod has a type of its own.",
        "Type Pods: the metric's name goes under `pods.metric`, and the target is an AverageValue over all Pods.",
    ),
    docs=_WALKTHROUGH,
    needs=(hpa_exists,),
    owned=owns(_KIND, _NAME, "spec.metrics[type=Pods]", f"spec.metrics[pods.metric.name={_METRIC}]"),
)
def requests_per_second(snapshot: Snapshot) -> Verdict:
    hpa = _hpa(snapshot)
    expected = f"a Pods metric `{_METRIC}` with an AverageValue of 100"
    targets = [
        metric.at("pods.target")
        for metric in _metrics(hpa)
        if metric.at("type").value == "Pods" and metric.at("pods.metric.name").value == _METRIC
    ]
    if not targets:
        return failed(hpa.at("spec.metrics"), expected=expected, found=_listed(hpa))
    amounts: list[tuple[Decimal, Field]] = []
    for target in targets:
        if target.at("type").value != "AverageValue":
            return failed(target.at("type"), expected=expected, found=_type(target))
        amount = parse_quantity(target.at("averageValue").value)
        if amount is None:
            value = target.at("averageValue")
            return failed(value, expected=expected, found=_written(value) if value.present else "no `averageValue`")
        amounts.append((amount, target.at("averageValue")))
    lowest, place = min(amounts, key=lambda pair: pair[0])
    if lowest != 100:
        more = f"; of the {len(amounts)} targets the lowest decides" if len(amounts) > 1 else ""
        return failed(place, expected=expected, found=f"`averageValue: {place.value}`{more}")
    return passed(*_twice(_METRIC, len(amounts)))


def _direction(hpa: K8sObject, key: str) -> Field:
    """`behavior.scaleUp` or `.scaleDown`, without a value where autoscaling/v1 has no such field."""
    place = hpa.key("spec", "behavior", key)
    return Field(hpa, place.path, None) if hpa.api_version == _OLD else place


def _too_slow(rules: Rules) -> Shortfall | None:
    return short_of_doubling(rules, _FEWEST, _MOST)


def _too_fast(rules: Rules) -> Excess | None:
    return faster_than(rules, _GENTLE, _FEWEST, _MOST, _SHRINKING_SECONDS)


def _disabled(place: Field) -> Verdict:
    return failed(place.at("selectPolicy"), expected="`Max` or `Min`", found="`Disabled`: no scaling in this direction at all")


def _origin(place: Field, rules: Rules) -> str:
    """The rules in words, and whether they are the API's defaults, which it fills in where there is a `behavior`."""
    if not place.object.at("spec.behavior").present:
        return f"no `behavior`, which comes to {rules}"
    if not place.present:
        return f"no `{place.path[-1]}`, so the default holds, {rules}"
    return f"{rules}" if place.at("policies").present else f"no `policies`, so the default holds, {rules}"


@objective(
    "scale-up-policy",
    "It may double every 15 s, after at most a minute",
    hints=(
        "`kubectl describe hpa` shows the behavior with what Kubernetes filled in. Each policy limits the change within its own period, "
        "and the selectPolicy says which of several counts.",
        "Under `spec.behavior.scaleUp`: a window of a minute or less, and policies that together let any size from 3 on double at a sync.",
    ),
    docs=_BEHAVIOR_DOCS,
    needs=(hpa_exists,),
    owned=owns(_KIND, _NAME, "spec.behavior.scaleUp"),
)
def scale_up_policy(snapshot: Snapshot) -> Verdict:
    place = _direction(_hpa(snapshot), "scaleUp")
    rules = read_rules(place.value, DEFAULT_UP)  # without any `behavior` a sync may double as well, and reach 4 (autoscaler.UNWRITTEN)
    if isinstance(rules, Fault):
        return failed(place.key(*rules.path), expected=rules.expected, found=rules.found)
    if rules.select == "Disabled":
        return _disabled(place)
    if rules.window > _DOUBLING_WINDOW:
        window = place.at("stabilizationWindowSeconds")
        return failed(window, expected=f"at most {_DOUBLING_WINDOW} s", found=f"{rules.window} s")
    short = _too_slow(rules)
    if short is None:
        return passed()
    return failed(
        _blamed(place, rules, _too_slow, lambda policy: policy.value >= (100 if policy.kind == "Percent" else _MOST // 2)),
        expected=f"at least {short.wanted} Pods one sync (15 s) after {short.size}",
        found=f"{_origin(place, rules)}: at {short.size} Pods that allows {short.reached}",
    )


@objective(
    "scale-down-policy",
    "It shrinks by at most 10 % a minute, after five minutes",
    hints=(
        "Without a `scaleDown` of your own, Kubernetes removes all surplus Pods at once when its window is over. "
        "A policy says how many may go within its periodSeconds.",
        "Under `spec.behavior.scaleDown`: a window of five minutes or more, and a policy in Percent over a whole minute. "
        "Half the share in half the time is not the same, for at least one Pod always goes.",
    ),
    docs=_BEHAVIOR_DOCS,
    needs=(hpa_exists,),
    owned=owns(_KIND, _NAME, "spec.behavior"),  # all but scaleUp: without a behavior it is this objective that is not met
)
def scale_down_policy(snapshot: Snapshot) -> Verdict:
    place = _direction(_hpa(snapshot), "scaleDown")
    rules = read_rules(place.value, DEFAULT_DOWN)
    if isinstance(rules, Fault):
        return failed(place.key(*rules.path), expected=rules.expected, found=rules.found)
    if rules.select == "Disabled":
        return _disabled(place)
    if rules.window < _SHRINKING_WINDOW:
        window = place.at("stabilizationWindowSeconds")
        return failed(window, expected=f"{_SHRINKING_WINDOW} s or more, up to an hour", found=f"{rules.window} s")
    excess = _too_fast(rules)
    if excess is None:
        return passed()
    return failed(
        _blamed(place, rules, _too_fast, lambda policy: policy.value <= (10 if policy.kind == "Percent" else 1)),
        expected=f"at {excess.size} Pods at most {excess.allowed} removed within {_SHRINKING_SECONDS} s, 10 % or one Pod",
        found=f"{_origin(place, rules)}: at {excess.size} Pods these policies remove up to {excess.removed} within {_SHRINKING_SECONDS} s",
    )


def _blamed(place: Field, rules: Rules, fault: Callable[[Rules], object], fine_value: Callable[[Policy], bool]) -> Field:
    """The field to look at first: of the policies the first that is wrong by itself, there the value, or else the period."""
    policies = place.at("policies")
    if not policies.present:
        return policies if place.present else place
    index = next((index for index, policy in enumerate(rules.policies) if fault(replace(rules, policies=(policy,)))), 0)
    return policies.key(index, "periodSeconds" if fine_value(rules.policies[index]) else "value")


@objective(
    "target-has-requests",
    "The target requests CPU and memory",
    hints=(
        "Utilization is a percentage of something: read `resources` in the Deployment's Pod template, of every container.",
        "Each container needs a request for cpu and one for memory, the sidecars too; zero is no base for a percentage.",
    ),
    docs=_RESOURCES_DOCS,
    needs=(hpa_exists,),
    owned=owns(
        "Deployment",
        APP,
        "spec.template.spec.containers[].resources",
        "spec.template.spec.initContainers[].resources",
        "spec.template.spec.resources",
    ),
)
def target_has_requests(snapshot: Snapshot) -> Verdict:
    pod_spec = Workload.of(snapshot.related("Deployment", APP)).pod_spec
    for resource in ("cpu", "memory"):
        gap = unrequested(pod_spec.value, resource, {})
        if gap is not None:  # only now may a LimitRange matter, which not everybody may read
            gap = unrequested(
                pod_spec.value, resource, default_requests(item.at("spec.limits").value for item in snapshot.all("LimitRange"))
            )
        if gap is not None:
            place = pod_spec.key(*gap.path)
            owner = _container(pod_spec, place)
            found = f"{owner} requests no {resource}" if gap.found is None else f"{owner} requests `{resource}: {gap.found}`"
            return failed(place, expected=f"a request for {resource} above 0", found=found)
    return passed()


def _container(pod_spec: Field, place: Field) -> str:
    """The owner of a place below the Pod spec, in words."""
    steps = place.path[len(pod_spec.path) :][:2]
    name = pod_spec.key(*steps).at("name").text if len(steps) == 2 and isinstance(steps[1], int) else None
    return f"container `{name}`" if name else "the Pod"


@objective(
    "no-fixed-replicas",
    "The Deployment leaves the count to the HPA",
    hints=(
        "Each `kubectl apply` of a Deployment that states a count sets it back to that, whatever the HPA has made of it since.",
        "It is about `spec.replicas` of the Deployment: a field that nobody states is a field that nobody resets.",
    ),
    docs=_DOCS + "#migrating-deployments-and-statefulsets-to-horizontal-autoscaling",
    needs=(hpa_exists,),
    bonus=True,
    owned=owns("Deployment", APP, "spec.replicas"),
)
def no_fixed_replicas(snapshot: Snapshot) -> Verdict:
    hpa = _hpa(snapshot)
    replicas = snapshot.related("Deployment", APP).at("spec.replicas")
    if not replicas.present:
        return passed()
    desired = hpa.at("status.desiredReplicas").whole if snapshot.is_live else None
    if desired:  # 0 stands for an HPA that has not decided anything yet
        if replicas.whole == desired:
            return passed()
        return failed(replicas, expected=f"no fixed count, or the {desired} that the HPA wants", found=_written(replicas))
    if snapshot.is_live and replicas.whole == 1:
        found = "`replicas: 1`, as the API server fills in; the HPA has not decided yet"
        return pending(replicas, expected="the count that the HPA sets", found=found)
    # Nobody knows yet what it wants beyond its minimum. A minimum other than the 3 asked for is for replica-bounds to say.
    if replicas.whole is None or replicas.whole not in (minimum(hpa.at("spec").value), _FEWEST):
        return failed(replicas, expected="no `replicas`: the HPA sets the count", found=_written(replicas))
    if snapshot.is_live:
        return passed()
    return passed(f"Every apply sets the count back to `replicas: {replicas.whole}`, under load too: leave it out.")


@objective(
    "hpa-active",
    "The HPA can read its metrics and scale",
    hints=(
        "`kubectl describe hpa` ends in Conditions and Events: they say what the controller tried and what stood in its way.",
        "Look at the conditions AbleToScale (can it reach its target) and ScalingActive (can it read its metrics), and at their messages.",
    ),
    docs=_DOCS + "#support-for-metrics-apis",
    needs=(hpa_exists,),
    live=True,
)
def hpa_active(snapshot: Snapshot) -> Verdict:
    hpa = _hpa(snapshot)
    conditions = {str(item.at("type").value): item for item in hpa.at("status.conditions").each()}
    command = " ".join(("kubectl describe", *hpa.kubectl))
    for name in ("AbleToScale", "ScalingActive"):
        condition = conditions.get(name)
        if condition is None:
            where = hpa.at("status.conditions")
            return pending(where, expected=f"condition {name}", found="not judged by the controller yet", command=command)
        if condition.at("status").value != "True":
            return _inactive(snapshot, name, condition, command)
    return passed()


_NO_API = ("could not find the requested resource", "unable to handle the request", "custom metrics api (", "is forbidden")


def _inactive(snapshot: Snapshot, name: str, condition: Field, command: str) -> Verdict:
    reason, message = condition.at("reason").text or "no reason", condition.at("message").text or "no message"
    if name == "ScalingActive" and any(sign in message.lower() for sign in _NO_API):
        return unknown(_no_metrics_api(snapshot, message))
    place = condition.at("status")
    expected, found = f"{name} is `True`", f"`{condition.at('status').value}`, {reason}: {message}"
    if _settling(snapshot, condition, message):
        return pending(place, expected=expected, found=found, command=command)
    return failed(place, expected=expected, found=found, command=command)


def _no_metrics_api(snapshot: Snapshot, message: str) -> str:
    if "custom metrics" in message.lower():
        return (
            f"The cluster serves no custom metrics (custom.metrics.k8s.io), where `{_METRIC}` would come from. Install a custom-metrics "
            "adapter such as prometheus-adapter, then see: kubectl get apiservices v1beta2.custom.metrics.k8s.io"
        )
    return (
        "The cluster serves no resource metrics (metrics.k8s.io), so CPU and memory cannot be measured. Install metrics-server, then "
        f"see: kubectl top pods -n {snapshot.namespace}"
    )


def _settling(snapshot: Snapshot, condition: Field, message: str) -> bool:
    """Whether it only lacks the first measurements of Pods that have just started."""
    if "no metrics returned" not in message and "did not receive metrics" not in message:
        return False
    try:
        since = datetime.fromisoformat(condition.at("lastTransitionTime").text or "")
        return (snapshot.cluster_time - since).total_seconds() < _SETTLING_SECONDS
    except (ValueError, TypeError):  # no time, or one without a zone
        return False


LESSON = Lesson(
    "lesson-7",
    "Horizontal Pod Autoscaling",
    reads=("HorizontalPodAutoscaler", "Deployment", "LimitRange"),
    objectives=(
        hpa_exists,
        scale_target,
        replica_bounds,
        cpu_target,
        memory_target,
        requests_per_second,
        scale_up_policy,
        scale_down_policy,
        target_has_requests,
        no_fixed_replicas,
        hpa_active,
    ),
)
