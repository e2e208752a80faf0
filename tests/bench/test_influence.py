"""The benchmark's made-up tweets are like tweets, and its new rows are new."""

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from bench import made_up
from bench.influence import END, fill, insert_tweets
from core.config import Settings
from jobs.extract import extract
from jobs.lake import Lake


def made(rows, authors=500):
    return pa.concat_tables(made_up.tweets(rows, authors, END))


def test_tweets_are_the_same_each_time_and_all_of_the_span():
    tweets = made(20_000)

    assert tweets.equals(made(20_000))
    assert pc.count_distinct(tweets["id"]).as_py() == len(tweets) == 20_000
    assert pc.min(tweets["created_at"]).as_py() > END - made_up.SPAN
    assert pc.max(tweets["created_at"]).as_py() == END


def test_a_retweet_is_of_an_own_tweet_on_its_keyword():
    rows = made(20_000).to_pylist()
    own = {(row["keyword_id"], row["id"]) for row in rows if row["kind"] != "retweet"}
    retweets = [row for row in rows if row["kind"] == "retweet"]

    assert {(row["keyword_id"], row["original_id"]) for row in retweets} <= own
    assert 0.5 < len(retweets) / len(rows) < 0.6
    assert len({row["keyword_id"] for row in rows}) == made_up.KEYWORDS


def test_of_the_rows_that_come_later_a_tenth_are_older_tweets_with_new_counts(engine, tmp_path):
    settings = Settings(lake=tmp_path)
    fill(engine, settings, 20_000, 500)

    for coming in (1, 2):
        insert_tweets(engine, 20_000, 2_000, 500, coming)
        assert extract(engine, tmp_path) == {"tweet": 2_000, "author": 0}
        assert len(Lake(tmp_path).outdated("tweet")) == coming * 200
    assert sum(Lake(tmp_path).manifest.files.values()) == 24_500


def test_late_tweets_are_new_ones_and_ids_grow_with_time_all_the_same():
    late = pa.concat_tables([table for n in (1, 2) for table in made_up.tweets(2_000, 500, END, 20_000, coming=n)])
    all_of_them = pa.concat_tables([made(20_000), late]).sort_by("id")

    assert pc.count_distinct(all_of_them["id"]).as_py() == 24_000
    assert pc.min(late["created_at"]).as_py() > END - timedelta(hours=72)
    steps = pc.pairwise_diff(all_of_them["created_at"].combine_chunks().cast("int64"))
    assert pc.min(steps).as_py() >= -made_up.SPAN.total_seconds() * 1e6 / 20_000
