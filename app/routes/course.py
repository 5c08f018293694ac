"""The course map, and the colours that the learner prefers."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from app.db import session_of
from app.deps import CourseDep, CurrentLearner, EngineDep
from app.models import utc_now
from app.services import classroom_notes, progress, reading
from app.services.course_map import parts
from app.templating import render_kept

router = APIRouter()


@router.get("/", name="course:map")
async def show(request: Request, course: CourseDep, learner: CurrentLearner, engine: EngineDep) -> Response:
    """All lessons as a path."""

    def facts() -> dict[str, Any]:
        with session_of(engine, writes=False) as session:
            made = progress.of_course(session, learner.id)
            anchors, last = reading.position(session, learner.id), reading.last_read(session, learner.id)
            notes = classroom_notes.of(session, learner.person)
        return {"notes": notes, "progress": made, "parts": parts(course, made, anchors, last)}

    minute = utc_now().strftime("%H:%M") if learner.person else ""  # what is due grows late while nothing else changes
    return render_kept(request, "course/map.html", (learner.id, minute), facts)


@router.post("/theme", name="course:theme")
async def choose_theme(request: Request, theme: Annotated[str, Form(max_length=10)]) -> Response:
    """Light, dark, or as the system has it; back to the page where it was chosen."""
    try:
        back = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        back = urlsplit("/")
    # One slash: two would begin the address of another host.
    response = RedirectResponse("/" + back.path.lstrip("/\\") + (f"?{back.query}" if back.query else ""), 303)
    if theme in ("light", "dark"):
        response.set_cookie("course_theme", theme, max_age=31536000, samesite="strict", httponly=True)
    else:
        response.delete_cookie("course_theme")
    return response
