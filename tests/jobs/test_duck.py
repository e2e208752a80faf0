"""The benchmark's peer answers the same question: DuckDB gives the same rows from the same files."""

from datetime import UTC, datetime, timedelta

import pytest

from bench import made_up
from bench.duck import answer, reading
from core.weights import load
from jobs import influence
from jobs.criteria import Window
from jobs.lake import Lake, append

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
WINDOW = Window(NOON - timedelta(hours=48), NOON)
SAME = ("rank", "label", "tweets", "scored", "mentions", "retweet_count", "like_count", "top_tweet_id")
KEYWORDS = list(range(1, made_up.KEYWORDS + 1))

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake of made-up tweets, some of them carried into the window by retweets."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    append(lake, {"tweet": made_up.tweets(20_000, 400, NOON + timedelta(hours=9)), "author": made_up.authors(400)}, 5)
    return lake


@pytest.fixture(scope="module")
def ours(host, lake):
    return influence.compute(*influence.from_lake(host.spark(), lake, KEYWORDS, WINDOW), WINDOW, load())


@pytest.fixture(scope="module")
def theirs(lake):
    with reading(lake, 1) as connection:
        answer(connection, WINDOW, load())
        named = "SELECT * EXCLUDE mentions, coalesce(mentioned_by, 0) AS mentions FROM influence"
        rows = connection.sql(named).fetch_arrow_table().to_pylist()
        return rows, connection.sql("FROM audience").fetch_arrow_table().to_pylist()


def by_author(rows):
    return {(row["keyword_id"], row["author_id"]): row for row in rows}


def test_duckdb_ranks_the_same_people_with_the_same_scores(ours, theirs):
    found, told = by_author(ours.rows), by_author(theirs[0])

    assert len(found) > 1000
    assert found.keys() == told.keys()
    for key, row in found.items():
        assert {name: row[name] for name in SAME} == {name: told[key][name] for name in SAME}, key
        for name in ("score", "sentiment", "share"):  # we count in millionths, DuckDB does not
            assert row[name] == pytest.approx(told[key][name], abs=1e-5), key
        assert datetime.fromisoformat(row["last_tweet_at"]) == told[key]["last_tweet_at"]


def test_duckdb_tells_the_same_audience(ours, theirs):
    order = sorted(ours.audience, key=lambda row: row["keyword_id"])

    assert order == sorted(theirs[1], key=lambda row: row["keyword_id"])
