"""Claims, volumes and storage classes (k8s.io/kubernetes pkg/apis/core/validation and pkg/apis/storage/validation)."""

from __future__ import annotations

import re

from graders.semantics import names
from graders.validation import paths, scheduling
from graders.validation.place import (
    Check,
    Place,
    between,
    exactly_one,
    listed,
    name,
    name_if_set,
    one_of,
    one_of_or_default,
    table,
)
from graders.validation.selectors import selector

_ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
_ISCSI_NAME = re.compile(r"iqn\.[0-9]{4}-[0-9]{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+|eui.[A-Za-z0-9]{16}|naa.[A-Za-z0-9]{32}")
_OLD_DATA_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))
_MOST_PARAMETERS, _LARGEST_PARAMETERS = 512, 256 * 1024


def claim(place: Place) -> None:
    """A PersistentVolumeClaim.

    Its `dataSourceRef` is ignored when it names another namespace, which Kubernetes only takes where that is switched on, and its
    `dataSource` is ignored when it stands alone and names neither a claim nor a snapshot.
    """
    spec = place["spec"]
    ignored = set()
    if spec["dataSourceRef"]["namespace"].text:
        ignored.add("dataSourceRef")
    source = (spec["dataSource"]["apiGroup"].text or "", spec["dataSource"]["kind"].text)
    if source not in _OLD_DATA_SOURCES and (ignored or not spec["dataSourceRef"]):
        ignored.add("dataSource")
    if spec.is_map:
        spec = Place({key: value for key, value in spec.value.items() if key not in ignored}, spec.path, spec.out)
    claim_spec(spec)


def claim_spec(place: Place) -> None:
    """What a claim asks for."""
    _access_modes(place["accessModes"])
    wanted = place["resources"]["requests"]["storage"]
    if not place["resources"]["requests"].is_map or "storage" not in place["resources"]["requests"].value:
        wanted.require()
    else:
        _positive(wanted)
    place.fields(_CLAIM)
    source, reference = place["dataSource"], place["dataSourceRef"]
    differs = any((source[key].value or "") != (reference[key].value or "") for key in ("apiGroup", "kind", "name"))
    if source.is_map and reference.is_map and differs:
        source.reject("the same as `dataSourceRef`, or left out")


def volume(place: Place) -> None:
    """A PersistentVolume."""
    spec = place["spec"]
    _access_modes(spec["accessModes"])
    capacity = spec["capacity"]
    if capacity.require() and capacity.is_map:
        for key, amount in capacity.entries():
            if key != "storage":
                amount.reject("`storage`", f"`{key[:80]}`", f"`{key[:80]}` is no capacity of a volume; only `storage` is.")
            _positive(amount)
    exactly_one(spec, _SOURCES, "source of a volume")
    spec.fields(_VOLUME)
    root = (spec["hostPath"]["path"].text or "x").strip("/") in ("", ".")
    if root and spec["persistentVolumeReclaimPolicy"].text == "Recycle":
        spec["persistentVolumeReclaimPolicy"].reject("`Retain` or `Delete` for the node's `/`")
    if spec["local"] and not spec["nodeAffinity"]:
        spec["nodeAffinity"].require("with a `local` volume")
    if spec["volumeAttributesClassName"] and not spec["csi"]:
        spec["csi"].require("with `volumeAttributesClassName`")


def storage_class(place: Place) -> None:
    """A StorageClass."""
    place["provisioner"].named(lambda text: names.qualified(text.lower()), required=True)
    place.fields(_STORAGE_CLASS)


def driver_name(text: str) -> str | None:
    """The name of a CSI driver."""
    return "a DNS name of at most 63 characters" if len(text) > 63 or names.dns_subdomain(text.lower()) else None


def _iscsi_name(text: str) -> str | None:
    return None if _ISCSI_NAME.fullmatch(text) else "the name of an iSCSI target, such as `iqn.2001-04.com.example:disk1`"


def _access_modes(place: Place) -> None:
    place.require()
    for item in place.items():
        if item.empty:
            item.reject(listed(_ACCESS_MODES))
        else:
            one_of(*_ACCESS_MODES)(item)
    modes = {item.text for item in place.items()} & set(_ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        place.reject("`ReadWriteOncePod` alone", "`ReadWriteOncePod` with other modes")


def _positive(place: Place) -> None:
    amount = place.quantity()
    if amount is not None and amount <= 0:
        place.reject("more than 0")


def _data_source(place: Place) -> None:
    place.needs("kind", "name")
    group = place["apiGroup"]
    if group.empty and place["kind"].text and place["kind"].text != "PersistentVolumeClaim":
        place["kind"].reject("`PersistentVolumeClaim`, unless `apiGroup` is set")
    place.fields({"apiGroup": name_if_set(names.dns_subdomain)})


def _secret_reference(place: Place) -> None:
    place["name"].named(names.dns_subdomain, required=True)
    place["namespace"].named(names.dns_label, required=True)


def _node_affinity(place: Place) -> None:
    if place["required"].require():
        scheduling.node_selector(place["required"])


def _parameters(place: Place) -> None:
    if place.size > _MOST_PARAMETERS:
        place.reject(f"at most {_MOST_PARAMETERS} parameters", f"{place.size}")
    elif sum(len(key) + len(value.text or "") for key, value in place.entries()) > _LARGEST_PARAMETERS:
        place.reject("at most 256 KiB of parameters", "more")
    for key, value in place.entries():
        if not key:
            value.reject("a parameter with a name", "one without")


def _topologies(place: Place) -> None:
    seen: list[object] = []
    for item in place.structs():
        if item["matchLabelExpressions"].empty:
            item["matchLabelExpressions"].require()
        elif item.value in seen:
            item.reject("a term that is used once", "the same a second time")
        seen.append(item.value)
        _topology(item)


def _topology(place: Place) -> None:
    seen: set[str | None] = set()
    for item in place["matchLabelExpressions"].structs():
        item["key"].named(names.qualified, required=True)
        item["values"].require()
        if item["key"].text in seen:
            item["key"].reject("a key that is used once")
        seen.add(item["key"].text)
        texts = [value.text for value in item["values"].items()]
        for index, value in enumerate(item["values"].items()):
            if value.text in texts[:index]:
                value.reject("a value that is used once")


# Each by what it cannot do without.
NETWORK_SOURCES: dict[str, Check] = {
    "nfs": table({"path": paths.absolute}, "server", "path"),
    "iscsi": table({"lun": between(0, 255), "iqn": name_if_set(_iscsi_name)}, "targetPortal", "iqn"),
    "glusterfs": table({}, "endpoints", "path"),
    "rbd": table({}, "monitors", "image"),
    "cephfs": table({}, "monitors"),
    "cinder": table({}, "volumeID"),
    "flexVolume": table({}, "driver"),
    "azureFile": table({}, "secretName", "shareName"),
    "azureDisk": table({}, "diskName", "diskURI"),
    "vsphereVolume": table({}, "volumePath"),
    "gcePersistentDisk": table({"partition": between(0, 255)}, "pdName"),
    "awsElasticBlockStore": table({"partition": between(0, 255)}, "volumeID"),
    "photonPersistentDisk": table({}, "pdID"),
    "portworxVolume": table({}, "volumeID"),
    "quobyte": table({}, "registry", "volume"),
    "scaleIO": table({}, "gateway", "system", "volumeName"),
    "fc": table({}),
    "flocker": table({}),
    "storageos": table({}),
}
HOST_PATH: Check = table(
    {
        "path": paths.no_steps_back,
        "type": one_of("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"),
    },
    "path",
)
_CLAIM: dict[str, Check] = {
    "selector": selector,
    "storageClassName": name_if_set(names.dns_subdomain),
    "volumeAttributesClassName": name_if_set(names.dns_subdomain),
    "volumeMode": one_of("Filesystem", "Block"),
    "dataSource": _data_source,
    "dataSourceRef": _data_source,
}
_SOURCES: dict[str, Check] = {
    **NETWORK_SOURCES,
    "hostPath": HOST_PATH,
    "local": table({"path": paths.no_steps_back}, "path"),
    "csi": table(
        {
            "driver": name(driver_name),
            "controllerPublishSecretRef": _secret_reference,
            "controllerExpandSecretRef": _secret_reference,
            "nodePublishSecretRef": _secret_reference,
            "nodeExpandSecretRef": _secret_reference,
        },
        *("driver", "volumeHandle"),
    ),
}
_VOLUME: dict[str, Check] = {
    **_SOURCES,
    "nodeAffinity": _node_affinity,
    "persistentVolumeReclaimPolicy": one_of_or_default("Retain", "Delete", "Recycle"),
    "storageClassName": name_if_set(names.dns_subdomain),
    "volumeAttributesClassName": name(names.dns_subdomain),
    "volumeMode": one_of("Filesystem", "Block"),
}
_STORAGE_CLASS: dict[str, Check] = {
    "parameters": _parameters,
    "reclaimPolicy": one_of_or_default("Delete", "Retain"),
    "volumeBindingMode": one_of("Immediate", "WaitForFirstConsumer"),
    "allowedTopologies": _topologies,
}
