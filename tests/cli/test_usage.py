"""How the command answers to what is typed, before it reads anything."""

from __future__ import annotations

import re
import shlex

import pytest

from graders.errors import UsageError
from graders.lessons import LESSONS, all_lessons
from graders.terminal.arguments import flags, parse
from graders.terminal.explaining import explain
from graders.terminal.names import find_lessons
from tests.cli.conftest import Grade


@pytest.mark.parametrize(
    ("line", "message", "help"),
    [
        pytest.param("", "Which lesson?", "grade lesson-1", id="nothing"),
        pytest.param("''", "Which lesson?", "grade lesson-1", id="empty-word"),
        pytest.param("7 --fromat json", "There is no option `--fromat`. Did you mean --format?", "--help", id="flag"),
        pytest.param("7 --fromat=json", "There is no option `--fromat`. Did you mean --format?", "--help", id="flag-with-value"),
        pytest.param("7 -x", "There is no option `-x`.", "--help", id="short-flag"),
        pytest.param("7 --hint", "There is no option `--hint`. Did you mean --hints?", "--help", id="flags-are-not-abbreviated"),
        pytest.param("7 --format jsn", "--format: `jsn` is none of text, json, junit, markdown. Did you mean json?", "--help", id="format"),
        pytest.param("7 --kubernetes 1.35", "--kubernetes: `1.35` is none of 1.36, 1.37.", "--help", id="version"),
        pytest.param("--completion powershell", "--completion: `powershell` is none of bash, zsh, fish.", "--help", id="shell"),
        pytest.param("7 --timeout soon", "--timeout: `soon` is no duration. Write for example 10s", "--help", id="duration"),
        pytest.param("7 -n Rag_Engine", "-n/--namespace: `Rag_Engine` cannot be a namespace", "--help", id="namespace"),
        pytest.param("7 --format", "--format: expected one argument.", "--help", id="missing-value"),
        pytest.param("7 hpa", "One lesson at a time: `7` or `hpa`?", "grade all", id="two-lessons"),
        pytest.param("7 -f a.yaml b.yaml", "`b.yaml` stands alone: each file takes its own -f.", "-f b.yaml", id="files-of-a-glob"),
        pytest.param("7 -f a.yaml --context x", "-f grades manifests; --context", "one or the other", id="files-and-context"),
        pytest.param("7 -f a.yaml --kubeconfig x", "-f grades manifests;", "one or the other", id="files-and-kubeconfig"),
        pytest.param("7 -f a.yaml --wait 5s", "--wait is for clusters", "--watch", id="files-and-wait"),
        pytest.param("7 --watch --wait 5s", "--watch goes on until it is stopped", "one or the other", id="watch-and-wait"),
        pytest.param("7 -f - --watch", "Standard input cannot be watched.", "-f", id="watch-of-stdin"),
        pytest.param("7 -f - -f -", "Standard input can be read once.", "-f -", id="stdin-twice"),
        pytest.param("7 --watch --format junit", "--watch cannot print junit", "text or json", id="watch-of-a-document"),
        pytest.param(
            "--explain cpu-targt", "There is no objective `cpu-targt`. Did you mean cpu-target?", "grade all --list", id="objective"
        ),
        pytest.param(
            "1 --explain cpu-target", "Namespaces (lesson-1) has no objective `cpu-target`.", "grade 1 --list", id="of-another-lesson"
        ),
        pytest.param("--explain hpaa/x", "There is no lesson `hpaa`. Did you mean hpa?", "--list", id="lesson-of-an-objective"),
        pytest.param("nope", "There is no lesson `nope`.", "grade --list", id="lesson"),
        pytest.param("nope --list", "There is no lesson `nope`.", "grade --list", id="lesson-to-list"),
    ],
)
def test_slip_is_exit_2_with_what_to_do(grade: Grade, line: str, message: str, help: str) -> None:
    ran = grade(*shlex.split(line))
    assert (ran.status, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert message in first
    assert help in second


def test_help_prints_every_flag_and_the_exit_statuses(grade: Grade) -> None:
    ran = grade("--help")
    assert (ran.status, ran.err) == (0, "")
    assert all(flag in ran.out for flag in flags())
    assert "3  it could not be judged" in ran.out
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert grade("-h", "--bogus").out == ran.out


def test_examples_of_the_help_are_right(grade: Grade) -> None:
    examples = re.findall(r"^  grade (.+?)(?:\s{3,}.*)?$", grade("--help").out, re.MULTILINE)
    assert len(examples) == 9
    for example in examples:
        options = parse(shlex.split(example))
        assert options.command or find_lessons(options.lesson)
        assert options.command or options.explain is None or explain(options) == 0


def test_version_is_that_of_the_package(grade: Grade) -> None:
    ran = grade("--version")
    assert ran.status == 0
    assert re.fullmatch(r"grade \d+\.\d+\.\d+\S*\n", ran.out)


def test_list_names_every_lesson_and_its_other_names(grade: Grade) -> None:
    ran = grade("--list")
    assert (ran.status, ran.err) == (0, "")
    assert [line.split()[0] for line in ran.out.splitlines() if line.startswith("lesson")] == [entry.id for entry in LESSONS]
    assert "hpa" in ran.out


def test_list_of_a_lesson_names_its_objectives(grade: Grade) -> None:
    ran = grade("ns", "--list", "-n", "mine")
    assert [line.split()[0] for line in ran.out.splitlines()] == ["namespace-exists", "environment-label", "app-label", "context-namespace"]
    assert "Namespace mine exists" in ran.out
    assert "(on a cluster only)" in ran.out.splitlines()[-1]


def test_list_of_all_gives_names_that_explain_takes(grade: Grade) -> None:
    names = [line.split()[0] for line in grade("all", "--list").out.splitlines() if line.startswith("lesson")]
    assert len(names) == sum(len(lesson.objectives) for lesson in all_lessons())
    assert grade("--explain", names[-1]).out.splitlines()[0].endswith(names[-1])


@pytest.mark.parametrize(
    "line", ["lesson-1 --explain app-label", "--explain lesson-1/app-label", "--explain app-label", "--explain NS/APP-LABEL"], ids=str
)
def test_explain_tells_all_about_an_objective_without_a_cluster(grade: Grade, line: str) -> None:
    ran = grade(*line.split(), "-n", "mine")
    assert (ran.status, ran.err) == (0, "")
    rows = dict(row.split(maxsplit=1) for row in ran.out.splitlines() if not row.startswith(" "))
    assert rows["objective"] == "lesson-1/app-label"
    assert rows["asks"] == "It is labelled `app: rag-engine`"
    assert rows["needs"] == "namespace-exists"
    assert rows["reads"] == "Namespace"
    assert rows["docs"].startswith("https://kubernetes.io/docs/")
    assert ran.out.count("\nhint") == 2


def test_every_objective_can_be_explained(grade: Grade) -> None:
    for lesson in all_lessons():
        for objective in lesson.objectives:
            out = grade("--explain", f"{lesson.id}/{objective.id}").out
            assert objective.docs in out
            assert "{namespace}" not in out


def test_usage_error_of_the_parser_never_exits_the_process() -> None:
    with pytest.raises(UsageError):
        parse(["--wait"])
