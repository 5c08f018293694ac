"""What a learner is told about a file that cannot be read: one sentence for each fault, where to look, and nothing of the file's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.sources import yaml_messages
from graders.sources.yaml_loader import SyntaxFault, YamlFault, load
from graders.sources.yaml_messages import no_text, syntax_in_words, template_in_words, where_to_look


def fault(text: str) -> YamlFault:
    with pytest.raises(YamlFault) as raised:
        load(text.encode(), 1000)
    return raised.value


def told(text: str) -> tuple[tuple[int, int], str]:
    """Place and message of the fault in a text."""
    found = fault(text)
    assert isinstance(found, SyntaxFault)
    return where_to_look(found), syntax_in_words(found, [*text.split("\n"), ""][found.line - 1])


FAULTS = {
    "unknown escape": ('a: "b\n  \\d"\n', (2, 3), "In double quotes a backslash begins an escape"),
    "open quote": ("a: 1\nb: 'c\nd: 1\n", (2, 4), "A text in quotes begins here and is not closed"),
    "quote open at the next document": ('a: "b\n---\n', (1, 4), "A text in quotes begins here and is not closed"),
    "two colons": ("a: b: c\n", (1, 5), "A colon stands where no field can begin"),
    "field below a text": ("a\nb: 1\n", (2, 2), "A colon stands where no field can begin"),
    "item behind a colon": ("a: - b\n", (1, 4), "A list item (`- `) stands where none can begin"),
    "no colon": ("a:\n  b: 1\nc\nd: 1\n", (4, 1), "A field lacks the colon after its name, or a text of several lines"),
    "neither item nor field": ("- a\n- b\nc: 1\n", (3, 1), "A line within a list (it begins on line 1) is neither an item"),
    "open bracket": ("a: [b\nc: d\n", (2, 2), "A list in brackets (it begins on line 1) is not closed"),
    "open bracket on one line": ("a: [b {c}]\n", (1, 7), "A list in brackets is not closed, or lacks a comma"),
    "open brace": ("a: {b: c\nd: e\n", (2, 2), "A map in braces (it begins on line 1) is not closed"),
    "odd indentation": ("a:\n  b: 1\n c: 2\n", (3, 2), "This line fits to none of those above"),
    "text behind quotes": ("a: 'b' c\n", (1, 8), "This line fits to none of those above"),
    "comma before all": ("a: [, b]\n", (1, 5), "A value is missing where a bracket"),
    "directive alone": ("%YAML 1.1\na: 1\n", (2, 1), "A second value begins where the document should end"),
    "star alone": ("a: *\n", (1, 5), "After `*` or `&` a name must follow"),
    "glob": ("a: */5 * * * *\n", (1, 5), "After `*` or `&` a name must follow"),
    "ampersand alone": ("a: & b\n", (1, 5), "After `*` or `&` a name must follow"),
    "text behind a bar": ("a: | b\n", (1, 6), "After `|` or `>` nothing may follow on the line"),
    "tag without a space": ("a: !b[c]\n", (1, 6), "A space is missing after a tag"),
    "tab as indentation": ("a:\n\tb: 1\n", (2, 1), "A tab stands where YAML allows only spaces"),
    "tab after spaces": ("a:\n  b: 1\n  \tc: 1\n", (3, 3), "A tab stands where YAML allows only spaces"),
    "tab in a block": ("a: |\n\tb\n", (2, 1), "A tab stands where YAML allows only spaces"),
    "tab in a text": ("a:\n  b: c\n\td\n", (3, 1), "A tab stands where YAML allows only spaces"),
    "colon in brackets": ("a: [b:]\n", (1, 6), "A colon ends a text within brackets or braces"),
    "exclamation mark": ("a: !b!c\n", (1, 4), "A value begins with `!`"),
    "another YAML": ("%YAML 3.0\n---\na: 1\n", (1, 1), "It asks for a version of YAML"),
    "at sign": ("a: @b\n", (1, 4), "A value cannot begin with `@`"),
    "per cent": ("a: %b\n", (1, 4), "A value cannot begin with `%`"),
    "back quote": ("a: `b`\n", (1, 4), "A value cannot begin with this character"),
    "anything else": ("a: |0\n  b\n", (1, 5), "It is not valid YAML: while scanning a block scalar"),
}


@pytest.mark.parametrize(("text", "place", "words"), FAULTS.values(), ids=FAULTS)
def test_fault_in_words(text: str, place: tuple[int, int], words: str) -> None:
    where, message = told(text)
    assert where == place
    assert message.startswith(words)
    assert message.endswith(".")


def test_every_message_is_reached() -> None:
    reached = [told(text)[1] for text, _, _ in FAULTS.values()]
    beginnings = [message.partition("{opened}")[0] for _, message in yaml_messages._MESSAGES]
    assert not [words for words in beginnings if not any(message.startswith(words) for message in reached)]


def test_place_of_a_fault_of_our_own_is_kept() -> None:
    assert where_to_look(fault("a: 1\nb: *c\n")) == (2, 4)


@given(st.lists(st.sampled_from([*"[]{}:,-?&*!|>'\"%@`\n\t ", "\n  ", ": ", "hunter2"]), max_size=30).map("".join))
def test_no_message_repeats_the_text(text: str) -> None:
    try:
        load(text.encode(), 1000)
    except SyntaxFault as error:
        message = syntax_in_words(error, [*text.split("\n"), ""][error.line - 1])
    except YamlFault as error:
        message = error.message
    else:
        return
    assert message
    assert "hunter2" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("content", "words", "place"),
    [
        pytest.param("kind: Pod\n".encode("utf-16"), "UTF-16", (None, None), id="UTF-16 with its mark"),
        pytest.param("kind: Pod\n".encode("utf-16-le"), "UTF-16", (None, None), id="UTF-16 without"),
        pytest.param("kind: Pod\n".encode("utf-16-be"), "UTF-16", (None, None), id="the other UTF-16"),
        pytest.param(b"PK\x03\x04\x14\x00", "archive", (None, None), id="zip"),
        pytest.param(b"\x1f\x8b\x08\x00", "archive", (None, None), id="gzip"),
        pytest.param(b"\x28\xb5\x2f\xfd\x04", "archive", (None, None), id="zstd"),
        pytest.param(b"a: 1\nb: \x00\n", "binary", (2, None), id="NUL"),
        pytest.param("a: 1\nb: é".encode() + "é".encode("latin-1"), "not UTF-8", (2, 6), id="latin-1"),
        pytest.param(b"\xe9", "not UTF-8", (1, 1), id="one byte of latin-1"),
    ],
)
def test_what_is_no_text(content: bytes, words: str, place: tuple[int | None, int | None]) -> None:
    problem = no_text(content)
    assert problem is not None
    assert words in problem.message
    assert (problem.line, problem.column) == place


@pytest.mark.parametrize("content", [b"", b"a", b"a: 1\n", "a: é 😀\n".encode(), b"\xef\xbb\xbfa: 1\n", b"a: \x07\n"], ids=repr)
def test_text_is_left_to_the_parser(content: bytes) -> None:
    assert no_text(content) is None


@pytest.mark.parametrize(
    ("line", "template"),
    [
        ("name: {{ .Values.name }}", True),
        ("{{- if .Values.on }}", True),
        ("{% if on %}", True),
        ("<% name %>", True),
        ("a: {b: {c: d}}", False),
    ],
)
def test_template_is_told_from_yaml(line: str, template: bool) -> None:
    message = template_in_words(["kind: Pod", line])
    assert (message is not None) is template
    assert message is None or "helm template" in message
