"""The committed tables of the strict decoder are those that the tool makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import build_schema_bundle as tool


def test_committed_bundle_is_current() -> None:
    assert tool.main(["--check"]) == 0


def test_check_notices_another_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "kubernetes.json"
    other.write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr(tool, "BUNDLE", other)
    assert tool.main(["--check"]) == 1
    assert tool.main([]) == 0
    assert tool.main(["--check"]) == 0
