"""What counts as a credential, what does not, and masking that keeps the one recognisable."""

from __future__ import annotations

import base64
import string
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.semantics.credentials import (
    NAMED,
    PRIVATE_KEY,
    SK_KEY,
    TOKEN,
    URL,
    decode_base64,
    find,
    find_binary,
    is_named,
    mask,
    mask_binary,
    mask_command,
    mask_text,
)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PEM = "-----BEGIN RSA PRIVATE KEY-----\nbm90IGEga2V5\n-----END RSA PRIVATE KEY-----\n"

CREDENTIALS = [
    pytest.param("X", "postgresql://rag:hunter2@db:5432/rag", URL, id="URL with a password"),
    pytest.param("X", "postgresql+asyncpg://rag:hunter2@db/rag", URL, id="URL with a driver"),
    pytest.param("X", "redis://:hunter2@redis:6379/0", URL, id="URL with a password and no user"),
    pytest.param("X", "amqp://u:p@ss@host/", URL, id="URL with an at sign in the password"),
    pytest.param("X", "amqps://u:it's-one@host/", URL, id="URL with a quote in the password"),
    pytest.param("X", "postgres://u:hunter2/x+y@host/d", URL, id="URL with a slash in the password"),
    pytest.param("DB_PASSWORD", "$hunter2", NAMED, id="dollar sign in front"),
    pytest.param("X", "see https://u:p@host/ for more", URL, id="URL within a text"),
    pytest.param("X", '{"dsn":"postgres://u:hunter2@h/d"}', URL, id="URL within JSON"),
    pytest.param("X", "kafka://a:1@x,kafka://b:2@y", URL, id="two URLs"),
    pytest.param("X", "sk-test-key-1234567890", SK_KEY, id="key of the tutorials"),
    pytest.param("X", "sk-proj-abcDEF123", SK_KEY, id="key of a project"),
    pytest.param("X", ' "sk-abcdef"\n', SK_KEY, id="quoted key with white space around"),
    pytest.param("X", "Bearer sk-4f9a8b7c6d5e4f3a2b1c", SK_KEY, id="key within a text"),
    pytest.param("X", "key: sk-ant-api03-abc", SK_KEY, id="key with a known beginning within a text"),
    pytest.param("X", "ghp_" + "a1B2" * 9, TOKEN, id="token with a published prefix"),
    pytest.param("X", PEM, PRIVATE_KEY, id="RSA key"),
    pytest.param("X", PEM.replace("RSA ", ""), PRIVATE_KEY, id="PKCS 8 key"),
    pytest.param("X", PEM.replace("RSA", "OPENSSH"), PRIVATE_KEY, id="OpenSSH key"),
    pytest.param("X", "-----BEGIN EC PRIVATE KEY-----\nbm90", PRIVATE_KEY, id="key without an end"),
    pytest.param("X", "ca\n" + PEM + "more\n" + PEM, PRIVATE_KEY, id="two keys within a text"),
    pytest.param("API_TOKEN", "x", NAMED, id="TOKEN"),
    pytest.param("db-password", "x", NAMED, id="password with a hyphen"),
    pytest.param("jwtSecret", "x", NAMED, id="camel case"),
    pytest.param("DBPassword", "x", NAMED, id="camel case after capitals"),
    pytest.param("OPENAI_API_KEY", "x", NAMED, id="API KEY"),
    pytest.param("PGPASSWORD", "x", NAMED, id="PGPASSWORD"),
    pytest.param("PASSWORD", 12345, NAMED, id="number as a password"),
    pytest.param("PASSWORD", "***", NAMED, id="already masked"),
    pytest.param("password.txt", "x\n", NAMED, id="file with a password"),
    pytest.param("PASSWORD_2", "x", NAMED, id="numbered"),
    pytest.param("PASSWORD", "changeme", NAMED, id="placeholder"),
    pytest.param("app.properties", "pool=5\ndb.password=hunter2\n", NAMED, id="line of a properties file"),
    pytest.param("app.yaml", "db:\n  user: rag\n  password: hunter2  # change\n", NAMED, id="line of a YAML file"),
    pytest.param(".env", 'export API_TOKEN="hunter2"\r\n', NAMED, id="line of an env file"),
    pytest.param("app.json", '{"user": "rag", "password": "hunter2"}', NAMED, id="entry of JSON"),
    pytest.param("DSN", "host=db user=rag password=hunter2", NAMED, id="keyword connection string"),
    pytest.param("OPTS", "-Xmx1g -Ddb.password=hunter2", NAMED, id="command line option"),
    pytest.param("X", "url = ${A:-x}\npassword = ${PASSWORD:-hunter2}\n", NAMED, id="default of a reference"),
    pytest.param("X", encoded("postgresql://rag:hunter2@db:5432/rag"), URL, id="base64 of a URL"),
    pytest.param("X", encoded("sk-test-key-1234567890") + "\n", SK_KEY, id="base64 of a key"),
]

HARMLESS = [
    pytest.param("X", "postgresql://db:5432/rag", id="URL without a user"),
    pytest.param("X", "redis://rag@redis:6379", id="URL with a user only"),
    pytest.param("X", "redis://rag:@redis:6379", id="URL with an empty password"),
    pytest.param("X", "http://host:8080/path@v2", id="at sign in a path"),
    pytest.param("X", "http://host:8080?mail=me@example.org", id="at sign in a query"),
    pytest.param("X", "postgres://rag:${DB_PASSWORD}@db/rag", id="URL with a reference"),
    pytest.param("X", "postgres://rag:$(DB_PASSWORD)@db/rag", id="URL with a variable of the Pod"),
    pytest.param("X", "mongodb://h1:27017,h2:27018/rag@x", id="several hosts with ports"),
    pytest.param("X", "git+ssh://git@example.org:22/rag@v1", id="at sign after a port"),
    pytest.param("X", "risk-free", id="risk-free"),
    pytest.param("X", "task-sk-1", id="task-sk-1"),
    pytest.param("X", "sk-SK", id="locale"),
    pytest.param("X", "sk-learn", id="library"),
    pytest.param("X", "class sk-fading-circle-wrapper", id="words joined by hyphens"),
    pytest.param("X", "ask-me-anything-1234567890", id="within a word"),
    pytest.param("X", "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----", id="certificate"),
    pytest.param("X", "-----BEGIN PUBLIC KEY-----\nYQ==\n-----END PUBLIC KEY-----", id="public key"),
    pytest.param("MAX_TOKENS", "4096", id="MAX_TOKENS"),
    pytest.param("MAX_TOKEN", "4096", id="a most of tokens"),
    pytest.param("COST_PER_TOKEN", "0.002", id="price"),
    pytest.param("PAD_TOKEN", "[PAD]", id="token of a language model"),
    pytest.param("TOKEN_LIMIT", "4096", id="TOKEN_LIMIT"),
    pytest.param("TOKENIZER", "bpe", id="TOKENIZER"),
    pytest.param("SECRET_NAME", "rag-engine-secrets", id="SECRET_NAME"),
    pytest.param("PASSWORD_FILE", "/run/secrets/pw", id="PASSWORD_FILE"),
    pytest.param("GOOGLE_APPLICATION_CREDENTIALS", "/var/secrets/google/key.json", id="place of a file"),
    pytest.param("CACHE_KEY", "v1", id="key of a cache"),
    pytest.param("PUBLIC_KEY", "abc", id="public key by name"),
    pytest.param("REDIS_PASSWORD", "", id="empty"),
    pytest.param("REDIS_PASSWORD", " \n", id="white space"),
    pytest.param("REDIS_PASSWORD", "${REDIS_PASSWORD}", id="reference"),
    pytest.param("REDIS_PASSWORD", "{{ .Values.password }}", id="template"),
    pytest.param("REQUIRE_PASSWORD", "true", id="switch"),
    pytest.param("REQUIRE_PASSWORD", True, id="boolean"),
    pytest.param("PASSWORD", None, id="null"),
    pytest.param("PASSWORD", {"a": 1}, id="map"),
    pytest.param("app.yaml", "password:\npasswordMinLength: 12\nsecretName: rag\n", id="file with empty and other entries"),
    pytest.param("X", "A note: the password is in the vault.", id="prose"),
    pytest.param("X", "plain", id="word"),
    pytest.param("", "", id="nothing"),
]


@pytest.mark.parametrize(("key", "value", "kind"), CREDENTIALS)
def test_credential_is_found(key: str, value: Any, kind: str) -> None:
    assert find(key, value) == kind


@pytest.mark.parametrize(("key", "value", "kind"), CREDENTIALS)
def test_masking_hides_it_and_keeps_it_recognisable(key: str, value: Any, kind: str) -> None:
    masked = mask(key, value)
    assert type(masked) is type(value)
    assert find(key, masked) == kind
    assert mask(key, masked) == masked
    for secret in ("hunter2", "bm90", "abcDEF123", "1234567890", "4f9a8b7c"):
        assert secret not in str(masked)
        assert secret not in (decode_base64(str(masked).strip()) or b"").decode("utf-8", "replace")


@pytest.mark.parametrize(("key", "value"), HARMLESS)
def test_harmless_value_is_left_alone(key: str, value: Any) -> None:
    assert find(key, value) is None
    assert mask(key, value) is value


@pytest.mark.parametrize(("key", "value", "kind"), [case for case in CREDENTIALS if isinstance(case.values[1], str)])
def test_binary_data_is_looked_into(key: str, value: str, kind: str) -> None:
    binary = encoded(value)
    masked = mask_binary(key, binary)
    assert find_binary(key, binary) == kind
    assert find_binary(key, masked) == kind
    assert b"hunter2" not in (decode_base64(masked) or b"")


def test_binary_data_that_is_no_text_is_left_alone() -> None:
    content = base64.b64encode(bytes(range(256))).decode()
    assert find_binary("logo.png", content) is None
    assert mask_binary("logo.png", content) is content


def test_binary_data_that_does_not_decode_is_looked_at_as_it_stands() -> None:
    assert find_binary("x", "postgres://u:hunter2@h") == URL
    assert "hunter2" not in mask_binary("x", "postgres://u:hunter2@h")


WORDS = ("password", "TOKEN", "secret", "limit", "db", "Max", "name", "api", "key", "user")
PIECES = st.one_of(
    st.sampled_from(
        ["://", "u:p@", "sk-", "sk-proj-", "***", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "=", ": ", "\n", '"']
    ),
    st.sampled_from(["password=", "token: ", "${A}", "$(B)", "ghp_0123456789abcdef", "postgres://a:b@c/d", "--password ", "abc123", "/"]),
    st.text(string.printable, max_size=12),
)
KEYS = st.lists(st.sampled_from(WORDS), max_size=3).map("_".join)
TEXTS = st.lists(PIECES, max_size=8).map("".join)


@settings(max_examples=200, deadline=None)
@given(KEYS, st.one_of(TEXTS, TEXTS.map(encoded), st.text(max_size=20)))
def test_masked_text_is_found_as_the_same_and_masking_twice_changes_nothing(key: str, value: str) -> None:
    masked = mask(key, value)
    assert find(key, masked) == find(key, value)
    assert mask(key, masked) == masked


@settings(max_examples=200, deadline=None)
@given(KEYS, TEXTS)
def test_masking_binary_data_agrees(key: str, value: str) -> None:
    binary = encoded(value)
    masked = mask_binary(key, binary)
    assert find_binary(key, masked) == find_binary(key, binary)
    assert mask_binary(key, masked) == masked


CANARY = "cAnArY0123456789x"


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        [
            "postgresql://rag:{}@db/x",
            "redis://:{}@r",
            "sk-{}",
            "Authorization: Bearer sk-{}",
            "ghp_{}",
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----{}",
            '{{"password": "{}"}}',
            "a=b\npassword={}\n",
            "user=a password={} host=b",
        ]
    ),
    st.text(string.ascii_letters + " \n", max_size=20),
    st.text(" \n", min_size=1, max_size=3),
)
def test_no_credential_survives_within_other_text(form: str, before: str, between: str) -> None:
    text = before + between + form.format(CANARY) + between + before
    assert CANARY not in mask("notes", text)
    assert CANARY.encode() not in (decode_base64(mask("notes", encoded(text))) or b"")


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("password", True),
        ("Password", True),
        ("MY_SECRET", True),
        ("a.b.token", True),
        ("SMTP_PASS", True),
        ("pass", False),
        ("BYPASS", False),
        ("ACCESS_KEY_ID", False),
        ("", False),
        ("key", False),
    ],
)
def test_last_word_decides(key: str, named: bool) -> None:
    assert is_named(key) is named


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        pytest.param(["--password", "hunter2"], ["--password", "***"], id="flag and value"),
        pytest.param(["--db-password=hunter2"], ["--db-password=***"], id="flag with value"),
        pytest.param(["--api-key", "--verbose"], ["--api-key", "--verbose"], id="flag without value"),
        pytest.param(["--password", "$(PASSWORD)"], ["--password", "$(PASSWORD)"], id="flag and reference"),
        pytest.param(["sh", "-c", "TOKEN=hunter2 run --secret hunter2"], ["sh", "-c", "TOKEN=*** run --secret ***"], id="shell"),
        pytest.param(["psql", "postgres://u:hunter2@h/d"], ["psql", "postgres://u:***@h/d"], id="URL"),
        pytest.param(["DATABASE_URL=postgres://h/d"], ["DATABASE_URL=***"], id="name given"),
        pytest.param(["serve", 8000, None, {"a": 1}], ["serve", 8000, None, {"a": 1}], id="no words"),
        pytest.param(["--tokens", "5", "--max-token=5"], ["--tokens", "5", "--max-token=5"], id="no credential"),
    ],
)
def test_command_line(words: list[Any], masked: list[Any]) -> None:
    assert mask_command(words, frozenset(("DATABASE_URL",))) == masked
    assert mask_command(masked, frozenset(("DATABASE_URL",))) == masked


@pytest.mark.parametrize(
    ("text", "content"),
    [
        pytest.param("", b"", id="empty"),
        pytest.param("YQ==", b"a", id="padded"),
        pytest.param("Y\nQ=\r\n=\n", b"a", id="line breaks anywhere"),
        pytest.param("YR==", b"a", id="bits left over"),
        pytest.param("YQ", None, id="no padding"),
        pytest.param("YQ=", None, id="too little padding"),
        pytest.param("YQ===", None, id="too much padding"),
        pytest.param("=YQ=", None, id="padding in front"),
        pytest.param("Y Q==", None, id="space"),
        pytest.param("YQ==\t", None, id="tab"),
        pytest.param("-_-_", None, id="URL alphabet"),
        pytest.param("YQ==YQ==", None, id="two in a row"),
        pytest.param("é===", None, id="other letters"),
        pytest.param(5, None, id="number"),
    ],
)
def test_base64_is_read_as_go_reads_it(text: Any, content: bytes | None) -> None:
    assert decode_base64(text) == content


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 1_000_000, id="one word"),
        pytest.param("a://" * 250_000, id="schemes"),
        pytest.param("a://b:c" * 140_000, id="passwords without an end"),
        pytest.param("u:p" * 300_000, id="colons"),
        pytest.param("://" + "a:" * 400_000, id="authority without an end"),
        pytest.param("sk-" * 300_000, id="sk-"),
        pytest.param("password=" + "}" * 900_000 + " x", id="braces"),
        pytest.param('"a":' * 200_000, id="JSON"),
        pytest.param("--password " * 90_000, id="flags"),
        pytest.param("-----BEGIN PRIVATE KEY-----" * 20_000, id="keys"),
        pytest.param("A" * 900_000 + "==", id="base64"),
        pytest.param("k" + " " * 900_000 + "=", id="spaces"),
        pytest.param("-----BEGIN " + "A " * 400_000, id="words of a header"),
    ],
)
def test_time_grows_with_the_text_only(text: str) -> None:
    """A quadratic pattern would take minutes here; the limit is far from what a slow machine needs."""
    started = time.process_time()
    mask("x", text)
    mask_text(text)
    mask_command([text])
    assert time.process_time() - started < 10
