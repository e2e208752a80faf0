"""What the tweets of a window say of each author on each keyword: the criteria of influence, and the mood.

An author's own tweets are the originals, quotes and replies that were written in the window, or that somebody
retweeted in it. A retweet is credited to the original's author only: in the counts of the original, of which the lake
keeps the highest seen. What a tweet or a mention earned is worth half after each half-life of the keyword.

All sums are of whole numbers, so that no order of rows, files or tasks can change them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from core.weights import ENGAGEMENT, MENTIONS, REACH

AUTHOR = ["keyword_id", "author_id"]
AUDIENCE = ("voices", "known", "followers_count")
NEUTRAL = 0.05  # VADER's own bound: a mean of at least this is positive, of at most minus this negative
FADED = 5  # half-lives after which a tweet that is retweeted is no longer heard of: 3 % of its worth is left
FINE = 1_000_000  # parts of one retweet, like or mention that a decayed sum is counted in
SCALE = 10_000  # VADER gives four digits
MOST = 2**31 - 1  # retweets and likes of one tweet that count, so that no sum of them overflows
CARRIED = 2**63 - 1  # `seq` of what was written before the window and counts in it
BITS = 62  # of a BIGINT that stay above 0
ACTIVE_TWEETS = 2
ACTIVE_RETWEETS = 10


@dataclass(frozen=True)
class Window:
    """The time that scores are of, start < time <= end, and how fast fame fades in it, by keyword."""

    start: datetime
    end: datetime
    half_life: timedelta = timedelta(hours=72)
    of_keyword: Mapping[int, timedelta] = field(default_factory=dict)

    @property
    def oldest(self) -> datetime:
        """When the oldest tweet was written that may still count, if it is retweeted."""
        return min(self.start, self.end - FADED * max([self.half_life, *self.of_keyword.values()]))

    def holds(self, time: str) -> Column:
        """Say whether a time is in it."""
        return (F.col(time) > looked_up(self.start)) & (F.col(time) <= looked_up(self.end))

    def age(self, time: str) -> Column:
        """Return how many half-lives before its end a time is, by the row's keyword."""
        seconds = F.lit(self.half_life.total_seconds())
        for keyword, its_own in self.of_keyword.items():
            seconds = F.when(F.col("keyword_id") == keyword, F.lit(its_own.total_seconds())).otherwise(seconds)
        return (looked_up(self.end.timestamp()) - F.col(time).cast("double")) / seconds

    def worth(self, counted: Column, time: str) -> Column:
        """Return what is left of something earned at a time, in parts of FINE."""
        some = F.when(counted > MOST, F.lit(MOST)).otherwise(counted)  # not F.least, which passes over NULL
        return F.floor(some * FINE * F.exp(-log(2) * self.age(time)) + 0.5)


def looked_up(value: datetime | float) -> Column:
    """Return a value that differs from window to window, of a row on any keyword.

    Spark writes numbers and times into the code that it makes of a plan, which would be new code in each window, and
    run slowly until Java has compiled it. What is in an array it looks up there.
    """
    return F.array(F.lit(value))[F.col("keyword_id") * 0]


def inside(tweets: DataFrame, window: Window) -> DataFrame:
    """Return the tweets of a window, and those that are carried into it."""
    since = (F.col("created_at") > looked_up(window.start)) | (F.col("seq") == CARRIED)
    return tweets.where(since & (F.col("created_at") <= looked_up(window.end)))


def carried(tweets: DataFrame, older: DataFrame, window: Window) -> DataFrame:
    """Return the own tweets from before a window that count in it, because `tweets` of the window retweet them."""
    before = (F.col("created_at") <= looked_up(window.start)) & (F.col("created_at") > looked_up(window.oldest))
    heard = older.where((F.col("kind") != "retweet") & before & (window.age("created_at") < FADED))
    # Ids mostly grow with time, so that few retweets are of a tweet as old as that.
    last = F.broadcast(heard.agg(F.max("id").alias("last")))
    retweets = tweets.where((F.col("kind") == "retweet") & F.col("matched"))
    retweeted = retweets.join(last, F.col("original_id") <= F.col("last"))
    keys = retweeted.select("keyword_id", F.col("original_id").alias("id")).distinct()
    return heard.join(keys, ["keyword_id", "id"], "left_semi").withColumn("seq", F.lit(CARRIED))


def earned(tweets: DataFrame, window: Window) -> DataFrame:
    """Add up what a score and a mood are made of, by author and keyword, of authors who said enough to be ranked.

    These are millions of rows, and most of them of people who will not be shown: what else is told of an author is
    looked up for the best alone, see `details`. A sum of which nothing is known is NULL.
    """
    worth, sentiment = window.worth(engagement(), "created_at"), whole_sentiment()
    own = written(tweets).select(
        *AUTHOR, known_count("retweet_count"), worth.alias("worth"), sentiment.alias("sentiment")
    )
    # By author alone: what is joined later comes by author too, and nothing need move again.
    sums = (
        own.repartition("author_id")
        .groupBy(*AUTHOR)
        .agg(
            F.count("*").alias("tweets"),
            F.sum("worth").alias("worth"),
            F.max("retweet_count").alias("most_retweets"),
            F.count("sentiment").alias("scored"),
            F.sum("sentiment").alias("moods"),
            F.min("sentiment").alias("worst"),
            F.max("sentiment").alias("best"),
        )
    )
    return sums.where((F.col("tweets") >= ACTIVE_TWEETS) | (F.col("most_retweets") >= ACTIVE_RETWEETS))


def mentions(tweets: DataFrame) -> DataFrame:
    """Return each mention of another author, by whom and when."""
    named = written(tweets).select(
        "keyword_id", F.explode("mentioned_ids").alias("author_id"), F.col("author_id").alias("by"), "created_at"
    )
    return named.where(F.col("by") != F.col("author_id"))


def mentioned(mentions: DataFrame, window: Window) -> DataFrame:
    """Return for each author by whom they were mentioned, however often, and what the latest mention is worth."""
    latest = mentions.repartition("author_id").groupBy(*AUTHOR, "by").agg(F.max("created_at").alias("latest"))
    return latest.select(*AUTHOR, "by", window.worth(F.lit(1), "latest").alias("mention_worth"))


def criteria(tweets: DataFrame, mentioned: DataFrame, authors: DataFrame, window: Window) -> DataFrame:
    """Return the score's criteria and the mood of each author on each keyword."""
    named = mentioned.groupBy(*AUTHOR)
    by_others = named.agg(F.count("*").alias("mentioned_by"), F.sum("mention_worth").alias("mention_worth"))
    profiles = authors.select(F.col("id").alias("author_id"), *REACH).repartition("author_id")
    everyone = (
        earned(tweets, window)
        .join(by_others.hint("shuffle_hash"), AUTHOR, "left")
        .join(profiles.hint("shuffle_hash"), "author_id", "left")
        .where(F.coalesce("worth", *REACH).isNotNull())  # mentions alone, blown up to the whole score, tell nothing
    )
    return everyone.select(
        *AUTHOR,
        *REACH,
        (F.col("worth") / FINE).alias(ENGAGEMENT),
        F.coalesce(F.col("mention_worth") / FINE, F.lit(0.0)).alias(MENTIONS),
        F.coalesce("mentioned_by", F.lit(0)).alias("mentioned_by"),
        "tweets",
        "scored",
        (F.col("moods") / F.col("scored") / SCALE).alias("sentiment"),  # NULL when none was scored
        mood().alias("label"),
    )


def of_authors(tweets: DataFrame, authors: DataFrame) -> DataFrame:
    """Return what some authors wrote, on whatever keyword, as far as it is asked for when they are shown."""
    who = F.broadcast(authors.select("author_id").distinct())
    counts = [known_count(name) for name in ("retweet_count", "like_count")]
    own = written(tweets).join(who, "author_id", "left_semi")
    return own.select(*AUTHOR, "id", "created_at", *counts, "sentiment")


def details(tweets: DataFrame, authors: DataFrame) -> DataFrame:
    """Return what else is told of some authors: totals, first and last tweet."""
    own = tweets.join(F.broadcast(authors.select(*AUTHOR)), AUTHOR)
    return own.groupBy(*AUTHOR).agg(
        *[F.sum(name).alias(name) for name in ("retweet_count", "like_count")],
        F.min("created_at").alias("first_tweet_at"),
        F.max("created_at").alias("last_tweet_at"),
    )


def tops(tweets: DataFrame, authors: DataFrame) -> DataFrame:
    """Return the tweet that stands for each of some authors: the most shared of the author's mood, if one is of it."""
    own = tweets.join(F.broadcast(authors.select(*AUTHOR, F.col("label").alias("mood"))), AUTHOR)
    of_mood = F.coalesce(label_of(F.col("sentiment")) == F.col("mood"), F.lit(False))
    worth = F.struct(of_mood.alias("of_mood"), F.coalesce(engagement(), F.lit(-1)).alias("engagement"), "id")
    return own.groupBy(*AUTHOR).agg(F.max(worth)["id"].alias("top_tweet_id"))


def label_of(sentiment: Column) -> Column:
    """The label of one tweet: -1, 0 or 1, NULL when it has none."""
    return F.when(sentiment >= NEUTRAL, 1).when(sentiment <= -NEUTRAL, -1).when(sentiment.isNotNull(), 0)


def mood() -> Column:
    """The label of an author: 1 or -1 only if it would be so without any single one of the tweets, else 0.

    One sarcastic tweet makes no detractor, and one kind word no friend; NULL when no tweet was scored.
    """
    bound = int(NEUTRAL * SCALE) * (F.col("scored") - 1)
    enough = F.col("scored") > 1
    without_best, without_worst = F.col("moods") - F.col("best"), F.col("moods") - F.col("worst")
    positive, negative = enough & (without_best >= bound), enough & (without_worst <= -bound)
    return F.when(positive, 1).when(negative, -1).when(F.col("scored") > 0, 0)


def audience(tweets: DataFrame, authors: DataFrame, window: Window) -> DataFrame:
    """Add up whom all voices on each keyword could speak to; those who retweet are voices too."""
    delivered = tweets.where(F.col("matched") & window.holds("created_at"))
    profiles = authors.select(F.col("id").alias("author_id"), "followers_count").repartition("author_id")
    heard = (
        voices(delivered)
        .join(profiles.hint("shuffle_hash"), "author_id", "left")
        .withColumn("bit", F.explode(F.sequence(F.lit(0), F.lit(BITS - 1))))
        .where(F.expr("shiftright(said, bit) & 1") == 1)
        .groupBy((F.col("block") * BITS + F.col("bit")).alias("keyword_id"))
        .agg(
            F.count("*").alias("voices"),
            F.count("followers_count").alias("known"),
            F.sum("followers_count").alias("followers_count"),
        )
    )
    counted = delivered.groupBy("keyword_id").agg(F.count("*").alias("tweets"))
    return counted.join(F.broadcast(heard), "keyword_id").select("keyword_id", "tweets", *AUDIENCE)


def voices(tweets: DataFrame) -> DataFrame:
    """Tell on which keywords each author said something, as the bits of a number: as many rows as there are authors.

    They are far fewer than pairs of an author and a keyword. A block is BITS keywords.
    """
    block, bit = F.expr(f"keyword_id div {BITS}").alias("block"), F.expr(f"shiftleft(1L, keyword_id % {BITS})")
    by_author = tweets.select("author_id", block, bit.alias("said")).repartition("author_id")
    return by_author.groupBy("author_id", "block").agg(F.bit_or("said").alias("said"))


def written(tweets: DataFrame) -> DataFrame:
    """Return what authors wrote themselves: a retweet is somebody else's."""
    return tweets.where(F.col("kind") != "retweet")


def known_count(name: str) -> Column:
    """Return a tweet's retweets or likes; a count that cannot be, below 0, is as good as unknown."""
    return F.when(F.col(name) >= 0, F.col(name)).alias(name)


def engagement() -> Column:
    """Retweets and likes of a tweet together, NULL when neither is known."""
    retweets, likes = known_count("retweet_count"), known_count("like_count")
    return F.coalesce(retweets + likes, retweets, likes)


def whole_sentiment() -> Column:
    """Return a tweet's sentiment as a whole number of parts of SCALE."""
    return F.floor(F.col("sentiment") * SCALE + 0.5)
