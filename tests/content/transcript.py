"""What a lesson shows against what a command printed, and which commands may be asked again until both agree. Pure.

Lines are compared one by one, blank ones left out, any run of blanks the same as one. What differs from run to run matches anything of
its kind (`KINDS`); `…` matches any part of a line, and on a line of its own any number of lines. docs/writing-lessons.md is the contract.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import cache

_HASH = "[bcdfghjklmnpqrstvwxz2456789]"  # k8s.io/apimachinery/pkg/util/rand: no vowels, no digits that look like one
_IPV4 = r"(?:\d{1,3}\.){3}\d{1,3}"
_AGE = r"(?:\d+d\d+h|\d+h\d+m|\d+m\d+s|\d+y\d+d|\d+[dhs])"

# How each kind is recognised in what a lesson shows; it matches the same form in what was printed.
KINDS: tuple[tuple[str, str], ...] = (
    ("time", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"),
    ("date", r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"),
    ("log time", r"\b[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+\b"),
    ("clock", r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b"),
    ("uid", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    ("digest", r"\b[0-9a-f]{64}\b"),
    ("resource version", r"(?i:\bresourceVersion\"?: *\"?)\d+\"?"),
    ("Pod of a ReplicaSet", rf"(?<=-){_HASH}{{6,10}}-{_HASH}{{5}}\b"),
    ("ReplicaSet", rf"(?:(?<=-)|(?<=hash=)|(?<=hash: )){_HASH}{{6,10}}\b"),
    ("Pod of a DaemonSet or Job", rf"(?<=-){_HASH}{{5}}\b"),
    ("address", rf"\b{_IPV4}\b(?!/)"),
    ("node", r"\bpractice-\d+\b"),
    ("age", rf"(?<![\w.-])(?:{_AGE}|\d+m)(?: \(x\d+ over (?:{_AGE}|\d+m)\))?(?![\w/])"),
    ("port", r"(?<![\d.])(?:3\d{4}|[45]\d{4}|6[0-5]\d{3})(?![\d.])"),
)
_FORMS = re.compile("|".join(f"(?P<k{number}>{form})" for number, (_, form) in enumerate(KINDS)))
_QUANTITY = re.compile(r"\b(cpu|memory)\b")
_REST = "…"


def matches(shown: Sequence[str], printed: Sequence[str], *, any_order: bool = False, open_end: bool = False) -> bool:
    """Whether what was printed is what a lesson shows. With `open_end` more may follow, as from a command that is still running."""
    wanted, found = _tidy(shown), _tidy(printed)
    if any_order:
        return _in_any_order(wanted, found)
    if open_end:
        wanted = [*wanted, _REST]
    return _in_order(wanted, found)


def first_difference(shown: Sequence[str], printed: Sequence[str]) -> str:
    """The first line of a lesson from which on nothing that was printed agrees; empty when all of it does."""
    wanted, found = _tidy(shown), _tidy(printed)
    for count in range(1, len(wanted) + 1):
        if not _in_order([*wanted[:count], _REST], found):
            return wanted[count - 1]
    return "" if _in_order(wanted, found) else "(more lines than the lesson shows)"


def _tidy(lines: Sequence[str]) -> list[str]:
    return [squeezed for line in lines if (squeezed := " ".join(line.split()))]


def _in_order(wanted: Sequence[str], found: Sequence[str]) -> bool:
    # reach: how many of the printed lines may be used up by the shown ones so far
    reach = {0}
    for line in wanted:
        if line == _REST:
            reach = set(range(min(reach), len(found) + 1)) if reach else set()
        else:
            form = _form(line)
            reach = {at + 1 for at in reach if at < len(found) and form.fullmatch(found[at])}
        if not reach:
            return False
    return len(found) in reach


def _in_any_order(wanted: Sequence[str], found: Sequence[str]) -> bool:
    lines = [line for line in wanted if line != _REST]
    if len(lines) == len(wanted) and len(wanted) != len(found):
        return False
    taken: dict[int, int] = {}

    def place(index: int, seen: set[int]) -> bool:
        for at, line in enumerate(found):
            if at not in seen and _form(lines[index]).fullmatch(line):
                seen.add(at)
                if at not in taken or place(taken[at], seen):
                    taken[at] = index
                    return True
        return False

    return all(place(index, set()) for index in range(len(lines)))


@cache
def _form(line: str) -> re.Pattern[str]:
    """The regular expression of a line of a lesson, blanks squeezed."""
    return re.compile(".*".join(_pattern(part) for part in line.split(_REST)))


def _pattern(text: str) -> str:
    parts, at = [], 0
    for found in _FORMS.finditer(text):
        name, form = KINDS[int(str(found.lastgroup)[1:])]
        if name == "age" and _QUANTITY.search(text[: found.start()]) and found[0].endswith("m"):
            continue  # a quantity of CPU is written like a number of minutes
        parts += [re.escape(text[at : found.start()]), "(?:", form, ")"]
        at = found.end()
    return "".join(parts) + re.escape(text[at:])


# Which commands only read

_OPERATORS = frozenset(("|", "||", "&&", ";", "&", "(", ")", "|&"))
_FILTERS = frozenset(
    (
        *(
            "grep",
            "egrep",
            "head",
            "tail",
            "sort",
            "uniq",
            "wc",
            "cut",
            "tr",
            "awk",
            "jq",
            "column",
            "cat",
            "ls",
            "echo",
            "printf",
            "base64",
        ),
        *("true", "test", "sleep", "env", "printenv", "date", "diff", "sha256sum", "export", "fold"),
    )
)
_KUBECTL = frozenset(
    (
        "get",
        "describe",
        "logs",
        "top",
        "explain",
        "api-resources",
        "api-versions",
        "events",
        "diff",
        "version",
        "cluster-info",
        "wait",
        "auth",
    )
)
_KUBECTL_PARTS = {"rollout": ("status", "history"), "config": ("view", "current-context", "get-contexts")}
_COURSE = frozenset(("list", "doctor", "lint", "--version", "--help"))
_TAKES_A_WORD = frozenset(("-n", "--namespace", "--context", "--kubeconfig", "--as"))


def only_reads(command: str) -> bool:
    """Whether a command changes nothing, so that it may be asked again."""
    lexer = shlex.shlex(command.replace("\n", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return False
    simple: list[list[str]] = [[]]
    for word in words:
        if word in _OPERATORS:
            simple.append([])
        elif ">" in word and not word.strip("<>&|0123456789"):
            return False
        else:
            simple[-1].append(word)
    return all(_reads(each) for each in simple if each)


def _reads(words: list[str]) -> bool:
    while words and re.fullmatch(r"\w+=.*", words[0], re.DOTALL):
        words = words[1:]
    if not words:
        return True
    program, rest = words[0], words[1:]
    if program == "kubectl":
        return _kubectl_reads(rest)
    if program == "course":
        return bool(rest) and (rest[0] in _COURSE or rest[:2] == ["cluster", "status"])
    return program == "grade" or program in _FILTERS


def _kubectl_reads(words: list[str]) -> bool:
    if any(word.startswith("--dry-run") for word in words):
        return True
    verbs: list[str] = []
    skip = False
    for word in words:
        if skip or word.startswith("-"):
            skip = not skip and word in _TAKES_A_WORD
        else:
            verbs.append(word)
    if not verbs:
        return False
    return verbs[0] in _KUBECTL or (len(verbs) > 1 and verbs[1] in _KUBECTL_PARTS.get(verbs[0], ()))
