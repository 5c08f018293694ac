"""Pod disruption budgets, limit ranges, quotas and priority classes (k8s.io/kubernetes pkg/apis/{policy,core,scheduling}/validation)."""

from __future__ import annotations

import re

from graders.semantics import names
from graders.validation import resources
from graders.validation.place import Check, Place, listed, one_of, portion, unique
from graders.validation.selectors import selector

_SCOPES_OF_PODS = ("Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity")
_SCOPES = ("BestEffort", *_SCOPES_OF_PODS, "VolumeAttributesClass")
_ONLY_EXISTS = ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity")
_CONFLICTS = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_COMPUTE = ("cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory")
_OF_CLAIMS = ("persistentvolumeclaims", "requests.storage")
_QUOTA = (
    *(*_COMPUTE, "ephemeral-storage", "requests.storage", "requests.ephemeral-storage", "limits.ephemeral-storage", "pods"),
    *("resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps"),
    *("services.nodeports", "services.loadbalancers"),
)
_STANDARD = (*_QUOTA, "storage")
_HUGE = ("hugepages-", "requests.hugepages-")
_HIGHEST_PRIORITY = 1_000_000_000
_SYSTEM_PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
_POD_SECURITY = "pod-security.kubernetes.io"
_POD_SECURITY_MODES = ("enforce", "audit", "warn")
_POD_SECURITY_LEVELS = ("privileged", "baseline", "restricted")
_POD_SECURITY_VERSION = re.compile(r"latest|v1\.(?:0|[1-9][0-9]*)")
_LIMIT_PARTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def disruption_budget(place: Place) -> None:
    """A PodDisruptionBudget."""
    spec = place["spec"]
    if spec["minAvailable"] and spec["maxUnavailable"]:
        spec["maxUnavailable"].reject(
            "no `maxUnavailable` beside `minAvailable`", "both", "`minAvailable` and `maxUnavailable` are set; only one of them is allowed."
        )
    spec.fields(_BUDGET)


def limit_range(place: Place) -> None:
    """A LimitRange."""
    items = list(place["spec"]["limits"].structs())
    for item in items:
        kind = item["type"]
        if kind.empty or (kind.text is not None and not _is_limit_type(kind.text)):
            kind.reject("`Pod`, `Container` or `PersistentVolumeClaim`")
        _limits(item)
    unique((item["type"] for item in items), "type")


def quota(place: Place) -> None:
    """A ResourceQuota."""
    spec = place["spec"]
    for name, item in spec["hard"].entries():
        words = _quota_resource(name)
        if words:
            item.reject(words, f"`{name[:80]}`", f"`{name[:80]}` is not a resource that can be limited; use {words}.")
        else:
            resources.value(item, name)
    scopes = [item for item in spec["scopes"].items() if item.text is not None or item.value is None]
    requirements = list(spec["scopeSelector"]["matchExpressions"].structs())
    _scopes(spec, scopes)
    _scopes(spec, [item["scopeName"] for item in requirements])
    for item in requirements:
        _scope_requirement(item)


def priority_class(place: Place) -> None:
    """A PriorityClass."""
    own, value = place["metadata"]["name"].text or "", place["value"]
    if own.startswith("system-"):
        if own not in _SYSTEM_PRIORITIES or value.whole != _SYSTEM_PRIORITIES[own] or place["globalDefault"].is_true:
            place["metadata"]["name"].reject("a name that does not begin with `system-`, which is reserved")
    elif value.whole is not None and value.whole > _HIGHEST_PRIORITY:
        value.reject(f"at most {_HIGHEST_PRIORITY}")
    place.fields({"preemptionPolicy": one_of("PreemptLowerPriority", "Never")})


def namespace(place: Place) -> None:
    """A Namespace, with the labels that Pod Security admission reads (k8s.io/pod-security-admission api PolicyToEvaluate)."""
    labels = place["metadata"]["labels"]
    for mode in _POD_SECURITY_MODES:
        level, version = labels[f"{_POD_SECURITY}/{mode}"], labels[f"{_POD_SECURITY}/{mode}-version"]
        if level.text is not None and level.text not in _POD_SECURITY_LEVELS:
            level.reject(listed(_POD_SECURITY_LEVELS))
        if version.text is not None and not _POD_SECURITY_VERSION.fullmatch(version.text):
            version.reject("`latest`, or a version such as `v1.37`")
    for item in place["spec"]["finalizers"].items():
        item.named(names.qualified, required=True)
        if item.text and "/" not in item.text and item.text not in ("kubernetes", "orphan", "foregroundDeletion"):
            item.reject("`kubernetes`, or a name with a DNS name and `/` before it")


def _is_limit_type(kind: str) -> bool:
    return kind in ("Pod", "Container", "PersistentVolumeClaim") or ("/" in kind and not names.qualified(kind))


def _limits(item: Place) -> None:
    kind = item["type"].text
    rule = resources.container_resource if kind in ("Pod", "Container") else _standard_resource
    for part in _LIMIT_PARTS:
        if kind == "Pod" and part in ("default", "defaultRequest"):
            if not item[part].empty:
                item[part].forbid("with `type: Pod`")
            continue
        for name, place in item[part].entries():
            words = rule(name)
            if words:
                place.reject(words, f"`{name[:80]}`", f"`{name[:80]}` is not a resource that can be limited here; use {words}.")
    if kind == "PersistentVolumeClaim" and not _has(item["min"], "storage") and not _has(item["max"], "storage"):
        item.reject("`min` or `max` of `storage`", "neither")
    for name in sorted({name for part in _LIMIT_PARTS for name, _ in item[part].entries()}):
        _order(item, name, filled=kind == "Container", with_defaults=kind != "Pod")


def _has(place: Place, name: str) -> bool:
    return any(name == key for key, _ in place.entries())


def _order(item: Place, name: str, *, filled: bool, with_defaults: bool) -> None:
    """Whether the amounts of a resource fit together, after the API server has filled in the defaults of a container."""
    low, high = item["min"][name], item["max"][name]
    limit, request = item["default"][name], item["defaultRequest"][name]
    if filled:
        limit = limit if limit else high
        request = request if request else limit if limit else low
    pairs = [(low, high, low), *(((request, high, request), (low, request, request), (request, limit, request)) if with_defaults else ())]
    pairs += [(low, limit, limit), (limit, high, limit)] if with_defaults else []
    for small, large, wrong in pairs:
        if _above(small, large):
            wrong.reject(f"between what stands beside it for `{name}`: `min`, `defaultRequest`, `default` and `max` in this order")
            break
    _ratio(item["maxLimitRequestRatio"][name], low, high)
    fixed = ("/" in name and "kubernetes.io/" not in name) or name.startswith("hugepages-")
    if with_defaults and fixed and limit and request and (_above(limit, request) or _above(request, limit)):
        request.reject(f"equal to `default` for `{name}`")


def _above(one: Place, other: Place) -> bool:
    first, second = one.quantity(), other.quantity()
    return bool(one) and bool(other) and first is not None and second is not None and first > second


def _ratio(ratio: Place, low: Place, high: Place) -> None:
    amount, least, most = ratio.quantity(), low.quantity(), high.quantity()
    if not ratio or amount is None:
        return
    if amount < 1:
        ratio.reject("1 or more")
    elif low and high and least and most is not None and amount > most / least:
        ratio.reject("at most `max` divided by `min`")


def _standard_resource(name: str) -> str | None:
    if names.qualified(name):
        return names.qualified(name)
    return None if "/" in name or name in _STANDARD or name.startswith(_HUGE) else "a standard resource such as `storage`"


def _quota_resource(name: str) -> str | None:
    if names.qualified(name):
        return names.qualified(name)
    known = "/" in name or name in _QUOTA or name.startswith(_HUGE)
    return None if known else "a resource such as `requests.cpu`, `limits.memory`, `pods` or `count/deployments.apps`"


def _scopes(spec: Place, scopes: list[Place]) -> None:
    texts = [scope.text for scope in scopes]
    limited = [name for name, _ in spec["hard"].entries() if name in _QUOTA or name.startswith(_HUGE)]
    for scope in scopes:
        if scope.text not in _SCOPES:
            scope.reject(listed(_SCOPES))
        elif not all(_counts(scope.text or "", name) for name in limited):
            wrong = next(name for name in limited if not _counts(scope.text or "", name))
            scope.reject(f"a scope that goes with `{wrong}`")
    for pair in _CONFLICTS:
        if all(scope in texts for scope in pair):
            scopes[texts.index(pair[1])].reject(f"without {listed(pair, 'and')} together")


def _counts(scope: str, name: str) -> bool:
    """Whether a quota of that scope can limit a resource."""
    if scope == "VolumeAttributesClass":
        return name in _OF_CLAIMS
    return name == "pods" or (scope != "BestEffort" and name in _COMPUTE)


def _scope_requirement(item: Place) -> None:
    operator, values = item["operator"], item["values"]
    if operator.empty or operator.text not in (None, "In", "NotIn", "Exists", "DoesNotExist"):
        operator.reject(listed(("In", "NotIn", "Exists", "DoesNotExist")))
    elif operator.text != "Exists" and item["scopeName"].text in _ONLY_EXISTS:
        operator.reject(f"`Exists` for `{item['scopeName'].text}`")
    elif operator.text in ("In", "NotIn") and values.empty:
        values.require(f"with `{operator.text}`")
    elif operator.text in ("Exists", "DoesNotExist") and not values.empty:
        values.forbid(f"with `{operator.text}`")


_BUDGET: dict[str, Check] = {
    "minAvailable": portion,
    "maxUnavailable": portion,
    "selector": selector,
    "unhealthyPodEvictionPolicy": one_of("IfHealthyBudget", "AlwaysAllow"),
}
