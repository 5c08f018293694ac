"""`course doctor`: what this machine and its cluster have, and the commands that add the rest."""

from __future__ import annotations

import json
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from app.commands.arguments import NAMESPACE, CourseParser
from app.services.checkup import READS, Facts, Finding, Kubectl, State, examine
from graders.errors import ClusterUnavailable
from graders.render.text import Style
from graders.render.words import harmless
from graders.snapshot import Snapshot
from graders.terminal.output import put, style_for

_PATIENCE = 5.0  # seconds for kubectl to tell its version
_COLOURS = {State.OK: "32", State.MISSING: "31", State.UNKNOWN: "35"}
_WIDTH = max(map(len, State))


def arguments(parser: CourseParser) -> None:
    """What `course doctor` takes."""
    parser.namespace_option()
    parser.cluster_options()
    parser.output_options(formats=True)


def run(options: Namespace) -> int:
    """Print the findings; 0 when nothing that all lessons need is missing, else 1."""
    from graders.lessons.lesson_00_fundamentals import LESSON

    snapshot, unavailable = _look(options)
    findings = examine(Facts(_kubectl(), snapshot, unavailable, LESSON))
    if options.format == "json":
        put(json.dumps({"schema": 1, "findings": [_as_json(each) for each in findings]}, ensure_ascii=False, indent=2) + "\n", utf8=True)
    else:
        put("\n".join(_lines(findings, style_for(options))) + "\n")
    return int(any(each.needed and each.state is State.MISSING for each in findings))


def _look(options: Namespace) -> tuple[Snapshot | None, ClusterUnavailable | None]:
    from graders.sources import cluster

    try:
        connected = cluster.connect(context=options.context, kubeconfig=options.kubeconfig, timeout=options.timeout)
        namespace = options.namespace or NAMESPACE
        return connected.snapshot(READS, namespace=namespace, taken_at=datetime.now(UTC)), None
    except ClusterUnavailable as error:
        return None, error


def _kubectl() -> Kubectl | None:
    """The kubectl on PATH, if there is one; asked for its version, within a limit."""
    path = shutil.which("kubectl")
    if path is None:
        return None
    try:
        ran = subprocess.run(  # noqa: S603 - the learner's own kubectl
            [path, "version", "--client", "--output=json"], capture_output=True, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
        version = json.loads(ran.stdout)["clientVersion"]["gitVersion"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError, subprocess.TimeoutExpired):
        version = ""
    return Kubectl(path, version if isinstance(version, str) else "")


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "title": finding.title,
        "state": finding.state,
        "detail": finding.detail,
        "lessons": finding.lessons,
        "needed": finding.needed,
        "fix": list(finding.fix),
    }


def _lines(findings: Sequence[Finding], style: Style) -> Iterator[str]:
    indent = " " * (2 if style.narrow else _WIDTH + 2)
    for each in findings:
        head = f"{each.state}: " if style.narrow else f"{each.state:{_WIDTH}}  "
        first, *rest = style.wrap(f"{each.title} [{each.id}]", head, indent)
        yield style.paint(each.state, _COLOURS[each.state]) + first[len(each.state) :]
        yield from rest
        if each.detail:
            yield from style.wrap(each.detail, indent, indent)
        if each.state is State.OK:
            continue
        yield from style.wrap(f"for: {each.lessons}", indent, indent)
        for fix in each.fix:  # in one piece, to be copied
            yield f"{indent}{harmless(fix)}"
    yield ""
    yield from style.wrap(_summary(findings))


def _summary(findings: Sequence[Finding]) -> str:
    needed = [each.id for each in findings if each.needed and each.state is State.MISSING]
    if needed:
        return f"Missing, and needed: {', '.join(needed)}."
    optional = [each.id for each in findings if each.state is State.MISSING]
    if optional:
        return f"Nothing that every lesson needs is missing; single lessons would have more to show with: {', '.join(optional)}."
    return "Nothing is missing."
