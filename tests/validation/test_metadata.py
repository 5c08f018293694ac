"""Names, labels, annotations and the rest of the metadata."""

from __future__ import annotations

from typing import Any

from graders.validation import validate
from tests.validation.objects import GONE, judged, places, rows

_NAME = "metadata.name"


@rows(
    ("ConfigMap/settings", _NAME, "two.parts"),
    ("ConfigMap/settings", "metadata.generateName", "settings-"),
    ("Namespace/another", _NAME, "x" * 63),
    ("Service/web", _NAME, "1-web"),
    ("Role/reader", _NAME, "System:Reader"),
    ("PodDisruptionBudget/web", _NAME, "Upper_Case"),
    ("ConfigMap/settings", "metadata.labels", {"example.com/Name": "", "a": "B_c.d"}),
    ("ConfigMap/settings", "metadata.labels", {"a": None}),
    ("ConfigMap/settings", "metadata.annotations", {"Example.com/Name": "any text, ä"}),
    ("ConfigMap/settings", "metadata.finalizers", ["orphan"]),
    ("PodDisruptionBudget/web", "metadata.finalizers", ["short"]),
    ("PriorityClass/high", "metadata.namespace", "Not_A_Name"),
    ("CronJob/backup", _NAME, "x" * 52),
    ("Deployment/web", "spec.template.metadata.name", "Any Name"),
    ("ConfigMap/settings", "metadata.uid", "of an object saved from a cluster"),
    ("ConfigMap/settings", "metadata.resourceVersion", "12"),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    ("ConfigMap/settings", _NAME, GONE),
    ("ConfigMap/settings", _NAME, ""),
    ("ConfigMap/settings", _NAME, "Settings"),
    ("ConfigMap/settings", _NAME, "x" * 254),
    ("Namespace/another", _NAME, "two.parts"),
    ("Service/web", _NAME, "x" * 64),
    ("StatefulSet/qdrant", _NAME, "two.parts"),
    ("Role/reader", _NAME, "a/b"),
    ("CronJob/backup", _NAME, "x" * 53),
    ("Job/import", _NAME, "x" * 62),
    ("ConfigMap/settings", "metadata.generateName", "-x"),
    ("ConfigMap/settings", "metadata.namespace", "Other"),
    ("ConfigMap/settings", "metadata.labels['a b']", "c"),
    ("ConfigMap/settings", "metadata.labels.app", "two words"),
    ("ConfigMap/settings", "metadata.labels.app", "x" * 64),
    ("ConfigMap/settings", "metadata.annotations['a/b/c']", "x"),
    ("ConfigMap/settings", "metadata.annotations", {"note": "x" * 262_145}),
    ("ConfigMap/settings", "metadata.finalizers[0]", "unknown"),
    ("ConfigMap/settings", "metadata.finalizers", ["orphan", "foregroundDeletion"]),
    ("ConfigMap/settings", "metadata.ownerReferences[0].uid", GONE),
    ("ConfigMap/settings", "metadata.ownerReferences[0].apiVersion", "a/b/c"),
    ("Deployment/web", "spec.template.metadata.labels['a b']", "b"),
    ("Deployment/web", "spec.template.metadata.annotations['a b']", "b"),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    assert places(judged(name, path, value)) == [where]


def test_a_generated_name_is_not_enough_for_apply() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "settings-"}}
    (found,) = validate(body)
    assert found.path == ("metadata", "name")
    assert "`kubectl apply` needs a `name`" in found.message
