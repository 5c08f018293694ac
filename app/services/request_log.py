"""What the server of a classroom writes down: one line of JSON for each request and each trouble, without anything about the people."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being answered, "" outside of one; every line that is logged meanwhile carries it."""

FACTS: Final = "facts"
"""The attribute of a log record that holds further fields for its line."""

_WELL_FORMED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_log = logging.getLogger("course.requests")


def request_id(given: str | None) -> str:
    """The id that whoever stands in front has given the request, if it can be one; else a new one."""
    return given if given is not None and _WELL_FORMED.fullmatch(given) else secrets.token_hex(8)


def note_request(**facts: Any) -> None:
    """Write down that a request was answered."""
    _log.info("request", extra={FACTS: facts})


def already_told(error: BaseException) -> None:
    """Mark an error that has been logged with its traceback, so that nobody who catches it further out logs it again."""
    error.__dict__["_course_told"] = True


class JsonLines(logging.Formatter):
    """One line of JSON for a record: when, how grave, which logger, what, the request's id, further facts, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if found := REQUEST_ID.get():
            line["id"] = found
        line.update(getattr(record, FACTS, {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str, separators=(",", ":"))


def _is_new(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return error is None or not getattr(error, "_course_told", False)


def write_json(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Let every log of this process be lines of JSON on `stream`, standard error when None."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(_is_new)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("course").setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
