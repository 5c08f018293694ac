"""What every form of a report that a person reads shares: where evidence is, and a learner's own text made harmless to show."""

from __future__ import annotations

import re

from graders.verdict import Evidence

_LONGEST = 800
# Controls can move a terminal's cursor or retitle its window, bidirectional marks reorder a line, lone surrogates cannot be encoded.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """`text` with what must not reach a terminal written as an escape, `\\x1b`; line breaks and tabs stay."""
    return _UNSHOWABLE.sub(lambda found: _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shortened(text: str) -> str:
    """`text`, cut where it is longer than a reader would read: a learner's value may be a whole file."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text)} characters)"


def place(evidence: Evidence) -> str:
    """Where it was found: `hpa.yaml:38, HorizontalPodAutoscaler/api spec.behavior`. Editors open a file named so at its line."""
    inside = f"{evidence.object} {evidence.path or ''}".strip()
    return ", ".join(part for part in (file_place(evidence.file, evidence.line), inside) if part)


def file_place(file: str | None, line: int | None, column: int | None = None) -> str:
    """`hpa.yaml:38:5`, with as much of it as is known; empty without a file."""
    if not file:
        return ""
    return ":".join(str(part) for part in (file, line, column if line else None) if part)
