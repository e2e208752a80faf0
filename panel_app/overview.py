"""Overview: the figures of the range against the range before, and the trend."""

from __future__ import annotations

import pandas as pd
import panel as pn

from core import queries
from panel_app import look, trend
from panel_app.selection import Selection, View


def change(now: float, before: float, span: str) -> str:
    """Return how much a count moved, or that there is nothing to compare with."""
    if not before:
        return f"none in the {span} before"
    return f"{look.signed(100 * (now - before) / before, 0)} % against the {span} before"


def tile(name: str, figure: str, note: str) -> str:
    """Return one figure with its name and what it compares to."""
    return f'<div class="card"><span class="quiet">{name}</span>{figure}<small>{note}</small></div>'


def large(figure: str) -> str:
    """Return a figure in the size of a headline."""
    return f'<div class="figure">{figure}</div>'


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
        tile("Tweets", large(look.number(now["tweets"])), tweets),
        tile("Voices", large(look.number(now["voices"])), voices),
        tile("Mean sentiment", large(look.mean(now["sentiment"], now["scored"])), moved),
        tile("Mood of the scored tweets", shares(table), ""),
    )
    return f'<div class="tiles">{"".join(four)}</div>'


def figures(view: View) -> str:
    """Read and return the figures of a view."""
    now, before = (
        view.read(queries.totals(view.keyword_id, *ends)).iloc[0] for ends in ((view.start, view.end), view.before)
    )
    return look.block(tiles(now, before, trend.trend_of(view), view.span), view.dark)


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""
    view = selection.param.view
    return pn.Column(
        look.pane(pn.bind(figures, view)),
        look.pane(pn.bind(trend.legend, view)),
        trend.chart(selection),
        sizing_mode="stretch_width",
    )
