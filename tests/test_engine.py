"""The engine: which verdict an objective gets, whatever its check does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.objective import Lesson, Objective, objective, owns
from graders.report import Report
from graders.snapshot import K8sObject, NotReadable, Problem, Snapshot
from graders.verdict import Status, Verdict, failed, passed, pending, skipped, unknown
from tests.cases import NOON

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "rag-engine"}, "data": {"a": "1"}}


def asking(id: str, answer: Any, **options: Any) -> Objective:
    """An objective whose check gives `answer`, or raises it."""

    def check(snapshot: Snapshot) -> Verdict:
        if isinstance(answer, Exception):
            raise answer
        verdict: Verdict = answer(snapshot) if callable(answer) else answer
        return verdict

    return objective(id, f"The {id} of {{namespace}}", hints=("look here", "look there"), docs="https://kubernetes.io/docs/", **options)(
        check
    )


def grade(*objectives: Objective, snapshot: Snapshot | None = None) -> Report:
    return evaluate(Lesson("lesson-x", "X", ("ConfigMap",), objectives), snapshot or Snapshot.of([CONFIG], taken_at=NOON))


def no(snapshot: Snapshot) -> Verdict:
    return failed(snapshot.own("ConfigMap", "settings").at("data.a"), expected="2", found="1")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(passed(), Status.PASSED, id="passed-lets-it-be-judged"),
        pytest.param(no, Status.BLOCKED, id="failed-blocks"),
        pytest.param(lambda s: pending(s.own("ConfigMap", "settings"), expected="", found=""), Status.BLOCKED, id="pending-blocks"),
        pytest.param(unknown("denied"), Status.UNKNOWN, id="unknown-is-not-the-learners-fault-further-down-either"),
        pytest.param(skipped("not here"), Status.SKIPPED, id="skipped-skips"),
    ],
)
def test_need_decides_whether_an_objective_is_judged(first: Any, second: Status) -> None:
    need = asking("need", first)
    report = grade(need, asking("dependent", passed(), needs=(need,)))
    assert report.results[1].status is second


def test_blocked_names_the_need() -> None:
    need = asking("need", no)
    report = grade(need, asking("dependent", passed(), needs=(need,)))
    assert report.results[1].verdict.reason == "First: need."


@pytest.mark.parametrize(
    "error", [ValueError("x"), KeyError("x"), RecursionError(), LookupError("x")], ids=lambda error: type(error).__name__
)
def test_broken_check_is_unknown_and_says_that_it_is_our_fault(error: Exception) -> None:
    (result,) = grade(asking("broken", error)).results
    assert result.status is Status.UNKNOWN
    assert "fault of the course" in str(result.verdict.reason)


def test_kind_that_could_not_be_read_is_unknown_with_the_reason() -> None:
    (result,) = grade(asking("denied", NotReadable("Secret", "Access denied. Check with: kubectl auth can-i list secrets"))).results
    assert (result.status, result.verdict.reason) == (Status.UNKNOWN, "Access denied. Check with: kubectl auth can-i list secrets")


@pytest.mark.parametrize(("kind", "status"), [("manifests", Status.SKIPPED), ("cluster", Status.FAILED)])
def test_absent_related_object_depends_on_the_source(kind: str, status: Status) -> None:
    ask = asking("related", lambda snapshot: passed() if snapshot.related("Service", "api") else no(snapshot))
    (result,) = grade(ask, snapshot=Snapshot.of([CONFIG], taken_at=NOON, kind=kind)).results
    assert result.status is status
    assert "Service/api" in str(result.verdict)


def test_live_objective_is_skipped_on_manifests_and_does_not_count() -> None:
    report = grade(asking("live", no, live=True), asking("other", passed()))
    assert report.results[0].status is Status.SKIPPED
    assert (report.passed, report.counted, report.complete) == (1, 1, True)


def test_bonus_never_counts() -> None:
    report = grade(asking("bonus", no, bonus=True), asking("other", passed()))
    assert (report.passed, report.counted, report.complete, report.exit_code) == (1, 1, True, 0)


def test_report_of_skipped_objectives_alone_is_not_complete() -> None:
    report = grade(asking("live", no, live=True))
    assert (report.counted, report.complete, report.exit_code) == (0, False, 1)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        pytest.param([passed(), passed()], 0, id="all-passed"),
        pytest.param([passed(), no], 1, id="one-failed"),
        pytest.param([passed(), unknown("denied")], 3, id="only-unknown-is-missing"),
        pytest.param([no, unknown("denied")], 1, id="failed-beside-unknown"),
    ],
)
def test_exit_code(verdicts: list[Any], code: int) -> None:
    assert grade(*(asking(f"o{index}", verdict) for index, verdict in enumerate(verdicts))).exit_code == code


@pytest.mark.parametrize(
    ("path", "broken"),
    [
        pytest.param(("data", "b", "c"), "b", id="closest-owner"),
        pytest.param(("data", "z"), "data", id="owner-of-the-parent"),
        pytest.param(("metadata", "name"), "exists", id="owner-of-the-object"),
        pytest.param(("items", 3, "key"), "key", id="any-index"),
        pytest.param(("metrics", 1, "value"), "memory", id="item-with-that-field"),
        pytest.param(("metrics", 0, "value"), "exists", id="item-without-that-field"),
    ],
)
def test_rejected_place_fails_exactly_its_owner(path: tuple[str | int, ...], broken: str) -> None:
    problem = Problem("`b` is no field", path=path, found="`b`", line=7, file="config.yaml")
    item = K8sObject.of({**CONFIG, "metrics": [{"of": {"name": "cpu"}}, {"of": {"name": "memory"}}]}, problems=(problem,))
    objectives = [
        asking("exists", passed(), owned=owns("ConfigMap", "settings")),
        asking("data", passed(), owned=owns("ConfigMap", "*", "data")),
        asking("b", passed(), owned=owns("ConfigMap", "settings", "data.b")),
        asking("key", passed(), owned=owns("ConfigMap", "settings", "items[].key")),
        asking("memory", passed(), owned=owns("ConfigMap", "*", "metrics[of.name=memory]")),
        asking("other-object", passed(), owned=owns("ConfigMap", "elsewhere", "data.b.c")),
    ]
    base = Snapshot.of([], taken_at=NOON)
    report = grade(*objectives, snapshot=Snapshot(base.source, (item,), NOON))
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [broken]
    (failure,) = [result.verdict.evidence for result in report.results if result.verdict.evidence]
    assert (failure.object, failure.line, failure.file) == ("ConfigMap/settings", 7, "config.yaml")


@pytest.mark.parametrize(
    ("unknown_field", "told"), [pytest.param(False, "no data", id="wrong-value"), pytest.param(True, "`dta`", id="misspelt-field")]
)
def test_objective_says_in_its_own_words_what_is_rejected_unless_a_field_is_not_known(unknown_field: bool, told: str) -> None:
    problem = Problem("`dta` is no field", path=("data",), found="`dta`", unknown_field=unknown_field)
    item = K8sObject.of(CONFIG, problems=(problem,))
    own = failed(item.at("data"), expected="data", found="no data")
    base = Snapshot.of([], taken_at=NOON)
    report = grade(asking("data", own, owned=owns("ConfigMap", "*", "data")), snapshot=Snapshot(base.source, (item,), NOON))
    (evidence,) = [result.verdict.evidence for result in report.results]
    assert evidence is not None
    assert evidence.found == told


def test_wrong_shape_explains_what_is_missing_inside_it() -> None:
    problem = Problem("`data` must be a map", path=("data",), found="a list")
    item = K8sObject.of({**CONFIG, "data": []}, problems=(problem,))
    own = failed(item.at("data.a"), expected="a", found="no `a`")
    base = Snapshot.of([], taken_at=NOON)
    report = grade(asking("data", own, owned=owns("ConfigMap", "*", "data")), snapshot=Snapshot(base.source, (item,), NOON))
    (evidence,) = [result.verdict.evidence for result in report.results]
    assert evidence is not None
    assert evidence.found == "a list"


def test_rejected_object_that_another_one_replaces_fails_nothing() -> None:
    first, second = K8sObject.of(CONFIG, problems=(Problem("odd", path=("data",)),)), K8sObject.of(CONFIG)
    base = Snapshot.of([], taken_at=NOON)
    for objects, status in (((first, second), Status.PASSED), ((second, first), Status.FAILED)):
        asked = asking("data", passed(), owned=owns("ConfigMap", "*", "data"))
        report = grade(asked, snapshot=Snapshot(base.source, objects, NOON))
        assert [result.status for result in report.results] == [status]


def test_annotation_with_dots_can_be_owned() -> None:
    (part,) = owns("Ingress", "*", "metadata.annotations['nginx.ingress.kubernetes.io/limit-rps']")
    assert part.steps == ("metadata", "annotations", "nginx.ingress.kubernetes.io/limit-rps")


def test_remark_fails_nothing() -> None:
    item = K8sObject.of(CONFIG, problems=(Problem("odd", path=("data",), rejected=False),))
    base = Snapshot.of([], taken_at=NOON)
    report = grade(asking("exists", passed(), owned=owns("ConfigMap", "*")), snapshot=Snapshot(base.source, (item,), NOON))
    assert report.complete


odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=4
)


@given(st.lists(st.dictionaries(st.sampled_from(["apiVersion", "kind", "metadata", "spec", "data"]), odd_values), max_size=4))
def test_snapshot_takes_objects_of_any_shape_and_judges_them_alike_twice(bodies: list[dict[str, Any]]) -> None:
    snapshot = Snapshot.of(bodies, taken_at=NOON)
    ask = asking("exists", lambda snapshot: passed() if snapshot.find("ConfigMap", "x") else skipped("none"))
    assert grade(ask, snapshot=snapshot) == grade(ask, snapshot=snapshot)
