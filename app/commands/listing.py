"""`course list`: the lessons of the course."""

from __future__ import annotations

from argparse import Namespace

from app.commands.arguments import CourseParser
from app.services.curriculum import MINUTES
from graders.lessons import LESSONS, Entry
from graders.render.text import render_list
from graders.terminal.output import put, style_for


def arguments(parser: CourseParser) -> None:
    """What `course list` takes."""
    parser.output_options(formats=True)


def run(options: Namespace) -> int:
    """Print the lessons; gives the exit status."""
    if options.format == "json":
        import json

        put(json.dumps({"schema": 1, "lessons": [_facts(entry) for entry in LESSONS]}, ensure_ascii=False, indent=2) + "\n", utf8=True)
        return 0
    facts = [_facts(entry) for entry in LESSONS]
    rows = [(str(fact["id"]), f"{fact['title']}: {fact['minutes']} min, {_counted(fact)}") for fact in facts]
    put(render_list(rows, style_for(options)))
    total = sum(MINUTES[entry.id] for entry in LESSONS)
    put(f"\n{len(LESSONS)} lessons, {total // 60} h {total % 60:02} min. Begin with: course start lesson-1\n")
    return 0


def _facts(entry: Entry) -> dict[str, object]:
    objectives = entry.load().objectives
    return {
        "id": entry.id,
        "title": entry.title,
        "minutes": MINUTES[entry.id],
        "objectives": sum(not objective.bonus for objective in objectives),
        "bonus": sum(objective.bonus for objective in objectives),
        "live": sum(objective.live and not objective.bonus for objective in objectives),
    }


def _counted(fact: dict[str, object]) -> str:
    details = [f"{fact['live']} on a cluster only"] if fact["live"] else []
    details += [f"and {fact['bonus']} bonus"] if fact["bonus"] else []
    return f"{fact['objectives']} objectives" + (f" ({', '.join(details)})" if details else "")
