"""What a learner may have meant: the kind, API version or field that is nearest to one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from graders.kinds import KINDS
from graders.snapshot import Path

Kinds = Mapping[str, Mapping[str, str | None]]
"""By API version, the kinds that it serves, each with the name of its type; None for kinds that are not described."""
Types = Mapping[str, Mapping[str, str]]
"""By name of a type, what each of its fields holds."""

_FARTHEST = 3  # levels up and down that a misplaced field is looked for
_ALIKE = 0.7
_ALIKE_KINDS = 0.8
_ALMOST_EQUAL = 0.85
_LONGEST = 80  # characters; no name has so many, and comparing takes time

# Fields as other API versions of the same kinds had them, or as like kinds have them.
_RENAMED = {
    ("core.v1.SecretVolumeSource", "name"): "secretName",
    ("core.v1.ConfigMapVolumeSource", "configMapName"): "name",
    ("networking.v1.IngressBackend", "serviceName"): "service.name",
    ("networking.v1.IngressBackend", "servicePort"): "service.port.number",
    ("networking.v1.IngressSpec", "backend"): "defaultBackend",
    ("autoscaling.v2.HorizontalPodAutoscalerSpec", "targetCPUUtilizationPercentage"): "metrics",
    ("autoscaling.v2.ResourceMetricSource", "targetAverageUtilization"): "target.averageUtilization",
    ("autoscaling.v2.ResourceMetricSource", "targetAverageValue"): "target.averageValue",
    ("autoscaling.v2.PodsMetricSource", "metricName"): "metric.name",
    ("autoscaling.v2.PodsMetricSource", "targetAverageValue"): "target.averageValue",
}
# Fields that a later API version of the same kind has.
_NEWER = {("autoscaling.v1.HorizontalPodAutoscalerSpec", key): "autoscaling/v2" for key in ("metrics", "behavior")}
# Where keys of the learner's own choice belong that stand one level too far out.
_CHOSEN = {
    "meta.v1.ObjectMeta": ("A label goes", "labels"),
    "meta.v1.LabelSelector": ("A label goes", "matchLabels"),
    "core.v1.ConfigMap": ("A setting goes", "data"),
    "core.v1.Secret": ("Plain text goes", "stringData"),
}


class Meant(NamedTuple):
    """A field that a learner may have meant: its path, what to write, and a sentence for the end of a message.

    `misspelt` tells that nothing but the name is wrong.
    """

    path: Path
    write: str
    advice: str
    misspelt: bool = False


class _Place(NamedTuple):
    """Where a field of that name fits. `there` tells whether the object has what should hold it, `taken` whether the field, too."""

    path: Path
    words: str
    there: bool
    taken: bool = False


def meant_field(key: str, value: Any, body: Mapping[str, Any], type: str, path: Path, types: Types) -> Meant | None:
    """What a field `key: value` may have been meant for that the type at `path` does not have.

    `type` is that of the whole object, `body`. None when nothing comes near.
    """
    holders = list(_holders(type, path, types))
    fields = types[holders[-1][0]]
    renamed = _RENAMED.get((holders[-1][0], key))
    if renamed:
        return Meant((*path, *renamed.split(".")), f"`{renamed}`", f"Here it is `{renamed}`.", misspelt=_fits(value, fields.get(renamed)))
    newer = _NEWER.get((holders[-1][0], key))
    if newer:
        return Meant((*path, key), f"`apiVersion: {newer}`, which has `{key}`", f"Write `apiVersion: {newer}`, which has it.")
    fitting = [name for name in fields if _fits(value, fields[name])]
    name = _spelt(key, fields) or _close(key, fitting, _ALMOST_EQUAL)
    place = None if name else _elsewhere(key, value, body, holders, path, types)
    if place is not None and not place.taken:
        advice = f"It belongs {place.words}{': look at its indentation' if place.there else ''}."
        return Meant((*place.path, key), f"`{key}` {place.words}", advice)
    name = name or _close(key, fitting, _ALIKE) or _close(key, fields, _ALIKE)
    if name:
        return Meant((*path, name), f"`{name}`", f"Did you mean `{name}`?", misspelt=_fits(value, fields[name]))
    if place is not None:
        return Meant((*path, key), f"no `{key}` here", f"It is already set {place.words}: remove it here.")
    chosen = _CHOSEN.get(holders[-1][0])
    if chosen and not isinstance(value, Mapping | list | tuple):
        words, field = chosen
        return Meant((*path, field, key), f"`{key}` under `{field}`", f"{words} under `{field}`.")
    return None


def _holders(type: str, path: Path, types: Types) -> Iterator[tuple[str, Path]]:
    """The types with fields on the way to `path`, from the whole object inwards, each with its own path."""
    yield type, ()
    held = type
    for length, step in enumerate(path, 1):
        held = types[held][str(step)] if held in types else held[2:]
        if held in types:
            yield held, path[:length]


def _elsewhere(key: str, value: Any, body: Mapping[str, Any], holders: list[tuple[str, Path]], path: Path, types: Types) -> _Place | None:
    """The nearest place further out, further in or beside that takes such a field; one that has it already only next to here."""
    for distance in range(1, _FARTHEST + 1):
        found = [
            place
            for up in range(min(distance, len(holders) - 1), -1, -1)
            for place in _below(key, value, body, holders[-1 - up], distance - up, path, types)
        ]
        free = [place for place in found if not place.taken]
        there = [place for place in free if place.there]
        if there:
            return there[0]
        if distance == 1 and len(free) < len(found):
            return next(place for place in found if place.taken)
        if len(free) == 1:
            return free[0]
        if found and distance == 1:
            several = " or ".join(f"`{place.path[-1]}`" for place in found[:3])
            return _Place(found[0].path, f"under {several}", False)
    return None


def _below(
    key: str, value: Any, body: Mapping[str, Any], holder: tuple[str, Path], depth: int, path: Path, types: Types
) -> Iterator[_Place]:
    """The places exactly `depth` levels below a holder that take the field."""
    own = value_of(body, holder[1])
    for names, inner in _inner(holder[0], depth, types):
        if not _fits(value, types[inner].get(key)):
            continue
        steps, item = _resolve(own, names)
        taken = isinstance(item, Mapping) and item.get(key) is not None
        outer = holder[1]
        if not names:
            words = f"beside `{path[len(outer)]}`"
        else:
            shown = ".".join((*(() if outer == path else _shown(outer)), *names))
            words = f"in an item of `{shown[:-2]}`" if shown.endswith("[]") else f"under `{shown}`"
        yield _Place((*outer, *steps), words, item is not None, taken)


def _inner(type: str, depth: int, types: Types) -> Iterator[tuple[tuple[str, ...], str]]:
    """The types with fields that lie `depth` levels below a type, each with the names that lead there; `[]` marks a list."""
    if depth == 0:
        yield (), type
        return
    for name, held in types[type].items():
        inner = held.removeprefix("[]")
        if name != "status" and inner in types:
            for names, found in _inner(inner, depth - 1, types):
                yield (name if inner == held else f"{name}[]", *names), found


def _resolve(value: Any, names: Iterable[str]) -> tuple[Path, Any]:
    """Follow names in an object, into the last item of each list: the steps taken, and what is there."""
    steps: list[str | int] = []
    for name in names:
        field = name.removesuffix("[]")
        value = value.get(field) if isinstance(value, Mapping) else None
        steps.append(field)
        if field != name:
            items = value if isinstance(value, list | tuple) else ()
            value = items[-1] if items else None
            steps.append(max(len(items) - 1, 0))
    return tuple(steps), value


def value_of(body: Any, path: Path) -> Any:
    """What stands at a path that is there."""
    for step in path:
        body = body[step]
    return body


def _shown(path: Path) -> Iterator[str]:
    """The names on a path, with `[]` for each step into a list."""
    for index, step in enumerate(path):
        if isinstance(step, str):
            yield f"{step}[]" if index + 1 < len(path) and isinstance(path[index + 1], int) else step


def _fits(value: Any, type: str | None) -> bool:
    """Whether a value has the shape of a type: a list, a map, or neither."""
    if type is None or value is None:
        return type is not None
    if isinstance(value, list | tuple):
        return type[:2] == "[]"
    return isinstance(value, Mapping) == (type[:2] == "{}" or "." in type) and type[:2] != "[]"


def _spelt(key: str, names: Iterable[str]) -> str | None:
    """The name that differs in case, dashes, underscores and spaces only."""
    plain = _plain(key)
    return next((name for name in names if _plain(name) == plain), None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _close(key: str, names: Iterable[str], cutoff: float) -> str | None:
    plain = {_plain(name): name for name in names}
    close = get_close_matches(_plain(key), plain, n=1, cutoff=cutoff) if len(key) <= _LONGEST else ()
    return plain[close[0]] if close else None


def meant_kind(kind: str, kinds: Kinds) -> str | None:
    """The kind that a misspelt one, a plural, a short name or one in lower case stands for."""
    names = [name for served in kinds.values() for name in served]
    known = {known: kind.name for kind in KINDS.values() for known in (kind.short, kind.plural) if kind.name in names}
    return known.get(kind.lower()) or _spelt(kind, names) or _close(kind, names, _ALIKE_KINDS)


def version_of(kind: str, kinds: Kinds) -> str | None:
    """The API version to write for a kind: one that is described before one that is not, the newest of several.

    For a custom resource that the course uses, its own; None for other kinds.
    """
    if kind in KINDS and not any(kind in served for served in kinds.values()):
        return KINDS[kind].api_version
    serving = [version for version, served in kinds.items() if kind in served]
    described = [version for version in serving if kinds[version][kind]]
    return max(described or serving, key=lambda version: version.rpartition("/")[2], default=None)


def meant_group(version: str, kind: str, kinds: Kinds) -> str | None:
    """The API version of Kubernetes itself that a misspelt one stands for, if that serves the kind."""
    serving = [known for known, served in kinds.items() if kind in served]
    close = get_close_matches(version, serving, n=1, cutoff=_ALMOST_EQUAL) if len(version) <= _LONGEST else ()
    return close[0] if close else None
