"""What a learner does: attempts, the workspace, the quiz, reading.

Lessons, objectives and questions live in files: rows name them by their permanent ids.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.models.columns import Utc, utc_now


class Origin(StrEnum):
    """Where a report came from. The values are stored and permanent."""

    WORKBENCH = "workbench"  # the files of the workspace
    CLUSTER = "cluster"  # the live panel
    TERMINAL = "terminal"  # `grade` on the learner's machine
    SUBMITTED = "submitted"  # a snapshot that `grade --submit` sent, judged by the server


class Learner(SQLModel, table=True):
    """Somebody who takes the course. On a learner's own machine there is one, without a name."""

    __tablename__ = "learners"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(default="", max_length=200)
    created_at: datetime = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=False))


class Attempt(SQLModel, table=True):
    """One judgement of one lesson: a press of Check, a run of `grade`, or a moment at which the cluster showed something new.

    `report` is the JSON report, schema 1. `key` names the attempt wherever it goes, so that nothing is taken in twice. `received_at` is
    when it was stored, by the clock of whoever stores it; `checked_at` is what the report says. `engine` is the version that judged.
    `cluster` is the cluster's own id (the UID of its namespace kube-system), and `digest` that of what was judged: equal ones under two
    learners are a fact worth showing.
    """

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_learner_id_checked_at", "learner_id", "checked_at"),)
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
    received_at: datetime | None = Field(default_factory=utc_now, sa_column=Column(Utc, nullable=True))
    engine: str = Field(default="", max_length=32, sa_column_kwargs={"server_default": ""})
    cluster: str = Field(default="", max_length=64, index=True, sa_column_kwargs={"server_default": ""})
    digest: str = Field(default="", max_length=64, index=True, sa_column_kwargs={"server_default": ""})


class Standing(SQLModel, table=True):
    """Where a learner stands in a lesson: what their attempts add up to, kept beside them because a board reads 16,000 at once.

    `passed` counts the objectives that count and have passed once, `counted` how many there are. `new_pass_at` is when one passed that
    had not before, `unchanged` how many attempts there were since in which nothing new passed, `first_open` the objective to do next by
    the newest attempt, `regressed` how many of those that had passed no longer do by the newest attempt on the same kind of source.
    """

    __tablename__ = "standings"
    learner_id: int = Field(foreign_key="learners.id", primary_key=True, ondelete="CASCADE")
    lesson_id: str = Field(primary_key=True, max_length=32)
    attempts: int
    passed: int
    counted: int
    regressed: int = 0
    unchanged: int = 0
    first_at: datetime = Field(sa_column=Column(Utc, nullable=False))
    last_at: datetime = Field(sa_column=Column(Utc, nullable=False))
    new_pass_at: datetime | None = Field(default=None, sa_column=Column(Utc, nullable=True))
    complete_at: datetime | None = Field(default=None, sa_column=Column(Utc, nullable=True))
    first_open: str = Field(default="", max_length=64)
    last_attempt_id: int | None = Field(default=None, foreign_key="attempts.id", index=True, ondelete="SET NULL")


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
