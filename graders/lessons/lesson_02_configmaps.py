"""Lesson 2: settings in a ConfigMap, right and free of credentials, and a Pod that reads them both ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from difflib import get_close_matches

from graders.lessons.consumers import Mount, accepted, mounts, nobody, sources
from graders.lessons.existence import exists
from graders.objective import Lesson, objective, owns
from graders.semantics.credentials import NAMED, decode_base64, find, find_binary, is_named, mask
from graders.semantics.env import Keys, Origin, candidates, env_from, variables
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Verdict, blocked, failed, passed
from graders.workloads import WORKLOAD_KINDS, Workload, workloads

_KIND = "ConfigMap"
_NAME = "rag-engine-config"
_FOLDER = "/app/config"
_HOST_KEY = "QDRANT_HOST"
_SETTINGS = frozenset(
    (
        *("ENVIRONMENT", "LOG_LEVEL", _HOST_KEY, "QDRANT_PORT", "DATABASE_POOL_SIZE", "CACHE_TTL"),
        *("ENABLE_HYBRID_SEARCH", "ENABLE_RERANKING"),
    )
)

_DOCS = "https://kubernetes.io/docs/concepts/configuration/configmap/"
_POD_DOCS = "https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/"

_LEVELS = ("debug", "info", "warning", "error")
_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"


def _config(snapshot: Snapshot) -> K8sObject:
    return snapshot.own(_KIND, _NAME)


@objective(
    "configmap-exists",
    "ConfigMap `rag-engine-config` exists",
    hints=(
        "`kubectl get configmaps` lists them. A ConfigMap has no spec: its entries stand under `data`, beside `metadata`.",
        "In config.yaml: the core API, kind ConfigMap, the name and the namespace under metadata, then `data`.",
    ),
    docs=_DOCS,
    owned=owns(_KIND, _NAME),
)
def configmap_exists(snapshot: Snapshot) -> Verdict:
    return exists(snapshot, _KIND, _NAME)


def _text(setting: Field) -> str:
    """The text that a setting stands for, also when the quotes around it are missing; those are for `values-are-strings` to ask for."""
    value = setting.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _shown(text: str) -> str:
    """A value for evidence: whole, with its line breaks and spaces visible, and without credentials."""
    shown = str(mask("", text)).replace("\n", "\\n").replace("\t", "\\t")
    return f"`{shown[:60]}{'…' if len(shown) > 60 else ''}`"


def _judge(snapshot: Snapshot, *settings: tuple[str, str, Callable[[str], str | None]]) -> Verdict:
    """Each setting: its key, what is expected of it, and a function that gives a remark for a wrong text, None for a right one."""
    data = _config(snapshot).at("data")
    if data.present and not data.mapping and data.value != {}:
        return blocked("values-are-strings")
    for key, expected, remark_on in settings:
        setting = data.key(key)
        if setting.path[-1] not in data.mapping:
            return failed(setting, expected=f"`{key}`: {expected}", found=_absence(data, key))
        if setting.present and _nested(setting):
            return blocked("values-are-strings")
        text = _text(setting)
        remark = remark_on(text)
        if remark is not None:
            return failed(setting, expected=expected, found="nothing" if text == "" else _shown(text) + (f": {remark}" if remark else ""))
    return passed()


def _absence(data: Field, key: str) -> str:
    if key in data.object.at("binaryData").mapping:
        return f"`{key}` under `binaryData` only, which gives no variables"
    if data.object.key(key).present:
        return f"`{key}` beside `data` instead of under it"
    if not data.mapping:
        return "no `data`"
    others = [str(name) for name in data.mapping if name not in _SETTINGS]
    alike = [name for name in others if name.upper().replace("-", "_").strip() == key] or get_close_matches(key, others, n=1, cutoff=0.75)
    return f"no `{key}`" + (f", but `{alike[0]}`" if alike else "")


def _exactly(wanted: str) -> Callable[[str], str | None]:
    return lambda text: None if text == wanted else _slip(text, (wanted,))


def _slip(text: str, wanted: Collection[str]) -> str:
    """What is odd about a text that is not one of `wanted`; empty when it is simply another one."""
    if text.strip("\r\n") in wanted:
        return "it ends in a line break, which a block scalar `|` keeps and `|-` does not"
    if text.strip() in wanted:
        return "mind the white space around it"
    if text.strip("\"' ") in wanted:
        return "the quotes are part of the value"
    if text.lower() in wanted:
        return "case counts"
    return ""


def _level(text: str) -> str | None:
    if text.lower() in _LEVELS:
        return None
    return "write `warning`" if text.lower() == "warn" else _slip(text.lower(), _LEVELS)


@objective(
    "app-settings",
    "It sets `ENVIRONMENT` and `LOG_LEVEL`",
    hints=(
        "`kubectl describe configmap rag-engine-config` shows each key with its value. Both keys are upper case.",
        "The environment is the one that the namespace's label names, letter by letter. Log levels are the usual four, as words.",
    ),
    docs=_DOCS,
    needs=(configmap_exists,),
)
def app_settings(snapshot: Snapshot) -> Verdict:
    return _judge(
        snapshot,
        ("ENVIRONMENT", "`production`", _exactly("production")),
        ("LOG_LEVEL", "`debug`, `info`, `warning` or `error`", _level),
    )


@objective(
    "service-endpoints",
    "It points at Qdrant by its cluster DNS name",
    hints=(
        "A Service is found under its name, its namespace, `svc` and the cluster's domain, joined by dots; later parts may be left out.",
        "`QDRANT_HOST` names the Service `qdrant` in namespace {namespace}: no scheme, no port. The port has a key of its own.",
    ),
    docs="https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/",
    needs=(configmap_exists,),
)
def service_endpoints(snapshot: Snapshot) -> Verdict:
    namespace = snapshot.namespace
    # With a dot at its end a name is complete, so only the whole one may have it.
    name = re.compile(rf"qdrant(?:\.{re.escape(namespace)}(?:\.svc(?:\.{_LABEL}(?:\.{_LABEL})*\.?)?)?)?")

    def host(text: str) -> str | None:
        lowered = text.lower()
        if name.fullmatch(lowered):
            return None
        if "://" in text:
            return "a host name has no scheme"
        if re.fullmatch(r".*:[0-9]+", text):
            return "the port goes into `QDRANT_PORT`"
        if lowered in ("localhost", "127.0.0.1", "::1"):
            return "that is the Pod itself"
        return _slip(lowered, (f"qdrant.{namespace}.svc.cluster.local", "qdrant")) if lowered != lowered.strip() else ""

    return _judge(
        snapshot,
        (_HOST_KEY, f"`qdrant.{namespace}.svc.cluster.local` or shorter", host),
        ("QDRANT_PORT", "`6333`", _exactly("6333")),
    )


def _above_zero(text: str) -> str | None:
    if re.fullmatch(r"[0-9]+", text):
        return None if text.strip("0") else "above 0 is asked for"
    return "digits only, no sign, unit or fraction"


@objective(
    "performance-settings",
    "Pool size and cache lifetime are positive numbers",
    hints=(
        "`DATABASE_POOL_SIZE` counts connections, `CACHE_TTL` seconds. The app reads both as whole numbers, so a unit confuses it.",
        "Write digits only, and quote them: every value of a ConfigMap is a string.",
    ),
    docs=_DOCS,
    needs=(configmap_exists,),
)
def performance_settings(snapshot: Snapshot) -> Verdict:
    expected = "a whole number above 0"
    return _judge(snapshot, ("DATABASE_POOL_SIZE", expected, _above_zero), ("CACHE_TTL", expected, _above_zero))


@objective(
    "feature-flags",
    "Hybrid search and re-ranking are on",
    hints=(
        "Two keys start with `ENABLE_`. The app compares their values with one word, letter by letter.",
        '`"true"`, in lower case and in quotes: without them YAML reads a boolean, and a ConfigMap holds strings.',
    ),
    docs=_DOCS,
    needs=(configmap_exists,),
)
def feature_flags(snapshot: Snapshot) -> Verdict:
    flag = ("`true`", _exactly("true"))
    return _judge(snapshot, ("ENABLE_HYBRID_SEARCH", *flag), ("ENABLE_RERANKING", *flag))


@objective(
    "values-are-strings",
    "Every value is a string",
    hints=(
        "YAML reads 20 as a number and true as a boolean. The API server takes neither as the value of a ConfigMap.",
        "Put quotes around every value that could be read as a number, a boolean or a date.",
    ),
    docs=_DOCS,
    needs=(configmap_exists,),
    owned=owns(_KIND, _NAME, "data", "binaryData"),
)
def values_are_strings(snapshot: Snapshot) -> Verdict:
    config = _config(snapshot)
    empty = []
    for part in ("data", "binaryData"):
        entries = config.at(part)
        if entries.present and not entries.mapping and entries.value != {}:
            return failed(entries, expected="a map of keys and strings", found=_what(entries))
        for key, entry in entries.entries():
            if not entry.present:
                empty.append(key)
            elif entry.text is None:
                return failed(entry, expected="a string: quote it" if not _nested(entry) else "a string", found=_what(entry))
            elif part == "binaryData" and decode_base64(entry.text) is None:
                return failed(entry, expected="base64", found=f"`{key}` does not decode")
    twice = sorted(config.at("data").mapping.keys() & config.at("binaryData").mapping.keys())
    if twice:
        return failed(config.at("binaryData").key(twice[0]), expected="each key once", found=f"`{twice[0]}` under `data` as well")
    if empty:
        return passed(f'`{"`, `".join(empty)}` has no value, which Kubernetes stores as an empty string: write `""` or leave it out.')
    return passed()


def _nested(entry: Field) -> bool:
    return entry.text is None and not isinstance(entry.value, int | float)


def _what(entry: Field) -> str:
    value = entry.value
    if isinstance(value, bool):
        return f"the boolean `{_text(entry)}`, without quotes"
    if isinstance(value, int | float):
        return "a number without quotes" if is_named(str(entry.path[-1])) else f"the number `{value}`, without quotes"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, tuple) else "a map"


@objective(
    "no-secrets-inside",
    "Nothing in it is a credential",
    hints=(
        "Everybody who may look at the namespace may read its ConfigMaps. Look for passwords, also inside URLs and files.",
        "What is secret goes into the Secret of lesson 3, under a key of its own; the ConfigMap keeps what may be known.",
    ),
    docs="https://kubernetes.io/docs/concepts/configuration/secret/",
    needs=(configmap_exists,),
)
def no_secrets_inside(snapshot: Snapshot) -> Verdict:
    config = _config(snapshot)
    for part, look in (("data", find), ("binaryData", find_binary)):
        for key, entry in config.at(part).entries():
            kind = look(key, entry.value)
            if kind == NAMED and is_named(key):
                return failed(entry, expected="no credential: it belongs into a Secret", found=f"a value under `{key}`")
            if kind is not None:
                found = "a password, token or key" if kind == NAMED else kind
                return failed(entry, expected="no credential: it belongs into a Secret", found=f"{found} in `{key}`")
    return passed()


@objective(
    "consumed-as-env",
    "A Pod reads `QDRANT_HOST` from it",
    hints=(
        "A container names the ConfigMap under `env`, key by key, or under `envFrom`, all keys at once. "
        "`kubectl describe pod` shows what its variables come from.",
        "Under `env`, an entry has a `name` and, in place of a `value`, a `valueFrom` that names ConfigMap and key.",
    ),
    docs=_POD_DOCS,
    needs=(configmap_exists,),
)
def consumed_as_env(snapshot: Snapshot) -> Verdict:
    config = _config(snapshot)
    expected = f"a container with `{_HOST_KEY}` from ConfigMap `{_NAME}`"
    missing = nobody(snapshot, config, expected)
    if missing is not None:
        return missing
    found, keys = workloads(snapshot), _keys(snapshot)
    reading, renaming = [], []
    for workload in found:
        for container in workload.init_containers() + workload.containers():
            if any(_is_host(origin) for origin in candidates(container.value, _HOST_KEY, keys)):
                reading.append((workload, passed()))
            for variable, origin in variables(container.value, keys).items():
                if _is_host(origin) and origin.path[0] == "env" and variable != _HOST_KEY:
                    renaming.append((workload, passed(f"{workload.object.ref} calls it `{variable}`; the app looks for `{_HOST_KEY}`.")))
    verdict = accepted(reading + renaming, found, files=False)
    if verdict is not None:
        return verdict
    place, what = _other_host(found, keys)
    return failed(place, expected=expected, found=what)


def _is_host(origin: Origin) -> bool:
    return (origin.kind, origin.name, origin.key) == (_KIND, _NAME, _HOST_KEY)


def _keys(snapshot: Snapshot) -> Keys:
    """The keys of ConfigMaps, as far as they are known. Ours counts as having the host: its absence is for `service-endpoints` to tell."""

    def keys(kind: str, name: str) -> Collection[str] | None:
        config = snapshot.find(_KIND, name) if kind == _KIND else None
        if config is None:
            return None
        return {*map(str, config.at("data").mapping), *((_HOST_KEY,) if name == _NAME else ())}

    return keys


def _other_host(found: tuple[Workload, ...], keys: Keys) -> tuple[Field, str]:
    """The place that comes closest to reading the variable, and what is wrong with it."""
    containers = [container for workload in found for container in workload.init_containers() + workload.containers()]
    for container in containers:
        for origin in candidates(container.value, _HOST_KEY, keys):
            if origin.path[0] == "env":
                return container.key(*origin.path), _source(origin)
            if origin.there:
                return container.key(*origin.path), f"`{_HOST_KEY}` of {origin.kind} `{origin.name}`, the last source that has it"
    for container in containers:
        for source in env_from(container.value):
            if (source.kind, source.name) == (_KIND, _NAME) and source.prefix:
                what = f"every key with the prefix `{source.prefix}`, so the variable is `{source.prefix}{_HOST_KEY}`"
                return container.key(*source.path), what
    return (containers or [found[0].pod_spec])[0], f"no `{_HOST_KEY}` in any container of {_names(found)}"


def _source(origin: Origin) -> str:
    if origin.kind in (_KIND, "Secret"):
        return f"`{_HOST_KEY}` from key `{origin.key}` of {origin.kind} `{origin.name}`"
    return f"`{_HOST_KEY}` as a fixed value" if origin.kind == "value" else f"`{_HOST_KEY}` from a `{origin.kind}`"


def _names(found: tuple[Workload, ...]) -> str:
    names = [workload.object.ref for workload in found]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@objective(
    "consumed-as-files",
    "A Pod mounts it at `/app/config`",
    hints=(
        "It takes two parts that share a name: a volume of the Pod, and a mount of the container. "
        "`kubectl describe pod` lists both, under Volumes and under Mounts.",
        "Under `volumes`, a `configMap` is named by `name`; under `volumeMounts`, `mountPath` is the folder. A `subPath` mounts a single "
        "file and never sees an update.",
    ),
    docs=_POD_DOCS,
    needs=(configmap_exists,),
)
def consumed_as_files(snapshot: Snapshot) -> Verdict:
    config = _config(snapshot)
    expected = f"ConfigMap `{_NAME}` mounted at `{_FOLDER}`"
    missing = nobody(snapshot, config, expected)
    if missing is not None:
        return missing
    found = workloads(snapshot)
    known = config.at("data").mapping.keys() | config.at("binaryData").mapping.keys()
    complete, faults = [], []
    for workload in found:
        for mount in mounts(workload, _KIND, _NAME):
            fault = _fault(mount, known)
            if fault is None:
                complete.append((workload, passed()))
            else:
                faults.append(fault)
    verdict = accepted(complete, found, files=True)
    if verdict is not None:
        return verdict
    place, what = faults[0] if faults else _other_mount(found)
    return failed(place, expected=expected, found=what)


def _fault(mount: Mount, known: Collection[str]) -> tuple[Field, str] | None:
    """What keeps a mount of the ConfigMap from being the one that is asked for."""
    if mount.path != _FOLDER:
        return mount.place.at("mountPath"), f"mounted at `{mount.path}`"
    if mount.partial is not None:
        return mount.partial, f"`{mount.partial.path[-1]}`, which mounts one entry of the volume and never updates it"
    for source in mount.sources:
        for item in source.at("items").each():
            key = item.at("key").text
            if key is not None and key not in known and source.at("optional").value is not True:
                return item.at("key"), f"`{key}`, a key that the ConfigMap does not have: the Pod would never start"
    return None


def _other_mount(found: tuple[Workload, ...]) -> tuple[Field, str]:
    """The place that comes closest to a mount of the ConfigMap, and what is wrong with it."""
    for workload in found:
        volumes = sources(workload.pod_spec, _KIND, _NAME)
        for name, places in volumes.items():
            return places[0], f"volume `{name}`, which no container mounts"
    for workload in found:
        for container in workload.all_containers():
            for mount in container.at("volumeMounts").each():
                if (mount.at("mountPath").text or "").rstrip("/") == _FOLDER:
                    return mount, f"volume `{mount.at('name').value}` there, which is not of this ConfigMap"
    return found[0].pod_spec, f"no volume of it in {_names(found)}"


LESSON = Lesson(
    "lesson-2",
    "ConfigMaps",
    reads=(_KIND, *WORKLOAD_KINDS),
    objectives=(
        configmap_exists,
        app_settings,
        service_endpoints,
        performance_settings,
        feature_flags,
        values_are_strings,
        no_secrets_inside,
        consumed_as_env,
        consumed_as_files,
    ),
)
