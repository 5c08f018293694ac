"""`course serve`: the course in the browser, from this machine and for it alone."""

from __future__ import annotations

import argparse
import contextlib
import errno
import shlex
import socket
from argparse import Namespace
from pathlib import Path

from app.commands.arguments import NAMESPACE, CourseParser
from app.config import PORT, Settings
from graders.errors import GradingError
from graders.folders import data_folder
from graders.terminal.output import put, say

_HOST = "127.0.0.1"
_TRIES = 20
_PATIENCE = 3  # seconds that open requests have to end


def arguments(parser: CourseParser) -> None:
    """What `course serve` takes."""
    parser.add_argument("--port", type=_port, metavar="N", help=f"the port instead of {PORT}, or the next free one")
    parser.add_argument("--data", metavar="DIR", help="where your progress is kept, instead of your user's data folder")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.namespace_option()
    parser.cluster_options()
    parser.output_options()


def run(options: Namespace) -> int:
    """Serve until interrupted; gives the exit status. Raises GradingError."""
    import uvicorn

    from app.main import create_app
    from app.serving import Server

    listening = _listen(options.port)
    port = listening.getsockname()[1]
    with listening:
        settings = Settings.local(
            Path(options.data).expanduser().absolute() if options.data else None,
            port=port,
            namespace=options.namespace or NAMESPACE,
            context=options.context,
            kubeconfig=options.kubeconfig,
        )
        address = f"http://{_HOST}:{port}/"
        app = create_app(settings)
        put(f"The course is at {address}\nIt keeps your progress in {settings.data}. Stop it with Ctrl C.\n")
        if settings.data != data_folder():
            put(f"For `grade` in a terminal to record there: export COURSE_DATA={shlex.quote(str(settings.data))}\n")
        if not options.no_browser:
            _open_browser(address)  # the socket listens already: a browser that is quicker than the server waits for it
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=_PATIENCE, lifespan="on")
        with contextlib.suppress(KeyboardInterrupt):  # which is how it is meant to be ended
            Server(config).run(sockets=[listening])
    return 0


def _open_browser(address: str) -> None:
    """Open the page in the background: some browsers are programs that the call waits for."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _listen(port: int | None) -> socket.socket:
    """A socket on the port, or, when none was asked for, on the first free one from the usual on. Raises GradingError."""
    for candidate in [port] if port is not None else range(PORT, PORT + _TRIES):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Windows would share the port with whoever has it.
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((_HOST, candidate))
            listening.listen(128)
        except OSError as error:
            listening.close()
            if port is not None or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise GradingError(
                    f"Port {candidate} of {_HOST} cannot be used: {error.strerror or error}.",
                    help="Name another with --port N, or leave --port out: the course takes a free one.",
                ) from error
            continue
        if port is None and candidate != PORT:
            say(f"Port {PORT} is taken, perhaps by the course itself; this one uses {candidate}.")
        return listening
    raise GradingError(f"No port from {PORT} to {PORT + _TRIES - 1} is free.", help="Name another with --port N.")


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"`{text}` is no port; ports are numbers from 1 to 65535, and 0 takes a free one.")
    return port
