"""What the pages of the simulators show: the fields as they were filled in, what is wrong with them, and what came of the rest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from app.services import simulated_drain, simulated_hpa, simulator_pictures
from app.services.simulated_hpa import Run, pods

LABELS = {
    "rules": "How fast it may change",
    "min": "minReplicas",
    "max": "maxReplicas",
    "target": "Target utilization",
    "load": "Load",
    "carry": "A Pod carries, at 100 %",
    "start": "Pods at the start",
    "ready": "A new Pod is ready after",
    "points": "My own points, minute:load",
    "manifest": "A manifest of mine",
    **{f"{way}_window": f"{name}, stabilization window" for way, name in (("up", "scaleUp"), ("down", "scaleDown"))},
    **{f"{way}_select": f"{name}, selectPolicy" for way, name in (("up", "scaleUp"), ("down", "scaleDown"))},
    **{
        f"{way}{slot}_{part}": f"{name}, policy {slot}: {part}"
        for way, name in (("up", "scaleUp"), ("down", "scaleDown"))
        for slot in (1, 2)
        for part in ("value", "type", "period")
    },
}


class Figure(NamedTuple):
    """A number that matters: its name, what it means, and its value in this run and in the one it is compared with."""

    name: str
    meaning: str
    value: str
    other: str


class Held(NamedTuple):
    """A time during which a rule was in the way, in words."""

    begin: str
    end: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table that tells what the picture shows."""

    at: str
    load: int
    asked: int
    replicas: int
    ready: int
    rules: str


def hpa(given: Mapping[str, str]) -> dict[str, Any]:
    """The values of the page of the autoscaler. Takes some tens of milliseconds; never raises, whatever is given."""
    setup, fields = simulated_hpa.read(given)
    common = {
        "given": given,
        "faults": fields.faults,
        "fields": sorted(fields.asked),
        "labels": LABELS,
        "rules": simulated_hpa.RULES.items(),
        "loads": [(name, words) for name, (words, _) in simulated_hpa.LOADS.items()] + [("own", "my own points")],
        "select": simulated_hpa.SELECT.items(),
        "compared": fields.ticked("compare"),
    }
    if setup is None:
        return {**common, "run": None}
    run = simulated_hpa.run(setup)
    other = simulated_hpa.run(simulated_hpa.with_defaults(setup)) if fields.ticked("compare") else None
    said = _said(run)
    return {
        **common,
        "run": run,
        "said": said,
        "picture": simulator_pictures.replicas(run, other, said),
        "figures": _figures(run, other or run),
        "held": [Held(clock(each.begin), clock(each.end), each.bound.value, simulated_hpa.reason(setup, each)) for each in run.stretches],
        "rows": [
            Row(clock(moment.at), round(moment.load), asked, moment.replicas, moment.ready, ", ".join(bounds) or "none")
            for moment, asked, bounds in run.rows()
        ],
    }


DRAIN_LABELS = {
    "replicas": "Replicas",
    "budget": "Budget",
    "value": "Its number or share",
    "unhealthy": "unhealthyPod\u200bEvictionPolicy",  # where it may break
    "nodes": "Nodes",
    "place": "The Pods lie",
    "order": "Drain order",
    "after": "A drained node",
    "ready": "A new Pod is ready after",
    "broken": "Pods never ready",
}
_SIGNS = {"begins": "▸", "granted": "✓", "refused": "✗", "ready": "●", "drained": "■", "stuck": "‼"}


def unplayable(address: str) -> str:
    """Why a simulator does not play an address such as `hpa?load=spike`, in a sentence; empty when it does."""
    name, _, query = address.partition("?")
    given = dict(parse_qsl(query, keep_blank_values=True))
    setup, fields = (simulated_hpa if name == "hpa" else simulated_drain).read(given)
    stray = given.keys() - fields.asked - {"compare", "step"}
    if stray:
        return f"it has no field `{min(stray)}`."
    return "" if setup is not None else " ".join(f"`{field}`: {fault}" for field, fault in fields.faults.items())


class Event(NamedTuple):
    """A step of a drain: its number from 1, its address, when, what with its sign, in words, and the healthy Pods after it."""

    number: int
    address: str
    at: str
    kind: str
    sign: str
    words: str
    healthy: int


def disruption(given: Mapping[str, str]) -> dict[str, Any]:
    """The values of the page of the drains. Takes some milliseconds; never raises, whatever is given."""
    setup, fields = simulated_drain.read(given)
    common = {
        "given": given,
        "faults": fields.faults,
        "fields": sorted(fields.asked),
        "labels": DRAIN_LABELS,
        "budgets": [(name, words) for name, words in simulated_drain.BUDGETS.items()],
        "places": simulated_drain.PLACES.items(),
        "afters": simulated_drain.AFTER.items(),
        "policies": simulated_drain.UNHEALTHY.items(),
    }
    if setup is None:
        return {**common, "run": None}
    run = simulated_drain.run(setup)
    typed = given.get("step", "")
    number = min(max(int(typed) if typed.isdecimal() and len(typed) < 5 else 1, 1), len(run.steps))
    kept = {name: given[name] for name in given if name in fields.asked}
    events = [
        Event(
            index, f"/simulators/disruption?{urlencode({**kept, 'step': index})}", clock(step.at), step.kind, _SIGNS[step.kind], step.words,
            step.healthy,
        )
        for index, step in enumerate(run.steps, 1)
    ]  # fmt: skip
    crowd = max(_crowd(step) for step in run.steps)
    return {
        **common,
        "run": run,
        "events": events,
        "now": events[number - 1],
        "picture": simulator_pictures.nodes(
            setup, run.steps[number - 1], events[number - 1].words, math.ceil(crowd / simulator_pictures.ACROSS)
        ),
    }


def _crowd(step: simulated_drain.Step) -> int:
    """How many Pods the fullest node shows."""
    shown = Counter(pod.node for pod in (*step.pods, *((step.gone,) if step.gone else ())) if pod.node)
    return max(shown.values(), default=1)


def clock(seconds: int) -> str:
    """Minutes and seconds, `7:30`."""
    return f"{seconds // 60}:{seconds % 60:02}"


def _said(run: Run) -> str:
    sizes = [moment.replicas for moment in run.moments]
    highest = max(sizes)
    reached = clock(run.moments[sizes.index(highest)].at)
    return (
        f"{clock(run.setup.seconds)} minutes: from {pods(sizes[0])} to {highest} at most, reached at {reached}, "
        f"and {sizes[-1]} at the end. The load calls for {max(moment.wanted for moment in run.moments):.0f} at most."
    )


def _figures(run: Run, other: Run) -> list[Figure]:
    def lag(each: Run) -> str:
        count, at = each.shortage
        return f"{pods(count)}, at {clock(at)}" if count else "none"

    return [
        Figure("Worst lag", "ready Pods missing to meet the target", lag(run), lag(other)),
        Figure("Longest lag", "time on end with Pods missing", *(f"{clock(each.behind)} min" for each in (run, other))),
        Figure("Overloaded", "time with more load than the ready Pods carry", *(f"{clock(each.overloaded)} min" for each in (run, other))),
        Figure("Pod-minutes", f"{run.needed_minutes} would have met the target", *(f"{each.pod_minutes}" for each in (run, other))),
        Figure("Changes", "how often the count changed", *(f"{each.changes}" for each in (run, other))),
    ]
