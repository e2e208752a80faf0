"""Topics: which words are new now, against the same hours of the days before; and which hashtags go with a keyword."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from core import queries
from core.emerging import LEAST_AUTHORS, bag, emerging, voices
from panel_app import cuts, data, look, words
from panel_app.selection import Choices, Selection, View

DAY, HOUR, STEP = timedelta(days=1), timedelta(hours=1), timedelta(minutes=5)
DAYS = 14  # before, whose same hours tell what is usual
MEMORY = timedelta(days=30)  # a term that nobody used for so long is new
MOST = 30  # terms of a list
LOOKED_AT = 40  # newest texts of a term, that tell whether they are copies
FEW = 5  # authors, below which a sensitive keyword's terms are not shown, and a hashtag goes with no keyword
ABOUT = (
    "A term emerges when a clearly larger share of the authors uses it than in the same hours of the 14 days before: "
    "by the log-likelihood ratio G\N{SUPERSCRIPT TWO} on distinct authors, three at least, twice the share or more,"
    " and so sure that less than one an hour is there by chance. Whoever repeats it counts once; retweets do not. "
    "Copies: half of its authors, or more, wrote nearly what another wrote, with over half of the words in common."
)
RELATED = (
    "These hashtags are used by at least five authors here, and by a clearly larger share of them than of those who "
    "write about your other keywords. Times: that share, as a multiple of the others'. Yours are left out."
)
NOTHING_BEFORE = "Nothing was collected in the same hours of the 14 days before, so nobody can tell what is new."
NOTHING_NEW = "No term is clearly more used than in the same hours before."
ALONE = "Track another keyword: what goes with this one shows against the others."
NO_TAGS = "No hashtag is used clearly more here than on your other keywords."


@dataclass(frozen=True)
class Terms:
    """A list of terms, out of how many authors here and there; `why` is told where the list is empty."""

    rows: pd.DataFrame
    authors: int = 0
    before: int = 0
    why: str = ""


def hours_of(view: View) -> tuple[datetime, datetime]:
    """Return what is "now": the range, of a long one its last 24 hours. A range that moves does so every 5 minutes."""
    end = max(cuts.begun(view.end, STEP, "UTC"), view.start + STEP) if view.hours else view.end
    return max(view.start, end - DAY), end


def steady(query: queries.Rows) -> pd.DataFrame:
    """Read what is costly: again when its range has moved or something was forgotten, not at each commit."""
    return data.frame(query, data.watch().version(0))


def listed(counts: pd.DataFrame, least: int, why_empty: str, why_alone: str) -> Terms:
    """Return the terms of a count of authors that stand out, the surest first: `term authors before g2 times`."""
    if counts.empty:
        return Terms(pd.DataFrame(), why=why_empty)
    now, before = int(counts["all_authors"][0]), int(counts["all_before"][0])
    if not before:
        return Terms(pd.DataFrame(), now, 0, why_alone)
    rows = zip(counts["term"], counts["authors"], counts["before"], strict=True)
    found = pd.DataFrame([asdict(one) for one in emerging(rows, now, before, least)][:MOST])
    return Terms(found, now, before, why_empty if found.empty else "")


def emerging_of(view: View) -> Terms:
    """Read the terms that emerge now, with `new` where nobody used one for as long as MEMORY."""
    start, end = hours_of(view)
    counts = steady(queries.term_authors(view.keyword_id, start, end, DAYS))
    found = listed(counts, FEW if view.sensitive else LEAST_AUTHORS, NOTHING_NEW, NOTHING_BEFORE)
    if found.rows.empty:
        return found
    seen = steady(
        queries.terms_seen(view.keyword_id, sorted(found.rows["term"]), start - MEMORY, cuts.begun(start, HOUR, "UTC"))
    )
    texts = steady(queries.texts_with(view.keyword_id, sorted(found.rows["term"]), start, end))
    new, copies = ~found.rows["term"].isin(seen["term"]), copied(list(found.rows["term"]), texts)
    return Terms(found.rows.assign(new=new, copies=copies), found.authors, found.before)


def copied(terms: list[str], texts: pd.DataFrame) -> list[bool]:
    """Say of which terms half of the authors, or more, wrote nearly what another of them wrote."""
    newest = texts.drop_duplicates("author_id")
    bags = [bag(text) for text in newest["text"]]
    using = ([one for one in bags if term in one][:LOOKED_AT] for term in terms)
    return [0 < 2 * voices(some) <= len(some) for some in using]


def related_of(view: View) -> Terms:
    """Read the hashtags that go with a keyword and are not tracked themselves."""
    counts = steady(queries.tag_authors(view.keyword_id, *hours_of(view)))
    tracked = {name.lstrip("#").casefold() for name in steady(queries.keywords())["name"]}
    others = counts[~counts["term"].str.lstrip("#").isin(tracked)].reset_index(drop=True)
    return listed(others, FEW, NO_TAGS, ALONE)


def many(times: float) -> str:
    """Return a multiple; of what is nowhere else there is none."""
    return "none there" if times == float("inf") else f"{times:,.0f}\N{MULTIPLICATION SIGN}"


def table(found: Terms, heads: tuple[str, str, str]) -> str:
    """Return a list of terms as a table, or why there is none."""
    if found.rows.empty:
        return look.empty("Nothing stands out", found.why)
    head = "".join(f'<th scope="col">{name}</th>' for name in (*heads, "Times", "G\N{SUPERSCRIPT TWO}"))
    lines = "".join(line(row, found) for row in look.rows(found.rows))
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{heads[0]}">{body}</div>'


def line(row: dict[str, Any], found: Terms) -> str:
    """Return one term as a row of the table."""
    marks = "".join(f' <span class="mark">{mark}</span>' for mark in ("new", "copies") if row.get(mark))
    return (
        f"<tr><td>{look.safe(row['term'])}{marks}</td><td>{share(row['authors'], found.authors)}</td>"
        f"<td>{share(row['before'], found.before)}</td><td>{many(row['times'])}</td><td>{row['g2']:.0f}</td></tr>"
    )


def share(part: int, whole: int) -> str:
    """Return a number of authors, and which share of all that is."""
    return f"{look.number(part)} <small>{100 * part / max(1, whole):.1f} %</small>"


@data.kept
def told(view: View) -> str:
    """Return what emerges now."""
    found, (start, end) = emerging_of(view), hours_of(view)
    when = f"{look.between(start, end, view.zone)}, n = {look.counted(found.authors, 'author')}"
    before = f"; before: {look.counted(found.before, 'author')}, each counted once a day" if found.before else ""
    head = f'<h2>New now <small>{when}{before}</small></h2><p class="quiet">{ABOUT}</p>'
    return look.block(head + table(found, ("Term", "Authors now", "Same hours before")), view.dark)


@data.kept
def told_related(view: View) -> str:
    """Return the hashtags to enter."""
    head = f'<h2>Hashtags to enter</h2><p class="quiet">{RELATED}</p>'
    return look.block(head + table(related_of(view), ("Hashtag", "Authors here", "Of the others")), view.dark)


def using(chosen: Choices, view: View) -> str:
    """Return the newest tweets that use the chosen word."""
    return words.using(view, chosen.word, chosen.mood)


def page(selection: Selection) -> pn.Column:
    """Build the page; only its content follows the selection."""
    chosen = selection.param
    word = pmui.TextInput.from_param(chosen.word, label="Word or #hashtag", width=240, size="small", margin=0)

    def tweets(view: View, _word: str) -> str:
        return using(selection, view)

    return pn.Column(
        look.pane(pn.bind(told, chosen.view)),
        look.pane(pn.bind(told_related, chosen.view)),
        pmui.Typography("Tweets", variant="h2", sx={"fontSize": "1.2rem", "fontWeight": 700}, margin=(12, 0, 4, 0)),
        word,
        look.pane(pn.bind(tweets, chosen.view, chosen.word)),
        sizing_mode="stretch_width",
    )
