#!/usr/bin/env python3
"""Set up this checkout and run something in it. Needs Python 3.11 and nothing else; the first call installs the rest into .venv.

python3 dev.py grade lesson-7 -f my-manifests/     the grader, as the `grade` command runs it
python3 dev.py course start lesson-7               all else, as the `course` command does it
python3 dev.py test                                every check that a change must pass
python3 dev.py test -k hpa                         the tests alone, with pytest's own options
python3 dev.py lock                                write the lock files anew from pyproject.toml
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock", "uv": ROOT / "requirements-uv.lock"}


def main(argv: list[str]) -> int:
    """Run one verb; the exit status is that of what it ran."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python is started with by mistake
        print(f"This needs Python 3.11 or newer, and was started with {sys.version.split()[0]}. Try: python3.11 dev.py", file=sys.stderr)
        return 2
    verb, rest = (argv[0], argv[1:]) if argv else ("help", [])
    if verb in ("grade", "course"):
        prepare("run")
        return run(BIN / verb, *rest)
    if verb == "test":
        prepare("dev")
        return test(rest)
    if verb == "lock":
        prepare("dev")
        return lock()
    print(__doc__)
    return 0 if verb in ("help", "-h", "--help") else 2


def test(options: list[str]) -> int:
    """All checks, the quick ones first; with options, pytest alone."""
    steps: list[tuple[str, ...]] = [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",)]
    if options:
        steps = [("pytest", *options)]
    else:
        # Two at once: they wait for clusters and browsers most of the time. Each has a cluster of its own, whose binary is made before.
        build = ("python", "cluster/build.py")
        steps += [build] if run(BIN / build[0], build[1], "--check", cwd=ROOT) == 0 else []
        steps.append(("pytest", "--numprocesses", "2", "--dist", "loadfile"))
    for step in steps:
        print(f"$ {' '.join(step)}", flush=True)
        status = run(BIN / step[0], *step[1:], cwd=ROOT)
        if status:
            return status
    return 0


def lock() -> int:
    """Write the lock files: versions and hashes for every platform, and no registry's address."""
    for name, sources in {
        "run": ["pyproject.toml", "--group", "build"],
        "dev": ["pyproject.toml", "--group", "dev"],
        "uv": ["requirements-uv.in"],
    }.items():
        options = [
            "--universal",
            "--generate-hashes",
            "--python-version",
            "3.11",
            "--quiet",
            "--custom-compile-command",
            "python3 dev.py lock",
        ]
        status = run(uv(), "pip", "compile", *sources, *options, "--output-file", LOCKS[name].name, cwd=ROOT)
        if status:
            return status
    return 0


def prepare(name: str) -> None:
    """Bring .venv to the state that a lock file describes; nothing to do when it is there already. What `dev` installs serves `run` too."""
    stamp = ENVIRONMENT / "course-state"
    states = {key: key + " " + _digest(LOCKS[key], ROOT / "pyproject.toml") for key in ("run", "dev")}
    if stamp.is_file() and stamp.read_text(encoding="utf-8") in {states[name], states["dev"]}:
        return
    print("Setting up .venv (once) …", file=sys.stderr, flush=True)
    if not (BIN / ("python.exe" if os.name == "nt" else "python")).exists():
        create_environment()
    tool = uv()
    for step in (
        ("pip", "sync", "--require-hashes", "--compile-bytecode", LOCKS[name].name),
        ("pip", "install", "--no-deps", "--no-build-isolation", "--editable", "."),
    ):
        if run(tool, *step, "--quiet", cwd=ROOT):
            raise SystemExit(
                "The packages could not be installed; the lines above say why. Is the package index reachable? Then run this again."
            )
    run(BIN / "python", "-m", "compileall", "-q", "app", "graders", cwd=ROOT)  # here as well where Python may not write while it runs
    stamp.write_text(states[name], encoding="utf-8")


def create_environment() -> None:
    """Make .venv with the interpreter that runs this."""
    with_pip = not shutil.which("uv")
    try:
        venv.EnvBuilder(with_pip=with_pip, clear=ENVIRONMENT.exists()).create(ENVIRONMENT)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        hint = "On Debian and Ubuntu: apt install python3-venv. Or install uv, and run this again."
        raise SystemExit(f"No virtual environment could be made in {ENVIRONMENT}: {error}\n{hint}") from error


def uv() -> Path:
    """The uv to use: the machine's own, else one in .venv, installed there if need be."""
    found = shutil.which("uv")
    if found:
        return Path(found)
    own = ENVIRONMENT / "uv"  # outside the environment's packages, or `uv pip sync` would remove itself
    binary = own / "bin" / ("uv.exe" if os.name == "nt" else "uv")
    if not binary.exists():
        options = ("install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--target", str(own), "-r", str(LOCKS["uv"]))
        if run(BIN / "python", "-m", "pip", *options):
            raise SystemExit("uv could not be installed with pip; the lines above say why. Then run this again.")
    return binary


def run(program: Path, *arguments: str, cwd: Path | None = None) -> int:
    """Run a program of .venv to its end and give its exit status."""
    environment = {**os.environ, "VIRTUAL_ENV": str(ENVIRONMENT), "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        return subprocess.run([program, *arguments], cwd=cwd, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
