"""The same numbers everywhere: in SQL, on the pages, in CSV and in the report."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pypdf import PdfReader
from sqlalchemy import text

from core import batches
from panel_app import cuts, overview, report, sheets, trend
from panel_app.selection import Selection
from tests.panel_app.conftest import NOON

# The clocks of Berlin go back at 03:00 on 25 October 2026, and forward at 02:00 on 29 March.
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def collected(engine, keyword, door, tweet_row):
    """Commit tweets as a tracker does, at times of one's choice."""
    keyword("nike")

    def commit(times):
        dice = np.random.default_rng(7)
        rows = []
        for id, time in enumerate(times, 1):
            score = round(float(dice.normal(0.1, 0.4)), 4)
            label = 1 if score >= 0.05 else -1 if score <= -0.05 else 0
            mood = {"sentiment": score, "label": label} if id % 3 else {"sentiment": None, "label": None}
            row = tweet_row(id, author_id=int(dice.integers(1, 40)), created_at=time, **mood)
            rows.append(row | {"terms": []})
        batches.save_batch(engine, batches.Batch(1, "test", "nike", len(rows), rows, [], []))
        door.watch().look()

    return commit


def in_sql(engine, start, end):
    """Count and average what lies in a range, straight from the table of tweets."""
    asked = text(
        "SELECT count(*) AS tweets, count(DISTINCT author_id) AS voices, count(label) AS scored, avg(sentiment) AS mean"
        " FROM tweet WHERE keyword_id = 1 AND matched AND created_at >= :start AND created_at < :end"
    )
    with engine.connect() as connection:
        return connection.execute(asked, {"start": start, "end": end}).one()


def test_a_keyword_and_a_window_have_the_same_counts_and_means_everywhere(collected, engine):
    # Some tweets lie exactly on the window's ends, and on those of bars.
    collected([NOON - timedelta(seconds=30 * step) for step in range(4000)])
    selection = Selection()
    selection.choose(NOON - timedelta(hours=20), NOON - timedelta(hours=2))
    view = selection.view
    found = in_sql(engine, view.start, view.end)
    count, voices, n, mean = f"{found.tweets:,}", f"{found.voices:,}", f"{found.scored:,}", f"{found.mean:+.2f}"
    assert found.tweets == 2160

    for shown in (overview.figures(view), report.html(report.read(view))):
        for figure in (count, voices, f"{mean} <small>(n = {n})</small>".replace("-", "\N{MINUS SIGN}")):
            assert f'<div class="figure">{figure}</div>' in shown
    [sheet] = PdfReader(io.BytesIO(report.pdf(report.read(view)))).pages
    for figure in (count, voices, mean.replace("-", "\N{MINUS SIGN}"), f"n = {n}"):
        assert figure in sheet.extract_text()
    line = next(csv.DictReader(io.StringIO(sheets.written(sheets.sheet("overview", selection).rows))))
    assert [line[name] for name in ("tweets", "voices", "scored")] == [str(value) for value in found[:3]]
    assert float(line["mean sentiment"]) == round(found.mean, 2)
    bars = list(csv.DictReader(io.StringIO(sheets.written(sheets.sheet("hashtag-trend", selection).rows))))
    assert sum(int(bar["tweets"]) for bar in bars) == trend.trend_of(view)["tweets"].sum() == found.tweets
    assert sum(int(bar["scored"]) for bar in bars) == found.scored
    table = trend.trend_of(view)
    assert (table["mean"] * table["scored"]).sum() / found.scored == pytest.approx(found.mean, abs=1e-4)


@pytest.mark.parametrize(("day", "hours"), [("2026-10-25", 25), ("2026-03-29", 23), ("2026-06-19", 24)])
def test_the_hours_of_a_day_add_up_to_the_day_also_when_clocks_change(collected, engine, day, hours):
    midnight = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    start, end = (one.astimezone(UTC) for one in (midnight, midnight + timedelta(days=1)))
    collected([start + timedelta(minutes=7 * step) for step in range(-20, 230)])
    selection = Selection(zone="Europe/Berlin")
    selection.choose(start, end)
    by_width = {}
    for bar in ("1 h", "1 day"):
        selection.bar = bar
        by_width[bar] = trend.trend_of(selection.view)

    assert (end - start) == timedelta(hours=hours)
    assert len(by_width["1 h"]) == hours
    whole = in_sql(engine, start, end)
    for table in by_width.values():
        assert table["tweets"].sum() == whole.tweets
        assert table["scored"].sum() == whole.scored


def test_a_day_of_the_viewer_is_one_bar_also_when_clocks_change(collected, engine):
    noon = datetime(2026, 10, 25, 12, tzinfo=UTC)
    collected([noon + timedelta(hours=step) for step in range(-80, 80)])
    selection = Selection(zone="Europe/Berlin", bar="1 day")
    selection.choose(cuts.midnight(noon - timedelta(days=2), "Europe/Berlin"), noon + timedelta(days=2))
    days = trend.trend_of(selection.view)
    change = days[days["time"] == "2026-10-25"].iloc[0]

    assert change["end"] - change["start"] == timedelta(hours=25)
    assert change["tweets"] == in_sql(engine, change["start"], change["end"]).tweets == 25
