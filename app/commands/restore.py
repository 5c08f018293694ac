"""`course restore`: a backup, back in the database."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from app.commands.arguments import CourseParser
from graders.terminal.output import say


def arguments(parser: CourseParser) -> None:
    """What `course restore` takes."""
    parser.add_argument("file", metavar="FILE", help="what `course backup` has written")
    parser.add_argument("--data", metavar="DIR", help="the data folder, when there is no DATABASE_URL and it is not the user's own")
    parser.add_argument("--replace", action="store_true", help="over a database that has people in it; stop its servers first")


def run(options: Namespace) -> int:
    """Restore it; gives the exit status. Raises GradingError."""
    from app.config import database_url
    from app.services import backup

    data = Path(options.data).expanduser().absolute() if options.data else None
    people = backup.restore(database_url(os.environ, data), Path(options.file), replace=options.replace)
    say(f"Restored. The database is up to date{f', with {people} accounts' if people > 1 else ''}.")
    return 0
