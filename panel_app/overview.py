"""Overview: the figures of the range against the range before, and the trend."""

from __future__ import annotations

import pandas as pd
import panel as pn

from panel_app import audience, data, influencers, look, totals, trend, tweet_card
from panel_app.selection import Selection, View

BEST = 3  # of each mood


def change(now: float, before: float, span: str) -> str:
    """Return how much a count moved, or that there is nothing to compare with."""
    if not before:
        return f"none in the {span} before"
    return f"{look.signed(100 * (now - before) / before, 0)} % against the {span} before"


def shares(table: pd.DataFrame) -> str:
    """Return how the scored tweets part by sentiment, as a bar and in figures."""
    scored = max(1, int(table["scored"].sum()))
    parts = {label: 100 * int(table[look.MOODS[label]].sum()) / scored for label in look.LABELS}
    bar = "".join(f'<i class="{look.MOODS[label]}" style="width:{part:.1f}%"></i>' for label, part in parts.items())
    text = "".join(
        f'<span class="{look.MOODS[label]}">{look.GLYPHS[label]} {part:.0f} %</span>' for label, part in parts.items()
    )
    return f'<div class="shares-bar">{bar}</div><div class="shares">{text}</div>'


def tiles(now: pd.Series, before: pd.Series, table: pd.DataFrame, span: str) -> str:
    """Return the figures of a range beside those of the range before; of a sample counts are not compared."""
    tweets, voices = (change(now[count], before[count], span) for count in ("tweets", "voices"))
    if min(now["percent"], before["percent"]) < 100:
        tweets, voices = trend.about(table) or "a sample before", "of a sample: not compared"
    if now["scored"] and before["scored"]:
        moved = f"{look.signed(now['sentiment'] - before['sentiment'])} against the {span} before"
    else:
        moved = "nothing to compare with"
    four = (
        look.tile("Tweets", look.large(look.number(now["tweets"])), tweets),
        look.tile("Voices", look.large(look.number(now["voices"])), voices),
        look.tile("Mean sentiment", look.large(look.mean(now["sentiment"], now["scored"])), moved),
        look.tile("Mood of the scored tweets", shares(table), ""),
    )
    return f'<div class="tiles">{"".join(four)}</div>'


@data.kept
def figures(view: View) -> str:
    """Read and return the figures of a view."""
    now, before = (totals.of(view, *ends) for ends in ((view.start, view.end), view.before))
    if not now["tweets"]:
        return look.block(look.empty(f"No tweet about {view.keyword} in this range", trend.nothing(view)), view.dark)
    return look.block(tiles(now, before, trend.trend_of(view), view.span), view.dark)


@data.kept
def voices(view: View) -> str:
    """Return the most influential of each mood, or why there are none."""
    if view.sensitive:
        return look.block(look.empty("No people here", influencers.SENSITIVE), view.dark)
    found = influencers.top(view)
    if found.empty:
        return look.block(look.empty("No influence scores yet", influencers.NO_SCORES), view.dark)
    lists = "".join(
        f"<section><h3>{look.mood(label)}</h3>{best(found, label, view)}</section>" for label in look.LABELS
    )
    reached = audience.of(view)
    of = "" if reached is None else f" over {audience.hours(reached)}"
    until = look.clock(found["window_end"].iloc[0], view.zone)
    told = f'<p class="quiet">Scores up to {until}{of}; more under Influence Score.</p>'
    return look.block(f'<h2>Most influential</h2>{told}<div class="columns">{lists}</div>', view.dark)


def best(found: pd.DataFrame, label: int, view: View) -> str:
    """Return the first few of one mood with their scores."""
    rows = look.rows(found[found["label"] == label].head(BEST))
    lines = "".join(
        f'<li class="card slim">{tweet_card.person(row, view.images)}'
        f'<span class="aside"><b>{row["score"]:.1f}</b><br><small>n = {look.number(row["tweets"])}</small></span></li>'
        for row in rows
    )
    return f"<ol>{lines}</ol>" if rows else look.empty("Nobody", "No author in this mood.")


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""
    view = selection.param.view
    return pn.Column(
        look.pane(pn.bind(figures, view)),
        look.pane(pn.bind(trend.legend, view)),
        trend.chart(selection),
        trend.twin(selection),
        look.pane(pn.bind(voices, view)),
        sizing_mode="stretch_width",
    )
