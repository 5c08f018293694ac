"""`course user`: the people of a classroom, on its server."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.commands.arguments import CourseParser, one_of
from graders.errors import UsageError
from graders.terminal.output import put, say

if TYPE_CHECKING:
    from sqlmodel import Session

    from app.models import Account

_ROLES = ("learner", "instructor", "admin")


def arguments(parser: CourseParser) -> None:
    """What `course user` takes."""
    from app.commands.classroom_database import data_option

    parser.add_argument("verb", type=one_of(*_VERBS), metavar="VERB", help=", ".join(_VERBS))
    parser.add_argument("words", nargs="*", metavar="WORD", help="add, reset, remove: EMAIL; role: EMAIL ROLE")
    parser.add_argument("--name", metavar="NAME", default="", help="add: what the person is called")
    parser.add_argument("--role", type=one_of(*_ROLES), metavar="ROLE", default="learner", help=f"add: {', '.join(_ROLES)}")
    parser.add_argument("--json", action="store_true", help="list: for programs")
    parser.add_argument("--yes", action="store_true", help="remove: do not ask")
    data_option(parser)
    parser.output_options()


def run(options: Namespace) -> int:
    """Do what the verb says; gives the exit status. Raises GradingError."""
    needed = {"list": (), "role": ("EMAIL", "ROLE")}.get(options.verb, ("EMAIL",))
    if len(options.words) != len(needed):
        words = " ".join(("course user", options.verb, *needed))
        raise UsageError(f"`{options.verb}` takes {' and '.join(needed) or 'no word'}.", help=f"Write: {words}")
    return _VERBS[options.verb](options)


def _add(options: Namespace) -> int:
    from app.commands.classroom_database import ON_THE_SERVER, opened
    from app.errors import Conflict
    from app.models import Purpose, Role
    from app.services import accounts, one_time_links
    from app.services.audit import note

    email = accounts.clean_email(options.words[0])
    name = accounts.clean_name(options.name or email.partition("@")[0])
    with opened(options.data, writes=True) as (session, settings):
        if accounts.by_email(session, email) is not None:
            raise Conflict(f"{email} has an account already.", help=f"A link to get in: course user reset {email}")
        account = accounts.make(session, email, name, Role(options.role))
        note(session, ON_THE_SERVER, "account.made", email, role=options.role)
        path = one_time_links.make_link(session, ON_THE_SERVER, Purpose.INVITATION, account.learner_id)
        link = settings.url + path
    say(f"{email} is {_article(options.role)} now. This link lets them set a password, once, within 7 days:")
    put(f"{link}\n")
    return 0


def _list(options: Namespace) -> int:
    from app.commands.classroom_database import opened
    from app.services import accounts

    with opened(options.data, writes=False) as (session, _):
        rows, page = [], 1
        while True:
            people = accounts.people(session, "", page)
            rows += people.rows
            if page >= people.pages:
                break
            page += 1
    if options.json:
        facts = [
            {
                "id": row.id,
                "email": row.email,
                "name": row.name,
                "role": row.role,
                "active": row.active,
                "signed_in_at": row.signed_in_at.isoformat(timespec="seconds") if row.signed_in_at else None,
            }
            for row in rows
        ]
        put(json.dumps({"schema": 1, "users": facts}, ensure_ascii=False, indent=2) + "\n", utf8=True)
        return 0
    width = max((len(row.email) for row in rows), default=0)
    for row in rows:
        seen = f"last signed in {row.signed_in_at:%Y-%m-%d %H:%M} UTC" if row.signed_in_at else "never signed in"
        put(f"{row.email:{width}}  {row.role:10}  {seen}{'' if row.active else ', deactivated'}  {row.name}\n")
    if not rows:
        say("Nobody has an account yet.", "The first admin: course user add EMAIL --role admin")
    return 0


def _reset(options: Namespace) -> int:
    from app.commands.classroom_database import ON_THE_SERVER, opened
    from app.services import one_time_links

    with opened(options.data, writes=True) as (session, settings):
        account = _found(session, options.words[0])
        purpose = one_time_links.purpose_for(account)
        link = settings.url + one_time_links.make_link(session, ON_THE_SERVER, purpose, account.learner_id)
        lasts = one_time_links.lasts(purpose)
    say(f"This link lets {account.email} set a password, once, within {lasts}:")
    put(f"{link}\n")
    return 0


def _role(options: Namespace) -> int:
    from app.commands.classroom_database import ON_THE_SERVER, opened
    from app.models import Role
    from app.services import accounts

    email, role = options.words
    if role not in _ROLES:
        raise UsageError(f"`{role}` is none of {', '.join(_ROLES)}.", help="Write: course user role EMAIL ROLE")
    with opened(options.data, writes=True) as (session, _):
        account = _found(session, email)
        accounts.set_role(session, ON_THE_SERVER, account.learner_id, Role(role))
    put(f"{account.email} is {_article(role)} now.\n")
    return 0


def _remove(options: Namespace) -> int:
    from app.commands.asking import agreed
    from app.commands.classroom_database import ON_THE_SERVER, opened
    from app.services import accounts

    with opened(options.data, writes=False) as (session, _):
        account = _found(session, options.words[0])
        name = accounts.name_of(session, account.learner_id)
    say(f"To be deleted: {account.email} ({name}), {_article(account.role)}, with all attempts, answers and files.")
    if not agreed("Delete it?", yes=options.yes, nothing="Nothing was deleted."):
        return 1
    with opened(options.data, writes=True) as (session, _):
        accounts.remove(session, ON_THE_SERVER, account.learner_id, account.email)
    put(f"Deleted {account.email}.\n")
    return 0


def _found(session: Session, email: str) -> Account:
    from app.errors import NotFound
    from app.services import accounts

    account = accounts.by_email(session, email)
    if account is None:
        raise NotFound(f"Nobody has an account with the address {email}.", help="Who there is: course user list")
    return account


def _article(role: str) -> str:
    return f"{'a' if role == 'learner' else 'an'} {role}"


_VERBS: dict[str, Callable[[Namespace], int]] = {"add": _add, "list": _list, "reset": _reset, "role": _role, "remove": _remove}
