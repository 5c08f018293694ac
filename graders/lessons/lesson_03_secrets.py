"""Lesson 3: credentials in a Secret, whole and strong, and Pods that name it instead of repeating them.

Values never get here: what is judged are the facts that graders.redaction leaves of each.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any

from graders.lessons.consumers import accepted, nobody, uses
from graders.lessons.existence import exists
from graders.objective import Lesson, objective, owns
from graders.redaction import SECRET_VARIABLES, facts
from graders.semantics.env import Origin, candidates
from graders.snapshot import Field, K8sObject, Snapshot
from graders.verdict import Status, Verdict, blocked, failed, passed
from graders.workloads import WORKLOAD_KINDS, Workload, workloads

_KIND = "Secret"
_NAME = "rag-engine-secrets"
_KEYS = ("database-url", "redis-url", "openai-api-key", "jwt-secret")
_LONG_ENOUGH = 32  # bytes, as many as HMAC-SHA256 gives out (RFC 7518 section 3.2)

_DOCS = "https://kubernetes.io/docs/concepts/configuration/secret/"
_CREATE_DOCS = "https://kubernetes.io/docs/tasks/configmap-secret/managing-secret-using-config-file/"
_USE_DOCS = "https://kubernetes.io/docs/tasks/inject-data-application/distribute-credentials-secure/"

_REFERENCES = re.compile(r"(?:\$\(([\w.-]+)\))+")
_PASSWORD_BY_REFERENCE = re.compile(r"://[^:@\s]*:\$\(([\w.-]+)\)@")
_ASSIGNED = re.compile(rf"(?<![\w.-])({'|'.join(sorted(SECRET_VARIABLES))})=(?![\"']?\$)[^\s]")


def _secret(snapshot: Snapshot) -> K8sObject:
    return snapshot.own(_KIND, _NAME)


@objective(
    "secret-exists",
    "Secret `rag-engine-secrets` exists",
    hints=(
        "`kubectl get secrets` lists them with their type. One for an application's own keys has the general type.",
        "In secrets.yaml: the core API, kind Secret, name and namespace, `type: Opaque`, which is also what no type at all means.",
    ),
    docs=_DOCS,
    owned=owns(_KIND, _NAME),
)
def secret_exists(snapshot: Snapshot) -> Verdict:
    verdict = exists(snapshot, _KIND, _NAME)
    if verdict.status is not Status.PASSED:
        return verdict
    kind = _secret(snapshot).at("type")
    if kind.value in (None, "", "Opaque"):
        return verdict
    return failed(kind, expected="`type: Opaque`", found=f"`type: {kind.value}`")


def _facts(entry: Field, *, encoded: bool) -> dict[str, Any]:
    """The facts of one value; those of a value that nobody has reduced yet are taken here."""
    return dict(entry.value) if "type" in entry.mapping else dict(facts(entry.value, encoded=encoded))


def _entries(secret: K8sObject) -> dict[str, tuple[Field, dict[str, Any]]]:
    """Each key with its place and facts, `stringData` laid over `data` as the API server does it."""
    found = {key: (entry, _facts(entry, encoded=True)) for key, entry in secret.at("data").entries()}
    found |= {key: (entry, _facts(entry, encoded=False)) for key, entry in secret.at("stringData").entries()}
    return found


def _is_blank(known: dict[str, Any]) -> bool:
    return known["type"] == "null" or bool(known.get("empty"))


def _not_yet(secret: K8sObject, *keys: str) -> Verdict | None:
    """`blocked` while one of the keys is missing, blank or unreadable, for which another objective has the words."""
    found = _entries(secret)
    if any(not _is_map(secret.at(part)) for part in ("data", "stringData")):
        return blocked("values-decode")
    if any(key not in found or _is_blank(found[key][1]) for key in keys):
        return blocked("required-keys")
    if any(not found[key][1].get("decodes") for key in keys):
        return blocked("values-decode")
    return None


def _is_map(part: Field) -> bool:
    return not part.present or bool(part.mapping) or part.value == {}


@objective(
    "required-keys",
    "It holds the four keys",
    hints=(
        "`kubectl describe secret rag-engine-secrets` lists the keys and the size of each value. Four are asked for, none of 0 bytes.",
        "The keys are written in lower case with hyphens: two URLs, one key for an API, one secret for tokens.",
    ),
    docs=_CREATE_DOCS,
    needs=(secret_exists,),
)
def required_keys(snapshot: Snapshot) -> Verdict:
    secret = _secret(snapshot)
    if any(not _is_map(secret.at(part)) for part in ("data", "stringData")):
        return blocked("values-decode")
    found = _entries(secret)
    for key in _KEYS:
        if key not in found:
            place = secret.at("data" if secret.at("data").present or not secret.at("stringData").present else "stringData")
            return failed(place, expected=f"the key `{key}`", found=_absence(secret, key, found))
    for key in _KEYS:
        entry, known = found[key]
        if _is_blank(known):
            what = "nothing" if known["type"] == "null" or known["bytes"] == 0 else "nothing but white space"
            return failed(entry, expected=f"a value for `{key}`", found=what)
    return passed()


def _absence(secret: K8sObject, key: str, found: Collection[str]) -> str:
    if secret.key(key).present:
        return f"`{key}` beside `data` instead of under it"
    others = [name for name in found if name not in _KEYS]
    alike = [name for name in others if name.lower().replace("_", "-") == key] or get_close_matches(key, others, n=1, cutoff=0.75)
    if alike:
        return f"no `{key}`, but `{alike[0]}`"
    return f"no `{key}`" + (f", only `{'`, `'.join(sorted(found)[:4])}`" if found else ", and no other key")


@objective(
    "values-decode",
    "Every value is valid base64",
    hints=(
        "What stands under `data` is base64: letters, digits, `+`, `/`, and `=` at the end, in groups of four.",
        "`echo -n 'text' | base64` encodes. Or write plain text, under `stringData` instead of `data`, and let the API server encode it.",
    ),
    docs=_CREATE_DOCS,
    needs=(secret_exists,),
    owned=owns(_KIND, _NAME, "data", "stringData"),
)
def values_decode(snapshot: Snapshot) -> Verdict:
    secret = _secret(snapshot)
    for part in ("data", "stringData"):
        place = secret.at(part)
        if not _is_map(place):
            return failed(place, expected="a map of keys and values", found="something else")
        for key, entry in place.entries():
            known = _facts(entry, encoded=part == "data")
            if known["type"] not in ("string", "null"):
                article = "an" if known["type"] in ("array", "object") else "a"
                expected = "base64, in quotes" if part == "data" else "text, in quotes"
                return failed(entry, expected=expected, found=f"{article} {known['type']} under `{key}`")
            if known["type"] == "string" and not known["decodes"]:
                return failed(entry, expected="base64", found=f"`{key}` does not decode; plain text goes under `stringData`")
    return passed()


@objective(
    "no-stray-newline",
    "No value ends in a newline",
    hints=(
        "`echo` ends what it prints with a line break, and `base64` encodes that too. In a password it is one character too many.",
        "`echo -n`, or `printf '%s'`, prints none. In YAML a block `|` keeps a line break at the end, `|-` does not.",
    ),
    docs=_CREATE_DOCS,
    needs=(secret_exists,),
)
def no_stray_newline(snapshot: Snapshot) -> Verdict:
    for key, (entry, known) in _entries(_secret(snapshot)).items():
        if known.get("newline") and not (key in _KEYS and known.get("empty")):
            return failed(entry, expected="a value without a line break at its end", found=f"`{key}` ends in a line break")
    return passed()


@objective(
    "connection-urls",
    "The URLs have the right schemes",
    hints=(
        "What stands before `://` says which protocol to speak. Decode a value to look at it: "
        "`kubectl get secret rag-engine-secrets -o jsonpath='{.data.redis-url}' | base64 -d`",
        "The database is PostgreSQL, by its long or short name and perhaps with `+` and a driver. Redis has one scheme, and one with "
        "an `s` more for TLS.",
    ),
    docs=_DOCS,
    needs=(secret_exists,),
)
def connection_urls(snapshot: Snapshot) -> Verdict:
    secret = _secret(snapshot)
    found = _entries(secret)
    for key, schemes in (
        ("database-url", ("postgresql", "postgres", "postgresql+driver", "postgres+driver")),
        ("redis-url", ("redis", "rediss")),
    ):
        if _not_yet(secret, key) is None:
            entry, known = found[key]
            if known["scheme"] not in schemes:
                expected = " or ".join(f"`{scheme}://`" for scheme in schemes[:2])
                return failed(entry, expected=f"`{key}` to start with {expected}", found=_scheme(known["scheme"]))
    return _not_yet(secret, "database-url", "redis-url") or passed()


def _scheme(scheme: str | None) -> str:
    if scheme is None:
        return "no URL: it does not start with a scheme and an address"
    return "another scheme" if scheme == "other" else f"`{scheme.replace('+driver', '+…')}://`"


@objective(
    "strong-jwt-secret",
    "The JWT secret is not a placeholder",
    hints=(
        "Whoever guesses this value signs tokens for anybody. `kubectl describe secret rag-engine-secrets` shows how many bytes it has.",
        "Let a machine choose it: `openssl rand -base64 48` prints one that is long enough.",
    ),
    docs="https://kubernetes.io/docs/concepts/security/secrets-good-practices/",
    needs=(secret_exists,),
)
def strong_jwt_secret(snapshot: Snapshot) -> Verdict:
    secret = _secret(snapshot)
    waiting = _not_yet(secret, "jwt-secret")
    if waiting is not None:
        return waiting
    entry, known = _entries(secret)["jwt-secret"]
    if known["sample"] == "jwt-secret":
        return passed(
            "`jwt-secret` is the sample that is printed in tutorials: choose another with `openssl rand -base64 48` before real use."
        )
    if known["placeholder"]:
        return failed(entry, expected="a value chosen at random", found="a placeholder that waits to be replaced")
    if known["bytes"] < _LONG_ENOUGH:
        found = "fewer than 8" if known["bytes"] < 8 else f"{known['bytes']} to {known['bytes'] * 2 - 1}"
        return failed(entry, expected=f"at least {_LONG_ENOUGH} bytes", found=f"{found} bytes")
    if known["repetitive"]:
        return passed("`jwt-secret` is long, and easily guessed: it repeats one or two characters. Let a machine choose it.")
    return passed()


@objective(
    "used-by-reference",
    "The app reads secrets by reference",
    hints=(
        "Whoever may look at a Deployment reads the `value` of its variables, and so does everyone with the repository. "
        "A reference shows a name only.",
        "Under `env`, replace `value` by `valueFrom` with a `secretKeyRef`: the name of the Secret, and the key in it.",
    ),
    docs=_USE_DOCS,
    needs=(secret_exists,),
)
def used_by_reference(snapshot: Snapshot) -> Verdict:
    secret = _secret(snapshot)
    expected = f"a Pod that takes its credentials from Secret `{_NAME}`"
    missing = nobody(snapshot, secret, expected)
    if missing is not None:
        return missing
    found = workloads(snapshot)
    advice: list[str] = []
    for workload in found:
        for container in workload.all_containers():
            for place, what in _literals(workload, container, advice):
                return failed(place, expected="a reference to the Secret, with `valueFrom`", found=what)
    users = []
    for workload in found:
        keys = [key for _, key in uses(workload, _KIND, _NAME)]
        if keys:
            users.append((workload, passed(*advice, *_unknown_keys(workload, keys, _entries(secret)))))
    verdict = accepted(users, found)
    if verdict is not None:
        return verdict
    return failed(found[0].pod_spec, expected=expected, found=f"no reference to it in {', '.join(item.object.ref for item in found[:3])}")


def _literals(workload: Workload, container: Field, advice: list[str]) -> Iterator[tuple[Field, str]]:
    """Where a container carries one of the credentials itself. Remarks on what is near to it go to `advice`."""
    variables = tuple(container.at("env").each())
    for index, entry in enumerate(variables):
        name, value = entry.at("name").text or "", entry.at("value")
        if name not in SECRET_VARIABLES:
            continue
        if value.present and value.value != "":
            origin = _referred(container, variables[:index], value)
            if origin is None:
                yield value, f"`{name}` with a value of its own in {workload.object.ref}"
            elif not _REFERENCES.fullmatch(value.text or ""):
                advice.append(f"{workload.object.ref} puts `{name}` together around a password from the Secret: keep the whole URL there.")
        elif entry.at("valueFrom.configMapKeyRef").present:
            advice.append(f"{workload.object.ref} takes `{name}` from a ConfigMap, which everybody in the namespace may read.")
    for part in ("command", "args"):
        for word in container.key(part).each():
            match = _ASSIGNED.search(word.text or "")
            if match:
                yield word, f"`{match[1]}` with a value of its own in the command line of {workload.object.ref}"


def _referred(container: Field, before: Collection[Field], value: Field) -> Origin | None:
    """The Secret that a value like `$(NAME)`, or a URL with such a password, refers to; None when it is a value of its own.

    Only variables that are defined `before` it can be referred to.
    """
    text = value.text or ""
    match = _REFERENCES.fullmatch(text) or _PASSWORD_BY_REFERENCE.search(text)
    defined = {"envFrom": container.at("envFrom").value, "env": [variable.value for variable in before]}
    origins = candidates(defined, match[1]) if match else ()
    return next((origin for origin in origins if origin.kind == _KIND), None)


def _unknown_keys(workload: Workload, keys: Collection[str | None], known: Collection[str]) -> Iterator[str]:
    for key in sorted({key for key in keys if key is not None and key not in known}):
        yield f"{workload.object.ref} asks for key `{key}`, which the Secret does not have: its Pods would not start."


LESSON = Lesson(
    "lesson-3",
    "Secrets",
    reads=(_KIND, *WORKLOAD_KINDS),
    objectives=(secret_exists, required_keys, values_decode, no_stray_newline, connection_urls, strong_jwt_secret, used_by_reference),
)
