"""Standard output carries the report, standard error all else: on any terminal, in any encoding, with or without a reader."""

from __future__ import annotations

import errno
import os
import sys
from argparse import Namespace
from typing import TextIO

from graders.errors import GradingError
from graders.render.text import MARKS, Style
from graders.render.words import harmless

_PIPED_WIDTH = 80
_WIDEST = 110
_NOBODY_READS = (errno.EPIPE, errno.EINVAL)  # EINVAL is how Windows says it


def put(text: str, *, utf8: bool = False) -> bool:
    """Write a report to standard output; says whether anybody reads it still (`grade ... | head` stops doing so).

    What its encoding cannot carry is written as an escape; with `utf8`, as a form for programs demands, its encoding is not asked.
    Raises GradingError when it cannot be written, as on a full disk.
    """
    stream = sys.stdout
    if stream is None:  # closed by whoever started us
        return False
    try:
        buffer = getattr(stream, "buffer", None)
        if utf8 and buffer is not None:
            stream.flush()
            buffer.write(text.encode("utf-8", "backslashreplace"))
        else:
            stream.write(_encodable(text, stream))
        stream.flush()
    except OSError as error:
        _give_up(stream)
        if error.errno in _NOBODY_READS:
            return False
        raise GradingError(
            f"The report could not be written: {error.strerror or error}.", help="Look at where standard output goes."
        ) from error
    return True


def say(*sentences: str) -> None:
    """Write what is no report to standard error, a line each; silent where nobody reads it."""
    stream = sys.stderr
    if stream is None:
        return
    try:
        stream.write(_encodable("".join(f"{harmless(sentence)}\n" for sentence in sentences if sentence), stream))
        stream.flush()
    except OSError:
        _give_up(stream)


def style_for(options: Namespace) -> Style:
    """How to print text to standard output: as wide as the terminal, or 80 columns where there is none."""
    stream = sys.stdout
    if stream is None:
        return Style()
    terminal = stream.isatty()
    width = _PIPED_WIDTH
    if terminal:
        from shutil import get_terminal_size

        width = min(get_terminal_size().columns, _WIDEST)
    colour = terminal and not options.no_colour and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(width, colour, _carries(MARKS, stream))


def _carries(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _encodable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _give_up(stream: TextIO) -> None:
    """Send what is still in its buffer nowhere, or the interpreter would try again when it ends, and complain."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # no file behind it
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
