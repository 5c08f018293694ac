"""Pages of metrics: how many samples they hold, and where they are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.exposition import Exposition, read_exposition


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param("# HELP a b\n\n# TYPE a counter\n", 0, id="comments alone"),
        pytest.param("up 1", 1, id="no end of line"),
        pytest.param("up 1\r\nup 2\r\n", 2, id="windows"),
        pytest.param('a{b="c",d="e,}\\"f\\n"} 1e-3\n', 1, id="labels"),
        pytest.param('a{b="c",} 1\n', 1, id="comma at the end"),
        pytest.param("a{} +Inf\n", 1, id="no labels, infinity"),
        pytest.param("a NaN 1700000000000\n", 1, id="time stamp"),
        pytest.param('a_total 1 # {trace_id="x"} 0.5 1700000000.5\n# EOF\n', 1, id="exemplar"),
        pytest.param("a:b:c\t-1", 1, id="name of a rule"),
    ],
)
def test_pages(text: str, samples: int) -> None:
    assert read_exposition(text) == Exposition(samples, None)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("<html>", 1, id="web page"),
        pytest.param('{"a": 1}', 1, id="json"),
        pytest.param("up 1\nup\n", 2, id="no value"),
        pytest.param("up one", 1, id="value in words"),
        pytest.param("up{a=b} 1", 1, id="no quotes"),
        pytest.param("1up 1", 1, id="name that begins with a digit"),
        pytest.param("up 1 2 3", 1, id="too much"),
        pytest.param("up" + " " * 9_000 + "{", 1, id="blanks before half a list"),
        pytest.param('up{a="b"' + " " * 9_000 + "!", 1, id="blanks in half a list"),
        pytest.param("up 1" + " " * 9_000 + "x", 1, id="blanks before something"),
        pytest.param("up " + "1" * 20_000, 1, id="endless line"),
    ],
)
def test_lines_that_are_no_sample(text: str, line: int) -> None:
    assert read_exposition(text).broken == line


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    page = read_exposition(text)
    assert page.samples >= 0
    assert page.broken is None or page.broken >= 1


@given(st.lists(st.tuples(st.from_regex(r"[a-z_:][a-z0-9_:]{0,8}", fullmatch=True), st.floats()), max_size=5))
def test_every_sample_counts(samples: list[tuple[str, float]]) -> None:
    assert read_exposition("".join(f"{name} {value}\n" for name, value in samples)) == Exposition(len(samples), None)
