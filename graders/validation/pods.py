"""Pods and Pod templates (k8s.io/kubernetes pkg/apis/core/validation ValidatePodSpec and ValidatePodTemplateSpec)."""

from __future__ import annotations

import re
from collections.abc import Collection

from graders.semantics import names
from graders.validation import addresses, metadata, resources, scheduling, security
from graders.validation.containers import Around, all_containers, image_without_spaces
from graders.validation.place import (
    Check,
    Place,
    between,
    each,
    each_value,
    exactly_one,
    name,
    name_if_set,
    one_of,
    one_of_or_default,
    unique,
)
from graders.validation.selectors import labels
from graders.validation.volumes import volumes

_GRACE_PERIOD = 30  # seconds
_PRIORITIES = {"": 0, "system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
# Kernel parameters that belong to the node where a Pod shares its network or memory (k8s.io/component-helpers node/util/sysctl).
_IPC = ("sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced", "shm", "msgmax", "msgmnb", "msgmni", "msg")
_NODE_PARAMETERS = {
    "hostNetwork": re.compile(r"net\..*"),
    "hostIPC": re.compile(rf"fs\.mqueue\..*|kernel\.({'|'.join(_IPC)})"),
}
_MOST_NAMESERVERS, _MOST_SEARCHES, _LONGEST_SEARCHES = 3, 32, 2048
_COST = re.compile(r"0|-?[0-9]+")
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_SECCOMP = ("seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/")
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


def pod(place: Place) -> None:
    """A Pod of its own."""
    spec = place["spec"]
    _spec(spec, bare=True)
    _annotations(place["metadata"]["annotations"], spec)
    image_without_spaces((*spec["containers"].structs(), *spec["initContainers"].structs()))
    if not spec["ephemeralContainers"].empty:
        spec["ephemeralContainers"].forbid("on a Pod to be created")
    if spec["nodeName"].text and not spec["schedulingGates"].empty:
        spec["nodeName"].forbid("beside `schedulingGates`")
    _admitted(spec)


def template(place: Place, *, claimed: Collection[str] = (), stateful: bool = False) -> None:
    """A Pod template. `claimed` are the volumes that a StatefulSet adds; a `stateful` one names its Pods itself."""
    metadata.pod_template(place["metadata"])
    spec = place["spec"]
    _spec(spec, bare=False, claimed=claimed, stateful=stateful)
    _annotations(place["metadata"]["annotations"], spec)
    if not spec["ephemeralContainers"].empty:
        spec["ephemeralContainers"].forbid("in a Pod template")


def _admitted(spec: Place) -> None:
    """What the admission of Pods fills in, and does not take from a manifest; of classes only those of every cluster are known here."""
    priority = _PRIORITIES.get(spec["priorityClassName"].text or "")
    if priority is not None:
        if spec["priority"].whole not in (None, priority):
            spec["priority"].reject("left out: it follows from `priorityClassName`")
        if spec["preemptionPolicy"].text == "Never":
            spec["preemptionPolicy"].reject("left out: it follows from `priorityClassName`")
    if spec["overhead"].is_map and not spec["runtimeClassName"].text:
        spec["overhead"].reject("left out: it follows from `runtimeClassName`")


def always_restarted(spec: Place) -> None:
    """The Pod template of a workload that never ends."""
    if spec["restartPolicy"].text not in (None, "", "Always"):
        spec["restartPolicy"].reject("`Always` for this kind")
    spec["activeDeadlineSeconds"].forbid("for this kind")


def _spec(spec: Place, *, bare: bool, claimed: Collection[str] = (), stateful: bool = False) -> None:
    claims = _resource_claims(spec["resourceClaims"])
    grace = spec["terminationGracePeriodSeconds"].whole
    if bare and grace is not None and grace < 0:
        grace = 1
    around = Around(
        volumes(spec["volumes"], claimed),
        claims,
        _GRACE_PERIOD if grace is None else grace,
        spec["hostUsers"].value is not False,
        spec["restartPolicy"].text != "Never",
        bare and spec["hostNetwork"].is_true,
    )
    all_containers(spec, around)
    spec.fields(_SPEC)
    if not stateful:
        spec.fields(_OWN_NAME)
    if spec["serviceAccount"].text and not spec["serviceAccountName"].text:  # its old name
        spec["serviceAccount"].named(names.dns_subdomain)
    resources.pod(spec, bare=bare)
    security.platform(spec)
    _host_names(spec)
    _host_namespaces(spec)
    _host_parameters(spec)
    _dns(spec)
    _files_of_variables(spec, around)


def _resource_claims(place: Place) -> Collection[str]:
    for item in place.structs():
        item["name"].named(names.dns_label, required=True)
        exactly_one(item, ("resourceClaimName", "resourceClaimTemplateName"), "source of a claim")
        for key in ("resourceClaimName", "resourceClaimTemplateName"):
            item[key].named(names.dns_subdomain)
    unique((item["name"] for item in place.structs()), "resource claim")
    return {item["name"].text or "" for item in place.structs()}


def _host_names(spec: Place) -> None:
    override = spec["hostnameOverride"]
    if override:
        if override.text is not None and (len(override.text) > 64 or names.dns_subdomain(override.text)):
            override.reject("a DNS name of at most 64 characters")
        for key in ("setHostnameAsFQDN", "hostNetwork"):
            if spec[key].is_true:
                override.forbid(f"with `{key}: true`")


def _host_namespaces(spec: Place) -> None:
    if spec["hostPID"].is_true and spec["shareProcessNamespace"].is_true:
        spec["shareProcessNamespace"].reject("left out or `false` with `hostPID: true`")
    if spec["hostUsers"].value is False:
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if spec[key].is_true:
                spec[key].reject("left out or `false` with `hostUsers: false`")
        for part in ("initContainers", "containers"):
            for item in spec[part].structs():
                if not item["volumeDevices"].empty:
                    item["volumeDevices"].forbid("with `hostUsers: false`")
    if spec["hostNetwork"].is_true:
        _host_network(spec)


def _host_parameters(spec: Place) -> None:
    """Kernel parameters of the node's own network or memory, which a Pod that shares it must not set."""
    for item in spec["securityContext"]["sysctls"].structs():
        name = (item["name"].text or "").replace("/", ".")
        for key, pattern in _NODE_PARAMETERS.items():
            if spec[key].is_true and pattern.fullmatch(name):
                item["name"].reject(f"left out with `{key}: true`")


def _host_network(spec: Place) -> None:
    for item in spec["containers"].structs():
        for port in item["ports"].structs():
            own, inner = port["hostPort"].whole, port["containerPort"].whole
            if own and inner is not None and own != inner:
                port["hostPort"].reject("the same as `containerPort` with `hostNetwork: true`")


def _dns(spec: Place) -> None:
    config = spec["dnsConfig"]
    if spec["dnsPolicy"].text == "None" and config["nameservers"].empty:
        (config["nameservers"] if config else config).require("with `dnsPolicy: None`")
    if not config.is_map:
        return
    searches = [item.text or "" for item in config["searches"].items()]
    if config["nameservers"].size > _MOST_NAMESERVERS:
        config["nameservers"].reject(f"at most {_MOST_NAMESERVERS} addresses", f"{config['nameservers'].size}")
    if len(searches) > _MOST_SEARCHES or len(" ".join(searches)) > _LONGEST_SEARCHES:
        config["searches"].reject(f"at most {_MOST_SEARCHES} domains of {_LONGEST_SEARCHES} characters together", "more")
    each_value(addresses.ip)(config["nameservers"])
    for item in config["searches"].strings():
        if item.text is not None and item.text != "." and names.search_domain(item.text.removesuffix(".")):
            item.reject("a DNS name")
    for item in config["options"].structs():
        item["name"].require()


def _files_of_variables(spec: Place, around: Around) -> None:
    for part in ("initContainers", "containers"):
        for item in spec[part].structs():
            for entry in item["env"].structs():
                volume = entry["valueFrom"]["fileKeyRef"]["volumeName"]
                if volume.text and around.volumes.get(volume.text) != "emptyDir":
                    volume.reject("the name of an `emptyDir` volume of this Pod")


def _annotations(place: Place, spec: Place) -> None:
    """Annotations by which older versions of Kubernetes set what are fields by now."""
    for key, value in place.entries():
        text = value.text or ""
        if key == _DELETION_COST:
            if not _COST.fullmatch(text) or (text.startswith("0") and text != "0") or not -(2**31) <= int(text[:20]) < 2**31:
                value.reject("a whole number in quotes")
        elif key == _SECCOMP[0] or key.startswith(_SECCOMP[1]):
            if text not in ("runtime/default", "docker/default", "unconfined") and not text.startswith("localhost/"):
                value.reject("a seccomp profile such as `runtime/default`")
        elif key.startswith(_APP_ARMOR):
            known = {item["name"].text for part in ("initContainers", "containers") for item in spec[part].structs()}
            if key.removeprefix(_APP_ARMOR) not in known:
                value.reject("about a container of this Pod", f"`{key[:80]}`", f"There is no container for the annotation `{key[:80]}`.")
            if text not in ("", "runtime/default", "unconfined") and not text.startswith("localhost/"):
                value.reject("an AppArmor profile such as `runtime/default`")


def _host_alias(place: Place) -> None:
    if place["ip"].empty:
        place["ip"].require()
    place.fields({"ip": lambda ip: addresses.ip(ip) if ip.text else None, "hostnames": each_value(name(names.dns_subdomain))})


_SPEC: dict[str, Check] = {
    "restartPolicy": one_of_or_default("Always", "OnFailure", "Never"),
    "dnsPolicy": one_of_or_default("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "nodeSelector": labels,
    "securityContext": security.pod,
    "affinity": scheduling.affinity,
    "readinessGates": each(scheduling.readiness_gate),
    "schedulingGates": scheduling.gates,
    "topologySpreadConstraints": scheduling.spread,
    "tolerations": each(scheduling.toleration),
    "hostAliases": each(_host_alias),
    "serviceAccountName": name_if_set(names.dns_subdomain),
    "nodeName": name_if_set(names.dns_subdomain),
    "priorityClassName": name_if_set(names.dns_subdomain),
    "runtimeClassName": name(names.dns_subdomain),
    "preemptionPolicy": one_of("PreemptLowerPriority", "Never"),
    "activeDeadlineSeconds": between(1, 2**31 - 1),
    "overhead": resources.overhead,
}
_OWN_NAME: dict[str, Check] = {"hostname": name_if_set(names.dns_label), "subdomain": name_if_set(names.dns_label)}
