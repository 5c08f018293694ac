"""By what an object shows that it is made for a managed cluster of one cloud: drivers, identities, load balancers.

Each rule names the documentation that it is from. What a cloud's own controllers do with these fields is theirs; nothing here asks a cloud.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from enum import StrEnum
from typing import NamedTuple

from graders.lessons.deployment_app import written
from graders.snapshot import Field, K8sObject


class Cloud(StrEnum):
    """A cloud, by the name that a learner reads."""

    AWS = "AWS"
    GOOGLE = "Google Cloud"
    AZURE = "Azure"


class Trait(NamedTuple):
    """A place by which an object belongs to a cloud, None when to none. With a `flaw` it does not yet: `expected` says what it takes."""

    cloud: Cloud | None
    place: Field
    flaw: str = ""
    expected: str = ""
    advice: tuple[str, ...] = ()


# The CSI drivers for disks: https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html,
# https://docs.aws.amazon.com/eks/latest/userguide/create-storage-class.html,
# https://docs.cloud.google.com/kubernetes-engine/docs/how-to/persistent-volumes/gce-pd-csi-driver,
# https://learn.microsoft.com/azure/aks/create-volume-azure-disk
DISK_DRIVERS = {
    "ebs.csi.aws.com": Cloud.AWS,
    "ebs.csi.eks.amazonaws.com": Cloud.AWS,  # EKS Auto Mode brings its own
    "pd.csi.storage.gke.io": Cloud.GOOGLE,
    "disk.csi.azure.com": Cloud.AZURE,
}
# The drivers that Kubernetes itself once had: https://kubernetes.io/docs/concepts/storage/volumes/#volume-types
IN_TREE = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
}

# The clouds of nodes: https://pkg.go.dev/k8s.io/api/core/v1#NodeSpec, and the cloud providers of each
PROVIDERS = {"aws": Cloud.AWS, "gce": Cloud.GOOGLE, "azure": Cloud.AZURE}


# Identities


class _Identity(NamedTuple):
    """The annotation by which a ServiceAccount carries an identity of a cloud, and the form of its value."""

    cloud: Cloud
    annotation: str
    form: re.Pattern[str]
    expected: str


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ROLE = re.compile(r"arn:aws(?:-cn|-us-gov|-eusc|-iso(?:-[bef])?)?:iam::[0-9]{12}:role/(?:[\x21-\x7e]+/)?[A-Za-z0-9_+=,.@-]{1,64}")
_ROLE_FORM = "the ARN of an IAM role, `arn:aws:iam::` with an account of 12 digits, `:role/` and its name"
IDENTITIES = (
    # https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
    _Identity(Cloud.AWS, "eks.amazonaws.com/role-arn", _ROLE, _ROLE_FORM),
    # https://docs.cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#kubernetes-sa-to-iam
    _Identity(
        Cloud.GOOGLE,
        "iam.gke.io/gcp-service-account",
        re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?@[a-z](?:[-a-z0-9.]*[a-z0-9])?\.iam\.gserviceaccount\.com"),
        "the e-mail of a Google service account, NAME@PROJECT.iam.gserviceaccount.com",
    ),
    # https://learn.microsoft.com/azure/aks/workload-identity-overview#service-account-labels-and-annotations
    _Identity(
        Cloud.AZURE,
        "azure.workload.identity/client-id",
        re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        "the client id of a managed identity, a UUID",
    ),
)
AZURE_POD_LABEL = "azure.workload.identity/use"
# A Pod that an EKS Pod Identity association gives credentials to has a token for this audience:
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
POD_IDENTITY_AUDIENCE = "pods.eks.amazonaws.com"


def annotated_identities(account: K8sObject) -> list[Trait]:
    """The identities that a ServiceAccount's annotations give it."""
    found = []
    for identity in IDENTITIES:
        place = account.key("metadata", "annotations", identity.annotation)
        if place.present:
            sound = identity.form.fullmatch(place.text or "") is not None
            flaw = "" if sound else f"`{place.value}`" if place.value else "nothing"
            found.append(Trait(identity.cloud, place, flaw, identity.expected))
    return found


def role(place: Field) -> Trait:
    """The identity that the ARN of a role at this place gives."""
    sound = _ROLE.fullmatch(place.text or "") is not None
    return Trait(Cloud.AWS, place, "" if sound else written(place), _ROLE_FORM)


# Load balancers

_AWS = "service.beta.kubernetes.io/aws-load-balancer-"
_AWS_TYPE, _AWS_TARGETS = f"{_AWS}type", f"{_AWS}nlb-target-type"
_AZURE = "service.beta.kubernetes.io/azure-"

# https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/nlb/,
# https://docs.aws.amazon.com/eks/latest/userguide/auto-configure-nlb.html,
# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer
CLASSES = {
    "service.k8s.aws/nlb": Cloud.AWS,
    "eks.amazonaws.com/nlb": Cloud.AWS,
    "networking.gke.io/l4-regional-external": Cloud.GOOGLE,
    "networking.gke.io/l4-regional-internal": Cloud.GOOGLE,
}
# Annotations that mean something to the cloud, with the values that it takes; none given means any.
# https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/
# https://cloud-provider-aws.sigs.k8s.io/service_controller/
# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/service-load-balancer-parameters
# https://cloud-provider-azure.sigs.k8s.io/topics/loadbalancer/#loadbalancer-annotations
_INTERNAL = ("Internal", "internal")
_SWITCH = ("true", "false")
ANNOTATIONS: dict[str, tuple[Cloud, tuple[str, ...]]] = {
    _AWS_TYPE: (Cloud.AWS, ("external", "nlb", "nlb-ip")),
    f"{_AWS}scheme": (Cloud.AWS, ("internal", "internet-facing")),
    f"{_AWS}internal": (Cloud.AWS, ()),
    **dict.fromkeys(
        (
            f"{_AWS}{name}"
            for name in (
                *("nlb-target-type", "name", "subnets", "ssl-cert", "ssl-ports", "attributes", "target-group-attributes"),
                *("security-groups", "eip-allocations", "additional-resource-tags", "ip-address-type", "proxy-protocol"),
                *("backend-protocol", "cross-zone-load-balancing-enabled", "ssl-negotiation-policy", "alpn-policy"),
                *("extra-security-groups", "manage-backend-security-group-rules", "inbound-sg-rules-on-private-link-traffic"),
                *("security-group-prefix-lists", "disable-nlb-sg", "listener-attributes", "minimum-load-balancer-capacity"),
                *("enable-icmp-for-path-mtu-discovery", "enable-prefix-for-ipv6-source-nat", "source-nat-ipv6-prefixes"),
                *("enable-tcp-udp-listener", "quic-enabled-ports", "proxy-protocol-per-target-group"),
                *("private-ipv4-addresses", "ipv6-addresses", "target-node-labels", "multi-cluster-target-group"),
                *("connection-idle-timeout", "connection-draining-enabled", "connection-draining-timeout"),
                *(f"access-log-{part}" for part in ("enabled", "emit-interval", "s3-bucket-name", "s3-bucket-prefix")),
                *(f"healthcheck-{part}" for part in ("protocol", "port", "path", "interval", "timeout", "success-codes")),
                *("healthcheck-healthy-threshold", "healthcheck-unhealthy-threshold"),
            )
        ),
        (Cloud.AWS, ()),
    ),
    "cloud.google.com/l4-rbs": (Cloud.GOOGLE, ("enabled",)),
    "networking.gke.io/load-balancer-type": (Cloud.GOOGLE, _INTERNAL),
    "cloud.google.com/load-balancer-type": (Cloud.GOOGLE, _INTERNAL),
    "cloud.google.com/network-tier": (Cloud.GOOGLE, ("Standard", "Premium")),
    "networking.gke.io/load-balancer-ip-addresses": (Cloud.GOOGLE, ()),
    "networking.gke.io/weighted-load-balancing": (Cloud.GOOGLE, ("pods-per-node",)),
    f"{_AZURE}load-balancer-internal": (Cloud.AZURE, _SWITCH),
    f"{_AZURE}load-balancer-disable-tcp-reset": (Cloud.AZURE, _SWITCH),
    **dict.fromkeys(
        (
            f"{_AZURE}{name}"
            for name in (
                *("load-balancer-internal-subnet", "load-balancer-resource-group", "load-balancer-ipv4", "load-balancer-ipv6"),
                *("load-balancer-tcp-idle-timeout", "load-balancer-health-probe-protocol", "load-balancer-health-probe-interval"),
                *("load-balancer-health-probe-num-of-probe", "load-balancer-health-probe-request-path", "load-balancer-configurations"),
                *("load-balancer-mode", "load-balancer-enable-high-availability-ports", "disable-load-balancer-floating-ip"),
                *("deny-all-except-load-balancer-source-ranges", "shared-securityrule", "additional-public-ips", "pls-create"),
                *("dns-label-name", "pip-name", "pip-prefix-id", "pip-tags", "pip-ip-tags", "allowed-service-tags", "allowed-ip-ranges"),
                *("pip-name-ipv6", "pip-prefix-id-ipv6"),
            )
        ),
        (Cloud.AZURE, ()),
    ),
}


def load_balancer_of_service(service: K8sObject) -> Trait:
    """By what the cloud is told which load balancer a Service of that type wants: its class, which wins, or an annotation."""
    name = service.at("spec.loadBalancerClass")
    if name.present:
        cloud = CLASSES.get(name.text or "")
        if cloud is None:
            return Trait(None, name, written(name), f"the class of a cloud's own load balancer, {_listed(CLASSES)}")
        return Trait(cloud, name)
    return _annotated(service.at("metadata.annotations")) or _unannotated(service)


def _annotated(annotations: Field) -> Trait | None:
    """What the annotations of a load balancer's Service say; None when none of them is a cloud's."""
    known = [trait for key, place in annotations.entries() if (trait := _annotation(annotations, key, place)) is not None]
    sound = [trait for trait in known if not trait.flaw]
    return next(iter(_decisive_first(sound) or known), None)


def _decisive_first(traits: list[Trait]) -> list[Trait]:
    """The annotation that says who builds the load balancer before those that say how."""
    return sorted(traits, key=lambda trait: trait.place.path[-1] != _AWS_TYPE)


def _annotation(annotations: Field, key: str, place: Field) -> Trait | None:
    """What one of the annotations says; None when it is none of a cloud's."""
    if key not in ANNOTATIONS:
        return None
    cloud, values = ANNOTATIONS[key]
    if values and place.value not in values:
        return Trait(cloud, place, f"`{place.value}`", " or ".join(f"`{value}`" for value in values))
    kind = annotations.key(_AWS_TYPE)
    if cloud is Cloud.AWS and kind.value == "external":
        targets = annotations.key(_AWS_TARGETS)
        if targets.value not in ("ip", "instance"):  # without it the controller leaves the Service alone
            found = f"`{targets.value}`" if targets.present else f"`external` without `{_AWS_TARGETS}`"
            return Trait(cloud, targets if targets.present else kind, found, f"`{_AWS_TARGETS}` `ip` or `instance` beside it")
    return Trait(cloud, place, advice=_advice(cloud, key, kind))


def _advice(cloud: Cloud, key: str, kind: Field) -> tuple[str, ...]:
    if cloud is Cloud.AWS and kind.value in ("nlb", "nlb-ip"):
        return (f"`{_AWS_TYPE}: {kind.value}` is the old way: set `loadBalancerClass`, or `external` and `{_AWS_TARGETS}`.",)
    if cloud is Cloud.AWS and not kind.present:
        return ("Who builds it depends on what the cluster runs: `loadBalancerClass: service.k8s.aws/nlb` says so.",)
    if key == "cloud.google.com/load-balancer-type":
        return (f"`{key}` is the old name: write `networking.gke.io/load-balancer-type`.",)
    return ()


def _unannotated(service: K8sObject) -> Trait:
    place = service.at("metadata.annotations")
    known = {key.partition("/")[2]: key for key in ANNOTATIONS}
    for key, entry in place.entries():
        close = get_close_matches(key.rpartition("/")[2], known, n=1, cutoff=0.85)
        if close:
            meant = known[close[0]]
            return Trait(ANNOTATIONS[meant][0], entry, f"`{key}`, which is none of the cloud's", f"`{meant}`")
    expected = f"an annotation of your cloud, or a `loadBalancerClass`: {_listed(CLASSES)}"
    return Trait(None, place, "`type: LoadBalancer` alone, which leaves everything to the cloud's defaults", expected)


# https://docs.cloud.google.com/kubernetes-engine/docs/concepts/gateway-api#gatewayclass,
# https://learn.microsoft.com/azure/application-gateway/for-containers/overview,
# https://learn.microsoft.com/azure/aks/app-routing-gateway-api,
# https://www.gateway-api-controller.eks.aws.dev/latest/guides/getstarted/
GATEWAY_CLASSES = {
    "amazon-vpc-lattice": Cloud.AWS,
    "azure-alb-external": Cloud.AZURE,
    "approuting-istio": Cloud.AZURE,
}
_GKE_CLASSES = "gke-l7-"
_ISTIO = "istio.io/gateway-controller"  # a cloud may bring one, and a class of its own for it
# https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/gateway/gateway/
CONTROLLERS = {
    "gateway.k8s.aws/alb": Cloud.AWS,
    "gateway.k8s.aws/nlb": Cloud.AWS,
    "application-networking.k8s.aws/gateway-api-controller": Cloud.AWS,
    "networking.gke.io/gateway": Cloud.GOOGLE,
    "alb.networking.azure.io/alb-controller": Cloud.AZURE,
}


def load_balancer_of_gateway(gateway: K8sObject, classes: tuple[K8sObject, ...]) -> Trait:
    """The cloud whose load balancer a Gateway gets.

    The controller of its GatewayClass among `classes` tells, or the class by its name; else the annotations that the Gateway wants on the
    Service before it (https://gateway-api.sigs.k8s.io/reference/api-spec/main/spec/#gatewayinfrastructure).
    """
    name = gateway.at("spec.gatewayClassName")
    controller = next((item.at("spec.controllerName") for item in classes if item.name == name.value), None)
    if controller is not None and controller.text in CONTROLLERS:
        return Trait(CONTROLLERS[controller.text], name)
    if controller is None or controller.text == _ISTIO:
        cloud = GATEWAY_CLASSES.get(name.text or "") or (Cloud.GOOGLE if (name.text or "").startswith(_GKE_CLASSES) else None)
        if cloud is not None:
            return Trait(cloud, name)
    annotated = _annotated(gateway.at("spec.infrastructure.annotations"))
    if annotated is not None:
        return annotated
    if controller is not None:
        return Trait(None, controller, written(controller), f"the controller of a cloud: {_listed(CONTROLLERS)}")
    expected = f"a class of a cloud, `gke-l7-…`, {_listed(GATEWAY_CLASSES)}, or one whose GatewayClass is here and names its controller"
    return Trait(None, name, written(name), expected)


def _listed(names: dict[str, Cloud]) -> str:
    return ", ".join(f"`{name}`" for name in names)
