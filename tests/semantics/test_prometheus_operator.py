"""What the Prometheus Operator takes."""

from __future__ import annotations

from typing import Any

import pytest

from graders.semantics.durations import MINUTE, SECOND
from graders.semantics.prometheus_operator import ENDPOINT_FIELDS, interval, job_label, stray_key, takes_namespace


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        pytest.param(None, 0, id="left out"),
        pytest.param("", 0, id="empty"),
        pytest.param("0", 0, id="zero"),
        pytest.param("30s", 30 * SECOND, id="seconds"),
        pytest.param("1m30s", 90 * SECOND, id="two units"),
        pytest.param("1m", MINUTE, id="minute"),
        pytest.param("30", None, id="no unit"),
        pytest.param(30, None, id="number"),
        pytest.param("0.5m", None, id="fraction"),
        pytest.param(["30s"], None, id="list"),
    ],
)
def test_intervals(written: Any, amount: int | None) -> None:
    assert interval(written) == amount


@pytest.mark.parametrize(
    ("selector", "taken"),
    [
        pytest.param(None, False, id="left out means its own"),
        pytest.param({}, False, id="empty means its own"),
        pytest.param({"matchNames": []}, False, id="no names means its own"),
        pytest.param({"any": True}, True, id="any"),
        pytest.param({"any": False, "matchNames": ["app"]}, True, id="named"),
        pytest.param({"any": True, "matchNames": ["other"]}, True, id="any wins over names"),
        pytest.param({"any": "true", "matchNames": ["app"]}, False, id="refused"),
        pytest.param({"matchNames": "app"}, False, id="no list"),
        pytest.param("app", False, id="no map"),
    ],
)
def test_namespaces(selector: Any, taken: bool) -> None:
    assert takes_namespace(selector, "app", "monitoring") is taken


def test_its_own_namespace_is_the_default() -> None:
    assert takes_namespace(None, "app", "app")
    assert takes_namespace({"any": False}, "app", "app")
    assert not takes_namespace({"matchNames": ["other"]}, "app", "app")


@pytest.mark.parametrize(
    ("spec", "job"),
    [
        pytest.param({}, "service", id="the Service's name"),
        pytest.param({"jobLabel": "app"}, "api", id="a label of the Service"),
        pytest.param({"jobLabel": "none"}, "service", id="a label that it does not have"),
        pytest.param({"jobLabel": 1}, "service", id="no string"),
        pytest.param(None, "service", id="no spec"),
    ],
)
def test_jobs(spec: Any, job: str) -> None:
    assert job_label(spec, "service", {"app": "api"}) == job


def test_stray_keys() -> None:
    assert stray_key({"port": "http", "intervall": "30s"}, ENDPOINT_FIELDS) == "intervall"
    assert stray_key({"port": "http", "interval": None}, ENDPOINT_FIELDS) is None
    assert stray_key("http", ENDPOINT_FIELDS) is None
