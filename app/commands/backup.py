"""`course backup`: the whole database in one file, while the course goes on."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from app.commands.arguments import CourseParser
from graders.terminal.output import say


def arguments(parser: CourseParser) -> None:
    """What `course backup` takes."""
    parser.add_argument("file", metavar="FILE", help="the file to write")
    parser.add_argument("--data", metavar="DIR", help="the data folder, when there is no DATABASE_URL and it is not the user's own")
    parser.add_argument("--force", action="store_true", help="over a file that is there")


def run(options: Namespace) -> int:
    """Write the file; gives the exit status. Raises GradingError."""
    from app.config import database_url
    from app.services import backup

    file = Path(options.file)
    data = Path(options.data).expanduser().absolute() if options.data else None
    size = backup.save(database_url(os.environ, data), file, force=options.force)
    say(f"Saved in {file}, {max(1, size // 1024)} kB. It holds everything, so keep it where only you can read it.")
    return 0
