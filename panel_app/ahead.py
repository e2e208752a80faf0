"""Reads what a page is about to ask for before it is drawn, so that nobody waits for somebody else's answer.

One thread draws every page of the process; while Postgres works for one of them, it goes on with the others. And what
nobody waits for is written later.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import panel as pn
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from panel_app import cuts, data

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
READERS = 4  # questions that Postgres is asked at once
PATIENCE = 0.01  # seconds that a page waits for what is likely there already, before it says that it reads


@functools.cache
def readers() -> ThreadPoolExecutor:
    """Return this process's readers, started when they are first needed."""
    return ThreadPoolExecutor(READERS, thread_name_prefix="read ahead")


def then(read: Callable[[], object], show: Callable[[], None], waiting: Callable[[bool], None]) -> None:
    """Read something into the cache of `data.frame`, then show what needs it; where there is no page, at once.

    `waiting` is told when that takes a while, and when that is over. What cannot be read is asked for again by `show`,
    which then says why.
    """
    page = pn.state.curdoc
    if page is None:
        show()
        return
    reading = readers().submit(read)
    if wait([reading], PATIENCE).done:
        show()
        return
    waiting(True)

    def over() -> None:
        try:
            show()
        finally:
            waiting(False)

    reading.add_done_callback(lambda _reading: page.add_next_tick_callback(over))


@functools.cache
def writer() -> ThreadPoolExecutor:
    """Return the thread that writes what nobody waits for, started when it is first needed."""
    return ThreadPoolExecutor(1, thread_name_prefix="write later")


def later(write: Callable[[], object]) -> None:
    """Write what nobody waits for, in order, while the page goes on; if it fails that is logged."""

    def written() -> None:
        try:
            write()
        except SQLAlchemyError as error:
            log.warning("What somebody did is not counted: %s", type(error).__name__)

    writer().submit(written)


def keep_ready(reads: Sequence[Callable[[], object]], stop: threading.Event) -> None:
    """Read what is of all keywords and takes long: now, each hour, and when the scores or the keywords change."""
    done: object = None
    while not stop.wait(data.POLL_SECONDS):
        state = cuts.begun(datetime.now(UTC), HOUR, "UTC"), data.watch().version(0)
        if state != done:
            done = state
            with suppress(OperationalError):  # the watch says so; then it is read when somebody asks
                for read in reads:
                    read()
