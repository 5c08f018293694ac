"""Image references: what a container runtime can read, and what it understands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.images import Image, parse_image

HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.mark.parametrize(
    ("text", "image"),
    [
        pytest.param("nginx", Image("", "nginx", None, None), id="name"),
        pytest.param("nginx:1.27", Image("", "nginx", "1.27", None), id="tag"),
        pytest.param("team/app:v1", Image("", "team/app", "v1", None), id="path"),
        pytest.param("registry.example/app", Image("registry.example", "app", None, None), id="registry"),
        pytest.param("registry:5000/app", Image("registry:5000", "app", None, None), id="port-is-no-tag"),
        pytest.param("registry:5000/app:v1", Image("registry:5000", "app", "v1", None), id="port-and-tag"),
        pytest.param("registry:5000", Image("", "registry", "5000", None), id="without-slash-it-is-a-tag"),
        pytest.param("localhost/app", Image("localhost", "app", None, None), id="localhost"),
        pytest.param("[::1]:5000/app:v1", Image("[::1]:5000", "app", "v1", None), id="address"),
        pytest.param("Registry/app:v1", Image("Registry", "app", "v1", None), id="upper-case-first-part-is-a-registry"),
        pytest.param(f"app@sha256:{HEX}", Image("", "app", None, f"sha256:{HEX}"), id="digest"),
        pytest.param(f"r.example:1/a/b:v1@sha256:{HEX}", Image("r.example:1", "a/b", "v1", f"sha256:{HEX}"), id="everything"),
        pytest.param("a_b/c--d__e.f:_x.Y-z", Image("", "a_b/c--d__e.f", "_x.Y-z", None), id="separators"),
        pytest.param("app:" + "x" * 128, Image("", "app", "x" * 128, None), id="longest-tag"),
    ],
)
def test_parts(text: str, image: Image) -> None:
    assert parse_image(text) == image


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(None, id="nothing"),
        pytest.param(3, id="number"),
        pytest.param("app:", id="empty-tag"),
        pytest.param("app:${TAG}", id="variable"),
        pytest.param("app:{{ .Values.tag }}", id="template"),
        pytest.param("app :v1", id="space"),
        pytest.param("app:v1\n", id="newline"),
        pytest.param("App:v1", id="upper-case"),
        pytest.param("registry.example/App:v1", id="upper-case-in-the-path"),
        pytest.param("app:v1:v2", id="two-tags"),
        pytest.param("app:-v1", id="tag-starts-with-a-dash"),
        pytest.param("app:" + "x" * 129, id="tag-too-long"),
        pytest.param("a..b", id="two-dots"),
        pytest.param("-app", id="starts-with-a-dash"),
        pytest.param("/app", id="starts-with-a-slash"),
        pytest.param("team//app", id="empty-part"),
        pytest.param("https://registry.example/app:v1", id="scheme"),
        pytest.param("registry.example:port/app", id="port-no-number"),
        pytest.param("app@sha256:" + HEX[:12], id="cut-digest"),
        pytest.param("app@sha256:" + HEX + "0", id="digest-too-long"),
        pytest.param("app@sha256:" + HEX.upper(), id="digest-in-capitals"),
        pytest.param("app@md5:" + HEX[:32], id="unknown-algorithm"),
        pytest.param(HEX, id="image-id"),
        pytest.param("a" * 256, id="too-long"),
    ],
)
def test_no_reference(text: object) -> None:
    assert parse_image(text) is None


@pytest.mark.parametrize(
    ("text", "latest", "moving"),
    [
        ("app", True, False),
        ("app:latest", True, True),
        (f"app:latest@sha256:{HEX}", False, False),
        ("app:LATEST", False, True),
        ("app:latest-alpine", False, True),
        ("app:stable", False, True),
        ("app:Main", False, True),
        (f"app:stable@sha256:{HEX}", False, False),
        ("app:v1", False, False),
        ("app:1.27-alpine", False, False),
        ("app:stable-2026-11-24", False, False),
        ("app:latestish", False, False),
    ],
)
def test_what_moves(text: str, latest: bool, moving: bool) -> None:
    image = parse_image(text)
    assert image is not None
    assert (image.latest, image.moving) == (latest, moving)


registries = st.sampled_from(["", "localhost", "registry.example", "registry.example:5000", "10.0.0.1:80"])
paths = st.from_regex(r"[a-z0-9]{1,5}([._-][a-z0-9]{1,3})?(/[a-z0-9]{1,4})?", fullmatch=True)
tags = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}", fullmatch=True)
digests = st.none() | st.from_regex(r"sha256:[a-f0-9]{64}", fullmatch=True)


@given(registries, paths, tags, digests)
def test_parts_come_back_from_their_text(registry: str, path: str, tag: str | None, digest: str | None) -> None:
    text = (f"{registry}/" if registry else "") + path + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    image = parse_image(text)
    if not registry and "." in path.partition("/")[0] and "/" in path:
        assert image is not None
        assert (f"{image.registry}/{image.repository}", image.tag, image.digest) == (path, tag, digest)
    else:
        assert image == Image(registry, path, tag, digest)


@given(st.text(max_size=30))
def test_any_text_is_a_reference_or_none(text: str) -> None:
    image = parse_image(text)
    assert image is None or (text.isascii() and image.repository in text)
