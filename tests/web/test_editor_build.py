"""The editor's bundle in static/build/ is what its sources and lock file make, byte for byte, and names no registry."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "static"
EDITOR = STATIC / "editor"


@pytest.fixture
def npm() -> str:
    """npm, where it is there."""
    found = shutil.which("npm")
    if found is None:
        pytest.skip("npm is not there, so the editor cannot be built here")
    return found


def test_committed_bundle_is_what_the_sources_make(tmp_path: Path, npm: str) -> None:
    copy = tmp_path / "editor"
    shutil.copytree(EDITOR, copy, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run([npm, "ci", "--ignore-scripts"], cwd=copy, capture_output=True, text=True, timeout=240)
    if installed.returncode and any(word in installed.stderr for word in ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT")):
        pytest.skip("the packages of the editor cannot be fetched here")
    assert installed.returncode == 0, installed.stderr
    built = subprocess.run(["node", "build.mjs", str(tmp_path / "built")], cwd=copy, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    made = {path.name: path.read_bytes() for path in (tmp_path / "built").iterdir()}
    committed = {path.name: path.read_bytes() for path in (STATIC / "build").iterdir()}
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == [], "run: cd static/editor && npm ci && npm run build"


def test_lock_file_says_nothing_of_a_registry() -> None:
    packages = json.loads((EDITOR / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert all("resolved" not in package for package in packages.values())
    assert all(package.get("integrity", "").startswith("sha512-") for name, package in packages.items() if name)


def test_editor_is_made_of_codemirror_6_alone() -> None:
    wanted = json.loads((EDITOR / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert wanted
    assert all(name.startswith(("@codemirror/", "@lezer/")) for name in wanted)
