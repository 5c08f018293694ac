"""`course cluster`: a cluster to practise on, made by a tool that is installed or by the course's own program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from app.commands.arguments import CourseParser, one_of, seconds
from app.commands.load import job_for
from app.services.cluster_tools import TOOLS, Call, Wish, create, delete, kubeconfig, listing, load_image, names_ours
from app.services.folders import Notes, data_folder
from app.services.practice_cluster import CALLED, build_command, find_program
from app.services.shells import export
from graders.errors import GradingError, UsageError
from graders.terminal.output import put, say

_VERBS = ("up", "down", "status", "build", "load", "images")
PRACTICE = "practice"
_NOTES = "cluster"
_PATIENCE = 300.0  # seconds for a cluster to come up
_ASKING = 10.0  # seconds for a tool to answer a question
_ENGINE = ("docker", "version", "--format", "{{.Server.Version}}")


def arguments(parser: CourseParser) -> None:
    """What `course cluster` takes."""
    parser.add_argument("verb", type=one_of(*_VERBS), metavar="VERB", help=", ".join(_VERBS))
    parser.add_argument("words", nargs="*", metavar="WORD", help="load: requests a second, or off; images: add REPOSITORY:TAG")
    parser.add_argument("--with", type=one_of(PRACTICE, *TOOLS), dest="tool", metavar="TOOL", help=f"{PRACTICE}, {', '.join(TOOLS)}")
    parser.add_argument("--kubernetes", metavar="VERSION", help="practice: 1.36; the others: a release, 1.36.3")
    parser.add_argument("--merge", action="store_true", help="up: write into your own kubeconfig as well")
    parser.add_argument("--timeout", type=seconds, metavar="5m", help="up: how long it may take")
    own = parser.add_argument_group("with practice")
    own.add_argument("--data", metavar="DIR", help="where it keeps its state")
    own.add_argument("--port", type=int, metavar="N", help="up: the port of the API server")
    own.add_argument("--delete", action="store_true", help="down: forget everything that was made in it")
    own.add_argument("--json", action="store_true", help="status: for programs")
    own.add_argument("--deployment", metavar="NAME", help="load: whose Pods get the requests")
    parser.namespace_option()
    parser.output_options()


def run(options: Namespace) -> int:
    """Do what the verb says; gives the exit status. Raises GradingError."""
    if options.words and options.verb not in ("load", "images"):
        raise UsageError(f"`{options.words[0]}` is one word too many.", help="See: course cluster --help")
    if options.verb == "build":
        return _run(Call(tuple(build_command(options.kubernetes))))
    tool = options.tool or (_choose() if options.verb == "up" else _last())
    if tool != PRACTICE:
        return _with_tool(tool, options)
    if options.verb == "up":
        return _up(options)
    return _run(Call((str(find_program(options.kubernetes, older=True)), *practice_words(options)), variables=CALLED))


def _last() -> str:
    """The tool of the last `up`; our own where there was none."""
    held, trouble = Notes.named(_NOTES).read()
    say(trouble)
    tool = held.get("with")
    return tool if tool in TOOLS else PRACTICE


def _choose() -> str:
    """kind, k3d or minikube where installed and a container engine answers, else our own; says which, and why."""
    installed = [tool for tool in TOOLS if shutil.which(tool)]
    if not installed:
        say("Using the course's own practice cluster: none of kind, k3d and minikube is installed. Another choice: --with TOOL")
        return PRACTICE
    if not _engine_answers():
        say(f"Using the course's own practice cluster: {installed[0]} is installed, but no container engine answers (docker version).")
        return PRACTICE
    say(f"Using {installed[0]}, which is installed, as is a container engine. Another choice: --with {PRACTICE}")
    return installed[0]


def _engine_answers() -> bool:
    return shutil.which(_ENGINE[0]) is not None and _ask(Call(_ENGINE)) is not None


def practice_words(options: Namespace) -> list[str]:
    """The words for our own program."""
    words = [options.verb]
    given: dict[str, tuple[tuple[str, object], ...]] = {
        "up": (("--port", options.port), ("--timeout", f"{options.timeout:g}s" if options.timeout else None)),
        "load": (("--namespace", options.namespace), ("--deployment", options.deployment)),
    }
    flags = {"up": (("--merge", options.merge),), "down": (("--delete", options.delete),), "status": (("--json", options.json),)}
    words += options.words
    for flag, value in (("--data", options.data), *given.get(options.verb, ())):
        words += [flag, str(value)] if value is not None else []
    return words + [flag for flag, wanted in flags.get(options.verb, ()) if wanted]


def _up(options: Namespace) -> int:
    """Start our own, with its progress as it comes, and tell what to do next."""
    program = find_program(options.kubernetes)
    try:
        started = subprocess.Popen(  # noqa: S603 - our own program
            (str(program), *practice_words(options)), stdout=subprocess.PIPE, env={**os.environ, **CALLED}
        )
    except OSError as error:
        raise _not_started(str(program), error) from error
    with started as process:
        printed = process.stdout.read() if process.stdout else b""
        status = process.wait()
    if status:
        return _outcome(status)
    Notes.named(_NOTES).write({"schema": 1, "with": PRACTICE})
    _next(printed.decode(errors="replace").strip(), merged=options.merge)
    return 0


def _next(path: str, *, merged: bool) -> None:
    """The two commands to go on with, on standard output."""
    lines = [] if merged or not path else [export("KUBECONFIG", path, os.environ)]
    put("\n".join((*lines, "kubectl get nodes")) + "\n")


def _with_tool(tool: str, options: Namespace) -> int:
    if options.verb == "load":
        return job_for(options.words, options.namespace)
    if not shutil.which(tool):
        raise GradingError(
            f"{tool} is not installed.", help=f"Install it, or use the course's own: course cluster {options.verb} --with {PRACTICE}"
        )
    if options.verb == "images":
        return _images(tool, options.words)
    if not _engine_answers():
        raise GradingError(f"{tool} needs a container engine, and none answers (docker version).", help="Start it, or use --with practice.")
    file = None if options.merge else data_folder() / f"{tool}.kubeconfig"
    there = _is_there(tool)
    if options.verb == "status":
        put(f"The cluster of {tool} is {'there' if there else 'not there'}.\n")
        return 0 if there else 1
    if options.verb == "down":
        if not there:
            put(f"{tool} has no cluster of the course; nothing was done.\n")
            return 0
        return _all(delete(tool, data_folder() / f"{tool}.kubeconfig"))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    if there:
        say(f"{tool} has the course's cluster already.")
        calls = kubeconfig(tool, file) if file else ()
    else:
        calls = create(tool, Wish(file, options.kubernetes, int(options.timeout or _PATIENCE)))
    status = _all(calls)
    if status == 0:
        Notes.named(_NOTES).write({"schema": 1, "with": tool})
        _next(str(file) if file else "", merged=options.merge)
    return status


def _images(tool: str, words: Sequence[str]) -> int:
    if len(words) != 2 or words[0] != "add":
        raise UsageError("Which image?", help=f"For example: course cluster images add rag-engine:v1.0.0 --with {tool}")
    return _run(load_image(tool, words[1]))


def _is_there(tool: str) -> bool:
    output = _ask(listing(tool))
    return output is not None and names_ours(tool, output)


def _ask(call: Call) -> str | None:
    """What a command prints; None when it fails or takes too long."""
    try:
        ran = subprocess.run(call.argv, capture_output=True, text=True, timeout=_ASKING, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - a tool of the learner's
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ran.stdout if ran.returncode == 0 else None


def _all(calls: Sequence[Call]) -> int:
    return next((status for call in calls if (status := _run(call))), 0)


def _run(call: Call) -> int:
    """Run a command with its output as it comes; gives our exit status."""
    environment = {**os.environ, **call.variables, **({"KUBECONFIG": str(call.kubeconfig)} if call.kubeconfig else {})}
    sys.stdout.flush()
    try:
        ran = subprocess.run(  # noqa: S603 - a tool of the learner's, or our own program
            call.argv,
            input=call.standard_input.encode() if call.standard_input else None,
            stdout=subprocess.PIPE if call.writes else None,
            env=environment,
            check=False,
        )
    except OSError as error:
        raise _not_started(call.argv[0], error) from error
    if call.writes and ran.returncode == 0:
        _write_private(call.writes, ran.stdout)
    return _outcome(ran.returncode)


def _not_started(program: str, error: OSError) -> GradingError:
    return GradingError(f"{program} cannot be started: {error.strerror or error}.", help="Is it a program for this machine?")


def _write_private(file: Path, content: bytes) -> None:
    """Write a file that holds a key, for nobody else to read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)


def _outcome(status: int) -> int:
    """Our exit status for that of a program which has said itself what was wrong."""
    return status if status in (0, 1, 2) else 1
