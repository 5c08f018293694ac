"""Which cluster and namespace the live panel reads: what there is to choose from, and what the learner has chosen.

Only files of the learner's own are looked at: those that kubectl reads, and those that `course cluster up` writes. Listing what they offer
runs no program; one that signs in is run once the learner has chosen its context.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlmodel import Session, col, delete, select

from app.models import Choice
from app.services.cluster_tools import TOOLS
from app.services.folders import data_folder
from app.services.guards import Surroundings, looks_like_production, most_nodes
from graders.errors import ClusterUnavailable, GradingError, UsageError
from graders.semantics.names import dns_label
from graders.sources import cluster_access
from graders.sources.cluster_access import Choices

OWN: Final = "own"
PRACTICE: Final = "practice"
SHARED: Final = "shared"  # a classroom's, which nobody chooses
_CONTEXT, _NAMESPACE = "live.context", "live.namespace"


@dataclass(frozen=True, slots=True)
class Place:
    """What a panel reads. `source` tells which kubeconfig, `kubeconfig` is its path (None as kubectl has it), `context` the one that the
    learner has chosen in it, None for kubectl's current one."""

    source: str
    kubeconfig: str | None
    context: str | None
    namespace: str

    @property
    def value(self) -> str:
        """How a form names its context: `own:kind-dev`; empty for kubectl's current one."""
        return f"{self.source}:{self.context}" if self.context is not None else ""


@dataclass(frozen=True, slots=True)
class Option:
    """A context that can be chosen: `value` is what the form sends, `host` its API server's, `plugin` the program that signs in to it,
    `production` a sentence when others may rely on it."""

    value: str
    source: str
    name: str
    host: str
    namespace: str
    plugin: str
    production: str


@dataclass(frozen=True, slots=True)
class Menu:
    """All that can be chosen, the name of kubectl's current context, and what keeps the learner's own kubeconfig from being read."""

    options: tuple[Option, ...]
    current: str
    trouble: ClusterUnavailable | None = None


def place_of(session: Session, learner_id: int, usual: Place) -> Place:
    """What the learner has chosen; `usual` where nothing is."""
    held = dict(session.exec(select(Choice.name, Choice.value).where(Choice.learner_id == learner_id)).all())
    namespace = held.get(_NAMESPACE) or usual.namespace
    source, _, context = held.get(_CONTEXT, "").partition(":")
    if not context or source not in _sources():
        return Place(usual.source, usual.kubeconfig, usual.context, namespace)
    return Place(source, usual.kubeconfig if source == OWN else str(_sources()[source]), context, namespace)


def choose(session: Session, learner_id: int, value: str, namespace: str, usual: Place) -> Place:
    """Keep a choice: an option's `value`, or nothing for kubectl's current context, and a namespace. Raises UsageError."""
    namespace = namespace.strip() or usual.namespace
    if rule := dns_label(namespace):
        raise UsageError(f"A namespace's name is {rule}.", help="Go back, and type another; the course's own is rag-engine.")
    source, _, context = value.partition(":")
    if value and (not context or source not in _sources() or len(value) > 1000 or not value.isprintable()):
        raise UsageError("There is no such context to choose.", help="Go back, reload the page, and choose again.")
    mine = col(Choice.learner_id) == learner_id
    session.exec(delete(Choice).where(mine, col(Choice.name).in_((_CONTEXT, _NAMESPACE))))
    session.add(Choice(learner_id=learner_id, name=_NAMESPACE, value=namespace))
    if value:
        session.add(Choice(learner_id=learner_id, name=_CONTEXT, value=value))
    session.flush()
    return place_of(session, learner_id, usual)


def practice_kubeconfig() -> Path:
    """Where the course's own practice cluster writes its kubeconfig. Raises GradingError."""
    return data_folder() / "practice-cluster" / "kubeconfig"


def menu(usual: Place) -> Menu:
    """What there is to choose from. Reads files."""
    options: list[Option] = []
    current, trouble = "", None
    try:
        own = cluster_access.choices(usual.kubeconfig)
    except ClusterUnavailable as error:
        own, trouble = None, error
    if own is not None:
        current = usual.context or own.current
        options += _options(OWN, own)
    known = {(option.name, option.host) for option in options}
    for source, path in _sources().items():
        if source != OWN and path.is_file():
            try:
                made = cluster_access.choices(str(path))
            except ClusterUnavailable:
                continue  # the course's own file, half written: it is offered once it is whole
            options += [option for option in _options(source, made) if (option.name, option.host) not in known] if made else []
    return Menu(tuple(options), current, trouble)


def offer(place: Place) -> Option | None:
    """What is known of the context that a place means; None when there is no kubeconfig, or no such context in it.

    Raises ClusterUnavailable when the kubeconfig is broken.
    """
    there = cluster_access.choices(place.kubeconfig)
    if there is None:
        return None
    wanted = place.context or there.current
    return next((option for option in _options(place.source, there) if option.name == wanted), None)


def state_of_files(place: Place) -> tuple[tuple[str, int, int, int], ...]:
    """Size, time and identity of the kubeconfig's files: different once one was changed."""
    return tuple(_stated(place.kubeconfig))


def _stated(kubeconfig: str | None) -> Iterator[tuple[str, int, int, int]]:
    for path in cluster_access.files_named(kubeconfig):
        try:
            status = os.stat(path)  # noqa: PTH116 - asked for often
        except (OSError, ValueError):
            continue
        yield path, status.st_size, status.st_mtime_ns, status.st_ino


def production_words(context: str | None, host: str, nodes: int | None = None) -> str:
    """Why a cluster may be one that others rely on; empty when it does not look so."""
    try:
        limit = most_nodes()
    except UsageError:
        limit = 10
    return looks_like_production(Surroundings(context, host, nodes), limit)


def _options(source: str, choices: Choices) -> list[Option]:
    return [
        Option(f"{source}:{one.name}", source, one.name, one.host, one.namespace, one.plugin, production_words(one.name, one.host))
        for one in choices.contexts
        if one.name
    ]


def _sources() -> dict[str, Path]:
    """The kubeconfigs by name: the learner's own (whose path is kubectl's affair), and those of clusters that the course has started."""
    try:
        made = {PRACTICE: practice_kubeconfig(), **{tool: data_folder() / f"{tool}.kubeconfig" for tool in TOOLS}}
    except GradingError:
        made = {}
    return {OWN: Path(), **made}
