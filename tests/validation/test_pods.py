"""Pods: containers and all that is around them."""

from __future__ import annotations

from typing import Any

import pytest

from graders.validation import validate
from tests.validation.objects import GONE, good, judged, places, rows

_POD, _HOST = "Pod/full", "Pod/host"
_API = "spec.containers[0]"
_LIVE, _HOOK = f"{_API}.livenessProbe", f"{_API}.lifecycle.preStop"


@rows(
    (_POD, f"{_API}.image", "x" * 400),
    (_POD, f"{_API}.imagePullPolicy", ""),
    (_POD, f"{_API}.ports[1].containerPort", 8000),
    (_POD, f"{_API}.env[0].name", "with space"),
    (_POD, f"{_API}.env[1].name", "PLAIN"),
    (_POD, f"{_API}.resources.requests.cpu", "0.1m"),
    (_POD, f"{_API}.resources.limits.cpu", 2),
    (_POD, f"{_API}.resources.requests", {"cpu": None}),
    (_POD, f"{_LIVE}.periodSeconds", 0),
    (_POD, f"{_LIVE}.httpGet.port", 65535),
    (_POD, f"{_API}.readinessProbe.successThreshold", 5),
    (_POD, f"{_API}.securityContext.runAsUser", 0),
    (_POD, f"{_API}.volumeMounts[0].subPath", ""),
    (_POD, "spec.volumes[0].emptyDir.sizeLimit", "0"),
    (_POD, "spec.volumes[0]", {"name": "scratch"}),
    (_POD, "spec.terminationGracePeriodSeconds", 5),
    (_POD, "spec.restartPolicy", ""),
    (_POD, "spec.serviceAccount", "old-name"),
    (_HOST, "spec.priority", 2_000_001_000),
    (_POD, "spec.hostIPC", True),
    (_POD, "spec.tolerations[0].operator", ""),
    (_POD, "spec.containers[1].args", [None]),
    (_HOST, "spec.containers[0].ports[0].hostPort", GONE),
    ("Deployment/web", "spec.template.spec.containers[0].image", " padded "),
    ("Deployment/web", "spec.template.spec.priority", 5),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    (_POD, "spec.containers", GONE),
    (_POD, "spec.containers[1].name", GONE),
    (_POD, "spec.containers[1].name", "Upper"),
    (_POD, "spec.containers[1].name", "api"),
    (_POD, "spec.initContainers[0].name", "api"),
    (_POD, f"{_API}.image", ""),
    (_POD, f"{_API}.image", " padded"),
    (_POD, f"{_API}.imagePullPolicy", "always"),
    (_POD, f"{_API}.terminationMessagePolicy", "Log"),
    (_POD, "spec.containers[1].restartPolicy", "Sometimes"),
    (_POD, "spec.containers[1].restartPolicyRules[0].action", "Stop"),
    (_POD, "spec.containers[1].restartPolicyRules[0].exitCodes", GONE),
    (_POD, "spec.ephemeralContainers", [{"name": "debug", "image": "busybox"}]),
    ("Deployment/web", "spec.template.spec.ephemeralContainers", [{"name": "debug", "image": "busybox"}]),
)
def test_rejects_containers(name: str, path: str, value: Any, where: str) -> None:
    assert where in places(judged(name, path, value))


@rows(
    (_POD, f"{_API}.ports[0].containerPort", 0),
    (_POD, f"{_API}.ports[0].containerPort", 65536),
    (_POD, f"{_API}.ports[1].hostPort", -1),
    (_POD, f"{_API}.ports[0].protocol", "tcp"),
    (_POD, f"{_API}.ports[1].name", "http"),
    (_POD, f"{_API}.ports[1].name", "9000"),
    (_POD, f"{_API}.ports[1]", {"containerPort": 1, "hostPort": 8000}, f"{_API}.ports[1].hostPort"),
    (_HOST, f"{_API}.ports[0].hostPort", 8081),
)
def test_rejects_ports(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


@rows(
    (_POD, f"{_API}.env[0].name", ""),
    (_POD, f"{_API}.env[0].name", "A=B"),
    (_POD, f"{_API}.env[1].value", "text", f"{_API}.env[1].valueFrom"),
    (_POD, f"{_API}.env[1].valueFrom", {}),
    (_POD, f"{_API}.env[1].valueFrom.secretKeyRef", {"name": "a", "key": "b"}),
    (_POD, f"{_API}.env[1].valueFrom.configMapKeyRef.name", GONE),
    (_POD, f"{_API}.env[1].valueFrom.configMapKeyRef.key", "a/b"),
    (_POD, f"{_API}.env[3].valueFrom.fieldRef.fieldPath", "spec.replicas"),
    (_POD, f"{_API}.env[3].valueFrom.fieldRef.fieldPath", "metadata.labels"),
    (_POD, f"{_API}.env[4].valueFrom.fieldRef.fieldPath", "metadata.labels['a b']"),
    (_POD, f"{_API}.env[5].valueFrom.resourceFieldRef.resource", "limits.gpu"),
    (_POD, f"{_API}.env[5].valueFrom.resourceFieldRef.divisor", "1k"),
    (_POD, f"{_API}.env[6].valueFrom.resourceFieldRef.divisor", "1024"),
    (_POD, f"{_API}.envFrom[0].prefix", "A="),
    (_POD, f"{_API}.envFrom[0]", {"prefix": "A_"}),
    (_POD, f"{_API}.envFrom[1].secretRef.name", "Upper"),
)
def test_rejects_variables(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


@rows(
    (_POD, f"{_API}.resources.requests.cpu", "501m"),
    (_POD, f"{_API}.resources.requests.memory", "1Gi"),
    (_POD, f"{_API}.resources.requests.memory", "-1"),
    (_POD, f"{_API}.resources.limits.gpu", "1"),
    (_POD, f"{_API}.resources.limits['example.com/gpu']", "3", f"{_API}.resources.requests['example.com/gpu']"),
    (_POD, f"{_API}.resources.limits['example.com/gpu']", GONE),
    (_POD, f"{_API}.resources.requests.hugepages-2Mi", "3Mi"),
    (_POD, f"{_API}.resources.claims[0].name", "other"),
    (_POD, f"{_API}.resizePolicy[0].resourceName", "disk"),
    (_HOST, "spec.resources.requests.cpu", "900m"),
    (_HOST, "spec.resources.limits.cpu", "500m", f"{_API}.resources.limits.cpu"),
    (_HOST, "spec.resources.limits.ephemeral-storage", "1Gi"),
)
def test_rejects_resources(name: str, path: str, value: Any, where: str) -> None:
    assert where in places(judged(name, path, value))


@rows(
    (_POD, f"{_LIVE}.exec", {"command": ["true"]}),
    (_POD, f"{_LIVE}.httpGet", GONE, _LIVE),
    (_POD, f"{_LIVE}.httpGet.port", GONE),
    (_POD, f"{_LIVE}.httpGet.port", 0),
    (_POD, f"{_LIVE}.httpGet.port", "8000"),
    (_POD, f"{_LIVE}.httpGet.scheme", "http"),
    (_POD, f"{_LIVE}.httpGet.httpHeaders[0].name", "X_Probe"),
    (_POD, f"{_LIVE}.initialDelaySeconds", -1),
    (_POD, f"{_LIVE}.successThreshold", 2),
    (_POD, f"{_LIVE}.terminationGracePeriodSeconds", 0),
    (_POD, f"{_API}.readinessProbe.terminationGracePeriodSeconds", 5),
    (_POD, f"{_API}.startupProbe.successThreshold", 2),
    (_POD, f"{_HOOK}.sleep.seconds", 31),
    (_POD, _HOOK, {}),
    (_POD, f"{_API}.lifecycle.postStart.exec.command", []),
    (_POD, "spec.initContainers[0].readinessProbe", {"tcpSocket": {"port": 80}}),
    (_POD, "spec.initContainers[0].lifecycle", {}),
    (_POD, "spec.initContainers[1].readinessProbe", {}),
)
def test_rejects_probes_and_hooks(name: str, path: str, value: Any, where: str) -> None:
    assert set(places(judged(name, path, value))) & {where, f"{where}.exec", f"{where}.tcpSocket", f"{_LIVE}.httpGet"}


@rows(
    (_POD, f"{_API}.securityContext.privileged", True, f"{_API}.securityContext.allowPrivilegeEscalation"),
    (_POD, f"{_API}.securityContext.capabilities.add[0]", "CAP_SYS_ADMIN"),
    (_POD, f"{_API}.securityContext.runAsUser", -1),
    (_POD, f"{_API}.securityContext.runAsGroup", 2**31),
    (_POD, f"{_API}.securityContext.procMount", "Unmasked"),
    (_POD, f"{_API}.securityContext.seccompProfile.localhostProfile", GONE),
    (_POD, f"{_API}.securityContext.seccompProfile.localhostProfile", "/abs"),
    (_POD, f"{_API}.securityContext.seccompProfile.type", GONE),
    (_POD, f"{_API}.securityContext.appArmorProfile.localhostProfile", "x"),
    (_POD, f"{_API}.securityContext.windowsOptions", {}),
    (_POD, "spec.securityContext.fsGroup", -1),
    (_POD, "spec.securityContext.fsGroupChangePolicy", "Never"),
    (_POD, "spec.securityContext.supplementalGroups[0]", -1),
    (_POD, "spec.securityContext.sysctls[0].name", "Net"),
    (_POD, "spec.os.name", "beos"),
    ("Pod/windows", "spec.securityContext.runAsUser", 1000),
    ("Pod/windows", "spec.containers[0].securityContext.privileged", False),
    ("Pod/windows", "spec.containers[0].securityContext.windowsOptions.runAsUserName", "a\\b\\c"),
    ("Pod/isolated", "spec.hostPID", True),
)
def test_rejects_security(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


@rows(
    (_POD, "spec.volumes[1].name", "scratch"),
    (_POD, "spec.volumes[1].name", "Upper"),
    (_POD, "spec.volumes[1].secret", {"secretName": "a"}, "spec.volumes[1].secret"),
    (_POD, "spec.volumes[0].emptyDir.sizeLimit", "-1"),
    (_POD, "spec.volumes[1].configMap.name", GONE),
    (_POD, "spec.volumes[1].configMap.defaultMode", 512),
    (_POD, "spec.volumes[1].configMap.items[0].path", "../up"),
    (_POD, "spec.volumes[1].configMap.items[0].path", "..data"),
    (_POD, "spec.volumes[1].configMap.items[0].key", ""),
    (_POD, "spec.volumes[2].secret.secretName", GONE),
    (_POD, "spec.volumes[3].persistentVolumeClaim.claimName", ""),
    (_POD, "spec.volumes[4].ephemeral.volumeClaimTemplate.spec.accessModes", []),
    (_POD, "spec.volumes[5].hostPath.type", "Folder"),
    (_POD, "spec.volumes[6].downwardAPI.items[1].resourceFieldRef.containerName", GONE),
    (_POD, "spec.volumes[7].nfs.path", "relative"),
    (_POD, "spec.volumes[7]", {"name": "a", "iscsi": {"targetPortal": "x", "iqn": "x", "lun": 0}}, "spec.volumes[7].iscsi.iqn"),
    (_POD, "spec.volumes[8].csi.driver", GONE),
    (_POD, "spec.volumes[9].image.reference", ""),
    (_POD, "spec.volumes[10].projected.sources[0].serviceAccountToken.expirationSeconds", 10),
    (_POD, "spec.volumes[10].projected.sources[2].secret.items[0].path", "a"),
    (_POD, f"{_API}.volumeMounts[0].name", "scratsh"),
    (_POD, f"{_API}.volumeMounts[0].mountPath", ""),
    (_POD, f"{_API}.volumeMounts[1].mountPath", "/tmp"),
    (_POD, f"{_API}.volumeMounts[0].subPath", "../up"),
    (_POD, f"{_API}.volumeMounts[0].subPathExpr", "$(PLAIN)"),
    (_POD, f"{_API}.volumeMounts[2].mountPropagation", "Bidirectional"),
    (_POD, f"{_API}.volumeMounts[0].recursiveReadOnly", "Enabled"),
    (_POD, f"{_API}.volumeDevices[0].name", "logs"),
)
def test_rejects_volumes_and_mounts(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


_NODE = "spec.affinity.nodeAffinity"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@rows(
    (_POD, f"{_NODE}.{_REQUIRED}.nodeSelectorTerms", []),
    (_POD, f"{_NODE}.{_REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].operator", "Is"),
    (_POD, f"{_NODE}.{_REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].values", []),
    (_POD, f"{_NODE}.{_REQUIRED}.nodeSelectorTerms[0].matchExpressions[1].values", ["1", "2"]),
    (_POD, f"{_NODE}.{_REQUIRED}.nodeSelectorTerms[0].matchFields[0].key", "spec.name"),
    (_POD, f"{_NODE}.{_PREFERRED}[0].weight", 0),
    (_POD, f"spec.affinity.podAffinity.{_REQUIRED}[0].topologyKey", GONE),
    (_POD, f"spec.affinity.podAffinity.{_REQUIRED}[0].namespaces[0]", "Upper"),
    (_POD, f"spec.affinity.podAntiAffinity.{_PREFERRED}[0].weight", 101),
    (_POD, "spec.tolerations[0].key", GONE, "spec.tolerations[0].operator"),
    (_POD, "spec.tolerations[0].operator", "Gt"),
    (_POD, "spec.tolerations[0].effect", "Never"),
    (_POD, "spec.tolerations[1].value", "x"),
    (_POD, "spec.tolerations[1].effect", "NoSchedule"),
    (_POD, "spec.topologySpreadConstraints[0].maxSkew", 0),
    (_POD, "spec.topologySpreadConstraints[0].maxSkew", GONE),
    (_POD, "spec.topologySpreadConstraints[0].whenUnsatisfiable", "Ignore"),
    (_POD, "spec.topologySpreadConstraints[1].minDomains", 2),
    (_POD, "spec.topologySpreadConstraints[0].nodeTaintsPolicy", "Maybe"),
    (_POD, "spec.schedulingGates[0].name", ""),
    (_POD, "spec.nodeName", "node-1"),
)
def test_rejects_scheduling(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


@rows(
    (_POD, "spec.restartPolicy", "always"),
    (_POD, "spec.dnsPolicy", "clusterFirst"),
    (_POD, "spec.dnsConfig.nameservers", [], "spec.dnsConfig.nameservers"),
    (_POD, "spec.dnsConfig.nameservers[0]", "10.0.0.010"),
    (_POD, "spec.dnsConfig.searches[0]", "a..b"),
    (_POD, "spec.hostname", "two.parts"),
    (_POD, "spec.subdomain", "Upper"),
    (_POD, "spec.hostAliases[0].ip", "300.1.1.1"),
    (_POD, "spec.hostAliases[0].hostnames[0]", "Upper"),
    (_POD, "spec.nodeSelector['a b']", "c"),
    (_POD, "spec.activeDeadlineSeconds", 0),
    (_POD, "spec.readinessGates[0].conditionType", ""),
    (_POD, "spec.resourceClaims[0].resourceClaimName", "both"),
    (_POD, "spec.priority", 5),
    (_POD, "spec.preemptionPolicy", "Never"),
    (_POD, "spec.overhead", {"cpu": "1"}),
    (_HOST, "spec.priority", 5),
    (_HOST, "spec.preemptionPolicy", "Never"),
    (_POD, "spec.hostNetwork", True, "spec.securityContext.sysctls[0].name"),
    (_POD, "spec.serviceAccount", "Upper"),
    (_POD, "metadata.annotations['controller.kubernetes.io/pod-deletion-cost']", "007"),
    ("Pod/isolated", "spec.hostnameOverride", "Upper"),
    ("Pod/isolated", "spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName", "other"),
)
def test_rejects_what_is_around_the_containers(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


@pytest.mark.parametrize("kind", ["Pod", "Deployment"])
def test_only_a_pod_fills_requests_from_limits_and_host_ports(kind: str) -> None:
    spec = {
        "hostNetwork": True,
        "containers": [{"name": name, "image": "b", "ports": [{"containerPort": 80}]} for name in ("a", "b")],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    deployment = good("Deployment/once")
    deployment["spec"]["template"]["spec"] = spec
    found = places(validate(pod if kind == "Pod" else deployment))
    assert found == (["spec.containers[1].ports[0].containerPort"] if kind == "Pod" else [])
