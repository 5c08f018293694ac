"""`course retention`: what a classroom's server does once a day, done now."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from app.commands.arguments import CourseParser
from graders.terminal.output import say


def arguments(parser: CourseParser) -> None:
    """What `course retention` takes."""
    parser.add_argument("--dry-run", action="store_true", help="only count what would be deleted")
    parser.add_argument("--data", metavar="DIR", help="the data folder of a server without DATABASE_URL, when it is not the user's own")


def run(options: Namespace) -> int:
    """Delete what is not to be kept; gives the exit status. Raises GradingError."""
    from app.config import Settings
    from app.db import open_database
    from app.services import retention

    settings = Settings.for_classroom(os.environ, Path(options.data).expanduser().absolute() if options.data else None)
    engine = open_database(settings.database_url)
    try:
        found = retention.sweep(engine, settings.retention, dry_run=options.dry_run)
    finally:
        engine.dispose()
    if settings.retention is None:
        swept = "nothing was deleted now" if options.dry_run else "what had expired was swept"
        say(f"COURSE_RETENTION_DAYS is not set: what people have done is kept; {swept}.")
        return 0
    words = "Would delete" if options.dry_run else "Deleted"
    say(f"{words} {found.learners} learners of cohorts archived more than {settings.retention} days ago, and {found.events} audit events.")
    return 0
