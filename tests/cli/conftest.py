"""What the tests of `grade` share: a way to run it, in this process and as a process of its own, and manifests to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from graders.cli import main
from tests.cases import ROOT

GOOD = """\
apiVersion: v1
kind: Namespace
metadata:
  name: rag-engine
  labels:
    environment: production
    app: rag-engine
"""
HALF = GOOD.replace("    app: rag-engine\n", "")
BROKEN = "kind: [\n"


@dataclass(frozen=True)
class Ran:
    """What a run left behind."""

    status: int
    out: str
    err: str


Grade = Callable[..., Ran]


@pytest.fixture
def grade(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Grade:
    """`grade` in this process, with no kubeconfig in reach."""
    monkeypatch.setenv("KUBECONFIG", os.devnull)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    def run(*argv: str) -> Ran:
        capfd.readouterr()
        status = main(argv)
        shown = capfd.readouterr()
        return Ran(status, shown.out, shown.err)

    return run


def environment(**more: str) -> dict[str, str]:
    """The variables for a process of its own: those of the tests, without what would change how it prints."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES", "GRADE_DEBUG")}
    return {**kept, "KUBECONFIG": os.devnull, "PYTHONIOENCODING": "utf-8", **more}


def start(argv: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
    """`grade` as a process of its own."""
    settings = {"cwd": ROOT, "env": environment(), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-m", "graders", *argv], **settings)  # type: ignore[call-overload,no-any-return] # Popen's overloads do not take a dict


def finished(process: subprocess.Popen[bytes], given: bytes | None = None) -> Ran:
    out, err = process.communicate(given, timeout=60)
    return Ran(process.returncode, (out or b"").decode(), (err or b"").decode())


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A manifest that completes lesson 1."""
    return written(tmp_path / "good.yaml", GOOD)


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A manifest that leaves one objective of lesson 1 open."""
    return written(tmp_path / "half.yaml", HALF)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
