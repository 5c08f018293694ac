"""What an attempt's verdicts rest on: whose word it is, in the words that every page uses."""

from __future__ import annotations

from enum import StrEnum

from app.models import Attempt, Origin


class Assurance(StrEnum):
    """Whose word it is. The values are what people read."""

    CHECKED = "checked by the server"  # it has read the cluster itself
    JUDGED = "judged by the server, on files of the workspace"
    REPORTED = "reported by the learner"  # the server has judged what a terminal says that it has read
    OWN = "graded on the learner's own machine"

    @property
    def by_server(self) -> bool:
        """Whether the server has seen for itself what it judged."""
        return self in (Assurance.CHECKED, Assurance.JUDGED)


_OF_ORIGIN = {
    Origin.CLUSTER: Assurance.CHECKED,
    Origin.WORKBENCH: Assurance.JUDGED,
    Origin.SUBMITTED: Assurance.REPORTED,
    Origin.TERMINAL: Assurance.OWN,
}


def of(attempt: Attempt | str) -> Assurance:
    """What an attempt of a classroom, or one of that origin, rests on. On a learner's own machine everything is their own."""
    return _OF_ORIGIN[Origin(attempt.origin if isinstance(attempt, Attempt) else attempt)]
