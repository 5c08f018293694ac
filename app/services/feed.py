"""What happens in this process, told to whoever has a page open: a topic, and a few facts about it.

A reader who does not keep up is cut off instead of being buffered for: pages begin again with the present state, so nothing is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Any, Final

ATTEMPTS: Final = "attempts"
"""Attempts of anybody were recorded: `learner`, and `lesson`, `origin`, `complete`, `passed`, `counted` of the last one, and in `count` how
many there were."""


def progress_of(learner_id: int) -> str:
    """The topic under which the same is told of one learner."""
    return f"progress/{learner_id}"


_WAITING = 64  # events that one reader may be behind


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `data` is plain, as JSON has it."""

    topic: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Feed:
    """Publish from any thread; subscribe on an event loop. `recorded` is told of attempts that were recorded here, to count them."""

    def __init__(self, recorded: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self._recorded = recorded
        self._subscriptions: set[Subscription] = set()
        self._by_topic: dict[str, set[Subscription]] = {}
        self._lock = Lock()
        self._closed = False

    def publish(self, topic: str, data: Mapping[str, Any]) -> None:
        """Tell all who have subscribed to the topic. Never waits."""
        self._tell(topic, data)

    def publish_attempts(self, learner_id: int, data: Mapping[str, Any]) -> None:
        """Tell that somebody's attempts were recorded: their own pages, and who follows everybody's."""
        if self._recorded is not None:
            self._recorded(data)
        told = {"learner": learner_id, **data}
        self.publish(progress_of(learner_id), told)
        self.publish(ATTEMPTS, told)

    def subscribe(self, topics: Iterable[str]) -> Subscription:
        """The events of these topics from now on, until the block ends: `with feed.subscribe((ATTEMPTS,)) as events: async for …`."""
        reader = Subscription(self, frozenset(topics))
        with self._lock:
            if not self._closed:
                self._subscriptions.add(reader)
                for topic in reader.topics:
                    self._by_topic.setdefault(topic, set()).add(reader)
        if self._closed:
            reader.end()
        return reader

    def close(self) -> None:
        """End every subscription, as when the server stops; later ones end at once."""
        self._closed = True
        self.cut()

    def cut(self) -> None:
        """End every subscription: something may have been missed, and pages that connect again begin with the present state."""
        with self._lock:
            readers = tuple(self._subscriptions)
            self._subscriptions.clear()
            self._by_topic.clear()
        for reader in readers:
            reader.end()

    def readers_of(self, topic: str) -> int:
        """How many are subscribed to a topic."""
        with self._lock:
            return len(self._by_topic.get(topic, ()))

    @property
    def readers(self) -> int:
        """How many are subscribed."""
        with self._lock:
            return len(self._subscriptions)

    def _tell(self, topic: str, data: Mapping[str, Any]) -> None:
        event = Event(topic, data)
        with self._lock:
            readers = tuple(self._by_topic.get(topic, ()))
        for reader in readers:
            reader.offer(event)

    def _leave(self, reader: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(reader)
            for topic in reader.topics:
                left = self._by_topic.get(topic)
                if left is not None:
                    left.discard(reader)
                    if not left:
                        del self._by_topic[topic]


class Subscription:
    """One reader's events, in order: an async iterator that ends when the feed closes or when the reader is too slow."""

    def __init__(self, feed: Feed, topics: frozenset[str]) -> None:
        self.topics = topics
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Event] = deque()
        self._news = asyncio.Event()
        self._ended = False

    def offer(self, event: Event) -> None:
        """Take an event, from any thread."""
        self._soon(self._take, event)

    def end(self) -> None:
        """Let the iteration end, once what waits has been read; from any thread."""
        self._soon(self._end)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended and not self._waiting

    async def next(self, patience: float) -> Event | None:
        """The next event; None when there was none for so many seconds, or when nothing more will come."""
        with contextlib.suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(patience):
                return await self.__anext__()
        return None

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._feed._leave(self)

    def _soon(self, do: Any, *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # its loop has ended, and the reader with it
            self._loop.call_soon_threadsafe(do, *arguments)

    def _take(self, event: Event) -> None:
        if self._ended:
            return
        if len(self._waiting) >= _WAITING:
            self._feed._leave(self)
            self._end()
            return
        self._waiting.append(event)
        self._news.set()

    def _end(self) -> None:
        self._ended = True
        self._news.set()
