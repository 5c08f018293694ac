"""The roster of a cohort: read from a table, tried first, and taken in as a whole or not at all; and written as one.

Whoever has no account gets one, with a link that sets its password. Somebody who has one already is added when whoever brings the roster
sees them in another cohort of theirs as well; a stranger to them joins with a link instead, by their own will.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.errors import Conflict
from app.models import Account, Cohort, Learner, Membership, Role
from app.services import accounts, cohorts, one_time_links, shared_cluster
from app.services.audit import Actor, note
from app.services.spreadsheet import Cell, Line, Read
from graders.errors import UnreadableInput
from graders.semantics.names import dns_label

TITLES: Final = ("name", "email", "namespace")
_KNOWN: Final = {
    "name": "name",
    "full name": "name",
    "student": "name",
    "email": "email",
    "e-mail": "email",
    "mail": "email",
    "email address": "email",
    "address": "email",
    "namespace": "namespace",
}
_ABRIDGED: Final = 60  # characters of a cell that a sentence quotes


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody on the list, and on which line."""

    number: int
    name: str
    email: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line."""

    number: int
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a line does: `new` an account and a place in the cohort, `added` to the cohort, `there` already, `asked` to join by a link."""

    entry: Entry
    what: str
    known_as: str = ""
    learner_id: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a roster would do. With faults it does nothing at all."""

    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]
    supposed: str = ""

    def count(self, what: str) -> int:
        """How many lines do that."""
        return sum(step.what == what for step in self.steps)

    @property
    def does(self) -> bool:
        """Whether there is something to confirm."""
        return not self.faults and any(step.what in ("new", "added") for step in self.steps)

    def rows(self) -> Iterator[Sequence[Cell]]:
        """The roster again, as a table with titles."""
        yield TITLES
        for step in self.steps:
            yield step.entry.name, step.entry.email, step.entry.namespace or ""


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody who has an account now, and the path of the link that sets its password."""

    name: str
    email: str
    path: str = field(repr=False)


def plan(session: Session, actor: Actor, cohort: Cohort, read: Read) -> Plan:
    """What a roster would do to a cohort. Raises UnreadableInput when its columns cannot be told."""
    entries, faults = _entries(read.lines)
    known = _accounts(session, [entry.email for entry in entries])
    members = set(session.exec(select(Membership.learner_id).where(Membership.cohort_id == cohort.id)))
    seen = _seen_by(session, actor)
    taken = _taken(session, [entry.namespace for entry in entries if entry.namespace])
    steps = []
    for entry in entries:
        account, name = known.get(entry.email, (None, ""))
        learner_id = account.learner_id if account else None
        owner = taken.get(entry.namespace or "")
        if owner is not None and owner != learner_id:
            faults.append(Fault(entry.number, f"The namespace {entry.namespace} is somebody else's already."))
        elif owner is None and (entry.namespace or "").startswith(shared_cluster.PREFIX):
            faults.append(Fault(entry.number, f"Names such as {entry.namespace} are given out by the course itself."))
        elif owner is None and entry.namespace and seen is not None and not entry.namespace.startswith(shared_cluster.FREE):
            told = f"{entry.namespace} may be one where others work, so only an admin may give it. Begin it with {shared_cluster.FREE}"
            faults.append(Fault(entry.number, told))
        elif owner is not None:  # theirs already, in this cohort or in another: there is one cluster
            entry = replace(entry, namespace=None)
        if account is None or learner_id is None:
            steps.append(Step(entry, "new"))
            continue
        what = "there" if learner_id in members else "added" if seen is None or learner_id in seen else "asked"
        # What a stranger is called is nobody's business.
        steps.append(Step(entry, what, name if name != entry.name and what != "asked" else "", learner_id))
    return Plan(tuple(steps), tuple(sorted(faults, key=lambda fault: fault.number)), read.supposed)


def take_in(session: Session, actor: Actor, cohort: Cohort, read: Read) -> tuple[Plan, list[Invited]]:
    """Do what the roster says, all of it in the session's transaction; gives what was done, and the links of those who are new.

    Raises UnreadableInput when something is wrong with it; nothing is done then.
    """
    made = plan(session, actor, cohort, read)
    if made.faults:
        raise UnreadableInput(
            f"{len(made.faults)} lines cannot be taken in; the first is line {made.faults[0].number}: {made.faults[0].message}",
            help="Nothing was changed. Mend the lines, and bring the roster again.",
        )
    assert cohort.id is not None
    new = [step.entry for step in made.steps if step.what == "new"]
    newcomers = _accounts_for(session, new)
    seats = [(step.learner_id, step.entry.namespace) for step in made.steps if step.what == "added" and step.learner_id is not None]
    seats += [(account.learner_id, entry.namespace) for account, entry in zip(newcomers, new, strict=True)]
    cohorts.enrol_all(session, cohort.id, seats)
    paths = one_time_links.invite(session, actor, newcomers, cohort.id)
    invited = [Invited(entry.name, entry.email, path) for entry, path in zip(new, paths, strict=True)]
    counts = {what: made.count(what) for what in ("new", "added", "there", "asked")}
    note(session, actor, "roster.imported", cohort.name, cohort_id=cohort.id, **counts)
    return made, invited


def written(session: Session, cohort_id: int) -> Iterator[Sequence[Cell]]:
    """The learners of a cohort as a table with titles, by name; taken in again it names the same people."""
    yield TITLES
    query = (
        select(Learner.name, Account.email, Membership.namespace)
        .join(Account, col(Account.learner_id) == Learner.id)
        .join(Membership, col(Membership.learner_id) == Learner.id)
        .where(Membership.cohort_id == cohort_id, Membership.role == Role.LEARNER)
        .order_by(Learner.name, Account.email)
    )
    for name, email, namespace in session.exec(query):
        yield name, email, namespace or ""


def _accounts_for(session: Session, entries: Sequence[Entry]) -> list[Account]:
    """New accounts, in that order. Raises Conflict when somebody else makes one of them at the same moment."""
    learners = [Learner(name=entry.name) for entry in entries]
    session.add_all(learners)
    session.flush()
    made = []
    for learner, entry in zip(learners, entries, strict=True):
        assert learner.id is not None
        made.append(Account(learner_id=learner.id, email=entry.email, role=Role.LEARNER))
    session.add_all(made)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(
            "Somebody on the roster got an account at this very moment.", help="Nothing was changed. Bring the roster again."
        ) from error
    return made


def _accounts(session: Session, emails: list[str]) -> dict[str, tuple[Account, str]]:
    found = {}
    for part in _parts(emails):
        query = select(Account, Learner.name).join(Learner, col(Learner.id) == Account.learner_id).where(col(Account.email).in_(part))
        found.update({account.email: (account, name) for account, name in session.exec(query)})
    return found


def _seen_by(session: Session, actor: Actor) -> set[int] | None:
    """Who is in a cohort that the actor teaches; None for an admin and for the server's own terminal, who see all."""
    account = session.get(Account, actor.id) if actor.id is not None else None
    if actor.id is None or (account is not None and account.role == Role.ADMIN):
        return None
    own = select(Membership.cohort_id).where(Membership.learner_id == actor.id, Membership.role == Role.INSTRUCTOR)
    return {actor.id, *session.exec(select(Membership.learner_id).where(col(Membership.cohort_id).in_(own)))}


def _taken(session: Session, namespaces: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in _parts(namespaces):
        query = select(Membership.namespace, Membership.learner_id).where(col(Membership.namespace).in_(part))
        found.update({namespace: learner_id for namespace, learner_id in session.exec(query) if namespace})
    return found


def _parts(words: list[str]) -> Iterator[list[str]]:
    """Some at a time: a statement takes only so many parameters."""
    for start in range(0, len(words), 500):
        yield words[start : start + 500]


def _entries(lines: Sequence[Line]) -> tuple[list[Entry], list[Fault]]:
    columns, lines = _columns(lines)
    entries, faults = [], []
    first: dict[str, int] = {}
    spaces: dict[str, int] = {}
    for line in lines:
        entry, wrong = _entry(line, columns)
        if entry.email and entry.email in first:
            wrong.append(f"{_short(entry.email)} stands in line {first[entry.email]} already.")
        if entry.namespace and entry.namespace in spaces:
            wrong.append(f"The namespace {entry.namespace} stands in line {spaces[entry.namespace]} already.")
        first.setdefault(entry.email, line.number)
        if entry.namespace:
            spaces.setdefault(entry.namespace, line.number)
        faults += [Fault(line.number, each) for each in wrong]
        if not wrong:
            entries.append(entry)
    return entries, faults


def _columns(lines: Sequence[Line]) -> tuple[Mapping[str, int], Sequence[Line]]:
    """Where name, email and namespace stand: as a first line of titles says, or in that order; and the lines without it."""
    if not lines:
        raise UnreadableInput("There is nothing in it.", help="Write a line for each learner: name,email")
    titles = [_KNOWN.get(cell.strip().lower(), "") for cell in lines[0].cells]
    if any(titles) and not any("@" in cell for cell in lines[0].cells):
        columns: dict[str, int] = {title: titles.index(title) for title in TITLES if title in titles}
        if "email" not in columns or "name" not in columns:
            raise UnreadableInput(
                f"Line {lines[0].number} holds titles, and no column is called {'email' if 'email' not in columns else 'name'}.",
                help="Call the columns name and email; namespace may follow, others are left out.",
            )
        if len(lines) == 1:
            raise UnreadableInput("There are titles in it, and nobody below them.", help="Write a line for each learner: name,email")
        return columns, lines[1:]
    in_order: dict[str, int] = {title: index for index, title in enumerate(TITLES)}
    return in_order, lines


def _entry(line: Line, columns: Mapping[str, int]) -> tuple[Entry, list[str]]:
    """The line as an entry, and all that is wrong with it."""

    def cell(title: str) -> str:
        at = columns.get(title)
        return line.cells[at] if at is not None and at < len(line.cells) else ""

    name, email, namespace = " ".join(cell("name").split()), cell("email"), cell("namespace").strip()
    wrong = []
    if not name:
        wrong.append("There is no name.")
    elif _unseen(name):
        wrong.append("The name holds characters that cannot be seen.")
    else:
        name = _clean(accounts.clean_name, name, wrong)
    if not email:
        wrong.append("There is no address.")
    else:
        email = _clean(accounts.clean_email, email, wrong)
    if namespace:
        wrong += _wrong_namespace(namespace)
    return Entry(line.number, name, email, namespace or None), wrong


def _clean(rule: Callable[[str], str], text: str, wrong: list[str]) -> str:
    try:
        return rule(text)
    except accounts.Invalid as error:
        wrong.append(error.message)
        return text


def _wrong_namespace(namespace: str) -> list[str]:
    if (rule := dns_label(namespace)) is not None:
        return [f"{_short(namespace)} cannot be a namespace: {rule}."]
    if shared_cluster.is_reserved(namespace):  # learners see what is in theirs
        return [f"The namespace {namespace} is the cluster's own."]
    return []


def _unseen(text: str) -> bool:
    return any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and each not in "\u200c\u200d" for each in text)


def _short(text: str) -> str:
    shown = "".join("\ufffd" if _unseen(each) else each for each in text)
    return shown if len(shown) <= _ABRIDGED else shown[:_ABRIDGED] + "…"
