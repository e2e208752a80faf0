"""What the page tests share: the app's door to the test database, views, and one served app with one browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import holoviews as hv
import pytest
from sqlalchemy import insert, text

from core import db, weights
from core.models import Audience, Author, Base, Influence, InfluenceRun, Keyword, Term, Trend, Tweet
from panel_app import data
from panel_app.selection import View

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
PAYLOAD = "<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="session", autouse=True)
def bokeh():
    """HoloViews draws with Bokeh, as the app tells it to when it starts."""
    hv.extension("bokeh")


@pytest.fixture
def door(engine, database_url, monkeypatch):
    """The pages' door, opened on the emptied test database."""
    monkeypatch.setenv("TALKER_DATABASE_URL", database_url)
    data._read.clear()
    data.watch().look()
    return data


@pytest.fixture
def put(engine, door):
    """Commit rows and let the pages' watch see them."""

    def commit(table, *rows):
        with engine.begin() as connection:
            connection.execute(insert(table), list(rows))
        door.watch().look()

    return commit


@pytest.fixture
def view():
    """Make a view of 24 hours that end at noon, from defaults."""

    def make(**fields):
        return View(**{"keyword": "nike", "keyword_id": 1, "hours": 24, "end": NOON} | fields)

    return make


class Tags(HTMLParser):
    """Collects the tags, attributes and text of a piece of HTML."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.links, self.handlers, self.text = [], [], [], ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


def minute_row(**fields):
    """A row of `trend` from defaults: one tweet of no mood."""
    counts = {"tweets": 1, "voices": 1, "sentiment_sum": 0.0, "sentiment_square_sum": 0.0}
    return {"keyword_id": 1, "minute": NOON, "label": 0} | counts | fields


@pytest.fixture(scope="module")
def filled_database(database_url):
    """A database in which every field a stranger fills in holds a payload; returns its engine."""
    engine = db.engine(database_url)
    now = datetime.now(UTC)
    author = {"seen_at": now, "synthetic": True, "followers_count": 1200, "listed_count": 3, "tweet_count": 9}
    tweet = {"keyword_id": 1, "kind": "original", "lang": "en", "retweet_count": 3}
    place = {"place": PAYLOAD, "latitude": 41.9, "longitude": -87.6, "place_confidence": 0.9}
    score = {"keyword_id": 1, "reach": 30.0, "resonance": 12.0, "score": 42.0, "tweets": 1, "scored": 1, "rank": 1}
    score |= {"followers_points": 20.0, "listed_points": 6.0, "tweet_points": 4.0, "engagement_points": 12.0}
    quarter = now - timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
    ids = {1: 1, 2: 0, 3: -1}
    with engine.begin() as connection:
        tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        connection.execute(insert(Keyword), [{"name": PAYLOAD, "query": "x"}, {"name": "quiet", "query": "y"}])
        for id, label in ids.items():
            names = {"name": PAYLOAD, "username": PAYLOAD, "location": PAYLOAD}
            connection.execute(insert(Author), author | names | {"id": id, "synthetic": id != 3})
            mood = {"sentiment": label * 0.5, "label": label, "created_at": now - timedelta(minutes=20 * id)}
            words = {"text": f"{PAYLOAD} hello javascript:alert(1) https://example.com/{PAYLOAD}"}
            connection.execute(insert(Tweet), tweet | mood | place | words | {"id": id, "author_id": id})
            minute = mood["created_at"].replace(second=0, microsecond=0)
            sums = {"sentiment_sum": mood["sentiment"], "sentiment_square_sum": mood["sentiment"] ** 2}
            connection.execute(insert(Trend), minute_row(minute=minute, label=label) | sums)
            hour = minute.replace(minute=0)
            terms = [{"term": term, "tweets": 5 - id} for term in (PAYLOAD, "#<b>tag", "hello")]
            connection.execute(insert(Term), [{"keyword_id": 1, "hour": hour, "label": label} | one for one in terms])
            ranked = {"author_id": id, "label": label, "sentiment": mood["sentiment"], "top_tweet_id": id}
            connection.execute(insert(Influence), score | ranked | {"window_end": quarter, "retweet_count": 3})
        reached = {
            "keyword_id": 1,
            "window_end": quarter,
            "tweets": 3,
            "voices": 3,
            "known": 3,
            "followers_count": 3600,
        }
        connection.execute(insert(Audience), reached)
        run = {"window_end": quarter, "window_start": quarter - timedelta(hours=72), "state": "done"}
        run |= {"started_at": quarter, "finished_at": now, "weights": weights.load().version}
        connection.execute(insert(InfluenceRun), run)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def app_url(filled_database, database_url):
    """The address of the app, served by a process of its own."""
    env = os.environ | {"TALKER_DATABASE_URL": database_url, "TALKER_APP_PORT": "0"}
    command = [sys.executable, "-m", "panel_app", "--with-parent"]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as served:
        yield json.loads(served.stdout.readline())["app"]
        served.stdin.close()  # as when the parent dies
        assert served.wait(timeout=20) == 0
