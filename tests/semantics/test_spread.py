"""Rules that keep Pods apart, and those that only look like it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.spread import HOSTNAME, OLD_ZONE, ZONE, confinement, spreading_rules

LABELS = {"app": "api"}
SELECTOR = {"matchLabels": LABELS}


def constraint(**fields: Any) -> dict[str, Any]:
    given = {"maxSkew": 1, "topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": SELECTOR, **fields}
    return {"topologySpreadConstraints": [given]}


def term(**fields: Any) -> dict[str, Any]:
    given = {"topologyKey": HOSTNAME, "labelSelector": SELECTOR, **fields}
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [given]}}}


def flaw(spec: Any, wanted: int = 3) -> tuple[str | int, str] | None:
    """The last step of the place to blame and the reason; None when the rule works."""
    (rule,) = spreading_rules(spec, LABELS, "shop", wanted)
    return (rule.path[-1], rule.flaw) if rule.flaw else None


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(constraint(), id="over nodes"),
        pytest.param(constraint(topologyKey=ZONE), id="over zones"),
        pytest.param(constraint(topologyKey=OLD_ZONE), id="over zones by their old label"),
        pytest.param(constraint(whenUnsatisfiable="DoNotSchedule"), id="hard"),
        pytest.param(constraint(whenUnsatisfiable="DoNotSchedule", maxSkew=2), id="a skew below the count"),
        pytest.param(constraint(maxSkew=9), id="a soft one prefers less skew anyway"),
        pytest.param(constraint(labelSelector={"matchExpressions": [{"key": "app", "operator": "Exists"}]}), id="by expression"),
        pytest.param(constraint(labelSelector={}, matchLabelKeys=["app"]), id="by the Pod's own label"),
        pytest.param(constraint(labelSelector={}, matchLabelKeys=["pod-template-hash"]), id="by the ReplicaSet's label"),
        pytest.param(term(), id="anti-affinity"),
        pytest.param(term(labelSelector={}), id="away from every Pod"),
        pytest.param(term(namespaces=["other", "shop"]), id="own namespace named"),
        pytest.param(term(namespaceSelector={}), id="every namespace"),
        pytest.param(term(namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "shop"}}), id="own namespace selected"),
        pytest.param(term(matchLabelKeys=["pod-template-hash"]), id="of one revision"),
        pytest.param(term(mismatchLabelKeys=["tenant"]), id="a label that these Pods do not have"),
    ],
)
def test_rule_keeps_pods_apart(spec: dict[str, Any]) -> None:
    assert flaw(spec) is None


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        pytest.param(constraint(topologyKey="kubernetes.io/arch"), "topologyKey", id="over architectures"),
        pytest.param(constraint(labelSelector=None), "labelSelector", id="no selector"),
        pytest.param(constraint(labelSelector={}), "labelSelector", id="an empty selector counts no Pods"),
        pytest.param(constraint(labelSelector={"matchLabels": {}}), "labelSelector", id="an empty map as well"),
        pytest.param(constraint(labelSelector={}, matchLabelKeys=["tier"]), "labelSelector", id="a key that no Pod has"),
        pytest.param(constraint(labelSelector={"matchLabels": {"app": "db"}}), "labelSelector", id="other Pods"),
        pytest.param(constraint(whenUnsatisfiable="DoNotSchedule", maxSkew=3), "maxSkew", id="a skew of all"),
        pytest.param(term(topologyKey="rack"), "topologyKey", id="over racks"),
        pytest.param(term(labelSelector=None), "labelSelector", id="a term without a selector"),
        pytest.param(term(labelSelector={"matchLabels": {"app": "db"}}), "labelSelector", id="away from others"),
        pytest.param(term(namespaces=["other"]), "namespaces", id="in another namespace"),
        pytest.param(term(namespaceSelector={"matchLabels": {"team": "a"}}), "namespaceSelector", id="in namespaces of a team"),
        pytest.param(term(mismatchLabelKeys=["app"]), "mismatchLabelKeys", id="away from all but its like"),
        pytest.param(term(mismatchLabelKeys=["pod-template-hash"]), "mismatchLabelKeys", id="away from other revisions only"),
    ],
)
def test_rule_does_not(spec: dict[str, Any], place: str) -> None:
    found = flaw(spec)
    assert found is not None
    assert found[0] == place


def test_one_replica_has_nothing_to_be_kept_apart_from() -> None:
    assert flaw(constraint(whenUnsatisfiable="DoNotSchedule"), wanted=1) is None


def test_every_rule_is_judged_with_its_place() -> None:
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {"topologyKey": ZONE}}]}
    spec = {**constraint(), "affinity": {"podAntiAffinity": preferred}}
    rules = spreading_rules(spec, LABELS, "shop", 3)
    anti = ("affinity", "podAntiAffinity", "preferredDuringSchedulingIgnoredDuringExecution", 0, "podAffinityTerm", "labelSelector")
    assert [rule.path for rule in rules] == [("topologySpreadConstraints", 0), anti]


def test_affinity_is_no_rule() -> None:
    together = {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": HOSTNAME}]}}}
    assert spreading_rules(together, LABELS, "shop", 3) == ()


def node_affinity(*terms: list[dict[str, Any]]) -> dict[str, Any]:
    required = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


def one_of(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"nodeName": "a"}, "nodeName", id="name"),
        pytest.param({"nodeName": ""}, None, id="empty name"),
        pytest.param({"nodeSelector": {HOSTNAME: "a"}}, "nodeSelector", id="selector"),
        pytest.param({"nodeSelector": {ZONE: "a"}}, None, id="another label"),
        pytest.param(node_affinity([one_of(HOSTNAME, "a")]), "affinity", id="affinity"),
        pytest.param(node_affinity([one_of(HOSTNAME, "a", "b")]), None, id="two nodes"),
        pytest.param(node_affinity([one_of(HOSTNAME, "a")], [one_of(HOSTNAME, "b")]), None, id="one or the other"),
        pytest.param(node_affinity([one_of(HOSTNAME, "a")], [one_of(HOSTNAME, "a")]), "affinity", id="the same twice"),
        pytest.param(node_affinity([one_of(HOSTNAME, "a")], [one_of(ZONE, "a")]), None, id="or a zone"),
        pytest.param(node_affinity([one_of(HOSTNAME, "a", "b"), one_of(HOSTNAME, "a")]), "affinity", id="the narrower of two counts"),
        pytest.param(node_affinity([{**one_of(HOSTNAME, "a"), "operator": "NotIn"}]), None, id="any but one"),
        pytest.param(node_affinity(), None, id="no terms"),
    ],
)
def test_confinement_to_one_node(spec: dict[str, Any], where: str | None) -> None:
    path = confinement(spec, HOSTNAME)
    assert (path[0] if path else None) == where


words = st.sampled_from(["affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "labelSelector", HOSTNAME])
odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.just("topologySpreadConstraints"), inner, max_size=4),
    max_leaves=12,
)


@given(odd)
def test_no_shape_crashes(shape: Any) -> None:
    assert all(rule.flaw for rule in spreading_rules(shape, LABELS, "shop", 3))
    assert confinement({"affinity": {"nodeAffinity": shape}, "nodeSelector": shape}, "no such label") is None
