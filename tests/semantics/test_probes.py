"""Probes: their defaults, their port and the time that they leave."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.probes import budget, deciding_probe, handler, period, requested_path, resolve_probe_port, time_to_first_kill

ASK = {"httpGet": {"path": "/health", "port": 8000}}


@pytest.mark.parametrize(
    ("probe", "seconds"),
    [
        pytest.param({}, 30, id="defaults"),
        pytest.param({"initialDelaySeconds": 30}, 60, id="delay"),
        pytest.param({"periodSeconds": 5}, 15, id="period"),
        pytest.param({"failureThreshold": 1}, 10, id="threshold"),
        pytest.param({"initialDelaySeconds": 5, "periodSeconds": 3, "failureThreshold": 5}, 20, id="all"),
        pytest.param({"initialDelaySeconds": 0, "periodSeconds": 0, "failureThreshold": 0}, 30, id="zero-is-the-default"),
        pytest.param({"periodSeconds": None}, 30, id="null-is-the-default"),
        pytest.param({"timeoutSeconds": 60, "successThreshold": 1}, 30, id="timeout-does-not-add"),
        pytest.param({"periodSeconds": "5"}, None, id="string"),
        pytest.param({"periodSeconds": True}, None, id="boolean"),
        pytest.param({"failureThreshold": -1}, None, id="negative"),
        pytest.param({"initialDelaySeconds": 1.5}, None, id="fraction"),
    ],
)
def test_budget(probe: dict[str, Any], seconds: int | None) -> None:
    assert budget(probe) == seconds


@pytest.mark.parametrize(
    ("container", "decides", "seconds"),
    [
        pytest.param({"livenessProbe": ASK}, "livenessProbe", 30, id="liveness"),
        pytest.param(
            {"livenessProbe": {**ASK, "initialDelaySeconds": 600}, "startupProbe": {**ASK, "periodSeconds": 1}},
            "startupProbe",
            3,
            id="startup-first",
        ),
        pytest.param({"startupProbe": ASK}, "startupProbe", 30, id="startup-alone"),
        pytest.param({"livenessProbe": ASK, "startupProbe": None}, "livenessProbe", 30, id="null-startup"),
        pytest.param({"readinessProbe": ASK}, None, None, id="readiness-never-kills"),
        pytest.param({}, None, None, id="none"),
        pytest.param(None, None, None, id="no-container"),
    ],
)
def test_time_to_first_kill(container: Any, decides: str | None, seconds: int | None) -> None:
    assert (deciding_probe(container), time_to_first_kill(container)) == (decides, seconds)


PORTS = [{"name": "http", "containerPort": 8000}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}, {"containerPort": 9090}]


@pytest.mark.parametrize(
    ("port", "number"),
    [(8000, 8000), (1234, 1234), ("http", 8000), ("dns", 53), ("HTTP", None), ("8000", None), ("", None), (None, None), (True, None)],
    ids=repr,
)
def test_port_is_a_number_or_a_name_of_this_container(port: Any, number: int | None) -> None:
    assert resolve_probe_port({"ports": PORTS}, port) == number


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/health", "/health"),
        ("health", "/health"),
        (None, "/"),
        ("", "/"),
        ("//health", "//health"),
        ("/health?full=1", "/health"),
        ("#x", "/"),
        (3, None),
    ],
    ids=repr,
)
def test_path(path: Any, asked: str | None) -> None:
    assert requested_path(path) == asked


@pytest.mark.parametrize(
    ("probe", "kind"),
    [(ASK, "httpGet"), ({"exec": {}}, "exec"), ({"httpGet": None, "grpc": {"port": 1}}, "grpc"), ({}, None), (None, None)],
    ids=repr,
)
def test_handler(probe: Any, kind: str | None) -> None:
    assert handler(probe) == kind


@given(st.integers(0, 3600), st.integers(0, 3600), st.integers(0, 100))
def test_writing_the_defaults_out_changes_nothing(delay: int, every: int, times: int) -> None:
    short = {key: value for key, value in (("initialDelaySeconds", delay), ("periodSeconds", every), ("failureThreshold", times)) if value}
    full = {"initialDelaySeconds": delay, "periodSeconds": every or 10, "failureThreshold": times or 3}
    assert budget(short) == budget(full) == delay + (every or 10) * (times or 3)
    assert period(short) == period(full)


odd = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


@given(
    st.dictionaries(st.sampled_from(["livenessProbe", "startupProbe", "ports"]), odd | st.dictionaries(st.just("periodSeconds"), odd)), odd
)
def test_any_shape_has_an_answer(container: dict[str, Any], port: Any) -> None:
    seconds = time_to_first_kill(container)
    assert seconds is None or seconds > 0
    assert resolve_probe_port(container, port) == (port if isinstance(port, int) and not isinstance(port, bool) else None)
