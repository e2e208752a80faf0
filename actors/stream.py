"""The one connection to X: reads the filtered stream into the spool, as raw bytes.

X allows one stream connection, so everything here exists once; the waits between two attempts are ours alone.
"""

from __future__ import annotations

import logging
import math
import queue
import random
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests
import tweepy
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from actors import waits
from actors.budget import Prices
from actors.connection import SILENCE, Attempt, Ended, at, refused
from actors.errands import Errands, usual
from actors.governor import Governor
from actors.heartbeat import Heartbeat
from actors.journal import Journal
from actors.lookup import Lookup
from actors.rules import RuleKeeper
from actors.spool import Spool
from core import db, queries, store, syntax

log = logging.getLogger(__name__)

GROUP, GROUP_SECONDS = 500, 0.2  # payloads written to the spool together, or those of so long
RULE_SECONDS = 5.0  # how soon a changed keyword reaches X
CONNECTIONS = "/2/connections/filtered_stream"
UNLIMITED = Prices(daily=math.inf)


class StreamError(Exception):
    """X refuses us for good; says what to mend."""


class Outages:
    """Tells Postgres when the stream was not listening, and why: one row from the first loss until we listen again.

    What Postgres does not take now it is told later, with the time at which it happened: the stream never waits for it.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self._untold: deque[Callable[[], object]] = deque()
        self._telling = threading.Lock()
        self._out = False

    def began(self, reason: str, at: datetime | None = None) -> None:
        """Note that we do not listen, since now or an earlier time; the first reason holds."""
        if not self._out:
            self._out = True
            self._untold.append(partial(self._open, at or datetime.now(UTC), reason))
            self.tell()

    def ended(self) -> None:
        """Note that we listen, also after an outage that an earlier process left open."""
        self._out = False
        self._untold.append(partial(store.close_gaps, self._engine, datetime.now(UTC)))
        self.tell()

    def tell(self) -> None:
        """Write what is still untold."""
        with self._telling:
            try:
                while self._untold:
                    self._untold[0]()
                    self._untold.popleft()
            except DBAPIError as error:
                log.warning("Postgres does not take the gap yet: %s", error.orig)

    def _open(self, at: datetime, reason: str) -> None:
        with self._engine.connect() as connection:
            open_already = connection.execute(queries.open_gap()).first()
        if not open_already:
            store.open_gap(self._engine, at, reason)


class Reader:
    """Holds the connection, keeps the rules, and writes what comes to the spool.

    A plain class: it is made an actor where it is started. It may die at any time: what the spool has is safe, and the
    limit of connects is kept beside it.

    Args:
        bearer_token: of the X app.
        base_url: where X answers.
        database_url: of the keywords and the gaps.
        spool: the file that payloads go to.
        silence: seconds without a byte after which X is gone.
        rule_seconds: how soon a changed keyword reaches X.
        spool_mb: megabytes that the spool may hold; while it holds more, nothing is read from X.
        prices: what a day may cost; above, nothing is read from X.
        errands: whether to fill gaps, refresh counts and learn of deletions, too.
        rule_length: characters that X allows a rule.
        pause: the seconds to wait before the next attempt; each is stretched by up to a tenth.
    """

    def __init__(
        self,
        bearer_token: str,
        base_url: str,
        database_url: str,
        spool: Path,
        *,
        silence: float = SILENCE,
        rule_seconds: float = RULE_SECONDS,
        spool_mb: int = 2048,
        prices: Prices = UNLIMITED,
        errands: bool = False,
        rule_length: int = syntax.LONGEST,
        pause: Callable[[Ended, int, float], float] = waits.pause,
    ):
        logging.getLogger("tweepy").setLevel(logging.WARNING)  # its debug log prints the bearer token
        self._token, self._base_url = bearer_token, base_url
        self._silence, self._rule_seconds, self._pause = silence, rule_seconds, pause
        engine = self._engine = db.engine(database_url)
        self._spool, self._spool_mb, self._full = Spool(spool), spool_mb, False
        self._connects = waits.Connects(spool.with_suffix(".connects"))
        self._heartbeat = Heartbeat(spool.with_suffix(".heard"))
        self._rules = RuleKeeper(engine, self._client, rule_length)
        self._governor = Governor(engine, Journal(spool.with_suffix(".paid")), prices, self._client)
        self._outages = Outages(engine)
        self._errands: Errands | None = (
            usual(engine, spool, Lookup(bearer_token, base_url, silence), prices) if errands else None
        )
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=20_000)  # full: the socket waits, and X with it
        self._stopping, self._rules_due, self._read = threading.Event(), threading.Event(), threading.Event()
        self._state, self._attempts = "starting", 0
        self._attempt: Attempt | None = None
        self._freed = False
        self._fault: Exception | None = None

    def run(self) -> None:
        """Follow the stream until `stop`; when this returns, all that came is in the spool.

        Raises:
            StreamError: X refuses us for good.
            sqlite3.Error: the spool cannot be written, or still could not for want of disk when it was time to stop.
        """
        if heard := self._heartbeat.last():  # by a reader before us, which may have been killed and could not tell
            self._outages.began("no reader", heard)
        writer = threading.Thread(target=self._write)
        writer.start()
        threading.Thread(target=self._keep_rules, daemon=True).start()
        if self._errands:
            threading.Thread(target=self._errands.run, args=(self._stopping,), daemon=True).start()
        try:
            self._follow()
        finally:
            self._read.set()
            writer.join()
        if self._fault:
            raise self._fault

    def stop(self) -> None:
        """End `run` within a second, whatever it is doing."""
        self._stopping.set()
        self._rules_due.set()
        self._hang_up()

    def health(self) -> dict[str, Any]:
        """Tell the connection's state, how many payloads wait in memory, and why X refuses which keyword's rule."""
        told = {"state": self._state, "in_memory": self._lines.qsize(), "refused": self._rules.refused}
        told["connects"] = self._attempts
        return told | {"percent": self._governor.percent, "spent_usd": round(self._governor.spent(), 4)}

    def _follow(self) -> None:
        """Make one attempt after the other."""
        bad_ends: Counter[str] = Counter()
        while self._may_connect():
            ended = self._connect()
            if self._stopping.is_set():
                return
            if self._full or not self._governor.percent:
                continue
            if ended.healthy:
                bad_ends.clear()
            bad_ends[ended.outcome] += 1
            self._lose(ended, self._pause(ended, bad_ends[ended.outcome], time.time()))

    def _may_connect(self) -> bool:
        """Wait for room, for money, for a rule and for X's limit of connects; returns False when it is time to stop."""
        while (state := self._obstacle()) and not self._stopping.wait(0.1):
            self._state = state
        if seconds := self._connects.wait(time.time()):
            self._state = f"not listening (X's limit of connects: {seconds:.0f} s)"
            log.warning("As many connects as X allows; the next one in %.0f s.", seconds)
        return not self._stopping.wait(seconds)

    def _obstacle(self) -> str:
        """Return the state in which we must not connect; none if we may."""
        if self._full:
            self._outages.began("spool full")
            return "spool full: not reading"
        if not self._governor.percent:
            self._outages.began(f"budget: {self._governor.reason}")
            return f"budget ({self._governor.reason}): not reading"
        if not self._rules.in_force:
            return "no keyword is tracked" if self._rules.known() else "not listening (rules)"
        return ""

    def _connect(self) -> Ended:
        self._connects.spend(time.time())
        self._attempts += 1
        attempt = Attempt(self._token, self._hear, self._listening, self._heartbeat.beat)
        self._attempt = at(attempt, self._base_url, self._silence)
        if self._stopping.is_set():  # `stop` came too early to see this attempt
            attempt.hang_up()
        return attempt.follow()

    def _hear(self, line: bytes) -> None:
        self._lines.put(line)
        self._heartbeat.beat()

    def _listening(self) -> None:
        self._state, self._freed = "listening", False
        log.info("Listening to %s", self._base_url)
        self._outages.ended()
        self._heartbeat.beat()

    def _lose(self, ended: Ended, seconds: float) -> None:
        """Record that we are not listening, and why; mend what can be mended; then wait."""
        self._state = f"{'budget' if ended.over_budget() else 'not listening'} ({ended.reason()})"
        self._outages.began(ended.reason())
        if ended.fatal():
            self._fail(fatal(ended))
            return
        if ended.status == 409:  # X has none of our rules, whoever deleted them
            self._rules.forget()
            self._rules_due.set()
        if ended.too_many_connections() and not self._freed:
            self._freed = True
            threading.Thread(target=self._free_connection, daemon=True).start()
        seconds *= random.uniform(1, 1.1)
        log.warning("The stream ended (%s); next attempt in %.1f s.", ended.reason(), seconds)
        self._stopping.wait(seconds)

    def _free_connection(self) -> None:
        """Let X close the connection that it still counts."""
        try:
            self._client().request("DELETE", CONNECTIONS)
        except (tweepy.TweepyException, requests.RequestException) as error:
            log.warning("X does not close the other connection: %s", error)

    def _client(self) -> tweepy.StreamingClient:
        return at(tweepy.StreamingClient(self._token), self._base_url, self._silence)

    def _keep_rules(self) -> None:
        """Keep the rules, and tell Postgres of outages that it has not taken yet, until it is time to stop."""
        while not self._stopping.is_set():
            self._rules_due.clear()
            try:
                self._keep(self._governor.look())
            except (tweepy.Unauthorized, tweepy.Forbidden) as error:
                self._outages.began(refused(error.response).reason())
                self._fail(fatal(refused(error.response)))
            except (DBAPIError, tweepy.TweepyException, requests.RequestException) as error:
                log.warning("The rules stay as they are: %s", error)
                if not self._rules.in_force:
                    self._outages.began("rules")
            self._outages.tell()
            self._tell()
            self._rules_due.wait(self._rule_seconds)

    def _tell(self) -> None:
        """Tell Postgres how we are, for the admin's page; it is told anew soon, so nothing is lost by an outage."""
        told = self.health() | {"spool_bytes": self._spool.size(), "spool_full": self._full}
        with suppress(DBAPIError):
            store.tell(self._engine, "reader", datetime.now(UTC), told)

    def _keep(self, percent: int) -> None:
        """Let X's rules ask for a share of the stream; of none of it at once, whatever becomes of the rules."""
        if not percent:
            self._hang_up()
        self._rules.keep(percent)
        self._governor.in_force(percent)

    def _hang_up(self) -> None:
        if self._attempt:
            self._attempt.hang_up()

    def _write(self) -> None:
        """Write lines to the spool as they come, in groups, so that one flush to disk serves many."""
        group: list[bytes] = []
        while group or not self._read.is_set() or not self._lines.empty():
            group = group or self._group()
            try:
                if group:
                    self._pay(group)
                    self._spool.append(group)
                group = []
                # Once full, it must drain a little: each time we listen again costs a connect.
                self._mind(self._spool.full(max(1, self._spool_mb * 9 // 10) if self._full else self._spool_mb))
            except sqlite3.Error as error:
                disk_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
                if not disk_full or self._stopping.wait(GROUP_SECONDS):
                    self._fail(error)
                    return
                self._mind(True)  # the disk is full: the group waits in memory, and X for us

    def _pay(self, group: list[bytes]) -> None:
        """Put a group on the bill before the spool has it, and hang up when that was the last we could pay for."""
        self._governor.note(group)
        if not self._governor.percent:
            self._rules_due.set()
            self._hang_up()

    def _mind(self, full: bool) -> None:
        """Hang up when the spool has become full: X would drop a reader that only slows down, and not say when."""
        if full and not self._full:
            log.error("The spool is full: nothing is read from X until it drains.")
        self._full = full
        if full:
            self._hang_up()

    def _group(self) -> list[bytes]:
        group: list[bytes] = []
        until = time.monotonic() + GROUP_SECONDS
        while len(group) < GROUP and (left := until - time.monotonic()) > 0:
            try:
                group.append(self._lines.get(timeout=left))
            except queue.Empty:
                break
        return group

    def _fail(self, error: Exception) -> None:
        """Let `run` end with an error."""
        self._fault = error
        self.stop()


def fatal(ended: Ended) -> StreamError:
    """Say what to mend before X will have us."""
    told = f"{ended.reason()} {ended.problem.get('detail', '')}".strip()
    return StreamError(f"X answers {told}: check TALKER_X_BEARER_TOKEN and your app's access.")
