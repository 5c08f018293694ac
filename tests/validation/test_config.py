"""ConfigMaps and Secrets, whose values may be facts only."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from graders.redaction import redact
from graders.validation import validate
from tests.validation.objects import GONE, changed, judged, places, rows

_MIB = 1024 * 1024


@rows(
    ("ConfigMap/settings", "data", GONE),
    ("ConfigMap/settings", "data.LEVEL", None),
    ("ConfigMap/settings", "data.LEVEL", "x" * (_MIB - 20)),
    ("Secret/plain", "data", GONE),
    ("Secret/plain", "type", "example.com/own"),
    ("Secret/tls", "stringData", {"tls.key": ""}),
    ("Secret/registry", "stringData['.dockerconfigjson']", '{"auths": {}}'),
    ("Secret/basic", "stringData", {"password": ""}),
)
def test_accepts(name: str, path: str, value: Any, where: str) -> None:
    assert judged(name, path, value) == ()


@rows(
    ("ConfigMap/settings", "data['a/b']", "c"),
    ("ConfigMap/settings", "data['..']", "c"),
    ("ConfigMap/settings", "binaryData['a b']", "AAAA"),
    ("ConfigMap/settings", "data['logo.png']", "text"),
    ("ConfigMap/settings", "data.LEVEL", "x" * (_MIB + 1), "data"),
    ("Secret/plain", "data['a b']", "AAAA"),
    ("Secret/plain", "stringData.token", "x" * (_MIB + 1), "data"),
    ("Secret/tls", "data['tls.key']", GONE),
    ("Secret/registry", "stringData", GONE, "data['.dockerconfigjson']"),
    ("Secret/registry", "stringData['.dockerconfigjson']", "hunter2"),
    ("Secret/basic", "stringData", GONE, "data.username"),
    ("Secret/ssh", "stringData.ssh-privatekey", ""),
    ("Secret/plain", "type", "kubernetes.io/service-account-token", "metadata.annotations['kubernetes.io/service-account.name']"),
)
def test_rejects(name: str, path: str, value: Any, where: str) -> None:
    found = judged(name, path, value)
    assert places(found) == [where]
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(("content", "wrong"), [("{}", 0), ("[]", 1), ("null", 0), ("hunter2", 1)])
def test_the_registry_s_key_holds_an_object(content: str, wrong: int) -> None:
    body = changed("Secret/registry", "data", {".dockerconfigjson": base64.b64encode(content.encode()).decode()})
    del body["stringData"]
    assert len(validate(body)) == wrong


@pytest.mark.parametrize("content", ["", "  ", "hunter2"], ids=["empty", "blank", "text"])
def test_facts_are_enough_where_they_tell(content: str) -> None:
    body = redact(changed("Secret/registry", "stringData", {".dockerconfigjson": content}))
    assert len(validate(body)) == (0 if content.strip() else 1)
