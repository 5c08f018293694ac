"""Report -> text for a terminal: aligned where there is room, coloured where that is wanted, a sentence for each thing to do.

Each objective reads as a sentence, mark and word first: `✗ failed  It scales Deployment ...`. There is no frame and no column that a
screen reader would spell out, and nothing is told by colour alone.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from graders.render.words import harmless, place, shortened
from graders.report import Report, Result
from graders.verdict import Evidence, Status

_MARKS = {
    Status.PASSED: ("✓", "+", "32"),
    Status.FAILED: ("✗", "x", "31"),
    Status.PENDING: ("…", "~", "33"),
    Status.BLOCKED: ("·", ".", "2"),
    Status.SKIPPED: ("–", "-", "2"),
    Status.UNKNOWN: ("?", "?", "35"),
}
MARKS = "".join(mark for mark, _, _ in _MARKS.values())


def sign(status: Status) -> str:
    """The sign of a status: ✓ for passed, ✗ for failed."""
    return _MARKS[status][0]


_WORD = max(len(status) for status in Status)
_NARROW = 60
_LEAST = 40
_SIMPLER = str.maketrans(
    {
        "…": "...",
        "–": "-",
        "—": "-",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "≥": ">=",
        "≤": "<=",
        "→": "->",
        "×": "x",
        "\N{NO-BREAK SPACE}": " ",
    }
)


@dataclass(frozen=True, slots=True)
class Style:
    """How to print: the width in columns, whether to use colours, whether the output can carry marks beyond ASCII."""

    width: int = 80
    colour: bool = False
    unicode: bool = True

    @property
    def narrow(self) -> bool:
        """Whether there is no room for columns."""
        return self.width < _NARROW

    def paint(self, text: str, code: str) -> str:
        """`text` in a colour (an SGR code), or as it is."""
        return f"\033[{code}m{text}\033[0m" if self.colour and text else text

    def mark(self, status: Status) -> str:
        """The sign of a status, painted."""
        fancy, simple, code = _MARKS[status]
        return self.paint(fancy if self.unicode else simple, code)

    def word(self, status: Status, width: int = 0) -> str:
        """The status itself, painted, in `width` columns."""
        return self.paint(status, _MARKS[status][2]) + " " * (width - len(status))

    def wrap(self, text: str, first: str = "", rest: str = "") -> list[str]:
        """`text` as lines no wider than the width, unless a word is; line breaks in it are kept."""
        lines: list[str] = []
        text = harmless(text if self.unicode else text.translate(_SIMPLER))
        for line in text.splitlines() or [""]:
            indent = rest if lines else first
            lines += textwrap.wrap(
                line,
                max(self.width, _LEAST),
                initial_indent=indent,
                subsequent_indent=rest,
                break_long_words=False,
                break_on_hyphens=False,
            ) or [indent.rstrip()]
        return lines


def render_text(report: Report, style: Style, *, hints: bool = False) -> str:
    """One report as text; with `hints`, both hints of each objective that is open."""
    lines = [style.paint(f"{report.title} ({report.lesson_id})", "1"), ""]
    for result in report.results:
        lines += _result(result, style, hints=hints)
    lines += ["", *_summary(report, style, hints=hints)]
    return "\n".join(lines) + "\n"


def _result(result: Result, style: Style, *, hints: bool) -> Iterator[str]:
    bonus = " (bonus)" if result.objective.bonus else ""
    text = f"{result.title}{bonus} [{result.objective.id}]"
    # What is painted is put in last: its escapes have no width.
    head = f"{'x':2}{result.status}: " if style.narrow else f"{'x':2}{result.status:{_WORD}}  "
    indent = " " * (2 if style.narrow else len(head))
    title, *more = style.wrap(text, head, indent)
    painted = f"{style.mark(result.status)} {style.word(result.status)}"
    yield painted + title[2 + len(result.status) :]
    yield from more
    verdict = result.verdict
    if verdict.evidence is not None:
        yield from _evidence(verdict.evidence, indent, style)
    if verdict.reason:
        yield from style.wrap(verdict.reason, indent, indent)
    for advice in verdict.advice:
        yield from style.wrap(f"Advice: {advice}", indent, indent)
    if hints and result.open:
        for number, hint in enumerate(result.hints, start=1):
            yield from style.wrap(f"Hint {number}: {hint}", indent, indent)


def _evidence(evidence: Evidence, indent: str, style: Style) -> Iterator[str]:
    rest = indent + " " * (2 if style.narrow else 10)
    for name, text in (("where", place(evidence)), ("expected", shortened(evidence.expected)), ("found", shortened(evidence.found))):
        yield from style.wrap(text, f"{indent}{name}: " if style.narrow else f"{indent}{name + ':':10}", rest)
    if evidence.command:  # in one piece, to be copied
        yield f"{indent}see: {harmless(evidence.command)}" if style.narrow else f"{indent}{'see:':10}{harmless(evidence.command)}"


def _summary(report: Report, style: Style, *, hints: bool) -> Iterator[str]:
    if not report.counted:
        yield from style.wrap("Nothing that counts could be judged here. Add the manifests of this lesson, or grade a cluster.")
        return
    text = f"{report.passed} of {report.counted} objectives passed."
    if report.complete:
        yield from (style.paint(line, _MARKS[Status.PASSED][2]) for line in style.wrap(f"{text} The lesson is complete."))
        if remark := _live_remark(report):
            yield from style.wrap(remark)
        return
    yield from style.wrap(" ".join((text, *_next(report), *(() if hints else ("For hints, add --hints.",)))))


def _next(report: Report) -> Iterator[str]:
    """What to do, in a sentence."""
    first = report.first_open
    if first is None:
        return
    match first.status:
        case Status.UNKNOWN:
            yield f"Next: find out why {first.objective.id} could not be judged."
        case Status.PENDING:
            yield f"Next: wait for {first.objective.id}; --wait 60s does."
        case _:
            yield f"Next: {first.objective.id}."


def _live_remark(report: Report) -> str:
    live = [result.objective.id for result in report.results if result.objective.live and result.status is Status.SKIPPED]
    if not live:
        return ""
    return f"On a cluster there is more to see ({', '.join(live)}): apply your manifests and run grade {report.lesson_id} without -f."


def render_text_course(reports: Sequence[Report], style: Style) -> str:
    """Several lessons, one line each where there is room, and what to do next."""
    names = max((len(report.lesson_id) for report in reports), default=0)
    lines: list[str] = []
    for report in reports:
        state, text = _state(report)
        count = f"{report.passed} of {report.counted}"
        # As in _result: what is painted is put in last.
        head = f"x {report.lesson_id}: " if style.narrow else f"x {report.lesson_id:{names}}  {report.passed:2} of {report.counted:2}  "
        indent = " " * (2 if style.narrow else len(head))
        told = f"{report.title}: {text}"
        first, *more = style.wrap(f"{told}, {count}" if style.narrow else told, head, indent)
        lines += [style.mark(state) + first[1:], *more]
    done, judged = sum(report.complete for report in reports), sum(report.counted > 0 for report in reports)
    lines += ["", *style.wrap(f"{done} of {judged} lessons complete.")]
    following = next((report for report in reports if not report.complete and report.counted), None)
    if following is not None:
        lines += style.wrap(f"Next: grade {following.lesson_id}, with the same options, says what is open.")
    return "\n".join(lines) + "\n"


def _state(report: Report) -> tuple[Status, str]:
    """A lesson's state as a status to mark it with, and in words with the first thing to do."""
    if report.complete:
        return Status.PASSED, "complete"
    first = report.first_open
    if first is None:
        return Status.SKIPPED, "nothing to judge here"
    return first.status, f"{first.objective.id} {first.status}"


def render_list(rows: Iterable[tuple[str, str]], style: Style) -> str:
    """Names and what they stand for, in two columns."""
    listed = list(rows)
    width = max((len(name) for name, _ in listed), default=0)
    lines: list[str] = []
    for name, text in listed:
        if style.narrow:
            lines += [name, *style.wrap(text, "  ", "  ")]
        else:
            lines += style.wrap(text, f"{name:{width}}  ", " " * (width + 2))
    return "\n".join(lines) + "\n"
