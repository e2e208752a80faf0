"""Keeps what the stream costs within the day's budget: all of it at first, then a sample, at last nothing.

What is sampled is sampled by X, by a `sample:` in our rules, and noted: whoever shows numbers can say so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import requests
import tweepy
from sqlalchemy import Engine

from actors import parse
from actors.budget import FIRST_SHARE, Budget, Prices, midnight
from actors.journal import Journal
from core import store

log = logging.getLogger(__name__)

PLAN_SECONDS = 600.0  # how long a share holds: each change writes all rules anew, of which X allows so many
ASK_SECONDS = 300.0  # how often X is asked for its own count
USAGE = "/2/usage/tweets"
FAR_APART = 1.05  # of two counts


@dataclass(frozen=True)
class Known:
    """What the bill of a day came to when Postgres was last read, and how many posts the journal had then."""

    day: date
    usd: float
    noted: int


class Governor:
    """Decides which share of the stream we can pay for.

    Attributes:
        percent: the share to ask X for, 0 to 100.
        reason: why it is not 100.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        prices: Prices,
        client: Callable[[], tweepy.StreamingClient],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self.percent, self.reason = 100, ""
        self._engine, self._journal, self._client, self._clock = engine, journal, client, clock
        self._budget = Budget(engine, prices, clock)
        self._read = 100  # the share that X's rules in force ask for
        self._noted = journal.count(clock())
        self._known = Known(clock().date(), 0.0, 0)
        self._planned = self._asked = datetime.min.replace(tzinfo=UTC)
        self._cap_reached = False

    def note(self, payloads: Iterable[bytes]) -> None:
        """Put on the bill what came over the stream, and stop at once when the budget is used up.

        Raises:
            sqlite3.OperationalError: the disk is full; note them again later.
        """
        now = self._clock()
        self._turn(now)
        self._noted += self._journal.note(posts_in(payloads), now, max(1, self._read))
        if self.spent() >= self._budget.prices.daily:
            self._take(0)

    def spent(self) -> float:
        """Return what this day cost up to now, in dollars, as far as we know."""
        return self._known.usd + (self._noted - self._known.noted) * self._budget.prices.post

    def look(self) -> int:
        """Tell Postgres what is new on the bill, see what others spent and what X says, and decide anew.

        Raises:
            sqlalchemy.exc.DBAPIError: Postgres is away; what we noted ourselves still counts.
        """
        now = self._clock()
        self._turn(now)
        try:
            self._ask(now)
            self._tell()
            noted = self._noted
            self._known = Known(now.date(), self._budget.today().usd, noted)
        finally:
            self._plan(now)
        return self.percent

    def in_force(self, percent: int) -> None:
        """Note which share the rules that X has ask for, so that what comes now is known to be a sample of so much."""
        store.sample(self._engine, self._clock(), percent)
        self._read = percent

    def _turn(self, now: datetime) -> None:
        """Begin a new day's bill."""
        if now.date() != self._known.day:
            self._known, self._noted = Known(now.date(), 0.0, 0), self._journal.count(now)
            self._planned = datetime.min.replace(tzinfo=UTC)

    def _plan(self, now: datetime) -> None:
        """Choose the share: at once where the state changes, else every ten minutes."""
        daily, spent = self._budget.prices.daily, self.spent()
        if self._cap_reached or spent >= daily:
            self._take(0)
        elif spent < FIRST_SHARE * daily:
            self._take(100)
        elif self.percent in (0, 100) or (now - self._planned).total_seconds() >= PLAN_SECONDS:
            left = (midnight(now) + timedelta(days=1) - now).total_seconds()
            self._take(share((daily - spent) / self._budget.prices.post, self._journal.pace(now) * left))
            self._planned = now

    def _take(self, percent: int) -> None:
        if percent == self.percent:
            return
        self.percent = percent
        self.reason = "" if percent == 100 else "X's monthly cap" if self._cap_reached else "the day's budget"
        what = {0: "nothing more is read from X", 100: "all is read from X again"}
        log.warning(
            "$%.2f of the day's $%.2f are spent: %s.",
            self.spent(),
            self._budget.prices.daily,
            what.get(percent, f"X is asked for a sample of {percent} %"),
        )

    def _tell(self) -> None:
        """Tell Postgres what the journal has and it has not."""
        while untold := self._journal.untold():
            for hour in sorted({hour_of(at) for _, at in untold}):
                store.spend(self._engine, hour, posts=[post for post, at in untold if hour_of(at) == hour])
            self._journal.tell(untold)

    def _ask(self, now: datetime) -> None:
        """Ask X for its own count of the posts we read, now and then."""
        if (now - self._asked).total_seconds() < ASK_SECONDS:
            return
        self._asked = now
        try:
            told = self._client().request("GET", USAGE, params={"days": "2"}).json()["data"]
            days, cap_reached = counted(told), int(told["project_usage"]) >= int(told["project_cap"])
        except (tweepy.TweepyException, requests.RequestException, KeyError, TypeError, ValueError) as error:
            log.info("X does not say how many posts it counts: %r", error)
            return
        store.save_usage(self._engine, days)
        self._cap_reached = cap_reached
        ours, theirs = self._noted, days.get(now.date(), 0)
        if max(ours, theirs) > FAR_APART * min(ours, theirs):
            log.info("X counts %d posts for today, we noted %d; the higher count holds.", theirs, ours)


def share(affordable: float, coming: float) -> int:
    """Return the whole percent of the posts that are still to come which can be paid for, 1 to 100."""
    return 100 if coming <= affordable else max(1, int(100 * affordable / coming))


def posts_in(payloads: Iterable[bytes]) -> set[int]:
    """Return the ids of the posts that X bills for payloads; what cannot be read has none."""
    found: set[int] = set()
    for payload in payloads:
        try:
            found |= parse.ids_of(parse.document(payload))
        except parse.Malformed:
            continue
    return found


def counted(told: dict[str, Any]) -> dict[date, int]:
    """Return X's count of posts by day."""
    days = told["daily_project_usage"]["usage"]
    return {datetime.fromisoformat(day["date"]).date(): int(day["usage"]) for day in days}


def hour_of(at: datetime) -> datetime:
    """Return the beginning of a time's hour."""
    return at.replace(minute=0, second=0, microsecond=0)
