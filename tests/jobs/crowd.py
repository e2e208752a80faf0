"""Draws what people say of a keyword, as the rules see it."""

from __future__ import annotations

import numpy as np
import pandas as pd

MONDAY = pd.Timestamp("2026-06-01", tz="UTC")
MINUTE = pd.Timedelta(minutes=1)
STEP = 5 * MINUTE


def tweets(begin, minutes, number, mean, seed=1, authors=10**9):
    """Draw scored tweets of a mean sentiment, evenly over some minutes, oldest first; `authors` take turns."""
    rng = np.random.default_rng(seed)
    sentiment = np.clip(rng.normal(mean, 0.5, number), -1, 1)
    return pd.DataFrame(
        {
            "created_at": begin + pd.to_timedelta(np.sort(rng.uniform(0, minutes * 60, number)), unit="s"),
            "author_id": np.arange(number) % authors + seed * 10**6,
            "sentiment": sentiment,
            "label": np.where(sentiment >= 0.05, 1, np.where(sentiment <= -0.05, -1, 0)),
        }
    )


def steps_of(said):
    """Count tweets by steps of five minutes, as the table `trend` tells them."""
    step = said["created_at"].dt.floor(STEP)
    scored = said["label"].notna()
    parts = {
        "tweets": pd.Series(1, said.index),
        "scored": scored,
        "sentiment_sum": said["sentiment"].fillna(0),
        "square_sum": said["sentiment"].fillna(0) ** 2,
        "negative": said["label"] == -1,
    }
    sums = pd.DataFrame(parts).astype(float).groupby(step).sum()
    return sums.reindex(pd.date_range(step.min(), step.max(), freq=STEP), fill_value=0.0)
