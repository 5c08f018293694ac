"""What may be a name, by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics import names
from graders.semantics.names import Rule

_RULES: dict[str, Rule] = {
    name: getattr(names, name)
    for name in (
        *("dns_label", "dns_subdomain", "label_value", "qualified", "data_key", "port_name", "path_segment"),
        *("variable", "http_header", "search_domain", "sysctl", "wildcard_host", "domain_path"),
    )
}


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        pytest.param(rule, name, id=f"{rule}-{name[:20]}")
        for rule, accepted in {
            "dns_label": ("a", "0", "web-1", "x" * 63),
            "dns_subdomain": ("a", "a.b", "0.1", "x" * 253),
            "label_value": ("", "a", "A_b.c-d", "x" * 63),
            "qualified": ("a", "A_b.c", "example.com/A", "x" * 63, f"{'x' * 253}/a"),
            "data_key": ("a", ".env", "A_b-c.d", "-", "x" * 253),
            "port_name": ("http", "a", "0a", "x" * 15, "grpc-web"),
            "path_segment": ("Any Name", "system:masters", "...", ""),
            "variable": ("A", "with space", "1", "a.b-c"),
            "http_header": ("X-Probe", "a", "0"),
            "search_domain": ("example.com", "_tcp.example.com", "a_b"),
            "sysctl": ("net.core.somaxconn", "kernel/shm_rmid_forced"),
            "wildcard_host": ("example.com", "*.example.com", "a"),
            "domain_path": ("acme.io/foo", "a/b/c"),
        }.items()
        for name in accepted
    ],
)
def test_accepts(rule: str, good: str) -> None:
    assert _RULES[rule](good) is None


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        pytest.param(rule, name, id=f"{rule}-{name[:20] or 'empty'}")
        for rule, refused in {
            "dns_label": ("", "A", "-a", "a-", "a.b", "a_b", "x" * 64, "é", "a\n"),
            "dns_subdomain": ("", ".a", "a.", "a..b", "A", "a_b", "x" * 254),
            "label_value": ("-a", "a-", ".a", "a b", "x" * 64, "a\n"),
            "qualified": ("", "/a", "a/", "A/b", "a/b/c", "-a", "x" * 64, f"{'x' * 254}/a"),
            "data_key": ("", ".", "..", "..a", "a/b", "a b", "x" * 254),
            "port_name": ("", "80", "HTTP", "-a", "a-", "a--b", "x" * 16, "a_b"),
            "path_segment": (".", "..", "a/b", "a%b"),
            "variable": ("", "A=B", "é", "a\tb"),
            "http_header": ("", "X_Probe", "a b"),
            "search_domain": ("", "A", "a..b", "__a"),
            "sysctl": ("", "Net", "net..core", "/net"),
            "wildcard_host": ("", "*", "a.*.b", "*.*.b", "*a.b", "A.b", "*.", f"*.{'x' * 252}"),
            "domain_path": ("", "foo", "acme.io/", "/foo", "Acme/foo", "acme.io/a b"),
        }.items()
        for name in refused
    ],
)
def test_refuses_and_says_what_is_allowed(rule: str, bad: str) -> None:
    assert _RULES[rule](bad)


@given(st.text())
def test_a_label_is_a_subdomain_and_a_value_of_a_label(name: str) -> None:
    if names.dns_label(name) is None:
        assert names.dns_subdomain(name) is None
        assert names.label_value(name) is None
        assert names.qualified(name) is None


@given(st.sampled_from(sorted(_RULES)), st.text())
def test_no_name_crashes_a_rule(rule: str, name: str) -> None:
    assert _RULES[rule](name) is None or _RULES[rule](name)
