"""What the tests of the stream share: a reader that follows a small X over HTTP."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from actors import waits
from actors.spool import Spool
from actors.stream import Reader, StreamError
from core import store
from core.models import Gap
from local_x.scenario import Scenario
from local_x.server import LocalX, running

TOKEN = "canary-token"
MONDAY = datetime(2026, 6, 22, 9, tzinfo=UTC)
MIDNIGHT = datetime(2026, 6, 22, tzinfo=UTC)


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, now: datetime = MIDNIGHT):
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def later(self, **passed: float) -> None:
        self.now += timedelta(**passed)


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return Scenario(1, MONDAY)


@dataclass
class Following:
    """A small X, the reader that follows it in a thread, and what came of it."""

    x: LocalX
    url: str
    reader: Reader
    spool: Spool
    engine: Engine
    thread: threading.Thread
    raised: list[Exception]

    wait_for = staticmethod(wait_for)

    def bodies(self) -> list[bytes]:
        """What the spool holds, in order."""
        return [body for _, body in self.spool.read(after=0, limit=1_000_000)]

    def ids(self) -> list[int]:
        """The ids of the tweets in the spool, in order."""
        return [int(json.loads(body)["data"]["id"]) for body in self.bodies() if body.startswith(b'{"data":{"')]

    def heard(self, number: int) -> None:
        """Wait until so many more tweets are in the spool."""
        enough = self.spool.depth() + number
        wait_for(lambda: self.spool.depth() >= enough)

    def reconcile(self) -> None:
        """Let X say nothing more, and wait until the spool has all it said, as often and in the order in which it did.

        What was lost, or came twice, would stay so: the wait would fail.
        """
        self.x.rules.delete_all()
        wait_for(lambda: self.ids() == self.x.emitted())

    def statuses(self) -> list[int]:
        """What X answered to each attempt to connect."""
        return [status for _, status in self.x.connects()]

    def gaps(self) -> list[tuple[str, bool]]:
        """The reason of each gap, and whether it has ended."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(Gap.reason, Gap.ended_at).order_by(Gap.id))
            return [(reason, ended is not None) for reason, ended in rows]

    def stop(self) -> float:
        """Stop the reader; returns the seconds that took."""
        began = time.monotonic()
        self.reader.stop()
        self.thread.join(timeout=30)
        assert not self.thread.is_alive()
        return time.monotonic() - began


@pytest.fixture
def make_reader(engine: Engine, tmp_path: Path) -> Callable[..., Reader]:
    """Make a reader of the test's database and a spool in the test's folder."""
    url = engine.url.render_as_string(hide_password=False)
    return partial(Reader, database_url=url, spool=tmp_path / "spool.sqlite")


@contextmanager
def followed(x: LocalX, url: str, reader: Reader, spool: Spool, engine: Engine) -> Iterator[Following]:
    raised: list[Exception] = []

    def run() -> None:
        try:
            reader.run()
        except (StreamError, sqlite3.Error) as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    following = Following(x, url, reader, spool, engine, thread, raised)
    try:
        yield following
    finally:
        following.stop()
        spool.close()


@pytest.fixture
def follow(scenario: Scenario, engine: Engine, make_reader: Callable[..., Reader], tmp_path: Path) -> Any:
    """Serve a small X and follow it; waits are 50 times as short as X's.

    `faults` are ordered before the reader starts, `reading` are settings of the reader, others are those of LocalX.
    """
    with ExitStack() as opened:

        def start(
            *faults: dict[str, Any],
            keyword: str = "#oneminutechoir",
            token: str = TOKEN,
            base_url: str | None = None,
            reading: dict[str, Any] | None = None,
            **settings: Any,
        ) -> Following:
            x = LocalX(scenario, TOKEN, **{"speed": 0, "rate": 200.0} | settings)
            for fault in faults:
                x.order(**fault)
            if keyword:
                store.add_keyword(engine, keyword)
            url = base_url or opened.enter_context(running(x))
            soon = {"pause": lambda *how: waits.pause(*how) / 50, "rule_seconds": 0.2}
            reader = make_reader(token, url, **soon | (reading or {}))
            return opened.enter_context(followed(x, url, reader, Spool(tmp_path / "spool.sqlite"), engine))

        yield start
