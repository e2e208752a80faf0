"""What a page shows, as rows for a spreadsheet: the numbers of the screen, and no text that would run as a formula."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from core import queries
from panel_app import compare, influencer_map, influencers, look, patterns, trend, words
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
        found = view.read(queries.totals(view.keyword_id, start, end)).iloc[0]
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
SHEETS: dict[str, Callable[[Selection], Sheet]] = {
    "overview": lambda selection: overview_sheet(selection.view),
    "influence-score": lambda selection: influence_sheet(selection.view),
    "influencer-map": lambda selection: map_sheet(selection.view),
    "word-clouds": lambda selection: words_sheet(selection.view, selection.way),
    "hashtag-trend": lambda selection: trend_sheet(selection.view),
    "compare": compare_sheet,
    "patterns": lambda selection: patterns_sheet(selection.view),
}


def sheet(page: str, selection: Selection) -> Sheet:
    """Return what a page shows now."""
    return SHEETS[page](selection)
