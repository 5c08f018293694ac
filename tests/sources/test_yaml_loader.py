"""One document as kubectl sees it: held against tables, against other dumpers, against hostile input, and against kubectl itself."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graders.sources.yaml_loader import MAX_DEPTH, Document, LimitReached, SyntaxFault, YamlFault, load
from tests.sources.test_yaml_positions import dump, trees
from tests.sources.test_yaml_scalars import KEYS, MISFITS, NO_KEYS, NO_VALUES, TAGGED, VALUES

MAX_NODES = 100_000


def read(text: str | bytes, first_line: int = 1, max_nodes: int = MAX_NODES) -> Document:
    return load(text.encode() if isinstance(text, str) else text, max_nodes, first_line)


def fault(text: str | bytes, **limits: int) -> YamlFault:
    with pytest.raises(YamlFault) as raised:
        read(text, **limits)
    return raised.value


# What kubectl accepts, and what it makes of it

DOCUMENTS: dict[str, tuple[str, Any]] = {
    "nothing": ("", None),
    "only a comment": ('# a "\\/" ?\n', None),
    "one scalar": ("1\n", 1),
    "one tagged scalar": ("!!str 1\n", "1"),
    "kubectl's booleans": ("a: yes\nb: off\ny: n\n", {"a": True, "b": False, "true": False}),
    "quotes make text": ("a: 'yes'\nb: \"1\"\n'y': ''\n", {"a": "yes", "b": "1", "y": ""}),
    "no value": ("a:\nb: ~\nc: []\n", {"a": None, "b": None, "c": []}),
    "numbers as keys": ("{1: a, 1.5: b, 0x10: c}\n", {"1": "a", "1.5": "b", "16": "c"}),
    "flow style": ("a: {b: [1, 'x', {c: d}], e: {}}\n", {"a": {"b": [1, "x", {"c": "d"}], "e": {}}}),
    "flow style over lines": ("a: [1,\n  2\n  , 3,]\n", {"a": [1, 2, 3]}),
    "pairs in a list": ("a: [b: 1, c]\n", {"a": [{"b": 1}, "c"]}),
    "JSON": ('{"a": [1.5, true, null, "\\u00e9\\/"]}', {"a": [1.5, True, None, "é/"]}),
    "list beside its key": ("a:\n- 1\n-\n  - 2\n", {"a": [1, [2]]}),
    "item that is a map": ("- a: 1\n  b: 2\n-   c: 3\n", [{"a": 1, "b": 2}, {"c": 3}]),
    "key with a question mark": ("? a\n: 1\n? b\n", {"a": 1, "b": None}),
    "literal": ("a: |\n  one\n   two\n\n  # three\nb: |-\n  x\nc: |+\n  x\n\n", {"a": "one\n two\n\n# three\n", "b": "x", "c": "x\n\n"}),
    "folded": ("a: >\n  one\n  two\n\n  three\nb: >-\n  x\n  y\n", {"a": "one two\nthree\n", "b": "x y"}),
    "literal with its indentation": ("a: |2\n    x\n", {"a": "  x\n"}),
    "literal at the end of a file": ("a: |\n  x", {"a": "x\n"}),
    "literal without its break at the end of a file": ("a: |-\n  x", {"a": "x"}),
    "plain text over lines": ("a: one\n  two\n\n  three\n", {"a": "one two\nthree"}),
    "quoted text over lines": ("a: \"one\n  two\\\n  three\"\nb: 'it''s'\n", {"a": "one twothree", "b": "it's"}),
    "comments": ("# a\na: 1 # b\n# c\nb: x#y\nc: '#'\n", {"a": 1, "b": "x#y", "c": "#"}),
    "Windows line ends": ("a:\r\n  b: 1\r\n  c: |\r\n    x\r\n    y\r\n", {"a": {"b": 1, "c": "x\ny\n"}}),
    "tab after a colon": ("a:\t1\nb: 2\t# c\n", {"a": 1, "b": 2}),
    "tab in text": ("a: x\ty\n", {"a": "x\ty"}),
    "colon in text": ("a: http://b:80/?c=d\n", {"a": "http://b:80/?c=d"}),
    "escape of JSON in single quotes": ("a: '\\/'\n", {"a": "\\/"}),
    "escaped backslash before a slash": ('a: "\\\\/"\n', {"a": "\\/"}),
    "question mark in quotes": ('a: ["b?c"]\n', {"a": ["b?c"]}),
    "foreign tag": ("a: !foo 1\nb: !bar [1]\n", {"a": "1", "b": [1]}),
    "tags of YAML": ("a: !!str 1\nb: !!int '1'\n!!int 2: !!map {}\n", {"a": "1", "b": 1, "2": {}}),
    "alias of text": ("a: &x b\nc: *x\n", {"a": "b", "c": "b"}),
    "alias of a map": ("a: &x {b: 1}\nc: [*x, *x]\n", {"a": {"b": 1}, "c": [{"b": 1}, {"b": 1}]}),
    "alias as a key": ("a: &x yes\n*x : 1\n", {"a": True, "true": 1}),
    "anchor on a key": ("&x 1: a\nb: *x\n", {"1": "a", "b": 1}),
    "anchor used twice": ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
    "anchor taken over inside": ("a: &x {b: &x 1}\nc: *x\n", {"a": {"b": 1}, "c": 1}),
    "anchor of nothing": ("a: &x\nb: *x\n", {"a": None, "b": None}),
    "merge": ("a: &x {b: 1, c: 1}\nd: {<<: *x, c: 2}\n", {"a": {"b": 1, "c": 1}, "d": {"b": 1, "c": 2}}),
    "merge after the field wins": ("a: &x {c: 1}\nd: {c: 2, <<: *x}\n", {"a": {"c": 1}, "d": {"c": 1}}),
    "merge of several": ("a: &x {b: 1}\nc: {<<: [*x, {b: 2, d: 2}]}\n", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
    "merge of what merges": ("a: &x {b: 1}\nc: &y {<<: *x}\nd: {<<: *y}\n", {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1}}),
    "two merges": ("{<<: {a: 1}, <<: {b: 2}}", {"a": 1, "b": 2}),
    "merge of nothing": ("a: {<<: {}, b: 1}\nc: {<<: []}\n", {"a": {"b": 1}, "c": {}}),
    "merge by its tag": ("a: {!!merge <<: {b: 1}}\n", {"a": {"b": 1}}),
    "merge key in quotes is a key": ("a: {'<<': {b: 1}}\n", {"a": {"<<": {"b": 1}}}),
    "merge key as a value": ("a: <<\n", {"a": "<<"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "data"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_document(text: str, data: Any) -> None:
    document = read(text)
    assert document.data == data
    assert json.dumps(document.data) == json.dumps(data)  # tells true from 1
    assert not document.duplicates
    assert document.ends_at is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a: 1\n...\n", None, id="an end alone"),
        pytest.param("a: 1\n...\n# b\n", None, id="a comment behind the end"),
        pytest.param("a: 1\n...\nb: 2\n", 3, id="another document behind the end"),
        pytest.param("a: 1\n--- b\n", 2, id="content behind the dashes"),
        pytest.param("a: 1\n...\n\n\t@\n", 4, id="nonsense behind the end"),
    ],
)
def test_what_follows_the_document_is_not_read(text: str, line: int | None) -> None:
    document = read(text)
    assert document.data == {"a": 1}
    assert document.ends_at == line
    assert read(text, first_line=11).ends_at == (line and line + 10)


# Keys that stand twice


@pytest.mark.parametrize(
    ("text", "duplicates"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", [(("a",), 3, 1, 1)], id="in a block"),
        pytest.param("x: {a: 1, a: 2}\n", [(("x", "a"), 1, 11, 1)], id="in braces"),
        pytest.param("a: 1\na: 2\na: 3\n", [(("a",), 2, 1, 1), (("a",), 3, 1, 2)], id="three times"),
        pytest.param("x:\n- b: 1\n- a: 1\n  a: 2\n", [(("x", 1, "a"), 4, 3, 3)], id="in a list"),
        pytest.param("1: a\n'1': b\n", [(("1",), 2, 1, 1)], id="equal in JSON only"),
        pytest.param("yes: a\non: b\n", [(("true",), 2, 1, 1)], id="both a boolean"),
        pytest.param("&k a: 1\n*k : 2\n", [(("a",), 2, 1, 1)], id="by an alias"),
        pytest.param("<<: {a: 1, a: 2}\n", [(("<<", "a"), 1, 12, 1)], id="in what is merged"),
        pytest.param("<<: {a: 1}\na: 2\n", [], id="overrides a merged one"),
        pytest.param("<<: {a: 1}\na: 2\na: 3\n", [(("a",), 3, 1, 2)], id="overrides a merged one twice"),
        pytest.param("a: 1\n<<: {a: 2}\n", [], id="overridden by a merged one"),
        pytest.param("a: {b: 1}\nc: {b: 1}\n", [], id="in two maps"),
    ],
)
def test_duplicate_keys_are_told_with_their_lines_and_the_last_one_wins(text: str, duplicates: list[Any]) -> None:
    assert read(text).duplicates == duplicates
    assert [each.line for each in read(text, first_line=5).duplicates] == [each[1] + 4 for each in duplicates]


def test_last_of_two_equal_keys_wins() -> None:
    assert read("a: 1\na: {b: 2}\n").data == {"a": {"b": 2}}


# What kubectl refuses


def _bomb(levels: int, width: int = 9) -> str:
    return "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]\n" for n in range(1, levels))


FAULTS = {
    "unknown alias": ("a: 1\nb: *c\n", (2, 4), "Quote it"),
    "alias inside of what it repeats": ("a: &x [1, *x]\n", (1, 11), "inside that one"),
    "alias inside, further down": ("a: &x\n  b:\n  - *x\n", (3, 5), "inside that one"),
    "merge of a scalar": ("a:\n  <<: 1\n", (2, 7), "merge key"),
    "merge of nothing": ("{<<: }", (1, 6), "merge key"),
    "merge of scalars": ("<<: [{}, 1]\n", (1, 11), "merge key"),
    "merge of an aliased list": ("a: &x [{b: 1}]\nc:\n  <<: *x\n", (3, 7), "merge key"),
    "list as a key": ("a:\n  ? [b]\n  : 1\n", (2, 5), "quotes"),
    "Helm": ("a: {{ .Values.b }}\n", (1, 5), "quotes"),
    "alias of a map as a key": ("a: &x {}\n*x : 1\n", (2, 1), "map or a list"),
    "no key": ("a: 1\n?\n: 1\n", (2, 2), "before the colon"),
    "null as a key": ("a: 1\n~: 2\n", (2, 1), "before the colon"),
    "tagged null as a key": ("!!null : 2\n", (1, 1), "without a name"),
    "infinity": ("a: .inf\n", (1, 4), "Infinity"),
    "tag that does not fit": ("a: !!int b\n", (1, 4), "does not fit"),
    "question mark in brackets": ("a: [b, c?d=e]\n", (1, 8), "? begins a field's name"),
    "question mark in braces": ("a:\n  {b: c?}\n", (2, 7), "? begins a field's name"),
    "escaped slash": ('a: 1\nb: "\\\\ é\\/"\n', (2, 9), "Only JSON"),
    "second byte order mark": ("a: 1\n\ufeffb: 2\n", (2, 1), "invisible character"),
    "control character": ("a: 1\né: é\x07\n", (2, 5), "does not allow"),
    "not UTF-8": (b"a: \xff\n", (1, 4), "does not allow"),
    "half a surrogate": (b"a: \xed\xa0\x80\n", (1, 4), "does not allow"),
    "aliases of aliases": (_bomb(5), (5, 10), "so often that kubectl refuses"),
}
SYNTAX = {
    "tab as indentation": ("a:\n\tb: 1\n", (2, 1), "cannot start any token"),
    "open quote": ("a: 'b\nc: d\n", (3, 1), "unexpected end of stream"),
    "open bracket": ("a: [1\nb: 2\n", (2, 2), "',' or ']'"),
    "indentation": ("a:\n  b: 1\n c: 2\n", (3, 2), "expected key"),
    "colon": ("a: b: c\n", (1, 5), "mapping values"),
    "unknown escape": ('a: "\\d"\n', (1, 5), "escape"),
    "halves of a character": ('{"a": "\\ud83d\\ude00"}', (1, 10), "Unicode"),
    "undeclared tag": ("a: !b!c d\n", (1, 4), "undefined tag"),
}


@pytest.mark.parametrize(("text", "place", "words"), FAULTS.values(), ids=FAULTS)
def test_fault_names_its_place(text: str | bytes, place: tuple[int, int], words: str) -> None:
    found = fault(text)
    assert (found.line, found.column) == place
    assert words in found.message
    assert fault(text, first_line=7).line == place[0] + 6


@pytest.mark.parametrize(("text", "place", "words"), SYNTAX.values(), ids=SYNTAX)
def test_syntax_fault_names_its_place(text: str, place: tuple[int, int], words: str) -> None:
    found = fault(text)
    assert isinstance(found, SyntaxFault)
    assert (found.line, found.column) == place
    assert words in found.problem
    assert fault(text, first_line=7).line == place[0] + 6


def test_fault_that_began_earlier_names_both_places() -> None:
    found = fault("a:\n- b\nc: 'd\n\n", first_line=3)
    assert isinstance(found, SyntaxFault)
    assert found.context_at == (5, 4)
    assert "quoted scalar" in found.context


# Properties


@given(trees, st.booleans())
def test_what_another_dumper_writes_is_read_back(tree: Any, flow: bool) -> None:
    data = read(dump(tree, flow=flow)).data
    assert json.dumps(data) == json.dumps(tree)


@given(trees, st.sampled_from([None, 2, "\t"]))
def test_json_is_read_back(tree: Any, indent: int | str | None) -> None:
    assert json.dumps(read(json.dumps(tree, indent=indent)).data) == json.dumps(tree)


@given(trees, st.booleans())
def test_nodes_are_counted_once_each(tree: Any, flow: bool) -> None:
    def count(value: Any) -> int:
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return 1 + sum(count(item) + isinstance(value, dict) for _, item in inside)

    text = dump(tree, flow=flow)
    assert read(text).nodes == count(tree)
    assert read(text, max_nodes=count(tree)).data == tree
    assert isinstance(fault(text, max_nodes=count(tree) - 1), LimitReached)


pieces = st.sampled_from(
    (
        *"ab1?:-,[]{}#&*!|>'\"%@`~\\/ \n\t",
        *("\r\n", ": ", "- ", "<<: ", "&x ", "*x", "---\n", "...\n", "!!int ", "  ", "\ufeff", "\u2028", "é"),
    )
)


texts = st.text(max_size=60) | st.lists(pieces, max_size=40).map("".join)


@given(texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40).map(lambda octets: b"#" + octets))
@example(b"#\\/")
@example(b"%TAG ! tag:x,1:\n--- !a ?")
def test_anything_is_read_or_refused_with_a_place(text: bytes) -> None:
    try:
        document = read(text, first_line=3)
    except YamlFault as error:
        found = error
    else:
        json.dumps(document.data, allow_nan=False)
        return
    assert 3 <= found.line <= 4 + len(re.findall("[\n\r\x85\u2028\u2029]", text.decode(errors="replace")))
    assert found.column >= 1
    assert found.message or isinstance(found, SyntaxFault)


# Hostile input


def _merge_bomb(levels: int) -> str:
    return "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}], k{n}: 1}}\n" for n in range(1, levels))


def _many_merges() -> str:
    return "a: &a\n" + "".join(f"  k{n}: 1\n" for n in range(1000)) + "b:\n" + "  <<: *a\n" * 10_000


HOSTILE = {
    "billion laughs": (_bomb(10), 6),
    "merge bomb": (_merge_bomb(12), 6),
    "10,000 merges of 1,000 keys": (_many_merges(), 1051),
    "alias of itself": ("a: &a [*a]\n", 1),
    "alias of itself, by way of another": ("a: &a\n  b: &b [*a, *b]\n", 2),
    "deep brackets": ("[" * 100_000, 1),
    "deep braces": ("{a: " * 100_000, 1),
    "deep lists": ("- " * 100_000, 1),
    "deep maps": ("".join(" " * n + "a:\n" for n in range(1000)), MAX_DEPTH + 1),
    "deep keys": ("? " * 100_000, None),
    "depth by aliases": ("a0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 500)), MAX_DEPTH),
    "many items": ("- 1\n" * 240_000, MAX_NODES),
    "many keys": ("".join(f"k{n}: 1\n" for n in range(90_000)), 50_000),
    "many equal keys": ("a: 1\n" * 200_000, 50_000),
    "many anchors": ("".join(f"- &a{n} 1\n" for n in range(90_000)), None),
    "long key": ("k" * 1_000_000 + ": 1\n", 1),
    "half a million digits": ("a: " + "1" * 500_000 + "\n", None),
    "long text": ("a: " + "x" * 1_000_000 + "\n", None),
    "long text in quotes": ('a: "' + "\\x41" * 250_000 + '"\n', None),
    "long block": ("a: |\n" + "  x\n" * 250_000, None),
    "long comment": ("#" * 1_000_000, None),
    "many slashes": ('a: "' + "\\\\/" * 300_000 + '"\n', None),
    "many directives": ("%A b\n" * 200_000, None),
    "200,000 documents": ("---\n" * 200_000, None),
    "200,000 documents with something in them": ("--- a\n" * 160_000, None),
}  # fmt: skip
_CHILD = """
import resource, sys
from graders.sources.yaml_loader import YamlFault, load
text = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF)
try:
    load(text, 100_000)
    told = "accepted"
except YamlFault as fault:
    told = f"{type(fault).__name__} {fault.line} {fault.column}"
after = resource.getrusage(resource.RUSAGE_SELF)
print(told, after.ru_utime - before.ru_utime, after.ru_maxrss - before.ru_maxrss, sep=";")
"""


@pytest.mark.parametrize(("text", "line"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_input_costs_little(text: str, line: int | None) -> None:
    """In a process of its own: a crash of the C library would take the tests with it. `line` is None where the outcome does not matter."""
    done = subprocess.run([sys.executable, "-c", _CHILD], input=text.encode(), capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, f"it ended with {done.returncode}: {done.stderr.decode()}"
    told, seconds, kibibytes = done.stdout.decode().strip().split(";")
    assert line is None or told.split()[1] == str(line), told
    assert float(seconds) < 2, "a generous bound, for busy machines: the cost must not grow with what the input expands to"
    assert int(kibibytes) < 100 * 1024


# kubectl itself

KUBECTL = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
# libyaml alone ends a tag at a comma or a bracket, and refuses a text of brackets that ends in a colon.
_KNOWN = re.compile(r"!\S*[,\[\]{}]|\w:[,\]}]")
FRAME = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x{}}}\ndata:\n{}"


class Writer:
    """Writes YAML of every style at random: nested blocks and flow style, anchors and aliases, merge keys, tags, comments."""

    scalars = (
        *("1", "a", "true", "yes", "null", "~", "", '"x"', "'y'", "0o17", "1e3", "1.50", "<<", '"<<"', "2001-01-01", "a b", '"a\\nb"'),
        *("!!str 1", "!foo x", "!!int 3", "!!float 3", "!!bool yes", "! 1", "!!null ''", "!!binary aGk=", '!!int "3"', "!!map {a: 1}"),
        *("=", "-1", ".5", "x:y", "a#b", "é", "-x", ":x", "x?y", "[]", "{}", "'it''s'", '"a\\tb\\u00e9\\x41"', '"\\/"', "'\\/'"),
        *('"one\n      two"', "one\n      two"),
    )
    keys = ("a", "b", "c", "1", "yes", "n", "1.5", "0x10", '"d"', "'e'", "? f", "!!str g", "!!int 7", "<<", "<<", "a b", "é", "1e3")

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.anchors: list[str] = []

    def documents(self, number: int) -> Iterator[str]:
        for _ in range(number):
            self.anchors.clear()
            text = "".join(f"  {key}:{self.block(4, 3)}" for key in self.random.sample("abcd", self.random.randint(1, 3)))
            yield self.spoilt(text) if self.chance(0.2) else text.replace("\n", "\r\n") if self.chance(0.05) else text

    def chance(self, part: float) -> bool:
        return self.random.random() < part

    def several(self, least: int = 0) -> range:
        return range(self.random.randint(least, 3))

    def anchor(self, part: float = 0.15) -> str:
        if not self.chance(part):
            return ""
        self.anchors.append(self.random.choice("pqr"))
        return f"&{self.anchors[-1]} "

    def alias(self) -> str:
        return f"*{self.random.choice(self.anchors)}" if self.anchors else "{b: 2}"

    def merged(self) -> str:
        maps = [self.alias() if self.chance(0.4) else self.braces(1) for _ in self.several()]
        return f"[{', '.join(maps)}]" if self.chance(0.4) else (maps or ["{}"])[0]

    def braces(self, depth: int) -> str:
        entries = []
        for _ in self.several():
            key = self.random.choice(self.keys)
            entries.append(f"{self.anchor(0.05)}{key}: {self.merged() if key == '<<' else self.flow(depth - 1)}")
        return f"{{{', '.join(entries)}}}"

    def flow(self, depth: int) -> str:
        if depth <= 0 or self.chance(0.5):
            return self.alias() if self.chance(0.12) else self.anchor() + self.random.choice(self.scalars)
        return self.anchor() + (self.braces(depth) if self.chance(0.5) else f"[{', '.join(self.flow(depth - 1) for _ in self.several())}]")

    def block(self, indent: int, depth: int) -> str:
        """What stands behind a colon or a dash, to the end of its last line."""
        margin, comment = " " * indent, self.random.choice(("", "", "", " # c", "  "))
        if depth <= 0 or self.chance(0.35):
            return f" {self.flow(2)}{comment}\n"
        if self.chance(0.2):
            lines = (f"{margin}  text\n", f"{margin}   more\n", "\n", f"{margin}  # no comment\n", f"{margin}  a: b\n")
            head = self.random.choice(("|", ">", "|-", ">-", "|+", ">+", "|2"))
            return f" {self.anchor()}{head}{comment}\n" + "".join(self.random.choice(lines) for _ in self.several())
        head = f" {self.anchor()}{comment}\n"
        if self.chance(0.4):
            margin = margin if self.chance(0.5) else margin[:-2]
            return head + "".join(f"{margin}-{self.block(indent + 2, depth - 1)}" for _ in self.several(1))
        for _ in self.several(1):
            key = self.random.choice(self.keys)
            head += f"{margin}{self.anchor(0.05)}{key}:" + (f" {self.merged()}\n" if key == "<<" else self.block(indent + 2, depth - 1))
        return head

    def spoilt(self, text: str) -> str:
        at = self.random.randrange(len(text))
        return text[:at] + self.random.choice(("", " ", "\t", "\n", ":", "-", "#", "'", "]", "{", ",", "*p ", "&p ", "|")) + text[at + 1 :]


def texts_for_kubectl() -> Iterator[str]:
    """Values of `data`, written in every way that the tables and the writer know."""
    for plain in (*VALUES, *NO_VALUES, *KEYS, *NO_KEYS):
        flow = not set(plain) & set(",:")
        yield f"  a: {plain}\n" + (f"  b: [{plain}, {plain}]\n" if flow else "") + f"  c: '{plain}'\n"
        yield f"  {plain}: a\n" if plain else "  ? \n  : a\n"
    for tag, text in (*TAGGED, *MISFITS):
        yield f"  a: !!{tag} {json.dumps(text)}\n"
    for tag, text in TAGGED:
        yield f"  !!{tag} {json.dumps(text)}: a\n"
    for document, *_ in (*DOCUMENTS.values(), *FAULTS.values(), *SYNTAX.values()):
        if isinstance(document, str) and "\ufeff" not in document:
            yield "".join(f"  {line}" for line in document.splitlines(keepends=True))
    for levels in (2, 3, 4, 5):
        yield "".join(f"  {line}\n" for line in _bomb(levels).splitlines())
    yield from (f"  a: &a [{'x, ' * items}]\n  b: [{'*a, ' * aliases}]\n" for items in (9, 99, 150, 900) for aliases in (1, 9, 90, 300))
    yield from (text for text in Writer(5).documents(2000) if not _KNOWN.search(text))


def _values(output: str) -> Iterator[Any]:
    """The JSON values that stand one after another in a text."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(output.rstrip()):
        value, end = decoder.raw_decode(output, at)
        yield value
        at = end + len(output[end:]) - len(output[end:].lstrip())


def ask_kubectl(texts: Sequence[str], folder: Path) -> dict[int, Any]:
    """For the number of each text that kubectl accepts, what it makes of it."""
    assert KUBECTL is not None
    for number, text in enumerate(texts):
        (folder / f"{number:05}.yaml").write_bytes(FRAME.format(number, text).encode())
    command = [KUBECTL, "label", "--local", "--dry-run=client", "-f", str(folder), "a=b", "-o", "json"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, text=True, encoding="utf-8")
    return {int(item["metadata"]["name"][1:]): item.get("data") for item in _values(done.stdout)}


def ask_ourselves(texts: Sequence[str]) -> dict[int, Any]:
    """Likewise for our loader."""
    found = {}
    for number, text in enumerate(texts):
        try:
            found[number] = read(FRAME.format(number, text)).data.get("data")
        except YamlFault:
            continue
    return found


def comparable(value: Any) -> Any:
    """A value in which true is not 1, and numbers beyond 64 bits are the floats that kubectl's own decoder makes of them."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**63 else float(value)
    return value if isinstance(value, float) else repr(value)


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kubectl_makes_the_same_of_it(tmp_path: Path) -> None:
    texts = list(texts_for_kubectl())
    theirs, ours = ask_kubectl(texts, tmp_path), ask_ourselves(texts)
    assert len(theirs) > len(texts) / 3, "most texts are fit to be compared"
    assert len(texts) - len(theirs) > 100, "some are not"
    different = [
        (text, theirs.get(number, "refused"), ours.get(number, "refused"))
        for number, text in enumerate(texts)
        if (number in theirs) != (number in ours) or comparable(theirs.get(number)) != comparable(ours.get(number))
    ]
    assert not different, "\n".join(f"{text!r}\n  kubectl: {one}\n  we: {other}" for text, one, other in different[:10])
