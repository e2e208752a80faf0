import logging

import pytest
import tweepy
from sqlalchemy import select, update

from actors import rules
from actors.connection import at
from actors.rules import BATCH, Rule, RuleKeeper
from core import store
from core.models import Keyword
from local_x.server import LocalX, running

TOKEN = "canary-token"
PUMA = Rule("(puma) lang:en -is:nullcast", "tt:puma")
NIKE = Rule("(nike) -is:nullcast", "tt:nike")


@pytest.fixture
def serve(scenario):
    """Serve a small X; returns it and a function that makes a client of it."""
    opened = []

    def start(**settings):
        x = LocalX(scenario, TOKEN, **settings)
        opened.append(running(x))
        url = opened[-1].__enter__()
        return x, lambda: at(tweepy.StreamingClient(TOKEN), url)

    yield start
    for one in opened:
        one.__exit__(None, None, None)


def known(x):
    """The rules that X has."""
    return {Rule(rule["value"], rule.get("tag", "")) for rule in x.rules.listed().get("data", [])}


def writes(x):
    """How many changes of rules were asked of X."""
    return x.buckets["rules_write"].used


def test_rules_become_the_tracked_keywords_and_others_rules_stay(serve):
    x, client = serve()
    theirs = Rule("somebody else", "theirs")
    client().add_rules([tweepy.StreamRule(value=theirs.value, tag=theirs.tag)])
    refused = [rules.reconcile(client(), wanted) for wanted in ({NIKE}, {NIKE}, {PUMA})]

    assert refused == [{}, {}, {}]
    assert known(x) == {theirs, PUMA}


def test_a_rule_that_x_refuses_is_told_at_its_keyword_and_never_sent(serve):
    x, client = serve()
    refused = rules.reconcile(client(), {Rule("(a OR) -is:nullcast", "tt:a"), NIKE})

    assert list(refused) == ["a"]
    assert refused["a"]
    assert known(x) == {NIKE}


def test_a_keyword_that_only_has_a_new_name_keeps_its_rule_s_value(serve):
    x, client = serve()
    rules.reconcile(client(), {NIKE})
    renamed = Rule(NIKE.value, "tt:Nike Inc")

    assert rules.reconcile(client(), {renamed}) == {}
    assert known(x) == {renamed}


def test_many_rules_go_in_few_requests(serve):
    x, client = serve()
    many = {Rule(f"word{number}", f"tt:{number}") for number in range(BATCH + 1)}
    rules.reconcile(client(), many)

    assert known(x) == many
    assert writes(x) == 4  # two batches, each asked about in a dry run and then added
    rules.reconcile(client(), set())
    assert known(x) == set()
    assert writes(x) == 6


def test_what_is_above_x_s_cap_is_refused_and_said_in_one_line(serve, engine, caplog):
    x, client = serve(rule_cap=2)
    for name in ("adidas", "nike", "puma"):
        store.add_keyword(engine, name)
    keeper = RuleKeeper(engine, client)
    with caplog.at_level(logging.WARNING, logger="actors.rules"):
        keeper.keep()
        keeper.forget()
        keeper.keep()

    assert list(keeper.refused) == ["puma"]
    with engine.connect() as connection:
        told = connection.execute(select(Keyword.name, Keyword.refused).where(Keyword.refused.is_not(None))).all()
    assert told == [("puma", "This app may have 2 rules.")]
    assert {rule.tag for rule in keeper.in_force} == {rule.tag for rule in known(x)} == {"tt:adidas", "tt:nike"}
    assert [record.getMessage() for record in caplog.records] == [
        "X refuses the rule of puma: This app may have 2 rules.",
        "X allows this app 2 rules; 3 keywords are tracked.",
    ]


def test_nothing_is_asked_of_x_while_nothing_changed(serve, engine):
    x, client = serve()
    store.add_keyword(engine, "nike")
    keeper = RuleKeeper(engine, client)
    for _ in range(3):
        keeper.keep()

    assert x.buckets["rules_read"].used == 1


def test_a_keyword_that_is_no_longer_tracked_loses_its_rule_at_once(serve, engine):
    x, client = serve()
    store.add_keyword(engine, "nike")
    keeper = RuleKeeper(engine, client)
    keeper.keep()
    with engine.begin() as connection:
        connection.execute(update(Keyword).values(active=False))
    keeper.keep()

    assert known(x) == keeper.in_force == set()


def test_rules_that_somebody_deleted_are_back_within_a_minute(serve, engine, monkeypatch):
    x, client = serve()
    store.add_keyword(engine, "nike")
    keeper = RuleKeeper(engine, client)
    keeper.keep()
    x.rules.delete_all()
    keeper.keep()
    assert known(x) == set()

    later = rules.time.monotonic() + rules.RECONCILE_SECONDS
    monkeypatch.setattr("actors.rules.time.monotonic", lambda: later)
    keeper.keep()
    assert known(x) == {NIKE}


def test_a_keyword_s_language_becomes_part_of_its_rule():
    assert rules.rule_value("nike OR #nike", "en") == "(nike OR #nike) lang:en -is:nullcast"
    assert rules.rule_value("nike", None) == "(nike) -is:nullcast"
