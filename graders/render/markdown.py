"""Report -> Markdown as GitHub and GitLab read it (https://github.github.com/gfm/), for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graders.render.words import file_place, harmless, place, shortened
from graders.report import Report, Result
from graders.verdict import Status

_MARKS = {
    Status.PASSED: "✅",
    Status.FAILED: "❌",
    Status.PENDING: "⏳",
    Status.BLOCKED: "⏸️",
    Status.SKIPPED: "➖",
    Status.UNKNOWN: "❔",
}
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>~&$|]")
_MENTION = re.compile("[@#]")  # would notify a person, or link an issue
_NOTHING = "&#8203;"  # a space of no width


def render_markdown(reports: Sequence[Report], *, hints: bool = False) -> str:
    """One or more reports, each a heading, a table of its objectives and what is open in words; with `hints`, theirs too."""
    return "\n".join("\n".join([*_report(report, hints), ""]) for report in reports)


def _report(report: Report, hints: bool) -> list[str]:
    state = "complete" if report.complete else f"{report.passed} of {report.counted} objectives passed"
    lines = [f"## {_inline(report.title)} ({report.lesson_id}): {state}", "", "| status | objective | id |", "|---|---|---|"]
    lines += [
        f"| {_MARKS[result.status]} {result.status} | {_cell(_titled(result))} | `{result.objective.id}` |" for result in report.results
    ]
    for result in report.results:
        if details := _details(result, hints):
            lines += ["", f"**{result.objective.id}** {result.status}", "", *details]
    if report.problems:
        lines += ["", "**Problems of the files**", ""]
        for problem in report.problems:
            where = file_place(problem.file, problem.line, problem.column)
            lines.append(f"- {_code(where)}: {_inline(problem.message)}" if where else f"- {_inline(problem.message)}")
    return lines


def _titled(result: Result) -> str:
    return result.title + (" (bonus)" if result.objective.bonus else "")


def _details(result: Result, hints: bool) -> list[str]:
    verdict = result.verdict
    lines: list[str] = []
    if verdict.evidence is not None:
        evidence = verdict.evidence
        lines += [
            f"- where: {_code(place(evidence))}",
            f"- expected: {_inline(shortened(evidence.expected))}",
            f"- found: {_inline(shortened(evidence.found))}",
        ]
        if evidence.command:
            lines.append(f"- see: {_code(evidence.command)}")
    if verdict.reason and result.status is not Status.SKIPPED:
        lines.append(f"- why: {_inline(verdict.reason)}")
    lines += [f"- advice: {_inline(advice)}" for advice in verdict.advice]
    if hints and result.open:
        lines += [f"- hint: {_inline(hint)}" for hint in result.hints]
    return lines


def _cell(text: str) -> str:
    """Text for a table, where a bar ends the cell even within code."""
    return re.sub(r"(?<!\\)\|", r"\\|", _inline(text))


def _inline(text: str) -> str:
    """Text on one line in which nothing is formatted but what stands in backticks."""
    text = " ".join(harmless(text).split())
    parts: list[str] = []
    end = 0
    for span in _CODE_SPAN.finditer(text):
        parts += [_escaped(text[end : span.start()]), _code(span[2])]
        end = span.end()
    return "".join([*parts, _escaped(text[end:])])


def _escaped(text: str) -> str:
    return _MENTION.sub(rf"\g<0>{_NOTHING}", _SPECIAL.sub(r"\\\g<0>", text))


def _code(text: str) -> str:
    """Text as code, whatever backticks it holds."""
    text = " ".join(harmless(text).split())
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"`{text}`" if fence == "`" else f"{fence} {text} {fence}"
