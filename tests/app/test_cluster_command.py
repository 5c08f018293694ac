"""`course cluster`: which tool is used, and what it is asked for. Scripts stand in for kind, k3d, minikube, docker and our own program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from app.services.cluster_tools import KIND_NODES, NAME, TOOLS, create, delete, names_ours
from app.services.cluster_tools import Wish as Wanted
from app.services.practice_cluster import build_command
from tests.app.conftest import Course
from tests.cli.conftest import Ran

pytestmark = pytest.mark.skipif(os.name == "nt", reason="scripts stand in for the tools")


@pytest.fixture
def tools(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, for programs that note their words in calls.txt."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("SHELL", "/bin/bash")
    return folder


def install(folder: Path, name: str, body: str = "") -> Path:
    """Put a program there that notes how it was called, and then does `body`."""
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{folder}/calls.txt"\n{body}\n', encoding="utf-8")
    program.chmod(0o755)
    return program


def calls(folder: Path) -> list[str]:
    file = folder / "calls.txt"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def own(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str = "echo /data/kubeconfig") -> None:
    monkeypatch.setenv("COURSE_PRACTICE_CLUSTER", str(install(folder, "practice-cluster", body)))


def test_our_own_is_used_where_no_tool_is_installed(course: Course, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tools, monkeypatch)
    ran = course("cluster", "up", "--data", "/d", "--port", "6443", "--timeout", "3m")
    assert ran.status == 0
    assert "none of kind, k3d and minikube is installed" in ran.err
    assert ran.out == "export KUBECONFIG=/data/kubeconfig\nkubectl get nodes\n"
    assert calls(tools) == ["practice-cluster up --data /d --port 6443 --timeout 180s"]


@pytest.mark.parametrize("verb", ["up", "down", "status", "load"])
def test_our_own_is_told_that_the_learner_calls_it_by_the_course(
    course: Course, tools: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    own(tools, monkeypatch, f'echo "$PRACTICE_CLUSTER_COMMAND {verb}" >> "{tools}/calls.txt"')
    course("cluster", verb)
    assert calls(tools)[1] == f"course cluster {verb}"


def test_our_own_is_used_where_no_engine_answers(course: Course, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tools, monkeypatch)
    install(tools, "kind")
    install(tools, "docker", "exit 1")
    ran = course("cluster", "up")
    assert "kind is installed, but no container engine answers" in ran.err
    assert [call.split()[0] for call in calls(tools)] == ["docker", "practice-cluster"]


@pytest.mark.parametrize("tool", TOOLS)
def test_installed_tool_with_an_engine_is_used_and_remembered(course: Course, tools: Path, tmp_path: Path, tool: str) -> None:
    install(tools, tool, 'case "$*" in *"kubeconfig get"*) echo "apiVersion: v1";; esac')
    install(tools, "docker", "echo 28.0")
    ran = course("cluster", "up")
    assert ran.status == 0
    file = tmp_path / "data" / "kubernetes-course" / f"{tool}.kubeconfig"
    assert ran.out == f"export KUBECONFIG={file}\nkubectl get nodes\n"
    made = [call for call in calls(tools) if " create " in call or " start " in call]
    assert len(made) == 1
    assert NAME in made[0]
    status = course("cluster", "status")
    assert (status.status, status.out) == (1, f"The cluster of {tool} is not there.\n")
    if tool == "k3d":
        assert file.read_text(encoding="utf-8") == "apiVersion: v1\n"
        assert file.stat().st_mode & 0o077 == 0, "it holds a key"


def test_cluster_that_is_there_is_not_made_again(course: Course, tools: Path) -> None:
    install(tools, "kind", f'case "$*" in "get clusters") echo other; echo {NAME};; esac')
    install(tools, "docker", "echo 28.0")
    ran = course("cluster", "up", "--with", "kind")
    assert "kind has the course's cluster already." in ran.err
    assert any(call.startswith("kind export kubeconfig") for call in calls(tools))
    assert not any("create" in call for call in calls(tools))


@pytest.mark.parametrize("tool", TOOLS)
def test_down_deletes_nothing_but_the_course_s_cluster(course: Course, tools: Path, tool: str) -> None:
    install(tools, tool, "echo other")
    install(tools, "docker", "echo 28.0")
    ran = course("cluster", "down", "--with", tool)
    assert (ran.status, "nothing was done" in ran.out) == (0, True)
    assert not any("delete" in call for call in calls(tools))
    for call in delete(tool, Path("/k")):
        assert NAME in call.argv


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        pytest.param("down --delete --data /d", "down --data /d --delete", id="down"),
        pytest.param("status --json", "status --json", id="status"),
        pytest.param("load 150 -n team-a --deployment api", "load 150 --namespace team-a --deployment api", id="load"),
        pytest.param("load off", "load off", id="load-off"),
        pytest.param("images add rag-engine:v2", "images add rag-engine:v2", id="images"),
    ],
)
def test_words_are_passed_on_to_our_own(course: Course, tools: Path, monkeypatch: pytest.MonkeyPatch, verb: str, words: str) -> None:
    own(tools, monkeypatch, "exit 1")
    assert course("cluster", *verb.split()).status == 1, "its status is ours"
    assert calls(tools) == [f"practice-cluster {words}"]


def test_load_is_short_for_cluster_load(course: Course, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tools, monkeypatch)
    assert course("load", "150", "-n", "team-a").status == 0
    assert calls(tools) == ["practice-cluster load 150 --namespace team-a"]


def test_load_on_another_cluster_is_a_job_that_restricted_namespaces_admit(course: Course) -> None:
    from graders.semantics.pod_security import violations

    job = yaml.safe_load(course("load", "150", "--with", "kind", "-n", "team-a").out)
    template = job["spec"]["template"]
    assert job["metadata"]["namespace"] == "team-a"
    assert "150" in template["spec"]["containers"][0]["args"]
    assert violations("restricted", template["metadata"], template["spec"], "latest") == ()
    assert "kubectl delete job load" in course("load", "off", "--with", "kind").out


def test_failure_of_up_is_passed_on_and_nothing_remembered(
    course: Course, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(tools, monkeypatch, "echo 'port 6443 is taken' >&2; exit 1")
    ran = course("cluster", "up")
    assert (ran.status, ran.out) == (1, "")
    assert "port 6443 is taken" in ran.err
    assert not (tmp_path / "data" / "kubernetes-course" / "cluster.json").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(("up", "--with", "kind"), "kind is not installed.", id="not-installed"),
        pytest.param(("images", "add", "--with", "kind"), "kind is not installed.", id="images"),
    ],
)
def test_tool_that_is_not_there_is_said(course: Course, tools: Path, argv: tuple[str, ...], message: str) -> Ran | None:
    ran = course("cluster", *argv)
    assert (ran.status, message in ran.err) == (3, True)
    return None


@pytest.mark.parametrize("given", ["/nowhere/at-all", "folder", "text"])
def test_setting_that_names_no_program_is_said(course: Course, home: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    (home / "folder").mkdir()
    (home / "text").write_text("no program", encoding="utf-8")
    monkeypatch.setenv("COURSE_PRACTICE_CLUSTER", given)
    ran = course("cluster", "status")
    assert (ran.status, "which is no program" in ran.err) == (2, True)


def test_program_of_another_machine_is_said(course: Course, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tools / "alien"
    program.write_bytes(b"\x00\x01\x02")
    program.chmod(0o755)
    monkeypatch.setenv("COURSE_PRACTICE_CLUSTER", str(program))
    for verb in ("up", "status"):
        ran = course("cluster", verb)
        assert (ran.status, "cannot be started" in ran.err) == (3, True)


@pytest.mark.parametrize(
    ("tool", "output", "ours"),
    [
        ("kind", f"other\n{NAME}\n", True),
        ("kind", f"{NAME}-2\nmy-{NAME}\n", False),
        ("kind", "No kind clusters found.\n", False),
        ("k3d", f"{NAME}   1/1   2/2   true\n", True),
        ("k3d", "", False),
        ("minikube", f'{{"valid": [{{"Name": "{NAME}"}}]}}', True),
        ("minikube", '{"valid": null}', False),
        ("minikube", "not json", False),
    ],
)
def test_our_cluster_is_told_from_others(tool: str, output: str, ours: bool) -> None:
    assert names_ours(tool, output) is ours


def test_kind_and_k3d_make_three_nodes_and_keep_to_their_kubeconfig() -> None:
    wish = Wanted(Path("/k"), "1.36.3", 60)
    (kind,) = create("kind", wish)
    assert len(yaml.safe_load(KIND_NODES)["nodes"]) == 3
    assert kind.argv[-4:] == ("--image", "kindest/node:v1.36.3", "--kubeconfig", "/k")
    made, written = create("k3d", wish)
    assert "--kubeconfig-update-default=false" in made.argv
    assert written.writes == Path("/k")
    (minikube,) = create("minikube", wish)
    assert minikube.kubeconfig == Path("/k")
    (merged,) = create("kind", Wanted(None, None, 60))
    assert "--kubeconfig" not in merged.argv


def test_build_passes_the_version_on() -> None:
    assert build_command("1.36")[-2:] == ["--kubernetes", "1.36"]
    assert build_command(None)[-1].endswith("build.py")


def test_cluster_of_an_earlier_state_of_the_source_can_be_stopped(course: Course, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tools / "kubernetes-course"
    cache.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tools))
    missing = course("cluster", "down")
    assert (missing.status, "There is no practice cluster" in missing.err) == (3, True)
    install(cache, "practice-cluster-0123456789abcdef")
    assert course("cluster", "down").status == 0
    assert course("cluster", "up").status == 3, "a new one is made from the source as it is"
