"""What the reader does on good days; its bad days are in test_faults.py."""

import json
import sqlite3
from datetime import UTC, datetime

from sqlalchemy import select, text

from actors.stream import Outages
from core import store
from core.models import Gap


def test_what_the_stream_says_reaches_the_spool_as_it_came(follow):
    following = follow(rate=0.0)
    following.heard(200)

    payloads = [json.loads(body) for body in following.bodies()[:200]]
    assert {rule["tag"] for one in payloads for rule in one["matching_rules"]} == {"tt:#oneminutechoir"}
    assert all("public_metrics" in one["data"] and one["includes"]["users"] for one in payloads)
    assert any(one["data"].get("referenced_tweets") and one["includes"].get("tweets") for one in payloads)


def test_a_keyword_added_while_listening_is_heard_without_a_new_connection(follow):
    following = follow()
    following.heard(5)
    store.add_keyword(following.engine, "Aerolume", query="aerolume")
    following.wait_for(lambda: any(b'"tt:Aerolume"' in body for body in following.bodies()))

    assert following.statuses() == [200]


def test_without_a_keyword_x_is_not_asked_for_a_stream(follow):
    following = follow(keyword="")
    following.wait_for(lambda: following.reader.health()["state"] == "no keyword is tracked")

    assert following.statuses() == []


def test_a_rule_that_x_refuses_is_in_the_health_with_its_keyword(follow):
    following = follow()
    store.add_keyword(following.engine, "half", query="bio:half")  # the small X does not know bio:
    following.wait_for(lambda: "half" in following.reader.health()["refused"])
    following.heard(5)


def test_an_outage_that_postgres_missed_is_told_later_with_its_own_time(engine):
    outages = Outages(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gap RENAME TO away"))
    try:
        outages.began("network")
        outages.began("HTTP 503")
        outages.ended()
        listened = datetime.now(UTC)
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO gap"))
    outages.tell()

    with engine.connect() as connection:
        [gap] = connection.execute(select(Gap.reason, Gap.started_at, Gap.ended_at)).all()
    assert gap.reason == "network"
    assert gap.started_at <= gap.ended_at <= listened


def test_a_spool_that_cannot_be_written_ends_the_run(follow):
    following = follow(keyword="")
    following.spool._db.execute("DROP TABLE payload")
    store.add_keyword(following.engine, "#oneminutechoir")
    following.thread.join(timeout=10)

    assert isinstance(following.raised[0], sqlite3.OperationalError)
