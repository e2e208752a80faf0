"""What is told is told with its chance, its interval and its record; too little is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models import Author, Forecast, ForecastRun, Tweet
from panel_app import forecast
from panel_app.selection import Selection
from tests.panel_app.conftest import PAYLOAD, SECRET, Tags

MONDAY = datetime(2026, 6, 15, tzinfo=UTC)
WEEK, DAY = timedelta(days=7), timedelta(days=1)


def run_row(subject="people", **fields):
    card = {
        "forecasts": 9,
        "recall_at_5": {"shown": 0.6, "persistence": 0.4},
        "error": {"shown": 3.21},
        "coverage": 0.8,
    }
    known = {"keyword_id": 1, "subject": subject, "origin": MONDAY, "ahead": 4, "history": 20, "backtest": card}
    return known | {"refused": None} | fields


def row(place=1, **fields):
    known = {"keyword_id": 1, "subject": "people", "origin": MONDAY, "due": MONDAY + 4 * WEEK, "way": "persistence"}
    known |= {"place": place, "author_id": place, "expected": 60.0 - place, "low": 50.0 - place, "high": 70.0 - place}
    return known | {"chance": 0.72, "shown": True, "actual": None, "actual_place": None} | fields


def test_the_next_influencers_have_chance_and_interval_and_it_says_why_persistence(keyword, put, author_row, view):
    keyword()
    put(Author, *(author_row(id) for id in range(1, 11)))
    put(ForecastRun, run_row())
    put(Forecast, *(row(place) for place in range(1, 11)))
    put(Forecast, *(row(place, way="model", shown=False, author_id=77) for place in range(1, 11)))
    told = forecast.people(view())

    assert told.count("72 %") == 10
    assert "User 1 <small>@user1</small>" in told
    assert "59.0</td><td>49.0 to 69.0" in told
    assert "the model has not beaten both others here yet" in told
    assert "4 weeks ahead of what is known, from 20 weeks of history" in told
    assert "unknown" not in told  # whom only the model names


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        (["model", "model"], "Shown is the model, which has beaten"),
        (["model", "persistence"], "on 1 of 2 days"),
        (["persistence"] * 2, "Shown is persistence"),
    ],
)
def test_it_says_which_way_is_shown(ways, said):
    frame = forecast.pd.DataFrame({"way": ways})

    assert said in forecast.why_shown(frame)


def test_the_record_counts_the_first_five_that_came_true(keyword, put, view):
    keyword()
    came = dict.fromkeys(range(1, 11)) | {1: 2, 2: 9, 3: 1, 7: 3}  # place told, place in the end
    rows = [row(place, actual=58.0 if came[place] else 0.0, actual_place=came[place]) for place in range(1, 11)]
    put(ForecastRun, run_row())
    put(Forecast, *rows, *(row(place, origin=MONDAY + WEEK, due=MONDAY + 5 * WEEK) for place in range(1, 11)))
    card = forecast.record(forecast.told_of(view(), "people"))

    assert card["shown"]["forecasts"] == 1
    assert card["shown"]["recall"] == pytest.approx(2 / 5)
    assert card["shown"]["coverage"] == pytest.approx(4 / 10)
    assert card["persistence"] == card["shown"]
    told = forecast.people(view())
    assert "<td>What was shown</td><td>60 %</td><td>3.21</td><td>40 %</td>" in told
    assert "Judged since: n = 1 forecasts" in told


def test_too_little_is_refused_and_nothing_yet_says_when(keyword, put, view):
    keyword()
    assert forecast.NOT_YET in forecast.people(view())

    put(ForecastRun, run_row("tweets"))
    assert forecast.NO_WEEKS in forecast.people(view(version=2))

    put(ForecastRun, run_row(refused="It takes 8 weeks of history; there are 3.", ahead=0, history=3, backtest={}))
    told = forecast.people(view(version=1))
    assert "It takes 8 weeks of history; there are 3." in told
    assert "no further ahead than a third" in told


def test_of_a_sensitive_keyword_no_person_is_told_but_its_tweets_are(keyword, put, author_row, view):
    keyword(sensitive=True)
    put(Author, author_row(1, name=SECRET))
    put(ForecastRun, run_row(), run_row("tweets"))
    put(Forecast, row(), row(subject="tweets", author_id=None, due=MONDAY + DAY))
    quiet = view(sensitive=True)

    assert SECRET not in forecast.people(quiet)
    assert forecast.told_of(quiet, "people").empty
    assert "59" in forecast.evidence(quiet, "tweets")


def test_the_coming_days_are_told_by_the_day_they_are(keyword, put, view):
    keyword()
    put(ForecastRun, run_row("mood", ahead=2))
    some = {"subject": "mood", "author_id": None, "place": 1, "chance": None}
    put(Forecast, row(**some, due=MONDAY + DAY, expected=-0.21, low=-0.4, high=0.02))
    put(Forecast, row(**some, due=MONDAY + 2 * DAY, expected=0.1, low=None, high=None))
    told = forecast.evidence(view(), "mood")

    assert "<td>Mon 15 Jun 2026</td><td>\N{MINUS SIGN}0.21</td><td>\N{MINUS SIGN}0.40 to +0.02</td>" in told
    assert "<td>Tue 16 Jun 2026</td><td>+0.10</td><td>\N{EN DASH}</td>" in told


def test_each_coming_day_is_drawn_in_its_place_and_one_without_an_interval_has_no_bar(keyword, put, view):
    keyword()
    put(ForecastRun, run_row("tweets", ahead=3))
    some = {"subject": "tweets", "author_id": None, "place": 1, "chance": None, "expected": 40.0, "high": 90.0}
    put(Forecast, *(row(**some | {"due": MONDAY + ahead * DAY, "low": 30.0}) for ahead in (1, 3)))
    put(Forecast, row(**some | {"due": MONDAY + 2 * DAY, "low": None, "high": None}))
    drawn = forecast.plot(forecast.newest(forecast.told_of(view(), "tweets")), "tweets")
    rows = drawn.renderers[0].data_source.data

    assert drawn.x_range.factors == list(rows["day"]) == ["Mon 15 Jun", "Tue 16 Jun", "Wed 17 Jun"]
    assert [forecast.np.isnan(low) for low in rows["low"]] == [False, True, False]
    assert drawn.y_range.end > 90


def test_strangers_names_become_no_markup(keyword, put, author_row, view):
    keyword()
    put(Author, author_row(1, name=PAYLOAD, username=PAYLOAD))
    put(ForecastRun, run_row())
    put(Forecast, row())
    tags = Tags(forecast.people(view()))

    assert "img" not in tags.tags
    assert PAYLOAD in tags.text


def test_the_page_is_built_with_and_without_forecasts(keyword, put, tweet_row):
    keyword()
    put(Tweet, tweet_row())
    shown = forecast.page(Selection(hours=24))
    assert forecast.NOT_YET in shown[0].object

    put(ForecastRun, run_row("tweets"))
    put(Forecast, row(subject="tweets", author_id=None, due=MONDAY + DAY))
    assert "Tweets of the coming days" in forecast.page(Selection(hours=24))[1][0].object
