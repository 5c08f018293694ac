"""What somebody has typed into a simulator's form, read field by field: a value within its bounds, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

_WHOLE = re.compile(r"[0-9]{1,9}")


@dataclass
class Fields:
    """The fields of an address. A field that is missing has its default; what is wrong with one stands in `faults`, by its name.

    `asked` are the names that were looked at.
    """

    given: Mapping[str, str]
    asked: set[str] = field(default_factory=set)
    faults: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "", longest: int = 200) -> str:
        """The text of a field, without spaces around it; cut off where it is too long, and that is a fault."""
        self.asked.add(name)
        value = self.given.get(name, default).strip()
        if len(value) > longest:
            self.faults[name] = f"At most {longest} characters; these are {len(value)}."
        return value[:longest]

    def whole(self, name: str, default: int, low: int, high: int, unit: str = "") -> int:
        """A whole number from `low` to `high`; the default where the field holds none."""
        value = self.text(name, str(default))
        if _WHOLE.fullmatch(value) and low <= int(value) <= high:
            return int(value)
        found = "the field is empty" if not value else f"found “{value[:20]}”"
        self.faults[name] = f"A whole number from {low} to {high}{' ' + unit if unit else ''}; {found}."
        return default

    def choice(self, name: str, default: str, among: Collection[str]) -> str:
        """One of the choices; the default where the field holds another."""
        value = self.text(name, default)
        if value in among:
            return value
        self.faults[name] = f"One of {', '.join(among)}; found “{value[:20]}”."
        return default

    def ticked(self, name: str) -> bool:
        """Whether a box is ticked."""
        return name in self.given
