"""Pictures of progress, drawn on the server as SVG: shapes carry classes and no styles, words are real text, and each has a description."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup

_WIDTH = 760.0
_LEFT = 44.0
_RIGHT = 14.0
_TOP = 14.0
_CURVE = 190.0  # height of the curve
_LANE = 22.0  # height of a row of marks below it
_TICKS = 6
_ROW = 26.0
_NAMES = 236.0  # width of the lessons' titles
_MINUTE = timedelta(minutes=1)
_STEPS = (
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 2, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 28, 91, 182, 364)),
)


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of marks below the curve: what they are, and when."""

    name: str
    times: Sequence[datetime]


class Milestone(NamedTuple):
    """Something to be marked on the curve."""

    at: datetime
    words: str


class Bar(NamedTuple):
    """A lesson's minutes: those spent reading, those spent on its exercise, and those planned."""

    name: str
    read: float
    practised: float
    planned: int


class Column(NamedTuple):
    """A day, and how many there were on it."""

    name: str
    many: int


class Mark(NamedTuple):
    """Something that falls on a day; `column` counts from 0."""

    column: int
    words: str


class Part(NamedTuple):
    """A lesson, how many have completed it, and how many have begun it, those included."""

    name: str
    complete: int
    begun: int


def curve(
    passes: Sequence[datetime], total: int, until: datetime, lanes: Sequence[Lane], milestones: Sequence[Milestone], said: str
) -> Markup:
    """How many objectives had passed by when: steps that begin with the first thing that happened and end at `until`.

    `total` is how many there are, `said` describes the picture for those who do not see it.
    """
    times = sorted(passes)
    starts = [*times[:1], *(lane.times[0] for lane in lanes if lane.times)]
    scale = _Scale(min(starts, default=until), until)
    bottom = _TOP + _CURVE
    height = bottom + 26 + _LANE * len(lanes)
    top = max(total, 1)

    def y(count: int) -> float:
        return bottom - _CURVE * count / top

    parts = [*_grid(scale, y, top, bottom)]
    counts = {round(scale.x(at), 1): count for count, at in enumerate(times, 1)}  # what passed at once is one step
    steps = "".join(f"H{x}V{y(count):.1f}" for x, count in counts.items())
    line = f"M{scale.x(scale.begin):.1f} {y(0):.1f}{steps}H{scale.x(until):.1f}"
    parts.append(Markup('<path class="p-area" d="{}V{:.1f}H{:.1f}Z"/>').format(line, y(0), scale.x(scale.begin)))
    parts.append(Markup('<path class="p-curve" d="{}"/>').format(line))
    for mark in milestones:
        count = sum(at <= mark.at for at in times)
        parts.append(
            Markup('<circle class="p-mark" cx="{:.1f}" cy="{:.1f}" r="4.5"><title>{}</title></circle>').format(
                scale.x(mark.at), y(count), mark.words
            )
        )
    parts += [_lane(lane, scale, bottom + 26 + _LANE * index) for index, lane in enumerate(lanes)]
    return _picture("curve", "Objectives passed over time", said, height, parts)


def bars(rows: Sequence[Bar], said: str) -> Markup:
    """How long each lesson took, beside a line for how long it was planned to take."""
    height = 24 + _ROW * len(rows)
    longest = max([60.0, *(max(row.read + row.practised, row.planned) for row in rows)])
    width = _WIDTH - _NAMES - _RIGHT - 40
    parts = []
    step = next(minutes for minutes in (15, 30, 60, 120, 300, 600, 10**9) if longest / minutes <= _TICKS + 2)
    for minutes in range(0, int(longest) + 1, step):
        x = _NAMES + width * minutes / longest
        parts.append(
            Markup('<line class="p-grid" x1="{0:.1f}" x2="{0:.1f}" y1="4" y2="{1:.1f}"/>').format(x, height - 20)
            + Markup('<text class="p-small p-mid" x="{:.1f}" y="{:.1f}">{} min</text>').format(x, height - 5, minutes)
        )
    for index, row in enumerate(rows):
        middle = 4 + _ROW * index + _ROW / 2
        read, spent = width * row.read / longest, width * (row.read + row.practised) / longest
        planned = _NAMES + width * row.planned / longest
        parts.append(
            Markup('<text class="p-text p-end" x="{:.1f}" y="{:.1f}">{}</text>').format(_NAMES - 10, middle + 4, _shortened(row.name))
            + Markup('<rect class="p-read" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="12"/>').format(_NAMES, middle - 6, read)
            + Markup('<rect class="p-practised" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="12"/>').format(
                _NAMES + read, middle - 6, spent - read
            )
            + Markup('<line class="p-plan" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>').format(planned, middle - 9, middle + 9)
        )
    return _picture("bars", "Time spent on each lesson", said, height, parts)


def columns(days: Sequence[Column], marks: Sequence[Mark], said: str) -> Markup:
    """A column for each day, as high as there were many, and dashed lines where something falls on one. At least one day."""
    top = max(1, *(day.many for day in days))
    width = (_WIDTH - _LEFT - _RIGHT) / len(days)
    bottom = _TOP + _CURVE

    def y(count: int) -> float:
        return bottom - _CURVE * count / top

    parts = list(_levels(y, top))
    gap = min(3.0, width / 4)
    shapes = "".join(
        f"M{_LEFT + width * number + gap / 2:.1f} {bottom:.1f}V{y(day.many):.1f}h{width - gap:.1f}V{bottom:.1f}Z"
        for number, day in enumerate(days)
        if day.many
    )
    parts.append(Markup('<path class="p-column" d="{}"/>').format(shapes))
    every = -(-len(days) // _TICKS)
    for number in range(0, len(days), every):
        place = _LEFT + width * (number + 0.5)
        anchor = "p-start" if number == 0 and width < 40 else "p-mid" if place < _WIDTH - 40 else "p-end"
        parts.append(
            Markup('<text class="p-small {}" x="{:.1f}" y="{:.1f}">{}</text>').format(anchor, place, bottom + 18, days[number].name)
        )
    dashes = Markup('<path class="p-due" d="M{0:.1f} {1}V{2:.1f}"><title>{3}</title></path>')
    parts += [dashes.format(_LEFT + width * (mark.column + 0.5), _TOP - 6, bottom, mark.words) for mark in marks]
    parts.append(Markup('<line class="p-axis" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(_LEFT, _WIDTH - _RIGHT, bottom, bottom))
    return _picture("columns", "Lessons completed on each day", said, bottom + 26, parts)


def shares(rows: Sequence[Part], whole: int, said: str) -> Markup:
    """For each lesson how many of `whole` have completed it, and how many more have begun it."""
    height = 8 + _ROW * len(rows)
    width = _WIDTH - _NAMES - _RIGHT - 90
    parts = []
    for index, row in enumerate(rows):
        middle = 4 + _ROW * index + _ROW / 2
        complete, begun = width * row.complete / whole, width * row.begun / whole
        parts.append(
            Markup('<text class="p-text p-end" x="{:.1f}" y="{:.1f}">{}</text>').format(_NAMES - 10, middle + 4, _shortened(row.name))
            + Markup('<rect class="p-frame" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="12"/>').format(_NAMES, middle - 6, width)
            + Markup('<rect class="p-begun" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="12"/>').format(_NAMES, middle - 6, begun)
            + Markup('<rect class="p-complete" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="12"/>').format(_NAMES, middle - 6, complete)
            + Markup('<text class="p-small" x="{:.1f}" y="{:.1f}">{} of {}</text>').format(
                _NAMES + width + 8, middle + 4, row.complete, whole
            )
        )
    return _picture("shares", "Share of the cohort that has completed each lesson", said, height, parts)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Times -> places from left to right."""

    begin: datetime
    end: datetime

    @property
    def span(self) -> timedelta:
        return max(self.end - self.begin, _MINUTE)

    def x(self, at: datetime) -> float:
        share = (min(max(at, self.begin), self.end) - self.begin) / self.span
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * share

    def ticks(self) -> Iterable[tuple[float, str]]:
        """Places at round times of the reader's own clock, and how to call them."""
        step = next((step for step in _STEPS if self.span / step <= _TICKS), self.span / _TICKS)
        first = self.begin.astimezone()
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
        at = midnight + step * -(-(first - midnight) // step)
        form = "%H:%M" if step < timedelta(hours=24) else "%-d %b" if step < timedelta(days=91) else "%b %Y"
        while at <= self.end:
            named = at.astimezone()  # of the day's own offset: clocks are set forward and back
            day = step < timedelta(hours=24) and self.span > timedelta(hours=24)
            yield self.x(at), named.strftime(f"%-d %b {form}" if day else form)
            at += step


_LINE = Markup('<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
_WORD = Markup('<text class="p-small {}" x="{:.1f}" y="{:.1f}">{}</text>')


def _levels(y: Callable[[int], float], top: int) -> Iterator[Markup]:
    """Lines at round counts, up to `top`."""
    step = next(count for count in (*(1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000), 10**9) if top / count <= _TICKS)
    for count in range(0, top + 1, step):
        yield _LINE.format("p-grid", _LEFT, _WIDTH - _RIGHT, y(count), y(count))
        yield _WORD.format("p-end", _LEFT - 8, y(count) + 4, count)


def _grid(scale: _Scale, y: Callable[[int], float], top: int, bottom: float) -> Iterator[Markup]:
    line, word = _LINE, _WORD
    yield from _levels(y, top)
    for x, words in scale.ticks():
        anchor = "p-mid" if _LEFT + 20 < x < _WIDTH - _RIGHT - 30 else "p-end" if x > _WIDTH / 2 else "p-start"
        yield line.format("p-tick", x, x, bottom, bottom + 5)
        yield word.format(anchor, x, bottom + 18, words)
    yield line.format("p-axis", _LEFT, _WIDTH - _RIGHT, bottom, bottom)


def _lane(lane: Lane, scale: _Scale, top: float) -> Markup:
    middle = top + _LANE / 2
    # One path for all marks: there may be thousands.
    places = sorted({round(scale.x(at), 1) for at in lane.times})
    marks = "".join(f"M{x} {middle - 6:.1f}v12" for x in places)
    return (
        Markup('<text class="p-small p-end" x="{:.1f}" y="{:.1f}">{}</text>').format(_LEFT - 8, middle + 4, lane.name)
        + Markup('<line class="p-grid" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>').format(_LEFT, _WIDTH - _RIGHT, middle, middle)
        + (Markup('<path class="p-marks" d="{}"/>').format(marks) if marks else Markup(""))
    )


def _picture(id: str, title: str, said: str, height: float, parts: Iterable[Markup]) -> Markup:
    return Markup(
        '<svg class="plot" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-labelledby="plot-{id}-title plot-{id}-desc">'
        '<title id="plot-{id}-title">{}</title><desc id="plot-{id}-desc">{}</desc>{}</svg>'
    ).format(_WIDTH, height, title, said, Markup("").join(parts), id=id)


def _shortened(name: str) -> str:
    return name if len(name) <= 32 else f"{name[:31].rstrip()}…"
