"""Disruption budgets, limit ranges, quotas, priority classes, namespaces, and roles with their bindings."""

from __future__ import annotations

from typing import Any

import pytest

from graders.validation import validate
from tests.validation.objects import GONE, judged, places, rows

_BUDGET, _LIMITS, _QUOTA, _SCOPED = "PodDisruptionBudget/web", "LimitRange/limits", "ResourceQuota/quota", "ResourceQuota/scoped"
_ITEM = "spec.limits[0]"
_REQUIREMENTS = "spec.scopeSelector.matchExpressions"


@rows(
    (_BUDGET, "spec.minAvailable", GONE),
    (_BUDGET, "spec.minAvailable", 0),
    (_BUDGET, "spec.selector", {}),
    (_LIMITS, f"{_ITEM}.max", GONE),
    (_LIMITS, f"{_ITEM}.type", "example.com/Bucket"),
    (_QUOTA, "spec.hard.configmaps", 5),
    ("PriorityClass/high", "value", -5),
    ("ClusterRole/course:reader", "rules", []),
    ("RoleBinding/reader", "roleRef.apiGroup", GONE),
    ("RoleBinding/reader", "subjects", GONE),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    (_BUDGET, "spec.maxUnavailable", 1),
    (_BUDGET, "spec.minAvailable", -1),
    (_BUDGET, "spec.minAvailable", "2"),
    (_BUDGET, "spec.minAvailable", "101%"),
    (_BUDGET, "spec.unhealthyPodEvictionPolicy", "Always"),
    (_BUDGET, "spec.selector.matchLabels['a b']", "c"),
    (_LIMITS, f"{_ITEM}.type", GONE),
    (_LIMITS, f"{_ITEM}.type", "Service"),
    (_LIMITS, "spec.limits[1].type", "Container"),
    (_LIMITS, "spec.limits[1].default", {"cpu": "1"}),
    (_LIMITS, f"{_ITEM}.max.gpu", "1"),
    (_LIMITS, f"{_ITEM}.min.cpu", "3"),
    (_LIMITS, f"{_ITEM}.default.cpu", "3"),
    (_LIMITS, f"{_ITEM}.defaultRequest.cpu", "1"),
    (_LIMITS, f"{_ITEM}.defaultRequest.cpu", "10m"),
    (_LIMITS, f"{_ITEM}.maxLimitRequestRatio.cpu", "0.5"),
    (_LIMITS, f"{_ITEM}.maxLimitRequestRatio.cpu", 100),
    (_LIMITS, "spec.limits[2]", {"type": "PersistentVolumeClaim"}),
    (_QUOTA, "spec.hard.pods", "1.5"),
    (_QUOTA, "spec.hard.pods", "-1"),
    (_QUOTA, "spec.hard.gpu", "1"),
    (_QUOTA, "spec.hard['a/b/c']", "1"),
    (_SCOPED, "spec.scopes[0]", "Never"),
    (_SCOPED, "spec.scopes[0]", "BestEffort", "spec.scopes[1]"),
    (_SCOPED, "spec.hard.secrets", "5", "spec.scopes[0]"),
    (_SCOPED, f"{_REQUIREMENTS}[0].operator", "Is"),
    (_SCOPED, f"{_REQUIREMENTS}[0].values", []),
    (_SCOPED, f"{_REQUIREMENTS}[1].operator", "In"),
    (_SCOPED, f"{_REQUIREMENTS}[1].values", ["x"]),
    ("PriorityClass/high", "value", 1_000_000_001),
    ("PriorityClass/high", "metadata.name", "system-high"),
    ("PriorityClass/high", "preemptionPolicy", "Always"),
    ("Namespace/another", "spec.finalizers[0]", "unknown"),
    ("Role/reader", "rules[0].verbs", []),
    ("Role/reader", "rules[0].apiGroups", GONE),
    ("Role/reader", "rules[0].resources", GONE),
    ("Role/reader", "rules[0].nonResourceURLs", ["/healthz"]),
    ("ClusterRole/course:reader", "rules[1].resources", ["pods"], "rules[1].nonResourceURLs"),
    ("ClusterRole/course:all", "aggregationRule.clusterRoleSelectors", []),
    ("RoleBinding/reader", "roleRef.kind", "role"),
    ("RoleBinding/reader", "roleRef.name", GONE),
    ("RoleBinding/reader", "roleRef.apiGroup", "apps"),
    ("RoleBinding/reader", "subjects[0].kind", "Robot"),
    ("RoleBinding/reader", "subjects[0].name", "Upper"),
    ("RoleBinding/reader", "subjects[0].apiGroup", "apps"),
    ("RoleBinding/reader", "subjects[1].apiGroup", "apps"),
    ("ClusterRoleBinding/course:reader", "roleRef.kind", "Role"),
    ("ClusterRoleBinding/course:reader", "subjects[0].namespace", GONE),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


@pytest.mark.parametrize(
    ("label", "value", "good"),
    [
        pytest.param("enforce", "restricted", True, id="level"),
        pytest.param("enforce", "Restricted", False, id="level-in-capitals"),
        pytest.param("warn", "", False, id="no-level"),
        pytest.param("audit", "strict", False, id="level-that-does-not-exist"),
        pytest.param("enforce-version", "latest", True, id="latest"),
        pytest.param("enforce-version", "v1.999", True, id="version-to-come"),
        pytest.param("enforce-version", "1.37", False, id="version-without-v"),
        pytest.param("warn-version", "v1.36.1", False, id="patch-version"),
        pytest.param("audit-version", "v1.036", False, id="leading-zero"),
        pytest.param("other", "anything", True, id="another-label"),
    ],
)
def test_labels_of_pod_security(label: str, value: str, good: bool) -> None:
    key = f"pod-security.kubernetes.io/{label}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rag-engine", "labels": {key: value}}}
    assert [finding.path for finding in validate(body)] == ([] if good else [("metadata", "labels", key)])
