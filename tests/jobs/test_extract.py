"""The lake holds what is committed: nothing skipped, nothing half, changes again, nothing that is gone."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text, update

from core import erasure
from core.erasure import Gone
from core.models import Author, Tweet
from jobs.buckets import BUCKETS, bucket
from jobs.extract import extract
from jobs.lake import KEYS, MOST_FILES, Lake, compact, newest

STEPS = ["tweet", "like", "extract", "open", "commit", "forget"]
NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)


def put_tweets(engine, *rows):
    with engine.begin() as connection:
        connection.execute(insert(Tweet), list(rows))


def touch(connection, **fields):
    changed = update(Tweet).where(Tweet.id == fields.pop("id"))
    connection.execute(changed.values(**fields, seq=text("pg_current_xact_id()::text::bigint")))


def files(lake, table="tweet"):
    """The files that count, older first."""
    kept = Lake(lake)
    return [lake / name for folder in kept.folders(table) for name in kept.files(folder)]


def ids(file):
    return sorted(pq.read_table(file)["id"].to_pylist())


def current(lake, table="tweet"):
    """The rows a reader sees."""
    kept = Lake(lake)
    names = [name for folder in kept.folders(table) for name in kept.files(folder)]
    return [row for rows in kept.read(names) for row in newest(rows, kept.outdated(table), KEYS[table]).to_pylist()]


def likes(lake):
    rows = current(lake)
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row["like_count"] for row in rows}


def test_a_second_extract_holds_only_what_came_after_the_first(engine, keyword, tweet_row, tmp_path):
    keyword()
    put_tweets(engine, tweet_row(1), tweet_row(2))
    first = extract(engine, tmp_path)
    put_tweets(engine, tweet_row(3))
    second = extract(engine, tmp_path)

    assert [ids(file) for file in files(tmp_path)] == [[1, 2], [3]]
    assert (first["tweet"], second["tweet"]) == (2, 1)


def test_an_extract_with_nothing_new_leaves_no_file(engine, keyword, tweet_row, tmp_path):
    keyword()
    put_tweets(engine, tweet_row(1))
    extract(engine, tmp_path)

    assert extract(engine, tmp_path) == {"tweet": 0, "author": 0}
    assert len(files(tmp_path)) == 1


def test_tweets_lie_by_the_day_they_were_written(engine, keyword, tweet_row, tmp_path):
    keyword()
    put_tweets(engine, tweet_row(1, created_at=NOON), tweet_row(2, created_at=NOON - timedelta(hours=12, seconds=1)))
    put_tweets(engine, tweet_row(3, created_at=datetime(1969, 12, 31, 23, tzinfo=UTC)))
    extract(engine, tmp_path)

    assert {file.parent.parent.name: ids(file) for file in files(tmp_path)} == {
        "day=1969-12-31": [3],
        "day=2026-06-18": [2],
        "day=2026-06-19": [1],
    }


def test_the_rows_of_an_author_lie_in_one_bucket_and_what_they_wrote_before_their_retweets(
    engine, keyword, tweet_row, author_row, tmp_path
):
    keyword()
    kinds = ("retweet", "quote", "retweet", "reply", "original")
    with engine.begin() as connection:
        connection.execute(insert(Author), [author_row(id) for id in range(1, 41)])
    put_tweets(engine, *(tweet_row(id, author_id=id % 40 + 1, kind=kinds[id // 40 % 5]) for id in range(1, 401)))
    extract(engine, tmp_path)

    tweets, authors = ({file: pq.read_table(file) for file in files(tmp_path, table)} for table in ("tweet", "author"))
    assert len(tweets) == len(authors) == BUCKETS
    for column, rows in (("author_id", tweets), ("id", authors)):
        for file, table in rows.items():
            number = int(file.stem.rpartition("_")[2])
            assert file.parent.name == f"bucket={number}"
            assert set(bucket(np.asarray(table[column])).tolist()) == {number}
    for file in tweets:
        parts = pq.ParquetFile(file)
        found = [set(parts.read_row_group(n)["kind"].to_pylist()) for n in range(parts.num_row_groups)]
        assert [kinds == {"retweet"} for kinds in found] == [False, True]
        assert "retweet" not in found[0]


def test_a_transaction_still_open_is_neither_skipped_nor_read_half(engine, keyword, tweet_row, tmp_path):
    keyword()
    with engine.connect() as slow:
        slow.execute(insert(Tweet), [tweet_row(1)])
        put_tweets(engine, tweet_row(2))  # begun later, committed earlier
        extract(engine, tmp_path)
        assert likes(tmp_path) == {}

        slow.execute(insert(Tweet), [tweet_row(3)])
        slow.commit()
    extract(engine, tmp_path)

    assert likes(tmp_path).keys() == {1, 2, 3}


def test_a_tweet_that_changed_comes_again_with_its_new_counts(engine, keyword, tweet_row, tmp_path):
    keyword()
    put_tweets(engine, tweet_row(1, like_count=5), tweet_row(2, like_count=None))
    extract(engine, tmp_path)
    with engine.begin() as connection:
        touch(connection, id=1, like_count=9)
    extract(engine, tmp_path)

    assert [ids(file) for file in files(tmp_path)] == [[1, 2], [1]]
    assert likes(tmp_path) == {1: 9, 2: None}


def test_authors_come_too(engine, author_row, tmp_path):
    with engine.begin() as connection:
        connection.execute(insert(Author), [author_row(7, followers_count=3, listed_count=None)])
    extract(engine, tmp_path)
    (author,) = pq.read_table(files(tmp_path, "author")[0]).drop_columns("seq").to_pylist()

    assert author == {"id": 7, "followers_count": 3, "listed_count": None, "tweet_count": 10}


def test_a_crash_while_writing_leaves_no_half_file(engine, keyword, tweet_row, tmp_path, monkeypatch):
    keyword()
    put_tweets(engine, tweet_row(1), tweet_row(2))
    extract(engine, tmp_path)
    put_tweets(engine, tweet_row(3))

    def full_disk(*_, **__):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", full_disk)
        with pytest.raises(OSError, match="No space"):
            extract(engine, tmp_path)
    assert [ids(file) for file in files(tmp_path)] == [[1, 2]]

    extract(engine, tmp_path)
    assert [ids(file) for file in files(tmp_path)] == [[1, 2], [3]]


def test_what_a_crash_left_behind_is_removed_and_never_read(engine, keyword, tweet_row, tmp_path):
    keyword()
    put_tweets(engine, tweet_row(1))
    extract(engine, tmp_path)
    litter = files(tmp_path)[0].with_name("litter.parquet")
    pq.write_table(pq.read_table(files(tmp_path)[0]), litter)  # whole, but its manifest never came
    unfinished = tmp_path / "tweet" / "half.parquet.unfinished"
    unfinished.write_bytes(b"PAR1")
    assert likes(tmp_path).keys() == {1}

    extract(engine, tmp_path)
    assert not litter.exists()
    assert not unfinished.exists()


def test_a_lake_ahead_of_the_database_is_started_anew(engine, keyword, tweet_row, tmp_path, caplog):
    keyword()
    put_tweets(engine, tweet_row(1))
    extract(engine, tmp_path)
    Lake(tmp_path).commit(replace(Lake(tmp_path).manifest, position=10**15))
    touched = files(tmp_path)
    put_tweets(engine, tweet_row(2))
    extract(engine, tmp_path)

    assert likes(tmp_path).keys() == {1, 2}
    assert "ahead of the database" in caplog.text
    assert not any(file.exists() for file in touched)


def test_a_lake_in_other_buckets_is_filled_anew(engine, keyword, tweet_row, tmp_path, caplog):
    keyword()
    put_tweets(engine, tweet_row(1), tweet_row(2))
    extract(engine, tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**told, "buckets": BUCKETS + 1}))
    old = [tmp_path / name for name in told["files"]]

    assert extract(engine, tmp_path)["tweet"] == 2
    assert likes(tmp_path).keys() == {1, 2}
    assert "another version" in caplog.text
    assert not any(file.exists() for file in old)


def test_rows_come_in_blocks_and_all_of_them(engine, keyword, tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.extract.BLOCK", 2**16)
    monkeypatch.setattr("jobs.lake.GROUP", 1000)
    monkeypatch.setattr("jobs.lake.WAITING", 1000)
    keyword()
    many = text(
        "INSERT INTO tweet (keyword_id, id, author_id, created_at, kind, text, mentioned_ids)"
        " SELECT 1, id, 1, now() - (id % 3) * interval '1 day', 'original', '', CASE WHEN id % 2 = 0 THEN ARRAY[id, 7]"
        " ELSE ARRAY[]::bigint[] END FROM generate_series(1, 10000) AS id"
    )
    with engine.begin() as connection:
        connection.execute(many)
    extract(engine, tmp_path)
    rows = {row["id"]: row["mentioned_ids"] or [] for row in current(tmp_path)}

    assert rows == {id: [id, 7] if id % 2 == 0 else [] for id in range(1, 10_001)}
    assert len(files(tmp_path)) == 3


def test_a_folder_has_a_bounded_number_of_files(engine, keyword, tweet_row, tmp_path):
    keyword()
    for id in range(1, 3 * MOST_FILES):
        put_tweets(engine, tweet_row(id))
        with engine.begin() as connection:
            touch(connection, id=1, like_count=id)
        extract(engine, tmp_path)
        assert len(files(tmp_path)) <= MOST_FILES

    assert likes(tmp_path) == {1: 3 * MOST_FILES - 1} | dict.fromkeys(range(2, 3 * MOST_FILES))


def test_what_is_compacted_early_no_extract_has_to(engine, keyword, tweet_row, tmp_path):
    keyword()
    for id in range(1, 2 * MOST_FILES):
        put_tweets(engine, tweet_row(id))
        before = set(files(tmp_path))
        extract(engine, tmp_path)
        assert before < set(files(tmp_path))
        assert compact(Lake(tmp_path), early=True) == (len(before) == MOST_FILES // 2)
        assert len(files(tmp_path)) <= MOST_FILES // 2

    assert likes(tmp_path).keys() == set(range(1, 2 * MOST_FILES))


def test_too_many_outdated_rows_are_taken_out(engine, keyword, tweet_row, tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.lake.MOST_OUTDATED", 5)
    keyword()
    put_tweets(engine, *(tweet_row(id) for id in range(1, 9)))
    extract(engine, tmp_path)
    for id in range(1, 9):
        with engine.begin() as connection:
            touch(connection, id=id, like_count=id)
        extract(engine, tmp_path)
        assert len(Lake(tmp_path).outdated("tweet")) <= 5

    assert likes(tmp_path) == {id: id for id in range(1, 9)}


def test_what_is_forgotten_leaves_the_lakes_files_too(engine, keyword, tweet_row, author_row, tmp_path):
    keyword()
    with engine.begin() as connection:
        connection.execute(insert(Author), [author_row(1), author_row(2), author_row(3)])
    put_tweets(engine, tweet_row(1), tweet_row(2, author_id=2), tweet_row(3), tweet_row(9, author_id=3))
    put_tweets(engine, tweet_row(4, kind="retweet", original_id=1, author_id=3), tweet_row(5, author_id=2))
    extract(engine, tmp_path)
    forget(engine, Gone(tweets=frozenset([1]), authors=frozenset([2])))
    forget(engine, Gone(authors=frozenset([3]), upto=8))
    extract(engine, tmp_path)

    assert sorted(row["id"] for row in current(tmp_path)) == [3, 9]
    assert sorted(row["id"] for row in current(tmp_path, "author")) == [1, 3]
    assert sorted(id for file in tmp_path.rglob("*.parquet") for id in ids(file)) == [1, 3, 3, 9]


def forget(engine, gone):
    erasure.forget(engine, gone, "deleted", words=lambda *_: (), scrub=lambda payload, _: payload)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["tweet", "like", "extract", "open", "commit", "forget"]), st.integers(0, 5)))
)
def test_whatever_the_order_the_lake_ends_equal_to_the_table(engine, keyword, tweet_row, tmp_path_factory, steps):
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE keyword, tweet, tombstone RESTART IDENTITY CASCADE"))
    keyword()
    lake = tmp_path_factory.mktemp("lake")
    extract(engine, lake)  # the position, so that this run's rows are the lake's only ones
    slow, next_id = engine.connect(), 1
    for step, number in steps:
        if step == "tweet":
            put_tweets(engine, tweet_row(next_id, like_count=number))
            next_id += 1
        elif step == "open":
            slow.execute(insert(Tweet), [tweet_row(1000 + next_id, like_count=number)])
            next_id += 1
        elif step == "like" and next_id > 1:
            with engine.begin() as connection:
                touch(connection, id=1 + number % (next_id - 1), like_count=100 + number)
        elif step == "commit":
            slow.commit()
        elif step == "forget" and next_id > 1:
            slow.commit()  # a deletion waits for batches in flight
            forget(engine, Gone(tweets=frozenset([1 + number % (next_id - 1)])))
        elif step == "extract":
            extract(engine, lake)
    slow.commit()
    slow.close()
    extract(engine, lake)

    with engine.connect() as connection:
        assert likes(lake) == dict(connection.execute(text("SELECT id, like_count FROM tweet")).all())
