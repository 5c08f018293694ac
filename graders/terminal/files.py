"""Grading manifests: once, or again at every save."""

from __future__ import annotations

import sys

from graders.errors import UnreadableInput
from graders.snapshot import Problem, Snapshot, Source
from graders.terminal.output import say
from graders.terminal.session import LiveReports, Session, now, problems_in_words
from graders.terminal.watching import changes, state


def grade(session: Session) -> int:
    """Grade the files once; gives the exit status. Raises UnreadableInput."""
    try:
        snapshot = _read(session)
    except UnreadableInput as error:
        if session.for_program:
            namespace = session.options.namespace
            nothing = Snapshot(Source("manifests", namespace), (), now(), problems=(Problem(error.message),))
            session.print(session.evaluate(nothing))
        raise
    broken = any(problem.rejected for problem in snapshot.problems)
    if broken and not snapshot.objects and not session.for_program:
        say(*problems_in_words(session.evaluate(snapshot)))
        raise UnreadableInput("Nothing could be read, so there is nothing to grade.", help="Mend it there, then grade again.")
    status = session.show(snapshot)
    if not broken:
        return status
    say("What could not be read was not graded.")
    return UnreadableInput.exit_code


def watch(session: Session) -> int:
    """Grade the files now and again whenever they change, until nobody reads the reports or an interrupt comes."""
    paths = session.options.files
    seen = state(paths)
    shown = LiveReports(session)
    going = _again(session, shown)
    if going:
        say("Watching for changes; Ctrl-C ends it.")
        for _ in changes(lambda: state(paths), seen):
            if not _again(session, shown):
                break
    return 0


def _again(session: Session, shown: LiveReports) -> bool:
    try:
        snapshot = _read(session)
    except UnreadableInput as error:  # not there at the moment: the next save may mend it
        shown.show_trouble(error.message, error.help)
        return True
    return shown.show(snapshot)


def _read(session: Session) -> Snapshot:
    from graders.sources.manifests import read_paths

    options = session.options
    stdin = None
    if "-" in options.files:
        if sys.stdin is None:
            raise UnreadableInput("Standard input is closed.", help="Name a file or a folder with -f.")
        if sys.stdin.isatty():
            say("Reading standard input; Ctrl-D on an empty line ends it.")
        stdin = sys.stdin.buffer
    return read_paths(options.files, namespace=options.namespace, taken_at=now(), version=options.kubernetes, stdin=stdin)
