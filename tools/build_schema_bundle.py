"""Make graders/schemas/kubernetes.json: what the API server's decoder knows about the course's kinds.

    python tools/build_schema_bundle.py            write the bundle
    python tools/build_schema_bundle.py --check    exit with 1 when the committed bundle differs

The source is the OpenAPI definitions that kubernetes-validate ships (a development dependency; the grader never imports it). Only
structure is kept: the kinds of each API version, and for each type its fields and what each holds. What the definitions call required
is left out: the decoder asks for nothing, graders.validation does.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

BUNDLE = Path(__file__).parent.parent / "graders" / "schemas" / "kubernetes.json"
VERSIONS = ("1.37", "1.36")  # the first is written in full, the others as differences from it

DESCRIBED = frozenset(
    (
        "v1", "apps/v1", "batch/v1", "autoscaling/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1",
        "rbac.authorization.k8s.io/v1", "storage.k8s.io/v1", "discovery.k8s.io/v1", "scheduling.k8s.io/v1",
    )
)  # fmt: skip

# Kinds that have definitions and are no objects to apply: bodies of subresources, and the API server's answers.
_NOT_APPLIED = frozenset(("Eviction", "Scale", "Status", "TokenRequest"))
_PREVIEW = re.compile(r"v\d+(alpha|beta)\d+")

_LEAVES = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "intOrString",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "microTime",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
}
_PREFIXES = ("io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", "io.k8s.apimachinery.pkg.", "io.k8s.")

Definitions = dict[str, Any]
Table = dict[str, Any]


def build() -> str:
    """The bundle as text: one type a line, so that a new Kubernetes version reads well as a difference."""
    tables = {version: _table(_definitions(version)) for version in VERSIONS}
    newest = tables[VERSIONS[0]]
    changes = {version: _changes(newest, tables[version]) for version in VERSIONS[1:]}
    lines = ["{"]
    lines.append(f' "newest": "{VERSIONS[0]}",')
    lines.append(_section("kinds", newest["kinds"]) + ",")
    lines.append(_section("types", newest["types"]) + ",")
    lines.append(_section("older", changes))
    return "\n".join([*lines, "}", ""])


def _section(name: str, entries: dict[str, Any]) -> str:
    body = ",\n".join(f"  {json.dumps(key)}: {json.dumps(entries[key], sort_keys=True, separators=(',', ':'))}" for key in sorted(entries))
    return f' "{name}": {{\n{body}\n }}'


def _definitions(version: str) -> Definitions:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    definitions: Definitions = json.loads((folder / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    return definitions


def _table(definitions: Definitions) -> Table:
    """Kinds by group and version (with their type, or null where the course does not describe it) and the types they reach.

    Alpha and beta versions are left out: an API server does not serve them unless told to, since 1.24.
    """
    kinds: dict[str, dict[str, str | None]] = {}
    reached: dict[str, dict[str, str]] = {}
    for name, definition in definitions.items():
        served = definition.get("x-kubernetes-group-version-kind", ())
        if len(served) != 1 or "metadata" not in definition.get("properties", {}):
            continue
        group, version, kind = (served[0][part] for part in ("group", "version", "kind"))
        if _PREVIEW.fullmatch(version) or kind.endswith("List") or kind in _NOT_APPLIED:
            continue
        api_version = f"{group}/{version}" if group else version
        described = api_version in DESCRIBED
        kinds.setdefault(api_version, {})[kind] = _short(name) if described else None
        if described:
            _reach(name, definitions, reached)
    return {"kinds": kinds, "types": reached}


def _reach(name: str, definitions: Definitions, reached: dict[str, dict[str, str]]) -> None:
    short = _short(name)
    if short not in reached:
        fields = reached[short] = {}
        for field, schema in definitions[name].get("properties", {}).items():
            fields[field] = _type(schema, definitions, reached)


def _type(schema: Any, definitions: Definitions, reached: dict[str, dict[str, str]]) -> str:
    """`[]X` is a list of X, `{}X` a map to X, a name with a dot another type; everything else a leaf."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if name in _LEAVES:
            return _LEAVES[name]
        if not definitions[name].get("properties") and not definitions[name].get("type"):
            return "any"
        _reach(name, definitions, reached)
        return _short(name)
    types = schema.get("type", ())
    kind = next((kind for kind in ([types] if isinstance(types, str) else types) if kind != "null"), "any")
    if kind == "array":
        return "[]" + _type(schema["items"], definitions, reached)
    if kind == "object":
        return "{}" + _type(schema["additionalProperties"], definitions, reached) if schema.get("additionalProperties") else "any"
    if kind == "integer":
        return str(schema["format"])
    return {"byte": "bytes", "date-time": "time"}.get(schema.get("format", ""), kind)


def _short(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _changes(newest: Table, other: Table) -> Table:
    """What to replace in the newest table to get the other; null takes an entry away."""
    changed = {}
    for part in ("kinds", "types"):
        names = newest[part].keys() | other[part].keys()
        changed[part] = {name: other[part].get(name) for name in sorted(names) if newest[part].get(name) != other[part].get(name)}
    return changed


def main(argv: list[str] | None = None) -> int:
    """Write the bundle, or compare it with what is committed."""
    parser = argparse.ArgumentParser(description="Make the schema bundle of the grader from kubernetes-validate.")
    parser.add_argument("--check", action="store_true", help="only compare; exit with 1 when the committed bundle differs")
    options = parser.parse_args(argv)
    text = build()
    if options.check:
        return 0 if BUNDLE.read_text(encoding="utf-8") == text else 1
    BUNDLE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
