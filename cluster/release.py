#!/usr/bin/env python3
"""Compile the practice cluster for the systems that learners have, into dist/, with checksums.

    python3 cluster/release.py                                all systems, the newest Kubernetes
    python3 cluster/release.py --only windows/amd64           some of them
    python3 cluster/release.py --kubernetes 1.36              with an older Kubernetes

Each binary is named after what it holds: practice-cluster-v1.37.2-darwin-arm64. Beside them, SHA256SUMS is what `sha256sum --check` reads.
Only linux/amd64 is tested, by the tests of this repository; the others are compiled and have never been run by them.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from cluster import build  # noqa: E402 - found only when the line above has been run

DIST = ROOT / "dist"
SYSTEMS = ("linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64")


def release(systems: list[str], minor: str, into: Path) -> list[Path]:
    """Compile for each system; the binaries. Raises build.BuildError."""
    into.mkdir(parents=True, exist_ok=True)
    made = []
    for system in systems:
        binary = into / name(system, build.kubernetes_version(minor))
        os_name, _, processor = system.partition("/")
        print(f"{binary.name} …", flush=True)
        build.compile_to(binary, minor, {"GOOS": os_name, "GOARCH": processor})
        made.append(binary)
    return made


def name(system: str, version: str) -> str:
    """The file name of a system's binary."""
    return f"practice-cluster-{version}-{system.replace('/', '-')}{'.exe' if system.startswith('windows/') else ''}"


def write_checksums(folder: Path) -> Path:
    """One line for each binary in the folder, also those of an earlier run."""
    lines = []
    for binary in sorted(folder.glob("practice-cluster-*")):
        with binary.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {binary.name}\n")
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(lines), encoding="utf-8")
    return sums


def main(argv: list[str]) -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description="Compile the practice cluster for the systems that learners have.")
    parser.add_argument("--only", metavar="OS/ARCH", action="append", choices=SYSTEMS, help=f"one of {', '.join(SYSTEMS)}; may be repeated")
    parser.add_argument("--kubernetes", metavar="VERSION", help=f"one of {', '.join(build.versions())} (default: {build.versions()[0]})")
    parser.add_argument("--into", type=Path, default=DIST, help="the folder to write to (default: dist)")
    options = parser.parse_args(argv)
    try:
        release(options.only or list(SYSTEMS), build.chosen(options.kubernetes), options.into)
    except build.BuildError as error:
        raise SystemExit(str(error)) from error
    print(write_checksums(options.into))


if __name__ == "__main__":
    main(sys.argv[1:])
