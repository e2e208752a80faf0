"""The governor: what the stream costs stays within the day's budget, and nothing is hidden."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
import tweepy
from sqlalchemy import select, text

from actors.budget import Budget, Prices
from actors.connection import at
from actors.governor import Governor, posts_in, share
from actors.journal import Journal
from actors.spool import Spool
from core import store
from core.models import Sampling
from local_x.server import LocalX, running
from tests.actors.conftest import MIDNIGHT, Clock, wait_for

TOKEN = "canary-token"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def x(scenario, clock):
    """A small X that bills by the test's clock, and a function that makes a client of it."""
    local_x = LocalX(scenario, TOKEN, speed=0, clock=lambda: clock().timestamp(), limits={"usage": 10_000})
    with running(local_x) as url:
        yield local_x, lambda: at(tweepy.StreamingClient(TOKEN), url)


@pytest.fixture
def govern(engine, tmp_path, clock, x):
    """Make a governor; asked again it is one that starts anew."""

    def make(**prices):
        return Governor(engine, Journal(tmp_path / "spool.paid"), Prices(**prices), x[1], clock)

    return make


def payload(*ids):
    """A page of posts."""
    return orjson.dumps({"data": [{"id": str(one + 1), "text": "hi", "author_id": "1"} for one in ids]})


def samples(engine):
    with engine.connect() as connection:
        return connection.execute(select(Sampling.percent, Sampling.started_at, Sampling.ended_at)).all()


@pytest.mark.parametrize(
    ("affordable", "coming", "percent"), [(10, 5, 100), (10, 10, 100), (10, 11, 90), (10, 100, 10), (1, 9999, 1)]
)
def test_the_share_is_what_the_rest_of_the_day_can_pay_for(affordable, coming, percent):
    assert share(affordable, coming) == percent


def test_below_80_percent_all_is_read_then_a_sample_and_at_the_end_nothing(govern, clock):
    governor = govern(daily=1.0, post=0.01)
    clock.later(hours=12)
    governor.note([payload(*range(79))])
    at_79 = governor.look()
    clock.later(minutes=30)
    governor.note([payload(79)])
    at_80 = governor.look()
    governor.note([payload(*range(80, 100))])

    assert (at_79, at_80, governor.percent) == (100, share(20, 80 / 1800 * 11.5 * 3600), 0)
    assert governor.reason == "the day's budget"
    clock.later(hours=12)
    assert governor.look() == 100


def test_nothing_is_sampled_where_the_rest_of_the_day_fits_anyway(govern, clock):
    governor = govern(daily=1.0, post=0.01)
    clock.later(hours=22)
    governor.note([payload(*range(80))])
    clock.later(hours=1, minutes=50)

    assert governor.look() == 100


def test_what_others_read_counts_at_the_next_look(govern, engine, clock):
    governor = govern(daily=1.0, post=0.01)
    governor.look()
    Budget(engine, Prices(), clock).spend(posts=range(100))

    assert governor.look() == 0
    assert governor.spent() == 1.0


def test_of_x_s_count_and_ours_the_higher_one_holds(govern, x, caplog):
    governor = govern(daily=1.0, post=0.01)
    governor.note([payload(*range(10))])
    x[0].usage.read({"data": {"id": str(one)}} for one in range(100))
    with caplog.at_level(logging.INFO, logger="actors.governor"):
        percent = governor.look()

    assert percent == 0
    assert "X counts 100 posts for today, we noted 10; the higher count holds." in caplog.messages


def test_x_s_monthly_cap_ends_the_reading_until_it_is_lifted(govern, x, clock):
    governor = govern()
    x[0].change(post_cap=5)
    x[0].usage.read({"data": {"id": str(one)}} for one in range(5))

    assert (governor.look(), governor.reason) == (0, "X's monthly cap")
    x[0].change(post_cap=3_000_000)
    clock.later(minutes=5)
    assert governor.look() == 100


def test_a_governor_that_starts_anew_knows_what_was_spent_and_goes_on_sampling(govern, clock, engine):
    first = govern(daily=1.0, post=0.01)
    clock.later(hours=12)
    first.note([payload(*range(90))])  # and dies before Postgres knows

    second = govern(daily=1.0, post=0.01)
    assert second.spent() == pytest.approx(0.9)
    assert 0 < second.look() < 100
    assert Budget(engine, Prices(), clock).today().posts == 90


def test_while_postgres_is_away_the_budget_holds_and_is_told_later(govern, engine, clock):
    governor = govern(daily=1.0, post=0.01)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE paid RENAME TO away"))
    try:
        governor.note([payload(*range(99))])
        with pytest.raises(Exception, match="paid"):
            governor.look()
        governor.note([payload(99)])
        assert governor.percent == 0
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO paid"))

    governor.look()
    assert Budget(engine, Prices(), clock).today().posts == 100


def test_a_sample_is_noted_from_when_x_s_rules_ask_for_it_until_they_no_longer_do(govern, engine, clock):
    governor = govern()
    for percent in (100, 12, 12, 5, 0, 100):
        governor.in_force(percent)
        clock.later(minutes=1)

    minute = [MIDNIGHT + timedelta(minutes=number) for number in range(6)]
    assert samples(engine) == [(12, minute[1], minute[3]), (5, minute[3], minute[4])]


def test_a_payload_s_posts_are_found_and_a_broken_one_has_none():
    message = {"data": {"id": "1", "text": "a"}, "includes": {"posts": [{"id": "2", "text": "b"}]}}

    assert posts_in([orjson.dumps(message), b'{"data":', b"\r\n", b'{"errors":[]}']) == {1, 2}


def test_a_reader_without_money_stops_says_so_and_drops_its_rules(follow):
    following = follow(keyword="#oneminutechoir", reading={"prices": Prices(daily=0.5, post=0.01)})
    following.wait_for(lambda: following.gaps() == [("budget: the day's budget", False)])
    following.wait_for(lambda: "data" not in following.x.rules.listed())

    following.wait_for(lambda: following.reader.health()["state"] == "budget (the day's budget): not reading")
    assert following.statuses() == [200]
    following.wait_for(lambda: not following.x.connections.current())
    assert len(posts_in(following.bodies())) >= 50


KILLED = """
import sys
from pathlib import Path
from actors.stream import Reader
Reader(*sys.argv[1:4], Path(sys.argv[4]), pause=lambda *how: 0.2).run()
"""


def test_a_reader_that_is_killed_has_paid_for_all_that_the_spool_has(scenario, engine, tmp_path):
    store.add_keyword(engine, "#oneminutechoir")
    x = LocalX(scenario, TOKEN, speed=0, rate=400.0)
    path = tmp_path / "spool.sqlite"
    spool = Spool(path)
    url = engine.url.render_as_string(hide_password=False)
    with running(x) as x_url:
        for more in (1, 2, 3):
            command = [sys.executable, "-c", KILLED, TOKEN, x_url, url, str(path)]
            with subprocess.Popen(command, cwd=ROOT) as reader:
                enough = spool.depth() + 100 * more
                wait_for(lambda: spool.depth() >= enough)  # noqa: B023 - called before the next round
                os.kill(reader.pid, signal.SIGKILL)
        wait_for(lambda: not x.connections.current())
        governor = Governor(
            engine, Journal(path.with_suffix(".paid")), Prices(), lambda: at(tweepy.StreamingClient(TOKEN), x_url)
        )
        governor.look()
        theirs = int(x.usage.answer(1)["data"]["daily_project_usage"]["usage"][-1]["usage"])
    spooled = posts_in(body for _, body in spool.read(0, 100_000))
    spool.close()
    with engine.connect() as connection:
        paid = set(connection.execute(text("SELECT id FROM paid")).scalars())

    assert spooled <= paid
    assert Budget(engine, Prices()).today().posts == theirs
