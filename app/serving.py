"""The server that the app runs in: uvicorn, which ends event streams when it is asked to stop instead of waiting for their readers."""

from __future__ import annotations

import socket

import uvicorn


class Server(uvicorn.Server):
    """Serves an app of `create_app`."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: open pages are told so at once, and connect again when there is somebody."""
        state = getattr(self.config.app, "state", None)
        for name in ("live", "feed"):
            streams = getattr(state, name, None)
            if streams is not None:
                streams.close()
        await super().shutdown(sockets)
