"""What may be a name: of objects, labels, ports, keys, variables.

Rules: k8s.io/apimachinery pkg/util/validation and pkg/api/validation; https://kubernetes.io/docs/concepts/overview/working-with-objects/names/.
Each function gives what is allowed, in words, when its argument is not, and None when it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_PORT = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VARIABLE = re.compile(r"[ -<>-~]+")  # printable ASCII but for the equals sign

_HEADER = re.compile(r"[-A-Za-z0-9]+")
_URL_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")
_SEARCH_PART = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SYSCTL_PART = r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?"

Rule = Callable[[str], "str | None"]


def _rule(pattern: re.Pattern[str], longest: int, words: str) -> Rule:
    def check(name: str) -> str | None:
        return None if len(name) <= longest and pattern.fullmatch(name) else words

    return check


dns_label = _rule(_LABEL, 63, "at most 63 lower-case letters, digits and `-`, with a letter or digit at both ends")
dns_subdomain = _rule(
    _SUBDOMAIN, 253, "at most 253 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of each part"
)
label_value = _rule(
    re.compile(f"({_NAME_PART.pattern})?"), 63, "at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends"
)
http_header = _rule(_HEADER, 10**6, "letters, digits and `-`")
search_domain = _rule(re.compile(rf"{_SEARCH_PART}(\.{_SEARCH_PART})*"), 253, "a DNS name of at most 253 characters")
sysctl = _rule(re.compile(rf"({_SYSCTL_PART}[./])*{_SYSCTL_PART}"), 253, "a kernel parameter such as `net.core.somaxconn`")
variable = _rule(_VARIABLE, 10**6, "printable ASCII characters but for `=`")


def qualified(name: str) -> str | None:
    """The key of a label or annotation: a name of at most 63 characters, with a DNS name and a slash before it if need be."""
    prefix, slash, own = name.rpartition("/")
    if (slash and dns_subdomain(prefix)) or len(own) > 63 or not _NAME_PART.fullmatch(own):
        return (
            "at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; before it, if need be, a DNS name and `/`"
        )
    return None


def data_key(name: str) -> str | None:
    """A key of a ConfigMap or Secret."""
    if len(name) > 253 or not _KEY.fullmatch(name) or name == "." or name.startswith(".."):
        return "at most 253 letters, digits, `-`, `_` and `.`, not beginning with `..`"
    return None


def port_name(name: str) -> str | None:
    """The name of a container's port."""
    if len(name) > 15 or not _PORT.fullmatch(name) or "--" in name or name.isdigit() or not re.search("[a-z]", name):
        return "at most 15 lower-case letters, digits and `-`, at least one of them a letter"
    return None


def wildcard_host(name: str) -> str | None:
    """The host of an Ingress: a DNS name, or one whose first label is `*`."""
    own = name.removeprefix("*.") if "*" in name else name
    if len(name) > 253 or dns_subdomain(own):
        return "a DNS name in lower case, whose first part may be `*`"
    return None


def domain_path(name: str) -> str | None:
    """A path with a DNS name before it: `acme.io/foo`."""
    domain, _, path = name.partition("/")
    return "a DNS name, `/` and a name, such as `acme.io/foo`" if dns_subdomain(domain) or not _URL_PATH.fullmatch(path) else None


def path_segment(name: str) -> str | None:
    """A name that only has to fit into a URL."""
    return "a name without `/` and `%`, not `.` or `..`" if name in (".", "..") or "/" in name or "%" in name else None
