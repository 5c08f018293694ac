"""Pictures of the simulators, drawn on the server as SVG in the classes of the lessons' diagrams, with a description each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from app.services import simulated_drain
from app.services.simulated_drain import Pod, Step
from app.services.simulated_hpa import Moment, Run
from graders.semantics.autoscaler import Bound

_WIDTH, _LEFT, _RIGHT, _TOP = 760.0, 132.0, 16.0, 16.0
_PLOT = 240.0  # height of the curves
_LANE = 22.0  # height of a rule's lane below them
_TONE = {
    Bound.TOLERANCE: "",
    Bound.UP_WINDOW: " d-warn",
    Bound.UP_POLICY: " d-warn",
    Bound.MAXIMUM: " d-bad",
    Bound.DOWN_WINDOW: " d-good",
    Bound.DOWN_POLICY: " d-good",
    Bound.MINIMUM: "",
}


@dataclass(frozen=True, slots=True)
class _Scale:
    seconds: int
    most: float

    @property
    def bottom(self) -> float:
        return _TOP + _PLOT

    def x(self, at: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * at / self.seconds

    def y(self, count: float) -> float:
        return self.bottom - _PLOT * min(count, self.most) / self.most


def replicas(run: Run, other: Run | None, said: str) -> Markup:
    """Wanted and running Pods over time, and below them a lane for each rule that was in the way. `other` is drawn beside it, dashed."""
    setup = run.setup
    largest = max(moment.replicas for each in (run, other or run) for moment in each.moments)
    peak = max(largest, min(max(moment.wanted for moment in run.moments), 2 * setup.most))  # a load beyond all bounds is cut off
    scale = _Scale(setup.seconds, max(peak, setup.most if setup.most <= 2 * peak else 0) * 1.06)
    lanes = [bound for bound in Bound if any(stretch.bound is bound for stretch in run.stretches)]
    height = scale.bottom + 30 + _LANE * len(lanes) + 4
    parts = [*_grid(scale, run, height)]
    for count, name in ((setup.fewest, "min"), (setup.most, "max")):
        if count <= scale.most:
            parts.append(_line("d-line d-dashed", _LEFT, scale.y(count), _WIDTH - _RIGHT, scale.y(count)))
            parts.append(_text("d-small", _LEFT + 4, scale.y(count) - 4, f"{name} {count}"))
    if other is not None:
        parts.append(_path("d-plot d-odd d-dashed", _steps(other.moments, scale, ready=False)))
    parts.append(_path("d-plot d-quiet", _slope(run.moments, scale)))
    parts.append(_path("d-plot d-good d-thin", _steps(run.moments, scale, ready=True)))
    parts.append(_path("d-plot", _steps(run.moments, scale, ready=False)))
    for index, bound in enumerate(lanes):
        top = scale.bottom + 30 + _LANE * index
        parts.append(_text("d-small d-end", _LEFT - 8, top + 14, bound.value))
        for stretch in run.stretches:
            if stretch.bound is bound:
                width = max(2.0, scale.x(stretch.end) - scale.x(stretch.begin))
                parts.append(
                    Markup('<rect class="d-box{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="12" rx="2"/>').format(
                        _TONE[bound], scale.x(stretch.begin), top + 4, width
                    )
                )
    return _picture("replicas", "Replicas over time", said, height, parts)


def _slope(moments: Iterable[Moment], scale: _Scale) -> str:
    """The load's own line, without the points that lie on it anyway."""
    points = [(scale.x(moment.at), scale.y(moment.wanted)) for moment in moments]
    kept = [
        point
        for index, point in enumerate(points)
        if index in (0, len(points) - 1) or abs((points[index + 1][1] - point[1]) - (point[1] - points[index - 1][1])) > 0.05
    ]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept)


def _steps(moments: Iterable[Moment], scale: _Scale, *, ready: bool) -> str:
    parts: list[str] = []
    before = at = -1
    for moment in moments:
        count, at = (moment.ready if ready else moment.replicas), moment.at
        if not parts:
            parts.append(f"M{scale.x(moment.at):.1f} {scale.y(count):.1f}")
        elif count != before:
            parts.append(f"H{scale.x(moment.at):.1f}V{scale.y(count):.1f}")
        before = count
    return "".join(parts) + f"H{scale.x(at):.1f}"


def _grid(scale: _Scale, run: Run, height: float) -> Iterator[Markup]:
    step = next(count for count in (1, 2, 5, 10, 20, 50, 100, 10**9) if scale.most / count <= 6)
    for count in range(0, int(scale.most) + 1, step):
        yield _line("d-grid", _LEFT, scale.y(count), _WIDTH - _RIGHT, scale.y(count))
        yield _text("d-small d-end", _LEFT - 8, scale.y(count) + 4, f"{count} Pods" if count == 0 else str(count))
    every = next(minutes for minutes in (1, 2, 5, 10, 15, 20, 30, 60) if run.setup.seconds / 60 / minutes <= 12)
    for minute in range(0, run.setup.seconds // 60 + 1, every):
        x = scale.x(minute * 60)
        yield _line("d-grid", x, scale.bottom, x, height - 4)
        yield _text("d-small d-mid", x, scale.bottom + 16, f"{minute} min" if minute == 0 else str(minute))
    yield _line("d-axis", _LEFT, scale.bottom, _WIDTH - _RIGHT, scale.bottom)


ACROSS = 3  # Pods beside each other on a node
_CELL = 56.0
_NODE = ACROSS * _CELL + 16
_GAP = 14.0
_COLUMNS = 4  # nodes beside each other


def nodes(setup: simulated_drain.Setup, step: Step, said: str, rows: int) -> Markup:
    """The nodes with their Pods after a step; below them the Pods that have no node. `rows` are those of Pods that a node has room for."""
    lines = math.ceil(setup.nodes / _COLUMNS)
    height = rows * _CELL + 44
    lost = [pod for pod in step.pods if not pod.node]
    bottom = lines * (height + _GAP)
    parts: list[Markup] = []
    for node in range(1, setup.nodes + 1):
        left, top = 2 + (node - 1) % _COLUMNS * (_NODE + _GAP), 2 + (node - 1) // _COLUMNS * (height + _GAP)
        cordoned = node in step.away
        parts.append(
            Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="6"/>').format(
                "d-zone d-warn" if cordoned else "d-box d-soft", left, top, _NODE, height
            )
        )
        parts.append(_text("d-text", left + 10, top + 22, f"node {node}{', cordoned' if cordoned else ''}"))
        here = [(pod, _state(pod, step)) for pod in step.pods if pod.node == node]
        if step.gone is not None and step.gone.node == node:
            here.append((step.gone, "evicted"))
        for index, (pod, state) in enumerate(here):
            parts += _pod(pod, state, left + 8 + _CELL * (index % ACROSS), top + 34 + _CELL * (index // ACROSS))
    if lost:
        parts.append(_text("d-text", 4, bottom + 28, "no node:"))
        for index, pod in enumerate(lost):
            parts += _pod(pod, "pending", 72 + _CELL * (index % 11), bottom + _CELL * (index // 11))
    total = bottom + (_CELL * math.ceil(len(lost) / 11) if lost else 0)
    return _picture("nodes", "The nodes and their Pods", said, total, parts, _COLUMNS * (_NODE + _GAP) - _GAP + 4)


def _state(pod: Pod, step: Step) -> str:
    return "ready" if pod.ready(step.at) else "broken" if pod.broken else "starting"


_SHAPE = {
    "ready": "d-box d-accent",
    "starting": "d-box d-warn d-dashed",
    "pending": "d-box d-warn d-dashed",
    "broken": "d-box d-bad d-dashed",
    "evicted": "d-zone d-bad",
}


def _pod(pod: Pod, state: str, left: float, top: float) -> Iterator[Markup]:
    middle = left + _CELL / 2
    yield Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="16"/>').format(_SHAPE[state], middle, top + 18)
    yield _text("d-text d-mid", middle, top + 23, pod.name)
    if state == "evicted":
        yield _line("d-line d-bad", middle - 11, top + 29, middle + 11, top + 7)
    yield _text("d-small d-mid", middle, top + 49, state)


def _line(classes: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<path class="{}" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>').format(classes, x1, y1, x2, y2)


def _path(classes: str, d: str) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(classes, d)


def _text(classes: str, x: float, y: float, words: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(classes, x, y, words)


def _picture(id: str, title: str, said: str, height: float, parts: Iterable[Markup], width: float = _WIDTH) -> Markup:
    return Markup(
        '<svg viewBox="0 0 {:.0f} {:.0f}" role="img" aria-labelledby="{id}-title" aria-describedby="{id}-desc" focusable="false">'
        '<title id="{id}-title">{}</title><desc id="{id}-desc">{}</desc>{}</svg>'
    ).format(width, height, title, said, Markup("").join(parts), id=id)
