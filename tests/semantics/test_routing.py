"""Hosts, paths and nginx's value syntax."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graders.semantics.routing import (
    boolean,
    certificate_covers,
    is_host,
    route_covers,
    service_port,
    size,
    takes_every_path,
    takes_every_request,
    whole_number,
)

labels = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=4).map(".".join)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["/", "Prefix", "PathPrefix"]),
    lambda inner: (
        st.lists(inner, max_size=2).map(tuple)
        | st.dictionaries(st.sampled_from(["path", "type", "value", "headers", "method", "number", "name"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("api.example.com", True),
        ("localhost", True),
        ("*.example.com", True),
        ("1api.example.com", True),
        ("x" * 63 + "." + "y" * 63, True),
        ("API.example.com", False),
        ("api.example.com.", False),
        ("*", False),
        ("*.", False),
        ("*.*.example.com", False),
        ("api.*.com", False),
        ("api_.example.com", False),
        ("10.0.0.1", False),
        ("2001:db8::1", False),
        ("api.example.com:443", False),
        ("https://api.example.com", False),
        ("api.example.com\n", False),
        ("", False),
        ("x" * 254, False),
        (None, False),
        (80, False),
    ],
)
def test_hosts(value: Any, expected: bool) -> None:
    assert is_host(value) is expected


@pytest.mark.parametrize(
    ("listed", "host", "certificate", "route"),
    [
        pytest.param("api.example.com", "api.example.com", True, True, id="equal"),
        pytest.param("*.example.com", "api.example.com", True, True, id="one label"),
        pytest.param("*.example.com", "a.b.example.com", False, True, id="two labels"),
        pytest.param("*.example.com", "example.com", False, False, id="no label"),
        pytest.param("*.example.com", "api.notexample.com", False, False, id="only the same letters"),
        pytest.param("*.example.com", "*.example.com", True, True, id="wildcard for wildcard"),
        pytest.param("api.example.com", "*.example.com", False, False, id="one name for a wildcard"),
        pytest.param("*.com", "*.example.com", False, True, id="a wider wildcard"),
        pytest.param("*.example.com", "*.com", False, False, id="a narrower wildcard"),
        pytest.param("*.a.example.com", "*.example.com", False, False, id="a wildcard below"),
        pytest.param("API.example.com", "api.example.com", False, False, id="capitals"),
        pytest.param("example.com", "api.example.com", False, False, id="the parent"),
        pytest.param("*", "com", False, False, id="a star alone"),
        pytest.param(None, "api.example.com", False, False, id="nothing"),
        pytest.param(5, "api.example.com", False, False, id="a number"),
    ],
)
def test_coverage(listed: Any, host: str, certificate: bool, route: bool) -> None:
    assert certificate_covers(listed, host) is certificate
    assert route_covers(listed, host) is route


@settings(max_examples=200)
@given(hosts, hosts)
def test_what_a_certificate_covers_a_route_covers(listed: str, host: str) -> None:
    assert certificate_covers(host, host)
    for pattern in (listed, f"*.{listed}", f"*.{host.partition('.')[2]}"):
        assert not certificate_covers(pattern, host) or route_covers(pattern, host)


@settings(max_examples=200)
@given(labels, hosts)
def test_a_star_is_one_label(label: str, parent: str) -> None:
    assert certificate_covers(f"*.{parent}", f"{label}.{parent}")
    assert not certificate_covers(f"*.{parent}", f"{label}.{label}.{parent}")
    assert route_covers(f"*.{parent}", f"{label}.{label}.{parent}")


@pytest.mark.parametrize(
    ("path", "path_type", "expected"),
    [
        ("/", "Prefix", True),
        (None, "Prefix", False),
        ("", "Prefix", False),
        ("/api", "Prefix", False),
        ("/", "Exact", False),
        ("/", "prefix", False),
        ("/", None, False),
        ("/", "ImplementationSpecific", None),
        (None, "ImplementationSpecific", None),
        ("", "ImplementationSpecific", None),
        ("/*", "ImplementationSpecific", False),
        (0, "ImplementationSpecific", False),
        (["/"], "Prefix", False),
    ],
)
def test_paths(path: Any, path_type: Any, expected: bool | None) -> None:
    assert takes_every_path(path, path_type) is expected


@pytest.mark.parametrize(
    ("matches", "expected"),
    [
        pytest.param(None, True, id="left out"),
        pytest.param((), True, id="none"),
        pytest.param(({},), True, id="an empty one"),
        pytest.param(({"path": {"type": "PathPrefix", "value": "/"}},), True, id="as filled in by default"),
        pytest.param(({"path": {"value": "/"}},), True, id="without a type"),
        pytest.param(({"path": {"value": "/v1"}}, {}), True, id="the second"),
        pytest.param(({"path": {"value": "/v1"}},), False, id="some paths"),
        pytest.param(({"path": {"type": "Exact", "value": "/"}},), False, id="one path"),
        pytest.param(({"method": "GET"},), False, id="one method"),
        pytest.param(({"headers": ({"name": "x", "value": "y"},)},), False, id="a header"),
        pytest.param(({"queryParams": ({"name": "x", "value": "y"},)},), False, id="a parameter"),
        pytest.param({"path": {"value": "/"}}, False, id="no list"),
        pytest.param(("x",), False, id="no map"),
        pytest.param(({"path": "/"},), False, id="a path that is no map"),
    ],
)
def test_matches(matches: Any, expected: bool) -> None:
    assert takes_every_request(matches) is expected


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"number": 80}, 80),
        ({"name": "http"}, "http"),
        ({"name": "", "number": 80}, 80),
        ({"name": "http", "number": 0}, "http"),
        ({"name": "http", "number": None}, "http"),
        ({"name": "http", "number": 80}, None),
        ({"number": "80"}, None),
        ({"number": 80.0}, None),
        ({"number": True}, None),
        ({"name": 80}, None),
        ({}, None),
        (80, None),
        (None, None),
    ],
)
def test_ports(port: Any, expected: int | str | None) -> None:
    assert service_port(port) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50m", 52428800),
        ("50M", 52428800),
        ("51200k", 52428800),
        ("52428800", 52428800),
        ("1g", 1073741824),
        ("1G", 1073741824),
        ("0", 0),
        ("007K", 7168),
        ("8589934591g", 9223372035781033984),
        ("8589934592g", None),
        ("9" * 5000, None),
        ("0" * 5000 + "1k", 1024),
        ("", None),
        ("m", None),
        ("50Mi", None),
        ("50mb", None),
        ("50 m", None),
        (" 50m", None),
        ("50m\n", None),
        ("-50m", None),
        ("+50m", None),
        ("0.5g", None),
        ("5e1m", None),
        ("٥٠m", None),
    ],
)
def test_sizes(text: str, expected: int | None) -> None:
    assert size(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, True) for text in ("1", "t", "T", "true", "TRUE", "True")),
        *((text, False) for text in ("0", "f", "F", "false", "FALSE", "False")),
        *((text, None) for text in ("", "yes", "on", "tRUE", " true", "true\n", "2", "no")),
    ],
)
def test_booleans(text: str, expected: bool | None) -> None:
    assert boolean(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("+5", 5),
        ("-5", -5),
        ("005", 5),
        ("0", 0),
        ("9223372036854775807", 9223372036854775807),
        ("9223372036854775808", None),
        ("-9223372036854775808", -9223372036854775808),
        ("9" * 5000, None),
        ("0" * 5000 + "1", 1),
        ("", None),
        ("5.0", None),
        ("0x5", None),
        ("5_0", None),
        (" 5", None),
        ("5\n", None),
        ("٥", None),
        ("--5", None),
    ],
)
def test_whole_numbers(text: str, expected: int | None) -> None:
    assert whole_number(text) == expected


@settings(max_examples=200)
@given(st.integers(0, 10**6), st.sampled_from([("k", 1), ("m", 2), ("g", 3)]))
def test_units_grow_by_1024(number: int, unit: tuple[str, int]) -> None:
    letter, power = unit
    assert size(f"{number}{letter}") == size(f"{number}{letter.upper()}") == size(str(number * 1024**power))


@settings(max_examples=200)
@given(anything, anything)
def test_any_shape_gets_an_answer(one: Any, other: Any) -> None:
    assert takes_every_path(one, other) in (True, False, None)
    assert takes_every_request(one) in (True, False)
    assert isinstance(service_port(one), int | str | None)
    assert is_host(one) in (True, False)
