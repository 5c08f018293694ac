"""What the arguments of all commands have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

from app.services.content import NAMESPACE
from graders.errors import UsageError
from graders.semantics.names import dns_label
from graders.terminal.names import duration, nearest

__all__ = ["NAMESPACE", "CourseParser", "namespace", "one_of", "seconds"]


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, width=80)


class CourseParser(argparse.ArgumentParser):
    """The parser of one command. It raises UsageError instead of exiting, and leaves the printing of help to its caller."""

    def __init__(self, command: str, summary: str) -> None:
        super().__init__(
            prog=f"course {command}",
            description=summary[:1].upper() + summary[1:] + ".",
            formatter_class=_formatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("-h", "--help", action="store_true", help="this text")

    def error(self, message: str) -> NoReturn:
        message = message.removeprefix("argument ").removesuffix(".")
        raise UsageError(message[:1].upper() + message[1:] + ("" if message.endswith("?") else "."), help=self._see_help)

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """The options. Raises UsageError, with the nearest flag for a slip."""
        if "-h" in argv or "--help" in argv:
            return argparse.Namespace(help=True)
        options, unknown = self.parse_known_args(argv)
        if unknown:
            word = unknown[0].partition("=")[0]
            if not word.startswith("-"):
                raise UsageError(f"`{word}` is one word too many.", help=self._see_help)
            known = [flag for action in self._actions for flag in action.option_strings]
            raise UsageError(f"There is no option `{word}`.{nearest(word, known)}", help=self._see_help)
        return options

    def cluster_options(self) -> None:
        """Which cluster, and where in it."""
        group = self.add_argument_group("which cluster")
        group.add_argument("--context", metavar="NAME", help="the kubeconfig context instead of the current one")
        group.add_argument("--kubeconfig", metavar="PATH", help="the kubeconfig instead of KUBECONFIG or ~/.kube/config")
        group.add_argument("--timeout", type=seconds, metavar="10s", default=10.0, help="how long one request may take")

    def namespace_option(self) -> None:
        """Which namespace; None when it is not named."""
        self.add_argument("-n", "--namespace", type=namespace, metavar="NAME", help=f"the namespace; {NAMESPACE} if left out")

    def output_options(self, *, formats: bool = False) -> None:
        """How to print."""
        if formats:
            self.add_argument("--format", type=one_of("text", "json"), metavar="FORMAT", default="text", help="text, json")
        self.add_argument("--no-color", "--no-colour", action="store_true", dest="no_colour", help="no colours, even on a terminal")

    @property
    def _see_help(self) -> str:
        return f"See: {self.prog} --help"


def one_of(*words: str) -> Callable[[str], str]:
    """A type for argparse: one of some words, with the nearest for a slip."""

    def check(word: str) -> str:
        if word not in words:
            raise argparse.ArgumentTypeError(f"`{word}` is none of {', '.join(words)}.{nearest(word, words)}")
        return word

    return check


def seconds(text: str) -> float:
    """A type for argparse: a duration such as `10s`, in seconds."""
    try:
        return duration(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.help}") from None


def namespace(text: str) -> str:
    """A type for argparse: the name of a namespace."""
    wrong = dns_label(text)
    if wrong:
        raise argparse.ArgumentTypeError(f"`{text}` cannot be a namespace: {wrong}")
    return text
