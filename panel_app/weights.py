"""What the influence score is made of: how much each criterion can give, and where the weights come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import holoviews as hv
import pandas as pd
import panel as pn
from bokeh.embed import components
from bokeh.resources import Resources
from holoviews import opts

from core import weights
from core.config import Settings
from core.weights import CRITERIA, REACH, Weights
from panel_app import look
from panel_app.selection import Selection

NAMES = dict(zip(CRITERIA, ("followers", "lists", "posts", "retweets and likes", "mentions"), strict=True))
METHODS = {"additive": "curves fitted on the pairs", "forest": "importances of random forests"}
COUNTS = (10, 1_000, 100_000, 10_000_000)
INK = {False: "#1B2126", True: "#E6EAEE"}


def shares(trained: Mapping[str, Any], method: str) -> pd.DataFrame:
    """Return the points that each criterion gives at most, with their interval, from what training noted."""
    one = trained["methods"][method]
    rows = [
        {
            "criterion": f"{part(name)}: {NAMES[name]}",
            "part": part(name),
            "points": curve["points"][-1],
            "below": curve["points"][-1] - one["low"][name],
            "above": one["high"][name] - curve["points"][-1],
        }
        for name, curve in one["curves"].items()
    ]
    return pd.DataFrame(rows)


def part(criterion: str) -> str:
    """Return which part of the score a criterion belongs to."""
    return "Reach" if criterion in REACH else "Resonance"


def plot(frame: pd.DataFrame, dark: bool = False) -> hv.Overlay:
    """Draw how many points each criterion gives at most, with its interval; Resonance is hatched."""
    colours = look.colours(dark)
    layers: list[hv.Element] = []
    for name, colour, hooks in (("Reach", colours[1], []), ("Resonance", colours[-1], [hatched])):
        bars = hv.Bars(frame[frame["part"] == name], "criterion", "points")
        layers.append(bars.opts(color=colour, line_color=None, bar_width=0.7, tools=["hover"], hooks=hooks))
    # An interval of repeats need not hold the value of all the pairs.
    spans = frame.assign(below=frame["below"].clip(lower=0), above=frame["above"].clip(lower=0))
    lines = hv.ErrorBars(spans, "criterion", ["points", "below", "above"])
    layers.append(lines.opts(color=INK[dark], line_width=2, hooks=[lifted]))
    return hv.Overlay(layers).opts(
        opts.Overlay(
            responsive=True,
            height=260,
            invert_axes=True,
            invert_yaxis=True,
            toolbar=None,
            show_legend=False,
            xlabel="",
            ylabel="Points at most, of 100",
            ylim=(0, None),
        )
    )


def twin(frame: pd.DataFrame) -> str:
    """Return the plot as a table."""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("of 100 points", "at most", "from", "to"))
    lines = "".join(
        f"<tr><td>{row['criterion']}</td><td>{row['points']:.1f}</td>"
        f"<td>{row['points'] - row['below']:.1f}</td><td>{row['points'] + row['above']:.1f}</td></tr>"
        for row in look.rows(frame)
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<details class="twin"><summary>The plot as a table</summary>{table}</details>'


def hatched(plot: Any, _element: object) -> None:
    """Hatch bars, so that more than their colour tells them apart: a hook for HoloViews."""
    plot.handles["glyph"].update(hatch_pattern="/", hatch_color="white", hatch_weight=2, hatch_scale=10)


def lifted(plot: Any, _element: object) -> None:
    """Draw intervals above the bars, which would hide their lower half: a hook for HoloViews."""
    plot.handles["glyph"].level = "overlay"


def points(of: Weights) -> str:
    """Return how many points some counts give, as a table."""
    head = "".join(f"<th>{look.short(count)}</th>" for count in COUNTS)
    rows = "".join(
        f"<tr><td>{NAMES[name]}</td>" + "".join(f"<td>{curve.of(count):.1f}</td>" for count in COUNTS) + "</tr>"
        for name, curve in of.curves.items()
    )
    return f'<table class="points"><tr><th>points for a count of</th>{head}</tr>{rows}</table>'


def provenance(trained: Mapping[str, Any], method: str) -> str:
    """Say in words where a method's weights come from, how well they rank, and what they do not know."""
    data, found = trained["trained"], trained["auc_on_unseen_people"]["tenths"]
    own = found[method]
    single = ", ".join(f"{name} alone {found[name]['auc']:.3f}" for name in ("followers", "listed"))
    libraries = ", ".join(f"{name} {number}" for name, number in data["libraries"].items())
    version = f"{trained['methods'][method]['version']}, learnt on {data['day']} with {libraries}"
    paragraphs = (
        f"In {data['pairs']:,} pairs of {data['people']:,} people on Twitter somebody judged who is more influential"
        f" (Kaggle / PeerIndex, 2013). The weights are {METHODS[method]}: those that tell best who was chosen.",
        f"On people not seen in learning the score ranks pairs with an area under the ROC curve (0.5 is chance, 1 is"
        f" always right) of <b>{own['auc']:.3f} ± {own['spread']:.3f}</b>; {single}. So most of it is fame: in"
        f" {own['ahead_in']} of {data['seeds']} random tests the score did better than the best single count, by"
        f" {own['ahead']:.3f} ± {own['ahead_spread']:.3f}.",
        f"What the pairs do not know: likes, any keyword, and the years since. What they say of retweets and mentions"
        f" received is carried over to retweets with likes, and mentions, on this keyword; what they say of a rate of"
        f" posts, to {data['days_of_posts']:,} days of it. The lines on the bars hold {held(data['interval'])} of the"
        f" weights that other such people would have taught.",
        f"<small>Version {look.safe(version)}.</small>",
    )
    return "<h2>Where the weights come from</h2>" + "".join(f"<p>{text}</p>" for text in paragraphs)


def held(interval: Mapping[str, float]) -> str:
    """Return how much of something an interval holds."""
    return f"{100 * (interval['high'] - interval['low']):.0f} %"


def page(selection: Selection) -> pn.Column:
    """Build the part of a page that explains the score; only its colours follow the selection."""
    trained, of = weights.trained(), weights.load(Settings.from_env().weights_method)
    frame = shares(trained, of.method)

    def chart(dark: bool) -> hv.Overlay:
        return plot(frame, dark)

    def words(dark: bool) -> str:
        return look.block(twin(frame) + provenance(trained, of.method) + points(of), dark)

    dark = selection.param.dark
    return pn.Column(
        pn.pane.HoloViews(pn.bind(chart, dark), sizing_mode="stretch_width", linked_axes=False),
        look.pane(pn.bind(words, dark)),
        sizing_mode="stretch_width",
    )


def write(trained: Mapping[str, Any], path: Path) -> None:
    """Write the importance plots of all methods as one page that needs nothing from outside."""
    hv.extension("bokeh")
    drawn = [plot(shares(trained, method)).relabel(METHODS[method]) for method in trained["methods"]]
    figures = hv.Layout(drawn).opts(sizing_mode="stretch_width", toolbar=None).cols(1)
    script, place = components(hv.render(figures))
    title = "TwitterTalker: what the influence score is made of"
    # Bokeh's own code only: what Panel adds to it would be asked for.
    code = "".join(f"<script>{raw}</script>" for raw in Resources(mode="inline", components=["bokeh"]).js_raw)
    path.write_text(f"<!doctype html><meta charset='utf-8'><title>{title}</title>{code}{place}{script}\n")
