"""Which practice cluster is built, and under which name: nothing is compiled here."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cluster import build, release


def test_newest_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_KUBERNETES_VERSION", raising=False)
    assert build.chosen() == build.versions()[0]
    assert build.versions() == ["1.37", "1.36", "1.35"]


def test_environment_chooses_and_the_argument_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_KUBERNETES_VERSION", "1.35")
    assert build.chosen() == "1.35"
    assert build.chosen("1.36") == "1.36"


@pytest.mark.parametrize("version", ["1.30", "v1.36", "36", "latest"])
def test_unknown_version_is_refused_with_those_that_there_are(version: str) -> None:
    with pytest.raises(build.BuildError, match=r"no practice cluster for Kubernetes .*There is one for 1\.37, 1\.36, 1\.35"):
        build.chosen(version)


@pytest.mark.parametrize("minor", build.versions())
def test_module_file_holds_one_release_of_kubernetes(minor: str) -> None:
    release_built = build.kubernetes_version(minor)
    assert release_built.startswith(f"v{minor}.")
    file = build.SOURCE / "go.mod" if minor == build.versions()[0] else build.SOURCE / "versions" / minor / "go.mod"
    staging = release_built.replace("v1.", "v0.", 1)
    replaced = [line.split()[-2:] for line in file.read_text(encoding="utf-8").splitlines() if " => " in line]
    assert len(replaced) > 30
    assert {module for module, version in replaced if version != staging} <= {"k8s.io/cri-api", "k8s.io/cri-client"}


def test_every_version_needs_the_same_modules() -> None:
    """A new direct requirement must reach the older versions, too: python3 cluster/versions/update.py writes them anew."""
    wanted = _required(build.SOURCE / "go.mod")
    for minor in build.versions()[1:]:
        assert _required(build.SOURCE / "versions" / minor / "go.mod") == wanted, f"run cluster/versions/update.py ({minor})"


@pytest.mark.skipif(os.name == "nt", reason="a script stands in for the compiler")
@pytest.mark.parametrize("status", [0, 1])
def test_long_build_says_that_it_is_at_work(
    status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    compiler = tmp_path / "go"
    compiler.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(0.5)\nprint('what is wrong')\nraise SystemExit({status})\n")
    compiler.chmod(0o755)
    monkeypatch.setattr(build, "find_go", lambda: str(compiler))
    monkeypatch.setattr(build, "TELL_EVERY", 0.2)
    if status:
        with pytest.raises(build.BuildError, match="did not build:\nwhat is wrong"):
            build.compile_to(tmp_path / "binary", "1.37")
    else:
        build.compile_to(tmp_path / "binary", "1.37")
    shown = capfd.readouterr()
    assert shown.out == ""
    first, *rest = shown.err.splitlines()
    assert first.startswith("Building the practice cluster with Kubernetes 1.37: ")
    assert rest
    assert set(rest) <= {f"Still building, for 0 min {seconds:02} s now …" for seconds in range(10)}


def test_names_of_a_release() -> None:
    assert release.name("windows/arm64", "v1.36.3") == "practice-cluster-v1.36.3-windows-arm64.exe"
    assert release.name("linux/amd64", "v1.36.3") == "practice-cluster-v1.36.3-linux-amd64"


def test_checksums_are_those_that_sha256sum_reads(tmp_path: Path) -> None:
    (tmp_path / "practice-cluster-v1.37.2-linux-amd64").write_bytes(b"")
    text = release.write_checksums(tmp_path).read_text(encoding="utf-8")
    assert text == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  practice-cluster-v1.37.2-linux-amd64\n"


def _required(file: Path) -> set[str]:
    """The modules that a go.mod requires directly."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line.startswith("\t") and " => " not in line and "// indirect" not in line}
