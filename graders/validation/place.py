"""A place in an object while it is validated: its value, its path, and where to put what is found there.

Rules are functions of a place (`Check`). The small ones are made by functions at the end of this module; tables of them by field name are
applied with `Place.fields`. A value of a wrong type satisfies every rule: the schema has said so already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from graders.semantics.names import Rule
from graders.semantics.quantities import parse_quantity

Path = tuple[str | int, ...]
_WRONG = object()  # what lies below a value of a wrong type: neither there nor missing
_NOUGHT = Decimal(0)
_HUGE = 10**30  # longer ones help nobody, and Python does not even print the longest


class Finding(NamedTuple):
    """Something that the API server rejects: where, in one sentence, and as what it accepts there and what it found."""

    path: Path
    message: str
    expected: str
    found: str


class Place:
    """A value at a path. A step to what is not there is a place without a value."""

    __slots__ = ("out", "path", "value")

    def __init__(self, value: Any, path: Path, out: list[Finding]) -> None:
        self.value = value
        self.path = path
        self.out = out

    def __getitem__(self, step: str) -> Place:
        value = self.value
        if isinstance(value, Mapping):
            value = value.get(step)
        elif value is not None:
            value = _WRONG
        return Place(value, (*self.path, step), self.out)

    def __bool__(self) -> bool:
        return self.value is not None and self.value is not _WRONG

    def items(self) -> Iterator[Place]:
        """The items of a list."""
        for index, item in enumerate(self.value if isinstance(self.value, list | tuple) else ()):
            yield Place(item, (*self.path, index), self.out)

    def strings(self) -> Iterator[Place]:
        """The items of a list of plain values; a null among them counts as empty text, as the decoder has it."""
        return (item if item.value is not None else Place("", item.path, item.out) for item in self.items())

    def structs(self) -> Iterator[Place]:
        """The items of a list of maps; a null among them counts as a map without fields, as the decoder has it."""
        return (item for item in self.items() if item.value is None or item.is_map)

    def entries(self) -> Iterator[tuple[str, Place]]:
        """The entries of a map."""
        for key, item in self.value.items() if isinstance(self.value, Mapping) else ():
            yield str(key), Place(item, (*self.path, key), self.out)

    @property
    def text(self) -> str | None:
        """The value when it is a string."""
        return self.value if isinstance(self.value, str) else None

    @property
    def whole(self) -> int | None:
        """The value when it is a whole number."""
        return self.value if isinstance(self.value, int) and not isinstance(self.value, bool) else None

    @property
    def is_map(self) -> bool:
        """Whether the value is a map."""
        return isinstance(self.value, Mapping)

    @property
    def is_true(self) -> bool:
        """Whether the value is the boolean `true`."""
        return self.value is True

    @property
    def size(self) -> int:
        """How many items or entries the value has; 0 for all but lists and maps."""
        return len(self.value) if isinstance(self.value, list | tuple | Mapping) else 0

    @property
    def empty(self) -> bool:
        """Whether nothing is there, or something empty, which Kubernetes takes for the same."""
        return self.value is None or self.value == "" or (isinstance(self.value, list | tuple | Mapping) and not self.value)

    @property
    def name(self) -> str:
        """The last key on the path, as `key`; for an item of a list the key of the list."""
        return str(next((step for step in reversed(self.path) if isinstance(step, str)), "object"))

    def shown(self) -> str:
        """The value in words, short."""
        if self.value is None:
            return f"no `{self.name}`"
        if isinstance(self.value, str):
            text = self.value if len(self.value) <= 60 else self.value[:57] + "..."
            text = text if text.isprintable() else repr(text)[1:-1]
            return f'`"{text}"`' if not text or text != text.strip() or text[:1].isdigit() else f"`{text}`"
        if isinstance(self.value, bool):
            return f"`{str(self.value).lower()}`"
        if isinstance(self.value, int | float):
            return f"`{self.value}`" if -_HUGE < self.value < _HUGE else "a number beyond all limits"
        return f"an empty `{self.name}`" if not self.value else "a map" if self.is_map else "a list"

    def reject(self, expected: str, found: str = "", message: str = "") -> None:
        """Note that the API server rejects what is here. Without a message of its own, it is made of what was expected and found."""
        if self.value is _WRONG:
            return
        found = found or self.shown()
        if not message:
            subject = f"An item of `{self.name}`" if self.path and isinstance(self.path[-1], int) else f"`{self.name}`"
            is_found = "" if found in ("a map", "a list") else f", and is {found}"
            message = f"{subject} must be {expected}{is_found}."
        self.out.append(Finding(self.path, message, expected, found))

    def forbid(self, why: str) -> None:
        """Reject it when it is there; `why` goes on after "must not be set"."""
        if self:
            self.reject(f"no `{self.name}` {why}", f"`{self.name}`", f"`{self.name}` must not be set {why}.")

    def require(self, why: str = "") -> bool:
        """Reject it when it is missing or empty; whether it is there. `why` goes on after "is required"."""
        if not self.empty:
            return True
        why = why and f" {why}"
        self.reject(f"`{self.name}`, which is required{why}", message=f"`{self.name}` is required{why}, and is missing.")
        return False

    def needs(self, *keys: str) -> None:
        """Reject each of these fields that is missing or empty."""
        for key in keys:
            self[key].require()

    def named(self, rule: Rule, *, required: bool = False) -> None:
        """Reject a string that breaks a rule for names, and a missing or empty one if it is required."""
        if self.empty and required:
            self.require()
        elif self.text is not None:
            words = rule(self.text)
            if words:
                self.reject(words)

    def quantity(self) -> Decimal | None:
        """The amount here; nothing is none of it; one that is no quantity is left to the schema."""
        return _NOUGHT if self.value is None else parse_quantity(self.value)

    def fields(self, rules: Mapping[str, Check]) -> None:
        """Apply rules to the fields of that name that are there."""
        if isinstance(self.value, Mapping):
            for key, item in self.value.items():
                rule = rules.get(key)
                if rule is not None and item is not None:
                    rule(Place(item, (*self.path, key), self.out))


Check = Callable[[Place], None]


def listed(names: Iterable[str], word: str = "or") -> str:
    """Names in words: `a`, `b` or `c`."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"


def one_of(*allowed: str) -> Check:
    """A string that is one of these. The empty string is not, where the API tells it from a missing one."""

    def check(place: Place) -> None:
        if place.text is not None and place.text not in allowed:
            place.reject(listed(allowed))

    return check


def one_of_or_default(*allowed: str) -> Check:
    """A string that is one of these, or empty, which stands for the default."""
    strict = one_of(*allowed)

    def check(place: Place) -> None:
        if place.text:
            strict(place)

    return check


def between(low: int, high: int | None = None) -> Check:
    """A whole number in a range; without `high` as large as its type allows."""
    words = f"{low} or more" if high is None else f"a number from {low} to {high}"

    def check(place: Place) -> None:
        number = place.whole
        if number is not None and (number < low or (high is not None and number > high)):
            place.reject(words)

    return check


def name(rule: Rule) -> Check:
    """A string that keeps a rule for names."""
    return lambda place: place.named(rule)


def name_if_set(rule: Rule) -> Check:
    """A string that keeps a rule for names, or is empty."""
    return lambda place: place.named(rule) if place.text else None


def each(check: Check) -> Check:
    """A list of maps, each of which satisfies a rule."""

    def check_all(place: Place) -> None:
        for item in place.structs():
            check(item)

    return check_all


def each_value(check: Check) -> Check:
    """A list of plain values, each of which satisfies a rule."""

    def check_all(place: Place) -> None:
        for item in place.strings():
            check(item)

    return check_all


def table(rules: Mapping[str, Check], *needed: str) -> Check:
    """A map whose fields satisfy rules, and in which some must not be missing or empty."""

    def check(place: Place) -> None:
        place.needs(*needed)
        place.fields(rules)

    return check


def unique(places: Iterable[Place], what: str) -> None:
    """Reject each string or number that an earlier place has already; empty ones are left alone."""
    seen: set[Any] = set()
    for place in places:
        key = place.text or place.whole
        if key is not None and key in seen:
            place.reject(f"a {what} that is used once", f"{place.shown()} a second time", f"The {what} {place.shown()} is used twice.")
        seen.add(key)


def exactly_one(place: Place, keys: Collection[str], what: str, *, required: bool = True) -> str | None:
    """The one key of a map that is set; rejects none (if one is required) or several, of which the second is the one too many."""
    if place.value is not None and not place.is_map:
        return None
    present = [key for key, item in place.entries() if key in keys and item]
    if len(present) == 1:
        return present[0]
    if present:
        names = listed(present, "and")
        place[present[1]].reject(f"one {what}", f"{names}, which are several", f"{names} are set; only one {what} is allowed.")
    elif required:
        place.reject(f"one {what}: {listed(keys)}", "none of them", f"A {what} is required: {listed(keys)}.")
    return None


def int_or_percent(place: Place) -> None:
    """A whole number that is not negative, or a percentage (k8s.io/kubernetes pkg/apis/apps/validation ValidatePositiveIntOrPercent)."""
    if place.whole is not None and place.whole < 0:
        place.reject("0 or more")
    elif place.text is not None and not (place.text.isascii() and place.text[-1:] == "%" and place.text[:-1].isdigit()):
        place.reject("a whole number without quotes, or a percentage such as `25%`")


def portion(place: Place) -> None:
    """A whole number that is not negative, or a percentage of at most 100."""
    int_or_percent(place)
    percent = percentage(place)
    if percent is not None and percent > 100:
        place.reject("at most 100%")


def percentage(place: Place) -> int | None:
    """The number before the percent sign."""
    text = place.text or ""
    return int(text[:-1][:20]) if text.isascii() and text[-1:] == "%" and text[:-1].isdigit() else None


def amount_of(place: Place, default: int | str) -> int | None:
    """The number of an IntOrString, with its percent sign left out; None for what is neither."""
    value = place if place else Place(default, place.path, [])
    return value.whole if value.whole is not None else percentage(value)
