"""The heat map, drawn as SVG: a row for each learner, a cell for each lesson, each by its colour, its pattern and its sign.

Rows only name the cells that they show (`<use>`); each of those is drawn once, in `defs`, with the words that it stands for. So a thousand
rows are quick to make, to send and to draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

from app.services.board import WORDS, Board, Cell, Heading, Line, State

WIDTH: Final = 46  # of a cell, in pixels, with the space to the next one
HEIGHT: Final = 26

_BOX = WIDTH - 2, HEIGHT - 2
_MIDDLE = (WIDTH - 2) / 2
# Signs are drawn, not written: a path is quicker than a letter, and the same in every font.
_SIGNS: Mapping[State, str] = {
    State.COMPLETE: '<path class="k-sign" d="M17 12.5l3.4 3.6 7-8"/>',
    State.LOST: '<path class="k-sign" d="M26.4 8.6a5.6 5.6 0 1 0 1.5 4.4M27 4.6v4.2h-4.2"/>',
    State.STUCK: '<path class="k-sign" d="M7 6v7M7 16.6v.5"/>',
    State.LATE: '<path class="k-sign" d="M2.6 11.5a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0M6.2 9.6v2.1l1.2.8"/>',
}
_PATTERNS = (
    '<pattern id="k-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="k-mark" width="2" height="6"/></pattern>'
    '<pattern id="k-dots" width="6" height="6" patternUnits="userSpaceOnUse"><circle class="k-mark" cx="2" cy="2" r="1"/></pattern>'
    '<pattern id="k-waves" width="8" height="6" patternUnits="userSpaceOnUse"><path class="k-line" d="M0 3q2-3 4 0t4 0"/></pattern>'
)
_PATTERN: Mapping[State, str] = {State.STUCK: "k-hatch", State.LATE: "k-dots", State.LOST: "k-waves"}


def name_of(column: int, cell: Cell) -> str:
    """What a cell is called in the picture: two that look and say the same are one."""
    return f"{cell.state[:2]}{'l' if cell.late else ''}{column}-{cell.passed}-{cell.regressed}"


def symbols(headings: Sequence[Heading], lines: Iterable[Line]) -> dict[str, Markup]:
    """All cells that some lines show, each drawn once; by name."""
    different = {(column, cell) for line in lines for column, cell in enumerate(line.cells)}
    return {name_of(column, cell): _symbol(headings[column], column, cell) for column, cell in sorted(different)}


def legend() -> Markup:
    """The states as they are drawn, with their words."""
    examples = [Cell(state, 2, state is State.LATE, 1 if state is State.LOST else 0) for state in State]
    return Markup("").join(
        Markup(
            '<li><svg class="k-key" width="{0}" height="{1}" viewBox="0 0 {0} {1}" aria-hidden="true" focusable="false">{2}</svg> {3}</li>'
        ).format(WIDTH, HEIGHT, _drawn(each, 5), WORDS[each.state])
        for each in examples
    )


def definitions(drawn: Mapping[str, Markup]) -> Markup:
    """An invisible picture that holds the patterns and the cells."""
    return Markup(  # noqa: S704 - of our own drawings
        '<svg id="board-cells" class="k-defs" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
        + _PATTERNS
        + "".join(drawn.values())
        + "</defs></svg>"
    )


def rows(board: Board, base: str) -> Markup:
    """The rows of a page. `base` is the address of the cohort's pages."""
    kept: dict[tuple[Cell, ...], str] = {}
    return Markup("".join(row(line, board.counted, board.now, base, kept, board.headings) for line in board.lines))  # noqa: S704 - rows are escaped where they are made


def row(line: Line, counted: int, now: datetime, base: str, kept: dict[tuple[Cell, ...], str], headings: Sequence[Heading]) -> str:
    """One learner's row: safe HTML. `kept` remembers what equal lines look like."""
    cells = kept.get(line.cells)
    if cells is None:
        cells = kept[line.cells] = "".join(map(_use, enumerate(line.cells)))
    address = f"{base}/learners/{line.id}"
    said = f", stuck in {_title(line.stuck.lesson_id, headings)}" if line.stuck else ""
    return (
        f'<li id="learner-{line.id}" class="b-row"><a class="b-name" href="{address}">{escape(line.name)}'
        f'<span class="unseen">: {line.complete} of {len(line.cells)} lessons complete{escape(said)}</span></a>'
        f'<a class="b-cells" href="{address}" tabindex="-1" aria-hidden="true">'
        f'<svg width="{WIDTH * len(line.cells)}" height="{HEIGHT}" focusable="false">{cells}</svg></a>'
        f'<span class="b-done">{line.done}<span class="quiet"> of {counted}</span></span>'
        f'<span class="b-last">{ago(line.last_at, now)}</span></li>\n'
    )


def table_rows(board: Board, base: str) -> Markup:
    """The rows of a page as a table has them, in words."""
    kept: dict[tuple[Cell, ...], str] = {}
    made = []
    for line in board.lines:
        cells = kept.get(line.cells)
        if cells is None:
            pairs = zip(line.cells, board.headings, strict=True)
            cells = kept[line.cells] = "".join([f'<td class="t-{cell.state}">{in_words(cell, heading)}</td>' for cell, heading in pairs])
        stuck = f"{line.stuck.minutes} min, {line.stuck.unchanged} attempts" if line.stuck else "–"
        made.append(
            f'<tr><th scope="row"><a href="{base}/learners/{line.id}">{escape(line.name)}</a></th>{cells}'
            f'<td class="number">{line.done} of {board.counted}</td><td>{ago(line.last_at, board.now)}</td><td>{stuck}</td></tr>\n'
        )
    return Markup("".join(made))  # noqa: S704 - names are escaped, the rest is our own words


@lru_cache(maxsize=8192)
def _use(placed: tuple[int, Cell]) -> str:
    """A cell of a row: the one that is drawn already."""
    return f'<use href="#{name_of(*placed)}"/>'


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago something was, in a word or two; a dash for what never was."""
    if at is None:
        return "–"
    gone = now - at
    if gone < timedelta(minutes=1):
        return "just now"
    if gone < timedelta(hours=1):
        return f"{gone // timedelta(minutes=1)} min ago"
    return f"{gone // timedelta(hours=1)} h ago" if gone < timedelta(hours=48) else f"{gone.days} days ago"


def news(line: Line, headings: Sequence[Heading]) -> str:
    """What a row says now, as a sentence to be heard."""
    said = f"{line.name}: {line.done} objectives passed, {line.complete} lessons complete"
    return f"{said}, stuck in {_title(line.stuck.lesson_id, headings)}." if line.stuck else f"{said}."


def _title(lesson_id: str, headings: Sequence[Heading]) -> str:
    return next((heading.title for heading in headings if heading.id == lesson_id), lesson_id)


def in_words(cell: Cell, heading: Heading) -> str:
    """What a cell stands for: `stuck, 2 of 7 (late)`."""
    words = WORDS[cell.state]
    if cell.state is State.LOST:
        return f"complete, {cell.regressed} lost since"
    if cell.state in (State.BEGUN, State.STUCK, State.LATE):
        words += f", {cell.passed} of {heading.counted}"
    return f"{words}, late" if cell.late and cell.state is not State.LATE else words


def _symbol(heading: Heading, column: int, cell: Cell) -> Markup:
    return Markup('<g id="{}" transform="translate({} 0)"><title>{}: {}</title>{}</g>').format(
        name_of(column, cell), column * WIDTH, heading.title, in_words(cell, heading), _drawn(cell, heading.counted)
    )


def _drawn(cell: Cell, counted: int) -> Markup:
    width, height = _BOX
    state = cell.state
    parts = [f'<rect class="k k-{state}" x=".5" y=".5" width="{width}" height="{height}" rx="3"/>']
    if state in _PATTERN:
        parts.append(f'<rect x=".5" y=".5" width="{width}" height="{height}" rx="3" fill="url(#{_PATTERN[state]})"/>')
    if state in (State.BEGUN, State.STUCK, State.LATE):
        if cell.passed:
            share = min(1.0, cell.passed / max(counted, 1))
            parts.append(f'<rect class="k-bar" x="3" y="{height - 4}" width="{(width - 6) * share:.0f}" height="3"/>')
        place = f'k-count k-beside" x="{width - 1}' if state in _SIGNS else f'k-count" x="{_MIDDLE}'
        parts.append(f'<text class="{place}" y="15">{cell.passed}/{counted}</text>')
    return Markup("".join([*parts, _SIGNS.get(state, "")]))  # noqa: S704 - nothing but our own drawings
