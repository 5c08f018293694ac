"""How a request finds its way in: hosts and paths of an Ingress, hosts of a certificate, host names of an HTTPRoute, nginx's value syntax.

Rules: https://kubernetes.io/docs/concepts/services-networking/ingress/ (path types, host name wildcards) and
k8s.io/kubernetes pkg/apis/networking/validation; https://gateway-api.sigs.k8s.io/reference/api-spec/main/spec/ (Hostname,
HTTPRouteSpec.hostnames, HTTPRouteMatch); https://nginx.org/en/docs/syntax.html (sizes); Go's strconv.ParseBool and strconv.Atoi, with which
ingress-nginx reads its annotations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from graders.semantics.names import dns_subdomain

_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_SIZE = re.compile(r"([0-9]+)([kKmMgG]?)")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_INT64 = 1 << 63
_MOST_DIGITS = 19  # of a number that fits into 64 bits

MEBIBYTE = _UNITS["m"]


def is_host(value: Any) -> bool:
    """Whether the API server takes `value` as the host of a rule or a certificate: a lower-case DNS name, or one after `*.`; no address."""
    return isinstance(value, str) and dns_subdomain(value.removeprefix("*.")) is None and _IPV4.fullmatch(value) is None


def certificate_covers(listed: Any, host: str) -> bool:
    """Whether a host listed for a certificate covers `host`. `*` stands for exactly one label; only a wildcard covers a wildcard."""
    if not isinstance(listed, str):
        return False
    if listed == host:
        return True
    parent = host.partition(".")[2]
    return parent != "" and listed == f"*.{parent}" and not host.startswith("*.")


def route_covers(hostname: Any, host: str) -> bool:
    """Whether a host name of an HTTPRoute takes in every request for `host`. `*` stands for one label or more."""
    if not isinstance(hostname, str):
        return False
    if hostname == host:
        return True
    return hostname.startswith("*.") and host.removeprefix("*.").endswith(hostname[1:])


def takes_every_path(path: Any, path_type: Any) -> bool | None:
    """Whether an Ingress path takes in every request of its host; None when that is up to the controller.

    `Prefix` needs its `/` written; with `ImplementationSpecific` a path that is left out or empty means `/`.
    """
    if path_type == "ImplementationSpecific" and path in (None, "", "/"):
        return None
    return bool(path_type == "Prefix" and path == "/")


def takes_every_request(matches: Any) -> bool:
    """Whether a rule of an HTTPRoute with these `matches` takes in every request: none given, or one on the path prefix `/` alone."""
    if not matches:
        return matches is None or isinstance(matches, Sequence)
    return isinstance(matches, list | tuple) and any(_takes_all(match) for match in matches)


def _takes_all(match: Any) -> bool:
    if not isinstance(match, Mapping) or any(match.get(key) for key in ("headers", "queryParams", "method")):
        return False
    path = match.get("path")
    if path is None:
        return True
    if not isinstance(path, Mapping):
        return False
    kind, value = path.get("type"), path.get("value")
    return kind in (None, "PathPrefix") and value in (None, "/")


def service_port(backend_port: Any) -> int | str | None:
    """The port that an Ingress backend names: its number or its name; None where it is neither, or both."""
    if not isinstance(backend_port, Mapping):
        return None
    number, name = backend_port.get("number"), backend_port.get("name")
    if isinstance(number, bool) or not isinstance(number, int | None) or not isinstance(name, str | None):
        return None
    if number and name:
        return None
    return number or name or None


def size(value: str) -> int | None:
    """The bytes of an nginx size, `50m`; None when it is none."""
    match = _SIZE.fullmatch(value)
    digits = match[1].lstrip("0") or "0" if match else ""
    if match is None or len(digits) > _MOST_DIGITS:
        return None
    given = int(digits) * _UNITS[match[2].lower()]
    return given if given < _INT64 else None


def boolean(value: str) -> bool | None:
    """What Go's ParseBool makes of it; None for what it refuses."""
    return True if value in _TRUE else False if value in _FALSE else None


def whole_number(value: str) -> int | None:
    """What Go's Atoi makes of it; None for what it refuses."""
    if _WHOLE.fullmatch(value) is None:
        return None
    digits = value.lstrip("+-").lstrip("0") or "0"
    if len(digits) > _MOST_DIGITS:
        return None
    number = -int(digits) if value.startswith("-") else int(digits)
    return number if -_INT64 <= number < _INT64 else None
