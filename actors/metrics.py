"""What Prometheus is told through Ray's port on each host: how stream, spool, trackers and scores are."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ray.util.metrics import Gauge
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from actors.spool import Spool
from core import queries

log = logging.getLogger(__name__)

EVERY = 5.0  # seconds between two looks
# Prometheus puts `ray_` before each name. A total only grows while its process lives, as a counter's does.
ABOUT = {
    "talker_listening": "1 while the stream is listened to, else 0",
    "talker_connects": "Attempts to connect to X by this reader",
    "talker_budget_spent_usd": "Dollars on today's bill",
    "talker_tweets_read": "Tweets taken from the spool by this supervisor",
    "talker_tweets_stored": "Tweets committed from the spools there are",
    "talker_tweets_duplicate": "Tweets that were stored already",
    "talker_payloads_malformed": "Payloads that could not be read, in dead_letter",
    "talker_payloads_refused": "Payloads that Postgres refused, in dead_letter",
    "talker_spool_depth": "Payloads that wait in the spool",
    "talker_spool_bytes": "Bytes that the spool uses",
    "talker_lag_seconds": "Age of a keyword's oldest payload that is not committed",
    "talker_batch_seconds": "How long a keyword's last batch took, from sending to commit",
    "talker_restarts": "Restarts of a keyword's tracker",
    "talker_window_seconds": "How long the last influence run took",
    "talker_window_age_seconds": "How long ago the last good influence run ended",
}
OF_A_KEYWORD = ("talker_lag_seconds", "talker_batch_seconds", "talker_restarts")

Figures = Mapping[str, Any]  # a number by name; of a keyword, a mapping from keyword to number


class Metrics:
    """Shows figures to Ray's metrics every few seconds, from a thread of its own."""

    def __init__(self, look: Callable[[], Figures]):
        self._look = look
        self._shown: dict[str, Gauge] = {}
        self._keywords: dict[str, set[str]] = {}

    def begin(self) -> None:
        """Go on as long as the process lives."""
        threading.Thread(target=self._run, daemon=True).start()

    def show(self) -> None:
        """Look once, and show what is found; of a keyword that is gone, 0."""
        for name, value in self._look().items():
            if name in OF_A_KEYWORD:
                gone = self._keywords.get(name, set()) - value.keys()
                self._keywords[name] = set(value)
                for keyword, number in {**dict.fromkeys(gone, 0), **value}.items():
                    self._gauge(name).set(float(number), {"keyword": keyword})
            elif value is not None:
                self._gauge(name).set(float(value))  # Postgres' sums are decimals, which Ray refuses

    def _gauge(self, name: str) -> Gauge:
        if name not in self._shown:
            tags = ("keyword",) if name in OF_A_KEYWORD else ()
            self._shown[name] = Gauge(name, description=ABOUT[name], tag_keys=tags)
        return self._shown[name]

    def _run(self) -> None:
        while True:
            try:
                self.show()
            except DBAPIError as error:
                log.info("The metrics stay as they are: %s", error.orig)
            threading.Event().wait(EVERY)


def of_reader(health: Mapping[str, Any]) -> Figures:
    """Turn what a reader tells of itself into figures."""
    return {
        "talker_listening": int(health["state"] == "listening"),
        "talker_connects": health["connects"],
        "talker_budget_spent_usd": health["spent_usd"],
    }


def of_supervisor(read: int, lanes: list[dict[str, Any]], spool: Spool) -> Figures:
    """Turn what a supervisor tells of itself and of its spool into figures; a keyword is as late as its latest lane."""
    found: dict[str, Any] = {"talker_tweets_read": read, **{name: {} for name in OF_A_KEYWORD}}
    for lane in lanes:
        for name, told in zip(OF_A_KEYWORD, ("lag_s", "batch_s", "restarts"), strict=True):
            worst = max(found[name].get(lane["keyword"], 0), lane[told])
            found[name][lane["keyword"]] = worst
    return found | {"talker_spool_depth": spool.depth(), "talker_spool_bytes": spool.size()}


def of_tables(engine: Engine) -> Figures:
    """Read from Postgres what was committed and refused, and how the influence runs are."""
    with engine.connect() as connection:
        told = connection.execute(queries.vital_signs()).one()
    return {
        "talker_tweets_stored": told.stored,
        "talker_tweets_duplicate": told.duplicate,
        "talker_payloads_malformed": told.malformed,
        "talker_payloads_refused": told.refused,
        "talker_window_seconds": told.window_s,
        "talker_window_age_seconds": told.window_age_s,
    }
