"""Whole processes timed side by side: interleaved, so that a noisy machine is unkind to all of them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Sample:
    """Wall times in milliseconds and peak memory in MiB of one command's runs."""

    milliseconds: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def peak(self) -> float:
        return max(self.peak_mib)


def run_once(command: Sequence[str]) -> tuple[float, float]:
    """Milliseconds from start to exit, and the peak resident memory in MiB, of one run."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    elapsed = (time.perf_counter() - started) * 1000
    process.returncode = 0  # wait4 has collected it
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return elapsed, usage.ru_maxrss / unit


def interleaved(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, Sample]:
    """Run the commands in turn, `runs` times over, after one round to warm the disk cache."""
    samples = {name: Sample() for name in commands}
    for name in commands:
        run_once(commands[name])
    for _ in range(runs):
        for name, command in commands.items():
            milliseconds, mib = run_once(command)
            samples[name].milliseconds.append(milliseconds)
            samples[name].peak_mib.append(mib)
    return samples


def alternate(functions: Mapping[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """The median milliseconds of each function, called in turn."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(runs):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            times[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def verdict(what: str, value: float, limit: float, unit: str) -> str:
    """One line: the figure, its limit, and whether it holds."""
    return f"{'ok  ' if value <= limit else 'OVER'}  {value:8.2f} {unit:<4} (limit {limit:g})  {what}"
