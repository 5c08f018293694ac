"""What the API server's strict decoder says about an object: unknown fields, wrong types, values out of range, API versions.

The tables in graders/schemas/kubernetes.json come from Kubernetes' own OpenAPI definitions (tools/build_schema_bundle.py). The
rules are those of the server's decoder (sigs.k8s.io/json with strict field validation): names are compared exactly, null is the
same as absent, numbers and strings never stand for each other, whole numbers have a range and no fraction. Kinds that the tables do
not describe, custom resources above all, are not judged, nor is what decodes and is then found invalid (graders.validation).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path as File
from typing import Any, NamedTuple

from graders.semantics.credentials import decode_base64
from graders.semantics.quantities import parse_quantity
from graders.snapshot import Path, Suggestion
from graders.sources.yaml_scalars import NotJson, resolve

NEWEST = "1.37"
VERSIONS = ("1.36", "1.37")
_MOST_FAULTS = 20  # of one object; more help nobody
_MOST_CHARACTERS = 60  # of a learner's own text in a message
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T([01]?\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?(Z|[+-]([01]\d|2[0-4]):([0-5]\d|60))", re.ASCII
)  # as Go's time.Parse reads RFC 3339
_ESCAPED = re.compile(r"[\x00-\x1f\u2028\u2029]")  # in JSON as Go writes it
_AMOUNT = re.compile(r"([0-9.]+)([kmgtpe])i?b?", re.IGNORECASE)
_EXAMPLES: dict[str, Any] = {"null": None, "boolean": False, "number": 0, "string": "", "array": (), "object": {}}  # of SecretFacts' types
_GONE = {"PodSecurityPolicy": "Label the Namespace with `pod-security.kubernetes.io/enforce` instead."}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that the API server would refuse.

    `path` is the field that it is about: for a misspelt or misplaced field the one that was meant. `written` is where it stands in the
    manifest, which is where its line is to be looked up. `message` stands on its own, `expected` and `found` are its halves.
    `unknown_field` tells it from a value that is wrong. `suggestion` is what to write in its place where that is certain.
    """

    path: Path
    written: Path
    message: str
    expected: str
    found: str
    unknown_field: bool = False
    suggestion: Suggestion | None = None


class Tables(NamedTuple):
    """By API version the kinds that it serves, each with its type or None; and by type its fields, each with what it holds.

    `[]X` is a list of X, `{}X` a map to X, a name with a dot a type, anything else a leaf.
    """

    kinds: dict[str, dict[str, str | None]]
    types: dict[str, dict[str, str]]


class _Refusal(NamedTuple):
    """What the decoder takes instead of a value, and what to do about it."""

    expected: str
    advice: str = ""


class _Enough(Exception):
    """The object has as many faults as are told."""


@cache
def load_tables(version: str) -> Tables:
    """The kinds and types of a version, read once. Shared with every caller, and not to be changed."""
    bundle = json.loads((File(__file__).parent.parent / "schemas" / "kubernetes.json").read_bytes())
    tables = Tables(bundle["kinds"], bundle["types"])
    for part, changes in bundle["older"].get(version, {}).items():
        table = getattr(tables, part)
        for name, entry in changes.items():
            if entry is None:
                del table[name]
            else:
                table[name] = entry
    return tables


def check(body: Mapping[str, Any], version: str = NEWEST) -> tuple[Fault, ...]:
    """What an API server of that version would refuse to decode of one object, whatever its shape; at most 20 faults.

    `version` is one of VERSIONS; any other one is taken for the newest. The values of a Secret may be there as text or as SecretFacts
    (graders.redaction); neither is ever part of a fault.
    """
    tables = load_tables(version)
    faults = list(_head(body, tables))
    if faults:
        return tuple(faults)
    root = tables.kinds.get(body["apiVersion"], {}).get(body["kind"])
    if root is None:
        return ()
    decoder = _Decoder(body, root, version)
    with suppress(_Enough):
        decoder.fields(body, root, ())
    return tuple(decoder.faults)


def _head(body: Mapping[str, Any], tables: Tables) -> Iterator[Fault]:
    """Whether apiVersion and kind are there, are text, and go together. kubectl asks for both before it asks the server."""
    version, kind = body.get("apiVersion"), body.get("kind")
    for key, value in (("apiVersion", version), ("kind", kind)):
        if value is None or value == "":
            yield _missing(key, body, tables)
        elif not isinstance(value, str):
            found = _as_written(key, value)
            yield _fault((key,), f"`{key}` must be a string, and is {found}.", "a string", found)
    if isinstance(version, str) and isinstance(kind, str) and version and kind and kind not in tables.kinds.get(version, ()):
        yield from _not_served(version, kind, body.get("items"), tables)


def _missing(key: str, body: Mapping[str, Any], tables: Tables) -> Fault:
    other = next((str(name) for name in body if str(name).lower() == key.lower() and name != key), None)
    if other is not None:
        message = f"`{other}` must be written `{key}`: upper and lower case differ."
        found = f"`{other}`, in the wrong case"
        return Fault((key,), (other,), message, f"`{key}`", found, unknown_field=True, suggestion=Suggestion(other, key))
    from graders.sources.schema_suggestions import version_of

    version, kind = body.get("apiVersion"), body.get("kind")
    right = None
    if key == "apiVersion" and isinstance(kind, str):
        right = version_of(kind, tables.kinds)
    elif key == "kind" and isinstance(version, str) and len(tables.kinds.get(version, ())) == 1:
        (right,) = tables.kinds[version]
    write = f"`{key}: {right}`" if right else f"`{key}`"
    return _fault((key,), f"`{key}` is missing.{f' Write {write}.' if right else ''}", write, f"no `{key}`")


def _not_served(version: str, kind: str, items: Any, tables: Tables) -> Iterator[Fault]:
    """What to write instead of a kind that its API version does not have; nothing for a custom resource."""
    from graders.sources.schema_suggestions import meant_group, version_of

    group, _, number = version.rpartition("/")
    own = "." not in group or any(known.startswith(f"{group}/") for known in tables.kinds)
    shown = _cut(version)
    if "/" in group or not number or version.startswith("/"):
        write = f"`apiVersion: {version_of(kind, tables.kinds) or 'GROUP/VERSION'}`"
        yield _fault(("apiVersion",), f"`{shown}` is no API version. Write {write}.", write, f"`{shown}`, which is no API version")
    elif served := version_of(kind, tables.kinds) if own else meant_group(version, kind, tables.kinds):
        write, found = f"`apiVersion: {served}`", f"`{shown}`, which does not serve {kind}"
        yield _fault(("apiVersion",), f"`{shown}` does not serve {kind}. Write {write}.", write, found)
    elif kind.endswith("List") and own:
        if not isinstance(items, list | tuple):  # kubectl takes a list apart
            message = f"{_cut(kind)} holds objects under `items`, as a list."
            yield _fault(("items",), message, "a list of objects under `items`", "no such list")
    elif own:
        yield _no_kind(kind, version, tables)


def _no_kind(kind: str, version: str, tables: Tables) -> Fault:
    """That no API version has a kind, and which one may be meant."""
    from graders.sources.schema_suggestions import meant_kind, version_of

    if kind in _GONE:
        return _fault(("kind",), f"Kubernetes no longer has {kind}. {_GONE[kind]}", "a kind that is served", f"`{kind}`, which is gone")
    message, found = f"There is no kind `{_cut(kind)}` in `{_cut(version)}`.", f"`{_cut(kind)}`, which does not exist"
    near = meant_kind(kind, tables.kinds)
    if near is None:
        return _fault(("kind",), f"{message} Look it up with: kubectl api-resources", "a kind that is served", found)
    served = near in tables.kinds.get(version, ())
    elsewhere = "" if served else f" of `{version_of(near, tables.kinds)}`"
    fault = _fault(("kind",), f"{message} Did you mean `{near}`{elsewhere}?", f"`kind: {near}`", found)
    return replace(fault, suggestion=Suggestion(kind, near)) if served else fault


class _Decoder:
    """Walks an object beside its type, and collects the faults."""

    __slots__ = ("body", "faults", "kind", "root", "secret", "types", "version")

    def __init__(self, body: Mapping[str, Any], root: str, version: str) -> None:
        self.body = body
        self.root = root
        self.version = version
        self.types = load_tables(version).types
        self.kind = str(body["kind"])
        self.secret = root == "core.v1.Secret"
        self.faults: list[Fault] = []

    def fields(self, value: Mapping[str, Any], type: str, path: Path) -> None:
        fields = self.types[type]
        for key, item in value.items():
            expected = fields.get(key)
            if expected is None:
                self.unknown(str(key), item, type, path)
            elif item is not None and not (expected == "string" and isinstance(item, str)):
                self.value(item, expected, (*path, key))

    def value(self, value: Any, type: str, path: Path) -> None:
        """Judge a value that is not null: null is the same as absent, and in a list the same as an empty item."""
        if type[:2] == "[]":
            if isinstance(value, list | tuple):
                self.entries(enumerate(value), type[2:], path)
            else:
                self.wrong(path, _Refusal("a list", "begin each item with `-`"), value)
        elif type[:2] == "{}" or type in self.types:
            if not isinstance(value, Mapping):
                single = isinstance(value, list | tuple) and len(value) == 1 and isinstance(value[0], Mapping)
                self.wrong(path, _Refusal("a map", "remove the `-`" if single else ""), value)
            elif type in self.types:
                self.fields(value, type, path)
            else:
                self.entries(value.items(), type[2:], path)
        elif self.secret and path[0] in ("data", "stringData"):
            self.secret_value(value, type, path)
        else:
            refusal = _LEAVES[type](value)
            if refusal:
                self.wrong(path, refusal, value)

    def entries(self, entries: Iterable[tuple[Any, Any]], type: str, path: Path) -> None:
        """The items of a list by index, or the entries of a map by key."""
        for step, item in entries:
            if item is not None and not (type == "string" and isinstance(item, str)):
                self.value(item, type, (*path, step))

    def secret_value(self, value: Any, type: str, path: Path) -> None:
        """A value of a Secret, or what is left of it (SecretFacts)."""
        if not _is_facts(value):
            refusal, found = _LEAVES[type](value), _kind_of(value)
        elif value["type"] == "string":
            refusal, found = None if value["decodes"] else _NOT_BASE64, "a string"
        else:
            refusal, found = _string(_EXAMPLES[value["type"]]), _kind_of(_EXAMPLES[value["type"]])
        if refusal:
            self.wrong(path, refusal, value, found)

    def wrong(self, path: Path, refusal: _Refusal, value: Any, found: str = "") -> None:
        """Note a value that the decoder does not take; of a Secret no value is shown."""
        item = isinstance(path[-1], int)
        key = _cut(str(path[-2 if item else -1]))
        if refusal is _NOT_BASE64:
            advice = f"plain text goes under `{'stringData' if self.secret else 'data'}`"
            message, found = f"`{key}` is not valid base64.", f"`{key}`, which does not decode"
        else:
            plain = path[-1] == "matchLabels" and isinstance(value, Mapping)  # as the selector of a Service has no such level
            advice = "write the labels without `matchLabels`" if plain else refusal.advice
            found = (found or _kind_of(value)) if self.secret else _as_written("" if item else key, value)
            message = f"{'An item of ' if item else ''}`{key}` must be {refusal.expected}, and is {found}."
            found = found if "`" in found else f"{found} under `{key}`"
        if advice:
            message = f"{message} {advice[0].upper()}{advice[1:]}."
        self.note(_fault(path, message, f"{refusal.expected}: {advice}" if advice else refusal.expected, found))

    def note(self, fault: Fault) -> None:
        self.faults.append(fault)
        if len(self.faults) == _MOST_FAULTS:
            raise _Enough

    def unknown(self, key: str, value: Any, type: str, path: Path) -> None:
        """A field that its type does not have: misspelt, in the wrong place, or of another version."""
        from graders.sources.schema_suggestions import meant_field, value_of

        shown, where, written = _cut(key), self.noun(type, path), (*path, key)
        message, found = f"`{shown}` is not a field of {where}.", f"`{shown}`, which is not a field of {where}"
        other = next((other for other in VERSIONS if key in load_tables(other).types.get(type, ())), None)
        if other:
            message = f"{message} Kubernetes {other} has it, {self.version} does not."
            self.note(Fault(written, written, message, f"no `{shown}` here", found, unknown_field=True))
            return
        meant = meant_field(key, value, self.body, self.root, path, self.types) if len(key) <= _MOST_CHARACTERS else None
        if meant:
            advice, write = _cut(meant.advice, 200), _cut(meant.write, 200)
            name = meant.path[-1]
            certain = meant.misspelt and isinstance(name, str) and name not in value_of(self.body, path)
            suggestion = Suggestion(key, str(name)) if certain else None
            self.note(Fault(meant.path, written, f"{message} {advice}", write, found, unknown_field=True, suggestion=suggestion))
        else:
            self.note(
                Fault(written, written, f"{message} Remove it, or look up its name.", f"no `{shown}` here", found, unknown_field=True)
            )

    def noun(self, type: str, path: Path) -> str:
        """What a field stands in, in words."""
        if not path:
            return _with_article(self.kind)
        name = type.rpartition(".")[2]
        if name == "ObjectMeta":
            return "metadata"
        if name.endswith("TemplateSpec"):
            return f"{_with_article(name.removesuffix('TemplateSpec'))} template"
        if name.endswith("Spec") and path[-1] == "spec":
            return f"{_with_article(name.removesuffix('Spec'))}'s spec"
        if name.endswith("SecurityContext"):
            return f"a {'Pod' if name == 'PodSecurityContext' else 'container'}'s `securityContext`"
        if isinstance(path[-1], int):
            return "a container" if name in ("Container", "EphemeralContainer") else f"an item of `{path[-2]}`"
        return f"`{_cut(str(path[-1]))}`"


def _is_facts(value: Any) -> bool:
    """Whether a value of a Secret has been reduced (SecretFacts): of a string it is known whether it decodes."""
    known = value.get("type") if isinstance(value, Mapping) else None
    if known == "string":
        return "decodes" in value
    return isinstance(known, str) and known in _EXAMPLES and len(value) == 1


def _string(value: Any) -> _Refusal | None:
    if value is None or isinstance(value, str):
        return None
    return _Refusal("a string", "quote it" if isinstance(value, int | float) else "")


def _boolean(value: Any) -> _Refusal | None:
    return None if isinstance(value, bool) else _Refusal("`true` or `false`", "remove the quotes" if value in ("true", "false") else "")


def _whole_number(bits: int) -> Callable[[Any], _Refusal | None]:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def check(value: Any) -> _Refusal | None:
        if isinstance(value, int) and not isinstance(value, bool):
            return None if low <= value <= high else _Refusal(f"a whole number from {low} to {high}")
        return _Refusal("a whole number", "remove the quotes" if isinstance(value, str) and _is_whole(value) else "")

    return check


def _is_whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit()


def _int_or_string(value: Any) -> _Refusal | None:
    if isinstance(value, str) or (isinstance(value, int) and _INT32(value) is None):
        return None
    return _Refusal("a whole number or a string")


def _quantity(value: Any) -> _Refusal | None:
    # The server reads the JSON text of the string: white space that JSON escapes is refused, spaces are not.
    if parse_quantity(value) is not None and not (isinstance(value, str) and _ESCAPED.search(value)):
        return None
    meant = _meant_quantity(value) if isinstance(value, str) and len(value) <= _MOST_CHARACTERS else None
    return _Refusal("a quantity, such as `500m` or `1Gi`", f"write `{meant}`" if meant else "")


def _meant_quantity(text: str) -> str | None:
    """`512 MB` and `512mi` as Kubernetes writes them."""
    compact = "".join(text.split())
    match = _AMOUNT.fullmatch(compact)
    if match:
        compact = f"{match[1]}{match[2].upper()}i"
    return compact if parse_quantity(compact) is not None else None


def _time(value: Any) -> _Refusal | None:
    return None if _parse_time(value) else _Refusal("a time, such as `2026-01-31T12:00:00Z`")


def _micro_time(value: Any) -> _Refusal | None:
    match = _parse_time(value)
    exact = match is not None and len(match[5] or "") == 7
    return None if exact else _Refusal("a time with six decimals, such as `2026-01-31T12:00:00.000000Z`")


def _parse_time(value: Any) -> re.Match[str] | None:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        if match:
            date(int(match[1]) or 4, int(match[2]), int(match[3]))  # Python has no year 0; 4 is a leap year, too
    except ValueError:
        return None
    return match


_NOT_BASE64 = _Refusal("base64")


def _bytes(value: Any) -> _Refusal | None:
    if isinstance(value, list | tuple):
        byte = all(item is None or (isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 256) for item in value)
        return None if byte else _string(value)  # Go reads a list of numbers into bytes as well
    if not isinstance(value, str):
        return _string(value)
    return None if decode_base64(value) is not None else _NOT_BASE64


_INT32 = _whole_number(32)
_LEAVES: dict[str, Callable[[Any], _Refusal | None]] = {
    "string": _string,
    "boolean": _boolean,
    "int32": _INT32,
    "int64": _whole_number(64),
    "intOrString": _int_or_string,
    "quantity": _quantity,
    "time": _time,
    "microTime": _micro_time,
    "bytes": _bytes,
    "any": lambda _: None,
}


def _fault(path: Path, message: str, expected: str, found: str) -> Fault:
    return Fault(path, path, message, expected, found)


def _with_article(name: str) -> str:
    return f"{'an' if name[:1] in 'AEIO' else 'a'} {name}"


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return "a string" if isinstance(value, str) else "a map" if isinstance(value, Mapping) else "a list"


def _as_written(key: str, value: Any) -> str:
    """A field, or without a key an item, as it stands, so that a string is told from a number."""
    before = f"{key}: " if key else ""
    if isinstance(value, bool):
        return f"`{before}{str(value).lower()}`, a boolean"
    if isinstance(value, int | float):
        return f"`{before}{value!r}`, a number" if abs(value) < 1e21 else "a huge number"
    if isinstance(value, str) and len(value) <= _MOST_CHARACTERS and value.isprintable():
        return f'`{before}"{value}"`, a string' if _in_quotes(value) else f"`{before}{value}`, a string"
    return _kind_of(value)


def _in_quotes(value: str) -> bool:
    """Whether a text would be something else, or nothing, without quotes."""
    try:
        return value != value.strip() or not isinstance(resolve(value), str)
    except NotJson:
        return True


def _cut(text: str, most: int = _MOST_CHARACTERS) -> str:
    """A learner's text for a message: short, and without what cannot be printed."""
    text = text if text.isprintable() else "".join(character for character in text if character.isprintable())
    return text if len(text) <= most else f"{text[: most - 1]}…"
