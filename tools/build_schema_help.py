"""Make app/schemas/help.json: what the editor says of the fields of the course's kinds.

    python tools/build_schema_help.py            write the file
    python tools/build_schema_help.py --check    exit with 1 when the committed file differs

The source is the OpenAPI definitions that kubernetes-validate ships (a development dependency), whose descriptions are the Kubernetes
project's (Apache License 2.0): of each the first sentence is kept, and the default that it tells. Custom resources are described in
tools/schema_help/custom_resources.yaml.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
HELP = HERE.parent / "app" / "schemas" / "help.json"
CUSTOM = HERE / "schema_help" / "custom_resources.yaml"
VERSION = "1.37"
_LONGEST = 220  # characters of a meaning
_LONGEST_DEFAULT = 90

# What the grader judges, without what nobody writes by hand.
LEFT_OUT = frozenset(
    ("Binding", "ComponentStatus", "ControllerRevision", "CSINode", "CSIStorageCapacity", "CSIDriver", "Endpoints", "Event", "IPAddress",
     "PodTemplate", "ServiceCIDR", "VolumeAttachment", "VolumeAttributesClass", "EndpointSlice", "Node")
)  # fmt: skip
# Set by the cluster, and of no use in a manifest.
_NOT_WRITTEN = {
    "meta.v1.ObjectMeta": (
        "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "resourceVersion",
        "selfLink", "uid",
    ),
}  # fmt: skip
_AMOUNTS = ("cpu", "memory", "ephemeral-storage")
_QUOTA = (
    "requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "pods", "services", "configmaps", "secrets", "persistentvolumeclaims",
    "requests.storage", "services.loadbalancers", "services.nodeports", "count/deployments.apps",
)  # fmt: skip
# Values that a field takes, or keys of a map, where the definitions name them in prose only.
_VALUES: dict[tuple[str, str], tuple[str, ...]] = {
    ("core.v1.Container", "imagePullPolicy"): ("IfNotPresent", "Always", "Never"),
    ("core.v1.ContainerPort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("core.v1.ServicePort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("networking.v1.NetworkPolicyPort", "protocol"): ("TCP", "UDP", "SCTP"),
    ("networking.v1.NetworkPolicySpec", "policyTypes"): ("Ingress", "Egress"),
    ("networking.v1.HTTPIngressPath", "pathType"): ("Prefix", "Exact", "ImplementationSpecific"),
    ("core.v1.PodSpec", "restartPolicy"): ("Always", "OnFailure", "Never"),
    ("core.v1.PodSpec", "dnsPolicy"): ("ClusterFirst", "Default", "ClusterFirstWithHostNet", "None"),
    ("core.v1.ServiceSpec", "type"): ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    ("core.v1.ServiceSpec", "sessionAffinity"): ("None", "ClientIP"),
    ("core.v1.ServiceSpec", "externalTrafficPolicy"): ("Cluster", "Local"),
    ("core.v1.Toleration", "operator"): ("Equal", "Exists"),
    ("core.v1.Toleration", "effect"): ("NoSchedule", "PreferNoSchedule", "NoExecute"),
    ("core.v1.TopologySpreadConstraint", "whenUnsatisfiable"): ("DoNotSchedule", "ScheduleAnyway"),
    ("core.v1.NodeSelectorRequirement", "operator"): ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
    ("core.v1.SeccompProfile", "type"): ("RuntimeDefault", "Localhost", "Unconfined"),
    ("core.v1.PersistentVolumeClaimSpec", "accessModes"): ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"),
    ("core.v1.PersistentVolumeSpec", "accessModes"): ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"),
    ("core.v1.PersistentVolumeClaimSpec", "volumeMode"): ("Filesystem", "Block"),
    ("core.v1.LimitRangeItem", "type"): ("Container", "Pod", "PersistentVolumeClaim"),
    ("core.v1.HTTPGetAction", "scheme"): ("HTTP", "HTTPS"),
    ("meta.v1.LabelSelectorRequirement", "operator"): ("In", "NotIn", "Exists", "DoesNotExist"),
    ("apps.v1.DeploymentStrategy", "type"): ("RollingUpdate", "Recreate"),
    ("apps.v1.StatefulSetSpec", "podManagementPolicy"): ("OrderedReady", "Parallel"),
    ("autoscaling.v2.MetricSpec", "type"): ("Resource", "Pods", "Object", "External", "ContainerResource"),
    ("autoscaling.v2.MetricTarget", "type"): ("Utilization", "AverageValue", "Value"),
    ("autoscaling.v2.HPAScalingRules", "selectPolicy"): ("Max", "Min", "Disabled"),
    ("autoscaling.v2.HPAScalingPolicy", "type"): ("Pods", "Percent"),
    ("batch.v1.CronJobSpec", "concurrencyPolicy"): ("Allow", "Forbid", "Replace"),
    ("storage.v1.StorageClass", "reclaimPolicy"): ("Delete", "Retain"),
    ("storage.v1.StorageClass", "volumeBindingMode"): ("Immediate", "WaitForFirstConsumer"),
    ("policy.v1.PodDisruptionBudgetSpec", "unhealthyPodEvictionPolicy"): ("IfHealthyBudget", "AlwaysAllow"),
    ("rbac.v1.RoleRef", "kind"): ("Role", "ClusterRole"),
    ("rbac.v1.Subject", "kind"): ("ServiceAccount", "User", "Group"),
    ("core.v1.ResourceRequirements", "requests"): _AMOUNTS,
    ("core.v1.ResourceRequirements", "limits"): _AMOUNTS,
    ("core.v1.VolumeResourceRequirements", "requests"): ("storage",),
    **{("core.v1.LimitRangeItem", name): _AMOUNTS for name in ("default", "defaultRequest", "max", "min")},
    ("core.v1.ResourceQuotaSpec", "hard"): _QUOTA,
    ("core.v1.Capabilities", "drop"): ("ALL",),
    ("core.v1.Capabilities", "add"): ("NET_BIND_SERVICE",),
    ("core.v1.Secret", "type"): ("Opaque", "kubernetes.io/tls", "kubernetes.io/dockerconfigjson"),
}
# Defaults that the definitions do not tell, from https://kubernetes.io/docs/reference/kubernetes-api/
_DEFAULTS: dict[tuple[str, str], str] = {
    ("core.v1.PodSpec", "restartPolicy"): "Always",
    ("core.v1.PodSpec", "automountServiceAccountToken"): "true",
    ("core.v1.ServiceAccount", "automountServiceAccountToken"): "true",
    ("core.v1.PodSpec", "serviceAccountName"): "default",
    ("core.v1.PodSpec", "enableServiceLinks"): "true",
    ("core.v1.SecurityContext", "allowPrivilegeEscalation"): "true",
    ("core.v1.HTTPGetAction", "path"): "/",
    ("core.v1.ServicePort", "targetPort"): "the value of `port`",
    ("autoscaling.v2.HPAScalingRules", "stabilizationWindowSeconds"): "0 upwards, 300 downwards",
    ("storage.v1.StorageClass", "allowVolumeExpansion"): "false",
}
_TOLD = re.compile(r"\b[Dd]efaults? (?:value )?(?:to|is|of) (?:be )?(.+?)(?:\.(?:\s|$)|;|$)")
_NOISE = re.compile(r"\s*(?:More info:?|Read more:?|See|For more information)\s[^.]*https?://\S+", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<![ie]\.[ge])(?<!etc)[.:](?=\s+[A-Z\-*]|\s*$)")
_OPENING = re.compile(r"^Optional[:.,]\s*", re.IGNORECASE)


def build() -> str:
    """The file as text: one type a line."""
    from tools import build_schema_bundle as structure

    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{VERSION}.0-local-strict"
    definitions = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    bundle = json.loads(structure.BUNDLE.read_text(encoding="utf-8"))
    described = {structure._short(name): definition for name, definition in definitions.items()}
    kinds = {
        version: {kind: root for kind, root in served.items() if root and kind not in LEFT_OUT}
        for version, served in bundle["kinds"].items()
    }
    types: dict[str, dict[str, list[Any]]] = {}
    waiting = [root for served in kinds.values() for root in served.values()]
    while waiting:
        name = waiting.pop()
        if name in types or name not in bundle["types"]:
            continue
        types[name] = _fields(name, bundle["types"][name], described[name].get("properties", {}))
        waiting += [field[0].lstrip("[]{}") for field in types[name].values()]
    _add_custom(kinds, types)
    kinds = {version: served for version, served in sorted(kinds.items()) if served}
    return "\n".join(
        ["{", f' "version": "{VERSION}",', ' "source": "Kubernetes API definitions, Apache License 2.0",', _section("kinds", kinds) + ",",
         _section("types", types), "}", ""]
    )  # fmt: skip


def _section(name: str, entries: dict[str, Any]) -> str:
    rows = (f"  {json.dumps(key)}: {json.dumps(entries[key], ensure_ascii=False, separators=(',', ':'))}" for key in sorted(entries))
    return f' "{name}": {{\n' + ",\n".join(rows) + "\n }"


def _fields(type: str, held: dict[str, str], properties: dict[str, Any]) -> dict[str, list[Any]]:
    fields: dict[str, list[Any]] = {}
    for name, holds in sorted(held.items()):
        root = "apiVersion" in held and "kind" in held and "metadata" in held
        if name in _NOT_WRITTEN.get(type, ()) or (name == "status" and root):
            continue
        text = properties[name].get("description", "")
        entry: list[Any] = [holds, _meaning(name, text), _DEFAULTS.get((type, name)) or _default(text), list(_VALUES.get((type, name), ()))]
        while entry and not entry[-1]:
            entry.pop()
        fields[name] = entry
    return fields


def _meaning(name: str, text: str) -> str:
    text = _OPENING.sub("", " ".join(_NOISE.sub("", text).split()))
    end = _SENTENCE.search(text)
    first = text[: end.start()] if end else text
    # "replicas is the number of Pods" says its name twice beside it
    first = re.sub(rf"^(?:the |this )?{name} (?:(?:is|are) )?(?=[a-z])", "", first, flags=re.IGNORECASE).strip(" .;")
    first = first[:1].upper() + first[1:]
    return first if len(first) <= _LONGEST else first[: _LONGEST - 1].rsplit(" ", 1)[0] + "…"


def _default(text: str) -> str:
    found = _TOLD.search(" ".join(text.split()))
    told = found[1].strip(" '\"`").replace('"', "") if found else ""
    return "" if len(told) > _LONGEST_DEFAULT or told.lower() in ("nil", "empty", "null") else told


def _add_custom(kinds: dict[str, dict[str, str]], types: dict[str, dict[str, list[Any]]]) -> None:
    """Custom resources: `GROUP/VERSION: {KIND: {FIELD: [HOLDS, MEANING, DEFAULT, VALUES] or {...}}}`, where a map of fields is given with
    its `_: MEANING`, and a name that ends in `[]` is a list of such maps."""
    for version, served in yaml.safe_load(CUSTOM.read_text(encoding="utf-8")).items():
        for kind, fields in served.items():
            root = f"{version}.{kind}"
            kinds.setdefault(version, {})[kind] = root
            head = {"apiVersion": ["string", "The API version"], "kind": ["string", "The kind"]}
            types[root] = {**head, "metadata": ["meta.v1.ObjectMeta", "The object's name, namespace and labels"]}
            _add_type(root, fields, types)


def _add_type(name: str, fields: dict[str, Any], types: dict[str, dict[str, list[Any]]]) -> None:
    made = types.setdefault(name, {})
    for field, about in fields.items():
        if isinstance(about, list):
            made[field] = about
        else:
            plain, about = field.removesuffix("[]"), dict(about)
            inner = f"{name}.{plain}"
            made[plain] = [("[]" if plain != field else "") + inner, about.pop("_")]
            _add_type(inner, about, types)


def main(argv: list[str] | None = None) -> int:
    """Write the file, or compare it with what is committed."""
    parser = argparse.ArgumentParser(description="Make the editor's help on fields from kubernetes-validate.")
    parser.add_argument("--check", action="store_true", help="only compare; exit with 1 when the committed file differs")
    options = parser.parse_args(argv)
    text = build()
    if options.check:
        return 0 if HELP.read_text(encoding="utf-8") == text else 1
    HELP.parent.mkdir(parents=True, exist_ok=True)
    HELP.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent))
    sys.exit(main())
