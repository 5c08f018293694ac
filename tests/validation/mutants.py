"""Good manifests, and what becomes of them when one place is changed: the raw material of the comparison with a real API server."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from graders.sources import schema

Steps = tuple[str | int, ...]
HERE = Path(__file__).parent
EXERCISES = HERE.parent.parent / "exercises"
_STRINGS = (
    *("", "Upper_Case", "-dash", "dash-", "a/b", "a/b/c", "../up", "..hidden", "/abs", "a..b", "two words", " padded ", "*", "*.x", "é"),
    *("x" * 16, "x" * 64, "x" * 254, "127.0.0.1", "300.1.1.1", "::1", "10.0.0.0/8", "10.0.0.1/8", "1", "-1", "0", "150%", "0%", "10%"),
    *("1m", "1Gi", "0.5", "100u", "name.with.dots", "a=b", "a%b", "metadata.name", "metadata.labels['Bad Key']", "* * * * *", "@daily"),
)
_WORDS = (
    *("Always", "Never", "OnFailure", "None", "TCP", "UDP", "Exists", "In", "Equal", "Local", "Cluster", "Delete", "Retain", "Recreate"),
    *("RollingUpdate", "OnDelete", "Parallel", "Indexed", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "Prefix", "Exact"),
    *("Utilization", "Value", "Resource", "Pods", "Max", "Percent", "Container", "Pod", "BestEffort", "ReadWriteOncePod", "Block", "HTTPS"),
    *("Localhost", "Unmasked", "windows", "linux", "NoExecute", "ScheduleAnyway", "Bidirectional", "ClientIP", "Role", "User", "latest"),
)
_NUMBERS = (-1, 0, 1, 2, 3, 100, 101, 511, 512, 600, 3601, 65535, 65536, 86401, 100_001, 1_000_000_001, 2**31 - 1)

_EXAMPLES: dict[str, list[Any]] = {
    "string": ["", "x", "Upper_Case", "Always", "/abs"],
    "boolean": [True, False],
    "int32": [-1, 0, 1, 70_000],
    "int64": [-1, 0, 1, 70_000],
    "intOrString": [-1, 0, "x", "10%"],
    "quantity": ["-1", "0", "1Gi"],
}
# What the API server fills in or leaves out before it looks, and a volume that it counts by mistake only when it comes first.
_NOT_ADDED = ("status", "stopSignal", "flexVolume", "nodePort", "healthCheckNodePort", "deletionGracePeriodSeconds", "generation")
_KEPT = (("apiVersion",), ("kind",), ("metadata",), ("metadata", "namespace"))  # what decides which URL an object is sent to


_GONE = object()


class _Edit(NamedTuple):
    """A change, in words and as the new values of places."""

    how: str
    changes: tuple[tuple[Steps, Any], ...]


class Mutant(NamedTuple):
    """An object that differs from a good one in one place, and how, in words."""

    how: str
    body: dict[str, Any]


@cache
def manifests() -> tuple[dict[str, Any], ...]:
    """The good objects: those beside this module, the guide's and the exercises' solutions, without custom resources."""
    files = [*sorted((HERE / "manifests").glob("*.yaml")), *sorted((EXERCISES / "guide").glob("*.yaml"))]
    files += sorted(EXERCISES.glob("*/solution/*.yaml"))
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    return tuple(document for document in documents if _is_of_the_course(document))


def _is_of_the_course(document: dict[str, Any]) -> bool:
    """Whether it is no custom resource, and in no namespace but the one that a test server has."""
    group = document["apiVersion"].rpartition("/")[0]
    own = "." not in group or (group.endswith(".k8s.io") and not group.startswith("gateway."))
    return own and document["metadata"].get("namespace", "rag-engine") == "rag-engine"


def mutants(body: dict[str, Any]) -> Iterator[Mutant]:
    """Every object that differs from a good one in one place."""
    return (_made(body, edit) for edit in _edits(body))


def sample(size: int, seed: int) -> list[Mutant]:
    """At least so many mutants, the same ones for a seed: of each manifest some, of a large one more than of a small one."""
    chosen = random.Random(seed)
    pools = [(body, list(_edits(body))) for body in manifests()]
    weights = [len(edits) ** 0.5 for _, edits in pools]
    found: list[Mutant] = []
    for (body, edits), weight in zip(pools, weights, strict=True):
        number = min(len(edits), int(size * weight / sum(weights)) + 1)
        found += [_made(body, edit) for edit in chosen.sample(edits, number)]
    return found


def places_of(value: Any, path: Steps = ()) -> Iterator[Steps]:
    """The path of each value in plain data."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places_of(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places_of(item, (*path, index))


def at(body: Any, path: Steps) -> Any:
    """The value at a path."""
    for step in path:
        body = body[step]
    return body


def _edits(body: dict[str, Any]) -> Iterator[_Edit]:
    for path in places_of(body):
        if path not in _KEPT:
            own = at(body, path)
            for how, value in _changes(own):
                yield _Edit(how, ((path, value),))
            yield _Edit("removed", ((path, _GONE),))
            yield from _swaps(body, path, own)
    yield from _additions(body, schema.load_tables(schema.NEWEST).kinds[body["apiVersion"]][body["kind"]] or "", ())


def _additions(value: Any, type: str, path: Steps) -> Iterator[_Edit]:
    """Each field that is not there, with a few values of its type."""
    if type[:2] in ("[]", "{}"):
        for step, item in value.items() if type[0] == "{" else enumerate(value):
            yield from _additions(item, type[2:], (*path, step))
        return
    for name, held in schema.load_tables(schema.NEWEST).types.get(type, {}).items():
        if name in _NOT_ADDED or (path == ("metadata",) and name not in ("labels", "annotations", "finalizers", "ownerReferences")):
            continue
        if name in value:
            yield from _additions(value[name], held, (*path, name))
        else:
            for example in _examples(held, 2):
                yield _Edit(f"added as {example!r}"[:80], (((*path, name), example),))


def _examples(type: str, depth: int) -> list[Any]:
    if type[:2] == "[]":
        return [[], *([item] for item in _examples(type[2:], depth))]
    if type[:2] == "{}":
        return [{}, *({"cpu": item} for item in _examples(type[2:], depth))]
    fields = schema.load_tables(schema.NEWEST).types.get(type)
    if fields is None:
        return _EXAMPLES.get(type, [])
    return [{}, *({name: item} for name, held in fields.items() if depth for item in _examples(held, depth - 1) if name not in _NOT_ADDED)]


def _changes(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, bool):
        yield "flipped", not value
    elif isinstance(value, int):
        for number in _NUMBERS:
            yield f"= {number}", number
    elif isinstance(value, str):
        for text in (*_STRINGS, *_WORDS, value.upper(), f"{value}x"):
            yield f"= {text[:20]!r}", text
    elif isinstance(value, list):
        yield "emptied", []
        yield "first item twice", [*value, *value[:1]]
        yield "null among the items", [*value, None]
    elif isinstance(value, dict):
        yield "emptied", {}
        yield "with a bad key", {**value, "Bad/key/": "x"} if all(isinstance(item, str) for item in value.values()) else {}


def _swaps(body: dict[str, Any], path: Steps, own: Any) -> Iterator[_Edit]:
    """The value in the place of each sibling of its type, and the other way round."""
    siblings = at(body, path[:-1])
    for key in siblings if isinstance(siblings, dict) else range(len(siblings)):
        other = (*path[:-1], key)
        if other != path and other not in _KEPT and type(siblings[key]) is type(own) and siblings[key] != own:
            yield _Edit(f"swapped with {key}", ((path, siblings[key]), (other, own)))


def _made(body: dict[str, Any], edit: _Edit) -> Mutant:
    new = copy.deepcopy(body)
    for path, value in edit.changes:
        if value is _GONE:
            del at(new, path[:-1])[path[-1]]
        else:
            at(new, path[:-1])[path[-1]] = copy.deepcopy(value)
    return Mutant(f"{body['kind']}/{body['metadata']['name']} {'.'.join(map(str, edit.changes[0][0]))} {edit.how}", new)
