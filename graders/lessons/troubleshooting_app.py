"""What the broken workloads of lesson 14 have in common: each stays what it is, runs its own app, and is mended rather than silenced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graders.lessons.deployment_app import written
from graders.lessons.existence import exists
from graders.lessons.troubleshooting_pods import rolled_out, with_symptom
from graders.semantics.images import parse_image
from graders.semantics.probes import resolve_probe_port
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Status, Verdict, failed, passed
from graders.workloads import Workload

KIND = "Deployment"
_OWNER = "your-registry"
_HUB = ("", "docker.io", "index.docker.io")  # three ways to name the registry that is the default


@dataclass(frozen=True, slots=True)
class App:
    """One of the workloads, and the container that runs its app."""

    workload: Workload
    container: Field

    @property
    def object(self) -> K8sObject:
        """The Deployment."""
        return self.workload.object

    @property
    def pod_spec(self) -> Field:
        """The place of its Pod spec."""
        return self.workload.pod_spec


Check = Callable[[Snapshot, App], Verdict]


def mends(name: str, *, then: Check | None = None) -> Callable[[Check], Callable[[Snapshot], Verdict]]:
    """A check of the Deployment `name` as it is written: that it is still there and runs its app comes first, the decorated check next.

    On a cluster its Pods have to be up as well, and then `then` is asked.
    """

    def decorate(check: Check) -> Callable[[Snapshot], Verdict]:
        def judge(snapshot: Snapshot) -> Verdict:
            verdict = exists(snapshot, KIND, name)
            if verdict.status is not Status.PASSED:
                return verdict
            workload = Workload.of(snapshot.own(KIND, name))
            app = _running(workload, name)
            mended = app if isinstance(app, Verdict) else _gets_ready(app, check(snapshot, app))
            if isinstance(app, Verdict) or mended.status is not Status.PASSED:
                return with_symptom(snapshot, workload.object, mended) if snapshot.is_live else mended
            if snapshot.is_live:
                arrived = rolled_out(snapshot, workload.object)
                if arrived.status is Status.PASSED and then is not None:
                    arrived = then(snapshot, app)
                if arrived.status is not Status.PASSED:
                    return arrived
            return verdict.advising(*mended.advice)

        return judge

    return decorate


def _running(workload: Workload, name: str) -> App | Verdict:
    """The app, or why it does not run."""
    leaving, replicas = workload.object.at("metadata.deletionTimestamp"), workload.object.at("spec.replicas")
    if leaving.present:
        return failed(leaving, expected=f"{KIND} `{name}`, mended", found="it is being deleted")
    if replicas.whole == 0:
        return failed(replicas, expected="a Pod that runs", found="`replicas: 0`, which hides the fault and mends nothing")
    container = next((item for item in workload.containers() if is_image_of(item.at("image").value, name)), None)
    if container is None:
        nearest = _nearest(workload, name)
        place = nearest.at("image") if nearest is not None else workload.pod_spec.at("containers")
        found = written(place) if nearest is not None else "no container"
        if place.present and nearest is not None and parse_image(place.value) is None:
            found += ", which no container runtime can read"
        return failed(place, expected=f"the app's own image, `{_OWNER}/{name}`", found=found)
    for field in ("command", "args"):
        place = container.at(field)
        if any(place.each()):
            found = f"its own `{field}`: {' '.join(str(word.value) for word in place.each())[:80]}"
            return failed(place, expected="the program that the image starts by itself", found=found)
    return App(workload, container)


def _gets_ready(app: App, verdict: Verdict) -> Verdict:
    """The verdict, unless it is a pass and a probe asks at a name that is no port's: a kubelet throws such an answer away, and waits on."""
    for name in ("startupProbe", "readinessProbe") if verdict.status is Status.PASSED else ():
        for question in ("httpGet", "tcpSocket"):
            port = app.container.key(name, question, "port")
            if port.present and resolve_probe_port(app.container.value, port.value) is None:
                found = f"{written(port)}, a name that no port of the container has: it never gets ready"
                return failed(port, expected="the number of a port, or the name that the container gives to one", found=found)
    return verdict


def _nearest(workload: Workload, name: str) -> Field | None:
    containers = workload.containers()
    return next((item for item in containers if item.at("name").value == name), containers[0] if containers else None)


def is_image_of(image: object, name: str) -> bool:
    """Whether an image is one of the app's, in whatever version."""
    parsed = parse_image(image)
    return parsed is not None and parsed.registry in _HUB and parsed.repository == f"{_OWNER}/{name}"


def unpinned(app: App) -> tuple[str, ...]:
    """The advice for an app that runs whatever is newest; empty when its version is fixed."""
    image = parse_image(app.container.at("image").value)
    if image is None or not image.latest:
        return ()
    return (f"`{app.container.at('image').value}` is another version tomorrow: pin the one that works.",)


def well(app: App, *advice: str) -> Verdict:
    """Passed, with what a practitioner would still say."""
    return passed(*advice, *unpinned(app))
