"""Lesson 11: a namespace that refuses dangerous Pods, workloads that give it no reason to, and a network closed by default."""

from __future__ import annotations

import re
from collections.abc import Mapping

from graders.lessons.existence import assumed_namespace, exists
from graders.lessons.lesson_11_network import NETWORK_OBJECTIVES
from graders.objective import Lesson, objective, owns
from graders.semantics.pod_security import LATEST, PROFILES, RESTRICTED, Violation, enforced, violations
from graders.snapshot import Field, Snapshot
from graders.verdict import Status, Verdict, failed, passed
from graders.workloads import APP, WORKLOAD_KINDS, Workload, workloads

_ENFORCE = "pod-security.kubernetes.io/enforce"
_VERSION = f"{_ENFORCE}-version"
_OTHER_MODES = ("pod-security.kubernetes.io/warn", "pod-security.kubernetes.io/audit")
_OLDEST = 29  # minor version of Kubernetes 1 that the course works on
_SERVED = re.compile(r"v?1\.([0-9]{1,4})\b")
_AUTOMOUNT = "automountServiceAccountToken"

_ADMISSION_DOCS = "https://kubernetes.io/docs/concepts/security/pod-security-admission/"
_STANDARDS_DOCS = "https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted"
_ACCOUNT_DOCS = "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/"


@objective(
    "enforces-restricted",
    "{namespace} enforces the restricted Pod Security Standard",
    hints=(
        "Pod Security admission is built into the API server. What it does in a namespace is told by labels of that Namespace: "
        "`kubectl get namespace {namespace} --show-labels`.",
        "There is a label for each of three modes: one warns, one writes to the audit log, one refuses. Its value is the name of a "
        "standard, in lower case.",
    ),
    docs=_ADMISSION_DOCS + "#pod-security-admission-labels-for-namespaces",
    owned=owns("Namespace", "*"),
)
def enforces_restricted(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, "Namespace", snapshot.namespace)
    if verdict.status is not Status.PASSED:
        return verdict
    namespace = snapshot.own("Namespace", snapshot.namespace)
    label, version = (namespace.key("metadata", "labels", key) for key in (_ENFORCE, _VERSION))
    if label.value != RESTRICTED:
        return failed(label, expected=f"the label `{_ENFORCE}: {RESTRICTED}`", found=_instead(label))
    if version.present and version.value not in (LATEST, enforced(namespace.labels).version):
        return failed(version, expected=f"`{LATEST}` or a version such as `v1.{_OLDEST}`", found=_shown(version))
    if version.present and version.value != LATEST and int(str(version.value).removeprefix("v1.")) < _OLDEST:
        return verdict.advising(
            f"`{_VERSION}: {version.value}` is the standard of an old Kubernetes, which lacks controls that came later: "
            f"take the version of your cluster, or `{LATEST}`."
        )
    return verdict


def _instead(label: Field) -> str:
    """What a Namespace has in place of the label that enforces the restricted standard."""
    item = label.object
    if label.value in PROFILES:
        return f"`{label.value}`, which forbids " + ("nothing" if label.value == PROFILES[0] else "less")
    if label.present:
        return f"{_shown(label)}, which is no Pod Security Standard"
    labels = item.at("metadata.labels")
    if labels.present and not isinstance(labels.value, Mapping):
        return "labels that are no map"
    if item.key("metadata", "annotations", _ENFORCE).present:
        return "an annotation of that name, which admission does not read"
    others = [f"`{mode}`" for mode in _OTHER_MODES if item.key("metadata", "labels", mode).present]
    return f"{' and '.join(others)} only, with which every Pod gets in" if others else "no such label"


def _shown(field: Field) -> str:
    """A value as YAML would hold it."""
    if field.text is not None:
        return f"`{field.text}`" if field.text and field.text == field.text.strip() else f'`"{field.text}"`'
    if field.flag is not None:
        return f"`{str(field.flag).lower()}`"
    return "a map" if isinstance(field.value, Mapping) else "a list" if isinstance(field.value, tuple) else f"`{field.value}`"


@objective(
    "workloads-restricted",
    "Every workload in {namespace} meets it",
    hints=(
        "Admission refuses Pods, not Deployments: a workload that breaks the standard is stored and never gets a Pod. "
        "`kubectl apply --dry-run=server` of the labelled Namespace warns about the Pods that run already.",
        "Each container needs its own part of the security context, init containers and sidecars too. Some fields may stand once for the "
        "whole Pod. Look at the Jobs as well.",
    ),
    docs=_STANDARDS_DOCS,
    owned=tuple(part for kind in WORKLOAD_KINDS for part in owns(kind, "*")),
)
def workloads_restricted(snapshot: Snapshot) -> Verdict:
    found = workloads(snapshot)
    if not found:
        snapshot.related("Deployment", APP)
    namespace = snapshot.find("Namespace", snapshot.namespace)
    version = _standard(snapshot, LATEST if namespace is None else enforced(namespace.labels).version)
    broken = [(workload, faults) for workload in found if (faults := _violations(workload, version))]
    if not broken:
        return passed(*(advice for workload in found for advice in assumed_namespace(workload.object)))
    (workload, faults), *others = broken
    first, *rest = faults
    also = [f"{len(rest)} more in it"] if rest else []
    also += [", ".join(other.object.ref for other, _ in others)] if others else []
    who = "" if first.container is None else f" for container `{first.container}`"
    return failed(
        workload.template.key(*first.path),
        expected=f"{first.expected}{who}",
        found=f"{first.found} (control: {first.control})" + (f"; also {' and '.join(also)}" if also else ""),
    )


def _standard(snapshot: Snapshot, version: str) -> str:
    """The version of the standard that counts: a cluster knows none that is newer than itself, and takes its own for `latest`."""
    served = snapshot.find("Version", "version") if snapshot.is_live else None
    match = _SERVED.match(served.at("gitVersion").text or "") if served is not None else None
    if match is None:
        return version
    newest = int(match[1])
    return version if version != LATEST and int(version.removeprefix("v1.")) <= newest else f"v1.{newest}"


def _violations(workload: Workload, version: str) -> tuple[Violation, ...]:
    return violations(RESTRICTED, workload.template.at("metadata").value, workload.pod_spec.value, version)


@objective(
    "no-api-token",
    "Pods carry no API token they do not need",
    hints=(
        "Each Pod is given a token of its ServiceAccount unless somebody declines: `kubectl describe pod` shows it as a volume that is "
        "mounted at `/var/run/secrets/kubernetes.io/serviceaccount`.",
        "The same field can decline it in two places: the ServiceAccount, for all of its Pods, or the Pod spec, which wins. "
        "`kubectl explain serviceaccount` describes it.",
    ),
    docs=_ACCOUNT_DOCS + "#opt-out-of-api-credential-automounting",
    owned=(
        *owns("ServiceAccount", "*"),
        *owns("Deployment", APP, *(f"spec.template.spec.{field}" for field in (_AUTOMOUNT, "serviceAccountName", "serviceAccount"))),
    ),
)
def no_api_token(snapshot: Snapshot) -> Verdict:
    pod_spec = Workload.of(snapshot.related("Deployment", APP)).pod_spec
    field = pod_spec.key(_AUTOMOUNT)
    advice: tuple[str, ...] = ()
    if not field.present:  # then the ServiceAccount decides
        account = snapshot.related("ServiceAccount", _account(pod_spec))
        field, advice = account.key(_AUTOMOUNT), assumed_namespace(account)
    if field.value is not False:
        found = f"`{_AUTOMOUNT}: {_plain(field)}`" if field.present else f"no `{_AUTOMOUNT}` here or in the Pod, which means `true`"
        return failed(
            field, expected=f"`{_AUTOMOUNT}: false` in the Pod spec, or in its ServiceAccount while the Pod is silent", found=found
        )
    mounted = [f"`{name}`" for name in _token_volumes(pod_spec)]
    if mounted:
        advice += (f"Volume {', '.join(mounted)} still brings a token for the API server: leave it out unless the app calls it.",)
    return passed(*advice)


def _account(pod_spec: Field) -> str:
    """The ServiceAccount of a Pod: `serviceAccount` is an old name of the field, `default` what admission fills in."""
    return pod_spec.at("serviceAccountName").text or pod_spec.at("serviceAccount").text or "default"


def _token_volumes(pod_spec: Field) -> list[str]:
    """The volumes that project a token whose audience is the API server, as it is where none is named."""
    return [
        volume.at("name").text or ""
        for volume in pod_spec.at("volumes").each()
        for source in volume.at("projected.sources").each()
        if source.at("serviceAccountToken").present and not source.at("serviceAccountToken.audience").text
    ]


def _plain(field: Field) -> str:
    return _shown(field).strip("`")


LESSON = Lesson(
    "lesson-11",
    "Security hardening",
    reads=("Namespace", "ServiceAccount", "NetworkPolicy", *WORKLOAD_KINDS),
    live_reads=("Version",),
    objectives=(enforces_restricted, workloads_restricted, no_api_token, *NETWORK_OBJECTIVES),
)
