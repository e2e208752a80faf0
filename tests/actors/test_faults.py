"""The fault matrix: what X does on bad days, ordered from the small X over HTTP, and what becomes of it."""

import json
import logging
import socket
import time

import pytest
import requests

from actors.connection import problem_in
from actors.stream import StreamError
from actors.waits import CONNECTS
from core import store

# Of what a line may suffer, the reader passes on what came: it is for the trackers to judge.
LINES = [
    "split_crlf",
    "split_character",
    "several",
    "out_of_order",
    "duplicate",
    "long_line",
    "slow",
    "untagged",
    "unknown_keys",
    "unknown_message",
    "broken_line",
]
TOLD = "operational-disconnect"
ENDINGS = [
    ({"fault": "close"}, "closed"),
    ({"fault": "reset"}, "network"),
    ({"fault": "silence"}, "network"),
    ({"fault": "operational_disconnect"}, f"closed: {TOLD}"),
    ({"fault": "operational_disconnect", "bare": True}, f"closed: {TOLD}"),
    ({"fault": "connection_exception"}, "closed: ConnectionException"),
    ({"fault": "connection_exception", "bare": True}, "closed: ConnectionException"),
]
REFUSALS = [
    ({"fault": "unavailable"}, 503, "HTTP 503: Service Unavailable"),
    ({"fault": "rate_limit", "seconds": 1}, 429, "HTTP 429: Too Many Requests"),
    ({"fault": "too_many_connections"}, 429, "HTTP 429: ConnectionException"),
]
MOUNTAIN = "\u2028 line separator, next line \x85, and a form feed \x0c"


@pytest.mark.parametrize("fault", LINES)
def test_every_tweet_is_in_the_spool_once_for_each_time_it_came(follow, fault):
    following = follow({"fault": fault, "times": 3, "after": 5, "seconds": 0.3})
    following.heard(30)
    following.reconcile()

    assert following.statuses() == [200]
    assert following.gaps() == []


def test_a_line_ends_at_its_line_feed_only(follow):
    text = json.dumps({"data": {"id": "1", "text": MOUNTAIN}}, ensure_ascii=False)
    following = follow({"fault": "unknown_message", "after": 3, "text": text.replace("\\f", "\x0c")})
    following.heard(10)

    assert [body.decode() for body in following.bodies() if b"line separator" in body] == [text.replace("\\f", "\x0c")]


def test_an_edit_reaches_the_spool_as_a_tweet_of_its_own(follow):
    following = follow()
    following.heard(5)
    edited = following.x.edit(following.ids()[0], "Now with more #OneMinuteChoir")
    following.wait_for(lambda: edited in following.ids())


@pytest.mark.parametrize("names", ["new", "mixed"])
def test_renamed_fields_reach_the_spool_as_they_came(follow, names):
    following = follow(names=names)
    following.heard(30)
    following.reconcile()

    assert any(b'"repost_count"' in body for body in following.bodies())


@pytest.mark.parametrize(("fault", "reason"), ENDINGS)
def test_an_ending_is_one_gap_and_nothing_that_came_is_lost(follow, fault, reason):
    following = follow(reading={"silence": 3.0}, keep_alive=0.2)
    following.heard(20)
    following.x.order(**fault)
    following.wait_for(lambda: len(following.gaps()) == 1)
    following.wait_for(lambda: following.gaps() == [(reason, True)])
    following.heard(20)
    following.reconcile()

    assert following.statuses().count(200) == 2
    assert following.gaps() == [(reason, True)]


@pytest.mark.parametrize(("fault", "status", "reason"), REFUSALS)
def test_an_outage_of_several_refusals_is_one_gap(follow, fault, status, reason):
    following = follow(fault | {"times": 2})
    following.heard(10)
    following.reconcile()

    assert following.statuses() == [status, status, 200]
    assert following.gaps() == [(reason, True)]


@pytest.mark.parametrize(("fault", "status"), [("unauthorized", 401), ("forbidden", 403)])
def test_a_refusal_for_good_ends_it_with_x_s_reason(follow, fault, status):
    following = follow({"fault": fault, "times": 0})
    following.thread.join(timeout=10)

    assert following.statuses() == [status]
    [error] = following.raised
    assert isinstance(error, StreamError)
    assert str(error).startswith(f"X answers HTTP {status}: {fault.capitalize()}")
    assert following.gaps() == [(f"HTTP {status}: {fault.capitalize()}", False)]


def test_a_token_that_x_does_not_know_ends_it_with_what_to_mend(follow):
    following = follow(token="wrong")
    following.thread.join(timeout=10)

    assert following.statuses() == []
    assert "HTTP 401: Unauthorized" in str(following.raised[0])
    assert "TALKER_X_BEARER_TOKEN" in str(following.raised[0])


def test_rules_that_somebody_deleted_come_back_before_the_next_attempt(follow):
    following = follow()
    following.heard(5)
    following.x.rules.delete_all()
    following.x.order("close")
    following.wait_for(lambda: 409 in following.statuses())
    following.heard(5)

    assert following.statuses() == [200, 409, 200]
    assert following.gaps() == [("closed", True)]


def test_another_connection_of_ours_is_closed_through_x(follow):
    following = follow(keyword="")
    following.x.rules.add([{"value": "aerolume", "tag": "theirs"}])
    stream, headers = f"{following.url}/2/tweets/search/stream", {"Authorization": "Bearer canary-token"}
    with requests.get(stream, headers=headers, stream=True, timeout=10):
        store.add_keyword(following.engine, "#oneminutechoir")
        following.heard(5)

    assert following.statuses() == [200, 429, 200]
    assert following.x.connections.all[0].disconnect_reason == "Killed"
    assert following.gaps() == [("HTTP 429: ConnectionException", True)]


def test_without_money_x_is_left_in_peace(follow):
    following = follow({"fault": "usage_cap", "times": 0}, reading={"pause": lambda *how: 60})
    following.wait_for(lambda: following.gaps())

    assert following.reader.health()["state"] == "budget (HTTP 429: UsageCapExceeded)"
    assert following.gaps() == [("HTTP 429: UsageCapExceeded", False)]
    assert following.stop() < 1


def test_an_outage_that_outlives_the_reader_stays_one_gap(follow):
    first = follow({"fault": "forbidden", "times": 0})
    first.thread.join(timeout=10)
    second = follow({"fault": "unavailable"}, keyword="")
    second.heard(5)

    assert second.gaps() == [("HTTP 403: Forbidden", True)]


def test_connects_stay_within_the_limit_however_often_x_closes(follow):
    following = follow({"fault": "close", "times": 0}, reading={"pause": lambda *how: 0})
    following.wait_for(lambda: len(following.statuses()) == CONNECTS, seconds=30)
    following.wait_for(lambda: "limit of connects" in following.reader.health()["state"])
    stopped_after = following.stop()

    assert stopped_after < 1
    assert following.statuses() == [200] * CONNECTS

    again = follow(keyword="")  # a new process with the same spool knows what the old one spent
    again.wait_for(lambda: "limit of connects" in again.reader.health()["state"])
    assert again.statuses() == []


def whole(following):
    """Say whether the spool has all of the first connection's tweets up to the last one it took."""
    first = list(following.x.connections.all[0].ids)
    taken = [one for one in following.ids() if one in set(first)]
    return taken == first[: len(taken)]


def test_a_full_spool_ends_reading_until_it_drains(follow):
    following = follow(reading={"spool_mb": 1}, rate=0.0)
    following.wait_for(lambda: following.reader.health()["state"] == "spool full: not reading")
    assert following.x.connections.current() is None
    assert whole(following)

    def drained():
        following.spool.acknowledge(10**9)
        return following.gaps()[0] == ("spool full", True)

    following.wait_for(drained)
    assert following.statuses()[:2] == [200, 200]


def test_a_full_disk_ends_reading_and_what_came_waits_in_memory(follow):
    following = follow()
    following.heard(5)
    spool = following.reader._spool._db
    spool.execute(f"PRAGMA max_page_count = {spool.execute('PRAGMA page_count').fetchone()[0]}")
    following.wait_for(lambda: following.reader.health()["state"] == "spool full: not reading")
    before = following.spool.depth()
    spool.execute("PRAGMA max_page_count = 1000000")
    following.wait_for(lambda: following.gaps() == [("spool full", True)])
    following.heard(5)

    assert following.spool.depth() > before
    assert whole(following)


STATES = {
    "listening": ({}, {}),
    "no keyword is tracked": ({"keyword": ""}, {}),
    "not listening (HTTP 503: Service Unavailable)": ({}, {"fault": "unavailable", "times": 0}),
    "not listening (HTTP 429: Too Many Requests)": ({}, {"fault": "rate_limit", "times": 0}),
    "not listening (HTTP 429: ConnectionException)": ({}, {"fault": "too_many_connections", "times": 0}),
    "not listening (rules)": ({"base_url": "http://127.0.0.1:9"}, {}),
}


@pytest.mark.parametrize("state", STATES)
def test_it_stops_within_a_second_in_every_state(follow, state):
    settings, fault = STATES[state]
    following = follow(*[fault] if fault else [], reading={"pause": lambda *how: 60}, **settings)
    following.wait_for(lambda: following.reader.health()["state"] == state)

    assert following.stop() < 1


def test_it_stops_within_a_second_while_the_stream_says_nothing(follow):
    following = follow(keyword="nobody says this", speed=1)
    following.wait_for(lambda: following.reader.health()["state"] == "listening")

    assert following.stop() < 1


def test_it_stops_within_a_second_while_x_never_answers_about_the_rules(follow):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        following = follow(base_url=f"http://127.0.0.1:{mute.getsockname()[1]}")
        with mute.accept()[0]:
            time.sleep(0.1)

            assert following.stop() < 1


def test_what_came_before_a_stop_is_in_the_spool_when_run_returns(follow):
    following = follow(rate=20.0)
    following.wait_for(lambda: len(following.x.emitted()) > 5)
    following.stop()

    assert following.ids() == following.x.emitted()[: len(following.ids())]
    assert len(following.x.emitted()) - len(following.ids()) <= 1  # the one that was under way


def test_the_token_is_never_logged(follow, caplog):
    caplog.set_level(logging.DEBUG)
    faults = [{"fault": "unavailable"}, {"fault": "too_many_connections"}, {"fault": "connection_exception"}]
    following = follow(*faults)
    following.heard(10)
    following.x.order("unauthorized", times=0, on="")
    following.x.order("close")
    following.thread.join(timeout=10)

    assert following.raised
    assert "next attempt" in caplog.text
    assert "canary-token" not in caplog.text + str(following.raised)


def test_a_problem_is_not_a_tweet(follow):
    following = follow({"fault": "operational_disconnect"}, {"fault": "operational_disconnect", "bare": True})
    following.heard(10)

    assert not any(problem_in(body) for body in following.bodies())
