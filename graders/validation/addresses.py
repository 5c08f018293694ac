"""IP addresses and CIDR blocks, with the strict reading of Kubernetes 1.36 and later (k8s.io/apimachinery pkg/util/validation ip.go)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graders.validation.place import Place

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    Address = IPv4Address | IPv6Address
    Block = IPv4Network | IPv6Network

_PREFIX_LENGTH = re.compile(r"0|[1-9][0-9]{0,2}")


def address(text: str) -> Address | None:
    """The IP address that a string is; None for anything else, an IPv4 address in IPv6 clothing or one with a zone too."""
    from ipaddress import IPv4Address, IPv6Address

    try:
        if ":" not in text:
            return IPv4Address(text)
        found = IPv6Address(text)
    except ValueError:
        return None
    return None if found.ipv4_mapped or "%" in text else found


def block(text: str) -> Block | None:
    """The CIDR block that a string is; None for anything else, one with bits beyond its prefix length too."""
    from ipaddress import ip_network

    base, _, length = text.partition("/")
    if address(base) is None or not _PREFIX_LENGTH.fullmatch(length):
        return None
    try:
        return ip_network(text)
    except ValueError:
        return None


def ip(place: Place) -> None:
    """A string that is an IP address."""
    if place.text is not None and address(place.text) is None:
        place.reject("an IP address such as `10.9.8.7`")


def cidr(place: Place) -> None:
    """A string that is a CIDR block."""
    if place.text is not None and block(place.text) is None:
        place.reject("a block of addresses such as `10.9.8.0/24`, with no bits set beyond its prefix")


def endpoint_ip(place: Place) -> None:
    """An address that traffic can be sent to from another node."""
    found = address(place.text) if place.text is not None else None
    if found is None:
        ip(place)
    elif found.is_unspecified or found.is_loopback or found.is_link_local or _local_multicast(found):
        place.reject("an address that other nodes can reach")


def _local_multicast(found: Address) -> bool:
    first = found.packed
    return first[:3] == b"\xe0\x00\x00" if found.version == 4 else first[0] == 0xFF and first[1] & 0x0F == 2
