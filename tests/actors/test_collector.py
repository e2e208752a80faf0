"""Everything that collects, killed over and over: what X said is compared, as a set, with what is stored."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from random import Random

import orjson
import psutil
import pytest
import ray
from sqlalchemy import select

import machine
from actors import parse, terms
from actors.collector import collect, found, report, start
from actors.spool import Spool
from actors.stream import StreamError
from actors.tracker import keywords_named
from core import db, store
from core.config import Settings
from core.models import Keyword, Term, Trend, Tweet
from local_x.server import LocalX, running
from local_x.stories import KEYWORDS

SEED, TIMES = 69, 5  # each victim so often
LONGEST = 6.0  # seconds between two kills, 3 on average: all in a minute, and some while the last one's harm lasts
ACTORS = ("ray::EndlessReader", "ray::EndlessSupervisor", "ray::KeywordTracker")
TOKEN = "canary-token"

# SQLite itself notes what the spool accepts, in the transaction that accepts it; nobody takes it out again.
JOURNAL = """
CREATE TABLE accepted AS SELECT * FROM payload;
CREATE TRIGGER accept AFTER INSERT ON payload BEGIN INSERT INTO accepted VALUES (new.position, new.body); END
"""


class Postgres:
    """The embedded server; it comes back a second after it was killed, as if somebody looked after it."""

    def __init__(self, server):
        self._server = server
        self.url = server.get_uri()
        self._return = threading.Thread(target=self._start)

    def kill(self):
        """Kill all of it; returns False while it is not back from the last time."""
        if self._return.is_alive():
            return False
        postmaster = psutil.Process(self._server.get_pid())
        family = [postmaster, *postmaster.children()]
        for process in family:
            process.kill()
        psutil.wait_procs(family)
        self._return = threading.Timer(1, self._start)
        self._return.start()
        return True

    def wait(self):
        """Wait until it is back."""
        if self._return.ident:
            self._return.join()

    def _start(self):
        for _ in range(30):
            with suppress(subprocess.CalledProcessError):  # somebody of the old ones still holds its memory
                self._server.ensure_postgres_running()
                return


@pytest.fixture
def postgres(tmp_path_factory):
    """A Postgres with the scenario's keywords, which may be killed."""
    server = machine.embedded(tmp_path_factory.mktemp("pg") / "postgres")
    engine = db.engine(server.get_uri())
    db.upgrade(engine)
    for name, query in KEYWORDS.items():
        store.add_keyword(engine, name, query=query)
    engine.dispose()
    mortal = Postgres(server)
    yield mortal
    mortal.wait()
    server.cleanup()


def processes(title):
    """Return the processes below this one whose title begins so."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "".join(process.cmdline()[:1]).startswith(title):
                found.append(process)
    return found


def kill_one(victim, postgres, dice):
    """Kill -9 the victim as soon as it runs."""
    if victim == "postgres":
        wait_for(postgres.kill)
    else:
        wait_for(lambda: processes(victim))
        os.kill(dice.choice(processes(victim)).pid, signal.SIGKILL)


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def accepted(path):
    """Return the pairs of keyword and tweet id that the spool accepted."""
    with closing(sqlite3.connect(path)) as journal:
        messages = [orjson.loads(body) for (body,) in journal.execute("SELECT body FROM accepted")]
    return {(name, int(one["data"]["id"])) for one in messages for name in keywords_named(parse.tags_of(one))}


def counted_anew(tweets, names):
    """Count trend and term from the stored tweets alone."""
    volume, words = Counter(), Counter()
    for row in tweets:
        if row.matched:
            volume[row.keyword_id, row.created_at.replace(second=0, microsecond=0), row.label] += 1
        if row.kind != "retweet":
            hour = row.created_at.replace(minute=0, second=0, microsecond=0)
            for term in terms.terms(row.text, row.lang, names[row.keyword_id]):
                words[row.keyword_id, hour, row.label, term] += 1
    return volume, words


@pytest.mark.cluster
def test_twenty_kills_in_a_minute_lose_nothing_and_count_nothing_twice(postgres, scenario, ray_cluster, tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    with closing(sqlite3.connect(tmp_path / "spool.sqlite")) as journal:
        journal.executescript(JOURNAL)
    x = LocalX(scenario, TOKEN, speed=0, rate=300.0, evict=True)
    dice = Random(SEED)
    victims = dice.sample([*ACTORS, "postgres"] * TIMES, 20)
    with running(x) as url:
        asked = Settings(home=tmp_path, database_url=postgres.url, x_bearer_token=TOKEN, x_base_url=url)
        settings = replace(asked, x_daily_budget_usd=float("inf"))  # else the stream falls silent after some seconds
        with collect(settings) as collector:
            wait_for(x.emitted)
            for victim in victims:
                kill_one(victim, postgres, dice)
                collector.check(timeout=dice.uniform(0, LONGEST))
            x.change(rate=0.001)
            postgres.wait()
            wait_for(lambda: spool.depth() == 0)
            emitted = set(x.emitted())

    engine = db.engine(postgres.url)
    with engine.connect() as connection:
        names = dict(connection.execute(select(Keyword.id, Keyword.name)).all())
        tweets, trend, term = (connection.execute(select(table)).all() for table in (Tweet, Trend, Term))
    engine.dispose()
    taken = accepted(tmp_path / "spool.sqlite")
    stored = {(names[row.keyword_id].casefold(), row.id) for row in tweets if row.matched}
    volume, words = counted_anew(tweets, names)
    told = f"seed {SEED}: {len(emitted)} emitted, {len(taken)} accepted, {len(stored)} stored"

    assert len(taken) > 5000, told
    assert taken - stored == set(), told  # lost
    assert stored - taken == set(), told  # phantom
    assert {id for _, id in stored} - emitted == set(), told
    assert {(row.keyword_id, row.minute, row.label): row.tweets for row in trend} == volume, told
    assert {(row.keyword_id, row.hour, row.label, row.term): row.tweets for row in term} == words, told


@pytest.fixture
def speaking(postgres, scenario, ray_cluster, tmp_path):
    """A small X, the settings that lead to it, and the spool between."""
    x = LocalX(scenario, TOKEN, speed=0, rate=300.0, evict=True)
    with running(x) as url, closing(Spool(tmp_path / "spool.sqlite")) as spool:
        asked = Settings(home=tmp_path, database_url=postgres.url, x_bearer_token=TOKEN, x_base_url=url)
        yield x, replace(asked, x_daily_budget_usd=float("inf")), spool
        if left := found():
            left.stop()


def stored(settings):
    """The ids of the stored tweets."""
    engine = db.engine(settings.database_url)
    with engine.connect() as connection:
        ids = connection.execute(select(Tweet.id).where(Tweet.matched).distinct()).scalars().all()
    engine.dispose()
    return set(ids)


START = """
import ray, sys
from actors.collector import start
from core.config import Settings
ray.init(address=sys.argv[1], namespace="other", log_to_driver=False)
collector = start(Settings.from_env())
assert collector.check(timeout=0)
"""


@pytest.mark.cluster
def test_what_collects_is_started_once_outlives_who_started_it_and_is_taken_over_when_it_dies(speaking):
    x, settings, _ = speaking
    ours = start(settings)
    wait_for(lambda: x.emitted() and processes("ray::KeywordTracker"))
    before = {process.pid for title in ACTORS for process in processes(title)}
    other = [sys.executable, "-c", START, ray.get_runtime_context().gcs_address]
    subprocess.run(other, env=os.environ | settings.environment(), check=True)

    assert start(settings) == ours == found()
    assert {process.pid for title in ACTORS for process in processes(title)} >= before
    (supervisor,) = processes("ray::EndlessSupervisor")
    trackers = {process.pid for process in processes("ray::KeywordTracker")}
    supervisor.kill()
    psutil.wait_procs([supervisor])
    more = len(x.emitted()) + 500
    wait_for(lambda: len(x.emitted()) > more and stored(settings) >= set(x.emitted()[:more]))
    assert {process.pid for process in processes("ray::KeywordTracker")} >= trackers
    assert ours.check(timeout=0)
    restarts = {one["actor"]: one["restarts"] for one in machine.actors()}
    assert (restarts["supervisor"], restarts["reader"]) == (1, 0)
    told = report(seconds=0.5)
    assert told["reader"]["state"] == "listening"
    assert all(0 <= lane["lag_s"] < 60 for lane in told["lanes"])

    found().stop()
    assert found() is None
    assert not ours.check(timeout=0)
    wait_for(lambda: not processes("ray::Endless") and not processes("ray::KeywordTracker"))


@pytest.mark.cluster
def test_a_stop_leaves_what_is_not_committed_in_the_spool_and_the_next_start_stores_it(speaking):
    x, settings, spool = speaking
    first = start(settings)
    wait_for(x.emitted)
    first.supervisor.stop.remote()  # as during an upgrade: nobody takes from the spool any more
    wait_for(lambda: spool.depth() > 300)
    first.stop()
    left = {int(orjson.loads(body)["data"]["id"]) for _, body in spool.read(after=0, limit=100_000)}
    x.change(rate=0.001)
    second = start(settings)
    wait_for(lambda: spool.depth() == 0)
    second.stop()

    assert len(left) > 200  # a tweet may come once for each keyword
    assert left <= stored(settings) <= set(x.emitted())  # what was on its way meanwhile is a gap, which search fills


@pytest.mark.cluster
def test_what_cannot_go_on_says_why(speaking):
    _, settings, _ = speaking
    with collect(replace(settings, x_bearer_token="wrong")) as collector:
        with pytest.raises(StreamError, match="X answers HTTP 401"):
            wait_for(lambda: not collector.check(timeout=1))
        with pytest.raises(StreamError, match="X answers HTTP 401"):
            collector.check(timeout=0)  # whoever looks on later is told, too
