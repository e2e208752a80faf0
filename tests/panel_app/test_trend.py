"""The trend: what a bar holds, how sure a mean is, and what a gap looks like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core.models import Trend, Tweet
from panel_app import trend
from panel_app.selection import Selection

NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)
COLUMNS = ["time", "label", "tweets", "sentiment_sum", "sentiment_square_sum"]
NO_SAMPLES = pd.DataFrame(columns=["started_at", "ended_at", "percent"])
NO_GAPS = pd.DataFrame(columns=["started_at", "ended_at"])


def frame(*rows):
    made = pd.DataFrame(rows, columns=COLUMNS)
    made = made.assign(estimated=made["tweets"].astype(float))
    return made.assign(time=pd.to_datetime(made["time"], utc=True), label=made["label"].astype(float))


def test_a_mean_and_its_interval_equal_numpy_on_the_single_scores(view):
    scores = np.array([0.5, -0.2, 0.9, 0.1])
    table = trend.bins(frame((NOON, 1, 4, scores.sum(), (scores**2).sum())), NO_SAMPLES, view())
    row = table.iloc[-1]

    reach = 1.96 * scores.std(ddof=1) / 2
    assert row["mean"] == pytest.approx(scores.mean())
    assert (row["low"], row["high"]) == pytest.approx((scores.mean() - reach, scores.mean() + reach))


def test_one_score_has_a_mean_but_no_interval(view):
    row = trend.bins(frame((NOON, 1, 1, 0.5, 0.25)), NO_SAMPLES, view()).iloc[-1]

    assert row["mean"] == 0.5
    assert np.isnan(row["low"])


def test_an_empty_bin_has_no_tweets_and_no_mean(view):
    table = trend.bins(frame((NOON, None, 3, 0.0, 0.0)), NO_SAMPLES, view())

    assert len(table) == 97
    assert table["tweets"].sum() == table["not scored"].sum() == 3
    assert table["mean"].isna().all()


def test_no_tweets_at_all_still_make_a_table(view):
    assert trend.bins(frame(), NO_SAMPLES, view())["tweets"].sum() == 0


def test_times_are_the_viewers(view):
    table = trend.bins(frame((NOON, 1, 1, 0.5, 0.25)), NO_SAMPLES, view(zone="Asia/Tokyo"))

    assert table["time"].iloc[-1] == pd.Timestamp("2026-06-19 21:00")


def test_a_gap_ends_with_the_range_while_it_lasts(view):
    gaps = pd.DataFrame({"started_at": [NOON - timedelta(hours=1)], "ended_at": [None]})

    assert trend.silences(gaps, view()) == [(pd.Timestamp("2026-06-19 11:00"), pd.Timestamp("2026-06-19 12:00"))]
    assert trend.silences(NO_GAPS, view()) == []


def test_a_gap_says_what_fills_it_or_why_nothing_does(view):
    gaps = pd.DataFrame(
        {
            "started_at": [NOON - timedelta(hours=hours) for hours in (6, 5, 4, 3)],
            "ended_at": [NOON - timedelta(hours=hours - 0.5) for hours in (6, 5, 4)] + [None],
            "reason": ["closed", "network", "<b>budget</b>", "HTTP 503"],
            "filled_by": [None, "recent search: no retweets", None, None],
            "not_filled": [None, None, "the budget was used up", None],
        }
    )
    told = trend.pauses(gaps, view())

    assert "19 Jun 07:00 to 19 Jun 07:30: network; filled by recent search: no retweets<" in told
    assert "&lt;b&gt;budget&lt;/b&gt;; not filled: the budget was used up<" in told
    assert "19 Jun 09:00 to 19 Jun 12:00: HTTP 503; not filled<" in told
    assert "and 1 more" in told
    assert trend.pauses(NO_GAPS, view()) == ""


def test_a_sampled_bin_tells_its_share_and_what_it_stands_for_even_an_empty_one(view):
    samples = pd.DataFrame(
        {"started_at": [NOON - timedelta(minutes=50)], "ended_at": [pd.NaT], "percent": [5]}, dtype=object
    )
    rows = frame((NOON, 1, 2, 1.0, 0.5), (NOON - timedelta(hours=2), -1, 3, -1.0, 0.5))
    rows.loc[0, "estimated"] = 40.0
    table = trend.bins(rows, samples, view())

    assert table["percent"].tolist()[-6:] == [100, 5, 5, 5, 5, 5]
    assert table["estimated"].iloc[[-9, -1]].tolist() == [3.0, 40.0]
    assert "5 tweets" in trend.summary(table, "nike")
    assert "19 Jun 12:00 with about 40 tweets. A sample: about 43 in all." in trend.summary(table, "nike")
    assert "<td>5 %</td><td>40</td>" in trend.numbers(table)
    drawn = trend.plot(rows, NO_GAPS, samples, view())
    whole = next(iter(drawn)).values()[1].dframe()
    assert whole[["base", "estimated"]].iloc[-1].tolist() == [0, 40.0]
    assert len(whole) == 5


def test_the_bars_of_a_bin_stand_on_each_other(view):
    drawn = trend.plot(frame((NOON, 1, 2, 1.0, 0.5), (NOON, -1, 3, -1.0, 0.5)), NO_GAPS, NO_SAMPLES, view())
    negative, _, positive, _ = next(iter(drawn)).values()[2:]

    assert negative.dframe().iloc[-1][["base", "top"]].tolist() == [0, 3]
    assert positive.dframe().iloc[-1][["base", "top"]].tolist() == [3, 5]


def test_the_sentence_weighs_each_bin_by_its_scored_tweets(view):
    rows = frame((NOON, 1, 3, 1.5, 0.75), (NOON - timedelta(hours=1), -1, 1, -0.5, 0.25))
    said = trend.summary(trend.bins(rows, NO_SAMPLES, view()), "nike")

    assert "4 tweets" in said
    assert "+0.25 <small>(n = 4)</small>" in said
    assert "19 Jun 12:00" in said


def test_the_page_follows_the_keyword_and_new_tweets(keyword, put, tweet_row):
    keyword("nike")
    keyword("puma")
    minute = {"minute": NOON, "label": 1, "voices": 1, "sentiment_sum": 0.5, "sentiment_square_sum": 0.25}
    put(Trend, {"keyword_id": 1, "tweets": 1} | minute, {"keyword_id": 2, "tweets": 5} | minute)
    put(Tweet, tweet_row(1), tweet_row(2, keyword_id=2))
    selection = Selection()
    sentence = trend.page(selection)[0]
    assert "1 tweets" in sentence.object

    selection.keyword = "puma"
    assert "5 tweets" in sentence.object

    put(Trend, {"keyword_id": 2, "tweets": 2} | minute | {"label": -1})
    put(Tweet, tweet_row(3, keyword_id=2))
    selection.refresh()
    assert "7 tweets" in sentence.object
