"""The course's own rules: lessons, exercises, objectives and cases agree with each other."""

from __future__ import annotations

import pytest

from graders.engine import evaluate
from graders.lessons import LESSONS, Entry
from graders.objective import Lesson, Objective
from graders.verdict import Status
from tests.cases import cases, exercise, lessons, manifests, read

# Permanent: stored results and other programs carry these ids. Objectives may be added, never renamed or dropped.
IDS = {
    "lesson-0": "api-reachable version-supported node-ready default-storage-class may-deploy metrics-available",
    "lesson-1": "namespace-exists environment-label app-label context-namespace",
    "lesson-2": "configmap-exists app-settings service-endpoints performance-settings feature-flags values-are-strings no-secrets-inside "
    "consumed-as-env consumed-as-files",
    "lesson-3": "secret-exists required-keys values-decode no-stray-newline connection-urls strong-jwt-secret used-by-reference",
    "lesson-4": "deployment-exists replicas selector-matches-template image-pinned port-named-http env-from-references resources-set "
    "liveness-probe readiness-probe runs-as-non-root container-locked-down writable-paths service-account graceful-shutdown "
    "rollout-complete",
    "lesson-5": "service-exists internal-only port-mapping selects-the-app labelled-for-monitoring endpoints-ready",
    "lesson-6": "ingress-exists ingress-class routes-to-service tls certificate-issuer forces-https body-size rate-limit "
    "backend-resolves address-assigned gateway-route",
    "lesson-7": "hpa-exists scale-target replica-bounds cpu-target memory-target requests-per-second scale-up-policy scale-down-policy "
    "target-has-requests no-fixed-replicas hpa-active",
    "lesson-8": "pdb-exists covers-the-app min-available leaves-room one-budget evicts-unhealthy budget-holds",
    "lesson-9": "claim-or-template mounted-where-data-lives headless-service image-pinned survives-scale-down shared-cache-claim "
    "claims-bound data-survives",
    "lesson-10": "api-burstable qdrant-guaranteed zero-downtime-update spread-over-nodes default-limits namespace-quota history-kept "
    "rolled-out-twice",
    "lesson-11": "enforces-restricted workloads-restricted no-api-token default-deny api-from-ingress api-from-nowhere-else dns-allowed "
    "backends-allowed no-open-egress",
    "lesson-12": "servicemonitor-exists selects-the-service scrapes-metrics alert-on-downtime autoscaling-metric-source logs-to-stdout "
    "log-collector target-scraped",
    "lesson-13": "storage-location daily-schedule kept-thirty-days volumes-included secrets-considered backup-completed restore-rehearsed",
    "lesson-14": "pending-unschedulable pending-claim crash-missing-env crash-liveness image-pull no-endpoints nothing-left-broken",
    "lesson-15": "cloud-storage-class cloud-identity cloud-load-balancer zones-spread managed-cluster "
    + " ".join(f"capstone-lesson-{number}" for number in range(1, 13)),
}
DOCUMENTATION = (
    *("https://kubernetes.io/docs/", "https://kubernetes.io/releases/", "https://cert-manager.io/docs/"),
    *("https://gateway-api.sigs.k8s.io/", "https://prometheus-operator.dev/docs/", "https://prometheus.io/docs/"),
    "https://velero.io/docs/",
)
OBJECTIVES = [(lesson, objective) for lesson in lessons() for objective in lesson.objectives]


def _id(pair: tuple[Lesson, Objective]) -> str:
    return f"{pair[0].id}/{pair[1].id}"


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.id)
def test_ids_are_kept(lesson: Lesson) -> None:
    assert [objective.id for objective in lesson.objectives] == IDS[lesson.id].split()


@pytest.mark.parametrize("entry", LESSONS, ids=lambda entry: entry.id)
def test_table_of_contents_agrees_with_the_lesson(entry: Entry) -> None:
    loaded = entry.load()
    assert (loaded.id, loaded.title) == (entry.id, entry.title)


@pytest.mark.parametrize("pair", OBJECTIVES, ids=_id)
def test_objective_is_ready_for_learners(pair: tuple[Lesson, Objective]) -> None:
    lesson, objective = pair
    assert len(objective.hints) == 2
    assert all(len(hint) > 20 for hint in objective.hints)
    assert objective.hints[0] != objective.hints[1]
    assert objective.docs.startswith(DOCUMENTATION)
    earlier = [other.id for other in lesson.objectives[: lesson.objectives.index(objective)]]
    assert set(objective.needs) <= set(earlier), "an objective needs only what is asked before it"


@pytest.mark.parametrize("pair", OBJECTIVES, ids=_id)
def test_objective_has_cases(pair: tuple[Lesson, Objective]) -> None:
    lesson, objective = pair
    mine = [case for case in cases() if case.lesson is lesson and case.objective is objective]
    assert sum(not case.good for case in mine) >= 5, "at least five fail- cases, one fault each"
    assert sum(case.good for case in mine) >= 3, "at least three pass- cases, equal in meaning, typed differently"
    assert len({case.path.read_bytes() for case in mine}) == len(mine), "no two cases are the same file"


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.id)
def test_starter_passes_nothing_and_solution_everything(lesson: Lesson) -> None:
    folder = exercise(lesson.id)
    assert (folder / "task.md").read_text(encoding="utf-8").startswith("# ")
    if all(objective.live for objective in lesson.objectives):
        assert not (folder / "starter").exists(), "there is nothing to submit"
        return
    starter = evaluate(lesson, read(manifests(folder / "starter")))
    solved = evaluate(lesson, read(manifests(folder / "solution")))
    assert not [result.objective.id for result in starter.results if result.status is Status.PASSED]
    for result in solved.results:
        if result.objective.live:
            assert result.status is Status.SKIPPED
        else:
            assert result.status is Status.PASSED, f"{result.objective.id} is {result.verdict}"
            assert not result.verdict.advice, "the solution is what a practitioner would write"
