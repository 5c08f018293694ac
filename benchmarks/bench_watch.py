"""How soon `grade --watch` says what has changed: from the API server's answer to a write until the verdict is read from the pipe.

    python -m benchmarks.bench_watch --kubeconfig PATH [--changes 120]

The cluster is one to practise on; a namespace of the benchmark's own is made in it, and deleted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import verdict
from tests.api import Api

NAMESPACE = "bench-watch"
_LIMIT = 300.0  # milliseconds, of 95 in 100 changes
_LONGEST = 10.0


def _wanted(report: dict[str, object], status: str) -> bool:
    objectives = report["objectives"]
    assert isinstance(objectives, list)
    return any(item["id"] == "app-settings" and item["status"] == status for item in objectives)


def measured(kubeconfig: Path, changes: int) -> list[float]:
    """The milliseconds of each change of a ConfigMap, which passes and fails in turn."""
    command = [
        *(sys.executable, "-m", "graders", "lesson-2", "--watch", "--format", "json"),
        "--kubeconfig",
        str(kubeconfig),
        "-n",
        NAMESPACE,
    ]
    with Api(kubeconfig) as api:
        api.ensure_namespace(NAMESPACE)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        try:
            process.stdout.readline()
            time.sleep(1)  # until every kind is watched
            return [_one(api, process, number) for number in range(changes)]
        finally:
            process.terminate()
            process.wait()
            api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, wait=False)


def _one(api: Api, process: subprocess.Popen[str], number: int) -> float:
    level, status = ("info", "passed") if number % 2 == 0 else ("loud", "failed")
    data = {"ENVIRONMENT": "production", "LOG_LEVEL": level}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rag-engine-config", "namespace": NAMESPACE}, "data": data}
    answered, _ = api.put(body)
    written = time.perf_counter()
    assert answered in (200, 201), answered
    assert process.stdout is not None
    while not _wanted(json.loads(process.stdout.readline()), status):
        assert time.perf_counter() < written + _LONGEST, "the change was never told"
    took = (time.perf_counter() - written) * 1000
    time.sleep(0.02 * (number % 7))  # so that changes fall everywhere in the time in which they are put together
    return took


def main() -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", required=True, type=Path)
    parser.add_argument("--changes", type=int, default=120)
    options = parser.parse_args()
    times = sorted(measured(options.kubeconfig, options.changes))
    late = statistics.quantiles(times, n=20)[-1]
    print(f"{len(times)} changes: median {statistics.median(times):.0f} ms, p95 {late:.0f} ms, longest {times[-1]:.0f} ms")
    print(verdict("from the answer to a write until its verdict is read, p95", late, _LIMIT, "ms"))
    print(verdict("p95 / limit", late / _LIMIT, 1, "x"))


if __name__ == "__main__":
    main()
