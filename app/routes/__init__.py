"""The pages and what they send: one module for each area. A route translates: HTTP in, one call of a service, HTML out."""

from __future__ import annotations

from fastapi import APIRouter

from app.routes import course, health, lessons, live, progress, quiz, simulators, transfer, workbench

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

CLASSROOM: tuple[APIRouter, ...] = ()
"""Those that only a classroom has."""
