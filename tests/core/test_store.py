from datetime import timedelta

import pytest
from sqlalchemy import select

from core import batches, store
from core.models import Gap, Keyword, Tweet
from core.syntax import QueryError
from tests.conftest import NOON


def rows(engine, statement):
    with engine.connect() as connection:
        return connection.execute(statement).all()


def test_a_keyword_added_again_keeps_its_id_and_takes_the_new_query(engine):
    first = store.add_keyword(engine, " Father's Day ")
    again = store.add_keyword(engine, "Father's Day", query="#fathersday", language="en")

    assert first == again
    assert rows(engine, select(Keyword.name, Keyword.query, Keyword.language)) == [
        ("Father's Day", "#fathersday", "en")
    ]


def test_a_name_with_spaces_is_asked_for_as_a_phrase(engine):
    store.add_keyword(engine, "friday feeling")
    store.add_keyword(engine, "#nike")

    assert rows(engine, select(Keyword.query).order_by(Keyword.id)) == [('"friday feeling"',), ("#nike",)]


def test_a_name_that_is_no_single_word_becomes_a_phrase(engine):
    for name in ("BP", "AT&T", "nike"):
        store.add_keyword(engine, name)

    assert rows(engine, select(Keyword.query).order_by(Keyword.id)) == [('"BP"',), ('"AT&T"',), ("nike",)]


def test_a_query_that_x_would_refuse_is_not_saved(engine):
    for wrong in ({"query": "nike OR"}, {"query": "x" * 990}, {"language": "english"}):
        with pytest.raises((QueryError, store.KeywordError)):
            store.add_keyword(engine, "nike", **wrong)

    assert rows(engine, select(Keyword.query)) == []


def test_why_x_refuses_a_keyword_stands_at_it_until_x_takes_it(engine):
    for name in ("nike", "puma"):
        store.add_keyword(engine, name)
    told = []
    for refused in ({"puma": "too long"}, {"nike": "x"}, {}):
        store.refuse_keywords(engine, refused)
        told.append(dict(rows(engine, select(Keyword.name, Keyword.refused))))
    store.refuse_keywords(engine, {"nike": "x"})
    store.add_keyword(engine, "nike")

    assert told == [{"nike": None, "puma": "too long"}, {"nike": "x", "puma": None}, {"nike": None, "puma": None}]
    assert rows(engine, select(Keyword.refused).where(Keyword.refused.is_not(None))) == []


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", 'say "hi"'])
def test_a_keyword_that_x_could_not_be_asked_for_is_refused(engine, name):
    with pytest.raises(store.KeywordError):
        store.add_keyword(engine, name)


def test_a_removed_keyword_is_no_longer_active_and_its_tweets_stay(engine, keyword, tweet_row):
    batches.save_batch(engine, batches.Batch(keyword(), "s", "nike", 1, [{"terms": [], **tweet_row()}]))
    store.remove_keyword(engine, "nike")

    assert rows(engine, select(Keyword.active)) == [(False,)]
    assert len(rows(engine, select(Tweet.id))) == 1
    with pytest.raises(store.KeywordError):
        store.remove_keyword(engine, "nike")


def test_a_gap_is_open_until_the_stream_listens_again(engine):
    store.open_gap(engine, NOON, "network")
    store.close_gaps(engine, NOON + timedelta(minutes=2))

    assert rows(engine, select(Gap.reason, Gap.ended_at)) == [("network", NOON + timedelta(minutes=2))]
