"""Errands are done in turn beside the stream, and whatever becomes of them the reader goes on."""

import threading
from datetime import timedelta

import requests
import tweepy
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from actors import errands
from actors.errands import Errands
from actors.lookup import NotNow
from core.models import Gap
from tests.actors.conftest import wait_for


class Doing:
    """A step that notes when it is taken, and then behaves as told."""

    def __init__(self, *what):
        self.what, self.times = list(what), 0

    def __call__(self):
        self.times += 1
        told = self.what.pop(0) if self.what else 3600.0
        if isinstance(told, Exception):
            raise told
        return told


def done(*steps, until):
    stopping = threading.Event()
    thread = threading.Thread(target=Errands(steps).run, args=(stopping,))
    thread.start()
    try:
        wait_for(until)
    finally:
        stopping.set()
        thread.join(timeout=1)
    assert not thread.is_alive()


def test_each_errand_is_done_when_it_is_due():
    often, seldom = Doing(0.0, 0.0, 0.01), Doing()
    done(often, seldom, until=lambda: often.times == 4)

    assert seldom.times == 1


def test_one_that_must_wait_does_not_hold_up_the_others():
    waits, goes_on = Doing(NotNow(900, "X says so")), Doing(0.0, 0.0)
    done(waits, goes_on, until=lambda: goes_on.times == 3)

    assert waits.times == 1


def test_whatever_fails_is_tried_again(monkeypatch):
    monkeypatch.setattr(errands, "AGAIN", 0.01)
    away = OperationalError("SELECT", {}, Exception("away"))
    failing = Doing(away, requests.ConnectionError(), tweepy.TweepyException(), OSError(28, "disk full"), 0.0)
    done(failing, until=lambda: failing.times == 6)


def test_the_reader_fills_its_gap_goes_on_listening_and_stops_at_once(follow, monkeypatch, engine):
    monkeypatch.setattr("actors.gaps.SETTLED", timedelta(0))
    monkeypatch.setattr("actors.gaps.LOOK", 0.1)
    following = follow({"fault": "close", "after": 20}, reading={"errands": True})

    def filled():
        with engine.connect() as connection:
            return connection.execute(select(Gap.filled_by)).scalars().all()

    following.wait_for(lambda: filled() == ["recent search: no retweets"])
    following.heard(10)
    assert following.x.buckets["search"].used == 1
    assert following.stop() < 1
