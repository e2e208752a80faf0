"""What is forgotten leaves the lake, and a later extract does not bring it back."""

from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert

from core import batches, erasure
from core.erasure import Gone
from core.models import Author, Tweet
from jobs.extract import extract
from jobs.forget import forget

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)


@pytest.fixture
def lake(engine, keyword, tweet_row, author_row, tmp_path):
    """A lake with tweets 1, 2, 3 of the authors 1, 2, 3, one a day."""
    keyword()
    for id in (1, 2, 3):
        put(engine, Tweet, tweet_row(id, author_id=id, created_at=NOON + timedelta(days=id)))
        put(engine, Author, author_row(id))
        extract(engine, tmp_path)
    return tmp_path


def put(engine, table, row):
    with engine.begin() as connection:
        connection.execute(insert(table).values(row))


def erase(engine, *tweets, authors=(), **how):
    gone = Gone(frozenset(tweets), frozenset(authors), **how)
    erasure.forget(engine, gone, "asked", words=lambda *_: [], scrub=lambda payload, _: payload)


def ids(lake, table="tweet"):
    """What is in the files, also in those that no longer count."""
    return sorted(id for file in files(lake, table) for id in pq.read_table(file)["id"].to_pylist())


def files(lake, table="tweet"):
    return sorted((lake / table).rglob("*/*.parquet"))


def test_a_tweet_leaves_its_day_and_the_others_are_not_touched(engine, lake):
    before = set(files(lake))
    erase(engine, 2)

    assert forget(engine, lake) == 1
    assert ids(lake) == [1, 3]
    assert [file.parent.parent.name for file in before - set(files(lake))] == ["day=2026-06-21"]
    assert set(files(lake)) < before


def test_an_author_leaves_both_tables(engine, lake):
    erase(engine, authors=[1])

    assert forget(engine, lake) == 2
    assert (ids(lake), ids(lake, "author")) == ([2, 3], [2, 3])


def test_of_an_account_that_x_shows_again_the_new_stays(engine, lake, tweet_row, author_row):
    erase(engine, authors=[1], upto=20)
    batch = batches.Batch(1, "s", "nike", 1, [{**tweet_row(30, author_id=1), "terms": []}], [author_row(1)])
    batches.save_batch(engine, batch)
    extract(engine, lake)
    forget(engine, lake)

    assert (ids(lake), ids(lake, "author")) == ([2, 3, 30], [1, 2, 3])


def test_an_account_of_which_later_tweets_stay_keeps_its_profile(engine, lake, tweet_row):
    put(engine, Tweet, tweet_row(30, author_id=1))
    extract(engine, lake)
    erase(engine, authors=[1], upto=20)

    assert forget(engine, lake) == 1
    assert (ids(lake), ids(lake, "author")) == ([2, 3, 30], [1, 2, 3])


def test_the_next_extract_brings_nothing_back_and_goes_on_where_it_was(engine, lake, tweet_row):
    erase(engine, 2)
    forget(engine, lake)
    put(engine, Tweet, tweet_row(4))
    extract(engine, lake)

    assert ids(lake) == [1, 3, 4]


def test_what_was_done_is_not_done_again(engine, lake):
    erase(engine, 1)
    assert forget(engine, lake) == 1
    before = files(lake)
    assert forget(engine, lake) == 0
    assert files(lake) == before


def test_an_extract_forgets_too(engine, lake):
    erase(engine, 2, authors=[3])
    extract(engine, lake)

    assert (ids(lake), ids(lake, "author")) == ([1], [1, 2])


def test_a_crash_amid_the_rewriting_leaves_the_files_whole_and_it_is_done_again(engine, lake, monkeypatch):
    erase(engine, 2)

    def crash(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("jobs.lake.put", crash)
        with pytest.raises(OSError, match="no space"):
            forget(engine, lake)
    assert ids(lake) == [1, 2, 3]

    assert forget(engine, lake) == 1
    assert ids(lake) == [1, 3]
