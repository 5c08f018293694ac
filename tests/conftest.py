"""Fixtures for all tests: a real API server, started once for the test run and stopped after it."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.api import Api

ROOT = Path(__file__).parent.parent


def _builder() -> ModuleType:
    """cluster/build.py, which lives beside the Go source that it builds and is no package of ours."""
    spec = importlib.util.spec_from_file_location("practice_cluster_build", ROOT / "cluster" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What `grade` and `course` note stays with this test run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("share")))
        yield


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> Iterator[None]:
    """Interrupts reach what the tests start even where they do not reach us, as in a background job, whose children ignore them as well."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def practice_cluster(pytestconfig: pytest.Config) -> Path:
    """The practice cluster's binary; skips the test where it cannot be built, unless it must be there (`CI`)."""
    builder = _builder()
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    if not builder.is_built() and reporter is not None:
        reporter.write_line("\nBuilding the practice cluster (minutes, the first time) …")
    try:
        binary: Path = builder.build()
    except builder.BuildError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(f"no practice cluster: {error}")
    return binary


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a real API server: the one that COURSE_TEST_KUBECONFIG names, else a practice cluster of this test run."""
    given = os.environ.get("COURSE_TEST_KUBECONFIG")
    if given:
        yield Path(given)
        return
    binary: Path = request.getfixturevalue("practice_cluster")
    data = tmp_path_factory.mktemp("cluster") / "data"
    started = subprocess.run(
        [binary, "up", "--volatile", "--data", data], capture_output=True, text=True, check=False, env={**os.environ, "GOGC": "200"}
    )
    if started.returncode:
        pytest.fail(f"the practice cluster did not start:\n{started.stderr}")
    try:
        yield Path(started.stdout.strip())
    finally:
        subprocess.run([binary, "down", "--delete", "--data", data], check=True, stdout=sys.stderr)


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Iterator[Api]:
    """A bare client of that API server, with the namespace `rag-engine` in it."""
    with Api(kubeconfig) as client:
        client.ensure_namespace("rag-engine")
        yield client
