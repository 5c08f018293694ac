"""Which number a Service's targetPort means on a Pod, as the endpoint slice controller finds it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.ports import protocol, target_number


def port(name: str | None, number: Any, **more: Any) -> dict[str, Any]:
    return {"containerPort": number, **({"name": name} if name else {}), **more}


def container(*ports: Any, **more: Any) -> dict[str, Any]:
    return {"name": "c", "ports": list(ports), **more}


APP = container(port("http", 8000), port("metrics", 9090), port(None, 7000))
PROXY = container(port("http", 15001), port("admin", 15000))
POD = {"containers": [APP, PROXY]}
NATIVE = {
    "containers": [container(port("http", 8000))],
    "initContainers": [
        container(port("setup", 1), port("http", 2)),
        container(port("proxy", 15001), port("http", 3), restartPolicy="Always"),
        container(port("later", 4), restartPolicy="OnFailure"),
    ],
}
TWICE = {"containers": [container(port("dns", 53, protocol="UDP"), port("dns", 5353))]}


@pytest.mark.parametrize(
    ("pod", "target", "own", "over", "number"),
    [
        pytest.param(POD, 8000, 80, None, 8000, id="a number is itself"),
        pytest.param(POD, 4711, 80, None, 4711, id="a number that no container tells of"),
        pytest.param({}, 8000, 80, None, 8000, id="a number, whatever the Pod"),
        pytest.param(POD, None, 80, None, 80, id="left out, it is the Service's own port"),
        pytest.param(POD, 0, 80, None, 80, id="zero, too"),
        pytest.param(POD, "", 80, None, 80, id="an empty name, too"),
        pytest.param(POD, "http", 80, None, 8000, id="a name is that of the first container that has it"),
        pytest.param({"containers": [PROXY, APP]}, "http", 80, None, 15001, id="and order decides"),
        pytest.param(POD, "metrics", 80, None, 9090, id="a second port"),
        pytest.param(POD, "admin", 80, None, 15000, id="of the second container"),
        pytest.param(POD, "Http", 80, None, None, id="names are exact"),
        pytest.param(POD, "web", 80, None, None, id="a name that nobody has"),
        pytest.param(POD, "8000", 80, None, None, id="digits in quotes are a name"),
        pytest.param(POD, "http", 80, "UDP", None, id="of another protocol"),
        pytest.param(POD, "http", 80, "TCP", 8000, id="TCP written out"),
        pytest.param(POD, "http", 80, "", 8000, id="an empty protocol is TCP"),
        pytest.param(TWICE, "dns", 53, "UDP", 53, id="one name for two protocols, UDP"),
        pytest.param(TWICE, "dns", 53, None, 5353, id="one name for two protocols, TCP"),
        pytest.param(NATIVE, "http", 80, None, 8000, id="regular containers come before sidecars"),
        pytest.param(NATIVE, "proxy", 80, None, 15001, id="a sidecar's port"),
        pytest.param(NATIVE, "setup", 80, None, None, id="an init container has ended and serves nothing"),
        pytest.param(NATIVE, "later", 80, None, None, id="another restart policy makes no sidecar"),
        pytest.param({"containers": [container(port("http", "8000"))]}, "http", 80, None, None, id="a container's port in quotes"),
        pytest.param(None, "http", 80, None, None, id="no Pod spec"),
        pytest.param({"containers": [{"name": "c"}]}, "http", 80, None, None, id="no ports at all"),
        pytest.param({"containers": [None, "c", container(None, 1, port("http", 1))]}, "http", 80, None, 1, id="odd items beside it"),
        pytest.param(POD, None, "80", None, None, id="the Service's own port in quotes"),
        pytest.param(POD, None, None, None, None, id="neither"),
        pytest.param(POD, True, 80, None, None, id="true is no number"),
        pytest.param(POD, False, 80, None, None, id="false is not zero"),
        pytest.param(POD, 8000.5, 80, None, None, id="a fraction"),
        pytest.param(POD, {"name": "http"}, 80, None, None, id="a map"),
    ],
)
def test_target(pod: Any, target: Any, own: Any, over: Any, number: int | None) -> None:
    assert target_number(pod, target, own, over) == number


@pytest.mark.parametrize(("written", "meant"), [(None, "TCP"), ("", "TCP"), ("TCP", "TCP"), ("UDP", "UDP"), ("tcp", "tcp"), (6, 6)])
def test_protocol(written: Any, meant: Any) -> None:
    assert protocol(written) == meant


# Property: the first of a flat list of all ports that are served

names, protocols = st.sampled_from(["http", "dns", "x"]), st.sampled_from([None, "TCP", "UDP"])
ports = st.fixed_dictionaries({"containerPort": st.integers(1, 65535)}, optional={"name": names, "protocol": protocols})
containers = st.lists(st.fixed_dictionaries({"ports": st.lists(ports, max_size=3)}), max_size=3)
restarts = st.sampled_from([None, "Always", "Never"])


@given(containers, containers, st.lists(restarts, min_size=3, max_size=3), names, protocols)
def test_name_means_the_first_served_port_that_has_it(regular: Any, init: Any, policies: Any, name: str, over: Any) -> None:
    init = [{**each, "restartPolicy": policy} for each, policy in zip(init, policies, strict=False)]
    served = [one for each in [*regular, *(each for each in init if each["restartPolicy"] == "Always")] for one in each["ports"]]
    fitting = [one["containerPort"] for one in served if one.get("name") == name and (one.get("protocol") or "TCP") == (over or "TCP")]
    assert target_number({"containers": regular, "initContainers": init}, name, 80, over) == (fitting[0] if fitting else None)


odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.floats() | st.sampled_from(["", "http", "Always"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["containers", "initContainers", "ports", "name", "containerPort", "restartPolicy"]), inner)
    ),
    max_leaves=8,
)


@given(odd, odd, odd, odd)
def test_no_shape_of_object_crashes(pod: Any, target: Any, own: Any, over: Any) -> None:
    found = target_number(pod, target, own, over)
    assert found is None or type(found) is int
