"""The tables. Facts are appended and never edited; what is derived from them, such as progress, is not stored, or can be made anew."""

from __future__ import annotations

from app.models.columns import Utc, utc_now
from app.models.learning import (
    Attempt,
    Choice,
    HintShown,
    Learner,
    ObjectiveResult,
    Origin,
    QuizAnswer,
    Reading,
    SolutionShown,
    Standing,
    WorkspaceFile,
)
from app.models.people import Account, OneTimeLink, Purpose, Role, SignIn, TerminalToken, Throttle
from app.models.teaching import (
    AuditEvent,
    Cohort,
    Comment,
    DueDate,
    Extension,
    JoinLink,
    LatePolicy,
    Membership,
)

__all__ = [
    "Account",
    "Attempt",
    "AuditEvent",
    "Choice",
    "Cohort",
    "Comment",
    "DueDate",
    "Extension",
    "HintShown",
    "JoinLink",
    "LatePolicy",
    "Learner",
    "Membership",
    "ObjectiveResult",
    "OneTimeLink",
    "Origin",
    "Purpose",
    "QuizAnswer",
    "Reading",
    "Role",
    "SignIn",
    "SolutionShown",
    "Standing",
    "TerminalToken",
    "Throttle",
    "Utc",
    "WorkspaceFile",
    "utc_now",
]
