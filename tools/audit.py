"""Known weaknesses of what the course is made of: pip-audit over the lock files, npm audit over the editor's and the tests' packages.

    python3 -m tools.audit        needs pip-audit and npm; 1 when something is known

The databases of weaknesses are on the network. Where a service is out of reach, or does not know the packages, this says so in plain words
and does not fail: a check that could not be made is no finding.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock")
_PATIENCE = 300  # seconds
_GRAVE = ("moderate", "high", "critical")


@dataclass(frozen=True)
class Outcome:
    """What was found in one file: weaknesses in words, or why it could not be looked at."""

    file: str
    weaknesses: tuple[str, ...] = ()
    checked: int = 0
    why_not: str = ""

    def __str__(self) -> str:
        if self.weaknesses:
            return "\n".join((f"✗ {self.file}", *(f"    {each}" for each in self.weaknesses)))
        if self.why_not:
            return f"– {self.file}: not audited; {self.why_not}"
        return f"✓ {self.file}: nothing known against {self.checked} packages"


def main() -> int:
    """Audit everything that is locked."""
    audit = ["pip-audit", "--require-hashes", "--disable-pip", "--format", "json", "--requirement"]
    outcomes = [of_pip(lock, _run([*audit, lock])) for lock in LOCKS]
    for lock in sorted(ROOT.glob("**/package-lock.json")):
        if not {"node_modules", ".venv", ".cache"} & set(lock.parts):
            ran = _run(["npm", "audit", "--json", "--package-lock-only"], lock.parent)
            outcomes.append(of_npm(lock.relative_to(ROOT).as_posix(), ran))
    print(*outcomes, sep="\n")
    return int(any(outcome.weaknesses for outcome in outcomes))


def of_pip(file: str, ran: tuple[str, str]) -> Outcome:
    """What pip-audit said, of its output and its errors."""
    told = _json(ran[0])
    packages = told.get("dependencies", ())
    found = tuple(
        f"{package['name']} {package['version']}: {', '.join((each['id'], *each.get('aliases', ())))}; "
        + (f"mended in {', '.join(each['fix_versions'])}" if each.get("fix_versions") else "not mended yet")
        for package in packages
        for each in package.get("vulns", ())
    )
    checked = sum("vulns" in package for package in packages)
    if found or (checked and checked * 2 > len(packages)):
        return Outcome(file, found, checked)
    return Outcome(file, why_not=f"the service knows {checked} of {len(packages)} packages" if packages else _last(ran[1]))


def of_npm(file: str, ran: tuple[str, str]) -> Outcome:
    """What npm audit said."""
    told = _json(ran[0])
    if "vulnerabilities" not in told:
        error = told.get("error")
        words = str(error.get("summary") or error.get("detail") or "") if isinstance(error, dict) else ""
        return Outcome(file, why_not=(words or str(told.get("message", "")) or _last(ran[1])).strip())
    found = tuple(f"{name}: {each['severity']}" for name, each in sorted(told["vulnerabilities"].items()) if each["severity"] in _GRAVE)
    return Outcome(file, found, told.get("metadata", {}).get("dependencies", {}).get("total", 0))


def _run(command: Sequence[str], folder: Path = ROOT) -> tuple[str, str]:
    program = shutil.which(command[0])
    if program is None:
        return "", f"there is no {command[0]} on this machine"
    try:
        ran = subprocess.run([program, *command[1:]], cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return "", f"{command[0]} had no answer after {_PATIENCE} s"
    return ran.stdout, ran.stderr


def _json(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _last(trouble: str) -> str:
    lines = [line.strip() for line in trouble.splitlines() if line.strip()]
    return lines[-1] if lines else "the service gave no answer"


if __name__ == "__main__":
    sys.exit(main())
