"""What is forgotten leaves the payloads, whatever their form, and the spool, without disturbing what stays."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from actors import parse
from actors.forget import cleaned, forget, written_until
from actors.spool import Spool
from core import batches
from core.erasure import FOR_EVER, Gone
from core.models import DeadLetter, Tweet
from tests.conftest import NOON


def user(id):
    return {"id": str(id), "username": f"user{id}", "name": f"User {id}"}


def tweet(id, author=7, text="hello", **fields):
    return {"id": str(id), "author_id": str(author), "text": text, **fields}


def referring(kind, to):
    return {"referenced_tweets": [{"type": kind, "id": str(to)}]}


def message(data, *carried, users=()):
    includes = {"tweets": list(carried), "users": [user(one) for one in users]}
    return {"data": data, "includes": includes, "matching_rules": [{"id": "1", "tag": "tt:nike"}]}


def clean(document, **gone):
    ids = {name: frozenset(value) if name != "upto" else value for name, value in gone.items()}
    left = cleaned(json.dumps(document).encode(), Gone(**ids))
    return left and json.loads(left)


def test_a_payload_that_is_about_something_else_stays_byte_for_byte():
    payload = b'{ "data" : {"id":"12","author_id":"7","text":"see https://x.com/i/3 and 0012"} }\r\n'

    assert cleaned(payload, Gone(frozenset([3, 4, 120]), frozenset([8]))) is payload


@pytest.mark.parametrize(
    "document",
    [
        message(tweet(1), users=[7]),
        message(tweet(2, author=8, **referring("retweeted", 1)), tweet(1), users=[8, 7]),
        message(tweet(2, author=8, referenced_posts=[{"type": "retweeted", "id": "1"}])),
        {"data": [tweet(1)], "meta": {"result_count": 1}},
        {"id": 1, "text": "hello", "user": {"id": 7, "screen_name": "a"}},
        {"id": 2, "text": "RT", "user": {"id": 8}, "retweeted_status": {"id": 1, "text": "hello", "user": {"id": 7}}},
    ],
)
def test_nothing_is_left_of_a_gone_tweet_or_a_retweet_of_it(document):
    assert clean(document, tweets=[1]) is None


def test_a_quote_stays_without_what_it_quotes():
    quote = tweet(2, author=8, **referring("quoted", 1))

    assert clean(message(quote, tweet(1, text="secret"), users=[8]), tweets=[1]) == message(quote, users=[8])


def test_a_quote_in_the_old_form_stays_without_what_it_quotes():
    quote = {"id": 2, "text": "look", "user": {"id": 8}, "quoted_status_id": 1}
    quoted = {"id": 1, "text": "secret", "user": {"id": 7}}

    assert clean(quote | {"quoted_status": quoted}, tweets=[1]) == quote


def test_of_a_page_the_others_stay():
    page = {"data": [tweet(1), tweet(2), tweet(3, author=9)], "meta": {"result_count": 3}}

    assert clean(page, tweets=[1], authors=[9]) == {"data": [tweet(2)], "meta": {"result_count": 3}}


def test_an_author_goes_with_the_profile_the_tweets_and_the_retweets_of_them():
    theirs, other = tweet(1), tweet(3, author=8, entities={"mentions": [{"start": 0, "end": 5, **user(7)}]})
    assert clean(message(theirs, users=[7]), authors=[7]) is None
    assert clean(message(tweet(2, author=8, **referring("retweeted", 1)), theirs), authors=[7]) is None
    assert clean(message(other, theirs, users=[7, 8]), authors=[7]) == message(other, users=[8])


def test_of_an_author_who_is_there_again_only_what_is_older_goes():
    assert clean(message(tweet(10), users=[7]), authors=[7], upto=10) is None
    new = message(tweet(11), users=[7])
    assert clean(new, authors=[7], upto=10) == new


def test_x_s_word_that_a_tweet_was_deleted_stays_until_it_is_heeded():
    event = {"data": {"delete": {"tweet": {"id": "1", "author_id": "7"}, "event_at": "2026-06-19T12:00:00Z"}}}

    assert clean(event, tweets=[1], authors=[7]) == event


def test_what_is_not_json_goes_if_it_names_what_is_gone():
    assert cleaned(b'{"data": {"id": "1", "text": "cut sh', Gone(frozenset([1]))) is None
    assert cleaned(b'{"data": {"id": "2", "text": "cut sh', Gone(frozenset([1]))) is not None


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | st.sampled_from(["1", "7", 1, 7]),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["id", "text", "data", "user", "author_id", "referenced_tweets", "type"]), inner
            )
        ),
    )
)
def test_whatever_the_document_it_never_fails_and_a_second_cleaning_changes_nothing(document):
    gone = Gone(frozenset([1]), frozenset([7]))
    left = cleaned(json.dumps(document).encode(), gone)

    assert left is None or cleaned(left, gone) == left
    assert 1 not in {one.tweet["id"] for one in parse.messages(left or b"")[0]}


def test_the_highest_id_of_a_moment_is_below_those_of_later_ones():
    at = datetime(2026, 6, 19, 12, 0, 0, 250_000, tzinfo=UTC)
    born = parse._born(written_until(at))

    assert born == at
    assert parse._born(written_until(at) + 1) > at


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    yield spool
    spool.close()


def bodies(spool):
    return dict(spool.read(0, 1000))


def test_payloads_in_the_spool_keep_their_positions(engine, spool):
    lines = [json.dumps(message(tweet(id, text=f"text {id}"))).encode() for id in (1, 2, 3)]
    spool.append(lines)
    forget(engine, [spool], Gone(frozenset([2])), "asked")

    assert bodies(spool) == {1: lines[0], 2: b"", 3: lines[2]}


def test_nothing_of_it_is_left_in_the_spool_s_file(engine, spool, tmp_path):
    spool.append([json.dumps(message(tweet(1, text="a canary sings"))).encode()])
    forget(engine, [spool], Gone(frozenset([1])), "asked")

    assert all(b"canary" not in file.read_bytes() for file in tmp_path.glob("spool.sqlite*"))


def test_more_ids_than_one_transaction_takes_are_all_forgotten(engine, keyword, spool, tweet_row, monkeypatch):
    monkeypatch.setattr("actors.forget.AT_ONCE", 2)
    keyword()
    batches.save_batch(engine, batches.Batch(1, "s", "nike", 1, [{**tweet_row(id), "terms": []} for id in range(1, 8)]))
    told = forget(engine, [spool], Gone(frozenset(range(1, 6)), frozenset([70, 71, 72])), "asked")

    with engine.connect() as connection:
        assert connection.execute(select(Tweet.id).order_by(Tweet.id)).scalars().all() == [6, 7]
    assert told == {"tweets": 5, "authors": 3}


def test_a_dead_letter_is_cleaned_as_a_payload_is(engine, spool):
    page = json.dumps({"data": [tweet(1, text="secret"), tweet(2)]}).encode()
    row = {"spool": "s", "position": 1, "reason": "refused", "detail": "why", "payload": page}
    batches.save_dead(engine, [row, row | {"position": 2, "payload": b"broken 1"}])
    forget(engine, [spool], Gone(frozenset([1])), "asked")

    with engine.connect() as connection:
        kept = connection.execute(select(DeadLetter.payload)).scalars().all()
    assert [json.loads(one) for one in kept] == [{"data": [tweet(2)]}]


def test_for_ever_is_above_every_id():
    assert written_until(NOON.replace(year=2080)) < FOR_EVER
