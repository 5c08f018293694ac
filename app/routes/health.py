"""What a supervisor asks."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import PlainTextResponse

from app.deps import SessionDep

router = APIRouter()


@router.get("/healthz", name="health:alive", include_in_schema=False)
async def healthz() -> PlainTextResponse:
    """The process runs."""
    return PlainTextResponse("ok\n")


@router.get("/readyz", name="health:ready", include_in_schema=False)
async def readyz(request: Request, session: SessionDep) -> PlainTextResponse:
    """It can use its database, and has not been asked to stop."""
    if request.app.state.stopping:
        return PlainTextResponse("stopping\n", 503)
    session.execute(text("SELECT 1"))
    return PlainTextResponse("ok\n")
