"""Where the commands of a lesson run: a practice cluster of its own, in the state that the earlier lessons leave, and a shell beside it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from app.services.content import Exercise
from app.services.curriculum import number
from graders.lessons import LESSONS
from tests.api import Api
from tests.cluster.practice import Cluster

_SETTLING = 150.0  # seconds for what the earlier lessons leave to come up
_EVERY_VERSION = ("Deployment", "Namespace")  # a Deployment's history is part of what is left; a namespace's labels forbid earlier Pods
_ELSEWHERE = ("lesson-15",)  # the solution for a managed cluster: the disks that it asks for are a cloud's, and never come here
_Object = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What a command printed, both streams as one sees them, and its exit status; None when it was stopped."""

    status: int | None
    lines: tuple[str, ...]


class Shell:
    """Runs commands with bash, each in a process of its own; the folder and what was assigned or exported is kept between them."""

    def __init__(self, folder: Path, state: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._state = state
        self._environment = dict(environment)
        self._count = 0
        state.mkdir(parents=True, exist_ok=True)
        (state / "folder").write_text(str(folder), encoding="utf-8")
        (state / "variables").write_text("", encoding="utf-8")

    def run(self, command: str, seconds: float) -> Shown:
        """Run a command to its end, or stop it after so many seconds."""
        running = self.begin(command)
        try:
            status: int | None = running.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.stop()
            status = None
        return Shown(status, running.lines())

    def begin(self, command: str) -> Running:
        """Start a command beside those that follow."""
        self._count += 1
        printed = self._state / f"printed-{self._count}"
        script = (
            f'. "{self._state}/variables"; cd "$(cat "{self._state}/folder")" || exit 125; set -a\n'
            f'trap \'s=$?; export -p > "{self._state}/variables"; pwd > "{self._state}/folder"; exit $s\' EXIT\n'
            f"{command}\n"
        )
        with printed.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(process, printed)


@dataclass(frozen=True)
class Running:
    """A command that was started."""

    process: subprocess.Popen[bytes]
    printed: Path

    def lines(self) -> tuple[str, ...]:
        """What it has printed so far."""
        return tuple(self.printed.read_text(encoding="utf-8", errors="replace").splitlines())

    def stop(self) -> None:
        """End it and all that it has started."""
        for way in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, way)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=3)
                return


class Stage:
    """A practice cluster with the earlier lessons' solutions, and a folder with the exercise."""

    def __init__(self, binary: Path, folder: Path, lesson: str) -> None:
        self.lesson = lesson
        self.folder = folder
        home = folder / "home"
        self.cluster = Cluster(binary, home / "kubernetes-course" / "practice-cluster")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("COURSE_", "GRADE_", "KUBE"))},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_DATA_HOME": str(home),
            "KUBECONFIG": str(folder / "kubeconfig"),
            "COURSE_PRACTICE_CLUSTER": str(binary),
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }

    def prepare(self) -> None:
        """Start the cluster and bring it to where the lesson begins."""
        self.cluster.data.mkdir(parents=True)
        started = self.cluster("up", "--volatile")
        assert started.returncode == 0, f"the practice cluster did not start:\n{started.stderr}"
        shutil.copy(self.cluster.data / "kubeconfig", self.folder / "kubeconfig")
        for solution in solutions_before(self.lesson):
            applied = self.kubectl("apply", "-f", "-", given=yaml.safe_dump_all(solution))
            assert applied.returncode == 0, f"what comes before {self.lesson} was refused:\n{applied.stderr}"
        if number(self.lesson) > 1:
            self.kubectl("config", "set-context", "--current", "--namespace=rag-engine")
        exercise = Exercise.of(self.lesson)
        work = self.folder / "work"
        work.mkdir()
        for part in ("starter", "solution"):
            if (exercise.folder / part).is_dir():
                shutil.copytree(exercise.folder / part, work / part)
        self._settle()

    def shell(self) -> Shell:
        """A shell in the lesson's folder."""
        return Shell(self.folder / "work", self.folder / "shell", self._environment)

    def kubectl(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """kubectl on this cluster."""
        return subprocess.run(
            ["kubectl", *arguments], input=given, env=self._environment, capture_output=True, text=True, check=False, timeout=120
        )

    def close(self) -> None:
        """Stop the cluster, and forget all of it."""
        self.cluster("down", "--delete")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _settle(self) -> None:
        deadline = time.monotonic() + _SETTLING
        with Api(self.folder / "kubeconfig") as api:
            while waiting := list(_unsettled(api)):
                assert time.monotonic() < deadline, f"what comes before {self.lesson} does not come up: {', '.join(waiting)}"
                time.sleep(0.5)


def _unsettled(api: Api) -> Iterator[str]:
    """What is still on its way up or down, in all namespaces."""
    for plural in ("deployments", "statefulsets", "daemonsets"):
        for item in api.request("GET", f"/apis/apps/v1/{plural}")[1].get("items", []):
            status, wanted = item.get("status", {}), item.get("spec", {}).get("replicas")
            wanted = status.get("desiredNumberScheduled", 0) if wanted is None else wanted
            updated = status.get("updatedReplicas", status.get("updatedNumberScheduled", 0))
            ready = status.get("readyReplicas", status.get("numberReady", 0))
            current = status.get("observedGeneration", 0) >= item["metadata"]["generation"]
            if not current or updated != wanted or ready != wanted or status.get("replicas", wanted) != wanted:
                yield f"{plural}/{item['metadata']['name']}"
    for pod in api.request("GET", "/api/v1/pods")[1].get("items", []):
        phase = pod.get("status", {}).get("phase")
        if pod["metadata"].get("deletionTimestamp") or phase not in ("Running", "Succeeded"):
            yield f"pods/{pod['metadata']['name']}"


def solutions_before(lesson: str) -> list[list[_Object]]:
    """The objects that the solutions of the earlier lessons bring, by lesson.

    Of several versions of one object the last is taken, where its first one stood: what came between has left no trace.
    """
    earlier = [entry.id for entry in LESSONS if number(entry.id) < number(lesson) and entry.id not in _ELSEWHERE]
    solutions = [[body for path in Exercise.of(each).files("solution") for body in _objects(path)] for each in earlier]
    last = {_identity(body): index for index, bodies in enumerate(solutions) for body in bodies}
    return [
        kept
        for index, bodies in enumerate(solutions)
        if (kept := [body for body in bodies if body["kind"] in _EVERY_VERSION or last[_identity(body)] == index])
    ]


def _objects(path: Path) -> list[_Object]:
    return [body for body in yaml.safe_load_all(path.read_text(encoding="utf-8")) if body]


def _identity(body: _Object) -> tuple[str, str, str]:
    return body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]
