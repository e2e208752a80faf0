"""What leaves the app as CSV: the numbers of the screen, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models import Alert, Author, Forecast, ForecastRun, Influence, Term, Trend, Tweet
from panel_app import sheets
from panel_app.selection import ALL, APART, COMMON, Selection
from tests.panel_app.conftest import NOON, SECRET, minute_row

FORMULA = "=cmd|' /C calc'!A0"
STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def read(rows):
    return list(csv.reader(io.StringIO(sheets.written(rows))))


@given(st.sampled_from(STARTS), st.text())
def test_no_text_begins_as_a_formula(start, rest):
    rows = pd.DataFrame({"=name": [start + rest, rest], "count": [-1, 2]})
    for line in read(rows):
        assert not line[0].startswith(tuple(STARTS))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text[0] not in STARTS))
def test_every_other_text_comes_back_as_it_was(text):
    assert read(pd.DataFrame({"text": [text]}))[1] == [text]


def test_numbers_stay_numbers_and_unknown_is_nothing():
    rows = pd.DataFrame({"mean": [-0.25, None], "followers_count": [1234, None], "name": ["a", None]})

    assert sheets.written(rows).splitlines() == ['"mean","followers_count","name"', '-0.25,1234,"a"', '"","",""']


def test_the_top_influencers_and_the_ids_of_all_that_x_counts(keyword, put, influence_row, author_row, tweet_row):
    keyword("nike")
    put(Author, author_row(7, name=FORMULA), author_row(8))
    put(Tweet, tweet_row(2**60, author_id=7, text="@you &amp; me"), tweet_row(5, author_id=8))
    put(
        Influence,
        influence_row(7, rank=1, score=50.04, sentiment=-0.256, label=-1, top_tweet_id=2**60),
        influence_row(8, rank=1, score=40.0, label=1, top_tweet_id=None, followers_count=None),
    )
    sheet = sheets.sheet("influence-score", Selection())
    second = dict(zip(*read(sheet.rows)[::2], strict=True))

    assert second | {"mood": "negative", "score": "50", "mean sentiment": "-0.26", "tweet_id": str(2**60)} == second
    assert second["name"] == "'=cmd|' /C calc'!A0"
    assert second["tweet"] == "'@you & me"
    assert sheet.objects == 3
    assert read(sheet.ids().rows)[1:] == [["tweet", str(2**60)], ["user", "8"], ["user", "7"]]


def test_tweets_behind_a_word_leave_with_their_authors(keyword, put, author_row, tweet_row):
    keyword("nike")
    put(Author, author_row(1))
    put(Tweet, tweet_row(1, text="late again"), tweet_row(2, text="so late"), tweet_row(3))
    sheet = sheets.tweets_sheet(Selection().view, "late", ALL)

    assert sorted(sheet.rows["text"]) == ["late again", "so late"]
    assert (sheet.tweet_ids, sheet.user_ids, sheet.objects) == (("2", "1"), ("1",), 3)


def lines_of(page):
    """Return the lines of a page's file, by the names of their columns."""
    return list(csv.DictReader(io.StringIO(sheets.written(sheets.sheet(page, Selection(hours=24)).rows))))


def test_what_is_forecast_advised_and_alarming_leaves_with_its_numbers_and_runs_in_no_spreadsheet(
    keyword, put, influence_row, author_row, tweet_row
):
    keyword(FORMULA)
    put(Author, author_row(7, name=FORMULA, username=None, followers_count=9_000))
    put(Tweet, tweet_row(1, author_id=7, text=FORMULA))
    people = {"label": -1, "scored": 3, "sentiment": -0.5, "score": 61.0, "followers_count": 9_000}
    put(Influence, influence_row(7, rank=1, **people))
    put(ForecastRun, {"keyword_id": 1, "subject": "people", "origin": NOON, "ahead": 4, "history": 20})
    told = {"keyword_id": 1, "subject": "people", "origin": NOON, "due": NOON, "way": "model", "place": 1}
    put(Forecast, told | {"author_id": 7, "expected": 61.26, "low": 50.0, "high": None, "chance": 0.72, "shown": True})
    numbers = {"volume": {"tweets": 339.0, "usual": 114.5, "score": 2.94, "threshold": 5.25}, "severity": 9.0}
    now = datetime.now(UTC)
    put(Alert, {"keyword_id": 1, "at": now, "episode": now, "level": "watch", "numbers": numbers})
    [coming], [todo], [alarm] = (lines_of(page) for page in ("forecast", "advice", "alerts"))

    assert coming.items() >= {"name": f"'{FORMULA}", "expected": "61.26", "to": "", "author_id": "7"}.items()
    assert coming["chance of the first five, percent"] == "72"
    assert todo["about"] == f"'{FORMULA}"
    assert "9K followers" in todo["why"]
    assert alarm.items() >= {"keyword": f"'{FORMULA}", "level": "watch", "usual": "114.5", "people": ""}.items()
    selection = Selection()
    assert [sheets.sheet(page, selection).user_ids for page in ("forecast", "advice", "alerts")] == [("7",)] * 2 + [()]


def test_emerging_terms_leave_with_the_authors_behind_them(keyword, put, tweet_row):
    keyword("nike")
    now = NOON - timedelta(hours=1)
    days = {now: 60, now - timedelta(days=1): 40}
    rows = [(time, author) for time, authors in days.items() for author in range(authors)]
    put(
        Tweet,
        *(
            tweet_row(id, author_id=author, created_at=time, text="late" if time == now else "fine")
            for id, (time, author) in enumerate(rows, 1)
        ),
    )
    put(Tweet, tweet_row(1000))
    put(Term, {"keyword_id": 1, "hour": now, "label": 0, "term": "late", "tweets": 60})
    [line] = lines_of("topics")

    assert line.items() >= {"term": "late", "new": "new", "authors": "60", "of authors": "60", "times": ""}.items()
    assert (line["authors before or elsewhere"], line["of them"]) == ("0", "40")


@pytest.mark.parametrize("page", sheets.SHEETS)
def test_of_a_sensitive_keyword_no_person_and_no_tweet_leaves(page, keyword, put, influence_row, author_row, tweet_row):
    keyword("nike", sensitive=True)
    put(Author, author_row(1, name=SECRET, username=SECRET))
    put(Tweet, tweet_row(1, text=SECRET, latitude=1.0, longitude=1.0, place=SECRET, place_confidence=1.0))
    put(Influence, influence_row(1, rank=1, top_tweet_id=1, label=-1, scored=2, followers_count=9_000))
    told = {"keyword_id": 1, "subject": "people", "origin": NOON, "due": NOON, "way": "model", "place": 1}
    put(Forecast, told | {"author_id": 1, "expected": 61.0, "shown": True})
    put(Trend, minute_row())
    put(Term, {"keyword_id": 1, "hour": NOON, "label": 1, "term": "late", "tweets": 2})
    selection = Selection()
    gone = [sheets.sheet(page, selection), sheets.tweets_sheet(selection.view, SECRET, ALL)]

    assert [sheet.objects for sheet in gone] == [0, 0]
    assert SECRET not in "".join(sheets.written(sheet.rows) for sheet in gone)


def test_the_bars_of_the_trend_leave_in_the_viewers_time(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    put(Trend, minute_row(label=1, tweets=3, sentiment_sum=1.0, sentiment_square_sum=0.5))
    lines = read(sheets.sheet("hashtag-trend", Selection(hours=24, zone="Asia/Tokyo")).rows)
    last = dict(zip(lines[0], lines[-1], strict=True))

    assert last["from (Asia/Tokyo)"] == "2026-06-19 21:00"
    assert (last["positive"], last["tweets"], last["mean sentiment"]) == ("3", "3", "0.33")
    assert len(lines) == 98


def test_the_words_that_leave_are_those_that_the_clouds_show(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    counts = {("shoe", 1): 300, ("shoe", -1): 487, ("great", 1): 80, ("late", -1): 70, ("rude", -1): 60}
    put(Term, *({"keyword_id": 1, "hour": NOON, "label": m, "term": t, "tweets": n} for (t, m), n in counts.items()))
    sets_apart, commonest = (read(sheets.sheet("word-clouds", Selection(way=way)).rows) for way in (APART, COMMON))

    assert [line[:3] for line in sets_apart] == [
        ["mood", "term", "tweets"],
        ["positive", "great", "80"],
        ["negative", "late", "70"],
        ["negative", "rude", "60"],
    ]
    assert all(float(z) >= 3 for *_, z in sets_apart[1:])
    assert commonest[1:3] == [["positive", "shoe", "300"], ["positive", "great", "80"]]
