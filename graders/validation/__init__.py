"""What the API server would reject, told before it is asked: rules beyond the schema, by kind.

They are those of Kubernetes 1.37 after its defaulting, as on creation; immutable fields, quota, other objects and admission webhooks are
out of sight here. graders.sources.schema tells what the API server cannot even decode.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

from graders.semantics import names
from graders.validation.metadata import object_metadata
from graders.validation.place import Finding, Place

__all__ = ["Finding", "validate"]


class _Kind(NamedTuple):
    """Where the rules of a kind stand (module and function, loaded when needed), what its objects may be called, and whether they have
    namespaces and take short finalizers of Kubernetes only.
    """

    module: str = ""
    function: str = ""
    name: names.Rule = names.dns_subdomain
    namespaced: bool = True
    own_finalizers: bool = True


_KINDS: dict[tuple[str, str], _Kind] = {
    ("v1", "Pod"): _Kind("pods", "pod"),
    ("v1", "ReplicationController"): _Kind("workloads", "replication_controller"),
    ("v1", "Service"): _Kind("services", "service", names.dns_label),
    ("v1", "ConfigMap"): _Kind("config", "config_map"),
    ("v1", "Secret"): _Kind("config", "secret"),
    ("v1", "ServiceAccount"): _Kind(),
    ("v1", "Namespace"): _Kind("policy", "namespace", names.dns_label, namespaced=False),
    ("v1", "LimitRange"): _Kind("policy", "limit_range"),
    ("v1", "ResourceQuota"): _Kind("policy", "quota"),
    ("v1", "PersistentVolumeClaim"): _Kind("storage", "claim"),
    ("v1", "PersistentVolume"): _Kind("storage", "volume", namespaced=False),
    ("apps/v1", "Deployment"): _Kind("workloads", "deployment"),
    ("apps/v1", "ReplicaSet"): _Kind("workloads", "replica_set"),
    ("apps/v1", "StatefulSet"): _Kind("workloads", "stateful_set", names.dns_label),
    ("apps/v1", "DaemonSet"): _Kind("workloads", "daemon_set"),
    ("batch/v1", "Job"): _Kind("jobs", "job"),
    ("batch/v1", "CronJob"): _Kind("jobs", "cron_job"),
    ("autoscaling/v1", "HorizontalPodAutoscaler"): _Kind("autoscaling", "autoscaler"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): _Kind("autoscaling", "autoscaler"),
    ("policy/v1", "PodDisruptionBudget"): _Kind("policy", "disruption_budget", names.path_segment, own_finalizers=False),
    ("networking.k8s.io/v1", "Ingress"): _Kind("networking", "ingress"),
    ("networking.k8s.io/v1", "IngressClass"): _Kind("networking", "ingress_class", namespaced=False),
    ("networking.k8s.io/v1", "NetworkPolicy"): _Kind("networking", "network_policy"),
    ("storage.k8s.io/v1", "StorageClass"): _Kind("storage", "storage_class", namespaced=False),
    ("scheduling.k8s.io/v1", "PriorityClass"): _Kind("policy", "priority_class", namespaced=False),
    ("rbac.authorization.k8s.io/v1", "Role"): _Kind("rbac", "role", names.path_segment),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): _Kind("rbac", "role_binding", names.path_segment),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): _Kind("rbac", "cluster_role", names.path_segment, namespaced=False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): _Kind("rbac", "cluster_role_binding", names.path_segment, namespaced=False),
}
_OTHER = _Kind(name=names.path_segment, own_finalizers=False)


def validate(body: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What an API server would reject about one object beyond its schema, in the order of its fields' rules; of any shape, never raises.

    The values of a Secret may be there as text or as SecretFacts (graders.redaction). Of kinds that are not known here only the metadata
    is judged.
    """
    version, kind = (body.get("apiVersion"), body.get("kind")) if isinstance(body, Mapping) else (None, None)
    if not isinstance(version, str) or not isinstance(kind, str):
        return ()
    place = Place(body, (), [])
    known = _KINDS.get((version, kind), _OTHER)
    object_metadata(place["metadata"], known.name, namespaced=known.namespaced, own_finalizers=known.own_finalizers)
    if known.module:
        getattr(import_module(f"graders.validation.{known.module}"), known.function)(place)
    return tuple(place.out)
