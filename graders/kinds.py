"""The kinds of object that the course reads: where the API serves them and what kubectl calls them."""

from typing import NamedTuple


class Kind(NamedTuple):
    """One kind as the API server serves it.

    `group` is empty for the core group, `version` the one that we ask for, `plural` the resource in the URL,
    `short` the name a learner types after `kubectl get`. `everywhere` tells a namespaced kind whose objects about a namespace stand
    in another one, so that it is listed in all of them.
    """

    name: str
    group: str
    version: str
    plural: str
    short: str
    namespaced: bool = True
    everywhere: bool = False

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """The name that is unambiguous on any cluster: `httproutes.gateway.networking.k8s.io`, `deployments`."""
        custom = "." in self.group and (not self.group.endswith(".k8s.io") or self.group.startswith(("gateway.", "metrics.")))
        return f"{self.plural}.{self.group}" if custom else self.plural


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("Namespace", "", "v1", "namespaces", "namespace", namespaced=False),
        Kind("NodeMetrics", "metrics.k8s.io", "v1beta1", "nodes", "nodes.metrics.k8s.io", namespaced=False),
        Kind("Node", "", "v1", "nodes", "node", namespaced=False),
        Kind("ConfigMap", "", "v1", "configmaps", "configmap"),
        Kind("Secret", "", "v1", "secrets", "secret"),
        Kind("Service", "", "v1", "services", "service"),
        Kind("ServiceAccount", "", "v1", "serviceaccounts", "serviceaccount"),
        Kind("Pod", "", "v1", "pods", "pod"),
        Kind("Event", "", "v1", "events", "events"),
        Kind("LimitRange", "", "v1", "limitranges", "limitrange"),
        Kind("ResourceQuota", "", "v1", "resourcequotas", "resourcequota"),
        Kind("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims", "pvc"),
        Kind("PersistentVolume", "", "v1", "persistentvolumes", "pv", namespaced=False),
        Kind("ReplicationController", "", "v1", "replicationcontrollers", "replicationcontroller"),
        Kind("Deployment", "apps", "v1", "deployments", "deployment"),
        Kind("ReplicaSet", "apps", "v1", "replicasets", "replicaset"),
        Kind("StatefulSet", "apps", "v1", "statefulsets", "statefulset"),
        Kind("DaemonSet", "apps", "v1", "daemonsets", "daemonset"),
        Kind("Job", "batch", "v1", "jobs", "job"),
        Kind("CronJob", "batch", "v1", "cronjobs", "cronjob"),
        Kind("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers", "hpa"),
        Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", "pdb"),
        Kind("Ingress", "networking.k8s.io", "v1", "ingresses", "ingress"),
        Kind("IngressClass", "networking.k8s.io", "v1", "ingressclasses", "ingressclass", namespaced=False),
        Kind("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies", "networkpolicy"),
        Kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices", "endpointslice"),
        Kind("StorageClass", "storage.k8s.io", "v1", "storageclasses", "storageclass", namespaced=False),
        Kind("ServiceMonitor", "monitoring.coreos.com", "v1", "servicemonitors", "servicemonitor", everywhere=True),
        Kind("PrometheusRule", "monitoring.coreos.com", "v1", "prometheusrules", "prometheusrule", everywhere=True),
        Kind("ScaledObject", "keda.sh", "v1alpha1", "scaledobjects", "scaledobject"),
        Kind("BackupStorageLocation", "velero.io", "v1", "backupstoragelocations", "bsl", everywhere=True),
        Kind("Schedule", "velero.io", "v1", "schedules", "schedules.velero.io", everywhere=True),
        Kind("Backup", "velero.io", "v1", "backups", "backups.velero.io", everywhere=True),
        Kind("Restore", "velero.io", "v1", "restores", "restores.velero.io", everywhere=True),
        # What a cluster tells of itself; graders.sources.cluster_facts reads it as if it were objects.
        Kind("Version", "", "v1", "version", "version", namespaced=False),
        Kind("APIGroup", "", "v1", "apigroups", "apigroup", namespaced=False),
        Kind(
            "SelfSubjectAccessReview", "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "selfsubjectaccessreview", namespaced=False
        ),
        Kind("HTTPRoute", "gateway.networking.k8s.io", "v1", "httproutes", "httproute"),
    )
}

# What the course has learners create in their namespace.
CREATED = (
    *("Deployment", "Service", "ConfigMap", "Secret", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"),
    "PersistentVolumeClaim",
)

CLUSTER_SCOPED = frozenset(kind.name for kind in KINDS.values() if not kind.namespaced) | {
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "PriorityClass",
    "GatewayClass",
    "ClusterIssuer",
    "RuntimeClass",
    "CSIDriver",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
}
