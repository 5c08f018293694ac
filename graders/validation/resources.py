"""Requests and limits of containers and Pods (k8s.io/kubernetes pkg/apis/core/validation ValidateContainerResourceRequirements).

The API server rounds amounts up to a thousandth and, in a Pod but not in a Pod template, fills requests from limits before it judges.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_UP, Context, Decimal

from graders.semantics import names
from graders.semantics.quantities import parse_quantity
from graders.validation.place import Place

_COMPUTE = ("cpu", "memory")
_CONTAINER = (*_COMPUTE, "ephemeral-storage")
_HUGE = "hugepages-"
_COUNTS = (
    *("pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims"),
    *("services.nodeports", "services.loadbalancers"),
)
_EXACT = Context(prec=1_100)  # more digits than any quantity is read with
_ZERO = Decimal(0)


def container_resource(name: str) -> str | None:
    """A resource that a container can ask for."""
    if names.qualified(name):
        return names.qualified(name)
    if "/" not in name:
        known = name in _CONTAINER or name.startswith(_HUGE)
        return None if known else "`cpu`, `memory`, `ephemeral-storage`, `hugepages-…` or a name with a DNS name and `/` before it"
    if not _native(name) and not _extended(name):
        return "the name of an extended resource, such as `example.com/gpu`"
    return None


def pod_resource(name: str) -> str | None:
    """A resource that a Pod as a whole can ask for."""
    return None if name in _COMPUTE or (name.startswith(_HUGE) and not names.qualified(name)) else "`cpu`, `memory` or `hugepages-…`"


def value(place: Place, name: str) -> None:
    """An amount of a resource: not negative, and a whole number of what can only be counted."""
    amount = place.quantity()
    if amount is None:
        return
    if amount < 0:
        place.reject("0 or more")
    elif (name in _COUNTS or _extended(name)) and not whole(_rounded(amount)):
        place.reject(f"a whole number of `{name}`")
    elif name.startswith(_HUGE) and not _whole_pages(amount, name):
        place.reject(f"a multiple of the page size of `{name}`")


def container(place: Place) -> None:
    """The `resources` of a container."""
    _requirements(place, container_resource)


def pod(spec: Place, *, bare: bool) -> None:
    """The `resources` of a Pod as a whole, beside those of its containers. `bare` tells a Pod from a Pod template."""
    place = spec["resources"]
    if not place.is_map:
        return
    place["claims"].forbid("for the whole Pod")
    _requirements(place, pod_resource)
    for name, request in place["requests"].entries():
        total = _total(spec, name, bare=bare)
        asked = _amount(request)
        if asked is not None and total > asked:
            request.reject(f"at least the {_plain(total)} that the containers request together")
    for name, limit in place["limits"].entries():
        most = _amount(limit)
        filled = bare and not place["requests"][name] and not name.startswith(_HUGE)
        if filled and most is not None and _total(spec, name, bare=bare) > most:
            limit.reject(f"at least the {_plain(_total(spec, name, bare=bare))} that the containers request together")
    for name, limit in place["limits"].entries():
        for item in spec["containers"].structs():
            own = item["resources"]["limits"][name]
            if _above(own, limit):
                own.reject(f"at most the Pod's limit, {limit.shown()}")


def _requirements(place: Place, rule: Callable[[str], str | None]) -> None:
    limits, requests = place["limits"], place["requests"]
    names_of_all = []
    for part in (limits, requests):
        for name, item in part.entries():
            names_of_all.append(name)
            words = rule(name)
            if words:
                item.reject(words, f"`{name[:80]}`", f"`{name[:80]}` is not a resource that can be set here; use {words}.")
            else:
                value(item, name)
    for name, item in requests.entries():
        _within(item, limits[name], name)
    huge = [name for name in names_of_all if name.startswith(_HUGE)]
    if huge and not any(name in _COMPUTE for name in names_of_all):
        place.reject("`cpu` or `memory` beside `hugepages-…`", "neither", "`hugepages-…` needs `cpu` or `memory` beside it.")


def _within(request: Place, limit: Place, name: str) -> None:
    """A request that is not above its limit, and equal to it where the resource cannot be overcommitted."""
    asked, most = _amount(request), _amount(limit)
    fixed = not _native(name) or name.startswith(_HUGE)
    if not limit:
        if fixed:
            limit.reject(f"a limit of `{name}`", "none", f"`{name}` needs a limit that equals the request.")
    elif asked is None or most is None:
        return
    elif fixed and asked != most:
        request.reject(f"equal to the limit, {limit.shown()}")
    elif asked > most:
        request.reject(f"at most the limit, {limit.shown()}")


def _above(one: Place, other: Place) -> bool:
    first, second = _amount(one), _amount(other)
    return first is not None and second is not None and first > second


def _total(spec: Place, name: str, *, bare: bool) -> Decimal:
    """What the containers request together: the larger of the running ones and of the init containers with the sidecars before them."""
    running = sum((_requested(item, name, bare=bare) for item in spec["containers"].structs()), _ZERO)
    sidecars = most = _ZERO
    for item in spec["initContainers"].structs():
        own = _requested(item, name, bare=bare)
        if item["restartPolicy"].text == "Always":
            running += own
            sidecars += own
            own = _ZERO
        most = max(most, sidecars + own)
    return max(running, most)


def _requested(container: Place, name: str, *, bare: bool) -> Decimal:
    resources = container["resources"]
    for part in ("requests", "limits") if bare else ("requests",):
        if resources[part][name]:
            return _amount(resources[part][name]) or _ZERO
    return _ZERO


def _amount(place: Place) -> Decimal | None:
    amount = place.quantity()
    return None if amount is None else _rounded(amount)


def _rounded(amount: Decimal) -> Decimal:
    thousandths = amount.scaleb(3, _EXACT)
    return amount if whole(thousandths) else thousandths.to_integral_value(ROUND_UP).scaleb(-3, _EXACT)


def whole(amount: Decimal) -> bool:
    """Whether an amount has no fraction."""
    return amount == amount.to_integral_value()


def _plain(amount: Decimal) -> str:
    return f"{amount.normalize():f}"[:40]


def _native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _extended(name: str) -> bool:
    return not _native(name) and not name.startswith("requests.") and names.qualified(f"requests.{name}") is None


def _whole_pages(amount: Decimal, name: str) -> bool:
    size = parse_quantity(name.removeprefix(_HUGE))
    return size is not None and size > 0 and whole(size) and int(amount.to_integral_value(ROUND_CEILING)) % int(size) == 0


def overhead(place: Place) -> None:
    """What a Pod needs beside its containers."""
    for name, item in place.entries():
        words = container_resource(name)
        if words:
            item.reject(words, f"`{name[:80]}`")
        else:
            value(item, name)
