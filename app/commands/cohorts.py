"""`course cohort`: the cohorts of a classroom, on its server."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.arguments import CourseParser, one_of
from graders.errors import UnreadableInput, UsageError
from graders.terminal.output import put, say

if TYPE_CHECKING:
    from sqlmodel import Session

    from app.models import Cohort
    from app.services.roster import Plan

_WORDS = {"add": ("NAME",), "list": (), "roster": ("COHORT", "FILE")}
_MOST_FAULTS = 50  # that are printed


def arguments(parser: CourseParser) -> None:
    """What `course cohort` takes."""
    from app.commands.classroom_database import data_option

    parser.add_argument("verb", type=one_of(*_VERBS), metavar="VERB", help=", ".join(_VERBS))
    parser.add_argument("words", nargs="*", metavar="WORD", help="add: NAME; roster: COHORT FILE; others: COHORT, by number or name")
    parser.add_argument("--instructor", metavar="EMAIL", help="add: who teaches it")
    parser.add_argument("--days", type=_days, metavar="N", default=14, help="link: for how many days it is open, 1 to 90")
    parser.add_argument("--dry-run", action="store_true", help="roster: only tell what each line would do")
    parser.add_argument("--format", type=one_of("csv", "json"), metavar="FORMAT", default="csv", help="export: csv, json")
    parser.add_argument("--checked", action="store_true", help="export: count only what the server has checked")
    parser.add_argument("--json", action="store_true", help="list: for programs")
    data_option(parser)
    parser.output_options()


def run(options: Namespace) -> int:
    """Do what the verb says; gives the exit status. Raises GradingError."""
    needed = _WORDS.get(options.verb, ("COHORT",))
    if len(options.words) != len(needed):
        words = " ".join(("course cohort", options.verb, *needed))
        raise UsageError(f"`{options.verb}` takes {' and '.join(needed) or 'no word'}.", help=f"Write: {words}")
    return _VERBS[options.verb](options)


def _add(options: Namespace) -> int:
    from app.commands.classroom_database import ON_THE_SERVER, opened
    from app.models import Role
    from app.services import accounts, cohorts

    if not options.instructor:
        raise UsageError("Somebody has to teach it.", help="Write: course cohort add NAME --instructor EMAIL")
    with opened(options.data, writes=True) as (session, _):
        account = accounts.by_email(session, options.instructor)
        if account is None or account.role not in (Role.INSTRUCTOR, Role.ADMIN):
            raise UsageError(
                f"No instructor has the address {options.instructor}.", help="Make them one: course user role EMAIL instructor"
            )
        cohort = cohorts.make(session, ON_THE_SERVER, options.words[0], account.learner_id)
        number, name = cohort.id, cohort.name
    say(f"{name} is made, and {options.instructor} teaches it. Its number:")
    put(f"{number}\n")
    return 0


def _list(options: Namespace) -> int:
    from app.commands.classroom_database import opened
    from app.models import utc_now
    from app.services import cohorts

    with opened(options.data, writes=False) as (session, _):
        found = cohorts.every(session, utc_now())
    if options.json:
        facts = [
            {
                "id": each.cohort.id,
                "name": each.cohort.name,
                "learners": each.learners,
                "active": each.active,
                "archived_at": each.cohort.archived_at.isoformat(timespec="seconds") if each.cohort.archived_at else None,
            }
            for each in found
        ]
        put(json.dumps({"schema": 1, "cohorts": facts}, ensure_ascii=False, indent=2) + "\n", utf8=True)
        return 0
    for each in found:
        people = f"{each.learners} {'learner' if each.learners == 1 else 'learners'}, {each.active} active"
        put(f"{each.cohort.id:>5}  {each.cohort.name}: {people}{', archived' if each.cohort.archived_at else ''}\n")
    if not found:
        say("There is no cohort yet.", "Make one: course cohort add NAME --instructor EMAIL")
    return 0


def _link(options: Namespace) -> int:
    from datetime import timedelta

    from app.commands.classroom_database import ON_THE_SERVER, opened
    from app.services import join_links

    with opened(options.data, writes=True) as (session, settings):
        cohort = _found(session, options.words[0])
        assert cohort.id is not None
        link = join_links.make(session, ON_THE_SERVER, cohort.id, timedelta(days=options.days))
        url = f"{settings.url}/join/{join_links.code_of(settings.secret(), link)}"
        name, until = cohort.name, f"{link.expires_at:%Y-%m-%d %H:%M} UTC"
    say(f"Whoever has this link can join {name} until {until}:")
    put(f"{url}\n")
    return 0


def _roster(options: Namespace) -> int:
    from app.commands.classroom_database import ON_THE_SERVER, opened
    from app.services import roster, spreadsheet

    read = spreadsheet.read(_content(options.words[1]))
    with opened(options.data, writes=not options.dry_run) as (session, settings):
        cohort = _found(session, options.words[0])
        plan = roster.plan(session, ON_THE_SERVER, cohort, read)
        if plan.faults:
            _tell_faults(plan)
            return 2
        if options.dry_run:
            for step in plan.steps:
                put(f"{step.entry.number:>5}  {step.entry.email}: {_WHAT[step.what]}\n")
            say(_summary(plan, "It would be"))
            return 0
        plan, invited = roster.take_in(session, ON_THE_SERVER, cohort, read)
        url = settings.url
    if invited:  # on the standard output alone, so that it can be kept: nothing can show these links again
        rows = (("name", "email", "link"), *((each.name, each.email, url + each.path) for each in invited))
        put(b"".join(spreadsheet.written(rows)).decode().removeprefix(spreadsheet.BOM), utf8=True)
    say(_summary(plan, "Done:"))
    return 0


def _export(options: Namespace) -> int:
    from app.commands.classroom_database import opened
    from app.models import utc_now
    from app.services import gradebook_files, spreadsheet
    from app.services.gradebook import Gradebook

    with opened(options.data, writes=False) as (session, _):
        book = Gradebook(session, _found(session, options.words[0]), checked_only=options.checked)
        pieces = gradebook_files.as_json(book, utc_now()) if options.format == "json" else spreadsheet.written(gradebook_files.wide(book))
        content = b"".join(pieces).decode()
    put(content, utf8=True)
    return 0


def _archive(options: Namespace) -> int:
    from app.commands.classroom_database import ON_THE_SERVER, opened
    from app.services import cohorts

    with opened(options.data, writes=True) as (session, _):
        cohort = _found(session, options.words[0])
        cohorts.archive(session, ON_THE_SERVER, cohort, archived=True)
        name = cohort.name
    put(f"{name} is archived: its links lead nowhere, and nothing is lost.\n")
    return 0


def _cluster(options: Namespace) -> int:
    from app.commands.classroom_database import opened
    from app.services import shared_cluster

    with opened(options.data, writes=True) as (session, _):
        text = shared_cluster.manifests(session, _found(session, options.words[0]))
    put(text, utf8=True)
    return 0


def _found(session: Session, word: str) -> Cohort:
    from app.services import cohorts

    found = cohorts.named(session, word)
    if len(found) != 1:
        what = f"No cohort has the number or name {word!r}." if not found else f"{len(found)} cohorts are called {word!r}."
        raise UsageError(what, help="Which there are, with their numbers: course cohort list")
    return found[0]


def _content(file: str) -> bytes:
    from app.services.spreadsheet import LARGEST

    try:
        if file == "-":
            import sys

            return sys.stdin.buffer.read(LARGEST + 1)
        with Path(file).open("rb") as opened_file:
            return opened_file.read(LARGEST + 1)
    except OSError as error:
        raise UnreadableInput(
            f"{file} cannot be read: {error.strerror or error}.", help="Name a CSV file of names and addresses."
        ) from error


def _tell_faults(plan: Plan) -> None:
    for fault in plan.faults[:_MOST_FAULTS]:
        put(f"line {fault.number}: {fault.message}\n")
    more = len(plan.faults) - _MOST_FAULTS
    say(f"Nothing was taken in.{f' And {more} more lines are wrong.' if more > 0 else ''}", "Mend these lines, and bring the roster again.")


_WHAT = {
    "new": "a new account, with an invitation link",
    "added": "has an account, is added",
    "there": "is in the cohort already",
    "asked": "has an account, is to be asked",
}


def _summary(plan: Plan, begin: str) -> str:
    return f"{begin} {plan.count('new')} new, {plan.count('added')} added, {plan.count('there')} in the cohort already."


def _days(text: str) -> int:
    import argparse

    if not text.isdecimal() or not 1 <= int(text) <= 90:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of days between 1 and 90")
    return int(text)


_VERBS: dict[str, Callable[[Namespace], int]] = {
    "add": _add,
    "list": _list,
    "link": _link,
    "roster": _roster,
    "export": _export,
    "archive": _archive,
    "cluster": _cluster,
}
