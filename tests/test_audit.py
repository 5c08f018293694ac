"""The audit of dependencies: what is known is told and fails, what could not be asked is told and does not."""

from __future__ import annotations

import json

import pytest

from tools.audit import of_npm, of_pip

KNOWN = {"name": "starlette", "version": "0.1", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["0.2"]}]}
CLEAN = {"name": "jinja2", "version": "3.1.6", "vulns": []}
UNKNOWN = {"name": "alembic", "skip_reason": "Dependency not found on PyPI and could not be audited: alembic (1.17)"}


@pytest.mark.parametrize(
    ("packages", "told"),
    [
        ([CLEAN, KNOWN], "✗ x.lock\n    starlette 0.1: PYSEC-1, CVE-1; mended in 0.2"),
        ([UNKNOWN, UNKNOWN, KNOWN], "✗ x.lock\n    starlette 0.1: PYSEC-1, CVE-1; mended in 0.2"),
        ([CLEAN, CLEAN, UNKNOWN], "✓ x.lock: nothing known against 2 packages"),
        ([CLEAN, UNKNOWN, UNKNOWN], "– x.lock: not audited; the service knows 1 of 3 packages"),
        ([], "– x.lock: not audited; no route to host"),
    ],
    ids=["known", "known beside unknown", "clean", "hardly any", "no service"],
)
def test_what_pip_audit_says_in_words(packages: list[dict[str, object]], told: str) -> None:
    outcome = of_pip("x.lock", (json.dumps({"dependencies": packages}) if packages else "", "trace\nno route to host\n"))
    assert str(outcome) == told
    assert bool(outcome.weaknesses) == told.startswith("✗")


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ({"vulnerabilities": {"a": {"severity": "high"}, "b": {"severity": "low"}}}, "✗ x.json\n    a: high"),
        (
            {"vulnerabilities": {"b": {"severity": "low"}}, "metadata": {"dependencies": {"total": 7}}},
            "✓ x.json: nothing known against 7 packages",
        ),
        ({"error": {"summary": "audit endpoint returned an error"}}, "– x.json: not audited; audit endpoint returned an error"),
        (None, "– x.json: not audited; there is no npm on this machine"),
    ],
    ids=["known", "of no weight", "no service", "no npm"],
)
def test_what_npm_audit_says_in_words(output: dict[str, object] | None, told: str) -> None:
    assert str(of_npm("x.json", (json.dumps(output) if output else "", "there is no npm on this machine"))) == told
