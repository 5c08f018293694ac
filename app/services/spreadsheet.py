"""Tables as CSV, for spreadsheets that take what looks like a formula for one; and what spreadsheets save as CSV, read again.

A program that opens a CSV file runs a cell which begins with `=`, `+`, `-`, `@`, a tab or a line end: what a learner has typed could then
act in the instructor's name (https://owasp.org/www-community/attacks/CSV_Injection). Such text gets an apostrophe before it, and so does
what would begin a cell where `;` or a tab parts them, as they do in half of the world. Reading takes the apostrophe away.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graders.errors import UnreadableInput

BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of the machine."""
LARGEST: Final = 1024 * 1024  # bytes of a file that is read
MOST_LINES: Final = 5_000
LONGEST_CELL: Final = 10_000  # characters

_BEGINS: Final = r"(?:\A|(?<=[;\t\r\n]))([ ]*)"
_DANGER: Final = r"(?='*[ ]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
_UNSAFE: Final = re.compile(_BEGINS + _DANGER)
_SAFE: Final = re.compile(_BEGINS + "'" + _DANGER)
_SEPARATORS: Final = (",", ";", "\t")
_XLSX, _XLS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a file, and on which line of it the row begins."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A file's rows without the empty ones, and, in a sentence, what was supposed in reading them ("" for nothing)."""

    lines: tuple[Line, ...]
    supposed: str = ""


def written(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Rows as the pieces of a CSV file: RFC 4180, UTF-8 with its mark, nothing in it a formula."""
    held = io.StringIO(newline="")
    writer = csv.writer(held, lineterminator="\r\n")
    held.write(BOM)
    for row in rows:
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in row])
        if held.tell() > 30_000:
            yield _taken(held)
    yield _taken(held)


def _taken(held: io.StringIO) -> bytes:
    text = held.getvalue()
    held.seek(0)
    held.truncate()
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return _UNSAFE.sub(r"\1'", text)


def plain(text: str) -> str:
    """What `safe` was given."""
    return _SAFE.sub(r"\1", text)


def read(content: bytes) -> Read:
    """The rows of a CSV file, parted by commas, semicolons or tabs. Raises UnreadableInput, in a sentence, for what is none."""
    if len(content) > LARGEST:
        raise UnreadableInput("The file has more than 1 MiB.", help="Nothing was changed. Split it, and bring one part after the other.")
    text, supposed = _decoded(content)
    first, _, rest = text.partition("\n")
    separator = first.strip().removeprefix("sep=") if first.startswith("sep=") else ""
    skipped = 0
    if separator in _SEPARATORS or first.strip("\r\n") == "sep=\t":
        text, skipped, separator = rest, 1, separator or "\t"
    else:
        separator = _separator(text)
    return Read(tuple(_lines(text, separator, skipped)), supposed)


def _decoded(content: bytes) -> tuple[str, str]:
    if content.startswith((_XLSX, _XLS)):
        raise UnreadableInput(
            "This is a workbook of a spreadsheet program, not a CSV file.", help="Open it there, and save it as “CSV UTF-8” first."
        )
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # what Excel calls Unicode text
        try:
            return content.decode("utf-16"), ""
        except UnicodeDecodeError:
            content = content[:0] + b"\x00"
    if b"\x00" in content:
        raise UnreadableInput("The file is no text.", help="Save it as “CSV UTF-8”, or paste the lines instead.")
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise UnreadableInput(
                f"Line {line} is not UTF-8, and not of Windows either.", help="Save the file as “CSV UTF-8”, and bring it again."
            ) from error
        return text, (
            f"Line {line} is not UTF-8, so the file was read as Excel on Windows saves it (Windows-1252). "
            "Look at the names with accents before you confirm."
        )


def _separator(text: str) -> str:
    """The one that the first line with something in it has most of, outside quotes; a comma when it has none."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(_SEPARATORS, key=lambda each: bare.count(each))


def _lines(text: str, separator: str, skipped: int) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True)
    number, count = 1, 0
    try:
        for row in reader:
            cells = tuple(plain(cell.strip(" \r\n")) for cell in row)
            if any(cells):
                count += 1
                if count > MOST_LINES + 1:  # and a line of titles
                    raise UnreadableInput(
                        f"The file has more than {MOST_LINES} lines.",
                        help="Nothing was changed. Split it, and bring one part after the other.",
                    )
                yield Line(number + skipped, cells)
            number = reader.line_num + 1
    except csv.Error as error:
        raise UnreadableInput(
            f"Line {number + skipped} cannot be read: {error}.", help="Is a quotation mark missing, or one too many? Nothing was changed."
        ) from error
