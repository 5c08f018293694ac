"""A practice cluster as a learner drives it: by the verbs of its binary."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


class Cluster:
    """One practice cluster in a folder of its own."""

    def __init__(self, binary: Path, data: Path) -> None:
        self.binary = binary
        self.data = data
        self.environment: Mapping[str, str] = {}

    def command(self, *arguments: str) -> list[str]:
        return [str(self.binary), arguments[0], "--data", str(self.data), *arguments[1:]]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.environment}
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False, timeout=150, env=environment)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """The same in the background."""
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self("status", "--json").stdout)
        return status

    def pids(self) -> dict[str, int]:
        """The processes that hold the locks of this cluster, by component."""
        return {path.stem: int(path.read_text(encoding="utf-8")) for path in (self.data / "run").glob("*.pid")}


def running(pids: Iterable[int]) -> set[int]:
    """Those of the processes that still run; a zombie that nobody has collected yet does not."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, pids))], capture_output=True, text=True, check=False)
    rows = [line.split() for line in listed.stdout.splitlines()]
    return {int(pid) for pid, state in rows if not state.startswith("Z")}
