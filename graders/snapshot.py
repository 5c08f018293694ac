"""A snapshot: what was read of a cluster or of submitted manifests, as an immutable value."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from graders.kinds import CLUSTER_SCOPED, KINDS
from graders.verdict import Evidence

Step = str | int
Path = tuple[Step, ...]
_T = TypeVar("_T")
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


def freeze(value: Any) -> Any:
    """A deep, read-only copy of plain data: mappings become read-only views, lists become tuples."""
    if isinstance(value, Mapping):
        return MappingProxyType({key: freeze(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    return value


def show_path(path: Path) -> str:
    """`spec.containers[0].image`, with keys that hold dots or slashes as `['key']`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "a").replace("-", "a").isalnum():
            text += f".{step}" if text else step
        else:
            text += f"['{step}']"
    return text


def _json_path(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else "." + step.replace(".", "\\.") for step in path)


class NotReadable(Exception):
    """A kind that a check needs could not be read. The engine turns it into `unknown`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class NotThere(Exception):
    """Another object that a check relates to is absent: `skipped` on manifests, `failed` on a cluster."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(f"{wanted.ref} is not there")
        self.wanted = wanted


class Suggestion(NamedTuple):
    """A correction that is certain: on the problem's line, `instead` in place of the word `written`."""

    written: str
    instead: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the input itself: unreadable YAML, or an object that the API server would reject.

    `line` and `column` count from 1. `path` leads into the object when it is about one. `message` is one sentence that stands on its
    own; `expected` and `found` are its two halves for evidence. `rejected` tells an error from a mere remark (which fails nothing).
    `unknown_field` tells a misspelt or misplaced field, without which what an objective finds missing is not understood. `suggestion` is
    what to write instead where that is certain. No value of a Secret is ever part of it.
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    object: str = ""
    path: Path = ()
    expected: str = ""
    found: str = ""
    rejected: bool = True
    unknown_field: bool = False
    suggestion: Suggestion | None = None

    def evidence(self, expected: str = "", found: str = "", command: str | None = None) -> Evidence:
        """This problem as the evidence of a failed objective."""
        return Evidence(
            self.object,
            show_path(self.path) or None,
            expected or self.expected or "an object that the API server accepts",
            found or self.found or self.message,
            self.file,
            self.line,
            command,
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that is not there, as the subject of evidence. `name` is empty where any would do, `namespace` for cluster-scoped kinds."""

    kind: str
    name: str
    namespace: str = ""

    @property
    def ref(self) -> str:
        """`Deployment/rag-engine-api`."""
        return f"{self.kind}/{self.name}" if self.name else self.kind

    def evidence(self, expected: str, found: str, command: str | None = None) -> Evidence:
        """Evidence that it is not there; the command lists what is."""
        if command is None:
            command = " ".join(("kubectl get", _resource(self.kind), *_scope(self.kind, self.namespace)))
        return Evidence(self.ref, None, expected, found, command=command)


@dataclass(frozen=True, slots=True)
class Field:
    """A place in an object: its path, and the value there (None when missing or null; both mean the same to Kubernetes).

    Whatever shape the object has, walking it never raises: a step into something that is not there is a Field without a value.
    """

    object: K8sObject
    path: Path
    value: Any

    def at(self, dotted: str) -> Field:
        """Follow keys separated by dots: `at("spec.template.spec")`."""
        return self.key(*dotted.split("."))

    def key(self, *steps: Step) -> Field:
        """Follow exact steps, for keys with dots in them and list indexes."""
        value = self.value
        for step in steps:
            if isinstance(step, str):
                value = value.get(step) if isinstance(value, Mapping) else None
            else:
                value = value[step] if isinstance(value, tuple) and 0 <= step < len(value) else None
        return Field(self.object, self.path + steps, value)

    def each(self) -> Iterator[Field]:
        """The items of a list, in order; nothing when it is no list."""
        if isinstance(self.value, tuple):
            for index, item in enumerate(self.value):
                yield Field(self.object, (*self.path, index), item)

    def entries(self) -> Iterator[tuple[str, Field]]:
        """The entries of a map, in order; nothing when it is no map."""
        for key, item in self.mapping.items():
            yield str(key), Field(self.object, (*self.path, key), item)

    @property
    def present(self) -> bool:
        """Whether there is a value that is not null."""
        return self.value is not None

    @property
    def mapping(self) -> Mapping[str, Any]:
        """The value when it is a map, else an empty one."""
        return self.value if isinstance(self.value, Mapping) else _NOTHING

    @property
    def text(self) -> str | None:
        """The value when it is a string."""
        return self.value if isinstance(self.value, str) else None

    @property
    def whole(self) -> int | None:
        """The value when it is a whole number (a boolean is none)."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    @property
    def flag(self) -> bool | None:
        """The value when it is a boolean."""
        return self.value if isinstance(self.value, bool) else None

    @property
    def line(self) -> int | None:
        """The line of this place, or of the nearest one above it that exists."""
        return self.object.line_of(self.path)

    def __str__(self) -> str:
        return show_path(self.path)

    def evidence(self, expected: str, found: str, command: str | None = None) -> Evidence:
        """Evidence about this place."""
        return Evidence(self.object.ref, str(self) or None, expected, found, self.object.file, self.line, command or self._command())

    def _command(self) -> str:
        nearest = self.path
        root = self.object.root
        while nearest and not root.key(*nearest).present:
            nearest = nearest[:-1]
        shown = f"jsonpath='{{{_json_path(nearest)}}}'" if nearest and self.object.kind != "Secret" else "yaml"
        if self.object.kind == "Secret":  # describe shows keys and sizes, never values
            return " ".join(("kubectl describe", *self.object.kubectl))
        return " ".join(("kubectl get", *self.object.kubectl, "-o", shown))


def _resource(kind: str) -> str:
    known = KINDS.get(kind)
    return known.short if known else kind.lower()


def _scope(kind: str, namespace: str) -> tuple[str, ...]:
    return ("-n", namespace) if namespace and kind not in CLUSTER_SCOPED else ()


@dataclass(frozen=True, slots=True, eq=False)
class K8sObject:
    """One object, exactly as written in YAML or served by the API, read-only.

    `namespace` is the one it counts as: what it says, else (on manifests) the namespace being graded, which `namespace_assumed` then
    tells; empty for cluster-scoped kinds. `file` and `lines` (path to line, from 1) are set when it was read from YAML. `problems` are
    the reasons for which the API server would reject it.
    """

    api_version: str
    kind: str
    name: str
    namespace: str
    body: Mapping[str, Any]
    namespace_assumed: bool = False
    file: str | None = None
    lines: Mapping[Path, int] = field(default_factory=lambda: _NOTHING, repr=False)
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(
        cls,
        body: Mapping[str, Any],
        *,
        default_namespace: str = "",
        file: str | None = None,
        lines: Mapping[Path, int] = _NOTHING,
        problems: tuple[Problem, ...] = (),
    ) -> K8sObject:
        """Make one from plain data of any shape; what is missing or odd in its head reads as empty."""
        metadata = body.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else _NOTHING
        kind = _text(body.get("kind"))
        namespace, assumed = _text(metadata.get("namespace")), False
        if kind in CLUSTER_SCOPED:
            namespace = ""
        elif not namespace and default_namespace:
            namespace, assumed = default_namespace, True
        return cls(
            _text(body.get("apiVersion")),
            kind,
            _text(metadata.get("name")),
            namespace,
            freeze(body),
            assumed,
            file,
            lines,
            problems,
        )

    @property
    def ref(self) -> str:
        """`Deployment/rag-engine-api`."""
        return f"{self.kind}/{self.name}"

    @property
    def group(self) -> str:
        """The API group; empty for core."""
        return self.api_version.rpartition("/")[0]

    @property
    def root(self) -> Field:
        """The whole object as a place."""
        return Field(self, (), self.body)

    def at(self, dotted: str) -> Field:
        """Follow keys separated by dots: `at("spec.replicas")`."""
        return self.root.key(*dotted.split("."))

    def key(self, *steps: Step) -> Field:
        """Follow exact steps, for keys with dots in them and list indexes."""
        return self.root.key(*steps)

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels (those that are strings)."""
        return string_map(self.at("metadata.labels").value)

    @property
    def kubectl(self) -> tuple[str, ...]:
        """How kubectl names it: `("deployment", "rag-engine-api", "-n", "rag-engine")`."""
        return (_resource(self.kind), self.name, *_scope(self.kind, self.namespace))

    def owner(self) -> tuple[str, str] | None:
        """Kind and name of the controller that owns it, if any."""
        for reference in self.at("metadata.ownerReferences").each():
            if reference.key("controller").flag:
                return (reference.key("kind").text or "", reference.key("name").text or "")
        return None

    def line_of(self, path: Path) -> int | None:
        """The line of `path`, or of the nearest place above it; None when not read from YAML."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return None

    def evidence(self, expected: str, found: str, command: str | None = None) -> Evidence:
        """Evidence about the object as a whole."""
        return self.root.evidence(expected, found, command)


def _foreign(item: K8sObject) -> bool:
    """Whether it only shares its kind's name with one of ours, as a Knative Service does.

    Retired groups (`extensions`) are ours: the learner means that kind and is to be told what to write.
    """
    known = KINDS.get(item.kind)
    return known is not None and item.group != known.group and "." in item.group and not item.group.endswith(".k8s.io")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def string_map(value: Any) -> dict[str, str]:
    """The entries of a map that are strings, as labels and selectors must be; empty when it is no map."""
    if not isinstance(value, Mapping):
        return {}
    return {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, str)}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a snapshot came from. `kind` is `manifests` (then `files`) or `cluster` (then `context`)."""

    kind: str
    namespace: str
    files: tuple[str, ...] = ()
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that was read, once. The same snapshot always gets the same report.

    `taken_at` is timezone-aware; checks read it and never the clock. `unreadable` tells for each kind that could not be read why, in a
    sentence that ends in what to do. `problems` are those of files; an object carries its own. `context_namespace` is the default
    namespace of the kubeconfig context, None where there is no kubeconfig. `only_here` tells for each kind of which a cluster's other
    namespaces were not read why, in such a sentence. `clock_skew` is how far the cluster's clock is ahead of ours.
    """

    source: Source
    objects: tuple[K8sObject, ...]
    taken_at: datetime
    unreadable: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    problems: tuple[Problem, ...] = ()
    context_namespace: str | None = None
    only_here: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    clock_skew: timedelta = timedelta()
    _by_kind: Mapping[str, tuple[K8sObject, ...]] = field(init=False, repr=False, compare=False, default_factory=lambda: _NOTHING)
    _known: dict[Hashable, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        by_kind: dict[str, list[K8sObject]] = {}
        for item in self.objects:
            if not _foreign(item):
                by_kind.setdefault(item.kind, []).append(item)
        object.__setattr__(self, "_by_kind", {kind: tuple(items) for kind, items in by_kind.items()})

    @classmethod
    def of(
        cls,
        bodies: Iterable[Mapping[str, Any]],
        *,
        taken_at: datetime,
        namespace: str = "rag-engine",
        kind: str = "manifests",
    ) -> Snapshot:
        """A snapshot of plain data, in the order given; for tests and tools."""
        default = namespace if kind == "manifests" else ""
        objects = tuple(K8sObject.of(body, default_namespace=default) for body in bodies)
        context = "test" if kind == "cluster" else None
        return cls(Source(kind, namespace, context=context), objects, taken_at)

    @property
    def namespace(self) -> str:
        """The namespace being graded."""
        return self.source.namespace

    @property
    def is_live(self) -> bool:
        """Whether it was read from a cluster."""
        return self.source.kind == "cluster"

    @property
    def cluster_time(self) -> datetime:
        """When it was taken, by the clock that set the times in its objects."""
        return self.taken_at + self.clock_skew

    def once(self, what: Hashable, compute: Callable[[Snapshot], _T]) -> _T:
        """What a pure function says of this snapshot, computed when `what` is asked for the first time."""
        if what not in self._known:
            self._known[what] = compute(self)
        known: _T = self._known[what]
        return known

    def everywhere(self, kind: str) -> tuple[K8sObject, ...]:
        """All objects of a kind, in any namespace, in the order read.

        Raises NotReadable also when only those of the namespace being graded were: absence must be proven.
        """
        found = self.every(kind)
        if kind in self.only_here:
            raise NotReadable(kind, self.only_here[kind])
        return found

    def every(self, kind: str) -> tuple[K8sObject, ...]:
        """The objects of a kind that were read, in any namespace, in the order read: for what can be said without the rest of them.

        Raises NotReadable when the kind could not be read: absence must be proven.
        """
        if kind in self.unreadable:
            raise NotReadable(kind, self.unreadable[kind])
        return self._by_kind.get(kind, ())

    def all(self, kind: str) -> tuple[K8sObject, ...]:
        """The objects of a kind in the namespace being graded (all of them for a cluster-scoped kind); of two with one name, the
        last, as `kubectl apply` would leave it. Raises NotReadable."""
        found: dict[tuple[str, str], K8sObject] = {}
        for item in self.every(kind):
            if kind in CLUSTER_SCOPED or item.namespace == self.namespace:
                found[item.group, item.name] = item
        return tuple(found.values())

    def find(self, kind: str, name: str) -> K8sObject | None:
        """The object of that kind and name in the namespace being graded. Raises NotReadable."""
        for item in self.all(kind):
            if item.name == name:
                return item
        return None

    def own(self, kind: str, name: str) -> K8sObject:
        """The object that the objective is about; its `needs` guarantee that it is there. Raises LookupError if they do not."""
        found = self.find(kind, name)
        if found is None:
            raise LookupError(f"{kind}/{name} is not in the snapshot: an objective lacks it in its needs")
        return found

    def related(self, kind: str, name: str) -> K8sObject:
        """Another lesson's object. Raises NotThere (the engine answers `skipped` on manifests, `failed` on a cluster), NotReadable."""
        found = self.find(kind, name)
        if found is None:
            raise NotThere(self.wanted(kind, name))
        return found

    def wanted(self, kind: str, name: str = "") -> Wanted:
        """A missing object of the namespace being graded, as the subject of evidence; without a name, any of the kind."""
        return Wanted(kind, name, "" if kind in CLUSTER_SCOPED else self.namespace)
