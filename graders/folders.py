"""Where the user's data is kept: the folder that the terminal and the web app share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from graders.errors import GradingError

OWN = "COURSE_DATA"
"""The variable that names the folder itself, as `course serve --data` does."""


def data_folder() -> Path:
    """The folder: COURSE_DATA, else one below XDG_DATA_HOME, else the platform's own. Raises GradingError when there is no home."""
    own = os.environ.get(OWN)
    if own:
        return Path(own)
    given = os.environ.get("XDG_DATA_HOME")
    if given:
        return Path(given) / "kubernetes-course"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise GradingError("There is no home folder to keep notes in.", help="Set XDG_DATA_HOME to a folder of yours.") from error
    if sys.platform == "win32":
        return home / "AppData" / "Local" / "kubernetes-course"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "kubernetes-course"
    return home / ".local" / "share" / "kubernetes-course"


def chosen() -> bool:
    """Whether a variable names the folder, rather than the user's home."""
    return bool(os.environ.get(OWN) or os.environ.get("XDG_DATA_HOME"))
