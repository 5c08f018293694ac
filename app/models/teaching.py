"""Cohorts: who teaches whom, until when what is due, what was said, and who did what."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from app.models.columns import Utc, utc_now
from app.models.people import Role


class LatePolicy(StrEnum):
    """What lateness costs in the gradebook. The values are stored and permanent."""

    NONE = "none"  # late work counts in full
    DAILY = "daily"  # `late_percent` less for each day begun
    CLOSED = "closed"  # what passed after the due date counts nothing


class Cohort(SQLModel, table=True):
    """A group that takes the course together."""

    __tablename__ = "cohorts"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=100)
    late_policy: str = Field(default=LatePolicy.NONE, max_length=16)
    late_percent: int = 10
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))
    archived_at: datetime | None = Field(default=None, sa_column=Column(Utc, nullable=True))


class Membership(SQLModel, table=True):
    """Somebody in a cohort, as a learner or as an instructor. `namespace` is the learner's own on the cohort's shared cluster."""

    __tablename__ = "memberships"
    cohort_id: int = Field(foreign_key="cohorts.id", primary_key=True, ondelete="CASCADE")
    learner_id: int = Field(foreign_key="accounts.learner_id", primary_key=True, index=True, ondelete="CASCADE")
    role: str = Field(default=Role.LEARNER, max_length=16)
    namespace: str | None = Field(default=None, unique=True, max_length=63)
    joined_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))


class JoinLink(SQLModel, table=True):
    """A link with which people join a cohort as learners, until it expires or is revoked."""

    __tablename__ = "join_links"
    id: int | None = Field(default=None, primary_key=True)
    cohort_id: int = Field(foreign_key="cohorts.id", index=True, ondelete="CASCADE")
    made_by: int | None = Field(default=None, foreign_key="accounts.learner_id", ondelete="SET NULL")
    uses: int = 0
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Utc, nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(Utc, nullable=True))


class DueDate(SQLModel, table=True):
    """Until when a cohort is to complete a lesson."""

    __tablename__ = "due_dates"
    cohort_id: int = Field(foreign_key="cohorts.id", primary_key=True, ondelete="CASCADE")
    lesson_id: str = Field(primary_key=True, max_length=32)
    due_at: datetime = Field(sa_column=Column(Utc, nullable=False))


class Extension(SQLModel, table=True):
    """Another due date for one learner."""

    __tablename__ = "extensions"
    cohort_id: int = Field(foreign_key="cohorts.id", primary_key=True, ondelete="CASCADE")
    lesson_id: str = Field(primary_key=True, max_length=32)
    learner_id: int = Field(foreign_key="accounts.learner_id", primary_key=True, ondelete="CASCADE")
    due_at: datetime = Field(sa_column=Column(Utc, nullable=False))
    reason: str = Field(default="", max_length=200)


class Comment(SQLModel, table=True):
    """What an instructor says to a learner about an objective, or about the lesson when `objective_id` is empty."""

    __tablename__ = "comments"
    id: int | None = Field(default=None, primary_key=True)
    cohort_id: int = Field(foreign_key="cohorts.id", index=True, ondelete="CASCADE")
    learner_id: int = Field(foreign_key="accounts.learner_id", index=True, ondelete="CASCADE")
    author_id: int | None = Field(default=None, foreign_key="accounts.learner_id", ondelete="SET NULL")
    lesson_id: str = Field(max_length=32)
    objective_id: str = Field(default="", max_length=64)
    text: str = Field(max_length=4000)
    written_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))
    read_at: datetime | None = Field(default=None, sa_column=Column(Utc, nullable=True))


class AuditEvent(SQLModel, table=True):
    """Something that an instructor or admin has done; appended, and kept when those whom it names are gone.

    `actor` is their name at that time, `subject` what it was done to. `address` is the network address that it came from. No secret, and
    nothing that opens a door, is ever part of `facts`.
    """

    __tablename__ = "audit_events"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False, index=True))
    actor_id: int | None = Field(default=None, index=True)
    actor: str = Field(max_length=254)
    action: str = Field(max_length=64)
    cohort_id: int | None = Field(default=None, index=True)
    subject: str = Field(default="", max_length=254)
    address: str = Field(default="", max_length=64)
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
