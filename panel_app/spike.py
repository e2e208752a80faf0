"""Explains a spike: since when, by whom, with which words, from where, and whether it is said or passed on.

All is counted, nothing is guessed: what is more than the day before lets expect is the excess, and each list tells how
large whose share of it is. Terms are those that emerge on distinct authors, as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from core import queries
from core.emerging import Emerging, alike, bag, emerging
from panel_app.selection import View

STEP = timedelta(minutes=5)
LOOK_BACK = timedelta(hours=12)  # before an alert: it may have begun so long ago
LOOK_ON = timedelta(hours=1)
DAY = timedelta(days=1)
SHOWN = 5  # people and countries
WORDS = 12
TWEETS = 3


@dataclass(frozen=True)
class Spike:
    """What is behind a spike; `people` and `countries` have each one's `share` of the excess."""

    began: datetime
    end: datetime
    tweets: int
    expected: float
    people: pd.DataFrame
    countries: pd.DataFrame
    kinds: pd.DataFrame
    terms: Sequence[Emerging]
    examples: pd.DataFrame


def change_point(counts: Sequence[float]) -> int:
    """Return where a series of counts begins to be of a higher rate: the most likely of all places, by Poisson.

    It is 0 where no place makes a later part that is higher than the earlier one.
    """
    x: npt.NDArray[np.float64] = np.asarray(counts, dtype=float)
    if len(x) < 2:
        return 0
    size = np.arange(1, len(x))
    head, tail = np.cumsum(x)[:-1], x.sum() - np.cumsum(x)[:-1]
    low, high = head / size, tail / (len(x) - size)
    with np.errstate(divide="ignore", invalid="ignore"):
        likely = np.nan_to_num(head * np.log(low)) + np.nan_to_num(tail * np.log(high))
    likely[high <= low] = -np.inf
    return int(np.argmax(likely)) + 1 if np.isfinite(likely).any() else 0


def began(view: View, at: datetime) -> datetime:
    """Return when what made an alert began."""
    start = at - LOOK_BACK
    steps = view.read(queries.alert_steps(view.keyword_id, start, at, STEP))
    times = pd.date_range(start, at - STEP, freq=STEP)
    counts = steps.set_index("step")["tweets"].reindex(times, fill_value=0.0) if len(steps) else pd.Series(0.0, times)
    moment: datetime = times[change_point(counts.to_list())].to_pydatetime()
    return moment


def excess(frame: pd.DataFrame, part: float) -> pd.DataFrame:
    """Add how many tweets of each row are more than its day before lets expect, and its share of all that are.

    Args:
        frame: `tweets` now and `earlier`, in the day before.
        part: how much of a day the time now is.
    """
    more = (frame["tweets"] - frame["earlier"] * part).clip(lower=0)
    found = frame.assign(excess=more, share=more / max(1e-9, float(more.sum())))
    return found[found["excess"] > 0].sort_values(["excess", "tweets"], ascending=False, kind="stable")


def by(parts: pd.DataFrame, column: str, part: float) -> pd.DataFrame:
    """Return the excess by kind or by country; what is unknown has no share and no row."""
    return excess(parts.groupby(column, as_index=False, dropna=True)[["tweets", "earlier"]].sum(), part)


def examples(tweets: pd.DataFrame, terms: Sequence[Emerging], number: int = TWEETS) -> pd.DataFrame:
    """Choose tweets that have most of the terms, no two of one author, no two nearly the same."""
    ranks = {one.term.casefold(): 1 / place for place, one in enumerate(terms, 1)}
    bags = [bag(text) for text in tweets["text"]]
    worth = [sum(ranks.get(word, 0.0) for word in words) for words in bags]
    chosen: list[int] = []
    for one in sorted(range(len(bags)), key=lambda row: (-worth[row], row)):
        authors = {tweets["author_id"].iloc[row] for row in chosen}
        if tweets["author_id"].iloc[one] not in authors and not any(alike(bags[one], bags[row]) for row in chosen):
            chosen.append(one)
        if len(chosen) == number:
            break
    return tweets.iloc[chosen]


def explained(view: View, at: datetime) -> Spike:
    """Read and return what is behind the alert of a time; of a sensitive keyword there are no people and no tweets."""
    start, end = began(view, at), min(at + LOOK_ON, view.newest + timedelta(minutes=1))
    end = max(end, start + STEP)
    part, before = (end - start) / DAY, start - DAY
    parts = view.read(queries.spike_parts(view.keyword_id, start, end, before))
    words = view.read(queries.term_authors(view.keyword_id, start, end))
    terms: list[Emerging] = []
    if len(words):
        counts = zip(words["term"], words["authors"], words["before"], strict=True)
        terms = emerging(counts, int(words["all_authors"].iloc[0]), int(words["all_before"].iloc[0]))[:WORDS]
    people = tweets = pd.DataFrame()
    if not view.sensitive:
        voices = excess(view.read(queries.spike_voices(view.keyword_id, start, end, before)), part)
        all_more = max(1.0, float(parts["tweets"].sum() - parts["earlier"].sum() * part))
        people = voices.assign(share=voices["excess"] / all_more).head(SHOWN)
        tweets = examples(view.read(queries.spike_tweets(view.keyword_id, start, end)), terms)
    countries, kinds = (by(parts, column, part) for column in ("country_code", "kind"))
    expected = float(parts["earlier"].sum() * part)
    return Spike(start, end, int(parts["tweets"].sum()), expected, people, countries.head(SHOWN), kinds, terms, tweets)
