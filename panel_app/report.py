"""One page to hand on: what a keyword's range held, in the numbers of the screen, as HTML and as PDF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from fpdf import FPDF

from core import queries
from panel_app import coverage, influencers, look, overview, sheets, still, totals, trend, words
from panel_app.selection import View

FONTS = Path(__file__).parent / "fonts"
SHOWN_WORDS = 10  # of each mood
COLOURS = {name: look.LIGHT.get(label, trend.UNSCORED[False]) for label, name in trend.STACK.items()}
STACKED = "From below: negative, neutral, positive, not scored (retweets, other languages). Shaded: not listening."
NOTES = (
    "Tweets hold retweets; sentiment is of the n tweets that could be scored, from \N{MINUS SIGN}1 to +1. A score "
    "(0 to 100) is reach + resonance on this keyword in the last hours that were scored. Words are counted by whole "
    "hours."
)
PRINT = """
@page { size: A4; margin: 11mm; } body { margin: 0 auto; padding: 16px; max-width: 1000px; background: #FFFFFF; }
.talker { font: 13px/1.4 "Helvetica Neue", Arial, sans-serif; } h1 { font-size: 24px; margin: 0; }
.chart { height: 130px; border-bottom: 1px solid var(--quiet); margin-top: 4px; }
.ends { display: flex; justify-content: space-between; } .tiles { margin: 12px 0; } .columns { gap: 16px; }
ol { padding: 0; list-style: none; margin: 0 0 8px; } li { display: flex; gap: 8px; padding: 3px 0; border-bottom: 1px solid var(--line); }
li span { flex: 1; min-width: 0; overflow-wrap: anywhere; } .tiles .figure { font-size: 22px; }
@media (min-width: 700px) { .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); } .columns { grid-template-columns: repeat(3, minmax(0, 1fr)); } .tiles .card { padding: 10px 12px; } }
.columns { margin-top: 14px; } @media print { .talker { font-size: 10.5px; } .tiles, .tiles.four { grid-template-columns: repeat(4, minmax(0, 1fr)); } .columns { grid-template-columns: repeat(3, minmax(0, 1fr)); } * { print-color-adjust: exact; } }
"""  # noqa: E501
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Report:
    """Everything that stands on the page, read once, so that HTML and PDF cannot differ."""

    view: View
    now: Any
    before: Any
    bars: pd.DataFrame
    gaps: list[tuple[pd.Timestamp, pd.Timestamp]]
    leaders: pd.DataFrame
    words: dict[int, pd.DataFrame]
    synthetic: bool

    @property
    def window(self) -> str:
        """From when to when it is, in the viewer's zone."""
        return look.between(self.view.start, self.view.end, self.view.zone)

    @property
    def source(self) -> str:
        """Whose numbers these are, and what must be known of them."""
        kinds = "synthetic data: these people and tweets do not exist" if self.synthetic else "data from X"
        read = int(self.now["percent"])
        return f"TwitterTalker · {kinds}" + (f" · a sample: at times only {read} % were read" if read < 100 else "")

    @property
    def people(self) -> tuple[str, ...]:
        """The ids of those whose names are on it."""
        return sheets.distinct(self.leaders["author_id"])

    def nobody(self) -> str:
        """Say why no people are on it."""
        return influencers.SENSITIVE if self.view.sensitive else "No influence scores yet."


def read(view: View) -> Report:
    """Read what a report on a view holds; nobody where the keyword is sensitive."""
    now, before = (totals.of(view, *ends) for ends in ((view.start, view.end), view.before))
    return Report(
        view=view,
        now=now,
        before=before,
        bars=trend.trend_of(view),
        gaps=coverage.silences(coverage.of(view), view),
        leaders=influencers.top(view).iloc[: 0 if view.sensitive else None],
        words={label: words.terms_of(view, label).head(SHOWN_WORDS) for label in look.LABELS},
        synthetic=bool(view.read(queries.synthetic())["synthetic"][0]),
    )


def html(report: Report) -> str:
    """Return the page as HTML that needs nothing from elsewhere; it prints on one sheet."""
    title = f"Report on {report.view.keyword}"
    head = f"<h1>{look.safe(title)}</h1><p>{look.safe(report.window)}<br>{look.safe(report.source)}</p>"
    figures = overview.tiles(report.now, report.before, report.bars, report.view.span)
    people = "" if len(report.leaders) else f'<p class="quiet">{look.safe(report.nobody())}</p>'
    columns = "".join(column(report, label) for label in look.LABELS)
    body = f"{head}{figures}{chart(report)}{people}<div class='columns'>{columns}</div><p class='quiet'>{NOTES}</p>"
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{look.safe(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{look.STYLE}{PRINT}</style></head><body>{look.block(body, dark=False)}</body></html>"
    )


def chart(report: Report) -> str:
    """Return the tweets of each bar as a picture, with the largest bar and the two ends in words."""
    ends = "".join(
        f"<span>{look.clock(time, report.view.zone)}</span>" for time in (report.view.start, report.view.end)
    )
    return (
        f"<h2>{busiest(report)}</h2><div class='chart'>{still.volume(report.bars, report.gaps, report.view)}</div>"
        f"<div class='ends quiet'>{ends}</div><p class='quiet'>{STACKED}</p>"
    )


def busiest(report: Report) -> str:
    """Return what the picture shows, and how much its highest bar is."""
    return f"Tweets over time, at most {look.number(report.bars['tweets'].max())} in a bar"


def column(report: Report, label: int) -> str:
    """Return the people and the words of one mood."""
    people = "".join(
        f"<li><span><b>{look.safe(row['name'] or 'unknown')}</b><br><small>{look.safe(handle(row))}</small></span>"
        f"{row['score']:.1f}</li>"
        for row in look.rows(report.leaders[report.leaders["label"] == label])
    )
    said = "".join(
        f"<li><span>{look.safe(word)}</span>{look.number(tweets)}</li>" for word, tweets in used(report, label)
    )
    return (
        f"<section><h2>{look.mood(label)}</h2><h3>Who, by score</h3><ol>{people or '<li>Nobody.</li>'}</ol>"
        f"<h3>Words, by tweets</h3><ol>{said or '<li>None.</li>'}</ol></section>"
    )


def used(report: Report, label: int) -> list[tuple[str, int]]:
    """Return the words of one mood with the tweets that use them."""
    found = report.words[label]
    return list(zip(found["term"], found["tweets"], strict=True))


def handle(row: dict[str, Any]) -> str:
    """Return somebody's @handle, if it is known."""
    return f"@{row['username']}" if row["username"] else ""


class Sheet(FPDF):
    """An A4 sheet that is written from top to bottom."""

    def __init__(self) -> None:
        super().__init__(format="A4")
        for style, file in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
            self.add_font("talker", style, FONTS / file)
        self.set_margin(13)
        self.set_auto_page_break(False)
        self.add_page()
        self.set_line_width(0.2)

    def say(self, x: float, y: float, text: str, size: float = 9, room: float = 184, **style: Any) -> None:
        """Write one line, cut short where it would leave its room."""
        self.set_font("talker", "B" if style.get("bold") else "", size)
        self.set_text_color(style.get("colour", "#1B2126"))
        self.set_xy(x, y)
        self.cell(room, size * 0.45, self.fitting(text, room), align=style.get("align", "L"))

    def fitting(self, text: str, room: float) -> str:
        """Return one line of text as long as its room; □ stands for a sign that the font does not have."""
        known = self.current_font.cmap  # type: ignore[union-attr]
        line = "".join(letter if ord(letter) in known else "\N{WHITE SQUARE}" for letter in " ".join(text.split()))
        room -= 2 * self.c_margin
        if self.get_string_width(line) <= room:
            return line
        while line and self.get_string_width(f"{line}…") > room:
            line = line[:-1]
        return f"{line}…"

    def finished(self) -> bytes:
        """Return the file, and let go of the fonts."""
        file = bytes(self.output())
        self.let_go()
        return file

    def let_go(self) -> None:
        """Close the fonts' files, which fpdf2 leaves open."""
        for font in self.fonts.values():
            font.ttfont.close()  # type: ignore[union-attr]

    def tell(self, y: float, text: str) -> None:
        """Write small lines over the whole width."""
        self.set_font("talker", "", 7.5)
        self.set_text_color("#5C6670")
        self.set_xy(self.l_margin - 1, y)
        self.multi_cell(184, 3.6, text)


def pdf(report: Report) -> bytes:
    """Return the page as PDF."""
    sheet, view = Sheet(), report.view
    sheet.set_title(f"Report on {view.keyword}")
    sheet.say(12, 13, f"Report on {view.keyword}", 18, bold=True)
    sheet.say(12, 22, report.window, 9.5)
    sheet.say(12, 27, report.source, 9, colour="#5C6670")
    for place, (name, figure, note) in enumerate(figures(report)):
        left = 13 + 46.4 * place
        sheet.set_draw_color("#DDE3E9")
        sheet.rect(left, 34, 44.8, 22, round_corners=True, corner_radius=2)
        sheet.say(left + 1, 36, name, 8, 43, colour="#5C6670")
        sheet.say(left + 1, 42, figure, 14 if place < 3 else 8.5, 43, bold=True)
        sheet.say(left + 1, 50, note, 6.5, 43, colour="#5C6670")
    draw_chart(sheet, report)
    for place, label in enumerate(look.LABELS):
        draw_column(sheet, report, label, 13 + 62.5 * place)
    if not len(report.leaders):
        sheet.say(12, 125, report.nobody(), 8, colour="#5C6670")
    sheet.tell(280, NOTES)
    return sheet.finished()


def figures(report: Report) -> list[tuple[str, str, str]]:
    """Return the four figures as the overview has them: what each is, the figure, and what it compares to."""
    now, before, span, n = report.now, report.before, report.view.span, int(report.now["scored"])
    tweets, voices = (overview.change(now[count], before[count], span) for count in ("tweets", "voices"))
    if min(now["percent"], before["percent"]) < 100:
        tweets = voices = "of a sample: not compared"
    both = n and before["scored"]
    moved = f"· {look.signed(now['sentiment'] - before['sentiment'])} against the {span} before" if both else ""
    shares = [f"{look.GLYPHS[k]} {100 * report.bars[look.MOODS[k]].sum() / max(1, n):.0f} %" for k in look.LABELS]
    return [
        ("Tweets", look.number(now["tweets"]), tweets),
        ("Voices", look.number(now["voices"]), voices),
        ("Mean sentiment", look.signed(now["sentiment"]) if n else "not scored", f"n = {look.number(n)} {moved}"),
        ("Positive, neutral, negative", "   ".join(shares), f"of the {look.number(n)} scored tweets"),
    ]


def draw_chart(sheet: Sheet, report: Report) -> None:
    """Draw the tweets of each bar."""
    left, width, floor, height = 13, 184, 108, 38
    sheet.say(left - 1, 61, busiest(report), 10, bold=True)
    for name, start, end, low, top in still.shapes(report.bars, report.gaps, report.view):
        sheet.set_fill_color("#F6EDD5" if name == "gap" else COLOURS[name])
        sheet.rect(left + width * start, floor - height * top, width * (end - start), height * (top - low), style="F")
    sheet.set_draw_color("#5C6670")
    sheet.line(left, floor, left + width, floor)
    sheet.say(left - 1, floor + 1.5, look.clock(report.view.start, report.view.zone), 7.5, 90, colour="#5C6670")
    sheet.say(107, floor + 1.5, look.clock(report.view.end, report.view.zone), 7.5, 91, colour="#5C6670", align="R")
    sheet.tell(floor + 6, STACKED)


def draw_column(sheet: Sheet, report: Report, label: int, left: float) -> None:
    """Write the people and the words of one mood."""
    width, y = 59.5, 130.0
    mood = f"{look.GLYPHS[label]} {look.MOODS[label].capitalize()}"
    sheet.say(left - 1, y, mood, 11, width, bold=True, colour=look.LIGHT[label])
    y += 8
    people = look.rows(report.leaders[report.leaders["label"] == label])
    names = [(row["name"] or "unknown", f"{row['score']:.1f}", handle(row)) for row in people]
    said = [(word, look.number(tweets), "") for word, tweets in used(report, label)]
    for heading, lines in (("Who, by score", names), ("Words, by tweets", said)):
        sheet.say(left - 1, y, heading, 9, width, bold=True)
        y += 6
        for text, value, below in lines or [("None.", "", "")]:
            sheet.say(left - 1, y, text, 8, width - 13)
            sheet.say(left + width - 17, y, value, 8, 17, align="R")
            if below:
                y += 3.6
                sheet.say(left - 1, y, below, 7, width - 13, colour="#5C6670")
            sheet.set_draw_color("#DDE3E9")
            sheet.line(left, y + 4.8, left + width - 1, y + 4.8)
            y += 5.9
        y += 3
