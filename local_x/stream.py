"""The filtered stream: the scenario's events, each at its time, as lines to the one connected client."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import orjson
from aiohttp import web

from local_x import rules, snowflake
from local_x.fields import Shape
from local_x.messages import Event
from local_x.rule_store import RuleStore
from local_x.scenario import Scenario


class Feed:
    """The scenario's events from `start` on, each due at its time; with speed 0 every event is due at once.

    The first listener hears everything since `start`, so that recorded history and the stream join without a hole. What
    happens later while nobody listens is gone, as on X; only with speed 0 time itself waits for a listener.
    """

    def __init__(self, scenario: Scenario, start: datetime, speed: float = 1.0):
        self._events: Iterator[Event] = scenario.events(start)
        self._next: Event | None = None
        self._start, self._speed = start, speed
        self._launched = time.monotonic()
        self._heard = False

    def join(self) -> None:
        """Begin to listen: what is past is gone, but not for the first listener."""
        while self._heard and self.seconds_to(self.peek()) < 0:
            self.take()
        self._heard = True

    def peek(self) -> Event:
        """Return the next event without taking it."""
        self._next = self._next or next(self._events)
        return self._next

    def take(self) -> None:
        """Have done with the next event."""
        self._next = None

    def seconds_to(self, event: Event) -> float:
        """Return how long it is until an event is due, negative when it is overdue."""
        if self._speed == 0:
            return 0.0
        elapsed = time.monotonic() - self._launched
        return (snowflake.seconds(event.id) - self._start.timestamp()) / self._speed - elapsed


class Wire:
    """Writes lines to one client, each flushed at once, compressed if the client asked for it."""

    def __init__(self, response: web.StreamResponse, *, compressed: bool):
        self._response = response
        self._gzip = zlib.compressobj(wbits=31) if compressed else None
        self._wrote = time.monotonic()

    async def send(self, line: bytes) -> None:
        """Write one line; an empty one keeps the connection alive."""
        data = line + b"\r\n"
        if self._gzip:
            data = self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        await self._response.write(data)
        self._wrote = time.monotonic()

    def quiet(self) -> float:
        """Return for how many seconds nothing was written."""
        return time.monotonic() - self._wrote


async def deliver(
    feed: Feed, scenario: Scenario, store: RuleStore, shape: Shape, wire: Wire, keep_alive: float
) -> None:
    """Send what matches the rules, as they are at that moment, until the client goes."""
    feed.join()
    while True:
        event = feed.peek()
        await due(feed, event, wire, keep_alive)
        feed.take()
        if line := matched(scenario, event, store, shape):
            await wire.send(line)


async def due(feed: Feed, event: Event, wire: Wire, keep_alive: float) -> None:
    """Wait until an event is due, and keep the connection alive meanwhile."""
    while True:
        if wire.quiet() >= keep_alive:
            await wire.send(b"")
        left = feed.seconds_to(event)
        await asyncio.sleep(max(0.0, min(left, keep_alive - wire.quiet())))
        if left <= 0:
            return


def matched(scenario: Scenario, event: Event, store: RuleStore, shape: Shape) -> bytes | None:
    """Return an event as a line of the stream, or None when no rule matches it."""
    message = scenario.message(event)
    matching = store.matching(rules.seen(message))
    return orjson.dumps(shape.cut(message) | {"matching_rules": matching}) if matching else None


def recorded(scenario: Scenario, store: RuleStore, shape: Shape, hours: float) -> Iterator[bytes]:
    """Yield the lines that a client would have heard in the hours before the scenario's `now`."""
    for event in scenario.events(scenario.now - timedelta(hours=hours), scenario.now):
        if line := matched(scenario, event, store, shape):
            yield line
