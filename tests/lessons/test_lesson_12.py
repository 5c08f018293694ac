"""Lesson 12 beyond its case manifests: live states, what cannot be judged, and the words of the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_11_security import LESSON as LESSON_11
from graders.lessons.lesson_12_monitoring import LESSON
from graders.semantics.network_policies import Endpoint, Policies, ingress
from graders.snapshot import Snapshot
from graders.verdict import Status, Verdict
from tests.cases import exercise, manifests, read
from tests.shapes import assert_no_check_crashes, shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
APP = {"app": "rag-engine-api"}
MONITOR: dict[str, Any] = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "ServiceMonitor",
    "metadata": {"name": "rag-engine-metrics", "namespace": "rag-engine"},
    "spec": {"selector": {"matchLabels": APP}, "endpoints": [{"port": "http", "path": "/metrics", "interval": "30s"}]},
}
RULE: dict[str, Any] = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "rag-engine-alerts", "namespace": "rag-engine"},
    "spec": {
        "groups": [
            {
                "name": "api",
                "rules": [
                    {
                        "alert": "Down",
                        "expr": 'up{job="rag-engine-api"} == 0',
                        "for": "2m",
                        "labels": {"severity": "critical"},
                        "annotations": {"summary": "It is down"},
                    }
                ],
            }
        ]
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "rag-engine-api", "namespace": "rag-engine", "labels": APP},
    "spec": {"selector": APP, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "rag-engine-api", "namespace": "rag-engine"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": APP},
        "template": {
            "metadata": {"labels": APP},
            "spec": {
                "containers": [
                    {
                        "name": "api",
                        "image": "rag:1",
                        "args": ["--port=8000"],
                        "env": [{"name": "LOG_LEVEL", "valueFrom": {"configMapKeyRef": {"name": "rag-engine-config", "key": "LOG_LEVEL"}}}],
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        },
    },
}
CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "rag-engine-config", "namespace": "rag-engine"},
    "data": {"LOG_LEVEL": "info"},
}
COLLECTOR: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "collector", "namespace": "logging"},
    "spec": {
        "selector": {"matchLabels": {"app": "c"}},
        "template": {
            "metadata": {"labels": {"app": "c"}},
            "spec": {
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "c", "image": "c:1", "volumeMounts": [{"name": "l", "mountPath": "/var/log", "readOnly": True}]}],
                "volumes": [{"name": "l", "hostPath": {"path": "/var/log"}}],
            },
        },
    },
}
SCALED: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "api", "namespace": "rag-engine"},
    "spec": {
        "scaleTargetRef": {"name": "rag-engine-api"},
        "triggers": [
            {"type": "prometheus", "metadata": {"serverAddress": "http://p:9090", "query": "sum(rate(a[2m]))", "threshold": "100"}}
        ],
    },
}
ADAPTER: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "adapter", "namespace": "monitoring"},
    "data": {
        "config.yaml": "rules:\n- seriesQuery: http_requests_total\n  resources:\n    template: <<.Resource>>\n"
        "  name:\n    as: requests_per_second\n  metricsQuery: sum(rate(<<.Series>>[2m]))\n"
    },
}
HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "rag-engine-api-hpa", "namespace": "rag-engine"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "rag-engine-api"}, "maxReplicas": 20},
    "status": {
        "currentMetrics": [{"type": "Pods", "pods": {"metric": {"name": "requests_per_second"}, "current": {"averageValue": "42"}}}]
    },
}
SCRAPE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Scrape",
    "metadata": {"name": "rag-engine-api", "namespace": "rag-engine"},
    "status": {"code": 200, "body": "up 1\n"},
}
WHOLE = (MONITOR, RULE, SERVICE, DEPLOYMENT, CONFIG, COLLECTOR, ADAPTER, SCRAPE)


def judge(objective: str, *bodies: dict[str, Any], kind: str = "manifests", **changes: Any) -> Verdict:
    report = evaluate(LESSON, replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), **changes))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(body)
    *steps, last = path.split(".")
    place: Any = reduce(lambda inner, step: inner[int(step) if step.isdigit() else step], steps, body)  # type: ignore[index]
    place[last] = value
    return body


def alert(expression: str) -> dict[str, Any]:
    return changed(RULE, "spec.groups.0.rules.0.expr", expression)


def found(verdict: Verdict) -> str:
    assert verdict.evidence is not None, verdict
    return verdict.evidence.found


def unread(*kinds: str) -> MappingProxyType[str, str]:
    return MappingProxyType({kind: f"Could not read {kind}: not installed. Check with: kubectl api-resources" for kind in kinds})


def test_the_whole_lesson_passes_on_both_sources() -> None:
    for kind in ("manifests", "cluster"):
        report = evaluate(LESSON, Snapshot.of(WHOLE, taken_at=NOON, kind=kind))
        assert report.complete
        assert {result.status for result in report.results} <= {Status.PASSED, Status.SKIPPED}


# What cannot be judged


def test_without_the_operator_nothing_about_it_is_known() -> None:
    for objective in ("servicemonitor-exists", "selects-the-service", "scrapes-metrics"):
        verdict = judge(objective, *WHOLE, kind="cluster", unreadable=unread("ServiceMonitor"))
        assert verdict.status is Status.UNKNOWN
        assert "not installed" in (verdict.reason or "")
    assert judge("alert-on-downtime", *WHOLE, kind="cluster", unreadable=unread("PrometheusRule")).status is Status.UNKNOWN


def test_the_alert_is_judged_without_knowing_the_monitor() -> None:
    assert judge("alert-on-downtime", RULE, kind="cluster", unreadable=unread("ServiceMonitor", "Service")).status is Status.PASSED


@pytest.mark.parametrize(
    ("objective", "missing"),
    [("selects-the-service", "Service"), ("scrapes-metrics", "Service"), ("logs-to-stdout", "Deployment")],
)
def test_other_lessons_object_is_skipped_on_manifests_and_fails_on_a_cluster(objective: str, missing: str) -> None:
    bodies = [body for body in WHOLE if body["kind"] != missing]
    assert judge(objective, *bodies).status is Status.SKIPPED
    assert judge(objective, *bodies, kind="cluster").status is Status.FAILED


def test_the_monitors_own_faults_show_without_the_service() -> None:
    assert judge("scrapes-metrics", changed(MONITOR, "spec.endpoints.0.interval", "1m")).status is Status.FAILED
    assert judge("selects-the-service", changed(MONITOR, "spec.namespaceSelector", {"matchNames": ["x"]})).status is Status.FAILED


# servicemonitor-exists


def test_a_monitor_elsewhere_counts_when_it_looks_here() -> None:
    there = changed(MONITOR, "metadata.namespace", "monitoring")
    here = changed(there, "spec.namespaceSelector", {"matchNames": ["rag-engine"]})
    assert found(judge("servicemonitor-exists", there)) == "`rag-engine-metrics` in namespace `monitoring` only"
    assert judge("servicemonitor-exists", here, SERVICE).status is Status.PASSED
    assert judge("selects-the-service", here, SERVICE).status is Status.PASSED
    old = changed(here, "apiVersion", "monitoring.coreos.com/v1alpha1")
    assert found(judge("servicemonitor-exists", old)) == "`monitoring.coreos.com/v1alpha1`"


def test_the_one_in_the_namespace_counts_first() -> None:
    there = changed(changed(MONITOR, "metadata.namespace", "monitoring"), "spec", {"namespaceSelector": {"any": True}, "selector": {}})
    assert judge("scrapes-metrics", there, MONITOR, SERVICE).status is Status.PASSED
    assert judge("scrapes-metrics", there, SERVICE).status is Status.FAILED


# alert-on-downtime


@pytest.mark.parametrize(
    ("expression", "labels", "status"),
    [
        pytest.param('up{job="team"} == 0', {"team": "team"}, Status.PASSED, id="job by a label of the Service"),
        pytest.param('up{job="rag-engine-api"} == 0', {"team": "team"}, Status.FAILED, id="job is not the name then"),
        pytest.param('up{job="rag-engine-api"} == 0', {}, Status.PASSED, id="a Service without that label"),
    ],
)
def test_the_job_is_what_the_monitor_makes_it(expression: str, labels: dict[str, str], status: Status) -> None:
    service = changed(SERVICE, "metadata.labels", APP | labels)
    assert judge("alert-on-downtime", alert(expression), changed(MONITOR, "spec.jobLabel", "team"), service).status is status


@pytest.mark.parametrize(
    ("expression", "status"),
    [
        pytest.param('up{pod=~"rag-engine-api-.+"} == 0', Status.PASSED, id="Pods by pattern"),
        pytest.param('up{pod=~"qdrant-.+"} == 0', Status.FAILED, id="other Pods"),
        pytest.param('up{endpoint="http",service="rag-engine-api"} == 0', Status.PASSED, id="endpoint and service"),
        pytest.param('kube_deployment_status_replicas_ready{job="kube-state-metrics"} == 0', Status.PASSED, id="job of the exporter"),
        pytest.param('kube_pod_status_ready{namespace="other",condition="true"} == 0', Status.FAILED, id="Pods of another namespace"),
        pytest.param('up{job="postgres"} == 0 or up{job="rag-engine-api"} == 0', Status.PASSED, id="among others"),
        pytest.param('up{job="postgres"} == 1 and on() up{job="rag-engine-api"} == 0', Status.PASSED, id="with a condition"),
        pytest.param("changes(up[10m]) > 3", Status.PASSED, id="what is not known is trusted"),
    ],
)
def test_the_alert_is_about_the_api(expression: str, status: Status) -> None:
    assert judge("alert-on-downtime", alert(expression), MONITOR, SERVICE).status is status


def test_the_nearest_rule_is_the_one_to_talk_about() -> None:
    rules = [{"alert": "A", "expr": "x > 1", "for": "1m"}, {"alert": "B", "expr": "up == 0"}, {"record": "c", "expr": "up"}]
    verdict = judge("alert-on-downtime", changed(RULE, "spec.groups.0.rules", rules))
    assert verdict.evidence is not None
    assert (verdict.evidence.path, verdict.evidence.found) == ("spec.groups[0].rules[1].for", "no `for`")


def test_an_object_without_groups_has_no_alerts() -> None:
    specs: list[dict[str, Any]] = [{}, {"groups": []}, {"groups": [{"name": "a"}]}]
    for spec in specs:
        assert found(judge("alert-on-downtime", changed(RULE, "spec", spec))) == "no alerting rule"


def test_one_sound_object_is_enough() -> None:
    refused = changed(changed(RULE, "metadata.name", "a"), "spec.groups.0.rules.0.labels.severity", 1)
    assert judge("alert-on-downtime", refused).status is Status.FAILED
    assert judge("alert-on-downtime", refused, RULE).status is Status.PASSED


def test_a_long_expression_is_cut_in_the_evidence() -> None:
    text = found(judge("alert-on-downtime", alert("up" + " + up" * 100)))
    assert len(text) < 160
    assert "…" in text


# autoscaling-metric-source


def test_nothing_submitted_is_skipped_and_nothing_there_fails() -> None:
    assert judge("autoscaling-metric-source", MONITOR).status is Status.SKIPPED
    assert judge("autoscaling-metric-source", MONITOR, CONFIG, kind="cluster").status is Status.FAILED


def test_without_keda_the_adapter_still_counts() -> None:
    keda = unread("ScaledObject")
    assert judge("autoscaling-metric-source", ADAPTER, kind="cluster", unreadable=keda).status is Status.PASSED
    broken = changed(ADAPTER, "data", {"config.yaml": "rules:\n- seriesQuery: a"})
    assert judge("autoscaling-metric-source", broken, kind="cluster", unreadable=keda).status is Status.FAILED
    assert judge("autoscaling-metric-source", MONITOR, kind="cluster", unreadable=keda).status is Status.UNKNOWN


def test_a_measured_value_proves_a_source_on_a_cluster_only() -> None:
    everything = unread("ScaledObject", "ConfigMap")
    assert judge("autoscaling-metric-source", HPA, kind="cluster", unreadable=everything).status is Status.PASSED
    assert judge("autoscaling-metric-source", HPA).status is Status.SKIPPED
    assert judge("autoscaling-metric-source", SCALED, kind="cluster", unreadable=unread("HorizontalPodAutoscaler")).status is Status.PASSED


@pytest.mark.parametrize(
    ("path", "value", "part"),
    [
        pytest.param("apiVersion", "keda.k8s.io/v1alpha1", "`keda.k8s.io/v1alpha1`", id="the group of KEDA 1"),
        pytest.param("spec.scaleTargetRef.kind", "StatefulSet", "`StatefulSet`", id="another kind"),
        pytest.param("spec.triggers", [], "no triggers", id="no triggers"),
        pytest.param("spec.triggers.0.metadata.query", "rate(", "rate(", id="no PromQL"),
        pytest.param("spec.triggers.0.metadata.query", " ", "no `query`", id="no query"),
        pytest.param("spec.triggers.0.metadata.threshold", "0", "`0`", id="no threshold"),
        pytest.param("spec.triggers.0.metadata.threshold", "many", "`many`", id="no number"),
        pytest.param("metadata.namespace", "other", "none was submitted", id="another namespace"),
    ],
)
def test_scaled_objects_that_yield_nothing(path: str, value: Any, part: str) -> None:
    verdict = judge("autoscaling-metric-source", changed(SCALED, path, value))
    assert part in (verdict.reason or "" if verdict.evidence is None else verdict.evidence.found)


def test_an_hpa_made_by_keda_is_no_rival() -> None:
    made = changed(HPA, "metadata.ownerReferences", [{"kind": "ScaledObject", "name": "api", "controller": True}])
    assert judge("autoscaling-metric-source", SCALED, made).advice == ()
    assert "refuses" in judge("autoscaling-metric-source", SCALED, HPA).advice[0]


# logs-to-stdout


@pytest.mark.parametrize(
    ("args", "status"),
    [
        pytest.param(["--log-level=debug", "--log-format", "json"], Status.PASSED, id="level and format"),
        pytest.param(["--log-config", "/app/config/log.json"], Status.PASSED, id="configuration"),
        pytest.param(["--logfile", "-"], Status.PASSED, id="dash"),
        pytest.param(["--log-file=/dev/stdout"], Status.PASSED, id="device"),
        pytest.param(["--error-logfile=/proc/1/fd/2"], Status.PASSED, id="descriptor"),
        pytest.param(["--log-file", "api.log"], Status.FAILED, id="next argument"),
        pytest.param(["--access-log-file=a"], Status.FAILED, id="access log"),
        pytest.param(["--log-dir=/data"], Status.FAILED, id="folder"),
        pytest.param(["sh", "-c", "serve 2>&1"], Status.PASSED, id="one stream into the other"),
        pytest.param(["sh", "-c", "serve >&2"], Status.PASSED, id="the other into the one"),
        pytest.param(["sh", "-c", "serve 2> /tmp/errors"], Status.FAILED, id="errors to a file"),
        pytest.param(["sh", "-c", "serve &> /tmp/all"], Status.FAILED, id="both to a file"),
        pytest.param(["sh", "-c", "serve >>'/tmp/all'"], Status.FAILED, id="appended"),
        pytest.param(["sh", "-c", "serve --log-file /tmp/all"], Status.FAILED, id="flag in a line for the shell"),
        pytest.param(["sh", "-c", "serve --log-file -"], Status.PASSED, id="dash in a line for the shell"),
        pytest.param(["sh", "-c", "until nc -z db 5432 >/dev/null 2>&1; do sleep 1; done; serve"], Status.PASSED, id="waits quietly"),
        pytest.param(["sh", "-c", "command -v serve > /dev/null && serve"], Status.PASSED, id="looks quietly"),
        pytest.param(["sh", "-c", "migrate > /dev/null; serve > /dev/null"], Status.FAILED, id="the last one thrown away"),
        pytest.param(["sh", "-c", "serve > /dev/null & tail -f /dev/null"], Status.FAILED, id="thrown away in the background"),
        pytest.param(["sh", "-c", "a => b -> c >= d"], Status.PASSED, id="arrows"),
        pytest.param(["/bin/bash", "-ec", "serve > $LOGS/all | cat"], Status.FAILED, id="a variable in the name"),
        pytest.param(["python", "-c", "print(2 > 1)"], Status.PASSED, id="no shell"),
        pytest.param([1, None], Status.PASSED, id="no text"),
    ],
)
def test_arguments(args: list[Any], status: Status) -> None:
    changed_deployment = changed(DEPLOYMENT, "spec.template.spec.containers.0.args", args)
    assert judge("logs-to-stdout", changed_deployment, CONFIG).status is status


def test_a_cluster_without_the_config_map_lacks_the_level() -> None:
    assert judge("logs-to-stdout", DEPLOYMENT).status is Status.PASSED
    assert "or no such ConfigMap" in found(judge("logs-to-stdout", DEPLOYMENT, kind="cluster"))
    assert judge("logs-to-stdout", DEPLOYMENT, kind="cluster", unreadable=unread("ConfigMap")).status is Status.PASSED


def test_the_apps_container_must_be_known() -> None:
    two = [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]
    assert found(judge("logs-to-stdout", changed(DEPLOYMENT, "spec.template.spec.containers", two))) == "none of that name"


# log-collector


@pytest.mark.parametrize(
    ("expression", "status"),
    [
        pytest.param({"key": "kubernetes.io/os", "operator": "In", "values": ["linux", "windows"]}, Status.PASSED, id="Linux"),
        pytest.param({"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}, Status.FAILED, id="Windows"),
        pytest.param({"key": "compute-type", "operator": "NotIn", "values": ["fargate"]}, Status.PASSED, id="nodes without a host"),
        pytest.param({"key": "logging", "operator": "Exists"}, Status.FAILED, id="a label"),
        pytest.param({"key": "kubernetes.io/hostname", "operator": "Exists"}, Status.PASSED, id="a label that all have"),
        pytest.param({"key": "cpus", "operator": "Gt", "values": ["4"]}, Status.FAILED, id="large nodes"),
        pytest.param({"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"}, Status.FAILED, id="workers"),
        pytest.param({"key": "x", "operator": "In", "values": 3}, Status.FAILED, id="no list"),
    ],
)
def test_nodes_that_are_left_out(expression: dict[str, Any], status: Status) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert judge("log-collector", changed(COLLECTOR, "spec.template.spec.affinity", affinity)).status is status
    terms["nodeSelectorTerms"].append({"matchExpressions": []})
    assert judge("log-collector", changed(COLLECTOR, "spec.template.spec.affinity", affinity)).status is Status.PASSED


def test_the_nearest_daemonset_is_the_one_to_talk_about() -> None:
    other = changed(changed(COLLECTOR, "metadata.name", "a"), "spec.template.spec.volumes", [])
    near = changed(COLLECTOR, "spec.template.spec.tolerations", [])
    assert found(judge("log-collector", other, near)) == "no tolerations"
    assert judge("log-collector", other, near, changed(COLLECTOR, "metadata.name", "z")).status is Status.PASSED


def test_no_daemonset_names_the_command_for_all_namespaces() -> None:
    verdict = judge("log-collector", MONITOR)
    assert verdict.evidence is not None
    assert verdict.evidence.command == "kubectl get daemonsets --all-namespaces"


HERE_ONLY = {"DaemonSet": "Could not read DaemonSets in all namespaces: access denied. Check with: kubectl auth can-i list daemonsets -A"}


def test_collector_may_stand_anywhere_and_its_absence_must_be_proven() -> None:
    elsewhere, proxy = changed(COLLECTOR, "metadata.namespace", "logging"), changed(COLLECTOR, "metadata.namespace", "kube-system")
    proxy["spec"]["template"]["spec"]["volumes"] = []
    assert judge("log-collector", elsewhere, kind="cluster").status is Status.PASSED
    assert found(judge("log-collector", proxy, kind="cluster")) == "no DaemonSet that does"
    assert judge("log-collector", COLLECTOR, kind="cluster", only_here=HERE_ONLY).status is Status.PASSED
    verdict = judge("log-collector", kind="cluster", only_here=HERE_ONLY)
    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, HERE_ONLY["DaemonSet"])


def test_rule_and_monitor_count_where_only_this_namespace_can_be_read() -> None:
    only_here = {"PrometheusRule": "denied", "ServiceMonitor": "denied"}
    for name in ("servicemonitor-exists", "alert-on-downtime"):
        assert judge(name, *WHOLE, kind="cluster", only_here=only_here).status is Status.PASSED
        assert judge(name, SERVICE, kind="cluster", only_here=only_here).status is Status.UNKNOWN


def test_metric_source_in_another_namespace_is_not_ruled_out() -> None:
    assert judge("autoscaling-metric-source", MONITOR, kind="cluster", only_here={"ConfigMap": "not asked"}).status is Status.UNKNOWN


# target-scraped


def played(*versions: str) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"n{number}"},
            "status": {"nodeInfo": {"containerRuntimeVersion": version}},
        }
        for number, version in enumerate(versions)
    ]


@pytest.mark.parametrize(
    ("versions", "status"),
    [
        pytest.param(["kwok-0.8.0", "kwok-0.8.0"], Status.UNKNOWN, id="all-played"),
        pytest.param(["kwok-0.8.0", "containerd://2.1.4"], Status.FAILED, id="one-is-real"),
        pytest.param([], Status.FAILED, id="not-known"),
    ],
)
def test_nobody_serves_metrics_where_containers_are_played(versions: list[str], status: Status) -> None:
    refused = changed(SCRAPE, "status", {"code": 503, "message": "no endpoints available"})
    verdict = judge("target-scraped", refused, SERVICE, *played(*versions), kind="cluster")
    assert verdict.status is status


@pytest.mark.parametrize(
    ("status", "deployment", "expected"),
    [
        pytest.param({"code": 200, "body": "up 1\n"}, {}, Status.PASSED, id="served"),
        pytest.param({"code": 200, "body": "<html>"}, {}, Status.FAILED, id="something else is served"),
        pytest.param({"code": 200}, {}, Status.FAILED, id="nothing is served"),
        pytest.param({"code": 404}, {}, Status.FAILED, id="not found"),
        pytest.param({"code": 503}, {"readyReplicas": 0}, Status.PENDING, id="no Pod is ready yet"),
        pytest.param({"code": 503}, {"readyReplicas": 3}, Status.FAILED, id="Pods are ready and refuse"),
        pytest.param({"code": 503}, {"conditions": [{"type": "Progressing", "status": "False"}]}, Status.FAILED, id="given up"),
        pytest.param({"code": 403}, {}, Status.UNKNOWN, id="not allowed"),
        pytest.param({"code": 401}, {}, Status.UNKNOWN, id="not known"),
        pytest.param({}, {}, Status.FAILED, id="no answer at all"),
    ],
)
def test_what_the_service_answers(status: dict[str, Any], deployment: dict[str, Any], expected: Status) -> None:
    bodies = (changed(SCRAPE, "status", status), SERVICE, {**DEPLOYMENT, "status": deployment})
    assert judge("target-scraped", *bodies, kind="cluster").status is expected


def test_without_a_request_it_is_not_known() -> None:
    verdict = judge("target-scraped", SERVICE, kind="cluster")
    assert verdict.status is Status.UNKNOWN
    assert "/api/v1/namespaces/rag-engine/services/rag-engine-api:http/proxy/metrics" in (verdict.reason or "")
    assert judge("target-scraped", kind="cluster").status is Status.FAILED
    assert judge("target-scraped", SCRAPE, SERVICE).status is Status.SKIPPED
    assert judge("target-scraped", SERVICE, kind="cluster", unreadable=unread("Scrape")).status is Status.UNKNOWN


# With lesson 11's policies in force

_PROMETHEUS = {"app.kubernetes.io/name": "prometheus"}
_WITH_POLICIES = [
    pytest.param(("lesson-11", "lesson-12"), id="lessons 11 and 12 together"),
    pytest.param(("lesson-15",), id="lesson 15, which holds both"),
]


def _solutions(ids: Sequence[str]) -> Snapshot:
    """The solutions of some lessons; of two objects with one name the later counts."""
    snapshot = read([path for each in ids for path in manifests(exercise(each) / "solution")])
    return replace(snapshot, objects=tuple({(item.kind, item.namespace, item.name): item for item in snapshot.objects}.values()))


@pytest.mark.parametrize("ids", _WITH_POLICIES)
def test_lesson_11_stays_complete(ids: Sequence[str]) -> None:
    report = evaluate(LESSON_11, _solutions(ids))
    judged = {result.objective.id: result.status for result in report.results if result.counts and not result.objective.live}
    assert set(judged.values()) == {Status.PASSED}, judged


@pytest.mark.parametrize("ids", _WITH_POLICIES)
@pytest.mark.parametrize(
    ("namespace", "labels", "port", "allowed"),
    [
        pytest.param("monitoring", _PROMETHEUS, 8000, True, id="Prometheus"),
        pytest.param("monitoring", _PROMETHEUS, 80, False, id="Prometheus at the port of the Service"),
        pytest.param("monitoring", {"app.kubernetes.io/name": "grafana"}, 8000, False, id="its neighbour"),
        pytest.param("default", _PROMETHEUS, 8000, False, id="somebody who calls himself so"),
        pytest.param("ingress-nginx", {}, 8000, True, id="the ingress controller, as before"),
    ],
)
def test_solutions_let_prometheus_in(ids: Sequence[str], namespace: str, labels: Mapping[str, str], port: int, allowed: bool) -> None:
    snapshot = _solutions(ids)
    bodies = [item.body for item in snapshot.all("NetworkPolicy")]
    policies = Policies.of(bodies, {item.name: item.labels for item in snapshot.all("Namespace")}, "rag-engine")
    api = Endpoint.pod("rag-engine", APP)
    decision = ingress(policies, Endpoint.pod(namespace, labels), api, port)
    assert bool(decision.allowed) is allowed  # whether the addresses of lesson 15's load balancer take in Pods is up to the plugin: no yes


# Whatever learners write

KEYS = (
    "name",
    "spec",
    "selector",
    "matchLabels",
    "endpoints",
    "port",
    "interval",
    "groups",
    "rules",
    "expr",
    "alert",
    "for",
    "labels",
    "values",
)
ODD = shapes(st.sampled_from(["", "http", "30s", "up == 0", "absent(", "rag-engine", "/var/log", 0, 80, -1, 1.5]), KEYS)


@settings(max_examples=150)
@given(st.sampled_from([*WHOLE, SCALED, HPA]).flatmap(lambda body: spoilt(body, ODD)), st.sampled_from(["manifests", "cluster"]))
def test_no_shape_of_object_crashes_a_check(body: dict[str, Any], kind: str) -> None:
    others = [other for other in (*WHOLE, HPA) if other["kind"] != body["kind"]]
    assert_no_check_crashes(LESSON, Snapshot.of([*others, MONITOR, body], taken_at=NOON, kind=kind))
