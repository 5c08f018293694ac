"""Who may sign in to a classroom, and with what. Of whatever opens a door only a digest is stored."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.models.columns import Utc, utc_now


class Role(StrEnum):
    """What somebody may do. The values are stored and permanent."""

    LEARNER = "learner"
    INSTRUCTOR = "instructor"  # may make cohorts, and sees those that they teach
    ADMIN = "admin"  # sees all, and decides who is what


class Purpose(StrEnum):
    """What a one-time link is for. The values are stored and permanent."""

    SETUP = "setup"  # makes the first admin
    INVITATION = "invitation"  # sets the first password of an account
    RESET = "reset"  # sets another one


class Account(SQLModel, table=True):
    """Somebody who can sign in. The person's name, and all that they do, is the learner's.

    `email` is as compared: without spaces around it, in lower case. `password` is an argon2 hash, None for who signs in elsewhere;
    `issuer` and `subject` are what an OpenID provider calls them.
    """

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)
    learner_id: int = Field(foreign_key="learners.id", primary_key=True, ondelete="CASCADE")
    email: str = Field(unique=True, max_length=254)
    role: str = Field(default=Role.LEARNER, max_length=16)
    password: str | None = Field(default=None, max_length=255)
    issuer: str | None = Field(default=None, max_length=255)
    subject: str | None = Field(default=None, max_length=255)
    active: bool = True
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))
    signed_in_at: datetime | None = Field(default=None, sa_column=Column(Utc, nullable=True))


class SignIn(SQLModel, table=True):
    """A browser that is signed in, until `expires_at` or until the row is deleted. `agent` is what the browser calls itself."""

    __tablename__ = "sign_ins"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True, max_length=64)
    learner_id: int = Field(foreign_key="accounts.learner_id", index=True, ondelete="CASCADE")
    agent: str = Field(default="", max_length=200)
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))
    seen_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Utc, nullable=False))


class TerminalToken(SQLModel, table=True):
    """What `grade --submit` shows instead of a password; deleted when it is revoked."""

    __tablename__ = "terminal_tokens"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True, max_length=64)
    learner_id: int = Field(foreign_key="accounts.learner_id", index=True, ondelete="CASCADE")
    name: str = Field(max_length=100)
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(Utc, nullable=True))
    expires_at: datetime = Field(sa_column=Column(Utc, nullable=False))


class OneTimeLink(SQLModel, table=True):
    """A link that works once. `learner_id` is whose password it sets, None for the first admin's."""

    __tablename__ = "one_time_links"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True, max_length=64)
    purpose: str = Field(max_length=16)
    learner_id: int | None = Field(default=None, foreign_key="accounts.learner_id", index=True, ondelete="CASCADE")
    made_by: int | None = Field(default=None, foreign_key="accounts.learner_id", ondelete="SET NULL")
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Utc, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(Utc, nullable=True))


class Throttle(SQLModel, table=True):
    """How often something was tried since `since`; `key` is a digest of what and by whom. All replicas count here."""

    __tablename__ = "throttles"
    key: str = Field(primary_key=True, max_length=64)
    since: datetime = Field(sa_column=Column(Utc, nullable=False, index=True))
    count: int
