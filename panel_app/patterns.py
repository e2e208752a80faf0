"""Patterns: is a keyword carried by many small voices or by a few large ones? Retweets against followers tell."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, Range1d
from bokeh.plotting import figure
from panel.io import hold

from core import queries
from panel_app import cuts, data, look
from panel_app.selection import Selection, View

SMALL = 10_000  # followers; below it somebody is a small voice
TOP = 0.02  # of the authors: the large ones
HOUR, PAST = timedelta(hours=1), timedelta(weeks=5)
EACH = 1_000  # newest tweets of each keyword that the expectation is learnt from
LEAST_TWEETS, LEAST_RETWEETS, LEAST_LEARNT = 30, 200, 200
STEP = 0.25  # of a power of ten: how finely people are put together in the plot
FEW = 5  # people, below which a sensitive keyword's groups are not shown
FAR = 3  # times as many retweets as expected
MARK = ["x", "y", "size", "people", "followers", "each"]  # what is drawn and told of a group of people
TICKS = [0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]
SIZES = [0, 100, 1_000, 10_000, 100_000, 1_000_000, float("inf")]
RULES = (
    "<b>Viral</b>: authors under 10,000 followers earn at least half of the retweets, and at least 3 times what tweets "
    "of such authors usually earn. <b>Traditional</b>: the top 2 % of authors hold at least half of all followers, "
    "small authors earn at most a fifth of the retweets, and the whole at most twice what is expected. Else it is "
    "mixed. Below 30 tweets or 200 retweets nothing is said."
)
LEARNT = (
    "Expected is what a tweet by somebody with as many followers earns: a negative-binomial regression over the newest "
    "1,000 tweets of each tracked keyword in five weeks. The rules were tried on made-up data only: read them as a "
    "hint, and not as proof that somebody paid."
)
SAMPLE = f"A sample: of a range {queries.MOST_READ:,} tweets are read at most, as many of each part of it."
NAMES = {"viral": "Viral", "traditional": "Traditional", "mixed": "Mixed", "unknown": "Not enough to tell"}
MEANS = {
    "viral": "Small voices carry it much further than they usually get.",
    "traditional": "A few large accounts carry it, about as far as their size lets expect: as a campaign would.",
    "mixed": "Neither many small voices nor a few large ones carry it alone.",
}


@dataclass(frozen=True)
class Reading:
    """What the retweets of a window say, and the figures that it rests on."""

    kind: str  # viral, traditional, mixed, unknown
    why: str
    tweets: int = 0
    retweets: int = 0
    lift: float = np.nan  # retweets, as a multiple of what is expected
    lift_small: float = np.nan  # the same of small voices
    small_share: float = np.nan  # of the retweets that small voices earned
    top_share: float = np.nan  # of all followers that the top authors hold


@dataclass(frozen=True)
class Expectation:
    """What a tweet earns by its author's followers: exp(base + slope · ln(1 + followers))."""

    base: float
    slope: float
    tweets: int
    keywords: int

    def of(self, followers: Any) -> Any:
        """Return how many retweets are expected of one tweet."""
        return np.exp(self.base + self.slope * np.log1p(np.asarray(followers, dtype=float)))


def expectation(bins: pd.DataFrame) -> Expectation:
    """Fit what tweets earn by followers: a negative-binomial regression of grouped tweets, by reweighted least squares.

    `bins` has, for each step of `size` = ln(1 + followers), the number of `tweets`, the sum of their `retweets` and of
    the `squares`. Tweets of one step have the same mean, so that their sums are all the fit needs. Constant time in the
    number of tweets.
    """
    n, r, x = (bins[name].to_numpy(dtype=float) for name in ("tweets", "retweets", "size"))
    keywords = int(bins["keywords"].max()) if len(bins) else 0
    if n.sum() < LEAST_LEARNT or r.sum() <= 0 or len(n) < 2:
        return Expectation(np.nan, np.nan, int(n.sum()), keywords)
    design = np.column_stack([np.ones_like(x), x])
    beta = np.array([np.log(r.sum() / n.sum()), 0.0])
    for _ in range(100):
        mean = np.exp(np.clip(design @ beta, -20, 20))
        # How much more the tweets spread than by chance alone, by the method of moments.
        excess = (bins["squares"].to_numpy(dtype=float) - 2 * mean * r + n * mean**2).sum() - (n * mean).sum()
        spread = max(0.0, excess / (n * mean**2).sum())
        weight = n * mean / (1 + spread * mean)
        worked = design @ beta + (r / n - mean) / mean
        moved = np.linalg.solve(design.T @ (weight[:, None] * design) + 1e-9 * np.eye(2), design.T @ (weight * worked))
        beta, last = moved, beta
        if np.abs(beta - last).max() < 1e-8:
            break
    return Expectation(float(beta[0]), float(beta[1]), int(n.sum()), keywords)


def reading(people: pd.DataFrame, usual: Expectation) -> Reading:
    """Read a window's pattern from its authors' `followers`, `tweets` and `retweets`; unsure, it says nothing."""
    tweets, retweets = int(people["tweets"].sum()), int(people["retweets"].sum())
    counts: dict[str, Any] = {"tweets": tweets, "retweets": retweets}
    if tweets < LEAST_TWEETS or retweets < LEAST_RETWEETS:
        return Reading("unknown", f"It takes {LEAST_TWEETS} tweets and {LEAST_RETWEETS} retweets.", **counts)
    if usual.keywords < 2:
        return Reading("unknown", "Track another keyword: what is usual is learnt from the others, too.", **counts)
    if np.isnan(usual.base):
        return Reading("unknown", f"What is usual is not known before {LEAST_LEARNT} tweets of five weeks.", **counts)
    usually = usual.of(people["followers"]) * people["tweets"]
    small = people["followers"] < SMALL
    lift, lift_small = retweets / usually.sum(), people["retweets"][small].sum() / max(1e-9, usually[small].sum())
    share = people["retweets"][small].sum() / retweets
    held = people["followers"].sort_values(ascending=False)
    top = held.head(int(np.ceil(TOP * len(held)))).sum() / max(1, held.sum())
    kind = "mixed"
    if share >= 0.5 and lift_small >= FAR:
        kind = "viral"
    elif top >= 0.5 and share <= 0.2 and lift <= 2:
        kind = "traditional"
    figures: dict[str, Any] = {"lift": lift, "lift_small": lift_small, "small_share": share, "top_share": top}
    return Reading(kind, MEANS[kind], **counts, **figures)


def cells(people: pd.DataFrame, usual: Expectation, least: int = 1) -> pd.DataFrame:
    """Return people put together by followers and retweets a tweet, on a grid of logarithms; small groups are left out.

    Columns: `x` and `y`, logarithms to the base 10 of one more than both; `people`, `tweets`, `retweets`; and `far`,
    whether they earn FAR times what is expected.
    """
    each = people["retweets"] / people["tweets"]
    x, y = (np.round(np.log10(1 + column) / STEP) * STEP for column in (people["followers"], each))
    grid = people.assign(x=x, y=y).groupby(["x", "y"], as_index=False)
    found = grid.agg(people=("tweets", "size"), tweets=("tweets", "sum"), retweets=("retweets", "sum"))
    found = found[found["people"] >= least]
    return found.assign(
        far=10 ** found["y"] - 1 >= FAR * usual.of(10 ** found["x"] - 1),
        followers=10 ** found["x"] - 1,
        each=found["retweets"] / found["tweets"],
        size=6 + 3 * np.sqrt(found["people"]).clip(upper=9),
    )


def plot(frame: pd.DataFrame, usual: Expectation, dark: bool = False) -> Any:
    """Draw groups of people by followers and by retweets a tweet, both in powers of ten, and what is expected."""
    drawn = Plot()
    drawn.show(frame, usual, dark)
    return drawn.whole


class Plot:
    """Retweets against followers: made once for a page, then only its rows change.

    It is Bokeh's own, for HoloViews takes ten times as long to draw it anew.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {name: ColumnDataSource() for name in ("usual", "far", "line")}
        ranges: dict[str, Any] = {"x_range": Range1d(start=-0.15, end=1), "y_range": Range1d(start=-0.35, end=1)}
        shared: dict[str, Any] = {"sizing_mode": "stretch_width", "tools": "", "toolbar_location": None}
        shared["outline_line_color"] = None  # a dark theme would draw one, a light one not
        self.whole: Any = figure(
            height=360, x_axis_label="followers", y_axis_label="retweets a tweet", **ranges, **shared
        )
        for axis, grid in zip(self.whole.axis, self.whole.grid, strict=True):
            axis.ticker = grid.ticker = FixedTicker(ticks=[at for at, _ in ticks()])
            axis.major_label_overrides = dict(ticks())
        self._inks = [self._mark("usual", "circle"), self._mark("far", "triangle")]
        line: dict[str, Any] = {"line_dash": "dashed", "line_width": 2}
        self._inks.append(self.whole.line("x", "y", source=self.rows["line"], **line).glyph)

    def show(self, frame: pd.DataFrame, usual: Expectation, dark: bool) -> None:
        """Show groups of people, and what is expected of them."""
        width, height = (max(2.0, float(frame[name].max()) + 0.3) if len(frame) else 2.0 for name in ("x", "y"))
        self.whole.x_range.end, self.whole.y_range.end = width, height
        along = np.linspace(0, width, 60)
        self.rows["line"].data = {"x": along, "y": np.log10(1 + usual.of(10**along - 1))}
        for name, far in (("usual", False), ("far", True)):
            some = frame[frame["far"] == far]
            self.rows[name].data = {column: some[column].to_numpy() for column in MARK}
        for glyph, label in zip(self._inks, (0, 1, -1), strict=True):
            glyph.line_color = look.colours(dark)[label]
        for glyph in self._inks[:2]:
            glyph.update(fill_color=glyph.line_color, line_color=None)

    def _mark(self, name: str, marker: str) -> Any:
        marks = self.whole.scatter("x", "y", source=self.rows[name], marker=marker, size="size", fill_alpha=0.75)
        tips = [
            ("people", "@people{0,0}"),
            ("followers", "about @followers{0,0}"),
            ("retweets a tweet", "@each{0,0.0}"),
        ]
        self.whole.add_tools(HoverTool(renderers=[marks], tooltips=tips))
        return marks.glyph


def ticks() -> list[tuple[float, str]]:
    """Return where the powers of ten lie, and zero, which a logarithm alone does not have."""
    return [(float(np.log10(1 + tick)), look.short(tick)) for tick in TICKS]


def table(people: pd.DataFrame, usual: Expectation, least: int = 1) -> pd.DataFrame:
    """Return what authors of each size earned and what is expected of them; the plot in figures."""
    sized = pd.cut(people["followers"], SIZES, right=False, labels=[*names_of_sizes()])
    usually = usual.of(people["followers"]) * people["tweets"]
    grouped = people.assign(followers=sized, expected=usually).groupby("followers", observed=True)
    found = grouped.agg(
        people=("tweets", "size"), tweets=("tweets", "sum"), retweets=("retweets", "sum"), expected=("expected", "sum")
    ).reset_index()
    found = found[found["people"] >= least]
    whole = max(1, int(people["retweets"].sum()))
    lift = found["retweets"] / found["expected"]
    return found.assign(followers=found["followers"].astype(str), share=found["retweets"] / whole, lift=lift)


def names_of_sizes() -> list[str]:
    """Return what the steps of followers are called."""
    ends = [look.short(end) for end in SIZES[:-1]]
    between = (f"{low} to {high}" for low, high in pairwise(ends[1:]))
    return [f"under {ends[1]}", *between, f"{ends[-1]} and more"]


@data.kept
def people_of(view: View) -> pd.DataFrame:
    """Read the authors of a view's own tweets whose followers and retweets are known; they must not be changed."""
    return known(view.read(queries.earnings(view.keyword_id, view.start, view.end)))


def known(found: pd.DataFrame) -> pd.DataFrame:
    """Return the authors whose counts are known, as numbers: unknown is not 0."""
    some = found[found["followers"].notna() & found["retweets"].notna()]
    return some.astype({"followers": float, "tweets": int, "retweets": int}).reset_index(drop=True)


def usual_of(view: View) -> Expectation:
    """Read what is usual up to the end of a view's week; of all keywords, so that it is read once an hour only."""
    return usual_at(view.end, datetime.now(UTC))


def ready() -> None:
    """Read what is usual now, before somebody asks."""
    usual_at(now := datetime.now(UTC), now)


def usual_at(time: datetime, now: datetime) -> Expectation:
    """Read what is usual up to the end of the week of a time, as it is known this hour."""
    day = cuts.begun(time, cuts.DAY, "UTC")
    return _usual_until(day + (7 - day.weekday()) * cuts.DAY, cuts.begun(now, HOUR, "UTC"))


@functools.lru_cache(maxsize=100)
def _usual_until(end: datetime, _hour: datetime) -> Expectation:
    return expectation(data.now(queries.usual_earnings(end - PAST, end, EACH)))


def least_of(view: View) -> int:
    """Return how many people a group must have to be shown."""
    return FEW if view.sensitive else 1


@data.kept
def told(view: View) -> str:
    """Return the reading and what it rests on."""
    people = people_of(view)
    unknown = len(view.read(queries.earnings(view.keyword_id, view.start, view.end))) - len(people)
    found = reading(people, usual_of(view))
    left_out = f" {look.number(unknown)} people are left out: their counts are unknown." if unknown else ""
    left_out += f" {SAMPLE}" if found.tweets > queries.MOST_READ / 2 else ""
    head = (
        '<div class="card"><span class="quiet">How it spreads</span>'
        f'<div class="figure">{NAMES[found.kind]}</div>'
        f"<p>{found.why}</p><small>n = {look.number(found.tweets)} tweets of {look.number(len(people))} people, "
        f"{look.number(found.retweets)} retweets.{left_out}</small></div>"
    )
    return look.block(head + evidence(found), view.dark)


def evidence(found: Reading) -> str:
    """Return the figures behind a reading beside what the rules ask of them."""
    lines = (
        ("Retweets earned under 10,000 followers", percent(found.small_share), "50 % or more", "20 % or less"),
        ("What they earned, as a multiple of the expected", times(found.lift_small), "3 or more", ""),
        ("Followers that the top 2 % of authors hold", percent(found.top_share), "", "50 % or more"),
        ("All retweets, as a multiple of the expected", times(found.lift), "", "2 or less"),
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Evidence", "Here", "Viral", "Traditional"))
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines)
    table = f'<table class="evidence"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="scroll" tabindex="0">{table}</div><p class="quiet">{RULES}</p><p class="quiet">{LEARNT}</p>'


def percent(share: float) -> str:
    """Return a share in percent, or a dash."""
    return look.number(None) if np.isnan(share) else f"{100 * share:.0f} %"


def times(lift: float) -> str:
    """Return a multiple, or a dash."""
    return look.number(None) if np.isnan(lift) else f"{lift:.1f} times"


def twin(view: View) -> str:
    """Return the plot as a table."""
    heads = ("Followers", "People", "Tweets", "Retweets", "Of all retweets", "Expected", "Times expected")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    rows = "".join(
        f"<tr><td>{row['followers']}</td><td>{look.number(row['people'])}</td><td>{look.number(row['tweets'])}</td>"
        f"<td>{look.number(row['retweets'])}</td><td>{percent(row['share'])}</td><td>{look.number(row['expected'])}</td>"
        f"<td>{times(row['lift'])}</td></tr>"
        for row in look.rows(table(people_of(view), usual_of(view), least_of(view)))
    )
    body = f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return look.block(f"<h2>By the number of followers</h2>{body}", view.dark)


def legend(view: View) -> str:
    """Say what the marks stand for."""
    few = f" Groups of fewer than {FEW} people are not shown: the keyword is sensitive." if view.sensitive else ""
    marks = (
        '<span class="neutral">● people who earn about what is expected</span>'
        f'<span class="positive">▲ {FAR} times as much, or more</span>'
        '<span class="negative">\N{EN DASH} \N{EN DASH} expected</span>'
    )
    size = f'<span class="quiet">a mark is the larger the more people it stands for.{few}</span>'
    return look.block(f'<h2>Retweets against followers</h2><div class="legend">{marks}{size}</div>', view.dark)


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""
    drawn = Plot()

    def follow(*_: object) -> None:
        view, usual = selection.view, usual_of(selection.view)
        with hold():  # Panel may call without the document's lock, and Bokeh's own models refuse a change then
            drawn.show(cells(people_of(view), usual, least_of(view)), usual, view.dark)

    follow()
    selection.param.watch(follow, "view")
    view = selection.param.view
    return pn.Column(
        look.pane(pn.bind(told, view)),
        look.pane(pn.bind(legend, view)),
        pn.pane.Bokeh(drawn.whole, sizing_mode="stretch_width"),
        look.pane(pn.bind(twin, view)),
        sizing_mode="stretch_width",
    )
