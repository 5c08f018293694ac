"""`grade`: the grader in a terminal. It gathers, has the engine decide, and prints.

The report goes to standard output, everything else to standard error. Exit status: 0 all counted objectives passed, 1 some did not,
2 usage or unreadable input, 3 could not be judged, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import NoReturn

from graders.errors import GradingError
from graders.terminal.arguments import parse, parser
from graders.terminal.output import put, say

_INTERRUPTED = 130
_BROKEN = 3


def run() -> NoReturn:
    """The `grade` command, as the process that it is: looking for garbage and tidying up at the end would take longer than grading."""
    gc.disable()
    status = main()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
                stream.flush()
    os._exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `grade` with these arguments (the process's own when None); gives the exit status."""
    try:
        return _run(parse(argv))
    except GradingError as error:
        say(error.message, error.help)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        if os.environ.get("GRADE_DEBUG"):
            import traceback

            traceback.print_exc()
        say(
            f"The grader itself broke ({type(error).__name__}); this is a fault of the course, not of your work.",
            "Please report it, with what the same command prints when GRADE_DEBUG=1 is set.",
        )
        return _BROKEN


def _run(options: Namespace) -> int:
    if options.command:
        return _account(options)
    if options.help:
        put(parser().format_help())
        return 0
    if options.version:
        from graders.version import version

        put(f"grade {version()}\n")
        return 0
    if options.completion:
        from graders.terminal.completion import script

        put(script(options.completion))
        return 0
    if options.explain is not None or options.list:
        from graders.terminal import explaining

        return explaining.list_names(options) if options.explain is None else explaining.explain(options)
    return _grade(options)


def _account(options: Namespace) -> int:
    if options.command == "submit":
        from graders.terminal.submitting import send_waiting

        return send_waiting()
    from graders.terminal import account

    return account.log_in(options.url, options.token) if options.command == "login" else account.log_out()


def _grade(options: Namespace) -> int:
    from graders.terminal.names import find_lessons
    from graders.terminal.session import Session

    if options.watch or options.wait:
        gc.enable()  # it may run for hours
    session = Session(options, tuple(entry.load() for entry in find_lessons(options.lesson)))
    if options.files:
        from graders.terminal import files

        return files.watch(session) if options.watch else files.grade(session)
    from graders.terminal import clusters

    return clusters.watch(session) if options.watch else clusters.grade(session)


if __name__ == "__main__":
    run()
