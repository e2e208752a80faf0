"""Forecast: who will matter in some weeks, how much will be said and in what mood, and how often that came true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
from bokeh.models import ColumnDataSource, FactorRange, HoverTool, NumeralTickFormatter, Range1d, Scatter, Segment
from bokeh.plotting import figure
from panel.io import hold

from core import queries
from panel_app import data, influencers, look
from panel_app.selection import Selection, View
from panel_app.steady import Steady

FIRST = 5
DAY = timedelta(days=1)
SHOWN = ["expected", "low", "high"]  # of each coming day
WAYS = {
    "shown": "What was shown",
    "model": "The model",
    "persistence": "Persistence: all stays as it is",
    "mean": "The mean of four weeks",
}
UNITS = {"people": "week", "tweets": "day", "mood": "day"}
FORMS: dict[str, Callable[[float], str]] = {"people": "{:.1f}".format, "tweets": "{:,.0f}".format, "mood": look.signed}
NOT_YET = "Forecasts are made once a day, soon after midnight UTC, while talker up runs."
NOBODY = "Nobody was there in the last weeks."
NO_WEEKS = "It takes 8 weeks of influence scores; there are none."
TOO_LITTLE = "A forecast looks no further ahead than a third of what it looks back on."
RULES = (
    "A person's weekly influence is the mean of their scores of the week's days, 0 on days without one. The model adds "
    "to persistence what was learnt of how people on your keywords moved on: from their last weeks, their mean, their "
    "peak, and how steadily they were there. It is shown only where it has beaten both others on this keyword: a "
    "clearly smaller error, and no fewer of the first five found.",
    "The chance to be among the first five is how often people as far above or below the fifth place were. Of ten "
    "intervals eight hold what comes: they are as wide as earlier forecasts were off.",
    "Every forecast is kept as it was made, and judged when its time has come. The back-test is the same forecasts "
    "made at every earlier time, each from what was known by then.",
)


@data.kept
def runs_of(view: View) -> dict[str, dict[str, Any]]:
    """Read the newest forecast of each subject: what it looked back on, or why nothing was told."""
    return {row["subject"]: row for row in look.rows(view.read(queries.forecast_runs(view.keyword_id)))}


@data.kept
def told_of(view: View, subject: str) -> pd.DataFrame:
    """Read every forecast of a subject; of sensitive keywords none of people."""
    found = view.read(queries.forecasts(view.keyword_id, subject))
    return found.iloc[:0] if view.sensitive and subject == "people" else found


@data.kept
def coming_of(view: View, subject: str) -> pd.DataFrame:
    """Read what the newest forecast of a subject shows."""
    return newest(told_of(view, subject))


def newest(told: pd.DataFrame) -> pd.DataFrame:
    """Return what the newest forecast shows, in order."""
    now: pd.DataFrame = told[told["shown"].astype(bool) & (told["origin"] == told["origin"].max())]
    return now.sort_values(["due", "place"]).reset_index(drop=True)


def record(told: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return how the forecasts that have come due fared, by way: `forecasts recall error coverage`."""
    judged = told[told["actual"].notna()]
    ways = {"shown": judged[judged["shown"].astype(bool)]} | {way: judged[judged["way"] == way] for way in [*WAYS][1:]}
    return {way: fared(rows) for way, rows in ways.items() if len(rows)}


def fared(rows: pd.DataFrame) -> dict[str, float]:
    """Return how one way's forecasts fared."""
    times = rows.groupby(["origin", "due"]).ngroups
    hits = ((rows["place"] <= FIRST) & (rows["actual_place"].astype(float) <= FIRST)).sum()
    inside = (rows["low"] <= rows["actual"]) & (rows["actual"] <= rows["high"])
    bounded = inside[rows["low"].notna()]
    return {
        "forecasts": times,
        "recall": hits / FIRST / times,
        "error": float((rows["expected"] - rows["actual"]).abs().mean()),
        "coverage": float(bounded.mean()) if len(bounded) else np.nan,
    }


def tested(backtest: Any) -> dict[str, dict[str, float]]:
    """Return the back-test of a run in the form of `record`."""
    if not backtest or not backtest.get("forecasts"):
        return {}
    recalls = backtest.get("recall_at_5", {})
    cards = {
        way: {"forecasts": backtest["forecasts"], "recall": known(recalls.get(way)), "error": known(error)}
        for way, error in backtest["error"].items()
    }
    cards["shown"]["coverage"] = known(backtest.get("coverage"))
    return cards


def known(figure: float | None) -> float:
    """Return a figure, NaN for none."""
    return np.nan if figure is None else float(figure)


def scorecard(cards: dict[str, dict[str, dict[str, float]]], people: bool) -> str:
    """Return how each way fared, in the back-test and in public, as a table."""
    heads = [
        f'<th scope="col">{name}: {what}</th>'
        for name in cards
        for what in (("of the first five found", "error") if people else ("error",))
    ]
    body = ""
    for way, name in WAYS.items():
        cells = ""
        for card in cards.values():
            one = card.get(way, {})
            found = f"<td>{percent(one.get('recall'))}</td>" if people else ""
            cells += f"{found}<td>{digits(one.get('error'))}</td>"
        body += f"<tr><td>{name}</td>{cells}</tr>"
    counts = "; ".join(
        f"{name}: n = {look.number(card.get('shown', {}).get('forecasts', 0))} forecasts, "
        f"{percent(card.get('shown', {}).get('coverage'))} of what came lay in the 80 % intervals"
        for name, card in cards.items()
    )
    table = f'<table class="evidence"><thead><tr><th scope="col">Scorecard</th>{"".join(heads)}</tr></thead>'
    return f'<div class="scroll" tabindex="0">{table}<tbody>{body}</tbody></table></div><p class="quiet">{counts}.</p>'


def percent(share: float | None) -> str:
    """Return a share in percent, or a dash."""
    return look.number(None) if share is None or pd.isna(share) else f"{100 * share:.0f} %"


def digits(error: float | None) -> str:
    """Return an error in three digits, or a dash."""
    return look.number(None) if error is None or pd.isna(error) else f"{error:,.3g}"


def why_shown(rows: pd.DataFrame) -> str:
    """Say which way is shown, and that the model is not where it has not earned it."""
    days = int((rows["way"] == "model").sum()), len(rows)
    if days[0] == days[1]:
        return "Shown is the model, which has beaten persistence and the four weeks' mean here."
    if not days[0]:
        return "Shown is persistence, all stays as it is: the model has not beaten both others here yet."
    return f"Shown is the model where it has beaten both others here, on {days[0]} of {days[1]} days; else persistence."


def missing(run: dict[str, Any] | None, subject: str) -> str:
    """Say why there is no forecast, or nothing if there is one."""
    if run is None:
        return look.empty("No forecast yet", NOT_YET)
    why = look.given(run["refused"])
    return look.empty(f"Too little to foretell {subject}", f"{why} {TOO_LITTLE}") if why else ""


@data.kept
def people(view: View) -> str:
    """Return who will matter, how sure that is, and how such forecasts fared."""
    run = runs_of(view).get("people")
    if view.sensitive:
        return look.block(look.empty("No people here", influencers.SENSITIVE), view.dark)
    told = told_of(view, "people")
    rows = newest(told)
    head = "<h2>Next influencers</h2>"
    if rows.empty or run is None:
        return look.block(head + unnamed(view, run), view.dark)
    week = look.between(rows["due"][0] - 7 * DAY, rows["due"][0], "UTC")
    about = (
        f"<p>The week of {week}, {look.counted(run['ahead'], 'week')} ahead of what is known, "
        f"from {look.counted(run['history'], 'week')} of history. {why_shown(rows)}</p>"
    )
    cards = {"Back-test": tested(run["backtest"]), "Judged since": record(told)}
    return look.block(head + about + listed(rows) + scorecard(cards, people=True), view.dark)


def unnamed(view: View, run: dict[str, Any] | None) -> str:
    """Say why nobody is named; a keyword that never had a score has no run of its own."""
    if run is None and runs_of(view):
        return look.empty("Too little to foretell people", f"{NO_WEEKS} {TOO_LITTLE}")
    return missing(run, "people") or look.empty("Nobody to name", NOBODY)


def listed(rows: pd.DataFrame) -> str:
    """Return the people of a forecast as a table."""
    heads = ("Who", "Place", "Chance of the first five", "Score", "8 of 10 times between")
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    lines = "".join(
        f"<tr><td>{look.safe(look.given(row['name']) or 'unknown')} "
        f"<small>@{look.safe(look.given(row['username']) or 'unknown')}</small></td><td>{row['place']}</td>"
        f"<td>{percent(row['chance'])}</td><td>{row['expected']:.1f}</td><td>{interval(row, 'people')}</td></tr>"
        for row in look.rows(rows)
    )
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def interval(row: dict[str, Any], subject: str) -> str:
    """Return an interval, or a dash where too few forecasts have matured to tell one."""
    if pd.isna(row["low"]):
        return look.number(None)
    return " to ".join(FORMS[subject](row[end]) for end in ("low", "high"))


def plot(frame: pd.DataFrame, subject: str, dark: bool = False) -> Any:
    """Draw what is expected of each coming day, with its interval."""
    drawn = Plot(subject)
    drawn.show(frame, dark)
    return drawn.whole


class Plot:
    """The tweets or the mood of the coming days: made once for a page, then only its rows change.

    It is Bokeh's own, for HoloViews takes ten times as long to draw it anew.
    """

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self.rows: Any = ColumnDataSource()
        counts = subject == "tweets"
        self.whole: Any = figure(
            height=220,
            sizing_mode="stretch_width",
            x_range=FactorRange(),
            y_range=Range1d(start=0 if counts else -1, end=1),
            y_axis_label="tweets a day" if counts else "mood",
            tools="",
            toolbar_location=None,
            outline_line_color=None,
        )
        self.whole.xaxis[0].major_label_orientation = np.radians(35)
        self.whole.yaxis[0].formatter = NumeralTickFormatter(format="0,0.[0]")
        self._bars = self._add(Segment(x0="day", y0="low", x1="day", y1="high", line_width=2)).glyph
        points = self._add(Scatter(x="day", y="expected", size=9))
        self._points = points.glyph
        known = [("expected", "@expected{0,0.[00]}"), ("8 of 10 times", "@low{0,0.[00]} - @high{0,0.[00]}")]
        self.whole.add_tools(HoverTool(renderers=[points], tooltips=[("", "@day"), *known]))

    def show(self, frame: pd.DataFrame, dark: bool) -> None:
        """Show what a forecast says of each day; one without an interval has no bar."""
        days = [f"{due - DAY:%a %d %b}" for due in frame["due"]]
        self.whole.x_range.factors = days
        self.rows.data = {"day": days} | {name: frame[name].to_numpy(dtype=float) for name in SHOWN}
        if self._subject == "tweets":
            self.whole.y_range.end = 1.05 * max([1.0, *frame[SHOWN].astype(float).max().dropna()])
        ink = look.colours(dark)[1 if self._subject == "tweets" else 0]
        self._bars.line_color = ink
        self._points.update(fill_color=ink, line_color=ink)

    def _add(self, glyph: Any) -> Any:
        """Draw the rows by one glyph, which `figure.scatter` and the like would make three of: none is selected."""
        return self.whole.add_glyph(self.rows, glyph)


@data.kept
def days(view: View, subject: str) -> str:
    """Say what is expected of the coming days from what, or why there is nothing."""
    run, rows = runs_of(view).get(subject), coming_of(view, subject)
    head = f"<h2>{'Tweets' if subject == 'tweets' else 'Mood'} of the coming days</h2>"
    if rows.empty or run is None:
        return look.block(head + missing(run, subject), view.dark)
    looked = f"From {look.counted(run['history'], 'day')} of history; days are those of UTC."
    return look.block(f"{head}<p>{looked} {why_shown(rows)}</p>", view.dark)


@data.kept
def evidence(view: View, subject: str) -> str:
    """Return the plot as a table, and how such forecasts fared; nothing where there is no forecast."""
    run, told, rows = runs_of(view).get(subject), told_of(view, subject), coming_of(view, subject)
    if rows.empty or run is None:
        return ""
    cards = {"Back-test": tested(run["backtest"]), "Judged since": record(told)}
    twin = f'<details id="twin"><summary>The plot as a table</summary>{table(rows, subject)}</details>'
    return look.block(f"{twin}{scorecard(cards, people=False)}", view.dark)


def table(rows: pd.DataFrame, subject: str) -> str:
    """Return the plot as a table."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Day", "Expected", "8 of 10 times between"))
    lines = "".join(
        f"<tr><td>{row['due'] - DAY:%a %d %b %Y}</td><td>{FORMS[subject](row['expected'])}</td>"
        f"<td>{interval(row, subject)}</td></tr>"
        for row in look.rows(rows)
    )
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'


def coming(selection: Selection, subject: str) -> pn.Column:
    """Build the part of the page about the tweets or the mood of the coming days."""
    view, drawn = selection.param.view, Plot(subject)

    def follow(*_: object) -> None:
        with hold():  # Panel may call without the document's lock, and Bokeh's own models refuse a change then
            drawn.show(coming_of(selection.view, subject), selection.view.dark)

    def there(view: View) -> bool:
        return not coming_of(view, subject).empty

    def told(view: View) -> str:
        return days(view, subject)

    def shown(view: View) -> str:
        return evidence(view, subject)

    follow()
    selection.param.watch(follow, "view")
    return pn.Column(
        look.pane(pn.bind(told, view)),
        # Not the pane itself is hidden: it would hand its design on to Bokeh with `visible`, which raises.
        pn.Column(
            pn.pane.Bokeh(drawn.whole, sizing_mode="stretch_width"),
            visible=pn.bind(there, view),
            sizing_mode="stretch_width",
        ),
        Steady(html=pn.bind(shown, view), sizing_mode="stretch_width"),
        sizing_mode="stretch_width",
        margin=(14, 0, 0, 0),
    )


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""

    def rules(dark: bool) -> str:
        return look.block(f'<ul class="rules">{"".join(f"<li>{rule}</li>" for rule in RULES)}</ul>', dark)

    return pn.Column(
        look.pane(pn.bind(people, selection.param.view)),
        coming(selection, "tweets"),
        coming(selection, "mood"),
        look.folded("How forecasts are made and judged", lambda: look.pane(pn.bind(rules, selection.param.dark))),
        sizing_mode="stretch_width",
    )
