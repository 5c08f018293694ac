"""Who may read what so that a namespace can be graded: rules derived from the kinds that the lessons read. Pure.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graders.kinds import KINDS, Kind
from graders.objective import Lesson
from graders.sources.cluster_facts import FACTS, METRICS_PATH

_NAME = "kubernetes-course-grader"
_READ = ("get", "list", "watch")
_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a role, about one resource; `names` are those of objects when it is not about all of them. `lessons` need it."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    lessons: tuple[str, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rights:
    """What is to be granted in the namespace, and what in the whole cluster."""

    namespaced: tuple[Rule, ...]
    cluster_wide: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """To whom: `kind` is User, Group or ServiceAccount (then `namespace`). `new` tells a ServiceAccount that is made along with it."""

    kind: str
    name: str
    namespace: str = ""
    new: bool = False


def rights(lessons: Iterable[Lesson], namespace: str, *, secrets: bool = True) -> Rights:
    """The least that lets somebody read what these lessons look at in a namespace; without Secrets where `secrets` is false.

    What a cluster tells everybody (its version, its API groups, what one may do) needs no rule.
    """
    needed: dict[str, list[str]] = {}
    everywhere: set[str] = set()
    for lesson in lessons:
        everywhere |= {name for name in (*lesson.reads, *lesson.live_reads) if KINDS[name].everywhere or name in lesson.everywhere}
        for name in dict.fromkeys((*lesson.reads, *lesson.live_reads)):
            needed.setdefault(name, []).append(lesson.id)
    if not secrets:
        needed.pop("Secret", None)
    inside: list[Rule] = []
    outside: list[Rule] = []
    for kind in KINDS.values():
        for rule in _rules(kind, namespace, tuple(needed.get(kind.name, ()))):
            (inside if kind.namespaced and kind.name not in everywhere else outside).append(rule)
    return Rights(tuple(inside), tuple(outside))


def _rules(kind: Kind, namespace: str, lessons: tuple[str, ...]) -> Iterator[Rule]:
    if not lessons:
        return
    if kind.name == "Scrape":
        yield _proxy(lessons)
    elif kind.name == "Namespace":
        yield Rule("", kind.plural, ("get",), lessons, (namespace,))  # of others nothing is to be known
    elif kind.name not in FACTS:
        yield Rule(kind.group, kind.plural, _READ, lessons)


def _proxy(lessons: tuple[str, ...]) -> Rule:
    """Asking the app for its metrics goes through the Service's own subresource, by the name of Service and port."""
    _, _, after = METRICS_PATH.partition("/services/")
    service, _, _ = after.partition("/")
    return Rule("", "services/proxy", ("get",), lessons, (service,))


def render(granted: Rights, subject: Subject, namespace: str) -> str:
    """The roles and their bindings as YAML that kubectl applies, with comments that say which lesson needs what."""
    documents = []
    if subject.new:
        documents.append(
            f"apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {subject.name}\n  namespace: {subject.namespace}\n"
            "automountServiceAccountToken: false\n"
        )
    # A ClusterRole for each namespace: it names the namespace that may be seen.
    for kind, name, where, rules in (
        ("Role", _NAME, namespace, granted.namespaced),
        ("ClusterRole", f"{_NAME}-{namespace}", "", granted.cluster_wide),
    ):
        if rules:
            documents += ["".join(_role(kind, name, where, rules)), "".join(_binding(kind, name, where, subject))]
    return "---\n".join(documents)


def _head(kind: str, name: str, namespace: str) -> str:
    place = f"  namespace: {namespace}\n" if namespace else ""
    return f"apiVersion: {_GROUP}/v1\nkind: {kind}\nmetadata:\n  name: {name}\n{place}"


def _role(kind: str, name: str, namespace: str, rules: Iterable[Rule]) -> Iterator[str]:
    yield _head(kind, name, namespace) + "rules:\n"
    for rule in rules:
        yield f"  # {', '.join(rule.lessons)}\n"
        yield f"  - apiGroups: [{json.dumps(rule.group)}]\n    resources: [{rule.resource}]\n"
        if rule.names:
            yield f"    resourceNames: [{', '.join(map(json.dumps, rule.names))}]\n"
        yield f"    verbs: [{', '.join(rule.verbs)}]\n"


def _binding(kind: str, name: str, namespace: str, subject: Subject) -> Iterator[str]:
    yield _head(f"{kind}Binding", name, namespace)
    yield f"roleRef:\n  apiGroup: {_GROUP}\n  kind: {kind}\n  name: {name}\nsubjects:\n"
    group = f"    namespace: {subject.namespace}\n" if subject.kind == "ServiceAccount" else f"    apiGroup: {_GROUP}\n"
    yield f"  - kind: {subject.kind}\n    name: {json.dumps(subject.name)}\n{group}"
