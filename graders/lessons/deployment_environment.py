"""Lesson 4: settings that come from the ConfigMap and the Secret."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from graders.lessons.deployment_app import KIND, astray, deployment_exists, in_every_container, of_app_container
from graders.objective import objective, owns
from graders.semantics.env import Keys, Origin, candidates, env_from
from graders.snapshot import Field, NotReadable, NotThere, Snapshot
from graders.verdict import Status, Verdict, failed, passed
from graders.workloads import APP

_DOCS = (
    "https://kubernetes.io/docs/tasks/inject-data-application/distribute-credentials-secure/"
    "#define-container-environment-variables-using-secret-data"
)
_SECRET = ("Secret", "rag-engine-secrets")
_CONFIG = ("ConfigMap", "rag-engine-config")


class _Wanted(NamedTuple):
    """A variable, the object that its value is to come from, and the key that the course gives it there."""

    variable: str
    source: tuple[str, str]
    key: str

    @property
    def expected(self) -> str:
        return f"`{self.variable}` from {self.source[0]} `{self.source[1]}`"


_WANTED = (
    _Wanted("DATABASE_URL", _SECRET, "database-url"),
    _Wanted("REDIS_URL", _SECRET, "redis-url"),
    _Wanted("ENVIRONMENT", _CONFIG, "ENVIRONMENT"),
)
# The keys that lessons 2 and 3 ask for: each means one thing, so that of another variable is a mix-up.
_COURSE_KEYS = {
    _SECRET: frozenset({"database-url", "redis-url", "openai-api-key", "jwt-secret"}),
    _CONFIG: frozenset(
        {
            "ENVIRONMENT",
            "LOG_LEVEL",
            "QDRANT_HOST",
            "QDRANT_PORT",
            "DATABASE_POOL_SIZE",
            "CACHE_TTL",
            "ENABLE_HYBRID_SEARCH",
            "ENABLE_RERANKING",
        }
    ),
}


@objective(
    "env-from-references",
    "Settings come from the ConfigMap and the Secret",
    hints=(
        "`kubectl describe deployment` shows under Environment where each variable comes from. A value written there is a value in Git.",
        "An entry of `env` may have `valueFrom` in place of a value: an object, and one of its keys. `kubectl describe secret` lists keys.",
    ),
    docs=_DOCS,
    needs=(deployment_exists,),
    owned=owns(KIND, APP, *in_every_container("env", "envFrom"), *astray("env", "envFrom")),
)
@of_app_container
def env_from_references(snapshot: Snapshot, container: Field) -> Verdict:
    advice: tuple[str, ...] = ()
    undecided: NotThere | NotReadable | None = None
    for wanted in _WANTED:
        try:
            verdict = _judge(snapshot, container, wanted)
        except (NotThere, NotReadable) as error:
            undecided = undecided or error
            continue
        if verdict.status is not Status.PASSED:
            return verdict
        advice += verdict.advice
    if undecided is not None:
        raise undecided
    return passed(*advice)


def _judge(snapshot: Snapshot, container: Field, wanted: _Wanted) -> Verdict:
    """Raises NotThere and NotReadable where everything depends on an object that we do not have."""
    keys = _keys(snapshot)
    origin = _origin(container, wanted, keys)
    known = keys(*wanted.source)
    if known is not None and not known and snapshot.is_live and _refers_to(container, wanted, origin):
        snapshot.related(*wanted.source)
    if origin is None:
        given = sorted({f"`{source.prefix}{key}`" for source in env_from(container.value) for key in keys(source.kind, source.name) or ()})
        more = f"; `envFrom` gives {', '.join(given[:6])}" + (" and more" if len(given) > 6 else "") if given else ""
        return failed(container.at("env"), expected=wanted.expected, found=f"no variable `{wanted.variable}`{more}")
    place = container.key(*origin.path)
    if (origin.kind, origin.name) != wanted.source:
        return failed(place, expected=wanted.expected, found=_in_words(origin))
    if origin.there is False:
        listed = ", ".join(f"`{key}`" for key in sorted(known or ())) or "none"
        silently = ", and being optional it is silently left out" if origin.optional else ""
        return failed(place, expected=f"a key that is there: {listed}", found=f"key `{origin.key}`, which it does not have{silently}")
    if origin.key != wanted.key and origin.key in _COURSE_KEYS[wanted.source]:
        return failed(place, expected=f"{wanted.expected}, key `{wanted.key}`", found=f"key `{origin.key}`, which is another setting")
    if origin.there is None and origin.key != wanted.key:  # not at hand, and a key that the course does not know
        kind, name = wanted.source
        if origin.path[0] == "env":
            return passed(
                f"`{wanted.variable}` reads key `{origin.key}` of {kind} `{name}`, where this course has `{wanted.key}`: compare them."
            )
        snapshot.related(kind, name)
    return passed()


def _origin(container: Field, wanted: _Wanted, keys: Keys) -> Origin | None:
    """Where the variable comes from. Of several objects that are not at hand, the wanted one has the benefit of the doubt."""
    for origin in reversed(candidates(container.value, wanted.variable, keys)):
        if (origin.kind, origin.name) == wanted.source or origin.there is not None or origin.path[0] == "env":
            return origin
    return None


def _refers_to(container: Field, wanted: _Wanted, origin: Origin | None) -> bool:
    if origin is not None:
        return (origin.kind, origin.name) == wanted.source
    return any((source.kind, source.name) == wanted.source for source in env_from(container.value))


def _keys(snapshot: Snapshot) -> Keys:
    def keys(kind: str, name: str) -> Collection[str] | None:
        try:
            item = snapshot.find(kind, name)
        except NotReadable:
            return None
        if item is None:
            return () if snapshot.is_live else None
        found = {key for key, _ in item.at("data").entries()}
        return found | {key for key, _ in item.at("stringData").entries()} if kind == "Secret" else found

    return keys


def _in_words(origin: Origin) -> str:
    if origin.kind in ("ConfigMap", "Secret"):
        return f"{origin.kind} `{origin.name}`, key `{origin.key}`"
    return "a value written into the manifest" if origin.kind == "value" else f"`{origin.kind}`"
