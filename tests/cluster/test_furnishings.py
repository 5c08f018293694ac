"""What a learner finds on the practice cluster beside Kubernetes itself: disks, addresses, Velero, the kinds of the Prometheus Operator."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from graders.engine import evaluate
from graders.sources.cluster import connect
from graders.verdict import Status, Verdict
from tests.cases import NOON, exercise, lessons, manifests

pytestmark = pytest.mark.cluster

KUBECTL = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or "kubectl"
Json = dict[str, Any]


class Learner:
    """Somebody with kubectl."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def __call__(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [KUBECTL, "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)

    def apply(self, *objects: Json) -> None:
        done = self("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
        assert done.returncode == 0, done.stderr

    def get(self, kind: str, name: str, namespace: str = "default") -> Json:
        done = self("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        assert done.returncode == 0, done.stderr
        found: Json = json.loads(done.stdout or "{}")
        return found

    def wait(self, kind: str, name: str, condition: Callable[[Json], object], namespace: str = "default", seconds: float = 20) -> Json:
        deadline = time.monotonic() + seconds
        while not condition(found := self.get(kind, name, namespace)):
            assert time.monotonic() < deadline, json.dumps(found, indent=1)
            time.sleep(0.2)
        return found

    def events(self, name: str, namespace: str = "default") -> dict[str, str]:
        done = self("get", "events", "-n", namespace, "--field-selector", f"involvedObject.name={name}", "-o", "json")
        return {item["reason"]: item["message"] for item in json.loads(done.stdout)["items"]}

    def wait_for_event(self, name: str, reason: str, namespace: str = "default") -> str:
        deadline = time.monotonic() + 30
        while reason not in (found := self.events(name, namespace)):
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found[reason]


@pytest.fixture(scope="module")
def learner(practice_cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    """With a cluster of their own, which the others' objects would make another one."""
    data = tmp_path_factory.mktemp("furnished") / "data"
    up = subprocess.run([practice_cluster, "up", "--volatile", "--data", data], capture_output=True, text=True, check=False)
    try:
        assert up.returncode == 0, up.stderr
        made = Learner(Path(up.stdout.strip()))
        made.wait("serviceaccount", "default", bool)  # without it no Pod is admitted
        yield made
    finally:
        subprocess.run([practice_cluster, "down", "--delete", "--data", data], check=True, stdout=sys.stderr)


def _claim(name: str, size: str = "1Gi", **spec: Any) -> Json:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}} | spec
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": body}


def _pod(name: str, claim: str) -> Json:
    container = {"name": "main", "image": "registry.k8s.io/pause:3.10", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], "volumes": volumes}}


def _bound(item: Json) -> bool:
    return bool(item) and item["status"].get("phase") == "Bound"


def _phase(*phases: str) -> Callable[[Json], bool]:
    return lambda item: item.get("status", {}).get("phase") in phases


# Disks


def test_claim_waits_for_its_first_pod(learner: Learner) -> None:
    learner.apply(_claim("first", accessModes=["ReadWriteMany"]))
    learner.wait_for_event("first", "WaitForFirstConsumer")
    assert not _bound(learner.get("pvc", "first"))
    learner.apply(_pod("consumer", "first"))
    claim = learner.wait("pvc", "first", _bound)
    assert claim["spec"]["storageClassName"] == "standard", "the default class"
    volume = learner.get("pv", claim["spec"]["volumeName"])
    assert volume["spec"]["accessModes"] == ["ReadWriteMany"]
    assert volume["spec"]["claimRef"]["name"] == "first"
    assert {"ExternalProvisioning", "ProvisioningSucceeded"} <= set(learner.events("first"))
    assert learner.wait("pod", "consumer", lambda pod: pod["spec"].get("nodeName"))


@pytest.mark.parametrize("mode", ["ReadWriteOnce", "ReadWriteOncePod", "ReadOnlyMany"])
def test_immediate_class_waits_for_nobody(learner: Learner, mode: str) -> None:
    name = f"at-once-{mode.lower()}"
    learner.apply(_claim(name, storageClassName="immediate", accessModes=[mode]))
    learner.wait("pvc", name, _bound)


def test_disk_goes_with_its_claim(learner: Learner) -> None:
    learner.apply(_claim("passing", storageClassName="immediate"))
    volume = learner.wait("pvc", "passing", _bound)["spec"]["volumeName"]
    learner("delete", "pvc", "passing")
    learner.wait("pv", volume, lambda item: not item)


def test_disk_that_is_to_be_kept_outlives_its_claim(learner: Learner) -> None:
    learner.apply(_claim("precious", storageClassName="immediate"))
    volume = learner.wait("pvc", "precious", _bound)["spec"]["volumeName"]
    learner("patch", "pv", volume, "-p", '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}')
    learner.wait("pv", volume, lambda item: "external-provisioner.volume.kubernetes.io/finalizer" not in item["metadata"]["finalizers"])
    learner("delete", "pvc", "precious")
    learner.wait("pv", volume, _phase("Released"))
    time.sleep(1)
    assert learner.get("pv", volume)["status"]["phase"] == "Released"
    learner("delete", "pv", volume)
    learner.wait("pv", volume, lambda item: not item)


def test_claim_grows_and_never_shrinks(learner: Learner) -> None:
    learner.apply(_claim("growing", storageClassName="immediate"))
    volume = learner.wait("pvc", "growing", _bound)["spec"]["volumeName"]
    learner("patch", "pvc", "growing", "-p", '{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}')
    claim = learner.wait("pvc", "growing", lambda item: item["status"]["capacity"]["storage"] == "3Gi")
    assert not [each for each in claim["status"].get("conditions", []) if each["type"] == "Resizing"]
    assert learner.get("pv", volume)["spec"]["capacity"]["storage"] == "3Gi"
    assert learner.wait_for_event("growing", "VolumeResizeSuccessful") == "Resize volume succeeded"
    smaller = learner("patch", "pvc", "growing", "-p", '{"spec":{"resources":{"requests":{"storage":"1Gi"}}}}')
    assert "can not be less than status.capacity" in smaller.stderr


def test_class_that_is_not_there_is_told(learner: Learner) -> None:
    learner.apply(_claim("hopeless", storageClassName="fast-ssd"))
    assert '"fast-ssd" not found' in learner.wait_for_event("hopeless", "ProvisioningFailed")
    assert learner.get("pvc", "hopeless")["status"]["phase"] == "Pending"


def test_what_the_disks_cannot_do_is_told(learner: Learner) -> None:
    learner.apply(_claim("choosy", storageClassName="immediate", selector={"matchLabels": {"disk": "fast"}}))
    assert "claim Selector is not supported" in learner.wait_for_event("choosy", "ProvisioningFailed")


# Addresses


def _service(name: str, kind: str) -> Json:
    spec = {"type": kind, "selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def _ingress(name: str, **spec: Any) -> Json:
    body = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}} | spec
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name}, "spec": body}


def _addresses(item: Json) -> list[str]:
    return [each["ip"] for each in item["status"].get("loadBalancer", {}).get("ingress", [])]


def test_ingress_of_the_class_gets_an_address(learner: Learner) -> None:
    learner.apply(_ingress("served", ingressClassName="nginx"), _ingress("unserved"), _ingress("misspelt", ingressClassName="ngnix"))
    served = learner.wait("ingress", "served", _addresses, seconds=5)
    assert _addresses(served)[0].startswith("198.51.100.")
    assert learner.wait_for_event("served", "Sync") == "Scheduled for sync"
    assert not _addresses(learner.get("ingress", "unserved"))
    assert not _addresses(learner.get("ingress", "misspelt"))
    learner("patch", "ingress", "served", "-p", '{"spec":{"ingressClassName":"traefik"}}')
    learner.wait("ingress", "served", lambda item: not _addresses(item))


def test_load_balancers_get_addresses_of_their_own(learner: Learner) -> None:
    learner.apply(_service("web", "LoadBalancer"), _service("shop", "LoadBalancer"), _service("inside", "ClusterIP"))
    web, shop = (_addresses(learner.wait("service", name, _addresses)) for name in ("web", "shop"))
    assert web != shop
    assert not _addresses(learner.get("service", "inside"))
    learner.wait_for_event("web", "EnsuredLoadBalancer")
    learner("patch", "service", "web", "-p", '{"spec":{"type":"ClusterIP"}}')
    learner.wait("service", "web", lambda item: not _addresses(item))
    assert learner("delete", "service", "shop").returncode == 0
    learner.wait("service", "shop", lambda item: not item)


# Custom resources


def _monitor(**endpoint: Any) -> Json:
    spec = {"selector": {"matchLabels": {"app": "x"}}, "endpoints": [{"port": "http"} | endpoint]}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "x"}, "spec": spec}


def _rule(**rule: Any) -> Json:
    spec = {"groups": [{"name": "x", "rules": [rule]}]}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": {"name": "x"}, "spec": spec}


def _velero(kind: str, name: str, **spec: Any) -> Json:
    return {"apiVersion": "velero.io/v1", "kind": kind, "metadata": {"name": name, "namespace": "velero"}, "spec": spec}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(_monitor(scrapeInterval="30s"), 'unknown field "spec.endpoints[0].scrapeInterval"', id="misspelt-field"),
        pytest.param(_monitor(interval="30"), "spec.endpoints[0].interval", id="no-unit"),
        pytest.param(_monitor(scheme="ftp"), "Unsupported value", id="no-such-scheme"),
        pytest.param(_rule(alert="Down"), "spec.groups[0].rules[0].expr: Required value", id="no-expression"),
        pytest.param(_rule(expr="up == 0", labels={"severity": 1}), "labels.severity", id="number-as-label"),
        pytest.param(_velero("Schedule", "x", schedule="0 2 * * *"), "spec.template: Required value", id="no-template"),
        pytest.param(_velero("Backup", "x", includedNamespace=["a"]), 'unknown field "spec.includedNamespace"', id="misspelt-list"),
        pytest.param(_velero("BackupStorageLocation", "x", provider="aws"), "spec.objectStorage: Required value", id="no-storage"),
        pytest.param(_velero("Restore", "x", restorePVs="yes"), "must be of type boolean", id="word-as-boolean"),
    ],
)
def test_custom_resource_is_refused(learner: Learner, body: Json, words: str) -> None:
    done = learner("apply", "-f", "-", stdin=yaml.safe_dump(body))
    assert done.returncode == 1
    assert words in done.stderr


def test_columns_of_custom_resources(learner: Learner) -> None:
    learner.apply(_velero("BackupStorageLocation", "shown", provider="aws", objectStorage={"bucket": "backups"}))
    learner.wait("bsl", "shown", _phase("Available"), "velero")
    assert "LAST VALIDATED" in learner("get", "bsl", "-n", "velero").stdout
    assert learner("explain", "schedules.velero.io.spec.template.ttl").returncode == 0


# Velero


def test_location_that_cannot_be_used_says_why(learner: Learner) -> None:
    learner.apply(_velero("BackupStorageLocation", "nowhere", provider="floppy", objectStorage={"bucket": "backups"}))
    found = learner.wait("bsl", "nowhere", _phase("Unavailable"), "velero")
    assert "unable to locate ObjectStore plugin named velero.io/floppy" in found["status"]["message"]
    learner("patch", "bsl", "nowhere", "-n", "velero", "--type=merge", "-p", '{"spec":{"provider":"aws"}}')
    assert "message" not in learner.wait("bsl", "nowhere", _phase("Available"), "velero")["status"]


def test_backup_holds_what_a_restore_brings_back(learner: Learner) -> None:
    for name in ("app", "app-rehearsal"):
        learner("delete", "namespace", name, "--ignore-not-found")
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "app"}, "data": {"A": "1"}}
    learner.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}}, settings)
    learner.apply(_velero("BackupStorageLocation", "main", provider="aws", default=True, objectStorage={"bucket": "backups"}))
    learner.wait("bsl", "main", _phase("Available"), "velero")
    learner.apply(_velero("Backup", "of-app", includedNamespaces=["app"], ttl="24h"))
    learner.wait("backups.velero.io", "of-app", _phase("InProgress"), "velero")
    done = learner.wait("backups.velero.io", "of-app", _phase("Completed", "PartiallyFailed"), "velero")
    assert done["status"]["phase"] == "Completed"
    assert done["status"]["progress"]["itemsBackedUp"] >= 3, "the namespace, its ServiceAccount, the settings"
    assert done["status"]["expiration"] > done["status"]["startTimestamp"]
    assert "not copied" in done["metadata"]["annotations"]["kubernetes.io/description"]

    learner("delete", "configmap", "settings", "-n", "app")
    learner.apply(_velero("Restore", "back", backupName="of-app"))
    learner.apply(_velero("Restore", "beside", backupName="of-app", namespaceMapping={"app": "app-rehearsal"}))
    for name in ("back", "beside"):
        learner.wait("restores.velero.io", name, _phase("Completed"), "velero")
    assert learner.get("configmap", "settings", "app")["data"] == {"A": "1"}
    assert learner.get("configmap", "settings", "app-rehearsal")["data"] == {"A": "1"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(_velero("Backup", "lost", storageLocation="moon"), '"moon" not found', id="no-such-location"),
        pytest.param(_velero("Backup", "torn", includedNamespaces=["a"], excludedNamespaces=["a"]), "includes list: a", id="in-and-out"),
        pytest.param(_velero("Restore", "empty", backupName="never-made"), '"never-made" not found', id="no-such-backup"),
        pytest.param(_velero("Restore", "homeless"), "Either a backup or schedule", id="no-source"),
        pytest.param(_velero("Schedule", "vague", schedule="every night", template={}), "invalid schedule", id="words-as-cron"),
    ],
)
def test_velero_says_what_it_cannot_do(learner: Learner, body: Json, words: str) -> None:
    learner.apply(body)
    kind, name = f"{body['kind'].lower()}s.velero.io", body["metadata"]["name"]
    found = learner.wait(kind, name, _phase("FailedValidation"), "velero")
    assert words in "\n".join(found["status"]["validationErrors"])


def test_schedule_makes_a_backup_when_its_time_comes(learner: Learner) -> None:
    learner.apply(_velero("BackupStorageLocation", "main", provider="aws", default=True, objectStorage={"bucket": "backups"}))
    learner.apply(_velero("Schedule", "often", schedule="@every 2s", template={"includedNamespaces": ["velero"], "ttl": "20s"}))
    learner.wait("schedules.velero.io", "often", lambda item: item["status"].get("lastBackup"), "velero")
    learner("patch", "schedules.velero.io", "often", "-n", "velero", "--type=merge", "-p", '{"spec":{"paused":true}}')
    listed = learner("get", "backups.velero.io", "-n", "velero", "-l", "velero.io/schedule-name=often", "-o", "json")
    made = json.loads(listed.stdout)["items"]
    assert made
    assert made[0]["metadata"]["name"].startswith("often-20")
    learner.wait("backups.velero.io", made[0]["metadata"]["name"], lambda item: not item, "velero", seconds=40)  # its time is over


# The course's own solutions


def _verdicts(learner: Learner, lesson_id: str) -> dict[str, Verdict]:
    lesson = next(each for each in lessons() if each.id == lesson_id)
    cluster = connect(context=None, kubeconfig=str(learner.kubeconfig), timeout=20)
    kinds = lesson.reads + lesson.live_reads
    snapshot = cluster.snapshot(kinds, namespace="rag-engine", taken_at=NOON, everywhere=lesson.everywhere)
    return {result.objective.id: result.verdict for result in evaluate(lesson, snapshot).results}


def _apply_solution(learner: Learner, number: int) -> None:
    files = manifests(exercise(f"lesson-{number}") / "solution")
    for file in sorted(files, key=lambda path: path.name != "namespace.yaml"):
        done = learner("apply", "-f", str(file))
        assert done.returncode == 0, f"{file}: {done.stderr}"


def _settles(learner: Learner, lesson_id: str, *, except_for: tuple[str, ...] = (), seconds: float = 60) -> None:
    """Wait until every objective of a lesson has passed, but for those that cannot."""
    deadline = time.monotonic() + seconds
    while True:
        verdicts = _verdicts(learner, lesson_id)
        missing = {name: verdict for name, verdict in verdicts.items() if verdict.status is not Status.PASSED and name not in except_for}
        if not missing:
            return
        assert time.monotonic() < deadline, missing
        time.sleep(0.5)


def test_solutions_complete_their_lessons(learner: Learner) -> None:
    for number in range(1, 10):
        _apply_solution(learner, number)
    # The Pod that used the claim at first has to be replaced, which is the learner's own doing.
    learner.wait("pvc", "storage-qdrant-0", _bound, "rag-engine", seconds=40)
    time.sleep(2.5)  # times are in whole seconds, and the new Pod must be younger for certain
    first = learner.get("pod", "qdrant-0", "rag-engine")["metadata"]["uid"]
    learner("delete", "pod", "qdrant-0", "-n", "rag-engine", "--grace-period=1")
    learner.wait("pod", "qdrant-0", lambda pod: pod and pod["metadata"]["uid"] != first, "rag-engine")
    _settles(learner, "lesson-9")
    assert _addresses(learner.wait("ingress", "rag-engine-ingress", _addresses, "rag-engine"))

    _apply_solution(learner, 12)
    _settles(learner, "lesson-12", except_for=("autoscaling-metric-source", "target-scraped"))

    _apply_solution(learner, 13)
    learner.wait("bsl", "default", _phase("Available"), "velero")
    backup = _velero("Backup", "rehearsal", includedNamespaces=["rag-engine"], storageLocation="default")
    learner.apply(backup)
    learner.wait("backups.velero.io", "rehearsal", _phase("Completed"), "velero", seconds=40)
    learner.apply(_velero("Restore", "rehearsal", backupName="rehearsal", namespaceMapping={"rag-engine": "rag-engine-restored"}))
    learner.wait("restores.velero.io", "rehearsal", _phase("Completed"), "velero", seconds=40)
    _settles(learner, "lesson-13")
    assert learner.get("deployment", "rag-engine-api", "rag-engine-restored")
