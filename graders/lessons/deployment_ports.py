"""Lesson 4: the port on which the app serves, by name."""

from __future__ import annotations

from graders.lessons.deployment_app import KIND, deployment_exists, in_every_container, workload, written
from graders.objective import objective, owns
from graders.snapshot import Field, Snapshot
from graders.verdict import Verdict, failed, passed
from graders.workloads import APP, APP_PORT

PORT_NAME = "http"


@objective(
    "port-named-http",
    "The app serves port 8000, named `http`",
    hints=(
        "`kubectl describe deployment` shows Port and its protocol per container. By name, Services and probes follow a change.",
        "An entry under `ports` of the app's own container, not of a helper beside it: a number, a name in lower case; TCP is the default.",
    ),
    docs="https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports",
    needs=(deployment_exists,),
    owned=owns(KIND, APP, *in_every_container("ports"), "spec.template.spec.ports"),
)
def port_named_http(snapshot: Snapshot) -> Verdict:
    expected = f"`containerPort: {APP_PORT}`, `name: {PORT_NAME}`, over TCP"
    container = workload(snapshot).app_container()
    if container is None:
        listed = workload(snapshot).pod_spec.at("containers")
        names = "`, `".join(str(item.at("name").value) for item in listed.each())
        found = f"`{names}`, none of them named `api` or on port {APP_PORT}" if names else "no container"
        return failed(listed, expected=f"a container that serves the app: {expected}", found=found)
    faults = [_faults(port) for port in container.at("ports").each()]
    if not faults:
        return failed(container.at("ports"), expected=expected, found="no `ports`")
    nearest = min(faults, key=len)
    return failed(nearest[0], expected=expected, found=written(nearest[0])) if nearest else passed()


def _faults(port: Field) -> list[Field]:
    """The fields of a port that are not as they should be."""
    number, name, protocol = (port.at(key) for key in ("containerPort", "name", "protocol"))
    right = ((number, number.whole == APP_PORT), (name, name.value == PORT_NAME), (protocol, protocol.value in (None, "", "TCP")))
    return [field for field, fits in right if not fits]
