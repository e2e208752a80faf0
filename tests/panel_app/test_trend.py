"""The trend: what a bar holds, how sure a mean is, and what a gap looks like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from bokeh.document import Document
from bokeh.models import Plot
from bokeh.server.session import ServerSession
from panel.io.state import set_curdoc

from core.models import Keyword, Trend, Tweet
from panel_app import trend
from panel_app.selection import CUSTOM, Selection

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
COLUMNS = ["bin", "label", "tweets", "sentiment_sum", "sentiment_square_sum"]
NO_SAMPLES = pd.DataFrame(columns=["started_at", "ended_at", "percent"])
MINUTE = {"keyword_id": 1, "label": 1, "tweets": 1, "voices": 1, "sentiment_sum": 0.5, "sentiment_square_sum": 0.25}
NOBODY = pd.DataFrame(columns=["bin", "voices"])
LAST = 96  # of the bars of 24 hours and a minute, by quarters


def frame(*rows):
    made = pd.DataFrame(rows, columns=COLUMNS)
    return made.assign(estimated=made["tweets"].astype(float), label=made["label"].astype(float))


def drawn(table, view):
    plot = trend.Plot()
    plot.show(table, [], view)
    return {name: pd.DataFrame(rows.data) for name, rows in plot.rows.items()}


def test_a_mean_and_its_interval_equal_numpy_on_the_single_scores(view):
    scores = np.array([0.5, -0.2, 0.9, 0.1])
    table = trend.bins(frame((LAST, 1, 4, scores.sum(), (scores**2).sum())), NOBODY, NO_SAMPLES, view())
    row = table.iloc[-1]

    reach = 1.96 * scores.std(ddof=1) / 2
    assert row["mean"] == pytest.approx(scores.mean())
    assert (row["low"], row["high"]) == pytest.approx((scores.mean() - reach, scores.mean() + reach))


def test_one_score_has_a_mean_but_no_interval(view):
    row = trend.bins(frame((LAST, 1, 1, 0.5, 0.25)), NOBODY, NO_SAMPLES, view()).iloc[-1]

    assert row["mean"] == 0.5
    assert np.isnan(row["low"])


def test_an_empty_bin_has_no_tweets_and_no_mean(view):
    table = trend.bins(frame((LAST, None, 3, 0.0, 0.0)), NOBODY, NO_SAMPLES, view())

    assert len(table) == 97
    assert table["tweets"].sum() == table["not scored"].sum() == 3
    assert table["mean"].isna().all()


def test_no_tweets_at_all_still_make_a_table(view):
    assert trend.bins(frame(), NOBODY, NO_SAMPLES, view())["tweets"].sum() == 0


def test_times_are_the_viewers(view):
    table = trend.bins(frame((LAST, 1, 1, 0.5, 0.25)), NOBODY, NO_SAMPLES, view(zone="Asia/Tokyo"))

    assert table["time"].iloc[-1] == pd.Timestamp("2026-06-19 21:00")


def test_a_sampled_bin_tells_its_share_and_what_it_stands_for_even_an_empty_one(view):
    samples = pd.DataFrame(
        {"started_at": [NOON - timedelta(minutes=50)], "ended_at": [pd.NaT], "percent": [5]}, dtype=object
    )
    rows = frame((LAST, 1, 2, 1.0, 0.5), (LAST - 8, -1, 3, -1.0, 0.5))
    rows.loc[0, "estimated"] = 40.0
    table = trend.bins(rows, NOBODY, samples, view())

    assert table["percent"].tolist()[-6:] == [100, 5, 5, 5, 5, 5]
    assert table["estimated"].iloc[[-9, -1]].tolist() == [3.0, 40.0]
    said = trend.summary(table, pd.Series({"tweets": 5, "voices": 2}), view())
    assert "5 tweets</b> by <b>2 voices" in said
    assert "Fri 19 Jun 12:00 \N{EN DASH} 12:01 with about 40 tweets. A sample: about 43 in all." in said
    assert "<td>5 %</td><td>40</td>" in trend.numbers(table)
    whole = drawn(table, view())["whole"]
    assert whole["estimated"].iloc[-1] == 40.0
    assert len(whole) == 5


def test_the_bars_of_a_bin_stand_on_each_other(view):
    table = trend.bins(frame((LAST, 1, 2, 1.0, 0.5), (LAST, -1, 3, -1.0, 0.5)), NOBODY, NO_SAMPLES, view())
    bars = drawn(table, view())["bars"].set_index("mood")

    assert bars.loc["negative", ["base", "top", "hatch"]].tolist() == [0, 3, "/"]
    assert bars.loc["positive", ["base", "top", "hatch"]].tolist() == [3, 5, " "]


def test_the_lines_of_voices_lie_on_the_bars_that_have_any(view):
    heard = pd.DataFrame({"bin": [LAST], "voices": [2]})
    table = trend.bins(frame((LAST, 1, 5, 1.0, 0.5)), heard, NO_SAMPLES, view())

    assert drawn(table, view())["voices"]["voices"].tolist() == [2]


def test_a_plot_stays_and_only_its_rows_follow_the_view(view):
    plot, table = trend.Plot(), trend.bins(frame((LAST, 1, 5, 1.0, 0.5)), NOBODY, NO_SAMPLES, view())
    gap = (pd.Timestamp(NOON - timedelta(hours=2)), pd.Timestamp(NOON - timedelta(hours=1)))
    plot.show(table, [gap], view())
    before = list(plot.whole.references())
    plot.show(trend.bins(frame(), NOBODY, NO_SAMPLES, view()), [], view(dark=True))

    assert set(before) == set(plot.whole.references())
    assert len(plot.rows["bars"].data["top"]) == len(plot.rows["gaps"].data["start"]) == 0


def test_a_bar_at_the_end_is_as_wide_as_the_range_lets_it_be(view):
    table = trend.bins(frame(), NOBODY, NO_SAMPLES, view(hours=CUSTOM, start=NOON, end=NOON + timedelta(minutes=150)))

    assert (table["end"].iloc[-1], len(table)) == (NOON + timedelta(minutes=150), 30)
    assert trend.bins(frame(), NOBODY, NO_SAMPLES, view())["until"].iloc[-1] == pd.Timestamp("2026-06-19 12:01")


def test_the_hours_of_a_day_add_up_to_it_also_when_clocks_change(keyword, put, tweet_row, view):
    keyword("nike")
    start, end = (datetime(2026, 10, day, 22 + (day == 25), tzinfo=UTC) for day in (24, 25))  # 25 hours in Berlin
    minutes = [start + timedelta(minutes=15 * number) for number in range(100)]
    put(Trend, *(MINUTE | {"minute": minute} for minute in minutes))
    put(Tweet, *(tweet_row(id, created_at=minute, author_id=id % 7) for id, minute in enumerate(minutes)))
    day, hours = (
        trend.trend_of(view(hours=CUSTOM, start=start, end=end, zone="Europe/Berlin", bar=bar)) for bar in ("", "1 h")
    )
    days = trend.trend_of(
        view(hours=CUSTOM, start=start - timedelta(days=2), end=end, zone="Europe/Berlin", bar="1 day")
    )

    assert len(hours) == 25
    assert hours["tweets"].tolist() == [4] * 25
    assert days["tweets"].tolist() == [0, 0, 100]
    assert day["tweets"].sum() == hours["tweets"].sum() == 100
    assert days["voices"].iloc[-1] == 7 < hours["voices"].sum()
    assert hours["time"].dt.hour.tolist()[:5] == [0, 1, 2, 2, 3]
    assert hours["start"].is_unique


def test_a_range_without_tweets_says_so_and_what_to_do(view):
    said = trend.summary(trend.bins(frame(), NOBODY, NO_SAMPLES, view()), pd.Series({"tweets": 0, "voices": 0}), view())

    assert "No tweet about nike in this range" in said
    assert "press Live" in said


def test_the_sentence_weighs_each_bin_by_its_scored_tweets(view):
    rows = frame((LAST, 1, 3, 1.5, 0.75), (LAST - 4, -1, 1, -0.5, 0.25))
    totals = pd.Series({"tweets": 4, "voices": 3})
    said = trend.summary(trend.bins(rows, NOBODY, NO_SAMPLES, view()), totals, view())

    assert "4 tweets" in said
    assert "+0.25 <small>(n = 4)</small>" in said
    assert "19 Jun 12:00" in said


def test_the_page_follows_the_keyword_and_new_tweets(keyword, put, tweet_row):
    keyword("nike")
    keyword("puma")
    minute = {"minute": NOON, "label": 1, "voices": 1, "sentiment_sum": 0.5, "sentiment_square_sum": 0.25}
    put(Trend, {"keyword_id": 1, "tweets": 1} | minute, {"keyword_id": 2, "tweets": 5} | minute)
    put(Tweet, tweet_row(1), *(tweet_row(id, keyword_id=2, author_id=id) for id in range(2, 7)))
    selection = Selection()
    sentence = trend.page(selection)[0]
    assert "1 tweet</b>" in sentence.object

    selection.keyword = "puma"
    assert "5 tweets" in sentence.object

    put(Trend, {"keyword_id": 2, "tweets": 2} | minute | {"label": -1})
    put(Tweet, tweet_row(7, keyword_id=2), tweet_row(8, keyword_id=2))
    selection.refresh()
    assert "7 tweets</b> by <b>6 voices" in sentence.object


def test_a_brushed_window_becomes_the_range_in_whole_minutes_and_never_a_longer_one(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection(hours=24)
    noon = NOON.timestamp() * 1000
    trend.brushed(selection, {"x0": noon, "x1": noon})
    assert selection.hours == 24

    trend.brushed(selection, {"x0": noon - 90.5 * 60_000, "x1": noon + 3_600_000})
    assert selection.hours == CUSTOM
    assert (selection.view.start, selection.view.end) == (NOON - timedelta(minutes=91), NOON + timedelta(minutes=1))


def test_the_bars_move_also_when_panel_calls_without_the_documents_lock(view, put):
    put(Keyword, {"name": "nike", "query": "nike"})
    put(Tweet, {"id": 1, "keyword_id": 1, "author_id": 1, "kind": "original", "created_at": NOON, "text": "."})
    selection = Selection(keyword="nike", hours=24)
    document = Document()
    with set_curdoc(document):
        document.add_root(trend.chart(selection).get_root(document))
        ServerSession("a browser's", document)  # it holds no lock, as while it awaits

        selection.choose(NOON - timedelta(hours=3), NOON)

    times = next(iter(document.select({"type": Plot}))).x_range
    assert times.end - times.start == timedelta(hours=3) / timedelta(milliseconds=1)
