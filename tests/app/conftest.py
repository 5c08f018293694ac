"""What the tests of `course` share: a way to run it, folders of its own, and exercises with broken workloads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main
from tests.cases import EXERCISES
from tests.cli.conftest import Ran

Course = Callable[..., Ran]

BROKEN = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  namespace: rag-engine
data:
  variant: {variant}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with no kubeconfig in reach and the course's notes in a folder beside it."""
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("KUBERNETES_SERVICE_HOST", "COURSE_PRACTICE_CLUSTER", "COURSE_MAX_NODES"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def course(home: Path, capfd: pytest.CaptureFixture[str]) -> Course:
    """`course` in this process, in the folder `home`."""

    def run(*argv: str) -> Ran:
        capfd.readouterr()
        status = main(argv)
        shown = capfd.readouterr()
        return Ran(status, shown.out, shown.err)

    return run


@pytest.fixture
def broken_workloads(tmp_path: Path) -> Path:
    """A folder of exercises in which lesson 14 has two objectives, one with two variants and one with eight."""
    root = tmp_path / "exercises"
    for name in ("lesson-01-namespaces", "lesson-02-configmaps", "lesson-03-secrets"):
        shutil.copytree(EXERCISES / name, root / name)
    folder = root / "lesson-14-troubleshooting"
    for objective, count in (("pending-claim", 2), ("image-pull", 8)):
        (folder / "seeds" / objective).mkdir(parents=True)
        for number in range(count):
            text = BROKEN.format(name=objective, variant=f"variant-{number}")
            (folder / "seeds" / objective / f"variant-{number}.yaml").write_text(text, encoding="utf-8")
    (folder / "task.md").write_text("# Mend it\n", encoding="utf-8")
    return root
