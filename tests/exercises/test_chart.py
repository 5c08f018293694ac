"""The application's Helm chart: rendered by Helm itself and graded like any manifest, refused where a value is wrong, and installed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster import build
from graders.engine import evaluate
from graders.objective import Lesson
from graders.snapshot import Snapshot
from graders.sources.cluster import connect
from graders.sources.manifests import read_texts
from graders.verdict import Status
from tests.api import Api
from tests.cases import EXERCISES, NOON, ROOT, lessons

CHART = EXERCISES / "rag-engine" / "chart"
SOLUTION = EXERCISES / "lesson-15-managed" / "solution"
TOOL = ROOT / "tools" / "helm"
EKS = ("-f", str(CHART / "values-eks.yaml"))

# What a release cannot hold, or should not: the namespace that it goes into, credentials, and what all applications of a cluster share.
NAMESPACE = ("namespace.yaml", "secrets.yaml")
SHARED = ("adapter.yaml", "log-collector.yaml", "storage-location.yaml", "storageclass.yaml")


@pytest.fixture(scope="session")
def helm(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Helm as tools/helm/go.mod pins it, in Go's cache; skips the test where it cannot be built, unless it must be there (`CI`)."""
    reporter = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line("\nBuilding Helm, if it is not there yet (1 to 3 minutes) …")
    # As the practice cluster is built, so that Go compiles what both hold of Kubernetes once.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -buildvcs=false -trimpath".strip()}
    try:
        command = [build.find_go(), "-C", str(TOOL), "tool", "-n", "helm"]
        built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        why = built.stderr.strip()[-500:] if built.returncode else ""
    except build.BuildError as error:
        why = str(error)
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(f"no Helm: {why}")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CACHE", "CONFIG", "DATA"):
            patch.setenv(f"HELM_{name}_HOME", str(tmp_path_factory.mktemp("helm")))
        yield Path(built.stdout.strip())


def run(helm: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)


def rendered(helm: Path, *options: str, release: str = "rag-engine") -> str:
    done = run(helm, "template", release, str(CHART), "--namespace", "rag-engine", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(text: str) -> dict[str, dict[str, Any]]:
    """The objects of a text, by kind and name; no two are the same."""
    bodies = [body for body in yaml.safe_load_all(text) if body]
    found = {f"{body['kind']}/{body['metadata']['name']}": body for body in bodies}
    assert len(found) == len(bodies)
    return found


def beside(chart: str, *files: str) -> Snapshot:
    """What Helm wrote, and files of the whole solution, as `grade -f` reads them."""
    given = [(name, (SOLUTION / name).read_bytes()) for name in files]
    return read_texts([*given, ("chart.yaml", chart.encode())], namespace="rag-engine", taken_at=NOON)


def whole_solution() -> dict[str, dict[str, Any]]:
    return objects("\n---\n".join(path.read_text(encoding="utf-8") for path in sorted(SOLUTION.glob("*.yaml"))))


# Graded


@pytest.mark.parametrize("values", [(), EKS], ids=["defaults", "eks"])
def test_helm_lint_has_nothing_to_object(values: tuple[str, ...], helm: Path) -> None:
    done = run(helm, "lint", "--strict", str(CHART), *values)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout + done.stderr


@pytest.mark.parametrize("lesson", [lessons()[number] for number in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11)], ids=lambda lesson: lesson.id)
@pytest.mark.parametrize("hooks", [(), ("--skip-tests",)], ids=["with its test", "without"])
def test_defaults_complete_what_needs_no_host_and_no_operator(lesson: Lesson, hooks: tuple[str, ...], helm: Path) -> None:
    report = evaluate(lesson, beside(rendered(helm, *hooks), *NAMESPACE))
    assert not report.problems
    assert report.complete, [result for result in report.results if result.open]
    assert not [result.verdict.advice for result in report.results if result.verdict.advice]


@pytest.mark.parametrize("lesson", [*lessons()[1:14], lessons()[15]], ids=lambda lesson: lesson.id)
def test_all_switched_on_is_judged_like_the_whole_solution(lesson: Lesson, helm: Path) -> None:
    report = evaluate(lesson, beside(rendered(helm, *EKS), *NAMESPACE, *SHARED))
    solution = evaluate(lesson, beside("", *(path.name for path in SOLUTION.glob("*.yaml"))))
    assert not report.problems
    assert report.complete, [result for result in report.results if result.open]
    judged, wanted = ({result.objective.id: result.status for result in each.results} for each in (report, solution))
    assert judged == wanted
    advised, accepted = ({result.objective.id for result in each.results if result.verdict.advice} for each in (report, solution))
    assert advised == accepted


DIFFERENCES = {
    "NetworkPolicy/rag-engine-api spec.ingress.0.from": "Prometheus and the load balancer are let in by the same rule",
    "Deployment/rag-engine-api spec.template.metadata.annotations": "a change of the settings rolls the Pods",
    "Deployment/rag-engine-api spec.template.spec.automountServiceAccountToken": "the ServiceAccount may be somebody else's",
    "Deployment/rag-engine-api spec.template.spec.containers.0.imagePullPolicy": "a value",
    "PrometheusRule/rag-engine-alerts spec.groups.0.rules.0.annotations.description": "how long is a value",
}
WORKLOADS = ("Deployment", "StatefulSet", "CronJob", "Pod")
ELSEWHERE = {
    "NetworkPolicy/default-deny": "named after the release",
    "NetworkPolicy/let-prometheus-in": "part of the API's own",
    "NetworkPolicy/rag-engine-public": "part of the API's own",
}


def differing(ours: Any, theirs: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths at which two bodies differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            yield from differing(ours.get(key), theirs.get(key), (*path, key))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differing(*pair, (*path, str(index)))
    elif ours != theirs:
        yield ".".join(path)


def test_chart_is_the_whole_solution_but_for_what_is_said_here(helm: Path) -> None:
    chart, solution = objects(rendered(helm, *EKS, "--skip-tests")), whole_solution()
    apart = objects("\n---\n".join((SOLUTION / name).read_text(encoding="utf-8") for name in (*NAMESPACE, *SHARED)))
    assert solution.keys() - chart.keys() == apart.keys() | ELSEWHERE.keys()
    assert chart.keys() - solution.keys() == {"NetworkPolicy/rag-engine-default-deny"}
    differences = {f"{name} {path}" for name in chart.keys() & solution.keys() for path in differing(chart[name], solution[name])}
    assert {each for each in differences if " metadata.labels" not in each} == DIFFERENCES.keys()


# Values


DEFAULT = {
    *("ConfigMap/rag-engine-config", "Deployment/rag-engine-api", "HorizontalPodAutoscaler/rag-engine-api-hpa"),
    *("LimitRange/rag-engine-defaults", "PersistentVolumeClaim/rag-engine-models", "PodDisruptionBudget/rag-engine-api-pdb"),
    *("ResourceQuota/rag-engine-quota", "Service/rag-engine-api", "ServiceAccount/rag-engine"),
    *("Service/qdrant", "StatefulSet/qdrant", "CronJob/qdrant-snapshot"),
    *(f"NetworkPolicy/{name}" for name in ("rag-engine-default-deny", "rag-engine-api", "qdrant", "qdrant-snapshot")),
    *("Pod/rag-engine-test", "NetworkPolicy/rag-engine-test", "NetworkPolicy/rag-engine-api-from-test"),
}


def named(*words: str) -> set[str]:
    return {name for name in DEFAULT if name.startswith(words)}


@pytest.mark.parametrize(
    ("options", "gone", "added"),
    [
        pytest.param("", set(), set(), id="nothing"),
        pytest.param("autoscaling.enabled=false", named("Horizontal"), set(), id="autoscaling"),
        pytest.param("podDisruptionBudget.enabled=false", named("PodDisruption"), set(), id="budget"),
        pytest.param("networkPolicy.enabled=false", named("NetworkPolicy"), set(), id="policies"),
        pytest.param("networkPolicy.defaultDeny=false", {"NetworkPolicy/rag-engine-default-deny"}, set(), id="default-deny"),
        pytest.param("limitRange.enabled=false,resourceQuota.enabled=false", named("LimitRange", "ResourceQuota"), set(), id="limits"),
        pytest.param("serviceAccount.create=false", named("ServiceAccount"), set(), id="account"),
        pytest.param(
            "qdrant.enabled=false,qdrant.host=q.example.com",
            named("Service/qdrant", "StatefulSet", "CronJob", "NetworkPolicy/qdrant"),
            set(),
            id="qdrant",
        ),
        pytest.param("qdrant.snapshots.enabled=false", named("CronJob", "NetworkPolicy/qdrant-snapshot"), set(), id="snapshots"),
        pytest.param(
            "ingress.enabled=true,host=a.example.com,ingress.clusterIssuer=ca", set(), {"Ingress/rag-engine-ingress"}, id="ingress"
        ),
        pytest.param(
            "httpRoute.enabled=true,host=a.example.com,httpRoute.parentRefs[0].name=public",
            set(),
            {"HTTPRoute/rag-engine-api"},
            id="route",
        ),
        pytest.param("loadBalancer.enabled=true", set(), {"Service/rag-engine-public"}, id="load-balancer"),
        pytest.param(
            "monitoring.enabled=true", set(), {"ServiceMonitor/rag-engine-metrics", "PrometheusRule/rag-engine-alerts"}, id="monitoring"
        ),
        pytest.param("backup.enabled=true", set(), {"Schedule/rag-engine-daily"}, id="backup"),
    ],
)
def test_parts_come_and_go_alone(options: str, gone: set[str], added: set[str], helm: Path) -> None:
    assert not gone or gone < DEFAULT
    assert objects(rendered(helm, "--set", options)).keys() == DEFAULT - gone | added


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param("replicaCout=5", "additional properties 'replicaCout'", id="misspelt"),
        pytest.param("image.tga=v2", "additional properties 'tga'", id="misspelt-below"),
        pytest.param("image.tag=latest", "/image/tag", id="latest"),
        pytest.param("config.CACHE_TTL=300", "/config/CACHE_TTL': got number, want string", id="setting-that-is-no-string"),
        pytest.param("config.OPENAI_API_KEY=x", "/config/OPENAI_API_KEY", id="credential-among-the-settings"),
        pytest.param("config.DATABASE_URL=x", "/config/DATABASE_URL", id="credential-in-an-address"),
        pytest.param("secrets.jwt=x", "additional properties 'secrets'", id="credential-as-a-value"),
        pytest.param("secretName=", "/secretName", id="no-secret"),
        pytest.param("podLabels.app=x", "/podLabels/app", id="label-of-the-selector"),
        pytest.param("autoscaling.minReplicas=0", "/autoscaling/minReplicas", id="no-replica"),
        pytest.param("resources.limits.memory=lots", "/resources/limits/memory", id="no-quantity"),
        pytest.param("resources.requests=null", "missing property 'requests'", id="no-requests"),
        pytest.param("networkPolicy.databaseCidrs[0]=10.0.0.1", "/networkPolicy/databaseCidrs/0", id="address-without-its-mask"),
        pytest.param("backup.ttl=30d", "/backup/ttl", id="days-in-a-go-duration"),
        pytest.param("ingress.enabled=true", "which ClusterIssuer", id="no-issuer"),
        pytest.param("ingress.enabled=true,ingress.clusterIssuer=ca", "which host", id="no-host"),
        pytest.param("httpRoute.enabled=true,host=a.example.com", "which Gateways", id="no-gateway"),
        pytest.param("qdrant.enabled=false", "where is the Qdrant", id="no-qdrant"),
        pytest.param("autoscaling.minReplicas=30", "is more than autoscaling.maxReplicas (20)", id="bounds-crossed"),
        pytest.param("autoscaling.enabled=false,replicaCount=2", "leaves no room with 2 replicas", id="budget-that-blocks-drains"),
    ],
)
def test_wrong_values_are_refused_in_words(options: str, words: str, helm: Path) -> None:
    done = run(helm, "template", "rag-engine", str(CHART), "--set", options)
    assert done.returncode != 0
    assert words in done.stderr


def test_schema_knows_exactly_the_values_there_are() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert schema["properties"].keys() - {"global"} == values.keys(), "Helm itself passes `global` down"
    for name, described in schema["properties"].items():
        if described.get("additionalProperties") is False:
            assert described["properties"].keys() == values[name].keys(), name


@pytest.mark.parametrize(
    ("options", "replicas"),
    [pytest.param("", None, id="left to the HPA"), pytest.param("autoscaling.enabled=false,replicaCount=5", 5, id="fixed")],
)
def test_replicas_are_left_out_where_the_hpa_decides(options: str, replicas: int | None, helm: Path) -> None:
    assert objects(rendered(helm, "--set", options))["Deployment/rag-engine-api"]["spec"].get("replicas") == replicas


def template_of(text: str) -> Any:
    return objects(text)["Deployment/rag-engine-api"]["spec"]["template"]


def test_change_of_the_settings_rolls_the_pods_and_nothing_else_does(helm: Path) -> None:
    before = template_of(rendered(helm))
    assert template_of(rendered(helm, "--set", "config.LOG_LEVEL=debug")) != before
    assert template_of(rendered(helm, "--set", "podDisruptionBudget.enabled=false,autoscaling.maxReplicas=30")) == before


def test_no_secret_is_made_and_no_cluster_is_asked(helm: Path) -> None:
    assert not {name for name in objects(rendered(helm, *EKS)) if name.startswith("Secret/")}
    for path in CHART.rglob("*"):
        assert path.is_dir() or not re.search(r"\blookup\b", path.read_text(encoding="utf-8")), "helm template could not show what it gives"


def test_without_callers_the_api_is_closed_rather_than_open(helm: Path) -> None:
    policy = objects(rendered(helm, "--set-json", "networkPolicy.fromNamespaces=[]"))["NetworkPolicy/rag-engine-api"]
    assert "Ingress" in policy["spec"]["policyTypes"]
    assert "ingress" not in policy["spec"], "a rule without peers lets everybody in"


@pytest.mark.parametrize(
    ("release", "options"),
    [
        pytest.param("blue", ("--set", "qdrant.name=blue-qdrant"), id="another release"),
        pytest.param("rag-engine", ("--set", "fullnameOverride=eu,qdrant.name=eu-qdrant"), id="another stem"),
    ],
)
def test_two_releases_share_no_name_and_no_selector(release: str, options: tuple[str, ...], helm: Path) -> None:
    first, second = objects(rendered(helm)), objects(rendered(helm, *options, release=release))
    assert len(second) == len(first)
    assert not first.keys() & second.keys()
    labels = [{body["metadata"]["labels"]["app"] for body in each.values() if body["kind"] in WORKLOADS} for each in (first, second)]
    assert not labels[0] & labels[1]


def test_longest_release_name_makes_valid_names(helm: Path) -> None:
    text = rendered(helm, "--set", f"qdrant.name={'q' * 43}", release="r" * 53)
    assert not [problem for item in beside(text).objects for problem in item.problems]


# In the lesson, and on a cluster


def test_listing_of_lesson_15_stands_in_the_chart() -> None:
    text = (ROOT / "lessons" / "lesson-15-managed.md").read_text(encoding="utf-8")
    shown = re.findall(r"```text\n# chart/([\w./-]+)\n(.*?)```", text, re.DOTALL)
    assert [file for file, _ in shown] == ["values.yaml", "templates/deployment.yaml"]
    for file, lines in shown:
        there = (CHART / file).read_text(encoding="utf-8")
        for line in lines.splitlines():
            assert line == "…" or f"\n{line}\n" in there, f"{file} has no line {line!r}"


@pytest.mark.cluster
def test_release_is_installed_graded_tested_upgraded_and_removed(helm: Path, api: Api, kubeconfig: Path) -> None:
    namespace = "chart"
    where = ("--namespace", namespace, "--kubeconfig", str(kubeconfig))
    values = ("--wait", "--timeout", "120s")
    api.ensure_namespace(namespace)
    try:
        for body in objects((SOLUTION / "secrets.yaml").read_text(encoding="utf-8")).values():
            status, answer = api.put({**body, "metadata": {**body["metadata"], "namespace": namespace}}, namespace)
            assert status in (200, 201), answer
        done = run(helm, "install", "rag-engine", str(CHART), *where, *values)
        assert done.returncode == 0, done.stderr
        assert "helm test rag-engine" in done.stdout
        cluster = connect(context=None, kubeconfig=str(kubeconfig), timeout=20)
        for number in (2, 3, 4, 5, 9):
            lesson = lessons()[number]
            kinds = (*lesson.reads, *lesson.live_reads)
            report = evaluate(lesson, cluster.snapshot(kinds, namespace=namespace, taken_at=NOON, everywhere=lesson.everywhere))
            assert not [result for result in report.results if result.counts and result.status is Status.FAILED]
        done = run(helm, "test", "rag-engine", *where, "--timeout", "60s")
        assert done.returncode == 0, done.stderr
        done = run(helm, "upgrade", "rag-engine", str(CHART), *where, *values, "--set", "config.LOG_LEVEL=debug")
        assert done.returncode == 0, done.stderr
        done = run(helm, "uninstall", "rag-engine", *where, "--wait", "--timeout", "60s")
        assert done.returncode == 0, done.stderr
        _, claims = api.request("GET", f"/api/v1/namespaces/{namespace}/persistentvolumeclaims")
        assert [claim["metadata"]["name"] for claim in claims["items"]] == ["storage-qdrant-0"]
    finally:
        run(helm, "uninstall", "rag-engine", *where, "--ignore-not-found")
