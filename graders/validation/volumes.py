"""Volumes of a Pod and their mounts (k8s.io/kubernetes pkg/apis/core/validation ValidateVolumes and ValidateVolumeMounts)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from graders.semantics import names
from graders.validation import paths, storage
from graders.validation.environment import file_field, file_resource
from graders.validation.metadata import claim_template
from graders.validation.place import Check, Place, between, each, exactly_one, one_of, one_of_or_default, table, unique
from graders.validation.selectors import selector

_MODE = between(0, 0o777)
_TEN_MINUTES, _LONGEST = 600, 2**32
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_BLOCK_SOURCES = ("persistentVolumeClaim", "ephemeral")


def volumes(place: Place, claimed: Collection[str]) -> Mapping[str, str]:
    """The volumes of a Pod; gives the source of each by name. Those of a StatefulSet's claims (`claimed`) take the place of equal names."""
    found = dict.fromkeys(claimed, "persistentVolumeClaim")
    own = [volume for volume in place.structs() if volume["name"].text not in found]
    for volume in own:
        volume["name"].named(names.dns_label, required=True)
        source = exactly_one(volume, _SOURCES, "source of a volume", required=False)
        volume.fields(_SOURCES)
        if volume["name"].text:
            found[volume["name"].text] = source or "emptyDir"
    unique((volume["name"] for volume in own), "name of a volume")
    return found


def mounts(container: Place, found: Mapping[str, str]) -> None:
    """The `volumeMounts` and `volumeDevices` of a container in a Pod with these volumes."""
    listed, devices = list(container["volumeMounts"].structs()), list(container["volumeDevices"].structs())
    for mount in listed:
        _mount(mount, found, privileged=container["securityContext"]["privileged"].is_true)
    for device in devices:
        _device(device, found)
    unique((mount["mountPath"] for mount in listed), "mount path")
    unique((device["name"] for device in devices), "volume")
    unique((device["devicePath"] for device in devices), "device path")
    _disjoint((mount["name"] for mount in listed), devices, "name", "`volumeDevices`")
    _disjoint((mount["mountPath"] for mount in listed), devices, "devicePath", "`volumeDevices`")


def _disjoint(places: Iterator[Place], devices: list[Place], key: str, where: str) -> None:
    taken = {device[key].text for device in devices} - {None, ""}
    for place in places:
        if place.text in taken:
            place.reject(f"one that is not in {where} too")


def _mount(mount: Place, found: Mapping[str, str], *, privileged: bool) -> None:
    mount["mountPath"].require()
    if mount["name"].require() and mount["name"].text is not None and mount["name"].text not in found:
        _not_found(mount["name"], found)
    mount.fields(_MOUNT)
    if mount["subPath"].text and mount["subPathExpr"].text:
        mount["subPathExpr"].reject(
            "no `subPathExpr` beside `subPath`", "both", "`subPath` and `subPathExpr` are set; only one is allowed."
        )
    if mount["mountPropagation"].text == "Bidirectional" and not privileged:
        mount["mountPropagation"].reject("`None` or `HostToContainer` in a container that is not privileged")
    if mount["recursiveReadOnly"].text in ("Enabled", "IfPossible"):
        if not mount["readOnly"].is_true:
            mount["recursiveReadOnly"].reject("`Disabled` without `readOnly: true`")
        if mount["mountPropagation"].text not in (None, "None"):
            mount["recursiveReadOnly"].reject("`Disabled` with this `mountPropagation`")


def _device(device: Place, found: Mapping[str, str]) -> None:
    name, path = device["name"], device["devicePath"]
    if name.require() and name.text is not None:
        if name.text not in found:
            _not_found(name, found)
        elif found[name.text] not in _BLOCK_SOURCES:
            name.reject("a volume of a PersistentVolumeClaim")
    if path.require():
        paths.no_steps_back(path)


def _not_found(place: Place, found: Mapping[str, str]) -> None:
    known = ", ".join(f"`{known}`" for known in sorted(found))
    place.reject(f"the name of a volume: {known or 'there is none'}", message=f"There is no volume {place.shown()} in this Pod.")


def _downward_file(place: Place) -> None:
    place.needs("path")
    place.fields({"path": paths.of_file, "mode": _MODE, "fieldRef": file_field, "resourceFieldRef": file_resource})
    exactly_one(place, ("fieldRef", "resourceFieldRef"), "source of the file")


def _token(place: Place) -> None:
    place.needs("path")
    place.fields({"path": paths.of_file, "expirationSeconds": between(_TEN_MINUTES, _LONGEST)})


def _trust_bundle(place: Place) -> None:
    place.needs("path")
    chosen = exactly_one(place, ("name", "signerName"), "of `name` and `signerName`")
    if chosen == "name":
        place["labelSelector"].forbid("beside `name`")
    place.fields({"path": paths.of_file, "name": lambda name: None if name.text else name.reject("a name"), "labelSelector": selector})


def _projected(place: Place) -> None:
    place.fields({"defaultMode": _MODE})
    files: list[Place] = []
    for source in place["sources"].structs():
        exactly_one(source, _PROJECTIONS, "source in each item", required=False)
        source.fields(_PROJECTIONS)
        for kind in ("secret", "configMap", "downwardAPI"):
            files += [item["path"] for item in source[kind]["items"].structs()]
        files.append(source["clusterTrustBundle"]["path"])
    unique(files, "path of a file")


def _ephemeral(place: Place) -> None:
    template = place["volumeClaimTemplate"]
    if template.require():
        claim_template(template["metadata"])
        storage.claim_spec(template["spec"])


def _negative(place: Place) -> None:
    amount = place.quantity()
    if amount is not None and amount < 0:
        place.reject("0 or more")


def _csi(place: Place) -> None:
    place["driver"].named(storage.driver_name, required=True)
    if place["nodePublishSecretRef"].is_map:
        place["nodePublishSecretRef"]["name"].named(names.dns_subdomain, required=True)


_KEY_TO_PATH = table({"path": paths.of_file, "mode": _MODE}, "key", "path")
_FILES: dict[str, Check] = {"defaultMode": _MODE, "items": each(_KEY_TO_PATH)}
_PROJECTIONS: dict[str, Check] = {
    "secret": table(_FILES, "name"),
    "configMap": table(_FILES, "name"),
    "downwardAPI": table({"items": each(_downward_file)}),
    "serviceAccountToken": _token,
    "clusterTrustBundle": _trust_bundle,
    "podCertificate": table({}, "signerName", "keyType"),
}
_SOURCES: dict[str, Check] = {
    "emptyDir": table({"sizeLimit": _negative}),
    "hostPath": storage.HOST_PATH,
    "gitRepo": table({"directory": paths.inside}, "repository"),
    "secret": table(_FILES, "secretName"),
    "persistentVolumeClaim": table({}, "claimName"),
    "downwardAPI": table({"defaultMode": _MODE, "items": each(_downward_file)}),
    "configMap": table(_FILES, "name"),
    "projected": _projected,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": table({"pullPolicy": one_of_or_default("Always", "IfNotPresent", "Never")}, "reference"),
    **storage.NETWORK_SOURCES,
}
_MOUNT: dict[str, Check] = {
    "subPath": paths.inside,
    "subPathExpr": paths.inside,
    "mountPropagation": one_of(*_PROPAGATIONS),
    "recursiveReadOnly": one_of("Disabled", "Enabled", "IfPossible"),
}
