"""Pods with requests and limits in every combination, for comparing our arithmetic with a real API server's."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from tests.api import Json

_AMOUNTS: dict[str, list[Any]] = {
    "cpu": ["0", "1u", "1m", "100m", "0.1", 0.5, "500m", "1", 1, "1k"],
    "memory": ["0", "64Mi", "67108864", "128Mi", "0.5Gi", "512Mi", 536870912, "1G"],
    "ephemeral-storage": ["1Gi"],
}


def _resources(random: Random, *, whole: bool = False) -> Json:
    """Requests and limits that are often equal, often missing, and now and then zero."""
    found: dict[str, Any] = {}
    equal = random.random() < 0.4
    for name, choices in _AMOUNTS.items():
        if (whole or random.random() < 0.8) and name == "ephemeral-storage":
            continue
        limit = random.choice(choices)
        for part in ("limits", "requests"):
            if random.random() < (0.85 if equal else 0.45):
                found.setdefault(part, {})[name] = limit if equal else random.choice(choices)
    return found


def random_pod(random: Random) -> Json:
    """A Pod of one to five containers, init containers and sidecars among them; now and then with resources of its own."""

    def containers(prefix: str, count: int) -> Iterator[Json]:
        for number in range(count):
            container: Json = {"name": f"{prefix}{number}", "image": "rag-engine:1"}
            if random.random() < 0.9:
                container["resources"] = _resources(random)
            if prefix == "i" and random.random() < 0.4:
                container["restartPolicy"] = "Always"
            yield container

    spec: Json = {"containers": list(containers("c", random.choice([1, 1, 2, 3])))}
    if random.random() < 0.4:
        spec["initContainers"] = list(containers("i", random.choice([1, 2])))
    if random.random() < 0.3:
        spec["resources"] = _resources(random, whole=True)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": spec}
