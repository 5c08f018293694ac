"""Claims, volumes and storage classes."""

from __future__ import annotations

from typing import Any

from tests.validation.objects import GONE, judged, places, rows

_CLAIM, _LOCAL, _DRIVER, _CLASS = "PersistentVolumeClaim/data", "PersistentVolume/local", "PersistentVolume/driver", "StorageClass/fast"


@rows(
    (_CLAIM, "spec.storageClassName", ""),
    (_CLAIM, "spec.dataSource", {"kind": "Unknown", "name": ""}),
    (_CLAIM, "spec.dataSourceRef", {"kind": "PersistentVolumeClaim", "name": "other"}),
    (_LOCAL, "spec.persistentVolumeReclaimPolicy", GONE),
    (_CLASS, "parameters", GONE),
    (_CLASS, "provisioner", "CSI.Example.com"),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    (_CLAIM, "spec.accessModes", GONE),
    (_CLAIM, "spec.accessModes[0]", "ReadWrite"),
    (_CLAIM, "spec.accessModes[0]", "ReadWriteOncePod", "spec.accessModes"),
    (_CLAIM, "spec.resources.requests", GONE, "spec.resources.requests.storage"),
    (_CLAIM, "spec.resources.requests.storage", "0"),
    (_CLAIM, "spec.resources.requests.storage", None),
    (_CLAIM, "spec.volumeMode", "File"),
    (_CLAIM, "spec.storageClassName", "Upper"),
    (_CLAIM, "spec.selector.matchLabels['a b']", "c"),
    (_CLAIM, "spec.dataSource.name", ""),
    (_CLAIM, "spec.dataSourceRef", {"kind": "PersistentVolumeClaim", "name": "another"}, "spec.dataSource"),
    ("PersistentVolumeClaim/restored", "spec.dataSourceRef.apiGroup", GONE, "spec.dataSourceRef.kind"),
    (_LOCAL, "spec.capacity", GONE),
    (_LOCAL, "spec.capacity.storage", "-1"),
    (_LOCAL, "spec.capacity.cpu", "1"),
    (_LOCAL, "spec.accessModes", []),
    (_LOCAL, "spec.local", GONE, "spec"),
    (_LOCAL, "spec.hostPath", {"path": "/data"}),
    (_LOCAL, "spec.local.path", "/a/../b"),
    (_LOCAL, "spec.nodeAffinity", GONE),
    (_LOCAL, "spec.nodeAffinity.required", GONE),
    (_LOCAL, "spec.persistentVolumeReclaimPolicy", "Keep"),
    (_LOCAL, "spec.volumeMode", ""),
    (_DRIVER, "spec.csi.driver", "a_b"),
    (_DRIVER, "spec.csi.volumeHandle", GONE),
    (_DRIVER, "spec.csi.nodePublishSecretRef.namespace", GONE),
    ("PersistentVolume/folder", "spec.hostPath.type", "Folder"),
    ("PersistentVolume/folder", "spec.hostPath.path", GONE),
    (_CLASS, "provisioner", GONE),
    (_CLASS, "provisioner", "a/b/c"),
    (_CLASS, "parameters", {"": "x"}, "parameters."),
    (_CLASS, "reclaimPolicy", "Recycle"),
    (_CLASS, "volumeBindingMode", "Later"),
    (_CLASS, "allowedTopologies[0].matchLabelExpressions", []),
    (_CLASS, "allowedTopologies[0].matchLabelExpressions[0].values", ["a", "a"], "allowedTopologies[0].matchLabelExpressions[0].values[1]"),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    assert [place.replace("['']", ".") for place in places(judged(name, path, value))][:1] == [where]
