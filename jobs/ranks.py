"""Ranks authors by score, and says how sure a rank is: by drawing the tweets again, many times.

A bootstrap: in each resample every tweet, and everyone who mentions somebody, counts not once but as often as a Poisson
draw of mean 1 says, mostly 0, 1 or 2 times. The draw is a pure function of the id and the resample, so that a run done
again gives the same ranks. It is done for those near the top only, among themselves, and with the mood they have.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from core.weights import ENGAGEMENT, MENTIONS, POINTS, RESONANCE, Weights
from jobs import criteria
from jobs.criteria import AUTHOR, FINE
from jobs.points import added, drawn

NEAR = 50  # of each keyword and label
# Poisson(1) by one byte of a hash: it is drawn at least k times where the byte reaches the k-th of these.
REACHES = (94, 188, 235, 251, 255)
HASHES, BYTES = 13, 8
RESAMPLES = HASHES * BYTES
LOW, HIGH = RESAMPLES // 20, RESAMPLES - 1 - RESAMPLES // 20  # places in order: nine of ten ranks lie between them


def ranked(scores: DataFrame, *of: str) -> DataFrame:
    """Number authors from 1 by score; where scores are equal by followers, then by id."""
    best_first = (F.col("score").desc(), F.col("followers_count").desc_nulls_last(), F.col("author_id"))
    return scores.withColumn("rank", F.row_number().over(Window.partitionBy(*of).orderBy(*best_first)))


def intervals(
    near: DataFrame, tweets: DataFrame, mentioned: DataFrame, window: criteria.Window, weights: Weights
) -> DataFrame:
    """Return `rank_low` and `rank_high` of authors near the top of their keyword and label, given their ranks."""
    known = near.select(*AUTHOR, "label", F.col("rank").alias("first"), "followers_count", "reach", "scale", ENGAGEMENT)
    redrawn = F.broadcast(known).join(resampled(near, tweets, mentioned, window), AUTHOR)
    earned = {ENGAGEMENT: F.when(F.col(ENGAGEMENT).isNotNull(), F.col("worth") / FINE)}
    counts = redrawn.withColumns({**earned, MENTIONS: F.col("mention_worth") / FINE})
    again = drawn(counts, {name: weights.curves[name] for name in RESONANCE})
    points = added(F.coalesce(POINTS[name], F.lit(0.0)) for name in RESONANCE)
    score = F.col("reach") + F.col("scale") * points
    places = ranked(again.withColumns({"score": score, "contest": contest()}), "contest")
    found = places.groupBy(*AUTHOR, "first").agg(F.sort_array(F.collect_list("rank")).alias("ranks"))
    low, high = F.least("first", F.col("ranks")[LOW]), F.greatest("first", F.col("ranks")[HIGH])
    return found.select(*AUTHOR, low.alias("rank_low"), high.alias("rank_high"))


def contest() -> Column:
    """Number the keywords, labels and resamples within which ranks are given: it is sorted by one number alone."""
    label = F.coalesce("label", F.lit(2)) + 1
    return (F.col("keyword_id").cast("long") * 4 + label) * RESAMPLES + F.col("resample")


def resampled(near: DataFrame, tweets: DataFrame, mentioned: DataFrame, window: criteria.Window) -> DataFrame:
    """Add up what the tweets and the mentions of some authors are worth in each resample."""
    who = F.broadcast(near.select(*AUTHOR))
    own, named = (rows.join(who, AUTHOR, "left_semi") for rows in (tweets, mentioned))
    worth, none = F.coalesce(window.worth(criteria.engagement(), "created_at"), F.lit(0)), F.lit(0).cast("long")
    rows = own.select(*AUTHOR, F.col("id").alias("drawn"), worth.alias("worth"), none.alias("mention_worth"))
    rows = rows.unionByName(named.select(*AUTHOR, F.col("by").alias("drawn"), none.alias("worth"), "mention_worth"))
    hashed = rows.withColumn("number", F.explode(F.sequence(F.lit(0), F.lit(HASHES - 1))))
    hashed = hashed.withColumn("hash", F.xxhash64("drawn", "number"))
    sums = {name: [F.sum(F.col(name) * times(byte)) for byte in range(BYTES)] for name in ("worth", "mention_worth")}
    added = hashed.groupBy(*AUTHOR, "number").agg(*[F.array(*of).alias(name) for name, of in sums.items()])
    each = added.withColumn("byte", F.explode(F.sequence(F.lit(0), F.lit(BYTES - 1))))
    resample = F.col("number") * BYTES + F.col("byte")
    return each.select(*AUTHOR, resample.alias("resample"), *[F.col(name)[F.col("byte")].alias(name) for name in sums])


def times(byte: int) -> Column:
    """Return how often a row is drawn, by one byte of its hash."""
    value = F.shiftrightunsigned("hash", 8 * byte).bitwiseAND(255)
    return sum(((value >= reach).cast("int") for reach in REACHES), start=F.lit(0))
