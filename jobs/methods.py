"""The two ways of learning the curves of the influence score from labelled pairs: `forest` and `additive`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.linalg import block_diag
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.ensemble import RandomForestClassifier
from threadpoolctl import threadpool_limits

from core.weights import CRITERIA, RESONANCE, Curve, Weights
from jobs.pairs import Floats, Pairs, logs, splits

# The count from which on nobody gains more: stated, so that scores do not move with the data.
REFERENCES = dict.fromkeys(CRITERIA, 1_000_000) | {"followers_count": 100_000_000}

TREES = 100
LEAF = 5

# Criteria that share a curve. Retweets and mentions received rise together (rank correlation .94), so that the pairs
# cannot say which of the two it was.
SHARING = (("followers_count",), ("listed_count",), ("tweet_count",), RESONANCE)
LEAST = 0.01  # rise of a curve, in log-odds for each e-fold more: small, but nobody who gains stands still
RIDGE = 10.0  # holds slopes down; it costs no AUC, and spreads people over the scale better than less of it
SMOOTH = (1.0, 10.0, 100.0)  # how much bends of a curve cost; which, the pairs themselves decide
INNER = 5  # folds by which they do

Method = Callable[[Pairs, Floats, int], Weights]


def forest(pairs: Pairs, weight: Floats, seed: int) -> Weights:
    """Make the importances of a random forest the points that a criterion gives at its reference.

    The forest sees each pair from both sides, as differences on the log1p scale. A curve is one straight rise.
    """
    leads = logs(pairs.a) - logs(pairs.b)
    grown = RandomForestClassifier(TREES, min_samples_leaf=LEAF, random_state=seed, n_jobs=-1).fit(
        np.concatenate([leads, -leads]),
        np.concatenate([pairs.chosen, 1 - pairs.chosen]),
        np.concatenate([weight, weight]),
    )
    knots = {name: np.log1p([0.0, count]) for name, count in REFERENCES.items()}
    gains = {name: np.array([gain]) for name, gain in zip(CRITERIA, grown.feature_importances_, strict=True)}
    return drawn("forest", knots, gains)


# On more threads so small a sum of products takes no less time, and many times more where others compute beside.
@threadpool_limits.wrap(limits=1)
def additive(pairs: Pairs, weight: Floats, _seed: int) -> Weights:
    """Fit curves such that by how much one person's sum of points exceeds another's is the log-odds of the choice.

    A logistic regression without intercept, so that A and B are treated alike. The curves rise, and bend down only:
    more never lowers a score, and each e-fold more helps at most as much as the one before. How stiff they are is
    decided within the pairs.
    """
    knots = grids(pairs)
    rises, sizes = ways(pairs.a, knots) - ways(pairs.b, knots), [len(grid) - 1 for grid in knots]
    slopes = fitted(rises, pairs.chosen, weight, sizes, stiffness(pairs, rises, weight, sizes))
    gains = [slope * np.diff(grid) for slope, grid in zip(np.split(slopes, np.cumsum(sizes)[:-1]), knots, strict=True)]
    of = {name: group for group, names in enumerate(SHARING) for name in names}
    return drawn("additive", {name: knots[of[name]] for name in CRITERIA}, {name: gains[of[name]] for name in CRITERIA})


def drawn(method: str, knots: Mapping[str, Floats], gains: Mapping[str, Floats]) -> Weights:
    """Return the curves with the given gains between knots, scaled so that all together give at most 100."""
    whole = sum(float(gain.sum()) for gain in gains.values())
    points = {name: np.concatenate([[0.0], 100 / whole * np.cumsum(gain)]) for name, gain in gains.items()}
    curves = {name: Curve(rounded(knots[name]), rounded(points[name])) for name in CRITERIA}
    return Weights.of(method, curves)


def rounded(values: Floats) -> tuple[float, ...]:
    """Return values as they are kept."""
    return tuple(round(float(value), 6) for value in values)


def grids(pairs: Pairs) -> list[Floats]:
    """Return the knots of each curve: every whole number on the scale of ln(1 + count), from the least count seen."""
    least = [math.floor(np.log1p(pairs.everyone[list(names)].to_numpy().min())) for names in SHARING]
    tops = [math.log1p(REFERENCES[names[0]]) for names in SHARING]
    return [np.append(np.arange(low, top - 0.5), top) for low, top in zip(least, tops, strict=True)]


def ways(counts: pd.DataFrame, knots: list[Floats]) -> Floats:
    """Return how far people have come between each two knots, added up over the criteria that share a curve."""
    z = dict(zip(CRITERIA, logs(counts).T, strict=True))
    come = [
        np.sum([(z[name][:, None] - grid[:-1]).clip(0, np.diff(grid)) for name in names], axis=0)
        for names, grid in zip(SHARING, knots, strict=True)
    ]
    return np.hstack(come)


def stiffness(pairs: Pairs, rises: Floats, weight: Floats, sizes: list[int]) -> float:
    """Return which of SMOOTH tells best whom others chose, of people not seen."""

    def surprise(smooth: float) -> float:
        total = 0.0
        for seen, unseen in splits(pairs, INNER, seed=0):
            slopes = fitted(rises[seen], pairs.chosen[seen], weight[seen], sizes, smooth)
            total += float(weight[unseen] @ surprises(rises[unseen] @ slopes, pairs.chosen[unseen]))
        return total

    return min(SMOOTH, key=surprise)


def fitted(rises: Floats, chosen: Floats, weight: Floats, sizes: list[int], smooth: float) -> Floats:
    """Return the slopes between knots that make the choices least surprising, at the price of what bends.

    A slope is LEAST and all the steps, none below 0, from there to the curve's end: so it never rises.
    """
    steps = block_diag(*(np.triu(np.ones((size, size))) for size in sizes))
    bends = [np.diff(np.eye(size), axis=0) for size in sizes]
    price = block_diag(*(RIDGE * np.eye(len(bend.T)) + smooth * bend.T @ bend for bend in bends))

    def cost(step: Floats) -> tuple[float, Floats]:
        slope = LEAST + steps @ step
        lead = rises @ slope
        paid = price @ slope
        gradient = rises.T @ (weight * (expit(lead) - chosen)) + paid
        return weight @ surprises(lead, chosen) + slope @ paid / 2, steps.T @ gradient

    start, bounds = np.full(len(steps), 0.05), [(0.0, None)] * len(steps)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 5000, "ftol": 1e-10})
    slopes: Floats = LEAST + steps @ found.x
    return slopes


def surprises(lead: Floats, chosen: Floats) -> Floats:
    """Return minus the log of the probability that each choice had."""
    return np.logaddexp(0, lead) - chosen * lead


METHODS: dict[str, Method] = {"additive": additive, "forest": forest}
