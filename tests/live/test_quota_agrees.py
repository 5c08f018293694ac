"""What Pods count for against a quota, and what a quota makes them state, compared with a real API server's admission."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from zlib import crc32

import pytest

from graders.semantics.pod_resources import PodResources, admitted, amounts
from graders.semantics.quota import counts, is_scoped, pod_usage, unstated
from tests.api import Api, Json
from tests.live.random_pods import random_pod

pytestmark = pytest.mark.cluster

_SIZE, _SEED = 300, 20_261_124
_NAMESPACE = "quota-agrees"
_REQUESTED = re.compile(r"exceeded quota: \S+, requested: (\S+), used:")
_COUNTED = ("requests.ephemeral-storage", "limits.ephemeral-storage", "pods", "count/pods")


@pytest.fixture
def nothing_granted(api: Api, request: pytest.FixtureRequest) -> Iterator[Json]:
    """A namespace whose quota grants nothing of the resources, and has the scopes, that the test is given."""
    spec: Json = request.param
    namespace = f"{_NAMESPACE}-{crc32(str(spec).encode())}"
    api.ensure_namespace(namespace)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "nothing", "namespace": namespace}, "spec": spec}
    status, answer = api.put(quota)
    assert status in (200, 201), answer
    deadline = time.monotonic() + 30
    while api.request("GET", f"/api/v1/namespaces/{namespace}/resourcequotas/nothing")[1].get("status", {}).get("hard") is None:
        assert time.monotonic() < deadline, "the quota was never worked out"
        time.sleep(0.05)
    try:
        yield quota
    finally:
        api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, wait=False)


def _refusals(api: Api, quota: Json) -> Iterator[tuple[Json, PodResources, str]]:
    """Each Pod that the server takes but for the quota, with what it says of it (empty when it takes it)."""
    random = Random(_SEED)
    for _ in range(_SIZE):
        body = random_pod(random)
        if random.random() < 0.3:
            body["spec"]["activeDeadlineSeconds"] = 60
        status, answer = api.create(body, quota["metadata"]["namespace"])
        if status == 201 or (status == 403 and "failed quota" in answer["message"]) or _REQUESTED.search(answer.get("message", "")):
            yield body, admitted(body["spec"]), "" if status == 201 else answer["message"]


@pytest.mark.parametrize(
    "nothing_granted",
    [
        pytest.param({"hard": dict.fromkeys(("requests.cpu", "limits.memory", *_COUNTED), "0")}, id="by their long names"),
        pytest.param({"hard": {"cpu": 0, "memory": 0, "pods": 0}}, id="by their short names"),
    ],
    indirect=True,
)
def test_usage_is_what_the_server_reckons(api: Api, nothing_granted: Json) -> None:
    hard, compared = nothing_granted["spec"]["hard"], 0
    for body, pod, message in _refusals(api, nothing_granted):
        silent = unstated(hard, pod)
        assert ("must specify" in message) == (silent is not None), (body["spec"], message)
        if silent is not None:
            assert f"{silent.resource} for: " in message
            continue
        listed = _REQUESTED.search(message)
        assert listed is not None, message
        theirs = amounts(dict(part.split("=") for part in listed[1].split(",")))
        ours = {name: amount for name, amount in pod_usage(pod).items() if name in hard and amount}
        assert ours == theirs, body["spec"]
        compared += 1
    assert compared > 30


@pytest.mark.parametrize(
    "nothing_granted",
    [{"hard": {"pods": "0"}, "scopes": [scope]} for scope in ("Terminating", "NotTerminating", "BestEffort", "NotBestEffort")],
    indirect=True,
    ids=lambda spec: spec["scopes"][0],
)
def test_scopes_are_those_of_the_server(api: Api, nothing_granted: Json) -> None:
    spec = nothing_granted["spec"]
    assert is_scoped(spec)
    answers = [(counts(spec, body["spec"], pod), bool(message), body["spec"]) for body, pod, message in _refusals(api, nothing_granted)]
    assert [body for ours, theirs, body in answers if ours != theirs] == []
    assert {ours for ours, _, _ in answers} == {True, False}


def test_one_pod_counts_as_one() -> None:
    assert pod_usage(admitted({"containers": [{}]})) == {"pods": Decimal(1), "count/pods": Decimal(1)}
