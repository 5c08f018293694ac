"""The workbench: the learner's files, an editor for them, and what they bring about.

Text is stored in a transaction of its own before it is judged: what was confirmed is kept whatever happens next, and nothing else waits for
the database meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from sqlalchemy import Engine
from sqlmodel import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.db import session_of
from app.deps import CourseDep, CurrentLearner, EngineDep, Learner, WantedLesson
from app.errors import Conflict, NotFound, TooOften
from app.models import WorkspaceFile
from app.security import MAX_BODY
from app.services import attempts, classroom_notes, comments, progress, schema_help, starters, throttle, turns, workbench, workspace
from app.services.comments import Said
from app.services.differences import compare, in_one_column
from app.services.lesson_page import neighbours
from app.services.lesson_texts import Course
from app.services.progress import LessonProgress
from app.templating import render
from graders.lessons import Entry

# A form sends one character of a text as up to nine bytes; the workspace counts them once they are decoded.
router = APIRouter(form_limits={"max_part_size": MAX_BODY})

Name = Annotated[str, Form(max_length=300)]
Version = Annotated[int, Form(ge=0, le=2**31)]
Names = Annotated[str, Query(max_length=20_000)]


@contextmanager
def _transaction(engine: Engine, *, writes: bool, learner_id: int | None = None) -> Iterator[Session]:
    """A short transaction. Nothing may be awaited in one that writes: the database is locked, and whoever waits for it stops the loop."""
    try:
        with session_of(engine, writes=writes, learner_id=learner_id) as session:
            yield session
    except workspace.NoSuchFile as error:
        raise NotFound(error.message, help=error.help) from error


@dataclass(frozen=True, slots=True)
class _Held:
    """What the database has of a learner for one lesson."""

    files: list[WorkspaceFile]
    progress: LessonProgress
    hints: dict[str, int]
    seed: int | None
    solution: bool
    said: list[Said]

    @classmethod
    def read(cls, session: Session, learner: Learner, lesson_id: str) -> _Held:
        return cls(
            workspace.files(session, learner.id),
            progress.of_lesson(session, learner.id, lesson_id),
            workbench.hints_of(session, learner.id, lesson_id),
            starters.seed_of(session, learner.id, lesson_id),
            workbench.solution_shown(session, learner.id, lesson_id),
            comments.of(session, learner.id, lesson_id) if learner.person else [],
        )

    def file(self, name: str) -> WorkspaceFile | None:
        return next((file for file in self.files if file.name == name), None)


async def _judged(entry: Entry, course: Course, learner: Learner, held: _Held) -> workbench.Verdicts:
    texts = [(file.name, file.content) for file in held.files]
    async with turns.turn(learner.id):
        report = await to_thread.run_sync(workbench.judge, entry.load(), texts, learner.namespace)
    return workbench.verdicts(course, report, held.progress, held.hints, held.said)


def _back(lesson_id: str, anchor: str = "", **query: str) -> RedirectResponse:
    """To the page of a lesson, after something was changed."""
    query = {key: value for key, value in query.items() if value}
    words = f"?{urlencode(query)}" if query else ""
    return RedirectResponse(f"/workbench/{lesson_id}{words}{f'#{anchor}' if anchor else ''}", 303)


@router.get("/workbench", name="workbench:current")
async def current(learner: CurrentLearner, engine: EngineDep) -> Response:
    """To the exercise of the lesson to go on with."""
    with _transaction(engine, writes=False) as session:
        return _back(progress.of_course(session, learner.id).current)


@router.get("/workbench/workspace.zip", name="workbench:zip")
async def download_all(learner: CurrentLearner, engine: EngineDep) -> Response:
    """All files in one archive."""
    with _transaction(engine, writes=False) as session:
        held = workspace.files(session, learner.id)
    packed = await to_thread.run_sync(workspace.as_zip, held)
    return Response(packed, media_type="application/zip", headers=_attachment("workspace.zip"))


@router.get("/workbench/files/{name}", name="workbench:download")
async def download(name: str, learner: CurrentLearner, engine: EngineDep) -> Response:
    """One file."""
    with _transaction(engine, writes=False) as session:
        file = workspace.find(session, learner.id, name)
    return Response(file.content, media_type="text/plain; charset=utf-8", headers=_attachment(file.name))


def _attachment(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}


@router.get("/workbench/{lesson_id}", name="workbench:show")
async def show(
    request: Request,
    entry: WantedLesson,
    course: CourseDep,
    learner: CurrentLearner,
    engine: EngineDep,
    file: Annotated[str, Query(max_length=300)] = "",
    line: Annotated[int | None, Query(ge=1, le=1_000_000)] = None,
    added: Names = "",
    kept: Names = "",
    same: Names = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The workbench of one lesson, with one of the files open."""
    with _transaction(engine, writes=False) as session:
        held = _Held.read(session, learner, entry.id)
        notes = classroom_notes.of(session, learner.person)
    verdicts = await _judged(entry, course, learner, held)
    _mark_read(request, engine, learner, held.said)
    starter = starters.starter(entry.id, learner.namespace, held.seed)
    names = {each.name for each in held.files}
    about = starter.keys() | starters.solution(entry.id, learner.namespace).keys()
    files = sorted(held.files, key=lambda each: each.name not in about)  # what the lesson is about comes first
    first = next((name for name in starter if name in names), files[0].name if files else "")
    opened = held.file(file) or held.file(first)
    return render(
        request,
        "workbench/show.html",
        partial="workbench/_objectives.html",
        lesson=course[entry.id],
        task=workbench.task_of(entry.id, learner.namespace),
        around=_around(course, entry.id),
        files=files,
        opened=opened,
        missing=file if file and (opened is None or opened.name != file) else "",
        near=_near(opened, line),
        origin=starters.origin_of(entry.id, opened.name, learner.namespace, held.seed) if opened else None,
        beside=starters.beside(opened.name, entry.id) if opened else "",
        offer={name: name in names for name in starter} if set(starter) - names else {},
        told={
            "added": [name for name in added.split(",") if name in names],
            "kept": [name for name in kept.split(",") if name in names],
            "same": [name for name in same.split(",") if name in names],
            "done": done if done in ("saved", "checked", "reset", "renamed", "deleted") else "",
        },
        verdicts=verdicts,
        has_solution=bool(starters.solution(entry.id, learner.namespace)),
        solution_open=held.solution,
        problems=workbench.problems_data(verdicts.report.problems),
        notes=notes,
    )


def _mark_read(request: Request, engine: Engine, learner: Learner, said: list[Said]) -> None:
    """What is on a page that somebody has asked for has been read; a browser that fetches ahead has shown it to nobody."""
    new = [each.id for each in said if each.read_at is None]
    if new and "prefetch" not in request.headers.get("sec-purpose", ""):
        with _transaction(engine, writes=True) as session:
            comments.mark_read(session, learner.id, new)


def _around(course: Course, lesson_id: str) -> dict[str, Any]:
    before, after = neighbours(course, course[lesson_id])
    return {"before": before, "after": after}


def _near(file: WorkspaceFile | None, line: int | None) -> list[tuple[int, str, bool]]:
    """Some lines around one, each with its number and whether it is that one: for a page without the editor."""
    if file is None or line is None:
        return []
    lines = file.content.split("\n")
    low, high = max(line - 3, 1), min(line + 3, len(lines))
    return [(number, lines[number - 1], number == line) for number in range(low, high + 1)] if line <= len(lines) else []


@router.post("/workbench/{lesson_id}", name="workbench:write")
async def write(
    request: Request,
    entry: WantedLesson,
    course: CourseDep,
    learner: CurrentLearner,
    engine: EngineDep,
    file: Name = "",
    content: Annotated[str, Form()] = "",
    version: Version = 0,
    do: Annotated[str, Form(pattern="^(save|check|preview)$")] = "check",
) -> Response:
    """Store what was typed, and judge it: asked for with Check, or in passing while the learner types (`preview`)."""
    as_data = "application/json" in request.headers.get("accept", "")
    try:
        with _transaction(engine, writes=True, learner_id=learner.id) as session:
            saved = workspace.save(session, learner.id, file, content, seen=version) if file else None
            held = _Held.read(session, learner, entry.id)
            left = turns.seconds_left(session, learner.id, len(content)) if learner.person and do != "save" else 0
    except workspace.Changed as changed:
        return await _conflict(request, entry, changed, workspace.checked_text(file, content), as_data)
    if do == "save":
        return _back(entry.id, "editor", file=file, done="saved")
    if left:
        return _not_yet(saved, left, as_data)
    try:
        verdicts = await _judged(entry, course, learner, held)
    except TooOften as error:
        return _not_yet(saved, error.seconds, as_data)
    if do == "check" or workbench.worth_recording(verdicts.report, held.progress):
        texts = [(each.name, each.content) for each in held.files]
        # Only in a classroom is there somebody else's work to compare with.
        work = await to_thread.run_sync(workbench.work_of, entry.load(), texts, learner.namespace) if learner.person else ""
        verdicts = _recorded(request, entry, learner, verdicts, work)
    if not as_data:
        return _back(entry.id, "objectives", file=file, done="checked")
    page = {"lesson": course[entry.id], "verdicts": verdicts, "around": _around(course, entry.id)}
    return JSONResponse(
        {
            "version": saved.version if saved else 0,
            "statuses": verdicts.statuses,
            "passed": verdicts.report.passed,
            "counted": verdicts.report.counted,
            "complete": verdicts.report.complete,
            "objectives": _piece(request, "workbench/_objectives.html", **page),
            "problems_list": _piece(request, "workbench/_problems.html", **page),
            "problems": workbench.problems_data(verdicts.report.problems),
        }
    )


def _not_yet(saved: WorkspaceFile | None, seconds: int, as_data: bool) -> Response:
    """What was typed is stored, and judged later. Raises TooOften for a page; the editor is told the version as well."""
    error = TooOften(
        "Your files are judged too often.",
        seconds=seconds,
        help=f"What you typed is stored. Check it again {throttle.in_words(seconds)}.",
    )
    if not as_data:
        raise error
    told = {"error": error.message, "help": error.help, "version": saved.version if saved else 0, "seconds": seconds}
    return JSONResponse(told, 429, headers={"retry-after": str(seconds)})


def _piece(request: Request, name: str, **context: Any) -> str:
    return bytes(render(request, name, **context).body).decode()


def _recorded(request: Request, entry: Entry, learner: Learner, verdicts: workbench.Verdicts, work: str) -> workbench.Verdicts:
    """The verdicts once more, after the report was appended, and whoever has a page open was told."""
    with _transaction(request.app.state.engine, writes=True, learner_id=learner.id) as session:
        attempt = workbench.record(session, learner.id, verdicts.report, work)
        held = _Held.read(session, learner, entry.id)
    feed = getattr(request.app.state, "feed", None)  # a process that only answers requests has none
    if feed is not None:
        feed.publish_attempts(learner.id, attempts.told(attempt))
    return workbench.verdicts(request.app.state.course, verdicts.report, held.progress, held.hints, held.said)


async def _conflict(request: Request, entry: Entry, changed: workspace.Changed, mine: str, as_data: bool) -> Response:
    theirs = changed.theirs
    if as_data:
        found = {"content": theirs.content, "version": theirs.version} if theirs else None
        return JSONResponse({"error": changed.message, "help": changed.help, "conflict": {"theirs": found}}, 409)
    rows = await to_thread.run_sync(compare, theirs.content, mine) if theirs else None
    page = render(
        request,
        "workbench/conflict.html",
        lesson_id=entry.id,
        name=changed.name,
        message=changed.message,
        help=changed.help,
        mine=mine,
        theirs=theirs,
        rows=in_one_column(rows) if rows else rows,
    )
    page.status_code = 409
    return page


@router.get("/api/workspace/{name}", name="workbench:file")
async def newest(name: str, learner: CurrentLearner, engine: EngineDep, seen: Annotated[int, Query(ge=0)] = 0) -> Response:
    """A file as it is now, for a page that was away; without its text when that is the version `seen`."""
    with _transaction(engine, writes=False) as session:
        file = workspace.find(session, learner.id, name)
    found = {"version": file.version} if file.version == seen else {"version": file.version, "content": file.content}
    return JSONResponse(found, headers={"cache-control": "no-store"})


@router.post("/workbench/{lesson_id}/begin", name="workbench:begin")
async def begin(entry: WantedLesson, learner: CurrentLearner, engine: EngineDep, beside: Name = "") -> Response:
    """Add the exercise's files that the workspace does not have; or only one, `beside` the learner's own under another name."""
    with _transaction(engine, writes=True, learner_id=learner.id) as session:
        texts = starters.starter(entry.id, learner.namespace, starters.draw(session, learner.id, entry.id))
        if beside:
            if beside not in texts:
                raise NotFound(f"The exercise has no file {beside[:100]}.", help="Reload the page.")
            texts = {starters.beside(beside, entry.id): texts[beside]}
        taken = workspace.take(session, learner.id, texts)
    first = next(iter(taken.added), "")
    return _back(entry.id, "editor", file=first, added=",".join(taken.added), kept=",".join(taken.kept))


@router.post("/workbench/{lesson_id}/new", name="workbench:new")
async def new(
    entry: WantedLesson, learner: CurrentLearner, engine: EngineDep, name: Name, content: Annotated[str, Form()] = ""
) -> Response:
    """A new file, empty unless it comes with a text."""
    with _transaction(engine, writes=True, learner_id=learner.id) as session:
        file = workspace.create(session, learner.id, name, content)
    return _back(entry.id, "editor", file=file.name)


@router.post("/workbench/{lesson_id}/upload", name="workbench:upload")
async def upload(
    entry: WantedLesson,
    learner: CurrentLearner,
    engine: EngineDep,
    files: Annotated[list[UploadFile], File()],
    over: Annotated[bool, Form()] = False,
) -> Response:
    """Files from the learner's disk."""
    if len(files) > workspace.MAX_FILES:
        raise workspace.Refused(f"More than {workspace.MAX_FILES} files at once.", help="Nothing was stored. Choose fewer.")
    read = [(file.filename or "", await file.read()) for file in files if file.filename]
    with _transaction(engine, writes=True, learner_id=learner.id) as session:
        taken = workspace.upload(session, learner.id, read, over=over)
    first = next(iter((*taken.added, *taken.same, *taken.kept)), "")
    return _back(entry.id, "editor", file=first, added=",".join(taken.added), kept=",".join(taken.kept), same=",".join(taken.same))


@router.post("/workbench/{lesson_id}/rename", name="workbench:rename")
async def rename(entry: WantedLesson, learner: CurrentLearner, engine: EngineDep, file: Name, name: Name) -> Response:
    """Another name for a file."""
    with _transaction(engine, writes=True, learner_id=learner.id) as session:
        renamed = workspace.rename(session, learner.id, file, name)
    return _back(entry.id, "editor", file=renamed.name, done="renamed")


@router.post("/workbench/{lesson_id}/delete", name="workbench:delete")
async def delete(entry: WantedLesson, learner: CurrentLearner, engine: EngineDep, file: Name, version: Version) -> Response:
    """Take a file away."""
    try:
        with _transaction(engine, writes=True, learner_id=learner.id) as session:
            workspace.delete(session, learner.id, file, seen=version)
    except workspace.Changed as changed:
        raise Conflict(changed.message, help="Nothing was deleted. Open it, and see what is in it now.") from changed
    return _back(entry.id, "editor", done="deleted")


@router.post("/workbench/{lesson_id}/reset", name="workbench:reset")
async def reset(entry: WantedLesson, learner: CurrentLearner, engine: EngineDep, file: Name, version: Version) -> Response:
    """A file as its exercise gave it."""
    try:
        with _transaction(engine, writes=True, learner_id=learner.id) as session:
            origin = starters.origin_of(entry.id, file, learner.namespace, starters.seed_of(session, learner.id, entry.id))
            if origin is None:
                raise NotFound(f"No exercise up to this one gives a file {file[:100]}.", help="Reload the page.")
            workspace.replace_text(session, learner.id, file, origin[1], seen=version)
    except workspace.Changed as changed:
        raise Conflict(changed.message, help="Nothing was changed. Open it, and see what is in it now.") from changed
    return _back(entry.id, "editor", file=file, done="reset")


@router.get("/workbench/{lesson_id}/difference", name="workbench:difference")
async def difference(
    request: Request,
    entry: WantedLesson,
    learner: CurrentLearner,
    engine: EngineDep,
    file: Annotated[str, Query(max_length=300)],
    view: Annotated[str, Query(pattern="^(one|two)$")] = "one",
) -> Response:
    """A file compared with what its exercise gave."""
    with _transaction(engine, writes=False) as session:
        mine = workspace.find(session, learner.id, file)
        seed = starters.seed_of(session, learner.id, entry.id)
    origin = starters.origin_of(entry.id, file, learner.namespace, seed)
    if origin is None:
        raise NotFound(f"No exercise up to this one gives a file {mine.name}.", help="It is all your own.")
    rows = await to_thread.run_sync(compare, origin[1], mine.content)
    return render(
        request,
        "workbench/difference.html",
        partial="workbench/_difference.html",
        lesson_id=entry.id,
        name=mine.name,
        origin_id=origin[0],
        rows=in_one_column(rows) if rows and view == "one" else rows,
        view=view,
    )


@router.post("/workbench/{lesson_id}/hints", name="workbench:hint")
async def hint(
    request: Request,
    entry: WantedLesson,
    course: CourseDep,
    learner: CurrentLearner,
    engine: EngineDep,
    objective: Annotated[str, Form(max_length=64)],
    number: Annotated[int, Form(ge=1, le=9)],
    file: Name = "",
) -> Response:
    """The next hint of an objective."""
    with _transaction(engine, writes=True, learner_id=learner.id) as session:
        if not workbench.unlock(session, learner.id, entry.load(), objective, number):
            raise NotFound(f"{entry.title} has no objective {objective[:64]}.", help="Reload the page.")
        held = _Held.read(session, learner, entry.id)
    if request.headers.get("hx-request") != "true":
        return _back(entry.id, f"objective-{objective}", file=file)
    verdicts = await _judged(entry, course, learner, held)
    return render(request, "workbench/_objective.html", item=verdicts.item(objective), verdicts=verdicts, lesson=course[entry.id])


@router.get("/workbench/{lesson_id}/solution", name="workbench:solution")
async def solution(request: Request, entry: WantedLesson, course: CourseDep, learner: CurrentLearner, engine: EngineDep) -> Response:
    """The files of the solution, to whoever has earned it or has said that they want to see it."""
    with _transaction(engine, writes=False) as session:
        held = _Held.read(session, learner, entry.id)
    texts = starters.solution(entry.id, learner.namespace)
    return render(
        request,
        "workbench/solution.html",
        lesson=course[entry.id],
        texts=texts if held.solution else {},
        any=bool(texts),
        progress=held.progress,
        around=_around(course, entry.id),
    )


@router.post("/workbench/{lesson_id}/solution", name="workbench:spoil")
async def show_solution(entry: WantedLesson, learner: CurrentLearner, engine: EngineDep) -> Response:
    """The learner says that they want to see it."""
    with _transaction(engine, writes=True, learner_id=learner.id) as session:
        earned = progress.of_lesson(session, learner.id, entry.id).complete
        workbench.show_solution(session, learner.id, entry.id, earned=earned)
    return RedirectResponse(f"/workbench/{entry.id}/solution", 303)


@router.get("/api/schema", name="schema:kinds")
async def kinds() -> Response:
    """The kinds that there is help for, by API version."""
    return JSONResponse(schema_help.kinds(), headers=_LASTING)


@router.get("/api/schema/{api_version:path}/{kind}", name="schema:kind")
async def kind(api_version: str, kind: str) -> Response:
    """What a kind consists of: for each type its fields with what they hold, mean and are by default."""
    found = schema_help.of_kind(api_version, kind)
    if found is None:
        raise NotFound(f"There is no help for {kind[:60]} of {api_version[:60]}.", help="The list of those that there are: /api/schema")
    return Response(found, media_type="application/json", headers=_LASTING)


_LASTING = {"cache-control": "private, max-age=3600"}
