"""Influence Score Dashboard: who drives the conversation, and in which mood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import holoviews as hv
import pandas as pd
import panel as pn
from bokeh.models import HoverTool
from holoviews import opts

from core import queries
from panel_app import look, tweet_card
from panel_app.selection import Selection, View

TOP = 5
NO_SCORES = "Scores are computed every 15 minutes while talker up runs, or now: talker influence run"
SENSITIVE = "This keyword is marked sensitive: only totals are shown, never people."


def top(view: View) -> pd.DataFrame:
    """Read the five highest scores of each sentiment, best first, with their `rank`."""
    asked = (queries.top_influencers(view.keyword_id, label, TOP) for label in look.LABELS)
    found = [view.read(query) for query in asked]
    return pd.concat([one.assign(rank=range(1, len(one) + 1)) for one in found], ignore_index=True)


def plot(frame: pd.DataFrame, dark: bool = False) -> hv.Overlay:
    """Draw each influencer by reach and resonance: far right is known, high up is passed on."""
    drawn = frame.assign(handle="@" + frame["username"].fillna("unknown"), place=frame["rank"].astype(str))
    tips = [("", "@name @handle"), ("score", "@score{0.0}"), ("reach", "@reach{0.0}"), ("resonance", "@resonance{0.0}")]
    columns = ["name", "handle", "score", "place"]
    layers: list[hv.Element] = []
    for label in look.LABELS:
        some = drawn[drawn["label"] == label]
        points = hv.Points(some, ["reach", "resonance"], columns)
        style = {"color": look.colours(dark)[label], "marker": look.MARKERS[label], "size": 26, "line_color": None}
        layers.append(points.opts(framewise=True, tools=[HoverTool(tooltips=tips)], default_tools=[], **style))
    ranks = hv.Labels(drawn, ["reach", "resonance"], "place")
    ink = "#15181B" if dark else "white"
    layers.append(
        ranks.opts(framewise=True, text_color=ink, text_font_size="9pt", text_font_style="bold", default_tools=[])
    )
    return hv.Overlay(layers).opts(
        opts.Overlay(
            responsive=True,
            height=320,
            padding=0.15,
            toolbar=None,
            show_legend=False,
            show_grid=True,
            xlabel="Reach: how many they can speak to",
            ylabel="Resonance: how far it went",
        )
    )


def influencer(row: Mapping[str, Any], zone: str) -> str:
    """Return one influencer as a card: score and its parts, figures, and their most shared tweet."""
    mood = look.MOODS[row["label"]]
    parts = (("Reach", row["reach"]), ("Resonance", row["resonance"]))
    bar = "".join(f'<i style="width:{max(0.0, float(value)):.1f}%"></i>' for _, value in parts)
    split = " + ".join(f"{name} {value:.1f}" for name, value in parts)
    facts = {
        "Followers": look.short(row["followers_count"]),
        "Retweets": look.short(row["retweet_count"]),
        "Mean sentiment": look.mean(row["sentiment"], row["scored"]),
    }
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    return (
        f'<li class="card">{tweet_card.person(row)}<span class="rank {mood}"><b>{row["rank"]}</b></span>'
        f'<span class="aside score">{row["score"]:.1f}</span>'
        f'<div class="split {mood}">{bar}</div><small>{split}</small>'
        f'{tweet_card.body(row, zone)}<dl class="facts">{listed}</dl></li>'
    )


def columns(frame: pd.DataFrame, zone: str) -> str:
    """Return the influencers of each sentiment side by side."""
    parts = []
    for label in look.LABELS:
        rows = look.rows(frame[frame["label"] == label])
        cards = "".join(influencer(row, zone) for row in rows) or look.empty("Nobody", "No author in this mood.")
        parts.append(f"<section><h2>{look.mood(label)}</h2><ol>{cards}</ol></section>")
    return f'<div class="columns">{"".join(parts)}</div>'


def leaders(view: View) -> str:
    """Return the top five of each sentiment, or why there are none."""
    if view.sensitive:
        return look.block(look.empty("No people here", SENSITIVE), view.dark)
    frame = top(view)
    if frame.empty:
        return look.block(look.empty("No influence scores yet", NO_SCORES), view.dark)
    return look.block(note(frame.iloc[0], view.zone) + columns(frame, view.zone), view.dark)


def note(scored: pd.Series, zone: str) -> str:
    """Say which tweets the scores are of, which is not what the range picker says."""
    hours = (scored["window_end"] - pd.to_datetime(scored["window_start"])) / pd.Timedelta(hours=1)
    span = "tweets" if pd.isna(hours) else f"{hours:g} hours"
    until = f"{look.clock(scored['window_end'], zone)} ({look.safe(zone)})"
    share = "" if scored["percent"] == 100 else f" Of a part of them only {scored['percent']} % were read."
    return f'<p class="quiet">Scores 0 to 100 of the {span} up to {until}, whatever range is chosen above.{share}</p>'


def shows_people(view: View) -> bool:
    """Say whether a view has influencers that may be shown."""
    return not view.sensitive and not top(view).empty


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""

    def drawn(view: View) -> hv.Overlay:
        return plot(top(view).iloc[: None if shows_people(view) else 0], view.dark)

    def heading(view: View) -> str:
        text = "<h2>Reach and resonance</h2><p class='quiet'>The numbers are the ranks above.</p>"
        return look.block(text if shows_people(view) else "", view.dark)

    view = selection.param.view
    live = hv.DynamicMap(drawn, streams=[hv.streams.Params(selection, ["view"])])
    chart = pn.pane.HoloViews(live, sizing_mode="stretch_width", linked_axes=False)
    return pn.Column(
        look.pane(pn.bind(leaders, view)),
        look.pane(pn.bind(heading, view)),
        # Not the pane itself is hidden: it would hand its design on to Bokeh with `visible`, which raises.
        pn.Column(chart, visible=pn.bind(shows_people, view), sizing_mode="stretch_width"),
        sizing_mode="stretch_width",
    )
