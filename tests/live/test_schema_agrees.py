"""The strict decoder against a real API server: what it decodes is never a fault here, and what it does not decode always is one.

Objects that the server decodes are changed in one place each, in all ways that concern decoding, and sent to it as dry-runs. Whether a
change makes an object invalid, too, is not asked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path as File
from typing import Any

import pytest
import yaml

from graders.redaction import redact
from graders.snapshot import Path, show_path
from graders.sources.schema import NEWEST, check, load_tables
from tests.api import Api

pytestmark = pytest.mark.cluster

Body = dict[str, Any]

OF_MANIFESTS = 1_800  # mutants, drawn by chance but always the same
OF_FULL_OBJECTS = 150
_SEED = 20
_EXERCISES = File(__file__).parent.parent.parent / "exercises"
_UNDECODED = re.compile(r"cannot be handled as|strict decoding error|couldn't get version/kind|is not served")

_LEAVES: list[Any] = [
    *("text", "8080", "-1", "", "true", "50%", "YQ==", "YQ", "Y Q==", "2026-01-31T12:00:00Z", "2026-02-30T12:00:00Z"),
    *("1Gb", "1 Gi", "512mi", "1e3", "1e3m", "0.5.5", " 1", "1\n", "1,5", "+5", ".5", "5.", "Gi"),
    *(7, 0, -1, 1.5, 3.0, 1e21, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, 2**63, -(2**63) - 1),
    *(True, False, None, [], {}, ["text"], [7], {"key": "text"}, [None], {"key": None}),
]
_EXAMPLES: dict[str, Any] = {
    "string": "a",
    "boolean": True,
    "int32": 1,
    "int64": 1,
    "quantity": "1",
    "intOrString": 1,
    "bytes": "YQ==",
    "time": "2026-01-31T12:00:00Z",
    "microTime": "2026-01-31T12:00:00.000000Z",
    "any": {},
}


@cache
def good() -> tuple[Body, ...]:
    """The objects of the guide and of all solutions, but for custom resources, which are not judged."""
    files = [file for file in sorted(_EXERCISES.rglob("*.yaml")) if file.parent.name in ("guide", "solution")]
    bodies = [body for file in files for body in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    return tuple(
        body for index, body in enumerate(bodies) if body not in bodies[:index] and body["apiVersion"] in load_tables(NEWEST).kinds
    )


def full(type: str, version: str) -> Any:
    """A value of a type with every field that the tables of a version give it."""
    if type[:2] == "[]":
        return [full(type[2:], version)]
    if type[:2] == "{}":
        return {"a": full(type[2:], version)}
    if type in _EXAMPLES:
        return _EXAMPLES[type]
    return {name: full(held, version) for name, held in load_tables(version).types[type].items()}


@cache
def full_objects(version: str) -> tuple[Body, ...]:
    """An object of every described kind of a version with every field."""
    return tuple(
        full(root, version) | {"apiVersion": group, "kind": kind}
        for group, kinds in load_tables(version).kinds.items()
        for kind, root in kinds.items()
        if root and kind != "ComponentStatus"  # which nobody can create
    )


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place in an object but its apiVersion and kind, which kubectl judges, too."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        if (*path, step) not in (("apiVersion",), ("kind",)):
            yield (*path, step), item
            yield from places(item, (*path, step))


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def changes(body: Body) -> Iterator[tuple[Path, str, Any]]:
    """Every change to make to an object: where, which, and with what."""
    for path, value in places(body):
        key = path[-1]
        holder = at(body, path[:-1])
        if isinstance(key, str):
            misspelt = {key[:-1], key + key[-1:], key.capitalize(), key.upper(), key[1:], f"{key}s", key.replace("-", "_"), f" {key}"}
            yield from ((path, "rename", name) for name in sorted(misspelt - {key}))
            yield path, "remove", None
            outer = path[:-1]
            while outer:
                outer = outer[:-1]
                if isinstance(at(body, outer), dict):
                    yield path, "move", outer
                    break
            for sibling, item in holder.items():
                into = item[0] if isinstance(item, list) and item else item
                if sibling != key and isinstance(into, dict):
                    yield path, "move", (*path[:-1], sibling, 0) if isinstance(item, list) else (*path[:-1], sibling)
        else:
            yield path, "insert", None
        whole: list[Any] = [[value], {"key": value}]
        if isinstance(value, dict):
            whole += [*value.values(), "text", 7, True, None, [], {}, {**value, "unknown": None}]
        elif isinstance(value, list):
            whole += [*value, "text", 7, True, None, [], {}, dict(enumerate(map(str, value)))]
        else:
            whole += _LEAVES
        yield from ((path, "replace", new) for new in whole)


def changed(body: Body, path: Path, change: str, argument: Any) -> Body:
    """The object with one change made."""
    body = deepcopy(body)
    holder = at(body, path[:-1])
    match change:
        case "rename":
            holder[argument] = holder.pop(path[-1])
        case "remove":
            del holder[path[-1]]
        case "move":
            target = at(body, argument)
            target[path[-1]] = holder.pop(path[-1])
        case "insert":
            holder.insert(path[-1], None)
        case _:
            holder[path[-1]] = argument
    return body


def disagreement(api: Api, url: str, body: Body, version: str) -> str:
    """What the server and the decoder say about one object, when they differ; empty when they agree."""
    status, answer = api.request("POST", f"{url}?fieldValidation=Strict&dryRun=All", body)
    message = answer.get("message", "")
    undecoded = status >= 400 and _UNDECODED.search(message) is not None
    for how in ("as read", "redacted") if _survives_redaction(body) else ("as read",):
        faults = check(redact(body) if how == "redacted" else body, version)
        if undecoded != bool(faults):
            return f"{how}: server {status} {message[:300]!r}, found {[fault.message for fault in faults]}"
    return ""


def _survives_redaction(body: Body) -> bool:
    """Whether what redaction leaves tells all that the decoder asks.

    It drops managed fields; and of a list among a Secret's values nothing is left that tells bytes written as numbers from a mistake.
    """
    data = body.get("data")
    lists = body["kind"] == "Secret" and isinstance(data, dict) and any(isinstance(value, list) for value in data.values())
    return not lists and not any("managedFields" in path for path, _ in places(body))


def disagreements(api: Api, bodies: tuple[Body, ...], most: int | None, version: str) -> list[str]:
    """Where the two differ among the mutants of some objects, or among as many of them, drawn by chance."""
    mutants = [(body, *change) for body in bodies for change in changes(body)]
    if most is not None:
        assert len(mutants) >= most
        mutants = random.Random(_SEED).sample(mutants, most)
    urls = {id(body): api.path(body) for body in bodies}
    found = []
    for body, path, change, argument in mutants:
        what = disagreement(api, urls[id(body)], changed(body, path, change, argument), version)
        if what:
            found.append(f"{body['kind']} {show_path(path)}: {change} {str(argument)[:80]}: {what}")
    return found


def test_server_decodes_what_the_mutants_are_made_from(api: Api, version: str) -> None:
    assert [body["kind"] for body in good() if disagreement(api, api.path(body), body, version) or check(body, version)] == []


def test_agrees_about_mutants_of_the_manifests(api: Api, version: str) -> None:
    assert disagreements(api, good(), OF_MANIFESTS, version) == []


def test_agrees_about_mutants_of_full_objects(api: Api, version: str) -> None:
    assert disagreements(api, full_objects(version), OF_FULL_OBJECTS, version) == []


@pytest.mark.parametrize(
    ("group", "kind"),
    [pytest.param(body["apiVersion"], body["kind"], id=f"{body['apiVersion']} {body['kind']}") for body in full_objects(NEWEST)],
)
def test_server_decodes_every_field_of_the_tables(api: Api, version: str, group: str, kind: str) -> None:
    body = next((body for body in full_objects(version) if (body["apiVersion"], body["kind"]) == (group, kind)), None)
    if body is None:
        pytest.skip(f"Kubernetes {version} has no {group} {kind}")
    assert check(body, version) == ()
    assert disagreement(api, api.path(body), body, version) == ""


def test_kinds_are_those_that_the_server_serves(api: Api, version: str) -> None:
    _, groups = api.request("GET", "/apis")
    served_groups = ["v1", *(each["groupVersion"] for group in groups["groups"] for each in group["versions"])]
    kinds = {kind for served in load_tables(NEWEST).kinds.values() for kind in served} | {"Widget", "deployment"}
    tried = 0
    for group in served_groups:
        _, listed = api.request("GET", f"/apis/{group}" if "/" in group else f"/api/{group}")
        served = {each["kind"] for each in listed["resources"] if "/" not in each["name"]}
        if group not in load_tables(version).kinds:  # a custom resource
            continue
        for kind in kinds | served:
            tried += 1
            faults = check({"apiVersion": group, "kind": kind}, version)
            assert bool(faults) == (kind not in served), f"{group} {kind}: {[fault.message for fault in faults]}"
    assert tried > 1_000
