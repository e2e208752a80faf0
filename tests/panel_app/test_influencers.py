"""The influencers: their cards, and when nobody is shown."""

from __future__ import annotations

from datetime import timedelta

from panel_material_ui.template.base import Page

from core.models import Author, Influence, InfluenceRun, Tweet
from panel_app import influencers
from panel_app.selection import Selection
from tests.conftest import NOON

RUN = {
    "window_end": NOON,
    "window_start": NOON - timedelta(hours=72),
    "state": "done",
    "started_at": NOON,
    "finished_at": NOON,
}


def people(put, keyword, author_row, tweet_row, influence_row, **fields):
    keyword("nike", **fields)
    put(Author, author_row(1, name="Ann", followers_count=1234), author_row(2, name="Bob"))
    put(Tweet, tweet_row(7, text="mine"), tweet_row(8, author_id=2))
    scores = {"reach": 30.0, "resonance": 12.5, "score": 42.5, "followers_count": 1234, "top_tweet_id": 7}
    put(Influence, influence_row(1, **scores), influence_row(2, label=-1, sentiment=None, scored=0))
    return Selection()


def test_a_card_holds_the_score_its_parts_the_figures_and_the_tweet(put, keyword, author_row, tweet_row, influence_row):
    selection = people(put, keyword, author_row, tweet_row, influence_row)
    shown = influencers.page(selection)[0].object

    for part in ("Ann", "@user1", "42.5", "Reach 30.0 + Resonance 12.5", "1.23K", "mine", "+0.50 <small>(n = 1)"):
        assert part in shown
    assert "not scored" in shown  # Bob's mean


def test_the_scores_say_which_hours_they_are_of(put, keyword, author_row, tweet_row, influence_row):
    put(InfluenceRun, RUN)
    selection = people(put, keyword, author_row, tweet_row, influence_row)

    assert "Scores 0 to 100 of the 72 hours up to 19 Jun 2026, 12:00" in influencers.page(selection)[0].object


def test_the_plot_places_everyone_by_reach_and_resonance(put, keyword, author_row, tweet_row, influence_row):
    selection = people(put, keyword, author_row, tweet_row, influence_row)
    positive, neutral, negative, _ranks = influencers.plot(influencers.top(selection.view)).values()

    assert [len(points) for points in (positive, neutral, negative)] == [1, 0, 1]
    assert positive.dframe()[["reach", "resonance"]].values.tolist() == [[30.0, 12.5]]


def test_a_sensitive_keyword_shows_no_people(put, keyword, author_row, tweet_row, influence_row):
    selection = people(put, keyword, author_row, tweet_row, influence_row, sensitive=True)

    assert "Ann" not in influencers.leaders(selection.view)
    assert not influencers.shows_people(selection.view)


def test_without_scores_the_page_says_how_to_get_them(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))

    assert "talker influence run" in influencers.leaders(Selection().view)


def test_the_first_scores_may_come_while_somebody_looks(put, keyword, author_row, tweet_row, influence_row):
    keyword("nike")
    put(Tweet, tweet_row(7))
    selection = Selection()
    page = influencers.page(selection)
    Page(main=[page]).get_root()  # a browser has it before there is anything to show

    put(Author, author_row(1, name="Ann"))
    put(Influence, influence_row(1, top_tweet_id=7))
    put(InfluenceRun, RUN)
    selection.refresh()

    assert "Ann" in page[0].object
    assert page[2].visible
