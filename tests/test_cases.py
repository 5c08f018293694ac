"""Every case manifest gets the verdict that its name promises."""

from __future__ import annotations

import pytest

from graders.engine import evaluate
from graders.verdict import Status
from tests.cases import Case, cases


def _ids(case: Case) -> str:
    return case.id


@pytest.mark.parametrize("case", [case for case in cases() if not case.good], ids=_ids)
def test_fault_fails_its_objective_and_no_other(case: Case) -> None:
    report = evaluate(case.lesson, case.snapshot())
    by_id = {result.objective.id: result for result in report.results}
    verdict = by_id[case.objective.id].verdict
    assert verdict.status is Status.FAILED, f"{case.objective.id} is {verdict}"
    assert verdict.evidence is not None
    for text in case.header.get("found", ()):
        assert text in verdict.evidence.found
    for text in case.header.get("expected", ()):
        assert text in verdict.evidence.expected

    broken = {
        result.objective.id: result.verdict
        for result in report.results
        if result.objective is not case.objective and result.status not in (Status.PASSED, Status.SKIPPED, Status.BLOCKED)
    }
    assert not {key for key in broken if not by_id[key].objective.live}, f"it breaks others as well: {broken}"


@pytest.mark.parametrize("case", [case for case in cases() if case.good], ids=_ids)
def test_equal_answer_passes_its_objective(case: Case) -> None:
    report = evaluate(case.lesson, case.snapshot())
    verdict = next(result.verdict for result in report.results if result.objective.id == case.objective.id)
    assert verdict.status is Status.PASSED, f"{case.objective.id} is {verdict}"
    for text in case.header.get("advice", ()):
        assert any(text in advice for advice in verdict.advice), verdict.advice
    if "advice" not in case.header:
        assert not verdict.advice, "an answer that gets advice says so in its header"

    unmet = [
        (result.objective.id, result.verdict)
        for result in report.results
        if result.counts and not result.objective.live and result.status is not Status.PASSED
    ]
    assert not unmet, "a pass- case is a whole answer to its lesson"
