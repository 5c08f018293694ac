"""Lesson 14: programs that do not come up: one misses a setting, one is killed before it listens, one has no image."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from graders.lessons.deployment_app import container_in_words, written
from graders.lessons.troubleshooting_app import KIND, App, is_image_of, mends, well
from graders.lessons.troubleshooting_pods import newest_pods
from graders.objective import objective, owns
from graders.semantics.env import Keys, Origin, candidates, variables
from graders.semantics.images import parse_image
from graders.semantics.probes import HANDLERS, budget, deciding_probe, handler, period, requested_path, resolve_probe_port
from graders.snapshot import Field, NotReadable, Snapshot
from graders.verdict import Status, Verdict, failed, passed, pending

_QUERY, _VARIABLE = "query-api", "DATABASE_URL"
_REFERENCE = re.compile(r"\$\(([\w.-]+)\)")
_PASSWORD_BY_REFERENCE = re.compile(r"://[^:@]*:\$\(([\w.-]+)\)@")
_COURSE_SECRET, _COURSE_KEY = "rag-engine-secrets", "database-url"

_INDEXER, _PORT, _ALIVE = "indexer", 8080, "/healthz"
_START = 45  # seconds until it listens
_MOST = 3600  # seconds; a probe that waits longer watches over nothing

_GATEWAY = "gateway"
_TAGS = ("v1.3.0", "v1.4.0", "v1.4.1")


@objective(
    "crash-missing-env",
    "`query-api` starts and stays up",
    hints=(
        "A container that ends says why before it does. `kubectl logs` shows the run that is on; `--previous` the one before.",
        "Compare what the log asks for with Environment in `kubectl describe pod`, container by container, and with the keys that "
        "`kubectl describe secret` lists. What is optional and not there is left out without a word.",
    ),
    docs="https://kubernetes.io/docs/tasks/inject-data-application/distribute-credentials-secure/",
    owned=(*owns(KIND, _QUERY), *owns("Secret", "query-api-database")),
)
@mends(_QUERY)
def crash_missing_env(snapshot: Snapshot, app: App) -> Verdict:
    expected = f"`{_VARIABLE}` from a Secret"

    def keys(kind: str, name: str) -> Collection[str] | None:
        return _keys(snapshot, kind, name)

    origin = _origin(app.container.value, _VARIABLE, keys)
    if origin is None:
        return failed(app.container.at("env"), expected=expected, found=_absence(app, keys))
    place, password = app.container.key(*origin.path), _password(app.container, origin, keys)
    if origin.kind != "Secret" and password is None:
        return failed(place, expected=expected, found=_in_words(app.container, origin, keys))
    if password is None:
        return _unfilled(snapshot, place, origin) or well(app)
    advice = f"`{_VARIABLE}` is put together around a password from a Secret: keep the whole URL there."
    return _unfilled(snapshot, app.container.key(*password.path), password) or well(app, advice)


def _password(container: Field, origin: Origin, keys: Keys) -> Origin | None:
    """The key of a Secret that gives the password of a URL written around it; None when the value is no such URL."""
    around = _PASSWORD_BY_REFERENCE.search(_text_of(container, origin))
    password = _origin(_above(container, origin), around[1], keys) if around is not None else None
    return password if password is not None and password.kind == "Secret" else None


def _text_of(container: Field, origin: Origin) -> str:
    """The value that is written into the manifest; empty when it comes from elsewhere."""
    return (container.key(*origin.path, "value").text or "") if origin.kind == "value" else ""


def _above(container: Field, origin: Origin) -> dict[str, Any]:
    """The container with the variables above an entry of `env`: a reference to one below stays as it stands."""
    entries = container.at("env").value
    return {**container.mapping, "env": [entry for index, entry in enumerate(entries) if index < int(origin.path[1])]}


def _origin(container: Any, variable: str, keys: Keys) -> Origin | None:
    """Where a variable comes from. Of objects that are not at hand, a Secret has the benefit of the doubt, if nothing is certain."""
    origins = candidates(container, variable, keys)[::-1]
    certain = (origin for origin in origins if origin.there is not None or origin.path[0] == "env")
    return next(certain, None) or next((origin for origin in origins if origin.kind == "Secret"), None)


def _in_words(container: Field, origin: Origin, keys: Keys) -> str:
    if origin.kind == "ConfigMap":
        return f"ConfigMap `{origin.name}`, key `{origin.key}`"
    if origin.kind != "value":
        return f"`{origin.kind}`"
    value = _text_of(container, origin)
    undefined = next((name for name in _REFERENCE.findall(value) if _origin(_above(container, origin), name, keys) is None), None)
    if undefined is not None:
        return f"a reference to `{undefined}`, which no entry above it defines"
    return "a value written into the manifest" if value else "an empty value"


def _keys(snapshot: Snapshot, kind: str, name: str) -> Collection[str] | None:
    """The keys of an object; none when a cluster does not have it, None when it was not submitted. Raises NotReadable for Secrets."""
    try:
        item = snapshot.find(kind, name)
    except NotReadable:
        if kind == "Secret":
            raise
        return None
    if item is None:
        return () if snapshot.is_live else None
    return {key for part in ("data", "stringData") for key, _ in item.at(part).entries()}


def _absence(app: App, keys: Keys) -> str:
    for other in app.workload.all_containers():
        if other.path != app.container.path and candidates(other.value, _VARIABLE, keys):
            return f"it in {container_in_words(other)} only"
    names = sorted(variables(app.container.value, keys))
    return f"no `{_VARIABLE}`, only {', '.join(f'`{name}`' for name in names[:6])}" if names else "no variables"


def _unfilled(snapshot: Snapshot, place: Field, origin: Origin) -> Verdict | None:
    """Why the Secret gives no value; None when it does. Raises NotThere where everything depends on a Secret that was not submitted."""
    if origin.there is None and (origin.name, origin.key) == (_COURSE_SECRET, _COURSE_KEY):
        return None  # lesson 3 has seen to it
    secret = snapshot.find("Secret", origin.name) if origin.optional else snapshot.related("Secret", origin.name)
    silently = ", and being optional it is silently left out" if origin.optional else ""
    if secret is None:
        found = f"Secret `{origin.name}`, which is not {'there' if snapshot.is_live else 'among what was submitted'}{silently}"
        return failed(place, expected="a Secret that is there", found=found)
    refused = next((problem for problem in secret.problems if problem.rejected), None)
    if refused is not None:
        return Verdict(Status.FAILED, replace(refused, object=secret.ref).evidence())
    if not origin.there:
        listed = ", ".join(f"`{key}`" for key in sorted(_keys(snapshot, "Secret", origin.name) or ())) or "none"
        found = f"key `{origin.key}` of Secret `{origin.name}`, which is not there{silently}"
        return failed(place, expected=f"a key that is there: {listed}", found=found)
    facts = secret.key("stringData", origin.key)
    facts = facts if facts.present else secret.key("data", origin.key)
    if facts.at("empty").value is True:
        return failed(facts, expected="a value", found=f"key `{origin.key}` is empty")
    return None


def _has_lasted(snapshot: Snapshot, app: App) -> Verdict:
    """Whether the Pods have outlived the start. One without a startup or readiness probe is called ready from its first second."""
    if any(app.container.key(name).present for name in ("startupProbe", "readinessProbe")):
        return passed()
    name = app.container.at("name").value
    for pod in newest_pods(snapshot, app.object):
        for status in pod.at("status.containerStatuses").each():
            started = status.at("state.running.startedAt")
            seconds = _since(snapshot, started)
            if status.at("name").value == name and (seconds is None or seconds < _START):
                found = f"it runs for {seconds} s" if seconds is not None and seconds >= 0 else "it has just started"
                return pending(started, expected=f"a container that has run for the {_START} s of its start", found=found)
    return passed()


def _since(snapshot: Snapshot, place: Field) -> int | None:
    try:
        time = datetime.fromisoformat(place.text or "")
    except ValueError:
        return None
    return (snapshot.cluster_time - time) // timedelta(seconds=1) if time.tzinfo is not None else None


@objective(
    "crash-liveness",
    "`indexer` is left to finish its start",
    hints=(
        "RESTARTS in `kubectl get pods` grows although nothing in the log complains. Who ends the container? The events of "
        "`kubectl describe pod` name it.",
        "Count the seconds from the start of the container to the moment when the kubelet gives up, and compare them with what the task "
        "says about the indexer. One of the three probes exists for programs that take their time.",
    ),
    docs="https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
    owned=owns(KIND, _INDEXER),
)
@mends(_INDEXER, then=_has_lasted)
def crash_liveness(_: Snapshot, app: App) -> Verdict:
    liveness, container = app.container.at("livenessProbe"), app.container
    if not liveness.present:
        return failed(liveness, expected=f"a `livenessProbe` that asks `{_ALIVE}`", found="none: nobody notices when the indexer hangs")
    fault = _misdirected(container, liveness, ("httpGet",))
    deciding = deciding_probe(container.value)
    if fault is not None or deciding is None:
        return fault or well(app)
    probe = container.key(deciding)
    if deciding == "startupProbe":
        fault = _misdirected(container, probe, ("httpGet", "tcpSocket"))
        if fault is not None:
            return fault
    seconds, later = budget(probe.value), budget(liveness.value)
    if seconds is None or later is None:
        odd = _odd_number(probe if seconds is None else liveness)
        return failed(odd, expected="a whole number from 0 up, without quotes or a unit", found=written(odd))
    if seconds < _START:
        found = f"{seconds} s: {_sum(probe)}"
        return failed(probe, expected=f"at least {_START} s from the start to the first kill by the {deciding}", found=found)
    if max(seconds, later) > _MOST:
        slow = probe if seconds > _MOST else liveness
        return failed(slow, expected="a probe that notices within the hour", found=f"{max(seconds, later)} s: {_sum(slow)}")
    return well(app, *_tight(probe, seconds))


def _odd_number(probe: Field) -> Field:
    """The number of a probe that the API server does not take."""
    numbers = (probe.at(key) for key in ("initialDelaySeconds", "periodSeconds", "failureThreshold"))
    return next((number for number in numbers if number.present and (number.whole is None or number.whole < 0)), probe)


def _misdirected(container: Field, probe: Field, allowed: Collection[str]) -> Verdict | None:
    """Why a probe does not ask the indexer whether it is alive; None when it does."""
    name, expected = probe.path[-1], f"an `httpGet` for `{_ALIVE}` on port {_PORT}"
    asks = handler(probe.value)
    if asks is None or asks not in allowed:
        given = " and ".join(f"`{item}`" for item in HANDLERS if probe.key(item).present) or "no handler"
        return failed(probe, expected=f"a `{name}` with {expected}", found=given)
    question = probe.key(asks)
    path, port, scheme, host = (question.at(key) for key in ("path", "port", "scheme", "host"))
    if asks == "httpGet" and requested_path(path.value) != _ALIVE:
        return failed(path, expected=f"`path: {_ALIVE}`", found=written(path))
    if scheme.value not in (None, "", "HTTP"):
        return failed(scheme, expected="plain HTTP, which is the default", found=written(scheme))
    if host.value not in (None, ""):
        return failed(host, expected="no `host`: the kubelet then asks the Pod itself", found=written(host))
    if resolve_probe_port(container.value, port.value) != _PORT:
        return failed(port, expected=f"port {_PORT}, by number or by its name", found=written(port))
    return None


def _sum(probe: Field) -> str:
    delay, times = probe.at("initialDelaySeconds").whole or 0, probe.at("failureThreshold").whole or 3
    return f"initialDelaySeconds {delay} + periodSeconds {period(probe.value)} × failureThreshold {times}"


def _tight(probe: Field, seconds: int) -> tuple[str, ...]:
    """The last question may come a whole period before the sum: a kubelet asks at the start of each period, not at its end."""
    soonest = seconds - (period(probe.value) or 0)
    if soonest >= _START:
        return ()
    return (f"The last failure counts from {soonest} s on already, and the indexer needs {_START} s: leave it more room.",)


@objective(
    "image-pull",
    "`gateway` runs a version that exists",
    hints=(
        "STATUS in `kubectl get pods` names the step that fails, and the events of `kubectl describe pod` what was asked for and what the "
        "registry answered.",
        "Compare the image, letter by letter, with the versions that the task lists. Nothing else has to change.",
    ),
    docs="https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff",
    owned=owns(KIND, _GATEWAY),
)
@mends(_GATEWAY)
def image_pull(_: Snapshot, app: App) -> Verdict:
    expected = f"`{_GATEWAY}` in one of the versions that were built: {', '.join(_TAGS)}"
    for container in app.workload.all_containers():
        place, policy = container.at("image"), container.at("imagePullPolicy")
        if not is_image_of(place.value, _GATEWAY):
            continue
        image = parse_image(place.value)
        if image is None or image.digest is not None or image.tag not in _TAGS:
            return failed(place, expected=expected, found=written(place))
        if policy.value == "Never":
            return failed(policy, expected="an image that is pulled where it is missing", found=written(policy))
    return well(app)
