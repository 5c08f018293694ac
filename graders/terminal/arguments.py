"""The arguments of `grade`."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from graders.errors import UsageError
from graders.terminal.names import duration, looks_like_path, nearest

FORMATS = ("text", "json", "junit", "markdown")
SHELLS = ("bash", "zsh", "fish")
KUBERNETES = ("1.36", "1.37")
COMMANDS = {
    "login": "sign this terminal in to a classroom",
    "logout": "forget the token of the classroom",
    "submit": "hand in what could not be sent before",
}
"""What stands where a lesson does, and grades nothing: `graders.terminal.account` and `graders.terminal.submitting` do it."""
# A namespace is an RFC 1123 label: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SEE_HELP = "See: grade --help"

_EPILOG = """\
examples:
  grade lesson-7                 the cluster of the current kubeconfig context
  grade lesson-7 -f manifests/   files, folders with all below them, - for stdin
  grade hpa --watch              lesson-7, 7 and hpa name the same lesson
  grade all -f manifests/        every lesson, one line each
  grade 7 --explain cpu-target   what an objective asks, without grading

in a classroom:
  grade login URL                sign this terminal in; asks for a token
  grade lesson-7 --submit        grade, then hand it in
  grade submit                   hand in what could not be sent before
  grade logout                   forget the token

exit status:
  0  every objective that counts has passed
  1  some have not, yet
  2  the command or its input makes no sense
  3  it could not be judged: no cluster, access denied
"""


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, width=80)  # without a width it loads shutil, at every start


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        message = message.removeprefix("argument ").removesuffix(".")
        raise UsageError(message[:1].upper() + message[1:] + ("" if message.endswith("?") else "."), help=_SEE_HELP)


def _one_of(*words: str) -> Callable[[str], str]:
    """A type for argparse: one of some words, with the nearest for a slip."""

    def check(word: str) -> str:
        if word not in words:
            raise argparse.ArgumentTypeError(f"`{word}` is none of {', '.join(words)}.{nearest(word, words)}")
        return word

    return check


def _seconds(text: str) -> float:
    try:
        return duration(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.help}") from None


def _namespace(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"`{text}` cannot be a namespace: at most 63 lower-case letters, digits and `-`, the first and last no `-`"
        )
    return text


def parser() -> argparse.ArgumentParser:
    """The parser; it raises UsageError instead of exiting, and leaves the printing of help to its caller."""
    made = _Parser(
        prog="grade",
        usage="grade LESSON [-f PATH ...] [options]",
        description="Grade a lesson of the Kubernetes course, on your manifests or on your cluster.",
        epilog=_EPILOG,
        formatter_class=_formatter,
        allow_abbrev=False,
        add_help=False,
    )
    made.add_argument("lesson", nargs="?", metavar="LESSON", help="lesson-7, 7, hpa, or all")
    source = made.add_argument_group("what to read")
    source.add_argument(
        "-f", "--file", action="append", dest="files", metavar="PATH", help="manifests instead of a cluster; may be repeated"
    )
    source.add_argument(
        "-n", "--namespace", type=_namespace, metavar="NAME", default="rag-engine", help="the namespace to grade; rag-engine if left out"
    )
    source.add_argument("--context", metavar="NAME", help="the kubeconfig context instead of the current one")
    source.add_argument("--kubeconfig", metavar="PATH", help="the kubeconfig instead of KUBECONFIG or ~/.kube/config")
    source.add_argument("--timeout", type=_seconds, metavar="10s", default=10.0, help="how long one request to the cluster may take")
    source.add_argument(
        "--kubernetes",
        type=_one_of(*KUBERNETES),
        metavar="VERSION",
        default=KUBERNETES[-1],
        help=f"the version whose rules manifests must meet: {', '.join(KUBERNETES)}",
    )
    when = made.add_argument_group("when")
    when.add_argument("--watch", action="store_true", help="again whenever the files or the cluster change")
    when.add_argument("--wait", type=_seconds, metavar="60s", help="on a cluster: until nothing is pending, at most so long")
    how = made.add_argument_group("how to show it")
    how.add_argument("--format", type=_one_of(*FORMATS), metavar="FORMAT", default="text", help=", ".join(FORMATS))
    how.add_argument("--hints", action="store_true", help="with the hints of what is open")
    how.add_argument("--no-record", action="store_true", help="leave nothing behind for the web app's progress")
    how.add_argument("--submit", action="store_true", help="and hand it in to your classroom; see grade login")
    how.add_argument("--no-color", "--no-colour", action="store_true", dest="no_colour", help="no colours, even on a terminal")
    instead = made.add_argument_group("instead of grading")
    instead.add_argument("--list", action="store_true", help="the lessons, or with a lesson its objectives")
    instead.add_argument("--explain", metavar="OBJECTIVE", help="what an objective asks")
    instead.add_argument("--completion", type=_one_of(*SHELLS), metavar="SHELL", help=f"a completion script: {', '.join(SHELLS)}")
    instead.add_argument("--version", action="store_true", help="the version of the course")
    instead.add_argument("-h", "--help", action="store_true", help="this text")
    return made


def flags() -> dict[str, str]:
    """Every flag and its help in one phrase, for completion."""
    return {flag: (action.help or "").partition(";")[0] for action in _actions(parser()) for flag in action.option_strings}


def _actions(made: argparse.ArgumentParser) -> list[argparse.Action]:
    return made._actions  # argparse has no public way to list them


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments. Raises UsageError, with the nearest flag for a slip."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words and words[0] in COMMANDS and not {"-h", "--help"}.intersection(words):
        return _command(words)
    made = parser()
    options, unknown = made.parse_known_args(words)
    options.command = None
    if options.help:
        return options
    if unknown:
        raise _unexpected(unknown[0], options, made)
    _check(options)
    return options


def _command(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of `grade login URL`, `grade logout` and `grade submit`."""
    command, *_ = words
    made = _Parser(prog=f"grade {command}", allow_abbrev=False, add_help=False)
    if command == "login":
        made.add_argument("url", nargs="?", default="")
        made.add_argument("--token", metavar="-")
    options, unknown = made.parse_known_args(words[1:])
    if unknown:
        raise UsageError(f"`grade {command}` does not take `{unknown[0]}`.", help=_SEE_HELP)
    if command == "login" and not options.url:
        raise UsageError("Which classroom?", help="For example: grade login https://course.example.org")
    if command == "login" and options.token not in (None, "-"):
        raise UsageError(
            "A token on the command line can be read by others on this machine, and stays in your shell's history.",
            help="Leave it out to be asked for it, or hand it over on standard input: --token -",
        )
    options.command = command
    return options


def _unexpected(word: str, options: argparse.Namespace, made: argparse.ArgumentParser) -> UsageError:
    if word.startswith("-") and len(word) > 1:
        flag = word.partition("=")[0]
        known = [known for action in _actions(made) for known in action.option_strings]
        return UsageError(f"There is no option `{flag}`.{nearest(flag, known)}", help=_SEE_HELP)
    if looks_like_path(word):
        return UsageError(f"`{word}` stands alone: each file takes its own -f.", help=f"Write -f {word}, or -f and the folder.")
    return UsageError(f"One lesson at a time: `{options.lesson}` or `{word}`?", help="For every lesson: grade all")


def _check(options: argparse.Namespace) -> None:
    if options.version or options.completion or options.list or options.explain is not None:
        return
    if not (options.lesson or "").strip():
        raise UsageError("Which lesson?", help="For example: grade lesson-1. See them all: grade --list")
    if options.files:
        _check_files(options)
    if options.watch and options.submit:
        raise UsageError(
            "--watch goes on until it is stopped, --submit hands in once.", help="Use --submit without --watch when you are done."
        )
    if options.watch and options.wait:
        raise UsageError("--watch goes on until it is stopped, --wait ends.", help="Use one or the other.")
    if options.watch and options.format not in ("text", "json"):
        raise UsageError(f"--watch cannot print {options.format}: a document ends, a watch does not.", help="Use text or json with it.")


def _check_files(options: argparse.Namespace) -> None:
    if options.context or options.kubeconfig:
        raise UsageError("-f grades manifests; --context and --kubeconfig name a cluster.", help="Use one or the other.")
    if options.wait:
        raise UsageError("--wait is for clusters; manifests do not change by waiting.", help="Use --watch to grade again at each save.")
    if options.files.count("-") > 1:
        raise UsageError("Standard input can be read once.", help="Write -f - one time.")
    if options.watch and "-" in options.files:
        raise UsageError("Standard input cannot be watched.", help="Name a file or a folder with -f.")
