"""Takes payloads from the spool to the trackers of their keywords, and lets go of what they have committed."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError

from actors import lanes, packs, parse
from actors.arrivals import Arrivals
from actors.compliance import heed
from actors.lanes import BATCH, FEW, Followed, Lane
from actors.spool import Spool
from actors.tracker import KeywordTracker, dead_letter, keywords_named
from core import batches, db, queries, store

log = logging.getLogger(__name__)

NAMESPACE = "talker"
WAITING = 40_000  # payloads taken from the spool and not yet committed: what bounds our memory
PAUSE = 0.2  # seconds for which a tracker that would get few payloads waits for more: small commits are dear
STUCK = 10.0  # seconds after which a call is no reason any more for others to wait
# Postgres or a host is away, or the spool's disk is full; that may pass.
OUTAGES = (OperationalError, InterfaceError, RayActorError, sqlite3.OperationalError)
LONGEST_WAIT = 16.0  # seconds
IDLE = 0.1  # seconds between looks at an empty spool
REFRESH = 2.0  # seconds between looks at the keyword table
SHARE_OUT = 1.0  # seconds between looks at who carries what
TELL = 5.0  # seconds between two words to Postgres of how the lanes are
LET_GO = 0.5  # seconds between two commits to the spool of what it need not hold any more

TRACKER = "tracker:"  # how the names of their actors begin
# Ray starts a tracker that died again and sends its stretches again; committing a stretch twice changes nothing.
RemoteTracker: Any = ray.remote(num_cpus=0.05, max_restarts=-1, max_task_retries=-1, scheduling_strategy="SPREAD")(
    KeywordTracker
)


@dataclass(eq=False)
class Tracker:
    """A tracker as the supervisor sees it: its actor, the lanes it carries, and those of the call in flight."""

    name: str
    database_url: str
    detached: bool
    lanes: list[Lane] = field(default_factory=list)
    flying: list[Lane] = field(default_factory=list)
    call: Any = None
    sent_at: float = 0.0
    took: float = 0.0  # seconds, from sending to commit
    process: int = 0
    restarts: int = -1

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start the actor `tracker:NAME`, or take the one that runs."""
        named = {"name": TRACKER + self.name, "namespace": NAMESPACE, "get_if_exists": True}
        lifetime = "detached" if self.detached else None
        self.actor = RemoteTracker.options(**named, lifetime=lifetime).remote(self.database_url)

    def waiting(self) -> int:
        """Count the payloads that it could get now."""
        return sum(lane.uncommitted() for lane in self.lanes if lane.sent or lane.keyword.settled())

    def laden(self) -> bool:
        """Say whether it has much to do; a call that takes very long waits for something and needs no processor."""
        carried = sum(len(lane.sent.payloads) for lane in self.flying if lane.sent)
        return carried >= FEW and time.monotonic() - self.sent_at < STUCK

    def due(self) -> bool:
        """Say whether it should get what waits for it, now."""
        waiting = self.waiting()
        return not self.flying and (waiting >= FEW or (waiting > 0 and time.monotonic() - self.sent_at >= PAUSE))

    def send(self, spool: str, elsewhere: set[Lane]) -> None:
        """Give it what waits in its lanes, a stretch a keyword; lanes in flight `elsewhere` must come back first."""
        room, stretches = BATCH, {}
        for lane in self.lanes:
            if lane not in elsewhere and lane.keyword not in stretches and room > 0 and (one := lane.next(spool, room)):
                stretches[lane.keyword] = one
                self.flying.append(lane)
                room -= len(one.payloads)
                log.info("Sent", extra={"batch": one.id, "payloads": len(one.payloads), "tracker": self.name})
        if stretches:
            self.call, self.sent_at = self.actor.add.remote(list(stretches.values())), time.monotonic()

    def landed(self, process: int) -> None:
        """Note that the call in flight is committed, by a process of this id."""
        for lane in self.flying:
            lane.landed()
        self.took = time.monotonic() - self.sent_at
        self.restarts += process != self.process
        self.process = process


class Supervisor:
    """Owns the trackers: one for each active keyword, as far as `most` trackers suffice.

    A plain class: `talker replay` calls it, `talker up` makes it an actor. A lane has one stretch in flight, so that
    its payloads stay in order; what gathers meanwhile is its next stretch, so batches grow with the backlog.
    `patterns` (a regular expression by keyword) finds keywords in payloads whose rules have no tag. `detached` trackers
    outlive a supervisor that is killed; the next one takes them over.
    """

    def __init__(
        self,
        database_url: str,
        spool: Path,
        patterns: Mapping[str, str] | None = None,
        most: int = 8,
        *,
        detached: bool = False,
    ):
        self.read = 0  # tweets taken from the spool
        self._url, self._most, self._detached = database_url, most, detached
        self._engine = db.engine(database_url)
        self.spool = Spool(spool)
        self._patterns = {name.casefold(): pattern for name, pattern in (patterns or {}).items()}
        self._judge = packs.Judge()
        self._followed: dict[str, Followed] = {}
        left = left_behind() if detached else []
        self._trackers = {name: Tracker(name, database_url, detached) for name in left}
        self._carrier: dict[str, str] = {}  # the tracker of each lane, by name
        self._arrivals = Arrivals()
        self._taken = 0  # position of the last payload taken from the spool
        self._acknowledged = 0
        self._shared_out = self._let_go = self._told = 0.0
        self._wait = 0.0
        self._processors = 1  # of the cluster
        self._sought: set[str] = set()  # keywords to be looked for by a pattern
        self._named: dict[frozenset[str], Set[str]] = {}  # the keywords of a payload with such tags
        self._strangers: set[str] = set()  # keywords that our rules named and the table did not
        self._refreshed: float | None = None
        self._stopping = threading.Event()

    def refresh(self) -> None:
        """Follow the keyword table: payloads of each active keyword are tracked, and none of one that was removed."""
        with self._engine.connect() as connection:
            active = {row.name.casefold(): row for row in connection.execute(queries.keywords())}
        self._judge.learn(row for row in active.values() if not row.paused)
        for name in active.keys() - self._followed.keys():
            self._followed[name] = Followed(active[name].id, active[name].name, self._patterns.get(name))
        for name in self._followed.keys() - active.keys():
            if not self._followed[name].uncommitted():
                del self._followed[name]
        self._sought = {name for name, one in self._followed.items() if one.pattern}
        self._named.clear()
        self._share_out()
        self._refreshed = time.monotonic()

    def run(self) -> None:
        """Go on until `stop`."""
        while not self._stopping.is_set():
            if not self.step():
                self._stopping.wait(IDLE)
            if time.monotonic() - self._told > TELL:
                self._outlast(self._tell)

    def stop(self) -> None:
        """End `run` soon; what is not committed yet waits in the spool."""
        self._stopping.set()

    def step(self, timeout: float = 0.1) -> bool:
        """Move what can be moved, waiting at most `timeout` seconds for a tracker; False when nothing is left."""
        if self._refreshed is None or time.monotonic() - self._refreshed > REFRESH:
            self._outlast(self.refresh)
        if self._refreshed is None:  # whose payloads the spool holds is not known before Postgres answers
            return True
        self._arrivals.note(self.spool.newest)
        self._outlast(self._take)
        if time.monotonic() - self._shared_out > SHARE_OUT:
            self._share_out()
        self._send()
        self._collect(timeout)
        self._outlast(self._acknowledge)
        return self.uncommitted() > 0 or bool(self.spool.read(self._taken, 1))

    def uncommitted(self) -> int:
        """Count the payloads taken from the spool and not known to be committed, once for each keyword."""
        return sum(one.uncommitted() for one in self._followed.values())

    def status(self) -> list[dict[str, Any]]:
        """Tell of each lane which tracker carries it, what waits and since when, and what was committed so far."""
        return [
            {
                "keyword": lane.keyword.name,
                "lane": lane.name,
                "tracker": tracker.name,
                "waiting": len(lane.waiting),
                "in_flight": lane.uncommitted() - len(lane.waiting),
                "lag_s": self._lag(lane),
                "batch_s": round(tracker.took, 3),
                "committed": lane.committed,
                "restarts": max(0, tracker.restarts),
                "process": tracker.process,
            }
            for tracker in list(self._trackers.values())
            for lane in list(tracker.lanes)
        ]

    def _tell(self) -> None:
        """Tell Postgres how the lanes are, for the admin's page."""
        self._told = time.monotonic()
        store.tell(self._engine, "supervisor", datetime.now(UTC), {"lanes": self.status()})

    def _lag(self, lane: Lane) -> float:
        """Return for how long the oldest payload has waited that is not known to be committed, since it came."""
        try:
            return round(self._arrivals.age(lane.oldest()), 1)
        except IndexError:  # none waits, or the last has just gone
            return 0.0

    def full(self) -> bool:
        """Say whether as much waits here as memory is allowed to hold."""
        return self.uncommitted() >= WAITING

    def _take(self) -> None:
        """Read on in the spool, as far as memory is allowed to hold."""
        room = max(0, WAITING - self.uncommitted())
        for position, raw in self.spool.read(self._taken, min(room, BATCH)):
            payload = self._judge.addressed(raw, self.refresh)
            for name in self._concerned(position, payload):
                self._followed[name].put(position, payload)
            self._taken = position

    def _concerned(self, position: int, payload: bytes) -> Set[str]:
        """Return the keywords that a payload's rules name, and those to be looked for by a pattern."""
        tags, tweets = parse.tags_at_end(payload), 1
        if tags is None:
            try:
                delivered = parse.document(payload)
            except parse.Malformed as error:
                dead = dead_letter(self.spool.name, position, payload, "malformed", str(error))
                batches.save_dead(self._engine, [dead])
                return frozenset()
            tags, tweets = parse.tags_of(delivered), parse.tweets_in(delivered)
            if not tweets:
                heed(self._engine, self.spool, delivered)
                return frozenset()
        self.read += tweets
        if tags not in self._named:
            self._meet(keywords_named(tags, marked=True))
            self._named[tags] = self._sought | (self._followed.keys() & keywords_named(tags))
        return self._named[tags]

    def _meet(self, named: frozenset[str]) -> None:
        """Look at the keyword table at once when a rule of ours names a keyword that we do not know yet."""
        if named - self._followed.keys() - self._strangers:
            self.refresh()
            self._strangers = set(named - self._followed.keys())  # removed since: asking for each tweet is vain

    def _share_out(self) -> None:
        """Look who needs more trackers and who fewer, start and end them, and give each its lanes.

        A lane that moves is sent by its new tracker as soon as the old one has committed what is in flight.
        """
        keywords = self._followed.values()
        if keywords:
            self._processors = int(ray.cluster_resources()["CPU"])
            # Half of the cluster's processors: the others are for Postgres, Spark and ourselves.
            lanes.split(keywords, self._most, busy=self._processors // 2)
        for one in keywords:
            one.settle()
        self._carrier = lanes.carriers(keywords, self._most, self._carrier)
        for name in set(self._carrier.values()) - self._trackers.keys():
            self._trackers[name] = Tracker(name, self._url, self._detached)
        for tracker in self._trackers.values():
            tracker.lanes = []
        for lane in (lane for one in keywords for lane in one.lanes):
            self._trackers[self._carrier[lane.name]].lanes.append(lane)
        for idle in [name for name, one in self._trackers.items() if not one.lanes and not one.flying]:
            tracker = self._trackers.pop(idle)
            if tracker.detached:  # others Ray ends by itself when nobody holds them
                ray.kill(tracker.actor)
        self._shared_out = time.monotonic()

    def _send(self) -> None:
        """Give trackers that have nothing to do what waits for them."""
        trackers = self._trackers.values()
        flying = {lane for one in trackers for lane in one.flying}
        due = {one: one.waiting() for one in trackers if one.due()}
        busy = max(2, self._processors - 1)  # one is for ourselves
        for tracker in lanes.turns(due, sum(one.laden() for one in trackers), busy):
            tracker.send(self.spool.name, flying)

    def _collect(self, timeout: float) -> None:
        """Wait for one of the calls in flight, and note its stretches as committed or to be sent again."""
        flying = {one.call: one for one in self._trackers.values() if one.flying}
        if not flying:
            self._stopping.wait(min(timeout, 0.01) if self.uncommitted() else 0)
            return
        for call in ray.wait(list(flying), timeout=timeout)[0]:
            tracker = flying[call]
            try:
                tracker.landed(ray.get(call))
                self._wait = 0.0
                if not all(lane.keyword.settled() for lane in tracker.flying):
                    self._shared_out = 0.0  # now: its payloads wait for that
            except (*OUTAGES, DatabaseError) as error:
                if not passing(error):
                    raise
                self._wait_out(error)
                if isinstance(error, RayActorError):
                    tracker.start()
            tracker.flying = []

    def _outlast(self, act: Callable[[], None]) -> None:
        """Do what is done again at the next step if Postgres or the disk does not take it now."""
        try:
            act()
        except (*OUTAGES, DatabaseError) as error:
            if not passing(error):
                raise
            self._wait_out(error)

    def _wait_out(self, error: Exception) -> None:
        """Wait, each time twice as long, during an outage. Payloads wait in the spool meanwhile."""
        self._wait = min(max(0.25, self._wait * 2), LONGEST_WAIT)
        raised = getattr(error, "cause", error)  # Ray wraps what a tracker raises, and SQLAlchemy what Postgres says
        reason = str(getattr(raised, "orig", raised)).strip().splitlines()[0]
        log.warning("Payloads wait in the spool (%s); trying again in %s s.", reason, self._wait)
        self._stopping.wait(self._wait)

    def _acknowledge(self) -> None:
        """Let the spool go of everything older than the oldest payload that is not committed."""
        waits = [lane.oldest() for one in self._followed.values() for lane in one.lanes if lane.uncommitted()]
        upto = min(waits) - 1 if waits else self._taken
        now = time.monotonic()
        self._arrivals.forget(upto)
        if upto > self._acknowledged and (not waits or now - self._let_go > LET_GO):
            self.spool.acknowledge(upto)
            self._acknowledged, self._let_go = upto, now


def left_behind() -> list[str]:
    """Return the names of the trackers that an earlier supervisor left."""
    named = ray.util.list_named_actors(all_namespaces=True)
    ours = [one["name"] for one in named if one["namespace"] == NAMESPACE]
    return [name.removeprefix(TRACKER) for name in ours if name.startswith(TRACKER)]


def passing(error: Exception) -> bool:
    """Say whether an error is an outage, which may pass: then the same is tried again.

    psycopg2 has a class for each kind of error that Postgres names; the bare one is of a server that died amid a
    statement, and names none.
    """
    raised = getattr(error, "cause", error)  # Ray wraps what a tracker raises
    return isinstance(error, OUTAGES) or type(raised) is DatabaseError
