"""The pages and what they send: one module for each area. A route translates: HTTP in, one call of a service, HTML out."""

from __future__ import annotations

from fastapi import APIRouter

from app.routes import (
    account,
    accounts,
    board,
    cohorts,
    comments,
    course,
    due_dates,
    gradebook,
    health,
    lessons,
    live,
    people,
    progress,
    quiz,
    roster,
    simulators,
    submissions,
    transfer,
    workbench,
)

ROUTERS: tuple[APIRouter, ...] = (
    course.router,
    lessons.router,
    transfer.router,  # before progress, which would take its paths for lessons
    progress.router,  # before live, which tells its feed
    live.router,
    quiz.router,
    workbench.router,
    simulators.router,
    health.router,
)

CLASSROOM: tuple[APIRouter, ...] = (
    accounts.router,
    account.router,
    people.router,
    submissions.router,
    board.router,
    cohorts.router,
    roster.router,
    due_dates.router,
    gradebook.router,
    comments.router,
)
"""Those that only a classroom has."""
