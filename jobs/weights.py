"""The weights in numbers: the score of many people, and the training and judging of weights on labelled pairs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.weights import CRITERIA, FILE, Curve, Weights, load, trained
from jobs import methods
from jobs.methods import METHODS
from jobs.pairs import COLUMNS, DAYS, Floats, Pairs, Scorer, auc, read, splits

SEEDS = 10  # random splits of the people
REPEATS = 20  # for the intervals
# In how many parts people are split, to train on all but one and test within that one. Tenths come nearest to the
# weights in use, which have all pairs to learn from; halves show what fewer people to learn from cost.
PARTS = {"tenths": 10, "fifths": 5, "halves": 2}
INTERVAL = {"low": 0.05, "high": 0.95}
Step = Callable[[], object]

# What a single count achieves, on the same scale as the score: many of the pairs are told apart by fame alone.
SINGLE: dict[str, Scorer] = {
    short: partial(lambda name, counts: np.log1p(counts[name]), name)
    for short, name in zip(("followers", "listed", "posts", "retweets", "mentioned"), CRITERIA, strict=True)
}


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


def steps(seeds: int = SEEDS, repeats: int = REPEATS) -> int:
    """Return how many fits a training takes."""
    return len(METHODS) * (1 + repeats + sum(PARTS.values()) * seeds)


def train(
    path: Path, *, day: str | None = None, seeds: int = SEEDS, repeats: int = REPEATS, step: Step = lambda: None
) -> dict[str, Any]:
    """Learn the weights from labelled pairs; returns what weights.json holds. The better method is the default.

    `day` is only noted: no clock is read here, and the same file and libraries always give the same answer. `step` is
    called after each fit.

    Raises:
        PairsError: the file is not one of labelled pairs.
    """
    pairs = read(path)
    found = {name: unseen(pairs, parts, seeds, step) for name, parts in PARTS.items()}
    return {
        "default": str(found["tenths"][list(METHODS)].mean().idxmax()),
        "methods": {name: learnt(pairs, name, repeats, step) for name in METHODS},
        "auc_on_unseen_people": {name: summary(table) for name, table in found.items()},
        "trained": {
            "day": day,
            "data_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "pairs": len(pairs),
            "people": len(pairs.everyone),
            "criteria": COLUMNS,
            "days_of_posts": DAYS,
            "references": methods.REFERENCES,
            "seeds": seeds,
            "repeats": repeats,
            "interval": INTERVAL,
            "trees": methods.TREES,
            "least_rise": methods.LEAST,
            "libraries": {name: version(name) for name in ("scikit-learn", "scipy", "numpy", "pandas")},
        },
    }


def learnt(pairs: Pairs, method: str, repeats: int, step: Step) -> dict[str, Any]:
    """Return a method's weights and, for the points that each criterion gives at most, an interval.

    It is that of the repeats, each of which weighs the people anew at random (Bayesian bootstrap): what other people
    like these would have taught.
    """
    whole = METHODS[method](pairs, np.ones(len(pairs)), 0)
    step()
    most = []
    for seed in range(repeats):
        chance = np.random.default_rng(seed).exponential(size=pairs.who.max() + 1)
        again = METHODS[method](pairs, chance[pairs.who].prod(axis=1), seed)
        most.append({name: curve.full for name, curve in again.curves.items()})
        step()
    bounds = {end: pd.DataFrame(most).quantile(quantile).round(3).to_dict() for end, quantile in INTERVAL.items()}
    return {**whole.written(), **bounds}


def unseen(pairs: Pairs, parts: int, seeds: int = SEEDS, step: Step = lambda: None) -> pd.DataFrame:
    """Return the AUC of each way of scoring on people not seen in training, one row a random split of the people."""
    found = []
    for seed in range(seeds):
        leads: dict[str, list[Floats]] = {way: [] for way in (*METHODS, *SINGLE)}
        chosen = []
        for seen, within in splits(pairs, parts, seed):
            known, asked = pairs.of(seen), pairs.of(within)
            chosen.append(asked.chosen)
            for name, method in METHODS.items():
                leads[name].append(asked.leads(partial(score, weights=method(known, np.ones(len(known)), seed))))
                step()
            for name, single in SINGLE.items():
                leads[name].append(asked.leads(single))
        together = np.concatenate(chosen)
        found.append({way: auc(together, np.concatenate(lead)) for way, lead in leads.items()})
        found[-1]["pairs"] = len(together)
    return pd.DataFrame(found)


def summary(found: pd.DataFrame) -> dict[str, Any]:
    """Return mean and spread of each way of scoring, and by how much each method outdoes the best single count."""
    best = str(found[list(SINGLE)].mean().idxmax())
    told: dict[str, dict[str, float]] = {}
    for way in (*METHODS, *SINGLE):
        told[way] = {"auc": mean_of(found[way]), "spread": spread_of(found[way])}
    for name in METHODS:
        ahead = found[name] - found[best]
        told[name] |= {"ahead": mean_of(ahead), "ahead_spread": spread_of(ahead), "ahead_in": int((ahead > 0).sum())}
    return {"pairs_tested": mean_of(found["pairs"]), "best_single": best, **told}


def mean_of(values: pd.Series[float]) -> float:
    """Return the mean as it is kept."""
    return round(float(values.mean()), 4)


def spread_of(values: pd.Series[float]) -> float:
    """Return the standard deviation as it is kept."""
    return round(float(values.std()), 4)


def evaluate(path: Path, method: str = "") -> dict[str, Any]:
    """Say how often the weights in force rank a pair as people did: the area under the ROC curve.

    `default` is the score in use, beside it each method that was trained; `followers` and `listed` are what a single
    count achieves. Nothing is fitted here: every pair of the file counts.

    Raises:
        PairsError: the file is not one of labelled pairs.
    """
    pairs, in_force = read(path), load(method)
    trained_ways = {name: partial(score, weights=load(name)) for name in trained()["methods"]}
    ways: dict[str, Scorer] = {**trained_ways, "followers": SINGLE["followers"], "listed": SINGLE["listed"]}
    found = {name: {"auc": round(auc(pairs.chosen, pairs.leads(way)), 4)} for name, way in ways.items()}
    return {"pairs": len(pairs), "default": {"method": in_force.method, **found[in_force.method]}, **found}


def save(learnt: Mapping[str, Any], path: Path = FILE) -> None:
    """Keep what `train` returned. Weights learnt again from the same data by the same means keep their day."""
    written = json.dumps(learnt, indent=2) + "\n"
    if not path.exists() or undated(trained(path)) != undated(json.loads(written)):
        path.write_text(written)


def undated(learnt: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything about trained weights but the day."""
    return {**learnt, "trained": {**learnt["trained"], "day": None}}
