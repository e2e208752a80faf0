"""How payloads are shared out: each keyword is a lane, a hot one several, and a tracker carries one lane or many.

Nothing here knows of Ray, the spool or Postgres.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from actors.parse import subject

BATCH = 5_000  # payloads a lane sends at once, when so many wait
FEW = 1_000  # payloads that are soon stored
COOL = 60.0  # seconds without a backlog after which a keyword needs no tracker of its own
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Payloads of one spool that may concern a keyword, in order, with their positions.

    `upto` is the last position this stretch covers, and `lane` names what has come so far. `pattern` finds the keyword
    in texts that came without a rule's tag; it is a regular expression, searched in any case.
    """

    keyword_id: int
    keyword: str
    lane: str
    spool: str
    upto: int
    payloads: list[tuple[int, bytes]]
    pattern: str | None = None

    @property
    def id(self) -> str:
        """What logs call it: whoever sends it, commits it, or does so again, names it alike."""
        return f"{self.spool}/{self.lane}@{self.upto}"


@dataclass(eq=False, slots=True)
class Lane:
    """A keyword's payloads, or one shard of them: those that wait, and the stretch not known to be committed.

    One stretch at a time, so that its positions only ever grow, whichever tracker carries it.
    """

    keyword: Followed
    name: str
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    sent: Stretch | None = None
    committed: int = 0  # payloads

    def landed(self) -> None:
        """Note that the stretch in flight is committed."""
        self.committed += len(self.sent.payloads) if self.sent else 0
        self.sent = None

    def uncommitted(self) -> int:
        """Count the payloads that are not known to be committed."""
        return len(self.waiting) + (len(self.sent.payloads) if self.sent else 0)

    def oldest(self) -> int:
        """Return the position of the oldest payload that is not known to be committed."""
        return self.sent.payloads[0][0] if self.sent else self.waiting[0][0]

    def next(self, spool: str, most: int) -> Stretch | None:
        """Return the stretch to send: the one sent before, if it is not known to be committed, or what waits."""
        if self.sent or not self.waiting or not self.keyword.settled():
            return self.sent
        payloads = [self.waiting.popleft() for _ in range(min(len(self.waiting), most))]
        one = self.keyword
        self.sent = Stretch(one.id, one.name, self.name, spool, payloads[-1][0], payloads, one.pattern)
        return self.sent


class Followed:
    """A keyword, and its payloads dealt onto one lane or, by what tweet each is about, onto several."""

    def __init__(self, keyword_id: int, name: str, pattern: str | None = None):
        self.id, self.name, self.pattern = keyword_id, name, pattern
        self.shards = 1  # lanes that it should have
        self._hot_until = 0.0
        self._open()

    def put(self, position: int, payload: bytes) -> None:
        """Let a payload wait in its lane."""
        lane = self.lanes[subject(payload) % len(self.lanes)] if len(self.lanes) > 1 else self.lanes[0]
        lane.waiting.append((position, payload))

    def settled(self) -> bool:
        """Say whether it has as many lanes as it should have; until then its payloads wait."""
        return self.shards == len(self.lanes)

    def settle(self) -> None:
        """Deal what waits onto the lanes that it should have, once nothing is in flight."""
        if self.settled() or any(lane.sent for lane in self.lanes):
            return
        waiting = sorted(payload for lane in self.lanes for payload in lane.waiting)
        self._open()
        for position, payload in waiting:
            self.put(position, payload)

    def hot(self, now: float | None = None) -> bool:
        """Say whether a whole batch waited behind the one in flight, now or a little while ago."""
        now = time.monotonic() if now is None else now
        if any(len(lane.waiting) >= BATCH for lane in self.lanes):
            self._hot_until = now + COOL
        return now < self._hot_until

    def waiting(self) -> int:
        """Count the payloads that wait."""
        return sum(len(lane.waiting) for lane in self.lanes)

    def uncommitted(self) -> int:
        """Count the payloads that are not known to be committed."""
        return sum(lane.uncommitted() for lane in self.lanes)

    def _open(self) -> None:
        """Make the lanes. No keyword has a quote in its name, so a shard has a name of its own."""
        names = [f'{self.name} "{shard}/{self.shards}"' for shard in range(1, self.shards + 1)]
        self.lanes = [Lane(self, name) for name in (names if self.shards > 1 else [self.name])]


def split(keywords: Collection[Followed], most: int, busy: int, now: float | None = None) -> None:
    """Ask for one more shard of the keyword that is furthest behind, and for a single lane of each that cooled down.

    There are never more than `most` trackers, nor more than `busy` that hot keywords keep busy at once.
    """
    hot = [one for one in keywords if one.hot(now)]
    for one in keywords:
        if one not in hot:
            one.shards = 1
    trackers = sum(one.shards for one in hot)
    others = len(hot) < len(keywords)
    if hot and trackers < min(busy, most - others):
        max(hot, key=Followed.waiting).shards += 1


def turns(waiting: Mapping[T, int], laden: int, busy: int) -> list[T]:
    """Return which of some idle trackers get what waits for them: the furthest behind first, and each that gets few.

    Of those that get many only `busy` work at once, with those `laden` already: on the same processors one more would
    slow the one that is furthest behind, for which all wait in the end.
    """
    order = sorted(waiting, key=waiting.__getitem__, reverse=True)
    many = [one for one in order if waiting[one] >= FEW]
    return many[: max(0, busy - laden)] + order[len(many) :]


def carriers(
    keywords: Collection[Followed], most: int, before: Mapping[str, str], now: float | None = None
) -> dict[str, str]:
    """Return the tracker of each lane, both by name: of at most `most` trackers, and few of them other than `before`.

    Every lane has one to itself when there are enough; else the hot ones do, and the others share what is left.
    """
    lanes = [lane for one in keywords for lane in one.lanes]
    first = lanes if len(lanes) <= most else [lane for lane in lanes if lane.keyword.hot(now)][: most - 1]
    alone = {lane.name: lane.name for lane in first}
    shared = [f'"shared {number}"' for number in range(1, most - len(alone) + 1)]
    rest = [lane.name for lane in lanes if lane.name not in alone]
    stay = {lane: before[lane] for lane in rest if before.get(lane) in shared}
    held = Counter(stay.values())
    for lane in rest:
        if lane not in stay:
            stay[lane] = min(shared, key=lambda tracker: held[tracker])
            held[stay[lane]] += 1
    return alone | stay
