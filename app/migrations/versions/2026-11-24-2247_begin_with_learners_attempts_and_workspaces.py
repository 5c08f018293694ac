"""Begin with learners, attempts and workspaces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "64804dd50b35"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this schema."""
    op.create_table(
        "learners",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learners")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("learner_id", sa.Integer(), nullable=False),
        sa.Column("lesson_id", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learners.id"], name=op.f("fk_attempts_learner_id_learners"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("key", name=op.f("uq_attempts_key")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_checked_at"), ["checked_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempts_learner_id"), ["learner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempts_lesson_id"), ["lesson_id"], unique=False)

    op.create_table(
        "choices",
        sa.Column("learner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learners.id"], name=op.f("fk_choices_learner_id_learners"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("learner_id", "name", name=op.f("pk_choices")),
    )
    op.create_table(
        "hints_shown",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("learner_id", sa.Integer(), nullable=False),
        sa.Column("lesson_id", sa.String(length=32), nullable=False),
        sa.Column("objective_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learners.id"], name=op.f("fk_hints_shown_learner_id_learners"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hints_shown")),
        sa.UniqueConstraint("learner_id", "lesson_id", "objective_id", "number", name=op.f("uq_hints_shown_learner_id")),
    )
    with op.batch_alter_table("hints_shown", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hints_shown_learner_id"), ["learner_id"], unique=False)

    op.create_table(
        "quiz_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("learner_id", sa.Integer(), nullable=False),
        sa.Column("lesson_id", sa.String(length=32), nullable=False),
        sa.Column("question_id", sa.String(length=64), nullable=False),
        sa.Column("chosen", sa.JSON(), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learners.id"], name=op.f("fk_quiz_answers_learner_id_learners"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quiz_answers")),
        sa.UniqueConstraint("key", name=op.f("uq_quiz_answers_key")),
    )
    with op.batch_alter_table("quiz_answers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quiz_answers_learner_id"), ["learner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_quiz_answers_lesson_id"), ["lesson_id"], unique=False)

    op.create_table(
        "readings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("learner_id", sa.Integer(), nullable=False),
        sa.Column("lesson_id", sa.String(length=32), nullable=False),
        sa.Column("anchor", sa.String(length=200), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learners.id"], name=op.f("fk_readings_learner_id_learners"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readings")),
        sa.UniqueConstraint("learner_id", "lesson_id", name=op.f("uq_readings_learner_id")),
    )
    with op.batch_alter_table("readings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_readings_learner_id"), ["learner_id"], unique=False)

    op.create_table(
        "solutions_shown",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("learner_id", sa.Integer(), nullable=False),
        sa.Column("lesson_id", sa.String(length=32), nullable=False),
        sa.Column("earned", sa.Boolean(), nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learners.id"], name=op.f("fk_solutions_shown_learner_id_learners"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_solutions_shown")),
        sa.UniqueConstraint("learner_id", "lesson_id", name=op.f("uq_solutions_shown_learner_id")),
    )
    with op.batch_alter_table("solutions_shown", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_solutions_shown_learner_id"), ["learner_id"], unique=False)

    op.create_table(
        "workspace_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("learner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["learner_id"], ["learners.id"], name=op.f("fk_workspace_files_learner_id_learners"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace_files")),
        sa.UniqueConstraint("learner_id", "name", name=op.f("uq_workspace_files_learner_id")),
    )
    with op.batch_alter_table("workspace_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_workspace_files_learner_id"), ["learner_id"], unique=False)

    op.create_table(
        "objective_results",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("objective_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_objective_results_attempt_id_attempts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("attempt_id", "objective_id", name=op.f("pk_objective_results")),
    )


def downgrade() -> None:
    """Back to the one before."""
    op.drop_table("objective_results")
    with op.batch_alter_table("workspace_files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_workspace_files_learner_id"))

    op.drop_table("workspace_files")
    with op.batch_alter_table("solutions_shown", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_solutions_shown_learner_id"))

    op.drop_table("solutions_shown")
    with op.batch_alter_table("readings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_readings_learner_id"))

    op.drop_table("readings")
    with op.batch_alter_table("quiz_answers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_quiz_answers_lesson_id"))
        batch_op.drop_index(batch_op.f("ix_quiz_answers_learner_id"))

    op.drop_table("quiz_answers")
    with op.batch_alter_table("hints_shown", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hints_shown_learner_id"))

    op.drop_table("hints_shown")
    op.drop_table("choices")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attempts_lesson_id"))
        batch_op.drop_index(batch_op.f("ix_attempts_learner_id"))
        batch_op.drop_index(batch_op.f("ix_attempts_checked_at"))

    op.drop_table("attempts")
    op.drop_table("learners")
