import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from core import batches, copying
from core.models import Author, DeadLetter, Term, Trend, Tweet
from tests.conftest import NOON

TABLES = {
    "author": "SELECT id, seen_at, followers_count, tweet_count FROM author ORDER BY id",
    "tweet": "SELECT keyword_id, id, matched, retweet_count, like_count, sentiment, label FROM tweet ORDER BY 1, 2",
    "trend": "SELECT keyword_id, minute, label, tweets, voices, sentiment_sum, sentiment_square_sum FROM trend "
    "ORDER BY 1, 2, 3",
    "term": "SELECT keyword_id, hour, label, term, tweets FROM term ORDER BY 1, 2, 3, 4",
}


def contents(engine):
    with engine.connect() as connection:
        return {name: connection.execute(text(query)).all() for name, query in TABLES.items()}


def rows(engine, statement):
    with engine.connect() as connection:
        return connection.execute(statement).all()


@pytest.fixture
def save(engine, keyword):
    """Commit tweets as the next stretch of one spool."""
    keyword()
    position = iter(range(1, 10_000))

    def saved(*tweets, authors=(), upto=None, spool="s", tracker="nike"):
        batch = batches.Batch(1, spool, tracker, upto or next(position), [{"terms": [], **t} for t in tweets], authors)
        batches.save_batch(engine, batch)

    return saved


def outcome(engine):
    return rows(engine, text("SELECT stored, duplicate FROM spool_offset"))[0]


def test_a_tweet_seen_again_keeps_the_highest_of_each_count(engine, save, tweet_row):
    save(tweet_row(retweet_count=5, like_count=1))
    save(tweet_row(retweet_count=3, like_count=9))

    assert rows(engine, select(Tweet.retweet_count, Tweet.like_count)) == [(5, 9)]


def test_an_unknown_count_stays_unknown_until_it_is_known(engine, save, tweet_row):
    save(tweet_row())
    assert rows(engine, select(Tweet.retweet_count)) == [(None,)]

    save(tweet_row(retweet_count=0))
    assert rows(engine, select(Tweet.retweet_count)) == [(0,)]


def test_a_tweet_twice_in_one_batch_is_one_row_and_one_duplicate(engine, save, tweet_row):
    save(tweet_row(like_count=1), tweet_row(like_count=2))

    assert rows(engine, select(Tweet.like_count)) == [(2,)]
    assert outcome(engine) == (1, 1)
    assert rows(engine, select(Trend.tweets)) == [(1,)]


def test_a_batch_sent_again_changes_nothing_not_even_its_own_counts(engine, save, tweet_row):
    save(tweet_row(terms=["shoe"]), upto=7)
    before = contents(engine)
    save(tweet_row(terms=["shoe"]), upto=7)

    assert contents(engine) == before
    assert outcome(engine) == (1, 0)


def test_the_same_tweets_from_another_spool_move_no_counter(engine, save, tweet_row):
    save(tweet_row(terms=["shoe"]))
    before = contents(engine)
    save(tweet_row(terms=["shoe"]), spool="again")

    assert contents(engine) == before


def test_an_original_known_only_by_a_retweet_is_not_volume(engine, save, tweet_row):
    save(tweet_row(id=1, matched=False, terms=["shoe"]), tweet_row(id=2, kind="retweet", label=None, sentiment=None))

    assert rows(engine, select(Trend.label, Trend.tweets)) == [(None, 1)]
    assert rows(engine, select(Term.term, Term.tweets)) == [("shoe", 1)]


def test_an_original_that_arrives_itself_later_becomes_volume_once_and_its_words_stay_counted_once(
    engine, save, tweet_row
):
    carried = tweet_row(matched=False, terms=["shoe"])
    for matched in (False, True, True, False):
        save(carried | {"matched": matched})

    assert rows(engine, select(Trend.tweets, Trend.voices)) == [(1, 1)]
    assert rows(engine, select(Term.term, Term.tweets)) == [("shoe", 1)]
    assert outcome(engine) == (1, 1)


def test_voices_are_distinct_authors_of_a_minute_and_label_whatever_the_batches(engine, save, tweet_row):
    save(tweet_row(id=1, author_id=1), tweet_row(id=2, author_id=2))
    save(tweet_row(id=3, author_id=1), tweet_row(id=4, author_id=2, label=1, sentiment=0.5))

    assert rows(engine, select(Trend.label, Trend.tweets, Trend.voices).order_by(Trend.label)) == [(0, 3, 2), (1, 1, 1)]


def test_sums_of_sentiment_are_exact(engine, save, tweet_row):
    for number in range(10):
        save(tweet_row(id=number, sentiment=0.1, label=1))

    assert rows(engine, select(Trend.sentiment_sum, Trend.sentiment_square_sum)) == [(1.0, 0.1)]


def test_the_newest_snapshot_of_an_author_wins_in_any_order(engine, save, author_row):
    later = author_row(seen_at=NOON + timedelta(hours=1), followers_count=7)
    save(authors=[later])
    save(authors=[author_row(followers_count=9)])

    assert rows(engine, select(Author.followers_count)) == [(7,)]


def test_a_changed_tweet_takes_a_new_seq_and_an_unchanged_one_does_not(engine, save, tweet_row):
    save(tweet_row(id=1, like_count=1), tweet_row(id=2, like_count=1))
    first = dict(rows(engine, select(Tweet.id, Tweet.seq)))
    save(tweet_row(id=1, like_count=2), tweet_row(id=2, like_count=1))
    second = dict(rows(engine, select(Tweet.id, Tweet.seq)))

    assert second[1] > first[1]
    assert second[2] == first[2]


def test_an_author_takes_a_new_seq_only_with_a_new_profile_but_the_time_of_the_newest_tweet_all_the_same(
    engine, save, author_row
):
    def seen(hours, **profile):
        save(authors=[author_row(seen_at=NOON + timedelta(hours=hours), **profile)])
        return rows(engine, select(Author.seq, Author.seen_at))[0]

    first, as_before, changed = seen(0), seen(2), seen(3, location="Uppsala")

    assert first.seq == as_before.seq < changed.seq
    assert [(one.seen_at - NOON) / timedelta(hours=1) for one in (first, as_before, changed)] == [0, 2, 3]


HOSTILE = "tab\t line\n return\r back\\slash \\N \"quote\" 'quote' {brace} ; DROP TABLE tweet; -- 😀"


def test_hostile_text_reads_back_as_it_was(engine, save, tweet_row):
    save(tweet_row(text=HOSTILE, terms=[HOSTILE]))

    assert rows(engine, select(Tweet.text)) == [(HOSTILE,)]
    assert rows(engine, select(Term.term)) == [(HOSTILE,)]


FRESH = itertools.count(1)

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=texts, word=texts)
def test_any_clean_text_reads_back_as_it_was(engine, save, tweet_row, body, word):
    number = next(FRESH)
    save(tweet_row(id=number, text=body, terms=[word]), spool=str(number))

    assert (body,) in rows(engine, select(Tweet.text).where(Tweet.id == number))
    assert (word,) in rows(engine, select(Term.term))


sights = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=20
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seen=sights, cut=st.integers(1, 20), order=st.randoms())
def test_how_tweets_are_cut_into_batches_and_ordered_changes_no_table(
    engine, save, tweet_row, author_row, seen, cut, order
):
    tweets = [
        tweet_row(id=key, matched=matched, like_count=likes, author_id=key % 2, terms=[f"w{key}"], sentiment=key / 10)
        for key, matched, likes, _ in seen
    ]
    authors = [author_row(id=key % 2, tweet_count=likes) for key, _, likes, _ in seen]

    def committed(tweets, authors, size, spool):
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE tweet, author, trend, term, spool_offset"))
        for start in range(0, len(tweets), size):
            part = slice(start, start + size)
            save(*tweets[part], authors=authors[part], spool=spool, upto=start + 1)
        return contents(engine)

    whole = committed(tweets, authors, len(tweets), "whole")
    order.shuffle(tweets)
    assert committed(tweets, authors, cut, "cut") == whole


def test_a_dead_letter_is_kept_once_with_its_payload(engine):
    letter = {"spool": "s", "position": 1, "reason": "malformed", "detail": "not JSON", "payload": b'{"data'}
    batches.save_dead(engine, [letter])
    batches.save_dead(engine, [letter])

    assert rows(engine, select(DeadLetter.payload)) == [(b'{"data',)]


@pytest.mark.parametrize("hostile", ["\0", "\ud800"])
def test_text_that_postgres_cannot_hold_is_a_refusal_and_nothing_of_its_batch_is_stored(
    engine, save, tweet_row, hostile
):
    with pytest.raises(batches.REFUSALS):
        save(tweet_row(id=1), tweet_row(id=2, text=hostile))

    assert rows(engine, select(Tweet.id)) == []


def test_a_connection_that_breaks_while_rows_are_sent_is_an_outage_and_no_refusal(engine, save, tweet_row):
    with engine.connect() as connection:
        sender = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        connection.execute(text("CREATE TEMPORARY TABLE incoming (id bigint)"))
        with engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": sender})
        with pytest.raises(OperationalError):
            copying.copy(connection, "incoming", ["id"], [{"id": 1}])
        connection.invalidate()


def test_a_tweet_that_another_transaction_stores_meanwhile_is_known_and_counted_once(engine, save, tweet_row):
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as other:
            batches.copy_tweets(other, "tweet", [(1, tweet_row(like_count=1))])
            saved = pool.submit(save, tweet_row(like_count=5), tweet_row(2))
            while not (saved.done() or other.execute(waits).scalar_one()):
                time.sleep(0.01)
        saved.result(timeout=10)

    assert rows(engine, select(Tweet.id, Tweet.like_count).order_by(Tweet.id)) == [(1, 5), (2, None)]
    assert outcome(engine) == (1, 1)


def alike(engine, every, before=()):
    """Say whether lists of batches leave the same tables when they are committed side by side as one after another."""

    def commit(some):
        for one in some:
            batches.save_batch(engine, one)

    commit(before)
    with ThreadPoolExecutor(len(every)) as pool:
        list(pool.map(commit, every))
    together = contents(engine)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE author, tweet, trend, term, spool_offset"))
    for some in [before, *every]:
        commit(some)
    return together == contents(engine) and len(together["tweet"]) > 100


SHARDS, ROUNDS = 4, 15
RANDOM = Random(1)


def some_tweet(tweet_row, id, **fields):
    moment = NOON + timedelta(seconds=RANDOM.randrange(180))
    known = {"author_id": RANDOM.randrange(20), "created_at": moment, "terms": RANDOM.sample("abcdefgh", 4)}
    return tweet_row(id, **known | {"like_count": id % 7} | fields)


@pytest.mark.parametrize("known", [False, True])
def test_shards_of_a_keyword_that_share_tweets_count_each_once(engine, keyword, tweet_row, known):
    keyword()
    tweets = [some_tweet(tweet_row, id, matched=id % 3 > 0, terms=["a"]) for id in range(200)]

    def batch(shard, upto):
        seen = [{**row, "matched": True, "like_count": upto * SHARDS + shard} for row in RANDOM.sample(tweets, 100)]
        return batches.Batch(1, "s", f"nike {shard}", upto, seen)

    before = [batches.Batch(1, "s", "nike", 1, tweets)] if known else []
    assert alike(engine, [[batch(shard, upto) for upto in range(1, ROUNDS)] for shard in range(SHARDS)], before)


@pytest.mark.parametrize("words", ["", "abcdefghijklmnopqrst"])
def test_shards_of_a_keyword_count_the_voices_and_words_of_a_minute_that_both_move(engine, keyword, tweet_row, words):
    keyword()
    ids = itertools.count()

    def batch(shard, upto):
        about = {"created_at": NOON + timedelta(minutes=upto), "terms": list(words)}
        tweets = [some_tweet(tweet_row, next(ids), author_id=RANDOM.randrange(5_000), **about) for _ in range(100)]
        return batches.Batch(1, "s", f"nike {shard}", upto, tweets)

    assert alike(engine, [[batch(shard, upto) for upto in range(1, ROUNDS)] for shard in range(SHARDS)])


def test_trackers_of_other_keywords_that_meet_the_same_authors_do_not_block_each_other_for_ever(
    engine, keyword, tweet_row, author_row
):
    numbers = [keyword(name) for name in ("nike", "puma", "asics", "fila")]
    ids = itertools.count()

    def batch(number, upto):
        authors = [author_row(id, seen_at=NOON + timedelta(seconds=upto)) for id in RANDOM.sample(range(300), 200)]
        tweets = [some_tweet(tweet_row, next(ids)) for _ in range(5)]
        return batches.Batch(number, "s", f"{number}", upto, tweets, authors)

    assert alike(engine, [[batch(number, upto) for upto in range(1, ROUNDS)] for number in numbers])
