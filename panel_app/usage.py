"""What people do in the app, without what they read; and what they tell us."""

from __future__ import annotations

import functools
from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui

from core import accounts
from core.accounts import Visitor
from panel_app import data, look
from panel_app.tries import Tries

LONGEST = 2000  # characters of feedback
THANKS = "Thank you. Whoever runs this app reads it."
TOO_MUCH = "That is much at once. Wait five minutes, then go on."


@functools.cache
def tries() -> Tries:
    """Return this process's count of who sends feedback."""
    return Tries(10)


def note(visitor: Visitor, kind: str, **detail: object) -> None:
    """Record a page's view or a choice, and that the visitor's session is in use."""
    accounts.visitor(data.engine(), visitor.session)
    accounts.record(data.engine(), visitor.account_id, kind, **detail)


def told(visitor: Visitor, page: str, text: str) -> str:
    """Take feedback; returns what to answer."""
    text = "".join(letter for letter in text if letter.isprintable() or letter == "\n").strip()
    if not text:
        return "Write a line first."
    if accounts.visitor(data.engine(), visitor.session) is None:
        return "You are signed out: log in, and send it again."
    if tries().spent(str(visitor.account_id)):
        return TOO_MUCH
    accounts.record(data.engine(), visitor.account_id, "feedback", page=page, text=text[:LONGEST])
    return THANKS


def feedback_box(visitor: Visitor, page: Callable[[], str], dark: Callable[[], bool]) -> pn.Column:
    """Build what stands below every page: a button, and behind it the box, made when it is first opened."""
    opener = pmui.Button(label="Feedback on this page", icon="feedback", variant="text", margin=(16, 0, 0, 0))
    place = pn.Column(sizing_mode="stretch_width", visible=False)

    def toggle(_event: object) -> None:
        if not len(place):
            place.append(box(visitor, page, dark))
        place.visible = not place.visible

    opener.on_click(toggle)
    return pn.Column(opener, place, sizing_mode="stretch_width")


def box(visitor: Visitor, page: Callable[[], str], dark: Callable[[], bool]) -> pn.Column:
    """Build where feedback is written, sent and answered."""
    text = pmui.TextAreaInput(
        label="What works, what is missing, what is wrong?",
        max_length=LONGEST,
        rows=3,
        sizing_mode="stretch_width",
        max_width=640,
        margin=(4, 0),
    )
    send = pmui.Button(label="Send feedback", variant="outlined", margin=(4, 0))
    answer = look.pane("")

    def take(_event: object) -> None:
        said = told(visitor, page(), text.value_input or text.value)
        if said == THANKS:
            text.value = ""
        answer.object = look.block(f'<p role="status">{look.safe(said)}</p>', dark())

    send.on_click(take)
    return pn.Column(text, send, answer, sizing_mode="stretch_width")
