"""PromQL: which series an expression reads, and with which functions.

The grammar is that of Prometheus 3 (https://prometheus.io/docs/prometheus/latest/querying/basics/, operators/ and functions/), without
its experimental parts. What is not understood is told as such and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from graders.semantics.durations import prometheus_duration

_FUNCTION_NAMES = """
abs absent absent_over_time acos acosh asin asinh atan atanh avg_over_time ceil changes clamp clamp_max clamp_min cos cosh
count_over_time day_of_month day_of_week day_of_year days_in_month deg delta deriv double_exponential_smoothing exp first_over_time
floor histogram_avg histogram_count histogram_fraction histogram_quantile histogram_stddev histogram_stdvar histogram_sum holt_winters
hour idelta increase info irate label_join label_replace last_over_time ln log10 log2 mad_over_time max_over_time min_over_time minute
month pi predict_linear present_over_time quantile_over_time rad rate resets round scalar sgn sin sinh sort sort_by_label
sort_by_label_desc sort_desc sqrt stddev_over_time stdvar_over_time sum_over_time tan tanh time timestamp ts_of_first_over_time
ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time vector year
"""
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_RANGE_NAMES = "changes delta deriv double_exponential_smoothing holt_winters idelta increase irate predict_linear rate resets"
_OVER_RANGES = frozenset(_RANGE_NAMES.split()) | {name for name in _FUNCTIONS if name.endswith("_over_time")}
_MOST = 50  # arguments, of functions that take any number
# The fewest and the most arguments of functions that do not take just one.
_ARGUMENTS: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("pi", "time"), (0, 0)),
    **dict.fromkeys(["day_of_month", "day_of_week", "day_of_year", "days_in_month", "hour", "minute", "month", "year"], (0, 1)),
    **dict.fromkeys(("info", "round"), (1, 2)),
    **dict.fromkeys(("clamp_max", "clamp_min", "histogram_quantile", "predict_linear", "quantile_over_time"), (2, 2)),
    **dict.fromkeys(("clamp", "double_exponential_smoothing", "histogram_fraction", "holt_winters"), (3, 3)),
    **dict.fromkeys(("sort_by_label", "sort_by_label_desc"), (1, _MOST)),
    "label_join": (3, _MOST),
    "label_replace": (5, 5),
}
_PARAMETRISED = frozenset(("topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"))
_AGGREGATIONS = _PARAMETRISED | {"sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"}
# By how tightly they bind, from https://prometheus.io/docs/prometheus/latest/querying/operators/#binary-operator-precedence.
_BINDING = {
    "or": 1,
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(("==", "!=", "<=", "<", ">=", ">"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
COMPARISONS = frozenset(("==", "!=", "<=", "<", ">=", ">"))
_MOST_CHARACTERS = 10_000
_MOST_OPERATORS = 200
_DEEPEST = 50

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\n]+ | \#[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `[^`]*`)
  | (?P<duration>[0-9]+(?:ms|[smhdwy])(?:[0-9]+(?:ms|[smhdwy]))*(?![\w.]))
  | (?P<number>0[xX][0-9a-fA-F]+ | (?:[0-9][0-9_]*\.?[0-9]* | \.[0-9]+)(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[A-Za-z_:][\w:]*)
  | (?P<mark>==|!=|=~|!~|<=|>=|[-+*/%^<>=(){}\[\],@:])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{3}))")


class NotUnderstood(ValueError):
    """The text is no PromQL, or one that this module does not read. Its message says why, in half a sentence."""


class Matcher(NamedTuple):
    """One label matcher: `operator` is `=`, `!=`, `=~` or `!~`."""

    label: str
    operator: str
    value: str

    def accepts(self, value: str) -> bool | None:
        """Whether a label of this value (empty for a missing label) passes; None when the pattern is not understood."""
        if self.operator in ("=", "!="):
            return (value == self.value) == (self.operator == "=")
        found = fits_pattern(self.value, value)
        return None if found is None else found == (self.operator == "=~")


class Number(NamedTuple):
    """A number, or a duration in its place, in seconds."""

    value: float


class String(NamedTuple):
    """A string as an argument, quotes and escapes resolved."""

    value: str


class Selector(NamedTuple):
    """Series chosen by labels. `metric` is their exact name, None where none is given."""

    metric: str | None
    matchers: tuple[Matcher, ...]


class Call(NamedTuple):
    """A function or an aggregation, and its arguments. `grouped` tells an aggregation with `by` or `without`."""

    name: str
    arguments: tuple[Expression, ...]
    grouped: bool = False

    @property
    def aggregates(self) -> bool:
        """Whether it is an aggregation."""
        return self.name in _AGGREGATIONS


class Binary(NamedTuple):
    """Two operands and the operator between them. `keeps_all` tells a comparison with `bool`, which gives 0 or 1 for every series."""

    operator: str
    left: Expression
    right: Expression
    keeps_all: bool = False


class Negative(NamedTuple):
    """An expression with a minus before it."""

    operand: Expression


class Shifted(NamedTuple):
    """An expression at another time: with an `offset`, or at a moment after `@`."""

    operand: Expression


Expression = Number | String | Selector | Call | Binary | Negative | Shifted


class _Range(NamedTuple):
    """An expression over a stretch of time, which only some functions take."""

    operand: Expression


def _instant(found: Expression | _Range) -> Expression:
    if isinstance(found, _Range):
        raise NotUnderstood("a range such as `[5m]` where values of one moment belong")
    return found


def parse(text: str) -> Expression:
    """The expression. Ranges and subqueries are left out once they are where they belong: they do not change which series are read.

    Raises NotUnderstood.
    """
    if len(text) > _MOST_CHARACTERS:
        raise NotUnderstood(f"longer than {_MOST_CHARACTERS:,} characters")
    reader = _Reader(tuple(_tokens(text)))
    found = _instant(reader.expression(0))
    if reader.next.kind != "end":
        raise NotUnderstood(f"`{reader.next.text}` after its end")
    return found


def inside(expression: Expression) -> Iterator[Expression]:
    """The expression and everything in it, from the outside in."""
    yield expression
    match expression:
        case Call():
            for argument in expression.arguments:
                yield from inside(argument)
        case Binary():
            yield from inside(expression.left)
            yield from inside(expression.right)
        case Negative() | Shifted():
            yield from inside(expression.operand)


def selectors(expression: Expression) -> Iterator[Selector]:
    """Every choice of series in an expression, from left to right."""
    return (part for part in inside(expression) if isinstance(part, Selector))


def calls(expression: Expression, *names: str) -> Iterator[Call]:
    """The calls of those functions or aggregations in an expression."""
    return (part for part in inside(expression) if isinstance(part, Call) and part.name in names)


def fits_pattern(pattern: str, value: str) -> bool | None:
    """Whether a pattern of Prometheus (RE2, anchored at both ends) fits the whole of `value`.

    None for patterns beyond the plain ones, of which Python's own might take for ever: groups that repeat, counts, flags.
    """
    plain = re.sub(r"\\.|\[\^?(?:\w(?:-\w)?|[.:/])+-?\]", "x", pattern)
    if len(pattern) > 200 or sum(plain.count(mark) for mark in "*+?") > 4 or re.search(r"\)[*+?]|\(\?|[*+?]{2}|[{}\[\]\\]", plain):
        return None
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        return None


class _Token(NamedTuple):
    kind: str
    text: str

    def is_word(self, *words: str) -> bool:
        return self.kind == "name" and self.text.lower() in words


_END = _Token("end", "its end")


def _tokens(text: str) -> Iterator[_Token]:
    at, in_range = 0, False
    while at < len(text):
        if in_range and text[at] == ":":  # elsewhere it is a letter: a metric's name may begin with it
            yield _Token("mark", ":")
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            quote = text[at] in "\"'`"
            raise NotUnderstood("a string that does not end" if quote else f"`{text[at]}`, which means nothing there")
        at = match.end()
        in_range = match[0] == "[" or (in_range and match[0] != "]")
        if match.lastgroup != "blank":
            yield _Token(match.lastgroup or "", match[0])


def _unquoted(text: str) -> str:
    body = text[1:-1]
    if text[0] == "`":
        return body
    if "\\" in _ESCAPE.sub("", body):
        raise NotUnderstood(f"an escape in {text} that means nothing")

    def resolve(match: re.Match[str]) -> str:
        letter, byte, point, octal = match.groups()
        if letter is not None:
            return _ESCAPES.get(letter, letter)
        return chr(int(octal, 8) if octal is not None else int(byte or point, 16))

    return _ESCAPE.sub(resolve, body)


class _Reader:
    """Reads tokens by recursive descent; operators by how tightly they bind."""

    def __init__(self, tokens: tuple[_Token, ...]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._operators = 0

    @property
    def next(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take(self) -> _Token:
        token = self.next
        self._at += 1
        return token

    def _take_if(self, mark: str) -> bool:
        if self.next == _Token("mark", mark):
            self._at += 1
            return True
        return False

    def _need(self, mark: str) -> None:
        if not self._take_if(mark):
            raise NotUnderstood(f"{self._shown()} where `{mark}` belongs")

    def _shown(self) -> str:
        return self.next.text if self.next is _END else f"`{self.next.text}`"

    def expression(self, weakest: int) -> Expression | _Range:
        """An expression whose operators all bind more tightly than `weakest`."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotUnderstood("nested too deeply")
        left = self._operand()
        while (binding := self._binding()) > weakest:
            operator = self._take().text.lower()
            self._operators += 1
            if self._operators > _MOST_OPERATORS:
                raise NotUnderstood(f"more than {_MOST_OPERATORS} operators")
            keeps_all = self._modifiers(operator)
            left, right = _instant(left), _instant(self.expression(binding - 1 if operator == "^" else binding))
            if isinstance(left, String) or isinstance(right, String):
                raise NotUnderstood(f"a string beside `{operator}`")
            left = Binary(operator, left, right, keeps_all)
        self._depth -= 1
        return left

    def _binding(self) -> int:
        if self.next.kind in ("mark", "name"):
            return _BINDING.get(self.next.text.lower(), 0)
        return 0

    def _modifiers(self, operator: str) -> bool:
        """`bool`, `on (…)`, `ignoring (…)`, `group_left (…)`: whether there was a `bool`."""
        keeps_all = self.next.is_word("bool")
        if keeps_all:
            if operator not in COMPARISONS:
                raise NotUnderstood(f"`bool` after `{operator}`")
            self._take()
        if self.next.is_word("on", "ignoring"):
            self._take()
            self._labels()
            if self.next.is_word("group_left", "group_right"):
                self._take()
                if self.next == _Token("mark", "("):
                    self._labels()
        return keeps_all

    def _labels(self) -> None:
        self._need("(")
        while not self._take_if(")"):
            if self._take().kind not in ("name", "string"):
                raise NotUnderstood("a list of labels that holds something else")
            if not self._take_if(",") and self.next != _Token("mark", ")"):
                raise NotUnderstood(f"{self._shown()} in a list of labels")

    def _operand(self) -> Expression | _Range:
        if self._take_if("-"):
            return Negative(self._signed())
        if self._take_if("+"):
            return self._signed()
        return self._ranged(self._atom())

    def _signed(self) -> Expression:
        return _instant(self.expression(_BINDING["*"]))  # a sign binds less tightly than `^`, and more than all others

    def _atom(self) -> Expression | _Range:
        if self._take_if("("):
            found = self.expression(0)
            self._need(")")
            return found
        if self.next == _Token("mark", "{"):
            return self._selector(None)
        token = self._take()
        match token.kind:
            case "string":
                return String(_unquoted(token.text))
            case "number":
                return Number(_number(token.text))
            case "duration":
                return Number(_seconds(token.text))
            case "name":
                return self._named(token)
        raise NotUnderstood(f"{token.text if token is _END else f'`{token.text}`'} where a metric or a value belongs")

    def _named(self, token: _Token) -> Expression:
        calls = self.next == _Token("mark", "(")
        name = token.text.lower()
        if name in _AGGREGATIONS and (calls or self.next.is_word("by", "without")):
            return self._aggregation(name)
        if calls:
            if token.text not in _FUNCTIONS:
                raise NotUnderstood(f"`{token.text}`, which is no function of Prometheus")
            arguments = self._arguments(of=token.text, over_range=token.text in _OVER_RANGES)
            fewest, most = _ARGUMENTS.get(token.text, (1, 1))
            _count(token.text, arguments, fewest, most)
            return Call(token.text, arguments)
        if name in ("inf", "nan"):
            return Number(float(name))
        if name in _BINDING and name != "atan2":
            raise NotUnderstood(f"`{token.text}` where a metric or a value belongs")
        return self._selector(token.text)

    def _aggregation(self, name: str) -> Call:
        grouped = self._grouping()
        arguments = self._arguments(of=name)
        wanted = 2 if name in _PARAMETRISED else 1
        _count(name, arguments, wanted, wanted)
        return Call(name, arguments, grouped or self._grouping())

    def _grouping(self) -> bool:
        if not self.next.is_word("by", "without"):
            return False
        self._take()
        self._labels()
        return True

    def _arguments(self, of: str, *, over_range: bool = False) -> tuple[Expression, ...]:
        self._need("(")
        found: list[Expression | _Range] = []
        while not self._take_if(")"):
            found.append(self.expression(0))
            if not self._take_if(",") and self.next != _Token("mark", ")"):
                raise NotUnderstood(f"{self._shown()} where `)` belongs")
        if not over_range:
            return tuple(map(_instant, found))
        if sum(isinstance(each, _Range) for each in found) != 1:
            raise NotUnderstood(f"`{of}` without a range such as `[5m]` after the metric")
        return tuple(each.operand if isinstance(each, _Range) else each for each in found)

    def _selector(self, metric: str | None) -> Selector:
        matchers: list[Matcher] = []
        if self._take_if("{"):
            while not self._take_if("}"):
                token = self._take()
                if token.kind not in ("name", "string"):
                    raise NotUnderstood(f"`{token.text}` where a label belongs")
                label = _unquoted(token.text) if token.kind == "string" else token.text
                operator = self.next.text
                if operator in ("=", "!=", "=~", "!~"):
                    self._take()
                    value = self._take()
                    if value.kind != "string":
                        raise NotUnderstood(f"`{value.text}` after `{label}{operator}` where a string belongs")
                    matchers.append(Matcher(label, operator, _unquoted(value.text)))
                elif token.kind == "string" and metric is None:
                    metric = label
                else:
                    raise NotUnderstood(f"{self._shown()} after the label `{label}`")
                if not self._take_if(",") and self.next != _Token("mark", "}"):
                    raise NotUnderstood(f"{self._shown()} where `}}` belongs")
        if metric is None:
            metric = next((each.value for each in matchers if each[:2] == ("__name__", "=")), None)
        if metric is None and all(each.accepts("") for each in matchers):
            raise NotUnderstood("a selector without a metric's name, which Prometheus refuses")
        return Selector(metric, tuple(each for each in matchers if each[:2] != ("__name__", "=")))

    def _ranged(self, found: Expression | _Range) -> Expression | _Range:
        """`[5m]`, `[1h:5m]`, `offset 5m` and `@ 0` after an expression."""
        shifted = False
        while True:
            if self._take_if("["):
                found = _Range(_instant(found))
                self._span()
                if self._take_if(":") and self.next != _Token("mark", "]"):
                    self._span()
                self._need("]")
            elif self.next.is_word("offset"):
                shifted = True
                self._take()
                if not self._take_if("-"):
                    self._take_if("+")
                self._span()
            elif self._take_if("@"):
                shifted = True
                self._moment()
            else:
                if not shifted:
                    return found
                return _Range(Shifted(found.operand)) if isinstance(found, _Range) else Shifted(found)

    def _span(self) -> None:
        token = self._take()
        if token.kind not in ("duration", "number"):
            raise NotUnderstood(f"`{token.text}` where a duration such as `5m` belongs")
        if token.kind == "duration":
            _seconds(token.text)

    def _moment(self) -> None:
        self._take_if("-")
        token = self._take()
        if token.is_word("start", "end"):
            self._need("(")
            self._need(")")
        elif token.kind != "number":
            raise NotUnderstood(f"`{token.text}` after `@`")


def _count(name: str, arguments: tuple[Expression, ...], fewest: int, most: int) -> None:
    if not fewest <= len(arguments) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} or more" if most == _MOST else f"{fewest} or {most}"
        raise NotUnderstood(f"`{name}` with {len(arguments)} arguments where it takes {wanted}")


def _number(text: str) -> float:
    digits = text.replace("_", "")
    return float(int(digits, 16)) if digits[:2] in ("0x", "0X") else float(digits)


def _seconds(text: str) -> float:
    amount = prometheus_duration(text)
    if amount is None:
        raise NotUnderstood(f"`{text}`, which is no duration")
    return amount / 1e9
