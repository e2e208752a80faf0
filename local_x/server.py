"""The small X as one thing: what it consists of, how to serve it, and how tests order its bad days."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from aiohttp import web

from local_x.api import Api
from local_x.archive import Archive
from local_x.connections import Connections
from local_x.control import Control
from local_x.faults import Faults, Order
from local_x.limits import LIMITS, Bucket, Terms
from local_x.recording import Recording
from local_x.rule_store import RuleStore
from local_x.scenario import Scenario
from local_x.stream import Feed, Stream
from local_x.usage import Usage


class LocalX:
    """One app's X: its rules, its one stream connection, its rate limits, its tweets so far.

    Args:
        scenario: what happens; the stream begins at its `now`.
        token: the bearer token that opens everything.
        speed: how fast event time runs; 0 is as fast as the client reads.
        clock: the time by which posts are billed, in seconds since 1970.
        recording: a file of stream messages to be told instead of what happens, see `recording`.
        limits: requests in 15 minutes by kind (`limits.LIMITS`), where they differ from X's.
        terms: fields of `limits.Terms`, where they differ from X's; with speed 0 the stream has no cap of its own.
    """

    def __init__(
        self,
        scenario: Scenario,
        token: str,
        *,
        speed: float = 1.0,
        limits: Mapping[str, int] | None = None,
        clock: Callable[[], float] = time.time,
        recording: Path | None = None,
        **terms: Any,
    ):
        self.token = token
        self.terms = Terms() if speed else Terms(rate=0.0)
        self.terms.change(**terms)
        self.buckets = {kind: Bucket(limit) for kind, limit in {**LIMITS, **(limits or {})}.items()}
        self.rules, self.faults, self.connections = RuleStore(self.terms), Faults(), Connections()
        feed = Feed(scenario, scenario.now, speed)
        self.archive = Archive(scenario, feed.frontier)
        told = Stream(feed, self.archive, self.rules, self.faults, self.terms)
        self.stream = Recording(recording, self.terms) if recording else told
        self.usage = Usage(self.terms, clock)

    def app(self) -> web.Application:
        """Return the HTTP application."""
        parts = (self.connections, self.rules, self.archive, self.stream, self.usage)
        api = Api(self.token, self.terms, self.buckets, self.faults, *parts)
        return api.app()

    def order(self, fault: str, **how: Any) -> None:
        """Order a fault; `how` are the fields of `faults.Order`.

        Raises:
            ValueError: there is no such fault.
        """
        self.faults.orders.append(Order(fault, **how))

    def change(self, **terms: Any) -> None:
        """Set some `limits.Terms` anew.

        Raises:
            ValueError: there is no such term, or no such value.
        """
        self.terms.change(**terms)

    def edit(self, tweet_id: int, text: str) -> int:
        """Edit a tweet, which the stream will tell; returns its new id.

        Raises:
            archive.Gone: there is no such tweet.
        """
        return int(self.archive.edit(tweet_id, text)["data"]["id"])

    def remove(self, *ids: int, reason: str = "deleted") -> None:
        """Let tweets or users be gone: deleted, deactivated, protected, suspended, ..."""
        self.archive.remove(map(str, ids), reason)

    def emitted(self) -> list[int]:
        """Return the ids of the tweets that clients' sockets have taken, in their order."""
        return [one for connection in self.connections.all for one in connection.ids]

    def connects(self) -> list[tuple[float, int]]:
        """Return every attempt to connect to the stream: when, in seconds since 1970, and the status it got."""
        return list(self.connections.attempts)


@asynccontextmanager
async def listening(app: web.Application, port: int = 0) -> AsyncIterator[str]:
    """Serve on loopback inside the block; yields the base URL. Port 0 takes a free one."""
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def running(served: LocalX | Control, port: int = 0) -> Iterator[str]:
    """Serve the API, or the control port, on loopback from a thread inside the block; yields the base URL."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with listening(served.app(), port) as url:
            started.set_result((url, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = Thread(target=asyncio.run, args=(serve(),), name="local X", daemon=True)
    thread.start()
    url, loop, stop = started.result(timeout=10)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
