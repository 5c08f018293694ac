"""Pod Security Standards: each control at its edges, by version, and what a namespace enforces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.pod_security import BASELINE, PRIVILEGED, RESTRICTED, Violation, enforced, violations
from graders.snapshot import freeze, show_path

C = "spec.containers[0]"
S = f"{C}.securityContext"
P = "spec.securityContext"
ARMOR = "container.apparmor.security.beta.kubernetes.io/api"
SECCOMP = "container.seccomp.security.alpha.kubernetes.io/api"
Edits = dict[str, Any]


def pod(edits: Edits) -> dict[str, Any]:
    """A Pod that meets the profile `restricted`, with these fields set; the path of a field as learners read it."""
    context = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    made: dict[str, Any] = {"metadata": {"annotations": {}}, "spec": {"containers": [{"name": "api", "securityContext": context}]}}
    for path, value in edits.items():
        *steps, last = (int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split("."))
        place: Any = made
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        place[last] = value
    return made


def judge(profile: str, edits: Edits, version: str = "latest", annotations: Any = None) -> tuple[Violation, ...]:
    made = pod(edits)
    return violations(profile, made["metadata"] | {"annotations": annotations}, made["spec"], version)


def shown(found: tuple[Violation, ...]) -> list[tuple[str, str]]:
    return [(violation.control, show_path(violation.path)) for violation in found]


def controls(found: tuple[Violation, ...]) -> list[str]:
    return list(dict.fromkeys(violation.control for violation in found))


BOTH_FORBID = [
    pytest.param({"spec.hostNetwork": True}, "host namespaces", "spec.hostNetwork", id="network of the node"),
    pytest.param({"spec.hostPID": True}, "host namespaces", "spec.hostPID", id="processes of the node"),
    pytest.param({"spec.hostIPC": True}, "host namespaces", "spec.hostIPC", id="ipc of the node"),
    pytest.param({f"{C}.ports": [{"containerPort": 80}, {"hostPort": 80}]}, "hostPort", f"{C}.ports[1].hostPort", id="port of the node"),
    pytest.param({f"{S}.privileged": True}, "privileged", f"{S}.privileged", id="privileged"),
    pytest.param({f"{S}.procMount": "Unmasked"}, "procMount", f"{S}.procMount", id="unmasked proc"),
    pytest.param({f"{S}.seLinuxOptions.type": "spc_t"}, "seLinuxOptions", f"{S}.seLinuxOptions.type", id="SELinux type"),
    pytest.param({f"{P}.seLinuxOptions.user": "u"}, "seLinuxOptions", f"{P}.seLinuxOptions.user", id="SELinux user of the Pod"),
    pytest.param({f"{S}.seLinuxOptions.role": "r"}, "seLinuxOptions", f"{S}.seLinuxOptions.role", id="SELinux role"),
    pytest.param({f"{S}.seccompProfile.type": "Unconfined"}, "seccompProfile", f"{S}.seccompProfile.type", id="seccomp off"),
    pytest.param({f"{P}.seccompProfile.type": "Unconfined"}, "seccompProfile", f"{P}.seccompProfile.type", id="seccomp off in the Pod"),
    pytest.param(
        {f"{P}.seccompProfile.type": "Unconfined", f"{S}.seccompProfile": None},
        *("seccompProfile", f"{P}.seccompProfile.type"),
        id="seccomp off for all",
    ),
    pytest.param({f"{S}.seccompProfile": {}}, "seccompProfile", f"{S}.seccompProfile.type", id="seccomp without type"),
    pytest.param({f"{S}.appArmorProfile.type": "Unconfined"}, "forbidden AppArmor profile", f"{S}.appArmorProfile.type", id="AppArmor off"),
    pytest.param(
        {f"{P}.appArmorProfile.type": "Unconfined"}, "forbidden AppArmor profile", f"{P}.appArmorProfile.type", id="AppArmor off in the Pod"
    ),
    pytest.param(
        {f"{P}.sysctls": [{"name": "net.ipv4.tcp_rmem"}, {"name": "kernel.msgmax"}]},
        *("forbidden sysctls", f"{P}.sysctls[1].name"),
        id="kernel parameter",
    ),
    pytest.param(
        {f"{P}.sysctls": [{"name": "net/ipv4/tcp_rmem"}]}, "forbidden sysctls", f"{P}.sysctls[0].name", id="kernel parameter with slashes"
    ),
    pytest.param({f"{P}.windowsOptions.hostProcess": True}, "hostProcess", f"{P}.windowsOptions.hostProcess", id="host process"),
    pytest.param(
        {f"{S}.windowsOptions.hostProcess": True}, "hostProcess", f"{S}.windowsOptions.hostProcess", id="host process of a container"
    ),
    *(
        pytest.param(
            {f"{C}.{where}.{handler}.host": "10.0.0.1"}, "probe or lifecycle host", f"{C}.{where}.{handler}.host", id=f"{where}-{handler}"
        )
        for where in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop")
        for handler in ("httpGet", "tcpSocket")
    ),
]


@pytest.mark.parametrize("profile", [BASELINE, RESTRICTED])
@pytest.mark.parametrize(("edits", "control", "path"), BOTH_FORBID)
def test_both_profiles_forbid(profile: str, edits: Edits, control: str, path: str) -> None:
    assert shown(judge(profile, edits)) == [(control, path)]


@pytest.mark.parametrize(
    ("edits", "baseline", "restricted", "path"),
    [
        pytest.param(
            {f"{S}.capabilities.add": ["CHOWN", "NET_RAW"]},
            *("non-default capabilities", "unrestricted capabilities", f"{S}.capabilities.add[1]"),
            id="capability that containers do not have",
        ),
        pytest.param(
            {f"{S}.capabilities.add": [None]},
            *("non-default capabilities", "unrestricted capabilities", f"{S}.capabilities.add[0]"),
            id="null, which the API server reads as a name",
        ),
        pytest.param(
            {"spec.volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]},
            *("hostPath volumes", "restricted volume types", "spec.volumes[1].hostPath"),
            id="directory of the node",
        ),
    ],
)
def test_restricted_replaces_what_baseline_forbids(edits: Edits, baseline: str, restricted: str, path: str) -> None:
    assert shown(judge(BASELINE, edits)) == [(baseline, path)]
    assert (restricted, path) in shown(judge(RESTRICTED, edits))
    assert controls(judge(RESTRICTED, edits)) == [restricted]


@pytest.mark.parametrize(
    ("edits", "found"),
    [
        pytest.param(
            {f"{S}.allowPrivilegeEscalation": True},
            [("allowPrivilegeEscalation != false", f"{S}.allowPrivilegeEscalation")],
            id="may gain privileges",
        ),
        pytest.param(
            {f"{S}.allowPrivilegeEscalation": None},
            [("allowPrivilegeEscalation != false", f"{S}.allowPrivilegeEscalation")],
            id="says nothing of privileges",
        ),
        pytest.param(
            {f"{S}.capabilities": None}, [("unrestricted capabilities", f"{S}.capabilities.drop")], id="keeps capabilities by default"
        ),
        pytest.param({f"{S}.capabilities.drop": ["all"]}, [("unrestricted capabilities", f"{S}.capabilities.drop")], id="drops `all`"),
        pytest.param({f"{S}.capabilities.add": ["CHOWN"]}, [("unrestricted capabilities", f"{S}.capabilities.add[0]")], id="adds one back"),
        pytest.param({f"{S}.runAsNonRoot": None}, [("runAsNonRoot != true", f"{S}.runAsNonRoot")], id="does not refuse root"),
        pytest.param({f"{S}.runAsNonRoot": "true"}, [("runAsNonRoot != true", f"{S}.runAsNonRoot")], id="refuses root in quotes"),
        pytest.param({f"{P}.runAsNonRoot": False}, [("runAsNonRoot != true", f"{P}.runAsNonRoot")], id="the Pod allows root"),
        pytest.param(
            {f"{P}.runAsNonRoot": False, f"{S}.runAsNonRoot": None},
            [("runAsNonRoot != true", f"{P}.runAsNonRoot")],
            id="the Pod allows root to all",
        ),
        pytest.param(
            {f"{P}.runAsNonRoot": True, f"{S}.runAsNonRoot": False},
            [("runAsNonRoot != true", f"{S}.runAsNonRoot")],
            id="a container allows root",
        ),
        pytest.param({f"{S}.runAsUser": 0}, [("runAsUser=0", f"{S}.runAsUser")], id="is root"),
        pytest.param({f"{P}.runAsUser": 0, f"{S}.runAsUser": 1}, [("runAsUser=0", f"{P}.runAsUser")], id="the Pod is root"),
        pytest.param({f"{S}.seccompProfile": None}, [("seccompProfile", f"{S}.seccompProfile.type")], id="no seccomp profile"),
        pytest.param(
            {"spec.volumes": [{"name": "a", "nfs": {"server": "s"}}]}, [("restricted volume types", "spec.volumes[0].nfs")], id="nfs"
        ),
        pytest.param({"spec.initContainers": [{"name": "init"}]}, [(name, path) for name, path in (
            ("allowPrivilegeEscalation != false", "spec.initContainers[0].securityContext.allowPrivilegeEscalation"),
            ("unrestricted capabilities", "spec.initContainers[0].securityContext.capabilities.drop"),
            ("runAsNonRoot != true", "spec.initContainers[0].securityContext.runAsNonRoot"),
            ("seccompProfile", "spec.initContainers[0].securityContext.seccompProfile.type"),
        )], id="bare init container"),
    ],
)  # fmt: skip
def test_only_restricted_forbids(edits: Edits, found: list[tuple[str, str]]) -> None:
    assert shown(judge(RESTRICTED, edits)) == found
    assert judge(BASELINE, edits) == ()


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param({}, id="as little as it takes"),
        pytest.param({"spec.hostNetwork": None, "spec.hostPID": False}, id="null and false"),
        pytest.param({f"{C}.ports": [{"containerPort": 80, "hostPort": 0}]}, id="port 0"),
        pytest.param({f"{S}.capabilities.add": ["NET_BIND_SERVICE"]}, id="binds low ports"),
        pytest.param({f"{S}.capabilities.drop": ["NET_RAW", "ALL"]}, id="drops more than all"),
        pytest.param({f"{S}.procMount": "Default"}, id="default proc"),
        pytest.param({f"{S}.seLinuxOptions": {"type": "container_init_t", "user": "", "level": "s0"}}, id="SELinux type and level"),
        pytest.param({f"{S}.seccompProfile.type": "Localhost"}, id="seccomp profile of the node"),
        pytest.param({f"{P}.seccompProfile.type": "RuntimeDefault", f"{S}.seccompProfile": None}, id="seccomp for the whole Pod"),
        pytest.param({f"{P}.runAsNonRoot": True, f"{S}.runAsNonRoot": None}, id="root refused for the whole Pod"),
        pytest.param({f"{S}.appArmorProfile.type": "Localhost"}, id="AppArmor profile of the node"),
        pytest.param({f"{S}.runAsUser": False}, id="false is not user 0"),
        pytest.param({"spec.volumes": [{"name": "a"}, {"name": "b", "hostPath": None}, "odd"]}, id="volumes without a source"),
        pytest.param(
            {
                "spec.volumes": [
                    {"name": kind.lower(), kind: {}}
                    for kind in [
                        "configMap",
                        "csi",
                        "downwardAPI",
                        "emptyDir",
                        "ephemeral",
                        "image",
                        "persistentVolumeClaim",
                        "projected",
                        "secret",
                    ]
                ]
            },
            id="every volume that may be",
        ),
        pytest.param({f"{C}.livenessProbe.httpGet": {"host": "", "port": 80}}, id="empty host"),
        pytest.param({f"{S}.windowsOptions": {"hostProcess": False}}, id="no host process"),
    ],
)
def test_restricted_admits(edits: Edits) -> None:
    assert judge(RESTRICTED, edits) == ()
    assert judge(BASELINE, edits) == ()


def test_baseline_admits_a_bare_pod() -> None:
    assert violations(BASELINE, {}, {"containers": [{"name": "api"}]}, "latest") == ()


@pytest.mark.parametrize(
    "name",
    ["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"],
)
def test_baseline_allows_what_containers_have_anyway(name: str) -> None:
    assert judge(BASELINE, {f"{S}.capabilities.add": [name]}) == ()
    assert controls(judge(RESTRICTED, {f"{S}.capabilities.add": [name]})) == ["unrestricted capabilities"]
    assert controls(judge(BASELINE, {f"{S}.capabilities.add": [f"CAP_{name}"]})) == ["non-default capabilities"]


def test_privileged_forbids_nothing() -> None:
    assert judge(PRIVILEGED, {f"{S}.privileged": True, "spec.hostPID": True}) == ()


@pytest.mark.parametrize(
    ("port", "expected", "found"),
    [
        pytest.param(
            {"containerPort": 80}, "no port of the node", "`80`, as the Pod has `hostNetwork: true`", id="becomes one of the node"
        ),
        pytest.param({"containerPort": 80, "hostPort": 81}, "left out", "`81`", id="is one already"),
    ],
)
def test_ports_in_the_network_of_the_node(port: Edits, expected: str, found: str) -> None:
    edits = {
        "spec.hostNetwork": True,
        f"{C}.ports": [port],
        "spec.ephemeralContainers": [{"name": "debug", "ports": [{"containerPort": 1}]}],
    }
    at_fault = judge(BASELINE, edits)
    assert shown(at_fault) == [("host namespaces", "spec.hostNetwork"), ("hostPort", f"{C}.ports[0].hostPort")]
    assert (at_fault[1].expected, at_fault[1].found) == (expected, found)


@pytest.mark.parametrize(
    ("annotations", "version", "key"),
    [
        pytest.param({ARMOR: "unconfined"}, "latest", ARMOR, id="AppArmor off"),
        pytest.param({ARMOR: "runtime/default2"}, "latest", ARMOR, id="AppArmor, nearly the default"),
        pytest.param({ARMOR: "localhost/api"}, "latest", None, id="AppArmor profile of the node"),
        pytest.param({ARMOR: "runtime/default"}, "latest", None, id="AppArmor by default"),
        pytest.param({ARMOR: ""}, "latest", None, id="AppArmor empty"),
        pytest.param({ARMOR: None}, "latest", None, id="AppArmor null"),
        pytest.param({SECCOMP: "unconfined"}, "v1.19", None, id="seccomp annotations no longer count"),
        pytest.param({SECCOMP: "unconfined"}, "v1.18", SECCOMP, id="seccomp off"),
        pytest.param({SECCOMP: None}, "v1.18", SECCOMP, id="seccomp null"),
        pytest.param({SECCOMP: "docker/default"}, "v1.18", None, id="seccomp by default"),
        pytest.param({SECCOMP: "localhost/api"}, "v1.18", None, id="seccomp profile of the node"),
        pytest.param({SECCOMP + "2": "unconfined"}, "v1.18", None, id="seccomp of no container"),
        pytest.param(
            {"seccomp.security.alpha.kubernetes.io/pod": "unconfined"},
            *("v1.18", "seccomp.security.alpha.kubernetes.io/pod"),
            id="seccomp off for the Pod",
        ),
        pytest.param(["odd"], "v1.18", None, id="no map"),
        pytest.param({1: "unconfined", ARMOR: 1, SECCOMP: ["x"]}, "v1.18", None, id="of other types"),
    ],
)
def test_annotations(annotations: Any, version: str, key: str | None) -> None:
    found = judge(BASELINE, {}, version, annotations)
    assert [violation.path for violation in found] == ([("metadata", "annotations", key)] if key else [])
    assert [violation.container for violation in found] == ([None if key.endswith("/pod") else "api"] if key else [])
    assert judge(RESTRICTED, {}, version, annotations) == found


@pytest.mark.parametrize(
    ("profile", "edits", "control", "until", "since"),
    [
        pytest.param(BASELINE, {f"{P}.sysctls": [{"name": "net.ipv4.ip_local_reserved_ports"}]}, "forbidden sysctls", 26, 27, id="27"),
        pytest.param(BASELINE, {f"{P}.sysctls": [{"name": "net.ipv4.tcp_keepalive_time"}]}, "forbidden sysctls", 28, 29, id="29"),
        pytest.param(RESTRICTED, {f"{P}.sysctls": [{"name": "net.ipv4.tcp_wmem"}]}, "forbidden sysctls", 31, 32, id="32"),
        pytest.param(RESTRICTED, {f"{P}.sysctls": [{"name": "net.ipv4.tcp_notsent_lowat"}]}, "forbidden sysctls", 36, 37, id="37"),
        pytest.param(BASELINE, {f"{S}.seLinuxOptions.type": "container_engine_t"}, "seLinuxOptions", 30, 31, id="engines"),
        pytest.param(BASELINE, {f"{C}.livenessProbe.httpGet.host": "h"}, "probe or lifecycle host", 34, 33, id="hosts"),
        pytest.param(BASELINE, {f"{S}.procMount": "Unmasked", "spec.hostUsers": False}, "procMount", 34, 35, id="proc in a user namespace"),
        pytest.param(RESTRICTED, {f"{S}.runAsNonRoot": None, "spec.hostUsers": False}, "runAsNonRoot != true", 34, 35, id="perhaps root"),
        pytest.param(RESTRICTED, {f"{S}.runAsUser": 0, "spec.hostUsers": False}, "runAsUser=0", 34, 35, id="root in a user namespace"),
        pytest.param(RESTRICTED, {f"{S}.runAsUser": 0}, "runAsUser=0", 23, 22, id="root"),
        pytest.param(RESTRICTED, {f"{S}.capabilities.drop": []}, "unrestricted capabilities", 22, 21, id="capabilities"),
        pytest.param(RESTRICTED, {f"{S}.allowPrivilegeEscalation": None}, "allowPrivilegeEscalation != false", 8, 7, id="privileges"),
        pytest.param(RESTRICTED, {f"{S}.seccompProfile": None}, "seccompProfile", 19, 18, id="seccomp"),
        pytest.param(
            RESTRICTED,
            *({"spec.os.name": "windows", f"{S}.allowPrivilegeEscalation": None}, "allowPrivilegeEscalation != false", 24, 25),
            id="privileges on Windows",
        ),
        pytest.param(
            RESTRICTED,
            {"spec.os.name": "windows", f"{S}.capabilities": None},
            "unrestricted capabilities",
            24,
            25,
            id="Windows capabilities",
        ),
        pytest.param(
            RESTRICTED, {"spec.os.name": "windows", f"{S}.seccompProfile": None}, "seccompProfile", 24, 25, id="seccomp on Windows"
        ),
    ],
)
def test_versions(profile: str, edits: Edits, control: str, until: int, since: int) -> None:
    """Forbidden in 1.`until`, and not in 1.`since`, the version next to it."""
    for version in (f"v1.{until}", f"1.{until}"):
        assert controls(judge(profile, edits, version)) == [control]
    assert judge(profile, edits, f"v1.{since}") == ()


@pytest.mark.parametrize("profile", [BASELINE, RESTRICTED])
@pytest.mark.parametrize(
    ("version", "names"),
    [
        (
            "v1.0",
            "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start net.ipv4.ping_group_range "
            "net.ipv4.tcp_syncookies",
        ),
        ("v1.27", "net.ipv4.ip_local_reserved_ports"),
        ("v1.29", "net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_keepalive_time"),
        ("v1.32", "net.ipv4.tcp_rmem net.ipv4.tcp_wmem"),
        ("v1.37", "net.ipv4.tcp_notsent_lowat net.ipv4.tcp_slow_start_after_idle"),
    ],
    ids=lambda value: value if value.startswith("v1") else "",
)
def test_kernel_parameters(profile: str, version: str, names: str) -> None:
    edits = {f"{P}.sysctls": [{"name": name} for name in names.split()]}
    assert judge(profile, edits, version) == judge(profile, edits, "latest") == ()


@pytest.mark.parametrize("kind", ["", "container_t", "container_init_t", "container_kvm_t"])
def test_selinux_types(kind: str) -> None:
    assert judge(RESTRICTED, {f"{S}.seLinuxOptions.type": kind}, "v1.0") == ()


@pytest.mark.parametrize(
    ("edits", "version", "found"),
    [
        pytest.param({f"{S}.seccompProfile.type": "Unconfined"}, "v1.18", [], id="seccomp before 19"),
        pytest.param(
            {f"{S}.seccompProfile.type": "Unconfined"}, "v1.19", [("seccompProfile", f"{S}.seccompProfile.type")], id="seccomp since 19"
        ),
        pytest.param(
            {f"{S}.capabilities.add": ["NET_RAW"]},
            *("v1.21", [("non-default capabilities", f"{S}.capabilities.add[0]")]),
            id="capabilities before 22",
        ),
        pytest.param(
            {f"{S}.capabilities.add": ["NET_RAW"]},
            *("v1.22", [("unrestricted capabilities", f"{S}.capabilities.add[0]")]),
            id="capabilities since 22",
        ),
    ],
)
def test_restricted_replaces_by_version(edits: Edits, version: str, found: list[tuple[str, str]]) -> None:
    assert shown(judge(RESTRICTED, edits, version)) == found


def test_restricted_keeps_the_mask_of_proc_in_user_namespaces() -> None:
    edits = {f"{S}.procMount": "Unmasked", "spec.hostUsers": False}
    found = [("procMount", f"{S}.procMount")]
    assert [shown(judge(RESTRICTED, edits, version)) for version in ("1.34", "1.35", "latest")] == [found] * 3


def test_windows_must_refuse_root_too() -> None:
    found = violations(RESTRICTED, {}, {"os": {"name": "windows"}, "containers": [{"name": "api"}]}, "latest")
    assert controls(found) == ["runAsNonRoot != true"]


@pytest.mark.parametrize("version", ["v1.38", "v1.4000000000", "1." + "9" * 5000, "", "v2.0", "newest", "v1.07", None, 1.29], ids=str)
def test_the_newest_rules_hold_for_versions_beyond_them(version: Any) -> None:
    edits: Edits = {f"{P}.sysctls": [{"name": "net.ipv4.tcp_notsent_lowat"}], f"{C}.livenessProbe.httpGet.host": "h"}
    assert controls(judge(BASELINE, edits, version)) == ["probe or lifecycle host"]


def test_what_is_no_profile_is_the_strictest() -> None:
    assert judge("Restricted", {f"{S}.runAsUser": 0}) == judge(RESTRICTED, {f"{S}.runAsUser": 0}) != ()


@pytest.mark.parametrize(
    ("edits", "container", "message"),
    [
        pytest.param(
            {f"{S}.privileged": True},
            "api",
            "`securityContext.privileged` of container `api` must be `false` or left out, and is `true`.",
            id="container",
        ),
        pytest.param(
            {f"{S}.capabilities.drop": ["all", "NET_RAW", None, *"abcd"]},
            "api",
            '`securityContext.capabilities.drop` of container `api` must be a list with `"ALL"` in it, and is '
            "`all`, `NET_RAW`, `a`, `b`, `c` ….",
            id="long list",
        ),
        pytest.param(
            {"spec.hostNetwork": False, f"{S}.capabilities.drop": []},
            "api",
            '`securityContext.capabilities.drop` of container `api` must be a list with `"ALL"` in it, and is a list without names.',
            id="empty list",
        ),
        pytest.param(
            {"spec.hostPID": True}, None, "`hostPID` of the Pod must be `false` or left out, and is `true`.", id="Pod"
        ),
        pytest.param(
            {f"{S}.runAsNonRoot": None},
            "api",
            "`securityContext.runAsNonRoot` of container `api` must be `true`, here or once for the whole Pod, and is not set.",
            id="not set",
        ),
        pytest.param(
            {f"{S}.runAsNonRoot": "true"},
            "api",
            "`securityContext.runAsNonRoot` of container `api` must be `true`, here or once for the whole Pod, and is `\"true\"`.",
            id="in quotes",
        ),
        pytest.param(
            {f"{S}.procMount": ""},
            "api",
            "`securityContext.procMount` of container `api` must be `Default` or left out, and is `\"\"`.",
            id="empty text",
        ),
        pytest.param(
            {f"{S}.procMount": "Default "},
            "api",
            "`securityContext.procMount` of container `api` must be `Default` or left out, and is `\"Default \"`.",
            id="space at the end",
        ),
        pytest.param(
            {"spec.initContainers": [{"name": "init", "ports": [{"hostPort": 80}]}], f"{P}.seccompProfile": None},
            "init",
            "`ports[0].hostPort` of init container `init` must be left out, and is `80`.",
            id="init container",
        ),
        pytest.param(
            {"spec.ephemeralContainers": [{"name": "debug", "securityContext": {"privileged": True}}], f"{P}.seccompProfile": None},
            "debug",
            "`securityContext.privileged` of ephemeral container `debug` must be `false` or left out, and is `true`.",
            id="ephemeral container",
        ),
        pytest.param(
            {"spec.volumes": [{"name": "data", "nfs": {}}]},
            None,
            "Volume `data` must be of type `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `image`, "
            "`persistentVolumeClaim`, `projected` or `secret`, and is of type `nfs`.",
            id="volume",
        ),
        pytest.param(
            {f"{S}.capabilities.add": ["\n" + "x" * 200]},
            "api",
            "`securityContext.capabilities.add[0]` of container `api` must be `NET_BIND_SERVICE`, or left out, and is `\\n"
            + "x" * 96
            + "...`.",
            id="long and odd",
        ),
    ],
)  # fmt: skip
def test_message(edits: Edits, container: str | None, message: str) -> None:
    first = judge(RESTRICTED, edits)[0]
    assert (first.container, first.message) == (container, message)
    assert first.expected in message
    assert first.found in message


@pytest.mark.parametrize(
    ("edits", "expected", "found"),
    [
        pytest.param({f"{P}.appArmorProfile.type": "Unconfined"}, "`RuntimeDefault` or `Localhost`", "`Unconfined`", id="profile"),
        pytest.param({f"{S}.seccompProfile": {}}, "`RuntimeDefault` or `Localhost`", "not set", id="profile without type"),
        pytest.param(
            {f"{S}.seccompProfile": None},
            *("`RuntimeDefault` or `Localhost`, here or once for the whole Pod", "not set"),
            id="no profile",
        ),
        pytest.param({f"{P}.windowsOptions.hostProcess": True}, "`false` or left out", "`true`", id="host process"),
        pytest.param({f"{S}.allowPrivilegeEscalation": "false"}, "`false`", '`"false"`', id="no privileges, in quotes"),
        pytest.param({f"{S}.allowPrivilegeEscalation": {}}, "`false`", "a map", id="a map"),
        pytest.param({f"{S}.allowPrivilegeEscalation": {1}}, "`false`", "of another type", id="no data at all"),
        pytest.param({f"{C}.ports": [{"hostPort": 10**5000}]}, "left out", "a number beyond all limits", id="huge"),
        pytest.param({f"{P}.runAsNonRoot": False}, "`true`", "`false`", id="root allowed"),
        pytest.param({f"{S}.runAsUser": 0}, "another user than 0, which is root, or left out", "`0`", id="root"),
        pytest.param({f"{S}.capabilities.add": [""]}, "`NET_BIND_SERVICE`, or left out", '`""`', id="capability without a name"),
        pytest.param(
            {f"{C}.livenessProbe.httpGet.host": "10.0.0.1"},
            *("left out, which stands for the Pod's own address", "`10.0.0.1`"),
            id="host",
        ),
        pytest.param({f"{S}.seLinuxOptions.user": "u"}, "left out", "`u`", id="SELinux user"),
        pytest.param(
            {f"{S}.seLinuxOptions.type": "t"},
            *("`container_t`, `container_init_t`, `container_kvm_t` or `container_engine_t`, or left out", "`t`"),
            id="SELinux type",
        ),
        pytest.param({"spec.volumes": [{"nfs": {}, "secret": None}]}, "of type `configMap`, `csi`, ", "of type `nfs`", id="volume"),
    ],
)
def test_expected_and_found(edits: Edits, expected: str, found: str) -> None:
    [violation] = judge(RESTRICTED, edits)
    assert (violation.expected[: len(expected)], violation.found) == (expected, found)


def test_directory_of_the_node_for_baseline() -> None:
    [found] = judge(BASELINE, {"spec.volumes": [{"name": "data", "hostPath": {"path": "/"}}]})
    assert found.message == "Volume `data` must be of another type than `hostPath`, and is of type `hostPath`."


@pytest.mark.parametrize(
    ("key", "version", "allowed"),
    [
        (ARMOR, "latest", "`runtime/default` or `localhost/…`"),
        (SECCOMP, "v1.18", "`runtime/default`, `docker/default` or `localhost/…`"),
    ],
    ids=["AppArmor", "seccomp"],
)
def test_message_of_an_annotation(key: str, version: str, allowed: str) -> None:
    [found] = judge(BASELINE, {}, version, {key: "unconfined"})
    assert found.message == f"The annotation `{key}` must be {allowed}, and is `unconfined`."


@pytest.mark.parametrize(
    ("labels", "policy"),
    [
        pytest.param({}, ("privileged", "latest"), id="no label"),
        pytest.param({"enforce": "baseline"}, ("baseline", "latest"), id="profile"),
        pytest.param({"enforce": "restricted", "enforce-version": "v1.29"}, ("restricted", "v1.29"), id="profile and version"),
        pytest.param({"enforce-version": "v1.29"}, ("privileged", "v1.29"), id="version alone"),
        pytest.param({"enforce": "restricted", "enforce-version": "latest"}, ("restricted", "latest"), id="latest"),
        pytest.param({"audit": "restricted", "warn": "restricted"}, ("privileged", "latest"), id="told, not enforced"),
        pytest.param({"enforce": "Baseline"}, ("restricted", "latest"), id="no profile"),
        pytest.param({"enforce": None}, ("restricted", "latest"), id="null"),
        pytest.param({"enforce": ["baseline"]}, ("restricted", "latest"), id="a list"),
        pytest.param({"enforce": "baseline", "enforce-version": "1.29"}, ("baseline", "latest"), id="version without v"),
        pytest.param({"enforce": "baseline", "enforce-version": "v1.029"}, ("baseline", "latest"), id="version with a nought"),
        pytest.param({"enforce": "baseline", "enforce-version": 1.29}, ("baseline", "latest"), id="version as a number"),
    ],
)
def test_enforced(labels: dict[str, Any], policy: tuple[str, str]) -> None:
    assert enforced({f"pod-security.kubernetes.io/{key}": value for key, value in labels.items()}) == policy


@pytest.mark.parametrize("labels", [None, [], "restricted", 1], ids=repr)
def test_no_labels_enforce_nothing(labels: Any) -> None:
    assert enforced(labels) == (PRIVILEGED, "latest")


# Anything at all, and often the right key at the right place.
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["ALL", "Default"])
odd = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=2)
)
versions = st.sampled_from(["latest", *(f"v1.{minor}" for minor in range(40))]) | odd


def like(**fields: Any) -> Any:
    return odd | st.fixed_dictionaries({}, optional=fields)


profiles = like(type=odd | st.sampled_from(["Unconfined", "RuntimeDefault"]))
contexts = like(
    **dict.fromkeys(("runAsNonRoot", "runAsUser", "privileged", "allowPrivilegeEscalation", "procMount"), odd),
    seccompProfile=profiles,
    appArmorProfile=profiles,
    seLinuxOptions=like(type=odd, user=odd, role=odd),
    windowsOptions=like(hostProcess=odd),
    capabilities=like(add=odd, drop=odd),
    sysctls=st.lists(like(name=odd), max_size=2),
)
handlers = like(httpGet=like(host=odd), tcpSocket=like(host=odd))
containers = odd | st.lists(
    like(
        name=odd,
        securityContext=contexts,
        ports=st.lists(like(hostPort=odd, containerPort=odd), max_size=2),
        livenessProbe=handlers,
        lifecycle=like(preStop=handlers),
    ),
    max_size=2,
)
specs = like(
    containers=containers,
    initContainers=containers,
    ephemeralContainers=containers,
    securityContext=contexts,
    volumes=odd | st.lists(like(name=odd, hostPath=odd, nfs=odd, secret=odd) | st.dictionaries(scalars, odd, max_size=2), max_size=2),
    hostNetwork=odd,
    hostUsers=odd,
    os=like(name=odd),
)
metadata = like(annotations=odd | st.dictionaries(st.sampled_from([ARMOR, SECCOMP]) | st.text(max_size=3), odd, max_size=2))
REACHED = ("spec", "metadata")


@given(odd | st.sampled_from([BASELINE, RESTRICTED]), metadata, specs, versions)
def test_any_shape_has_an_answer(profile: Any, meta: Any, spec: Any, version: Any) -> None:
    found = violations(profile, meta, spec, version)
    assert violations(profile, freeze(meta), freeze(spec), version) == found
    for violation in found:
        assert show_path(violation.path).startswith(REACHED)
        assert violation.message.isprintable()
        if violation.path[1] in ("containers", "initContainers", "ephemeralContainers"):
            owner = spec[violation.path[1]][violation.path[2]]
            assert isinstance(owner, Mapping)
            assert violation.container == (owner.get("name") if isinstance(owner.get("name"), str) else "")


@pytest.mark.parametrize("value", [10**5000, -(10**5000), float("nan"), float("inf")], ids=["huge", "tiny", "nan", "inf"])
def test_any_number_has_an_answer(value: float) -> None:
    edits = {f"{C}.ports": [{"hostPort": value}], f"{S}.runAsUser": value, f"{S}.allowPrivilegeEscalation": value}
    assert controls(judge(RESTRICTED, edits)) == ["hostPort", "allowPrivilegeEscalation != false"]


@given(odd)
def test_any_labels_have_an_answer(labels: Any) -> None:
    assert enforced(labels) == (PRIVILEGED, "latest")


@given(metadata, specs, versions)
def test_what_baseline_forbids_restricted_forbids(meta: Any, spec: Any, version: Any) -> None:
    if isinstance(spec, dict):
        spec.pop("os", None)  # for Windows, restricted leaves out fields that the API server does not take there
        spec.pop("volumes", None)  # and it reads a volume with two sources, which the server does not take either, by the better one
    if violations(BASELINE, meta, spec, version):
        assert violations(RESTRICTED, meta, spec, version)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@given(st.sampled_from([BASELINE, RESTRICTED]), specs, versions)
def test_null_is_not_set(profile: str, spec: Any, version: Any) -> None:
    assert violations(profile, {}, without_nulls(spec), version) == violations(profile, {}, spec, version)
