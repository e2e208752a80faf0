"""Influence Score Dashboard: who drives the conversation, and in which mood."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import panel as pn
from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.plotting import figure
from panel.io import hold

from core import queries, weights
from panel_app import audience, data, influencer_card, look, what_if
from panel_app import weights as weights_page
from panel_app.selection import Selection, View
from panel_app.steady import Steady

TOP = 5
MARK = ["reach", "resonance", "name", "handle", "score", "place"]  # what is drawn and told of an influencer
TIPS = [("", "@name @handle"), ("score", "@score{0.0}"), ("reach", "@reach{0.0}"), ("resonance", "@resonance{0.0}")]
NO_SCORES = "Scores are computed every 15 minutes while talker up runs, or now: talker influence run"
RULES = (
    "A score stands for one author on this keyword. <b>Reach</b> is whom they can speak to, <b>Resonance</b> how far "
    "what they wrote here went: originals, quotes and replies. A retweet counts for whom it repeats.",
    "Of each tweet the highest counts seen are taken; a mention counts once for each who mentions. All of them decay, "
    "to half after the keyword's half-life. What is unknown is not 0: the other counts share its weight.",
    "Ranked are those with two own tweets in these hours, or one that was retweeted ten times. Where scores are equal, "
    "more followers come first.",
    "A mood is the mean over an author's tweets here. It is positive or negative only if it would be so without any "
    "one of them: one sarcastic tweet makes no detractor. Else it is neutral.",
    "How sure a rank is: had chance picked other tweets of the same people, it would be in the interval beside it nine "
    "times in ten.",
)
SENSITIVE = "This keyword is marked sensitive: only totals are shown, never people."


def top(view: View) -> pd.DataFrame:
    """Read the five highest scores of each sentiment, best first."""
    return _top(view.keyword_id, view.scored_until, view.version)


@data.kept  # a page asks six times at each commit, and to write the queries costs 20 ms
def _top(keyword_id: int, until: datetime | None, version: int) -> pd.DataFrame:
    asked = (queries.top_influencers(keyword_id, label, TOP, until) for label in look.LABELS)
    return pd.concat([data.frame(query, version) for query in asked], ignore_index=True)


def plot(frame: pd.DataFrame, dark: bool = False) -> Any:
    """Draw each influencer by reach and resonance: far right is known, high up is passed on."""
    drawn = Plot()
    drawn.show(frame, dark)
    return drawn.whole


class Plot:
    """Reach and resonance: made once for a page, then only its rows change.

    It is Bokeh's own, for HoloViews takes ten times as long to draw it anew.
    """

    def __init__(self) -> None:
        self.rows: dict[int, Any] = {label: ColumnDataSource() for label in look.LABELS}
        self.whole: Any = figure(
            height=320,
            sizing_mode="stretch_width",
            x_axis_label="Reach: how many they can speak to",
            y_axis_label="Resonance: how far it went",
            x_range=Range1d(start=0, end=1),
            y_range=Range1d(start=0, end=1),
            tools="",
            toolbar_location=None,
            outline_line_color=None,
        )
        self._marks = {label: self._mark(label) for label in look.LABELS}
        centred = {"text_align": "center", "text_baseline": "middle"}
        style: dict[str, Any] = {"text_font_size": "9pt", "text_font_style": "bold", **centred}
        self._ranks = [
            self.whole.text("reach", "resonance", "place", source=one, **style) for one in self.rows.values()
        ]

    def show(self, frame: pd.DataFrame, dark: bool) -> None:
        """Show influencers."""
        drawn = frame.assign(handle="@" + frame["username"].fillna("unknown"), place=frame["rank"].map(look.number))
        for label, source in self.rows.items():
            some = drawn[drawn["label"] == label]
            source.data = {column: list(some[column]) for column in MARK}
            self._marks[label].fill_color = look.colours(dark)[label]
        for ranks in self._ranks:
            ranks.glyph.text_color = "#15181B" if dark else "white"
        for axis, name in ((self.whole.x_range, "reach"), (self.whole.y_range, "resonance")):
            axis.update(**around(drawn[name]))

    def _mark(self, label: int) -> Any:
        style: dict[str, Any] = {"marker": look.MARKERS[label], "size": 26, "line_color": None}
        marks = self.whole.scatter("reach", "resonance", source=self.rows[label], **style)
        self.whole.add_tools(HoverTool(renderers=[marks], tooltips=TIPS))
        return marks.glyph


def around(values: pd.Series) -> dict[str, float]:
    """Return the ends of an axis on which no mark lies at the edge."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    room = 0.15 * (high - low) or 1.0
    return {"start": low - room, "end": high + room}


def twin(frame: pd.DataFrame) -> str:
    """Return the plot as a table."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Who", "Mood", "Rank", "Reach", "Resonance", "Score"))
    lines = "".join(
        f"<tr><td>{look.safe(row['name'] or 'unknown')} @{look.safe(row['username'] or 'unknown')}</td>"
        f"<td>{look.mood(row['label'])}</td><td>{look.number(row['rank'])}</td>"
        + "".join(f"<td>{row[name]:.1f}</td>" for name in ("reach", "resonance", "score"))
        + "</tr>"
        for row in look.rows(frame)
    )
    table = (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    )
    return f'<details id="twin"><summary>The plot as a table</summary>{table}</details>'


def columns(frame: pd.DataFrame, view: View) -> str:
    """Return the influencers of each sentiment side by side."""
    of, parts = weights.of_version(frame["weights"].iloc[0]), []
    for label in look.LABELS:
        rows = look.rows(frame[frame["label"] == label])
        cards = "".join(influencer_card.card(row, view.zone, of, view.images) for row in rows)
        cards = cards or look.empty("Nobody", "No author in this mood.")
        parts.append(f"<section><h2>{look.mood(label)}</h2><ol>{cards}</ol></section>")
    return f'<div class="columns">{"".join(parts)}</div>'


@data.kept
def leaders(view: View) -> str:
    """Return the top five of each sentiment, or why there are none."""
    if view.sensitive:
        return look.block(look.empty("No people here", SENSITIVE), view.dark)
    frame = top(view)
    if frame.empty:
        return look.block(look.empty("No influence scores yet", NO_SCORES), view.dark)
    return look.block(columns(frame, view), view.dark)


def shows_people(view: View) -> bool:
    """Say whether a view has influencers that may be shown."""
    return not view.sensitive and not top(view).empty


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""
    drawn = Plot()

    def follow(*_: object) -> None:
        view = selection.view
        with hold():  # Panel may call without the document's lock, and Bokeh's own models refuse a change then
            drawn.show(top(view).iloc[: None if shows_people(view) else 0], view.dark)

    follow()
    selection.param.watch(follow, "view")

    def heading(view: View) -> str:
        text = "<h2>Reach and resonance</h2><p class='quiet'>The numbers are the ranks above.</p>"
        return look.block(text, view.dark)

    def table(view: View) -> str:
        return look.block(twin(top(view)), view.dark) if shows_people(view) else ""

    view = selection.param.view
    return pn.Column(
        look.pane(pn.bind(audience.totals, view)),
        look.folded("How a score is made", lambda: made(selection)),
        Steady(html=pn.bind(leaders, view), sizing_mode="stretch_width"),
        # Not the pane itself is hidden: it would hand its design on to Bokeh with `visible`, which raises.
        pn.Column(
            look.pane(pn.bind(heading, view)),
            pn.pane.Bokeh(drawn.whole, sizing_mode="stretch_width"),
            Steady(html=pn.bind(table, view), sizing_mode="stretch_width"),
            look.folded("What if the weights were others?", lambda: what_if.page(selection)),
            visible=pn.bind(shows_people, view),
            sizing_mode="stretch_width",
        ),
        sizing_mode="stretch_width",
    )


def made(selection: Selection) -> pn.Column:
    """Build the part of the page that tells how a score is made: by which rules, and with which weights."""

    def rules(dark: bool) -> str:
        return look.block(f'<ul class="rules">{"".join(f"<li>{rule}</li>" for rule in RULES)}</ul>', dark)

    told = look.pane(pn.bind(rules, selection.param.dark))
    return pn.Column(told, weights_page.page(selection), sizing_mode="stretch_width")
