"""Report -> JSON, schema 1. Fields are added, never renamed or dropped; docs/report.schema.json describes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from graders.report import Report, Result
from graders.snapshot import Problem
from graders.verdict import Evidence

SCHEMA = 1
# What a string of YAML may hold and UTF-8 cannot (lone surrogates) or a terminal obeys (C1 controls): as JSON's own escapes.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def report_data(report: Report, *, hints: bool = False) -> dict[str, Any]:
    """One report as plain data, its keys in their published order; with `hints`, those of each objective that is open."""
    source = report.source
    return {
        "schema": SCHEMA,
        "lesson": report.lesson_id,
        "title": report.title,
        "source": {"kind": source.kind, "files": list(source.files), "context": source.context, "namespace": source.namespace},
        "graded_at": report.graded_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "complete": report.complete,
        "passed": report.passed,
        "counted": report.counted,
        "objectives": [_result(result, hints=hints) for result in report.results],
        "problems": [_problem(problem) for problem in report.problems],
    }


def render_json(report: Report, *, hints: bool = False, on_one_line: bool = False) -> str:
    """One report as JSON text, indented for reading, or on one line for a stream of them."""
    return _dump(report_data(report, hints=hints), on_one_line)


def render_json_course(reports: Iterable[Report], *, hints: bool = False, on_one_line: bool = False) -> str:
    """The reports of several lessons as one JSON text."""
    return _dump({"schema": SCHEMA, "lessons": [report_data(report, hints=hints) for report in reports]}, on_one_line)


def _dump(data: dict[str, Any], on_one_line: bool) -> str:
    text = json.dumps(data, ensure_ascii=False, indent=None if on_one_line else 2)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def _result(result: Result, *, hints: bool) -> dict[str, Any]:
    objective, verdict = result.objective, result.verdict
    data = {
        "id": objective.id,
        "title": result.title,
        "status": str(result.status),
        "bonus": objective.bonus,
        "live": objective.live,
        "advice": " ".join(verdict.advice) or None,
        "evidence": _evidence(verdict.evidence) if verdict.evidence else None,
        "reason": verdict.reason,
        "needs": list(objective.needs),
        "docs": objective.docs,
    }
    if hints:
        data["hints"] = list(result.hints) if result.open else []
    return data


def _evidence(evidence: Evidence) -> dict[str, Any]:
    keys = ("object", "path", "expected", "found", "file", "line", "command")
    return {key: getattr(evidence, key) for key in keys}


def _problem(problem: Problem) -> dict[str, Any]:
    return {"file": problem.file, "line": problem.line, "column": problem.column, "message": problem.message}
