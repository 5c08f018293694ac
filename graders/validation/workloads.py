"""Workloads that keep Pods running (k8s.io/kubernetes pkg/apis/apps/validation, and pkg/apis/core/validation for ReplicationController)."""

from __future__ import annotations

from graders.semantics import names
from graders.validation import pods
from graders.validation.place import Check, Place, amount_of, between, int_or_percent, one_of_or_default, portion, table
from graders.validation.selectors import must_match, text_map, workload_selector
from graders.validation.storage import claim_spec

_RETENTION = one_of_or_default("Retain", "Delete")
_DEADLINE = 600  # seconds


def deployment(place: Place) -> None:
    """A Deployment."""
    spec = place["spec"]
    _selected_template(spec)
    spec.fields(_DEPLOYMENT)
    deadline, ready = spec["progressDeadlineSeconds"], spec["minReadySeconds"].whole or 0
    if (_DEADLINE if deadline.value is None else deadline.whole or 0) <= ready and (not deadline or deadline.whole is not None):
        deadline.reject(f"more than `minReadySeconds`, {ready}", deadline.shown() if deadline else f"{_DEADLINE} by default")


def replica_set(place: Place) -> None:
    """A ReplicaSet."""
    spec = place["spec"]
    _selected_template(spec)
    spec.fields(_COUNTS)


def stateful_set(place: Place) -> None:
    """A StatefulSet."""
    spec = place["spec"]
    claims = list(spec["volumeClaimTemplates"].structs())
    for item in claims:
        item["metadata"]["name"].named(names.dns_label, required=True)
        claim_spec(item["spec"])
    workload_selector(spec["selector"], spec["template"]["metadata"]["labels"])
    pods.template(spec["template"], claimed={item["metadata"]["name"].text or "" for item in claims}, stateful=True)
    pods.always_restarted(spec["template"]["spec"])
    spec.fields(_STATEFUL_SET)


def daemon_set(place: Place) -> None:
    """A DaemonSet."""
    spec = place["spec"]
    _selected_template(spec)
    spec.fields(_DAEMON_SET)


def replication_controller(place: Place) -> None:
    """A ReplicationController, whose selector is by default the labels of its Pods."""
    spec = place["spec"]
    labels = spec["template"]["metadata"]["labels"]
    wanted, given = text_map(spec["selector"]), text_map(labels)
    if wanted == {} and given == {}:
        spec["selector"].require()
    elif wanted and spec["template"]:
        must_match(Place({"matchLabels": wanted}, spec["selector"].path, spec.out), labels)
    if spec["template"].value is None:
        spec["template"].require()
    else:
        pods.template(spec["template"])
        pods.always_restarted(spec["template"]["spec"])
    spec.fields(_COUNTS)


def _selected_template(spec: Place) -> None:
    workload_selector(spec["selector"], spec["template"]["metadata"]["labels"])
    pods.template(spec["template"])
    pods.always_restarted(spec["template"]["spec"])


def _strategy(place: Place) -> None:
    kind, rolling = place["type"], place["rollingUpdate"]
    one_of_or_default("Recreate", "RollingUpdate")(kind)
    if kind.text == "Recreate":
        rolling.forbid("with `type: Recreate`")
    elif kind.text in (None, "", "RollingUpdate"):
        rolling.fields({"maxUnavailable": portion, "maxSurge": int_or_percent})
        if amount_of(rolling["maxUnavailable"], "25%") == 0 and amount_of(rolling["maxSurge"], "25%") == 0:
            rolling["maxUnavailable"].reject("more than 0 where `maxSurge` is 0")


def _daemon_strategy(place: Place) -> None:
    kind, rolling = place["type"], place["rollingUpdate"]
    one_of_or_default("RollingUpdate", "OnDelete")(kind)
    if kind.text not in (None, "", "RollingUpdate"):
        return
    rolling.fields({"maxUnavailable": portion, "maxSurge": portion})
    unavailable, surge = amount_of(rolling["maxUnavailable"], 1), amount_of(rolling["maxSurge"], 0)
    if unavailable and surge:
        rolling["maxSurge"].reject("0 where `maxUnavailable` is more than 0 (it is 1 by default)")
    elif unavailable == 0 and surge == 0:
        rolling["maxUnavailable"].reject("more than 0 where `maxSurge` is 0")


def _stateful_strategy(place: Place) -> None:
    kind, rolling = place["type"], place["rollingUpdate"]
    one_of_or_default("RollingUpdate", "OnDelete")(kind)
    if kind.text == "OnDelete":
        rolling.forbid("with `type: OnDelete`")
    elif kind.text in (None, "", "RollingUpdate"):
        rolling.fields({"partition": between(0), "maxUnavailable": portion})
        if rolling["maxUnavailable"] and amount_of(rolling["maxUnavailable"], 1) == 0:
            rolling["maxUnavailable"].reject("more than 0")


_COUNTS: dict[str, Check] = {"replicas": between(0), "minReadySeconds": between(0), "revisionHistoryLimit": between(0)}
_DEPLOYMENT: dict[str, Check] = {**_COUNTS, "progressDeadlineSeconds": between(0), "strategy": _strategy}
_DAEMON_SET: dict[str, Check] = {**_COUNTS, "updateStrategy": _daemon_strategy}
_STATEFUL_SET: dict[str, Check] = {
    "replicas": between(0),
    "minReadySeconds": between(0),
    "podManagementPolicy": one_of_or_default("OrderedReady", "Parallel"),
    "updateStrategy": _stateful_strategy,
    "ordinals": table({"start": between(0)}),
    "serviceName": lambda place: place.named(names.dns_label) if place.text else None,
    "persistentVolumeClaimRetentionPolicy": table({"whenDeleted": _RETENTION, "whenScaled": _RETENTION}),
}
