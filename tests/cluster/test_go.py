"""The Go code's own tests and its form. What they need of Kubernetes is compiled already, for they run after the binary is built."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cluster import build

pytestmark = pytest.mark.cluster


def _go(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    return subprocess.run([build.find_go(), *arguments], cwd=build.SOURCE, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(1200)
def test_what_the_go_tests_say(practice_cluster: Path) -> None:
    done = _go("test", "-trimpath", "./...")
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def test_source_is_formatted(practice_cluster: Path) -> None:
    gofmt = shutil.which("gofmt", path=f"{Path(build.find_go()).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if gofmt is None:
        root = _go("env", "GOROOT").stdout.strip()
        gofmt = str(Path(root) / "bin" / "gofmt")
    done = subprocess.run([gofmt, "-l", "."], cwd=build.SOURCE, capture_output=True, text=True, check=True)
    assert done.stdout == ""
