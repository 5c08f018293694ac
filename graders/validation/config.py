"""ConfigMaps and Secrets (k8s.io/kubernetes pkg/apis/core/validation ValidateConfigMap and ValidateSecret).

The values of a Secret may be there as text or as facts (graders.redaction); no message says anything of them but the name of their key.
"""

from __future__ import annotations

from typing import Any

from graders.semantics import names
from graders.semantics.credentials import decode_base64
from graders.validation.place import Place

_LARGEST = 1024 * 1024  # bytes
_ACCOUNT_NAME = "kubernetes.io/service-account.name"
_JSON_KEYS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
_NEEDED_KEYS = {"kubernetes.io/ssh-auth": ("ssh-privatekey",), "kubernetes.io/tls": ("tls.crt", "tls.key")}
_EITHER_KEY = ("username", "password")


def config_map(place: Place) -> None:
    """A ConfigMap."""
    total = 0
    for part in ("data", "binaryData"):
        for key, value in place[part].entries():
            _key(value, key)
            total += _size(value.value, encoded=part == "binaryData")
    for key, value in place["data"].entries():
        if any(key == other for other, _ in place["binaryData"].entries()):
            value.reject("a key that is not in `binaryData` too", f"`{key}` in both", f"`{key}` stands in `data` and in `binaryData`.")
    if total > _LARGEST:
        place["data"].reject("at most 1 MiB", f"{total} bytes", "All values together must be at most 1 MiB.")


def secret(place: Place) -> None:
    """A Secret."""
    values = {key: value for part in ("data", "stringData") for key, value in place[part].entries()}
    for key, value in values.items():
        _key(value, key)
    if sum(_size(value.value, encoded=value.path[0] == "data") for value in values.values()) > _LARGEST:
        place["data"].reject("at most 1 MiB", "more", "All values together must be at most 1 MiB.")
    kind = place["type"].text or "Opaque"
    if kind == "kubernetes.io/service-account-token":
        owner = place["metadata"]["annotations"][_ACCOUNT_NAME]
        if owner.empty:
            owner.reject("the name of a ServiceAccount")
    elif kind == "kubernetes.io/basic-auth":
        if not any(key in values for key in _EITHER_KEY):
            place["data"]["username"].reject("`username` or `password`", "neither", "This type of Secret needs `username` or `password`.")
    elif kind in _JSON_KEYS:
        _needed(place, values, _JSON_KEYS[kind])
        found = values.get(_JSON_KEYS[kind])
        if found is not None and _is_no_json(found):
            found.reject("a JSON object", "something else", f"`{_JSON_KEYS[kind]}` must hold a JSON object.")
    for key in _NEEDED_KEYS.get(kind, ()):
        _needed(place, values, key)
        if key == "ssh-privatekey" and key in values and _is_empty(values[key].value):
            values[key].reject("a private key", "nothing", f"`{key}` must not be empty.")


def _key(place: Place, key: str) -> None:
    words = names.data_key(key)
    if words:
        place.reject(f"under a key of {words}", f"the key `{key[:80]}`", f"`{key[:80]}` cannot be a key here.")


def _needed(place: Place, values: dict[str, Place], key: str) -> None:
    if key not in values:
        place["data"][key].reject(f"the key `{key}`", "no such key", f"This type of Secret needs the key `{key}`.")


def _bytes(value: Any, *, encoded: bool) -> bytes | None:
    if not isinstance(value, str):
        return None
    return decode_base64(value) if encoded else value.encode(errors="replace")


def _size(value: Any, *, encoded: bool) -> int:
    """How many bytes a value surely has."""
    return len(_bytes(value, encoded=encoded) or b"")


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, dict) and value.get("type") == "null")


def _is_no_json(place: Place) -> bool:
    """Whether a value surely is not a JSON object."""
    content = b"" if _is_empty(place.value) else _bytes(place.value, encoded=place.path[0] == "data")
    if content is None:
        return isinstance(place.value, dict) and place.value.get("empty") is True
    import json

    try:
        return not isinstance(json.loads(content), dict | None)
    except (ValueError, RecursionError):
        return True
