"""Velero's objects: where they are looked for, and what the API server refuses in them.

Velero reads its own namespace only, usually `velero`, and never the one being graded. Its kinds are custom resources, of which the grader's
tables of Kubernetes (graders.sources.schema) know nothing; the fields of those that learners write stand here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Verdict, failed

API = "velero.io/v1"
NAMESPACE = "velero"
NAMESPACES = ("includedNamespaces", "excludedNamespaces")
RESOURCES = ("includedResources", "excludedResources")
NAMESPACED = ("includedNamespaceScopedResources", "excludedNamespaceScopedResources")
CLUSTER_WIDE = ("includedClusterScopedResources", "excludedClusterScopedResources")


class _Type(NamedTuple):
    """What a field may hold, in words and as a rule; nothing and null are always allowed."""

    words: str
    fits: Callable[[Field], bool]


def _strings(fields: Collection[Field]) -> bool:
    return all(field.text is not None for field in fields)


_TEXT = _Type("a string", lambda field: field.text is not None)
_FLAG = _Type("`true` or `false`, without quotes", lambda field: field.flag is not None)
_MAP = _Type("a map", lambda field: isinstance(field.value, Mapping))
_LIST = _Type("a list", lambda field: isinstance(field.value, tuple))
_NAMES = _Type("a list of names", lambda field: isinstance(field.value, tuple) and _strings([*field.each()]))
_TEXTS = _Type(
    "a map of strings; numbers and booleans among them need quotes",
    lambda field: isinstance(field.value, Mapping) and all(entry.text is not None or not entry.present for _, entry in field.entries()),
)

Fields = Mapping[str, Mapping[str, _Type]]

# By place, as in the definitions of Velero 1.18 (config/crd/v1/bases).
SCHEDULE: Fields = {
    "spec": {"schedule": _TEXT, "template": _MAP, "paused": _FLAG, "skipImmediately": _FLAG, "useOwnerReferencesInBackup": _FLAG},
    "spec.template": {
        **dict.fromkeys((*NAMESPACES, *RESOURCES, *NAMESPACED, *CLUSTER_WIDE, "volumeSnapshotLocations"), _NAMES),
        **dict.fromkeys(("includeClusterResources", "snapshotVolumes", "snapshotMoveData"), _FLAG),
        **dict.fromkeys(("defaultVolumesToFsBackup", "defaultVolumesToRestic"), _FLAG),
        **dict.fromkeys(("ttl", "storageLocation", "datamover", "csiSnapshotTimeout", "itemOperationTimeout"), _TEXT),
        "volumeGroupSnapshotLabelKey": _TEXT,
        **dict.fromkeys(("metadata", "labelSelector", "hooks", "resourcePolicy", "uploaderConfig"), _MAP),
        "orLabelSelectors": _LIST,
        "orderedResources": _TEXTS,
    },
}
LOCATION: Fields = {
    "spec": {
        **dict.fromkeys(("provider", "accessMode", "backupSyncPeriod", "validationFrequency"), _TEXT),
        **dict.fromkeys(("objectStorage", "credential"), _MAP),
        "config": _TEXTS,
        "default": _FLAG,
    },
    "spec.objectStorage": {"bucket": _TEXT, "prefix": _TEXT, "caCert": _TEXT, "caCertRef": _MAP},
}


def last_of_each(snapshot: Snapshot, kind: str) -> tuple[K8sObject, ...]:
    """The objects of a kind in any namespace; of two with one name the last, as `kubectl apply` would leave it. Raises NotReadable."""
    return tuple({(item.namespace, item.name): item for item in snapshot.everywhere(kind)}.values())


def home(snapshot: Snapshot, schedule: str) -> str:
    """The namespace that Velero works in: where both a location and the Schedule of that name are, else the likelier of theirs.

    Raises NotReadable.
    """
    locations = {item.namespace for item in snapshot.everywhere("BackupStorageLocation")}
    schedules = {item.namespace for item in snapshot.everywhere("Schedule") if item.name == schedule}
    likely = sorted((locations & schedules) or (locations | schedules), key=lambda name: (name != NAMESPACE, name not in locations, name))
    return likely[0] if likely else NAMESPACE


def astray(item: K8sObject, where: str) -> Verdict:
    """The failure of an object that is not where Velero works."""
    found = f"`{item.namespace}`, where Velero does not look"
    if item.namespace_assumed:
        found = "none, so kubectl puts it into the default one of your context, where Velero does not look"
    return failed(item.at("metadata.namespace"), expected=f"namespace `{where}`, as Velero's other objects", found=found)


def remarks(snapshot: Snapshot, item: K8sObject) -> tuple[str, ...]:
    """The advice on an object that does not say where it belongs, or that was submitted twice."""
    advice = []
    if item.namespace_assumed:
        advice.append(
            f"{item.ref} names no namespace, so kubectl would put it into the default one of your context. Velero looks into its own "
            f"only: write `namespace: {NAMESPACE}` under metadata."
        )
    count = sum((twin.namespace, twin.name) == (item.namespace, item.name) for twin in snapshot.everywhere(item.kind))
    if count > 1:
        advice.append(f"{item.ref} was submitted {count} times; the last one wins. Keep one.")
    return tuple(advice)


def unserved(item: K8sObject) -> Verdict | None:
    """The failure of an object in an API version that Velero does not have."""
    if item.api_version == API:
        return None
    return failed(item.at("apiVersion"), expected=f"`apiVersion: {API}`", found=f"`{item.api_version}`")


def refused(item: K8sObject, fields: Fields, concerns: Callable[[str], bool] | None = None) -> Verdict | None:
    """The first field that the API server refuses: one that it does not have, or whose value has the wrong type.

    `concerns` says for the path of a field, `spec.template.ttl`, whether to look at it; for a field that does not exist it is asked about
    the one that was meant (the empty string where nobody can tell). Without it all are looked at.
    """
    return next((verdict for path, verdict in _faults(item, fields) if concerns is None or concerns(path)), None)


def _faults(item: K8sObject, fields: Fields) -> Iterator[tuple[str, Verdict]]:
    paths = {name.lower(): f"{place}.{name}" for place, types in fields.items() for name in types}
    for place, types in fields.items():
        for key, field in item.at(place).entries():
            known = types.get(key)
            if known is None:
                close = get_close_matches(key.lower(), paths, n=1, cutoff=0.75)
                meant = paths[close[0]] if close else ""
                expected = f"`{meant}`" if meant else "a field that Velero has"
                yield meant, failed(field, expected=expected, found=f"`{field}`, which is no field")
            elif field.present and not known.fits(field):
                odd = _unquoted(field) if known is _TEXTS else field
                yield f"{place}.{key}", failed(odd, expected=known.words, found=shown(odd))


def _unquoted(field: Field) -> Field:
    """The first entry of a map that is no string, or the field itself where it is no map."""
    return next((entry for _, entry in field.entries() if entry.present and entry.text is None), field)


def shown(field: Field) -> str:
    """A value as YAML would hold it; a string in quotes where it would else be taken for something other."""
    if not field.present:
        return f"no `{field.path[-1]}`"
    if field.flag is not None:
        return f"`{str(field.flag).lower()}`"
    if field.text is not None:
        quoted = not field.text or field.text in ("true", "false") or field.text.isdigit()
        return f'`"{field.text}"`, a string' if quoted else f"`{field.text}`"
    if isinstance(field.value, tuple):
        return "a list"
    return "a map" if isinstance(field.value, Mapping) else f"`{field.value}`"


def names(field: Field) -> tuple[str, ...]:
    """The strings of a list."""
    return tuple(item.text for item in field.each() if item.text is not None)
