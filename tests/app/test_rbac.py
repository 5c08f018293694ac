"""`course rbac`: the roles are just enough to grade, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.services.cluster_writer import connect
from app.services.content import Exercise
from app.services.reading_rights import Rights, Subject, render, rights
from app.services.seeding import carry_out, needed, plan
from graders.engine import evaluate
from graders.kinds import KINDS
from graders.lessons import all_lessons
from graders.objective import Lesson
from graders.snapshot import Snapshot
from graders.sources import cluster
from graders.verdict import Status
from tests.api import Api
from tests.app.conftest import Course

LESSONS_ALL = tuple(all_lessons())


def _documents(course: Course, *argv: str) -> dict[str, dict[str, Any]]:
    return {body["kind"]: body for body in yaml.safe_load_all(course("rbac", *argv).out)}


def test_roles_only_read_and_name_the_lessons(course: Course) -> None:
    documents = _documents(course, "-n", "team-a")
    assert set(documents) == {"ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    verbs = {verb for kind in ("Role", "ClusterRole") for rule in documents[kind]["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}
    assert documents["Role"]["metadata"]["namespace"] == "team-a"
    assert "  # lesson-3, lesson-4" in course("rbac").out
    namespaces = [rule for rule in documents["ClusterRole"]["rules"] if rule["resources"] == ["namespaces"]]
    assert [(rule["verbs"], rule["resourceNames"]) for rule in namespaces] == [(["get"], ["team-a"])]


@pytest.mark.parametrize(
    ("argv", "subject"),
    [
        pytest.param((), {"kind": "ServiceAccount", "name": "course-grader", "namespace": "rag-engine"}, id="new"),
        pytest.param(("--user", 'oidc:"j"@x'), {"kind": "User", "name": 'oidc:"j"@x', "apiGroup": "rbac.authorization.k8s.io"}, id="user"),
        pytest.param(("--group", "yes"), {"kind": "Group", "name": "yes", "apiGroup": "rbac.authorization.k8s.io"}, id="group"),
        pytest.param(("--serviceaccount", "ci"), {"kind": "ServiceAccount", "name": "ci", "namespace": "rag-engine"}, id="account"),
        pytest.param(
            ("--serviceaccount", "ops:ci"), {"kind": "ServiceAccount", "name": "ci", "namespace": "ops"}, id="of-another-namespace"
        ),
        pytest.param(
            ("--serviceaccount", "system:serviceaccount:ops:ci"),
            {"kind": "ServiceAccount", "name": "ci", "namespace": "ops"},
            id="whole-name",
        ),
    ],
)
def test_subject_is_the_one_that_is_named(course: Course, argv: tuple[str, ...], subject: dict[str, str]) -> None:
    documents = _documents(course, *argv)
    assert documents["RoleBinding"]["subjects"] == documents["ClusterRoleBinding"]["subjects"] == [subject]
    assert ("ServiceAccount" in documents) is (not argv)


def test_without_secrets_nothing_about_them_is_granted(course: Course) -> None:
    documents = _documents(course, "--without-secrets")
    assert "secrets" not in {
        resource for kind in ("Role", "ClusterRole") for rule in documents[kind]["rules"] for resource in rule["resources"]
    }


def test_every_rule_is_some_lesson_s_and_every_kind_has_one() -> None:
    granted = rights(LESSONS_ALL, "team-a")
    rules = [*granted.namespaced, *granted.cluster_wide]
    assert all(rule.lessons for rule in rules)
    assert len({(rule.group, rule.resource) for rule in rules}) == len(rules), "nothing is granted twice"
    for lesson in LESSONS_ALL:
        only = rights([lesson], "team-a")
        mine = {(rule.group, rule.resource) for rule in (*only.namespaced, *only.cluster_wide)}
        assert mine <= {(rule.group, rule.resource) for rule in rules}


GRADER = "grader@example.org"


@pytest.fixture(scope="module")
def namespace(api: Api, kubeconfig: Path) -> Iterator[str]:
    """A namespace with all that the last lesson begins with: the solutions of the others, as far as the cluster serves them."""
    name = "course-rbac"
    writer = connect(context=None, kubeconfig=str(kubeconfig), timeout=10.0)
    carry_out(writer, plan(writer, needed(Exercise.of("lesson-15"), name), name))
    yield name
    api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, wait=False)


@pytest.fixture(scope="module")
def as_grader(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig that acts as the grader."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    config["users"][0]["user"]["as"] = GRADER
    config["users"][0]["user"]["as-groups"] = ["system:authenticated"]
    file = tmp_path_factory.mktemp("grader") / "kubeconfig"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


def _grant(api: Api, granted: Rights, namespace: str) -> None:
    for body in yaml.safe_load_all(render(granted, Subject("User", GRADER), namespace)):
        status, answer = api.put(body, namespace)
        assert status in (200, 201), answer


def _read(file: Path, lesson: Lesson, namespace: str) -> Snapshot:
    connected = cluster.connect(context=None, kubeconfig=str(file), timeout=10.0)
    kinds = (*lesson.reads, *lesson.live_reads)
    return connected.snapshot(kinds, namespace=namespace, taken_at=datetime.now(UTC), everywhere=lesson.everywhere)


def _denied(snapshot: Snapshot) -> set[str]:
    return {kind for reasons in (snapshot.unreadable, snapshot.only_here) for kind, reason in reasons.items() if "access denied" in reason}


@pytest.mark.cluster
@pytest.mark.parametrize("lesson", LESSONS_ALL, ids=lambda lesson: lesson.id)
def test_nothing_that_a_lesson_reads_is_denied(api: Api, namespace: str, as_grader: Path, lesson: Lesson) -> None:
    _grant(api, rights(LESSONS_ALL, namespace), namespace)
    assert _denied(_read(as_grader, lesson, namespace)) == set()


@pytest.mark.cluster
def test_each_rule_is_needed(api: Api, namespace: str, as_grader: Path) -> None:
    whole = rights(LESSONS_ALL, namespace)
    every = replace(
        LESSONS_ALL[0],
        reads=tuple(dict.fromkeys(kind for lesson in LESSONS_ALL for kind in (*lesson.reads, *lesson.live_reads))),
        live_reads=(),
        everywhere=tuple(kind for lesson in LESSONS_ALL for kind in lesson.everywhere),
    )
    served = {_resource(kind) for kind in every.reads} - {
        _resource(kind) for kind in _read_as_admin(as_grader, every, namespace).unreadable
    }
    for rule in (*whole.namespaced, *whole.cluster_wide):
        if (rule.group, rule.resource) not in served:
            continue
        less = Rights(tuple(each for each in whole.namespaced if each != rule), tuple(each for each in whole.cluster_wide if each != rule))
        _grant(api, less, namespace)
        assert {_resource(kind) for kind in _denied(_read(as_grader, every, namespace))} == {(rule.group, rule.resource)}


def _resource(kind: str) -> tuple[str, str]:
    return ("", "services/proxy") if kind == "Scrape" else (KINDS[kind].group, KINDS[kind].plural)


def _read_as_admin(file: Path, lesson: Lesson, namespace: str) -> Snapshot:
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    for key in ("as", "as-groups"):
        config["users"][0]["user"].pop(key)
    admin = file.with_name("admin")
    admin.write_text(yaml.safe_dump(config), encoding="utf-8")
    return _read(admin, lesson, namespace)


@pytest.mark.cluster
def test_writing_and_other_namespaces_are_denied(api: Api, namespace: str) -> None:
    _grant(api, rights(LESSONS_ALL, namespace), namespace)
    granted = rights(LESSONS_ALL, namespace)
    questions = [
        (rule.group, rule.resource, verb, namespace) for rule in granted.namespaced for verb in ("create", "update", "patch", "delete")
    ]
    questions += [(rule.group, rule.resource, "list", "default") for rule in granted.namespaced]
    questions += [(rule.group, rule.resource, "delete", "") for rule in granted.cluster_wide]
    questions += [("", "namespaces", "get", ""), ("", "pods/exec", "create", namespace)]
    for group, resource, verb, where in questions:
        plural, _, subresource = resource.partition("/")
        attributes = {"group": group, "resource": plural, "subresource": subresource, "verb": verb, "namespace": where}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": GRADER, "groups": ["system:authenticated"], "resourceAttributes": attributes},
        }
        status, answer = api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        assert (status, answer["status"]["allowed"]) == (201, False), (group, resource, verb, where)


@pytest.mark.cluster
@pytest.mark.parametrize("lesson", LESSONS_ALL, ids=lambda lesson: lesson.id)
def test_without_secrets_only_what_needs_them_is_unknown(api: Api, namespace: str, as_grader: Path, lesson: Lesson) -> None:
    _grant(api, rights(LESSONS_ALL, namespace), namespace)
    whole = evaluate(lesson, _read(as_grader, lesson, namespace))
    _grant(api, rights(LESSONS_ALL, namespace, secrets=False), namespace)
    less = _read(as_grader, lesson, namespace)
    assert _denied(less) == ({"Secret"} if "Secret" in (*lesson.reads, *lesson.live_reads) else set())
    before = {result.objective.id for result in whole.results if result.verdict.status is Status.UNKNOWN}
    for result in evaluate(lesson, less).results:
        if result.verdict.status is Status.UNKNOWN and result.objective.id not in before:
            assert "Secrets" in (result.verdict.reason or "")
