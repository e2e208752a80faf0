"""What one author wrote lies where Spark looks for it, and is not moved when it is added up."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pyspark.sql import functions as F

from bench import made_up
from jobs import criteria, influence
from jobs.buckets import BUCKETS, bucket
from jobs.criteria import Window
from jobs.lake import Lake, append
from jobs.marks import may_be

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
IDS = [0, 1, -1, 7, 10**9, 1_938_475_018_273_645_056, 2**63 - 1, -(2**63), 2**32, 2**32 - 1, *range(1000, 1100)]

pytestmark = pytest.mark.cluster


def test_a_bucket_is_the_one_that_spark_would_choose(host):
    rows = host.spark().createDataFrame([(id,) for id in IDS], "id bigint")
    chosen = rows.select(F.expr(f"pmod(hash(id), {BUCKETS})").alias("bucket")).collect()

    assert bucket(np.array(IDS)).tolist() == [row.bucket for row in chosen]
    assert {row.bucket for row in chosen} == set(range(BUCKETS))


def test_an_id_that_is_marked_is_found_and_nearly_none_that_is_not(host):
    marked = np.array([*IDS, *range(10**12, 10**12 + 50_000)])
    others = np.arange(10**6, 10**6 + 10_000)
    rows = host.spark().createDataFrame([(id,) for id in [*map(int, marked[:1000]), *map(int, others)]], "id bigint")
    found = {row.id for row in rows.where(may_be(host.spark(), marked, "id")).collect()}

    assert found >= set(marked[:1000].tolist())
    assert 0 < len(found & set(others.tolist())) < 1000


@pytest.fixture
def lake(tmp_path):
    """A lake of made-up tweets, of which some are retweeted that were written before the window."""
    lake = Lake(tmp_path)
    append(lake, {"tweet": made_up.tweets(3000, 90, NOON + timedelta(hours=9)), "author": made_up.authors(90)}, 5)
    return lake


def planned(frame) -> str:
    return frame._jdf.queryExecution().executedPlan().toString()


def test_tweets_and_authors_are_added_up_and_joined_where_they_lie(host, lake):
    window = Window(NOON - timedelta(hours=48), NOON)
    _, whole, authors = influence.from_lake(host.spark(), lake, list(range(1, 51)), window)
    with whole as tweets:
        carried = tweets.where(F.col("seq") == criteria.CARRIED).count()
        elsewhere = tweets.where(F.expr(f"pmod(hash(author_id), {BUCKETS})") != F.spark_partition_id()).count()
        earned = planned(criteria.earned(tweets, window))
        voices = planned(criteria.voices(tweets))
        mentioned = criteria.mentioned(criteria.mentions(tweets), window)
        people = planned(criteria.criteria(tweets, mentioned, authors, window))

    assert carried > 0
    assert elsewhere == 0
    assert "hashpartitioning" not in earned
    assert "hashpartitioning" not in voices
    assert people.count("hashpartitioning") == 1  # whom a tweet mentions lies elsewhere
