"""All voices together: an upper bound that says so, moods, and how new the scores are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.models import Audience, Influence, InfluenceRun, Tweet
from panel_app import audience
from panel_app.selection import Selection
from tests.conftest import NOON
from tests.panel_app.conftest import Tags

HOUR = timedelta(hours=1)
REACHED = {"keyword_id": 1, "window_end": NOON, "tweets": 9, "voices": 978, "known": 978, "followers_count": 1_234_567}
RUN = {"window_end": NOON, "window_start": NOON - 72 * HOUR, "state": "done", "started_at": NOON, "finished_at": NOON}


@pytest.fixture
def told(put, keyword, tweet_row):
    """Return what is told of a keyword whose newest tweet was written at a time."""

    def tell(newest=NOON, sensitive=False, runs=(RUN,), people=(), **fields):
        keyword("nike", sensitive=sensitive)
        put(Tweet, tweet_row(1, created_at=newest))
        put(Audience, REACHED | fields)
        for run in runs:
            put(InfluenceRun, run)
        for person in people:
            put(Influence, person)
        return Tags(audience.totals(Selection().view)).text

    return tell


def test_the_audience_is_an_upper_bound_and_says_why(told):
    text = told()

    assert "up to 1.23M" in text
    assert "followers of all 978 voices; people who follow several are counted more than once" in text


def test_voices_whose_followers_are_unknown_are_told(told):
    assert "of the 900 of 978 voices whose number is known" in told(known=900)


def test_an_audience_of_which_nothing_is_known_is_not_nought(told):
    assert "up to" not in told(known=0, followers_count=None).split("whatever")[0].split("Voices")[0]


def test_the_voices_are_counted_by_mood_and_unscored_is_no_mood(told, influence_row):
    labels = (1, 1, -1, None)
    text = told(people=[influence_row(id, label=label) for id, label in enumerate(labels)])

    for part in ("978", "Positive 2", "Neutral 0", "Negative 1", "not scored 1"):
        assert part in text


def test_a_sensitive_keyword_has_totals(told):
    assert "up to 1.23M" in told(sensitive=True)


def test_the_scores_say_which_hours_they_are_of(told):
    text = told()

    assert "72 hours" in text
    assert "up to 19 Jun 2026, 12:00 (UTC)" in text
    assert "behind" not in text


def test_scores_behind_the_newest_tweet_say_what_to_do(told):
    assert "They are 3 h behind the newest tweet: is talker up running?" in told(newest=NOON + 3 * HOUR)


@pytest.mark.parametrize(("state", "said"), [("failed", "could not be computed"), ("running", "are being computed")])
def test_a_newer_run_that_is_not_done_says_how_it_is(told, state, said):
    newer = RUN | {"window_end": NOON + HOUR, "state": state, "started_at": NOON + HOUR, "finished_at": None}

    assert f"Those up to 19 Jun 2026, 13:00 {said}" in told(runs=(RUN, newer))


def test_without_scores_nothing_is_told(put, keyword, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))

    assert audience.totals(Selection().view) == ""
