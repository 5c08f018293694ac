"""Reports with fixed values, one for each thing that a renderer has to show, and the comparison with golden files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from graders.objective import Objective, objective
from graders.report import Report, Result
from graders.snapshot import Problem, Source
from graders.verdict import Evidence, Status, Verdict, passed, skipped, unknown
from tests.cases import NOON

GOLDEN = Path(__file__).parent.parent / "golden"
DOCS = "https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/"

FILE_EVIDENCE = Evidence(
    "HorizontalPodAutoscaler/api",
    "spec.behavior.scaleDown.policies[0].value",
    "at most 10 percent a minute, so that a short dip in traffic does not remove the Pods that the next peak needs",
    "`value: 50`",
    "manifests/hpa.yaml",
    38,
    "kubectl get hpa api -n rag-engine -o jsonpath='{.spec.behavior.scaleDown.policies[0].value}'",
)
ABSENT = Evidence("Service/api", None, "Service `api` in namespace `rag-engine`", "no Service", command="kubectl get service -n rag-engine")
LIVE_EVIDENCE = Evidence(
    "Deployment/api", "status.readyReplicas", "3 Pods ready", "2 of 3", command="kubectl rollout status deployment api -n rag-engine"
)


def declared(id: str, title: str, *, needs: tuple[str, ...] = (), live: bool = False, bonus: bool = False) -> Objective:
    """An objective to hang a verdict on."""
    made = objective(
        id, title, hints=(f"Look at {id}.", "Compare it with {namespace}, letter by letter."), docs=DOCS, live=live, bonus=bonus
    )(lambda snapshot: passed())
    return replace(made, needs=needs)


def result(made: Objective, verdict: Verdict) -> Result:
    return Result(made, made.title, verdict, "rag-engine")


def report(*results: Result, source: Source | None = None, problems: tuple[Problem, ...] = (), number: int = 7) -> Report:
    return Report(
        f"lesson-{number}",
        "Horizontal Pod Autoscaling",
        source or Source("manifests", "rag-engine", ("manifests/hpa.yaml",)),
        NOON,
        results,
        problems,
    )


def one(verdict: Verdict, *, bonus: bool = False) -> Report:
    """The report of a single objective."""
    return report(result(declared("only", "The only one", bonus=bonus), verdict))


ON_FILES = report(
    result(declared("hpa-exists", "HPA `api` exists"), passed("It names no namespace: write `namespace: rag-engine` under metadata.")),
    result(
        declared("scale-down-policy", "It shrinks by at most 10 % a minute, after five minutes", needs=("hpa-exists",)),
        Verdict(Status.FAILED, FILE_EVIDENCE),
    ),
    result(declared("service-exists", "Service `api` exists"), Verdict(Status.FAILED, ABSENT)),
    result(
        declared("named-port", "It leads to a named port", needs=("service-exists",)),
        Verdict(Status.BLOCKED, reason="First: service-exists."),
    ),
    result(declared("no-fixed-replicas", "The Deployment leaves the count to the HPA", bonus=True), Verdict(Status.FAILED, FILE_EVIDENCE)),
    result(declared("hpa-active", "The HPA scales", live=True), skipped("It shows on a cluster only. Apply your manifests.")),
    problems=(
        Problem("Line 3 is not valid YAML: a mapping value is not allowed here. Look at its indentation.", "broken.yaml", 3, 7),
        Problem("`replica` is not a field of a Deployment's spec. Did you mean `replicas`?", "deployment.yaml", 12),
    ),
)
ON_CLUSTER = report(
    result(declared("hpa-exists", "HPA `api` exists"), passed()),
    result(declared("rolled-out", "All Pods are ready", live=True), Verdict(Status.PENDING, LIVE_EVIDENCE)),
    result(declared("secret-used", "The Pods read the Secret"), unknown("Access denied. Check with: kubectl auth can-i list secrets")),
    source=Source("cluster", "rag-engine", context="practice"),
)
COMPLETE = report(
    result(declared("hpa-exists", "HPA `api` exists"), passed()),
    result(declared("hpa-active", "The HPA scales", live=True), skipped("It shows on a cluster only. Apply your manifests.")),
)
NOTHING_COUNTED = one(skipped("It relates to Service/api, which was not submitted."))
REPORTS = {"on-files": ON_FILES, "on-cluster": ON_CLUSTER, "complete": COMPLETE, "nothing-counted": NOTHING_COUNTED}
COURSE = tuple(replace(each, lesson_id=f"lesson-{number}") for number, each in enumerate(REPORTS.values(), start=1))


def assert_golden(name: str, text: str) -> None:
    """Compare with tests/golden/NAME; with GOLDEN_WRITE=1 in the environment, write it, to be read like any change."""
    path = GOLDEN / name
    if os.environ.get("GOLDEN_WRITE"):
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()
