"""What is taken out of an object before it goes into a Snapshot: values of Secrets, and credentials that stand where none belong.

Both sources call `redact` on every object as it was read, once. What remains of a value of a Secret are facts (`SecretFacts`) that lesson 3
judges by. A credential in a ConfigMap or in a Pod's variables, command or arguments is blanked out so that
graders.semantics.credentials still recognises it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from graders.semantics.credentials import MASK, decode_base64, mask, mask_binary, mask_command, mask_text

# The settings of the course that are secrets as a whole, whatever they look like.
SECRET_VARIABLES = frozenset(("DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "JWT_SECRET"))

# Lower bounds in bytes: exact lengths tell too much about short passwords.
_SIZES = (0, 1, 8, 16, 32, 64)

# The URL schemes that are told; any other one is `other`, for it could be part of the value.
_SCHEMES = frozenset(("postgresql", "postgres", "mysql", "redis", "rediss", "http", "https", "amqp"))
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)(\+[A-Za-z0-9_.+-]+)?://(?=\S)")

# What tutorials print for the course's keys: fit for a first try, known to everybody.
_SAMPLES = {
    "postgresql://user:pass@localhost:5432/rag_engine": "database-url",
    "redis://localhost:6379/0": "redis-url",
    "sk-test-key-1234567890": "openai-api-key",
    "super-secret-jwt-key-change-me": "jwt-secret",
}
_PLACEHOLDER = re.compile(
    r"change[-_ ]?(?:me|this|it)|replace[-_ ]?(?:me|this|with)|place[-_ ]?holder|\btodo\b|fix[-_ ]?me|"
    r"(?:your|insert|put|enter)[-_ ](?:[a-z]+[-_ ])*?(?:secret|key|token|jwt|value|password|here)|^<[^<>]+>$|\{\{.*\}\}|\$\{.*\}|\$\(.*\)",
    re.IGNORECASE | re.DOTALL,
)

_TYPES = frozenset(("string", "number", "boolean", "null", "array", "object"))
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_REFERENCES = re.compile(r"(?:\$\([\w.-]+\))+")
_PASSWORD_BY_REFERENCE = re.compile(r"://[^\s/?#:@]*:((?:\$\([\w.-]+\))+)@")
_SHORTEST_TELLING = 6  # characters
_DEEPEST = 150  # levels; no object of Kubernetes comes near, and deeper ones cannot be copied without overflowing the stack
_HEAD_OF_SECRET = frozenset(("apiVersion", "kind", "metadata", "type"))
_METADATA = frozenset(
    (
        *("name", "namespace", "generateName", "labels", "annotations", "finalizers", "ownerReferences", "uid", "resourceVersion"),
        *("generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"),
    )
)


class SecretFacts(TypedDict, total=False):
    """What is known of one value of a Secret. All but `type` and `decodes` are told only of text that decodes, and are about the
    decoded value without the line breaks at its end.
    """

    type: str
    """Its JSON type as written: `string`, `number`, `boolean`, `null`, `array` or `object`."""
    decodes: bool
    """Whether it is base64 as the API server reads it; true for `stringData`, which is not encoded."""
    empty: bool
    """Whether it is nothing but white space."""
    bytes: int
    """A lower bound of its length: 0, 1, 8, 16, 32 or 64 bytes."""
    newline: bool
    """Whether it ends in a line break."""
    scheme: str | None
    """Of a URL, its scheme: one of a few well-known ones (`postgresql+driver` stands for any driver), `other`, or None for no URL."""
    sample: str | None
    """The key for which tutorials print this very value, which everybody knows then; None for any other value."""
    placeholder: bool
    """Whether it evidently waits to be replaced."""
    repetitive: bool
    """Whether it is one byte, or two, over and over."""


def redact(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object without secrets, as plain data; what needs no change is shared with `body`, which is never changed.

    Takes data of any shape and never raises. Values of a Secret's `data` and `stringData` become SecretFacts. Call it on what was read,
    once: facts are no strings, and would be reduced again.
    """
    return _mapping(body, 0) if isinstance(body, Mapping) else body


def facts(value: Any, *, encoded: bool) -> SecretFacts:
    """What may be known of a value: one of `data` when `encoded`, else of `stringData`."""
    if not isinstance(value, str):
        return {"type": _json_type(value)}
    if encoded:
        content = decode_base64(value)
        if content is None:
            return {"type": "string", "decodes": False}
    else:
        content = value.encode("utf-8", "surrogatepass")
    bare = content.rstrip(b"\r\n")
    text = bare.decode("utf-8", "replace")
    return {
        "type": "string",
        "decodes": True,
        "empty": not content.strip(),
        "bytes": max(size for size in _SIZES if size <= len(bare)),
        "newline": bare != content,
        "scheme": _scheme(text),
        "sample": _SAMPLES.get(text),
        "placeholder": _PLACEHOLDER.search(text[:4096]) is not None,
        "repetitive": 0 < len(set(bare)) < 3,
    }


def is_facts(value: Any) -> bool:
    """Whether that is SecretFacts, and nothing that a value could hide in."""
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str) or value["type"] not in _TYPES:
        return False
    names = frozenset(value)
    if names == {"type"}:
        return bool(value["type"] != "string")
    if names == {"type", "decodes"}:
        return value["type"] == "string" and value["decodes"] is False
    return (
        names == SecretFacts.__optional_keys__
        and all(isinstance(value[name], bool) for name in ("decodes", "empty", "newline", "placeholder", "repetitive"))
        and isinstance(value["bytes"], int)
        and value["bytes"] in _SIZES
        and (value["sample"] is None or value["sample"] in _SAMPLES.values())
        and (value["scheme"] in (None, "other") or str(value["scheme"]).removesuffix("+driver") in _SCHEMES)
    )


def holds_values(value: Mapping[Any, Any]) -> bool:
    """Whether what stands in its `data` and `stringData` is taken for a Secret's."""
    return ("data" in value or "stringData" in value) and _how_to_reduce(value) in (_secret, _like_secret)


def holds_settings(value: Mapping[Any, Any]) -> bool:
    """Whether it is a ConfigMap, whose entries are settings whatever they are called, `stringData` as well."""
    return ("data" in value or "stringData" in value) and _how_to_reduce(value) is _config_map


def _scheme(text: str) -> str | None:
    match = _SCHEME.match(text)
    if match is None:
        return None
    name, driver = match[1], "+driver" if match[2] else ""
    return name + driver if name in _SCHEMES else "other"


def _json_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def _walk(value: Any, depth: int) -> Any:
    """`value` without secrets; the same object when there are none."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {} if depth > _DEEPEST else _mapping(value, depth)
    if isinstance(value, list | tuple):
        return [] if depth > _DEEPEST else _list(value, [_walk(item, depth + 1) for item in value])
    return value


def _mapping(value: Mapping[Any, Any], depth: int) -> Mapping[Any, Any]:
    if "data" in value or "stringData" in value or (depth == 0 and _is(value, "secret", "secrets")):
        reduce = _how_to_reduce(value)
        if reduce is not None:
            return reduce(value, depth)
    if isinstance(value.get("name"), str) and "value" in value:
        return _each(value, depth, lambda key, item, _: _variable(value["name"], item) if key == "value" else _field(key, item, depth))
    return _each(value, depth, _field)


def _how_to_reduce(value: Mapping[Any, Any]) -> Callable[[Mapping[Any, Any], int], Mapping[Any, Any]] | None:
    """How an object that holds `data` is treated: as a Secret unless its kind tells that it is none. A misspelt kind must not leak."""
    if _is(value, "configmap", "configmaps"):
        return _config_map
    if _is(value, "secret", "secrets"):
        return _secret
    if "stringData" in value or (isinstance(value.get("data"), Mapping) and "spec" not in value and not _is(value, "controllerrevision")):
        return _like_secret
    return None


def _is(value: Mapping[Any, Any], *kinds: str) -> bool:
    kind = value.get("kind")
    return isinstance(kind, str) and kind.strip().lower() in kinds


def _secret(value: Mapping[Any, Any], depth: int) -> Mapping[Any, Any]:
    texts = _texts(value)

    def field(key: Any, item: Any, depth: int) -> Any:
        if key in ("data", "stringData"):
            return _facts_of(item, encoded=key == "data")
        if key == "metadata" and isinstance(item, Mapping):
            return _metadata_of_secret(item, texts, depth)
        return _field(key, item, depth) if key in _HEAD_OF_SECRET else _emptied(item)

    return _each(value, depth, field)


def _like_secret(value: Mapping[Any, Any], depth: int) -> Mapping[Any, Any]:
    return _each(
        value,
        depth,
        lambda key, item, depth: _facts_of(item, encoded=key == "data") if key in ("data", "stringData") else _field(key, item, depth),
    )


def _facts_of(values: Any, *, encoded: bool) -> Any:
    if not isinstance(values, Mapping):
        return _emptied(values)
    return {key: facts(value, encoded=encoded) for key, value in values.items()}


def _metadata_of_secret(metadata: Mapping[Any, Any], texts: frozenset[str], depth: int) -> Mapping[Any, Any]:
    """Metadata without what was indented into it by mistake, and without annotations that repeat a value, as some tools write them."""

    def annotation(key: Any, item: Any, depth: int) -> Any:
        repeats = isinstance(item, str) and any(text in item for text in texts)
        return MASK if repeats else _field(key, item, depth)

    def field(key: Any, item: Any, depth: int) -> Any:
        if key == "annotations" and isinstance(item, Mapping):
            return _each(item, depth, annotation)
        return _field(key, item, depth) if key in _METADATA else _emptied(item)

    return _each({key: item for key, item in metadata.items() if key != "managedFields"}, depth, field)


def _texts(secret: Mapping[Any, Any]) -> frozenset[str]:
    """The values of a Secret as text, encoded and decoded, but for those so short that they may stand anywhere by chance."""
    found = set()
    for part in ("data", "stringData"):
        values = secret.get(part)
        for value in values.values() if isinstance(values, Mapping) else ():
            if isinstance(value, str):
                decoded = decode_base64(value) if part == "data" else None
                found |= {value, (decoded or b"").decode("utf-8", "replace").strip()}
    return frozenset(text for text in found if len(text) >= _SHORTEST_TELLING)


def _emptied(value: Any) -> Any:
    """A value of the same JSON type that says nothing."""
    if isinstance(value, Mapping):
        return {}
    if isinstance(value, str):
        return MASK
    return value if value is None or isinstance(value, bool) else 0 if isinstance(value, int | float) else []


def _config_map(value: Mapping[Any, Any], depth: int) -> Mapping[Any, Any]:
    def field(key: Any, item: Any, depth: int) -> Any:
        if key in ("apiVersion", "kind", "metadata"):
            return _field(key, item, depth)
        if key == "binaryData" and isinstance(item, Mapping):
            return _each(item, depth, lambda key, item, _: mask_binary(str(key), item))
        return _setting(key, item, depth)

    return _each(value, depth, field)


def _setting(key: Any, value: Any, depth: int) -> Any:
    """A setting under its key; maps and lists, which a ConfigMap cannot hold, entry by entry."""
    if isinstance(value, Mapping):
        return {} if depth > _DEEPEST else _each(value, depth, _setting)
    if isinstance(value, list | tuple):
        return [] if depth > _DEEPEST else _list(value, [_setting(key, item, depth + 1) for item in value])
    return mask(str(key), value)


def _field(key: Any, value: Any, depth: int) -> Any:
    if key in ("command", "args") and isinstance(value, list | tuple):
        return _list(value, [_walk(word, depth) for word in mask_command(value, SECRET_VARIABLES)])
    if key == "metadata" and isinstance(value, Mapping) and "managedFields" in value:
        value = {name: item for name, item in value.items() if name != "managedFields"}
    return _walk(value, depth)


def _variable(name: str, value: Any) -> Any:
    """The value of an environment variable, or of anything else that is given as `name` and `value`."""
    if isinstance(value, Mapping | list | tuple):
        return _emptied(value)
    if name not in SECRET_VARIABLES and name.lower() != "authorization":
        return mask(name, value)
    if not isinstance(value, str):
        return _emptied(value)
    if not value.strip() or _REFERENCES.fullmatch(value):
        return value
    password = _PASSWORD_BY_REFERENCE.search(value)
    return f"{MASK}://{MASK}:{password[1]}@{MASK}" if password else MASK


def _each(value: Mapping[Any, Any], depth: int, change: Callable[[Any, Any, int], Any]) -> Mapping[Any, Any]:
    """The mapping with `change(key, item, depth)` for each item; the same object when nothing changes."""
    changed: dict[Any, Any] | None = None
    for key, item in value.items():
        new = None if key == _LAST_APPLIED else change(key, item, depth + 1)
        if new is not item:
            changed = dict(value) if changed is None else changed
            changed[key] = new
    if changed is None:
        return value
    changed.pop(_LAST_APPLIED, None)
    return changed


def _list(value: Sequence[Any], items: list[Any]) -> Sequence[Any]:
    return value if all(new is old for new, old in zip(items, value, strict=True)) else items
