"""Compare: who of two to ten keywords is talked about most, in what mood, when, and in which words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.core.properties import field
from bokeh.layouts import column
from bokeh.models import (  # type: ignore[attr-defined]
    ColumnDataSource,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    Range1d,
    Span,
)
from bokeh.plotting import figure
from panel.io import hold

from core import queries
from panel_app import cuts, data, look, totals, trend
from panel_app.contrast import SURE, z_scores
from panel_app.selection import Selection, View

MOST = 10
SHOWN = 12  # words of each side
TOO_FEW = 30  # scored tweets, below which nothing is said of a difference
DASHES = ("solid", "dashed", "dotted", "dotdash", "dashdot")
MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle")
GLYPHS = "●■▲◆▼"
# At least 4.6:1 on their page, and told apart with every common colour blindness, for they differ in lightness too;
# dash and glyph tell the second five from the first.
INKS = {
    False: ("#0072B2", "#B84A00", "#183802", "#772D48", "#4701AE"),
    True: ("#56B4E9", "#F0883E", "#F3E73A", "#96F7B1", "#F1F1F1"),
}
Sign = tuple[str, str, str, str]  # colour, dash, marker and glyph
CHOOSE = "Choose one more keyword above, or track another on the Tracking page."


def compared(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row for each keyword, of its tweets by bin and label as `queries.trend` counts them.

    Columns: `keyword`, `tweets`, what they stand for (`estimated`), `share` of those of all with the ends `share_low`
    and `share_high` of its 95 % interval (Wilson), `scored` n, `mean` sentiment with its interval `low` to `high`, the
    standard `error` of the mean, and the tweets of each mood.
    """
    table = pd.DataFrame([summed(name, frame) for name, frame in frames.items()])
    whole, read = float(table["estimated"].sum()), float(table["tweets"].sum())
    table["share"] = table["estimated"] / whole if whole else np.nan
    ends = [wilson(share, read) for share in table["share"]]
    return table.assign(share_low=[low for low, _ in ends], share_high=[high for _, high in ends])


def summed(name: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Return what a keyword's tweets add up to, and how sure their mean is."""
    scored = frame[frame["label"].notna()]
    n, total, squares = (float(scored[column].sum()) for column in ("tweets", "sentiment_sum", "sentiment_square_sum"))
    mean = total / n if n else math.nan
    error = math.sqrt(max(0.0, squares - n * mean**2) / (n - 1) / n) if n > 1 else math.nan
    counts = {"keyword": name, "tweets": int(frame["tweets"].sum()), "estimated": float(frame["estimated"].sum())}
    moods = {mood: int(frame.loc[frame["label"] == label, "tweets"].sum()) for label, mood in look.MOODS.items()}
    low, high = mean - trend.Z95 * error, mean + trend.Z95 * error
    ends = {"low": max(-1.0, low), "high": min(1.0, high)} if n > 1 else {"low": math.nan, "high": math.nan}
    return counts | moods | {"scored": int(n), "mean": mean, "error": error} | ends


def wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of n."""
    if not n or math.isnan(share):
        return math.nan, math.nan
    z2 = trend.Z95**2 / n
    middle = (share + z2 / 2) / (1 + z2)
    reach = math.sqrt(z2 * (share * (1 - share) + z2 / 4)) / (1 + z2)
    return middle - reach, middle + reach


def difference(one: pd.Series, other: pd.Series, comparisons: int = 1) -> tuple[float, float, float] | None:
    """Return how much another's mean is above one's, and the ends of its interval; None where too few were scored.

    The interval is wide enough that of all comparisons beside it only one in twenty errs (Bonferroni).
    """
    if min(one["scored"], other["scored"]) < TOO_FEW:
        return None
    z = NormalDist().inv_cdf(1 - 0.025 / comparisons)
    moved, reach = other["mean"] - one["mean"], z * math.hypot(one["error"], other["error"])
    return moved, moved - reach, moved + reach


def log_odds(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the words with `z`, how surely one keyword's tweets use them more than the other's (negative: less)."""
    ours, theirs = frame["uses"].astype(float), frame["other_uses"].astype(float)
    all_ours, all_theirs = frame[["total", "other_total"]].max().fillna(0)
    return frame.assign(z=z_scores(ours, theirs, all_ours, all_theirs))


def read(view: View, others: list[str]) -> dict[str, pd.DataFrame]:
    """Read the tweets of the keyword that is looked at and of the others, all in the same bins."""
    return {name: counted(view, number, version) for name, number, version in among(view, others)}


def among(view: View, others: Sequence[str]) -> tuple[tuple[str, int, int], ...]:
    """Return the names of those compared, with their ids, and as of which version each is seen."""
    ids = known(view)
    names = [view.keyword, *(name for name in others if name in ids and name != view.keyword)][:MOST]
    return tuple((name, ids[name], data.watch().version(ids[name])) for name in names)


@data.kept
def counted(view: View, keyword_id: int, version: int) -> pd.DataFrame:
    """Read the tweets of a keyword in the bins of a view."""
    return data.frame(queries.trend(keyword_id, view.edges), version)


@data.kept
def known(view: View) -> dict[str, int]:
    """Read the tracked keywords' ids."""
    frame = view.read(queries.keywords())
    return dict(zip(frame["name"].map(str), frame["id"].map(int), strict=True))


def look_of(place: int, dark: bool) -> Sign:
    """Return the colour, dash, marker and glyph of a keyword by its place among the compared."""
    at, again = place % len(DASHES), place // len(DASHES)
    return INKS[dark][at], DASHES[(at + again) % len(DASHES)], MARKERS[(at + again) % 5], GLYPHS[(at + again) % 5]


def plot(frames: dict[str, pd.DataFrame], view: View) -> Any:
    """Draw each keyword's tweets over time above its mean sentiment with its interval."""
    drawn = Plot()
    drawn.show(frames, view)
    return drawn.whole


def by_bin(frames: dict[str, pd.DataFrame], view: View) -> pd.DataFrame:
    """Return the tweets of each bin, a column for each keyword, with the bin's `start`, `end` and how it is called."""
    edges = pd.DatetimeIndex(view.edges)
    bins = pd.RangeIndex(len(edges) - 1)
    counts = {
        name: frame.groupby("bin")["tweets"].sum().reindex(bins).fillna(0).astype(int) for name, frame in frames.items()
    }
    local = edges.tz_convert(view.zone)
    when = [trend.spoken(*ends) for ends in pairwise(local)]
    return pd.DataFrame(counts).set_index([edges[:-1], edges[1:], pd.Index(when)]).rename_axis(["start", "end", "when"])


class Plot:
    """Each keyword's tweets over time above its mean sentiment: made once for a page, then only its rows change."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {name: ColumnDataSource() for name in ("lines", "dots", "spans", "means")}
        self._times, self._top, self._places = (Range1d(start=0, end=1) for _ in range(3))
        self._ticks, self._names = FixedTicker(), FixedTicker()
        self._volume = self._figure(260, self._times, self._top, x_axis_type="datetime", y_axis_label="tweets")
        self._moods = self._figure(120, Range1d(start=-1, end=1), self._places, x_axis_label="mean sentiment")
        self._draw_volume()
        self._draw_moods()
        self.whole = column(self._volume, self._moods, sizing_mode="stretch_width")

    def show(self, frames: dict[str, pd.DataFrame], view: View) -> None:
        """Show keywords in a view."""
        table, signs = by_bin(frames, view), [look_of(place, view.dark) for place in range(len(frames))]
        drawn = {"lines": lines(table, signs), "dots": dots(table, signs)} | marks(compared(frames), signs)
        for name, frame in drawn.items():
            self.rows[name].data = {column: list(frame[column]) for column in frame}
        ticks = {trend.milliseconds(time): name for time, name in cuts.ticks(view.start, view.end, view.zone)}
        self._times.update(start=trend.milliseconds(view.start), end=trend.milliseconds(view.end))
        self._ticks.ticks, self._volume.xaxis[0].major_label_overrides = list(ticks), ticks
        self._top.end = 1.08 * max(1, int(table.to_numpy().max(initial=0)))
        names = {-place: short(name) for place, name in enumerate(frames)}
        self._names.ticks, self._moods.yaxis[0].major_label_overrides = list(names), names
        self._places.update(start=0.6 - len(frames), end=0.6)
        self._moods.height = 90 + 30 * len(frames)

    def _figure(self, height: int, x_range: Range1d, y_range: Range1d, **axes: Any) -> Any:
        shared: dict[str, Any] = {"sizing_mode": "stretch_width", "tools": "", "toolbar_location": None}
        shared["outline_line_color"] = None  # a dark theme would draw one, a light one not
        return figure(height=height, x_range=x_range, y_range=y_range, **shared, **axes)

    def _draw_volume(self) -> None:
        one = self._volume
        one.xaxis[0].ticker = one.xgrid[0].ticker = self._ticks
        one.yaxis[0].formatter = NumeralTickFormatter(format="0,0[.]0")
        one.multi_line("at", "tweets", source=self.rows["lines"], color="ink", line_dash=field("dash"), line_width=2)
        dots = one.scatter("at", "tweets", source=self.rows["dots"], color="ink", marker=field("marker"), size=5)
        tips = [("", "@keyword"), ("", "@when"), ("tweets", "@tweets{0,0}")]
        one.add_tools(HoverTool(renderers=[dots], tooltips=tips))

    def _draw_moods(self) -> None:
        one = self._moods
        one.yaxis[0].ticker = one.ygrid[0].ticker = self._names
        one.xaxis[0].formatter = NumeralTickFormatter(format="+0.0")
        one.add_layout(Span(location=0, dimension="height", line_color="#8894A0", line_dash="dotted"))
        one.segment("low", "at", "high", "at", source=self.rows["spans"], color="ink", line_width=4)
        means = one.scatter("mean", "at", source=self.rows["means"], color="ink", marker=field("marker"), size=13)
        ends = ("95 %", "@low{+0.00} to @high{+0.00}")
        tips = [("", "@keyword"), ("mean", "@mean{+0.00}, n = @scored{0,0}"), ends]
        one.add_tools(HoverTool(renderers=[means], tooltips=tips))


def lines(table: pd.DataFrame, signs: Sequence[Sign]) -> pd.DataFrame:
    """Return a line for each keyword of `by_bin`, in its colour and dash."""
    at = list(middles(table))
    rows = [(at, list(table[name]), ink, dash) for name, (ink, dash, _, _) in zip(table, signs, strict=True)]
    return pd.DataFrame(rows, columns=["at", "tweets", "ink", "dash"])


def dots(table: pd.DataFrame, signs: Sequence[Sign]) -> pd.DataFrame:
    """Return a dot for each bin and keyword, in its colour and with its marker."""
    about = {"at": middles(table), "when": table.index.get_level_values("when")}
    return pd.concat(
        pd.DataFrame(about | {"tweets": table[name].to_numpy(), "keyword": str(name), "ink": ink, "marker": marker})
        for name, (ink, _, marker, _) in zip(table, signs, strict=True)
    )


def middles(table: pd.DataFrame) -> npt.NDArray[np.datetime64]:
    """Return the middle of each bin of `by_bin` as Bokeh takes times: without a zone, in UTC."""
    start, end = (table.index.get_level_values(name) for name in ("start", "end"))
    return np.asarray(pd.DatetimeIndex(start + (end - start) / 2).tz_localize(None))


def marks(table: pd.DataFrame, signs: Sequence[Sign]) -> dict[str, pd.DataFrame]:
    """Return each keyword's mean sentiment within its 95 % interval, the first one highest."""
    columns = {"ink": [ink for ink, _, _, _ in signs], "marker": [marker for _, _, marker, _ in signs]}
    placed = table.assign(at=-np.arange(len(table)), **columns)
    some = placed[placed["scored"] > 1][["keyword", "mean", "low", "high", "scored", "at", "ink", "marker"]]
    return {"spans": some[["low", "high", "at", "ink"]], "means": some}


def short(name: str) -> str:
    """Return a keyword that fits beside an axis."""
    return name if len(name) <= 16 else f"{name[:15]}…"


def figures(table: pd.DataFrame, dark: bool) -> str:
    """Return the keywords as a table: share of voice, mood and whether it differs from the first one's."""
    heads = ("Keyword", "Share of voice", "Tweets", "Mean sentiment", "Scored tweets by mood", "Against the first")
    first = table.iloc[0]
    rows = "".join(
        f'<tr><th scope="row">{sign(place, row["keyword"], dark)}</th><td>{share(row)}</td><td>{tweets(row)}</td>'
        f"<td>{mean(row)}</td><td>{mix(row)}</td>"
        f"<td>{against(first, row, len(table) - 1) if place else look.number(None)}</td></tr>"
        for place, row in enumerate(look.rows(table))
    )
    return scrolled(heads, rows)


def scrolled(heads: Sequence[str], rows: str) -> str:
    """Return rows under their heads, as a table that scrolls by itself where it is too wide."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        '<div class="scroll" tabindex="0"><table class="compare">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def sign(place: int, name: str, dark: bool) -> str:
    """Return a keyword with the glyph and colour that it has in the plots."""
    ink, _, _, glyph = look_of(place, dark)
    return f'<span style="color:{ink}" aria-hidden="true">{glyph}</span> {look.safe(name)}'


def share(row: dict[str, Any]) -> str:
    """Return a share of voice as a bar, in percent, and how sure it is."""
    if math.isnan(row["share"]):
        return look.number(None)
    low, high = 100 * row["share_low"], 100 * row["share_high"]
    bar = f'<span class="bar wide"><i style="width:{100 * row["share"]:.1f}%"></i></span>'
    return f"{bar}<b>{100 * row['share']:.1f} %</b><br><small>95 %: {low:.1f} to {high:.1f} %</small>"


def tweets(row: dict[str, Any]) -> str:
    """Return a count of tweets and, of a sample, what it stands for."""
    sampled = row["estimated"] > 1.001 * row["tweets"]
    return look.number(row["tweets"]) + (
        f"<br><small>about {look.number(row['estimated'])} in all</small>" if sampled else ""
    )


def mean(row: dict[str, Any]) -> str:
    """Return a mean sentiment with n and its interval."""
    told = look.mean(row["mean"], row["scored"])
    if math.isnan(row["low"]):
        return told
    return f"{told}<br><small>95 %: {look.signed(row['low'])} to {look.signed(row['high'])}</small>"


def mix(row: dict[str, Any]) -> str:
    """Return how the scored tweets part by mood."""
    n = max(1, row["scored"])
    parts = ((label, 100 * row[look.MOODS[label]] / n) for label in look.LABELS)
    return " ".join(
        f'<span class="{look.MOODS[label]}">{look.GLYPHS[label]} {part:.0f} %</span>' for label, part in parts
    )


def against(first: Any, row: Any, comparisons: int) -> str:
    """Say whether a keyword's mood differs from the first one's, or that it cannot be told."""
    found = difference(first, row, comparisons)
    if found is None:
        return f"<small>fewer than {TOO_FEW} scored tweets: not told</small>"
    moved, low, high = found
    ends = f"<small>{look.signed(low)} to {look.signed(high)}</small>"
    if low <= 0 <= high:
        return f"not different<br>{ends}"
    return f"<b>{look.signed(moved)}</b> {'better' if moved > 0 else 'worse'}<br>{ends}"


def sides(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the words that surely tell one keyword from the other, and those that tell the other from it."""
    ranked = log_odds(frame).sort_values("z", ascending=False)
    return ranked[ranked["z"] >= SURE].head(SHOWN), ranked[ranked["z"] <= -SURE].iloc[::-1].head(SHOWN)


def words(view: View, other: str | None) -> str:
    """Return the words of one keyword against the other's, side by side."""
    ids = known(view)
    if not other or other not in ids or other == view.keyword:
        return ""
    return apart(view, other, ids[other], view.version + data.watch().version(ids[other]))


@data.kept
def apart(view: View, other: str, other_id: int, version: int) -> str:
    """Return the words that tell one keyword from another, and the other's from it."""
    found = data.frame(queries.contrast(view.keyword_id, other_id, view.start, view.end), version)
    one, two = sides(found)
    most = max([1.0, *one["z"], *-two["z"]])
    parts = side(view.keyword, other, one, ("uses", "other_uses"), most) + side(
        other, view.keyword, two, ("other_uses", "uses"), most
    )
    note = (
        "Ordered by how surely one's scored tweets use a word more often than the other's (weighted log-odds), not by "
        f"how often it is used; below {SURE:.0f} standard errors none is shown."
    )
    return look.block(f'<div class="columns two">{parts}</div><p class="quiet">{note}</p>', view.dark)


def side(name: str, other: str, frame: pd.DataFrame, counts: tuple[str, str], most: float) -> str:
    """Return the words of one side with their counts on both."""
    rows = "".join(
        f"<tr><td>{look.safe(row['term'])}</td><td>{sureness(abs(row['z']), most)}</td>"
        f"<td>{look.number(row[counts[0]])}</td><td>{look.number(row[counts[1]])}</td></tr>"
        for row in look.rows(frame)
    )
    none = look.empty("No word stands out", f"None is surely used more often than for {other}.")
    table = scrolled(("Word", "How sure", "Tweets", "The other’s"), rows) if rows else none
    return f"<section><h3>{look.safe(name)}</h3>{table}</section>"


def sureness(z: float, most: float) -> str:
    """Return how many standard errors a word is from being used alike, as a bar and in figures."""
    return f'<span class="bar wide"><i style="width:{100 * z / most:.0f}%"></i></span>{z:.1f}'


def shared(view: View, names: list[str]) -> str:
    """Say how many tweets name several of the keywords, and what the shares are of."""
    ids = [one for name, one in known(view).items() if name in names]
    version = sum(data.watch().version(one) for one in ids)
    both = totals.in_several(view, tuple(sorted(ids)), version)
    told = f"<b>{look.number(both)}</b> tweets name several of them and count for each. " if both else ""
    return (
        f'<p class="quiet">{told}Shares are of all tweets of these keywords together, retweets too, in the same range; '
        "intervals hold as if each tweet came by itself.</p>"
    )


def numbers(table: pd.DataFrame, dark: bool) -> str:
    """Return the lines as a table, newest first."""
    rows = "".join(
        f"<tr><td>{when}</td>{''.join(f'<td>{look.number(count)}</td>' for count in counts)}</tr>"
        for (_, _, when), *counts in reversed(list(table.itertuples(name=None)))
    )
    return look.block(scrolled(["time", *map(look.safe, table)], rows), dark)


def page(selection: Selection) -> pn.Column:
    """Build the page: who is compared with the keyword above is chosen here, and the address keeps it."""
    picker, word = choosers(selection)
    both = (selection.param.view, selection.param.others)
    return pn.Column(
        picker,
        look.pane(pn.bind(told, *both)),
        chart(selection),
        look.folded("The lines as a table", lambda: look.pane(pn.bind(listed, *both))),
        word,
        look.pane(pn.bind(words, selection.param.view, word.param.value)),
        sizing_mode="stretch_width",
    )


def chart(selection: Selection) -> pn.pane.Bokeh:
    """Return the live plot: its lines move, its canvas stays."""
    drawn = Plot()

    def follow(*_: object) -> None:
        with hold():  # Panel may call without the document's lock, and Bokeh's own models refuse a change then
            drawn.show(read(selection.view, selection.others), selection.view)

    follow()
    selection.param.watch(follow, ["view", "others"])
    return pn.pane.Bokeh(drawn.whole, sizing_mode="stretch_width")


def choosers(selection: Selection) -> tuple[pmui.MultiChoice, pmui.Select]:
    """Build the choice of those to compare with, and of the one whose words are put beside the keyword's."""
    wide = {"sizing_mode": "stretch_width", "max_width": 560}
    picker = pmui.MultiChoice(label="Compared with", max_items=MOST - 1, margin=(4, 0), **wide)
    word = pmui.Select(label="Words against", size="small", width=240, margin=(12, 0, 4, 0))

    def follow(*_: object) -> None:
        every = selection.param.keyword.objects
        found = chosen(every, selection.keyword, selection.others)
        picker.param.update(options=[name for name in every if name != selection.keyword], value=found)
        word.param.update(options=found, value=word.value if word.value in found else next(iter(found), None))
        selection.others = found

    follow()
    picker.param.watch(lambda _event: selection.param.update(others=list(picker.value or [])), "value")
    selection.param.watch(follow, ["keyword", "others"])
    return picker, word


def chosen(names: Sequence[str], keyword: str, others: Sequence[str]) -> list[str]:
    """Return those of some keywords that one is compared with: who was chosen, else the first two."""
    rest = [name for name in names if name != keyword]
    return [name for name in others if name in rest] or rest[:2]


def ahead(view: View, others: Sequence[str]) -> None:
    """Read what the page shows when it is opened."""
    some = chosen(list(known(view)), view.keyword, others)
    data.at_once(lambda: told(view, some), lambda: words(view, next(iter(some), None)))


def told(view: View, others: list[str]) -> str:
    """Return the keywords side by side as a table, or what is needed to compare."""
    return side_by_side(view, among(view, others))


@data.kept
def side_by_side(view: View, some: tuple[tuple[str, int, int], ...]) -> str:
    """Return the keywords of `among` as a table."""
    if len(some) < 2:
        return look.block(look.empty("Nobody to compare with", CHOOSE), view.dark)
    frames = {name: counted(view, number, version) for name, number, version in some}
    return look.block(figures(compared(frames), view.dark) + shared(view, list(frames)), view.dark)


def listed(view: View, others: list[str]) -> str:
    """Return the lines as a table."""
    return numbers(by_bin(read(view, others), view), view.dark)
