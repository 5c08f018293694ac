"""Label selectors and labels, as the API server takes them (k8s.io/apimachinery pkg/apis/meta/v1/validation)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graders.semantics import names
from graders.semantics.selectors import matches
from graders.validation.place import Place, listed

_WITH_VALUES = ("In", "NotIn")
_WITHOUT_VALUES = ("Exists", "DoesNotExist")


def labels(place: Place) -> None:
    """A map of labels."""
    for key, value in place.entries():
        words = names.qualified(key)
        if words:
            value.reject(f"a label whose key has {words}", f"the key `{key[:80]}`", f"`{key[:80]}` cannot be the key of a label.")
        value.named(names.label_value)


def selector(place: Place) -> None:
    """A LabelSelector in both forms."""
    labels(place["matchLabels"])
    for item in place["matchExpressions"].structs():
        requirement(item)


def requirement(item: Place, with_values: tuple[str, ...] = _WITH_VALUES, without_values: tuple[str, ...] = _WITHOUT_VALUES) -> None:
    """A requirement `{key, operator, values}`; by default one on labels."""
    operator, values = item["operator"], item["values"]
    if operator.text in with_values:
        if values.empty:
            values.reject(f"at least one value for `{operator.text}`", "none", f"`{operator.text}` needs `values`.")
    elif operator.text in without_values:
        if not values.empty:
            values.reject(f"no `values` with `{operator.text}`", "some", f"`{operator.text}` takes no `values`.")
    elif operator.empty or operator.text is not None:
        operator.reject(listed((*with_values, *without_values)))
    item["key"].named(names.qualified, required=True)
    for value in values.items():
        value.named(names.label_value)


def workload_selector(place: Place, template_labels: Place) -> None:
    """The selector of a workload: required, not empty, and matching the labels of its own Pods."""
    if not place:
        place.require()
        return
    if place.is_map and place["matchLabels"].empty and place["matchExpressions"].empty:
        place.reject("a selector with `matchLabels`", "an empty one", "`selector` must not be empty: give it `matchLabels`.")
        return
    before = len(place.out)
    selector(place)
    if len(place.out) == before:
        must_match(place, template_labels)


def must_match(selector: Place, template_labels: Place) -> None:
    """Reject labels of a Pod template that a selector does not select; what is no text is left to the schema."""
    wanted, given = text_map(selector["matchLabels"]), text_map(template_labels)
    if wanted is None or given is None or (selector and not selector.is_map):
        return
    if not matches({"matchLabels": wanted, "matchExpressions": selector["matchExpressions"].value}, given):
        asked = _in_words(wanted) if wanted else "what its `matchExpressions` ask for"
        template_labels.reject(
            f"labels that the selector selects: {asked}",
            _in_words(given) if given else "no labels",
            "The selector does not select the labels of the Pod template.",
        )


def text_map(place: Place) -> dict[str, str] | None:
    """A map of strings, null standing for the empty one; None when something else is in it."""
    if place and not place.is_map:
        return None
    entries: dict[str, Any] = {key: "" if value.value is None else value.value for key, value in place.entries()}
    return entries if all(isinstance(value, str) for value in entries.values()) else None


def _in_words(labels: Mapping[str, str]) -> str:
    return ", ".join(f"`{key}={value}`" for key, value in sorted(labels.items()))[:200]
