"""Lesson 11, the network half: who may talk to the API's Pods, and whom they may call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from graders.lessons.existence import assumed_namespace
from graders.objective import objective, owns
from graders.semantics import network_policies as net
from graders.semantics.network_policies import Decision, Direction, Endpoint, NamedPort, Policies, Policy
from graders.semantics.ports import DEFAULT_PROTOCOL, protocol
from graders.semantics.selectors import matches
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Status, Verdict, failed, passed, skipped
from graders.workloads import APP, APP_PORT, Workload, workloads

_KIND = net.KIND
_DOCS = "https://kubernetes.io/docs/concepts/services-networking/network-policies/"
_DNS_DOCS = "https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/"

# The labels with which the usual installations run, so that a rule may ask for them.
_CONTROLLER = {"name": "ingress-nginx", "instance": "ingress-nginx", "component": "controller"}
_INGRESS = Endpoint(
    "ingress-nginx",
    {f"app.kubernetes.io/{key}": value for key, value in _CONTROLLER.items()},
    words="the ingress controller in namespace `ingress-nginx`",
)
_DNS = Endpoint(
    "kube-system",
    {"k8s-app": "kube-dns"},
    (NamedPort("dns", 53, "UDP"), NamedPort("dns-tcp", 53)),
    words="DNS in namespace `kube-system`",
)
_OUTSIDE = "203.0.113.10"  # an address of nobody, set aside for documentation
_OUTSIDE_PORT = 80
_BACKENDS = (("PostgreSQL", 5432), ("Redis", 6379))
_QDRANT, _QDRANT_PORT = {"app": "qdrant"}, 6333

_BY_PLUGIN = "whether an `ipBlock` takes in Pods is up to the network plugin: select Pods by labels and namespaces"
_OF_NODE = "whether that holds for Pods in their node's network is up to the network plugin: leave out `hostNetwork`"


def _objects(snapshot: Snapshot) -> tuple[K8sObject, ...]:
    """The policies of the namespace that Kubernetes serves."""
    return tuple(item for item in snapshot.all(_KIND) if item.api_version == net.API_VERSION)


def _policies(snapshot: Snapshot) -> Policies:
    return Policies.of((item.body for item in _objects(snapshot)), _namespaces(snapshot), snapshot.namespace)


def _namespaces(snapshot: Snapshot) -> dict[str, Mapping[str, str]]:
    """The labels of the namespaces that are known. Of those not submitted, a new cluster's `default` and the one of lesson 1 are."""
    if snapshot.is_live:
        return {} if "Namespace" in snapshot.unreadable else {item.name: item.labels for item in snapshot.all("Namespace")}
    presumed: dict[str, Mapping[str, str]] = {"default": {}, snapshot.namespace: {"app": "rag-engine", "environment": "production"}}
    return {**presumed, **{item.name: item.labels for item in snapshot.all("Namespace")}}


def _api(snapshot: Snapshot) -> Endpoint:
    app = Workload.of(snapshot.related("Deployment", APP))
    return Endpoint.pod(snapshot.namespace, app.pod_labels, app.pod_spec.value)


def _unsettled(snapshot: Snapshot, decision: Decision) -> str:
    """The namespace whose labels decide and are not known; empty when it is not that. Raises NotReadable where they could not be read."""
    names = sorted(doubt.subject for doubt in decision.doubts if doubt.about == "labels")
    if names and snapshot.is_live:
        snapshot.all("Namespace")
    return names[0] if names else ""


class _Wanted(NamedTuple):
    """Traffic that the policies of the Pod `own` are to allow in one direction: `ask` tells what some policies say to it."""

    own: Endpoint
    direction: Direction
    ask: Callable[[Policies], Decision]
    expected: str
    protocol: str = DEFAULT_PROTOCOL


def _reached(snapshot: Snapshot, policies: Policies, wanted: _Wanted) -> Verdict:
    """The verdict on traffic that is wanted."""
    decision = wanted.ask(policies)
    if decision.allowed:
        return passed()
    (reason,) = decision.reasons
    about = {doubt.about for doubt in decision.doubts}
    rules = " or ".join(map(str, decision.rules))
    namespace = _unsettled(snapshot, decision)
    if namespace and not snapshot.is_live:
        by_itself = f"`{net.NAMESPACE_NAME}: {namespace}`"
        return passed(f"{rules} takes in namespace `{namespace}` only where somebody labels it so; {by_itself} is there by itself.")
    if namespace:
        reason = f"there is no namespace `{namespace}` with the labels that {rules} asks for"
    elif "port" in about and not snapshot.is_live:
        return skipped(f"{reason[:1].upper()}{reason[1:]}. Add that Pod's manifest with another -f, or write the port's number.")
    elif "plugin" in about and rules:
        reason = f"only {rules} might allow it, and {_OF_NODE if _api(snapshot).host_network else _BY_PLUGIN}"
    if rules:
        return failed(_rule(snapshot, decision), expected=wanted.expected, found=reason)
    refused = _refused_port(snapshot, policies, wanted) or _refused_peer(snapshot, policies, wanted)
    if refused is not None:
        return refused
    place, why = _lacking(snapshot, policies, wanted)
    return failed(place, expected=wanted.expected, found=reason + why)


def _rule(snapshot: Snapshot, decision: Decision) -> Field:
    """The first of the rules that a decision names, in its policy."""
    policy, direction, number = decision.rules[0]
    return _named(snapshot, policy).key("spec", direction.value.lower(), number - 1)


def _named(snapshot: Snapshot, name: str) -> K8sObject:
    return next(item for item in _objects(snapshot) if item.name == name)


def _refused_port(snapshot: Snapshot, policies: Policies, wanted: _Wanted) -> Verdict | None:
    """The verdict when a policy of the Pod's own has a port of that protocol which the API server refuses: it may well be the one meant."""
    own = {policy.name for policy in policies.isolating(wanted.own, wanted.direction)}
    for item in _objects(snapshot):
        for problem in item.problems if item.name in own else ():
            if problem.rejected and problem.path[:2] == ("spec", wanted.direction.value.lower()) and "ports" in problem.path:
                port = item.key(*problem.path[: problem.path.index("ports") + 2])
                if str(protocol(port.at("protocol").value)).upper() == wanted.protocol:
                    return failed(item.key(*problem.path), expected=wanted.expected, found=problem.message.removesuffix("."))
    return None


def _refused_peer(snapshot: Snapshot, policies: Policies, wanted: _Wanted) -> Verdict | None:
    """The verdict when a rule of the Pod's own would do if it took in everyone, and has a peer which the API server refuses."""
    name = wanted.direction.value.lower()
    own = {policy.name: policy for policy in policies.isolating(wanted.own, wanted.direction)}
    for item in _objects(snapshot):
        for problem in item.problems if item.name in own else ():
            section, number, peers = (*problem.path[1:4], None, None, None)[:3]
            if not problem.rejected or (section, peers) not in ((name, "from"), (name, "to")):
                continue
            rule = {key: field.value for key, field in item.key("spec", name, number or 0).entries() if key != peers}
            open_to_all = replace(own[item.name], rules={wanted.direction: (rule,)})
            if wanted.ask(replace(policies, items=(open_to_all,))).allowed:
                return failed(item.key(*problem.path), expected=wanted.expected, found=problem.message.removesuffix("."))
    return None


def _lacking(snapshot: Snapshot, policies: Policies, wanted: _Wanted) -> tuple[Field, str]:
    """Where a rule is missing, and what more there is to say: a policy that has it and does not come to bear, else one of the Pod's own."""
    own, direction = wanted.own, wanted.direction
    for policy in policies.items:
        at_work = replace(policy, selector={}, types=frozenset(Direction))
        if wanted.ask(replace(policies, items=(at_work,))).allowed:  # so it is none of those that isolate the Pod
            spec = _named(snapshot, policy.name).at("spec")
            if matches(policy.selector, own.labels):
                return spec.at("policyTypes"), f"; `{policy.name}` would, had it `{direction.value}` among its `policyTypes`"
            return spec.at("podSelector"), f"; `{policy.name}` would, but it does not select the Pod"
    isolating = policies.isolating(own, direction)
    specific = [policy for policy in isolating if not _takes_in_all(policy)]
    for policy in sorted(specific, key=lambda policy: not policy.rules[direction]):
        return _named(snapshot, policy.name).key("spec", direction.value.lower()), ""
    everyones = isolating[0].name  # default-deny has passed, so there is one
    return _named(snapshot, everyones).at("spec.podSelector"), f"; only policies on all Pods select it, such as `{everyones}`"


def _takes_in_all(policy: Policy) -> bool:
    return isinstance(policy.selector, Mapping) and not any(policy.selector.values())


def _refused(snapshot: Snapshot, decision: Decision, expected: str) -> Verdict:
    """The verdict when traffic is not wanted and the policies say this."""
    (reason,) = decision.reasons
    if decision.allowed:
        return failed(_rule(snapshot, decision), expected=expected, found=reason)
    if decision.allowed is False:
        return passed()
    _unsettled(snapshot, decision)
    return passed(f"It is not certain: {reason}.")


@objective(
    "default-deny",
    "Nothing talks unless allowed",
    hints=(
        "A Pod that no policy selects may talk to everyone. `kubectl get networkpolicy` shows which Pods each policy selects.",
        "A policy restricts the directions in its `policyTypes`, for the Pods of its `podSelector`; its rules are what it lets through. "
        "Which selector takes in every Pod, and which list of rules lets nothing through?",
    ),
    docs=_DOCS + "#default-deny-all-ingress-and-all-egress-traffic",
    owned=owns(_KIND, "*"),
)
def default_deny(snapshot: Snapshot) -> Verdict:
    items = _objects(snapshot)
    for direction in Direction:
        faults = min((_faults(item, direction, snapshot.namespace) for item in items), key=len, default=None)
        if faults is None:
            return _none(snapshot)
        if faults:
            place, found = faults[0]
            expected = f"a policy on all Pods with `{direction.value}` among its `policyTypes` and no {direction.value.lower()} rules"
            return failed(place, expected=expected, found=f"`{place.object.name}` comes closest, with {found}")
    return passed(*(advice for item in items for advice in assumed_namespace(item)))


def _none(snapshot: Snapshot) -> Verdict:
    for item in snapshot.all(_KIND):
        return failed(item.at("apiVersion"), expected=f"`apiVersion: {net.API_VERSION}`", found=f"`{item.api_version}`")
    elsewhere = sorted({item.namespace for item in snapshot.every(_KIND)})
    found = f"policies in namespace `{'`, `'.join(elsewhere)}` only" if elsewhere else "no NetworkPolicy"
    expected = f"a NetworkPolicy in namespace `{snapshot.namespace}` that takes in all Pods and both directions, and has no rules"
    return failed(snapshot.wanted(_KIND, "default-deny"), expected=expected, found=found)


def _faults(item: K8sObject, direction: Direction, namespace: str) -> list[tuple[Field, str]]:
    """What keeps a policy from closing that direction for all Pods, and where."""
    policy = Policy.of(item.body, namespace)
    name = direction.value.lower()
    selector, types, rules = item.at("spec.podSelector"), item.at("spec.policyTypes"), item.key("spec", name)
    found = []
    if not _takes_in_all(policy):
        found.append((selector, "a selector that does not take in every Pod"))
    if direction not in policy.types:
        given = ", ".join(str(each.value) for each in types.each())
        found.append((types, f"`policyTypes: [{given}]`" if given else "no `policyTypes`, which means `Ingress`"))
    elif policy.rules[direction]:
        found.append((rules, f"{name} rules"))
    return found


@objective(
    "api-from-ingress",
    "The ingress controller reaches the API",
    hints=(
        "With everything refused, the API needs a policy of its own. `kubectl describe networkpolicy` reads its rules back in words.",
        "An ingress rule has peers under `from` and ports under `ports`. A namespace is taken in by its labels, and each carries one with "
        "its own name: `kubectl get namespaces --show-labels`. The port is the Pods', not the Service's.",
    ),
    docs=_DOCS + "#targeting-a-namespace-by-its-name",
    needs=(default_deny,),
    owned=owns(_KIND, "*", "spec.ingress"),
)
def api_from_ingress(snapshot: Snapshot) -> Verdict:
    api = _api(snapshot)
    expected = f"an ingress rule that lets Pods of namespace `{_INGRESS.namespace}` reach the API's Pods on TCP {APP_PORT}"
    wanted = _Wanted(api, Direction.INGRESS, lambda policies: net.ingress(policies, _INGRESS, api, APP_PORT), expected)
    return _reached(snapshot, _policies(snapshot), wanted)


@objective(
    "api-from-nowhere-else",
    "Nothing else does",
    hints=(
        "Rules of all policies that select a Pod add up: one that is too generous is enough. Read every `from` of the API's policies.",
        "An empty or missing `from` is everyone, and so is an empty `namespaceSelector`. Two selectors in one item of `from` must both "
        "match; as two items, with a dash each, either is enough.",
    ),
    docs=_DOCS + "#behavior-of-to-and-from-selectors",
    needs=(default_deny,),
)
def api_from_nowhere_else(snapshot: Snapshot) -> Verdict:
    policies, api = _policies(snapshot), _api(snapshot)
    expected = f"no ingress to the API on TCP {APP_PORT} from"
    advice: list[str] = []
    for source in (Endpoint.pod("default"), Endpoint.pod(snapshot.namespace)):
        verdict = _refused(snapshot, net.ingress(policies, source, api, APP_PORT), f"{expected} {source}")
        if verdict.evidence:
            return verdict
        advice += verdict.advice
    if advice:  # an `ipBlock` that takes in everyone takes in Pods, too
        outside = net.ingress(policies, Endpoint(address=_OUTSIDE), api, APP_PORT)
        if outside.allowed:
            return _refused(snapshot, outside, f"{expected} other places than the ingress controller")
    return passed(*advice[:1])


@objective(
    "dns-allowed",
    "The API can resolve names",
    hints=(
        "A Pod that may not ask the cluster's DNS finds nobody by name, and every call waits until it times out.",
        "`kubectl get service kube-dns -n kube-system` shows the ports and protocols of DNS. Ports of a rule are TCP by default.",
    ),
    docs=_DNS_DOCS,
    needs=(default_deny,),
    owned=owns(_KIND, "*", "spec.egress[].ports[protocol=UDP]", "spec.egress[].ports[protocol=udp]"),
)
def dns_allowed(snapshot: Snapshot) -> Verdict:
    api = _api(snapshot)
    expected = f"an egress rule that lets the API's Pods reach namespace `{_DNS.namespace}` on UDP 53"
    wanted = _Wanted(api, Direction.EGRESS, lambda policies: net.egress(policies, api, _DNS, 53, "UDP"), expected, "UDP")
    return _reached(snapshot, _policies(snapshot), wanted)


@objective(
    "backends-allowed",
    "The API reaches Qdrant, PostgreSQL and Redis",
    hints=(
        "A connection needs two yeses: egress at the Pod that calls, and ingress at the one called, if a policy restricts it.",
        "Qdrant listens on 6333, PostgreSQL on 5432, Redis on 6379. Qdrant runs in the same namespace, where all Pods are restricted: "
        "its Pods need a policy that lets the API in.",
    ),
    docs=_DOCS + "#the-two-sorts-of-pod-isolation",
    needs=(default_deny,),
    owned=owns(_KIND, "*", "spec.egress"),
)
def backends_allowed(snapshot: Snapshot) -> Verdict:
    policies, api = _policies(snapshot), _api(snapshot)
    pods = [(workload.pod_labels, workload.pod_spec.value) for workload in workloads(snapshot)]
    known = [Endpoint.pod(snapshot.namespace, labels, spec) for labels, spec in pods]
    qdrants = [pod for pod in known if _QDRANT.items() <= pod.labels.items()] or [Endpoint.pod(snapshot.namespace, _QDRANT)]
    tried = [_qdrant(snapshot, policies, api, qdrant) for qdrant in qdrants]
    verdicts = [next((verdict for verdict in tried if verdict.status is Status.PASSED), tried[0])]
    verdicts += [_reached(snapshot, policies, _database(api, name, port, known)) for name, port in _BACKENDS]
    unmet = sorted((verdict for verdict in verdicts if verdict.status is not Status.PASSED), key=lambda verdict: verdict.evidence is None)
    return unmet[0] if unmet else passed()


def _qdrant(snapshot: Snapshot, policies: Policies, api: Endpoint, qdrant: Endpoint) -> Verdict:
    """Whether one of Qdrant's Pods is reached: the API's policies must let it out, and Qdrant's must let it in."""
    out = _Wanted(
        api,
        Direction.EGRESS,
        lambda policies: net.egress(policies, api, qdrant, _QDRANT_PORT),
        f"an egress rule that lets the API's Pods reach `app: qdrant` on TCP {_QDRANT_PORT}",
    )
    back = _Wanted(
        qdrant,
        Direction.INGRESS,
        lambda policies: net.ingress(policies, api, qdrant, _QDRANT_PORT),
        f"an ingress rule at `app: qdrant` that lets the API's Pods in on TCP {_QDRANT_PORT}",
    )
    verdict = _reached(snapshot, policies, out)
    return _reached(snapshot, policies, back) if verdict.status is Status.PASSED else verdict


def _database(api: Endpoint, name: str, port: int, known: list[Endpoint]) -> _Wanted:
    expected = f"an egress rule that lets the API's Pods reach {name} on TCP {port}"
    return _Wanted(api, Direction.EGRESS, lambda policies: net.some_destination(policies, api, port, among=known), expected)


@objective(
    "no-open-egress",
    "The API cannot call anywhere",
    hints=(
        "Whoever takes over a Pod that may call out can send your data anywhere. Read every `to` of the policies that select the API.",
        "An egress rule without `to`, or with an empty one, is for every destination on its ports; without `ports` it is for every port. "
        "An `ipBlock` that holds all addresses is no better.",
    ),
    docs=_DOCS + "#allow-all-egress-traffic",
    needs=(default_deny,),
)
def no_open_egress(snapshot: Snapshot) -> Verdict:
    decision = net.egress(_policies(snapshot), _api(snapshot), Endpoint(address=_OUTSIDE), _OUTSIDE_PORT)
    return _refused(snapshot, decision, f"no egress to addresses outside the cluster such as {_OUTSIDE} on TCP {_OUTSIDE_PORT}")


NETWORK_OBJECTIVES = (default_deny, api_from_ingress, api_from_nowhere_else, dns_allowed, backends_allowed, no_open_egress)
