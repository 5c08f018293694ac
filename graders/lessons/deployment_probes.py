"""Lesson 4: the questions that the kubelet asks the app."""

from __future__ import annotations

from graders.lessons.deployment_app import KIND, astray, deployment_exists, in_every_container, of_app_container, written
from graders.lessons.deployment_ports import port_named_http
from graders.objective import objective, owns
from graders.semantics.probes import HANDLERS, budget, deciding_probe, handler, period, requested_path, resolve_probe_port
from graders.snapshot import Field, Snapshot
from graders.verdict import Status, Verdict, blocked, failed, passed
from graders.workloads import APP, APP_PORT

_ALIVE, _READY = "/health", "/health/ready"
_SLOW_START = 20
_LONGEST_PERIOD = 15

_DOCS = "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/"


def _asks(snapshot: Snapshot, container: Field, probe: Field, wanted: str) -> Verdict:
    """Whether a probe asks for this path over HTTP on the app's port."""
    if not probe.present:
        return failed(probe, expected=f"an `httpGet` for `{wanted}`", found=f"no `{probe.path[-1]}`")
    given = [name for name in HANDLERS if probe.key(name).present]
    if given != ["httpGet"]:
        return failed(probe, expected=f"an `httpGet` for `{wanted}`", found=" and ".join(f"`{name}`" for name in given) or "no handler")
    ask = probe.at("httpGet")
    path, port, scheme, host = ask.at("path"), ask.at("port"), ask.at("scheme"), ask.at("host")
    if requested_path(path.value) != wanted:
        return failed(path, expected=f"`path: {wanted}`", found=written(path) if path.present else "no `path`, which means `/`")
    if scheme.value not in (None, "", "HTTP"):
        return failed(scheme, expected="plain HTTP, which is the default", found=written(scheme))
    if host.value not in (None, ""):
        return failed(host, expected="no `host`: the kubelet then asks the Pod itself", found=written(host))
    if _waits_for_its_name(snapshot, port):
        return blocked(port_named_http.id)
    number = resolve_probe_port(container.value, port.value)
    if number != APP_PORT:
        return failed(port, expected=f"port {APP_PORT}, by number or by its name", found=_port_in_words(port, number))
    if path.text and not path.text.startswith("/"):
        return passed(f"`path: {path.text}` of the {probe.path[-1]} works, for the kubelet adds the slash in front: write `{wanted}`.")
    return passed()


def _waits_for_its_name(snapshot: Snapshot, port: Field) -> bool:
    """Whether a probe names a port while the naming of ports is what another objective finds wrong."""
    by_name = port.text and not port.text.isdigit()
    return bool(by_name) and port_named_http.check(snapshot).status is not Status.PASSED


def _port_in_words(port: Field, number: int | None) -> str:
    if port.text is None:
        return written(port)
    if port.text.isdigit():
        return f'`port: "{port.text}"`, a string, and so a name: leave out the quotes'
    return (
        f"`{port.text}`, which this container gives to {number}" if number else f"`{port.text}`, a name that no port of this container has"
    )


@objective(
    "liveness-probe",
    "Liveness asks `/health`",
    hints=(
        "`kubectl describe deployment` shows the probe in one line: what it asks, delay, period, #failure. Failing it kills the container.",
        "An `httpGet` in the container's `livenessProbe`. Count from the start of a container that never answers: delay, plus period times "
        "threshold, of a `startupProbe` if there is one. The app takes up to 20 seconds to start.",
    ),
    docs=_DOCS,
    needs=(deployment_exists,),
    owned=owns(KIND, APP, *in_every_container("livenessProbe", "startupProbe"), *astray("livenessProbe", "startupProbe")),
)
@of_app_container
def liveness_probe(snapshot: Snapshot, container: Field) -> Verdict:
    verdict = _asks(snapshot, container, container.at("livenessProbe"), _ALIVE)
    deciding = deciding_probe(container.value)
    if verdict.status is not Status.PASSED or deciding is None:
        return verdict
    probe = container.key(deciding)
    asks = handler(probe.value)
    if asks is None:
        return failed(probe, expected=f"a {deciding} that asks something", found="no handler")
    port = probe.key(asks, "port")
    if port.text is not None and resolve_probe_port(container.value, port.value) is None:
        if _waits_for_its_name(snapshot, port):
            return blocked(port_named_http.id)
        expected = f"a port of this container: with a {deciding} that asks nobody it never starts"
        return failed(port, expected=expected, found=_port_in_words(port, None))
    seconds = budget(probe.value)
    if seconds is None or seconds < _SLOW_START:
        found = "numbers that the API server refuses" if seconds is None else f"{seconds} s: {_sum(probe)}"
        return failed(probe, expected=f"at least {_SLOW_START} s from the start to the first kill by the {deciding}", found=found)
    return verdict


def _sum(probe: Field) -> str:
    delay, times = probe.at("initialDelaySeconds").whole or 0, probe.at("failureThreshold").whole or 3
    return f"initialDelaySeconds {delay} + periodSeconds {period(probe.value)} × failureThreshold {times}"


@objective(
    "readiness-probe",
    "Readiness asks `/health/ready`",
    hints=(
        "Readiness decides whether a Pod gets requests; `kubectl describe deployment` shows it in one line, below Liveness.",
        "The container's `readinessProbe`: the same kind of question as liveness, another path, and asked at least every 15 seconds.",
    ),
    docs=_DOCS + "#define-readiness-probes",
    needs=(deployment_exists,),
    owned=owns(KIND, APP, *in_every_container("readinessProbe"), *astray("readinessProbe")),
)
@of_app_container
def readiness_probe(snapshot: Snapshot, container: Field) -> Verdict:
    probe = container.at("readinessProbe")
    verdict = _asks(snapshot, container, probe, _READY)
    if verdict.status is not Status.PASSED:
        return verdict
    every = period(probe.value)
    if every is None or every > _LONGEST_PERIOD:
        place = probe.at("periodSeconds")
        return failed(place, expected=f"`periodSeconds` of at most {_LONGEST_PERIOD}", found=written(place))
    return verdict
