"""Our own practice cluster's program: where it is, and how it is built in a checkout."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from graders.errors import GradingError, UsageError

_PACKAGE = Path(__file__).resolve().parent.parent
_SETTING = "COURSE_PRACTICE_CLUSTER"
CALLED = {"PRACTICE_CLUSTER_COMMAND": "course cluster"}  # so that it advises what the learner has typed, not its own name
_VERSION = "COURSE_KUBERNETES_VERSION"  # which the builder reads
_NAME = "practice-cluster" + (".exe" if os.name == "nt" else "")
_BUILDER = _PACKAGE.parent / "cluster" / "build.py"
_RELEASES = "the course's releases have it ready-made for Linux, macOS and Windows; name it with COURSE_PRACTICE_CLUSTER"


def find_program(kubernetes: str | None = None, *, older: bool = False) -> Path:
    """The program: the one that COURSE_PRACTICE_CLUSTER names, else the one beside the package, on PATH, or built in this checkout.

    `kubernetes` asks for one of another minor version, which only a checkout has. With `older` one that was built from an earlier state
    of the source will do, as it does to stop a cluster that it has started. Raises GradingError when there is none.
    """
    given = os.environ.get(_SETTING)
    if given:
        if not os.access(given, os.X_OK) or not Path(given).is_file():
            raise UsageError(
                f"{_SETTING} names {given}, which is no program.", help="Name the practice-cluster program, or leave it unset."
            )
        return Path(given)
    beside = _PACKAGE / "bin" / _NAME
    if kubernetes is None and beside.is_file():
        return beside
    on_path = shutil.which(_NAME)
    if kubernetes is None and on_path:
        return Path(on_path)
    built = _built(kubernetes) or (_older() if older else None)
    if built is not None:
        return built
    which = f" for Kubernetes {kubernetes}" if kubernetes else ""
    option = f" --kubernetes {kubernetes}" if kubernetes else ""
    way = f"Build it (needs Go 1.26; 8 to 14 minutes the first time): course cluster build{option}. Or: " if _BUILDER.is_file() else ""
    raise GradingError(f"There is no practice cluster{which} on this machine yet.", help=f"{way}{_RELEASES}.")


def build_command(kubernetes: str | None) -> list[str]:
    """What builds it in a checkout. Raises GradingError where this is none."""
    if not _BUILDER.is_file():
        raise GradingError("The practice cluster is built in a checkout of the course, which this is not.", help=f"Instead, {_RELEASES}.")
    return [sys.executable, str(_BUILDER), *(["--kubernetes", kubernetes] if kubernetes else [])]


def _built(kubernetes: str | None) -> Path | None:
    if not _BUILDER.is_file():
        return None
    builder = _builder()
    with _version_wanted(kubernetes):
        try:
            if not builder.is_built():
                return None
            path = builder.build()
        except builder.BuildError as error:
            raise UsageError(str(error)) from error
    return Path(path)


def _older() -> Path | None:
    """The newest that was built here from another state of the source."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "kubernetes-course"
    programs = [path for path in cache.glob("practice-cluster-*") if os.access(path, os.X_OK)]
    return max(programs, key=lambda path: path.stat().st_mtime, default=None)


@contextmanager
def _version_wanted(kubernetes: str | None) -> Iterator[None]:
    before = os.environ.get(_VERSION)
    if kubernetes is not None:
        os.environ[_VERSION] = kubernetes
    try:
        yield
    finally:
        if kubernetes is not None:
            os.environ.pop(_VERSION)
            if before is not None:
                os.environ[_VERSION] = before


def _builder() -> ModuleType:
    """cluster/build.py, which lives beside the Go source that it builds and is part of no package."""
    spec = importlib.util.spec_from_file_location("practice_cluster_build", _BUILDER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
