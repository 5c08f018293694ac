"""Our QoS class, defaulting and totals against a real API server, Pod by Pod."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, NamedTuple

import pytest

from graders.semantics.pod_resources import PodResources, Requirements, admitted, amounts, container_defaults
from graders.semantics.qos import QoSClass, qos_class, short_of_guaranteed
from tests.api import Api, Json
from tests.live.random_pods import random_pod

pytestmark = pytest.mark.cluster

_SIZE, _SEED = 600, 20_261_124
_NAMESPACE = "qos-agrees"
_LIMITS = [
    {"type": "Container", "max": {"cpu": "4"}, "default": {"memory": "512Mi"}, "defaultRequest": {"memory": "256Mi"}},
    {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}},
]


class Asked(NamedTuple):
    """A Pod that the server has judged."""

    body: Json
    status: int
    answer: Json
    ours: PodResources


@pytest.fixture(scope="module", params=[[], _LIMITS], ids=["no LimitRange", "with a LimitRange"])
def asked(api: Api, request: pytest.FixtureRequest) -> Iterator[list[Asked]]:
    limit_range = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": {"limits": request.param}}
    defaults = container_defaults([request.param])
    namespace = f"{_NAMESPACE}-{len(request.param)}"
    api.ensure_namespace(namespace)
    if request.param:
        status, answer = api.put(limit_range, namespace)
        assert status in (200, 201), answer
    source = Random(_SEED)
    try:
        yield [_ask(api, random_pod(source), namespace, defaults) for _ in range(_SIZE)]
    finally:
        api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, wait=False)


def _ask(api: Api, body: Json, namespace: str, defaults: Requirements) -> Asked:
    status, answer = api.create(body, namespace)
    return Asked(body, status, answer, admitted(body["spec"], defaults))


def _accepted(asked: list[Asked]) -> list[Asked]:
    return [one for one in asked if one.status == 201]


def _amounts(resources: Mapping[str, Any] | None) -> Requirements:
    resources = resources or {}
    return Requirements(amounts(resources.get("requests")), amounts(resources.get("limits")))


def test_there_are_enough_of_every_class(asked: list[Asked]) -> None:
    classes = Counter(one.answer["status"]["qosClass"] for one in _accepted(asked))
    assert sum(classes.values()) >= 250
    assert min(classes[name] for name in QoSClass) >= 1, classes


def test_class_is_that_of_the_server(asked: list[Asked]) -> None:
    wrong = [
        (one.body["spec"], one.answer["status"]["qosClass"], qos_class(one.ours))
        for one in _accepted(asked)
        if one.answer["status"]["qosClass"] != qos_class(one.ours)
    ]
    assert wrong == []


def test_containers_are_completed_as_the_server_does(asked: list[Asked]) -> None:
    for one in _accepted(asked):
        spec = one.answer["spec"]
        served = [_amounts(item.get("resources")) for item in (*spec.get("initContainers", []), *spec["containers"])]
        assert [item.resources for item in one.ours.containers] == served, one.body["spec"]


def test_resources_of_the_whole_pod_are_completed_as_the_server_does(asked: list[Asked]) -> None:
    for one in _accepted(asked):
        if one.ours.whole is not None:
            assert one.ours.whole == _amounts(one.answer["spec"].get("resources")), one.body["spec"]


def test_guaranteed_is_what_has_no_gap(asked: list[Asked]) -> None:
    for one in _accepted(asked):
        gap = short_of_guaranteed(one.ours)
        assert (gap is None) == (one.answer["status"]["qosClass"] == "Guaranteed"), one.body["spec"]
