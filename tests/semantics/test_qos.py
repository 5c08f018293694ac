"""The quality of service class. tests/live/test_qos_agrees.py holds it against a real API server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.pod_resources import PodResources, admitted
from graders.semantics.qos import QoSClass, qos_class, short_of_guaranteed

EQUAL = {"limits": {"cpu": "1", "memory": "1Gi"}}
BOTH = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": 1, "memory": "1024Mi"}}


def pod(*containers: dict[str, Any], init: dict[str, Any] | None = None, whole: dict[str, Any] | None = None) -> PodResources:
    spec: dict[str, Any] = {"containers": [{"name": f"c{number}", "resources": item} for number, item in enumerate(containers)]}
    if init is not None:
        spec["initContainers"] = [{"name": "init", "resources": init}]
    if whole is not None:
        spec["resources"] = whole
    return admitted(spec)


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        pytest.param(pod({}), "BestEffort", id="nothing"),
        pytest.param(pod(), "BestEffort", id="no containers"),
        pytest.param(pod({"requests": {"cpu": "0"}, "limits": {"memory": 0}}), "BestEffort", id="zeros"),
        pytest.param(pod({"limits": {"ephemeral-storage": "1Gi"}}), "BestEffort", id="disk does not count"),
        pytest.param(pod(BOTH), "Guaranteed", id="equal in other units"),
        pytest.param(pod(EQUAL), "Guaranteed", id="limits alone"),
        pytest.param(pod(EQUAL, BOTH), "Guaranteed", id="every container"),
        pytest.param(pod({"limits": {"cpu": "1"}}), "Burstable", id="cpu alone"),
        pytest.param(pod({"requests": {"memory": "1Gi"}}), "Burstable", id="a request without a limit"),
        pytest.param(pod({**EQUAL, "requests": {"cpu": "999m"}}), "Burstable", id="a thousandth less"),
        pytest.param(pod({"limits": {"cpu": "1", "memory": 0}}), "Burstable", id="one of them zero"),
        pytest.param(pod(EQUAL, {}), "Burstable", id="one container says nothing"),
        pytest.param(pod(EQUAL, init={}), "Burstable", id="an init container says nothing"),
        pytest.param(pod(EQUAL, init=EQUAL), "Guaranteed", id="an init container too"),
        pytest.param(pod({}, whole=EQUAL), "Guaranteed", id="for the whole Pod"),
        pytest.param(pod(EQUAL, whole={"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}), "Burstable", id="the whole Pod decides"),
        pytest.param(pod({}, whole={}), "BestEffort", id="an empty whole"),
    ],
)
def test_class(asks: PodResources, expected: str) -> None:
    assert qos_class(asks) == expected


def test_gap_names_the_container_and_the_resource() -> None:
    gap = short_of_guaranteed(pod(EQUAL, {"limits": {"cpu": "1"}}))
    assert gap is not None
    assert gap.container is not None
    assert (gap.container.path, gap.resource, gap.request, gap.limit) == (("containers", 1), "memory", None, None)


def test_gap_of_a_whole_pod_has_no_container() -> None:
    gap = short_of_guaranteed(pod({}, whole={"requests": {"cpu": "1"}}))
    assert gap is not None
    assert gap.container is None
    assert (gap.resource, gap.request, gap.limit) == ("cpu", Decimal(1), None)


amount = st.sampled_from(["0", "100m", "1", "1Gi"])
resources = st.fixed_dictionaries(
    {}, optional={part: st.dictionaries(st.sampled_from(["cpu", "memory"]), amount) for part in ("requests", "limits")}
)
pods = st.lists(resources, min_size=1, max_size=3)


@given(pods)
def test_order_of_containers_does_not_matter_and_a_twin_changes_nothing(containers: list[dict[str, Any]]) -> None:
    found = qos_class(pod(*containers))
    assert found is qos_class(pod(*reversed(containers)))
    assert found is qos_class(pod(*containers, containers[0]))


@given(pods)
def test_guaranteed_is_exactly_what_has_no_gap(containers: list[dict[str, Any]]) -> None:
    asks = pod(*containers)
    assert (qos_class(asks) is QoSClass.GUARANTEED) == (short_of_guaranteed(asks) is None)


@given(pods, resources)
def test_burstable_never_gets_better_by_another_container(containers: list[dict[str, Any]], extra: dict[str, Any]) -> None:
    if qos_class(pod(*containers)) is QoSClass.BURSTABLE:
        assert qos_class(pod(*containers, extra)) is QoSClass.BURSTABLE
