"""Takes what a page shows out of the app: as CSV, as pictures, and as a link that leads somebody else to the same."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import param
from panel.custom import JSComponent

from core import accounts, queries
from core.accounts import MOST_EXPORTED, Visitor
from panel_app import address, compare, data, look, patterns, report, sheets, usage
from panel_app.selection import Selection, View
from panel_app.sheets import Sheet

SIGNED_OUT = "You are signed out: log in, and take it then."
NOTHING = "There is nothing on this page to take away."
IDS_REMAIN = "The ids alone may still be taken."
PEOPLE = ("influence-score", "forecast", "advice")  # pages whose rows name people or hold tweets
PLOTLESS = ("topics", "advice", "alerts")  # pages of which there is no picture
CSV, PDF = "text/csv;charset=utf-8", "application/pdf"


@dataclass(frozen=True)
class File:
    """What a browser is given to keep, and how many of X's tweets and people are in it."""

    name: str
    type: str
    content: bytes
    objects: int = 0


class Row(JSComponent):
    """The buttons under a page's title."""

    html: Any = param.String("")
    about: Any = param.Dict({})

    _esm = Path(__file__).with_name("take_away.js").read_text()
    _stylesheets = [look.STYLE]  # noqa: RUF012 - Panel reads it as declared

    def give(self, file: File | None, said: str) -> None:
        """Give the browser a file to keep and say so, or say why there is none."""
        message: dict[str, Any] = {"said": said, "wrong": file is None}
        if file:
            message |= {"name": file.name, "type": file.type, "content": base64.b64encode(file.content).decode()}
        self._send_msg(message)


def row(visitor: Visitor, selection: Selection, page: Callable[[], str]) -> tuple[Row, Callable[..., None]]:
    """Build the buttons for the page that is open, and what is to be called when another is."""
    one = Row(sizing_mode="stretch_width", margin=0)
    one.on_msg(lambda event: one.give(*taken(visitor, page(), str(event.data), selection)))

    def follow(*_: object) -> None:
        view, name = selection.view, page()
        there = bool(view and not selection.missing and name in sheets.SHEETS)
        word = selection.word if there and name == "word-clouds" and not view.sensitive else ""
        made = buttons(name, word, view.sensitive) if there else ""
        one.param.update(html=made, about=about(name, selection) if there else {"dark": selection.dark}, visible=there)

    selection.param.watch(follow, ["view", "word", "mood", "way", "bar", "others", "missing"])
    follow()
    return one, follow


def taken(visitor: Visitor, page: str, what: str, selection: Selection) -> tuple[File | None, str]:
    """Make a file of a page for somebody who may have it; returns it and what to say, or why there is none."""
    if accounts.visitor(data.engine(), visitor.session) is None:
        return None, SIGNED_OUT
    if page not in sheets.SHEETS or what not in FILES or selection.view is None:
        return None, NOTHING
    file = FILES[what](page, selection, visitor)
    if file.objects and not accounts.take_out(data.engine(), visitor.account_id, file.objects):
        return None, too_many(file.objects, accounts.exported(data.engine(), visitor.account_id))
    usage.note(visitor, "export", page=page, what=what)
    left = MOST_EXPORTED - accounts.exported(data.engine(), visitor.account_id)
    objects = f" It holds {file.objects} tweets and people; today {left} more may be taken." if file.objects else ""
    return file, f"{file.name} is yours.{objects}"


def too_many(objects: int, before: int) -> str:
    """Say that X's limit is reached, when that ends, and what may be taken all the same."""
    return (
        f"X lets each user take out {MOST_EXPORTED} tweets and people a day. You have taken {before} today, and this "
        f"would be {objects} more. From 00:00 UTC on you can take {MOST_EXPORTED} again. {IDS_REMAIN}"
    )


def csv_of(sheet: Sheet, view: View) -> File:
    """Return a sheet as a file."""
    name = f"{file_name(sheet.name, view)}.csv"
    # The mark at its beginning tells spreadsheets that it is UTF-8.
    return File(name, CSV, sheets.written(sheet.rows).encode("utf-8-sig"), sheet.objects)


def behind_the_word(selection: Selection) -> Sheet:
    """Return the tweets that use the chosen word."""
    return sheets.tweets_sheet(selection.view, selection.word, selection.mood)


def report_of(selection: Selection, ending: str) -> File:
    """Return the one-page report of what is looked at."""
    made = report.read(selection.view)
    kind, content = ("text/html", report.html(made).encode()) if ending == "html" else (PDF, report.pdf(made))
    return File(f"{file_name('report', selection.view)}.{ending}", kind, content, len(made.people))


# what each button gives
FILES: dict[str, Callable[[str, Selection, Visitor], File]] = {
    "csv": lambda page, selection, visitor: csv_of(sheets.sheet(page, selection, visitor), selection.view),
    "ids": lambda page, selection, visitor: csv_of(sheets.sheet(page, selection, visitor).ids(), selection.view),
    "tweets": lambda _page, selection, _: csv_of(behind_the_word(selection), selection.view),
    "tweet-ids": lambda _page, selection, _: csv_of(behind_the_word(selection).ids(), selection.view),
    "html": lambda _page, selection, _: report_of(selection, "html"),
    "pdf": lambda _page, selection, _: report_of(selection, "pdf"),
}


def buttons(page: str, word: str, sensitive: bool) -> str:
    """Return the buttons of a page."""
    names = {"csv": "Numbers (CSV)"}
    if page in PEOPLE and not sensitive:
        names |= {"csv": "People and numbers (CSV)", "ids": "Ids only (CSV)"}
    if word:
        names |= {"tweets": f"Tweets with {look.safe(word)} (CSV)", "tweet-ids": "Their ids only (CSV)"}
    names |= {"pdf": "Report (PDF)", "html": "Report (HTML)"}
    if page not in PLOTLESS:
        names |= {"pictures": "Pictures (PNG)"}
    names |= {"link": "Copy link"}
    made = "".join(f'<button type="button" data-take="{what}">{name}</button>' for what, name in names.items())
    row = f'<div class="takes">{made}</div><div class="takes pictures"></div>'
    return f"<details><summary>Export and share</summary>{row}</details>"


def about(page: str, selection: Selection) -> dict[str, Any]:
    """Return what must stand on a picture that leaves its page, and the address that leads to the same."""
    view = selection.view
    colours = look.colours(view.dark)
    legend = [[f"{look.GLYPHS[label]} {look.MOODS[label]}", colours[label]] for label in look.LABELS]
    if page == "patterns":
        legend = [["● about as expected", colours[0]], [f"▲ {patterns.FAR} times or more", colours[1]]]
        legend += [["\N{EN DASH} \N{EN DASH} expected", colours[-1]]]
    if page == "compare":
        names = compare.read(view, selection.others)
        signs = (compare.look_of(place, view.dark) for place in range(len(names)))
        legend = [[f"{glyph} {name}", ink] for name, (ink, _, _, glyph) in zip(names, signs, strict=True)]
    return {
        "title": page.replace("-", " ").title(),
        "caption": f"{view.keyword} · {look.between(view.start, view.end, view.zone)}",
        "legend": legend,
        "source": source(view),
        "file": file_name(page, view),
        "query": urlencode(address.chosen(page, selection)),
        "dark": view.dark,
    }


def source(view: View) -> str:
    """Return whose numbers these are, and that they are of nobody where they are."""
    synthetic = bool(view.read(queries.synthetic())["synthetic"][0])
    return "TwitterTalker · synthetic data" if synthetic else "TwitterTalker · data from X"


def file_name(name: str, view: View) -> str:
    """Return a file's name without its ending: keyword, what it is, and up to when."""
    keyword = re.sub(r"\W+", "-", view.keyword).strip("-").lower()[:40] or "keyword"
    return f"{keyword}-{name}-{view.end:%Y%m%d-%H%M}"
