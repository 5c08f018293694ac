"""Report -> JUnit XML, as CI systems read it: a lesson is a test suite, an objective a test case.

failed is a failure. So is pending: a pipeline asks whether the state is reached, and it is not, yet (`--wait` gives it time). unknown is an
error, blocked and skipped are skipped. A bonus that is open is skipped: it fails nothing. What is wrong with the files themselves stands
in `system-err`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from html import escape

from graders.render.words import file_place, place
from graders.report import Report, Result
from graders.verdict import Evidence, Status

# What XML 1.0 cannot carry, even escaped (https://www.w3.org/TR/xml/#charsets).
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ELEMENTS = {
    Status.FAILED: "failure",
    Status.PENDING: "failure",
    Status.UNKNOWN: "error",
    Status.BLOCKED: "skipped",
    Status.SKIPPED: "skipped",
}


def render_junit(reports: Sequence[Report]) -> str:
    """One or more reports as a JUnit document."""
    elements = [_element(result) for report in reports for result in report.results]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="grade"{_counts(elements)}>',
        *(line for report in reports for line in _suite(report)),
        "</testsuites>",
        "",
    ]
    return "\n".join(lines)


def _counts(elements: Sequence[str | None]) -> str:
    failures, errors, skipped = (elements.count(name) for name in ("failure", "error", "skipped"))
    return f' tests="{len(elements)}" failures="{failures}" errors="{errors}" skipped="{skipped}"'


def _suite(report: Report) -> list[str]:
    elements = [_element(result) for result in report.results]
    when = report.graded_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")  # readers of JUnit take no zone
    lines = [f"  <testsuite name={_attribute(f'{report.lesson_id} {report.title}')}{_counts(elements)} timestamp={_attribute(when)}>"]
    lines += [_case(report, result, element) for result, element in zip(report.results, elements, strict=True)]
    if report.problems:
        told = (": ".join(filter(None, (file_place(each.file, each.line, each.column), each.message))) for each in report.problems)
        lines.append("    <system-err>" + _text("\n".join(told)) + "</system-err>")
    return [*lines, "  </testsuite>"]


def _element(result: Result) -> str | None:
    if result.objective.bonus and result.open:
        return "skipped"
    return _ELEMENTS.get(result.status)


def _case(report: Report, result: Result, element: str | None) -> str:
    evidence = result.verdict.evidence
    head = f"    <testcase classname={_attribute(report.lesson_id)} name={_attribute(f'{result.objective.id}: {result.title}')}"
    if evidence is not None and evidence.file:
        head += f" file={_attribute(evidence.file)}" + (f' line="{evidence.line}"' if evidence.line else "")
    if element is None:
        return f"{head}/>"
    if evidence is None:
        return f"{head}><{element} message={_attribute(result.verdict.reason or result.status)}/></testcase>"
    message = f" message={_attribute(f'{result.status}: expected {evidence.expected}, found {evidence.found}')}"
    if element == "skipped":
        return f"{head}><skipped{message}/></testcase>"
    return f'{head}><{element} type="{result.status}"{message}>{_text(_details(evidence))}</{element}></testcase>'


def _details(evidence: Evidence) -> str:
    lines = [place(evidence), f"expected: {evidence.expected}", f"found: {evidence.found}"]
    return "\n".join([*lines, f"see: {evidence.command}"] if evidence.command else lines)


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=False).replace("\r", "&#13;")


def _attribute(text: str) -> str:
    """`text` in quotes; its line breaks as references, which a reader of XML would else make spaces of."""
    value = escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
    for control in "\t\n\r":
        value = value.replace(control, f"&#{ord(control)};")
    return f'"{value}"'
