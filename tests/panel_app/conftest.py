"""What the page tests share: the app's door to the test database, views, and one served app with one browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import holoviews as hv
import pytest
import requests
from hypothesis import strategies as st
from sqlalchemy import insert, text

from core import accounts, db, weights
from core.models import (
    Alert,
    Audience,
    Author,
    Base,
    Forecast,
    ForecastRun,
    Influence,
    InfluenceRun,
    Keyword,
    Term,
    Trend,
    Tweet,
)
from panel_app import data, passwords, patterns
from panel_app.selection import View, moving

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
PAYLOAD = "<img src=x onerror=window.hacked=1>"
PASSWORD = "canary-7f3a correct horse"
PHONE = "Mozilla/5.0 (Linux; Android 14) Mobile"
SECRET = "Hushhush"  # names somebody who wrote about a sensitive keyword
HOSTILE = "<svg/onload=window.hacked=1>@example.com"  # an e-mail address that somebody may sign up with


@pytest.fixture(scope="session", autouse=True)
def bokeh():
    """HoloViews draws with Bokeh, as the app tells it to when it starts."""
    hv.extension("bokeh")


@pytest.fixture
def door(engine, database_url, monkeypatch):
    """The pages' door, opened on the emptied test database."""
    monkeypatch.setenv("TALKER_DATABASE_URL", database_url)
    data.forget()
    patterns._usual_until.cache_clear()
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
def visitor(engine, door):
    """Sign somebody in, in a role."""

    def make(role="analyst"):
        id = accounts.add_account(engine, f"{role}@example.com", "hash", role=role, name=role)
        return accounts.visitor(engine, accounts.hashed(accounts.open_session(engine, id)))

    return make


@pytest.fixture
def view():
    """Make a view of 24 hours that end with the minute of noon, from defaults."""

    def make(**fields):
        start, end = moving(NOON, fields.get("hours") or 24, fields.get("bar", ""), fields.get("zone", "UTC"))
        known = {"keyword": "nike", "keyword_id": 1, "hours": 24, "start": start, "end": end, "newest": NOON}
        return View(**known | fields)

    return make


def strangers_text(**limits):
    """Draw what somebody may call themselves or write: any text, and what would be markup if it were not escaped."""
    return st.text(**limits) | st.sampled_from([PAYLOAD, "<b>", "</li></ol>", 'a" onclick="x', "&lt;img src=x&gt;"])


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
    score = {"keyword_id": 1, "reach": 30.0, "resonance": 12.0, "score": 42.0}
    score |= {"tweets": 1, "scored": 2, "rank": 1, "followers_count": 1200}
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
        monday = datetime.combine(now, datetime.min.time(), UTC)
        told = {"keyword_id": 1, "origin": monday, "ahead": 4, "history": 20}
        connection.execute(insert(ForecastRun), [told | {"subject": one} for one in ("people", "tweets", "mood")])
        due = {"keyword_id": 1, "origin": monday, "way": "persistence", "shown": True, "low": -0.2, "high": 9.0}
        for subject, ahead in (("people", 28), ("tweets", 1), ("tweets", 2), ("mood", 1), ("mood", 2)):
            whom = {"author_id": 1, "chance": 0.7} if subject == "people" else {}
            at = {"subject": subject, "due": monday + timedelta(days=ahead), "place": 1, "expected": 0.5}
            connection.execute(insert(Forecast), due | at | whom)
        private = {
            "keyword_id": 3,
            "author_id": 4,
            "created_at": now - timedelta(minutes=5),
            "label": 1,
            "sentiment": 0.5,
        }
        connection.execute(insert(Keyword), {"name": "private", "query": "z", "sensitive": True})
        told = {"at": now - timedelta(minutes=30), "episode": now - timedelta(minutes=30), "numbers": {}}
        connection.execute(insert(Alert), [{"keyword_id": id, "level": "watch"} | told for id in (1, 3)])
        connection.execute(insert(Author), author | {"id": 4, "name": SECRET, "username": SECRET, "location": SECRET})
        connection.execute(
            insert(Tweet), tweet | place | private | {"id": 4, "text": f"{SECRET} hello", "place": SECRET}
        )
        minute = now.replace(second=0, microsecond=0) - timedelta(minutes=5)
        connection.execute(insert(Trend), minute_row(keyword_id=3, minute=minute, label=1, sentiment_sum=0.5))
        connection.execute(
            insert(Term), {"keyword_id": 3, "hour": minute.replace(minute=0), "label": 1, "term": "hello", "tweets": 1}
        )
        ranked = {
            "keyword_id": 3,
            "author_id": 4,
            "label": 1,
            "sentiment": 0.5,
            "top_tweet_id": 4,
            "window_end": quarter,
        }
        connection.execute(insert(Influence), score | ranked)
    kept = passwords.hashed(PASSWORD)
    emails = {HOSTILE: "viewer"} | {f"{role}@example.com": role for role in accounts.ROLES}
    for email, role in emails.items():
        hostile = dict.fromkeys(("name", "company", "interest"), PAYLOAD)
        id = accounts.add_account(engine, email, kept, role=role, **hostile)
        accounts.record(engine, id, "feedback", page=PAYLOAD, text=PAYLOAD)
    yield engine
    engine.dispose()


@contextmanager
def served(database_url, home, **settings):
    """Serve the app by a process of its own; yields its address."""
    own = {"TALKER_DATABASE_URL": database_url, "TALKER_APP_PORT": "0", "TALKER_HOME": str(home)}
    env = os.environ | own | settings
    command = [sys.executable, "-m", "panel_app", "--with-parent"]
    log = home / "app.log"
    with (
        log.open("wb") as told,
        subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told) as process,
    ):
        yield json.loads(process.stdout.readline())["app"]
        process.stdin.close()  # as when the parent dies
        assert process.wait(timeout=20) == 0


class Guest(requests.Session):
    """Somebody who visits the app without a browser that runs scripts."""

    def __init__(self, app_url):
        super().__init__()
        self.app_url = app_url

    def look(self, path, **more):
        """Get a page; redirects are not followed."""
        return self.get(self.app_url + path, allow_redirects=False, **more)

    def fill_in(self, path, headers=None, **fields):
        """Send a form with the token that its page has."""
        self.look(path)
        form = {"_xsrf": self.cookies.get("_xsrf", "")} | fields
        return self.post(self.app_url + path, data=form, headers=headers, allow_redirects=False)

    def log_in(self, email, password=PASSWORD, **fields):
        """Log in."""
        return self.fill_in("/login", email=email, password=password, **fields)


@pytest.fixture(scope="module")
def guest(app_url):
    """Make a guest who is not signed in."""
    return lambda: Guest(app_url)


@pytest.fixture(scope="module")
def signed_in(app_url):
    """Return the guest who is signed in as an account of a role, the same one each time."""
    guests = {}

    def by_role(role="analyst"):
        if role not in guests:
            guests[role] = Guest(app_url)
            assert guests[role].log_in(f"{role}@example.com").status_code == 303
        return guests[role]

    return by_role


def patient(page):
    """Let whoever goes to a page come back when it is the browser's own, and no longer the server's drawing of it."""
    go = page.goto

    def goto(url, **options):
        answer = go(url, **options)
        page.locator("#first-paint").wait_for(state="detached", timeout=60_000)
        return answer

    page.goto = goto


@pytest.fixture(scope="module")
def window(browser, app_url, signed_in):
    """Open browser windows that are signed in; pages in one share its cache."""
    opened = []

    def make(role="analyst", **options):
        one = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        cookies = signed_in(role).cookies
        one.add_cookies([{"name": cookie.name, "value": cookie.value, "url": app_url} for cookie in cookies])
        if options.get("java_script_enabled", True):
            one.on("page", patient)
        opened.append(one)
        return one

    yield make
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def app_home(tmp_path_factory):
    """The folder in which the served app keeps its secrets and its log."""
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="module")
def app_url(filled_database, database_url, app_home):
    """The address of the app, served by a process of its own."""
    with served(database_url, app_home) as address:
        yield address
