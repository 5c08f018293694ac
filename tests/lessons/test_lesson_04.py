"""Lesson 4 beyond its case files: a cluster in every state, what cannot be read, and what the evidence says."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.engine import evaluate
from graders.lessons.lesson_04_deployments import LESSON
from graders.report import Report
from graders.snapshot import K8sObject, NotReadable, NotThere, Path, Problem, Snapshot
from graders.verdict import Status, Verdict
from tests.cases import NOON, exercise, manifests, read

Body = dict[str, Any]


def _thaw(value: Any) -> Any:
    if hasattr(value, "items"):
        return {key: _thaw(item) for key, item in value.items()}
    return [_thaw(item) for item in value] if isinstance(value, tuple) else value


SOLUTION: list[Body] = [_thaw(item.body) for item in read(manifests(exercise("lesson-4") / "solution")).objects]
(DEPLOYMENT,) = [body for body in SOLUTION if body["kind"] == "Deployment"]
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "rag-engine", "namespace": "rag-engine"}}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "rag-engine-secrets", "namespace": "rag-engine"},
    "data": {"database-url": {"present": True}, "redis-url": {"present": True}},
}
CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "rag-engine-config", "namespace": "rag-engine"},
    "data": {"ENVIRONMENT": "production"},
}
OWNER = {"kind": "Deployment", "name": "rag-engine-api", "controller": True}
SET = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "rag-engine-api-abc", "namespace": "rag-engine", "ownerReferences": [OWNER]},
}
UP: Body = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}


def deployment(changes: dict[str, Any] | None = None, **status: Any) -> Body:
    """The solution's Deployment with fields at dotted paths set (or taken away, for None), and a status if given."""
    body = copy.deepcopy(DEPLOYMENT)
    for path, value in (changes or {}).items():
        *above, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = body
        for step in above:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    if status:
        body["metadata"]["generation"] = 1
        body["status"] = status
    return body


def hpa(least: Any, **more: Any) -> Body:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "rag-engine-api"}
    metadata = {"name": "hpa", "namespace": "rag-engine"}
    spec = {"scaleTargetRef": target, "maxReplicas": 20} | ({} if least is None else {"minReplicas": least})
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec, **more}


def pod(name: str, **status: Any) -> Body:
    owner = {"kind": "ReplicaSet", "name": "rag-engine-api-abc", "controller": True}
    metadata = {"name": name, "namespace": "rag-engine", "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


def event(message: str, seen: str = "2026-11-24T11:59:00Z", **about: str) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"event-{seen}", "namespace": "rag-engine"},
        "involvedObject": {"kind": "ReplicaSet", "name": "rag-engine-api-abc", **about},
        "reason": "FailedCreate",
        "message": message,
        "lastTimestamp": seen,
    }


def condition(type: str, status: str, reason: str, message: str = "") -> Body:
    return {"type": type, "status": status, "reason": reason, "message": message}


def files(*bodies: Body) -> Snapshot:
    return Snapshot.of(bodies, taken_at=NOON)


def cluster(*bodies: Body, denied: tuple[str, ...] = ()) -> Snapshot:
    snapshot = Snapshot.of(bodies, taken_at=NOON, kind="cluster")
    return replace(snapshot, unreadable={kind: f"Could not read {kind}." for kind in denied})


def report(snapshot: Snapshot) -> dict[str, Verdict]:
    return {result.objective.id: result.verdict for result in evaluate(LESSON, snapshot).results}


def judge(id: str, snapshot: Snapshot) -> Verdict:
    return report(snapshot)[id]


def found(verdict: Verdict) -> str:
    assert verdict.evidence is not None, verdict
    return verdict.evidence.found


@pytest.mark.parametrize(
    ("count", "least", "status"),
    [
        pytest.param(1, 3, Status.PASSED, id="one-is-what-the-server-fills-in"),
        pytest.param(1, 2, Status.FAILED, id="small-minimum"),
        pytest.param(2, 3, Status.FAILED, id="two-was-written-by-somebody"),
        pytest.param(0, 3, Status.FAILED, id="zero-switches-the-hpa-off"),
        pytest.param(7, 3, Status.PASSED, id="scaled"),
    ],
)
def test_replicas_on_a_cluster_with_an_hpa(count: int, least: int, status: Status) -> None:
    assert judge("replicas", cluster(deployment({"spec.replicas": count}), hpa(least))).status is status


def test_one_replica_written_into_a_manifest_fails_beside_an_hpa() -> None:
    assert judge("replicas", files(deployment({"spec.replicas": 1}), hpa(3))).status is Status.FAILED


@pytest.mark.parametrize(("count", "status"), [(3, Status.PASSED), (2, Status.FAILED), (1, Status.UNKNOWN)])
def test_hpas_that_cannot_be_read_matter_only_when_they_could_decide(count: int, status: Status) -> None:
    snapshot = cluster(deployment({"spec.replicas": count}), denied=("HorizontalPodAutoscaler",))
    assert judge("replicas", snapshot).status is status


def test_rejected_hpa_wants_nothing() -> None:
    base = files(deployment({"spec.replicas": None}))
    problem = Problem("`minReplicas` is no number", path=("spec", "minReplicas"))
    refused = K8sObject.of(hpa(3), problems=(problem,))
    assert judge("replicas", replace(base, objects=(*base.objects, refused))).status is Status.FAILED
    assert judge("replicas", replace(base, objects=(*base.objects, K8sObject.of(hpa(3))))).status is Status.PASSED


def test_smallest_of_two_hpas_decides() -> None:
    other = hpa(2, metadata={"name": "other", "namespace": "rag-engine"})
    assert "`other`" in found(judge("replicas", files(deployment({"spec.replicas": None}), hpa(3), other)))


def test_when_no_container_is_the_app_only_the_port_fails() -> None:
    api = DEPLOYMENT["spec"]["template"]["spec"]["containers"][0]
    two = [{**api, "name": "one", "ports": []}, {**api, "name": "two", "ports": []}]
    verdicts = report(files(deployment({"spec.template.spec.containers": two})))
    assert [key for key, verdict in verdicts.items() if verdict.status is Status.FAILED] == ["port-named-http"]
    assert verdicts["image-pinned"].reason == "First: port-named-http."


def test_probe_that_names_the_port_waits_for_the_name() -> None:
    verdicts = report(files(deployment({"spec.template.spec.containers.0.ports.0.name": "web"})))
    assert [key for key, verdict in verdicts.items() if verdict.status is Status.FAILED] == ["port-named-http"]
    assert {verdicts[key].status for key in ("liveness-probe", "readiness-probe")} == {Status.BLOCKED}


def test_probe_by_number_does_not_wait_for_the_name() -> None:
    container = "spec.template.spec.containers.0"
    changes = {f"{container}.ports.0.name": "web"} | {
        f"{container}.{probe}Probe.httpGet.port": 8000 for probe in ("startup", "liveness", "readiness")
    }
    verdicts = report(files(deployment(changes)))
    assert {verdicts[key].status for key in ("liveness-probe", "readiness-probe")} == {Status.PASSED}


def test_startup_probe_that_asks_nothing_fails() -> None:
    verdict = judge("liveness-probe", files(deployment({"spec.template.spec.containers.0.startupProbe": {"periodSeconds": 10}})))
    assert found(verdict) == "no handler"


def test_sidecar_with_an_unreadable_image_keeps_the_pod_from_starting() -> None:
    sidecar = {**DEPLOYMENT["spec"]["template"]["spec"]["containers"][0], "name": "sidecar", "image": "sidecar:${TAG}"}
    body = deployment({"spec.template.spec.initContainers": [sidecar]})
    assert judge("image-pinned", files(body)).status is Status.FAILED


def test_null_request_is_zero_and_not_left_out() -> None:
    body = deployment()
    body["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = None
    verdict = judge("resources-set", files(body))
    assert (verdict.status, found(verdict)) == (Status.FAILED, "a request of `0`")


def test_group_of_root_gets_advice() -> None:
    verdict = judge("runs-as-non-root", files(deployment({"spec.template.spec.securityContext.fsGroup": 0})))
    assert verdict.status is Status.PASSED
    assert "group of root" in verdict.advice[0]


ENV = "spec.template.spec.containers.0.env"
ENV_FROM = "spec.template.spec.containers.0.envFrom"


def test_keys_of_a_secret_that_was_not_submitted_are_taken_on_trust() -> None:
    assert judge("env-from-references", files(deployment())).status is Status.PASSED
    verdict = judge("env-from-references", files(deployment({f"{ENV}.0.valueFrom.secretKeyRef.key": "DATABASE_URL"})))
    assert verdict.status is Status.PASSED
    assert "`database-url`" in verdict.advice[0]


def test_env_from_counts_with_the_keys_that_the_course_gives_the_configmap() -> None:
    body = deployment({f"{ENV}.2": None, ENV_FROM: [{"configMapRef": {"name": "rag-engine-config"}}, {"configMapRef": {"name": "extra"}}]})
    assert judge("env-from-references", files(body)).status is Status.PASSED


def test_env_from_a_secret_that_was_not_submitted_cannot_be_judged() -> None:
    body = deployment(
        {ENV: None, ENV_FROM: [{"configMapRef": {"name": "rag-engine-config"}}, {"secretRef": {"name": "rag-engine-secrets"}}]}
    )
    verdict = judge("env-from-references", files(body))
    assert verdict.status is Status.SKIPPED
    assert "Secret/rag-engine-secrets" in str(verdict.reason)
    denied = judge("env-from-references", cluster(body, CONFIG, denied=("Secret",)))
    assert (denied.status, denied.reason) == (Status.UNKNOWN, "Could not read Secret.")


def test_certain_fault_is_told_before_an_uncertain_one() -> None:
    body = deployment({ENV: [{"name": "ENVIRONMENT", "value": "production"}], ENV_FROM: [{"secretRef": {"name": "rag-engine-secrets"}}]})
    assert judge("env-from-references", files(body)).status is Status.FAILED


def test_secret_that_may_not_be_read_does_not_stop_explicit_references() -> None:
    assert judge("env-from-references", cluster(deployment(), CONFIG, denied=("Secret",))).status is Status.PASSED


@pytest.mark.parametrize(("there", "missing"), [((CONFIG,), "Secret/rag-engine-secrets"), ((SECRET,), "ConfigMap/rag-engine-config")])
def test_object_that_is_not_on_the_cluster_is_the_evidence(there: tuple[Body, ...], missing: str) -> None:
    verdict = judge("env-from-references", cluster(deployment(), *there))
    assert verdict.status is Status.FAILED
    assert verdict.evidence is not None
    assert verdict.evidence.object == missing


def test_evidence_names_keys_and_never_a_value() -> None:
    body = deployment({f"{ENV}.0": {"name": "DATABASE_URL", "value": "postgresql://rag:opensesame@db/rag"}})
    assert "opensesame" not in str(report(files(body, SECRET))["env-from-references"])


def test_service_account_on_manifests_is_judged_by_its_name_alone() -> None:
    assert judge("service-account", files(deployment())).status is Status.PASSED


def test_missing_service_account_shows_the_newest_event_about_it() -> None:
    events = (
        event("exceeded quota", "2026-11-24T11:59:30Z"),
        event('serviceaccount "rag-engine" not found, later', "2026-11-24T11:59:00Z"),
        event('serviceaccount "rag-engine" not found, earlier', "2026-11-24T11:00:00Z"),
        event('serviceaccount "other" not found', "2026-11-24T11:59:50Z", name="other-abc"),
    )
    verdict = judge("service-account", cluster(deployment(), SET, *events))
    assert "FailedCreate" in found(verdict)
    assert "not found, later" in found(verdict)
    assert verdict.evidence is not None
    assert "describe replicaset" in str(verdict.evidence.command)


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        pytest.param(cluster(deployment()), "none", id="no-event"),
        pytest.param(cluster(deployment(), denied=("Event", "ReplicaSet", "Pod")), "none", id="events-not-readable"),
        pytest.param(
            cluster(deployment(), {**ACCOUNT, "metadata": {"name": "default", "namespace": "rag-engine"}}), "only `default`", id="others"
        ),
        pytest.param(
            cluster(deployment(conditions=[condition("ReplicaFailure", "True", "FailedCreate", "serviceaccount not found")])),
            "serviceaccount not found",
            id="condition-when-the-event-is-gone",
        ),
    ],
)
def test_missing_service_account_without_an_event(snapshot: Snapshot, words: str) -> None:
    verdict = judge("service-account", snapshot)
    assert verdict.status is Status.FAILED
    assert words in found(verdict)


def test_service_accounts_that_cannot_be_read_are_unknown() -> None:
    assert judge("service-account", cluster(deployment(), denied=("ServiceAccount",))).status is Status.UNKNOWN


GIVEN_UP = condition("Progressing", "False", "ProgressDeadlineExceeded", "has timed out progressing")


@pytest.mark.parametrize(
    ("bodies", "status", "words"),
    [
        pytest.param([deployment()], Status.PENDING, "not seen the latest change", id="no-status"),
        pytest.param(
            [deployment({"metadata.generation": 2}, **(UP | {"observedGeneration": 0}))],
            Status.PENDING,
            "not seen the latest change",
            id="old-status",
        ),
        pytest.param([deployment(**(UP | {"availableReplicas": 2}))], Status.PENDING, "3 ready, 2 available", id="one-not-available-yet"),
        pytest.param([deployment(**(UP | {"replicas": 4}))], Status.PENDING, "1 old still there", id="an-old-one-left"),
        pytest.param(
            [
                deployment(**(UP | {"readyReplicas": 0, "availableReplicas": 0})),
                SET,
                pod("a", containerStatuses=[{"name": "api", "state": {"waiting": {"reason": "ContainerCreating"}}}]),
            ],
            Status.PENDING,
            "Pod `a`: ContainerCreating",
            id="starting",
        ),
        pytest.param(
            [
                deployment(**(UP | {"readyReplicas": 0, "availableReplicas": 0})),
                SET,
                pod("a", containerStatuses=[{"name": "api", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]),
                pod("b", containerStatuses=[{"name": "api", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]),
            ],
            Status.PENDING,
            "Pod `a`: CrashLoopBackOff",
            id="crashing-before-the-deadline",
        ),
        pytest.param([deployment({"spec.replicas": 0}, observedGeneration=1)], Status.FAILED, "none are wanted", id="none-wanted"),
        pytest.param([deployment(observedGeneration=1, conditions=[GIVEN_UP])], Status.FAILED, "has timed out", id="given-up-without-pods"),
        pytest.param(
            [deployment(observedGeneration=1, conditions=[condition("Progressing", "False", "ReplicaSetCreateError", "quota")])],
            Status.FAILED,
            "ReplicaSetCreateError",
            id="replicaset-cannot-be-made",
        ),
        pytest.param([deployment(**UP, conditions=[GIVEN_UP])], Status.PASSED, "", id="up-whatever-it-said-before"),
        pytest.param(
            [deployment({"spec.paused": True}, **(UP | {"readyReplicas": 1}))], Status.PENDING, "1 ready", id="paused-but-all-new"
        ),
        pytest.param(
            [
                ACCOUNT,
                deployment(
                    observedGeneration=1,
                    conditions=[condition("ReplicaFailure", "True", "FailedCreate", 'serviceaccount "rag-engine" not found'), GIVEN_UP],
                ),
            ],
            Status.PENDING,
            "the ServiceAccount is there now",
            id="service-account-created-meanwhile",
        ),
        pytest.param(
            [
                deployment(
                    observedGeneration=1,
                    conditions=[condition("ReplicaFailure", "True", "FailedCreate", 'serviceaccount "rag-engine" not found')],
                ),
            ],
            Status.FAILED,
            "not found",
            id="service-account-still-missing",
        ),
    ],
)
def test_rollout(bodies: list[Body], status: Status, words: str) -> None:
    verdict = judge("rollout-complete", cluster(*bodies))
    assert verdict.status is status, verdict
    if words:
        assert words in found(verdict)


def test_same_trouble_of_several_pods_is_told_once() -> None:
    crash = {"containerStatuses": [{"name": "api", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
    body = deployment(**(UP | {"readyReplicas": 0}))
    assert found(judge("rollout-complete", cluster(body, SET, pod("a", **crash), pod("b", **crash)))).count("CrashLoopBackOff") == 1


def test_pods_of_other_owners_and_those_that_leave_are_not_asked() -> None:
    crash = {"containerStatuses": [{"name": "api", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
    foreign, leaving = pod("a", **crash), pod("b", **crash)
    foreign["metadata"]["ownerReferences"][0]["name"] = "worker-abc"
    leaving["metadata"]["deletionTimestamp"] = "2026-11-24T11:59:00Z"
    verdict = judge("rollout-complete", cluster(deployment(**(UP | {"readyReplicas": 0})), SET, foreign, leaving))
    assert "Crash" not in found(verdict)


def test_rollout_needs_neither_pods_nor_events_to_be_readable() -> None:
    denied = ("Pod", "ReplicaSet", "Event")
    assert judge("rollout-complete", cluster(deployment(**UP), denied=denied)).status is Status.PASSED
    assert (
        judge("rollout-complete", cluster(deployment(observedGeneration=1, conditions=[GIVEN_UP]), denied=denied)).status is Status.FAILED
    )


def test_deployment_that_is_being_deleted_is_pending() -> None:
    body = deployment(**UP)
    body["metadata"]["deletionTimestamp"] = "2026-11-24T11:59:00Z"
    assert judge("deployment-exists", cluster(body)).status is Status.PENDING


def test_deployments_that_cannot_be_read_are_unknown_all_the_way_down() -> None:
    assert {verdict.status for verdict in report(cluster(denied=("Deployment",))).values()} == {Status.UNKNOWN}


POD = ("spec", "template", "spec")
API = (*POD, "containers", 0)


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        (("spec", "replicas"), "replicas"),
        (("spec", "selector", "matchLabels", "app"), "selector-matches-template"),
        (("spec", "template", "metadata", "labels", "app"), "selector-matches-template"),
        (("spec", "template", "metadata", "annotations", "a"), "deployment-exists"),
        (("spec", "strategy", "type"), "deployment-exists"),
        (("metadata", "name"), "deployment-exists"),
        ((*API, "image"), "image-pinned"),
        ((*POD, "initContainers", 0, "image"), "image-pinned"),
        ((*API, "ports", 0, "containerPort"), "port-named-http"),
        ((*API, "env", 1, "valueFrom", "secretKeyRef", "key"), "env-from-references"),
        ((*API, "envFrom"), "env-from-references"),
        ((*API, "resources", "requests", "cpu"), "resources-set"),
        ((*API, "livenessProbe", "httpGet", "port"), "liveness-probe"),
        ((*API, "startupProbe"), "liveness-probe"),
        ((*POD, "livenessProbe"), "liveness-probe"),
        ((*API, "readinessProbe", "periodSeconds"), "readiness-probe"),
        ((*POD, "securityContext", "fsGroup"), "runs-as-non-root"),
        ((*API, "securityContext", "runAsUser"), "runs-as-non-root"),
        ((*API, "securityContext", "fsGroup"), "runs-as-non-root"),
        ((*API, "securityContext"), "container-locked-down"),
        ((*API, "securityContext", "capabilities", "drop", 0), "container-locked-down"),
        ((*POD, "securityContext", "readOnlyRootFilesystem"), "container-locked-down"),
        ((*POD, "volumes", 1, "emptyDir", "sizeLimit"), "writable-paths"),
        ((*API, "volumeMounts", 0, "name"), "writable-paths"),
        ((*API, "volumes"), "writable-paths"),
        ((*POD, "serviceAccountName"), "service-account"),
        (("spec", "serviceAccountName"), "service-account"),
        ((*POD, "terminationGracePeriodSeconds"), "graceful-shutdown"),
        ((*API, "terminationGracePeriodSeconds"), "graceful-shutdown"),
        ((*API, "name"), "deployment-exists"),
    ],
    ids=str,
)
def test_rejected_place_fails_its_objective_and_no_other(path: Path, owner: str) -> None:
    base = files(ACCOUNT)
    refused = K8sObject.of(DEPLOYMENT, problems=(Problem("refused", path=path),))
    verdicts = report(replace(base, objects=(*base.objects, refused)))
    assert [key for key, verdict in verdicts.items() if verdict.status is Status.FAILED] == [owner]


def _defaulted(body: Body) -> Body:
    """A Deployment with the fields that the API server fills in."""
    body = copy.deepcopy(body)
    body["spec"].setdefault("replicas", 1)
    spec = body["spec"]["template"]["spec"]
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec.update(serviceAccountName=name, serviceAccount=name)
    spec.setdefault("securityContext", {})
    for volume in spec.get("volumes") or []:
        if len(volume) == 1:
            volume["emptyDir"] = {}
    for container in spec["containers"] + (spec.get("initContainers") or []):
        for port in container.get("ports") or []:
            port.setdefault("protocol", "TCP")
        for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
            probe = container.get(kind)
            if probe:
                for key, value in (("periodSeconds", 10), ("failureThreshold", 3), ("timeoutSeconds", 1), ("successThreshold", 1)):
                    probe[key] = probe.get(key) or value
                if "httpGet" in probe:
                    probe["httpGet"]["scheme"] = probe["httpGet"].get("scheme") or "HTTP"
                    probe["httpGet"]["path"] = probe["httpGet"].get("path") or "/"
    return body


WRITTEN = [path for path in manifests(exercise("lesson-4") / "cases") if b"\n# source: cluster\n" not in path.read_bytes()]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_filled_in_defaults_change_no_verdict(path: FilePath) -> None:
    """Beside an HPA, `replicas: 1` may be such a default, which shows on a cluster only."""
    snapshot = read([path])
    objects = tuple(
        replace(item, body=K8sObject.of(_defaulted(_thaw(item.body))).body) if item.ref == "Deployment/rag-engine-api" else item
        for item in snapshot.objects
    )
    filled_in = replace(snapshot, objects=objects)
    before, after = report(snapshot), report(filled_in)
    if any(item.kind == "HorizontalPodAutoscaler" for item in objects):
        after["replicas"] = report(replace(filled_in, source=replace(snapshot.source, kind="cluster")))["replicas"]
    assert {key: verdict.status for key, verdict in after.items()} == {key: verdict.status for key, verdict in before.items()}


odd = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9000) | st.sampled_from(["api", "http", "/tmp", "500m", "rag-engine", "", "Secret"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "httpGet", "limits", "key", "app"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def _places(value: Any, path: Path = ()) -> list[Path]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, item in steps for place in ((*path, step), *_places(item, (*path, step)))]


LIVE_BODIES: list[Body] = [
    deployment(**UP, conditions=[GIVEN_UP]),
    ACCOUNT,
    SECRET,
    CONFIG,
    hpa(3),
    SET,
    pod("a", containerStatuses=[{"name": "api", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]),
    event("serviceaccount not found"),
]
PLACES = [(index, path) for index, body in enumerate(LIVE_BODIES) for path in _places(body) if path not in (("kind",), ("metadata",))]


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(PLACES), odd), min_size=1, max_size=3), st.sampled_from(["manifests", "cluster"]))
def test_no_shape_of_object_crashes_a_check(changes: list[tuple[tuple[int, Path], Any]], kind: str) -> None:
    bodies = copy.deepcopy(LIVE_BODIES)
    for (index, path), value in changes:
        place: Any = bodies[index]
        try:
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
        except (TypeError, LookupError):  # an earlier change took the place away
            continue
    snapshot = Snapshot.of(bodies, taken_at=NOON, kind=kind)
    for objective in LESSON.objectives:
        try:
            verdict = objective.check(snapshot)
        except (NotReadable, NotThere):
            continue
        except LookupError as error:
            assert "not in the snapshot" in str(error)  # noqa: PT017  the only LookupError that a check may raise
            continue
        assert (verdict.evidence is not None) == (verdict.status in (Status.FAILED, Status.PENDING))


@given(st.sampled_from([path for path in _places(DEPLOYMENT) if path[0] == "spec"]))
def test_nothing_taken_away_from_the_solution_makes_it_better_or_unknown(path: Path) -> None:
    body = copy.deepcopy(DEPLOYMENT)
    place: Any = body
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    result: Report = evaluate(LESSON, files(body, ACCOUNT, SECRET, CONFIG))
    assert not [item for item in result.results if item.status is Status.UNKNOWN]
    assert len([item for item in result.results if item.status is Status.PASSED]) <= len(LESSON.objectives) - 1
