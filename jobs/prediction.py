"""Predicts the next steps of many series from what they were: pure, on arrays of steps by series.

Two ways need no learning: `persistence`, all stays as it is, and `mean`, all returns to its mean of four weeks. The
third, `model`, adds to persistence what was learnt of how such series move on: a ridge regression, which without
evidence learns nothing and so is persistence again. NaN stands for what is not known.

Whatever is said at a step rests on what was known at that step: what was learnt, how far a way is usually off, and
which way is shown. All of it comes out of predictions that had matured by then; `actual` alone is of the future.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

Array = NDArray[np.float64]
Predictions = Mapping[str, Array]

WAYS = ("model", "persistence", "mean")
FIRST, LISTED = 5, 10  # the best that a prediction is judged by, and that are told
LEAST_STEPS, LEAST_ACTIVE = 8, 3  # weeks of history; of the last eight, in which somebody was there
LEAST_MATURED = {"people": 6, "days": 14}  # predictions that the model is judged by before it may be shown
RECENT = 42  # days whose errors make an interval: the model learns, and early errors are not its errors now
LEAST_ERRORS, LEAST_CHANCES = 10, 30  # predictions behind an interval, and behind a chance
COVERED = 0.8  # of what comes true, that lies in the intervals
BETTER = 0.95  # of persistence's error, that the model's must not exceed
STIFF = 0.005  # how much evidence the regression wants
PEOPLE = ["step", "group", "way", "place", "series", "expected", "low", "high", "chance", "shown"]
DAYS = ["step", "series", "ahead", "way", "expected", "low", "high", "shown"]


def horizon(steps: int, longest: int) -> int:
    """Return how many steps may be looked ahead: a third of the history at most; 0 with too little of it."""
    return min(longest, steps // 3) if steps >= LEAST_STEPS else 0


def past(values: Array, steps: int, what: str = "mean") -> Array:
    """Return the mean or the max of the last steps at each step, of those that are known."""
    return np.asarray(getattr(pd.DataFrame(values).rolling(steps, min_periods=1), what)())


def latest(values: Array) -> Array:
    """Return what is last known at each step."""
    return np.asarray(pd.DataFrame(values).ffill())


def learnt(values: Array, traits: Array, among: NDArray[np.bool_], ahead: int) -> Array:
    """Return what a ridge regression predicts at each step for `ahead` steps later, learnt from what had matured.

    `traits` (steps x series x traits) is what is known of a series at a step, relative to its latest value; `among`
    says which series count when. Linear in steps and series: what was learnt by a step is added to, never done anew.
    """
    now, known, width = latest(values), np.nan_to_num(traits), traits.shape[2]
    squares, products = np.zeros((width, width)), np.zeros(width)
    predicted = np.full_like(now, np.nan)
    for step in range(len(values)):
        if step >= ahead:
            moved = values[step] - now[step - ahead]
            use = among[step - ahead] & ~np.isnan(moved)
            rows = known[step - ahead][use]
            squares += rows.T @ rows
            products += rows.T @ moved[use]
        stiff = (STIFF * np.trace(squares) + 1e-9) * np.eye(width)
        predicted[step] = now[step] + known[step] @ np.linalg.solve(squares + stiff, products)
    return predicted


def people_ways(values: Array, ahead: int) -> tuple[Predictions, NDArray[np.bool_]]:
    """Return what each way predicts of people's weekly scores, 0 where somebody is not there, and who counts when."""
    now, there = latest(values), (values > 0).astype(float)
    weeks = np.minimum(8, np.arange(len(values)) + 1)[:, None]
    among = (past(there, 8) * weeks >= LEAST_ACTIVE) & ~np.isnan(values)
    far, near = past(values, 8), past(values, 4)
    relative = (past(values, 2) - now, near - now, far - now, past(values, 8, "max") - now, near - far)
    traits = np.stack([*relative, (1 - past(there, 8)) * now, np.ones_like(now)], axis=2)
    ways = {"model": learnt(values, traits, among, ahead).clip(0, 100), "persistence": now, "mean": near}
    return ways, among


def people(values: Array, groups: NDArray[np.int64], ahead: int) -> pd.DataFrame:
    """Tell at each step who will be the first of each group `ahead` steps later, by each way, and how sure that is.

    `values` are scores of 0 to 100, `groups` says to which group a series belongs; the model learns from all of them.
    Columns: PEOPLE, and `actual` and `actual_place`, NaN while the time has not come. Of each way those LISTED are
    told; `shown` are those of the model where it has proved itself in its group by then, else those of persistence.
    """
    ways, among = people_ways(values, ahead)
    future = np.vstack([values[ahead:], np.full((ahead, values.shape[1]), np.nan)])
    rows = pd.concat([listed(values, ways, among, mine, future) for mine in members(groups)], ignore_index=True)
    rows = with_chances(with_intervals(rows, ahead), ahead)
    errors = {way: grouped_error(predicted, future, among, groups) for way, predicted in ways.items()}
    recalls = {way: recall(rows[rows["way"] == way]).where(off.notna()) for way, off in errors.items()}
    least = LEAST_MATURED["people"]
    trusted = proved(errors, ahead, least) & no_lower(recalls, ahead, least)
    return shown(rows, trusted, "group")[[*PEOPLE, "actual", "actual_place"]]


def members(groups: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """Return each group with its series."""
    return [(int(group), np.flatnonzero(groups == group)) for group in np.unique(groups)]


def listed(
    values: Array,
    ways: Predictions,
    among: NDArray[np.bool_],
    mine: tuple[int, NDArray[np.int64]],
    future: Array,
) -> pd.DataFrame:
    """Return the LISTED of one group at each step by each way, with what became of them.

    Who was not there in LEAST_ACTIVE of eight weeks may be listed only for being among the first LISTED now.
    """
    group, series = mine
    found = []
    for step in range(LEAST_ACTIVE - 1, len(values)):
        now, later = values[step, series], future[step, series]
        if np.isnan(now).all():
            continue
        may = (among[step, series] | (ranks(now) <= LISTED)) & (now + ways["mean"][step, series] > 0)
        true_ranks = ranks(later)
        for way, predicted in ways.items():
            worth = np.where(may, predicted[step, series], -np.inf)
            best = np.argsort(-worth, kind="stable")[: min(LISTED, int(may.sum()))]
            entry = worth[np.argsort(-worth, kind="stable")[FIRST - 1 : FIRST + 1]].mean() if may.sum() > FIRST else 0.0
            told = {"step": step, "group": group, "way": way, "place": np.arange(1, len(best) + 1)}
            told |= {"series": series[best], "expected": worth[best], "margin": worth[best] - entry}
            found.append(pd.DataFrame(told | {"actual": later[best], "actual_place": true_ranks[best]}))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def ranks(values: Array) -> Array:
    """Return places from 1, the highest first; whose value is 0 has none, which is infinity, and NaN is unknown."""
    places = pd.Series(-values).rank(method="first").to_numpy()
    return np.where(np.isnan(values), np.nan, np.where(values > 0, places, np.inf))


def right(rows: pd.DataFrame) -> pd.Series:
    """Say which rows name somebody as one of the FIRST who came to be one."""
    return ((rows["place"] <= FIRST) & (rows["actual_place"] <= FIRST)).astype(float)


def recall(rows: pd.DataFrame) -> pd.DataFrame:
    """Return which share of the FIRST was named, step by group."""
    return right(rows).groupby([rows["step"], rows["group"]]).sum().unstack() / FIRST


def with_intervals(rows: pd.DataFrame, ahead: int) -> pd.DataFrame:
    """Add `low` and `high`: as far off as COVERED of the same way's predictions that had matured were at most.

    Split conformal: the intervals are as wide to both sides, so that cutting them at 0 and 100 costs no coverage.
    """
    off = (rows["expected"] - rows["actual"]).abs().to_numpy()
    widths = np.full(len(rows), np.nan)
    for told, matured in matured_by(rows, ahead):
        if len(matured) >= LEAST_ERRORS:
            place = min(len(matured), int(np.ceil((len(matured) + 1) * COVERED))) - 1
            widths[told] = np.sort(off[matured])[place]
    low, high = rows["expected"] - widths, rows["expected"] + widths
    return rows.assign(low=low.clip(0, 100), high=high.clip(0, 100))


def with_chances(rows: pd.DataFrame, ahead: int) -> pd.DataFrame:
    """Add the `chance` to be one of the FIRST: how often somebody as far above or below the fifth place was.

    An isotonic regression on the same way's predictions that had matured; nobody is sure to come or to fail.
    """
    margin, came = rows["margin"].to_numpy(), (rows["actual_place"] <= FIRST).to_numpy(dtype=float)
    chances = np.full(len(rows), np.nan)
    for told, matured in matured_by(rows, ahead):
        if len(matured) >= LEAST_CHANCES:
            curve = IsotonicRegression(y_min=0.02, y_max=0.98, out_of_bounds="clip")
            chances[told] = curve.fit(margin[matured], came[matured]).predict(margin[told])
    return rows.assign(chance=chances)


def matured_by(rows: pd.DataFrame, ahead: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the places of each way's rows of each step, and of those of the same way that had matured by then."""
    known = rows["actual"].notna().to_numpy()
    for way in WAYS:
        mine = np.flatnonzero(rows["way"] == way)
        mine = mine[np.argsort(rows["step"].to_numpy()[mine], kind="stable")]
        steps = rows["step"].to_numpy()[mine]
        for step in np.unique(steps):
            first, last = np.searchsorted(steps, [step, step + 1])
            before = mine[: np.searchsorted(steps, step - ahead, side="right")]
            yield mine[first:last], before[known[before]]


def grouped_error(predicted: Array, future: Array, among: NDArray[np.bool_], groups: NDArray[np.int64]) -> pd.DataFrame:
    """Return how far off a way was, step by group: the mean over all who count; NaN while the time has not come."""
    off = pd.DataFrame(np.where(among, np.abs(predicted - future), np.nan))
    return off.T.groupby(groups).mean().T


def proved(errors: Mapping[str, pd.DataFrame], ahead: int, least: int) -> pd.DataFrame:
    """Say at each step where the model's mean error is clearly below persistence's, and not above the mean's."""
    model, persistence, mean = (so_far(errors[way], ahead, least) for way in WAYS)
    return (model < BETTER * persistence) & (model <= mean)


def no_lower(recalls: Mapping[str, pd.DataFrame], ahead: int, least: int) -> pd.DataFrame:
    """Say at each step where the model found as many of the FIRST as both others, or more."""
    model, persistence, mean = (so_far(recalls[way], ahead, least) for way in WAYS)
    return (model >= persistence) & (model >= mean)


def so_far(figures: pd.DataFrame, ahead: int, least: int) -> pd.DataFrame:
    """Return at each step the mean of those figures that had matured; NaN while they are too few."""
    return figures.shift(ahead).expanding(min_periods=least).mean()


def shown(rows: pd.DataFrame, trusted: pd.DataFrame, of: str) -> pd.DataFrame:
    """Mark the rows that are to be shown: the model's where it is trusted, else those of persistence."""
    trust = trusted.rename_axis("step").melt(var_name=of, value_name="trust", ignore_index=False).reset_index()
    joined = rows.merge(trust, how="left", on=["step", of])
    way = np.where(joined["trust"].fillna(value=False).astype(bool), "model", "persistence")
    return joined.assign(shown=joined["way"] == way)


def days_ways(values: Array, ahead: int) -> Predictions:
    """Return what each way predicts of daily figures."""
    now, month, week = latest(values), past(values, 28), past(values, 7)
    # What the weekday asked for was in the last four weeks; NaN, that is nothing, in the first one.
    back = 7 * -(-ahead // 7) - ahead
    weekdays = [shifted(values, back + 7 * weeks) for weeks in range(4)]
    weekday = np.asarray(
        pd.concat([pd.DataFrame(one).stack(future_stack=True) for one in weekdays], axis=1).mean(axis=1)
    )
    relative = (week - now, month - now, weekday.reshape(values.shape) - now, past(values, 3) - now)
    traits = np.stack([*relative, np.ones_like(now)], axis=2)
    model = learnt(values, traits, ~np.isnan(values), ahead)
    return {"model": model, "persistence": now, "mean": month}


def shifted(values: Array, steps: int) -> Array:
    """Return what was so many steps earlier."""
    return np.asarray(pd.DataFrame(values).shift(steps))


def scale(values: Array, ahead: int) -> Array:
    """Return how far each series moved in `ahead` steps, on the mean of all that was known at each step.

    It is what persistence is off within the history, by which MASE divides an error (Hyndman and Koehler 2006).
    """
    return np.asarray(pd.DataFrame(np.abs(values - shifted(values, ahead))).expanding().mean())


def days(values: Array, longest: int) -> pd.DataFrame:
    """Tell at each step how each series goes on, 1 to `longest` steps ahead, by each way, and how sure that is.

    Columns: DAYS and `actual`. Each series is judged by itself, and by the error alone.
    """
    return pd.concat([days_ahead(values, ahead) for ahead in range(1, longest + 1)], ignore_index=True)


def days_ahead(values: Array, ahead: int) -> pd.DataFrame:
    """Tell it for one distance."""
    ways = days_ways(values, ahead)
    future = np.vstack([values[ahead:], np.full((ahead, values.shape[1]), np.nan)])
    errors = {way: pd.DataFrame(np.abs(predicted - future)) for way, predicted in ways.items()}
    rows = []
    for way, predicted in ways.items():
        # As wide as COVERED of this series' RECENT errors by then, as in `with_intervals`.
        matured = errors[way].shift(ahead).rolling(RECENT, LEAST_ERRORS)
        widths = matured.quantile(COVERED, interpolation="higher").to_numpy()
        columns = {"expected": predicted, "low": predicted - widths, "high": predicted + widths, "actual": future}
        step, series = np.indices(values.shape)
        told = {"step": step, "series": series} | columns
        rows.append(pd.DataFrame({name: one.ravel() for name, one in told.items()}).assign(way=way, ahead=ahead))
    known = pd.concat(rows, ignore_index=True).dropna(subset=["expected"])
    return shown(known, proved(errors, ahead, LEAST_MATURED["days"]), "series")[[*DAYS, "actual"]]


def scored(rows: pd.DataFrame, of: list[str]) -> dict[str, Any]:
    """Judge predictions that have matured: the scorecard, in names that are stable for scripts.

    `of` names what makes one prediction of several rows. `error` is the mean distance from what came true, `mase` the
    same as a multiple of the rows' `scale`; `recall_at_5` how many of the first five were named as such, `ndcg_at_5`
    how well in order; `coverage` how much lay in the intervals shown.
    """
    known = rows[rows["actual"].notna()]
    by_way = {"shown": known[known["shown"]], **{way: known[known["way"] == way] for way in WAYS}}
    found: dict[str, Any] = {"forecasts": int(by_way["shown"].groupby(of).ngroups)}
    off = {way: (some["expected"] - some["actual"]).abs() for way, some in by_way.items()}
    found["error"] = {way: mean_of(one) for way, one in off.items()}
    if "scale" in rows:
        found["mase"] = {way: mean_of(one / known["scale"].where(known["scale"] > 0)) for way, one in off.items()}
    if "place" in rows:
        found["recall_at_5"] = {
            way: mean_of(right(some).groupby([some[name] for name in of]).sum() / FIRST) for way, some in by_way.items()
        }
        found["ndcg_at_5"] = {way: mean_of(ndcg(some, of)) for way, some in by_way.items()}
        told = by_way["shown"].dropna(subset=["chance"])
        found["brier"] = mean_of(((told["actual_place"] <= FIRST) - told["chance"]) ** 2)
    bounded = by_way["shown"].dropna(subset=["low"])
    found["intervals"] = len(bounded)
    found["coverage"] = mean_of((bounded["low"] <= bounded["actual"]) & (bounded["actual"] <= bounded["high"]))
    found["model_shown"] = mean_of(by_way["shown"]["way"] == "model")
    return found


def ndcg(rows: pd.DataFrame, of: list[str]) -> pd.Series:
    """Return the normalised discounted cumulative gain of each prediction's FIRST (Järvelin and Kekäläinen 2002).

    Who came to be first is worth FIRST, the next one less, and whoever is not among them nothing.
    """
    worth = (FIRST + 1 - rows["actual_place"]).clip(lower=0) / np.log2(rows["place"] + 1)
    best = sum((FIRST + 1 - place) / np.log2(place + 1) for place in range(1, FIRST + 1))
    gained: pd.Series = worth.where(rows["place"] <= FIRST, 0).groupby([rows[name] for name in of]).sum() / best
    return gained


def mean_of(figures: Any) -> float | None:
    """Return a mean, None of nothing."""
    return None if pd.isna(figures.mean()) else round(float(figures.mean()), 4)
