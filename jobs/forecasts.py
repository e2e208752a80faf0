"""Tells each keyword's next weeks and days, keeps what it told, and judges it when its time has come.

Once a day: of people their weekly influence, the mean score of a week's days; of each keyword its tweets and its mood
by day, in UTC. A day that we did not listen to for an hour is not known, and neither is a week without scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from core import queries, store
from core.config import TalkerError
from jobs import prediction
from jobs.prediction import Array

DAY, WEEK = timedelta(days=1), timedelta(days=7)
WEEKS, DAYS = 104, 400  # of history at most
WEEKS_AHEAD, DAYS_AHEAD = 4, 7
DEAF = timedelta(hours=1)  # of a day: with more, its counts say too little
LEAST_SCORED = 10  # tweets, below which a day's mood is not known
COLUMNS = ["keyword", "week", "author", "score"]  # of a history in a file


class HistoryError(TalkerError):
    """A file that does not hold a history of scores."""


@dataclass(frozen=True)
class History:
    """What is known of people or of keywords: steps by series, and until when.

    `series` names each column: the keyword, and of people the author. `start` is when the first step began.
    """

    values: Array
    series: pd.DataFrame
    start: datetime
    step: timedelta

    @property
    def end(self) -> datetime:
        """When the last step ended: the origin of what is told now."""
        return self.start + self.step * len(self.values)

    def known(self, columns: Any) -> int:
        """Return of how many steps something is known of some series."""
        return int((~np.isnan(self.values[:, columns])).any(axis=1).sum())


@dataclass(frozen=True)
class Told:
    """What is told of one keyword, and how the same predictions fared at earlier times; or why nothing is."""

    keyword: Any
    ahead: int
    history: int
    rows: pd.DataFrame
    backtest: pd.DataFrame
    refused: str | None = None


def run(engine: Engine, now: datetime) -> int:
    """Tell what is due to be told and judge what has come due; returns how many forecasts were made."""
    with engine.connect() as connection:
        if connection.execute(queries.foretold_since(midnight_before(now))).first():
            return 0
    histories = from_database(engine, now)
    runs, rows = [], []
    for subject, history in histories.items():
        for told in foretold(subject, history):
            key = {"keyword_id": int(told.keyword), "subject": subject, "origin": history.end}
            runs.append(key | run_row(told))
            rows += [key | row for row in forecast_rows(history, told)]
    judge(engine, histories)
    return store.save_forecasts(engine, runs, rows)


def run_row(told: Told) -> dict[str, Any]:
    """Return what is kept of one telling beside its rows."""
    back = scorecard(told.backtest) if len(told.backtest) else {}
    return {"ahead": told.ahead, "history": told.history, "refused": told.refused, "backtest": back}


def scorecard(backtest: pd.DataFrame) -> dict[str, Any]:
    """Return how predictions at earlier times fared."""
    one = [name for name in ("step", "keyword", "ahead") if name in backtest]
    return prediction.scored(backtest, one)


def people_history(engine: Engine, monday: datetime) -> History:
    """Read the weekly scores up to a Monday."""
    with engine.connect() as connection:
        rows = connection.execute(queries.weekly_scores(monday - WEEK * WEEKS, monday))
        found = pd.DataFrame(rows.all(), columns=list(rows.keys()))
    return scores_history(found.rename(columns={"keyword_id": "keyword", "author_id": "author"}), monday)


def scores_history(found: pd.DataFrame, end: datetime | None = None) -> History:
    """Return scores as a history: 0 where somebody is not there, NaN before the keyword and in weeks without scores."""
    if found.empty:
        return History(np.empty((0, 0)), pd.DataFrame(columns=["keyword", "author"]), end or queries.EPOCH, WEEK)
    weeks = pd.to_datetime(found["week"], utc=True)
    last = pd.Timestamp(end) if end else weeks.max() + WEEK
    table = found.assign(week=weeks).pivot_table("score", "week", ["keyword", "author"])
    table = table.fillna(0).reindex(pd.date_range(weeks.min(), last - WEEK, freq="7D"))
    begun = found.assign(week=weeks).groupby("keyword")["week"].min()
    values, series = table.to_numpy(copy=True), table.columns.to_frame(index=False)
    before = table.index.to_numpy()[:, None] < series["keyword"].map(begun).to_numpy()[None, :]
    values[before] = np.nan
    return History(values, series, table.index[0].to_pydatetime(), WEEK)


def days_histories(engine: Engine, midnight: datetime) -> dict[str, History]:
    """Read each tracked keyword's tweets and mood by day, up to a midnight."""
    edges = [midnight - DAY * back for back in reversed(range(DAYS + 1))]
    with engine.connect() as connection:
        keywords = connection.execute(queries.keywords()).all()
        deaf = unheard(connection.execute(queries.gaps(edges[0], midnight)).all(), edges)
        trends = [connection.execute(queries.trend(keyword.id, edges)).mappings().all() for keyword in keywords]
    series = pd.DataFrame({"keyword": [keyword.id for keyword in keywords]})
    days = [by_day(pd.DataFrame(rows), deaf) for rows in trends]
    told = {
        name: np.column_stack([one[name] for one in days]) if days else np.empty((0, 0)) for name in ("tweets", "mood")
    }
    return {name: History(values, series, edges[0] if days else midnight, DAY) for name, values in told.items()}


def by_day(rows: pd.DataFrame, deaf: Array) -> pd.DataFrame:
    """Return the tweets and the mood of each day from bins of the trend; the first day was not whole: it is NaN."""
    days = pd.DataFrame({"tweets": np.zeros(len(deaf)), "mood": np.nan})
    if rows.empty:
        return days.assign(tweets=np.nan)
    scored = rows[rows["label"].notna()].groupby("bin")[["tweets", "sentiment_sum"]].sum().astype(float)
    enough = scored[scored["tweets"] >= LEAST_SCORED]
    days["tweets"] = rows.groupby("bin")["estimated"].sum().reindex(days.index, fill_value=0.0)
    days["mood"] = enough["sentiment_sum"] / enough["tweets"]
    days[(days.index <= rows["bin"].min()) | (deaf > DEAF / DAY)] = np.nan
    return days


def unheard(gaps: Iterable[Any], edges: list[datetime]) -> Array:
    """Return which part of each day nobody listened, gaps that were filled left out."""
    parts = np.zeros(len(edges) - 1)
    for gap in gaps:
        if gap.filled_by is None:
            for place, (start, end) in enumerate(pairwise(edges)):
                missed = min(end, gap.ended_at or end) - max(start, gap.started_at)
                parts[place] += max(0.0, missed / DAY)
    return parts


def foretold(subject: str, history: History) -> Iterator[Told]:
    """Tell each keyword's future, as far as its own history allows, which is known to a third of it."""
    longest, what = (WEEKS_AHEAD, "weeks") if subject == "people" else (DAYS_AHEAD, "days")
    keywords = history.series["keyword"].to_numpy()
    known = {keyword: history.known(keywords == keyword) for keyword in pd.unique(keywords)}
    aheads = {keyword: prediction.horizon(steps, longest) for keyword, steps in known.items()}
    for ahead in sorted(set(aheads.values()) - {0}):
        rows = predicted(subject, history, ahead)
        for keyword in [one for one, its in aheads.items() if its == ahead]:
            mine = rows[rows["keyword"] == keyword]
            last, first = len(history.values) - 1, max(prediction.LEAST_STEPS, 3 * ahead)
            learnt = np.cumsum((~np.isnan(history.values[:, keywords == keyword])).any(axis=1))
            may = pd.Series(learnt >= first).reindex(mine["step"]).to_numpy(dtype=bool)
            yield Told(keyword, ahead, known[keyword], mine[mine["step"] == last], mine[may & mine["actual"].notna()])
    for keyword in [one for one, ahead in aheads.items() if not ahead]:
        why = f"It takes {prediction.LEAST_STEPS} {what} of history; there are {known[keyword]}."
        yield Told(keyword, 0, known[keyword], pd.DataFrame(), pd.DataFrame(), why)


def predicted(subject: str, history: History, ahead: int) -> pd.DataFrame:
    """Return the predictions of every step with the keyword of each, in the units that people read."""
    keywords = history.series["keyword"].to_numpy()
    if subject == "people":
        groups, names = pd.factorize(keywords)
        rows = prediction.people(history.values, groups, ahead).assign(ahead=ahead)
        return rows.assign(keyword=np.asarray(names)[rows["group"]], scale=scales(history.values, rows))
    # Tweets move by shares, not by numbers: twice as many is as far as half as many.
    values = np.log1p(history.values) if subject == "tweets" else history.values
    rows = prediction.days(values, ahead)
    units = ["expected", "low", "high", "actual"]
    told = rows[units].apply(np.expm1).clip(lower=0) if subject == "tweets" else rows[units].clip(-1, 1)
    return rows.assign(**told, keyword=keywords[rows["series"]], scale=scales(history.values, rows))


def scales(values: Array, rows: pd.DataFrame) -> Array:
    """Return by what each prediction's error is divided."""
    found = np.stack([prediction.scale(values, ahead) for ahead in range(1, int(rows["ahead"].max()) + 1)])
    return np.asarray(found[rows["ahead"] - 1, rows["step"], rows["series"]])


def forecast_rows(history: History, told: Told) -> Iterator[dict[str, Any]]:
    """Return what is told now as rows of `forecast`, without their key's first part."""
    for row in told.rows.to_dict("records"):
        steps = row.get("ahead", told.ahead)
        figures = {name: nothing(row.get(name)) for name in ("expected", "low", "high", "chance")}
        author = int(history.series["author"][row["series"]]) if "author" in history.series else None
        yield {
            "due": history.end + history.step * steps,
            "way": row["way"],
            "place": int(row.get("place", 1)),
            "author_id": author,
            **figures,
            "shown": bool(row["shown"]),
        }


def nothing(figure: float | None) -> float | None:
    """Return a figure, None where it is not known."""
    return None if figure is None or np.isnan(figure) else float(figure)


def judge(engine: Engine, histories: dict[str, History]) -> None:
    """Keep what came of the forecasts whose time has come, of people their score and place."""
    with engine.connect() as connection:
        due = max(history.end for history in histories.values())
        waiting = connection.execute(queries.unjudged(due)).mappings().all()
    judged = (row | outcome(histories[row["subject"]], row) for row in map(dict, waiting))
    store.judge_forecasts(engine, [row for row in judged if row["actual"] is not None])


def outcome(history: History, row: dict[str, Any]) -> dict[str, Any]:
    """Return what came of one forecast, None while it is not known."""
    step = (row["due"] - history.start) // history.step - 1
    mine = np.flatnonzero(history.series["keyword"] == row["keyword_id"])
    if not (0 <= step < len(history.values)) or not len(mine) or np.isnan(history.values[step, mine]).all():
        return {"actual": None, "actual_place": None}
    values = history.values[step, mine]
    if row["author_id"] is None:
        return {"actual": float(values[0]), "actual_place": None}
    him = np.flatnonzero(history.series["author"].iloc[mine] == row["author_id"])
    if not len(him) or not values[him[0]]:
        return {"actual": 0.0, "actual_place": None}
    return {"actual": float(values[him[0]]), "actual_place": int(prediction.ranks(values)[him[0]])}


def backtest(histories: dict[str, History]) -> dict[str, Any]:
    """Return how predictions would have fared at every earlier time, all keywords together: the command's answer."""
    found = {}
    for subject, history in histories.items():
        told = list(foretold(subject, history))
        unit = "weeks" if subject == "people" else "days"
        rows = [one.backtest for one in told if len(one.backtest)]
        found[subject] = {
            f"history_{unit}": max((one.history for one in told), default=0),
            f"horizon_{unit}": max((one.ahead for one in told), default=0),
            "keywords": len({one.keyword for one in told}),
            "refused": {str(one.keyword): one.refused for one in told if one.refused},
            **(scorecard(pd.concat(rows)) if rows else {"forecasts": 0}),
        }
    return found


def from_file(csv: Path) -> dict[str, History]:
    """Read a history of people's weekly scores from a file with the COLUMNS.

    Raises:
        HistoryError: it has other columns, or what is no week or no score.
    """
    try:
        found = pd.read_csv(csv, usecols=COLUMNS).assign(week=lambda rows: pd.to_datetime(rows["week"], utc=True))
        return {"people": scores_history(found.astype({"score": float}))}
    except (ValueError, pd.errors.ParserError) as error:
        raise HistoryError(f"{csv} is no history with the columns {', '.join(COLUMNS)}: {error}") from error


def from_database(engine: Engine, now: datetime) -> dict[str, History]:
    """Read all histories up to a time."""
    midnight = midnight_before(now)
    return {"people": people_history(engine, midnight - DAY * midnight.weekday()), **days_histories(engine, midnight)}


def midnight_before(now: datetime) -> datetime:
    """Return when a time's day began."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
