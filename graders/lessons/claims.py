"""What a cluster tells about PersistentVolumeClaims that wait. For evidence."""

from __future__ import annotations

from graders.lessons.pod_states import newest_event
from graders.semantics.volume_binding import CLASS_ANNOTATION, class_name
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot


def class_field(claim: Field) -> Field:
    """The place that names a claim's storage class: the old annotation where there is one, else the field."""
    annotation = claim.key("metadata", "annotations", CLASS_ANNOTATION)
    return annotation if annotation.present else claim.at("spec.storageClassName")


def provisioning_failure(snapshot: Snapshot, claim: K8sObject) -> str | None:
    """The newest report that no volume was made for a claim; None when there is none, or it missed the class, which is there by now."""
    report, name = newest_event(snapshot, claim, "ProvisioningFailed"), class_name(claim.body)
    if report is None or not name or f'"{name}" not found' not in report:
        return report
    try:
        return None if snapshot.find("StorageClass", name) is not None else report
    except NotReadable:
        return report
