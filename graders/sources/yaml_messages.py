"""What is wrong with a file that cannot be read, in words that a learner can act on. No message repeats the text of a file."""

from __future__ import annotations

import re

from graders.snapshot import Problem
from graders.sources.yaml_loader import SyntaxFault, YamlFault

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVES = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_LOOK = 4096  # bytes in which a binary file shows itself
_TEMPLATE = re.compile(r"\{\{|\{%|<%")
_RENDER = "It is a template, and becomes YAML only when it is rendered. Grade what comes out: helm template CHART | grade LESSON -f -"


def no_text(content: bytes) -> Problem | None:
    """Why bytes are no text in UTF-8, as kubectl wants it; None when they are."""
    head = content[:_LOOK]
    if head.startswith(_UTF_16) or _every_other_is_nul(head):
        return Problem("It is UTF-16 text, as some Windows programs write it. Save it as UTF-8.")
    if head.startswith(_ARCHIVES):
        return Problem("It is a compressed archive. Unpack it, and grade the manifests in it.")
    if b"\x00" in content:
        return Problem("It is a binary file, no YAML or JSON text.", line=content.count(b"\n", 0, content.index(b"\x00")) + 1)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        return Problem("It holds a character that is not UTF-8. Save the file as UTF-8.", line=line, column=column)
    return None


def _every_other_is_nul(head: bytes) -> bool:
    return len(head) >= 4 and (not any(head[1:64:2]) or not any(head[:64:2]))


def template_in_words(lines: list[str]) -> str | None:
    """The message for a fault on lines that a template engine would replace; None for other lines."""
    return _RENDER if any(_TEMPLATE.search(line) for line in lines) else None


def where_to_look(fault: YamlFault) -> tuple[int, int]:
    """Line and column to name: those of the fault, but for a text in quotes that is never closed those of its beginning."""
    if isinstance(fault, SyntaxFault) and fault.context_at and fault.context == "while scanning a quoted scalar":
        return fault.context_at
    return fault.line, fault.column


def syntax_in_words(fault: SyntaxFault, line: str) -> str:
    """What libyaml complains of, and what to do. `line` is the line of the fault."""
    rest = line[fault.column - 1 :]
    indent = line[: len(line) - len(line.lstrip())]
    opened = f" (it begins on line {fault.context_at[0]})" if fault.context_at and fault.context_at[0] != fault.line else ""
    if "\t" in indent or rest.startswith("\t"):
        return "A tab stands where YAML allows only spaces. Indent with spaces."
    if "cannot start any token" in fault.problem:
        character = f"`{rest[:1]}`" if rest[:1] in ("@", "%") else "this character"
        return f"A value cannot begin with {character}, which YAML keeps for itself. Put it in quotes."
    complaint = f"{fault.context} {fault.problem}".strip()
    for words, message in _MESSAGES:
        if words in complaint:
            return message.format(opened=opened)
    return f"It is not valid YAML: {complaint}{opened}. Look at this line and the one above."


# The first whose words are in libyaml's complaint (scanner.c, parser.c) counts.
_MESSAGES = (
    ("unknown escape character", "In double quotes a backslash begins an escape, and there is none like this. Use single quotes."),
    (
        "while scanning a quoted scalar",
        "A text in quotes begins here and is not closed, or not where it should be. Close it with the quote that opened it.",
    ),
    (
        "mapping values are not allowed",
        "A colon stands where no field can begin. Look at the indentation of this line; a text that holds `: ` needs quotes.",
    ),
    (
        "block sequence entries are not allowed",
        "A list item (`- `) stands where none can begin. Put it on a line of its own, below the field's name.",
    ),
    ("could not find expected ':'", "A field lacks the colon after its name, or a text of several lines{opened} is not indented."),
    (
        "did not find expected '-' indicator",
        "A line within a list{opened} is neither an item (`- `) nor part of one. Look at its indentation.",
    ),
    ("did not find expected ',' or ']'", "A list in brackets{opened} is not closed, or lacks a comma."),
    ("did not find expected ',' or '}'", "A map in braces{opened} is not closed, or lacks a comma."),
    ("did not find expected key", "This line fits to none of those above. Look at its indentation, and for a quote that is not closed."),
    (
        "did not find expected node content",
        "A value is missing where a bracket, a brace or a comma promises one. A text that begins with one needs quotes.",
    ),
    (
        "did not find expected <document start>",
        "A second value begins where the document should end. Look at the indentation of this line.",
    ),
    (
        "did not find expected alphabetic or numeric character",
        "After `*` or `&` a name must follow. A text that begins with one needs quotes.",
    ),
    ("did not find expected comment or line break", "After `|` or `>` nothing may follow on the line. Begin the text on the next line."),
    (
        "did not find expected whitespace or line break",
        "A space is missing after a tag (the word with `!`) or an anchor. A text that begins with one needs quotes.",
    ),
    ("found a tab character", "A tab stands where YAML allows only spaces. Indent with spaces."),
    ("found unexpected ':'", "A colon ends a text within brackets or braces. Put the text in quotes, or a value after the colon."),
    ("found undefined tag handle", "A value begins with `!`, which YAML keeps for tags. Put it in quotes."),
    (
        "found incompatible YAML document",
        "It asks for a version of YAML that kubectl does not read. Remove the line that begins with `%YAML`.",
    ),
)
