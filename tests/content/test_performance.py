"""How the commands of a lesson are played: with plain commands of bash, and no cluster."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
import yaml

from app.services.lesson_texts import LessonText
from app.services.markdown_page import read_page
from cluster import build
from tests.cases import exercise
from tests.content import performance
from tests.content.performance import Performance
from tests.content.stage import Shell, solutions_before


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performance, "_AGAIN", 2.0)
    monkeypatch.setattr(performance, "_PAUSE", 0.05)
    monkeypatch.setattr(performance, "_LONGEST", 2.0)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder, tmp_path / "state", {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})


def played(text: str, shell: Shell, stopped: threading.Event | None = None) -> list[str]:
    """What differs when a text is played."""
    lesson = LessonText("lesson-7", "T", 1, path=Path("lesson-07-hpa.md"), page=read_page(text))
    return Performance(lesson, shell, stopped or threading.Event()).run()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("```console\n$ echo a; echo b >&2\na\nb\n```", id="both-streams"),
        pytest.param("```console\n$ echo a\n```", id="output-does-not-matter"),
        pytest.param("```console\n$ cd /\n$ pwd\n/\n```", id="folder-is-kept"),
        pytest.param("```console\n$ export A=1\n$ B='x y'\n$ echo $A $B\n1 x y\n```", id="variables-are-kept"),
        pytest.param("```console\n$ A=1; false || exit 0\n$ echo $A\n1\n```", id="kept-after-exit"),
        pytest.param("```console\n$ cat <<'END'\n> a\n>\n>  $b\n> END\na\n\n $b\n```", id="here-document"),
        pytest.param("```console\n$ echo a \\\n>   b\na b\n```", id="line-continued"),
        pytest.param("```console exit=3\n$ echo a\na\n$ exit 3\n```", id="exit-of-the-last-one"),
        pytest.param("```console exit=1\n$ false\n$ true\n$ false\n```", id="exit-of-earlier-ones"),
        pytest.param("```yaml file=a/b.yaml\na: 1\n```\n\n```console\n$ cat a/b.yaml\na: 1\n```", id="file"),
        pytest.param('```console skip="no cloud"\n$ false\n```', id="skipped"),
        pytest.param("```console any-order\n$ printf 'b\\na\\n'\na\nb\n```", id="any-order"),
        pytest.param("```console\n$ echo x >> a; true\n$ echo x >> a; true\n$ wc -l < a\n2\n```", id="what-writes-runs-once"),
        pytest.param("```console\n$ (sleep 0.5; echo new > a) & true\n$ cat a\nnew\n```", id="what-reads-is-asked-again"),
        pytest.param(
            "```console background\n$ echo a; sleep 0.5; echo b; sleep 60\na\nb\n```\n\n```console\n$ echo c\nc\n```", id="background"
        ),
        pytest.param(
            "```console background\n$ echo a; sleep 60\na\n```\n\n## Next\n\n```console\n$ true\n```", id="stopped-at-the-next-heading"
        ),
        pytest.param("```text\n$ false\n```", id="other-languages-are-not-run"),
    ],
)
def test_good_lesson_has_no_differences(shell: Shell, text: str) -> None:
    assert played(text, shell) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("\n```console\n$ printf 'a\\nc\\n'\na\nb\n```", "it printed something else", id="output"),
        pytest.param("\n```console\n$ rm a\n```", "it ended with status 1, expected 0", id="status"),
        pytest.param("\n```console exit=1\n$ true\n```", "it ended with status 0, expected 1", id="exit"),
        pytest.param("\n```console exit=1\n$ exit 2\n$ false\n```", "it ended with status 2, expected 1", id="exit-of-an-earlier-one"),
        pytest.param("\n```console\n$ sleep 30 & wait\n```", "was stopped, it took too long", id="never-ends"),
        pytest.param("\n```console background\n$ echo a; sleep 60\nb\n```", "it printed something else", id="background"),
    ],
)
def test_difference_names_line_command_expected_and_got(shell: Shell, text: str, told: str) -> None:
    begun = time.monotonic()
    (difference,) = played(text, shell)
    assert difference.startswith("lesson-07-hpa.md:3: $ ")
    assert told in difference
    assert time.monotonic() - begun < 20
    if "printf" in text:
        assert difference.endswith("  the first line that does not agree: b\n  expected:\n    a\n    b\n  got:\n    a\n    c")


def test_lesson_goes_on_after_a_difference(shell: Shell) -> None:
    assert len(played("```console\n$ rm a\n$ echo b\nb\n$ rm c\n```", shell)) == 2


@pytest.mark.parametrize(
    ("minor", "good"),
    [pytest.param("1.36", True, id="that of this run"), pytest.param("1.35", False, id="another"), pytest.param("", False, id="none")],
)
def test_release_of_an_older_cluster_counts_as_the_one_shown(shell: Shell, monkeypatch: pytest.MonkeyPatch, minor: str, good: bool) -> None:
    printed = build.kubernetes_version("1.36")
    monkeypatch.setenv("COURSE_KUBERNETES_VERSION", minor)
    monkeypatch.setattr(performance, "_releases", performance._releases.__wrapped__)
    told = played(f"```console\n$ echo practice-1 {printed}\npractice-1 v1.37…\n```", shell)
    assert not told if good else f"    practice-1 {printed}" in told[0]


def test_stopped_lesson_plays_nothing(shell: Shell) -> None:
    stopped = threading.Event()
    stopped.set()
    assert played("```console\n$ touch a\n```", shell, stopped) == []
    assert not (shell.folder / "a").exists()


def test_lesson_begins_with_the_last_versions_of_what_came_before() -> None:
    assert solutions_before("lesson-1") == []
    bodies = [body for solution in solutions_before("lesson-11") for body in solution]
    named = [(body["kind"], body["metadata"]["name"]) for body in bodies]
    assert named[0] == ("Namespace", "rag-engine")
    assert named.count(("Deployment", "rag-engine-api")) > 1, "its revisions are part of what is left"
    others = [each for each in named if each[0] not in ("Deployment", "Namespace")]
    assert len(others) == len(set(others))
    (qdrant,) = [body for body in bodies if body["kind"] == "StatefulSet"]
    assert qdrant in list(yaml.safe_load_all((exercise("lesson-10") / "solution" / "qdrant.yaml").read_text(encoding="utf-8")))
