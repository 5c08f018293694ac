"""What Pods count for against quotas. tests/live/test_quota_agrees.py holds it against a real API server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.pod_resources import admitted
from graders.semantics.quota import counts, hard_limits, is_scoped, names_of, pod_usage, unstated

FULL = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"cpu": "500m", "memory": "512Mi"}}


def spec(*resources: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": f"c{number}", "resources": item} for number, item in enumerate(resources)], **fields}


def test_usage_has_short_and_long_names() -> None:
    assert pod_usage(admitted(spec(FULL))) == {
        "count/pods": 1,
        "pods": 1,
        "cpu": Decimal("0.25"),
        "requests.cpu": Decimal("0.25"),
        "memory": 256 * 2**20,
        "requests.memory": 256 * 2**20,
        "limits.cpu": Decimal("0.5"),
        "limits.memory": 512 * 2**20,
    }


def test_extended_resources_and_huge_pages_count_as_requests() -> None:
    usage = pod_usage(admitted(spec({"limits": {"example.com/gpu": 2, "hugepages-2Mi": "4Mi"}})))
    assert usage == {
        "count/pods": 1,
        "pods": 1,
        "requests.example.com/gpu": 2,
        "requests.hugepages-2Mi": 4 * 2**20,
        "hugepages-2Mi": 4 * 2**20,
    }


@pytest.mark.parametrize(
    ("hard", "resources", "missing"),
    [
        pytest.param({"limits.memory": "1Gi"}, FULL, None, id="stated"),
        pytest.param({"limits.memory": "1Gi"}, {"requests": {"memory": "1Gi"}}, "limits.memory", id="no limit"),
        pytest.param({"requests.cpu": "1"}, {"limits": {"cpu": "1"}}, None, id="a limit is a request"),
        pytest.param({"cpu": "1"}, {}, "cpu", id="by the short name"),
        pytest.param({"requests.ephemeral-storage": "1Gi", "pods": 1}, {}, None, id="only cpu and memory have to be stated"),
    ],
)
def test_quota_makes_every_container_state_cpu_and_memory(hard: dict[str, Any], resources: dict[str, Any], missing: str | None) -> None:
    found = unstated(hard, admitted(spec(FULL, resources)))
    assert (found.resource if found else None) == missing
    if found is not None:
        assert found.container.name == "c1"


def test_resources_of_the_whole_pod_free_its_containers() -> None:
    assert unstated({"limits.memory": "1Gi"}, admitted(spec({}, resources={"requests": {"cpu": 1}}))) is None


def selector(operator: str, *values: str) -> dict[str, Any]:
    return {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": operator, "values": list(values)}]}}


FOREIGN = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["a"]}]}}}
PREFERRED = {
    "affinity": {
        "podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {"namespaceSelector": {}}}]}
    }
}


@pytest.mark.parametrize(
    ("quota", "pod_spec", "counted"),
    [
        pytest.param({}, spec({}), True, id="no scope"),
        pytest.param({"scopes": ["BestEffort"]}, spec({}), True, id="BestEffort"),
        pytest.param({"scopes": ["BestEffort"]}, spec(FULL), False, id="Burstable is not"),
        pytest.param({"scopes": ["NotBestEffort"]}, spec(FULL), True, id="NotBestEffort"),
        pytest.param({"scopes": ["Terminating"]}, spec(FULL), False, id="without a deadline"),
        pytest.param({"scopes": ["Terminating"]}, spec(FULL, activeDeadlineSeconds=0), True, id="with a deadline"),
        pytest.param({"scopes": ["NotTerminating", "NotBestEffort"]}, spec(FULL), True, id="in both scopes"),
        pytest.param({"scopes": ["NotTerminating", "BestEffort"]}, spec(FULL), False, id="in one of two"),
        pytest.param(selector("In", "high"), spec(FULL, priorityClassName="high"), True, id="in the class"),
        pytest.param(selector("In", "high"), spec(FULL), False, id="without a class"),
        pytest.param(selector("NotIn", "high"), spec(FULL), True, id="in no class is in none of those"),
        pytest.param(selector("Exists"), spec(FULL, priorityClassName="low"), True, id="any class"),
        pytest.param(selector("DoesNotExist"), spec(FULL), True, id="no class"),
        pytest.param({"scopes": ["PriorityClass"]}, spec(FULL), False, id="PriorityClass as a scope means any"),
        pytest.param({"scopes": ["CrossNamespacePodAffinity"]}, spec(FULL), False, id="no affinity"),
        pytest.param({"scopes": ["CrossNamespacePodAffinity"]}, spec(FULL, **FOREIGN), True, id="affinity abroad"),
        pytest.param({"scopes": ["CrossNamespacePodAffinity"]}, spec(FULL, **PREFERRED), True, id="a preference for abroad"),
        pytest.param({"scopes": ["Invented"]}, spec(FULL), False, id="an unknown scope"),
    ],
)
def test_scopes(quota: dict[str, Any], pod_spec: dict[str, Any], counted: bool) -> None:
    assert counts(quota, pod_spec, admitted(pod_spec)) is counted
    assert is_scoped(quota) is bool(quota)


def test_requests_go_by_two_names() -> None:
    assert names_of("requests.cpu") == ("requests.cpu", "cpu")
    assert names_of("limits.memory") == ("limits.memory",)
    assert hard_limits({"hard": {"cpu": "1500m", "pods": 3}}) == {"cpu": Decimal("1.5"), "pods": 3}


words = st.sampled_from(["hard", "scopes", "scopeSelector", "matchExpressions", "scopeName", "PriorityClass", "affinity", "podAffinity"])
odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(odd, odd)
def test_no_shape_crashes(quota: Any, pod_spec: Any) -> None:
    pod = admitted(pod_spec)
    assert counts(quota, pod_spec, pod) in (True, False)
    assert unstated(hard_limits(quota), pod) is None or pod.containers
