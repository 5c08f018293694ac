"""`course`: everything in the terminal but grading. It finds the command, runs it, and says in sentences what went wrong.

Exit status: 0 done, 1 not done or something needed is missing, 2 usage or unreadable input, 3 no cluster or refused by it, 130 interrupted.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn

from app.commands import COMMANDS, find_command, overview
from graders.errors import GradingError
from graders.terminal.output import put, say

_INTERRUPTED = 130
_BROKEN = 3


def run() -> NoReturn:
    """The `course` command as a process."""
    raise SystemExit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run `course` with these arguments (the process's own when None); gives the exit status."""
    try:
        return _run(argv)
    except GradingError as error:
        say(error.message, error.help)
        return error.exit_code
    except KeyboardInterrupt:
        say("Interrupted. Run the same command again to go on.")
        return _INTERRUPTED
    except Exception as error:
        if os.environ.get("GRADE_DEBUG"):
            import traceback

            traceback.print_exc()
        say(
            f"The course itself broke ({type(error).__name__}); this is no fault of yours.",
            "Please report it, with what the same command prints when GRADE_DEBUG=1 is set.",
        )
        return _BROKEN


def _run(argv: Sequence[str] | None) -> int:
    if argv is None:
        import sys

        argv = sys.argv[1:]
    if not argv or argv[0] in ("-h", "--help", "help"):
        if argv[1:] and argv[1] in COMMANDS:
            return _run([argv[1], "--help"])
        put(overview())
        return 0 if argv else 2
    if argv[0] == "--version":
        from graders.version import version

        put(f"course {version()}\n")
        return 0
    return find_command(argv[0]).run(argv[0], argv[1:])
