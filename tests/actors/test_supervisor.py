import json
import logging
import os
import signal
import threading
import time
from itertools import islice
from random import Random
from types import SimpleNamespace

import psutil
import psycopg2
import pytest
from ray.exceptions import RayTaskError
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from actors import lanes, supervisor
from actors.lanes import Stretch
from actors.supervisor import Supervisor, passing
from actors.tracker import KeywordTracker
from core import db, store
from core.models import DeadLetter, Keyword, SpoolOffset, Trend, Tweet

AWAY = 3.0  # seconds


@pytest.mark.parametrize(
    ("payloads", "ago", "laden"),
    [(lanes.FEW, 0.0, True), (lanes.FEW - 1, 0.0, False), (lanes.FEW, supervisor.STUCK, False)],
)
def test_others_wait_for_a_call_with_much_to_do_but_not_for_one_that_is_lost(payloads, ago, laden):
    sent = SimpleNamespace(payloads=[(number, b"") for number in range(payloads)])
    tracker = SimpleNamespace(flying=[SimpleNamespace(sent=sent)], sent_at=time.monotonic() - ago)

    assert supervisor.Tracker.laden(tracker) is laden


@pytest.mark.cluster
def test_the_first_tweet_of_a_new_keyword_is_not_lost(engine, ray_cluster, tmp_path, caplog):
    caplog.set_level(logging.INFO, "actors.supervisor")
    url = engine.url.render_as_string(hide_password=False)
    following = Supervisor(url, tmp_path / "spool.sqlite")  # knows no keyword yet
    store.add_keyword(engine, "nike")
    following.spool.append([payload(1).replace(b'"nike"', b'"tt:nike"')])
    while following.step():
        pass

    assert scalar(engine, select(func.count()).select_from(Tweet)) == 1
    (sent,) = caplog.records
    assert (sent.batch, sent.payloads) == (f"{following.spool.name}/nike@1", 1)


@pytest.mark.cluster
def test_a_tweet_of_a_shared_rule_is_stored_for_each_keyword_that_it_is_about(engine, ray_cluster, tmp_path):
    url = engine.url.render_as_string(hide_password=False)
    following = Supervisor(url, tmp_path / "spool.sqlite")  # knows no keyword yet
    for name in ("nike", "puma", "adidas"):
        store.add_keyword(engine, name)
    for id, words in enumerate(("nike", "puma and nike", "shoes"), 1):
        following.spool.append([payload(id, words).replace(b'"nike"', b'"tt: several 1"')])
    while following.step():
        pass

    with engine.connect() as connection:
        found = connection.execute(
            select(Tweet.id, Keyword.name)
            .join(Keyword, Keyword.id == Tweet.keyword_id)
            .order_by(Tweet.id, Keyword.name)
        ).all()
    assert found == [(1, "nike"), (2, "nike"), (2, "puma")]


def batched(payloads, size):
    """Cut payloads into pieces; Python has it from 3.12."""
    every = iter(payloads)
    return iter(lambda: list(islice(every, size)), [])


def talk(number):
    """Make payloads as a busy keyword gets them, all of ten minutes; a third are retweets of what may come later."""
    random = Random(1)

    def tweet(id):
        said = {
            "id": str(id),
            "author_id": str(id * 7919 % 300 + 1),
            "text": f"good {'abcdef'[id % 6]}oo",
            "lang": "en",
        }
        counts = {"retweet_count": random.randrange(9), "like_count": random.randrange(9)}
        return said | {"created_at": f"2026-06-19T12:0{id % 10}:30Z", "public_metrics": counts}

    for id in range(1, number + 1):
        original = random.randrange(1, number) // 3 * 3 + 1 if id % 3 == 0 else None
        references = [{"type": "retweeted", "id": str(original)}] if original else []
        includes = {"tweets": [tweet(original)] if original else []}
        rules = [{"id": "1", "tag": "nike"}]
        yield {"data": {**tweet(id), "referenced_tweets": references}, "includes": includes, "matching_rules": rules}


@pytest.mark.cluster
def test_a_keyword_that_is_split_and_made_one_again_while_tweets_flow_gives_the_same_tables(
    engine, ray_cluster, keyword, tables, tmp_path, monkeypatch
):
    payloads = [json.dumps(message).encode() for message in talk(2000)]
    url = engine.url.render_as_string(hide_password=False)
    whole = Stretch(keyword("nike"), "nike", "nike", "whole", len(payloads), list(enumerate(payloads, 1)))
    KeywordTracker(url).add([whole])
    unsplit = tables()
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE author, tweet, trend, term, spool_offset"))

    for one in (lanes, supervisor):
        monkeypatch.setattr(one, "BATCH", 50)
        monkeypatch.setattr(one, "FEW", 50)
    monkeypatch.setattr(lanes, "COOL", 1.0)
    monkeypatch.setattr(supervisor, "SHARE_OUT", 0.1)
    supervising = Supervisor(url, tmp_path / "spool.sqlite")
    for some in [payloads[:1400], *batched(payloads[1400:], 40)]:  # at last they come slowly enough for one
        supervising.spool.append(some)
        while supervising.step():
            pass

    with engine.connect() as connection:
        moved = dict(connection.execute(select(SpoolOffset.tracker, SpoolOffset.position)).all())
    assert moved.keys() == {"nike", 'nike "1/2"', 'nike "2/2"'}
    assert moved["nike"] == 2000  # the last to work was one lane again
    assert tables() == unsplit


@pytest.fixture
def server(own_postgres):
    """That Postgres, running, with nothing in what these tests look at."""
    engine = db.engine(own_postgres.get_uri())
    with engine.begin() as connection:
        connection.execute(
            text("TRUNCATE keyword, tweet, trend, term, dead_letter, spool_offset RESTART IDENTITY CASCADE")
        )
    yield own_postgres
    own_postgres.ensure_postgres_running()
    engine.dispose()


def payload(id, words="good day"):
    data = {"id": str(id), "author_id": "7", "text": f"{words} {id}", "lang": "en"}
    tweet = {"data": data | {"created_at": "2026-06-19T12:00:30Z"}, "matching_rules": [{"id": "1", "tag": "nike"}]}
    return json.dumps(tweet).encode()


def kill(server):
    """Let the server die at once, as if its machine had lost power."""
    postmaster = psutil.Process(server.get_pid())
    family = [postmaster, *postmaster.children()]
    os.kill(postmaster.pid, signal.SIGQUIT)
    psutil.wait_procs(family, timeout=10)


def scalar(engine, statement):
    with engine.connect() as connection:
        return connection.execute(statement).scalar_one()


def test_a_malformed_payload_waits_for_postgres_too(server, tmp_path):
    supervising = Supervisor(server.get_uri(), tmp_path / "spool")
    supervising.spool.append([b'{"data": cut off'])

    kill(server)
    assert supervising.step()
    assert supervising.spool.depth() == 1

    server.ensure_postgres_running()
    assert not supervising.step()
    assert supervising.spool.depth() == 0
    engine = db.engine(server.get_uri())
    assert scalar(engine, select(func.count(DeadLetter.id))) == 1
    engine.dispose()


@pytest.mark.cluster
def test_while_postgres_is_away_payloads_wait_on_disk_and_afterwards_each_is_stored_once(
    server, ray_cluster, tmp_path, monkeypatch
):
    monkeypatch.setattr(supervisor, "BATCH", 100)
    monkeypatch.setattr(supervisor, "WAITING", 150)
    engine = db.engine(server.get_uri())
    store.add_keyword(engine, "nike")
    supervising = Supervisor(server.get_uri(), tmp_path / "spool")
    supervising.spool.append([payload(id) for id in range(1, 101)])
    while supervising.step():
        pass

    supervising.spool.append([payload(id) for id in range(101, 201)])
    supervising.step(timeout=0)  # a stretch is on its way
    kill(server)
    back = threading.Timer(AWAY, server.ensure_postgres_running)
    back.start()
    for start in range(201, 2001, 100):
        supervising.spool.append([payload(id) for id in range(start, start + 100)])
        if back.is_alive():
            supervising.step()
        assert supervising.uncommitted() <= supervisor.WAITING
    assert supervising.spool.depth() > supervisor.WAITING
    back.join()
    while supervising.step():
        assert supervising.uncommitted() <= supervisor.WAITING

    assert supervising.spool.depth() == 0
    assert scalar(engine, select(func.count(Tweet.id))) == 2000
    assert scalar(engine, select(func.sum(Trend.tweets))) == 2000
    assert scalar(engine, select(SpoolOffset.stored)) == 2000
    assert scalar(engine, select(SpoolOffset.duplicate)) == 0
    engine.dispose()


@pytest.mark.parametrize(
    ("raised", "may_pass"),
    [(psycopg2.OperationalError, True), (psycopg2.DatabaseError, True), (psycopg2.ProgrammingError, False)],
)
def test_a_server_that_dies_amid_a_statement_is_an_outage_and_a_fault_of_ours_is_none(raised, may_pass):
    error = DBAPIError.instance("SELECT", {}, raised("server closed the connection unexpectedly"), psycopg2.Error)

    assert passing(error) is may_pass
    assert passing(RayTaskError("add", "", error).as_instanceof_cause()) is may_pass
