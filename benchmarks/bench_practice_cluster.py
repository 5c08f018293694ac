"""What the practice cluster costs: the time to start it, and what it takes while nobody uses it.

    python -m benchmarks.bench_practice_cluster [--data FOLDER] [--seconds 120] [--binary PATH]

Without --data a cluster is started for the measurement, and deleted after it. Processor time and memory are read from /proc, so this needs
Linux. Memory is what the components hold together: a page of the program that several of them have in memory counts once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measure import verdict
from cluster.build import build

SETTLE = 30
UPS = 3


def main() -> int:
    """Measure and print; the exit status is 1 when a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="of a cluster that runs already")
    parser.add_argument("--seconds", type=int, default=120, help="how long to watch it at rest")
    parser.add_argument("--binary", type=Path)
    options = parser.parse_args()
    binary = options.binary or build()
    if options.data:
        lines = at_rest(binary, options.data, options.seconds)
    else:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            try:
                lines = starting(binary, data)
                time.sleep(SETTLE)
                lines += at_rest(binary, data, options.seconds)
            finally:
                subprocess.run([binary, "down", "--delete", "--data", data], check=True)
    print("\n".join(lines))
    return int(any(line.startswith("OVER") for line in lines))


def starting(binary: Path, data: Path) -> list[str]:
    """From nothing to ready, and `up` again where it runs, as a ratio to the program that does nothing."""
    first = _seconds(binary, "up", "--data", str(data))
    again = statistics.median(_seconds(binary, "up", "--data", str(data)) for _ in range(UPS))
    nothing = statistics.median(_seconds(binary, "version") for _ in range(UPS))
    return [verdict("up, from nothing to ready", first, 20, "s"), verdict("up where it runs / version", again / nothing, 15, "x")]


def at_rest(binary: Path, data: Path, seconds: int) -> list[str]:
    """Processor time and memory of all components together, and of each for information."""
    said = subprocess.run([binary, "status", "--json", "--data", data], stdout=subprocess.PIPE, check=True).stdout
    status: dict[str, Any] = json.loads(said)
    pids = {name: component["pid"] for name, component in status["components"].items()}
    before = {name: _ticks(pid) for name, pid in pids.items()}
    began = time.monotonic()
    time.sleep(seconds)
    share = 100 / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    used = {name: (_ticks(pid) - before[name]) * share for name, pid in pids.items()}
    memory = {name: _memory(pid) for name, pid in pids.items()}
    for name in pids:
        print(f"      {name:<26} {used[name]:5.2f} % of a core, {memory[name][0]:6.1f} MiB ({memory[name][1]:.1f} with what it shares)")
    return [
        verdict("processor at rest, of one core", sum(used.values()), 2, "%"),
        verdict("memory of all components", sum(held for held, _ in memory.values()), 900, "MiB"),
    ]


def _seconds(binary: Path, *arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([binary, *arguments], check=True, capture_output=True)
    return time.perf_counter() - began


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _memory(pid: int) -> tuple[float, float]:
    """MiB of a process: its share of all pages, and all pages that it has in memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("Pss:", "Rss:"))}
    return kib["Pss"] / 1024, kib["Rss"] / 1024


if __name__ == "__main__":
    sys.exit(main())
