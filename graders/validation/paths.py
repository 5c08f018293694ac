"""Paths of files (k8s.io/kubernetes pkg/apis/core/validation validateLocalDescendingPath and its kin)."""

from __future__ import annotations

from graders.validation.place import Place


def absolute(place: Place) -> None:
    """A path that begins with a slash, or none at all."""
    if place.text and not place.text.startswith("/"):
        place.reject("an absolute path")


def no_steps_back(place: Place) -> None:
    """A path without `..` in it."""
    if _steps_back(place):
        place.reject("a path without `..`")


def inside(place: Place) -> None:
    """A relative path without `..` in it."""
    if (place.text or "").startswith("/"):
        place.reject("a relative path, without `/` at its beginning")
    no_steps_back(place)


def of_file(place: Place) -> None:
    """A path inside of a volume that Kubernetes fills; names that begin with `..` are its own."""
    inside(place)
    if (place.text or "").startswith("..") and not _steps_back(place):
        place.reject("a path that does not begin with `..`")


def _steps_back(place: Place) -> bool:
    return place.text is not None and ".." in place.text.split("/")
