"""What an administrator applies so that a class can share one cluster: the server's read-only account, and for each learner a namespace,
rights in it and a quota. Pure: seats in, YAML out.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/, https://kubernetes.io/docs/concepts/security/multi-tenancy/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from app.services.reading_rights import Rule, rights
from graders.kinds import KINDS
from graders.lessons import all_lessons
from graders.sources.cluster_facts import FACTS

LABEL: Final = "kubernetes-course/classroom"
"""On everything that is applied here. What carries it is the administrator's, and is no learner's work."""
HOME: Final = "kubernetes-course"
ACCOUNT: Final = "course-reader"
LEARNER: Final = "learner"
_READ = ("get", "list", "watch")
_WRITE = ("create", "update", "patch", "delete", "deletecollection")
_RBAC = "rbac.authorization.k8s.io"
_BY_EDIT = frozenset(("", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "discovery.k8s.io"))
"""The API groups whose namespaced kinds Kubernetes' own role `edit` covers."""
# What one learner may hold; requests are counted of those Pods alone that make any, so that the others still start.
_COUNTS = {
    "pods": "40",
    "services": "20",
    "services.loadbalancers": "1",
    "services.nodeports": "2",
    "persistentvolumeclaims": "10",
    "requests.storage": "20Gi",
    "configmaps": "100",
    "secrets": "100",
    "count/jobs.batch": "50",
    "count/deployments.apps": "20",
    "count/ingresses.networking.k8s.io": "20",
}
_COMPUTE = {"requests.cpu": "8", "requests.memory": "16Gi"}

Json = dict[str, Any]


class Seat(NamedTuple):
    """One learner's place on the cluster."""

    namespace: str
    cohort_id: int


def render(seats: Sequence[Seat], cohort: str) -> str:
    """The YAML of a cohort, with the commands that go with it as comments. What it holds is JSON, which YAML reads."""
    documents = [*_server(), *_learners_role(), *_policy()]
    for seat in seats:
        documents += _seat(seat)
    return _INTRODUCTION.format(cohort=_in_a_comment(cohort), many=len(seats)) + "".join(
        f"---\n{json.dumps(document, ensure_ascii=False, indent=1)}\n" for document in documents
    )


_INTRODUCTION = f"""\
# The shared cluster of a classroom: {{cohort}}, {{many}} learners.
#
# As an administrator: course cohort cluster COHORT | kubectl apply -f -
# When others have joined: course cohort cluster COHORT | kubectl create -f -   which leaves what is there already as it is, and says so.
# (Applying again would take back what learners have changed about their namespaces since, as lesson 11 asks.)
#
# The server's kubeconfig, for COURSE_CLUSTER_KUBECONFIG: with the cluster's address and authority of yours,
#   kubectl create token {ACCOUNT} -n {HOME} --duration=8760h
# A learner's: the same with the namespace NAME of theirs,
#   kubectl create token {LEARNER} -n NAME --duration=2160h
#
# What the server's account may read are all Secrets of the learners' namespaces, and of no others: lesson 3 asks whether they are right.
# The server reduces each to facts as it reads it, and stores, shows and logs no value.
"""


def _in_a_comment(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _server() -> Iterable[Json]:
    needed = rights(all_lessons(), "any")
    yield _object("v1", "Namespace", HOME)
    yield {**_object("v1", "ServiceAccount", ACCOUNT, HOME), "automountServiceAccountToken": False}
    # Secrets are in the part that is bound namespace by namespace.
    yield _role(f"{ACCOUNT}-namespace", map(_rule, needed.namespaced))
    outside = [rule for rule in needed.cluster_wide if rule.resource != "namespaces"]
    yield _role(f"{ACCOUNT}-cluster", [*map(_rule, outside), _allowed("", "namespaces", _READ)])
    yield _cluster_binding(f"{ACCOUNT}-cluster", f"{ACCOUNT}-cluster", [_account(ACCOUNT, HOME)])


def _learners_role() -> Iterable[Json]:
    """What learners may do in their namespace beyond `edit`, and what they may look at in the cluster."""
    more = [
        _allowed(kind.group, kind.plural, (*_READ, *_WRITE))
        for kind in KINDS.values()
        if kind.namespaced
        and kind.name not in FACTS
        and kind.group not in _BY_EDIT
        and not kind.group.endswith(("metrics.k8s.io", "velero.io"))
    ]
    # A quota can be added, which only narrows; the administrator's cannot be changed or removed.
    own = [_allowed("", "resourcequotas", (*_READ, "create")), _allowed("", "limitranges", (*_READ, *_WRITE))]
    named = {**_allowed("", "resourcequotas", ("update", "patch", "delete")), "resourceNames": ["rag-engine", "rag-engine-quota", "quota"]}
    events = [_allowed("metrics.k8s.io", "pods", _READ), _allowed("", "events", _READ)]
    yield _role(f"{HOME}-learner", [*more, *own, named, *events])
    facts = [
        _allowed(kind.group, kind.plural, _READ)
        for kind in KINDS.values()
        if not kind.namespaced and kind.name not in (*FACTS, "Namespace", "PersistentVolume")
    ]
    yield _role(f"{HOME}-cluster-facts", facts)


def _policy() -> Iterable[Json]:
    """Learners label their namespace, as lessons 1 and 11 ask; below `baseline`, with which a Pod could take over a node, they may not go.

    https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
    """
    name = f"{HOME}-namespaces"
    level = "object.metadata.labels[?'pod-security.kubernetes.io/enforce'].orValue('')"
    group = "admissionregistration.k8s.io/v1"
    yield {
        **_object(group, "ValidatingAdmissionPolicy", name),
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["namespaces"]}]
            },
            "matchConditions": [
                {
                    "name": "by-a-learner",
                    "expression": f"request.userInfo.username == 'system:serviceaccount:' + request.name + ':{LEARNER}'",
                }
            ],
            "validations": [
                {
                    "expression": f"{level} in ['baseline', 'restricted']",
                    "message": "On the classroom's cluster a namespace enforces at least the Pod Security Standard baseline.",
                },
                {
                    "expression": f"object.metadata.labels[?'{LABEL}'] == oldObject.metadata.labels[?'{LABEL}']",
                    "message": f"The label {LABEL} is the administrator's.",
                },
            ],
        },
    }
    yield {
        **_object(group, "ValidatingAdmissionPolicyBinding", name),
        # No selector: one by labels would look at those that the request leaves, and the label is what must not be removed.
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }


def _seat(seat: Seat) -> Iterable[Json]:
    name = seat.namespace
    learner = _account(LEARNER, name)
    space = _object("v1", "Namespace", name, labels={LABEL: f"cohort-{seat.cohort_id}", "pod-security.kubernetes.io/enforce": "baseline"})
    yield space
    yield {**_object("v1", "ServiceAccount", LEARNER, name), "automountServiceAccountToken": False}
    yield _binding("course-reader", name, f"{ACCOUNT}-namespace", _account(ACCOUNT, HOME))
    yield _binding("learner-edit", name, "edit", learner)
    yield _binding("learner-course", name, f"{HOME}-learner", learner)
    own = {**_allowed("", "namespaces", ("get", "update", "patch")), "resourceNames": [name]}
    yield _role(f"{HOME}-{name}", [own])
    yield _cluster_binding(f"{HOME}-{name}", f"{HOME}-{name}", [learner])
    yield _cluster_binding(f"{HOME}-{name}-facts", f"{HOME}-cluster-facts", [learner])
    yield {**_object("v1", "ResourceQuota", "classroom", name), "spec": {"hard": _COUNTS}}
    yield {**_object("v1", "ResourceQuota", "classroom-compute", name), "spec": {"hard": _COMPUTE, "scopes": ["NotBestEffort"]}}


def _object(api_version: str, kind: str, name: str, namespace: str = "", labels: Json | None = None) -> Json:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **where, "labels": labels or {LABEL: "course"}}}


def _rule(rule: Rule) -> Json:
    named = {"resourceNames": list(rule.names)} if rule.names else {}
    return {**_allowed(rule.group, rule.resource, rule.verbs), **named}


def _allowed(group: str, resource: str, verbs: Sequence[str]) -> Json:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def _role(name: str, rules: Iterable[Json]) -> Json:
    return {**_object(f"{_RBAC}/v1", "ClusterRole", name), "rules": list(rules)}


def _account(name: str, namespace: str) -> Json:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def _binding(name: str, namespace: str, role: str, subject: Json) -> Json:
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role}
    return {**_object(f"{_RBAC}/v1", "RoleBinding", name, namespace), "roleRef": reference, "subjects": [subject]}


def _cluster_binding(name: str, role: str, subjects: list[Json]) -> Json:
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role}
    return {**_object(f"{_RBAC}/v1", "ClusterRoleBinding", name), "roleRef": reference, "subjects": subjects}
