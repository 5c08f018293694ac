"""Everything that is stored about one person, as plain data: each row of each table that names them, but nothing that opens a door."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Table, or_
from sqlmodel import Session, SQLModel, select

from app.models import Account, Attempt, AuditEvent, ObjectiveResult, utc_now

FORMAT: Final = "kubernetes-course account"
# Digests of cookies, tokens and links, and the hash of a password, are of no use to their owner, and of some to a thief.
_KEPT_BACK: Final = frozenset(
    {("accounts", "password"), ("sign_ins", "digest"), ("terminal_tokens", "digest"), ("one_time_links", "digest"), ("attempts", "digest")}
)
_PEOPLE: Final = frozenset({"learners.id", "accounts.learner_id"})
_INDIRECT: Final = frozenset({"objective_results", "audit_events", "throttles"})


def save(session: Session, learner_id: int) -> bytes:
    """The data as JSON, in UTF-8."""
    account = session.get(Account, learner_id)
    assert account is not None
    tables = {table.name: _rows(session, table, learner_id) for table in _tables()}
    tables["objective_results"] = [
        {"attempt_id": result.attempt_id, "objective_id": result.objective_id, "status": result.status}
        for result in session.exec(
            select(ObjectiveResult).join(Attempt).where(Attempt.learner_id == learner_id).order_by(ObjectiveResult.attempt_id)  # type: ignore[arg-type] # a column
        )
    ]
    tables["audit_events"] = _events(session, learner_id, account.email)
    saved = {"format": FORMAT, "version": 1, "saved_at": utc_now(), "tables": {name: rows for name, rows in sorted(tables.items()) if rows}}
    return json.dumps(saved, ensure_ascii=False, indent=1, default=_plain).encode()


def _tables() -> list[Table]:
    return [table for name, table in SQLModel.metadata.tables.items() if name not in _INDIRECT and _names_people(table)]


def _names_people(table: Table) -> list[Any]:
    """The columns of a table that say whom a row is about, or by."""
    if table.name == "learners":
        return [table.c.id]
    return [column for column in table.columns if any(key.target_fullname in _PEOPLE for key in column.foreign_keys)]


def _rows(session: Session, table: Table, learner_id: int) -> list[dict[str, Any]]:
    wanted = [column for column in table.columns if (table.name, column.name) not in _KEPT_BACK]
    query = select(*wanted).where(or_(*(column == learner_id for column in _names_people(table)))).order_by(*table.primary_key)
    return [dict(row._mapping) for row in session.execute(query)]


def _events(session: Session, learner_id: int, email: str) -> list[dict[str, Any]]:
    """What they have done, with the address that it came from, and what was done to them, without that of who did it."""
    query = select(AuditEvent).where(or_(AuditEvent.actor_id == learner_id, AuditEvent.subject == email)).order_by(AuditEvent.id)  # type: ignore[arg-type] # columns
    told = []
    for event in session.exec(query):
        fields = event.model_dump()
        if event.actor_id != learner_id:
            del fields["address"]
        told.append(fields)
    return told


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
