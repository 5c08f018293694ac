"""What becomes of Pods on the practice cluster: played by its own kubelets from each Pod's spec, written as a real kubelet would."""

from __future__ import annotations

import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api import Api, Json
from tests.cases import EXERCISES

pytestmark = pytest.mark.cluster

NAMESPACE = "kubelets"
IMAGE = re.compile(r"""image: *['"]?([^\s'",}\]]+)""")


@pytest.fixture
def pods(api: Api) -> Iterator[Pods]:
    """A namespace of this module's own, on a practice cluster."""
    if api.request("GET", "/api/v1/nodes/practice-1")[0] != 200:
        pytest.skip("not a practice cluster: real kubelets are not ours to test")
    api.ensure_namespace(NAMESPACE)
    made = Pods(api)
    yield made
    for name in made.names:
        api.delete({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}}, wait=False)


class Pods:
    """Pods with one container each, and what the cluster says of them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.names: list[str] = []

    def put(self, image: str, *, pod: Json | None = None, **container: Any) -> str:
        name = f"pod-{time.monotonic_ns()}"
        spec = {"terminationGracePeriodSeconds": 5, "containers": [{"name": "app", "image": image, **container}], **(pod or {})}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
        status, answer = self.api.create(body, NAMESPACE, dry_run=False)
        assert status == 201, answer
        self.names.append(name)
        return name

    def status(self, name: str) -> Json:
        status, pod = self.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")
        assert status == 200, pod
        found: Json = pod["status"]
        return found

    def app(self, name: str) -> Json:
        """The status of its container, once there is one."""
        found: Json = self.status(name).get("containerStatuses", [{}])[0]
        return found

    def wait(self, name: str, condition: Callable[[Json], bool], within: float = 20) -> Json:
        deadline = time.monotonic() + within
        while not condition(app := self.app(name)):
            assert time.monotonic() < deadline, f"{app}\n{self.events(name)}"
            time.sleep(0.05)
        return app

    def waits(self, name: str, reason: str, within: float = 20) -> str:
        """Wait until its container waits for this reason; the message that goes with it."""
        app = self.wait(name, lambda app: app.get("state", {}).get("waiting", {}).get("reason") == reason, within)
        return str(app["state"]["waiting"].get("message", ""))

    def runs(self, name: str, within: float = 20) -> Json:
        return self.wait(name, lambda app: "running" in app.get("state", {}), within)

    def events(self, name: str) -> list[str]:
        path = f"/api/v1/namespaces/{NAMESPACE}/events?fieldSelector=involvedObject.name={name}"
        return [f"{event['reason']} {event['message']}" for event in self.api.request("GET", path)[1]["items"]]

    def says(self, name: str, words: str, within: float = 10) -> None:
        """Wait for an event with these words: events are written after the status."""
        deadline = time.monotonic() + within
        while words not in (events := "\n".join(self.events(name))):
            assert time.monotonic() < deadline, events
            time.sleep(0.05)

    def log(self, name: str, query: str = "") -> tuple[int, str]:
        status, answer = self.api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/log?timestamps=true{query}")
        return status, str(answer["message"])


def _images() -> set[str]:
    """Every image of a manifest that a learner may apply: the solutions, and what passes besides."""
    files = [*EXERCISES.glob("*/solution/*.yaml"), *EXERCISES.glob("*/cases/pass-*.yaml")]
    found: set[str] = set()
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.lstrip().startswith("#"):
                found.update(IMAGE.findall(line))
    return found


def test_images_of_the_course_can_be_pulled(pods: Pods) -> None:
    images = _images()
    assert "your-registry/rag-engine:v1.0.0" in images
    made = {image: pods.put(image, command=["sleep", "infinity"]) for image in sorted(images)}
    for name in made.values():
        pods.runs(name)


def test_what_a_kubelet_fills_in(pods: Pods) -> None:
    probe = {"httpGet": {"path": "/health/ready", "port": "http"}, "periodSeconds": 1}
    began = time.monotonic()
    name = pods.put(
        "your-registry/rag-engine:v1.0.0",
        ports=[{"name": "http", "containerPort": 8000}],
        readinessProbe=probe,
        resources={"requests": {"cpu": "10m"}},
    )
    app = pods.runs(name)
    assert time.monotonic() - began < 2
    assert (app["ready"], app["started"], app["restartCount"]) == (False, True, 0)
    assert app["containerID"].startswith("containerd://")
    assert app["image"] == "docker.io/your-registry/rag-engine:v1.0.0"
    assert app["resources"] == {"requests": {"cpu": "10m"}}
    pods.wait(name, lambda app: bool(app["ready"]), within=6)
    status = pods.status(name)
    assert status["podIP"].startswith("10.244.")
    assert status["qosClass"] == "Burstable"
    assert status["startTime"]
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    kinds = ("PodScheduled", "PodReadyToStartContainers", "Initialized", "ContainersReady", "Ready")
    assert conditions == dict.fromkeys(kinds, "True")
    pods.says(name, "Unhealthy Readiness probe failed: Get")
    pods.says(name, "Started Container started")


def test_image_that_cannot_be_pulled(pods: Pods) -> None:
    bad_tag, unlisted = pods.put("your-registry/gateway:v1.5.0"), pods.put("ghcr.io/acme/unheard-of:v1")
    assert "docker.io/your-registry/gateway:v1.5.0: not found" in pods.waits(bad_tag, "ImagePullBackOff")
    assert "practice-cluster images add ghcr.io/acme/unheard-of:v1" in pods.waits(unlisted, "ImagePullBackOff")
    pods.says(bad_tag, 'BackOff Back-off pulling image "your-registry/gateway:v1.5.0"')
    pods.says(unlisted, "the practice cluster pulls nothing")
    status, answer = pods.log(bad_tag)
    assert status == 400
    assert "trying and failing to pull image" in answer


def test_learner_adds_an_image(pods: Pods, practice_cluster: Path, kubeconfig: Path) -> None:
    data = kubeconfig.parent

    def images(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([practice_cluster, "images", *arguments, "--data", data], capture_output=True, text=True, check=False)

    image = f"ghcr.io/acme/added-{time.monotonic_ns()}:v1"
    assert re.search(r"^gateway +v1.3.0 v1.4.0 v1.4.1$", images("gateway").stdout, re.MULTILINE)
    assert images("add", image).returncode == 0
    assert image.rpartition(":")[0] in images().stdout
    pods.runs(pods.put(image))
    assert images("add", "No Image").returncode == 1
    assert images("unheard-of-anywhere").returncode == 1


def test_variable_that_is_missing_crashes_until_it_is_there(pods: Pods) -> None:
    name = pods.put("your-registry/query-api:v1.2.0")
    message = pods.waits(name, "CrashLoopBackOff")
    assert message.startswith("back-off 10s restarting failed container=app pod=")
    ended = pods.app(name)["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (1, "Error")
    assert "DATABASE_URL" in ended["message"]
    assert "DATABASE_URL is not set" in pods.log(name)[1]
    pods.says(name, "BackOff Back-off restarting failed container app in pod")
    env = [{"name": "DATABASE_URL", "value": "postgresql://db"}]
    assert pods.runs(pods.put("your-registry/query-api:v1.2.0", env=env))["restartCount"] == 0


def test_liveness_probe_that_is_too_early_kills(pods: Pods) -> None:
    probe = {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 1, "failureThreshold": 2}
    name = pods.put("your-registry/indexer:v1.0.0", livenessProbe=probe)
    pods.wait(name, lambda app: app.get("restartCount", 0) > 0)
    pods.says(name, "Unhealthy Liveness probe failed: Get")
    pods.says(name, "Killing Container app failed liveness probe, will be restarted")


def test_container_waits_for_what_it_refers_to(pods: Pods) -> None:
    name = f"late-{time.monotonic_ns()}"
    volume = {"volumes": [{"name": "config", "configMap": {"name": name}}]}
    mounted = pods.put("busybox:1.37", pod=volume, command=["sleep", "infinity"], volumeMounts=[{"name": "config", "mountPath": "/config"}])
    variable = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": name, "key": "a"}}}
    referring = pods.put("busybox:1.37", command=["sh", "-c", 'echo "A is $A"; sleep infinity'], env=[variable])
    assert pods.waits(referring, "CreateContainerConfigError") == f'configmap "{name}" not found'
    pods.says(mounted, f'FailedMount MountVolume.SetUp failed for volume "config" : configmap "{name}" not found')
    pods.waits(mounted, "ContainerCreating")
    pods.api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": {"a": "b"}})
    pods.runs(mounted, within=5)
    pods.runs(referring, within=5)
    assert pods.log(referring)[1].endswith("A is b\n")


def test_log_says_that_it_is_played(pods: Pods) -> None:
    name = pods.put("your-registry/search:v1.0.0")
    pods.runs(name)
    deadline = time.monotonic() + 5
    while "listening" not in (log := pods.log(name)[1]):
        assert time.monotonic() < deadline, log
        time.sleep(0.1)
    assert "played by the practice cluster" in log.splitlines()[0]
    assert "played" not in pods.log(name, "&tailLines=1")[1]
    assert pods.log(name, "&previous=true")[0] == 400


def test_log_is_followed_until_the_container_ends(pods: Pods) -> None:
    script = "echo one; sleep 2; echo two; sleep 2; echo three"
    name = pods.put("busybox:1.36", pod={"restartPolicy": "Never"}, command=["sh", "-c", script])
    pods.runs(name)
    assert "two" not in pods.log(name)[1]
    began = time.monotonic()
    lines = pods.log(name, "&follow=true")[1].splitlines()  # the answer is complete when the container has ended
    assert [line.split()[-1] for line in lines[1:]] == ["one", "two", "three"]
    assert time.monotonic() - began > 2
    later = datetime.fromisoformat(lines[2].split()[0]).isoformat(timespec="seconds").replace("+00:00", "Z")
    assert [line.split()[-1] for line in pods.log(name, f"&sinceTime={later}")[1].splitlines()] == ["two", "three"]
    assert pods.log(name, "&limitBytes=7")[1] == lines[0][:7]


def test_loop_writes_on(pods: Pods) -> None:
    name = pods.put("busybox:1.28", args=["/bin/sh", "-c", 'i=0; while true; do echo "$i: $(date)"; i=$((i+1)); sleep 1; done'])
    pods.runs(name)
    deadline = time.monotonic() + 10
    while not re.search(r" 0: .* UTC \d{4}\n.* 1: .* UTC", log := pods.log(name)[1]):
        assert time.monotonic() < deadline, log
        time.sleep(0.1)


def test_memory_runs_out_where_a_command_says_how_much(pods: Pods) -> None:
    limits = {"resources": {"limits": {"memory": "100Mi"}}}
    name = pods.put("polinux/stress", command=["stress"], args=["--vm", "1", "--vm-bytes", "250M", "--vm-hang", "1"], **limits)
    app = pods.wait(name, lambda app: "terminated" in app.get("lastState", {}))
    assert (app["lastState"]["terminated"]["reason"], app["lastState"]["terminated"]["exitCode"]) == ("OOMKilled", 137)


def test_probe_of_a_file_that_is_removed(pods: Pods) -> None:
    script = "touch /tmp/healthy; sleep 3; rm -f /tmp/healthy; sleep 600"
    probe = {"exec": {"command": ["cat", "/tmp/healthy"]}, "periodSeconds": 1, "failureThreshold": 2}
    name = pods.put("registry.k8s.io/busybox:1.27.2", args=["/bin/sh", "-c", script], livenessProbe=probe)
    pods.wait(name, lambda app: app.get("restartCount", 0) > 0)
    pods.says(name, "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory")


def test_kubelet_answers_the_api_server_only(pods: Pods) -> None:
    node = pods.api.request("GET", "/api/v1/nodes/practice-1")[1]
    port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
    url = f"https://127.0.0.1:{port}/containerLogs/{NAMESPACE}/x/y"
    stranger = ssl.create_default_context()
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        urllib.request.urlopen(url, context=stranger, timeout=5).read()
    # The learner's own certificate is of the same authority, but not the API server's.
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, context=pods.api._context, timeout=5)
    with refused.value as answer:
        assert answer.code == 403


def test_pod_goes_gracefully(pods: Pods) -> None:
    name = pods.put("nginx:1.29", lifecycle={"preStop": {"sleep": {"seconds": 2}}})
    pods.runs(name)
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}"
    began = time.monotonic()
    assert pods.api.request("DELETE", path)[0] == 200
    while pods.api.request("GET", path)[0] != 404:
        assert time.monotonic() - began < 10
        time.sleep(0.05)
    assert time.monotonic() - began > 2
    pods.says(name, "Killing Stopping container app")


def test_work_ends(pods: Pods) -> None:
    never = {"restartPolicy": "Never"}
    done = pods.put("busybox:1.37", pod=never, command=["sh", "-c", "echo working; sleep 1"])
    failed = pods.put("busybox:1.37", pod=never, command=["sh", "-c", "exit 3"])
    assert pods.wait(failed, lambda app: "terminated" in app.get("state", {}))["state"]["terminated"]["exitCode"] == 3
    pods.wait(done, lambda app: "terminated" in app.get("state", {}))
    assert (pods.status(done)["phase"], pods.status(failed)["phase"]) == ("Succeeded", "Failed")
    assert "working" in pods.log(done)[1]
