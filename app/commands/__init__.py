"""The commands of `course`, one module each; a module is imported when its command is typed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from graders.errors import UsageError
from graders.terminal.names import nearest


class Command(NamedTuple):
    """A command before it is loaded: what `course --help` says of it, and its module, which has `arguments` and `run`."""

    summary: str
    module: str

    def run(self, name: str, argv: Sequence[str]) -> int:
        """Parse the rest of the line and do it; gives the exit status. Raises GradingError."""
        from app.commands.arguments import CourseParser

        module = import_module(f"app.commands.{self.module}")
        parser = CourseParser(name, self.summary)
        module.arguments(parser)
        options = parser.read(argv)
        if options.help:
            from graders.terminal.output import put

            put(parser.format_help())
            return 0
        status = module.run(options)
        assert isinstance(status, int)
        return status


COMMANDS: dict[str, Command] = {
    "serve": Command("the course in your browser: lessons, workbench, live cluster, progress", "serve"),
    "list": Command("the lessons: titles, minutes, objectives", "listing"),
    "start": Command("begin an exercise: its files, and what it needs in your cluster", "starting"),
    "reset": Command("take away what `start` made in your cluster", "resetting"),
    "hint": Command("the next hint for an objective", "hints"),
    "solution": Command("the solution of an exercise, once you have passed it", "solutions"),
    "export": Command("everything that you have done, as one JSON file", "exporting"),
    "import": Command("a saved file of progress, merged into yours", "importing"),
    "doctor": Command("what your machine and your cluster have, and what adds the rest", "doctor"),
    "cluster": Command("a cluster to practise on: up, down, status, build, load, images", "cluster"),
    "load": Command("load on the API, short for `cluster load`", "load"),
    "user": Command("a classroom's people, on its server: add, list, reset, role, remove", "users"),
    "cohort": Command("a classroom's cohorts, on its server: links, rosters, gradebooks", "cohorts"),
    "backup": Command("the whole database in one file, while the course goes on", "backup"),
    "restore": Command("a backup, back in the database", "restore"),
    "retention": Command("delete what a classroom is not to keep any longer", "retention"),
    "lint": Command("for authors: whether the lessons are as they should be", "lint"),
    "rbac": Command("a role that lets somebody grade your namespace, and no more", "rbac"),
}


def find_command(word: str) -> Command:
    """The command of that name. Raises UsageError, with the nearest name for a slip."""
    if word in COMMANDS:
        return COMMANDS[word]
    what = "option" if word.startswith("-") else "command"
    close = nearest(word, COMMANDS) if what == "command" else ""
    grading = " Grading is a command of its own: grade." if word in ("grade", "check", "verify", "submit") else ""
    raise UsageError(f"There is no {what} `{word}`.{grading or close}", help="See: course --help")


def overview() -> str:
    """The text of `course --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        (
            "usage: course COMMAND [options]",
            "",
            "Everything in the terminal but grading, which `grade` does.",
            "",
            "commands:",
            *lines,
            "",
            "course COMMAND --help tells more of each; course --version the version.",
            "",
            "exit status:",
            "  0  done",
            "  1  not done, or something that is needed is missing",
            "  2  the command or its input makes no sense",
            "  3  there is no cluster, or it refused",
            "",
        )
    )
