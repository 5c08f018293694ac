"""How the shell in use sets a variable."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import PurePath


def export(name: str, value: str, environment: Mapping[str, str], system: str = os.name) -> str:
    """The line that sets a variable, for the shell that `environment` speaks of: fish, PowerShell, or one like bash."""
    shell = PurePath(environment.get("SHELL", "")).name
    if shell == "fish":
        return f"set -gx {name} {shlex.quote(value)}"
    if shell in ("pwsh", "powershell") or (system == "nt" and not shell):
        return f"$env:{name} = '{value.replace(chr(39), chr(39) * 2)}'"
    return f"export {name}={shlex.quote(value)}"
