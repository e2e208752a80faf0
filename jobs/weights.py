"""How much each criterion counts in the influence score: learnt from labelled pairs, kept in core/weights.json.

The labels say which of two people is more influential (Kaggle / PeerIndex, 2013). A random forest on the log1p
differences of a pair gives each criterion's importance; the score weighs the log counts by them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from core.config import TalkerError
from core.weights import CRITERIA, FILE, Curve, Weights, load, trained

# The data has no likes and nothing per keyword: what it says of retweets received is carried over to engagement.
PEERINDEX = ("follower_count", "listed_count", "posts", "retweets_received", "mentions_received")
COLUMNS = dict(zip(CRITERIA, PEERINDEX, strict=True))

# The count at which a criterion gives all its points: what one of a thousand of the labelled people exceeds.
REFERENCE_QUANTILE = 0.999
# Their `posts` is a recent rate and not X's lifetime count, so its reference is stated: about what one of a
# thousand authors on X has.
TWEET_COUNT_REFERENCE = 1_000_000.0

FOREST = "forest"  # random forest importances on log1p counts
SEEDS = (0, 1, 2, 3, 4)
TREES = 100
FloatArray = npt.NDArray[np.float64]
Scorer = Callable[[pd.DataFrame], "pd.Series[float]"]
# What a single count achieves, on the same scale as the score: many of the pairs are told apart by fame alone.
SINGLE: dict[str, Scorer] = {
    "followers": lambda counts: np.log1p(counts["followers_count"]),
    "listed": lambda counts: np.log1p(counts["listed_count"]),
}


class PairsError(TalkerError):
    """The file of labelled pairs cannot be read; names what it lacks."""


def save(learnt: Mapping[str, Any], path: Path = FILE) -> None:
    """Keep what `train` returned. Weights learnt again from the same data by the same means keep their day."""
    if not path.exists() or undated(trained(path)) != undated(learnt):
        path.write_text(json.dumps(learnt, indent=2) + "\n")


def undated(learnt: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything about trained weights but the day."""
    return {**learnt, "trained": {**learnt["trained"], "day": None}}


def parts(counts: pd.DataFrame, weights: Weights) -> pd.DataFrame:
    """Return the points each criterion gives, whose sum over a row is the score, 0..100.

    A criterion that is unknown (NaN) gives NaN and the others are scaled up; a row with nothing known has only NaN.
    """
    known = counts[list(weights.curves)].astype(float)
    full = pd.Series({name: curve.full for name, curve in weights.curves.items()})
    of_known = known.notna().mul(full).sum(axis=1)
    points = pd.DataFrame({name: drawn(known[name], curve) for name, curve in weights.curves.items()})
    return points.mul(100).div(of_known.where(of_known > 0), axis=0)


def drawn(counts: pd.Series[float], curve: Curve) -> pd.Series[float]:
    """Return the points of a column of counts."""
    z = counts.map(math.log1p)
    rises = [slope * (z.clip(upper=end) - start).clip(lower=0) for start, end, slope in curve.ramps()]
    return sum(rises, start=0.0 * z)


def score(counts: pd.DataFrame, weights: Weights) -> pd.Series[float]:
    """Return each row's score, 0..100; NaN where nothing is known."""
    return parts(counts, weights).sum(axis=1, min_count=1)


def train(path: Path, *, day: str | None = None) -> dict[str, Any]:
    """Learn the weights from labelled pairs; returns what weights.json holds.

    `day` is only noted: no clock is read here, and the same file and libraries always give the same answer.

    Raises:
        PairsError: the file is not one of labelled pairs.
    """
    pairs = read_pairs(path)
    runs = importances(pairs, SEEDS)
    learnt = [forest(runs.mean(axis=0), references(pairs))]
    return {
        "default": FOREST,
        "methods": {one.method: one.written() for one in learnt},
        "importances": {"mean": by_criterion(runs.mean(axis=0)), "spread": by_criterion(runs.std(axis=0))},
        "auc_on_unseen_people": summary(unseen_auc(pairs)),
        "trained": {
            "day": day,
            "data_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "pairs": len(pairs),
            "criteria": COLUMNS,
            "seeds": list(SEEDS),
            "trees": TREES,
            "reference_quantile": REFERENCE_QUANTILE,
            "libraries": {name: version(name) for name in ("scikit-learn", "numpy", "pandas")},
        },
    }


def forest(importance: FloatArray, reference: Mapping[str, float]) -> Weights:
    """Make importances the points that a criterion gives at its reference, with a straight rise up to it."""
    points = by_criterion(100 * importance / importance.sum())
    curves = {name: Curve((0.0, round(math.log1p(reference[name]), 6)), (0.0, points[name])) for name in CRITERIA}
    return Weights.of(FOREST, curves)


def evaluate(path: Path, method: str = "") -> dict[str, Any]:
    """Say how often the weights in force rank a pair as people did: the area under the ROC curve.

    `default` is the score in use, beside it each method that was trained; `followers` and `listed` are what a single
    count achieves. Nothing is fitted here: every pair of the file counts.

    Raises:
        PairsError: the file is not one of labelled pairs.
    """
    pairs, in_force = read_pairs(path), load(method)
    methods = {name: partial(score, weights=load(name)) for name in trained()["methods"]}
    ways: dict[str, Scorer] = {"default": partial(score, weights=in_force), **methods, **SINGLE}
    found: dict[str, dict[str, Any]] = {name: {"auc": round(auc(pairs, way), 4)} for name, way in ways.items()}
    return {"pairs": len(pairs), **found, "default": {"method": in_force.method, **found["default"]}}


def read_pairs(path: Path) -> pd.DataFrame:
    """Read labelled pairs, each once.

    Raises:
        PairsError: the file cannot be read, or lacks a column.
    """
    try:
        pairs = pd.read_csv(path).drop_duplicates(ignore_index=True)
    except (OSError, ValueError) as error:
        raise PairsError(f"{path} is not a CSV file of labelled pairs: {error}") from error
    needed = {"Choice", *(f"{side}_{column}" for side in "AB" for column in COLUMNS.values())}
    if lacking := sorted(needed - set(pairs.columns)):
        raise PairsError(f"{path} is not a file of labelled pairs: it has no column {lacking[0]}.")
    return pairs


def importances(pairs: pd.DataFrame, seeds: Iterable[int]) -> FloatArray:
    """Return what a random forest finds each criterion to matter, one row a seed, one column a criterion."""
    differences = np.log1p(people(pairs, "A")) - np.log1p(people(pairs, "B"))
    forests = (RandomForestClassifier(TREES, min_samples_leaf=5, random_state=seed) for seed in seeds)
    return np.array([forest.fit(differences, pairs["Choice"]).feature_importances_ for forest in forests])


def references(pairs: pd.DataFrame) -> dict[str, float]:
    """Return the count at which each criterion gives all its points."""
    everyone = pd.concat([people(pairs, "A"), people(pairs, "B")]).drop_duplicates()
    few_exceed = {name: float(round(everyone[name].quantile(REFERENCE_QUANTILE))) for name in CRITERIA}
    return {**few_exceed, "tweet_count": TWEET_COUNT_REFERENCE}


def people(pairs: pd.DataFrame, side: str) -> pd.DataFrame:
    """Return the criteria of the people on one side of the pairs, under X's names."""
    return pairs[[f"{side}_{column}" for column in COLUMNS.values()]].set_axis(list(CRITERIA), axis=1)


def halves(pairs: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split people at random in two; return the pairs wholly within each half, dropping those across.

    A person has no id in the data: all their features together tell them apart.
    """
    a, b = (pd.util.hash_pandas_object(pairs.filter(regex=f"^{side}_"), index=False) for side in "AB")
    everyone = np.unique(np.concatenate([a, b]))
    chosen = np.random.default_rng(seed).permutation(everyone)[: len(everyone) // 2]
    a_in, b_in = a.isin(chosen), b.isin(chosen)
    return pairs[a_in & b_in], pairs[~a_in & ~b_in]


def unseen_auc(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the AUC of each way of scoring, one row a random split of the people, one column a way."""
    found = []
    for seed in SEEDS:
        seen, unseen = halves(pairs, seed)
        learnt = forest(importances(seen, [seed])[0], references(seen))
        ways: dict[str, Scorer] = {"forest": partial(score, weights=learnt), **SINGLE}
        found.append({name: auc(unseen, way) for name, way in ways.items()})
    return pd.DataFrame(found)


def auc(pairs: pd.DataFrame, scorer: Scorer) -> float:
    """Return the area under the ROC curve of "A is more influential than B" by the difference of two scores."""
    return float(roc_auc_score(pairs["Choice"], scorer(people(pairs, "A")) - scorer(people(pairs, "B"))))


def summary(found: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return mean and spread of each column."""
    mean, spread = found.mean(), found.std()
    return {name: {"auc": round(float(mean[name]), 4), "spread": round(float(spread[name]), 4)} for name in mean.index}


def by_criterion(values: FloatArray) -> dict[str, float]:
    """Name an array's values by their criteria."""
    return {name: round(float(value), 6) for name, value in zip(CRITERIA, values, strict=True)}
