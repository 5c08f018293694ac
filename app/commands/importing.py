"""`course import`: a saved file of progress, merged into what is here."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.arguments import CourseParser
from graders.errors import UnreadableInput
from graders.terminal.output import put

if TYPE_CHECKING:
    from app.services.transfer import Merged


def arguments(parser: CourseParser) -> None:
    """What `course import` takes."""
    parser.add_argument("file", metavar="FILE", help="a file that `course export` or the web app has saved, or - for standard input")
    parser.add_argument("--data", metavar="DIR", help="where the progress is kept, instead of your user's data folder")
    parser.add_argument("--replace", action="store_true", help="take the saved file where one of your workspace differs")


def run(options: Namespace) -> int:
    """Merge the file; gives the exit status. Raises GradingError."""
    from app.commands.own_database import opened
    from app.services import transfer
    from app.services.transfer_form import LARGEST, read_saved

    try:
        if options.file == "-":
            content = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(options.file).open("rb") as file:
                content = file.read(LARGEST + 1)
    except OSError as error:
        raise UnreadableInput(f"{options.file} cannot be read: {error.strerror or error}.", help="Name a saved file.") from error
    saved = read_saved(content)
    with opened(options.data, writes=True) as (session, learner_id):
        merged = transfer.merge(session, learner_id, saved, over=options.replace)
    put("\n".join(_told(merged)) + "\n")
    return 0


def _told(merged: Merged) -> list[str]:
    counts = {"attempts": merged.attempts, "quiz answers": merged.answers, "hints": merged.hints, "solutions seen": merged.solutions}
    lines = [f"{what}: {count} new" for what, count in counts.items() if count]
    lines += [f"added to the workspace: {name}" for name in merged.added]
    lines += [f"replaced in the workspace: {name}" for name in merged.replaced]
    lines += [f"kept as it is, though the saved one differs (--replace takes that): {name}" for name in merged.kept]
    return lines or ["All of it was here before."]
