"""Which Pods a LimitRange keeps out, compared with a real API server's admission."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from graders.semantics.limit_range import breaches
from graders.semantics.pod_resources import admitted, container_defaults
from tests.api import Api
from tests.live.random_pods import random_pod

pytestmark = pytest.mark.cluster

_SIZE, _SEED = 400, 20_261_124
_BOUNDS = {
    "container": [{"type": "Container", "min": {"cpu": "1m"}, "max": {"cpu": "1", "memory": "512Mi"}}],
    "ratio": [{"type": "Container", "default": {"cpu": "500m"}, "maxLimitRequestRatio": {"cpu": "2"}}],
    "pod": [{"type": "Pod", "min": {"memory": "64Mi"}, "max": {"cpu": "2"}}],
}
_SAID = re.compile(r"(?:minimum|maximum) (\S+) usage per (\w+)|([a-z-]+) max limit to request ratio per (\w+)")


@pytest.fixture(params=_BOUNDS)
def limits(api: Api, request: pytest.FixtureRequest) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A namespace and the limits of its LimitRange."""
    namespace, bounds = f"limits-agree-{request.param}", _BOUNDS[request.param]
    api.ensure_namespace(namespace)
    body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits", "namespace": namespace}, "spec": {"limits": bounds}}
    status, answer = api.put(body)
    assert status in (200, 201), answer
    try:
        yield namespace, bounds
    finally:
        api.delete({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, wait=False)


def test_refuses_what_the_server_refuses(api: Api, limits: tuple[str, list[dict[str, Any]]]) -> None:
    namespace, bounds = limits
    random, taken, refused = Random(_SEED), 0, 0
    for _ in range(_SIZE):
        body = random_pod(random)
        status, answer = api.create(body, namespace)
        if status not in (201, 403):  # wrong in itself, with its defaults
            continue
        found = list(breaches(bounds, admitted(body["spec"], container_defaults([bounds]))))
        assert bool(found) == (status == 403), (body["spec"], answer.get("message"))
        said = {(name or other, kind or of) for name, kind, other, of in _SAID.findall(answer.get("message", ""))}
        assert {(breach.resource, "Container" if breach.container else "Pod") for breach in found} == said
        taken, refused = taken + (status == 201), refused + (status == 403)
    assert taken > 5
    assert refused > 20
