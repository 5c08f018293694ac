"""Pod Security Standards: what a Pod does that the profile `baseline` or `restricted` forbids, and which profile a namespace enforces.

The controls are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/, judged as the admission plugin
PodSecurity does in Kubernetes 1.37 (k8s.io/pod-security-admission, policy/check_*.go and registry.go), and listed in its order and
under the names that its messages use. Each version of the standard has its own rules; 1.37 has the newest that are known here.

A Pod is judged as the API server stores it, so two of its defaults count (k8s.io/kubernetes pkg/apis/core/v1/defaults.go): a volume
without a source is an `emptyDir`, and with `hostNetwork: true` each port of a container becomes a port of the node. A field that is null
counts as not set, and so does one of a type that the API server refuses.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from graders.semantics.security import containers_of, drops_all

PRIVILEGED, BASELINE, RESTRICTED = PROFILES = ("privileged", "baseline", "restricted")
LATEST = "latest"
_NEWEST_MINOR = 37

_LABEL = "pod-security.kubernetes.io/enforce"
_VERSION = re.compile(r"v?1\.(0|[1-9][0-9]{0,8})")

_APP_ARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_ANNOTATION = "container.seccomp.security.alpha.kubernetes.io/"
_SECCOMP_POD_ANNOTATION = "seccomp.security.alpha.kubernetes.io/pod"

# fmt: off
_DEFAULT_CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
    "SETUID", "SYS_CHROOT",
)
_VOLUME_TYPES = (
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
)
# The parameters of the kernel that a Pod may set, by the first minor version that allows them.
_SYSCTLS = {
    0: ("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range",
        "net.ipv4.tcp_syncookies"),
    27: ("net.ipv4.ip_local_reserved_ports",),
    29: ("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"),
    32: ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    37: ("net.ipv4.tcp_notsent_lowat", "net.ipv4.tcp_slow_start_after_idle"),
}
# fmt: on
_SELINUX_TYPES = {0: ("container_t", "container_init_t", "container_kvm_t"), 31: ("container_engine_t",)}

_PROBES = (("livenessProbe",), ("readinessProbe",), ("startupProbe",), ("lifecycle", "postStart"), ("lifecycle", "preStop"))
_KINDS = {"initContainers": "init container", "containers": "container", "ephemeralContainers": "ephemeral container"}
_OFF = "`false` or left out"
_HUGE = 10**30  # Python does not print the longest numbers

Path = tuple[str | int, ...]


class Enforced(NamedTuple):
    """What a namespace enforces: one of `PROFILES`, and the version of the standard, `v1.29` or `latest`."""

    profile: str
    version: str


class Violation(NamedTuple):
    """One field of a Pod that breaks a control.

    `control` is what the admission plugin calls it (`allowPrivilegeEscalation != false`; always in the singular), `path` leads to the
    field from the Pod (`("spec", "containers", 0, …)` or `("metadata", "annotations", …)`), `container` is the name of the container
    that it belongs to, None for a field of the Pod. `message` is a sentence for learners, `expected` and `found` are its parts.
    """

    control: str
    path: Path
    container: str | None
    message: str
    expected: str
    found: str


def enforced(labels: Any) -> Enforced:
    """What the labels of a Namespace make it enforce; `privileged`, which forbids nothing, without such a label.

    The API server refuses to set a label to an unknown profile or version. Where one stands nevertheless, it counts as `restricted` or
    `latest` (PolicyToEvaluate in k8s.io/pod-security-admission/api/helpers.go).
    """
    profile, version = _get(labels, _LABEL, missing=PRIVILEGED), _get(labels, f"{_LABEL}-version", missing=LATEST)
    known = isinstance(version, str) and version.startswith("v") and _VERSION.fullmatch(version)
    return Enforced(profile if profile in PROFILES else RESTRICTED, version if known else LATEST)


def violations(profile: str, pod_metadata: Any, pod_spec: Any, version: str) -> tuple[Violation, ...]:
    """Every field of a Pod that a profile forbids, in the order of the admission plugin's message; empty for a Pod that it admits.

    `pod_metadata` and `pod_spec` are plain data of any shape, such as those of a Pod or of a workload's template. `version` is `v1.29`,
    `1.29` or `latest`, which means that of the API server; one that is newer than the rules known here, or none at all, is judged by
    the newest of them. What is no profile is judged as `restricted`. For a field that is set wrongly for the whole Pod, the containers
    that merely take it over are not listed as well. Never raises.
    """
    if profile == PRIVILEGED:
        return ()
    spec = _Scope(pod_spec if isinstance(pod_spec, Mapping) else {}, ("spec",), None)
    containers = tuple(_Scope(item, ("spec", *path), _text(item.get("name"))) for path, item in containers_of(pod_spec))
    annotations = _get(pod_metadata, "annotations")
    pod = _Pod(annotations if isinstance(annotations, Mapping) else {}, spec, containers)
    controls = _controls(pod, profile != BASELINE, _minor(version))
    return tuple(Violation(control, *fault) for control, faults in controls for fault in faults)


class _Fault(NamedTuple):
    path: Path
    container: str | None
    message: str
    expected: str
    found: str


class _Scope(NamedTuple):
    """A Pod's spec or one of its containers, with its place in the Pod. Both have a `securityContext`."""

    value: Mapping[str, Any]
    path: Path
    container: str | None

    def get(self, *steps: str) -> Any:
        return _get(self.value, *steps)

    def fault(self, steps: Path, value: Any, expected: str, why: str = "") -> _Fault:
        """The field at `steps`, which has this value and must be as `expected`; `why` tells where the value comes from."""
        owner = "the Pod" if self.container is None else f"{_KINDS[str(self.path[1])]} {_shown(self.container)}"
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)[1:]
        found = _shown(value) + why
        return _Fault((*self.path, *steps), self.container, f"`{field}` of {owner} must be {expected}, and is {found}.", expected, found)


class _Pod(NamedTuple):
    annotations: Mapping[Any, Any]
    spec: _Scope
    containers: tuple[_Scope, ...]

    @property
    def scopes(self) -> tuple[_Scope, ...]:
        return (self.spec, *self.containers)

    @property
    def for_windows(self) -> bool:
        return bool(self.spec.get("os", "name") == "windows")

    @property
    def own_users(self) -> bool:
        """Whether it has a user namespace of its own, in which root is not the root of the node."""
        return self.spec.get("hostUsers") is False


_Faults = Iterator[_Fault]


def _controls(pod: _Pod, restricted: bool, minor: int) -> Iterator[tuple[str, _Faults]]:
    """The controls of a profile in version 1.`minor`, each with what breaks it. A stricter form in `restricted` replaces the one here."""
    yield "forbidden AppArmor profile", _app_armor(pod)
    if not restricted or minor < 22:
        yield "non-default capabilities", _added_capabilities(pod, _DEFAULT_CAPABILITIES)
    yield "host namespaces", _host_namespaces(pod)
    if not restricted:
        yield "hostPath volumes", _host_paths(pod)
    yield "hostPort", _host_ports(pod)
    if minor >= 34:
        yield "probe or lifecycle host", _hosts(pod)
    yield "privileged", _privileged(pod)
    if minor < 35 or not (restricted or pod.own_users):
        yield "procMount", _proc_mounts(pod)
    yield "seLinuxOptions", _selinux(pod, _allowed(_SELINUX_TYPES, minor))
    if not restricted or minor < 19:
        yield "seccompProfile", _seccomp_annotations(pod) if minor < 19 else _profiles(pod, "seccompProfile")
    yield "forbidden sysctls", _sysctls(pod, _allowed(_SYSCTLS, minor))
    yield "hostProcess", _host_processes(pod)
    if restricted:
        yield from _restricted_controls(pod, minor)


def _restricted_controls(pod: _Pod, minor: int) -> Iterator[tuple[str, _Faults]]:
    has_linux_fields = minor < 25 or not pod.for_windows
    if minor >= 8 and has_linux_fields:
        yield "allowPrivilegeEscalation != false", _escalation(pod)
    if minor >= 22 and has_linux_fields:
        yield "unrestricted capabilities", _capabilities(pod)
    if minor >= 35:
        yield "procMount", _proc_mounts(pod)
    yield "restricted volume types", _volumes(pod)
    may_be_root = minor >= 35 and pod.own_users
    if not may_be_root:
        yield "runAsNonRoot != true", _root_not_refused(pod)
    if minor >= 23 and not may_be_root:
        yield "runAsUser=0", _root(pod)
    if minor >= 19 and has_linux_fields:
        yield "seccompProfile", _seccomp_required(pod)


def _app_armor(pod: _Pod) -> _Faults:
    yield from _profiles(pod, "appArmorProfile")
    for key, value in pod.annotations.items():
        if not isinstance(key, str) or not key.startswith(_APP_ARMOR_ANNOTATION):
            continue
        if _text(value) not in ("", "runtime/default") and not _text(value).startswith("localhost/"):
            yield _annotation(key, value, key.removeprefix(_APP_ARMOR_ANNOTATION), "`runtime/default` or `localhost/…`")


def _profiles(pod: _Pod, field: str) -> _Faults:
    for scope in pod.scopes:
        profile = scope.get("securityContext", field)
        if isinstance(profile, Mapping) and profile.get("type") not in ("RuntimeDefault", "Localhost"):
            yield scope.fault(("securityContext", field, "type"), profile.get("type"), "`RuntimeDefault` or `Localhost`")


def _added_capabilities(pod: _Pod, allowed: Collection[str]) -> _Faults:
    for scope in pod.containers:
        for index, item in enumerate(_items(scope.get("securityContext", "capabilities", "add"))):
            if item is None or (isinstance(item, str) and item not in allowed):
                yield scope.fault(("securityContext", "capabilities", "add", index), item or "", f"{_listed(allowed)}, or left out")


def _host_namespaces(pod: _Pod) -> _Faults:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field) is True:
            yield pod.spec.fault((field,), True, _OFF)


def _host_paths(pod: _Pod) -> _Faults:
    for index, volume in enumerate(_items(pod.spec.get("volumes"))):
        if _get(volume, "hostPath") is not None:
            yield _volume(index, volume, "hostPath", "of another type than `hostPath`")


def _host_ports(pod: _Pod) -> _Faults:
    for scope in pod.containers:
        defaulted = pod.spec.get("hostNetwork") is True and scope.path[1] != "ephemeralContainers"
        for index, port in enumerate(_items(scope.get("ports"))):
            value, why = _get(port, "hostPort"), ""
            if defaulted and not value:
                value, why = _get(port, "containerPort"), ", as the Pod has `hostNetwork: true`"
            if _is_number(value) and value != 0:
                yield scope.fault(("ports", index, "hostPort"), value, "no port of the node" if why else "left out", why)


def _hosts(pod: _Pod) -> _Faults:
    for scope in pod.containers:
        for probe in _PROBES:
            for handler in ("httpGet", "tcpSocket"):
                steps = (*probe, handler, "host")
                host = scope.get(*steps)
                if _text(host):
                    yield scope.fault(steps, host, "left out, which stands for the Pod's own address")


def _privileged(pod: _Pod) -> _Faults:
    steps = ("securityContext", "privileged")
    return (scope.fault(steps, True, _OFF) for scope in pod.containers if scope.get(*steps) is True)


def _proc_mounts(pod: _Pod) -> _Faults:
    steps = ("securityContext", "procMount")
    for scope in pod.containers:
        value = scope.get(*steps)
        if isinstance(value, str) and value != "Default":
            yield scope.fault(steps, value, "`Default` or left out")


def _selinux(pod: _Pod, types: Collection[str]) -> _Faults:
    for scope in pod.scopes:
        for field, allowed in (("type", types), ("user", ()), ("role", ())):
            steps = ("securityContext", "seLinuxOptions", field)
            value = _text(scope.get(*steps))
            if value and value not in allowed:
                yield scope.fault(steps, value, f"{_listed(allowed)}, or left out" if allowed else "left out")


def _seccomp_annotations(pod: _Pod) -> _Faults:
    names: list[str | None] = [None, *(scope.container for scope in pod.containers)]
    for name in dict.fromkeys(names):
        key = _SECCOMP_POD_ANNOTATION if name is None else _SECCOMP_ANNOTATION + name
        value = pod.annotations.get(key, "runtime/default")
        allowed = value in ("runtime/default", "docker/default") or _text(value).startswith("localhost/")
        if isinstance(value, str | None) and not allowed:
            yield _annotation(key, value, name, "`runtime/default`, `docker/default` or `localhost/…`")


def _sysctls(pod: _Pod, allowed: Collection[str]) -> _Faults:
    for index, item in enumerate(_items(pod.spec.get("securityContext", "sysctls"))):
        name = _get(item, "name")
        if isinstance(name, str) and name not in allowed:
            yield pod.spec.fault(("securityContext", "sysctls", index, "name"), name, f"one of {_listed(allowed)}")


def _host_processes(pod: _Pod) -> _Faults:
    steps = ("securityContext", "windowsOptions", "hostProcess")
    return (scope.fault(steps, True, _OFF) for scope in pod.scopes if scope.get(*steps) is True)


def _escalation(pod: _Pod) -> _Faults:
    steps = ("securityContext", "allowPrivilegeEscalation")
    return (scope.fault(steps, scope.get(*steps), "`false`") for scope in pod.containers if scope.get(*steps) is not False)


def _capabilities(pod: _Pod) -> _Faults:
    steps = ("securityContext", "capabilities", "drop")
    for scope in pod.containers:
        if not drops_all(pod.spec.value, scope.path[1:]):
            yield scope.fault(steps, scope.get(*steps), 'a list with `"ALL"` in it')
    yield from _added_capabilities(pod, ("NET_BIND_SERVICE",))


def _volumes(pod: _Pod) -> _Faults:
    for index, volume in enumerate(_items(pod.spec.get("volumes"))):
        fields = volume.items() if isinstance(volume, Mapping) else ()
        types = [key for key, value in fields if isinstance(key, str) and key != "name" and value is not None]
        if types and not any(kind in _VOLUME_TYPES for kind in types):
            yield _volume(index, volume, types[0], f"of type {_listed(_VOLUME_TYPES)}")


def _root_not_refused(pod: _Pod) -> _Faults:
    steps = ("securityContext", "runAsNonRoot")
    for scope in pod.scopes:
        if scope.get(*steps) is False:
            yield scope.fault(steps, False, "`true`")
    yield from _not_set(pod, "runAsNonRoot", bool, steps, "`true`")


def _root(pod: _Pod) -> _Faults:
    steps = ("securityContext", "runAsUser")
    for scope in pod.scopes:
        value = scope.get(*steps)
        if _is_number(value) and value == 0:
            yield scope.fault(steps, value, "another user than 0, which is root, or left out")


def _seccomp_required(pod: _Pod) -> _Faults:
    yield from _profiles(pod, "seccompProfile")
    steps = ("securityContext", "seccompProfile", "type")
    yield from _not_set(pod, "seccompProfile", Mapping, steps, "`RuntimeDefault` or `Localhost`")


def _not_set(pod: _Pod, field: str, of_type: type, steps: tuple[str, ...], expected: str) -> _Faults:
    """The containers that have no such field of the security context, where the Pod has none for all of them."""
    if not isinstance(pod.spec.get("securityContext", field), of_type):
        for scope in pod.containers:
            if not isinstance(scope.get("securityContext", field), of_type):
                yield scope.fault(steps, scope.get(*steps), f"{expected}, here or once for the whole Pod")


def _volume(index: int, volume: Mapping[str, Any], kind: str, expected: str) -> _Fault:
    name, found = _text(volume.get("name")), f"of type {_shown(kind)}"
    return _Fault(("spec", "volumes", index, kind), None, f"Volume {_shown(name)} must be {expected}, and is {found}.", expected, found)


def _annotation(key: str, value: Any, container: str | None, expected: str) -> _Fault:
    found = _shown(value or "")
    message = f"The annotation {_shown(key)} must be {expected}, and is {found}."
    return _Fault(("metadata", "annotations", key), container, message, expected, found)


def _allowed(by_version: Mapping[int, tuple[str, ...]], minor: int) -> tuple[str, ...]:
    return tuple(name for since, names in by_version.items() if since <= minor for name in names)


def _minor(version: Any) -> int:
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    return min(int(match[1]), _NEWEST_MINOR) if match else _NEWEST_MINOR


def _get(value: Any, *steps: str, missing: Any = None) -> Any:
    """What lies at the end of these keys; `missing` when that is nothing. A key that is there with null in it gives None."""
    for step in steps:
        value = value.get(step, missing) if isinstance(value, Mapping) else missing
    return value


def _items(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _listed(names: Collection[str]) -> str:
    *most, last = (f"`{name}`" for name in names)
    return f"{', '.join(most)} or {last}" if most else last


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"`{value}`" if -_HUGE < value < _HUGE else "a number beyond all limits"
    if isinstance(value, list | tuple):
        listed = [_shown(item) for item in value if isinstance(item, str)]
        return ", ".join(listed[:5]) + (" …" if len(listed) > 5 else "") if listed else "a list without names"
    if not isinstance(value, str):
        return "a map" if isinstance(value, Mapping) else "of another type"
    text = value if len(value) <= 100 else f"{value[:97]}..."
    text = text if text.isprintable() else repr(text)[1:-1]
    quoted = text != text.strip() or text in ("", "true", "false")
    return f'`"{text}"`' if quoted else f"`{text}`"
