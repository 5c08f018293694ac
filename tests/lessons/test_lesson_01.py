"""Lesson 1 beyond its case files: what only a cluster or a kubeconfig shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_01_namespaces import LESSON
from graders.redaction import redact
from graders.snapshot import NotReadable, NotThere, Snapshot
from graders.verdict import Status, Verdict
from tests.cases import NOON

NAMESPACE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "rag-engine", "labels": {"environment": "production", "app": "rag-engine"}},
}


def judge(objective: str, *bodies: Any, kind: str = "manifests", context: str | None = None, **options: Any) -> Verdict:
    snapshot = Snapshot.of(bodies, taken_at=NOON, kind=kind, **options)
    report = evaluate(LESSON, replace(snapshot, context_namespace=context))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def terminating(*conditions: dict[str, str]) -> dict[str, Any]:
    return {**NAMESPACE, "status": {"phase": "Terminating", "conditions": list(conditions)}}


def test_a_namespace_that_is_being_deleted_fails_on_a_cluster_only() -> None:
    verdict = judge("namespace-exists", terminating(), kind="cluster")
    assert verdict.status is Status.FAILED
    assert verdict.evidence is not None
    assert verdict.evidence.path == "status.phase"
    assert verdict.evidence.command == "kubectl describe namespace rag-engine"
    assert judge("namespace-exists", terminating()).status is Status.PASSED


def test_deletion_that_is_held_up_says_by_what() -> None:
    waiting = {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers remaining."}
    done = {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources successfully discovered"}
    verdict = judge("namespace-exists", terminating(done, waiting), kind="cluster")
    assert verdict.evidence is not None
    assert "held up (Some content has finalizers remaining)" in verdict.evidence.found


def test_labels_wait_for_the_namespace() -> None:
    assert judge("environment-label", terminating(), kind="cluster").status is Status.BLOCKED


@pytest.mark.parametrize(
    ("context", "status"),
    [
        pytest.param("rag-engine", Status.PASSED, id="set"),
        pytest.param("default", Status.FAILED, id="another one"),
        pytest.param(None, Status.UNKNOWN, id="no kubeconfig"),
    ],
)
def test_context(context: str | None, status: Status) -> None:
    assert judge("context-namespace", NAMESPACE, kind="cluster", context=context).status is status


def test_context_needs_no_namespace_to_be_there() -> None:
    assert judge("context-namespace", kind="cluster", context="rag-engine").status is Status.PASSED
    assert judge("context-namespace", context="rag-engine").status is Status.SKIPPED


def test_another_namespace_may_be_graded() -> None:
    other = {**NAMESPACE, "metadata": {**NAMESPACE["metadata"], "name": "team-7"}}
    assert judge("app-label", other, namespace="team-7").status is Status.PASSED
    assert judge("context-namespace", other, namespace="team-7", kind="cluster", context="team-7").status is Status.PASSED


def test_labels_that_are_no_map_are_told_once() -> None:
    odd = {**NAMESPACE, "metadata": {"name": "rag-engine", "labels": ["app"]}}
    assert judge("environment-label", odd).status is Status.FAILED
    assert judge("app-label", odd).status is Status.BLOCKED


def test_the_label_that_every_namespace_has_is_not_worth_a_word() -> None:
    bare = {**NAMESPACE, "metadata": {"name": "rag-engine", "labels": {"kubernetes.io/metadata.name": "rag-engine"}}}
    verdict = judge("app-label", bare, kind="cluster")
    assert verdict.evidence is not None
    assert verdict.evidence.found == "no label `app`"


def test_unreadable_namespaces_are_no_fault_of_the_learner() -> None:
    snapshot = replace(Snapshot.of([], taken_at=NOON, kind="cluster"), unreadable={"Namespace": "Could not list Namespace objects."})
    statuses = {result.status for result in evaluate(LESSON, snapshot).results if not result.objective.live}
    assert statuses == {Status.UNKNOWN}


ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["labels", "annotations", "environment", "app", "phase", "conditions", "message", "status"]), inner
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    ODD,
    ODD,
    st.lists(st.dictionaries(st.sampled_from(["kind", "metadata", "spec"]), ODD), max_size=2),
    st.sampled_from(["manifests", "cluster"]),
)
def test_no_shape_of_object_crashes_a_check(metadata: Any, status: Any, others: list[Any], kind: str) -> None:
    named = {**metadata, "name": "rag-engine"} if isinstance(metadata, dict) else metadata
    bodies = [redact(body) for body in ({"apiVersion": "v1", "kind": "Namespace", "metadata": named, "status": status}, *others)]
    snapshot = Snapshot.of(bodies, taken_at=NOON, kind=kind)
    for objective in LESSON.objectives:
        try:
            verdict = objective.check(snapshot)
        except (NotReadable, NotThere, LookupError):
            continue
        assert isinstance(verdict, Verdict)
