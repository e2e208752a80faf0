"""What a page shows, as rows for a spreadsheet: the numbers of the screen, and no text that would run as a formula."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core import alerts as kept
from core import queries
from core.accounts import Visitor
from panel_app import (
    advice,
    alerts,
    compare,
    data,
    forecast,
    influencer_map,
    influencers,
    look,
    patterns,
    topics,
    totals,
    trend,
    words,
)
from panel_app.selection import ALL, COMMON, Selection, View

# A cell that begins so is a formula to a spreadsheet (OWASP, CSV injection); the wide forms are taken for them, too.
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
BEHIND_A_WORD = 100  # tweets, the newest


@dataclass(frozen=True)
class Sheet:
    """Rows under the names of their columns, and the ids of the tweets and people whose content is in them."""

    name: str
    rows: pd.DataFrame
    tweet_ids: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()

    @property
    def objects(self) -> int:
        """How many tweets and people X counts in this file."""
        return len(self.tweet_ids) + len(self.user_ids)

    def ids(self) -> Sheet:
        """Return the same tweets and people as ids only, of which X allows many more."""
        kinds = {"tweet": self.tweet_ids, "user": self.user_ids}
        rows = [{"kind": kind, "id": one} for kind, ids in kinds.items() for one in ids]
        return Sheet(f"{self.name}-ids", pd.DataFrame(rows, columns=["kind", "id"]))


def cell(value: Any) -> Any:
    """Return a value as it may stand in a file: nothing for unknown, text that no spreadsheet takes for a formula."""
    if not isinstance(value, str):
        # A frame makes fractions of counts when one of them is unknown.
        return "" if pd.isna(value) else int(value) if float(value).is_integer() else value
    return f"'{value}" if value.startswith(FORMULA) else value


def written(rows: pd.DataFrame) -> str:
    """Return rows as CSV: numbers bare, every text in quotes."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([cell(name) for name in rows.columns])
    for row in rows.astype(object).itertuples(index=False, name=None):
        writer.writerow([cell(value) for value in row])
    return file.getvalue()


def overview_sheet(view: View) -> Sheet:
    """Return the figures of the range and of the one before."""
    rows = []
    for name, (start, end) in (("this range", (view.start, view.end)), ("the range before", view.before)):
        found = totals.of(view, start, end)
        times = {"from": look.clock(start, view.zone), "to": look.clock(end, view.zone), "zone": view.zone}
        counts = {column: int(found[column]) for column in ("tweets", "voices", "scored")}
        mean = rounded(found["sentiment"] if found["scored"] else None)
        rows.append({"range": name, **times, **counts, "mean sentiment": mean, "percent read": int(found["percent"])})
    return Sheet("overview", pd.DataFrame(rows))


def influence_sheet(view: View) -> Sheet:
    """Return the top influencers of each mood, with their scores and what the scores are made of."""
    found = influencers.top(view).iloc[: 0 if view.sensitive else None]
    counts = ("followers_count", "listed_count", "tweet_count", "retweet_count", "like_count", "mentions", "tweets")
    rows = [
        {
            "mood": look.MOODS[int(row["label"])],
            **{name: row[name] for name in ("rank", "name", "username", "author_id")},
            **{name: rounded(row[name], 1) for name in ("score", "reach", "resonance")},
            **{name: row[name] for name in counts},
            "mean sentiment": rounded(row["sentiment"]),
            "scored": row["scored"],
            "tweet_id": row["tweet_id"],
            "tweet": text(row["text"]),
        }
        for row in look.rows(found)
    ]
    names = ["mood", "rank", "name", "username", "author_id", "score", "reach", "resonance", *counts]
    table = pd.DataFrame(rows, columns=[*names, "mean sentiment", "scored", "tweet_id", "tweet"])
    return Sheet("influence-score", table, distinct(found["tweet_id"]), distinct(found["author_id"]))


def map_sheet(view: View) -> Sheet:
    """Return how many influencers of each mood are where, and how sure that is: of places, not of people."""
    found = influencer_map.places(view)
    found = found.assign(place=found["place"].where(found["latitude"].notna()).fillna("unknown"))
    known = found[found["label"].notna()]
    grouped = known.groupby(["place", "label"], as_index=False).agg(
        influencers=("score", "size"), highest=("score", "max"), sure=("place_confidence", "mean")
    )
    rows = pd.DataFrame(
        {
            "place": grouped["place"],
            "mood": grouped["label"].astype(int).map(look.MOODS),
            "influencers": grouped["influencers"],
            "highest score": grouped["highest"].astype(float).round(1),
            "place is right, percent": (100 * grouped["sure"].astype(float)).round(0),
        }
    )
    return Sheet("influencer-map", rows.sort_values(["influencers", "place"], ascending=[False, True]))


def words_sheet(view: View, way: str) -> Sheet:
    """Return the words of each mood and how many tweets use them; of those that set it apart how surely they do."""
    parts = [words.shown(view, label, way).assign(mood=look.MOODS[label]) for label in look.LABELS]
    rows = pd.concat(parts, ignore_index=True)
    if way == COMMON:
        return Sheet("word-clouds", rows[["mood", "term", "tweets"]])
    return Sheet("word-clouds", rows[["mood", "term", "tweets"]].assign(z=rows["z"].astype(float).round(1)))


def trend_sheet(view: View) -> Sheet:
    """Return the bars of the trend, oldest first, in the viewer's time."""
    table = trend.trend_of(view)
    times = table["time"].map(lambda time: f"{time:%Y-%m-%d %H:%M}")
    rows = pd.DataFrame({f"from ({view.zone})": times, **{name: table[name] for name in trend.STACK.values()}})
    rows = rows.assign(tweets=table["tweets"], **{"percent read": table["percent"]}, scored=table["scored"])
    rows = rows.assign(**{"about in all": table["estimated"].round(0).astype(int)})
    means = {"mean sentiment": "mean", "95 % from": "low", "95 % to": "high"}
    return Sheet("hashtag-trend", rows.assign(**{name: table[column].round(2) for name, column in means.items()}))


def compare_sheet(selection: Selection) -> Sheet:
    """Return the compared keywords' shares and moods, with their intervals."""
    table = compare.compared(compare.read(selection.view, selection.others))
    rows = table[["keyword", "tweets"]].assign(**{"about in all": table["estimated"].round(0).astype(int)})
    shares = {"share, percent": "share", "share from": "share_low", "share to": "share_high"}
    rows = rows.assign(**{name: (100 * table[column]).round(1) for name, column in shares.items()})
    rows = rows.assign(scored=table["scored"], **{mood: table[mood] for mood in look.MOODS.values()})
    means = {"mean sentiment": "mean", "95 % from": "low", "95 % to": "high"}
    return Sheet("compare", rows.assign(**{name: table[column].round(2) for name, column in means.items()}))


def patterns_sheet(view: View) -> Sheet:
    """Return what authors of each size earned, and what is expected of them."""
    table = patterns.table(patterns.people_of(view), patterns.usual_of(view), patterns.least_of(view))
    rows = table[["followers", "people", "tweets", "retweets"]].assign(expected=table["expected"].round(0))
    share, lift = (100 * table["share"]).round(0), table["lift"].round(1)
    return Sheet("patterns", rows.assign(**{"of all retweets, percent": share, "times expected": lift}))


def topics_sheet(view: View) -> Sheet:
    """Return the terms that emerge now and the hashtags to enter, and how many authors use each."""
    lists = {"new now": topics.emerging_of(view), "hashtag to enter": topics.related_of(view)}
    rows = [
        {
            "list": name,
            "term": row["term"],
            **{mark: mark if row.get(mark) else "" for mark in ("new", "copies")},
            "authors": row["authors"],
            "of authors": found.authors,
            "authors before or elsewhere": row["before"],
            "of them": found.before,
            "times": None if row["times"] == math.inf else rounded(row["times"], 1),
            "G2": rounded(row["g2"], 1),
        }
        for name, found in lists.items()
        for row in look.rows(found.rows)
    ]
    names = (
        "list",
        "term",
        "new",
        "copies",
        "authors",
        "of authors",
        "authors before or elsewhere",
        "of them",
        "times",
        "G2",
    )
    return Sheet("topics", pd.DataFrame(rows, columns=names))


def forecast_sheet(view: View) -> Sheet:
    """Return the newest forecasts: who will matter, how much will be said and in what mood, with their intervals."""
    shown = {subject: forecast.newest(forecast.told_of(view, subject)) for subject in forecast.UNITS}
    rows = [
        {
            "of": subject,
            "until (UTC)": f"{row['due']:%Y-%m-%d %H:%M}",
            "way": row["way"],
            "place": row["place"] if subject == "people" else None,
            **{name: row[name] for name in ("name", "username", "author_id")},
            "expected": rounded(row["expected"]),
            "8 of 10 times from": rounded(row["low"]),
            "to": rounded(row["high"]),
            "chance of the first five, percent": None if pd.isna(row["chance"]) else round(100 * row["chance"]),
        }
        for subject, found in shown.items()
        for row in look.rows(found)
    ]
    names = ("of", "until (UTC)", "way", "place", "name", "username", "author_id", "expected", "8 of 10 times from")
    table = pd.DataFrame(rows, columns=[*names, "to", "chance of the first five, percent"])
    return Sheet("forecast", table, user_ids=distinct(shown["people"]["author_id"]))


def advice_sheet(view: View, visitor: Visitor | None) -> Sheet:
    """Return what is advised now, in order, with the numbers behind it."""
    shown = advice.advised(view, visitor)
    rows = [{"to do": advice.KINDS[one.kind], "about": one.about, "why": one.why} for one in shown]
    people = distinct(pd.Series([one.author_id or None for one in shown], dtype=object))
    return Sheet("advice", pd.DataFrame(rows, columns=["to do", "about", "why"]), user_ids=people)


def alerts_sheet(view: View) -> Sheet:
    """Return the alerts of the last 30 days, the newest first, with the numbers that fired each."""
    found = data.now(kept.told(alerts.day(), view.keyword_id))
    rows = [
        {
            f"at ({view.zone})": look.clock(row["at"], view.zone),
            "keyword": row["keyword"],
            "level": row["level"],
            "seen to": "" if pd.isna(row["marked_at"]) else "yes",
            **{name: rounded(fired(row["numbers"], *path)) for name, path in FIRED.items()},
        }
        for row in look.rows(found)
    ]
    return Sheet("alerts", pd.DataFrame(rows, columns=[f"at ({view.zone})", "keyword", "level", "seen to", *FIRED]))


# what fires alerts, and where each number is found
FIRED = {
    "tweets in an hour": ("volume", "tweets"),
    "usual": ("volume", "usual"),
    "score": ("volume", "score"),
    "threshold": ("volume", "threshold"),
    "mean sentiment": ("mood", "mean"),
    "people": ("mood", "voices"),
    "usual mean": ("mood_before", "mean"),
    "negative tweets more than usual": ("mood", "negative_excess"),
    "mean sank by": ("drop",),
    "severity of 10": ("severity",),
}


def fired(numbers: Any, *path: str) -> float | None:
    """Return one of the numbers that fired an alert, if it was among them."""
    for name in path:
        numbers = (numbers or {}).get(name)
    return None if numbers is None else float(numbers)


def tweets_sheet(view: View, word: str, mood: int | str) -> Sheet:
    """Return the newest tweets behind a word, unmodified, with who wrote them."""
    label = None if mood == ALL else int(mood)
    found = view.read(queries.tweets_with(view.keyword_id, view.start, view.end, word, label, BEHIND_A_WORD))
    found = found.iloc[: 0 if view.sensitive else None]
    moods = found["label"].map(lambda label: "not scored" if pd.isna(label) else look.MOODS[int(label)])
    times = found["created_at"].map(lambda time: look.clock(time, view.zone))
    rows = found[["tweet_id", "author_id", "username", "name"]].assign(text=found["text"].map(text), mood=moods)
    rows = rows.assign(retweet_count=found["retweet_count"])
    rows.insert(1, f"created_at ({view.zone})", times)
    return Sheet("tweets", rows, distinct(found["tweet_id"]), distinct(found["author_id"]))


def distinct(ids: pd.Series) -> tuple[str, ...]:
    """Return each id that is there, once, in order."""
    return tuple(dict.fromkeys(str(one) for one in ids if not pd.isna(one)))


def text(written: str | None) -> str | None:
    """Return a tweet's text as people wrote it: X sends & as &amp;."""
    return None if pd.isna(written) else html.unescape(str(written))


def rounded(value: float | None, digits: int = 2) -> float | None:
    """Return a number as the screen shows it."""
    return None if value is None or pd.isna(value) else round(float(value), digits) + 0.0  # no minus before zero


# what may be taken out, by the page that shows it
SHEETS: dict[str, Callable[[Selection, Visitor | None], Sheet]] = {
    "overview": lambda selection, _: overview_sheet(selection.view),
    "influence-score": lambda selection, _: influence_sheet(selection.view),
    "influencer-map": lambda selection, _: map_sheet(selection.view),
    "word-clouds": lambda selection, _: words_sheet(selection.view, selection.way),
    "hashtag-trend": lambda selection, _: trend_sheet(selection.view),
    "compare": lambda selection, _: compare_sheet(selection),
    "patterns": lambda selection, _: patterns_sheet(selection.view),
    "topics": lambda selection, _: topics_sheet(selection.view),
    "forecast": lambda selection, _: forecast_sheet(selection.view),
    "advice": lambda selection, visitor: advice_sheet(selection.view, visitor),
    "alerts": lambda selection, _: alerts_sheet(selection.view),
}


def sheet(page: str, selection: Selection, visitor: Visitor | None = None) -> Sheet:
    """Return what a page shows now; advice that the visitor has answered is left out."""
    return SHEETS[page](selection, visitor)
