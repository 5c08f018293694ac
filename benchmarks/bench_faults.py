"""What each fault between `grade` and an API server leads to in each lesson, as the table of docs/faults.md.

    python -m benchmarks.bench_faults --kubeconfig PATH > docs/faults.md

The cluster is one to practise on; the solutions of the whole course are applied in a namespace of their own, and deleted after it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Run, run_once
from graders.engine import evaluate
from graders.errors import ClusterUnavailable
from graders.objective import Lesson
from graders.snapshot import Snapshot
from graders.sources.cluster import unavailable_snapshot
from graders.verdict import Status
from tests.api import Api
from tests.cases import lessons
from tests.faults.course import NAMESPACE, applied, judged, kinds_of, read, settled
from tests.faults.faults import TROUBLES, Trouble, crowd
from tests.faults.proxy import Upstream, between
from tests.sources.faulty import healthy

_CROWD = 50_000
_TRIES = 5
_TIMEOUT, _PATIENT = 1, 60  # seconds: of what lasts, and of what heals

_INTRODUCTION = """\
# Grading under faults

What `grade` says when something goes wrong between it and the API server. A cell is about one lesson: `=` means that each verdict is what
it is without the fault, `5 ?` that five are `unknown` and the others what they are without it. Nothing else may stand there: what could
not be read is never taken for the learner's mistake, nor for a success. The last columns are those of one run of `grade all` under the
fault: its exit status (3: nothing could be judged), its time in seconds, and its peak memory in MiB.

The base is a practice cluster with the solutions of the whole course in one namespace, behind a proxy (`tests/faults/`) that makes the
faults. Limits of time: `--timeout 1s` for faults that last, `--timeout 60s` for those that grading gets over by itself and for the crowd.

Taken on {date}. Take it again with `python -m benchmarks.bench_faults --kubeconfig PATH > docs/faults.md`;
`tests/faults/test_fault_matrix.py` holds it to this, with a smaller crowd.
"""

Verdicts = dict[tuple[str, str], Status]


def rows(kubeconfig: Path) -> Iterator[str]:
    """The lines of the table."""
    numbers = [lesson.id.removeprefix("lesson-") for lesson in lessons()]
    yield f"| fault | what happens | {' | '.join(numbers)} | exit | s | MiB |"
    yield f"|---|---|{'---|' * len(numbers)}---|---|---|"
    upstream = Upstream(kubeconfig)
    with Api(kubeconfig) as api, applied(api):
        settled(kubeconfig)
        for name, trouble in TROUBLES.items():
            make = partial(crowd, count=_CROWD) if trouble.make is crowd else trouble.make
            with TemporaryDirectory() as folder, between(upstream, Path(folder), NAMESPACE) as (server, path):
                for _ in range(_TRIES):  # once more when the cluster has moved meanwhile, as an autoscaler lets it
                    before = judged(read(path, _PATIENT))
                    server.ahead = trouble.ahead
                    server.fault = make(upstream, NAMESPACE)
                    snapshot = _read(path, trouble)
                    server.fault, server.ahead = healthy, 0.0
                    truth = judged(read(path, _PATIENT))
                    if truth == before:
                        break
                server.ahead = trouble.ahead
                server.fault = make(upstream, NAMESPACE)
                run = _graded(path, trouble)
                server.fault, server.ahead = healthy, 0.0
            cells = [_cell(lesson, snapshot, truth) for lesson in lessons()]
            yield f"| `{name}` | {trouble.does} | {' | '.join(cells)} | {run.status} | {run.milliseconds / 1000:.1f} | {run.peak_mib:.0f} |"


def _seconds(trouble: Trouble) -> int:
    return _PATIENT if trouble.heals else _TIMEOUT


def _read(path: Path, trouble: Trouble) -> Snapshot:
    try:
        return read(path, _seconds(trouble))
    except ClusterUnavailable as error:
        away = unavailable_snapshot(error, kinds_of(), namespace=NAMESPACE, context="course", taken_at=datetime.now(UTC))
        return replace(away, context_namespace=NAMESPACE)


def _graded(path: Path, trouble: Trouble) -> Run:
    options = ["--kubeconfig", str(path), "-n", NAMESPACE, "--timeout", f"{_seconds(trouble)}s"]
    return run_once([sys.executable, "-m", "graders", "all", *options])


def _cell(lesson: Lesson, snapshot: Snapshot, truth: Verdicts) -> str:
    changed = [result for result in evaluate(lesson, snapshot).results if result.status is not truth[lesson.id, result.objective.id]]
    wrong = [result.objective.id for result in changed if result.status is not Status.UNKNOWN]
    return f"WRONG: {', '.join(wrong)}" if wrong else f"{len(changed)} ?" if changed else "="


def main() -> None:
    """Take the table and print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", required=True, type=Path)
    options = parser.parse_args()
    print(_INTRODUCTION.format(date=f"{datetime.now(UTC):%Y-%m-%d}"))
    for row in rows(options.kubeconfig):
        print(row, flush=True)


if __name__ == "__main__":
    main()
