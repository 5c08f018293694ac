"""Which volume may be bound to a claim."""

from __future__ import annotations

from copy import deepcopy
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.volume_binding import CLASS_ANNOTATION, DEFAULT_ANNOTATION, class_name, is_default, may_bind

CLAIM: dict[str, Any] = {
    "metadata": {"name": "archive-data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "manual", "resources": {"requests": {"storage": "1Gi"}}},
}
VOLUME: dict[str, Any] = {
    "metadata": {"name": "by-hand", "labels": {"disk": "archive"}},
    "spec": {"accessModes": ["ReadWriteOnce", "ReadWriteMany"], "storageClassName": "manual", "capacity": {"storage": "2Gi"}},
    "status": {"phase": "Available"},
}


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(body)
    *steps, last = path.split(".")
    reduce(lambda place, step: place[step], steps, body)[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "fits"),
    [
        pytest.param("spec.capacity.storage", "1Gi", True, id="exactly as large"),
        pytest.param("spec.capacity.storage", "1G", False, id="smaller"),
        pytest.param("spec.capacity.storage", None, False, id="of no size"),
        pytest.param("spec.accessModes", ["ReadWriteMany"], False, id="other modes"),
        pytest.param("spec.storageClassName", "other", False, id="another class"),
        pytest.param("spec.storageClassName", None, False, id="no class"),
        pytest.param("spec.volumeMode", "Block", False, id="a raw device"),
        pytest.param("spec.volumeMode", "Filesystem", True, id="the default mode"),
        pytest.param("status.phase", "Released", False, id="left by a claim before"),
        pytest.param("status.phase", None, True, id="just submitted"),
        pytest.param("spec.claimRef", {"namespace": "rag-engine", "name": "archive-data"}, True, id="reserved for it"),
        pytest.param("spec.claimRef", {"namespace": "rag-engine", "name": "other"}, False, id="reserved for another"),
        pytest.param("spec.claimRef", {"namespace": "default", "name": "archive-data"}, False, id="reserved for another namespace"),
    ],
)
def test_volume(path: str, value: Any, fits: bool) -> None:
    assert may_bind(changed(VOLUME, path, value), CLAIM, "rag-engine") is fits


@pytest.mark.parametrize(
    ("path", "value", "fits"),
    [
        pytest.param("spec.volumeName", "by-hand", True, id="asks for it by name"),
        pytest.param("spec.volumeName", "another", False, id="asks for another by name"),
        pytest.param("spec.selector", {"matchLabels": {"disk": "archive"}}, True, id="its labels"),
        pytest.param("spec.selector", {"matchLabels": {"disk": "other"}}, False, id="other labels"),
        pytest.param("spec.selector", {}, True, id="any labels"),
        pytest.param("spec.storageClassName", "", False, id="none on purpose"),
        pytest.param("spec.resources.requests.storage", "3Gi", False, id="more than it has"),
        pytest.param("spec.accessModes", ["ReadWriteOncePod"], False, id="a mode that it does not offer"),
    ],
)
def test_claim(path: str, value: Any, fits: bool) -> None:
    assert may_bind(VOLUME, changed(CLAIM, path, value), "rag-engine") is fits


def test_none_on_purpose_takes_a_volume_without_a_class() -> None:
    assert may_bind(changed(VOLUME, "spec.storageClassName", None), changed(CLAIM, "spec.storageClassName", ""), "rag-engine")


@pytest.mark.parametrize(
    ("path", "value", "fits"),
    [
        pytest.param("metadata.labels", None, True, id="of other labels"),
        pytest.param("spec.storageClassName", None, True, id="of no class"),
        pytest.param("spec.capacity.storage", "1Mi", False, id="too small"),
        pytest.param("spec.accessModes", ["ReadWriteMany"], False, id="other modes"),
    ],
)
def test_reserved_volume_needs_neither_class_nor_labels(path: str, value: Any, fits: bool) -> None:
    reserved = changed(VOLUME, "spec.claimRef", {"namespace": "rag-engine", "name": "archive-data"})
    claim = changed(CLAIM, "spec.selector", {"matchLabels": {"disk": "archive"}})
    assert may_bind(changed(reserved, path, value), claim, "rag-engine") is fits
    assert not may_bind(changed(reserved, "spec.storageClassName", None), changed(claim, "spec.volumeName", "by-hand"), "rag-engine")


@pytest.mark.parametrize(("default", "fits"), [("manual", True), ("standard", False), ("", False)])
def test_claim_without_a_class_has_the_default_one(default: str, fits: bool) -> None:
    assert may_bind(VOLUME, changed(CLAIM, "spec.storageClassName", None), "rag-engine", default) is fits


@pytest.mark.parametrize(
    ("body", "name"),
    [
        pytest.param(CLAIM, "manual", id="field"),
        pytest.param({"spec": {"storageClassName": ""}}, "", id="none on purpose"),
        pytest.param({"spec": {}}, None, id="left to the default"),
        pytest.param(
            {"metadata": {"annotations": {CLASS_ANNOTATION: "old"}}, "spec": {"storageClassName": "new"}}, "old", id="annotation wins"
        ),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_class_name(body: Any, name: str | None) -> None:
    assert class_name(body) == name


def test_default_class_says_so() -> None:
    assert is_default({"metadata": {"annotations": {DEFAULT_ANNOTATION: "true"}}})
    assert not is_default({"metadata": {"annotations": {DEFAULT_ANNOTATION: "false"}}})
    assert not is_default({"metadata": {"annotations": None}})


ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.sampled_from(["", "1Gi", "by-hand", "manual"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "annotations", "storage", "requests", "claimRef", "matchLabels"]), inner)
    ),
    max_leaves=6,
)


@given(ODD, ODD, ODD)
def test_odd_shapes_bind_nothing(metadata: Any, spec: Any, status: Any) -> None:
    assert not may_bind({"metadata": metadata, "spec": spec, "status": status}, CLAIM, "rag-engine")
    assert not may_bind(VOLUME, {"metadata": metadata, "spec": spec}, "rag-engine")
