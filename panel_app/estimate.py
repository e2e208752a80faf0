"""How much a keyword would bring and cost, before it is tracked; the reader asks X, for it alone speaks with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from core import queries, store, syntax
from core.config import Settings
from panel_app import data, look
from panel_app.selection import Selection

PATIENCE = timedelta(seconds=20)  # until a question that nobody answers is told to be one
FOLLOW_MILLISECONDS = 1000
ASKING = "Asking X how many posts that would be \N{HORIZONTAL ELLIPSIS}"
NOBODY = "Not known yet: nobody asks X at the moment. Is talker up running?"


def query_for(name: str, query: str, language: str) -> str:
    """Return what X would be asked for, empty while that is nothing that X would take."""
    asked = query.strip() or (store.query_of(name.strip()) if name.strip() else "")
    try:
        syntax.parsed(asked, Settings.from_env().x_rule_length - syntax.OURS)
    except syntax.QueryError:
        return ""
    return syntax.part(asked, language or None)


def told(found: pd.DataFrame, now: datetime, settings: Settings) -> tuple[str, str]:
    """Return what is known of an estimate that somebody asked for, as a style and in words."""
    row = found.iloc[0]
    if not pd.isna(row["problem"]):
        return "negative", f"Not known: {row['problem']}."
    if pd.isna(row["answered_at"]):
        return ("quiet", ASKING) if now - row["asked_at"] < PATIENCE else ("negative", NOBODY)
    usd = row["posts_a_day"] * settings.x_post_usd
    words = f"{posts(row['posts_a_day'])} a day, {dollars(usd)} a day, by X\u2019s counts of the last 7 days"
    words += "; retweets and quoted posts come on top."
    if usd > settings.x_daily_budget_usd:
        daily = settings.x_daily_budget_usd
        return "negative", f"{words} That is above the budget of ${daily:,.2f} a day: X would be asked for a sample."
    return "positive", words


def posts(a_day: float) -> str:
    """Return a number of posts as exact as an estimate is: two digits."""
    if 0 < a_day < 1:
        return "Less than 1 post"
    return f"About {look.counted(float(f'{a_day:.2g}'), 'post')}"


def dollars(usd: float) -> str:
    """Return what a day costs about."""
    return "less than $0.01" if 0 < usd < 0.01 else f"about ${usd:,.2f}"


class Estimate:
    """The button that asks, and what came of it; `asked` tells the query, empty while there is none."""

    def __init__(self, selection: Selection, asked: Callable[[], str], may: Callable[[str, Callable[[], object]], str]):
        self._selection, self._asked, self._may = selection, asked, may
        self._query = ""  # the one whose answer is shown or waited for
        about = f"Ask X how many posts match; the answer costs ${Settings.from_env().x_request_usd:g}"
        self._button = pmui.Button(
            label="How much would that be?", description=about, variant="outlined", size="small", margin=(6, 0)
        )
        self._words = look.pane("")
        self._button.on_click(lambda _event: self.ask())
        self._following: Any = None
        self.view = pn.Column(self._button, self._words, sizing_mode="stretch_width", margin=0)
        self.follow()

    def follow(self) -> None:
        """Forget the answer once something else would be asked for."""
        query = self._asked()
        self._button.disabled = not query
        if query != self._query:
            self._query, self._words.object = "", ""

    def ask(self) -> None:
        """Ask, as far as the visitor may, and look until there is an answer."""
        query = self._asked()
        if wrong := self._may("estimate", lambda: store.ask_estimate(data.engine(), query)):
            self._show("negative", wrong)
            return
        self._query = query
        self.look()
        if self._following is None and pn.state.curdoc:
            self._following = pn.state.add_periodic_callback(self.look, FOLLOW_MILLISECONDS)

    def look(self) -> None:
        """Show what is known by now."""
        if self._query:
            found = data.now(queries.estimate(self._query))
            self._show(*told(found, datetime.now(UTC), data.settings()))
            if pd.isna(found["answered_at"][0]):
                return
        if self._following is not None:
            self._following.stop()
            self._following = None

    def _show(self, style: str, words: str) -> None:
        shown = f'<p class="state {style}" role="status">{look.safe(words)}</p>'
        self._words.object = look.block(shown, self._selection.dark)
