#!/usr/bin/env python3
"""Write the module files of the older Kubernetes versions anew, from cluster/go.mod and from what each release itself asks for.

    python3 cluster/versions/update.py              all of them
    python3 cluster/versions/update.py 1.36.3       this release, in the folder of its minor version

Run it after a change of cluster/go.mod, or to move a minor version to its next patch. Every module that Kubernetes releases together
(its staging modules) gets that release's number; what the release itself requires, etcd above all, is as it has it; the rest is as in
cluster/go.mod. Where something asks for a newer one, `go mod tidy` takes that.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent
sys.path.insert(0, str(SOURCE.parent))

from cluster import build  # noqa: E402 - found only when the line above has been run

# kwok 0.8 calls cri-client as it is from 1.36 on; Kubernetes itself uses of it and cri-api only what is the same in both.
CRI = {"k8s.io/cri-api": "v0.36.3", "k8s.io/cri-client": "v0.36.3"}


def main(releases: list[str]) -> None:
    """Write go.mod and go.sum of each release."""
    for release in releases or [build.kubernetes_version(minor).removeprefix("v") for minor in build.versions()[1:]]:
        write(release)


def write(release: str) -> None:
    """Write the module files for one release, as `1.36.3`."""
    go = build.find_go()
    done = subprocess.run(
        [go, "mod", "download", "-json", f"k8s.io/kubernetes@v{release}"], capture_output=True, text=True, check=True, cwd=SOURCE
    )
    theirs = Path(json.loads(done.stdout)["GoMod"]).read_text(encoding="utf-8")
    folder = HERE / release.rpartition(".")[0]
    folder.mkdir(exist_ok=True)
    (folder / "go.mod").write_text(module_file(release, (SOURCE / "go.mod").read_text(encoding="utf-8"), theirs), encoding="utf-8")
    (folder / "go.sum").write_text((SOURCE / "go.sum").read_text(encoding="utf-8"), encoding="utf-8")
    environment = {**os.environ, "GOFLAGS": "-mod=mod"}
    subprocess.run([go, "mod", "tidy", f"-modfile={folder / 'go.mod'}"], check=True, cwd=SOURCE, env=environment)


def module_file(release: str, ours: str, theirs: str) -> str:
    """What a go.mod must say before `go mod tidy` completes it."""
    staging = f"v0.{release.partition('.')[2]}"
    published = sorted(set(re.findall(r"^\s*(k8s\.io/\S+) => \./staging", theirs, re.MULTILINE)))
    asked = dict(re.findall(r"^\s*([a-z]\S+) (v\S+)", theirs, re.MULTILINE))
    direct = re.search(r"require \((.*?)\n\)", ours, re.DOTALL)
    go, default = re.search(r"^go .*$", ours, re.MULTILINE), re.search(r"^godebug .*$", theirs, re.MULTILINE)
    assert direct
    assert go
    assert default
    required = []
    for module, version in re.findall(r"^\s*(\S+) (v\S+)", direct[1], re.MULTILINE):
        if module == "k8s.io/kubernetes":
            version = f"v{release}"
        required.append((module, staging if module in published else asked.get(module, version)))
    lines = ["module practice-cluster", "", go[0], "", default[0], "", "require ("]
    lines += [f"\t{module} {version}" for module, version in required]
    lines += [")", "", "// As in cluster/go.mod, for this release. Written by cluster/versions/update.py.", "replace ("]
    newer = CRI if int(release.split(".")[1]) < 36 else {}
    lines += [f"\t{module} => {module} {newer.get(module, staging)}" for module in published]
    return "\n".join([*lines, ")", ""])


if __name__ == "__main__":
    main(sys.argv[1:])
