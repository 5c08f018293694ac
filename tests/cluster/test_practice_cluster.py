"""The practice cluster's binary, as a learner types it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.api import Api
from tests.cluster.practice import Cluster, running

pytestmark = pytest.mark.cluster


def test_life_of_a_cluster(cluster: Cluster) -> None:
    assert cluster("status").returncode == 1
    up = cluster("up", "--volatile")
    assert up.returncode == 0, up.stderr
    kubeconfig = Path(up.stdout.strip())
    assert kubeconfig.stat().st_mode & 0o077 == 0, "the kubeconfig is the learner's alone"
    status = cluster("status")
    assert status.returncode == 0
    with Api(kubeconfig) as api:
        version = api.version()
        assert version in status.stdout
        assert version in cluster("version").stdout
        _, nodes = api.request("GET", "/api/v1/nodes")
        assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes["items"]} == {version}
        assert len({node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes["items"]}) == 3
        api.ensure_namespace("kept")

    again = cluster("up", "--volatile")
    assert again.stdout == up.stdout, "up is safe to repeat"
    pids = cluster.pids()
    assert set(pids) == {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "stand-ins"}

    os.kill(pids["kube-scheduler"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while "Only" not in (half := cluster("status")).stdout:
        assert time.monotonic() < deadline, half.stdout
    mended = cluster("up", "--volatile")
    assert mended.returncode == 0, mended.stderr
    with Api(kubeconfig) as api:
        assert api.request("GET", "/api/v1/namespaces/kept")[0] == 200, "what was created is kept, and so is the kubeconfig"

    pids = cluster.pids()
    assert cluster("down").returncode == 0
    deadline = time.monotonic() + 5
    while left := running(pids.values()):
        assert time.monotonic() < deadline, f"down leaves {left} running"
        time.sleep(0.1)
    assert kubeconfig.exists()
    assert cluster("down").returncode == 0, "down is safe to repeat"


def test_pid_of_somebody_else_is_left_alone(cluster: Cluster) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (cluster.data / "run").mkdir(parents=True)
        (cluster.data / "run" / "etcd").touch()
        (cluster.data / "run" / "etcd.pid").write_text(str(bystander.pid), encoding="utf-8")
        assert cluster("down").returncode == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["upp"], 2, "Did you mean up?", id="misspelt-verb"),
        pytest.param(["xyzzy"], 2, "It knows up, status, down", id="unknown-verb"),
        pytest.param(["status", "--delete"], 2, "no option --delete", id="option-of-another-verb"),
        pytest.param(["up", "--port", "70000"], 1, "no port", id="port-out-of-range"),
        pytest.param(["up", "--context-name", "a b"], 1, "no space", id="name-with-a-space"),
        pytest.param(["up", "now"], 2, 'takes no "now"', id="stray-word"),
        pytest.param(["up", "--colour"], 2, "colour", id="unknown-option"),
        pytest.param(["help"], 0, "practice-cluster up", id="help"),
    ],
)
def test_words_that_it_does_not_know(cluster: Cluster, arguments: list[str], code: int, words: str) -> None:
    done = subprocess.run([cluster.binary, *arguments], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == code
    assert "panic" not in done.stderr
    assert words in done.stdout + done.stderr


def test_folder_that_cannot_be_written_is_named(cluster: Cluster, tmp_path: Path) -> None:
    cluster.data = tmp_path / "file" / "data"
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = cluster("up")
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr
    cluster.data = tmp_path / "data"
