"""`course export`: everything that the learner has done, as one JSON file."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from app.commands.arguments import CourseParser
from graders.errors import GradingError, UsageError
from graders.terminal.output import put, say


def arguments(parser: CourseParser) -> None:
    """What `course export` takes."""
    parser.add_argument("file", metavar="FILE", help="the file to write, or - for standard output")
    parser.add_argument("--data", metavar="DIR", help="where the progress is kept, instead of your user's data folder")
    parser.add_argument("--force", action="store_true", help="over a file that is there")


def run(options: Namespace) -> int:
    """Write the file; gives the exit status. Raises GradingError."""
    from app.commands.own_database import opened
    from app.services import transfer

    with opened(options.data, writes=False) as (session, learner_id):
        content = transfer.save(session, learner_id)
    if options.file == "-":
        put(content.decode(), utf8=True)
        return 0
    path = Path(options.file)
    try:
        with path.open("wb" if options.force else "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already.", help="Name another file, or add --force.") from error
    except OSError as error:
        raise GradingError(f"{path} cannot be written: {error.strerror or error}.", help="Name a file that you may write.") from error
    say(f"Saved in {path}. Take it in elsewhere with: course import {path.name}")
    return 0
