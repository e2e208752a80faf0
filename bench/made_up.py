"""Made-up tweets and authors in great numbers, skewed as in life: a few keywords, authors and tweets get most."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.lake import SCHEMAS

KEYWORDS = 50
SPAN = timedelta(hours=72)
CHUNK = 500_000  # rows made and held in memory at a time
COMINGS = 16  # times that tweets may come: their ids never meet
KINDS = pa.array(["original", "reply", "quote", "retweet"])
SHARES = (0.25, 0.12, 0.08, 0.55)
RETWEET = 3
Ints = npt.NDArray[np.int64]


def tweets(rows: int, authors: int, end: datetime, among: int = 0, coming: int = 0) -> Iterator[pa.Table]:
    """Yield tweets, written evenly over the SPAN before `end`; the same each time.

    Their ids grow with time, as X's do, also those of late ones `among` so many that came in time.
    """
    for start in range(1, rows + 1, CHUNK):
        number = np.arange(start, min(start + CHUNK, rows + 1), dtype=np.int64)
        ids = COMINGS * (number * (among or rows) // rows) + coming
        yield chunk(np.random.default_rng(start + among + coming), ids, number / rows, authors, end)


def chunk(
    dice: np.random.Generator, ids: Ints, place: npt.NDArray[np.float64], authors: int, end: datetime
) -> pa.Table:
    """Make tweets; a retweet is of one on its keyword in the same chunk."""
    count = len(ids)
    keyword = skewed(dice, count, KEYWORDS, 2)
    kind = dice.choice(4, count, p=SHARES)
    retweet = kind == RETWEET
    retweets = np.minimum(dice.pareto(1.2, count) * 2, 1e6).astype(np.int64)
    uncounted = retweet | (dice.random(count) < 0.05)
    mood = np.clip(dice.normal(0.1, 0.45, count), -1, 1) * (dice.random(count) < 0.7)
    named = np.where(retweet, 0, dice.choice(3, count, p=(0.7, 0.22, 0.08)))
    span = SPAN.total_seconds() * 1e6
    columns = {
        "keyword_id": keyword,
        "id": ids,
        "author_id": skewed(dice, count, authors, 3),
        "created_at": (end.timestamp() * 1e6 - span + place * span).astype(np.int64),
        "kind": KINDS.take(pa.array(kind)),
        "original_id": pa.array(originals(dice, ids, keyword, retweet), mask=~retweet),
        "mentioned_ids": pa.ListArray.from_arrays(
            np.concatenate(([0], np.cumsum(named))).astype(np.int32), skewed(dice, int(named.sum()), authors, 3)
        ),
        "retweet_count": pa.array(retweets, mask=uncounted),
        "like_count": pa.array((retweets * dice.random(count) * 6).astype(np.int64), mask=uncounted),
        "sentiment": pa.array(np.round(mood, 4), mask=retweet | (dice.random(count) < 0.1)),
        "matched": np.ones(count, bool),
        "seq": np.ones(count, np.int64),
    }
    return pa.table(columns).cast(SCHEMAS["tweet"])


def originals(dice: np.random.Generator, ids: Ints, keyword: Ints, retweet: npt.NDArray[np.bool_]) -> Ints:
    """Return the id each retweet is of, 0 for the others."""
    own = np.flatnonzero(~retweet)
    own = own[np.argsort(keyword[own], kind="stable")]
    low, high = (np.searchsorted(keyword[own], keyword[retweet], side) for side in ("left", "right"))
    chosen = low + ((high - low) * dice.random(len(low)) ** 4).astype(np.int64)
    found = np.zeros(len(ids), np.int64)
    found[retweet] = ids[own[np.minimum(chosen, len(own) - 1)]]
    return found


def authors(count: int) -> Iterator[pa.Table]:
    """Yield the profiles of the authors 1 to `count`."""
    dice = np.random.default_rng(count)
    followers = np.minimum(dice.lognormal(5.5, 2.2, count), 1e8).astype(np.int64)
    columns = {
        "id": np.arange(1, count + 1, dtype=np.int64),
        "followers_count": pa.array(followers, mask=dice.random(count) < 0.02),
        "listed_count": pa.array(
            (followers * dice.random(count) / 60).astype(np.int64), mask=dice.random(count) < 0.05
        ),
        "tweet_count": dice.lognormal(7, 2, count).astype(np.int64),
        "seq": np.ones(count, np.int64),
    }
    yield pa.table(columns).cast(SCHEMAS["author"])


def skewed(dice: np.random.Generator, count: int, of: int, power: int) -> Ints:
    """Draw from 1 to `of`, the low ones far more often."""
    return (of * dice.random(count) ** power).astype(np.int64) + 1
