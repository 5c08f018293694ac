"""Security contexts (k8s.io/kubernetes pkg/apis/core/validation ValidateSecurityContext and validatePodSpecSecurityContext)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graders.semantics import names
from graders.validation import paths
from graders.validation.place import Check, Place, between, each, each_value, name, one_of, table, unique

_IDS = between(0, 2**31 - 1)
_LONGEST_PROFILE = 4095
_LARGEST_SPEC = 64 * 1024
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_WINDOWS_USER = re.compile(r"(?:(?P<domain>[^\\]*)\\)?(?P<user>[^\\]*)")
_WINDOWS_DOMAIN = re.compile(
    r"[^\\/:*?\"<>|.][^\\/:*?\"<>|]{0,14}|[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
_NOT_IN_USER = re.compile(r"[\"/\\:;|=,+*?<>@\[\]\x00-\x1f\x7f]")
_NOT_FOR_WINDOWS = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser", "runAsGroup"),
    *("supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"),
)
_NOT_FOR_WINDOWS_CONTAINERS = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged"),
    *("allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"),
)


def container(place: Place, *, host_users: bool) -> None:
    """A container's securityContext; `host_users` tells whether its Pod shares the node's users."""
    if not place.is_map:
        return
    place.fields(_CONTAINER)
    if place["procMount"].text == "Unmasked" and host_users:
        place["procMount"].reject("`Default` unless the Pod has `hostUsers: false`")
    if place["allowPrivilegeEscalation"].value is False:
        if place["privileged"].is_true:
            place["allowPrivilegeEscalation"].reject("left out or `true` in a privileged container")
        for capability in place["capabilities"]["add"].items():
            if capability.text == "CAP_SYS_ADMIN":
                capability.reject("left out with `allowPrivilegeEscalation: false`")


def pod(place: Place) -> None:
    """A Pod's securityContext."""
    place.fields(_POD)


def platform(spec: Place) -> None:
    """What a Pod may say about the operating system that it is made for."""
    _host_process(spec)
    os = spec["os"]
    if not os:
        return
    if os["name"].empty or os["name"].text not in (None, "linux", "windows"):
        os["name"].reject("`linux` or `windows`")
    if os["name"].text == "linux":
        for context in (spec["securityContext"], *(item["securityContext"] for item in _containers(spec))):
            context["windowsOptions"].forbid("in a Pod for Linux")
    elif os["name"].text == "windows":
        _windows(spec)


def _windows(spec: Place) -> None:
    why = "in a Pod for Windows"
    for key in ("hostUsers", "shareProcessNamespace", "resources"):
        spec[key].forbid(why)
    for key in ("hostPID", "hostIPC"):
        if spec[key].is_true:
            spec[key].forbid(why)
    for key in _NOT_FOR_WINDOWS:
        if not (key == "sysctls" and spec["securityContext"][key].empty):
            spec["securityContext"][key].forbid(why)
    for item in _containers(spec):
        for key in _NOT_FOR_WINDOWS_CONTAINERS:
            item["securityContext"][key].forbid(why)


def _host_process(spec: Place) -> None:
    own = spec["securityContext"]["windowsOptions"]["hostProcess"]
    containers = list(_containers(spec))
    places = [item["securityContext"]["windowsOptions"]["hostProcess"] for item in containers]
    for place in places:
        if own and place and place.value is not own.value:
            place.reject(f"the same as that of the Pod, {own.shown()}")
    as_host = [place for place in places if (place.is_true if place else own.is_true)]
    if as_host and len(as_host) < len(places):
        as_host[0].reject("the same for every container of the Pod")
    if as_host and not spec["hostNetwork"].is_true:
        spec["hostNetwork"].reject("`true` with `hostProcess: true`")


def _containers(spec: Place) -> Iterator[Place]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec[key].structs()


def _profile(place: Place) -> None:
    kind, file = place["type"], place["localhostProfile"]
    if kind.require():
        one_of(*_PROFILES)(kind)
    if kind.text == "Localhost":
        if not file:
            file.require("with `type: Localhost`")
    elif kind.text in _PROFILES or kind.empty:
        file.forbid("unless `type` is `Localhost`")


def _seccomp(place: Place) -> None:
    _profile(place)
    if place["type"].text == "Localhost":
        paths.inside(place["localhostProfile"])


def _app_armor(place: Place) -> None:
    _profile(place)
    file = place["localhostProfile"]
    if place["type"].text == "Localhost" and file.text is not None:
        if file.text != file.text.strip() or not file.text:
            file.reject("the name of a profile, without spaces around it")
        elif len(file.text) > _LONGEST_PROFILE:
            file.reject(f"at most {_LONGEST_PROFILE} characters")


def _sysctls(place: Place) -> None:
    each(lambda item: item["name"].named(names.sysctl, required=True))(place)
    unique((item["name"] for item in place.structs()), "kernel parameter")


def _windows_user(place: Place) -> None:
    match = _WINDOWS_USER.fullmatch(place.text) if place.text is not None else None
    if place.text is None:
        return
    if match is None or not match["user"].strip(". ") or len(match["user"]) > 104 or _NOT_IN_USER.search(match["user"]):
        place.reject("a user's name as Windows allows it, perhaps with `DOMAIN\\` before it")
    elif match["domain"] is not None and (len(match["domain"]) > 255 or not _WINDOWS_DOMAIN.fullmatch(match["domain"])):
        place.reject("a user's name with a valid domain before it")


def _credential_spec(place: Place) -> None:
    if place.text is not None and not 0 < len(place.text) <= _LARGEST_SPEC:
        place.reject("between 1 byte and 64 KiB", f"{len(place.text)} bytes")


_COMMON: dict[str, Check] = {
    "runAsUser": _IDS,
    "runAsGroup": _IDS,
    "seccompProfile": _seccomp,
    "appArmorProfile": _app_armor,
    "windowsOptions": table(
        {"gmsaCredentialSpecName": name(names.dns_subdomain), "gmsaCredentialSpec": _credential_spec, "runAsUserName": _windows_user}
    ),
}
_CONTAINER: dict[str, Check] = {**_COMMON, "procMount": one_of("Default", "Unmasked")}
_POD: dict[str, Check] = {
    **_COMMON,
    "fsGroup": _IDS,
    "supplementalGroups": each_value(_IDS),
    "sysctls": _sysctls,
    "fsGroupChangePolicy": one_of("OnRootMismatch", "Always"),
    "supplementalGroupsPolicy": one_of("Merge", "Strict"),
    "seLinuxChangePolicy": one_of("Recursive", "MountOption"),
}
