"""Admin: how the machinery is, who has an account, what people do and what they tell us."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from core import accounts, queries
from core.accounts import ROLES, Visitor
from core.config import TalkerError
from panel_app import data, look
from panel_app.health import SILENT_SECONDS
from panel_app.selection import Selection, known_zone

LOOK_SECONDS = 5  # how often the tables are read again, once for everybody who looks
WIDE: dict[str, Any] = {"sizing_mode": "stretch_width"}
DASH = look.number(None)
SHOWN = 200  # accounts
LANES = ("keyword", "tracker", "waiting", "in flight", "committed", "restarts")
HEALTH = (queries.last_gaps(), queries.last_runs(), queries.dead_by_reason(), queries.positions(), queries.pulses())
WHAT = {"view": "opened a page", "choice": "used a picker", "track": "changed what is tracked", "account": "accounts"}


def change(visitor: Visitor, action: str, doing: Callable[[], object]) -> str:
    """Do what an admin asks for, if they are one as of now; returns why not, or nothing."""
    now = accounts.visitor(data.engine(), visitor.session)
    if now is None or not now.may("admin"):
        return "Only admins may do this."
    try:
        doing()
    except TalkerError as error:
        return str(error)
    accounts.record(data.engine(), now.account_id, "account", what=action)
    return ""


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> str:
    """Return rows as a table, whoever wrote what is in them, or that there are none."""
    if not rows:
        return f'<p class="quiet">{look.safe(nothing)}</p>'
    head = "".join(f'<th scope="col">{look.safe(one)}</th>' for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{look.safe(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    inside = f"<table class='words'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{look.safe(heads[0])}">{inside}</div>'


def at(time: Any, zone: str) -> str:
    """Return a time in the viewer's zone, or a dash."""
    return DASH if pd.isna(time) else look.clock(time, zone)


def stage(run: Mapping[str, Any]) -> str:
    """Return how a run is: its state, and while it runs how far it came."""
    return f"{run['state']}: {run['stage']}" if look.given(run["stage"]) and run["state"] != "done" else run["state"]


@dataclass(frozen=True)
class Health:
    """What the tables tell of the machinery."""

    zone: str
    gaps: pd.DataFrame
    runs: pd.DataFrame
    dead: pd.DataFrame
    spools: pd.DataFrame
    pulses: pd.DataFrame

    def details(self) -> str:
        """Return the tables behind the figures."""
        parts = {
            "Trackers": table(LANES, self.carried(), "No supervisor told how it is: is talker up running?"),
            "Gaps": table(("from", "until", "why", "filled by"), self.silences(), "The stream was never interrupted."),
            "Influence runs": table(
                ("window up to", "state", "attempts", "tweets", "authors", "took", "error"),
                self.computed(),
                "None yet.",
            ),
            "Dead letters": table(("reason", "payloads"), self.letters(), "None: every payload became rows."),
            "Spool positions": table(
                ("spool", "tracker", "position", "stored", "duplicate"), self.offsets(), "Nothing was committed yet."
            ),
        }
        return "".join(f"<h3>{name}</h3>{one}" for name, one in parts.items())

    def tiles(self) -> str:
        """Return the figures to look at first."""
        buried = int(self.dead["payloads"].sum())
        letters = (look.number(buried), "talker spool status tells more" if buried else "nothing was refused")
        stored = (look.number(self.spools["stored"].sum()), "tweets through the trackers")
        named = {"Stream": self.stream(), "Spool": self.spool(), "Trackers": self.trackers()}
        named |= {"Influence": self.influence(), "Dead letters": letters, "Stored": stored}
        cards = "".join(
            f'<div class="card"><span class="quiet">{name}</span><div class="figure small">{look.safe(figure)}</div>'
            f"<small>{look.safe(note)}</small></div>"
            for name, (figure, note) in named.items()
        )
        return f'<h2>Health</h2><div class="tiles three">{cards}</div>'

    def pulse(self, name: str) -> tuple[dict[str, Any], float] | None:
        """Return what a running part last told, and how many seconds ago; None where it told nothing of late."""
        found = self.pulses[self.pulses["name"] == name]
        if found.empty or (age := (datetime.now(UTC) - found["at"].iloc[0]).total_seconds()) > SILENT_SECONDS:
            return None
        return found["told"].iloc[0], age

    def stream(self) -> tuple[str, str]:
        """Return how the stream is: what the reader says, else what the gaps say."""
        if reader := self.pulse("reader"):
            told, age = reader
            share = "" if told["percent"] == 100 else f", {told['percent']} % of it are read"
            return told["state"], f"${told['spent_usd']:,.2f} spent today{share}; told {look.ago(age)}"
        if not self.gaps.empty and pd.isna(self.gaps["ended_at"][0]):
            return "not listening", self.gaps["reason"][0]
        return "nobody reads", "no gap is open, as far as it told; talker up starts a reader"

    def spool(self) -> tuple[str, str]:
        """Return how full the spool is."""
        if reader := self.pulse("reader"):
            told, _ = reader
            full = "full: nothing is read from X until it drains" if told["spool_full"] else "on disk until committed"
            return f"{told['spool_bytes'] / 1e6:,.1f} MB", full
        return DASH, "known while a reader runs"

    def trackers(self) -> tuple[str, str]:
        """Return how many trackers there are, and what waits for them."""
        if not (supervisor := self.pulse("supervisor")):
            return DASH, "known while a supervisor runs"
        lanes = supervisor[0]["lanes"]
        waiting, again = (sum(lane[name] for lane in lanes) for name in ("waiting", "restarts"))
        restarts = f", {look.counted(again, 'restart')}" if again else ""
        return look.number(len({lane["tracker"] for lane in lanes})), f"{look.number(waiting)} payloads wait{restarts}"

    def influence(self) -> tuple[str, str]:
        """Return how the newest run of the influence job went."""
        if self.runs.empty:
            return "never computed", "talker up does it every 15 minutes"
        newest = look.rows(self.runs.head(1))[0]
        again = f", attempt {newest['attempts']}" if newest["attempts"] > 1 else ""
        return stage(newest), f"window up to {at(newest['window_end'], self.zone)}{again}"

    def carried(self) -> list[tuple[object, ...]]:
        """Return which tracker carries which keyword, and how it goes."""
        supervisor = self.pulse("supervisor")
        counts = ("waiting", "in_flight", "committed", "restarts")
        return [
            (lane["keyword"], lane["tracker"], *(look.number(lane[count]) for count in counts))
            for lane in (supervisor[0]["lanes"] if supervisor else [])
        ]

    def silences(self) -> list[tuple[object, ...]]:
        """Return the gaps."""
        return [
            (
                at(one["started_at"], self.zone),
                at(one["ended_at"], self.zone),
                one["reason"],
                look.given(one["filled_by"]) or DASH,
            )
            for one in look.rows(self.gaps)
        ]

    def computed(self) -> list[tuple[object, ...]]:
        """Return the runs of the influence job."""
        return [
            (
                *(at(one["window_end"], self.zone), stage(one), look.number(one["attempts"])),
                *(look.number(one["tweets"]), look.number(one["authors"])),
                DASH if pd.isna(one["seconds"]) else f"{one['seconds']:.1f} s",
                look.given(one["error"]),
            )
            for one in look.rows(self.runs)
        ]

    def letters(self) -> list[tuple[object, ...]]:
        """Return how many payloads could not become rows, by reason."""
        return [(one["reason"], look.number(one["payloads"])) for one in look.rows(self.dead)]

    def offsets(self) -> list[tuple[object, ...]]:
        """Return how far the trackers are."""
        counts = ("position", "stored", "duplicate")
        return [
            (one["spool"], one["tracker"], *(look.number(one[count]) for count in counts))
            for one in look.rows(self.spools)
        ]


def told(frame: pd.DataFrame, zone: str) -> str:
    """Return what people told us, newest first."""
    cards = "".join(
        f'<article class="card"><b>{look.safe(look.given(one["name"]) or "somebody who left")}</b> '
        f'<span class="quiet">on {look.safe(one["page"])}, {at(one["at"], zone)}</span>'
        f'<p class="text">{look.safe(one["text"])}</p></article>'
        for one in look.rows(frame)
    )
    return f"<h2>Feedback</h2>{cards or look.empty('No feedback yet', 'Every page has a box for it.')}"


def done(frame: pd.DataFrame) -> str:
    """Return what people do."""
    rows = [
        (WHAT.get(one["kind"], one["kind"]), one["what"], look.number(one["times"]), look.number(one["people"]))
        for one in look.rows(frame)
    ]
    return f"<h2>Usage in the last 30 days</h2>{table(('what', 'which', 'times', 'people'), rows, 'Nothing yet.')}"


def described(one: Mapping[str, Any]) -> str:
    """Return who somebody is, where they are signed in, and what they want to track."""
    wants = f'<p class="quiet">wants to track: {look.safe(one["interest"])}</p>' if look.given(one["interest"]) else ""
    company = f", {look.safe(one['company'])}" if look.given(one["company"]) else ""
    browsers = f"signed in with {one['sessions']} browser{'s' * (one['sessions'] > 1)}"
    where = browsers if one["sessions"] else "not signed in"
    return (
        f"<p><b>{look.safe(one['name'])}</b>{company}<br>"
        f'<span class="quiet">{look.safe(one["email"])}, {where}</span></p>{wants}'
    )


class People:
    """The accounts, each with what an admin may do to it."""

    def __init__(self, selection: Selection, visitor: Visitor):
        self._selection = selection
        self._visitor = visitor
        self._shown: Any = None
        self.answer = look.pane("")
        self.view = pn.Column(sizing_mode="stretch_width")

    def show(self, frame: pd.DataFrame) -> None:
        """Show the accounts of a frame of `queries.people`; nothing is made anew while nothing changed."""
        rows = look.rows(frame.head(SHOWN))
        state = [(one["id"], one["role"], one["sessions"], one["name"], one["email"]) for one in rows]
        if state != self._shown:
            self._shown = state
            self.view[:] = [self._card(one) for one in rows]

    def _card(self, one: Mapping[str, Any]) -> pmui.Paper:
        words = described(one)

        def shown(dark: bool) -> str:
            return look.block(words, dark)

        about = look.pane(pn.bind(shown, self._selection.param.dark))
        about.param.update(sizing_mode="fixed", min_width=260)
        tools = pmui.FlexBox(self._role(one), self._out(one), gap="12px", align_items="center")
        row = pmui.FlexBox(about, tools, justify_content="space-between", align_items="center", gap="8px 24px", **WIDE)
        return pmui.Paper(row, margin=(0, 0, 12, 0), **look.CARD)

    def _role(self, one: Mapping[str, Any]) -> pmui.Select:
        role = pmui.Select(
            label=f"Role of {one['email']}", options=list(ROLES), value=one["role"], size="small", width=170, margin=0
        )

        def give(event: Any) -> None:
            doing = partial(accounts.set_role, data.engine(), one["id"], event.new)
            if not self._do("role", doing, f"{one['email']} is {event.new} now."):
                role.value = event.old

        role.param.watch(give, "value")
        return role

    def _out(self, one: Mapping[str, Any]) -> pmui.Button:
        out = pmui.Button(
            label="Sign out everywhere",
            description=f"Sign {one['email']} out everywhere",
            size="small",
            variant="outlined",
            margin=0,
            disabled=not one["sessions"],
        )

        def end(_event: object) -> None:
            doing = partial(accounts.end_sessions, data.engine(), one["id"])
            self._do("sign out", doing, f"{one['email']} is signed out.")

        out.on_click(end)
        return out

    def _do(self, action: str, doing: Callable[[], object], said: str) -> bool:
        wrong = change(self._visitor, action, doing)
        self.answer.object = look.said(wrong, said, self._selection.dark)
        if not wrong:
            self.show(data.now(queries.people()))
        return not wrong


def page(selection: Selection, visitor: Visitor) -> pn.Column:
    """Build the page for an admin."""
    people = People(selection, visitor)
    parts = [look.pane("") for _ in range(4)]

    def tables() -> list[str]:
        zone, moment = known_zone(selection.zone), int(time.monotonic() / LOOK_SECONDS)
        health = Health(zone, *(data.frame(query, moment) for query in HEALTH))
        return [
            health.tiles(),
            health.details(),
            done(data.frame(queries.doings(), moment)),
            told(data.frame(queries.feedback(), moment), zone),
        ]

    def show() -> None:
        people.show(data.frame(queries.people(), int(time.monotonic() / LOOK_SECONDS)))
        for part, words in zip(parts, tables(), strict=True):
            part.object = look.block(words, selection.dark)

    show()
    pn.state.add_periodic_callback(show, 2000)

    def headed(dark: bool) -> str:
        return look.block("<h2>Accounts</h2>", dark)

    heading = look.pane(pn.bind(headed, selection.param.dark))
    details = look.folded("Trackers, gaps, runs, dead letters, spool positions", lambda: parts[1])
    return pn.Column(
        parts[0], details, heading, people.answer, people.view, parts[2], parts[3], sizing_mode="stretch_width"
    )
