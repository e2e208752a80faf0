"""What is forgotten leaves every table, and does not come back."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text

from core import batches, erasure, queries
from core.erasure import Gone
from core.models import Author, DeadLetter, Influence, Term, Tombstone, Trend, Tweet
from tests.conftest import NOON


def words(text, _lang, _keyword):
    return sorted(set(text.split()))


def keep(payload, _gone):
    return payload


@pytest.fixture
def save(engine, keyword):
    """Commit tweets as the next stretch of one spool; a text's terms are its words."""
    keyword()
    position = iter(range(1, 10_000))

    def saved(*tweets, authors=(), spool="s"):
        rows = [{**one, "terms": [] if one["kind"] == "retweet" else words(one["text"], None, "")} for one in tweets]
        batches.save_batch(engine, batches.Batch(1, spool, "nike", next(position), rows, list(authors)))

    return saved


@pytest.fixture
def forget(engine):
    def forgotten(*tweets, authors=(), **how):
        gone = Gone(frozenset(tweets), frozenset(authors), **how)
        return erasure.forget(engine, gone, "asked", words=words, scrub=keep)

    return forgotten


@pytest.fixture
def ask(engine):
    def asked(statement):
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    return asked


def retweet(tweet_row, id, of, **fields):
    return tweet_row(id, kind="retweet", original_id=of, text="RT", sentiment=None, label=None, **fields)


def test_a_forgotten_tweet_takes_its_counts_along(save, tweet_row, forget, tables):
    save(*[tweet_row(id, text="good shoe", sentiment=0.5, label=1) for id in (1, 5)])
    save(tweet_row(2, author_id=2, sentiment=-0.5, label=-1))
    before = tables()
    save(
        tweet_row(3, author_id=3, text="bad shoe", sentiment=-0.25, label=-1), tweet_row(4, text="new", created_at=NOON)
    )
    save(tweet_row(6, author_id=6, text="good", sentiment=0.25, label=1))
    forget(3, 4, 6)

    assert tables() == before


def test_its_retweets_go_with_it_and_what_quotes_or_answers_it_stays(save, tweet_row, forget, ask):
    save(
        tweet_row(1), retweet(tweet_row, 2, of=1), tweet_row(3, kind="quote", original_id=1), tweet_row(4, kind="reply")
    )
    forget(1)

    assert ask(select(Tweet.id)) == [(3,), (4,)]


def test_an_author_goes_with_all_tweets_and_all_retweets_of_them(save, tweet_row, author_row, forget, ask):
    save(
        tweet_row(1),
        retweet(tweet_row, 2, of=1, author_id=2),
        tweet_row(3, author_id=2),
        authors=map(author_row, (1, 2)),
    )
    forget(authors=[1])

    assert (ask(select(Tweet.id)), ask(select(Author.id))) == ([(3,)], [(2,)])


@pytest.mark.parametrize("again", ["tweet", "retweet", "retweet that carries it"])
def test_what_was_forgotten_does_not_come_back(save, tweet_row, author_row, forget, tables, again):
    save(tweet_row(9, author_id=9))
    before = tables()
    save(tweet_row(1, text="a shoe"), authors=[author_row()])
    forget(1, authors=[1])
    original = tweet_row(1, text="a shoe", matched=again == "tweet")
    back = {
        "tweet": [original],
        "retweet": [retweet(tweet_row, 5, of=1, author_id=5)],
        "retweet that carries it": [original, retweet(tweet_row, 5, of=1, author_id=5)],
    }
    save(*back[again], authors=[author_row()])

    assert tables() == before


def test_it_is_neither_stored_nor_a_duplicate(save, tweet_row, forget, ask):
    save(tweet_row(1))
    forget(1)
    save(tweet_row(1), tweet_row(2), tweet_row(2))

    assert ask(text("SELECT stored, duplicate FROM spool_offset")) == [(2, 1)]


def test_an_unknown_retweet_of_an_unknown_tweet_of_a_forgotten_author_stays_away(save, tweet_row, forget, ask):
    forget(authors=[1])
    save(tweet_row(1, matched=False), retweet(tweet_row, 2, of=1, author_id=2))

    assert ask(select(Tweet.id)) == []


def test_an_account_that_x_shows_again_is_followed_anew(save, tweet_row, author_row, forget, ask):
    save(tweet_row(10), authors=[author_row()])
    forget(authors=[1], upto=20)
    save(tweet_row(15), authors=[author_row()])
    assert ask(select(Author.id)) == []

    save(tweet_row(25), authors=[author_row()])

    assert (ask(select(Tweet.id)), ask(select(Author.id))) == ([(25,)], [(1,)])


def test_a_person_who_asked_to_be_forgotten_stays_so_whatever_x_says_later(save, tweet_row, forget, ask):
    forget(authors=[1])
    forget(authors=[1], upto=20)
    save(tweet_row(25))

    assert ask(select(Tweet.id)) == []


def test_what_x_undeletes_may_be_delivered_again(engine, save, tweet_row, forget, ask):
    save(tweet_row(1))
    forget(1)
    erasure.welcome_back(engine, Gone(frozenset([1])))
    save(tweet_row(1))

    assert ask(select(Tweet.id)) == [(1,)]


def test_a_keyword_is_only_touched_where_the_tweet_was(engine, keyword, save, tweet_row, forget, ask):
    other = keyword("puma")
    save(tweet_row(1, text="shoe"))
    rows = [{**tweet_row(1, text="shoe"), "terms": ["shoe"]}, {**tweet_row(2, text="shoe"), "terms": ["shoe"]}]
    batches.save_batch(engine, batches.Batch(other, "s", "puma", 1, rows))
    forget(1)

    assert ask(select(Trend.keyword_id, Trend.tweets)) == [(other, 1)]
    assert ask(select(Term.keyword_id, Term.tweets)) == [(other, 1)]


def test_scores_of_a_forgotten_author_go_and_a_forgotten_tweet_stands_for_nobody(
    engine, save, tweet_row, influence_row, forget, ask
):
    save(tweet_row(1), tweet_row(2, author_id=2))
    with engine.begin() as connection:
        rows = [influence_row(1, top_tweet_id=1), influence_row(2, top_tweet_id=2), influence_row(3, top_tweet_id=3)]
        connection.execute(insert(Influence), rows)
    forget(2, authors=[1])

    assert ask(select(Influence.author_id, Influence.top_tweet_id).order_by("author_id")) == [(2, None), (3, 3)]


def test_dead_letters_are_cleaned(engine, forget, ask):
    letters = [(1, b"has 1"), (2, b"only 1"), (3, b"other")]
    rows = [{"spool": "s", "position": n, "reason": "r", "detail": "", "payload": body} for n, body in letters]
    batches.save_dead(engine, rows)
    clean = {b"has 1": b"has", b"only 1": None}
    gone = Gone(frozenset([1]))
    erasure.forget(engine, gone, "asked", words=words, scrub=lambda payload, _: clean.get(bytes(payload), payload))

    assert ask(select(DeadLetter.position, DeadLetter.payload).order_by("position")) == [(1, b"has"), (3, b"other")]


def test_pages_learn_that_something_was_forgotten(save, tweet_row, forget, ask):
    save(tweet_row(1))
    before = ask(queries.commits_since(None))[0]
    forget(1)

    assert ask(queries.commits_since(before[0]))[0][2] != before[2]


def test_a_place_is_taken_off_and_stays_off(engine, save, tweet_row, ask):
    there = {"place": "Oslo", "country_code": "NO", "latitude": 59.9, "longitude": 10.7, "place_confidence": 1.0}
    save(tweet_row(1, **there), tweet_row(2, author_id=2, **there), tweet_row(30, **there))
    erasure.scrub_places(engine, Gone(authors=frozenset([1]), upto=20), "scrub_geo")
    save(tweet_row(3, **there))

    assert ask(select(Tweet.id, Tweet.place, Tweet.latitude).order_by("id")) == [
        (1, None, None),
        (2, "Oslo", 59.9),
        (3, None, None),
        (30, "Oslo", 59.9),
    ]


def test_a_batch_that_comes_while_something_is_forgotten_waits_and_sees_it(engine, save, tweet_row, forget, ask):
    with engine.begin() as connection:
        connection.execute(text(erasure.LOCK))
        connection.execute(insert(Tombstone).values(kind="tweet", id=1, upto=1, reason="asked"))
        late = threading.Thread(target=save, args=(tweet_row(1), tweet_row(2)))
        late.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE relation = 'tombstone'::regclass AND NOT granted")
        while not ask(waiting)[0][0]:
            assert late.is_alive()
    late.join()

    assert ask(select(Tweet.id)) == [(2,)]


def test_forgetting_waits_for_a_batch_that_has_looked_already(engine, save, tweet_row, forget, ask):
    save(tweet_row(9))
    with engine.begin() as connection:
        connection.execute(text("SELECT FROM tombstone"))
        connection.execute(insert(Tweet).values({**tweet_row(1), "matched": False}))
        late = threading.Thread(target=forget, args=(1,))
        late.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE relation = 'tombstone'::regclass AND NOT granted")
        while not ask(waiting)[0][0]:
            assert late.is_alive()
    late.join()

    assert ask(select(Tweet.id)) == [(9,)]


def test_tombstones_keep_ids_only_and_say_when_they_were_set(save, tweet_row, forget, ask):
    save(tweet_row(1), retweet(tweet_row, 2, of=1))
    forget(1, authors=[7])
    now = text("SELECT pg_current_xact_id()::text::bigint")

    assert ask(select(Tombstone.kind, Tombstone.id).order_by("kind", "id")) == [
        ("author", 7),
        ("tweet", 1),
        ("tweet", 2),
    ]
    assert ask(select(func.max(Tombstone.seq)))[0] < ask(now)[0]
    assert ask(select(func.max(Tombstone.at)))[0][0] > NOON + timedelta(days=1)
