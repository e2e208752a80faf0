"""Alerts: what is worth a word, why, who sees to it, and how many such words a keyword may have."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from core import accounts
from core import alerts as kept
from core.accounts import Visitor
from core.config import TalkerError
from panel_app import data, look, spike, tweet_card
from panel_app.selection import Selection, View, known_zone

LOOK_SECONDS = 5  # how often alerts are read again, once for everybody who looks
SHOWN = timedelta(days=30)
RECENT = timedelta(hours=24)  # so long an alert that nobody has seen to stands on every page
MUTE = {"1 hour": 1, "8 hours": 8, "24 hours": 24, "7 days": 168}
NOT_ALLOWED = "Only analysts and admins change alerts. Ask an admin for the role."
WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
LEVELS = {  # each with its glyph, because colour never stands alone, its colour, and what it means
    "crisis": ("◆", "negative", "A warning twice in a row, with many negative tweets more than usual by many people."),
    "warning": ("▼", "negative", "The mood has turned against it, in an hour as loud as there is but one a day."),
    "watch": ("●", "neutral", "Loud, or sour: one of the two, and beyond chance."),
    "slow burn": ("◔", "neutral", "The mood sinks day by day, too little each day to be noticed."),
    "good news": ("▲", "positive", "Loud, in a mood no worse than usual."),
}
KINDS = {"original": "own tweets", "retweet": "retweets", "quote": "quotes", "reply": "replies"}


def level(name: str) -> str:
    """Return a level as glyph and word."""
    glyph, style, _ = LEVELS[name]
    return f'<span class="{style}">{glyph} {name.capitalize()}</span>'


def moment() -> int:
    """Return a number that changes every few seconds."""
    return int(time.monotonic() / LOOK_SECONDS)


def day() -> datetime:
    """Return where the last 30 days begin; the same for an hour, so that it is read once."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - SHOWN


def numbers(one: Mapping[str, Any]) -> str:
    """Return the numbers that fired an alert, in words."""
    found, told = one["numbers"], []
    volume, mood, before = (found.get(name) for name in ("volume", "mood", "mood_before"))
    if volume:
        usual = f"{look.number(volume['tweets'])} tweets in an hour; usual are {look.number(volume['usual'])}"
        alone = volume["threshold"]  # none as long as the keyword is not known well enough
        bound = "" if alone is None else f"; alone it would be an alert from {alone:.1f} on"
        score = "" if volume["score"] is None else f" Score {volume['score']:.1f}{bound}."
        told.append(f"{usual}.{score}")
    if mood and before:
        means = f"{look.signed(mood['mean'])} among {look.number(mood['voices'])} people; usual is"
        told.append(f"Mood {means} {look.signed(before['mean'])} ({chance(mood['chance'])}).")
        told.append(f"{look.number(max(0.0, mood['negative_excess']))} negative tweets more than usual.")
    if "drop" in found:
        told.append(f"Mean mood sank by {found['drop']:.2f} from {look.signed(found['mean_before'])}.")
    if "severity" in found:
        told.append(f"Severity {found['severity']:.1f} of 10.")
    return look.safe(" ".join(told))


def chance(p: float) -> str:
    """Return how often chance alone does the same or more; below 0.001 nobody needs to know it exactly."""
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def briefly(one: Mapping[str, Any]) -> str:
    """Return the numbers that fired an alert, as far as they fit a line."""
    found, told = one["numbers"], []
    volume, mood, before = (found.get(name) for name in ("volume", "mood", "mood_before"))
    if volume:
        told.append(f"{look.number(volume['tweets'])} tweets in an hour, usual {look.number(volume['usual'])}")
    if mood and before:
        told.append(f"mood {look.signed(mood['mean'])}, usual {look.signed(before['mean'])}")
    return look.safe("; ".join(told))


def episodes(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the alerts of each episode, the newest first in each, and of the episodes too."""
    return [part for _, part in sorted(frame.groupby("episode"), reverse=True)]


def card(part: pd.DataFrame, zone: str) -> str:
    """Return one episode: how bad it became, when, and by which numbers."""
    rows = look.rows(part.sort_values("at", ascending=False))
    steps = "".join(
        f'<p>{level(one["level"])} <span class="quiet">{look.clock(one["at"], zone)}</span><br>{numbers(one)}</p>'
        for one in rows
    )
    seen = '<span class="mark">seen to</span>' if not pd.isna(rows[0]["marked_at"]) else ""
    return f'<article class="card"><h3>{look.safe(rows[0]["keyword"])}{seen}</h3>{steps}</article>'


def listed(frame: pd.DataFrame, view: View) -> str:
    """Return the alerts of a keyword."""
    if frame.empty:
        nothing = look.empty("No alert in the last 30 days", "It is judged every five minutes, against its own past.")
        return look.block(f"<h2>Alerts</h2>{nothing}", view.dark)
    cards = "".join(card(part, view.zone) for part in episodes(frame))
    return look.block(f"<h2>Alerts of the last 30 days</h2>{cards}", view.dark)


def told_before(frame: pd.DataFrame, per_week: float, zone: str) -> str:
    """Return what a budget would have told over the keyword's own past."""
    found = frame[frame["per_week"] == per_week]
    if found.empty:
        return '<p class="quiet">The rehearsal over its past is being made; it comes by itself within minutes.</p>'
    one = look.rows(found)[0]
    days = look.span(one["until"] - one["since"])
    times = "".join(
        f"<li>{level(each['level'])} {look.clock(datetime.fromisoformat(each['at']), zone)}</li>"
        for each in one["told"]
        if each["level"] in LEVELS
    )
    count = len(one["told"])
    fired = f"would have told {look.counted(count, 'alert')}" + (":" if count else ".")
    return f"<p>In the last {days} this budget {fired}</p><ul class='rules'>{times}</ul>"


def shares(frame: pd.DataFrame, name: Callable[[Mapping[str, Any]], str]) -> str:
    """Return rows with their share of the excess, or that nothing stands out."""
    rows = "".join(
        f'<li class="card slim">{name(one)}<span class="aside"><b>{100 * one["share"]:.0f} %</b> '
        f"<small>{look.number(one['tweets'])} tweets</small></span></li>"
        for one in look.rows(frame)
    )
    return f"<ol>{rows}</ol>" if rows else '<p class="quiet">Nothing stands out.</p>'


def why(found: spike.Spike, view: View) -> str:
    """Return the explanation of a spike."""
    more = f"{look.number(found.tweets)} tweets, where the day before lets expect {look.number(found.expected)}"
    head = f"<h2>What is behind it</h2><p>It began about <b>{look.clock(found.began, view.zone)}</b>: {more}.</p>"
    words = "".join(
        f"<li><b>{look.safe(one.term)}</b> "
        f"<small>by {look.number(one.authors)}, before by {look.number(one.before)}</small></li>"
        for one in found.terms
    )
    what = f"<h3>Words</h3><ol class='rules'>{words}</ol>" if words else "<h3>Words</h3><p>No term emerges.</p>"
    kinds = shares(found.kinds, lambda one: look.safe(KINDS.get(one["kind"], one["kind"])))
    where = shares(found.countries, lambda one: look.safe(one["country_code"]))
    people = "<p class='quiet'>Of a sensitive keyword people are not shown.</p>"
    if not view.sensitive:
        people = shares(found.people, lambda one: tweet_card.person(one, view.images))
    tweets = "".join(tweet_card.card(one, view.zone, view.images) for one in look.rows(found.examples))
    parts = (f"<section>{what}</section>", f"<section><h3>People</h3>{people}</section>")
    rest = f"<section><h3>Said or passed on</h3>{kinds}<h3>Countries</h3>{where}</section>"
    shown = f"<h3>In their words</h3>{tweets}" if tweets else ""
    return look.block(f'{head}<div class="columns">{"".join(parts)}{rest}</div>{shown}', view.dark)


def change(visitor: Visitor, action: str, doing: Callable[[Visitor], object]) -> str:
    """Do what a visitor asks for, if they may as of now; returns why not, or nothing."""
    now = accounts.visitor(data.engine(), visitor.session)
    if now is None:
        return "You are signed out: log in again."
    if not now.may("analyst"):
        return NOT_ALLOWED
    try:
        doing(now)
    except TalkerError as error:
        return str(error)
    accounts.record(data.engine(), now.account_id, "alert", what=action)
    return ""


def explained(view: View) -> None:
    """Read what is behind the newest alert of a view's keyword, if there is one."""
    told = data.now(kept.told(day(), view.keyword_id))
    if not told.empty:
        spike.explained(view, newest_of(told))


def newest_of(told: pd.DataFrame) -> datetime:
    """Return when the newest episode was last told of."""
    newest: datetime = episodes(told)[0]["at"].max().to_pydatetime()
    return newest


class Alerts:
    """The page of one browser: made once, and only its content changes."""

    def __init__(self, selection: Selection, visitor: Visitor):
        self._selection, self._visitor = selection, visitor
        self._frame = pd.DataFrame()
        self.listed, self.why, self.before, self.answer = (look.pane("") for _ in range(4))
        self.seen = self._button("I see to it", self._acknowledge, variant="contained")
        budgets = {f"{each:g} a week at most": each for each in kept.BUDGETS}
        small: dict[str, Any] = {"size": "small", "width": 210, "margin": 0}
        self.budget = pmui.Select(label="Alerts by volume alone", options=budgets, value=1.0, **small)
        self.mute = pmui.Select(label="Mute for", options=MUTE, value=8, **small)
        self.quiet = self._button("Mute", self._mute)
        self.keep = self._button("Take this budget", self._take)
        self.budget.param.watch(lambda _event: self._rehearsal(), "value")
        self._of: int | None = None
        self._explained: tuple[View, datetime | None] | None = None
        self._changes = 0  # by this browser, which reads anew at once

    def _button(self, label: str, click: Callable[[], None], variant: str = "outlined") -> pmui.Button:
        made = pmui.Button(label=label, size="small", variant=variant, margin=0)
        made.on_click(lambda _event: click())
        return made

    def show(self, *_: object) -> None:
        """Show the alerts of the chosen keyword, as read a few seconds ago at most."""
        view = self._selection.view
        if view is None:
            return
        self._frame = data.frame(kept.told(day(), view.keyword_id), self._version())
        self.listed.object = listed(self._frame, view)
        self.seen.visible = not self._frame.empty and bool(self._frame["marked_at"].isna().any())
        if self._of != view.keyword_id:
            self._of = view.keyword_id
            rule = data.now(kept.rule(view.keyword_id))
            self.budget.value = float(rule["per_week"][0]) if len(rule) else 1.0
        muted = self._muted()
        self.quiet.label = "Unmute" if muted else "Mute"
        self._rehearsal()
        self._explain(view)

    def _version(self) -> int:
        return hash((moment(), self._changes, self._visitor.session if self._changes else 0))

    def _explain(self, view: View) -> None:
        newest = None if self._frame.empty else newest_of(self._frame)
        if (view, newest) != self._explained:
            self._explained = view, newest
            self.why.object = why(spike.explained(view, newest), view) if newest else ""

    def _rehearsal(self) -> None:
        if view := self._selection.view:
            rows = data.frame(kept.rehearsals(view.keyword_id), moment() // 12)
            muted = self._muted()
            note = f"<p><b>Mute until {look.clock(muted, view.zone)}.</b></p>" if muted else ""
            self.before.object = look.block(note + told_before(rows, self.budget.value, view.zone), view.dark)

    def _muted(self) -> datetime | None:
        rule = data.frame(kept.rule(self._selection.view.keyword_id), self._version())
        until = rule["muted_until"][0] if len(rule) else None
        return None if until is None or pd.isna(until) or until <= datetime.now(UTC) else until

    def _acknowledge(self) -> None:
        waiting = [part for part in episodes(self._frame) if part["marked_at"].isna().any()]

        def doing(now: Visitor) -> None:
            for part in waiting:
                keyword_id, episode = int(part["keyword_id"].iloc[0]), part["episode"].iloc[0].to_pydatetime()
                kept.acknowledge(data.engine(), keyword_id, episode, now.account_id)

        self._do("acknowledge", doing, "Noted: you see to it. If it gets worse, that is told all the same.")

    def _mute(self) -> None:
        until = None if self._muted() else datetime.now(UTC) + timedelta(hours=self.mute.value)
        done = "Alerts of this keyword are shown here and not sent." if until else "Alerts are sent again."
        self._set("mute", lambda rule: (rule[0], until), done)

    def _take(self) -> None:
        self._set("budget", lambda rule: (self.budget.value, rule[1]), "That is its budget from now on.")

    def _set(self, action: str, new: Callable[[tuple[float, Any]], tuple[float, Any]], done: str) -> None:
        keyword_id = self._selection.view.keyword_id
        rule = data.now(kept.rule(keyword_id))
        old = (float(rule["per_week"][0]), self._muted()) if len(rule) else (1.0, None)
        self._do(action, lambda _now: kept.set_rule(data.engine(), keyword_id, *new(old)), done)

    def _do(self, action: str, doing: Callable[[Visitor], object], done: str) -> None:
        wrong = change(self._visitor, action, doing)
        self._changes += 1
        self.show()
        self.answer.object = look.said(wrong, done, self._selection.dark)


def page(selection: Selection, visitor: Visitor) -> pn.Column:
    """Build the page; its content follows the selection and the alerts."""
    alerts = Alerts(selection, visitor)
    alerts.show()
    selection.param.watch(alerts.show, "view")
    pn.state.add_periodic_callback(alerts.show, 1000 * LOOK_SECONDS)

    def headed(dark: bool) -> str:
        return look.block("<h2>How often it may tell, and whether it tells</h2>", dark)

    rule = pmui.FlexBox(
        alerts.budget, alerts.keep, alerts.mute, alerts.quiet, gap="10px 14px", align_items="center", **WIDE
    )
    return pn.Column(
        pmui.FlexBox(alerts.seen, **WIDE),
        alerts.answer,
        alerts.listed,
        alerts.why,
        look.pane(pn.bind(headed, selection.param.dark)),
        rule,
        alerts.before,
        **WIDE,
    )


def urgent(frame: pd.DataFrame, zone: str) -> str:
    """Return a line for each keyword in trouble that nobody sees to yet, the worst first."""
    order = list(LEVELS)
    waiting = frame[frame["marked_at"].isna() & frame["level"].isin(["crisis", "warning"])]
    newest = (
        waiting.assign(rank=waiting["level"].map(order.index))
        .sort_values(["rank", "at"])
        .groupby("keyword", sort=False)
    )
    return "".join(
        f"<p>{level(one['level'])} {look.safe(one['keyword'])}, {look.clock(one['at'], zone)}: {briefly(one)}. "
        f"More under Alerts.</p>"
        for _, rows in newest
        for one in look.rows(rows.head(1))
    )


def strip(selection: Selection) -> pn.pane.HTML:
    """Return what stands on every page while there is a warning or a crisis of the last day that nobody sees to."""
    pane = look.pane("")
    pane.visible = False

    def show(*_: object) -> None:
        recent = data.frame(kept.told(day() + SHOWN - RECENT), moment())
        words = urgent(recent, known_zone(selection.zone)) if len(recent) else ""
        pane.object = look.block(words, selection.dark, "notice") if words else ""
        pane.visible = bool(words)

    show()
    selection.param.watch(show, ["dark", "zone"])
    pn.state.add_periodic_callback(show, 1000 * LOOK_SECONDS)
    return pane
