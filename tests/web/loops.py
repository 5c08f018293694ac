"""Coroutines in tests, also after a browser's fixture has left its own event loop running in this thread."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def finish(story: Coroutine[Any, Any, T], seconds: float = 30.0) -> T:
    """The result of a coroutine, run in a thread and a loop of its own; TimeoutError when it takes longer."""

    async def limited() -> T:
        async with asyncio.timeout(seconds):
            return await story

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, limited()).result()
