"""The tables. Facts are appended and never edited; what is derived from them, such as progress, is not stored.

Lessons, objectives and questions live in files: rows name them by their permanent ids.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Dialect, MetaData, TypeDecorator, UniqueConstraint
from sqlmodel import Field, SQLModel

# Set before the first migration, so that constraints can be named by later ones on every database.
SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """A time with its zone, UTC, on databases that store none as well."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy passes it by name
        """To the database, in UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy passes it by name
        """From the database."""
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


def utc_now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class Origin(StrEnum):
    """Where a report came from. The values are stored and permanent."""

    WORKBENCH = "workbench"  # the files of the workspace
    CLUSTER = "cluster"  # the live panel
    TERMINAL = "terminal"  # `grade` on the learner's machine


class Learner(SQLModel, table=True):
    """Somebody who takes the course. On a learner's own machine there is one, without a name."""

    __tablename__ = "learners"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(default="", max_length=200)
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))


class Attempt(SQLModel, table=True):
    """One judgement of one lesson: a press of Check, a run of `grade`, or a moment at which the cluster showed something new.

    `report` is the JSON report, schema 1. `key` names the attempt wherever it goes, so that nothing is taken in twice.
    """

    __tablename__ = "attempts"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, max_length=64)
    learner_id: int = Field(foreign_key="learners.id", index=True, ondelete="CASCADE")
    lesson_id: str = Field(index=True, max_length=32)
    origin: str = Field(max_length=16)
    source: str = Field(max_length=16)  # `manifests` or `cluster`, as in the report
    checked_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False, index=True))
    complete: bool
    passed: int
    counted: int
    report: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class ObjectiveResult(SQLModel, table=True):
    """What one attempt said of one objective."""

    __tablename__ = "objective_results"
    attempt_id: int = Field(foreign_key="attempts.id", primary_key=True, ondelete="CASCADE")
    objective_id: str = Field(primary_key=True, max_length=64)
    status: str = Field(max_length=16)


class WorkspaceFile(SQLModel, table=True):
    """A file of the learner's workspace. `version` grows with each change; whoever writes says which one they have seen."""

    __tablename__ = "workspace_files"
    __table_args__ = (UniqueConstraint("learner_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learners.id", index=True, ondelete="CASCADE")
    name: str = Field(max_length=200)
    content: str
    version: int = 1
    updated_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))


class HintShown(SQLModel, table=True):
    """A hint of an objective that the learner has unlocked; `number` counts from 1."""

    __tablename__ = "hints_shown"
    __table_args__ = (UniqueConstraint("learner_id", "lesson_id", "objective_id", "number"),)
    id: int | None = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learners.id", index=True, ondelete="CASCADE")
    lesson_id: str = Field(max_length=32)
    objective_id: str = Field(max_length=64)
    number: int
    shown_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))


class SolutionShown(SQLModel, table=True):
    """The first time that the learner looked at a lesson's solution; `earned` when the lesson was complete by then."""

    __tablename__ = "solutions_shown"
    __table_args__ = (UniqueConstraint("learner_id", "lesson_id"),)
    id: int | None = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learners.id", index=True, ondelete="CASCADE")
    lesson_id: str = Field(max_length=32)
    earned: bool
    shown_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))


class QuizAnswer(SQLModel, table=True):
    """One answer to one question of a quiz. `chosen` are positions of options, from 0."""

    __tablename__ = "quiz_answers"
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True, max_length=64)
    learner_id: int = Field(foreign_key="learners.id", index=True, ondelete="CASCADE")
    lesson_id: str = Field(index=True, max_length=32)
    question_id: str = Field(max_length=64)
    chosen: list[int] = Field(sa_column=Column(JSON, nullable=False))
    correct: bool
    answered_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))


class Reading(SQLModel, table=True):
    """How far the learner has read in a lesson, and for how long: seconds in which its pages were in front and in use."""

    __tablename__ = "readings"
    __table_args__ = (UniqueConstraint("learner_id", "lesson_id"),)
    id: int | None = Field(default=None, primary_key=True)
    learner_id: int = Field(foreign_key="learners.id", index=True, ondelete="CASCADE")
    lesson_id: str = Field(max_length=32)
    anchor: str = Field(default="", max_length=200)
    seconds: int = 0
    read_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))


class Choice(SQLModel, table=True):
    """Something that the learner has set, such as the context and namespace of the live panel."""

    __tablename__ = "choices"
    learner_id: int = Field(foreign_key="learners.id", primary_key=True, ondelete="CASCADE")
    name: str = Field(primary_key=True, max_length=64)
    value: str
