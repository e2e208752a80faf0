"""The figures against the range before."""

from __future__ import annotations

from datetime import timedelta

from core.batches import Batch, save_batch
from core.models import Author, Influence, Tweet
from panel_app import data, overview
from panel_app.selection import Selection


def test_figures_stand_beside_those_of_the_range_before(keyword, engine, door, tweet_row):
    keyword("nike")
    newest = tweet_row()["created_at"]
    tweets = (
        tweet_row(1, sentiment=0.5, label=1),
        tweet_row(2, author_id=2, sentiment=0.1, label=1),
        tweet_row(3, created_at=newest - timedelta(hours=30), sentiment=-0.1, label=-1),
    )
    save_batch(engine, Batch(1, "s", "nike", 3, [{**one, "terms": []} for one in tweets]))
    door.watch().look()
    shown = overview.figures(Selection(hours=24).view)

    assert "+100 % against the 24 h before" in shown
    assert "+0.30 <small>(n = 2)</small>" in shown
    assert "+0.40 against the 24 h before" in shown


def test_nothing_before_is_said_and_not_divided_by():
    assert overview.change(5, 0, "3 days") == "none in the 3 days before"


def test_a_range_without_tweets_says_what_to_do(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))
    selection = Selection()
    selection.choose(selection.view.start - timedelta(days=9), selection.view.start - timedelta(days=8))

    assert "No tweet about nike in this range" in overview.figures(selection.view)


def test_the_most_influential_stand_by_mood_or_it_says_why_nobody_does(
    keyword, put, tweet_row, author_row, influence_row
):
    keyword("nike")
    put(Tweet, tweet_row(1))
    assert "No influence scores yet" in overview.voices(Selection().view)

    put(Author, author_row(1, name="<b>"))
    put(Influence, influence_row(1, rank=1))
    data.forget()
    shown = overview.voices(Selection().view)
    assert shown.count("<li") == 1
    assert "&lt;b&gt;" in shown
    assert "<b>50.0</b>" in shown


def test_nobody_is_named_of_a_sensitive_keyword(keyword, put, tweet_row, author_row, influence_row):
    keyword("nike", sensitive=True)
    put(Author, author_row(1, name="Ann"))
    put(Tweet, tweet_row(1))
    put(Influence, influence_row(1, rank=1))

    assert "Ann" not in overview.voices(Selection().view)
