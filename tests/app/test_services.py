"""The pure parts of `course`: seeds, guards, files in other namespaces, what builds on what, shells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.services.content import Exercise, in_namespace
from app.services.curriculum import MINUTES, builds_on, number
from app.services.guards import COURSE, MANAGED_BY, Refused, Surroundings, check_cluster, check_namespace, looks_like_production
from app.services.seeding import kinds_of, needed
from app.services.seeds import LARGEST, choose, new_seed
from app.services.shells import export
from graders.engine import evaluate
from graders.errors import GradingError
from graders.lessons import LESSONS, Entry
from graders.sources.manifests import read_texts
from graders.verdict import Status
from tests.cases import EXERCISES, NOON, exercise, manifests

_VARIANTS = {"image-pull": ("a", "b", "c"), "pending-claim": ("x", "y")}
# By hand: printf 0/image-pull | sha256sum, its first 16 digits as a number, modulo 3.
SEEDED = [
    {"image-pull": "b", "pending-claim": "y"},
    {"image-pull": "b", "pending-claim": "x"},
    {"image-pull": "a", "pending-claim": "y"},
]
_names = st.lists(st.text("abc-", min_size=1, max_size=6), min_size=1, max_size=8, unique=True).map(tuple)
_variants = st.dictionaries(st.text("pqr", min_size=1, max_size=4), _names, min_size=1, max_size=6)
_seeds = st.integers(0, LARGEST)


def test_choice_is_the_same_everywhere() -> None:
    assert [choose(_VARIANTS, seed) for seed in (0, 1, 2)] == SEEDED


@given(_variants, _seeds)
def test_choice_is_one_of_each_objective_and_independent_of_the_others(variants: dict[str, tuple[str, ...]], seed: int) -> None:
    chosen = choose(variants, seed)
    assert chosen.keys() == variants.keys()
    assert all(name in variants[objective] for objective, name in chosen.items())
    for objective, names in variants.items():
        assert choose({objective: tuple(reversed(names))}, seed) == {objective: chosen[objective]}


def test_every_variant_is_drawn_about_as_often() -> None:
    drawn = [choose({"image-pull": tuple("abcd")}, seed)["image-pull"] for seed in range(4_000)]
    assert all(900 < drawn.count(name) < 1_100 for name in "abcd")


@given(_seeds)
def test_new_seed_changes_something_where_it_can(before: int) -> None:
    assert choose(_VARIANTS, new_seed(_VARIANTS, before)) != choose(_VARIANTS, before)
    assert 0 <= new_seed({"one": ("only",)}, before) <= LARGEST


@pytest.mark.parametrize(
    ("context", "host", "nodes", "why"),
    [
        pytest.param("kind-course", "127.0.0.1:6443", 3, "", id="kind"),
        pytest.param("practice", "127.0.0.1:6443", None, "", id="nodes-may-not-be-counted"),
        pytest.param("my-prod", "10.0.0.1:6443", 3, "says `prod`", id="prod"),
        pytest.param("PROD_eu", "10.0.0.1:6443", 3, "says `prod`", id="upper-case"),
        pytest.param("acme/production@admin", "10.0.0.1:6443", 3, "says `production`", id="production"),
        pytest.param("live2", "10.0.0.1:6443", 3, "says `live`", id="word-before-a-digit"),
        pytest.param("prd.example.org", "10.0.0.1:6443", 3, "says `prd`", id="prd"),
        pytest.param("product-demo", "10.0.0.1:6443", 3, "", id="product-is-another-word"),
        pytest.param("deliver", "10.0.0.1:6443", 3, "", id="live-inside-a-word"),
        pytest.param("reproduction", "10.0.0.1:6443", 3, "", id="production-inside-a-word"),
        pytest.param("x", "abc.gr7.eu-west-1.eks.amazonaws.com:443", 3, "(EKS)", id="eks"),
        pytest.param("x", "abc.yl4.eu-west-1.eks.amazonaws.com", 3, "(EKS)", id="eks-without-port"),
        pytest.param("gke_project_europe-west1_demo", "34.1.2.3", 3, "(GKE)", id="gke-by-its-context"),
        pytest.param("x", "gke-abc.europe-west1.gke.goog", 3, "(GKE)", id="gke-by-its-server"),
        pytest.param("x", "demo-dns-1.hcp.westeurope.azmk8s.io:443", 3, "(AKS)", id="aks"),
        pytest.param("x", "10.0.0.1:6443", 10, "", id="ten-nodes"),
        pytest.param("x", "10.0.0.1:6443", 11, "11 nodes", id="eleven-nodes"),
    ],
)
def test_cluster_that_others_may_rely_on_is_left_alone_unless_named(context: str, host: str, nodes: int | None, why: str) -> None:
    there = Surroundings(context, host, nodes)
    assert why in looks_like_production(there, 10)
    check_cluster(there, named=True, limit=10)
    if not why:
        assert looks_like_production(there, 10) == ""
        check_cluster(there, named=False, limit=10)
        return
    with pytest.raises(Refused) as refused:
        check_cluster(there, named=False, limit=10)
    assert f"--context {context}" in refused.value.help


def _namespace(labels: dict[str, str], phase: str = "Active") -> dict[str, Any]:
    return {"metadata": {"name": "x", "labels": labels}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("body", "named", "refusal"),
    [
        pytest.param(None, False, "", id="not-there"),
        pytest.param(_namespace({MANAGED_BY: COURSE}), False, "", id="ours"),
        pytest.param(_namespace({}), True, "", id="named"),
        pytest.param(_namespace({}), False, "the course did not make it", id="not-ours"),
        pytest.param(_namespace({MANAGED_BY: "Helm"}), False, "the course did not make it", id="of-another"),
        pytest.param(_namespace({MANAGED_BY: COURSE}, "Terminating"), True, "is being deleted", id="on-its-way-out"),
    ],
)
def test_namespace_is_entered_only_if_ours_or_named(body: dict[str, Any] | None, named: bool, refusal: str) -> None:
    if not refusal:
        check_namespace("x", body, named=named, command="course start lesson-7")
        return
    with pytest.raises(Refused, match=refusal):
        check_namespace("x", body, named=named, command="course start lesson-7")


@pytest.mark.parametrize(
    "entry",
    [entry for entry in LESSONS if (exercise(entry.id) / "solution").exists() and number(entry.id) < 14],
    ids=lambda entry: entry.id,
)
def test_solution_reads_as_well_in_another_namespace(entry: Entry) -> None:
    lesson = entry.load()
    files = [
        (path.name, in_namespace(path.read_text(encoding="utf-8"), "elsewhere").encode())
        for path in manifests(exercise(entry.id) / "solution")
    ]
    report = evaluate(lesson, read_texts(files, namespace="elsewhere", taken_at=NOON))
    assert not [result.objective.id for result in report.results if result.status not in (Status.PASSED, Status.SKIPPED)]
    assert not [result.objective.id for result in report.results if result.verdict.advice]


def test_course_own_namespace_changes_nothing() -> None:
    text = (EXERCISES / "lesson-01-namespaces" / "solution" / "namespace.yaml").read_text(encoding="utf-8")
    assert in_namespace(text, "rag-engine") == text


@pytest.mark.parametrize("entry", LESSONS, ids=lambda entry: entry.id)
def test_every_lesson_has_its_minutes_and_builds_on_earlier_ones_only(entry: Entry) -> None:
    assert MINUTES[entry.id] > 0
    assert all(number(earlier) < number(entry.id) for earlier in builds_on(entry.id))
    assert builds_on(entry.id) or number(entry.id) < 2, "say in app/services/curriculum.py which lessons it builds on"


@pytest.mark.parametrize("entry", LESSONS, ids=lambda entry: entry.id)
def test_what_a_lesson_begins_with_is_labelled_and_in_its_namespace(entry: Entry) -> None:
    for body in needed(Exercise.of(entry.id), "elsewhere", 1):
        metadata = body["metadata"]
        assert metadata["labels"][MANAGED_BY] == COURSE
        assert metadata["name" if body["kind"] == "Namespace" else "namespace"] == "elsewhere"
        applied = yaml.safe_load(metadata["annotations"]["kubectl.kubernetes.io/last-applied-configuration"])
        assert MANAGED_BY not in (applied["metadata"].get("labels") or {}), "or a later apply would take the label away"


def test_first_lessons_begin_with_nothing() -> None:
    assert [needed(Exercise.of(lesson), "rag-engine") for lesson in ("lesson-0", "lesson-1")] == [[], []]


def test_later_solution_of_an_object_wins() -> None:
    bodies = {(body["kind"], body["metadata"]["name"]): body for body in needed(Exercise.of("lesson-12"), "rag-engine")}
    deployment = bodies["Deployment", "rag-engine-api"]
    assert "replicas" not in deployment["spec"], "as lesson 7 leaves it to the HPA"
    assert ("HorizontalPodAutoscaler", "rag-engine-api-hpa") in bodies


def test_kinds_that_may_have_been_made_are_those_of_the_files() -> None:
    found = kinds_of(EXERCISES)
    assert {("apps/v1", "Deployment"), ("v1", "Secret"), ("policy/v1", "PodDisruptionBudget")} <= set(found)
    assert ("v1", "Namespace") not in found
    used = {(body["apiVersion"], body["kind"]) for entry in LESSONS for body in needed(Exercise.of(entry.id), "rag-engine", 3)}
    assert used - {("v1", "Namespace")} <= set(found)


def test_missing_exercise_is_said(tmp_path: Path) -> None:
    with pytest.raises(GradingError, match="lesson-7 has no exercise"):
        Exercise.of("lesson-7", tmp_path)


@pytest.mark.parametrize(
    ("environment", "system", "line"),
    [
        pytest.param({"SHELL": "/bin/bash"}, "posix", "export KUBECONFIG='/a b/c'", id="bash"),
        pytest.param({"SHELL": "/usr/bin/zsh"}, "posix", "export KUBECONFIG='/a b/c'", id="zsh"),
        pytest.param({"SHELL": "/usr/bin/fish"}, "posix", "set -gx KUBECONFIG '/a b/c'", id="fish"),
        pytest.param({"SHELL": "/usr/bin/pwsh"}, "posix", "$env:KUBECONFIG = '/a b/c'", id="powershell-on-linux"),
        pytest.param({}, "nt", "$env:KUBECONFIG = '/a b/c'", id="windows"),
        pytest.param({}, "posix", "export KUBECONFIG='/a b/c'", id="unknown"),
    ],
)
def test_export_is_written_for_the_shell(environment: dict[str, str], system: str, line: str) -> None:
    assert export("KUBECONFIG", "/a b/c", environment, system) == line
