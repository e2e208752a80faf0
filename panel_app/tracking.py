"""Tracking: what X is asked for, and what has come of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from core import accounts, queries, store, syntax
from core.accounts import Visitor
from core.config import Settings, TalkerError
from panel_app import data, estimate, look
from panel_app.selection import Selection

LOOK_SECONDS = 10  # how often the states are read again, once for everybody who looks
LANGUAGES = {
    "Any language": "",
    "English": "en",
    "Dutch": "nl",
    "French": "fr",
    "German": "de",
    "Italian": "it",
    "Japanese": "ja",
    "Portuguese": "pt",
    "Spanish": "es",
}
NOT_ALLOWED = "Only analysts and admins change what is tracked. Ask an admin for the role."
SENSITIVE = "Sensitive: totals only, never people"


def change(visitor: Visitor, action: str, doing: Callable[[], object]) -> str:
    """Do what a visitor asks for, if they may as of now; returns why not, or nothing."""
    now = accounts.visitor(data.engine(), visitor.session)  # roles and sessions change while a page is open
    if now is None:
        return "You are signed out: log in again."
    if not now.may("analyst"):
        return NOT_ALLOWED
    try:
        doing()
    except TalkerError as error:
        return str(error)
    accounts.record(data.engine(), now.account_id, "track", what=action)
    return ""


def state(row: pd.Series, silence: str | None) -> tuple[str, str]:
    """Return how a keyword stands, as a style and in words."""
    came = f"{look.number(row['tweets'])} in the last 24 h"
    if row["paused"]:
        return "quiet", "Paused: X is not asked. What came before is still shown."
    if look.given(row["refused"]):
        return "negative", f"X refuses it: {row['refused']}"
    if silence:
        return "negative", f"Not listening: {silence}"
    if pd.isna(row["newest"]):
        return "quiet", "No tweet yet. The first one appears here by itself; a rare keyword may take a while."
    age = look.ago((datetime.now(UTC) - row["newest"]).total_seconds())
    return "positive", f"Last tweet {age}, {came}"


def silence() -> str | None:
    """Return why the stream is not listening at this moment, if it said so."""
    gaps = data.frame(queries.last_gaps(1), data.watch().version(0))
    return None if gaps.empty or not pd.isna(gaps["ended_at"][0]) else str(gaps["reason"][0])


def described(row: pd.Series, why: str | None, dark: bool) -> str:
    """Return a keyword's name, its query and its state."""
    style, words = state(row, why)
    named = {code: name for name, code in LANGUAGES.items()}
    code = look.given(row["language"])
    language = f", in {look.safe(named.get(code, code))} only" if code else ""
    mark = ' <span class="mark">sensitive</span>' if row["sensitive"] else ""
    asked = f'<p class="quiet">X is asked for <code>{look.safe(row["query"])}</code>{language}</p>'
    return look.block(
        f'<h2>{look.safe(row["name"])}{mark}</h2>{asked}<p class="state {style}">{look.safe(words)}</p>', dark
    )


class Keywords:
    """The list of keywords of one page; a row is made once, and its words change in place."""

    def __init__(self, selection: Selection, visitor: Visitor):
        self._selection = selection
        self._visitor = visitor
        self._rows: dict[tuple[Any, ...], tuple[pn.pane.HTML, pn.viewable.Viewable]] = {}
        self._changed = 0  # the moment of the last change by a button here
        self.answer = look.pane("")
        self.view = pn.Column(sizing_mode="stretch_width")

    def show(self, frame: pd.DataFrame) -> None:
        """Show the keywords of a frame of `queries.tracking`."""
        dark, why = self._selection.dark, silence()
        shown = {}
        for _, row in frame.iterrows():
            key = (row["name"], bool(row["paused"]), bool(row["sensitive"]))
            words = described(row, why, dark)
            known = self._rows.get(key) or self._row(row)
            known[0].object = words
            shown[key] = known
        if shown.keys() != self._rows.keys() or not len(self.view):
            nothing = look.pane(
                look.block(look.empty("Nothing is tracked yet", "Name your first keyword above."), dark)
            )
            self.view[:] = [card for _, card in shown.values()] or [nothing]
        self._rows = shown

    def look(self) -> None:
        """Show what is there now, read a few seconds ago at most."""
        if (now := moment()) != self._changed:  # what was read in that moment may be older than the change
            self.show(data.frame(queries.tracking(), now))

    def do(self, action: str, doing: Callable[[], object], done: str) -> None:
        """Do what a button asks for, and say what came of it."""
        wrong = change(self._visitor, action, doing)
        self._changed = moment()
        self.show(data.now(queries.tracking()))
        self.answer.object = look.said(wrong, done, self._selection.dark)  # last: the buttons are new by then

    def _row(self, row: pd.Series) -> tuple[pn.pane.HTML, pn.viewable.Viewable]:
        name, paused, sensitive = row["name"], bool(row["paused"]), bool(row["sensitive"])

        def changed(**fields: bool) -> Callable[[], object]:
            return lambda: store.change_keyword(data.engine(), name, **fields)

        def button(label: str, about: str, click: Callable[[], None], **style: Any) -> pmui.Button:
            made = pmui.Button(label=label, size="small", variant="outlined", margin=0, description=about, **style)
            made.on_click(lambda _event: click())
            return made

        go_on = ("Resume", f"{name} is tracked again.") if paused else ("Pause", f"{name} is paused.")
        mark = ("Show people", f"{name} shows people.") if sensitive else ("Mark as sensitive", f"{name}: totals only.")
        words = look.pane("")
        buttons = [
            button(go_on[0], f"{go_on[0]} {name}", lambda: self.do("pause", changed(paused=not paused), go_on[1])),
            button(mark[0], f"{mark[0]}: {name}", lambda: self.do("mark", changed(sensitive=not sensitive), mark[1])),
            *self._remove(name, button),
        ]
        tools = pmui.FlexBox(*buttons, gap="8px", margin=(8, 0, 0, 0), sizing_mode="stretch_width")
        return words, pmui.Paper(words, tools, margin=(0, 0, 12, 0), **look.CARD)

    def _remove(self, name: str, button: Callable[..., pmui.Button]) -> list[pmui.Button]:
        """Build the button that removes a keyword, and the one that means it."""
        doing = lambda: store.remove_keyword(data.engine(), name)  # noqa: E731 - one of several such
        sure = button(
            "Really remove it",
            f"Really remove {name}",
            lambda: self.do("remove", doing, f"{name} is no longer tracked; what was collected stays."),
            color="error",
            visible=False,
        )

        def ask() -> None:
            sure.visible = not sure.visible
            first.label = "Keep it" if sure.visible else "Remove"

        first = button("Remove", f"Remove {name}", ask)
        return [first, sure]


def moment() -> int:
    """Return a number that changes every few seconds, and with what is committed."""
    return hash((data.watch().version(0), int(time.monotonic() / LOOK_SECONDS)))


def form(keywords: Keywords, selection: Selection, visitor: Visitor) -> pmui.Paper:
    """Build the form that adds a keyword and shows what X will be asked, and how much that would be."""
    shared = {"size": "small", "margin": (6, 0), "sizing_mode": "stretch_width"}
    name = pmui.TextInput(label="New keyword", placeholder="#ourcampaign", max_length=64, **shared)
    query = pmui.TextInput(label="Query (empty: the keyword itself)", max_length=900, **shared)
    language = pmui.Select(label="Language", options=LANGUAGES, value="", **shared)
    sensitive = pmui.Checkbox(label=SENSITIVE, value=False, margin=(2, 0))
    add = pmui.Button(label="Track it", variant="contained", margin=(6, 0))
    preview = look.pane("")

    def typed() -> tuple[str, str, str]:
        return name.value_input or "", query.value_input or "", language.value

    much = estimate.Estimate(
        selection, lambda: estimate.query_for(*typed()), lambda what, doing: change(visitor, what, doing)
    )

    def show(*_: object) -> None:
        preview.object = previewed(*typed(), selection.dark)
        much.follow()

    for widget, changes in ((name, "value_input"), (query, "value_input"), (language, "value")):
        widget.param.watch(show, changes)
    selection.param.watch(show, "dark")
    show()
    add.on_click(lambda _event: track(keywords, *typed(), sensitive.value))
    fields = (name, query, language, sensitive, preview, much.view, add)
    return pmui.Paper(pn.Column(*fields, sizing_mode="stretch_width", max_width=640), margin=(6, 0, 12, 0), **look.CARD)


def track(keywords: Keywords, name: str, query: str, language: str, sensitive: bool) -> None:
    """Track what was typed in."""
    longest = Settings.from_env().x_rule_length

    def add() -> object:
        asked, code = query.strip() or None, language or None
        return store.add_keyword(data.engine(), name, query=asked, language=code, sensitive=sensitive, longest=longest)

    keywords.do("add", add, f"{name.strip()} is tracked: X is asked for it within seconds.")


def previewed(name: str, query: str, language: str, dark: bool) -> str:
    """Return the rule that X will get for what is typed in, or why and at which column X would refuse it."""
    asked = query.strip() or (store.query_of(name.strip()) if name.strip() else "")
    if not asked:
        return look.block('<p class="quiet">You see here what X will be asked.</p>', dark)
    try:
        syntax.parsed(asked, Settings.from_env().x_rule_length - syntax.OURS)
    except syntax.QueryError as error:
        marked = (
            f"{look.safe(asked[: error.column - 1])}<mark>{look.safe(asked[error.column - 1 :]) or '&nbsp;'}</mark>"
        )
        why = f"Column {error.column}: {error.why}"
        return look.block(f'<p><code>{marked}</code></p><p class="state negative">{look.safe(why)}</p>', dark)
    rule = f"{syntax.part(asked, language or None)} -is:nullcast"
    return look.block(f'<p class="quiet">X gets <code>{look.safe(rule)}</code></p>', dark)


def page(selection: Selection, visitor: Visitor) -> pn.Column:
    """Build the page for somebody who may change what is tracked."""
    keywords = Keywords(selection, visitor)
    keywords.look()
    pn.state.add_periodic_callback(keywords.look, 2000)
    return pn.Column(
        form(keywords, selection, visitor),
        keywords.answer,
        keywords.view,
        sizing_mode="stretch_width",
    )
