"""What is to be done beside the stream: gaps filled, counts refreshed, deletions learnt of, questions answered.

It runs in a thread of the reader's process, so that one process speaks with X. Nothing here ends the reader.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import requests
import tweepy
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from actors.budget import Budget, Prices
from actors.compliance_jobs import KINDS, ComplianceJobs
from actors.estimates import Estimator
from actors.gaps import GapFiller
from actors.lookup import Lookup, NotNow
from actors.refresh import Refresher
from actors.spool import Spool

log = logging.getLogger(__name__)

AGAIN = 60.0  # seconds until an errand that failed is tried again

Step = Callable[[], float]  # does a little, and returns the seconds until it wants to go on


def usual(engine: Engine, spool: Path, lookup: Lookup, prices: Prices) -> Errands:
    """Return all the errands there are; they share a spool of their own."""
    own, budget = Spool(spool), Budget(engine, prices)
    gaps, counts = GapFiller(engine, own, lookup, budget), Refresher(engine, own, lookup, budget)
    gone = [ComplianceJobs(engine, [own], lookup, kind).step for kind in KINDS]
    return Errands([gaps.step, counts.step, *gone, Estimator(engine, lookup, budget).step])


class Errands:
    """Takes the steps of several errands in turn, each when it is due."""

    def __init__(self, steps: Sequence[Step]):
        self._due = dict.fromkeys(steps, time.monotonic())

    def run(self, stopping: threading.Event) -> None:
        """Go on until it is time to stop. A step may last as long as X takes to answer: nobody needs to wait for it."""
        while not stopping.wait(max(0.0, min(self._due.values(), default=AGAIN) - time.monotonic())):
            step = min(self._due, key=self._due.__getitem__)
            self._due[step] = time.monotonic() + self._take(step)

    def _take(self, step: Step) -> float:
        try:
            return step()
        except NotNow as wait:
            log.warning("An errand waits %.0f s: %s", wait.seconds, wait)
            return wait.seconds
        except (DBAPIError, tweepy.TweepyException, requests.RequestException, sqlite3.Error, OSError) as error:
            log.warning("An errand failed, and is tried again in %.0f s: %s", AGAIN, error)
            return AGAIN
