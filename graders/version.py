"""The version of the course that runs here, by which results say what has judged them."""

from __future__ import annotations

from functools import cache


@cache
def version() -> str:
    """As `grade --version` tells it; `0` where the course was never installed."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("kubernetes-course")
    except PackageNotFoundError:
        return "0"
