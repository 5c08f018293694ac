"""How fast `grade` is, as ratios within one interleaved run.

    python -m benchmarks.bench_grade [--kubeconfig PATH] [--runs 15]

Without a kubeconfig only the figures of files are taken. With one (of a practice cluster, say) the namespace `rag-engine` there must
hold the manifests of exercises/guide.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import alternate, interleaved, verdict

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "exercises" / "guide"
NINE = [str(path) for path in sorted(GUIDE.glob("*.yaml"))]


def files(runs: int) -> None:
    """Whole processes on manifests."""
    nine = [part for path in NINE for part in ("-f", path)]
    samples = interleaved(
        {
            "pass": [sys.executable, "-c", "pass"],
            "grade": [sys.executable, "-m", "graders", "lesson-7", *nine],
            "all": [sys.executable, "-m", "graders", "all", *nine],
        },
        runs,
    )
    base = samples["pass"].median
    print(
        f"python -c pass: {base:.1f} ms; grade lesson-7 -f: {samples['grade'].median:.1f} ms; grade all -f: {samples['all'].median:.1f} ms"
    )
    print(verdict("grade lesson-7 -f (nine documents) / python -c pass", samples["grade"].median / base, 9, "x"))
    print(verdict("grade lesson-7 -f, peak memory", samples["grade"].peak, 32, "MiB"))


def core(runs: int) -> None:
    """All objectives over one snapshot, in process."""
    from graders.engine import evaluate
    from graders.lessons import all_lessons
    from graders.sources.manifests import read_paths

    lessons = list(all_lessons())
    snapshot = read_paths(NINE, namespace="rag-engine", taken_at=datetime.now(UTC))
    medians = alternate({"evaluate": lambda: [evaluate(lesson, snapshot) for lesson in lessons]}, runs * 10)
    print(verdict("all objectives of lessons 1 to 8 over one snapshot", medians["evaluate"], 5, "ms"))


def live(kubeconfig: str, runs: int) -> None:
    """Whole processes on a cluster."""
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or "kubectl"
    samples = interleaved(
        {
            "import": [sys.executable, "-c", "import kubernetes"],
            "kubectl": [kubectl, "--kubeconfig", kubeconfig, "-n", "rag-engine", "get", "deploy", "rag-engine-api", "-o", "json"],
            "grade": [sys.executable, "-m", "graders", "lesson-7", "--kubeconfig", kubeconfig],
        },
        runs,
    )
    grade = samples["grade"].median
    print(
        f"import kubernetes: {samples['import'].median:.0f} ms; kubectl get deploy: {samples['kubectl'].median:.0f} ms; "
        f"grade lesson-7: {grade:.0f} ms"
    )
    print(verdict("grade lesson-7 on a cluster, cold / python -c 'import kubernetes'", grade / samples["import"].median, 1.15, "x"))
    print(verdict("grade lesson-7 on a cluster, cold / kubectl get deploy NAME -o json", grade / samples["kubectl"].median, 8, "x"))
    print(verdict("grade lesson-7 on a cluster, peak memory", samples["grade"].peak, 55, "MiB"))


def main() -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", help="of a cluster whose namespace rag-engine holds the manifests of exercises/guide")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    files(options.runs)
    core(options.runs)
    if options.kubeconfig:
        live(options.kubeconfig, options.runs)


if __name__ == "__main__":
    main()
