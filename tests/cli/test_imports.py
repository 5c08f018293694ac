"""What a run loads: start-up is felt at every save, so a run on files loads no cluster client and one lesson."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graders.lessons import LESSONS
from tests.cases import ROOT
from tests.cli.conftest import environment

HEAVY = ("kubernetes", "asyncio", "urllib.request", "http.client", "email", "logging", "pydantic", "unittest", "concurrent.futures", "ssl")


def loaded(*argv: str) -> set[str]:
    """The modules in memory after `grade` has run with these arguments."""
    code = "import sys; from graders.cli import main; main(sys.argv[1:]); print(*sys.modules, sep='\\n', file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code, *argv], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    return set(ran.stderr.splitlines())


@pytest.mark.parametrize("form", ["text", "json", "junit", "markdown"])
def test_run_on_files_loads_no_cluster_client_and_one_lesson(good: Path, form: str) -> None:
    modules = loaded("1", "-f", str(good), "--format", form)
    assert not modules & set(HEAVY)
    assert {entry.module for entry in LESSONS if f"graders.lessons.{entry.module}" in modules} == {"lesson_01_namespaces"}


@pytest.mark.parametrize("argv", [("--version",), ("--help",), ("--list",)], ids=" ".join)
def test_answers_that_need_no_lesson_load_none(argv: tuple[str, ...]) -> None:
    modules = loaded(*argv)
    assert not [entry.module for entry in LESSONS if f"graders.lessons.{entry.module}" in modules]
    assert not modules & {"yaml", "kubernetes", "graders.sources.manifests"}


def test_explaining_loads_its_lesson_only() -> None:
    modules = loaded("1", "--explain", "app-label")
    assert [entry.module for entry in LESSONS if f"graders.lessons.{entry.module}" in modules] == ["lesson_01_namespaces"]
    assert not modules & {"yaml", "kubernetes"}
