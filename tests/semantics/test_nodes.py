"""On which nodes a Pod may be placed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.nodes import AFFINITY, ORDINARY, SELECTOR, TOLERATIONS, Node, Taint, eligible, obstacle, too_much

OS, ZONE = "kubernetes.io/os", "topology.kubernetes.io/zone"
WORKER = Node("worker", {OS: "linux", ZONE: "a", "cores": "8"}, {"cpu": Decimal(8), "memory": Decimal(2**34)})
LARGE = Node("large", {OS: "linux", ZONE: "b", "cores": "64", "disktype": "ssd"}, {"cpu": Decimal(64)})
CONTROL = Node("control", {OS: "linux"}, {"cpu": Decimal(4)}, (Taint("node-role.kubernetes.io/control-plane", "", "NoSchedule"),))
NODES = (WORKER, LARGE, CONTROL)


def requirement(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def affinity(*terms: Any) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}}


def expressions(*requirements: dict[str, Any]) -> dict[str, Any]:
    return {"matchExpressions": list(requirements)}


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        pytest.param({}, ["worker", "large"], id="anything goes, but for the taint"),
        pytest.param({"nodeSelector": {}}, ["worker", "large"], id="an empty selector"),
        pytest.param({"nodeSelector": {ZONE: "a"}}, ["worker"], id="a label"),
        pytest.param({"nodeSelector": {ZONE: "a", "disktype": "ssd"}}, [], id="all labels have to fit"),
        pytest.param({"tolerations": [{"operator": "Exists"}]}, ["worker", "large", "control"], id="tolerated"),
        pytest.param(affinity(expressions(requirement(ZONE, "In", "b", "c"))), ["large"], id="In"),
        pytest.param(affinity(expressions(requirement("disktype", "NotIn", "ssd"))), ["worker"], id="NotIn, and a missing label is not"),
        pytest.param(affinity(expressions(requirement("disktype", "Exists"))), ["large"], id="Exists"),
        pytest.param(affinity(expressions(requirement("disktype", "DoesNotExist"))), ["worker"], id="DoesNotExist"),
        pytest.param(affinity(expressions(requirement("cores", "Gt", "8"))), ["large"], id="Gt"),
        pytest.param(affinity(expressions(requirement("cores", "Lt", "64"))), ["worker"], id="Lt"),
        pytest.param(affinity(expressions(requirement(ZONE, "Gt", "0"))), [], id="a label that is no number"),
        pytest.param(affinity(expressions(requirement("cores", "Gt", "1", "2"))), [], id="two bounds are none"),
        pytest.param(affinity({"matchFields": [requirement("metadata.name", "In", "large")]}), ["large"], id="a field"),
        pytest.param(affinity({}), [], id="an empty term fits nothing"),
        pytest.param(affinity(), [], id="no terms fit nothing"),
        pytest.param(affinity({}, expressions(requirement(ZONE, "In", "a"))), ["worker"], id="one term is enough"),
        pytest.param(
            affinity(expressions(requirement(ZONE, "In", "a"), requirement("disktype", "Exists"))), [], id="all requirements of a term"
        ),
        pytest.param({"nodeSelector": {ZONE: "b"}, **affinity(expressions(requirement(ZONE, "In", "a")))}, [], id="both have to fit"),
    ],
)
def test_eligible(spec: dict[str, Any], names: list[str]) -> None:
    assert [node.name for node in eligible(spec, NODES)] == names


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"nodeSelector": {"disktype": "hdd"}}, SELECTOR, id="selector"),
        pytest.param(affinity(expressions(requirement(OS, "NotIn", "linux"))), AFFINITY, id="affinity"),
        pytest.param({"nodeSelector": {ZONE: "b"}, **affinity(expressions(requirement(ZONE, "In", "a")))}, AFFINITY, id="both together"),
        pytest.param(affinity({"matchFields": [requirement("metadata.name", "In", "control")]}), TOLERATIONS, id="taint"),
    ],
)
def test_obstacle(spec: dict[str, Any], path: tuple[str, ...] | None) -> None:
    assert obstacle(spec, NODES) == path


def test_a_taint_that_only_prefers_keeps_nobody_out() -> None:
    soft = CONTROL._replace(taints=(Taint("busy", "", "PreferNoSchedule"),))
    assert eligible({}, [soft]) == (soft,)


@pytest.mark.parametrize(
    ("requests", "name"),
    [
        pytest.param({"cpu": Decimal(64)}, None, id="all of the largest"),
        pytest.param({"cpu": Decimal("64.001")}, "cpu", id="a thousandth more"),
        pytest.param({"cpu": Decimal(1), "nvidia.com/gpu": Decimal(1)}, "nvidia.com/gpu", id="of what no node has"),
        pytest.param({"nvidia.com/gpu": Decimal(0)}, None, id="nothing of what no node has"),
    ],
)
def test_too_much(requests: dict[str, Decimal], name: str | None) -> None:
    assert too_much(requests, NODES) == name


def test_without_nodes_everything_is_too_much() -> None:
    assert too_much({"cpu": Decimal(1)}, []) == "cpu"
    assert obstacle({}, []) == SELECTOR


def test_node_is_read_from_its_object() -> None:
    body = {
        "metadata": {"name": "control", "labels": {OS: "linux", "odd": 1}},
        "spec": {"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}, "odd"]},
        "status": {"allocatable": {"cpu": "4"}},
    }
    assert Node.of(body) == CONTROL


def test_label_of_every_node_is_one_of_ordinary_nodes() -> None:
    assert len(eligible({"nodeSelector": {OS: "linux"}}, ORDINARY)) == 2
    assert len(eligible({"nodeSelector": {"kubernetes.io/arch": "arm64"}}, ORDINARY)) == 1
    assert len(eligible({"nodeSelector": {"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "arm64"}}, ORDINARY)) == 1
    assert obstacle({"nodeSelector": {OS: "windows"}}, ORDINARY) == SELECTOR


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", OS, "linux", "Gt", "In"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["key", "operator", "values", "nodeSelector", "matchExpressions", "nodeSelectorTerms", "tolerations"]), inner
        )
    ),
    max_leaves=6,
)


@given(ODD, ODD, ODD)
def test_any_shape_has_an_obstacle_exactly_when_no_node_is_eligible(selector: Any, required: Any, tolerations: Any) -> None:
    spec = {
        "nodeSelector": selector,
        "tolerations": tolerations,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
    }
    assert (obstacle(spec, NODES) is None) == bool(eligible(spec, NODES))


@given(ODD)
def test_any_shape_of_node_is_read(body: Any) -> None:
    assert Node.of({"metadata": body, "spec": {"taints": body}, "status": body}).name == ""


@given(st.lists(st.sampled_from(NODES), max_size=3), st.dictionaries(st.sampled_from([OS, ZONE]), st.sampled_from(["linux", "a", "b"])))
def test_selector_and_affinity_say_the_same(nodes: list[Node], labels: dict[str, str]) -> None:
    wanted = [requirement(key, "In", value) for key, value in labels.items()]
    asked = affinity(expressions(*wanted)) if wanted else {}
    assert eligible({"nodeSelector": labels}, nodes) == eligible(asked, nodes)
