"""The filtered stream: the scenario's events, each at its time, as lines to the one connected client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import orjson

from local_x import rules, snowflake
from local_x.archive import Archive, Message
from local_x.faults import Faults
from local_x.fields import Shape
from local_x.limits import Terms
from local_x.messages import Event
from local_x.rule_store import RuleStore
from local_x.scenario import Scenario
from local_x.wire import Wire

MOMENT = 0.1  # seconds until an ordered fault or an edit is noticed


class Feed:
    """The scenario's events from `start` on, each due at its time; with speed 0 every event is due at once.

    The first listener hears everything since `start`, so that recorded history and the stream join without a hole. What
    happens later while nobody listens is gone, as on X; only with speed 0 time itself waits for a listener.
    """

    def __init__(self, scenario: Scenario, start: datetime, speed: float = 1.0):
        self._scenario = scenario
        self._events: Iterator[Event] = scenario.events(start)
        self._next: Event | None = None
        self._frontier = snowflake.first_id(start)
        self._start, self._speed = start, speed
        self._launched = time.monotonic()
        self._heard = False

    def join(self) -> None:
        """Begin to listen: what is past is gone, but not for the first listener."""
        while self._heard and self.seconds_to(self.peek()) < 0:
            self._next = None
        self._heard = True

    def peek(self) -> Event:
        """Return the next event without taking it."""
        self._next = self._next or next(self._events)
        return self._next

    def take(self) -> Message:
        """Have done with the next event; returns its message."""
        event, self._next = self.peek(), None
        self._frontier = event.id + 1
        return self._scenario.message(event)

    def frontier(self) -> int:
        """Return the lowest tweet id that is still to come."""
        if self._speed == 0:
            return self._frontier
        elapsed = timedelta(seconds=(time.monotonic() - self._launched) * self._speed)
        return snowflake.first_id(self._start + elapsed)

    def seconds_to(self, event: Event) -> float:
        """Return how long it is until an event is due, negative when it is overdue."""
        if self._speed == 0:
            return 0.0
        elapsed = time.monotonic() - self._launched
        return (snowflake.seconds(event.id) - self._start.timestamp()) / self._speed - elapsed


class Stream:
    """Tells one client at a time what happens."""

    def __init__(self, feed: Feed, archive: Archive, store: RuleStore, faults: Faults, terms: Terms):
        self._feed, self._archive, self._store = feed, archive, store
        self._faults, self._terms = faults, terms

    async def deliver(self, shape: Shape, wire: Wire) -> None:
        """Send what matches the rules, as they are at that moment, until the client goes or a fault ends it."""
        self._feed.join()
        while not await self._faults.ended(wire):
            message = await self._next(wire)
            if message and not self._archive.reason(message) and (told := matched(message, self._store, shape)):
                await self._faults.send(wire, told)

    async def _next(self, wire: Wire) -> Message | None:
        """Return what to tell next, an edit or the next event, or None when after a moment there still is nothing."""
        if self._archive.news:
            return self._archive.news.popleft()
        if wire.quiet() >= self._terms.keep_alive:
            await wire.write(b"\r\n")
        left = self._feed.seconds_to(self._feed.peek())
        await asyncio.sleep(max(0.0, min(left, self._terms.keep_alive - wire.quiet(), MOMENT)))
        return self._feed.take() if left <= 0 else None


def matched(message: Message, store: RuleStore, shape: Shape) -> Message | None:
    """Return a message as a client gets it, or None when no rule matches it."""
    matching = store.matching(rules.seen(message))
    return shape.cut(message) | {"matching_rules": matching} if matching else None


def recorded(scenario: Scenario, store: RuleStore, shape: Shape, hours: float) -> Iterator[bytes]:
    """Yield the lines that a client would have heard in the hours before the scenario's `now`."""
    for message in scenario.messages(scenario.now - timedelta(hours=hours), scenario.now):
        if told := matched(message, store, shape):
            yield orjson.dumps(told)
