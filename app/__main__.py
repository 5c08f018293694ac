"""`python -m app` is the `course` command."""

from app.cli import run

run()
