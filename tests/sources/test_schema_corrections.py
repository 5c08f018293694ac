"""Corrections that are certain: what to write in place of which word, where nothing but the word is wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from graders.render.json import report_data
from graders.report import Report
from graders.snapshot import Problem, Source, Suggestion
from graders.sources.manifests import read_texts

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n    - name: a\n      image: b:1\n"


def problems(text: str) -> list[Problem]:
    snapshot = read_texts([("a.yaml", text.encode())], namespace="rag-engine", taken_at=NOON)
    return [problem for item in snapshot.objects for problem in item.problems]


@pytest.mark.parametrize(
    ("text", "line", "suggestion"),
    [
        pytest.param(POD + "      livenesProbe: {}\n", 9, Suggestion("livenesProbe", "livenessProbe"), id="misspelt"),
        pytest.param(POD.replace("image:", "Image:"), 8, Suggestion("Image", "image"), id="case"),
        pytest.param(POD + "      image_pull_policy: Always\n", 9, Suggestion("image_pull_policy", "imagePullPolicy"), id="underscores"),
        pytest.param(POD.replace("kind: Pod", "Kind: Pod"), 2, Suggestion("Kind", "kind"), id="kind-in-the-wrong-case"),
        pytest.param(POD.replace("kind: Pod", "kind: Pdo"), None, None, id="kind-that-could-be-several"),
        pytest.param("apiVersion: v1\nkind: ConfigMaps\nmetadata: {name: a}\n", 2, Suggestion("ConfigMaps", "ConfigMap"), id="plural"),
        pytest.param("apiVersion: v1\nkind: Deploymnt\nmetadata: {name: a}\n", 2, None, id="kind-of-another-version"),
        pytest.param(POD + "      livenesProbe: {}\n      livenessProbe: {}\n", 9, None, id="the-right-one-is-there-too"),
        pytest.param(POD + "  replicas: 1\n", 9, None, id="not-known-here"),
        pytest.param(POD + "      hostNetwork: true\n", 9, None, id="in-the-wrong-place"),
        pytest.param(POD + "      nonsense: 1\n", 9, None, id="like-nothing"),
    ],
)
def test_certain_corrections_are_given(text: str, line: int | None, suggestion: Suggestion | None) -> None:
    found = problems(text)
    if line is None:
        assert all(problem.suggestion is None for problem in found)
        return
    first = next(problem for problem in found if problem.line == line)
    assert first.suggestion == suggestion
    if suggestion:
        assert suggestion.written in text.split("\n")[line - 1]
        corrected = text.split("\n")
        corrected[line - 1] = corrected[line - 1].replace(suggestion.written, suggestion.instead, 1)
        assert not any(problem.unknown_field or problem.suggestion for problem in problems("\n".join(corrected)))


def test_json_report_is_as_it_was() -> None:
    problem = Problem("`a` is no field", "a.yaml", 1, suggestion=Suggestion("a", "b"))
    report = Report("lesson-7", "HPA", Source("manifests", "rag-engine", ("a.yaml",)), NOON, (), (problem,))
    assert report_data(report)["problems"] == [{"file": "a.yaml", "line": 1, "column": None, "message": "`a` is no field"}]
