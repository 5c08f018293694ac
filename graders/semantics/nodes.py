"""Nodes: on which of them a Pod may be placed, by its node selector, node affinity, tolerations and size.

Rules: k8s.io/component-helpers/scheduling/corev1/nodeaffinity (GetRequiredNodeAffinity) and k8s.io/kubernetes v1.37
pkg/scheduler/framework/plugins/{nodeaffinity,tainttoleration,noderesources};
https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/. What other Pods take up on a node is not counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from graders.semantics.pod_resources import amounts
from graders.semantics.selectors import matches
from graders.semantics.tolerations import tolerates

Path = tuple[str | int, ...]
SELECTOR: Path = ("nodeSelector",)
AFFINITY: Path = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
TOLERATIONS: Path = ("tolerations",)

_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")  # as far as strconv.ParseInt goes
_KEEPS_OUT = ("NoSchedule", "NoExecute")


class Taint(NamedTuple):
    """What keeps Pods from a node unless they tolerate it."""

    key: str
    value: str
    effect: str


class Node(NamedTuple):
    """A node as the scheduler sees it. `allocatable` is what all its Pods together may ask for, in cores, bytes or units."""

    name: str
    labels: Mapping[str, str]
    allocatable: Mapping[str, Decimal]
    taints: tuple[Taint, ...] = ()

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Node:
        """The node that an object of kind Node describes. Takes any shape."""
        metadata, spec, status = (_map(body.get(key)) for key in ("metadata", "spec", "status"))
        name, taints = metadata.get("name"), spec.get("taints")
        return cls(
            name if isinstance(name, str) else "",
            {key: value for key, value in _map(metadata.get("labels")).items() if isinstance(value, str)},
            amounts(status.get("allocatable")),
            tuple(_taint(item) for item in (taints if isinstance(taints, list | tuple) else ()) if isinstance(item, Mapping)),
        )


# What a node of any cluster has at least, whoever made it: its kubelet sets these labels, and the node lifecycle controller their
# older names. The sizes are those of a small machine.
_SMALL = {"cpu": Decimal(1), "memory": Decimal(2**30), "ephemeral-storage": Decimal(10 * 2**30)}
ORDINARY = tuple(
    Node(
        "node",
        {
            "kubernetes.io/hostname": "node",
            **{f"{old}kubernetes.io/{key}": value for key, value in (("os", "linux"), ("arch", arch)) for old in ("", "beta.")},
        },
        _SMALL,
    )
    for arch in ("amd64", "arm64")
)


def eligible(pod_spec: Any, nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes that a Pod with this spec may be placed on, whatever its size."""
    return tuple(node for node in nodes if all(admit(_map(pod_spec), node) for admit in _FILTERS.values()))


def obstacle(pod_spec: Any, nodes: Sequence[Node]) -> Path | None:
    """The part of a Pod spec that leaves none of the nodes; None when there is one. Where two parts do so only together, the later."""
    left = tuple(nodes)
    for path, admit in _FILTERS.items():
        left = tuple(node for node in left if admit(_map(pod_spec), node))
        if not left:
            return path
    return None


def too_much(requests: Mapping[str, Decimal], nodes: Iterable[Node]) -> str | None:
    """The first resource of which more is asked for than any of the nodes has; None when there is none."""
    nodes = tuple(nodes)
    return next(
        (name for name, amount in requests.items() if amount > max((node.allocatable.get(name, Decimal(0)) for node in nodes), default=0)),
        None,
    )


def _selected(spec: Mapping[str, Any], node: Node) -> bool:
    selector = spec.get("nodeSelector")
    return not selector or matches({"matchLabels": selector}, node.labels)


def _affine(spec: Mapping[str, Any], node: Node) -> bool:
    """Whether a term of the required node affinity fits: one is enough, all requirements in it have to hold, an empty one fits nothing."""
    required = _map(_map(spec.get("affinity")).get("nodeAffinity")).get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_term(item, node) for item in _maps(_map(required).get("nodeSelectorTerms")))


def _term(term: Mapping[str, Any], node: Node) -> bool:
    expressions, fields = list(_maps(term.get("matchExpressions"))), list(_maps(term.get("matchFields")))
    if not expressions and not fields:
        return False
    name = {"metadata.name": node.name}
    return all(_holds(item, node.labels) for item in expressions) and all(_holds(item, name) for item in fields)


def _holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    operator, key, values = requirement.get("operator"), requirement.get("key"), requirement.get("values")
    if operator not in ("Gt", "Lt"):
        return matches({"matchExpressions": [requirement]}, labels)
    bounds = values if isinstance(values, list | tuple) else ()
    has = labels.get(key) if isinstance(key, str) else None
    numbers = [int(text) for text in (has, *bounds) if isinstance(text, str) and _NUMBER.fullmatch(text)]
    if len(numbers) != 2 or len(bounds) != 1:
        return False
    return numbers[0] > numbers[1] if operator == "Gt" else numbers[0] < numbers[1]


def _tolerated(spec: Mapping[str, Any], node: Node) -> bool:
    given = spec.get("tolerations")
    return all(tolerates(given, taint.key, taint.effect, taint.value) for taint in node.taints if taint.effect in _KEEPS_OUT)


_FILTERS = {SELECTOR: _selected, AFFINITY: _affine, TOLERATIONS: _tolerated}


def _taint(item: Mapping[str, Any]) -> Taint:
    key, value, effect = (item.get(part) if isinstance(item.get(part), str) else "" for part in ("key", "value", "effect"))
    return Taint(str(key), str(value), str(effect))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(listed: Any) -> Iterator[Mapping[str, Any]]:
    for item in listed if isinstance(listed, list | tuple) else ():
        if isinstance(item, Mapping):
            yield item
