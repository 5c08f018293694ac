"""What a Pod asks for once it is admitted: defaults, LimitRanges, init containers, sidecars, resources of the whole Pod."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.pod_resources import NOTHING, Requirements, admitted, amounts, container_defaults


def container(**resources: Any) -> dict[str, Any]:
    return {"name": "c", "resources": resources}


def sidecar(**resources: Any) -> dict[str, Any]:
    return {**container(**resources), "restartPolicy": "Always"}


def cpu(amount: Any) -> dict[str, dict[str, Any]]:
    return {"requests": {"cpu": amount}}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param({"cpu": "500m"}, {"cpu": Decimal("0.5")}, id="a quantity"),
        pytest.param({"cpu": "1u"}, {"cpu": Decimal("0.001")}, id="rounded up to a thousandth"),
        pytest.param({"cpu": "-1u"}, {"cpu": Decimal("-0.001")}, id="away from zero"),
        pytest.param({"cpu": None, "memory": "x"}, {}, id="neither null nor nonsense"),
        pytest.param(["cpu"], {}, id="no map"),
    ],
)
def test_amounts_are_read(written: Any, read: dict[str, Decimal]) -> None:
    assert amounts(written) == read


@pytest.mark.parametrize(
    ("limits", "request_", "limit"),
    [
        pytest.param({"default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}}, "0.1", "1", id="both"),
        pytest.param({"default": {"cpu": "1"}}, "1", "1", id="the request falls back to the limit"),
        pytest.param({"max": {"cpu": "2"}}, "2", "2", id="and that to the maximum"),
        pytest.param({"max": {"cpu": "2"}, "default": {"cpu": "1"}, "min": {"cpu": "10m"}}, "1", "1", id="the default before the bounds"),
        pytest.param({"min": {"cpu": "10m"}}, "0.01", None, id="a minimum is a request"),
        pytest.param({"min": {"cpu": "10m"}, "max": {"cpu": "2"}}, "2", "2", id="the maximum comes before the minimum"),
        pytest.param({"defaultRequest": {"cpu": "100m"}}, "0.1", None, id="a request only"),
    ],
)
def test_limit_range_has_defaults_of_its_own(limits: dict[str, Any], request_: str, limit: str | None) -> None:
    defaults = container_defaults([[{"type": "Pod", "max": {"cpu": 9}}, {"type": "Container", **limits}]])
    assert defaults.requests == {"cpu": Decimal(request_)}
    assert defaults.limits == ({} if limit is None else {"cpu": Decimal(limit)})


def test_of_two_limit_ranges_the_first_wins_and_the_second_adds() -> None:
    first, second = {"default": {"cpu": 1}}, {"default": {"cpu": 2, "memory": 3}}
    defaults = container_defaults([[{"type": "Container", **item}] for item in (first, second)])
    assert defaults.limits == {"cpu": 1, "memory": 3}


@pytest.mark.parametrize(
    ("resources", "request_", "limit"),
    [
        pytest.param({}, "0.1", "1", id="nothing: both defaults"),
        pytest.param({"requests": {"cpu": "200m"}}, "0.2", "1", id="a request of its own"),
        pytest.param({"limits": {"cpu": "2"}}, "2", "2", id="a limit of its own is the request, before any default"),
        pytest.param({"limits": {"cpu": "0"}}, "0", "0", id="zero is stated"),
        pytest.param({"requests": {"cpu": "4"}}, "4", "1", id="a default limit below the request, which nobody prevents"),
    ],
)
def test_defaults_fill_what_is_left_out(resources: dict[str, Any], request_: str, limit: str) -> None:
    defaults = Requirements({"cpu": Decimal("0.1")}, {"cpu": Decimal(1)})
    (found,) = admitted({"containers": [container(**resources)]}, defaults).containers
    assert found.resources == Requirements({"cpu": Decimal(request_)}, {"cpu": Decimal(limit)})


@pytest.mark.parametrize(
    ("regular", "before", "total"),
    [
        pytest.param([1, 2], [], 3, id="what runs together adds up"),
        pytest.param([1], [container(**cpu(5)), container(**cpu(4))], 5, id="init containers run one by one"),
        pytest.param([1], [sidecar(**cpu(2))], 3, id="a sidecar runs on"),
        pytest.param([1], [sidecar(**cpu(2)), container(**cpu(3))], 5, id="an init container beside the sidecar before it"),
        pytest.param([1], [container(**cpu(3)), sidecar(**cpu(2))], 3, id="but not the one after it"),
    ],
)
def test_total_is_the_most_at_any_time(regular: list[int], before: list[dict[str, Any]], total: int) -> None:
    spec = {"containers": [container(**cpu(amount)) for amount in regular], "initContainers": before}
    assert admitted(spec).total.requests == {"cpu": total}


@pytest.mark.parametrize(
    ("whole", "containers", "completed"),
    [
        pytest.param({"limits": {"cpu": 2}}, [{}], Requirements({"cpu": Decimal(2)}, {"cpu": Decimal(2)}), id="a limit alone"),
        pytest.param(
            {"limits": {"cpu": 2}}, [cpu(1)], Requirements({"cpu": Decimal(1)}, {"cpu": Decimal(2)}), id="the containers' requests add up"
        ),
        pytest.param({"requests": {"cpu": 2}}, [{}], Requirements({"cpu": Decimal(2)}, {}), id="a request alone"),
        pytest.param(
            {"requests": {"cpu": 2}},
            [{"limits": {"cpu": 3}}],
            Requirements({"cpu": Decimal(2)}, {"cpu": Decimal(3)}),
            id="limits of all containers add up",
        ),
        pytest.param(
            {"requests": {"cpu": 2}}, [{"limits": {"cpu": 1}}], Requirements({"cpu": Decimal(2)}, {"cpu": Decimal(2)}), id="never below"
        ),
        pytest.param(
            {"requests": {"cpu": 2}}, [{"limits": {"cpu": 1}}, {}], Requirements({"cpu": Decimal(2)}, {}), id="not where one has none"
        ),
        pytest.param({"requests": {"example.com/gpu": 1}}, [{}], None, id="not what a Pod cannot have"),
        pytest.param({}, [cpu(1)], None, id="nothing"),
    ],
)
def test_resources_of_the_whole_pod(whole: dict[str, Any], containers: list[dict[str, Any]], completed: Requirements | None) -> None:
    assert admitted({"resources": whole, "containers": [container(**item) for item in containers]}).whole == completed


quantities = st.sampled_from(["0", "1m", "100m", "1", "2", "64Mi", "1Gi"])
resources = st.fixed_dictionaries(
    {}, optional={part: st.dictionaries(st.sampled_from(["cpu", "memory"]), quantities) for part in ("requests", "limits")}
)


@given(st.lists(resources, min_size=1, max_size=4), resources)
def test_stated_amounts_are_kept_and_more_containers_never_ask_for_less(listed: list[dict[str, Any]], extra: dict[str, Any]) -> None:
    pod = admitted({"containers": [container(**item) for item in listed]})
    for item, found in zip(listed, pod.containers, strict=True):
        assert amounts(item.get("requests")).items() <= found.resources.requests.items()
        assert amounts(item.get("limits")).items() == found.resources.limits.items()
        assert found.resources.limits.keys() <= found.resources.requests.keys()
    larger = admitted({"containers": [container(**item) for item in (*listed, extra)]})
    assert all(larger.total.requests[name] >= amount for name, amount in pod.total.requests.items())


words = st.sampled_from(["containers", "initContainers", "resources", "requests", "limits", "cpu", "type", "Container", "default", "max"])
odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.just("1e9999"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(odd, odd)
def test_no_shape_crashes(spec: Any, limits: Any) -> None:
    pod = admitted(spec, container_defaults([limits]))
    assert all(isinstance(amount, Decimal) for part in pod.total for amount in part.values())
    assert admitted(None).total == NOTHING
