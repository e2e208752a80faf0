"""What a range adds up to: its tweets, their mean sentiment, and its voices, who do not add up over bins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from core import queries
from panel_app import data
from panel_app.selection import View

Ids = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Heard:
    """How many voices each bin has, as `bin` and `voices`; and the whole range, in which each counts once."""

    bins: pd.DataFrame
    in_all: int


def of(view: View, start: datetime, end: datetime) -> pd.Series:
    """Read `tweets`, `voices`, those that are `scored`, their mean `sentiment`, and the `percent` that was read."""
    counts = view.read(queries.trend(view.keyword_id, (start, end)))
    scored = counts[counts["label"].notna()]
    n = int(scored["tweets"].sum())
    edges = tuple(view.edges) if (start, end) == (view.start, view.end) else (start, end)  # bins are counted anyway
    return pd.Series(
        {
            "tweets": int(counts["tweets"].sum()),
            "voices": heard(view, edges).in_all,
            "scored": n,
            "sentiment": scored["sentiment_sum"].sum() / n if n else None,
            "percent": int(view.read(queries.share(start, end))["percent"][0]),
        },
        dtype=object,
    )


@data.kept
def heard(view: View, edges: Sequence[datetime]) -> Heard:
    """Count the voices of each bin and of all; linear in the tweets of the range, at 8 bytes each."""
    pieces = data.now(queries.voices(view.keyword_id, edges))
    bins = {number: distinct(some) for number, some in pieces.groupby("bin")["author_ids"]}
    counts = pd.DataFrame({"bin": list(bins), "voices": [len(ids) for ids in bins.values()]}, dtype=int)
    return Heard(counts, len(distinct(bins.values())))


@data.kept
def in_several(view: View, keyword_ids: Sequence[int], _version: int) -> int:
    """Count the tweets of a range that are of two or more of some keywords: each of these counts them."""
    asked = (queries.tweets_in(keyword_id, view.start, view.end) for keyword_id in keyword_ids)
    tweets = together(some for one in asked for some in data.now(one)["tweet_ids"])
    return len(pd.unique(tweets[pd.Series(tweets).duplicated()]))


def distinct(ids: Iterable[Any]) -> Ids:
    """Unite ids."""
    return pd.unique(together(ids))


def together(ids: Iterable[Any]) -> Ids:
    """Return ids, 8 bytes each, one after the other; which number they are is of no matter, so bytes stay in order."""
    return np.concatenate([np.empty(0, np.int64), *(np.frombuffer(some, np.int64) for some in ids)])
