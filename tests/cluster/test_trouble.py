"""What goes wrong on a learner's machine: each has one clear sentence, and nothing is left half running."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api import Api
from tests.cluster.practice import Cluster, running

pytestmark = pytest.mark.cluster

COMPONENTS = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "stand-ins"}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on 127.0.0.1 that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, where this user may mount one."""
    where = tmp_path / "disk"
    where.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", where], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield where
    subprocess.run(["umount", where], check=True)


def _refused(cluster: Cluster, *arguments: str) -> str:
    """What `up` says when it refuses to start; it must leave nothing running."""
    done = cluster("up", *arguments)
    assert done.returncode == 1
    assert not cluster.status()["running"]
    assert not running(cluster.pids().values())
    return done.stderr


def test_port_of_another_program(cluster: Cluster, taken: int) -> None:
    said = _refused(cluster, "--port", str(taken))
    assert f"port {taken} on 127.0.0.1 cannot be used" in said
    assert "Choose another with --port" in said


def test_disk_with_little_room(cluster: Cluster, disk: Path) -> None:
    usual, cluster.data = cluster.data, disk / "data"
    said = _refused(cluster)
    cluster.data = usual
    assert str(disk) in said
    assert "Make room" in said


def test_disk_that_cannot_be_written(cluster: Cluster, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    usual, cluster.data = cluster.data, disk / "data"
    done = cluster("up")
    cluster.data = usual
    assert done.returncode == 1
    assert "cannot be written (read-only file system). Choose another folder with --data" in done.stderr


def test_path_that_is_too_long(cluster: Cluster, tmp_path: Path) -> None:
    usual, cluster.data = cluster.data, tmp_path / ("x" * 300)
    done = cluster("up")
    cluster.data = usual
    assert done.returncode == 1
    assert "too long. Choose a shorter folder with --data" in done.stderr


def test_no_home_folder(practice_cluster: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_DATA_HOME")}
    done = subprocess.run([practice_cluster, "status"], capture_output=True, text=True, check=False, env=environment, timeout=30)
    assert done.returncode == 1
    assert "Name one with --data" in done.stderr


def test_database_of_a_newer_version(cluster: Cluster) -> None:
    cluster.data.mkdir()
    (cluster.data / "settings.json").write_text(json.dumps({"kubernetes": "v1.99.0"}), encoding="utf-8")
    said = _refused(cluster)
    assert "last run by Kubernetes v1.99.0" in said
    assert "down --delete" in said


def test_settings_cut_off_by_a_power_failure(cluster: Cluster) -> None:
    cluster.data.mkdir()
    (cluster.data / "settings.json").write_text('{"context": "pra', encoding="utf-8")
    (cluster.data / "ports.json").write_text("", encoding="utf-8")
    done = cluster("status")
    assert "is damaged and is written anew" in done.stderr
    assert "not running" in done.stdout


def test_interrupted_by_the_learner(cluster: Cluster) -> None:
    up = cluster.begin("up", "--volatile")
    deadline = time.monotonic() + 30
    while "kube-apiserver" not in (pids := cluster.pids()):
        assert time.monotonic() < deadline, "nothing was started"
        time.sleep(0.05)
    up.send_signal(signal.SIGINT)
    _, said = up.communicate(timeout=60)
    assert up.returncode == 1
    assert "interrupted. Nothing of it runs" in said
    assert not running(pids.values())


def test_down_while_up_is_at_work(cluster: Cluster) -> None:
    up = cluster.begin("up", "--volatile")
    deadline = time.monotonic() + 30
    while "etcd" not in (pids := cluster.pids()):
        assert time.monotonic() < deadline, "nothing was started"
        time.sleep(0.05)
    down = cluster("down")
    assert down.returncode == 0, down.stderr
    up.communicate(timeout=60)
    assert up.returncode == 1
    assert not running({*pids.values(), *cluster.pids().values()} - {up.pid})


def test_two_ups_at_the_same_time_then_a_broken_database(cluster: Cluster) -> None:
    ups = [cluster.begin("up") for _ in range(2)]
    answers = [up.communicate(timeout=150) for up in ups]
    assert [up.returncode for up in ups] == [0, 0], answers
    assert len({answer[0] for answer in answers}) == 1
    assert any("waiting for it to end" in answer[1] for answer in answers)
    assert set(cluster.pids()) == COMPONENTS

    assert cluster("down").returncode == 0
    (cluster.data / "etcd" / "member" / "snap" / "db").write_bytes(b"\x07" * 40_960)
    said = _refused(cluster)
    assert "etcd stopped by itself. Its database cannot be read" in said
    assert "down --delete" in said


def test_second_cluster_merged_into_the_learners_kubeconfig(
    cluster: Cluster, kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the cluster of the test run, in an odd folder, behind a proxy that does not answer."""
    cluster.data = tmp_path / "mine ö, two" / "data"
    config = tmp_path / "config"
    theirs = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "practice",
        "clusters": [{"name": "practice", "cluster": {"server": "https://work.example:6443"}}],
        "contexts": [{"name": "practice", "context": {"cluster": "practice", "user": "me"}}],
        "users": [{"name": "me", "user": {"token": "of mine"}}],
    }
    config.write_text(json.dumps(theirs), encoding="utf-8")
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", f"{config}{os.pathsep}{tmp_path / 'another'}")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    refused = cluster("up", "--volatile", "--merge", "--port", str(port))
    assert refused.returncode == 1
    assert "has a context practice already that is not of this cluster" in refused.stderr
    assert json.loads(config.read_text(encoding="utf-8")) == theirs

    up = cluster("up", "--volatile", "--merge", "--context-name", "practice-two")
    assert up.returncode == 0, up.stderr
    assert (config.with_name("config.before-practice-cluster")).read_text(encoding="utf-8") == json.dumps(theirs)
    assert _current(config) == "practice-two"
    assert f"127.0.0.1:{port}" in config.read_text(encoding="utf-8")
    status = cluster.status()
    assert {"running", "ready", "version", "kubeconfig", "context", "data", "components", "nodes"} <= set(status)
    assert status["running"]
    assert status["ready"]
    assert status["context"] == "practice-two"
    assert set(status["components"]) == COMPONENTS
    assert {component["pid"] for component in status["components"].values()} == set(cluster.pids().values())
    assert all(Path(component["log"]).is_file() for component in status["components"].values())
    assert [node["ready"] for node in status["nodes"]] == [True] * 3
    with Api(kubeconfig) as first, Api(cluster.data / "kubeconfig") as second:
        uids = [api.request("GET", "/api/v1/namespaces/kube-system")[1]["metadata"]["uid"] for api in (first, second)]
    assert uids[0] != uids[1], "two clusters run side by side"

    moved = cluster("up", "--port", "1")
    assert moved.returncode == 1
    assert f"it runs already, on port {port}" in moved.stderr

    assert cluster("down").returncode == 0
    with socket.create_server(("127.0.0.1", port)):
        again = cluster("up", "--volatile")
        assert again.returncode == 0, again.stderr
    assert f"Port {port} of the last time is another program's now" in again.stderr
    assert f"127.0.0.1:{port}" not in config.read_text(encoding="utf-8"), "the merged entry follows the port"

    assert cluster("down", "--delete").returncode == 0
    assert not cluster.data.exists()
    assert _current(config) == "practice"
    assert "practice-two" not in config.read_text(encoding="utf-8")
    assert "of mine" in config.read_text(encoding="utf-8")


def _current(config: Path) -> str:
    lines = config.read_text(encoding="utf-8").splitlines()
    return next(line.partition(": ")[2] for line in lines if line.startswith("current-context"))
