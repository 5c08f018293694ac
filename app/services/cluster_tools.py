"""Clusters to practise on that other tools make in containers: the commands of kind, k3d and minikube. Pure.

Each makes a cluster of the course's own name with three nodes, and is never asked for any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

NAME = "kubernetes-course"
TOOLS = ("kind", "k3d", "minikube")

KIND_NODES = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
  - role: worker
  - role: worker
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A command to run. `standard_input` is given to it; `kubeconfig` goes into its KUBECONFIG; `variables` go into its environment.

    `writes` takes its output when set.
    """

    argv: tuple[str, ...]
    standard_input: str = ""
    kubeconfig: Path | None = None
    writes: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: a file for the kubeconfig, None for their own; a release of Kubernetes as `1.36.3`; seconds to wait."""

    kubeconfig: Path | None
    kubernetes: str | None
    wait: int


def create(tool: str, wish: Wish) -> tuple[Call, ...]:
    """Make the cluster."""
    release = f"v{wish.kubernetes.removeprefix('v')}" if wish.kubernetes else ""
    file = wish.kubeconfig
    if tool == "kind":
        image = ("--image", f"kindest/node:{release}") if release else ()
        where = ("--kubeconfig", str(file)) if file else ()
        return (
            Call(("kind", "create", "cluster", "--name", NAME, "--config", "-", "--wait", f"{wish.wait}s", *image, *where), KIND_NODES),
        )
    if tool == "k3d":
        image = ("--image", f"rancher/k3s:{release}-k3s1") if release else ()
        mine = "false" if file else "true"
        make = ("k3d", "cluster", "create", NAME, "--servers", "1", "--agents", "2", "--wait", "--timeout", f"{wish.wait}s", *image)
        made = Call((*make, f"--kubeconfig-update-default={mine}", f"--kubeconfig-switch-context={mine}"))
        return (made, *kubeconfig(tool, file)) if file else (made,)
    version = ("--kubernetes-version", release) if release else ()
    start = ("minikube", "start", "-p", NAME, "--nodes", "3", "--driver", "docker", "--wait", "all", "--wait-timeout", f"{wish.wait}s")
    return (Call((*start, *version), kubeconfig=file),)


def kubeconfig(tool: str, file: Path) -> tuple[Call, ...]:
    """Write the kubeconfig of a cluster that is there."""
    if tool == "kind":
        return (Call(("kind", "export", "kubeconfig", "--name", NAME, "--kubeconfig", str(file))),)
    if tool == "k3d":
        return (Call(("k3d", "kubeconfig", "get", NAME), writes=file),)
    return (Call(("minikube", "update-context", "-p", NAME), kubeconfig=file),)


def delete(tool: str, file: Path | None) -> tuple[Call, ...]:
    """Delete the course's cluster, and no other."""
    if tool == "kind":
        where = ("--kubeconfig", str(file)) if file else ()
        return (Call(("kind", "delete", "cluster", "--name", NAME, *where)),)
    if tool == "k3d":
        return (Call(("k3d", "cluster", "delete", NAME)),)
    return (Call(("minikube", "delete", "-p", NAME), kubeconfig=file),)


def listing(tool: str) -> Call:
    """Ask which clusters there are."""
    if tool == "kind":
        return Call(("kind", "get", "clusters"))
    if tool == "k3d":
        return Call(("k3d", "cluster", "list", "--no-headers"))
    return Call(("minikube", "profile", "list", "--output", "json", "--light"))


def names_ours(tool: str, output: str) -> bool:
    """Whether what `listing` printed names the course's cluster."""
    if tool == "minikube":
        import json

        try:
            profiles = json.loads(output).get("valid") or ()
            return any(profile.get("Name") == NAME for profile in profiles)
        except (ValueError, AttributeError, TypeError):
            return False
    return any(line.split()[:1] == [NAME] for line in output.splitlines())


def load_image(tool: str, image: str) -> Call:
    """Put an image of this machine's container engine onto the nodes."""
    if tool == "kind":
        return Call(("kind", "load", "docker-image", image, "--name", NAME))
    if tool == "k3d":
        return Call(("k3d", "image", "import", image, "--cluster", NAME))
    return Call(("minikube", "image", "load", image, "-p", NAME))
