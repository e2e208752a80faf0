"""What is forgotten leaves the lake, and a later extract does not bring it back."""

import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert

from core import erasure, store
from core.erasure import Gone
from core.models import Author, Tweet
from jobs.extract import extract
from jobs.forget import forget


@pytest.fixture
def lake(engine, keyword, tweet_row, author_row, tmp_path):
    """A lake with tweets 1, 2, 3 of the authors 1, 2, 3, in one file each."""
    keyword()
    for id in (1, 2, 3):
        put(engine, Tweet, tweet_row(id, author_id=id))
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
    return [pq.read_table(file)["id"].to_pylist() for file in files(lake, table)]


def files(lake, table="tweet"):
    return sorted((lake / table).rglob("*.parquet"), key=lambda file: int(file.stem.split("-")[0]))


def test_a_tweet_leaves_its_file_and_the_others_are_not_touched(engine, lake):
    untouched = {file: file.stat().st_mtime_ns for file in files(lake)}
    erase(engine, 2)

    assert forget(engine, lake) == 1
    assert ids(lake) == [[1], [], [3]]
    changed = [file for file in files(lake) if file.stat().st_mtime_ns != untouched[file]]
    assert changed == [files(lake)[1]]


def test_an_author_leaves_both_tables(engine, lake):
    erase(engine, authors=[1])

    assert forget(engine, lake) == 2
    assert (ids(lake), ids(lake, "author")) == ([[], [2], [3]], [[], [2], [3]])


def test_of_an_account_that_x_shows_again_the_new_stays(engine, lake, tweet_row, author_row):
    erase(engine, authors=[1], upto=20)
    batch = store.Batch(1, "s", "nike", 1, [{**tweet_row(30, author_id=1), "terms": []}], [author_row(1)])
    store.save_batch(engine, batch)
    extract(engine, lake)
    forget(engine, lake)

    assert (ids(lake), ids(lake, "author")) == ([[], [2], [3], [30]], [[], [2], [3], [1]])


def test_the_next_extract_brings_nothing_back_and_goes_on_where_it_was(engine, lake, tweet_row):
    erase(engine, 2)
    forget(engine, lake)
    put(engine, Tweet, tweet_row(4))
    extract(engine, lake)

    assert ids(lake) == [[1], [], [3], [4]]


def test_what_was_done_is_not_done_again(engine, lake):
    erase(engine, 1)
    assert forget(engine, lake) == 1
    before = files(lake)[1].stat().st_mtime_ns
    assert forget(engine, lake) == 0
    erase(engine, 3)
    assert forget(engine, lake) == 1
    assert files(lake)[1].stat().st_mtime_ns == before


def test_files_may_lie_in_folders_by_day(engine, lake):
    for file in files(lake):
        day = lake / "tweet" / f"day=2026-06-{file.stem.split('-')[0][-1]:0>2}"
        day.mkdir(exist_ok=True)
        file.rename(day / file.name)
    erase(engine, 2)
    forget(engine, lake)

    assert ids(lake) == [[1], [], [3]]


def test_a_lake_of_another_database_is_looked_through_from_the_beginning(engine, lake):
    (lake / ".forgotten").write_text(str(10**15))
    erase(engine, 2)

    assert forget(engine, lake) == 1


def test_a_crash_amid_the_rewriting_leaves_the_file_whole_and_it_is_done_again(engine, lake, monkeypatch):
    erase(engine, 2)

    def crash(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("jobs.forget.put", crash)
        with pytest.raises(OSError, match="no space"):
            forget(engine, lake)
    assert ids(lake) == [[1], [2], [3]]

    assert forget(engine, lake) == 1
