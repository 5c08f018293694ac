"""Network policies: who may talk to whom, on which port.

Rules: https://kubernetes.io/docs/concepts/services-networking/network-policies/, the comments of k8s.io/api/networking/v1 types.go, and
SetDefaults_NetworkPolicy in k8s.io/kubernetes pkg/apis/networking/v1. Two things no policy governs, so nothing here asks about them: what
a Pod sends to itself, and what its own node sends to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from graders.semantics.ports import DEFAULT_PROTOCOL, serving_ports
from graders.semantics.selectors import matches

API_VERSION, KIND = "networking.k8s.io/v1", "NetworkPolicy"
NAMESPACE_NAME = "kubernetes.io/metadata.name"  # the label that the API server keeps on every namespace
_CIDR = re.compile(r"[^/]+/[0-9]{1,3}")
_IMPOSSIBLE: Mapping[str, Any] = MappingProxyType({"matchExpressions": (None,)})
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_MAPPINGS = (dict, MappingProxyType, Mapping)  # the first two are known at once, any other has to be asked what it is


class Direction(StrEnum):
    """The direction of traffic, seen from the Pod that a policy selects. The values are those of `policyTypes`."""

    INGRESS = "Ingress"
    EGRESS = "Egress"


class Doubt(NamedTuple):
    """What an answer depends on, and is not known: the `labels` of a namespace, the `plugin` that enforces policies, or whether a Pod
    gives a `port` that name. `subject` is the namespace, or the name of the port."""

    about: str
    subject: str = ""

    def __str__(self) -> str:
        match self.about:
            case "labels":
                return f"the labels of namespace `{self.subject}`"
            case "port":
                return f"whether a Pod there names that port `{self.subject}`"
            case _:
                return "the network plugin"


Answer = bool | frozenset[Doubt]
_PLUGIN: Answer = frozenset((Doubt("plugin"),))


def _any(answers: Iterable[Answer]) -> Answer:
    """Yes when one is yes; else what the open ones depend on; else no."""
    doubts: frozenset[Doubt] = frozenset()
    for answer in answers:
        if answer is True:
            return True
        if answer:
            doubts |= answer
    return doubts or False


def _all(answers: Iterable[Answer]) -> Answer:
    """No when one is no; else what the open ones depend on; else yes."""
    doubts: frozenset[Doubt] = frozenset()
    for answer in answers:
        if answer is False:
            return False
        if answer is not True:
            doubts |= answer
    return doubts or True


_ANY_LABEL = ("", "")  # no label has such a key


class NamedPort(NamedTuple):
    """A container's port that has a name."""

    name: str
    number: int
    protocol: str = DEFAULT_PROTOCOL


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a connection: a Pod, or an address outside the cluster when `address` is set.

    `ports` are the Pod's named ports, `words` what to call it in a reason.
    """

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    ports: tuple[NamedPort, ...] = ()
    host_network: bool = False
    address: str = ""
    words: str = field(default="", compare=False)

    @classmethod
    def pod(cls, namespace: str, labels: Mapping[str, str] = _NOTHING, spec: Any = None) -> Endpoint:
        """A Pod with this spec (of any shape), whose named ports are those of its containers and sidecars."""
        host_network = isinstance(spec, Mapping) and spec.get("hostNetwork") is True
        return cls(namespace, labels, tuple(_named_ports(spec)), host_network)

    def __str__(self) -> str:
        if self.words or self.address:
            return self.words or self.address
        carried = ", ".join(f"`{key}: {value}`" for key, value in sorted(self.labels.items()))
        return f"a Pod {f'with {carried} ' if carried else ''}in namespace `{self.namespace}`"


def _named_ports(spec: Any) -> Iterator[NamedPort]:
    for port in serving_ports(spec):
        name, number, over = port.get("name"), _number(port.get("containerPort")), port.get("protocol") or DEFAULT_PROTOCOL
        if isinstance(name, str) and number is not None and isinstance(over, str):
            yield NamedPort(name, number, over)


def _maps(listed: Any) -> Iterator[Mapping[str, Any]]:
    for item in listed if isinstance(listed, list | tuple) else ():
        if isinstance(item, Mapping):
            yield item


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class Rule(NamedTuple):
    """Where a rule stands: in which policy, and as which of its `ingress` or `egress` rules, counted from 1."""

    policy: str
    direction: Direction
    number: int

    def __str__(self) -> str:
        return f"`{self.policy}`, rule {self.number}"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether traffic is allowed, and why.

    `allowed` is None when that depends on what is not known, which `doubts` tells; doubts about several rules are not weighed against each
    other, although one or the other may be sure to hold. `parts` are the answers of the directions that were asked about.
    """

    answer: Answer
    parts: tuple[_OneWay, ...]

    @property
    def allowed(self) -> bool | None:
        """Whether it is allowed; None when that is in doubt."""
        return self.answer if isinstance(self.answer, bool) else None

    @property
    def doubts(self) -> frozenset[Doubt]:
        """What the answer depends on; empty when it is known."""
        return frozenset() if isinstance(self.answer, bool) else self.answer

    @property
    def reasons(self) -> tuple[str, ...]:
        """One sentence, without its full stop, for each direction. They are put into words when somebody reads them."""
        return tuple(str(part) for part in self.parts)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that allow it, or may."""
        return tuple(rule for part in self.parts for rule in part.rules)

    @property
    def isolating(self) -> tuple[str, ...]:
        """The names of the policies that restrict a Pod, for each direction."""
        return tuple(name for part in self.parts for name in part.isolating)


class _OneWay(NamedTuple):
    """The answer of one direction: what `own`'s policies say to traffic with `peer`, which is None for anybody, on a port."""

    direction: Direction
    own: Endpoint
    peer: Endpoint | None
    port: int
    protocol: str
    isolating: tuple[str, ...]
    answer: Answer
    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        outward, name = self.direction is Direction.EGRESS, self.direction.value.lower()
        peer = "" if self.peer is None else f"{'to' if outward else 'from'} {self.peer} "
        what = f"{name} {peer}on {self.protocol} {self.port}"
        if not self.isolating:
            return f"{what} is allowed, for no policy restricts the {name} of {self.own}"
        by = ", and by ".join(str(rule) for rule in self.rules)
        if self.answer is True:
            return f"{what} is allowed by {by}"
        if self.answer is False:
            return f"no policy lets {what} {'leave' if outward else 'reach'} it"
        allowed = f"allowed by {by}, " if by else "refused "
        return f"whether {what} is {allowed}depends on {' and '.join(sorted(map(str, self.answer)))}"


class _Traffic(NamedTuple):
    source: Endpoint
    destination: Endpoint
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Policy:
    """One NetworkPolicy: the Pods of its namespace that it selects, the directions that it restricts, and its rules."""

    namespace: str
    name: str
    selector: Any
    types: frozenset[Direction]
    rules: Mapping[Direction, tuple[Any, ...]]

    @classmethod
    def of(cls, body: Mapping[str, Any], default_namespace: str) -> Policy:
        """The policy that an object (of any shape) is, after the API server's defaulting. What it would reject takes in nothing."""
        metadata = _fields(body.get("metadata")) or _NOTHING
        spec = _fields(body.get("spec"))
        if spec is None:
            spec = {"podSelector": _IMPOSSIBLE}
        rules = {Direction.INGRESS: _items(spec.get("ingress")), Direction.EGRESS: _items(spec.get("egress"))}
        selector = spec.get("podSelector")
        return cls(
            _text(metadata.get("namespace")) or default_namespace,
            _text(metadata.get("name")),
            _NOTHING if selector is None else selector,
            _types(spec.get("policyTypes"), rules),
            MappingProxyType(rules),
        )

    @property
    def asks_for(self) -> tuple[str, str]:
        """A label that every Pod has which it selects; none for a selector without `matchLabels`."""
        wanted = self.selector.get("matchLabels") if isinstance(self.selector, Mapping) else None
        labels = wanted.items() if isinstance(wanted, Mapping) else ()
        return next(((key, value) for key, value in labels if isinstance(key, str) and isinstance(value, str)), _ANY_LABEL)

    def isolates(self, pod: Endpoint, direction: Direction) -> bool:
        """Whether it restricts the Pod's traffic in that direction to what rules allow."""
        return direction in self.types and pod.namespace == self.namespace and matches(self.selector, pod.labels)


def _fields(value: Any) -> Mapping[str, Any] | None:
    """A struct's fields: null is a struct without any; None for a value of another type."""
    return _NOTHING if value is None else value if isinstance(value, _MAPPINGS) else None


def _items(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _types(written: Any, rules: Mapping[Direction, tuple[Any, ...]]) -> frozenset[Direction]:
    """The directions that a policy restricts: as given; left out or empty, ingress always, and egress when there are rules for it."""
    if written is None or written in ([], ()):
        return frozenset(Direction) if rules[Direction.EGRESS] else frozenset((Direction.INGRESS,))
    return frozenset(direction for direction in Direction if direction.value in _items(written))


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies in force, and the labels of the namespaces that are known (`kubernetes.io/metadata.name` is added to each).

    The labels of any other namespace are not known, but for that one.
    """

    items: tuple[Policy, ...]
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: _NOTHING)
    _by_label: Mapping[tuple[str, str, str], tuple[int, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)
    _isolating: dict[tuple[Any, ...], tuple[Policy, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Note by a label that a policy asks for where it stands, so that a Pod is not held against each of hundreds."""
        by_label: dict[tuple[str, str, str], list[int]] = {}
        for index, policy in enumerate(self.items):
            by_label.setdefault((policy.namespace, *policy.asks_for), []).append(index)
        object.__setattr__(self, "_by_label", {key: tuple(indexes) for key, indexes in by_label.items()})

    @classmethod
    def of(
        cls,
        bodies: Iterable[Any],
        namespaces: Mapping[str, Mapping[str, str]] = _NOTHING,
        default_namespace: str = "default",
    ) -> Policies:
        """From objects as plain data of any shape; those that are no NetworkPolicy of the served version are left out.

        Of two with one name, the last counts, as `kubectl apply` would leave it. `default_namespace` is that of objects that name none.
        """
        found: dict[tuple[str, str | int], Policy] = {}
        for index, body in enumerate(bodies):
            if isinstance(body, Mapping) and (body.get("apiVersion"), body.get("kind")) == (API_VERSION, KIND):
                policy = Policy.of(body, default_namespace)
                found[policy.namespace, policy.name or index] = policy
        return cls(tuple(found.values()), namespaces)

    def isolating(self, pod: Endpoint, direction: Direction) -> tuple[Policy, ...]:
        """The policies that restrict a Pod in a direction. None: everything is allowed there."""
        asked = (direction, pod.namespace, *pod.labels.items())
        if asked not in self._isolating:  # Pods of a workload are alike, and asked about for each port
            labels = (_ANY_LABEL, *pod.labels.items())
            candidates = sorted(index for label in labels for index in self._by_label.get((pod.namespace, *label), ()))
            self._isolating[asked] = tuple(policy for index in candidates if (policy := self.items[index]).isolates(pod, direction))
        return self._isolating[asked]

    def selects_namespace(self, selector: Any, name: str) -> Answer:
        """Whether a LabelSelector takes in the namespace of that name."""
        by_itself = {NAMESPACE_NAME: name}
        labels = self.namespaces.get(name)
        if labels is not None:
            return matches(selector, {**labels, **by_itself})
        requirements = _requirements(selector)
        if not all(matches(requirement, by_itself) for key, requirement in requirements if key == NAMESPACE_NAME):
            return False
        others = [(key, requirement) for key, requirement in requirements if key != NAMESPACE_NAME]
        if not others:
            return True
        return frozenset((Doubt("labels", name),)) if _satisfiable(others) else False

    def selects_some_namespace(self, selector: Any) -> bool:
        """Whether there could be a namespace that a LabelSelector takes in."""
        names = _values(requirement for key, requirement in _requirements(selector) if key == NAMESPACE_NAME)
        another = max((*names, *self.namespaces), key=len) + "x"
        return any(self.selects_namespace(selector, name) is not False for name in (*names, another) if name)


def egress(policies: Policies, source: Endpoint, destination: Endpoint, port: int, protocol: str = DEFAULT_PROTOCOL) -> Decision:
    """Whether `source` may send to that port of `destination`, as far as `source`'s own policies go."""
    return _one_way(policies, Direction.EGRESS, _Traffic(source, destination, port, protocol))


def ingress(policies: Policies, source: Endpoint, destination: Endpoint, port: int, protocol: str = DEFAULT_PROTOCOL) -> Decision:
    """Whether `destination` lets in what `source` sends to that port, as far as `destination`'s own policies go."""
    return _one_way(policies, Direction.INGRESS, _Traffic(source, destination, port, protocol))


def decide(policies: Policies, source: Endpoint, destination: Endpoint, port: int, protocol: str = DEFAULT_PROTOCOL) -> Decision:
    """Whether `source` can connect to that port of `destination`: egress at the one and ingress at the other must both allow it."""
    out, back = egress(policies, source, destination, port, protocol), ingress(policies, source, destination, port, protocol)
    return Decision(_all((out.answer, back.answer)), out.parts + back.parts)


def some_destination(
    policies: Policies, source: Endpoint, port: int, protocol: str = DEFAULT_PROTOCOL, among: Iterable[Endpoint] = ()
) -> Decision:
    """Whether `source` may send to that port of any Pod or address that there could be. What lets it in over there is not asked.

    A rule for a named port is good for a destination `among` the known ones that has it; for others that is a doubt.
    """
    for destination in among:
        known = egress(policies, source, destination, port, protocol)
        if known.allowed:
            return known
    return _judged(policies, Direction.EGRESS, source, None, port, protocol, lambda _, rule: _somewhere(policies, rule, port, protocol))


def _one_way(policies: Policies, direction: Direction, traffic: _Traffic) -> Decision:
    own, peer = traffic.source, traffic.destination
    if direction is Direction.INGRESS:
        own, peer = peer, own
    return _judged(
        policies,
        direction,
        own,
        peer,
        traffic.port,
        traffic.protocol,
        lambda policy, rule: _rule(policies, policy, rule, direction, traffic),
    )


def _judged(
    policies: Policies,
    direction: Direction,
    own: Endpoint,
    peer: Endpoint | None,
    port: int,
    protocol: str,
    ask: Callable[[Policy, Any], Answer],
) -> Decision:
    """The decision of one direction: everything where no policy isolates, else what any rule allows; `ask` asks one."""
    isolating = () if own.address else policies.isolating(own, direction)
    if not isolating:
        return Decision(True, (_OneWay(direction, own, peer, port, protocol, (), True, ()),))
    answers = [(policy, number, ask(policy, rule)) for policy in isolating for number, rule in enumerate(policy.rules[direction], 1)]
    answer = _any([given for _, _, given in answers])
    if own.host_network and answer is not True:
        answer = _any((answer, _PLUGIN))  # most plugins leave Pods in their node's network alone
    rules = tuple(
        Rule(policy.name, direction, number)
        for policy, number, given in answers
        if (given is True if answer is True else given is not False)
    )
    names = tuple(policy.name for policy in isolating)
    return Decision(answer, (_OneWay(direction, own, peer, port, protocol, names, answer, rules),))


# Rules


def _rule(policies: Policies, policy: Policy, rule: Any, direction: Direction, traffic: _Traffic) -> Answer:
    """Whether one rule allows the traffic: the other end is one of its peers, and the port one of its ports."""
    fields = _fields(rule)
    if fields is None:
        return False
    ports = _listed(fields.get("ports"), lambda port: _port(port, traffic.port, traffic.protocol, traffic.destination.ports))
    if ports is False:
        return False
    peer, peers = (traffic.destination, "to") if direction is Direction.EGRESS else (traffic.source, "from")
    return _all((ports, _listed(fields.get(peers), lambda item: _peer(policies, policy, item, peer))))


def _somewhere(policies: Policies, rule: Any, port: int, protocol: str) -> Answer:
    """Whether an egress rule allows that port of anything at all."""
    fields = _fields(rule)
    if fields is None:
        return False
    return _all(
        (
            _listed(fields.get("ports"), lambda item: _port(item, port, protocol, None)),
            _listed(fields.get("to"), lambda item: _takes_in_something(policies, item)),
        )
    )


def _listed(value: Any, takes_in: Callable[[Any], Answer]) -> Answer:
    """Whether one of the peers or ports of a rule takes it in; a list that is missing or empty takes in everything."""
    if value is None or value in ([], ()):
        return True
    return _any(map(takes_in, _items(value)))


def _port(written: Any, number: int, protocol: str, names: tuple[NamedPort, ...] | None) -> Answer:
    """Whether a port of a rule is this one. `names` are the destination's named ports, None when it is not known which."""
    fields = _fields(written)
    if fields is None or protocol != (DEFAULT_PROTOCOL if fields.get("protocol") is None else fields["protocol"]):
        return False
    first, last = fields.get("port"), fields.get("endPort")
    if isinstance(first, str):
        if not first or last is not None:
            return False
        return frozenset((Doubt("port", first),)) if names is None else NamedPort(first, number, protocol) in names
    if first is None:
        return last is None
    low, high = _number(first), _number(first if last is None else last)
    return low is not None and high is not None and low <= number <= high


def _peer(policies: Policies, policy: Policy, written: Any, end: Endpoint) -> Answer:
    """Whether a peer of a rule takes in this end of the traffic. Whether an `ipBlock` takes in a Pod is up to the network plugin."""
    fields = _fields(written) or _NOTHING
    pods, namespaces, block = fields.get("podSelector"), fields.get("namespaceSelector"), fields.get("ipBlock")
    if block is not None:
        held = _Block.of(block) if pods is None and namespaces is None else None
        if held is None:
            return False
        return held.holds(end.address) if end.address else held.some and _PLUGIN
    if end.address or (pods is None and namespaces is None) or not matches(pods, end.labels, missing=True):
        return False
    within = end.namespace == policy.namespace if namespaces is None else policies.selects_namespace(namespaces, end.namespace)
    return _all((within, _PLUGIN)) if end.host_network else within


def _takes_in_something(policies: Policies, written: Any) -> bool:
    """Whether there could be a Pod or an address that a peer takes in."""
    fields = _fields(written) or _NOTHING
    pods, namespaces, block = (fields.get(key) for key in ("podSelector", "namespaceSelector", "ipBlock"))
    if block is not None:
        held = _Block.of(block) if pods is None and namespaces is None else None
        return held is not None and held.some
    if pods is None and namespaces is None:
        return False
    return (pods is None or _satisfiable(_requirements(pods))) and (namespaces is None or policies.selects_some_namespace(namespaces))


class _Span(NamedTuple):
    """The addresses of a CIDR block: IP version, first and last as numbers."""

    version: int
    first: int
    last: int

    @classmethod
    def of(cls, written: Any) -> _Span | None:
        """A CIDR block as text; None for what is none."""
        from ipaddress import ip_network

        if not isinstance(written, str) or not _CIDR.fullmatch(written):
            return None
        try:
            block = ip_network(written, strict=False)  # older API servers took bits beyond the prefix, and plugins mask them
        except ValueError:
            return None
        return cls(block.version, int(block.network_address), int(block.broadcast_address))


class _Block(NamedTuple):
    """Addresses: those of one span but for those of others."""

    whole: _Span
    without: tuple[_Span, ...]

    @classmethod
    def of(cls, written: Any) -> _Block | None:
        """An `ipBlock`; None for what is none."""
        fields = written if isinstance(written, Mapping) else _NOTHING
        whole, without = _Span.of(fields.get("cidr")), fields.get("except")
        if whole is None or not isinstance(without, list | tuple | None):
            return None
        spans = [_Span.of(item) for item in without or ()]
        known = tuple(span for span in spans if span is not None)
        return cls(whole, known) if len(known) == len(spans) else None

    def holds(self, address: str) -> bool:
        """Whether it takes in an address."""
        from ipaddress import ip_address

        try:
            found = ip_address(address)
        except ValueError:
            return False

        def within(span: _Span) -> bool:
            return found.version == span.version and span.first <= int(found) <= span.last

        return within(self.whole) and not any(within(span) for span in self.without)

    @property
    def some(self) -> bool:
        """Whether anything is left of it."""
        next_left = self.whole.first
        for span in sorted(span for span in self.without if span.version == self.whole.version):
            if span.first > next_left:
                break
            next_left = max(next_left, span.last + 1)
        return next_left <= self.whole.last


# Selectors over labels that are not known


_Requirements = list[tuple[str, Mapping[str, Any]]]


def _requirements(selector: Any) -> _Requirements:
    """A LabelSelector as key and selector of one requirement each, which it is the conjunction of; an impossible one where it is none."""
    labels, expressions = (selector.get("matchLabels"), selector.get("matchExpressions")) if isinstance(selector, Mapping) else ((), "")
    if not isinstance(labels, Mapping | None) or not isinstance(expressions, list | tuple | None):
        return [("", _IMPOSSIBLE)]
    found: _Requirements = [(key, {"matchLabels": {key: value}}) for key, value in (labels or {}).items()]
    for item in expressions or ():
        key = item.get("key") if isinstance(item, Mapping) else None
        found.append((_text(key), {"matchExpressions": [item]}))
    return found


def _satisfiable(requirements: _Requirements) -> bool:
    """Whether some labels meet all of them. Keys do not depend on each other, so each is tried by itself."""
    by_key: dict[str, list[Mapping[str, Any]]] = {}
    for key, requirement in requirements:
        by_key.setdefault(key, []).append(requirement)
    return all(
        any(all(matches(requirement, labels) for requirement in group) for labels in ({}, *({key: value} for value in _values(group))))
        for key, group in by_key.items()
    )


def _values(selectors: Iterable[Mapping[str, Any]]) -> list[str]:
    """The values that selectors of one requirement name, and one that none of them names."""
    named: list[str] = []
    for selector in selectors:
        named += [_text(value) for value in (selector.get("matchLabels") or {}).values()]
        for item in _maps(selector.get("matchExpressions")):
            named += [_text(value) for value in _items(item.get("values"))]
    return [*named, max(named, key=len, default="") + "x"]
