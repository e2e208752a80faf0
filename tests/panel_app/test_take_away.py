"""What people take out of the app: files, within what X allows, and a note of it without content."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from sqlalchemy import func, select, update

from core import accounts
from core.models import Author, Event, Export, Influence, Tweet
from panel_app import take_away
from panel_app.selection import Selection


@pytest.fixture
def shown(keyword, put, influence_row, author_row, tweet_row):
    """A selection of a keyword with one influencer and their tweet."""
    keyword("nike shoes")
    put(Author, author_row(1))
    put(Tweet, tweet_row(1, text="so late"))
    put(Influence, influence_row(1, rank=1, top_tweet_id=1))
    return Selection()


def test_a_file_says_what_it_is_of_and_what_x_still_lets_out(visitor, shown):
    file, said = take_away.taken(visitor(), "influence-score", "csv", shown)

    assert file.name == "nike-shoes-influence-score-20260619-1201.csv"
    assert file.content.startswith(b"\xef\xbb\xbf")
    assert "2 tweets and people; today 498 more" in said


@pytest.mark.parametrize(("ending", "begins"), [("pdf", b"%PDF-"), ("html", b"<!DOCTYPE html>")])
def test_a_report_counts_whom_it_names(visitor, shown, ending, begins):
    file, said = take_away.taken(visitor(), "overview", ending, shown)

    assert file.name == f"nike-shoes-report-20260619-1201.{ending}"
    assert file.content.startswith(begins)
    assert "1 tweets and people; today 499 more" in said


def test_at_500_tweets_and_people_a_day_only_numbers_and_ids_leave(visitor, shown, engine):
    somebody = visitor()
    assert accounts.take_out(engine, somebody.account_id, 499)
    file, said = take_away.taken(somebody, "influence-score", "csv", shown)
    assert file is None
    assert "You have taken 499 today" in said

    assert take_away.taken(somebody, "influence-score", "ids", shown)[0].content.endswith(b'"user","1"\r\n')
    assert take_away.taken(somebody, "overview", "csv", shown)[0]
    assert take_away.taken(visitor("viewer"), "influence-score", "csv", shown)[0]


def test_the_next_day_begins_anew_and_what_was_refused_is_not_counted(visitor, engine):
    id = visitor().account_id
    assert accounts.take_out(engine, id, 400)
    assert not accounts.take_out(engine, id, 101)
    assert not accounts.take_out(engine, id, 501)
    assert accounts.exported(engine, id) == 400
    with engine.begin() as connection:
        connection.execute(update(Export).values(day=func.current_date() - 1))

    assert accounts.take_out(engine, id, 500)


def test_that_something_was_taken_is_noted_without_its_content(visitor, shown, engine):
    shown.word = "late"
    take_away.taken(visitor(), "word-clouds", "tweets", shown)
    with engine.connect() as connection:
        noted = connection.execute(select(Event.kind, Event.detail)).all()

    assert noted == [("export", {"page": "word-clouds", "what": "tweets"})]


def test_whoever_signed_out_meanwhile_takes_nothing(visitor, shown, engine):
    gone = visitor()
    accounts.end_session(engine, gone.session)

    assert take_away.taken(gone, "influence-score", "csv", shown) == (None, take_away.SIGNED_OUT)


def test_nobody_takes_what_no_button_gives(visitor, shown):
    somebody = visitor()
    assert take_away.taken(somebody, "admin", "csv", shown) == (None, take_away.NOTHING)
    assert take_away.taken(somebody, "overview", "passwords", shown) == (None, take_away.NOTHING)


def test_a_link_leads_to_the_page_the_keyword_the_range_and_the_word(shown):
    shown.param.update(word="#a&b", mood=-1)
    query = take_away.about("word-clouds", shown)["query"]

    assert dict(parse_qsl(query)).items() >= {"page": "word-clouds", "keyword": "nike shoes", "word": "#a&b"}.items()


def test_a_chosen_word_is_escaped_on_its_button():
    assert "<img" not in take_away.buttons("word-clouds", "<img src=x>", False)
