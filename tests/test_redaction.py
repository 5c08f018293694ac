"""What leaves the gathering of objects: no value of a Secret, no credential, and everything else as it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.redaction import facts, redact
from graders.semantics.credentials import NAMED, SK_KEY, URL, find, find_binary
from graders.snapshot import K8sObject
from tests.cases import EXERCISES

CANARY = "cAnArY-0123456789-vAlUe"


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def seen(body: Any) -> str:
    """All that can be read in a redacted object, also where it is encoded."""
    text = repr(body) + json.dumps(body, default=repr)
    decoded = []

    def visit(value: Any) -> None:
        if isinstance(value, str):
            try:
                decoded.append(base64.b64decode(value + "==").decode("utf-8", "replace"))
            except ValueError:
                return
        elif isinstance(value, Mapping):
            for key, item in value.items():
                visit(key)
                visit(item)
        elif isinstance(value, list | tuple):
            for item in value:
                visit(item)

    visit(body)
    return text + "".join(decoded)


def secret(**parts: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, **parts}


def test_values_become_facts_and_keys_stay() -> None:
    redacted = redact(secret(type="Opaque", data={"a": encoded(CANARY)}, stringData={"b": CANARY}))
    expected = {
        "type": "string",
        "decodes": True,
        "empty": False,
        "bytes": 16,
        "newline": False,
        "scheme": None,
        "sample": None,
        "placeholder": False,
        "repetitive": False,
    }
    assert redacted["data"] == {"a": expected}
    assert redacted["stringData"] == {"b": expected}
    assert redacted["metadata"] == {"name": "s", "namespace": "n"}
    assert CANARY not in seen(redacted)


SHAPES: list[Any] = [
    pytest.param(secret(data={"a": encoded(CANARY)}), id="data"),
    pytest.param(secret(data={"a": CANARY}), id="data that does not decode"),
    pytest.param(secret(data={"a": encoded(CANARY) + "!"}), id="data with one wrong character"),
    pytest.param(secret(data={"a": [CANARY], "b": {CANARY: CANARY}}), id="lists and maps as values"),
    pytest.param(secret(data=CANARY), id="data that is text"),
    pytest.param(secret(data=[{"name": "a", "value": CANARY}], stringData=[CANARY]), id="data that is a list"),
    pytest.param(secret(stringData={"a": {"b": CANARY}}), id="nested string data"),
    pytest.param(secret(stringdata={"a": CANARY}, Data={"a": CANARY}), id="misspelt field"),
    pytest.param(secret(**{"database-url": CANARY}), id="value beside data"),
    pytest.param({**secret(), "metadata": {"name": "s", "data": {"a": CANARY}, "jwt": CANARY}}, id="value below metadata"),
    pytest.param({**secret(data={"a": encoded(CANARY)}), "apiVersion": "apps/v1"}, id="other API version"),
    pytest.param({**secret(data={"a": encoded(CANARY)}), "kind": "secret"}, id="kind in lower case"),
    pytest.param({**secret(data={"a": encoded(CANARY)}), "kind": "Secrets "}, id="kind in the plural"),
    pytest.param({**secret(data={"a": encoded(CANARY)}), "kind": "Sercet"}, id="misspelt kind"),
    pytest.param({**secret(data={"a": encoded(CANARY)}), "kind": None}, id="no kind"),
    pytest.param({**secret(data={"a": encoded(CANARY)}), "kind": ["Secret"]}, id="kind in a list"),
    pytest.param({**secret(stringData={"a": CANARY}), "kind": "ExternalThing", "spec": {}}, id="string data of another kind"),
    pytest.param({**secret(stringData={"a": CANARY}), "kind": "Deployment"}, id="string data of a Deployment"),
    pytest.param({"kind": "List", "items": [secret(data={"a": encoded(CANARY)})]}, id="in a List"),
    pytest.param(
        secret(data={"a": encoded(CANARY)}, metadata={"annotations": {"example.org/original": json.dumps({"data": encoded(CANARY)})}}),
        id="copy in an annotation",
    ),
    pytest.param(
        secret(metadata={"annotations": {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"stringData": CANARY})}}),
        id="last applied configuration",
    ),
]


@pytest.mark.parametrize("body", SHAPES)
def test_no_value_of_a_secret_is_left_whatever_its_shape(body: dict[str, Any]) -> None:
    before = deepcopy(body)
    redacted = redact(body)
    assert CANARY not in seen(redacted)
    assert body == before, "the input is not changed"
    K8sObject.of(redacted)


def test_a_reference_to_a_secret_is_no_secret() -> None:
    body = {
        "kind": "Gateway",
        "spec": {"tls": {"certificateRefs": [{"kind": "Secret", "name": "rag-engine-tls"}]}, "volumes": [{"secret": {"secretName": "s"}}]},
    }
    assert redact(body) is body


@pytest.mark.parametrize(
    ("value", "known"),
    [
        pytest.param("", {"empty": True, "bytes": 0, "newline": False}, id="empty"),
        pytest.param(" \n", {"empty": True, "newline": True}, id="white space"),
        pytest.param("a", {"empty": False, "bytes": 1}, id="one byte"),
        pytest.param("a1b2c3d", {"bytes": 1}, id="seven bytes"),
        pytest.param("a1b2c3d4", {"bytes": 8}, id="eight bytes"),
        pytest.param("ab3" * 10 + "x", {"bytes": 16}, id="31 bytes"),
        pytest.param("ab3" * 10 + "xy", {"bytes": 32, "placeholder": False}, id="32 bytes"),
        pytest.param("ab3" * 10 + "xy\n", {"bytes": 32, "newline": True}, id="the line break is not counted"),
        pytest.param("ab3" * 100, {"bytes": 64}, id="no more than 64 is told"),
        pytest.param("äöü" * 6, {"bytes": 32}, id="bytes, not letters"),
        pytest.param("x\r\n", {"newline": True}, id="line break of Windows"),
        pytest.param("x\ny", {"newline": False}, id="line break inside"),
        pytest.param("postgresql://u:p@h/d", {"scheme": "postgresql"}, id="postgresql"),
        pytest.param("postgresql+asyncpg://h", {"scheme": "postgresql+driver"}, id="driver"),
        pytest.param("postgres://h", {"scheme": "postgres"}, id="postgres"),
        pytest.param("rediss://h", {"scheme": "rediss"}, id="rediss"),
        pytest.param("Redis://h", {"scheme": "other"}, id="case counts"),
        pytest.param(f"{CANARY}://h", {"scheme": "other"}, id="a scheme that nobody knows is not told"),
        pytest.param("postgresql://", {"scheme": None}, id="nothing after it"),
        pytest.param(" redis://h", {"scheme": None}, id="white space before it"),
        pytest.param('"redis://h"', {"scheme": None}, id="quotes around it"),
        pytest.param("redis:/h", {"scheme": None}, id="one slash"),
        pytest.param("super-secret-jwt-key-change-me", {"sample": "jwt-secret", "placeholder": True, "bytes": 16}, id="sample"),
        pytest.param("redis://localhost:6379/0", {"sample": "redis-url"}, id="sample URL"),
        pytest.param("CHANGE_ME", {"placeholder": True, "sample": None}, id="change me"),
        pytest.param("your-super-secret-key", {"placeholder": True}, id="your key"),
        pytest.param("<jwt secret>", {"placeholder": True}, id="angle brackets"),
        pytest.param("${JWT_SECRET}", {"placeholder": True}, id="reference"),
        pytest.param("0" * 40, {"placeholder": False, "repetitive": True}, id="zeros"),
        pytest.param("äöüß", {"repetitive": False}, id="different letters beyond ASCII"),
        pytest.param("example-only-jwt-secret-of-forty-characters", {"placeholder": False}, id="made up"),
        pytest.param("0123456789abcdef0123456789abcdef", {"placeholder": False}, id="digits in order"),
    ],
)
def test_facts_of_a_text(value: str, known: dict[str, Any]) -> None:
    for found in (facts(value, encoded=False), facts(encoded(value), encoded=True)):
        assert {key: found.get(key) for key in known} == known


@pytest.mark.parametrize(
    ("value", "json_type"),
    [(None, "null"), (True, "boolean"), (7, "number"), (0.5, "number"), ([1], "array"), ({"a": 1}, "object")],
)
def test_of_what_is_no_string_only_the_type_is_told(value: Any, json_type: str) -> None:
    assert facts(value, encoded=True) == facts(value, encoded=False) == {"type": json_type}


def test_facts_cannot_be_written_into_a_manifest() -> None:
    forged = dict(facts("postgresql://h", encoded=False))
    assert redact(secret(data={"database-url": forged}))["data"]["database-url"] == {"type": "object"}


@pytest.mark.parametrize("text", ["YQ", "plain text", "-_-_", "YQ==YQ=="])
def test_of_what_does_not_decode_nothing_else_is_told(text: str) -> None:
    assert facts(text, encoded=True) == {"type": "string", "decodes": False}


@pytest.mark.parametrize("path", sorted(EXERCISES.glob("guide/*.yaml")), ids=lambda path: path.stem)
def test_objects_without_secrets_are_shared_with_the_input(path: Any) -> None:
    for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        assert (redact(body) is body) is (body["kind"] != "Secret")


def test_fields_of_the_server_that_repeat_values_are_dropped() -> None:
    body = {
        "kind": "Deployment",
        "metadata": {
            "name": "d",
            "managedFields": [{"manager": CANARY}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY, "team": "search"},
        },
    }
    assert redact(body) == {"kind": "Deployment", "metadata": {"name": "d", "annotations": {"team": "search"}}}


def test_configmap_is_masked_under_each_key() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {
            "ENVIRONMENT": "production",
            "PORT": 6333,
            "DB_PASSWORD": CANARY,
            "PIN_TOKEN": 123456,
            "DSN": f"postgres://u:{CANARY}@h/d",
            "LLM": f"sk-{CANARY}",
            "app.properties": f"a=b\npassword={CANARY}\n",
            "nested": {"password": CANARY, "list": [f"redis://:{CANARY}@h"]},
        },
        "binaryData": {"dsn": encoded(f"postgres://u:{CANARY}@h/d"), "logo": encoded(b"\x89PNG\xff")},
    }
    redacted = redact(body)
    data = redacted["data"]
    assert CANARY not in seen(redacted)
    assert "123456" not in seen(redacted)
    assert (data["ENVIRONMENT"], data["PORT"], redacted["binaryData"]["logo"]) == ("production", 6333, encoded(b"\x89PNG\xff"))
    assert [find(key, data[key]) for key in ("DB_PASSWORD", "PIN_TOKEN", "DSN", "LLM", "app.properties")] == [
        *(NAMED, NAMED, URL, SK_KEY, NAMED)
    ]
    assert find_binary("dsn", redacted["binaryData"]["dsn"]) == URL
    assert redact(redacted) == redacted


def pod_spec(**container: Any) -> dict[str, Any]:
    return {"containers": [{"name": "api", "image": "x", **container}]}


HOLDERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "Pod": lambda spec: {"kind": "Pod", "spec": spec},
    "Deployment": lambda spec: {"kind": "Deployment", "spec": {"template": {"spec": spec}}},
    "CronJob": lambda spec: {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}},
    "PodTemplate": lambda spec: {"kind": "PodTemplate", "template": {"spec": spec}},
    "ControllerRevision": lambda spec: {"kind": "ControllerRevision", "data": {"spec": {"template": {"spec": spec}}}},
    "Rollout": lambda spec: {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": {"spec": spec}}},
}


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(
    "container",
    [
        pytest.param({"env": [{"name": "DATABASE_URL", "value": CANARY}]}, id="course variable"),
        pytest.param({"env": [{"name": "JWT_SECRET", "value": CANARY}]}, id="another course variable"),
        pytest.param({"env": [{"name": "OPENAI_API_KEY", "value": [CANARY]}]}, id="list as a value"),
        pytest.param({"env": [{"name": "DB_PASSWORD", "value": CANARY}]}, id="variable by name"),
        pytest.param({"env": [{"name": "DSN", "value": f"amqp://u:{CANARY}@h"}]}, id="variable by form"),
        pytest.param({"args": ["--password", CANARY]}, id="argument after a flag"),
        pytest.param({"args": [f"--api-key={CANARY}"]}, id="argument"),
        pytest.param({"command": ["sh", "-c", f"DATABASE_URL={CANARY} serve"]}, id="shell"),
        pytest.param({"command": ["serve", f"redis://:{CANARY}@h"]}, id="command"),
        pytest.param({"livenessProbe": {"exec": {"command": ["redis-cli", "--password", CANARY]}}}, id="probe"),
        pytest.param({"lifecycle": {"preStop": {"exec": {"command": [f"--token={CANARY}"]}}}}, id="hook"),
        pytest.param(
            {"readinessProbe": {"httpGet": {"httpHeaders": [{"name": "Authorization", "value": f"Bearer {CANARY}"}]}}}, id="header"
        ),
    ],
)
def test_no_credential_is_left_in_a_pod_template(holder: str, container: dict[str, Any]) -> None:
    body = HOLDERS[holder](pod_spec(**container))
    redacted = redact(body)
    assert CANARY not in seen(redacted)
    assert redact(redacted) == redacted


@pytest.mark.parametrize(
    ("value", "left"),
    [
        pytest.param("postgresql://h/d", "***", id="whole, password or not"),
        pytest.param("", "", id="empty"),
        pytest.param("$(DSN)", "$(DSN)", id="reference"),
        pytest.param("$$(DSN)", "***", id="escaped reference"),
        pytest.param("postgresql://u:$(PW)@h/d", "***://***:$(PW)@***", id="URL around a reference"),
        pytest.param("postgresql://u:secret@$(HOST)/d", "***", id="reference elsewhere in a URL"),
    ],
)
def test_the_courses_variables_are_masked_whole(value: str, left: str) -> None:
    redacted = redact(HOLDERS["Pod"](pod_spec(env=[{"name": "DATABASE_URL", "value": value}])))
    assert redacted["spec"]["containers"][0]["env"][0]["value"] == left
    assert redact(redacted) == redacted


def test_harmless_variables_and_arguments_stay() -> None:
    spec = pod_spec(
        env=[{"name": "LOG_LEVEL", "value": "info"}, {"name": "MAX_TOKENS", "value": "5"}, {"name": "X", "value": 5}],
        args=["--port", 8000, "--config=/etc/x", "$(DATABASE_URL)"],
        command="serve",
    )
    body = HOLDERS["Deployment"](spec)
    assert redact(body) is body


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.sampled_from(["Secret", "ConfigMap", "Pod", "a=b"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(
                    [
                        *(
                            "kind",
                            "data",
                            "stringData",
                            "binaryData",
                            "metadata",
                            "annotations",
                            "managedFields",
                            "spec",
                            "env",
                            "args",
                            "command",
                        ),
                        *("containers", "name", "value", "password", "DATABASE_URL", "kubectl.kubernetes.io/last-applied-configuration"),
                    ]
                ),
                st.integers(0, 3),
                st.none(),
                st.booleans(),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_shape_is_taken_and_left_unchanged(body: Any) -> None:
    before = repr(body)
    redacted = redact(body)
    assert repr(body) == before
    assert isinstance(redacted, Mapping) is isinstance(body, Mapping)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["data", "stringData", "x", "metadata", "type"]), JSON, max_size=4),
    st.sampled_from(["Secret", "secrets"]),
)
def test_whatever_stands_in_a_secret_no_text_of_it_remains(body: dict[str, Any], kind: str) -> None:
    def plant(value: Any, *, key: str = "") -> Any:
        if isinstance(value, str):
            return CANARY + value
        if isinstance(value, list):
            return [plant(item) for item in value]
        return {name: plant(item) for name, item in value.items()} if isinstance(value, dict) else value

    planted = {key: plant(value) for key, value in body.items() if key in ("data", "stringData", "x")}
    assert CANARY not in seen(redact({**planted, "kind": kind}))


def test_deep_nesting_neither_overflows_nor_leaks() -> None:
    body: dict[str, Any] = {"env": [{"name": "A", "value": f"sk-{CANARY}"}], "x": {"kind": "Secret", "stringData": {"a": CANARY}}}
    for _ in range(400):
        body = {"a": [body]}
    redacted = redact(body)
    assert CANARY not in seen(redacted)
    K8sObject.of(redacted)
