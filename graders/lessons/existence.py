"""Whether an object is there under its name, and what to say when it is only nearly there."""

from __future__ import annotations

from difflib import get_close_matches

from graders.kinds import KINDS
from graders.snapshot import K8sObject, Snapshot
from graders.verdict import Verdict, failed, passed

# So that `rag-api` is taken for a try at `rag-engine-api`, and `search` is not for one at `archive`.
_ALIKE = 0.65


def exists(snapshot: Snapshot, kind: str, name: str) -> Verdict:
    """Passed when `kind` has an object `name` in the namespace being graded, under the API version that is served today.

    Otherwise the evidence names what comes closest: another namespace, another API version, another name.
    """
    known = KINDS[kind]
    found = snapshot.find(kind, name)
    if found is None:
        return failed(
            snapshot.wanted(kind, name), expected=f"{kind} `{name}`{_place(snapshot, kind)}", found=_nearest(snapshot, kind, name)
        )
    if found.api_version != known.api_version:
        return failed(found.at("apiVersion"), expected=f"`apiVersion: {known.api_version}`", found=f"`{found.api_version}`")
    return passed(*(assumed_namespace(found)), *_repeated(snapshot, found))


def assumed_namespace(item: K8sObject) -> tuple[str, ...]:
    """The advice that rides on an object which does not say its namespace; empty when it does."""
    if not item.namespace_assumed:
        return ()
    return (
        f"{item.ref} names no namespace, so kubectl would put it into the default one of your context: "
        f"write `namespace: {item.namespace}` under metadata.",
    )


def _place(snapshot: Snapshot, kind: str) -> str:
    return f" in namespace `{snapshot.namespace}`" if KINDS[kind].namespaced else ""


def _repeated(snapshot: Snapshot, found: K8sObject) -> tuple[str, ...]:
    twins = [item for item in snapshot.every(found.kind) if (item.namespace, item.name) == (found.namespace, found.name)]
    if len(twins) < 2:
        return ()
    where = f" ({found.file}, line {found.line_of(())})" if found.file else ""
    return (f"{found.ref} was submitted {len(twins)} times; the last one wins{where}. Keep one.",)


def _nearest(snapshot: Snapshot, kind: str, name: str) -> str:
    others = snapshot.every(kind)
    elsewhere = sorted({item.namespace for item in others if item.name == name})
    if elsewhere:
        return f"`{name}` in namespace `{'`, `'.join(elsewhere)}` only"
    names = {item.name for item in snapshot.all(kind)}
    here = sorted(names - {""})
    if not names:
        unread = [problem for problem in snapshot.problems if problem.rejected]
        more = f", and {unread[0].file} could not be read: {unread[0].message}" if unread else ""
        return f"no {kind}{_place(snapshot, kind)}{more}"
    close = get_close_matches(name, here, n=1, cutoff=_ALIKE)
    if close:
        return f"`{close[0]}`"
    if not here:
        return f"{kind} without a name"
    return f"{kind} `{'`, `'.join(here[:3])}`" + (f" and {len(here) - 3} more" if len(here) > 3 else "")
