"""How fast `grade` is, as ratios within one interleaved run.

    python -m benchmarks.bench_grade [--kubeconfig PATH] [--runs 15]

Without a kubeconfig only the figures of files are taken. With one (of a practice cluster, say) the namespace `rag-engine` there must
hold the manifests of exercises/guide.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import alternate, interleaved, verdict
from graders.objective import Lesson
from tests.api import Api

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "exercises" / "guide"
CROWD = 5_000
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

    def judge(some: list[Lesson]) -> None:
        fresh = replace(snapshot)  # a lesson is judged once for a snapshot
        for lesson in some:
            evaluate(lesson, fresh)

    medians = alternate({"covered": lambda: judge(lessons[1:9]), "all": lambda: judge(lessons)}, runs * 10)
    print(verdict("all objectives of lessons 1 to 8 over one snapshot", medians["covered"], 5, "ms"))
    print(verdict("all objectives of the course over one snapshot", medians["all"], 10, "ms"))


def reading(runs: int) -> None:
    """Reading nine documents, with positions and limits, beside libyaml's bare loader."""
    import yaml

    from graders.sources.yaml_loader import load

    pieces = [Path(path).read_bytes() for path in NINE]
    together = b"\n---\n".join(pieces)
    documents = [piece for content in pieces for piece in content.split(b"\n---\n")]
    medians = alternate(
        {
            "ours": lambda: [load(piece, 100_000) for piece in documents],
            "bare": lambda: list(yaml.load_all(together, Loader=yaml.CSafeLoader)),
        },
        runs * 20,
    )
    print(verdict("guard, parse and positions / bare CSafeLoader", medians["ours"] / medians["bare"], 2, "x"))


def hostile(runs: int) -> None:
    """Whole processes on input that means harm: answered soon, in little memory, with the limit named."""
    with TemporaryDirectory() as folder:
        for name, content in HOSTILE.items():
            path = Path(folder, f"{name}.yaml")
            path.write_bytes(content)
            sample = interleaved({name: [sys.executable, "-m", "graders", "all", "-f", str(path)]}, max(runs // 3, 3))[name]
            print(verdict(f"{name}, refused", sample.median, 250, "ms"))
            print(verdict(f"{name}, peak memory", sample.peak, 100, "MiB"))


def _bomb(merge: str) -> bytes:
    """Ten levels of nine aliases each: `merge` is `<<: ` for merge keys, or empty for lists."""
    if merge:
        first, each = "{" + ",".join(f"k{n}: x" for n in range(9)) + "}", "{{<<: [{}]}}"
    else:
        first, each = "[x,x,x,x,x,x,x,x,x]", "[{}]"
    lines = [f"a: &a {first}"]
    lines += [f"{chr(98 + n)}: &{chr(98 + n)} {each.format(','.join(['*' + chr(97 + n)] * 9))}" for n in range(10)]
    return "\n".join(lines).encode()


HOSTILE: dict[str, bytes] = {
    "alias-bomb": _bomb(""),
    "merge-bomb": _bomb("<<: "),
    "100,000 nested brackets": b"[" * 100_000,
    "100,000 nested braces": b"{a: " * 100_000,
    "scalar of 50 MB": b"a: " + b"x" * 50_000_000,
    "200,000 documents": b"---\na: 1\n" * 200_000,
    "200,000 empty documents": b"---\n" * 200_000,
    "a megabyte of short items": b"a:\n" + b"- 1\n" * 249_000,
    "a megabyte of JSON values": b"{}" * 499_000,
}


def live(kubeconfig: str, runs: int) -> None:
    """Whole processes on a cluster."""
    samples = interleaved(_on_cluster(kubeconfig), runs)
    grade = samples["grade"].median
    print(
        f"import kubernetes: {samples['import'].median:.0f} ms; kubectl get deploy: {samples['kubectl'].median:.0f} ms; "
        f"grade lesson-7: {grade:.0f} ms"
    )
    print(verdict("grade lesson-7 on a cluster, cold / python -c 'import kubernetes'", grade / samples["import"].median, 1.15, "x"))
    print(verdict("grade lesson-7 on a cluster, cold / kubectl get deploy NAME -o json", grade / samples["kubectl"].median, 8, "x"))
    print(verdict("grade lesson-7 on a cluster, peak memory", samples["grade"].peak, 55, "MiB"))


def _on_cluster(kubeconfig: str) -> dict[str, list[str]]:
    kubectl = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl") or "kubectl"
    return {
        "import": [sys.executable, "-c", "import kubernetes"],
        "kubectl": [kubectl, "--kubeconfig", kubeconfig, "-n", "rag-engine", "get", "deploy", "rag-engine-api", "-o", "json"],
        "grade": [sys.executable, "-m", "graders", "lesson-7", "--kubeconfig", kubeconfig],
    }


def crowded(kubeconfig: str, runs: int) -> None:
    """A namespace of 5,000 Pods, for a lesson that does not read Pods: beside kubectl, which the same busy API server serves."""
    with Api(Path(kubeconfig)) as api:
        for number in range(CROWD):
            # No scheduler takes them, so that nothing but their number weighs on the cluster.
            spec = {"schedulerName": "nobody", "containers": [{"name": "app", "image": "app:v1"}]}
            body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"crowd-{number}", "labels": {"crowd": "yes"}}, "spec": spec}
            status, answer = api.create(body, dry_run=False)
            assert status == 201, answer
        try:
            samples = interleaved(_on_cluster(kubeconfig), runs)
        finally:
            api.request("DELETE", "/api/v1/namespaces/rag-engine/pods?labelSelector=crowd%3Dyes", {"gracePeriodSeconds": 0})
    ratio = samples["grade"].median / samples["kubectl"].median
    print(verdict(f"grade lesson-7 beside {CROWD:,} Pods / kubectl get deploy NAME -o json", ratio, 8, "x"))
    print(verdict(f"grade lesson-7 beside {CROWD:,} Pods, peak memory", samples["grade"].peak, 55, "MiB"))


def main() -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", help="of a cluster whose namespace rag-engine holds the manifests of exercises/guide")
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    files(options.runs)
    core(options.runs)
    reading(options.runs)
    hostile(options.runs)
    if options.kubeconfig:
        live(options.kubeconfig, options.runs)
        crowded(options.kubeconfig, options.runs)


if __name__ == "__main__":
    main()
