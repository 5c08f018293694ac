"""What all objectives of lesson 4 start from: the Deployment itself, its Pods and the container that serves the app."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from graders.lessons.existence import exists
from graders.objective import objective, owns
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Status, Verdict, blocked, pending
from graders.workloads import APP, Workload

KIND = "Deployment"
_NO_TEXT = re.compile(r"[-+]?[0-9._]+(?:[eE][-+]?[0-9]+)?|0[xob][0-9a-fA-F]+|true|false|null|~", re.IGNORECASE)

DOCS = "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/"


@objective(
    "deployment-exists",
    "Deployment `rag-engine-api` exists",
    hints=(
        "`kubectl get deployments` lists those of your namespace; `kubectl api-resources --api-group=apps` shows where the kind is served.",
        "In deployment.yaml: the stable version of the apps group, the kind, and the name under metadata, letter by letter.",
    ),
    docs=DOCS,
    owned=owns(KIND, APP),
)
def deployment_exists(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, KIND, APP)
    found = snapshot.find(KIND, APP)
    if found is None or verdict.status is not Status.PASSED or not snapshot.is_live:
        return verdict
    leaving = found.at("metadata.deletionTimestamp")
    if leaving.present:
        return pending(leaving, expected="a Deployment that stays", found="it is being deleted; create it again when it is gone")
    return verdict


def deployment(snapshot: Snapshot) -> K8sObject:
    """The Deployment. Raises LookupError unless `deployment_exists` has passed."""
    return snapshot.own(KIND, APP)


def workload(snapshot: Snapshot) -> Workload:
    """The Deployment as a maker of Pods. Raises LookupError unless `deployment_exists` has passed."""
    return Workload.of(deployment(snapshot))


def in_every_container(*fields: str) -> tuple[str, ...]:
    """The paths of these fields in regular and init containers, for `owns`."""
    return tuple(f"spec.template.spec.{listed}[].{field}" for field in fields for listed in ("containers", "initContainers"))


def astray(*fields: str) -> tuple[str, ...]:
    """The paths where a field of the Pod spec or of a container ends up by a wrong indentation, for `owns`."""
    return tuple(f"{place}.{field}" for field in fields for place in ("spec", "spec.template", "spec.template.spec"))


def of_app_container(check: Callable[[Snapshot, Field], Verdict]) -> Callable[[Snapshot], Verdict]:
    """A check of the container that serves the app. While it cannot be told which one that is, only `port-named-http` says so."""

    def judge(snapshot: Snapshot) -> Verdict:
        container = workload(snapshot).app_container()
        return check(snapshot, container) if container is not None else blocked("port-named-http")

    return judge


def written(field: Field) -> str:
    """The field as it stands, so that a string is told from a number: `port: 8000`."""
    name, value = field.path[-1], field.value
    if isinstance(value, str):
        return f'`{name}: "{value}"`' if _unlike_text(value) else f"`{name}: {value}`"
    if isinstance(value, bool):
        return f"`{name}: {str(value).lower()}`"
    if isinstance(value, Mapping | tuple):
        return f"a {'map' if isinstance(value, Mapping) else 'list'} under `{name}`"
    return f"`{name}: {value}`" if field.present else f"no `{name}`"


def _unlike_text(value: str) -> bool:
    """Whether a reader would take it for something else than text if it stood without quotes."""
    return not value or value != value.strip() or _NO_TEXT.fullmatch(value) is not None


def labels_in_words(labels: Mapping[str, str]) -> str:
    """Labels for evidence: "`app: web`, `tier: front`", or that there are none."""
    return ", ".join(f"`{key}: {value}`" for key, value in sorted(labels.items())) or "no labels"


def container_in_words(container: Field) -> str:
    """The container by its name, else by its place."""
    name = container.at("name").text
    return f"container `{name}`" if name else f"the container at `{container}`"
