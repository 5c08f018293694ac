"""Whole processes timed side by side: interleaved, so that a noisy machine is unkind to all of them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


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


# A process that has just been forked counts the memory of its parent as its own peak, so the parent is a small one.
_METER = """
import os, sys, time
quiet = os.open(os.devnull, os.O_RDWR)
started = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, quiet, fd) for fd in (0, 1, 2)])
_, status, usage = os.wait4(pid, 0)
print((time.perf_counter() - started) * 1000, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
"""


# `grade` leaves its reports for the web app; those of a benchmark are nobody's progress.
_NOTES = tempfile.TemporaryDirectory(prefix="benchmark-")


class Run(NamedTuple):
    """One run of a program: milliseconds from start to exit, peak resident memory in MiB, exit status."""

    milliseconds: float
    peak_mib: float
    status: int


def run_once(command: Sequence[str]) -> Run:
    """Run a command, whose program is given by its path, without input and output."""
    meter = [sys.executable, "-S", "-E", "-c", _METER, *command]
    ran = subprocess.run(meter, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "COURSE_DATA": _NOTES.name})
    milliseconds, peak, status = ran.stdout.split()
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Run(float(milliseconds), float(peak) / unit, int(status))


def interleaved(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, Sample]:
    """Run the commands in turn, `runs` times over, after one round to warm the disk cache."""
    samples = {name: Sample() for name in commands}
    for name in commands:
        run_once(commands[name])
    for _ in range(runs):
        for name, command in commands.items():
            run = run_once(command)
            samples[name].milliseconds.append(run.milliseconds)
            samples[name].peak_mib.append(run.peak_mib)
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
