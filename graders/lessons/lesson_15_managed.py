"""Lesson 15: what a managed cluster adds, cloud by cloud, and the whole course in one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from graders.kinds import KINDS
from graders.lessons.deployment_app import labels_in_words, written
from graders.lessons.existence import assumed_namespace, exists
from graders.lessons.managed_capstone import CAPSTONE, EARLIER
from graders.lessons.managed_clouds import (
    AZURE_POD_LABEL,
    DISK_DRIVERS,
    IDENTITIES,
    IN_TREE,
    POD_IDENTITY_AUDIENCE,
    PROVIDERS,
    Cloud,
    Trait,
    annotated_identities,
    load_balancer_of_gateway,
    load_balancer_of_service,
    role,
)
from graders.objective import Lesson, objective, owns
from graders.semantics.spread import HOSTNAME, ZONE, confinement, spreading_rules
from graders.snapshot import Field, K8sObject, NotReadable, Snapshot
from graders.verdict import Status, Verdict, failed, passed
from graders.workloads import APP, Workload

_CLASS, _ACCOUNT = "StorageClass", "ServiceAccount"
_NAME = "rag-engine"
_GATEWAY_GROUP = KINDS["Gateway"].group
_FIELDS = ("provisioner", "volumeBindingMode", "allowVolumeExpansion")

_CLASS_DOCS = "https://kubernetes.io/docs/concepts/storage/storage-classes/"


# Storage


def _class_faults(item: K8sObject) -> Iterator[Verdict]:
    """What keeps a StorageClass from being one that suits a cloud, in the order of its fields."""
    provisioner, mode, expansion = (item.at(name) for name in _FIELDS)
    if (provisioner.text or "") not in DISK_DRIVERS:
        drivers = ", ".join(f"`{driver}`" for driver in DISK_DRIVERS)
        successor = IN_TREE.get(provisioner.text or "")
        more = f", which is no longer part of Kubernetes; its CSI driver is `{successor}`" if successor else ""
        yield failed(provisioner, expected=f"the CSI driver for disks of a cloud: {drivers}", found=written(provisioner) + more)
    if mode.value != "WaitForFirstConsumer":
        found = written(mode) if mode.present else "no `volumeBindingMode`, which means `Immediate`: a disk before there is a Pod"
        yield failed(mode, expected="`WaitForFirstConsumer`", found=found)
    if expansion.value is not True:
        found = written(expansion) if expansion.present else "no `allowVolumeExpansion`, so that a claim can never grow"
        yield failed(expansion, expected="`allowVolumeExpansion: true`", found=found)


def _classes(snapshot: Snapshot) -> tuple[K8sObject, ...]:
    return tuple(item for item in snapshot.all(_CLASS) if item.api_version == KINDS[_CLASS].api_version)


def _class_traits(snapshot: Snapshot) -> list[Trait]:
    """The clouds of the StorageClasses that suit one."""
    sound = (item for item in _classes(snapshot) if not any(_class_faults(item)))
    return [Trait(DISK_DRIVERS[place.text or ""], place) for place in (item.at("provisioner") for item in sound)]


@objective(
    "cloud-storage-class",
    "A StorageClass uses the cloud's CSI driver",
    hints=(
        "`kubectl get storageclass` shows under PROVISIONER who makes the disks, then when they are made and whether they grow.",
        "A disk of a cloud lives in one zone. When must it be made, to be where the Pod is? And what if it is too small one day?",
    ),
    docs=_CLASS_DOCS,
    owned=owns(_CLASS, "*"),
)
def cloud_storage_class(snapshot: Snapshot) -> Verdict:
    faults = min((list(_class_faults(item)) for item in _classes(snapshot)), key=len, default=None)
    if faults is not None:
        return faults[0] if faults else passed()
    for item in snapshot.all(_CLASS):
        return failed(item.at("apiVersion"), expected=f"`apiVersion: {KINDS[_CLASS].api_version}`", found=f"`{item.api_version}`")
    return failed(snapshot.wanted(_CLASS), expected="a StorageClass with the CSI driver of your cloud", found="no StorageClass")


# Identity


def _identities(snapshot: Snapshot, account: K8sObject) -> list[Trait]:
    """All by which the app's ServiceAccount has an identity of a cloud; associations only where its annotations give it none.

    Raises NotReadable.
    """
    annotated = annotated_identities(account)
    return annotated if any(not trait.flaw for trait in annotated) else [*annotated, *_associations(snapshot)]


def _associations(snapshot: Snapshot) -> Iterator[Trait]:
    """EKS Pod Identity associations, which leave the ServiceAccount as it is.

    In manifests they are objects of the AWS Controllers for Kubernetes (eks.services.k8s.aws) or entries of an eksctl ClusterConfig
    (https://docs.aws.amazon.com/eks/latest/eksctl/pod-identity-associations.html). On a cluster, however they were made, they show in
    the Pods: EKS gives each a token for its agent (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html).
    """
    for item in snapshot.every("PodIdentityAssociation"):
        spec = item.at("spec")
        if item.group == "eks.services.k8s.aws" and _is_ours(spec.at("namespace"), spec.at("serviceAccount"), snapshot):
            reference = spec.at("roleRef.from.name")
            yield Trait(Cloud.AWS, reference) if reference.text else role(spec.at("roleARN"))
    for item in snapshot.every("ClusterConfig"):
        for entry in item.at("iam.podIdentityAssociations").each() if item.group == "eksctl.io" else ():
            if _is_ours(entry.at("namespace"), entry.at("serviceAccountName"), snapshot):
                policies = [entry.at(name) for name in ("permissionPolicyARNs", "permissionPolicy", "wellKnownPolicies")]
                made = next((place for place in policies if place.value), None)  # eksctl makes a role with these
                yield Trait(Cloud.AWS, made) if made is not None else role(entry.at("roleARN"))
    for pod in snapshot.all("Pod") if snapshot.is_live else ():
        if pod.at("spec.serviceAccountName").value == _NAME:
            for volume in pod.at("spec.volumes").each():
                for source in volume.at("projected.sources").each():
                    audience = source.at("serviceAccountToken.audience")
                    if audience.value == POD_IDENTITY_AUDIENCE:
                        yield Trait(Cloud.AWS, audience)


def _is_ours(namespace: Field, account: Field, snapshot: Snapshot) -> bool:
    return (namespace.value, account.value) == (snapshot.namespace, _NAME)


@objective(
    "cloud-identity",
    "The app's ServiceAccount carries a cloud identity",
    hints=(
        "`kubectl describe serviceaccount rag-engine` lists its annotations. Each cloud has one by which it knows whose Pods these are; no "
        "key of the cloud then lies in a Secret.",
        "AWS wants the ARN of a role, Google Cloud the e-mail of a service account, Azure the client id of a managed identity and, beyond "
        "that, a label on the Pods. On EKS a Pod Identity association does without the annotation.",
    ),
    docs="https://kubernetes.io/docs/concepts/security/service-accounts/",
    owned=(
        *owns(_ACCOUNT, _NAME),
        *owns("Deployment", APP, f"spec.template.metadata.labels['{AZURE_POD_LABEL}']"),
    ),
)
def cloud_identity(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, _ACCOUNT, _NAME)
    if verdict.status is not Status.PASSED:
        return verdict
    account = snapshot.own(_ACCOUNT, _NAME)
    traits = _identities(snapshot, account)
    sound = [trait for trait in traits if not trait.flaw]
    if any(trait.cloud is not Cloud.AZURE for trait in sound):
        return verdict
    if sound:
        return _labelled(snapshot) or verdict
    if traits:
        return failed(traits[0].place, expected=traits[0].expected, found=traits[0].flaw)
    expected = ", ".join(f"`{identity.annotation}` ({identity.cloud})" for identity in IDENTITIES)
    return failed(account.at("metadata.annotations"), expected=f"one of the annotations {expected}", found=_nearly(snapshot, account))


def _labelled(snapshot: Snapshot) -> Verdict | None:
    """Why Azure's webhook passes over the app's Pods; None when it does not."""
    app = Workload.of(snapshot.related("Deployment", APP))
    labels = app.template.at("metadata.labels")
    label = labels.key(AZURE_POD_LABEL)
    if label.value == "true":
        return None
    found = written(label) if label.present else f"Pods with {labels_in_words(app.pod_labels)}"
    if not label.present and AZURE_POD_LABEL in app.object.labels:
        found += "; the label is on the Deployment itself"
    return failed(label, expected=f'`{AZURE_POD_LABEL}: "true"` on the Pods', found=found)


def _nearly(snapshot: Snapshot, account: K8sObject) -> str:
    """What comes closest to an identity, in words."""
    known = [identity.annotation for identity in IDENTITIES]
    for name in ("annotations", "labels"):
        for key, _ in account.at(f"metadata.{name}").entries():
            if name == "labels" and key in known:
                return f"`{key}` among the labels"
            if close := get_close_matches(key, known, n=1, cutoff=0.8):
                return f"`{key}`, not `{close[0]}`"
    if any(trait.cloud is Cloud.GOOGLE for trait in _sound_traits(snapshot, _CLASS)):
        return "none of them; on GKE, access that is granted to the Kubernetes ServiceAccount directly does not show here"
    return "none of them"


# Load balancers


def _served(snapshot: Snapshot, kind: str) -> tuple[K8sObject, ...]:
    """The objects of a kind of the Gateway API, none where a cluster does not serve it. Raises NotReadable."""
    if snapshot.is_live and snapshot.find("APIGroup", _GATEWAY_GROUP) is None:
        return ()
    return snapshot.all(kind)


def _load_balancers(snapshot: Snapshot) -> Iterator[Trait]:
    """What each Service of type LoadBalancer says of its cloud, and then each Gateway, which few clusters serve. Raises NotReadable."""
    for item in snapshot.all("Service"):
        if item.at("spec.type").value == "LoadBalancer":
            yield load_balancer_of_service(item)
    gateways = _served(snapshot, "Gateway")
    classes = _served(snapshot, "GatewayClass") if gateways else ()
    for item in gateways:
        yield load_balancer_of_gateway(item, classes)


@objective(
    "cloud-load-balancer",
    "A load balancer suits the cloud",
    hints=(
        "`kubectl get services` shows the TYPE of each, and under EXTERNAL-IP what the cloud has made for it; `kubectl describe` lists the "
        "annotations and the events of whoever makes it.",
        "The type alone takes the cloud's defaults, which are old. Each cloud reads annotations of its own or a class, on a Service beside "
        "the internal one, or on a Gateway. It has to be the cloud of the StorageClass and of the identity.",
    ),
    docs="https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer",
)
def cloud_load_balancer(snapshot: Snapshot) -> Verdict:
    first: Verdict | None = None
    for trait in _load_balancers(snapshot):
        verdict = _suits(snapshot, trait)
        if verdict.status is Status.PASSED:
            return verdict
        first = first or verdict
    if first is not None:
        return first
    types = sorted({item.at("spec.type").text or "ClusterIP" for item in snapshot.all("Service")})
    found = f"Services of type {', '.join(f'`{name}`' for name in types)} only" if types else "no Service"
    expected = f"a Service of type `LoadBalancer`, or a Gateway, in namespace `{snapshot.namespace}`"
    return failed(snapshot.wanted("Service"), expected=expected, found=found)


def _suits(snapshot: Snapshot, trait: Trait) -> Verdict:
    """Whether a load balancer is one of a cloud, and of the same as the storage and the identity, as far as these are of one."""
    item = trait.place.object
    problem = next((problem for problem in item.problems if problem.rejected), None)
    if problem is not None:
        return Verdict(Status.FAILED, replace(problem, object=item.ref).evidence())
    if trait.flaw:
        return failed(trait.place, expected=trait.expected, found=trait.flaw)
    others = [_sound_traits(snapshot, _CLASS), _sound_traits(snapshot, _ACCOUNT)]
    odd = [group[0] for group in others if group and all(other.cloud is not trait.cloud for other in group)]
    if not odd:
        return passed(*assumed_namespace(item), *trait.advice)
    alone = odd[0] if len(odd) == 1 and all(others) else trait
    named = ", ".join(f"{other.cloud} at {other.place.object.ref}" for other in (trait, *odd))
    return failed(alone.place, expected="one cloud for the storage, the identity and the load balancer", found=named)


def _sound_traits(snapshot: Snapshot, kind: str) -> list[Trait]:
    """The clouds that the StorageClasses, or the identities of the app's ServiceAccount, are made for; none where that cannot be read.

    It is then for `cloud-storage-class` or `cloud-identity` to say so.
    """
    try:
        if kind == _CLASS:
            return _class_traits(snapshot)
        account = snapshot.find(_ACCOUNT, _NAME)
        return [trait for trait in _identities(snapshot, account) if not trait.flaw] if account is not None else []
    except NotReadable:
        return []


# Zones


@objective(
    "zones-spread",
    "Replicas spread over zones",
    hints=(
        "`kubectl get nodes -L topology.kubernetes.io/zone` shows the zone of each node. Now and then a cloud loses a whole one.",
        "What lesson 10 did for nodes works for zones, with the key of another label. Both can stand side by side.",
    ),
    docs="https://kubernetes.io/docs/setup/best-practices/multiple-zones/",
    owned=owns("Deployment", APP, "spec.template.spec.topologySpreadConstraints", "spec.template.spec.affinity"),
)
def zones_spread(snapshot: Snapshot) -> Verdict:
    deployment = snapshot.related("Deployment", APP)
    app = Workload.of(deployment)
    spec = app.pod_spec
    pinned = confinement(spec.value, ZONE, HOSTNAME)
    if pinned is not None:
        pin = spec.key(*pinned)
        found = f"{written(pin)}: all of them there" if pin.text else "one zone only that its rules allow"
        return failed(pin, expected="Pods that may run in any zone", found=found)
    rules = spreading_rules(spec.value, app.pod_labels, snapshot.namespace, _wanted(snapshot, deployment))
    zonal = [rule for rule in rules if rule.key == ZONE]
    if any(rule.flaw is None for rule in zonal):
        return passed()
    expected = f"a rule that keeps Pods with {labels_in_words(app.pod_labels)} apart by `{ZONE}`"
    for rule in zonal or rules:
        place = spec.key(*rule.path)
        if rule.flaw is None:  # so it is good for other places than zones
            return failed(place.at("topologyKey"), expected=expected, found=f"`{rule.key}` only")
        return failed(place, expected=expected, found=f"{written(place)}: {rule.flaw}")
    return failed(spec.at("topologySpreadConstraints"), expected=expected, found="none")


def _wanted(snapshot: Snapshot, deployment: K8sObject) -> int:
    """How many replicas there will be at least: what the Deployment states, else the minimum of an HPA on it."""
    replicas = deployment.at("spec.replicas")
    if replicas.present:
        return replicas.whole or 0
    scaling = (item.at("spec") for item in snapshot.all("HorizontalPodAutoscaler"))
    return max((spec.at("minReplicas").whole or 1 for spec in scaling if spec.at("scaleTargetRef.name").value == APP), default=1)


# The cluster itself


@objective(
    "managed-cluster",
    "This is a managed cluster",
    hints=(
        "`kubectl get nodes -o custom-columns=NAME:.metadata.name,PROVIDER:.spec.providerID` shows where each node comes from.",
        "EKS, GKE and AKS each have a command that makes a small cluster in a quarter of an hour. It costs money until you delete it.",
    ),
    docs="https://kubernetes.io/docs/setup/production-environment/turnkey-solutions/",
    live=True,
    bonus=True,
)
def managed_cluster(snapshot: Snapshot) -> Verdict:
    places = [item.at("spec.providerID") for item in snapshot.all("Node")]
    if any((place.text or "").partition("://")[0] in PROVIDERS for place in places):
        return passed()
    expected = "nodes whose providerID begins with `aws://`, `gce://` or `azure://`"
    for place in places:
        where = f"`{place.text.partition('://')[0]}://`, which is none of these clouds" if place.text else "nodes of no cloud"
        found = f"{where}. That is a fine place to learn: all that counts can be done there, and this bonus waits for you"
        return failed(place, expected=expected, found=found)
    return failed(snapshot.wanted("Node"), expected=expected, found="no nodes yet")


_OWN_READS = (_CLASS, _ACCOUNT, "Service", "Gateway", "GatewayClass", "APIGroup", "Deployment", "HorizontalPodAutoscaler", "Pod")
_READS = dict.fromkeys((*_OWN_READS, *(kind for lesson in EARLIER for kind in lesson.reads)))
_LIVE_READS = dict.fromkeys(("Node", *(kind for lesson in EARLIER for kind in lesson.live_reads)))

# All that the earlier lessons read, for the capstone judges them over the same snapshot.
LESSON = Lesson(
    "lesson-15",
    "Managed clusters and capstone",
    reads=tuple(_READS),
    objectives=(cloud_storage_class, cloud_identity, cloud_load_balancer, zones_spread, managed_cluster, *CAPSTONE),
    live_reads=tuple(kind for kind in _LIVE_READS if kind not in _READS),
    everywhere=tuple(dict.fromkeys(kind for lesson in EARLIER for kind in lesson.everywhere)),
)
