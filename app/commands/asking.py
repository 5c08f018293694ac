"""Asking before something is changed."""

from __future__ import annotations

import sys

from graders.errors import UsageError
from graders.terminal.output import say


def agreed(question: str, *, yes: bool, nothing: str = "Nothing was done in the cluster.") -> bool:
    """Whether to go on: because of `--yes`, or by the answer to `question`; an empty answer means no, and `nothing` says what that means.

    Raises UsageError where nobody can answer.
    """
    if yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            f"There is no terminal to ask on, so {nothing[0].lower()}{nothing[1:]}", help="If you agree to the above, add --yes."
        )
    say(f"{question} [y/N]")
    answer = sys.stdin.readline().strip().lower()
    if answer in ("y", "yes"):
        return True
    say(nothing)
    return False
