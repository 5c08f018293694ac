"""Our Pod Security Standards against the admission plugin itself: of thousands of Pods at the edges of each control, both say the same."""

from __future__ import annotations

import copy
import random
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from graders.semantics.pod_security import BASELINE, RESTRICTED, Violation, enforced, violations
from tests.api import Api, Json

pytestmark = pytest.mark.cluster

_SIZE, _SEED = 2_300, 20_261_124
_PROFILES = (BASELINE, RESTRICTED)
# One on each side of every change to the standard.
_PINNED = tuple(f"v1.{minor}" for minor in (0, 7, 8, 18, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 99))
_PINNED_PODS = 800

_REFUSAL = re.compile(r'violates PodSecurity "(?P<policy>[^"]+)": (?P<controls>.*)', re.DOTALL)
_CONTROL = re.compile(r"(?P<name>[^()]+?) \((?P<detail>[^()]*)\)(?:, |$)")
_NAMES = re.compile(r"(?:containers?|volumes?) (\"[^\"]+\"(?:, \"[^\"]+\")*)")
# The plugin leaves out what is not set while something is set wrongly, and a container's annotation that repeats the Pod's profile.
_NOT_ALL_NAMED = ("runAsNonRoot != true", "seccompProfile", "forbidden AppArmor profile")

_LOCAL = {"type": "Localhost", "localhostProfile": "profiles/api.json"}
_PROFILE = ({"type": "RuntimeDefault"}, {"type": "Unconfined"}, _LOCAL, None)
_SELINUX = (
    *({"type": f"container{kind}_t"} for kind in ("", "_init", "_kvm", "_engine", "_file")),
    *({"type": ""}, {"type": "spc_t"}, {"user": "u"}, {"user": ""}, {"role": "r"}, {"role": ""}, {"level": "s0:c123"}),
    *({"type": "container_t", "user": "u", "role": "r", "level": "s0"}, {}, None),
)
_HTTP = {"port": 80, "path": "/"}
_PROBE: tuple[Json, ...] = (
    *({"httpGet": {**_HTTP, "host": host}} for host in ("127.0.0.1", "other.example", "", None)),
    *({"tcpSocket": {"port": 80, "host": host}} for host in ("10.0.0.1", "")),
    *({"httpGet": _HTTP}, {"exec": {"command": ["true"]}}, {"grpc": {"port": 80}}),
)
_HANDLER: tuple[Json, ...] = (*(probe for probe in _PROBE if "grpc" not in probe), {"sleep": {"seconds": 1}})
_CAPABILITY = ("NET_BIND_SERVICE", "CHOWN", "NET_RAW", "SYS_ADMIN", "CAP_CHOWN", "net_bind_service", "ALL", "", "SYS_CHROOT", "MKNOD")
_COMMON: dict[str, tuple[Any, ...]] = {
    "securityContext.runAsNonRoot": (True, False, None),
    "securityContext.runAsUser": (0, 1, 1000, None),
    "securityContext.runAsGroup": (0, None),
    "securityContext.seccompProfile": _PROFILE,
    "securityContext.appArmorProfile": (*_PROFILE[:2], {"type": "Localhost", "localhostProfile": "api"}, None),
    "securityContext.seLinuxOptions": _SELINUX,
    "securityContext": (None, {}),
}
_OF_CONTAINERS: dict[str, tuple[Any, ...]] = {
    **_COMMON,
    "securityContext.allowPrivilegeEscalation": (True, False, None),
    "securityContext.privileged": (True, False, None),
    "securityContext.readOnlyRootFilesystem": (True, False),
    "securityContext.capabilities.drop": (["ALL"], ["all"], ["CAP_ALL"], ["NET_RAW", "ALL"], ["NET_RAW"], [], None),
    "securityContext.capabilities.add": (*([name] for name in _CAPABILITY), ["CHOWN", "SYS_TIME"], ["KILL", "NET_BIND_SERVICE"], [], None),
    "securityContext.capabilities": (None, {}),
    "securityContext.procMount": ("Default", "Unmasked", "Unmasked", None),
    "ports": (
        *([{"containerPort": 80, "hostPort": port}] for port in (80, 65535, 0, None)),
        *([], [{"containerPort": 80}], [{"containerPort": 53, "protocol": "UDP", "hostPort": 53}, {"containerPort": 80}]),
    ),
    **dict.fromkeys(("livenessProbe", "readinessProbe", "startupProbe"), _PROBE),
    **{f"lifecycle.{hook}": _HANDLER for hook in ("postStart", "preStop")},
    "securityContext.windowsOptions": ({"hostProcess": False}, {"runAsUserName": "api"}, {}, None),
}
_VOLUME: tuple[Json, ...] = (
    *(
        {"hostPath": {"path": "/var/run"}},
        {"nfs": {"server": "nfs", "path": "/"}},
        {"configMap": {"name": "c"}},
        {"secret": {"secretName": "s"}},
    ),
    *({"emptyDir": {}}, {}, {"emptyDir": None}, {"persistentVolumeClaim": {"claimName": "c"}}, {"csi": {"driver": "d.example"}}),
    *({"downwardAPI": {}}, {"projected": {"sources": []}}, {"image": {"reference": "models:v1"}}),
    {"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}},
    *({"iscsi": {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2001-04.com.example:storage", "lun": 0}}, {"fc": {"wwids": ["w"]}}),
    *({"cephfs": {"monitors": ["m"]}}, {"rbd": {"monitors": ["m"], "image": "i"}}, {"cinder": {"volumeID": "v"}}),
    *({"gcePersistentDisk": {"pdName": "d"}}, {"awsElasticBlockStore": {"volumeID": "v"}}, {"glusterfs": {"endpoints": "e", "path": "p"}}),
    *(
        {"flexVolume": {"driver": "example/d"}},
        {"azureFile": {"secretName": "s", "shareName": "n"}},
        {"quobyte": {"registry": "r:1", "volume": "v"}},
    ),
    *(
        {"azureDisk": {"diskName": "d", "diskURI": "https://d.example"}},
        {"vsphereVolume": {"volumePath": "v"}},
        {"flocker": {"datasetName": "d"}},
    ),
    *({"portworxVolume": {"volumeID": "v"}}, {"scaleIO": {"gateway": "g", "system": "s", "secretRef": {"name": "s"}, "volumeName": "v"}}),
    *({"storageos": {"volumeName": "v", "volumeNamespace": "n"}}, {"photonPersistentDisk": {"pdID": "p"}}),
)
_SYSCTL = (
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"),
    *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout"),
    *("net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    *("net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat", "kernel.msgmax", "net.core.somaxconn", "net/ipv4/tcp_rmem"),
)
_OF_PODS: dict[str, tuple[Any, ...]] = {
    **_COMMON,
    "hostNetwork": (True, True, False, None),
    "hostPID": (True, False),
    "hostIPC": (True, None),
    "hostUsers": (False, False, False, True, None),
    "os": ({"name": "linux"}, None),
    "volumes": tuple([{"name": "data", **volume}] for volume in (*_VOLUME, *[_VOLUME[0]] * 10)),
    "securityContext.sysctls": (*([{"name": name, "value": "1"}] for name in _SYSCTL), [], None),
    "securityContext.windowsOptions": ({"hostProcess": True}, {"hostProcess": True}, {"hostProcess": False}, {}),
    "securityContext.fsGroup": (0, 1000),
}
_ANNOTATIONS = {
    "container.apparmor.security.beta.kubernetes.io/": ("runtime/default", "localhost/api", "unconfined", ""),
    "container.seccomp.security.alpha.kubernetes.io/": ("runtime/default", "docker/default", "localhost/api", "unconfined", ""),
    "seccomp.security.alpha.kubernetes.io/pod": ("runtime/default", "docker/default", "localhost/api", "unconfined", "", None),
    "example.com/": ("unconfined",),
}


class Answer(NamedTuple):
    """What the admission plugin said of a Pod, by control with its details, and what we found."""

    pod: Json
    policy: str
    theirs: dict[str, str]
    ours: tuple[Violation, ...]


@pytest.fixture(scope="module")
def namespaces(api: Api) -> Iterator[dict[tuple[str, str], str]]:
    """The names of namespaces by the profile and version that they enforce, each with its default ServiceAccount."""
    made, run = {}, secrets.token_hex(3)  # those of an earlier run may still be on their way out
    for profile in _PROFILES:
        for version in ("latest", *_PINNED):
            name = made[profile, version] = f"pss-{run}-{profile}-{version}".replace(".", "-")
            labels = {"pod-security.kubernetes.io/enforce": profile, "pod-security.kubernetes.io/enforce-version": version}
            status, answer = api.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}, dry_run=False
            )
            assert status == 201, answer
            assert enforced(labels) == (profile, version)
    for name in made.values():
        api.ensure_namespace(name)
    yield made
    for name in made.values():
        api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, wait=False)


@pytest.fixture(scope="module")
def answers(api: Api, namespaces: dict[tuple[str, str], str]) -> list[Answer]:
    chance = random.Random(_SEED)
    found = []
    for number in range(_SIZE):
        pod = _pod(chance)
        policies = [(profile, "latest") for profile in _PROFILES]
        if number < _PINNED_PODS:
            policies += [(profile, chance.choice(_PINNED)) for profile in _PROFILES]
        for profile, version in policies:
            answer = _ask(api, pod, namespaces[profile, version], profile, version)
            if answer is None:
                break
            found.append(answer)
    return found


def test_the_pods_lie_at_the_edges(answers: list[Answer]) -> None:
    latest = [answer for answer in answers if answer.policy.endswith("latest")]
    assert len({id(answer.pod) for answer in latest}) >= 2_000
    assert sum(not answer.theirs for answer in latest if answer.policy.startswith(RESTRICTED)) > 100
    assert sum(not answer.theirs for answer in latest if answer.policy.startswith(BASELINE)) > 500
    broken = Counter(control for answer in latest for control in answer.theirs)
    assert len(broken) == 17
    assert min(broken.values()) >= 20, broken


def test_they_are_valid_where_nothing_is_enforced(api: Api, answers: list[Answer]) -> None:
    refused = [answer.pod for answer in answers if answer.theirs]
    assert [pod for pod in refused[::30] if api.create(pod)[0] != 201] == []


def test_the_same_controls_are_broken(answers: list[Answer]) -> None:
    apart = [
        (answer.policy, answer.theirs, answer.ours, answer.pod)
        for answer in answers
        if list(answer.theirs) != list(dict.fromkeys(violation.control for violation in answer.ours))
    ]
    assert apart[:3] == []


def test_by_the_same_containers_and_volumes(answers: list[Answer]) -> None:
    apart = []
    for answer in answers:
        for control, detail in answer.theirs.items():
            theirs = {name for listed in _NAMES.findall(detail) for name in re.findall(r'"([^"]+)"', listed)}
            ours = {_named(answer.pod, violation) for violation in answer.ours if violation.control == control} - {None}
            if not (theirs <= ours if control in _NOT_ALL_NAMED else theirs == ours):
                apart.append((answer.policy, control, detail, ours))
    assert apart[:3] == []


def test_ephemeral_containers_count(api: Api, namespaces: dict[tuple[str, str], str]) -> None:
    chance = random.Random(_SEED)
    apart, told = [], {True: 0, False: 0}
    for profile in _PROFILES:
        pod = _good_pod()
        pod["metadata"]["name"] = "debugged"
        status, stored = api.create(pod, namespaces[profile, "latest"], dry_run=False)
        path = f"/api/v1/namespaces/{namespaces[profile, 'latest']}/pods/debugged"
        assert status == 201, stored
        for _ in range(60):
            debugger = {"name": "debug", "image": "busybox:1.36", "securityContext": _good_context()}
            _edit(chance, debugger, {step: values for step, values in _OF_CONTAINERS.items() if step.startswith("securityContext")})
            body = {**stored, "metadata": pod["metadata"], "spec": {**stored["spec"], "ephemeralContainers": [debugger]}}
            status, answer = api.request("PUT", f"{path}/ephemeralcontainers?dryRun=All", body)
            refusal = _REFUSAL.search(answer.get("message", ""))
            if status != 200 and not refusal:
                continue
            told[refusal is None] += 1
            ours = violations(profile, body["metadata"], body["spec"], _as_served(api, "latest"))
            theirs = list(_controls(refusal["controls"])) if refusal else []
            if theirs != list(dict.fromkeys(violation.control for violation in ours)):
                apart.append((profile, theirs, ours, debugger))
    assert apart == []
    assert min(told.values()) > 20


@pytest.mark.parametrize(
    "labels",
    [{"enforce": "Restricted"}, {"enforce": ""}, *({"enforce-version": version} for version in ("1.29", "v1.029", "v2.0", "v1.29.1", ""))],
    ids=str,
)
def test_the_server_refuses_what_counts_as_the_strictest(api: Api, labels: dict[str, str]) -> None:
    full = {f"pod-security.kubernetes.io/{key}": value for key, value in labels.items()}
    status, answer = api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "odd", "labels": full}})
    assert status == 422, answer
    profile, version = enforced(full)
    assert profile == ("restricted" if "enforce" in labels else "privileged")
    assert version == "latest"


def _ask(api: Api, pod: Json, namespace: str, profile: str, version: str) -> Answer | None:
    """None for a Pod that the API server refuses for another reason; it validates a Pod before the plugin sees it."""
    status, answer = api.create(pod, namespace)
    refusal = _REFUSAL.search(answer.get("message", ""))
    if refusal is None and status != 201:
        return None
    theirs = _controls(refusal["controls"]) if refusal else {}
    assert refusal is None or refusal["policy"] == f"{profile}:{version}"
    return Answer(pod, f"{profile}:{version}", theirs, violations(profile, pod["metadata"], pod["spec"], _as_served(api, version)))


def _as_served(api: Api, version: str) -> str:
    """The version whose rules the server has for this one: it knows none newer than itself, and its own is its `latest`."""
    wanted = api.minor() if version == "latest" else int(version.removeprefix("v1."))
    return f"v1.{min(wanted, api.minor())}"


def _controls(listed: str) -> dict[str, str]:
    found = {match["name"].replace("AppArmor profiles", "AppArmor profile"): match["detail"] for match in _CONTROL.finditer(listed)}
    assert _CONTROL.sub("", listed) == "", listed
    return found


def _named(pod: Json, violation: Violation) -> str | None:
    if violation.path[:2] != ("spec", "volumes"):
        return violation.container
    name: str = pod["spec"]["volumes"][violation.path[2]]["name"]
    return name


def _good_context() -> Json:
    return {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _good_pod(containers: int = 1, init: int = 0) -> Json:
    spec: Json = {"containers": [_container(f"c{number}") for number in range(containers)]}
    if init:
        spec["initContainers"] = [{**_container("init"), "restartPolicy": "Always"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "annotations": {}}, "spec": spec}


def _container(name: str) -> Json:
    return {"name": name, "image": "busybox:1.36", "securityContext": _good_context()}


def _pod(chance: random.Random) -> Json:
    """A Pod that meets the profile `restricted`, with a few things changed."""
    pod = _good_pod(chance.choice((1, 1, 2)), chance.choice((0, 0, 1)))
    spec = pod["spec"]
    containers = [container for key in ("initContainers", "containers") for container in spec.get(key, [])]
    start = chance.random()
    if start < 0.1:
        _for_windows(chance, spec, containers)
        return pod
    if start < 0.5:  # what holds for the Pod need not be said of its containers
        shared = ("runAsNonRoot", "seccompProfile")
        spec["securityContext"] = {key: containers[0]["securityContext"][key] for key in shared}
        for container in containers:
            for key in shared:
                chance.random() < 0.7 and container["securityContext"].pop(key)
    if chance.random() < 0.15:
        spec["hostUsers"] = False
    for _ in range(chance.choice((0, 1, 1, 2, 3, 4))):
        kind = chance.random()
        if kind < 0.1:
            _annotate(chance, pod["metadata"]["annotations"], containers)
        elif kind < 0.5:
            _edit(chance, spec, _OF_PODS)
        else:
            _edit(chance, chance.choice(containers), _OF_CONTAINERS)
    _repair(chance, spec, containers)
    return pod


def _for_windows(chance: random.Random, spec: Json, containers: list[Json]) -> None:
    spec["os"] = {"name": "windows"}
    for container in containers:
        container["securityContext"] = chance.choice(({}, {"runAsNonRoot": True}, {"runAsNonRoot": False}, None))
    spec["securityContext"] = chance.choice(({"runAsNonRoot": True}, {}, None, {"windowsOptions": {"hostProcess": True}}))
    spec["hostNetwork"] = chance.choice((True, False))
    spec["volumes"] = chance.choice(_OF_PODS["volumes"])


def _edit(chance: random.Random, value: Json, edges: dict[str, tuple[Any, ...]]) -> None:
    [path] = chance.choices(tuple(edges), [len(values) ** 0.5 for values in edges.values()])
    *steps, last = path.split(".")
    for step in steps:
        if not isinstance(value.get(step), dict):
            value[step] = {}
        value = value[step]
    value[last] = copy.deepcopy(chance.choice(edges[path]))


def _annotate(chance: random.Random, annotations: Json, containers: list[Json]) -> None:
    key = chance.choice(tuple(_ANNOTATIONS))
    value = chance.choice(_ANNOTATIONS[key])
    annotations[key + chance.choice(containers)["name"] if key.endswith("/") else key] = value


def _repair(chance: random.Random, spec: Json, containers: list[Json]) -> None:
    """Make it valid more often: some fields go only with others."""
    for container in containers:
        context = container.get("securityContext") or {}
        if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
            context["allowPrivilegeEscalation"] = chance.choice((True, None))
        if context.get("procMount") == "Unmasked":
            spec["hostUsers"] = False
    context = spec.get("securityContext") or {}
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        spec["hostNetwork"] = True
    if spec.get("hostUsers") is False:
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            spec.pop(key, None)
