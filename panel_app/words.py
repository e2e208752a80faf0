"""Word Clouds: what is said in each mood; a click on a word lists its tweets."""

from __future__ import annotations

import functools
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui
from bokeh.core.properties import field, value
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.plotting import figure
from panel.io import hold
from PIL import ImageFont
from wordcloud import WordCloud

from core import queries
from panel_app import contrast, cuts, data, influencers, look, tweet_card
from panel_app.selection import ALL, APART, COMMON, Selection, View

FONT = str(Path(__file__).parent / "fonts" / "DejaVuSans-Bold.ttf")
FONT_NAME = "Talker Words"  # the same file in the browser, see look.css: other letters would not fit their boxes
WIDTH, HEIGHT, WORDS = 310, 230, 60
HOUR = timedelta(hours=1)
ABOUT = {
    APART: "The larger, the surer a word is more of this mood than of the others (weighted log-odds, z of 3 or more).",
    COMMON: "The larger, the more tweets of this mood use a word.",
}
NOTHING = {
    APART: "No word sets this mood apart for sure. Choose a longer range, or the commonest words.",
    COMMON: "No scored tweet in this mood. Choose a longer range.",
}
COLUMNS = ["word", "count", "size", "x", "y", "x0", "y0", "x1", "y1"]


def weights(terms: pd.DataFrame) -> tuple[tuple[str, int], ...]:
    """Return words with weights in coarse steps, so that a cloud keeps still while its counts grow a little."""
    steps = [
        (word, 1 + round(8 * math.log2(weight)))
        for word, weight in zip(terms["term"], terms.get("z", terms["tweets"]), strict=True)
    ]
    return tuple(sorted(steps, key=lambda step: (-step[1], step[0])))


def ready() -> None:
    """Load the letters, before somebody asks."""
    laid_out((("ready", 1),))


@functools.lru_cache(maxsize=128)
def laid_out(steps: tuple[tuple[str, int], ...]) -> pd.DataFrame:
    """Place each word: where its text starts, and the box that catches the pointer, in pixels from the lower left."""
    if not steps:
        return pd.DataFrame(columns=COLUMNS)
    sizes = {word: 2 ** (step / 8) for word, step in steps}
    cloud = WordCloud(
        width=WIDTH,
        height=HEIGHT,
        prefer_horizontal=1,
        random_state=7,
        relative_scaling=0.4,
        max_font_size=58,
        min_font_size=10,
        max_words=WORDS,
        margin=6,
        font_path=FONT,
    ).generate_from_frequencies(sizes)
    rows = []
    for (word, _), size, (row, column), _, _ in cloud.layout_:
        left, top, right, bottom = ImageFont.truetype(FONT, size).getbbox(word)
        rows.append(
            {
                "word": word,
                "size": f"{size}px",
                "x": column - left,
                "y": HEIGHT - (row - top),
                "x0": column - 1,
                "x1": column + right - left + 1,
                "y0": HEIGHT - (row + bottom - top) - 1,
                "y1": HEIGHT - row + 1,
            }
        )
    return pd.DataFrame(clear(rows))


def clear(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the words whose boxes are free of larger words' boxes; the others are in the table."""
    kept: list[dict[str, Any]] = []
    for one in rows:  # the largest first
        if not any(
            one["x0"] < other["x1"] and other["x0"] < one["x1"] and one["y0"] < other["y1"] and other["y0"] < one["y1"]
            for other in kept
        ):
            kept.append(one)
    return kept


def cloud(terms: pd.DataFrame) -> pd.DataFrame:
    """Return the placed words with the tweets that use them now."""
    tweets = dict(zip(terms["term"], terms["tweets"], strict=True))
    placed = laid_out(weights(terms))
    return placed.assign(count=placed["word"].map(tweets))


class Cloud:
    """One sentiment's words: made once for a page, then only its rows change.

    It is Bokeh's own, for HoloViews takes ten times as long to draw it anew. One pixel is one unit, so that the boxes
    that catch the pointer, which canvas letters do not, and the letters agree.
    """

    def __init__(self, label: int) -> None:
        self._label = label
        self.rows: Any = ColumnDataSource({name: [] for name in COLUMNS})
        self.whole: Any = figure(
            frame_width=WIDTH,
            frame_height=HEIGHT,
            x_range=Range1d(start=0, end=WIDTH),
            y_range=Range1d(start=0, end=HEIGHT),
            tools="",
            toolbar_location=None,
            outline_line_color=None,
            min_border=0,
        )
        self.whole.axis.visible = self.whole.grid.visible = False
        font: dict[str, Any] = {
            "text_font": value(FONT_NAME),
            "text_font_style": "bold",
            "text_font_size": field("size"),
        }
        self._letters: Any = self.whole.text("x", "y", "word", source=self.rows, text_baseline="top", **font)
        boxes = self.whole.quad(
            "x0", "x1", "y1", "y0", source=self.rows, fill_alpha=0, line_alpha=0, hover_fill_alpha=0.15
        )
        self.whole.add_tools(HoverTool(renderers=[boxes], tooltips=[("", "@word"), ("tweets", "@count{0,0}")]))

    def show(self, placed: pd.DataFrame, dark: bool) -> None:
        """Show words where they were placed."""
        self._letters.glyph.text_color = look.colours(dark)[self._label]
        self.rows.data = {name: list(placed[name]) for name in COLUMNS}


def plot(frame: pd.DataFrame, label: int, dark: bool = False) -> Any:
    """Draw one sentiment's words, the more used the larger."""
    drawn = Cloud(label)
    drawn.show(cloud(frame), dark)
    return drawn.whole


def word_at(placed: pd.DataFrame, x: float, y: float) -> str | None:
    """Return the word whose box holds a point; a small word may stand in the free corner of a large one's box."""
    hit = placed[(placed["x0"] <= x) & (x <= placed["x1"]) & (placed["y0"] <= y) & (y <= placed["y1"])]
    area = (hit["x1"] - hit["x0"]) * (hit["y1"] - hit["y0"])
    return None if hit.empty else str(hit["word"].iloc[int(area.argmin())])


def terms_of(view: View, label: int) -> pd.DataFrame:
    """Read the words of one sentiment."""
    return view.read(queries.terms(view.keyword_id, view.start, view.end, label, WORDS))


@data.kept
def shown(view: View, label: int, way: str) -> pd.DataFrame:
    """Read the words of one sentiment, as they are weighed: those that set it apart, or the commonest.

    They must not be changed.
    """
    if way == COMMON:
        return terms_of(view, label)
    counts = view.read(queries.words(view.keyword_id, view.start, view.end))
    ours, *others = sorted(look.MOODS.values(), key=lambda name: name != look.MOODS[label])
    return contrast.apart(counts, ours, others).head(WORDS)


def laid(view: View, way: str) -> list[pd.DataFrame]:
    """Read and lay out the three clouds."""
    return [cloud(shown(view, label, way)).assign(tweets=tweets_of(view, label)) for label in look.LABELS]


def live_cloud(selection: Selection, label: int) -> pn.Column:
    """Build one cloud; a click on a word chooses it."""
    drawn = Cloud(label)

    def placed() -> pd.DataFrame:
        return cloud(shown(selection.view, label, selection.way))

    def follow(*_: object) -> None:
        with hold():  # Panel may call without the document's lock, and Bokeh's own models refuse a change then
            drawn.show(placed(), selection.view.dark)

    def choose(event: Any) -> None:
        if word := word_at(placed(), event.x, event.y):
            selection.param.update(word=word, mood=label)

    follow()
    selection.param.watch(follow, ["view", "way"])
    drawn.whole.on_event(Tap, choose)

    def title(view: View, way: str) -> str:
        none = "" if len(shown(view, label, way)) else look.empty("No words", NOTHING[way])
        return look.block(f"<h2>{look.mood(label)} <small>{of(tweets_of(view, label))}</small></h2>{none}", view.dark)

    pane = pn.pane.Bokeh(drawn.whole, margin=0)
    return pn.Column(look.pane(pn.bind(title, selection.param.view, selection.param.way)), pane, width=WIDTH)


def tweets_of(view: View, label: int) -> int:
    """Read how many tweets have a mood in the whole hours that the range touches: words are counted by the hour."""
    start, end = cuts.begun(view.start, HOUR, "UTC"), cuts.begun(view.end - cuts.MINUTE, HOUR, "UTC") + HOUR
    found = view.read(queries.trend(view.keyword_id, [start, end]))
    return int(found.loc[found["label"] == label, "tweets"].sum())


def of(tweets: int) -> str:
    """Return the sample size."""
    return f"n = {look.counted(tweets, 'tweet')}"


def twin(view: View, way: str) -> str:
    """Return the words of the three clouds as tables."""
    tables = "".join(table(shown(view, label, way), label, tweets_of(view, label)) for label in look.LABELS)
    return look.block(f'<p class="quiet">{ABOUT[way]}</p><div class="columns">{tables}</div>', view.dark)


def table(terms: pd.DataFrame, label: int, tweets: int) -> str:
    """Return the words of one mood with how many of its tweets use them, and how sure they set it apart."""
    lines = "".join(
        f"<tr><td>{look.safe(row['term'])}</td><td>{look.number(row['tweets'])}</td>"
        f"<td>{100 * row['tweets'] / max(1, tweets):.1f} %</td><td>{round(row['z'], 1) if 'z' in row else ''}</td></tr>"
        for row in look.rows(terms)
    )
    names = (f"{look.mood(label)} {of(tweets)}", "tweets", "share", "z" if "z" in terms else "")
    head = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in names)
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{body}</div>'


@data.kept
def using(view: View, word: str, mood: int | str) -> str:
    """Return the newest tweets that use a word, as cards."""
    if view.sensitive:
        return look.block(look.empty("No tweets here", influencers.SENSITIVE), view.dark)
    if not word:
        return look.block(look.empty("Read the tweets behind a word", "Click a word, or type one."), view.dark)
    query = queries.tweets_with(view.keyword_id, view.start, view.end, word, None if mood == ALL else int(mood))
    tweets = look.rows(view.read(query))
    cards = "".join(tweet_card.card(tweet, view.zone, view.images) for tweet in tweets)
    return look.block(cards or look.empty("No tweet", f"No tweet in this range and mood uses {word}."), view.dark)


def page(selection: Selection) -> pn.Column:
    """Build the page; the clouds and the tweets follow the selection."""
    chosen = selection.param
    word = pmui.TextInput.from_param(chosen.word, label="Word or #hashtag", width=240, size="small", margin=0)
    mood = pmui.RadioButtonGroup.from_param(chosen.mood, label="", size="small", margin=0, sx=look.BUTTONS)
    clouds = (live_cloud(selection, label) for label in look.LABELS)
    way = pmui.RadioButtonGroup.from_param(chosen.way, label="", size="small", margin=0, sx=look.BUTTONS)

    def explained(view: View, way: str) -> str:
        return look.block(f'<span class="quiet">{ABOUT[way]}</span>', view.dark)

    about = look.pane(pn.bind(explained, chosen.view, chosen.way))
    about.min_width = 300  # on a phone below the buttons, not squeezed in beside them
    return pn.Column(
        pmui.FlexBox(way, about, align_items="center", gap="4px 16px", sizing_mode="stretch_width"),
        pmui.FlexBox(*clouds, justify_content="space-between", gap="8px 16px", sizing_mode="stretch_width"),
        look.folded("The words as a table", lambda: look.pane(pn.bind(twin, chosen.view, chosen.way))),
        pmui.Typography("Tweets", variant="h2", sx={"fontSize": "1.2rem", "fontWeight": 700}, margin=(12, 0, 4, 0)),
        pmui.FlexBox(word, mood, align_items="center", gap="8px 16px"),
        look.pane(pn.bind(using, chosen.view, chosen.word, chosen.mood)),
        sizing_mode="stretch_width",
    )
