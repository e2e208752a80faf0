"""Whatever comes in whatever order: what was forgotten is nowhere, and every number is that of what remains."""

import json

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text

from actors.forget import forget
from actors.lanes import Stretch
from actors.spool import Spool
from actors.terms import terms
from actors.tracker import KeywordTracker
from core import batches
from core.erasure import Gone
from core.models import Base, Influence, Keyword, Tombstone, Tweet
from jobs.extract import extract
from jobs.forget import forget as forget_in_lake

AUTHORS = (901, 902, 903)
ORIGINALS = {id: AUTHORS[id % 3] for id in range(101, 107)}
RETWEETS = {200 + id: id for id in ORIGINALS}
QUOTES = {400 + id: id for id in ORIGINALS}
KEYWORDS = ("nike", "puma")
FROM_SCRATCH = """
SELECT keyword_id, date_trunc('minute', created_at) AS minute, label, count(*), count(DISTINCT author_id),
       sum(coalesce(sentiment, 0)::numeric), sum(coalesce(sentiment, 0)::numeric ^ 2)
FROM tweet WHERE matched GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
TREND = """
SELECT keyword_id, minute, label, tweets, voices, sentiment_sum, sentiment_square_sum FROM trend ORDER BY 1, 2, 3
"""


def author_of(id):
    return ORIGINALS.get(id) or (AUTHORS[(id + 1) % 3])


def tweet(id):
    carried = RETWEETS.get(id) or QUOTES.get(id)
    mood = "good" if id // 2 % 2 else "bad"
    said = f"marked{carried}text" if id in RETWEETS else f"marked{id}text so {mood} #tag{id % 4}"
    kind = "retweeted" if id in RETWEETS else "quoted"
    return {
        "id": str(id),
        "author_id": str(author_of(id)),
        "text": said,
        "lang": "en",
        "created_at": f"2026-06-19T12:0{id % 2}:00Z",
        **({"referenced_tweets": [{"type": kind, "id": str(carried)}]} if carried else {}),
    }


def payload(id):
    """A stream message, of one keyword or of both; every third one is a page of a search."""
    carried = [tweet(one) for one in (RETWEETS.get(id) or QUOTES.get(id),) if one]
    people = {one["author_id"] for one in (tweet(id), *carried)}
    users = [{"id": one, "username": f"person{one}x", "name": f"person{one}x"} for one in sorted(people)]
    rules = [{"id": "1", "tag": f"tt:{name}"} for name in KEYWORDS[: 1 + id % 2]]
    data = [tweet(id), tweet(101)] if id % 3 == 0 else tweet(id)
    return json.dumps({"data": data, "includes": {"users": users, "tweets": carried}, "matching_rules": rules}).encode()


class World:
    """Everything that holds tweets, and what happened to it."""

    def __init__(self, engine, tracker, tracked, folder):
        self.engine, self.tracker, self.tracked, self.lake = engine, tracker, tracked, folder / "lake"
        self.spool, self.taken = Spool(folder / "spool.sqlite"), 0
        self.gone = Gone()
        with engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                if table.name != "keyword":
                    connection.execute(delete(table))

    def arrive(self, id):
        self.spool.append([payload(id)])

    def commit(self, _):
        stretch = self.spool.read(self.taken, 100)
        if stretch:
            self.taken = stretch[-1][0]
            of = [Stretch(id, name, name, self.spool.name, self.taken, stretch) for name, id in self.tracked.items()]
            self.tracker.add(of)
            self.spool.acknowledge(self.taken)

    def bury(self, id):
        with self.engine.connect() as connection:
            position = connection.execute(text("SELECT count(*) FROM dead_letter")).scalar_one() + id * 1000
        dead = {"spool": "old", "position": position, "reason": "refused", "detail": "why", "payload": payload(id)}
        if not marks_in(payload(id).decode(), self.gone):
            batches.save_dead(self.engine, [dead])

    def rank(self, id):
        row = {column.key: None for column in Influence.__table__.columns} | {
            "keyword_id": 1, "window_end": "2026-06-19T12:15Z", "author_id": author_of(id), "score": 1.0, "reach": 1.0,
            "resonance": 0.0, "tweets": 1, "scored": 0, "top_tweet_id": id,
        }  # fmt: skip
        with self.engine.begin() as connection:
            known = connection.execute(select(Tweet.id).where(Tweet.keyword_id == 1, Tweet.id == id)).first()
            if known:
                connection.execute(text("DELETE FROM influence"))
                connection.execute(insert(Influence), [row])

    def extract(self, _):
        extract(self.engine, self.lake)

    def forget_tweet(self, id):
        self.forget(Gone(frozenset([id])))

    def forget_author(self, id):
        self.forget(Gone(authors=frozenset([author_of(id)])))

    def forget(self, gone):
        forget(self.engine, [self.spool], gone, "asked")
        self.gone = Gone(self.gone.tweets | gone.tweets, self.gone.authors | gone.authors)
        assert not [mark for _, body in self.spool.read(0, 1000) for mark in marks_in(body.decode(), gone)]


def marks_in(told, gone):
    """What can be found in a text of all that is gone."""
    tweets = gone.tweets | {id for id in (*ORIGINALS, *RETWEETS, *QUOTES) if author_of(id) in gone.authors}
    marks = {f"marked{id}text" for id in tweets - RETWEETS.keys()} | {f"person{id}x" for id in gone.authors}
    return [mark for mark in sorted(marks) if mark in told]


def everything(engine):
    """The text of every row of every table."""
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                yield (
                    table.name,
                    " ".join(bytes(v).decode() if isinstance(v, memoryview | bytes) else str(v) for v in row.values()),
                )


def words_from_scratch(engine):
    asked = select(Tweet, Keyword.name).join(Keyword, Keyword.id == Tweet.keyword_id).where(Tweet.kind != "retweet")
    counted = {}
    with engine.connect() as connection:
        for row in connection.execute(asked):
            for word in terms(row.text, row.lang, row.name):
                key = (row.keyword_id, row.created_at.replace(minute=0, second=0), row.label, word)
                counted[key] = counted.get(key, 0) + 1
    return counted


def numbers(row):
    return tuple(float(value) if hasattr(value, "as_tuple") else value for value in row)


STEPS = ("arrive", "arrive", "arrive", "commit", "bury", "rank", "extract", "forget_tweet", "forget_author")
ids = st.sampled_from([*ORIGINALS, *RETWEETS, *QUOTES])


@pytest.fixture
def tracked(keyword):
    return {name: keyword(name) for name in KEYWORDS}


@pytest.fixture
def tracker(engine):
    return KeywordTracker(engine.url.render_as_string(hide_password=False))


@given(st.lists(st.tuples(st.sampled_from(STEPS), ids), min_size=5, max_size=30))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_forgotten_is_nowhere_and_all_counts_are_those_of_what_remains(
    engine, tracker, tracked, tmp_path_factory, steps
):
    world = World(engine, tracker, tracked, tmp_path_factory.mktemp("world"))
    for step, id in steps:
        getattr(world, step)(id)
    world.commit(None)
    extract(engine, world.lake)
    forget_in_lake(engine, world.lake)

    found = [(name, mark) for name, told in everything(engine) for mark in marks_in(told, world.gone)]
    assert found == []
    with engine.connect() as connection:
        buried = set(connection.execute(select(Tombstone.id).where(Tombstone.kind == "tweet")).scalars())
        kept = set(connection.execute(select(Tweet.id)).scalars())
        tops = set(connection.execute(select(Influence.top_tweet_id)).scalars())
        assert not kept & (buried | world.gone.tweets)
        assert not tops & buried
        assert list(map(numbers, connection.execute(text(TREND)))) == list(
            map(numbers, connection.execute(text(FROM_SCRATCH)))
        )
        counted = {
            tuple(row)[:4]: row.tweets
            for row in connection.execute(text("SELECT keyword_id, hour, label, term, tweets FROM term"))
        }
    assert counted == words_from_scratch(engine)
    in_lake = {id for file in (world.lake / "tweet").rglob("*.parquet") for id in pq.read_table(file)["id"].to_pylist()}
    assert in_lake == kept
    world.spool.close()
