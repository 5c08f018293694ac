"""What a Velero backup takes in, by its lists of included and excluded names.

The rules are those of https://velero.io/docs/main/resource-filtering/ (pkg/util/collections/includes_excludes.go): an exclusion wins, and
no inclusion at all, or `*`, includes everything. Names may be patterns with `*`, `?` and `[…]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

_ALL = "*"
_ALIASES = {
    "secrets": ("secret",),
    "configmaps": ("configmap",),
    "persistentvolumeclaims": ("persistentvolumeclaim",),
    "persistentvolumes": ("persistentvolume",),
}
_SHORT = {"cm": "configmaps", "pvc": "persistentvolumeclaims", "pv": "persistentvolumes"}  # as kubectl takes them, in lower case only
_PLURAL = {alias: plural for plural, aliases in _ALIASES.items() for alias in (plural, *aliases)}


def includes(included: Sequence[str], excluded: Sequence[str], name: str) -> bool:
    """Whether a name is taken in. Lists of resources are to be passed through `plurals` first."""
    if any(fnmatchcase(name, pattern) for pattern in excluded):
        return False
    return not included or any(fnmatchcase(name, pattern) for pattern in included)


def plurals(resources: Sequence[str]) -> tuple[str, ...]:
    """Resources by the names that the API uses, where another one is known: `secrets` for `Secret`, `configmaps` for `cm`."""
    return tuple(_SHORT.get(item) or _PLURAL.get(item.lower(), item) for item in resources)


def conflict(included: Sequence[str], excluded: Sequence[str], *, scoped: bool = False) -> str | None:
    """What is wrong with two lists so that Velero refuses the backup, in words; None when nothing is.

    `scoped` tells the newer lists, of resources in namespaces or outside: alone, they may exclude `*`.
    """
    if _ALL in included and len(set(included)) > 1:
        return "`*` beside other names"
    if _ALL in excluded and not (scoped and not included and set(excluded) == {_ALL}):
        return "`*`, which would leave nothing"
    both = sorted({*included} & {*excluded})
    return f"`{both[0]}`, included and excluded at once" if both else None
