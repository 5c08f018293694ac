"""The completion scripts, driven by the shell itself where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from graders.lessons import LESSONS, all_lessons
from graders.terminal.arguments import COMMANDS, FORMATS, flags
from graders.terminal.completion import script
from tests.cli.conftest import Grade, environment

BASH = shutil.which("bash")
OBJECTIVES = {objective.id for lesson in all_lessons() for objective in lesson.objectives}


def complete(*words: str, folder: Path | None = None) -> list[str]:
    """What bash offers for the last of these words."""
    assert BASH is not None
    drive = f'{script("bash")}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _grade; printf \'%s\\n\' "${{COMPREPLY[@]}}"'
    ran = subprocess.run(
        [BASH, "--norc", "-uc", drive, "bash", "grade", *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not ran.stderr
    return [line for line in ran.stdout.splitlines() if line]


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param(["hp"], ["hpa"], id="lesson-name"),
        pytest.param(["7", "--form"], ["--format"], id="flag"),
        pytest.param(["7", "--format", ""], list(FORMATS), id="formats"),
        pytest.param(["7", "--format", "j"], ["json", "junit"], id="formats-begun"),
        pytest.param(["7", "--format", "="], list(FORMATS), id="formats-after-an-equals-sign"),
        pytest.param(["7", "--format", "=", "m"], ["markdown"], id="formats-begun-after-an-equals-sign"),
        pytest.param(["7", "--explain", "cpu-t"], ["cpu-target"], id="objective"),
        pytest.param(["--completion", ""], ["bash", "zsh", "fish"], id="shells"),
        pytest.param(["--kubernetes", ""], ["1.36", "1.37"], id="versions"),
        pytest.param(["7", "--timeout", ""], [], id="free-value"),
        pytest.param(["nothing"], [], id="nothing"),
    ],
)
def test_bash_offers_what_may_follow(words: list[str], offered: list[str]) -> None:
    assert complete(*words) == offered


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_bash_offers_every_lesson_flag_and_objective() -> None:
    assert {name for entry in LESSONS for name in (entry.id, *entry.names)} | {"all", *COMMANDS} == set(complete(""))
    assert set(complete("7", "-")) == set(flags())
    assert set(complete("7", "--explain", "")) == OBJECTIVES


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_bash_offers_files_with_spaces_in_one_piece(tmp_path: Path) -> None:
    (tmp_path / "my file.yaml").touch()
    (tmp_path / "my folder").mkdir()
    assert sorted(complete("7", "-f", "my", folder=tmp_path)) == ["my file.yaml", "my folder"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_holds_all_there_is_and_parses(grade: Grade, shell: str, tmp_path: Path) -> None:
    ran = grade("--completion", shell)
    assert (ran.status, ran.err) == (0, "")
    for word in (*OBJECTIVES, *(entry.names[0] for entry in LESSONS), *FORMATS):
        assert word in ran.out
    binary = shutil.which(shell)
    if binary is not None:
        path = tmp_path / "script"
        path.write_text(ran.out, encoding="utf-8")
        subprocess.run([binary, "-n", path], check=True)


def test_fish_names_flags_as_fish_does() -> None:
    lines = script("fish").splitlines()
    assert "complete -c grade -s f -r -F -d 'manifests instead of a cluster'" in lines
    assert "complete -c grade -l watch -d 'again whenever the files or the cluster change'" in lines


def test_quotes_are_balanced_for_zsh_and_fish() -> None:
    for shell in ("zsh", "fish"):
        assert all(line.count("'") % 2 == 0 for line in script(shell).splitlines() if not line.startswith("#"))
