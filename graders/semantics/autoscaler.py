"""The autoscaler at work: what its controller decides at one sync after the other, and which of its rules held it back.

Rules: k8s.io/kubernetes v1.37 pkg/controller/podautoscaler/horizontal.go (stabilizeRecommendationWithBehaviors and
convertDesiredReplicasWithBehaviorRate; without a `behavior`, stabilizeRecommendation and calculateScaleUpLimit), replica_calculator.go
and pkg/apis/autoscaling/v2/defaults.go, which completes a `behavior` that is there, even an empty one, and adds none.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from graders.semantics.hpa import DEFAULT_DOWN, DEFAULT_UP, LONGEST_PERIOD, Change, Rules, highest, lowest

_UNHURRIED = 4  # without a `behavior` any size may grow to 4 Pods, and to twice itself


class Tolerance(NamedTuple):
    """The share by which a use may be above and below its target before anything is done about it."""

    up: float = 0.1  # the controller's --horizontal-pod-autoscaler-tolerance
    down: float = 0.1

    def covers(self, measured: int, target: int) -> bool:
        """Whether a utilization is so close to its target that nothing is done."""
        return 1.0 - self.down <= measured / target <= 1.0 + self.up


DEFAULT_TOLERANCE = Tolerance()


class Bound(StrEnum):
    """What keeps the replica count from what the metrics ask for. The values are fit to be shown."""

    TOLERANCE = "tolerance"
    UP_WINDOW = "window upwards"
    UP_POLICY = "policy upwards"
    MAXIMUM = "maximum"
    DOWN_WINDOW = "window downwards"
    DOWN_POLICY = "policy downwards"
    MINIMUM = "minimum"


class Decision(NamedTuple):
    """One sync: the count that the metrics ask for, what the windows made of it, the new size, and what was in the way."""

    asked: int
    stabilized: int
    size: int
    bounds: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Behavior:
    """Both directions of an HPA. `written` tells whether it has a `behavior` at all: without one it grows by simpler rules."""

    up: Rules = DEFAULT_UP
    down: Rules = DEFAULT_DOWN
    written: bool = True
    tolerance: Tolerance = DEFAULT_TOLERANCE


UNWRITTEN = Behavior(written=False)


def utilization(use: float, request: float, pods: int) -> int:
    """The use of all Pods as whole percent of what `pods` of them request, cut off as the controller does."""
    return int(use * 100 / (request * pods))


def asked_for(use: float, request: float, target: int, ready: int, starting: int = 0, tolerance: Tolerance = DEFAULT_TOLERANCE) -> int:
    """The count that a utilization asks for, as the controller computes it before any rule limits it.

    `use` is that of all Pods together and `request` that of one, in the same unit; `target` is in percent. `ready` is how many Pods are
    ready (at least one), `starting` how many are not: on the way up they are counted as using nothing, on the way down not at all.
    """
    size = ready + starting
    measured = utilization(use, request, ready)
    if not starting or measured <= target:
        return size if tolerance.covers(measured, target) else math.ceil(measured / target * ready)
    diluted = utilization(use, request, size)
    return size if tolerance.covers(diluted, target) or diluted < target else math.ceil(diluted / target * size)


class _Wish(NamedTuple):
    at: int
    pods: int


@dataclass
class Autoscaler:
    """An HPA with its memory: what it has wished and what it has changed. Times are seconds, and never go back."""

    fewest: int
    most: int
    behavior: Behavior
    size: int
    _wishes: deque[_Wish] = field(default_factory=deque)
    _changes: deque[Change] = field(default_factory=deque)

    def sync(self, now: int, asked: int) -> Decision:
        """Decide on the size at `now`, when the metrics ask for `asked` Pods, and remember it."""
        if not self._wishes:
            self._wishes.append(_Wish(now, self.size))
        if not self.fewest <= self.size <= self.most:  # out of bounds: the metrics are not even asked
            bound = Bound.MINIMUM if self.size < self.fewest else Bound.MAXIMUM
            return self._decided(now, Decision(asked, asked, self._clamped(self.size), (bound,)))
        stabilized = self._stabilized(now, asked)
        self._wishes.append(_Wish(now, asked))
        bounds: list[Bound] = []
        if self._clamped(stabilized) != self._clamped(asked):
            bounds.append(Bound.UP_WINDOW if asked > stabilized else Bound.DOWN_WINDOW)
        within = self._clamped(stabilized)
        size = self._paced(now, within)
        if size != within:
            bounds.append(Bound.UP_POLICY if within > size else Bound.DOWN_POLICY)
        if asked > self.most == size:
            bounds.append(Bound.MAXIMUM)
        if asked < self.fewest == size:
            bounds.append(Bound.MINIMUM)
        return self._decided(now, Decision(asked, stabilized, size, tuple(bounds)))

    def _decided(self, now: int, decision: Decision) -> Decision:
        while self._changes and self._changes[0].at <= now - LONGEST_PERIOD:
            self._changes.popleft()
        if decision.size != self.size:
            self._changes.append(Change(now, decision.size - self.size))
            self.size = decision.size
        return decision

    def _clamped(self, count: int) -> int:
        return min(max(count, self.fewest), self.most)

    def _stabilized(self, now: int, asked: int) -> int:
        """The size as it is, moved no further than all wishes of the window agree on: up to the lowest, down to the highest.

        Without a `behavior` it is the highest wish, also where that is above the size: growth that was held back goes on for a window.
        """
        up, down = self.behavior.up.window, self.behavior.down.window
        while self._wishes and self._wishes[0].at <= now - max(up, down):
            self._wishes.popleft()
        floor = min((wish.pods for wish in self._wishes if wish.at > now - up), default=asked)
        ceiling = max((wish.pods for wish in self._wishes if wish.at > now - down), default=asked)
        lowest_wish, highest_wish = min(floor, asked), max(ceiling, asked)
        return min(max(self.size, lowest_wish), highest_wish) if self.behavior.written else highest_wish

    def _paced(self, now: int, wanted: int) -> int:
        """`wanted` as far as the policies allow."""
        if wanted < self.size:
            return max(wanted, lowest(self.behavior.down, self.size, self._changes, now))
        if self.behavior.written:
            return min(wanted, highest(self.behavior.up, self.size, self._changes, now))
        return min(wanted, max(2 * self.size, _UNHURRIED))
