"""How `course` answers to what is typed, before it does anything."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from app.commands import COMMANDS
from tests.app.conftest import Course
from tests.cases import ROOT
from tests.cli.conftest import environment


@pytest.mark.parametrize(
    ("line", "message", "help"),
    [
        pytest.param("lst", "There is no command `lst`. Did you mean list?", "course --help", id="command"),
        pytest.param("grade 7", "There is no command `grade`. Grading is a command of its own: grade.", "course --help", id="grading"),
        pytest.param("--verbose", "There is no option `--verbose`.", "course --help", id="option-before-the-command"),
        pytest.param("start", "The following arguments are required: LESSON.", "course start --help", id="start-what"),
        pytest.param("start hpaa", "There is no lesson `hpaa`. Did you mean hpa?", "grade --list", id="lesson"),
        pytest.param("start 99", "There is no lesson 99;", "grade --list", id="number"),
        pytest.param("start 7 8", "`8` is one word too many.", "course start --help", id="two-lessons"),
        pytest.param("start 7 --file-only", "There is no option `--file-only`. Did you mean --files-only?", "start --help", id="flag"),
        pytest.param("start 7 -n Rag_Engine", "-n/--namespace: `Rag_Engine` cannot be a namespace", "start --help", id="namespace"),
        pytest.param("start 14x --seed 1", "There is no lesson `14x`.", "grade --list", id="no-number"),
        pytest.param("start 7 --seed x", "--seed: `x` is no whole number from 0 to 999999", "start --help", id="seed"),
        pytest.param("start 7 --seed 1", "lesson-7 has no variants to draw from.", "--seed", id="seed-without-variants"),
        pytest.param("start 7 --again", "lesson-7 has no variants to draw from.", "--again", id="again-without-variants"),
        pytest.param("start 7 --timeout soon", "--timeout: `soon` is no duration.", "start --help", id="duration"),
        pytest.param("hint 7 cpu-targt", "has no objective `cpu-targt`. Did you mean cpu-target?", "grade lesson-7 --list", id="objective"),
        pytest.param("hint 7", "Which objective? KUBECONFIG names", "course hint lesson-7 hpa-exists", id="hint-for-what"),
        pytest.param("list --format yaml", "--format: `yaml` is none of text, json.", "list --help", id="format"),
        pytest.param("cluster uo", "VERB: `uo` is none of up, down, status, build, load, images.", "cluster --help", id="verb"),
        pytest.param("cluster up now", "`now` is one word too many.", "cluster --help", id="word-after-verb"),
        pytest.param("cluster up --with knd", "`knd` is none of practice, kind, k3d, minikube. Did you mean kind?", "--help", id="tool"),
        pytest.param("load --with kind", "How many requests a second?", "course load 150", id="load-of-what"),
        pytest.param("load many --with kind", "How many requests a second?", "course load 150", id="load-of-a-word"),
        pytest.param("rbac --user a --group b", "--user, --group and --serviceaccount: one of them", "once for each", id="two-subjects"),
        pytest.param("rbac --serviceaccount a:b:c", "`a:b:c` cannot be a ServiceAccount", "NAMESPACE:NAME", id="serviceaccount"),
        pytest.param("rbac --user ''", "The name is empty", "kubectl auth whoami", id="nobody"),
    ],
)
def test_slip_is_exit_2_with_what_to_do(course: Course, line: str, message: str, help: str) -> None:
    ran = course(*shlex.split(line))
    assert (ran.status, ran.out) == (2, "")
    first, *rest = ran.err.splitlines()
    assert message in first
    assert help in " ".join(rest)


def test_overview_names_every_command(course: Course) -> None:
    ran = course("--help")
    assert (ran.status, ran.err) == (0, "")
    assert all(f"  {name} " in ran.out for name in COMMANDS)
    assert course().out == ran.out
    assert course().status == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_that_fits(course: Course, name: str) -> None:
    ran = course(name, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"usage: course {name}")
    assert max(len(line) for line in ran.out.splitlines()) <= 80
    assert course("help", name).out == ran.out


@pytest.mark.parametrize("argv", [("--help",), ("list",), ("start", "7", "--files-only"), ("rbac",)], ids=" ".join)
def test_what_needs_no_cluster_loads_no_client(home: object, argv: tuple[str, ...]) -> None:
    code = "import sys; from app.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run(
        [sys.executable, "-c", code, *argv], env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True, check=True
    )
    assert not {"kubernetes", "urllib3", "http.client"} & set(ran.stderr.split())


def test_list_counts_what_each_lesson_asks(course: Course) -> None:
    import json

    ran = course("list", "--format", "json")
    lessons = {lesson["id"]: lesson for lesson in json.loads(ran.out)["lessons"]}
    assert lessons["lesson-7"] == {
        "id": "lesson-7",
        "title": "Horizontal Pod Autoscaling",
        "minutes": 40,
        "objectives": 10,
        "bonus": 1,
        "live": 1,
    }
    assert "lesson-7   Horizontal Pod Autoscaling: 40 min, 10 objectives" in course("list").out
