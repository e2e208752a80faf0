"""Takes payloads from the spool to the trackers of their keywords, and lets go of what they have committed."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError
from sqlalchemy.exc import InterfaceError, OperationalError

from actors import parse
from actors.spool import Spool
from actors.tracker import KeywordTracker, Stretch, dead_letter, keyword_of
from core import db, queries, store

log = logging.getLogger(__name__)

NAMESPACE = "talker"
BATCH = 5_000  # payloads a tracker gets at once, when so many wait
WAITING = 20_000  # payloads taken from the spool and not yet committed: what bounds our memory
# Postgres or a host is away, or the spool's disk is full; that may pass.
OUTAGES = (OperationalError, InterfaceError, RayActorError, sqlite3.OperationalError)
LONGEST_PAUSE = 16.0  # seconds
IDLE = 0.1  # seconds between looks at an empty spool
REFRESH = 2.0  # seconds between looks at the keyword table

# Ray starts a tracker that died again and sends its stretch again; committing a stretch twice changes nothing.
RemoteTracker: Any = ray.remote(num_cpus=0.05, max_restarts=-1, max_task_retries=-1)(KeywordTracker)


def start_tracker(keyword_id: int, name: str, database_url: str) -> Any:
    """Start the actor `tracker:NAME` for a keyword, or take the one that runs."""
    named = RemoteTracker.options(name=f"tracker:{name}", namespace=NAMESPACE, get_if_exists=True)
    return named.remote(keyword_id, name, database_url)


@dataclass
class Tracked:
    """A keyword as the supervisor sees it: its tracker, what waits for it, and the stretch in flight."""

    tracker: Any
    pattern: str | None
    waiting: deque[tuple[int, bytes]] = field(default_factory=deque)
    sent: Stretch | None = None
    call: Any = None

    def uncommitted(self) -> int:
        """Count the payloads that are not known to be committed."""
        return len(self.waiting) + (len(self.sent.payloads) if self.sent else 0)

    def oldest(self) -> int:
        """Return the position of the oldest payload that is not known to be committed."""
        return self.sent.payloads[0][0] if self.sent else self.waiting[0][0]

    def send(self, spool: str) -> None:
        """Give the tracker what waits for it, as one stretch."""
        payloads = [self.waiting.popleft() for _ in range(min(len(self.waiting), BATCH))]
        self.sent = Stretch(spool, payloads[-1][0], payloads, self.pattern)
        self.call = self.tracker.add.remote(self.sent)


class Supervisor:
    """Owns the trackers: one for each active keyword.

    A plain class: `talker replay` calls it, `talker up` makes it an actor. A tracker has one stretch in flight, so
    that its payloads stay in order; what gathers meanwhile is its next stretch, so batches grow with the backlog.
    `patterns` (a regular expression by keyword) finds keywords in payloads whose rules have no tag.
    """

    def __init__(self, database_url: str, spool: Path, patterns: Mapping[str, str] | None = None):
        self.read = 0  # tweets taken from the spool
        self._url = database_url
        self._engine = db.engine(database_url)
        self.spool = Spool(spool)
        self._patterns = {name.casefold(): pattern for name, pattern in (patterns or {}).items()}
        self._tracked: dict[str, Tracked] = {}
        self._taken = 0  # position of the last payload taken from the spool
        self._acknowledged = 0
        self._pause = 0.0
        self._strangers: set[str] = set()  # keywords that our rules named and the table did not
        self._stopping = threading.Event()
        self.refresh()

    def refresh(self) -> None:
        """Follow the keyword table: a tracker for each active keyword, none for one that was removed."""
        with self._engine.connect() as connection:
            active = {row.name.casefold(): row for row in connection.execute(queries.keywords())}
        for name in active.keys() - self._tracked.keys():
            tracker = start_tracker(active[name].id, active[name].name, self._url)
            self._tracked[name] = Tracked(tracker, self._patterns.get(name))
        for name in self._tracked.keys() - active.keys():
            if not self._tracked[name].uncommitted():
                del self._tracked[name]  # Ray ends an actor that nobody holds

    def run(self) -> None:
        """Go on until `stop`, with an eye on the keyword table."""
        refreshed = time.monotonic()
        while not self._stopping.is_set():
            if not self.step():
                self._stopping.wait(IDLE)
            if time.monotonic() - refreshed > REFRESH:
                self._outlast(self.refresh)
                refreshed = time.monotonic()

    def stop(self) -> None:
        """End `run` soon; what is not committed yet waits in the spool."""
        self._stopping.set()

    def step(self, timeout: float = 0.1) -> bool:
        """Move what can be moved, waiting at most `timeout` seconds for a tracker; False when nothing is left."""
        self._outlast(self._take)
        for one in self._tracked.values():
            if one.waiting and not one.sent:
                one.send(self.spool.name)
        self._collect(timeout)
        self._outlast(self._acknowledge)
        return self.uncommitted() > 0 or bool(self.spool.read(self._taken, 1))

    def uncommitted(self) -> int:
        """Count the payloads taken from the spool and not known to be committed, once for each keyword."""
        return sum(one.uncommitted() for one in self._tracked.values())

    def _take(self) -> None:
        """Read on in the spool, as far as memory is allowed to hold."""
        room = max(0, WAITING - self.uncommitted())
        for position, payload in self.spool.read(self._taken, min(room, BATCH)):
            for name in self._concerned(position, payload):
                self._tracked[name].waiting.append((position, payload))
            self._taken = position

    def _concerned(self, position: int, payload: bytes) -> Iterator[str]:
        """Yield the keywords that a payload's rules name, and those to be looked for by a pattern."""
        try:
            delivered = parse.document(payload)
        except parse.Malformed as error:
            store.save_dead(self._engine, [dead_letter(self.spool.name, position, payload, "malformed", str(error))])
            return
        if tweets := parse.tweets_in(delivered):
            tags = parse.tags_of(delivered)
            self._meet({keyword_of(tag) for tag in tags if tag.startswith(parse.MARK)})
            self.read += tweets
            tagged = {keyword_of(tag) for tag in tags}
            yield from (name for name, one in self._tracked.items() if one.pattern or name in tagged)

    def _meet(self, named: set[str]) -> None:
        """Look at the keyword table at once when a rule of ours names a keyword that we do not know yet."""
        if named - self._tracked.keys() - self._strangers:
            self.refresh()
            self._strangers = (
                named - self._tracked.keys()
            )  # removed since; asking again for each of their tweets is vain

    def _collect(self, timeout: float) -> None:
        """Wait for one of the stretches in flight, and note it as committed or send it again."""
        flying = {one.call: one for one in self._tracked.values() if one.sent}
        if not flying:
            return
        for call in ray.wait(list(flying), timeout=timeout)[0]:
            one = flying[call]
            try:
                ray.get(call)
            except OUTAGES as error:
                self._wait_out(error)
                one.call = one.tracker.add.remote(one.sent)
            else:
                one.sent, self._pause = None, 0.0

    def _outlast(self, act: Callable[[], None]) -> None:
        """Do what is done again at the next step if Postgres or the disk does not take it now."""
        try:
            act()
        except OUTAGES as error:
            self._wait_out(error)

    def _wait_out(self, error: Exception) -> None:
        """Pause, each time twice as long, during an outage. Payloads wait in the spool meanwhile."""
        self._pause = min(max(0.25, self._pause * 2), LONGEST_PAUSE)
        raised = getattr(error, "cause", error)  # Ray wraps what a tracker raises, and SQLAlchemy what Postgres says
        reason = str(getattr(raised, "orig", raised)).strip().splitlines()[0]
        log.warning("Payloads wait in the spool (%s); trying again in %s s.", reason, self._pause)
        self._stopping.wait(self._pause)

    def _acknowledge(self) -> None:
        """Let the spool go of everything older than the oldest payload that is not committed."""
        waits = [one.oldest() for one in self._tracked.values() if one.uncommitted()]
        upto = min(waits) - 1 if waits else self._taken
        if upto > self._acknowledged:
            self.spool.acknowledge(upto)
            self._acknowledged = upto
