"""Horizontal Pod autoscalers, of both versions."""

from __future__ import annotations

from typing import Any

from tests.validation.objects import GONE, judged, places, rows

_HPA, _OLD = "HorizontalPodAutoscaler/web", "HorizontalPodAutoscaler/old"
_CPU, _CONTAINER, _PODS, _OBJECT, _EXTERNAL = (
    *("spec.metrics[0].resource", "spec.metrics[1].containerResource", "spec.metrics[2].pods"),
    *("spec.metrics[3].object", "spec.metrics[4].external"),
)
_UP = "spec.behavior.scaleUp"


@rows(
    (_HPA, "spec.minReplicas", GONE),
    (_HPA, "spec.minReplicas", 0),
    (_HPA, "spec.minReplicas", 10),
    (_HPA, "spec.metrics", []),
    (_HPA, f"{_UP}.policies", GONE),
    (_HPA, f"{_UP}.tolerance", 0),
    (_HPA, "spec.behavior.scaleDown.stabilizationWindowSeconds", 3600),
    (_HPA, "spec.scaleTargetRef.kind", "Any Kind"),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    (_HPA, "spec.maxReplicas", GONE),
    (_HPA, "spec.maxReplicas", 0),
    (_HPA, "spec.maxReplicas", 1),
    (_HPA, "spec.minReplicas", -1),
    (_OLD, "spec.minReplicas", 0),
    (_OLD, "spec.targetCPUUtilizationPercentage", 0),
    (_HPA, "spec.scaleTargetRef.apiVersion", "v1"),
    (_HPA, "spec.scaleTargetRef.apiVersion", GONE),
    (_HPA, "spec.scaleTargetRef.kind", ""),
    (_HPA, "spec.scaleTargetRef.name", GONE),
    (_HPA, "spec.metrics[0].type", "resource"),
    (_HPA, "spec.metrics[0].type", "Pods", "spec.metrics[0].pods"),
    (_HPA, "spec.metrics[0].pods", {}),
    (_HPA, f"{_CPU}.name", ""),
    (_HPA, f"{_CPU}.target.type", "utilization"),
    (_HPA, f"{_CPU}.target.type", GONE),
    (_HPA, f"{_CPU}.target.averageUtilization", 0),
    (_HPA, f"{_CPU}.target.averageUtilization", GONE),
    (_HPA, f"{_CPU}.target.averageValue", "100m"),
    (_HPA, f"{_CONTAINER}.container", "Upper"),
    (_HPA, f"{_CONTAINER}.name", "disk"),
    (_HPA, f"{_PODS}.target.averageValue", "0"),
    (_HPA, f"{_PODS}.target.averageValue", GONE),
    (_HPA, f"{_PODS}.metric.name", GONE),
    (_HPA, f"{_OBJECT}.describedObject.name", GONE),
    (_HPA, f"{_OBJECT}.target.value", GONE, f"{_OBJECT}.target.averageValue"),
    (_HPA, f"{_EXTERNAL}.target.value", "5"),
    (_HPA, f"{_UP}.policies", []),
    (_HPA, f"{_UP}.policies[0].type", "percent"),
    (_HPA, f"{_UP}.policies[0].value", 0),
    (_HPA, f"{_UP}.policies[0].periodSeconds", 1801),
    (_HPA, f"{_UP}.policies[0].periodSeconds", GONE),
    (_HPA, f"{_UP}.stabilizationWindowSeconds", 3601),
    (_HPA, f"{_UP}.selectPolicy", "max"),
    (_HPA, f"{_UP}.tolerance", "-1"),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    assert where in places(judged(name, path, value))
