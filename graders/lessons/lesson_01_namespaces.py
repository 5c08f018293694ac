"""Lesson 1: a namespace of one's own, labelled, and kubectl pointed at it."""

from __future__ import annotations

from collections.abc import Mapping

from graders.lessons.existence import exists
from graders.objective import Lesson, objective, owns
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Verdict, blocked, failed, passed, unknown

_DOCS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/"
_BY_ITSELF = "kubernetes.io/metadata.name"  # a label that every namespace of a cluster carries
_LABEL_DOCS = "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"


@objective(
    "namespace-exists",
    "Namespace {namespace} exists",
    hints=(
        "`kubectl get namespaces` lists what the cluster has. A Namespace needs no spec: a kind, and a name under metadata.",
        "Put `apiVersion: v1`, `kind: Namespace` and `metadata.name` into namespace.yaml, then `kubectl apply -f namespace.yaml`.",
    ),
    docs=_DOCS,
    owned=owns("Namespace", "*"),
)
def namespace_exists(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, "Namespace", snapshot.namespace)
    namespace = snapshot.find("Namespace", snapshot.namespace)
    if namespace is None or not snapshot.is_live:
        return verdict
    phase = namespace.at("status.phase")
    # The API server gives every namespace a phase; deletion ends in the namespace's absence, so waiting does not help.
    if phase.value != "Terminating" and not namespace.at("metadata.deletionTimestamp").present:
        return verdict
    found = f"`Terminating`: it is being deleted{_what_holds(namespace)}. Create it again when it is gone"
    return failed(phase, expected="phase `Active`", found=found, command=f"kubectl describe namespace {namespace.name}")


def _what_holds(namespace: K8sObject) -> str:
    """What keeps the deletion from coming to its end, as the namespace controller says it; empty when it says nothing."""
    for condition in namespace.at("status.conditions").each():
        message = condition.at("message").text
        if condition.at("status").value == "True" and message:
            return f", held up ({message.rstrip('.')})"
    return ""


def _label(snapshot: Snapshot, key: str, wanted: str) -> Verdict:
    namespace = snapshot.own("Namespace", snapshot.namespace)
    label = namespace.key("metadata", "labels", key)
    if label.value == wanted:
        return passed()
    labels = namespace.at("metadata.labels")
    if labels.present and not isinstance(labels.value, Mapping):
        if key != "environment":  # one fault, told once
            return blocked("environment-label")
        found = "a list" if isinstance(labels.value, tuple) else "no map"
        return failed(labels, expected=f"a map with `{key}: {wanted}`", found=found)
    if label.present:
        return failed(label, expected=f"`{key}: {wanted}`", found=f"`{key}: {_shown(label)}`")
    if namespace.key("metadata", "annotations", key).present:
        found = f"an annotation `{key}`, which is no label"
        return failed(namespace.key("metadata", "annotations", key), expected=f"a label `{key}: {wanted}`", found=found)
    others = ", ".join(f"`{name}: {value}`" for name, value in sorted(namespace.labels.items()) if name != _BY_ITSELF)
    return failed(label, expected=f"`{key}: {wanted}`", found=f"no label `{key}`" + (f", only {others}" if others else ""))


def _shown(label: Field) -> str:
    if isinstance(label.value, Mapping | tuple):
        return "{…}" if label.mapping or label.value == {} else "[…]"
    if label.text is None:
        return str(label.value).lower()
    return label.text if label.text.strip() == label.text and label.text else f'"{label.text}"'


@objective(
    "environment-label",
    "It is labelled `environment: production`",
    hints=(
        "Labels are a map under `metadata`, beside the name. `kubectl get namespace {namespace} --show-labels` shows them.",
        "Under `metadata.labels`, key `environment`. Key and value are compared letter by letter, so case counts.",
    ),
    docs=_LABEL_DOCS,
    needs=(namespace_exists,),
    owned=owns("Namespace", "*", "metadata.labels", "metadata.labels.environment"),
)
def environment_label(snapshot: Snapshot) -> Verdict:
    return _label(snapshot, "environment", "production")


@objective(
    "app-label",
    "It is labelled `app: rag-engine`",
    hints=(
        "A second entry in the same map of labels. An annotation of that name is something else: nothing selects by it.",
        "Under `metadata.labels`, key `app`; on a running namespace `kubectl label namespace` adds it.",
    ),
    docs=_LABEL_DOCS,
    needs=(namespace_exists,),
    owned=owns("Namespace", "*", "metadata.labels.app"),
)
def app_label(snapshot: Snapshot) -> Verdict:
    return _label(snapshot, "app", "rag-engine")


@objective(
    "context-namespace",
    "kubectl works in {namespace} by default",
    hints=(
        "The default namespace is a property of your kubeconfig context, not of the cluster: `kubectl config view --minify` shows it.",
        "`kubectl config set-context --current` takes a `--namespace`.",
    ),
    docs="https://kubernetes.io/docs/tasks/access-application-cluster/configure-access-multiple-clusters/",
    live=True,
)
def context_namespace(snapshot: Snapshot) -> Verdict:
    if snapshot.context_namespace is None:
        return unknown("There is no kubeconfig context to look at here. On your own machine, see: kubectl config view --minify")
    if snapshot.context_namespace == snapshot.namespace:
        return passed()
    return failed(
        snapshot.wanted("Context", snapshot.source.context or "current"),
        expected=f"namespace `{snapshot.namespace}`",
        found=f"namespace `{snapshot.context_namespace}`",
        command="kubectl config view --minify",
    )


LESSON = Lesson(
    "lesson-1",
    "Namespaces",
    reads=("Namespace",),
    objectives=(namespace_exists, environment_label, app_label, context_namespace),
)
