"""Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validation.objects import GONE, judged, places, rows

_SPEC = "spec.template.spec"


@rows(
    ("Deployment/web", "spec.replicas", 0),
    ("Deployment/web", "spec.strategy.rollingUpdate", {"maxUnavailable": 0}),
    ("Deployment/web", "spec.strategy.rollingUpdate.maxSurge", "200%"),
    ("Deployment/web", "spec.strategy", {}),
    ("Deployment/web", "spec.template.metadata.labels.more", "labels"),
    ("Deployment/once", "spec.progressDeadlineSeconds", 1),
    ("ReplicationController/web", "spec.selector", GONE),
    ("StatefulSet/qdrant", "spec.serviceName", ""),
    ("StatefulSet/qdrant", f"{_SPEC}.hostname", "Ignored_Here"),
    ("StatefulSet/qdrant", "spec.updateStrategy", {"type": "OnDelete"}),
    ("DaemonSet/agent", "spec.updateStrategy.rollingUpdate", {"maxUnavailable": 0, "maxSurge": 1}),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    ("Deployment/web", "spec.selector", GONE),
    ("Deployment/web", "spec.selector", {}),
    ("Deployment/web", "spec.selector", {"matchLabels": {}}, "spec.selector"),
    ("Deployment/web", "spec.selector.matchLabels.app", "other", "spec.template.metadata.labels"),
    ("Deployment/web", "spec.selector.matchLabels['a b']", "c"),
    ("Deployment/web", "spec.selector.matchExpressions[0].operator", "Is"),
    ("Deployment/web", "spec.selector.matchExpressions[0].values", ["back"], "spec.template.metadata.labels"),
    ("Deployment/web", "spec.template.metadata.labels", GONE),
    ("Deployment/web", "spec.replicas", -1),
    ("Deployment/web", "spec.revisionHistoryLimit", -1),
    ("Deployment/web", "spec.minReadySeconds", 60, "spec.progressDeadlineSeconds"),
    ("Deployment/once", "spec.minReadySeconds", 600, "spec.progressDeadlineSeconds"),
    ("Deployment/web", "spec.progressDeadlineSeconds", 5),
    ("Deployment/web", "spec.strategy.type", "rollingUpdate"),
    ("Deployment/once", "spec.strategy.rollingUpdate", {}),
    ("Deployment/web", "spec.strategy.rollingUpdate.maxSurge", 0, "spec.strategy.rollingUpdate.maxUnavailable"),
    ("Deployment/web", "spec.strategy.rollingUpdate.maxSurge", "0%", "spec.strategy.rollingUpdate.maxUnavailable"),
    ("Deployment/web", "spec.strategy.rollingUpdate.maxUnavailable", "101%"),
    ("Deployment/web", "spec.strategy.rollingUpdate.maxUnavailable", "1"),
    ("Deployment/web", "spec.strategy.rollingUpdate.maxSurge", -1),
    ("Deployment/web", "spec.strategy.rollingUpdate.maxSurge", "25.5%"),
    ("Deployment/web", f"{_SPEC}.restartPolicy", "Never"),
    ("Deployment/web", f"{_SPEC}.activeDeadlineSeconds", 60),
    ("Deployment/web", f"{_SPEC}.containers", []),
    ("ReplicaSet/web", "spec.selector", GONE),
    ("ReplicaSet/web", "spec.replicas", -1),
    ("ReplicationController/web", "spec.selector.app", "other", "spec.template.metadata.labels"),
    ("ReplicationController/web", "spec.template", GONE),
    ("StatefulSet/qdrant", "spec.serviceName", "Upper"),
    ("StatefulSet/qdrant", "spec.podManagementPolicy", "Ordered"),
    ("StatefulSet/qdrant", "spec.ordinals.start", -1),
    ("StatefulSet/qdrant", "spec.updateStrategy.type", "Recreate"),
    ("StatefulSet/qdrant", "spec.updateStrategy.type", "OnDelete", "spec.updateStrategy.rollingUpdate"),
    ("StatefulSet/qdrant", "spec.updateStrategy.rollingUpdate.maxUnavailable", 0),
    ("StatefulSet/qdrant", "spec.updateStrategy.rollingUpdate.partition", -1),
    ("StatefulSet/qdrant", "spec.persistentVolumeClaimRetentionPolicy.whenScaled", "Keep"),
    ("StatefulSet/qdrant", "spec.volumeClaimTemplates[0].metadata.name", "Upper"),
    ("StatefulSet/qdrant", "spec.volumeClaimTemplates[0].spec.accessModes", GONE),
    ("StatefulSet/qdrant", "spec.volumeClaimTemplates[0].metadata.name", "disk", f"{_SPEC}.containers[0].volumeMounts[0].name"),
    ("DaemonSet/agent", "spec.selector", {}),
    ("DaemonSet/agent", "spec.updateStrategy.type", "Recreate"),
    ("DaemonSet/agent", "spec.updateStrategy.rollingUpdate.maxSurge", 1),
    ("DaemonSet/agent", "spec.updateStrategy.rollingUpdate.maxUnavailable", 0),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value))[:1] == [where]


@pytest.mark.parametrize("labels", [{"app": 1}, {"app": ["web"]}, 5], ids=str)
def test_labels_of_a_wrong_type_are_left_to_the_schema(labels: Any) -> None:
    assert judged("ReplicaSet/web", "spec.template.metadata.labels", labels) == ()


def test_a_selector_that_does_not_select_is_told_with_both_sides() -> None:
    (found,) = judged("ReplicaSet/web", "spec.selector.matchLabels.app", "other")
    assert (found.expected, found.found) == ("labels that the selector selects: `app=other`", "`app=web`")
