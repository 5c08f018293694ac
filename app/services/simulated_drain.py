"""Nodes drained one after the other against a disruption budget: what somebody asks for -> each eviction, granted or refused, with its sum.

How many Pods a budget keeps is computed by `graders.semantics.disruption`. Rules of the rest: k8s.io/kubernetes v1.37
pkg/registry/core/pod/storage/eviction.go, and `kubectl drain`, which asks again every 5 s for each Pod that was refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.services.simulator_fields import Fields
from graders.semantics.disruption import desired_healthy
from graders.semantics.int_or_string import percentage, scaled

MOST_PODS = 20
MOST_NODES = 6
MOST_DRAINS = 12
_RETRY = 5  # seconds
BUDGETS = {"minAvailable": "minAvailable", "maxUnavailable": "maxUnavailable", "none": "no budget at all"}
PLACES = {"spread": "spread over the nodes", "one": "all on node 1"}
AFTER = {"back": "takes Pods again", "gone": "stays away"}
UNHEALTHY = {"IfHealthyBudget": "IfHealthyBudget, the default", "AlwaysAllow": "AlwaysAllow"}


@dataclass(frozen=True, slots=True)
class Setup:
    """What is played. `order` are the nodes to drain, from 1; `value` is the budget's number or percentage.

    `ready` is after how many seconds a Pod is ready on its new node, `broken` how many never are.
    """

    replicas: int
    budget: str
    value: int | str
    nodes: int
    place: str
    order: tuple[int, ...]
    ready: int
    broken: int
    comes_back: bool
    always_allow: bool

    @property
    def desired(self) -> int | None:
        """How many Pods must stay healthy; None without a budget."""
        if self.budget == "none":
            return None
        of = {self.budget: self.value}
        return desired_healthy(of.get("minAvailable"), of.get("maxUnavailable"), self.replicas)

    @property
    def budget_in_words(self) -> str:
        """How many Pods must stay, and by which sum."""
        desired = self.desired
        if desired is None:
            return "No budget selects the Pods: every eviction is granted."
        percent = percentage(self.value)
        amount = scaled(self.value, self.replicas, round_up=True)
        share = "" if percent is None else f" {percent} % of {self.replicas} is {percent * self.replicas / 100:g}, rounded up {amount}."
        if self.budget == "minAvailable":
            return f"`minAvailable: {self.value}`:{share} {desired} of {self.replicas} must stay healthy."
        return f"`maxUnavailable: {self.value}`:{share} {amount} of {self.replicas} may be missing, so {desired} must stay healthy."


class Pod(NamedTuple):
    """A Pod, on a node (0 for none yet), ready from a time on (None as long as it has no node, and for ever when it is broken)."""

    name: str
    node: int
    ready_at: int | None
    broken: bool = False

    def ready(self, now: int) -> bool:
        return self.ready_at is not None and self.ready_at <= now


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens, and what there is after it.

    `kind` is `begins`, `granted`, `refused`, `ready`, `drained` or `stuck`; `away` are the nodes that take no Pods; `gone` was evicted.
    """

    at: int
    kind: str
    words: str
    pods: tuple[Pod, ...]
    healthy: int
    away: frozenset[int]
    gone: Pod | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a setup."""

    setup: Setup
    steps: tuple[Step, ...]

    @property
    def stuck(self) -> bool:
        """Whether it would go on asking for ever."""
        return self.steps[-1].kind == "stuck"

    @property
    def fewest_healthy(self) -> int:
        """How many Pods were ready at the worst moment."""
        return min(step.healthy for step in self.steps)

    def count(self, kind: str) -> int:
        """How many steps are of a kind."""
        return sum(step.kind == kind for step in self.steps)


@dataclass
class _Cluster:
    setup: Setup
    now: int = 0
    pods: list[Pod] = field(default_factory=list)
    away: set[int] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)

    def healthy(self) -> int:
        return sum(pod.ready(self.now) for pod in self.pods)

    def tell(self, kind: str, words: str, gone: Pod | None = None) -> None:
        self.steps.append(Step(self.now, kind, words, tuple(self.pods), self.healthy(), frozenset(self.away), gone))

    def node_for_one(self) -> int:
        """The node with the fewest Pods of those that take any; 0 when none does."""
        free = [node for node in range(1, self.setup.nodes + 1) if node not in self.away]
        return min(free, key=lambda node: (sum(pod.node == node for pod in self.pods), node), default=0)

    def schedule(self) -> list[str]:
        """Give Pods without a node one, if any takes Pods; the names of those that got one."""
        placed = []
        for index, pod in enumerate(self.pods):
            node = 0 if pod.node else self.node_for_one()
            if node:
                self.pods[index] = Pod(pod.name, node, None if pod.broken else self.now + self.setup.ready, pod.broken)
                placed.append(pod.name)
        return placed

    def drain(self, node: int) -> bool:
        """Drain a node; whether it comes to an end."""
        self.away.add(node)
        held = [pod.name for pod in self.pods if pod.node == node]
        self.tell(
            "begins", f"The drain of node {node} cordons it" + (f" and asks to evict {_listed(held)}." if held else "; it holds no Pod.")
        )
        while self._ask(node):
            coming = [pod.ready_at for pod in self.pods if pod.ready_at is not None and pod.ready_at > self.now]
            if not coming:
                self.tell("stuck", self._stuck_because(node))
                return False
            ready_at = min(coming)
            asks_at = self.now + _RETRY * math.ceil((ready_at - self.now) / _RETRY)
            self.now = ready_at
            fresh = [pod.name for pod in self.pods if pod.ready_at == ready_at]
            self.tell(
                "ready", f"{_listed(fresh)} {'is' if len(fresh) == 1 else 'are'} ready. The drain has gone on asking every {_RETRY} s."
            )
            self.now = asks_at
        back = self.setup.comes_back
        if back:
            self.away.discard(node)
        placed = self.schedule()
        words = f"Node {node} is drained" + (" and takes Pods again." if back else " and stays away.")
        self.tell(
            "drained", words + (f" {_listed(placed)} had no node, and {'goes' if len(placed) == 1 else 'go'} there." if placed else "")
        )
        return True

    def _ask(self, node: int) -> bool:
        """Ask once for each Pod of a node; whether any was refused."""
        refused: list[Pod] = []
        for pod in [pod for pod in self.pods if pod.node == node]:
            granted, why = self._judged(pod)
            if not granted:
                refused.append(pod)
                continue
            index = self.pods.index(pod)
            self.pods[index] = Pod(_next_name(pod.name), 0, None, pod.broken)
            self.schedule()
            fresh = self.pods[index]
            where = (
                f"Its replacement {fresh.name} starts on node {fresh.node}."
                if fresh.node
                else f"Its replacement {fresh.name} finds no node."
            )
            self.tell("granted", f"{pod.name} may go: {why} {where}", pod)
        if refused:
            self.tell("refused", f"{_listed([pod.name for pod in refused])} must stay: {self._judged(refused[0])[1]}")
        return bool(refused)

    def _judged(self, pod: Pod) -> tuple[bool, str]:
        """Whether the API server grants an eviction, and why."""
        desired, healthy = self.setup.desired, self.healthy()
        if desired is None:
            return True, "no budget is asked."
        if not pod.ready(self.now):
            if self.setup.always_allow:
                return True, "it is not ready, and AlwaysAllow protects only ready Pods."
            if healthy >= desired > 0:
                return True, f"it is not ready, and the {healthy} that are suffice for the {desired} that must stay."
        allowed = healthy - desired
        if allowed > 0:
            return True, f"{healthy} healthy − {desired} that must stay = {allowed}."
        return False, f"{healthy} healthy − {desired} that must stay = {_signed(allowed)}, so none may leave."

    def _stuck_because(self, node: int) -> str:
        desired = self.setup.desired or 0
        waiting = [pod.name for pod in self.pods if not pod.node and not pod.broken]
        broken = [pod.name for pod in self.pods if pod.broken]
        if broken and not waiting:
            are = f"{_listed(broken)} {'never becomes' if len(broken) == 1 else 'never become'} ready"
            return f"{desired} must stay healthy, {self.healthy()} are, and {are}. The drain of node {node} asks for ever."
        if waiting:
            return f"{_listed(waiting)} would help, but no node takes Pods. The drain of node {node} asks for ever."
        return (
            f"All {self.setup.replicas} Pods are healthy and {desired} must stay, so none may ever leave. "
            f"The drain of node {node} asks for ever."
        )


def run(setup: Setup) -> Run:
    """Play a setup until the drains have ended, or one never will."""
    cluster = _Cluster(setup)
    for index in range(setup.replicas):
        node = 1 if setup.place == "one" else index % setup.nodes + 1
        broken = index >= setup.replicas - setup.broken
        cluster.pods.append(Pod(chr(ord("a") + index), node, None if broken else 0, broken))
    for node in setup.order:
        if not cluster.drain(node):
            break
    return Run(setup, tuple(cluster.steps))


def _next_name(name: str) -> str:
    return f"{name[0]}{int(name[1:] or 1) + 1}"


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _signed(number: int) -> str:
    return f"−{-number}" if number < 0 else str(number)


def read(given: Mapping[str, str]) -> tuple[Setup | None, Fields]:
    """The setup that the fields of an address stand for; None when one of them is wrong, which the fields tell."""
    fields = Fields(given)
    nodes = fields.whole("nodes", 3, 1, MOST_NODES)
    setup = Setup(
        replicas=fields.whole("replicas", 3, 1, MOST_PODS),
        budget=fields.choice("budget", "minAvailable", BUDGETS),
        value=_value(fields.text("value", "2", longest=12)),
        nodes=nodes,
        place=fields.choice("place", "spread", PLACES),
        order=_order(fields, nodes),
        ready=fields.whole("ready", 20, 0, 600, "seconds"),
        broken=fields.whole("broken", 0, 0, MOST_PODS),
        comes_back=fields.choice("after", "back", AFTER) == "back",
        always_allow=fields.choice("unhealthy", "IfHealthyBudget", UNHEALTHY) == "AlwaysAllow",
    )
    if "broken" not in fields.faults and setup.broken > setup.replicas:
        fields.faults["broken"] = f"At most all {setup.replicas} Pods; found “{setup.broken}”."
    if setup.budget == "none":
        fields.faults.pop("value", None)
        setup = replace(setup, value=0)
    elif setup.desired is None:
        found = f"found “{setup.value}”" if setup.value != "" else "the field is empty"
        fields.faults.setdefault("value", f"A whole number such as 2, or a percentage up to 100 such as 50%; {found}.")
    return (None if fields.faults else setup), fields


def _value(text: str) -> int | str:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else text


def _order(fields: Fields, nodes: int) -> tuple[int, ...]:
    written = fields.text("order").replace(",", " ").split()
    if not written:
        return tuple(range(1, nodes + 1))
    wrong = next((word for word in written if not re.fullmatch(r"[0-9]{1,3}", word) or not 1 <= int(word) <= nodes), None)
    if wrong is not None:
        fields.faults.setdefault("order", f"Numbers of nodes from 1 to {nodes}, with commas between them; found “{wrong[:20]}”.")
        return ()
    if len(written) > MOST_DRAINS:
        fields.faults.setdefault("order", f"At most {MOST_DRAINS} drains; found {len(written)}.")
        return ()
    return tuple(int(word) for word in written)
