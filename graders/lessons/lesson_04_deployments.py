"""Lesson 4: a Deployment that runs three copies of the app, locked down, probed, bounded, and up."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from graders.lessons.deployment_app import (
    DOCS,
    KIND,
    astray,
    container_in_words,
    deployment,
    deployment_exists,
    in_every_container,
    labels_in_words,
    of_app_container,
    workload,
    written,
)
from graders.lessons.deployment_environment import env_from_references
from graders.lessons.deployment_pods import graceful_shutdown, service_account, writable_paths
from graders.lessons.deployment_ports import port_named_http
from graders.lessons.deployment_probes import liveness_probe, readiness_probe
from graders.lessons.deployment_rollout import rollout_complete
from graders.lessons.deployment_security import container_locked_down, runs_as_non_root
from graders.objective import Lesson, objective, owns
from graders.semantics.disruption import surely_within
from graders.semantics.hpa import minimum, scales_deployment
from graders.semantics.images import parse_image
from graders.semantics.quantities import parse_quantity
from graders.semantics.selectors import matches
from graders.snapshot import Field, NotReadable, Snapshot
from graders.verdict import Verdict, failed, passed
from graders.workloads import APP

_COPIES = 3
_APP_LABEL = {"app": APP}
_LEAST = {"cpu": "100m", "memory": "128Mi"}

_IMAGE_DOCS = "https://kubernetes.io/docs/concepts/containers/images/"
_RESOURCE_DOCS = "https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"


@objective(
    "replicas",
    "Three replicas are wanted",
    hints=(
        "READY in `kubectl get deployment` shows how many Pods there are and how many are wanted. A count left out is 1.",
        "A whole number right under the Deployment's `spec`. It may be left to an HPA, whose lower bound then decides.",
    ),
    docs=DOCS + "#replicas",
    needs=(deployment_exists,),
    owned=owns(KIND, APP, "spec.replicas", "spec.template.replicas", "spec.template.spec.replicas", "replicas", "metadata.replicas"),
)
def replicas(snapshot: Snapshot) -> Verdict:
    count = deployment(snapshot).at("spec.replicas")
    expected = f"`replicas: {_COPIES}` or more"
    if count.whole is not None and count.whole >= _COPIES:
        return passed(*_smaller_at_times(snapshot))
    # An API server fills in 1, so on a cluster 1 stands for "left out" as well: an HPA is about to lift it to its own minimum.
    if count.present and not (snapshot.is_live and count.whole == 1):
        return failed(count, expected=expected, found=written(count))
    scalers = list(_scalers(snapshot))
    found = written(count) if count.present else "no `replicas`, which means 1"
    if not scalers:
        return failed(count, expected=expected, found=found)
    name, fewest = min(scalers, key=lambda scaler: scaler[1])
    if fewest >= _COPIES:
        return passed()
    return failed(count, expected=expected, found=f"{found}, and the HPA `{name}` on it keeps no more than {fewest}")


def _scalers(snapshot: Snapshot) -> Iterator[tuple[str, int]]:
    """Name and minimum of each HPA on the Deployment that the API server takes."""
    for item in snapshot.all("HorizontalPodAutoscaler"):
        fewest = minimum(item.at("spec").value)
        refused = any(problem.rejected for problem in item.problems)
        served = item.api_version in ("autoscaling/v2", "autoscaling/v1") and not refused
        if served and fewest is not None and scales_deployment(item.at("spec").value, APP):
            yield item.name, fewest


def _smaller_at_times(snapshot: Snapshot) -> Iterator[str]:
    try:
        for name, fewest in _scalers(snapshot):
            if fewest < _COPIES:
                yield f"The HPA `{name}` on it may shrink it to {fewest}: it wins over `replicas`. Give it a minimum of {_COPIES}."
    except NotReadable:  # what the Deployment wants is readable, and decides
        return


@objective(
    "selector-matches-template",
    "The selector matches the Pods' labels",
    hints=(
        "A Deployment finds its Pods by their labels. `kubectl get deployment -o wide` shows its selector, and "
        "`kubectl get pods --show-labels` what the Pods carry.",
        "Two places: `spec.selector` and `spec.template.metadata.labels`. The first has to hold for the second; both name the app.",
    ),
    docs=DOCS + "#selector",
    needs=(deployment_exists,),
    owned=owns(KIND, APP, "spec.selector", "spec.template.metadata.labels"),
)
def selector_matches_template(snapshot: Snapshot) -> Verdict:
    item = deployment(snapshot)
    selector, labels = item.at("spec.selector"), workload(snapshot).pod_labels
    wanted = labels_in_words(_APP_LABEL)
    if labels.get("app") != APP:
        place = item.at("spec.template.metadata.labels")
        return failed(place, expected=f"Pods labelled {wanted}", found=labels_in_words(labels))
    if not surely_within(selector.value, {"matchLabels": _APP_LABEL}):
        return failed(selector, expected=f"a selector that asks for {wanted}", found=_selector_in_words(selector))
    if not matches(selector.value, labels):
        found = f"{_selector_in_words(selector)}, while the Pods carry {labels_in_words(labels)}"
        return failed(selector, expected="a selector that matches the labels of the Pod template", found=found)
    return passed()


def _selector_in_words(selector: Field) -> str:
    if not selector.present:
        return "no selector"
    parts = [f"`{key}: {field.value}`" for key, field in selector.at("matchLabels").entries()]
    for item in selector.at("matchExpressions").each():
        values = ", ".join(str(value.value) for value in item.at("values").each())
        parts.append(f"`{item.at('key').value} {item.at('operator').value}{f' ({values})' if values else ''}`")
    stray = [f"`{key}: {field.value}` outside of `matchLabels`" for key, field in selector.entries() if not key.startswith("match")]
    return ", ".join(parts + stray) or "an empty selector"


@objective(
    "image-pinned",
    "The image has a fixed version",
    hints=(
        "`kubectl get deployment -o wide` shows the image. What stands behind its last colon, after the last slash, is its tag.",
        "The tag `latest`, or none at all, is whatever was pushed last: two Pods of one Deployment may run different code.",
    ),
    docs=_IMAGE_DOCS + "#image-names",
    needs=(deployment_exists,),
    owned=owns(KIND, APP, *in_every_container("image", "imagePullPolicy"), *astray("imagePullSecrets", "imagePullPolicy")),
)
@of_app_container
def image_pinned(snapshot: Snapshot, container: Field) -> Verdict:
    image = container.at("image")
    if not image.present:
        return failed(image, expected="an image with a fixed tag or a digest", found="no `image`")
    parsed = parse_image(image.value)
    if parsed is None:
        return failed(image, expected="a valid image reference, such as `registry/name:v1.0.0`", found=_invalid(image))
    if parsed.latest:
        why = "no tag, which means `latest`" if parsed.tag is None else "the tag `latest`"
        return failed(image, expected="a fixed tag or a digest", found=f"{why}: `{image.value}`")
    advice = []
    if parsed.moving:
        advice.append(f"The tag `{parsed.tag}` is moved from build to build by custom: pin a version or a digest.")
    for other in workload(snapshot).all_containers():
        place = other.at("image")
        beside = parse_image(place.value)
        if beside is None:
            return failed(place, expected="a valid image reference for every container", found=_invalid(place))
        if other.path != container.path and beside.latest:
            advice.append(f"{container_in_words(other).capitalize()} runs `{place.value}`, whatever that is today: pin it as well.")
    return passed(*advice)


def _invalid(image: Field) -> str:
    return f"`{image.value}`, which no container runtime can read" if image.present else "no `image`"


@objective(
    "resources-set",
    "CPU and memory are requested and limited",
    hints=(
        "`kubectl describe deployment` shows Limits and Requests of each container. The scheduler goes by requests, the node by limits.",
        "Under `resources` of the container: two maps, each with cpu and memory. Mind the units: `m` is a thousandth, `Mi` 1024 × 1024.",
    ),
    docs=_RESOURCE_DOCS,
    needs=(deployment_exists,),
    owned=owns(KIND, APP, *in_every_container("resources"), *astray("resources")),
)
@of_app_container
def resources_set(_: Snapshot, container: Field) -> Verdict:
    resources = container.at("resources")
    for name, least in _LEAST.items():
        limit_at, request_at = resources.key("limits", name), resources.key("requests", name)
        limit, request = _amount(limit_at), _amount(request_at)
        if request is None and not _stated(request_at):
            request_at, request = limit_at, limit  # the API server copies it
        for kind, place, amount in (("limit", limit_at, limit), ("request", request_at, request)):
            if amount is None:
                found = f"`{place.value}`, which is no quantity" if place.present else f"no {kind} for {name}"
                return failed(place, expected=f"a {kind} for {name}", found=found)
        assert limit is not None
        assert request is not None
        if request > limit:
            found = f"`{_as_written(request_at)}`, more than its limit of `{_as_written(limit_at)}`"
            return failed(request_at, expected="a request no larger than the limit", found=found)
        if request < (parse_quantity(least) or 0):
            what = "limit, and so a request," if request_at is limit_at else "request"
            bytes_ = f", which is {request.normalize():f} bytes" if name == "memory" else ""
            found = f"a {what} of `{_as_written(request_at)}`{bytes_}"
            return failed(request_at, expected=f"at least `{least}` of {name}", found=found)
    return passed()


def _stated(field: Field) -> bool:
    """Whether its key is there: the API server reads a null quantity in a map as 0, not as left out."""
    *above, key = field.path
    return key in field.object.root.key(*above).mapping


def _amount(field: Field) -> Decimal | None:
    return Decimal(0) if field.value is None and _stated(field) else parse_quantity(field.value)


def _as_written(field: Field) -> str:
    return "0" if field.value is None else str(field.value)


LESSON = Lesson(
    "lesson-4",
    "Deployments",
    reads=("Deployment", "HorizontalPodAutoscaler", "ServiceAccount", "ConfigMap", "Secret"),
    live_reads=("ReplicaSet", "Pod", "Event"),
    objectives=(
        deployment_exists,
        replicas,
        selector_matches_template,
        image_pinned,
        port_named_http,
        env_from_references,
        resources_set,
        liveness_probe,
        readiness_probe,
        runs_as_non_root,
        container_locked_down,
        writable_paths,
        service_account,
        graceful_shutdown,
        rollout_complete,
    ),
)
