"""Lesson 14: a Pod that waits for its disk."""

from __future__ import annotations

from graders.lessons.claims import class_field, provisioning_failure
from graders.lessons.consumers import container_path
from graders.lessons.deployment_app import written
from graders.lessons.existence import exists
from graders.lessons.pod_states import newest_event
from graders.lessons.troubleshooting_app import KIND, App, mends, well
from graders.objective import objective, owns
from graders.semantics.volume_binding import class_name, is_default, may_bind
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Status, Verdict, failed, pending

_NAME = "archive"
_CLAIM_KIND, _CLAIM, _PATH = "PersistentVolumeClaim", "archive-data", "/archive"
_FOUND = "pv.kubernetes.io/bound-by-controller"  # it wrote `volumeName`, a moment before the claim is bound

_NO_NAME = "(default)"  # of a class; no object can have it
_BY_HAND = "kubernetes.io/no-provisioner"

_ANY_CLASS = "no storage class, which means the default one, or the name of one that is there"

# The classes that kind, minikube, k3s, Docker Desktop, MicroK8s and the managed clusters of the large clouds come with.
# fmt: off
_USUAL = frozenset((
    "standard", "local-path", "hostpath", "microk8s-hostpath", "standard-rwo", "premium-rwo", "gp2", "gp3", "default", "managed",
    "managed-csi", "managed-csi-premium", "managed-premium", "do-block-storage", "linode-block-storage",
))
# fmt: on


@objective(
    "pending-claim",
    "`archive` gets its disk",
    hints=(
        "A Pod waits until its claim is bound. `kubectl get pvc` shows whether it is, and the events at the end of `kubectl describe pvc` "
        "and `kubectl describe pod` what keeps it.",
        "Compare what the Pod mounts, what the claim asks for, and what `kubectl get storageclass,pv` offers. How a claim is to be bound "
        "cannot be changed afterwards: delete it and create it again under its name. It goes when no Pod uses it any more.",
    ),
    docs="https://kubernetes.io/docs/concepts/storage/persistent-volumes/#persistentvolumeclaims",
    owned=(*owns(KIND, _NAME), *owns(_CLAIM_KIND, _CLAIM)),
)
@mends(_NAME)
def pending_claim(snapshot: Snapshot, app: App) -> Verdict:
    fault = _unmounted(app)
    if fault is not None:
        return fault
    there = exists(snapshot, _CLAIM_KIND, _CLAIM)
    if there.status is not Status.PASSED:
        return there
    claim = snapshot.own(_CLAIM_KIND, _CLAIM)
    return _unbound(snapshot, claim) or well(app, *there.advice)


def _unmounted(app: App) -> Verdict | None:
    """Why the app does not write to its claim; None when it does."""
    expected = f"the claim `{_CLAIM}` at `{_PATH}`"
    mounts = app.container.at("volumeMounts")
    mount = next((item for item in mounts.each() if container_path(item.at("mountPath").text or "") == _PATH), None)
    if mount is None:
        return failed(mounts, expected=expected, found=f"nothing mounted at `{_PATH}`")
    if mount.at("readOnly").value is True:
        return failed(mount.at("readOnly"), expected="a mount that can be written to", found=written(mount.at("readOnly")))
    name = mount.at("name")
    volume = next((item for item in app.pod_spec.at("volumes").each() if item.at("name").value == name.value), None)
    if volume is None:
        return failed(name, expected=expected, found=f"{written(name)}, a volume that the Pod does not have")
    source = volume.at("persistentVolumeClaim.claimName")
    if not source.present:
        kinds = [key for key, field in volume.entries() if key != "name" and field.present] or ["emptyDir"]
        return failed(volume, expected=expected, found=f"`{kinds[0]}`, which is no disk of its own that outlives the Pod")
    if source.value != _CLAIM:
        return failed(source, expected=f"`claimName: {_CLAIM}`", found=written(source))
    if volume.at("persistentVolumeClaim.readOnly").value is True:
        place = volume.at("persistentVolumeClaim.readOnly")
        return failed(place, expected="a volume that can be written to", found=written(place))
    return None


def _unbound(snapshot: Snapshot, claim: K8sObject) -> Verdict | None:
    """Why the claim gets no volume, or has none yet; None when it is bound, or on manifests when nothing keeps it from that."""
    phase, leaving, mode = claim.at("status.phase"), claim.at("metadata.deletionTimestamp"), claim.at("spec.volumeMode")
    command = " ".join(("kubectl describe", *claim.kubectl))
    if snapshot.is_live and leaving.present:
        found = "deleted, and gone as soon as no Pod uses it: scale the Deployment down or delete its Pod, then create the claim again"
        return pending(leaving, expected="a claim that stays", found=found, command=command)
    if mode.value == "Block":
        return failed(mode, expected="`Filesystem`, the default", found="`Block`, a raw device that cannot be mounted as a folder")
    if snapshot.is_live and phase.value == "Bound":
        return None
    if phase.value == "Lost":
        return failed(phase, expected="`Bound`", found="`Lost`: its volume is gone", command=command)
    hopeless = _hopeless(snapshot, claim)
    if hopeless is not None:
        place, expected, found = hopeless
        report = newest_event(snapshot, claim) if snapshot.is_live else None
        return failed(place, expected=expected, found=f"{found}; {report}" if report else found, command=command)
    if not snapshot.is_live:
        return None
    report = provisioning_failure(snapshot, claim)
    if report is not None:
        return failed(phase, expected="`Bound`", found=f"`{phase.text or 'Pending'}`: {report}", command=command)
    return pending(phase, expected="`Bound`", found=f"`{phase.text or 'Pending'}`, on the way to a volume", command=command)


def _hopeless(snapshot: Snapshot, claim: K8sObject) -> tuple[Field, str, str] | None:
    """The place for which waiting binds nothing, what is expected there and what is found; None when there is none, or it is not known."""
    chosen, selector = (claim.at(f"spec.{key}") for key in ("volumeName", "selector"))
    try:
        volumes = snapshot.all("PersistentVolume")
        classes = {item.name: item for item in snapshot.all("StorageClass")}
    except NotReadable:
        return None
    if any(_binds(snapshot, claim, volume, classes) for volume in volumes):
        return None
    if chosen.value not in (None, "") and not claim.key("metadata", "annotations", _FOUND).present:
        there = next((volume for volume in volumes if volume.name == chosen.value), None)
        found = _misfit(there, claim) if there is not None else "and there is no such volume"
        return chosen, "no `volumeName`, or that of a volume that is there and fits", f"{written(chosen)}, {found}"
    if selector.present:  # an empty one as well
        return selector, "no `selector`: no volume is made for a claim with one", "a `selector` for volumes, and none that fits the claim"
    classless = _classless(snapshot, claim, classes)
    near = next((volume for volume in volumes if (class_name(volume.body) or "") == class_name(claim.body) and _is_free(volume)), None)
    if classless is None or near is None:
        return classless
    place, expected, found = classless
    return place, expected, f"{found}; {near.ref} is there, {_misfit(near, claim)}"


def _is_free(volume: K8sObject) -> bool:
    return volume.at("status.phase").value in (None, "", "Pending", "Available")


def _misfit(volume: K8sObject, claim: K8sObject) -> str:
    """Why a volume is not for the claim, in words."""
    kept = volume.at("spec.claimRef")
    namespace, name = kept.at("namespace").value, kept.at("name").value
    if kept.present and (namespace, name) != (claim.namespace, claim.name):
        return f"but kept for claim `{name}` in " + (f"namespace `{namespace}`" if namespace else "no namespace")
    return "but does not fit: compare class, size and access modes"


def _binds(snapshot: Snapshot, claim: K8sObject, volume: K8sObject, classes: dict[str, K8sObject]) -> bool:
    """Whether a volume that is there may be bound to the claim. A claim submitted without a class will have the default one."""
    default = ""
    if not snapshot.is_live:
        known = [name for name, item in classes.items() if is_default(item.body)]
        own = class_name(volume.body)
        default = own if own and own in (known or (own,)) else _NO_NAME
    return may_bind(volume.body, claim.body, claim.namespace, default)


def _classless(snapshot: Snapshot, claim: K8sObject, classes: dict[str, K8sObject]) -> tuple[Field, str, str] | None:
    place, wanted = class_field(claim.root), class_name(claim.body)
    if wanted == "":
        return place, _ANY_CLASS, f"{written(place)}: only a volume that is there"
    if wanted is None:
        if snapshot.is_live and not any(is_default(item.body) for item in classes.values()):
            return place, "the name of a storage class", "none, and no StorageClass is the default"
        return None
    if wanted in classes and classes[wanted].at("provisioner").value == _BY_HAND:
        return place, _ANY_CLASS, f"`{wanted}`, a class whose volumes are made by hand, and none that fits the claim"
    if wanted in classes or (not snapshot.is_live and wanted in _USUAL):
        return None
    there = f", only {', '.join(f'`{item}`' for item in sorted(classes))}" if classes else ""
    if snapshot.is_live:
        return place, _ANY_CLASS, f"there is no StorageClass `{wanted}`{there}"
    return place, f"{_ANY_CLASS} (submit it, if it is your cluster's own)", f"`{wanted}`, a class that clusters do not come with{there}"
