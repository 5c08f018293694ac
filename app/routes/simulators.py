"""The simulators: an autoscaler and a drain, played by the rules that grade them. All of what is asked for stands in the address."""

from __future__ import annotations

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.services import simulators
from app.templating import render

router = APIRouter()


@router.get("/simulators", name="simulators:list")
async def all_of_them(request: Request) -> Response:
    """What there is to play with."""
    return render(request, "simulators/index.html")


@router.get("/simulators/hpa", name="simulators:hpa")
async def hpa(request: Request) -> Response:
    """An autoscaler under a load."""
    shown = await anyio.to_thread.run_sync(simulators.hpa, dict(request.query_params))
    return render(request, "simulators/hpa.html", partial="simulators/_hpa.html", **shown)


@router.get("/simulators/disruption", name="simulators:disruption")
async def disruption(request: Request) -> Response:
    """Drains against a budget, step by step."""
    shown = await anyio.to_thread.run_sync(simulators.disruption, dict(request.query_params))
    return render(request, "simulators/disruption.html", partial="simulators/_disruption.html", **shown)
