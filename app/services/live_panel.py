"""One learner's panel of one lesson: which regions it has, and the events that bring an open page up to date."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from app.db import session_of
from app.services.cluster_choice import Menu, Place
from app.services.lesson_texts import Course
from app.services.live import Hub
from app.services.live_page import Ledger, Past, Region, Render, judged, lines, past
from app.services.live_picture import Picture, State
from app.services.shells import export

_NO_CONTEXT = "no context"
_SHARED = "the classroom’s cluster"


class Seen(NamedTuple):
    """What a page has: the number of the watch that it is about, and the version; as an event's id with the hub's `boot` before it."""

    watch: int
    version: int


_NOTHING = Seen(0, -1)


class Panel:
    """One learner's page of one lesson, shared by all who have it open; or the strip of it that other pages show."""

    def __init__(self, hub: Hub, course: Course, learner_id: int, lesson_id: str, passive: bool, render: Render) -> None:
        self._hub = hub
        self._course = course
        self._learner_id = learner_id
        self._lesson_id = lesson_id
        self._render = render
        self._passive = passive
        self._ledger = Ledger()
        self._watch = 0
        self._past: tuple[int, Past] | None = None
        self._frames: dict[Seen, bytes | None] = {}

    @property
    def seen(self) -> Seen:
        """What somebody has who has all of it."""
        return Seen(self._watch, self._ledger.version)

    @property
    def picture(self) -> Picture:
        """What is known of the learner's cluster."""
        watch = self._hub.known(self._learner_id)
        place = self._hub.places.get(self._learner_id, self._hub.usual)
        return watch.picture if watch else Picture(place, State.STARTING, datetime.now(UTC))

    @property
    def taught(self) -> Mapping[str, str]:
        """Where the lesson's text teaches each objective."""
        return self._course[self._lesson_id].taught

    def past(self) -> Past:
        """What was recorded before."""
        if self._past is None or self._past[0] != self._hub.progress_version:
            with session_of(self._hub.engine, writes=False) as session:
                self._past = self._hub.progress_version, past(session, self._learner_id, self._lesson_id)
        return self._past[1]

    def refresh(self) -> None:
        """Look at the cluster's picture, and render what has changed."""
        hub = self._hub
        watch = hub.known(self._learner_id)
        number = watch.number if watch else 0
        if number == self._watch and self._ledger.version == hub.version:
            return
        if number != self._watch:
            self._watch, self._ledger = number, Ledger()
        self._frames.clear()
        self._ledger.refresh(self._strip() if self._passive else self._regions(), hub.version, self._render)

    def frame(self, seen: Seen) -> bytes | None:
        """The event that leads from what somebody has to all of it; None when they have it."""
        self.refresh()
        if seen not in self._frames:
            self._frames[seen] = self._made(seen)
        return self._frames[seen]

    def _made(self, seen: Seen) -> bytes | None:
        known = seen.version if seen.watch == self._watch else -1
        html = self._ledger.since(known)
        watch = self._hub.known(self._learner_id)
        said = (watch.told, watch.turned.get(self._lesson_id, (0, ""))) if watch else ()
        say = " ".join(words for version, words in said if -1 < known < version)
        if seen.watch not in (0, self._watch) and watch:
            place = watch.place
            words = _SHARED if self._hub.shared else _context_words(place, self._hub.menu, watch.picture)
            say = f"Now reading {words}, namespace {place.namespace}."
        if not html and not say:
            return None
        data = json.dumps({"html": html, "say": say}, ensure_ascii=False, separators=(",", ":"))
        return f"id: {self.id}\nevent: regions\ndata: {data}\n\n".encode()

    @property
    def id(self) -> str:
        """The present state as an event's id."""
        return f"{self._hub.boot}.{self._watch}.{self._ledger.version}"

    def parsed(self, id: str) -> Seen:
        """What a page has that names an event's id; nothing, when it is of an earlier run."""
        boot, _, rest = id.partition(".")
        watch, _, version = rest.partition(".")
        fits = boot == self._hub.boot and watch.isdecimal() and version.isdecimal() and len(rest) < 40
        return Seen(int(watch), int(version)) if fits else _NOTHING

    def html(self) -> dict[str, str]:
        """All regions as they are."""
        return self._ledger.since(-1)

    def _strip(self) -> Iterator[Region]:
        picture = self.picture
        yield Region(
            "live-strip-words",
            "live/_strip_words.html",
            {
                "state": picture.state if self._watch else None,
                "context": _SHARED if self._hub.shared else _context_words(picture.place, self._hub.menu, picture),
                "namespace": picture.place.namespace,
                "line": next(line for line in lines(picture, self._lesson_id, self.past().progress) if line.here),
            },
        )

    def _regions(self) -> Iterator[Region]:
        hub, picture, before = self._hub, self.picture, self.past()
        place, lesson_id = picture.place, self._lesson_id
        moved = hub.before.get(self._learner_id)
        before_words = _context_words(moved, hub.menu, None) if moved else ""
        usual = {"lesson_id": lesson_id, "csrf": ""}
        yield Region(
            "live-head",
            "live/_head.html",
            {
                "state": picture.state,
                "context": _SHARED if hub.shared else _context_words(place, self._hub.menu, picture),
                "follows": place.context is None and not hub.shared,
                "host": picture.host,
                "namespace": place.namespace,
                "version": picture.version,
                "since": picture.since,
                "production": picture.production,
                "moved": f"{before_words}, namespace {moved.namespace}" if moved and before_words != _NO_CONTEXT else "",
            },
        )
        job = hub.starter.job
        yield Region(
            "live-trouble",
            "live/_trouble.html",
            {
                **usual,
                "state": picture.state,
                "trouble": picture.trouble,
                "since": picture.since,
                "unread": picture.unread if picture.state is State.READING else (),
                "shared": hub.shared,
                "nothing_there": picture.nothing_there and picture.state is State.READING,
                "place": place,
                "current": self._hub.menu.current,
                "options": self._hub.menu.options,
                "program": self._hub.program,
                "running": bool(job and job.running),
            },
        )
        yield Region(
            "live-start", "live/_start.html", {"job": job, "line": export("KUBECONFIG", job.path, os.environ) if job and job.path else ""}
        )
        yield Region("live-changes", "live/_changes.html", {"changes": picture.changes, "state": picture.state})
        yield Region("live-choice", "live/_choice.html", {**usual, "menu": self._hub.menu, "place": place, "shared": hub.shared})
        for line in lines(picture, lesson_id, before.progress):
            yield Region(f"live-{line.id}", "live/_line.html", {"line": line})
        yield from self._objectives(picture, before)

    def _objectives(self, picture: Picture, before: Past) -> Iterator[Region]:
        now = judged(picture, self._lesson_id, before)
        made = before.progress.lessons[self._lesson_id]
        stale = now.at if picture.state is not State.READING else None
        yield Region("live-as-of", "live/_as_of.html", {"at": stale, "judged": now.at is not None, "last": _told(before)})
        numbers = {key: now.report[key] for key in ("complete", "passed", "counted")}
        yield Region("objectives-summary", "objectives/_summary.html", {"report": numbers, "progress": made})
        for objective in now.report["objectives"]:
            yield Region(
                f"objective-{objective['id']}",
                "objectives/_one.html",
                {"objective": objective, "report": {"lesson": self._lesson_id}, "progress": made, "taught": self.taught},
            )


class Panels:
    """All panels that somebody has opened."""

    def __init__(self, hub: Hub, course: Course, render: Render) -> None:
        """`render` makes HTML of a template and what it needs."""
        self._hub = hub
        self._course = course
        self._render = render
        self._made: dict[tuple[int, str, bool], Panel] = {}

    def of(self, learner_id: int, lesson_id: str, *, passive: bool = False) -> Panel:
        """The one of a lesson."""
        key = learner_id, lesson_id, passive
        if key not in self._made:
            self._made[key] = Panel(self._hub, self._course, learner_id, lesson_id, passive, self._render)
        return self._made[key]


def _told(before: Past) -> tuple[datetime, int, int] | None:
    last = before.last
    return (last.checked_at, last.passed, last.counted) if last else None


def _context_words(place: Place, menu: Menu, picture: Picture | None) -> str:
    """`context practice`: the one that is read, or would be."""
    name = (picture.context if picture else None) or place.context or menu.current
    return f"context {name}" if name else _NO_CONTEXT
