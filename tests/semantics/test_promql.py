"""PromQL: which series an expression reads, what is no part of that, and what is not understood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.promql import (
    Binary,
    Call,
    Matcher,
    Negative,
    NotUnderstood,
    Number,
    Selector,
    Shifted,
    calls,
    fits_pattern,
    inside,
    parse,
    selectors,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        pytest.param("up", ["up"], id="name"),
        pytest.param("up == 0", ["up"], id="comparison"),
        pytest.param('up{job="a", instance!~"b.*",}', ["up"], id="matchers with a comma at the end"),
        pytest.param('{__name__="up"}', ["up"], id="name as a label"),
        pytest.param('{"up", job="a"}', ["up"], id="name in quotes"),
        pytest.param('{"http.requests"}', ["http.requests"], id="name with a dot"),
        pytest.param('{job="a"}', [None], id="no name"),
        pytest.param('process_open_fds{state="up"}', ["process_open_fds"], id="string"),
        pytest.param("requests{path='up == 0 # \\' x'}", ["requests"], id="string with everything in it"),
        pytest.param("requests{path=`\\up`}", ["requests"], id="raw string"),
        pytest.param("# up\nrequests # down\n > 1", ["requests"], id="comments"),
        pytest.param("rate(requests[5m])", ["requests"], id="range"),
        pytest.param("rate(requests[5m] offset 1h)", ["requests"], id="offset after a range"),
        pytest.param("requests offset -1h30m", ["requests"], id="offset back"),
        pytest.param("requests @ 1609746000 offset 5m", ["requests"], id="moment"),
        pytest.param("requests @ end()", ["requests"], id="moment by name"),
        pytest.param("max_over_time(rate(requests[5m])[1h:1m])", ["requests"], id="subquery"),
        pytest.param("rate((requests[5m] offset 1h))", ["requests"], id="range in parentheses"),
        pytest.param("max_over_time(rate(requests[5m])[1h:])", ["requests"], id="subquery without a step"),
        pytest.param("sum by (up, job) (requests)", ["requests"], id="labels before"),
        pytest.param("SUM(requests) WITHOUT (up)", ["requests"], id="labels after, in capitals"),
        pytest.param("topk(3, up)", ["up"], id="parameter"),
        pytest.param("count_values('version', up)", ["up"], id="string as parameter"),
        pytest.param("a / on(x) group_left(up) b", ["a", "b"], id="matching"),
        pytest.param("a and ignoring(up) b unless c or d", ["a", "b", "c", "d"], id="sets"),
        pytest.param("up == bool 0", ["up"], id="bool"),
        pytest.param("-up ^ 2 % 5", ["up"], id="arithmetic"),
        pytest.param("absent(up{job='a'})", ["up"], id="absent"),
        pytest.param("absent", ["absent"], id="a metric that is called as a function"),
        pytest.param("sum + rate", ["sum", "rate"], id="metrics that are called as others are"),
        pytest.param(":node:up:sum", [":node:up:sum"], id="name with colons"),
        pytest.param("label_replace(up, 'a', '$1', 'b', '(.*)')", ["up"], id="strings as arguments"),
        pytest.param("time() - 3600 > 1h", [], id="no series at all"),
        pytest.param("1.5e3 + 0x1F + .5 + Inf + 1_000", [], id="numbers"),
    ],
)
def test_series_that_are_read(text: str, metrics: list[str | None]) -> None:
    assert [selector.metric for selector in selectors(parse(text))] == metrics


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "where a metric or a value belongs", id="empty"),
        pytest.param("# up", "where a metric or a value belongs", id="comment alone"),
        pytest.param("up ==", "where a metric or a value belongs", id="half a comparison"),
        pytest.param("up = 0", "`up` after its end|`=` after its end|means nothing there", id="assignment"),
        pytest.param("up up", "`up` after its end", id="two names"),
        pytest.param("(up", "where `)` belongs", id="parenthesis open"),
        pytest.param("up)", "`)` after its end", id="parenthesis closed"),
        pytest.param("up{job=a}", "where a string belongs", id="no quotes"),
        pytest.param("up{job}", "after the label `job`", id="no value"),
        pytest.param('up{job="a" x="b"}', "where `}` belongs", id="no comma"),
        pytest.param('up{job="a}', "a string that does not end", id="open string"),
        pytest.param(r'up{job="\q"}', "an escape", id="odd escape"),
        pytest.param("rate(requests[5])[", "where a duration", id="half a range"),
        pytest.param("rate(requests[5x])", "where", id="odd unit"),
        pytest.param("rate(requests[1m1h])", "no duration", id="units the wrong way round"),
        pytest.param("is_down(up)", "`is_down`, which is no function", id="unknown function"),
        pytest.param("topk(up)", "`topk` with 1 arguments", id="parameter missing"),
        pytest.param("absent(up, 5m)", "`absent` with 2 arguments where it takes 1", id="function with an argument too many"),
        pytest.param("time(up)", "`time` with 1 arguments where it takes 0", id="function without arguments"),
        pytest.param("round()", "`round` with 0 arguments where it takes 1 or 2", id="function without its argument"),
        pytest.param("label_join(up, 'a')", "where it takes 3 or more", id="function with any number of arguments"),
        pytest.param("sum(up, 1)", "`sum` with 2 arguments", id="argument too many"),
        pytest.param("avg_over_time(up)", "`avg_over_time` without a range", id="no range"),
        pytest.param("quantile_over_time(0.5, up)", "without a range", id="no range after a parameter"),
        pytest.param("up[5m]", "a range such as `[5m]` where", id="range alone"),
        pytest.param("up[5m] == 0", "a range such as `[5m]` where", id="range compared"),
        pytest.param("sum(up[5m])", "a range such as `[5m]` where", id="range added up"),
        pytest.param("abs((up[5m] offset 1m))", "a range such as `[5m]` where", id="range in parentheses"),
        pytest.param("-up[5m]", "a range such as `[5m]` where", id="range with a sign"),
        pytest.param("rate(up[5m][5m])", "a range such as `[5m]` where", id="range of a range"),
        pytest.param("up + bool 1", "`bool` after `+`", id="bool where nothing is compared"),
        pytest.param("'a' == 'a'", "a string beside", id="strings compared"),
        pytest.param("{}", "without a metric's name", id="everything"),
        pytest.param('{job=~".*"}', "without a metric's name", id="everything by pattern"),
        pytest.param("sum by (job up)", "in a list of labels", id="labels without a comma"),
        pytest.param("up ; down", "`;`, which means nothing there", id="semicolon"),
        pytest.param("(" * 100 + "up" + ")" * 100, "nested too deeply", id="depth"),
        pytest.param("up" + " + up" * 300, "more than 200 operators", id="length"),
        pytest.param("x" * 20_000, "longer than", id="size"),
    ],
)
def test_what_is_not_understood_is_told(text: str, why: str) -> None:
    with pytest.raises(NotUnderstood) as raised:
        parse(text)
    assert any(part in str(raised.value) for part in why.split("|")), str(raised.value)


def test_operators_bind_as_in_prometheus() -> None:
    a, b, c = (Selector(name, ()) for name in "abc")
    assert parse("a or b and c") == Binary("or", a, Binary("and", b, c))
    assert parse("a - b - c") == Binary("-", Binary("-", a, b), c)
    assert parse("a ^ b ^ c") == Binary("^", a, Binary("^", b, c))
    assert parse("a + b > c") == Binary(">", Binary("+", a, b), c)
    assert parse("a > bool b") == Binary(">", a, b, keeps_all=True)
    assert parse("-a ^ b") == Negative(Binary("^", a, b))
    assert parse("-a * b") == Binary("*", Negative(a), b)
    assert parse("1h30m") == Number(5400)
    assert parse("-a offset 5m @ end()") == Negative(Shifted(a))
    assert parse("a > b @ 5") == Binary(">", a, Shifted(b))


def test_matchers_are_kept_without_the_name() -> None:
    found = parse(r"""{__name__="up",job='a\x41é',pod!~`\d+`}""")
    assert found == Selector("up", (Matcher("job", "=", "aAé"), Matcher("pod", "!~", r"\d+")))


def test_calls_are_found_by_name() -> None:
    found = parse("sum(rate(a[5m])) / sum by (x) (irate(b[5m]))")
    assert [call.name for call in calls(found, "rate", "irate")] == ["rate", "irate"]
    assert [(part.grouped, part.aggregates) for part in inside(found) if isinstance(part, Call) and part.name == "sum"] == [
        (False, True),
        (True, True),
    ]


@pytest.mark.parametrize(
    ("operator", "written", "value", "accepted"),
    [
        pytest.param("=", "a", "a", True, id="equal"),
        pytest.param("=", "a", "", False, id="missing label"),
        pytest.param("!=", "a", "", True, id="missing label is not equal"),
        pytest.param("=~", "a.*", "abc", True, id="pattern"),
        pytest.param("=~", "b", "abc", False, id="anchored"),
        pytest.param("=~", "a|abc", "abc", True, id="alternatives"),
        pytest.param("!~", "a(b|x)c", "abc", False, id="group"),
        pytest.param("=~", "[a-c]+", "abc", True, id="set"),
        pytest.param("=~", "(a*)*", "abc", None, id="a group that repeats"),
        pytest.param("=~", "a{1,3}", "abc", None, id="a count"),
        pytest.param("=~", "(?i)ABC", "abc", None, id="a flag"),
        pytest.param("=~", "(", "abc", None, id="no pattern"),
        pytest.param("=~", ".*.*.*.*.*x", "abc", None, id="too many repetitions"),
    ],
)
def test_matchers(operator: str, written: str, value: str, accepted: bool | None) -> None:
    assert Matcher("label", operator, written).accepts(value) is accepted


@given(st.text(alphabet="ab(|)*+?.[]{}\\^$1,", max_size=12))
def test_patterns_never_raise(pattern: str) -> None:
    assert fits_pattern(pattern, "rag-engine-api") in (True, False, None)


_PARTS = (*"{}()[]:=-@,#", "up", "5m", "1", '"a"', "=~", "sum", "by", "rate", "or", "offset", "bool")


@given(st.text(max_size=40) | st.lists(st.sampled_from(_PARTS), max_size=15).map(" ".join))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except NotUnderstood:
        return
    assert list(inside(found))


_WRAPPED = (("(", ")"), ("sum by (x) (", ")"), ("(", ") > 1"), ("1 - (", ")"), ("-(", ")"))


@st.composite
def expressions(draw: Draw) -> str:
    text = str(draw(st.sampled_from(["up", "a:b", "absent", "http_requests_total"])))
    text += str(draw(st.sampled_from(["", "{}", '{job="x"}', '{job=~"x|y",pod!=""}', " offset 5m"])))
    for before, after in draw(st.lists(st.sampled_from(_WRAPPED), max_size=5)):
        text = f"{before}{text}{after}"
    return text


@given(expressions(), st.sampled_from(["  ", "\n", "\t", " # note\n"]))
def test_blanks_and_comments_change_nothing(text: str, blank: str) -> None:
    assert parse(f"{blank}{text.replace(' ', blank)}{blank}") == parse(text)
