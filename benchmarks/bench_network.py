"""How fast network policies are evaluated, beside a loop that holds every Pod against every policy.

python -m benchmarks.bench_network [--runs 15]
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.measure import alternate, verdict
from graders.semantics.network_policies import Endpoint, Policies, decide
from graders.semantics.selectors import matches

POLICIES, PODS, PORTS = 200, 500, (8000, 6333, 5432, 6379, 53)


def policy(number: int) -> dict[str, Any]:
    """A policy for the Pods of one app: in from the next app and from the ingress controller, out to DNS and to the app before."""
    before, after = (f"app-{(number + step) % POLICIES}" for step in (-1, 1))
    controller = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
    dns = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"policy-{number}", "namespace": "rag-engine"},
        "spec": {
            "podSelector": {"matchLabels": {"app": f"app-{number}"}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"podSelector": {"matchLabels": {"app": after}}}, controller], "ports": [{"port": "http"}, {"port": 6333}]}
            ],
            "egress": [
                {"to": [dns], "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]},
                {"to": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": [before]}]}}]},
            ],
        },
    }


def pods() -> list[Endpoint]:
    """Pods of all the apps, some of them several replicas."""
    ports = [{"name": "http", "containerPort": 8000}]
    return [
        Endpoint.pod(
            "rag-engine", {"app": f"app-{number % POLICIES}", "tier": "backend"}, {"containers": [{"name": "api", "ports": ports}]}
        )
        for number in range(PODS)
    ]


def main() -> None:
    """Take the figures and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    bodies, all_pods = [policy(number) for number in range(POLICIES)], pods()
    source = Endpoint.pod("rag-engine", {"app": "app-1"})
    selectors = [body["spec"]["podSelector"] for body in bodies]

    def ours() -> int:
        policies = Policies.of(bodies)
        return sum(decide(policies, source, pod, port).allowed is True for pod in all_pods for port in PORTS)

    def told() -> int:
        policies = Policies.of(bodies)
        return sum(len(reason) for pod in all_pods for port in PORTS for reason in decide(policies, source, pod, port).reasons)

    def naive() -> int:
        """Only the first step, without an index: which policies select the two Pods, in each direction, for each port."""
        ends = ((source, pod) for pod in all_pods for _ in PORTS)
        return sum(matches(selector, end.labels) for pair in ends for end in pair for selector in selectors)

    medians = alternate({"ours": ours, "told": told}, runs)
    medians |= alternate({"naive": naive}, max(runs // 5, 3))
    what = f"{POLICIES} policies, {PODS} Pods, {len(PORTS)} ports"
    print(verdict(what, medians["ours"], 100, "ms"))
    print(verdict(f"{what} / selecting the policies of each Pod by a loop over all", medians["ours"] / medians["naive"], 0.1, "x"))
    print(f"with all reasons in words: {medians['told']:.0f} ms")


if __name__ == "__main__":
    main()
