"""All that the web app can raise to a browser, and the status that each has there. `app.error_pages` shows them.

GradingError (graders.errors)   ClusterUnavailable 503, UnreadableInput 422, UsageError 400, others 500
└── AppError                    has its own status
    ├── NotFound                404, there is no such lesson, file, question
    ├── Conflict                409, somebody else has changed it meanwhile
    ├── Forbidden               403, not from a page of ours, or not for this role
    ├── SignInNeeded            401, nobody is signed in
    └── TooOften                429, tried again too soon
"""

from __future__ import annotations

from graders.errors import ClusterUnavailable, GradingError, UnreadableInput, UsageError


class AppError(GradingError):
    """Something that a request asked for cannot be done. `status` is that of the HTTP answer."""

    status = 400
    exit_code = 1

    def __init__(self, message: str, *, help: str = "", status: int | None = None) -> None:
        super().__init__(message, help=help)
        if status is not None:
            self.status = status


class NotFound(AppError):
    """There is no such thing."""

    status = 404


class Conflict(AppError):
    """It is not as the request supposes."""

    status = 409


class Forbidden(AppError):
    """Not from a page of ours, not for this role, or too much."""

    status = 403


class SignInNeeded(AppError):
    """Nobody is signed in."""

    status = 401


class TooOften(AppError):
    """It was tried too often; `seconds` from now it may be tried again."""

    status = 429

    def __init__(self, message: str, *, seconds: int, help: str = "") -> None:
        super().__init__(message, help=help)
        self.seconds = seconds


def status_of(error: GradingError) -> int:
    """The HTTP status for an error."""
    status = getattr(error, "status", None)  # those of the app, and the database's
    if isinstance(status, int):
        return status
    if isinstance(error, ClusterUnavailable):
        return 503
    return 422 if isinstance(error, UnreadableInput) else 400 if isinstance(error, UsageError) else 500
