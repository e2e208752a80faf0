"""What if the weights were others? The order anew, from the points that are stored: nothing is computed by Spark."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from core import queries, weights
from core.weights import CRITERIA, POINTS, REACH, RESONANCE, Weights
from panel_app import look, tweet_card
from panel_app.influencer_card import NAMES, ordinal
from panel_app.selection import Selection, View

MOST = 200  # of each mood are put in a new order
SHOWN = 5
LABEL = (
    "This only tries things out: neither the stored scores nor what others see change. How much should each count? The "
    f"{MOST} highest scores of each mood are put in the order that your weights give to the points they have."
)
OTHER_WEIGHTS = (
    "These scores were made with weights that this version no longer has. The next scores, within 15 minutes, can be "
    "weighed anew; or now: talker influence run"
)


def reordered(frame: pd.DataFrame, of: Weights, wanted: Mapping[str, float]) -> pd.DataFrame:
    """Return the rows in the order that other weights give, each mood for itself, with `was`, the rank in force.

    `wanted` is what each criterion counts for, in any unit: only their relation matters. Equal scores keep the order
    they had. Who has no known criterion with a weight comes last, without a score.
    """
    points = frame[[POINTS[name] for name in CRITERIA]].astype(float).set_axis(list(CRITERIA), axis=1)
    known = points.notna()
    before, after = (added(known[name] * most[name] for name in CRITERIA) for most in (full(of), wanted))
    weighed = {name: points[name].fillna(0.0) * (wanted[name] / full(of)[name]) for name in CRITERIA}
    # Reach and resonance each by itself, as the job adds them up: with the weights in force not a digit may differ.
    reach, resonance = (added(weighed[name] for name in part) for part in (REACH, RESONANCE))
    score = ((reach + resonance) * (before / after.where(after > 0))).rename("score")
    found = frame.assign(score=score, was=frame["rank"], rounded=score.round(9))
    found = found.sort_values(["rounded", "was"], ascending=[False, True], na_position="last").drop(columns="rounded")
    return found.assign(rank=found.groupby("label").cumcount() + 1)


def added(columns: Iterable[pd.Series[Any]]) -> pd.Series[Any]:
    """Return the sum of columns, added up in their order."""
    return functools.reduce(operator.add, columns)


def full(of: Weights) -> dict[str, float]:
    """Return the most points that each criterion gives."""
    return {name: curve.full for name, curve in of.curves.items()}


def read(view: View) -> pd.DataFrame:
    """Read the highest scores of each mood and their points; nobody for a sensitive keyword."""
    asked = (queries.candidates(view.keyword_id, label, MOST, view.scored_until) for label in look.LABELS)
    found = pd.concat([view.read(query) for query in asked], ignore_index=True)
    return found.iloc[: 0 if view.sensitive else None]


def move(row: Mapping[str, Any]) -> str:
    """Say where somebody stood before, and which way they moved."""
    if pd.isna(row["was"]):
        return ""
    rise = int(row["was"] - row["rank"])
    if not rise:
        return '<span class="quiet">as before</span>'
    sign, way = ("▲", "up") if rise > 0 else ("▼", "down")
    moved = f'<span class="moved" role="img" aria-label="{way} by {abs(rise)}">{sign} {abs(rise)}</span>'
    return f"{moved} <small>was {ordinal(row['was'])}</small>"


def place(row: Mapping[str, Any]) -> str:
    """Return one influencer in the new order."""
    score = look.number(None) if pd.isna(row["score"]) else f"{row['score']:.1f}"
    return (
        f'<li class="card slim"><b class="rank">{ordinal(row["rank"])}</b>{tweet_card.person(row)}'
        f'<span class="aside"><b>{score}</b><br>{move(row)}</span></li>'
    )


def columns(frame: pd.DataFrame) -> str:
    """Return the first of each mood in the new order, side by side."""
    parts = []
    for label in look.LABELS:
        rows = look.rows(frame[frame["label"] == label].head(SHOWN))
        places = "".join(place(row) for row in rows) or look.empty("Nobody", "No author in this mood.")
        parts.append(f"<section><h3>{look.mood(label)}</h3><ol>{places}</ol></section>")
    return f'<div class="columns">{"".join(parts)}</div>'


def counted(wanted: Mapping[str, float]) -> str:
    """Say how much of a whole score each criterion is under the wanted weights."""
    whole = sum(wanted.values())
    if not whole:
        return '<p role="status">Nothing counts: give at least one a weight.</p>'
    shares = ", ".join(f"{NAMES[name].lower()} {100 * value / whole:.0f}" for name, value in wanted.items())
    return f'<p class="quiet" role="status">Of 100 points at most: {shares}.</p>'


def wanted(of: Weights, values: Sequence[int]) -> dict[str, float]:
    """Return what each criterion counts for by the sliders; one that was not moved stands for the exact weight."""
    moved = zip(full(of).items(), values, strict=True)
    return {name: most if value == round(most) else float(value) for (name, most), value in moved}


def answer(view: View, values: Sequence[int]) -> str:
    """Return the order that the sliders give, or why there is none."""
    if view.sensitive:
        return ""
    of = weights_of(view)
    if of is None:
        return look.block(look.empty("Not these scores", OTHER_WEIGHTS), view.dark)
    weighed = wanted(of, values)
    return look.block(counted(weighed) + columns(reordered(read(view), of, weighed)), view.dark)


def weights_of(view: View) -> Weights | None:
    """Return the weights that the shown scores were made with, if they are ours."""
    versions = read(view)["weights"]
    return None if versions.empty else weights.of_version(versions.iloc[0])


def about(dark: bool) -> str:
    """Say what this is."""
    return look.block(f"<p>{LABEL}</p>", dark)


def page(selection: Selection) -> pn.Column:
    """Build the part of a page where weights are tried out."""
    view = selection.param.view
    sliders = [slider(name) for name in CRITERIA]
    reset = pmui.Button(label="Back to the weights in force", icon="restart_alt", variant="outlined", size="small")

    def put_back(*_: object) -> None:
        of = weights_of(selection.view)
        for one, most in zip(sliders, full(of).values() if of else (), strict=False):
            one.value = round(most)

    def live(view: View, *values: int) -> str:
        return answer(view, values)

    reset.on_click(put_back)
    put_back()
    return pn.Column(
        look.pane(pn.bind(about, selection.param.dark)),
        pmui.FlexBox(*sliders, reset, gap="4px 28px", align_items="center", sizing_mode="stretch_width"),
        look.pane(pn.bind(live, view, *(one.param.value for one in sliders))),
        sizing_mode="stretch_width",
    )


def slider(name: str) -> pmui.IntSlider:
    """Return what sets the weight of one criterion."""
    return pmui.IntSlider(label=NAMES[name], start=0, end=100, width=280, size="small", margin=(6, 10))
