"""`course serve`: the course in the browser, from this machine and for it alone, or for a classroom."""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import os
import shlex
import signal
import socket
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.arguments import NAMESPACE, CourseParser
from app.config import PORT, Settings
from graders.errors import GradingError, UsageError
from graders.folders import data_folder
from graders.terminal.output import put, say

if TYPE_CHECKING:
    from sqlalchemy import Engine

_HOST = "127.0.0.1"
_TRIES = 20
_PATIENCE = 3  # seconds that open requests have to end
_PATIENCE_IN_CLASS = 15
_KEPT_OPEN = 75  # seconds for which a connection may idle; longer than proxies keep theirs, or they would send into one that just closed
_QUEUE = 2048  # connections that wait to be taken: after a restart all pages come back at once


def arguments(parser: CourseParser) -> None:
    """What `course serve` takes."""
    parser.add_argument("--classroom", action="store_true", help="for many people, who sign in; docs/classroom.md says how")
    parser.add_argument("--host", metavar="ADDRESS", help="for a classroom: where to listen; 0.0.0.0 for everywhere")
    parser.add_argument("--port", type=_port, metavar="N", help=f"the port instead of {PORT}, or the next free one")
    parser.add_argument("--data", metavar="DIR", help="where your progress is kept, instead of your user's data folder")
    parser.add_argument("--no-browser", action="store_true", help="do not open the browser")
    parser.namespace_option()
    parser.cluster_options()
    parser.output_options()


def run(options: Namespace) -> int:
    """Serve until interrupted; gives the exit status. Raises GradingError."""
    if options.classroom:
        return _classroom(options)
    if options.host:
        raise UsageError("--host goes with --classroom: without it there is no sign-in, and only this machine is served.")

    import uvicorn

    from app.main import create_app
    from app.serving import Server

    listening = _listen(_HOST, options.port)
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
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=_PATIENCE, lifespan="on", proxy_headers=False
        )
        with contextlib.suppress(KeyboardInterrupt):  # which is how it is meant to be ended
            Server(config).run(sockets=[listening])
    return 0


def _classroom(options: Namespace) -> int:
    """Serve a class until asked to stop; gives the exit status. Raises GradingError."""
    for flag in ("context", "kubeconfig", "namespace"):
        if getattr(options, flag):
            raise UsageError(f"--{flag} is for your own machine.", help="A classroom's cluster is named by COURSE_CLUSTER_KUBECONFIG.")
    settings = Settings.for_classroom(
        os.environ,
        Path(options.data).expanduser().absolute() if options.data else None,
        host=options.host or _HOST,
        port=PORT if options.port is None else options.port,
    )

    import uvicorn

    from app.main import create_app
    from app.services import request_log
    from app.serving import Server
    from app.templating import compile_all
    from graders.lessons import LESSONS

    # Until uvicorn has its own: the first process of a container takes no signal that it has not asked for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _allow_many_connections()
    # Threads judge while the event loop answers: it gets its turn ten times as soon as the usual 5 ms.
    sys.setswitchinterval(0.0005)
    request_log.write_json()
    end_metrics = None
    with _listen(settings.host, settings.port) as listening:
        app = create_app(settings)
        compile_all()
        for entry in LESSONS:
            entry.load()
        # All that is there to stay: nobody waits while it is looked through for garbage.
        gc.collect()
        gc.freeze()
        _tell_first_admin(app.state.engine, settings.url)
        if settings.metrics_port:
            end_metrics = app.state.metrics.serve(settings.host, settings.metrics_port)
        put(f"The classroom is at {settings.url}/ and listens on {settings.host}, port {listening.getsockname()[1]}.\n")
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=_QUEUE,
            timeout_graceful_shutdown=_PATIENCE_IN_CLASS,
            timeout_keep_alive=_KEPT_OPEN,
            lifespan="on",
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=settings.proxies,
        )
        try:
            with contextlib.suppress(KeyboardInterrupt):
                Server(config, settings.drain).run(sockets=[listening])
        finally:
            if end_metrics is not None:
                end_metrics()
    return 0


def _tell_first_admin(engine: Engine, url: str) -> None:
    """While there is no admin, print the link that makes one: whoever reads this terminal runs the server."""
    from app.db import session_of
    from app.services import one_time_links

    with session_of(engine, writes=True) as session:
        path = one_time_links.setup_link(session)
    if path is not None:
        put(f"Nobody can sign in yet. This link makes the first admin; it works once, and for a day:\n{url}{path}\n")


def _allow_many_connections() -> None:
    """Each open page holds a connection, and each connection is a file; many systems let a process have 1,024 until it asks for more."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _open_browser(address: str) -> None:
    """Open the page in the background: some browsers are programs that the call waits for."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _listen(host: str, port: int | None) -> socket.socket:
    """A socket on the port, or, when none was asked for, on the first free one from the usual on. Raises GradingError."""
    for candidate in [port] if port is not None else range(PORT, PORT + _TRIES):
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        # Windows would share the port with whoever has it.
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen(_QUEUE)
        except OSError as error:
            listening.close()
            if port is not None or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise GradingError(
                    f"Port {candidate} of {host} cannot be used: {error.strerror or error}.",
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
