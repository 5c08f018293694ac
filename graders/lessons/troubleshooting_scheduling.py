"""Lesson 14: a Pod that no node takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from graders.lessons.deployment_app import written
from graders.lessons.troubleshooting_app import KIND, App, mends, well
from graders.objective import objective, owns
from graders.semantics.nodes import AFFINITY, ORDINARY, SELECTOR, Node, eligible, obstacle, too_much
from graders.semantics.pod_resources import admitted, amounts
from graders.semantics.quantities import parse_quantity
from graders.snapshot import Field, NotReadable, Snapshot
from graders.verdict import Verdict, failed

_NAME = "report-worker"
_MOST = {"cpu": "1", "memory": "1Gi"}
_SCHEDULER = "default-scheduler"
_NEXT_TO_NOTHING = 2**20  # bytes; whoever asks for less has forgotten a unit


@objective(
    "pending-unschedulable",
    "`report-worker` finds a node",
    hints=(
        "`kubectl describe pod` of a Pod that is Pending ends in events. The scheduler counts the nodes, and says for how many of them "
        "which reason holds.",
        "Two sides have to meet: what the Pod asks for (requests; limits alone are requests as well) and where it may go (nodeSelector, "
        "affinity), and what `kubectl describe nodes` shows under Labels and Allocatable. Mind the units.",
    ),
    docs="https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/#my-pod-stays-pending",
    owned=owns(KIND, _NAME),
)
@mends(_NAME)
def pending_unschedulable(snapshot: Snapshot, app: App) -> Verdict:
    return _by_hand(app) or _asks(app) or _nowhere(snapshot, app) or well(app, *_slight(app))


def _by_hand(app: App) -> Verdict | None:
    """Where the scheduler is passed by; None when it decides."""
    node, scheduler, gates = (app.pod_spec.at(key) for key in ("nodeName", "schedulerName", "schedulingGates"))
    if node.value not in (None, ""):
        return failed(node, expected="Pods that the scheduler places", found=f"{written(node)}, which passes it by")
    if scheduler.value not in (None, "", _SCHEDULER):
        return failed(scheduler, expected=f"the scheduler of the cluster, `{_SCHEDULER}`", found=written(scheduler))
    if any(gates.each()):
        return failed(gates, expected="no `schedulingGates`", found="a gate that nobody opens")
    return None


def _asks(app: App) -> Verdict | None:
    """What is wrong with the amounts that the Pod asks for; None when they are modest, and there."""
    odd = next((place for place in _amounts(app) if place.present and parse_quantity(place.value) is None), None)
    if odd is not None:
        return failed(odd, expected="a quantity as Kubernetes writes it, such as `250m` or `64Mi`", found=written(odd))
    pod, own = admitted(app.pod_spec.value), app.container.at("resources")
    for name, most in _MOST.items():
        amount, limit = pod.total.requests.get(name), parse_quantity(most) or 0
        place = _stated(app, name)
        if not amount or not _container_asks(app, name):
            expected = f"a request for {name}, so that the scheduler keeps it free"
            return failed(own.key("requests", name), expected=expected, found=written(place) if place.present else "none")
        if amount > limit:
            what = "as a limit alone, which is a request too" if "limits" in place.path else "requested"
            found = f"`{place.value}` {what}" if place.present else f"{amount.normalize():f} requested by its containers together"
            return failed(place, expected=f"at most `{most}` of {name} for a Pod", found=found)
    return None


def _container_asks(app: App, name: str) -> bool:
    """Whether the app's container, or the Pod as a whole, states an amount that is not 0."""
    return any(amounts(place.value).get(name) for place in _lists(app))


def _lists(app: App) -> Sequence[Field]:
    owners = (app.pod_spec.at("resources"), app.container.at("resources"))
    return tuple(owner.key(part) for owner in owners for part in ("requests", "limits"))


def _owners(app: App) -> tuple[Field, ...]:
    return (app.pod_spec.at("resources"), *(container.at("resources") for container in app.workload.all_containers()))


def _amounts(app: App) -> Iterator[Field]:
    for owner in _owners(app):
        for part in ("requests", "limits"):
            yield from (place for _, place in owner.key(part).entries())


def _stated(app: App, name: str) -> Field:
    """The place that states the largest amount that counts as a request: of a container its request, else its limit."""
    places = []
    for owner in _owners(app):
        request, limit = owner.key("requests", name), owner.key("limits", name)
        places.append(limit if limit.present and not request.present else request)
    return max(places, key=lambda place: parse_quantity(place.value) or 0)


def _slight(app: App) -> tuple[str, ...]:
    memory = admitted(app.pod_spec.value).total.requests.get("memory") or 0
    if memory >= _NEXT_TO_NOTHING:
        return ()
    return (f"A request for {Decimal(memory).normalize():f} bytes of memory keeps nothing free: mind the unit.",)


def _nowhere(snapshot: Snapshot, app: App) -> Verdict | None:
    """What leaves the Pod without a node, whatever runs there already; None when there is one, or nodes may not be read."""
    nodes = _nodes(snapshot)
    if nodes is None:
        return None
    known = "on this cluster" if nodes is not ORDINARY else "on every cluster (or submit yours: `kubectl get nodes -o yaml`)"
    spec = app.pod_spec
    path = obstacle(spec.value, nodes)
    if path == SELECTOR:
        label = next(
            (field for _, field in spec.key(*path).entries() if obstacle({"nodeSelector": {field.path[-1]: field.value}}, nodes)),
            spec.key(*path),
        )
        return failed(label, expected=f"labels that a node has {known}", found=f"`{label.path[-1]}: {label.value}`, which no node has")
    if path is not None:
        what = "rules" if path == AFFINITY else "tolerations"
        found = f"{what} that leave none of {len(nodes)} nodes" if nodes is not ORDINARY else f"{what} that leave no such node"
        return failed(spec.key(*path), expected=f"{what} that fit a node {known}", found=found)
    name = too_much(admitted(spec.value).total.requests, eligible(spec.value, nodes))
    if name is None:
        return None
    place = _stated(app, name)
    return failed(place, expected=f"no more of `{name}` than a node has {known}", found=f"`{name}: {place.value}`, more than any node has")


def _nodes(snapshot: Snapshot) -> tuple[Node, ...] | None:
    """The nodes of the cluster, or those that were submitted, else such as there are everywhere; None when they may not be read."""
    try:
        found = snapshot.all("Node")
    except NotReadable:
        return None
    return tuple(Node.of(item.body) for item in found) or (() if snapshot.is_live else ORDINARY)
