"""kill -9 in the middle of a run: the same rows as undisturbed in the end, and never half of them."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import SQLAlchemyError

import machine
from core import db
from core.config import Settings
from core.models import Author, Influence, InfluenceRun, Keyword, Tweet
from jobs import influence
from jobs.session import executors

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
PATIENCE = 180

pytestmark = pytest.mark.cluster


def filled(engine, author_row, tweet_row):
    """Put in enough of everything that each author has a rank."""
    dice = random.Random(3)
    tweets = [
        tweet_row(
            id,
            author_id=dice.randint(1, 90),
            created_at=NOON - timedelta(minutes=dice.randint(0, 4000)),
            retweet_count=dice.randint(0, 99),
            sentiment=round(dice.uniform(-1, 1), 4),
            mentioned_ids=[dice.randint(1, 90)],
        )
        for id in range(1, 900)
    ]
    with engine.begin() as connection:
        connection.execute(insert(Keyword), [{"name": "nike", "query": "nike"}])
        connection.execute(insert(Author), [author_row(id, followers_count=id * id) for id in range(1, 91)])
        connection.execute(insert(Tweet), tweets)


def rows(engine):
    with engine.connect() as connection:
        return connection.execute(select(*Influence.__table__.columns).order_by(Influence.author_id)).all()


def runs(engine):
    with engine.connect() as connection:
        return connection.execute(select(InfluenceRun.state, InfluenceRun.stage, InfluenceRun.error)).all()


def when_computing(engine):
    """Wait until a run is past its extract."""
    until = time.monotonic() + PATIENCE
    while not any(told.stage == "compute" for told in runs(engine)):
        assert time.monotonic() < until
        time.sleep(0.02)


def process_of(actor_class):
    """The process of a living actor of some class."""
    from ray._private.state import actors

    return next(a["Pid"] for a in actors().values() if actor_class in a["ActorClassName"] and a["State"] == "ALIVE")


def kill(server):
    """Kill every process of a Postgres."""
    postmaster = psutil.Process(server.get_pid())
    family = [postmaster, *postmaster.children()]
    for process in family:
        process.kill()
    psutil.wait_procs(family, timeout=10)


@pytest.fixture
def run(host, tmp_path):
    """Run the job on a database."""

    def once(engine, database_url):
        settings = Settings(database_url=database_url, lake=tmp_path / "lake")
        return influence.run(engine, host.spark(), settings, NOON, executors)

    return once


def test_an_executor_killed_amid_a_run_changes_nothing(engine, run, database_url, author_row, tweet_row):
    filled(engine, author_row, tweet_row)
    run(engine, database_url)
    undisturbed = rows(engine)
    with ThreadPoolExecutor(1) as pool:
        disturbed = pool.submit(run, engine, database_url)
        when_computing(engine)
        os.kill(process_of("RayDPExecutor"), signal.SIGKILL)
        answer = disturbed.result()

    assert answer["rows"] == len(undisturbed) > 50
    assert rows(engine) == undisturbed


def test_postgres_killed_amid_a_run_leaves_the_window_as_it_was(run, author_row, tweet_row, tmp_path):
    server = machine.embedded(tmp_path / "postgres")
    url = server.get_uri()
    engine = db.engine(url)
    db.upgrade(engine)
    filled(engine, author_row, tweet_row)
    run(engine, url)
    undisturbed = rows(engine)
    with ThreadPoolExecutor(1) as pool:
        disturbed = pool.submit(run, engine, url)
        when_computing(engine)
        kill(server)
        with pytest.raises(SQLAlchemyError):
            disturbed.result()
    server.ensure_postgres_running()

    assert rows(engine) == undisturbed
    assert [told.state for told in runs(engine)] == ["running"]  # nobody was there to be told
    assert run(engine, url)["rows"] == len(undisturbed) > 50
    assert rows(engine) == undisturbed
    assert [told.state for told in runs(engine)] == ["done"]
    engine.dispose()
    server.cleanup()
