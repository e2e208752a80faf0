import json
import logging
from contextlib import contextmanager

import pytest
from sqlalchemy import select, text

from actors.lanes import Stretch
from actors.tracker import KeywordTracker, keywords_named, replay_dead
from core import store
from core.models import DeadLetter, SpoolOffset, Term, Trend, Tweet

NEUTRAL = [
    "The United flight to Denver leaves from gate 12 at noon.",
    "United announced its timetable for October.",
    "My boarding pass says @united and the seat is 14C.",
    "#United opens a desk in terminal B on Monday.",
    "A UNITED plane is parked at the stand.",
]


def message(id=1, text="hello", tags=("united",), author=7, lang="en", location=None, references=(), carried=()):
    """Make a stream message from defaults."""
    user = {"id": str(author), "username": f"user{author}", "name": "A", "location": location}
    user["public_metrics"] = {"followers_count": 5, "following_count": 1, "tweet_count": 9, "listed_count": 0}
    data = {"id": str(id), "author_id": str(author), "text": text, "lang": lang, "created_at": "2026-06-19T12:00:30Z"}
    data["public_metrics"] = {"retweet_count": 3, "like_count": 4, "reply_count": 0, "quote_count": 0}
    data["referenced_tweets"] = [{"type": kind, "id": str(other)} for kind, other in references]
    includes = {"users": [user], "tweets": [one["data"] for one in carried]}
    includes["users"] += [user for one in carried for user in one["includes"]["users"]]
    return {"data": data, "includes": includes, "matching_rules": [{"id": "1", "tag": tag} for tag in tags]}


@pytest.fixture
def track(engine, keyword):
    """Give messages (or raw lines) to the tracker of "united"."""
    keyword("united")
    tracker = KeywordTracker(engine.url.render_as_string(hide_password=False))

    def add(*messages, pattern=None):
        lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in messages]
        stretch = Stretch(1, "united", "united", "spool", len(lines), list(enumerate(lines, 1)), pattern)
        tracker.add([stretch])

    return add


def rows(engine, *columns, **where):
    with engine.connect() as connection:
        return connection.execute(select(*columns).filter_by(**where).order_by(columns[0])).all()


def test_neutral_sentences_that_name_the_keyword_have_a_mean_of_zero(engine, track):
    track(*[message(id=number, text=sentence) for number, sentence in enumerate(NEUTRAL, 1)])

    assert rows(engine, Trend.label, Trend.tweets, Trend.sentiment_sum) == [(0, 5, 0)]


def test_a_retweet_is_volume_without_sentiment_or_words_and_credits_the_original(engine, track):
    original = message(id=1, text="I love the new lounge", author=8, tags=())
    original["data"]["public_metrics"]["retweet_count"] = 41
    track(message(id=2, text="RT @user8: I love", references=[("retweeted", 1)], carried=[original]))

    found = rows(engine, Tweet.id, Tweet.kind, Tweet.matched, Tweet.retweet_count, Tweet.label)
    assert found == [(1, "original", False, 41, 1), (2, "retweet", True, None, None)]
    assert rows(engine, Trend.label, Trend.tweets) == [(None, 1)]
    assert {"love", "lounge"} <= {term for (term,) in rows(engine, Term.term)}
    assert {tweets for (tweets,) in rows(engine, Term.tweets)} == {1}


def test_a_language_that_vader_does_not_know_is_not_scored(engine, track):
    track(message(id=1, text="me encanta", lang="es"), message(id=2, text="good", lang=None))

    assert rows(engine, Tweet.id, Tweet.sentiment, Tweet.label) == [(1, None, None), (2, None, None)]


def test_a_place_comes_with_a_confidence_and_an_unknown_one_stays_unknown(engine, track):
    track(message(id=1, location="Lyon, France"), message(id=2, location="she/her", author=8))

    (_, lyon, sure), (_, nowhere, unsure) = rows(engine, Tweet.id, Tweet.country_code, Tweet.place_confidence)
    assert (lyon, nowhere, unsure) == ("FR", None, None)
    assert 0.5 < sure <= 1


@pytest.mark.parametrize("tag", ["united", "United", "tt:united"])
def test_a_rule_s_tag_names_the_keyword(tag):
    assert keywords_named(frozenset({"other", tag})) == {"other", "united"}


def test_another_keyword_s_tweets_are_not_taken(engine, track):
    track(message(id=1, tags=["delta"]), message(id=2, tags=[]), message(id=3, tags=["delta", "united"]))

    assert rows(engine, Tweet.id) == [(3,)]


def test_a_pattern_finds_the_keyword_where_no_tag_does(engine, track):
    track(message(id=1, text="UNITED again", tags=[]), message(id=2, text="delta", tags=[]), pattern="united")

    assert rows(engine, Tweet.id) == [(1,)]


def test_a_malformed_payload_is_kept_and_the_rest_is_stored(engine, track):
    bad = message(id=2)
    del bad["data"]["author_id"]
    track(message(id=1), bad, b'{"data": {', message(id=3))

    assert rows(engine, Tweet.id) == [(1,), (3,)]
    assert rows(engine, DeadLetter.position, DeadLetter.reason) == [(2, "malformed"), (3, "malformed")]
    assert rows(engine, SpoolOffset.position, SpoolOffset.stored) == [(4, 2)]


@pytest.mark.parametrize("lacking", ["author_id", "text"])
def test_a_retweet_whose_original_cannot_be_read_is_stored_and_told(engine, track, tables, caplog, lacking):
    original = message(id=1, author=8)
    del original["data"][lacking]
    retweet = message(id=2, references=[("retweeted", 1)], carried=[original])
    track(message(id=3), retweet)

    assert rows(engine, Tweet.id, Tweet.kind, Tweet.original_id) == [(2, "retweet", 1), (3, "original", None)]
    [(position, reason, detail, payload)] = rows(
        engine, DeadLetter.position, DeadLetter.reason, DeadLetter.detail, DeadLetter.payload
    )
    assert (position, reason, json.loads(payload)) == (2, "malformed", retweet)
    assert detail == f"original of 2: tweet 1: {lacking} is missing or cannot be read"
    assert f"Dropped malformed payload spool:2: {detail}" in caplog.messages

    before = tables()
    track(message(id=3), retweet)
    url = engine.url.render_as_string(hide_password=False)
    assert replay_dead(url) == {"tried": 1, "stored": 0}
    assert tables() == before
    assert rows(engine, SpoolOffset.spool, SpoolOffset.stored, SpoolOffset.duplicate) == [("spool", 2, 0)]
    assert rows(engine, DeadLetter.spool, DeadLetter.position) == [("spool", 2)]


def test_a_stretch_sent_again_changes_no_table(engine, track, tables):
    stretch = [message(id=1, text="good day"), message(id=2, references=[("quoted", 1)], text="bad day")]
    track(*stretch)
    before = tables()
    track(*stretch)

    assert tables() == before
    with engine.connect() as connection:
        assert connection.execute(text("SELECT stored, duplicate FROM spool_offset")).all() == [(2, 0)]


@contextmanager
def refusing_poison(engine):
    """Make Postgres refuse tweets whose text has the word "poison"."""
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE tweet ADD CONSTRAINT unpoisoned CHECK (text NOT LIKE '%poison%')"))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE tweet DROP CONSTRAINT unpoisoned"))


@pytest.fixture
def refusing(engine):
    with refusing_poison(engine):
        yield


@pytest.mark.parametrize("poisoned", [{1}, {7}, {2, 3}, {1, 4, 7}, {1, 2, 3, 4, 5, 6, 7}])
def test_what_postgres_refuses_is_kept_as_a_dead_letter_and_the_rest_is_stored_once(
    engine, track, refusing, tables, poisoned, caplog
):
    caplog.set_level(logging.INFO, "actors.tracker")
    stretch = [message(id=one, text="poison" if one in poisoned else "good day") for one in range(1, 8)]
    track(*stretch)

    assert {id for (id,) in rows(engine, Tweet.id)} == set(range(1, 8)) - poisoned
    letters = rows(engine, DeadLetter.position, DeadLetter.reason, DeadLetter.detail, DeadLetter.payload)
    word = 'new row for relation "tweet" violates check constraint "unpoisoned"'
    assert letters == [(one, "refused", word, json.dumps(stretch[one - 1]).encode()) for one in sorted(poisoned)]
    good = 7 - len(poisoned)
    assert rows(engine, SpoolOffset.position, SpoolOffset.stored, SpoolOffset.duplicate) == [(7, good, 0)]
    assert rows(engine, Trend.tweets) == ([(good,)] if good else [])

    logged = [(one.message, one.batch) for one in caplog.records if one.levelno == logging.INFO]
    assert logged[0] == ("Refused", ["spool/united@7"])
    committed = {batch for word, batch in logged if word == "Committed"}
    assert ("spool/united@7" in committed) == (7 not in poisoned)

    before = tables()
    track(*stretch)  # as Ray does when the tracker died before it could answer
    assert tables() == before
    assert rows(engine, SpoolOffset.stored, SpoolOffset.duplicate) == [(good, 0)]


def test_dead_letters_that_can_be_stored_now_are_and_go_and_the_others_stay(engine, track, tables):
    url = engine.url.render_as_string(hide_password=False)
    half_bad = message(id=4)
    del half_bad["data"]["author_id"]
    with refusing_poison(engine):
        track(message(id=1), *[message(id=id, text=f"poison {id}") for id in (2, 3)], half_bad, b"not JSON")
        assert replay_dead(url) == {"tried": 3, "stored": 0}
        assert len(rows(engine, DeadLetter.id)) == 4

    assert replay_dead(url) == {"tried": 3, "stored": 2}
    assert rows(engine, Tweet.id) == [(1,), (2,), (3,)]
    assert sum(tweets for (tweets,) in rows(engine, Trend.tweets)) == 3
    assert rows(engine, DeadLetter.spool, DeadLetter.position) == [("spool", 4), ("spool", 5)]
    assert rows(engine, SpoolOffset.spool) == [("spool",)]


def test_a_dead_letter_of_a_keyword_that_is_no_longer_tracked_stays(engine, track):
    with refusing_poison(engine):
        track(message(id=1, text="poison"))
    store.remove_keyword(engine, "united")

    assert replay_dead(engine.url.render_as_string(hide_password=False)) == {"tried": 0, "stored": 0}
    assert rows(engine, DeadLetter.reason) == [("refused",)]
