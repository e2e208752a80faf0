"""The lake holds what is committed: nothing skipped, nothing half, changes again."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, text, update

from core.models import Author, Tweet
from jobs.extract import CHUNK, extract, position


def put_tweets(engine, *rows):
    with engine.begin() as connection:
        connection.execute(insert(Tweet), list(rows))


def touch(connection, **fields):
    changed = update(Tweet).where(Tweet.id == fields.pop("id"))
    connection.execute(changed.values(**fields, seq=text("pg_current_xact_id()::text::bigint")))


def files(lake, table="tweet"):
    return sorted((lake / table).glob("*.parquet"), key=lambda file: int(file.stem.split("-")[0]))


def ids(file):
    return sorted(pq.read_table(file)["id"].to_pylist())


def newest(lake):
    """What a reader sees: of each tweet the row of the highest seq."""
    rows = [row for file in files(lake) for row in pq.read_table(file).to_pylist()]
    return {row["id"]: row["like_count"] for row in sorted(rows, key=lambda row: row["seq"])}


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


def test_the_ranges_of_the_files_meet(engine, keyword, tweet_row, tmp_path):
    keyword()
    for id in range(1, 4):
        put_tweets(engine, tweet_row(id))
        extract(engine, tmp_path)
    ranges = [tuple(map(int, file.stem.split("-"))) for file in files(tmp_path)]

    assert [end for _, end in ranges[:-1]] == [start for start, _ in ranges[1:]]
    assert position(tmp_path / "tweet") == ranges[-1][1]


def test_a_transaction_still_open_is_neither_skipped_nor_read_half(engine, keyword, tweet_row, tmp_path):
    keyword()
    with engine.connect() as slow:
        slow.execute(insert(Tweet), [tweet_row(1)])
        put_tweets(engine, tweet_row(2))  # begun later, committed earlier
        extract(engine, tmp_path)
        assert newest(tmp_path) == {}

        slow.execute(insert(Tweet), [tweet_row(3)])
        slow.commit()
    extract(engine, tmp_path)

    assert newest(tmp_path).keys() == {1, 2, 3}


def test_a_tweet_that_changed_comes_again_with_its_new_counts(engine, keyword, tweet_row, tmp_path):
    keyword()
    put_tweets(engine, tweet_row(1, like_count=5), tweet_row(2, like_count=None))
    extract(engine, tmp_path)
    with engine.begin() as connection:
        touch(connection, id=1, like_count=9)
    extract(engine, tmp_path)

    assert [ids(file) for file in files(tmp_path)] == [[1, 2], [1]]
    assert newest(tmp_path) == {1: 9, 2: None}


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

    def full_disk(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_batch", full_disk)
        with pytest.raises(OSError, match="No space"):
            extract(engine, tmp_path)
    assert [ids(file) for file in files(tmp_path)] == [[1, 2]]

    extract(engine, tmp_path)
    assert [ids(file) for file in files(tmp_path)] == [[1, 2], [3]]


def test_a_lake_ahead_of_the_database_is_started_anew(engine, keyword, tweet_row, tmp_path, caplog):
    (tmp_path / "tweet").mkdir()
    pq.write_table(pa.table({"id": [99]}), tmp_path / "tweet" / f"0-{10**15}.parquet")
    keyword()
    put_tweets(engine, tweet_row(1))
    extract(engine, tmp_path)

    assert newest(tmp_path).keys() == {1}
    assert "ahead of the database" in caplog.text


def test_rows_come_in_chunks_and_all_of_them(engine, keyword, tmp_path):
    keyword()
    many = text(
        "INSERT INTO tweet (keyword_id, id, author_id, created_at, kind, text)"
        " SELECT 1, id, 1, now(), 'original', '' FROM generate_series(1, :rows) AS id"
    )
    with engine.begin() as connection:
        connection.execute(many, {"rows": CHUNK + 1})
    extract(engine, tmp_path)

    assert pq.ParquetFile(files(tmp_path)[0]).num_row_groups == 2
    assert newest(tmp_path).keys() == set(range(1, CHUNK + 2))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["tweet", "like", "extract", "open", "commit"]), st.integers(0, 5))))
def test_whatever_the_order_the_lake_ends_equal_to_the_table(engine, keyword, tweet_row, tmp_path_factory, steps):
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE keyword RESTART IDENTITY CASCADE"))
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
        elif step == "extract":
            extract(engine, lake)
    slow.commit()
    slow.close()
    extract(engine, lake)

    with engine.connect() as connection:
        assert newest(lake) == dict(connection.execute(text("SELECT id, like_count FROM tweet")).all())
