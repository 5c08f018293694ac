"""When the course keeps its hands off a cluster or a namespace: pure rules, each with the way on."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graders.errors import GradingError, UsageError

MANAGED_BY = "app.kubernetes.io/managed-by"
COURSE = "kubernetes-course"
EXERCISE = "kubernetes-course/exercise"
SEED = "kubernetes-course/seed"

_PRODUCTION = frozenset({"prod", "production", "live", "prd"})
_WORD = re.compile(r"[a-z]+|[0-9]+")
# How the servers, or the contexts that their command lines write, of managed clusters are called.
_MANAGED = {
    "EKS": (re.compile(r"\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$|\.eks\.amazonaws\.com$"), re.compile(r"^arn:aws[a-z-]*:eks:")),
    "GKE": (re.compile(r"\.gke\.goog$"), re.compile(r"^gke_")),
    "AKS": (re.compile(r"\.azmk8s\.(io|us)$|\.azk8s\.cn$"), None),
}
_NODES = 10
_NODES_SETTING = "COURSE_MAX_NODES"


class Refused(GradingError):
    """The course does not do this by itself; `help` says how to insist."""

    exit_code = 2


def is_ours(body: Mapping[str, Any]) -> bool:
    """Whether the course made an object."""
    return (body.get("metadata", {}).get("labels") or {}).get(MANAGED_BY) == COURSE


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of a cluster before anything is changed. `nodes` is None where they may not be counted."""

    context: str | None
    host: str
    nodes: int | None


def most_nodes() -> int:
    """The size up to which a cluster counts as one to practise on: COURSE_MAX_NODES, else 10. Raises UsageError."""
    text = os.environ.get(_NODES_SETTING, "").strip() or str(_NODES)
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{_NODES_SETTING} is `{text}`, which is no whole number.", help=f"Leave it unset for {_NODES}.")
    return int(text)


def looks_like_production(there: Surroundings, limit: int) -> str:
    """Why a cluster may be one that others rely on, in a sentence; empty when it does not look so."""
    context = (there.context or "").lower()
    words = _PRODUCTION & set(_WORD.findall(context))
    if words:
        return f"The name of context `{there.context}` says `{min(words)}`."
    host = there.host.lower().rpartition(":")[0] or there.host.lower()
    for cloud, (server, name) in _MANAGED.items():
        if server.search(host) or (name is not None and name.search(context)):
            return f"Context `{there.context}` is a managed cluster ({cloud}), at {there.host}."
    if there.nodes is not None and there.nodes > limit:
        return f"The cluster of context `{there.context}` has {there.nodes} nodes, more than {limit}."
    return ""


def check_cluster(there: Surroundings, *, named: bool, limit: int) -> None:
    """Raises Refused for a cluster that looks like production, unless the learner has named its context."""
    why = "" if named else looks_like_production(there, limit)
    if why:
        context = there.context or "NAME"
        raise Refused(
            f"{why} The course does not change such a cluster unless you name it.",
            help=f"If it is yours to practise on, add --context {context}. Else choose another: kubectl config get-contexts",
        )


def check_namespace(namespace: str, body: Mapping[str, Any] | None, *, named: bool, command: str) -> None:
    """Raises Refused for a namespace that the course did not make and the learner has not named, or that is going away.

    `body` is the Namespace as served, None when there is none; `command` is what the learner typed.
    """
    if body is None:
        return
    if (body.get("status") or {}).get("phase") == "Terminating":
        raise Refused(
            f"Namespace {namespace} is being deleted; nothing can be made in it until it is gone.",
            help=f"Wait for it with: kubectl wait --for=delete namespace/{namespace} --timeout=120s",
        )
    if not named and not is_ours(body):
        raise Refused(
            f"Namespace {namespace} exists, and the course did not make it.",
            help=f"If it is yours, as after lesson 1, name it: {command} -n {namespace}. Or use another one: -n NAME",
        )
