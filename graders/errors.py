"""All that grading can raise to its caller.

GradingError                    something kept us from grading; carries what to do next
├── UsageError                  the command or its options make no sense            exit 2
├── UnreadableInput             files that are no manifests, or not there           exit 2
└── ClusterUnavailable          no cluster to read: none configured, unreachable,   exit 3
                                access refused
"""


class GradingError(Exception):
    """Something kept us from grading.

    `message` says what happened and what we saw; `help` is what to do next, often a command.
    """

    exit_code = 3

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class UsageError(GradingError):
    """The command or its options make no sense together."""

    exit_code = 2


class UnreadableInput(GradingError):
    """The files given are not there, or hold no Kubernetes object."""

    exit_code = 2


class ClusterUnavailable(GradingError):
    """There is no cluster to read from."""
