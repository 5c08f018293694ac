"""What an open board is told: rows that have changed, as a stream of events. The feed only says whose; rows are read from the database."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Final

from anyio import to_thread
from sqlalchemy import Engine

from app.db import session_of
from app.models import utc_now
from app.services import board, board_picture, cohorts, sign_ins, stuck
from app.services.board import Heading, Line
from app.services.feed import ATTEMPTS, Feed
from app.services.stuck import Stuck

_GAP: Final = 0.25  # seconds in which changes are gathered, so that no more than four updates go out in one
_HEARTBEAT: Final = 15.0  # seconds; after so many it is looked who has become stuck by getting nowhere
_MOST_ROWS: Final = 200  # rows that are sent at once; when more have changed, the page is fetched again
_MOST_BEHIND: Final = 5_000  # attempts; whoever has missed more fetches the page again


class Follower:
    """One open board of a cohort. `secret` is that of the sign-in of who reads it, who is told as long as it holds and they teach it."""

    def __init__(self, engine: Engine, feed: Feed, cohort_id: int, secret: str) -> None:
        self._engine = engine
        self._feed = feed
        self._cohort = cohort_id
        self._secret = secret
        self._stuck: frozenset[tuple[int, str]] = frozenset()
        self._looked = time.monotonic()

    async def told(self, seen: int) -> AsyncIterator[str]:
        """The events, from what has changed since the attempt `seen` on: until nobody reads them, the feed ends, or who reads may no
        longer see the cohort."""
        with self._feed.subscribe((ATTEMPTS,)) as heard:
            yield "retry: 1000\n\n"
            said = await to_thread.run_sync(self._first, seen)
            while said is not None:
                yield said
                event = await heard.next(_HEARTBEAT)
                if heard.ended:
                    return
                news: set[int] = set()
                until = asyncio.get_running_loop().time() + _GAP
                while event is not None:
                    news.add(event.data["learner"])
                    event = await heard.next(until - asyncio.get_running_loop().time())
                said = await to_thread.run_sync(self._next, news)

    def _first(self, seen: int) -> str | None:
        with session_of(self._engine, writes=False) as session:
            newest = board.newest_attempt(session)
            self._stuck = _who(stuck.find(session, self._cohort, utc_now()).values())
            changed = None if newest - seen > _MOST_BEHIND else board.changed_since(session, self._cohort, seen, _MOST_ROWS + 1)
        if changed is None or len(changed) > _MOST_ROWS:
            return f"id: {newest}\nevent: reload\ndata:\n\n"
        return self._next(set(changed))

    def _next(self, news: set[int]) -> str | None:
        """The next event, about these learners and whoever has become stuck or got on since; None when there is to be none any more."""
        with session_of(self._engine, writes=False) as session:
            reader = sign_ins.signed_in(session, self._secret)
            if reader is None or cohorts.taught(session, reader[0], self._cohort) is None:
                return None
            now, newest = utc_now(), board.newest_attempt(session)
            if time.monotonic() - self._looked >= _HEARTBEAT or not news:
                held = _who(stuck.find(session, self._cohort, now).values())
                news |= {learner for learner, _ in held ^ self._stuck}
                self._stuck, self._looked = held, time.monotonic()
            if len(news) > _MOST_ROWS:
                return f"id: {newest}\nevent: reload\ndata:\n\n"
            lines = board.lines_of(session, self._cohort, now, news) if news else []
            headings = board.headings(session, self._cohort)
        if not lines:
            return f"id: {newest}\n: still here\n\n"
        told = {line.id for line in lines}
        self._stuck = frozenset(each for each in self._stuck if each[0] not in told) | _who(line.stuck for line in lines)
        return f"id: {newest}\nevent: rows\ndata: {_data(lines, headings, now, f'/cohorts/{self._cohort}')}\n\n"


def _who(several: Iterable[Stuck | None]) -> frozenset[tuple[int, str]]:
    return frozenset((each.learner_id, each.lesson_id) for each in several if each)


def _data(lines: Sequence[Line], headings: Sequence[Heading], now: datetime, base: str) -> str:
    counted = sum(heading.counted for heading in headings)
    told = {
        "cells": board_picture.symbols(headings, lines),
        "rows": {line.id: board_picture.row(line, counted, now, base, {}, headings) for line in lines},
        "words": {line.id: board_picture.news(line, headings) for line in lines},
    }
    return json.dumps(told, separators=(",", ":"))
