"""How Alembic reaches the database: through the connection that the app gives, else the address in COURSE_DATABASE_URL."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import create_engine
from sqlmodel import SQLModel

import app.models  # noqa: F401 - fills the metadata


def _run(connection: object) -> None:
    # SQLite changes most things of a table only by making it anew; `batch` does that.
    context.configure(connection=connection, target_metadata=SQLModel.metadata, render_as_batch=True)  # type: ignore[arg-type]
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with create_engine(os.environ["COURSE_DATABASE_URL"]).connect() as connection:
        _run(connection)
        connection.commit()
