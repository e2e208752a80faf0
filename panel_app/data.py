"""The pages' only door to the database: frames, kept until something new is committed."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pandas as pd
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.util import LRUCache

from core import db, queries
from core.config import ConfigError, Settings

POLL_SECONDS = 2.0
HELPERS = 2  # threads that read what somebody reads beside something else
# The pages' questions are short: to compile one takes longer than to answer it. What they count fits into 32 MB, and
# what they read is mostly in memory, where one page costs as much as another.
POSTGRES = {"jit": "off", "work_mem": "32MB", "random_page_cost": "1.1"}

log = logging.getLogger(__name__)

_compiled: LRUCache[Any, Any] = LRUCache(500)

Answer = TypeVar("Answer")
Read = TypeVar("Read", bound=Callable[..., Any])
KEPT: list[Any] = []  # the functions whose answers are kept


@functools.cache
def settings() -> Settings:
    """Return this process's settings, read when they are first needed."""
    return Settings.from_env()


@functools.cache
def engine() -> Engine:
    """Return this process's engine, made when it is first needed.

    Raises:
        ConfigError: TALKER_DATABASE_URL is not set.
    """
    url = Settings.from_env().database_url
    if not url:
        raise ConfigError("TALKER_DATABASE_URL is not set; `talker app` and `talker demo` set it themselves.")
    return db.engine(url, pool_size=8, **POSTGRES)


def frame(query: queries.Rows, version: int = 0) -> pd.DataFrame:
    """Return a query's rows; the same query at the same version is read once and must not be changed."""
    # As a connection does it: a question that was asked before, with whatever values, is not compiled again.
    asked, values, *_ = query._compile_w_cache(engine().dialect, compiled_cache=_compiled, column_keys=[])
    bound = asked.construct_params(extracted_parameters=values) or {}
    return _read(str(asked), tuple((name, _held(value)) for name, value in sorted(bound.items())), version)


def now(query: queries.Rows) -> pd.DataFrame:
    """Return a query's rows as they are at this moment, for what somebody has just changed."""
    with engine().connect() as connection:
        rows = connection.execute(query)
        return pd.DataFrame(rows.all(), columns=list(rows.keys()))


def _held(value: Any) -> Any:
    """Return a value that stays as it is, so that it may be looked up; a list is a tuple then."""
    return tuple(value) if isinstance(value, list) else value


@functools.lru_cache(maxsize=500)  # a version asks once
def _read(statement: str, values: tuple[tuple[str, Any], ...], _version: int) -> pd.DataFrame:
    asked = {name: list(value) if isinstance(value, tuple) else value for name, value in values}
    with engine().connect() as connection:
        rows = connection.exec_driver_sql(statement, asked)
        # As the driver has them: of SQLAlchemy's own rows pandas asks each four times what it is.
        return pd.DataFrame(rows.cursor.fetchall(), columns=list(rows.keys()))


def at_once(read: Callable[[], Answer], *others: Callable[[], Answer]) -> list[Answer]:
    """Return what several reads give, in order, for which Postgres works at once; none may read others at once."""
    beside = [helpers().submit(other) for other in others]
    return [read(), *(one.result() for one in beside)]


@functools.cache
def helpers() -> ThreadPoolExecutor:
    """Return this process's helpers, started when they are first needed."""
    return ThreadPoolExecutor(HELPERS, thread_name_prefix="read beside")


def kept(read: Read) -> Read:
    """Let a function of a view keep its last hundred answers, which must not be changed.

    What a page shows is read ahead, then drawn, and often for several pages: a view knows its version.
    """
    function: Any = functools.lru_cache(maxsize=100)(read)
    KEPT.append(function)
    return function  # type: ignore[no-any-return]


def forget() -> None:
    """Let go of all that is kept."""
    _read.cache_clear()
    for function in KEPT:
        function.cache_clear()


class Watch:
    """Numbers the commits this process has seen, so that a browser session only compares numbers.

    One series for all of them: what is asked of no keyword in particular is kept under any keyword's number, too, and
    must not be found under the same number of another state.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._snapshot: str | None = None
        self._others = ""
        self._looks = 0
        self._common = 0
        self._by_keyword: dict[int, int] = {}

    def version(self, keyword_id: int) -> int:
        """Return a number that grows when a keyword's rows, the scores, the gaps or the keywords change."""
        return max(self._common, self._by_keyword.get(keyword_id, 0))

    def look(self) -> None:
        """Number what was committed since the last look."""
        with self._engine.connect() as connection:
            found = connection.execute(queries.commits_since(self._snapshot)).one()
        self._looks += 1
        self._by_keyword |= dict.fromkeys(found.keyword_ids or [], self._looks)
        if found.others != self._others:
            self._common = self._looks
        self._snapshot, self._others = found.snapshot, found.others

    def keep_looking(self) -> None:
        """Look every two seconds, for as long as the process lives."""
        pause = threading.Event()
        answers = True
        while not pause.wait(POLL_SECONDS):
            try:
                self.look()
                answers = True
            except OperationalError as error:  # the pages keep what they show until the database answers again
                if answers:  # once an outage
                    log.warning("The database does not answer: %s", str(error.orig).strip().splitlines()[0])
                answers = False


@functools.cache
def watch() -> Watch:
    """Return this process's only watch, started when it is first needed."""
    watch = Watch(engine())
    watch.look()
    threading.Thread(target=watch.keep_looking, name="watch commits", daemon=True).start()
    return watch
