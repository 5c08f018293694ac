"""Lesson 6 beyond its case manifests: live states, what cannot be judged, and the words of the evidence."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_06_ingress import LESSON
from graders.snapshot import K8sObject, Problem, Snapshot, Source
from graders.verdict import Status, Verdict
from tests.cases import EXERCISES, read
from tests.shapes import assert_no_check_crashes, shapes, spoilt

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOST = "api.example.com"
NGINX = "nginx.ingress.kubernetes.io/"
ANNOTATIONS = {
    "cert-manager.io/cluster-issuer": "letsencrypt-prod",
    f"{NGINX}ssl-redirect": "true",
    f"{NGINX}proxy-body-size": "50m",
    f"{NGINX}limit-rps": "100",
}


def path(service: str = "rag-engine-api", at: str = "/", **port: Any) -> dict[str, Any]:
    return {"path": at, "pathType": "Prefix", "backend": {"service": {"name": service, "port": port or {"number": 80}}}}


def rule(*paths: dict[str, Any], host: str | None = HOST) -> dict[str, Any]:
    return {**({"host": host} if host else {}), "http": {"paths": list(paths or (path(),))}}


INGRESS: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "rag-engine-ingress", "namespace": "rag-engine", "annotations": ANNOTATIONS},
    "spec": {"ingressClassName": "nginx", "tls": [{"hosts": [HOST], "secretName": "rag-engine-tls"}], "rules": [rule()]},
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "rag-engine-api", "namespace": "rag-engine"},
    "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8000}]},
}
ROUTE: dict[str, Any] = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "rag-engine-api", "namespace": "rag-engine"},
    "spec": {
        "parentRefs": [{"name": "public"}],
        "hostnames": [HOST],
        "rules": [{"backendRefs": [{"name": "rag-engine-api", "port": 80}]}],
    },
}
CLASS: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "nginx"},
    "spec": {"controller": "k8s.io/ingress-nginx"},
}


def judge(objective: str, *bodies: dict[str, Any], kind: str = "manifests", **changes: Any) -> Verdict:
    report = evaluate(LESSON, replace(Snapshot.of(bodies, taken_at=NOON, kind=kind), **changes))
    return next(result.verdict for result in report.results if result.objective.id == objective)


def spec(**fields: Any) -> dict[str, Any]:
    """The Ingress with other fields in its spec; None takes one away."""
    kept = {key: value for key, value in {**INGRESS["spec"], **fields}.items() if value is not None}
    return {**INGRESS, "spec": kept}


def annotated(body: dict[str, Any] = INGRESS, **values: Any) -> dict[str, Any]:
    """The Ingress with other annotations of ingress-nginx, `_` standing for `-`; None takes one away."""
    changed = {**ANNOTATIONS, **{NGINX + key.replace("_", "-"): value for key, value in values.items()}}
    return {**body, "metadata": {**body["metadata"], "annotations": {key: value for key, value in changed.items() if value is not None}}}


def test_the_guides_ingress_passes_with_advice_on_its_rate_limit_only() -> None:
    report = evaluate(LESSON, read([EXERCISES / "guide" / "ingress.yaml", EXERCISES / "guide" / "service.yaml"]))
    assert {result.objective.id for result in report.results if result.status is not Status.PASSED} == {"address-assigned", "gateway-route"}
    assert [result.objective.id for result in report.results if result.verdict.advice] == ["rate-limit"]


# One fault, one objective


@pytest.mark.parametrize("key", ["rules", "tls", "ingressClassName"])
def test_what_is_missing_fails_its_objective_and_blocks_the_rest_at_most(key: str) -> None:
    body = annotated(spec(**{key: None}), ssl_redirect=None)
    report = evaluate(LESSON, Snapshot.of([body, SERVICE, ROUTE], taken_at=NOON))
    failing = [result.objective.id for result in report.results if result.status is Status.FAILED]
    assert failing == [{"rules": "routes-to-service", "tls": "tls", "ingressClassName": "ingress-class"}[key]]


def test_ingress_without_anything_in_it_passes_nothing_but_its_name() -> None:
    bare = {key: INGRESS[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": "rag-engine-ingress", "namespace": "rag-engine"}}
    report = evaluate(LESSON, Snapshot.of([bare, SERVICE, ROUTE], taken_at=NOON))
    assert [result.objective.id for result in report.results if result.status is Status.PASSED] == ["ingress-exists"]


# routes-to-service, tls


def test_evidence_names_the_service_that_is_reached_instead() -> None:
    verdict = judge("routes-to-service", spec(rules=[rule(path("web"))]))
    assert verdict.evidence is not None
    assert verdict.evidence.path == "spec.rules[0].http.paths[0].backend.service.name"
    assert verdict.evidence.found == "`web`"


@pytest.mark.parametrize(
    ("rules", "status"),
    [
        pytest.param([rule(path(at="/v1"), path())], Status.PASSED, id="a longer path as well"),
        pytest.param([rule(host="a.example.com"), rule()], Status.PASSED, id="two hosts"),
        pytest.param([rule(path(number=8000)), rule(host="b.example.com")], Status.PASSED, id="one host is enough"),
        pytest.param([rule(path("web"), path())], Status.FAILED, id="the first of equals wins"),
        pytest.param([rule(path()), rule(path("web"))], Status.PASSED, id="the first of equals wins over rules"),
        pytest.param([rule(path("web")), rule(path())], Status.FAILED, id="and loses over rules"),
        pytest.param([rule(host=None)], Status.FAILED, id="no host"),
        pytest.param([rule(host="*.example.com")], Status.PASSED, id="many hosts"),
        pytest.param([rule(host="*")], Status.FAILED, id="a star alone"),
        pytest.param([], Status.FAILED, id="no rules"),
        pytest.param([{"host": HOST}], Status.FAILED, id="a host without paths"),
        pytest.param([rule(path(name="http"))], Status.PASSED, id="by name"),
        pytest.param([rule(path(name="HTTP"))], Status.FAILED, id="by another name"),
    ],
)
def test_rules(rules: list[Any], status: Status) -> None:
    assert judge("routes-to-service", spec(rules=rules)).status is status


def test_a_resource_beside_the_service_is_no_backend() -> None:
    both = path()
    both["backend"]["resource"] = {"kind": "StorageBucket", "name": "b"}
    assert judge("routes-to-service", spec(rules=[rule(both)])).status is Status.FAILED


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        pytest.param([{"hosts": [HOST], "secretName": "a"}, {"secretName": "b"}], Status.PASSED, id="an entry without hosts beside it"),
        pytest.param([{"hosts": [HOST]}, {"hosts": [HOST], "secretName": "b"}], Status.PASSED, id="the second has the Secret"),
        pytest.param([{"secretName": "a"}], Status.FAILED, id="no hosts"),
        pytest.param([{"hosts": HOST, "secretName": "a"}], Status.FAILED, id="hosts that are no list"),
        pytest.param([{"hosts": [HOST], "secretName": 5}], Status.FAILED, id="a number for a Secret"),
        pytest.param([], Status.FAILED, id="none"),
    ],
)
def test_tls_entries(entries: list[Any], status: Status) -> None:
    assert judge("tls", spec(tls=entries)).status is status


def test_a_host_with_only_part_of_the_app_needs_its_certificate_too() -> None:
    rules = [rule(), rule(path(at="/docs"), host="docs.example.com")]
    verdict = judge("tls", spec(rules=rules))
    assert verdict.evidence is not None
    assert "docs.example.com" in verdict.evidence.expected


# The annotations


@pytest.mark.parametrize(
    ("redirect", "forced", "status"),
    [
        pytest.param("true", None, Status.PASSED, id="on"),
        pytest.param(None, "t", Status.PASSED, id="forced"),
        pytest.param(None, None, Status.PASSED, id="the default"),
        pytest.param(None, "false", Status.PASSED, id="not forced, and the default"),
        pytest.param("true", "false", Status.PASSED, id="on, and not forced"),
        pytest.param("true", "maybe", Status.PASSED, id="on, and nonsense"),
        pytest.param("false", "maybe", Status.FAILED, id="off, and nonsense"),
        pytest.param(None, "maybe", Status.FAILED, id="nonsense"),
        pytest.param("", None, Status.FAILED, id="empty"),
        pytest.param("false", "true", Status.PASSED, id="off, and forced"),
        pytest.param(True, None, Status.FAILED, id="a boolean"),
        pytest.param(True, "true", Status.FAILED, id="a boolean beside a string"),
    ],
)
def test_redirects(redirect: Any, forced: Any, status: Status) -> None:
    assert judge("forces-https", annotated(ssl_redirect=redirect, force_ssl_redirect=forced)).status is status


def test_the_old_annotation_decides_who_redirects_where_the_field_is_missing() -> None:
    old = annotated(spec(ingressClassName=None), ssl_redirect=None)
    old["metadata"]["annotations"]["kubernetes.io/ingress.class"] = "nginx"
    assert judge("forces-https", old).status is Status.PASSED
    old["metadata"]["annotations"]["kubernetes.io/ingress.class"] = "traefik"
    assert judge("forces-https", old).status is Status.FAILED


@pytest.mark.parametrize(
    ("limits", "status", "advice"),
    [
        pytest.param({"limit_rps": "5"}, Status.PASSED, 0, id="a second"),
        pytest.param({"limit_rps": "0", "limit_rpm": "5"}, Status.PASSED, 0, id="one is zero"),
        pytest.param({"limit_rps": "many", "limit_connections": "5"}, Status.PASSED, 0, id="one is nonsense"),
        pytest.param({"limit_rps": "5", "rate_limit": "0"}, Status.PASSED, 0, id="the unread one does not matter"),
        pytest.param({"rate_limit": "100"}, Status.PASSED, 1, id="the unread one alone"),
        pytest.param({"rate_limit": "100", "limit_rps": "0"}, Status.FAILED, 0, id="the unread one beside a zero"),
        pytest.param({"rate_limit": "0"}, Status.FAILED, 0, id="the unread one, zero"),
        pytest.param({"rate_limit": 100}, Status.FAILED, 0, id="the unread one, a number"),
        pytest.param({"limit_rps": "5", "limit_rpm": 5}, Status.FAILED, 0, id="a number beside a string"),
        pytest.param({}, Status.FAILED, 0, id="none"),
    ],
)
def test_limits(limits: dict[str, Any], status: Status, advice: int) -> None:
    verdict = judge("rate-limit", annotated(**{"limit_rps": None, **limits}))
    assert (verdict.status, len(verdict.advice)) == (status, advice)


@pytest.mark.parametrize(
    ("key", "objective"),
    [
        ("cert-manager.io/cluster-issuer", "certificate-issuer"),
        (f"{NGINX}ssl-redirect", "forces-https"),
        (f"{NGINX}proxy-body-size", "body-size"),
        (f"{NGINX}limit-rps", "rate-limit"),
    ],
)
@pytest.mark.parametrize("value", [5, 1.5, True, ["a"], {"a": "b"}])
def test_an_annotation_that_is_no_string_fails_the_objective_that_reads_it(key: str, objective: str, value: Any) -> None:
    body = annotated()
    body["metadata"]["annotations"][key] = value
    report = evaluate(LESSON, Snapshot.of([body, SERVICE, ROUTE], taken_at=NOON))
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [objective]


def test_another_controller_does_not_read_annotations_of_nginx() -> None:
    other = spec(ingressClassName="traefik")
    report = evaluate(LESSON, Snapshot.of([other, SERVICE, ROUTE], taken_at=NOON))
    assert [result.objective.id for result in report.results if result.verdict.advice] == ["forces-https", "body-size", "rate-limit"]
    assert not [result for result in report.results if result.status is Status.FAILED]


# backend-resolves


def test_missing_service_is_skipped_on_manifests_and_fails_on_a_cluster() -> None:
    other = {**SERVICE, "metadata": {"name": "api", "namespace": "rag-engine"}}
    assert judge("backend-resolves", INGRESS).status is Status.SKIPPED
    assert judge("backend-resolves", INGRESS, other).status is Status.SKIPPED
    assert judge("backend-resolves", INGRESS, CLASS, kind="cluster").status is Status.FAILED


def test_a_wrong_port_is_told_once() -> None:
    wrong = spec(rules=[rule(path(number=8000))])
    assert judge("routes-to-service", wrong, SERVICE).status is Status.FAILED
    assert judge("backend-resolves", wrong, SERVICE).status is Status.BLOCKED


@pytest.mark.parametrize(
    ("ports", "status"),
    [
        pytest.param([{"port": 80}], Status.PASSED, id="without a name"),
        pytest.param([{"port": 80, "protocol": "TCP"}], Status.PASSED, id="as served"),
        pytest.param([{"port": 80, "protocol": "UDP"}], Status.FAILED, id="for datagrams"),
        pytest.param([{"port": 80, "protocol": "UDP"}, {"port": 80, "protocol": "TCP"}], Status.PASSED, id="for both"),
        pytest.param([{"port": 8080, "targetPort": 80}], Status.FAILED, id="as target only"),
        pytest.param([], Status.FAILED, id="no ports"),
        pytest.param(None, Status.FAILED, id="nothing"),
    ],
)
def test_ports_of_the_service(ports: Any, status: Status) -> None:
    assert judge("backend-resolves", INGRESS, {**SERVICE, "spec": {"ports": ports}}).status is status


# On a cluster


def admitted(*classes: dict[str, Any], body: dict[str, Any] = INGRESS, addresses: Any = None, **changes: Any) -> Verdict:
    served = {**body, "status": {"loadBalancer": {"ingress": addresses} if addresses is not None else {}}}
    return judge("address-assigned", served, SERVICE, *classes, kind="cluster", **changes)


TRAEFIK = {**CLASS, "metadata": {"name": "traefik"}}


@pytest.mark.parametrize(
    ("addresses", "status"),
    [
        pytest.param([{"ip": "203.0.113.10"}], Status.PASSED, id="an address"),
        pytest.param([{"hostname": "lb.example.net"}], Status.PASSED, id="a name"),
        pytest.param([{}, {"ip": "203.0.113.10"}], Status.PASSED, id="the second"),
        pytest.param([{"ip": ""}], Status.PENDING, id="an empty address"),
        pytest.param([{}], Status.PENDING, id="nothing in it"),
        pytest.param([], Status.PENDING, id="none"),
        pytest.param(None, Status.PENDING, id="no status"),
        pytest.param([{"ip": "203.0.113.10", "ports": [{"port": 443, "error": "x/NoCertificate"}]}], Status.FAILED, id="an error"),
    ],
)
def test_addresses(addresses: Any, status: Status) -> None:
    assert admitted(CLASS, addresses=addresses).status is status


def test_no_controller_is_unknown_and_says_how_to_install_one() -> None:
    none, another = admitted(), admitted(TRAEFIK)
    assert none.status is another.status is Status.UNKNOWN
    assert "no IngressClass, " in (none.reason or "")
    assert "no IngressClass `nginx`" in (another.reason or "")
    assert all("https://kubernetes.io/docs/" in (verdict.reason or "") for verdict in (none, another))


def test_an_address_needs_no_class_to_be_seen() -> None:
    denied = MappingProxyType({"IngressClass": "Could not list IngressClass objects: access denied."})
    assert admitted(addresses=[{"ip": "203.0.113.10"}], unreadable=denied).status is Status.PASSED
    assert admitted(unreadable=denied).status is Status.UNKNOWN


def test_the_class_must_exist_on_a_cluster_only() -> None:
    assert judge("ingress-class", INGRESS).status is Status.PASSED
    assert judge("ingress-class", INGRESS, CLASS, kind="cluster").status is Status.PASSED
    verdict = judge("ingress-class", INGRESS, TRAEFIK, kind="cluster")
    assert verdict.evidence is not None
    assert verdict.evidence.found == "`nginx`, while the cluster has `traefik`"
    verdict = judge("ingress-class", INGRESS, kind="cluster")
    assert verdict.evidence is not None
    assert "no IngressClass" in verdict.evidence.found


def test_an_old_annotation_that_is_null_is_an_empty_class() -> None:
    body = {**INGRESS, "metadata": {**INGRESS["metadata"], "annotations": {**ANNOTATIONS, "kubernetes.io/ingress.class": None}}}
    verdict = judge("ingress-class", body)
    assert verdict.evidence is not None
    assert verdict.evidence.found == 'another class in the old annotation, `""`'


def test_classes_that_may_not_be_read_leave_it_unknown() -> None:
    denied = MappingProxyType({"IngressClass": "Could not list IngressClass objects: access denied."})
    assert judge("ingress-class", INGRESS, kind="cluster", unreadable=denied).status is Status.UNKNOWN


# gateway-route


def route(**fields: Any) -> dict[str, Any]:
    return {**ROUTE, "spec": {**ROUTE["spec"], **fields}}


PART_TO_ANOTHER = {"matches": [{"path": {"value": "/docs"}}], "backendRefs": [{"name": "docs", "port": 80}]}


def backends(**fields: Any) -> dict[str, Any]:
    return route(rules=[{"backendRefs": [{"name": "rag-engine-api", "port": 80, **fields}]}])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(ROUTE, Status.PASSED, id="as it should be"),
        pytest.param(route(hostnames=["*.example.com"]), Status.PASSED, id="a wildcard"),
        pytest.param(route(hostnames=["*.com"]), Status.PASSED, id="a wildcard of two labels"),
        pytest.param(route(hostnames=["x.org", HOST]), Status.PASSED, id="the second host"),
        pytest.param(route(hostnames=[]), Status.FAILED, id="no host"),
        pytest.param(route(parentRefs=[]), Status.FAILED, id="no gateway"),
        pytest.param(route(rules=[]), Status.FAILED, id="no rules"),
        pytest.param(route(rules=[{}]), Status.FAILED, id="a rule of nothing"),
        pytest.param(route(rules=[PART_TO_ANOTHER, *ROUTE["spec"]["rules"]]), Status.PASSED, id="the second rule, after one for a part"),
        pytest.param(route(rules=[{}, *ROUTE["spec"]["rules"]]), Status.FAILED, id="the second rule, after one for all"),
        pytest.param(backends(weight=1), Status.PASSED, id="weight 1"),
        pytest.param(backends(weight=0), Status.FAILED, id="weight 0"),
        pytest.param(backends(weight="1"), Status.FAILED, id="weight in quotes"),
        pytest.param(backends(port="80"), Status.FAILED, id="port in quotes"),
        pytest.param(backends(port=None), Status.FAILED, id="no port"),
        pytest.param(backends(kind="Service", group=""), Status.PASSED, id="kind and group as served"),
        pytest.param(backends(kind="ServiceImport", group="multicluster.x-k8s.io"), Status.FAILED, id="another kind"),
        pytest.param(backends(namespace="rag-engine"), Status.PASSED, id="its own namespace"),
        pytest.param(backends(namespace="other"), Status.FAILED, id="another namespace"),
        pytest.param({**ROUTE, "apiVersion": "gateway.networking.k8s.io/v1alpha2"}, Status.FAILED, id="an alpha"),
    ],
)
def test_routes(body: dict[str, Any], status: Status) -> None:
    assert judge("gateway-route", INGRESS, SERVICE, body).status is status


def test_no_route_is_skipped_on_manifests_and_fails_on_a_cluster() -> None:
    assert judge("gateway-route", INGRESS).status is Status.SKIPPED
    verdict = judge("gateway-route", INGRESS, kind="cluster")
    assert verdict.evidence is not None
    assert verdict.status is Status.FAILED
    assert verdict.evidence.command == "kubectl get httproutes.gateway.networking.k8s.io -n rag-engine"


def test_two_routes_may_share_the_hosts() -> None:
    both = spec(rules=[rule(), rule(host="b.example.com")])
    second = {**route(hostnames=["b.example.com"]), "metadata": {"name": "second", "namespace": "rag-engine"}}
    assert judge("gateway-route", both, ROUTE).status is Status.FAILED
    assert judge("gateway-route", both, ROUTE, second).status is Status.PASSED


# What the API server rejects


@pytest.mark.parametrize(
    ("kind", "place", "owner"),
    [
        ("Ingress", ("spec",), "ingress-exists"),
        ("Ingress", ("metadata", "labels", "app"), "ingress-exists"),
        ("Ingress", ("spec", "ingressClassName"), "ingress-class"),
        ("Ingress", ("metadata", "annotations", "kubernetes.io/ingress.class"), "ingress-class"),
        ("Ingress", ("spec", "rules", 0, "http", "paths", 0, "path"), "routes-to-service"),
        ("Ingress", ("spec", "defaultBackend"), "routes-to-service"),
        ("Ingress", ("spec", "tls", 0, "hosts", 0), "tls"),
        ("Ingress", ("metadata", "annotations", "cert-manager.io/issuer"), "certificate-issuer"),
        ("Ingress", ("metadata", "annotations", f"{NGINX}force-ssl-redirect"), "forces-https"),
        ("Ingress", ("metadata", "annotations", f"{NGINX}proxy-body-size"), "body-size"),
        ("Ingress", ("metadata", "annotations", f"{NGINX}rate-limit"), "rate-limit"),
        ("Service", ("spec", "ports", 0, "name"), "backend-resolves"),
        ("HTTPRoute", ("spec", "rules"), "gateway-route"),
    ],
)
def test_rejected_place_fails_the_objective_that_reads_it(kind: str, place: tuple[str | int, ...], owner: str) -> None:
    problem = Problem("Rejected.", path=place, expected="good", found="bad")
    items = [K8sObject.of(body) for body in (INGRESS, SERVICE, ROUTE)]
    snapshot = Snapshot(
        Source("manifests", "rag-engine"), tuple(replace(item, problems=(problem,)) if item.kind == kind else item for item in items), NOON
    )
    report = evaluate(LESSON, snapshot)
    assert [result.objective.id for result in report.results if result.status is Status.FAILED] == [owner]


# Any shape

words = st.sampled_from(
    ["", "http", "rag-engine-api", HOST, "*.example.com", "/", "Prefix", "ImplementationSpecific", "nginx", "true", "50m", "9" * 5000]
)
ODD = shapes(
    st.integers(-3, 400) | st.floats(allow_nan=False) | words,
    ["host", "hosts", "http", "paths", "path", "backend", "service", "port", "name", "number", "ip", "error"],
)


FULL_INGRESS = {**INGRESS, "status": {"loadBalancer": {"ingress": [{"ip": "", "ports": [{"port": 80}]}]}}}
FULL_ROUTE = route(rules=[{**ROUTE["spec"]["rules"][0], "matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "filters": []}])


@settings(max_examples=250)
@given(
    spoilt(FULL_INGRESS, ODD), spoilt(SERVICE, ODD), spoilt(FULL_ROUTE, ODD), spoilt(CLASS, ODD), st.sampled_from(["manifests", "cluster"])
)
def test_no_shape_of_object_crashes_a_check(
    ingress: dict[str, Any], service: dict[str, Any], http_route: dict[str, Any], ingress_class: dict[str, Any], kind: str
) -> None:
    snapshot = Snapshot.of([ingress, service, http_route, ingress_class], taken_at=NOON, kind=kind)
    assert_no_check_crashes(LESSON, snapshot)


@settings(max_examples=150)
@given(spoilt(INGRESS, ODD))
def test_defaults_filled_in_by_the_api_server_change_nothing(ingress: dict[str, Any]) -> None:
    served = {**SERVICE, "spec": {"type": "ClusterIP", "ports": [{**SERVICE["spec"]["ports"][0], "protocol": "TCP"}]}}
    assert judge("backend-resolves", ingress, SERVICE).status is judge("backend-resolves", ingress, served).status
