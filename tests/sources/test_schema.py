"""What the strict decoder refuses, where it says that it stands, and what it tells the learner to write."""

from __future__ import annotations

import json
import string
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from graders.redaction import facts, redact
from graders.snapshot import Path, freeze, show_path
from graders.sources.schema import NEWEST, VERSIONS, Fault, check, load_tables

EXERCISES = File(__file__).parent.parent.parent / "exercises"
CANARY = "hunter2-Zq9xW"


def guide() -> list[dict[str, Any]]:
    return [body for file in sorted((EXERCISES / "guide").glob("*.yaml")) for body in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def deployment(container: str = "", *, pod: str = "", template: str = "", spec: str = "", metadata: str = "") -> dict[str, Any]:
    """A Deployment with one container, and with more fields in some places, each in YAML's flow style without the outer braces."""
    flow = {name: yaml.safe_load(f"{{{text}}}") for name, text in locals().items()}
    containers = [{"name": "api", "image": "web:1", **flow["container"]}]
    pods = {"metadata": {"labels": {"app": "web"}}, **flow["template"], "spec": {"containers": containers, **flow["pod"]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", **flow["metadata"]},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **flow["spec"], "template": pods},
    }


def of(version: str, kind: str, text: str = "") -> dict[str, Any]:
    """An object of a kind, its other fields in YAML's flow style."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}, **yaml.safe_load(f"{{{text}}}")}


def only(body: Mapping[str, Any], version: str = NEWEST) -> Fault:
    (fault,) = check(body, version)
    return fault


CONTAINER = "spec.template.spec.containers[0]"

UNKNOWN = [
    # Misspelt.
    pytest.param(
        deployment("livenesProbe: {}"),
        "`livenesProbe` is not a field of a container. Did you mean `livenessProbe`?",
        f"{CONTAINER}.livenessProbe",
        f"{CONTAINER}.livenesProbe",
        id="letter-missing",
    ),
    pytest.param(
        deployment("livenessprobe: {}"),
        "`livenessprobe` is not a field of a container. Did you mean `livenessProbe`?",
        f"{CONTAINER}.livenessProbe",
        f"{CONTAINER}.livenessprobe",
        id="wrong-case",
    ),
    pytest.param(
        deployment("liveness-probe: {}"),
        "`liveness-probe` is not a field of a container. Did you mean `livenessProbe`?",
        f"{CONTAINER}.livenessProbe",
        f"{CONTAINER}.liveness-probe",
        id="dashes",
    ),
    pytest.param(
        deployment(spec="replica: 3"),
        "`replica` is not a field of a Deployment's spec. Did you mean `replicas`?",
        "spec.replicas",
        "spec.replica",
        id="singular",
    ),
    pytest.param(
        deployment("port: 8000"),
        "`port` is not a field of a container. Did you mean `ports`?",
        f"{CONTAINER}.ports",
        f"{CONTAINER}.port",
        id="singular-of-another-shape",
    ),
    pytest.param(
        of("v1", "ConfigMap", "Data: {A: b}"),
        "`Data` is not a field of a ConfigMap. Did you mean `data`?",
        "data",
        "Data",
        id="at-the-root",
    ),
    pytest.param(
        of("networking.k8s.io/v1", "Ingress", "spec: {tls: [{secret: a}]}"),
        "`secret` is not a field of an item of `tls`. Did you mean `secretName`?",
        "spec.tls[0].secretName",
        "spec.tls[0].secret",
        id="shortened",
    ),
    pytest.param(
        deployment("env: [{name: A, valuefrom: {}}]"),
        "`valuefrom` is not a field of an item of `env`. Did you mean `valueFrom`?",
        f"{CONTAINER}.env[0].valueFrom",
        f"{CONTAINER}.env[0].valuefrom",
        id="in-a-list-in-a-list",
    ),
    pytest.param(
        deployment("securityContext: {runasuser: 1}"),
        "`runasuser` is not a field of a container's `securityContext`. Did you mean `runAsUser`?",
        f"{CONTAINER}.securityContext.runAsUser",
        f"{CONTAINER}.securityContext.runasuser",
        id="security-context-of-a-container",
    ),
    pytest.param(
        deployment(metadata="lables: {app: web}"),
        "`lables` is not a field of metadata. Did you mean `labels`?",
        "metadata.labels",
        "metadata.lables",
        id="metadata",
    ),
    # In the wrong place.
    pytest.param(
        deployment(pod="livenessProbe: {}"),
        "`livenessProbe` is not a field of a Pod's spec. It belongs in an item of `containers`: look at its indentation.",
        f"{CONTAINER}.livenessProbe",
        "spec.template.spec.livenessProbe",
        id="too-far-out",
    ),
    pytest.param(
        deployment("resources: {livenessProbe: {}}"),
        "`livenessProbe` is not a field of `resources`. It belongs beside `resources`: look at its indentation.",
        f"{CONTAINER}.livenessProbe",
        f"{CONTAINER}.resources.livenessProbe",
        id="too-far-in",
    ),
    pytest.param(
        deployment("volumes: [{name: tmp}]"),
        "`volumes` is not a field of a container. It belongs beside `containers`: look at its indentation.",
        "spec.template.spec.volumes",
        f"{CONTAINER}.volumes",
        id="too-far-in-by-a-list",
    ),
    pytest.param(
        deployment(template="strategy: {type: Recreate}"),
        "`strategy` is not a field of a Pod template. It belongs beside `template`: look at its indentation.",
        "spec.strategy",
        "spec.template.strategy",
        id="in-the-template",
    ),
    pytest.param(
        {**of("v1", "Service", "spec: {ports: [{port: 80}]}"), "selector": {"app": "web"}},
        "`selector` is not a field of a Service. It belongs under `spec`: look at its indentation.",
        "spec.selector",
        "selector",
        id="outside-of-spec",
    ),
    pytest.param(
        of("v1", "Service", "metadata: {name: web, type: ClusterIP}, spec: {ports: [{port: 80}]}"),
        "`type` is not a field of metadata. It belongs under `spec`: look at its indentation.",
        "spec.type",
        "metadata.type",
        id="under-the-neighbour",
    ),
    pytest.param(
        deployment("securityContext: {}", pod="securityContext: {readOnlyRootFilesystem: true}"),
        "`readOnlyRootFilesystem` is not a field of a Pod's `securityContext`. "
        "It belongs under `spec.template.spec.containers[].securityContext`: look at its indentation.",
        f"{CONTAINER}.securityContext.readOnlyRootFilesystem",
        "spec.template.spec.securityContext.readOnlyRootFilesystem",
        id="of-the-container-at-the-pod",
    ),
    pytest.param(
        of("apps/v1", "Deployment", "spec: {containers: [{name: api}]}"),
        "`containers` is not a field of a Deployment's spec. It belongs under `template.spec`.",
        "spec.template.spec.containers",
        "spec.containers",
        id="template-left-out",
    ),
    pytest.param(
        deployment("readinessProbe: {path: /health}"),
        "`path` is not a field of `readinessProbe`. It belongs under `httpGet`.",
        f"{CONTAINER}.readinessProbe.httpGet.path",
        f"{CONTAINER}.readinessProbe.path",
        id="handler-left-out",
    ),
    pytest.param(
        deployment("readinessProbe: {port: 80}"),
        "`port` is not a field of `readinessProbe`. It belongs under `grpc` or `httpGet` or `tcpSocket`.",
        f"{CONTAINER}.readinessProbe.grpc.port",
        f"{CONTAINER}.readinessProbe.port",
        id="several-places",
    ),
    pytest.param(
        of("v1", "Service", "spec: {ports: [{port: 80, targetPort: 8000}], targetPort: 8000}"),
        "`targetPort` is not a field of a Service's spec. It is already set in an item of `ports`: remove it here.",
        "spec.targetPort",
        "spec.targetPort",
        id="a-second-time",
    ),
    # Keys of the learner's own.
    pytest.param(
        of("v1", "Namespace", "metadata: {name: web, environment: production}"),
        "`environment` is not a field of metadata. A label goes under `labels`.",
        "metadata.labels.environment",
        "metadata.environment",
        id="label",
    ),
    pytest.param(
        of("policy/v1", "PodDisruptionBudget", "spec: {selector: {app: web}}"),
        "`app` is not a field of `selector`. A label goes under `matchLabels`.",
        "spec.selector.matchLabels.app",
        "spec.selector.app",
        id="label-of-a-selector",
    ),
    pytest.param(
        of("v1", "ConfigMap", "LOG_LEVEL: info"),
        "`LOG_LEVEL` is not a field of a ConfigMap. A setting goes under `data`.",
        "data.LOG_LEVEL",
        "LOG_LEVEL",
        id="setting",
    ),
    # Of other versions.
    pytest.param(
        of("networking.k8s.io/v1", "Ingress", "spec: {rules: [{http: {paths: [{backend: {serviceName: web}}]}}]}"),
        "`serviceName` is not a field of `backend`. Here it is `service.name`.",
        "spec.rules[0].http.paths[0].backend.service.name",
        "spec.rules[0].http.paths[0].backend.serviceName",
        id="renamed",
    ),
    pytest.param(
        of("autoscaling/v2", "HorizontalPodAutoscaler", "spec: {targetCPUUtilizationPercentage: 70}"),
        "`targetCPUUtilizationPercentage` is not a field of a HorizontalPodAutoscaler's spec. Here it is `metrics`.",
        "spec.metrics",
        "spec.targetCPUUtilizationPercentage",
        id="of-the-first-version",
    ),
    # Of nothing.
    pytest.param(
        deployment("healthcheck: {}"),
        "`healthcheck` is not a field of a container. Remove it, or look up its name.",
        f"{CONTAINER}.healthcheck",
        f"{CONTAINER}.healthcheck",
        id="unheard-of",
    ),
    pytest.param(
        deployment("healthcheck: null"),
        "`healthcheck` is not a field of a container. Remove it, or look up its name.",
        f"{CONTAINER}.healthcheck",
        f"{CONTAINER}.healthcheck",
        id="unheard-of-and-null",
    ),
]


@pytest.mark.parametrize(("body", "message", "path", "written"), UNKNOWN)
def test_unknown_field_is_told_with_what_was_meant(body: dict[str, Any], message: str, path: str, written: str) -> None:
    fault = only(body)
    assert (fault.message, show_path(fault.path), show_path(fault.written)) == (message, path, written)
    assert fault.expected
    assert fault.found


TYPES = [
    pytest.param(
        of("v1", "ConfigMap", "data: {QDRANT_PORT: 6333}"),
        "`QDRANT_PORT` must be a string, and is `QDRANT_PORT: 6333`, a number. Quote it.",
        "data.QDRANT_PORT",
        id="number-for-text",
    ),
    pytest.param(
        of("v1", "ConfigMap", "data: {FLAG: true}"),
        "`FLAG` must be a string, and is `FLAG: true`, a boolean. Quote it.",
        "data.FLAG",
        id="boolean-for-text",
    ),
    pytest.param(of("v1", "ConfigMap", "data: {A: {B: c}}"), "`A` must be a string, and is a map.", "data.A", id="map-for-text"),
    pytest.param(of("v1", "ConfigMap", "data: {A: [b]}"), "`A` must be a string, and is a list.", "data.A", id="list-for-text"),
    pytest.param(
        deployment("command: [sleep, 30]"),
        "An item of `command` must be a string, and is `30`, a number. Quote it.",
        f"{CONTAINER}.command[1]",
        id="number-in-a-list-of-texts",
    ),
    pytest.param(
        deployment('ports: [{containerPort: "8080"}]'),
        '`containerPort` must be a whole number, and is `containerPort: "8080"`, a string. Remove the quotes.',
        f"{CONTAINER}.ports[0].containerPort",
        id="text-for-a-number",
    ),
    pytest.param(
        deployment(spec="replicas: three"),
        "`replicas` must be a whole number, and is `replicas: three`, a string.",
        "spec.replicas",
        id="word-for-a-number",
    ),
    pytest.param(
        deployment(spec="replicas: 2.5"),
        "`replicas` must be a whole number, and is `replicas: 2.5`, a number.",
        "spec.replicas",
        id="fraction",
    ),
    pytest.param(
        deployment(spec="replicas: 3.0"),
        "`replicas` must be a whole number, and is `replicas: 3.0`, a number.",
        "spec.replicas",
        id="whole-with-a-fraction",
    ),
    pytest.param(
        deployment(spec="replicas: true"),
        "`replicas` must be a whole number, and is `replicas: true`, a boolean.",
        "spec.replicas",
        id="boolean-for-a-number",
    ),
    pytest.param(
        deployment(spec="replicas: 2147483648"),
        "`replicas` must be a whole number from -2147483648 to 2147483647, and is `replicas: 2147483648`, a number.",
        "spec.replicas",
        id="beyond-32-bits",
    ),
    pytest.param(
        deployment(pod="terminationGracePeriodSeconds: 9223372036854775808"),
        "`terminationGracePeriodSeconds` must be a whole number from -9223372036854775808 to 9223372036854775807, "
        "and is `terminationGracePeriodSeconds: 9223372036854775808`, a number.",
        "spec.template.spec.terminationGracePeriodSeconds",
        id="beyond-64-bits",
    ),
    pytest.param(
        deployment('stdin: "true"'),
        '`stdin` must be `true` or `false`, and is `stdin: "true"`, a string. Remove the quotes.',
        f"{CONTAINER}.stdin",
        id="text-for-a-boolean",
    ),
    pytest.param(
        deployment("stdin: 1"),
        "`stdin` must be `true` or `false`, and is `stdin: 1`, a number.",
        f"{CONTAINER}.stdin",
        id="number-for-a-boolean",
    ),
    pytest.param(
        deployment("ports: {containerPort: 80}"),
        "`ports` must be a list, and is a map. Begin each item with `-`.",
        f"{CONTAINER}.ports",
        id="map-for-a-list",
    ),
    pytest.param(
        deployment("args: --verbose"),
        "`args` must be a list, and is `args: --verbose`, a string. Begin each item with `-`.",
        f"{CONTAINER}.args",
        id="text-for-a-list",
    ),
    pytest.param(
        deployment("resources: [{limits: {}}]"),
        "`resources` must be a map, and is a list. Remove the `-`.",
        f"{CONTAINER}.resources",
        id="list-for-a-map",
    ),
    pytest.param(
        of("v1", "Service", "spec: {selector: app=web}"),
        "`selector` must be a map, and is `selector: app=web`, a string.",
        "spec.selector",
        id="text-for-a-map",
    ),
    pytest.param(
        of("v1", "Service", "spec: {selector: {matchLabels: {app: web}}}"),
        "`matchLabels` must be a string, and is a map. Write the labels without `matchLabels`.",
        "spec.selector.matchLabels",
        id="labels-one-level-too-deep",
    ),
    pytest.param(
        deployment("env: [DEBUG]"),
        "An item of `env` must be a map, and is `DEBUG`, a string.",
        f"{CONTAINER}.env[0]",
        id="text-in-a-list-of-maps",
    ),
    pytest.param(
        of("v1", "Namespace", "metadata: web"),
        "`metadata` must be a map, and is `metadata: web`, a string.",
        "metadata",
        id="text-for-metadata",
    ),
    pytest.param(
        of("v1", "Service", "spec: {ports: [{port: 80, targetPort: 80.5}]}"),
        "`targetPort` must be a whole number or a string, and is `targetPort: 80.5`, a number.",
        "spec.ports[0].targetPort",
        id="fraction-for-a-port",
    ),
    pytest.param(
        of("policy/v1", "PodDisruptionBudget", "spec: {minAvailable: 2147483648}"),
        "`minAvailable` must be a whole number or a string, and is `minAvailable: 2147483648`, a number.",
        "spec.minAvailable",
        id="int-or-string-beyond-32-bits",
    ),
    pytest.param(
        deployment("resources: {limits: {memory: 512MB}}"),
        "`memory` must be a quantity, such as `500m` or `1Gi`, and is `memory: 512MB`, a string. Write `512Mi`.",
        f"{CONTAINER}.resources.limits.memory",
        id="unit-of-bytes",
    ),
    pytest.param(
        deployment("resources: {limits: {memory: 512 Mi}}"),
        "`memory` must be a quantity, such as `500m` or `1Gi`, and is `memory: 512 Mi`, a string. Write `512Mi`.",
        f"{CONTAINER}.resources.limits.memory",
        id="space-in-a-quantity",
    ),
    pytest.param(
        deployment("resources: {limits: {cpu: half}}"),
        "`cpu` must be a quantity, such as `500m` or `1Gi`, and is `cpu: half`, a string.",
        f"{CONTAINER}.resources.limits.cpu",
        id="no-quantity",
    ),
    pytest.param(
        deployment('resources: {limits: {cpu: "1\\n"}}'),
        "`cpu` must be a quantity, such as `500m` or `1Gi`, and is a string. Write `1`.",
        f"{CONTAINER}.resources.limits.cpu",
        id="quantity-in-a-block",
    ),
    pytest.param(
        of("v1", "ConfigMap", "metadata: {name: web, creationTimestamp: '2026-02-30T00:00:00Z'}"),
        "`creationTimestamp` must be a time, such as `2026-01-31T12:00:00Z`, and is `creationTimestamp: 2026-02-30T00:00:00Z`, a string.",
        "metadata.creationTimestamp",
        id="day-that-is-none",
    ),
    pytest.param(
        of("v1", "ConfigMap", "binaryData: {logo.svg: <svg/>}"),
        "`logo.svg` is not valid base64. Plain text goes under `data`.",
        "binaryData['logo.svg']",
        id="no-base64",
    ),
    pytest.param(
        of("v1", "ConfigMap", f"data: {{A: {10**30}}}"), "`A` must be a string, and is a huge number. Quote it.", "data.A", id="huge-number"
    ),
]


@pytest.mark.parametrize(("body", "message", "path"), TYPES)
def test_wrong_type_is_told_with_what_to_write(body: dict[str, Any], message: str, path: str) -> None:
    fault = only(body)
    assert (fault.message, show_path(fault.path)) == (message, path)
    assert fault.written == fault.path


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(deployment(spec="replicas: null, paused: null"), id="null-leaves"),
        pytest.param(deployment("resources: null, env: null", metadata="labels: null"), id="null-maps-and-lists"),
        pytest.param(deployment("command: [null], env: [null]"), id="null-items"),
        pytest.param(of("v1", "ConfigMap", "data: {A: null}"), id="null-entries"),
        pytest.param(deployment("resources: {limits: {cpu: 2, memory: 1e9}, requests: {cpu: 0.5, memory: ' 1Gi '}}"), id="quantities"),
        pytest.param(deployment(spec="strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}"), id="int-or-string"),
        pytest.param(of("v1", "Service", "spec: {ports: [{port: 2147483647}, {port: -2147483648}]}"), id="ends-of-the-range"),
        pytest.param(of("policy/v1", "PodDisruptionBudget", 'spec: {minAvailable: "2"}'), id="what-validation-judges"),
        pytest.param(of("apps/v1", "Deployment"), id="nothing-required"),
        pytest.param(of("v1", "ConfigMap", "binaryData: {a: 'YQ=='}, immutable: true"), id="base64"),
        pytest.param(of("gateway.networking.k8s.io/v1", "HTTPRoute", "spec: {anything: [1]}"), id="custom-resource"),
        pytest.param(of("serving.knative.dev/v1", "Service", "spec: 5"), id="custom-resource-of-a-known-kind"),
        pytest.param(of("apiextensions.k8s.io/v1", "CustomResourceDefinition", "spec: 5"), id="kind-that-is-not-described"),
        pytest.param(of("v1", "List", "items: []"), id="list"),
    ],
)
def test_what_the_server_decodes_is_no_fault(body: dict[str, Any]) -> None:
    assert check(body) == ()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("body", [pytest.param(body, id=body["kind"]) for body in guide()])
def test_guide_decodes(body: dict[str, Any], version: str) -> None:
    assert check(body, version) == ()
    assert check(redact(freeze(body)), version) == ()


TIMES = {
    **dict.fromkeys(("2026-01-31T12:00:00Z", "2026-01-31T1:00:00Z", "2026-01-31T12:00:00.5+01:00", "2026-01-31T12:00:00,5Z"), True),
    **dict.fromkeys(("2024-02-29T23:59:59Z", "0000-02-29T00:00:00Z", "2026-01-31T12:00:00+24:60"), True),
    **dict.fromkeys(("", "now", "2026-01-31", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00", "2026-01-31t12:00:00z"), False),
    **dict.fromkeys(("2026-1-31T12:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:60Z"), False),
    **dict.fromkeys(("2025-02-29T12:00:00Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+0100", "2026-01-31T12:00:00+25:00"), False),
    **dict.fromkeys(("２026-01-31T12:00:00Z", "2026-01-31T12:00:00Z\n"), False),
}


@pytest.mark.parametrize(("text", "good"), [pytest.param(text, good, id=ascii(text)) for text, good in TIMES.items()])
def test_time_is_read_as_go_reads_it(text: str, good: bool) -> None:
    assert (check(of("v1", "ConfigMap", "") | {"metadata": {"name": "web", "creationTimestamp": text}}) == ()) is good


@pytest.mark.parametrize(
    ("text", "good"), [("2026-01-31T12:00:00.123456Z", True), ("2026-01-31T12:00:00Z", False), ("2026-01-31T12:00:00.1234567Z", False)]
)
def test_time_of_an_event_has_six_decimals(text: str, good: bool) -> None:
    assert (check(of("v1", "Event") | {"eventTime": text}) == ()) is good


HEADS = [
    pytest.param(
        {"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"},
        "`autoscaling/v2beta2` does not serve HorizontalPodAutoscaler. Write `apiVersion: autoscaling/v2`.",
        "apiVersion",
        id="beta",
    ),
    pytest.param(
        {"apiVersion": "extensions/v1beta1", "kind": "Ingress"},
        "`extensions/v1beta1` does not serve Ingress. Write `apiVersion: networking.k8s.io/v1`.",
        "apiVersion",
        id="extensions-ingress",
    ),
    pytest.param(
        {"apiVersion": "extensions/v1beta1", "kind": "Deployment"},
        "`extensions/v1beta1` does not serve Deployment. Write `apiVersion: apps/v1`.",
        "apiVersion",
        id="extensions-deployment",
    ),
    pytest.param(
        {"apiVersion": "networking.k8s.io/v1beta1", "kind": "Ingress"},
        "`networking.k8s.io/v1beta1` does not serve Ingress. Write `apiVersion: networking.k8s.io/v1`.",
        "apiVersion",
        id="beta-of-a-group-with-dots",
    ),
    pytest.param(
        {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget"},
        "`policy/v1beta1` does not serve PodDisruptionBudget. Write `apiVersion: policy/v1`.",
        "apiVersion",
        id="policy-beta",
    ),
    pytest.param(
        {"apiVersion": "batch/v1beta1", "kind": "CronJob"},
        "`batch/v1beta1` does not serve CronJob. Write `apiVersion: batch/v1`.",
        "apiVersion",
        id="batch-beta",
    ),
    pytest.param(
        {"apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy"},
        "Kubernetes no longer has PodSecurityPolicy. Label the Namespace with `pod-security.kubernetes.io/enforce` instead.",
        "kind",
        id="gone",
    ),
    pytest.param(
        {"apiVersion": "v1", "kind": "Deployment"},
        "`v1` does not serve Deployment. Write `apiVersion: apps/v1`.",
        "apiVersion",
        id="group-left-out",
    ),
    pytest.param(
        {"apiVersion": "apps/v1", "kind": "Service"},
        "`apps/v1` does not serve Service. Write `apiVersion: v1`.",
        "apiVersion",
        id="wrong-group",
    ),
    pytest.param(
        {"apiVersion": "app/v1", "kind": "Deployment"},
        "`app/v1` does not serve Deployment. Write `apiVersion: apps/v1`.",
        "apiVersion",
        id="group-misspelt",
    ),
    pytest.param(
        {"apiVersion": "networking.k8.io/v1", "kind": "Ingress"},
        "`networking.k8.io/v1` does not serve Ingress. Write `apiVersion: networking.k8s.io/v1`.",
        "apiVersion",
        id="group-with-dots-misspelt",
    ),
    pytest.param(
        {"apiVersion": "networking.k8s.io/v1", "kind": "HTTPRoute"},
        "`networking.k8s.io/v1` does not serve HTTPRoute. Write `apiVersion: gateway.networking.k8s.io/v1`.",
        "apiVersion",
        id="group-of-a-custom-resource",
    ),
    pytest.param(
        {"apiVersion": "V1", "kind": "Pod"}, "`V1` does not serve Pod. Write `apiVersion: v1`.", "apiVersion", id="version-in-upper-case"
    ),
    pytest.param(
        {"apiVersion": "a.b/v1/x", "kind": "Pod"}, "`a.b/v1/x` is no API version. Write `apiVersion: v1`.", "apiVersion", id="two-slashes"
    ),
    pytest.param(
        {"apiVersion": "example.org/", "kind": "Widget"},
        "`example.org/` is no API version. Write `apiVersion: GROUP/VERSION`.",
        "apiVersion",
        id="version-left-out",
    ),
    pytest.param(
        {"apiVersion": "apps/v1", "kind": "deployment"},
        "There is no kind `deployment` in `apps/v1`. Did you mean `Deployment`?",
        "kind",
        id="lower-case",
    ),
    pytest.param(
        {"apiVersion": "v1", "kind": "deployment"},
        "There is no kind `deployment` in `v1`. Did you mean `Deployment` of `apps/v1`?",
        "kind",
        id="lower-case-and-wrong-group",
    ),
    pytest.param(
        {"apiVersion": "apps/v1", "kind": "Deploymnet"},
        "There is no kind `Deploymnet` in `apps/v1`. Did you mean `Deployment`?",
        "kind",
        id="misspelt",
    ),
    pytest.param(
        {"apiVersion": "apps/v1", "kind": "Deployments"},
        "There is no kind `Deployments` in `apps/v1`. Did you mean `Deployment`?",
        "kind",
        id="plural",
    ),
    pytest.param(
        {"apiVersion": "autoscaling/v2", "kind": "HPA"},
        "There is no kind `HPA` in `autoscaling/v2`. Did you mean `HorizontalPodAutoscaler`?",
        "kind",
        id="short-name",
    ),
    pytest.param(
        {"apiVersion": "apps/v1", "kind": "Application"},
        "There is no kind `Application` in `apps/v1`. Look it up with: kubectl api-resources",
        "kind",
        id="unheard-of",
    ),
    pytest.param(
        {"apiVersion": "v1", "kind": "PodList"}, "PodList holds objects under `items`, as a list.", "items", id="list-without-items"
    ),
    pytest.param({"kind": "Deployment"}, "`apiVersion` is missing. Write `apiVersion: apps/v1`.", "apiVersion", id="no-api-version"),
    pytest.param(
        {"apiVersion": "", "kind": "Deployment"},
        "`apiVersion` is missing. Write `apiVersion: apps/v1`.",
        "apiVersion",
        id="empty-api-version",
    ),
    pytest.param({"kind": "Widget"}, "`apiVersion` is missing.", "apiVersion", id="no-api-version-of-a-custom-resource"),
    pytest.param({"apiVersion": "v1"}, "`kind` is missing.", "kind", id="no-kind"),
    pytest.param(
        {"apiVersion": "policy/v1", "kind": None}, "`kind` is missing. Write `kind: PodDisruptionBudget`.", "kind", id="only-one-kind"
    ),
    pytest.param(
        {"apiVersion": 1, "kind": "Pod"}, "`apiVersion` must be a string, and is `apiVersion: 1`, a number.", "apiVersion", id="number"
    ),
    pytest.param({"apiVersion": "v1", "kind": ["Pod"]}, "`kind` must be a string, and is a list.", "kind", id="list-of-kinds"),
]


@pytest.mark.parametrize(("body", "message", "path"), HEADS)
def test_kind_that_is_not_served_is_told_with_what_to_write(body: dict[str, Any], message: str, path: str) -> None:
    fault = only(body)
    assert (fault.message, fault.path) == (message, (path,))


def test_key_of_the_head_in_the_wrong_case_is_found_where_it_stands() -> None:
    fault = only({"apiversion": "v1", "kind": "Pod"})
    assert fault.message == "`apiversion` must be written `apiVersion`: upper and lower case differ."
    assert (fault.path, fault.written) == (("apiVersion",), ("apiversion",))


def test_versions_differ_in_their_kinds() -> None:
    body = {"apiVersion": "certificates.k8s.io/v1", "kind": "ClusterTrustBundle"}
    assert [len(check(body, version)) for version in VERSIONS] == [1, 0]


def test_field_of_another_version_is_named_as_that() -> None:
    body = of("v1", "Pod", "spec: {evictionResponders: []}")
    assert only(body, "1.36").message == "`evictionResponders` is not a field of a Pod's spec. Kubernetes 1.37 has it, 1.36 does not."
    assert check(body, "1.37") == ()


# Secrets: values may be there as text or as facts.

VALUES: list[Any] = ["aHVudGVyMg==", "hunter2!", "", 12345, 1.5, True, None, ["a"], {"a": "b"}, {"type": "string"}]


@pytest.mark.parametrize("field", ["data", "stringData"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_facts_of_a_secret_are_judged_as_its_text(field: str, value: Any) -> None:
    raw = {**of("v1", "Secret"), field: {"key": value}}
    reduced = {**raw, field: {"key": facts(value, encoded=field == "data")}}
    good = value in ("aHVudGVyMg==", "", None) or (field == "stringData" and value == "hunter2!")
    assert check(raw) == check(reduced)
    assert (check(raw) == ()) is good


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        pytest.param("data", "not base64", "`key` is not valid base64. Plain text goes under `stringData`.", id="no-base64"),
        pytest.param("data", 5, "`key` must be a string, and is a number. Quote it.", id="number"),
        pytest.param("stringData", True, "`key` must be a string, and is a boolean. Quote it.", id="boolean"),
        pytest.param("stringData", {"a": 1}, "`key` must be a string, and is a map.", id="map"),
        pytest.param("data", ["a"], "`key` must be a string, and is a list.", id="list"),
    ],
)
def test_value_of_a_secret_is_refused_without_being_shown(field: str, value: Any, message: str) -> None:
    fault = only(redact({**of("v1", "Secret"), field: {"key": value}}))
    assert (fault.message, fault.path) == (message, (field, "key"))


def test_bytes_may_be_a_list_of_numbers() -> None:
    assert check(of("v1", "ConfigMap", "binaryData: {a: [0, 255, null], b: []}")) == ()
    assert len(check(of("v1", "ConfigMap", "binaryData: {a: [256], b: [-1], c: [true], d: [1.5]}"))) == 4


def test_data_of_a_secret_that_is_no_map_is_not_shown() -> None:
    for field in ("data", "stringData", "metadata", "immutable", "password"):
        faults = check({**of("v1", "Secret"), field: CANARY})
        assert faults
        assert CANARY not in repr(faults)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8) | st.just(CANARY),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters, max_size=6) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = sorted({field for held in load_tables(NEWEST).types.values() for field in held})
odd_objects = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(fields) | st.text(max_size=80), inner, max_size=4),
    max_leaves=12,
)
heads = st.sampled_from([(version, kind) for version, kinds in load_tables(NEWEST).kinds.items() for kind in kinds])


@given(
    heads,
    st.dictionaries(st.sampled_from(["metadata", "spec", "status", "data", "stringData", "template", "rules"]) | st.text(), odd_objects),
)
def test_no_shape_of_object_breaks_it(head: tuple[str, str], rest: dict[str, Any]) -> None:
    body = {**rest, "apiVersion": head[0], "kind": head[1]}
    faults = check(body)
    assert check(freeze(body)) == faults
    assert len(faults) <= 20
    for fault in faults:
        assert fault.message[-1] in ".?"
        assert len(fault.message) < 500
        assert fault.expected
        assert fault.found
        assert fault.message.isprintable()
        assert _is_there(body, fault.written)


def _is_there(body: Any, path: Path) -> bool:
    for step in path:
        body = {str(key): value for key, value in body.items()}[str(step)] if isinstance(body, Mapping) else body[step]
    return bool(path)


@given(st.dictionaries(st.sampled_from(["apiVersion", "kind", "items", "metadata", "Kind"]), odd_objects))
def test_no_shape_of_head_breaks_it(body: dict[str, Any]) -> None:
    for fault in check(body):
        assert fault.path[0] in ("apiVersion", "kind", "items")


@given(st.sampled_from(["data", "stringData", "metadata", "type", "x"]), odd_objects.map(lambda value: {"key": value}) | odd_objects)
def test_no_value_of_a_secret_is_told(field: str, value: Any) -> None:
    faults = check({"apiVersion": "v1", "kind": "Secret", field: value})
    told = " ".join(f"{fault.message} {fault.expected} {fault.found}" for fault in faults)
    assert CANARY not in told


@pytest.mark.parametrize(
    ("body", "most"),
    [
        pytest.param(of("v1", "Pod", "spec: {}") | {"spec": {f"field{index}": index for index in range(50_000)}}, 20, id="unknown-fields"),
        pytest.param(of("v1", "Pod", "spec: {}") | {"spec": {"x" * 500_000: 1}}, 1, id="long-field"),
        pytest.param(of("v1", "ConfigMap") | {"data": {str(index): index for index in range(50_000)}}, 20, id="wrong-values"),
        pytest.param({"apiVersion": "x" * 500_000, "kind": "y" * 500_000}, 1, id="long-head"),
    ],
)
@pytest.mark.timeout(5)
def test_large_objects_are_told_briefly(body: dict[str, Any], most: int) -> None:
    faults = check(body)
    assert len(faults) == most
    assert all(len(fault.message) < 400 for fault in faults)


def test_long_text_is_not_repeated() -> None:
    fault = only(deployment(spec=f"replicas: {'x' * 61}"))
    assert fault.message == "`replicas` must be a whole number, and is a string."


def test_it_needs_no_package_beyond_the_standard_library() -> None:
    code = "import sys; import graders.sources.schema as s; s.check({'apiVersion': 'v1', 'kind': 'pod'}); print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=EXERCISES.parent).stdout.split()
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"graders", "__main__"}
    assert not {name for name in foreign if not name.startswith(("_", "sitecustomize"))}


def test_tables_are_data_that_anybody_can_read() -> None:
    bundle = json.loads((EXERCISES.parent / "graders" / "schemas" / "kubernetes.json").read_text(encoding="utf-8"))
    assert bundle["newest"] == NEWEST == VERSIONS[-1]
    assert {NEWEST, *bundle["older"]} == set(VERSIONS)
    for version in VERSIONS:
        kinds, types = load_tables(version)
        assert {root for served in kinds.values() for root in served.values() if root} <= types.keys()
        held = {field.replace("[]", "").replace("{}", "") for fields in types.values() for field in fields.values()}
        assert {name for name in held if "." in name} <= types.keys()
