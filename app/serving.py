"""The server that the app runs in: uvicorn, which ends event streams when it is asked to stop instead of waiting for their readers."""

from __future__ import annotations

import signal
import socket
import time
from types import FrameType

import uvicorn


class Server(uvicorn.Server):
    """Serves an app of `create_app`. Asked to stop by SIGTERM it goes on for `drain` seconds, in which it says that it is not ready any
    more, so that whatever stands in front sends nothing new; then it ends streams, finishes requests and leaves with status 0."""

    def __init__(self, config: uvicorn.Config, drain: float = 0) -> None:
        super().__init__(config)
        self._drain = drain
        self._leaves_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal. A second one hurries."""
        if sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
        elif self._leaves_at is None and self._drain:
            self._leaves_at = time.monotonic() + self._drain
        else:
            self.should_exit = True
        state = getattr(self.config.app, "state", None)
        if state is not None:
            state.stopping = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to stop now."""
        leaves = self._leaves_at is not None and time.monotonic() >= self._leaves_at
        return await super().on_tick(counter) or leaves

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: open pages are told so at once, and connect again when there is somebody."""
        state = getattr(self.config.app, "state", None)
        for name in ("live", "feed"):
            streams = getattr(state, name, None)
            if streams is not None:
                streams.close()
        await super().shutdown(sockets)
