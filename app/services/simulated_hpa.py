"""An autoscaler played through hours of load in a moment: what somebody asks for -> what the controller does, and which rule held it back.

The controller is that of `graders.semantics.autoscaler`, and rules are read as the grader reads them. Of the cluster it plays only this:
the load is shared evenly by the Pods that are ready, it is measured without delay, and there is room for every Pod.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from app.services.content import NAMESPACE
from app.services.simulator_fields import Fields
from graders.semantics.autoscaler import UNWRITTEN, Autoscaler, Behavior, Bound, Decision, Tolerance, asked_for, utilization
from graders.semantics.hpa import DEFAULT_DOWN, DEFAULT_UP, SYNC_SECONDS, Fault, Policy, Rules, read_rules
from graders.semantics.quantities import parse_quantity
from graders.snapshot import K8sObject
from graders.sources.manifests import read_texts

MOST_PODS = 100
LONGEST = 180  # minutes
MOST_LOAD = 1_000_000
MOST_POINTS = 60
MANIFEST_LONGEST = 6_000  # characters; it has to fit into an address
TICK = 5  # seconds
_POLICIES = (1, 2)
_POINT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?):([0-9]{1,7})")

GUIDE = Behavior(Rules((Policy("Percent", 100, 15),), 60), Rules((Policy("Percent", 10, 60),), 300))
RULES = {
    "guide": "the exercise's",
    "defaults": "Kubernetes' defaults, no behavior",
    "own": "my own, from the fields below",
    "manifest": "those of a manifest that I paste",
}
SELECT = {"Max": "Max, the larger change", "Min": "Min, the smaller change", "Disabled": "Disabled, no change"}
LOADS = {
    "rush": ("morning rush", "0:150, 8:150, 14:1200, 35:1200, 45:400, 75:400"),
    "spike": ("one spike", "0:200, 5:200, 5:1300, 7:1300, 7:200, 40:200"),
    "sawtooth": ("sawtooth", "0:200, 4:1000, 4:200, 8:1000, 8:200, 12:1000, 12:200, 16:1000, 16:200, 20:1000, 20:200, 45:200"),
    "batch": ("nightly batch", "0:60, 10:60, 10:1600, 30:1600, 30:60, 75:60"),
}


class Point(NamedTuple):
    """A point of the load's curve; between two the load changes evenly, and two at the same minute are a jump."""

    minute: float
    load: int


@dataclass(frozen=True, slots=True)
class Setup:
    """What is played.

    `target` is in percent, `carry` the load of a Pod at 100 %, `start` the first size, `ready` the seconds until a new Pod is ready.
    """

    fewest: int
    most: int
    target: int
    carry: int
    start: int
    ready: int
    load: tuple[Point, ...]
    behavior: Behavior

    @property
    def seconds(self) -> int:
        """How long the load is known."""
        return round(self.load[-1].minute * 60)

    def at(self, now: int) -> float:
        """The load at a time; the later of two points at that time counts."""
        minute = now / 60
        before = [point for point in self.load if point.minute <= minute]
        after = self.load[len(before)] if len(before) < len(self.load) else None
        if not before or after is None:
            return float((before[-1] if before else self.load[0]).load)
        last = before[-1]
        return last.load + (after.load - last.load) * (minute - last.minute) / (after.minute - last.minute)

    def wanted(self, load: float) -> float:
        """How many Pods would have exactly the target with this load."""
        return load * 100 / (self.carry * self.target)


class Moment(NamedTuple):
    """What there is at a time: the load, the Pods that it calls for, those that there are, those of them that are ready."""

    at: int
    load: float
    wanted: float
    replicas: int
    ready: int


class Stretch(NamedTuple):
    """A time during which the same rule was in the way.

    `asked` are the fewest and the most Pods that the metrics asked for, `sizes` the Pods before it and at its end.
    """

    bound: Bound
    begin: int
    end: int
    asked: tuple[int, int]
    sizes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a setup: every 5 s a moment, every 15 s a decision."""

    setup: Setup
    moments: tuple[Moment, ...]
    decisions: tuple[tuple[int, Decision], ...]
    stretches: tuple[Stretch, ...]

    @property
    def shortage(self) -> tuple[int, int]:
        """By how many ready Pods it fell short of the target at worst, and when."""
        worst = max(self.moments, key=lambda moment: (_missing(moment, self.setup), -moment.at))
        return _missing(worst, self.setup), worst.at

    @property
    def behind(self) -> int:
        """The longest time on end, in seconds, with so few Pods ready that the target was missed by more than the tolerance."""
        longest = now = 0
        for moment in self.moments[:-1]:
            now = now + TICK if _missing(moment, self.setup) else 0
            longest = max(longest, now)
        return longest

    @property
    def overloaded(self) -> int:
        """Seconds in which the ready Pods had more load than they can carry."""
        return TICK * sum(moment.load > moment.ready * self.setup.carry for moment in self.moments[:-1])

    @property
    def pod_minutes(self) -> int:
        """What it costs: Pods by minutes."""
        return round(sum(moment.replicas for moment in self.moments[:-1]) * TICK / 60)

    @property
    def needed_minutes(self) -> int:
        """What would do: the Pods that the load calls for, within the bounds, by minutes."""
        setup = self.setup
        needed = (min(max(_whole(moment.wanted), setup.fewest), setup.most) for moment in self.moments[:-1])
        return round(sum(needed) * TICK / 60)

    @property
    def changes(self) -> int:
        """How often the size changed."""
        return sum(one.replicas != other.replicas for one, other in zip(self.moments, self.moments[1:], strict=False))

    def rows(self) -> Iterator[tuple[Moment, int, tuple[Bound, ...]]]:
        """The moments worth telling, with what the metrics asked for and what was in the way: each change, and some in between."""
        step = 60 * max(1, math.ceil(self.setup.seconds / 60 / 45))
        decisions = dict(self.decisions)
        before = None
        for moment in self.moments:
            decision = decisions.get(moment.at)
            if decision is not None and (moment.at % step == 0 or moment.replicas != before):
                yield moment, decision.asked, decision.bounds
            before = moment.replicas


def _missing(moment: Moment, setup: Setup) -> int:
    """How many ready Pods are missing; none as long as the use is within the tolerance."""
    return _whole(moment.wanted) - moment.ready if moment.wanted > moment.ready * (1 + setup.behavior.tolerance.up) else 0


def _whole(wanted: float) -> int:
    return math.ceil(round(wanted, 6))


def run(setup: Setup) -> Run:
    """Play a setup to the end of its load."""
    scaler = Autoscaler(setup.fewest, setup.most, setup.behavior, setup.start)
    ready_at = [0] * setup.start
    moments: list[Moment] = []
    decisions: list[tuple[int, Decision]] = []
    for now in range(0, setup.seconds + 1, TICK):
        load = setup.at(now)
        ready = sum(at <= now for at in ready_at)
        if now % SYNC_SECONDS == 0:
            decision = _decision(scaler, setup, now, load, ready, len(ready_at) - ready)
            decisions.append((now, decision))
            ready_at = [*ready_at, *[now + setup.ready] * (decision.size - len(ready_at))][: decision.size]  # the youngest go first
            ready = sum(at <= now for at in ready_at)
        moments.append(Moment(now, load, setup.wanted(load), len(ready_at), ready))
    return Run(setup, tuple(moments), tuple(decisions), tuple(_stretches(setup, decisions)))


def _decision(scaler: Autoscaler, setup: Setup, now: int, load: float, ready: int, starting: int) -> Decision:
    tolerance = setup.behavior.tolerance
    asked = asked_for(load, setup.carry, setup.target, ready, starting, tolerance)
    decision = scaler.sync(now, asked)
    measured = utilization(load, setup.carry, ready)
    close = not starting and tolerance.covers(measured, setup.target) and math.ceil(measured / setup.target * ready) != ready
    return decision._replace(bounds=(Bound.TOLERANCE,)) if close and not decision.bounds else decision


def _stretches(setup: Setup, decisions: Sequence[tuple[int, Decision]]) -> list[Stretch]:
    found: list[Stretch] = []
    running: dict[Bound, Stretch] = {}
    size = setup.start
    for now, decision in decisions:
        found += [running.pop(bound) for bound in tuple(running) if bound not in decision.bounds]
        for bound in decision.bounds:
            known = running.get(bound) or Stretch(bound, now, now, (decision.asked, decision.asked), (size, size))
            asked = min(known.asked[0], decision.asked), max(known.asked[1], decision.asked)
            running[bound] = known._replace(end=min(now + SYNC_SECONDS, setup.seconds), asked=asked, sizes=(known.sizes[0], decision.size))
        size = decision.size
    return sorted([*found, *running.values()], key=lambda stretch: (stretch.begin, list(Bound).index(stretch.bound)))


def reason(setup: Setup, stretch: Stretch) -> str:
    """Why a rule was in the way, in a sentence."""
    low, high = stretch.asked
    asked = pods(high) if low == high else f"{low} to {pods(high)}"
    up, down = setup.behavior.up, setup.behavior.down
    match stretch.bound:
        case Bound.TOLERANCE:
            share = max(setup.behavior.tolerance)
            return f"The use is within {share:.0%} of the {setup.target} % aimed at, so nothing is done.".replace("%", " %", 1)
        case Bound.UP_WINDOW:
            return f"The metrics ask for {asked}, but they have not asked for so many during all of the last {up.window} s."
        case Bound.DOWN_WINDOW:
            return f"The metrics ask for {asked}, but they have asked for more within the last {down.window} s."
        case Bound.UP_POLICY:
            if not setup.behavior.written:
                return "Without a `behavior` a sync may double the count, and may always reach 4."
            return _paced(up, stretch, "add")
        case Bound.DOWN_POLICY:
            return _paced(down, stretch, "remove")
        case Bound.MAXIMUM:
            return f"The metrics ask for {asked}, and `maxReplicas` is {setup.most}."
    return f"The metrics ask for {asked}, and `minReplicas` is {setup.fewest}."


def _paced(rules: Rules, stretch: Stretch, verb: str) -> str:
    if rules.select == "Disabled":
        return f"`selectPolicy: Disabled`: the HPA may {verb} nothing."
    first, last = stretch.sizes
    reached = f"still {pods(last)}" if first == last else f"from {first} to {pods(last)}"
    return f"The policies {verb} {rules} and no more: {reached} in this time."


def pods(count: int) -> str:
    """`1 Pod`, `3 Pods`."""
    return f"{count} {'Pod' if count == 1 else 'Pods'}"


def read(given: Mapping[str, str]) -> tuple[Setup | None, Fields]:
    """The setup that the fields of an address stand for; None when one of them is wrong, which the fields tell. Takes some milliseconds."""
    fields = Fields(given)
    behavior, fewest, most, target = _rules(fields)
    carry = fields.whole("carry", 100, 1, 100_000)
    start = fields.whole("start", 3, 1, MOST_PODS)
    ready = fields.whole("ready", 20, 0, 600, "seconds")
    load = _load(fields)
    if fields.faults:
        return None, fields
    return Setup(fewest, most, target, carry, start, ready, load, behavior), fields


def _rules(fields: Fields) -> tuple[Behavior, int, int, int]:
    fewest = fields.whole("min", 3, 1, MOST_PODS)
    most = fields.whole("max", 20, 1, MOST_PODS)
    target = fields.whole("target", 70, 1, 1000)
    manifest = fields.text("manifest", longest=MANIFEST_LONGEST)
    up, down = _own(fields, "up", DEFAULT_UP), _own(fields, "down", DEFAULT_DOWN)
    chosen = fields.choice("rules", "guide", RULES)
    if chosen != "own":
        _forget(fields, ("up", "down"))
    if chosen == "manifest":
        _forget(fields, ("min", "max", "target"))
        return _pasted(fields, manifest, target)
    _forget(fields, ("manifest",))
    if "min" not in fields.faults and "max" not in fields.faults and fewest > most:
        fields.faults["max"] = f"At least the minimum, which is {fewest}; found “{most}”."
    behavior = {"guide": GUIDE, "defaults": UNWRITTEN, "own": Behavior(up, down)}[chosen]
    return behavior, fewest, most, target


def _forget(fields: Fields, beginnings: tuple[str, ...]) -> None:
    """What is wrong with fields that do not count is nobody's trouble."""
    for name in [name for name in fields.faults if name.startswith(beginnings)]:
        del fields.faults[name]


def _own(fields: Fields, way: str, default: Rules) -> Rules:
    """The rules of one direction, from its fields, as the grader reads them from a manifest."""
    written: dict[str, Any] = {"selectPolicy": fields.choice(f"{way}_select", "Max", SELECT)}
    window = fields.text(f"{way}_window")
    if window:
        written["stabilizationWindowSeconds"] = _number(window)
    policies = {
        slot: {
            "type": fields.choice(f"{way}{slot}_type", "Percent", ("Percent", "Pods")),
            "value": _number(fields.text(f"{way}{slot}_value")),
            "periodSeconds": _number(fields.text(f"{way}{slot}_period", "60")),
        }
        for slot in _POLICIES
    }
    slots = [slot for slot, policy in policies.items() if policy["value"] != ""]
    if slots:
        written["policies"] = [policies[slot] for slot in slots]
    rules = read_rules(written, default)
    if isinstance(rules, Fault):
        fields.faults[_field(way, slots, rules.path)] = f"{_capital(_plain(rules.expected))}; found {_plain(rules.found)}."
        return default
    return rules


def _field(way: str, slots: Sequence[int], path: Sequence[str | int]) -> str:
    match list(path):
        case ["policies", int(index), str(name)]:
            return f"{way}{slots[index]}_{'period' if name == 'periodSeconds' else name}"
        case ["selectPolicy", *_]:
            return f"{way}_select"
    return f"{way}_window"


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text


def _plain(text: str) -> str:
    return text.replace("`", "").replace('"', "“", 1).replace('"', "”", 1)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _load(fields: Fields) -> tuple[Point, ...]:
    chosen = fields.choice("load", "rush", (*LOADS, "own"))
    typed = fields.text("points", longest=1_000)
    if chosen != "own":
        _forget(fields, ("points",))
        return _points(LOADS[chosen][1])[0]
    points, wrong = _points(typed)
    if wrong:
        fields.faults.setdefault("points", wrong)
    return points


def _points(typed: str) -> tuple[tuple[Point, ...], str]:
    """The points of a text such as `0:150, 8:1200`, and what is wrong with them."""
    found: list[Point] = []
    for written in typed.replace(",", " ").split():
        match = _POINT.fullmatch(written)
        if not match:
            return (), f"Points are minute:load, such as 8:1200, with commas between them; found “{written[:20]}”."
        point = Point(float(match[1]), int(match[2]))
        if point.minute > LONGEST:
            return (), f"The last minute may be {LONGEST}; found “{written}”."
        if point.load > MOST_LOAD:
            return (), f"A load may be up to {MOST_LOAD}; found “{written}”."
        if found and point.minute < found[-1].minute:
            return (), f"Points go forward in time; “{written}” is before minute {found[-1].minute:g}."
        found.append(point)
    if len(found) < 2 or found[-1].minute < 1:
        return (), "At least two points, the last of them in minute 1 or later, such as “0:100, 5:800, 20:800”."
    if len(found) > MOST_POINTS:
        return (), f"At most {MOST_POINTS} points; found {len(found)}."
    return tuple(found), ""


def _pasted(fields: Fields, text: str, target: int) -> tuple[Behavior, int, int, int]:
    """The behavior, the bounds and the CPU target of the HPA that somebody has pasted."""
    fewest, most, behavior = 1, 1, UNWRITTEN
    snapshot = read_texts([("manifest", text.encode(errors="replace"))], namespace=NAMESPACE, taken_at=datetime.now(UTC))
    hpa = next((item for item in snapshot.objects if item.kind == "HorizontalPodAutoscaler"), None)
    rejected = next((problem for problem in (*snapshot.problems, *(hpa.problems if hpa else ())) if problem.rejected), None)
    wrong = ""
    if not text:
        wrong = "Paste the manifest of a HorizontalPodAutoscaler."
    elif rejected is not None:
        wrong = (f"Line {rejected.line}: " if rejected.line else "") + _plain(rejected.message)
    elif hpa is None:
        wrong = "There is no HorizontalPodAutoscaler in it."
    else:
        fewest, most = hpa.at("spec.minReplicas").whole or 1, hpa.at("spec.maxReplicas").whole or 1
        target = _cpu_target(hpa) or target
        read_back = _behavior(hpa)
        if isinstance(read_back, Fault):
            wrong = f"{'.'.join(map(str, read_back.path))}: expected {_plain(read_back.expected)}, found {_plain(read_back.found)}."
        else:
            behavior = read_back
        if not 1 <= fewest <= most <= MOST_PODS:
            wrong = f"Bounds between 1 and {MOST_PODS} are played; this one keeps between {fewest} and {most} Pods."
    if wrong:
        fields.faults.setdefault("manifest", wrong)
    return behavior, fewest, most, target


def _behavior(hpa: K8sObject) -> Behavior | Fault:
    if not hpa.at("spec.behavior").present:  # an empty one is there: the API server completes it
        return UNWRITTEN
    up = read_rules(hpa.at("spec.behavior.scaleUp").value, DEFAULT_UP)
    down = read_rules(hpa.at("spec.behavior.scaleDown").value, DEFAULT_DOWN)
    if isinstance(up, Fault):
        return up._replace(path=("scaleUp", *up.path))
    if isinstance(down, Fault):
        return down._replace(path=("scaleDown", *down.path))
    return Behavior(up, down, tolerance=Tolerance(_tolerance(hpa, "scaleUp"), _tolerance(hpa, "scaleDown")))


def _tolerance(hpa: K8sObject, way: str) -> float:
    written = parse_quantity(hpa.key("spec", "behavior", way, "tolerance").value)
    return float(written) if written is not None else Tolerance().up


def _cpu_target(hpa: K8sObject) -> int | None:
    """The utilization of CPU that it aims at, in autoscaling/v1 or v2."""
    targets = [hpa.at("spec.targetCPUUtilizationPercentage").whole]
    targets += [
        metric.at("resource.target.averageUtilization").whole
        for metric in hpa.at("spec.metrics").each()
        if metric.at("resource.name").value == "cpu"
    ]
    return min((target for target in targets if target), default=None)


def with_defaults(setup: Setup) -> Setup:
    """The same without a `behavior`, to compare with."""
    return replace(setup, behavior=UNWRITTEN)
