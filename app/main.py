"""The web app, put together."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app import error_pages
from app.access import check_access
from app.config import Settings
from app.db import open_database, session_of
from app.deps import Learner
from app.observing import Observer
from app.routes import CLASSROOM, ROUTERS
from app.security import Guard, check_csrf
from app.services import retention
from app.services.content import course_folder
from app.services.freshness import Freshness
from app.services.learners import only_learner
from app.services.lesson_texts import Addresses, Course
from app.services.metrics import Metrics
from app.services.search import SearchIndex


def create_app(settings: Settings, *, course: Course | None = None) -> FastAPI:
    """The app, with its database open and up to date. `course` is read from the course's files unless it is given.

    Raises GradingError when a file or the database cannot be had.
    """
    addresses = Addresses()
    course = course or Course.load(addresses=addresses)
    engine = open_database(settings.database_url)

    freshness = Freshness(engine)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if settings.classroom:
            async with retention.kept(engine, settings.retention):
                yield
        else:
            yield
        freshness.close()
        engine.dispose()

    app = FastAPI(
        title="Kubernetes, from zero to production",
        dependencies=[Depends(check_access), Depends(check_csrf)],
        lifespan=lifespan,
        docs_url=None,  # it would load its page from another host
        redoc_url=None,
        openapi_url=None if settings.classroom else "/api/openapi.json",
    )
    app.state.settings = settings
    app.state.course = course
    app.state.search = SearchIndex(course, addresses)
    app.state.engine = engine
    app.state.freshness = freshness
    app.state.secret = settings.secret()
    app.state.stopping = False
    if not settings.classroom:
        with session_of(engine, writes=True) as session:
            app.state.learner = Learner(only_learner(session), settings.namespace)
    app.mount("/static", GZipMiddleware(_Static(directory=course_folder("static")), minimum_size=1_000, compresslevel=6))
    for router in (*CLASSROOM, *ROUTERS) if settings.classroom else ROUTERS:
        app.include_router(router)
    error_pages.install(app)
    app.add_middleware(Guard, settings=settings, secret=app.state.secret)
    if settings.classroom:
        app.state.metrics = Metrics(engine)
        app.add_middleware(Observer, metrics=app.state.metrics)
    return app


# The editor's parts, which its build names so: chunk-24MIAFOR.js
_NAMED_BY_CONTENT = re.compile(r"^build/[a-z]+-[A-Z0-9]{8}\.js$")


class _Static(StaticFiles):
    """Files that browsers keep for as long as their address, which holds a digest, stays the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file's answer."""
        response = await super().get_response(path, scope)
        if response.status_code == 200 and (b"v=" in scope.get("query_string", b"") or _NAMED_BY_CONTENT.search(path)):
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response
