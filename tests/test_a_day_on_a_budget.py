"""A day at X's prices: 2,000 posts an hour, 10 dollars, and numbers that say what they are."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import pi, sin
from random import Random

import orjson
import tweepy
from sqlalchemy import select

from actors.budget import Budget, Prices
from actors.connection import at
from actors.governor import Governor
from actors.journal import Journal
from actors.lanes import Stretch
from actors.rules import RuleKeeper
from actors.tracker import KeywordTracker
from core import store
from core.models import Sampling
from local_x.fields import EVERYTHING
from local_x.rules import parsed, seen
from local_x.scenario import Scenario
from local_x.server import LocalX, running
from local_x.stream import matched
from panel_app import data, overview, sampled, totals, trend, words
from panel_app.selection import View, moving

MIDNIGHT = datetime(2026, 6, 22, tzinfo=UTC)
AN_HOUR = 2_000
KEYWORDS = {"#oneminutechoir": '#oneminutechoir OR "one minute choir"', "Aerolume": "aerolume OR @flyaero_example"}


def a_day_s_posts():
    """Yield 48,000 messages about the keywords, more by day than by night, with the time of each."""
    asked = [parsed(query) for query in KEYWORDS.values()]
    scenario = Scenario(1, MIDNIGHT + timedelta(hours=9)).messages(MIDNIGHT + timedelta(hours=9))
    some = list(islice((one for one in scenario if any(matches(seen(one)) for matches in asked)), 2_000))
    rng, now, number = Random(1), MIDNIGHT, 0
    while True:
        by_day = 1 + 0.5 * sin((now.hour + now.minute / 60 - 9) / 12 * pi)
        now += timedelta(seconds=rng.expovariate(AN_HOUR * by_day / 3600))
        if now >= MIDNIGHT + timedelta(days=1):
            return
        number += 1
        message = some[number % len(some)]
        born = {"id": str(2_000_000_000_000_000_000 + number), "created_at": now.isoformat()}
        yield now, {**message, "data": {**message["data"], **born}}


class Day:
    """The collector's parts on a clock of their own: local X, rules, governor; the stream's socket is left out."""

    def __init__(self, engine, folder):
        self.now = MIDNIGHT
        self.x = LocalX(Scenario(1, MIDNIGHT), "token", speed=0, clock=lambda: self.now.timestamp())
        self.x.buckets["usage"].limit = 10_000  # the day lasts seconds here
        self.came, self.delivered = Counter(), []
        self._engine, self._folder = engine, folder

    def live(self):
        """Live through the day; the governor sees each post, and looks around often enough."""
        with running(self.x) as url:
            client = lambda: at(tweepy.StreamingClient("token"), url)  # noqa: E731
            governor = Governor(self._engine, Journal(self._folder / "spool.paid"), Prices(), client, lambda: self.now)
            keeper, looked = RuleKeeper(self._engine, client), MIDNIGHT - timedelta(hours=1)
            for self.now, message in a_day_s_posts():
                if self.now - looked >= timedelta(minutes=5 if governor.percent == 100 else 20):
                    keeper.keep(governor.look())
                    governor.in_force(governor.percent)
                    looked = self.now
                self.came[self.now.replace(minute=0, second=0, microsecond=0)] += 1
                if governor.percent and (told := matched(message, self.x.rules, EVERYTHING)):
                    self.x.usage.read([told])
                    self.delivered.append(orjson.dumps(told))
                    governor.note(self.delivered[-1:])
            governor.look()

    def billed(self):
        """What X says it delivered on this day."""
        return int(self.x.usage.answer(1)["data"]["daily_project_usage"]["usage"][-1]["usage"])


def test_a_day_of_2000_posts_an_hour_costs_10_dollars_and_the_numbers_say_they_are_of_a_sample(
    engine, database_url, tmp_path, monkeypatch
):
    ids = {name: store.add_keyword(engine, name, query=query) for name, query in KEYWORDS.items()}
    day = Day(engine, tmp_path)
    day.live()
    bill = Budget(engine, Prices(), lambda: day.now).today()

    assert 47_000 < day.came.total() < 49_000
    assert 9.8 <= bill.usd <= 10.2
    assert bill.posts == day.billed()

    payloads = list(enumerate(day.delivered, 1))
    KeywordTracker(database_url).add(
        [Stretch(id, name, name, "spool", len(payloads), payloads) for name, id in ids.items()]
    )
    monkeypatch.setenv("TALKER_DATABASE_URL", database_url)
    data.forget()
    data.watch().look()
    with engine.connect() as connection:
        (sample,) = connection.execute(select(Sampling)).all()
    end = sample.started_at + timedelta(hours=6)
    start, end = moving(end, 24, "", "UTC")
    range_ = {"start": start, "end": end, "newest": end, "hours": 24, "version": 1}
    views = [View(keyword=name, keyword_id=number, **range_) for name, number in ids.items()]
    for view in views:
        frames = [trend.trend_of(view).iloc[-1:], words.terms_of(view, 1).iloc[:1]]
        assert [frame["percent"].tolist() for frame in frames] == [[sample.percent]] * 2
        assert totals.of(view, view.start, view.end)["percent"] == sample.percent
        assert "A sample: about" in overview.figures(view)
        assert f"<b>{sample.percent} %</b> from " in sampled.note(view)

    # what the sample of those hours stands for is what came in them: 1 % of 11,000 posts, give or take three sigma
    hours = [hour for hour in day.came if sample.started_at < hour < end.replace(minute=0)]
    table = sum(trend.trend_of(view).set_index("time")["estimated"] for view in views)
    estimated = sum(table[str(hour)[:13]].sum() for hour in hours)
    came = sum(day.came[hour] for hour in hours)
    assert abs(estimated / came - 1) < 0.3
