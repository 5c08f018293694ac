"""Snapshots and the places in their objects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.snapshot import K8sObject, NotReadable, Snapshot, freeze, show_path
from tests.cases import NOON


def config(name: str = "settings", namespace: str | None = "rag-engine", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **fields}


def test_snapshot_cannot_be_changed() -> None:
    data = {"a": ["1"]}
    item = K8sObject.of(config(data=data))
    data["a"].append("2")
    assert item.at("data.a").value == ("1",)
    with pytest.raises(TypeError):
        item.body["data"]["a"] = "3"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ((), ""),
        (("spec", "containers", 0, "image"), "spec.containers[0].image"),
        (("metadata", "labels", "app.kubernetes.io/name"), "metadata.labels['app.kubernetes.io/name']"),
        (("data", "database-url"), "data.database-url"),
    ],
)
def test_path_reads_like_jsonpath(path: tuple[str | int, ...], shown: str) -> None:
    assert show_path(path) == shown


@pytest.mark.parametrize(
    ("path", "command"),
    [
        pytest.param("data.a", "kubectl get configmap settings -n rag-engine -o jsonpath='{.data.a}'", id="field"),
        pytest.param("data.missing.deep", "kubectl get configmap settings -n rag-engine -o jsonpath='{.data}'", id="nearest-that-exists"),
        pytest.param("spec", "kubectl get configmap settings -n rag-engine -o yaml", id="nothing-there"),
    ],
)
def test_evidence_has_a_command_that_shows_the_place(path: str, command: str) -> None:
    item = K8sObject.of(config(data={"a": "1"}))
    assert item.at(path).evidence("x", "y").command == command


def test_command_for_a_secret_never_prints_values() -> None:
    item = K8sObject.of({**config("credentials"), "kind": "Secret", "data": {"a": {"bytes": 3}}})
    assert item.at("data.a").evidence("x", "y").command == "kubectl describe secret credentials -n rag-engine"


def test_line_is_that_of_the_nearest_place_above() -> None:
    item = K8sObject.of(config(data={"a": "1"}), file="c.yaml", lines={(): 1, ("data",): 5, ("data", "a"): 6})
    assert [item.at(path).line for path in ("data.a", "data.b", "data.a.x", "spec.x")] == [6, 5, 6, 1]


def test_object_without_namespace_counts_as_the_graded_one_on_manifests() -> None:
    snapshot = Snapshot.of([config(namespace=None)], taken_at=NOON)
    found = snapshot.find("ConfigMap", "settings")
    assert found is not None
    assert found.namespace_assumed


def test_last_of_two_equal_objects_wins() -> None:
    snapshot = Snapshot.of([config(data={"a": "1"}), config(data={"a": "2"})], taken_at=NOON)
    assert snapshot.own("ConfigMap", "settings").at("data.a").value == "2"


def test_object_of_another_namespace_or_a_foreign_group_is_not_found() -> None:
    knative = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "api", "namespace": "rag-engine"}}
    snapshot = Snapshot.of([config(namespace="default"), knative], taken_at=NOON)
    assert snapshot.find("ConfigMap", "settings") is None
    assert snapshot.find("Service", "api") is None


def test_retired_group_is_found_so_that_the_learner_is_told() -> None:
    old = {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "web"}}
    assert Snapshot.of([old], taken_at=NOON).find("Ingress", "web") is not None


def test_absence_must_be_proven() -> None:
    base = Snapshot.of([], taken_at=NOON)
    snapshot = Snapshot(base.source, (), NOON, unreadable={"Secret": "denied"})
    with pytest.raises(NotReadable):
        snapshot.find("Secret", "x")
    assert snapshot.find("ConfigMap", "x") is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(json_values, st.lists(st.text(max_size=3) | st.integers(-2, 3), max_size=4))
def test_walking_any_shape_never_raises(value: Any, steps: list[str | int]) -> None:
    item = K8sObject("v1", "ConfigMap", "x", "n", freeze({"data": value}))
    place = item.key("data", *steps)
    assert isinstance(place.mapping, object)
    assert list(place.each()) is not None
    assert dict(place.entries()) is not None
    assert (place.text, place.whole, place.flag).count(None) >= 2
    assert place.evidence("x", "y").object == "ConfigMap/x"
