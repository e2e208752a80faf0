import json
import logging
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import tweepy
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from actors import rules
from actors.spool import Spool
from actors.stream import CONNECTS, Ended, Reader, StreamError, at, pause, problem_in
from core import store
from core.models import Gap
from local_x.scenario import Scenario
from local_x.server import LocalX, running

TOKEN = "canary-token"
MONDAY = datetime(2026, 6, 22, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def scenario():
    return Scenario(1, MONDAY)


@pytest.fixture
def reader(engine, tmp_path):
    """Make a reader of the test's database and a spool in the test's folder."""

    def make(base_url, token=TOKEN):
        url = engine.url.render_as_string(hide_password=False)
        return Reader(token, base_url, url, tmp_path / "spool.sqlite")

    return make


@contextmanager
def running_reader(reader):
    thread = threading.Thread(target=reader.run)
    thread.start()
    try:
        yield
    finally:
        reader.stop()
        thread.join(timeout=30)
        assert not thread.is_alive()


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_what_the_stream_says_reaches_the_spool_as_it_came(scenario, engine, reader, tmp_path):
    store.add_keyword(engine, "#OneMinuteChoir", query="#oneminutechoir")
    with running(LocalX(scenario, TOKEN, speed=0)) as url, running_reader(reader(url)):
        spool = Spool(tmp_path / "spool.sqlite")
        wait_for(lambda: spool.depth() > 200)

    payloads = [json.loads(body) for _, body in spool.read(after=0, limit=200)]
    assert {rule["tag"] for one in payloads for rule in one["matching_rules"]} == {"tt:#OneMinuteChoir"}
    assert all("public_metrics" in one["data"] and one["includes"]["users"] for one in payloads)
    assert any(one["data"].get("referenced_tweets") and one["includes"].get("tweets") for one in payloads)


def test_a_keyword_added_while_listening_is_heard_without_a_new_connection(
    scenario, engine, reader, tmp_path, monkeypatch
):
    monkeypatch.setattr("actors.stream.RULE_SECONDS", 0.2)
    store.add_keyword(engine, "#OneMinuteChoir", query="#oneminutechoir")
    x = LocalX(scenario, TOKEN, speed=2000, limits={"stream": 1})
    with running(x) as url, running_reader(reader(url)):
        spool = Spool(tmp_path / "spool.sqlite")
        wait_for(lambda: spool.depth() > 5)
        store.add_keyword(engine, "Aerolume", query="aerolume")
        wait_for(lambda: any(b'"tt:Aerolume"' in body for _, body in spool.read(after=0, limit=10_000)))


def test_without_a_keyword_x_is_not_asked_for_a_stream(scenario, reader):
    x = LocalX(scenario, TOKEN, limits={"stream": 0})
    with running(x) as url:
        idle = reader(url)
        with running_reader(idle):
            wait_for(lambda: idle.health()["state"] == "no keyword is tracked")


def test_a_wrong_token_ends_it_with_what_to_mend(scenario, engine, reader, monkeypatch):
    store.add_keyword(engine, "nike")
    monkeypatch.setattr(Reader, "_keep_rules", lambda self: {rules.Rule("nike", "tt:nike")})
    with running(LocalX(scenario, TOKEN)) as url, pytest.raises(StreamError, match="TALKER_X_BEARER_TOKEN"):
        reader(url, token="wrong").run()


def test_an_outage_is_a_gap_that_ends_when_x_is_back(scenario, engine, reader):
    store.add_keyword(engine, "#OneMinuteChoir", query="#oneminutechoir")

    def gaps():
        with engine.connect() as connection:
            return connection.execute(select(Gap.reason, Gap.ended_at)).all()

    with running(LocalX(scenario, TOKEN, speed=0)) as url:
        port = int(url.rsplit(":", 1)[1])
        listening = reader(url)
        follower = running_reader(listening)
        follower.__enter__()
        wait_for(lambda: listening.health()["state"] == "listening")
    wait_for(lambda: len(gaps()) > 0)
    with running(LocalX(scenario, TOKEN, speed=0), port):
        wait_for(lambda: all(ended for _, ended in gaps()))
        follower.__exit__(None, None, None)


def test_a_quiet_stream_is_left_at_once(scenario, engine, reader):
    store.add_keyword(engine, "nobody says this")
    with running(LocalX(scenario, TOKEN)) as url:
        listening = reader(url)
        with running_reader(listening):
            wait_for(lambda: listening.health()["state"] == "listening")
            began = time.monotonic()
        assert time.monotonic() - began < 5  # tweepy alone would wait for the keep-alive, up to 20 s


def test_the_token_is_never_logged(scenario, engine, reader, tmp_path, caplog):
    store.add_keyword(engine, "#OneMinuteChoir", query="#oneminutechoir")
    caplog.set_level(logging.DEBUG)
    with running(LocalX(scenario, TOKEN, speed=0)) as url, running_reader(reader(url)):
        spool = Spool(tmp_path / "spool.sqlite")
        wait_for(lambda: spool.depth() > 5)

    assert TOKEN not in caplog.text


def waits(ended, number):
    return [pause(ended, bad_ends, now=1000.0) for bad_ends in range(1, number + 1)]


def test_network_errors_wait_a_quarter_second_more_each_time():
    assert waits(Ended("network"), 4) == [0, 0.25, 0.5, 0.75]
    assert pause(Ended("network"), 1000, now=0) == 16


def test_server_errors_wait_twice_as_long_each_time():
    assert waits(Ended("http", status=503), 8) == [5, 10, 20, 40, 80, 160, 320, 320]


def test_a_rate_limit_waits_for_its_reset():
    headers = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1090"}

    assert pause(Ended("http", status=429, headers=headers), 1, now=1000.0) == 90


def test_a_clean_close_reconnects_at_once_but_not_in_a_hot_loop():
    assert waits(Ended("closed"), 4) == [0, 5, 10, 20]


@given(st.sampled_from(["closed", "network", "http", "exception"]), st.integers(1, 10_000))
def test_no_wait_is_negative_or_longer_than_x_s_longest(outcome, bad_ends):
    assert 0 <= pause(Ended(outcome), bad_ends, now=0.0) <= 320


def test_connects_stay_below_x_s_50_in_15_minutes(reader, monkeypatch):
    clock = [0.0]
    connects = []
    monkeypatch.setattr("actors.stream.time.monotonic", lambda: clock[0])
    trying = reader("http://127.0.0.1:9")
    monkeypatch.setattr(trying._stopping, "wait", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    for _ in range(200):
        trying._spend_connect()
        connects.append(clock[0])

    assert all(later - earlier >= 900 for earlier, later in zip(connects, connects[CONNECTS:], strict=False))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"errors":[{"title":"operational-disconnect","disconnect_type":"UpstreamOperationalDisconnect"}]}',
        b'{"title":"operational-disconnect","connection_issue":"TooManyConnections"}',
    ],
)
def test_an_error_in_the_stream_is_read_in_both_of_x_s_shapes(raw):
    assert problem_in(raw)["title"] == "operational-disconnect"


@pytest.mark.parametrize("raw", [b'{"id": "1"', b"[]", b"3", b'{"errors": [], "data": {"id": "1"}}', b'{"new": 1}'])
def test_anything_else_in_the_stream_is_not_an_error(raw):
    assert problem_in(raw) is None


def test_rules_become_the_tracked_keywords_and_others_rules_stay(scenario):
    with running(LocalX(scenario, TOKEN)) as url:
        client = at(tweepy.StreamingClient(TOKEN), url)
        client.add_rules([tweepy.StreamRule(value="somebody else", tag="theirs")])
        old, new = rules.Rule("(nike) -is:nullcast", "tt:nike"), rules.Rule("(puma) lang:en -is:nullcast", "tt:puma")
        refused = [rules.reconcile(client, wanted) for wanted in ({old}, {old}, {new})]
        found = {(rule.value, rule.tag) for rule in client.get_rules().data}

    assert refused == [[], [], []]
    assert found == {("somebody else", "theirs"), (new.value, new.tag)}


def test_a_rule_that_x_refuses_is_told_with_the_reason(scenario):
    with running(LocalX(scenario, TOKEN)) as url:
        client = at(tweepy.StreamingClient(TOKEN), url)
        told = rules.reconcile(client, {rules.Rule("(a OR) -is:nullcast", "tt:a"), rules.Rule("nike", "tt:nike")})
        found = [rule.value for rule in client.get_rules().data]

    assert len(told) == 1
    assert "(a OR)" in told[0]
    assert found == ["nike"]


def test_a_keyword_s_language_becomes_part_of_its_rule():
    assert rules.rule_value("nike OR #nike", "en") == "(nike OR #nike) lang:en -is:nullcast"
    assert rules.rule_value("nike", None) == "(nike) -is:nullcast"
